# SPDX-License-Identifier: BSD-3-Clause
"""
What guests leave to their receivers, checksums and cutting, from the outside: the guests' ends are ours
(vhost_frontend.py), and so is the far end of a net_vhost member: every byte and every virtio header is seen.
"""

import contextlib
import dataclasses
import os
import re
import shutil
import struct
import tempfile
import threading

import pytest

import bf
import vhost_frontend as vhost
from bf import BROADCAST, CtlError, guest_mac, mac_bytes, wait_for
from packets import (ACK, CWR, DATA_VALID, FIN, NEEDS_CSUM, PSH, TCP, TWO_VLANS, UDP, VLAN, Packet,
                     add_up, parse, virtio_header)
from vhost_frontend import (BASE, MRG_RXBUF, NET_CSUM, NET_GUEST_CSUM, NET_GUEST_ECN, NET_GUEST_TSO4,
                            NET_GUEST_TSO6, NET_HOST_ECN, NET_HOST_TSO4, NET_HOST_TSO6, TX, VERSION_1,
                            Frontend, PackedFrontend)

MTU = 1500
FAR = mac_bytes("02:aa:00:00:00:01")
ALL = mac_bytes(BROADCAST)
SENDS = {"nothing": 0, "csum": NET_CSUM,
         "tso": NET_CSUM | NET_HOST_TSO4 | NET_HOST_TSO6 | NET_HOST_ECN}
TAKES = {"nothing": 0, "csum": NET_GUEST_CSUM, "tso": NET_GUEST_CSUM | NET_GUEST_TSO4 | NET_GUEST_TSO6,
         "ecn": NET_GUEST_CSUM | NET_GUEST_TSO4 | NET_GUEST_TSO6 | NET_GUEST_ECN}
CSUM_BITS = NET_CSUM | NET_GUEST_CSUM
TSO_BITS = SENDS["tso"] | TAKES["ecn"]
LOG_WIRE = [r"^WARNING: member_down: net_vhost0: ", r"^WARNING: active_member: bond0: none"]  # closed first
EMPTY = virtio_header()


class End:
    """A station: a front end of ours, and what it heard of IP."""

    def __init__(self, client, mac):
        self.client = client
        self.mac = mac
        self.heard = []

    def listen(self):
        for header, frame in self.client.received_with_headers():
            if parse(frame) or len(frame) > 80:
                self.heard.append((header[:10], frame))
        return len(self.heard)

    def takes(self, packet):
        """Does it take a partial checksum, and the superframe, if it is one?"""
        bits = self.client.features
        if packet.segment == 0:
            return bool(bits & NET_GUEST_CSUM)
        wants = NET_GUEST_TSO6 if packet.v6 else NET_GUEST_TSO4
        return bool(bits & wants and (not packet.flags & CWR or bits & NET_GUEST_ECN))

    def taken(self, packet):
        """What has to arrive of a packet: (header, frame) of each piece."""
        if self.takes(packet):
            return [(packet.header(), packet.partial())]
        return [(EMPTY, p.complete()) for p in (packet.cut() if packet.segment else [packet])]

    def get(self, count):
        """The next so many, which is all that comes."""
        wait_for(lambda: self.listen() >= count, what=f"{count} frames", step=0.001)
        got, self.heard = self.heard, []
        assert len(got) == count
        return got

    def send(self, packet, piece=1 << 20):
        """As its state allows: a packet that is to be cut, and a partial checksum."""
        self.client.send_chain(packet.header(), packet.partial(), piece)

    def send_whole(self, frame, header=EMPTY, piece=1 << 20):
        self.client.send_chain(header, frame, piece)

    def drained(self):
        wait_for(lambda: self.client.is_drained(TX), what="frames taken", step=0.001)


