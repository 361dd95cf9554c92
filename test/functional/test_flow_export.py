# SPDX-License-Identifier: BSD-3-Clause
"""Exporters: what collectors of other makers get by sFlow and IPFIX, and that nobody waits for them."""

import contextlib
import pathlib
import socket
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

import bf
from bf import FAR_MAC, guest_mac, wait_for
from collecting import HOST, Datagrams, Nfdump, Pmacct, is_within_3_sigma, waiting
from lacp_partner import net  # noqa: F401 (fixture)
from snmping import IFX
from test_metric_names import check

VM1, VM2 = guest_mac(1), guest_mac(2)
SAMPLING = 10


def exporter(r, name):
    return r.daemon.ctl(f"show exporter {name}", json=True)


def indices(r):
    """{name: ifIndex}, as SNMP has them."""
    rows = r.daemon.ctl(f"show snmp {IFX}.1", json=True)
    return {row["value"]: int(row["oid"].rpartition(".")[2]) for row in rows}


def running(r):
    return r.daemon.ctl("show running-config").splitlines()


def send_all(r, count, ports):
    """Frames of 200 bytes from vm1, no faster than all collectors take what comes of them."""
    for first in range(0, count, 2000):
        tally = r.transfer(r.vm(1), r.far[0], 100 + first, 2000, src=VM1, dst=FAR_MAC, size=200)
        assert tally["distinct"] == 2000
        wait_for(lambda: not any(waiting(port) for port in ports), what="datagrams taken")


@pytest.fixture
def datagrams():
    """Make sockets that take datagrams: datagrams(6343)."""
    with contextlib.ExitStack() as made:
        yield lambda port: made.enter_context(contextlib.closing(Datagrams(port)))


@pytest.fixture
def collector(workdir):
    """Make collectors: collector(Nfdump, "sfcapd", 6343)."""
    made = []

    def make(kind, program, port):
        made.append(kind(program, port, workdir))
        return made[-1]
    yield make
    for one in made:
        one.kill()


PROGRAMS = {"sflow": ("sfcapd", "sfacctd"), "ipfix": ("nfcapd", "nfacctd")}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_totals_of_two_collectors_are_within_3_sigma(rig, collector, kind):
    r = rig()
    r.learn_all()
    frames, where = 20000, indices(r)
    dump, acct = (collector(*words) for words in zip((Nfdump, Pmacct), PROGRAMS[kind], (6001, 6002)))
    for name, port in (("dump", 6001), ("acct", 6002)):
        r.daemon.ctl(f"create exporter {name} type={kind},collector={HOST}:{port},sampling={SAMPLING},polling=0")
    if kind == "ipfix":  # the templates come before the first flow
        wait_for(lambda: all(exporter(r, n)["datagrams"] for n in ("dump", "acct")), what="templates sent")
    send_all(r, frames, (6001, 6002))
    for name in ("dump", "acct"):
        assert exporter(r, name)["lost"] == 0
        r.daemon.ctl(f"remove exporter {name}")  # which sends what it has
    said = dump.end(), acct.end()
    assert "alformed" not in said[1] and "Bad Packets: 0" in said[0]
    flows = [f for f in dump.flows() if f["proto"] == 17]
    assert {(f["input_snmp"], f["output_snmp"]) for f in flows} == {(where["vm1"], where["bond0"])}
    assert {f["in_src_mac"] for f in flows} == {VM1} and all(f["sampled"] for f in flows)
    sums = [s for s in acct.sums() if s["ip_proto"] == "udp"]
    assert {s["iface_in"] for s in sums} == {where["vm1"]}
    for packets, octets in ((sum(f["in_packets"] for f in flows), sum(f["in_bytes"] for f in flows)),
                            (sum(s["packets"] for s in sums), sum(s["bytes"] for s in sums))):
        print(f"{kind}: {packets} of {frames} packets")
        assert is_within_3_sigma(packets, frames, SAMPLING)
        assert octets / packets in (186, 204)  # the IP packet; sfcapd counts the frame, with FCS


COUNTED = {"rx_bytes": "ifinoct", "rx_packets": "ifinpkt", "tx_bytes": "ifoutoct", "tx_packets": "ifoutpkt"}


