# SPDX-License-Identifier: BSD-3-Clause
"""The daemon is killed in the middle of a migration. A laboratory of its own: the guest ends elsewhere."""

from guestrig.lab import GuestSpec
from guestrig.process import wait_until
from guestrig.station import Transfer
from guestrig.vm import Nic

LAB = {"mode": "active-backup", "guests": [GuestSpec("vm1"), GuestSpec("vm2")]}


def test_the_daemon_is_killed_while_a_guest_moves(lab, vm1, vm2, far):
    mac = vm1.vm.nics[0].mac
    nic = Nic(lab.run.path("vm1-later.sock"), mac, host_mtu=vm1.spec.mtu)
    place = ("add", "guest", "vm1-later", f"socket={nic.sock},mtu={vm1.spec.mtu}")
    lab.backend.ctl(*place)
    old, killed = vm1.vm, []

    def kill_once():
        if not killed and old.qmp("query-migrate").get("status") == "active":
            killed.append(True)
            lab.backend.kill()
            lab.backend.start().wait_ready()
            lab.backend.ctl(*place)
    stream = Transfer(vm2, vm1, mib=60, rate_mib_s=6).start()
    stream.wait_arrived(3)
    vm1.vm = old.move("vm1-later", [nic], kill_once)
    assert killed
    wait_until("the guest runs at its new place", 10, lambda: lab.backend.guest("vm1-later")["up"])
    stream.finish()
    old.kill()
    assert vm1.ping(far).perfect and vm2.ping(vm1, 10, 8972).perfect
