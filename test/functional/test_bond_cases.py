# SPDX-License-Identifier: BSD-3-Clause
"""Bond basics and static modes: the cases B-01 to B-26 that need no time and no second bond.

Members without frames are net_ring ports, whose links the console can switch; members with frames
are vhost peers, whose links go down with the peer.
"""

import pathlib
import subprocess

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from bf import (BROADCAST, FAR_MAC, LOG_LINK_LOSS, CtlError, guest_mac, mac_bytes, wait_for)
from fixtures import LOG_LACP, LOG_TAPS, Taps

VM, VM2 = guest_mac(1), guest_mac(2)
RINGS = [f"net_ring{i}" for i in range(4)]
LOG_RINGS = [r"^WARNING: member_down: net_ring\d: (link down|switched off)$",
             r"^WARNING: active_member: bond0: none, was net_ring\d$", *LOG_LACP]
# Said when such a mode lasts until bondfwd looks, once a second: slow machines get there.
LOG_ECHOES = [r"^WARNING: switch_without_lag: bond0: "]
ALL_MODES = ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
             "balance-alb"]


STREAMS = iter(range(1000, 60000))


def ring_rig(rig, n=3, mode="active-backup", **options):
    options.setdefault("guests", ())
    if n > 0:  # LACP needs an address, and net_ring ports have none
        options["bond"] = options.get("bond", "") + ",mac=02:00:00:00:00:01"
    return rig(members=0, vdevs=RINGS[:n], mode=mode, log_allowed=LOG_RINGS, **options)


def link(r, i, up):
    """Switch a ring's link and wait until the bond knows."""
    name = r.member_names[i]
    r.daemon.ctl(f"set link-{'up' if up else 'down'} port {name}")
    wait_for(lambda: r.member(i)["link"] == up, what=f"{name} link {up}")


def active(r):
    return r.bond().get("active_member")


def is_active(r, i):
    wait_for(lambda: active(r) == r.member_names[i], 5, f"{r.member_names[i]} active")
    return True


def refused(r, command, *words):
    """The command ends with an error whose text holds the words."""
    with pytest.raises(CtlError) as error:
        r.daemon.ctl(command)
    for word in words:
        assert word in error.value.text, error.value.text
    return error.value


def pilot(r):
    """One frame ahead: a worker that was not running takes up the newest tables after it."""
    with r.taking(1):
        r.vm(1).send(stream=next(STREAMS), count=1, src=VM, dst=FAR_MAC)


def from_guest(r, stream, count=300, **spec):
    """How a burst of the guest spreads over the far peers."""
    pilot(r)
    with r.taking(count):
        r.vm(1).send(stream=stream, count=count, src=VM, dst=FAR_MAC, **spec)
    return r.spread(stream)


def cut(r, i):
    r.far[i].kill()
    wait_for(lambda: not r.member(i)["link"], what=f"link {i} down")


def mend(r, i, expect_usable=True):
    r.far[i].start()
    r.far[i].wait_up()
    wait_for(lambda: r.member(i)["link"], what=f"link {i} up")
    if expect_usable:
        wait_for(lambda: r.member(i)["usable"], what=f"member {i} usable")


# ---- B-01, B-02, B-16, B-18: configuration ----

def test_B01_a_member_is_taken_once_and_mode_and_primary_show_at_once(rig):
    r = ring_rig(rig, 4)
    refused(r, "add bonding member net_ring1 bond0", "net_ring1", "twice")
    refused(r, "create bonding device 1 0 bond0", "bond0", "already in use")
    for mode in ALL_MODES:
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        assert r.bond()["mode"] == mode
    for number, mode in enumerate(ALL_MODES):
        r.daemon.ctl(f"set bonding mode {number} bond0")
        assert r.bond()["mode"] == mode
    r.daemon.ctl("set bonding mode active-backup bond0")
    r.daemon.ctl("set bonding primary net_ring2 bond0")
    assert r.bond()["options"]["primary"] == active(r) == "net_ring2"


def test_B01_the_last_member_may_leave_and_the_bond_stays_as_a_port_without_link(rig):
    r = rig(members=0, vdevs=RINGS[:2], log_allowed=LOG_RINGS)
    for name in RINGS[:2]:
        r.daemon.ctl(f"remove bonding member {name} bond0")
    assert r.bond()["open"] is False
    info = {p["name"]: p for p in r.daemon.ctl("show port summary all", json=True)}
    assert info.get("bond0", {}).get("link", False) in (False, "down")
    r.learn(r.vm(1), VM)
    r.learn(r.vm(2), VM2)
    tally = r.transfer(r.vm(1), r.vm(2), 1, 200, src=VM, dst=VM2)
    assert tally["missing"] == 0
    r.daemon.ctl("add bonding member net_ring1 bond0")
    assert [m["name"] for m in r.bond()["member_details"]] == ["net_ring1"]


def test_B01_the_mode_says_what_the_switch_must_have(rig):
    r = ring_rig(rig)
    for mode in ALL_MODES:
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        needs_lag = mode in ("balance-rr", "balance-xor", "802.3ad")
        hint = r.bond()["switch_side"]
        assert ("needs a" in hint) == needs_lag and ("must not have" in hint) != needs_lag, hint


def test_B16_a_bond_is_refused_as_member_in_every_mode(rig):
    r = ring_rig(rig)
    for mode in ALL_MODES:
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        refused(r, "add bonding member net_bonding_bond0 bond0", "is a bond")
    assert len(r.bond()["member_details"]) == 3


def test_B18_the_lists_of_members_match_after_every_step(rig):
    r = ring_rig(rig, 2)

    def check(names):
        bond = r.bond()
        assert [m["name"] for m in bond["member_details"]] == names
        assert bond["members"] == names
        assert [m["name"] for m in r.daemon.ctl("show bonding balance bond0",
                                                json=True)["members"]] == names
        running = r.daemon.ctl("show running-config")
        assert [x.split()[3] for x in running.splitlines() if x.startswith("add bonding")] == names

    for _ in range(2):
        check(["net_ring0", "net_ring1"])
        r.daemon.ctl("remove bonding member net_ring0 bond0")
        check(["net_ring1"])
        r.daemon.ctl("add bonding member net_ring0 bond0")
        check(["net_ring1", "net_ring0"])
        r.daemon.ctl("remove bonding device bond0")
        assert "bonding" not in r.daemon.ctl("show running-config")
        r.daemon.ctl("create bonding device 1 0 bond0")
        for name in ("net_ring0", "net_ring1"):
            r.daemon.ctl(f"add bonding member {name} bond0")


