# SPDX-License-Identifier: BSD-3-Clause
"""
A guest's rings under everything that the protocol allows and much that it does not: the driver's end is
a client of our own (vhost_frontend.py), which says what no QEMU would.
"""

import contextlib
import fcntl
import mmap
import os
import struct
import time

import pytest

import vhost_frontend as vhost
from bf import FAR_MAC, guest_mac, mac_bytes, wait_for
from vhost_frontend import RX, TX, Frontend, PackedFrontend, Refused

IDLE = "poll"

VM1, RAW = guest_mac(1), "52:54:00:99:00:01"
ETHERTYPE = b"\x88\xb5"
PIPE_ROOM = 1 << 16
FULL = 2 ** 64 - 2  # what an eventfd holds at most
CAPTURE = 256
GRACE_S = 0.1  # what waits in a ring that is disabled for less is kept
KINDS = pytest.mark.parametrize("kind", [Frontend, PackedFrontend], ids=["split", "packed"])


def frame(number, src=RAW, dst=FAR_MAC, length=60):
    head = mac_bytes(dst) + mac_bytes(src) + ETHERTYPE + struct.pack("!I", number)
    return head + bytes((number + i) % 256 for i in range(length - len(head)))


@pytest.fixture
def raw(rig):
    """A rig whose second guest is the client; its rings run and the switch knows both ends."""
    made = []

    def make(kind=Frontend, **options):
        r = rig(guests=("vm1",), log_allowed=(r"^WARNING: guest_ring_fault: raw: ring \d (is|was) disabled",
                             r"^WARNING: guest_refused: raw: SET_MEM_TABLE: size "))
        path = r.workdir / "raw.sock"
        r.daemon.ctl(f"add guest raw socket={path},mode=server")
        client = kind(path, **options)
        made.append(client)
        client.start()
        # Before the rig counts frames: no ring is left that nobody empties.
        wait_for(lambda: guest(r)["up"], what="the raw guest up")
        client.post(128)
        r.learn_all()
        learn(r, client)
        return r, client

    yield make
    for client in made:
        client.close()


def guest(r, name="raw"):
    return {g["name"]: g for g in r.daemon.ctl("show guest", json=True)}[name]


def modes(r):
    return [ring["mode"] for ring in guest(r)["rings"]]


def learn(r, client):
    def known():
        client.send(frame(0))
        return RAW in r.daemon.fdb()
    wait_for(known, what="the raw guest learned")
    wait_for(lambda: client.is_drained(TX), what="its frames taken")
    r.settle()


def to_guest(r, client, numbers):
    """Frames from the far side arrive whole and in order."""
    sent = [frame(n, src=FAR_MAC, dst=RAW, length=60 + n % 1400) for n in numbers]
    got = []

    def arrived():
        fresh = client.received()
        client.post(len(fresh))
        got.extend(f for f in fresh if f[12:14] == ETHERTYPE)
        return len(got) >= len(sent)
    client.received()
    for data in sent:
        r.far[0].raw(data)
    wait_for(arrived, what="frames at the raw guest")
    assert got == sent


def from_guest(r, client, numbers):
    """Frames to the far side arrive whole and in order."""
    sent = [frame(n, length=60 + n % 1400) for n in numbers]
    r.far[0].capture(CAPTURE)
    for data in sent:
        client.send(data)
    wait_for(lambda: client.is_drained(TX), what="frames taken from the raw guest")
    assert captured(r, len(sent)) == sent


def captured(r, count):
    def arrived():
        return [f for f in r.far[0].captured() if f[12:14] == ETHERTYPE]
    wait_for(lambda: len(arrived()) >= count, what="frames of the raw guest at the far side")
    return arrived()


def both_ways(r, client, first=0, count=48):
    to_guest(r, client, range(first, first + count))
    from_guest(r, client, range(first, first + count))


@pytest.mark.parametrize("regions", [1, 8])
def test_frames_go_both_ways_whatever_memory_looks_like(raw, regions):
    r, client = raw(regions=regions)
    assert modes(r) == ["own", "own"]
    for first in range(0, 480, 48):  # round the rings' ends
        both_ways(r, client, first)


def test_memory_is_mapped_anew_while_frames_come(raw):
    r, client = raw()
    for turn in range(24):
        r.far[0].raw(frame(turn, src=FAR_MAC, dst=RAW), count=16)
        client.n_regions = 1 << turn % 4
        client.mem_table()
        client.post(len(client.received()))
    assert modes(r) == ["own", "own"]
    r.settle()
    client.post(len(client.received()))
    both_ways(r, client)


def thrown_away(r):
    return r.daemon.drops("raw").get("guest_ring_disabled", 0)


