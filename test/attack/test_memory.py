# SPDX-License-Identifier: BSD-3-Clause
"""
Memory that its owner changes after it was mapped: cut off, punched, grown, taken away, huge.

Who does that loses his own rings; with fresh memory on the same connection he has a device again.
"""

import contextlib
import ctypes
import mmap
import os

import pytest

import things
from attacker import (BASE, RX, TX, Attacker, inflight, log, one_region, region, table, u64, wait_for)
from field import MACS, VM1
from vhost_frontend import LOG_ALL, WRITE, Refused

MIB = 1 << 20
PUNCH = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE


def punch(fd, offset, length):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    assert libc.fallocate(fd, PUNCH, offset, length) == 0


def cut(a, kept):
    os.ftruncate(a.memfd, kept)


# What happens to the file behind the rings and buffers while they are in use: (name, what is done,
# whether a fault must follow).  Behind `rings` lie the buffers.
CHANGES = [
    ("cut off altogether", lambda a: cut(a, 0), True),
    ("cut off behind a page", lambda a: cut(a, 4096), True),
    ("cut off behind the rings", lambda a: cut(a, 2 * a.span), True),
    ("cut off within a page of the buffers", lambda a: cut(a, 2 * a.span + 100), False),
    ("cut off and grown again", lambda a: (cut(a, 0), cut(a, a.mib << 20)), False),
    ("grown", lambda a: cut(a, 64 * MIB), False),
    ("punched", lambda a: punch(a.memfd, 0, a.mib << 20), False),
    ("punched behind the rings", lambda a: punch(a.memfd, 2 * a.span, MIB), False),
    ("cut off a hundred times", lambda a: [cut(a, n % 2 * 2 * MIB) for n in range(100)] and cut(a, 0), True),
]


def fresh_memory(a):
    """Another file at the same place."""
    a.memory.close()
    os.close(a.memfd)
    a.memfd = os.memfd_create("attack")
    os.ftruncate(a.memfd, a.mib << 20)
    a.memory = mmap.mmap(a.memfd, a.mib << 20)


def comes_back(field, a):
    """With memory as it should be, on the same connection if there still is one."""
    fresh_memory(a)
    if not a.is_ended():
        a.set_up_again()
        field.works(a, "raw")


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
@pytest.mark.parametrize("regions", [1, 8])
@pytest.mark.parametrize("name, change, faults", CHANGES, ids=[c[0] for c in CHANGES])
def test_memory_that_is(field, name, change, faults, regions, packed):
    with field.attack("raw"):
        known = len(field.faults())
        with contextlib.closing(Attacker(field.path("raw"), regions=regions, packed=packed)) as a:
            a.start()
            a.post(64)
            for number in range(32):
                a.send(field.frame(number, MACS["raw"], VM1))
            change(a)
            for _ in range(4):
                field.poke("raw", 8)
            if faults:
                wait_for(lambda: len(field.faults()) > known, what="the event")
            field.check_friends()
            comes_back(field, a)


# Messages about memory that is gone already.
GONE = {
    "the same table again": lambda a: a.hit("SET_MEM_TABLE", table(region(BASE, 2 * MIB)), [a.memfd]),
    "a slot of it": lambda a: a.hit("ADD_MEM_REG", one_region(8 << 30, 2 * MIB), [a.memfd]),
    "the slot taken away": lambda a: a.hit("REM_MEM_REG", one_region(BASE, 2 * MIB)),
    "a ring set up": lambda a: [a.hit(*m) for m in a.ring_messages(TX)][-1],
    "a ring stopped": lambda a: a.hit("GET_VRING_BASE", bytes([TX]) + bytes(7)),
    "a ring disabled": lambda a: a.hit("SET_VRING_ENABLE", bytes([TX]) + bytes(7)),
    "other features": lambda a: a.hit("SET_FEATURES", u64(a.features | LOG_ALL)),
    "a reset": lambda a: a.hit("RESET_DEVICE"),
    "another call": lambda a: a.hit("SET_VRING_CALL", u64(RX), [things.eventfd(a)]),
    "an inflight area": lambda a: a.hit("SET_INFLIGHT_FD", inflight(2 * MIB), [a.memfd]),
    "a log": lambda a: a.hit("SET_LOG_BASE", log(2 * MIB), [a.memfd]),
}


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
@pytest.mark.parametrize("what", GONE)
def test_memory_is_gone_and_then_comes(field, what, packed):
    with field.attack("raw"):
        with contextlib.closing(Attacker(field.path("raw"), packed=packed)) as a:
            a.start()
            cut(a, 0)
            GONE[what](a)
            field.poke("raw", 4)
            field.check_friends()
            comes_back(field, a)


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_a_large_file_of_which_nothing_is_left(field, packed):
    """40 000 pages in two regions: each that is touched is missing."""
    with field.attack("raw"):
        with contextlib.closing(Attacker(field.path("raw"), packed=packed, mib=160, regions=2)) as a:
            a.start()
            for turn in range(8):
                for i in range(128):
                    at = BASE + 8 * MIB + (turn * 128 + i) * 37 * 4096
                    a.offer(TX, (at, 100, 0))
                    a.offer(RX, (at + 4096, 2048, WRITE))
                if turn == 0:
                    cut(a, 4 * MIB)
                field.poke("raw", 16)
                if turn == 0:  # the second region is not there any more
                    with pytest.raises((Refused, ConnectionError)):
                        a.set_up_again()
            field.check_friends()
            comes_back(field, a)