# ---- B-02, B-03, B-26: addresses, promiscuity and devices, seen from the kernel's side ----

@pytest.mark.parametrize("mode", ["balance-rr", "802.3ad"])
def test_B02_members_carry_the_bonds_mac_and_get_their_own_back(tap_rig, mode):
    r, taps = tap_rig(3, mode)
    first = r.bond()["mac"].lower()
    assert {taps.mac(i) for i in range(3)} == {first}
    r.daemon.ctl("set bonding mac_addr bond0 02:00:00:00:0a:0b")
    assert r.bond()["mac"].lower() == "02:00:00:00:0a:0b"
    assert {taps.mac(i) for i in range(3)} == {"02:00:00:00:0a:0b"}
    r.daemon.ctl("remove bonding member net_tap0 bond0")
    assert taps.mac(0) == first
    r.daemon.ctl("remove bonding member net_tap1 bond0")
    assert taps.mac(1) not in (first, "02:00:00:00:0a:0b")
    assert taps.mac(2) == "02:00:00:00:0a:0b"
    r.daemon.ctl("set bonding mac_addr bond0 none")
    assert taps.mac(2) == r.bond()["mac"].lower() != "02:00:00:00:0a:0b"
    r.daemon.ctl("set bonding mode balance-xor bond0")  # LACP keeps a frame of its own


def test_B02_an_empty_bond_has_no_address(rig):
    r = ring_rig(rig, 0)
    assert r.bond()["open"] is False and "mac" not in r.bond()


def test_B03_every_member_is_promiscuous_and_off_is_refused(tap_rig):
    r, taps = tap_rig(2, "active-backup")
    assert all(taps.is_promiscuous(i) for i in range(2))
    refused(r, "set promisc bond0 off", "promisc")
    r.daemon.ctl("set link-down port net_tap0")
    wait_for(lambda: active(r) == "net_tap1", 5, "failover")
    assert taps.is_promiscuous(1)


# net_tap says that it has a link interrupt, and tells nobody of a change: a card without one.

def member_of(r, i):
    return next(m for m in r.bond()["member_details"] if m["name"] == f"net_tap{i}")


def cable(taps, i, up):
    subprocess.run(["ip", "link", "set", taps.names[i], "up" if up else "down"], check=True)


def moved(r, taps, i, up):
    """While the bond takes a member, net_tap reads the device's flags and writes them back: it
    undoes a change that comes in between, so the cable is moved until it stays."""
    def has_moved():
        cable(taps, i, up)
        return member_of(r, i)["link"] == up
    wait_for(has_moved, 5, f"the cable {'in' if up else 'out'}")


@pytest.mark.parametrize("how", ["auto", "poll"])
def test_a_link_without_interrupt_is_noticed(tap_rig, how):
    r, taps = tap_rig(2, "active-backup", bond=f",link_detect={how}")

    def doubted(i):
        """What changes just after a start proves nothing: once more."""
        moved(r, taps, i, False)
        moved(r, taps, i, True)
        return how == "poll" or len(r.events("link_interrupt_missing")) == i + 1

    for i in (0, 1):
        wait_for(lambda n=i: doubted(n), 20, "the event")
        assert (member_of(r, i)["link_watch"], member_of(r, i)["link_interrupt_missing"]) == (
            "poll", how == "auto")
    assert len(r.events("link_interrupt_missing")) == (2 if how == "auto" else 0)


def test_how_links_are_watched_is_changed_for_a_member_while_the_bond_runs(tap_rig):
    r, taps = tap_rig(2, "active-backup")
    r.daemon.ctl("set bonding member net_tap1 bond0 link_detect=poll")
    wait_for(lambda: [member_of(r, i)["link_watch"] for i in (0, 1)] == ["interrupt", "poll"], 5)
    moved(r, taps, 1, False)
    moved(r, taps, 1, True)
    assert not r.events("link_interrupt_missing")
    assert "link_detect=poll" in r.daemon.ctl("show running-config")
    refused(r, "set bonding member net_tap1 bond0 link_detect=never", "link_detect", "never",
            "interrupt")


def test_B03_frames_to_foreign_addresses_are_received_before_and_after_a_failover(rig):
    r = rig(bond=",primary=none", log_allowed=LOG_LINK_LOSS)
    r.learn(r.vm(1), VM)
    first = r.member_names.index(active(r))
    for stream, far in enumerate((first, 1 - first), 1):
        is_active(r, far)
        r.far[far].send(stream=stream, count=20, src=FAR_MAC, dst="02:bb:00:00:00:99")
        assert r.vm(1).await_stream(stream, 20)["distinct"] == 20
        if stream == 1:
            cut(r, first)


def without_first_tap(tap_rig):
    """Two taps in active-backup, of which the active one's device has been deleted."""
    r, taps = tap_rig(2, "active-backup")
    r.learn(r.vm(1), VM)
    is_active(r, 0)
    subprocess.run(["ip", "link", "del", taps.names[0]], check=True)
    wait_for(lambda: active(r) == "net_tap1", 5, "failover from the deleted device")
    return r, taps


def expect_frame(r, taps, i):
    """A frame of the guest leaves on tap i."""
    with taps.socket(i) as heard:
        r.vm(1).send(stream=1, count=1, src=VM, dst=FAR_MAC)
        wait_for(lambda: mac_bytes(VM) in sniff(heard), 5, f"frame on tap {i}")


def test_B26_a_member_whose_device_is_deleted_is_left_and_survived(tap_rig):
    r, taps = without_first_tap(tap_rig)
    expect_frame(r, taps, 1)


