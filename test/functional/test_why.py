# SPDX-License-Identifier: BSD-3-Clause
"""`why` names what is wrong: causes are planted one after the other, and each is named; where nothing is, nothing is."""

import pytest

from bf import BROADCAST, FAR_MAC, LOG_LINK_LOSS, CtlError, guest_mac, mac_bytes, wait_for
from fixtures import LOG_LACP

OTHER = "02:00:00:00:66:{:02x}"
WARNINGS = [r"^WARNING: (mac_refused|mac_limit|storm|forged_\w+|mac_flaps|rogue_\w+|guest_mtu|control_\w+): "]


def causes(r, *question):
    """The causes of a question, the most likely first."""
    return [c["cause"] for c in r.daemon.ctl(" ".join(("why", *question)), json=True)["causes"]]


def first(r, *question):
    return (causes(r, *question) or ["nothing"])[0]


def named(r, cause, *question):
    """A cause is named, soon."""
    wait_for(lambda: cause in causes(r, *question), what=f"{cause} of {question}: {causes(r, *question)}")


def is_first(r, cause, *question):
    """And before all others."""
    wait_for(lambda: first(r, *question) == cause, what=f"{cause} of {question}: {causes(r, *question)}")


def say(r, i, src, dst=BROADCAST, rest=b"\x88\xb5" + bytes(48), count=1):
    """A guest sends some frames, which are switched when this returns."""
    with r.taking(count):
        r.vm(i).raw(mac_bytes(dst) + mac_bytes(src) + rest, count=count)


def test_nothing_is_found_where_all_is_well(rig):
    r = rig(members=2, guests=("vm1", "vm2"))
    r.learn_all()
    r.transfer(r.vm(1), r.vm(2), 1, 200, src=guest_mac(1), dst=guest_mac(2))
    active = r.bond()["active_member"]
    for question in (("vm1",), ("vm2",), ("bond0",), (active,), ("mac", guest_mac(1), "to", guest_mac(2)),
                     ("mac", guest_mac(2), "to", FAR_MAC), ("mac", FAR_MAC, "to", guest_mac(1), "vlan", "0")):
        assert causes(r, *question) == [], question
    assert r.daemon.ctl("why vm1") == "Nothing found: bondfwd sees no cause for trouble with vm1.\n"
    for question, text in (("nobody", 'port: "nobody": expected'), ("all", 'port: "all": expected one port'),
                           ("mac 1:2 to 02:00:00:00:00:01", 'mac: "1:2": expected'),
                           (f"mac {FAR_MAC} to {BROADCAST}", f'to: "{BROADCAST}": expected'),
                           (f"mac {FAR_MAC} to {FAR_MAC} vlan 4095", 'vlan: "4095": expected 0 to 4094')):
        with pytest.raises(CtlError) as e:
            r.daemon.ctl(f"why {question}")
        assert e.value.status == 2 and e.value.text.strip().startswith(text), e.value.text


def test_what_stations_and_switches_are_in_is_named(rig):
    r = rig(members=2, guests=("vm1", "vm2", "vm3"), log_allowed=WARNINGS)
    r.learn_all()
    to = ("to", guest_mac(2))
    # A station that nobody has heard, and one that is behind the same port.
    is_first(r, "unknown", "mac", OTHER.format(1), *to)
    r.learn(r.vm(1), OTHER.format(2))
    is_first(r, "same_port", "mac", guest_mac(1), "to", OTHER.format(2))
    # One that is in another VLAN, with and without the question for one.
    r.learn(r.vm(1), OTHER.format(3), vlan=5)
    is_first(r, "other_vlan", "mac", OTHER.format(3), *to)
    is_first(r, "other_vlan", "mac", OTHER.format(3), *to, "vlan", "6")
    # The bond's own address.
    is_first(r, "own_address", "mac", guest_mac(1), "to", r.bond()["mac"])
    r.daemon.ctl("set guest vm1 isolated=on")
    r.daemon.ctl("set guest vm2 isolated=on")
    is_first(r, "isolated", "mac", guest_mac(1), *to)
    r.daemon.ctl("set guest vm1 isolated=off")
    r.daemon.ctl("stop")
    is_first(r, "stopped", "mac", guest_mac(1), *to)
    is_first(r, "stopped", "vm3")
    r.daemon.ctl("start")
    r.daemon.ctl("set guest vm3 admin=down")
    is_first(r, "admin_down", "vm3")
    is_first(r, "admin_down", "mac", guest_mac(1), "to", guest_mac(3))
    r.daemon.ctl("set guest vm3 admin=up")
    # One that is in two places.
    for _ in range(12):
        for i in (1, 3):
            say(r, i, OTHER.format(4))
        if causes(r, "mac", OTHER.format(4), *to)[:1] == ["mac_flaps"]:
            break
    named(r, "mac_flaps", "vm3")
    r.vm(3).kill()
    is_first(r, "not_connected", "vm3")
    text = r.daemon.ctl("why vm3")
    assert text.startswith("not_connected: No front end listens at ") and "next: show guest vm3" in text


