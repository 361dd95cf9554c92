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


def pytest_configure(config):
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", 143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    machine = item.funcargs.get("machine") if hasattr(item, "funcargs") else None
    if report.failed and machine:
        report.sections += [(name, text[-TAIL:]) for name, text in machine.report()]


@pytest.fixture(scope="session")
def booted():
    if not shutil.which(QEMU):
        pytest.skip(f"{QEMU} is not installed (scripts/install-deps guest)")
    try:
        image.image()
    except RigError as error:
        pytest.skip(str(error))
    with Run("numa") as run:
        yield TwoNodes(run).boot()


@pytest.fixture(name="machine")
def fresh_machine(booted):
    """Nothing runs in it yet."""
    yield booted
    booted.stop()
