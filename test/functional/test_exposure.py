# SPDX-License-Identifier: BSD-3-Clause
"""Guests that are kept apart by isolation, and show exposure: from what the others could do they are not protected."""

from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.inet import IP
from scapy.packet import Raw

from bf import BROADCAST, FAR_MAC, guest_mac
from guarding import dropped, learn, passes

VM1, VM2, VM3 = (guest_mac(i) for i in (1, 2, 3))
FAR = "far0"
THREE = ("vm1", "vm2", "vm3")
APART = {"vm1": "isolated=on", "vm2": "isolated=on"}
TENANT = "profile=tenant,ip=10.0.0.0/8"


def frame(dst, src, *tags):
    packet = Ether(dst=dst, src=src)
    for tag in tags:
        packet /= tag
    return bytes(packet / IP(dst="10.0.0.1") / Raw(bytes(30)))


def exposure(r):
    """{guest: {threat: the ports}}"""
    shown = r.daemon.ctl("show exposure", json=True)
    return {g["guest"]: {t["threat"]: t["by"] for t in g["threats"]} for g in shown}


def test_isolated_guests_do_not_reach_each_other_and_reach_all_others(rig):
    r = rig(guests=THREE, guest_opts=APART)
    learn(r, 1, 2, 3)
    for again in range(2):  # the second time from memory
        dropped(r, r.vm(1), [frame(VM2, VM1)] * (1 + again), "isolated")
        dropped(r, r.vm(2), [frame(VM1, VM2)], "isolated")
    for here, there in ((1, 2), (2, 1)):
        mac = guest_mac(here)
        passes(r, r.vm(here), [frame(VM3, mac)], {"vm3"})
        passes(r, r.vm(here), [frame(FAR_MAC, mac)], {FAR})
        passes(r, r.vm(here), [frame(BROADCAST, mac), frame("33:33:00:00:00:01", mac), frame(VM2[:-2] + "77", mac)],
               {"vm3", FAR})
        passes(r, r.vm(here), [frame(BROADCAST, mac, Dot1Q(vlan=7))], {"vm3", FAR})
        passes(r, r.vm(3), [frame(mac, VM3)], {f"vm{here}"})
        passes(r, r.far[0], [frame(mac, FAR_MAC)], {f"vm{here}"})
        assert r.daemon.fdb()[guest_mac(there)]["port"] == f"vm{there}"  # heard all the same
    passes(r, r.vm(3), [frame(BROADCAST, VM3)], {"vm1", "vm2", FAR})
    passes(r, r.far[0], [frame(BROADCAST, FAR_MAC)], {"vm1", "vm2", "vm3"})


def test_isolation_comes_and_goes_while_guests_talk(rig):
    r = rig(guests=THREE, guest_opts=APART)
    learn(r, 1, 2, 3)
    for _ in range(5):
        r.daemon.ctl("set guest vm2 isolated=off")
        passes(r, r.vm(1), [frame(VM2, VM1)], {"vm2"})
        passes(r, r.vm(1), [frame(BROADCAST, VM1)], {"vm2", "vm3", FAR})
        r.daemon.ctl("set guest vm2 isolated=on")
        dropped(r, r.vm(1), [frame(VM2, VM1)], "isolated")
        passes(r, r.vm(1), [frame(BROADCAST, VM1)], {"vm3", FAR})


def test_trusted_guests_are_exposed_to_each_other(rig):
    r = rig(guests=THREE)
    shown = exposure(r)
    assert set(shown) == set(THREE)
    assert shown["vm1"] == {"mac": "vm2, vm3", "ip": "vm2, vm3", "dhcp": "vm2, vm3", "router": "vm2, vm3",
                            "protocol": "vm2, vm3", "flood": "vm2, vm3, bond0"}
    text = r.daemon.ctl("show exposure")
    assert "vm2, vm3: mac_guard=on" in text and "others that take its MAC address" in text
    metrics = r.daemon.ctl("show metrics")
    assert 'bondfwd_exposure_ports{guest="vm1",threat="flood"} 3' in metrics


def test_each_key_closes_its_exposure(rig):
    r = rig(guests=THREE, guest_opts={name: TENANT for name in THREE})
    assert exposure(r) == {name: {"flood": "bond0"} for name in THREE}
    r.daemon.ctl("set profile default tenant")
    assert exposure(r) == {name: {} for name in THREE}
    assert "vm1              nothing" in r.daemon.ctl("show exposure")
    for threat, opened, closed in (("mac", "mac_guard=off", "mac_guard=on"), ("ip", "ip=none", "ip=10.0.0.1"),
                                   ("dhcp", "dhcp_guard=off", "dhcp_guard=on"),
                                   ("router", "ra_guard=off", "ra_guard=on"),
                                   ("protocol", "protocol_guard=off", "protocol_guard=on"),
                                   ("flood", "storm_multicast=off", "storm_multicast=1mbit")):
        r.daemon.ctl(f"set guest vm2 {opened}")
        assert exposure(r) == {"vm1": {threat: "vm2"}, "vm2": {}, "vm3": {threat: "vm2"}}
        r.daemon.ctl(f"set guest vm2 {closed}")
    assert exposure(r) == {name: {} for name in THREE}


def test_isolation_protects_from_what_must_reach_the_guest(rig):
    r = rig(guests=THREE, guest_opts={**APART, "vm3": TENANT})
    r.daemon.ctl("set profile default tenant")
    shown = exposure(r)
    assert shown["vm1"] == {"mac": "vm2", "ip": "vm2", "protocol": "vm2"}
    assert set(shown["vm3"]) == {"mac", "ip", "dhcp", "router", "protocol", "flood"}
    assert shown["vm3"]["dhcp"] == "vm1, vm2"


def test_guests_that_share_no_vlan_are_not_exposed_to_each_other(rig):
    r = rig(guests=THREE)

    def by_mac(**vlans):
        for name in THREE:
            r.daemon.ctl(f"set guest {name} vlan=any,trunk=none,qinq=none")
            r.daemon.ctl(f"set guest {name} {vlans[name]}")
        shown = exposure(r)
        assert all("protocol" in of for of in shown.values())  # which cut the LAN
        return {name: of.get("mac") for name, of in shown.items()}
    assert by_mac(vm1="vlan=7", vm2="vlan=7", vm3="vlan=8") == {"vm1": "vm2", "vm2": "vm1", "vm3": None}
    assert by_mac(vm1="vlan=7", vm2="trunk=7,9", vm3="trunk=8,9") == {"vm1": "vm2", "vm2": "vm1, vm3", "vm3": "vm2"}
    assert by_mac(vm1="vlan=untagged", vm2="vlan=any", vm3="qinq=7") == {"vm1": "vm2", "vm2": "vm1, vm3", "vm3": "vm2"}
    assert by_mac(vm1="qinq=7", vm2="vlan=7", vm3="qinq=7") == {"vm1": "vm3", "vm2": None, "vm3": "vm1"}
    r.daemon.ctl("set bonding option bond0 vlans=8")
    assert by_mac(vm1="vlan=7", vm2="vlan=7", vm3="vlan=8")["vm1"] == "vm2"
    assert exposure(r)["vm1"]["flood"] == "vm2" and exposure(r)["vm3"]["flood"] == "bond0"


def test_many_ports_are_counted(rig):
    names = [f"vm{i}" for i in range(1, 7)]
    r = rig(guests=("vm1",))
    for name in names[1:]:
        r.daemon.ctl(f"add guest {name} socket={r.workdir}/{name}.sock")
    assert exposure(r)["vm1"]["mac"] == "vm2, vm3, vm4 and 2 more"
