# SPDX-License-Identifier: BSD-3-Clause
"""What is shown is true: speeds, counters, rates, failovers, events, types."""

import re
import time

import pytest

import bf
from bf import FAR_MAC, CtlError, guest_mac, wait_for

LINK_LOG = bf.LOG_LINK_LOSS + [r"^WARNING: member_down: net_vhost\d+: test failover$",
                               r"^WARNING: (not-distributing|no-partner)"]


def port(r, name):
    return {p["name"]: p for p in r.daemon.ctl("show port info all", json=True)}[name]


@pytest.mark.parametrize("mode, both, one", [
    ("active-backup", 10000, 10000), ("broadcast", 10000, 10000), ("balance-xor", 20000, 10000),
    ("balance-rr", 20000, 10000), ("balance-alb", 20000, 10000), ("802.3ad", 0, 0)])
def test_the_speed_of_a_bond_is_that_of_the_members_in_use(rig, mode, both, one):
    r = rig(mode=mode, guests=(), log_allowed=LINK_LOG)
    assert port(r, "bond0")["speed_mbps"] == both
    r.far[1].kill()
    wait_for(lambda: not r.member(1)["link"], what="link lost")
    assert port(r, "bond0")["speed_mbps"] == one
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


def test_an_unknown_speed_is_called_so(rig):
    r = rig(guests=("vm1",), far_peers=False)
    assert "Link speed: unknown" in r.daemon.ctl("show port info vm1")
    row = [x for x in r.daemon.ctl("show port summary all").splitlines() if " vm1 " in x]
    assert row[0].endswith("unknown")


def test_lacpdus_are_no_errors_and_those_sent_are_counted(rig):
    r = rig(mode="802.3ad", guests=(), bond=",lacp_rate=fast", log_allowed=LINK_LOG)

    def sent():
        return r.daemon.ctl("show port stats bond0", json=True)[0]["tx_packets"]
    wait_for(lambda: sent() >= 2, what="LACPDUs sent")
    pdu = bytes.fromhex("0180c20000020200000000018809010101") + bytes(107)
    for _ in range(5):
        r.far[0].raw(pdu)
    wait_for(lambda: r.daemon.drops().get("lacp", 0) >= 5, what="LACPDUs read")
    assert r.daemon.ctl("show port stats bond0", json=True)[0]["rx_errors"] == 0
    fwd = r.daemon.ctl("show fwd stats all", json=True)["ports"][0]
    assert fwd["rx_frames"] >= 5 and fwd["rx_dropped"] == 0
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor", "balance-alb"])
def test_failovers_are_counted_once_and_the_same_everywhere(rig, mode):
    r = rig(mode=mode, guests=(), log_allowed=LINK_LOG)
    r.far[0].kill()
    wait_for(lambda: not r.member(0)["link"], what="link lost")
    wait_for(lambda: r.bond()["failovers"] >= 1, what="failover counted")
    n = r.bond()["failovers"]
    assert len(r.daemon.ctl("show bonding failover", json=True)) == n
    assert f'bondfwd_failovers_total{{bond="bond0"}} {n}\n' in r.daemon.ctl("show metrics")


def test_show_failover_takes_the_bond_seriously(rig):
    r = rig(guests=(), far_peers=False)
    r.daemon.ctl("show bonding failover bond0")
    with pytest.raises(CtlError, match="nosuch"):
        r.daemon.ctl("show bonding failover nosuch")


def test_a_frame_that_comes_later_was_not_waiting(rig):
    r = rig(guests=("vm1",), log_allowed=LINK_LOG)
    r.learn_all()
    wait_for(lambda: not any(f["open"] for f in failovers(r)), what="earlier records closed")
    n = len(failovers(r))
    r.far[0].kill()
    wait_for(lambda: r.bond()["active_member"] == "net_vhost1", what="failover")
    begin = time.monotonic()
    wait_for(lambda: time.monotonic() > begin + 0.3)  # a guest that speaks now and then
    r.vm(1).send(stream=1, count=1, src=guest_mac(1), dst=FAR_MAC)
    wait_for(lambda: len(failovers(r)) > n and not failovers(r)[0]["open"], what="record closed")
    assert not failovers(r)[0]["has_first_frame"]
    assert "no frame was waiting" in r.events("failover")[-1]["text"]


