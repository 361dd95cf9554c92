# SPDX-License-Identifier: BSD-3-Clause
"""What the partner is told when a member goes, and how soon it is found when it comes back.

The partner is scripted.  Its cables keep their links whatever bondfwd does to its end: what the
partner knows it has from LACPDUs alone.
"""

import contextlib
import pathlib
import threading
import time

import pytest
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from bf import FAR_MAC, guest_mac, mac_bytes, wait_for
from lacp_partner import (  # noqa: F401 (fixtures)
    COLLECTING, DISTRIBUTING, FORWARDING, SYNC, lacp, net, partner)

SLACK = 0.5  # seconds that a busy machine may add
LOG = [r"^WARNING: mode_(undone|in_force): ", r"^WARNING: member_drained: ", r"^bond_\w+\(\d+\)",
       r"^eth_\w+\(\)"]


def in_service(lacp, partner, **options):  # noqa: F811
    r = lacp(kind="bridged", log_allowed=LOG, **options)
    p = partner(r.far())
    settled(r, p)
    return r, p


def settled(r, p):
    r.wait_distributing(range(len(r.cables)))
    wait_for(lambda: all(port.hears_sync() for port in p.ports), what="partner hears sync")


def is_told(port):
    """Neither in sync nor collecting nor distributing: whatever its kind, a partner leaves."""
    return not port.seen.state & FORWARDING


def wait_told(ports, limit=1 + SLACK):
    wait_for(lambda: all(map(is_told, ports)), limit, "the partner is told")


# ---- below min_links ----

def test_below_min_links_the_partner_is_told_and_the_bond_comes_up_again(lacp, partner):
    r, p = in_service(lacp, partner, knobs="lacp_rate=fast,min_links=2")
    p.ports[0].muted = True
    r.wait_distributing([], 3.5 + SLACK)
    wait_told([p.ports[1]])
    r.wait_reason(1, "min_links", "1 of 2")
    assert not r.member(1)["collecting"] and not r.info()["carrier"]
    p.ports[0].muted = False
    settled(r, p)
    p.ports[0].sync = False  # a partner that keeps a port out is left with the other one too
    wait_told([p.ports[1]])
    assert r.distributing() == []
    p.ports[0].sync = True
    settled(r, p)


# ---- planned ----

LEAVINGS = {
    "link-down of a member": ("set link-down port {member}", [0]),
    "link-down of the bond": ("set link-down port bond0", [0, 1]),
    "removal of a member": ("remove bonding member {member} bond0", [0]),
    "removal of the bond": ("remove bonding device bond0", [0, 1]),
    "another mode": ("set bonding mode balance-xor bond0", [0, 1]),
    "drain": ("set bonding drain {member} bond0", [0]),
    "drain by its key": ("set bonding member {member} bond0 drained=on", [0]),
}


@pytest.mark.parametrize("how, rate", [
    *((how, "fast") for how in LEAVINGS), ("drain", "slow"),
    *(pytest.param(how, "slow", marks=pytest.mark.long) for how in LEAVINGS if how != "drain")])
def test_a_last_pdu_without_sync_goes_before_every_planned_leaving(lacp, partner, how, rate):
    r, p = in_service(lacp, partner, knobs=f"lacp_rate={rate}")
    command, gone = LEAVINGS[how]
    r.daemon.ctl(command.format(member=r.cables[0].member))
    wait_told([p.ports[i] for i in gone])
    assert all(p.ports[i].hears_sync() for i in {0, 1} - set(gone))
    if "device" in command:
        r.rig.check_balance = lambda: None  # the pools of the bond are gone


@pytest.mark.parametrize("what", ["member", "bond"])
def test_link_up_brings_back_what_link_down_took(lacp, partner, what):
    r, p = in_service(lacp, partner)
    name = r.cables[0].member if what == "member" else "bond0"
    for _ in range(2):
        r.daemon.ctl(f"set link-down port {name}")
        wait_told(p.ports[:1])
        r.wait_distributing([1] if what == "member" else [], 2)
        r.daemon.ctl(f"set link-up port {name}")
        settled(r, p)


def test_a_file_that_is_loaded_tells_the_partner_too(lacp, partner, workdir):
    r, p = in_service(lacp, partner)
    lines = r.daemon.ctl("show running-config").splitlines()
    file = pathlib.Path(workdir) / "drained.conf"
    file.write_text("\n".join(lines[:-1] + [
        f"set bonding member {r.cables[0].member} bond0 drained=on", lines[-1], ""]))
    r.daemon.ctl(f"load {file}")
    wait_told(p.ports[:1])


