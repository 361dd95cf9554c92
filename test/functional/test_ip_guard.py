# SPDX-License-Identifier: BSD-3-Clause
"""IP addresses of guests: the table of OVN's port security, frame by frame, from the guest and to it."""

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrHopByHop)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, wait_for
from guarding import dropped, guards, learn, passes

VM1, VM2 = guest_mac(1), guest_mac(2)
VRRP = "00:00:5e:00:01:07"
ALL6 = "33:33:00:00:00:01"
LINK_LOCAL = "fe80::5054:ff:fe00:1"  # of VM1
FAR = "far0"
LIST = f"mac_guard=on,mac={VM1},00:00:5e:00:01/40,ip=10.0.0.1,192.168.0.0/16,fd00::1"
LOG = [r"^WARNING: forged_(ip|neighbor): vm1: "]


def wire(packet):
    return bytes(packet).ljust(60, b"\0")


def ip4(src, dst="10.9.9.9", to=FAR_MAC, mac=VM1, over=None):
    return wire(Ether(dst=to, src=mac) / IP(src=src, dst=dst) / (over or TCP(dport=80)) / Raw(b"x" * 20))


def ip6(src, dst="fd00::9", to=FAR_MAC, mac=VM1, over=None):
    return wire(Ether(dst=to, src=mac) / IPv6(src=src, dst=dst) / (over or ICMPv6EchoRequest()))


def arp(psrc, hwsrc=VM1, src=VM1, op=1):
    return wire(Ether(dst=BROADCAST, src=src) / ARP(op=op, hwsrc=hwsrc, psrc=psrc, pdst="10.0.0.254"))


def solicit(src, mac=VM1, target="fd00::9"):
    packet = Ether(dst=ALL6, src=VM1) / IPv6(src=src, dst="ff02::1", hlim=255) / ICMPv6ND_NS(tgt=target)
    return wire(packet / ICMPv6NDOptSrcLLAddr(lladdr=mac) if mac else packet)


def advertise(target, mac=VM1, src="fd00::1"):
    return wire(Ether(dst=ALL6, src=VM1) / IPv6(src=src, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=target) /
                ICMPv6NDOptDstLLAddr(lladdr=mac))


def discover():
    return wire(Ether(dst=BROADCAST, src=VM1) / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) /
                BOOTP() / DHCP(options=[("message-type", "discover"), "end"]))


def listeners():
    return wire(Ether(dst="33:33:00:00:00:16", src=VM1) / IPv6(src="::", dst="ff02::16", hlim=1) /
                IPv6ExtHdrHopByHop() / ICMPv6MLReport2())


GOOD = {
    "IPv4": [ip4("10.0.0.1"), ip4("192.168.3.4"), ip4("10.0.0.1", mac=VRRP)],
    "IPv6": [ip6("fd00::1"), ip6(LINK_LOCAL, "fe80::9")],
    "ARP": [arp("10.0.0.1"), arp("192.168.0.9", op=2), arp("10.0.0.1", hwsrc=VRRP), arp("10.0.0.1", VRRP, VRRP)],
    "DHCP": [discover()], "MLD": [listeners()],
    "ND": [solicit("fd00::1"), solicit(LINK_LOCAL), solicit("::", None, "fd00::1"), advertise("fd00::1"),
           advertise(LINK_LOCAL), advertise("fd00::1", VRRP)],
    "RARP": [wire(Ether(dst=BROADCAST, src=VM1, type=0x8035) / ARP(op=3, hwsrc=VM1, psrc="0.0.0.0"))],
    "no IP": [wire(Ether(dst=BROADCAST, src=VM1, type=0x88b6))],
}
FORGED_IP = [
    ip4("10.0.0.2"), ip4("0.0.0.0"), ip4("192.169.0.1"), ip4("10.0.0.2", to=BROADCAST), ip6("fd00::2"),
    ip6("fe80::9", "fe80::1"), ip6("::"), solicit("fd00::9"), advertise("fd00::1", src="fd00::9"),
    ip4("0.0.0.0", "255.255.255.255", BROADCAST, over=UDP(sport=68, dport=68))]
FORGED_NEIGHBOR = [
    arp("10.0.0.2"), arp("0.0.0.0"), arp("10.0.0.1", VM2), arp("10.0.0.254", op=2), solicit("fd00::1", VM2),
    advertise("fd00::9"), advertise("fe80::9"), advertise("fd00::1", VM2)]


def tag(frame, *tags):
    packet = Ether(dst=frame[:6], src=frame[6:12])
    for t in tags:
        packet /= t
    packet.lastlayer().type = int.from_bytes(frame[12:14], "big")
    return bytes(packet / Raw(frame[14:]))


