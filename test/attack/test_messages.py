# SPDX-License-Identifier: BSD-3-Clause
"""
Messages that no front end should send, or not there, or not like this.

Each row is sent twice: over the port that listens, asking for an answer, and over the port that
connects, not asking.  What is refused must have had no effect: where the connection goes on, the same
device comes up afterwards and works.
"""

import contextlib
import os

import pytest

import things
from attacker import (AGREED, BASE, CONNECTED, FD_NONE, INBAND, MAPPED, PACKED, PAGE, RX, TX, UP,
                      Attacker, Stuck, addr, inflight, log, one_region, region, state, table, u64)
from field import QUEUES
from vhost_frontend import EVENT_IDX, LOG_ALL, VERSION_1

MIB = 1 << 20
GIB = 1 << 30
TOP = 1 << 64
RINGS = 17  # that a front end may speak of: 8 pairs and a control queue

# What may come of it.
REFUSED = "refused"  # an answer that says no, or the end of the connection; no effect
ENDED = "ended"  # nothing else is possible: the two ends have lost each other
ACCEPTED = "accepted"  # as the specification wants it, however odd
WORKS = "works"  # and the device works with it
ANY = "any"  # whatever; set up again on the same connection, if it is still there, the device works
SURVIVED = "survived"  # whatever; nobody else notices

ROWS = []


def row(name, stage, act, expect=REFUSED, **options):
    """act(attacker) does it and returns the outcome of its last message."""
    ROWS.append(pytest.param((stage, act, expect, options), id=name))


# ---- the header ----

row("version 0", UP, lambda a: a.hit("SET_VRING_ENABLE", state(TX, 1), flags=0x8), ENDED)
row("version 2", UP, lambda a: a.hit("SET_VRING_ENABLE", state(TX, 1), flags=0xa), ENDED)
row("version 3", UP, lambda a: a.hit("SET_VRING_ENABLE", state(TX, 1), flags=0xb), ENDED)
row("an answer nobody asked for", UP, lambda a: a.hit("SET_VRING_ENABLE", u64(0), flags=0x5), ANY)
row("flags that mean nothing", UP,
    lambda a: a.hit("SET_VRING_ENABLE", state(TX, 1), flags=0xfffffff9), ANY)
row("all flags", UP, lambda a: a.hit("SET_VRING_ENABLE", state(TX, 1), flags=0xffffffff), ENDED)
for size in (513, 4096, 65536, 1 << 31, (1 << 32) - 1, (1 << 32) - 12):
    row(f"a message of {size} bytes", AGREED, lambda a, s=size: a.hit("SET_MEM_TABLE", size=s), ENDED)
    row(f"an unknown message of {size} bytes", CONNECTED, lambda a, s=size: a.hit(999, size=s), ENDED)
row("nothing but zeros", CONNECTED, lambda a: a.raw(bytes(4096)) and None, ENDED)
row("nothing but ones", CONNECTED, lambda a: a.raw(b"\xff" * 4096) and None, ENDED)
row("text", CONNECTED, lambda a: a.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 9) and None, ENDED)
row("a descriptor with nonsense", CONNECTED, lambda a: a.raw(b"\xff" * 12, [things.eventfd(a)]) and None,
    ENDED)

# ---- requests that do not exist or are not offered ----

for number in (0, 44, 45, 77, 255, 256, 0x10001, 1 << 31, (1 << 32) - 1):
    row(f"request {number}", UP, lambda a, n=number: a.hit(n))
    row(f"request {number} with 8 bytes and a descriptor", AGREED,
        lambda a, n=number: a.hit(n, u64(0), [things.eventfd(a)]))
UNSUPPORTED = {
    "IOTLB_MSG": bytes(32), "SET_VRING_ENDIAN": state(0, 1), "GET_CONFIG": bytes(12 + 8),
    "SET_CONFIG": bytes(12 + 8), "CREATE_CRYPTO_SESSION": bytes(256), "CLOSE_CRYPTO_SESSION": u64(1),
    "POSTCOPY_ADVISE": b"", "POSTCOPY_LISTEN": b"", "POSTCOPY_END": b"", "GPU_SET_SOCKET": b"",
    "VRING_KICK": state(0, 0), "GET_SHARED_OBJECT": bytes(16), "SET_DEVICE_STATE_FD": bytes(8),
    "CHECK_DEVICE_STATE": b"",
}
for name, payload in UNSUPPORTED.items():
    row(f"{name}, not offered", UP, lambda a, n=name, p=payload: a.hit(n, p))
    row(f"{name} with a socket", UP, lambda a, n=name, p=payload: a.hit(n, p, [things.unix_socket(a)]))

# ---- lengths and descriptors, of every request ----

