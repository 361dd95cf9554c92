# SPDX-License-Identifier: BSD-3-Clause
"""bondctl capture start ... -w: frames into a pipe or a file of the user's."""

import glob
import os
import pathlib
import signal
import subprocess

from bf import BONDCTL, FAR_MAC, guest_mac, wait_for
from test_capture import capture_of, frames_of, packet, send, tcpdump, wait_ended

VM1 = guest_mac(1)


def bondctl(r, workdir, *words, out=subprocess.PIPE):
    """A bondctl that captures, once the capture runs."""
    n = len(r.daemon.ctl("show capture", json=True))
    cmd = [str(BONDCTL), "-s", str(r.daemon.console), "capture", "start", *words]
    proc = subprocess.Popen(cmd, stdout=out, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(workdir)})
    wait_for(lambda: len(r.daemon.ctl("show capture", json=True)) > n or proc.poll() is not None, what="capture")
    return proc


def end(proc):
    """Wait for its end; its status and what it complained about."""
    _, text = proc.communicate(timeout=60)
    return proc.returncode, text.decode()


def test_frames_go_through_a_pipe_into_tcpdump_until_the_interrupt(rig, workdir):
    r = rig()
    r.learn_all()
    proc = bondctl(r, workdir, "vm1", "in", "filter", "udp", "-w", "-")
    reader = subprocess.Popen(["tcpdump", "-nr", "-"], stdin=proc.stdout, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    proc.stdout.close()
    send(r, r.vm(1), [packet(FAR_MAC, VM1, i) for i in range(5)])
    wait_for(lambda: capture_of(r, 1)["frames"] == 5, what="frames written")
    proc.send_signal(signal.SIGINT)
    assert len(reader.communicate(timeout=60)[0].splitlines()) == 5
    assert (proc.wait(60), proc.stderr.read()) == (0, b"")
    proc.stderr.close()
    assert wait_ended(r, 1)["why"] == "stopped" and glob.glob(f"{workdir}/bondctl-*") == []


def test_a_pipe_that_nobody_reads_any_more_ends_the_capture(rig, workdir):
    r = rig()
    r.learn_all()
    read, write = os.pipe()
    proc = bondctl(r, workdir, "all", "-w", "-", out=write)
    os.close(write)
    os.close(read)
    assert end(proc) == (0, "")
    assert wait_ended(r, 1)["lost"] == 0


def test_a_file_of_the_user_has_what_was_captured_at_the_capture_s_end(rig, workdir):
    r = rig()
    r.learn_all()
    path = pathlib.Path(workdir, "mine")
    proc = bondctl(r, workdir, "vm1", "count", "3", "-w", str(path), "filter", "udp")
    frames = [packet(FAR_MAC, VM1, i) for i in range(3)]
    send(r, r.vm(1), frames)
    assert end(proc) == (0, "")
    assert frames_of(path) == frames and len(tcpdump(path)) == 3
    # A bondctl that dies is noticed without a frame.
    proc = bondctl(r, workdir, "vm1", "-w", str(path), "filter", "tcp")
    proc.kill()
    end(proc)
    assert wait_ended(r, 2)["why"] == "its reader has gone"


def test_what_bondctl_refuses_leaves_nothing_behind(rig, workdir):
    r = rig(guests=())
    for words, status, text in (
            (["bond0", "-w"], 2, "-w: expected FILE or - behind it"),
            (["nope", "-w", "-"], 2, 'port: "nope": expected a port'),
            (["bond0", "-w", f"{workdir}/no/f"], 1, "-w "),
            (["bond0", "-w", "-", "snaplen", "64"], 2, "snaplen")):
        proc = bondctl(r, workdir, *words)
        got, said = end(proc)
        assert got == status and text in said, (words, got, said)
    assert r.daemon.ctl("show capture", json=True) == [] and glob.glob(f"{workdir}/bondctl-*") == []


def test_a_stuck_pipe_holds_nobody_up_and_can_be_ended(rig, workdir):
    r = rig(log_allowed=[r"^WARNING: capture_ended: vm1: .* its reader does not read"])
    r.learn_all()
    proc = bondctl(r, workdir, "vm1", "in", "filter", "udp", "-w", "-")
    assert r.transfer(r.vm(1), r.far[0], 1, 1000, src=VM1, dst=FAR_MAC, size=9000)["distinct"] == 1000
    wait_for(lambda: capture_of(r, 1)["lost"] > 0, what="frames lost")
    proc.terminate()
    data, _ = proc.communicate(timeout=60)
    assert proc.returncode == 0 and data[:4] == b"\x0a\x0d\x0d\x0a"
    assert wait_ended(r, 1)["frames"] > 0