@pytest.fixture
def r(rig):
    r = rig(guest_opts={"vm1": LIST}, log_allowed=LOG)
    learn(r, 1, 2)
    return r


@pytest.mark.parametrize("tags", [(), (Dot1Q(vlan=7),), (Dot1AD(vlan=8), Dot1Q(vlan=7))],
                         ids=["untagged", "tagged", "twice"])
def test_what_a_guest_sends_is_from_its_addresses(r, tags):
    for kind, frames in GOOD.items():
        for f in [tag(f, *tags) if tags else f for f in frames]:
            to_far = f[:6].hex(":") == FAR_MAC
            # The far side is known untagged only.
            passes(r, r.vm(1), [f], {FAR} if to_far and not tags else {"vm2", FAR})
    for frames, reason in ((FORGED_IP, "forged_ip"), (FORGED_NEIGHBOR, "forged_neighbor")):
        dropped(r, r.vm(1), [tag(f, *tags) if tags else f for f in frames], reason)
        wait_for(lambda e=reason: r.events(e), what=reason)
    assert {d["reason"] for d in guards(r, "vm1")["drops"]} >= {"forged_ip", "forged_neighbor"}


def test_what_a_guest_gets_is_for_its_addresses(r):
    def to_vm1(dst, mac=VM1):
        make = ip6 if ":" in dst else ip4
        return make("fd00::9" if ":" in dst else "10.9.9.9", dst, mac, FAR_MAC)
    own = ["10.0.0.1", "192.168.1.1", "255.255.255.255", "224.0.0.5", "fd00::1", LINK_LOCAL, "ff02::1"]
    passes(r, r.far[0], [to_vm1(dst) for dst in own], {"vm1"})
    passes(r, r.far[0], [to_vm1("10.0.0.2", BROADCAST), to_vm1("fd00::2", ALL6)], {"vm1", "vm2"})
    passes(r, r.far[0], [wire(Ether(dst=VM1, src=FAR_MAC) / ARP(op=2, psrc="10.0.0.9", pdst="10.0.0.1"))], {"vm1"})
    for sender in (r.far[0], r.vm(2)):
        mac = FAR_MAC if sender is r.far[0] else VM2
        frames = [f[:6] + bytes.fromhex(mac.replace(":", "")) + f[12:]
                  for f in map(to_vm1, ["10.0.0.2", "10.0.0.255", "0.0.0.0", "fd00::2", "fe80::9"])]
        dropped(r, sender, frames, "not_its_ip", port="vm1")


@pytest.mark.parametrize("listed, other", [("10.0.0.1", [ip6("fd00::1"), ip6(LINK_LOCAL), listeners()]),
                                           ("fd00::1", [ip4("10.0.0.1"), discover()])])
def test_addresses_of_one_family_close_the_other(r, listed, other):
    r.daemon.ctl(f"set guest vm1 ip={listed}")
    dropped(r, r.vm(1), other, "forged_ip")
    if ":" in listed:
        dropped(r, r.vm(1), [arp("10.0.0.1")], "forged_neighbor")
    passes(r, r.vm(1), [ip6(listed) if ":" in listed else ip4(listed)], {FAR})


def test_a_list_changes_and_ends_while_the_guest_sends(r):
    for octet in range(2, 12):
        r.daemon.ctl(f"set guest vm1 ip=10.0.0.{octet}")
        passes(r, r.vm(1), [ip4(f"10.0.0.{octet}")], {FAR})
        dropped(r, r.vm(1), [ip4(f"10.0.0.{octet - 1}")], "forged_ip")
    assert guards(r, "vm1")["ips"] == [{"address": "10.0.0.11", "from": "set"}]
    assert "10.0.0.11" in r.daemon.ctl("show guest vm1 guards")
    text = r.daemon.ctl("show running-config")
    assert "set guest vm1 ip=10.0.0.11" in text
    r.daemon.ctl("set guest vm1 ip=none")
    passes(r, r.vm(1), [ip4("10.0.0.1"), ip4("10.0.0.99"), arp("10.0.0.99")][:2], {FAR})
    assert guards(r, "vm1")["ips"] == []


@pytest.mark.parametrize("value, words", [
    ("10.0.0.256", ["ip", "10.0.0.256", "IPv4 or IPv6"]), ("10.0.0.1/8", ["10.0.0.1/8"]),
    ("fd00::1/129", ["fd00::1/129"]), ("", ["ip"]),
    (",".join(f"10.0.1.{i}" for i in range(65)), ["10.0.1.64", "at most 64"])])
def test_a_wrong_list_is_refused_in_words(r, value, words):
    before = r.daemon.ctl("show running-config")
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl(f"set guest vm1 ip={value}")
    assert all(w in refused.value.text for w in words), refused.value.text
    assert r.daemon.ctl("show running-config") == before
