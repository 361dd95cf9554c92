# SPDX-License-Identifier: BSD-3-Clause
"""Multicast: frames of a group go to those who joined it, while somebody asks who wants what."""

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, mac_bytes, wait_for
from guarding import deliveries, learn, passes
from multicasting import (ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN, ask, data, done6, framed, igmp,
                          in_force, joined, leave, left, mac_of, members, queriers, query, query6,
                          report, report3, report6, report6v2, routers, say, shown)
from packets import UDP, VLAN, Packet
from test_offload import EMPTY, lab  # noqa: F401 (a fixture)

VM1, VM2, VM3 = guest_mac(1), guest_mac(2), guest_mac(3)
FAR = "far0"
G1, G2, G6 = "239.10.10.10", "239.10.10.11", "ff02::cc"
ON = ",mcast_snooping=on"


@pytest.fixture
def r(rig):
    """Three guests and the LAN, all known, nobody asks yet."""
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON)
    learn(r, 1, 2, 3)
    return r


def asked(r):
    """A querier in the LAN, for both protocols."""
    ask(r, r.far[0], query(FAR_MAC))
    ask(r, r.far[0], query6(FAR_MAC), protocol="MLD")


# Who asks.

def test_it_is_off_by_default_and_then_reports_change_nothing(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    learn(r, 1, 2, 3)
    say(r, r.far[0], query(FAR_MAC))
    say(r, r.vm(1), report(VM1, G1))
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", "vm3", FAR})
    passes(r, r.vm(2), [report(VM2, G1)], {"vm1", "vm3", FAR})
    seen = shown(r)
    assert seen["snooping"] == "" and seen["groups"] == seen["queriers"] == seen["routers"] == []
    assert "Snooping: off" in r.daemon.ctl("show mdb")


def test_without_a_querier_groups_flood(r):
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", "vm3", FAR})
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1", "vm2", "vm3"})
    passes(r, r.vm(2), [report(VM2, G2)], {"vm1", "vm3", FAR})


def test_frames_of_a_group_go_to_members_and_to_the_routers_port(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", FAR})
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1"})
    joined(r, r.vm(3), report(VM3, G1), G1, "vm3")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1", "vm3"})
    passes(r, r.vm(1), [data(VM1, G1)], {"vm3", FAR})
    q = queriers(r)[0, "IGMP"]
    assert (q["port"], q["address"], q["version"]) == ("bond0", "10.0.0.1", 2)
    assert routers(r) == {"bond0"} == routers(r, protocol="MLD")


def test_whichever_worker_hears_a_report_all_know_it(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON, workers=2, peer_opts={"vm2": {"queues": 2}})
    learn(r, 1, 2, 3)
    asked(r)
    for i in (1, 2, 3):
        joined(r, r.vm(i), report(guest_mac(i), f"239.9.9.{i}"), f"239.9.9.{i}", f"vm{i}")
    for i in (1, 2, 3):
        frames = [data(FAR_MAC, f"239.9.9.{i}") for _ in range(8)]
        passes(r, r.far[0], frames, {f"vm{i}"})
    r.vm(2).send(stream=5, count=500, src=VM2, dst=mac_of("239.9.9.1"), flows=16)

    def arrived_or_busy():
        """A worker may be interrupted with the ring's lock."""
        return r.vm(1).stream(5)["distinct"] + r.daemon.drops("vm1").get("ring_busy", 0) == 500
    wait_for(arrived_or_busy, what="frames of the group")
    assert r.vm(3).stream(5)["received"] == 0


def test_it_can_be_turned_on_and_off_while_it_runs(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    learn(r, 1, 2, 3)
    r.daemon.ctl("set bonding option bond0 mcast_snooping=on")
    ask(r, r.far[0], query(FAR_MAC))
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1"})
    assert "mcast_snooping=on" in r.daemon.ctl("show running-config")
    r.daemon.ctl("set bonding option bond0 mcast_snooping=off")
    wait_for(lambda: not members(r), what="forgotten")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1", "vm2", "vm3"})
    with pytest.raises(CtlError) as error:
        r.daemon.ctl("set bonding option bond0 mcast_snooping=maybe")
    assert 'mcast_snooping: "maybe": expected' in error.value.text


def test_groups_that_nobody_has_joined_flood(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(2), [data(VM2, G2)], {"vm1", "vm3", FAR})
    passes(r, r.far[0], [data(FAR_MAC, G2), data(FAR_MAC, G6)], {"vm1", "vm2", "vm3"})
    other = bytes(Ether(dst="01:00:5e:0a:0a:0a", src=VM2, type=0x88b5) / Raw(bytes(50)))
    passes(r, r.vm(2), [other], {"vm1", "vm3", FAR})  # no IP: of no group


def test_what_is_for_all_on_the_link_floods_whoever_joined_it(r):
    asked(r)
    groups = ["224.0.0.5", "224.0.0.251", "ff02::1", "ff02::2", "225.128.0.5"]
    for group in groups:
        say(r, r.vm(1), report6(VM1, group) if ":" in group else report(VM1, group))
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    assert members(r) == {(0, G1): {"vm1"}}
    passes(r, r.vm(2), [data(VM2, group) for group in groups], {"vm1", "vm3", FAR})


def test_queries_flood_and_reports_of_one_group_go_to_routers_only(r):
    asked(r)
    passes(r, r.far[0], [query(FAR_MAC), query6(FAR_MAC), query(FAR_MAC, G1)], {"vm1", "vm2", "vm3"})
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    for version in (1, 2):
        passes(r, r.vm(2), [report(VM2, G1, version), report(VM2, "239.1.1.1", version)], {FAR})
    passes(r, r.vm(2), [report6(VM2, G6)], {FAR})
    # Nobody keeps silent because of these.
    passes(r, r.vm(2), [report3(VM2, (TO_EX, G2)), leave(VM2, "239.1.1.2")], {"vm1", "vm3", FAR})


def test_a_querier_that_is_a_guest_makes_its_port_the_routers_port(r):
    ask(r, r.vm(3), query(VM3))
    assert routers(r) == {"vm3"}
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", "vm3"})
    passes(r, r.far[0], [report(FAR_MAC, G2)], {"vm3"})


def test_queries_of_a_guest_with_ra_guard_pass_and_count_for_nothing(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON, guest_opts={"vm3": "ra_guard=on"})
    learn(r, 1, 2, 3)
    passes(r, r.vm(3), [query(VM3, ip="10.0.0.0"), query6(VM3)], {"vm1", "vm2", FAR})
    ask(r, r.far[0], query(FAR_MAC))
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(3), [query(VM3, ip="9.0.0.0")], {"vm1", "vm2", FAR})
    assert routers(r) == {"bond0"} and queriers(r)[0, "IGMP"]["address"] == "10.0.0.1"
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", FAR})


def test_queries_that_are_not_as_they_must_be_make_no_querier(r):
    no_source, checksum = query(FAR_MAC, ip="0.0.0.0"), query(FAR_MAC, good=False)
    not_of_the_link, from_far_away = query6(FAR_MAC, ip="2001:db8::1"), query6(FAR_MAC, hlim=2)
    passes(r, r.far[0], [no_source, checksum, not_of_the_link, from_far_away], {"vm1", "vm2", "vm3"})
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")  # behind them
    assert shown(r)["queriers"] == shown(r)["routers"] == []


def test_a_querier_that_becomes_a_tenant_counts_no_more(r):
    ask(r, r.vm(3), query(VM3))
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", "vm3"})
    r.daemon.ctl("set guest vm3 ra_guard=on")
    wait_for(lambda: not routers(r), what="no router")
    in_force(r)
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", "vm3", FAR})
    ask(r, r.far[0], query(FAR_MAC))
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", FAR})


def test_of_two_queriers_the_lower_address_counts_and_both_have_router_ports(r):
    ask(r, r.far[0], query(FAR_MAC, ip="10.0.0.5"))
    say(r, r.vm(2), query(VM2, ip="10.0.0.9"))
    wait_for(lambda: routers(r) == {"bond0", "vm2"}, what="both are routers")
    assert queriers(r)[0, "IGMP"]["address"] == "10.0.0.5"
    say(r, r.vm(3), query(VM3, ip="10.0.0.3", version=3))
    wait_for(lambda: queriers(r)[0, "IGMP"]["address"] == "10.0.0.3", what="the lower one")
    assert queriers(r)[0, "IGMP"]["version"] == 3


def test_pim_hello_and_router_advertisements_make_a_routers_port(r):
    ask(r, r.far[0], query(FAR_MAC))
    ask(r, r.far[0], query6(FAR_MAC), protocol="MLD")
    hello = IP(src="10.0.0.7", dst="224.0.0.13", ttl=1, proto=103) / Raw(bytes([0x20, 0, 0xdf, 0xff]))
    say(r, r.vm(1), framed(VM1, "224.0.0.13", hello))
    say(r, r.vm(2), igmp(VM2, "224.0.0.106", bytes([0x30, 20, 0, 0, 0, 125, 0, 2])))
    hello = IPv6(src="fe80::7", dst="ff02::d", hlim=1, nh=103) / Raw(bytes([0x20, 0, 0, 0]) + bytes(8))
    say(r, r.vm(3), framed(VM3, "ff02::d", hello))
    wait_for(lambda: routers(r) == {"bond0", "vm1", "vm2"}, what="routers")
    wait_for(lambda: routers(r, protocol="MLD") == {"bond0", "vm3"}, what="routers of IPv6")
    assert set(queriers(r)) == {(0, "IGMP"), (0, "MLD")}


# Who joins and leaves.

def test_a_port_leaves_two_seconds_after_its_word_unless_a_report_comes(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    joined(r, r.vm(2), report(VM2, G1), G1, "vm2")
    say(r, r.vm(1), leave(VM1, G1))
    say(r, r.vm(2), leave(VM2, G1))
    say(r, r.vm(2), report(VM2, G1))
    left(r, G1, "vm1")
    assert members(r)[0, G1] == {"vm2"}
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm2"})
    say(r, r.vm(2), leave(VM2, G1))
    left(r, G1, "vm2")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1", "vm2", "vm3"})


def test_a_query_for_a_group_ends_memberships_that_are_not_reported_again(r):
    asked(r)
    for i in (1, 2):
        joined(r, r.vm(i), report(guest_mac(i), G1), G1, f"vm{i}")
        joined(r, r.vm(i), report(guest_mac(i), G2), G2, f"vm{i}")
    say(r, r.far[0], query(FAR_MAC, G2, version=3, more=bytes([10, 125, 0, 0])))  # says: end nothing
    say(r, r.far[0], query(FAR_MAC, G1, answer=5))
    say(r, r.vm(2), report(VM2, G1))
    left(r, G1, "vm1")
    assert members(r) == {(0, G1): {"vm2"}, (0, G2): {"vm1", "vm2"}}
    assert not any(p["leaving"] for g in shown(r)["groups"] for p in g["ports"])


def record_cases(groups, source):
    """(record, whether it joins its group): each of a group of its own."""
    g = iter(groups)
    return [((IS_EX, next(g)), True), ((TO_EX, next(g)), True), ((TO_EX, next(g), source), True),
            ((IS_IN, next(g), source), True), ((TO_IN, next(g), source), True), ((ALLOW, next(g), source), True),
            ((IS_IN, next(g)), False), ((TO_IN, next(g)), False), ((BLOCK, next(g), source), False)]


def records_join(r, cases, say_records, last):
    """Each record joins its group, or does not, whatever sources it names."""
    asked(r)
    for record, _ in cases:
        say(r, r.vm(1), say_records(VM1, record))
    joined(r, r.vm(1), say_records(VM1, (TO_EX, last)), last, "vm1")  # behind them
    assert members(r) == {(0, group): {"vm1"} for group in [rec[1] for rec, joins in cases if joins] + [last]}
    got = deliveries(r, r.far[0], [data(FAR_MAC, record[1]) for record, _ in cases])
    assert got == [{"vm1"} if joins else {"vm1", "vm2", "vm3"} for _, joins in cases]


def test_igmp3_records_join_as_from_any_source(r):
    cases = record_cases([f"239.7.7.{i}" for i in range(1, 10)], "10.9.9.9")
    records_join(r, [*cases, ((9, "239.7.7.10"), False)], report3, G2)


def test_mld2_records_join_as_from_any_source(r):
    records_join(r, record_cases([f"ff05::7:{i}" for i in range(1, 10)], "fd00::9"), report6v2, "ff05::9")


def test_igmp3_leaves_by_including_nobody_and_blocking_a_source_is_no_leave(r):
    asked(r)
    joined(r, r.vm(1), report3(VM1, (TO_EX, G1), (TO_EX, G2)), G2, "vm1")
    say(r, r.vm(1), report3(VM1, (TO_IN, G1), (BLOCK, G2, "10.1.1.1")))
    left(r, G1, "vm1")
    assert members(r) == {(0, G2): {"vm1"}}
    assert shown(r)["groups"][0]["ports"][0]["version"] == 3


def test_one_report_may_name_many_groups(r):
    asked(r)
    groups = [f"ff05::1:{i:x}" for i in range(1, 61)]
    joined(r, r.vm(1), report6v2(VM1, *[(TO_EX, g) for g in groups]), groups[-1], "vm1")
    assert members(r) == {(0, g): {"vm1"} for g in groups}
    # Workers have the view with them a moment later.
    wait_for(lambda: deliveries(r, r.far[0], [data(FAR_MAC, groups[-1])]) == [{"vm1"}], what="view")
    passes(r, r.far[0], [data(FAR_MAC, g) for g in groups], {"vm1"})


def test_a_host_without_an_address_joins_as_well(r):
    asked(r)
    joined(r, r.vm(1), report6(VM1, G6, ip="::"), G6, "vm1")
    joined(r, r.vm(2), report6v2(VM2, (TO_EX, G6), ip="::"), G6, "vm2")
    joined(r, r.vm(3), report(VM3, G1, ip="0.0.0.0"), G1, "vm3")
    passes(r, r.far[0], [data(FAR_MAC, G6)], {"vm1", "vm2"})


def test_mld_joins_and_leaves(r):
    asked(r)
    joined(r, r.vm(1), report6(VM1, G6), G6, "vm1")
    joined(r, r.vm(2), report6v2(VM2, (TO_EX, G6)), G6, "vm2")
    passes(r, r.far[0], [data(FAR_MAC, G6)], {"vm1", "vm2"})
    say(r, r.vm(1), done6(VM1, G6))
    say(r, r.vm(2), report6v2(VM2, (TO_IN, G6)))
    left(r, G6, "vm1")
    left(r, G6, "vm2")
    passes(r, r.far[0], [data(FAR_MAC, G6)], {"vm1", "vm2", "vm3"})


def test_igmp_has_no_say_in_ipv6_nor_mld_in_ipv4(r):
    ask(r, r.far[0], query(FAR_MAC))
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    joined(r, r.vm(1), report6(VM1, G6), G6, "vm1")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1"})
    passes(r, r.far[0], [data(FAR_MAC, G6)], {"vm1", "vm2", "vm3"})


def test_a_member_in_the_lan_gets_the_group_and_others_do_not(r):
    ask(r, r.vm(3), query(VM3))
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(1), [data(VM1, G1)], {"vm3"})
    joined(r, r.far[0], report(FAR_MAC, G1), G1, "bond0")
    passes(r, r.vm(1), [data(VM1, G1)], {"vm3", FAR})
    say(r, r.far[0], leave(FAR_MAC, G1))
    left(r, G1, "bond0")
    passes(r, r.vm(1), [data(VM1, G1)], {"vm3"})


def test_a_group_that_only_its_sender_has_joined_goes_to_routers(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(1), [data(VM1, G1)], {FAR})
    joined(r, r.far[0], report(FAR_MAC, G2), G2, "bond0")
    before = r.daemon.drops("bond0").get("no_destination", 0)
    passes(r, r.far[0], [data(FAR_MAC, G2)], set())
    assert r.daemon.drops("bond0")["no_destination"] == before + 1


def test_groups_that_share_an_address_share_their_members(r):
    asked(r)
    same = "238.10.10.10"
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    joined(r, r.vm(2), report(VM2, same), same, "vm2")
    passes(r, r.far[0], [data(FAR_MAC, G1), data(FAR_MAC, same)], {"vm1", "vm2"})
    say(r, r.vm(2), leave(VM2, same))
    left(r, same, "vm2")
    passes(r, r.far[0], [data(FAR_MAC, G1), data(FAR_MAC, same)], {"vm1"})


# VLANs.

@pytest.mark.parametrize("tag", [Dot1Q, Dot1AD])
def test_groups_and_queriers_of_a_vlan_are_its_own(r, tag):
    in10, in20 = [tag(vlan=10)], [tag(vlan=20)]
    ask(r, r.far[0], query(FAR_MAC, tags=in10), vlan=10)
    ask(r, r.far[0], query(FAR_MAC, tags=in20), vlan=20)
    joined(r, r.vm(1), report(VM1, G1, tags=in10), G1, "vm1", vlan=10)
    joined(r, r.vm(2), report(VM2, G1, tags=in20), G1, "vm2", vlan=20)
    passes(r, r.far[0], [data(FAR_MAC, G1, in10)], {"vm1"})
    passes(r, r.far[0], [data(FAR_MAC, G1, in20)], {"vm2"})
    passes(r, r.far[0], [data(FAR_MAC, G1, [tag(vlan=30)]), data(FAR_MAC, G1)], {"vm1", "vm2", "vm3"})
    other = Dot1AD if tag is Dot1Q else Dot1Q
    passes(r, r.far[0], [data(FAR_MAC, G1, [other(vlan=10)])], {"vm1", "vm2", "vm3"})
    assert [g["service"] for g in shown(r)["groups"]] == [tag is Dot1AD] * 2


def test_frames_with_two_tags_flood_and_say_nothing(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON)
    outer, both = [Dot1AD(vlan=40)], [Dot1AD(vlan=40), Dot1Q(vlan=7)]
    ask(r, r.far[0], query(FAR_MAC, tags=outer), vlan=40)
    joined(r, r.vm(1), report(VM1, G1, tags=outer), G1, "vm1", vlan=40)
    say(r, r.far[0], query(FAR_MAC, tags=[Dot1AD(vlan=41), Dot1Q(vlan=7)]))
    passes(r, r.far[0], [data(FAR_MAC, G1, outer)], {"vm1"})
    passes(r, r.far[0], [data(FAR_MAC, G1, both)], {"vm1", "vm2", "vm3"})
    passes(r, r.vm(2), [report(VM2, G2, tags=both)], {"vm1", "vm3", FAR})
    assert members(r) == {(40, G1): {"vm1"}} and set(queriers(r)) == {(40, "IGMP")}


def test_access_ports_join_in_their_vlan_and_get_frames_without_tag(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON,
            guest_opts={"vm1": "vlan=10", "vm2": "vlan=10", "vm3": "vlan=20"})
    tagged = [Dot1Q(vlan=10)]
    ask(r, r.far[0], query(FAR_MAC, tags=tagged), vlan=10)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1", vlan=10)
    say(r, r.vm(3), report(VM3, G1))
    others = [p for p in r.peers() if p is not r.far[0]]
    for p in others:
        p.capture(64)
    frame = data(FAR_MAC, G1, tagged)
    say(r, r.far[0], frame)
    got = {p.name: [f for f in p.captured() if frame[-48:] in f] for p in others}
    assert got.pop("vm1") == [frame[:12] + frame[16:]] and not any(got.values())
    # A port that leaves the VLAN leaves its groups there.
    r.daemon.ctl("set guest vm1 vlan=20")
    assert (10, G1) not in members(r)


# What holds as it does for whatever is flooded.

def test_isolated_guests_do_not_reach_each_other_in_a_group(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON,
            guest_opts={"vm1": "isolated=on", "vm2": "isolated=on"})
    learn(r, 1, 2, 3)
    asked(r)
    for i in (1, 2, 3):
        joined(r, r.vm(i), report(guest_mac(i), G1), G1, f"vm{i}")
    passes(r, r.vm(1), [data(VM1, G1)], {"vm3", FAR})
    passes(r, r.vm(3), [data(VM3, G1)], {"vm1", "vm2", FAR})


def test_a_guest_without_mcast_flood_gets_no_group(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON, guest_opts={"vm1": "mcast_flood=off"})
    learn(r, 1, 2, 3)
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    joined(r, r.vm(2), report(VM2, G1), G1, "vm2")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm2"})


def test_guards_judge_frames_of_groups(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), bond=ON, guest_opts={"vm2": f"mac_guard=on,mac={VM2}"})
    learn(r, 1, 2, 3)
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.vm(2), [data(VM3, G1), report(VM3, G1)], set())
    assert members(r)[0, G1] == {"vm1"}
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", FAR})


