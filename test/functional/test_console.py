# SPDX-License-Identifier: BSD-3-Clause
"""The console through bondctl: every show in text and JSON, and the configuration round trip."""

import re
import subprocess

import pytest

import bf
from bf import FAR_MAC, CtlError, guest_mac, wait_for

# command: words its text must hold
SHOWS = {
    "show port info all": ["bond0", "vm1", "vm2"],
    "show port info bond0": ["bond0"],
    "show port stats all": ["RX-packets", "TX-packets", "Rx-pps", "Tx-bps"],
    "show port stats vm1": ["RX-packets"],
    "show port stats 0": ["RX-packets"],
    "show port summary all": ["bond0", "vm1", "vm2"],
    "show port xstats all": [],
    "show bonding config bond0": ["net_vhost0", "net_vhost1"],
    "show bonding config all": ["net_vhost0", "net_vhost1"],
    "show bonding lacp info all": [],
    "show snmp": ["string net_vhost0", "string vm2"],
    "show snmp traps": ["newest "],
    "show config fwd": ["bond0", "vm1"],
    "show keys": ["mtu", "default", "fail_over_mac"],
    "show keys member": ["priority"],
    "show fwd stats all": ["RX-packets", "Accumulated"],
    "show guest": ["vm1", "vm2"],
    "show guest all": ["vm1", "vm2"],
    "show guest vm1": ["vm1"],
    "show fdb": [guest_mac(1), FAR_MAC],
    "show fdb port vm1": [guest_mac(1)],
    "show drops": [],
    "show lcore": [],
    "show events": [],
    "show mempool": [],
    "show numa": [],
    "show devices": ["Device ", "member", "bond0"],
    "show running-config": ["create bonding device", "add guest vm1"],
}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_show_speaks_text_and_json(rig, workers):
    r = rig(workers=workers)
    r.learn_all()
    faults = []
    for command, words in SHOWS.items():
        text = r.daemon.run_ctl(command)
        if text.returncode != 0:
            faults.append((command, text.stdout + text.stderr))
        faults += [(command, "lacks " + w) for w in words if w not in text.stdout]
        as_json = r.daemon.run_ctl(command, True)
        try:
            if as_json.returncode != 0 or not isinstance(bf.parse_json(as_json.stdout), (dict, list)):
                faults.append((command + " -j", as_json.stdout))
        except ValueError as e:
            faults.append((command + " -j", str(e)))
    assert not faults


def test_memory_nodes_are_no_topic_where_there_is_one(rig):
    r = rig(workers=2)
    r.learn_all()
    shown = r.daemon.ctl("show numa", json=True)
    if len(shown["nodes"]) > 1:
        pytest.skip("this machine has several memory nodes; test/numa has, too")
    assert shown["own_mib"] == r.memory
    if shown["nodes"]:
        node = shown["nodes"][0]["node"]
        head, row, said = r.daemon.ctl("show numa").splitlines()
        assert head.split()[:4] == ["Node", "CPUs", "Memory", "MiB"]
        all_there = {"members": len(shown["members"]), "guests": len(shown["guests"])}
        assert shown["nodes"][0].items() >= all_there.items() and shown["nodes"][0]["memory_mib"] > 0
        assert row.split()[0] == str(node) and int(row.split()[2]) == shown["nodes"][0]["memory_mib"]
        assert said == f"One memory node ({node}): everything is there"
        assert {x["node"] for x in shown["lcores"] + shown["mempools"]} == {node}
        assert {g["memory_node"] for g in shown["guests"]} == {node}
    assert {m["node"] for m in shown["members"]} == {-1}, "virtual devices lie nowhere"
    assert not any(x["polled_across_by"] for x in shown["guests"] + shown["members"])
    assert not any("numa" in e["what"] for e in r.daemon.ctl("show events", json=True))
    assert "node" not in r.daemon.ctl("show mempool")


def test_show_of_one_port_shows_that_port_only(rig):
    r = rig()
    assert [p["name"] for p in r.daemon.ctl("show port info vm2", json=True)] == ["vm2"]


