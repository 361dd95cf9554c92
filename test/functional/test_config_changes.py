# SPDX-License-Identifier: BSD-3-Clause
"""Changes that an operator survives: what would cut somebody is refused, what differs is said."""

import json
import os
import pathlib
import signal
import socket

import pytest

import bf
from bf import CtlError, wait_for

USAGE, FAILED = 2, 1


def write(path, *lines):
    pathlib.Path(path).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def running(r):
    return r.daemon.ctl("show running-config").splitlines()


def guest_line(workdir, name):
    return f"add guest {name} socket={workdir}/{name}.sock,queues=1"


def guest(r, name="vm1"):
    return {g["name"]: g for g in r.daemon.ctl("show guest", json=True)}[name]


def events(r, what="config_changed"):
    return [e["text"] for e in r.events(what)]


# ---- load ----

def test_load_of_one_line_is_refused_when_it_would_remove_the_bond_and_cut_guests(rig, workdir):
    r = rig(guests=("vm1",))
    before = running(r)
    slip = write(f"{workdir}/slip.conf", guest_line(workdir, "vm9"))
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl(f"load {slip}")
    assert refused.value.status == FAILED
    for words in ("remove bond bond0", "remove guest vm1", "force", "confirm"):
        assert words in refused.value.text
    assert len(refused.value.text.strip().splitlines()) == 1
    assert running(r) == before and r.vm(1).is_up()


def test_load_with_force_does_it_and_says_what_changed(rig, workdir):
    r = rig(guests=("vm1",), far_peers=False)
    slip = write(f"{workdir}/slip.conf", guest_line(workdir, "vm9"))
    text = r.daemon.ctl(f"load {slip} force")
    assert "- add bonding member net_vhost0 bond0\n" in text
    assert f"+ {guest_line(workdir, 'vm9')}" in text
    assert [g["name"] for g in r.daemon.ctl("show guest", json=True)] == ["vm9"]


def test_a_way_back_that_fails_is_tried_again(rig, workdir):
    r = rig(guests=("vm1",), far_peers=False, log_allowed=[r"^ERR: rollback_failed: ", r"^WARNING: rolled_back: "])
    path = f"{workdir}/vm9.sock"
    slip = write(f"{workdir}/slip.conf", *running(r))
    r.daemon.ctl(f"add guest vm9 socket={path},mode=server,queues=1")
    before = running(r)
    r.daemon.ctl(f"load {slip} force confirm 1")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        failed = wait_for(lambda: events(r, "rollback_failed"), 10, "the way back fails")
        assert "in use by a live process" in failed[0] and "tries again every 10 s until `commit`" in failed[0]
    os.unlink(path)
    wait_for(lambda: events(r, "rolled_back"), 20, "the way back")
    assert running(r) == before


def test_write_refuses_what_has_no_end(rig, workdir):
    r = rig(guests=(), far_peers=False)
    os.mkfifo(f"{workdir}/fifo")
    for path in (f"{workdir}/fifo", "/dev/zero"):
        with pytest.raises(CtlError) as refused:
            r.daemon.ctl(f"write {path}")
        assert f'"{path}": special file: expected a regular file' in refused.value.text


def test_load_with_confirm_goes_back_unless_committed(rig, workdir):
    r = rig(guests=("vm1",), far_peers=False, log_allowed=[r"^WARNING: rolled_back: "])
    before = running(r)
    slip = write(f"{workdir}/slip.conf", guest_line(workdir, "vm9"))
    assert "unless you commit" in r.daemon.ctl(f"load {slip} confirm 1")
    assert any("vm9" in line for line in running(r)) or running(r) == before
    wait_for(lambda: running(r) == before, what="the configuration before")
    r.daemon.ctl(f"load {slip} confirm 60")
    r.daemon.ctl("commit")
    assert any("vm9" in line for line in running(r))


def test_load_merge_runs_lines_on_top(rig, workdir):
    r = rig(guests=("vm1",))
    more = write(f"{workdir}/more.conf", guest_line(workdir, "vm9"), "set fdb aging 77")
    before = running(r)
    changed = r.daemon.ctl(f"load merge {more}", json=True)
    assert changed["removed"] == ["set fdb aging 300"]
    assert changed["added"] == [guest_line(workdir, "vm9"), "set fdb aging 77"]
    assert set(running(r)) - set(before) == set(changed["added"]) and r.vm(1).is_up()
    cut = write(f"{workdir}/cut.conf", "remove guest vm1")
    with pytest.raises(CtlError, match="remove guest vm1"):
        r.daemon.ctl(f"load merge {cut}")


