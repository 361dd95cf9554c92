# SPDX-License-Identifier: BSD-3-Clause
"""Liveness beyond carrier: a member with silent probe targets is left though its link is up."""

import pytest
from scapy.layers.inet6 import (ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6ND_NA,
                                ICMPv6ND_NS, IPv6)
from scapy.layers.l2 import ARP, Dot1Q, Ether

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, wait_for

VM = guest_mac(1)
TARGET4, TARGET6 = "10.9.0.1", "fd00:9::1"
LOG_PROBE = [r"^WARNING: probe: net_vhost\d: link is up, but no target has answered",
             r"^WARNING: active_member: bond0: none"]
INTERVAL, MISSED = 250, 4  # an answer may be a second late


class Targets:
    """Answers the probes that arrive at some far peers; notes the vlan of each question."""

    def __init__(self, r, answer_vlan=True):
        self.r, self.answer_vlan = r, answer_vlan
        self.asked = {f.name: 0 for f in r.far}
        self.vlans = set()
        for far in r.far:
            far.capture(64, match="other")

    def reply(self, packet):
        """The answer to an ARP probe or a neighbour solicitation of the bond, or None."""
        vlan = packet[Dot1Q].vlan if Dot1Q in packet else None
        eth = Ether(src=FAR_MAC, dst=packet.src)
        eth = eth / Dot1Q(vlan=vlan) if vlan and self.answer_vlan else eth
        if ARP in packet and packet[ARP].pdst == TARGET4 and packet[ARP].op == 1:
            assert packet[ARP].psrc == "0.0.0.0" and packet.dst == BROADCAST
            answer = eth / ARP(op=2, hwsrc=FAR_MAC, psrc=TARGET4, hwdst=packet.src,
                               pdst=packet[ARP].psrc)
        elif ICMPv6ND_NS in packet and packet[ICMPv6ND_NS].tgt == TARGET6:
            assert packet[ICMPv6NDOptSrcLLAddr].lladdr == packet.src and packet[IPv6].hlim == 255
            answer = (eth / IPv6(src=TARGET6, dst=packet[IPv6].src, hlim=255) /
                      ICMPv6ND_NA(tgt=TARGET6, R=0, S=1, O=1) /
                      ICMPv6NDOptDstLLAddr(lladdr=FAR_MAC))
        else:
            return None
        self.vlans.add(vlan)
        return bytes(answer).ljust(64, b"\0")

    def turn(self, living):
        """Answer what came since the last turn at the living far peers (indices)."""
        for i, far in enumerate(self.r.far):
            frames = far.captured()
            if frames:
                far.capture(64, match="other")
            for answer in filter(None, (self.reply(Ether(f)) for f in frames)):
                self.asked[far.name] += 1
                if i in living:
                    far.raw(answer)

    def answer_until(self, cond, living, timeout, what):
        def turn():
            self.turn(living)
            return cond()
        return wait_for(turn, timeout, what)


def probed(rig, target=TARGET4, mode="active-backup", more=""):
    bond = f",probe_interval={INTERVAL},probe_missed_max={MISSED},probe_target={target}{more}"
    r = rig(mode=mode, guests=("vm1",), bond=bond, log_allowed=LOG_PROBE)
    return r


def active(r):
    return r.bond().get("active_member")


def answered(r, i):
    return r.member(i)["probes_answered"]


@pytest.mark.parametrize("target, vlan", [(TARGET4, None), (f"{TARGET4}/7", 7),
                                          (f"{TARGET6}/7", 7)])
def test_answers_keep_a_member_and_silence_takes_it_out_with_its_link_up(rig, target, vlan):
    r = probed(rig, target)
    targets = Targets(r)
    targets.answer_until(lambda: active(r) == "net_vhost0" and answered(r, 0) >= 4, (0, 1), 15,
                         "answers")
    assert not r.member(0)["probe_failed"] and targets.vlans == {vlan}
    targets.answer_until(lambda: active(r) == "net_vhost1", (1,), 10, "silent member left")
    assert r.member(0)["link"] and r.member(0)["probe_failed"]
    assert r.events("probe")[-1]["object"] == "net_vhost0"
    assert any("no probe target" in f["cause"] for f in r.daemon.ctl("show bonding failover",
                                                                    json=True))
    start = answered(r, 1)
    targets.answer_until(lambda: answered(r, 1) >= start + 2, (1,), 10, "answers on the other")
    assert not r.member(1)["probe_failed"]


def test_in_a_static_mode_only_the_silent_member_goes_and_it_comes_back(rig):
    r = probed(rig, mode="balance-xor")
    targets = Targets(r)
    targets.answer_until(lambda: min(answered(r, 0), answered(r, 1)) >= 2, (0, 1), 15, "answers")
    targets.answer_until(lambda: not r.member(1)["usable"], (0,), 15, "silent member left")
    assert r.member(1)["link"] and r.member(0)["usable"] and not r.member(0)["probe_failed"]
    targets.answer_until(lambda: r.member(1)["usable"], (0, 1), 10 * INTERVAL * MISSED / 1000 + 8,
                         "member back")


