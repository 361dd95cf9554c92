# SPDX-License-Identifier: BSD-3-Clause
"""A guest moves from one QEMU to another while it runs."""

from guestrig.lab import GuestSpec
from guestrig.process import wait_until
from guestrig.station import Transfer
from guestrig.vm import Nic

LAB = {"mode": "balance-xor", "guests": [GuestSpec("vm1"), GuestSpec("vm2")]}


def modes(lab, name):
    return {ring["mode"] for ring in lab.backend.guest(name)["rings"]}


def test_a_live_migration_with_a_stream_under_way(lab, vm1, vm2, far):
    mac, old = vm1.vm.nics[0].mac, vm1.vm
    nic = Nic(lab.run.path("vm1-new.sock"), mac, host_mtu=vm1.spec.mtu)
    lab.backend.ctl("add", "guest", "vm1-new", f"socket={nic.sock},mtu={vm1.spec.mtu}")
    stream = Transfer(vm2, vm1, mib=100, rate_mib_s=10).start()
    stream.wait_arrived(5)
    assert modes(lab, "vm1") == {"own"}
    seen = set()
    vm1.vm = old.move("vm1-new", [nic], lambda: seen.update(modes(lab, "vm1")))
    # What we write into the old one's memory while it is copied is logged.
    assert seen <= {"own", "off"}
    wait_until("the guest runs at its new place", 10, lambda: lab.backend.guest("vm1-new")["up"])
    assert modes(lab, "vm1-new") == {"own"}
    assert stream.running()
    stream.finish()
    wait_until("the switch knows where it is", 10, lambda: {
        entry["mac"]: entry["port"] for entry in lab.backend.show("fdb")["entries"]}.get(mac) == "vm1-new")
    old.kill()
    wait_until("the old place is empty", 10, lambda: not lab.backend.guest("vm1")["up"])
    assert vm1.ping(far).perfect and vm2.ping(vm1, 10, 8972).perfect
    Transfer(vm1, far, mib=20).start().finish()
