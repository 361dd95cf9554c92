# SPDX-License-Identifier: BSD-3-Clause
"""Changes under load: planned ones lose nothing, losses are timed, and both are undone cleanly."""

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bf import (FAR_MAC, LOAD_RATE, LOG_LINK_LOSS, CtlError, Load, guest_mac, loses_nothing,
                wait_for)

VM = guest_mac(1)
IDLE = "poll"


def change_under_load(r, commands, in_order=True):
    load = Load(r)
    for command in commands:
        r.daemon.ctl(command)
        load.passes(50)
    loses_nothing(load, in_order)


LOG_ROLLED_BACK = [r"^WARNING: rolled_back: config: not committed in time"]


def prepared(rig, **options):
    r = rig(guests=("vm1",), log_allowed=LOG_LINK_LOSS + LOG_ROLLED_BACK, **options)
    r.learn_all()
    # Where the second link came up first, the bond has moved to its primary already.
    r.earlier = len(records(r))
    return r


ONE_COPY_MODES = ["active-backup", "balance-xor", "balance-tlb", "balance-alb"]


def test_a_mode_change_under_load_loses_and_reorders_nothing(rig):
    r = prepared(rig)
    pairs = [m for a in ONE_COPY_MODES for b in ONE_COPY_MODES if a != b for m in (a, b)]
    change_under_load(r, [f"set bonding mode {m} bond0" for m in pairs])


def test_a_change_from_and_to_round_robin_under_load_loses_nothing(rig):
    r = prepared(rig)
    modes = [m for other in ONE_COPY_MODES for m in ("balance-rr", other)]
    change_under_load(r, [f"set bonding mode {m} bond0" for m in modes], in_order=False)


def test_a_change_from_and_to_broadcast_keeps_every_frame_on_the_first_member(rig):
    r = prepared(rig)
    load = Load(r)
    for mode in ("broadcast", "active-backup") * 4:
        r.daemon.ctl(f"set bonding mode {mode} bond0")
        load.passes(50)
    count, tallies = load.stop()
    assert tallies[0]["missing"] == 0 and tallies[0]["received"] == count
    assert tallies[0]["reordered"] == 0 and 0 < tallies[1]["distinct"] < count


def test_a_mode_change_loses_nothing_that_arrives_on_the_active_member(rig):
    r = prepared(rig)
    r.far[0].send(wait=False, stream=1, count=4000, src=FAR_MAC, dst=VM, flows=61, rate=LOAD_RATE)
    for mode in ("balance-rr", "balance-xor", "broadcast", "balance-tlb", "balance-alb",
                 "active-backup") * 2:
        r.daemon.ctl(f"set bonding mode {mode} bond0")
    tally = r.vm(1).await_stream(1, 4000)
    assert (tally["missing"], tally["reordered"], tally["duplicates"]) == (0, 0, 0)


def test_policy_and_seed_changes_under_load_lose_and_reorder_nothing(rig):
    r = prepared(rig, mode="balance-xor")
    commands = [f"set bonding xmit_policy bond0 {p}" for p in
                ("l2", "l23", "vlan+srcmac", "encap23", "encap34", "l34")]
    commands += [f"set bonding option bond0 seed={s}" for s in range(1, 8)]
    change_under_load(r, commands)


def test_a_primary_change_under_load_loses_and_reorders_nothing(rig):
    r = prepared(rig)
    change_under_load(r, [f"set bonding primary net_vhost{i} bond0" for i in (1, 0) * 6])


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor"])
def test_drain_and_undrain_under_load_lose_and_reorder_nothing(rig, mode):
    r = prepared(rig, mode=mode)
    change_under_load(r, [f"set bonding {what} net_vhost{i} bond0" for i in (0, 1, 0)
                          for what in ("drain", "undrain")])


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor", "balance-rr"])
def test_a_member_leaves_and_comes_under_load_without_loss(rig, mode):
    r = prepared(rig, mode=mode, members=3)
    load = Load(r)
    for i in (0, 2):
        r.daemon.ctl(f"remove bonding member net_vhost{i} bond0")
        load.passes(50)
        r.daemon.ctl(f"add bonding member net_vhost{i} bond0")
        wait_for(lambda n=i: r.member(n)["usable"], what="member in service")
        load.passes(50)
    loses_nothing(load, in_order=mode != "balance-rr")


