# SPDX-License-Identifier: BSD-3-Clause
"""
The guests' front door: who gets in, who has to wait, who is put out, and that nobody else notices.

Front ends of our own (vhost_frontend.py) do what no QEMU would; test/attack has many more of them.
"""

import contextlib
import fcntl
import os
import resource
import select
import shutil
import socket
import struct
import time

import pytest

import vhost_frontend as vhost
from bf import FAR_MAC, guest_mac, wait_for
from vhost_frontend import RX, TX, Frontend

VM1 = guest_mac(1)
REFUSED = r"^WARNING: guest_refused: "


class Listener:
    """The other end of a client-mode port: a socket that bondfwd connects to."""

    def __init__(self, path):
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(1)
        self.sock.settimeout(10)

    def accept(self):
        return self.sock.accept()[0]

    def close(self):
        self.sock.close()
        self.path.unlink(missing_ok=True)


def front_end(path, connection=None, **options):
    """A front end whose device runs; over a connection that was accepted, or one of its own."""
    client = Frontend(path, **options)
    if connection:
        connection.settimeout(10)
        client.connect = lambda: setattr(client, "sock", connection)
    client.start()
    client.post(128)
    return client


def guest(r, name="raw"):
    return {g["name"]: g for g in r.daemon.ctl("show guest", json=True)}[name]


def is_up(r, name="raw"):
    return guest(r, name)["up"]


def add(r, name="raw", mode="server", **options):
    path = r.workdir / f"{name}.sock"
    words = "".join(f",{k}={v}" for k, v in options.items())
    r.daemon.ctl(f"add guest {name} socket={path},mode={mode}{words}")
    return path


def neighbours_are_well(r, stream):
    assert r.transfer(r.far[0], r.vm(1), stream, 200, src=FAR_MAC, dst=VM1)["missing"] == 0


def is_closed(connection):
    """The other end has closed it."""
    try:
        return connection.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def open_files(r):
    return len(os.listdir(f"/proc/{r.daemon.proc.pid}/fd"))


@pytest.fixture
def door(rig):
    """A rig with a good guest, vm1, and room for others."""
    r = rig(guests=("vm1",), log_allowed=(REFUSED,))
    r.learn_all()
    return r


def test_who_merely_connects_takes_nothing_away(door):
    path = add(door)
    with contextlib.closing(front_end(path)):
        wait_for(lambda: is_up(door), what="the guest up")
        for _ in range(3):
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
                probe.connect(str(path))
        # A second instance and a check look at the path as well.
        assert door.daemon.run_ctl("show guest raw").returncode == 0
        assert guest(door)["connects"] == 1 and is_up(door)
        neighbours_are_well(door, 1)
        wait_for(lambda: guest(door)["peer"]["pid"] == os.getpid(), what="the first one still there")


def test_connections_of_one_port_are_bounded(door):
    path = add(door)
    before = open_files(door)
    with contextlib.closing(front_end(path)):
        wait_for(lambda: is_up(door), what="the guest up")
        served = open_files(door)
        idle = []
        for _ in range(40):
            idle.append(socket.socket(socket.AF_UNIX))
            idle[-1].connect(str(path))
        wait_for(lambda: sum(is_closed(c) for c in idle) >= 37, what="the oldest ones put out")
        assert not is_closed(idle[-1]), "the newest one may stay"
        assert open_files(door) <= served + 3
        assert is_up(door)
        for connection in idle:
            connection.close()
    wait_for(lambda: open_files(door) <= before, what="every descriptor given back")


def test_half_a_message_stops_nobody_and_is_ended(door):
    path = add(door)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as slow:
        slow.connect(str(path))
        slow.sendall(struct.pack("=III", vhost.SET_FEATURES, 1, 8))
        # Another port is served meanwhile.
        with contextlib.closing(front_end(add(door, "other"))):
            wait_for(lambda: is_up(door, "other"), what="another guest up")
        wait_for(lambda: is_closed(slow), what="the slow one put out")
    wait_for(lambda: any("not finished in time" in e["text"] for e in door.events("guest_refused")),
             what="the event")


