# SPDX-License-Identifier: BSD-3-Clause
"""VLANs: access ports, trunks, 802.1ad, the bond's own list, and that nobody gets into another's VLAN."""

import itertools

import pytest
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, wait_for

VM1, VM2, VM3 = guest_mac(1), guest_mac(2), guest_mac(3)
NOBODY = "52:54:00:99:99:99"
MARKS = itertools.count(1)


def frame(dst, src, tags=(), size=64):
    """A frame that is like no other, long enough to be padded nowhere."""
    packet = Ether(dst=dst, src=src)
    for tag in tags:
        packet /= tag
    packet.lastlayer().type = 0x88b6
    return bytes(packet / Raw(b"mark" + next(MARKS).to_bytes(4, "big") + bytes(size)))


def with_tags(raw, tags):
    """The same frame with other tags."""
    at = 12
    while int.from_bytes(raw[at:at + 2], "big") in (0x8100, 0x88a8, 0x9100):
        at += 4
    packet = Ether(dst=raw[:6].hex(":"), src=raw[6:12].hex(":"))
    for tag in tags:
        packet /= tag
    packet.lastlayer().type = int.from_bytes(raw[at:at + 2], "big")
    return bytes(packet) + raw[at + 2:]


def q(vlan, prio=0):
    return Dot1Q(vlan=vlan, prio=prio)


def s(vlan, prio=0):
    return Dot1AD(vlan=vlan, prio=prio)


def arrives(r, sender, raw, want):
    """The frame reaches exactly these peers: name: the tags it has there, the first one first."""
    mark = raw[raw.index(b"mark"):][:8]
    others = [p for p in r.peers() if p is not sender]
    for p in others:
        p.capture(256)
    with r.taking(1):
        sender.raw(raw)
    got = {p.name: [f for f in p.captured() if mark in f] for p in others}
    assert {name: seen for name, seen in got.items() if seen} == {
        name: [with_tags(raw, tags)] for name, tags in want.items()}, r.daemon.drops()


def dropped(r, sender, raw, reason, port=None):
    port = port or sender.name
    before = r.daemon.drops(port).get(reason, 0)
    arrives(r, sender, raw, {})
    assert r.daemon.drops(port).get(reason, 0) == before + 1, r.daemon.drops(port)


def known(r, mac, port, vlan):
    """The station is in the forwarding database, there and nowhere else."""
    wait_for(lambda: [(e["port"], e["vlan"]) for e in r.daemon.ctl("show fdb", json=True)["entries"]
                      if e["mac"] == mac] == [(port, vlan)], what=f"{mac} at {port} in {vlan}")


def guests(**keys):
    return {"guests": tuple(keys), "guest_opts": keys}


# Access ports.

def test_frames_of_access_ports_have_their_tag_on_the_wire_and_none_at_guests(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=10", vm3="vlan=20"))
    arrives(r, r.vm(1), frame(BROADCAST, VM1), {"vm2": [], "far0": [q(10)]})
    arrives(r, r.vm(2), frame(NOBODY, VM2), {"vm1": [], "far0": [q(10)]})
    arrives(r, r.vm(3), frame(BROADCAST, VM3), {"far0": [q(20)]})
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(10)]), {"vm1": [], "vm2": []})
    known(r, VM1, "vm1", 10)
    known(r, VM3, "vm3", 20)
    known(r, FAR_MAC, "bond0", 10)
    for _ in range(3):  # the first time it is decided, then it is remembered
        arrives(r, r.vm(1), frame(VM2, VM1), {"vm2": []})
        arrives(r, r.vm(1), frame(FAR_MAC, VM1), {"far0": [q(10)]})
        arrives(r, r.far[0], frame(VM1, FAR_MAC, [q(10)]), {"vm1": []})


def test_S10_no_frame_of_a_vlan_reaches_a_port_of_another(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=20", vm3="vlan=untagged"))
    for i, mac in enumerate((VM1, VM2, VM3), 1):
        r.learn(r.vm(i), mac)
    for sender, dst in ((1, VM2), (1, VM3), (2, VM1), (3, VM1)):
        out = {1: [q(10)], 2: [q(20)], 3: []}[sender]
        arrives(r, r.vm(sender), frame(dst, guest_mac(sender)), {"far0": out})
    for vlan, want in ((10, {"vm1": []}), (20, {"vm2": []}), (0, {"vm3": [q(0)]})):
        arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(vlan)]), want)
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC), {"vm3": []})
    for tags in ([q(30)], [s(10)], [s(20), q(10)]):
        dropped(r, r.far[0], frame(BROADCAST, FAR_MAC, tags), "no_destination", "bond0")