def test_a_flapping_member_moves_its_own_flows_only_and_gets_them_back(rig):
    r = prepared(rig, mode="balance-xor", members=4)
    frames = [bytes.fromhex("02aa00000001" + VM.replace(":", "") + "0800") + ip for ip in flows()]
    before = r.carriers(frames)
    assert {m[0] for m in before} == {0, 1, 2, 3} and all(len(m) == 1 for m in before)
    r.far[2].kill()
    wait_for(lambda: not r.member(2)["link"], what="link down")
    during = r.carriers(frames)
    assert all(d == b for d, b in zip(during, before) if b != [2])
    moved = [d[0] for d, b in zip(during, before) if b == [2]]
    assert set(moved) == {0, 1, 3}, "the lost member's flows spread over all the others"
    r.far[2].start()
    r.far[2].wait_up()
    wait_for(lambda: r.member(2)["usable"], what="member back")
    r.settle()
    assert r.carriers(frames) == before


def flows():
    """IPv4 UDP packets that differ in source address and port."""
    for i in range(160):
        yield (bytes.fromhex("4500002e000000004011") + b"\0\0" + bytes([10, 1, 0, i]) +
               bytes([10, 2, 0, 1]) + (3000 + 37 * i).to_bytes(2, "big") + b"\x00\x35" +
               bytes.fromhex("001a0000") + bytes([i]) * 26)


# ---- confirm, commit ----

def mode(r):
    return r.bond()["mode"]


def test_an_unconfirmed_mode_goes_back_by_itself(rig):
    r = prepared(rig)
    r.daemon.ctl("set bonding mode balance-xor bond0 confirm 1")
    assert mode(r) == "balance-xor"
    wait_for(lambda: mode(r) == "active-backup", 3, "mode back")
    with pytest.raises(CtlError):
        r.daemon.ctl("commit")
    r.vm(1).send(stream=1, count=100, src=VM, dst=FAR_MAC)
    assert r.far[0].await_stream(1, 100)["distinct"] == 100


def test_a_committed_mode_stays(rig):
    r = prepared(rig)
    r.daemon.ctl("set bonding mode balance-xor bond0 confirm 1")
    r.daemon.ctl("commit")
    end = time.monotonic() + 1.6
    seen = set()

    def over():
        seen.add(mode(r))
        return time.monotonic() > end
    wait_for(over, 5, "the time for confirming")
    assert seen == {"balance-xor"}
    assert "balance-xor" in r.daemon.ctl("show running-config")


def test_a_second_change_within_the_time_goes_back_to_the_state_before_the_first(rig):
    r = prepared(rig)
    r.daemon.ctl("set bonding mode balance-xor bond0 confirm 60")
    r.daemon.ctl("set bonding mode balance-alb bond0 confirm 1")
    assert mode(r) == "balance-alb"
    wait_for(lambda: mode(r) != "balance-alb", 3, "going back")
    assert mode(r) == "active-backup"


# ---- the stopwatch and the drill ----

def records(r):
    return r.daemon.ctl("show bonding failover", json=True)


def closed(r, n=1):
    """The newest record, when there are n since prepared() and it is complete."""
    shown = records(r)
    return shown[0] if len(shown) >= r.earlier + n and not shown[0]["open"] else None


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor"])
def test_a_lost_member_under_load_is_timed(rig, mode):
    r = prepared(rig, mode=mode)
    load = Load(r)
    r.far[0].kill()
    record = wait_for(lambda: closed(r), 10, "failover recorded")
    load.stop()
    assert record["from"] == "net_vhost0" and record["to"] == "net_vhost1"
    assert "net_vhost0" in record["cause"] and "link" in record["cause"] and not record["test"]
    assert record["has_first_frame"] and 0 < record["first_frame_us"] < 1000000
    assert 0 < record["detect_us"] < 1000000 and record["lost"] >= 0
    assert abs(record["time_ms"] / 1000 - time.time()) < 30
    event = r.events("failover")[-1]
    assert event["object"] == "net_vhost0" and "first frame after" in event["text"]


def samples(r):
    """`show metrics` as Prometheus' own library reads it: {(name, labels): value}."""
    text = r.daemon.ctl("show metrics")
    families = list(text_string_to_metric_families(text))
    assert families and all(f.documentation and f.type != "unknown" for f in families)
    return {(s.name, *sorted(s.labels.values())): s.value for f in families for s in f.samples}


