# SPDX-License-Identifier: BSD-3-Clause
"""Guards of guests: whose address is whose, what is delivered, and the protocols of switches."""

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, wait_for
from guarding import addresses, counted, deliveries, dropped, guards, learn, passes

VM1, VM2, VM3 = guest_mac(1), guest_mac(2), guest_mac(3)
NOBODY = "52:54:00:99:99:99"
FAR = "far0"  # the active member
LEARNED = "mac_guard=on,mac_limit=8"
REFUSED = [r"^WARNING: mac_refused: vm\d: ", r"^WARNING: mac_limit: vm\d: "]


def frame(dst, src, tags=(), kind=0x88b6, payload=bytes(46)):
    packet = Ether(dst=dst, src=src)
    for tag in tags:
        packet /= tag
    packet.lastlayer().type = kind
    return bytes(packet / Raw(payload))


def listed(mac, more=""):
    return f"mac_guard=on,mac={mac}{more}"


def bound(r, name, *macs):
    wait_for(lambda: set(addresses(r, name)) >= set(macs), what=f"{macs} bound to {name}")


# Who may say what.

def test_a_guest_with_a_list_sends_from_its_addresses_only(rig):
    r = rig(guest_opts={"vm1": listed(f"{VM1},{VM3}")})
    learn(r, 1, 2)
    passes(r, r.vm(1), [frame(VM2, VM1), frame(VM2, VM3)], {"vm2"})
    passes(r, r.vm(1), [frame(FAR_MAC, VM1), frame(FAR_MAC, VM3)], {FAR})
    dropped(r, r.vm(1), [frame(d, NOBODY) for d in (VM2, FAR_MAC, NOBODY, BROADCAST)], "forged_mac")
    assert NOBODY not in r.daemon.fdb()


def test_X07_a_forged_address_diverts_nothing_from_its_owner(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), guest_opts={"vm2": listed(VM2), "vm3": LEARNED},
            log_allowed=REFUSED)
    learn(r, 1, 2, 3)
    for attacker in (2, 3):
        forged = [frame(d, s) for s in (VM1, FAR_MAC) for d in (BROADCAST, VM2, VM3, NOBODY)]
        dropped(r, r.vm(attacker), forged, "forged_mac")
    assert {m: e["port"] for m, e in r.daemon.fdb().items()} == {
        VM1: "vm1", VM2: "vm2", VM3: "vm3", FAR_MAC: "bond0"}
    passes(r, r.far[0], [frame(VM1, FAR_MAC)], {"vm1"})
    passes(r, r.vm(2), [frame(VM1, VM2)], {"vm1"})


@pytest.mark.parametrize("tags", [[Dot1Q(vlan=7)], [Dot1AD(vlan=8), Dot1Q(vlan=7)], [Dot1Q(vlan=0)]])
def test_a_forged_address_behind_tags_is_dropped(rig, tags):
    r = rig(guest_opts={"vm1": listed(VM1)})
    learn(r, 1, 2)
    dropped(r, r.vm(1), [frame(d, s, tags) for s in (VM2, NOBODY) for d in (BROADCAST, FAR_MAC)],
            "forged_mac")
    passes(r, r.vm(1), [frame(BROADCAST, VM1, tags)], {"vm2", FAR})


def test_a_prefix_permits_vrrp_and_two_guests_may_share_it(rig):
    both = "mac_guard=on,mac={},00:00:5e:00:01/40"
    r = rig(guest_opts={"vm1": both.format(VM1), "vm2": both.format(VM2)})
    learn(r, 1, 2)
    vrrp = "00:00:5e:00:01:2a"
    passes(r, r.vm(1), [frame(BROADCAST, vrrp)], {"vm2", FAR})
    wait_for(lambda: r.daemon.fdb().get(vrrp, {}).get("port") == "vm1", what="at the first guest")
    passes(r, r.far[0], [frame(vrrp, FAR_MAC)], {"vm1"})
    passes(r, r.vm(2), [frame(BROADCAST, vrrp)], {"vm1", FAR})
    wait_for(lambda: r.daemon.fdb()[vrrp]["port"] == "vm2", what="followed to the second")
    passes(r, r.far[0], [frame(vrrp, FAR_MAC)], {"vm2"})
    dropped(r, r.vm(1), [frame(BROADCAST, "00:00:5e:00:02:2a")], "forged_mac")


