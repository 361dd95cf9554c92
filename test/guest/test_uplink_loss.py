# SPDX-License-Identifier: BSD-3-Clause
"""uplink_down=link with QEMU: a Linux guest sees its link go and come, and its own bond fails over by it."""

import os
import subprocess

import pytest

from guestrig.lab import GuestSpec
from guestrig.process import wait_until

LAB = {"mode": "active-backup", "guests": [GuestSpec("vm1", nics=2)]}
TAP = f"up{os.getpid() % 1000000}"
FOLDER = "/sys/class/net/bond1/bonding"


def carrier(guest, nic):
    return guest.vm.read(f"cat /sys/class/net/{nic}/carrier")


def active(guest):
    return guest.vm.read(f"cat {FOLDER}/active_slave")


def held(lab, port):
    return {g["name"]: g["link_held"] for g in lab.backend.show("guest")}[port]


@pytest.fixture
def two(lab):
    """The guest's NICs are on the switches of two bonds, and follow them."""
    ctl = lab.backend.ctl
    ctl("port", "attach", f"net_tap7,iface={TAP}")
    subprocess.run(["ip", "link", "set", TAP, "up"], check=True, timeout=10)
    ctl("create", "bonding", "device", "active-backup", "0", "bond1")
    ctl("add", "bonding", "member", "net_tap7", "bond1")
    ctl("set", "guest", "vm1-1", "uplink=bond1,uplink_down=link")
    ctl("set", "guest", "vm1", "uplink=bond0,uplink_down=link")
    yield lab
    ctl("set", "link-up", "port", "bond0")
    for port in ("vm1", "vm1-1"):
        ctl("set", "guest", port, "uplink=bond0,uplink_down=keep")
    ctl("remove", "bonding", "device", "bond1")
    ctl("port", "detach", "net_tap7")


@pytest.fixture
def bonded(vm1):
    """active-backup of both NICs in the guest, by their carrier."""
    vm1.vm.sh(" && ".join([
        "load bonding max_bonds=0", f"ip addr flush dev {vm1.device}",
        "echo +bond1 >/sys/class/net/bonding_masters", f"echo active-backup >{FOLDER}/mode",
        f"echo 50 >{FOLDER}/miimon",
        *(f"ip link set nic{i} down && echo +nic{i} >{FOLDER}/slaves" for i in range(2)),
        f"echo nic0 >{FOLDER}/primary", "ip link set bond1 up", f"ip addr add {vm1.ip}/24 dev bond1"]))
    yield vm1
    vm1.vm.sh("ip link set bond1 down; echo -bond1 >/sys/class/net/bonding_masters; "
              "ip link set nic0 down; ip link set nic1 down")
    vm1.configure()


def test_a_linux_guest_sees_its_link_go_and_come_with_the_bond(two, vm1, far):
    vm1.wait_reaches(far)
    assert carrier(vm1, "nic0") == "1"
    two.backend.ctl("set", "link-down", "port", "bond0")
    wait_until("no carrier in the guest", 20, lambda: carrier(vm1, "nic0") == "0")
    assert "NO-CARRIER" in vm1.vm.read("ip link show nic0")
    assert held(two, "vm1") and not held(two, "vm1-1")
    two.backend.ctl("set", "link-up", "port", "bond0")
    wait_until("carrier in the guest", 20, lambda: carrier(vm1, "nic0") == "1")
    assert "LOWER_UP" in vm1.vm.read("ip link show nic0")
    vm1.wait_reaches(far)


def test_a_bond_inside_the_guest_moves_over_and_back(two, bonded, far):
    wait_until("the first NIC is active", 20, lambda: active(bonded) == "nic0")
    bonded.wait_reaches(far)
    two.backend.ctl("set", "link-down", "port", "bond0")
    wait_until("the second NIC is active", 20, lambda: active(bonded) == "nic1")
    two.backend.ctl("set", "link-up", "port", "bond0")
    wait_until("the first NIC is active again", 20, lambda: active(bonded) == "nic0")
    bonded.wait_reaches(far)


def test_a_guest_boots_while_its_bond_is_down_and_its_link_comes_later(two, vm1, far):
    two.backend.ctl("set", "link-down", "port", "bond0")
    wait_until("the link is held", 20, lambda: held(two, "vm1"))
    boots = vm1.vm.boots
    vm1.vm.kill()
    vm1.vm.start().wait_booted(boot=boots + 1)
    vm1.configure()
    wait_until("no carrier in the guest", 20, lambda: carrier(vm1, "nic0") == "0")
    two.backend.ctl("set", "link-up", "port", "bond0")
    wait_until("carrier in the guest", 20, lambda: carrier(vm1, "nic0") == "1")
    vm1.wait_reaches(far)
