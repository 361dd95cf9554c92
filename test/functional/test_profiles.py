# SPDX-License-Identifier: BSD-3-Clause
"""Profiles: what guests are unless they say it, on the command line, in files and on the console."""

import pathlib
import re
import subprocess

import pytest

import bf

LINE = re.compile(r"WARNING: config: profile: no line says it")


def guest_line(workdir, name, more=""):
    return f"add guest {name} socket={workdir}/{name}.sock{more}"


def profiles(r):
    return {g["name"]: g["options"]["profile"] for g in r.daemon.ctl("show guest", json=True)}


def running(r):
    return r.daemon.ctl("show running-config").splitlines()


def start(r, *args):
    """Without peers: only the configuration matters."""
    r.args = ["--profile", "none", *args]
    r.start(wait=False)
    r.daemon.wait_ready()


@pytest.fixture
def bare(rig):
    def make(*args):
        r = rig(start=False, members=0, guests=())
        start(r, *args)
        return r
    return make


def option(workdir, name, more=""):
    return ("--guest", f"name={name},socket={workdir}/{name}.sock{more}")


def test_a_fresh_start_has_tenants(bare, workdir):
    r = bare(*option(workdir, "vm1"), *option(workdir, "vm2", ",profile=trusted"))
    assert running(r)[0] == "set profile default tenant"
    assert profiles(r) == {"vm1": "tenant", "vm2": "trusted"}
    assert not LINE.search(r.daemon.log_text())


def test_the_option_says_the_profile_wherever_it_stands(bare, workdir):
    r = bare(*option(workdir, "vm1"), "--profile", "trusted", *option(workdir, "vm2", ",profile=tenant"))
    assert running(r)[0] == "set profile default trusted"
    assert profiles(r) == {"vm1": "trusted", "vm2": "tenant"}


def test_a_file_without_the_line_is_trusted_with_one_warning(bare, workdir):
    path = pathlib.Path(workdir, "a.conf")
    path.write_text(guest_line(workdir, "vm1") + "\n")
    r = bare("--config", str(path), *option(workdir, "vm2"))
    assert profiles(r) == {"vm1": "trusted", "vm2": "trusted"}
    assert len(LINE.findall(r.daemon.log_text())) == 1
    assert "set profile default trusted" in r.daemon.log_text()  # what to write
    assert "warning" not in r.daemon.ctl("set fdb aging 77")  # it was said once
    assert "warning: profile: no line says it" in r.daemon.ctl(f"load {path} force")
    r.daemon.ctl("write")
    assert "warning" not in r.daemon.ctl(f"load {path}")


def test_a_file_with_the_line_says_it_for_the_command_line_too(bare, workdir):
    path = pathlib.Path(workdir, "a.conf")
    path.write_text(f"set profile default tenant\n{guest_line(workdir, 'vm1')}\n")
    r = bare("--config", str(path), *option(workdir, "vm2"), *option(workdir, "vm3", ",profile=trusted"))
    assert profiles(r) == {"vm1": "tenant", "vm2": "tenant", "vm3": "trusted"}
    assert not LINE.search(r.daemon.log_text())
    assert "No difference" in r.daemon.ctl("show running-config diff")
    r.daemon.ctl(f"load {path}")
    assert profiles(r) == {"vm1": "tenant", "vm2": "tenant", "vm3": "trusted"}


def test_a_change_of_the_default_leaves_guests_as_they_are(bare, workdir):
    r = bare(*option(workdir, "vm1"))
    r.daemon.ctl("set profile default trusted")
    r.daemon.ctl(guest_line(workdir, "vm2"))
    r.daemon.ctl(guest_line(workdir, "vm3", ",profile=tenant"))
    assert profiles(r) == {"vm1": "tenant", "vm2": "trusted", "vm3": "tenant"}
    before = running(r)
    assert before[0] == "set profile default trusted"
    path = pathlib.Path(workdir, "b.conf")
    r.daemon.ctl(f"write {path}")
    r.daemon.ctl("set guest vm1 profile=trusted")
    assert profiles(r)["vm1"] == "trusted"
    r.daemon.ctl(f"load {path}")
    assert running(r) == before
    assert profiles(r) == {"vm1": "tenant", "vm2": "trusted", "vm3": "tenant"}


def test_what_was_written_starts_as_it_was(bare, workdir):
    path = pathlib.Path(workdir, "c.conf")
    path.write_text("set profile default trusted\n")
    r = bare("--config", str(path))
    r.daemon.ctl(guest_line(workdir, "vm1", ",profile=tenant"))
    r.daemon.ctl(guest_line(workdir, "vm2"))
    r.daemon.ctl("write")
    before = running(r)
    assert r.daemon.stop() == 0
    start(r, "--config", str(path))
    assert running(r) == before


@pytest.mark.parametrize("words", [
    "set profile default friend", "add guest vm9 socket=/tmp/x,profile=friend"])
def test_a_wrong_profile_is_refused_on_the_console(bare, words):
    with pytest.raises(bf.CtlError) as failed:
        bare().daemon.ctl(words)
    assert '"friend": expected' in failed.value.text and "tenant" in failed.value.text


def test_a_wrong_profile_is_refused_on_the_command_line():
    done = subprocess.run([str(bf.BONDFWD), "--", "--profile", "friend", "-i"], capture_output=True, text=True,
                          timeout=bf.LIMIT, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith('bondfwd: --profile: "friend": expected')
