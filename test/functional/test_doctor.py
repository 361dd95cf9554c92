# SPDX-License-Identifier: BSD-3-Clause
"""bondctl doctor: on a host that is in order it finds nothing; of faults that are planted one at a time it names each."""

import os
import pathlib
import re
import shutil
import tempfile

import pytest

import bf
from doctoring import CARDS, VFIO, Console, Host, doctor, faults

CARD, OTHER = CARDS
DEVICE = f"/sys/bus/pci/devices/{CARD}"
CPU = "/sys/devices/system/cpu"
PAGES = "hugepages/hugepages-2048kB"
PID = os.getpid()


def no_pages(h, *nodes, file="nr_hugepages"):
    for node in nodes:
        h.put(f"/sys/devices/system/node/node{node}/{PAGES}/{file}", "0")


def bind(h, driver, card=CARD):
    h.put(f"/sys/bus/pci/drivers/{driver}/bind")
    h.link(f"/sys/bus/pci/devices/{card}/driver", f"../../../bus/pci/drivers/{driver}")


def no_iommu(h, virtual=False):
    h.remove("/sys/kernel/iommu_groups")
    for card in CARDS:
        h.remove(f"/sys/bus/pci/devices/{card}/iommu_group")
    if virtual:
        h.put("/proc/cpuinfo", "flags : fpu tsc hypervisor")


def share_group(h):
    other = "0000:3b:00.1"
    h.put(f"/sys/bus/pci/devices/{other}/class", "0x010000")
    h.link(f"/sys/bus/pci/devices/{other}/driver", "../../drivers/ahci")
    h.folder(f"/sys/kernel/iommu_groups/10/devices/{other}")


def denied_pages(h):
    h.user(4242)
    h.folder("/dev/hugepages", 0o755)
    for group in ("10", "11"):
        h.put(f"/dev/vfio/{group}", mode=0o666)


def little_memlock(h):
    denied_pages(h)
    h.folder("/dev/hugepages", 0o777)
    h.change(f"/proc/{PID}/limits", "Max locked memory         unlimited", "Max locked memory         8388608  ")


def denied_vfio(h):
    h.user(4242)
    for group in ("10", "11"):
        h.put(f"/dev/vfio/{group}", mode=0o600)


# Without bondfwd: bound cards are taken for members.
HOST = {
    "hugepages_none": lambda h: no_pages(h, 0, 1),
    "hugepages_used_up": lambda h: no_pages(h, 0, 1, file="free_hugepages"),
    "hugepages_node": lambda h: no_pages(h, 1),
    "hugetlbfs_unmounted": lambda h: h.put("/proc/mounts", "tmpfs /run tmpfs rw 0 0"),
    "swap": lambda h: h.change("/proc/meminfo", "SwapFree: 8388000", "SwapFree: 1000000"),
    "ksm": lambda h: h.put("/sys/kernel/mm/ksm/run", "1"),
    "numa_balancing": lambda h: h.put("/proc/sys/kernel/numa_balancing", "1"),
    "governor": lambda h: h.put(f"{CPU}/cpu5/cpufreq/scaling_governor", "powersave"),
    "c_states": lambda h: h.put(f"{CPU}/cpu4/cpuidle/state1/latency", "200"),
    "clock_source": lambda h: h.put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet"),
    "device_uio": lambda h: bind(h, "uio_pci_generic"),
    "vfio_unloaded": lambda h: h.remove(VFIO),
    "vfio_no_iommu": lambda h: h.put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y"),
    "iommu_off": no_iommu,
    "vm_no_iommu": lambda h: no_iommu(h, virtual=True),
    "iommu_group": share_group,
    "pcie_link": lambda h: h.put(f"{DEVICE}/current_link_width", "4"),
    "pcie_errors": lambda h: h.put(f"{DEVICE}/aer_dev_nonfatal", "TOTAL_ERR_NONFATAL 3"),
    "dpdk_hole": lambda h: h.put("/var/lib/dpkg/status", "Package: librte-eal23\nVersion: 22.11.6-1~deb12u1"),
    "denied": lambda h: h.put("/dev/kmsg", '5,9,0,-;audit: type=1400 audit(1700000009.1:7): apparmor="DENIED" '
                              'operation="open" profile="bondfwd" name="/dev/vfio/10"'),
}

