# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch's LACP as partner: a second implementation, in its own words and in ours.

Needs /usr/sbin/ovs-vswitchd; the userspace datapath needs no kernel module.  OVS is read with
lacp/show and bond/show, bondfwd with `show bonding lacp info`.
"""

import re
import time

import pytest

from bf import FAR_MAC, guest_mac, wait_for
from lacp_partner import (  # noqa: F401 (fixtures)
    Ears, lacp, missing_ovs, net, ovs)

pytestmark = pytest.mark.skipif(missing_ovs() is not None, reason=str(missing_ovs()))

# Two sides that have forgotten each other speak every 30 s only (L-04); attaching takes 2 s more.
FORGOTTEN = 40

SYSTEM_A, SYSTEM_B = "02:0a:0a:0a:0a:0a", "02:0b:0b:0b:0b:0b"


def switch(ovs, r, numbers=(), bridge="br0", bond="bond0", system=SYSTEM_A,  # noqa: F811
           **options):
    """A bridge with a bond over the far ends of some cables."""
    ovs.add_bridge(bridge, system)
    ovs.add_bond(bond, r.far(*numbers), bridge, **options)


def agree(ovs, r, numbers, bond="bond0", limit=15):  # noqa: F811
    """Both sides call these members, and no others, in service; seconds it took."""
    start = time.monotonic()
    r.wait_distributing(numbers, limit)
    ports = r.far(*numbers)
    wait_for(lambda: ovs.is_forwarding(ports, bond), limit, f"OVS forwards on {ports}")
    return time.monotonic() - start


def both_ways(ovs, r, bridge="br0"):  # noqa: F811
    """A frame of the guest reaches the bridge, and one of the bridge the guest."""
    r.reaches(bridge)
    vm = r.rig.vm(1)
    vm.capture(64, match="other")
    frame = bytes.fromhex((guest_mac(1) + FAR_MAC).replace(":", "")) + b"\x88\xb6" + bytes(46)
    ears = Ears(bridge, 0x88b6)

    def arrived():
        ears.heard.send(frame)
        return frame in vm.captured()
    wait_for(arrived, 10, "a frame from the bridge at the guest")
    ears.close()


# ---- L-01, L-26: negotiation ----

@pytest.mark.parametrize("kind", ["tap", "bridged"])
def test_L01_L26_fast_negotiation_within_5_s_and_both_sides_agree(lacp, ovs, kind):
    r = lacp(kind=kind, knobs="lacp_rate=fast,lacp_key=42,lacp_system_priority=1000")
    switch(ovs, r, key=77)
    assert agree(ovs, r, [0, 1]) <= 5.5
    theirs = ovs.lacp()["members"]
    for i, port in enumerate(r.far()):
        ours, their = r.member(i), theirs[port]
        compare_ends(ours["actor"], their, "partner")
        compare_ends(ours["partner"], their, "actor")
        assert ours["actor"]["key"] == 42 and ours["actor"]["system_id"] == r.mac()
        assert ours["partner"]["system_id"] == SYSTEM_A
    both_ways(ovs, r)


def compare_ends(ours, theirs, who):
    """What we show of one end is what OVS shows of it."""
    assert theirs[f"{who} sys_id"] == ours["system_id"]
    assert int(theirs[f"{who} key"]) == ours["key"]
    assert int(theirs[f"{who} port_id"]) == ours["port_number"]
    assert int(theirs[f"{who} sys_priority"]) == ours["system_priority"]
    assert int(theirs[f"{who} port_priority"]) == ours["port_priority"]
    assert ("timeout" in theirs[f"{who} state"]) == ("SHORT_TIMEOUT" in ours["state"])


@pytest.mark.parametrize("ours,theirs", [("slow", "slow"), ("slow", "fast"), ("fast", "slow")])
def test_L26_slow_and_mixed_rates_work(lacp, ovs, ours, theirs):
    r = lacp(knobs=f"lacp_rate={ours}")
    switch(ovs, r, time=theirs)
    # A slow side may first be asked when its own next PDU is due.
    agree(ovs, r, [0, 1], limit=35)
    member = r.member(0)
    assert ("SHORT_TIMEOUT" in member["actor"]["state"]) == (ours == "fast")
    assert ("SHORT_TIMEOUT" in member["partner"]["state"]) == (theirs == "fast")
    assert member["periodic_machine"] == theirs


def test_L26_passive_follows_an_active_partner_and_two_passive_ones_stay_down(lacp, ovs):
    r = lacp(knobs="lacp_rate=fast,lacp_active=off")
    switch(ovs, r, lacp="passive")
    ears = Ears(r.far()[0])
    wait_for(lambda: r.member(0)["rx_machine"] == "defaulted", 10, "no partner")
    assert r.distributing() == [] and ears.take() == []
    ears.close()
    ovs.vsctl("set port bond0 lacp=active")
    agree(ovs, r, [0, 1])
    ovs.vsctl("set port bond0 lacp=passive")
    r.set("active", "on")
    agree(ovs, r, [0, 1])


# ---- L-02, L-03, L-04: the silent partner ----

def test_L02_L03_L04_a_silent_cable_is_left_within_3500_ms_forgotten_and_taken_back(lacp, ovs):
    r = lacp(kind="bridged")
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    before = r.member(0)["counters"]["timeouts"]
    cut = time.monotonic()
    r.cables[0].silence()
    r.wait_distributing([1], 4)
    assert time.monotonic() - cut <= 3.5 + 0.5
    member = r.member(0)
    assert member["link"] and member["counters"]["timeouts"] == before + 1
    assert SYSTEM_A in member["reason"] and "silent" in member["reason"]
    wait_for(lambda: r.member(0)["rx_machine"] == "defaulted", 5, "the partner is forgotten")
    assert r.member(0)["partner"]["system_id"] == "00:00:00:00:00:00"
    wait_for(lambda: ovs.enabled() == r.far(1), 6, "OVS leaves the cable as well")
    both_ways(ovs, r)
    r.cables[0].silence(False)
    agree(ovs, r, [0, 1], limit=FORGOTTEN)


def test_a_partner_that_turns_lacp_off_is_left_within_3500_ms(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    cut = time.monotonic()
    ovs.vsctl("set port bond0 lacp=off")
    r.wait_distributing([], 5)
    assert time.monotonic() - cut <= 3.5 + 0.5
    r.wait_reason(0, "silent", limit=3)
    ovs.vsctl("set port bond0 lacp=active")
    agree(ovs, r, [0, 1])


# ---- L-14, L-18, L-21: links and members ----

def test_L14_L18_a_pulled_cable_is_left_at_once_by_both_and_taken_back(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    r.cables[0].pull()
    r.wait_distributing([1], 2)
    r.wait_reason(0, "link down", limit=2)
    both_ways(ovs, r)
    wait_for(lambda: ovs.enabled() == r.far(1), 5, "OVS leaves the cable")
    r.cables[0].plug()
    agree(ovs, r, [0, 1])


def test_L14_below_min_links_nothing_distributes_and_the_reason_counts(lacp, ovs):
    r = lacp(n=3, knobs="lacp_rate=fast,min_links=2")
    switch(ovs, r)
    agree(ovs, r, [0, 1, 2])
    r.cables[0].pull()
    r.wait_distributing([1, 2], 5)
    r.cables[1].pull()
    r.wait_distributing([], 5)
    r.wait_reason(2, "min_links", "1 of 2", limit=2)
    assert not r.info()["carrier"]
    wait_for(lambda: ovs.enabled() == [], 5, "OVS leaves the last cable as well")
    r.cables[0].plug()
    agree(ovs, r, [0, 2])
    r.cables[0].pull()
    r.wait_distributing([], 5)
    r.set("min_links", 1)
    r.wait_distributing([2], 5)
    r.cables[0].plug()
    r.cables[1].plug()
    agree(ovs, r, [0, 1, 2])


def test_L21_members_leave_and_join_one_by_one(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    r.daemon.ctl("remove bonding member net_tap0 bond0")
    wait_for(lambda: ovs.enabled() == r.far(1), 10, "OVS leaves the removed member")
    assert r.distributing() == [1]
    both_ways(ovs, r)
    r.daemon.ctl("add bonding member net_tap0 bond0")
    wait_for(lambda: sorted(r.distributing()) == [0, 1], 10, "the member is back")
    wait_for(lambda: ovs.is_forwarding(r.far()), 10, "OVS takes it back")


def test_a_drained_member_is_left_by_both_sides_and_taken_back(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    r.daemon.ctl("set bonding drain net_tap0 bond0")
    wait_for(lambda: ovs.enabled() == r.far(1), 5, "OVS leaves the drained member")
    wait_for(lambda: "empty" in "".join(e["text"] for e in r.events("member_drained")), 8, "said")
    both_ways(ovs, r)
    r.daemon.ctl("set bonding undrain net_tap0 bond0")
    agree(ovs, r, [0, 1])


# ---- L-06, F-12: two switches, keys ----

def exactly_one_side(r, sides, limit=15):
    """Wait until one list of members distributes, and only that; return (in, out)."""
    wait_for(lambda: r.distributing() in sides, limit, f"one of {sides} distributes")
    chosen = r.distributing()
    return chosen, next(side for side in sides if side != chosen)


def test_L06_of_two_switches_exactly_one_is_used_and_the_other_named(lacp, ovs):
    r = lacp(n=4)
    switch(ovs, r, [0, 1], "br0", "bond0", SYSTEM_A)
    switch(ovs, r, [2, 3], "br1", "bond1", SYSTEM_B)
    chosen, rest = exactly_one_side(r, [[0, 1], [2, 3]])
    used, other = (SYSTEM_A, SYSTEM_B) if chosen == [0, 1] else (SYSTEM_B, SYSTEM_A)
    for i in rest:
        r.wait_reason(i, f"partner {other}", "differs", f"partner {used}", limit=2)
        assert r.member(i)["why"] == "partner-differs"
    quiet = [Ears(name, 0x88b5) for name in r.far(*rest)]
    r.reaches("br0" if chosen == [0, 1] else "br1")
    assert [ears.take() for ears in quiet] == [[], []]
    assert not ovs.enabled("bond1" if chosen == [0, 1] else "bond0")
    assert [e for e in r.events("not-distributing") if other in e["text"]]
    for ears in quiet:
        ears.close()


def test_L06_the_other_switch_takes_over_when_the_first_is_pulled(lacp, ovs):
    r = lacp(n=4)
    switch(ovs, r, [0, 1], "br0", "bond0", SYSTEM_A)
    switch(ovs, r, [2, 3], "br1", "bond1", SYSTEM_B)
    chosen, rest = exactly_one_side(r, [[0, 1], [2, 3]])
    for i in chosen:
        r.cables[i].pull()
    agree(ovs, r, rest, "bond1" if rest == [2, 3] else "bond0")
    both_ways(ovs, r, "br1" if rest == [2, 3] else "br0")


def test_F12_a_partner_that_changes_its_system_id_is_taken_again(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    ovs.vsctl(f"set port bond0 other_config:lacp-system-id=\"{SYSTEM_B}\"")
    wait_for(lambda: {r.member(i)["partner"]["system_id"] for i in (0, 1)} == {SYSTEM_B}, 10,
             "the new system id")
    agree(ovs, r, [0, 1])


def test_members_towards_two_keys_of_one_switch_are_not_mixed(lacp, ovs):
    r = lacp(n=4)
    switch(ovs, r, [0, 1], key=11)
    ovs.add_bond("bond1", r.far(2, 3), key=22)
    chosen, rest = exactly_one_side(r, [[0, 1], [2, 3]])
    ours, theirs = (11, 22) if chosen == [0, 1] else (22, 11)
    for i in rest:
        r.wait_reason(i, f"partner key {theirs}", f"partner key {ours}", limit=2)
        assert r.member(i)["why"] == "partner-key-differs"


def test_a_changed_key_of_ours_reaches_the_partner_and_the_lag_comes_back(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    r.set("key", 1234)
    wait_for(lambda: {m["partner key"] for m in ovs.lacp()["members"].values()} == {"1234"}, 5,
             "the new key at OVS")
    agree(ovs, r, [0, 1])


def test_settings_that_need_no_move_move_nothing(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    before = [r.member(i)["counters"]["transitions"] for i in (0, 1)]
    for key, value in (("rate", "slow"), ("rate", "fast"), ("system_priority", 4000),
                       ("fallback", "on"), ("strict", "on"), ("pdu_limit", 50)):
        r.set(key, value)
        assert r.distributing() == [0, 1]
    wait_for(lambda: ovs.lacp()["members"][r.far()[0]]["partner sys_priority"] == "4000", 5,
             "the priority at OVS")
    assert ovs.is_forwarding(r.far())
    assert [r.member(i)["counters"]["transitions"] for i in (0, 1)] == before


# ---- L-15: partners without LACP; L-05: strict ----

def test_L15_without_lacp_fallback_decides_whether_one_member_forwards(lacp, ovs):
    r = lacp(knobs="lacp_rate=fast,lacp_fallback=off")
    ovs.add_bridge("br0")
    ovs.vsctl(f"add-port br0 {r.far()[0]} -- add-port br0 {r.far()[1]} tag=99")
    wait_for(lambda: r.member(0)["rx_machine"] == "defaulted", 10, "no partner")
    assert r.distributing() == []
    r.wait_reason(0, "no partner", limit=2)
    r.set("fallback", "on")
    wait_for(lambda: len(r.distributing()) == 1, 5, "one member by fallback")
    assert r.info()["fallback"] and r.distributing() == [0]
    both_ways(ovs, r)
    r.set("fallback", "off")
    r.wait_distributing([], 5)


def test_L15_lacp_that_appears_ends_the_fallback(lacp, ovs):
    r = lacp(knobs="lacp_rate=fast,lacp_fallback=on")
    wait_for(lambda: len(r.distributing()) == 1, 10, "one member by fallback")
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    assert not r.info()["fallback"]
    assert [e for e in r.events("fallback")]


@pytest.mark.parametrize("strict", ["on", "off"])
def test_L05_with_every_partner_silent_strict_decides_about_carrier(lacp, ovs, strict):
    r = lacp(kind="bridged", knobs=f"lacp_rate=fast,lacp_strict={strict}")
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    r.cables[0].silence()
    r.wait_distributing([1], 5)
    assert r.info()["carrier"]
    r.cables[1].silence()
    r.wait_distributing([], 5)
    wait_for(lambda: r.member(1)["rx_machine"] == "defaulted", 5, "both forgotten")
    assert r.info()["carrier"] == (strict == "off")
    for cable in r.cables:
        cable.silence(False)
    agree(ovs, r, [0, 1], limit=FORGOTTEN)
    assert r.info()["carrier"]


# ---- L-07: selection; the pin; L-19: restarts ----

@pytest.mark.parametrize("select,expected", [("count", [1, 2]), ("bandwidth", [1, 2])])
def test_L07_count_and_bandwidth_choose_the_larger_switch(lacp, ovs, select, expected):
    r = lacp(n=3, knobs=f"lacp_rate=fast,agg_mode={select}")
    assert r.info()["aggregation_mode"] == select
    # OVS makes a bond of two ports or more; one port speaks LACP by itself.
    ovs.add_bridge("br0", SYSTEM_A)
    port = r.far(0)[0]
    ovs.vsctl(f"add-port br0 {port} -- set port {port} lacp=active other_config:lacp-time=fast")
    r.wait_distributing([0])
    switch(ovs, r, [1, 2], "br1", "bond1", SYSTEM_B)
    agree(ovs, r, expected, "bond1")


def test_only_the_expected_partner_is_accepted(lacp, ovs):
    r = lacp(n=4, knobs=f"lacp_rate=fast,lacp_partner={SYSTEM_B}")
    switch(ovs, r, [0, 1], "br0", "bond0", SYSTEM_A)
    wait_for(lambda: r.member(0)["counters"]["rx_pin_refused"], 10, "refused PDUs")
    assert r.distributing() == []
    r.wait_reason(0, f"partner {SYSTEM_A}", f"expected partner {SYSTEM_B}", limit=2)
    switch(ovs, r, [2, 3], "br1", "bond1", SYSTEM_B)
    agree(ovs, r, [2, 3], "bond1")


@pytest.mark.parametrize("times", [3, pytest.param(10, marks=pytest.mark.long)])
def test_L19_restarts_under_lacp_and_each_time_all_are_in_service(lacp, ovs, times):
    r = lacp(guests=(), kind="bridged")
    switch(ovs, r)
    for _ in range(times):
        agree(ovs, r, [0, 1])
        r.rig.finish()
        r.daemon.remove_runtime()
        r.start()
    agree(ovs, r, [0, 1])


def test_L22_a_changed_address_of_the_bond_does_not_end_lacp(lacp, ovs):
    r = lacp()
    switch(ovs, r)
    agree(ovs, r, [0, 1])
    mac = "02:00:00:00:0a:0b"
    r.daemon.ctl(f"set bonding mac_addr bond0 {mac}")
    wait_for(lambda: {m["partner sys_id"] for m in ovs.lacp()["members"].values()} == {mac}, 10,
             "the new system id at OVS")
    agree(ovs, r, [0, 1])
    both_ways(ovs, r)


def test_the_text_form_names_both_ends_in_the_right_byte_order(lacp, ovs):
    r = lacp(knobs="lacp_rate=fast,lacp_key=258")
    switch(ovs, r, key=513)
    agree(ovs, r, [0, 1])
    text = r.daemon.ctl("show bonding lacp info bond0")
    assert re.findall(r"port key: (\d+)", text) == ["258", "513"] * 2
    assert text.count(f"system mac address: {SYSTEM_A}") == 2
