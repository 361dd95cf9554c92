# SPDX-License-Identifier: BSD-3-Clause
"""B-24, H-11: after a failover the guests, and nobody else, are announced on the new member."""

import ipaddress

import pytest
from scapy.layers.inet6 import (ICMPv6NDOptDstLLAddr, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import ARP, Dot1Q, Ether

from bf import BROADCAST, FAR_MAC, LOG_LINK_LOSS, guest_mac, wait_for

VM1, VM2 = guest_mac(1), guest_mac(2)
IP4 = {VM1: "10.0.0.1", VM2: "10.0.0.2"}
IP6 = {VM1: "fe80::5054:ff:fe00:1", VM2: "fd00::2"}
RARP = 0x8035


def tagged(packet, vlan):
    return packet / Dot1Q(vlan=vlan) if vlan else packet


def speak(r, i, vlan):
    """A guest's ARP request and neighbour solicitation, as any guest sends now and then."""
    mac = guest_mac(i)
    r.vm(i).raw(bytes(tagged(Ether(src=mac, dst=BROADCAST), vlan) / ARP(
        hwsrc=mac, psrc=IP4[mac], pdst="10.0.0.254")).ljust(64, b"\0"))
    r.vm(i).raw(bytes(tagged(Ether(src=mac, dst="33:33:ff:00:00:fe"), vlan) / IPv6(
        src=IP6[mac], dst="ff02::1:ff00:fe", hlim=255) / ICMPv6ND_NS(tgt="fe80::fe") /
        ICMPv6NDOptSrcLLAddr(lladdr=mac)))


def known_addresses(r):
    return {(n["mac"], n["address"], n["vlan"]) for n in r.daemon.ctl("show neighbors", json=True)}


def ready(r, vlan=None):
    """Everybody is known, guests with their addresses; nothing is being announced any more."""
    r.learn(r.far[0], FAR_MAC, vlan=vlan)
    for i in (1, 2):
        r.learn(r.vm(i), guest_mac(i), vlan=vlan)
        speak(r, i, vlan)
    want = {(mac, a, vlan or 0) for mac in (VM1, VM2) for a in (IP4[mac], IP6[mac])}
    wait_for(lambda: known_addresses(r) >= want, 5, "addresses snooped")
    r.settle()


def fail_over(r, lost=0):
    new = 1 - lost
    r.far[new].capture(512, match="other")
    r.far[lost].kill()
    wait_for(lambda: r.bond().get("active_member") == r.member_names[new], 5, "failover")
    return r.far[new]


def record_closed(r):
    records = r.daemon.ctl("show bonding failover", json=True)
    return bool(records) and not records[0]["open"] and records[0]


def kind_of(packet, mac):
    """rarp, arp or na, every field checked; None for what is no announcement of the station."""
    if packet.src != mac:
        return None
    if ARP in packet:
        arp = packet[ARP]
        assert packet.dst == BROADCAST and (arp.hwtype, arp.hwlen, arp.plen) == (1, 6, 4)
        assert arp.ptype == 0x800 and arp.hwsrc == mac
        if arp.op == 3:
            assert arp.hwdst == mac
            return "rarp"
        assert arp.op in (1, 2) and arp.psrc == arp.pdst == IP4[mac]
        return "arp"
    na = packet[ICMPv6ND_NA]
    assert packet.dst == "33:33:00:00:00:01" and packet[IPv6].dst == "ff02::1"
    assert packet[IPv6].hlim == 255 and packet[IPv6].src == na.tgt
    assert ipaddress.ip_address(na.tgt) == ipaddress.ip_address(IP6[mac])
    assert (na.O, na.S, na.R) == (1, 0, 0)
    assert packet[ICMPv6NDOptDstLLAddr].lladdr == mac
    again = packet.copy()
    del again[ICMPv6ND_NA].cksum
    assert Ether(bytes(again))[ICMPv6ND_NA].cksum == na.cksum
    return "na"


def counted(frames, vlan):
    """{(station, kind): how many}; every frame belongs to a guest and carries its tag."""
    total = {}
    for frame in frames:
        assert len(frame) >= 60
        packet = Ether(frame)
        if packet.type == RARP or (Dot1Q in packet and packet[Dot1Q].type == RARP):
            layer = packet[Dot1Q] if Dot1Q in packet else packet
            layer.payload = ARP(bytes(layer.payload))
        assert (packet[Dot1Q].vlan if Dot1Q in packet else None) == vlan
        kinds = {mac: kind_of(packet, mac) for mac in (VM1, VM2)}
        mac = next((m for m, k in kinds.items() if k), None)
        assert mac is not None, f"announcement of a stranger: {packet.summary()}"
        total[mac, kinds[mac]] = total.get((mac, kinds[mac]), 0) + 1
    return total


@pytest.mark.parametrize("rounds, vlan", [(1, None), (10, 100)])
def test_B24_every_guest_address_is_announced_so_many_times_and_no_stranger(rig, rounds, vlan):
    r = rig(bond=f",num_peer_notif={rounds},peer_notif_delay=20", log_allowed=LOG_LINK_LOSS)
    ready(r, vlan)
    new = fail_over(r)
    wait_for(lambda: record_closed(r), 10, "announcements done")
    r.settle()
    want = {(mac, kind): rounds for mac in (VM1, VM2) for kind in ("rarp", "arp", "na")}
    assert counted(new.captured(), vlan) == want
    assert record_closed(r)["announcements"] == sum(want.values())


def test_B24_none_are_sent_when_the_number_is_0(rig):
    r = rig(bond=",num_peer_notif=0", log_allowed=LOG_LINK_LOSS)
    ready(r)
    new = fail_over(r)
    wait_for(lambda: record_closed(r), 10, "failover complete")
    r.settle()
    assert new.captured() == []


def test_B24_announcements_are_spaced_by_the_delay(rig):
    r = rig(bond=",num_peer_notif=3,peer_notif_delay=400", log_allowed=LOG_LINK_LOSS)
    ready(r)
    fail_over(r)
    record = wait_for(lambda: record_closed(r), 10, "announcements done")
    assert 800 <= record["announced_ms"] < 3000


@pytest.mark.parametrize("mode", ["balance-tlb", "balance-alb"])
def test_B24_guests_of_a_lost_member_are_announced_where_they_are_now(rig, mode):
    r = rig(mode=mode, log_allowed=LOG_LINK_LOSS)
    ready(r)
    r.far[1].capture(512, match="other")
    r.far[0].kill()
    wait_for(lambda: record_closed(r), 10, "announcements done")
    r.settle()
    got = counted(r.far[1].captured(), None)
    assert {mac for mac, _ in got} == {VM1, VM2} and set(got.values()) == {1}


@pytest.mark.parametrize("mode", ["balance-rr", "balance-xor"])
def test_B24_a_switch_with_a_lag_needs_no_announcement(rig, mode):
    r = rig(mode=mode, log_allowed=LOG_LINK_LOSS)
    ready(r)
    r.far[1].capture(512, match="other")
    r.far[0].kill()
    wait_for(lambda: record_closed(r), 10, "failover complete")
    r.settle()
    assert r.far[1].captured() == []


def test_B24_a_guest_that_left_is_not_announced(rig):
    r = rig(log_allowed=LOG_LINK_LOSS)
    ready(r)
    r.daemon.ctl("remove guest vm2")
    new = fail_over(r)
    wait_for(lambda: record_closed(r), 10, "announcements done")
    r.settle()
    assert {mac for mac, _ in counted(new.captured(), None)} == {VM1}


def test_B24_four_thousand_stations_are_announced_and_forwarding_goes_on(rig):
    stations = 4000
    r = rig(guest_opts={"vm1": "mac_limit=5000"}, log_allowed=LOG_LINK_LOSS,
            member_opts={"queue_size": 1024})
    r.learn_all()

    def all_known():
        r.vm(1).send(stream=1, count=stations, src="52:54:00:01:00:00", srcs=stations,
                     dst=BROADCAST, kind="ether", rate=20000)
        return len(r.daemon.fdb()) >= stations
    wait_for(all_known, 20, "stations learned")
    r.settle()
    r.far[1].cmd("clear")
    r.far[0].kill()
    wait_for(lambda: r.bond().get("active_member") == "net_vhost1", 5, "failover")
    r.vm(2).send(stream=2, count=1000, src=VM2, dst=FAR_MAC, flows=32, rate=5000)
    record = wait_for(lambda: record_closed(r), 10, "announcements done")
    r.settle()
    assert r.far[1].stream(2)["distinct"] == 1000
    announced = r.far[1].port()["rx_other"]
    assert record["announcements"] == announced >= stations