def test_the_same_station_may_be_in_two_vlans(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=20", vm3="trunk=10,20"))
    for i in (1, 2):
        arrives(r, r.vm(i), frame(BROADCAST, VM1), {"far0": [q(10 * i)], "vm3": [q(10 * i)]})
    arrives(r, r.vm(3), frame(VM1, VM3, [q(10)]), {"vm1": []})
    arrives(r, r.vm(3), frame(VM1, VM3, [q(20)]), {"vm2": []})


@pytest.mark.parametrize("prio", [0, 5, 7])
def test_an_access_port_takes_priority_tags_and_keeps_the_priority(rig, prio):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=10"))
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(0, prio)]), {"vm2": [], "far0": [q(10, prio)]})
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(10, prio)]), {"vm1": [], "vm2": []})


@pytest.mark.parametrize("key, tags", [
    ("vlan=10", [q(10)]), ("vlan=10", [q(20)]), ("vlan=10", [s(10)]), ("vlan=10", [q(0), q(20)]),
    ("vlan=10", [q(0), s(20)]), ("vlan=10", [q(10), q(20)]), ("vlan=10", [q(4095)]),
    ("vlan=untagged", [q(20)]), ("vlan=untagged", [s(20)]), ("vlan=untagged", [q(0), q(20)]),
    ("vlan=untagged", [q(0), s(20)]), ("vlan=untagged", [q(0), q(0)])])
def test_X10_an_access_port_sends_no_tags_of_its_own(rig, key, tags):
    r = rig(**guests(vm1=key, vm2="vlan=any"))
    r.learn(r.vm(1), VM1)
    arrives(r, r.vm(2), frame(BROADCAST, VM2, [q(20)]), {"far0": [q(20)]})
    arrives(r, r.vm(2), frame(BROADCAST, VM2), {"far0": [], **({} if key == "vlan=10" else {"vm1": []})})
    for dst in (BROADCAST, VM2, NOBODY, VM2):
        dropped(r, r.vm(1), frame(dst, VM1, tags), "vlan_tag")
    known(r, VM1, "vm1", 10 if key == "vlan=10" else 0)


def test_X10_a_second_tag_leads_into_no_other_vlan(rig):
    r = rig(**guests(vm1="trunk=10,20,native=10", vm2="vlan=20", vm3="vlan=10"))
    hidden = frame(BROADCAST, VM1, [q(10), q(20)])
    before = r.daemon.drops("vm3").get("vlan_out", 0)
    arrives(r, r.vm(1), hidden, {"far0": [q(10), q(20)]})
    assert r.daemon.drops("vm3")["vlan_out"] == before + 1
    dropped(r, r.vm(1), frame(BROADCAST, VM1, [q(0), q(20)]), "vlan_tag")
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(10), q(20)]), {})
    assert r.daemon.drops("vm1")["vlan_out"] == 1 and r.daemon.drops("vm3")["vlan_out"] == before + 2


def test_a_port_that_says_nothing_gets_all_vlans_with_their_tags(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=any", vm3="vlan=20"))
    arrives(r, r.vm(1), frame(BROADCAST, VM1), {"vm2": [q(10)], "far0": [q(10)]})
    arrives(r, r.vm(2), frame(BROADCAST, VM2, [q(20)]), {"vm3": [], "far0": [q(20)]})
    arrives(r, r.vm(2), frame(BROADCAST, VM2, [s(20), q(10)]), {"far0": [s(20), q(10)]})
    arrives(r, r.vm(2), frame(BROADCAST, VM2), {"far0": []})


# Trunks.

def test_a_trunk_takes_and_gets_its_vlans_with_their_tags(rig):
    r = rig(**guests(vm1="trunk=10,20-22", vm2="vlan=21", vm3="trunk=22,30"))
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(10, 3)]), {"far0": [q(10, 3)]})
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(21)]), {"vm2": [], "far0": [q(21)]})
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(22)]), {"vm3": [q(22)], "far0": [q(22)]})
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(22), q(77)]), {"vm3": [q(22), q(77)], "far0": [q(22), q(77)]})
    for tags in ([], [q(0)], [q(23)], [q(30)], [s(10)], [q(0), q(10)]):
        dropped(r, r.vm(1), frame(BROADCAST, VM1, tags), "vlan_tag")
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(22)]), {"vm1": [q(22)], "vm3": [q(22)]})
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(30)]), {"vm3": [q(30)]})
    dropped(r, r.far[0], frame(BROADCAST, FAR_MAC), "no_destination", "bond0")