SAMPLE = [f"sflow.flow_sample.{name}" for name in ("input_interface_value", "output_interface.format",
                                                  "output_interface_value", "sampling_rate", "sample_pool",
                                                  "source_id_index")]
SAMPLE += [f"sflow_245.{name}" for name in ("vlan.in", "pri.in", "header.frame_length",
                                            "header.sampled_header_length")]
AGENT = [f"sflow_245.{name}" for name in ("version", "agent", "sub_agent_id")]


def decoded_sflow(got, path):
    return got.decoded(path, "sflow", [*SAMPLE, *AGENT, *(f"sflow_245.{f}" for f in ("ifindex", *COUNTED.values()))])


def counters_sent(rows, where):
    """{port: {name as show has it: value}} of the last report of each."""
    names = {str(index): name for name, index in where.items()}
    return {names[port[0]]: dict(zip(COUNTED, map(int, port[1:]))) for row in rows
            for port in zip(*(row[f"sflow_245.{f}"] for f in ("ifindex", *COUNTED.values())))}


def counters_shown(r):
    return {p["name"]: {key: p[key] for key in COUNTED} for p in r.daemon.ctl("show port stats all", json=True)}


def test_tshark_reads_samples_and_counters(rig, workdir, datagrams):
    r = rig(guest_opts={"vm2": "vlan=7"})
    r.learn_all()
    where, got, path = indices(r), datagrams(6343), f"{workdir}/sflow.pcap"
    r.daemon.ctl(f"create exporter x collector={HOST},sampling=1,polling=1,agent=192.0.2.7,domain=5")
    wait_for(lambda: exporter(r, "x")["counter_samples"] >= 5, what="counters sent")
    frames = [Ether(dst=FAR_MAC, src=VM1) / IP(dst="10.0.0.2") / UDP() / Raw(bytes(1000)),
              Ether(dst="ff:ff:ff:ff:ff:ff", src=FAR_MAC) / Dot1Q(vlan=7, prio=5) / Raw(bytes(60)),
              Ether(dst="02:00:00:00:00:99", src=VM2) / Raw(bytes(60))]
    for number, (peer, frame) in enumerate(zip((r.vm(1), r.far[0], r.vm(2)), frames), 1):
        with r.taking(1):
            peer.raw(frame)
        wait_for(lambda: exporter(r, "x")["samples"] >= number, what="frame sampled")  # pylint: disable=W0640
    wait_for(lambda: counters_sent(decoded_sflow(got, path), where) == counters_shown(r),
             what="counters that are as shown")
    rows = decoded_sflow(got, path)
    assert {tuple(row[name][0] for name in AGENT) for row in rows} == {("5", "192.0.2.7", "5")}
    samples = [[row[name][0] for name in SAMPLE] for row in rows if row[SAMPLE[0]]]
    assert samples == [[str(word) for word in sample] for sample in (
        (where["vm1"], 0, where["bond0"], 1, 1, where["vm1"], 0, 0, 14 + 28 + 1000 + 4, 128),
        (where["net_vhost0"], 2, 0, 1, 1, where["net_vhost0"], 7, 5, 14 + 4 + 60 + 4, 78),
        (where["vm2"], 0, 0, 1, 1, where["vm2"], 7, 0, 14 + 60 + 4, 74))]


