# SPDX-License-Identifier: BSD-3-Clause
"""Times that LACP promises, measured on the wire by the kernel's time stamps.

The partner is scripted, on the kernel end of net_tap members.  Limits are the promised ones plus
what a busy test machine needs; BONDFWD_FIGURES names a file that receives the measured figures.
"""

import contextlib
import ctypes
import os
import pathlib
import socket
import statistics
import time

import pytest

import bf
from bf import FAR_MAC, guest_mac, wait_for
from lacp_partner import (  # noqa: F401 (fixtures)
    DISTRIBUTING, EXPIRED, FORWARDING, SYNC, Ears, gaps, lacp, net, partner, run)

# What a busy machine may add to a promised time, in seconds.
SLACK = 0.5
# A PDU this late would begin to worry a partner that asked for one per second.
LONGEST_GAP = 1.5
# How long the wire is watched without data; the promise is for 600, which nobody waits for daily.
IDLE_S = float(os.environ.get("BONDFWD_IDLE_S", "10"))
# With fewer CPUs than busy threads the scheduler adds to it; at 3 s a partner gives up.
STARVED_GAP = 2.5


def note(what, value):
    """Keep a measured figure."""
    print(f"measured: {what}: {value}")
    path = os.environ.get("BONDFWD_FIGURES")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{what}: {value}\n")


def settled(r, p):
    """Both sides forward on every member, and the first exchange is over."""
    r.wait_distributing(range(len(r.cables)))
    wait_for(lambda: all(port.hears_sync() for port in p.ports), what="partner hears sync")


def listen(port, seconds):
    """The daemon's PDUs at a port of the partner during some seconds from now on."""
    first = time.time()
    wait_for(lambda: time.time() > first + seconds, seconds + 5, "time")
    return [pdu for pdu in port.got if first <= pdu[0]]


