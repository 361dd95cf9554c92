# SPDX-License-Identifier: BSD-3-Clause
"""
TCP and UDP frames as they should be: built, cut, and judged, each by the plain words of the RFCs.

Nothing here is shared with bondfwd, and sums are made word by word, so that what both agree upon is right.
"""

import dataclasses
import struct

TCP, UDP = 6, 17
FIN, PSH, ACK, CWR = 0x01, 0x08, 0x10, 0x80
NEEDS_CSUM, DATA_VALID = 1, 2
GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_ECN = 0, 1, 4, 0x80
VLAN = struct.pack("!HH", 0x8100, 7)
TWO_VLANS = struct.pack("!HHHH", 0x88a8, 7, 0x8100, 8)
# Destination options: 8 bytes, of which PadN fills all but the first two.
OPTIONS = bytes([1, 4, 0, 0, 0, 0])


def add_up(data, start=0):
    """One's complement sum of 16-bit words (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


@dataclasses.dataclass(frozen=True)
class Packet:
    """One TCP segment or UDP datagram, or, with segment, what is to be cut into such."""

    src: bytes
    dst: bytes
    payload: bytes
    tags: bytes = b""
    v6: bool = False
    options: bool = False  # an extension header, IPv6 only
    proto: int = TCP
    ports: tuple = (1000, 2000)
    seq: int = 1
    flags: int = ACK
    ident: int = 1
    segment: int = 0
    host: int = 1

    def addresses(self):
        if self.v6:
            return bytes.fromhex(f"fd{1:030x}fd{self.host:030x}")
        return bytes([10, 0, 0, 1, 10, 0, 1, self.host])

    @property
    def l3(self):
        return 14 + len(self.tags)

    @property
    def l4(self):
        return self.l3 + (48 if self.options else 40 if self.v6 else 20)

    @property
    def headers(self):
        return self.l4 + (32 if self.proto == TCP else 8)

    @property
    def sum_at(self):
        return 16 if self.proto == TCP else 6

    def pseudo(self):
        length = self.headers - self.l4 + len(self.payload)
        return add_up(self.addresses() + struct.pack("!II", length, self.proto))

    def l4_bytes(self, checksum):
        if self.proto == UDP:
            return struct.pack("!HHHH", *self.ports, 8 + len(self.payload), checksum) + self.payload
        head = struct.pack("!HHIIBBHHH", *self.ports, self.seq & 0xffffffff, 77, 0x80, self.flags, 4096,
                           checksum, 0)
        return head + b"\1\1\x08\x0a" + struct.pack("!II", 5, 6) + self.payload  # timestamps

    def ip_bytes(self):
        length = self.headers - self.l4 + len(self.payload)
        if self.v6:
            more = bytes([self.proto, 0]) + OPTIONS if self.options else b""
            return struct.pack("!IHBB", 6 << 28, len(more) + length, 60 if more else self.proto,
                               64) + self.addresses() + more
        head = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, self.ident & 0xffff, 0x4000, 64, self.proto)
        return head + struct.pack("!H", 0xffff ^ add_up(head + self.addresses())) + self.addresses()

    def with_sum(self, checksum):
        kind = struct.pack("!H", 0x86dd if self.v6 else 0x0800)
        return self.dst + self.src + self.tags + kind + self.ip_bytes() + self.l4_bytes(checksum)

    def complete(self):
        """The frame with its checksum."""
        checksum = 0xffff ^ add_up(self.l4_bytes(0), self.pseudo())
        return self.with_sum(0xffff if checksum == 0 and self.proto == UDP else checksum)

    def partial(self):
        """The frame whose checksum is left to its receiver."""
        return self.with_sum(self.pseudo())

    def header(self, segment=None, **other):
        """The virtio header that says so."""
        size = self.segment if segment is None else segment
        kind = GSO_NONE
        if size:
            kind = GSO_TCPV6 if self.v6 else GSO_TCPV4
            kind |= GSO_ECN if self.flags & CWR else 0
        return virtio_header(**{"flags": NEEDS_CSUM, "gso_type": kind, "gso_size": size,
                                "hdr_len": self.headers if size else 0, "csum_start": self.l4,
                                "csum_offset": self.sum_at, **other})

    def cut(self):
        """The segments, as whoever sends them itself sends them."""
        pieces = []
        for n, at in enumerate(range(0, len(self.payload), self.segment)):
            last = at + self.segment >= len(self.payload)
            flags = self.flags & ~(0 if n == 0 else CWR) & ~(0 if last else FIN | PSH)
            pieces.append(dataclasses.replace(
                self, payload=self.payload[at:at + self.segment], seq=self.seq + at, segment=0,
                ident=self.ident + n, flags=flags))
        return pieces


def virtio_header(flags=0, gso_type=0, hdr_len=0, gso_size=0, csum_start=0, csum_offset=0):
    """struct virtio_net_hdr, without num_buffers."""
    return struct.pack("<BBHHHH", flags, gso_type, hdr_len, gso_size, csum_start, csum_offset)


@dataclasses.dataclass(frozen=True)
class Parsed:
    """What a frame says of itself."""

    dst: bytes
    v6: bool
    proto: int
    ports: tuple
    seq: int
    flags: int
    payload: bytes
    l3_len: int  # of the IP packet
    faults: tuple


def parse(frame):
    """Take a frame apart; faults names what is wrong with it. None: neither TCP nor UDP."""
    at = 12
    while frame[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
        at += 4
    kind, ip, faults = frame[at:at + 2], frame[at + 2:], []
    if kind == b"\x08\0" and ip[0] >> 4 == 4:
        v6, proto, l4, length, addresses = False, ip[9], 20, struct.unpack("!H", ip[2:4])[0], ip[12:20]
        if add_up(ip[:20]) != 0xffff:
            faults.append("IPv4 header checksum")
    elif kind == b"\x86\xdd" and ip[0] >> 4 == 6:
        v6, proto, l4, length, addresses = True, ip[6], 40, 40 + struct.unpack("!H", ip[4:6])[0], ip[8:40]
        if proto == 60:
            proto, l4 = ip[40], 48
    else:
        return None
    if proto not in (TCP, UDP):
        return None
    if length > len(ip) or (length < len(ip) and len(frame) > 60):
        faults.append(f"length {length} of {len(ip)}")
    body = ip[l4:length]
    pseudo = add_up(addresses + struct.pack("!II", len(body), proto))
    if add_up(body, pseudo) != 0xffff:
        faults.append("checksum")
    tcp = proto == TCP
    return Parsed(dst=frame[:6], v6=v6, proto=proto, ports=struct.unpack("!HH", body[:4]),
                  seq=struct.unpack("!I", body[4:8])[0] if tcp else 0, flags=body[13] if tcp else 0,
                  payload=body[(body[12] >> 4) * 4 if tcp else 8:], l3_len=length,
                  faults=tuple(faults))
