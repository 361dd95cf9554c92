# SPDX-License-Identifier: BSD-3-Clause
"""SNMP through Debian's snmpd: what a walk shows is what `show` says, whatever happens to the daemon meanwhile."""

import contextlib
import re
import socket
import subprocess
import threading
import time

import pytest

import bf
from bf import FAR_MAC, guest_mac, mac_bytes, wait_for
from lacp_partner import lacp, net, partner  # noqa: F401 (fixtures)
from snmping import IF, IF_NUMBER, IFX, LAG, MIB, OWN, ROOTS, SNMP, key, snmpd, stopped
from test_missing import with_missing

HEX = {"octet", "string"}


@pytest.fixture
def agent(workdir):
    """agent(daemon): snmpd until the end of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda daemon, **options: stack.enter_context(snmpd(workdir, daemon, **options))


def shown(daemon, oid=""):
    """What the daemon itself lists: {OID: value}."""
    rows = daemon.ctl(f"show snmp {oid}".strip(), json=True)
    return {r["oid"]: bytes.fromhex(r["value"]) if r["type"] == "octet" else
            r["value"].encode() if r["type"] == "string" else int(r["value"]) for r in rows}


def walked(a):
    found = {}
    for root in ROOTS:
        found |= a.walk(root)
    return found


def column(rows, entry, number):
    """{index: value}"""
    head = f"{entry}.{number}."
    return {int(oid.removeprefix(head)): value for oid, value in rows.items() if oid.startswith(head)}


def indices(rows):
    """{name: ifIndex}"""
    return {name.decode(): index for index, name in column(rows, IFX, 1).items()}


def by_name(rows, entry, number):
    names = {index: name for name, index in indices(rows).items()}
    return {names[i]: v for i, v in column(rows, entry, number).items()}


RESTLESS = {f"{OWN}.1.1.2.0"}  # the uptime


def same_moment(daemon, a):
    """The daemon's rows and the agent's, of a time in which nothing changed."""
    def take():
        before = shown(daemon)
        seen = walked(a)
        rest = [{k: v for k, v in rows.items() if k not in RESTLESS} for rows in (before, seen, shown(daemon))]
        return rest[1:] if rest[0] == rest[1] == rest[2] else None
    return wait_for(take, what="a walk that says what show snmp says")


def test_a_walk_shows_every_row_and_each_is_what_show_says(rig, agent):
    r = rig(guests=("vm1", "vm2"), guest_opts={"vm2": "label=customer-7"})
    r.learn_all()
    r.transfer(r.vm(1), r.far[0], 1, 100, src=guest_mac(1), dst=FAR_MAC)
    r.vm(2).send(stream=2, count=3, src=guest_mac(2), dst="01:80:c2:00:00:0e")
    wait_for(lambda: r.daemon.drops().get("reserved_address") == 3, what="frames dropped")
    r.settle()
    _, rows = same_moment(r.daemon, agent(r.daemon))
    stats = {p["name"]: p for p in r.daemon.ctl("show port stats all", json=True)}
    info = {p["name"]: p for p in r.daemon.ctl("show port info all", json=True)}
    assert rows[IF_NUMBER] == len(stats) == 5
    for name, field, entry, number in [
            (n, f, e, c) for n in stats for f, e, c in (
                ("rx_bytes", IFX, 6), ("rx_packets", IFX, 7), ("tx_bytes", IFX, 10), ("tx_packets", IFX, 11),
                ("rx_bytes", IF, 10), ("rx_packets", IF, 11), ("tx_bytes", IF, 16), ("tx_packets", IF, 17))]:
        assert by_name(rows, entry, number)[name] == stats[name][field], (name, field)
    assert by_name(rows, IF, 13)["vm2"] == stats["vm2"]["rx_errors"] == 3
    assert by_name(rows, IF, 14)["vm2"] == 0
    assert by_name(rows, IF, 4) == {n: p["mtu"] for n, p in info.items()}
    assert by_name(rows, IFX, 15) == {n: p["speed_mbps"] for n, p in info.items()}
    assert by_name(rows, IF, 5)["net_vhost0"] == 2**32 - 1
    assert by_name(rows, IF, 8) == {n: 1 if p["link"] else 2 for n, p in info.items()}
    assert by_name(rows, IF, 7) == dict.fromkeys(info, 1)
    assert by_name(rows, IF, 6)["vm1"] == mac_bytes(guest_mac(1))
    assert by_name(rows, IF, 6)["bond0"] == mac_bytes(info["bond0"]["mac"])
    assert by_name(rows, IF, 3) == {n: 161 if n == "bond0" else 6 for n in info}
    assert by_name(rows, IF, 2)["net_vhost1"] == b"bondfwd member net_vhost1 of bond0"
    assert by_name(rows, IFX, 18) == {n: b"customer-7" if n == "vm2" else b"" for n in info}
    assert by_name(rows, f"{OWN}.1.2.1", 3) == {"bond0": b"active-backup"}
    assert by_name(rows, f"{OWN}.1.2.1", 4) == {"bond0": 2}
    assert by_name(rows, f"{OWN}.1.3.1", 4) == {"net_vhost0": 1, "net_vhost1": 2}
    assert set(by_name(rows, f"{OWN}.1.3.1", 3).values()) == {indices(rows)["bond0"]}
    ledger = r.daemon.ledger()
    assert (rows[f"{OWN}.1.1.3.0"], rows[f"{OWN}.1.1.4.0"]) == (ledger.received, ledger.dropped)


def test_a_walk_of_everything_is_in_order_and_next_goes_over_the_ends_of_tables(rig, agent):
    r = rig(guests=("vm1",))
    a = agent(r.daemon)
    everything = list(a.walk("1"))
    assert everything == sorted(everything, key=key)
    ours = shown(r.daemon)
    assert ours.keys() <= set(everything)
    oids = sorted(ours, key=key)
    assert list(ours) == oids, "show snmp is in order"
    for here, there in zip(oids, oids[1:]):
        if key(here)[:7] == key(there)[:7]:  # others have rows between the MIBs
            assert a.next(here)[0] == there
    assert a.next(f"{OWN}.1.2.1.8.{2**32 - 1}")[0] == oids[-10]  # the first of the members' table
    assert key(a.next(oids[-1])[0]) > key(oids[-1])
    assert a.get(f"{IFX}.1.1", f"{IF}.2.{2**32 - 1}", f"{OWN}.7.7") == {
        f"{IFX}.1.1": None, f"{IF}.2.{2**32 - 1}": None, f"{OWN}.7.7": None}


@pytest.mark.parametrize("if_mib", [True, False])
def test_the_lines_of_if_mib_decide_whose_interfaces_snmpd_shows(rig, agent, if_mib):
    r = rig(guests=("vm1",))
    a = agent(r.daemon, if_mib=if_mib)
    names = set(indices(a.walk(f"{IFX}.1")))
    assert names == ({"bond0", "net_vhost0", "net_vhost1", "vm1"} if if_mib else {"lo"} | names - {"bond0", "vm1"})
    assert set(by_name(shown(r.daemon), f"{OWN}.1.2.1", 2)) == {"bond0"}
    assert list(column(a.walk(OWN), f"{OWN}.1.2.1", 2).values()) == [b"bond0"]


def test_counters_move_with_traffic_and_states_with_links(rig, agent):
    r = rig(guests=("vm1",), log_allowed=bf.LOG_LINK_LOSS)
    r.learn_all()
    a = agent(r.daemon)
    index = indices(a.walk(f"{IFX}.1"))
    counter = f"{IFX}.7.{index['vm1']}"
    before = a.get(counter)[counter]
    r.transfer(r.vm(1), r.far[0], 1, 200, src=guest_mac(1), dst=FAR_MAC)
    wait_for(lambda: a.get(counter)[counter] == before + 200, what="200 frames more")
    r.daemon.ctl("set guest vm1 admin=down")
    oper, admin = f"{IF}.8.{index['net_vhost0']}", f"{IF}.7.{index['vm1']}"
    r.far[0].kill()
    wait_for(lambda: a.get(oper, admin) == {oper: 2, admin: 2}, what="a member without link, a guest that is off")
    state = f"{OWN}.1.2.1.4.{index['bond0']}"
    wait_for(lambda: a.get(state)[state] == 1, what="degraded")


def test_a_missing_member_is_an_interface_that_is_not_present(rig, agent):
    r = with_missing(rig)
    rows = walked(agent(r.daemon))
    assert by_name(rows, IF, 8)["net_vhost7"] == 6
    assert by_name(rows, IF, 2)["net_vhost7"] == b"bondfwd member net_vhost7 of bond0"
    assert set(by_name(rows, f"{OWN}.1.3.1", 2)) == {"net_vhost0", "net_vhost7"}
    assert set(by_name(rows, f"{OWN}.1.2.1", 5).values()) == {1}


def test_indices_stay_when_others_come_and_go_and_when_bondfwd_is_started_again(rig, agent):
    r = rig(guests=("vm1",))
    a = agent(r.daemon)
    first = indices(a.walk(f"{IFX}.1"))
    assert len(set(first.values())) == 4 and min(first.values()) >= 2**24
    for name in ("aaa", "zzz", "vm0"):
        r.daemon.ctl(f"add guest {name} socket={r.workdir}/{name}.sock")
    wait_for(lambda: len(indices(a.walk(f"{IFX}.1"))) == 7, what="three more")
    assert first.items() <= indices(a.walk(f"{IFX}.1")).items()
    r.daemon.ctl("remove guest aaa")
    r.daemon.ctl("remove bonding member net_vhost0 bond0")
    r.daemon.ctl("add bonding member net_vhost0 bond0")
    wait_for(lambda: len(indices(a.walk(f"{IFX}.1"))) == 6, what="one less")
    assert first.items() <= indices(a.walk(f"{IFX}.1")).items()
    r.daemon.stop()
    r.start()
    wait_for(lambda: indices(a.walk(f"{IFX}.1")) == first, what="rows of the next bondfwd")


def test_lag_mib_is_what_show_bonding_lacp_info_says(lacp, partner, agent):  # noqa: F811
    r = lacp(knobs="lacp_rate=fast,lacp_key=42,lacp_system_priority=1000")
    partner(r.far(), key=9)
    r.wait_distributing([0, 1], 15)
    a = agent(r.daemon)
    _, rows = wait_for(lambda: quiet_moment(r.daemon, a), what="a walk that says what show snmp says")
    ports, agg = f"{LAG}.1.2.1.1", f"{LAG}.1.1.1.1"
    bond = indices(rows)["bond0"]
    for m in r.daemon.ctl("show bonding lacp info bond0", json=True)["members"]:
        its = {n: by_name(rows, ports, n)[m["name"]] for n in (2, 3, 5, 7, 9, 11, 12, 13, 14, 15, 17, 19, 24)}
        ours, theirs = m["actor"], m["partner"]
        assert its == {
            2: ours["system_priority"], 3: mac_bytes(ours["system_id"]), 5: ours["key"],
            7: theirs["system_priority"], 9: mac_bytes(theirs["system_id"]), 11: theirs["key"], 12: bond, 13: bond,
            14: ours["port_number"], 15: ours["port_priority"], 17: theirs["port_number"],
            19: theirs["port_priority"], 24: 1}
        for number, end in ((21, ours), (23, theirs)):
            assert by_name(rows, ports, number)[m["name"]] == bytes([int(f"{end['state_bits']:08b}"[::-1], 2)])
    assert rows[f"{agg}.6.{bond}"] == 42 and rows[f"{agg}.10.{bond}"] == 9
    assert rows[f"{agg}.8.{bond}"] == mac_bytes("02:5e:51:00:00:01")
    assert rows[f"{LAG}.1.1.2.1.1.{bond}"] == b"\xc0", "ports 1 and 2"


def quiet_moment(daemon, a):
    """The same for LACP, whose counters of PDUs go on."""
    def quiet(rows):
        return {k: v for k, v in rows.items() if k.startswith(f"{LAG}.1.1") or k.startswith(f"{LAG}.1.2.1")
                or k.startswith(f"{IFX}.1.")}
    before, seen = quiet(shown(daemon)), walked(a)
    assert column(seen, f"{LAG}.1.2.2.1", 6).keys() == column(seen, f"{LAG}.1.2.1.1", 3).keys()
    return (before, seen) if before == quiet(seen) == quiet(shown(daemon)) else None


def test_without_bondfwd_and_with_one_that_stands_still_answers_are_none_and_quick(rig, agent):
    r = rig(guests=("vm1",), log_allowed=[r"."])
    a = agent(r.daemon)
    oid = f"{OWN}.1.1.1.0"
    assert a.get(oid)[oid] == b"0.1.0"
    with stopped(r.daemon):
        begin = time.monotonic()
        wait_for(lambda: a.get(oid)[oid] is None, what="no such instance")
        for _ in range(20):  # nobody waits a second time
            assert a.get(oid)[oid] is None
        assert time.monotonic() < begin + 12  # 21 s if each of them waited
    wait_for(lambda: a.get(oid)[oid] == b"0.1.0", what="it goes on, and so do the answers")
    r.daemon.stop()
    wait_for(lambda: a.get(oid)[oid] is None, what="no such instance")
    assert a.walk(OWN) == {}
    r.start()
    wait_for(lambda: a.get(oid)[oid] == b"0.1.0", what="answers of the next bondfwd")


def test_set_is_refused_and_changes_nothing(rig, agent):
    r = rig(guests=("vm1",))
    a = agent(r.daemon)
    oid = f"{IF}.7.{indices(a.walk(f'{IFX}.1'))['vm1']}"
    done = a.run("snmpset", f".{oid}", "i", "2", words=("-c", "private"))
    assert done.returncode != 0 and "notWritable" in done.stderr + done.stdout
    assert a.get(oid)[oid] == 1


# ---- the program by itself ----

class Daemon:
    """Someone who answers on a console socket, with whatever the test wants, and counts."""

    def __init__(self, path, answer):
        self.answer, self.asked = answer, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.socket.accept()
                with conn, conn.makefile("rb") as lines:
                    lines.readline()
                    self.asked.append(lines.readline().decode().strip())
                    text = self.answer.encode()
                    conn.sendall(b"0 %d\n" % len(text) + text)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def program(text, *words):
    """Run bondfwd-snmp with this input; (output, what it said)."""
    done = subprocess.run([SNMP, *words], input=text, capture_output=True, text=True, timeout=bf.LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_bad_requests_are_answered_in_words_and_the_next_is_served(workdir):
    daemon = Daemon(f"{workdir}/s", "1.3.6.1 integer 7\n1.3.6.1.2 string a b\n1.3.6.1.10 string \n")
    text = ("PING\nfoo\nget\n.1.3.6.x\nget\n" + "1" * 9000 + "\nget\n.1.3.6.4294967296\nget\n\ngetnext\n.1.3.6.1.2\n"
            "set\n.1.3.6.1\ninteger 8\nget\n.1.3.6.1\ngetnext\n.1\ngetnext\n.1.3.6.1.10\nget\n1.3.6.1.2\n")
    out, said = program(text, "-s", f"{workdir}/s")
    daemon.close()
    assert out == ("PONG\n" + 5 * "NONE\n" + ".1.3.6.1.10\nstring\n\nnot-writable\n" + 2 * ".1.3.6.1\ninteger\n7\n"
                   + "NONE\n.1.3.6.1.2\nstring\na b\n")
    assert 'request: "foo": expected PING, get, getnext or set' in said
    assert 'oid: ".1.3.6.x": expected e.g. .1.3.6.1.2.1.2' in said
    assert len(said.splitlines()) == 5


def test_a_walk_asks_the_daemon_once_a_second_and_holds_no_connection(workdir):
    rows = "".join(f"1.3.6.1.{i} integer {i}\n" for i in range(3000))
    daemon = Daemon(f"{workdir}/s", rows)
    begin = time.monotonic()
    out, said = program("".join(f"getnext\n.1.3.6.1.{i}\n" for i in range(2999)), "-s", f"{workdir}/s", ".1.3.6.1")
    daemon.close()
    assert (out.count("integer"), said) == (2999, "")
    assert set(daemon.asked) == {"show snmp .1.3.6.1"}
    assert len(daemon.asked) <= 1 + (time.monotonic() - begin)


@pytest.mark.parametrize("answer", ["nonsense\n", "1.3.x integer 7\n", "1.3.6.1 integer\n"])
def test_an_answer_that_is_none_is_refused_in_words(workdir, answer):
    daemon = Daemon(f"{workdir}/s", answer)
    out, said = program("get\n.1.3.6.1\n", "-s", f"{workdir}/s")
    daemon.close()
    assert out == "NONE\n"
    assert said == f'bondfwd-snmp: answer: "{answer.split()[0]}": expected OID TYPE VALUE\n' or \
        "expected OID TYPE VALUE" in said


def test_no_word_of_complaint_gets_among_the_answers(workdir):
    """snmpd gives the program one pipe for its output and its errors."""
    done = subprocess.run([SNMP, "-s", f"{workdir}/none"], input="PING\nget\n.1.3.6\nfoo\nPING\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=bf.LIMIT, check=False)
    assert done.stdout == "PONG\nNONE\nNONE\nPONG\n"


@pytest.mark.parametrize("words,why", [
    (["-t", "5"], 'timeout: "5": expected 100 to 10000 milliseconds'), (["foo"], 'oid: "foo": expected one OID'),
    ([".1.3", ".1.4"], 'oid: ".1.4": expected one OID'), (["-x"], "Usage: bondfwd-snmp")])
def test_bad_options_of_the_program_are_refused(words, why):
    done = subprocess.run([SNMP, *words], capture_output=True, text=True, timeout=bf.LIMIT, check=False, input="")
    assert done.returncode == 2 and why in done.stderr


def test_programs_that_wait_take_no_place_of_the_console(rig):
    r = rig(guests=())
    waiting = [subprocess.Popen([SNMP, "-s", r.daemon.console], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True) for _ in range(20)]
    try:
        for p in waiting:
            p.stdin.write(f"get\n.{IF_NUMBER}\n")
            p.stdin.flush()
            assert [p.stdout.readline() for _ in range(3)] == [f".{IF_NUMBER}\n", "integer\n", "3\n"]
        assert r.daemon.ctl("show version")
    finally:
        for p in waiting:
            p.communicate(timeout=bf.LIMIT)


def test_a_bad_oid_is_refused_by_the_console(rig):
    r = rig(guests=(), far_peers=False)
    for oid in ("x", "1..3", "1.3.", ".", "1" * 70):
        with pytest.raises(bf.CtlError, match="expected numbers with dots"):
            r.daemon.ctl(f"show snmp {oid}")
    assert r.daemon.ctl("show snmp 1.3.6.1.2.1.99") == ""
    assert list(shown(r.daemon, f".{IF_NUMBER}")) == [IF_NUMBER]
    assert {key(o)[:10] for o in shown(r.daemon, IFX)} == {key(IFX)[:10]}


# ---- the MIB's text ----

# Debian has no RFC's modules: what BONDFWD-MIB takes from them.
MODULES = {
    "SNMPv2-SMI": """org OBJECT IDENTIFIER ::= { iso 3 }
