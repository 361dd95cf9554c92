# SPDX-License-Identifier: BSD-3-Clause
"""What LACP must withstand: loops, strangers, odd PDUs, and guests that speak LACP.

The far end is scripted, on the kernel end of net_tap members.
"""

import time

import pytest
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from bf import FAR_MAC, guest_mac, mac_bytes, wait_for
from lacp_partner import (  # noqa: F401 (fixtures)
    ACTIVITY, AGGREGATABLE, FAST, FORWARDING, LOG_LACP, SLOW_MAC, SLOW_TYPE, SYNC, Ears, End,
    lacp, lacpdu, make_veth, marker, net, parse_lacpdu, partner)

STRANGER = "02:66:66:66:66:66"
ALL_MODES = ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
             "balance-alb"]
TAGS = {"untagged": [], "tagged": [Dot1Q(vlan=7)], "priority-tagged": [Dot1Q(vlan=0, prio=6)],
        "double-tagged": [Dot1AD(vlan=8), Dot1Q(vlan=7)], "q-in-q": [Dot1Q(vlan=8), Dot1Q(vlan=7)]}


def in_service(lacp, partner, **options):  # noqa: F811
    r = lacp(**options)
    p = partner(r.far())
    r.wait_distributing(range(len(r.cables)))
    wait_for(lambda: all(port.hears_sync() for port in p.ports), what="partner hears sync")
    return r, p


def states(r):
    return [(m["actor"]["state_bits"], m["partner"], m["counters"]["transitions"],
             m["counters"]["timeouts"]) for m in r.info()["members"]]


# ---- L-24: loops ----

class Cross:
    """Two members, af_packet on the ends of one veth pair, cabled to each other."""

    def __init__(self, rig):
        make_veth("m0", "m1")
        self.rig = rig(members=0, mode="802.3ad", mtu=1500, guests=("vm1",), bond=",lacp_rate=fast",
                       vdevs=[f"net_af_packet{i},iface=m{i}" for i in (0, 1)],
                       log_allowed=LOG_LACP)
        self.rig.check_balance = lambda: None

    def members(self):
        return self.rig.daemon.ctl("show bonding lacp info bond0", json=True)["members"]


def test_L24_F11_two_members_cabled_together_are_refused_with_one_event_each(rig):
    loop = Cross(rig)
    wait_for(lambda: all(m["why"] == "loop" for m in loop.members()), 10, "both refused")
    wait_for(lambda: all(m["counters"]["rx_loop"] >= 5 for m in loop.members()), 15, "more PDUs")
    members = loop.members()
    assert not any(m["distributing"] or m["collecting"] for m in members)
    assert {m["reason"] for m in members} == {"own PDU came back: loop"}
    # No storm: at most the three PDUs a second that any member may send, in about five seconds.
    assert all(m["counters"]["pdu_tx"] <= 30 for m in members)
    events = loop.rig.events("loop")
    assert sorted(e["object"] for e in events) == ["net_af_packet0", "net_af_packet1"]


def test_L24_a_broadcast_of_a_guest_does_not_circulate_in_a_loop(rig):
    loop = Cross(rig)
    wait_for(lambda: all(m["why"] == "loop" for m in loop.members()), 10, "both refused")
    ears = Ears("m0", 0x88b5)
    loop.rig.vm(1).send(stream=1, count=10, src=guest_mac(1), dst="ff:ff:ff:ff:ff:ff",
                        kind="ether")
    loop.rig.settle()
    assert ears.take() == []
    assert loop.rig.daemon.drops().get("no_member", 0) >= 10
    ears.close()


def test_L24_a_member_that_hears_itself_is_refused_and_taken_when_the_loop_is_gone(lacp, partner):
    r, p = in_service(lacp, partner)
    port = p.ports[0]
    port.muted = True
    mine = End(r.mac(), 15, 1, ACTIVITY | FAST | AGGREGATABLE | SYNC, 65535, 255)
    port.voice.send(lacpdu(mine, mine))
    r.wait_distributing([1], 2)
    assert r.member(0)["why"] == "loop"
    assert len([e for e in r.events("loop")]) == 1
    port.muted = False
    r.wait_distributing([0, 1])


# ---- L-06, L-15, L-16: partners ----

