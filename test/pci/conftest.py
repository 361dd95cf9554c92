# SPDX-License-Identifier: BSD-3-Clause
"""
Emulated PCI cards on vfio-pci, behind an emulated IOMMU: drivers, interrupts and cables.

Run by scripts/accept pci. Needs a build (BONDFWD_BUILD names its folder, default build), QEMU and the
packages of `scripts/install-deps guest run`.
"""

import pathlib
import signal
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "guest"), *(str(ROOT / "test" / name) for name in ("pci", "functional"))]
pytest.register_assert_rewrite("machine")

from guestrig.process import Run  # noqa: E402
from machine import Machine  # noqa: E402

TAIL = 6000


def pytest_configure(config):
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", 143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    shop = item.funcargs.get("machines") if hasattr(item, "funcargs") else None
    if report.failed and shop and shop.machine:
        report.sections += [(name, text[-TAIL:]) for name, text in shop.machine.report()]


class Machines:
    """One machine at a time, kept for the tests that follow each other and want the same cards."""

    def __init__(self):
        self.run, self.machine = None, None

    def get(self, model, cards=2):
        wanted = (model, cards)
        if self.machine and self.machine.wanted != wanted:
            self.close()
        if not self.machine:
            self.run = Run("pci")
            self.machine = Machine(self.run, model, cards).boot()
        return self.machine

    def close(self):
        if self.run:
            self.run.close()
        self.run, self.machine = None, None


@pytest.fixture(scope="session")
def machines():
    shop = Machines()
    yield shop
    shop.close()
