# SPDX-License-Identifier: BSD-3-Clause
"""Port groups: keys that many guests have in common, on the command line, in files and on the console."""

import pathlib

import pytest
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import bf
from guarding import counted, deliveries, learn

VM1, VM2, VM3 = bf.guest_mac(1), bf.guest_mac(2), bf.guest_mac(3)


def groups(r):
    return {g["name"]: g for g in r.daemon.ctl("show group", json=True)}


def option(r, name, key):
    return r.daemon.ctl(f"show guest {name}", json=True)[0]["options"][key]


def running(r):
    return r.daemon.ctl("show running-config").splitlines()


def refused(r, words, *parts):
    before = running(r)
    with pytest.raises(bf.CtlError) as failed:
        r.daemon.ctl(words)
    assert all(part in failed.value.text for part in parts), failed.value.text
    assert running(r) == before


@pytest.fixture
def grouped(rig):
    """Three guests that are connected; vm1 and vm2 join the group."""
    r = rig(guests=("vm1", "vm2", "vm3"))
    r.daemon.ctl("create group web label=web")
    for name in ("vm1", "vm2"):
        r.daemon.ctl(f"set guest {name} group=web")
    learn(r, 1, 2, 3)
    return r


def test_a_change_of_the_group_reaches_all_its_guests(grouped):
    r = grouped
    ways = [bytes(Ether(dst=dst, src=VM1, type=0x88b6) / Raw(bytes(50))) for dst in (VM2, VM3, bf.FAR_MAC)]
    assert deliveries(r, r.vm(1), ways) == [{"vm2"}, {"vm3"}, {"far0"}]
    r.daemon.ctl("set group web isolated=on")
    assert deliveries(r, r.vm(1), ways) == [set(), {"vm3"}, {"far0"}]
    assert counted(r, "vm1", "isolated") == 1
    r.daemon.ctl("unset group web isolated")
    assert deliveries(r, r.vm(1), ways) == [{"vm2"}, {"vm3"}, {"far0"}]


def test_a_guests_own_key_wins(grouped):
    r = grouped
    r.daemon.ctl("set guest vm2 mac_limit=5")
    r.daemon.ctl("set group web mac_limit=7")
    assert [option(r, name, "mac_limit") for name in ("vm1", "vm2", "vm3")] == ["7", "5", "1024"]
    assert groups(r)["web"] == {
        "name": "web", "keys": {"label": "web", "mac_limit": "7"},
        "guests": [{"name": "vm1", "own": groups(r)["web"]["guests"][0]["own"]},
                   {"name": "vm2", "own": groups(r)["web"]["guests"][1]["own"]}]}
    assert groups(r)["web"]["guests"][1]["own"]["mac_limit"] == "5"
    r.daemon.ctl("unset guest vm2 mac_limit")
    assert option(r, "vm2", "mac_limit") == "7"
    r.daemon.ctl("set guest vm1 group=none")
    assert option(r, "vm1", "mac_limit") == "1024" and option(r, "vm1", "label") == "none"


def test_a_change_that_cuts_a_guest_of_the_group_needs_force(grouped):
    r = grouped
    connects = r.daemon.ctl("show guest vm1", json=True)[0]["connects"]
    refused(r, "set group web packed=off", "vm1", "is connected", "force")
    refused(r, "unset guest vm1 queues", "vm1", "is connected", "force")
    assert r.daemon.ctl("show guest vm1", json=True)[0]["connects"] == connects
    r.daemon.ctl("set group web packed=off force")
    assert option(r, "vm1", "packed") == "off" and option(r, "vm3", "packed") == "on"


def test_what_is_wrong_with_a_group_is_said(grouped):
    r = grouped
    refused(r, "create group web vlan=1", '"web": already in use')
    refused(r, "create group db vlan=4095", "db", '"4095": expected 1 to 4094')
    refused(r, "create group db socket=/tmp/x", "socket: is of one guest only")
    refused(r, "create group db group=web", "group: is of one guest only")
    refused(r, "set group db vlan=1", '"db": no such group')
    refused(r, "set guest vm3 group=db", '"db": no such group')
    refused(r, "set group web uplink=bond9", "vm1", '"bond9"')
    refused(r, "remove group web", "guest vm1 is in it")
    refused(r, "unset group web sokket", 'unknown key "sokket"', "socket")
    refused(r, "show group db", '"db": no such group')
    for name in ("vm1", "vm2"):
        r.daemon.ctl(f"set guest {name} group=none")
    r.daemon.ctl("remove group web")
    assert groups(r) == {} and not any("group" in line for line in running(r))


def test_groups_of_command_line_and_file_are_what_they_were_after_a_restart(rig, workdir):
    path = pathlib.Path(workdir, "g.conf")
    path.write_text("set profile default tenant\n")
    r = rig(start=False, members=0, guests=())
    r.args = ["--port-group", "name=web,vlan=7,mac=auto,ra_guard=off", "--guest",
              f"name=vm1,socket={workdir}/vm1.sock,group=web", "--config", str(path)]
    r.start(wait=False)
    r.daemon.wait_ready()
    assert option(r, "vm1", "vlan") == "7" and option(r, "vm1", "ra_guard") == "off"
    r.daemon.ctl(f"add guest vm2 socket={workdir}/vm2.sock,group=web,vlan=9")
    r.daemon.ctl("set group web mtu=9000")
    r.daemon.ctl("write")
    before = running(r)
    assert "create group web mtu=9000,vlan=7,ra_guard=off" in before
    assert r.daemon.stop() == 0
    r.start(wait=False)
    r.daemon.wait_ready()
    assert running(r) == before
    assert r.daemon.ctl(f"diff {path}") == "No difference.\n"