def test_what_a_port_drops_is_named(rig):
    r = rig(members=1, guests=("vm1", "vm2", "vm3", "vm4"), log_allowed=WARNINGS)
    r.learn_all()
    lldp = b"\x88\xcc" + bytes(48)
    for i, (option, cause, frame) in enumerate((
            (f"mac_guard=on mac={guest_mac(1)}", "forged_mac", {"src": OTHER.format(1)}),
            ("locked=on", "locked_port", {"src": OTHER.format(2)}),
            ("vlan=5", "vlan_tag", {"src": guest_mac(3), "rest": b"\x81\x00\x00\x07\x88\xb5" + bytes(46)}),
            ("storm_broadcast=1", "storm_broadcast", {"src": guest_mac(4), "count": 20}),
            ("mac_guard=off locked=off protocol_guard=on", "control_protocol", {"src": guest_mac(1), "rest": lldp}),
            ('filter_in="drop ether proto 0x88b5"', "filter_in", {"src": guest_mac(2), "count": 2}),
            ("vlan=any rate_in=8kbit over_in=drop", "rate_in",
             {"src": guest_mac(3), "rest": b"\x88\xb5" + bytes(1400), "count": 200}))):
        guest = i % 4 + 1
        r.daemon.ctl(f"set guest vm{guest} {option}")
        say(r, guest, **frame)
        named(r, cause, f"vm{guest}")
    # Who is not known because of a guard, is.
    named(r, "forged_mac", "mac", OTHER.format(1), "to", guest_mac(2))
    # The next guest in a slot has nothing to do with what the one before has sent.
    r.daemon.ctl("remove guest vm2")
    r.daemon.ctl("add guest vm2 " + r.guest_pairs("vm2").replace(",", " "))
    assert not {"filter_in", "locked_port"} & set(causes(r, "vm2"))


def test_a_guest_that_does_not_read_and_one_that_gets_too_long_frames_are_named(rig):
    r = rig(members=1, guests=("vm1", "vm2"), mtu=1500, log_allowed=WARNINGS)
    r.learn_all()
    long = mac_bytes(guest_mac(2)) + mac_bytes(FAR_MAC) + b"\x88\xb5" + bytes(1600)
    with r.taking(1):
        r.far[0].raw(long)
    named(r, "oversize", "vm2")
    r.vm(1).stop_driver()
    with r.taking(2500):
        r.far[0].raw(mac_bytes(guest_mac(1)) + mac_bytes(FAR_MAC) + b"\x88\xb5" + bytes(48), count=2500)
    wait_for(lambda: {"guest_ring_unread", "guest_ring_full"} & set(causes(r, "vm1")), what="the ring")
    r.vm(1).start_driver()


def test_what_keeps_members_out_is_named(rig):
    r = rig(members=2, guests=("vm1",), log_allowed=[
        *LOG_LINK_LOSS, r"^WARNING: (member_down|active_member|member_drain\w*|drain\w*): "])
    r.learn_all()
    names = r.member_names
    active = names.index(r.bond()["active_member"])
    is_first(r, "backup", names[1 - active])
    r.daemon.ctl(f"set link-down port {names[1]}")
    is_first(r, "switched_off", names[1])
    is_first(r, "switched_off", "bond0")
    assert causes(r, "vm1") == []
    r.daemon.ctl(f"set link-up port {names[1]}")
    r.daemon.ctl(f"set bonding drain {names[1]} bond0")
    is_first(r, "drained", names[1])
    r.daemon.ctl(f"set bonding undrain {names[1]} bond0")
    r.far[1].kill()
    is_first(r, "link_down", names[1])
    r.far[0].kill()
    is_first(r, "bond_down", "bond0")
    is_first(r, "bond_down", "vm1")


def test_stations_of_two_bonds_do_not_meet(rig):
    r = rig(start=False, members=2, guests=("vm1", "vm2"))
    r.args = []
    for k in (0, 1):
        r.args += ["--bond", f"name=bond{k},mode=active-backup,member=net_vhost{k},mtu=9216",
                   "--guest", f"name=vm{k + 1},uplink=bond{k},{r.guest_pairs(f'vm{k + 1}')}"]
    r.start()
    for i in (1, 2):
        r.learn(r.vm(i), guest_mac(i))
    is_first(r, "other_switch", "mac", guest_mac(1), "to", guest_mac(2))


def test_a_partner_that_does_not_speak_lacp_is_named(rig):
    r = rig(members=1, guests=(), mode="802.3ad", log_allowed=LOG_LACP)
    is_first(r, "lacp", "net_vhost0")
    assert "LACP does not distribute on net_vhost0: " in r.daemon.ctl("why bond0")
    r.daemon.ctl("set bonding mode active-backup bond0")  # its LACPDU goes back to its pool
