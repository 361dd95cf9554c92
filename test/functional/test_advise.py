# SPDX-License-Identifier: BSD-3-Clause
"""bondfwd --advise: what a host should give to bondfwd, here of hosts that are folders."""

import json
import pathlib
import shlex
import shutil
import subprocess

import jsonschema
import pytest

import bf
import samples

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs" / "advise.schema.json").read_text(encoding="ascii"))
DEVICES = SCHEMA["$defs"]["device"]


def put(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{text}\n", encoding="ascii")


def point(root, path, to):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).symlink_to(to)


def card(root, address, driver, node, group, iface=None):
    at = f"sys/bus/pci/devices/{address}"
    for name, text in (("class", "0x020000"), ("vendor", "0x8086"), ("device", "0x1572"), ("numa_node", node),
                       ("driver_override", "(null)")):
        put(root, f"{at}/{name}", text)
    point(root, f"{at}/driver", f"../../drivers/{driver}")
    point(root, f"{at}/iommu_group", f"../../../../kernel/iommu_groups/{group}")
    put(root, f"sys/kernel/iommu_groups/{group}/devices/{address}", "")
    if iface:
        put(root, f"{at}/net/{iface}/ifindex", 2)
        for name, text in (("address", "00:11:22:33:44:55"), ("carrier", 1), ("speed", 1000), ("mtu", 1500)):
            put(root, f"sys/class/net/{iface}/{name}", text)


