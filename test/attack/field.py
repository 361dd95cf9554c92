# SPDX-License-Identifier: BSD-3-Clause
"""
Where attacks take place: one bondfwd with two friendly guests that never stop talking to each other,
a port that listens ("raw"), a port that connects ("cli"), and what must be true after each attack.

One field serves many cases; after one that failed a fresh one is made.
"""

import collections
import contextlib
import json
import os
import re
import socket
import struct

import bf
from attacker import Attacker, Stuck, wait_for
from bf import LIMIT, LOG_SUSPICIOUS, Rig, guest_mac, mac_bytes
from vhost_frontend import RX, Refused

VM1, VM2 = guest_mac(1), guest_mac(2)
ETHERTYPE = b"\x88\xb5"
MACS = {"raw": "52:54:00:99:00:01", "cli": "52:54:00:99:00:02", "door": "52:54:00:99:00:03"}
STREAM = 7
RATE = 500  # frames per second each way
AHEAD = 256  # of each other at most: their rings of 1024 hold it, whoever of them gets no CPU
PROGRESS = 8  # frames that must pass between the neighbours after an attack
PEER_LINE = 60000  # bytes of a command that bf-peer takes
QUEUES = 2  # of the ports that are attacked

# What the attacked guest's misbehaviour may write.  Nothing else may.
LOG_ALLOWED = (
    r"^WARNING: guest_ring_fault: (raw|cli|door): (ring \d+ (is|was) disabled|\d+ more faults )",
    r"^(NOTICE|WARNING): guest_(refused|ended): (raw|cli|door): ",
)
# Mappings that come by themselves: stacks that the C library keeps for later threads (16 for each of the
# three ports, two mappings each), and the allocator's.  Those of files must all be gone.
MAPPINGS_SPARE = 128
LIBRARIES = ("/lib/", "/usr/lib/")  # some are loaded when they are needed first


class Broken(AssertionError):
    """A promise that did not hold; the field is of no use any more."""


def is_called(fd):
    try:
        return os.eventfd_read(fd)
    except BlockingIOError:
        return 0


class Console:
    """bondctl without a process for each command."""

    def __init__(self, path):
        self.path = str(path)

    def run(self, command, as_json=True):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(self.path)
            s.sendall(f"bondctl 1 exec{' json' if as_json else ''}\n{command}\n".encode())
            data = b""
            while piece := s.recv(1 << 16):
                data += piece
                head, newline, text = data.partition(b"\n")
                if newline and len(text) >= int(head.split()[1]):
                    break
        if int(head.split()[0]) != 0:
            raise Broken(f"{command}: {text.decode(errors='replace')}")
        return json.loads(text) if as_json else text.decode()


