# SPDX-License-Identifier: BSD-3-Clause
"""Start and stop: at any moment, in time, with nothing left behind."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import bf

STOP_LIMIT = 5
MOMENTS = 20
# The start as a whole takes about this long, in seconds; signals are spread over it.
START_SPAN = 1.2


def assert_nothing_left(workdir):
    left = [n for n in os.listdir(workdir) if n.endswith(".sock") and not n.startswith("far")]
    assert left == []


@pytest.mark.parametrize("moment", range(MOMENTS))
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_signal_during_start_ends_it_in_time_and_leaves_nothing(rig, workdir, sig, moment):
    r = rig(start=False, far_peers=False, guests=("vm1", "vm2"),
            guest_opts={"vm1": "mode=server", "vm2": "mode=server"})
    r.start(wait=False)
    until = time.monotonic() + START_SPAN * moment / MOMENTS
    bf.wait_for(lambda: time.monotonic() >= until or r.daemon.proc.poll() is not None)
    begin = time.monotonic()
    # Before main() has installed its handlers the default action is all there is.
    caught = os.path.exists(f"/proc/{r.daemon.proc.pid}/status") and is_caught(r.daemon.proc.pid,
                                                                                sig)
    status = r.daemon.stop(sig, timeout=STOP_LIMIT)
    assert time.monotonic() - begin < STOP_LIMIT
    if not caught and status == -sig:
        r.daemon.status = 0
    assert_nothing_left(workdir)


def is_caught(pid, sig):
    """True when the process handles, blocks or has taken the signal through a signalfd."""
    masks = {}
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith(("SigBlk", "SigCgt")):
                masks[line[:6]] = int(line.split()[1], 16)
    return any(m >> (sig - 1) & 1 for m in masks.values())


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_signal_ends_a_running_daemon_with_status_0(rig, workdir, sig):
    r = rig(guest_opts={"vm2": "mode=server"})
    r.learn_all()
    begin = time.monotonic()
    assert r.daemon.stop(sig, timeout=STOP_LIMIT) == 0
    assert time.monotonic() - begin < STOP_LIMIT
    left = [n for n in os.listdir(workdir) if n in ("console.sock", "vm2.sock")]
    assert left == []


def test_ending_touches_no_memory_that_was_never_used(rig):
    r = rig(guests=())
    pid, status = r.daemon.proc.pid, pathlib.Path(f"/proc/{r.daemon.proc.pid}/status")
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii")).group(1))
    r.check_balance()
    r.daemon.send_signal(signal.SIGTERM)
    _, ended, usage = bf.wait_for(lambda: (end := os.wait4(pid, os.WNOHANG))[0] and end, what="its end")
    r.daemon.status = r.daemon.proc.returncode = os.waitstatus_to_exitcode(ended)
    # The frames of one bond take 80 MB, most of it touched by nobody.
    assert usage.ru_maxrss - peak < 30000


def test_a_signal_under_load_ends_it_in_time(rig):
    r = rig()
    r.learn_all()
    r.far[0].send(wait=False, stream=1, count=1 << 20, src=bf.FAR_MAC, dst=bf.guest_mac(1))
    r.vm(1).send(wait=False, stream=2, count=1 << 20, src=bf.guest_mac(1), dst=bf.FAR_MAC)
    r.vm(1).await_stream(1, 1000)
    assert r.daemon.stop(timeout=STOP_LIMIT) == 0


def test_quit_ends_the_local_terminal_and_the_daemon(workdir):
    cmd = [str(bf.BONDFWD), "--lcores", bf.lcores(1), "--main-lcore", "0", "--no-huge", "-m", "512",
           "--no-pci", "--no-telemetry", "--no-shconf", "--file-prefix", f"bfquit-{os.getpid()}",
           "--vdev", f"net_vhost0,iface={workdir}/far0.sock,client=1", "--", "--bond",
           "name=bond0,member=net_vhost0", "-i", "--console", f"{workdir}/console.sock"]
    done = subprocess.run(cmd, input="show port summary all\nquit\n", capture_output=True,
                          text=True, timeout=bf.LIMIT, check=False, env=bf.clean_env())
    assert done.returncode == 0, done.stderr
    assert "bond0" in done.stdout
    assert_nothing_left(workdir)


def with_vdevs(workdir, *vdevs, app=(), say="quit\n"):
    cmd = [str(bf.BONDFWD), "--lcores", bf.lcores(1), "--main-lcore", "0", "--no-huge", "-m", "512",
           "--no-pci", "--no-telemetry", "--no-shconf", "--file-prefix", f"bfvdev-{os.getpid()}"]
    for vdev in vdevs:
        cmd += ["--vdev", vdev]
    return subprocess.run([*cmd, "--", *app, "-i", "--console", f"{workdir}/console.sock"],
                          input=say, capture_output=True, text=True, timeout=bf.LIMIT, check=False,
                          env=bf.clean_env())


EAL_BOND = ("net_bonding0,mode=2,slave=net_ring0,slave=net_ring1,primary=net_ring1,xmit_policy=l23,"
            "mac=02:00:00:00:00:01,socket_id=0")


def test_a_bond_of_the_eals_command_line_is_adopted(workdir):
    done = with_vdevs(workdir, "net_ring0", "net_ring1", EAL_BOND,
                      say="show running-config\nshow bonding config net_bonding0\nquit\n")
    assert done.returncode == 0, done.stderr
    for line in ("create bonding device balance-xor 0 net_bonding0",
                 "add bonding member net_ring0 net_bonding0",
                 "add bonding member net_ring1 net_bonding0",
                 "set bonding option net_bonding0 primary=net_ring1",
                 "set bonding option net_bonding0 xmit_policy=l23",
                 "set bonding option net_bonding0 mac=02:00:00:00:00:01"):
        assert line in done.stdout
    assert "net_ring1 (port 1): link up" in done.stdout


def test_two_bonds_of_the_eals_command_line_are_adopted(workdir):
    done = with_vdevs(workdir, "net_ring0", "net_ring1", "net_ring2", EAL_BOND,
                      "net_bonding1,mode=1,slave=net_ring2", say="show running-config\nquit\n")
    assert done.returncode == 0, done.stderr
    for line in ("create bonding device balance-xor 0 net_bonding0",
                 "create bonding device active-backup 0 net_bonding1",
                 "add bonding member net_ring2 net_bonding1"):
        assert line in done.stdout


@pytest.mark.parametrize("vdevs,app,words", [
    ([EAL_BOND], ["--bond", "name=bond0,member=net_ring0"], ["net_ring0", "is a member of", "already"]),
    (["net_bonding0,mode=2,slave=net_ring0,slave=net_ring0"], [], ["net_bonding0", "named twice"]),
], ids=["with --bond", "member twice"])
def test_a_bond_of_the_eals_command_line_that_cannot_be_is_refused(workdir, vdevs, app, words):
    done = with_vdevs(workdir, "net_ring0", "net_ring1", *vdevs, app=app)
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("bondfwd: ")
    for word in words:
        assert word in line


def test_quit_of_a_client_does_not_end_the_daemon(rig):
    r = rig(guests=(), far_peers=False)
    r.daemon.run_ctl("quit")
    assert r.daemon.ctl("show port summary all")


def test_start_after_kill_9_works_on_the_same_paths(rig):
    r = rig(guest_opts={"vm2": "mode=server"}, guests=("vm1", "vm2"))
    r.learn_all()
    r.daemon.kill()
    r.daemon.remove_runtime()
    r.vm(2).quit()
    del r.guests["vm2"]
    r.start()
    r.learn_all()
    tally = r.transfer(r.far[0], r.vm(1), 1, 500, src=bf.FAR_MAC, dst=bf.guest_mac(1))
    assert tally["missing"] == 0


def test_version_and_help_need_no_device():
    for option, word in (("--version", "bondfwd"), ("--help", "--bond"), ("--help-json", "mtu")):
        done = subprocess.run([str(bf.BONDFWD), "--", option], capture_output=True, text=True,
                              timeout=bf.LIMIT, check=False)
        assert done.returncode == 0 and word in done.stdout


def test_check_of_a_good_line_says_what_would_be_done_and_touches_nothing(workdir):
    done = subprocess.run(
        [str(bf.BONDFWD), "--lcores", bf.lcores(1), "--no-huge", "--", "--bond",
         "name=bond0,mode=802.3ad,member=net_vhost0,mtu=9000", "--guest",
         f"name=vm1,mode=server,socket={workdir}/vm1.sock", "--check"],
        capture_output=True, text=True, timeout=bf.LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    assert "bond0" in done.stdout and "vm1" in done.stdout
    assert os.listdir(workdir) == []
