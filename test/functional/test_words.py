# SPDX-License-Identifier: BSD-3-Clause
"""Words of testpmd, Open vSwitch, VPP and Linux: those that work, and what the others are answered."""

import json
import re
import socket

import bf

OURS = re.compile(r"`([a-z][^`]*)`")


class Exec:
    """Many commands on one connection: a process for each would take longer than the commands."""

    def __init__(self, daemon):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(bf.LIMIT)
        self.sock.connect(str(daemon.console))
        self.file = self.sock.makefile("rwb")
        self.file.write(b"bondctl 1 exec json\n")

    def run(self, line):
        """(status, what was answered)"""
        self.file.write(line.encode() + b"\n")
        self.file.flush()
        status, length = self.file.readline().split()
        return int(status), json.loads(self.file.read(int(length)))


def test_every_foreign_command_is_answered_with_ours_and_changes_nothing(rig):
    r = rig()
    before = r.daemon.ctl("show running-config")
    ctl = Exec(r.daemon)
    rows = ctl.run("show words")[1]
    assert {row["of"] for row in rows} == {"testpmd", "Open vSwitch", "VPP", "Linux"}
    faults = []
    for row in rows:
        typed = re.sub(r"<\w+>", "x", row["words"])
        said = f'"{row["words"]}" is a command of {row["of"]}; here: {row["instead"]}'
        for line in (typed, f"{typed} and more of it"):
            answer = ctl.run(line)
            if answer != (2, {"error": said}):
                faults.append((line, answer))
        # Its last word may be a value, of which help knows nothing.
        faults += [(row["words"], ours) for ours in OURS.findall(row["instead"])
                   if ctl.run(f"help {ours}")[0] != 0
                   and ctl.run(f"help {ours.rpartition(' ')[0]}")[0] != 0]
    assert not faults
    assert ctl.run("ovs-appctl fdb/show br0")[1] == ctl.run("fdb/show br0")[1]
    assert r.daemon.ctl("show running-config") == before


def test_a_mistyped_command_of_ours_is_answered_with_the_nearest_word(rig):
    r = rig()
    ctl = Exec(r.daemon)
    assert ctl.run("shov fdb")[1]["error"].endswith("; did you mean show?")
    assert ctl.run("show bonding confg bond0")[1]["error"].endswith("; did you mean config?")
    assert [row["words"] for row in ctl.run("show words pmd-rxq-show")[1]] == [
        "pmd-rxq-show", "dpif-netdev/pmd-rxq-show"]
    assert ctl.run("show words nothing-has-this")[0] == 2


def test_testpmds_commands_work_with_its_words(rig):
    r = rig(log_allowed=["^WARNING: member_down: net_vhost1: switched off$"])
    assert r.daemon.ctl("port stop net_vhost1") == "Stopping ports...\nDone\n"
    bf.wait_for(lambda: not r.member(1)["link"], what="link down")
    assert r.daemon.ctl("port start net_vhost1") == "Starting ports...\nDone\n"
    bf.wait_for(lambda: r.member(1)["link"], what="link up")
    assert r.daemon.run_ctl("port stop vm1").returncode == 2
    assert r.daemon.ctl("set allmulti all on") == ""
    refused = r.daemon.run_ctl("set allmulti bond0 off")
    assert refused.returncode == 1 and "expected on" in refused.stderr
    for theirs, ours in (("show port net_vhost0 module_eeprom", "show port module_eeprom net_vhost0"),
                         ("dump_mempool", "show mempool"), ("dump_lcores", "show lcore")):
        names = [[row[0:1] for row in map(str.split, r.daemon.ctl(text).splitlines())] for text in (theirs, ours)]
        assert names[0] == names[1] != []
    r.daemon.ctl("mac_addr set bond0 02:00:00:00:00:77")
    assert r.daemon.ctl("show bonding config bond0", json=True)["mac"] == "02:00:00:00:00:77"
    assert r.daemon.ctl("exit") == r.daemon.ctl("quit") == ""