class Field:
    """See the top of the file."""

    def __init__(self, workdir, idle="poll", packed=True):
        # The wire swallows everything: nothing comes back from it.
        self.rig = Rig(workdir, members=0, vdevs=("net_null0,no-rx=1",), far_peers=False,
                       mode="active-backup", memory=512, log_allowed=LOG_ALLOWED)
        self.cases = 0
        self.is_broken = False
        try:
            self.begin(idle, packed)
        except BaseException:
            self.rig.close()
            raise

    def begin(self, idle, packed):
        self.rig.start()
        self.daemon, self.pid = self.rig.daemon, self.rig.daemon.proc.pid
        self.console = Console(self.daemon.console)
        self.log_at = 0
        wait_for(self.rig.members_settled, what="member in service")
        self.console.run(f"set lcore idle {idle}", as_json=False)
        for name in MACS:
            mode = "client" if name == "cli" else "server"
            self.console.run(f"add guest {name} socket={self.path(name)},mode={mode},"
                             f"queues={QUEUES},mtu=9216,packed={'on' if packed else 'off'}", False)
        for i in (1, 2):
            self.rig.learn(self.rig.vm(i), guest_mac(i))
        self.befriend()
        for name in MACS:  # what is made once is made now
            self.serves_a_good_one(name)
        wait_for(self.is_quiet, what="former guests gone")
        looks = collections.deque(maxlen=10)  # the console's own connection closes later, too
        wait_for(lambda: looks.append(self.open_fds()) or looks.count(looks[0]) == looks.maxlen,
                 what="descriptors steady")
        self.fds, self.mappings, self.threads = self.open_fds(), self.n_mappings(), self.n_threads()
        self.files = self.mapped_files()
        self.check_log()

    def is_quiet(self):
        """Nothing of a former guest is left."""
        first = self.open_fds()
        guests = {g["name"]: g["up"] for g in self.console.run("show guest")}
        return (first == self.open_fds() and "/memfd:guest (deleted)" not in first
                and not self.attackers_memory() and not any(guests[name] for name in MACS))

    def path(self, name):
        return self.rig.workdir / f"{name}.sock"

    # The friends.

    def befriend(self):
        """Both neighbours send to each other for as long as the field lasts."""
        self.sent_before, self.raw_sent = {}, collections.Counter()
        for sender, _, src, dst in self.ways():
            self.sent_before[sender.name] = sender.port()["tx"]
            sender.send(wait=False, stream=STREAM, count=1 << 22, src=src, dst=dst, rate=RATE,
                        ahead=AHEAD)

    def ways(self):
        vm1, vm2 = self.rig.vm(1), self.rig.vm(2)
        return [(vm1, vm2, VM1, VM2), (vm2, vm1, VM2, VM1)]

    def check_friends(self):
        """All that they have sent arrives, once and in order, and more does."""
        for sender, receiver, _, _ in self.ways():
            count = (sender.port()["tx"] - self.raw_sent[sender.name]
                     - self.sent_before[sender.name])
            tally = receiver.await_stream(STREAM, count + PROGRESS, timeout=LIMIT)
            if (tally["distinct"] < count + PROGRESS or tally["missing"] or tally["reordered"]
                    or tally["duplicates"] or tally["corrupt"]):
                raise Broken(f"frames of {sender.name} at {receiver.name}: of {count}: {tally}\n"
                             f"{self.console.run('show drops', as_json=False)}\n"
                             f"{self.console.run('show fdb', as_json=False)}")

    # Frames to and from an attacked port, by a neighbour.

    def frame(self, number, src, dst, length=60):
        head = mac_bytes(dst) + mac_bytes(src) + ETHERTYPE + struct.pack("!I", number)
        return head + bytes((number + i) % 256 for i in range(length - len(head)))

    def poke(self, name, count=4, length=60, first=0):
        """Frames from a neighbour to an attacked port."""
        frames = [self.frame(first + i, VM1, MACS[name], length) for i in range(count)]
        at_a_time = max(1, PEER_LINE // (2 * length + 1))
        for i in range(0, count, at_a_time):
            text = ",".join(f.hex() for f in frames[i:i + at_a_time])
            self.rig.vm(1).cmd("raw", port=0, hex=text)
        self.raw_sent["vm1"] += count
        return frames

    def listen(self, count=64):
        self.rig.vm(1).capture(count, match="other")

    def heard(self, name):
        """Frames from an attacked port that the neighbour has got since listen()."""
        return [f for f in self.rig.vm(1).captured() if f[6:12] == mac_bytes(MACS[name])]

    def works(self, client, name):
        """Frames go both ways through a device that is up."""
        self.listen()
        sent = [self.frame(n, MACS[name], VM1, 60 + 97 * n) for n in range(4)]
        for data in sent:
            client.send(data)
        wait_for(lambda: self.heard(name)[-4:] == sent, what=f"frames from {name}")
        client.received()
        client.post()
        self.to_guest(client, name)

    def to_guest(self, client, name):
        got, sent = [], self.poke(name, first=100)

        def arrived():
            # Frames of a poke before have lower numbers, and may be late, where the neighbour got no CPU.
            got.extend(f for f in client.received() if f[12:14] == ETHERTYPE and f[6:12] == mac_bytes(VM1) and
                       int.from_bytes(f[14:18], "big") >= 100)
            return len(got) >= 4
        wait_for(arrived, what=f"frames to {name}")
        assert [f[:60] for f in got] == sent

    def serves_a_good_one(self, name, called=False, **options):
        """A front end as it should be finds a port that works; called: and that interrupts it."""
        with contextlib.closing(Attacker(self.path(name), server=name != "cli", **options)) as good:
            good.start()
            self.works(good, name)
            if called:
                wait_for(lambda: is_called(good.call[RX]), what=f"an interrupt of {name}")

    # What is true after each case.

    @contextlib.contextmanager
    def attack(self, *names):
        """An attack on these ports and the look around after it, also when it went otherwise."""
        failure = None
        try:
            yield
        except (AssertionError, OSError, Refused, Stuck) as error:
            failure = error
        self.check(names)
        if failure is not None:
            raise failure

    def check(self, names=("raw",)):
        self.cases += 1
        try:
            self.check_alive()
            self.check_friends()
            for name in names:
                self.serves_a_good_one(name)
            self.check_nothing_is_left()
            self.check_books()
            self.check_alive()
            self.check_log()
        except BaseException:
            self.is_broken = True
            raise

    def check_alive(self):
        if self.daemon.proc.poll() is not None:
            raise Broken(f"bondfwd has ended, status {self.daemon.proc.returncode}:\n"
                         f"{self.daemon.log_text()[-3000:]}")

    def check_log(self):
        """No line but those that the attacked guest is allowed to cause."""
        for line in self.new_lines():
            if LOG_SUSPICIOUS.search(line) and not any(
                    re.search(p, line) for p in (*bf.LOG_ALLOWED, *LOG_ALLOWED)):
                raise Broken(f"log: {line}")

    def new_lines(self):
        text = self.daemon.log.read_bytes()
        end = text.rfind(b"\n") + 1
        new, self.log_at = text[self.log_at:end], end
        return new.decode(errors="replace").splitlines()

    def faults(self, name="raw"):
        """Of which rings bondfwd has said since the start that they are left alone, and why."""
        pattern = (rf"^WARNING: guest_ring_fault: {name}: ring (\d+) (?:is|was) disabled until "
                   r"(?:the driver resets it|it was reset):? ?(.*)$")
        return [(int(ring), why) for ring, why in
                re.findall(pattern, self.daemon.log_text(), re.MULTILINE)]

    def fault_of(self, name, ring):
        """Why a ring is left alone; None: it is not."""
        rings = self.console.run(f"show guest {name}")[0]["rings"]
        return next((r.get("fault") for r in rings if r["ring"] == ring), None)

    def open_fds(self):
        """Open descriptors of bondfwd by what they are."""
        found = collections.Counter()
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                found[re.sub(r"\d{3,}", "N", os.readlink(f"/proc/{self.pid}/fd/{fd}"))] += 1
        return found

    def n_mappings(self):
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as maps:
            return sum(1 for _ in maps)

    def n_threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def mapped_files(self):
        """(name, inode)"""
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as maps:
            lines = [line.split(maxsplit=5) for line in maps]
        return {(line[5].strip(), line[4]) for line in lines
                if line[4] != "0" and not line[5].startswith(LIBRARIES)}

    def attackers_memory(self):
        return [name for name, _ in self.mapped_files() if re.match(r"/memfd:(guest|attack)", name)]

    def files_left(self):
        """Files that are mapped and were not at the beginning."""
        return self.mapped_files() - self.files

    def check_nothing_is_left(self, timeout=LIMIT):
        """Descriptors, mappings and threads are those of the beginning."""
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: self.open_fds() == self.fds and not self.files_left()
                     and self.n_threads() <= self.threads, timeout)
        more, less = self.open_fds() - self.fds, self.fds - self.open_fds()
        if more or less:
            raise Broken(f"descriptors: more {dict(more)}, less {dict(less)}")
        if self.files_left():
            raise Broken(f"files that are still mapped: {sorted(self.files_left())[:4]}")
        if self.n_mappings() > self.mappings + MAPPINGS_SPARE:
            raise Broken(f"mappings: {self.mappings}, then {self.n_mappings()}")
        if self.n_threads() > self.threads:
            raise Broken(f"threads: {self.threads}, then {self.n_threads()}")

    def check_books(self):
        """The ledger balances and every buffer is at home, at one moment of the friends' talk."""
        last = {}

        def balanced():
            last["ledger"] = self.console.run("show drops")["ledger"]
            return last["ledger"]["in_flight"] == 0

        def at_home():
            last["pools"] = self.console.run("show mempool")
            return all(p["avail"] == p["size"] for p in last["pools"])
        with contextlib.suppress(TimeoutError):
            wait_for(balanced)
            wait_for(at_home)
            return
        raise Broken(f"books: {last}")

    def close(self):
        """The end: bondfwd stops as it should, unless it is past that."""
        try:
            if not self.is_broken and self.daemon.proc.poll() is None:
                self.check_log()
                self.daemon.stop()
                assert self.daemon.status == 0, self.daemon.log_text()[-3000:]
                self.check_log()
        finally:
            self.rig.close()
            self.daemon.remove_runtime()