def failovers(r):
    return r.daemon.ctl("show bonding failover", json=True)


def test_events_say_what_happened(rig):
    r = rig(guests=(), log_allowed=LINK_LOG)
    r.daemon.ctl("test failover bond0 member net_vhost0")
    assert r.events("member_down")[-1]["text"] == "test failover"
    wait_for(lambda: r.bond()["active_member"] == "net_vhost0", what="the end of the drill")
    r.daemon.ctl("remove bonding member net_vhost0 bond0")
    assert r.events("active_member")[-1]["text"] == "net_vhost1, was net_vhost0"
    record = wait_for(lambda: [f for f in failovers(r) if "removed" in f["cause"]], what="record")
    assert (record[0]["from"], record[0]["to"]) == ("net_vhost0", "net_vhost1")
    assert record[0]["cause"] == "net_vhost0 was removed"
    keeps = r.events("bond_keeps_address")[-1]["text"]
    assert "net_vhost0" in keeps and r.bond()["mac"] in keeps


# ---- rates ----

def stats(r, name):
    return r.daemon.ctl(f"show port stats {name}", json=True)[0]


def test_rates_are_the_same_for_every_viewer(rig):
    r = rig(guests=("vm1",))
    r.learn_all()
    r.far[0].send(wait=False, stream=1, count=1 << 20, src=FAR_MAC, dst=guest_mac(1), rate=2000)
    wait_for(lambda: stats(r, "vm1")["tx_pps"] > 500, what="a rate")
    seen = [stats(r, "vm1")["tx_pps"] for _ in range(20)]
    assert min(seen) > 500  # a look does not begin a new measurement
    wait_for(lambda: 0 < stats(r, "vm1")["tx_pps_10s"] < 50000, what="the slower rate")
    text = r.daemon.ctl("show port stats vm1")
    assert "last second" in text and "last 10 seconds" in text
    assert len(re.findall(r"Tx-pps:", text)) == 2
    assert stats(r, "net_vhost0")["rx_pps"] > 0 and stats(r, "bond0")["rx_pps"] > 0
    r.daemon.ctl("clear port stats all")
    assert stats(r, "vm1")["tx_pps"] == 0
    with pytest.raises(bf.PeerError):
        r.far[0].cmd("wait", timeout=0)


# ---- spelling and types ----

def test_macs_are_spelt_in_one_way_and_a_guest_shows_its_own(rig):
    r = rig(guests=("vm1",))
    r.learn_all()
    assert port(r, "vm1")["mac"] == guest_mac(1)
    for command in ("show port info all", "show port summary all", "show bonding config bond0",
                    "show fdb"):
        macs = re.findall(r"\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b", r.daemon.ctl(command))
        assert macs and all(m == m.lower() for m in macs), command


def test_json_numbers_keep_their_type(rig):
    r = rig(guests=("vm1",), mode="balance-xor")
    balance = r.daemon.ctl("show bonding balance bond0", json=True)
    assert isinstance(balance["ratio"], float)
    assert all(isinstance(m["bps"], float) for m in balance["members"])
    assert all(isinstance(stats(r, "vm1")[k], int) for k in ("rx_pps", "tx_bps", "rx_pps_10s"))


def test_cycles_per_frame_do_not_hold_the_time_asleep(rig):
    r = rig(guests=("vm1",), workers=1)
    r.learn_all()
    r.daemon.ctl("set lcore idle sleep")

    def lcore():
        return r.daemon.ctl("show lcore", json=True)[0]
    wait_for(lambda: lcore()["sleeps"] > 0, what="asleep")
    before = lcore()
    for i in range(20):
        r.vm(1).send(stream=i, count=1, src=guest_mac(1), dst=FAR_MAC)
        asleep = lcore()["sleeps"]
        wait_for(lambda: lcore()["sleeps"] > asleep + 1, what="asleep again")
    after = lcore()
    busy = after["busy_cycles"] - before["busy_cycles"]
    idle = after["idle_cycles"] - before["idle_cycles"]
    assert busy < idle / 10, (busy, idle)
