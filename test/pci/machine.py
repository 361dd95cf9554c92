# SPDX-License-Identifier: BSD-3-Clause
"""
A machine with real PCI cards, emulated, and bondfwd in it.

QEMU's q35 with an IOMMU; the cards are e1000e (Intel 82574), vmxnet3 or virtio-net-pci, bound to vfio-pci, so that
DPDK's own drivers for them run, with their interrupts. A wire is a pair of UDP sockets on loopback;
a cable is pulled by QMP's set_link.
"""

import glob
import json
import os
import re
import shutil
import socket
import subprocess
import time

from guestrig import image as images
from guestrig.backend import program
from guestrig.process import RigError, wait_until
from guestrig.vm import Vm

MEMORY_MIB = 1536
HUGE_PAGES = 384
MODULES = ("vfio-pci", "vfio_iommu_type1", "tun")
# What DPDK's tool for binding is made of; it reads the list of lspci.
DEVBIND = "/usr/bin/dpdk-devbind.py"
PCI_NAMES = "/usr/share/misc/pci.ids"
# Drivers that bondfwd loads when it starts, as DPDK's packages name them.
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_bond", "net_e1000", "net_ring", "net_virtio",
           "net_vmxnet3")


class Card:
    """One NIC of the machine, and the far end of its wire."""

    def __init__(self, model, mac):
        self.model, self.mac = model, mac
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.wire.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            self.there = other.getsockname()

    def arguments(self, index, _accel):
        here, there = self.wire.getsockname()[1], self.there[1]
        more = ",disable-legacy=on,iommu_platform=on" if "virtio" in self.model else ""
        return ["-netdev", f"socket,id=net{index},udp=127.0.0.1:{here},localaddr=127.0.0.1:{there}",
                "-device", f"{self.model},netdev=net{index},id=dev{index},mac={self.mac},"
                f"addr=0x1{index:x},romfile={more}"]

    def send(self, frame):
        self.wire.sendto(frame, self.there)

    def frames(self, seconds):
        """What comes over the wire in that time."""
        until = time.monotonic() + seconds
        got = []
        while (left := until - time.monotonic()) > 0:
            self.wire.settimeout(left)
            try:
                got.append(self.wire.recv(65536))
            except TimeoutError:
                break
        return got


def _needed(path, names):
    """The program's libraries, and those of the drivers."""
    folder = glob.glob("/usr/lib/*/dpdk/pmds-*")
    if not folder:
        raise RigError("no drivers of DPDK are installed (scripts/install-deps run)")
    drivers = [p for name in names for p in glob.glob(f"{folder[0]}/librte_{name}.so.*")]
    found = {*drivers, *glob.glob("/usr/lib/*/libgcc_s.so.1")}  # what ends a thread needs that
    for binary in [path, *drivers]:
        listing = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        found.update(re.findall(r"(/\S+) \(0x", listing))
    return sorted(found)


def _copy(root, path):
    """A file under its one name (/lib is /usr/lib) and with the links to it: a driver is loaded once."""
    path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    target = root + path
    if os.path.lexists(target):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(path, target, follow_symlinks=False)
    if os.path.islink(path):
        _copy(root, os.path.join(os.path.dirname(path), os.readlink(path)))


def _fill(root, base, tools):
    """bondfwd and the tools with all they load, and the modules of vfio, as paths below root."""
    os.makedirs(root + "/tools")
    for source in (program("bondfwd"), program("bondctl"), *tools):
        shutil.copy(source, f"{root}/tools/{os.path.basename(source)}")
        for path in _needed(source, DRIVERS if source == program("bondfwd") else ()):
            _copy(root, path)
    tree = os.path.dirname(os.path.dirname(base.kernel))
    os.makedirs(root + "/lib/modules")
    for name in MODULES:
        files = images._module_files(tree, base.version, name)
        for path in files:
            images._copy_module(path, root + "/lib/modules")
        with open(f"{root}/lib/modules/{name}.list", "w", encoding="ascii") as file:
            file.write("".join(f"{images._module_name(path)}\n" for path in files))


def _add_devbind(root, version):
    """DPDK's tool for binding as it is, as much of Python as it imports, and the indexes that lspci reads."""
    with open(DEVBIND, encoding="utf-8") as script:
        imports = "".join(line for line in script if re.match(r"(import|from) ", line))
    asked = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-c", imports + """
