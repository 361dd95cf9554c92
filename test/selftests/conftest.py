# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's own tests. Run by scripts/accept selftests."""

import pathlib
import signal
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "guest"))


def pytest_configure():
    # A laboratory that is not ended outlives its user.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", 143))


def pytest_terminal_summary(terminalreporter):
    """What of each file counts, and how it ended: these are more than tests that passed or failed."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    said = sorted({value for report in reports for name, value in getattr(report, "user_properties", ())
                   if name == "selftest"})
    if said:
        terminalreporter.section("the kernel's files")
    for line in said:
        terminalreporter.write_line(line)
