# SPDX-License-Identifier: BSD-3-Clause
"""A guest that bonds NICs of its own (B-27): every Linux mode works, and ours is not disturbed."""

import pytest

from guestrig.farside import BOND_MODES
from guestrig.lab import GuestSpec
from guestrig.process import wait_until

NICS = 3
LAB = {"mode": "802.3ad", "guests": [GuestSpec("vm1", nics=NICS), GuestSpec("vm2")]}
FOLDER = "/sys/class/net/bond1/bonding"


@pytest.fixture
def bonded(vm1):
    """Make a bond of the guest's NICs; afterwards its first NIC has the address again."""
    def make(mode):
        vm1.vm.sh(" && ".join([
            "load bonding max_bonds=0", f"ip addr flush dev {vm1.device}",
            "echo +bond1 >/sys/class/net/bonding_masters", f"echo {mode} >{FOLDER}/mode",
            f"echo 100 >{FOLDER}/miimon",
            *(f"ip link set nic{i} down && echo +nic{i} >{FOLDER}/slaves" for i in range(NICS)),
            f"ip link set bond1 mtu {vm1.spec.mtu} up", f"ip addr add {vm1.ip}/24 dev bond1"]))
        return vm1
    yield make
    vm1.vm.sh("ip link set bond1 down; echo -bond1 >/sys/class/net/bonding_masters; "
              + "".join(f"ip link set nic{i} down; " for i in range(NICS)))
    vm1.configure()


def lacp_members(lab):
    info = lab.backend.show("bonding", "lacp", "info", "bond0")
    return [(m["distributing"], m["partner"]["system_id"], m["counters"]["transitions"],
             m["counters"]["rx_errors"]) for m in info["members"]]


@pytest.mark.parametrize("mode", BOND_MODES)
def test_B27_a_guest_may_bond_its_own_ports(lab, vm1, vm2, far, bonded, mode):
    before = lacp_members(lab)
    bonded(mode)
    for other in (far, vm2):
        vm1.wait_reaches(other)
        pings = vm1.ping(other, 30, every_s=0.05)
        assert pings.received == pings.sent and not pings.corrupt, f"{other.name}: {pings}"
    if mode == "802.3ad":  # it speaks LACP to us on every port, and nobody listens
        wait_until("the guest's LACPDUs are dropped", 60, lambda: slow_drops(lab) >= NICS)
    assert lacp_members(lab) == before


def slow_drops(lab):
    drops = lab.backend.show("drops")
    return sum(p["frames"] for p in drops["ports"]
               if p["reason"] == "slow_protocol" and p["port"].startswith("vm1"))


@pytest.fixture
def team(lab):
    """The guest's ports are a tenant's, and a team; afterwards they are as they were."""
    ports = ["vm1", *(f"vm1-{i}" for i in range(1, NICS))]
    for port in ports:
        lab.backend.ctl("set", "guest", port, "profile=tenant,team=box,mac_limit=4")
    yield ports
    for port in ports:
        lab.backend.ctl("unset", "guest", port, "profile", "team", "mac_limit")


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor"])
def test_a_tenant_that_is_a_team_may_bond_its_own_ports_and_fail_over(lab, vm1, vm2, far, bonded, team, mode):
    before = [e["seq"] for e in lab.backend.show("events")][-1]
    bonded(mode)
    for other in (far, vm2):
        vm1.wait_reaches(other)
    for lost in range(2):
        vm1.vm.sh(f"ip link set nic{lost} down")
        for other in (far, vm2):
            vm1.wait_reaches(other)
            pings = vm1.ping(other, 30, every_s=0.05)
            assert pings.received == pings.sent and not pings.corrupt, f"{other.name}: {pings}"
        vm1.vm.sh(f"ip link set nic{lost} up")
    drops = {p["port"]: p["reason"] for p in lab.backend.show("drops")["ports"] if p["port"] in team}
    assert "forged_mac" not in drops.values(), drops
    told = [e["what"] for e in lab.backend.show("events") if e["seq"] > before]
    assert not {"mac_refused", "mac_flaps", "loop"} & set(told)
