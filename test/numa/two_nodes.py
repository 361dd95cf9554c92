# SPDX-License-Identifier: BSD-3-Clause
"""
A machine with two memory nodes and a card on each, and bondfwd with its guests in it.

Two CPUs and half of the memory are on each node, and a vmxnet3 behind a PCI root of the node's own, bound to
vfio-pci. The guests are bf-peer on virtio-user, held to a node by numactl. What bondfwd says is held against
/proc/PID/numa_maps.
"""

import json
import os
import re
import shutil

from guestrig.backend import program
from guestrig.process import ChildGone, RigError, wait_until
from guestrig.vm import Vm
from machine import Card, build_image

NODE_MIB = 768
HUGE_PAGES = 160  # of 2 MiB, on each node
NODES = (0, 1)
GUEST_CPU = {0: 1, 1: 3}  # by node


def _tools():
    """The front end of the functional tests, and what holds it to a node."""
    peer = os.environ.get("BONDFWD_PEER") or os.path.normpath(program("../test/peer/bf-peer"))
    numactl = shutil.which("numactl", path="/usr/bin:/bin")
    if not numactl:
        raise RigError("numactl is not installed (scripts/install-deps test)")
    return peer, numactl


class NodeCard(Card):
    """A card behind a PCI root that ACPI says is on a node."""

    def __init__(self, node):
        super().__init__("vmxnet3", f"02:00:00:00:0b:{node + 1:02x}")
        self.node = node

    def arguments(self, index, _accel):
        here, there = self.wire.getsockname()[1], self.there[1]
        return ["-device", f"pxb-pcie,id=root{index},bus=pcie.0,addr=0x1{index:x},numa_node={self.node},"
                f"bus_nr={0x40 * (index + 1)}",
                "-device", f"pcie-root-port,id=port{index},bus=root{index},chassis={index + 1}",
                "-netdev", f"socket,id=net{index},udp=127.0.0.1:{here},localaddr=127.0.0.1:{there}",
                "-device", f"vmxnet3,netdev=net{index},id=dev{index},mac={self.mac},bus=port{index},romfile="]


