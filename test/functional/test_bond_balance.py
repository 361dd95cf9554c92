# SPDX-License-Identifier: BSD-3-Clause
"""Balance made visible, rebalancing, and the learning switch without a LAG.

The story: a host in balance-rr on an unmanaged switch cannot reach some hosts.  Switch plays that
switch; bondfwd must say what is wrong, and balance-alb and active-backup must work on it.
"""

import re

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, LOG_LINK_LOSS, guest_mac, mac_bytes, wait_for
from doctoring import doctor

VM = guest_mac(1)
HOST_IP, VM_IP = "10.0.0.254", "10.0.0.1"
STREAMS = iter(range(100, 60000))


def balance(r):
    return r.daemon.ctl("show bonding balance bond0", json=True)


def path(r, words):
    return r.daemon.ctl(f"show bonding path bond0 {words}", json=True)["member"]


# ---- path ----

def station(i):
    """Stations whose addresses differ in several octets."""
    return f"52:54:{(7 * i) % 256:02x}:{(13 * i) % 256:02x}:{(29 * i) % 256:02x}:{i:02x}"


def station_frames(n):
    return [bytes(Ether(src=station(i), dst=FAR_MAC) / IP(src=f"10.0.1.{i}", dst=HOST_IP) / UDP(
        sport=1000 + i, dport=53) / Raw(bytes(40))) for i in range(n)]


def station_words(i):
    return (f"src-mac {station(i)} dst-mac {FAR_MAC} src-ip 10.0.1.{i} dst-ip {HOST_IP} proto 17 "
            f"src-port {1000 + i} dst-port 53")