def test_B26_a_device_is_detached_only_when_it_is_no_member_and_comes_back(rig):
    r = rig(members=0, vdevs=["net_null0", "net_null1"], mode="active-backup", guests=(),
            bond=",mac=02:00:00:00:00:01", log_allowed=[r"^EAL: [Ff]ailed to (parse|attach) device"])
    refused(r, "port detach net_null1", "net_null1", "member of bond0")
    refused(r, "port attach net_null1", "is there already")
    r.daemon.ctl("remove bonding member net_null1 bond0")
    r.daemon.ctl("port detach net_null1")
    refused(r, "add bonding member net_null1 bond0", "net_null1", "no such device")
    assert "net_null1" not in [p["name"] for p in r.daemon.ctl("show port summary all", json=True)]
    refused(r, "port attach net_nosuch0", "net_nosuch0")
    refused(r, "port attach net_bonding7,mode=1", "net_bonding7", "create bonding device")
    refused(r, "port detach bond0", "bond0", "is a bond")
    r.daemon.ctl("port attach net_null1")
    r.daemon.ctl("add bonding member net_null1 bond0")
    wait_for(lambda: r.member(1)["link"], what="link of the returned member")


def test_B26_a_tap_that_was_deleted_comes_back_into_the_bond(tap_rig):
    r, taps = without_first_tap(tap_rig)
    r.daemon.ctl("remove bonding member net_tap0 bond0")
    r.daemon.ctl("port detach net_tap0")
    r.daemon.ctl(f"port attach {taps.vdevs[0]}")
    r.daemon.ctl("add bonding member net_tap0 bond0")
    r.daemon.ctl("set bonding primary net_tap0 bond0")
    wait_for(lambda: active(r) == "net_tap0", 5, "the returned device is active")
    expect_frame(r, taps, 0)
    info = r.daemon.ctl("show port info net_tap0", json=True)[0]
    assert info["promiscuous"], "else a card would drop what is for guests"


def test_B26_a_card_that_takes_shorter_frames_than_those_there_joins_them(rig, workdir):
    """The PMD refuses it while it runs: the bond is opened anew, and its MTU stays."""
    taps = Taps(workdir, 1)
    r = rig(members=0, vdevs=["net_null0,no-rx=1"], mode="active-backup", guests=("vm1",), mtu=1500,
            log_allowed=LOG_TAPS)
    r.daemon.ctl(f"port attach {taps.vdevs[0]}")
    r.vdevs.append(taps.vdevs[0])
    r.daemon.ctl("add bonding member net_tap0 bond0")
    r.daemon.ctl("set bonding primary net_tap0 bond0")
    wait_for(lambda: active(r) == "net_tap0", 5, "it is active")
    expect_frame(r, taps, 0)
    assert (r.bond()["mtu"], r.bond()["n_members"]) == (1500, 2)


def test_B26_such_a_card_that_appears_by_itself_does_not_interrupt_the_others(rig, workdir):
    taps = Taps(workdir, 1)
    r = rig(members=0, vdevs=["net_null0,no-rx=1"], mode="active-backup", guests=(), bond=",member=net_tap0", mtu=1500,
            log_allowed=[*LOG_TAPS, "^WARNING: member_(missing|unfit): net_tap0: "])
    r.daemon.ctl(f"port attach {taps.vdevs[0]}")
    unfit = wait_for(lambda: r.events("member_unfit"), 40, "it is refused")
    assert "takes shorter frames than those that are there" in unfit[0]["text"]
    assert len(r.events("bond_opened")) == 1 and not r.events("member_down")
    r.vdevs.append(taps.vdevs[0])
    r.daemon.ctl("remove bonding member net_tap0 bond0")
    r.daemon.ctl("add bonding member net_tap0 bond0")
    assert len(r.events("bond_opened")) == 2 and "net_tap0" in [m["name"] for m in r.bond()["member_details"]]


def test_B26_a_member_that_was_switched_off_stays_so_when_the_bond_is_opened_anew(rig):
    r = ring_rig(rig, 2, mtu=1500)
    link(r, 0, False)
    r.daemon.ctl("set bonding option bond0 mtu=9000")
    assert len(r.events("bond_opened")) == 2
    assert not r.member(0)["link"] and r.member(1)["link"] and is_active(r, 1)
    # One that leaves and comes again is another matter.
    for name in reversed(r.member_names):
        r.daemon.ctl(f"remove bonding member {name} bond0")
    r.daemon.ctl(f"add bonding member {r.member_names[0]} bond0")
    wait_for(lambda: r.member(0)["link"], what="its link")


def test_B26_a_member_that_was_switched_off_stays_so_when_its_card_starts_anew(rig):
    r = ring_rig(rig, 2)
    link(r, 0, False)
    r.daemon.ctl(f"set bonding member {r.member_names[0]} bond0 offload=off")
    assert len(r.events("member_removed")) == 1 and r.bond()["n_members"] == 2
    assert not r.member(r.member_names.index(r.member_names[0]))["link"]
    link(r, 0, True)


def test_a_bond_stays_open_when_there_is_no_memory_to_open_it_anew(rig):
    """Guests keep the frames of the former one until they get others."""
    r = rig(guests=("vm1",), mtu=1500, memory=60)
    r.learn_all()
    refused(r, "set bonding option bond0 mtu=9216", "out of memory to open it anew", "expected more hugepages or -m")
    assert len(r.events("bond_opened")) == 1 and r.bond()["mtu"] == 1500
    assert sum(from_guest(r, 1, flows=10)) > 0


def sniff(heard):
    try:
        return heard.recv(2048)[6:12]
    except BlockingIOError:
        return b""


def test_B26_a_member_leaves_while_running_and_traffic_returns_with_it(rig):
    r = rig(mode="balance-xor", guests=("vm1",))
    r.learn_all()
    assert min(from_guest(r, 1, flows=100)) > 0
    r.daemon.ctl("remove bonding member net_vhost0 bond0")
    assert from_guest(r, 2, flows=100) == [0, 300]
    r.daemon.ctl("add bonding member net_vhost0 bond0")
    wait_for(lambda: r.member(0)["usable"], what="member back")
    spread = from_guest(r, 3, flows=100)
    assert sum(spread) == 300 and min(spread) > 0


# ---- B-04 to B-12: modes ----

def test_B04_round_robin_spreads_evenly_and_hears_every_member(rig):
    r = rig(members=3, mode="balance-rr", guests=("vm1",))
    r.learn_all()
    spread = from_guest(r, 1, count=100)
    assert sum(spread) == 100 and max(spread) - min(spread) <= 1
    for far in r.far:
        far.send(stream=2, first=10 * r.far.index(far), count=10, src=FAR_MAC, dst=VM)
    assert r.vm(1).await_stream(2, 30)["received"] == 30


