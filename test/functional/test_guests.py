# SPDX-License-Identifier: BSD-3-Clause
"""Guest ports: come, go, come back, and every ring layout."""

import signal

import pytest

from bf import FAR_MAC, CtlError, guest_mac, wait_for

VM1, VM2, VM3 = guest_mac(1), guest_mac(2), guest_mac(3)


def exchange(r, peer, mac, stream, count=500, **spec):
    """Numbered frames from the far side to a guest and to the far side from it."""
    r.learn(r.far[0], FAR_MAC)
    r.learn(peer, mac)
    spec.setdefault("size", [60, 512, 1518, 9000])
    tally = r.transfer(r.far[0], peer, stream, count, window=128, src=FAR_MAC, dst=mac, **spec)
    assert tally["missing"] == tally["corrupt"] == tally["header_changed"] == 0, tally
    peer.send(stream=stream + 1, count=128, src=mac, dst=FAR_MAC, **spec)
    wait_for(lambda: sum(f.stream(stream + 1)["distinct"] for f in r.far) == 128,
             what="frames at the far side")
    assert all(f.stream(stream + 1)["corrupt"] == 0 for f in r.far)


def guest(r, name):
    return {g["name"]: g for g in r.daemon.ctl("show guest", json=True)}.get(name)


def test_a_guest_is_added_while_others_work(rig):
    r = rig(guests=("vm1",))
    exchange(r, r.vm(1), VM1, 1)
    r.add_guest_peer("vm3")
    r.daemon.ctl(f"add guest vm3 socket={r.guest_socket('vm3')},mtu=9216")
    r.guests["vm3"].wait_up()
    exchange(r, r.guests["vm3"], VM3, 11)
    exchange(r, r.vm(1), VM1, 21)


def test_a_removed_guest_is_gone_and_its_name_and_socket_are_free_again(rig):
    r = rig()
    r.learn_all()
    r.daemon.ctl("remove guest vm2")
    assert guest(r, "vm2") is None
    wait_for(lambda: VM2 not in r.daemon.fdb(), what="its stations forgotten")
    exchange(r, r.vm(1), VM1, 1)
    r.vm(2).restart()
    r.daemon.ctl(f"add guest vm2 socket={r.guest_socket('vm2')},mtu=9216")
    r.vm(2).wait_up()
    exchange(r, r.vm(2), VM2, 11)


def test_add_and_remove_many_times_leaves_nothing(rig):
    r = rig(guests=("vm1",))
    r.learn_all()
    before = r.daemon.mempools()
    for _ in range(10):
        r.daemon.ctl(f"add guest tmp socket={r.workdir}/tmp.sock,mode=server")
        assert (r.workdir / "tmp.sock").exists()
        r.daemon.ctl("remove guest tmp")
        assert not (r.workdir / "tmp.sock").exists()
    after = r.daemon.mempools()
    assert set(before) == set(after)
    exchange(r, r.vm(1), VM1, 1)


@pytest.mark.parametrize("command, words", [
    ("add guest vm1 socket=/tmp/bft-other.sock", ["vm1"]),
    ("add guest vm9 socket={vm1}", ["socket"]),
    ("add guest vm9", ["add guest vm9"]),
    ("add guest vm9 queues=1", ["vm9", "socket"]),
    ("add guest vm9 socket=relative.sock", ["relative.sock"]),
    ("add guest vm9 socket=/tmp/bft-x.sock,color=red", ["color"]),
    ("add guest vm9 socket=/tmp/bft-x.sock,queues=9", ["9", "1", "8"]),
    ("add guest vm9 socket=/tmp/bft-x.sock,queues=0", ["0", "1", "8"]),
    ("add guest vm9 socket=/tmp/bft-x.sock,mtu=9217", ["9217", "9216"]),
    ("remove guest nobody", ["nobody"]),
])
def test_a_refused_guest_command_names_the_fault_and_changes_nothing(rig, command, words):
    r = rig(guests=("vm1",))
    before = r.daemon.ctl("show running-config")
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl(command.format(vm1=r.guest_socket("vm1")))
    assert refused.value.status in (1, 2)
    assert all(w in refused.value.text for w in words), refused.value.text
    assert len(refused.value.text.strip().splitlines()) == 1
    assert r.daemon.ctl("show running-config") == before
    exchange(r, r.vm(1), VM1, 1)