def test_the_first_addresses_of_a_guest_are_its_own_up_to_its_limit(rig):
    r = rig(guest_opts={"vm1": "mac_guard=on,mac_limit=3"}, log_allowed=REFUSED)
    learn(r, 2)
    macs = [f"52:54:00:01:00:{i:02x}" for i in range(5)]
    for mac in macs[:3]:
        passes(r, r.vm(1), [frame(BROADCAST, mac)], {"vm2", FAR})
        bound(r, "vm1", mac)
    assert addresses(r, "vm1") == {mac: "learned" for mac in macs[:3]}
    dropped(r, r.vm(1), [frame(d, mac) for mac in macs[3:] for d in (BROADCAST, FAR_MAC)], "mac_limit")
    passes(r, r.vm(1), [frame(FAR_MAC, mac) for mac in macs[:3]], {FAR})
    assert guards(r, "vm1")["bound"] == 3


def test_a_learned_address_is_refused_while_another_has_it(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), log_allowed=REFUSED,
            guest_opts={"vm1": LEARNED, "vm2": LEARNED, "vm3": listed(VM3)})
    learn(r, 1, 2)
    r.daemon.ctl("clear fdb")  # places are forgotten, owners are not
    far2 = "02:aa:00:00:00:02"
    r.learn(r.far[0], far2)
    for mac in (VM1, VM3):
        r.vm(2).raw(frame(NOBODY, mac))
        wait_for(lambda m=mac: any(m in e["text"] for e in r.events("mac_refused")),
                 what=f"{mac} refused")
    dropped(r, r.vm(2), [frame(NOBODY, far2)], "forged_mac")
    assert addresses(r, "vm2") == {VM2: "learned"}
    assert all(r.daemon.fdb().get(m, {}).get("port") != "vm2" for m in (VM1, VM3, far2))


def test_clear_macs_makes_room_and_frees_the_address(rig):
    r = rig(guest_opts={"vm1": "mac_guard=on,mac_limit=1", "vm2": LEARNED}, log_allowed=REFUSED)
    learn(r, 1)
    dropped(r, r.vm(1), [frame(FAR_MAC, VM3)], "mac_limit")
    r.daemon.ctl("clear guest vm1 macs")
    assert addresses(r, "vm1") == {} and VM1 not in r.daemon.fdb()
    passes(r, r.vm(1), [frame(FAR_MAC, VM3)], {FAR})
    bound(r, "vm1", VM3)
    dropped(r, r.vm(1), [frame(FAR_MAC, VM1)], "mac_limit")
    passes(r, r.vm(2), [frame(FAR_MAC, VM1)], {FAR})
    bound(r, "vm2", VM1)
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl("clear guest nobody macs")
    assert "nobody" in refused.value.text


def started_from_a_file(rig, workdir, **more):
    config = f"{workdir}/bondfwd.conf"
    r = rig(config=config, start=False, **more)
    lines = ["create bonding device active-backup 0 bond0"]
    lines += [f"add bonding member {m} bond0" for m in r.member_names]
    lines += ["set bonding option bond0 mtu=9216", "set bonding option bond0 primary=net_vhost0"]
    lines += [f"add guest {n} {r.guest_pairs(n)}" for n in r.guest_names]
    with open(config, "w", encoding="ascii") as f:
        f.write("\n".join([*lines, "start", ""]))
    r.start()
    return r


def test_bindings_outlive_a_disconnection_and_our_restart(rig, workdir):
    r = started_from_a_file(rig, workdir, log_allowed=REFUSED, guest_opts={
        "vm1": "mac_guard=on,mac_limit=1", "vm2": "mac_guard=on,mac_limit=1"})
    learn(r, 1, 2)
    r.vm(1).restart()
    r.vm(1).wait_up()
    dropped(r, r.vm(1), [frame(FAR_MAC, VM3)], "mac_limit")
    assert r.daemon.stop() == 0
    r.start()
    for i in (1, 2):
        assert addresses(r, f"vm{i}") == {guest_mac(i): "learned"}
    r.learn(r.far[0], FAR_MAC)
    dropped(r, r.vm(1), [frame(FAR_MAC, VM3)], "mac_limit")
    passes(r, r.vm(1), [frame(FAR_MAC, VM1)], {FAR})


def auto_mac(r, name):
    found = [g for g in r.daemon.ctl("show guest all", json=True) if g["name"] == name]
    return found[0].get("auto_mac")


