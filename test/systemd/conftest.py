# SPDX-License-Identifier: BSD-3-Clause
"""
A package on a bare machine with a real systemd: one machine for all tests, which are steps of one life and follow each
other. A step that fails ends the life: the others are skipped.

Run by scripts/accept systemd, which names the directory of the system (BONDFWD_SYSTEM).
"""

import os
import pathlib
import signal
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "guest"), str(ROOT / "test" / "guides"), str(ROOT / "test" / "systemd")]
pytest.register_assert_rewrite("machine")

from guestrig.process import ChildGone, RigError, Run  # noqa: E402
from machine import Machine  # noqa: E402

TAIL = 8000
ASK = ("systemctl status --no-pager -l bondfwd", "journalctl --no-pager -b -n 60 -o short-monotonic",
       "bondctl show events", "free -m")


def pytest_configure(config):
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", 143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    life = item.funcargs.get("life") if hasattr(item, "funcargs") else None
    if report.failed and life:
        life.broken = item.name
        report.sections += [(name, text[-TAIL:]) for name, text in life.report()]


class Life:
    """The machine, and whether it is still of use."""

    def __init__(self):
        root = os.environ.get("BONDFWD_SYSTEM")
        if not root:
            pytest.skip("BONDFWD_SYSTEM names no system: run scripts/accept systemd")
        self.run = Run("systemd")
        self.machine = Machine(self.run, root).start()
        self.broken = None

    def report(self):
        yield "console", open(self.run.path("machine-console.log"), errors="replace").read()
        for command in ASK:
            try:
                yield command, self.machine.run_sh(command, 60)[1]
            except (RigError, ChildGone, OSError) as error:
                yield command, str(error)
                return


@pytest.fixture(scope="session")
def the_life():
    life = Life()
    yield life
    life.run.close()


@pytest.fixture
def life(the_life):
    if the_life.broken:
        pytest.skip(f"{the_life.broken} failed before")
    return the_life


@pytest.fixture
def machine(life):
    return life.machine
