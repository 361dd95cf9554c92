# SPDX-License-Identifier: BSD-3-Clause
"""Changes under load: planned ones lose nothing, losses are timed, and both are undone cleanly."""

import time

import pytest

from bf import FAR_MAC, LOG_LINK_LOSS, CtlError, PeerError, guest_mac, wait_for

VM = guest_mac(1)
RATE = 2000
STREAMS = iter(range(100, 60000))


class Load:
    """A guest sends numbered frames of many flows until told to stop."""

    def __init__(self, r, **spec):
        self.r, self.stream = r, next(STREAMS)
        self.before = r.vm(1).port()["tx"]
        r.vm(1).send(wait=False, stream=self.stream, count=1 << 20, src=VM, dst=FAR_MAC, flows=61,
                     rate=RATE, **spec)
        self.passes(1)

    def sent(self):
        return self.r.vm(1).port()["tx"] - self.before

    def passes(self, count):
        """Wait until so many more frames have left the guest."""
        goal = self.sent() + count
        wait_for(lambda: self.sent() >= goal, what="load going on")

    def stop(self):
        """Tallies of the living far peers and the number of frames sent."""
        with pytest.raises(PeerError, match="timeout"):
            self.r.vm(1).cmd("wait", timeout=0)
        count = self.sent()
        self.r.settle()
        return count, [f.stream(self.stream, count) for f in self.r.alive()]


def loses_nothing(load, in_order=True):
    count, tallies = load.stop()
    assert sum(t["distinct"] for t in tallies) == count, tallies
    assert sum(t["received"] for t in tallies) == count, tallies
    if in_order:
        assert [t["reordered"] for t in tallies] == [0] * len(tallies)
    assert load.r.daemon.drops().get("member_full", 0) == 0


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
    r.far[0].send(wait=False, stream=1, count=4000, src=FAR_MAC, dst=VM, flows=61, rate=RATE)
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
    """The newest record, when there are n and it is complete."""
    shown = records(r)
    return shown[0] if len(shown) >= n and not shown[0]["open"] else None


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
    assert r.bond()["active_member"] == "net_vhost0" and r.bond()["failovers"] == 0
