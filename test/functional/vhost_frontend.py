# SPDX-License-Identifier: BSD-3-Clause
"""
The driver's end of a vhost-user port, message by message: what QEMU says, and what no QEMU would.

One queue pair of split or packed rings in memory of its own, laid out here; bondfwd serves the socket.
Reference: the vhost-user protocol in QEMU's docs/interop/vhost-user.rst, virtio 1.2 sections 2.7, 2.8.
"""

import contextlib
import mmap
import os
import socket
import struct

VERSION_1 = 1 << 32
RING_PACKED = 1 << 34
MRG_RXBUF = 1 << 15
EVENT_IDX = 1 << 29
INDIRECT = 1 << 28
PROTOCOL_FEATURES = 1 << 30
NET_CSUM, NET_GUEST_CSUM = 1 << 0, 1 << 1
NET_GUEST_TSO4, NET_GUEST_TSO6, NET_GUEST_ECN = 1 << 7, 1 << 8, 1 << 9
NET_HOST_TSO4, NET_HOST_TSO6, NET_HOST_ECN = 1 << 11, 1 << 12, 1 << 13
LOG_ALL = 1 << 26
PROTOCOL_LOG_SHMFD, PROTOCOL_RARP, PROTOCOL_REPLY_ACK = 1 << 1, 1 << 2, 1 << 3

GET_FEATURES, SET_FEATURES, SET_OWNER = 1, 2, 3
SET_MEM_TABLE, SET_LOG_BASE = 5, 6
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL = 12, 13
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES = 15, 16
SET_VRING_ENABLE, SEND_RARP, NET_SET_MTU = 18, 19, 20

NEED_REPLY = 1 << 3
HEADER = 12
NEXT, WRITE = 1, 2
AVAIL, USED = 1 << 7, 1 << 15  # packed
RX, TX = 0, 1

PAGE = 4096
BASE = 1 << 30  # guest address of the memory
RINGS = 0x10000  # room for both rings at its begin
BUFFER = 2048


class Refused(Exception):
    """The back end answered that it did not do it."""