# A payload that would be right, and how many descriptors come with it.
USUAL = {
    "GET_FEATURES": (b"", 0), "SET_FEATURES": (u64(VERSION_1), 0), "SET_OWNER": (b"", 0),
    "SET_MEM_TABLE": (table(region(BASE, 2 * MIB)), 1), "SET_LOG_BASE": (log(MIB), 1),
    "SET_VRING_NUM": (state(0, 256), 0), "SET_VRING_ADDR": (bytes(40), 0),
    "SET_VRING_BASE": (state(0, 0), 0), "GET_VRING_BASE": (state(0, 0), 0),
    "SET_VRING_KICK": (u64(0), 1), "SET_VRING_CALL": (u64(0), 1), "SET_VRING_ERR": (u64(0), 1),
    "GET_PROTOCOL_FEATURES": (b"", 0), "SET_PROTOCOL_FEATURES": (u64(0x8), 0),
    "GET_QUEUE_NUM": (b"", 0), "SET_VRING_ENABLE": (state(0, 1), 0), "SEND_RARP": (u64(0x5452), 0),
    "NET_SET_MTU": (u64(1500), 0), "GET_INFLIGHT_FD": (inflight(0), 0),
    "SET_INFLIGHT_FD": (inflight(1 << 16), 1), "GET_MAX_MEM_SLOTS": (b"", 0),
    "ADD_MEM_REG": (one_region(4 * GIB, 2 * MIB), 1), "SET_STATUS": (u64(1), 0), "GET_STATUS": (b"", 0),
}
for name, (payload, n_fds) in USUAL.items():
    def fds(a, n):
        return [things.memory(a) for _ in range(n)]
    if payload:
        row(f"{name} without a payload", AGREED,
            lambda a, n=name, f=n_fds: a.hit(n, b"", fds(a, f)))
        row(f"{name}, a byte short", AGREED,
            lambda a, n=name, p=payload, f=n_fds: a.hit(n, p[:7 if len(p) > 8 else -1], fds(a, f)))
    row(f"{name}, 500 bytes", AGREED,
        lambda a, n=name, p=payload, f=n_fds: a.hit(n, p.ljust(500, b"\0"), fds(a, f)))
    if n_fds == 0:
        row(f"{name} with a descriptor", AGREED,
            lambda a, n=name, p=payload: a.hit(n, p, [things.eventfd(a)]))
    row(f"{name} with 8 descriptors", AGREED, lambda a, n=name, p=payload: a.hit(n, p, fds(a, 8)))
for n_fds in (9, 32, 253):
    row(f"{n_fds} descriptors with one message", AGREED,
        lambda a, n=n_fds: a.hit("SET_VRING_KICK", u64(0), [things.eventfd(a)] * n))
    row(f"{n_fds} descriptors with half of one", CONNECTED,
        lambda a, n=n_fds: a.raw(b"\1", [things.eventfd(a)] * n) and a.raw(bytes(64)) and None, ENDED)
row("a descriptor with each byte of a message", MAPPED,
    lambda a: [a.raw(bytes([b]), [things.eventfd(a)])
               for b in a.message("SET_VRING_KICK", u64(0))] and None, ENDED)
row("the descriptor comes with the payload", MAPPED,
    lambda a: a.raw(a.message("SET_VRING_KICK", size=8)) and a.raw(u64(0), [things.eventfd(a)]) and None,
    ANY)

# ---- features ----

row("all features", AGREED, lambda a: a.hit("SET_FEATURES", u64(-1)))
for bit in (24, 25, 33, 37, 38, 40, 49, 63):
    row(f"feature {bit}, not offered", AGREED,
        lambda a, b=bit: a.hit("SET_FEATURES", u64(a.features | 1 << b)))
row("no features at all", CONNECTED, lambda a: a.hit("SET_FEATURES", u64(0)), ACCEPTED)
row("features while it runs, the same", UP, lambda a: a.hit("SET_FEATURES", u64(a.features)), WORKS)
row("features while it runs: packed", UP, lambda a: a.hit("SET_FEATURES", u64(a.features | PACKED)), ANY)
row("features while it runs: split", UP, lambda a: a.hit("SET_FEATURES", u64(a.features & ~PACKED)), ANY,
    packed=True)
row("features while it runs: no mergeable buffers", UP,
    lambda a: a.hit("SET_FEATURES", u64(a.features & ~(1 << 15))), ANY)
row("features while it runs: event index", UP,
    lambda a: a.hit("SET_FEATURES", u64(a.features | EVENT_IDX)), ANY)
row("features while it runs: none", UP, lambda a: a.hit("SET_FEATURES", u64(0)), ANY)
row("features two hundred times", UP,
    lambda a: [a.hit("SET_FEATURES", u64(a.features)) for _ in range(200)][-1], WORKS)
row("logging without a log", UP, lambda a: a.hit("SET_FEATURES", u64(a.features | LOG_ALL)), WORKS)
row("all protocol features", CONNECTED, lambda a: a.hit("SET_PROTOCOL_FEATURES", u64(-1)))
for bit in (6, 7, 8, 9, 11, 17, 20, 31, 63):
    row(f"protocol feature {bit}, not offered", CONNECTED,
        lambda a, b=bit: a.hit("SET_PROTOCOL_FEATURES", u64(8 | 1 << b)))
row("notifications in band without a channel", AGREED,
    lambda a: a.hit("SET_PROTOCOL_FEATURES", u64(a.protocol | INBAND)))