def test_frames_of_a_joined_group_are_no_storm_and_others_are(rig):
    r = rig(guests=("vm1", "vm2"), bond=ON, guest_opts={"vm2": "storm_multicast=5"},
            log_allowed=[r"^WARNING: storm: vm2: "])
    learn(r, 1, 2)
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    assert deliveries(r, r.vm(2), [data(VM2, G1) for _ in range(64)]) == [{"vm1", FAR}] * 64
    assert "storm_multicast" not in r.daemon.drops("vm2")
    deliveries(r, r.vm(2), [data(VM2, G2) for _ in range(64)])
    assert r.daemon.drops("vm2")["storm_multicast"] > 32


def test_a_guest_that_joins_without_end_forgets_its_own_groups_only(rig):
    r = rig(guests=("vm1", "vm2"), bond=ON, log_allowed=[r"^WARNING: multicast_limit: vm2: "])
    learn(r, 1, 2)
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    for i in range(300):
        r.vm(2).raw(report(VM2, f"239.20.{i // 100}.{i % 100 + 1}"))
    wait_for(lambda: r.events("multicast_limit"), what="event")
    wait_for(lambda: (0, "239.20.2.100") in members(r), what="the last one")
    in_force(r)
    mine = [g for g, ports in members(r).items() if "vm2" in ports]
    assert len(mine) == 256 and members(r)[0, G1] == {"vm1"}
    assert shown(r)["memberships"] == 257
    assert [e["object"] for e in r.events("multicast_limit")] == ["vm2"]
    passes(r, r.far[0], [data(FAR_MAC, "239.20.2.50")], {"vm2"})
    passes(r, r.far[0], [data(FAR_MAC, "239.20.0.1")], {"vm1", "vm2"})  # forgotten: it floods
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1"})


