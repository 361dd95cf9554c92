# SPDX-License-Identifier: BSD-3-Clause
"""What an operator does to a machine that runs: pause, save, restore, more memory, a move given up."""

from guestrig.lab import GuestSpec
from guestrig.process import wait_until
from guestrig.station import Transfer
from guestrig.vm import Nic, Vm

# Machines of their own: a module of memory that is plugged in stays.
LABS = {"split": {"mode": "balance-xor", "guests": [GuestSpec("vm1", cpus=2), GuestSpec("vm2")]},
        "packed": {"mode": "balance-xor", "guests": [GuestSpec("vm1", cpus=2, packed=True), GuestSpec("vm2")]}}
# ACPI's memory hotplug comes in blocks of this size.
MORE_MIB = 128


def regions(lab, name):
    return lab.backend.guest(name)["regions"]


def free_mib(station):
    return int(station.vm.read("awk '/MemFree/{print $2}' /proc/meminfo")) // 1024


def online(station):
    """Take every block of memory that ACPI has announced into use."""
    station.vm.sh("for m in /sys/devices/system/memory/memory[0-9]*; do "
                  "grep -q online $m/state || echo online >$m/state; done")
    return True


def test_a_pause_under_a_stream(lab, vm1, vm2, far):
    stream = Transfer(far, vm1, mib=20, rate_mib_s=8).start()
    stream.wait_arrived(3)
    vm1.vm.qmp("stop")
    job = vm2.start_ping(far, 10, every_s=0.1)
    assert job.pings().perfect
    vm1.vm.qmp("cont")
    stream.finish()


def test_a_migration_that_is_given_up(lab, vm1, vm2, far):
    stream = Transfer(vm2, vm1, mib=30, rate_mib_s=6).start()
    stream.wait_arrived(2)
    limit = vm1.vm.qmp("query-migrate-parameters")["max-bandwidth"]
    vm1.vm.qmp("migrate-set-parameters", **{"max-bandwidth": 1 << 20})
    vm1.vm.qmp("migrate", uri="exec:cat >/dev/null")
    wait_until("the log is on", 10,
               lambda: vm1.vm.qmp("query-migrate").get("status") == "active")
    stream.wait_arrived(6)
    vm1.vm.qmp("migrate_cancel")
    wait_until("given up", 20, lambda: vm1.vm.qmp("query-migrate").get("status") == "cancelled")
    vm1.vm.qmp("migrate-set-parameters", **{"max-bandwidth": limit})
    stream.finish()
    assert vm1.ping(far).perfect
    assert {r["mode"] for r in lab.backend.guest("vm1")["rings"]} == {"own"}


def test_saved_into_a_file_and_gone_on_with_later(lab, vm1, vm2, far):
    old, file = vm1.vm, lab.run.path("vm1.saved")
    stream = Transfer(vm1, vm2, mib=20, rate_mib_s=5).start()
    stream.wait_arrived(3)
    old.save(file)
    nic = old.nics[0]
    new = Vm(lab.run, "vm1", [Nic(nic.sock, nic.mac, host_mtu=nic.host_mtu, packed=nic.packed)],
             cpus=old.cpus, memory_mib=old.memory_mib)
    new.start(incoming=True).wait_sockets()
    new.restore(file, old)
    vm1.vm = new
    stream.finish()
    assert vm1.ping(far).perfect


def test_memory_plugged_in_under_a_stream_is_used(lab, vm1, far):
    before = regions(lab, "vm1")
    stream = Transfer(far, vm1, mib=30, rate_mib_s=6).start()
    stream.wait_arrived(2)
    vm1.vm.plug_memory(MORE_MIB)
    wait_until("bondfwd has the new region", 10, lambda: len(regions(lab, "vm1")) > len(before))
    old = free_mib(vm1)
    wait_until("the guest uses its new memory", 20, lambda: online(vm1) and free_mib(vm1) > old + MORE_MIB * 3 // 4)
    # Buffers come from the new memory when more is taken than the old had free.
    vm1.vm.sh(f"mkdir -p /tmp/fill && mount -t tmpfs -o size=90% fill /tmp/fill && "
              f"dd if=/dev/zero of=/tmp/fill/file bs=1M count={old + MORE_MIB // 4}")
    stream.finish()
    Transfer(vm1, far, mib=20).start().finish()
    Transfer(far, vm1, mib=20).start().finish()
    vm1.vm.sh("umount /tmp/fill")