def test_diff_shows_what_load_would_change_and_changes_nothing(rig, workdir):
    r = rig(guests=("vm1",))
    before = running(r)
    slip = write(f"{workdir}/slip.conf", "set fdb aging 77")
    text = r.daemon.ctl(f"diff {slip}")
    assert "- set fdb aging 300\n" in text and "+ set fdb aging 77\n" in text
    assert "remove bond bond0, remove guest vm1" in text
    assert r.daemon.ctl(f"diff {slip}", json=True)["cuts"] == "remove bond bond0, remove guest vm1"
    assert "bond" not in r.daemon.ctl(f"diff merge {slip}")
    assert running(r) == before


# ---- SIGHUP, --config on top of the command line ----

def with_file(r, path):
    r.args += ["--config", str(path)]
    return r


def reload(r, n):
    r.daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: r.daemon.log_text().count("reloaded") >= n, what="reload")


def test_sighup_keeps_what_the_command_line_made(rig, workdir):
    path = write(f"{workdir}/b.conf", "set fdb aging 50")
    r = with_file(rig(start=False, idle="poll", guests=("vm1",)), path).start()
    before = running(r)
    assert "set fdb aging 50" in before
    reload(r, 1)
    assert running(r) == before and r.vm(1).is_up()
    write(path, "set fdb aging 60", guest_line(workdir, "vm9"))
    reload(r, 2)
    assert {"set fdb aging 60", guest_line(workdir, "vm9")} <= set(running(r))
    assert r.bond()["open"] and r.vm(1).is_up()
    assert any("SIGHUP" in text for text in events(r))


def test_a_written_file_starts_and_reloads_with_the_same_command_line(rig, workdir):
    path = write(f"{workdir}/b.conf", "set fdb aging 50")
    r = with_file(rig(start=False, guests=("vm1",), far_peers=False), path).start()
    r.daemon.ctl("set guest vm1 mac_limit=77")
    r.daemon.ctl("write")
    before = running(r)
    reload(r, 1)
    assert running(r) == before
    r.daemon.stop()
    r.start()
    assert running(r) == before


def test_sighup_that_would_cut_a_guest_is_refused_with_an_event(rig, workdir):
    path = write(f"{workdir}/b.conf", guest_line(workdir, "vm9"))
    r = with_file(rig(start=False, guests=("vm1",), log_allowed=[r"^ERR: reload_failed: "]), path)
    r.add_guest_peer("vm9")
    r.start()
    write(path, "set fdb aging 60")
    r.daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: events(r, "reload_failed"), what="reload refused")
    assert "remove guest vm9" in events(r, "reload_failed")[0]
    assert r.guests["vm9"].is_up() and "set fdb aging 300" in running(r)


def test_sighup_during_the_start_is_kept_for_it(rig, workdir):
    path = write(f"{workdir}/b.conf", "set fdb aging 50")
    r = with_file(rig(start=False, guests=(), far_peers=False), path)
    r.start(wait=False)
    wait_for(lambda: hup_is_blocked(r.daemon.proc.pid), what="signals blocked")
    r.daemon.send_signal(signal.SIGHUP)
    r.daemon.wait_ready()
    wait_for(lambda: "reloaded" in r.daemon.log_text(), what="reload after the start")


def hup_is_blocked(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["SigBlk"], 16) & 1 << (signal.SIGHUP - 1)


@pytest.mark.parametrize("sig", ["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO",
                                 "SIGPWR", "SIGRTMIN"])
def test_a_signal_that_means_nothing_to_us_does_nothing(rig, sig):
    r = rig(guests=(), far_peers=False)
    r.daemon.send_signal(getattr(signal, sig))
    r.daemon.ctl("show version")


# ---- set guest, pins, write ----

def test_set_guest_keeps_its_place_and_its_id(rig):
    r = rig(guests=("vm1", "vm2"), far_peers=False)
    ids = {g["name"]: g["id"] for g in r.daemon.ctl("show guest", json=True)}
    before = running(r)
    r.daemon.ctl("set guest vm1 mac_limit=77")
    after = running(r)
    assert [line.split(",")[0] for line in after] == [line.split(",")[0] for line in before]
    r.daemon.ctl("set guest vm1 mrg_rxbuf=off force")
    assert {g["name"]: g["id"] for g in r.daemon.ctl("show guest", json=True)} == ids


@pytest.mark.parametrize("change", ["mrg_rxbuf=off", "packed=off", "queues=4", "mtu=9200 queues=4"])
def test_a_change_that_would_cut_a_connected_guest_needs_force(rig, change):
    r = rig(guests=("vm1",), far_peers=False)
    before, connects = running(r), guest(r)["connects"]
    with pytest.raises(CtlError) as error:
        r.daemon.ctl(f"set guest vm1 {change}")
    assert '"vm1"' in error.value.text and "force" in error.value.text
    assert running(r) == before and guest(r)["up"] and guest(r)["connects"] == connects
    r.vm(1).kill()
    wait_for(lambda: not guest(r)["up"], what="the guest gone")
    r.daemon.ctl(f"set guest vm1 {change}")
    assert running(r) != before


