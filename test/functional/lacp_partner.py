# SPDX-License-Identifier: BSD-3-Clause
"""What stands at the far end of LACP members: cables, Open vSwitch, a scripted partner, ears.

Everything lives in a network namespace that the test makes for itself and that ends with it, so
names never collide and nothing remains.  Two kinds of cable:

  tap      member net_tapN, kernel end mN.  `ip link set mN down` is a pulled cable.
  bridged  member af_packet on mN -- bridge sN -- wN.  The bridge can swallow LACPDUs in both
           directions while every link stays up: the partner is silent.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from bf import FAR_MAC, LIMIT, guest_mac, mac_bytes, wait_for

SLOW_TYPE = 0x8809
SLOW_MAC = "01:80:c2:00:00:02"
ACTIVITY, FAST, AGGREGATABLE, SYNC, COLLECTING, DISTRIBUTING, DEFAULTED, EXPIRED = (
    1 << i for i in range(8))
FORWARDING = SYNC | COLLECTING | DISTRIBUTING
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
OVS_PROGRAMS = ("ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-appctl")

LOG_LACP = [r"^WARNING: (not-distributing|fallback|loop|churn|rate-limit): ",
            r"^WARNING: member_down: ", r"^WARNING: active_member: ",
            r"^WARNING: link_interrupt_missing: net_tap\d: ",  # that driver sends none
            r"^tap_|^eth_dev_tap_create|^qdisc_create|^tun_alloc|^nl_recv",
            # net_af_packet has no such operation; it hears everything by promiscuity.
            r"^bond_\w+\(\d+\) - [Ff]ailed to enable allmulti mode"]


# ---- a network of the test's own ----

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def run(command, **options):
    """Run a command line that must succeed; its output."""
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: status {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


@contextlib.contextmanager
def private_network():
    """This thread, and what it starts, are in a new network namespace."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as home:
        _check(_libc.unshare(CLONE_NEWNET))
        try:
            for where in ("all", "default"):
                path = pathlib.Path(f"/proc/sys/net/ipv6/conf/{where}/disable_ipv6")
                if path.exists():
                    path.write_text("1", encoding="ascii")
            run("ip link set lo up")
            yield
        finally:
            _check(_libc.setns(home.fileno(), CLONE_NEWNET))


@pytest.fixture(autouse=True)
def net():
    """Every test of a module that imports this has a network namespace of its own."""
    try:
        with private_network():
            yield
    except PermissionError as e:
        pytest.skip(f"no network namespace: {e}")


def make_veth(a, b):
    run(f"ip link add {a} type veth peer name {b}")
    for name in (a, b):
        run(f"ip link set {name} up")


class Cable:
    """One member's wire; `far` is the interface that the partner uses."""

    def __init__(self, number, kind="tap"):
        self.number = number
        self.kind = kind
        self.near = f"m{number}"
        self.member = f"net_tap{number}" if kind == "tap" else f"net_af_packet{number}"
        self.far = self.near
        if kind == "bridged":
            self.far = f"w{number}"
            self._bridge()

    def _bridge(self):
        n = self.number
        run(f"ip link add s{n} type bridge stp_state 0 mcast_snooping 0")
        make_veth(self.near, f"p{n}")
        make_veth(f"o{n}", self.far)
        for port in (f"p{n}", f"o{n}"):
            run(f"ip link set {port} master s{n}")
        run(f"ip link set s{n} up")
        self.silence(False)

    def vdev(self):
        knob = "iface" if self.kind == "tap" else "framesz=2048,iface"
        return f"{self.member},{knob}={self.near}"

    def silence(self, silent=True):
        """Swallow LACPDUs both ways; links and data stay."""
        for port in (f"p{self.number}", f"o{self.number}"):
            run(f"ip link set {port} type bridge_slave group_fwd_mask {0 if silent else 4}")

    def _flags(self):
        return json.loads(run(f"ip -json link show dev {self.near}"))[0]["flags"]

    def pull(self):
        """Take the cable out.

        The bonding driver takes allmulti from a member whose link it finds down, and net_tap writes the flags
        back that it read: found in the middle of `ip link set down`, they say that the port is up.
        """
        run(f"ip link set {self.near} down")
        with contextlib.suppress(TimeoutError):  # a member that is not active keeps it
            wait_for(lambda: self.kind != "tap" or "ALLMULTI" not in self._flags(), 2, "the driver sees it")
        if "UP" in self._flags():
            run(f"ip link set {self.near} down")

    def plug(self):
        run(f"ip link set {self.near} up")


