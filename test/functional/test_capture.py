# SPDX-License-Identifier: BSD-3-Clause
"""capture: frames of ports into files, as tcpdump reads them."""

import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import threading
import time

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import RawPcapReader

from bf import BONDCTL, FAR_MAC, CtlError, guest_mac, parse_json, wait_for

VM1, VM2 = guest_mac(1), guest_mac(2)


def start(r, words, json=True):
    """capture start with words that may hold blanks; the capture's number, or the failed process."""
    cmd = [BONDCTL, "-s", r.daemon.console] + (["-j"] if json else []) + ["capture", "start", *words]
    done = subprocess.run([str(c) for c in cmd], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=30, check=False)
    return parse_json(done.stdout)["id"] if json and done.returncode == 0 else done


def capture_of(r, number):
    return {c["id"]: c for c in r.daemon.ctl("show capture", json=True)}[number]


def wait_ended(r, number):
    wait_for(lambda: capture_of(r, number)["state"] == "ended", what=f"capture {number} ended")
    return capture_of(r, number)


def tcpdump(path, *words):
    """What the program of that name says of a file, a line for each frame."""
    done = subprocess.run(["tcpdump", "-nr", str(path), *words], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "truncated" not in done.stderr
    return done.stdout.splitlines()


def frames_of(path):
    return [data for data, _ in RawPcapReader(str(path))]


def packet(dst, src, number, layer=UDP, port=80, size=100):
    head = Ether(dst=dst, src=src) / IP(src="10.0.0.1", dst="10.0.0.2") / layer(sport=1000, dport=port)
    return bytes(head / Raw(number.to_bytes(4, "big") + bytes(size - 4)))


def send(r, peer, frames):
    with r.taking(len(frames)):
        for frame in frames:
            peer.raw(frame)


def descriptors(r):
    return sorted(os.readlink(f"/proc/{r.daemon.proc.pid}/fd/{n}")
                  for n in os.listdir(f"/proc/{r.daemon.proc.pid}/fd"))


def test_a_filtered_capture_of_a_guest_is_what_tcpdump_reads(rig, workdir):
    r = rig()
    r.learn_all()
    before = len(os.listdir(f"/proc/{r.daemon.proc.pid}/fd"))
    path = pathlib.Path(workdir, "vm1.pcap")
    began = time.time()
    number = start(r, ["vm1", "filter", "tcp port 80", "count", "7", "file", path])
    out = [packet(FAR_MAC, VM1, i, TCP if i % 2 else UDP, size=20 + 300 * i) for i in range(8)]
    to = [packet(VM1, FAR_MAC, 100 + i, TCP, port=80 + i % 2) for i in range(6)]
    send(r, r.vm(2), [packet(FAR_MAC, VM2, 50 + i, TCP) for i in range(5)])  # not of vm1
    send(r, r.vm(1), out)
    send(r, r.far[0], to)
    send(r, r.vm(1), [packet(FAR_MAC, VM1, 90, TCP)])  # beyond the count
    shown = wait_ended(r, number)
    assert (shown["frames"], shown["lost"], shown["port"]) == (7, 0, "vm1")
    assert shown["filter"] == "tcp port 80" and shown["file"] == str(path)
    assert shown["bytes"] == path.stat().st_size
    assert frames_of(path) == out[1::2] + to[0::2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = tcpdump(path, "-tt")
    assert len(lines) == 7 and all("10.0.0.1.1000 > 10.0.0.2.80: Flags" in line for line in lines)
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times) and began - 0.1 < times[0] <= times[-1] < time.time() + 0.1
    event, = r.events("capture_ended")
    assert "7 frames written, 0 lost" in event["text"] and event["object"] == "vm1"
    wait_for(lambda: len(os.listdir(f"/proc/{r.daemon.proc.pid}/fd")) == before, what="descriptors closed")


def test_a_capture_of_all_sees_a_frame_come_and_go_and_stop_writes_everything(rig, workdir):
    r = rig(workers=2)
    r.learn_all()
    path = pathlib.Path(workdir, "all.pcap")
    number = start(r, ["all", "file", path])
    frames = [packet(FAR_MAC, VM1, i, size=9000) for i in range(200)]
    send(r, r.vm(1), frames)
    r.daemon.ctl(f"capture stop {number}")
    assert capture_of(r, number)["state"] == "ended" and capture_of(r, number)["why"] == "stopped"
    got = [f for f in frames_of(path) if f[6:12] == bytes.fromhex(VM1.replace(":", ""))]
    assert sorted(got) == sorted(frames * 2)
    send(r, r.vm(1), frames[:3])
    assert len(tcpdump(path, "ether", "src", VM1)) == 400
    assert capture_of(r, number)["frames"] == len(frames_of(path))


def test_several_captures_at_once_see_what_each_asks_for(rig, workdir):
    r = rig()
    r.learn_all()
    before = descriptors(r)
    wanted = {"bond0": 5, "vm1": 5, "101": 0}
    numbers = {port: start(r, [port, "file", pathlib.Path(workdir, port), "filter", *words])
               for port, words in zip(wanted, (["udp", "port", "80"], ["udp port 80"], ["udp"]))}
    send(r, r.vm(1), [packet(FAR_MAC, VM1, i) for i in range(5)])
    assert [c["state"] for c in r.daemon.ctl("show capture", json=True)] == ["running"] * 3
    assert "filter: udp port 80" in r.daemon.ctl("show capture")
    r.daemon.ctl("capture stop all")
    for port, frames in wanted.items():
        shown = capture_of(r, numbers[port])
        assert (shown["state"], shown["frames"]) == ("ended", frames)
        assert len(tcpdump(pathlib.Path(workdir, port))) == frames
    assert descriptors(r) == before


def test_seventeen_captures_are_one_too_many_and_the_oldest_ended_gives_way(rig, workdir):
    r = rig()
    numbers = [start(r, ["vm1", "file", pathlib.Path(workdir, f"{i}")]) for i in range(16)]
    refused = start(r, ["vm1", "file", pathlib.Path(workdir, "more")])
    assert refused.returncode == 1 and "16 captures run already" in refused.stdout
    assert not pathlib.Path(workdir, "more").exists()
    r.daemon.ctl("capture stop all")
    more = [start(r, ["vm1", "file", pathlib.Path(workdir, f"again{i}")]) for i in range(3)]
    listed = [c["id"] for c in r.daemon.ctl("show capture", json=True)]
    assert listed == sorted(numbers + more)[-16:]


REFUSED = {
    "no such port": (["nope", "file", "{dir}/f"], 2, 'port: "nope": expected a port'),
    "bad filter": (["vm1", "filter", "tcp prot 80", "file", "{dir}/f"], 2,
                   'filter: "tcp prot 80": can\'t parse filter expression: syntax error'),
    "a loop": (["vm1", "file", "{dir}/f", "filter", "ip6", "protochain", "6"], 2,
               'filter: "ip6 protochain 6": '),
    "existing file": (["vm1", "file", "{dir}/old"], 2, 'old": exists: expected a name'),
    "no folder": (["vm1", "file", "{dir}/no/f"], 1, 'no/f": No such file or directory'),
    "relative path": (["vm1", "file", "f.pcap"], 2, 'file: "f.pcap": expected a path from / on'),
    "a folder": (["vm1", "file", "{dir}"], 2, "exists"),
    "a fifo without a reader": (["vm1", "file", "{dir}/fifo"], 1, "a FIFO that nobody reads"),
    "count 0": (["vm1", "count", "0", "file", "{dir}/f"], 2, 'count: "0": expected 1 to'),
    "huge count": (["vm1", "count", "1000000000001", "file", "{dir}/f"], 2, "expected 1 to"),
}


def test_what_is_refused_changes_nothing(rig, workdir):
    r = rig()
    r.learn_all()  # all of the guests' descriptors are there
    pathlib.Path(workdir, "old").write_text("kept", encoding="ascii")
    os.mkfifo(pathlib.Path(workdir, "fifo"))
    before = descriptors(r), sorted(os.listdir(workdir))
    for name, (words, status, text) in REFUSED.items():
        done = start(r, [w.replace("{dir}", str(workdir)) for w in words], json=False)
        assert done.returncode == status, (name, done.stdout)
        assert text in done.stdout, (name, done.stdout)
    assert r.daemon.ctl("show capture", json=True) == []
    # The console's end of a client that has gone is closed a moment later.
    wait_for(lambda: (descriptors(r), sorted(os.listdir(workdir))) == before, what="nothing left behind")
    assert pathlib.Path(workdir, "old").read_text(encoding="ascii") == "kept"
    with pytest.raises(CtlError, match='capture: "1": expected a number of show capture, or all'):
        r.daemon.ctl("capture stop 1")


@pytest.fixture
def small_disk():
    path = tempfile.mkdtemp(prefix="bft-disk-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], check=True)
    yield pathlib.Path(path)
    subprocess.run(["umount", "-l", path], check=True)
    shutil.rmtree(path, ignore_errors=True)


def test_a_full_disk_ends_the_capture_and_not_the_traffic(rig, small_disk):
    r = rig(log_allowed=[r"^WARNING: capture_ended: vm1: "])
    r.learn_all()
    path = small_disk / "f"
    number = start(r, ["vm1", "filter", "udp", "file", path])
    frames = [packet(FAR_MAC, VM1, i, size=1000) for i in range(100)]
    tally = r.transfer(r.vm(1), r.far[0], 1, 500, src=VM1, dst=FAR_MAC, size=1000)
    assert tally["distinct"] == 500
    shown = wait_ended(r, number)
    assert shown["why"] == "No space left on device"
    assert 0 < shown["frames"] == len(frames_of(path)) == len(tcpdump(path))
    assert shown["frames"] * 1000 > 50000 and shown["bytes"] == path.stat().st_size
    event, = r.events("capture_ended")
    assert event["level"] == "warning" and "No space left on device" in event["text"]
    send(r, r.vm(1), frames)


def test_a_fifo_feeds_tcpdump_while_frames_come(rig, workdir):
    r = rig(log_allowed=[r"^WARNING: capture_ended: vm1: capture 1: Broken pipe"])
    r.learn_all()
    fifo = pathlib.Path(workdir, "fifo")
    os.mkfifo(fifo)
    reader = subprocess.Popen(["tcpdump", "-lnr", str(fifo), "-c", "3"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    number = wait_for(lambda: (lambda n: n if isinstance(n, int) else None)(
        start(r, ["vm1", "filter", "udp", "file", fifo])), what="reader of the fifo")
    send(r, r.vm(1), [packet(FAR_MAC, VM1, i) for i in range(3)])
    assert len(reader.communicate(timeout=30)[0].splitlines()) == 3

    def gone():
        send(r, r.vm(1), [packet(FAR_MAC, VM1, 9)])
        return capture_of(r, number)["state"] == "ended"
    wait_for(gone, what="capture ended with its reader")


def stuck_reader(r, fifo):
    """A capture into a FIFO that is open and is not read; it has more than fits in."""
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    number = start(r, ["vm1", "filter", "udp", "file", fifo])
    send(r, r.vm(1), [packet(FAR_MAC, VM1, i, size=8000) for i in range(100)])
    return number, end


def test_a_reader_that_does_not_read_holds_up_nothing(rig, workdir):
    r = rig(log_allowed=[r"^WARNING: capture_ended: vm1: .* its reader does not read"])
    r.learn_all()
    number, end = stuck_reader(r, pathlib.Path(workdir, "fifo"))
    with pytest.raises(CtlError, match="it goes on in the background"):
        r.daemon.ctl(f"capture stop {number}")
    assert capture_of(r, number)["state"] == "stopping"
    r.daemon.ctl(f"capture stop {number}")
    shown = wait_ended(r, number)
    assert shown["why"] == "its reader does not read" and shown["frames"] + shown["lost"] == 100
    os.close(end)


def test_exit_gives_up_a_reader_that_does_not_read(rig, workdir):
    r = rig(log_allowed=[r"^WARNING: capture_ended: vm1: .* its reader does not read"])
    r.learn_all()
    _, end = stuck_reader(r, pathlib.Path(workdir, "fifo"))
    r.check_balance()
    assert r.daemon.stop() == 0
    os.close(end)


def test_exit_leaves_a_whole_file(rig, workdir):
    r = rig()
    r.learn_all()
    path = pathlib.Path(workdir, "f")
    start(r, ["vm1", "filter", "udp", "file", path])
    frames = [packet(FAR_MAC, VM1, i, size=8000) for i in range(100)]
    send(r, r.vm(1), frames)
    r.check_balance()
    assert r.daemon.stop() == 0
    assert frames_of(path) == frames and len(tcpdump(path)) == 100
    assert "the program ends; 100 frames written, 0 lost" in r.daemon.log_text()


def test_a_capture_ends_with_its_port_and_never_sees_the_next_one(rig, workdir):
    r = rig()
    r.learn_all()
    path = pathlib.Path(workdir, "f")
    number = start(r, ["vm1", "filter", "udp", "file", path])
    send(r, r.vm(1), [packet(FAR_MAC, VM1, i) for i in range(4)])
    r.daemon.ctl("remove guest vm1")
    shown = wait_ended(r, number)
    assert (shown["why"], shown["frames"]) == ("its port was removed", 4)
    r.daemon.ctl(f"add guest vm1 {r.guest_pairs('vm1')}")


def test_captures_come_and_go_under_load_and_lose_no_frame_of_the_traffic(rig, workdir):
    r = rig(workers=2)
    r.learn_all()
    stop = threading.Event()
    faults = []

    def turns():
        for i in range(30):
            if stop.is_set():
                return
            path = pathlib.Path(workdir, f"turn{i}")
            number = start(r, [("all", "vm1", "bond0")[i % 3], "file", path])
            if not isinstance(number, int):
                faults.append(number.stdout)
                return
            r.daemon.ctl(f"capture stop {number}")
            tcpdump(path)
    thread = threading.Thread(target=turns)
    thread.start()
    tally = r.transfer(r.vm(1), r.far[0], 1, 20000, src=VM1, dst=FAR_MAC, size=200, flows=7)
    thread.join(60)
    stop.set()
    assert tally["distinct"] == tally["received"] == 20000 and faults == []