@pytest.fixture(name="host")
def two_node_host(tmp_path):
    """Two nodes of 8 cores with two threads each; a card with two ports on node 1, one of the kernel's on node 0."""
    put(tmp_path, "sys/devices/system/cpu/online", "0-31")
    for cpu in range(32):
        put(tmp_path, f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", f"{cpu % 16},{cpu % 16 + 16}")
    for node in (0, 1):
        at = f"sys/devices/system/node/node{node}"
        put(tmp_path, f"{at}/cpulist", f"{8 * node}-{8 * node + 7},{8 * node + 16}-{8 * node + 23}")
        put(tmp_path, f"{at}/meminfo", f"Node {node} MemTotal: 67108864 kB")
        put(tmp_path, f"{at}/hugepages/hugepages-2048kB/nr_hugepages", 0)
    put(tmp_path, "sys/bus/pci/drivers/vfio-pci/new_id", "")
    put(tmp_path, "proc/cpuinfo", "vendor_id\t: GenuineIntel")
    put(tmp_path, "proc/cmdline", "quiet intel_iommu=on iommu=pt")
    put(tmp_path, "proc/mounts", "none /dev/hugepages hugetlbfs rw 0 0")
    put(tmp_path, "proc/net/route", "eno1\t00000000\t0102A8C0")
    card(tmp_path, "0000:03:00.0", "igb", 0, 14, "eno1")
    card(tmp_path, "0000:81:00.0", "vfio-pci", 1, 40)
    card(tmp_path, "0000:81:00.1", "vfio-pci", 1, 41)
    put(tmp_path, "sys/bus/pci/slots/4/address", "0000:81:00")
    return tmp_path


def advise(wish, *more):
    return subprocess.run([bf.BONDFWD, "--advise", wish, *more], capture_output=True, text=True, timeout=30,
                          env=bf.clean_env(), check=False)


def as_json(wish):
    done = advise(wish, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return checked(json.loads(done.stdout))


def checked(found):
    """What docs/advise.schema.json promises, it has."""
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def said(advice, topic):
    return [a["text"] for a in advice["advice"] if a["topic"] == topic]


def test_the_page_shows_what_a_host_with_two_nodes_is_advised(host):
    def run(command):
        return advise(f"root={host},{command.split()[-1]}").stdout

    samples.check("advise", run)


def test_json_has_each_figure_and_every_advice_its_reason(host):
    found = as_json(f"root={host},workers=2,guests=4,mtu=9000")
    assert list(found) == list(SCHEMA["properties"])
    assert [set(d) for d in found["devices"]] == [
        set(DEVICES["properties"]), set(DEVICES["required"]), set(DEVICES["required"])]
    assert (found["workers"], found["isolate"]) == ([8, 9], "8-9,24-25")
    assert [m["node"] for m in found["memory"]] == [1]
    assert all(a["topic"] and a["text"] and a["why"] for a in found["advice"])
    assert said(found, "EAL arguments") == [
        f"bondfwd -l 10,8,9 --main-lcore 10 -a 0000:81:00.0 -a 0000:81:00.1 --socket-mem 0,{found['memory'][0]['mib']} --"]
    assert "isolcpus=managed_irq,domain,8-9,24-25" in said(found, "Kernel command line")[0]
    assert "iommu" not in said(found, "Kernel command line")[0]  # it is there already
    assert {d["name"]: d["state"] for d in found["devices"]} == {
        "0000:03:00.0": "busy", "0000:81:00.0": "ready", "0000:81:00.1": "ready"}


def test_pages_of_others_are_not_taken_away(host):
    at = "sys/devices/system/node/node1/hugepages/hugepages-2048kB"
    put(host, f"{at}/nr_hugepages", 4096)
    put(host, f"{at}/free_hugepages", 1)
    found = as_json(f"root={host}")
    pages = 4096 + found["memory"][0]["mib"] // 2 - 1
    assert found["memory"][0]["pages_2m"] == pages
    assert f"echo {pages} > /{at}/nr_hugepages" in said(found, "Huge pages")[0]
    put(host, f"{at}/free_hugepages", 1000)
    put(host, "proc/cmdline", "default_hugepagesz=2M hugepages=8192")
    found = as_json(f"root={host}")
    assert "they are free" in said(found, "Huge pages")[0]
    assert "hugepages" not in said(found, "Kernel command line")[0]


def test_a_command_line_keeps_the_pages_of_other_nodes_and_names_what_it_replaces(host):
    put(host, "sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", 512)
    put(host, "proc/cmdline", "quiet isolcpus=2 nohz_full=2 hugepages=512")
    found = as_json(f"root={host}")
    line = next(a for a in found["advice"] if a["topic"] == "Kernel command line")
    assert f"hugepages=1:{found['memory'][0]['pages_2m']},0:512" in line["text"]
    assert line["why"].endswith("; instead of isolcpus=2 nohz_full=2 hugepages=512")


def test_the_rings_are_for_the_speed_that_is_known(host):
    def rings(*members):
        advice = as_json(f"root={host},{','.join(f'member={m}' for m in members)}")["advice"]
        return next((a["text"], a["why"]) for a in advice if a["topic"] == "Ring sizes")

    assert "tells no speed" in rings("0000:81:00.0")[1]
    assert "the default bridges" in rings("0000:03:00.0", "0000:81:00.0")[1]
    put(host, "sys/class/net/eno1/speed", 25000)
    assert rings("0000:03:00.0") == ("rxd=2048,txd=2048 in --bond", "the cards are faster than 10 Gb/s: a longer ring bridges the same time")


def test_names_cannot_write_to_a_terminal(host):
    put(host, "sys/bus/pci/devices/0000:81:00.0/label", "\x1b[2Jcard")
    card(host, "0000:04:00.0", "igb", 0, 15, "e\x1b]0;x")
    put(host, "proc/net/route", "e\x1b]0;x\t00000000\t0102A8C0")
    found = advise(f"root={host}").stdout
    assert "\x1b" not in found and "called ?[2Jcard" in found and "e?]0;x has the default route" in found


def test_another_dpdk_process_is_noticed(host):
    assert "--file-prefix" not in said(as_json(f"root={host}"), "EAL arguments")[0]
    put(host, "proc/net/unix", "0: 2 0 0 2 1 9 /var/run/dpdk/rte/mp_socket")
    assert "--file-prefix bondfwd" in said(as_json(f"root={host}"), "EAL arguments")[0]


def test_this_host_is_advised_too():
    done = subprocess.run([bf.BONDFWD, "--advise", "--json"], capture_output=True, text=True, timeout=30,
                          env=bf.clean_env(), check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert said(checked(json.loads(done.stdout)), "EAL arguments")


def test_a_schema_that_promises_less_would_be_noticed():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for wrong in ({"n_workers": 1}, {"surprise": 1}):
        with pytest.raises(jsonschema.ValidationError):
            checked(wrong)


def test_a_kernel_without_memory_nodes_has_no_path_of_one(host):
    shutil.rmtree(host / "sys/devices/system/node")
    pages = "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    put(host, pages, 0)
    found = as_json(f"root={host}")
    text = said(found, "Huge pages")[0]
    assert f"echo {found['memory'][0]['pages_2m']} > /{pages}" in text and "node" not in text
    assert found["memory"][0]["node"] == 0


def test_names_of_interfaces_are_quoted_where_they_are_copied(host):
    card(host, "0000:04:00.0", "igb", 0, 15, "$(reboot)'")
    device = next(d for d in as_json(f"root={host}")["devices"] if d["name"] == "0000:04:00.0")
    command = device["steps"][0]["command"]
    assert shlex.split(command) == ["ip", "link", "set", "dev", "$(reboot)'", "down"] and "'$(" in command


@pytest.mark.parametrize(("words", "expected"), [
    (["--advise", "workers=99"], '--advise: workers: "99": expected 1 to 64'),
    (["--advise", "cards=2"], '--advise: "cards": expected workers=, guests=, mtu=, member= or root='),
    (["--advise", "member=0000:7f:00.0"], '--advise: member: "0000:7f:00.0": this host has no such network device'),
    (["--advise", "root=/nowhere"], '--advise: root: "/nowhere": there is no sys and proc in it'),
    (["--advise", "root=/etc"], '--advise: root: "/etc": there is no sys and proc in it'),
    (["--advise", "member=lo"], '--advise: member: "lo": this host has no such network device'),
    (["--json"], "--json: expected with --advise only"),
])
def test_a_wish_that_cannot_be_had_is_refused(words, expected):
    done = subprocess.run([bf.BONDFWD, *words], capture_output=True, text=True, timeout=30, env=bf.clean_env(), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"bondfwd: {expected}\n")


def test_a_member_is_a_card_and_named_once(host):
    put(host, "sys/class/net/usb0/device/numa_node", -1)
    for members, expected in (("member=usb0", '"usb0": expected a PCI device; others need --vdev, as in '
                                              '--vdev=net_af_packet0,iface=usb0'),
                              ("member=0000:03:00.0,member=0000:03:00.0", '"0000:03:00.0": it is named twice')):
        done = advise(f"root={host},{members}")
        assert (done.returncode, done.stdout) == (2, "") and expected in done.stderr


def test_the_memory_that_is_advised_is_enough(rig, host):
    wanted = as_json(f"root={host},workers=2,guests=2,mtu=1500")
    r = rig(workers=2, members=2, memory=wanted["memory"][0]["mib"], mtu=1500)
    r.learn_all()
    pool = next(p for p in r.daemon.ctl("show mempool", json=True) if p["name"].startswith("bond0"))
    assert pool["size"] == wanted["frames"] and pool["element"] <= wanted["frame_bytes"]
