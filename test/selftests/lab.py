# SPDX-License-Identifier: BSD-3-Clause
"""
The laboratory of the kernel's own tests: one User Mode Linux whose root is a Debian in a folder (hostfs), with a
network card on each of several guest ports. Its kernel holds the hosts h1, h2, ...; the switch ports swp1, ... are
names that only the commands of shim/ know, which ask us over a serial line.
"""

import base64
import os
import pty
import threading
import tty

from guestrig.uml import Uml

INIT = """#!/bin/sh
export PATH=/shim:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp; mount -t tmpfs run /run
for module in ipv6 virtio_net 8021q vrf dummy veth sch_ingress cls_flower act_gact act_mirred cls_matchall; do
    modprobe $module
done
echo 1 >/proc/sys/kernel/printk
ip link set lo up
number=0
while [ -e /sys/class/net/eth$number ]; do
    number=$((number + 1))
    ip link set eth$((number - 1)) name h$number
done
exec 9<>/dev/ttyS0
stty -F /dev/ttyS0 raw -echo
echo @@0@@ 0
while :; do PS1= sh; done
"""

# A command that names a switch port or a bridge is the switch's, everything else is the kernel's.
SHIM = """#!/bin/bash
for word; do
    case $word in
    swp[0-9]* | br[0-9]*)
        exec 8>/tmp/shim.lock 9<>/dev/ttyS0
        flock 8
        printf '%s\\0' "${0##*/}" "$@" | base64 -w0 >&9
        echo >&9
        read -r status out err <&9
        base64 -d <<<"${out#.}"
        base64 -d <<<"${err#.}" >&2
        exit "$status"
        ;;
    esac
done
exec "$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "${0##*/}")" "$@"
"""
COMMANDS = ("ip", "bridge")


def install(root):
    """What the guest needs beside Debian's files."""
    os.makedirs(f"{root}/shim", exist_ok=True)
    for path, text in [(f"{root}/shim/{name}", SHIM) for name in COMMANDS] + [(f"{root}/rig-init", INIT)]:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o755)


class Hosts(Uml):
    """The guest; answer(words) is called for each command of the shim: (status, output, errors)."""

    def __init__(self, run, root, ports, answer):
        super().__init__(run, "hosts", None, 1)
        self.root = root
        self.ports = ports
        self.answer = answer

    def start(self, limit_s=3600):
        folder = self.run.path("hosts-uml")
        os.makedirs(folder, exist_ok=True)
        line, far = pty.openpty()
        tty.setraw(line)
        tty.setraw(far)
        threading.Thread(target=self._serve, args=(os.fdopen(line, "rb+", buffering=0),), daemon=True).start()
        self.child = self.run.spawn(self.name, [
            "linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs", f"rootflags={self.root}", "rw", "quiet",
            "init=/rig-init", "con0=fd:0,fd:1", "con=null", f"ssl0=tty:{os.ttyname(far)}", "ssl=null",
            "console=tty0", f"uml_dir={folder}", f"umid={self.name}",
            *[f"virtio_uml.device={port.sock}:1" for port in self.ports]], limit_s=limit_s)
        self.run.at_end.append(self._end)
        return self

    def _serve(self, line):
        pending = b""
        while True:
            pending += line.read(4096)
            *lines, pending = pending.split(b"\n")
            for text in lines:
                words = base64.b64decode(text).decode().rstrip("\0").split("\0")
                status, *texts = self.answer(words)
                coded = " ".join("." + base64.b64encode(t.encode()).decode() for t in texts)
                line.write(f"{status} {coded}\n".encode())