@pytest.mark.parametrize("tags", [b"", VLAN], ids=["untagged", "vlan"])
@pytest.mark.parametrize("what", [{"proto": UDP}, {"segment": 1000}], ids=["checksum", "superframe"])
def test_what_a_guest_left_undone_is_done_for_the_members_of_a_group(lab, tags, what):  # noqa: F811
    net = lab()
    net.daemon.ctl("set bonding option bond0 mcast_snooping=on")
    sender, near, other = net.add("s", "tso"), net.add("near"), net.add("other")
    vlan, q = (7, [Dot1Q(vlan=7)]) if tags else (0, [])
    net.wire.send_whole(query(FAR_MAC, tags=q))
    wait_for(lambda: (vlan, "IGMP") in queriers(net.rig), what="a querier")
    near.send_whole(report(near.mac.hex(":"), G1, tags=q))
    wait_for(lambda: members(net.rig) == {(vlan, G1): {"near"}}, what="a member")
    in_force(net.rig)
    net.mark()
    packet = Packet(src=sender.mac, dst=mac_bytes(mac_of(G1)), payload=bytes(range(250)) * 10
                    if "segment" in what else bytes(range(200)), tags=tags, **what)
    sender.send(packet)
    pieces = packet.cut() if packet.segment else [packet]
    complete = [(EMPTY, p.complete()) for p in pieces]
    assert near.get(len(pieces)) == complete and net.wire.get(len(pieces)) == complete
    assert other.listen() == 0
    net.check()