def test_mac_auto_is_an_address_of_the_guests_own_also_after_our_restart(rig, workdir):
    r = started_from_a_file(rig, workdir, guest_opts={"vm1": listed("auto,00:00:5e:00:01/40")})
    own = auto_mac(r, "vm1")
    assert own[1] in "26ae" and auto_mac(r, "vm2") is None
    assert f"  Own address: {own}\n" in r.daemon.ctl("show guest vm1")
    assert "Own address" not in r.daemon.ctl("show guest vm2")
    for again in (False, True):
        if again:
            assert r.daemon.stop() == 0
            r.start()
        assert auto_mac(r, "vm1") == own
        assert addresses(r, "vm1") == {own: "auto", "00:00:5e:00:01/40": "set"}
        assert "set guest vm1 mac=auto,00:00:5e:00:01/40" in r.daemon.ctl("show running-config").splitlines()
        r.learn(r.far[0], FAR_MAC)
        passes(r, r.vm(1), [frame(BROADCAST, m) for m in (own, "00:00:5e:00:01:2a")], {"vm2", FAR})
        dropped(r, r.vm(1), [frame(d, m) for m in (VM1, NOBODY) for d in (FAR_MAC, BROADCAST)], "forged_mac")
        passes(r, r.far[0], [frame(own, FAR_MAC)], {"vm1"})
    r.daemon.ctl("write")
    with open(f"{workdir}/bondfwd.conf", encoding="ascii") as f:
        assert "set guest vm1 mac=auto,00:00:5e:00:01/40\n" in f.read()


def test_an_address_of_mac_auto_is_nobody_elses(rig):
    r = rig(guest_opts={"vm1": listed("auto")})
    own = auto_mac(r, "vm1")
    before = r.daemon.ctl("show running-config")
    for line in (f"set guest vm2 mac={VM2},{own}", f"add guest vm3 socket=/run/x.sock,mac={own}"):
        with pytest.raises(CtlError) as refused:
            r.daemon.ctl(line)
        name = line.split()[2]
        assert f'guest "vm1": mac: "auto": is {own}, which guest "{name}" has as well' in refused.value.text
    assert r.daemon.ctl("show running-config") == before
    r.daemon.ctl("set guest vm2 mac=auto,mac_guard=on")
    assert auto_mac(r, "vm2") not in (None, own)
    learn(r)
    dropped(r, r.vm(2), [frame(FAR_MAC, own)], "forged_mac")
    passes(r, r.vm(2), [frame(FAR_MAC, auto_mac(r, "vm2"))], {FAR})
    r.daemon.ctl("set guest vm1 mac=none,mac_guard=off")
    r.daemon.ctl(f"set guest vm2 mac={own}")


def test_a_guest_that_is_removed_leaves_its_addresses(rig):
    r = rig(guest_opts={"vm1": LEARNED, "vm2": LEARNED})
    learn(r, 1)
    r.daemon.ctl("remove guest vm1")
    wait_for(lambda: VM1 not in r.daemon.fdb(), what="its station forgotten")
    passes(r, r.vm(2), [frame(FAR_MAC, VM1)], {FAR})
    bound(r, "vm2", VM1)


def test_a_guard_that_comes_into_force_takes_what_the_guest_is_known_with(rig):
    r = rig(log_allowed=REFUSED)
    learn(r, 1, 2)
    r.daemon.ctl("set guest vm1 mac_guard=on,mac_limit=1")
    assert addresses(r, "vm1") == {VM1: "learned"}
    dropped(r, r.vm(1), [frame(FAR_MAC, VM3)], "mac_limit")
    r.daemon.ctl(f"set guest vm1 mac={VM3}")
    assert VM1 not in r.daemon.fdb()
    dropped(r, r.vm(1), [frame(FAR_MAC, VM1)], "forged_mac")
    passes(r, r.vm(1), [frame(FAR_MAC, VM3)], {FAR})
    r.daemon.ctl("set guest vm1 mac_guard=off")
    passes(r, r.vm(1), [frame(FAR_MAC, VM1)], {FAR})


def test_the_lan_takes_the_place_of_a_station_and_the_guest_takes_it_back(rig):
    r = rig(guest_opts={"vm1": LEARNED})
    learn(r, 1, 2)
    r.far[0].raw(frame(BROADCAST, VM1, kind=0x8035))  # RARP: it has been migrated
    wait_for(lambda: r.daemon.fdb()[VM1]["port"] == "bond0", what="moved to the LAN")
    assert addresses(r, "vm1") == {VM1: "learned"}
    r.vm(1).raw(frame(BROADCAST, VM1, kind=0x8035))
    wait_for(lambda: r.daemon.fdb()[VM1]["port"] == "vm1", what="moved back")


