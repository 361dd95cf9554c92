# SPDX-License-Identifier: BSD-3-Clause
"""Guest queues on worker lcores: moved by hand, moved by load; workers that rest."""

import itertools
import pathlib

import pytest

from bf import BROADCAST, CtlError, FAR_MAC, Load, guest_mac, loses_nothing, wait_for

IDLE = "poll"


def pollers(r):
    """{(guest, queue): lcore} as the workers have it."""
    shown = r.daemon.ctl("show config fwd", json=True)
    return {(q["guest"], q["queue"]): c["lcore"] for c in shown["lcores"]
            for q in c["guest_queues"]}


def two_workers(rig, **options):
    r = rig(workers=2, **options)
    r.learn_all()
    return r


def pin(r, lcore, guest="vm1", queue=0):
    r.daemon.ctl(f"set lcore {lcore} guest {guest} queue {queue}")


def test_each_queue_has_one_lcore_and_all_lcores_have_some(rig):
    r = two_workers(rig, peer_opts={"vm1": {"queues": 2}, "vm2": {"queues": 2}})
    assert set(pollers(r)) == {(g, q) for g in ("vm1", "vm2") for q in (0, 1)}
    assert sorted(pollers(r).values()) == [1, 1, 2, 2]


def test_a_queue_moved_by_hand_under_load_loses_and_reorders_nothing(rig):
    r = two_workers(rig)
    load = Load(r)
    for _ in range(6):
        for lcore in (1, 2):
            pin(r, lcore)
            assert pollers(r)["vm1", 0] == lcore
            load.passes(20)
    loses_nothing(load)


def test_a_pinned_queue_stays_and_is_part_of_the_configuration(rig, workdir):
    r = two_workers(rig)
    pin(r, 2, "vm1")
    pin(r, 2, "vm2")
    assert pollers(r) == {("vm1", 0): 2, ("vm2", 0): 2}
    config = r.daemon.ctl("show running-config")
    saved = pathlib.Path(workdir) / "saved.conf"
    saved.write_text(config)
    pin(r, 1, "vm1")
    assert pollers(r)["vm1", 0] == 1
    r.daemon.ctl(f"load {saved}")
    assert pollers(r)["vm1", 0] == 2


@pytest.mark.parametrize("words, named", [
    ("3 guest vm1 queue 0", ['"3"', "worker lcore"]),
    ("0 guest vm1 queue 0", ['"0"', "worker lcore"]),
    ("x guest vm1 queue 0", ['"x"']),
    ("1 guest vm9 queue 0", ['"vm9"']),
    ("1 guest vm1 queue 1", ['"1"', "0 to 0"]),
    ("idle doze", ['"doze"', "poll", "pause", "sleep"]),
    ("rebalance perhaps", ['"perhaps"']),
])
def test_what_cannot_be_is_named_and_changes_nothing(rig, words, named):
    r = two_workers(rig)
    before = r.daemon.ctl("show running-config"), pollers(r)
    with pytest.raises(CtlError) as error:
        r.daemon.ctl(f"set lcore {words}")
    assert error.value.status == 2
    assert all(n in error.value.text for n in named), error.value.text
    assert (r.daemon.ctl("show running-config"), pollers(r)) == before


def make_frames_cost(r, workdir, guest):
    """The worker runs filters that let nothing through on each frame of guest: it takes longer than
    the guest does to send the frame."""
    ports = " or ".join(f"{n}" for n in range(60000, 60100))
    for i in range(6):
        r.daemon.ctl(f'capture start {guest} in file {workdir}/{guest}.{i} filter "port {ports}"')


def test_rebalancing_moves_a_queue_off_a_busy_lcore_without_loss(rig, workdir):
    """vm2 and vm3 keep their lcore busy with frames to themselves; those of vm1 are counted."""
    long_rings = {"queue_size": 4096}
    r = two_workers(rig, guests=("vm1", "vm2", "vm3"), peer_opts={"vm2": long_rings, "vm3": long_rings})
    r.daemon.ctl("set lcore idle sleep")
    for i in (1, 2, 3):
        pin(r, 1, f"vm{i}")
    for i in (1, 2, 3):
        pin(r, "auto", f"vm{i}")
    for i in (2, 3):
        r.learn(r.vm(i), guest_mac(70 + i))
        make_frames_cost(r, workdir, f"vm{i}")
    assert set(pollers(r).values()) == {1}
    load = Load(r)
    r.daemon.ctl("set lcore rebalance on")
    others = [Load(r, vm=i, src=guest_mac(i), dst=guest_mac(70 + i), rate=0, count=1 << 22)
              for i in (2, 3)]
    event = wait_for(lambda: r.events("lcore_rebalanced"), 60, "a queue moved")[0]
    assert "from lcore 1 to lcore 2" in event["text"]
    assert set(pollers(r).values()) == {1, 2}
    load.passes(100)
    for other in others:
        other.end()
    loses_nothing(load)


@pytest.mark.parametrize("how", ["poll", "pause", "sleep"])
def test_after_a_rest_frames_pass_and_only_a_sleeper_sleeps(rig, how):
    r = two_workers(rig)
    r.daemon.ctl(f"set lcore idle {how}")
    for stream in range(1, 6):
        r.settle()  # silence on every port
        r.vm(1).send(stream=stream, count=10, src=guest_mac(1), dst=BROADCAST)
        assert r.vm(2).await_stream(stream, 10)["missing"] == 0
    slept = [c["sleeps"] for c in r.daemon.ctl("show lcore", json=True)]
    assert all(n > 0 for n in slept) if how == "sleep" else slept == [0, 0]


def woken(r):
    return sum(c["woken"] for c in r.daemon.ctl("show lcore", json=True))


def wakes(r, peer, src, streams):
    """One frame by peer reaches vm2.  @return: a worker was woken for it."""
    r.settle()
    before = woken(r)
    stream = next(streams)
    peer.send(stream=stream, count=1, src=src, dst=guest_mac(2))
    assert r.vm(2).await_stream(stream, 1)["missing"] == 0
    return woken(r) > before


@pytest.mark.parametrize("sender", ["guest", "wire"])
def test_a_sleeper_is_woken_by_whoever_sends(rig, sender):
    r = rig(peer_opts={"vm1": {"queues": 2}})
    r.learn_all()
    r.daemon.ctl("set lcore idle sleep")
    peer = r.vm(1) if sender == "guest" else r.far[0]
    src = guest_mac(1) if sender == "guest" else FAR_MAC
    streams = itertools.count(1)
    # A frame may come just when the worker looks by itself.
    wait_for(lambda: wakes(r, peer, src, streams), 30, "a frame that wakes the worker")


def test_a_sleeper_is_woken_by_a_guest_that_came_again(rig):
    r = rig()
    r.learn_all()
    r.daemon.ctl("set lcore idle sleep")
    streams = itertools.count(1)
    for _ in range(3):
        r.vm(1).restart()
        r.vm(1).wait_up()
        wait_for(lambda: wakes(r, r.vm(1), guest_mac(1), streams), 30, "a frame that wakes the worker")
