# SPDX-License-Identifier: BSD-3-Clause
"""Numbered frames between guests and the far side: every one arrives byte-exact or is counted."""

import pytest

from bf import FAR_MAC, guest_mac, wait_for

IDLE = "poll"

COUNT = 10000
# Bytes without FCS; the last is MTU 9216 with Ethernet header and one VLAN tag.
SIZES = [60, 64, 65, 127, 128, 256, 511, 512, 1024, 1514, 1518, 2048, 4096, 9000, 9018, 9230, 9234, 9238]
VM = guest_mac(1)
MODES = ["active-backup", "balance-rr", "balance-xor"]


def assert_all_arrived(tally, count):
    assert tally["missing"] == 0, tally
    assert tally["distinct"] == tally["received"] == count, tally
    assert tally["corrupt"] == tally["header_changed"] == tally["duplicates"] == 0, tally


def merged(tallies):
    """What several far peers got together, when a mode spreads frames over members."""
    total = {k: sum(t[k] for t in tallies) for k in
             ("received", "distinct", "corrupt", "header_changed", "duplicates")}
    total["sizes"] = {}
    for t in tallies:
        for size, n in t["sizes"].items():
            total["sizes"][size] = total["sizes"].get(size, 0) + n
    return total


def guest_to_far(r, stream, count, window=512, **spec):
    """Send from vm1 in windows; returns the tally over every far peer."""
    for first in range(0, count, window):
        part = min(window, count - first)
        r.vm(1).send(stream=stream, first=first, count=part, src=VM, dst=FAR_MAC, **spec)
        wanted = first + part

        def arrived(wanted=wanted):
            return sum(f.stream(stream)["distinct"] for f in r.far) >= wanted
        try:
            wait_for(arrived, 10, "frames at the far side")
        except TimeoutError:
            break
    r.settle()
    return merged([f.stream(stream) for f in r.far])


