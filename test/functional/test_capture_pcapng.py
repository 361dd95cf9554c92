# SPDX-License-Identifier: BSD-3-Clause
"""capture: what pcapng says of each frame, directions, drops, and the bounds of its files."""

import os
import pathlib
import subprocess

from bf import FAR_MAC, guest_mac, mac_bytes, wait_for
from test_capture import capture_of, frames_of, packet, send, start, wait_ended

VM1, VM2 = guest_mac(1), guest_mac(2)
# frame.packet_flags is of pcapng's epb_flags: 1 in, 2 out.
FIELDS = ("frame.interface_name", "frame.packet_flags", "frame.comment", "frame.cap_len", "frame.len")


def tshark(path, *words):
    """A list of fields for each frame that tshark reads in a file."""
    cmd = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|", *words]
    for field in FIELDS:
        cmd += ["-e", field]
    done = subprocess.run(cmd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split("|") for line in done.stdout.splitlines()]


def stop(r, number):
    r.daemon.ctl(f"capture stop {number}")
    return capture_of(r, number)


def test_tshark_reads_port_direction_member_and_lcore_of_each_frame(rig, workdir):
    r = rig()
    r.learn_all()
    path = pathlib.Path(workdir, "all.pcapng")
    number = start(r, ["all", "filter", "udp", "file", path])
    send(r, r.vm(1), [packet(FAR_MAC, VM1, 1)])
    send(r, r.far[0], [packet(VM2, FAR_MAC, 2)])
    assert stop(r, number)["frames"] == 4
    size = str(len(packet(VM2, FAR_MAC, 2)))
    assert [[name, int(flags, 16), comment, cap, whole] for name, flags, comment, cap, whole in tshark(path)] == [
        ["vm1", 1, "lcore 1", size, size],
        ["bond0", 2, "lcore 1", size, size],
        ["bond0", 1, "member net_vhost0, lcore 1", size, size],
        ["vm2", 2, "lcore 1", size, size]]


def test_a_direction_and_a_snaplen_select_what_is_kept(rig, workdir):
    r = rig()
    r.learn_all()
    into, out = pathlib.Path(workdir, "in"), pathlib.Path(workdir, "out.pcap")
    first = start(r, ["vm1", "in", "filter", "udp", "snaplen", "64", "file", into])
    second = start(r, ["vm1", "out", "filter", "udp", "snaplen", "100", "file", out])
    sent, got = packet(FAR_MAC, VM1, 1, size=500), packet(VM1, FAR_MAC, 2, size=600)
    send(r, r.vm(1), [sent])
    send(r, r.far[0], [got])
    assert stop(r, first)["direction"] == "in" and stop(r, second)["snaplen"] == 100
    assert frames_of(into) == [sent[:64]] and frames_of(out) == [got[:100]]
    assert [row[3:] for row in tshark(into)] == [["64", str(len(sent))]]
    assert "in, at most 64 bytes of a frame" in r.daemon.ctl("show capture")
    assert out.read_bytes()[:4] == b"\x4d\x3c\xb2\xa1" and into.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_a_capture_of_drops_names_the_reason_of_each(rig, workdir):
    r = rig()
    r.learn_all()
    one, every = pathlib.Path(workdir, "one"), pathlib.Path(workdir, "every")
    numbers = [start(r, ["vm1", "drops", "file", one]), start(r, ["all", "drops", "file", every])]
    reserved = mac_bytes("01:80:c2:00:00:05") + mac_bytes(VM1) + b"\x08\x00" + bytes(60)
    send(r, r.vm(1), [reserved, packet(FAR_MAC, VM1, 1)])
    send(r, r.far[0], [mac_bytes("01:80:c2:00:00:05") + mac_bytes(FAR_MAC) + b"\x08\x00" + bytes(60)])
    r.daemon.ctl('set guest vm2 filter_out="drop udp"')
    send(r, r.far[0], [packet(VM2, FAR_MAC, 2)])
    for number in numbers:
        stop(r, number)
    assert [row[:3] for row in tshark(one)] == [["vm1", tshark(one)[0][1], "dropped: reserved_address, lcore 1"]]
    rows = {(row[0], int(row[1], 16), row[2]) for row in tshark(every, "-Y", "!slow")}
    assert rows >= {("vm1", 1, "dropped: reserved_address, lcore 1"),
                    ("bond0", 1, "dropped: reserved_address, member net_vhost0, lcore 1")}
    assert ("vm2", 2, "dropped: filter_out, lcore 1") in rows