LOGS = [
    ("cut off", lambda fd: os.ftruncate(fd, 0)),
    ("cut off behind a page", lambda fd: os.ftruncate(fd, 4096)),
    ("punched", lambda fd: punch(fd, 0, 2 * MIB)),
]


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
@pytest.mark.parametrize("name, change", LOGS, ids=[c[0] for c in LOGS])
def test_a_log_that_is(field, name, change, packed):
    with field.attack("raw"):
        with contextlib.closing(Attacker(field.path("raw"), packed=packed)) as a:
            a.start()
            fd = a.memory_file(2 * MIB)
            a.hit("SET_LOG_BASE", log(2 * MIB), [fd])
            a.hit("SET_FEATURES", u64(a.features | LOG_ALL))
            for ring in (RX, TX):
                a.hit("SET_VRING_ADDR", a.addr(ring, flags=1, log=a.at(ring, "used")))
            a.post(64)
            field.poke("raw", 8)
            change(fd)
            for number in range(16):
                a.send(field.frame(number, MACS["raw"], VM1))
            field.poke("raw", 8)
            field.check_friends()
            if not a.is_ended():
                a.set_up_again()
                field.works(a, "raw")


HUGE_PAGES = 4  # that a case takes


@pytest.fixture
def some_huge_pages():
    with things.huge_pages(HUGE_PAGES) as why_not:
        if why_not:
            pytest.skip(f"{HUGE_PAGES} huge pages cannot be had: {why_not}")
        yield


@pytest.mark.parametrize("change", ["nothing", "cut off", "within a huge page", "at an odd offset"])
def test_huge_pages(some_huge_pages, field, change):
    with field.attack("raw"):
        with contextlib.closing(Attacker(field.path("raw"), mib=2 * HUGE_PAGES)) as a:
            a.memory.close()
            os.close(a.memfd)
            a.memfd = os.memfd_create("attack", os.MFD_HUGETLB)
            os.ftruncate(a.memfd, a.mib * MIB)
            a.memory = mmap.mmap(a.memfd, a.mib * MIB)
            a.start()
            field.works(a, "raw")
            if change == "cut off":
                known = len(field.faults())
                cut(a, 0)
                field.poke("raw", 8)
                wait_for(lambda: len(field.faults()) > known, what="the event")
            elif change == "within a huge page":
                a.hit("SET_MEM_TABLE", table(region(BASE, MIB), region(BASE + MIB, MIB, offset=MIB)),
                      [a.memfd] * 2)
            elif change == "at an odd offset":
                a.hit("SET_MEM_TABLE", table(region(BASE, 2 * MIB, offset=4096)), [a.memfd])
            field.check_friends()


def test_huge_pages_of_which_there_are_none(field):
    with field.attack("raw"):
        with contextlib.closing(Attacker(field.path("raw"))) as a:
            a.to("agreed")
            fd = things.hugetlb(a, 1 << 40)  # more than any machine has
            a.hit("SET_MEM_TABLE", table(region(BASE, 1 << 40)), [fd])
            field.check_friends()
