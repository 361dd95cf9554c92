# SPDX-License-Identifier: BSD-3-Clause
"""
The control queue of a front end without a device model (virtio 1.2, 5.1.6.5), with anything in it.

It is served by the thread that serves every guest's connection: what is wrong there stops the queue, and
nothing else.
"""

import contextlib
import os

import pytest

import things
from attacker import (AGREED, BASE, CONTROL, INDIRECT, INDIRECT_DESC, TX, UP, Attacker, state, u64, wait_for)
from vhost_frontend import NEXT, WRITE

TOP = 1 << 64
ROWS = []


def row(name, act, answer=None, **options):
    """act(attacker) writes into the queue; answer: what the device says to the last command."""
    for packed in (False, True):
        ROWS.append(pytest.param((act, answer, packed, options),
                                 id=f"{'packed' if packed else 'split'}: {name}"))


def command(a, data, room=1, **options):
    """A command as it should be: what is said, and room for the answer."""
    a.slots = (a.buffer(CONTROL, 1), a.buffer(CONTROL, 2))
    a.fill(a.slots[0], data)
    a.fill(a.slots[1], b"\x55" * 16)
    a.offer(CONTROL, (a.slots[0], len(data), 0), (a.slots[1], room, WRITE), **options)


OK, ERR = 0, 1
row("promiscuous", lambda a: command(a, b"\0\0\1"), OK)
row("one queue pair", lambda a: command(a, b"\4\0\1\0"), OK)
row("no queue pair", lambda a: command(a, b"\4\0\0\0"), ERR)
row("65535 queue pairs", lambda a: command(a, b"\4\0\xff\xff"), ERR)
row("half a number of pairs", lambda a: command(a, b"\4\0\1"), ERR)
row("a class that is not there", lambda a: command(a, b"\xff\xff"), ERR)
row("half a command", lambda a: command(a, b"\4"), ERR)
row("a table of 2000 addresses", lambda a: command(a, b"\1\0" + bytes(2000)), OK)
row("room for 16 answers", lambda a: command(a, b"\0\0\1", 16), OK)
row("nothing said", lambda a: a.offer(CONTROL, (a.buffer(CONTROL, 2), 1, WRITE)))
row("no room for an answer", lambda a: a.offer(CONTROL, (a.buffer(CONTROL, 1), 3, 0)))
row("no room at all", lambda a: command(a, b"\0\0\1", 0))
row("nothing at all", lambda a: a.offer(CONTROL, (a.buffer(CONTROL, 1), 0, 0)))
for where, at in (("nowhere", 0x1000), ("at the end of the world", TOP - 1), ("below the memory", BASE - 1)):
    row(f"said {where}", lambda a, p=at: a.offer(CONTROL, (p, 3, 0), (a.buffer(CONTROL, 2), 1, WRITE)))
    row(f"an answer {where}", lambda a, p=at: a.offer(CONTROL, (a.buffer(CONTROL, 1), 3, 0), (p, 1, WRITE)))
row("4 GiB said", lambda a: a.offer(CONTROL, (BASE, 0xffffffff, 0), (a.buffer(CONTROL, 2), 1, WRITE)))
row("all the memory said", lambda a: a.offer(
    CONTROL, (BASE, a.mib << 20, 0), (a.buffer(CONTROL, 2), 1, WRITE)))
row("the answer into the queue itself", lambda a: a.offer(
    CONTROL, (a.buffer(CONTROL, 1), 3, 0), (a.at(CONTROL, "desc"), 16, WRITE)))
row("the answer into another ring", lambda a: a.offer(
    CONTROL, (a.buffer(CONTROL, 1), 3, 0), (a.at(TX, "avail"), 4, WRITE)))
row("200 descriptors", lambda a: a.offer(CONTROL, *[(a.buffer(CONTROL, 1), 1, 0)] * 200))
row("200 empty descriptors", lambda a: a.offer(CONTROL, *[(a.buffer(CONTROL, 1), 0, 0)] * 200))
row("what is said may be written", lambda a: a.offer(
    CONTROL, (a.buffer(CONTROL, 1), 3, WRITE), (a.buffer(CONTROL, 2), 1, WRITE)))
