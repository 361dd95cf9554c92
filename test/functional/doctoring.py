# SPDX-License-Identifier: BSD-3-Clause
"""A host that is in order, below a folder, and a bondfwd that says of itself what a test wants: to plant faults in."""

import contextlib
import json
import os
import pathlib
import socket
import stat
import struct
import subprocess
import threading

import bf

CARDS = ("0000:3b:00.0", "0000:86:00.0")
ACL_XATTR = "system.posix_acl_access"
ACL_OWNER, ACL_USER, ACL_OWNING_GROUP, ACL_GROUP, ACL_MASK, ACL_OTHER = (1 << i for i in range(6))
VFIO = "/sys/bus/pci/drivers/vfio-pci"


def doctor(socket_path, *words):
    """(exit status, report) of bondctl doctor."""
    done = subprocess.run([str(w) for w in (bf.BONDCTL, "-s", socket_path, "doctor", "--json", *words)],
                          capture_output=True, text=True, timeout=bf.LIMIT, stdin=subprocess.DEVNULL, check=False)
    assert done.stderr == "", done.stderr
    return done.returncode, json.loads(done.stdout)


def faults(report):
    return sorted({f["fault"] for f in report["findings"]})


class Host:
    """Two memory nodes, two cards, a bondfwd with two workers, one guest's machine."""

    def __init__(self, root, pid):
        self.root = pathlib.Path(root)
        self.pid = pid
        self.undo, self.n_kept = [], 0
        self.root.mkdir()
        self.cpus()
        self.memory()
        for node, (card, group) in enumerate(zip(CARDS, ("10", "11"))):
            self.card(card, node, group)
        self.system()
        self.process()
        self.undo = []

    def at(self, path):
        return self.root / path.lstrip("/")

    @contextlib.contextmanager
    def ill(self, fault):
        """What the fault changes is as before at the end."""
        self.undo = []
        try:
            fault(self)
            yield self
        finally:
            for step in reversed(self.undo):
                step()
            self.undo = []

    def keep(self, full):
        """Before a change of a file, a link or a folder: how to take that back."""
        if full.is_symlink() or full.exists():
            self.n_kept += 1
            aside = self.root / f".kept{self.n_kept}"
            full.rename(aside)
            self.undo.append(lambda: [full.unlink(missing_ok=True), aside.rename(full)])
        else:
            self.undo.append(lambda: full.unlink(missing_ok=True))

    def parents(self, full):
        if not full.parent.is_dir():
            self.parents(full.parent)
            full.parent.mkdir()
            self.undo.append(full.parent.rmdir)

    def put(self, path, text="", mode=0o644):
        full = self.at(path)
        self.parents(full)
        self.keep(full)
        full.write_text(text if text.endswith(("\n", "\0")) or not text else text + "\n", encoding="utf-8",
                        errors="surrogateescape")
        full.chmod(mode)

    def link(self, path, target):
        full = self.at(path)
        self.parents(full)
        self.keep(full)
        full.symlink_to(target)

    def folder(self, path, mode=0o755):
        full = self.at(path)
        self.parents(full / "x")
        before = stat.S_IMODE(full.stat().st_mode)
        self.undo.append(lambda: full.chmod(before))
        full.chmod(mode)

    def remove(self, path):
        self.keep(self.at(path))

    def socket(self, path, mode=0o660):
        """One that nobody listens at."""
        full = self.at(path)
        self.parents(full)
        self.keep(full)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            s.bind(str(full))
        full.chmod(mode)

    def acl(self, path, *entries, owning_group=0, mask=7, other=0):
        """A POSIX ACL, as the kernel keeps it: entries (tag, rights, id)."""
        nobody = 0xffffffff
        whole = [(ACL_OWNER, 7, nobody), (ACL_OWNING_GROUP, owning_group, nobody), (ACL_MASK, mask, nobody), (ACL_OTHER, other, nobody), *entries]
        value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in sorted(whole))
        full = self.at(path)
        before = stat.S_IMODE(full.stat().st_mode)
        os.setxattr(full, ACL_XATTR, value)
        self.undo.append(lambda: [os.removexattr(full, ACL_XATTR), full.chmod(before)])

    def change(self, path, old, new):
        text = self.at(path).read_text(encoding="utf-8")
        assert old in text, (path, old)
        self.put(path, text.replace(old, new))

    def cpus(self):
        cpu = "/sys/devices/system/cpu"
        self.put(f"{cpu}/online", "0-7")
        self.put(f"{cpu}/isolated", "2-3,6-7")
        for i in range(8):
            self.put(f"{cpu}/cpu{i}/topology/thread_siblings_list", f"{i}")
            self.put(f"{cpu}/cpu{i}/cpufreq/scaling_governor", "performance")
            for state, us in enumerate((0, 2)):
                self.put(f"{cpu}/cpu{i}/cpuidle/state{state}/name", f"C{state}")
                self.put(f"{cpu}/cpu{i}/cpuidle/state{state}/latency", f"{us}")
                self.put(f"{cpu}/cpu{i}/cpuidle/state{state}/disable", "0")
        self.put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc")

    def memory(self):
        for node, cpus in enumerate(("0-3", "4-7")):
            at = f"/sys/devices/system/node/node{node}"
            self.put(f"{at}/cpulist", cpus)
            self.put(f"{at}/meminfo", f"Node {node} MemTotal:       33554432 kB")
            self.put(f"{at}/hugepages/hugepages-2048kB/nr_hugepages", "1024")
            self.put(f"{at}/hugepages/hugepages-2048kB/free_hugepages", "512")
        self.put("/proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0")
        self.folder("/dev/hugepages", 0o777)
        self.put("/proc/meminfo", "MemTotal: 67108864 kB\nSwapTotal: 8388608 kB\nSwapFree: 8388000 kB")
        self.put("/sys/kernel/mm/ksm/run", "0")
        self.put("/proc/sys/kernel/numa_balancing", "0")
        # As Debian has it.
        self.put("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
        self.put("/sys/kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never")
        self.put("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force")

    def card(self, name, node, group, bus=None):
        """bus: behind the slot of another one."""
        bus = bus or name[5:7]
        root_port = f"pci0000:{bus}/0000:{bus}:1f.0"
        device = f"/sys/devices/{root_port}/{name}"
        for file, text in (("class", "0x020000"), ("vendor", "0x8086"), ("device", "0x1593"), ("numa_node", str(node)),
                           ("current_link_speed", "16.0 GT/s PCIe"), ("max_link_speed", "16.0 GT/s PCIe"),
                           ("current_link_width", "8"), ("max_link_width", "8"),
                           ("aer_dev_fatal", "DLP 0\nTOTAL_ERR_FATAL 0"),
                           ("aer_dev_nonfatal", "DLP 0\nTOTAL_ERR_NONFATAL 0")):
            self.put(f"{device}/{file}", text)
        self.link(f"{device}/driver", "../../../bus/pci/drivers/vfio-pci")
        self.link(f"{device}/iommu_group", f"../../../kernel/iommu_groups/{group}")
        self.link(f"/sys/bus/pci/devices/{name}", f"../../../devices/{root_port}/{name}")
        self.folder(f"/sys/kernel/iommu_groups/{group}/devices/{name}")
        self.put(f"/dev/vfio/{group}")

    def system(self):
        self.put(f"{VFIO}/new_id")
        self.put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N")
        self.put("/proc/cpuinfo", "flags\t\t: fpu tsc constant_tsc nonstop_tsc")
        self.put("/proc/stat", "btime 1700000000")
        self.put("/proc/uptime", "5000.00 4000.00")
        self.put("/proc/interrupts", "            CPU0       CPU1       CPU2       CPU3\n"
                                     "  24:      90000          0        100          0  IO-APIC  nvme0q0\n"
                                     " LOC:      90000      90000      90000      90000  Local timer interrupts")
        self.put("/etc/passwd", f"root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:{os.getuid()}:{os.getgid()}::/:/bin/false")
        self.put("/etc/group", "root:x:0:\nkvm:x:104:libvirt-qemu")
        self.put("/proc/net/unix", "Num RefCount Protocol Flags Type St Inode Path")
        self.put("/dev/kmsg", "6,1,0,-;Linux version 6.1")
        self.put("/proc/sys/kernel/core_pattern", "core")

    def process(self):
        at = f"/proc/{self.pid}"
        self.put(f"{at}/status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0\nVmSwap:\t0 kB\nCapEff:\t000001ffffffffff")
        self.put(f"{at}/limits", "Limit                     Soft Limit           Hard Limit           Units\n"
                                 "Max core file size        unlimited            unlimited            bytes\n"
                                 "Max open files            1048576              1048576              files\n"
                                 "Max locked memory         unlimited            unlimited            bytes")
        self.put(f"{at}/cmdline", "bondfwd\0-l\x000,2,6\0--\0")
        self.put(f"{at}/coredump_filter", "00000033")
        started = " ".join(["S", *18 * ["0"], "400000", "0"])  # 4000 s after the host
        self.put(f"{at}/stat", f"{self.pid} (bondfwd) {started}")
        self.link(f"{at}/exe", "/usr/sbin/bondfwd")
        for tid, (name, cpus) in enumerate((("bondfwd", "0-1"), ("rte-worker-2", "2"), ("rte-worker-6", "6")), self.pid):
            self.thread(self.pid, tid, name, cpus)
        self.put("/proc/77/comm", "qemu-system-x86")
        self.thread(77, 78, "CPU 0/KVM", "1")

    def thread(self, pid, tid, name, cpus):
        self.put(f"/proc/{pid}/task/{tid}/comm", name)
        self.put(f"/proc/{pid}/task/{tid}/status", f"Name:\t{name}\nCpus_allowed_list:\t{cpus}")

    def user(self, uid):
        """bondfwd runs as this user, without privileges."""
        self.put(f"/proc/{self.pid}/status",
                 f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\nGroups:\t\nCapEff:\t0")

    def stranger(self):
        """The machines' user owns nothing here."""
        self.put("/etc/passwd", "libvirt-qemu:x:64055:64055::/:/bin/false")


def answers():
    """What the console of a bondfwd says in which nothing is wrong."""
    members = [{"bond": "bond0", "name": card, "missing": False, "link": True, "full_duplex": True,
                "link_speed_mbps": 25000, "link_losses": 0} for card in CARDS]
    guest = {"name": "vm1", "uplink": "bond0", "up": True, "link_held": False, "queue_pairs": 2, "negotiated_mtu": 1500,
             "memory_node": 0, "peer": {"name": "qemu", "pid": 77, "uid": 64055},
             "regions": [{"guest_address": "0x0", "size": 4 << 30, "page": 2 << 20}],
             "rings": [{"ring": i, "mode": "own", "size": 1024} for i in range(4)], "refusals": 0, "last_refusal": "",
             "options": {"socket": "/run/vhost/vm1.sock", "mode": "client", "queues": "2", "mtu": "1500"}}
    return {"show bonding config all": [{"name": "bond0", "mode": "active-backup", "mtu": 1500,
                                         "member_details": members}],
            "show bonding lacp info all": [], "show lldp": [{"bond": "bond0", "lldp": "rx", "cabling": []}],
            "show port info all": [{"name": card, "kind": "ethdev", "mtu": 1500} for card in CARDS],
            "show port module_eeprom all": [{"name": card, "firmware": "4.20"} for card in CARDS],
            "show guest": [guest], "show events": [], "show drops": {"ports": [], "ledger": {}},
            "show numa": {"own_mib": 256, "nodes": [{"node": 0}, {"node": 1}], "guests": [{"name": "vm1", "polled_across_by": []}]},
            "show mempool": [{"name": "bond0.0", "element": 2560, "retired": False}],
            "show version": {"bondfwd": "0.1.0", "dpdk": "DPDK 22.11.11", "workers": 2}, "why bond0": {"causes": []}}


class Console:
    """A console that answers what it was given."""

    def __init__(self, path):
        self.path = str(path)
        self.says = answers()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o660)
        self.listener.listen(16)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                if not file.readline():
                    continue  # it only looked who is here
                line = file.readline().decode().strip()
                text = json.dumps(self.says.get(line, {"error": "unknown"})).encode()
                file.write(f"{0 if line in self.says else 1} {len(text)}\n".encode() + text)

    def fresh(self):
        self.says = answers()

    @property
    def bond(self):
        return self.says["show bonding config all"][0]

    @property
    def members(self):
        return self.bond["member_details"]

    @property
    def guest(self):
        return self.says["show guest"][0]

    def partners(self, *ids):
        self.bond["mode"] = "802.3ad"
        self.says["show bonding lacp info all"] = [{"bond": "bond0", "members": [
            {"name": card, "partner": {"system_id": i}} for card, i in zip(CARDS, ids)]}]

    def neighbors(self, *chassis, **more):
        for member, name in zip(self.members, chassis):
            member["neighbors"] = [{"chassis_id": name, "port_id": "Eth1", **more}]

    def cabling(self, problem):
        """What bondfwd makes of its neighbors."""
        self.says["show lldp"][0]["cabling"] = [{"problem": problem, "member": CARDS[1], "text": "port Eth1 of aa is wrong"}]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