def test_guests_that_are_opened_anew_together_keep_their_ids(rig, workdir):
    r = rig(guests=("vm1", "vm2", "vm3"), far_peers=False)
    ids = {g["name"]: g["id"] for g in r.daemon.ctl("show guest", json=True)}
    change = write(f"{workdir}/c.conf", "remove guest vm1", "set guest vm3 packed=off",
                   "set guest vm2 packed=off")
    r.daemon.ctl(f"load merge {change} force")
    del ids["vm1"]
    assert {g["name"]: g["id"] for g in r.daemon.ctl("show guest", json=True)} == ids


def test_a_pin_of_a_queue_that_is_gone_is_not_written(rig, workdir):
    r = rig(guests=("vm1",), guest_opts={"vm1": "queues=8"}, far_peers=False)
    r.daemon.ctl("set lcore 1 guest vm1 queue 7")
    r.daemon.ctl("set guest vm1 queues=4 force")
    saved = f"{workdir}/saved.conf"
    r.daemon.ctl(f"write {saved}")
    assert "No difference" in r.daemon.ctl(f"diff {saved}")


def test_write_keeps_mode_and_comments_and_says_where(rig, workdir):
    path = write(f"{workdir}/b.conf", "# our switch", "# ask Ann before a change", "",
                 "# ages fast", "set fdb aging 50", "# the web server",
                 guest_line(workdir, "vm9"), "# gone", guest_line(workdir, "vm8"))
    os.chmod(path, 0o644)
    r = with_file(rig(start=False, guests=(), far_peers=False), path).start()
    r.daemon.ctl("remove guest vm8")
    r.daemon.ctl("set guest vm9 mac_limit=5")
    r.daemon.ctl("set fdb aging 51")
    text = r.daemon.ctl("write")
    assert f"Written: {os.path.realpath(path)}" in text and "comment lines dropped: 1" in text
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    assert lines[1:4] == ["# our switch", "# ask Ann before a change", ""]
    assert lines[lines.index("# ages fast") + 1] == "set fdb aging 51"
    assert lines[lines.index("# the web server") + 1].startswith("add guest vm9 ")
    assert os.stat(path).st_mode & 0o7777 == 0o644
    first = pathlib.Path(path).read_text(encoding="utf-8")
    r.daemon.ctl("write")
    assert pathlib.Path(path).read_text(encoding="utf-8") == first
    assert any(text.startswith(f"write {os.path.realpath(path)}") for text in events(r))


def test_what_is_unsaved_is_shown(rig, workdir):
    path = write(f"{workdir}/b.conf", "set fdb aging 50")
    r = with_file(rig(start=False, idle="poll", guests=(), far_peers=False), path).start()
    assert "No difference" in r.daemon.ctl("show running-config diff")
    r.daemon.ctl("set fdb aging 51")
    shown = r.daemon.ctl("show running-config diff", json=True)
    assert (shown["removed"], shown["added"]) == (["set fdb aging 50"], ["set fdb aging 51"])
    r.daemon.ctl("write")
    assert "No difference" in r.daemon.ctl("show running-config diff")


def test_changes_are_events_with_who_and_what(rig):
    r = rig(guests=("vm1",), far_peers=False)
    r.daemon.ctl("set bonding mode balance-xor bond0")
    r.daemon.ctl("set fdb aging 51")
    texts = events(r)
    assert any(t.startswith("set bonding mode balance-xor bond0, by client (pid ") for t in texts)
    n = len(texts)
    r.daemon.ctl("set fdb aging 51")  # changes nothing
    assert len(events(r)) == n


def test_json_of_load_is_an_object(rig, workdir):
    r = rig(guests=(), far_peers=False)
    saved = f"{workdir}/saved.conf"
    r.daemon.ctl(f"write {saved}")
    done = r.daemon.run_ctl(f"load {saved}", json_out=True)
    assert json.loads(done.stdout) == {"removed": [], "added": []} and done.returncode == 0
    assert bf.parse_json(done.stdout) is not None


def test_an_option_of_another_mode_is_taken_with_a_warning(rig):
    r = rig(guests=(), far_peers=False, log_allowed=[r"^WARNING: not-distributing"])
    text = r.daemon.ctl("set bonding option bond0 lacp_rate=fast")
    assert text == "warning: lacp_rate=fast: has no effect in mode active-backup\n"
    assert r.daemon.ctl("set fdb aging 44") == ""  # it was said once
    assert "primary=net_vhost0" in r.daemon.ctl("set bonding mode 802.3ad bond0")
    assert "lacp_rate" in r.daemon.ctl("set bonding mode active-backup bond0")