@pytest.mark.parametrize("mode", MODES)
def test_ten_thousand_frames_of_all_sizes_reach_the_guest_byte_exact(rig, mode):
    r = rig(mode=mode)
    r.learn_all()
    tally = r.transfer(r.far[0], r.vm(1), 1, COUNT, src=FAR_MAC, dst=VM, size=SIZES, flows=64)
    assert_all_arrived(tally, COUNT)
    assert set(tally["sizes"]) == {str(s) for s in SIZES}
    assert r.vm(2).stream(1)["received"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_ten_thousand_frames_of_all_sizes_reach_the_far_side_byte_exact(rig, mode):
    r = rig(mode=mode)
    r.learn_all()
    total = guest_to_far(r, 2, COUNT, size=SIZES, flows=64)
    assert total["distinct"] == total["received"] == COUNT, total
    assert total["corrupt"] == total["header_changed"] == total["duplicates"] == 0, total
    assert set(total["sizes"]) == {str(s) for s in SIZES}
    used = [f.stream(2)["received"] for f in r.far]
    if mode == "active-backup":
        assert sorted(used) == [0, COUNT]
    else:
        assert min(used) > COUNT // 4


@pytest.mark.parametrize("mode", MODES)
def test_what_does_not_arrive_under_overload_is_counted(rig, mode):
    """No window: rings overflow, and the ledger must say where each frame went."""
    r = rig(mode=mode)
    r.learn_all()
    r.far[0].send(wait=False, stream=3, count=COUNT, src=FAR_MAC, dst=VM, size=SIZES, flows=64)
    r.vm(1).send(wait=False, stream=4, count=COUNT, src=VM, dst=FAR_MAC, size=SIZES, flows=64)
    for peer in (r.far[0], r.vm(1)):
        peer.cmd("wait", timeout=30000)
    r.settle()
    r.check_balance()
    inward = r.vm(1).stream(3, COUNT)
    outward = merged([f.stream(4, COUNT) for f in r.far])
    assert inward["corrupt"] == outward["corrupt"] == 0
    lost = 2 * COUNT - inward["received"] - outward["received"]
    assert lost == sum(r.daemon.drops().values()), r.daemon.ledger()


@pytest.mark.parametrize("kind, smallest", [("ether", 60), ("ip4tcp", 70), ("ip6udp", 78),
                                            ("ip6tcp", 90)])
def test_every_kind_of_frame_arrives_byte_exact(rig, kind, smallest):
    r = rig()
    r.learn_all()
    sizes = [smallest] + SIZES[5:]
    tally = r.transfer(r.far[0], r.vm(1), 5, 1000, src=FAR_MAC, dst=VM, size=sizes, kind=kind,
                       flows=9)
    assert_all_arrived(tally, 1000)
    total = guest_to_far(r, 6, 1000, size=sizes, kind=kind, flows=9)
    assert total["distinct"] == 1000 and total["corrupt"] == total["header_changed"] == 0


@pytest.mark.parametrize("vlan", ["5", "5,6"])
def test_tagged_frames_keep_their_tags(rig, vlan):
    r = rig()
    n_tags = vlan.count(",") + 1
    sizes = [60 + 4 * n_tags, 128, 1518, 9000, 9230 + 4 * n_tags]
    r.learn(r.far[0], FAR_MAC, vlan=vlan)
    r.learn(r.vm(1), VM, vlan=vlan)
    tally = r.transfer(r.far[0], r.vm(1), 7, 1000, src=FAR_MAC, dst=VM, size=sizes, vlan=vlan)
    assert_all_arrived(tally, 1000)
    total = guest_to_far(r, 8, 1000, size=sizes, vlan=vlan)
    assert total["distinct"] == 1000 and total["header_changed"] == 0


def test_flows_stay_in_order_in_both_directions(rig):
    r = rig()
    r.learn_all()
    tally = r.transfer(r.far[0], r.vm(1), 9, 4000, src=FAR_MAC, dst=VM, flows=32)
    assert_all_arrived(tally, 4000)
    assert tally["reordered"] == 0
    guest_to_far(r, 10, 4000, flows=32)
    assert [f.stream(10)["reordered"] for f in r.far] == [0, 0]


def test_several_workers_lose_and_change_nothing(rig):
    r = rig(workers=2, peer_opts={"vm1": {"queues": 2}, "vm2": {"queues": 2}})
    r.learn_all()
    tally = r.transfer(r.far[0], r.vm(1), 11, COUNT, src=FAR_MAC, dst=VM, size=SIZES, flows=64)
    assert_all_arrived(tally, COUNT)
    total = guest_to_far(r, 12, COUNT, size=SIZES, flows=64)
    assert total["distinct"] == total["received"] == COUNT, total
    assert total["corrupt"] == total["header_changed"] == 0


def test_several_workers_and_a_guest_with_one_queue_lose_nothing(rig):
    r = rig(workers=2)
    r.learn_all()
    for queue in (0, 1):
        tally = r.transfer(r.far[0], r.vm(1), 20 + queue, 2000, src=FAR_MAC, dst=VM, queue=queue)
        counted = sum(r.daemon.drops().values())
        assert tally["received"] + counted >= 2000, tally
        assert tally["corrupt"] == 0


def test_a_frame_longer_than_the_guest_takes_is_dropped_and_harms_no_neighbour(rig):
    r = rig(guest_opts={"vm1": "mtu=1500"})
    r.learn_all()
    before = r.daemon.drops().get("oversize", 0)
    r.far[0].send(stream=13, count=1000, src=FAR_MAC, dst=VM, size=[60, 1522, 1523, 9000])
    r.vm(1).await_stream(13, 500)
    r.settle()
    tally = r.vm(1).stream(13)
    assert set(tally["sizes"]) == {"60", "1522"} and tally["received"] == 500
    assert r.daemon.drops().get("oversize", 0) - before == 500


def test_chained_receive_buffers_carry_jumbo_frames(rig):
    r = rig(peer_opts={"vm1": {"buf": 2048}, "vm2": {"buf": 2048}}, member_opts={"buf": 2048})
    r.learn_all()
    tally = r.transfer(r.far[0], r.vm(1), 14, 1000, window=64, src=FAR_MAC, dst=VM, size=SIZES)
    assert_all_arrived(tally, 1000)
    total = guest_to_far(r, 15, 1000, window=64, size=SIZES)
    assert total["distinct"] == 1000 and total["corrupt"] == 0


def test_a_short_frame_of_a_guest_reaches_the_wire_padded_to_sixty_bytes(rig):
    r = rig()
    r.learn_all()
    for f in r.far:
        f.capture(1, match="other")
    frame = bytes.fromhex(FAR_MAC.replace(":", "") + VM.replace(":", "")) + b"\x88\xb6short"
    r.vm(1).raw(frame)
    r.settle()
    got = sum((f.captured() for f in r.far), [])
    assert len(got) == 1
    assert got[0][:len(frame)] == frame and got[0][len(frame):] == bytes(60 - len(frame))
