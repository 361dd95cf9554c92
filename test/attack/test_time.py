# SPDX-License-Identifier: BSD-3-Clause
"""
Time and number as weapons: half messages, unread answers, silence, floods and storms.

Nobody waits for the attacker: neighbours' frames go on, other guests connect, and what the attacker
has begun ends by itself.
"""

import contextlib
import os
import socket
import struct
import time

import pytest

import things
from attacker import (AGREED, BASE, CONNECTED, MAPPED, RX, SET, TX, UP, Attacker, region, state, table, u64,
                      wait_for)

PER_PORT = 4  # connections of a port at a time
LIMIT_S = 5  # for the rest of a message, and for the reading of an answer
SPARE_FDS = 8  # that may be open for an accepted connection which is about to be ended


def others_go_on(field, name="cli"):
    field.check_friends()
    field.serves_a_good_one(name)


@contextlib.contextmanager
def attackers(field, count, name="raw", **options):
    made = [Attacker(field.path(name), server=name != "cli", **options) for _ in range(count)]
    try:
        yield made
    finally:
        for a in made:
            a.close()


# ---- half messages ----

MESSAGE = struct.pack("=III", 9, 1, 40) + bytes(40)
HALVES = {
    **{f"{n} bytes of a message": (MESSAGE[:n], 0) for n in (1, 4, 8, 11, 12, 13, 30, 51)},
    "a byte with a descriptor": (MESSAGE[:1], 1), "a header with 8": (MESSAGE[:12], 8),
    "half a payload with 3": (MESSAGE[:30], 3),
    "a whole message and half of one": (struct.pack("=III", 3, 1, 0) + MESSAGE[:20], 0),
}


@pytest.mark.parametrize("first", range(0, len(HALVES), 4), ids=lambda n: ", ".join(list(HALVES)[n:n + 4]))
def test_half_messages_end_by_themselves(field, first):
    with field.attack("raw"), attackers(field, 4) as made:
        for a, (data, n_fds) in zip(made, list(HALVES.values())[first:first + 4]):
            a.connect()
            a.raw(data, [things.eventfd(a) for _ in range(n_fds)])
        others_go_on(field)
        others_go_on(field, "door")
        for a in made:
            a.wait_ended()


@pytest.mark.parametrize("stage", [CONNECTED, AGREED, MAPPED, SET, UP])
def test_a_half_message_at(field, stage):
    """Who has a device and leaves a message unfinished: nobody else waits for the rest."""
    with field.attack("raw"), attackers(field, 1) as (a,):
        a.to(stage)
        a.raw(a.message("SET_MEM_TABLE", table(region(BASE, 4096)))[:33], [a.memfd])
        others_go_on(field)
        others_go_on(field, "door")


def test_a_half_message_of_who_listens(field):
    with field.attack("cli"), attackers(field, 1, "cli") as (a,):
        a.connect()
        a.raw(MESSAGE[:20])
        others_go_on(field, "raw")
        a.wait_ended()


def test_a_message_that_drips(field):
    """Each byte comes in time, the whole does not."""
    with field.attack("raw"), attackers(field, 1) as (a,):
        a.connect()
        end = time.monotonic() + 6 * LIMIT_S
        for byte in MESSAGE:
            assert time.monotonic() < end
            a.raw(bytes([byte]))
            if a.is_ended(1.5):
                break
            field.check_friends()
        assert a.is_ended(0)


# ---- answers that nobody reads ----

@pytest.mark.parametrize("name", ["raw", "cli"])
@pytest.mark.parametrize("request_name", ["GET_FEATURES", "SET_FEATURES", "GET_INFLIGHT_FD"])
def test_answers_that_are_not_read(field, name, request_name):
    other = "door" if name == "cli" else "cli"
    with field.attack(name), attackers(field, 1, name) as (a,):
        a.to(AGREED)
        payload = {"GET_FEATURES": b"", "SET_FEATURES": u64(a.features),
                   "GET_INFLIGHT_FD": struct.pack("=QQHHI", 0, 0, 2, 256, 0)}[request_name]
        message = a.message(request_name, payload) * 64
        a.sock.setblocking(False)
        end = time.monotonic() + 2
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                try:
                    a.sock.send(message)
                except BlockingIOError:
                    if field.console:  # it is full: others come and go meanwhile
                        others_go_on(field, other)
        others_go_on(field, other)
        a.sock.setblocking(True)
        a.sock.settimeout(0.1)
        wait_for(lambda: has_hung_up(a), what="the end of the connection")