# Of bondfwd's process, and of the machines beside it.
PROCESS = {
    "hugetlbfs_denied": denied_pages,
    "memlock": little_memlock,
    "vfio_denied": denied_vfio,
    "no_huge": lambda h: h.put(f"/proc/{PID}/cmdline", "bondfwd\0--no-huge\0--\0"),
    "swap": lambda h: h.change(f"/proc/{PID}/status", "VmSwap:\t0 kB", "VmSwap:\t512 kB"),
    "worker_floats": lambda h: h.thread(PID, PID + 1, "rte-worker-2", "2-3"),
    "workers_together": lambda h: h.thread(PID, PID + 1, "rte-worker-2", "6"),
    "worker_not_isolated": lambda h: h.put(f"{CPU}/isolated", "6-7"),
    "worker_sibling": lambda h: [h.put(f"{CPU}/cpu{i}/topology/thread_siblings_list", "2,6") for i in (2, 6)],
    "worker_vcpu": lambda h: h.thread(77, 78, "CPU 0/KVM", "1-2"),
    "worker_irq": lambda h: h.change("/proc/interrupts", "       100  ", "    100000  "),
    "irqbalance": lambda h: [h.put("/proc/99/comm", "irqbalance"), h.put(f"{CPU}/isolated", "6-7")],
    "device_absent": lambda h: h.remove(DEVICE),
    "device_kernel_driver": lambda h: bind(h, "ice"),
    "device_no_driver": lambda h: h.remove(f"{DEVICE}/driver"),
    "device_node": lambda h: [h.thread(PID, PID + 2, "rte-worker-3", "3")],
    "nofile": lambda h: h.change(f"/proc/{PID}/limits", "Max open files            1048576", "Max open files            64     "),
    "program_replaced": lambda h: h.link(f"/proc/{PID}/exe", "/usr/sbin/bondfwd (deleted)"),
}

# What else has to be found then, because it is true.
BESIDES = {"irqbalance": {"worker_not_isolated"}, "workers_together": {"device_node"},
           **{f"socket_{what}": {"guest_absent"} for what in ("folder", "folder_denied", "stale", "denied")}}


def one_slot(c, h):
    h.remove(f"/sys/bus/pci/devices/{OTHER}")
    h.card(OTHER, 1, "11", bus="3b")


def one_card(c, h):
    c.members[1]["name"] = "0000:3b:00.1"
    h.card("0000:3b:00.1", 0, "12")


def down(c, **more):
    c.guest.update(up=False, regions=[], rings=[], queue_pairs=0, negotiated_mtu=0, **more)


def alone(c, **more):
    down(c, **more)
    del c.guest["peer"]


def at_socket(c, h, mode="client", folder=0o777, listens=True):
    """The guest is not connected, and there is a socket."""
    alone(c)
    c.guest["options"]["mode"] = mode
    h.folder("/run/vhost", folder)
    h.socket("/run/vhost/vm1.sock")
    if listens:
        h.put("/proc/net/unix", "Num RefCount Protocol Flags Type St Inode Path\n"
                                "0000: 00000002 00000000 00010000 0001 01 123 /run/vhost/vm1.sock")


def other_user(h):
    h.user(4242)
    for group in ("10", "11"):
        h.put(f"/dev/vfio/{group}", mode=0o666)


def private(c, h):
    down(c)
    h.put("/proc/77/maps", "7f0000000000-7f0100000000 rw-p 00000000 00:00 0\n"
                           "7f0200000000-7f0200001000 rw-s 00000000 00:01 5 /memfd:small")


