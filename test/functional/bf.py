# SPDX-License-Identifier: BSD-3-Clause
"""What the functional tests are made of: the daemon, the peers around it, and waiting.

A peer is one bf-peer process with one virtio-user port, so that any of them can be killed like a
pulled cable.  The daemon's members and guests are vhost clients; each peer listens.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BONDFWD_BUILD", ROOT / "build")).resolve()
BONDFWD = BUILD / "app" / "bondfwd"
BONDCTL = BUILD / "app" / "bondctl"
PEER = pathlib.Path(os.environ.get("BONDFWD_PEER", BUILD / "test" / "peer" / "bf-peer"))

# Seconds.  Generous, because the machine may be busy; nothing waits this long when all is well.
LIMIT = float(os.environ.get("BONDFWD_TEST_LIMIT", "30"))

FAR_MAC = "02:aa:00:00:00:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"

# Lines the daemon's environment may always write.
LOG_ALLOWED = [
    # A vhost client whose server is not there yet, or has gone.
    r"^VHOST_CONFIG: ",
    # net_vhost, asked for an interrupt while its front end goes away.
    r"^Failed to (un)?register \d+ (in|from) rxq-\d+ epoll: ",
    # The bonding PMD, on members whose driver knows no promiscuity (net_vhost takes all frames).
    r"^bond_\w+\(\d+\) - [Ff]ailed to disable (promiscuous|allmulti) mode .* not supported",
    # The same for members whose driver cannot change its address.
    r"^bond_\w+\(\d+\) - Failed to update MAC address on member port",
    # Advice: what an operator should know of a change that was asked for.
    r"^WARNING: bond_keeps_address: ",
    r"^WARNING: config: \w+=\S+: has no effect in mode ",
    # A file that a test loads, as people wrote them before there were profiles.
    r"^WARNING: config: profile: no line says it",
    # The machine stands still now and then, with everything on it.
    r"^WARNING: (lcore|control)_stalled: ",
    # What health finds in a test's load, in links that it cuts, or in a bond of one member.
    r"^WARNING: health: ",
    r"^(WARNING|ERR): bond_state: \S+ (degraded|down): \d+ of \d+ members can carry traffic$",
]
# For tests that cut links.
LOG_LINK_LOSS = [
    r"^WARNING: member_down: net_vhost\d+: link down$",
    r"^WARNING: active_member: bond0: none, was net_vhost\d+$",
]
LOG_SUSPICIOUS = re.compile(
    r"^(ERR|WARNING)\b|\b(error|failed|cannot|panic|invalid)\b|AddressSanitizer|runtime error",
    re.IGNORECASE)


def guest_mac(i):
    return f"52:54:00:00:00:{i:02x}"


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def wait_for(cond, timeout=LIMIT, what="condition", step=0.02):
    """Poll until cond() is true and return what it returned; TimeoutError names what."""
    begin = time.monotonic()
    while True:
        value = cond()
        if value:
            return value
        waited = time.monotonic() - begin
        if waited > timeout:
            raise TimeoutError(f"{what}: not within {timeout} s")
        # Most conditions start a process each time: those that last are asked less often.
        time.sleep(step if waited < 0.5 else 0.05)


def lcores(n_workers):
    """EAL core map: main lcore 0 and the workers share whatever CPUs this process may use."""
    cpus = ",".join(str(c) for c in sorted(os.sched_getaffinity(0)))
    return ",".join(f"{i}@({cpus})" for i in range(n_workers + 1))


def clean_env():
    env = dict(os.environ)
    env.pop("XDG_RUNTIME_DIR", None)
    return env


def records_files(folder):
    """Where the daemons whose consoles are in a folder keep how far packed rings went."""
    return list(pathlib.Path("/dev/shm").glob(f"bondfwd{str(folder).replace('/', '-')}-*.rings"))


def with_sizes(spec):
    """What is sent, as bf-peer reads it."""
    size = spec.get("size")
    return {**spec, "size": ",".join(map(str, size))} if isinstance(size, (list, tuple)) else spec


class PeerError(Exception):
    """bf-peer refused a command or died."""


class Peer:
    """One bf-peer process with one port."""

    def __init__(self, workdir, name, socket, server=True, queues=1, mtu=9216, queue_size=1024,
                 buf=None, dev=None, listening=True, **knobs):
        """dev: devargs of another driver than net_virtio_user.  listening: wait until it does."""
        self.name = name
        self.socket = pathlib.Path(socket)
        self.server = server
        self.queues = queues
        self.knobs = knobs
        self.mtu = mtu
        self.queue_size = queue_size
        self.buf = buf
        self.dev = dev
        self.workdir = pathlib.Path(workdir)
        self.log = self.workdir / f"peer-{name}.log"
        self.proc = None
        self.is_ready = False
        self.pending = b""
        self.start(listening)

    def start(self, listening=True):
        if self.server:
            self.socket.unlink(missing_ok=True)
        dev = f"net_virtio_user0,path={self.socket},queues={self.queues}"
        dev += f",queue_size={self.queue_size}"
        dev += ",server=1" if self.server else ""
        dev += ",cq=1" if self.queues > 1 else ""
        dev += "".join(f",{k}={v}" for k, v in self.knobs.items())
        dev = self.dev or dev
        bufs = 2 * self.queue_size * self.queues + 2048
        if self.buf is not None:
            bufs *= 2 + self.mtu // self.buf
        memory = 64 + bufs * ((self.buf or 10240) + 512) // (1 << 20)
        cmd = [PEER, "--lcores", lcores(0), "--no-huge", "-m", str(memory), "--no-pci",
               "--no-telemetry", "--no-shconf", "--file-prefix", f"bfpeer-{os.getpid()}-{self.name}",
               "--vdev", dev, "--", "--mtu", str(self.mtu), "--desc", str(self.queue_size),
               "--bufs", str(min(bufs, 65535))]
        if self.dev is not None:
            cmd += ["--queues", str(self.queues)]
        if self.buf is not None:
            cmd += ["--buf", str(self.buf)]
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen([str(c) for c in cmd], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=log, env=clean_env())
        fcntl.fcntl(self.proc.stdout, fcntl.F_SETFL, os.O_NONBLOCK)
        self.pending = b""
        self.is_ready = False
        if listening:
            self.wait_listening()

    def wait_listening(self):
        if self.server:
            wait_for(lambda: self.socket.exists() or self.proc.poll() is not None, what=self.socket)

    def read_line(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"peer {self.name}: no answer within {timeout} s")
            if not select.select([self.proc.stdout], [], [], left)[0]:
                continue
            data = self.proc.stdout.read()
            if data == b"":
                tail = self.log.read_text(errors="replace")[-800:]
                raise PeerError(f"peer {self.name} ended ({self.proc.wait()}):\n{tail}")
            self.pending += data or b""
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def ready(self, timeout=LIMIT):
        """Wait until the driver has its first connection."""
        if not self.is_ready:
            self.read_line(timeout)
            self.is_ready = True

    def post(self, verb, **args):
        self.ready()
        line = " ".join([verb] + [f"{k}={v}" for k, v in args.items() if v is not None])
        self.proc.stdin.write(line.encode() + b"\n")
        self.proc.stdin.flush()

    def cmd(self, verb, **args):
        self.post(verb, **args)
        return self.answer(verb, **args)

    def answer(self, verb, **args):
        """That to what was posted."""
        answer = self.read_line(LIMIT + float(args.get("timeout", 10000)) / 1000)
        if not answer.get("ok"):
            raise PeerError(f"peer {self.name}: {verb} {args}: {answer.get('error')}")
        return answer

    def port(self):
        return self.cmd("ports")["ports"][0]

    def is_up(self):
        return self.port()["up"]

    def wait_up(self, timeout=LIMIT):
        self.ready(timeout)
        wait_for(self.is_up, timeout, f"peer {self.name} up")
        return self

    def send(self, wait=True, timeout=LIMIT, **spec):
        self.cmd("send", port=0, **with_sizes(spec))
        if wait:
            self.cmd("wait", timeout=int(timeout * 1000))

    def steady(self, rate=0, **spec):
        """
        Begin a slow stream that goes on beside everything else (0xff00 to 0xffef), or end it.

        How many frames the one before has sent.  No clear forgets it, settle() and wait do not see it, nor does tx.
        """
        return self.cmd("steady", port=0, rate=rate, **with_sizes(spec))["sent"]

    def await_stream(self, stream, count, timeout=LIMIT):
        return self.cmd("await", port=0, stream=stream, count=count,
                        timeout=int(timeout * 1000))["stream"]

    def stream(self, stream, expect=0):
        return self.cmd("stats", port=0, stream=stream, expect=expect)["streams"][0]

    def missing(self, stream, expect):
        """The numbers of the frames that have not arrived here."""
        return set(self.cmd("stats", port=0, stream=stream, expect=expect,
                            listed=expect)["streams"][0]["first_missing"])

    def streams(self):
        return {s["stream"]: s for s in self.cmd("stats", port=0)["streams"]}

    def raw(self, frame, count=1, queue=0):
        self.cmd("raw", port=0, hex=bytes(frame).hex(), count=count, queue=queue)

    def capture(self, count=64, match="any"):
        self.cmd("capture", port=0, count=count, match=match)

    def captured(self, timeout=0.0):
        frames = self.cmd("captured", port=0, timeout=int(timeout * 1000))["frames"]
        return [bytes.fromhex(f) for f in frames]

    def settle(self, quiet=50):
        settle([self], quiet)

    def stop_driver(self):
        """The driver stands still; the vhost side is not told."""
        self.cmd("stop", port=0)

    def start_driver(self):
        self.cmd("start", port=0)

    def kill(self):
        """End at once: a cable is pulled, a guest crashes.  start() is the way back."""
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait(LIMIT)
        self.proc.stdin.close()
        self.proc.stdout.close()

    def restart(self):
        self.kill()
        self.start()

    def end_input(self):
        """It ends by itself then."""
        with contextlib.suppress(BrokenPipeError):
            self.proc.stdin.close()

    def quit(self):
        if self.proc.poll() is None:
            try:
                self.end_input()
                if self.is_ready:
                    self.proc.wait(10)
            except subprocess.TimeoutExpired:
                pass
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait(LIMIT)
        self.proc.stdout.close()


def settle(peers, quiet=50):
    """Wait until nothing has come to any of the peers for so many milliseconds."""
    how = {"quiet": quiet, "timeout": int(LIMIT * 1000)}
    for peer in peers:
        peer.post("settle", port=0, **how)
    for peer in peers:
        peer.answer("settle", **how)


def quit_all(peers):
    for peer in peers:
        peer.end_input()
    for peer in peers:
        peer.quit()


class CtlError(Exception):
    """bondctl ended with a status other than 0."""

    def __init__(self, command, status, text):
        super().__init__(f"{command!r}: status {status}: {text.strip()}")
        self.status = status
        self.text = text


def with_profile(args):
    """Most tests are about guests that nobody guards; --profile none stands for no such option."""
    if list(args[:2]) == ["--profile", "none"]:
        return args[2:]
    return args if "--profile" in args else ("--profile", "trusted", *args)


class Daemon:
    """One bondfwd process."""

    n_started = 0

    def __init__(self, workdir, args, n_workers=1, memory=512, eal=(), log_allowed=(), telemetry=False):
        Daemon.n_started += 1
        self.workdir = pathlib.Path(workdir)
        self.console = self.workdir / "console.sock"
        self.prefix = f"bftest-{os.getpid()}-{Daemon.n_started}"
        self.log = self.workdir / f"bondfwd-{Daemon.n_started}.log"
        self.log_allowed = list(log_allowed)
        self.transcript = []
        self.status = None
        self.cmd = [BONDFWD, "--lcores", lcores(n_workers), "--main-lcore", "0", "--no-huge", "-m",
                    str(memory), "--no-pci", *(() if telemetry else ("--no-telemetry",)),
                    "--file-prefix", self.prefix, *eal, "--", *with_profile(args), "--console",
                    self.console]
        with open(self.log, "wb") as log:
            # A shell's background job ignores SIGINT and hands that on: the daemon gets the default.
            self.proc = subprocess.Popen(
                [str(c) for c in self.cmd], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, env=clean_env(),
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def run_ctl(self, command, json_out=False, timeout=LIMIT):
        cmd = [BONDCTL, "-s", self.console] + (["-j"] if json_out else [])
        cmd += shlex.split(command) if '"' in command else command.split()
        done = subprocess.run([str(c) for c in cmd], capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL, check=False)
        self.transcript.append(f"$ bondctl {'-j ' if json_out else ''}{command}\n"
                               f"{done.stdout}{done.stderr}[{done.returncode}]")
        return done

    def ask(self, command):
        """The parsed answer to a command, without bondctl: a process each time is most of what polling costs."""
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(LIMIT)
            try:
                console.connect(str(self.console))
                console.sendall(f"bondctl 1 exec json\n{command}\n".encode())
                with console.makefile("rb") as answers:
                    status, length = answers.readline().split() or (b"1", b"0")
                    text = answers.read(int(length)).decode()
                    console.shutdown(socket.SHUT_WR)
                    answers.read()  # until it is closed at the other end as well: tests count descriptors
            except OSError as error:
                status, text = 1, f"{self.console}: {error}"
        self.transcript.append(f"$ bondctl -j {command}\n{text}[{int(status)}]")
        if int(status) != 0 or not text:
            raise CtlError(command, int(status), text)
        return parse_json(text)

    def ctl(self, command, json=False):
        """Run a console command; its text, or with json=True the parsed answer."""
        if json and command.startswith("show ") and '"' not in command:
            return self.ask(command)
        done = self.run_ctl(command, json)
        if done.returncode != 0:
            raise CtlError(command, done.returncode, done.stdout + done.stderr)
        return parse_json(done.stdout) if json else done.stdout

    def is_answering(self):
        if self.proc.poll() is not None:
            raise AssertionError(f"bondfwd ended during start, status {self.proc.returncode}:\n"
                                 f"{self.log_text()[-2000:]}")
        return self.console.exists() and self.run_ctl("show port summary all",
                                                      True).returncode == 0

    def wait_ready(self, timeout=LIMIT):
        wait_for(self.is_answering, timeout, "console")
        return self

    def log_text(self):
        return self.log.read_text(errors="replace")

    def bad_log_lines(self):
        allowed = [re.compile(p) for p in LOG_ALLOWED + self.log_allowed]
        return [line for line in self.log_text().splitlines()
                if LOG_SUSPICIOUS.search(line) and not any(p.search(line) for p in allowed)]

    def ledger(self):
        return Ledger(self.ctl("show drops", json=True))

    def drops(self, port=None):
        return self.ledger().drops_of(port)

    def mempools(self):
        """Pools as {name: (avail, size)}."""
        return {p["name"]: (p["avail"], p["size"]) for p in self.ctl("show mempool", json=True)}

    def fdb(self):
        return {e["mac"]: e for e in self.ctl("show fdb", json=True)["entries"]}

    def send_signal(self, sig):
        self.proc.send_signal(sig)

    def stop(self, sig=signal.SIGTERM, timeout=LIMIT):
        if self.proc.poll() is None:
            self.send_signal(sig)
        self.status = self.proc.wait(timeout)
        return self.status

    def kill(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.status = self.proc.wait(LIMIT)

    def remove_runtime(self):
        """What the EAL itself leaves."""
        for run in ("/var/run/dpdk", "/tmp/dpdk"):
            shutil.rmtree(os.path.join(run, self.prefix), ignore_errors=True)


def parse_json(text):
    return json.loads(text)


class Ledger:
    """received + copies + segments == sent + drops + coalesced, over all ports since the start"""

    def __init__(self, shown):
        ledger = shown["ledger"]
        self.received, self.copies = ledger["received"], ledger["copies"]
        self.segments, self.coalesced = ledger["segments"], ledger["coalesced"]
        self.sent, self.dropped = ledger["sent"], ledger["dropped"]
        self.by_reason = {k: v for k, v in ledger["by_reason"].items() if v}
        self.by_port = {}
        for entry in shown["ports"]:
            self.by_port.setdefault(entry["port"], {})[entry["reason"]] = entry["frames"]

    def drops_of(self, port):
        """{reason: count} of one port since it was cleared, or of all ports since the start."""
        return self.by_reason if port is None else self.by_port.get(port, {})

    def is_balanced(self):
        return (self.received + self.copies + self.segments
                == self.sent + self.dropped + self.coalesced
                and self.dropped == sum(self.by_reason.values()))

    def __str__(self):
        return (f"received {self.received} + copies {self.copies} + segments {self.segments}, "
                f"sent {self.sent} + dropped {self.dropped} {self.by_reason} + "
                f"coalesced {self.coalesced}")


class Rig:
    """The daemon with a peer behind each member (far) and each guest (guests)."""

    def __init__(self, workdir, members=2, guests=("vm1", "vm2"), mode="active-backup", mtu=9216,
                 workers=1, bond="", guest_opts=None, member_opts=None, peer_opts=None,
                 far_peers=True, memory=512, config=None, log_allowed=(), vdevs=(), idle="poll",
                 telemetry=False):
        """vdevs: members without a peer behind them, "net_ring0" or "net_tap0,iface=x".
        idle: what workers without frames do; "poll" takes a CPU away from the tests beside."""
        self.workdir = pathlib.Path(workdir)
        self.mtu = mtu
        self.log_allowed = log_allowed
        self.memory = memory
        self.workers = workers
        self.vdevs = list(vdevs)
        self.idle = idle
        self.telemetry = telemetry
        self.member_names = [f"net_vhost{i}" for i in range(members)]
        self.member_names += [v.partition(",")[0] for v in self.vdevs]
        self.guest_names = list(guests)
        self.guest_opts = guest_opts or {}
        self.peer_opts = peer_opts or {}
        self.far = []
        self.guests = {}
        self.daemon = None
        self.last_report = []
        self.is_finished = False
        # Side by side: each takes some tenths of a second, and waits most of it.
        if far_peers:
            self.far = [Peer(workdir, f"far{i}", self.far_socket(i), queues=workers,
                             listening=False, **(member_opts or {})) for i in range(members)]
        for name in self.guest_names:
            if "mode=server" not in self.guest_opts.get(name, ""):
                self.add_guest_peer(name, listening=False)
        for peer in self.peers():
            peer.wait_listening()
        self.args = []
        if config is not None:
            self.args += ["--config", str(config)]
        else:
            names = ",".join(f"member={m}" for m in self.member_names)
            if mode == "active-backup" and "primary=" not in bond and members:
                # So that far[0] is the one that is heard.
                bond += ",primary=net_vhost0"
            self.args += ["--bond", f"name=bond0,mode={mode},{names},mtu={mtu}{bond}"]
            for name in self.guest_names:
                self.args += ["--guest", f"name={name},{self.guest_pairs(name)}"]

    def far_socket(self, i):
        return self.workdir / f"far{i}.sock"

    def guest_socket(self, name):
        return self.workdir / f"{name}.sock"

    def guest_pairs(self, name):
        opts = self.guest_opts.get(name, "")
        queues = self.peer_opts.get(name, {}).get("queues", 1)
        pairs = f"socket={self.guest_socket(name)},queues={queues},mtu={self.mtu}"
        return pairs + ("," + opts if opts else "")

    def add_guest_peer(self, name, **opts):
        is_server = "mode=server" not in self.guest_opts.get(name, "")
        opts = {**self.peer_opts.get(name, {}), **opts}
        self.guests[name] = Peer(self.workdir, name, self.guest_socket(name), server=is_server,
                                 **opts)
        return self.guests[name]

    def member_vdevs(self):
        eal = []
        for i in range(len(self.member_names) - len(self.vdevs)):
            eal += ["--vdev", f"net_vhost{i},iface={self.far_socket(i)},queues={self.workers},"
                              "client=1"]
        for vdev in self.vdevs:
            eal += ["--vdev", vdev]
        return eal

    def start(self, wait=True):
        self.is_finished = False
        self.daemon = Daemon(self.workdir, self.args, self.workers, self.memory,
                             self.member_vdevs(), self.log_allowed, self.telemetry)
        if wait:
            self.daemon.wait_ready()
            if self.idle != "poll":
                self.daemon.ctl(f"set lcore idle {self.idle}")
            for name in self.guest_names:
                if name not in self.guests:
                    self.add_guest_peer(name)
            for peer in self.peers():
                peer.wait_up()
            wait_for(self.guests_settled, what="guests connected")
            if self.far:
                wait_for(self.members_settled, what="members in service")
        return self

    def guests_settled(self):
        """A front end may see its link before bondfwd has taken note."""
        return all(g["up"] for g in self.daemon.ctl("show guest", json=True) if g["name"] in self.guests)

    def bond(self):
        return self.daemon.ctl("show bonding config bond0", json=True)

    def member(self, i):
        """What the bond says about member i."""
        return {m["name"]: m for m in self.bond()["member_details"]}[self.member_names[i]]

    def events(self, what):
        return [e for e in self.daemon.ctl("show events", json=True) if e["what"] == what]

    def spread(self, stream):
        """Frames of a stream that each living far peer got, by index; None for a dead one."""
        return [f.stream(stream)["received"] if f.proc.poll() is None else None for f in self.far]

    def alive(self):
        return [f for f in self.far if f.proc.poll() is None]

    def carriers(self, frames, guest=1):
        """Send raw frames from a guest; for each, the indices of the far peers that got it."""
        for f in self.alive():
            f.capture(512, match="other")
        with self.taking(len(frames)):
            for i in range(0, len(frames), 64):
                text = ",".join(bytes(f).hex() for f in frames[i:i + 64])
                self.vm(guest).cmd("raw", port=0, hex=text)
        got = {f.name: f.captured() for f in self.alive()}
        return [[i for i, f in enumerate(self.far) if bytes(frame) in got.get(f.name, ())]
                for frame in frames]

    def members_settled(self):
        """Every member has its link, and the primary is the active one."""
        bond = self.bond()
        primary = bond["options"]["primary"]
        return (all(m["link"] and m["usable"] for m in bond["member_details"])
                and (bond["mode"] != "active-backup" or primary == "none"
                     or bond.get("active_member") == primary))

    def peers(self):
        return [*self.far, *self.guests.values()]

    def vm(self, i):
        return self.guests[self.guest_names[i - 1]]

    def learn(self, peer, mac, dst=BROADCAST, vlan=None):
        """Let the switch see a station; returns when it is in the forwarding database."""
        def known():
            # Repeated, because a link that has just come up may not carry the first frame.
            peer.send(stream=0xfffe, count=1, src=mac, dst=dst, kind="ether", vlan=vlan)
            peer.settle(5)
            return mac in self.daemon.fdb()
        wait_for(known, what=f"{mac} behind {peer.name} learned")

    def learn_all(self):
        """Far side and every guest are known."""
        self.learn(self.far[0], FAR_MAC)
        for i, name in enumerate(self.guest_names, 1):
            self.learn(self.guests[name], guest_mac(i))
        self.settle()

    @contextlib.contextmanager
    def taking(self, count):
        """The frames sent within have been switched, and have arrived, at the end of it."""
        before = self.daemon.ledger().received
        yield

        def are_taken():
            # A worker may be interrupted for longer than peers wait for more.
            ledger = self.daemon.ledger()
            return ledger.received >= before + count and ledger.is_balanced()
        wait_for(are_taken, what="frames taken")
        self.settle(rounds=1)  # they are in the peers' rings

    def settle(self, rounds=None):
        """All peers are quiet, some rounds one after the other: a worker that gets no CPU for a while has one then."""
        alive = [peer for peer in self.peers() if peer.proc.poll() is None and peer.is_ready]
        for _ in range(len(alive) if rounds is None else rounds):
            settle(alive, 20)

    def transfer(self, sender, receiver, stream, count, window=512, **spec):
        """Send numbered frames, never more in flight than the rings hold; the receiver's tally."""
        for first in range(0, count, window):
            part = min(window, count - first)
            sender.send(stream=stream, first=first, count=part, **spec)
            tally = receiver.await_stream(stream, first + part, timeout=LIMIT)
            if tally["distinct"] < first + part:
                break
        receiver.settle(20)
        return receiver.stream(stream, count)

    def check_balance(self):
        """The ledger is balanced and every buffer is back, within a limit."""
        self.settle()
        try:
            wait_for(lambda: self.daemon.ledger().is_balanced(), 5, "ledger")
        except TimeoutError:
            raise AssertionError(f"ledger: {self.daemon.ledger()}") from None
        # net_tap keeps its receive descriptors filled.
        held = 1030 * self.workers * sum(v.startswith("net_tap") for v in self.vdevs)
        try:
            wait_for(lambda: all(a + held >= s for a, s in self.daemon.mempools().values()), 5,
                     "pools")
        except TimeoutError:
            short = {n: v for n, v in self.daemon.mempools().items() if v[0] + held < v[1]}
            raise AssertionError(f"mempools short (avail, size): {short}") from None

    def check_stopped(self):
        assert self.daemon.status == 0, f"exit status {self.daemon.status}"
        assert self.daemon.bad_log_lines() == []
        mine = [self.daemon.console] + [
            self.guest_socket(n) for n in self.guest_names
            if "mode=server" in self.guest_opts.get(n, "")]
        assert [str(p) for p in mine if p.exists()] == []

    def finish(self):
        """What holds after every test."""
        if self.is_finished:
            return
        self.is_finished = True
        if self.daemon.proc.poll() is None:
            self.check_balance()
            self.daemon.stop()
        elif self.daemon.status is None:
            self.daemon.status = self.daemon.proc.returncode
        self.check_stopped()

    def report(self):
        """For a failed test."""
        text = []
        if self.daemon is not None:
            if self.daemon.proc.poll() is None:
                for command in ("show fwd stats all", "show drops", "show port stats all"):
                    try:
                        self.daemon.run_ctl(command, timeout=5)
                    except subprocess.TimeoutExpired:
                        self.daemon.transcript.append(f"{command}: no answer")
            text.append(("console", "\n".join(self.daemon.transcript[-40:])[-12000:]))
            text.append(("bondfwd log", self.daemon.log_text()[-12000:]))
        for peer in self.peers():
            text.append((peer.log.name, peer.log.read_text(errors="replace")[-1500:]))
        return text

    def close(self):
        quit_all(self.peers())
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.remove_runtime()