def test_L06_two_scripted_switches_and_priority_selection_follows_the_priorities(lacp, partner):
    r = lacp(n=2, knobs="lacp_rate=fast,agg_mode=priority")
    for i, priority in ((0, 100), (1, 200)):
        r.daemon.ctl(f"set bonding lacp port_priority net_tap{i} bond0 {priority}")
    partner(r.far(0), system="02:5e:51:00:00:0a")
    partner(r.far(1), system="02:5e:51:00:00:0b")
    r.wait_distributing([1])
    r.wait_reason(0, "02:5e:51:00:00:0a", "02:5e:51:00:00:0b")
    r.daemon.ctl("set bonding lacp port_priority net_tap0 bond0 300")
    r.wait_distributing([0])
    r.wait_reason(1, "02:5e:51:00:00:0b")


def test_L16_version_f1_with_more_tlvs_is_taken_without_a_flap(lacp, partner):
    r, p = in_service(lacp, partner)
    before = states(r)
    extra = bytes([0x80, 8]) + bytes(6) + bytes([0x81, 8]) + bytes(6)
    for port in p.ports:
        port.muted = True
        port.voice.send(lacpdu(port.actor, port.seen, version=0xf1, extra=extra))
        port.muted = False
    received = [m["counters"]["pdu_rx"] for m in r.info()["members"]]
    wait_for(lambda: all(m["counters"]["pdu_rx"] > n + 2
                         for m, n in zip(r.info()["members"], received)), 10, "PDUs go on")
    assert states(r) == before
    assert {m["counters"]["rx_errors"] for m in r.info()["members"]} == {0}


@pytest.mark.parametrize("per_second", [1, 50, 1000])
def test_X05_forged_pdus_do_not_end_a_session_with_a_pinned_partner(lacp, partner, per_second):
    r, p = in_service(lacp, partner, knobs="lacp_rate=fast,lacp_partner=02:5e:51:00:00:01")
    before = states(r)
    forged = lacpdu(End(STRANGER, 7, 1, ACTIVITY | FAST | AGGREGATABLE | FORWARDING, 1, 1), End())
    send_for(p.ports[0], forged, per_second, 8)
    assert r.member(0)["counters"]["rx_pin_refused"] > 0
    assert states(r) == before


def send_for(port, frame, per_second, seconds):
    """Send copies of a frame at about a rate."""
    start, sent = time.monotonic(), [0]

    def step():
        spent = time.monotonic() - start
        while sent[0] < min(spent, seconds) * per_second:
            port.voice.send(frame)
            sent[0] += 1
        return spent >= seconds
    wait_for(step, seconds + 10, "all copies sent")


def test_the_pdu_limit_holds_and_is_told_once(lacp, partner):
    r, p = in_service(lacp, partner)
    send_for(p.ports[0], lacpdu(p.ports[0].actor, p.ports[0].seen), 100, 5)
    assert r.member(0)["counters"]["rx_limited"] > 0
    assert r.distributing() == [0, 1]
    assert len(r.events("rate-limit")) == 1


# ---- L-08, L-09, L-12, L-17: what the members carry ----

def frame_of(src, dst, number):
    return mac_bytes(dst) + mac_bytes(src) + b"\x08\x00" + number.to_bytes(4, "big") + bytes(60)


def port_stats(r, name):
    return {p["name"]: p for p in r.daemon.ctl("show port stats all", json=True)}[name]


def drops(r):
    return r.daemon.drops("bond0")


def test_L08_data_is_taken_from_collecting_members_only_and_slow_frames_from_all(lacp, partner):
    r = lacp()
    p = partner(r.far(0))  # nobody speaks LACP on cable 1
    r.wait_distributing([0])
    before, heard = port_stats(r, "vm1")["tx_packets"], r.member(1)["counters"]["pdu_rx"]
    silent = Ears(r.far(1)[0])
    for n in range(20):
        p.ports[0].voice.send(frame_of(FAR_MAC, "ff:ff:ff:ff:ff:ff", n))
        silent.heard.send(frame_of(FAR_MAC, "ff:ff:ff:ff:ff:ff", n))
    wait_for(lambda: drops(r).get("inactive_member", 0) == 20, 5, "data of the other member dropped")
    wait_for(lambda: port_stats(r, "vm1")["tx_packets"] == before + 20, 5, "data of one member")
    silent.heard.send(lacpdu(End("02:5e:51:00:00:77", 9, 1, 0, 100, 100), End()))
    wait_for(lambda: r.member(1)["counters"]["pdu_rx"] == heard + 1, 5, "its PDU was read")
    assert port_stats(r, "vm1")["tx_packets"] == before + 20
    silent.close()