def test_tshark_reads_lacp_of_each_member(rig, workdir, datagrams):
    r = rig(guests=(), mode="802.3ad", log_allowed=bf.LOG_LINK_LOSS + [
        r"^WARNING: (not-distributing|no-partner|carrier)"])
    where, got, path = indices(r), datagrams(6343), f"{workdir}/lag.pcap"
    r.daemon.ctl(f"create exporter x collector={HOST},polling=1")

    def sent():
        """Of the last datagram: (both ends, bond, states, LACPDUs sent) of each member by its index."""
        lag = [f"sflow.lag_port.{name}" for name in (
            "actor_system_id", "partner_oper_system_id", "attached_agg_id", "state", "lacpdus.tx")]
        rows = got.decoded(path, "sflow", lag)
        return list(zip(*(rows[-1][name] for name in lag)))

    def shown():
        members = {m["name"]: m for m in r.daemon.ctl("show bonding lacp info bond0", json=True)["members"]}
        states = {n: [int(m[end]["state_bits"]) for end in ("actor", "partner")] for n, m in members.items()}
        return [(members[n]["actor"]["system_id"], members[n]["partner"]["system_id"], "0",
                 "0x" + "".join(f"{bits:02x}" * 2 for bits in states[n]), str(members[n]["counters"]["pdu_tx"]))
                for n in sorted(members, key=where.get)]

    def is_same():
        """LACPDUs go on between one question and the next."""
        reports = exporter(r, "x")["counter_samples"]
        before = shown()
        wait_for(lambda: exporter(r, "x")["counter_samples"] >= reports + 2 * len(where), what="counters sent")
        rows = list(zip(before, sent(), shown()))
        return len(rows) == 2 and all(low[:4] == row[:4] == high[:4] and int(low[4]) <= int(row[4]) <= int(high[4])
                                      for low, row, high in rows)
    wait_for(is_same, what="LACP that is as shown")
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


HEAD = [f"cflow.{name}" for name in ("version", "od_id", "sequence")]
FLOW = [f"cflow.{name}" for name in ("inputint", "outputint", "vlanid", "ethernet_type", "octets", "packets")]
UPPER = [f"cflow.{name}" for name in ("srcport", "dstport", "protocol", "tos", "tcpflags")]
ADDRESSES = [f"cflow.{name}" for name in ("srcaddr", "dstaddr", "srcaddrv6", "dstaddrv6")]
OTHERS = [f"cflow.{name}" for name in ("selector_algorithm", "sampling_packet_space", "if_name", "template_id",
                                       "flow_end_reason")]


def decoded_flows(got, path):
    return got.decoded(path, "cflow", HEAD + FLOW + UPPER + ADDRESSES + OTHERS)


def test_tshark_reads_flows_and_what_they_stand_for(rig, workdir, datagrams):
    r = rig(guest_opts={"vm2": "vlan=7"})
    r.learn_all()
    where, got, path = indices(r), datagrams(4739), f"{workdir}/ipfix.pcap"
    r.daemon.ctl(f"create exporter x type=ipfix,collector={HOST},sampling=1,domain=9,template_interval=3600")
    wait_for(lambda: exporter(r, "x")["datagrams"], what="templates sent")
    four = Ether(dst=FAR_MAC, src=VM1) / IP(src="10.0.0.1", dst="10.0.0.2", tos=0x28) / TCP(sport=1000, flags="S")
    six = Ether(dst=FAR_MAC, src=VM1) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(dport=4000) / Raw(bytes(40))
    arp = Ether(dst="ff:ff:ff:ff:ff:ff", src=VM2) / ARP() / Raw(bytes(18))
    ping = Ether(dst=VM1, src=FAR_MAC) / IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=8, code=0)
    for peer, frames in ((r.vm(1), (four, four / Raw(bytes(100)), four, six, six)), (r.vm(2), (arp,)),
                         (r.far[0], (ping, ping))):
        with r.taking(len(frames)):
            for frame in frames:
                peer.raw(frame)
    wait_for(lambda: exporter(r, "x")["samples"] == 8, what="frames sampled")
    assert (exporter(r, "x")["flow_entries"], exporter(r, "x")["flows"]) == (4, 0)
    r.daemon.ctl("remove exporter x")

    first, last = decoded_flows(got, path)
    assert [first[name][0] for name in HEAD] == ["10", "9", "0"]
    assert (first["cflow.selector_algorithm"], first["cflow.sampling_packet_space"]) == (["3"], ["0"])
    assert sorted(first["cflow.if_name"]) == sorted(where)
    assert [last[name] for name in HEAD] == [["10"], ["9"], [str(1 + len(where))]]
    assert set(zip(*(last[name] for name in FLOW))) == {tuple(str(word) for word in flow) for flow in (
        (where["vm1"], where["bond0"], 0, 0x800, 3 * 40 + 100, 3), (where["vm1"], where["bond0"], 0, 0x86dd, 2 * 88, 2),
        (where["vm2"], 0, 7, 0x806, 46, 1), (where["net_vhost0"], where["vm1"], 0, 0x800, 2 * 28, 2))}
    assert set(zip(*(last[name] for name in UPPER))) == {
        ("1000", "80", "6", "0x28", "0x0002"), ("53", "4000", "17", "0x00", "0x0000"),
        ("0", "2048", "1", "0x00", "0x0000")}
    assert [last[name] for name in ADDRESSES] == [
        ["10.0.0.1", "10.0.0.2"], ["10.0.0.2", "10.0.0.1"], ["2001:db8::1"], ["2001:db8::2"]]