row("no protocol features while it runs", UP, lambda a: a.hit("SET_PROTOCOL_FEATURES", u64(0)), ANY)
row("owner twice", AGREED, lambda a: a.hit("SET_OWNER"), ANY)
row("owner while it runs", UP, lambda a: a.hit("SET_OWNER"), ANY)
row("owner given up while it runs", UP, lambda a: a.hit("RESET_OWNER"), ANY)
row("reset while it runs", UP, lambda a: a.hit("RESET_DEVICE"), ANY)
row("reset before anything", CONNECTED, lambda a: a.hit("RESET_DEVICE"), ANY)
row("reset, and frames into what was reset", UP,
    lambda a: (a.hit("RESET_DEVICE"), a.post(), a.hit("GET_QUEUE_NUM"))[-1], ANY)

# ---- memory ----

row("no regions", AGREED, lambda a: a.hit("SET_MEM_TABLE", table()), ANY)
row("9 regions", AGREED, lambda a: a.hit(
    "SET_MEM_TABLE", table(*[region(i * GIB, 2 * MIB) for i in range(9)]), [things.memory(a)] * 8))
row("2^32 - 1 regions", AGREED, lambda a: a.hit(
    "SET_MEM_TABLE", table(region(0, 2 * MIB), count=(1 << 32) - 1), [things.memory(a)]))
row("8 regions, one described", AGREED, lambda a: a.hit(
    "SET_MEM_TABLE", table(region(0, 2 * MIB), count=8), [things.memory(a)] * 8))
row("one region, two described", AGREED, lambda a: a.hit(  # User Mode Linux sends room for 8
    "SET_MEM_TABLE", table(region(0, 2 * MIB), region(GIB, 2 * MIB), count=1), [things.memory(a)]), ANY)
row("a region without a file", AGREED, lambda a: a.hit("SET_MEM_TABLE", table(region(0, 2 * MIB))))
row("a region with two files", AGREED, lambda a: a.hit(
    "SET_MEM_TABLE", table(region(0, 2 * MIB)), [things.memory(a), things.memory(a)]))
row("two regions with one file", AGREED, lambda a: a.hit(
    "SET_MEM_TABLE", table(region(0, 2 * MIB), region(GIB, 2 * MIB)), [things.memory(a)]))


def regions(name, *which, stage=AGREED, expect=REFUSED):
    row(name, stage, lambda a: a.hit("SET_MEM_TABLE", table(*which), [things.memory(a) for _ in which]),
        expect)


regions("an empty region", region(BASE, 0))
regions("a region of a byte", region(BASE, 1))
regions("a region of 2^62 bytes", region(BASE, 1 << 62))
regions("a region of 2^64 - 1 bytes", region(0, TOP - 1))
regions("a region of 2^63 bytes", region(0, 1 << 63))
regions("a region of no whole pages", region(BASE, PAGE + 100))
regions("a guest address within a page", region(BASE + 100, PAGE))
regions("an address of the front end within a page", region(BASE, PAGE, BASE + 100))
regions("an offset within a page", region(BASE, PAGE, offset=100))
regions("an offset behind the file", region(BASE, PAGE, offset=4 * MIB))
regions("an offset that leaves too little", region(BASE, 2 * MIB, offset=PAGE))
regions("an offset that wraps", region(BASE, 2 * PAGE, offset=TOP - PAGE))
regions("an offset of 2^63", region(BASE, PAGE, offset=1 << 63))
regions("a guest address that wraps", region(TOP - PAGE, 2 * PAGE, BASE))
regions("an address of the front end that wraps", region(BASE, 2 * PAGE, TOP - PAGE))
regions("the last page of all", region(TOP - PAGE, PAGE, TOP - PAGE), expect=ANY)
regions("regions that overlap by a page", region(BASE, 2 * MIB, 0), region(BASE + 2 * MIB - PAGE, 2 * MIB, GIB))
regions("regions of one guest address", region(BASE, 2 * MIB, 0), region(BASE, 2 * MIB, GIB))
regions("a region within another", region(BASE, 2 * MIB, 0), region(BASE + PAGE, PAGE, GIB))
regions("regions that overlap in the front end", region(0, 2 * MIB, BASE), region(GIB, 2 * MIB, BASE + PAGE))
regions("the same region twice", region(BASE, 2 * MIB), region(BASE, 2 * MIB))
regions("another memory under running rings", region(8 * GIB, 2 * MIB), stage=UP, expect=ANY)
regions("the rings' half alone", region(BASE, PAGE), stage=UP, expect=ANY)
regions("the eighth is wrong", *[region(i * GIB, 2 * MIB) for i in range(7)], region(8 * GIB, 1 << 40))
regions("a wrong one under running rings", region(BASE, 1 << 62), stage=UP)
row("memory mapped anew a hundred times", UP,
    lambda a: [a.mem_table() for _ in range(100)] and a.hit("GET_QUEUE_NUM"), WORKS)
row("memory refused three hundred times", UP, lambda a: refused_often(
    a, 300, "SET_MEM_TABLE", table(region(BASE, 1 << 62)), [a.memfd]), ANY)
row("memory without end: a table of one file after another", AGREED, lambda a: [
    a.hit("SET_MEM_TABLE", table(region(i * GIB, 2 * MIB)), [things.memory(a)])
    for i in range(60)][-1], ACCEPTED)


