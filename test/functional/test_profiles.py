# SPDX-License-Identifier: BSD-3-Clause
"""Profiles: what guests are unless they say it, on the command line, in files and on the console."""

import pathlib
import re
import subprocess

import pytest
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import bf
from guarding import counted, dropped, guards, learn, passes

VM1, VM2, VM3 = bf.guest_mac(1), bf.guest_mac(2), bf.guest_mac(3)
TENANT = {"profile": "tenant", "mac_guard": "on", "protocol_guard": "on", "dhcp_guard": "on", "ra_guard": "on",
          "mac_limit": "8",          "storm_broadcast": "1kpps", "storm_multicast": "2kpps", "storm_unknown": "5kpps"}
TRUSTED = {"profile": "trusted", "mac_guard": "off", "protocol_guard": "off", "dhcp_guard": "off", "ra_guard": "off",
           "mac_limit": "1024",           "storm_broadcast": "off", "storm_multicast": "off", "storm_unknown": "off"}
OF_A_BOND = {"broadcast": "10kpps", "multicast": "20kpps", "unknown": "50kpps"}
LINE = re.compile(r"WARNING: config: profile: no line says it")


def guest_line(workdir, name, more=""):
    return f"add guest {name} socket={workdir}/{name}.sock{more}"


def profiles(r):
    return {g["name"]: g["options"]["profile"] for g in r.daemon.ctl("show guest", json=True)}


def options(r, name):
    shown = r.daemon.ctl(f"show guest {name}", json=True)[0]["options"]
    return {key: shown[key] for key in TENANT}


def limits(r, port):
    ports = r.daemon.ctl("show storms", json=True)["ports"]
    return {c["class"]: c["limit"] for p in ports if p["port"] == port for c in p["classes"]}


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


def test_a_guest_of_a_fresh_start_has_every_guard_and_limit(rig):
    r = rig(start=False)
    start(r, *r.args)
    assert options(r, "vm1") == TENANT
    shown = guards(r, "vm1")
    assert all(shown[k] for k in TENANT if k.endswith("_guard")) and shown["learns"] and shown["limit"] == 8
    assert limits(r, "vm1") == {"broadcast": "1kpps", "multicast": "2kpps", "unknown": "5kpps"}
    assert limits(r, "bond0") == OF_A_BOND
    assert not any(key in line for line in running(r) for key in ("_guard", "mac_limit", "storm_"))
    r.daemon.ctl("set guest vm1 profile=trusted")
    assert options(r, "vm1") == TRUSTED and limits(r, "vm1") == {}
    assert limits(r, "bond0") == OF_A_BOND


def test_what_a_tenant_forges_is_dropped_and_a_trusted_guest_may_send_it(rig):
    r = rig(start=False, guests=("vm1", "vm2", "vm3"))
    r.args = ["--profile", "none", *r.args]
    r.start()
    learn(r, 1, 2)

    def frame(src, dst=bf.FAR_MAC, kind=0x88b6):
        return bytes(Ether(dst=dst, src=src, type=kind) / Raw(bytes(46)))
    forged = [frame(src, dst) for src in (VM2, bf.FAR_MAC) for dst in (bf.BROADCAST, VM2, VM3)]
    dropped(r, r.vm(1), forged, "forged_mac")
    dropped(r, r.vm(1), [frame(VM1, "01:00:0c:cc:cc:cc")], "control_protocol")
    assert {d["reason"] for d in guards(r, "vm1")["drops"]} == {"forged_mac", "control_protocol"}
    passes(r, r.far[0], [frame(bf.FAR_MAC, VM3)], set())  # never heard of: nobody's, for the guards
    assert counted(r, "vm3", "not_addressed") >= 1
    r.daemon.ctl("set guest vm1 profile=trusted")
    passes(r, r.vm(1), [frame(VM1, "01:00:0c:cc:cc:cc")], {"vm2", "vm3", "far0"})
    passes(r, r.vm(1), [frame("02:00:00:00:77:01")], {"far0"})
    r.daemon.ctl("set guest vm1 profile=tenant")
    dropped(r, r.vm(1), forged, "forged_mac")


def test_a_bond_follows_the_default_profile_unless_a_limit_was_set(rig, workdir):
    r = rig()
    assert limits(r, "bond0") == {}
    r.daemon.ctl("set profile default tenant")
    assert limits(r, "bond0") == OF_A_BOND
    assert not any("storm_" in line for line in running(r))
    r.daemon.ctl("set bonding option bond0 storm_unknown=50000")
    r.daemon.ctl("set profile default trusted")
    assert limits(r, "bond0") == {"unknown": "50kpps"}
    path = pathlib.Path(workdir, "d.conf")
    r.daemon.ctl(f"write {path}")
    assert sum("storm_" in line for line in path.read_text().splitlines()) == 1
    before = running(r)
    r.daemon.ctl("set profile default tenant")
    r.daemon.ctl("set bonding option bond0 storm_unknown=off")
    assert limits(r, "bond0") == {k: v for k, v in OF_A_BOND.items() if k != "unknown"}
    r.daemon.ctl(f"load {path}")
    assert running(r) == before


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