def test_guests_of_a_team_share_their_addresses_and_a_failover_is_followed(rig):
    team = f"{LEARNED},team=router"
    r = rig(guests=("vm1", "vm2", "vm3"), guest_opts={"vm1": team, "vm2": team, "vm3": LEARNED},
            log_allowed=REFUSED)
    learn(r, 1, 3)
    assert addresses(r, "vm2") == {VM1: "team"}
    for port in (2, 1, 2):
        passes(r, r.vm(port), [frame(VM3, VM1)], {"vm3"})
        wait_for(lambda p=f"vm{port}": r.daemon.fdb()[VM1]["port"] == p, what="followed")
        passes(r, r.vm(3), [frame(VM1, VM3)], {f"vm{port}"})
    dropped(r, r.vm(3), [frame(FAR_MAC, VM1)], "forged_mac")
    r.daemon.ctl("set guest vm2 team=other")
    dropped(r, r.vm(1), [frame(FAR_MAC, VM3)], "forged_mac")
    assert VM1 not in addresses(r, "vm2")


def test_X09_a_million_addresses_of_one_guest_leave_the_others_as_they_are(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), guest_opts={f"vm{i}": LEARNED for i in (1, 2, 3)},
            log_allowed=REFUSED)
    learn(r, 1, 2, 3)
    evicted = r.daemon.ctl("show fdb", json=True)["evicted"]
    r.vm(1).send(wait=False, stream=1, count=1 << 20, srcs=1 << 20, src="52:55:00:00:00:00", dst=BROADCAST,
                 kind="ether")
    tally = r.transfer(r.vm(2), r.vm(3), 2, 2000, window=64, src=VM2, dst=VM3, size=[60, 512])
    assert tally["missing"] == tally["corrupt"] == 0
    r.vm(1).cmd("wait", timeout=60000)
    r.settle()
    shown = r.daemon.ctl("show fdb", json=True)
    assert shown["evicted"] == evicted and shown["count"] < 32
    assert counted(r, "vm1", "mac_limit") > (1 << 20) * 9 // 10
    assert guards(r, "vm1")["bound"] == 8
    assert r.vm(3).stream(1)["received"] < 1000
    passes(r, r.far[0], [frame(VM1, FAR_MAC)], {"vm1"})


# What is delivered.

def test_a_guarded_guest_gets_its_own_broadcast_and_multicast_only(rig):
    r = rig(guests=("vm1", "vm2", "vm3"), guest_opts={"vm1": listed(f"{VM1},02:0c/16"), "vm3": LEARNED})
    learn(r, 2)
    passes(r, r.far[0], [frame(NOBODY, FAR_MAC)], {"vm2"})
    assert counted(r, "vm1", "not_addressed") >= 1 and counted(r, "vm3", "not_addressed") >= 1
    # Never heard of, but its own.
    passes(r, r.far[0], [frame(VM1, FAR_MAC), frame("02:0c:00:00:00:01", FAR_MAC)], {"vm1", "vm2"})
    groups = [frame(d, FAR_MAC) for d in (BROADCAST, "33:33:00:00:00:01", "01:00:5e:00:00:fb")]
    passes(r, r.far[0], groups, {"vm1", "vm2", "vm3"})
    mixed = [frame(d, VM2) for d in (NOBODY, BROADCAST, VM1, NOBODY, "33:33:00:00:00:01")]
    assert deliveries(r, r.vm(2), mixed) == [
        {FAR}, {"vm1", "vm3", FAR}, {"vm1", FAR}, {FAR}, {"vm1", "vm3", FAR}]


# Protocols of switches.

CONTROL = {
    "GARP": ("01:80:c2:00:00:20", 0x0026), "MVRP": ("01:80:c2:00:00:21", 0x88f5),
    "CFM": ("01:80:c2:00:00:35", 0x8902), "R-APS": ("01:19:a7:00:00:01", 0x8902),
    "ISL": ("01:00:0c:00:00:00", 0x0026), "CDP, VTP, DTP": ("01:00:0c:cc:cc:cc", 0x0026),
    "PVST+": ("01:00:0c:cc:cc:cd", 0x0032), "VLAN bridge": ("01:00:0c:cd:cd:cd", 0x0032),
    "CGMP": ("01:00:0c:cc:cc:c7", 0x0026), "EDP": ("00:e0:2b:00:00:00", 0x0026),
    "EAPS": ("00:e0:2b:00:00:04", 0x0026), "LLDP to a station": (FAR_MAC, 0x88cc),
    "LLDP to all": (BROADCAST, 0x88cc), "pause": (FAR_MAC, 0x8808),
}


