# SPDX-License-Identifier: BSD-3-Clause
"""
One virtual machine: its NICs, its power, and commands in it.

QEMU serves the vhost-user sockets (server=on) and does not boot before a backend has connected to
each of them, whatever wait=off says. The command channel and QMP are socket pairs: they need no
path, and nothing said early is missed.

Threads: everything from the thread that made the Vm; one reader thread per VM completes jobs.
"""

import base64
import itertools
import json
import mmap
import os
import socket
import subprocess
import threading
import time

from .process import ChildGone, RigError, wait_until

# The program; another one's path may be named, that of a newer QEMU.
QEMU = os.environ.get("BONDFWD_QEMU") or "qemu-system-x86_64"

# An emulated `rep movsb` goes byte by byte: without these two the kernel copies eight at a time.
CPU = {"tcg": "max,-erms,-fsrm", "kvm": "host"}

# QEMU loses memory of the guest's own in one of six migrations on a busy machine: see Vm.receive().
MOVES_MOST = 8


def accelerator():
    """tcg unless BONDFWD_ACCEL says kvm, or says auto and KVM demonstrably runs a guest."""
    wish = os.environ.get("BONDFWD_ACCEL", "tcg")
    if wish not in ("tcg", "kvm", "auto"):
        raise RigError(f'BONDFWD_ACCEL: "{wish}": expected tcg, kvm or auto')
    if wish != "auto":
        return wish
    return "kvm" if _kvm_boots() else "tcg"


_KVM_VERDICT = []


def _kvm_boots():
    """Boot the guest image once under KVM, without NICs; the answer is kept for this process."""
    if not _KVM_VERDICT:
        from .process import Run
        works = False
        if os.access("/dev/kvm", os.R_OK | os.W_OK):
            with Run("kvm") as run:
                try:
                    Vm(run, "probe", accel="kvm").start().wait_booted(10)
                    works = True
                except (RigError, ChildGone):
                    pass
        _KVM_VERDICT.append(works)
    return _KVM_VERDICT[0]


class Nic:
    """One virtio-net device over a vhost-user socket that QEMU serves."""

    def __init__(self, sock, mac, queues=1, mrg_rxbuf=True, host_mtu=None, ring=1024,
                 packed=False):
        self.sock = sock
        self.mac = mac
        self.queues = queues
        self.mrg_rxbuf = mrg_rxbuf
        self.host_mtu = host_mtu
        self.ring = ring
        self.packed = packed

    def arguments(self, index, accel):
        device = [
            "virtio-net-pci", f"id=dev{index}", f"netdev=net{index}", f"mac={self.mac}",
            f"addr=0x1{index:x}", f"mrg_rxbuf={'on' if self.mrg_rxbuf else 'off'}",
            f"rx_queue_size={self.ring}", f"tx_queue_size={self.ring}", "romfile=",
            # 802.3ad in Linux wants to know the speed.
            "speed=10000", "duplex=full",
        ]
        if self.queues > 1:
            device.append("mq=on")
        if self.packed:
            device.append("packed=on")
        if self.host_mtu:
            device.append(f"host_mtu={self.host_mtu}")
        # QEMU 7.2 crashes in vhost-user with MSI-X under TCG.
        device.append("vectors=0" if accel == "tcg" else f"vectors={2 * self.queues + 2}")
        return [
            "-chardev", f"socket,id=chr{index},path={self.sock},server=on,wait=off",
            "-netdev", f"vhost-user,id=net{index},chardev=chr{index},queues={self.queues}",
            "-device", ",".join(device),
        ]


class Result:
    """What a command in the guest printed (stdout and stderr together), and its exit status."""

    def __init__(self, command, status, output):
        self.command = command
        self.status = status
        self.output = output

    def __str__(self):
        return f"{self.command!r}: status {self.status}: {self.output.strip()}"


