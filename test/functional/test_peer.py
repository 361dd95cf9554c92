# SPDX-License-Identifier: BSD-3-Clause
"""bf-peer itself, two of them back to back through dpdk-testpmd: the ruler is straight."""

import pathlib
import shutil
import subprocess

import pytest

import bf

NEEDS = (bf.PEER, pathlib.Path(shutil.which("dpdk-testpmd") or "dpdk-testpmd"))
SIZES = [64, 128, 256, 512, 1024, 1518, 2048, 4096, 9000, 9230, 9234, 9238]
A, B = bf.guest_mac(1), bf.guest_mac(2)


class Between:
    """dpdk-testpmd forwarding between two sockets."""

    def __init__(self, workdir, queues=1, client=1):
        self.queues, self.client = queues, client
        self.log = f"{workdir}/testpmd.log"
        self.sockets = [pathlib.Path(workdir) / f"{n}.sock" for n in ("a", "b")]
        self.proc = None
        self.start()

    def start(self):
        vdevs = []
        for i, path in enumerate(self.sockets):
            vdevs += ["--vdev", f"net_vhost{i},iface={path},queues={self.queues},"
                                f"client={self.client}"]
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(
                ["dpdk-testpmd", "--lcores", bf.lcores(1), "--main-lcore", "0", "--no-huge", "-m",
                 "512", "--no-pci", "--no-telemetry", "--no-shconf", *vdevs, "--",
                 "--forward-mode=io", f"--rxq={self.queues}", f"--txq={self.queues}",
                 "--auto-start", "--total-num-mbufs=16384", "--max-pkt-len=9300"],
                stdin=subprocess.PIPE, stdout=log, stderr=log, env=bf.clean_env())

    def stop(self):
        self.proc.terminate()
        self.proc.wait(bf.LIMIT)
        self.proc.stdin.close()


@pytest.fixture
def between(workdir):
    running = []

    def make(**options):
        running.append(Between(workdir, **options))
        return running[-1]

    yield make
    for one in running:
        one.stop()


@pytest.fixture
def pair(peer, workdir, between):
    """Two listening peers with testpmd between them."""
    def make(**options):
        ends = [peer(n, f"{workdir}/{n}.sock", **options) for n in ("a", "b")]
        between(queues=options.get("queues", 1))
        for end in ends:
            end.wait_up()
        warm_up(*ends)
        return ends
    return make


def warm_up(a, b):
    """Until a frame passes each way: a side that is connected may not be served yet."""
    for sender, receiver, src, dst in ((a, b, A, B), (b, a, B, A)):
        def passes(sender=sender, receiver=receiver, src=src, dst=dst):
            sender.send(stream=0xfffe, count=1, src=src, dst=dst)
            receiver.settle(20)
            return receiver.stream(0xfffe)["received"]
        bf.wait_for(passes, what=f"a frame from {sender.name} to {receiver.name}")
    for end in (a, b):
        end.settle()
        end.cmd("clear")


def both_ways(a, b, count, window=512, **spec):
    for first in range(0, count, window):
        part = min(window, count - first)
        a.send(wait=False, stream=1, first=first, count=part, src=A, dst=B, **spec)
        b.send(wait=False, stream=2, first=first, count=part, src=B, dst=A, **spec)
        for end in (a, b):
            end.cmd("wait", timeout=30000)
        b.await_stream(1, first + part)
        a.await_stream(2, first + part)
    for tally in (b.stream(1, count), a.stream(2, count)):
        assert tally["distinct"] == tally["received"] == count
        assert tally["missing"] == tally["corrupt"] == tally["header_changed"] == 0
        assert tally["duplicates"] == tally["reordered"] == 0


def test_ten_thousand_frames_of_all_sizes_arrive_both_ways(pair):
    a, b = pair()
    both_ways(a, b, 10000, size=[60, *SIZES], flows=16)
    assert set(b.stream(1)["sizes"]) == {str(s) for s in [60, *SIZES]}


@pytest.mark.parametrize("kind, smallest", [("ether", 60), ("ip4tcp", 78), ("ip6udp", 86),
                                            ("ip6tcp", 98)])
def test_every_kind_arrives_double_tagged(pair, kind, smallest):
    a, b = pair()
    both_ways(a, b, 1000, size=[smallest, *SIZES[2:]], kind=kind, vlan="100,200", flows=7)


@pytest.mark.parametrize("knobs", [{"mrg_rxbuf": 0}, {"packed_vq": 1}, {"in_order": 0},
                                   {"queues": 4, "queue_size": 256}, {"buf": 2048}], ids=str)