def test_L09_the_data_path_makes_no_slow_frames(lacp, partner):
    r, p = in_service(lacp, partner)
    r.rig.learn(r.rig.vm(1), guest_mac(1))
    ears = [Ears(name) for name in r.far()]
    start = time.monotonic()
    r.rig.vm(1).send(stream=1, count=2000, src=guest_mac(1), dst=FAR_MAC, flows=64)
    wait_for(lambda: port_stats(r, "bond0")["tx_packets"] >= 2000, 10, "sent")
    allowed = 4 + 2 * (time.monotonic() - start)
    for one in ears:
        one.take()
        assert len(one.frames) <= allowed
        one.close()


def test_L12_each_pdu_is_taken_once(lacp, partner):
    r, p = in_service(lacp, partner)
    p.ports[0].muted = True
    wait_for(lambda: len(r.info()["members"]) == 2, 1)
    before = r.member(0)["counters"]["pdu_rx"]
    for _ in range(10):
        p.ports[0].voice.send(lacpdu(p.ports[0].actor, p.ports[0].seen))
    wait_for(lambda: r.member(0)["counters"]["pdu_rx"] >= before + 10, 5, "ten PDUs read")
    assert r.member(0)["counters"]["pdu_rx"] <= before + 11  # one may have been on its way


def test_L17_each_of_eight_members_carries_both_directions(lacp, partner):
    r = lacp(n=8)
    p = partner(r.far())
    r.wait_distributing(range(8))
    r.rig.learn(r.rig.vm(1), guest_mac(1))
    ears = [Ears(name, 0x0800) for name in r.far()]
    r.rig.vm(1).send(stream=1, count=2000, src=guest_mac(1), dst=FAR_MAC, flows=256)
    wait_for(lambda: all(one.take() or one.frames for one in ears), 10, "frames on every cable")
    before = port_stats(r, "vm1")["tx_packets"]
    for n, port in enumerate(p.ports):
        port.voice.send(frame_of(FAR_MAC, guest_mac(1), n))
    wait_for(lambda: port_stats(r, "vm1")["tx_packets"] == before + 8, 5, "a frame of every cable")
    for one in ears:
        one.close()


# ---- L-10: markers; odd frames ----

def marker_responses(ears):
    ears.take()
    return [f for _, f in ears.frames if f[14] == 2 and f[16] == 2]


def test_L10_a_marker_is_answered_on_its_member_and_a_flood_at_most_once_per_2_s(lacp, partner):
    r, p = in_service(lacp, partner)
    ears = [Ears(name) for name in r.far()]
    p.ports[0].voice.send(marker(0x01020304))
    wait_for(lambda: marker_responses(ears[0]), 3, "marker response")
    answer = marker_responses(ears[0])[0]
    assert answer[18:30] == marker(0x01020304)[18:30]
    start = time.monotonic()
    for n in range(200):
        p.ports[0].voice.send(marker(n))
    heard = r.member(0)["counters"]["pdu_rx"]
    wait_for(lambda: r.member(0)["counters"]["pdu_rx"] > heard + 3, 10, "later PDUs were heard")
    spent = time.monotonic() - start
    assert len(marker_responses(ears[0])) <= 2 + spent / 2
    assert marker_responses(ears[1]) == []
    counted = r.member(0)["counters"]
    assert counted["marker_rx"] == 201
    assert counted["marker_response_tx"] == len(marker_responses(ears[0]))
    assert counted["marker_limited"] == 201 - counted["marker_response_tx"]
    assert r.member(1)["counters"]["marker_rx"] == 0
    for one in ears:
        one.close()