def test_a_query_is_heard_among_reports_without_end(r):
    r.vm(1).raw(report(VM1, G1), count=20000)
    ask(r, r.far[0], query(FAR_MAC))
    r.settle()
    assert members(r) == {(0, G1): {"vm1"}}


# What ends it.

def test_clear_forgets_all_and_multicast_floods_until_somebody_asks(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1"})
    assert [e["text"] for e in r.events("multicast_querier")] == [
        "IGMP querier 10.0.0.1 of VLAN 0 at bond0: groups go where they were joined",
        "MLD querier fe80::1 of VLAN 0 at bond0: groups go where they were joined"]
    assert not r.events("multicast_floods")
    r.daemon.ctl("clear multicast bond bond0")
    assert len(r.events("multicast_floods")) == 2
    in_force(r)
    seen = shown(r)
    assert seen["groups"] == seen["queriers"] == seen["routers"] == []
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1", "vm2", "vm3"})
    with pytest.raises(CtlError) as error:
        r.daemon.ctl("clear mdb bond nobody")
    assert '"nobody"' in error.value.text


def test_a_guest_that_is_removed_takes_its_groups_and_its_querier_along(r):
    ask(r, r.vm(3), query(VM3))
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    joined(r, r.vm(2), report(VM2, G1), G1, "vm2")
    r.daemon.ctl("remove guest vm1")
    assert members(r) == {(0, G1): {"vm2"}}
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm2", "vm3"})
    r.daemon.ctl("remove guest vm3")
    in_force(r)
    assert shown(r)["queriers"] == shown(r)["routers"] == []
    passes(r, r.far[0], [data(FAR_MAC, G2)], {"vm2"})


def test_a_guest_that_disconnects_has_left_its_groups(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    joined(r, r.vm(2), report(VM2, G1), G1, "vm2")
    r.vm(1).restart()
    r.vm(1).wait_up()
    left(r, G1, "vm1")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm2"})
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    passes(r, r.far[0], [data(FAR_MAC, G1)], {"vm1", "vm2"})


def test_after_a_failover_groups_are_reported_on_the_other_member(rig):
    r = rig(guests=("vm1", "vm2"), bond=ON, log_allowed=[r"^WARNING: member_down", r"^NOTICE"])
    learn(r, 1, 2)
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    r.far[1].capture(64)
    r.daemon.ctl("set bonding primary net_vhost1 bond0")
    want = framed(VM1, G1, IP(src="10.0.0.2", dst=G1))[:12]
    wait_for(lambda: any(f[:12] == want for f in r.far[1].captured()), what="the report again")
    passes(r, r.vm(2), [data(VM2, G1)], {"vm1", "far1"})
    passes(r, r.far[1], [data(FAR_MAC, G1)], {"vm1"})


def test_what_is_shown_is_the_same_in_text_and_metrics(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    joined(r, r.far[0], report6(FAR_MAC, G6), G6, "bond0")
    text = r.daemon.ctl("show multicast")
    assert "Snooping: bond0\nGroups: 2, memberships of guests 1 of 16384, of the LAN 1\n" in text
    assert f"IGMPv2    {G1}" in text and f"MLDv1     {G6}" in text
    assert "10.0.0.1" in text and "fe80::1" in text
    metrics = r.daemon.ctl("show metrics")
    assert "bondfwd_multicast_groups 2" in metrics and "bondfwd_multicast_memberships 1" in metrics
    assert r.daemon.ctl("show mdb") .splitlines()[:2] == text.splitlines()[:2]


def test_broadcast_and_unicast_go_where_they_went(r):
    asked(r)
    joined(r, r.vm(1), report(VM1, G1), G1, "vm1")
    frame = bytes(Ether(dst=BROADCAST, src=VM2, type=0x88b5) / Raw(bytes(50)))
    passes(r, r.vm(2), [frame], {"vm1", "vm3", FAR})
    frame = bytes(Ether(dst=VM3, src=VM2, type=0x88b5) / Raw(bytes(50)))
    passes(r, r.vm(2), [frame], {"vm3"})