def test_counters_are_exact(rig):
    r = rig()
    r.learn_all()
    r.daemon.ctl("clear port stats all")
    r.transfer(r.far[0], r.vm(1), 1, 1000, src=FAR_MAC, dst=guest_mac(1), size=[100, 200])
    stats = {p["name"]: p for p in r.daemon.ctl("show port stats all", json=True)}
    assert stats["vm1"]["tx_packets"] == stats["bond0"]["rx_packets"] == 1000
    assert stats["vm1"]["tx_bytes"] == stats["bond0"]["rx_bytes"] == 150000
    assert stats["vm2"]["tx_packets"] == 0


def test_rates_are_per_second_since_the_last_call(rig):
    r = rig()
    r.learn_all()
    r.daemon.ctl("show port stats vm1")
    r.far[0].send(wait=False, stream=1, count=20000, src=FAR_MAC, dst=guest_mac(1), rate=5000)

    def rate_is_near():
        text = r.daemon.ctl("show port stats vm1")
        return 500 < int(re.search(r"Tx-pps:\s+(\d+)", text).group(1)) < 50000
    wait_for(rate_is_near, what="a plausible rate")
    r.far[0].cmd("ports")


def test_clear_port_stats_sets_zero_and_the_ledger_stays_balanced(rig):
    r = rig()
    r.learn_all()
    r.transfer(r.far[0], r.vm(1), 1, 500, src=FAR_MAC, dst=guest_mac(1))
    for _ in range(30):  # net_vhost's counters and the worker that adds to them: one time in 25
        r.daemon.ctl("clear port stats all")
        stats = r.daemon.ctl("show port stats all", json=True)
        assert all(p["rx_packets"] == p["tx_packets"] == 0 for p in stats), stats
        r.far[0].send(stream=3, count=4, src=FAR_MAC, dst=guest_mac(1))
        r.settle()
    r.transfer(r.far[0], r.vm(1), 2, 500, src=FAR_MAC, dst=guest_mac(1))
    r.check_balance()


def test_written_config_gives_the_same_running_config(rig, workdir):
    r = rig(bond=",primary=net_vhost0,xmit_policy=l23,mon_period=50",
            guest_opts={"vm2": "mode=server,mrg_rxbuf=off,mac_limit=7"})
    r.daemon.ctl("set fdb aging 77")
    saved = f"{workdir}/saved.conf"
    r.daemon.ctl(f"write {saved}")
    running = r.daemon.ctl("show running-config")
    with open(saved, encoding="utf-8") as f:
        lines = [line for line in f.read().splitlines() if line and not line.startswith("#")]
    assert lines == [x for x in running.splitlines() if x and not x.startswith("#")]
    r.finish()
    r.close()
    again = rig(config=saved, guest_opts={"vm2": "mode=server"})
    assert again.daemon.ctl("show running-config") == running
    again.learn_all()


def test_loading_the_running_config_changes_nothing_and_loses_nothing(rig, workdir):
    r = rig()
    r.learn_all()
    saved = f"{workdir}/saved.conf"
    r.daemon.ctl(f"write {saved}")
    running = r.daemon.ctl("show running-config")
    r.vm(1).cmd("clear")
    r.far[0].send(wait=False, stream=1, count=2000, src=FAR_MAC, dst=guest_mac(1), rate=2000)
    for _ in range(5):
        r.daemon.ctl(f"load {saved}")
    assert r.vm(1).await_stream(1, 2000)["missing"] == 0
    assert r.daemon.ctl("show running-config") == running
    assert all(p.is_up() for p in r.peers())


def test_load_applies_the_difference(rig, workdir):
    r = rig()
    r.learn_all()
    saved = f"{workdir}/saved.conf"
    r.daemon.ctl(f"write {saved}")
    with open(saved, encoding="utf-8") as f:
        text = f.read()
    text = "".join(x for x in text.splitlines(True) if not x.startswith("add guest vm2"))
    with open(saved, "w", encoding="utf-8") as f:
        f.write(text.replace("set fdb aging 300", "set fdb aging 200"))
    r.daemon.ctl(f"load {saved} force")
    running = r.daemon.ctl("show running-config")
    assert "vm2" not in running and "set fdb aging 200" in running
    tally = r.transfer(r.far[0], r.vm(1), 1, 500, src=FAR_MAC, dst=guest_mac(1))
    assert tally["missing"] == 0


