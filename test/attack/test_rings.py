# SPDX-License-Identifier: BSD-3-Clause
"""
What a driver may write into its rings, and what none should.

A row is tried on split and packed rings ("sp") and with frames to the guest and from it ("rt"), or on
some of them.  A ring that cannot be right is left alone, which `show guest` tells at once and an event
within a second, until it is set up again; on the same connection it then works.
"""

import contextlib
import os
import struct
import threading

import pytest

import vhost_frontend as vhost

from attacker import (AVAIL, BASE, INDIRECT, INDIRECT_DESC, USED, Attacker, wait_for)
from bf import mac_bytes
from field import MACS, VM1
from vhost_frontend import EVENT_IDX, HEADER, NEXT, RX, TX, WRITE

TOP = 1 << 64
HEAD = bytes(HEADER)

# What may come of it.
FAULT = "fault"  # the ring is left alone, and that is said
PASSES = "passes"  # the frame arrives
DROPPED = "dropped"  # it does not; the ring goes on
LEFT = "left"  # nothing is done with it, and the other ring goes on
SURVIVED = "survived"  # whatever becomes of the ring; it works when it is set up again

ROWS = []
KINDS = {"s": False, "p": True}
NAMES = {"s": "split", "p": "packed", "r": "to the guest", "t": "from the guest"}


def row(name, act, expect, kinds="sp", rings="rt", **options):
    """act(attacker, ring) writes into the ring; frames are sent to the guest after it."""
    for kind in kinds:
        for ring in rings:
            case = act, expect, KINDS[kind], RX if ring == "r" else TX, options
            ROWS.append(pytest.param(case, id=f"{NAMES[kind]}, {NAMES[ring]}: {name}"))


def way(ring):
    return WRITE if ring == RX else 0


def part(a, ring, i=0, length=1600, at=None):
    """A good buffer; what is sent is a frame with its header."""
    address = at or a.buffer(ring, 64 + i)
    if ring == TX and length >= HEADER + 14 and at is None:
        a.fill(address, HEAD + a.frame.ljust(length - HEADER, b"\0")[:length - HEADER])
    return address, length, way(ring)


def whole(a, ring, address, length):
    """One buffer."""
    a.offer(ring, (address, length, way(ring)))


# ---- where buffers are ----

for name, address, length in (
        ("nowhere", 0x1000, 100), ("at address 0", 0, 100), ("below the memory", BASE - 50, 40),
        ("half below it", BASE - 50, 100), ("at 2^63", 1 << 63, 100), ("at the end of the world", TOP - 8, 8),
        ("that wraps", TOP - 8, 100),
        ("outside, of 4 GiB", 0x1000, 0xffffffff)):
    row(f"a buffer {name}", lambda a, q, at=address, n=length: whole(a, q, at, n), FAULT)
row("a buffer behind the memory", lambda a, q: whole(a, q, a.end(), 100), FAULT)
row("a buffer half behind it", lambda a, q: whole(a, q, a.end() - 50, 100), FAULT)
row("a buffer one byte too long", lambda a, q: whole(a, q, a.end() - 99, 100), FAULT, rings="t")
# What a frame does not need is not looked at: it may be outside.
row("room that is one byte too long", lambda a, q: whole(a, q, a.end() - 99, 100), SURVIVED, rings="r")
row("a buffer of 4 GiB", lambda a, q: whole(a, q, BASE, 0xffffffff), SURVIVED)
row("a buffer of 2 GiB", lambda a, q: whole(a, q, BASE, 1 << 31), SURVIVED)
row("the second buffer is nowhere", lambda a, q: a.offer(
    q, (a.buffer(q, 9), 20, way(q)), (0x1000, 1000, way(q))), FAULT)
row("the hundredth is nowhere", lambda a, q: a.offer(
    q, *[(a.buffer(q, i), 14, way(q)) for i in range(20)], (0x1000, 1000, way(q))), SURVIVED)