def has_hung_up(a):
    """Without reading anything: the other end is closed when nothing can be sent."""
    try:
        a.sock.send(b"\0")
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True
    except TimeoutError:
        return False


# ---- silence and floods ----

@pytest.mark.parametrize("stage", [CONNECTED, AGREED, MAPPED, SET])
def test_silent_ones_do_not_keep_a_guest_out(field, stage):
    with field.attack("raw"), attackers(field, 2 * PER_PORT) as made:
        for a in made:
            a.to(stage)
            field.check_friends()
        field.serves_a_good_one("raw")
        others_go_on(field)


@pytest.mark.parametrize("stage", [CONNECTED, AGREED, MAPPED])
def test_a_guest_that_runs_is_not_disturbed_by_who_comes_so_far(field, stage):
    with field.attack("raw"), attackers(field, 9) as (good, *others):
        good.start()
        field.works(good, "raw")
        for a in others:
            a.to(stage)
            field.works(good, "raw")
        assert not good.is_ended()


def test_who_brings_up_a_device_takes_the_place_of_who_has_one(field):
    with field.attack("raw"), attackers(field, 6) as made:
        for before, a in zip([None, *made], made):
            a.start()
            field.works(a, "raw")
            if before is not None:
                before.wait_ended()


def connect_many(field, count, name="raw"):
    made = []
    for _ in range(count):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(field.path(name)))
        made.append(s)
    return made


def is_bounded(field):
    return sum((field.open_fds() - field.fds).values()) <= PER_PORT + SPARE_FDS


@pytest.mark.parametrize("count", [5, 64, 1300])
def test_connections_that_are_held_open(field, count):
    with field.attack("raw"), attackers(field, 1) as (good,):
        good.start()
        held = connect_many(field, count)
        try:
            field.works(good, "raw")
            others_go_on(field)
            wait_for(lambda: is_bounded(field), what="few descriptors")
            field.serves_a_good_one("raw")
        finally:
            for s in held:
                s.close()


def test_connections_that_come_and_go(field):
    with field.attack("raw"), attackers(field, 1) as (good,):
        good.start()
        for turn in range(600):
            connect_many(field, 1)[0].close()
            if turn % 100 == 0:
                field.works(good, "raw")
        field.works(good, "raw")
        others_go_on(field)


def test_connections_that_half_close(field):
    with field.attack("raw"):
        held = connect_many(field, 12)
        for s in held:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_WR)
        others_go_on(field)
        field.serves_a_good_one("raw")
        for s in held:
            s.close()


def test_connections_that_read_nothing_and_half_close(field):
    with field.attack("raw"), attackers(field, 4) as made:
        for a in made:
            a.connect()
            a.raw(a.message("GET_FEATURES", flags=1) * 200)
            with contextlib.suppress(OSError):
                a.sock.shutdown(socket.SHUT_RD)
        others_go_on(field)


# ---- descriptors by the thousand ----

@pytest.mark.parametrize("request_name", ["SET_VRING_KICK", "SET_VRING_CALL", "SET_VRING_ERR", "SET_LOG_FD",
                                          "SET_FEATURES", "POSTCOPY_ADVISE"])
def test_three_thousand_descriptors(field, request_name):
    """Also with requests that take none; where the connection ends, the next one goes on."""
    with field.attack("raw"):
        sent, fd = 0, os.eventfd(0, os.EFD_NONBLOCK)
        try:
            while sent < 3000:
                with attackers(field, 1) as (a,):
                    a.to(AGREED)
                    payload = u64(a.features if request_name == "SET_FEATURES" else TX)
                    payload = b"" if request_name in ("SET_LOG_FD", "POSTCOPY_ADVISE") else payload
                    n_fds = 8 if request_name in ("SET_FEATURES", "POSTCOPY_ADVISE") else 1
                    for _ in range(200):
                        sent += 10
                        if not all(a.raw(a.message(request_name, payload, flags=1), [fd] * n_fds)
                                   for _ in range(10)):
                            break
        finally:
            os.close(fd)
        others_go_on(field)


def test_memory_tables_that_are_refused_with_their_files(field):
    with field.attack("raw"):
        for _ in range(40):
            with attackers(field, 1) as (a,):
                a.to(AGREED)
                bad = table(*[region(i << 30, 1 << 62) for i in range(8)])
                for _ in range(20):
                    if not a.raw(a.message("SET_MEM_TABLE", bad, flags=1), [a.memfd] * 8):
                        break
        others_go_on(field)


