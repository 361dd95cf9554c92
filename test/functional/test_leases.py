# SPDX-License-Identifier: BSD-3-Clause
"""ip=dhcp: a guest is bound to the addresses that a DHCP server gives it."""

import pathlib

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_Reply, DHCP6_Solicit, DHCP6OptIA_NA, DHCP6OptIA_PD, DHCP6OptIAAddress, DHCP6OptIAPrefix
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, wait_for
from guarding import deliveries, dropped, guards, learn, passes

VM1, VM2 = guest_mac(1), guest_mac(2)
FAR = "far0"
OPTIONS = f"mac_guard=on,dhcp_guard=on,ra_guard=on,mac={VM1},ip=dhcp"
LOG = [r"^WARNING: (forged_ip|rogue_dhcp): vm"]


def wire(packet):
    return bytes(packet).ljust(60, b"\0")


def ip4(src, dst="10.9.9.9"):
    return wire(Ether(dst=FAR_MAC, src=VM1) / IP(src=src, dst=dst) / TCP(dport=80) / Raw(b"x" * 20))


def ip6(src):
    return wire(Ether(dst=FAR_MAC, src=VM1) / IPv6(src=src, dst="fd00::9") / ICMPv6EchoRequest())


def answer(address, to=VM1, chaddr=VM1, kind="ack", seconds=3600, src=FAR_MAC):
    head = Ether(dst=to, src=src) / IP(src="10.0.0.1", dst="255.255.255.255" if to == BROADCAST else address)
    message = BOOTP(op=2, yiaddr=address, chaddr=bytes.fromhex(chaddr.replace(":", "")))
    return wire(head / UDP(sport=67, dport=68) / message /
                DHCP(options=[("message-type", kind), ("lease_time", seconds), "end"]))


def reply(address, prefix, seconds=120):
    message = DHCP6_Reply(trid=5) / DHCP6OptIA_NA(iaid=1, ianaopts=[
        DHCP6OptIAAddress(addr=address, preflft=60, validlft=seconds)]) / DHCP6OptIA_PD(iaid=2, iapdopt=[
            DHCP6OptIAPrefix(prefix=prefix, plen=56, preflft=60, validlft=seconds)])
    return wire(Ether(dst=VM1, src=FAR_MAC) / IPv6(src="fe80::1", dst="fe80::5054:ff:fe00:1") /
                UDP(sport=547, dport=546) / message)


def discover():
    return wire(Ether(dst=BROADCAST, src=VM1) / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) /
                BOOTP() / DHCP(options=[("message-type", "discover"), "end"]))


def solicit(src="fe80::1234"):
    return wire(Ether(dst="33:33:00:01:00:02", src=VM1) / IPv6(src=src, dst="ff02::1:2") / UDP(sport=546, dport=547) /
                DHCP6_Solicit(trid=9))


def leases(r, name="vm1"):
    return {ip["address"]: ip["from"] for ip in guards(r, name)["ips"]}


def give(r, frame, want):
    r.far[0].raw(frame)
    wait_for(lambda: leases(r) == want, what=f"leases {want}")
    r.settle()


@pytest.fixture
def r(rig):
    r = rig(guest_opts={"vm1": OPTIONS, "vm2": "mac_guard=on,mac_limit=8,dhcp_guard=on"}, log_allowed=LOG)
    learn(r, 1, 2)
    return r


def test_the_addresses_of_a_guest_are_those_that_it_was_given(r):
    assert not guards(r, "vm1")["ips_judged"]
    assert "No lease yet" in r.daemon.ctl("show guest vm1 guards")
    passes(r, r.vm(1), [ip4("10.0.0.7"), ip4("10.0.0.8"), ip6("fd00::7")], {FAR})
    give(r, answer("10.0.0.7"), {"10.0.0.7": "dhcp"})
    event, = r.events("lease")
    assert event["object"] == "vm1" and event["text"] == "a DHCP server gives it 10.0.0.7 for 3600 s"
    passes(r, r.vm(1), [ip4("10.0.0.7")], {FAR})
    dropped(r, r.vm(1), [ip4("10.0.0.8"), ip6("fd00::7")], "forged_ip")
    to_vm1 = [wire(Ether(dst=VM1, src=FAR_MAC) / IP(src="10.0.0.1", dst=dst) / TCP()) for dst in ("10.0.0.7", "10.0.0.8")]
    passes(r, r.far[0], to_vm1[:1], {"vm1"})
    dropped(r, r.far[0], to_vm1[1:], "not_its_ip", port="vm1")
    assert 3500 < guards(r, "vm1")["ips"][0]["seconds"] <= 3600
    assert len(r.events("lease")) == 1


def test_another_address_comes_through_the_guard_and_is_taken(r):
    give(r, answer("10.0.0.7"), {"10.0.0.7": "dhcp"})
    passes(r, r.far[0], [answer("10.0.0.9", kind="offer")], {"vm1"})
    assert leases(r) == {"10.0.0.7": "dhcp"}
    assert deliveries(r, r.far[0], [answer("10.0.0.9", to=BROADCAST)]) == [{"vm1", "vm2"}]
    wait_for(lambda: leases(r) == {"10.0.0.7": "dhcp", "10.0.0.9": "dhcp"}, what="the second lease")
    r.settle()
    passes(r, r.vm(1), [ip4("10.0.0.9"), ip4("10.0.0.7")], {FAR})