row("the last bytes of the memory", lambda a, q: whole_frame(a, q, a.end() - 1600, 1600), PASSES)
row("a buffer over two regions that touch", lambda a, q: whole_frame(
    a, q, BASE + (a.mib << 19) - 40, 1600), PASSES, regions=2)
row("a buffer over all regions", lambda a, q: whole_frame(
    a, q, BASE + (a.mib << 18) - 40, 1600), PASSES, regions=4)


def whole_frame(a, ring, address, length):
    if ring == TX:
        a.fill(address, (HEAD + a.frame).ljust(length, b"\0"))
        length = HEADER + len(a.frame)
    whole(a, ring, address, length)


# Rings, headers and indices as buffers: who does that has to live with it.
for area in ("desc", "avail", "used"):
    row(f"its own {area} as a buffer", lambda a, q, p=area: whole(a, q, a.at(q, p), 1600), SURVIVED)
    row(f"the other ring's {area} as a buffer",
        lambda a, q, p=area: whole(a, q, a.at(1 - q, p), 1600), SURVIVED)
row("one buffer again and again", lambda a, q: [a.offer(q, part(a, q)) for _ in range(40)], SURVIVED)

# ---- how long they are ----

row("an empty buffer", lambda a, q: whole(a, q, a.buffer(q, 9), 0), SURVIVED)
row("an empty buffer nowhere", lambda a, q: whole(a, q, 0x1000, 0), SURVIVED)
row("fifty empty buffers in turn", lambda a, q: [whole(a, q, a.buffer(q, 9), 0) for _ in range(50)], SURVIVED)
for length in (1, 9, 10, 11, 12, 13):
    row(f"a buffer of {length} bytes", lambda a, q, n=length: whole(a, q, a.buffer(q, 9), n), SURVIVED)
row("half a header of a frame", lambda a, q: whole(a, q, a.buffer(q, 9), 6), DROPPED, rings="t")
row("a header and no frame", lambda a, q: whole(a, q, a.buffer(q, 9), HEADER), DROPPED, rings="t")
for length in (1, 6, 13):
    row(f"a frame of {length} bytes", lambda a, q, n=length: whole(a, q, a.buffer(q, 9), HEADER + n),
        DROPPED, rings="t")
for length in (9239, 9300, 16384, 65535, 65536, 131072, 1 << 20):
    row(f"a frame of {length} bytes", lambda a, q, n=length: whole(a, q, BASE + 0x8000, HEADER + n),
        DROPPED, rings="t", mib=4)
row("a frame of 64 KiB in pieces", lambda a, q: a.offer(
    q, *[(a.buffer(q, i), 2048, 0) for i in range(33)]), DROPPED, rings="t")
row("room for a header only", lambda a, q: whole(a, q, a.buffer(q, 9), HEADER), SURVIVED, rings="r")
row("too little room and no mergeable buffers", lambda a, q: whole(a, q, a.buffer(q, 9), 40), SURVIVED,
    rings="r", mergeable=False)
row("a thousandth of a frame in each buffer", lambda a, q: [
    whole(a, q, a.buffer(q, 9), 13) for _ in range(200)], SURVIVED, rings="r")

# ---- chains ----

row("a header in bytes", lambda a, q: in_bytes(a, q), PASSES)
row("a header and a frame", lambda a, q: header_apart(a, q), PASSES)
row("an empty descriptor first", lambda a, q: a.offer(q, (a.buffer(q, 9), 0, way(q)), part(a, q)), SURVIVED)
row("an empty descriptor last", lambda a, q: a.offer(q, part(a, q), (a.buffer(q, 9), 0, way(q))), SURVIVED)
row("a hundred empty ones, then a frame", lambda a, q: a.offer(
    q, *[(a.buffer(q, 9), 0, way(q))] * 100, part(a, q)), SURVIVED)
row("all descriptors of the ring, empty", lambda a, q: a.offer(
    q, *[(a.buffer(q, 9), 0, way(q))] * a.size), SURVIVED)
