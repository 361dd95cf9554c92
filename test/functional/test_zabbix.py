# SPDX-License-Identifier: BSD-3-Clause
"""config/zabbix: the agent's keys give what bondctl says, and the template finds its values in that."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

import bf
from bf import FAR_MAC, guest_mac, wait_for
from test_renderings import RESTLESS, at_rest

FOLDER = bf.ROOT / "config" / "zabbix"
RESTLESS_TOO = RESTLESS | {"idle_cycles", "lacp_late", "samples", "average"}


class Agent:
    """zabbix_agentd -t with the file as it is shipped; its bondctl is the test's."""

    def __init__(self, r):
        folder = pathlib.Path(r.workdir) / "bin"
        folder.mkdir()
        (folder / "bondctl").write_text(f'#!/bin/sh\nexec {bf.BONDCTL} -s {r.daemon.console} "$@"\n', encoding="utf-8")
        (folder / "bondctl").chmod(0o755)
        self.conf = folder / "agent.conf"
        self.conf.write_text(f"Server=127.0.0.1\nAllowRoot=1\nLogType=console\nPidFile={folder}/pid\n"
                             f"Include={FOLDER}/bondfwd.conf\n", encoding="utf-8")
        self.env = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}")

    def ask(self, key):
        """(type, value)"""
        done = subprocess.run(["/usr/sbin/zabbix_agentd", "-c", self.conf, "-t", key], env=self.env, text=True,
                              capture_output=True, timeout=bf.LIMIT, stdin=subprocess.DEVNULL, check=False)
        m = re.fullmatch(rf"{re.escape(key)} +\[(\w)\|(.*)\]\n", done.stdout, re.DOTALL)
        assert done.returncode == 0 and m, done.stdout + done.stderr
        return m[1], m[2]

    def json(self, key):
        kind, text = self.ask(key)
        assert kind == "t", text
        return json.loads(text)


def keys_of_agent():
    """{key: bondctl's command}"""
    lines = (FOLDER / "bondfwd.conf").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    found = [re.fullmatch(r"UserParameter=([\w.]+),bondctl -t 2 -j (show [\w ]+)", line) for line in lines]
    assert all(found), lines
    return {m[1]: m[2] for m in found}


def template():
    with open(FOLDER / "template.yaml", encoding="utf-8") as f:
        export = yaml.safe_load(f)["zabbix_export"]
    assert export["version"] == "6.0" and len(export["templates"]) == 1
    return export["templates"][0]


def everything(node, name):
    """All values of a name, however deep."""
    if isinstance(node, dict):
        yield from ([node[name]] if name in node else [])
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from everything(one, name)


# ---- Zabbix's JSONPath, as far as the template uses it ----

STEP = re.compile(r"""\.(?P<call>first|sum|length)\(\)$ | \.(?P<name>\w+) | \[(?P<all>\*)\]
    | \[\?\(@\.(?P<field>\w+)\s==\s(?:'(?P<text>[^']*)'|(?P<number>\d+))\)\] | \[(?P<names>'[^\]]*')\]""", re.VERBOSE)
NOTHING = object()


def step_over(values, m):
    if m["name"]:
        return [v[m["name"]] for v in values if isinstance(v, dict) and m["name"] in v]
    if m["all"]:
        return [one for v in values for one in v]
    if m["names"]:
        return [v[n] for v in values for n in re.findall(r"'([^']*)'", m["names"])]
    want = m["text"] if m["text"] is not None else int(m["number"])
    return [one for v in values for one in v if one.get(m["field"]) == want]


def json_path(value, path):
    """What Zabbix finds; NOTHING: no match."""
    values, at, is_many = [value], 1, False
    assert path[0] == "$"
    while at < len(path):
        m = STEP.match(path, at)
        assert m, f"{path}: the test does not know {path[at:]}"
        at = m.end()
        if m["call"] == "first":
            return values[0] if values else NOTHING
        if m["call"]:
            return sum(values) if m["call"] == "sum" else len(values[0])
        is_many |= m["name"] is None
        values = step_over(values, m)
    return values if is_many else values[0] if values else NOTHING