def test_the_stopwatch_is_a_metric(rig):
    r = prepared(rig)
    first = "bondfwd_failover_first_frame_seconds"
    before = samples(r)

    def more(*key):
        return after[key] - before[key]
    assert before["bondfwd_member_up", "bond0", "net_vhost0"] == 1
    load = Load(r)
    r.far[0].kill()
    record = wait_for(lambda: closed(r), 10, "failover recorded")
    load.stop()
    after = samples(r)
    assert more("bondfwd_failovers_total", "bond0") == 1
    assert more(f"{first}_count", "bond0") == 1 == more(f"{first}_bucket", "+Inf", "bond0")
    seconds = record["first_frame_us"] / 1e6
    assert more(f"{first}_sum", "bond0") == pytest.approx(seconds, rel=1e-6)
    bins = {float(k[1]): more(*k) for k in after if k[0] == f"{first}_bucket"}
    assert all(n == (seconds <= le) for le, n in bins.items())
    told = more("bondfwd_failover_announcements_total", "bond0")
    assert told == record["announcements"] > 0
    assert more("bondfwd_failover_lost_frames_total", "bond0") == record["lost"]
    assert after["bondfwd_member_up", "bond0", "net_vhost0"] == 0
    assert after["bondfwd_member_carries", "bond0", "net_vhost1"] == 1
    assert more("bondfwd_member_link_losses_total", "bond0", "net_vhost0") == 1
    details = {m["name"]: m for m in r.bond()["member_details"]}
    for name, m in details.items():
        assert after["bondfwd_member_transmit_frames_total", "bond0", name] == m["tx_frames"]

    def same_in_json():
        """Of one moment: once a second findings of health come and go."""
        in_json = r.daemon.ctl("show metrics", json=True)
        return {(s["name"], *sorted(s["labels"].values())) for s in in_json} == set(samples(r))
    wait_for(same_in_json, 10, "the same samples in JSON")


def test_frames_lost_for_want_of_a_member_are_counted_in_the_record(rig):
    r = prepared(rig)
    r.far[1].kill()
    wait_for(lambda: not r.member(1)["link"], what="backup down")
    r.far[0].kill()
    wait_for(lambda: not r.member(0)["link"], what="active down")
    r.vm(1).send(stream=1, count=100, src=VM, dst=FAR_MAC)
    record = wait_for(lambda: closed(r), 10, "failover recorded")
    assert (record["from"], record["to"], record["lost"]) == ("net_vhost0", "none", 100)
    assert not record["has_first_frame"]


def test_a_planned_move_is_recorded_with_its_reason_and_no_loss(rig):
    r = prepared(rig)
    r.daemon.ctl("set bonding primary net_vhost1 bond0")
    record = wait_for(lambda: closed(r), 10, "primary change recorded")
    assert record["lost"] == 0 and "preferred" in record["cause"]
    r.daemon.ctl("set bonding drain net_vhost1 bond0")
    record = wait_for(lambda: closed(r, 2), 10, "drain recorded")
    assert "drained" in record["cause"] and record["to"] == "net_vhost0"


def test_the_drill_moves_traffic_loses_nothing_and_gives_it_back(rig):
    r = prepared(rig)
    load = Load(r)
    r.daemon.ctl("test failover bond0 member net_vhost0")
    wait_for(lambda: r.bond()["active_member"] == "net_vhost1", 3, "drill")
    record = wait_for(lambda: closed(r), 10, "drill recorded")
    assert record["test"] and record["lost"] == 0 and "test failover" in record["cause"]
    assert record["has_first_frame"] and record["first_frame_us"] < 1000000
    wait_for(lambda: r.bond()["active_member"] == "net_vhost0", 5, "the end of the drill")
    load.passes(50)
    loses_nothing(load)


def test_the_drill_is_refused_when_redundancy_is_reduced(rig):
    r = prepared(rig)
    before = r.bond()["failovers"]
    r.daemon.ctl("set bonding drain net_vhost1 bond0")
    refused = [("net_vhost0", "net_vhost1"), ("nonesuch", "nonesuch")]
    for member, word in refused:
        with pytest.raises(CtlError) as error:
            r.daemon.ctl(f"test failover bond0 member {member}")
        assert word in error.value.text
    r.daemon.ctl("set bonding undrain net_vhost1 bond0")
    r.far[1].kill()
    wait_for(lambda: not r.member(1)["link"], what="backup down")
    with pytest.raises(CtlError) as error:
        r.daemon.ctl("test failover bond0 member net_vhost0")
    assert "net_vhost1" in error.value.text and "reduced" in error.value.text
    r.daemon.ctl("remove bonding member net_vhost1 bond0")
    with pytest.raises(CtlError, match="one member"):
        r.daemon.ctl("test failover bond0 member net_vhost0")
    assert r.bond()["active_member"] == "net_vhost0" and r.bond()["failovers"] == before
