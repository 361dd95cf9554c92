# SPDX-License-Identifier: BSD-3-Clause
"""bondctl import ovs: databases that Open vSwitch's own programs wrote, and files that are none."""

import hashlib
import json
import os
import pathlib
import re
import subprocess

import pytest

from bf import BONDCTL, BONDFWD, clean_env, wait_for
from lacp_partner import accepts

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
ENV = dict(clean_env(), PATH=os.environ["PATH"] + ":/usr/sbin")
DONE, FAILED, USAGE, PARTLY = 0, 1, 2, 3


class Database:
    """A database with its server; no switch reads it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "conf.db"
        self.sock = self.folder / "db.sock"
        self.env = dict(ENV, OVS_RUNDIR=str(folder))
        self.run("ovsdb-tool", "create", self.file, SCHEMA)
        self.server = subprocess.Popen(
            ["ovsdb-server", self.file, f"--remote=punix:{self.sock}", f"--unixctl={folder}/ctl", "-vconsole:off"],
            env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: accepts(self.sock) or self.server.poll() is not None, what="ovsdb-server")
        self.vsctl("init")

    def run(self, *words):
        return subprocess.run([str(w) for w in words], check=True, env=self.env, capture_output=True, text=True,
                              timeout=60).stdout

    def vsctl(self, *commands):
        """Each command a string; one transaction."""
        words = []
        for command in commands:
            words += ["--", *command.split()]
        return self.run("ovs-vsctl", "--no-wait", f"--db=unix:{self.sock}", *words)

    def compact(self):
        self.run("ovs-appctl", "-t", self.folder / "ctl", "ovsdb-server/compact")

    def close(self):
        self.server.terminate()
        self.server.wait(30)


@pytest.fixture
def db(workdir):
    made = Database(workdir)
    yield made
    made.close()


def imported(file, *words):
    return subprocess.run([BONDCTL, "import", "ovs", file, *words], capture_output=True, text=True, timeout=60,
                          env=ENV, check=False)


def lines(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def checked(folder, text):
    """A draft that the daemon takes; what it says to it."""
    file = pathlib.Path(folder, "draft.conf")
    file.write_text(text.replace("/var/run/openvswitch", str(folder)), encoding="utf-8")
    done = subprocess.run([BONDFWD, "--check", "--config", file], capture_output=True, text=True, timeout=60,
                          env=ENV, check=False)
    assert done.returncode == 0, done.stderr + text
    return done.stderr


def host(db):
    """Two cards in an LACP bond, guests of each kind."""
    db.vsctl(
        "set Open_vSwitch . other_config:dpdk-init=true other_config:pmd-cpu-mask=0x14 "
        "other_config:dpdk-lcore-mask=0x8 other_config:dpdk-socket-mem=1024,0",
        "add-br br0", "set bridge br0 datapath_type=netdev other_config:mac-aging-time=120 "
        "mcast_snooping_enable=true",
        "add-bond br0 bond0 dpdk0 dpdk1", "set port bond0 bond_mode=balance-tcp lacp=passive bond_updelay=1000 "
        "trunks=10,20,30 other_config:lacp-time=fast other_config:lacp-system-id=02:00:00:00:00:99",
        "set interface dpdk0 type=dpdk options:dpdk-devargs=0000:3b:00.0 options:n_rxq_desc=2048 mtu_request=9000",
        "set interface dpdk1 type=dpdk options:dpdk-devargs=0000:3b:00.1,a=b mtu_request=9000 "
        "other_config:lacp-port-priority=7",
        "add-port br0 vm1", "set interface vm1 type=dpdkvhostuserclient mtu_request=9000 "
        "options:vhost-server-path=/run/vhost/vm1.sock ingress_policing_rate=100000 ingress_policing_burst=8000",
        "set port vm1 tag=10",
        "add-port br0 vm2", "set interface vm2 type=dpdkvhostuser", "set port vm2 trunks=10,20",
        "add-port br0 vm3", "set interface vm3 type=dpdkvhostuserclient options:vhost-server-path=/run/vhost/vm3.sock",
        "set port vm3 tag=20 trunks=10,11,12 vlan_mode=native-untagged protected=true",
        "add-port br0 vm4", "set interface vm4 type=dpdkvhostuserclient options:vhost-server-path=/run/vhost/vm4.sock",
        "set port vm4 tag=99 vlan_mode=dot1q-tunnel",
        "add-port br0 mgmt0", "set interface mgmt0 type=internal mac=\"02:00:00:00:00:01\"", "set port mgmt0 tag=10")


WANTED = """\
set profile default trusted
create bonding device 802.3ad 0 bond0
add bonding member 0000:3b:00.0 bond0
set bonding member 0000:3b:00.0 bond0 rxd=2048
add bonding member 0000:3b:00.1 bond0
set bonding member 0000:3b:00.1 bond0 lacp_port_priority=7
set bonding option bond0 mtu=9000,lacp_active=off,lacp_rate=fast,lacp_system_id=02:00:00:00:00:99,up_delay=1000,\
rebalance=on,vlans=10,20,30
add host mgmt0 address=02:00:00:00:00:01,vlan=10
add guest vm1 socket=/run/vhost/vm1.sock,mtu=9000,vlan=10,rate_in=100mbit/1m,over_in=drop
add guest vm2 socket=/var/run/openvswitch/vm2,mode=server,trunk=10,20
add guest vm3 socket=/run/vhost/vm3.sock,trunk=10-12,20,native=20,isolated=on
add guest vm4 socket=/run/vhost/vm4.sock,qinq=99
set fdb aging 120
set bonding option bond0 mcast_snooping=on
start
"""


def test_a_host_of_ovs_becomes_a_file_that_check_accepts(db, workdir):
    host(db)
    db.vsctl("set port bond0 trunks=10,20", "remove port bond0 trunks 20", "add port bond0 trunks 20,30",
             "add-port br0 gone", "set interface gone type=dpdkvhostuser")
    db.vsctl("del-port gone")
    done = imported(db.file)
    assert (done.returncode, done.stderr) == (DONE, "")
    assert lines(done.stdout) == WANTED.splitlines()
    assert "#   bondfwd -l 3,2,4 --main-lcore 3 -a 0000:3b:00.0 -a 0000:3b:00.1,a=b --socket-mem 1024,0 -- --config FILE\n" in done.stdout
    checked(workdir, done.stdout)
    db.compact()
    again = imported(db.file, "-o", f"{workdir}/new.conf")
    assert (again.returncode, again.stdout) == (DONE, "")
    assert pathlib.Path(workdir, "new.conf").read_text(encoding="utf-8") == done.stdout
    once_more = imported(db.file, "-o", f"{workdir}/new.conf")
    assert once_more.returncode == FAILED and "expected a new file" in once_more.stderr


def test_mirrors_and_exporters_come_along(db, workdir):
    host(db)
    db.run("ovs-vsctl", "--no-wait", f"--db=unix:{db.sock}", *(
        "-- --id=@src get port vm1 -- --id=@both get port vm2 -- --id=@out get port vm4 "
        "-- --id=@m create mirror name=span select_src_port=@src,@both select_dst_port=@both select_vlan=10 "
        "output_port=@out -- set bridge br0 mirrors=@m "
        "-- --id=@s create sflow targets=\"192.0.2.1:6343\" sampling=64 polling=5 header=100 agent=eth0 "
        "-- set bridge br0 sflow=@s "
        "-- --id=@i create ipfix targets=\"[2001:db8::1]:4739\" sampling=500 obs_domain_id=7 cache_active_timeout=30 "
        "-- set bridge br0 ipfix=@i -- --id=@q create qos type=egress-policer other_config:cir=12500000 "
        "other_config:cbs=200000 -- set port vm2 qos=@q").split())
    done = imported(db.file)
    got = lines(done.stdout)
    for line in ("set mirror span source vm1 in vlan 10 to vm4", "set mirror span-2 source vm2 both vlan 10 to vm4",
                 "create exporter sflow1 type=sflow,collector=192.0.2.1:6343,sampling=64,polling=5,header=100",
                 "create exporter ipfix2 type=ipfix,collector=[2001:db8::1]:4739,sampling=500,domain=7,active=30",
                 "add guest vm2 socket=/var/run/openvswitch/vm2,mode=server,trunk=10,20,rate_out=100mbit/200k"):
        assert line in got, done.stdout
    assert done.returncode == PARTLY and "agent=eth0" in done.stderr
    checked(workdir, done.stdout)


def test_what_has_no_counterpart_is_named_in_the_file_and_on_stderr(db, workdir):
    host(db)
    db.vsctl("set-controller br0 tcp:192.0.2.9:6653", "set-fail-mode br0 secure", "set bridge br0 stp_enable=true",
             "set bridge br0 other_config:forward-bpdu=true",
             "add-port br0 tun0", "set interface tun0 type=vxlan options:remote_ip=192.0.2.7",
             "add-port br0 eth7", "add-port br0 p0", "set interface p0 type=patch options:peer=p1",
             "add-port br0 vm5", "set interface vm5 type=dpdkvhostuserclient",
             "set interface vm1 options:tx-steering=hash other_config:pmd-rxq-affinity=\"0:3\"",
             "set Open_vSwitch . other_config:vhost-iommu-support=true", "set port vm2 trunks=0,10")
    done = imported(db.file)
    assert done.returncode == PARTLY
    for words in ("bridge br0: controller tcp:192.0.2.9:6653", "fail_mode=secure", "STP", "forward-bpdu=true",
                  "port tun0: type vxlan", "port eth7: type system", "port p0: patch port to p1",
                  'port vm5: vhost-server-path: ""', "tx-steering=hash", "pmd-rxq-affinity",
                  "vhost-iommu-support=true", "port vm2: trunks: VLAN 0"):
        assert [line for line in done.stderr.splitlines() if words in line], words
        assert [line for line in done.stdout.splitlines() if line.startswith("# not imported: ") and words in line]
    n = re.match(r"bondctl: (\d+) settings are not imported:\n", done.stderr)
    assert int(n[1]) == len(done.stderr.splitlines()) - 1
    assert len(lines(done.stdout)) == len(WANTED.splitlines())
    checked(workdir, done.stdout)


def test_of_several_bridges_and_uplinks_the_operator_names_one(db, workdir):
    host(db)
    db.vsctl("add-br br1", "set bridge br1 datapath_type=netdev",
             "add-port br1 d2", "set interface d2 type=dpdk options:dpdk-devargs=0000:5e:00.0",
             "add-port br0 p0", "set interface p0 type=patch options:peer=p1",
             "add-port br1 p1", "set interface p1 type=patch options:peer=p0")
    for words, expected in (((), "expected bridge=NAME"), (("bridge=br7",), 'bridge: "br7": expected one of br'),
                            (("bridge=br0", "bridge=br1"), "expected uplink=NAME of bond0, d2"),
                            (("bridge=br1", "uplink=bond0"), 'uplink: "bond0": expected a port with cards: d2')):
        done = imported(db.file, *words)
        assert (done.returncode, done.stdout) == (FAILED, "") and expected in done.stderr, done.stderr
    done = imported(db.file, "bridge=br1")
    assert lines(done.stdout)[1:3] == ["create bonding device active-backup 0 d2", "add bonding member 0000:5e:00.0 d2"]
    assert done.returncode == PARTLY and "add bridge=NAME" in done.stderr
    both = imported(db.file, "bridge=br0", "bridge=br1", "uplink=bond0")
    assert both.stderr.splitlines()[1:] == ["port d2: cards: a switch of bondfwd has one bond"]
    checked(workdir, both.stdout)


@pytest.mark.parametrize("settings, mode, option", [
    ("bond_mode=active-backup other_config:bond-primary=d1", "active-backup", "primary=0000:3b:00.1"),
    ("bond_mode=balance-slb", "balance-tlb", None),
    ("bond_mode=balance-slb lacp=active", "802.3ad", "xmit_policy=vlan+srcmac"),
    ("bond_mode=active-backup lacp=active", "802.3ad", "max_links=1"),
    ("bond_mode=balance-tcp lacp=active other_config:bond-rebalance-interval=0 other_config:lacp-fallback-ab=true",
     "802.3ad", "lacp_fallback=on"),
    ("other_config:bond-detect-mode=miimon other_config:bond-miimon-interval=100", "active-backup",
     "link_detect=poll,mon_period=100")])
def test_modes_of_bonds(db, workdir, settings, mode, option):
    db.vsctl("add-br br0", "set bridge br0 datapath_type=netdev", "add-bond br0 b d0 d1", f"set port b {settings}",
             *(f"set interface d{i} type=dpdk options:dpdk-devargs=0000:3b:00.{i}" for i in (0, 1)))
    done = imported(db.file)
    assert done.returncode == DONE, done.stderr
    assert f"create bonding device {mode} 0 b" in lines(done.stdout)
    assert option is None or [x for x in lines(done.stdout) if x.startswith("set bonding option b ") and option in x]
    checked(workdir, done.stdout)


# ---- files that are none ----

def record(value):
    body = (value if isinstance(value, str) else json.dumps(value)) + "\n"
    return f"OVSDB JSON {len(body)} {hashlib.sha1(body.encode()).hexdigest()}\n{body}"


def schema(**columns):
    types = {"name": {"type": "string"}, "ports": {"type": {"key": "uuid", "min": 0, "max": "unlimited"}}, **columns}
    return record({"name": "Open_vSwitch", "tables": {"Bridge": {"columns": types}}})


BAD = {
    "": "the file is empty",
    "SQLite format 3": "is no database of Open vSwitch",
    "OVSDB CLUSTER 12 " + "0" * 40 + "\n": "is of a cluster",
    "OVSDB JSON 99999999999 " + "0" * 40 + "\n": 'length "99999999999": expected 1 to',
    "OVSDB JSON -5 " + "0" * 40 + "\n": "is no database",
    "OVSDB JSON 50 " + "0" * 40 + "\n{}\n": "expected 50 bytes, the file ends after 3",
    "OVSDB JSON 3 " + "0" * 40 + "\n{}\n": "hash 5f36b2ea290645ee34d943220a14b54ee5ea5be5: expected 000",
    record("[" * 100000): "maximum parsing depth",
    record("{]"): "line 1",
    record([]): "expected an object",
    record({"name": "x"}): "expected a schema",
    record({"name": "OVN_Northbound", "tables": {}}): 'schema "OVN_Northbound": expected Open_vSwitch',
    schema() + record({"Bridge": 5}): "Bridge: expected an object of rows",
    schema() + record({"Bridge": {"u": 5}}): "Bridge u: expected a row or null",
    schema() + record({"Bridge": {"u": {"x": 5}}}): "Bridge.x: expected a column of the schema",
    schema() + record({"Bridge": {"u": {"ports": ["set", [0] * 10001]}}}): "expected at most 10000 values",
    schema() + record({"Bridge": {"u": {"name": "b"}}}) + "x": "record 3",
    schema() + record({"Bridge": {"u": {"name": ["map", [[1]]], "ports": ["uuid"]}}}): "no bridge has a port of type dpdk",
}


@pytest.mark.parametrize("text", list(BAD), ids=[re.sub(r"\W+", "-", v) for v in BAD.values()])
def test_a_file_that_is_no_database_is_refused_with_the_record(workdir, text):
    file = pathlib.Path(workdir, "conf.db")
    file.write_text(text, encoding="utf-8")
    done = imported(file)
    assert (done.returncode, done.stdout) == (FAILED, ""), done
    assert BAD[text] in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


# ---- databases that no server of Open vSwitch writes, and names that are not unique there ----

def ref(*names):
    return ["set", [["uuid", name] for name in names]]


def guest(name, **columns):
    """A port, and its interface: {TABLE: {UUID: columns}}."""
    return {"Port": {name: {"name": name, "interfaces": ["uuid", name], **columns}},
            "Interface": {name: {"name": name, "type": "dpdkvhostuser"}}}


def merged(*parts):
    tables = {}
    for part in parts:
        for table, rows in part.items():
            tables.setdefault(table, {}).update(rows)
    return tables


def made(folder, *parts):
    """A database file with the schema of Open vSwitch and these rows."""
    file = pathlib.Path(folder, "made.db")
    file.write_text(record(pathlib.Path(SCHEMA).read_text(encoding="utf-8")) + record(merged(*parts)), encoding="utf-8")
    return file


def test_a_name_of_nine_bridges_is_refused(workdir):
    rows = {f"u{i}": {"name": "br0", "ports": ["uuid", "vm1"]} for i in range(9)}
    for words in (("bridge=br0",), ("bridge=br0", "bridge=br0")):
        done = imported(made(workdir, {"Bridge": rows}, guest("vm1")), *words)
        assert (done.returncode, done.stdout) == (FAILED, "")
        assert done.stderr == 'bondctl: import: bridge: "br0": 9 bridges of the database have this name: expected 1\n'
    done = imported(made(workdir, {"Bridge": rows}, guest("vm1")))
    assert done.returncode == FAILED and "9 bridges have ports of DPDK: expected bridge=NAME" in done.stderr
    done = imported("x", *(f"bridge=b{i}" for i in range(9)))
    assert done.returncode == USAGE and '"bridge=b8": expected at most 8 bridges' in done.stderr


def mirror(name, to, **columns):
    return {"name": name, "output_port": ["uuid", to], **columns}


def mirrors(text):
    return [line.split(maxsplit=2)[2] for line in lines(text) if line.startswith("set mirror ")]


def test_mirrors_of_one_name_stay_apart(db, workdir):
    db.run("ovs-vsctl", "--no-wait", f"--db=unix:{db.sock}", *" ".join(
        f"-- add-br {b} -- add-port {b} {b}v -- set interface {b}v type=dpdkvhostuser "
        f"-- add-port {b} {b}w -- set interface {b}w type=dpdkvhostuser -- --id=@v{b} get port {b}v "
        f"-- --id=@w{b} get port {b}w -- --id=@m{b} create mirror name=m0 select_src_port=@v{b} output_port=@w{b} "
        f"-- set bridge {b} mirrors=@m{b}" for b in ("a", "b")).split())
    done = imported(db.file, "bridge=a", "bridge=b")
    assert sorted(m.split(maxsplit=1)[1] for m in mirrors(done.stdout)) == ["source av in to aw", "source bv in to bw"]
    assert sorted(m.split()[0] for m in mirrors(done.stdout)) == ["m0", "m0-2"]
    checked(workdir, done.stdout)


def test_what_a_mirror_becomes_has_no_name_of_another(workdir):
    long = "a-mirror-with-a-name-of-more-than-31-bytes-"
    bridge = {"Bridge": {"b": {"name": "b", "ports": ref("v", "w", "x"), "mirrors": ref("m", "n", "o", "p", "q", "m")}}}
    done = imported(made(workdir, bridge, guest("v"), guest("w"), guest("x"), {"Mirror": {
        "m": mirror("span", "x", select_src_port=ref("v", "w")), "n": mirror("span-2", "x", select_all=True),
        "o": mirror(long + "1", "x", select_all=True), "p": mirror(long + "2", "x", select_all=True),
        "q": mirror("\u00e4 \n", "x", select_all=True)}}))
    assert mirrors(done.stdout) == [
        "span source v in to x", "span-3 source w in to x", "span-2 source all both to x",
        "a-mirror-with-a-name-of-more-th source all both to x", "a-mirror-with-a-name-2 source all both to x",
        "p___ source all both to x"]
    checked(workdir, done.stdout)


def test_names_of_ports_and_of_the_bond_stay_apart(workdir):
    names = ("port2", "vm 1", "vm_1", "vm-1", "bond0")
    bridge = {"Bridge": {"b": {"name": "b", "ports": ref(*names, "vm-1", "gone")}}}
    parts = [guest(name) for name in names]
    for i, part in enumerate(parts):
        name = names[i]
        part["Interface"][name].update(type="dpdkvhostuserclient",
                                       options=["map", [["vhost-server-path", f"/run/{i}.sock"]]])
    done = imported(made(workdir, bridge, *parts))
    got = [line.split()[2] for line in lines(done.stdout) if line.startswith("add guest ")]
    assert len(got) == len(set(got)) == len(names) and {"port2", "vm_1", "vm-1", "bond0"} <= set(got), got
    assert "create bonding device active-backup 0 bond1" in lines(done.stdout)
    assert "bridge b: ports: 1 of 7: expected rows of table Port" in done.stderr
    checked(workdir, done.stdout)


def test_an_exporter_that_two_bridges_share_comes_once(workdir):
    bridges = {"Bridge": {b: {"name": b, "ports": ["uuid", f"vm{b}"], "sflow": ["uuid", "s"]} for b in "ab"}}
    done = imported(made(workdir, bridges, guest("vma"), guest("vmb"), {"sFlow": {"s": {"targets": "192.0.2.1:6343"}}}),
                    "bridge=a", "bridge=b")
    assert [line for line in lines(done.stdout) if "exporter" in line] == [
        "create exporter sflow1 type=sflow,collector=192.0.2.1:6343"]


def test_what_is_no_vlan_opens_no_port_and_no_mirror(workdir):
    bridge = {"Bridge": {"b": {"name": "b", "ports": ref("u", "v", "w", "x"), "mirrors": ref("m", "n")}}}
    done = imported(made(workdir, bridge, guest("u", vlan_mode="all"), guest("v", tag=4095), guest("w", tag="10"),
                         guest("x", trunks=["set", [-1, 5000, 7]]), {"Mirror": {
                             "m": mirror("m", "v", select_all=True, select_vlan=["set", [-1, 4095]]),
                             "n": mirror("n", "v", select_src_port=ref("u", "b"), select_vlan=7)}}))
    assert done.returncode == PARTLY
    for name in "uvw":
        assert f"add guest {name} socket=/var/run/openvswitch/{name},mode=server,admin=down" in lines(done.stdout)
    assert "add guest x socket=/var/run/openvswitch/x,mode=server,trunk=7" in lines(done.stdout)
    assert mirrors(done.stdout) == ["n source u in vlan 7 to v"]
    for words in ("port v: tag, vlan_mode: expected", "port x: trunks: 2 of them: expected 0 to 4094",
                  "mirror m: select_vlan: 2 of 2: expected 0 to 4094", "mirror m: selects no port",
                  "mirror n: select_src_port: 1 of 2: expected ports of bridges that are imported"):
        assert words in done.stderr, done.stderr
    checked(workdir, done.stdout)


ODD = (None, True, -1, 2 ** 63 - 1, 1.5, "x" * 5000, [], {}, ["uuid", "gone"], ["uuid", "vm1"], ["set", []],
       ["set", [-1, "x", ["uuid", "vm1"], None]], ["map", [["x"], 5, [1, 2], ["n_rxq_desc", "-1"]]], ["map", {}])


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_a_value_of_another_type_in_any_column_is_survived(workdir, odd):
    columns = {table: what["columns"] for table, what in json.loads(
        pathlib.Path(SCHEMA).read_text(encoding="utf-8"))["tables"].items()}
    tables = merged(guest("vm1", qos=["uuid", "q"]), {
        "Open_vSwitch": {"o": {}}, "QoS": {"q": {"type": "egress-policer"}}, "sFlow": {"s": {}}, "IPFIX": {"i": {}},
        "Bridge": {"b": {"name": "b", "ports": ["uuid", "vm1"], "mirrors": ["uuid", "m"], "sflow": ["uuid", "s"],
                         "ipfix": ["uuid", "i"], "controller": ["uuid", "c"]}},
        "Mirror": {"m": mirror("m", "vm1", select_all=True)}, "Controller": {"c": {"target": "tcp:192.0.2.1"}}})
    for table, rows in tables.items():
        for uuid, row in rows.items():
            kept = {"name", "type", "ports", "interfaces"}
            worse = {column: odd for column in columns[table] if column not in kept}
            for changed in (row | worse, row | dict.fromkeys(columns[table], odd)):
                file = made(workdir, tables, {table: {**rows, uuid: changed}})
                done = imported(file)
                assert done.returncode in (DONE, FAILED, PARTLY), (table, done)
                assert done.returncode != FAILED or len(done.stderr.splitlines()) == 1, done.stderr


def test_what_is_lost_thousands_of_times_is_counted(workdir):
    names = [f"v{i}" for i in range(1000)]
    bridge = {"Bridge": {"b": {"name": "b", "ports": ref(*names)}}}
    keys = ["map", [[f"key{i}", "x"] for i in range(100)]]
    qos = {"QoS": {"q": {"type": "egress-policer", "other_config": keys}}}
    done = imported(made(workdir, bridge, qos, *(guest(name, qos=["uuid", "q"]) for name in names)))
    assert done.returncode == PARTLY and len(done.stderr.splitlines()) == 50002
    n = int(re.match(r"bondctl: (\d+) settings are not imported:\n", done.stderr)[1])
    assert n >= 100000 and done.stderr.endswith(f"\nand {n - 50000} more\n")
    assert f"\n# not imported: {n - 50000} more\n" in done.stdout


@pytest.mark.parametrize("words", [("import",), ("import", "vpp", "x"), ("import", "ovs"), ("import", "ovs", "x", "-o"),
                                   ("import", "ovs", "x", "y"), ("-j", "import", "ovs", "x")])
def test_words_of_import_that_are_not_understood(words):
    done = subprocess.run([BONDCTL, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == USAGE and "expected" in done.stderr
