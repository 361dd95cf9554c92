# SPDX-License-Identifier: BSD-3-Clause
"""bondctl capture start ... -w: frames into a pipe or a file of the user's."""

import glob
import os
import pathlib
import re
import signal
import subprocess

from bf import BONDCTL, FAR_MAC, guest_mac, wait_for
from test_capture import capture_of, frames_of, packet, send, tcpdump, wait_ended

VM1 = guest_mac(1)


def bondctl(r, tmpdir, *words, out=subprocess.PIPE, wrapper=()):
    """A bondctl that captures, once the capture runs. tmpdir None: its environment names none."""
    n = len(r.daemon.ctl("show capture", json=True))
    cmd = [*wrapper, str(BONDCTL), "-s", str(r.daemon.console), "capture", "start", *words]
    env = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    if tmpdir is not None:
        env["TMPDIR"] = str(tmpdir)
    proc = subprocess.Popen(cmd, stdout=out, stderr=subprocess.PIPE, env=env)
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


# Root writes everywhere; without these it does not.
MEEK = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def test_the_fifo_lies_where_bondfwd_sees_it_or_the_reason_says_what_to_do(rig, workdir):
    r = rig(guests=())
    beside = os.path.realpath(workdir)

    def folder_of_fifo(tmpdir, wrapper=()):
        proc = bondctl(r, tmpdir, "bond0", "-w", "-", wrapper=wrapper)
        fifo = r.daemon.ctl("show capture", json=True)[-1]["file"]
        proc.send_signal(signal.SIGINT)
        assert end(proc) == (0, "")
        return re.fullmatch(r"(.*)/bondctl-\w{6}/frames", fifo)[1]

    assert folder_of_fifo(None) == beside
    assert folder_of_fifo("/dev/shm") == "/dev/shm"
    mode = os.stat(workdir).st_mode
    os.chmod(workdir, 0o500)
    try:
        assert folder_of_fifo(None, MEEK) == "/tmp"
    finally:
        os.chmod(workdir, mode)
    assert glob.glob(f"{beside}/bondctl-*") == []


def test_a_bondfwd_that_does_not_see_the_fifo_is_named_with_the_remedy(rig, workdir):
    """As a service with a /tmp of its own: a folder that is another one for each process."""
    r = rig(guests=())
    own = pathlib.Path(workdir, "own")
    own.mkdir()
    there = ["sh", "-c", f'cd "{own}" && exec "$@"', "sh"]
    got, said = end(bondctl(r, "/proc/self/cwd", "bond0", "-w", "-", wrapper=there))
    assert (got, said) == (1, "bondctl: -w: bondfwd does not see /proc/self/cwd: expected in TMPDIR a folder that it "
                              "sees, such as /dev/shm\n")
    assert list(own.iterdir()) == []
    assert r.daemon.ctl("show capture", json=True) == []