@pytest.mark.parametrize("mode", ["balance-xor", "balance-rr"])
def test_over_a_lag_an_answer_on_any_member_counts_for_the_one_that_asked(rig, mode):
    # Members take turns: an answer is to come before the next one asks, also from a slow test.
    r = probed(rig, mode=mode, more=",probe_interval=1600,probe_missed_max=2")
    targets = Targets(r)

    def through(asked, answer_by=0):
        """The switch's hash brings every answer by one member, whichever asked."""
        for i, far in enumerate(r.far):
            frames = far.captured()
            if frames:
                far.capture(64, match="other")
            for answer in filter(None, (targets.reply(Ether(f)) for f in frames)):
                if i in asked:
                    r.far[answer_by].raw(answer)

    def until(cond, asked, limit, what):
        def turn():
            through(asked)
            return cond()
        wait_for(turn, limit, what)
    until(lambda: min(answered(r, 0), answered(r, 1)) >= 4, (0, 1), 20, "answers")
    assert r.events("probe") == [] and r.member(0)["usable"] and r.member(1)["usable"]
    until(lambda: not r.member(1)["usable"], (0,), 20, "who cannot send is left")
    assert r.member(0)["usable"]
    until(lambda: r.member(1)["usable"], (0, 1), 20, "and is taken back")
    seen, asked = len(r.events("probe")), r.member(0)["probes_sent"]
    until(lambda: r.member(0)["probes_sent"] >= asked + 5, (), 20, "silence")
    assert len(r.events("probe")) == seen, "silent targets are no reason to leave every member"
    assert r.member(0)["usable"] and r.member(1)["usable"]


def test_several_targets_can_be_given_and_each_is_asked(rig):
    r = probed(rig, f"{TARGET4},probe_target={TARGET6}/7")
    r.daemon.ctl(f"set bonding option bond0 probe_target={TARGET4}")  # again: no harm
    targets = Targets(r)
    targets.answer_until(lambda: targets.vlans == {None, 7}, (0, 1), 10, "both are asked")
    assert r.bond()["options"]["probe_target"] == f"{TARGET4} {TARGET6}/7"
    with pytest.raises(CtlError) as error:
        r.daemon.ctl("set bonding option bond0 probe_targets=1")
    assert " probe_target " in error.value.text


@pytest.mark.parametrize("target, native, vlan", [(TARGET4, 7, None), (f"{TARGET4}/7", 7, None),
                                                  (f"{TARGET6}/8", 7, 8)])
def test_the_bonds_native_vlan_has_no_tag_in_probes_and_their_answers(rig, target, native, vlan):
    r = probed(rig, target, more=f",native={native}")
    targets = Targets(r)
    targets.answer_until(lambda: answered(r, 0) >= 3, (0, 1), 15, "answers")
    assert targets.vlans == {vlan}


def test_an_answer_without_the_targets_vlan_does_not_count(rig):
    r = probed(rig, f"{TARGET4}/7")
    targets = Targets(r, answer_vlan=False)
    targets.answer_until(lambda: sum(targets.asked.values()) >= 8, (0, 1), 10, "questions")
    r.settle()
    assert answered(r, 0) == answered(r, 1) == 0


def warnings(r):
    return [e for e in r.events("probe") if e["level"] == "warning"]


@pytest.mark.parametrize("validate", ["on", "off"])
def test_any_frame_is_a_sign_of_life_only_without_validation(rig, validate):
    r = probed(rig, more=f",probe_validate={validate}")
    r.learn(r.vm(1), VM)
    streams = iter(range(1, 60000))

    def frames_until(cond):
        def turn():
            for far in r.far:
                far.send(stream=next(streams), count=1, src=FAR_MAC, dst=VM)
            return cond()
        wait_for(turn, 10, "probes")
    frames_until(lambda: active(r) is not None and r.member(0)["probes_sent"] > 2)
    before, asked = len(warnings(r)), sum(r.member(i)["probes_sent"] for i in range(2))
    frames_until(lambda: sum(r.member(i)["probes_sent"] for i in range(2)) >= asked + 4 * MISSED)
    assert (len(warnings(r)) > before) == (validate == "on")


def test_probes_are_seen_by_no_guest(rig):
    r = probed(rig)
    targets = Targets(r)
    r.learn(r.vm(1), VM)
    r.vm(1).capture(64, match="other")
    targets.answer_until(lambda: answered(r, 0) >= 4, (0, 1), 10, "answers")
    assert r.vm(1).captured() == []


def test_probes_end_with_their_interval(rig):
    r = probed(rig)
    wait_for(lambda: r.member(0)["probe_failed"] or r.member(1)["probe_failed"], 10, "silence")
    r.daemon.ctl("set bonding option bond0 probe_interval=0")
    wait_for(lambda: all(m["usable"] and not m["probe_failed"]
                         for m in r.bond()["member_details"]), 3, "members back in service")
    before = [r.member(i)["probes_sent"] for i in range(2)]
    r.vm(1).send(stream=1, count=2000, src=VM, dst=BROADCAST, rate=4000)
    r.settle()
    assert [r.member(i)["probes_sent"] for i in range(2)] == before


def test_probes_are_refused_where_they_would_not_work(rig):
    r = probed(rig)
    for mode in ("802.3ad", "balance-tlb", "balance-alb"):
        with pytest.raises(CtlError) as error:
            r.daemon.ctl(f"set bonding mode {mode} bond0")
        assert mode in error.value.text and "probe_interval" in error.value.text
    assert r.bond()["mode"] == "active-backup"
