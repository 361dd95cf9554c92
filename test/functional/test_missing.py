# SPDX-License-Identifier: BSD-3-Clause
"""One missing part does not stop the rest: members without a device, switching all links."""

import pathlib
import struct
import subprocess

import pytest

import bf
from bf import FAR_MAC, CtlError, guest_mac, wait_for

MISSING_LOG = [r"^WARNING: member_missing: ", r"^WARNING: (not-distributing|no-partner)"]


def with_missing(rig, guests=("vm1",), members=1, mode="active-backup", extra="net_vhost7",
                 **options):
    """A bond that also names a device which is not there."""
    r = rig(start=False, guests=guests, members=members, mode=mode,
            log_allowed=MISSING_LOG + options.pop("log_allowed", []), **options)
    at = r.args.index("--bond") + 1
    r.args[at] += f",member={extra}"
    r.daemon = bf.Daemon(r.workdir, r.args, r.workers, r.memory, r.member_vdevs(), r.log_allowed)
    r.daemon.wait_ready()
    for peer in r.peers():
        peer.wait_up()
    return r


def lacp_ends(r):
    """A worker keeps each member's last LACPDU: for the pools to be full, LACP ends."""
    r.daemon.ctl("set bonding mode active-backup bond0")


def details(r):
    return {m["name"]: m for m in r.bond()["member_details"]}


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor", "802.3ad", "broadcast"])
def test_a_bond_starts_with_the_members_that_are_there(rig, mode):
    r = with_missing(rig, mode=mode)
    bond = r.bond()
    assert bond["members"] == ["net_vhost0"] and bond["missing_members"] == ["net_vhost7"]
    assert details(r)["net_vhost7"]["missing"] and not details(r)["net_vhost7"]["link"]
    assert not details(r)["net_vhost0"]["missing"]
    assert [e["object"] for e in r.events("member_missing")] == ["net_vhost7"]
    assert "add bonding member net_vhost7 bond0" in r.daemon.ctl("show running-config")
    if mode == "802.3ad":
        lacp_ends(r)
    else:
        wait_for(lambda: r.member(0)["usable"], what="member in service")
        r.learn(r.far[0], FAR_MAC)
        r.learn(r.vm(1), guest_mac(1))


def test_every_show_and_the_metrics_name_the_missing_member(rig):
    r = with_missing(rig, mode="802.3ad")
    for command in ("show bonding config bond0", "show bonding balance bond0",
                    "show bonding lacp info bond0", "show port summary all", "show port info all",
                    "show port stats all", "show port xstats all"):
        lines = [x for x in r.daemon.ctl(command).splitlines() if "net_vhost7" in x]
        assert lines, command
        assert "issing" in r.daemon.ctl(command)
        r.daemon.ctl(command, json=True)
    metrics = r.daemon.ctl("show metrics")
    assert 'bondfwd_member_missing{bond="bond0",member="net_vhost7"} 1\n' in metrics
    assert 'bondfwd_member_missing{bond="bond0",member="net_vhost0"} 0\n' in metrics
    assert 'bondfwd_member_up{bond="bond0",member="net_vhost7"} 0\n' in metrics
    done = r.daemon.run_ctl("show port info net_vhost7")
    assert done.returncode == 1 and "missing" in done.stdout + done.stderr
    lacp_ends(r)


def test_a_bond_without_any_member_serves_the_guests(rig):
    r = with_missing(rig, guests=("vm1", "vm2"), members=0)
    assert not r.bond()["open"] and r.bond()["missing_members"] == ["net_vhost7"]
    assert details(r)["net_vhost7"]["missing"]
    r.learn(r.vm(1), guest_mac(1))
    r.learn(r.vm(2), guest_mac(2))
    tally = r.transfer(r.vm(1), r.vm(2), 1, 200, src=guest_mac(1), dst=guest_mac(2))
    assert tally["missing"] == 0
    assert 'bondfwd_member_missing{bond="bond0",member="net_vhost7"} 1\n' in r.daemon.ctl(
        "show metrics")


