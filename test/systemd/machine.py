# SPDX-License-Identifier: BSD-3-Clause
"""
A bare Debian 12 with systemd in QEMU, and commands in it.

The disk is made from a directory (BONDFWD_SYSTEM) that the suite filled; kernel and initramfs are taken out of it. The
one thing in it that Debian does not have is a service that runs what comes through a virtio port.

Threads: everything from one.
"""

import base64
import glob
import os
import shutil
import socket
import subprocess
import time

from guestrig.process import RigError, wait_until
from guestrig.vm import CPU, QEMU, accelerator

MEMORY_MIB = 2048
# A card behind an IOMMU, and where its cable ends: a card that the kernel of the same machine has.
CARD, FAR_MAC = "0000:00:10.0", "02:00:00:00:0b:01"
IOMMU = ("-device", "intel-iommu,intremap=off,caching-mode=on")
CARDS = ("-netdev", "hubport,id=near,hubid=0", "-device", "e1000e,netdev=near,mac=02:00:00:00:0a:01,addr=0x10,romfile=",
         "-netdev", "hubport,id=far,hubid=0", "-device", f"virtio-net-pci,netdev=far,mac={FAR_MAC},addr=0x11,romfile=")
DISK = "4G"
PORT = "/dev/virtio-ports/agent"
# Says at its start which boot it is; then each line is "NUMBER BASE64", its answer "NUMBER STATUS BASE64".
AGENT = f"""#!/bin/bash
until [ -e {PORT} ]; do sleep 0.2; done
exec 3<>{PORT}
echo "boot $(cat /proc/sys/kernel/random/boot_id)" >&3
while read -r number command <&3; do
    text=$(bash -c "$(base64 -d <<<"$command")" 2>&1 </dev/null 3>&-)
    echo "$number $? $(base64 -w 0 <<<"$text")" >&3
done
"""
UNIT = f"""[Unit]
Description=Commands from outside
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/local/sbin/agent
KillMode=process
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""


def add_agent(root):
    """Into the directory that becomes the disk."""
    for path, text, mode in (("usr/local/sbin/agent", AGENT, 0o755), ("etc/systemd/system/agent.service", UNIT, 0o644)):
        with open(os.path.join(root, path), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(os.path.join(root, path), mode)
    wants = os.path.join(root, "etc/systemd/system/multi-user.target.wants")
    os.makedirs(wants, exist_ok=True)
    link = os.path.join(wants, "agent.service")
    if not os.path.lexists(link):
        os.symlink("/etc/systemd/system/agent.service", link)


def make_disk(run, root):
    """(kernel, initramfs, disk) as paths."""
    add_agent(root)
    kernel, initrd = (max(glob.glob(f"{root}/boot/{name}-*")) for name in ("vmlinuz", "initrd.img"))
    disk = run.path("disk")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, disk, DISK], check=True)
    for path in (kernel, initrd):
        shutil.copy(path, run.path(os.path.basename(path)))
    return run.path(os.path.basename(kernel)), run.path(os.path.basename(initrd)), disk


class Machine:
    """start() it, sh() in it; it may reboot as often as it likes."""

    def __init__(self, run, root):
        self.run = run
        self.kernel, self.initrd, self.disk = make_disk(run, root)
        self.child, self.agent = None, None
        self.buffer = b""
        self.boots = []
        self.number = 0

    def start(self, limit_s=3600):
        accel = accelerator()
        self.agent, its = socket.socketpair()
        self.child = self.run.spawn("machine-qemu", [
            QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-accel", accel,
            "-cpu", CPU[accel], "-smp", "2", "-m", str(MEMORY_MIB),
            "-kernel", self.kernel, "-initrd", self.initrd,
            "-append", "root=/dev/vda rw console=ttyS0 quiet random.trust_cpu=on tsc=reliable mitigations=off "
            "intel_iommu=on systemd.mask=serial-getty@ttyS0.service systemd.mask=getty@tty1.service",
            *IOMMU, *CARDS,
            "-drive", f"file={self.disk},format=raw,if=virtio,cache=unsafe",
            "-serial", f"file:{self.run.path('machine-console.log')}",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,fd={its.fileno()}",
            "-device", "virtserialport,chardev=agent,name=agent"], limit_s=limit_s, pass_fds=(its.fileno(),))
        its.close()
        return self

    def line(self, limit_s):
        """The next line from the machine, or None."""
        deadline = time.monotonic() + limit_s
        while b"\n" not in self.buffer:
            self.child.check_running()
            self.agent.settimeout(1)
            try:
                got = self.agent.recv(1 << 20)
            except TimeoutError:
                got = b""
            self.buffer += got
            if time.monotonic() > deadline:
                return None
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode(errors="replace").strip()

    def wait_booted(self, boots=1, limit_s=1200):
        """Wait until the agent has come up that many times."""
        deadline = time.monotonic() + limit_s
        while len(self.boots) < boots:
            line = self.line(max(0, deadline - time.monotonic()))
            if line is None:
                raise RigError(f"boot {boots}: not within {limit_s} s")
            self.heed(line)
        return self

    def heed(self, line):
        """Of what is no answer: the agent's word that it has come up in a boot that is new."""
        words = line.split()
        if len(words) == 2 and words[0] == "boot" and words[1] not in self.boots:
            self.boots.append(words[1])

    def run_sh(self, command, limit_s=120):
        """(status, output) of a shell command."""
        self.number += 1
        text = f"{self.number} {base64.b64encode(command.encode()).decode()}\n"
        self.agent.sendall(text.encode())
        deadline = time.monotonic() + limit_s
        while (line := self.line(max(0, deadline - time.monotonic()))) is not None:
            words = line.split()
            if words and words[0] == str(self.number):
                return int(words[1]), base64.b64decode(words[2]).decode(errors="replace").strip()
            self.heed(line)
        raise RigError(f"{command!r}: no answer in {limit_s} s")

    def sh(self, command, limit_s=120):
        """The output; a status that is not 0 is an error."""
        status, output = self.run_sh(command, limit_s)
        if status != 0:
            raise RigError(f"{command!r}: status {status}: {output[-3000:]}")
        return output

    def reboot(self):
        boots = len(self.boots)
        self.agent.sendall(f"0 {base64.b64encode(b'systemctl reboot').decode()}\n".encode())
        return self.wait_booted(boots + 1)

    # What the tests ask systemd.

    def show(self, what, unit="bondfwd"):
        return self.sh(f"systemctl show --value -p {what} {unit}")

    def wait(self, what, command, limit_s=120):
        """Until a command succeeds; its output."""
        def done():
            status, output = self.run_sh(command)
            return (output or "-") if status == 0 else None
        return wait_until(what, limit_s, done, every_s=0.5)