class Frontend:
    """A device of one queue pair; connect(), then start()."""

    def __init__(self, path, size=256, regions=1, mib=2, features=0, buffer_bytes=BUFFER):
        """features: besides those that it always asks for."""
        self.path = str(path)
        self.buffer_bytes = buffer_bytes
        self.size = size
        self.n_regions = regions
        self.mib = mib
        self.sock = None
        self.features = VERSION_1 | MRG_RXBUF | PROTOCOL_FEATURES | features
        self.offered = 0
        self.kick = [os.eventfd(0, os.EFD_NONBLOCK) for _ in (RX, TX)]
        self.call = [os.eventfd(0, os.EFD_NONBLOCK) for _ in (RX, TX)]
        self.memfd = os.memfd_create("guest")
        os.ftruncate(self.memfd, mib << 20)
        self.memory = mmap.mmap(self.memfd, mib << 20)
        self.avail_idx = [0, 0]
        self.used_idx = [0, 0]
        self.chain_at = 0  # the descriptor of send_chain() that is next
        self.arena_at = 0
        self.begun = []  # buffers of a frame of which not all are there
        self.is_held = False

    # Messages.

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)

    def close(self):
        if self.sock:
            self.sock.close()
            for fd in (*self.kick, *self.call, self.memfd):
                os.close(fd)
            self.memory.close()
            self.sock = None

    def say(self, request, payload=b"", fds=(), reply=False, ack=True):
        """Send a message; its answer's payload, or None once it is acknowledged."""
        flags = 1 | (NEED_REPLY if ack and not reply else 0)
        head = struct.pack("=III", request, flags, len(payload))
        socket.send_fds(self.sock, [head + payload], fds)
        if not (reply or ack):
            return None
        request, _, length = struct.unpack("=III", self._read(12))
        answer = self._read(length)
        if reply:
            return answer
        if answer != bytes(8):
            raise Refused(request)
        return None

    def _read(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise ConnectionError("closed by the back end")
            data += piece
        return data

    def u64(self, request, value, fds=(), ack=True):
        self.say(request, struct.pack("=Q", value), fds, ack=ack)

    def state(self, request, ring, value, reply=False):
        answer = self.say(request, struct.pack("=II", ring, value), reply=reply)
        return struct.unpack("=II", answer)[1] if reply else None

    # Setting up.

    def mem_table(self, length=None):
        """Tell where memory is: `n_regions` pieces that follow each other."""
        whole = length or self.mib << 20
        part = whole // self.n_regions
        payload = struct.pack("=II", self.n_regions, 0)
        for i in range(self.n_regions):
            payload += struct.pack("=QQQQ", BASE + i * part, part, BASE + i * part, i * part)
        self.say(SET_MEM_TABLE, payload, [self.memfd] * self.n_regions)

    def handshake(self):
        self.offered = struct.unpack("=Q", self.say(GET_FEATURES, reply=True))[0]
        assert self.offered & self.features == self.features, hex(self.features & ~self.offered)
        self.say(SET_OWNER, ack=False)
        answer = self.say(GET_PROTOCOL_FEATURES, reply=True)
        wanted = PROTOCOL_LOG_SHMFD | PROTOCOL_RARP | PROTOCOL_REPLY_ACK
        assert struct.unpack("=Q", answer)[0] & wanted == wanted
        self.u64(SET_PROTOCOL_FEATURES, wanted, ack=False)
        self.u64(SET_FEATURES, self.features)

    def ring_start(self, ring, base=0):
        at = BASE + ring * RINGS // 2
        self.state(SET_VRING_NUM, ring, self.size)
        self.state(SET_VRING_BASE, ring, base)
        self.say(SET_VRING_ADDR, struct.pack("=IIQQQQ", ring, 0, at, at + 0x3000, at + 0x2000, 0))
        self.u64(SET_VRING_CALL, ring, [self.call[ring]])
        self.u64(SET_VRING_KICK, ring, [self.kick[ring]])

    def enable(self, ring, on=True):
        self.state(SET_VRING_ENABLE, ring, int(on))

    def start_disabled(self):
        """All that makes a device run but to enable its rings; they go on where they were."""
        self.connect()
        self.handshake()
        self.mem_table()
        for ring in (RX, TX):
            self.ring_start(ring, self.base(ring))

    def start(self):
        """All that makes a device run."""
        self.start_disabled()
        for ring in (RX, TX):
            self.enable(ring)
        return self

    def hang_up(self):
        """As if the front end ended; memory and rings stay as they are."""
        self.sock.close()

    def base(self, ring):
        """Where the ring stands when all that was used is all that was taken."""
        return self.get(ring, 0x3002, "=H")[0]

    # Rings.

    def put(self, ring, area, fmt, *values):
        at = ring * RINGS // 2 + area
        self.memory[at:at + struct.calcsize(fmt)] = struct.pack(fmt, *values)

    def get(self, ring, area, fmt):
        at = ring * RINGS // 2 + area
        return struct.unpack(fmt, self.memory[at:at + struct.calcsize(fmt)])

    def desc(self, ring, i, addr, length, flags=0, following=0):
        self.put(ring, 16 * i, "=QIHH", addr, length, flags, following)

    def avail(self, ring, head):
        self.put(ring, 0x2000 + 4 + 2 * (self.avail_idx[ring] % self.size), "=H", head)
        self.set_avail_idx(ring, self.avail_idx[ring] + 1)

    def set_avail_idx(self, ring, value):
        self.avail_idx[ring] = value % 65536
        if not self.is_held:
            self.put(ring, 0x2002, "=H", self.avail_idx[ring])

    def used(self, ring):
        """The used entries since the last look: (head, length)."""
        end = self.get(ring, 0x3002, "=H")[0]
        entries = []
        while self.used_idx[ring] != end:
            at = 0x3004 + 8 * (self.used_idx[ring] % self.size)
            entries.append(self.get(ring, at, "=II"))
            self.used_idx[ring] = (self.used_idx[ring] + 1) % 65536
        return entries

    def is_drained(self, ring):
        """All that was made available has been used."""
        return self.get(ring, 0x3002, "=H")[0] == self.avail_idx[ring]

    def buffer(self, ring, i):
        """Guest address of a buffer of its own for descriptor i."""
        return BASE + RINGS + (ring * self.size + i) * self.buffer_bytes

    def bytes_at(self, addr, length):
        return self.memory[addr - BASE:addr - BASE + length]

    def post(self, count):
        """Buffers to receive into."""
        for _ in range(count):
            i = self.avail_idx[RX] % self.size
            self.desc(RX, i, self.buffer(RX, i), self.buffer_bytes, WRITE)
            self.avail(RX, i)

    def send(self, frame):
        i = self.avail_idx[TX] % self.size
        addr = self.buffer(TX, i)
        data = bytes(HEADER) + frame
        self.memory[addr - BASE:addr - BASE + len(data)] = data
        self.desc(TX, i, addr, len(data))
        self.avail(TX, i)

    def received(self):
        """Frames that came since the last look."""
        return [self.bytes_at(self.buffer(RX, head) + HEADER, length - HEADER)
                for head, length in self.used(RX)]

    # With headers: not on a device that send() is used on as well.

    @property
    def header_len(self):
        return 12 if self.features & (VERSION_1 | MRG_RXBUF) else 10

    def arena(self, data):
        """Guest address of room behind the buffers, which holds the data; it is used again some time."""
        begin = RINGS + 2 * self.size * self.buffer_bytes
        at = begin + self.arena_at
        if at + len(data) > self.mib << 20:
            assert self.is_drained(TX), "wait for what was sent before"
            at = begin
        self.memory[at:at + len(data)] = data
        self.arena_at = at + len(data) - begin
        return BASE + at

    def send_chain(self, header, frame, piece=1 << 20):
        """Send a frame with this virtio header in pieces of so many bytes."""
        data = header + bytes(self.header_len - len(header)) + frame
        addr = self.arena(data)
        self.chain([(addr + at, min(piece, len(data) - at)) for at in range(0, len(data), piece)])
        os.eventfd_write(self.kick[TX], 1)

    def chain(self, buffers):
        """Make a chain of (address, length) available."""
        assert len(buffers) <= self.size
        head = self.chain_at % self.size
        for n, (addr, length) in enumerate(buffers):
            i, following = (self.chain_at + n) % self.size, (self.chain_at + n + 1) % self.size
            self.desc(TX, i, addr, length, NEXT if n + 1 < len(buffers) else 0, following)
        self.chain_at += len(buffers)
        self.avail(TX, head)

    @contextlib.contextmanager
    def at_once(self):
        """What is sent within is there all at once at its end; split rings only."""
        self.is_held = True
        yield
        self.is_held = False
        self.set_avail_idx(TX, self.avail_idx[TX])
        os.eventfd_write(self.kick[TX], 1)

    def received_with_headers(self):
        """(header, frame) of each that came since the last look, whose buffers are there again."""
        frames = []
        for head, length in self.used(RX):
            self.begun.append(self.bytes_at(self.buffer(RX, head), length))
            self.post(1)
            header = self.begun[0][:self.header_len]
            n = struct.unpack("<H", header[10:])[0] if self.features & MRG_RXBUF else 1
            assert n > 0, "no buffers"
            if len(self.begun) == n:
                frames.append((header, b"".join(self.begun)[self.header_len:]))
                self.begun = []
        return frames


class PackedFrontend(Frontend):
    """One with packed rings, whose buffers are used in order, each with a descriptor of its own."""

    def __init__(self, path, **options):
        super().__init__(path, **options)
        self.features |= RING_PACKED
        self.last_head = [-1, -1]

    def lap(self, n):
        """The wrap counter of the n-th descriptor."""
        return n // self.size % 2 == 0

    def offer(self, ring, addr, length, flags=0):
        self.describe(ring, self.avail_idx[ring], addr, length, flags)
        self.last_head[ring] = self.avail_idx[ring]
        self.avail_idx[ring] += 1

    def describe(self, ring, n, addr, length, flags):
        flags |= AVAIL if self.lap(n) else USED
        self.put(ring, 16 * (n % self.size), "=QIHH", addr, length, n % self.size, flags)

    def chain(self, buffers):
        """The first descriptor comes last: with it all of them are there."""
        assert len(buffers) <= self.size
        first = self.avail_idx[TX]
        for n, (addr, length) in reversed(list(enumerate(buffers))):
            self.describe(TX, first + n, addr, length, NEXT if n + 1 < len(buffers) else 0)
        self.last_head[TX] = first
        self.avail_idx[TX] += len(buffers)

    def is_used(self, ring, n):
        flags = self.get(ring, 16 * (n % self.size) + 14, "=H")[0]
        return flags & (AVAIL | USED) == (AVAIL | USED if self.lap(n) else 0)

    def base(self, ring):
        n = self.used_idx[ring]
        while n < self.avail_idx[ring] and self.is_used(ring, n):
            n += 1
        return (n % self.size | self.lap(n) << 15) * 0x10001

    def used(self, ring):
        entries = []
        while self.used_idx[ring] < self.avail_idx[ring] and self.is_used(ring, self.used_idx[ring]):
            length, head = self.get(ring, 16 * (self.used_idx[ring] % self.size) + 8, "=IH")
            entries.append((head, length))
            self.used_idx[ring] += 1
        return entries

    def is_drained(self, ring):
        return self.last_head[ring] < 0 or self.is_used(ring, self.last_head[ring])

    def post(self, count):
        for _ in range(count):
            self.offer(RX, self.buffer(RX, self.avail_idx[RX] % self.size), self.buffer_bytes, WRITE)

    def send(self, frame):
        addr = self.buffer(TX, self.avail_idx[TX] % self.size)
        data = bytes(HEADER) + frame
        self.memory[addr - BASE:addr - BASE + len(data)] = data
        self.offer(TX, addr, len(data))
