# SPDX-License-Identifier: BSD-3-Clause
"""Several bonds: each is the uplink of a switch of its own, and nothing crosses between them."""

import pathlib

import pytest

from bf import FAR_MAC, CtlError, Load, guest_mac, loses_nothing, wait_for

VM1, VM2 = guest_mac(1), guest_mac(2)
BROADCAST = "ff:ff:ff:ff:ff:ff"
SIDES = {"bond0": ((0, 1), ("vm1", "vm2")), "bond1": ((2, 3), ("vm3", "vm4"))}


@pytest.fixture
def two(rig):
    """bond0 (active-backup) with vm1 and vm2, bond1 (balance-xor) with vm3 and vm4."""
    r = rig(start=False, members=4, guests=("vm1", "vm2", "vm3", "vm4"))
    r.args = ["--bond", "name=bond0,mode=active-backup,member=net_vhost0,member=net_vhost1,"
                        "primary=net_vhost0,mtu=9216",
              "--bond", "name=bond1,mode=balance-xor,member=net_vhost2,member=net_vhost3,mtu=9216"]
    for side, (_, guests) in SIDES.items():
        for name in guests:
            r.args += ["--guest", f"name={name},uplink={side},{r.guest_pairs(name)}"]
    r.start()
    wait_for(lambda: all(m["link"] and m["usable"] for m in bond(r, "bond1")["member_details"]),
             what="members of bond1 in service")
    return r


def bond(r, name):
    return r.daemon.ctl(f"show bonding config {name}", json=True)


def ports(r, name):
    far, guests = SIDES[name]
    return [*(r.far[i] for i in far), *(r.guests[g] for g in guests)]


def got(r, stream):
    """Names of the peers that have got frames of a stream."""
    return {p.name for p in r.peers() if p.stream(stream)["received"] > 0}


def names(r, side):
    return {p.name for p in ports(r, side)}


def teach(r, vlan=None):
    """The same addresses on both switches: a far station, and one behind the first guest of each."""
    for far, guests in SIDES.values():
        for peer, mac in ((r.far[far[0]], FAR_MAC), (r.guests[guests[0]], VM1),
                          (r.guests[guests[1]], VM2)):
            peer.send(stream=0xfffe, count=2, src=mac, dst=BROADCAST, kind="ether", vlan=vlan)
    def known():
        seen = [(e["uplink"], e["mac"]) for e in r.daemon.ctl("show fdb", json=True)["entries"]
                if e["vlan"] == (vlan or 0)]
        return {(b, m) for b in SIDES for m in (FAR_MAC, VM1, VM2)} <= set(seen)
    wait_for(known, what="the stations on both switches")
    r.settle()


@pytest.mark.parametrize("vlan", [None, 100])
def test_S08_the_same_addresses_and_vlan_on_two_bonds_and_nothing_crosses(two, vlan):
    r, stream = two, 100
    teach(r, vlan)
    for side, (far, guests) in SIDES.items():
        first, second = (r.guests[g] for g in guests)
        outside = r.far[far[0]]
        for sender, src, dst, count in ((first, VM1, BROADCAST, 50), (outside, FAR_MAC, BROADCAST, 50),
                                        (outside, FAR_MAC, VM1, 60), (first, VM1, FAR_MAC, 60),
                                        (first, VM1, VM2, 60), (second, VM2, "02:00:00:00:99:99", 40)):
            stream += 1
            with r.taking(count):
                sender.send(stream=stream, count=count, src=src, dst=dst, vlan=vlan, size=64)
            reached = got(r, stream)
            assert reached <= names(r, side) - {sender.name}, (side, src, dst, reached)
            assert reached, (side, src, dst)
            if dst == VM1:
                assert reached == {guests[0]}
            if dst == VM2:
                assert reached == {guests[1]}


def test_a_bond_goes_while_the_other_one_carries(two):
    r = two
    teach(r)
    load = Load(r)
    load.passes(200)
    with pytest.raises(CtlError, match="is the uplink of guest vm3"):
        r.daemon.ctl("remove bonding device bond1")
    r.daemon.ctl("remove guest vm3")
    r.daemon.ctl("remove guest vm4")
    r.daemon.ctl("remove bonding device bond1")
    load.passes(200)
    loses_nothing(load)
    assert "bond1" not in r.daemon.ctl("show running-config")
    # A third one takes its place.
    r.daemon.ctl("create bonding device balance-xor 0")
    r.daemon.ctl("add bonding member net_vhost2 bond1")
    wait_for(lambda: bond(r, "bond1")["open"], what="bond1 open again")


def test_a_guest_that_changes_its_uplink_is_forgotten_where_it_was(two):
    r = two
    teach(r)
    r.daemon.ctl("set guest vm2 uplink=bond1")
    assert not [e for e in r.daemon.ctl("show fdb", json=True)["entries"] if e["port"] == "vm2"]
    with r.taking(30):
        r.guests["vm2"].send(stream=501, count=30, src=VM2, dst=BROADCAST)
    assert got(r, 501) <= names(r, "bond1")
    assert got(r, 501) >= {"vm3", "vm4"}
    events = r.events("guest_uplink")
    assert events and "bond1" in events[-1]["text"]