def test_untagged_frames_of_a_trunk_are_of_its_native_vlan(rig):
    r = rig(**guests(vm1="trunk=20,native=30", vm2="vlan=30", vm3="vlan=20"))
    arrives(r, r.vm(1), frame(BROADCAST, VM1), {"vm2": [], "far0": [q(30)]})
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(0, 4)]), {"vm2": [], "far0": [q(30, 4)]})
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(30)]), {"vm2": [], "far0": [q(30)]})
    arrives(r, r.vm(1), frame(BROADCAST, VM1, [q(20)]), {"vm3": [], "far0": [q(20)]})
    dropped(r, r.vm(1), frame(BROADCAST, VM1, [q(40)]), "vlan_tag")
    arrives(r, r.vm(2), frame(VM1, VM2), {"vm1": []})
    arrives(r, r.vm(3), frame(BROADCAST, VM3), {"vm1": [q(20)], "far0": [q(20)]})


# 802.1ad.

def test_what_a_qinq_guest_sends_travels_behind_its_outer_tag(rig):
    r = rig(**guests(vm1="qinq=40", vm2="qinq=40", vm3="vlan=40"))
    for tags in ([], [q(7, 5)], [q(7), q(8)], [q(0)]):
        prio = tags[0].prio if tags else 0
        arrives(r, r.vm(1), frame(BROADCAST, VM1, tags), {"vm2": tags, "far0": [s(40, prio), *tags]})
        arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [s(40), *tags]), {"vm1": tags, "vm2": tags})
    arrives(r, r.vm(1), frame(VM3, VM1), {"vm2": [], "far0": [s(40)]})


def test_vlans_of_8021ad_are_others_than_those_of_the_same_number(rig):
    r = rig(**guests(vm1="qinq=40", vm2="vlan=40", vm3="vlan=any"))
    arrives(r, r.vm(1), frame(BROADCAST, VM1), {"far0": [s(40)], "vm3": [s(40)]})
    arrives(r, r.vm(2), frame(VM1, VM2), {"far0": [q(40)], "vm3": [q(40)]})
    arrives(r, r.vm(2), frame(BROADCAST, VM1), {"far0": [q(40)], "vm3": [q(40)]})  # the same address
    arrives(r, r.vm(3), frame(VM1, VM3, [s(40)]), {"vm1": []})
    arrives(r, r.vm(3), frame(VM1, VM3, [q(40)]), {"vm2": []})


# The bond.

def test_a_bond_with_a_list_takes_and_gets_its_vlans_only(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=20", vm3="vlan=any"), bond=",vlans=10")
    arrives(r, r.vm(1), frame(BROADCAST, VM1), {"vm3": [q(10)], "far0": [q(10)]})
    arrives(r, r.vm(2), frame(BROADCAST, VM2), {"vm3": [q(20)]})
    arrives(r, r.vm(3), frame(BROADCAST, VM3), {})
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(10)]), {"vm1": [], "vm3": [q(10)]})
    for tags in ([q(20)], [], [q(0)], [s(10)], [q(0), q(10)]):
        dropped(r, r.far[0], frame(BROADCAST, FAR_MAC, tags), "vlan_tag", "bond0")


def test_untagged_frames_of_the_lan_are_of_the_bonds_native_vlan(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=20", vm3="vlan=untagged"), bond=",native=10")
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC), {"vm1": []})
    arrives(r, r.vm(1), frame(FAR_MAC, VM1), {"far0": []})
    arrives(r, r.vm(1), frame(BROADCAST, VM1), {"far0": []})
    arrives(r, r.vm(2), frame(BROADCAST, VM2), {"far0": [q(20)]})
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(20)]), {"vm2": []})
    # What has no VLAN in the switch would be in the native one on the wire.
    for tags in ([], [q(0)]):
        dropped(r, r.vm(3), frame(BROADCAST, VM3, tags), "no_destination")