def test_flows_are_reported_while_they_go_on_and_when_they_are_idle(rig, workdir, datagrams):
    r = rig(guests=("vm1",))
    r.learn_all()
    got, path = datagrams(4739), f"{workdir}/ipfix.pcap"
    r.daemon.ctl(f"create exporter x type=ipfix,collector={HOST},sampling=1,active=1,idle=1,template_interval=1")
    wait_for(lambda: exporter(r, "x")["datagrams"], what="templates sent")
    sent = 0
    while exporter(r, "x")["flows"] < 1:
        r.transfer(r.vm(1), r.far[0], 10 + sent, 10, src=VM1, dst=FAR_MAC, size=200)
        sent += 10
    wait_for(lambda: exporter(r, "x")["flow_entries"] == 0, what="flow ended")
    wait_for(lambda: sum(int(n) for row in decoded_flows(got, path) for n in row["cflow.packets"]) == sent,
             what="every frame reported")
    rows = decoded_flows(got, path)
    reasons = [reason for row in rows for reason in row["cflow.flow_end_reason"]]
    assert reasons[0] == "2" and set(reasons) <= {"1", "2"}
    assert sum("257" in row["cflow.template_id"] for row in rows) >= 2


def test_a_collector_that_is_not_there_or_does_not_read_costs_no_frame(rig, datagrams):
    r = rig()
    r.learn_all()
    stuck = datagrams(6001)
    stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    for name, kind, port in (("gone", "sflow", 6002), ("stuck", "sflow", 6001), ("nobody", "ipfix", 6003)):
        r.daemon.ctl(f"create exporter {name} type={kind},collector={HOST}:{port},sampling=1,active=1")
    tally = r.transfer(r.vm(1), r.far[0], 1, 5000, src=VM1, dst=FAR_MAC, size=200)
    assert tally["distinct"] == 5000
    for name in ("gone", "stuck", "nobody"):
        wait_for(lambda: exporter(r, name)["samples"] + exporter(r, name)["lost"] >= 5000, what="all")  # pylint: disable=W0640

    def is_refused():
        """On a busy machine all of that may have been lost, and then nothing was sent."""
        r.transfer(r.vm(1), r.far[0], 3, 100, src=VM1, dst=FAR_MAC)
        return exporter(r, "gone")["refused"] > 0
    wait_for(is_refused, what="refusals counted")
    assert exporter(r, "gone")["unsent"] < exporter(r, "gone")["datagrams"]
    r.transfer(r.vm(1), r.far[0], 2, 100, src=VM1, dst=FAR_MAC)


def test_a_socket_that_takes_nothing_more_costs_datagrams_and_no_frame(rig):
    if subprocess.run("tc qdisc add dev lo root tbf rate 8kbit burst 1600 limit 100000000".split(),
                      capture_output=True, check=False).returncode != 0:
        pytest.skip("the kernel has no sch_tbf")
    r = rig()
    r.learn_all()
    r.daemon.ctl(f"create exporter x collector={HOST}:6001,sampling=1,polling=0,header=512")
    sent = 0
    while exporter(r, "x")["unsent"] == 0:
        sent += 1
        tally = r.transfer(r.vm(1), r.far[0], sent, 500, src=VM1, dst=FAR_MAC, size=1000)
        assert tally["distinct"] == 500
        assert sent < 100
    r.daemon.ctl("remove exporter x")


