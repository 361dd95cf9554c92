# SPDX-License-Identifier: BSD-3-Clause
"""
A hostile front end: any bytes, any descriptors, any memory, split and packed rings with anything in
them, through a port that listens and through one that connects.

Reference: the vhost-user protocol in QEMU's docs/interop/vhost-user.rst; virtio 1.2, 2.7 (split rings)
and 2.8 (packed rings).
"""

import contextlib
import os
import select
import socket
import struct
import threading

import bf
import vhost_frontend as vhost
from bf import LIMIT
from vhost_frontend import BASE, HEADER, NEED_REPLY, NEXT, RX, TX, WRITE

INDIRECT = 4
AVAIL, USED = 1 << 7, 1 << 15  # packed: flags of a descriptor, virtio 1.2, 2.8.1
CONTROL = 2
PAGE = 4096
BUFFER = 2048
N_BUFFERS = 192  # of a ring
FD_NONE = 1 << 8  # SET_VRING_KICK and the like: no descriptor comes

# Features and protocol features that have no name in vhost_frontend.py.
PACKED, INDIRECT_DESC, CTRL_VQ = 1 << 34, 1 << 28, 1 << 17
MQ, NET_MTU, INBAND = 1 << 0, 1 << 4, 1 << 14
BACKEND_REQ, INFLIGHT_SHMFD, RESET_DEVICE_BIT = 1 << 5, 1 << 12, 1 << 13
MEM_SLOTS, STATUS = 1 << 15, 1 << 16
WANTED = (MQ | vhost.PROTOCOL_LOG_SHMFD | vhost.PROTOCOL_RARP | vhost.PROTOCOL_REPLY_ACK | NET_MTU
          | BACKEND_REQ | INFLIGHT_SHMFD | RESET_DEVICE_BIT | MEM_SLOTS | STATUS)

REQUEST = {
    "GET_FEATURES": 1, "SET_FEATURES": 2, "SET_OWNER": 3, "RESET_OWNER": 4, "SET_MEM_TABLE": 5,
    "SET_LOG_BASE": 6, "SET_LOG_FD": 7, "SET_VRING_NUM": 8, "SET_VRING_ADDR": 9,
    "SET_VRING_BASE": 10, "GET_VRING_BASE": 11, "SET_VRING_KICK": 12, "SET_VRING_CALL": 13,
    "SET_VRING_ERR": 14, "GET_PROTOCOL_FEATURES": 15, "SET_PROTOCOL_FEATURES": 16,
    "GET_QUEUE_NUM": 17, "SET_VRING_ENABLE": 18, "SEND_RARP": 19, "NET_SET_MTU": 20,
    "SET_BACKEND_REQ_FD": 21, "IOTLB_MSG": 22, "SET_VRING_ENDIAN": 23, "GET_CONFIG": 24,
    "SET_CONFIG": 25, "CREATE_CRYPTO_SESSION": 26, "CLOSE_CRYPTO_SESSION": 27,
    "POSTCOPY_ADVISE": 28, "POSTCOPY_LISTEN": 29, "POSTCOPY_END": 30, "GET_INFLIGHT_FD": 31,
    "SET_INFLIGHT_FD": 32, "GPU_SET_SOCKET": 33, "RESET_DEVICE": 34, "VRING_KICK": 35,
    "GET_MAX_MEM_SLOTS": 36, "ADD_MEM_REG": 37, "REM_MEM_REG": 38, "SET_STATUS": 39,
    "GET_STATUS": 40, "GET_SHARED_OBJECT": 41, "SET_DEVICE_STATE_FD": 42, "CHECK_DEVICE_STATE": 43,
}
DRIVER_OK = 0xf  # and all that comes before it, virtio 1.2, 2.1

# Where a conversation stands when a case begins.
CONNECTED, AGREED, MAPPED, SET, UP = "connected", "agreed", "mapped", "set", "up"


# Payloads.

def u64(value):
    return struct.pack("=Q", value % (1 << 64))


def state(ring, value):
    return struct.pack("=II", ring, value % (1 << 32))


def addr(ring, desc, avail, used, flags=0, log=0):
    return struct.pack("=IIQQQQ", ring, flags, *(v % (1 << 64) for v in (desc, used, avail, log)))


