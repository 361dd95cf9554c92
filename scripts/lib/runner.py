# SPDX-License-Identifier: BSD-3-Clause
"""
What suites are run with: commands under a time limit, each with its log; tallies of how tests
ended; lanes of suites that run side by side.

A suite is a function that is given its Job and returns a Tally. One that runs by itself shows its
output as it comes; of several side by side each shows its own in one piece when it has ended.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BONDFWD_BUILD") or ROOT / "build").resolve()
LOGS = BUILD / "test-logs"

# After a suite's time is over: an interrupt lets pytest write its report, then it is killed.
GRACE_S = 20
# How often the suites that run side by side are named.
TELL_S = 60
AUTOGROUPS = pathlib.Path("/proc/sys/kernel/sched_autogroup_enabled")
# Of suites that compute, beside those that wait: the latter are asked for answers in time.
NICE = 5


class Tally:
    """How the tests of one suite ended, by name."""

    def __init__(self):
        self.passed = []
        self.failed = []
        self.skipped = []
        self.unsteady = []  # of the passed ones those that failed at first
        self.seconds = 0.0

    def add(self, name, result, reason=""):
        if result == "skipped":
            self.skipped.append(f"{name} ({reason})" if reason else name)
        else:
            getattr(self, result).append(name)

    def take(self, other):
        """Add what another tally has."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.unsteady += other.unsteady

    def count(self):
        return len(self.passed) + len(self.failed) + len(self.skipped)


class Children:
    """The process groups that run; ending them all is how an interrupted run stops."""

    def __init__(self):
        self.lock = threading.Lock()
        self.alive = set()
        self.closed = False

    def start(self, command, **options):
        with self.lock:
            if self.closed:
                raise SystemExit("interrupted")
            child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     start_new_session=True, **options)
            self.alive.add(child)
            return child

    def gone(self, child):
        with self.lock:
            self.alive.discard(child)

    def end_all(self):
        with self.lock:
            self.closed = True
            left = list(self.alive)
        for child in left:
            end(child)


CHILDREN = Children()
OUTPUT = threading.Lock()


def end(child):
    """Interrupt a process group, and kill it when that does not help."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(GRACE_S)
            break
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            break
    child.wait()


def stand_back(pid):
    """Leave the CPU to other sessions: each is a group of its own where the kernel groups them."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, pid, NICE)
    with contextlib.suppress(OSError):
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(NICE), encoding="ascii")


class Job:
    """One suite on its way: its name, its time, its output."""

    def __init__(self, name, limit_s, live=True, nice=False):
        """live: show the output as it comes. nice: others beside it go first."""
        self.name = name
        self.limit_s = limit_s
        self.live = live
        self.nice = nice
        self.began = time.monotonic()
        self.kept = []

    def left_s(self):
        return max(1, self.limit_s - (time.monotonic() - self.began))

    def write(self, text):
        if not self.live:
            self.kept.append(text)
            return
        sys.stdout.write(text)
        sys.stdout.flush()

    def show(self):
        """The output that was kept back, in one piece."""
        if not self.live:
            with OUTPUT:
                print(f"\n==> {self.name}\n" + "".join(self.kept), end="", flush=True)

    def run(self, name, command, env=None):
        """
        Run a command in what is left of the suite's time; its output goes to the log of that name
        as well. (status, output, in_time)
        """
        LOGS.mkdir(parents=True, exist_ok=True)
        child = CHILDREN.start(command, cwd=ROOT, env={
            **os.environ, "BONDFWD_BUILD": str(BUILD), "PYTHONDONTWRITEBYTECODE": "1",
            **(env or {})})
        if self.nice:
            stand_back(child.pid)
        lines = []

        def copy():
            with open(LOGS / f"{name}.log", "w", encoding="utf-8") as log:
                for raw in child.stdout:
                    lines.append(raw.decode(errors="replace"))
                    log.write(lines[-1])
                    log.flush()
                    self.write(lines[-1])

        reader = threading.Thread(target=copy, daemon=True)
        reader.start()
        in_time = True
        try:
            child.wait(self.left_s())
        except subprocess.TimeoutExpired:
            in_time = False
            end(child)
        except BaseException:
            end(child)
            raise
        finally:
            CHILDREN.gone(child)
        reader.join(5)
        return child.returncode, "".join(lines), in_time

    def finish(self, tally, status, in_time, log=None):
        """What went wrong with the suite as a whole is a failed test of its own."""
        log = log or self.name
        if not in_time:
            tally.add(f"{log}: not finished within {self.limit_s:.0f} s", "failed")
        elif status != 0 and not tally.failed:
            tally.add(f"{log}: exit status {status} (see {LOGS / log}.log)", "failed")
        elif tally.count() == 0:
            tally.add(f"{log}: nothing ran", "failed")
        return tally