def test_every_ring_layout_arrives(pair, knobs):
    a, b = pair(**knobs)
    window = 64 if "buf" in knobs else 256
    both_ways(a, b, 1000, window=window, size=[60, *SIZES], flows=16)


def test_a_peer_may_be_the_client(peer, workdir, between):
    middle = between(client=0)
    bf.wait_for(lambda: all(p.exists() for p in middle.sockets), what="sockets")
    a, b = (peer(n, f"{workdir}/{n}.sock", server=False).wait_up() for n in ("a", "b"))
    warm_up(a, b)
    both_ways(a, b, 1000, size=[60, *SIZES])


def test_listening_peers_survive_a_restart_of_what_is_between(peer, workdir, between):
    a, b = (peer(n, f"{workdir}/{n}.sock") for n in ("a", "b"))
    middle = between()
    for _ in range(3):
        for end in (a, b):
            end.wait_up()
        warm_up(a, b)
        both_ways(a, b, 1000, size=[60, *SIZES])
        middle.stop()
        for end in (a, b):
            bf.wait_for(lambda end=end: not end.is_up(), what="link down")
        middle.start()


def test_a_stopped_port_is_down_and_works_again_when_started(pair):
    a, b = pair()
    for _ in range(3):
        a.stop_driver()
        assert not a.is_up()
        a.start_driver()
        a.wait_up()
        warm_up(a, b)
        both_ways(a, b, 200)


def test_a_changed_byte_is_seen_wherever_it_is(pair):
    a, b = pair()
    b.capture(1)
    a.send(stream=3, count=1, size=200, src=A, dst=B)
    frame = b.captured(bf.LIMIT)[0]
    b.cmd("clear")
    for at in range(len(frame)):
        bad = bytearray(frame)
        bad[at] ^= 0x40
        a.raw(bad)
    b.settle()
    port, tallies = b.port(), b.streams()
    assert port["rx"] == len(frame)
    seen = port["rx_other"] + sum(t["corrupt"] + t["header_changed"]
                                  for t in tallies.values())
    assert seen >= len(frame)
    assert all(t["distinct"] <= t["header_changed"] for t in tallies.values())


def test_a_cut_frame_is_corrupt_and_a_repeated_one_is_a_duplicate(pair):
    a, b = pair()
    b.capture(1)
    a.send(stream=3, count=1, size=200, src=A, dst=B)
    frame = b.captured(bf.LIMIT)[0]
    a.raw(frame[:-1])
    a.raw(frame)
    b.settle()
    tally = b.stream(3, 2)
    assert tally["corrupt"] == 1 and tally["duplicates"] == 1
    assert tally["missing"] == 1 and tally["first_missing"] == [1]


def test_bad_commands_are_answered_with_an_error(pair):
    a, _ = pair()
    for line in ({"verb": "nosuch"}, {"verb": "send", "port": 9}, {"verb": "raw", "port": 0,
                 "hex": "xyz"}, {"verb": "send", "port": 0, "dst": "nonsense", "src": A}):
        with pytest.raises(bf.PeerError):
            a.cmd(**line)
    assert a.is_up()


def test_two_that_send_ahead_of_each_other_wait_for_each_other(pair):
    a, b = pair()
    a.send(wait=False, stream=9, count=500, src=A, dst=B, ahead=8)
    a.settle()
    assert b.stream(9)["distinct"] == 8
    b.send(wait=False, stream=9, count=500, src=B, dst=A, ahead=8)
    for end in (a, b):
        tally = end.await_stream(9, 500)
        assert tally["distinct"] == 500 and tally["reordered"] == 0, tally


def test_a_steady_stream_goes_on_beside_everything_else(pair):
    """No quiet waits for its end, no clear forgets it, and it counts in no figure that says what a job has sent."""
    a, b = pair()
    for stream in (1, 0xfff0):
        with pytest.raises(bf.PeerError, match="expected 65280 to 65519"):
            a.steady(rate=500, stream=stream, src=A, dst=B)
    a.steady(rate=500, stream=0xff00, src=A, dst=B, size=[60, 9000])
    bf.wait_for(lambda: b.stream(0xff00)["received"] > 50, what="a stream that goes on")
    both_ways(a, b, 1000)
    for end in (a, b):
        end.settle(200)
        end.cmd("clear")
    assert a.port()["tx"] == 0
    more = b.stream(0xff00)["received"] + 50
    bf.wait_for(lambda: b.stream(0xff00)["received"] > more, what="a stream that still goes on")
    sent = a.steady()
    tally = b.await_stream(0xff00, sent)
    assert tally["distinct"] == tally["received"] == sent and tally["reordered"] == tally["corrupt"] == 0
    assert a.steady() == 0
    b.cmd("clear", steady=1)
    assert b.streams() == {}
