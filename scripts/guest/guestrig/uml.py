# SPDX-License-Identifier: BSD-3-Clause
"""
User Mode Linux: a Linux kernel as a process, which is its own vhost-user front end (virtio_uml) and up
in a second.

It has no device model: its network driver asks the back end for everything, and it loses its
network card for good when the back end goes.
"""

import contextlib
import fcntl
import glob
import os
import shutil
import signal
import subprocess
import tempfile

from .image import cache_folder
from .process import RigError, wait_until

# In the order in which they need each other.
MODULES = ["crc-ccitt", "ipv6", "failover", "net_failover", "virtio_net", "llc", "stp", "garp", "mrp",
           "8021q"]
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
echo 1 >/proc/sys/kernel/printk
ip link set lo up
echo @@0@@ 0
while :; do PS1= sh; done
"""


def initramfs():
    """busybox and network modules, as a compressed cpio archive; made once for each set of them."""
    kernels = sorted(glob.glob("/usr/lib/uml/modules/*"))
    if not kernels:
        raise RigError("user-mode-linux is not installed (scripts/install-deps guest)")
    os.makedirs(cache_folder(), exist_ok=True)
    path = os.path.join(cache_folder(),
                        f"uml-{os.path.basename(kernels[-1])}-{'-'.join(MODULES)}.cpio.gz")
    with open(os.path.join(cache_folder(), "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            _make_initramfs(kernels[-1], path)
    return path


def _make_initramfs(kernel, path):
    with tempfile.TemporaryDirectory() as root:
        for folder in ("bin", "proc", "sys", "dev", "modules"):
            os.mkdir(os.path.join(root, folder))
        shutil.copy("/bin/busybox", os.path.join(root, "bin"))
        for number, name in enumerate(MODULES):
            for found in glob.glob(f"{kernel}/kernel/**/{name}.ko", recursive=True):
                shutil.copy(found, os.path.join(root, "modules", f"{number:02}-{name}.ko"))
        # The kernel's console is opened before devtmpfs is there.
        for name, major, minor in (("console", 5, 1), ("null", 1, 3), ("tty0", 4, 0)):
            os.mknod(os.path.join(root, "dev", name), 0o20600, os.makedev(major, minor))
        init = os.path.join(root, "init")
        with open(init, "w", encoding="ascii") as file:
            file.write(INIT)
        os.chmod(init, 0o755)
        subprocess.run(f"find . | cpio -o -H newc --quiet | gzip -1 >{path}.new", shell=True, cwd=root,
                       check=True, stdin=subprocess.DEVNULL)
        os.rename(f"{path}.new", path)


def has_amx():
    """Then the kernel's programs have to do without AVX: see plain_fpu.py."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return " amx_tile" in file.read()


def start_of_command():
    if not has_amx():
        return ["linux.uml"]
    return ["/usr/bin/python3", os.path.join(os.path.dirname(__file__), "plain_fpu.py"), "linux.uml",
            "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load"]


class Uml:
    """A User Mode Linux with one network card, eth0, on a vhost-user socket that somebody serves."""

    def __init__(self, run, name, sock, number):
        self.run = run
        self.name = name
        self.sock = sock
        self.ip = f"10.67.0.{number}"
        self.ip6 = f"fd67::{number}"
        self.mac = f"52:54:00:67:00:{number:02x}"
        self.child = None
        self._commands = 0

    def start(self, limit_s=600):
        folder = self.run.path(f"{self.name}-uml")
        os.makedirs(folder, exist_ok=True)
        self.child = self.run.spawn(self.name, [
            *start_of_command(), "mem=256M", f"initrd={initramfs()}", "root=/dev/ram0", "rw", "quiet",
            "con0=fd:0,fd:1", "con=null", "ssl=null", "console=tty0", f"uml_dir={folder}",
            f"umid={self.name}", f"virtio_uml.device={self.sock}:1"], limit_s=limit_s)
        self.run.at_end.append(self._end)
        return self

    def _end(self):
        """It is several processes, which do not end with the first."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)

    def sh(self, command, limit_s=30):
        """Run a command; returns what it wrote, raises RigError when it failed."""
        self._commands += 1
        # Not as it would be echoed, so that only the shell's own output has the mark.
        self.child.process.stdin.write(
            f"{command}\necho \"@@\"{self._commands}\"@@\" $?\n".encode())
        self.child.process.stdin.flush()
        head, status = self._answer(command, limit_s)
        said = head.rpartition(f"@@{self._commands - 1}@@")[2].replace("\r", "")
        if status != "0":
            raise RigError(f"{self.name}: {command}: status {status}: {said.strip()[-300:]}")
        return said

    def _answer(self, what, limit_s):
        def answer():
            self.child.check_running()
            head, found, tail = self.child.log().rpartition(f"@@{self._commands}@@")
            return (head, tail.split()[0]) if found and tail.split() else None
        return wait_until(f"{self.name}: {what}", limit_s, answer)

    def wait_booted(self, limit_s=90):
        self._answer("boot", limit_s)
        return self

    def configure(self):
        self.sh("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; "
                f"ip link set eth0 address {self.mac} && ip link set eth0 up && "
                f"ip addr add {self.ip}/24 dev eth0 && ip addr add {self.ip6}/64 dev eth0")
        return self

    def reaches(self, other):
        self.reaches_ip(other.ip)

    def reaches_ip(self, ip):
        """One answer to one of a few pings is enough."""
        self.sh(f"ping -c 3 -W 2 {ip} || ping -c 3 -W 2 {ip}")