dod OBJECT IDENTIFIER ::= { org 6 }
internet OBJECT IDENTIFIER ::= { dod 1 }
private OBJECT IDENTIFIER ::= { internet 4 }
enterprises OBJECT IDENTIFIER ::= { private 1 }""",
    "SNMPv2-TC": """DisplayString ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "" SYNTAX OCTET STRING
TruthValue ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "" SYNTAX INTEGER { true(1), false(2) }""",
    "IF-MIB": 'InterfaceIndex ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "" SYNTAX INTEGER',
    "NET-SNMP-MIB": """IMPORTS enterprises FROM SNMPv2-SMI;
netSnmpPlaypen OBJECT IDENTIFIER ::= { enterprises 8072 9999 9999 }""",
}
SYNTAX = {"string": "OCTET STRING", "integer": "INTEGER", "gauge": "Gauge32", "counter64": "Counter64",
          "timeticks": "TimeTicks"}


def mib_objects(workdir):
    """{OID: (name, text)} of BONDFWD-MIB's objects, as net-snmp reads it; it has nothing to complain about."""
    folder = bf.pathlib.Path(workdir) / "mibs"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.txt").write_text(f"{name} DEFINITIONS ::= BEGIN\n{text}\nEND\n", encoding="utf-8")

    def translate(*words):
        done = subprocess.run(["snmptranslate", "-M", f"{folder}:{MIB.parent}", "-m", "BONDFWD-MIB", "-Pw", *words],
                              capture_output=True, text=True, timeout=bf.LIMIT, check=False)
        # On a machine where it has not run before it says which folders it makes.
        said = [line for line in done.stderr.splitlines() if not line.startswith("Created directory: ")]
        assert (done.returncode, said) == (0, []), done.stderr
        return done.stdout
    names = dict(re.findall(r'^"(\w+)"\s+"([\d.]+)"$', translate("-Tz"), re.MULTILINE))
    wanted = {oid: name for name, oid in names.items() if oid.startswith(OWN + ".")}
    return {oid: (name, translate("-Td", "-On", f".{oid}")) for oid, name in wanted.items()}


def test_the_mib_names_every_row_with_its_type_and_nothing_that_is_not_there(rig, workdir):
    r = rig(members=1, guests=())
    objects = mib_objects(workdir)
    types = {}
    for row in r.daemon.ctl(f"show snmp {OWN}", json=True):
        types[row["oid"].rpartition(".")[0]] = row["type"]
    for oid, kind in types.items():
        name, text = objects[oid]
        assert re.search(rf"SYNTAX\s+{SYNTAX[kind]}|SYNTAX\s+Integer32" if kind == "integer" else
                         rf"SYNTAX\s+{SYNTAX[kind]}", text), (name, text)
    readable = {oid for oid, (_, text) in objects.items() if "MAX-ACCESS\tread-only" in text}
    assert readable == types.keys()
    assert {n for n, t in objects.values() if "NOTIFICATION-TYPE" in t} == {
        "bondfwdBondStateChange", "bondfwdLacpChange"}