class TwoNodes:
    def __init__(self, run):
        self.cards = [NodeCard(node) for node in NODES]
        run.at_end += [card.wire.close for card in self.cards]
        self.vm = Vm(run, "numa", self.cards, cpus=4, accel="tcg", machine="kernel-irqchip=off",
                     image=build_image(run, _tools()),
                     devices=["-device", "intel-iommu,intremap=off,caching-mode=on"],
                     boot_words="intel_iommu=on iommu=pt numa_balancing=disable",
                     nodes=[("0-1", NODE_MIB), ("2-3", NODE_MIB)])
        self.devices = []
        self.jobs = {}

    def boot(self):
        self.vm.start(limit_s=3600).wait_booted(120)
        pages = "; ".join(
            f"echo {HUGE_PAGES} >/sys/devices/system/node/node{n}/hugepages/hugepages-2048kB/nr_hugepages"
            for n in NODES)
        self.vm.sh(f"""{pages}
            mkdir -p /dev/hugepages /dev/shm /var/run && mount -t hugetlbfs none /dev/hugepages &&
            mount -t tmpfs none /dev/shm
            load vfio_iommu_type1 allow_unsafe_interrupts=1 && load vfio-pci""", 60)
        found = self.vm.read("cd /sys/bus/pci/devices; grep -l 0x07b0 */device").split()
        self.devices = [path.split("/")[0] for path in found]
        for device in self.devices:
            self.vm.sh(f"""cd /sys/bus/pci/devices/{device} && echo vfio-pci >driver_override
                [ ! -e driver ] || echo {device} >driver/unbind
                echo {device} >/sys/bus/pci/drivers/vfio-pci/bind""")
        return self

    def start(self, cores="-l 0,1,2", members=NODES):
        """bondfwd over the cards of these nodes, with a guest's port for each node."""
        self.stop()
        guests = " ".join(f"--guest name=vm{n},mode=server,socket=/run/vm{n}.sock" for n in NODES)
        cards = " ".join(f"-a {device}" for device in self.devices)
        members = ",".join(f"member={self.devices[node]}" for node in members)
        self._run("bondfwd", f"/tools/bondfwd {cores} --no-telemetry {cards} -- --profile trusted --console /run/console "
                  f"--bond name=bond0,mode=active-backup,{members} {guests}")
        wait_until("bondfwd answers", 90, lambda: self._running("bondfwd") and self.members())
        self.ctl("set lcore idle sleep")  # three CPUs that poll are two more than there are
        return self

    def connect(self, node):
        """A guest whose memory is on that node."""
        self._run(f"vm{node}", f"numactl --membind={node} /tools/bf-peer --lcores 0@{GUEST_CPU[node]} "
                  f"--no-huge -m 64 --no-pci --no-telemetry --file-prefix vm{node} --single-file-segments "
                  f"--vdev net_virtio_user0,path=/run/vm{node}.sock,queue_size=256 -- --buf 2048 --bufs 2048",
                  stdin=f": >/run/vm{node}.in; tail -f /run/vm{node}.in |")
        wait_until(f"vm{node} is up", 90, lambda: self._running(f"vm{node}") and self.guest(node)["up"])

    def _run(self, name, command, stdin=""):
        self.jobs[name] = self.vm.start_job(
            f"PATH=/tools:$PATH; {stdin} sh -c 'echo $$ >/run/{name}.pid; exec {command}' >/run/{name}.log 2>&1",
            3600)

    def _running(self, name):
        assert not self.jobs[name].done(), f"{self.jobs[name].wait(check=False)}: {self.log(name)}"
        return True

    def stop(self):
        """End everything; bondfwd must end well."""
        for name in reversed(list(self.jobs)):
            job = self.jobs.pop(name)
            self.vm.run_sh(f"kill $(cat /run/{name}.pid)")
            if name == "bondfwd":
                assert job.wait(check=False).status == 0, self.log(name)
        self.vm.run_sh("rm -f /run/vm?.sock")

    def ctl(self, words):
        text = self.vm.read(f"/tools/bondctl -s /run/console --json {words}")
        return json.loads(text)

    def members(self):
        return {m["name"]: m for m in self.ctl("show numa")["members"]}

    def lcores(self):
        return {c["lcore"]: c["node"] for c in self.ctl("show numa")["lcores"]}

    def guest(self, node):
        return next(g for g in self.ctl("show numa")["guests"] if g["name"] == f"vm{node}")

    def pool(self, name):
        return next(p for p in self.ctl("show mempool") if p["name"] == name)

    def poller(self, node):
        """The lcore that polls the guest."""
        return next(c["lcore"] for c in self.ctl("show config fwd")["lcores"]
                    for q in c["guest_queues"] if q["guest"] == f"vm{node}")

    def events(self, what, about):
        return [e["text"] for e in self.ctl("show events") if (e["what"], e["object"]) == (what, about)]

    def log(self, name):
        return self.vm.run_sh(f"tail -c 4000 /run/{name}.log").output

    # What the kernel says.

    def _maps(self, name):
        """{start address: inode} of what a process has mapped."""
        text = self.vm.read(f"cat /proc/$(cat /run/{name}.pid)/maps")
        return {line.split("-")[0]: line.split()[4] for line in text.splitlines()}

    def _pages(self, kind):
        """[(start address, {node: bytes})] of bondfwd's mappings whose file's name has the word."""
        text = self.vm.read("cat /proc/$(cat /run/bondfwd.pid)/numa_maps")
        return [(line.split()[0], {int(n): int(pages) * int(re.search(r"kernelpagesize_kB=(\d+)", line)[1]) << 10
                                   for n, pages in re.findall(r" N(\d+)=(\d+)", line)})
                for line in text.splitlines() if kind in line]

    def huge_bytes(self):
        """{node: bytes} of bondfwd's huge pages."""
        return {n: sum(found.get(n, 0) for _, found in self._pages("huge")) for n in NODES}

    def guest_bytes(self, node):
        """{node: bytes} of the guest's memory that bondfwd has used."""
        files = set(self._maps(f"vm{node}").values()) - {"0"}
        theirs = {start for start, inode in self._maps("bondfwd").items() if inode in files}
        return {n: sum(found.get(n, 0) for start, found in self._pages("memfd") if start in theirs)
                for n in NODES}

    def report(self):
        try:
            yield "memory nodes", self.vm.run_sh("/tools/bondctl -s /run/console show numa").output
            yield "events", self.vm.run_sh("/tools/bondctl -s /run/console show events").output
            for name in self.jobs:
                yield f"log of {name}", self.log(name)
        except (ChildGone, RigError) as error:
            yield "machine", str(error)
        yield "QEMU", self.vm.child.log()