# Files of which the whole is there to be mapped, and takes no memory.
ENDLESS = 100 << 40
row("a region of 100 TiB in a file that long", AGREED,
    lambda a: a.hit("SET_MEM_TABLE", table(region(BASE, ENDLESS)), [things.memory(a, ENDLESS)]))
row("regions of 4 TiB until there are no more", AGREED, lambda a: [
    a.hit("ADD_MEM_REG", one_region(i * 4 << 40, 4 << 40), [things.memory(a, 4 << 40)]) for i in range(1, 9)][-1], ANY)
row("a log of 100 TiB", AGREED, lambda a: a.hit("SET_LOG_BASE", log(ENDLESS), [things.memory(a, ENDLESS)]))
row("an inflight area of 100 TiB", AGREED,
    lambda a: a.hit("SET_INFLIGHT_FD", inflight(ENDLESS), [things.memory(a, ENDLESS)]))


def refused_often(a, count, request, payload, fds):
    """As fast as it goes; the other end may hang up."""
    outcome = None
    for _ in range(count):
        outcome = a.hit(request, payload, fds)
        if outcome.word == "ended":
            break
    return outcome


row("ADD_MEM_REG of zeros", AGREED, lambda a: a.hit("ADD_MEM_REG", bytes(40)))
row("REM_MEM_REG of zeros", AGREED, lambda a: a.hit("REM_MEM_REG", bytes(40)))
row("REM_MEM_REG of zeros after a table that was refused", AGREED, lambda a: (
    a.hit("SET_MEM_TABLE", table(region(BASE, 1 << 62)), [things.memory(a)]),
    a.hit("REM_MEM_REG", bytes(40)))[-1])
row("ADD_MEM_REG of zeros while it runs", UP, lambda a: a.hit("ADD_MEM_REG", bytes(40)))
row("ADD_MEM_REG without a file", MAPPED, lambda a: a.hit("ADD_MEM_REG", one_region(8 * GIB, 2 * MIB)))
row("ADD_MEM_REG with two files", MAPPED, lambda a: a.hit(
    "ADD_MEM_REG", one_region(8 * GIB, 2 * MIB), [things.memory(a)] * 2))
row("ADD_MEM_REG over what is there", MAPPED, lambda a: a.hit(
    "ADD_MEM_REG", one_region(BASE, MIB), [things.memory(a)]))
row("ADD_MEM_REG of what is there, with another file", UP, lambda a: a.hit(
    "ADD_MEM_REG", one_region(BASE, 2 * MIB), [things.memory(a)]), ANY)
row("ADD_MEM_REG over the last page", UP, lambda a: a.hit(
    "ADD_MEM_REG", one_region(a.end() - PAGE, 2 * MIB, 8 * GIB), [things.memory(a)]))
row("ADD_MEM_REG of 2^62 bytes", UP, lambda a: a.hit(
    "ADD_MEM_REG", one_region(8 * GIB, 1 << 62), [things.memory(a)]))
row("ADD_MEM_REG of no bytes", UP, lambda a: a.hit("ADD_MEM_REG", one_region(8 * GIB, 0), [things.memory(a)]))
row("ADD_MEM_REG that wraps", UP, lambda a: a.hit(
    "ADD_MEM_REG", one_region(TOP - PAGE, 2 * PAGE, BASE), [things.memory(a)]))
row("ADD_MEM_REG without end", UP, lambda a: [a.hit(
    "ADD_MEM_REG", one_region((8 + i) * GIB, 2 * MIB), [things.memory(a)]) for i in range(600)][-1])
row("REM_MEM_REG of what is not there", UP, lambda a: a.hit("REM_MEM_REG", one_region(8 * GIB, 2 * MIB)))
row("REM_MEM_REG of a wrong size", UP, lambda a: a.hit("REM_MEM_REG", one_region(BASE, MIB)))
row("REM_MEM_REG of a wrong front end's address", UP,
    lambda a: a.hit("REM_MEM_REG", one_region(BASE, 2 * MIB, 9 * GIB)))
row("REM_MEM_REG under running rings", UP, lambda a: a.hit("REM_MEM_REG", one_region(BASE, 2 * MIB)), ANY)
row("REM_MEM_REG with two descriptors", UP, lambda a: a.hit(
    "REM_MEM_REG", one_region(BASE, 2 * MIB), [things.memory(a)] * 2))
row("slots added and taken away", UP, lambda a: [(
    a.hit("ADD_MEM_REG", one_region(8 * GIB, 2 * MIB), [things.memory(a)]),
    a.hit("REM_MEM_REG", one_region(8 * GIB, 2 * MIB), [things.memory(a)]))[-1] for _ in range(40)][-1],
    WORKS)

# ---- the log ----

row("a log without a file", UP, lambda a: a.hit("SET_LOG_BASE", log(MIB)))
row("a log of no bytes", UP, lambda a: a.hit("SET_LOG_BASE", log(0), [things.memory(a)]))
row("a log longer than its file", UP, lambda a: a.hit("SET_LOG_BASE", log(4 * MIB), [things.memory(a)]))
row("a log in an empty file", UP, lambda a: a.hit("SET_LOG_BASE", log(MIB), [things.memory_empty(a)]))
row("a log in an empty file, and logging", UP, lambda a: (
    a.hit("SET_LOG_BASE", log(MIB), [things.memory_empty(a)]),
    a.hit("SET_FEATURES", u64(a.features | LOG_ALL)), a.post(), a.send(bytes(60)))[1], ANY)
