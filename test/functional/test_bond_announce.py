# SPDX-License-Identifier: BSD-3-Clause
"""B-24, H-11: after a failover the guests, and nobody else, are announced on the new member."""

import ipaddress

import pytest
from scapy.contrib.igmp import IGMP
from scapy.layers.inet import IP
from scapy.layers.inet6 import (ICMPv6MLReport, ICMPv6NDOptDstLLAddr, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6ND_RA, ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrHopByHop,
                                RouterAlert)
from scapy.layers.l2 import ARP, Dot1Q, Ether

from bf import BROADCAST, FAR_MAC, LOG_LINK_LOSS, guest_mac, mac_bytes, wait_for

VM1, VM2 = guest_mac(1), guest_mac(2)
IP4 = {VM1: "10.0.0.1", VM2: "10.0.0.2"}
IP6 = {VM1: "fe80::5054:ff:fe00:1", VM2: "fd00::2"}
RARP = 0x8035


def tagged(packet, vlan):
    return packet / Dot1Q(vlan=vlan) if vlan else packet


def advert(r, i, vlan=None, router=0):
    """A guest's station says that it has its address, and whether it is a router."""
    mac = guest_mac(i)
    r.vm(i).raw(bytes(tagged(Ether(src=mac, dst="33:33:00:00:00:01"), vlan) / IPv6(
        src=IP6[mac], dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=IP6[mac], R=router, S=0, O=1) /
        ICMPv6NDOptDstLLAddr(lladdr=mac)))


def speak(r, i, vlan):
    """A guest's ARP request, advertisement and neighbour solicitation."""
    advert(r, i, vlan)
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


# ---- what is announced is true ----

def drain(r, lost=0):
    """A planned move; the member that takes over."""
    new = 1 - lost
    r.far[new].capture(512, match="other")
    r.daemon.ctl(f"set bonding drain {r.member_names[lost]} bond0")
    return moved_to(r, new)


def moved_to(r, new):
    wait_for(lambda: r.bond().get("active_member") == r.member_names[new], what="another member")
    wait_for(lambda: record_closed(r), what="announcements done")
    r.settle()
    return [Ether(f) for f in r.far[new].captured()]


WAYS = {"cut": lambda r: moved_to(r, 1) if fail_over(r) else None, "drain": drain}


def advertised(frames, mac):
    return {f[ICMPv6ND_NA].tgt: f[ICMPv6ND_NA].R for f in frames
            if ICMPv6ND_NA in f and f.src == mac}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("vlan", [None, 100])
