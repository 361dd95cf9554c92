# SPDX-License-Identifier: BSD-3-Clause
"""Guests of other shapes: several queue pairs, buffers that cannot be merged, a small MTU."""

import pytest

from guestrig.lab import GuestSpec
from guestrig.process import wait_until
from guestrig.station import Transfer

QUEUES = 4
LAB = {
    "mode": "balance-rr",
    # Two writers for vm1's four queues.
    "workers": 2,
    "guests": [GuestSpec("vm1", queues=QUEUES, cpus=QUEUES),
               GuestSpec("vm2", mtu=1500, mrg_rxbuf=False)],
}


def sent_per_queue(guest):
    """Packets the guest has sent, per queue pair in use."""
    lines = guest.vm.read("ethtool -S nic0").splitlines()
    return {name.strip(): int(value) for name, _, value in (line.partition(":") for line in lines)
            if name.strip().startswith("tx_queue_") and name.strip().endswith("_packets")}


def test_a_guest_with_four_queue_pairs_uses_all_of_them(vm1):
    assert vm1.vm.read("ls -d /sys/class/net/nic0/queues/tx-* | wc -l") == str(QUEUES)
    channels = vm1.vm.read("ethtool -l nic0")
    assert channels.split("Combined:")[-1].strip() == str(QUEUES), channels


def test_each_queue_pair_sends(vm1, far):
    before = sent_per_queue(vm1)
    for cpu in range(QUEUES):
        # The driver has one sending queue per CPU.
        vm1.vm.sh(f"taskset {1 << cpu:x} ping -q -c 20 -i 0.02 -w 20 {far.ip}")
    after = sent_per_queue(vm1)
    assert len(after) == QUEUES
    for name, count in after.items():
        assert count - before[name] >= 20, f"{name}: {before} to {after}"


@pytest.mark.parametrize("direction", ["to_far", "from_far"])
def test_parallel_streams_over_four_queue_pairs(vm1, far, direction):
    ends = (vm1, far) if direction == "to_far" else (far, vm1)
    for stream in [Transfer(*ends, mib=15).start() for _ in range(QUEUES)]:
        stream.finish()


@pytest.mark.parametrize("queues", [1, 2, QUEUES])
def test_the_guest_changes_its_number_of_queue_pairs(lab, vm1, far, queues):
    vm1.vm.sh(f"ethtool -L nic0 combined {queues} || "
              f"ethtool -l nic0 | tail -n 5 | grep -q 'Combined:.*{queues}'")
    assert vm1.ping(far, 10, 8972, every_s=0.05).perfect
    wait_until("bondfwd follows the guest's queues", 10,
               lambda: lab.backend.guest("vm1")["queue_pairs"] == queues)
    Transfer(far, vm1, mib=10).start().finish()


def test_a_guest_without_mergeable_buffers_works_at_1500(vm2, far):
    assert vm2.ping(far, 5, 1472).perfect
    assert far.ping(vm2, 5, 1472).perfect
    for ends in ((vm2, far), (far, vm2)):
        Transfer(*ends, mib=20).start().finish()


def test_a_frame_too_long_for_a_guest_harms_nobody(vm1, vm2, far):
    # vm2 takes 1500; vm1 and the far side send it 9000. It must be dropped, and nothing else with it.
    job = vm1.start_ping(far, 50, every_s=0.05)
    assert far.ping(vm2, 5, 8972, linger_s=1).received == 0
    assert vm2.ping(far, 5).perfect
    assert job.pings().perfect


def test_a_sleeping_worker_is_woken_by_linux(lab, vm1, far):
    """The kernel's driver kicks when it is asked to, and only then."""
    def woken():
        return sum(core["woken"] for core in lab.backend.show("lcore"))
    lab.backend.ctl("set", "lcore", "idle", "sleep")
    try:
        before = woken()
        assert vm1.ping(far, 20, every_s=0.1).perfect
        assert woken() > before
        Transfer(vm1, far, mib=15).start().finish()
    finally:
        lab.backend.ctl("set", "lcore", "idle", "poll")
    assert vm1.ping(far, 5).perfect