row("a log of 2^63 bytes", UP, lambda a: a.hit("SET_LOG_BASE", log(1 << 63), [things.memory(a)]))
row("a log of 2^64 - 1 bytes", UP, lambda a: a.hit("SET_LOG_BASE", log(TOP - 1), [things.memory(a)]))
for offset in (1, PAGE, GIB, 1 << 40, TOP - PAGE, TOP - 1):
    row(f"a log at offset {offset}", UP,
        lambda a, o=offset: a.hit("SET_LOG_BASE", log(MIB, o), [things.memory(a)]))
row("a log with two files", UP, lambda a: a.hit("SET_LOG_BASE", log(MIB), [things.memory(a)] * 2))
row("a log of a byte", UP, lambda a: a.hit("SET_LOG_BASE", log(1), [things.memory(a)]), ANY)
row("a log that is too short for the memory", UP, lambda a: (
    a.hit("SET_LOG_BASE", log(PAGE), [things.memory(a)]),
    a.hit("SET_FEATURES", u64(a.features | LOG_ALL)))[-1], ANY)
row("a log before memory", AGREED, lambda a: a.hit("SET_LOG_BASE", log(MIB), [things.memory(a)]), ANY)
row("fifty logs", UP, lambda a: [a.hit("SET_LOG_BASE", log(MIB), [things.memory(a)])
                                 for _ in range(50)][-1], WORKS)
row("a ring logged at the end of the world", UP, lambda a: (
    a.hit("SET_LOG_BASE", log(MIB), [things.memory(a)]),
    a.hit("SET_FEATURES", u64(a.features | LOG_ALL)),
    a.hit("SET_VRING_ADDR", a.addr(TX, flags=1, log=TOP - 8)))[-1], ANY)
row("a ring logged outside of the log", UP, lambda a: (
    a.hit("SET_LOG_BASE", log(MIB), [things.memory(a)]),
    a.hit("SET_FEATURES", u64(a.features | LOG_ALL)),
    a.hit("SET_VRING_ADDR", a.addr(TX, flags=1, log=1 << 50)), a.send(bytes(60)))[2], ANY)
row("a log descriptor without a descriptor", UP, lambda a: a.hit("SET_LOG_FD"), ANY)
row("a log descriptor", UP, lambda a: a.hit("SET_LOG_FD", fds=[things.eventfd(a)]), ANY)
row("a hundred log descriptors", UP, lambda a: [a.raw(
    a.message("SET_LOG_FD"), [things.eventfd(a)]) for _ in range(100)] and None, ANY)

# ---- rings ----

for ring in (RINGS, 255, 256, 0x10000, (1 << 32) - 1):
    row(f"size of ring {ring}", MAPPED, lambda a, r=ring: a.hit("SET_VRING_NUM", state(r, 256)))
    row(f"address of ring {ring}", MAPPED, lambda a, r=ring: a.hit("SET_VRING_ADDR", addr(
        r, a.at(0, "desc"), a.at(0, "avail"), a.at(0, "used"))))
    row(f"base of ring {ring}", MAPPED, lambda a, r=ring: a.hit("SET_VRING_BASE", state(r, 0)))
    row(f"base of ring {ring} is asked for", UP, lambda a, r=ring: a.hit("GET_VRING_BASE", state(r, 0)))
    row(f"ring {ring} enabled", UP, lambda a, r=ring: a.hit("SET_VRING_ENABLE", state(r, 1)))
for ring in (RINGS, 255):
    for request in ("SET_VRING_KICK", "SET_VRING_CALL", "SET_VRING_ERR"):
        row(f"{request} of ring {ring}", UP,
            lambda a, r=ring, q=request: a.hit(q, u64(r), [things.eventfd(a)]))
        row(f"{request} of ring {ring}, none", UP, lambda a, r=ring, q=request: a.hit(q, u64(r | FD_NONE)))
for size in (0, 3, 255, 257, 32769, 49152, 65536, 65792, 1 << 31, (1 << 32) - 1):
    row(f"a ring of {size}", MAPPED, lambda a, s=size: a.hit("SET_VRING_NUM", state(RX, s)))
    row(f"a ring of {size} while it runs", UP, lambda a, s=size: a.hit("SET_VRING_NUM", state(TX, s)))
for size in (0, 32769, 65536, 1 << 31):
    row(f"a packed ring of {size}", MAPPED, lambda a, s=size: a.hit("SET_VRING_NUM", state(RX, s)),
        packed=True)
row("a ring of 1", MAPPED, lambda a: a.hit("SET_VRING_NUM", state(RX, 1)), ACCEPTED)
row("a ring of 32768", MAPPED, lambda a: a.hit("SET_VRING_NUM", state(RX, 32768)), ACCEPTED)
row("a ring that is longer than its memory", UP,
    lambda a: a.hit("SET_VRING_NUM", state(TX, 32768)), ANY)