def test_B05_round_robin_uses_the_living_members_evenly(rig):
    r = rig(members=3, mode="balance-rr", guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    cut(r, 1)
    spread = from_guest(r, 1, count=100)
    assert spread == [50, None, 50]
    mend(r, 1)
    spread = from_guest(r, 2, count=99)
    assert spread == [33, 33, 33]


def test_B06_all_members_down_counts_every_frame_and_the_first_link_brings_traffic_back(rig):
    r = rig(guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    for i in range(2):
        cut(r, i)
    assert any(e["text"].startswith("none") for e in r.events("active_member"))
    modes = [m for m in ALL_MODES if m != "802.3ad"]
    for mode in modes:
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        before = r.daemon.drops().get("no_member", 0)
        r.vm(1).send(stream=1, count=100, src=VM, dst=FAR_MAC)
        wait_for(lambda n=before: r.daemon.drops().get("no_member", 0) == n + 100, 5, "drops")
    mend(r, 1)
    for stream, mode in enumerate(modes, 2):
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        assert from_guest(r, stream, count=100) == [None, 100]


def test_B07_only_the_active_member_carries_and_hears(rig):
    r = rig(guests=("vm1",))
    r.learn_all()
    assert from_guest(r, 1, count=100, flows=50) == [100, 0]
    for i, far in enumerate(r.far):
        far.send(stream=10 + i, count=100, src=FAR_MAC, dst=VM)
    r.settle()
    assert [r.vm(1).stream(10 + i)["received"] for i in range(2)] == [100, 0]


def test_B08_the_old_member_is_silent_after_the_primary_changed(rig):
    r = rig(guests=("vm1",))
    r.learn_all()
    for stream, i in enumerate((1, 0, 1), 1):
        r.daemon.ctl(f"set bonding primary net_vhost{i} bond0")
        assert active(r) == f"net_vhost{i}"
        assert from_guest(r, stream, count=200, flows=50)[i] == 200


@pytest.mark.parametrize("primary", ["net_vhost0", "none"])
def test_B09_traffic_returns_to_a_primary_and_stays_without_one(rig, primary):
    r = rig(guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    r.daemon.ctl(f"set bonding primary {primary} bond0")
    cut(r, 0)
    is_active(r, 1)
    assert from_guest(r, 1, count=100) == [None, 100]
    mend(r, 0)
    back = primary != "none"
    is_active(r, 0 if back else 1)
    assert from_guest(r, 2, count=100) == ([100, 0] if back else [0, 100])


POLICIES = ["l2", "l23", "l34", "vlan+srcmac", "encap23", "encap34"]


def tuples():
    """What `show bonding path` is asked, and the frame it means."""
    pad = Raw(bytes(40))
    for i in range(6):
        mac = f"52:54:00:00:{0x40 + 7 * i:02x}:01"
        dst = f"02:aa:00:{5 * i:02x}:00:01"
        eth, words = Ether(src=mac, dst=dst), f"src-mac {mac} dst-mac {dst}"
        yield words, Ether(src=mac, dst=dst, type=0x88b6) / Raw(bytes(46))
        yield (f"{words} src-ip 10.1.0.{i} dst-ip 10.2.0.1 src-port {1000 + 300 * i} dst-port 80",
               eth / IP(src=f"10.1.0.{i}", dst="10.2.0.1") / TCP(sport=1000 + 300 * i) / pad)
        yield (f"{words} vlan {7 + i} src-ip 10.1.0.{i} dst-ip 10.2.0.{i} proto 17 src-port 9 "
               f"dst-port {5000 + i}", eth / Dot1Q(vlan=7 + i) / IP(
                   src=f"10.1.0.{i}", dst=f"10.2.0.{i}") / UDP(sport=9, dport=5000 + i) / pad)
        yield (f"{words} src-ip fd00::{i} dst-ip fd00::ff proto 17 src-port {i} dst-port 53",
               eth / IPv6(src=f"fd00::{i}", dst="fd00::ff") / UDP(sport=i, dport=53) / pad)


def path(r, words):
    answer = r.daemon.ctl(f"show bonding path bond0 {words}", json=True)
    return [r.member_names.index(answer["member"])]


def test_B10_each_frame_leaves_on_the_member_that_path_names(rig):
    r = rig(members=3, mode="balance-xor", guests=("vm1",))
    r.learn_all()
    asked, frames = zip(*tuples())
    for seed, policy in enumerate(POLICIES):
        r.daemon.ctl(f"set bonding option bond0 seed={seed},xmit_policy={policy}")
        pilot(r)
        want = [path(r, words) for words in asked]
        got = r.carriers(frames)
        wrong = [(a, g, w) for a, g, w in zip(asked, got, want) if g != w]
        assert not wrong, (policy, seed, len(wrong), wrong[:5])


def test_B10_a_lost_member_carries_nothing_and_nothing_is_lost(rig):
    r = rig(members=3, mode="balance-xor", guests=("vm1",),
            log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    assert sum(from_guest(r, 1, flows=100)) == 300
    cut(r, 2)
    spread = from_guest(r, 2, flows=100)
    assert spread[2] is None and sum(spread[:2]) == 300


FIELDS = {
    "dst_mac": lambda i: Ether(src=VM, dst=f"02:aa:00:00:02:{i:02x}") / IP(src="10.1.0.1",
                                                                           dst="10.2.0.1") / UDP(),
    "src_mac": lambda i: Ether(src=f"52:54:00:00:05:{i:02x}", dst=FAR_MAC) / IP(
        src="10.1.0.1", dst="10.2.0.1") / UDP(),
    "vlan": lambda i: Ether(src=VM, dst=FAR_MAC) / Dot1Q(vlan=1 + i) / IP(
        src="10.1.0.1", dst="10.2.0.1") / UDP(),
    "src_ip": lambda i: Ether(src=VM, dst=FAR_MAC) / IP(src=f"10.1.0.{i}", dst="10.2.0.1") / UDP(),
    "dst_ip6": lambda i: Ether(src=VM, dst=FAR_MAC) / IPv6(src="fd00::1", dst=f"fd00::{i:x}") /
    UDP(),
    "src_port": lambda i: Ether(src=VM, dst=FAR_MAC) / IP(src="10.1.0.1", dst="10.2.0.1") / TCP(
        sport=1000 + i),
    "dst_port": lambda i: Ether(src=VM, dst=FAR_MAC) / Dot1Q(vlan=9) / IP(
        src="10.1.0.1", dst="10.2.0.1") / TCP(dport=1000 + i),
    "port_behind_ip6_options": lambda i: Ether(src=VM, dst=FAR_MAC) / IPv6(
        src="fd00::1", dst="fd00::2", nh=60) / Raw(bytes([17, 0, 1, 4, 0, 0, 0, 0])) / Raw(
            bytes(UDP(sport=1000 + i, dport=7, len=8, chksum=1))),
}
PORTS = {"src_port", "dst_port", "port_behind_ip6_options"}
USED = {
    "l2": {"dst_mac", "src_mac"},
    "l23": {"dst_mac", "src_mac", "src_ip", "dst_ip6"},
    "l34": {"src_ip", "dst_ip6"} | PORTS,
    "vlan+srcmac": {"vlan", "src_mac"},
    "encap23": {"dst_mac", "src_mac", "src_ip", "dst_ip6"},
    "encap34": {"src_ip", "dst_ip6"} | PORTS,
}


def test_B11_the_spread_changes_with_the_fields_of_the_policy_only(rig):
    r = rig(mode="balance-xor", guests=("vm1",))
    r.learn_all()
    frames = {name: [make(i) / Raw(bytes([i]) * 40) for i in range(24)]
              for name, make in FIELDS.items()}
    used = {}
    for policy in POLICIES:
        r.daemon.ctl(f"set bonding xmit_policy bond0 {policy}")
        pilot(r)
        got = iter(r.carriers(sum(frames.values(), [])))
        used[policy] = set()
        for name in frames:
            members = [next(got) for _ in range(24)]
            assert all(len(m) == 1 for m in members), (policy, name, members)
            if len({m[0] for m in members}) > 1:
                used[policy].add(name)
    assert used == USED


def fragments(version, ident, vlan):
    """Three pieces of one UDP datagram, then a whole datagram of the same ports."""
    eth = Ether(src=VM, dst=FAR_MAC)
    eth = eth / Dot1Q(vlan=vlan) if vlan else eth
    udp = bytes(UDP(sport=1000 + ident, dport=2000, len=1000, chksum=1)) + bytes([ident]) * 72
    if version == 4:
        ip = [IP(src=f"10.1.0.{ident}", dst="10.2.0.1", id=ident, proto=17, flags=flags, frag=frag)
              for flags, frag in (("MF", 0), ("MF", 10), (0, 20))]
    else:
        ip = [IPv6(src=f"fd00::{ident:x}", dst="fd00::ffff") /
              IPv6ExtHdrFragment(nh=17, m=m, offset=o, id=ident) for m, o in
              ((1, 0), (1, 10), (0, 20))]
    return [eth / ip[0] / Raw(udp), eth / ip[1] / Raw(bytes([ident, 1] * 40)),
            eth / ip[2] / Raw(bytes([ident, 2] * 40))]


def test_B11_fragments_of_a_datagram_stay_together(rig):
    r = rig(members=3, mode="balance-xor", guests=("vm1",))
    r.learn_all()
    datagrams = [fragments(v, i, vlan) for v in (4, 6) for i in range(1, 13) for vlan in (0, 5)]
    for policy in POLICIES:
        r.daemon.ctl(f"set bonding xmit_policy bond0 {policy}")
        pilot(r)
        got = iter(r.carriers(sum(datagrams, [])))
        used = set()
        for pieces in datagrams:
            members = [next(got) for _ in pieces]
            assert members[0] == members[1] == members[2] and len(members[0]) == 1, members
            used.add(members[0][0])
        if policy not in ("l2", "vlan+srcmac"):
            assert used == {0, 1, 2}


def test_B12_broadcast_leaves_on_every_living_member(rig):
    r = rig(members=3, mode="broadcast", guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    assert from_guest(r, 1, count=100) == [100, 100, 100]
    cut(r, 1)
    assert from_guest(r, 2, count=100) == [100, None, 100]


@pytest.mark.parametrize("mode", ["balance-rr", "broadcast"])
def test_B13_a_full_member_costs_its_own_frames_only_and_they_are_counted(rig, mode):
    r = rig(mode=mode, guests=("vm1",))
    r.learn_all()
    r.far[0].stop_driver()
    count = 4000
    r.vm(1).send(stream=1, count=count, src=VM, dst=FAR_MAC, flows=64, rate=20000)
    r.settle()
    wait_for(lambda: r.daemon.drops().get("member_full", 0) > 0, 5, "drops counted")
    assert r.far[1].stream(1)["distinct"] == (count if mode == "broadcast" else count // 2)
    full = r.member(0)["tx_full"]
    sent = r.member(0)["tx_frames"]
    assert full == r.daemon.drops()["member_full"] > 0
    assert r.member(1)["tx_full"] == 0 and sent > 0
    r.far[0].start_driver()
    wait_for(lambda: sum(x or 0 for x in from_guest(r, next(STREAMS), 64, flows=64)) >= 64,
             what="the member takes frames again")


def test_B14_every_member_reports_but_the_bond_only_its_first_and_last_link(rig):
    r = ring_rig(rig, 4)
    for i in range(4):
        link(r, i, False)
    for i in range(4):
        link(r, i, True)
    assert [e["object"] for e in r.events("member_down")] == RINGS
    assert [e["object"] for e in r.events("member_up")] == RINGS + RINGS
    lost = [e["text"] for e in r.events("active_member")]
    assert sum(t.startswith("none") for t in lost) == 1 and sum("was none" in t for t in lost) == 2


def port_link(r):
    return {p["name"]: p for p in r.daemon.ctl("show port summary all", json=True)}["bond0"]


def test_B17_the_bond_has_a_link_when_a_member_has_one(rig):
    r = ring_rig(rig, 2, "balance-rr")
    shown = []
    for first, second in ((True, True), (True, False), (False, False), (False, True)):
        link(r, 0, first)
        link(r, 1, second)
        shown.append(str(port_link(r).get("link")).lower() in ("true", "up"))
        wait_for(lambda n=first + second: len(r.bond()["active_members"]) == n, 5, "active list")
    assert shown == [True, True, False, True]


def is_linked(r):
    return str(port_link(r).get("link")).lower() in ("true", "up")


def test_B17_the_matrix_of_what_is_switched_off_and_what_is_attached(rig):
    """VPP's test_bond_link: up only while the bond is on and a member that is on is attached."""
    r = ring_rig(rig, 2, "balance-rr")
    for bond_on in (True, False, True):
        r.daemon.ctl(f"set link-{'up' if bond_on else 'down'} port bond0")
        assert r.bond()["off"] is not bond_on
        for n_attached in (2, 1, 2):
            if n_attached == 1:
                r.daemon.ctl("remove bonding member net_ring1 bond0")
            elif "net_ring1" not in r.bond()["members"]:
                r.daemon.ctl("add bonding member net_ring1 bond0")
            for members_on in ((True,) * n_attached, (False,) * n_attached):
                for i, on in enumerate(members_on):
                    r.daemon.ctl(f"set link-{'up' if on else 'down'} port net_ring{i}")
                wait_for(lambda want=bond_on and members_on[0]: is_linked(r) is want, 5,
                         f"bond {bond_on}, {n_attached} attached, on {members_on}")
            for i in range(n_attached):
                r.daemon.ctl(f"set link-up port net_ring{i}")
    assert len(r.events("bond_off")) == 1 and len(r.events("bond_on")) == 1
    downs = r.events("member_down")
    assert {e["text"] for e in downs} == {"switched off"}


def test_B17_a_bond_that_is_off_carries_nothing_and_counts_it(rig):
    r = rig(guests=("vm1",), log_allowed=LOG_LINK_LOSS + [
        r"^WARNING: (member_down: net_vhost\d: switched off|active_member: bond0: none.*)$"])
    r.learn_all()
    before = r.daemon.drops().get("no_member", 0)
    r.daemon.ctl("set link-down port bond0")
    r.daemon.ctl("set link-down port bond0")
    wait_for(lambda: not is_linked(r), what="bond off")
    r.vm(1).send(stream=1, count=100, src=VM, dst=FAR_MAC)
    r.settle()
    assert r.spread(1) == [0, 0]
    assert r.daemon.drops()["no_member"] - before == 100
    assert "Switched off" in r.daemon.ctl("show bonding config bond0")
    r.daemon.ctl("set link-up port bond0")
    wait_for(lambda: r.member(0)["usable"], what="bond on")
    r.vm(1).send(stream=2, count=100, src=VM, dst=FAR_MAC)
    r.settle()
    assert sum(r.spread(2)) == 100
    refused(r, "set link-down port vm1", "vm1", "bond or a member")


# ---- B-19, B-22, B-23: who is the active one ----

def restart(r, how):
    if how == "kill":
        r.daemon.kill()
        for peer in r.peers():
            peer.restart()
    else:
        r.finish()
    r.start()


def config_rig(rig, workdir, primary="none", **options):
    config = pathlib.Path(f"{workdir}/b19.conf")
    config.write_text(f"""create bonding device active-backup 0 bond0
add bonding member net_vhost0 bond0
add bonding member net_vhost1 bond0
set bonding primary {primary} bond0
add guest vm1 socket={workdir}/vm1.sock
""")
    return rig(config=config, guests=("vm1",), **options)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_B19_the_active_member_survives_a_restart(rig, workdir, how):
    r = config_rig(rig, workdir)
    for i in (1, 0, 1):
        r.daemon.ctl(f"set bonding primary net_vhost{i} bond0")
        is_active(r, i)
        r.daemon.ctl("set bonding primary none bond0")
        restart(r, how)
        is_active(r, i)
        assert r.bond()["failovers"] <= 1  # the other link may have been up first
    r.learn(r.far[1], FAR_MAC)
    assert from_guest(r, 1, count=50)[1] == 50


def test_B19_a_primary_goes_before_what_was_active(rig, workdir):
    r = config_rig(rig, workdir, "net_vhost1")
    r.daemon.ctl("set bonding primary net_vhost0 bond0")
    is_active(r, 0)
    r.finish()
    r.start()
    is_active(r, 1)
    assert r.bond()["failovers"] <= 1


def test_B19_what_was_remembered_may_be_anything(rig, workdir):
    r = config_rig(rig, workdir, start=False)
    for text in (b"", b"bond0", b"bond0 net_vhost9\n", bytes(range(256)) * 40, b"bond0 " * 99):
        pathlib.Path(f"{workdir}/console.sock.active").write_bytes(text)
        r.start()
        wait_for(lambda: active(r) in r.member_names, what="an active member")
        r.finish()
        assert pathlib.Path(f"{workdir}/console.sock.active").read_text() in [
            f"bond0 {m}\n" for m in r.member_names]


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor"])
def test_B22_the_up_delay_is_ignored_when_nothing_else_is_left(rig, mode):
    r = ring_rig(rig, 2, mode)
    for delay in (0, 200, 500, 1000, 2000, 5000, 10000):
        r.daemon.ctl(f"set bonding option bond0 up_delay={delay}")
        link(r, 0, False)
        link(r, 1, False)
        link(r, 0, True)
        wait_for(lambda: r.member(0)["sending"], 0.4, "recovery from nothing is at once")
        link(r, 1, True)
        assert not r.member(1)["usable"] or delay < 2000
        link(r, 0, False)
        wait_for(lambda: r.member(1)["sending"], 0.4, "recovery in the middle of the delay")


def test_B22_the_up_delay_really_delays_use(rig):
    r = ring_rig(rig, 2, "balance-xor", bond=",up_delay=600")
    link(r, 0, False)
    link(r, 0, True)
    up = r.events("member_up")[-1]["mono_ms"]
    assert not r.member(0)["sending"]

    def used_at():
        now = r.daemon.ctl("show bonding config bond0", json=True)
        return now["member_details"][0]["sending"]
    wait_for(used_at, 5, "member in use after the delay")
    link(r, 1, False)
    assert r.events("member_down")[-1]["mono_ms"] - up >= 600


def test_B22_the_down_delay_keeps_a_member_through_a_short_loss(rig):
    r = ring_rig(rig, 2, "active-backup", bond=",down_delay=60000,primary=net_ring0")
    is_active(r, 0)
    link(r, 0, False)
    assert r.member(0)["usable"]
    link(r, 0, True)
    assert r.member(0)["usable"] and active(r) == "net_ring0"


def set_priorities(r, *values):
    for i, value in enumerate(values):
        r.daemon.ctl(f"set bonding priority net_ring{i} bond0 {value}")


# The kernel's bonding selftest: priorities 0, 10, 11, the second member is the primary.
# Each step: member, link, and who is active then with reselect always, better, failure.
RESELECT = ["always", "better", "failure"]
PRIORITY_STEPS = [(1, False, (2, 2, 2)), (2, False, (0, 0, 0)), (2, True, (2, 0, 0)),
                  (1, True, (1, 0, 0)), (0, False, (1, 1, 1))]


@pytest.mark.parametrize("mode", ["active-backup", "balance-tlb", "balance-alb"])
def test_B23_priority_primary_and_reselect_choose_as_linux_does(rig, mode):
    r = ring_rig(rig, 3, mode, bond=",primary=net_ring1")
    set_priorities(r, 0, 10, 11)
    got, want = {}, {}
    for column, reselect in enumerate(RESELECT):
        r.daemon.ctl("set bonding option bond0 primary_reselect=always")
        is_active(r, 1)
        r.daemon.ctl(f"set bonding option bond0 primary_reselect={reselect}")
        for member, up, active_now in PRIORITY_STEPS:
            link(r, member, up)
            step = (reselect, f"net_ring{member} {'up' if up else 'down'}")
            got[step], want[step] = active(r), f"net_ring{active_now[column]}"
        link(r, 0, True)
    wrong = {step: (got[step], want[step]) for step in want if got[step] != want[step]}
    assert not wrong, "step: (got, want)"


@pytest.mark.parametrize("mode", ["active-backup", "balance-alb"])
def test_B23_changed_priorities_count_at_the_next_choice(rig, mode):
    r = ring_rig(rig, 3, mode, bond=",primary=net_ring1")
    set_priorities(r, 1000000, 0, 5)
    assert active(r) == "net_ring1"
    link(r, 1, False)
    assert active(r) == "net_ring0"


# ---- B-20, B-21, S-11, X-14: copies and reflections ----

def flood_from_far(r, i, stream, src=FAR_MAC, count=20):
    r.far[i].send(stream=stream, count=count, src=src, dst=BROADCAST)


def test_B20_a_broadcast_on_every_member_is_delivered_once_without_a_lag(rig):
    r = rig(members=3, guests=("vm1",))
    r.learn(r.vm(1), VM)
    for stream, mode in enumerate(("active-backup", "balance-tlb", "balance-alb", "broadcast"), 1):
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        pilot(r)
        before = r.daemon.drops().get("duplicate", 0)
        for i in range(3):
            flood_from_far(r, i, stream)
        r.settle()
        tally = r.vm(1).stream(stream)
        assert (tally["received"], tally["duplicates"]) == (20, 0), mode
        if mode != "active-backup":
            assert r.daemon.drops().get("duplicate", 0) - before == 40, mode


def test_B20_with_a_lag_every_member_may_bring_broadcasts(rig):
    r = rig(guests=("vm1",))
    r.learn(r.vm(1), VM)
    for stream, mode in ((1, "balance-rr"), (3, "balance-xor")):
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        pilot(r)
        for i in range(2):
            flood_from_far(r, i, stream + i)
        r.settle()
        assert [r.vm(1).stream(stream + i)["received"] for i in range(2)] == [20, 20], mode


def test_B20_the_copies_are_taken_from_another_member_when_the_designated_one_is_lost(rig):
    r = rig(mode="balance-alb", guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn(r.vm(1), VM)
    for lost in (0, 1):
        cut(r, lost)
        flood_from_far(r, 1 - lost, 1 + lost)
        assert r.vm(1).await_stream(1 + lost, 20, 5)["distinct"] == 20
        mend(r, lost)


MODES_THAT_HEAR_ALL = ["balance-rr", "balance-xor", "broadcast", "balance-tlb", "balance-alb"]


@pytest.mark.parametrize("vlan", [None, 5])
def test_B21_a_reflected_frame_is_dropped_and_its_station_stays(rig, vlan):
    r = rig(log_allowed=LOG_ECHOES)
    for stream, mode in enumerate(MODES_THAT_HEAR_ALL, 1):
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        r.learn(r.vm(1), VM, vlan=vlan)
        spec = {"stream": stream, "count": 5, "src": VM, "dst": BROADCAST, "vlan": vlan, "size": 80}
        r.vm(1).send(**spec)
        r.settle()
        before = r.daemon.drops().get("reflected", 0)
        for far in r.far:
            far.send(**spec)
        r.settle()
        assert [r.vm(i).stream(stream)["received"] for i in (1, 2)] == [0, 5], mode
        assert r.daemon.fdb()[VM]["port"] == "vm1", mode
        assert r.daemon.drops().get("reflected", 0) - before == 10, mode


def garp(mac, ip, vlan=None):
    eth = Ether(dst=BROADCAST, src=mac)
    eth = eth / Dot1Q(vlan=vlan) if vlan else eth
    return bytes(eth / ARP(op=1, hwsrc=mac, psrc=ip, pdst=ip)).ljust(64, b"\0")


@pytest.mark.parametrize("vlan", [None, 5])
def test_B21_a_guests_own_arp_that_comes_back_does_not_move_it(rig, vlan):
    """The lock: within 5 s of a guest's own announcement nobody on the bond takes its address."""
    r = rig(guests=("vm1",), log_allowed=LOG_ECHOES)
    moved = []
    for stream, mode in enumerate(MODES_THAT_HEAR_ALL, 1):
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        r.learn(r.far[0], FAR_MAC, vlan=vlan)
        r.learn(r.vm(1), VM, vlan=vlan)
        wait_for(lambda: r.daemon.fdb()[VM]["port"] == "vm1", 5, "station behind its guest")
        frame = garp(VM, "10.0.0.1", vlan)
        r.vm(1).raw(frame)
        r.settle()
        for far in r.far:
            far.raw(frame)
        r.settle()
        r.far[0].send(stream=stream, count=10, src=FAR_MAC, dst=VM, vlan=vlan, size=80)
        r.settle()
        if r.daemon.fdb()[VM]["port"] != "vm1" or r.vm(1).stream(stream)["distinct"] != 10:
            moved.append(mode)
    assert moved == []


@pytest.mark.parametrize("vlan", [None, 5])
def test_B21_a_gratuitous_arp_from_the_lan_moves_a_station_at_once(rig, vlan):
    """A station that spoke, but announced nothing, a moment ago has moved to another host."""
    r = rig(mode="balance-alb", guests=("vm1",))
    r.learn(r.vm(1), VM, vlan=vlan)
    r.far[0].raw(garp(VM, "10.0.0.1", vlan))
    wait_for(lambda: r.daemon.fdb()[VM]["port"] == "bond0", 2, "station moved to the LAN")


def test_B21_a_gratuitous_arp_from_the_lan_moves_a_station_that_left(rig):
    r = rig(mode="balance-alb", guests=("vm1",))
    r.learn(r.vm(1), VM)
    left = wait_for(lambda: r.daemon.fdb()[VM]["age"] >= 6 or None, 10, "5 s of silence")
    assert left
    r.far[0].raw(garp(VM, "10.0.0.1"))
    wait_for(lambda: r.daemon.fdb()[VM]["port"] == "bond0", 5, "station moved to the LAN")


@pytest.mark.parametrize("mode", ["active-backup", "balance-alb"])
def test_S11_stations_of_the_lan_are_reachable_after_a_failover(rig, mode):
    r = rig(mode=mode, guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    for lost in (0, 1):
        cut(r, lost)
        r.vm(1).send(stream=10 + lost, count=50, src=VM, dst=FAR_MAC)
        assert r.far[1 - lost].await_stream(10 + lost, 50, 5)["distinct"] == 50
        r.far[1 - lost].send(stream=20 + lost, count=50, src=FAR_MAC, dst=VM)
        assert r.vm(1).await_stream(20 + lost, 50, 5)["distinct"] == 50
        mend(r, lost)
    for i in range(2):
        cut(r, i)
    mend(r, 0)
    mend(r, 1)
    spread = from_guest(r, 30, count=50)
    assert sum(spread) == 50


# ---- B-25 ----

@pytest.mark.parametrize("mode", ["balance-rr", "broadcast", "balance-xor"])
def test_B25_a_drained_member_sends_nothing_and_an_undrained_one_sends_again(rig, mode):
    r = rig(mode=mode, guests=("vm1",))
    r.learn_all()
    r.daemon.ctl("set bonding drain net_vhost0 bond0")
    assert r.member(0)["drained"]
    wait_for(lambda: from_guest(r, next(STREAMS), count=100, flows=50) == [0, 100], 2, "silence")
    r.far[0].send(stream=5, count=50, src=FAR_MAC, dst=VM)
    assert r.vm(1).await_stream(5, 50, 3)["distinct"] == 50
    r.daemon.ctl("set bonding undrain net_vhost0 bond0")
    assert min(from_guest(r, 2, count=100, flows=50)) > 0
    for i in range(2):
        r.daemon.ctl(f"set bonding drain net_vhost{i} bond0")
    assert max(from_guest(r, 3, count=100, flows=50)) > 0, "draining all must not cut the bond"


# ---- MTU and MAC changes: all or nothing ----

def test_an_mtu_that_one_member_refuses_changes_no_member(tap_rig):
    r, taps = tap_rig(1, guests=(), before=("net_ring0",))

    def mtus():
        return [(p["name"], p["mtu"]) for p in r.daemon.ctl("show port info all", json=True)]
    mtu = mtus()
    error = refused(r, "port config mtu bond0 4000", "net_tap0", "4000")
    assert error.status == 2
    assert mtus() == mtu
    assert r.bond()["options"]["mtu"] == "1500" and taps.read(0, "mtu") == "1500"
    r.daemon.ctl("port config mtu bond0 1400")
    assert taps.read(0, "mtu") == "1400"


def test_an_mtu_change_is_made_on_every_member(tap_rig):
    r, taps = tap_rig(2)
    for mtu in ("1280", "1500"):
        r.daemon.ctl(f"port config mtu bond0 {mtu}")
        assert [taps.read(i, "mtu") for i in range(2)] == [mtu, mtu]


def test_a_mac_change_under_traffic_loses_nothing(rig):
    r = rig(mode="balance-xor", guests=("vm1",))
    r.learn_all()
    r.vm(1).send(wait=False, stream=1, count=2000, src=VM, dst=FAR_MAC, flows=50, rate=4000)
    for last in range(1, 6):
        r.daemon.ctl(f"set bonding mac_addr bond0 02:00:00:00:0a:{last:02x}")
        assert r.bond()["mac"].lower() == f"02:00:00:00:0a:{last:02x}"
    r.vm(1).cmd("wait", timeout=20000)
    wait_for(lambda: sum(r.spread(1)) == 2000, 5, "all frames")


def test_the_bonds_counters_never_go_backwards(rig):
    r = rig(mode="balance-xor", guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()

    def counters():
        return {p["name"]: p for p in r.daemon.ctl("show port stats all", json=True)}["bond0"]

    def forwarded():
        return r.daemon.ctl("show fwd stats all", json=True)["ports"][0]["tx_frames"]
    seen, guests = [], []
    for step in ("", "remove bonding member net_vhost1 bond0",
                 "add bonding member net_vhost1 bond0", "set bonding mode active-backup bond0",
                 "port config mtu bond0 1500"):
        if step:
            r.daemon.ctl(step)
        wait_for(lambda: r.member(0)["usable"], what="member in service")
        r.vm(1).send(stream=next(STREAMS), count=100, src=VM, dst=FAR_MAC, flows=20)
        r.settle()
        seen.append(counters()["tx_packets"])
        guests.append(forwarded())
    assert all(b - a == 100 for a, b in zip(guests, guests[1:])), guests
    # Announcements, which the bond sends of its own, are counted besides.
    assert all(100 <= b - a <= 110 for a, b in zip(seen, seen[1:])), seen
