# SPDX-License-Identifier: BSD-3-Clause
"""LLDP: what members hear of their switches, what they say of themselves, and what is made of it."""

import struct

import pytest

from bf import CtlError, guest_mac, mac_bytes, wait_for
from doctoring import doctor, faults

SWITCH_A, SWITCH_B = "02:aa:00:00:0a:00", "02:aa:00:00:0b:00"
# What bondctl doctor calls a problem of the cabling.
BY_DOCTOR = {"no_lag": "lag_missing", "two_lags": "two_lags", "two_switches": "switches_unrelated", "lag": "lag_unwanted"}


def tlv(kind, value):
    return struct.pack("!H", kind << 9 | len(value)) + value


def org(oui, subtype, value):
    return tlv(127, bytes.fromhex(oui) + bytes([subtype]) + value)


def lldpdu(chassis=SWITCH_A, port="Ethernet1/1", ttl=120, name="leaf-1", lag=None, more=b"",
           dst="01:80:c2:00:00:0e"):
    """lag: 0 none on the port, N the LAG with this number, None: not said."""
    pdu = mac_bytes(dst) + mac_bytes(chassis) + b"\x88\xcc"
    pdu += tlv(1, b"\4" + mac_bytes(chassis)) + tlv(2, b"\5" + port.encode())
    pdu += tlv(3, struct.pack("!H", ttl))
    pdu += tlv(5, name.encode("utf-8", "surrogateescape")) + tlv(7, b"\0\4\0\4")
    if lag is not None:
        pdu += org("0080c2", 7, struct.pack("!BI", 3 if lag else 1, lag))
    return (pdu + more + tlv(0, b"")).ljust(60, b"\0")


def neighbors(r, *words):
    return r.daemon.ctl(" ".join(["show lldp neighbors", *words]), json=True)


def lldp(r):
    return r.daemon.ctl("show lldp", json=True)[0]


def hear(r, i, **said):
    """A switch at a member says something, until it is known there."""
    r.far[i].raw(lldpdu(**said))
    known = said.get("port", "Ethernet1/1")
    return wait_for(lambda: next((n for n in neighbors(r, f"net_vhost{i}")
                                  if n["port_id"] == known), None), what="a neighbour")


def shown_neighbors(r):
    """What `show bonding config` says of them."""
    text = r.daemon.ctl("show bonding config bond0")
    return [line.partition("neighbor: ")[2] for line in text.splitlines() if "neighbor: " in line]


def test_every_member_hears_its_neighbour_also_a_backup(rig):
    r = rig(guests=("vm1",))
    r.vm(1).capture(16, match="other")
    for i, dst in enumerate(["01:80:c2:00:00:03", "01:80:c2:00:00:00"]):
        hear(r, i, dst=dst, port=f"Ethernet9/{i}")
        r.far[i].raw(lldpdu(port=f"Ethernet9/{i}", ttl=0))
    wait_for(lambda: neighbors(r) == [], what="no neighbour")
    first = hear(r, 0, port="Ethernet1/1", lag=0,
                 more=org("0080c2", 1, b"\0\x2a") + org("0080c2", 3, b"\0\x2a\3red")
                 + org("00120f", 4, struct.pack("!H", 9236)))
    second = hear(r, 1, port="Ethernet1/2")
    assert (first["member"], second["member"]) == ("net_vhost0", "net_vhost1")
    assert first["system_name"] == "leaf-1" and first["chassis_id"] == SWITCH_A
    assert (first["lag_enabled"], first["pvid"], first["max_frame"]) == (False, 42, 9236)
    assert first["vlans"] == [{"id": 42, "name": "red"}] and "lag_enabled" not in second
    assert r.member(1)["neighbors"][0]["port_id"] == "Ethernet1/2"
    assert shown_neighbors(r) == ["leaf-1, port Ethernet1/1, LAG: none", "leaf-1, port Ethernet1/2, LAG: -"]
    assert r.daemon.drops("bond0")["lldp"] == 6
    assert [e["object"] for e in r.events("neighbor_added")][2:] == ["net_vhost0", "net_vhost1"]
    assert r.vm(1).captured() == []
    # LLDP of a guest goes nowhere.
    r.far[0].capture(16, match="any")
    before = neighbors(r)
    r.vm(1).raw(lldpdu(chassis=guest_mac(1)))
    wait_for(lambda: r.daemon.drops("vm1").get("reserved_address", 0) == 1, what="the drop")
    assert len(neighbors(r)) == len(before)
    assert not any(f[12:14] == b"\x88\xcc" for f in r.far[0].captured())
    with pytest.raises(CtlError, match='member: "net_x": expected a member of a bond'):
        r.daemon.ctl("show lldp neighbors net_x")
    with pytest.raises(CtlError, match='lldp: "tx": expected one of off, rx, both'):
        r.daemon.ctl("set bonding option bond0 lldp=tx")