def test_the_paths_are_read_as_zabbix_reads_them():
    data = [{"n": "a", "x": {"p": 1, "q": 2}, "l": [{"k": 7}]}, {"n": "b", "l": [{"k": 8}, {"k": 9}]}]
    assert json_path(data, "$[*].n") == ["a", "b"]
    assert json_path(data, "$[?(@.n == 'b')].n.first()") == "b"
    assert json_path(data, "$[*].l[*].k") == [7, 8, 9]
    assert json_path(data, "$[*].l[?(@.k == 9)].k.first()") == 9
    assert json_path(data[0], "$.x['p','q'].sum()") == 3
    assert json_path(data[1], "$.l.length()") == 2
    assert json_path(data, "$[?(@.n == 'c')].n.first()") is NOTHING
    assert json_path(data[0], "$.x.q") == 2


# ---- keys ----

@pytest.fixture
def busy(rig):
    """A rig with LACP and two guests, one that is gone, after some frames."""
    r = rig(guests=("vm1", "vm2"), log_allowed=[r"."])
    r.learn_all()
    r.transfer(r.vm(1), r.far[0], 1, 100, src=guest_mac(1), dst=FAR_MAC)
    r.vm(1).send(stream=2, count=3, src=guest_mac(1), dst="01:80:c2:00:00:0e")
    wait_for(lambda: r.daemon.drops().get("reserved_address") == 3, what="frames dropped")
    r.vm(2).kill()
    wait_for(lambda: not r.daemon.ctl("show guest vm2", json=True)[0]["up"], what="vm2 gone")
    wait_for(lambda: r.daemon.ctl("show health", json=True)["bonds"], what="the bond's state is known")
    return r, Agent(r)


def without_restless(value):
    if isinstance(value, dict):
        return {k: without_restless(v) for k, v in value.items()
                if k not in RESTLESS_TOO and not re.match(r"[rt]x_[bp]ps", k)}
    return [without_restless(v) for v in value] if isinstance(value, list) else at_rest(value)


def test_every_key_of_the_agent_is_what_bondctl_says(busy):
    r, agent = busy
    for key, command in keys_of_agent().items():
        def same(key=key, command=command):
            return without_restless(agent.json(key)) == without_restless(r.daemon.ctl(command, json=True))
        wait_for(same, what=f"{key} and {command} say the same")
    assert agent.ask("bondfwd.nosuch")[0] == "m"


def test_without_bondfwd_a_key_has_no_value_that_the_template_takes(busy):
    r, agent = busy
    r.daemon.stop()
    kind, text = agent.ask("bondfwd.info")
    assert "expected a running bondfwd there" in text and kind == "t"
    with pytest.raises(ValueError):
        json.loads(text)


# ---- the template ----

def value(raw, item, macros):
    """Of a dependent item, as Zabbix gets it from its master's value, up to the rates."""
    steps = item["preprocessing"]
    path = steps[0]["parameters"][0]
    for macro, text in macros.items():
        path = path.replace(macro, str(text))
    assert steps[0]["type"] == "JSONPATH" and "{#" not in path, path
    found = json_path(raw[item["master_item"]["key"]], path)
    assert not isinstance(found, (list, dict)), (item["key"], found)
    if any(s["type"] == "BOOL_TO_DECIMAL" for s in steps) and found is not NOTHING:
        assert isinstance(found, bool), (item["key"], found)
        found = int(found)
    if item.get("value_type", "UNSIGNED") in ("UNSIGNED", "FLOAT") and found is not NOTHING:
        assert isinstance(found, (int, float)), (item["key"], found)
    return found


def discovered(raw, rule):
    """A list of {macro: value}."""
    rows = json_path(raw[rule["master_item"]["key"]], rule["preprocessing"][0]["parameters"][0])
    return [{m["lld_macro"]: json_path(row, m["path"]) for m in rule["lld_macro_paths"]} for row in rows]


def all_values(raw):
    """{key with names filled in: value} of all that the template makes of the masters' values."""
    t = template()
    found = {i["key"]: value(raw, i, {}) for i in t["items"] if i.get("type") == "DEPENDENT"}
    for rule in t["discovery_rules"]:
        for macros in discovered(raw, rule):
            for item in rule["item_prototypes"]:
                key = item["key"]
                for macro, text in macros.items():
                    key = key.replace(macro, str(text))
                assert key not in found, key
                found[key] = value(raw, item, macros)
    return found


