# SPDX-License-Identifier: BSD-3-Clause
"""bf-gen: built when needed, started with a socket for each port, asked with lines."""

import json
import os
import select
import shlex
import subprocess
import time

from .processes import (BUILD, ROOT, START_S, BenchError, Process, die_with_parent, remove_runtime,
                        wait_for)

SOURCE = ROOT / "test" / "bench" / "gen"
SMALL_BUF = 2048
JUMBO_BUF = 9216
RING_SIZE = 1024


def is_fresh(binary, sources):
    return binary.exists() and all(binary.stat().st_mtime >= s.stat().st_mtime for s in sources)


def program():
    """The binary that meson built, else one compiled here and kept in the build directory."""
    sources = sorted(SOURCE.glob("*.[ch]"))
    built = BUILD / "test" / "bench" / "gen" / "bf-gen"
    own = BUILD / "bench" / "bf-gen"
    for binary in (built, own):
        if is_fresh(binary, sources):
            return binary
    own.parent.mkdir(parents=True, exist_ok=True)
    print(f"compiling {own}", flush=True)
    fresh = own.with_suffix(".new")
    command = ["cc", "-std=gnu11", "-O3", "-DALLOW_EXPERIMENTAL_API", "-D_GNU_SOURCE",
               *flags("--cflags"), *(s for s in sources if s.suffix == ".c"), "-o", fresh,
               *flags("--libs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          preexec_fn=die_with_parent)
    if done.returncode != 0:
        raise BenchError(f"bf-gen does not compile:\n{done.stderr[-2000:]}")
    fresh.rename(own)
    return own


def flags(what):
    done = subprocess.run(["pkg-config", what, "libdpdk"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise BenchError("no libdpdk to build bf-gen with: scripts/install-deps build")
    return shlex.split(done.stdout)


def ports_max():
    """How many ports bf-gen can have: the ethdevs of the libdpdk that it is built with."""
    done = subprocess.run(["cc", "-E", "-P", *flags("--cflags"), "-"], text=True, check=True,
                          input="#include <rte_config.h>\nRTE_MAX_ETHPORTS\n", capture_output=True)
    return int(done.stdout.split()[-1])


class Generator:
    """One bf-gen; wires first, then guests."""

    def __init__(self, binary, workdir, cpu, memory, n_wires, n_guests, is_jumbo, guest_knobs=""):
        self.workdir = workdir
        self.n_wires = n_wires
        self.n_guests = n_guests
        self.prefix = f"bfgen-{workdir.name}"
        self.pending = b""
        buf = JUMBO_BUF if is_jumbo else SMALL_BUF
        n_bufs = (n_wires + n_guests) * 2 * RING_SIZE + 8192
        megabytes = 128 + n_bufs * (buf + 512) // (1 << 20)
        vdevs = []
        for i, path in enumerate([*self.wire_sockets(), *self.guest_sockets()]):
            knobs = f",{guest_knobs}" if guest_knobs and i >= n_wires else ""
            vdevs += ["--vdev", f"net_virtio_user{i},path={path},queues=1,"
                                f"queue_size={RING_SIZE},server=1{knobs}"]
        self.process = Process(
            "bf-gen", [binary, "--lcores", f"0@{cpu}", *memory.eal(megabytes), "--no-pci",
                       "--no-telemetry", "--file-prefix", self.prefix, *vdevs, "--",
                       "--wires", n_wires, "--buf", buf, "--bufs", n_bufs, "--desc", RING_SIZE],
            workdir, stdout=subprocess.PIPE)
        # Ports are made one after the other, each when the one before it has its connection.
        first = self.wire_sockets()[0]
        wait_for(lambda: first.exists() or not self.process.is_running(), START_S, "bf-gen")
        self.process.check()

    def wire_sockets(self):
        return [self.workdir / f"wire{i}.sock" for i in range(self.n_wires)]

    def guest_sockets(self):
        return [self.workdir / f"vm{i}.sock" for i in range(self.n_guests)]

    def answer(self, timeout_s):
        end = time.monotonic() + timeout_s
        out = self.process.child.stdout
        while b"\n" not in self.pending:
            if not select.select([out], [], [], max(0, end - time.monotonic()))[0]:
                raise BenchError(f"bf-gen: no answer within {timeout_s:.0f} s:\n"
                                 f"{self.process.tail()}")
            data = os.read(out.fileno(), 65536)
            if not data:
                self.process.child.wait()
                self.process.check()
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def ask(self, verb, timeout_s=20, **args):
        words = [verb] + [f"{key}={value}" for key, value in args.items() if value is not None]
        try:
            self.process.child.stdin.write((" ".join(words) + "\n").encode())
            self.process.child.stdin.flush()
        except BrokenPipeError:
            self.process.check()
            raise
        answer = self.answer(timeout_s)
        if not answer.get("ok"):
            raise BenchError(f"bf-gen: {' '.join(words)}: {answer.get('error')}")
        return answer

    def connect(self):
        """Wait until every port has its forwarder and the driver says that the link is up."""
        self.answer(START_S + 3 * (self.n_wires + self.n_guests))
        wait_for(lambda: all(p["up"] for p in self.ask("ports")["ports"]), START_S, "links")

    def run(self, ms, drain, **spec):
        return self.ask("run", timeout_s=ms / 1000 + drain / 1000 + 30, ms=int(ms), drain=drain,
                        **spec)

    def stop(self):
        self.process.stop()
        remove_runtime(self.prefix)