def test_a_guest_that_crashes_and_returns_works_again(rig):
    r = rig()
    for round_ in range(3):
        exchange(r, r.vm(1), VM1, 1 + 20 * round_)
        r.vm(1).kill()
        wait_for(lambda: not guest(r, "vm1")["up"], what="guest seen as gone")
        exchange(r, r.vm(2), VM2, 11 + 20 * round_)
        r.vm(1).start()
        r.vm(1).wait_up()
    exchange(r, r.vm(1), VM1, 200)


def test_a_guest_whose_driver_restarts_works_again(rig):
    r = rig()
    for round_ in range(5):
        exchange(r, r.vm(1), VM1, 1 + 20 * round_, count=128)
        r.vm(1).stop_driver()
        r.vm(1).start_driver()
        r.vm(1).wait_up()
    exchange(r, r.vm(1), VM1, 200)


def test_B15_a_guests_driver_restarts_a_hundred_times_and_each_time_frames_pass(rig):
    r = rig(guests=("vm1",))
    r.learn_all()
    for round_ in range(100):
        r.vm(1).stop_driver()
        r.vm(1).start_driver()
        r.vm(1).wait_up()
        stream = 1000 + round_
        r.far[0].send(stream=stream, count=4, src=FAR_MAC, dst=VM1)
        assert r.vm(1).await_stream(stream, 4)["distinct"] == 4


@pytest.mark.parametrize("mode", ["balance-xor", "active-backup"])
def test_B15_forwarding_stops_and_starts_ten_times_and_each_time_frames_pass(rig, mode):
    r = rig(guests=("vm1",), mode=mode)
    r.learn_all()
    for round_ in range(10):
        r.daemon.ctl("stop")
        r.daemon.ctl("start")
        exchange(r, r.vm(1), VM1, 100 + 20 * round_, count=8)


def test_frames_for_an_absent_guest_are_counted(rig):
    r = rig()
    r.learn_all()
    r.vm(1).kill()
    wait_for(lambda: not guest(r, "vm1")["up"], what="guest seen as gone")
    before = sum(r.daemon.drops().values())
    r.far[0].send(stream=1, count=100, src=FAR_MAC, dst=VM1)
    r.settle()
    assert sum(r.daemon.drops().values()) - before == 100 - r.vm(2).stream(1)["received"]
    assert r.vm(2).stream(1)["received"] in (0, 100)


def test_a_guest_that_reads_nothing_costs_its_neighbour_nothing(rig):
    r = rig(peer_opts={"vm1": {"queue_size": 256}})
    r.learn_all()
    r.transfer(r.far[0], r.vm(1), 3, 1000, window=128, src=FAR_MAC, dst=VM1)
    r.vm(1).proc.send_signal(signal.SIGSTOP)
    try:
        r.far[0].send(stream=1, count=2000, src=FAR_MAC, dst=VM1)
        for first in range(0, 2000, 500):
            r.far[0].send(stream=2, first=first, count=500, src=FAR_MAC, dst=VM2)
            tally = r.vm(2).await_stream(2, first + 500)
        assert tally["missing"] == 0
        wait_for(lambda: r.daemon.drops("vm1").get("guest_ring_full", 0) > 0,
                 what="full ring counted")
    finally:
        r.vm(1).proc.send_signal(signal.SIGCONT)
    exchange(r, r.vm(1), VM1, 11)


def test_server_mode_guest_connects_leaves_and_returns(rig):
    r = rig(guests=("vm1",), guest_opts={"vm1": "mode=server"})
    exchange(r, r.vm(1), VM1, 1)
    mode = r.guest_socket("vm1").stat().st_mode & 0o777
    assert mode & 0o007 == 0, oct(mode)
    for round_ in range(3):
        r.vm(1).restart()
        r.vm(1).wait_up()
        exchange(r, r.vm(1), VM1, 11 + 20 * round_)