class Lab:
    """Guests, each a front end; a wire, which is one too; and the daemon between them."""

    def __init__(self, rig, workdir, mtu=MTU):
        vdev = f"net_vhost0,iface={workdir}/wire.sock,queues=1"
        self.rig = rig(members=0, guests=(), vdevs=[vdev], mtu=mtu, log_allowed=LOG_WIRE)
        self.daemon = self.rig.daemon
        self.mtu = mtu
        self.ends = {}
        self.commands = []
        self.base = {}, {}
        wait_for((self.rig.workdir / "wire.sock").exists, what="the member's socket")
        self.wire = End(Frontend(self.rig.workdir / "wire.sock", mib=4), FAR)
        self.wire.client.start()
        self.wire.client.post(250)
        wait_for(lambda: self.rig.member(0)["link"] and self.rig.member(0)["usable"], what="the wire up")
        self.learn(self.wire)

    def restart(self):
        """As after a crash: the guests' and the wire's front ends come back with what they had."""
        self.daemon.kill()
        self.daemon.remove_runtime()
        (self.rig.workdir / "wire.sock").unlink(missing_ok=True)
        self.rig.start()
        self.daemon = self.rig.daemon
        for command in self.commands:
            self.daemon.ctl(command)
        wait_for((self.rig.workdir / "wire.sock").exists, what="the member's socket")
        self.wire.client.hang_up()
        self.wire.client.start()
        wait_for(lambda: self.rig.member(0)["link"] and self.rig.member(0)["usable"], what="the wire up")
        self.learn(self.wire)
        for name, end in self.ends.items():
            end.client.hang_up()
            end.client.start()
            wait_for(lambda name=name: self.guest(name)["up"], what=f"{name} up")
            self.learn(end)

    def add(self, name, sends="nothing", takes="nothing", kind=Frontend, more="", without=0, **options):
        """A guest; without: features that it does not ask for."""
        number = len(self.ends) + 1
        path = self.rig.workdir / f"{name}.sock"
        self.commands.append(
            f"add guest {name} socket={path},mode=server,queues=1,mtu={self.mtu}{more}")
        self.daemon.ctl(self.commands[-1])
        client = kind(path, mib=options.pop("mib", 4), features=SENDS[sends] | TAKES[takes], **options)
        client.features &= ~without
        end = self.ends[name] = End(client, mac_bytes(guest_mac(number)))
        self.connect(name)
        return end

    def remove(self, name):
        self.daemon.ctl(f"remove guest {name}")
        self.ends.pop(name).client.close()

    def connect(self, name):
        end = self.ends[name]
        end.client.start()
        wait_for(lambda: self.guest(name)["up"], what=f"{name} up")
        end.client.post(end.client.size - 6)
        self.learn(end)

    def learn(self, end):
        """Untagged and with each tag."""
        text = ":".join(f"{b:02x}" for b in end.mac)

        def known():
            for tags in (b"", VLAN, TWO_VLANS):
                end.send_whole(ALL + end.mac + tags + b"\x88\xb5" + bytes(46))
            end.drained()
            entries = self.daemon.ctl("show fdb", json=True)["entries"]
            return {e["vlan"] for e in entries if e["mac"] == text} >= {0, 7}
        wait_for(known, what="a station learned")
        for other in (self.wire, *self.ends.values()):
            other.listen()

    def guest(self, name):
        return {g["name"]: g for g in self.daemon.ctl("show guest", json=True)}[name]

    def details(self, name):
        return self.daemon.ctl(f"show guest {name}", json=True)[0]

    def all_counters(self):
        sample = re.compile(r'^bondfwd_guest_(superframes_in|superframes_out|segments|coalesced|sums)_total'
                            r'\{bond="bond0",guest="(\w+)"\} (\d+)$', re.MULTILINE)
        return {(guest, what): int(value)
                for what, guest, value in sample.findall(self.daemon.ctl("show metrics"))}

    def counters(self, name):
        """Of a guest, since the mark."""
        return {what: value - self.base[1].get((guest, what), 0)
                for (guest, what), value in self.all_counters().items() if guest == name}

    def drops(self):
        """Since the mark; of all reasons but that nobody was there yet."""
        now = {k: v - self.base[0].get(k, 0) for k, v in self.daemon.ledger().by_reason.items()}
        return {k: v for k, v in now.items() if v and k != "no_destination"}

    def mark(self):
        """What was before is over."""
        for end in (self.wire, *self.ends.values()):
            end.listen()
            end.heard = []
        self.base = self.daemon.ledger().by_reason, self.all_counters()
        return self

    def check(self, drops=None):
        """The books."""
        wait_for(lambda: self.daemon.ledger().is_balanced(), what="ledger")
        assert self.drops() == (drops or {})

    def close(self):
        for end in (self.wire, *self.ends.values()):
            end.client.close()


