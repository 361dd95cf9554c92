# SPDX-License-Identifier: BSD-3-Clause
"""A Linux bond over four cables as LACP partner: one switch, two switches, two keys, and its ends.

With two cables, and for what the partner shows of us: test_lacp.py.
"""

import time

from guestrig.lab import GuestSpec
from guestrig.process import wait_until

LAB = {"mode": "802.3ad", "guests": [GuestSpec("vm1")], "cables": 4, "bond": {"lacp_rate": "fast"}}
ALL = [0, 1, 2, 3]
# The promise is 3.5 s; the rest is for a busy machine.
SILENT_S = 3.5 + 0.5


def members(lab):
    return lab.backend.show("bonding", "lacp", "info", "bond0")["members"]


def distributing(lab):
    return [i for i, m in enumerate(members(lab)) if m["distributing"]]


def wait_distributing(lab, wanted, limit_s=30):
    wait_until(f"members {wanted} distribute", limit_s, lambda: distributing(lab) in wanted,
               every_s=0.1)
    return distributing(lab)


def second_bond(far, cables, options=""):
    """Move cables to a bond of its own, with an address of its own: a second switch."""
    folder = "/sys/class/net/bond1/bonding"
    steps = ["echo +bond1 >/sys/class/net/bonding_masters", f"echo 802.3ad >{folder}/mode",
             f"echo 100 >{folder}/miimon", f"echo fast >{folder}/lacp_rate"]
    steps += [f"echo {pair.partition('=')[2]} >{folder}/{pair.partition('=')[0]}"
              for pair in options.split()]
    for cable in cables:
        steps += [f"echo -nic{cable} >/sys/class/net/bond0/bonding/slaves",
                  f"ip link set nic{cable} down", f"echo +nic{cable} >{folder}/slaves"]
    far.vm.sh(" && ".join(steps + [f"ip link set bond1 mtu {far.mtu} up"]))


def one_bond_again(lab, far, cables):
    steps = ["echo -bond1 >/sys/class/net/bonding_masters"]
    for cable in cables:
        steps += [f"ip link set nic{cable} down",
                  f"echo +nic{cable} >/sys/class/net/bond0/bonding/slaves"]
    far.vm.sh(" && ".join(steps))
    far.wait_aggregated(limit_s=60)
    wait_distributing(lab, [ALL])


def address(far, device):
    return far.vm.read(f"cat /sys/class/net/{device}/address")


def test_four_cables_are_one_aggregator_on_both_sides(lab, vm1, far):
    far.wait_aggregated()
    wait_distributing(lab, [ALL])
    shown = members(lab)
    assert {m["partner"]["system_id"] for m in shown} == {address(far, "bond0")}
    assert len({m["aggregator"] for m in shown}) == 1
    assert far.bonding()["bond"]["active aggregator info: number of ports"] == "4"
    assert int(far.bonding()["bond"]["active aggregator info: partner key"]) == \
        shown[0]["actor"]["key"]
    assert vm1.ping(far, 3).received == 3


def test_L06_of_two_bonds_exactly_one_is_used_and_the_other_is_named(lab, vm1, far):
    second_bond(far, [2, 3])
    try:
        used = wait_distributing(lab, [[0, 1], [2, 3]])
        rest = [i for i in ALL if i not in used]
        other = address(far, "bond1" if rest == [2, 3] else "bond0")
        for i in rest:
            wait_until(f"the reason of member {i}", 10,
                       lambda i=i: other in members(lab)[i]["reason"]
                       and "differs" in members(lab)[i]["reason"])
        assert distributing(lab) == used
        # The aggregator that is there already stays: the switch keeps its address.
        assert used == [0, 1] and vm1.ping(far, 3).received == 3
    finally:
        one_bond_again(lab, far, [2, 3])


def test_members_towards_another_key_of_the_same_switch_stay_out(lab, far):
    second_bond(far, [2, 3], f"ad_actor_system={address(far, 'bond0')} ad_user_port_key=5")
    try:
        used = wait_distributing(lab, [[0, 1], [2, 3]])
        for i in (i for i in ALL if i not in used):
            wait_until(f"the reason of member {i}", 10,
                       lambda i=i: members(lab)[i]["why"] == "partner-key-differs")
            assert "partner key" in members(lab)[i]["reason"]
    finally:
        one_bond_again(lab, far, [2, 3])


def test_a_partner_that_asks_for_the_slow_rate_is_answered_slowly_and_stays(lab, far):
    folder = "/sys/class/net/bond0/bonding"
    change = "ip link set bond0 down && echo {} >" + folder + "/lacp_rate && ip link set bond0 up"
    far.vm.sh(change.format("slow"))
    try:
        far.wait_aggregated(limit_s=60)
        wait_distributing(lab, [ALL])
        wait_until("the slow rhythm", 10,
                   lambda: {m["periodic_machine"] for m in members(lab)} == {"slow"})
    finally:
        far.vm.sh(change.format("fast"))
    far.wait_aggregated(limit_s=60)
    wait_until("the fast rhythm", 10,
               lambda: {m["periodic_machine"] for m in members(lab)} == {"fast"})


def test_L02_two_ports_that_leave_silently_are_out_in_time_and_come_back(lab, vm1, far):
    far.wait_aggregated()
    wait_distributing(lab, [ALL])
    started = time.monotonic()
    far.vm.sh("ip link set nic1 down && ip link set nic2 down")
    told = time.monotonic()
    wait_distributing(lab, [[0, 3]], 10)
    spent = time.monotonic() - told
    print(f"measured: ports silent to out of distribution: {spent:.2f} s (at most "
          f"{time.monotonic() - started:.2f} s)")
    assert spent <= SILENT_S
    assert all(members(lab)[i]["link"] for i in ALL), "the carrier was to stay"
    vm1.wait_reaches(far, 10)
    far.vm.sh("ip link set nic1 up && ip link set nic2 up")
    far.wait_aggregated(limit_s=60)
    wait_distributing(lab, [ALL])


def test_the_partner_reboots_and_the_lag_comes_back(lab, vm1, far):
    far.vm.reset()
    wait_distributing(lab, [[]], 10)
    far.configure()
    lab.wait_connected(60)
    wait_distributing(lab, [ALL])
    assert vm1.ping(far, 3).received == 3
