# SPDX-License-Identifier: BSD-3-Clause
"""
One run of the rig: a private folder, child processes, conditions to wait for.

Everything a run creates is registered here and is gone when the run ends, also after an exception
or SIGINT: children die with this process (PDEATHSIG, for the case that even that fails), each has
a time limit, and the folder with all the sockets is removed.
"""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time


class RigError(Exception):
    """The rig or what it tests did not do what was asked; the text says what."""


def wait_until(what, limit_s, probe, every_s=0.05):
    """
    Call probe until it returns something true, and return that.

    A RigError raised by probe counts as "not yet". After limit_s a RigError names `what` and the
    last thing the probe said.
    """
    deadline = time.monotonic() + limit_s
    while True:
        last = None
        try:
            value = probe()
            if value:
                return value
        except RigError as error:
            last = error
        if time.monotonic() >= deadline:
            raise RigError(f"{what}: not within {limit_s:g} s" + (f" ({last})" if last else ""))
        time.sleep(every_s)


class Child:
    """A child process with a log file and a time limit; only ever signalled by its own pid."""

    def __init__(self, run, name, argv, limit_s, pass_fds=(), env=None, cwd=None):
        self.name = name
        self.log_path = run.path(f"{name}.log")
        self.argv = [str(word) for word in argv]
        with open(self.log_path, "ab") as log:
            log.write(("# " + " ".join(self.argv) + "\n").encode())
            log.flush()
            # setpriv and not preexec_fn: safe with threads, and it survives the exec. A session of
            # its own: Ctrl-C is for us, who then stop the children in order.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--"] + self.argv,
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                pass_fds=pass_fds, env=env, cwd=cwd, start_new_session=True)
        self.overran = False
        self._limit = threading.Timer(limit_s, self._overrun)
        self._limit.daemon = True
        self._limit.start()

    def _overrun(self):
        self.overran = True
        if self.process.poll() is None:
            self.process.kill()

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def check_running(self, wait_s=0):
        """
        Raise when the process is gone: waiting on for it would only waste the time limit.

        wait_s: how long its end may take that something else has told of.
        """
        try:
            status = self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            status = None
        if status is not None:
            lines = self.log().strip().splitlines()
            raise ChildGone(f"{self.name} ended with status {status}: "
                            + (lines[-1] if len(lines) > 1 else "no output"))

    def kill(self):
        """SIGKILL, and wait for the end."""
        self.stop(sig=signal.SIGKILL)

    def stop(self, sig=signal.SIGTERM, limit_s=10):
        """Send one signal, wait, and SIGKILL when that was not enough. Returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            status = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        self._limit.cancel()
        if self.process.stdin:
            self.process.stdin.close()
        return status


class ChildGone(Exception):
    """A child ended that was expected to run; not a RigError, so wait_until passes it on."""


class Run:
    """
    Context manager: the folder and the children of one run.

    keep_logs: a folder that receives all *.log files when the run ends (made when missing).
    """

    def __init__(self, label="run", folder=None, keep_logs=None):
        # Socket paths have 107 characters: stay short, whatever TMPDIR says.
        base = folder or os.environ.get("BONDFWD_RUN_DIR") or "/tmp"
        self.folder = tempfile.mkdtemp(prefix=f"bondfwd-{label}-", dir=base)
        self.keep_logs = keep_logs
        self.children = []
        self.at_end = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def spawn(self, name, argv, limit_s=900, **kwargs):
        child = Child(self, name, argv, limit_s, **kwargs)
        self.children.append(child)
        return child

    def logs(self):
        """Name and text of every log of this run."""
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(self.path(name), errors="replace") as file:
                    yield name, file.read()

    def close(self):
        """End everything, in reverse order of creation. May be called twice."""
        # A second Ctrl-C has to wait.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (
            signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM))
        try:
            self._end()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _end(self):
        for action in reversed(self.at_end):
            try:
                action()
            except (OSError, RigError, ChildGone):
                pass
        self.at_end = []
        for child in self.children:
            if child.running():
                child.process.terminate()
        for child in reversed(self.children):
            child.stop(limit_s=5)
        self.children = []
        if os.path.isdir(self.folder):
            if self.keep_logs:
                os.makedirs(self.keep_logs, exist_ok=True)
                for name in os.listdir(self.folder):
                    if name.endswith(".log"):
                        shutil.copy(self.path(name), self.keep_logs)
            shutil.rmtree(self.folder, ignore_errors=True)
            # Where bondfwd keeps how far packed rings went.
            for left in glob.glob(f"/dev/shm/bondfwd{self.folder.replace('/', '-')}-*.rings"):
                os.unlink(left)


def unwind_on_signals():
    """Let SIGTERM and SIGHUP unwind like SIGINT does, so that context managers clean up."""
    def stop(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
