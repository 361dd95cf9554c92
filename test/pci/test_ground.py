# SPDX-License-Identifier: BSD-3-Clause
"""
What the pages say of real cards, step by step, on two of different makers in one machine: an 82574 (e1000e) and a
vmxnet3, taken from the kernel by DPDK's own tool and given to one bond.
"""

import json

import pytest
from guestrig.process import wait_until

import samples

SOON = 60  # under emulation, on a busy machine
STATION = bytes.fromhex("02aa00000001")
STRANGER = bytes.fromhex("02bb00000009")
ABSENT = "0000:00:1a.0"


def frame(length=64, to=b"\xff" * 6):
    return (to + STATION + b"\x88\xb5").ljust(length, b"\x55")


@pytest.fixture(name="m")
def mixed_machine(machines):
    return machines.get("e1000e+vmxnet3")


def received(m):
    return m.ctl("show port stats bond0", as_json=True)[0]["rx_packets"]


def arrives(m, index, data, n=5):
    before = received(m)
    for _ in range(n):
        m.cards[index].send(data)
    wait_until(f"{n} frames by wire {index}", SOON, lambda: received(m) == before + n)


def devices(m):
    return {d["name"]: d for d in m.ctl("show devices", as_json=True)}


def active(m):
    return m.ctl("show bonding config bond0", as_json=True)["active_member"]


def source_of_probe(m, index):
    """The address that the bond's own frames have on that wire."""
    found = []

    def came():
        found[:] = [f[6:12].hex(":") for f in m.cards[index].frames(0.5) if f[12:14] == b"\x08\x06"]
        return found
    wait_until(f"a probe on wire {index}", SOON, came)
    return found[-1]


def bond_mac(m):
    return m.ctl("show bonding config bond0", as_json=True)["mac"]


def test_cards_are_bound_and_the_outputs_are_those_of_the_pages(m):
    m.stop()
    both = " ".join(m.devices)
    m.devbind(f"--unbind {both}")
    status = m.devbind("--status-dev net")
    assert "DPDK-compatible driver" not in status and all(d in status for d in m.devices)
    m.start("mode=active-backup", members=0, more=m.devices)
    for name, found in devices(m).items():
        assert (found["state"], found["driver"]) == ("missing", ""), name
        assert f"dpdk-devbind.py --bind=vfio-pci {name}" in [s["command"] for s in found["steps"]]
    # They are looked for at intervals that grow to half a minute.
    m.devbind(f"--bind=vfio-pci {both}")
    wait_until("both cards are taken in", 60, lambda: all(d["state"] == "member" for d in devices(m).values()))
    wait_until("both links", SOON, lambda: all(d["link"] for d in devices(m).values()))
    m.start(f"mode=active-backup,primary={m.devices[0]}")
    for name, found in devices(m).items():
        assert (found["state"], found["driver"], found["steps"]) == ("member", "vfio-pci", []), name
        assert found["iommu_group"] >= 0 and found["bond"] == "bond0"
    wait_until("both links", SOON, lambda: all(d["link"] for d in devices(m).values()))

    def run(command):
        return m.vm.read(f"PATH=/tools:$PATH {command.replace('bondctl', 'bondctl -s /run/console', 1)}", 120)

    samples.check("pci", run)


def test_the_bonds_own_frames_leave_by_either_card(m):
    m.start(f"mode=active-backup,primary={m.devices[0]},probe_target=192.0.2.1,probe_interval=200")
    for index in (0, 1):
        assert source_of_probe(m, index) == bond_mac(m)
        m.cable(index, index == 1)
        m.cable(1 - index, True)


def test_jumbo_frames_up_to_what_both_cards_take(m):
    m.start(f"mode=active-backup,primary={m.devices[0]},mtu=9000")
    for index in (0, 1):
        wait_until("it is the active member", SOON, lambda i=index: active(m) == m.devices[i])
        arrives(m, index, frame(9014))
        m.cable(index, index == 1)
    m.cable(0, True)


def test_frames_for_any_address_are_taken(m):
    """A card that filters would drop what is for a guest."""
    m.start(f"mode=active-backup,primary={m.devices[0]}")
    for index in (0, 1):
        wait_until("it is the active member", SOON, lambda i=index: active(m) == m.devices[i])
        arrives(m, index, frame(to=STRANGER))
        m.cable(index, index == 1)
    m.cable(0, True)