def test_the_router_flag_is_the_stations_own_and_unknown_ones_are_not_advertised(rig, way, vlan):
    r = rig(guests=("vm1", "vm2", "vm3"), log_allowed=LOG_LINK_LOSS)
    for i in (1, 2, 3):
        r.learn(r.vm(i), guest_mac(i), vlan=vlan)
    # vm1 is a router by its advertisement to all, vm2 said it was and is none any more.
    r.vm(1).raw(bytes(tagged(Ether(src=VM1, dst="33:33:00:00:00:01"), vlan) / IPv6(
        src=IP6[VM1], dst="ff02::1", hlim=255) / ICMPv6ND_RA()))
    advert(r, 2, vlan, router=1)
    advert(r, 2, vlan, router=0)
    third = "fd00::3"
    r.vm(3).raw(bytes(tagged(Ether(src=guest_mac(3), dst="33:33:ff:00:00:fe"), vlan) / IPv6(
        src=third, dst="ff02::1:ff00:fe", hlim=255) / ICMPv6ND_NS(tgt="fe80::fe")))
    want = {(VM1, IP6[VM1]), (VM2, IP6[VM2]), (guest_mac(3), third)}
    wait_for(lambda: {(m, a) for m, a, _ in known_addresses(r)} >= want, what="addresses snooped")
    frames = WAYS[way](r)
    assert advertised(frames, VM1) == {IP6[VM1]: 1}
    assert advertised(frames, VM2) == {IP6[VM2]: 0}
    assert advertised(frames, guest_mac(3)) == {}
    assert {f.src for f in frames} == {VM1, VM2, guest_mac(3)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("vlan", [None, 100])
def test_an_address_that_moved_to_the_lan_is_not_announced(rig, way, vlan):
    r = rig(log_allowed=LOG_LINK_LOSS)
    ready(r, vlan)
    lan = "02:aa:00:00:00:77"
    r.far[0].raw(bytes(tagged(Ether(src=lan, dst=BROADCAST), vlan) / ARP(
        hwsrc=lan, psrc=IP4[VM1], pdst=IP4[VM1])).ljust(64, b"\0"))
    r.far[0].raw(bytes(tagged(Ether(src=lan, dst="33:33:00:00:00:01"), vlan) / IPv6(
        src=IP6[VM2], dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=IP6[VM2], R=0, S=0, O=1)))
    gone = {(VM1, IP4[VM1]), (VM2, IP6[VM2])}
    wait_for(lambda: not {(m, a) for m, a, _ in known_addresses(r)} & gone, what="addresses gone")
    frames = WAYS[way](r)
    said = {(f.src, f[ARP].psrc) for f in frames if ARP in f and f[ARP].op == 1}
    said |= {(f.src, a) for f in frames for a in advertised([f], f.src)}
    assert said == {(VM1, IP6[VM1]), (VM2, IP4[VM2])}


def test_an_answer_to_one_guest_is_enough_to_take_an_address_away(rig):
    """The LAN's station answers vm2, by unicast."""
    r = rig()
    ready(r)
    lan = "02:aa:00:00:00:77"
    r.far[0].raw(bytes(Ether(src=lan, dst=VM2) / ARP(
        op=2, hwsrc=lan, psrc=IP4[VM1], hwdst=VM2, pdst=IP4[VM2])).ljust(64, b"\0"))
    wait_for(lambda: (VM1, IP4[VM1], 0) not in known_addresses(r), what="address gone")


def test_addresses_go_with_clear_fdb_and_with_the_connection(rig):
    r = rig()
    ready(r)
    r.daemon.ctl("clear fdb port vm1")
    assert {m for m, _, _ in known_addresses(r)} == {VM2}
    r.vm(2).kill()
    wait_for(lambda: not known_addresses(r), what="addresses gone")


def test_the_oldest_address_of_a_guest_makes_room(rig):
    r = rig(guests=("vm1",))
    r.learn(r.vm(1), VM1)
    for first in range(0, 1100, 50):
        frames = [bytes(Ether(src=VM1, dst=BROADCAST) / ARP(
            hwsrc=VM1, psrc=f"10.1.{i >> 8}.{i & 255}", pdst="10.0.0.254")).ljust(60, b"\0")
                  for i in range(first + 1, first + 51)]
        with r.taking(len(frames)):
            r.vm(1).cmd("raw", port=0, hex=",".join(f.hex() for f in frames))
    wait_for(lambda: (VM1, "10.1.4.76", 0) in known_addresses(r), what="the last address")
    assert len(known_addresses(r)) == 1024 and (VM1, "10.1.0.1", 0) not in known_addresses(r)


def join(r, i, vlan):
    """A guest joins a group by IGMPv2, and another by MLDv1."""
    mac = guest_mac(i)
    r.vm(i).raw(bytes(tagged(Ether(src=mac, dst="01:00:5e:01:01:05"), vlan) / IP(
        src=IP4[mac], dst="239.1.1.5", ttl=1, proto=2) / IGMP(type=0x16, gaddr="239.1.1.5")
                      ).ljust(60, b"\0"))
    r.vm(i).raw(bytes(tagged(Ether(src=mac, dst="33:33:00:00:01:05"), vlan) / IPv6(
        src=IP6[mac], dst="ff05::105", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) /
        ICMPv6MLReport(mladdr="ff05::105")))


@pytest.mark.parametrize("count, vlan", [(1, None), (3, 100), (0, None)])
def test_reports_of_guests_are_repeated_on_the_new_path(rig, count, vlan):
    r = rig(guests=("vm1",), bond=f",resend_igmp={count},num_peer_notif=0")
    r.learn(r.vm(1), VM1, vlan=vlan)
    with r.taking(2):
        join(r, 1, vlan)
    frames = drain(r)
    reports = [f for f in frames if f.src == VM1]
    assert len(reports) == 2 * count
    assert all((f[Dot1Q].vlan if Dot1Q in f else None) == vlan for f in reports)
    assert sum(f.dst == "01:00:5e:01:01:05" and f[IP].dst == "239.1.1.5" for f in reports) == count
    assert sum(f.dst == "33:33:00:00:01:05" and f[ICMPv6MLReport].mladdr == "ff05::105"
               for f in reports) == count


def rx_machine(r, member):
    info = r.daemon.ctl("show bonding lacp info bond0", json=True)
    return next(m["rx_machine"].lower() for m in info["members"] if m["name"] == member)


def test_a_fallback_member_that_changes_is_announced_and_a_working_one_kept(rig):
    r = rig(mode="802.3ad", bond=",lacp_fallback=on", guests=("vm1",), log_allowed=LOG_LINK_LOSS + [
        r"^WARNING: (not-distributing|fallback|carrier|aggregator): "])

    def forwarding():
        return [i for i in (0, 1) if r.member(i)["sending"]]
    first, = wait_for(forwarding, what="fallback")  # whose link was there first
    other = 1 - first
    wait_for(lambda: rx_machine(r, r.member_names[other]) == "defaulted", what="the other waits")
    r.learn(r.vm(1), VM1)
    r.far[other].capture(512, match="any")
    r.far[first].kill()
    heard = []

    def rarp():
        heard.extend(r.far[other].captured())
        return any(f[6:12] == mac_bytes(VM1) and f[12:14] == b"\x80\x35" for f in heard)
    wait_for(rarp, what="announcement on the other member")
    r.far[first].start()
    r.far[first].wait_up()
    wait_for(lambda: rx_machine(r, r.member_names[first]) == "defaulted", what="it is back")
    assert forwarding() == [other]
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of its own


def test_while_a_mode_is_held_its_failovers_are_announced(rig):
    r = rig(guests=("vm1",), log_allowed=LOG_LINK_LOSS + [
        r"^WARNING: (not-distributing|fallback|carrier|aggregator): "])
    r.learn(r.vm(1), VM1)
    r.far[1].capture(512, match="any")
    r.daemon.ctl("set bonding mode 802.3ad bond0")
    r.daemon.ctl("set bonding drain net_vhost0 bond0")
    heard = []

    def rarp():
        heard.extend(r.far[1].captured())
        return any(f[6:12] == mac_bytes(VM1) and f[12:14] == b"\x80\x35" for f in heard)
    wait_for(rarp, 8, what="announcement on the other member")
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of its own
