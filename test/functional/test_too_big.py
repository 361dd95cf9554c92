# SPDX-License-Identifier: BSD-3-Clause
"""too_big=icmp: who sends an IP packet that is too long for a port is notified, as RFC 1191 and RFC 8201 want it."""

import re
import struct

import pytest

from bf import mac_bytes, wait_for
from packets import TWO_VLANS, UDP, VLAN, Packet, add_up
from test_offload import ALL, FAR, content, lab, stream  # noqa: F401 (a fixture)
from vhost_frontend import MRG_RXBUF

MTU = 1500
DF_AT = 6  # in an IPv4 header


@pytest.fixture
def net(lab):  # noqa: F811
    made = lab(mtu=MTU)
    made.add("vm1", "tso", mib=8)  # what a test sends fits: no frame waits for the one before
    made.daemon.ctl("set bonding option bond0 too_big=icmp")
    return made.mark()


def long_packet(src, dst, **about):
    return Packet(src, dst, content(2000), proto=UDP, **about)


def answer_to(packet, frame, mtu=MTU):
    """The message that belongs to a packet, field by field."""
    tags = packet.tags
    ip = frame[packet.l3:]
    size = len(packet.addresses()) // 2
    back = packet.addresses()[size:] + packet.addresses()[:size]
    ethernet = packet.src + packet.dst + tags + struct.pack("!H", 0x86dd if packet.v6 else 0x0800)
    if packet.v6:
        quoted = ip[:1280 - 48]
        icmp = struct.pack("!BBHI", 2, 0, 0, mtu) + quoted
        pseudo = add_up(back + struct.pack("!II", len(icmp), 58))
        icmp = icmp[:2] + struct.pack("!H", 0xffff ^ add_up(icmp, pseudo)) + icmp[4:]
        return ethernet + struct.pack("!IHBB", 6 << 28, len(icmp), 58, 64) + back + icmp
    quoted = ip[:576 - 28]
    icmp = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
    icmp = icmp[:2] + struct.pack("!H", 0xffff ^ add_up(icmp)) + icmp[4:]
    head = struct.pack("!BBHHHBB", 0x45, 0xc0, 20 + len(icmp), 0, 0x4000, 64, 1)
    return ethernet + head + struct.pack("!H", 0xffff ^ add_up(head + back)) + back + icmp


def answers(net):
    line = re.search(r"^too_big: (\d+)$", net.daemon.ctl("show port xstats bond0"), re.MULTILINE)
    return int(line[1])


def heard(end):
    end.listen()
    got, end.heard = end.heard, []
    return [frame for _, frame in got]


@pytest.mark.parametrize("about", [{}, {"v6": True}, {"tags": VLAN}, {"tags": TWO_VLANS, "v6": True}],
                         ids=["v4", "v6", "one tag", "v6, two tags"])
def test_the_sender_of_a_packet_too_long_for_the_bond_is_notified(net, about):
    guest = net.ends["vm1"]
    packet = long_packet(guest.mac, FAR, **about)
    guest.send_whole(packet.complete())
    assert [frame for _, frame in guest.get(1)] == [answer_to(packet, packet.complete())]
    assert answers(net) == 1
    net.check({"oversize": 1})
    assert heard(net.wire) == []


def test_a_superframe_whose_segments_are_too_long_is_answered_once(net):
    guest = net.ends["vm1"]
    packet = stream(guest.mac, FAR, 4, 2000)
    guest.send(packet)
    assert [frame for _, frame in guest.get(1)] == [answer_to(packet, packet.partial())]
    net.check({"oversize": 1})


def test_a_station_on_the_wire_is_notified_for_a_guest(net):
    net.daemon.ctl("set guest vm1 mtu=1000,too_big=icmp")
    guest = net.ends["vm1"]
    packet = Packet(FAR, guest.mac, content(1300), proto=UDP)
    net.wire.send_whole(packet.complete())
    assert [frame for _, frame in net.wire.get(1)] == [answer_to(packet, packet.complete(), 1000)]
    net.check({"oversize": 1})


def changed(frame, at, value):
    """With bytes of the IPv4 header replaced, and its checksum right."""
    head = frame[:14 + at] + value + frame[14 + at + len(value):]
    ip = head[14:24] + b"\0\0" + head[26:34]
    return head[:24] + struct.pack("!H", 0xffff ^ add_up(ip)) + head[26:]


def unanswerable(src):
    v4, v6 = (long_packet(src, FAR, v6=v6).complete() for v6 in (False, True))
    yield "may be fragmented", changed(v4, DF_AT, b"\0\0")
    yield "a later fragment", changed(v4, DF_AT, b"\x40\x10")
    yield "an ICMP error", changed(v4, 9, b"\1")[:34] + b"\3" + v4[35:]
    yield "to a group", changed(v4, 16, bytes([224, 0, 0, 5]))
    yield "to all stations", ALL + v4[6:]
    yield "from no address", changed(v4, 12, bytes(4))
    yield "a header that is too short", changed(v4, 0, b"\x44")
    yield "an ICMPv6 error", v6[:20] + b"\x3a" + v6[21:54] + b"\1" + v6[55:]
    yield "v6 from no address", v6[:22] + bytes(16) + v6[38:]
    yield "v6 to a group", v6[:38] + b"\xff" + v6[39:]
    yield "no IP", FAR + src + b"\x88\xb5" + content(2000)
    yield "no version", v4[:14] + b"\0" + v4[15:]