# ---- LACPDUs ----

_PORT = struct.Struct(">H6sHHHB3x")


@dataclasses.dataclass
class End:
    """One end of a link as a LACPDU names it."""

    system: str = "00:00:00:00:00:00"
    key: int = 0
    port: int = 0
    state: int = 0
    system_priority: int = 0
    port_priority: int = 0

    def pack(self):
        return _PORT.pack(self.system_priority, mac_bytes(self.system), self.key,
                          self.port_priority, self.port, self.state)

    @classmethod
    def unpack(cls, data):
        priority, system, key, port_priority, port, state = _PORT.unpack(data)
        return cls(system.hex(":"), key, port, state, priority, port_priority)


def slow_frame(src, body):
    return (mac_bytes(SLOW_MAC) + mac_bytes(src) + struct.pack(">H", SLOW_TYPE)
            + body.ljust(110, b"\0"))


def lacpdu(actor, partner, src="02:5e:51:00:00:99", version=1, extra=b""):
    """A LACPDU as a frame; extra: TLVs before the terminator."""
    body = bytes([1, version, 1, 20]) + actor.pack() + bytes([2, 20]) + partner.pack()
    body += bytes([3, 16]) + bytes(14) + extra
    return slow_frame(src, body)


def marker(transaction, kind=1, src="02:5e:51:00:00:99"):
    """A marker PDU (kind 1) as a frame."""
    body = bytes([2, 1, kind, 16]) + struct.pack(">H6sI2x", 1, mac_bytes(src), transaction)
    return slow_frame(src, body)


def parse_lacpdu(frame):
    """(actor, partner), or None when the frame is something else."""
    if len(frame) < 14 + 60 or frame[12:16] != b"\x88\x09\x01\x01":
        return None
    return End.unpack(frame[18:36]), End.unpack(frame[38:56])


class Ears:
    """Frames of one ethertype that arrive at an interface, each with the kernel's time of arrival.

    Only what comes in: at a far end that is what the daemon sent.  ethertype 3: everything, both
    ways.
    """

    SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33

    def __init__(self, interface, ethertype=SLOW_TYPE, room=4 << 20):
        self.heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
        self.heard.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, room)
        self.heard.setsockopt(socket.SOL_SOCKET, self.SO_TIMESTAMPNS, 1)
        self.heard.bind((interface, ethertype))
        self.heard.setblocking(False)
        self.frames = []

    def take(self):
        """What has come since the last call, as (time, frame); all of it stays in `frames`."""
        new = []
        while True:
            try:
                frame, extra, _, _ = self.heard.recvmsg(2048, 64)
            except BlockingIOError:
                break
            seconds, ns = struct.unpack("ll", extra[0][2])
            new.append((seconds + ns / 1e9, frame))
        self.frames += new
        return new

    def pdus(self):
        """Every LACPDU so far as (time, actor, partner)."""
        self.take()
        parsed = [(t, parse_lacpdu(frame)) for t, frame in self.frames]
        return [(t, *pdu) for t, pdu in parsed if pdu]

    def close(self):
        self.heard.close()


def gaps(times):
    return [b - a for a, b in zip(times, times[1:])]


# ---- the scripted partner ----