def test_the_template_finds_all_values_in_what_the_keys_give(busy):
    _, agent = busy
    raw = {key: agent.json(key) for key in keys_of_agent()}
    found = all_values(raw)
    assert [key for key, v in found.items() if v is NOTHING] == []
    stats = {p["name"]: p for p in raw["bondfwd.stats"]}
    assert found["bondfwd.bond.state[bond0]"] == "redundant"
    assert (found["bondfwd.member.link[net_vhost1]"], found["bondfwd.member.carries[net_vhost1]"]) == (1, 0)
    assert (found["bondfwd.guest.link[vm1]"], found["bondfwd.guest.link[vm2]"]) == (1, 0)
    assert found["bondfwd.guest.in[vm1]"] == stats["vm1"]["rx_bytes"] > 0
    assert found["bondfwd.guest.refused[vm1]"] == 3
    assert found["bondfwd.dropped"] == raw["bondfwd.drops"]["ledger"]["dropped"] >= 3
    assert found["bondfwd.lost"] == 0
    assert found["bondfwd.worker.frames[1]"] == raw["bondfwd.workers"][0]["frames"]
    assert found["bondfwd.health.findings"] == len(raw["bondfwd.health"]["findings"])


def test_the_template_finds_lacp_and_a_lost_link(rig):
    r = rig(guests=(), mode="802.3ad", log_allowed=[r"."])
    agent = Agent(r)
    r.far[0].kill()

    def found():
        return all_values({key: agent.json(key) for key in keys_of_agent()})
    now = wait_for(lambda: (v := found())["bondfwd.member.link[net_vhost0]"] == 0 and v, what="a member without link")
    assert now["bondfwd.member.off[net_vhost0]"] == 0
    assert (now["bondfwd.lacp.bundled[net_vhost1]"], now["bondfwd.lacp.why[net_vhost1]"]) == (0, "no-partner")
    assert now["bondfwd.lacp.why[net_vhost0]"] == "link-down"
    assert now["bondfwd.lacp.partner[net_vhost1]"] == "00:00:00:00:00:00"
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


def test_whatever_the_template_names_exists(busy):
    """Keys of masters, items in triggers and graphs, macros, maps, drop reasons; and no two things are one."""
    _, agent = busy
    t = template()
    items = {i["key"] for i in t["items"]} | {i["key"] for rule in t["discovery_rules"] for i in rule["item_prototypes"]}
    plain = {i["key"] for i in t["items"] if i.get("type") != "DEPENDENT"}
    assert plain == keys_of_agent().keys(), "no more and no less than the agent's file"
    assert {m["key"] for m in everything(t, "master_item")} == plain
    used = re.findall(r"\(/bondfwd by Zabbix agent/([\w.]+(?:\[[^]]*\])?)", " ".join(everything(t, "expression")))
    assert len(used) > 10 and set(used) <= items
    graphs = [i["key"] for i in everything(t, "item") if isinstance(i, dict)]
    assert graphs and set(graphs) <= items
    assert {m["macro"] for m in t["macros"]} == set(re.findall(r"\{\$[\w.]+\}", json.dumps(t["items"] + t["discovery_rules"])))
    assert {m["name"] for m in everything(t, "valuemap")} == {m["name"] for m in t["valuemaps"]}
    uuids = list(everything(t, "uuid"))
    assert len(uuids) == len(set(uuids))
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", u) for u in uuids)
    reasons = agent.json("bondfwd.drops")["ledger"]["by_reason"]
    lost = next(i for i in t["items"] if i["key"] == "bondfwd.lost")["preprocessing"][0]["parameters"][0]
    named = re.findall(r"'(\w+)'", lost)
    assert len(named) > 5 and set(named) <= reasons.keys()
    for rule in t["discovery_rules"]:
        macros = {m["lld_macro"] for m in rule["lld_macro_paths"]}
        assert set(re.findall(r"\{#\w+\}", json.dumps(rule))) == macros, rule["key"]