def test_descriptors_that_are_left_unread(field):
    """Messages and their descriptors lie in the socket when the sender goes."""
    with field.attack("raw"), attackers(field, 4) as made:
        for a in made:
            a.connect()
            a.sock.setblocking(False)
            with contextlib.suppress(OSError):
                for _ in range(400):
                    a.raw(a.message("SET_VRING_CALL", u64(TX), flags=1), [things.eventfd(a)])
        others_go_on(field)


def test_a_connection_sent_through_itself(field):
    """A circle of sockets, which only the kernel can free."""
    with field.attack("raw"), attackers(field, 4) as made:
        for a in made:
            a.connect()
        for a, other in zip(made, made[1:] + made[:1]):
            a.raw(a.message("SET_VRING_ERR", u64(TX), flags=1), [other.sock.fileno()])
        others_go_on(field)


# ---- the end at any point ----

def whole_handshake(a):
    """What a front end says until it has a device: request, payload, descriptors, answered or not."""
    yield "GET_FEATURES", b"", [], True
    yield "SET_OWNER", b"", [], False
    yield "GET_PROTOCOL_FEATURES", b"", [], True
    yield "SET_PROTOCOL_FEATURES", u64(0x1f), [], False
    yield "SET_FEATURES", u64(a.features), [], True
    yield "GET_QUEUE_NUM", b"", [], True
    yield "SET_VRING_CALL", u64(RX), [a.call[RX]], True
    yield "SET_VRING_CALL", u64(TX), [a.call[TX]], True
    yield "SET_MEM_TABLE", table(region(BASE, a.mib << 20)), [a.memfd], True
    for ring in (RX, TX):
        for request, payload, fds in a.ring_messages(ring):
            yield request, payload, fds, True
    for ring in (RX, TX):
        yield "SET_VRING_ENABLE", state(ring, 1), [], True
    yield "SET_VRING_ENABLE", state(RX, 0), [], True
    yield "GET_VRING_BASE", state(RX, 0), [], True
    yield "GET_VRING_BASE", state(TX, 0), [], True


def go_as_far_as(a, count, half, is_read):
    a.connect()
    for number, (request, payload, fds, answered) in enumerate(whole_handshake(a)):
        if number == count:
            if half:
                data = a.message(request, payload, flags=9)
                a.raw(data[:len(data) // 2], fds)
            return
        a.raw(a.message(request, payload, flags=9 if answered else 1), fds)
        if answered and is_read:
            a.answer()


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
@pytest.mark.parametrize("count", range(25))
def test_who_goes_after_message(field, count, packed):
    with field.attack("raw", "cli"):
        for name in ("raw", "cli"):
            for half, is_read in ((False, True), (True, True), (False, False)):
                with attackers(field, 1, name, packed=packed) as (a,):
                    go_as_far_as(a, count, half, is_read)
        field.check_friends()


@pytest.mark.parametrize("name", ["raw", "cli"])
def test_a_storm_of_reconnects(field, name):
    with field.attack(name):
        for turn in range(60):
            with attackers(field, 1, name, packed=turn % 2 == 1) as (a,):
                a.start()
                a.post(32)
                a.send(bytes(60))
                field.poke(name, 2)
        others_go_on(field, "door")


def test_a_storm_of_devices_at_a_time(field):
    with field.attack("raw"):
        for _ in range(8):
            with attackers(field, 6) as made:
                for stage in (CONNECTED, AGREED, MAPPED, SET, UP):
                    for a in made:
                        if a.stage is None or not a.is_ended():
                            with contextlib.suppress(ConnectionError):
                                a.to(stage)
        others_go_on(field)


def test_a_socket_that_is_taken_away(field):
    """The path of a port that connects: a folder, a file, a link to itself, nothing, and then a guest."""
    path = str(field.path("cli"))
    with field.attack("cli"):
        for make, remove in ((os.mkdir, os.rmdir), (lambda p: open(p, "w", encoding="ascii").close(), os.unlink),
                             (lambda p: os.symlink(p, p), os.unlink), (os.mkfifo, os.unlink)):
            make(path)
            field.check_friends()
            remove(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(path)
        field.check_friends()
        listener.close()
        os.unlink(path)


def test_who_listens_and_accepts_nothing(field):
    """The connection is made, and nobody ever answers it."""
    with field.attack("cli"), attackers(field, 1, "cli") as (a,):
        a.listen()
        others_go_on(field, "raw")
        others_go_on(field, "door")


def test_who_accepts_and_hangs_up(field):
    with field.attack("cli"), attackers(field, 1, "cli") as (a,):
        a.listen()
        for _ in range(5):
            a.accept()
            a.hang_up()
        others_go_on(field, "raw")
