# SPDX-License-Identifier: BSD-3-Clause
"""Reboots, crashes and restarts of everything, one at a time: what stays up keeps working."""

import time

from guestrig.lab import GuestSpec
from guestrig.process import wait_until
from guestrig.station import Transfer

# Slow LACP: with a time-out of 3 s a busy host, which stops emulated guests for seconds, would look
# like a silent partner. test_lacp.py has the fast one.
# vm2 has packed rings, which say nothing of where they stand, and two pairs of them.
LAB = {"mode": "802.3ad",
       "guests": [GuestSpec("vm1"), GuestSpec("vm2", queues=2, cpus=2, packed=True)],
       "bond": {"lacp_rate": "slow"}, "far_options": {"lacp_rate": "slow"}}


def test_a_guest_reboots_while_its_neighbour_pings(lab, vm1, vm2, far):
    job = vm2.start_ping(far, 100, every_s=0.1)
    vm1.vm.reset()
    vm1.configure()
    vm1.wait_reaches(far)
    vm1.wait_reaches(vm2)
    pings = job.pings()
    assert pings.lost <= 2, str(pings)
    Transfer(far, vm1, mib=20).start().finish()


def test_a_guest_that_forgets_its_driver_and_takes_it_back(vm1, far):
    vm1.vm.sh("device=$(virtio_device 0) && cd /sys/bus/virtio/drivers/virtio_net && "
              "echo $device >unbind && echo $device >bind && name_nic 0")
    vm1.configure()
    vm1.wait_reaches(far)


def test_qemu_is_killed_and_started_again(lab, vm1, vm2, far):
    boots = vm1.vm.boots
    job = vm2.start_ping(far, 100, every_s=0.1)
    vm1.vm.kill()
    assert vm2.ping(far).perfect
    vm1.vm.start().wait_booted(boot=boots + 1)
    vm1.configure()
    vm1.wait_reaches(far)
    vm1.wait_reaches(vm2)
    pings = job.pings()
    assert pings.lost <= 2, str(pings)
    Transfer(vm1, far, mib=20).start().finish()


def test_the_switch_reboots(lab, vm1, vm2, far):
    far.vm.reset()
    assert vm1.ping(vm2).perfect
    far.configure()
    lab.wait_connected()


def test_the_daemon_is_killed_and_the_guests_never_notice_but_for_the_silence(lab, vm1, vm2, far):
    assert {r["kind"] for r in lab.backend.guest("vm2")["rings"]} == {"packed"}
    boots = [station.vm.boots for station in lab.stations()]
    job = vm1.start_ping(vm2, 80, every_s=0.1)
    wait_until("pings run", 10, lambda: vm1.ping(vm2, 1).received)
    lab.backend.kill()
    killed = time.monotonic()
    lab.backend.start().wait_ready()
    vm1.wait_reaches(vm2, 10)
    silence = time.monotonic() - killed
    lab.wait_connected()
    pings = job.pings()
    assert pings.received and pings.sent - pings.received <= 10 * (silence + 2), str(pings)
    assert [station.vm.boots for station in lab.stations()] == boots
    assert vm1.ping(far, 3, 8972).perfect
    Transfer(vm1, far, mib=20).start().finish()
    Transfer(vm2, vm1, mib=20).start().finish()


def test_a_stream_between_guests_survives_a_restart_of_the_daemon(lab, vm1, vm2):
    stream = Transfer(vm1, vm2, mib=60, rate_mib_s=12).start()
    stream.wait_arrived(10)
    assert lab.backend.stop() == 0
    lab.backend.start().wait_ready()
    assert stream.running()
    stream.finish()
    lab.wait_connected()


def test_the_daemon_is_killed_while_a_guest_boots(lab, vm1, vm2, far):
    def is_up():
        return lab.backend.guest("vm1")["up"]
    for moment in (lambda: True, lambda: not is_up(), is_up):  # the last: its driver has just come up
        boots = vm1.vm.boots
        vm1.vm.qmp("system_reset")
        if moment is is_up:
            wait_until("the device is gone", 20, lambda: not is_up())
        wait_until("the moment", 60, moment)
        lab.backend.kill()
        lab.backend.start().wait_ready()
        vm1.vm.wait_booted(boot=boots + 1)
        vm1.configure()
        vm1.wait_reaches(far)
        vm1.wait_reaches(vm2)
    lab.wait_connected()
    Transfer(vm1, far, mib=20).start().finish()