def test_what_must_not_be_answered_is_not(net):
    guest = net.ends["vm1"]
    bad = list(unanswerable(guest.mac))
    for _, frame in bad:
        guest.send_whole(frame)
    good = long_packet(guest.mac, FAR)
    guest.send_whole(good.complete())
    assert [frame for _, frame in guest.get(1)] == [answer_to(good, good.complete())]
    net.check({"oversize": len(bad) + 1})


def test_what_is_not_answered_takes_nobodys_answer(net):
    """The messages are limited: frames that get none do not count."""
    guest = net.ends["vm1"]
    bad = changed(long_packet(guest.mac, FAR).complete(), DF_AT, b"\0\0")
    good = long_packet(guest.mac, FAR)
    with guest.client.at_once():
        for _ in range(200):
            guest.send_whole(bad)
        guest.send_whole(good.complete())
    assert [frame for _, frame in guest.get(1)] == [answer_to(good, good.complete())]
    net.check({"oversize": 201})


def test_one_ports_senders_do_not_take_the_answers_of_others(net):
    loud, quiet = net.ends["vm1"], net.add("vm2", "tso")
    net.mark()
    frame = long_packet(loud.mac, FAR).complete()
    good = long_packet(quiet.mac, FAR)
    with loud.client.at_once():
        for _ in range(100):
            loud.send_whole(frame)
    loud.drained()
    quiet.send_whole(good.complete())
    assert [got for _, got in quiet.get(1)] == [answer_to(good, good.complete())]
    net.check({"oversize": 101})


def test_nobody_answers_in_the_name_of_an_unknown_station(net):
    """Copies of a flood are too long for ports that are not their receiver's."""
    guest = net.ends["vm1"]
    net.add("vm2", more=",too_big=icmp")
    net.daemon.ctl("set guest vm1 too_big=icmp")  # a superframe to be flooded is dropped there
    net.mark()
    stranger = mac_bytes("02:bb:00:00:00:09")
    for packet in (long_packet(guest.mac, stranger), stream(guest.mac, stranger, 4, 2000)):
        guest.send_whole(packet.complete()) if packet.segment == 0 else guest.send(packet)
    known = long_packet(guest.mac, FAR)
    guest.send_whole(known.complete())
    assert [frame for _, frame in guest.get(1)] == [answer_to(known, known.complete())]
    net.check({"oversize": 4})


def test_a_superframe_is_answered_for_a_guest_that_wants_it_cut(net):
    plain = net.add("vm2", more=",too_big=icmp")
    net.mark()
    sender = net.ends["vm1"]
    packet = stream(sender.mac, plain.mac, 4, 2000)
    sender.send(packet)
    assert [frame for _, frame in sender.get(1)] == [answer_to(packet, packet.partial())]
    net.check({"oversize": 1})


@pytest.mark.parametrize("tags, mtu", [(b"", 1500), (VLAN, 1500), (TWO_VLANS, 1496)],
                         ids=["untagged", "one tag", "two tags"])
def test_a_guest_without_mergeable_buffers_is_told_of_as_it_is(net, tags, mtu):
    """Its buffers have room for an IP packet of 1500 bytes behind one tag."""
    guest = net.ends["vm1"]
    plain = net.add("vm2", more=",too_big=icmp,mrg_rxbuf=off", without=MRG_RXBUF)
    net.mark()
    packet = long_packet(guest.mac, plain.mac, tags=tags)
    guest.send_whole(packet.complete())
    assert [frame for _, frame in guest.get(1)] == [answer_to(packet, packet.complete(), mtu)]
    net.check({"oversize": 1})


def test_behind_three_tags_less_than_the_mtu_passes(net):
    guest = net.ends["vm1"]
    packet = long_packet(guest.mac, FAR, tags=TWO_VLANS + VLAN)
    guest.send_whole(packet.complete())
    assert [frame for _, frame in guest.get(1)] == [answer_to(packet, packet.complete(), MTU - 4)]
    net.check({"oversize": 1})


def test_who_is_not_known_gets_no_answer_and_none_is_counted(net):
    """It was never heard before: it is learned from this frame, behind the worker."""
    guest = net.ends["vm1"]
    stranger = mac_bytes("02:bb:00:00:00:0a")
    guest.send_whole(long_packet(stranger, FAR).complete())
    wait_for(lambda: net.drops() == {"oversize": 1}, what="the drop")
    assert answers(net) == 0
    known = long_packet(guest.mac, FAR)
    guest.send_whole(known.complete())
    assert [frame for _, frame in guest.get(1)] == [answer_to(known, known.complete())]
    assert answers(net) == 1
    net.check({"oversize": 2})


def test_nobody_is_notified_unless_it_is_switched_on(net):
    guest = net.ends["vm1"]
    net.daemon.ctl("set bonding option bond0 too_big=drop")
    guest.send_whole(long_packet(guest.mac, FAR).complete())
    wait_for(lambda: net.drops() == {"oversize": 1}, what="the drop")
    net.check({"oversize": 1})
    assert heard(guest) == []


def test_messages_are_limited_for_a_sender_that_goes_on(net):
    guest = net.ends["vm1"]
    frame = long_packet(guest.mac, FAR).complete()
    for _ in range(100):
        for _ in range(20):
            guest.send_whole(frame)
        guest.drained()
        guest.listen()
    net.check({"oversize": 2000})
    made = answers(net)
    assert 1 <= made < 2000
