# SPDX-License-Identifier: BSD-3-Clause
"""What a switch sends back, and stations that have moved: docs/decisions/007."""

import collections

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from bf import BROADCAST, guest_mac, wait_for
from lacp_partner import private_network, run

VM = guest_mac(1)
IP4, IP6 = "10.0.0.1", "fd00::1"
LOG = [r"^WARNING: switch_without_lag: bond0: \d+ frames of guests came back",
       r"^tap_|^eth_dev_tap_create|^qdisc_create|^tun_alloc",
       r"^WARNING: (member_down|link_interrupt_missing): net_tap\d: "]


def tagged(packet, vlan):
    return packet / Dot1Q(vlan=vlan) if vlan else packet


def solicitations(count, vlan):
    """Duplicate address detection of so many new stations."""
    return [bytes(tagged(Ether(src=f"52:54:00:07:{i >> 8:02x}:{i & 255:02x}",
                               dst=f"33:33:ff:00:{i >> 8:02x}:{i & 255:02x}"), vlan) / IPv6(
        src="::", dst=f"ff02::1:ff00:{i:x}", hlim=255) / ICMPv6ND_NS(tgt=f"fe80::{i:x}"))
            for i in range(1, count + 1)]


@pytest.fixture
def network():
    with private_network():
        yield


def on_a_bridge(rig, workdir, mode, members=2):
    """The members are ports of a Linux bridge, a switch without a LAG."""
    names = [f"t{i}" for i in range(members)]
    r = rig(members=0, vdevs=[f"net_tap{i},iface={n}" for i, n in enumerate(names)], mode=mode,
            mtu=1500, log_allowed=LOG)
    run("ip link add sw type bridge mcast_snooping 0")
    for name in names:
        run(f"ip link set {name} master sw")
    run("ip link set sw up")
    wait_for(r.members_settled, what="members in service")
    return r


@pytest.mark.parametrize("mode", ["balance-tlb", "balance-alb", "broadcast", "balance-xor",
                                  "balance-rr"])
@pytest.mark.parametrize("vlan", [None, 7])
def test_X14_the_first_frame_of_a_station_is_delivered_once_and_not_to_its_sender(
        network, rig, workdir, mode, vlan):
    r = on_a_bridge(rig, workdir, mode)
    frames = solicitations(240, vlan)
    for i in (1, 2):
        r.vm(i).capture(512, match="other")
    for first in range(0, len(frames), 60):
        text = ",".join(f.hex() for f in frames[first:first + 60])
        r.vm(1).cmd("raw", port=0, hex=text)
    back = len(frames) * (2 if mode == "broadcast" else 1)
    wait_for(lambda: r.daemon.drops().get("reflected", 0) >= back, what="echoes")
    r.settle()
    assert [f for f in r.vm(1).captured() if f in frames] == []
    heard = collections.Counter(r.vm(2).captured())
    assert [heard[f] for f in frames] == [1] * len(frames)
    ports = {e["port"] for e in r.daemon.fdb().values() if e["mac"].startswith("52:54:00:07")}
    assert ports == {"vm1"}


def arp(op, psrc, pdst, vlan=None, dst=BROADCAST):
    return bytes(tagged(Ether(src=VM, dst=dst), vlan) / ARP(
        op=op, hwsrc=VM, psrc=psrc, pdst=pdst)).ljust(64, b"\0")


def unsolicited(vlan=None, flags=1):
    return bytes(tagged(Ether(src=VM, dst="33:33:00:00:00:01"), vlan) / IPv6(
        src=IP6, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=IP6, R=0, S=0, O=flags))


def vrrp6(vlan=None):
    return bytes(tagged(Ether(src=VM, dst="33:33:00:00:00:12"), vlan) / IPv6(
        src="fe80::9", dst="ff02::12", hlim=255, nh=112) / Raw(bytes([0x31, 1, 255, 1] + [0] * 20)))


CLAIMS = {"garp": lambda vlan: arp(1, IP4, IP4, vlan), "na": unsolicited, "vrrp6": vrrp6}


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("mode, vlan", [("balance-xor", None), ("balance-alb", 5),
                                        ("active-backup", None)])
def test_a_station_that_claims_its_address_on_the_lan_is_followed_at_once(rig, mode, vlan, claim):
    """Its guest has just said something, but announced nothing."""
    r = rig(mode=mode)
    r.learn(r.vm(1), VM, vlan=vlan)
    r.vm(1).raw(arp(2, IP4, "10.0.0.254", vlan, dst="02:aa:00:00:00:01"))
    r.settle()
    r.far[0].raw(CLAIMS[claim](vlan))
    wait_for(lambda: r.daemon.fdb()[VM]["port"] == "bond0", 4, "station on the LAN")
    event, = r.events("mac_move")
    assert event["object"] == VM and "from vm1 to bond0" in event["text"]
    assert ("VLAN 5" in event["text"]) == (vlan == 5)


def test_one_claim_and_then_silence_is_enough(rig):
    """The guest had announced the station a moment before: the claim counts when that is old."""
    r = rig(mode="balance-alb")
    r.learn(r.vm(1), VM)
    r.vm(1).raw(unsolicited())
    r.settle()
    r.far[0].raw(unsolicited(flags=0))  # not the guest's frame
    r.settle()
    wait_for(lambda: r.daemon.fdb()[VM]["port"] == "bond0", 10, "station on the LAN")


def test_a_station_that_merely_moves_is_no_sign_of_a_missing_lag(rig):
    r = rig(mode="balance-xor", log_allowed=[r"^WARNING: mac_flaps: "])
    r.learn(r.vm(1), VM)
    for i in range(20):
        r.far[0].raw(arp(1, IP4, f"10.0.1.{i}"))
        r.far[0].raw(arp(1, IP4, IP4))
        r.settle()
        r.vm(1).raw(arp(1, IP4, f"10.0.2.{i}"))
        r.settle()
    assert r.events("switch_without_lag") == [] and "reflected" not in r.daemon.drops()
