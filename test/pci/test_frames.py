# SPDX-License-Identifier: BSD-3-Clause
"""Frames through the cards' own drivers."""

import pytest
from guestrig.process import wait_until

STATION = bytes.fromhex("02aa00000001")
HOST = bytes.fromhex("02cc00000001")


def frame(length, tags, station=STATION):
    head = b"\xff" * 6 + station + b"".join(bytes.fromhex("8100") + bytes((0, 5 + i)) for i in range(tags))
    return (head + b"\x88\xb5").ljust(length, b"\x55")


def received(m):
    return m.ctl("show port stats bond0", as_json=True)[0]["rx_packets"]


@pytest.mark.parametrize("model", ["e1000e", "vmxnet3", "virtio-net-pci"])
@pytest.mark.parametrize("mtu", [1500, 9000])
def test_two_tags_fit_beyond_the_mtu(machines, model, mtu):
    m = machines.get(model)
    m.start(f"mode=active-backup,mtu={mtu},primary=0000:00:10.0")
    for tags in (0, 1, 2):
        before = received(m)
        for _ in range(5):
            m.cards[0].send(frame(mtu + 14 + 4 * tags, tags))
        wait_until(f"{tags} tags", 5, lambda n=before: received(m) == n + 5)


@pytest.mark.parametrize(("model", "most"), [("e1000e", 9216), ("vmxnet3", 9000), ("virtio-net-pci", 9216)])
def test_the_longest_frames_go_both_ways(machines, model, most):
    """From one card to the host's port and back: frames of the MTU, by either card."""
    m = machines.get(model)
    m.start(f"mode=active-backup,mtu={most},primary=0000:00:10.0")
    m.ctl(f"add host host0 vlan=untagged,mtu={most}")
    inward, outward = frame(most + 14, 0), frame(most + 14, 0, HOST)

    def host_received():
        return int(m.vm.read("cat /sys/class/net/host0/statistics/rx_packets"))

    for index in (0, 1):
        wait_until(f"card {index} carries", 10, lambda i=index: m.ctl(
            "show bonding config bond0", as_json=True)["active_member"] == m.devices[i])
        before = host_received()
        for _ in range(5):
            m.cards[index].send(inward)
        wait_until("the host has them", 5, lambda n=before: host_received() >= n + 5)
        m.vm.sh(f"raw host0 {outward.hex()} 5")
        assert m.cards[index].frames(3).count(outward) == 5
        m.cable(index, index == 1)
        m.cable(1 - index, True)
    m.ctl("remove host host0")


@pytest.mark.parametrize("model", ["e1000e", "vmxnet3", "virtio-net-pci"])
def test_probes_leave_by_the_member_that_is_active(machines, model):
    m = machines.get(model)
    m.start("mode=active-backup,primary=0000:00:10.0,link_detect=poll,probe_target=192.0.2.1,"
            "probe_interval=200")
    arp = b"\x08\x06"
    for index in (0, 1):
        wait_until(f"a probe on wire {index}", 10, lambda i=index: any(
            f[12:14] == arp for f in m.cards[i].frames(0.5)))
        m.cable(index, index == 1)
        m.cable(1 - index, True)


def test_ring_sizes_are_those_of_the_driver_or_refused_with_its_limits(machines):
    m = machines.get("e1000e")
    m.start("mode=active-backup,rxd=256,txd=512")
    for device in m.devices:
        assert m.ctl(f"show rxq info {device} 0", as_json=True)["descriptors"] == 256
        assert m.ctl(f"show txq info {device} 0", as_json=True)["descriptors"] == 512
    refused = m.vm.run_sh("/tools/bondctl -s /run/console port config all rxd 100")
    assert refused.status != 0 and all(word in refused.output for word in (
        'rxd: "100"', m.devices[0], "net_e1000_em", "in steps of 8")), refused.output


@pytest.mark.parametrize(("model", "sums"), [("e1000e", True), ("vmxnet3", True), ("virtio-net-pci", False)])
def test_a_card_does_what_its_driver_says_unless_the_member_says_off(machines, model, sums):
    m = machines.get(model)
    m.start("mode=active-backup,primary=0000:00:10.0,link_detect=poll")
    m.ctl(f"set bonding member {m.devices[1]} bond0 offload=off")

    def card(index):
        return m.members()[m.devices[index]]

    assert [card(i)["card_checksums"] for i in (0, 1)] == [sums, False]
    for index in (0, 1):
        wait_until(f"{m.devices[index]} carries", 10, lambda i=index: card(i)["link"])
