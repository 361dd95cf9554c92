# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures that make rigs and single peers; for other folders too, which import them."""

import shutil
import tempfile

import pytest

import bf


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