# What bondfwd says of itself: fault, console, host.
SAID = {
    "device_unclaimed": lambda c, h: c.members[0].update(missing=True, link=False),
    "firmware_differs": lambda c, h: c.says["show port module_eeprom all"][0].update(firmware="4.10"),
    "dpdk_hole": lambda c, h: c.says["show version"].update(dpdk="DPDK 24.11.0"),
    "one_member": lambda c, h: c.members.pop(),
    "member_no_link": lambda c, h: c.members[0].update(link=False, link_speed_mbps=0),
    "half_duplex": lambda c, h: c.members[0].update(full_duplex=False),
    "speeds_differ": lambda c, h: c.members[0].update(link_speed_mbps=10000),
    "one_card": one_card,
    "one_slot": one_slot,
    "one_switch": lambda c, h: c.neighbors("aa", "aa"),
    "lag_unwanted": lambda c, h: c.neighbors("aa", "bb", lag_enabled=True, lag_id=7),
    "switches_unrelated": lambda c, h: c.partners("02:00:00:00:00:01", "02:00:00:00:00:02"),
    "lacp_no_partner": lambda c, h: c.partners("02:00:00:00:00:01", "00:00:00:00:00:00"),
    "lag_missing": lambda c, h: [c.bond.update(mode="balance-xor"),
                                 c.says.update({"why bond0": {"causes": [{"cause": "no_lag"}]}})],
    "mtu_members": lambda c, h: c.says["show port info all"][1].update(mtu=1280),
    "guest_absent": lambda c, h: [alone(c), h.folder("/run/vhost", 0o777)],
    "guest_refused": lambda c, h: down(c, refusals=3, last_refusal="SET_MEM_TABLE: 9 regions: expected 1 to 8"),
    "memory_not_shared": private,
    "ordinary_pages": lambda c, h: c.guest["regions"][0].update(page=4096),
    "guest_node": lambda c, h: c.says["show numa"]["guests"][0].update(
        memory_node=1, polled_across_by=[2], advice="add a worker there"),
    "guest_mtu": lambda c, h: c.guest.update(negotiated_mtu=9000),
    "guest_mtu_bond": lambda c, h: c.guest["options"].update(mtu="9000"),
    "guest_queues": lambda c, h: c.says.update({"show events": [
        {"what": "guest_queues", "object": "vm1", "text": "its front end has enabled queue pair 4"}]}),
    "guest_queues_few": lambda c, h: c.guest["options"].update(queues="4"),
    "guest_ring_small": lambda c, h: c.guest["rings"][0].update(size=256),
    "socket_folder": lambda c, h: alone(c),
    "socket_folder_denied": lambda c, h: [alone(c), h.folder("/run/vhost", 0o755), h.stranger()],
    "socket_stale": lambda c, h: at_socket(c, h, listens=False),
    "socket_denied": lambda c, h: [at_socket(c, h), other_user(h)],
}


@pytest.fixture
def console(workdir):
    made = Console(pathlib.Path(workdir) / "console.sock")
    yield made
    made.close()


@pytest.fixture(scope="module")
def host():
    """In order. One for all tests: many files."""
    path = tempfile.mkdtemp(prefix="bft-")
    yield Host(pathlib.Path(path) / "host", PID)
    shutil.rmtree(path)


def expect(socket_path, host, wanted):
    """What is planted is found, and nothing else."""
    status, report = doctor(socket_path, "--root", host.root)
    assert faults(report) == sorted(wanted), report["findings"]
    worst = {f["severity"] for f in report["findings"]}
    assert status == (2 if "problem" in worst else 1 if worst else 0)
    assert all(f["text"] and f["remedy"] and "@" not in f["remedy"] for f in report["findings"])
    return report


def test_a_host_in_order_has_no_finding(host, workdir, console):
    report = expect(console.path, host, ())
    unchecked = {c["fault"]: c["why"] for c in report["checks"] if c["result"] == "not checked"}
    assert unchecked == {"hugepages_used_up": "bondfwd runs and has its memory",
                         "one_switch": "LLDP names no switch of two members",
                         "config": "no file is known: --config FILE names it"}
    assert report["checked"] == len(report["checks"]) - 3
    # A LAG over two switches, and a partner behind each member: that is how it should be.
    console.partners("02:00:00:00:00:01", "02:00:00:00:00:01")
    console.neighbors("aa", "bb", lag_enabled=True, lag_id=7)
    expect(console.path, host, ())
    # Without bondfwd there is less to look at.
    report = expect(pathlib.Path(workdir) / "nobody.sock", host, ())
    assert {c["why"] for c in report["checks"] if c["family"] == "guests"} == {"bondfwd does not answer"}
    assert report["checked"] >= 25


def test_each_fault_of_a_host_is_named(host, workdir):
    for fault, plant in HOST.items():
        with host.ill(plant):
            expect(pathlib.Path(workdir) / "nobody.sock", host, {fault})


def test_each_fault_of_the_process_is_named(host, console):
    for fault, plant in PROCESS.items():
        with host.ill(plant):
            expect(console.path, host, {fault} | BESIDES.get(fault, set()))


def test_each_fault_that_bondfwd_tells_is_named(host, console):
    for fault, plant in SAID.items():
        console.fresh()
        with host.ill(lambda h, plant=plant: plant(console, h)):
            expect(console.path, host, {fault} | BESIDES.get(fault, set()))


def test_there_is_a_test_of_every_fault():
    listed = set(re.findall(r'\bX\(\w+, "(\w+)"', (bf.ROOT / "app/doctor/faults.h").read_text(encoding="utf-8")))
    assert listed == {*HOST, *PROCESS, *SAID, "console_dead", "console_open", "config"}