row("257 descriptors", lambda a, q: a.offer(q, *[(a.buffer(q, 9), 1, way(q))] * 257), SURVIVED, size=1024)
row("1024 descriptors", lambda a, q: a.offer(q, *[(a.buffer(q, 9), 0, way(q))] * 1024), FAULT, size=1024)
row("32768 descriptors", lambda a, q: a.offer(q, *[(a.buffer(q, 9), 0, way(q))] * 32768), FAULT,
    size=32768)
row("a ring full of chains of 255 empty descriptors", lambda a, q: [
    a.offer(q, *[(a.buffer(q, 9), 0, way(q))] * 255) for _ in range(a.size // 255)], SURVIVED, size=32768)
row("a buffer that may not be used this way", lambda a, q: a.offer(
    q, (a.buffer(q, 9), 1600, WRITE - way(q))), FAULT)
row("the second may not be used this way", lambda a, q: a.offer(
    q, (a.buffer(q, 9), 30, way(q)), (a.buffer(q, 10), 1600, WRITE - way(q))), SURVIVED)
row("the last may not be used this way", lambda a, q: a.offer(
    q, part(a, q), (a.buffer(q, 10), 1600, WRITE - way(q))), SURVIVED)
row("flags that mean nothing", lambda a, q: a.offer(
    q, part(a, q), flags=0x7f78 if not a.packed else 0x78), SURVIVED)


def in_bytes(a, ring):
    parts = [(a.buffer(ring, 9) + i, 1, way(ring)) for i in range(HEADER)]
    a.fill(a.buffer(ring, 9), HEAD)
    a.offer(ring, *parts, frame_part(a, ring))


def header_apart(a, ring):
    a.fill(a.buffer(ring, 9), HEAD)
    a.offer(ring, (a.buffer(ring, 9), HEADER, way(ring)), frame_part(a, ring))


def frame_part(a, ring):
    """A buffer for a frame without its header."""
    if ring == TX:
        a.fill(a.buffer(ring, 10), a.frame)
    return a.buffer(ring, 10), len(a.frame) if ring == TX else 1600, way(ring)


# ---- split: indices, heads, chains ----

for name, ahead in (("one too far", 1), ("twice the ring", 256), ("32768", 32512), ("65535", -258)):
    row(f"available index {name}",
        lambda a, q, n=ahead: a.set_avail_idx(q, a.avail_idx[q] + a.size + n), FAULT, kinds="s")
row("available index goes back", lambda a, q: a.set_avail_idx(q, a.avail_idx[q] - 1), FAULT, kinds="s")
row("available index stays", lambda a, q: a.set_avail_idx(q, a.avail_idx[q]), LEFT, kinds="s")
for name, head in (("the size", 256), ("the size and one", 257), ("32768", 32768), ("65535", 65535)):
    row(f"an available entry of {name}", lambda a, q, h=head: a.avail(q, h), FAULT, kinds="s")
row("an entry of nonsense among good ones", lambda a, q: (
    a.offer(q, part(a, q)), a.avail(q, 9999), a.offer(q, part(a, q, 1))), FAULT, kinds="s")
row("the same head twice", lambda a, q: (a.offer(q, part(a, q)), a.avail(q, (a.slot[q] - 1) % a.size)),
    SURVIVED, kinds="s")
row("all entries name one head", lambda a, q: (a.desc(q, 0, *part(a, q)), [
    a.avail(q, 0) for _ in range(a.size)]), SURVIVED, kinds="s")
LOOPS = {
    "a descriptor that follows itself": lambda a: {0: 0}, "two that follow each other": lambda a: {0: 1, 1: 0},
    "a ring of all descriptors": lambda a: {i: (i + 1) % a.size for i in range(a.size)},
    "a tail that bites itself": lambda a: {**{i: i + 1 for i in range(9)}, 9: 5},
}
for name, follows in LOOPS.items():
    # A frame to the guest may find its room within a few laps.
    row(name, lambda a, q, f=follows: chain(a, q, f(a)), SURVIVED, kinds="s", rings="r")
    row(f"{name}, empty", lambda a, q, f=follows: chain(a, q, f(a), length=0), FAULT, kinds="s")
    row(name, lambda a, q, f=follows: chain(a, q, f(a)), FAULT, kinds="s", rings="t")
for following in (256, 257, 32768, 65535):
    row(f"the descriptor after it is {following}", lambda a, q, n=following: chain(a, q, {0: n}), FAULT,
        kinds="s")


def chain(a, ring, follows, length=1):
    """Descriptors of 1 byte that follow each other as told; made available from 0 on."""
    for i, following in follows.items():
        a.desc(ring, i, a.buffer(ring, 9), length, way(ring) | NEXT, following)
    a.avail(ring, 0)


row("its used index overwritten", lambda a, q: (
    a.write(q, "used", 2, "=H", 0x5555), a.offer(q, part(a, q))), PASSES, kinds="s")
row("its used entries overwritten", lambda a, q: (
    a.write(q, "used", 4, "=256I", *[0xffffffff] * 256), a.offer(q, part(a, q))), SURVIVED, kinds="s")
row("its used flags overwritten", lambda a, q: (
    a.write(q, "used", 0, "=H", 0xffff), a.offer(q, part(a, q))), PASSES, kinds="s")
row("available flags of nonsense", lambda a, q: (
    a.write(q, "avail", 0, "=H", 0xffff), a.offer(q, part(a, q))), PASSES, kinds="s")
row("a used event of nonsense", lambda a, q: (
    a.write(q, "avail", 4 + 2 * a.size, "=H", 0xbeef), a.offer(q, part(a, q))), PASSES, kinds="s",
    features=EVENT_IDX)
row("an available event overwritten", lambda a, q: (
    a.write(q, "used", 4 + 8 * a.size, "=H", 0xbeef), a.offer(q, part(a, q))), PASSES, kinds="s",
    features=EVENT_IDX)
row("a ring of 1", lambda a, q: a.offer(q, part(a, q)), PASSES, kinds="sp", size=1)
row("a ring of 1 with a descriptor that follows", lambda a, q: a.offer(q, part(a, q), flags=NEXT), SURVIVED,
    size=1)
row("a ring of 2", lambda a, q: a.offer(q, part(a, q)), PASSES, size=2)
row("a ring of 32768", lambda a, q: a.offer(q, part(a, q)), PASSES, size=32768)
row("a ring of 32768, index one too far",
    lambda a, q: a.set_avail_idx(q, a.avail_idx[q] + a.size + 1), FAULT, kinds="s", size=32768)
row("a ring that begins elsewhere", lambda a, q: begin_at(a, q, 12345), SURVIVED, kinds="s")
row("a ring that begins before its end", lambda a, q: begin_at(a, q, 65535), SURVIVED, kinds="s")


def begin_at(a, ring, base):
    a.state(vhost.GET_VRING_BASE, ring, 0, reply=True)
    a.ring_start(ring, base)
    a.enable(ring)
    a.offer(ring, part(a, ring))


# ---- packed: flags, ids, wrap counters ----

def slot(a, ring, flags, length=1600, number=0, at=None):
    """One descriptor in the next place, with these flags and no others."""
    address = part(a, ring, length=length)[0] if at is None else at
    a.packed_desc(ring, a.slot[ring], address, length, number, way(ring) | flags)


row("flags of the lap before", lambda a, q: slot(a, q, USED if a.wrap[q] else AVAIL), LEFT, kinds="p")
row("both flags, as if used", lambda a, q: slot(a, q, AVAIL | USED), LEFT, kinds="p")
row("no flags at all", lambda a, q: slot(a, q, 0), LEFT, kinds="p")
row("every flag there is", lambda a, q: slot(a, q, 0xffff & ~USED), FAULT, kinds="p")
row("the descriptor after the next one", lambda a, q: (a.advance(q), slot(a, q, a.available(q))), LEFT,
    kinds="p")
for number in (255, 256, 0x8000, 0xffff):
    row(f"a buffer id of {number}", lambda a, q, n=number: a.offer(q, part(a, q), head=n), SURVIVED, kinds="p")
row("one buffer id for all", lambda a, q: [a.offer(q, part(a, q, i), head=5) for i in range(64)], SURVIVED,
    kinds="p")
row("a chain that ends nowhere", lambda a, q: a.offer(
    q, *[(a.buffer(q, 9), 1, way(q))] * a.size, flags=NEXT), FAULT, kinds="p")
row("a chain that is not all there", lambda a, q: slot(a, q, NEXT | a.available(q), 20), SURVIVED, kinds="p")
row("a chain whose rest is of the lap before", lambda a, q: (
    a.packed_desc(q, a.slot[q] + 1, a.buffer(q, 9), 100, 0, way(q)),
    slot(a, q, NEXT | a.available(q), 20)), SURVIVED, kinds="p")
row("a chain around the end", lambda a, q: around(a, q), PASSES, kinds="p")
row("the whole ring at once", lambda a, q: [a.offer(q, part(a, q, i)) for i in range(a.size)], SURVIVED,
    kinds="p")
row("the whole ring of one chain", lambda a, q: a.offer(
    q, *[(a.buffer(q, 9), 6, way(q))] * a.size), SURVIVED, kinds="p")
for flags in (1, 2, 3, 0xffff):
    row(f"event flags {flags:#x} of the driver", lambda a, q, f=flags: (
        a.write(q, "avail", 0, "=HH", 0xffff, f), a.offer(q, part(a, q))), PASSES, kinds="p")
    row(f"event flags {flags:#x} of the driver, event index", lambda a, q, f=flags: (
        a.write(q, "avail", 0, "=HH", 0x7123, f), a.offer(q, part(a, q))), PASSES, kinds="p",
        features=EVENT_IDX)
row("the device's area overwritten", lambda a, q: (
    a.write(q, "used", 0, "=HH", 0xffff, 0xffff), a.offer(q, part(a, q))), PASSES, kinds="p")
for size in (3, 7, 100, 255):
    row(f"a packed ring of {size}", lambda a, q: laps(a, q), PASSES, kinds="p", size=size)
row("what was used is made available again at once", lambda a, q: [
    a.packed_desc(q, i, a.buffer(q, i), 1600, i, way(q) | AVAIL) for i in range(a.size)], SURVIVED, kinds="p")
row("written over while it waits", lambda a, q: (
    a.offer(q, part(a, q)), slot(a, q, a.available(q)),
    a.write(q, "desc", 0, "=QI", 0x1000, 0xffffffff)), SURVIVED, kinds="p")


def around(a, ring):
    """The last place and the first one are one chain."""
    while a.slot[ring] != a.size - 1:
        count = min(8, a.size - 1 - a.slot[ring])
        for i in range(count):
            a.offer(ring, part(a, ring, i))
        if ring == RX:
            a.poke(count)
        wait_for(lambda: a.is_drained(ring), what="the ring walked through")
    header_apart(a, ring)


def laps(a, ring):
    """Three times around, with a frame in each place."""
    for _ in range(3 * a.size):
        a.offer(ring, part(a, ring))
        if ring == RX:
            a.poke(1)
        wait_for(lambda: a.is_drained(ring), what="a frame moved")
    a.offer(ring, part(a, ring))


# ---- indirect tables ----

def indirect(name, table, expect, **options):
    """table(attacker, ring) is the one descriptor that is made available."""
    row(f"a table {name}", lambda a, q: a.offer(q, table(a, q)), expect, features=INDIRECT_DESC, **options)


indirect("with a frame", lambda a, q: a.indirect_table([part(a, q)]), PASSES)
indirect("with a header and a frame", lambda a, q: a.indirect_table(
    [(a.buffer(q, 9), HEADER, way(q)), frame_part(a, q)]), SURVIVED)
indirect("nowhere", lambda a, q: (0x1000, 16, INDIRECT), FAULT)
indirect("behind the memory", lambda a, q: (a.end(), 16, INDIRECT), FAULT)
indirect("half behind it", lambda a, q: (a.end() - 16, 32, INDIRECT), FAULT)
indirect("that wraps", lambda a, q: (TOP - 16, 32, INDIRECT), FAULT)
indirect("of no entries", lambda a, q: (a.buffer(q, 9), 0, INDIRECT), FAULT)
for length in (1, 15):
    indirect(f"of {length} bytes", lambda a, q, n=length: (a.buffer(q, 9), n, INDIRECT), FAULT)
for length in (17, 31, 33):
    indirect(f"of {length} bytes", lambda a, q, n=length: (
        a.indirect_table([part(a, q), part(a, q, 1)])[0], n, INDIRECT), SURVIVED)
indirect("at an odd address", lambda a, q: a.indirect_table([part(a, q)], at=a.end() - 65537), PASSES)
indirect("of 4 GiB", lambda a, q: (BASE, 0xffffffff, INDIRECT), FAULT)
indirect("of all the memory", lambda a, q: (BASE, a.mib << 20, INDIRECT), SURVIVED)
indirect("longer than the ring", lambda a, q: a.indirect_table(
    [(a.buffer(q, 9), 1, way(q))] * (a.size + 1)), SURVIVED)
indirect("of 4000 empty entries", lambda a, q: a.indirect_table(
    [(a.buffer(q, 9), 0, way(q))] * 4000), FAULT)
for kind, expect in (("s", FAULT), ("p", SURVIVED)):  # 2.8.7: the flag means nothing there
    indirect("in a table", lambda a, q: a.indirect_table(
        [a.indirect_table([part(a, q)])], at=a.end() - 4096), expect, kinds=kind)
    indirect("that is the ring itself", lambda a, q: (a.at(q, "desc"), 16 * a.size, INDIRECT), expect,
             kinds=kind)
indirect("over two regions", lambda a, q: a.indirect_table(
    [part(a, q)] * 8, at=BASE + (a.mib << 19) - 40), SURVIVED, regions=2)
indirect("with a buffer nowhere", lambda a, q: a.indirect_table([(0x1000, 1600, way(q))]), FAULT)
indirect("with a buffer for the other way", lambda a, q: a.indirect_table(
    [(a.buffer(q, 9), 1600, WRITE - way(q))]), FAULT)
indirect("that may be written", lambda a, q: (*a.indirect_table([part(a, q)])[:2], INDIRECT | WRITE), SURVIVED)
row("a table, and a descriptor after it", lambda a, q: a.offer(
    q, a.indirect_table([part(a, q)]), part(a, q, 1)), FAULT, features=INDIRECT_DESC)
row("a table after a descriptor", lambda a, q: a.offer(
    q, (a.buffer(q, 9), HEADER, way(q)), a.indirect_table([frame_part(a, q)])), SURVIVED,
    features=INDIRECT_DESC)
row("a table that nobody agreed on", lambda a, q: a.offer(q, a.indirect_table([part(a, q)])), SURVIVED,
    without=INDIRECT_DESC)
for name, follows in (("follows itself", 0), ("is followed by one that is not there", 7),
                      ("is followed by the last of all", 65535)):
    indirect(f"whose entry {name}", lambda a, q, f=follows: table_entry(a, q, NEXT, f),
             FAULT if follows else SURVIVED, kinds="s")


def table_entry(a, ring, flags, following):
    at = a.end() - 65536
    a.fill(at, struct.pack("=QIHH", a.buffer(ring, 9), 1, way(ring) | flags, following))
    return at, 16, INDIRECT


# ---- frames and headers ----

def header(name, data):
    row(f"a header with {name}", lambda a, q: a.send(a.frame, data), SURVIVED, rings="t")


header("all flags", b"\xff" * HEADER)
header("a checksum beyond the frame", struct.pack("=BBHHHHH", 1, 0, 0, 0, 0xffff, 0xffff, 0))
header("a checksum that wraps", struct.pack("=BBHHHHH", 1, 0, 0, 0, 65530, 16, 0))
header("segments of 0 bytes", struct.pack("=BBHHHHH", 1, 1, 54, 0, 34, 16, 0))
header("segments of an unknown kind", struct.pack("=BBHHHHH", 1, 0x7e, 54, 1448, 34, 16, 0))
header("headers longer than the frame", struct.pack("=BBHHHHH", 1, 1, 0xffff, 1, 34, 16, 0))
header("65535 buffers", struct.pack("=BBHHHHH", 0, 0, 0, 0, 0, 0, 0xffff))


def sends(name, make, expect=DROPPED):
    row(f"a frame {name}", lambda a, q: a.send(make(a)), expect, rings="t")


sends("from a group address", lambda a: mac_bytes(VM1) + b"\x01" + a.frame[7:])
sends("from address 0", lambda a: mac_bytes(VM1) + bytes(6) + a.frame[12:])
sends("to a reserved address", lambda a: mac_bytes("01:80:c2:00:00:0e") + a.frame[6:])
sends("of a slow protocol", lambda a: a.frame[:12] + b"\x88\x09" + a.frame[14:])
sends("of a slow protocol behind a tag", lambda a: a.frame[:12] + b"\x81\x00\x00\x05\x88\x09" + a.frame[14:])
sends("that ends within its tag", lambda a: a.frame[:12] + b"\x81\x00", SURVIVED)
sends("to everybody", lambda a: b"\xff" * 6 + a.frame[6:], SURVIVED)


# ---- while it runs ----

def scribble(area, length):
    """Somebody writes anything into an area of the ring while frames come and go."""
    def act(a, ring):
        stop = threading.Event()
        at = a.offset(ring, area)

        def write():
            while not stop.is_set():
                a.memory[at:at + length] = os.urandom(length)
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(12):
            a.poke(4)
            for _ in range(4):
                a.offer(ring, part(a, ring))
        stop.set()
        writer.join()
    return act


for area, length in (("desc", 4096), ("avail", 516), ("used", 2052)):
    row(f"anything, all the time, in its {area}", scribble(area, length), SURVIVED)


# ---- how a row is run ----

def try_it(field, a, ring, act, expect):
    known = len(field.faults())
    if ring == TX:
        a.post(16)
    else:
        a.send(a.frame)  # so that it is known where it is
        wait_for(lambda: a.is_drained(TX), what="its frame taken")
    field.listen(256)
    act(a, ring)
    before = a.rings_bytes(ring)
    if ring == RX:
        a.poke(4)
    if expect == FAULT:
        wait_for(lambda: field.fault_of("raw", ring), what="the fault of the ring")
        assert field.fault_of("raw", 1 - ring) is None
    elif expect == PASSES:
        if ring == TX:
            wait_for(lambda: a.frame in [f[:len(a.frame)] for f in field.heard("raw")], what="the frame")
        else:
            wait_for(lambda: a.used(RX), what="a frame for the guest")
        assert len(field.faults()) == known, field.faults()
    elif expect == DROPPED:
        wait_for(lambda: a.is_drained(TX), what="what it sent taken")
        last = field.frame(4712, MACS["raw"], VM1, 99)  # does not overtake what was sent before it
        a.send(last)
        wait_for(lambda: last in field.heard("raw"), what="the frame after it")
        assert field.rig.vm(1).captured() == [last]
        assert len(field.faults()) == known, field.faults()
        field.works(a, "raw")
    elif expect == LEFT:
        field.check_friends()
        assert len(field.faults()) == known, field.faults()
        assert a.rings_bytes(ring) == before


def run(field, case):
    act, expect, packed, ring, options = case
    with contextlib.closing(Attacker(field.path("raw"), packed=packed, **options)) as a:
        a.frame = field.frame(4711, MACS["raw"], VM1, 200)
        a.poke = lambda count: field.poke("raw", count)
        a.start()
        try_it(field, a, ring, act, expect)
        field.check_friends()
        if not a.is_ended():
            a.set_up_again()
            if a.size > 8:
                field.works(a, "raw")


@pytest.mark.parametrize("case", ROWS)
def test_ring(field, case):
    with field.attack("raw"):
        run(field, case)