class Job:
    """A command running in the guest."""

    def __init__(self, vm, number, command, limit_s, quiet=False):
        self.vm = vm
        self.number = number
        self.command = command
        self.limit_s = limit_s
        self.quiet = quiet
        self._deadline = time.monotonic() + limit_s + 15
        self._pieces = []
        self._done = threading.Event()
        self._result = None
        self._lost = None

    def done(self):
        return self._done.is_set()

    def wait(self, check=True):
        """The Result. Raises RigError on a lost guest, an overrun, or (check) a status not 0."""
        while not self._done.wait(0.5):
            self.vm.child.check_running()
            if time.monotonic() > self._deadline:
                raise RigError(f"{self.vm.name}: {self.command!r}: no answer in {self.limit_s} s")
        if self._lost:
            raise RigError(f"{self.vm.name}: {self.command!r}: {self._lost}")
        if check and self._result.status != 0:
            raise RigError(f"{self.vm.name}: {self._result}")
        return self._result

    def signal(self, name):
        """Send a signal (INT, TERM, ...) to the command and its children."""
        self.vm.send(f"signal {self.number} {name}")

    def output_so_far(self):
        return self.vm.sh(f"cat /run/job/{self.number}.out 2>/dev/null; true").output

    # Called by the reader thread.
    def add(self, piece):
        self._pieces.append(piece)

    def end(self, status):
        text = b"".join(self._pieces).decode(errors="replace")
        self._result = Result(self.command, status, text)
        self._done.set()

    def lose(self, reason):
        self._lost = reason
        self._done.set()


class MemoryLost(RigError):
    """QEMU has lost memory of the guest's own in every one of several migrations; it goes on where it was."""


