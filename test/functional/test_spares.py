# SPDX-License-Identifier: BSD-3-Clause
"""Spares: members that stand by until another is lost, in every mode but 802.3ad."""

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from bf import FAR_MAC, LOG_LINK_LOSS, CtlError, guest_mac, wait_for

VM = guest_mac(1)
LOAD_MODES = ["balance-rr", "balance-xor", "broadcast", "balance-tlb", "balance-alb"]


def frames(n=48):
    """Of many flows and stations."""
    return [bytes(Ether(src=f"52:54:{(7 * i) % 256:02x}:{(13 * i) % 256:02x}:00:{i:02x}", dst=FAR_MAC)
                  / IP(src=f"10.0.1.{i}", dst="10.0.0.254") / UDP(sport=1000 + i, dport=53)
                  / Raw(bytes(40))) for i in range(n)]


def used(r):
    """Members that frames of many flows leave by."""
    return sorted({m for got in r.carriers(frames()) for m in got})


def make_spare(r, i, value="on"):
    r.daemon.ctl(f"set bonding member {r.member_names[i]} bond0 spare={value}")


def findings(r, rule):
    return {f["object"]: f["text"] for f in r.daemon.ctl("show health", json=True)["findings"]
            if f["rule"] == rule}


def bond_state(r):
    return r.daemon.ctl("show health", json=True)["bonds"][0]["state"]


def with_spare(rig, mode, members=3, **options):
    r = rig(members=members, mode=mode, guests=("vm1",), log_allowed=LOG_LINK_LOSS, **options)
    r.learn_all()
    make_spare(r, members - 1)
    return r


@pytest.mark.parametrize("mode", LOAD_MODES)
def test_a_spare_joins_when_a_member_is_lost_and_leaves_when_it_is_back(rig, mode):
    r = with_spare(rig, mode)
    assert used(r) == [0, 1]
    assert r.member(2)["standby"] and not r.member(2)["carries"]
    assert r.bond()["standby_members"] == [r.bond()["members"][2]]
    assert "net_vhost2" in r.daemon.ctl("show bonding config bond0") and \
        "standby (spare)" in r.daemon.ctl("show bonding config bond0")
    wait_for(lambda: bond_state(r) == "redundant", what="redundant with a spare that stands by")
    r.far[1].kill()
    wait_for(lambda: r.member(2)["stands_in"], what="the spare serves")
    assert used(r) == [0, 2]
    assert r.events("spare_joined")[-1]["text"] == "in place of net_vhost1"
    wait_for(lambda: "net_vhost1" in findings(r, "spare_in_use").get("net_vhost2", ""), what="said")
    assert bond_state(r) == "degraded"
    r.far[1].start()
    r.far[1].wait_up()
    wait_for(lambda: r.member(2)["standby"], what="the spare stands by again")
    assert used(r) == [0, 1]
    assert r.events("spare_left")[-1]["text"] == "stands by again"
    wait_for(lambda: not findings(r, "spare_in_use"), what="over")


def test_in_active_backup_a_spare_is_chosen_last_whatever_its_priority(rig):
    r = with_spare(rig, "active-backup")
    r.daemon.ctl("set bonding priority net_vhost2 bond0 100")
    assert used(r) == [0]
    r.far[0].kill()
    wait_for(lambda: used(r) == [1], what="the other one")
    r.far[1].kill()
    wait_for(lambda: used(r) == [2], what="the spare")
    wait_for(lambda: findings(r, "spare_in_use"), what="said")
    r.far[0].start()
    r.far[0].wait_up()
    wait_for(lambda: used(r) == [0], what="a member that is no spare")
    assert r.member(2)["standby"]


def test_the_flows_of_the_lost_member_go_to_the_spare_and_others_stay(rig):
    r = with_spare(rig, "balance-xor")
    before = r.carriers(frames())
    r.far[1].kill()
    wait_for(lambda: r.member(2)["stands_in"], what="the spare serves")
    after = r.carriers(frames())
    assert [got for was, got in zip(before, after) if was == [0]].count([0]) == before.count([0])
    assert after.count([2]) == before.count([1])