@KINDS
def test_what_is_sent_on_a_disabled_ring_is_thrown_away(raw, kind):
    r, client = raw(kind)
    from_guest(r, client, range(20))
    assert thrown_away(r) == 0
    client.enable(TX, False)
    assert modes(r)[TX] == "discard"
    r.far[0].capture(CAPTURE)
    while rings_bell(client.call[TX]):
        pass
    for n in range(100):
        client.send(frame(n))
    wait_for(lambda: client.is_drained(TX), what="the frames used")
    wait_for(lambda: thrown_away(r) == 100, what="the frames counted")
    wait_for(lambda: rings_bell(client.call[TX]), what="the guest told")
    to_guest(r, client, range(16))
    client.enable(TX)
    client.send(frame(500))
    assert captured(r, 1) == [frame(500)], "none of those before"
    both_ways(r, client)
    assert thrown_away(r) == 100
    r.check_balance()


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@KINDS
def test_what_waits_while_a_front_end_returns_is_kept(raw, kind):
    """Also when its ring was disabled long before, so that the guest's frames were thrown away."""
    r, client = raw(kind)

    def returns(first):
        client.enable(TX, False)
        client.send(frame(0))
        wait_for(lambda: client.is_drained(TX), what="the frame thrown away")
        spin(0.5 * GRACE_S)  # so that control looks at the ring while the front end returns
        client.hang_up()
        sent = [frame(first + n) for n in range(20)]
        r.far[0].capture(CAPTURE)
        client.used(TX)
        for data in sent:
            client.send(data)
        began = time.monotonic()
        client.start_disabled()
        spin(0.7 * GRACE_S)
        client.enable(TX)
        if time.monotonic() >= began + GRACE_S:  # a busy machine; what became of them is open
            wait_for(lambda: client.is_drained(TX), what="the frames used")
            return False
        assert captured(r, len(sent)) == sent
        return True
    first = iter(range(100, 60000, 100))
    wait_for(lambda: returns(next(first)), what="a return in time")
    client.enable(RX)
    both_ways(r, client)


def test_a_disabled_ring_towards_the_guest_takes_nothing(raw):
    r, client = raw()
    before = r.daemon.drops("raw").get("guest_ring_off", 0)
    client.enable(RX, False)
    r.far[0].raw(frame(2, src=FAR_MAC, dst=RAW))
    wait_for(lambda: r.daemon.drops("raw").get("guest_ring_off", 0) == before + 1,
             what="the frame counted")
    client.enable(RX)
    both_ways(r, client)


def test_a_new_call_descriptor_is_called_once_more(raw):
    """A call may have gone to the old one, where nobody looks any more."""
    r, client = raw()
    for ring in (RX, TX):
        fresh = os.eventfd(0, os.EFD_NONBLOCK)
        client.u64(vhost.SET_VRING_CALL, ring, [fresh])
        assert os.eventfd_read(fresh) == 1
        os.close(client.call[ring])
        client.call[ring] = fresh
    both_ways(r, client)


def test_a_guest_that_flaps_floods_nobody(raw):
    """Connecting and enabling rings without end: others are well, and the journal keeps what it has."""
    r, client = raw()
    before = len(r.daemon.ctl("show events", json=True))
    for turn in range(400):
        client.enable(TX, turn % 2 == 1)
        base = client.state(vhost.GET_VRING_BASE, TX, 0, reply=True)
        client.ring_start(TX, base)
    assert r.transfer(r.far[0], r.vm(1), 1, 200, src=FAR_MAC, dst=VM1)["missing"] == 0
    client.enable(TX)
    wait_for(lambda: guest(r)["up"], what="the guest up")
    learn(r, client)
    both_ways(r, client)
    fresh = [e["what"] for e in r.daemon.ctl("show events", json=True)[before:]]
    assert len(fresh) <= 10 and set(fresh) == {"guest_up", "guest_down"}, fresh


def test_a_ring_stops_where_its_base_says_and_goes_on_from_there(raw):
    r, client = raw()
    from_guest(r, client, range(20))
    base = client.state(vhost.GET_VRING_BASE, TX, 0, reply=True)
    assert base == client.avail_idx[TX]
    wait_for(lambda: not guest(r)["up"], what="the guest down")
    client.send(frame(100))
    r.far[0].capture(CAPTURE)
    client.ring_start(TX, base)
    wait_for(lambda: guest(r)["up"], what="the guest up")
    client.enable(TX)
    assert captured(r, 1) == [frame(100)]
    both_ways(r, client)


