# SPDX-License-Identifier: BSD-3-Clause
"""What a guest could not come back with is refused, and said beforehand: here, after a restart, on another host."""

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from bf import BONDFWD, CtlError, clean_env, wait_for

FAILED = 1


def lines(workdir, *guests):
    """A configuration without a bond; a guest is its name, or (name, options)."""
    text = ["set profile default trusted"]
    for g in guests:
        name, options = g if isinstance(g, tuple) else (g, "")
        text.append(f"add guest {name} socket={workdir}/{name}.sock,queues=1{options}")
    return "\n".join(text) + "\n"


def write(path, text):
    pathlib.Path(path).write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def with_file(rig, workdir):
    """A daemon with a configuration file, and packed rings at guest vm1."""
    def make(*guests, log_allowed=(), **peer_opts):
        path = write(f"{workdir}/b.conf", lines(workdir, *guests))
        names = [g if isinstance(g, str) else g[0] for g in guests]
        r = rig(members=0, guests=names, far_peers=False, config=path, start=False, idle="sleep",
                peer_opts={n: {"packed_vq": 1, "queue_size": 256, **peer_opts} for n in names},
                log_allowed=log_allowed)
        return r.start()
    return make


def remembered(r):
    return {g["guest"]: g for g in r.daemon.ctl("show remembered", json=True)}


def state_file(r):
    return pathlib.Path(f"{r.daemon.console}.negotiated")


def kept(r, name="vm1"):
    """The line of a guest in the file, once it says what is known."""
    def line():
        text = state_file(r).read_text(encoding="utf-8") if state_file(r).exists() else ""
        found = [at for at in text.splitlines() if at.startswith(name + " ")]
        return found[0] if found and f"features={remembered(r)[name]['features']} " in found[0] else None
    return wait_for(line, what=f"{name} kept")


def refused_start(r):
    """The daemon does not start: what it says."""
    r.start(wait=False)
    assert r.daemon.proc.wait(60) == 2
    return r.daemon.log_text()


def checked(r, *options):
    done = subprocess.run([str(BONDFWD), "--check", *options, "--config", r.args[1], "--console", str(r.daemon.console)],
                          capture_output=True, text=True, env=clean_env(), timeout=60, check=False)
    return done.returncode, done.stderr


def failed(r, command, json_out=False):
    """What a check prints that has found something."""
    done = r.daemon.run_ctl(command, json_out)
    assert done.returncode == FAILED
    return done.stdout + done.stderr


def without_packed(r, workdir):
    write(r.args[1], lines(workdir, ("vm1", ",packed=off")))


def test_a_start_that_a_guest_could_not_come_back_from_is_refused(with_file, workdir):
    r = with_file("vm1", log_allowed=[r"^WARNING: guest_(reconnect|refused|ring_fault): "])
    assert "state=" in kept(r) and remembered(r)["vm1"]["state"] == "connected"
    r.daemon.kill()
    without_packed(r, workdir)
    status, text = checked(r)
    assert status == 2 and '"vm1"' in text and "ring_packed" in text and "--force-reconnect" in text
    assert checked(r, "--force-reconnect")[0] == 0
    text = refused_start(r)
    assert "would not be offered ring_packed" in text and "--force-reconnect" in text
    r.args.append("--force-reconnect")
    r.start(wait=False)
    r.daemon.wait_ready()
    assert "guest_reconnect" in r.daemon.log_text()
    r.vm(1).kill()


def test_a_return_to_what_was_names_whom_it_cuts(with_file, workdir):
    """Nobody commits, and meanwhile the guest was started anew with what only the change offers."""
    r = with_file(("vm1", ",packed=off"), log_allowed=[r"^WARNING: (guest_reconnect|guest_refused|rolled_back): "])
    r.vm(1).kill()
    more = write(f"{workdir}/more.conf", lines(workdir, "vm1"))
    r.daemon.ctl(f"load {more} confirm 15")  # a peer starts in less, also on a busy machine
    r.vm(1).start()
    wait_for(lambda: "ring_packed" in r.daemon.ctl("show guest vm1"), what="packed rings")
    wait_for(lambda: r.events("rolled_back"), 40, "the time is over")
    assert [re.search(r'"vm1".*would not be offered ring_packed', e["text"]) is not None
            for e in r.events("guest_reconnect")] == [True]
    r.vm(1).kill()


def test_a_guest_whose_front_end_has_ended_does_not_hold_a_start(with_file, workdir):
    r = with_file("vm1")
    kept(r)
    r.daemon.kill()
    r.vm(1).kill()
    without_packed(r, workdir)
    assert checked(r) == (0, "")
    r.vm(1).start()
    r.start()
    assert "ring_packed" not in r.daemon.ctl("show guest vm1")


