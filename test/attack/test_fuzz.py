# SPDX-License-Identifier: BSD-3-Clause
"""
Scripts of messages and of writes into rings that chance has written.

BONDFWD_ATTACK_SEED repeats a run, BONDFWD_ATTACK_SCRIPTS says how many scripts of each kind.
"""

import contextlib
import os
import random
import struct

import pytest

import things
from attacker import (AGREED, BASE, CONNECTED, INDIRECT_DESC, MAPPED, REQUEST, RX, SET, TX, UP, Attacker, addr,
                      inflight, log, one_region, region, state, table, u64)
from field import MACS, VM1
from vhost_frontend import EVENT_IDX

SEED = int(os.environ.get("BONDFWD_ATTACK_SEED") or random.SystemRandom().randrange(1 << 32))
SCRIPTS = int(os.environ.get("BONDFWD_ATTACK_SCRIPTS", "40"))
STEPS = 60

MIB = 1 << 20
NUMBERS = [0, 1, 2, 3, 4, 5, 8, 12, 15, 16, 100, 255, 256, 257, 4095, 4096, 8192, 32768, 65535, 65536, MIB,
           2 * MIB, BASE, BASE + 4096, BASE + 2 * MIB, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 62, 1 << 63,
           (1 << 64) - 4096, (1 << 64) - 1]
DESCRIPTORS = [things.eventfd, things.eventfd_full, things.pipe_write, things.pipe_full, things.memory,
               things.memory_empty, things.memory_short, things.memory_read_only, things.memory_write_sealed,
               things.regular_file, things.dev_null, things.unix_socket, things.own_socket, things.epoll,
               things.tmpfs_file]


def number(r):
    return r.choice(NUMBERS) if r.random() < 0.8 else r.getrandbits(r.choice((8, 16, 32, 64)))


def ring_of(r):
    return r.choice((RX, TX, TX, RX, 2, 3, r.getrandbits(8)))


PAYLOADS = {
    "SET_FEATURES": lambda r, a: u64(a.features if r.random() < 0.6 else number(r)),
    "SET_PROTOCOL_FEATURES": lambda r, a: u64(0x1f if r.random() < 0.7 else number(r)),
    "SET_MEM_TABLE": lambda r, a: table(*[region(number(r) if r.random() < 0.3 else BASE + i * MIB,
                                                 number(r) if r.random() < 0.3 else MIB, offset=0)
                                          for i in range(r.randrange(4))]),
    "SET_LOG_BASE": lambda r, a: log(number(r), number(r) if r.random() < 0.2 else 0),
    "SET_VRING_NUM": lambda r, a: state(ring_of(r), number(r)),
    "SET_VRING_ADDR": lambda r, a: a.addr(r.choice((RX, TX))) if r.random() < 0.5 else addr(
        ring_of(r), number(r), number(r), number(r), r.randrange(3), number(r)),
    "SET_VRING_BASE": lambda r, a: state(ring_of(r), number(r)),
    "GET_VRING_BASE": lambda r, a: state(ring_of(r), 0),
    "SET_VRING_KICK": lambda r, a: u64(ring_of(r) | (r.random() < 0.2) << 8),
    "SET_VRING_CALL": lambda r, a: u64(ring_of(r) | (r.random() < 0.2) << 8),
    "SET_VRING_ERR": lambda r, a: u64(ring_of(r)),
    "SET_VRING_ENABLE": lambda r, a: state(ring_of(r), r.choice((0, 1, 1, 1, 2))),
    "SEND_RARP": lambda r, a: u64(number(r)), "NET_SET_MTU": lambda r, a: u64(number(r)),
    "GET_INFLIGHT_FD": lambda r, a: inflight(0, 0, r.choice((0, 2, 4, 65535)), r.choice((0, 256, 65535))),
    "SET_INFLIGHT_FD": lambda r, a: inflight(number(r), 0, r.choice((0, 2, 65535)), 256),
    "ADD_MEM_REG": lambda r, a: one_region(number(r), number(r)),
    "REM_MEM_REG": lambda r, a: one_region(BASE, a.mib << 20) if r.random() < 0.5 else one_region(
        number(r), number(r)),
    "SET_STATUS": lambda r, a: u64(r.choice((0, 1, 3, 11, 15, 128, number(r)))),
}
TAKES_FDS = ("SET_MEM_TABLE", "SET_LOG_BASE", "SET_VRING_KICK", "SET_VRING_CALL", "SET_VRING_ERR",
             "SET_INFLIGHT_FD", "ADD_MEM_REG", "SET_LOG_FD")


