# SPDX-License-Identifier: BSD-3-Clause
"""`trace`: what would become of a frame, and that nothing is changed by the question."""

import os
import re
import struct

import pytest

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, mac_bytes, wait_for

UDP = bytes.fromhex("0800450000280001400040110000" "0a0000010a000002" "04d2003500140000") + bytes(20)
LACP = "01:80:c2:00:00:02"


def frame(dst, src, rest=UDP):
    return mac_bytes(dst) + mac_bytes(src) + rest


def tagged(vlan, rest=UDP):
    return struct.pack("!HH", 0x8100, vlan) + rest


def traced(r, data, port, *more):
    return r.daemon.ctl(" ".join(("trace frame", data.hex(), "from", port, *more)), json=True)


def steps(trace):
    return {s["step"]: s["text"] for s in trace["steps"]}


def refused(r, command):
    with pytest.raises(CtlError) as e:
        r.daemon.ctl(command)
    return e.value.status, e.value.text.strip()


def state_of(r):
    """Whatever a frame might change."""
    shown = [r.daemon.ctl(f"show {what}", json=True) for what in ("drops", "mempool", "qos")]
    shown.append(r.daemon.ctl("show storms", json=True)["ports"])
    fdb = {mac: e["port"] for mac, e in r.daemon.fdb().items()}
    events = [e["text"] for e in r.daemon.ctl("show events", json=True)]
    return shown, fdb, events


def test_each_decision_is_said_and_is_what_the_data_path_does(rig):
    r = rig(members=2, guests=("vm1", "vm2", "vm3"), guest_opts={"vm3": "vlan=5,rate_in=1gbit"})
    r.learn_all()
    one = traced(r, frame(guest_mac(2), guest_mac(1)), "vm1")
    assert (one["verdict"], one["result"]) == ("delivered", "delivered to vm2")
    assert one["ends"] == [{"port": "vm2", "outcome": "delivered", "bytes": 62, "queue": 0}]
    assert steps(one)["headers"].endswith("IPv4 10.0.0.1 port 1234 > 10.0.0.2 port 53, UDP")
    assert steps(one)["source"] == f"{guest_mac(1)} is known at vm1"
    assert steps(one)["decision"] == "send it to vm2"
    far = traced(r, frame(FAR_MAC, guest_mac(1)), "vm1")
    active = r.daemon.ctl("show bonding config bond0", json=True)["active_member"]
    assert far["result"] == f"sent by bond0 on {active}"
    all_ports = traced(r, frame(BROADCAST, guest_mac(1)), "vm1")
    assert all_ports["result"] == "flooded: 2 of 2 ports get it"
    assert {e["port"] for e in all_ports["ends"]} == {"bond0", "vm2"}
    wrong = traced(r, frame(guest_mac(1), guest_mac(3), tagged(7)), "vm3")
    assert wrong["result"] == "dropped: vlan_tag at vm3"
    assert steps(wrong)["rule rate"] == "passes" and steps(wrong)["rule vlan"].startswith("drops it: vlan_tag")
    own = steps(traced(r, frame(BROADCAST, guest_mac(3)), "vm3"))
    assert (own["rule vlan"], own["VLAN"]) == ("passes, and changes it", "5")
    lacp = traced(r, frame(LACP, FAR_MAC, bytes.fromhex("880901") + bytes(60)), "bond0")
    assert (lacp["verdict"], lacp["result"]) == ("read", "read by bondfwd, not forwarded: lacp")
    backup = next(m for m in ("net_vhost0", "net_vhost1") if m != active)
    assert traced(r, frame(guest_mac(1), FAR_MAC), backup)["result"] == "dropped: inactive_member at bond0"
    assert traced(r, frame(guest_mac(1), FAR_MAC), "bond0", "member", active)["result"] == "delivered to vm1"
    with r.taking(1):
        r.vm(3).raw(frame(guest_mac(1), guest_mac(3), tagged(7)))
    assert r.daemon.drops("vm3") == {"vlan_tag": 1}


def test_a_trace_changes_nothing(rig):
    r = rig(members=2, guests=("vm1", "vm2"), guest_opts={
        "vm1": "rate_in=1gbit,mark_in=3,storm_broadcast=1000,mac_guard=on,mac_limit=2", "vm2": "rate_out=1gbit"})
    r.learn_all()
    before = state_of(r)
    for data, port in ((frame(guest_mac(2), guest_mac(1)), "vm1"), (frame(BROADCAST, "52:54:00:00:00:99"), "vm1"),
                       (frame(BROADCAST, FAR_MAC), "bond0"), (frame(guest_mac(1), guest_mac(2)), "bond0"),
                       (frame(guest_mac(2), FAR_MAC), "bond0"), (b"\0", "vm2")):
        first = traced(r, data, port)
        assert all(traced(r, data, port) == first for _ in range(3)), first
    assert state_of(r) == before