row("a ring that becomes longer", UP, lambda a: a.hit("SET_VRING_NUM", state(TX, 512)), ANY)
for base in (65536, 1 << 20, 1 << 31, (1 << 32) - 1):
    row(f"a split ring at {base}", MAPPED, lambda a, b=base: a.hit("SET_VRING_BASE", state(RX, b)))
for base in (0x80000100, 0x01008000, 0x7fff8000, 0x80007fff, 0xffffffff, 0x81008100):
    row(f"a packed ring at {base:#x}", MAPPED, lambda a, b=base: (
        a.hit("SET_VRING_NUM", state(RX, 256)), a.hit("SET_VRING_BASE", state(RX, b)))[-1], packed=True)
row("a base while it runs", UP, lambda a: a.hit("SET_VRING_BASE", state(TX, 77)), ANY)
row("the base asked for twice", UP, lambda a: (a.hit("GET_VRING_BASE", state(TX, 0)),
                                              a.hit("GET_VRING_BASE", state(TX, 0)))[-1], ACCEPTED)
row("the base before there is a ring", CONNECTED, lambda a: a.hit("GET_VRING_BASE", state(TX, 0)), ANY)
row("rings before anything is agreed", CONNECTED, lambda a: (
    a.hit("SET_VRING_NUM", state(RX, 256)), a.hit("SET_VRING_KICK", u64(RX), [things.eventfd(a)]),
    a.hit("SET_VRING_ENABLE", state(RX, 1)))[-1], ANY)
row("rings before memory", AGREED, lambda a: [
    a.hit(request, payload, fds) for request, payload, fds in a.ring_messages(RX)][-1], ANY)
row("an address before a size", MAPPED, lambda a: a.hit("SET_VRING_ADDR", a.addr(RX)), ANY)
PLACES = {
    "nowhere": 0, "below the memory": BASE - PAGE, "half below it": BASE - 16, "behind it": BASE + 2 * MIB,
    "half behind it": BASE + 2 * MIB - 16, "at the end of the world": TOP - 16, "at 2^63": 1 << 63,
}
for where, place in PLACES.items():
    for part in ("desc", "avail", "used"):
        # The table of memory may change after this: such a ring may also wait for its memory.
        row(f"{part} {where}", UP,
            lambda a, p=part, at=place: a.hit("SET_VRING_ADDR", a.addr(TX, **{p: at})), ANY)
        if where == "behind it":
            row(f"packed {part} {where}", UP,
                lambda a, p=part, at=place: a.hit("SET_VRING_ADDR", a.addr(TX, **{p: at})), ANY, packed=True)
for part, by in (("desc", 8), ("desc", 1), ("avail", 1), ("used", 2), ("used", 1)):
    row(f"{part}, {by} off its alignment", UP, lambda a, p=part, o=by: a.hit(
        "SET_VRING_ADDR", a.addr(TX, **{p: a.at(TX, p) + o})))
for part, by in (("desc", 8), ("avail", 2), ("used", 1)):
    row(f"packed {part}, {by} off its alignment", UP, lambda a, p=part, o=by: a.hit(
        "SET_VRING_ADDR", a.addr(TX, **{p: a.at(TX, p) + o})), packed=True)
row("all parts of a ring in one place", UP, lambda a: a.hit("SET_VRING_ADDR", addr(
    TX, BASE, BASE, BASE)), ANY)
row("two rings in one place", UP, lambda a: a.hit("SET_VRING_ADDR", addr(
    TX, a.at(RX, "desc"), a.at(RX, "avail"), a.at(RX, "used"))), ANY)
row("an address with all flags", UP, lambda a: a.hit("SET_VRING_ADDR", a.addr(TX, flags=0xffffffff)), ANY)
row("addresses of nobody", UP, lambda a: a.hit("SET_VRING_ADDR", addr(TX, 0x1000, 0x3000, 0x2000)), ANY)
for value in (2, 256, 1 << 31, (1 << 32) - 1):
    row(f"a ring enabled by {value}", UP, lambda a, v=value: a.hit("SET_VRING_ENABLE", state(TX, v)))
row("enabled and disabled two hundred times", UP, lambda a: [
    a.hit("SET_VRING_ENABLE", state(TX, i % 2)) for i in range(200)][-1], WORKS)
row("enabled before anything", CONNECTED, lambda a: a.hit("SET_VRING_ENABLE", state(TX, 1)), ANY)
row("the other pair enabled, which is not there", UP, lambda a: (
    a.hit("SET_VRING_ENABLE", state(2, 1)), a.hit("SET_VRING_ENABLE", state(3, 1)))[-1], WORKS)
row("the other pair half set up", UP, lambda a: (
    a.hit("SET_VRING_NUM", state(2, 256)), a.hit("SET_VRING_KICK", u64(2), [things.eventfd(a)]),
    a.hit("SET_VRING_ENABLE", state(2, 1)))[-1], ANY)