def test_a_short_frame_is_padded_after_its_tag_is_removed(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=20"), bond=",native=10")
    for peer, want in ((r.vm(1), []), (r.vm(2), [q(20)])):
        raw = frame(BROADCAST, guest_mac(1), size=20)
        r.far[0].capture(64)
        with r.taking(1):
            peer.raw(raw)
        seen = [f for f in r.far[0].captured() if raw[14:22] in f]
        assert seen == [with_tags(raw, want).ljust(60, b"\0")]


def test_announcements_after_a_failover_are_in_the_vlan_of_their_guest(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=20", vm3="qinq=30"), bond=",native=10")
    for i in (1, 2, 3):
        r.learn(r.vm(i), guest_mac(i))
    r.far[1].capture(256, match="other")
    r.daemon.ctl("set bonding primary net_vhost1 bond0")
    want = {(VM1, None, 0x8035), (VM2, 20, 0x8035), (VM3, 30, 0x8035)}

    def announced():
        seen = set()
        for f in map(Ether, r.far[1].captured()):
            tag = f.getlayer(Dot1Q) or f.getlayer(Dot1AD)
            seen.add((f.src, tag.vlan if tag else None, tag.type if tag else f.type))
            assert f.src != VM3 or f.type == 0x88a8
        return want <= seen
    wait_for(announced, 10, f"{want}")


# Changes while running.

def test_a_guest_that_comes_to_another_vlan_leaves_nothing_behind_in_the_old_one(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=10", vm3="vlan=20"))
    for i in (1, 2, 3):
        r.learn(r.vm(i), guest_mac(i))
    arrives(r, r.vm(1), frame(VM2, VM1), {"vm2": []})
    r.daemon.ctl("set guest vm2 vlan=20")
    assert VM2 not in r.daemon.fdb() and VM1 in r.daemon.fdb()
    arrives(r, r.vm(1), frame(VM2, VM1), {"far0": [q(10)]})
    arrives(r, r.vm(2), frame(BROADCAST, VM2), {"vm3": [], "far0": [q(20)]})
    arrives(r, r.vm(3), frame(VM2, VM3), {"vm2": []})
    r.daemon.ctl("set guest vm2 vlan=any")
    arrives(r, r.vm(1), frame(BROADCAST, VM1), {"vm2": [q(10)], "far0": [q(10)]})
    r.daemon.ctl("set guest vm2 trunk=10,20")
    arrives(r, r.vm(2), frame(VM1, VM2, [q(10)]), {"vm1": []})
    r.daemon.ctl("set guest vm2 trunk=none,vlan=10")
    arrives(r, r.vm(2), frame(VM1, VM2), {"vm1": []})


def test_the_bonds_vlans_change_while_it_runs(rig):
    r = rig(**guests(vm1="vlan=10"))
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC, [q(10)]), {"vm1": []})
    known(r, FAR_MAC, "bond0", 10)
    r.daemon.ctl("set bonding option bond0 native=10")
    assert FAR_MAC not in r.daemon.fdb()
    arrives(r, r.far[0], frame(BROADCAST, FAR_MAC), {"vm1": []})
    arrives(r, r.vm(1), frame(FAR_MAC, VM1), {"far0": []})
    r.daemon.ctl("set bonding option bond0 native=none,vlans=11")
    dropped(r, r.vm(1), frame(BROADCAST, VM1), "no_destination")


def test_counters_of_a_port_count_what_was_on_its_wire(rig):
    r = rig(**guests(vm1="vlan=10", vm2="vlan=10"))
    r.learn(r.vm(1), VM1)
    r.learn(r.vm(2), VM2)

    def octets(name):
        port = {p["name"]: p for p in r.daemon.ctl("show port stats all", json=True)}[name]
        return port["rx_bytes"], port["tx_bytes"]
    before = octets("vm1"), octets("vm2")
    arrives(r, r.vm(1), frame(VM2, VM1, size=100), {"vm2": []})
    after = octets("vm1"), octets("vm2")
    length = len(frame(VM2, VM1, size=100))
    assert after[0][0] - before[0][0] == length and after[1][1] - before[1][1] == length


# What is written.

@pytest.mark.parametrize("keys, text", [
    ("vlan=4095", 'vlan: "4095": expected 1 to 4094, untagged, or any'),
    ("vlan=0", 'vlan: "0": expected 1 to 4094, untagged, or any'),
    ("vlan=ten", 'vlan: "ten": expected 1 to 4094, untagged, or any'),
    ("trunk=0", 'trunk: "0": expected 1 to 4094, or a range such as 10-20'),
    ("trunk=20-10", 'trunk: "20-10": expected 1 to 4094, or a range such as 10-20'),
    ("native=5000,trunk=10", 'native: "5000": expected 1 to 4094, or none'),
    ("native=10", 'native: "10": expected a trunk as well'),
    ("qinq=4095", 'qinq: "4095": expected 1 to 4094, or none'),
    ("vlan=10,trunk=20", 'vlan: "10": expected none of trunk and qinq beside it'),
    ("vlan=10,qinq=20", 'vlan: "10": expected none of trunk and qinq beside it'),
    ("qinq=10,trunk=20", 'qinq: "10": expected no trunk beside it')])
def test_what_cannot_be_is_refused_and_changes_nothing(rig, keys, text):
    r = rig(guests=("vm1",))
    before = r.daemon.ctl("show running-config")
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl(f"set guest vm1 {keys}")
    assert text in str(refused.value)
    assert r.daemon.ctl("show running-config") == before


def test_the_running_configuration_says_the_vlans(rig):
    r = rig(**guests(vm1="vlan=10", vm2="trunk=10,20-22,native=30", vm3="qinq=40"),
            bond=",vlans=10,20-40,native=30")
    shown = r.daemon.ctl("show running-config")
    for text in ("vlan=10", "trunk=10,20-22", "native=30", "qinq=40", "vlans=10,20-40"):
        assert text in shown