def test_a_change_names_the_guest_and_what_it_would_lack(with_file, workdir):
    r = with_file("vm1", log_allowed=[r"^WARNING: guest_refused: "])
    for change in ("packed=off", "mrg_rxbuf=off", "features=0x100000000"):
        with pytest.raises(CtlError, match='"vm1": its front end could not come back.*force.*would not be offered'):
            r.daemon.ctl(f"set guest vm1 {change}")
    less = write(f"{workdir}/less.conf", lines(workdir, ("vm1", ",packed=off")))
    for how in ("", " confirm 60"):
        with pytest.raises(CtlError, match="could not come back .load FILE force.*ring_packed"):
            r.daemon.ctl(f"load {less}{how}")
    without_packed(r, workdir)
    r.daemon.ctl("write")  # keeps what the file was
    with pytest.raises(CtlError, match="could not come back .rollback NUMBER force.*ring_packed"):
        r.daemon.ctl("rollback 1 confirm 60")
    # What was forced is not refused again, by a start say.
    r.daemon.ctl(f"set guest vm1 socket={workdir}/other.sock force")
    assert remembered(r)["vm1"]["state"] == "gone"
    r.daemon.ctl(f"set guest vm1 socket={workdir}/vm1.sock")
    r.vm(1).wait_up()
    wait_for(lambda: remembered(r)["vm1"]["state"] == "connected", what="the front end back")
    # Removed by hand: who comes again under the name is held to it.
    r.daemon.ctl("remove guest vm1")
    assert remembered(r)["vm1"]["state"] == "removed"
    with pytest.raises(CtlError, match="would not be offered ring_packed"):
        r.daemon.ctl(f"add guest vm1 socket={workdir}/vm1.sock,queues=1,packed=off")
    with pytest.raises(CtlError, match="its front end is at"):
        r.daemon.ctl(f"add guest vm1 socket={workdir}/other.sock,queues=1")
    r.daemon.ctl(f"add guest vm1 socket={workdir}/vm1.sock,queues=1")
    r.vm(1).wait_up()
    # Who has ended is not waited for.
    r.vm(1).kill()
    wait_for(lambda: remembered(r)["vm1"]["state"] == "gone", what="the front end gone")
    r.daemon.ctl("set guest vm1 packed=off")
    r.daemon.ctl("clear remembered vm1")
    assert remembered(r) == {}
    with pytest.raises(CtlError, match="is not remembered"):
        r.daemon.ctl("clear remembered vm1")


@pytest.mark.parametrize("is_there", [True, False], ids=["stopped", "nowhere"])
def test_a_change_names_a_guest_that_has_not_come_back_yet(with_file, workdir, is_there):
    """After a restart of ours: its front end stands still, or its socket is not there; its process has not ended."""
    r = with_file("vm1", "vm2")
    for command in ("create group gold packed=on", "create group silver packed=off", "set guest vm1 group=gold",
                    "set guest vm2 packed=on,group=silver", "write"):
        r.daemon.ctl(command)
    for name, peer in r.guests.items():
        assert "state=" in kept(r, name)
        peer.proc.send_signal(signal.SIGSTOP)
        if not is_there:
            peer.socket.unlink()
    r.daemon.kill()
    r.start(wait=False)
    r.daemon.wait_ready()
    less = write(f"{workdir}/less.conf", lines(workdir, "vm1", ("vm2", ",packed=off")))
    for name, command in (("vm1", "set guest vm1 packed=off"), ("vm1", "set group gold packed=off"),
                          ("vm1", "set guest vm1 group=silver"), ("vm2", "unset guest vm2 packed"),
                          ("vm2", f"load {less}"), ("vm2", f"load {less} confirm 60")):
        assert remembered(r)[name]["state"] == "remembered"
        with pytest.raises(CtlError, match=f'"{name}": its front end could not come back.*not be offered ring_packed'):
            r.daemon.ctl(command)
    if is_there:
        for peer in r.guests.values():
            peer.proc.send_signal(signal.SIGCONT)
            peer.wait_up()
        wait_for(lambda: {g["state"] for g in remembered(r).values()} == {"connected"}, what="both back")
        assert all("ring_packed" in g["feature_names"] for g in r.daemon.ctl("show guest", json=True))
    else:  # whose process has ended is not waited for
        for peer in r.guests.values():
            peer.kill()
        for command in ("set group gold packed=off", "unset guest vm2 packed"):
            r.daemon.ctl(command)


