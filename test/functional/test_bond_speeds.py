# SPDX-License-Identifier: BSD-3-Clause
"""Members of unequal speed: net_vhost says 10 Gbit/s, net_memif 100."""

import pytest

from bf import FAR_MAC, LOG_LINK_LOSS, Peer, guest_mac, wait_for

VM = guest_mac(1)
SLOW, FAST = "net_vhost0", "net_memif0"
LOG_SPEEDS = [  # the bonding PMD's opinion in mode 4, and that net_memif knows no allmulticast
    r"^bond_ethdev_lsc_event_callback\(\d+\) - Invalid link properties",
    r"^bond_\w+\(\d+\) - [Ff]ailed to enable allmulti mode for port 1:",
    r"^WARNING: member_down: net_memif0: switched off$", *LOG_LINK_LOSS]
STREAMS = iter(range(100, 60000))


@pytest.fixture
def unequal(rig, workdir):
    def build(mode, bond=""):
        socket = f"{workdir}/fast.sock"
        memif = f"net_memif0,socket={socket},socket-abstract=no,role="
        fast = Peer(workdir, "fast", socket, mtu=1500, dev=memif + "server")
        r = rig(members=1, vdevs=[memif + "client"], mode=mode, mtu=1500, guests=("vm1",),
                bond=bond, log_allowed=LOG_SPEEDS)
        r.far.append(fast)
        wait_for(r.members_settled, what="both members in service")
        return r
    return build


def is_active(r, member):
    wait_for(lambda: r.bond()["active_member"] == member, 5, f"{member} active")


def test_the_speed_of_every_member_is_shown(unequal):
    r = unequal("balance-xor")
    assert {m["name"]: m["speed_mbps"] for m in r.bond()["member_details"]} == {SLOW: 10000,
                                                                                FAST: 100000}


def test_reselect_better_takes_the_faster_member_and_not_the_slower(unequal):
    r = unequal("active-backup", bond=f",primary={FAST},primary_reselect=better")
    r.daemon.ctl(f"set bonding primary {SLOW} bond0")
    r.learn(r.far[1], FAR_MAC)
    r.vm(1).send(stream=1, count=100, src=VM, dst=FAR_MAC)
    r.settle()
    assert r.spread(1) == [0, 100] and r.bond()["active_member"] == FAST
    r.daemon.ctl("set bonding option bond0 primary_reselect=always")
    is_active(r, SLOW)
    r.daemon.ctl("set bonding option bond0 primary_reselect=better")
    r.daemon.ctl(f"set bonding primary {FAST} bond0")
    is_active(r, FAST)


def test_rebalancing_fills_members_by_their_speed(unequal):
    r = unequal("balance-xor", bond=",rebalance=on,rebalance_interval=500,mac_move_budget=100000")
    r.learn_all()

    def shares():
        r.vm(1).send(stream=next(STREAMS), count=512, src=VM, dst=FAR_MAC, flows=61, size=1400)
        shown = r.daemon.ctl("show bonding balance bond0", json=True)
        return {m["name"]: m["share"] for m in shown["members"]}, shown

    wait_for(lambda: shares()[0][FAST] > 0.8, 20, "the fast member carrying most")
    assert shares()[1]["moves"] > 0


def test_flows_of_the_fast_member_survive_its_loss_and_come_back(unequal):
    r = unequal("balance-xor")
    r.learn_all()
    r.daemon.ctl(f"set link-down port {FAST}")
    wait_for(lambda: not r.member(1)["link"], what="fast member off")
    r.vm(1).send(stream=1, count=200, src=VM, dst=FAR_MAC, flows=61)
    r.settle()
    assert r.spread(1) == [200, 0]
    r.daemon.ctl(f"set link-up port {FAST}")
    wait_for(lambda: r.member(1)["usable"], what="fast member on")
    r.vm(1).send(stream=2, count=610, src=VM, dst=FAR_MAC, flows=61)
    r.settle()
    slow, fast = r.spread(2)
    assert slow + fast == 610 and min(slow, fast) > 0