@pytest.mark.parametrize("members", [0, 1])
def test_a_missing_member_is_taken_in_when_it_is_attached(rig, members):
    r = with_missing(rig, members=members)
    socket = r.workdir / "late.sock"
    late = bf.Peer(r.workdir, "late", socket)
    r.far.append(late)
    r.member_names.append("net_vhost7")
    r.daemon.ctl(f"port attach net_vhost7,iface={socket},queues=1,client=1")
    late.wait_up()
    wait_for(lambda: details(r)["net_vhost7"]["usable"], what="the late member in service")
    assert r.bond()["missing_members"] == [] and r.events("member_appeared")
    r.learn(r.vm(1), guest_mac(1))
    if members:
        r.daemon.ctl("set bonding primary net_vhost7 bond0")
    r.learn(late, FAR_MAC)
    tally = r.transfer(r.vm(1), late, 1, 200, src=guest_mac(1), dst=FAR_MAC)
    assert tally["missing"] == 0


def test_a_device_of_the_command_line_that_comes_up_late_is_looked_for(rig, workdir):
    """net_pcap cannot be opened while its file is not there."""
    source = pathlib.Path(workdir) / "in.pcap"
    vdev = f"net_pcap0,rx_pcap={source},tx_pcap={workdir}/out.pcap"
    r = rig(start=False, members=0, vdevs=[vdev], guests=(), log_allowed=MISSING_LOG + [
        r"pcap", r"^(EAL|VDEV|vdev|PMD)"])
    r.daemon = bf.Daemon(r.workdir, r.args, 1, r.memory, r.member_vdevs(), r.log_allowed)
    r.daemon.wait_ready()
    assert r.bond()["missing_members"] == ["net_pcap0"]
    source.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    wait_for(lambda: r.bond().get("members") == ["net_pcap0"], what="the late device in the bond")
    assert r.events("member_appeared")


def test_a_member_that_is_typed_must_be_there_but_a_file_may_name_it(rig, workdir):
    r = rig(guests=(), far_peers=False, log_allowed=MISSING_LOG)
    with pytest.raises(CtlError, match="net_vhost7"):
        r.daemon.ctl("add bonding member net_vhost7 bond0")
    path = pathlib.Path(workdir) / "more.conf"
    path.write_text("add bonding member net_vhost7 bond0\n", encoding="utf-8")
    r.daemon.ctl(f"load merge {path}")
    assert r.bond()["missing_members"] == ["net_vhost7"]
    r.daemon.ctl("set fdb aging 44")  # other changes are not held up by it
    r.daemon.ctl("remove bonding member net_vhost7 bond0")
    assert r.bond()["missing_members"] == []


def test_check_names_the_missing_member(workdir):
    done = subprocess.run(
        [str(bf.BONDFWD), "--vdev", "net_vhost0,iface=/x", "--", "--check", "--bond",
         "name=bond0,member=net_vhost0,member=net_vhost7"],
        capture_output=True, text=True, timeout=bf.LIMIT, check=False, cwd=workdir)
    assert done.returncode == 0
    assert [x for x in done.stderr.splitlines() if "net_vhost7" in x and "no such device" in x]
    assert "net_vhost0" not in done.stderr


# ---- set link-down port all ----

LINK_LOG = [r"^WARNING: (member_down|active_member|link_interrupt_missing)"]


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor"])
def test_link_down_of_all_switches_every_member_and_link_up_undoes_it(rig, mode):
    r = rig(mode=mode, guests=("vm1", "vm2"), log_allowed=LINK_LOG)
    text = r.daemon.ctl("set link-down port all")
    assert "net_vhost0 net_vhost1" in text
    wait_for(lambda: all(m["off"] and not m["link"] for m in details(r).values()), what="off")
    assert not r.bond()["off"]  # no second switch
    for m in r.member_names:
        r.daemon.ctl(f"set link-up port {m}")
    wait_for(lambda: all(m["link"] for m in details(r).values()), what="on again")
    r.daemon.ctl("set link-down port all")
    r.daemon.ctl("set link-down port bond0")
    assert "bond0" in r.daemon.ctl("set link-up port net_vhost0")  # it says what keeps it off
    r.daemon.ctl("set link-up port all")
    wait_for(lambda: all(m["link"] and not m["off"] for m in details(r).values()), what="all on")
    assert not r.bond()["off"]
    r.learn_all()


def test_link_down_of_a_guest_is_refused_and_does_nothing(rig):
    r = rig(guests=("vm1",))
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl("set link-down port vm1")
    assert refused.value.status == 2 and r.vm(1).is_up()