def test_a_mirror_is_said_and_copies_nothing(rig):
    r = rig(members=1, guests=("vm1", "vm2", "vm3"), guest_opts={"vm3": "vlan=5"})
    r.learn_all()
    r.daemon.ctl("set mirror m source all to vm2")
    before = r.daemon.ctl("show mirror", json=True)
    for _ in range(20):  # more than there are buffers for
        one = traced(r, frame(FAR_MAC, guest_mac(1)), "vm1")
        assert one["result"] == "sent by bond0 on net_vhost0"
        assert steps(one)["mirror"] == "vm2 gets a copy at each port that is mirrored"
    assert "mirror" not in steps(traced(r, frame(FAR_MAC, guest_mac(3), tagged(7)), "vm3"))
    assert r.daemon.ctl("show mirror", json=True) == before


def write_pcap(path, frames, network=1):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, network))
        for data in frames:
            f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


def test_frames_of_a_capture_are_traced(rig, workdir):
    r = rig(members=1, guests=("vm1", "vm2"))
    r.learn_all()
    path, other = f"{workdir}/some.pcap", f"{workdir}/other.pcap"
    write_pcap(path, [frame(guest_mac(2), guest_mac(1)), frame(FAR_MAC, guest_mac(1)), b"short"])
    write_pcap(other, [bytes(60)], 101)
    pipe = f"{workdir}/pipe"
    os.mkfifo(pipe)
    second = r.daemon.ctl(f"trace pcap {path} 2 from vm1", json=True)
    assert (second["frame"], second["result"]) == (2, "sent by bond0 on net_vhost0")
    every = r.daemon.ctl(f"trace pcap {path} all from vm1", json=True)
    assert [t["verdict"] for t in every] == ["delivered", "delivered", "dropped"]
    assert every[2]["result"] == "dropped: runt at vm1"
    assert len(re.findall("^Result: ", r.daemon.ctl(f"trace pcap {path} all from vm1"), re.MULTILINE)) == 3
    for command, status, text in (
            (f"{path} 4 from vm1", 2, 'number: "4": expected 1 to 3, as many as the file has'),
            (f"{path} 0 from vm1", 2, 'number: "0": expected 1 to 100000, or all'),
            (f"{other} 1 from vm1", 2, f'file: "{other}": expected frames of Ethernet, and it has RAW'),
            (f"{workdir}/none 1 from vm1", 1, f'file: "{workdir}/none": No such file or directory'),
            (f"{pipe} 1 from vm1", 2, f'file: "{pipe}": expected a file'),
            ("/dev/zero 1 from vm1", 2, 'file: "/dev/zero": expected a file'),
            ("/etc/hostname 1 from vm1", 2, 'file: "/etc/hostname": expected a capture of frames: ')):
        got = refused(r, f"trace pcap {command}")
        assert got[0] == status and got[1].startswith(text), got


def test_bad_questions_are_answered_in_words(rig):
    r = rig(members=1, guests=("vm1",))
    good = frame(BROADCAST, guest_mac(1)).hex()
    for command, text in (
            ("zz from vm1", 'frame: "zz": expected two hexadecimal digits for each byte'),
            ("012 from vm1", 'frame: "2": expected two hexadecimal digits for each byte'),
            (": from vm1", 'frame: ":": expected 1 to 9238 bytes in hexadecimal digits'),
            (f"{good} from nobody", 'port: "nobody": expected a port\'s id or name'),
            (f"{good} from all", 'port: "all": expected one port'),
            (f"{good} from vm1 member net_vhost0", 'member: "net_vhost0": expected for frames from a bond only'),
            (f"{good} from bond0 member vm1", 'member: "vm1": not a member of bond0')):
        status, got = refused(r, f"trace frame {command}")
        assert status == 2 and got.startswith(text), got


def test_a_guest_that_is_not_there_and_a_stopped_switch_are_said(rig):
    r = rig(members=1, guests=("vm1", "vm2"))
    r.learn_all()
    r.daemon.ctl("add fdb 02:00:00:00:00:77 vm2")
    r.vm(2).kill()
    gone = frame("02:00:00:00:00:77", guest_mac(1))
    wait_for(lambda: traced(r, gone, "vm1")["result"] == "dropped: guest_down at vm2", what="the guest is gone")
    assert "vm2 is not connected" in steps(traced(r, gone, "vm2"))["receive"]
    r.daemon.ctl("stop")
    assert traced(r, gone, "vm1")["verdict"] == "waits"
    assert traced(r, frame(guest_mac(1), FAR_MAC), "bond0")["result"] == "dropped: stopped at bond0"
    r.daemon.ctl("start")