def test_neighbours_end_and_change_also_with_a_native_vlan(rig):
    r = rig(members=1, guests=(), bond=",native=42")
    # With a priority tag, too.
    frame = lldpdu(port="Ethernet1/9")
    r.far[0].raw(frame[:12] + b"\x81\x00\xe0\x00" + frame[12:])
    wait_for(lambda: [n["port_id"] for n in neighbors(r)] == ["Ethernet1/9"], what="the tagged one")
    r.far[0].raw(lldpdu(port="Ethernet1/9", ttl=0))
    wait_for(lambda: neighbors(r) == [], what="no neighbour")
    assert hear(r, 0)["system_name"] == "leaf-1"
    r.far[0].raw(lldpdu(name="leaf-1-new"))
    wait_for(lambda: neighbors(r)[0]["system_name"] == "leaf-1-new", what="the new name")
    assert "leaf-1-new" in r.events("neighbor_changed")[-1]["text"]
    r.far[0].raw(lldpdu(ttl=0))
    wait_for(lambda: neighbors(r) == [], what="no neighbour")
    assert "it is going" in r.events("neighbor_removed")[-1]["text"]
    hear(r, 0, ttl=1)
    wait_for(lambda: neighbors(r) == [], what="its time to live")
    hear(r, 0)
    r.daemon.ctl("set bonding option bond0 lldp=off")
    wait_for(lambda: neighbors(r) == [], what="no neighbour with lldp=off")


def test_hostile_frames_are_counted_and_change_nothing(rig):
    r = rig(members=1, guests=())
    hear(r, 0)
    r.far[0].raw(lldpdu()[:14] + tlv(1, b"\4") + bytes(40))
    r.far[0].raw(lldpdu()[:30] + b"\x0b\xff" + bytes(30))
    r.far[0].raw(lldpdu(port="Ethernet1/8", name="sw\x1b[2J\n\udcff", more=org("0080c2", 7, b"\1")))
    wait_for(lambda: len(neighbors(r)) == 2, what="the third frame")
    member = lldp(r)["members"][0]
    assert (member["rx"], member["rx_errors"], member["tlv_errors"]) == (4, 2, 1)
    text = r.daemon.ctl("show lldp neighbors") + r.daemon.ctl("show lldp neighbors detail")
    assert "\x1b" not in text and "sw?[2J??" in text
    # More than there is room for: the last ones stay.
    for i in range(12):
        r.far[0].raw(lldpdu(port=f"Ethernet2/{i}"))
    wait_for(lambda: any(n["port_id"] == "Ethernet2/11" for n in neighbors(r)), what="the last")
    assert len(neighbors(r)) == 8 and lldp(r)["members"][0]["crowded_out"] == 6
    # The journal is not theirs to fill.
    assert len(r.events("neighbor_added")) + len(r.events("neighbor_removed")) <= 2 * 10


def test_a_flood_at_one_member_leaves_the_others_their_neighbours(rig):
    r = rig(guests=())
    hear(r, 0)
    # More than control's ring has room for.
    for i in range(3):
        r.far[0].raw(lldpdu(port=f"Ethernet2/{i}"), count=1000)
    assert hear(r, 1, port="Ethernet1/2")["member"] == "net_vhost1"

    def drops():
        return r.daemon.drops("bond0")
    wait_for(lambda: drops()["lldp"] + drops().get("lldp_flood", 0) >= 3002, what="all of them")
    assert drops()["lldp_flood"] > 1000
    # What was passed on was read: no ring was full.
    wait_for(lambda: sum(m["rx"] for m in lldp(r)["members"]) == drops()["lldp"], what="the rest")