class PartnerPort:
    """One port of a scripted partner."""

    def __init__(self, interface, number, system, key=7, **knobs):
        self.begin(interface, number, system, key, **knobs)
        self.ears = Ears(interface)
        self.voice = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.voice.bind((interface, 0))

    def begin(self, interface, number, system, key=7, sync=True, fast=True, active=True):
        """All but ears and voice."""
        self.interface = interface
        self.sync = sync
        self.active = active
        self.muted = False
        self.wrap = bytes  # what becomes of a frame before it is sent
        self.actor = End(system, key, number, 0, 100, 100)
        self.base = AGGREGATABLE | (FAST if fast else 0) | (ACTIVITY if active else 0)
        self.seen = End()
        self.due = 0.0
        self.sent = []
        self.got = []

    def state(self):
        state = self.base
        if self.sync:
            state |= SYNC
            if self.seen.state & SYNC:
                state |= COLLECTING | DISTRIBUTING
        return state

    def period(self):
        return 1.0 if self.seen.state & FAST else 30.0

    def hear(self):
        for t, frame in self.ears.take():
            pdu = parse_lacpdu(frame)
            if pdu is None:
                continue
            self.got.append((t, *pdu))
            self.seen = pdu[0]
            if pdu[1] != self.actor:
                self.due = 0.0

    def speak(self, now):
        changed = self.state() != self.actor.state
        speaks = self.active or self.seen.state & ACTIVITY
        # Not more than three a second, whatever the daemon thinks of us.
        limited = len(self.sent) >= 3 and time.time() - self.sent[-3][0] < 1.0
        if self.muted or not speaks or limited or (now < self.due and not changed):
            return
        self.actor.state = self.state()
        self.due = now + self.period()
        frame = lacpdu(self.actor, self.seen)
        with contextlib.suppress(OSError):
            self.voice.send(self.wrap(frame))
            self.sent.append((time.time(), self.actor.state))

    def hears_sync(self):
        return self.seen.state & FORWARDING == FORWARDING

    def close(self):
        self.ears.close()
        self.voice.close()


class Partner(threading.Thread):
    """Ports of one system that answer LACPDUs on their own until closed."""

    def __init__(self, interfaces, system="02:5e:51:00:00:01", key=7, first_port=1, **knobs):
        super().__init__(daemon=True)
        self.ports = [PartnerPort(name, first_port + i, system, key, **knobs)
                      for i, name in enumerate(interfaces)]
        self.wake, self.bell = os.pipe()
        self.start()

    def run(self):
        sockets = {p.ears.heard: p for p in self.ports}
        while True:
            ready, _, _ = select.select([*sockets, self.wake], [], [], 0.05)
            if self.wake in ready:
                return
            for heard in ready:
                sockets[heard].hear()
            for port in self.ports:
                port.speak(time.monotonic())

    def close(self):
        if self.is_alive():
            os.write(self.bell, b"x")
            self.join(LIMIT)
            for end in (self.wake, self.bell):
                os.close(end)
            for port in self.ports:
                port.close()


# ---- Open vSwitch ----

def missing_ovs():
    """The reason why Open vSwitch cannot be used, or None."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    for name in OVS_PROGRAMS:
        if not shutil.which(name, path=path):
            return f"{name} is not installed (Debian: openvswitch-switch)"
    return None if os.path.exists(OVS_SCHEMA) else f"{OVS_SCHEMA} is missing"


def accepts(path):
    """Whether somebody listens on a socket; it is there a moment before."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


