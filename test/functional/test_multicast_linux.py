# SPDX-License-Identifier: BSD-3-Clause
"""
Multicast with Linux at both ends: a Linux bridge asks, kernels join through host ports and in the LAN.

The bridge is the switch that the bond is plugged into, and snoops itself; see test_host.py for the laboratory.
"""

import contextlib
import socket
import struct

import pytest

from bf import wait_for
from lacp_partner import net, run  # noqa: F401
from multicasting import in_force, mac_of, members, queriers, routers
from test_host import connected, host_rig, lan  # noqa: F401

PORT = 5007
QUERIER = ("mcast_snooping 1 mcast_querier 1 mcast_query_use_ifaddr 1 mcast_query_response_interval 50 "
           "mcast_startup_query_interval 100 mcast_last_member_interval 30 mcast_query_interval 500")


def is_v6(group):
    return ":" in group


def index_of(interface):
    return socket.if_nametoindex(interface)


def receiver(group, interface):
    """A socket of a host that has joined."""
    s = socket.socket(socket.AF_INET6 if is_v6(group) else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_v6(group):
        s.bind((group, PORT, 0, index_of(interface)))
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                     socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index_of(interface)))
    else:
        s.bind((group, PORT))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     struct.pack("4s4si", socket.inet_aton(group), bytes(4), index_of(interface)))
    s.setblocking(False)
    return s


def send(group, interface, text):
    with socket.socket(socket.AF_INET6 if is_v6(group) else socket.AF_INET, socket.SOCK_DGRAM) as s:
        if is_v6(group):
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index_of(interface))
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 4)
            s.sendto(text, (group, PORT, 0, index_of(interface)))
        else:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                         struct.pack("4s4si", bytes(4), bytes(4), index_of(interface)))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
            s.sendto(text, (group, PORT))


def got(s, text):
    with contextlib.suppress(BlockingIOError):
        while True:
            if text in s.recv(2048):
                return True
    return False


def listen(interface):
    """All that comes to an interface."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 0))
    s.setblocking(False)
    return s


def speak_ipv6(*interfaces):
    """The namespaces of tests are without."""
    for name in ("all", "default", *interfaces):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as f:
            f.write("0")


@pytest.fixture
def r(host_rig):  # noqa: F811
    """Host ports host0 and host1, and a bridge that asks."""
    r = host_rig(bond=",mcast_snooping=on")
    r.lan = host_rig.lan
    r.daemon.ctl("add host host1")
    for number, name in ((2, "host0"), (3, "host1")):
        connected(r, name)
        run(f"ip addr add 10.9.0.{number}/24 dev {name}")
        for scope in ("all", name):
            # The bridge's address and both ports' are of one host here: Linux would not take them.
            for key, value in (("rp_filter", "0"), ("accept_local", "1")):
                with open(f"/proc/sys/net/ipv4/conf/{scope}/{key}", "w", encoding="ascii") as f:
                    f.write(value)
    run("ip addr add 10.9.0.254/24 dev s0")
    speak_ipv6("s0", "host0", "host1")
    with r.lan.inside():
        speak_ipv6("p0")
    return r


def ask(r, versions):
    run(f"ip link set s0 type bridge {QUERIER} {versions}")
    for protocol in ("IGMP", "MLD"):
        wait_for(lambda p=protocol: (0, p) in queriers(r), what=f"the bridge asks in {protocol}")
        assert routers(r, protocol=protocol) == {"bond0"}
    assert queriers(r)[0, "IGMP"]["address"] == "10.9.0.254"
    in_force(r)


@pytest.mark.parametrize("versions", ["mcast_igmp_version 2 mcast_mld_version 1",
                                      "mcast_igmp_version 3 mcast_mld_version 2"])
@pytest.mark.parametrize("group", ["239.77.1.2", "ff05::77:12"])
def test_a_kernel_that_joins_gets_its_group_and_the_one_beside_does_not(r, group, versions):
    ask(r, versions)
    with receiver(group, "host0") as joined, listen("host1") as other:
        wait_for(lambda: members(r).get((0, group)) == {"host0"}, what="a member")
        in_force(r)

        def heard():
            with r.lan.inside():
                send(group, "p0", b"to the group")
            return got(joined, b"to the group")
        wait_for(heard, what="the group")
        mark = bytes.fromhex(mac_of(group).replace(":", ""))
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = other.recv(2048)
                assert frame[:6] != mark or b"to the group" not in frame
    wait_for(lambda: (0, group) not in members(r), what="the kernel has left")


def test_a_kernel_in_the_lan_gets_what_a_host_port_sends(r):
    ask(r, "mcast_igmp_version 3")
    group = "239.77.1.3"
    with r.lan.inside():
        far = receiver(group, "p0")
    with far, receiver(group, "host1") as near:
        wait_for(lambda: "host1" in members(r).get((0, group), ()), what="a member")
        in_force(r)

        def heard():
            send(group, "host0", b"from the host")
            return got(far, b"from the host") and got(near, b"from the host")
        wait_for(heard, what="the group at both")


def test_a_kernel_answers_each_question_and_stays_a_member(r):
    ask(r, "mcast_igmp_version 2")
    with receiver("239.77.1.4", "host0"):
        wait_for(lambda: members(r).get((0, "239.77.1.4")) == {"host0"}, what="a member")

        def age():
            shown = r.daemon.ctl("show multicast", json=True)["groups"]
            return next(p["age"] for g in shown if g["group"] == "239.77.1.4" for p in g["ports"])
        wait_for(lambda: age() >= 2, what="a while")
        wait_for(lambda: age() < 2, what="the answer to the next question")
