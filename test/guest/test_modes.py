# SPDX-License-Identifier: BSD-3-Clause
"""
What every bonding mode owes its guests: pings, jumbo frames, TCP streams, with a cable pulled.

The far side is Linux bonding in the same mode; a bridge, which knows nothing of a bond, for
active-backup.
"""

import pytest

from guestrig.lab import GuestSpec
from guestrig.process import wait_until
from guestrig.station import Transfer

GUESTS = [GuestSpec("vm1"), GuestSpec("vm2")]
LABS = {
    # Slow LACP for the reason that stands in test_lives.py.
    "802.3ad": {"mode": "802.3ad", "guests": GUESTS, "bond": {"lacp_rate": "slow"},
                "far_options": {"lacp_rate": "slow"}},
    "active-backup": {"mode": "active-backup", "far_mode": "bridge", "guests": GUESTS},
    "balance-rr": {"mode": "balance-rr", "guests": GUESTS},
}

MIB = 100
# MiB/s; slow enough that a cable can come and go meanwhile.
RATE = 20
# With the IP and ICMP headers exactly 9000 bytes.
JUMBO = 8972


@pytest.mark.parametrize("payload", [56, 1472, JUMBO])
def test_guests_and_far_side_ping_each_other(vm1, vm2, far, payload):
    for source, target in ((vm1, far), (far, vm1), (vm2, far), (vm1, vm2)):
        pings = source.ping(target, 5, payload, every_s=0.02)
        assert pings.perfect, f"{source.name} to {target.name}: {pings}"


def test_a_broadcast_from_the_far_side_arrives_once(vm1, far):
    # Each of the two members sees it when the far side floods.
    vm1.vm.sh("echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts")
    before = echoes(vm1)
    far.vm.sh("ping -c 5 -i 0.2 -w 10 10.66.0.255 >/dev/null; true")
    wait_until("vm1: 5 echo requests", 10, lambda: echoes(vm1) - before >= 5)
    assert echoes(vm1) - before == 5


def echoes(station):
    """InEchos of /proc/net/snmp."""
    names, values = station.vm.read("grep ^Icmp: /proc/net/snmp").splitlines()
    return int(values.split()[names.split().index("InEchos")])


@pytest.mark.parametrize("direction", ["to_far", "from_far"])
def test_a_stream_survives_a_cable_pulled_and_put_back(lab, vm1, far, direction):
    ends = (vm1, far) if direction == "to_far" else (far, vm1)
    cable = far.cable_in_use(vm1)
    stream = Transfer(*ends, mib=MIB, rate_mib_s=RATE).start()
    stream.wait_arrived(20)
    far.pull_cable(cable)
    far.wait_carrier(cable, False)
    wait_until("bondfwd sees the cable pulled", 10, lambda: not lab.backend.member(cable)["link"])
    stream.wait_arrived(stream.arrived_mib() + 10)
    far.replug(cable)
    far.wait_carrier(cable, True)
    wait_until("bondfwd sees the cable back", 10, lambda: lab.backend.member(cable)["link"])
    assert stream.running(), "the stream was over before the cable was back: make it longer"
    stream.finish()
    lab.wait_connected()


def test_a_ping_loses_little_to_a_pulled_cable(lab, vm1, far):
    cable = far.cable_in_use(vm1)
    job = vm1.start_ping(far, 80, every_s=0.05)
    far.pull_cable(cable)
    far.wait_carrier(cable, False)
    pings = job.pings()
    far.replug(cable)
    far.wait_carrier(cable, True)
    lab.wait_connected()
    assert pings.lost <= 10, str(pings)


def test_each_single_cable_carries_the_traffic(lab, vm1, vm2, far):
    for cable in far.cables():
        far.pull_cable(cable)
        far.wait_carrier(cable, False)
        for guest in (vm1, vm2):
            guest.wait_reaches(far, 10)
            assert guest.ping(far, 5, JUMBO).perfect
        far.replug(cable)
        far.wait_carrier(cable, True)
        lab.wait_connected()


def test_a_switch_port_that_comes_back_with_a_new_driver_is_used_again(lab, vm1, far):
    far.unbind(0)
    vm1.wait_reaches(far)
    far.rebind(0)
    lab.wait_connected()
    far.pull_cable(1)
    far.wait_carrier(1, False)
    vm1.wait_reaches(far)
    far.replug(1)
    far.wait_carrier(1, True)
    lab.wait_connected()


def test_a_stream_between_guests_does_not_touch_the_cables(vm1, vm2, far):
    before = sum(far.counter("rx_bytes", f"nic{cable}") for cable in far.cables())
    Transfer(vm1, vm2, mib=MIB).start().finish()
    on_the_cables = sum(far.counter("rx_bytes", f"nic{cable}") for cable in far.cables()) - before
    assert on_the_cables < 1 << 20


def test_guests_do_not_need_the_cables_for_each_other(lab, vm1, vm2, far):
    for cable in far.cables():
        far.pull_cable(cable)
        far.wait_carrier(cable, False)
    try:
        assert vm1.ping(far, 2, linger_s=1).received == 0
        assert vm1.ping(vm2, 5, JUMBO).perfect
    finally:
        for cable in far.cables():
            far.replug(cable)
    lab.wait_connected()
