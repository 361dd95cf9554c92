# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures that make rigs, on taps too, and single peers; for other folders too, which import them."""

import shutil
import socket
import tempfile

import pytest

import bf

# A bond that is in 802.3ad for a moment has no partner.
LOG_LACP = [r"^WARNING: not-distributing: ", r"^WARNING: (carrier|lacp|loop)"]
LOG_TAPS = [r"^WARNING: member_down: net_tap\d: switched off$",
            r"^tap_|^eth_dev_tap_create|^qdisc_create|^tun_alloc", *LOG_LACP,
            r"^WARNING: link_interrupt_missing: net_tap\d: ",
            r"^WARNING: member_down: net_tap\d: link down$",
            # Members that are stopped or deleted.
            r"^bond_mode_8023ad_\w+\(\d+\) - failed to .* No such device$"]


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


class Taps:
    """Kernel side of net_tap members."""

    def __init__(self, workdir, n):
        tag = workdir[-4:].lower()
        self.names = [f"bf{tag}{i}" for i in range(n)]
        self.vdevs = [f"net_tap{i},iface={name}" for i, name in enumerate(self.names)]

    def read(self, i, what):
        with open(f"/sys/class/net/{self.names[i]}/{what}", encoding="ascii") as f:
            return f.read().strip()

    def mac(self, i):
        return self.read(i, "address")

    def is_promiscuous(self, i):
        return bool(int(self.read(i, "flags"), 16) & 0x100)

    def socket(self, i):
        """A raw socket that hears what the member sends; it must be closed."""
        heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        heard.bind((self.names[i], 0))
        heard.setblocking(False)
        return heard


@pytest.fixture
def tap_rig(rig, workdir):
    """Make rigs whose members are taps, behind those of `before`: rig, taps = tap_rig(2, ...)."""
    def make(n=2, mode="balance-xor", guests=("vm1",), before=(), **options):
        try:
            with open("/dev/net/tun", "rb"):
                pass
        except OSError as e:
            pytest.fail(f"no tap devices: load the module tun ({e})")
        taps = Taps(workdir, n)
        r = rig(members=0, vdevs=[*before, *taps.vdevs], mode=mode, guests=guests, mtu=1500,
                log_allowed=LOG_TAPS, **options)
        return r, taps
    return make
