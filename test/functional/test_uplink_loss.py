# SPDX-License-Identifier: BSD-3-Clause
"""uplink_down=link: a guest's link goes down with its bond, and comes back with it."""

import pytest

from bf import FAR_MAC, LOG_LINK_LOSS, CtlError, guest_mac, wait_for

LOG = LOG_LINK_LOSS + [r"^WARNING: guest_link_held: vm1: link held down: bond0 carries nothing$"]
FOLLOWS = {"vm1": "uplink_down=link"}


def guest(r, name="vm1"):
    return {g["name"]: g for g in r.daemon.ctl("show guest", json=True)}[name]


def findings(r):
    return {f["object"]: f["rule"] for f in r.daemon.ctl("show health", json=True)["findings"]}


def events(r, what):
    return [e["text"] for e in r.events(what)]


def reaches_far(r, stream, n=1):
    r.learn(r.vm(n), guest_mac(n))
    r.vm(n).send(stream=stream, count=32, src=guest_mac(n), dst=FAR_MAC)
    wait_for(lambda: sum(f.stream(stream)["received"] for f in r.alive()) >= 32, what="frames")


@pytest.mark.parametrize("knobs", [{}, {"packed_vq": 1}])
def test_the_link_follows_the_bond_down_and_up_again(rig, knobs):
    r = rig(guests=("vm1", "vm2"), guest_opts=FOLLOWS, peer_opts={"vm1": knobs}, log_allowed=LOG)
    assert not guest(r)["link_held"]
    for round_ in range(2):
        reaches_far(r, 10 + round_)
        r.far[0].kill()
        wait_for(lambda: r.member(1)["carries"], what="the other member")
        assert r.vm(1).is_up() and not guest(r)["link_held"], "one member is enough"
        r.far[1].kill()
        wait_for(lambda: guest(r)["link_held"], what="the link is held down")
        wait_for(lambda: not r.vm(1).is_up(), what="the front end sees it")
        assert r.vm(2).is_up(), "others keep their link"
        assert "Link held down: bond bond0 carries nothing" in r.daemon.ctl("show guest vm1")
        wait_for(lambda: findings(r).get("vm1") == "guest_link_held", what="said by health")
        for far in r.far:
            far.start()
            far.wait_up()
        r.vm(1).wait_up()
        wait_for(lambda: guest(r)["up"], what="connected again")
        assert not guest(r)["link_held"]
    assert events(r, "guest_link_free")[-2:] == ["link let go: bond0 carries again"] * 2
    assert 'bondfwd_guest_link_held{' in r.daemon.ctl("show metrics")


def test_a_moment_without_members_holds_no_link(rig):
    r = rig(guest_opts=FOLLOWS, log_allowed=LOG + [r"member_down: .* switched off"])
    # At the start the guest may have been there before the bond.
    before = guest(r)["connects"], events(r, "guest_link_held")
    r.daemon.ctl("set link-down port bond0")
    r.daemon.ctl("set link-up port bond0")
    wait_for(lambda: r.member(0)["carries"], what="up again")
    reaches_far(r, 5)
    assert (guest(r)["connects"], events(r, "guest_link_held")) == before


def test_at_the_start_the_link_waits_for_the_bond(rig):
    r = rig(start=False, guests=("vm1",), guest_opts=FOLLOWS, log_allowed=LOG)
    for far in r.far:
        far.kill()
    r.start(wait=False)
    r.daemon.wait_ready()
    wait_for(lambda: events(r, "guest_link_held"), what="said")
    assert events(r, "guest_link_held") == ["link held down: bond0 does not carry yet"]
    assert guest(r)["link_held"] and not guest(r)["up"]
    r.vm(1).ready()  # QEMU too waits for its first connection before it boots
    wait_for(lambda: not r.vm(1).is_up(), what="let go when it has a device")
    assert guest(r)["connects"] == 0
    for far in r.far:
        far.start()
        far.wait_up()
    r.vm(1).wait_up()
    r.learn_all()
    reaches_far(r, 3)


def test_the_key_takes_effect_at_run_time_and_only_for_its_guest(rig):
    r = rig(log_allowed=LOG)
    for far in r.far:
        far.kill()
    wait_for(lambda: not r.bond()["up"], what="the bond is down")
    r.daemon.ctl("set guest vm1 uplink_down=link")
    wait_for(lambda: guest(r)["link_held"], what="held")
    assert guest(r, "vm2")["up"] and "uplink_down=link" in r.daemon.ctl("show running-config")
    r.daemon.ctl("set guest vm1 uplink_down=keep")
    wait_for(lambda: guest(r)["up"], what="let go at once, though the bond is down")
    r.vm(1).wait_up()


def test_what_cannot_work_is_refused_in_words(rig):
    r = rig(guests=("vm1", "vm2"), guest_opts={"vm2": "mode=server"})
    with pytest.raises(CtlError, match='guest "vm2": uplink_down: "link": expected keep with '
                                       'mode=server: a front end that connects to us'):
        r.daemon.ctl("set guest vm2 uplink_down=link")
    with pytest.raises(CtlError, match='uplink_down: "drop": expected one of keep, link'):
        r.daemon.ctl("set guest vm1 uplink_down=drop")
