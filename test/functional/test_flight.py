# SPDX-License-Identifier: BSD-3-Clause
"""The flight recorder: the minute before a failover, or a burst of drops; and who stands still."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

from bf import FAR_MAC, LOG_LINK_LOSS, CtlError, guest_mac, wait_for
from holding import worker_held
from lacp_partner import lacp, net, partner  # noqa: F401 (fixtures)
from test_lacp_timing import full_filesystem

VM1, VM2 = guest_mac(1), guest_mac(2)


def flights(r):
    return r.daemon.ctl("show flight", json=True)


def flight(r, number):
    return r.daemon.ctl(f"show flight {number}", json=True)


def begun(r):
    """The number of a flight that an operator asks for."""
    def ask():
        """On a slow machine the links come up one after the other: that is a failover, and a flight waits."""
        try:
            return r.daemon.ctl("record flight", json=True)["id"]
        except CtlError as error:
            assert "another one waits" in error.text
            return None
    return wait_for(ask, what="no other flight")


def recorded(r):
    """The same, once it is complete."""
    number = begun(r)
    wait_for(lambda: any(f["id"] == number for f in flights(r)), what="flight")
    return flight(r, number)


def of_causes(r, *causes):
    return [f for f in flights(r) if f["cause"] in causes]


def summed(f, port, what):
    return sum(p[what] for step in f["steps"] for p in step["ports"] if p["port"] == port)


def test_a_failover_keeps_the_minute_before_with_events_and_figures_also_as_a_file(rig):
    r = rig(log_allowed=LOG_LINK_LOSS)
    r.learn_all()
    r.transfer(r.vm(1), r.far[0], 1, 1000, src=VM1, dst=FAR_MAC)
    sent = summed(recorded(r), "vm1", "rx")
    # Two flights of failovers have some time between them.
    wait_for(lambda: all(time.time() - f["time_ms"] / 1000 > 14 for f in of_causes(r, "failover")), what="time")
    r.far[0].kill()

    def lost():
        return [f for f in of_causes(r, "failover") if "lost its link" in f["text"]]
    wait_for(lost, what="a flight")
    shown = lost()[0]
    assert shown["object"] == "bond0" and "net_vhost0" in shown["text"], shown
    f = flight(r, shown["id"])
    cut = next(e for e in f["events"] if e["what"] == "member_down")
    assert cut["object"] == "net_vhost0" and -60 <= cut["at_s"] <= 3
    # The figures are those that were counted, whatever the machine did meanwhile.
    assert sent >= 1000 and summed(f, "vm1", "rx") >= 1000
    states = [{m["member"]: m["carrier"] for m in step["members"]} for step in f["steps"]]
    assert {"net_vhost0": True, "net_vhost1": True} in states[:-1]
    assert states[-1] == {"net_vhost0": False, "net_vhost1": True}
    assert sum(m["tx"] for s in f["steps"] for m in s["members"]) >= 1000
    assert all(0 <= w["busy_percent"] <= 100 for s in f["steps"] for w in s["workers"])
    text = r.daemon.ctl(f"show flight {f['id']}")
    assert f"Flight {f['id']}" in text and "member_down" in text and "no carrier" in text

    folder = pathlib.Path(f"{r.daemon.console}.flights")

    def kept():
        return {k["id"]: k for k in map(json.loads, (p.read_text() for p in folder.glob("flight-*.json")))}
    wait_for(lambda: kept().keys() == {f["id"] for f in flights(r)}, what="files")
    assert {i: k["cause"] for i, k in kept().items()} == {f["id"]: f["cause"] for f in flights(r)}
    mine = kept()[f["id"]]
    assert mine["events"] == f["events"] and mine["steps"] == f["steps"]
    assert os.stat(folder).st_mode & 0o7 == 0


def test_what_has_just_been_begun_is_written_when_the_program_ends(rig):
    r = rig()
    number = begun(r)
    r.daemon.stop()
    kept = pathlib.Path(f"{r.daemon.console}.flights").glob("flight-*-operator.json")
    assert number in [json.loads(path.read_text())["id"] for path in kept]


def test_a_folder_of_somebody_else_is_not_written_to(rig, workdir):
    elsewhere = pathlib.Path(workdir) / "elsewhere"
    elsewhere.mkdir()
    r = rig(log_allowed=[r"^WARNING: flight: \S+: .*: flights are kept in memory only"])
    pathlib.Path(f"{r.daemon.console}.flights").symlink_to(elsewhere)
    recorded(r)
    wait_for(lambda: "kept in memory only" in r.daemon.log.read_text(), what="a warning")
    assert list(elsewhere.iterdir()) == []


def test_with_a_full_disk_flights_are_kept_in_memory_and_that_is_said_once(rig):
    said = r"^WARNING: flight: \S+: No space left on device: flights are kept in memory only$"
    r = rig(log_allowed=[said])
    with full_filesystem(pathlib.Path(f"{r.daemon.console}.flights")) as folder:
        first = recorded(r)["id"]
        wait_for(lambda: re.findall(said, r.daemon.log_text(), re.MULTILINE), what="a warning")
        begun(r)
        assert r.daemon.ctl(f"show flight {first}", json=True)["id"] == first
        r.daemon.stop()  # the other one is written now, if there were room
        assert [path.name for path in folder.iterdir()] == ["fill"]
    assert len(re.findall(said, r.daemon.log_text(), re.MULTILINE)) == 1


def test_a_burst_of_drops_keeps_it_and_names_the_reason_and_wanted_drops_do_not(rig):
    r = rig(guests=("vm1", "vm2"))
    r.learn_all()
    r.daemon.ctl("set guest vm1 rate_in=10pps/1,over_in=drop")
    r.vm(1).send(stream=1, count=2000, src=VM1, dst=FAR_MAC)
    wait_for(lambda: r.daemon.drops("vm1").get("rate_in", 0) >= 1900, what="frames beyond the rate")
    recorded(r)
    assert of_causes(r, "drops") == []
    # A burst that goes on is one flight.
    r.vm(2).stop_driver()
    r.far[0].send(stream=2, count=6000, src=FAR_MAC, dst=VM2)
    wait_for(lambda: of_causes(r, "drops"), what="a flight")
    shown = of_causes(r, "drops")[0]
    assert shown["object"] == "vm2" and "guest_ring_full" in shown["text"]
    f = flight(r, shown["id"])
    assert 100 <= summed(f, "vm2", "trouble") <= r.daemon.drops("vm2")["guest_ring_full"]
    assert summed(f, "vm1", "drops") >= 1900 and summed(f, "vm1", "trouble") == 0
    r.far[0].send(stream=3, count=3000, src=FAR_MAC, dst=VM2)
    recorded(r)
    assert len(of_causes(r, "drops")) == 1
    r.vm(2).start_driver()


def test_lacpdus_of_both_sides_are_in_it(lacp, partner):  # noqa: F811
    r = lacp(n=1)
    p = partner(r.far(), key=77)
    r.wait_distributing([0])
    wait_for(lambda: p.ports[0].hears_sync(), what="partner hears sync")
    f = recorded(r)
    pdus = [x for x in f["pdus"] if x["kind"] == "LACPDU"]
    assert {x["direction"] for x in pdus} == {"sent", "received"}
    theirs = [x for x in pdus if x["direction"] == "received"][-1]
    ours = [x for x in pdus if x["direction"] == "sent"][-1]
    assert theirs["actor_key"] == 77 == ours["partner_key"]
    assert theirs["actor_system"] == ours["partner_system"]
    assert "SYNC" in theirs["actor_state"]
    assert [e["at_s"] for e in f["events"]] == sorted(e["at_s"] for e in f["events"])
    text = r.daemon.ctl(f"show flight {f['id']}")
    assert f"{theirs['actor_system']} key 77" in text


def test_numbers_that_there_are_not_and_a_second_request_are_refused(rig):
    r = rig()
    for bad in ("99", "x", "0"):
        with pytest.raises(CtlError) as error:
            r.daemon.ctl(f"show flight {bad}")
        assert f'flight: "{bad}": expected a number of show flight' in error.value.text
    number = begun(r)
    with pytest.raises(CtlError) as error:
        r.daemon.ctl("record flight")
    assert "another one waits" in error.value.text
    wait_for(lambda: any(f["id"] == number for f in flights(r)), what="the first")


def events(r, what):
    return [e for e in r.daemon.ctl("show events", json=True) if e["what"] == what]


def stalls(r):
    shown = r.daemon.ctl("show version", json=True)
    return shown["control_stalls"], shown["worker_stalls"]


def test_control_that_stood_still_says_so(rig):
    r = rig()
    before = stalls(r)[0]
    os.kill(r.daemon.proc.pid, signal.SIGSTOP)
    until = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > until, what="time")
    os.kill(r.daemon.proc.pid, signal.SIGCONT)
    wait_for(lambda: stalls(r)[0] > before, what="a stall")
    assert "its loop stood still for" in events(r, "control_stalled")[-1]["text"]


def test_a_worker_that_makes_no_turn_is_told_of_until_it_does(rig):
    r = rig()
    with worker_held(r.daemon.proc.pid):
        wait_for(lambda: events(r, "lcore_stalled"), what="the stall")
        assert events(r, "lcore_goes_on") == []
    wait_for(lambda: events(r, "lcore_goes_on"), what="the end of it")
    assert events(r, "lcore_stalled")[0]["object"] == "lcore 1"
    assert "it stood still for" in events(r, "lcore_goes_on")[0]["text"]
    assert stalls(r)[1] >= 1