def test_check_restart_compares_what_is_written_with_what_runs(with_file, workdir):
    r = with_file("vm1")
    assert "with the written one: comes back" in r.daemon.ctl("check restart")
    without_packed(r, workdir)
    text = failed(r, "check restart")
    assert "would not be offered ring_packed" in text and f"- {lines(workdir, ('vm1', ',packed=off')).splitlines()[1]}\n" in text
    shown = json.loads(failed(r, "check restart", True))
    vm1, = shown["guests"]
    assert not shown["all_come_back"]
    assert vm1["running"]["comes_back"] and not vm1["written"]["comes_back"]
    with pytest.raises(CtlError, match='"vm1": is connected'):
        r.daemon.ctl("clear remembered vm1")
    # Who is neither here nor there is not missed, whoever has removed it.
    state_file(r).write_text(kept(r).replace("vm1 ", "vm8 ", 1) + "\n", encoding="utf-8")
    r.daemon.kill()
    write(r.args[1], lines(workdir, "vm1"))
    r.start()
    r.vm(1).wait_up()
    assert remembered(r)["vm8"]["state"] == "remembered"
    assert r.daemon.ctl("check restart", json=True)["all_come_back"]


def test_a_pinned_guest_is_offered_its_level_or_mask(with_file):
    r = with_file(("vm1", ",features=0.1"), ("vm2", ",features=0x140008000"))
    vm1, vm2 = r.daemon.ctl("show guest", json=True)
    assert vm1["options"]["features"] == "0.1" and "ring_packed" in vm1["feature_names"]
    assert vm2["options"]["features"] == "0x140008000"
    assert int(vm2["offered_features"], 16) & int(vm2["features"], 16) == int(vm2["features"], 16)
    assert "ring_packed" not in vm2["feature_names"] and "mrg_rxbuf" in vm2["feature_names"]
    assert "Offered at most, by features=: mrg_rxbuf" in r.daemon.ctl("show guest vm2")
    for bad, words in (("7.7", "expected none, 0.1, mask"), ("0x8000000000000000", "never offered by this version")):
        with pytest.raises(CtlError, match=words):
            r.daemon.ctl(f"set guest vm1 features={bad}")


def test_check_migrate_names_what_the_other_host_lacks(with_file, workdir):
    r = with_file("vm1")
    there = write(f"{workdir}/there.conf", lines(workdir, ("vm1", ",vlan=7"), "vm9"))
    text = r.daemon.ctl(f"check migrate {there}")
    assert "vm1: could migrate\n" in text and "vlan is any here and 7 there" in text and "vm9" not in text
    # As the other host prints it, by `bondctl -j show guest`.
    shown = write(f"{workdir}/there.json", json.dumps(r.daemon.ctl("show guest", json=True)))
    assert r.daemon.ctl(f"check migrate {shown}", json=True)[0]["could_migrate"]
    less = r.daemon.ctl("show guest", json=True)
    less[0]["offered_features"] = hex(int(less[0]["offered_features"], 16) & ~(1 << 34))
    assert "would not be offered ring_packed" in failed(r, f"check migrate {write(shown, json.dumps(less))}")
    for text, words in (("[{", "line 1"), ("[{}]", "expected guests with a name"), ("", "has no guest of a name"),
                        ('[{"name": "vm1"}]', "expected offered_features")):
        with pytest.raises(CtlError, match=words):
            r.daemon.ctl(f"check migrate {write(shown, text)}")
    with pytest.raises(CtlError, match="No such file"):
        r.daemon.ctl("check migrate /nowhere")
    for command in ("check migrate", "load", "diff"):  # the name is the client's, the folder is bondfwd's
        with pytest.raises(CtlError, match=f"No such file or directory: bondfwd looks in {os.getcwd()}"):
            r.daemon.ctl(f"{command} nowhere")


def test_lines_that_make_no_sense_are_said_and_left_out(with_file):
    r = with_file("vm1", log_allowed=[r"^WARNING: main: .*negotiated: \d+ lines are left out: line 1: "])
    line = kept(r)
    r.daemon.stop()
    for content in (b"\0\xff\n" * 50, b"vm1 features=nope\n", b"vm1 pairs=99\nvm1\n", b"x" * 70000):
        state_file(r).write_bytes(content)
        status, text = checked(r)
        assert status == 0 and "are left out: line 1: " in text
    far = re.sub(r" since=\d+", f" since={2**63 - 1}", line.replace("vm1 ", "vm8 ", 1))
    state_file(r).write_text(line.replace("pairs=", "pears=") + f"\n{far}\n", encoding="utf-8")
    r.start()
    assert "left out: line 1: guest \"vm1\": expected pairs=" in r.daemon.log_text()
    assert kept(r).split()[1] == line.split()[1] and "vm8" not in r.daemon.ctl("show remembered")
