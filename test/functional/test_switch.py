# SPDX-License-Identifier: BSD-3-Clause
"""The L2 switch: who gets a frame, and who does not."""

import pytest
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, guest_mac, wait_for

VM1, VM2, VM3 = guest_mac(1), guest_mac(2), guest_mac(3)
NOBODY = "52:54:00:99:99:99"
N = 100


def received(r, stream):
    """Frames of a stream by peer name."""
    return {p.name: p.stream(stream)["received"] for p in r.peers()}


def send(r, sender, stream, src, dst, count=N, **spec):
    sender.send(stream=stream, count=count, src=src, dst=dst, **spec)
    r.settle()
    return received(r, stream)


def test_unknown_unicast_is_flooded_but_not_to_its_source(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    r.learn_all()
    got = send(r, r.vm(1), 1, VM1, NOBODY)
    assert got["vm1"] == 0
    assert got["vm2"] == got["vm3"] == N
    assert got["far0"] + got["far1"] == N
    got = send(r, r.far[0], 2, FAR_MAC, NOBODY)
    assert got["vm1"] == got["vm2"] == got["vm3"] == N
    assert got["far0"] == got["far1"] == 0


def test_S07_broadcast_reaches_every_port_but_its_source_once(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    r.learn_all()
    got = send(r, r.vm(2), 1, VM2, BROADCAST)
    assert got["vm2"] == 0
    assert got["vm1"] == got["vm3"] == N
    assert got["far0"] + got["far1"] == N


def test_multicast_is_flooded(rig):
    r = rig()
    r.learn_all()
    got = send(r, r.far[0], 1, FAR_MAC, "01:00:5e:00:00:fb")
    assert got["vm1"] == got["vm2"] == N


def test_learned_unicast_goes_to_one_port_only(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    r.learn_all()
    assert send(r, r.far[0], 1, FAR_MAC, VM2) == {
        "far0": 0, "far1": 0, "vm1": 0, "vm2": N, "vm3": 0}
    got = send(r, r.vm(1), 2, VM1, FAR_MAC)
    assert got["vm2"] == got["vm3"] == 0 and got["far0"] + got["far1"] == N


def test_guest_to_guest_stays_on_this_host(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    r.learn_all()
    assert send(r, r.vm(1), 1, VM1, VM2, size=[60, 1518, 9000]) == {
        "far0": 0, "far1": 0, "vm1": 0, "vm2": N, "vm3": 0}


@pytest.mark.parametrize("mode", ["active-backup", "balance-rr"])
def test_what_comes_from_the_bond_never_leaves_on_the_bond(rig, mode):
    r = rig(mode=mode)
    r.learn_all()
    r.learn(r.far[0], "02:aa:00:00:00:02")
    for stream, dst in enumerate(("02:aa:00:00:00:02", NOBODY, BROADCAST), 1):
        for i, far in enumerate(r.far):
            got = send(r, far, 10 * stream + i, FAR_MAC, dst)
            assert got["far0"] == got["far1"] == 0, (dst, far.name)
    assert r.daemon.drops().get("same_port", 0) > 0


def test_S01_a_station_that_moves_is_followed(rig):
    r = rig()
    r.learn_all()
    assert send(r, r.far[0], 1, FAR_MAC, VM1)["vm1"] == N
    r.vm(2).send(stream=9, count=1, src=VM1, dst=BROADCAST, kind="ether")
    wait_for(lambda: r.daemon.fdb()[VM1]["port"] == "vm2", what="station moved")
    got = send(r, r.far[0], 2, FAR_MAC, VM1)
    assert got["vm1"] == 0 and got["vm2"] == N


def test_the_same_station_in_two_vlans_is_two_stations(rig):
    r = rig()
    r.learn(r.far[0], FAR_MAC)
    r.vm(1).send(stream=9, count=1, src=VM1, dst=BROADCAST, kind="ether", vlan=10)
    r.vm(2).send(stream=9, count=1, src=VM1, dst=BROADCAST, kind="ether", vlan=20)

    def both_known():
        entries = r.daemon.ctl("show fdb", json=True)["entries"]
        return {(e["vlan"], e["port"]) for e in entries if e["mac"] == VM1} >= {(10, "vm1"),
                                                                              (20, "vm2")}
    wait_for(both_known, what="both learned")
    got = send(r, r.far[0], 1, FAR_MAC, VM1, vlan=10, size=100)
    assert got["vm1"] == N and got["vm2"] == 0
    got = send(r, r.far[0], 2, FAR_MAC, VM1, vlan=20, size=100)
    assert got["vm1"] == 0 and got["vm2"] == N


TAGS = {"untagged": [], "tagged": [Dot1Q(vlan=7)], "priority-tagged": [Dot1Q(vlan=0, prio=6)],
        "double-tagged": [Dot1AD(vlan=8), Dot1Q(vlan=7)], "q-in-q": [Dot1Q(vlan=8), Dot1Q(vlan=7)]}


def frame(dst, src, tags=(), ether_type=0x88b6, payload=bytes(46)):
    packet = Ether(dst=dst, src=src)
    for tag in tags:
        packet /= tag
    packet.lastlayer().type = ether_type
    return bytes(packet / Raw(payload))


def send_and_count(r, sender, frames, reason):
    """Send raw frames; nobody may get one, and each is counted under the reason."""
    r.learn_all()
    for p in r.peers():
        p.cmd("clear")
    before = r.daemon.drops().get(reason, 0)
    for f in frames:
        sender.raw(f)
    wait_for(lambda: r.daemon.drops().get(reason, 0) - before >= len(frames), 10,
             f"{len(frames)} frames counted as {reason}")
    r.settle()
    assert r.daemon.drops().get(reason, 0) - before == len(frames)
    assert {p.name: p.port()["rx"] for p in r.peers()} == {p.name: 0 for p in r.peers()}


@pytest.mark.parametrize("tags", TAGS)
def test_S09_reserved_multicast_of_a_guest_is_dropped_and_counted(rig, tags):
    frames = [frame(f"01:80:c2:00:00:{i:02x}", VM1, TAGS[tags]) for i in range(16)]
    r = rig()
    send_and_count(r, r.vm(1), frames, "reserved_address")


@pytest.mark.parametrize("tags", TAGS)
def test_slow_protocols_of_a_guest_are_dropped_and_counted_whatever_their_address(rig, tags):
    frames = [frame(dst, VM1, TAGS[tags], 0x8809) for dst in (BROADCAST, FAR_MAC, VM2, NOBODY)]
    r = rig()
    send_and_count(r, r.vm(1), frames, "slow_protocol")


def test_a_guest_with_the_bonds_own_address_is_named(rig):
    r = rig(log_allowed=[r"^WARNING: guest_has_bond_address: vm1: "])
    r.learn_all()
    mac = r.bond()["mac"]
    r.vm(1).raw(frame(BROADCAST, mac))
    wait_for(lambda: r.events("guest_has_bond_address"), what="the event")
    event = r.events("guest_has_bond_address")[0]
    assert event["object"] == "vm1" and mac in event["text"] and "mac_addr" in event["text"]
    for vlan in range(1, 31):
        r.vm(1).raw(frame(BROADCAST, mac, [Dot1Q(vlan=vlan)]))
    wait_for(lambda: len([e for e in r.daemon.ctl("show fdb", json=True)["entries"]
                          if e["mac"] == mac]) == 31, what="a station in each VLAN")
    assert len(r.events("guest_has_bond_address")) <= 10  # five in ten seconds


def test_S09_reserved_multicast_from_the_wire_reaches_no_guest(rig):
    r = rig()
    r.learn_all()
    for p in r.peers():
        p.cmd("clear")
    for i in range(16):
        if i != 2:
            r.far[0].raw(frame(f"01:80:c2:00:00:{i:02x}", FAR_MAC))
    r.settle()
    assert {p.name: p.port()["rx"] for p in r.guests.values()} == {"vm1": 0, "vm2": 0}


def test_the_neighbour_of_the_reserved_range_is_forwarded(rig):
    r = rig()
    r.learn_all()
    got = send(r, r.vm(1), 1, VM1, "01:80:c2:00:00:10")
    assert got["vm2"] == N


@pytest.mark.parametrize("src", ["00:00:00:00:00:00", "01:00:5e:00:00:01", BROADCAST])
def test_X08_a_multicast_or_zero_source_is_dropped_and_never_learned(rig, src):
    r = rig()
    send_and_count(r, r.vm(1), [frame(BROADCAST, src), frame(VM2, src)], "bad_source")
    assert src not in r.daemon.fdb()
    send_and_count(r, r.far[0], [frame(BROADCAST, src), frame(VM2, src)], "bad_source")
    assert src not in r.daemon.fdb()


def test_a_frame_shorter_than_its_header_is_dropped_and_counted(rig):
    r = rig()
    send_and_count(r, r.vm(1), [frame(BROADCAST, VM1)[:n] for n in (1, 6, 12, 13)], "runt")


def test_a_frame_cut_inside_its_tags_kills_nobody(rig):
    r = rig()
    r.learn_all()
    whole = frame(BROADCAST, VM1, TAGS["double-tagged"])
    for n in range(14, 24):
        r.vm(1).raw(whole[:n])
    assert send(r, r.far[0], 1, FAR_MAC, VM1)["vm1"] == N


def test_clear_fdb_forgets_what_was_learned(rig):
    r = rig()
    r.learn_all()
    assert {FAR_MAC, VM1, VM2} <= set(r.daemon.fdb())
    r.daemon.ctl("clear fdb")
    wait_for(lambda: VM1 not in r.daemon.fdb(), what="table empty")
    got = send(r, r.vm(2), 1, VM2, VM1)
    assert got["vm1"] == N and got["far0"] + got["far1"] == N


def test_fdb_entries_name_port_vlan_and_age(rig):
    r = rig()
    r.learn_all()
    entries = r.daemon.fdb()
    assert entries[VM1]["port"] == "vm1" and entries[VM2]["port"] == "vm2"
    assert entries[FAR_MAC]["port"] == "bond0"
    assert all(e["vlan"] == 0 and e["age"] >= 0 and not e["static"] for e in entries.values())


def test_a_silent_station_ages_out_and_a_talking_one_stays(rig):
    r = rig()
    r.daemon.ctl("set fdb aging 2")
    r.learn_all()

    def only_vm2_left():
        r.vm(2).send(stream=9, count=1, src=VM2, dst=BROADCAST, kind="ether")
        return VM1 not in r.daemon.fdb() and VM2 in r.daemon.fdb()
    wait_for(only_vm2_left, 15, "silent station forgotten")
    r.settle()
    got = send(r, r.vm(2), 1, VM2, VM1)
    assert got["far0"] + got["far1"] == N


def test_arp_passes_unchanged(rig):
    r = rig()
    r.learn_all()
    request = bytes(Ether(dst=BROADCAST, src=VM1) / ARP(psrc="10.0.0.1", pdst="10.0.0.2"))
    request = request.ljust(60, b"\0")
    for p in (r.vm(2), *r.far):
        p.capture(1, match="other")
    r.vm(1).raw(request)
    r.settle()
    assert r.vm(2).captured() == [request]
    assert sum((f.captured() for f in r.far), []) == [request]


def test_stop_drops_and_start_forwards_again(rig):
    r = rig()
    r.learn_all()
    r.daemon.ctl("stop")
    got = send(r, r.far[0], 1, FAR_MAC, VM1)
    assert got["vm1"] == 0
    r.daemon.ctl("start")
    assert send(r, r.far[0], 2, FAR_MAC, VM1)["vm1"] >= N


@pytest.mark.parametrize("vlans", [False, True], ids=["stations", "one in each VLAN"])
def test_a_guest_with_more_stations_than_it_may_have_is_named(rig, vlans):
    r = rig(guest_opts={"vm1": "mac_limit=4"}, log_allowed=[r"^WARNING: mac_limit: vm1: "])
    for i in range(1, 9):
        station = VM1 if vlans else f"52:54:00:77:00:{i:02x}"
        r.vm(1).send(stream=0xfffe, count=1, src=station, dst="ff:ff:ff:ff:ff:ff", kind="ether",
                     vlan=str(i) if vlans else None)
        r.settle()
    wait_for(lambda: r.events("mac_limit"), what="the event")
    event = r.events("mac_limit")[0]
    assert event["object"] == "vm1" and "mac_limit=4" in event["text"]
    assert len(r.events("mac_limit")) == 1


def restless(r, *macs):
    """The stations speak behind vm1 and vm2 in turn, as frames do that go round."""
    for i in range(24):
        for mac in macs:
            r.vm(1 + i % 2).raw(bytes(Ether(dst=FAR_MAC, src=mac, type=0x88b6) / Raw(bytes(50))))
        r.settle()


def test_a_station_that_moves_to_and_fro_is_held_where_it_was(rig):
    r = rig(log_allowed=[r"^WARNING: mac_flaps: 02:00:00:00:77:01: "])
    station = "02:00:00:00:77:01"
    restless(r, station)
    event, = r.events("mac_flaps")
    assert event["object"] == station and "between vm1 and vm2: it stays at vm1 for 10 s" in event["text"]
    shown = r.daemon.ctl("show fdb", json=True)
    assert shown["held"] == 1 and shown["damped"] >= 1 and shown["moved"] <= 10
    assert r.daemon.fdb()[station]["port"] == "vm1"
    assert "Held where they are, because they moved back and forth: 1\n" in r.daemon.ctl("show fdb")
    assert not r.events("loop")
    r.daemon.ctl("clear fdb")
    assert r.daemon.ctl("show fdb", json=True)["held"] == 0
    r.learn(r.vm(2), station)
    assert r.daemon.fdb()[station]["port"] == "vm2"


def test_X13_stations_that_move_between_the_same_two_ports_are_told_as_a_loop(rig):
    r = rig(log_allowed=[r"^WARNING: (mac_flaps|loop): "])
    restless(r, *(f"02:00:00:00:77:0{i}" for i in range(1, 5)))
    event = r.events("loop")[0]
    assert event["object"] == "vm1" and "stations move between it and vm2: frames go round" in event["text"]
    assert len(r.events("loop")) <= 5 and r.daemon.ctl("show fdb", json=True)["held"] == 4
