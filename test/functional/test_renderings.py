# SPDX-License-Identifier: BSD-3-Clause
"""One snapshot, four renderings: text, JSON, metrics and telemetry of one moment say the same."""

import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

import bf
from bf import FAR_MAC, guest_mac, wait_for

# Fields that go on while no frame moves.
RESTLESS = {"busy_cycles", "idle_cycles", "busy_percent", "idle_percent", "loops", "idle_loops", "sleeps",
            "woken", "late_wake_up", "late_wake_up_count", "late_wake_up_sum", "uptime_s", "stages", "rings", "cycles_per_frame", "age"}
# What only the console gathers: options, a guest's connection. Lists of rows are tables of their own.
CONSOLE_ONLY = {"options", "refusals", "last_refusal", "peer",
                "feature_names", "protocol_features", "protocol_feature_names", "offered_features",
                "offered_protocol_features", "migrating", "offloads"}


class Telemetry:
    """A client of DPDK's telemetry socket."""

    def __init__(self, daemon):
        runtime = os.environ.get("RUNTIME_DIRECTORY") or (
            "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(bf.LIMIT)
        self.socket.connect(f"{runtime}/dpdk/{daemon.prefix}/dpdk_telemetry.v2")
        self.size = json.loads(self.socket.recv(1024))["max_output_len"]

    def ask(self, command):
        self.socket.send(command.encode())
        answer = json.loads(self.socket.recv(self.size))
        return answer[command.partition(",")[0]]

    def rows(self, endpoint, params=""):
        """All rows, however many answers they take; the row of a table that has but one as a list."""
        answer = self.ask(f"/bondfwd/{endpoint}{params}")
        more = answer.pop("more", None)
        if not all(key.isdigit() for key in answer):
            return [answer]
        return [*answer.values(), *(self.rows(endpoint, f",{more}") if more else [])]


def as_telemetry(value):
    """A value of JSON as telemetry has it."""
    if isinstance(value, dict):
        return {re.sub(r"[^A-Za-z0-9/]", "_", k): as_telemetry(v) for k, v in value.items()}
    if isinstance(value, list):
        return {str(i): as_telemetry(v) for i, v in enumerate(value)}
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return f"{value:.12g}"
    return "" if value is None else value[:127] if isinstance(value, str) else value


def is_table(value):
    return isinstance(value, list) and isinstance(value[0], dict)


def row_as_telemetry(row):
    row = {k: v for k, v in row.items() if k not in CONSOLE_ONLY and v != [] and not is_table(v)}
    first = row.pop("first_frame", None)
    if first is not None:
        row |= {"first_frame_count": first["count"], "first_frame_sum": first["sum"]}
    return as_telemetry(row)


def at_rest(value):
    """Without what goes on by itself."""
    if isinstance(value, dict):
        return {k: at_rest(v) for k, v in value.items() if k not in RESTLESS}
    return [at_rest(v) for v in value] if isinstance(value, list) else value


# Tables: the command, how its rows lie in JSON, a row in text, the endpoint, and metrics by their fields. The key
# of a row is the first of the labels that metrics have.
class Table:
    def __init__(self, command, rows, text, endpoint=None, labels=(), metrics=None):
        self.command, self.rows, self.endpoint = command, rows, endpoint
        self.text = re.compile(text, re.MULTILINE | re.DOTALL)
        self.labels, self.metrics = labels, metrics or {}


def itself(answer):
    return answer if isinstance(answer, list) else [answer]


TABLES = {
    "info": Table("show version", itself, r"bondfwd (?P<bondfwd>\S+), (?P<dpdk>[^\n]+)", "info", (),
                  {"bondfwd_workers": "workers", "bondfwd_events_total": "events"}),
    "bonds": Table(
        "show bonding config bond0", itself,
        r"Bonding mode: \w+\((?P<mode_number>\d+)\) (?P<mode>\S+).*MAC address: (?P<mac>\S+)\n"
        r"\tMTU: (?P<mtu>\d+)\n\tFailovers: (?P<failovers>\d+)", "bonds", ("bond",),
        {"bondfwd_failovers_total": "failovers", "bondfwd_bond_up": "up", "bondfwd_bond_speed_mbps": "speed_mbps",
         "bondfwd_bond_members": "n_members", "bondfwd_bond_active_members": "n_sending"}),
    "members": Table(
        "show bonding config bond0", lambda answer: answer["member_details"],
        r"^\t\t(?P<name>\S+) \(port (?P<port>\d+)\): link (?P<link>up|down), .*?link losses (?P<link_losses>\d+), "
        r"tx frames (?P<tx_frames>\d+), tx bytes (?P<tx_bytes>\d+)", "members", ("member",),
        {"bondfwd_member_up": "link", "bondfwd_member_carries": "carries", "bondfwd_member_missing": "missing",
         "bondfwd_member_link_losses_total": "link_losses", "bondfwd_member_transmit_frames_total": "tx_frames",
         "bondfwd_member_transmit_bytes_total": "tx_bytes", "bondfwd_member_speed_mbps": "link_speed_mbps"}),
    "guests": Table(
        "show guest", itself,
        r"^(?P<id>\d+) +(?P<name>\S+) +(?P<up>up|down) +(?P<queue_pairs>\d+) +(?P<mtu>\d+) +(?P<rx_frames>\d+) +"
        r"(?P<tx_frames>\d+) +(?P<drops>\d+) +(?P<stations>\d+) ", "guests", ("guest",),
        {"bondfwd_guest_up": "up", "bondfwd_guest_receive_frames_total": "rx_frames",
         "bondfwd_guest_receive_bytes_total": "rx_bytes", "bondfwd_guest_transmit_frames_total": "tx_frames",
         "bondfwd_guest_transmit_bytes_total": "tx_bytes", "bondfwd_guest_dropped_frames_total": "drops",
         "bondfwd_guest_stations": "stations", "bondfwd_guest_connects_total": "connects",
         "bondfwd_guest_queue_pairs": "queue_pairs"}),
    "ports": Table(
        "show port stats all", itself,
        r"for port (?P<id>\d+) .*?RX-packets: (?P<rx_packets>\d+) +RX-missed: (?P<rx_missed>\d+) +"
        r"RX-bytes: +(?P<rx_bytes>\d+)\n +RX-errors: (?P<rx_errors>\d+)\n +RX-nombuf: +(?P<rx_nombuf>\d+) *\n"
        r" +TX-packets: (?P<tx_packets>\d+) +TX-errors: (?P<tx_errors>\d+) +TX-bytes: +(?P<tx_bytes>\d+)",
        "ports", ("port",),
        {"bondfwd_port_receive_frames_total": "rx_packets", "bondfwd_port_receive_bytes_total": "rx_bytes",
         "bondfwd_port_receive_error_frames_total": "rx_errors",
         "bondfwd_port_transmit_frames_total": "tx_packets", "bondfwd_port_transmit_bytes_total": "tx_bytes",
         "bondfwd_port_transmit_error_frames_total": "tx_errors"}),
    "drops": Table(
        "show drops", lambda answer: answer["ports"],
        r"^(?P<port>\S+) +(?P<at>in|out) +(?P<reason>\w+) +(?P<frames>\d+)  (?P<help>[^\n]+)$", "drops",
        ("port", "reason"), {"bondfwd_port_dropped_frames_total": "frames"}),
    "ledger": Table(
        "show drops", lambda answer: [answer["ledger"]],
        r"received (?P<received>\d+) \+ copies (?P<copies>\d+) = sent (?P<sent>\d+) \+ dropped (?P<dropped>\d+) "
        r"\+ in flight (?P<in_flight>-?\d+)$", "ledger", (),
        {"bondfwd_ledger_received_frames_total": "received", "bondfwd_ledger_sent_frames_total": "sent",
         "bondfwd_ledger_dropped_frames_total": "dropped", "bondfwd_ledger_copied_frames_total": "copies",
         "bondfwd_ledger_in_flight_frames": "in_flight"}),
    "lcores": Table(
        "show lcore", itself,
        r"^lcore (?P<lcore>\d+): worker (?P<worker>\d+), socket (?P<socket>-?\d+)$.*?^  frames (?P<frames>\d+),.*?"
        r"from the table (?P<cache_miss>\d+), learned (?P<learn_posted>\d+) \(lost (?P<learn_lost>\d+)\), "
        r"ring contention (?P<ring_contended>\d+), padded (?P<padded>\d+)$", "lcores", ("lcore",),
        {"bondfwd_lcore_receive_frames_total": "frames", "bondfwd_lcore_cache_misses_total": "cache_miss",
         "bondfwd_lcore_learn_posted_total": "learn_posted"}),
    "fdb": Table(
        "show fdb", itself,
        r"Stations: (?P<count>\d+) of (?P<capacity>\d+), static (?P<static>\d+), ageing (?P<aging>\d+) s\n"
        r"Learned (?P<learned>\d+), moved (?P<moved>\d+), aged (?P<aged>\d+), evicted (?P<evicted>\d+), "
        r"refused (?P<refused>\d+)\n", "fdb", (),
        {"bondfwd_fdb_stations": "count", "bondfwd_fdb_capacity": "capacity",
         "bondfwd_fdb_learned_total": "learned"}),
    "pools": Table(
        "show mempool", itself,
        r"^(?P<name>\S+) +size (?P<size>\d+) +free (?P<avail>\d+) +element (?P<element>\d+) bytes", "pools",
        ("pool",), {"bondfwd_mempool_capacity_frames": "size", "bondfwd_mempool_free_frames": "avail",
                    "bondfwd_mempool_frame_size_bytes": "element", "bondfwd_mempool_retired": "retired"}),
    "lacp": Table(
        "show bonding lacp info bond0", itself,
        r"rate: (?P<rate>\w+)\n\tactive: (?P<active>\w+)\n\taggregation mode: (?P<aggregation_mode>\w+)\n"
        r"\tmin links: (?P<min_links>\d+)\n\tcarrier: (?P<carrier>\w+).*?active aggregator: "
        r"(?P<active_aggregator>\d+)\n\tdistributing: (?P<distributing>\d+)", "lacp", ("bond",),
        {"bondfwd_lacp_carrier": "carrier", "bondfwd_lacp_active_aggregator": "active_aggregator",
         "bondfwd_lacp_distributing_members": "distributing"}),
    "lacp members": Table(
        "show bonding lacp info bond0", lambda answer: answer["members"],
        r"Member Port: (?P<port>\d+) \((?P<name>\S+)\)\n\tAggregator port id: (?P<aggregator>\d+).*?"
        r"selection: (?P<selection>\w+)\n\tmachines: rx (?P<rx_machine>\w+), periodic (?P<periodic_machine>\w+), "
        r"mux (?P<mux_machine>\w+)\n", "lacp_members", ("member",),
        {"bondfwd_lacp_aggregator": "aggregator", "bondfwd_lacp_distributing": "distributing"}),
}


def key_of_labels(labels):
    """The upper end of a bin is 1 in one form and 1.0 in the other."""
    return tuple(sorted((k, float(v) if k == "le" else v) for k, v in labels.items()))


def samples_of(text, families):
    """{name: {labels: value}}"""
    found = {}
    for family in families(text):
        for s in family.samples:
            found.setdefault(s.name, {})[key_of_labels(s.labels)] = s.value
    return found


class Moment:
    """Everything that is shown, asked for while nothing changes."""

    def __init__(self, r, telemetry, tables):
        self.daemon, self.telemetry = r.daemon, telemetry
        self.commands = {TABLES[name].command for name in tables}
        wait_for(self.take, what="a moment without a change")

    def take(self):
        ctl = self.daemon.ctl
        self.json = {c: ctl(c, json=True) for c in self.commands}
        self.text = {c: ctl(c) for c in self.commands}
        self.metrics = samples_of(ctl("show metrics"), prometheus_families)
        self.rows = {t.endpoint: self.telemetry.rows(t.endpoint) for t in TABLES.values()}
        return at_rest(self.json) == at_rest({c: ctl(c, json=True) for c in self.commands})


def words(value):
    """A value as the text may say it."""
    return {"True": {"up", "on", "yes"}, "False": {"down", "off", "no"}}.get(str(value), {str(value)})


def check_text(table, rows, text):
    found = [m.groupdict() for m in table.text.finditer(text)]
    assert len(found) == len(rows), text
    for row, said in zip(rows, found):
        assert not [k for k, v in said.items() if v not in words(row[k])], (row, said)


def key_of(row, label):
    return str(row[label if label in row else "name"])


def check_metrics(table, rows, metrics):
    for name, field in table.metrics.items():
        samples = metrics.get(name, {})
        assert len(samples) == len(rows), name
        for row in rows:
            wanted = {(label, key_of(row, label)) for label in table.labels}
            values = [v for labels, v in samples.items() if wanted <= set(labels)]
            assert values == [row[field]], (name, row)


def check_moment(moment, tables):
    for name in tables:
        table = TABLES[name]
        rows = table.rows(moment.json[table.command])
        assert rows or name == "drops", name
        check_text(table, rows, moment.text[table.command])
        check_metrics(table, rows, moment.metrics)
        told = at_rest(moment.rows[table.endpoint])
        assert told == [row_as_telemetry(at_rest(row)) for row in rows], name


@pytest.fixture
def traffic(rig):
    """A rig with telemetry, after some frames, some of them dropped; and a client."""
    r = rig(guests=("vm1", "vm2"), telemetry=True)
    r.learn_all()
    r.transfer(r.vm(1), r.far[0], 1, 100, src=guest_mac(1), dst=FAR_MAC)
    r.vm(2).send(stream=2, count=3, src=guest_mac(2), dst="01:80:c2:00:00:0e")
    wait_for(lambda: r.daemon.drops().get("reserved_address") == 3, what="frames dropped")
    r.settle()
    return r, Telemetry(r.daemon)


def test_all_renderings_of_a_moment_say_the_same(traffic):
    r, telemetry = traffic
    tables = [name for name in TABLES if not name.startswith("lacp")]
    check_moment(Moment(r, telemetry, tables), tables)


def test_all_renderings_of_lacp_say_the_same(rig):
    r = rig(guests=(), mode="802.3ad", telemetry=True, log_allowed=bf.LOG_LINK_LOSS + [
        r"^WARNING: (not-distributing|no-partner|carrier)"])
    tables = ["bonds", "members", "lacp", "lacp members"]
    check_moment(Moment(r, Telemetry(r.daemon), tables), tables)
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


def test_both_forms_of_metrics_and_their_json_have_the_same_samples(traffic):
    r, _ = traffic
    restless = re.compile(r"bondfwd_(uptime|lcore_(busy|idle|loops|sleeps|woken|late_wake_up|guest_ring|member_ring))")

    def quiet(samples):
        return {k: v for k, v in samples.items() if not restless.match(k)}

    def renderings():
        """Asked one after the other: on a slow machine a finding of health may come in between."""
        in_json = {}
        for s in r.daemon.ctl("show metrics", json=True):
            in_json.setdefault(s["name"], {})[key_of_labels(s["labels"])] = s["value"]
        return (quiet(samples_of(r.daemon.ctl("show metrics"), prometheus_families)),
                quiet(samples_of(r.daemon.ctl("show metrics openmetrics"), open_families)),
                quiet(in_json))

    for _ in range(5):
        one, other, in_json = renderings()
        if one == other == in_json:
            break
    assert one == other
    assert in_json == one


def test_promtool_has_nothing_to_say_about_the_metrics(traffic):
    r, _ = traffic
    done = subprocess.run(["promtool", "check", "metrics"], input=r.daemon.ctl("show metrics"), text=True,
                          capture_output=True, timeout=bf.LIMIT, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_telemetry_has_our_endpoints_and_refuses_what_is_not(traffic):
    _, telemetry = traffic
    known = set(telemetry.ask("/"))
    ours = {name for name in known if name.startswith("/bondfwd/")}
    assert {f"/bondfwd/{t.endpoint}" for t in TABLES.values()} <= ours
    page = (bf.ROOT / "docs" / "console.md").read_text(encoding="utf-8").partition("### Telemetry\n")[2]
    listed = re.findall(r"`([/\w]+)`", page.partition("Use `dpdk-telemetry.py")[0])
    assert sorted(f"/bondfwd/{name.removeprefix('/bondfwd/')}" for name in listed) == sorted(ours)
    assert telemetry.ask("/bondfwd/bond_states")["0"]["bond"] == "bond0"
    assert "name" in telemetry.ask("/help,/bondfwd/guests")["/bondfwd/guests"]
    assert telemetry.ask("/bondfwd/bonds,bond0")["name"] == "bond0"
    assert [g["name"] for g in telemetry.ask("/bondfwd/guests,vm2").values()] == ["vm2"]
    for nothing in ("guests,nosuch", "guests,+7", "bonds,nosuch"):
        assert telemetry.ask(f"/bondfwd/{nothing}") == {}


def test_more_rows_than_an_answer_holds_come_in_several(rig):
    r = rig(guests=(), far_peers=False, telemetry=True)
    names = [f"vm{i}" for i in range(60)]
    for name in names:
        r.daemon.ctl(f"add guest {name} socket={r.workdir}/{name}.sock")
    telemetry = Telemetry(r.daemon)
    first = telemetry.ask("/bondfwd/guests")
    assert 10 < len(first) < 60 and first["more"] == f"+{len(first) - 1}"
    assert [g["name"] for g in telemetry.rows("guests")] == names


def test_the_answers_of_one_question_are_of_one_moment(rig):
    """For a second: what went away in between is in the later answers, too."""
    r = rig(guests=(), far_peers=False, telemetry=True)
    names = [f"vm{i}" for i in range(60)]
    for name in names:
        r.daemon.ctl(f"add guest {name} socket={r.workdir}/{name}.sock")
    telemetry = Telemetry(r.daemon)

    def walk():
        """What there was, and what was said of it while its first guest went; None: that took too long."""
        before = [g["name"] for g in telemetry.rows("guests")]
        begin = time.monotonic()
        first = telemetry.ask("/bondfwd/guests")
        more = first.pop("more")
        r.daemon.ctl(f"remove guest {before[0]}")
        rest = telemetry.rows("guests", f",{more}")
        said = [g["name"] for g in [*first.values(), *rest]]
        return (said, before) if time.monotonic() < begin + 1 else None

    said, before = wait_for(walk, what="both parts within a second")
    assert said == before
    assert [g["name"] for g in telemetry.rows("guests")] == before[1:]


def test_many_clients_are_answered_while_the_configuration_changes(rig):
    r = rig(guests=("vm1",), telemetry=True)
    clients = [Telemetry(r.daemon) for _ in range(4)]
    counts = []

    def ask(client):
        for _ in range(50):
            counts.append([g["name"] for g in client.rows("guests")].count("vm1"))
    threads = [threading.Thread(target=ask, args=(c,)) for c in clients]
    for t in threads:
        t.start()
    for _ in range(10):
        r.daemon.ctl(f"add guest other socket={r.workdir}/other.sock")
        r.daemon.ctl("remove guest other")
    for t in threads:
        t.join()
    assert counts == [1] * 200