@pytest.mark.parametrize("queues", [1, 2, 4, 8])
def test_queue_pairs_follow_the_guest(rig, queues):
    r = rig(guests=("vm1",), peer_opts={"vm1": {"queues": queues, "queue_size": 256}})
    r.learn_all()
    assert guest(r, "vm1")["queue_pairs"] == queues
    for queue in range(queues):
        stream = 100 + queue
        r.vm(1).send(stream=stream, count=100, src=VM1, dst=FAR_MAC, queue=queue)
        wait_for(lambda s=stream: sum(f.stream(s)["received"] for f in r.far) == 100,
                 what=f"frames of queue {queue}")
    exchange(r, r.vm(1), VM1, 200, flows=64)


@pytest.mark.parametrize("offered, used", [(8, 2), (2, 4)])
def test_a_guest_with_fewer_or_more_queues_than_the_port_works(rig, offered, used):
    r = rig(guests=("vm1",), guest_opts={"vm1": f"queues={offered}"},
            peer_opts={"vm1": {"queues": used, "queue_size": 256}},
            log_allowed=[r"^WARNING: guest_queues: vm1: "])
    exchange(r, r.vm(1), VM1, 1, flows=64, queue=0)
    wait_for(lambda: bool(r.events("guest_queues")) == (used > offered), what="the event")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("knobs", [{"mrg_rxbuf": 0}, {"packed_vq": 1}, {"in_order": 0},
                                   {"packed_vq": 1, "mrg_rxbuf": 0},
                                   {"mrg_rxbuf": 0, "in_order": 0}], ids=str)
def test_every_ring_layout_carries_frames(rig, knobs, workers):
    r = rig(guests=("vm1",), workers=workers,
            peer_opts={"vm1": {"queues": 2, "queue_size": 256, **knobs}})
    # Without mergeable buffers and without an agreed MTU, a guest is known to take 1518 bytes.
    sizes = [60, 128, 512, 1518] if knobs.get("mrg_rxbuf") == 0 else [60, 512, 1518, 9000]
    exchange(r, r.vm(1), VM1, 1, flows=64, size=sizes)


def test_a_frame_too_long_for_a_guest_without_mergeable_buffers_is_counted(rig):
    r = rig(guests=("vm1",), peer_opts={"vm1": {"mrg_rxbuf": 0}})
    r.learn_all()
    before = r.daemon.drops().get("oversize", 0)
    r.far[0].send(stream=1, count=100, src=FAR_MAC, dst=VM1, size=[1518, 9234])
    r.settle()
    tally = r.vm(1).stream(1)
    assert tally["sizes"].get("1518") == 50
    assert r.daemon.drops().get("oversize", 0) - before == 100 - tally["received"]


@pytest.mark.parametrize("n_guests", [8])
def test_S12_broadcast_reaches_many_guests_once(rig, n_guests):
    names = tuple(f"vm{i}" for i in range(1, n_guests + 1))
    r = rig(guests=names, peer_opts={n: {"queue_size": 256} for n in names}, memory=1024)
    r.learn_all()
    r.far[0].send(stream=1, count=100, src=FAR_MAC, dst="ff:ff:ff:ff:ff:ff", size=[60, 1518])
    r.settle()
    assert {g.name: g.stream(1)["received"] for g in r.guests.values()} == {n: 100 for n in names}


def test_a_guest_that_is_down_by_its_key_stays_connected_and_moves_no_frame(rig):
    r = rig()
    r.learn_all()
    r.daemon.ctl("set guest vm1 admin=down")
    r.far[0].send(stream=1, count=50, src=FAR_MAC, dst=VM1)
    r.vm(1).send(stream=2, count=60, src=VM1, dst=FAR_MAC)
    wait_for(lambda: r.daemon.drops("vm1").get("to_disabled") == 50, what="frames to it dropped")
    wait_for(lambda: r.daemon.drops("vm1").get("from_disabled") == 60, what="frames from it dropped")
    assert guest(r, "vm1")["up"]
    exchange(r, r.vm(2), VM2, 21)
    assert "admin=down" in r.daemon.ctl("show running-config")
    r.daemon.ctl("set guest vm1 admin=up")
    exchange(r, r.vm(1), VM1, 31)
    with pytest.raises(CtlError, match="up.*down|down.*up"):
        r.daemon.ctl("set guest vm1 admin=off")