def data(n):
    return mac_bytes(guest_mac(1)) + mac_bytes(FAR_MAC) + b"\x88\xb5" + n.to_bytes(4, "big") + bytes(50)


def member_events(r, what):
    return [e["text"] for e in r.events(what) if e["object"] == r.cables[0].member]


def test_draining_drains_both_directions_loses_nothing_and_says_when_it_is_empty(lacp, partner):
    r, p = in_service(lacp, partner)
    r.rig.learn(r.rig.vm(1), guest_mac(1))
    got = lambda: r.rig.daemon.ctl("show port stats vm1", json=True)[0]["tx_packets"]  # noqa: E731
    before, sent = got(), 0
    r.daemon.ctl(f"set bonding drain {r.cables[0].member} bond0")
    start = time.monotonic()
    while time.monotonic() < start + 2:  # a partner that takes its time
        p.ports[0].voice.send(data(sent))
        sent += 1
        wait_for(lambda: got() == before + sent, 5, "a frame of the drained member is taken")
    assert is_told(p.ports[0]) and r.distributing() == [1]
    assert r.member(0)["why"] == "held"
    assert "inactive_member" not in r.daemon.drops("bond0")
    wait_for(lambda: any("empty" in t for t in member_events(r, "member_drained")), 5, "said so")
    wait_for(lambda: not r.member(0)["collecting"], 2, "nothing is taken any more")
    r.daemon.ctl(f"set bonding undrain {r.cables[0].member} bond0")
    settled(r, p)
    r.daemon.ctl(f"set bonding drain {r.cables[0].member} bond0")
    r.wait_distributing([1], 2)
    p.ports[1].muted = True  # the other one fails: a drained member is better than none
    r.wait_distributing([0], 3.5 + 3 + SLACK)


@contextlib.contextmanager
def sending(port):
    """Data frames of a port, however long the test waits for something else."""
    end = threading.Event()

    def send():
        while not end.wait(0.02):
            port.voice.send(data(0))
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_partner_that_sends_on_is_named(lacp, partner):
    r, p = in_service(lacp, partner)
    r.daemon.ctl(f"set bonding drain {r.cables[0].member} bond0")

    with sending(p.ports[0]):
        wait_for(lambda: any("still sends" in t for t in member_events(r, "member_drained")), 15,
                 "the partner is named")
    assert not any("empty" in t for t in member_events(r, "member_drained"))


def test_draining_below_min_links_waits_for_others(lacp, partner):
    r, p = in_service(lacp, partner, knobs="lacp_rate=fast,min_links=2")
    r.daemon.ctl(f"set bonding drain {r.cables[0].member} bond0")
    assert r.distributing() == [0, 1] and all(port.hears_sync() for port in p.ports)
    r.set("min_links", 1)
    wait_told(p.ports[:1])


def test_a_quick_restart_is_no_end_for_the_partner(lacp, partner):
    r, p = in_service(lacp, partner)
    heard = len(p.ports[0].got)
    assert r.daemon.stop() == 0
    assert all(actor.state & SYNC for _, actor, _ in p.ports[0].got[heard - 1:])
    r.rig.is_finished = True


# ---- coming back ----

@pytest.mark.alone
@pytest.mark.parametrize("silent", [5, pytest.param(10, marks=pytest.mark.long)])
@pytest.mark.parametrize("rate", ["fast", "slow"])
def test_a_partner_that_comes_back_over_a_link_that_stayed_is_in_use_within_3_s(
        lacp, partner, silent, rate):
    r, p = in_service(lacp, partner)
    for port in p.ports:
        port.muted = True
    r.wait_distributing([], 3.5 + SLACK)
    since = time.monotonic()
    wait_for(lambda: time.monotonic() > since + silent, silent + 5, "time")
    for port in p.ports:  # as Linux does: it speaks every 30 s, and when it hears something new
        port.due = time.monotonic() + 30
        port.actor.state = port.state()
        port.base &= ~2 if rate == "slow" else 0xff
        port.actor.state = port.state()
        port.muted = False
    back = time.monotonic()
    r.wait_distributing([0, 1], 3 + SLACK)
    assert time.monotonic() - back <= 3 + SLACK


