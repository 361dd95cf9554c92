# SPDX-License-Identifier: BSD-3-Clause
"""
Whatever can be sent as a descriptor, sent where an eventfd or a memory file is expected.

Some of them block whoever writes to them, reads, maps or closes them.  While the attacker holds on to
them, neighbours go on, and another guest comes up.
"""

import contextlib
import socket
import struct

import pytest

import things
from attacker import BASE, RX, TX, Attacker, inflight, log, one_region, region, table, u64, wait_for

MIB = 1 << 20

SIGNALS = [things.eventfd, things.eventfd_blocking, things.eventfd_full, things.eventfd_semaphore,
           things.pipe_write, things.pipe_full, things.pipe_broken]
MEMORY = [things.memory, things.memory_sealed, things.tmpfs_file]
BAD_MEMORY = [things.memory_empty, things.memory_short, things.memory_odd, things.memory_read_only,
              things.memory_write_only, things.memory_write_sealed, things.memory_future_write_sealed]
# User Mode Linux is called through a socket.
PAIRED = [things.unix_socket, things.unix_socket_full]
NEITHER = [things.regular_file, things.folder, things.path_only, things.dev_null, things.dev_zero,
           things.terminal, things.fifo, things.own_socket, things.tcp_lingering, things.epoll,
           things.timerfd, things.inotify, things.signalfd, things.pidfd, things.process_memory]

# Role: how a descriptor is handed over for it.
ROLES = {
    "kick": lambda a, fd: a.hit("SET_VRING_KICK", u64(TX), [fd]),
    "call": lambda a, fd: a.hit("SET_VRING_CALL", u64(RX), [fd]),
    "err": lambda a, fd: a.hit("SET_VRING_ERR", u64(TX), [fd]),
    "memory": lambda a, fd: a.hit("SET_MEM_TABLE", table(region(BASE, 2 * MIB)), [fd]),
    "slot": lambda a, fd: a.hit("ADD_MEM_REG", one_region(8 << 30, 2 * MIB), [fd]),
    "log": lambda a, fd: a.hit("SET_LOG_BASE", log(2 * MIB), [fd]),
    "inflight": lambda a, fd: a.hit("SET_INFLIGHT_FD", inflight(2 * MIB), [fd]),
}
ROWS = []


def rows(roles, makes, verdict):
    for role in roles.split():
        for make in makes:
            ROWS.append(pytest.param(role, make, verdict, id=f"{make.__name__} as {role}"))


rows("kick call", SIGNALS, "taken")
rows("kick call", [things.pipe_read], "either")
rows("call", PAIRED, "either")
rows("err", [*SIGNALS, *PAIRED, *NEITHER, things.memory], "either")
rows("kick memory slot log inflight", PAIRED, "refused")
rows("kick call", [*NEITHER, things.memory, things.hugetlb], "refused")
rows("memory slot log inflight", MEMORY, "taken")
rows("memory slot log inflight", BAD_MEMORY, "refused")
rows("memory slot log inflight", [*NEITHER, things.eventfd, things.pipe_write], "refused")
rows("memory slot", [things.hugetlb], "either")  # without huge pages there is nothing to map


def others_go_on(field):
    """Frames of the neighbours, and the connections of other guests."""
    field.check_friends()
    field.serves_a_good_one("door", called=True)


def uses(field, a, role):
    """Frames that would have it read or written to; whether they pass depends."""
    if role in ("kick", "call", "err"):
        field.works(a, "raw")
    for _ in range(4):
        field.poke("raw", 8)


def hand_over(field, role, make, verdict):
    with contextlib.closing(Attacker(field.path("raw"))) as a:
        a.start()
        a.post(96)
        outcome = ROLES[role](a, make(a))
        others_go_on(field)
        if verdict == "taken":
            assert outcome.word == "ack", outcome
        elif verdict == "refused":
            assert outcome.word in ("nack", "ended"), outcome
        if outcome.word == "ack":
            uses(field, a, role)
        elif outcome.word == "nack":
            field.works(a, "raw")
        others_go_on(field)


@pytest.mark.parametrize("role, make, verdict", ROWS)
def test_descriptor(field, role, make, verdict):
    with field.attack("raw"):
        hand_over(field, role, make, verdict)