def test_a_member_that_leaves_takes_its_neighbours_with_it(rig):
    r = rig(guests=())
    hear(r, 0)
    hear(r, 1, port="Ethernet1/2")
    r.daemon.ctl("remove bonding member net_vhost1 bond0")
    gone = wait_for(lambda: r.events("neighbor_removed"), what="the event")
    assert [e["object"] for e in gone] == ["net_vhost1"] and "its member has left the bond" in gone[0]["text"]
    assert [n["member"] for n in neighbors(r)] == ["net_vhost0"]


def plug(r, ends, round):
    """What the switches at the members say: chassis and LAG."""
    for i, (chassis, lag) in enumerate(ends):
        for n in neighbors(r, f"net_vhost{i}"):
            r.far[i].raw(lldpdu(chassis=n["chassis_id"], port=n["port_id"], ttl=0))
        hear(r, i, chassis=chassis, port=f"Ethernet{round}/{i}", lag=lag)


@pytest.mark.parametrize("mode,good,cases", [
    ("balance-xor", 5, [([(SWITCH_A, 5), (SWITCH_A, 0)], "no_lag"),
                        ([(SWITCH_A, 5), (SWITCH_A, 6)], "two_lags"),
                        ([(SWITCH_A, None), (SWITCH_B, None)], "two_switches")]),
    ("active-backup", 0, [([(SWITCH_A, 0), (SWITCH_B, 5)], "lag")]),
])
def test_a_cable_that_goes_wrong_is_named_once(rig, mode, good, cases):
    r = rig(guests=(), mode=mode, log_allowed=[r"^WARNING: cabling: "])
    for round, (ends, problem) in enumerate(cases):
        plug(r, [(SWITCH_A, good)] * 2, f"{round}/1")
        wait_for(lambda: lldp(r)["cabling"] == [], what="nothing to find")
        before = len([e for e in r.events("cabling") if e["level"] == "warning"])
        plug(r, ends, f"{round}/2")
        found = wait_for(lambda: lldp(r)["cabling"], what="a finding")
        assert [(f["problem"], f["member"]) for f in found] == [(problem, "net_vhost1")]
        r.far[1].raw(lldpdu(chassis=ends[1][0], port=f"Ethernet{round}/2/1", lag=ends[1][1],
                            name="again"))
        wait_for(lambda: neighbors(r, "net_vhost1")[0]["system_name"] == "again", what="the frame")
        words = {None: "-", 0: "none"}
        assert shown_neighbors(r) == [f"{name}, port Ethernet{round}/2/{i}, LAG: {words.get(lag, lag)}"
                                      for i, (name, (_, lag)) in enumerate(zip(("leaf-1", "again"), ends))]
        told = [e["text"] for e in r.events("cabling") if e["level"] == "warning"][before:]
        assert [t.partition(":")[0] for t in told if "no longer" not in t] == [problem]
        causes = r.daemon.ctl("why bond0", json=True)["causes"]
        assert ("cabling", "net_vhost1") in [(c["cause"], c["object"]) for c in causes]
        assert BY_DOCTOR[problem] in faults(doctor(r.daemon.console)[1])


def test_lldp_is_sent_when_asked_and_taken_back(rig):
    r = rig(guests=())
    for far in r.far:
        far.capture(64, match="any")
    r.daemon.ctl("set bonding option bond0 lldp=both")

    def heard(i):
        return [f for f in r.far[i].captured() if f[12:14] == b"\x88\xcc"]
    for i in range(2):
        frame = wait_for(lambda i=i: heard(i), what="LLDP of a member")[0]
        assert frame[:6] == mac_bytes("01:80:c2:00:00:0e")
        assert tlv(2, b"\5" + f"net_vhost{i}".encode()) in frame
        assert org("00120f", 3, bytes(5)) in frame, "active-backup has no LAG"
    r.far[0].capture(64, match="any")
    r.daemon.ctl("set bonding option bond0 lldp=rx")
    wait_for(lambda: any(tlv(3, b"\0\0") in f for f in heard(0)), what="the last word")
