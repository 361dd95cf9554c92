# SPDX-License-Identifier: BSD-3-Clause
"""Members that lose their link: traffic moves, and comes back."""

import pytest

from bf import FAR_MAC, LOG_LINK_LOSS, guest_mac, wait_for

VM = guest_mac(1)


def reaches_far(r, stream, alive):
    """A burst of a guest arrives at the living far peers."""
    stream_of = iter(range(stream, 0xff00))

    def once():
        s = next(stream_of)
        r.vm(1).send(stream=s, count=32, src=VM, dst=FAR_MAC, flows=32)
        for f in alive:
            f.settle(10)
        return sum(f.stream(s)["received"] for f in alive) == 32
    wait_for(once, what=f"frames on {[f.name for f in alive]}")
    return next(stream_of)


def reaches_guest(r, stream, far):
    stream_of = iter(range(stream, 0xff00))

    def once():
        s = next(stream_of)
        far.send(stream=s, count=32, src=FAR_MAC, dst=VM)
        r.vm(1).settle(10)
        return r.vm(1).stream(s)["received"] == 32
    wait_for(once, what=f"frames from {far.name}")
    return next(stream_of)


@pytest.mark.parametrize("mode", ["active-backup", "balance-rr"])
def test_traffic_moves_when_a_member_loses_its_link_and_both_come_back(rig, mode):
    r = rig(mode=mode, log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    stream = reaches_far(r, 1, r.far)
    for lost in (0, 1):
        other = r.far[1 - lost]
        r.far[lost].kill()
        stream = reaches_far(r, stream, [other])
        stream = reaches_guest(r, stream, other)
        r.far[lost].start()
        r.far[lost].wait_up()
        stream = reaches_far(r, stream, r.far)
    if mode == "balance-rr":
        wait_for(lambda: all(m["sending"] for m in members(r)), what="both members in service")


def members(r):
    return r.bond()["member_details"]


def test_only_the_active_member_receives_and_sends_in_active_backup(rig):
    r = rig(log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    r.vm(1).send(stream=1, count=200, src=VM, dst=FAR_MAC, flows=50)
    r.settle()
    used = [f.stream(1)["received"] for f in r.far]
    assert sorted(used) == [0, 200]
    backup = r.far[used.index(0)]
    backup.send(stream=2, count=200, src=FAR_MAC, dst=VM)
    r.settle()
    assert r.vm(1).stream(2)["received"] == 0


def test_no_member_left_is_counted_and_survived(rig):
    r = rig(log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    for f in r.far:
        f.kill()
    wait_for(lambda: not any(m["link"] for m in members(r)), what="both links down")
    before = r.daemon.drops().get("no_member", 0)
    r.vm(1).send(stream=1, count=100, src=VM, dst=FAR_MAC)
    wait_for(lambda: r.daemon.drops().get("no_member", 0) - before >= 100, what="drops counted")
    for f in r.far:
        f.start()
    for f in r.far:
        f.wait_up()
    reaches_far(r, 2, r.far)


def test_the_primary_takes_over_again(rig):
    r = rig(bond=",primary=net_vhost1", log_allowed=LOG_LINK_LOSS)
    r.learn(r.far[1], FAR_MAC)
    r.learn(r.vm(1), VM)
    stream = reaches_far(r, 1, [r.far[1]])
    r.far[1].kill()
    stream = reaches_far(r, stream, [r.far[0]])
    r.far[1].start()
    r.far[1].wait_up()
    reaches_far(r, stream, [r.far[1]])


def test_guests_are_announced_on_the_new_member(rig):
    r = rig(log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    r.vm(1).send(stream=1, count=1, src=VM, dst=FAR_MAC)
    r.settle()
    active = [f for f in r.far if f.stream(1)["received"]][0]
    other = [f for f in r.far if f is not active][0]
    other.capture(64, match="other")
    active.kill()
    announced = set()

    def both_announced():
        announced.update(f[6:12] for f in other.captured())
        return announced >= {bytes.fromhex(guest_mac(i).replace(":", "")) for i in (1, 2)}
    wait_for(both_announced, what="announcements of both guests")