@pytest.mark.parametrize("tags", [(), [Dot1Q(vlan=7)]], ids=["untagged", "tagged"])
def test_X06_protocols_of_switches_are_dropped_from_a_guest_and_not_from_the_lan(rig, tags):
    r = rig(guest_opts={"vm1": "protocol_guard=on"})
    learn(r, 1, 2)
    frames = [frame(dst, VM1, tags, kind) for dst, kind in CONTROL.values()]
    dropped(r, r.vm(1), frames, "control_protocol")
    reserved = [frame(f"01:80:c2:00:00:{i:02x}", VM1, tags) for i in range(16)]
    dropped(r, r.vm(1), reserved, "reserved_address")
    dropped(r, r.vm(1), [frame(FAR_MAC, VM1, tags, 0x8809)], "slow_protocol")
    passes(r, r.far[0], [frame("01:00:0c:cc:cc:cc", FAR_MAC, tags, 0x26)], {"vm1", "vm2"})
    near = ["01:80:c2:00:00:40", "01:00:0c:cc:cc:d0", "33:33:00:00:00:01"]
    passes(r, r.vm(1), [frame(d, VM1, tags) for d in near], {"vm2", FAR})


def test_X06_no_control_frame_passes_behind_two_tags_on_a_way_that_is_known(rig):
    r = rig(guest_opts={"vm1": "protocol_guard=on"})
    passes(r, r.far[0], [frame(BROADCAST, FAR_MAC, TWO_TAGS)], {"vm1", "vm2"})
    passes(r, r.vm(1), [frame(BROADCAST, VM1, TWO_TAGS)], {"vm2", FAR})
    wait_for(lambda: {VM1, FAR_MAC} <= set(r.daemon.fdb()), what="both are known")
    for _ in range(3):
        passes(r, r.vm(1), [frame(FAR_MAC, VM1, TWO_TAGS)], {FAR})
    for kind in (0x88cc, 0x8808, 0x8902):
        dropped(r, r.vm(1), [frame(FAR_MAC, VM1, TWO_TAGS, kind)], "control_protocol")
    passes(r, r.vm(1), [frame(FAR_MAC, VM1, TWO_TAGS)], {FAR})


# Servers that a guest may not be.

def dhcp(src=VM1, dst=BROADCAST, sport=67, dport=68, tags=(), frag=None):
    packet = Ether(dst=dst, src=src)
    for tag in tags:
        packet /= tag
    packet /= IP(src="10.0.0.1", dst="255.255.255.255", **(frag or {}))
    return bytes(packet / UDP(sport=sport, dport=dport) / Raw(bytes(260)))


def icmp6(kind, headers=(), src=VM1, dst="33:33:00:00:00:01", tags=(), more=24):
    packet = Ether(dst=dst, src=src)
    for tag in tags:
        packet /= tag
    packet /= IPv6(src="fe80::1", dst="ff02::1", hlim=255)
    for header in headers:
        packet /= header
    packet.lastlayer().nh = 58
    return bytes(packet / Raw(bytes([kind, 0, 0, 0]) + bytes(more)))


def dhcpv6(sport=547, dport=546, headers=()):
    packet = Ether(dst="33:33:00:01:00:02", src=VM1) / IPv6(src="fe80::1", dst="ff02::1:2")
    for header in headers:
        packet /= header
    packet.lastlayer().nh = 17
    return bytes(packet / UDP(sport=sport, dport=dport) / Raw(bytes(40)))


TWO_TAGS = [Dot1AD(vlan=8), Dot1Q(vlan=7)]