def test_answers_that_are_not_read_stop_nobody_and_are_ended(door):
    path = add(door)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as deaf:
        deaf.connect(str(path))
        deaf.setblocking(False)
        ask = struct.pack("=III", vhost.GET_FEATURES, 1, 0)
        with contextlib.suppress(BlockingIOError):
            while True:
                deaf.send(ask * 64)
        with contextlib.closing(front_end(add(door, "other"))):
            wait_for(lambda: is_up(door, "other"), what="another guest up")
        wait_for(lambda: any("not read in time" in e["text"] for e in door.events("guest_refused")),
                 what="the event")


def test_a_socket_that_appears_is_connected_to(door):
    folder = door.workdir / "later"
    path = folder / "raw.sock"
    door.daemon.ctl(f"add guest raw socket={path}")
    assert not is_up(door)
    for _ in range(3):
        folder.mkdir()
        listener = Listener(path)
        connection = listener.accept()
        with contextlib.closing(front_end(path, connection)):
            wait_for(lambda: is_up(door), what="the guest up")
        wait_for(lambda: not is_up(door), what="the guest gone")
        listener.close()
        shutil.rmtree(folder)


def test_a_front_end_that_returns_is_served_at_once(door):
    path = door.workdir / "raw.sock"
    listener = Listener(path)
    add(door, mode="client")
    for _ in range(5):
        connection = listener.accept()
        with contextlib.closing(front_end(path, connection)):
            wait_for(lambda: is_up(door), what="the guest up")
        listener.close()
        listener = Listener(path)
    listener.close()


def test_the_number_of_queues_is_the_ports(door):
    for queues in (1, 3, 8):
        path = add(door, f"q{queues}", queues=queues)
        with contextlib.closing(Frontend(path)) as client:
            client.connect()
            answer = client.say(17, reply=True)
            assert struct.unpack("=Q", answer) == (queues,)


def test_a_full_blocking_call_descriptor_holds_up_its_guest_alone(door):
    """Whoever made an eventfd can fill it and make it block; a worker must not notice."""
    with contextlib.closing(front_end(add(door))) as bad, \
            contextlib.closing(front_end(add(door, "good"))) as good:
        wait_for(lambda: is_up(door) and is_up(door, "good"), what="both up")
        full = os.eventfd(0, 0)
        os.write(full, struct.pack("=Q", 2**64 - 2))
        for ring in (RX, TX):
            bad.u64(vhost.SET_VRING_CALL, ring, [full])
        assert not fcntl.fcntl(full, fcntl.F_GETFL) & os.O_NONBLOCK
        poller = select.poll()
        poller.register(good.call[TX], select.POLLIN)
        with contextlib.suppress(BlockingIOError):
            os.read(good.call[TX], 8)
        worst = 0
        for number in range(64):
            frame = bytes.fromhex("ffffffffffff52540099000088b5") + struct.pack("!I", number)
            bad.send(frame.ljust(60, b"\0"))
            good.send(frame.replace(b"\x99\0\0", b"\x99\0\1").ljust(60, b"\0"))
            began = time.monotonic()
            assert poller.poll(5000), "the good guest is called"
            worst = max(worst, time.monotonic() - began)
            os.read(good.call[TX], 8)
            good.used(TX)
            bad.used(TX)
        print(f"worst delay of a call: {worst * 1e6:.0f} us")
        neighbours_are_well(door, 1)
        os.close(full)


@pytest.mark.parametrize("what", ["pipe", "socket", "file", "device"])
def test_whatever_a_call_descriptor_is_the_neighbours_are_called(door, what):
    made = {"pipe": lambda: os.pipe()[1], "socket": lambda: socket.socketpair()[0].detach(),
            "file": lambda: os.open(door.workdir / "f", os.O_RDWR | os.O_CREAT),
            "device": lambda: os.open("/dev/zero", os.O_RDWR)}[what]()
    with contextlib.closing(front_end(add(door))) as client:
        wait_for(lambda: is_up(door), what="the guest up")
        with contextlib.suppress(vhost.Refused, ConnectionError):
            client.u64(vhost.SET_VRING_CALL, RX, [made])
        neighbours_are_well(door, 1)
    os.close(made)