@pytest.fixture
def lab(rig, workdir):
    made = []

    def make(**options):
        made.append(Lab(rig, workdir, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Towns:
    """A lab with guests of all kinds, which tests share as long as none fails in it."""

    def __init__(self):
        self.net = self.workdir = None

    def get(self):
        if self.net is None:
            self.workdir = tempfile.mkdtemp(prefix="bft-")
            self.net = Lab(lambda **o: bf.Rig(self.workdir, idle="sleep", **o).start(), self.workdir)
            self.net.add("s0")
            self.net.add("s1", "csum", kind=PackedFrontend)
            self.net.add("s", "tso")
            self.net.add("sp", "tso", kind=PackedFrontend)
            for takes in TAKES:
                self.net.add(takes, takes=takes)
                self.net.add(takes + "_p", takes=takes, kind=PackedFrontend)
        return self.net.mark()

    def end(self, check):
        """As the fixture rig ends."""
        if self.net is None:
            return
        net, self.net = self.net, None
        net.close()
        try:
            if check:
                net.rig.finish()
        finally:
            net.rig.close()
            shutil.rmtree(self.workdir, ignore_errors=True)
            for left in bf.records_files(self.workdir):
                left.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def towns():
    made = Towns()
    yield made
    made.end(True)


@pytest.fixture
def town(request, towns):
    net = towns.get()
    request.node.rigs = [net.rig]
    yield net
    if getattr(request.node, "failed_call", True):
        towns.end(False)


def content(length, salt=0):
    return bytes((7 * i + salt + i // 251) % 256 for i in range(length))


def families():
    for tags in (b"", VLAN, TWO_VLANS):
        for v6, options in ((False, False), (True, False), (True, True)):
            yield {"tags": tags, "v6": v6, "options": options}


def frames(src, dst, segments):
    """Of each kind one, whose ports tell them apart."""
    for n, family in enumerate(families()):
        about = {"src": src, "dst": dst, **family}
        port = 2000 + 10 * n
        yield Packet(payload=content(400 + n), proto=UDP, ports=(1, port), **about)
        yield Packet(payload=content(701, n), ports=(1, port + 1), **about)
        for k, flags in enumerate((ACK | PSH, ACK | CWR | FIN | PSH) if segments else ()):
            yield Packet(payload=content(5000 + n), segment=1000 + n, flags=flags, ident=0xfffe,
                         seq=0xfffff000, ports=(1, port + 2 + k), **about)


def exchange(sender, receiver, sends):
    """Everything that a sender may say arrives as the receiver takes it."""
    sent = list(frames(sender.mac, receiver.mac, sends == "tso"))
    for at in range(0, len(sent), 8):
        expected = []
        for n, packet in enumerate(sent[at:at + 8]):
            if sends == "nothing":
                sender.send_whole(packet.complete())
                expected.append((EMPTY, packet.complete()))
            else:
                sender.send(packet, piece=(1 << 20, 1448, 700)[n % 3])
                expected += receiver.taken(packet)
        got = receiver.get(len(expected))
        for (header, frame), (want_header, want_frame) in zip(got, expected):
            assert (header, parse(frame)) == (want_header, parse(want_frame))
            assert frame == want_frame
            assert header != EMPTY or not parse(frame).faults, parse(frame).faults
    return sent


@pytest.mark.parametrize("takes", TAKES)
def test_each_frame_arrives_as_its_receiver_takes_it(town, takes):
    ends = town.ends
    receivers = [ends[takes], ends[takes + "_p"]]
    for receiver in receivers:
        for sends, sender in (("nothing", ends["s0"]), ("csum", ends["s1"]), ("tso", ends["s"])):
            exchange(sender, receiver, sends)
    exchange(ends["sp"], receivers[0], "tso")
    counted = town.counters(takes)
    supers = [p for p in frames(FAR, FAR, True) if p.segment]
    cut = [p for p in supers if not receivers[0].takes(p)]
    assert counted["superframes_out"] == 2 * (len(supers) - len(cut))
    assert counted["segments"] == 2 * sum(len(p.cut()) - 1 for p in cut)
    assert (counted["sums"] > 0) == (takes == "nothing") and counted["coalesced"] == 0
    assert town.counters("s")["superframes_in"] == 2 * len(supers)
    town.check()


def test_64_kib_at_once_pass_whole_or_cut(town):
    """Also in and out of buffers that hold all of it, behind the header of 10 bytes as well."""
    large = {"size": 16, "buffer_bytes": 65600, "mib": 8}
    town.add("plain", "tso", "tso", without=MRG_RXBUF, **large)
    town.add("legacy", "tso", "tso", without=MRG_RXBUF | VERSION_1, **large)
    town.mark()
    for sender in (town.ends[name] for name in ("s", "sp", "plain", "legacy")):
        for receiver in (town.ends[name] for name in ("plain", "legacy", "tso_p", "nothing", "nothing_p")):
            if receiver is sender:
                continue
            for v6, piece in ((False, 1 << 20), (True, 1000)):
                packet = Packet(sender.mac, receiver.mac, content(65535 - 32 - (40 if v6 else 20)), v6=v6,
                                segment=1428, flags=ACK | PSH, tags=VLAN)
                sender.drained()
                sender.send(packet, max(piece, 65600 // sender.client.size + 1))
                assert receiver.get(len(receiver.taken(packet))) == receiver.taken(packet)
    town.check()
    town.remove("plain")
    town.remove("legacy")


# ---- From guests to the wire, and to everybody ----

def judge(net, got, packets):
    """Complete, right, short enough, and what was sent."""
    assert [h for h, _ in got if h != EMPTY] == []
    assert {parse(f).faults for _, f in got} <= {()}
    assert max(parse(f).l3_len for _, f in got) <= net.mtu
    assert [f for _, f in got] == [f for p in packets for f in ([c.complete() for c in p.cut()]
                                                                if p.segment else [p.complete()])]


def test_X15_the_wire_gets_complete_frames_only(town):
    net, guest = town, town.ends["s"]
    sent = list(frames(guest.mac, FAR, True))
    for at in range(0, len(sent), 12):
        part = sent[at:at + 12]
        for packet in part:
            guest.send(packet)
        judge(net, net.wire.get(sum(len(p.cut()) if p.segment else 1 for p in part)), part)
    net.check()


@pytest.mark.parametrize("dst", [ALL, mac_bytes("02:bb:00:00:00:09")], ids=["broadcast", "unknown"])
def test_what_is_flooded_is_complete_for_everybody(town, dst):
    net, guest = town, town.ends["s"]
    others = [net.wire, *(end for end in net.ends.values() if end is not guest)]
    sent = list(frames(guest.mac, dst, True))
    for at in range(0, len(sent), 12):
        part = sent[at:at + 12]
        for packet in part:
            guest.send(packet)
        for other in others:
            judge(net, other.get(sum(len(p.cut()) if p.segment else 1 for p in part)), part)
    net.check()


# ---- From the wire to guests ----

def stream(src, dst, count=12, length=1428, **about):
    """Segments of a connection, in order."""
    about = {"seq": 99, "ident": 500, "flags": ACK, **about}
    return Packet(src, dst, content(count * length), segment=length, **about)


def from_wire(net, pieces):
    """A burst of frames, as bytes."""
    with net.wire.client.at_once():
        for frame in pieces:
            net.wire.send_whole(frame)
    net.wire.drained()


@pytest.mark.parametrize("about", [{}, {"v6": True}, {"tags": VLAN}, {"v6": True, "tags": TWO_VLANS}],
                         ids=["ipv4", "ipv6", "tag", "ipv6 tags"])
def test_a_burst_from_the_wire_becomes_one_superframe(town, about):
    net, takes, not_takes = town, town.ends["tso"], town.ends["csum_p"]
    packet = stream(FAR, takes.mac, **about)
    from_wire(net, [p.complete() for p in packet.cut()])
    assert takes.get(1) == [(packet.header(), packet.partial())]
    assert net.counters("tso")["coalesced"] == 11 and net.counters("tso")["superframes_out"] == 1
    packet = stream(FAR, not_takes.mac, **about)
    from_wire(net, [p.complete() for p in packet.cut()])
    got = not_takes.get(12)
    assert [f for _, f in got] == [p.complete() for p in packet.cut()]
    assert {h[0] & ~DATA_VALID for h, _ in got} == {0} and {h[1:] for h, _ in got} == {EMPTY[1:]}
    assert net.counters("csum_p")["coalesced"] == 0
    net.check()


def test_a_wrong_checksum_from_the_wire_arrives_unchanged(town):
    net, takes = town, town.ends["ecn"]
    pieces = [p.complete() for p in stream(FAR, takes.mac).cut()]
    for n in (3, 7):
        pieces[n] = pieces[n][:-1] + bytes([pieces[n][-1] ^ 1])
    from_wire(net, pieces)
    got = takes.get(5)
    assert [got[1], got[3]] == [(EMPTY, pieces[3]), (EMPTY, pieces[7])]
    assert [parse(f).seq for _, f in got] == [parse(pieces[n]).seq for n in (0, 3, 4, 7, 8)]
    payload = b"".join(parse(f).payload for _, f in got)
    assert payload == b"".join(parse(f).payload for f in pieces)
    net.check()


def test_what_is_coalesced_never_outgrows_an_ip_packet(lab):
    """With frames of the largest kind, just where 16 bits of length end."""
    net = lab(mtu=9000)
    takes = net.add("r", takes="tso", mib=8)
    for v6 in (False, True):
        for length in (5955, 5954, 8188, 8928):
            packet = stream(FAR, takes.mac, length=length, v6=v6, count=12)
            from_wire(net, [p.complete() for p in packet.cut()])
            wait_for(lambda n=len(packet.payload): takes.listen() and sum(
                len(parse(f).payload) for _, f in takes.heard) >= n, what="all of it", step=0.001)
            got, takes.heard = takes.heard, []
            assert b"".join(parse(f).payload for _, f in got) == packet.payload
            assert all("length" not in fault for _, f in got for fault in parse(f).faults)
            assert len(got) < 12
    net.check()


def test_the_kernel_behind_a_tap_hears_and_is_heard(tap_rig):
    """The other side of a cable is somebody else's code: its frames, and what it hears."""
    r, taps = tap_rig(1, "active-backup", guests=())
    path = r.workdir / "vm.sock"
    r.daemon.ctl(f"add guest vm socket={path},mode=server,queues=1,mtu={MTU}")
    guest = End(Frontend(path, mib=4, features=SENDS["tso"] | TAKES["tso"]), mac_bytes(guest_mac(1)))
    kernel = taps.socket(0)
    try:
        guest.client.start()
        guest.client.post(250)
        wait_for(lambda: r.daemon.ctl("show guest", json=True)[0]["up"], what="the guest up")
        wait_for(lambda: r.member(0)["link"] and r.member(0)["usable"], what="the tap up")
        sent = [stream(guest.mac, FAR, v6=v6, flags=ACK | PSH) for v6 in (False, True)]
        for packet in sent:
            guest.send(packet)
        expected = [p.complete() for packet in sent for p in packet.cut()]
        heard = []

        def hears():
            try:
                while True:
                    heard.append(kernel.recv(70000))
            except BlockingIOError:
                return len([f for f in heard if f[6:12] == guest.mac]) >= len(expected)
        wait_for(hears, what="frames at the kernel")
        assert [f for f in heard if f[6:12] == guest.mac] == expected
        packet = stream(FAR, guest.mac)

        def burst():
            """Some of it comes in one poll, sooner or later."""
            guest.heard = []
            for piece in packet.cut():
                kernel.send(piece.complete())
            wait_for(lambda: guest.listen() and sum(
                len(parse(f).payload) for _, f in guest.heard if f[6:12] == FAR) == len(packet.payload),
                what="all of it", step=0.001)
            mine = [(h, f) for h, f in guest.heard if f[6:12] == FAR]
            assert b"".join(parse(f).payload for _, f in mine) == packet.payload
            for header, frame in mine:
                if len(frame) > MTU + 14:
                    assert header[0] == NEEDS_CSUM and header[1] == 1
                else:
                    assert header[0] in (0, DATA_VALID) and not parse(frame).faults
            return r.daemon.ctl("show guest vm", json=True)[0]["offload_counters"]["coalesced"]
        wait_for(burst, what="a burst coalesced")
    finally:
        kernel.close()
        guest.client.close()


# ---- Traps that others have stepped into ----

def partial_tcp(net, end, **about):
    return Packet(net.ends["s"].mac, end.mac, content(900), **about)


def refused_header(net, headers, reason="bad_offload"):
    """Frames with such headers are counted, and the frames behind them arrive."""
    sender = net.ends["s"]
    packets = [stream(sender.mac, net.ends[name].mac, 2) for name in ("ecn", "nothing_p")]
    for n, header in enumerate(headers, 1):
        for packet in packets:
            sender.send_whole(packet.partial(), header)
            sender.send(packet)
        for name, packet in zip(("ecn", "nothing_p"), packets):
            end = net.ends[name]
            assert end.get(len(end.taken(packet))) == end.taken(packet), header.hex()
        assert net.drops() == {reason: 2 * n}, header.hex()
    net.check({reason: 2 * len(headers)})


def test_trap_01_a_checksum_outside_its_frame_is_refused(town):
    """CVE-2024-11614: start and offset were believed, and memory behind the frame was written."""
    packet = stream(FAR, FAR, 2)
    size, neighbour = len(packet.partial()), stream(FAR, town.ends["nothing_p"].mac)
    refused_header(town, [packet.header(segment, csum_start=start, csum_offset=offset)
                          for segment in (0, 1000)
                          for start, offset in ((size, 0), (size - 1, 0), (0xffff, 0xffff), (0, 0xffff),
                                                (packet.l4, size), (0xfffe, 2), (size - 17, 16))])
    from_wire(town, [p.complete() for p in neighbour.cut()])
    judge(town, town.ends["nothing_p"].get(12), [neighbour])
    assert town.daemon.proc.poll() is None


def test_trap_02_a_header_that_changes_while_it_is_read_is_taken_as_one_or_refused(lab):
    """DPDK 285e6b8b18: it was read twice, and checked only the first time."""
    net = lab()
    sender, end = net.add("s", "tso"), net.add("ecn", takes="ecn")
    packet = stream(sender.mac, end.mac, 2)
    good, bad = packet.header(), packet.header(0xffff, gso_type=1, csum_start=0xffff, csum_offset=0xffff)
    net.mark()
    places, done = [], threading.Event()

    def change():
        while not done.is_set():
            for at in places[-1:]:
                sender.client.memory[at:at + len(good)] = bad
                sender.client.memory[at:at + len(good)] = good
    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(400):
            data = good + bytes(sender.client.header_len - len(good)) + packet.partial()
            addr = sender.client.arena(data)
            places.append(addr - BASE)
            sender.client.chain([(addr, len(data))])
            sender.drained()
            end.listen()
    finally:
        done.set()
        thread.join()
    wait_for(lambda: end.listen() + net.drops().get("bad_offload", 0) == 400, what="each of them")
    assert all((header, frame) == (good, packet.partial()) for header, frame in end.heard)
    net.check({"bad_offload": 400 - len(end.heard)} if len(end.heard) < 400 else {})


def test_trap_03_segments_that_cannot_be_are_refused(town):
    packet = stream(FAR, FAR, 2)
    refused_header(town, [
        packet.header(0, gso_type=1), packet.header(1), packet.header(gso_type=3), packet.header(gso_type=5),
        packet.header(gso_type=4), packet.header(gso_type=2), packet.header(flags=0),
        packet.header(csum_offset=6), packet.header(csum_start=14), packet.header(csum_start=20)])


def test_trap_03_a_chain_longer_than_any_frame_is_refused(town):
    sender, end = town.ends["s"], town.ends["ecn"]
    packet = stream(sender.mac, end.mac, 2)
    for piece in (1 << 20, 4096):
        sender.send_whole(packet.partial() + bytes(66000), packet.header(), piece)
    # A loop of the longest descriptors: 4 GiB and more.
    sender.client.chain([(BASE, town.ends["s"].client.mib << 20)] * 200)
    sender.send(packet)
    assert end.get(1) == end.taken(packet)
    town.check({"guest_buffer": 3})


def test_trap_03_a_superframe_shorter_than_a_segment_is_none(town):
    sender, end = town.ends["s"], town.ends["ecn"]
    packet = partial_tcp(town, end)
    sender.send_whole(packet.partial(), packet.header(1000, gso_type=1))
    assert end.get(1) == [(packet.header(), packet.partial())]
    town.check()


def test_trap_04_a_checksum_is_completed_for_who_does_not_take_it_partial(town):
    sender, end = town.ends["s"], town.ends["nothing_p"]
    for proto in (TCP, UDP):
        packet = partial_tcp(town, end, proto=proto)
        sender.send(packet)
        judge(town, end.get(1), [packet])
    # The sum of this one is 0, which UDP has no checksum by.
    packet = Packet(sender.mac, end.mac, b"\0\0" + content(98), proto=UDP)
    rest = 0xffff ^ add_up(packet.l4_bytes(0), packet.pseudo())
    packet = dataclasses.replace(packet, payload=rest.to_bytes(2, "big") + content(98))
    assert packet.complete()[packet.l4 + 6:packet.l4 + 8] == b"\xff\xff"
    sender.send(packet)
    judge(town, end.get(1), [packet])
    assert town.counters("nothing_p")["sums"] == 3


@pytest.mark.parametrize("size", [88, 536, 1000, 1448])
def test_trap_05_a_superframe_is_cut_to_its_senders_size(town, size):
    sender, end = town.ends["s"], town.ends["nothing_p"]
    packet = stream(sender.mac, end.mac, 20, size)
    sender.send(packet)
    got = end.get(20)
    assert {len(parse(f).payload) for _, f in got} == {size}
    judge(town, got, [packet])
    town.check()


def test_trap_06_the_headers_of_each_segment_are_right(town):
    sender, end = town.ends["s"], town.ends["nothing_p"]
    for v6, options in ((False, False), (True, False), (True, True)):
        packet = dataclasses.replace(stream(sender.mac, end.mac, 3, 900, v6=v6, options=options,
                                            ident=0xffff, seq=0xffffff00, flags=ACK | PSH | FIN | CWR),
                                     payload=content(2000))
        sender.send(packet)
        got = end.get(3)
        judge(town, got, [packet])
        told = [parse(f) for _, f in got]
        assert [t.flags for t in told] == [ACK | CWR, ACK, ACK | PSH | FIN]
        assert [t.seq for t in told] == [0xffffff00, 644, 1544]
        assert v6 or [f[18:20] for _, f in got] == [b"\xff\xff", b"\0\0", b"\0\1"]
    town.check()


def test_trap_07_superframes_are_not_oversize_but_long_segments_are(town):
    sender, end = town.ends["s"], town.ends["ecn"]
    packet = stream(sender.mac, end.mac, 40)
    sender.send(packet)
    assert end.get(1) == end.taken(packet)
    town.check()
    for n, name in enumerate(("ecn", "nothing_p"), 1):
        long = stream(sender.mac, town.ends[name].mac, 4, 2000)
        sender.send(long)
        sender.drained()
        wait_for(lambda n=n: town.drops() == {"oversize": n}, what="the frame counted")
    long = stream(sender.mac, FAR, 4, 2000)
    sender.send(long)
    wait_for(lambda: town.drops() == {"oversize": 3}, what="the frame counted")
    town.check({"oversize": 3})


def test_trap_08_no_guest_is_told_what_it_did_not_accept(town):
    """Whatever its neighbours send, those that say more than they may among them."""
    net = town
    senders = [net.ends[name] for name in ("s", "s1", "s0")]
    ends = [net.ends[name] for name in ("nothing", "nothing_p", "csum", "csum_p", "tso", "tso_p")]
    for sender in senders:
        for end in ends:
            for flags in (ACK, ACK | CWR):
                for header in (None, virtio_header(flags=DATA_VALID), virtio_header(hdr_len=54, gso_size=9)):
                    packet = stream(sender.mac, end.mac, 2, flags=flags)
                    sender.send_whole(packet.partial(), header or packet.header())
                    packet = dataclasses.replace(packet, payload=content(900), segment=0)
                    sender.send_whole(packet.partial(), header or packet.header())
        sender.drained()
    wait_for(lambda: net.daemon.ledger().is_balanced(), what="ledger")
    for end in ends:
        end.listen()
        bits = end.client.features
        for header, _ in end.heard:
            assert header[0] & ~(NEEDS_CSUM | DATA_VALID) == 0
            assert bits & NET_GUEST_CSUM or header == EMPTY
            assert header[1] in ((0, 1) if bits & NET_GUEST_TSO4 else (0,))
        assert end.heard
    # Superframes of one that may send none; and long frames that ask for nothing, or may not.
    assert net.drops() == {"bad_offload": 2 * len(ends), "oversize": 7 * 2 * len(ends)}


def is_header_for_linux(header, frame):
    """What virtio_net_hdr_to_skb() of Linux asks of it, since 6.11 the most of all receivers."""
    flags, kind, head, size, start, offset = struct.unpack("<BBHHHH", header[:10])
    if flags & NEEDS_CSUM:
        assert 14 <= start and start + offset + 2 <= len(frame)
    if kind == 0:
        return size == 0
    assert kind & ~0x80 in (1, 4) and flags & NEEDS_CSUM and offset == 16
    return 0 < size and start < head <= len(frame) and len(frame) - head > size


def test_trap_09_every_header_to_a_guest_is_one_that_linux_takes(town):
    """tailscale#13041: kernels refuse what they let pass before."""
    for name in ("ecn", "ecn_p", "tso", "csum"):
        end = town.ends[name]
        for packet in frames(town.ends["s"].mac, end.mac, True):
            town.ends["s"].send(packet)
            town.ends["s"].drained()
        from_wire(town, [p.complete() for p in stream(FAR, end.mac).cut()])
        wait_for(lambda: town.daemon.ledger().is_balanced(), what="ledger")
        end.listen()
        assert len(end.heard) >= 37  # what came from the wire is one, or some
        assert all(is_header_for_linux(header, frame) for header, frame in end.heard)
        assert {header[1] & 0x7f for header, _ in end.heard} == ({0} if name == "csum" else {0, 1, 4})
    town.check()


def fragment(packet, more=True):
    """The frame as the first fragment of an IP packet, or the one behind it."""
    frame = packet.partial()
    at = packet.l3
    if packet.v6:
        length = int.from_bytes(frame[at + 4:at + 6], "big") + 8
        head = frame[at:at + 4] + length.to_bytes(2, "big") + b"\x2c" + frame[at + 7:at + 40]
        return (frame[:at] + head + bytes([packet.proto, 0, 0 if more else 1, int(more), 0, 0, 0, 9])
                + frame[at + 40:])
    head = frame[at:at + 6] + (b"\x20\0" if more else b"\0\x10") + frame[at + 8:at + 10] + b"\0\0"
    head += frame[at + 12:at + 20]
    checksum = 0xffff ^ add_up(head)
    return frame[:at] + head[:10] + checksum.to_bytes(2, "big") + head[12:] + frame[at + 20:]


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_trap_10_fragments_leave_nothing_to_their_receiver(town, v6):
    sender, end = town.ends["s"], town.ends["ecn"]
    for proto in (TCP, UDP):
        for more in (True, False):
            packet = partial_tcp(town, end, proto=proto, v6=v6)
            frame, start = fragment(packet, more), packet.l4 + 8 * v6
            sender.send_whole(frame, packet.header(csum_start=start))
            got = end.get(1)
            assert got[0][0] == EMPTY and len(got[0][1]) == len(frame)
            assert got[0][1][:start] == frame[:start]
    packet = stream(sender.mac, end.mac, 2, v6=v6)
    sender.send_whole(fragment(packet), packet.header(csum_start=packet.l4 + 8 * v6))
    sender.drained()
    wait_for(lambda: town.drops() == {"bad_offload": 1}, what="the superframe refused")
    # Nor does a burst of them become one.
    packet = stream(FAR, end.mac, v6=v6)
    pieces = [fragment(p) for p in packet.cut()]
    from_wire(town, pieces)
    assert end.get(12) == [(EMPTY, piece) for piece in pieces]
    town.check({"bad_offload": 1})


NOT_OURS = {"UDP segmentation": 1 << 56, "UDP segments towards it": 1 << 54, "hash reports": 1 << 57,
            "UFO": 1 << 14, "a bit of nobody": 1 << 63}


@pytest.mark.parametrize("bit", NOT_OURS.values(), ids=NOT_OURS.keys())
def test_trap_11_a_guest_that_knows_more_is_offered_no_more_and_gets_no_more(lab, bit):
    """cloud-hypervisor#7447: a newer kernel asked for what the back end took for something else."""
    net = lab()
    net.daemon.log_allowed.append(r"^WARNING: guest_refused: vm2: SET_FEATURES: ")
    sender, end = net.add("s", "tso"), net.add("ecn", takes="ecn")
    assert end.client.offered & bit == 0
    path = net.rig.workdir / "vm2.sock"
    net.daemon.ctl(f"add guest vm2 socket={path},mode=server,queues=1,mtu={MTU}")
    with contextlib.closing(Frontend(path, mib=4, features=TAKES["tso"])) as more:
        more.connect()
        offered = struct.unpack("=Q", more.say(vhost.GET_FEATURES, reply=True))[0]
        more.say(vhost.SET_OWNER, ack=False)
        with contextlib.suppress(OSError, AssertionError):
            more.u64(vhost.SET_FEATURES, offered | bit, ack=False)
        wait_for(lambda: net.rig.events("guest_refused"), what="it is refused")
        assert not net.guest("vm2")["up"]
    packet = stream(sender.mac, end.mac, 2)
    net.mark()
    sender.send(packet)
    assert end.get(1) == end.taken(packet)
    net.check()


def test_trap_12_a_bad_descriptor_ends_its_ring_and_nobody_elses(lab):
    """cloud-hypervisor#8142: one descriptor ended the thread that served everybody."""
    net = lab()
    net.daemon.log_allowed.append(r"^WARNING: guest_ring_fault: bad: ")
    bad, sender, end = net.add("bad", "tso"), net.add("s", "tso"), net.add("ecn", takes="ecn")
    packet = stream(sender.mac, end.mac, 2)
    net.mark()
    data = packet.header() + bytes(2) + packet.partial()
    bad.client.chain([(bad.client.arena(data), 500), (BASE + (64 << 30), 1000)])
    os.eventfd_write(bad.client.kick[TX], 1)
    wait_for(lambda: [e for e in net.rig.events("guest_ring_fault") if e["object"] == "bad"], what="the event")
    for _ in range(3):
        sender.send(packet)
        assert end.get(1) == end.taken(packet)
    assert net.daemon.proc.poll() is None


def sctp(src, dst, checksum=b"\x12\x34\x56\x78"):
    """A data chunk; its CRC is the sender's, and nobody's business on the way."""
    l4 = struct.pack("!HHI", 1000, 2000, 7) + checksum + struct.pack("!BBHIHHI", 0, 3, 416, 1, 0, 0, 0)
    l4 += content(400)
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(l4), 1, 0x4000, 64, 132)
    where = bytes([10, 0, 0, 1, 10, 0, 1, 1])
    return (dst + src + b"\x08\0" + head + struct.pack("!H", 0xffff ^ add_up(head + where)) + where + l4)


def test_trap_13_sctp_keeps_the_checksum_of_its_sender(town):
    """OVS left CRC32c to cards that cannot do it; virtio has no way to leave it to anybody."""
    sender = town.ends["s"]
    for name in ("ecn", "nothing_p"):
        end = town.ends[name]
        frame = sctp(sender.mac, end.mac)
        sender.send_whole(frame)
        assert end.get(1) == [(EMPTY, frame)]
        frame = sctp(FAR, end.mac)
        from_wire(town, [frame] * 4)
        assert end.get(4) == [(EMPTY, frame)] * 4
    frame = sctp(sender.mac, FAR)
    sender.send_whole(frame)
    assert [f for _, f in town.wire.get(1)] == [frame]
    town.check()


def test_trap_15_nothing_goes_to_a_ring_that_is_not_enabled(lab):
    """grout#729. And what comes when it is enabled again is whole."""
    net = lab()
    sender, end = net.add("s", "tso"), net.add("ecn", takes="ecn")
    packet = stream(sender.mac, end.mac, 20)
    net.mark()
    end.client.enable(vhost.RX, False)
    sender.send(packet)
    wait_for(lambda: net.drops() == {"guest_ring_off": 1}, what="the superframe counted")
    assert end.listen() == 0
    end.client.enable(vhost.RX)
    sender.send(packet)
    assert end.get(1) == end.taken(packet)
    net.check({"guest_ring_off": 1})


def test_trap_16_memory_that_is_told_anew_is_what_rings_use(lab):
    """vpp#3247: the rings went on with pointers into the memory before."""
    net = lab()
    sender, end = net.add("s", "tso"), net.add("ecn", takes="ecn", regions=1)
    packet = stream(sender.mac, end.mac, 20)
    net.mark()
    for regions in (2, 4, 1):
        for client in (sender.client, end.client):
            client.n_regions = regions
            client.mem_table()
        sender.send(packet)
        assert end.get(1) == end.taken(packet)
    net.check()


@pytest.mark.parametrize("kind", [Frontend, PackedFrontend])
def test_trap_17_without_mergeable_buffers_nothing_is_split_over_several(lab, kind):
    """vpp#3317: a superframe for a guest whose buffers have to hold it whole."""
    net = lab()
    sender = net.add("s", "tso")
    end = net.add("ecn", takes="ecn", kind=kind, without=MRG_RXBUF, more=",mrg_rxbuf=off")
    assert not end.client.features & MRG_RXBUF
    fits, not_so = stream(sender.mac, end.mac, 2, 600), stream(sender.mac, end.mac, 40)
    net.mark()
    for _ in range(3):
        sender.send(fits)
        assert end.get(1) == end.taken(fits)
        sender.send(not_so)
        sender.drained()
    # What it has not taken is told by what it did with its ring: refilled it since it connected, or not yet.
    no_room = ("guest_ring_full", "guest_ring_unread")
    wait_for(lambda: sum(net.drops().get(reason, 0) for reason in no_room) == 3, what="counted")
    sender.send(fits)
    assert end.get(1) == end.taken(fits)
    drops = net.drops()
    assert set(drops) <= set(no_room)
    net.check(drops)


# ---- What is negotiated, and how it is shown ----

def test_the_key_decides_what_is_offered(lab):
    net = lab()
    for name, bits in (("default", TSO_BITS), ("auto", TSO_BITS), ("tso", TSO_BITS), ("csum", CSUM_BITS),
                       ("off", 0)):
        end = net.add(name, more="" if name == "default" else f",offload={name}")
        assert end.client.offered & TSO_BITS == bits
        line = [x for x in net.daemon.ctl("show running-config").splitlines() if f"guest {name} " in x][0]
        assert (f"offload={name}" in line) == (name not in ("default", "auto"))
        shown = net.details(name)["offloads"]
        no = {False: "not offered", True: "refused by the front end"}
        assert shown["from_guest"]["checksum"] == shown["to_guest"]["checksum"] == no[bits != 0]
        tso = {shown[way][kind] for way in shown for kind in ("tso4", "tso6", "ecn")}
        assert tso == {no[bits == TSO_BITS]}


def test_what_was_agreed_is_shown(lab):
    net = lab()
    guest = net.add("vm1", "csum", "tso")
    shown = net.details("vm1")["offloads"]
    no = "refused by the front end"
    assert shown == {"from_guest": {"checksum": "yes", "tso4": no, "tso6": no, "ecn": no},
                     "to_guest": {"checksum": "yes", "tso4": "yes", "tso6": "yes", "ecn": no}}
    text = net.daemon.ctl("show guest vm1")
    assert "Offloads (offered: all):\n" in text
    assert re.search(r"from guest +checksum: yes, tso4: refused by the front end, ", text)
    assert re.search(r"to guest +checksum: yes, tso4: yes, tso6: yes, ecn: refused by", text)
    sender = net.add("s", "tso")
    sender.send(stream(sender.mac, guest.mac, 3))
    sender.send(stream(sender.mac, FAR, 3))
    guest.get(1)
    net.wire.get(3)
    assert net.details("vm1")["offload_counters"] == {"superframes_in": 0, "superframes_out": 1,
                                                      "segments": 0, "coalesced": 0, "sums": 0,
                                                      "too_big": 0}
    assert net.counters("s")["superframes_in"] == 2
    assert re.search(r"superframes_out +1  Superframes sent whole", net.daemon.ctl("show guest vm1"))
    metrics = net.daemon.ctl("show metrics")
    for name, value in (("superframes_in", 2), ("superframes_out", 0), ("segments", 0), ("coalesced", 0),
                        ("sums", 0)):
        sample = f'bondfwd_guest_{name}_total{{bond="bond0",guest="s"}} {value}'
        assert sample in metrics.splitlines(), metrics
    assert 'bondfwd_guest_superframes_out_total{bond="bond0",guest="vm1"} 1' in metrics.splitlines()
    assert net.daemon.ledger().segments == 2
    assert "+ segments 2 = sent" in net.daemon.ctl("show drops")


def test_a_change_cuts_the_connection_only_with_force(lab):
    net = lab()
    end, other = net.add("vm1", "tso", "tso"), net.add("s", "tso")
    with pytest.raises(CtlError) as refused:
        net.daemon.ctl("set guest vm1 offload=off")
    assert "force" in refused.value.text and len(refused.value.text.strip().splitlines()) == 1
    assert net.details("vm1")["offloads"]["to_guest"]["tso4"] == "yes"
    net.daemon.ctl("set guest vm1 offload=off force")
    with pytest.raises(ConnectionError):
        end.client.say(1, reply=True)
    end.client.hang_up()
    with pytest.raises(AssertionError):
        end.client.start()
    end.client.hang_up()
    end.client.features &= ~TSO_BITS
    end.client.start()
    wait_for(lambda: net.guest("vm1")["up"], what="the guest back")
    net.learn(end)
    packet = stream(other.mac, end.mac)
    other.send(packet)
    judge(net, end.get(12), [packet])
    assert "offload=off" in net.daemon.ctl("show running-config")


def test_a_word_that_is_none_is_named_with_those_that_are(town):
    net = town
    before = net.daemon.ctl("show running-config")
    for command in ("set guest s offload=maybe", "add guest vm2 socket=/tmp/bft-no.sock,offload=maybe"):
        with pytest.raises(CtlError) as refused:
            net.daemon.ctl(command)
        for word in ("offload", '"maybe"', "auto", "off", "csum", "tso"):
            assert word in refused.value.text, refused.value.text
    assert net.daemon.ctl("show running-config") == before


def test_after_a_crash_guests_keep_what_they_had(lab):
    net = lab()
    kinds = (("", Frontend), ("_p", PackedFrontend))
    pairs = [(net.add("s" + tail, "tso", kind=kind), net.add("r" + tail, takes="tso", kind=kind))
             for tail, kind in kinds]
    before = [net.details(name)["offloads"] for name in net.ends]

    def pass_on():
        for sender, end in pairs:
            packet = stream(sender.mac, end.mac, 30)
            for _ in range(3):
                sender.send(packet)
                assert end.get(1) == end.taken(packet)
            sender.client.used(TX)
            packet = stream(sender.mac, FAR)
            sender.send(packet)
            judge(net, net.wire.get(12), [packet])
            sender.drained()
            sender.client.used(TX)
    pass_on()
    net.restart()
    assert [net.details(name)["offloads"] for name in net.ends] == before
    pass_on()
