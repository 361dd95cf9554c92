# SPDX-License-Identifier: BSD-3-Clause
"""capture of a bond's member: what passes on its cable, in both directions, as tshark reads it."""

import pathlib

from bf import FAR_MAC, guest_mac, mac_bytes, wait_for
from fixtures import LOG_LACP
from test_capture import capture_of, frames_of, packet, send, start, tcpdump, wait_ended
from test_capture_pcapng import stop, tshark

VM1 = guest_mac(1)
LOG = [*LOG_LACP, r"^WARNING: (member_down|active_member): "]


def test_a_member_is_captured_in_both_directions_under_its_own_name(rig, workdir):
    r = rig(guests=("vm1",))
    r.learn_all()
    path, other = pathlib.Path(workdir, "member"), pathlib.Path(workdir, "backup")
    number = start(r, ["net_vhost0", "filter", "udp", "file", path])
    backup = start(r, ["net_vhost1", "filter", "udp", "file", other])
    sent, got = packet(FAR_MAC, VM1, 1), packet(VM1, FAR_MAC, 2, size=600)
    unheard = packet(VM1, FAR_MAC, 3)
    send(r, r.vm(1), [sent])
    send(r, r.far[0], [got])
    send(r, r.far[1], [unheard])
    assert (stop(r, number)["port"], stop(r, backup)["port"]) == ("net_vhost0", "net_vhost1")
    assert [[name, int(flags, 16), comment] for name, flags, comment, *_ in tshark(path)] == [
        ["net_vhost0", 2, "lcore 1"], ["net_vhost0", 1, "lcore 1"]]
    assert frames_of(path) == [sent, got] and len(tcpdump(path)) == 2
    # What a backup brings is seen, though the switch does not take it.
    assert [int(row[1], 16) for row in tshark(other)] == [1] and frames_of(other) == [unheard]


def test_each_member_shows_the_frames_that_leave_by_it(rig, workdir):
    r = rig(guests=("vm1",), mode="balance-rr", workers=2)
    r.learn_all()
    paths = [pathlib.Path(workdir, f"m{i}") for i in (0, 1)]
    numbers = [start(r, [f"net_vhost{i}", "out", "filter", "udp", "file", paths[i]]) for i in (0, 1)]
    bond = start(r, ["bond0", "out", "filter", "udp", "file", pathlib.Path(workdir, "bond")])
    frames = [packet(FAR_MAC, VM1, i) for i in range(20)]
    for f in r.far:
        f.capture(64, match="other")
    send(r, r.vm(1), frames)
    for number in (*numbers, bond):
        stop(r, number)
    for path, far in zip(paths, r.far):
        assert sorted(frames_of(path)) == sorted(f for f in far.captured() if f in frames)
    assert sorted(frames_of(paths[0]) + frames_of(paths[1])) == sorted(frames)
    assert sorted(frames_of(pathlib.Path(workdir, "bond"))) == sorted(frames)


def test_lacpdus_of_a_member_are_in_its_capture(rig, workdir):
    r = rig(guests=(), mode="802.3ad", members=1, log_allowed=LOG)
    path = pathlib.Path(workdir, "lacp")
    number = start(r, ["net_vhost0", "file", path])
    r.daemon.ctl("set link-down port net_vhost0")
    r.daemon.ctl("set link-up port net_vhost0")  # LACP begins anew, with a frame at once
    wait_for(lambda: capture_of(r, number)["frames"] > 0, what="an LACPDU")
    send(r, r.far[0], [mac_bytes("01:80:c2:00:00:02") + mac_bytes(FAR_MAC) + b"\x88\x09\x01\x01" + bytes(108)])
    stop(r, number)
    rows = tshark(path, "-Y", "slow")
    assert {(row[0], int(row[1], 16)) for row in rows} == {("net_vhost0", 1), ("net_vhost0", 2)}
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


def test_drops_of_a_member_are_those_that_came_by_it(rig, workdir):
    r = rig(guests=("vm1",))
    r.learn_all()
    paths = [pathlib.Path(workdir, f"m{i}") for i in (0, 1)]
    numbers = [start(r, [f"net_vhost{i}", "drops", "filter", "udp", "file", paths[i]]) for i in (0, 1)]
    send(r, r.far[1], [packet(VM1, FAR_MAC, 1)])
    send(r, r.far[0], [packet("01:80:c2:00:00:05", FAR_MAC, 2)])
    for number in numbers:
        stop(r, number)
    assert [row[2] for row in tshark(paths[1])] == ["dropped: inactive_member, lcore 1"]
    assert [row[2] for row in tshark(paths[0])] == ["dropped: reserved_address, lcore 1"]


def test_a_capture_of_a_member_ends_when_it_leaves_its_bond(rig, workdir):
    r = rig(guests=("vm1",))
    r.learn_all()
    path = pathlib.Path(workdir, "f")
    number = start(r, ["net_vhost1", "filter", "udp", "file", path])
    r.daemon.ctl("set bonding mode balance-xor bond0")
    assert capture_of(r, number)["state"] == "running"
    r.daemon.ctl("remove bonding member net_vhost1 bond0")
    assert wait_ended(r, number)["why"] == "its port was removed"
    refused = start(r, ["net_vhost1", "file", path.with_name("again")], json=False)
    assert refused.returncode == 2
    assert 'port: "net_vhost1": in no bond: expected a bond, a member of one, a guest or all' in refused.stdout
