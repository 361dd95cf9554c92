# SPDX-License-Identifier: BSD-3-Clause
"""
Cable by cable: how the links of real drivers are noticed.

An 82574 (e1000e) on vfio-pci says that it has a link interrupt, and none ever comes; nor does QEMU's
vmxnet3 let its driver see one. A virtio-net's comes.
"""

import pytest
from guestrig.process import wait_until

SILENT = ("e1000e", "vmxnet3")
HONEST = "virtio-net-pci"

# Under emulation, with a command in the machine for each look.
SOON = 5.0


def move_all(m):
    """Each cable out and in again."""
    return [m.seconds_to(index, up, limit_s=SOON) for index in (0, 1) for up in (False, True)]


def watched_by(m, index=0):
    return m.members()[m.devices[index]]["link_watch"]


@pytest.mark.parametrize("model", SILENT)
def test_auto_finds_out_that_the_interrupt_does_not_come(machines, model):
    m = machines.get(model)
    m.start("mode=active-backup,primary=0000:00:10.0")
    assert watched_by(m) == "interrupt" and not m.events("link_interrupt_missing")
    m.vm.sh("sleep 4")  # what changes just after a start proves nothing
    m.seconds_to(0, False, SOON)
    wait_until("the event", SOON, lambda: m.events("link_interrupt_missing"))
    assert [e["object"] for e in m.events("link_interrupt_missing")] == [m.devices[0]]
    assert watched_by(m, 0) == "poll" and watched_by(m, 1) == "interrupt"
    active = m.ctl("show bonding config bond0", as_json=True)["active_member"]
    assert active == m.devices[1]
    m.seconds_to(0, True, SOON)
    m.seconds_to(1, False, SOON)
    m.seconds_to(1, True, SOON)
    wait_until("the other's event", SOON, lambda: len(m.events("link_interrupt_missing")) == 2)
    move_all(m)


@pytest.mark.parametrize("model", [*SILENT, HONEST])
def test_poll_notices_each_cable(machines, model):
    m = machines.get(model)
    m.start("mode=active-backup,link_detect=poll,mon_period=20")
    assert {watched_by(m, i) for i in (0, 1)} == {"poll"}
    move_all(m)
    assert not m.events("link_interrupt_missing")


@pytest.mark.parametrize("how", ["poll", "auto"])
def test_a_link_that_nobody_touches_stays_up(machines, how):
    """A driver that is asked by two threads at once may take one's question for the other's answer."""
    m = machines.get("e1000e")
    m.start(f"mode=active-backup,link_detect={how},mon_period=1")
    m.vm.sh("sleep 10")
    assert not m.events("member_down")


@pytest.mark.parametrize("how", ["auto", "interrupt", "poll,mon_period=1"])
def test_a_member_starts_anew_while_others_are_asked(machines, how):
    """An 82574 that is asked for its link while it starts does not start."""
    m = machines.get("e1000e")
    m.start(f"mode=active-backup,link_detect={how}")
    for _ in range(6):
        m.ctl(f"remove bonding member {m.devices[1]} bond0")
        m.ctl(f"add bonding member {m.devices[1]} bond0")
        wait_until("its link up", 15, lambda: m.link(1))
    assert {event["object"] for event in m.events("member_down")} <= {m.devices[1]}


def test_interrupt_alone_trusts_the_driver(machines):
    m = machines.get("e1000e")
    m.start("mode=active-backup,link_detect=interrupt")
    m.cable(0, False)
    m.vm.sh("sleep 3")
    assert m.link(0), "an interrupt came: this card is no example any more"
    # Said for one member, at run time, it is asked.
    m.ctl(f"set bonding member {m.devices[0]} bond0 link_detect=poll")
    wait_until("noticed", SOON, lambda: not m.link(0))
    assert watched_by(m, 0) == "poll" and watched_by(m, 1) == "interrupt"
    m.seconds_to(0, True, SOON)


def test_an_interrupt_that_comes_is_trusted(machines):
    m = machines.get(HONEST)
    m.start("mode=active-backup")
    m.vm.sh("sleep 4")
    move_all(m)
    m.vm.sh("sleep 1")
    assert not m.events("link_interrupt_missing")
    assert {watched_by(m, i) for i in (0, 1)} == {"interrupt"}


@pytest.mark.parametrize("model", [*SILENT, HONEST])
def test_a_member_that_is_added_later_is_watched_too(machines, model):
    m = machines.get(model)
    m.start("mode=active-backup", members=1)
    m.ctl(f"add bonding member {m.devices[1]} bond0")
    wait_until("its link up", 15, lambda: m.link(1))
    assert watched_by(m, 1) == "interrupt"
    m.vm.sh("sleep 4")
    m.seconds_to(1, False, SOON)
    m.seconds_to(1, True, SOON)
    m.vm.sh("sleep 1")
    assert bool(m.events("link_interrupt_missing")) == (model != HONEST)


def test_the_way_is_changed_while_the_bond_runs(machines):
    m = machines.get("e1000e")
    m.start("mode=active-backup,link_detect=interrupt")
    m.ctl("set bonding option bond0 link_detect=poll")
    wait_until("polled", 15, lambda: {watched_by(m, i) for i in (0, 1)} == {"poll"})
    wait_until("links up", 15, lambda: m.link(0) and m.link(1))
    move_all(m)
    m.ctl("set bonding option bond0 link_detect=auto")
    wait_until("by interrupt", 15, lambda: {watched_by(m, i) for i in (0, 1)} == {"interrupt"})