for request in ("SET_VRING_KICK", "SET_VRING_CALL", "SET_VRING_ERR"):
    row(f"{request} without a descriptor", UP, lambda a, q=request: a.hit(q, u64(TX)))
    row(f"{request} with two", UP, lambda a, q=request: a.hit(q, u64(TX), [things.eventfd(a)] * 2))
    row(f"{request} with one that is not there", UP,
        lambda a, q=request: a.hit(q, u64(TX | FD_NONE), [things.eventfd(a)]), ANY)
    row(f"{request}: none", UP, lambda a, q=request: a.hit(q, u64(TX | FD_NONE)), WORKS)
    row(f"{request} with bits that mean nothing", UP,
        lambda a, q=request: a.hit(q, u64(TX | 1 << 40), [things.eventfd(a)]), ANY)
    row(f"{request} three hundred times", UP, lambda a, q=request: [
        a.hit(q, u64(TX), [things.eventfd(a)]) for _ in range(300)][-1], WORKS)

# ---- the rest ----

row("the number of queues", UP, lambda a: queues(a), WORKS)
row("the number of slots", UP, lambda a: a.hit("GET_MAX_MEM_SLOTS"), ANY)
for mac in (0, TOP - 1, 0x1, 0xffffffffffff, 0x1 << 48):
    row(f"RARP for {mac:#x}", UP, lambda a, m=mac: a.hit("SEND_RARP", u64(m)), ANY)
row("RARP before there is a device", AGREED, lambda a: a.hit("SEND_RARP", u64(0x010203005452)), ANY)
row("two hundred and fifty RARPs", UP, lambda a: [a.hit("SEND_RARP", u64(0x99005452 | i << 40)) for i in range(250)][-1],
    ANY)
for mtu in (0, 1, 67, 65536, 1 << 32, TOP - 1):
    row(f"an MTU of {mtu}", UP, lambda a, m=mtu: a.hit("NET_SET_MTU", u64(m)))
row("an MTU of 68", UP, lambda a: a.hit("NET_SET_MTU", u64(68)), SURVIVED)
row("an MTU of 65535", UP, lambda a: a.hit("NET_SET_MTU", u64(65535)), ANY)
for status in (0x100, 1 << 32, TOP - 1):
    row(f"a status of {status:#x}", UP, lambda a, s=status: a.hit("SET_STATUS", u64(s)))
for status in (0, 0x80, 0x40, 0xff, 1):
    row(f"a status of {status:#x}", UP, lambda a, s=status: a.hit("SET_STATUS", u64(s)), ANY)
row("a channel for requests of the back end", UP, lambda a: a.hit(
    "SET_BACKEND_REQ_FD", fds=[things.unix_socket(a)]), ANY)
row("a channel that is full", UP, lambda a: a.hit(
    "SET_BACKEND_REQ_FD", fds=[things.unix_socket_full(a)]), ANY)
row("a channel that is this connection", UP, lambda a: a.hit(
    "SET_BACKEND_REQ_FD", fds=[things.own_socket(a)]), ANY)
row("a channel without one", UP, lambda a: a.hit("SET_BACKEND_REQ_FD"))

# ---- the inflight area ----

for n_rings, ring_size in ((0, 256), (2, 0), (65535, 256), (2, 65535), (65535, 65535), (RINGS + 1, 256), (2, 32769)):
    row(f"an inflight area for {n_rings} rings of {ring_size}", AGREED,
        lambda a, n=n_rings, s=ring_size: a.hit("GET_INFLIGHT_FD", inflight(0, 0, n, s)))
row("sixty inflight areas", AGREED, lambda a: [
    a.hit("GET_INFLIGHT_FD", inflight(0, 0, 4, 32768)) for _ in range(60)][-1], ACCEPTED)
INFLIGHT = {
    "without a file": (inflight(1 << 16), None), "of no bytes": (inflight(0), things.memory),
    "of 2^63 bytes": (inflight(1 << 63), things.memory),
    "of 2^64 - 1 bytes": (inflight(TOP - 1), things.memory),
    "longer than its file": (inflight(4 * MIB), things.memory),
    "in an empty file": (inflight(1 << 16), things.memory_empty),
    "too small": (inflight(64, 0, 2, 256), things.memory),
    "too small by far": (inflight(1 << 16, 0, 65535, 65535), things.memory),
    "for no rings": (inflight(1 << 16, 0, 0, 256), things.memory),
    "for rings of 0": (inflight(1 << 16, 0, 2, 0), things.memory),
    "for 65535 rings": (inflight(1 << 20, 0, 65535, 1), things.memory),
    "at an offset behind its file": (inflight(1 << 16, GIB), things.memory),
    "at an offset within a page": (inflight(1 << 16, 100), things.memory),
    "at an offset that wraps": (inflight(1 << 16, TOP - PAGE), things.memory),
    "in an eventfd": (inflight(1 << 16), things.eventfd),
    "in a file that is sealed": (inflight(1 << 16), things.memory_write_sealed),
}
for what, (payload, make) in INFLIGHT.items():
    row(f"an inflight area {what}", AGREED, lambda a, p=payload, m=make: a.hit(
        "SET_INFLIGHT_FD", p, [m(a)] if m else []))
