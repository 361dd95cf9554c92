# SPDX-License-Identifier: BSD-3-Clause
"""Cases that other switches' suites have, by their numbers: a table that is full, pinned stations, odd lengths."""

import pytest
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, guest_mac, wait_for
from guarding import deliveries, learn

VM1, VM2 = guest_mac(1), guest_mac(2)
GUESTS = tuple(f"vm{i}" for i in range(1, 7))


def station(port, i):
    return f"02:00:00:00:{port:02x}:{i:02x}"


def frame(src, dst=BROADCAST):
    return bytes(Ether(dst=dst, src=src, type=0x88b6) / Raw(bytes(46)))


def speak(r, peer, *macs):
    """One after the other, so that who was first is certain."""
    for mac in macs:
        with r.taking(1):
            peer.raw(frame(mac))
    r.settle()


def behind(r):
    """{port: stations}"""
    found = {}
    for mac, entry in r.daemon.fdb().items():
        found.setdefault(entry["port"], set()).add(mac)
    return found


def small(rig, guests=GUESTS, **options):
    """A table of 64 stations, the smallest."""
    r = rig(start=False, guests=guests, far_peers=False, **options)
    r.args = [*r.args, "--fdb-size", "64"]
    return r.start()


def test_S01_a_port_that_is_removed_takes_its_stations(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    assert deliveries(r, r.far[0], [frame(FAR_MAC, VM1)]) == [{"vm1", "vm2", "vm3"}]
    learn(r, 1)
    assert deliveries(r, r.far[0], [frame(FAR_MAC, VM1)]) == [{"vm1"}]
    r.daemon.ctl("remove guest vm1")
    assert VM1 not in r.daemon.fdb()
    assert deliveries(r, r.far[0], [frame(FAR_MAC, VM1)]) == [{"vm2", "vm3"}]


def test_S02_in_a_full_table_the_oldest_makes_room_and_frames_go_on(rig):
    r = small(rig, ("vm1", "vm2"), log_allowed=[r"^WARNING: mac_limit: vm1: "])
    speak(r, r.vm(1), *(station(1, i) for i in range(72)))
    known = behind(r)["vm1"]
    assert len(known) <= 64 and {station(1, i) for i in range(64, 72)} <= known and station(1, 0) not in known
    assert r.daemon.ctl("show fdb", json=True)["evicted"] == 72 - len(known)
    assert deliveries(r, r.vm(2), [frame(VM2, station(1, 71))]) == [{"vm1"}]


def test_S03_a_port_that_floods_the_table_takes_no_station_from_others(rig):
    r = small(rig, log_allowed=[r"^WARNING: mac_limit: vm6: "])
    for port in range(1, 6):
        speak(r, r.vm(port), *(station(port, i) for i in range(10)))
    speak(r, r.vm(6), *(station(6, i) for i in range(64)))
    known = behind(r)
    assert all(len(known[f"vm{port}"]) >= 8 for port in range(1, 6)), known
    assert sum(map(len, known.values())) <= 64 and len(known["vm6"]) >= 8


def test_S04_a_pinned_station_is_never_moved_converted_or_aged(rig):
    r = rig(guests=("vm1", "vm2"))
    learn(r)
    r.daemon.ctl(f"add fdb {VM1} vm1")
    refused = r.daemon.ctl("show fdb", json=True)["refused"]
    with r.taking(1):
        r.vm(2).raw(frame(VM1))
    wait_for(lambda: r.daemon.ctl("show fdb", json=True)["refused"] > refused, what="counted")
    entry = r.daemon.fdb()[VM1]
    assert (entry["port"], entry["static"]) == ("vm1", True)
    r.daemon.ctl("clear fdb")
    assert r.daemon.fdb()[VM1]["static"]
    assert deliveries(r, r.far[0], [frame(FAR_MAC, VM1)]) == [{"vm1"}]
    r.daemon.ctl(f"remove fdb {VM1}")
    assert VM1 not in r.daemon.fdb()


def test_S05_many_stations_are_pinned_and_forgotten_one_by_one(rig):
    r = rig(guests=("vm1", "vm2"))

    def pinned():
        return {mac for mac, entry in r.daemon.fdb().items() if entry["static"]}
    first, more = ({station(port, i) for i in range(100)} for port in (1, 2))
    for mac in first:
        r.daemon.ctl(f"add fdb {mac} vm1")
    for mac in sorted(first)[:12]:
        r.daemon.ctl(f"remove fdb {mac}")
    assert pinned() == set(sorted(first)[12:])
    for mac in more:
        r.daemon.ctl(f"add fdb {mac} vm2")
    assert pinned() == set(sorted(first)[12:]) | more
    r.daemon.ctl("remove guest vm2")
    assert pinned() == set(sorted(first)[12:])


@pytest.mark.parametrize("limit", [5, 4])
def test_S06_exactly_so_many_stations_are_learned(rig, limit):
    r = rig(guest_opts={"vm1": f"mac_limit={limit}"}, log_allowed=[r"^WARNING: mac_limit: vm1: "])
    speak(r, r.vm(1), *(station(1, i) for i in range(20)))
    assert len(behind(r)["vm1"]) == limit


def test_X11_every_length_from_a_guest_and_from_the_lan_is_taken_or_counted(rig):
    r = rig(guests=("vm1", "vm2"))
    learn(r, 1, 2)
    for sender, src, dst in ((r.vm(1), VM1, FAR_MAC), (r.far[0], FAR_MAC, VM1)):
        whole = frame(src, dst) + bytes(1600)
        for first in range(1, 1517, 12):
            with r.taking(12):
                sender.cmd("raw", port=0, hex=",".join(whole[:n].hex() for n in range(first, first + 12)))
    r.check_balance()
    drops = r.daemon.drops()
    assert set(drops) <= {"runt", "oversize", "guest_buffer"} and drops.get("runt", 0) + drops.get("guest_buffer", 0) >= 13
    assert deliveries(r, r.vm(1), [frame(VM1, FAR_MAC)]) == [{"far0"}]
