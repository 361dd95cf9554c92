# SPDX-License-Identifier: BSD-3-Clause
"""IGMP and MLD messages, and what the switch knows of groups, for the tests of multicast."""

import itertools

from scapy.layers.inet import IP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (ICMPv6MLDone, ICMPv6MLQuery, ICMPv6MLReport, ICMPv6Unknown, IPv6,
                                IPv6ExtHdrHopByHop, RouterAlert)
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import checksum

from bf import wait_for

MARKS = itertools.count(1)
IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = range(1, 7)
ALL_HOSTS, ALL_V3 = "224.0.0.1", "224.0.0.22"


def mac_of(group):
    """The address that frames of a group have (RFC 1112 6.4, RFC 2464 7)."""
    if ":" in group:
        return "33:33:" + bytes(IPv6(dst=group))[36:40].hex(":")
    b = [int(n) for n in group.split(".")]
    return f"01:00:5e:{b[1] & 127:02x}:{b[2]:02x}:{b[3]:02x}"


def framed(src, dst, packet, tags=()):
    frame = Ether(dst=mac_of(dst), src=src)
    for tag in tags:
        frame /= tag
    return bytes(frame / packet).ljust(60, b"\0")  # as on a wire


def addr(packed):
    return bytes(int(n) for n in packed.split("."))


def data(src, group, tags=()):
    """A datagram to a group, like no other."""
    payload = UDP(sport=9, dport=9) / Raw(b"mark" + next(MARKS).to_bytes(4, "big") + bytes(40))
    if ":" in group:
        return framed(src, group, IPv6(src="fe80::9", dst=group) / payload, tags)
    return framed(src, group, IP(src="10.0.0.9", dst=group) / payload, tags)


def igmp(src, dst, body, ip="10.0.0.2", tags=(), good=True):
    body = body[:2] + b"\0\0" + body[4:]
    body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
    if not good:
        body = body[:2] + bytes([body[2] ^ 0x55]) + body[3:]
    packet = IP(src=ip, dst=dst, ttl=1, proto=2, options=[IPOption_Router_Alert()]) / Raw(body)
    return framed(src, dst, packet, tags)


def query(src, group=None, version=2, answer=1, ip="10.0.0.1", more=b"", **how):
    """General, or of one group. answer: tenths of a second."""
    body = bytes([0x11, 0 if version == 1 else answer, 0, 0]) + addr(group or "0.0.0.0")
    if version == 3:
        body += more or bytes([2, 125, 0, 0])
    return igmp(src, group or ALL_HOSTS, body, ip=ip, **how)


def report(src, group, version=2, **how):
    return igmp(src, group, bytes([0x12 if version == 1 else 0x16, 0, 0, 0]) + addr(group), **how)


def leave(src, group, **how):
    return igmp(src, "224.0.0.2", bytes([0x17, 0, 0, 0]) + addr(group), **how)


def report3(src, *records, **how):
    """Records: (type, group, sources...)."""
    body = bytes([0x22, 0, 0, 0, 0, 0]) + len(records).to_bytes(2, "big")
    for kind, group, *sources in records:
        body += bytes([kind, 0]) + len(sources).to_bytes(2, "big") + addr(group)
        body += b"".join(addr(s) for s in sources)
    return igmp(src, ALL_V3, body, **how)


def mld(src, dst, message, ip="fe80::2", tags=(), hlim=1):
    head = IPv6(src=ip, dst=dst, hlim=hlim) / IPv6ExtHdrHopByHop(options=[RouterAlert(value=0)])
    return framed(src, dst, head / message, tags)


def query6(src, group=None, answer=100, ip="fe80::1", **how):
    """answer: milliseconds."""
    return mld(src, group or "ff02::1", ICMPv6MLQuery(mladdr=group or "::", mrd=answer), ip=ip, **how)


def report6(src, group, **how):
    return mld(src, group, ICMPv6MLReport(mladdr=group), **how)


def done6(src, group, **how):
    return mld(src, "ff02::2", ICMPv6MLDone(mladdr=group), **how)


def report6v2(src, *records, **how):
    body = b"\0\0" + len(records).to_bytes(2, "big")
    for kind, group, *sources in records:
        body += bytes([kind, 0]) + len(sources).to_bytes(2, "big") + bytes(IPv6(dst=group))[24:40]
        body += b"".join(bytes(IPv6(dst=s))[24:40] for s in sources)
    return mld(src, "ff02::16", ICMPv6Unknown(type=143, code=0, msgbody=body), **how)


# What the switch knows.

def shown(r):
    return r.daemon.ctl("show multicast", json=True)


def members(r):
    """{(vlan, group): ports}"""
    return {(g["vlan"], g["group"]): {p["port"] for p in g["ports"]} for g in shown(r)["groups"]}


def routers(r, vlan=0, protocol="IGMP"):
    return {e["port"] for e in shown(r)["routers"] if (e["vlan"], e["protocol"]) == (vlan, protocol)}


def queriers(r):
    """{(vlan, protocol): querier}, of those that count."""
    return {(q["vlan"], q["protocol"]): q for q in shown(r)["queriers"] if q["active"]}


def in_force(r):
    """What was heard so far has come to the workers."""
    wait_for(lambda: not shown(r)["pending"], what="groups in force")
    # A worker that was interrupted before it read its rings has the view before: two turns later it has not.
    for _ in range(2 if r.far else 0):
        say(r, r.far[0], bytes.fromhex("0180c200000e" + "02aa00000001" + "88b6").ljust(60, b"\0"))


def say(r, sender, *frames):
    with r.taking(len(frames)):
        for frame in frames:
            sender.raw(frame)


def ask(r, sender, frame, vlan=0, protocol="IGMP"):
    """A querier that is waited for."""
    say(r, sender, frame)
    wait_for(lambda: (vlan, protocol) in queriers(r), what="a querier")
    in_force(r)


def joined(r, sender, frame, group, port, vlan=0):
    say(r, sender, frame)
    wait_for(lambda: port in members(r).get((vlan, group), ()), what=f"{port} in {group}")
    in_force(r)


def left(r, group, port, vlan=0):
    wait_for(lambda: port not in members(r).get((vlan, group), ()), what=f"{port} out of {group}")
    in_force(r)