def test_one_spare_for_each_lost_member_and_the_one_of_higher_priority_first(rig):
    r = rig(members=4, mode="balance-xor", guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    for i in (2, 3):
        make_spare(r, i)
    r.daemon.ctl("set bonding priority net_vhost3 bond0 10")
    assert used(r) == [0, 1]
    r.far[0].kill()
    wait_for(lambda: used(r) == [1, 3], what="one spare")
    r.far[1].kill()
    wait_for(lambda: used(r) == [2, 3], what="two spares")
    r.far[0].start()
    r.far[0].wait_up()
    wait_for(lambda: len(used(r)) == 2 and 0 in used(r), what="one spare again")


@pytest.mark.parametrize("mode,taken", [("balance-xor", True), ("balance-tlb", False),
                                        ("broadcast", False), ("active-backup", False)])
def test_frames_from_a_spare_are_taken_only_where_the_switch_has_a_static_lag(rig, mode, taken):
    r = with_spare(rig, mode)
    before = r.daemon.ledger().by_reason.get("inactive_member", 0)
    with r.taking(32):
        r.far[2].send(stream=7, count=32, src=FAR_MAC, dst=VM)
    assert r.vm(1).stream(7)["received"] == (32 if taken else 0)
    dropped = r.daemon.ledger().by_reason.get("inactive_member", 0) - before
    assert dropped == (0 if taken else 32)


@pytest.mark.parametrize("mode", ["balance-xor", "balance-tlb", "balance-rr"])
def test_nothing_is_lost_while_members_and_spares_take_turns(rig, mode):
    r = with_spare(rig, mode)
    count = 0
    for command in ["set bonding drain net_vhost1 bond0", "set bonding undrain net_vhost1 bond0",
                    "set bonding member net_vhost1 bond0 spare=on",
                    "set bonding member net_vhost2 bond0 spare=off",
                    "set bonding member net_vhost1 bond0 spare=off"]:
        r.vm(1).send(stream=9, first=count, count=400, src=VM, dst=FAR_MAC, flows=64, wait=False)
        r.daemon.ctl(command)
        count += 400
        r.vm(1).cmd("wait", timeout=30000)
        wait_for(lambda: sum(r.spread(9)) == count, what=f"{count} frames")
    assert used(r) == [0, 1, 2]
    assert sum(r.spread(9)) == count


def test_a_dead_spare_is_a_finding_and_replaces_nobody(rig):
    r = with_spare(rig, "balance-xor")
    r.far[2].kill()
    wait_for(lambda: findings(r, "member_out").get("net_vhost2") == "no link: spare of bond0",
             what="said")
    assert bond_state(r) == "degraded" and used(r) == [0, 1]
    assert not r.member(2)["standby"]


def test_up_and_down_delay_decide_when_a_spare_joins_and_leaves(rig):
    r = with_spare(rig, "balance-xor")
    r.daemon.ctl("set bonding option bond0 down_delay=600000,up_delay=600000")
    r.far[1].kill()
    wait_for(lambda: not r.member(1)["link"], what="link down")
    assert r.member(2)["standby"], "the member is not lost yet"
    r.daemon.ctl("set bonding option bond0 down_delay=0")
    wait_for(lambda: r.member(2)["stands_in"], what="the spare serves")
    r.far[1].start()
    r.far[1].wait_up()
    wait_for(lambda: r.member(1)["link"], what="link up")
    assert r.member(2)["stands_in"], "the member is not back yet"
    r.daemon.ctl("set bonding option bond0 up_delay=0")
    wait_for(lambda: r.member(2)["standby"], what="the spare stands by")


def test_a_path_without_a_member_names_the_spare(rig):
    r = with_spare(rig, "balance-xor", members=2)
    words = f"src-mac {VM} dst-mac {FAR_MAC}"
    assert r.daemon.ctl(f"show bonding path bond0 {words}", json=True)["member"] == "net_vhost0"
    assert r.daemon.ctl(f"show bonding path bond0 {words} without net_vhost0",
                        json=True)["member"] == "net_vhost1"
    assert not r.member(1)["carries"]


def test_what_cannot_be_is_refused_in_words(rig):
    r = with_spare(rig, "balance-xor")
    ctl = r.daemon.ctl
    with pytest.raises(CtlError, match=r'member: "net_vhost2": is on standby \(spare\)'):
        ctl("test failover bond0 member net_vhost2")
    ctl("set bonding option bond0 min_links=2")
    with pytest.raises(CtlError, match='max_links: "1": expected 0, or at least min_links 2'):
        ctl("set bonding lacp max_links bond0 1")
    with pytest.raises(CtlError, match=r'min_links: "3": expected 0 to 2 \(members of bond0 that '
                                       r'are no spares\)'):
        ctl("set bonding lacp min_links bond0 3")
    with pytest.raises(CtlError, match='max_links: "17": expected 0 to 16'):
        ctl("set bonding lacp max_links bond0 17")
    with pytest.raises(CtlError, match='primary: "net_vhost2": is a spare'):
        ctl("set bonding primary net_vhost2 bond0")
    ctl("set bonding option bond0 min_links=0")
    make_spare(r, 0)
    with pytest.raises(CtlError, match="every member of bond0 is a spare"):
        make_spare(r, 1)
    config = ctl("show running-config")
    assert "net_vhost2 bond0 spare=on" in config
    assert r.bond()["options"]["max_links"] == "0"
