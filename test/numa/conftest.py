# SPDX-License-Identifier: BSD-3-Clause
"""
Memory nodes: bondfwd in a machine with two of them, a card and a guest on each.

A part of the suite `guest`. Needs a build (BONDFWD_BUILD names its folder, default build), QEMU and the packages
of `scripts/install-deps guest run test`.
"""

import pathlib
import shutil
import signal
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "guest"),
                *(str(ROOT / "test" / name) for name in ("pci", "numa", "functional"))]
pytest.register_assert_rewrite("two_nodes")

from guestrig import image  # noqa: E402
from guestrig.process import RigError, Run  # noqa: E402
from guestrig.vm import QEMU  # noqa: E402
from two_nodes import TwoNodes  # noqa: E402

TAIL = 6000
FAILED = pytest.StashKey[bool]()


def pytest_configure(config):
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", 143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    machine = item.funcargs.get("machine") if hasattr(item, "funcargs") else None
    if report.failed and machine:
        item.stash[FAILED] = True
        report.sections += [(name, text[-TAIL:]) for name, text in machine.report()]


class Keeper:
    """The machine, for all tests until one of them fails: then QEMU may have ended."""

    BOOTS_MOST = 3

    def __init__(self):
        self.run, self.machine, self.boots = None, None, 0

    def ready(self):
        if not self.machine:
            self.close()  # one that did not boot
            if self.boots == self.BOOTS_MOST:
                pytest.fail(f"{self.boots} machines were booted, and none served to the end")
            self.boots += 1
            self.run = Run("numa")
            self.machine = TwoNodes(self.run).boot()
        return self.machine

    def done(self, failed):
        """Nothing may be left of a test; after one that failed nothing is."""
        machine = self.machine
        if failed:
            self.close()
        else:
            self.machine = None  # unless it ends well
            machine.stop()
            self.machine = machine

    def close(self):
        if self.run:
            self.run.close()
        self.run, self.machine = None, None


@pytest.fixture(scope="session")
def keeper():
    if not shutil.which(QEMU):
        pytest.skip(f"{QEMU} is not installed (scripts/install-deps guest)")
    try:
        image.image()
    except RigError as error:
        pytest.skip(str(error))
    kept = Keeper()
    yield kept
    kept.close()


@pytest.fixture
def machine(request, keeper):
    """Nothing runs in it yet."""
    yield keeper.ready()
    keeper.done(request.node.stash.get(FAILED, False))