def test_ipv6_addresses_and_prefixes_are_taken_and_taken_back(r):
    give(r, reply("fd00::7", "fd01::"), {"fd00::7": "dhcp", "fd01::/56": "dhcp"})
    passes(r, r.vm(1), [ip6("fd00::7"), ip6("fd01::1:2:3"), ip6("fe80::5054:ff:fe00:1")], {FAR})
    dropped(r, r.vm(1), [ip6("fd00::8"), ip6("fd01:0:0:100::1")], "forged_ip")
    give(r, reply("fd00::7", "fd01::", 0), {})
    assert guards(r, "vm1")["ips_judged"]
    dropped(r, r.vm(1), [ip6("fd00::7"), ip4("10.0.0.7")], "forged_ip")


def test_a_guest_with_a_lease_of_one_family_may_ask_for_the_other(r):
    give(r, answer("10.0.0.7"), {"10.0.0.7": "dhcp"})
    passes(r, r.vm(1), [solicit(), discover()], {"vm2", FAR})
    dropped(r, r.vm(1), [solicit("fd00::7"), ip6("fd00::7"), ip6("fe80::1234")], "forged_ip")
    give(r, reply("fd00::7", "fd01::"), {"10.0.0.7": "dhcp", "fd00::7": "dhcp", "fd01::/56": "dhcp"})
    passes(r, r.vm(1), [ip6("fd00::7"), ip4("10.0.0.7")], {FAR})


def test_another_vlan_takes_the_leases_and_leaves_the_guard(r):
    give(r, answer("10.0.0.7"), {"10.0.0.7": "dhcp"})
    r.daemon.ctl("set guest vm1 vlan=7")
    assert leases(r) == {} and guards(r, "vm1")["ips_judged"]
    r.settle()
    dropped(r, r.vm(1), [ip4("10.0.0.7")], "forged_ip")


def test_a_lease_ends(r):
    give(r, answer("10.0.0.7", seconds=2), {"10.0.0.7": "dhcp"})
    wait_for(lambda: leases(r) == {}, what="the end of the lease")
    r.settle()
    dropped(r, r.vm(1), [ip4("10.0.0.7")], "forged_ip")
    passes(r, r.vm(1), [discover()], {"vm2", FAR})
    give(r, answer("10.0.0.7"), {"10.0.0.7": "dhcp"})
    passes(r, r.vm(1), [ip4("10.0.0.7")], {FAR})
    r.daemon.ctl("clear guest vm1 leases")
    assert not guards(r, "vm1")["ips_judged"]
    passes(r, r.vm(1), [ip4("10.0.0.8")], {FAR})


def test_answers_to_others_and_of_guests_that_may_not_serve_give_nothing(r):
    r.far[0].raw(answer("10.0.0.8", to=BROADCAST, chaddr=VM2))
    dropped(r, r.vm(2), [answer("10.0.0.8", src=VM2)], "rogue_dhcp")
    r.settle()
    assert leases(r) == {} and not guards(r, "vm1")["ips_judged"] and not r.events("lease")


def test_addresses_that_are_listed_count_from_the_first_lease_on(r):
    r.daemon.ctl("set guest vm1 ip=dhcp,192.168.7.0/24")
    assert leases(r) == {"192.168.7.0/24": "set"}
    passes(r, r.vm(1), [ip4("10.0.0.8")], {FAR})
    give(r, answer("10.0.0.7"), {"192.168.7.0/24": "set", "10.0.0.7": "dhcp"})
    passes(r, r.vm(1), [ip4("10.0.0.7"), ip4("192.168.7.9")], {FAR})
    dropped(r, r.vm(1), [ip4("10.0.0.8")], "forged_ip")
    r.daemon.ctl("set guest vm1 ip=192.168.7.0/24")
    dropped(r, r.vm(1), [ip4("10.0.0.7")], "forged_ip")


def test_leases_outlive_a_disconnection_and_our_restart(rig, workdir):
    path = pathlib.Path(workdir, "l.conf")
    path.write_text("set profile default trusted\n")
    r = rig(start=False, guest_opts={"vm1": OPTIONS}, log_allowed=LOG)
    r.args = [*r.args, "--config", str(path)]
    r.start()
    learn(r, 1)
    give(r, answer("10.0.0.7"), {"10.0.0.7": "dhcp"})
    give(r, answer("10.0.0.8", seconds=0xffffffff), {"10.0.0.7": "dhcp", "10.0.0.8": "dhcp"})
    r.vm(1).restart()
    r.vm(1).wait_up()
    assert set(leases(r)) == {"10.0.0.7", "10.0.0.8"}
    assert r.daemon.stop() == 0
    r.start()
    assert set(leases(r)) == {"10.0.0.7", "10.0.0.8"}
    seconds = {ip["address"]: ip.get("seconds") for ip in guards(r, "vm1")["ips"]}
    assert 3400 < seconds["10.0.0.7"] <= 3600 and seconds["10.0.0.8"] is None
    r.learn(r.far[0], FAR_MAC)
    dropped(r, r.vm(1), [ip4("10.0.0.9")], "forged_ip")
    passes(r, r.vm(1), [ip4("10.0.0.7"), ip4("10.0.0.8")], {FAR})


def test_dhcp_needs_the_guard_of_addresses(r):
    with pytest.raises(CtlError) as failed:
        r.daemon.ctl("set guest vm1 mac_guard=off")
    assert 'guest "vm1": ip: "dhcp": expected mac_guard=on as well' in failed.value.text
    assert any("ip=dhcp" in line for line in r.daemon.ctl("show running-config").splitlines())