def test_bad_slow_frames_are_counted_and_change_nothing(lacp, partner):
    r, p = in_service(lacp, partner)
    before = states(r)
    good = lacpdu(p.ports[0].actor, p.ports[0].seen)
    bad = [good[:15], good[:30], good[:60], good[:16] + b"\x09" + good[17:],
           good[:17] + b"\xff" + good[18:], good[:14] + b"\x63" + good[15:], marker(1, kind=9)]
    for frame in bad:
        p.ports[0].voice.send(frame)
    counters = ("rx_errors", "rx_unknown")
    wait_for(lambda: sum(r.member(0)["counters"][c] for c in counters) >= 3, 5, "errors counted")
    assert states(r) == before
    assert r.distributing() == [0, 1]


# ---- guests and the wire ----

def tagged(frame, tags):
    packet = Ether(dst=frame[:6].hex(":"), src=frame[6:12].hex(":"))
    for tag in tags:
        packet /= tag
    packet.lastlayer().type = SLOW_TYPE
    return bytes(packet / Raw(frame[14:]))


def guest_frames(mac):
    """LACPDUs of a stranger and in the daemon's own name, and a marker, to several addresses."""
    ours = End(mac, 15, 1, ACTIVITY | FAST | AGGREGATABLE | FORWARDING, 65535, 255)
    theirs = End(STRANGER, 7, 1, ACTIVITY | FAST | AGGREGATABLE | FORWARDING, 1, 1)
    frames = [lacpdu(ours, theirs), lacpdu(theirs, ours), marker(9)]
    frames = [f[:6] + mac_bytes(guest_mac(1)) + f[12:] for f in frames]
    return frames + [mac_bytes(FAR_MAC) + f[6:] for f in frames]


def from_guest(frame):
    return frame[6:12] == mac_bytes(guest_mac(1)) and b"\x88\x09" in frame[12:22]


@pytest.mark.parametrize("mode", ALL_MODES)
def test_X01_no_slow_frame_of_a_guest_reaches_a_member_in_any_mode(lacp, mode):
    r = lacp(mode=mode, knobs="lacp_rate=fast" if mode == "802.3ad" else "")
    ears = [Ears(name, 3) for name in r.far()]
    frames = [tagged(f, tags) for f in guest_frames(r.mac()) for tags in TAGS.values()]
    for frame in frames:
        r.rig.vm(1).raw(frame)
    dropped = ("slow_protocol", "reserved_address")
    wait_for(lambda: sum(r.daemon.drops().get(d, 0) for d in dropped) >= len(frames), 10,
             f"{len(frames)} frames dropped")
    r.rig.settle()
    for one in ears:
        one.take()
        assert [f for _, f in one.frames if from_guest(f)] == []
        one.close()


def test_X01_a_guest_that_claims_our_system_id_changes_nothing_at_either_end(lacp, partner):
    r, p = in_service(lacp, partner)
    before, theirs = states(r), [port.actor for port in p.ports]
    for frame in guest_frames(r.mac()):
        r.rig.vm(1).raw(frame, count=20)
    heard = r.member(0)["counters"]["pdu_rx"]
    wait_for(lambda: r.member(0)["counters"]["pdu_rx"] > heard + 3, 10, "PDUs go on")
    assert states(r) == before and [port.actor for port in p.ports] == theirs
    assert {m["counters"]["rx_loop"] for m in r.info()["members"]} == {0}
    assert all(actor.system == r.mac() for port in p.ports for _, actor, _ in port.got)


@pytest.mark.parametrize("tags", TAGS)
def test_X04_slow_frames_of_the_wire_reach_no_guest(lacp, partner, tags):
    r, p = in_service(lacp, partner)
    r.rig.vm(1).capture(64)
    for subtype in (1, 2, 3, 10):
        frame = bytearray(lacpdu(p.ports[0].actor, p.ports[0].seen))
        frame[14] = subtype
        p.ports[0].voice.send(tagged(bytes(frame), TAGS[tags]))
    r.rig.settle()
    assert [f for f in r.rig.vm(1).captured() if b"\x88\x09" in f[12:22]] == []
    assert r.distributing() == [0, 1]


def test_lacpdus_go_to_the_slow_address_with_a_source_of_the_member(lacp, partner):
    r, p = in_service(lacp, partner)
    p.ports[0].ears.take()
    frames = [f for _, f in p.ports[0].ears.frames if parse_lacpdu(f)]
    assert {f[:6] for f in frames} == {mac_bytes(SLOW_MAC)}
    assert len({f[6:12] for f in frames}) == 1 and not frames[0][6] & 1
    assert {len(f) for f in frames} == {124}