def test_a_guest_that_takes_the_place_of_another_has_its_own_name(rig, workdir):
    r = rig()
    r.learn_all()
    path = pathlib.Path(workdir, "f")
    number = start(r, ["all", "in", "filter", "udp", "file", path])
    send(r, r.vm(1), [packet(FAR_MAC, VM1, 1)])
    pairs = r.guest_pairs("vm1")
    r.daemon.ctl("remove guest vm1")
    r.daemon.ctl(f"add guest other {pairs}")
    r.vm(1).wait_up()
    r.learn(r.vm(1), VM1)
    send(r, r.vm(1), [packet(FAR_MAC, VM1, 2)])
    stop(r, number)
    assert [row[0] for row in tshark(path, "-Y", "udp")] == ["vm1", "other"]


def test_a_file_ends_at_its_limit(rig, workdir):
    r = rig()
    r.learn_all()
    path = pathlib.Path(workdir, "f")
    number = start(r, ["vm1", "in", "filter", "udp", "file", path, "limit", "1"])
    assert r.transfer(r.vm(1), r.far[0], 1, 400, src=VM1, dst=FAR_MAC, size=4000)["distinct"] == 400
    shown = wait_ended(r, number)
    assert shown["why"] == "has as many bytes as it may" and shown["limit_mb"] == 1
    assert 950000 < path.stat().st_size == shown["bytes"] <= 1000000
    assert len(tshark(path)) == shown["frames"] < 400
    event, = r.events("capture_ended")
    assert event["level"] == "notice" and "has as many bytes as it may" in event["text"]


def test_a_ring_keeps_the_newest_frames_within_its_bytes(rig, workdir):
    r = rig()
    r.learn_all()
    path = pathlib.Path(workdir, "f")
    number = start(r, ["vm1", "in", "filter", "udp", "ring", "1", "files", "3", "file", path])
    assert r.transfer(r.vm(1), r.far[0], 1, 700, src=VM1, dst=FAR_MAC, size=4000)["distinct"] == 700
    shown = stop(r, number)
    assert (shown["frames"], shown["lost"], shown["files"]) == (700, 0, 3)
    files = sorted(p.name for p in pathlib.Path(workdir).glob("f.*"))
    assert files == [f"f.{n:06}" for n in range(int(files[-1][2:]) - 2, int(files[-1][2:]) + 1)]
    kept = [f for name in files for f in frames_of(pathlib.Path(workdir, name))]
    assert 600000 < sum(pathlib.Path(workdir, name).stat().st_size for name in files) <= 1000000
    assert len(kept) == sum(len(tshark(pathlib.Path(workdir, name))) for name in files)
    refused = start(r, ["vm1", "ring", "1", "file", path])
    assert refused.returncode == 2 and "exists: expected a name that is not in use" in refused.stdout


def test_frames_that_a_stuck_reader_missed_are_counted_and_hold_nobody_up(rig, workdir):
    r = rig()
    r.learn_all()
    fifo = pathlib.Path(workdir, "fifo")
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    number = start(r, ["vm1", "in", "filter", "udp", "file", fifo])
    # More than the tape holds.
    assert r.transfer(r.vm(1), r.far[0], 1, 1000, src=VM1, dst=FAR_MAC, size=9000)["distinct"] == 1000
    lost = wait_for(lambda: capture_of(r, number)["lost"], what="frames lost")
    text = r.daemon.ctl("show metrics")
    assert f'bondfwd_capture_lost_frames_total{{capture="{number}",port="vm1"}} {lost}' in text
    os.set_blocking(end, True)
    copy = pathlib.Path(workdir, "copy")
    with open(copy, "wb") as to, open(end, "rb", buffering=0) as stream:
        drain(r, number, stream, to)
    told = sum(int(line or 0) for line in fields(copy, "frame.drop_count"))
    shown = capture_of(r, number)
    assert shown["frames"] == len(tshark(copy)) and told == lost == shown["lost"]


def drain(r, number, stream, to):
    """Read a capture's stream up to one more frame, which says what was lost, and its end."""
    to.write(stream.read(65536))
    wait_for(lambda: read_some(stream, to) and capture_of(r, number)["frames"] >= 400, what="tape read")
    send(r, r.vm(1), [packet(FAR_MAC, VM1, 1)])
    r.daemon.run_ctl(f"capture stop {number}")
    while True:
        data = stream.read(65536)
        if data == b"":
            return
        to.write(data)


def read_some(stream, to):
    to.write(stream.read(65536))
    return True


def fields(path, name):
    done = subprocess.run(["tshark", "-n", "-r", str(path), "-T", "fields", "-e", name], capture_output=True,
                          text=True, timeout=60, check=True)
    return done.stdout.splitlines()