class Vm:
    """A virtual machine; start() it, wait_booted(), sh() in it."""

    def __init__(self, run, name, nics=(), cpus=1, memory_mib=256, accel=None, image=None,
                 machine="", devices=(), boot_words="", nodes=()):
        from . import image as images
        self.run = run
        self.name = name
        self.nics = list(nics)
        self.cpus = cpus
        self.accel = accel or accelerator()
        self.image = image or images.image()
        # More of the machine: properties, devices that come before the NICs, words for the kernel.
        # Instead of one memory, memory nodes: (CPUs as in "0-1", MiB) of each.
        self.nodes = list(nodes)
        self.memory_mib = sum(mib for _, mib in nodes) or memory_mib
        self.machine = ",".join(filter(None, ["q35" if nodes else "q35,memory-backend=mem", machine]))
        self.devices = list(devices)
        self.boot_words = boot_words
        self.child = None
        self.boots = 0
        self._boot_id = None
        self._jobs = {}
        self._numbers = itertools.count(1)
        self._agent = None
        self._qmp = None
        self._lock = threading.Lock()
        self._transcript = open(run.path(f"{name}-commands.log"), "a", buffering=1)
        run.at_end.append(self._transcript.close)

    # Power.

    def start(self, limit_s=900, incoming=False):
        """Start QEMU; it boots when each NIC's backend has connected, or waits for receive()."""
        starts = sum(1 for child in self.run.children if child.name.startswith(f"{self.name}-qemu"))
        agent_ours, agent_its = socket.socketpair()
        qmp_ours, qmp_its = socket.socketpair()
        console = self.run.path(f"{self.name}-console.log")
        memory = f"{self.memory_mib}M"
        command = [
            QEMU, "-name", self.name, "-nodefaults", "-no-user-config",
            "-display", "none", "-accel", self.accel, "-cpu", CPU[self.accel],
            "-machine", self.machine, "-m", f"{memory},slots=2,maxmem=2G",
            # With a single CPU, TCG takes the kernel's memory barriers (`lock add`) for plain
            # additions; rings shared with another process need them. A second possible CPU, which
            # never comes, makes them real.
            "-smp", f"{self.cpus},maxcpus={max(2, self.cpus)}",
            *self._memory(),
            "-kernel", self.image.kernel, "-initrd", self.image.initrd,
            "-append", f"console=ttyS0 quiet guest={self.name} net.ifnames=0 random.trust_cpu=on "
            f"tsc=reliable mitigations=off {self.boot_words}",
            *self.devices,
            "-chardev", f"file,id=con,path={console},append=on", "-serial", "chardev:con",
            "-chardev", f"socket,id=qmp,fd={qmp_its.fileno()}", "-mon", "chardev=qmp,mode=control",
            "-device", "virtio-serial-pci,addr=0x4",
            "-chardev", f"socket,id=agent,fd={agent_its.fileno()}",
            "-device", "virtserialport,chardev=agent,name=agent",
        ]
        for index, nic in enumerate(self.nics):
            command += nic.arguments(index, self.accel)
        if incoming:
            command += ["-incoming", "defer"]
        self.child = self.run.spawn(f"{self.name}-qemu{starts or ''}", command, limit_s=limit_s,
                                    pass_fds=(agent_its.fileno(), qmp_its.fileno()))
        agent_its.close()
        qmp_its.close()
        self._agent = agent_ours
        self._qmp = Qmp(self.name, qmp_ours)
        threading.Thread(target=self._read, args=(agent_ours,), daemon=True).start()
        return self

    def _memory(self):
        if not self.nodes:
            return ["-object", f"memory-backend-memfd,id=mem,size={self.memory_mib}M,share=on"]
        return [word for i, (cpus, mib) in enumerate(self.nodes) for word in (
            "-object", f"memory-backend-ram,id=mem{i},size={mib}M",
            "-numa", f"node,nodeid={i},cpus={cpus},memdev=mem{i}")]

    def wait_sockets(self, limit_s=15):
        """Wait until QEMU serves the sockets: a backend that starts now connects at once."""
        def served():
            self.child.check_running()
            return all(os.path.exists(nic.sock) for nic in self.nics)
        wait_until(f"{self.name}: sockets of the NICs", limit_s, served)
        return self

    def wait_booted(self, limit_s=60, boot=1):
        """Wait until the guest has booted that many times in this Vm's life."""
        def booted():
            self.child.check_running()
            return self.boots >= boot
        wait_until(f"{self.name}: boot {boot}", limit_s, booted)
        return self

    def reset(self, limit_s=60):
        """Press the reset button and wait for the next boot."""
        boot = self.boots + 1
        self.qmp("system_reset")
        return self.wait_booted(limit_s, boot)

    def kill(self):
        """kill -9 QEMU."""
        self.child.kill()
        self._lose_jobs("QEMU was killed")
        self._agent.close()
        self._qmp.close()

    def stop(self):
        """End QEMU and remove its sockets."""
        if self.child:
            self.child.stop()
        self._lose_jobs("stopped")
        self._remove_sockets()

    def _remove_sockets(self):
        for nic in self.nics:
            if os.path.exists(nic.sock):
                os.unlink(nic.sock)

    def qmp(self, command, **arguments):
        try:
            return self._qmp.execute(command, arguments)
        except RigError:
            if self.child:
                self.child.check_running(wait_s=0.5)  # if QEMU has ended, its status says more
            raise

    def receive(self, other, meanwhile=lambda: None, limit_s=60):
        """
        Take the guest over from another Vm by live migration, with the commands that run in it.

        meanwhile is called again and again until the guest is here.

        Returns whether every byte of its memory has come along. If not, the guest goes on in the
        other Vm, and this one is of no use: up to QEMU 8.2, TCG forgets pages that the guest wrote
        to just after they were copied (its TLBs are not told that the dirty bitmap was cleared).
        Raises when the backend's writes have not come along: those are logged by the backend.
        """
        uri = f"unix:{self.run.path(self.name + '-migration.sock')}"
        self.qmp("stop")  # it waits until it may run
        self.qmp("migrate-incoming", uri=uri)
        other.qmp("migrate", uri=uri)

        def arrived():
            meanwhile()
            status = other.qmp("query-migrate").get("status")
            if status in ("failed", "cancelled"):
                raise RigError(f"{self.name}: migration {status}")
            return status == "completed"
        wait_until(f"{other.name} moves to {self.name}", limit_s, arrived, every_s=0.02)
        wait_until(f"{self.name} has the guest", limit_s,
                   lambda: self.qmp("query-migrate").get("status") == "completed")
        here, there = self.memory(), other.memory()
        if here != there:
            for start, end in other.used_rings():
                if here[start:end] != there[start:end]:
                    raise RigError(f"{self.name}: used entries at {start:#x} have not come along")
            other.qmp("cont")
            return False
        self._take_over(other)
        self.qmp("cont")
        return True

    def move(self, name, nics, meanwhile=lambda: None, limit_s=900):
        """
        The Vm that has the guest now, and runs for limit_s at most; this one is still to be ended.

        Its commands run on there. meanwhile is that of receive().
        """
        for number in range(1, MOVES_MOST + 1):
            new = Vm(self.run, f"{name}{number}", nics, cpus=self.cpus, memory_mib=self.memory_mib,
                     accel=self.accel, image=self.image, boot_words=self.boot_words)
            new.start(limit_s, incoming=True).wait_sockets()
            if new.receive(self, meanwhile):
                return new
            new.stop()
        raise MemoryLost(f"{MOVES_MOST} migrations, and each lost some of the guest's memory")

    def _take_over(self, other):
        """The guest that was in the other Vm, and its commands, are in this one."""
        self._jobs, self._numbers, self._boot_id = other._jobs, other._numbers, other._boot_id
        for job in self._jobs.values():
            job.vm = self
        other._jobs = {}
        self.boots = other.boots

    def _wait_migrated(self, what, limit_s=60):
        def done():
            status = self.qmp("query-migrate").get("status")
            if status in ("failed", "cancelled"):
                raise ChildGone(f"{self.name}: {what}: migration {status}")
            return status == "completed"
        wait_until(f"{self.name}: {what}", limit_s, done)

    def save(self, path):
        """Write the guest into a file and end QEMU; what runs in it goes on with restore()."""
        self.qmp("stop")
        self.qmp("migrate", uri=f"exec:cat >{path}")
        self._wait_migrated("saved")
        self.child.stop()
        self._remove_sockets()

    def restore(self, path, other):
        """Go on, with incoming=True and not booted, as the guest that other.save() wrote."""
        self.qmp("migrate-incoming", uri=f"exec:cat {path}")
        self._wait_migrated("restored")
        self._take_over(other)
        if self.qmp("query-status")["status"] != "running":
            self.qmp("cont")

    def plug_memory(self, mib, name="more"):
        """Put a memory module in while the guest runs."""
        self.qmp("object-add", **{"qom-type": "memory-backend-memfd", "id": name, "size": mib << 20,
                                  "share": True})
        self.qmp("device_add", driver="pc-dimm", id=f"dimm-{name}", memdev=name)

    def memory(self):
        """The guest's memory, as QEMU holds it."""
        folder = f"/proc/{self.child.pid}/fd"
        for name in os.listdir(folder):
            if "memory-backend-memfd" in os.readlink(f"{folder}/{name}"):
                with open(f"{folder}/{name}", "rb") as file:
                    return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[:]
        raise RigError(f"{self.name}: its memory was not found")

    def used_rings(self):
        """(start, end) in the memory, of what only the NICs' backends write."""
        spans = []
        for device in self.qmp("x-query-virtio"):
            if device["name"] != "virtio-net":
                continue
            for queue in (0, 1):
                ring = self.qmp("x-query-virtio-queue-status", path=device["path"], queue=queue)
                spans.append((ring["vring-used"], ring["vring-used"] + 4 + 8 * ring["vring-num"]))
        return spans

    def set_link(self, index, up):
        """The NIC's cable: carrier in the guest, and a running or stopped device at the backend."""
        self.qmp("set_link", name=f"net{index}", up=up)

    # Commands.

    def send(self, line):
        try:
            with self._lock:
                self._agent.sendall((line + "\n").encode())
        except OSError as error:
            self.child.check_running(wait_s=2)  # if QEMU has ended, its status says more
            raise RigError(f"{self.name}: command channel: {error}") from None

    def start_job(self, command, limit_s=30, quiet=False):
        """Start a shell command in the guest and return the Job; quiet ones leave no transcript."""
        number = next(self._numbers)
        job = Job(self, number, command, limit_s, quiet)
        self._jobs[number] = job
        if not quiet:
            self._note(f"[{number}] $ {command}")
        text = base64.b64encode(f". /lib/lib.sh\n{command}\n".encode()).decode()
        self.send(f"run {number} {limit_s} {text}")
        return job

    def run_sh(self, command, limit_s=30):
        """The Result of a shell command, whatever its status."""
        return self.start_job(command, limit_s).wait(check=False)

    def sh(self, command, limit_s=30):
        """The Result of a shell command that must end with status 0."""
        return self.start_job(command, limit_s).wait()

    def read(self, command, limit_s=30):
        """What a command prints, without the newline at its end; for polling: no transcript."""
        return self.start_job(command, limit_s, quiet=True).wait().output.rstrip("\n")

    # The reader thread.

    def _note(self, text):
        if not self._transcript.closed:
            self._transcript.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def _read(self, channel):
        rest = b""
        while True:
            try:
                data = channel.recv(65536)
            except OSError:
                return
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._take(line.decode(errors="replace").split())

    def _take(self, words):
        if len(words) == 2 and words[0] == "@hello":
            if words[1] != self._boot_id:
                self._lose_jobs("the guest booted again")
                self._boot_id = words[1]
                self.boots += 1
                self._note(f"boot {self.boots}")
        elif len(words) == 3 and words[0] == "@out":
            job = self._jobs.get(int(words[1]))
            if job:
                job.add(base64.b64decode(words[2]))
        elif len(words) == 3 and words[0] == "@end":
            job = self._jobs.pop(int(words[1]), None)
            if job:
                job.end(int(words[2]))
                if not job.quiet:
                    self._note(f"[{job.number}] {job.wait(check=False)}")

    def _lose_jobs(self, reason):
        while self._jobs:
            _, job = self._jobs.popitem()
            job.lose(reason)


