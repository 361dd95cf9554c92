#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
What scripts/accept does: find the suites, install what they need, run them one after the other.

A suite is a module of scripts/lib/accept, NAME.py, called by its name with - for _. It has

  a docstring       its first line is what --list shows
  LIMIT_S           seconds it may take, besides --minutes
  PARTS             how many times --minutes it takes (default 0)
  GROUPS            groups of scripts/install-deps it needs (default build, run, test)
  NEEDS_BUILD       whether BUILD is made first (default True)
  run(job)          the tally; job.minutes is what --minutes says
"""

import importlib
import pathlib
import subprocess
import sys

from runner import BUILD, ROOT, Job, interruptible, run_suite, summary
from suites import BUILD_LIMIT_S, build

FOLDER = pathlib.Path(__file__).with_name("accept")
NAMES = sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.py")
               if not path.stem.startswith("_"))
MINUTES = 10.0
USAGE = 2


def fail(text):
    print(f"accept: {text}", file=sys.stderr)
    raise SystemExit(USAGE)


def load(name):
    return importlib.import_module(f"accept.{name.replace('-', '_')}")


def list_suites():
    for name in NAMES:
        print(f"{name:<12} {load(name).__doc__.strip().splitlines()[0]}")


def minutes_of(word):
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0.05 <= value <= 10000:
        fail(f'--minutes: "{word}": expected 0.05 to 10000')
    return value


def hours_of(word):
    try:
        value = float(word)
    except ValueError:
        return None
    if not 0.01 <= value <= 1000:
        fail(f'soak: "{word}": expected 0.01 to 1000 hours')
    return value


def parse(words):
    """(suites, minutes, install)"""
    names, minutes, install = [], MINUTES, True
    words = iter(words)
    for word in words:
        if word == "--no-install":
            install = False
        elif word == "--minutes":
            minutes = minutes_of(next(words, ""))
        elif word in NAMES:
            names.append(word)
        elif names[-1:] == ["soak"] and hours_of(word) is not None:
            minutes = 60 * hours_of(word)
        else:
            fail(f'"{word}": expected --list, --no-install, --minutes N, --help, '
                 f'or some of {" ".join(NAMES)}')
    if not names:
        fail(f"expected --list, or some of {' '.join(NAMES)}")
    return names, minutes, install


def install_for(modules):
    groups = {group for m in modules for group in getattr(m, "GROUPS", ("build", "run", "test"))}
    if subprocess.run([ROOT / "scripts" / "install-deps", *sorted(groups)], check=False).returncode:
        raise SystemExit(1)


def run_one(name, module, minutes):
    print(f"\n==> {name}", flush=True)
    job = Job(name, module.LIMIT_S + 60 * minutes * getattr(module, "PARTS", 0))
    job.minutes = minutes
    return run_suite(module.run, job)


def main(words):
    if words == ["--list"]:
        list_suites()
        return 0
    names, minutes, install = parse(words)
    modules = {name: load(name) for name in names}
    if install:
        install_for(modules.values())
    if any(getattr(m, "NEEDS_BUILD", True) for m in modules.values()):
        print(f"==> build into {BUILD}", flush=True)
        if not build(Job("build", BUILD_LIMIT_S), BUILD):
            print("failed: build\n0 passed, 1 failed, 0 skipped")
            return 1
    return summary({name: run_one(name, module, minutes) for name, module in modules.items()})


if __name__ == "__main__":
    sys.exit(interruptible(main, sys.argv[1:]))