import encodings.utf_8, encodings.ascii, locale, os, sys
print(os.path.realpath(sys.executable))
print(*(m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)), sep="\\n")"""],
        capture_output=True, text=True, check=True).stdout.split()
    for path in (*asked, *_needed(asked[0], ()), PCI_NAMES):
        _copy(root, path)
    os.makedirs(f"{os.path.dirname(root + os.__file__)}/lib-dynload", exist_ok=True)
    os.makedirs(f"{root}/lib/modules/{version}")
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        open(f"{root}/lib/modules/{version}/{name}", "w", encoding="ascii").close()
    subprocess.run(["/sbin/depmod", "-b", root, version], check=True)
    os.symlink(asked[0], root + "/tools/python3")
    with open(root + "/tools/dpdk-devbind.py", "w", encoding="ascii") as starter:
        starter.write("#!/bin/sh\nexec /tools/python3 -I -S /tools/devbind \"$@\"\n")
    os.chmod(root + "/tools/dpdk-devbind.py", 0o755)
    shutil.copy(DEVBIND, root + "/tools/devbind")


def build_image(run, tools=(), devbind=False):
    """
    The guests' image, with an archive of ours behind it: the kernel unpacks both.

    tools: more programs for /tools, by their paths.
    """
    base = images.image()
    root = run.path("root")
    _fill(root, base, tools)
    if devbind:
        _add_devbind(root, base.version)
    path = run.path("initramfs.cpio")
    with open(base.initrd, "rb") as first, open(path, "wb") as out:
        shutil.copyfileobj(first, out)
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        out.write(subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=root,
                                 input=names, stdout=subprocess.PIPE, check=True).stdout)
    return images.Image(base.kernel, path, base.version)


class Machine:
    """model: that of all cards, or of one after the other, as in e1000e+vmxnet3; such a machine has dpdk-devbind.py."""

    def __init__(self, run, model, n_cards):
        self.wanted = (model, n_cards)
        models = model.split("+")
        self.cards = [Card(models[i % len(models)], f"02:00:00:00:0a:{i + 1:02x}") for i in range(n_cards)]
        run.at_end += [card.wire.close for card in self.cards]
        self.devices = [f"0000:00:1{i}.0" for i in range(n_cards)]
        self.vm = Vm(run, "pci", self.cards, cpus=2, memory_mib=MEMORY_MIB, accel="tcg",
                     image=build_image(run, *((["/usr/bin/lspci"], True) if len(models) > 1 else ())),
                     machine="kernel-irqchip=off",
                     devices=["-device", "intel-iommu,intremap=off,caching-mode=on"],
                     boot_words="intel_iommu=on iommu=pt")
        self.job = None
        self.n_starts = 0

    def boot(self):
        self.vm.start(limit_s=3600).wait_booted(120)
        self.reserve()
        self.vm.sh("""
            mkdir -p /dev/hugepages /dev/shm /var/run && mount -t hugetlbfs none /dev/hugepages &&
            mount -t tmpfs none /dev/shm
            load vfio_iommu_type1 allow_unsafe_interrupts=1 && load vfio-pci && load tun""", 60)
        for device in self.devices:
            self.vm.sh(f"""cd /sys/bus/pci/devices/{device} && echo vfio-pci >driver_override
                [ ! -e driver ] || echo {device} >driver/unbind
                echo {device} >/sys/bus/pci/drivers/vfio-pci/bind""")
        return self

    def reserve(self, pages=HUGE_PAGES):
        """Huge pages; those of a bondfwd that has ended are free."""
        self.vm.sh(f"rm -f /dev/hugepages/*; echo {pages} >/proc/sys/vm/nr_hugepages; "
                   f"[ $(cat /proc/sys/vm/nr_hugepages) = {pages} ]", 60)

    def devbind(self, words):
        return self.vm.read(f"PATH=/tools:$PATH dpdk-devbind.py {words}", 120)

    def start(self, bond, members=2, more=()):
        """bondfwd over the first cards, and members of these names besides; all cables are in."""
        self.stop()
        for index in range(len(self.cards)):
            self.cable(index, True)
        self.n_starts += 1
        words = ["name=bond0", *bond.split(","), *(f"member={d}" for d in (*self.devices[:members], *more))]
        allowed = " ".join(f"-a {device}" for device in dict.fromkeys([*self.devices, *more]))
        self.job = self.vm.start_job(
            f"echo $$ >/run/pid; exec /tools/bondfwd -l 0,1 -m 512 --no-telemetry {allowed} -- "
            f"--profile trusted --console /run/console --bond {','.join(words)} >/run/log.{self.n_starts} 2>&1", 3600)
        wait_until("bondfwd answers", 90, self._answers)
        wait_until("links up", 30, lambda: all(m["link"] or m["missing"] for m in self.members().values()))

    def _answers(self):
        if self.job.done():
            job, self.job = self.job, None  # the next test starts it anew
            raise AssertionError(f"{job.wait(check=False)}: {self.log()}")
        return bool(self.members())

    def stop(self):
        """End bondfwd; it must end well."""
        if not self.job:
            return
        job, self.job = self.job, None
        self.vm.sh("kill $(cat /run/pid)")
        result = job.wait(check=False)
        assert result.status == 0, self.log()

    def ctl(self, words, as_json=False):
        option = "--json " if as_json else ""
        text = self.vm.read(f"/tools/bondctl -s /run/console {option}{words}")
        return json.loads(text) if as_json else text

    def members(self):
        found = self.ctl("show bonding config bond0", as_json=True)["member_details"]
        return {m["name"]: m for m in found}

    def link(self, index):
        return self.members()[self.devices[index]]["link"]

    def events(self, name):
        return [e for e in self.ctl("show events", as_json=True) if e["what"] == name]

    def cable(self, index, up):
        self.vm.set_link(index, up)

    def seconds_to(self, index, up, limit_s=10):
        """Move a cable, and say how long it took to be noticed."""
        self.cable(index, up)
        began = time.monotonic()
        wait_until(f"cable {index} {'in' if up else 'out'}: noticed", limit_s,
                   lambda: self.link(index) == up)
        return time.monotonic() - began

    def log(self):
        return self.vm.run_sh(f"cat /run/log.{self.n_starts}").output

    def report(self):
        try:
            yield "log of bondfwd", self.log()
            yield "bond", self.ctl("show bonding config bond0")
            yield "events", self.ctl("show events")
        except RigError as error:
            yield "machine", str(error)