def region(gpa, size, uva=None, offset=0):
    values = (gpa, size, gpa if uva is None else uva, offset)
    return struct.pack("=QQQQ", *(v % (1 << 64) for v in values))


def table(*regions, count=None):
    return struct.pack("=II", len(regions) if count is None else count, 0) + b"".join(regions)


def one_region(*args, **kwargs):
    """The payload of ADD_MEM_REG and REM_MEM_REG."""
    return bytes(8) + region(*args, **kwargs)


def log(size, offset=0):
    return struct.pack("=QQ", size % (1 << 64), offset % (1 << 64))


def inflight(size, offset=0, n_rings=2, ring_size=256):
    return struct.pack("=QQHHI", size % (1 << 64), offset % (1 << 64), n_rings, ring_size, 0)


def wait_for(cond, timeout=LIMIT, what="condition"):
    """bf's, for conditions that cost little: no process is started."""
    return bf.wait_for(cond, timeout, what, step=0.002)


class Stuck(Exception):
    """Neither an answer nor an end."""


class Outcome:
    """What became of a message."""

    def __init__(self, word, payload=b"", fds=()):
        self.word = word  # ack, nack, answer, silent, ended
        self.payload = payload
        self.fds = list(fds)

    def u64(self):
        return struct.unpack_from("=Q", self.payload)[0]

    def __repr__(self):
        return f"{self.word} {self.payload[:40].hex()}".strip()