def one_message(r, a):
    name = r.choice(list(REQUEST) + list(PAYLOADS) * 2)
    payload = PAYLOADS.get(name, lambda r, a: b"")(r, a)
    if r.random() < 0.05:
        payload = payload[:r.randrange(len(payload) + 1)] + r.randbytes(r.randrange(16))
    n_fds = 0
    if name in TAKES_FDS or r.random() < 0.05:
        n_fds = len(payload) // 32 if name == "SET_MEM_TABLE" else 1
        n_fds = n_fds if r.random() < 0.9 else r.randrange(9)
    fds = [r.choice(DESCRIPTORS[:5] if r.random() < 0.8 else DESCRIPTORS)(a) for _ in range(n_fds)]
    flags = r.choice((1, 9, 9, 9)) if r.random() < 0.98 else r.getrandbits(32)
    if name == "SET_MEM_TABLE" and r.random() < 0.5:
        payload, fds = table(region(BASE, a.mib << 20)), [a.memfd]
    return a.hit(name, payload, fds, flags=flags)


def message_script(r, field, a, name):
    a.to(r.choice((CONNECTED, AGREED, MAPPED, SET, UP, UP, UP)))
    for _ in range(STEPS):
        if one_message(r, a).word == "ended":
            return
        if r.random() < 0.2:
            field.poke(name, r.randrange(1, 8))
        if r.random() < 0.2:
            a.send(field.frame(1, MACS[name], VM1))


@pytest.mark.parametrize("script", range(SCRIPTS))
def test_messages(field, script):
    r = random.Random(SEED + script)
    print(f"BONDFWD_ATTACK_SEED={SEED}, script {script}")
    name = r.choice(("raw", "raw", "cli"))
    with field.attack(name):
        with contextlib.closing(Attacker(field.path(name), server=name == "raw",
                                         packed=r.random() < 0.5)) as a:
            with contextlib.suppress(TimeoutError):  # a half message: the other end waits, for a while
                a_script = message_script
                a_script(r, field, a, name)
            field.check_friends()


def scribble(r, a):
    """Something that could be a descriptor, an index, a flag, or is not."""
    ring, area = r.choice((RX, TX)), r.choice(("desc", "desc", "avail", "used"))
    if area == "desc":
        at = 16 * r.randrange(a.size)
        address = r.choice((a.buffer(ring, r.randrange(64)), a.at(ring, "desc"), number(r)))
        data = struct.pack("=QIHH", address, r.choice((60, 1600, 2048, number(r) % (1 << 32))),
                           r.getrandbits(16) if r.random() < 0.2 else r.randrange(8),
                           r.getrandbits(16) if r.random() < 0.3 else r.choice((0, 1, 2, 4, 0x80, 0x82, 0x8000)))
    else:
        at = 2 * r.randrange(a.size)
        data = struct.pack("=H", r.getrandbits(16) if r.random() < 0.2 else r.randrange(16))
    at += a.offset(ring, area)
    a.memory[at:at + len(data)] = data


def ring_script(r, field, a):
    a.start()
    for turn in range(8):
        for _ in range(r.randrange(40)):
            scribble(r, a)
        for ring in (RX, TX):
            for _ in range(r.randrange(6)):
                parts = [(a.buffer(ring, r.randrange(64)), r.randrange(0, 2048), r.choice((0, 2)))
                         for _ in range(r.randrange(1, 5))]
                a.offer(ring, *parts, flags=r.choice((0, 0, 0, 1, 4)))
        field.poke("raw", r.randrange(1, 16), length=r.choice((60, 1500, 9000)))
        if turn == 5 and not a.is_ended():
            a.set_up_again()
    if not a.is_ended():
        a.set_up_again()
        field.works(a, "raw")


@pytest.mark.parametrize("script", range(SCRIPTS))
def test_rings(field, script):
    r = random.Random(SEED + 1000003 * (script + 1))
    print(f"BONDFWD_ATTACK_SEED={SEED}, script {script}")
    with field.attack("raw"):
        with contextlib.closing(Attacker(
                field.path("raw"), packed=script % 2 == 1, size=r.choice((16, 64, 256)),
                regions=r.choice((1, 1, 2, 8)), mergeable=r.random() < 0.7,
                features=r.choice((0, EVENT_IDX, INDIRECT_DESC, EVENT_IDX | INDIRECT_DESC)))) as a:
            ring_script(r, field, a)
            field.check_friends()