for kind, packed in (("split", False), ("packed", True)):
    row(f"an inflight area full of nonsense, {kind}", MAPPED, lambda a: nonsense_inflight(a), ANY,
        packed=packed)
    row(f"an inflight area full of ones, {kind}", MAPPED, lambda a: nonsense_inflight(a, b"\xff"), ANY,
        packed=packed)
    row(f"an inflight area that is cut off, {kind}", UP, lambda a: cut_inflight(a), ANY, packed=packed)
row("an inflight area while it runs", UP, lambda a: a.hit(
    "SET_INFLIGHT_FD", inflight(1 << 17), [things.memory(a)]), ANY)
row("three hundred inflight areas that are refused", AGREED, lambda a: refused_often(
    a, 300, "SET_INFLIGHT_FD", inflight(1 << 63), [things.memory(a)] * 4), ANY)


def queues(a):
    outcome = a.hit("GET_QUEUE_NUM")
    assert outcome.u64() == QUEUES
    return outcome


def inflight_area(a):
    outcome = a.hit("GET_INFLIGHT_FD", inflight(0, 0, 4, 256))
    if outcome.word != "answer" or not outcome.fds:
        return None, b""
    return outcome.fds[0], outcome.payload


def nonsense_inflight(a, byte=None):
    fd, payload = inflight_area(a)
    if fd is None:
        return a.hit("GET_QUEUE_NUM")
    size = os.fstat(fd).st_size
    os.pwrite(fd, byte * size if byte else os.urandom(size), 0)
    os.pwrite(fd, b"\1\0" + (256).to_bytes(2, "little"), 8)  # version and size as they should be
    outcome = a.hit("SET_INFLIGHT_FD", payload, [fd])
    if outcome.word != "ended":
        a.to(UP)
        for _ in range(20):
            a.send(bytes(60))
    return outcome


def cut_inflight(a):
    fd, payload = inflight_area(a)
    if fd is None:
        return a.hit("GET_QUEUE_NUM")
    a.hit("SET_INFLIGHT_FD", payload, [fd])
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
    for _ in range(20):
        a.send(bytes(60))
    return a.hit("GET_VRING_BASE", state(TX, 0))


# ---- the way a message comes ----

row("a message byte by byte", UP, lambda a: [
    a.raw(bytes([b])) for b in a.message("SET_VRING_ENABLE", state(TX, 1), flags=1)]
    and a.hit("GET_QUEUE_NUM"), WORKS)
row("five hundred messages at once", UP, lambda a: a.raw(
    a.message("SET_VRING_ENABLE", state(TX, 1), flags=1) * 500) and a.hit("GET_QUEUE_NUM"), WORKS)
row("two and a half messages at once, then the rest", UP, lambda a: in_pieces(
    a, a.message("SET_VRING_ENABLE", state(TX, 1), flags=1) * 3, 50), WORKS)
row("out of band", UP, lambda a: out_of_band(a), ANY)
row("everything in reverse order", CONNECTED, lambda a: [a.hit(*m) for m in [
    ("SET_VRING_ENABLE", state(TX, 1)), *reversed(a.ring_messages(TX)),
    ("SET_MEM_TABLE", table(region(BASE, 2 * MIB)), [a.memfd]), ("SET_OWNER",)]][-1], ANY)
row("set up twice", UP, lambda a: (a.mem_table(), a.ring_start(RX), a.ring_start(TX),
                                  a.hit("SET_VRING_ENABLE", state(TX, 1)))[-1], ANY)


def in_pieces(a, data, at):
    a.raw(data[:at])
    a.raw(data[at:])
    return a.hit("GET_QUEUE_NUM")


def out_of_band(a):
    with contextlib.suppress(OSError):
        a.sock.send(b"x", 1)  # MSG_OOB
    return a.hit("GET_QUEUE_NUM") if not a.is_ended(0.2) else None


# ---- how a row is run ----

def goes_on(field, a, name, was_up):
    """The device comes up, or still works."""
    if not was_up:
        a.to(UP)
    field.works(a, name)


def judge(field, a, name, outcome, expect):
    if expect == ENDED:
        a.wait_ended()
        return
    if expect == SURVIVED:
        return
    if expect == ANY:
        if outcome is not None and outcome.word != "ended":
            a.set_up_again()
            field.works(a, name)
        return
    word = outcome.word
    if expect == REFUSED:
        # Where nobody asked for an answer and the request has none, silence may be a refusal too.
        assert word in (("nack", "ended") if a.need else ("nack", "ended", "silent")), outcome
        if word != "ended":
            goes_on(field, a, name, a.stage == UP)
        return
    assert word in ("ack", "answer", "silent"), outcome
    if expect == WORKS:
        goes_on(field, a, name, a.stage == UP)


def hit(field, name, need, case):
    stage, act, expect, options = case
    with contextlib.closing(Attacker(field.path(name), server=name == "raw", need=need,
                                     **options)) as a:
        a.to(stage)
        try:
            outcome = act(a)
        except TimeoutError:
            if expect not in (ANY, SURVIVED, ENDED):
                raise Stuck("no answer, and no end") from None
            outcome = None
        judge(field, a, name, outcome, expect)


@pytest.mark.parametrize("case", ROWS)
def test_message(field, case):
    with field.attack("raw", "cli"):
        for name, need in (("raw", True), ("cli", False)):
            hit(field, name, need, case)
