# SPDX-License-Identifier: BSD-3-Clause
"""What a guest's port learns and what is flooded to it: learning, locked, flood, mcast_flood, bcast_flood."""

import pytest

from bf import FAR_MAC, guest_mac, wait_for

VM1, VM2, VM3 = guest_mac(1), guest_mac(2), guest_mac(3)
UNKNOWN, GROUP, ALL = "02:00:00:00:77:77", "01:00:5e:01:02:03", "ff:ff:ff:ff:ff:ff"
DESTINATIONS = {"flood": UNKNOWN, "mcast_flood": GROUP, "bcast_flood": ALL}
COUNT = 40


@pytest.fixture
def r(rig):
    r = rig(guests=("vm1", "vm2", "vm3"))
    r.learn_all()
    return r


def set_keys(r, name, **keys):
    r.daemon.ctl(f"set guest {name} " + " ".join(f"{key}={value}" for key, value in keys.items()))


def flood(r, sender, stream, src, dst):
    """Frames to all; how many of them vm1, vm2, vm3 and the far side got."""
    with r.taking(COUNT):
        sender.send(stream=stream, count=COUNT, src=src, dst=dst)
    return [peer.stream(stream)["distinct"] for peer in (r.vm(1), r.vm(2), r.vm(3), r.far[0])]


@pytest.mark.parametrize("key", DESTINATIONS)
def test_a_guest_gets_what_is_flooded_unless_it_is_off(r, key):
    dst = DESTINATIONS[key]
    assert flood(r, r.vm(1), 1, VM1, dst) == [0, COUNT, COUNT, COUNT]
    set_keys(r, "vm2", **{key: "off"})
    assert flood(r, r.vm(1), 2, VM1, dst) == [0, 0, COUNT, COUNT]
    assert flood(r, r.far[0], 3, FAR_MAC, dst) == [COUNT, 0, COUNT, 0]
    others = [value for name, value in DESTINATIONS.items() if name != key]
    for stream, other in enumerate(others, 10):
        assert flood(r, r.vm(1), stream, VM1, other) == [0, COUNT, COUNT, COUNT]
    set_keys(r, "vm2", **{key: "on"})
    assert flood(r, r.vm(1), 4, VM1, dst) == [0, COUNT, COUNT, COUNT]


def test_the_guest_is_reached_by_its_own_address_all_the_same(r):
    set_keys(r, "vm2", flood="off", mcast_flood="off", bcast_flood="off")
    tally = r.transfer(r.vm(1), r.vm(2), 1, COUNT, src=VM1, dst=VM2)
    assert tally["distinct"] == COUNT


def test_a_flood_of_the_bond_that_reaches_no_guest_is_counted(r):
    for name in r.guest_names:
        set_keys(r, name, flood="off")
    before = r.daemon.drops().get("no_destination", 0)
    assert flood(r, r.far[0], 1, FAR_MAC, UNKNOWN) == [0, 0, 0, 0]
    assert r.daemon.drops()["no_destination"] == before + COUNT


def test_a_burst_of_several_kinds_is_told_apart(r):
    """Frames of one burst to different sets of guests: each gets its own, and the sum is right."""
    set_keys(r, "vm2", flood="off")
    set_keys(r, "vm3", bcast_flood="off")
    before = r.daemon.drops().get("no_destination", 0)
    with r.taking(2 * COUNT):
        r.far[0].send(stream=1, count=COUNT, src=FAR_MAC, dst=UNKNOWN, wait=False)
        r.far[0].send(stream=2, count=COUNT, src=FAR_MAC, dst=ALL)
    assert [peer.stream(1)["distinct"] for peer in r.guests.values()] == [COUNT, 0, COUNT]
    assert [peer.stream(2)["distinct"] for peer in r.guests.values()] == [COUNT, COUNT, 0]
    assert r.daemon.drops().get("no_destination", 0) == before


def test_learning_off_forgets_and_learns_nothing(r):
    assert VM2 in r.daemon.fdb()
    set_keys(r, "vm2", learning="off")
    assert VM2 not in r.daemon.fdb()
    assert flood(r, r.vm(2), 1, VM2, FAR_MAC)[3] == COUNT  # it may send all the same
    assert VM2 not in r.daemon.fdb()
    assert flood(r, r.vm(1), 2, VM1, VM2) == [0, COUNT, COUNT, COUNT]
    r.daemon.ctl(f"add fdb {VM2} vm2")
    assert flood(r, r.vm(1), 3, VM1, VM2) == [0, COUNT, 0, 0]
    r.daemon.ctl(f"remove fdb {VM2}")
    set_keys(r, "vm2", learning="on")
    r.learn(r.vm(2), VM2)


def test_a_locked_port_takes_frames_of_known_stations_only(r):
    set_keys(r, "vm2", locked="on")
    assert flood(r, r.vm(2), 1, VM2, FAR_MAC)[3] == COUNT
    r.daemon.ctl("clear fdb port vm2")
    assert flood(r, r.vm(2), 2, VM2, FAR_MAC)[3] == 0
    assert flood(r, r.vm(2), 3, VM1, FAR_MAC)[3] == 0  # another guest's
    assert r.daemon.drops("vm2")["locked_port"] == 2 * COUNT
    assert r.daemon.fdb()[VM1]["port"] == "vm1"
    r.daemon.ctl(f"add fdb {VM2} vm2")
    assert flood(r, r.vm(2), 4, VM2, FAR_MAC)[3] == COUNT
    r.daemon.ctl(f"remove fdb {VM2}")
    set_keys(r, "vm2", locked="off")
    assert flood(r, r.vm(2), 5, VM2, FAR_MAC)[3] == COUNT
    wait_for(lambda: VM2 in r.daemon.fdb(), what="learned again")