def test_who_connects_last_has_the_port(raw):
    r, client = raw()
    with contextlib.closing(Frontend(client.path)) as second:
        second.start()
        second.post(128)
        wait_for(lambda: r.events("guest_up")[-1]["object"] == "raw" and guest(r)["connects"] == 2,
                 what="the second one up")
        learn(r, second)
        both_ways(r, second)
        with pytest.raises(ConnectionError):
            client.enable(TX, False)
        client.close()
        both_ways(r, second)
        r.settle()


def test_a_migrated_guest_is_announced_by_rarp(raw):
    r, client = raw()
    moved = bytes.fromhex("5254001234ff")
    r.far[0].capture(CAPTURE)
    client.u64(vhost.SEND_RARP, int.from_bytes(moved, "little"))

    def asked():
        return [f for f in r.far[0].captured() if f[6:12] == moved]
    wait_for(asked, what="its RARP request")
    assert asked()[0] == (b"\xff" * 6 + moved + bytes.fromhex("8035000108000604" "0003") + moved
                        + bytes(4) + moved).ljust(60, b"\0")
    assert r.daemon.fdb()[moved.hex(":")]["port"] == "raw"


def test_the_memory_of_a_guest_is_logged_while_its_frames_go_on(raw):
    r, client = raw()
    both_ways(r, client)
    log = os.memfd_create("log")
    os.ftruncate(log, 1 << 20)
    client.say(vhost.SET_LOG_BASE, struct.pack("=QQ", 1 << 20, 0), [log], reply=True)
    client.u64(vhost.SET_FEATURES, client.features | vhost.LOG_ALL)
    for ring in (RX, TX):
        at = vhost.BASE + ring * vhost.RINGS // 2
        client.say(vhost.SET_VRING_ADDR,
                   struct.pack("=IIQQQQ", ring, 1, at, at + 0x3000, at + 0x2000, at + 0x3000))
    assert modes(r) == ["own", "own"]
    first = client.used_idx[RX] % client.size
    both_ways(r, client)
    with mmap.mmap(log, 1 << 20) as dirty:
        def is_dirty(addr):
            page = addr // vhost.PAGE
            return dirty[page // 8] & 1 << page % 8
        assert is_dirty(client.buffer(RX, first))
        assert is_dirty(vhost.BASE + 0x3000) and is_dirty(vhost.BASE + 0xb000)
        assert not is_dirty(vhost.BASE + (client.mib << 20) - 1)
    os.close(log)


def test_guests_that_sleep_are_woken(raw):
    r, client = raw()
    r.settle()
    for ring in (RX, TX):
        os.eventfd_read(client.call[ring])
    to_guest(r, client, range(4))
    wait_for(lambda: rings_bell(client.call[RX]), what="the interrupt of a frame")
    client.put(RX, 0x2000, "=H", 1)  # VRING_AVAIL_F_NO_INTERRUPT
    to_guest(r, client, range(4))
    assert not rings_bell(client.call[RX])


def rings_bell(fd):
    try:
        return os.eventfd_read(fd)
    except BlockingIOError:
        return 0


def test_an_interrupt_that_nobody_takes_stops_nobody(raw):
    """QEMU hands over what it likes: a full pipe, and then one without a reader."""
    r, client = raw()
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    while True:
        try:
            os.write(writer, bytes(PIPE_ROOM))
        except BlockingIOError:
            break
    fcntl.fcntl(writer, fcntl.F_SETFL, 0)
    client.u64(vhost.SET_VRING_CALL, RX, [writer])
    both_ways(r, client)
    os.close(reader)
    both_ways(r, client)
    os.close(writer)


def test_a_call_that_would_block_stops_nobody(raw):
    """An eventfd's flags are its front end's as well: blocking again once it is ours, and full."""
    r, client = raw()
    bell = client.call[RX]
    r.settle()
    rings_bell(bell)
    os.eventfd_write(bell, FULL)
    fcntl.fcntl(bell, fcntl.F_SETFL, 0)
    both_ways(r, client)
    assert r.transfer(r.far[0], r.vm(1), 1, 100, src=FAR_MAC, dst=VM1)["missing"] == 0
    fcntl.fcntl(bell, fcntl.F_SETFL, os.O_NONBLOCK)
    assert os.eventfd_read(bell) >= FULL
    to_guest(r, client, range(4))
    wait_for(lambda: rings_bell(bell), what="the next interrupt")


# What the driver writes into a ring, and what is said of it.
NONSENSE = {
    "index too far": (lambda c, q: c.set_avail_idx(q, c.used_idx[q] + c.size + 1), "available index"),
    "no such descriptor": (lambda c, q: c.avail(q, c.size), "available entry"),
    "outside of memory": (lambda c, q: one(c, q, 0x1000, 100), "leaves the guest's memory"),
    "beyond its end": (lambda c, q: one(c, q, vhost.BASE + (c.mib << 20) - 50, 100), "memory"),
    "a loop": (lambda c, q: one(c, q, c.buffer(q, 0), 0, vhost.NEXT, c.size - 1), "loops"),
    "wrong access": (lambda c, q: c.desc(q, c.size - 1, c.buffer(q, 0), 100, 0 if q == RX else vhost.WRITE)
                     or c.avail(q, c.size - 1), "read-only"),
}


def one(client, ring, addr, length, flags=0, following=0):
    access = vhost.WRITE if ring == RX else 0
    client.desc(ring, client.size - 1, addr, length, flags | access, following)
    client.avail(ring, client.size - 1)


def starts_anew(r, client):
    """As after a reset of the guest: another connection, other rings."""
    client.close()
    wait_for(lambda: not guest(r)["up"], what="the guest gone")
    with contextlib.closing(Frontend(client.path)) as fresh:
        fresh.start()
        fresh.post(128)
        learn(r, fresh)
        both_ways(r, fresh)
        r.settle()


@pytest.mark.parametrize("ring", [RX, TX])
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_stops_one_ring_and_nothing_else(raw, nonsense, ring):
    r, client = raw()
    spoil, told = NONSENSE[nonsense]
    # All buffers used: what comes next is the nonsense.
    while not client.is_drained(RX):
        r.far[0].raw(frame(0, src=FAR_MAC, dst=RAW), count=16)
        r.settle()
    client.used(RX)
    client.used(TX)
    spoil(client, ring)
    r.far[0].raw(frame(1, src=FAR_MAC, dst=RAW))
    wait_for(lambda: r.events("guest_ring_fault"), what="the event")
    event = r.events("guest_ring_fault")[0]
    assert event["object"] == "raw" and told in event["text"] and f"ring {ring} " in event["text"]
    assert told in guest(r)["rings"][ring]["fault"]
    assert r.transfer(r.far[0], r.vm(1), 1, 100, src=FAR_MAC, dst=VM1)["missing"] == 0
    starts_anew(r, client)
    assert len(r.events("guest_ring_fault")) == 1


@pytest.mark.parametrize("kept", [vhost.RINGS, 0], ids=["buffers", "rings"])
def test_memory_that_is_cut_off_stops_its_guest_alone(raw, kept):
    r, client = raw()
    r.settle()
    # The client must not touch its memory from here on either.
    os.ftruncate(client.memfd, kept)
    r.far[0].raw(frame(1, src=FAR_MAC, dst=RAW))
    wait_for(lambda: r.events("guest_ring_fault"), what="the event")
    assert "memory ends" in r.events("guest_ring_fault")[0]["text"]
    assert r.transfer(r.far[0], r.vm(1), 1, 100, src=FAR_MAC, dst=VM1)["missing"] == 0
    starts_anew(r, client)


def test_memory_that_was_cut_off_is_not_used_until_it_is_set_anew(raw):
    r, client = raw()
    r.settle()
    os.ftruncate(client.memfd, 0)
    r.far[0].raw(frame(1, src=FAR_MAC, dst=RAW))

    def faults():
        return [ring.get("fault", "none") for ring in guest(r)["rings"]]
    wait_for(lambda: "memory ends" in faults()[RX], what="the fault")
    for ring in (RX, TX):
        client.state(vhost.GET_VRING_BASE, ring, 0, reply=True)
        client.ring_start(ring)
    assert modes(r) == ["own", "own"]
    assert all("memory ends" in fault for fault in faults())
    os.ftruncate(client.memfd, client.mib << 20)
    client.avail_idx, client.used_idx = [0, 0], [0, 0]
    client.mem_table()
    assert set(faults()) == {"none"}
    client.post(128)
    both_ways(r, client)


def test_memory_that_never_was_stops_its_guest_alone(raw):
    r, client = raw()
    os.ftruncate(client.memfd, 0)
    with contextlib.suppress(Refused, ConnectionError):
        client.n_regions = 2
        client.mem_table()
    assert r.transfer(r.far[0], r.vm(1), 1, 100, src=FAR_MAC, dst=VM1)["missing"] == 0
    starts_anew(r, client)


def test_a_refused_message_changes_nothing_but_its_guest(raw):
    r, client = raw()
    with pytest.raises((Refused, ConnectionError)):
        client.mem_table(length=1 << 60)
    assert r.transfer(r.far[0], r.vm(1), 1, 100, src=FAR_MAC, dst=VM1)["missing"] == 0
    starts_anew(r, client)
