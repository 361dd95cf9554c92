# SPDX-License-Identifier: BSD-3-Clause
"""mirror: a guest gets copies of others' frames."""

import pytest

from bf import FAR_MAC, CtlError, guest_mac
from test_capture import packet, send

VM1, VM2 = guest_mac(1), guest_mac(2)


def copies(r, frames_of):
    """What vm3 got, of frames that are UDP, while frames_of() sent."""
    r.vm(3).capture(512, match="other")
    frames_of()
    r.settle()
    return [f for f in r.vm(3).captured() if f[12:14] == b"\x08\x00" or f[12:14] == b"\x81\x00"]


def shown(r):
    return {m["mirror"]: m for m in r.daemon.ctl("show mirror", json=True)}


def three(rig, **options):
    r = rig(guests=("vm1", "vm2", "vm3"), **options)
    r.learn_all()
    return r


def test_a_guest_gets_copies_of_anothers_frames_and_nobody_else_notices(rig):
    r = three(rig)
    sent = [packet(FAR_MAC, VM1, i, size=60 + 900 * i) for i in range(6)]
    got = [packet(VM1, FAR_MAC, 100 + i) for i in range(4)]

    def traffic():
        r.far[0].capture(64, match="other")
        send(r, r.vm(1), sent)
        assert r.far[0].captured() == sent
        send(r, r.far[0], got)
        send(r, r.vm(2), [packet(FAR_MAC, VM2, 200)])
    assert copies(r, traffic) == []
    r.daemon.ctl("set mirror m source vm1 to vm3")
    assert copies(r, traffic) == sent + got
    counts = shown(r)["m"]
    assert (counts["frames"], counts["lost"], counts["direction"]) == (10, 0, "both")
    assert counts["bytes"] == sum(map(len, sent + got))
    r.daemon.ctl("set mirror m source vm1 in to vm3")
    assert copies(r, traffic) == sent and shown(r)["m"]["frames"] == 6
    r.daemon.ctl("remove mirror m")
    assert copies(r, traffic) == [] and shown(r) == {}


def test_a_vlan_and_a_filter_select_what_is_copied(rig):
    r = three(rig)
    r.daemon.ctl("set mirror v source bond0 out vlan 10 to vm3")
    plain, other = packet(FAR_MAC, VM1, 1), packet(FAR_MAC, VM1, 2, port=53)
    tagged = plain[:12] + b"\x81\x00\x00\x0a" + plain[12:]
    # FAR_MAC is not known in that VLAN: vm3 gets the frame as everybody does, and the copy.
    assert copies(r, lambda: send(r, r.vm(1), [plain, tagged])) == [tagged, tagged]
    assert shown(r)["v"]["frames"] == 1
    r.daemon.ctl("remove mirror v")
    r.daemon.ctl('set mirror f source all in filter "udp port 53" to vm3')
    assert copies(r, lambda: send(r, r.vm(1), [plain, other])) == [other]
    text = r.daemon.ctl("show mirror")
    assert "filter: udp port 53" in text
    metrics = r.daemon.ctl("show metrics")
    assert 'bondfwd_mirror_copied_frames_total{mirror="f",guest="vm3"} 1' in metrics


def test_what_a_mirror_s_guest_sends_and_gets_is_not_mirrored_again(rig):
    r = three(rig)
    r.daemon.ctl("set mirror a source all to vm3")
    r.daemon.ctl("set mirror b source vm1 in to vm2")
    one = packet(FAR_MAC, VM1, 1)
    assert copies(r, lambda: send(r, r.vm(1), [one])) == [one, one]  # from vm1, to the bond
    assert shown(r)["b"]["frames"] == 1
    before = shown(r)["a"]["frames"]
    send(r, r.vm(2), [packet(FAR_MAC, VM2, 2)])
    send(r, r.vm(3), [packet(FAR_MAC, guest_mac(3), 3)])
    # Only the bond's end of the two: vm2 and vm3 get copies.
    assert shown(r)["a"]["frames"] == before + 2
    r.check_balance()


def test_mirrors_are_part_of_the_configuration(rig):
    r = three(rig)
    line = 'set mirror m source vm1 in vlan 7 filter "udp and host 10.0.0.1" to vm3'
    r.daemon.ctl(line)
    assert line in r.daemon.ctl("show running-config").splitlines()
    for command, text in (
            ("set mirror x source nope to vm3", 'source: "nope": expected a bond, a guest or all'),
            ("set mirror x source vm1 to bond0", 'to: "bond0": no such guest'),
            ("set mirror x source vm3 to vm2", "gets the copies of a mirror"),
            ("set mirror x source vm1 vlan 4095 to vm3", 'vlan: "4095": expected 0 to 4094'),
            ('set mirror x source vm1 filter "tcp prot" to vm3', 'filter: "tcp prot": '),
            ("remove mirror x", 'mirror: "x": no such mirror'),
            ("remove guest vm3", 'to: "vm3": no such guest')):
        with pytest.raises(CtlError, match=text):
            r.daemon.ctl(command)
    assert line in r.daemon.ctl("show running-config").splitlines() and list(shown(r)) == ["m"]


def test_mirrors_come_back_from_the_file_and_differences_name_them(rig):
    r = three(rig)
    lines = ['set mirror m source vm1 in vlan 7 filter "udp and host 10.0.0.1" to vm3', "set mirror n source bond0 out to vm3"]
    for line in lines:
        r.daemon.ctl(line)
    config = r.workdir / "saved.conf"

    def differences():
        return [line for line in r.daemon.ctl(f"diff {config}").splitlines() if "mirror" in line]
    r.daemon.ctl(f"write {config}")
    assert [line for line in config.read_text().splitlines() if "mirror" in line] == lines
    assert "No difference" in r.daemon.ctl(f"diff {config}")
    r.daemon.ctl("remove mirror n")
    r.daemon.ctl("set mirror m source vm2 to vm3")
    assert any(lines[1] in line for line in differences()) and any(lines[0] in line for line in differences())
    r.daemon.ctl(f"load {config} force")
    assert differences() == [] and "No difference" in r.daemon.ctl(f"diff {config}")
    assert [line for line in r.daemon.ctl("show running-config").splitlines() if "mirror" in line] == lines


def test_a_mirror_of_a_busy_port_loses_none_of_its_frames(rig):
    r = three(rig, workers=2)
    r.daemon.ctl("set mirror m source vm1 to vm3")
    tally = r.transfer(r.vm(1), r.far[0], 1, 5000, src=VM1, dst=FAR_MAC, size=200, flows=7)
    assert tally["distinct"] == tally["received"] == 5000
    assert shown(r)["m"]["frames"] >= 5000


def test_nobody_is_told_of_a_copy_that_is_too_long_for_its_guest(rig):
    r = three(rig)
    r.daemon.ctl("set guest vm3 mtu=1000,too_big=icmp")
    r.daemon.ctl("set mirror m source vm1 in to vm3")
    long = packet(FAR_MAC, VM1, 1, size=1200)
    long = long[:20] + b"\x40\x00" + long[22:]  # DF, without which nobody is told anyway
    r.vm(1).capture(64, match="other")
    send(r, r.vm(1), [long])
    r.settle()
    assert len(r.daemon.ctl("show drops vm3 oversize frames", json=True)) == 1
    assert shown(r)["m"]["frames"] == 1
    assert [f for f in r.vm(1).captured() if f[23:24] == b"\x01"] == []
    assert 'bondfwd_guest_too_big_total{bond="bond0",guest="vm3"} 0' in r.daemon.ctl("show metrics")