@pytest.mark.parametrize("role", ROLES)
def test_a_file_whose_file_system_does_not_answer(field, role):
    with field.attack("raw"), contextlib.closing(Attacker(field.path("raw"))) as a:
        fuse = things.Fuse(str(field.rig.workdir / "fuse"))
        try:
            a.start()
            a.own(fuse.open())
            outcome = ROLES[role](a, a.mine[-1])
            others_go_on(field)
            assert outcome.word in ("nack", "ended") or role == "err", outcome
            a.hang_up()
            others_go_on(field)
        finally:
            fuse.end()  # from here on its file can be closed


@pytest.mark.parametrize("make", [things.tcp_lingering, things.unix_socket_full, things.fifo])
def test_many_that_do_not_close(field, make):
    """What has to be closed for one guest and cannot be keeps that guest waiting and nobody else."""
    with field.attack("raw"):
        attackers = []
        try:
            for _ in range(40):
                a = Attacker(field.path("raw"))
                attackers.append(a)
                a.sock = None
                a.connect()
                a.raw(a.message("SET_VRING_ERR", u64(TX), flags=1), [make(a)])
            others_go_on(field)
        finally:
            for a in attackers:
                a.close()


def through(a, fd):
    """A socket in whose queue another one lies."""
    one, other = socket.socketpair()
    socket.send_fds(one, [b"x"], [fd])
    a.own(one.detach())
    return a.own(other.detach())


def through_urgent(a, fd):
    """The same, with a byte that was read as an urgent one: the queue counts as empty."""
    one, other = socket.socketpair()
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("=i", fd))], socket.MSG_OOB)
    other.recv(1, socket.MSG_OOB)
    a.own(one.detach())
    return a.own(other.detach())


KEEPS = {
    "kick": lambda a, fd: a.raw(a.message("SET_VRING_KICK", u64(TX), flags=1), [fd]),
    "call": lambda a, fd: a.raw(a.message("SET_VRING_CALL", u64(RX), flags=1), [fd]),
    "err": lambda a, fd: a.raw(a.message("SET_VRING_ERR", u64(RX), flags=1), [fd]),
    "channel": lambda a, fd: a.raw(a.message("SET_BACKEND_REQ_FD", flags=1), [fd]),
    "call, within another socket": lambda a, fd: KEEPS["call"](a, through(a, fd)),
    "channel, within another socket": lambda a, fd: KEEPS["channel"](a, through(a, fd)),
    "call, behind an urgent byte": lambda a, fd: KEEPS["call"](a, through_urgent(a, fd)),
    "channel, behind an urgent byte": lambda a, fd: KEEPS["channel"](a, through_urgent(a, fd)),
}


@pytest.mark.parametrize("solo", [False, True], ids=["", "solo"])
@pytest.mark.parametrize("role", KEEPS)
@pytest.mark.parametrize("name", ["raw", "cli"])
def test_who_hands_over_his_own_connection_and_goes(field, name, role, solo):
    """His end of it is then open here: that he has gone must be seen all the same."""
    with field.attack(name):
        with contextlib.closing(Attacker(field.path(name), server=name == "raw", solo=solo)) as a:
            a.start()
            KEEPS[role](a, a.sock.fileno())
        wait_for(lambda: not is_up(field, name), what="the port down")


def is_up(field, name):
    return {g["name"]: g["up"] for g in field.console.run("show guest")}[name]


@pytest.mark.parametrize("make", SIGNALS)
@pytest.mark.parametrize("idle", ["sleep", "pause"])
def test_signals_while_workers_rest(field, make, idle):
    """Workers that sleep wait for kicks; a kick that is always there must not keep others from theirs."""
    with field.attack("raw"):
        field.console.run(f"set lcore idle {idle}", as_json=False)
        try:
            with contextlib.closing(Attacker(field.path("raw"))) as a:
                a.start()
                for ring in (RX, TX):
                    assert a.hit("SET_VRING_KICK", u64(ring), [make(a)]).word == "ack"
                    assert a.hit("SET_VRING_CALL", u64(ring), [make(a)]).word == "ack"
                others_go_on(field)
                wait_for(lambda: a.is_drained(TX), what="nothing")
        finally:
            field.console.run("set lcore idle poll", as_json=False)