@pytest.mark.parametrize("key, reason, frames", [
    ("dhcp_guard", "rogue_dhcp", [
        dhcp(), dhcp(dst=VM2), dhcp(dst=FAR_MAC), dhcp(sport=4011), dhcp(tags=[Dot1Q(vlan=7)]), dhcp(tags=TWO_TAGS),
        dhcp(frag={"flags": "MF"}), dhcpv6(), dhcpv6(headers=[IPv6ExtHdrDestOpt()])]),
    ("ra_guard", "rogue_router", [
        icmp6(134), icmp6(137), icmp6(134, dst=VM2), icmp6(134, tags=TWO_TAGS), icmp6(134, [IPv6ExtHdrHopByHop()]),
        icmp6(134, [IPv6ExtHdrDestOpt()] * 5), icmp6(134, [IPv6ExtHdrFragment(m=1, id=7)])]),
    ("ra_guard", "hidden_header", [
        icmp6(134, [IPv6ExtHdrDestOpt()] * 17), icmp6(134, [IPv6ExtHdrFragment(m=1, id=7)])[:62],
        frame(BROADCAST, VM1, [Dot1Q(vlan=0)] * 9)]),
])
def test_what_only_servers_say_is_dropped_from_a_guest_and_not_from_the_lan(rig, key, reason, frames):
    r = rig(guest_opts={"vm1": f"{key}=on"}, log_allowed=[rf"^WARNING: {reason}: vm1: "])
    learn(r, 1, 2)
    dropped(r, r.vm(1), frames, reason)
    wait_for(lambda: r.events(reason), what="an event")
    assert r.events(reason)[0]["object"] == "vm1"
    to_all = [f for f in frames if f[0] & 1]
    passes(r, r.far[0], [f[:6] + bytes.fromhex(FAR_MAC.replace(":", "")) + f[12:] for f in to_all], {"vm1", "vm2"})
    r.daemon.ctl(f"set guest vm1 {key}=off")
    passes(r, r.vm(1), to_all, {"vm2", FAR})


def test_what_clients_and_hosts_say_passes_the_guards_of_servers(rig):
    r = rig(guest_opts={"vm1": "dhcp_guard=on,ra_guard=on"})
    learn(r, 1, 2)
    passes(r, r.vm(1), [dhcp(sport=68, dport=67), dhcp(sport=67, dport=67), dhcpv6(546, 547),
                        *[icmp6(kind) for kind in (128, 131, 133, 135, 136, 143)],
                        icmp6(134, [IPv6ExtHdrFragment(offset=1, m=1, id=7)]),
                        dhcp(frag={"frag": 2}), frame(BROADCAST, VM1, [Dot1Q(vlan=0)] * 8)], {"vm2", FAR})
    passes(r, r.vm(1), [dhcp(dst=VM2, sport=68, dport=67)], {"vm2"})


def test_without_guards_everything_passes_as_before(rig):
    r = rig()
    learn(r, 1, 2)
    passes(r, r.vm(1), [frame(d, VM1, (), k) for d, k in CONTROL.values() if d != FAR_MAC], {"vm2", FAR})
    passes(r, r.vm(1), [frame(FAR_MAC, NOBODY)], {FAR})


# Settings.

@pytest.mark.parametrize("options, words", [
    ("mac_guard=on", ["mac_limit", "1024", "1 to 64"]),
    ("mac_guard=on,mac_limit=65", ["mac_limit", "65", "1 to 64"]),
    ("mac=52:54", ["mac", "52:54", "or auto"]), ("mac=auto/48", ["mac", "auto/48"]), ("mac=01:02:03/49", ["01:02:03/49"]),
    ("protocol_guard=maybe", ["protocol_guard", "maybe"]), ("dhcp_guard=2", ["dhcp_guard", "2", "on"]),
    ("ra_guard=yess", ["ra_guard", "yess", "on"]),
])
def test_a_guard_that_cannot_be_is_refused_in_words(rig, options, words):
    r = rig(guests=("vm1",))
    before = r.daemon.ctl("show running-config")
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl(f"set guest vm1 {options}")
    assert all(w in refused.value.text for w in words), refused.value.text
    assert r.daemon.ctl("show running-config") == before


def test_guards_are_written_as_they_are_read(rig):
    r = rig(guests=("vm1",), guest_opts={"vm1": listed(f"{VM1},00:00:5e:00:01/40", ",team=a,protocol_guard=on")})
    text = r.daemon.ctl("show running-config")
    for line in [x for x in text.splitlines() if " vm1 " in x]:
        if line.startswith("set guest"):
            r.daemon.ctl(line)
    assert r.daemon.ctl("show running-config") == text
    assert addresses(r, "vm1") == {VM1: "set", "00:00:5e:00:01/40": "set"}
