# SPDX-License-Identifier: BSD-3-Clause
"""Child processes that never outlive the bench, and waiting for conditions."""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("BONDFWD_BUILD", ROOT / "build")).resolve()
START_S = 60
STOP_S = 10
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class BenchError(Exception):
    """Something that is measured, or measures, does not work."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for(cond, timeout_s, what):
    """Poll until cond() is true; BenchError names what did not happen."""
    end = time.monotonic() + timeout_s
    while not cond():
        if time.monotonic() > end:
            raise BenchError(f"{what}: not within {timeout_s} s")
        time.sleep(0.05)


def output_of(*command):
    """First line that a command prints, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout.strip().splitlines() or [None])[0] if done.returncode == 0 else None


class Process:
    """A child with a log; ends with stop(), with this process, or by itself."""

    def __init__(self, name, command, workdir, stdout=None, env=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.log = pathlib.Path(workdir) / f"{name}.log"
        env = dict(env or os.environ)
        # So that the EAL's files are where remove_runtime() looks.
        env.pop("XDG_RUNTIME_DIR", None)
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=stdout or log, stderr=log,
                env=env, cwd=workdir, start_new_session=True, preexec_fn=die_with_parent)

    def is_running(self):
        return self.child.poll() is None

    def tail(self, n=6):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-n:])

    def check(self):
        if not self.is_running():
            raise BenchError(f"{self.name} ended, status {self.child.returncode}:\n{self.tail()}")

    def stop(self):
        if self.is_running():
            self.child.terminate()
            try:
                self.child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass


class Memory:
    """How the EALs get their memory: huge pages without files, or ordinary pages."""

    def __init__(self, kind):
        self.is_huge = kind == "huge"

    def eal(self, megabytes):
        if self.is_huge:
            # One file per heap: vhost-user hands over at most 8 regions.
            return ["--in-memory", "--single-file-segments", "--iova-mode", "va"]
        return ["--no-huge", "-m", str(megabytes), "--iova-mode", "va"]


def remove_runtime(prefix):
    """What an EAL leaves behind."""
    for run in ("/var/run/dpdk", "/tmp/dpdk"):
        shutil.rmtree(os.path.join(run, prefix), ignore_errors=True)