class Qmp:
    """QEMU's monitor, the little of it that is needed."""

    LIMIT_S = 20

    def __init__(self, name, channel):
        self.name = name
        self._channel = channel
        self._channel.settimeout(self.LIMIT_S)
        self._file = channel.makefile("rb")
        self._greeted = False

    def close(self):
        self._file.close()
        self._channel.close()

    def execute(self, command, arguments=None):
        """Run one command and return its answer. QEMU answers only when it has its backends."""
        try:
            if not self._greeted:
                self._answer("QMP")
                self._greeted = True
                self.execute("qmp_capabilities")
            request = {"execute": command, "arguments": arguments or {}}
            self._channel.sendall(json.dumps(request).encode())
            return self._answer("return")
        except (OSError, ValueError) as error:
            raise RigError(f"{self.name}: QMP {command}: {error}") from None

    def _answer(self, key):
        while True:
            line = self._file.readline()
            if not line:
                raise RigError(f"{self.name}: QMP: connection closed")
            message = json.loads(line)
            if "error" in message:
                raise RigError(f"{self.name}: QMP: {message['error']['desc']}")
            if key in message:
                return message[key]


def qemu_version():
    done = subprocess.run([QEMU, "--version"], capture_output=True, text=True,
                          check=False)
    return done.stdout.splitlines()[0] if done.stdout else "unknown"
