#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Build, run the suites that scripts/test was asked for, each under its time limit, and add up what
meson, scripts/check and pytest report.

Some suites wait (for protocol timers, for guests that boot), some compute, and some are short: a lane
of each, side by side.
"""

import json
import os
import re
import sys
import threading
import xml.etree.ElementTree as ElementTree

from runner import (BUILD, LOGS, ROOT, Job, Lane, Tally, interruptible, run_alone, run_lanes,
                    summary)

SANITIZED = BUILD.with_name(BUILD.name + "-sanitize")

BUILD_LIMIT_S = 400
# Functional tests that run side by side: of two seconds of one a CPU works half a second.
JOBS = os.environ.get("BONDFWD_TEST_JOBS") or str(min(8, 3 * len(os.sched_getaffinity(0))))

# Failed tests that run once more: beside so much else a machine stands still now and then. When more
# fail, the program is at fault.
AGAIN_MOST = 5
TESTS_FAILED = 1  # pytest's status; others mean that it did not get through
# Of what a busy machine does not bring about: never once more.
FAULT = re.compile("AddressSanitizer|runtime error:|ledger: |mempools short|exit status|bad_log_lines")

# Seconds after which a test of pytest's gives up waiting: side by side everything takes longer.
WAITS_LONGER = {"BONDFWD_TEST_LIMIT": os.environ.get("BONDFWD_TEST_LIMIT", "60")}

# cmocka's own lines and TAP's, wherever a test program wrote them.
CMOCKA = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (?!\d+ test)(\S.*?)(?:: Test failed\.)?$", re.MULTILINE)
TAP = re.compile(r"^(not )?ok \d+(?: -)? ?(.*?)(?: # (SKIP|skip)\b ?(.*))?$", re.MULTILINE)
CHECK = re.compile(r"^(\w+): (ok|FAILED|skipped)(?: \((.*)\))?$", re.MULTILINE)


def build(job, directory, *options, targets=(), env=None):
    """Configure and compile all, or targets; an existing directory keeps its options but gets the tests."""
    options = ["-Dtests=true", *options]
    if (directory / "build.ninja").exists():
        setup = ["meson", "configure", directory, *options]
    else:
        setup = ["meson", "setup", *options, directory, ROOT]
    name = f"build-{directory.name}"
    status, _, in_time = job.run(name, setup, env)
    if status == 0 and in_time:
        status, _, in_time = job.run(name, ["ninja", "-C", directory, *targets], env)
    return status == 0 and in_time


# What its suites run; the rest, benches for example, would only be compiled.
SANITIZED_TARGETS = ("meson-test-prereq", "app/bondfwd", "app/bondctl", "test/peer/bf-peer")
SANITIZED_LOCK = threading.Lock()
SANITIZED_BUILT = []


def build_sanitized(job):
    """The one build with sanitizers, made by the first suite that needs it."""
    with SANITIZED_LOCK:
        if not SANITIZED_BUILT:
            # Names and lines for reports, and no more: it compiles in half the time.
            SANITIZED_BUILT.append(build(job, SANITIZED, "-Doptimization=1", "-Dc_args=-g1",
                                         "-Db_sanitize=address,undefined", targets=SANITIZED_TARGETS))
        return SANITIZED_BUILT[0]


def add_program(tally, test):
    """One program of a meson suite: its single tests when it prints them, else the program."""
    program = test["name"].split(" / ")[-1]
    output = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    before = len(tally.failed), tally.count()
    seen = set()
    for result, name in CMOCKA.findall(output):
        if name not in seen:  # cmocka lists the failed ones twice
            seen.add(name)
            tally.add(f"{program}: {name}",
                      {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[result])
    if not seen:
        for bad, name, skip, reason in TAP.findall(output):
            tally.add(f"{program}: {name}", "skipped" if skip else "failed" if bad else "passed",
                      reason)
    result = test["result"]
    if tally.count() == before[1] and result in ("OK", "SKIP", "EXPECTEDFAIL"):
        last = (output.strip().splitlines() or [""])[-1]
        tally.add(program, "skipped" if result == "SKIP" else "passed", last)
    elif result not in ("OK", "SKIP", "EXPECTEDFAIL") and len(tally.failed) == before[0]:
        tally.add(f"{program}: {result.lower()}", "failed")


def run_meson(job, directory, suites, env=None):
    tally = Tally()
    log = directory / "meson-logs" / f"{job.name}.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", directory, "--no-rebuild", "--logbase", job.name,
               "--print-errorlogs"]
    for suite in suites:
        command += ["--suite", suite]
    status, _, in_time = job.run(job.name, command, env)
    if log.exists():
        for line in log.read_text(encoding="utf-8").splitlines():
            add_program(tally, json.loads(line))
    return job.finish(tally, status, in_time)


def run_unit(job):
    return run_meson(job, BUILD, ["unit"])


def run_eal(job):
    return run_meson(job, BUILD, ["eal"])


def run_fuzz(job):
    return run_meson(job, BUILD, ["fuzz"])


def run_checks(job, option="--suite"):
    tally = Tally()
    status, output, in_time = job.run("checks", [ROOT / "scripts" / "check", option],
                                      {"BONDFWD_GCC_BUILD": str(BUILD)})
    for name, result, reason in CHECK.findall(output):
        tally.add(name, {"ok": "passed", "FAILED": "failed", "skipped": "skipped"}[result], reason)
    return job.finish(tally, status, in_time)


def run_sanitize(job):
    """The fast suites, and hostile front ends, which have nothing to find without sanitizers."""
    if not build_sanitized(job):
        tally = Tally()
        tally.add("build with sanitizers", "failed")
        return tally
    # The EAL keeps what it allocated until the process ends.
    env = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
           "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    tally = run_meson(job, SANITIZED, ("unit", "eal", "fuzz"), env)
    tally.take(run_attack(job))
    return tally


def run_pytest(job, paths, *options, log=None, env=None, again=False):
    """
    A folder of test/, or several files; log: another name for the log and the report than the
    suite's. again: what fails for want of time runs once more, by itself, and is named if it passes
    then.
    """
    tally = Tally()
    paths = [ROOT / "test" / path for path in ([paths] if isinstance(paths, str) else paths)]
    env = {**WAITS_LONGER, **(env or {})}
    status, in_time, faults = pytest_once(job, tally, log or job.name, paths, options, env)
    if again and in_time and status == TESTS_FAILED and not faults:
        status, in_time = run_again(job, tally, log or job.name, env)
    return job.finish(tally, status, in_time, log)


def run_again(job, tally, log, env):
    """Those of the tally that failed, by themselves; (status, in_time) of that."""
    if len(tally.failed) > AGAIN_MOST:
        return TESTS_FAILED, True
    second = Tally()
    status, in_time, _ = pytest_once(job, second, f"{log}-again",
                                     [node(title) for title in tally.failed], (), env)
    tally.unsteady = [title for title in tally.failed if title in second.passed]
    tally.passed += tally.unsteady
    tally.failed = [title for title in tally.failed if title not in second.passed]
    return status, in_time


def node(title):
    """What pytest calls a test that its report names package.module::name."""
    module, name = title.split("::", 1)
    return f"{ROOT / module.replace('.', '/')}.py::{name}"


def pytest_once(job, tally, log, what, options, env):
    """One run of pytest; its tests into the tally; (status, in_time, faults of the program)."""
    report = LOGS / f"{log}.xml"
    report.unlink(missing_ok=True)
    status, _, in_time = job.run(
        log, ["/usr/bin/python3", "-m", "pytest", "-q", "-rfEs", "-p", "no:cacheprovider",
              f"--junitxml={report}", *options, *what], env)
    cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
    faults = False
    for case in cases:
        title = f"{case.get('classname')}::{case.get('name')}"
        skipped = case.find("skipped")
        failures = case.findall("failure") + case.findall("error")
        faults = faults or any(FAULT.search(f"{f.get('message')}\n{f.text}") for f in failures)
        if failures:
            tally.add(title, "failed")
        elif skipped is not None:
            tally.add(title, "skipped", skipped.get("message"))
        else:
            tally.add(title, "passed")
    return status, in_time, faults


def run_attack(job, **env):
    """Two workers, each with one program that all its cases attack."""
    return run_pytest(job, "attack", "-n", "2", log="attack",
                      env={"BONDFWD_BUILD": str(SANITIZED), **env})


def run_functional(job):
    """Side by side what can be; then, one after the other, what is marked `alone`."""
    tally = run_pytest(job, "functional", "-n", JOBS, "-m", "not alone", again=True)
    tally.take(run_pytest(job, "functional", "-m", "alone", log="functional-alone", again=True))
    return tally


def run_functional_fast(job):
    return run_pytest(job, "functional", "-n", JOBS, "--fast")


def run_checks_fast(job):
    return run_checks(job, "--fast")


def run_guest(job):
    return run_pytest(job, "guest", again=True)


def run_numa(job):
    return run_pytest(job, "numa", again=True)


# Name: (function, limit in seconds: bounds for a slow machine, an idle one needs a third). In the
# order of the report.
SUITES = {
    "unit": (run_unit, 60),
    "eal": (run_eal, 240),
    "fuzz": (run_fuzz, 60),
    "checks": (run_checks, 1800),
    "sanitize": (run_sanitize, 1800),
    "functional": (run_functional, 2100),
    "guest": (run_guest, 1200),
    "numa": (run_numa, 600),
}
# meson reads what it tests before the checks configure the build once more: within seconds, so eal is last.
SHORT = ("unit", "fuzz", "eal")
WAITING = ("functional", "guest", "numa")
COMPUTING = ("checks", "sanitize")
# For work in between: less of the same.
FAST = {
    "unit": SUITES["unit"],
    "eal": SUITES["eal"],
    "fuzz": SUITES["fuzz"],
    "checks": (run_checks_fast, 200),
    "functional": (run_functional_fast, 300),
}


def run_all(names):
    """A lane each of what waits, what computes and what is short. Tallies in the order of SUITES."""
    lanes = [(those, [(name, *SUITES[name]) for name in those if name in names])
             for those in (SHORT, WAITING, COMPUTING)]
    lanes = [(those, suites) for those, suites in lanes if suites]
    if len(lanes) > 1:
        tallies = run_lanes([Lane(suites, nice=those is COMPUTING) for those, suites in lanes])
    else:
        tallies = {suite[0]: run_alone(*suite) for suite in lanes[0][1]}
    return {name: tallies[name] for name in SUITES if name in tallies}


def run_fast():
    """Two lanes, as the tests of eal wait as well, and what compiles nothing takes seconds."""
    def lane(*names):
        return Lane([(name, *FAST[name]) for name in names])
    tallies = run_lanes([lane("unit", "fuzz", "eal"), lane("checks", "functional")])
    return {name: tallies[name] for name in FAST}


def main(names):
    print(f"==> build into {BUILD}", flush=True)
    # It is that of the check gcc, too: a warning is an error.
    if not build(Job("build", BUILD_LIMIT_S), BUILD, "-Dwerror=true"):
        print("failed: build\n0 passed, 1 failed, 0 skipped")
        return 1
    return summary(run_fast() if names == ["--fast"] else run_all(names))


if __name__ == "__main__":
    sys.exit(interruptible(main, sys.argv[1:]))
