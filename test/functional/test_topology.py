# SPDX-License-Identifier: BSD-3-Clause
"""show topology: what is connected to what, as text, JSON, a graph and a page."""

import html
import json
import re
import shutil
import subprocess

from bf import LIMIT
from test_lldp import SWITCH_A, SWITCH_B, hear

HOSTILE = 'le|af"\\1 <b>*]'


def draws(graph):
    """Graphviz takes it, where that is installed."""
    if shutil.which("dot") is None:
        return
    done = subprocess.run(["dot", "-Tsvg"], input=graph, capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    assert done.returncode == 0 and done.stderr == "" and "<svg" in done.stdout
    drawn = html.unescape(done.stdout)
    for name in ("leaf-1", "net_vhost0", "bond0", "vm1", HOSTILE):
        assert f">{name}</text>" in drawn, name


def test_each_form_has_the_same_things_in_it(rig):
    # The mode must not have a LAG: bondfwd warns.
    r = rig(guests=("vm1",), mode="active-backup", log_allowed=[r"^WARNING: cabling: "])
    hear(r, 0, port="Ethernet7/7", chassis="02:aa:00:00:0c:00", name="before")
    hear(r, 0, port="Ethernet1/1", lag=3)
    hear(r, 1, port="Ethernet1/2", chassis=SWITCH_B, name=HOSTILE, lag=0)
    r.learn(r.vm(1), "52:54:00:00:00:01")
    text = r.daemon.ctl("show topology")
    # Of two at one cable, that which came last: they are not behind each other.
    assert "\n  leaf-1 port Ethernet1/1, LAG: 3 -> member net_vhost0: net_vhost, " in text
    assert "port Ethernet1/2, LAG: none -> member net_vhost1: " in text and "before" not in text
    assert re.search(r"bond bond0: active-backup, up, MTU 9216, VLANs any, MACs \d+\n", text)
    assert re.search(r"guest vm1: up, \S+vm1.sock \(client\), front end \S+ \(\d+\), VLAN any, MACs 1, "
                     r"queues 1, lcore 1\n", text)
    shown = r.daemon.ctl("show topology", json=True)
    assert json.loads(r.daemon.ctl("show topology json")).keys() == shown.keys()
    assert shown["host"] and "--bond" in shown["command_line"] and shown["workers"] == [
        {"lcore": 1, "socket": 0}]
    bond, = shown["bonds"]
    heard = [m["neighbors"][0] for m in bond["members"]]
    assert [n["system_name"] for n in heard] == ["leaf-1", HOSTILE]
    assert [(n["lag_enabled"], n["lag_port"]) for n in heard] == [(True, 3), (False, 0)]
    assert (bond["guests"][0]["name"], bond["guests"][0]["stations"]) == ("vm1", 1)

    graph = r.daemon.ctl("show topology dot")
    assert f'"switch {SWITCH_A}" -- "member net_vhost0" [label="Ethernet1/1, LAG: 3"];' in graph
    assert f'"switch {SWITCH_B}" -- "member net_vhost1" [label="Ethernet1/2, LAG: none"];' in graph
    # Of a switch that does not say whether it has one.
    assert '"switch 02:aa:00:00:0c:00" -- "member net_vhost0" [label="Ethernet7/7, LAG: -"];' in graph
    assert '"bond bond0" -- "guest vm1" [label="any"];' in graph
    # Outside of strings there is nothing that a name has brought in.
    assert not set(re.sub(r'"(?:\\.|[^"\\])*"', "", graph)) & set("<>\"\\|*")

    draws(graph)

    page = r.daemon.ctl("show topology markdown")
    assert "\n## Bond bond0\n" in page and "\n- Mode: active\\-backup, up\n" in page
    rows = [line for line in page.splitlines() if line.startswith("| net\\_vhost")]
    # As many cells as the head has, whatever the names are.
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [9, 9]
    # Switch, port, LAG.
    assert [re.split(r"(?<!\\)\|", row)[-2].strip() for row in rows] == ["3", "none"]
    assert "le\\|af\\\"\\\\1 \\<b\\>\\*\\]" in rows[1]
