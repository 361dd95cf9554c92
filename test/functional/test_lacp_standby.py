# SPDX-License-Identifier: BSD-3-Clause
"""max_links and spares in 802.3ad, with Open vSwitch as the partner."""

import contextlib
import threading

import pytest

from bf import FAR_MAC, guest_mac, mac_bytes, wait_for
from lacp_partner import (  # noqa: F401 (fixtures)
    Ears, lacp, missing_ovs, net, ovs)
from test_lacp_ovs import SYSTEM_A, agree, both_ways, switch

pytestmark = pytest.mark.skipif(missing_ovs() is not None, reason=str(missing_ovs()))

KIND = 0x88b6


def agree_on(ovs, r, numbers):  # noqa: F811
    """Both sides use these members; of the others OVS knows that we neither collect nor are in sync."""
    agree(ovs, r, numbers)
    wait_for(lambda: ovs.enabled() == r.far(*numbers), 5, "OVS uses no other")
    for cable in r.cables:
        if cable.number in numbers or not r.member(cable.number)["link"]:
            continue
        state = ovs.state(cable.far, "partner")
        assert not {"synchronized", "collecting", "distributing"} & state
        assert r.member(cable.number)["why"] == "standby"


@contextlib.contextmanager
def talking(r, bridge="br0"):
    """The bridge sends to the guest all the time; nothing of it may be dropped within."""
    stop = threading.Event()
    ears = Ears(bridge, KIND)
    frame = mac_bytes(guest_mac(1)) + mac_bytes(FAR_MAC) + KIND.to_bytes(2, "big") + bytes(46)

    def talk():
        while not stop.wait(0.002):
            ears.heard.send(frame)
    thread = threading.Thread(target=talk)
    before = r.daemon.ledger().by_reason.get("inactive_member", 0)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        ears.close()
    assert r.daemon.ledger().by_reason.get("inactive_member", 0) == before


def test_a_spare_joins_when_a_cable_is_pulled_and_the_partner_agrees(lacp, ovs):
    r = lacp(n=3)
    r.daemon.ctl("set bonding member net_tap0 bond0 spare=on")
    switch(ovs, r)
    agree_on(ovs, r, [1, 2])
    assert r.info()["max_links"] == 2
    assert r.member(0)["reason"] == "standby (spare): 2 of 2 members in service"
    both_ways(ovs, r)
    r.cables[2].pull()
    agree_on(ovs, r, [0, 1])
    both_ways(ovs, r)
    r.rig.learn(r.rig.vm(1), guest_mac(1))
    with talking(r):
        r.cables[2].plug()
        agree_on(ovs, r, [1, 2])
        wait_for(lambda: not r.rig.member(0)["draining"], 10, "the spare is empty")
    assert r.rig.member(0)["standby"]


def test_max_links_of_the_better_system_goes_by_its_port_priorities(lacp, ovs):
    r = lacp(n=3, knobs="lacp_rate=fast,max_links=1,lacp_system_priority=1")
    for i, priority in enumerate((30, 20, 10)):
        r.daemon.ctl(f"set bonding lacp port_priority net_tap{i} bond0 {priority}")
    switch(ovs, r)
    agree_on(ovs, r, [2])
    r.cables[2].pull()
    agree_on(ovs, r, [1])
    r.rig.learn(r.rig.vm(1), guest_mac(1))
    with talking(r):
        r.cables[2].plug()
        agree_on(ovs, r, [2])
        wait_for(lambda: not r.rig.member(1)["draining"], 10, "the other one is empty")
    assert r.rig.bond()["standby_members"] == ["net_tap0", "net_tap1"]
    assert "standby (max_links)" in r.daemon.ctl("show bonding config bond0")


def test_where_the_partner_chooses_its_port_priorities_count(lacp, ovs):
    r = lacp(n=3, knobs="lacp_rate=fast,max_links=1,lacp_system_priority=65535")
    ovs.add_bridge("br0", SYSTEM_A)
    ovs.add_bond("bond0", r.far())
    ovs.vsctl("set port bond0 other_config:lacp-system-priority=1")
    for i, port in enumerate(r.far()):
        ovs.vsctl(f"set interface {port} other_config:lacp-port-priority={30 - 10 * i} "
                  f"other_config:lacp-port-id={i + 1}")
    agree_on(ovs, r, [2])


def test_the_limit_changes_at_run_time_and_members_that_stay_do_not_move(lacp, ovs):
    r = lacp(n=3, knobs="lacp_rate=fast,lacp_system_priority=1")
    switch(ovs, r)
    agree(ovs, r, [0, 1, 2])
    before = [r.member(i)["counters"]["transitions"] for i in (0, 1)]
    r.rig.learn(r.rig.vm(1), guest_mac(1))
    with talking(r):
        r.set("max_links", 2)
        agree_on(ovs, r, [0, 1])
        wait_for(lambda: not r.rig.member(2)["draining"], 10, "empty")
    r.set("max_links", 0)
    agree(ovs, r, [0, 1, 2])
    assert [r.member(i)["counters"]["transitions"] for i in (0, 1)] == before


def test_a_drained_member_is_replaced_by_the_spare_without_a_loss(lacp, ovs):
    r = lacp(n=2)
    r.daemon.ctl("set bonding member net_tap1 bond0 spare=on")
    switch(ovs, r)
    agree_on(ovs, r, [0])
    r.rig.learn(r.rig.vm(1), guest_mac(1))
    with talking(r):
        r.daemon.ctl("set bonding drain net_tap0 bond0")
        agree(ovs, r, [1])
        wait_for(lambda: not r.rig.member(0)["draining"], 10, "empty")
        r.daemon.ctl("set bonding undrain net_tap0 bond0")
        agree_on(ovs, r, [0])
        wait_for(lambda: not r.rig.member(1)["draining"], 10, "empty")
