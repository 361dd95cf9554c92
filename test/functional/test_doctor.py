# SPDX-License-Identifier: BSD-3-Clause
"""bondctl doctor: on a host that is in order it finds nothing; of faults that are planted one at a time it names each."""

import contextlib
import mmap
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import tempfile

import pytest

import bf
from bf import LOG_LINK_LOSS, wait_for
from doctoring import ACL_GROUP, ACL_USER, CARDS, VFIO, Console, Host, doctor, faults
from fixtures import LOG_LACP
from lacp_partner import End, lacpdu
from vhost_frontend import Frontend, Refused

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


def with_file(h, *lines, members=CARDS):
    """The service has a configuration."""
    h.put("/etc/bondfwd/bondfwd.conf", "create bonding device active-backup 0 bond0\n" +
          "".join(f"add bonding member {name} bond0\n" for name in members) + "".join(f"{line}\n" for line in lines))


def with_dpdk(h, version, state="install ok installed"):
    """Debian has installed this one."""
    h.put("/var/lib/dpkg/status", "Package: dpdk-doc\nStatus: install ok installed\nVersion: 1-1\n\n"
          f"Package: librte-eal23\nStatus: {state}\nPriority: optional\nVersion: {version}\n\n"
          "Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2\n")


def mellanox(h, device="0x1017"):
    """The first card is one of mlx5; 0x1003: of mlx4."""
    h.put(f"{DEVICE}/vendor", "0x15b3")
    h.put(f"{DEVICE}/device", device)


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
    "hugepages_few": lambda h: [with_file(h), h.put("/etc/default/bondfwd", '# of the service\nEAL_ARGS="-l 0,1,2"'),
                                h.put(f"/sys/devices/system/node/node0/{PAGES}/free_hugepages", "15"),
                                h.put(f"/sys/devices/system/node/node1/{PAGES}/free_hugepages", "15")],
    "thp": lambda h: h.put("/sys/kernel/mm/transparent_hugepage/defrag", "[always] defer defer+madvise madvise never"),
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
    "core_large": lambda h: h.put(f"/proc/{PID}/coredump_filter", "0000007f"),
    "core_nowhere": lambda h: h.put("/proc/sys/kernel/core_pattern", "|/usr/lib/gone/collector %P %s"),
    "nofile": lambda h: h.change(f"/proc/{PID}/limits", "Max open files            1048576", "Max open files            64     "),
    "program_replaced": lambda h: h.link(f"/proc/{PID}/exe", "/usr/sbin/bondfwd (deleted)"),
}

# What else has to be found then, because it is true.
BESIDES = {"irqbalance": {"worker_not_isolated"}, "two_lags": {"one_switch"}, "workers_together": {"device_node"},
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
    "memory_short": lambda c, h: c.says["show mempool"][0].update(element=1408),
    "device_unclaimed": lambda c, h: c.members[0].update(missing=True, link=False),
    "firmware_differs": lambda c, h: c.says["show port module_eeprom all"][0].update(firmware="4.10"),
    "dpdk_hole": lambda c, h: [c.says["show version"].update(dpdk="DPDK 24.11.0"), c.members[0].update(name="net_vhost0")],
    "one_member": lambda c, h: c.members.pop(),
    "member_no_link": lambda c, h: c.members[0].update(link=False, link_speed_mbps=0),
    "half_duplex": lambda c, h: c.members[0].update(full_duplex=False),
    "speeds_differ": lambda c, h: c.members[0].update(link_speed_mbps=10000),
    "one_card": one_card,
    "one_slot": one_slot,
    "one_switch": lambda c, h: c.neighbors("aa", "aa"),
    "lag_unwanted": lambda c, h: c.neighbors("aa", "bb", lag_enabled=True),
    "switch_mtu": lambda c, h: c.neighbors("aa", "bb", max_frame=1500),
    "switches_unrelated": lambda c, h: c.partners("02:00:00:00:00:01", "02:00:00:00:00:02"),
    "two_lags": lambda c, h: [c.partners(*2 * ["02:00:00:00:00:01"]), c.neighbors("aa", "aa", lag_enabled=True),
                              c.cabling("two_lags")],
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
    "guest_queues_few": lambda c, h: c.guest.update(queue_pairs=1),
    "guest_ring_small": lambda c, h: c.guest["rings"][0].update(size=256),
    "socket_folder": lambda c, h: alone(c),
    "socket_folder_denied": lambda c, h: [alone(c), h.folder("/run/vhost", 0o755), h.stranger()],
    "socket_stale": lambda c, h: at_socket(c, h, listens=False),
    "socket_denied": lambda c, h: [at_socket(c, h), other_user(h)],
}


def huge_shmem(h):
    h.put("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always [within_size] never")


NO_MEMORY = {"what": "numa_memory", "object": "bond0", "text": "its cards are on node 1, which has no memory for its 1 frames"}