class Ovs:
    """An Open vSwitch with a database of its own, in this network namespace; userspace datapath."""

    def __init__(self, workdir):
        self.dir = pathlib.Path(workdir) / "ovs"
        self.dir.mkdir()
        self.env = dict(os.environ, OVS_RUNDIR=str(self.dir), OVS_LOGDIR=str(self.dir),
                        OVS_DBDIR=str(self.dir), PATH=os.environ["PATH"] + ":/usr/sbin")
        self.db = f"unix:{self.dir}/db.sock"
        self.children = []
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        run(f"ovsdb-tool create {self.dir}/conf.db {OVS_SCHEMA}", env=self.env)
        self._spawn("ovsdb-server", f"{self.dir}/conf.db", f"--remote=p{self.db}", door="db.sock")
        run(f"ovs-vsctl --db={self.db} --no-wait init", env=self.env)
        self._spawn("ovs-vswitchd", self.db, door="ovs-vswitchd.ctl")

    def _spawn(self, program, *words, door):
        unixctl = self.dir / f"{program}.ctl"
        child = subprocess.Popen([program, *words, f"--unixctl={unixctl}", "-vconsole:off",
                                  f"--log-file={self.dir}/{program}.log"], env=self.env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        self.children.append(child)
        wait_for(lambda: accepts(self.dir / door) or child.poll() is not None, what=program)

    def vsctl(self, words):
        return run(f"ovs-vsctl --db={self.db} --timeout=20 {words}", env=self.env)

    def appctl(self, words):
        return run(f"ovs-appctl --timeout=20 -t {self.dir}/ovs-vswitchd.ctl {words}", env=self.env)

    def add_bridge(self, name="br0", system=None):
        self.vsctl(f"add-br {name} -- set bridge {name} datapath_type=netdev")
        if system:
            self.vsctl(f"set bridge {name} other_config:hwaddr={system}")
        run(f"ip link set {name} up")

    def add_bond(self, name, ports, bridge="br0", lacp="active", time="fast", key=None):
        words = f"add-bond {bridge} {name} {' '.join(ports)} -- set port {name} lacp={lacp} " \
                f"bond_mode=balance-tcp other_config:lacp-time={time}"
        for port in ports if key else ():
            words += f" -- set interface {port} other_config:lacp-aggregation-key={key}"
        self.vsctl(words)

    def lacp(self, bond="bond0"):
        """`lacp/show` as a dict; `members` by name, each with its own keys and `status`."""
        shown = {"members": {}}
        current = shown
        for line in self.appctl(f"lacp/show {bond}").splitlines():
            key, _, value = line.strip().partition(": ")
            if key == "member":
                name, _, status = value.partition(": ")
                current = shown["members"].setdefault(name, {"status": status})
            elif value:
                current[key] = value
        return shown

    def enabled(self, bond="bond0"):
        """Members that `bond/show` calls enabled."""
        names = []
        for line in self.appctl(f"bond/show {bond}").splitlines():
            if line.startswith("member ") and line.endswith(": enabled"):
                names.append(line.split()[1].rstrip(":"))
        return names

    def state(self, port, who, bond="bond0"):
        """Set of the words of actor's or partner's state."""
        return set(self.lacp(bond)["members"][port].get(f"{who} state", "").split())

    def is_forwarding(self, ports, bond="bond0"):
        words = {"synchronized", "collecting", "distributing"}
        members = self.lacp(bond)["members"]
        return sorted(self.enabled(bond)) == sorted(ports) and all(
            members[p]["status"] == "current attached"
            and words <= set(members[p]["actor state"].split())
            and words <= set(members[p]["partner state"].split()) for p in ports)

    def close(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(LIMIT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(LIMIT)


# ---- the whole ----

class LacpRig:
    """A Rig whose members are cables, with shorthands for what LACP says."""

    def __init__(self, rig, workdir, n=2, kind="tap", knobs="lacp_rate=fast", start=True,
                 guests=("vm1",), mode="802.3ad", log_allowed=(), workers=1, idle="sleep"):
        self.workdir = workdir
        self.cables = [Cable(i, kind) for i in range(n)]
        self.rig = rig(start=False, members=0, vdevs=[c.vdev() for c in self.cables], mode=mode,
                       mtu=1500, guests=guests, bond="," + knobs if knobs else "", workers=workers, idle=idle,
                       log_allowed=LOG_LACP + list(log_allowed))
        self.workers = workers
        self.rig.check_balance = self.check_balance
        if start:
            self.start()

    def start(self):
        self.rig.start()
        return self

    def missing_buffers(self):
        """Pools that lack more than what is held for good: {name: (avail, size)}."""
        # A worker keeps each member's last LACPDU; a net_tap its receive descriptors, per queue.
        taps = sum(c.kind == "tap" for c in self.cables)
        may_lack = {"bf_control": len(self.cables), "bond0": 1030 * taps * self.workers}
        return {name: (avail, size) for name, (avail, size) in self.daemon.mempools().items()
                if avail + may_lack.get(name.partition(".")[0], 0) < size}

    def check_balance(self):
        """Instead of the Rig's, which knows nothing of what LACP keeps."""
        self.rig.settle()
        try:
            wait_for(lambda: self.daemon.ledger().is_balanced(), 5, "ledger")
            wait_for(lambda: not self.missing_buffers(), 5, "pools")
        except TimeoutError as e:
            raise AssertionError(f"{e}: {self.daemon.ledger()}, {self.missing_buffers()}") from None

    @property
    def daemon(self):
        return self.rig.daemon

    def far(self, *numbers):
        return [self.cables[i].far for i in numbers or range(len(self.cables))]

    def set(self, key, value):
        self.daemon.ctl(f"set bonding lacp {key} bond0 {value}")

    def info(self):
        return self.daemon.ctl("show bonding lacp info bond0", json=True)

    def member(self, i):
        return {m["name"]: m for m in self.info()["members"]}[self.cables[i].member]

    def distributing(self):
        """Numbers of the members that distribute."""
        names = {m["name"] for m in self.info()["members"] if m["distributing"]}
        return [c.number for c in self.cables if c.member in names]

    def wait_distributing(self, numbers, limit=LIMIT):
        try:
            wait_for(lambda: self.distributing() == list(numbers), limit, f"{numbers} distribute")
        except TimeoutError as e:
            raise AssertionError(f"{e}; now {self.distributing()}: {self.reasons()}") from None

    def reasons(self):
        return {m["name"]: m["reason"] for m in self.info()["members"]}

    def wait_reason(self, i, *words, limit=LIMIT):
        """The member stays out and says why with these words."""
        def said():
            member = self.member(i)
            return not member["distributing"] and all(w in member["reason"] for w in words)
        try:
            wait_for(said, limit, f"{words}")
        except TimeoutError as e:
            raise AssertionError(f"{e}; member {i} says {self.member(i)['reason']!r}") from None

    def events(self, what):
        return self.rig.events(what)

    def mac(self):
        return self.rig.bond()["mac"].lower()

    def reaches(self, interface, stream=1, limit=5):
        """Frames from the guest arrive at an interface; they are repeated until one does."""
        ears = Ears(interface, 0x88b5)
        try:
            def arrived():
                self.rig.vm(1).send(stream=stream, count=4, src=guest_mac(1), dst=FAR_MAC,
                                    kind="ether")
                return ears.take()
            wait_for(arrived, limit, f"a guest's frame at {interface}")
        finally:
            ears.close()


@pytest.fixture
def lacp(net, rig, workdir):
    """Make LACP rigs: lacp(n=2, kind="tap", knobs="lacp_rate=fast")."""
    return lambda **options: LacpRig(rig, workdir, **options)


@pytest.fixture
def partner(net):
    """Make scripted partners: partner(interfaces, key=7, sync=True)."""
    made = []

    def make(interfaces, **knobs):
        made.append(Partner(interfaces, **knobs))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def ovs(net, workdir):
    """An Open vSwitch, or a skip with the reason."""
    reason = missing_ovs()
    if reason:
        pytest.skip(reason)
    switch = Ovs(workdir)
    yield switch
    switch.close()