def cpu_wait(pid):
    """Seconds that the thread which waited most for a CPU has spent with it so far."""
    waits = [int(path.read_text(encoding="ascii").split()[1])
             for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return max(waits, default=0) / 1e9


def check_no_flap(r, p, what, since=0.0, limit=LONGEST_GAP):
    """No PDU is late on any member, and none says that we lost the partner."""
    heard = [[pdu for pdu in port.got if pdu[0] >= since] for port in p.ports]
    worst = max(gap for pdus in heard for gap in gaps([t for t, *_ in pdus]))
    note(f"{what}: longest gap between LACPDUs, s", f"{worst:.3f}")
    assert worst < limit
    states = {actor.state for pdus in heard for _, actor, _ in pdus}
    assert [hex(s) for s in states if s & (EXPIRED | FORWARDING) != FORWARDING] == []
    assert {m["counters"]["timeouts"] for m in r.info()["members"]} == {0}
    assert r.distributing() == list(range(len(r.cables)))


def forwarding_pair(lacp, partner, **options):  # noqa: F811
    r = lacp(**options)
    p = partner(r.far())
    settled(r, p)
    return r, p


# ---- L-13, L-25, L-27: the rhythm ----

def test_L13_L27_without_data_a_pdu_leaves_every_second(lacp, partner):
    r, p = forwarding_pair(lacp, partner)
    since = time.time()
    # The first second may hold the last PDU of the negotiation.
    listen(p.ports[0], IDLE_S)
    for port in p.ports:
        found = gaps([t for t, *_ in port.got if t > since + 1])
        note("no data: gaps of a member, s: median, shortest, longest",
             f"{statistics.median(found):.4f} {min(found):.4f} {max(found):.4f} of {len(found)}")
        assert len(found) >= 5
        assert abs(statistics.median(found) - 1) <= 0.1
    check_no_flap(r, p, "no data", since)


def test_L13_to_a_slow_partner_a_pdu_leaves_every_30_s(lacp, partner):
    r = lacp(knobs="lacp_rate=slow")
    p = partner(r.far(), fast=False)
    settled(r, p)
    port = p.ports[0]
    # The slow rhythm starts with the first answer to the partner's first PDU.
    start = port.sent[0][0]
    wait_for(lambda: port.got[-1][0] > start + 20, 35, "the PDU of the slow rhythm")
    late = port.got[-1][0] - start
    quiet = [t for t, *_ in port.got if start + 10 < t < port.got[-1][0]]
    note("slow: first periodic LACPDU after the partner's first, s", f"{late:.3f}")
    assert abs(late - 30) <= 0.1 + SLACK
    assert quiet == []


def test_up_within_5_s_of_the_partners_first_pdu(lacp, partner):
    r = lacp()
    start = time.monotonic()
    partner(r.far())
    r.wait_distributing([0, 1], 5 + SLACK)
    note("fast: partner appears to both members distributing, s", f"{time.monotonic() - start:.2f}")


# ---- both sides in sync to the first frame ----

def steady_stream(r, seconds, rate=1000, stream=5):
    r.rig.vm(1).send(wait=False, stream=stream, count=rate * seconds, rate=rate, src=guest_mac(1),
                     dst=FAR_MAC, kind="ether")


def test_the_first_frame_follows_within_500_ms_of_both_sides_in_sync(lacp, partner):
    r = lacp(n=1)
    p = partner(r.far(), sync=False)
    port = p.ports[0]
    wait_for(lambda: port.seen.state & SYNC, 10, "the daemon in sync")
    assert r.distributing() == []
    data = Ears(r.far()[0], 0x88b5)
    steady_stream(r, 5)
    port.sync = True
    wait_for(lambda: data.take(), 5, "first frame")
    in_sync = next(t for t, state in port.sent if state & FORWARDING == FORWARDING)
    first = data.frames[0][0] - in_sync
    data.close()
    note("both in sync to first frame, ms", f"{first * 1000:.1f}")
    assert 0 <= first <= 0.5
    r.rig.vm(1).cmd("wait", timeout=20000)


def test_a_silent_partner_is_out_within_3500_ms(lacp, partner):
    r, p = forwarding_pair(lacp, partner)
    data = Ears(r.far()[0], 0x88b5)
    steady_stream(r, 8, stream=6)
    wait_for(lambda: data.take() or not hash_to(r, 0), 5, "frames on member 0")
    p.ports[0].muted = True
    muted = p.ports[0].sent[-1][0]
    r.wait_distributing([1], 3.5 + SLACK)
    told = wait_for(lambda: [t for t, actor, _ in p.ports[0].got
                             if t > muted and not actor.state & DISTRIBUTING], 2, "the PDU")
    out = told[0]
    data.take()
    late = [t for t, _ in data.frames if t > muted + 3.5 + SLACK]
    data.close()
    note("silent partner: its last LACPDU to ours that no longer distributes, s",
         f"{out - muted:.3f}")
    assert 2.5 <= out - muted <= 3.5 + SLACK
    assert late == []
    r.rig.vm(1).cmd("wait", timeout=20000)


@pytest.mark.long
def test_a_silent_partner_that_was_asked_slowly_is_out_within_95_s(lacp, partner):
    r = lacp(knobs="lacp_rate=slow")
    p = partner(r.far(), fast=False)
    settled(r, p)
    p.ports[0].muted = True
    muted = p.ports[0].sent[-1][0]
    r.wait_distributing([1], 95 + SLACK)
    told = wait_for(lambda: [t for t, actor, _ in p.ports[0].got
                             if t > muted and not actor.state & DISTRIBUTING], 2, "the PDU")
    out = told[0] - muted
    note("silent slow partner: its last LACPDU to ours that no longer distributes, s", f"{out:.3f}")
    assert 85 <= out <= 95


def hash_to(r, i):
    """Whether the stream's frames leave on member i."""
    path = r.daemon.ctl(f"show bonding path bond0 src-mac {guest_mac(1)} dst-mac {FAR_MAC}")
    return r.cables[i].member in path


# ---- nothing else may hold PDUs up ----

@pytest.mark.alone
def test_L27_at_full_load_on_every_worker_no_pdu_is_late(lacp, partner):
    r, p = forwarding_pair(lacp, partner, idle="poll", workers=2, guests=("vm1", "vm2"),
                         log_allowed=[r"^Cannot update ethdev port \d+ RSS RETA with zero size"])
    since = time.time()
    for i in (1, 2):
        # More than the members take: the rest is dropped and counted.
        r.rig.vm(i).send(wait=False, stream=i, count=4000000, src=guest_mac(i), dst=FAR_MAC,
                         flows=64)
    listen(p.ports[0], 8)
    lcores = r.daemon.ctl("show lcore", json=True)
    note("full load: frames per worker", [c["frames"] for c in lcores])
    note("full load: a thread of the daemon waited for a CPU, s",
         f"{cpu_wait(r.daemon.proc.pid):.2f}")
    for vm in r.rig.guests.values():
        vm.kill()
    check_no_flap(r, p, "full load", since, STARVED_GAP)


def test_L27_after_stop_no_pdu_is_late(lacp, partner):
    r, p = forwarding_pair(lacp, partner)
    since = time.time()
    r.daemon.ctl("stop")
    listen(p.ports[0], 6)
    check_no_flap(r, p, "after stop", since)
    r.daemon.ctl("start")
    r.reaches(r.far()[0 if hash_to(r, 0) else 1])


def greedy_client(path, command, times=2000):
    """A console client that asks and asks and never reads."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.send(b"bondctl 1 exec json\n")
        client.send((command + "\n").encode() * times)
    return client


def test_L27_H09_with_console_clients_that_do_not_read_no_pdu_is_late(lacp, partner):
    r, p = forwarding_pair(lacp, partner)
    since = time.time()
    clients = [greedy_client(r.daemon.console, "show bonding lacp info bond0") for _ in range(6)]
    listen(p.ports[0], 6)
    check_no_flap(r, p, "slow console clients", since)
    for client in clients:
        client.close()


@contextlib.contextmanager
def full_filesystem(folder):
    folder.mkdir()
    run(f"mount -t tmpfs -o size=64k,mode=700 none {folder}")
    try:
        with contextlib.suppress(OSError), open(folder / "fill", "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield folder
    finally:
        run(f"umount -l {folder}")


def open_files(pid, folder):
    files = [os.path.realpath(f) for f in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
    return [f for f in files if f.startswith(str(folder))]


def write_for(r, path, seconds):
    """Ask for the configuration to be written, again and again; the exit statuses."""
    end, statuses = time.time() + seconds, set()

    def write():
        statuses.add(r.daemon.run_ctl(f"write {path}").returncode)
        return time.time() > end
    wait_for(write, seconds + 10, "writes")
    return statuses


def test_L27_H09_with_a_full_disk_no_pdu_is_late(lacp, partner, workdir):
    r, p = forwarding_pair(lacp, partner)
    with full_filesystem(pathlib.Path(workdir) / "full") as disk:
        since = time.time()
        assert write_for(r, disk / "config", 5) == {1}
        assert [f.name for f in disk.iterdir()] == ["fill"]
    check_no_flap(r, p, "full disk", since)


def test_a_write_that_fails_leaves_no_file_open(lacp, workdir):
    r = lacp(n=1, guests=())
    with full_filesystem(pathlib.Path(workdir) / "full") as disk:
        assert write_for(r, disk / "config", 0.2) == {1}
        assert open_files(r.daemon.proc.pid, disk) == []


# ---- the control thread stands still ----

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def ptrace(request, tid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, tid, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@contextlib.contextmanager
def held_still(tid):
    """One thread, and only that one, stands still meanwhile."""
    try:
        ptrace(PTRACE_SEIZE, tid)
    except OSError as e:
        pytest.skip(f"ptrace: {e}")
    ptrace(PTRACE_INTERRUPT, tid)
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, tid)


def repeated(r):
    return sum(c["lacp_repeated"] for c in r.daemon.ctl("show lcore", json=True))


def test_L27_H09_with_the_control_thread_held_for_10_s_the_partner_sees_no_flap(lacp, partner):
    r, p = forwarding_pair(lacp, partner)
    since = time.time()
    with held_still(r.daemon.proc.pid):
        listen(p.ports[0], 10)
    back = time.time()
    wait_for(lambda: all(port.got[-1][0] > back + 1.5 for port in p.ports), 5, "PDUs go on")
    note("control held 10 s: LACPDUs repeated by a worker", repeated(r))
    assert repeated(r) >= 2 * 8
    check_no_flap(r, p, "control held 10 s", since)


@contextlib.contextmanager
def loop_filesystem(workdir):
    """A small ext4 that can be frozen; skips where there is none."""
    image, folder = pathlib.Path(workdir) / "disk.img", pathlib.Path(workdir) / "disk"
    folder.mkdir()
    with open(image, "wb") as file:
        file.truncate(8 << 20)
    try:
        run(f"mkfs.ext4 -q {image}")
        run(f"mount -o loop {image} {folder}")
    except (OSError, RuntimeError) as e:
        pytest.skip(f"no loop-mounted ext4: {e}")
    try:
        yield folder
    finally:
        run(f"umount {folder}")


@contextlib.contextmanager
def frozen(folder):
    """Every write below the folder hangs meanwhile."""
    run(f"fsfreeze -f {folder}")
    try:
        yield
    finally:
        run(f"fsfreeze -u {folder}")


def test_L27_H09_with_control_hung_on_a_disk_for_6_s_the_partner_sees_no_flap(
        lacp, partner, workdir):
    r, p = forwarding_pair(lacp, partner)
    with loop_filesystem(workdir) as disk:
        since = time.time()
        with frozen(disk):
            client = greedy_client(r.daemon.console, f"write {disk}/config", times=1)
            wait_for(lambda: is_blocked(r.daemon.proc.pid), 5, "control hangs in write")
            listen(p.ports[0], 6)
            assert is_blocked(r.daemon.proc.pid)
        wait_for(lambda: (disk / "config").exists(), what="the file is written after all")
        client.close()
    note("control hung on a disk 6 s: LACPDUs repeated by a worker", repeated(r))
    assert repeated(r) >= 2 * 4
    check_no_flap(r, p, "control hung on a disk 6 s", since)


def is_blocked(tid):
    """Whether a thread is in uninterruptible sleep."""
    text = pathlib.Path(f"/proc/{tid}/task/{tid}/stat").read_text(encoding="ascii")
    return text.rpartition(") ")[2].startswith("D")


WRAPPER = """#!/bin/sh
for word; do shift; [ "$word" = --no-telemetry ] || set -- "$@" "$word"; done
exec "{}" "$@"
"""


def test_L27_H09_with_telemetry_clients_that_hang_no_pdu_is_late(
        lacp, partner, workdir, monkeypatch):
    wrapper = pathlib.Path(workdir) / "bondfwd"
    wrapper.write_text(WRAPPER.format(bf.BONDFWD), encoding="ascii")
    wrapper.chmod(0o700)
    monkeypatch.setattr(bf, "BONDFWD", wrapper)
    r = lacp(log_allowed=["^Error writing to socket: "])
    p = partner(r.far())
    settled(r, p)
    paths = list(pathlib.Path("/var/run/dpdk").glob(f"{r.daemon.prefix}/dpdk_telemetry.v2*"))
    assert paths
    since = time.time()
    clients = [hung_telemetry_client(paths[0]) for _ in range(10)]
    listen(p.ports[0], 6)
    check_no_flap(r, p, "hung telemetry clients", since)
    for client in clients:
        client.close()


def hung_telemetry_client(path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(str(path))
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        for _ in range(200):
            client.send(b"/")
    return client