LOAD_RATE = 2000
LOAD_STREAMS = iter(range(30000, 60000))


class Load:
    """A guest sends numbered frames of many flows until told to stop."""

    def __init__(self, r, vm=1, **spec):
        self.r, self.vm, self.stream = r, r.vm(vm), next(LOAD_STREAMS)
        self.before = self.vm.port()["tx"]
        self.vm.send(wait=False, stream=self.stream, **{
            "count": 1 << 20, "src": guest_mac(1), "dst": FAR_MAC, "flows": 61, "rate": LOAD_RATE, **spec})
        self.passes(1)

    def sent(self):
        return self.vm.port()["tx"] - self.before

    def passes(self, count):
        """Wait until so many more frames have left the guest."""
        goal = self.sent() + count
        wait_for(lambda: self.sent() >= goal, what="load going on")

    def end(self):
        try:
            self.vm.cmd("wait", timeout=0)  # ends it
        except PeerError as error:
            assert "timeout" in str(error)

    def stop(self):
        """Tallies of the living far peers and the number of frames sent."""
        self.end()
        count = self.sent()
        self.r.settle()
        return count, [f.stream(self.stream, count) for f in self.r.alive()]


def loses_nothing(load, in_order=True):
    count, tallies = load.stop()
    assert sum(t["distinct"] for t in tallies) == count, tallies
    assert sum(t["received"] for t in tallies) == count, tallies
    if in_order:
        assert [t["reordered"] for t in tallies] == [0] * len(tallies)
    assert load.r.daemon.drops().get("member_full", 0) == 0