class Attacker(vhost.Frontend):
    """
    A device of one queue pair whose owner says what he likes.

    server: bondfwd listens and we connect; else we listen and bondfwd connects.
    need: `hit` asks for an answer.
    solo: as a virtual machine without a device model (User Mode Linux), with a control queue.
    """

    def __init__(self, path, server=True, packed=False, size=256, mib=None, need=True, features=0,
                 without=0, regions=1, mergeable=True, solo=False):
        # Each ring: descriptors, driver's area, device's area; then buffers.
        self.span = -(-(16 * size + 2 * size + 6 + 8 * size + 6 + 3 * PAGE) // PAGE) * PAGE
        self.rings = (RX, TX, CONTROL) if solo else (RX, TX)
        least = len(self.rings) * (self.span + N_BUFFERS * BUFFER)
        mib = mib or 1 << max(1, ((least - 1) >> 20).bit_length())
        super().__init__(path, size=size, regions=regions, mib=mib)
        self.server, self.packed, self.need = server, packed, need
        self.features |= (PACKED if packed else 0) | features | (CTRL_VQ if solo else 0)
        self.features &= ~(without | (0 if mergeable else vhost.MRG_RXBUF))
        if solo:  # without the feature MQ it is the third ring
            self.kick.append(os.eventfd(0, os.EFD_NONBLOCK))
            self.call.append(os.eventfd(0, os.EFD_NONBLOCK))
        self.header = HEADER
        self.listener = None
        self.mine = []  # descriptors to close at the end
        self.given = []  # and once they are sent
        self.stage = None
        self.begin_rings()

    # The connection.

    def connect(self):
        if self.server:
            super().connect()
            self.sock.settimeout(LIMIT)
        else:
            self.listen()
            self.accept()
        self.stage = CONNECTED

    def listen(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(LIMIT)
        self.listener.bind(self.path)
        self.listener.listen(16)

    def accept(self):
        self.sock, _ = self.listener.accept()
        self.sock.settimeout(LIMIT)

    def close(self):
        if self.listener:
            self.listener.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            self.listener = None
        if self.sock is None:  # was never connected
            self.sock = socket.socket(socket.AF_UNIX)
        super().close()
        for fd in self.mine:
            with contextlib.suppress(OSError):
                os.close(fd)
        self.mine = []

    def hang_up(self):
        """End the connection and keep memory and descriptors."""
        self.sock.close()

    def own(self, fd):
        """Keep a descriptor open until the attacker goes."""
        self.mine.append(fd)
        return fd

    def give(self, fd):
        """Close a descriptor once it is sent: the last one to close it, who may have to wait, is bondfwd."""
        self.given.append(fd)
        return fd

    def memory_file(self, size, name="attack", flags=0):
        fd = self.own(os.memfd_create(name, flags))
        os.ftruncate(fd, size)
        return fd

    # Messages.

    def raw(self, data, fds=()):
        """Any bytes, with any descriptors; False when the other end has gone."""
        try:
            if fds:
                sent = socket.send_fds(self.sock, [data], list(fds))
                self.sock.sendall(data[sent:])
            else:
                self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False
        finally:
            for fd in self.given:
                threading.Thread(target=os.close, args=(fd,)).start()
            self.given = []

    def message(self, request, payload=b"", size=None, flags=None):
        request = REQUEST.get(request, request)
        if flags is None:
            flags = 1 | (NEED_REPLY if self.need else 0)
        return struct.pack("=III", request, flags, len(payload) if size is None else size) + payload

    def hit(self, request, payload=b"", fds=(), size=None, flags=None):
        """Send a message, then one that is always answered; what came of the first."""
        number = REQUEST.get(request, request)
        probe = vhost.GET_FEATURES if number != vhost.GET_FEATURES else vhost.GET_PROTOCOL_FEATURES
        if not self.raw(self.message(number, payload, size, flags), fds):
            return Outcome("ended")
        self.raw(struct.pack("=III", probe, 1, 0))
        outcome = Outcome("silent")
        while True:
            try:
                came, data, got = self.answer()
            except (ConnectionError, ConnectionResetError):
                return Outcome("ended")
            if came == probe:
                return outcome
            if len(data) == 8 and number not in ANSWERED:
                outcome = Outcome("nack" if any(data) else "ack", data, got)
            else:
                outcome = Outcome("answer", data, got)

    def answer(self):
        """One message of the other end: request, payload, descriptors."""
        head, fds = b"", []
        while len(head) < 12:
            piece, more, _, _ = socket.recv_fds(self.sock, 12 - len(head), 16)
            fds += more
            if not piece:
                raise ConnectionError("ended")
            head += piece
        self.mine += fds
        request, _, length = struct.unpack("=III", head)
        return request, self._read(length), fds

    def is_ended(self, timeout=0.0):
        """The other end has closed the connection; what it sent before is thrown away."""
        end = select.poll()
        end.register(self.sock, select.POLLIN)
        while end.poll(timeout * 1000):
            try:
                if not self.sock.recv(65536):
                    return True
            except (ConnectionResetError, BrokenPipeError):
                return True
        return False

    def wait_ended(self):
        wait_for(lambda: self.is_ended(0.05), what="the end of the connection")

    # Setting up.

    def agree(self, protocol=WANTED):
        if CONTROL in self.rings:  # it does not ask before it owns
            self.say(vhost.SET_OWNER, ack=False)
        self.offered = struct.unpack("=Q", self.say(vhost.GET_FEATURES, reply=True))[0]
        assert self.offered & self.features == self.features, hex(self.features & ~self.offered)
        if CONTROL not in self.rings:
            self.say(vhost.SET_OWNER, ack=False)
        self.offered_protocol = struct.unpack(
            "=Q", self.say(vhost.GET_PROTOCOL_FEATURES, reply=True))[0]
        self.protocol = protocol & self.offered_protocol
        self.u64(vhost.SET_PROTOCOL_FEATURES, self.protocol, ack=False)
        self.u64(vhost.SET_FEATURES, self.features)
        self.stage = AGREED

    def ring_messages(self, ring):
        """What sets up a ring: request, payload, descriptors."""
        base = 0x80008000 if self.packed else 0
        return [
            (vhost.SET_VRING_NUM, state(ring, self.size), []),
            (vhost.SET_VRING_BASE, state(ring, base), []),
            (vhost.SET_VRING_ADDR, self.addr(ring), []),
            (vhost.SET_VRING_CALL, u64(ring), [self.call[ring]]),
            (vhost.SET_VRING_KICK, u64(ring), [self.kick[ring]]),
        ]

    def addr(self, ring, **other):
        at = {"desc": self.at(ring, "desc"), "avail": self.at(ring, "avail"),
              "used": self.at(ring, "used")}
        return addr(ring, **{**at, **other})

    def ring_start(self, ring, base=None):
        for request, payload, fds in self.ring_messages(ring):
            if request == vhost.SET_VRING_BASE and base is not None:
                payload = state(ring, base)
            self.say(request, payload, fds)

    def to(self, stage):
        """Go on from where the conversation is."""
        if self.stage is None:
            self.connect()
        if stage == CONNECTED or self.stage == stage:
            return self
        if self.stage == CONNECTED:
            self.agree()
        if stage == AGREED:
            return self
        if self.stage == AGREED:
            self.mem_table()
            self.stage = MAPPED
        if stage == MAPPED:
            return self
        if self.stage == MAPPED:
            for ring in self.rings:
                self.ring_start(ring)
            self.stage = SET
        if stage == SET:
            return self
        for ring in self.rings:
            self.enable(ring)
        if self.protocol & STATUS:
            self.u64(REQUEST["SET_STATUS"], DRIVER_OK)
        self.stage = UP
        return self

    def start(self):
        return self.to(UP)

    def set_up_again(self):
        """Everything from its beginning, on the same connection."""
        if self.stage == CONNECTED:
            self.agree()
        else:
            self.u64(vhost.SET_PROTOCOL_FEATURES, self.protocol, ack=False)
            self.u64(vhost.SET_FEATURES, self.features)
        for ring in self.rings:
            self.state(vhost.GET_VRING_BASE, ring, 0, reply=True)
        self.begin_rings()
        self.fill(BASE, bytes(len(self.rings) * self.span))
        self.stage = AGREED
        self.to(UP)

    # Rings, of both kinds.

    def begin_rings(self):
        self.slot = [0, 0, 0]  # split: next descriptor; packed: next slot
        self.wrap = [1, 1, 1]
        self.look = [0, 0, 0]  # packed: next slot to become used
        self.look_wrap = [1, 1, 1]
        self.chains = [{}, {}, {}]  # head or id: (descriptors, address of the first)
        self.lapsed = [0, 0, 0]  # packed: chains not used yet
        self.avail_idx, self.used_idx = [0, 0, 0], [0, 0, 0]

    def offset(self, ring, area):
        after = {"desc": 0, "avail": 16 * self.size, "used": 16 * self.size + 2 * PAGE}
        if area == "used" and self.size > 1024:
            return ring * self.span + 16 * self.size + (2 * self.size + 6 + PAGE) // PAGE * PAGE
        return ring * self.span + after[area]

    def at(self, ring, area):
        """Guest address of a part of a ring."""
        return BASE + self.offset(ring, area)

    def write(self, ring, area, at, fmt, *values):
        at += self.offset(ring, area)
        self.memory[at:at + struct.calcsize(fmt)] = struct.pack(fmt, *values)

    def rings_bytes(self, ring):
        """Descriptors and what the device says has been used."""
        used = b"" if self.packed else self.bytes_at(self.at(ring, "used") + 2, 2 + 8 * self.size)
        return self.bytes_at(self.at(ring, "desc"), 16 * self.size) + used

    def read(self, ring, area, at, fmt):
        return struct.unpack_from(fmt, self.memory, self.offset(ring, area) + at)

    def buffer(self, ring, i):
        return BASE + len(self.rings) * self.span + (ring * N_BUFFERS + i % N_BUFFERS) * BUFFER

    def end(self):
        """The first guest address behind the memory."""
        return BASE + (self.mib << 20)

    def fill(self, addr, data):
        self.memory[addr - BASE:addr - BASE + len(data)] = data

    def indirect_table(self, parts, at=None, nexts=True):
        """A table of descriptors in memory; its descriptor."""
        at = at or self.end() - 256 * 1024 // 4
        data = b""
        for i, (address, length, flags) in enumerate(parts):
            if self.packed:
                data += struct.pack("=QIHH", address % (1 << 64), length, 0, flags)
            else:
                more = NEXT if nexts and i + 1 < len(parts) else 0
                data += struct.pack("=QIHH", address % (1 << 64), length, flags | more, i + 1)
        self.fill(at, data)
        return at, len(data), INDIRECT

    def offer(self, ring, *parts, head=None, flags=0):
        """Make a chain available: parts are (address, length, flags)."""
        if self.packed:
            self.offer_packed(ring, parts, head, flags)
        else:
            self.offer_split(ring, parts, head, flags)

    def offer_split(self, ring, parts, head, flags):
        first = self.slot[ring]
        for i, (address, length, own) in enumerate(parts):
            slot = (first + i) % self.size
            more = NEXT if i + 1 < len(parts) else 0
            self.desc(ring, slot, address, length, own | more | flags, (slot + 1) % self.size)
        self.slot[ring] = (first + len(parts)) % self.size
        head = first if head is None else head
        self.chains[ring][head] = len(parts), parts[0][0] if parts else 0
        self.avail(ring, head)

    def desc(self, ring, i, addr, length, flags=0, following=0):
        self.write(ring, "desc", 16 * i, "=QIHH", addr % (1 << 64), length, flags, following)

    def avail(self, ring, head):
        self.write(ring, "avail", 4 + 2 * (self.avail_idx[ring] % self.size), "=H", head)
        self.set_avail_idx(ring, self.avail_idx[ring] + 1)

    def set_avail_idx(self, ring, value):
        self.avail_idx[ring] = value % 65536
        self.write(ring, "avail", 2, "=H", self.avail_idx[ring])

    def offer_packed(self, ring, parts, head, flags):
        buffer_id = self.slot[ring] if head is None else head
        todo = []
        for i, (address, length, own) in enumerate(parts):
            more = NEXT if i + 1 < len(parts) else 0
            todo.append((self.slot[ring], address, length, buffer_id,
                         own | more | flags | self.available(ring)))
            self.advance(ring)
        for slot, address, length, number, own in reversed(todo):
            self.packed_desc(ring, slot, address, length, number, own)
        self.chains[ring][buffer_id] = len(parts), parts[0][0] if parts else 0
        self.lapsed[ring] += 1

    def available(self, ring):
        return AVAIL if self.wrap[ring] else USED

    def advance(self, ring):
        self.slot[ring] += 1
        if self.slot[ring] >= self.size:
            self.slot[ring] = 0
            self.wrap[ring] ^= 1

    def packed_desc(self, ring, slot, address, length, number, flags):
        """The flags last: they make it available."""
        self.write(ring, "desc", 16 * slot, "=QIH", address % (1 << 64), length, number)
        self.write(ring, "desc", 16 * slot + 14, "=H", flags)

    def used(self, ring):
        """What has been used since the last look: (head or id, length)."""
        return self.used_packed(ring) if self.packed else self.used_split(ring)

    def used_split(self, ring):
        end = self.read(ring, "used", 2, "=H")[0]
        entries = []
        while self.used_idx[ring] != end and len(entries) < self.size:
            entries.append(self.read(ring, "used", 4 + 8 * (self.used_idx[ring] % self.size), "=II"))
            self.used_idx[ring] = (self.used_idx[ring] + 1) % 65536
        return entries

    def used_packed(self, ring):
        entries = []
        while len(entries) < self.size:
            _, length, number, flags = self.read(ring, "desc", 16 * self.look[ring], "=QIHH")
            if not bool(flags & AVAIL) == bool(flags & USED) == bool(self.look_wrap[ring]):
                break
            entries.append((number, length))
            self.lapsed[ring] -= 1
            self.look[ring] += self.chains[ring].get(number, (1, 0))[0]
            if self.look[ring] >= self.size:
                self.look[ring] -= self.size
                self.look_wrap[ring] ^= 1
        return entries

    def is_drained(self, ring):
        if not self.packed:
            return self.read(ring, "used", 2, "=H")[0] == self.avail_idx[ring]
        self.used_packed(ring)
        return self.lapsed[ring] == 0

    def outstanding(self, ring):
        """Buffers that were made available and have not been seen to be used."""
        return (self.lapsed[ring] if self.packed
                else (self.avail_idx[ring] - self.used_idx[ring]) % 65536)

    def post(self, count=64):
        """Buffers to receive into, as far as there is room in the ring."""
        for _ in range(min(count, self.size - self.outstanding(RX))):
            self.offer(RX, (self.buffer(RX, self.slot[RX]), BUFFER, WRITE))

    def send(self, frame, header=bytes(HEADER)):
        address = self.buffer(TX, self.slot[TX])
        self.fill(address, header + frame)
        self.offer(TX, (address, len(header) + len(frame), 0))

    def received(self):
        """Frames of one buffer each that came since the last look."""
        return [self.bytes_at(self.chains[RX][head][1] + self.header, length - self.header)
                for head, length in self.used(RX) if head in self.chains[RX]]


# Requests that have an answer of their own.
ANSWERED = {REQUEST[name] for name in (
    "GET_FEATURES", "GET_PROTOCOL_FEATURES", "GET_QUEUE_NUM", "GET_VRING_BASE", "GET_INFLIGHT_FD",
    "GET_MAX_MEM_SLOTS", "GET_STATUS", "GET_CONFIG")}
