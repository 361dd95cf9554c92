# SPDX-License-Identifier: BSD-3-Clause
"""neigh_suppress: who asks for a guest's address is answered by the switch."""

import pytest
from scapy.layers.inet6 import (ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6,
                                in6_getnsma, in6_getnsmac)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.utils6 import inet_pton, socket

from bf import BROADCAST, FAR_MAC, guest_mac, wait_for
from guarding import counted, deliveries

VM1, VM2 = guest_mac(1), guest_mac(2)
IP1, IP6 = "10.0.0.1", "fd00::1"
FAR_IP, FAR_IP6 = "10.0.0.254", "fd00::fe"


def wire(packet):
    return bytes(packet).ljust(60, b"\0")


def tagged(head, vlan):
    return head / Dot1Q(vlan=vlan) if vlan else head


def asks(target=IP1, src=FAR_MAC, psrc=FAR_IP, vlan=0):
    return wire(tagged(Ether(dst=BROADCAST, src=src), vlan) / ARP(op=1, hwsrc=src, psrc=psrc, pdst=target))


def solicits(target=IP6, src=FAR_MAC, ip=FAR_IP6, vlan=0):
    group = in6_getnsma(inet_pton(socket.AF_INET6, target))
    packet = tagged(Ether(dst=in6_getnsmac(group), src=src), vlan) / IPv6(
        src=ip, dst=socket.inet_ntop(socket.AF_INET6, group), hlim=255) / ICMPv6ND_NS(tgt=target)
    return wire(packet if ip == "::" else packet / ICMPv6NDOptSrcLLAddr(lladdr=src))


def advertises(address, mac=VM1, router=0, vlan=0):
    return wire(tagged(Ether(dst=FAR_MAC, src=mac), vlan) / IPv6(src=address, dst=FAR_IP6, hlim=255) /
                ICMPv6ND_NA(tgt=address, R=router, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac))


def speaks(r, vlan=0):
    """The far side, and vm1 with its addresses, are known."""
    r.learn(r.far[0], FAR_MAC, vlan=vlan or None)
    r.vm(1).raw(wire(tagged(Ether(dst=FAR_MAC, src=VM1), vlan) / ARP(op=2, hwsrc=VM1, psrc=IP1, pdst=FAR_IP)))
    r.vm(1).raw(advertises(IP6, vlan=vlan))
    for question in (asks(vlan=vlan), solicits(vlan=vlan)):
        wait_for(lambda q=question: answers(r, r.far[0], q)[2] == 1, what="an answer")


def answers(r, peer, frame):
    """What the peer gets for a question of its own, and who else saw the question."""
    peer.capture(64)
    before = counted(r, "bond0" if peer in r.far else peer.name, "answered")
    seen, = deliveries(r, peer, [frame])
    r.settle()
    got = [Ether(f) for f in peer.captured()]
    return got, seen, counted(r, "bond0" if peer in r.far else peer.name, "answered") - before


@pytest.fixture
def r(rig):
    r = rig(guest_opts={"vm1": "neigh_suppress=on"})
    speaks(r)
    return r


def test_a_request_for_a_guests_address_is_answered_and_goes_no_further(r):
    (got,), seen, n = answers(r, r.far[0], asks())
    assert (seen, n) == (set(), 1)
    assert bytes(got) == wire(Ether(dst=FAR_MAC, src=VM1) / ARP(op=2, hwsrc=VM1, psrc=IP1, hwdst=FAR_MAC, pdst=FAR_IP))
    r.learn(r.vm(2), VM2)
    (got,), seen, n = answers(r, r.vm(2), asks(src=VM2, psrc="10.0.0.2"))
    assert (seen, n) == (set(), 1) and (got[ARP].hwsrc, got[ARP].psrc, got[ARP].hwdst) == (VM1, IP1, VM2)
    r.check_balance()


def test_a_solicitation_is_answered_with_a_right_checksum(r):
    (got,), seen, n = answers(r, r.far[0], solicits())
    assert (seen, n) == (set(), 1)
    assert bytes(got) == advertises(IP6)
    r.vm(1).raw(advertises(IP6, router=1))
    wait_for(lambda: bytes(answers(r, r.far[0], solicits())[0][0]) == advertises(IP6, router=1), what="a router")


def test_what_is_no_question_of_a_known_station_is_flooded_as_before(r):
    own = asks(target=FAR_IP), asks(psrc="0.0.0.0"), asks(psrc=IP1), solicits(ip="::"), asks(target="10.0.0.77")
    stranger = asks(src="02:00:00:00:00:99"), solicits(src="02:00:00:00:00:98")
    for frame in (*own, *stranger):
        got, seen, n = answers(r, r.far[0], frame)
        assert got == [] and {"vm1", "vm2"} <= seen and n == 0
    # An address of a guest without the key.
    r.learn(r.vm(2), VM2)
    r.vm(2).raw(wire(Ether(dst=FAR_MAC, src=VM2) / ARP(op=2, hwsrc=VM2, psrc="10.0.0.2", pdst=FAR_IP)))
    r.settle()
    assert answers(r, r.far[0], asks(target="10.0.0.2"))[1:] == ({"vm1", "vm2"}, 0)
    # The guest's own question, and one that is not flooded.
    assert answers(r, r.vm(1), asks(src=VM1, psrc=IP1, target=IP1))[2] == 0
    unicast = asks().replace(b"\xff" * 6, bytes.fromhex(VM1.replace(":", "")), 1)
    assert answers(r, r.far[0], unicast)[1:] == ({"vm1"}, 0)


def test_questions_are_answered_in_their_vlan_only(rig):
    r = rig(guest_opts={"vm1": "neigh_suppress=on"})
    speaks(r, vlan=7)
    r.learn(r.far[0], FAR_MAC)
    (got,), seen, n = answers(r, r.far[0], asks(vlan=7))
    assert (seen, n) == (set(), 1) and got[Dot1Q].vlan == 7 and got[ARP].hwsrc == VM1
    assert bytes(answers(r, r.far[0], solicits(vlan=7))[0][0]) == advertises(IP6, vlan=7)
    assert answers(r, r.far[0], asks())[1:] == ({"vm1", "vm2"}, 0)


def test_isolated_guests_are_not_answered_for_each_other(rig):
    r = rig(guest_opts={"vm1": "neigh_suppress=on,isolated=on", "vm2": "isolated=on"})
    speaks(r)
    r.learn(r.vm(2), VM2)
    got, seen, n = answers(r, r.vm(2), asks(src=VM2, psrc="10.0.0.2"))
    assert (got, seen, n) == ([], {"far0"}, 0)
    assert answers(r, r.far[0], asks())[2] == 1


def test_a_guest_that_goes_is_not_answered_for(r):
    assert answers(r, r.far[0], asks())[2] == 1
    r.daemon.ctl("set guest vm1 neigh_suppress=off")
    assert answers(r, r.far[0], asks())[1:] == ({"vm1", "vm2"}, 0)
    r.daemon.ctl("set guest vm1 neigh_suppress=on")
    assert answers(r, r.far[0], asks())[2] == 1
    r.daemon.ctl("remove guest vm1")
    assert answers(r, r.far[0], asks())[1:] == ({"vm2"}, 0)


def test_a_crowd_of_questions_is_answered_or_flooded_and_all_are_accounted_for(r):
    deliveries(r, r.far[0], [asks()] * 640)
    assert counted(r, "bond0", "answered") >= 100
    r.check_balance()