# Other ways to the same faults.
MORE = [
    ("lag_missing", lambda c, h: [c.bond.update(mode="balance-xor"), c.neighbors("aa", "aa2", lag_enabled=False),
                                  c.cabling("no_lag")],
     {"switches_unrelated"}),
    ("lag_missing", lambda c, h: [c.partners(*2 * ["02:00:00:00:00:01"]), c.neighbors("aa", "bb", lag_enabled=False),
                                  c.cabling("no_lag")], set()),
    ("lag_unwanted", lambda c, h: c.says["show drops"].update(ports=[{"port": "bond0", "reason": "lacp", "frames": 9}]), set()),
    # Its LACPDUs may be of the time before.
    ("lag_unwanted", lambda c, h: [c.says["show drops"].update(ports=[{"port": "bond0", "reason": "lacp", "frames": 9}]),
                                   c.says.update({"show events": [{"what": "config_changed", "object": "config", "text":
                                                                   "set bonding mode active-backup bond0, by client"}]})], None),
    ("socket_denied", lambda c, h: [at_socket(c, h, mode="server"), h.stranger()], {"guest_absent"}),
    # Its front end has named the socket by another path.
    ("guest_absent", lambda c, h: [at_socket(c, h), h.link("/run/machines", "vhost"),
                                   h.change("/proc/net/unix", "/run/vhost/", "/run/machines/")], set()),
    # As the guest beside, not as libvirt's user.
    ("guest_absent", lambda c, h: [c.says["show guest"].append({**c.guest, "name": "vm2"}), alone(c), h.stranger(),
                                   h.folder("/run/vhost", 0o755), h.put("/proc/77/status", "Uid:\t0\t0\t0\t0")], set()),
    # QEMU without debug-threads=on: every thread has the name of the process. One that is pinned elsewhere is enough.
    ("worker_vcpu", lambda c, h: [h.thread(77, 78, "qemu-system-x86", "0-3"), h.thread(77, 79, "qemu-system-x86", "0-7")], set()),
    ("worker_vcpu", lambda c, h: [h.thread(77, 78, "qemu-system-x86", "0-1"), h.thread(77, 79, "qemu-system-x86", "0-7")], None),
    ("irqbalance", lambda c, h: [PROCESS["irqbalance"](h), h.put("/etc/default/irqbalance", "IRQBALANCE_BANNED_CPULIST=")],
     {"worker_not_isolated"}),
    ("irqbalance", lambda c, h: [PROCESS["irqbalance"](h), h.put("/etc/default/irqbalance", 'IRQBALANCE_BANNED_CPULIST="4-5"')],
     {"worker_not_isolated"}),
    *(("worker_not_isolated", lambda c, h, ban=ban: [PROCESS["irqbalance"](h), h.put("/etc/default/irqbalance", f"IRQBALANCE_BANNED_{ban}")],
       set()) for ban in ("CPULIST=2,6", "CPULIST='1-3'", "CPUS=00000004", 'CPUS="00000000,000000fc"')),
    ("worker_sibling", lambda c, h: [h.put(f"{CPU}/cpu{i}/topology/thread_siblings_list", "1-2") for i in (1, 2)], set()),
    ("one_card", lambda c, h: [h.link(f"/sys/bus/pci/devices/{card}/physfn", "../0000:3b:00.0") for card in CARDS], set()),
    ("one_member", lambda c, h: c.members.clear(), set()),
    ("one_slot", lambda c, h: [h.put(f"/sys/bus/pci/slots/4{i}/address", card[:-2]) for i, card in enumerate(CARDS)], None),
    # DPDK's vhost: guests do not reach it, and a release that closed the hole.
    ("dpdk_hole", lambda c, h: c.says["show version"].update(dpdk="DPDK 22.11.6"), None),
    ("dpdk_hole", lambda c, h: c.members[0].update(name="net_vhost0"), None),
    # A card: by its numbers, or by the driver that bondfwd says; another card, and a release that closed the hole.
    ("dpdk_hole", lambda c, h: [c.says["show version"].update(dpdk="DPDK 22.11.9"), mellanox(h)], set()),
    ("dpdk_hole", lambda c, h: [c.says["show version"].update(dpdk="DPDK 24.11.2"),
                                c.says["show port info all"][0].update(driver="mlx5_pci")], set()),
    ("dpdk_hole", lambda c, h: [c.says["show version"].update(dpdk="DPDK 22.11.9"), mellanox(h, device="0x1003")], None),
    ("dpdk_hole", lambda c, h: c.says["show version"].update(dpdk="DPDK 22.11.9"), None),
    ("dpdk_hole", lambda c, h: [c.says["show version"].update(dpdk="DPDK 22.11.10"), mellanox(h)], None),
    ("thp", lambda c, h: [huge_shmem(h), c.guest["regions"][0].update(page=4096)], {"ordinary_pages"}),
    ("thp", lambda c, h: huge_shmem(h), None),
    ("thp", lambda c, h: [HOST["thp"](h), h.put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")], None),
    ("core_nowhere", lambda c, h: h.put("/proc/sys/kernel/core_pattern", ""), set()),
    ("core_nowhere", lambda c, h: [h.put("/proc/sys/kernel/core_pattern", ""), h.put("/proc/sys/kernel/core_uses_pid", "1")], None),
    ("core_nowhere", lambda c, h: h.put("/proc/sys/kernel/core_pattern", "/var/nowhere/core.%p"), set()),
    ("core_nowhere", lambda c, h: [h.put("/proc/sys/kernel/core_pattern", "/var/nowhere/core.%p"),
                                   h.change(f"/proc/{PID}/limits", "size        unlimited", "size        0        ")], None),
    ("core_nowhere", lambda c, h: [h.put("/proc/sys/kernel/core_pattern", "|/usr/lib/gone"), h.put("/.dockerenv")], None),
    ("memory_short", lambda c, h: c.says.update({"show events": [NO_MEMORY]}), set()),
    ("memory_short", lambda c, h: [c.says.update({"show events": [NO_MEMORY]}), c.says["show mempool"][0].update(node=1)], None),
    ("memory_short", lambda c, h: c.says.update({"show events": [{**NO_MEMORY, "object": "bond9"}]}), None),
    ("denied", lambda c, h: h.put("/dev/kmsg", '5,9,0,-;apparmor="DENIED" comm="bondfwd" name="\udcff\x01"'), set()),
    ("denied", lambda c, h: h.put("/var/log/audit/audit.log", "type=AVC msg=audit(1700004001.1:2): avc:  denied  { write } "
                                  'comm="qemu-kvm" path="/run/vhost/vm1.sock"'), set()),
]


GUEST = "add guest vm1 socket=/run/vhost/vm1.sock"
SIBLING = "0000:3b:00.1"

# Nobody answers: of the configuration file, and whether the fault is found.
PLANNED = [
    ("one_card", lambda h: [h.card(SIBLING, 0, "12"), with_file(h, members=(CARD, SIBLING))], True),
    ("one_card", lambda h: [h.card(SIBLING, 0, "12"), with_file(
        h, "create bonding device active-backup 0 bond1", f"add bonding member {SIBLING} bond1", members=(CARD,))], False),
    ("one_slot", lambda h: [one_slot(None, h), with_file(h)], True),
    ("one_slot", lambda h: with_file(h), False),
    ("socket_folder", lambda h: with_file(h, GUEST), True),
    ("socket_folder", lambda h: with_file(h, f"{GUEST} mode=client"), True),
    # bondfwd makes it; it makes it in its group; the service makes the folder.
    ("socket_folder", lambda h: with_file(h, "create group g mode=server", "add guest vm1 socket=/tmp/vm1.sock,group=g"), False),
    ("socket_folder", lambda h: with_file(h, "add guest vm1 socket=/run/bondfwd/guests/vm1.sock"), False),
    ("socket_folder_denied", lambda h: [with_file(h, GUEST), h.folder("/run/vhost", 0o755), h.stranger()], True),
    ("socket_folder_denied", lambda h: [with_file(h, GUEST), h.folder("/run/vhost", 0o777), h.stranger()], False),
    ("socket_stale", lambda h: [with_file(h, GUEST), h.folder("/run/vhost", 0o777), h.socket("/run/vhost/vm1.sock")], True),
    ("dpdk_hole", lambda h: [with_file(h), mellanox(h), bind(h, "mlx5_core"), with_dpdk(h, "22.11.9-1~deb12u1")], True),
    ("dpdk_hole", lambda h: [with_file(h), mellanox(h), with_dpdk(h, "22.11.10-1")], False),
    ("dpdk_hole", lambda h: [with_file(h), mellanox(h), with_dpdk(h, "22.11.9-1", "deinstall ok config-files")], False),
    ("dpdk_hole", lambda h: [with_file(h), with_dpdk(h, "22.11.9-1")], False),
    ("dpdk_hole", lambda h: [with_file(h, members=("net_vhost0",)), with_dpdk(h, "22.11.6-1")], True),
]


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
                         "hugepages_few": "no good configuration file is known",
                         "one_switch": "LLDP names no switch of two members",
                         "two_lags": "LLDP names no switch of two members",
                         "switch_mtu": "LLDP names no switch of a member",
                         "config": "no file is known: --config FILE names it"}
    assert report["checked"] == len(report["checks"]) - 6
    # A LAG over two switches, and a partner behind each member: that is how it should be.
    console.partners("02:00:00:00:00:01", "02:00:00:00:00:01")
    console.neighbors("aa", "bb", lag_enabled=True, max_frame=9216)
    expect(console.path, host, ())
    # By LLDP no LAG, or another one, where LACP has let the members in: the switch's words are old, or never true.
    console.neighbors("aa", "bb", lag_enabled=False)
    expect(console.path, host, ())
    console.neighbors("aa", "aa", lag_enabled=True)
    console.members[0]["neighbors"][0].update(lag_port=7)
    expect(console.path, host, {"one_switch"})
    console.neighbors("aa", "bb", lag_enabled=True)
    # Without bondfwd there is less to look at; the service's file names the members.
    report = expect(pathlib.Path(workdir) / "nobody.sock", host, ())
    assert {c["why"] for c in report["checks"] if c["family"] == "guests"} == {"bondfwd does not answer"}
    assert report["checked"] >= 25
    with host.ill(lambda h: h.put("/etc/bondfwd/bondfwd.conf", "create bonding device active-backup 0 bond0\nadd bonding member 0000:77:00.0 bond0")):
        expect(pathlib.Path(workdir) / "nobody.sock", host, {"device_absent"})


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


def test_other_ways_to_a_fault_are_seen_too(host, console):
    for fault, plant, besides in MORE:
        console.fresh()
        with host.ill(lambda h, plant=plant: plant(console, h)):
            expect(console.path, host, () if besides is None else {fault} | besides)


def test_what_a_file_asks_for_is_looked_at_without_bondfwd(host):
    nobody = "/run/bondfwd/nobody.sock"
    for fault, plant, is_found in PLANNED:
        with host.ill(plant):
            report = expect(nobody, host, {fault} if is_found else ())
            assert is_found or fault != "socket_folder" or {c["result"] for c in report["checks"] if c["fault"] == fault} == {"good"}
    with host.ill(lambda h: [with_file(h), mellanox(h), with_dpdk(h, "24.11.2-1")]):
        obj, text = said(expect(nobody, host, {"dpdk_hole"}), "dpdk_hole")
    assert obj == "DPDK 24.11.2-1" and text.startswith(f"CVE-2025-23259 of mlx5, which {CARD} uses: ")
    assert text.endswith("; expected 24.11.3 or later")
    # Of a file with an error only the members are known.
    with host.ill(lambda h: [h.card(SIBLING, 0, "12"), with_file(h, GUEST, "nonsense", members=(CARD, f"'{SIBLING}'"))]):
        expect(nobody, host, {"config", "one_card"})
    # What the service would be started with belongs to it.
    with host.ill(lambda h: [h.card(SIBLING, 0, "12"), h.put("/etc/bondfwd/bondfwd.conf", f"add bonding member {SIBLING} bond0"),
                             h.put("/etc/default/bondfwd", f'BONDFWD_ARGS="--bond {BASE},member={CARD}"')]):
        expect(nobody, host, {"one_card"})


def test_without_bondfwd_the_program_says_which_dpdk_it_has(workdir):
    file = pathlib.Path(workdir) / "bondfwd.conf"
    file.write_text("create bonding device active-backup 0 bond0\nadd bonding member net_vhost0 bond0\n", encoding="utf-8")
    report = doctor(pathlib.Path(workdir) / "nobody.sock", "--config", file)[1]
    assert [c["result"] for c in report["checks"] if c["fault"] == "dpdk_hole"][0] in ("good", "found")


def test_what_was_denied_is_over_some_day(host, workdir, console):
    """To bondfwd: when it was started again. To a front end: an hour later. Other programs' denials are theirs."""
    def log(*lines):
        return lambda h: h.put("/dev/kmsg", "".join(f"5,{i},0,-;audit({s}.1:7): {text}\n" for i, (s, text) in enumerate(lines)))

    own, front_end = 'apparmor="DENIED" profile="bondfwd"', 'apparmor="DENIED" comm="qemu" name="/run/vhost/vm1.sock"'
    nobody = pathlib.Path(workdir) / "nobody.sock"
    with host.ill(log((1700003990, own), (1700001300, front_end), (1700004990, 'apparmor="DENIED" profile="cupsd"'))):
        expect(console.path, host, ())
        # Without a process it may be why there is none.
        report = expect(nobody, host, {"denied"})
        assert report["findings"][0]["text"].startswith("1 denials, the last 16 minutes ago: ")
    with host.ill(log((1600000000, own))):
        expect(nobody, host, ())
    with host.ill(log((1700004000, own))):
        expect(console.path, host, {"denied"})
    with host.ill(log((1700004700, front_end))):
        assert "last 5 minutes ago" in expect(console.path, host, {"denied"})["findings"][0]["text"]


def test_a_remedy_names_the_bond_of_its_object(host, console):
    for fault in ("lacp_no_partner", "guest_mtu_bond"):
        console.fresh()
        SAID[fault](console, host)
        assert "bond0" in expect(console.path, host, {fault})["findings"][0]["remedy"]


def test_huge_pages_are_held_against_the_file_that_bondfwd_was_started_with(host, workdir, console):
    file = pathlib.Path(workdir) / "here.conf"
    file.write_text("create bonding device active-backup 0 bond0\n", encoding="utf-8")

    def plant(h):
        started_with(h, workdir, "--config", "here.conf")
        no_pages(h, 0, 1, file="free_hugepages")

    # It needs about 60 MiB. What it has is what it says: of guests' pages the kernel counts those that it has touched.
    for own, fault in ((200, ()), (56, ()), (10, {"hugepages_few"})):
        console.says["show numa"]["own_mib"] = own
        with host.ill(plant):
            report = expect(console.path, host, fault)
    assert "and bondfwd has 10 MiB" in report["findings"][0]["text"]
    # One that was started before an upgrade does not say it.
    del console.says["show numa"]["own_mib"]
    with host.ill(plant):
        expect(console.path, host, ())
    with host.ill(lambda h: [plant(h), h.put(f"/proc/{PID}/cmdline", "bondfwd\0--no-huge\0--\0--config\0here.conf\0")]):
        expect(console.path, host, {"no_huge"})


def started_with(h, folder, *words):
    """bondfwd was started there, with these words."""
    h.put(f"/proc/{PID}/cmdline", "\0".join(["bondfwd", "-l", "0,2,6", "--", *words, ""]))
    h.link(f"/proc/{PID}/cwd", folder)


SOCKET, USER = "/run/vhost/vm1.sock", 4242

# What is set up for the user that bondfwd runs as, and what it is told; None: nothing.
RIGHTS = [
    (lambda h: h.folder("/run", 0o700), "may not pass /run"),
    (lambda h: h.acl("/run", (ACL_USER, 1, USER)), None),
    (lambda h: h.acl("/run", (ACL_USER, 6, USER), other=7), "may not pass /run"),
    (lambda h: h.at(SOCKET).chmod(0o660), f"may not write to {SOCKET}"),
    (lambda h: h.acl(SOCKET, (ACL_USER, 2, USER)), None),
    (lambda h: h.acl(SOCKET, (ACL_USER, 2, USER), mask=4), f"may not write to {SOCKET}"),
    (lambda h: h.acl(SOCKET, (ACL_USER, 2, USER + 1)), f"may not write to {SOCKET}"),
    (lambda h: h.acl(SOCKET, (ACL_USER, 4, USER), (ACL_GROUP, 6, USER), other=6), f"may not write to {SOCKET}"),
    (lambda h: h.acl(SOCKET, (ACL_GROUP, 4, USER), other=6), f"may not write to {SOCKET}"),
    (lambda h: h.acl(SOCKET, (ACL_GROUP, 2, USER), (ACL_GROUP, 0, USER + 1)), None),
    (lambda h: h.acl(SOCKET, (ACL_GROUP, 4, USER + 1), mask=4, other=6), None),
]


def said(report, fault):
    """Object and text of its finding."""
    finding, = [[f["object"], f["text"]] for f in report["findings"] if f["fault"] == fault]
    return finding


def test_folders_above_and_acls_say_who_may(host, console):
    for plant, text in RIGHTS:
        console.fresh()

        def set_up(h, plant=plant):
            other_user(h)
            at_socket(console, h)
            h.at(SOCKET).chmod(0o666)
            plant(h)

        with host.ill(set_up):
            report = expect(console.path, host, {"guest_absent"} | ({"socket_denied"} if text else set()))
        assert text is None or said(report, "socket_denied") == ["vm1", f"bondfwd runs as user {USER}, which {text}"], text
    # The front end's user, and a device's folder.
    console.fresh()
    with host.ill(lambda h: [alone(console), h.folder("/run/vhost", 0o777), h.folder("/run", 0o711), h.stranger()]):
        expect(console.path, host, {"guest_absent"})
        host.folder("/run", 0o700)
        report = expect(console.path, host, {"guest_absent", "socket_folder_denied"})
        assert said(report, "socket_folder_denied") == ["/run/vhost", "vm1 has its socket there, and libvirt-qemu may not pass /run"]
    console.fresh()
    with host.ill(lambda h: [other_user(h), h.folder("/dev/vfio", 0o700)]):
        assert "may not pass /dev/vfio" in expect(console.path, host, {"vfio_denied"})["findings"][0]["text"]
        host.acl("/dev/vfio", (ACL_USER, 5, USER))
        expect(console.path, host, ())


BASE = "name=bond0,mode=active-backup"


def test_a_file_is_held_against_the_options_that_it_stands_on(host, workdir, console):
    def checks(report):
        return [c["result"] for c in report["checks"] if c["fault"] == "config"]

    folder = pathlib.Path(workdir)
    file = folder / "here.conf"
    file.write_text("set bonding option bond0 lldp=off\nset guest vm1 mtu=1400\n", encoding="utf-8")
    guest = f"name=vm1,socket={folder}/vm1.sock,mtu=1500"
    base = ("--bond", BASE, f"--guest={guest}")
    # What would listen, ask, or print something else is not handed on, and no shell reads a word.
    others = ("-i", "--metrics", "127.0.0.1:1", "--group", "nobody_has_it", "--advise", "--help", "--group=; touch x", "--bonds",
              "--console", "none")
    for words in ((*base, "--config", "here.conf"), (*base, "-c", str(file)), (*others, "--config=here.conf", *base)):
        with host.ill(lambda h, words=words: started_with(h, workdir, *words)):
            assert checks(expect(console.path, host, ())) == ["good"], words
    # Its own words, not others'; and without "--", too.
    with host.ill(lambda h: started_with(h, workdir, "--metrics", "--bond", "--group", BASE, "-c", "here.conf")):
        assert "bond0" in expect(console.path, host, {"config"})["findings"][0]["text"]
    with host.ill(lambda h: h.put(f"/proc/{PID}/cmdline", "\0".join(["bondfwd", *base, "-c", str(file), ""]))):
        assert checks(expect(console.path, host, ())) == ["good"]
    # An option that has lost its value does not take --check for it.
    with host.ill(lambda h: started_with(h, workdir, *base, "-c", str(file), "--guest")):
        assert "--guest: expected K=V" in expect(console.path, host, {"config"})["findings"][0]["text"]
    for more in (2100 * ["--debug"], ["--guest", 300000 * "x"]):
        with host.ill(lambda h, more=more: started_with(h, workdir, *base, "-c", str(file), *more)):
            report = expect(console.path, host, ())
        assert "bondfwd's command line is too long" in [c["why"] for c in report["checks"] if c["fault"] == "config"]


def test_an_instance_is_held_against_its_own_files(host):
    """bondfwd@blue.service, which does not run."""
    here = "/run/bondfwd-blue/console.sock"

    def files(h):
        h.put("/etc/bondfwd/bondfwd.conf", "set bonding option bond9 lldp=off")
        h.put("/etc/default/bondfwd", "EAL_ARGS=\"-l 0,1\"\nBONDFWD_ARGS=\"--bond name=bond9,mode=active-backup\"")
        h.put("/etc/bondfwd/blue.conf", f"set bonding option bond0 lldp=off\nadd bonding member {CARD} bond0")
        h.put("/etc/default/bondfwd-blue", f'# of the instance\nBONDFWD_ARGS="--metrics 127.0.0.1:1 --bond {BASE}"\n'
                                           'EAL_ARGS="-l 0-2 --no-huge"')

    def why(report, fault):
        return [c["why"] for c in report["checks"] if c["fault"] == fault and c["result"] == "not checked"]

    with host.ill(files):
        for path in (here, "/var" + here):
            report = expect(path, host, ())
            assert why(report, "config") == [] and why(report, "hugepages_few") == ["bondfwd works on ordinary pages"]
        report = expect("/run/bondfwd-/nobody.sock", host, ())
        assert why(report, "config") == why(report, "hugepages_few") == []
        host.put("/etc/bondfwd/blue.conf", "set bonding option bond1 lldp=off\nadd bonding member 0000:77:00.0 bond0")
        report = expect(here, host, {"config", "device_absent"})
        assert str(host.at("/etc/bondfwd/blue.conf")) in {f["object"] for f in report["findings"]}
        # What systemd may read in another way is not judged.
        for args in ('"--metrics 127.0.0.1:1 \\\n --bond name=bond7"', '--metrics 127.0.0.1:1 --bond "name=bond7"',
                     '"' + 4096 * " " + '--bond name=bond7"'):
            host.put("/etc/default/bondfwd-blue", f"BONDFWD_ARGS={args}\n")
            assert why(expect(here, host, {"device_absent"}), "config") == ["the service's options have several lines, or quotes among them"]
        # Another file stands on nothing of the service's.
        status, report = doctor(here, "--root", host.root, "--config", host.at("/etc/bondfwd/bondfwd.conf"))
        assert (status, faults(report)) == (2, ["config"])


def test_what_looks_like_a_fault_and_is_none_is_not_named(host, workdir, console):
    good = {
        "a card that the kernel's driver keeps needs no group": lambda h: [bind(h, "mlx5_core"), share_group(h)],
        "interrupts that go elsewhere by now": lambda h: [PROCESS["worker_irq"](h),
                                                          h.put("/proc/irq/24/effective_affinity_list", "0")],
        "a partition of the control groups": lambda h: [
            h.put(f"{CPU}/isolated", ""), h.put("/sys/fs/cgroup/cpuset.cpus.effective", "0-1,4-5")],
        "a file that is named from the process' folder": lambda h: started_with(h, workdir, "--config", "here.conf"),
    }
    (pathlib.Path(workdir) / "here.conf").write_text("create bonding device active-backup 0 bond0\n", encoding="utf-8")
    for what, plant in good.items():
        with host.ill(plant):
            report = expect(console.path, host, ())
    assert [c["result"] for c in report["checks"] if c["fault"] == "config"] == ["good"], what
    # A CPU that a worker keeps busy does not sleep.
    with host.ill(lambda h: h.put(f"{CPU}/cpu2/cpuidle/state1/latency", "200")):
        console.says["show lcore"] = [{"lcore": 2, "sleeps": 0}]
        expect(console.path, host, ())
        console.says["show lcore"] = [{"lcore": 2, "sleeps": 7}]
        expect(console.path, host, {"c_states"})
    # As the partition, in a container, whose own control group has few CPUs.
    with host.ill(lambda h: [good["a partition of the control groups"](h), h.put("/sys/fs/cgroup/cgroup.type", "domain")]):
        expect(console.path, host, {"worker_not_isolated"})


def test_there_is_a_test_of_every_fault():
    listed = set(re.findall(r'\bX\(\w+, "(\w+)"', (bf.ROOT / "app/doctor/faults.h").read_text(encoding="utf-8")))
    assert listed == {*HOST, *PROCESS, *SAID, "console_dead", "console_open", "config"}


# ---- with bondfwd ----

LOG = [r"^WARNING: (guest_refused|guest_mtu|guest_queues): ", *LOG_LINK_LOSS, *LOG_LACP, r"^WARNING: member_missing: "]


def named(r, fault, obj=None, *words):
    """It is found, soon."""
    def found():
        return [f for f in doctor(r.daemon.console, *words)[1]["findings"]
                if f["fault"] == fault and obj in (None, f["object"])]
    finding, = wait_for(found, what=f"{fault} of {obj}")
    return finding


@contextlib.contextmanager
def guest(r, name, mtu=1500, **options):
    """A guest in order, but for the options of its front end; its memory is too little to matter."""
    path = r.workdir / f"{name}.sock"
    r.daemon.ctl(f"add guest {name} socket={path} mode=server mtu={mtu}")
    with contextlib.closing(Frontend(path, **{"size": 1024, **options})) as front_end:
        yield front_end
    r.daemon.ctl(f"remove guest {name}")


def test_a_bondfwd_in_order_has_no_finding_and_what_is_done_to_it_is_named(rig, workdir):
    r = rig(members=2, guests=(), mtu=1500, log_allowed=LOG)
    here = Host(r.workdir / "host", r.daemon.proc.pid)
    console = str(r.daemon.console)
    with guest(r, "vm1") as vm1:
        vm1.start()
        wait_for(lambda: r.daemon.ctl("show guest vm1", json=True)[0]["up"], what="the guest up")
        report = expect(console, here, ())
        assert report["checked"] > 35
        # Who may use the sockets.
        r.daemon.console.chmod(0o666)
        assert "0666, expected 0660" in named(r, "console_open", console)["text"]
        r.daemon.console.chmod(0o660)
        r.workdir.chmod(0o777)
        named(r, "console_open", str(r.workdir))
        r.workdir.chmod(0o700)
        # The process as it is.
        named(r, "no_huge", "bondfwd")
        if len(os.sched_getaffinity(0)) > 1:
            named(r, "worker_floats", "lcore 1")
        limits = resource.prlimit(r.daemon.proc.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(r.daemon.proc.pid, resource.RLIMIT_NOFILE, (60, limits[1]))
        assert "60 files" in named(r, "nofile", "bondfwd")["text"]
        resource.prlimit(r.daemon.proc.pid, resource.RLIMIT_NOFILE, limits)
        # LACPDUs of a switch where nobody asked for a LAG.
        with r.taking(1):
            r.far[0].raw(lacpdu(End("02:5e:51:00:00:01"), End("00:00:00:00:00:00")))
        named(r, "lag_unwanted", "bond0")
        r.daemon.ctl("clear fwd stats all")
    r.daemon.ctl("set bonding mode 802.3ad bond0")
    named(r, "lacp_no_partner", "net_vhost0")
    r.daemon.ctl("set bonding mode active-backup bond0")  # its LACPDUs go back to their pool
    r.far[1].kill()
    named(r, "member_no_link", "net_vhost1")


def test_what_is_wrong_with_guests_and_with_a_missing_member_is_named(rig):
    r = rig(start=False, members=1, guests=("vm1",), mtu=1500, workers=2, log_allowed=LOG,
            guest_opts={"vm1": "queues=2"})
    r.args[r.args.index("--bond") + 1] += f",member={CARD}"
    r.daemon = bf.Daemon(r.workdir, r.args, r.workers, r.memory, r.member_vdevs(), r.log_allowed).wait_ready()
    # A member without a device is looked for on the host.
    here = Host(r.workdir / "host", r.daemon.proc.pid)
    named(r, "device_unclaimed", CARD, "--root", here.root)
    with here.ill(lambda h: bind(h, "ice")):
        assert "bound to ice, expected vfio-pci" in named(r, "device_kernel_driver", CARD, "--root", here.root)["text"]
    with here.ill(lambda h: h.remove(DEVICE)):
        named(r, "device_absent", CARD, "--root", here.root)
    r.daemon.ctl(f"remove bonding member {CARD} bond0")
    named(r, "one_member", "bond0")
    r.vm(1).wait_up()
    # Its memory is on ordinary pages, and it has fewer queue pairs than its port.
    assert "4 KiB" in named(r, "ordinary_pages", "vm1")["text"]
    named(r, "guest_queues_few", "vm1")
    r.vm(1).kill()
    assert str(r.guest_socket("vm1")) in named(r, "guest_absent", "vm1")["text"]
    # The front end that was killed has left its socket.
    named(r, "socket_stale", str(r.guest_socket("vm1")))
    r.daemon.ctl(f"add guest vm2 socket={r.workdir}/none/vm2.sock")
    named(r, "socket_folder", f"{r.workdir}/none")
    with guest(r, "vm3", mtu=9000, size=256) as vm3:
        named(r, "guest_mtu_bond", "vm3")
        vm3.start()
        named(r, "guest_ring_small", "vm3")
    with guest(r, "vm4") as vm4:
        # As QEMU without share=on: it has memory, and has sent none.
        with contextlib.closing(mmap.mmap(-1, 64 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)):
            vm4.connect()
            vm4.handshake()
            assert "MiB that are private" in named(r, "memory_not_shared", "vm4")["text"]
        vm4.n_regions = 9
        with contextlib.suppress(Refused, ConnectionError):
            vm4.mem_table()
        assert "a message that cannot be" in named(r, "guest_refused", "vm4")["text"]


def test_a_file_is_held_against_the_bondfwd_that_runs_with_it(rig):
    r = rig(start=False, members=1, guests=("vm1", "vm2"), mtu=1500, guest_opts={"vm2": "mode=server"}, log_allowed=LOG)
    file, other = r.workdir / "here.conf", r.workdir / "other.conf"
    file.write_text(f"set bonding option bond0 lldp=off\nadd guest vm3 socket={r.workdir}/vm3.sock,mode=server\n", encoding="utf-8")
    r.args += ["--config", str(file)]
    r.start()
    r.vm(1).wait_up()
    wait_for(lambda: r.daemon.console.with_name("console.sock.negotiated").exists(), what="what vm1 has negotiated")
    # Its own sockets are in use: that is as it should be.
    report = doctor(r.daemon.console)[1]
    assert [c["result"] for c in report["checks"] if c["fault"] == "config"] == ["good"], report["findings"]
    # What is remembered is that of this console.
    other.write_text(f"add guest vm1 socket={r.workdir}/elsewhere.sock\n", encoding="utf-8")
    assert "its front end is at" in named(r, "config", str(other), "--config", other)["text"]


def test_a_file_with_an_error_and_a_socket_that_nobody_serves_are_named(workdir):
    folder = pathlib.Path(workdir)
    file, path = folder / "bondfwd.conf", folder / "console.sock"
    file.write_text(f"create bonding device 802.3ad 0 bond0\nset bonding mod 802.3ad bond0 # {CARD}\n", encoding="utf-8")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.bind(str(path))
    status, report = doctor(path, "--config", file)
    found = {f["fault"]: f for f in report["findings"]}
    assert status == 2 and found["console_dead"]["object"] == str(path)
    assert f"{file}:" in found["config"]["text"] and found["config"]["object"] == str(file)


def test_text_names_what_was_found_and_what_was_not_looked_for(host, console):
    def run(*words):
        done = subprocess.run([str(w) for w in (bf.BONDCTL, "-s", console.path, "doctor", *words)],
                              capture_output=True, text=True, timeout=bf.LIMIT, check=False)
        return done.returncode, done.stdout, done.stderr

    status, out, _ = run("--root", host.root)
    assert status == 0 and re.fullmatch(r"0 problems, 0 warnings, \d+ checks, \d+ not checked \(.*\)\n", out), out
    with host.ill(lambda h: [HOST["ksm"](h), HOST["swap"](h), bind(h, "ice")]):
        status, out, _ = run("--root", host.root)
    lines = out.splitlines()
    assert status == 2 and [line.split()[0] for line in lines] == ["problem", "warning", "warning", "1"], out
    assert lines[0] == (f"problem {CARD}: device_kernel_driver: it is bound to ice, expected vfio-pci. "
                        f"Do: dpdk-devbind.py --bind=vfio-pci {CARD}")
    assert lines[3].startswith("1 problem, 2 warnings, ")
    for words, text in ((("now",), 'doctor: "now": expected nothing behind the options'),
                        (("--root", "/nowhere"), 'root: "/nowhere": expected a folder'),
                        (("--config", "/nowhere"), 'config: "/nowhere": expected a file')):
        status, out, err = run(*words)
        assert status == 3 and out == "" and text in err
    assert run("--help")[0] == 0 and "Exit status" in run("--help")[1]
