# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the functional tests.  BONDFWD_BUILD names the build directory (default: build)."""

import pathlib
import shutil
import tempfile

import pytest

pytest.register_assert_rewrite("bf")
import bf  # noqa: E402


FAST = pathlib.Path(__file__).with_name("fast.txt")


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help=f"only the tests of {FAST.name}")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures time, or needs the machine for itself: "
                            "scripts/test runs it when no other functional test runs")


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


def pytest_collection_modifyitems(config, items):
    if config.getoption("--fast"):
        keep_fast(config, items)
    # Tests of LACP wait most of the time: side by side with the others, not behind them.
    items.sort(key=lambda item: "net" not in item.fixturenames)
    for item in items:
        for program in getattr(item.module, "NEEDS", (bf.BONDFWD, bf.BONDCTL, bf.PEER)):
            if not program.exists():
                item.add_marker(pytest.mark.skip(reason=f"{program} is not built"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, "failed_" + report.when, report.failed)
    if report.failed:
        for rig in getattr(item, "rigs", []):
            report.sections += rig.last_report or rig.report()


@pytest.fixture
def workdir():
    """A short path, because sockets live in it."""
    path = tempfile.mkdtemp(prefix="bft-")
    yield path
    shutil.rmtree(path, ignore_errors=True)
    for left in bf.records_files(path):
        left.unlink(missing_ok=True)


@pytest.fixture
def rig(request, workdir):
    """Make rigs: rig(members=2, guests=("vm1",), ...) starts peers and daemon.

    After the test each daemon that still runs must have a balanced ledger and full pools, end
    with status 0 on SIGTERM, leave no socket and have written no error or warning.

    Its workers sleep while nothing comes, because other tests run beside; IDLE = "poll" in a module,
    or idle="poll" here, is for what is about polling.
    """
    rigs = request.node.rigs = []

    def make(start=True, **options):
        options.setdefault("idle", getattr(request.module, "IDLE", "sleep"))
        made = bf.Rig(workdir, **options)
        rigs.append(made)
        return made.start() if start else made

    yield make
    try:
        if not getattr(request.node, "failed_call", False):
            for made in rigs:
                if made.daemon is not None:
                    made.finish()
    finally:
        for made in rigs:
            made.last_report = made.report()
            made.close()


@pytest.fixture
def peer(workdir):
    """Make single peers: peer(name, socket, ...)."""
    peers = []

    def make(name, socket, **options):
        peers.append(bf.Peer(workdir, name, socket, **options))
        return peers[-1]

    yield make
    for made in peers:
        made.quit()
