# SPDX-License-Identifier: BSD-3-Clause
"""Two bonds in one process: 802.3ad with a Linux bond as partner, and active-backup over a tap."""

import os
import subprocess

import pytest

from guestrig.lab import GuestSpec
from guestrig.process import wait_until

LAB = {"mode": "802.3ad", "guests": [GuestSpec("vm1"), GuestSpec("vm2")],
       "bond": {"lacp_rate": "fast"}}
MARK = "88b5"  # an ethertype for experiments: nobody else sends it
TAP = f"bf{os.getpid() % 1000000}"


def mark(guest, n):
    """Broadcasts that can be told from everything else."""
    guest.vm.sh(f"raw nic0 ffffffffffff{guest.vm.nics[0].mac.replace(':', '')}{MARK}{'00' * 50} {n}")


def seen_in(path):
    """The frames in a capture, a line each."""
    done = subprocess.run(["tcpdump", "-e", "-nr", str(path)], capture_output=True, text=True,
                          timeout=30, check=True)
    return [line for line in done.stdout.splitlines() if line and not line.startswith("\t")]


@pytest.fixture
def two(lab, far):
    """vm1 on bond0 with the Linux partner, vm2 on bond1 whose LAN is a tap of this host."""
    far.wait_aggregated()
    ctl = lab.backend.ctl
    ctl("port", "attach", f"net_tap7,iface={TAP}")
    subprocess.run(["ip", "link", "set", TAP, "up"], check=True, timeout=10)
    ctl("create", "bonding", "device", "active-backup", "0", "bond1")
    ctl("add", "bonding", "member", "net_tap7", "bond1")
    ctl("set", "guest", "vm2", "uplink=bond1")
    wait_until("bond1 in service", 10, lambda: lab.backend.show(
        "bonding", "config", "bond1")["active_members"] == ["net_tap7"])
    yield lab
    ctl("set", "guest", "vm2", "uplink=bond0")
    ctl("remove", "bonding", "device", "bond1")
    ctl("port", "detach", "net_tap7")


def capture(lab, port, path):
    lab.backend.ctl("capture", "start", port, "filter", f"ether proto 0x{MARK}", "file", str(path))


def test_no_frame_crosses_between_an_802_3ad_and_an_active_backup_bond(two, far, vm1, vm2, tmp_path):
    ports = ("bond0", "bond1", "vm1", "vm2")
    for port in ports:
        capture(two, port, tmp_path / port)
    mark(vm1, 20)
    mark(vm2, 30)
    assert vm1.ping(far).perfect
    assert not vm2.ping(far).received
    two.backend.ctl("capture", "stop", "all")
    frames = {port: seen_in(tmp_path / port) for port in ports}
    count = {port: len(lines) for port, lines in frames.items()}
    assert count == {"bond0": 20, "vm1": 20, "bond1": 30, "vm2": 30}
    mac1, mac2 = (g.vm.nics[0].mac for g in (vm1, vm2))
    for port, mac in (("bond0", mac1), ("vm1", mac1), ("bond1", mac2), ("vm2", mac2)):
        assert [line for line in frames[port] if mac.lower() not in line.lower()] == [], port
    far.wait_aggregated()


def test_a_bond_is_removed_while_the_other_one_carries(two, far, vm1):
    pings = vm1.start_ping(far, count=100, every_s=0.05)
    two.backend.ctl("set", "guest", "vm2", "uplink=bond0")
    two.backend.ctl("remove", "bonding", "device", "bond1")
    two.backend.ctl("create", "bonding", "device", "active-backup", "0", "bond1")
    assert pings.pings().perfect
    far.wait_aggregated()
