# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the functional tests.  BONDFWD_BUILD names the build directory (default: build)."""

import pathlib

import pytest

pytest.register_assert_rewrite("bf", "fixtures")
import bf  # noqa: E402
from fixtures import peer, pytest_runtest_makereport, rig, tap_rig, workdir  # noqa: E402,F401


FAST = pathlib.Path(__file__).with_name("fast.txt")


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help=f"only the tests of {FAST.name}")
    parser.addoption("--long", action="store_true", help="only the tests that are marked `long`, which others leave out")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures time, or needs the machine for itself: "
                            "scripts/test runs it when no other functional test runs")
    config.addinivalue_line("markers", "long: waits for minutes, or is one more case of a matrix that a shorter test "
                            "represents: scripts/accept long runs it, scripts/test does not")


def keep_fast(config, items):
    """Deselect what fast.txt does not name; each of its lines must name something."""
    names = {line for line in FAST.read_text(encoding="utf-8").splitlines()
             if line and not line.startswith("#")}
    found, kept, left = set(), [], []
    for item in items:
        full = f"{item.path.name}::{item.name}"
        named = names & {full, full.partition("[")[0]}
        found |= named
        (kept if named else left).append(item)
    if names != found:
        raise pytest.UsageError(f"{FAST.name}: no such test: {', '.join(sorted(names - found))}")
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def keep_long(config, items):
    """Deselect the tests marked `long`, or all others."""
    wanted = config.getoption("--long")
    config.hook.pytest_deselected(items=[i for i in items if bool(i.get_closest_marker("long")) != wanted])
    items[:] = [i for i in items if bool(i.get_closest_marker("long")) == wanted]


def pytest_collection_modifyitems(config, items):
    keep_long(config, items)
    if config.getoption("--fast"):
        keep_fast(config, items)
    # Tests of LACP wait most of the time: side by side with the others, not behind them.
    items.sort(key=lambda item: "net" not in item.fixturenames)
    for item in items:
        for program in getattr(item.module, "NEEDS", (bf.BONDFWD, bf.BONDCTL, bf.PEER)):
            if not program.exists():
                item.add_marker(pytest.mark.skip(reason=f"{program} is not built"))