def run_suite(suite, job):
    """The tally of one suite; a suite that breaks is a failed one."""
    try:
        tally = suite(job)
    except Exception as error:  # pylint: disable=broad-except
        tally = Tally()
        tally.add(f"{job.name}: {type(error).__name__}: {error}", "failed")
    tally.seconds = time.monotonic() - job.began
    return tally


def run_alone(name, suite, limit_s):
    print(f"\n==> {name}", flush=True)
    return run_suite(suite, Job(name, limit_s))


class Lane(threading.Thread):
    """Suites, as (name, function, limit_s), one after the other, beside other lanes."""

    def __init__(self, suites, nice=False):
        super().__init__(daemon=True)
        self.suites = suites
        self.nice = nice
        self.job = None
        self.tallies = {}

    def run(self):
        for name, suite, limit_s in self.suites:
            self.job = Job(name, limit_s, live=False, nice=self.nice)
            self.tallies[name] = run_suite(suite, self.job)
            self.job.show()
        self.job = None


def run_lanes(lanes):
    """Run lanes side by side until the last has ended; their tallies."""
    lanes = [lane for lane in lanes if lane.suites]
    began = told = time.monotonic()
    names = [name for lane in lanes for name, _, _ in lane.suites]
    print(f"\n==> side by side: {', '.join(names)}; each is shown when it has ended", flush=True)
    for lane in lanes:
        lane.start()
    while any(lane.is_alive() for lane in lanes):
        for lane in lanes:
            lane.join(0.5)
        if time.monotonic() - told >= TELL_S:
            told = time.monotonic()
            running = [lane.job.name for lane in lanes if lane.job]
            with OUTPUT:
                print(f"... {told - began:.0f} s: {', '.join(running)}", flush=True)
    return {name: tally for lane in lanes for name, tally in lane.tallies.items()}


def summary(tallies):
    """Print the table, what was skipped and failed, and the last line; the exit status."""
    print("\nsuite        passed  failed skipped  seconds")
    for name, tally in tallies.items():
        print(f"{name:<12} {len(tally.passed):6}  {len(tally.failed):6}  {len(tally.skipped):6}  "
              f"{tally.seconds:7.0f}")
    for what in ("skipped", "unsteady", "failed"):
        for name, tally in tallies.items():
            for title in getattr(tally, what):
                print(f"{what}: {name}: {title}")
    total = [sum(len(getattr(tally, what)) for tally in tallies.values())
             for what in ("passed", "failed", "skipped")]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] > 0 or total[0] == 0 else 0


@contextlib.contextmanager
def without_autogroups():
    """
    The kernel's grouping of processes by session, off while tests run.

    With it, Linux 6.18 sometimes counts a sleeper as running for a minute (both CPUs at 100 % in
    the kernel, in clock_nanosleep), and its own threads, of no session, get no time: everything
    that waits for RCU stands still, the end of a process as well. Only root can turn it off. Who
    finds it off, by another run beside this one for example, leaves it alone.
    """
    was_on = False
    with contextlib.suppress(OSError):
        was_on = AUTOGROUPS.read_text(encoding="ascii").strip() != "0"
        if was_on:
            AUTOGROUPS.write_text("0", encoding="ascii")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if was_on:
                AUTOGROUPS.write_text("1", encoding="ascii")


def interruptible(main, *words):
    """Run main(*words); whatever ends it ends the children too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with without_autogroups():
            return main(*words)
    finally:
        CHILDREN.end_all()