def test_descriptors_are_given_back_with_refused_messages(door):
    path = add(door)
    before = open_files(door)
    for _ in range(200):
        with contextlib.closing(Frontend(path)) as client:
            client.connect()
            client.handshake()
            with contextlib.suppress(vhost.Refused, ConnectionError):
                client.say(vhost.SET_MEM_TABLE, bytes(8 + 32), [client.memfd] * 8)
            with contextlib.suppress(vhost.Refused, ConnectionError):
                client.u64(vhost.SET_VRING_KICK, 0, [client.sock.fileno()])
    wait_for(lambda: open_files(door) <= before, what="every descriptor given back")
    neighbours_are_well(door, 1)


def test_what_is_known_of_a_connection_is_shown(door):
    with contextlib.closing(front_end(add(door), regions=2)) as client:
        wait_for(lambda: is_up(door), what="the guest up")
        with pytest.raises((vhost.Refused, ConnectionError)):
            client.u64(vhost.SET_FEATURES, 1 << 63)
        shown = guest(door)
        assert shown["peer"]["pid"] == os.getpid() and shown["peer"]["uid"] == os.getuid()
        assert {"mrg_rxbuf", "version_1"} <= set(shown["feature_names"].split())
        assert "reply_ack" in shown["protocol_feature_names"].split()
        assert [r["size"] for r in shown["regions"]] == [1 << 20, 1 << 20]
        assert [(r["kind"], r["size"], r["mode"]) for r in shown["rings"]] == [("split", 256, "own")] * 2
        assert shown["last_refusal"].startswith("SET_FEATURES: ")
        text = door.daemon.ctl("show guest raw")
        assert f"pid {os.getpid()}" in text and "SET_FEATURES" in text and "version_1" in text


def test_a_front_end_that_allows_longer_packets_than_its_port_is_named(rig):
    r = rig(guests=("vm1",), far_peers=False, log_allowed=[r"^WARNING: guest_mtu: raw: "])
    client = Frontend(add(r, mtu=1500))
    client.features |= 1 << 3  # VIRTIO_NET_F_MTU
    with contextlib.closing(client):
        client.connect()
        client.handshake()
        client.u64(vhost.SET_PROTOCOL_FEATURES, 1 << 4 | vhost.PROTOCOL_REPLY_ACK)
        client.u64(vhost.NET_SET_MTU, 9000)
        client.mem_table()
        for ring in (RX, TX):
            client.ring_start(ring)
            client.enable(ring)
        wait_for(lambda: is_up(r), what="the guest up")
        wait_for(lambda: r.events("guest_mtu"), what="the event")
        text = r.events("guest_mtu")[0]["text"]
        assert "9000" in text and "1500" in text and "host_mtu" in text


def test_a_front_end_with_more_queues_than_its_port_is_named(rig):
    r = rig(guests=("vm1",), far_peers=False, log_allowed=[r"^WARNING: guest_queues: raw: "])
    with contextlib.closing(front_end(add(r, queues=1))) as client:
        wait_for(lambda: is_up(r), what="the guest up")
        assert r.events("guest_queues") == []
        for ring in (2, 3):
            client.kick.append(os.eventfd(0, os.EFD_NONBLOCK))
            client.call.append(os.eventfd(0, os.EFD_NONBLOCK))
            client.ring_start(ring)
            client.enable(ring)
        wait_for(lambda: r.events("guest_queues"), what="the event")
        client.enable(2, False)
        client.enable(2)
        text = r.events("guest_queues")[0]["text"]
        assert "queue pair 2, the port has 1" in text and "set guest raw queues=2" in text
    assert len(r.events("guest_queues")) == 1


def test_the_limit_of_open_files_is_raised_or_named(rig):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        r = rig(guests=("vm1",))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with open(f"/proc/{r.daemon.proc.pid}/limits", encoding="ascii") as limits:
        line = next(entry for entry in limits if entry.startswith("Max open files"))
    assert int(line.split()[3]) > 256
