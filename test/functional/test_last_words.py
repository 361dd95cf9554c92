# SPDX-License-Identifier: BSD-3-Clause
"""show drops PORT REASON frames: the heads of frames that were dropped."""

import time

import pytest

from bf import FAR_MAC, CtlError, guest_mac, mac_bytes, wait_for
from test_capture import packet, send

VM1, VM2 = guest_mac(1), guest_mac(2)
RESERVED = mac_bytes("01:80:c2:00:00:05")


def words(r, port="all", reason="all"):
    return r.daemon.ctl(f"show drops {port} {reason} frames", json=True)


def test_the_heads_of_dropped_frames_are_there_without_having_been_asked_for(rig):
    r = rig()
    r.learn_all()
    began = time.time()
    tagged = RESERVED + mac_bytes(VM1) + b"\x81\x00\x00\x0a" + packet(FAR_MAC, VM1, 1, size=400)[12:]
    send(r, r.vm(1), [tagged])
    send(r, r.far[0], [RESERVED + mac_bytes(FAR_MAC) + b"\x88\xb5" + bytes(46)])
    one, = words(r, "vm1", "reserved_address")
    assert (one["port"], one["reason"], one["lcore"], one["member"]) == ("vm1", "reserved_address", 1, None)
    assert one["length"] == len(tagged) and bytes.fromhex(one["hex"]) == tagged[:128]
    assert began - 1 < one["time_us"] / 1e6 < time.time() + 1
    assert one["frame"] == (f"{VM1} > 01:80:c2:00:00:05, vlan 10, "
                            "IPv4 10.0.0.1 port 1000 > 10.0.0.2 port 80, UDP")
    from_wire, = words(r, "bond0", "reserved_address")
    assert from_wire["member"] == "net_vhost0" and from_wire["frame"].endswith(", ethertype 0x88b5")
    assert one in words(r) and from_wire in words(r, reason="reserved_address")
    text = r.daemon.ctl("show drops vm1 all frames")
    assert f"vm1  reserved_address  lcore 1, {len(tagged)} bytes" in text and one["frame"] in text
    assert f"    0000  {tagged[:2].hex()} {tagged[2:4].hex()}" in text


def test_the_newest_eight_of_each_port_and_reason_are_kept(rig):
    r = rig(workers=2)
    r.learn_all()
    for i in range(11):
        send(r, r.vm(1), [RESERVED + mac_bytes(VM1) + b"\x88\xb5" + bytes([i]) * 46])
    shown = words(r, "vm1")
    assert [bytes.fromhex(w["hex"])[14] for w in shown] == list(range(10, 2, -1))


def test_a_new_guest_has_none_of_the_one_before(rig):
    r = rig()
    r.learn_all()
    send(r, r.vm(1), [RESERVED + mac_bytes(VM1) + b"\x88\xb5" + bytes(46)])
    assert len(words(r, "vm1")) == 1
    pairs = r.guest_pairs("vm1")
    r.daemon.ctl("remove guest vm1")
    r.daemon.ctl(f"add guest vm1 {pairs}")
    wait_for(lambda: words(r, "vm1", "reserved_address") == [], what="guest without a past")
    for command, text in (("show drops vm9 all frames", 'port: "vm9": expected a port'),
                          ("show drops vm1 rain frames", 'reason: "rain": expected one of show drops, or all'),
                          ("show drops net_vhost0 all frames", "expected a bond, a guest or all")):
        with pytest.raises(CtlError, match=text) as e:
            r.daemon.ctl(command)
        assert e.value.status == 2