# ---- priority tags ----

def test_a_partner_whose_pdus_have_a_priority_tag_is_heard(lacp, partner):
    r = lacp(kind="bridged", log_allowed=LOG)

    def tag(frame):
        return bytes(Ether(dst=frame[:6].hex(":"), src=frame[6:12].hex(":"))
                     / Dot1Q(vlan=0, prio=6, type=0x8809) / Raw(frame[14:]))
    p = partner(r.far())
    for port in p.ports:
        port.wrap = tag
    settled(r, p)
    assert r.daemon.drops("bond0").get("inactive_member", 0) == 0
    assert r.member(0)["counters"]["rx_errors"] == 0


# ---- on the way to LACP ----

def test_a_mode_change_to_lacp_says_what_is_in_force_and_that_lacp_took_over(lacp, partner):
    r = lacp(kind="bridged", log_allowed=LOG, mode="balance-xor", knobs="lacp_rate=fast")
    answer = r.daemon.ctl("set bonding mode 802.3ad bond0")
    assert "balance-xor stays in force until LACP distributes" in answer and "10 s" in answer
    shown = r.rig.bond()
    assert (shown["mode"], shown["mode_in_force"]) == ("802.3ad", "balance-xor")
    assert 0 < shown["mode_held_ms"] <= 10000
    assert "Mode in force: balance-xor" in r.daemon.ctl("show bonding config bond0")
    assert len(r.events("mode_held")) == 1
    p = partner(r.far())
    settled(r, p)
    wait_for(lambda: r.events("mode_in_force"), 3, "the end is said")
    assert r.rig.bond()["mode_in_force"] == "802.3ad"


def test_until_lacp_takes_over_a_failover_is_that_of_the_mode_in_force(lacp):
    r = lacp(kind="bridged", log_allowed=LOG, mode="active-backup", knobs="")
    r.reaches(r.far(0)[0])
    first, second = (cable.member for cable in r.cables)
    n = len(r.events("active_member"))
    r.daemon.ctl("set bonding mode 802.3ad bond0")
    path = "show bonding path bond0 src-mac 52:54:00:00:00:01 dst-mac 02:aa:00:00:00:01"
    for command in (path, "show bonding balance bond0"):
        assert r.daemon.ctl(command, json=True)["mode"] == "active-backup"
    r.daemon.ctl(f"set link-down port {first}")
    wait_for(lambda: len(r.events("active_member")) > n, 5, "the other member is active")
    assert r.events("active_member")[-1]["text"] == f"{second}, was {first}"
    assert r.daemon.ctl(path, json=True)["member"] == second
    wait_for(lambda: r.daemon.ctl("show bonding failover", json=True)[0]["announcements"] > 0, 5,
             "the guest is announced")
    assert r.rig.bond()["mode_held_ms"] > 0, "within the time in which the mode before is in force"


@pytest.mark.parametrize("command", [
    "set bonding mode 802.3ad bond0", "set bonding mode 802.3ad bond0 confirm 300",
    pytest.param("set bonding option bond0 mode=802.3ad", marks=pytest.mark.long)])
def test_without_a_partner_the_mode_goes_back_by_itself(lacp, command):
    r = lacp(kind="bridged", log_allowed=LOG, mode="active-backup", knobs="")
    answer = r.daemon.ctl(command)
    assert "If no partner speaks LACP within 10 s, it is the mode again" in answer
    r.reaches(r.far(0)[0])
    wait_for(lambda: r.rig.bond()["mode"] == "active-backup", 10 + 3, "the mode before")
    assert r.rig.bond()["mode_in_force"] == "active-backup"
    assert "no partner spoke LACP" in r.events("mode_undone")[-1]["text"]
    assert "active-backup" in r.daemon.ctl("show running-config")
    r.reaches(r.far(0)[0])
    if "confirm" in command:
        r.daemon.ctl("commit")


def test_with_fallback_a_member_forwards_and_the_mode_stays(lacp):
    r = lacp(kind="bridged", log_allowed=LOG, mode="active-backup", knobs="lacp_fallback=on")
    r.daemon.ctl("set bonding mode 802.3ad bond0")
    wait_for(lambda: r.events("mode_in_force"), 10 + 3, "the end is said")
    assert r.rig.bond()["mode"] == "802.3ad" and r.distributing() == [0]
