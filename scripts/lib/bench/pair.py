# SPDX-License-Identifier: BSD-3-Clause
"""A forwarder and the generator around it."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from . import generator
from .forwarders import ready
from .processes import BenchError


@contextlib.contextmanager
def failures_kept(results, number):
    """What fails inside ends it, and is kept with where it happened: what the dict says then."""
    where = {"forwarder": "-", "path": "-", "size": "-", "round": number}
    try:
        yield where
    except (BenchError, subprocess.TimeoutExpired) as error:
        print(f"{where['forwarder']} {where['path']} {where['size']}: {error}", file=sys.stderr,
              flush=True)
        results["failed"].append({**where, "error": str(error)})


class Pair:
    """Started when entered; ends, and leaves nothing behind, when left."""

    def __init__(self, cls, binary, options, memory, is_jumbo, log_name):
        self.cls = cls
        self.binary = binary
        self.options = options
        self.memory = memory
        self.is_jumbo = is_jumbo
        self.log_name = f"{cls.name}-{log_name}-{'jumbo' if is_jumbo else 'small'}"
        self.generator = None

    def __enter__(self):
        self.workdir = pathlib.Path(tempfile.mkdtemp(prefix="bf-bench-"))
        self.forwarder = self.cls(self.workdir, self.options, self.memory)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        options = self.options
        self.generator = generator.Generator(
            self.binary, self.workdir, options.cpu_gen, self.memory, self.cls.n_wires,
            options.guests, self.is_jumbo, options.guest_knobs)
        self.forwarder.start(self.generator, self.is_jumbo)
        ready(self.forwarder, self.generator, {"flows": options.flows, "macs": options.macs})

    def signal(self, number):
        for process in self.forwarder.processes:
            if process.is_running():
                os.kill(process.child.pid, number)

    def hold(self):
        """The forwarder stands still, and its CPU is free."""
        self.signal(signal.SIGSTOP)

    def go(self):
        self.signal(signal.SIGCONT)

    def distance(self):
        """
        ns of a cache line's way between the two CPUs and back.  No forwarder may run meanwhile.

        A hypervisor changes it within seconds, and with it what any forwarder does by a factor of
        two or three.
        """
        return self.generator.ask("distance", cpu=self.options.cpu_fwd)["ns"]

    def spec(self, path, sizes):
        """What bf-gen's trials on this path have in common."""
        return {"path": path, "size": ",".join(map(str, sizes)), "flows": self.options.flows,
                "macs": self.options.macs, **self.forwarder.senders(path)}

    def __exit__(self, *_):
        # The forwarder first: bf-gen's driver takes a lost client better than the other way round.
        self.go()
        self.forwarder.stop()
        if self.generator is not None:
            self.generator.stop()
        if self.options.keep_logs:
            target = self.options.results / "logs" / self.log_name
            target.mkdir(parents=True, exist_ok=True)
            for log in self.workdir.glob("*.log"):
                shutil.copy(log, target)
        shutil.rmtree(self.workdir, ignore_errors=True)