def test_each_bond_is_shown_and_counted_by_its_name(two):
    r = two
    teach(r)
    assert {bond(r, b)["mode"] for b in SIDES} == {"active-backup", "balance-xor"}
    samples = r.daemon.ctl("show metrics", json=True)
    assert {s["labels"]["bond"] for s in samples if "bond" in s["labels"]} == set(SIDES)
    shown = {p["name"] for p in r.daemon.ctl("show fwd stats all", json=True)["ports"]}
    assert {"bond0", "bond1", "vm1", "vm4"} <= shown
    assert r.daemon.ctl("show guest vm3", json=True)[0]["uplink"] == "bond1"
    r.daemon.ctl("test failover bond0 member net_vhost0")
    wait_for(lambda: r.daemon.ctl("show bonding failover bond0", json=True), what="a failover")
    assert r.daemon.ctl("show bonding failover bond1", json=True) == []
    assert {f["bond"] for f in r.daemon.ctl("show bonding failover", json=True)} == {"bond0"}


def test_all_shows_every_bond_as_its_name_does(two):
    ctl = two.daemon.ctl
    shown = ctl("show bonding config all", json=True)
    assert shown == [ctl(f"show bonding config {name}", json=True) for name in ("bond0", "bond1")]
    assert ctl("show bonding lacp info all", json=True) == []


def test_what_does_not_fit_several_bonds_is_refused(two):
    r = two
    before = r.daemon.ctl("show running-config")
    for command, why in (
            ("set guest vm1 uplink=bond7", "bond7.*expected bond0"),
            ("add bonding member net_vhost0 bond1", "is a member of bond0 already"),
            ("create bonding device 1 0 bond1", "already in use"),
            ("create bonding device 1 0 vm1", "already in use"),
            ("show bonding config bond2", "expected bond0 or bond1")):
        with pytest.raises(CtlError, match=why):
            r.daemon.ctl(command)
    for _ in range(2):
        r.daemon.ctl("create bonding device 1 0")
    with pytest.raises(CtlError, match="at most 4 bonds"):
        r.daemon.ctl("create bonding device 1 0")
    r.daemon.ctl("remove bonding device bond2")
    r.daemon.ctl("remove bonding device bond3")
    assert r.daemon.ctl("show running-config") == before


def test_guests_without_an_uplink_get_the_first_bond_when_a_second_one_comes(rig):
    r = rig(members=1)
    r.daemon.ctl("create bonding device 1 0")
    config = r.daemon.ctl("show running-config")
    assert config.count("uplink=bond0") == 2
    r.daemon.ctl("remove bonding device bond1")
    assert r.daemon.ctl("show guest vm1", json=True)[0]["uplink"] == "bond0"


def test_members_change_places_between_bonds_by_one_file(two, workdir):
    r = two
    lines = r.daemon.ctl("show running-config").splitlines()
    places = {"net_vhost1": "net_vhost2", "net_vhost2": "net_vhost1"}
    swapped = [" ".join(places.get(w, w) for w in line.split(" ")) for line in lines]
    path = pathlib.Path(workdir, "swapped.conf")
    path.write_text("\n".join(swapped) + "\n")
    r.daemon.ctl(f"load {path}")
    assert {m["name"] for m in bond(r, "bond0")["member_details"]} == {"net_vhost0", "net_vhost2"}
    assert {m["name"] for m in bond(r, "bond1")["member_details"]} == {"net_vhost1", "net_vhost3"}
    wait_for(lambda: all(m["link"] and m["usable"] for b in SIDES
                         for m in bond(r, b)["member_details"]), what="members in service")


def test_the_active_members_of_all_bonds_are_remembered_over_a_restart(rig, workdir):
    """Where there is a configuration file, be it empty: else a bond of that name may be any."""
    pathlib.Path(f"{workdir}/empty.conf").write_text("", encoding="ascii")
    r = rig(start=False, members=4, guests=("vm1",))
    r.args[:2] = ["--bond", "name=bond0,mode=balance-xor,member=net_vhost0,member=net_vhost1,mtu=9216",
                  "--bond", "name=bond1,mode=active-backup,member=net_vhost2,member=net_vhost3,mtu=9216"]
    r.args[-1] += ",uplink=bond1"
    r.args += ["--config", f"{workdir}/empty.conf"]
    r.start()
    wait_for(lambda: all(m["usable"] for m in bond(r, "bond1")["member_details"]), what="bond1")
    first = bond(r, "bond1")["active_member"]
    other = {"net_vhost2": "net_vhost3", "net_vhost3": "net_vhost2"}[first]
    r.daemon.ctl(f"set bonding drain {first} bond1")
    wait_for(lambda: bond(r, "bond1")["active_member"] == other, what="the other one active")
    r.daemon.stop()
    assert f"bond1 {other}" in pathlib.Path(f"{workdir}/console.sock.active").read_text()
    r.start()
    # The other link may have been up first.
    wait_for(lambda: bond(r, "bond1").get("active_member") == other, what="the remembered one active")
