#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Build, run the suites that scripts/test was asked for, each under its time limit, and add up what
meson, scripts/check and pytest report.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BONDFWD_BUILD") or ROOT / "build").resolve()
SANITIZED = BUILD.with_name(BUILD.name + "-sanitize")
LOGS = BUILD / "test-logs"

BUILD_LIMIT_S = 400
# Seconds; bounds for a slow machine, an idle one needs a third.
LIMITS_S = {"unit": 60, "eal": 150, "fuzz": 60, "checks": 900, "sanitize": 480, "functional": 2100,
            "guest": 1100}
# After a suite's time is over: an interrupt lets pytest write its report, then it is killed.
GRACE_S = 20

# cmocka's own lines and TAP's, wherever a test program wrote them.
CMOCKA = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (?!\d+ test)(\S.*?)(?:: Test failed\.)?$", re.MULTILINE)
TAP = re.compile(r"^(not )?ok \d+(?: -)? ?(.*?)(?: # (SKIP|skip)\b ?(.*))?$", re.MULTILINE)
CHECK = re.compile(r"^(\w+): (ok|FAILED|skipped)(?: \((.*)\))?$", re.MULTILINE)


class Tally:
    """How the tests of one suite ended, by name."""

    def __init__(self):
        self.passed = []
        self.failed = []
        self.skipped = []
        self.seconds = 0.0

    def add(self, name, result, reason=""):
        if result == "skipped":
            self.skipped.append(f"{name} ({reason})" if reason else name)
        else:
            getattr(self, result).append(name)

    def count(self):
        return len(self.passed) + len(self.failed) + len(self.skipped)


def run(name, command, limit_s, env=None):
    """Run a command; its output goes to the terminal and to its log. (status, output, in_time)"""
    LOGS.mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env={**os.environ, "BONDFWD_BUILD": str(BUILD),
                                  "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
                             start_new_session=True)
    lines = []

    def copy():
        with open(LOGS / f"{name}.log", "w", encoding="utf-8") as log:
            for raw in child.stdout:
                line = raw.decode(errors="replace")
                lines.append(line)
                log.write(line)
                sys.stdout.write(line)
                sys.stdout.flush()

    reader = threading.Thread(target=copy, daemon=True)
    reader.start()
    in_time = wait(child, limit_s)
    reader.join(5)
    return child.returncode, "".join(lines), in_time


def wait(child, limit_s):
    """True when it ended by itself within its time; else its process group is ended."""
    try:
        child.wait(limit_s)
        return True
    except subprocess.TimeoutExpired:
        pass
    except BaseException:
        end(child)
        raise
    end(child)
    return False


def end(child):
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


def build(directory, limit_s, *options):
    """Configure and compile; an existing directory keeps its options but gets the tests."""
    began = time.monotonic()
    options = ["-Dtests=true", *options]
    if (directory / "build.ninja").exists():
        setup = ["meson", "configure", directory, *options]
    else:
        setup = ["meson", "setup", *options, directory, ROOT]
    name = f"build-{directory.name}"
    status, _, in_time = run(name, setup, limit_s)
    if status == 0 and in_time:
        status, _, in_time = run(name, ["ninja", "-C", directory],
                                 max(1, limit_s - (time.monotonic() - began)))
    return status == 0 and in_time


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


def run_meson(name, directory, suites, limit_s, env=None):
    tally = Tally()
    log = directory / "meson-logs" / f"{name}.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", directory, "--no-rebuild", "--logbase", name,
               "--print-errorlogs"]
    for suite in suites:
        command += ["--suite", suite]
    status, _, in_time = run(name, command, limit_s, env)
    if log.exists():
        for line in log.read_text(encoding="utf-8").splitlines():
            add_program(tally, json.loads(line))
    return finish(tally, name, status, in_time, limit_s)


def run_checks(limit_s):
    tally = Tally()
    status, output, in_time = run("checks", [ROOT / "scripts" / "check"], limit_s)
    for name, result, reason in CHECK.findall(output):
        tally.add(name, {"ok": "passed", "FAILED": "failed", "skipped": "skipped"}[result], reason)
    return finish(tally, "checks", status, in_time, limit_s)


def run_sanitize(limit_s):
    began = time.monotonic()
    if not build(SANITIZED, limit_s, "--buildtype=debugoptimized",
                 "-Db_sanitize=address,undefined"):
        tally = Tally()
        tally.add("build with sanitizers", "failed")
        return tally
    # The EAL keeps what it allocated until the process ends.
    env = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
           "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    return run_meson("sanitize", SANITIZED, ("unit", "eal", "fuzz"),
                     max(1, limit_s - (time.monotonic() - began)), env)


def run_pytest(name, limit_s):
    tally = Tally()
    report = LOGS / f"{name}.xml"
    report.unlink(missing_ok=True)
    status, _, in_time = run(name, ["/usr/bin/python3", "-m", "pytest", "-q", "-rfEs",
                                    "-p", "no:cacheprovider", f"--junitxml={report}",
                                    ROOT / "test" / name], limit_s)
    cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
    for case in cases:
        title = f"{case.get('classname')}::{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.add(title, "failed")
        elif skipped is not None:
            tally.add(title, "skipped", skipped.get("message"))
        else:
            tally.add(title, "passed")
    return finish(tally, name, status, in_time, limit_s)


def finish(tally, name, status, in_time, limit_s):
    """What went wrong with the suite as a whole is a failed test of its own."""
    if not in_time:
        tally.add(f"{name}: not finished within {limit_s:.0f} s", "failed")
    elif status != 0 and not tally.failed:
        tally.add(f"{name}: exit status {status} (see {LOGS / name}.log)", "failed")
    elif tally.count() == 0:
        tally.add(f"{name}: nothing ran", "failed")
    return tally


def run_suite(name):
    print(f"\n==> {name}", flush=True)
    began = time.monotonic()
    limit_s = LIMITS_S[name]
    if name in ("unit", "eal", "fuzz"):
        tally = run_meson(name, BUILD, (name,), limit_s)
    elif name == "checks":
        tally = run_checks(limit_s)
    elif name == "sanitize":
        tally = run_sanitize(limit_s)
    else:
        tally = run_pytest(name, limit_s)
    tally.seconds = time.monotonic() - began
    return tally


def summary(tallies):
    print("\nsuite        passed  failed skipped  seconds")
    for name, tally in tallies.items():
        print(f"{name:<12} {len(tally.passed):6}  {len(tally.failed):6}  {len(tally.skipped):6}  "
              f"{tally.seconds:7.0f}")
    for what in ("skipped", "failed"):
        for name, tally in tallies.items():
            for title in getattr(tally, what):
                print(f"{what}: {name}: {title}")
    total = [sum(len(getattr(tally, what)) for tally in tallies.values())
             for what in ("passed", "failed", "skipped")]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] > 0 or total[0] == 0 else 0


def main(suites):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"==> build into {BUILD}", flush=True)
    if not build(BUILD, BUILD_LIMIT_S):
        print("failed: build\n0 passed, 1 failed, 0 skipped")
        return 1
    return summary({name: run_suite(name) for name in suites})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