REFUSED = {
    "no collector": ("create exporter x type=sflow", 'exporter "x": collector: expected collector=ADDRESS[:PORT]'),
    "a name of a host": ("create exporter x collector=localhost",
                         'collector: "localhost": expected an IPv4 or IPv6 address', "names of hosts are not looked up"),
    "port": ("create exporter x collector=10.0.0.1:65536", 'collector port: "65536": expected 1 to 65535'),
    "half an address": ("create exporter x collector=[::1", 'collector: "[::1": expected an IPv4 or IPv6 address'),
    "type": ("create exporter x type=netflow,collector=10.0.0.1", 'type: "netflow": expected one of sflow, ipfix'),
    "sampling": ("create exporter x sampling=0,collector=10.0.0.1", 'sampling: "0": expected 1 to 1000000'),
    "agent": ("create exporter x agent=me,collector=10.0.0.1", 'agent: "me": expected an IPv4 or IPv6 address'),
    "key": ("create exporter x rate=5,collector=10.0.0.1", 'exporter: unknown key "rate": expected one of name type'),
    "a name twice": ("create exporter a collector=10.0.0.1", 'exporter: "a": already in use'),
    "one too many": ("create exporter e collector=10.0.0.1", 'exporter: "e": expected at most 4 exporters'),
    "another name": ("set exporter a name=b", 'name: "b": expected no other name'),
    "set of none": ("set exporter z sampling=5", 'exporter: "z": no such exporter'),
    "none": ("remove exporter z", 'exporter: "z": no such exporter'),
    "show of none": ("show exporter z", 'exporter: "z": no such exporter'),
}


def test_what_is_refused_changes_nothing_and_what_is_written_is_read_again(rig, workdir):
    r = rig(guests=())
    lines = ["create exporter a collector=192.0.2.1", "create exporter b type=ipfix,collector=[2001:db8::1]:99,idle=7",
             "create exporter c collector=2001:db8::2,polling=0,header=64,agent=192.0.2.9",
             "create exporter d type=ipfix,collector=127.0.0.1:5000,sampling=1000000,domain=0"]
    for line in lines:
        r.daemon.ctl(line)
    before = running(r)
    assert [line for line in before if "exporter" in line] == lines
    for words, *parts in REFUSED.values():
        with pytest.raises(bf.CtlError) as failed:
            r.daemon.ctl(words)
        assert all(part in failed.value.text for part in parts), failed.value.text
        assert running(r) == before
    path = pathlib.Path(workdir, "saved.conf")
    r.daemon.ctl(f"write {path}")
    r.daemon.ctl("set exporter a sampling=50 polling=3")
    for name in "bcd":
        r.daemon.ctl(f"remove exporter {name}")
    assert [line for line in running(r) if "exporter" in line] == [
        "create exporter a collector=192.0.2.1,sampling=50,polling=3"]
    assert sorted(r.daemon.ctl(f"diff {path}").splitlines()) == sorted(
        ["- create exporter a collector=192.0.2.1,sampling=50,polling=3", *(f"+ {line}" for line in lines)])
    r.daemon.ctl(f"load {path}")
    assert running(r) == before
    assert "no effect" not in r.daemon.ctl(f"load {path}")


def test_every_metric_of_exporters_is_the_figure_that_show_has(rig, datagrams):
    r = rig(guests=("vm1",), telemetry=True)
    r.learn_all()
    made = [datagrams(port) for port in (6001, 6002)]
    for kind, port in (("sflow", 6001), ("ipfix", 6002)):
        r.daemon.ctl(f"create exporter {kind} type={kind},collector={HOST}:{port},sampling=1,active=1,idle=1")
    r.transfer(r.vm(1), r.far[0], 1, 100, src=VM1, dst=FAR_MAC)
    for name in ("sflow", "ipfix"):
        wait_for(lambda: exporter(r, name)["samples"] >= 100, what="frames sampled")  # pylint: disable=W0640
    samples = check(r)
    assert samples["bondfwd_exporter_samples_frames_total"] == [100, 100]
    text = r.daemon.ctl("show exporter")
    assert f"sflow: sflow to {HOST}:6001, 1 of 1 frames" in text and "  sampled 100, lost 0; " in text
    assert made[0].take() and made[1].take()
