# SPDX-License-Identifier: BSD-3-Clause
"""What an operator should know without asking: `show health`, events and metrics, and round trips of probes."""

import re

import pytest

from bf import LOG_LINK_LOSS, CtlError, wait_for
from test_bond_probe import TARGET4, Targets, probed


def health(r):
    return r.daemon.ctl("show health", json=True)


def state(r):
    return [b["state"] for b in health(r)["bonds"]]


def found(r, rule):
    return {f["object"]: f for f in health(r)["findings"] if f["rule"] == rule}


def sample(r, name):
    """The labels and values of a metric."""
    text = r.daemon.ctl("show metrics")
    return {labels: float(value)
            for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE)}


def test_a_bond_that_loses_its_members_is_degraded_then_down_and_comes_back(rig):
    r = rig(members=2, guests=("vm1",), log_allowed=LOG_LINK_LOSS)
    wait_for(lambda: state(r) == ["redundant"], what="all is well")
    wait_for(lambda: not found(r, "member_out") and not found(r, "no_redundancy"), what="nothing found")
    for i, (want, rule) in enumerate((("degraded", "no_redundancy"), ("down", "bond_down"))):
        r.far[i].kill()
        wait_for(lambda want=want: state(r) == [want], what=want)
        wait_for(lambda rule=rule: found(r, rule), what=rule)
        wait_for(lambda i=i: f"net_vhost{i}" in found(r, "member_out"), what="the member found")
        assert sample(r, "bondfwd_bond_state") == {'bond="bond0"': 1 - i}
    assert health(r)["level"] == "error"
    assert 'level="error",rule="bond_down",object="bond0"' in sample(r, "bondfwd_health_finding")
    for far, want in zip(r.far, ("degraded", "redundant")):
        far.start()
        wait_for(lambda want=want: state(r) == [want], what=want)
    wait_for(lambda: not found(r, "member_out"), what="nothing found")
    states = [e["text"].split(":")[0] for e in r.daemon.ctl("show events", json=True) if e["what"] == "bond_state"]
    assert states[-4:] == ["degraded", "down", "degraded", "redundant"]


def test_a_guest_without_front_end_is_found_until_it_is_switched_off(rig):
    r = rig(members=2, guests=("vm1",))
    wait_for(lambda: not found(r, "guest_down"), what="the guest is connected")
    r.vm(1).kill()
    wait_for(lambda: "vm1" in found(r, "guest_down"), what="the finding")
    assert 'level="warning",rule="guest_down",object="vm1"' in sample(r, "bondfwd_health_finding")
    r.daemon.ctl("set guest vm1 admin=down")
    wait_for(lambda: not found(r, "guest_down"), what="silence")


def test_round_trips_are_counted_by_member_and_target(rig):
    r = probed(rig)
    targets = Targets(r)

    def probes():
        return {(p["member"], p["target"]): p for p in r.daemon.ctl("show bonding probes bond0", json=True)}

    active = r.daemon.ctl("show bonding config bond0", json=True)["active_member"]
    targets.answer_until(lambda: probes()[(active, TARGET4)]["answered"] >= 5, (0, 1), 20, "five answers")
    p = probes()[(active, TARGET4)]
    assert p["sent"] >= p["answered"] >= 5
    assert 0 < p["min_us"] <= p["avg_us"] <= p["max_us"] and p["jitter_us"] >= 0
    assert p["round_trip"]["count"] >= 5
    assert abs(p["round_trip"]["sum"] * 1e6 / p["round_trip"]["count"] - p["avg_us"]) < 1
    text = r.daemon.ctl("show bonding probes bond0")
    assert re.search(rf"^{active} +{re.escape(TARGET4)} +\d+ +\d+( +\d+){{5}}$", text, re.MULTILINE), text
    buckets = sample(r, "bondfwd_probe_round_trip_seconds_bucket")
    assert buckets[f'bond="bond0",member="{active}",target="{TARGET4}",le="+Inf"'] >= 5


def test_a_device_without_a_module_says_so_and_a_wrong_port_is_refused(rig):
    r = rig(members=1, guests=())
    assert "Module: none, or the driver does not tell" in r.daemon.ctl("show port module_eeprom net_vhost0")
    assert [m["module"] for m in r.daemon.ctl("show port module_eeprom all", json=True)
            if m["name"] == "net_vhost0"] == [None]
    with pytest.raises(CtlError, match="nothere"):
        r.daemon.ctl("show port module_eeprom nothere")


def bond_states(r, seen):
    """Level and text of each event of the bond's state after the first so many events."""
    return [(e["level"], e["text"]) for e in r.daemon.ctl("show events", json=True)[seen:] if e["what"] == "bond_state"]


def test_a_bond_that_is_opened_anew_is_not_called_down(rig):
    r = rig(members=2, guests=())
    wait_for(lambda: state(r) == ["redundant"], what="all is well")
    seen = len(r.daemon.ctl("show events", json=True))
    r.daemon.ctl("set bonding option bond0 rxd=512")
    wait_for(lambda: bond_states(r, seen) and state(r) == ["redundant"], what="all is well again")
    opened = [e["what"] for e in r.daemon.ctl("show events", json=True)[seen:] if e["what"].startswith("bond_")]
    assert {"bond_closed", "bond_opened"} <= set(opened)
    assert [text for _, text in bond_states(r, seen) if text.startswith("down")] == []


def test_a_bond_that_is_switched_off_is_no_error(rig):
    r = rig(members=2, guests=(), log_allowed=[
        r"^WARNING: member_down: net_vhost\d: switched off$", r"^WARNING: active_member: bond0: none, was "])
    wait_for(lambda: state(r) == ["redundant"], what="all is well")
    seen = len(r.daemon.ctl("show events", json=True))
    r.daemon.ctl("set link-down port bond0")
    wait_for(lambda: state(r) == ["down"], what="it is off")
    assert bond_states(r, seen)[-1] == ("notice", "down: 0 of 2 members can carry traffic: switched off")