def test_load_with_a_broken_line_changes_nothing_and_names_file_and_line(rig, workdir):
    r = rig()
    r.learn_all()
    saved = f"{workdir}/broken.conf"
    r.daemon.ctl(f"write {saved}")
    running = r.daemon.ctl("show running-config")
    with open(saved, encoding="utf-8") as f:
        lines = f.read().splitlines()
    lines = [x for x in lines if not x.startswith("add guest vm2")]
    lines.append("set fdb aging 200")
    lines.append("set bonding option bond0 mtu=9217")
    with open(saved, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl(f"load {saved}")
    assert refused.value.status == 2
    assert f"{saved}:{len(lines)}:" in refused.value.text and "9217" in refused.value.text
    assert r.daemon.ctl("show running-config") == running
    tally = r.transfer(r.far[0], r.vm(1), 1, 500, src=FAR_MAC, dst=guest_mac(1))
    assert tally["missing"] == 0


def test_mtu_changes_at_run_time(rig):
    r = rig(mtu=9216)
    r.learn_all()
    r.daemon.ctl("port config mtu vm1 1500")
    r.far[0].send(stream=1, count=100, src=FAR_MAC, dst=guest_mac(1), size=[1522, 1523])
    r.settle()
    assert set(r.vm(1).stream(1)["sizes"]) == {"1522"}
    # Larger frames need larger buffers: the guest is connected anew.
    r.daemon.ctl("port config mtu vm1 9216")
    r.vm(1).wait_up()
    r.learn(r.vm(1), guest_mac(1))
    tally = r.transfer(r.far[0], r.vm(1), 2, 100, src=FAR_MAC, dst=guest_mac(1), size=9238)
    assert tally["missing"] == 0


def test_help_lists_every_section(rig):
    r = rig(guests=(), far_peers=False)
    text = r.daemon.ctl("help all")
    for command in ("show port", "show bonding", "add guest", "show fdb", "load", "write", "quit"):
        assert command in text


def test_a_row_alone_brings_a_key_into_help_json_and_the_options_of_show(rig):
    r = rig(guests=("vm1",), far_peers=False)
    answer = r.daemon.ctl("show keys", json=True)
    rows = {of: {k["key"]: k for k in answer["keys"] if k["of"] == of}
            for of in ("bond", "member", "guest")}
    shown = {"bond": [r.bond()], "member": r.bond()["member_details"],
             "guest": r.daemon.ctl("show guest", json=True)}
    for of, objects in shown.items():
        for options in (o["options"] for o in objects):
            assert set(options) == set(rows[of]) - {"name", "member"}
    bond = shown["bond"][0]["options"]
    assert bond["rxd"] == rows["bond"]["rxd"]["default"] == "1024"
    text = r.daemon.ctl("show keys guest")
    usage = subprocess.run([str(bf.BONDFWD), "--", "--help"], capture_output=True, text=True,
                           timeout=bf.LIMIT, check=True).stdout
    for key, row in rows["guest"].items():
        default = "default as set profile default says" if key == "profile" else f"default {row['default']}"
        assert f"{key}: {row['values']}; {default}" in text
        assert key in usage and f"{row['values']}; {default}" in usage
    assert "Keys of a bond" not in text and "fail_over_mac" in str(answer["foreign"])


def test_show_config_fwd_says_which_worker_polls_what(rig):
    r = rig(workers=2, peer_opts={"vm1": {"queues": 2}, "vm2": {"queues": 2}})
    r.learn_all()
    text = r.daemon.ctl("show config fwd")
    assert len(re.findall(r"Logical Core \d+", text)) == 2
    as_json = r.daemon.ctl("show config fwd", json=True)
    assert len(as_json["lcores"]) == 2


def test_what_is_logged_follows_the_level_and_events_do_not(rig):
    r = rig(guests=("vm1",))
    with pytest.raises(CtlError, match="loud.*error, warning, notice"):
        r.daemon.ctl("set log level loud")
    r.daemon.ctl("set log level warning")
    before = r.daemon.log_text()
    r.daemon.ctl("set guest vm1 label=quiet")
    r.daemon.ctl("set log level notice")
    r.daemon.ctl("set guest vm1 label=loud")
    said = r.daemon.log_text()[len(before):]
    assert "label=loud" in said and "label=quiet" not in said
    texts = [e["text"] for e in r.daemon.ctl("show events", json=True)]
    assert [word in " ".join(texts) for word in ("label=quiet", "label=loud")] == [True, True]