def test_the_bonds_address_is_changed_on_the_cards(m):
    m.start(f"mode=active-backup,primary={m.devices[0]},probe_target=192.0.2.1,probe_interval=200")
    wanted = "02:00:00:00:77:01"
    m.ctl(f"set bonding mac_addr bond0 {wanted}")
    assert bond_mac(m) == wanted
    for index in (0, 1):
        wait_until("frames have it", SOON, lambda i=index: source_of_probe(m, i) == wanted)
        arrives(m, index, frame(to=bytes.fromhex(wanted.replace(":", ""))))
        m.cable(index, index == 1)
    m.cable(0, True)


def test_a_cable_out_moves_the_bond_and_back_in_it_is_taken_again(m):
    m.start(f"mode=active-backup,primary={m.devices[0]}")
    wait_until("the first is active", SOON, lambda: active(m) == m.devices[0])
    m.seconds_to(0, False, SOON)
    wait_until("the second is active", SOON, lambda: active(m) == m.devices[1])
    assert not devices(m)[m.devices[0]]["link"]
    arrives(m, 1, frame())
    m.seconds_to(0, True, SOON)
    wait_until("the first is active again", SOON, lambda: active(m) == m.devices[0])
    arrives(m, 0, frame())


def test_a_member_is_removed_and_added_again(m):
    m.start(f"mode=active-backup,primary={m.devices[0]}")
    for index in (0, 1):
        m.ctl(f"remove bonding member {m.devices[index]} bond0")
        found = devices(m)[m.devices[index]]
        assert (found["state"], found["bond"], found["is_attached"]) == ("ready", "", True)
        arrives(m, 1 - index, frame())
        m.ctl(f"add bonding member {m.devices[index]} bond0")
        wait_until("its link", SOON, lambda i=index: m.link(i))
        assert devices(m)[m.devices[index]]["state"] == "member"
    wait_until("the first is active", SOON, lambda: active(m) == m.devices[0])
    arrives(m, 0, frame())


def test_a_card_is_detached_and_attached_again(m):
    """As docs/guides/replace-card.md says."""
    m.start(f"mode=active-backup,primary={m.devices[0]}")
    for index, device in enumerate(m.devices):
        m.ctl(f"remove bonding member {device} bond0")
        m.ctl(f"port detach {device}")
        found = devices(m)[device]
        assert (found["state"], found["driver"], found["is_attached"]) == ("ready", "vfio-pci", False)
        arrives(m, 1 - index, frame())
        m.ctl(f"port attach {device}")
        m.ctl(f"add bonding member {device} bond0")
        wait_until("its link", SOON, lambda i=index: m.link(i))
    for index in (0, 1):
        wait_until("it is the active member", SOON, lambda i=index: active(m) == m.devices[i])
        arrives(m, index, frame(to=STRANGER))
        m.cable(index, index == 1)
    m.cable(0, True)


def test_a_card_that_is_not_there_at_boot_stops_nothing(m):
    m.start(f"mode=active-backup,primary={m.devices[0]}", more=[ABSENT])
    assert m.members()[ABSENT]["missing"]
    assert [e["object"] for e in m.events("member_missing")] == [ABSENT]
    assert devices(m)[ABSENT]["state"] == "missing"
    arrives(m, 0, frame())


def found_by_doctor(m):
    """Its findings, as fault and object."""
    result = m.vm.run_sh("/tools/bondctl -s /run/console -j doctor", 60)
    assert result.status in (0, 1, 2), result
    return {(f["fault"], f["object"]) for f in json.loads(result.output)["findings"]}


def test_the_doctor_finds_what_is_wrong_here_and_nothing_else(m):
    # This machine is started without isolcpus=: the kernel may put anything on the worker's CPU. Interrupts it may not:
    # how many came would depend on what other tests did.
    not_isolated = ("worker_not_isolated", "lcore 1")
    m.vm.sh("for file in /proc/irq/*/smp_affinity_list; do echo 0 >$file; done 2>/dev/null; true")
    m.start(f"mode=active-backup,primary={m.devices[0]}")
    # An 82574 has 1 Gb/s, a vmxnet3 10 Gb/s.
    assert found_by_doctor(m) == {not_isolated, ("speeds_differ", "bond0")}
    m.stop()
    m.devbind(f"--unbind {m.devices[1]}")
    try:
        m.start(f"mode=active-backup,primary={m.devices[0]}", members=1, more=m.devices[1:])
        assert found_by_doctor(m) == {not_isolated, ("device_no_driver", m.devices[1])}
        m.stop()
    finally:
        m.devbind(f"--bind=vfio-pci {m.devices[1]}")


def test_the_doctor_finds_before_the_start_that_there_are_no_huge_pages(m):
    m.stop()
    assert found_by_doctor(m) == set()
    m.reserve(0)
    try:
        assert found_by_doctor(m) == {("hugepages_none", "host")}
    finally:
        m.reserve()