row("the answer comes first", lambda a: a.offer(
    CONTROL, (a.buffer(CONTROL, 2), 1, WRITE), (a.buffer(CONTROL, 1), 3, 0)))
row("a queue full of commands", lambda a: [command(a, b"\0\0\1") for _ in range(a.size // 2)])
row("commands without end", lambda a: [command(a, b"\0\0\1") for _ in range(5 * a.size)])
row("a descriptor that follows itself", lambda a: a.offer(CONTROL, (a.buffer(CONTROL, 1), 1, 0), flags=NEXT))
row("a table nowhere", lambda a: a.offer(CONTROL, (0x1000, 64, INDIRECT)), features=INDIRECT_DESC)
row("a table of nothing", lambda a: a.offer(CONTROL, (a.buffer(CONTROL, 1), 0, INDIRECT)),
    features=INDIRECT_DESC)
row("a table of 4 GiB", lambda a: a.offer(CONTROL, (BASE, 0xffffffff, INDIRECT)), features=INDIRECT_DESC)
row("a table in a table", lambda a: a.offer(CONTROL, a.indirect_table(
    [a.indirect_table([(a.buffer(CONTROL, 1), 3, 0)])], at=a.end() - 4096)), features=INDIRECT_DESC)
row("a table of 4000", lambda a: a.offer(CONTROL, a.indirect_table(
    [(a.buffer(CONTROL, 1), 1, 0)] * 4000)), features=INDIRECT_DESC)
row("nonsense in every place", lambda a: [a.write(CONTROL, "desc", 0, "=4096s", os.urandom(4096)),
                                          a.write(CONTROL, "avail", 0, "=500s", os.urandom(500))])
row("memory cut off", lambda a: (os.ftruncate(a.memfd, 0)))
row("its size becomes 32768", lambda a: a.hit("SET_VRING_NUM", state(CONTROL, 32768)))
row("its kick is a full pipe", lambda a: a.hit("SET_VRING_KICK", u64(CONTROL), [things.pipe_full(a)]))
row("its call is a full pipe", lambda a: (
    a.hit("SET_VRING_CALL", u64(CONTROL), [things.pipe_full(a)]), command(a, b"\0\0\1"))[-1])
row("its call blocks", lambda a: (a.hit("SET_VRING_CALL", u64(CONTROL), [things.eventfd_full(a)]),
                                  command(a, b"\0\0\1"))[-1])
row("its kick is this connection", lambda a: a.hit(
    "SET_VRING_KICK", u64(CONTROL), [things.own_socket(a)]))


def kick(a, times=3):
    for _ in range(times):
        with contextlib.suppress(BlockingIOError):
            os.eventfd_write(a.kick[CONTROL], 1)


def run(field, case):
    act, answer, packed, options = case
    with contextlib.closing(Attacker(field.path("raw"), solo=True, packed=packed, **options)) as a:
        a.start()
        act(a)
        kick(a)
        field.poke("raw", 2)
        if answer is not None:
            wait_for(lambda: a.bytes_at(a.slots[1], 1) == bytes([answer]), what="the answer")
        field.check_friends()
        field.serves_a_good_one("door")


@pytest.mark.parametrize("case", ROWS)
def test_control_queue(field, case):
    with field.attack("raw"):
        run(field, case)


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_one_kick_is_enough_for_many_commands(field, packed):
    """More of them than are answered at a time; nobody kicks for what waits already."""
    with field.attack("raw"), contextlib.closing(Attacker(field.path("raw"), solo=True, packed=packed)) as a:
        a.start()
        for _ in range(100):
            command(a, b"\0\0\1")
        last = a.buffer(CONTROL, 3)
        a.fill(last, b"\x55")
        a.offer(CONTROL, (a.buffer(CONTROL, 1), 3, 0), (last, 1, WRITE))
        kick(a, 1)
        wait_for(lambda: a.bytes_at(last, 1) == bytes([OK]), what="the last answer")


def test_commands_while_the_port_comes_and_goes(field):
    with field.attack("raw"):
        for turn in range(12):
            with contextlib.closing(Attacker(field.path("raw"), solo=True, packed=turn % 2 == 1)) as a:
                a.to(UP if turn % 3 else AGREED)
                if a.stage == UP:
                    [command(a, b"\0\0\1") for _ in range(20)]
                    kick(a)
        field.check_friends()