@pytest.mark.parametrize("mode", ["balance-xor", "balance-alb", "active-backup"])
def test_path_without_a_member_names_the_one_that_takes_over(rig, mode):
    n = 24
    r = rig(members=3, mode=mode, guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    r.carriers(station_frames(n))
    lost = {"active-backup": 0}.get(mode, 1)
    now = [path(r, station_words(i)) for i in range(n)]
    then = [path(r, f"{station_words(i)} without net_vhost{lost}") for i in range(n)]
    names = [[r.member_names[m] for m in got] for got in r.carriers(station_frames(n))]
    assert names == [[m] for m in now]
    r.far[lost].kill()
    wait_for(lambda: not r.member(lost)["link"], what="link down")
    r.settle()
    names = [[r.member_names[m] for m in got] for got in r.carriers(station_frames(n))]
    assert names == [[m] for m in then]


def test_path_without_the_active_member_heeds_primary_and_drain(rig):
    rings = [f"net_ring{i}" for i in range(4)]
    r = rig(members=0, vdevs=rings, guests=(), log_allowed=[r"member_down"],
            bond=",primary_reselect=failure")
    for command in ("primary net_ring3", "drain net_ring1"):
        r.daemon.ctl(f"set bonding {command} bond0")
    assert r.bond()["active_member"] == "net_ring0"
    said = path(r, f"src-mac {VM} without net_ring0")
    r.daemon.ctl("set link-down port net_ring0")
    wait_for(lambda: r.bond()["active_member"] != "net_ring0", 5, "failover")
    assert said == r.bond()["active_member"] == "net_ring3"


# ---- shares and what-if ----

def load(r, count=60000, **spec):
    """Many frames of 13 flows; waits until the far side has them all."""
    stream = next(STREAMS)
    for first in range(0, count, 512):
        r.vm(1).send(stream=stream, first=first, count=min(512, count - first), src=VM, dst=FAR_MAC,
                     flows=13, **spec)
    r.settle()
    return stream


def test_shares_and_buckets_add_up(rig):
    r = rig(members=3, mode="balance-xor", guests=("vm1",), bond=",rebalance_interval=300")
    r.learn_all()

    def loaded():
        r.vm(1).send(stream=1, count=512, src=VM, dst=FAR_MAC, flows=61)
        return sum(m["share"] for m in balance(r)["members"]) > 0
    wait_for(loaded, 10, "load measured")
    shown = balance(r)
    assert sum(m["buckets"] for m in shown["members"]) == len(shown["buckets"]) == 256
    assert {m["buckets"] for m in shown["members"]} <= {85, 86}
    assert abs(sum(m["share"] for m in shown["members"]) - 1) < 1e-6
    assert 1 <= shown["ratio"] <= 3
    r.settle()
    assert [m["tx_frames"] for m in balance(r)["members"]] == [
        m["tx_frames"] for m in r.bond()["member_details"]]


def rows(r):
    return {(w["policy"], w["seed"], w["members"]): w for w in
            r.daemon.ctl("show bonding whatif bond0", json=True)}


def test_whatif_matches_what_happens_when_it_is_applied(rig):
    r = rig(members=3, mode="balance-xor", guests=("vm1",), bond=",rebalance_interval=0")
    r.learn_all()

    def all_sampled():
        load(r, 20 * 1024)
        return balance(r)["flows_known"] >= 13
    wait_for(all_sampled, 20, "every flow sampled")
    shown = rows(r)
    assert all(abs(sum(w["shares"]) - 1) < 1e-6 and len(w["shares"]) == w["members"]
               for w in shown.values())
    assert all(w["moved"] <= w["flows"] for w in shown.values())
    assert shown["l34", 0, 3]["moved"] == 0
    before = by_member(r)
    for policy, seed in (("l34", 1), ("l34", 2), ("l23", 0)):
        told = shown[policy, seed, 3]
        r.daemon.ctl(f"set bonding option bond0 xmit_policy={policy},seed={seed}")
        after = by_member(r)
        moved = sum(after[f] != before[f] for f in before)
        assert abs(moved - told["moved"]) <= told["flows"] - 13, (policy, seed)
        for i, share in enumerate(told["shares"]):
            real = sum(m == i for m in after.values()) / 13
            assert abs(real - share) < 0.2, (policy, seed, told)


def by_member(r):
    """{source port: far peer} of the 13 flows, from what arrives."""
    for f in r.far:
        f.capture(512)
    r.vm(1).send(stream=next(STREAMS), count=39, src=VM, dst=FAR_MAC, flows=13)
    r.settle()
    for f in r.far:
        f.capture(512)
    r.vm(1).send(stream=next(STREAMS), count=39, src=VM, dst=FAR_MAC, flows=13)
    r.settle()
    return {int.from_bytes(frame[34:36], "big"): i for i, f in enumerate(r.far)
            for frame in f.captured()}


def test_whatif_with_another_member_count_tells_what_a_removal_moves(rig):
    r = rig(members=3, mode="balance-xor", guests=("vm1",), bond=",rebalance_interval=0")
    r.learn_all()

    def all_sampled():
        load(r, 20 * 1024)
        return balance(r)["flows_known"] >= 13
    wait_for(all_sampled, 20, "every flow sampled")
    told = rows(r)["l34", 0, 2]
    before = by_member(r)
    r.daemon.ctl("remove bonding member net_vhost2 bond0")
    after = by_member(r)
    moved = sum(after[f] != before[f] for f in before)
    assert abs(moved - told["moved"]) <= told["flows"] - 13


# ---- rebalancing ----

def test_balance_alb_spreads_stations_of_one_vendor_over_the_members(rig):
    """Guests of one host have addresses that differ in the last octets only."""
    r = rig(members=2, mode="balance-alb", guests=("vm1",))
    r.learn_all()
    used = {path(r, f"src-mac {guest_mac(i)}") for i in range(1, 33)}
    assert used == {"net_vhost0", "net_vhost1"}


def two_on_one_member(r):
    """Two stations that share a member but not a bucket."""
    seen = {}
    for i in range(1, 200):
        answer = r.daemon.ctl(f"show bonding path bond0 src-mac {station(i)}", json=True)
        other = seen.setdefault(answer["member"], (i, answer["bucket"]))
        if other[1] != answer["bucket"]:
            return other[0], i, answer["member"]
    raise AssertionError("every station of a member has the same bucket")


def test_rebalancing_moves_a_station_announces_it_and_rewrites_no_frame(rig):
    r = rig(mode="balance-alb", guests=("vm1",), bond=",rebalance_interval=500")
    r.learn_all()
    a, b, member = two_on_one_member(r)
    other = r.far[1 - r.member_names.index(member)]
    for i in (a, b):
        r.learn(r.vm(1), station(i))
    r.settle()
    other.capture(512, match="other")
    streams = []

    def moved():
        for i in (a, b):
            streams.append(next(STREAMS))
            r.vm(1).send(stream=streams[-1], count=256, src=station(i), dst=FAR_MAC, size=1400)
        return balance(r)["moves"] > 0
    wait_for(moved, 10, "a station moved")
    r.settle()
    assert {path(r, f"src-mac {station(i)}") for i in (a, b)} == set(r.member_names)
    assert r.events("rebalanced")
    rarps = [f for f in other.captured() if f[12:14] == b"\x80\x35"]
    assert {f[6:12] for f in rarps} <= {mac_bytes(station(i)) for i in (a, b)} and rarps
    tallies = [f.stream(s) for f in r.far for s in streams]
    assert sum(t["received"] for t in tallies) == 256 * len(streams)
    assert not any(t["header_changed"] or t["corrupt"] or t["reordered"] for t in tallies)


def test_balanced_load_is_left_alone(rig):
    r = rig(mode="balance-alb", guests=("vm1",), bond=",rebalance_interval=300")
    r.learn_all()
    stream = next(STREAMS)
    r.vm(1).send(wait=False, stream=stream, count=3000, src=VM, dst=FAR_MAC, rate=2000, size=1400)
    r.vm(1).cmd("wait", timeout=20000)
    assert balance(r)["moves"] == 0 and not r.events("rebalanced")


# ---- the learning switch ----

class Switch:
    """An unmanaged learning switch: the members' far ends are its ports, one host is on another."""

    def __init__(self, r):
        self.r, self.table, self.at_host = r, {}, []
        for far in r.far:
            far.capture(512, match="any")

    def turn(self):
        """Forward what arrived; true when there was anything."""
        arrived = [(i, frame) for i, far in enumerate(self.r.far) for frame in self.take(far)]
        for port, frame in arrived:
            self.forward(port, frame)
        return bool(arrived)

    @staticmethod
    def take(far):
        frames = far.captured()
        if frames:
            far.capture(512, match="any")
        return frames

    def forward(self, port, frame):
        self.table[frame[6:12]] = port
        if frame[0] & 1 or frame[:6] not in self.table:
            outs = [p for p in (*range(len(self.r.far)), "host") if p != port]
        else:
            outs = [p for p in [self.table[frame[:6]]] if p != port]
        for out in outs:
            if out == "host":
                self.at_host.append(frame)
            else:
                self.r.far[out].raw(frame)

    def run(self):
        """Until everything is still."""
        self.r.settle()
        while self.turn():
            self.r.settle()

    def host_sends(self, packet):
        self.forward("host", bytes(packet).ljust(60, b"\0"))
        self.run()


def ask(r, switch):
    """The guest asks for the host's address; the host's answer must reach it."""
    switch.at_host.clear()
    r.vm(1).capture(64, match="other")
    r.vm(1).raw(bytes(Ether(src=VM, dst=BROADCAST) / ARP(hwsrc=VM, psrc=VM_IP, pdst=HOST_IP)).ljust(
        60, b"\0"))
    switch.run()
    if not switch.at_host:
        return False
    switch.host_sends(Ether(src=FAR_MAC, dst=VM) / ARP(op=2, hwsrc=FAR_MAC, psrc=HOST_IP, hwdst=VM,
                                                       pdst=VM_IP))
    return sum(f[6:12] == mac_bytes(FAR_MAC) for f in r.vm(1).captured()) == 1


def ping(r, switch, i):
    """One frame there, one back; each exactly once."""
    there = bytes(Ether(src=VM, dst=FAR_MAC) / IP(src=VM_IP, dst=HOST_IP) / UDP(
        sport=1000 + i, dport=7) / Raw(bytes([i]) * 30))
    switch.at_host.clear()
    r.vm(1).capture(64, match="other")
    r.vm(1).raw(there)
    switch.run()
    if switch.at_host.count(there) != 1:
        return False
    back = bytes(Ether(src=FAR_MAC, dst=VM) / IP(src=HOST_IP, dst=VM_IP) / UDP(
        sport=7, dport=1000 + i) / Raw(bytes([i]) * 30))
    switch.host_sends(back)
    return r.vm(1).captured().count(back) == 1


@pytest.mark.parametrize("mode", ["active-backup", "balance-alb"])
def test_no_connection_is_lost_on_a_switch_without_a_lag(rig, mode):
    r = rig(members=3, mode=mode, guests=("vm1",))
    r.learn(r.vm(1), VM)
    switch = Switch(r)
    results = []
    for i in range(4):
        results.append(("ask", i, ask(r, switch)))
        results += [("ping", i, ping(r, switch, 3 * i + k)) for k in range(3)]
        results.append(("station", i, r.daemon.fdb()[VM]["port"] == "vm1"))
    assert [x for x in results if not x[2]] == []
    assert r.events("switch_without_lag") == []


LOG_NO_LAG = [r"^WARNING: switch_without_lag: bond0: \d+ frames of guests came back"]


@pytest.mark.parametrize("mode", ["balance-rr", "balance-xor"])
def test_a_switch_without_a_lag_is_told_once_with_the_remedy_and_the_remedy_heals(rig, mode):
    r = rig(mode=mode, guests=("vm1",), log_allowed=LOG_NO_LAG)
    r.learn(r.vm(1), VM)
    switch = Switch(r)

    def told():
        r.vm(1).send(stream=next(STREAMS), count=16, src=VM, dst=BROADCAST)
        switch.run()
        return r.events("switch_without_lag")
    event, = wait_for(told, 10, "the event")
    assert event["object"] == "bond0" and event["level"] == "warning"
    assert mode in event["text"] and "static LAG" in event["text"]
    for _ in range(5):
        assert len(told()) == 1, "told once, not every second"
    found, = (f for f in doctor(r.daemon.console)[1]["findings"] if f["fault"] == "lag_missing")
    assert found["object"] == "bond0" and mode in found["text"]
    remedy, = re.findall(r"set bonding mode \S+ bond0", event["text"])
    r.daemon.ctl(remedy)
    assert r.bond()["mode"] == "balance-alb"
    switch.run()  # stations are announced
    healed = [ask(r, switch)] + [ping(r, switch, i) for i in range(6)]
    assert all(healed), healed


def test_arp_alone_is_enough_to_notice_a_switch_without_a_lag(rig):
    """What a quiet guest broadcasts on a real network is ARP."""
    r = rig(mode="balance-rr", guests=("vm1",), log_allowed=LOG_NO_LAG)
    r.learn(r.vm(1), VM)
    switch = Switch(r)

    def told():
        for _ in range(4):
            ask(r, switch)
        return r.events("switch_without_lag")
    wait_for(told, 8, "the event")
    assert r.daemon.fdb()[VM]["port"] == "vm1"


def test_a_switch_with_a_lag_is_no_reason_for_a_word(rig):
    r = rig(mode="balance-rr", guests=("vm1",))
    r.learn_all()
    for _ in range(10):
        r.vm(1).send(stream=next(STREAMS), count=64, src=VM, dst=BROADCAST)
        r.far[0].send(stream=next(STREAMS), count=64, src=FAR_MAC, dst=VM)
        r.settle()
    assert r.events("switch_without_lag") == [] and "reflected" not in r.daemon.drops()
