# SPDX-License-Identifier: BSD-3-Clause
"""
Laboratories of the kernel's own tests: one User Mode Linux whose root is a Debian in a folder (hostfs). Its kernel
holds the hosts; what the tests take for the switch is made by the commands of the shim, which ask us over a serial
line.

BridgeLab: the hosts h1, h2, ... are network cards on guest ports, the switch ports swp1, ... are names that only the
shim knows. BondLab: one guest, which stands for the bond, and cables from bondfwd's members to the guest's kernel.
"""

import ctypes
import os
import pty
import shlex
import socket
import subprocess
import threading
import tty

from bonds import Bonds
from guestrig.backend import Bondfwd, GuestPort
from guestrig.process import wait_until
from guestrig.uml import Uml, start_of_command
from switch import Switch

N_PORTS = 3
N_CABLES = 3
PACKET_IGNORE_OUTGOING = 23  # linux/if_packet.h
SOL_PACKET = 263
ETH_P_ALL = 3
CLONE_NEWNET = 0x40000000

# What the guest's first shell is told; @FOLDER@ has the shim's commands.
INIT = """export PATH=/mnt:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 TERM=dumb
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp; mount -t tmpfs run /run; mount -t cgroup2 none /sys/fs/cgroup
mount -t hostfs none /mnt -o @FOLDER@
for module in ipv6 virtio_net 8021q vrf bridge macvlan ipvlan dummy veth \\
    sch_ingress cls_flower act_gact act_mirred cls_matchall; do modprobe $module; done
echo 1 >/proc/sys/kernel/printk
ip link set lo up
number=0
for name in @NAMES@; do ip link set eth$number name $name; number=$((number + 1)); done
for number in 0 1 2; do [ ! -e /sys/class/net/vec$number ] || ip link set vec$number name cable$number; done
exec 9<>/dev/ttyS0; stty -F /dev/ttyS0 raw -echo
echo "@@"0"@@" 0
while :; do PS1= sh; done
"""

# A command that is ours goes to us, everything else is the kernel's: in a laboratory of bridges what names a switch
# port or a bridge, in one of bonds each `ip`, because there all names are the test's. Status -1: the kernel does it,
# by the script that we answer, in the first namespace, or as it was called.
SHIM = """#!/bin/bash
name=${0##*/}
real=/usr/sbin:/usr/bin:/sbin:/bin
ours= space=
if [ "$SHIM" = bonds ]; then
    [ "$name" = ip ] && [ "$1 $2" != "netns exec" ] && ours=yes
    [ /proc/self/ns/net -ef /proc/1/ns/net ] || space=$(/usr/sbin/ip netns identify $$)
else
    [ "$name" = bridge ] && ours=yes
    for word; do
        case $word in
        swp[0-9]* | br[0-9]*) ours=yes ;;
        esac
    done
fi
if [ -n "$ours" ]; then
    exec 8>/tmp/shim.lock 9<>/dev/ttyS0
    flock 8
    printf '%q ' "$space" "$name" "$@" >&9
    echo >&9
    IFS=$'\\x1f' read -r status out err <&9
    exec 8>&- 9>&-
    if [ "$status" -ge 0 ]; then
        printf %b "$out"
        printf %b "$err" >&2
        exit "$status"
    fi
    printf -v out %b "$out"
    [ -z "$out" ] || PATH=$real exec nsenter --net=/proc/1/ns/net bash -c "$out"
fi
exec "$(PATH=$real command -v "$name")" "$@"
"""
COMMANDS = ("bridge", "ip", "tc")


class Hosts(Uml):
    """
    The guest. cards: name of each network card, and the socket that it is connected to. cables: packet sockets that
    are cable0, cable1, ... in the guest. answer(space, words) is called for each command of the shim, with the network
    namespace that it was called in: (status, output, errors).
    """

    def __init__(self, run, root, cards, answer, cables=()):
        super().__init__(run, "hosts", None, 1)
        self.root = root
        self.cards = cards
        self.answer = answer
        self.cables = cables

    def start(self, limit_s=3600):
        folder, shim = self.run.path("hosts-uml"), self.run.path("shim")
        os.makedirs(folder)
        os.makedirs(shim)
        for name in COMMANDS:
            with open(f"{shim}/{name}", "w", encoding="ascii") as file:
                file.write(SHIM)
            os.chmod(f"{shim}/{name}", 0o755)
        line, far = pty.openpty()
        tty.setraw(line)
        tty.setraw(far)
        threading.Thread(target=self._serve, args=(os.fdopen(line, "rb+", buffering=0),), daemon=True).start()
        self.child = self.run.spawn(self.name, [
            *start_of_command(), "mem=512M", "root=/dev/root", "rootfstype=hostfs", f"rootflags={self.root}", "rw",
            "quiet", "init=/bin/sh", "con0=fd:0,fd:1", "con=null", f"ssl0=tty:{os.ttyname(far)}", "ssl=null",
            "console=tty0", f"uml_dir={folder}", f"umid={self.name}",
            *[f"virtio_uml.device={sock}:1" for sock in self.cards.values()],
            *[f"vec{i}:transport=fd,fd={cable.fileno()},vec=0" for i, cable in enumerate(self.cables)]],
            limit_s=limit_s, pass_fds=[cable.fileno() for cable in self.cables])
        self.run.at_end.append(self._end)
        # What is written earlier gets lost.
        wait_until("hosts: the first prompt", 90, lambda: self.child.log().endswith("# "))
        init = INIT.replace("@FOLDER@", shim).replace("@NAMES@", " ".join(self.cards))
        self.child.process.stdin.write(init.encode())
        self.child.process.stdin.flush()
        return self

    def _serve(self, line):
        pending = b""
        while True:
            pending += line.read(4096)
            *lines, pending = pending.split(b"\n")
            for text in lines:
                space, *words = shlex.split(text.decode())
                status, *texts = self.answer(space, words)
                texts = [said.replace("\\", "\\\\").replace("\n", "\\n") for said in texts]
                line.write("\x1f".join([str(status), *texts]).encode() + b"\n")


class Lab:
    """bondfwd, what stands for it in the words of iproute2 (switch), and the hosts."""

    env = ""
    SHOW = (("show", "events"), ("show", "drops"))

    def start(self):
        self.backend.ctl("set", "lcore", "idle", "sleep")
        self.hosts.start(self.limit_s).wait_booted()
        return self

    def refused(self):
        return [f"{' '.join(words)}: {why}" for words, why in self.switch.log if why]

    def asked(self):
        return [self.backend.ctl(*words) for words in self.SHOW]

    def end(self):
        wait_until("every frame is sent or counted as dropped", 10, lambda: self.backend.in_flight() == 0)
        assert self.backend.stop() == 0, "bondfwd: exit status after SIGTERM"


class BridgeLab(Lab):
    def __init__(self, run, root, _, limit_s):
        self.limit_s = limit_s
        ports = [GuestPort(f"swp{i}", run.path(f"swp{i}.sock"), mode="server", admin="down", queues=1)
                 for i in range(1, N_PORTS + 1)]
        self.backend = Bondfwd(run, [run.path("far0.sock"), run.path("far1.sock")], ports, {"mode": "active-backup"})
        self.backend.start(limit_s=limit_s).wait_ready()
        # Two bonds, for two bridges; nobody is at the other ends of their cables.
        self.backend.ctl("remove", "bonding", "member", "net_vhost1", "bond0")
        self.backend.ctl("create", "bonding", "device", "active-backup", "0", "bond1")
        self.backend.ctl("add", "bonding", "member", "net_vhost1", "bond1")
        self.switch = Switch(self.backend, [port.name for port in ports], ["bond0", "bond1"])
        self.hosts = Hosts(run, root, {f"h{i}": port.sock for i, port in enumerate(ports, 1)}, self.switch.answer)


class TapBondfwd(Bondfwd):
    """Its devices are interfaces of this host's kernel, in a namespace of their own. No member yet."""

    def __init__(self, run, space, names, guests):
        super().__init__(run, [], guests, {"mode": "active-backup"})
        self.space = space
        self.names = names

    def _eal(self):
        return super()._eal() + [word for i, name in enumerate(self.names)
                                 for word in ("--vdev", f"net_tap{i},iface={name}")]

    def command(self):
        return ["ip", "netns", "exec", self.space, *super().command()]


def relay(source, sink):
    """Frames from one socket to another; what cannot go is lost, as on a cable that is pulled."""
    while True:
        try:
            frame = source.recv(65535)
        except OSError:
            continue  # the interface went down
        try:
            sink.send(frame)
        except OSError:
            pass


def packet_sockets(space, names):
    """A socket for each of the interfaces, by which their frames come and go."""
    made = []

    def make():
        # The namespace is that of this thread, which ends.
        with open(f"/run/netns/{space}", "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                return
        for name in names:
            packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            packets.bind((name, ETH_P_ALL))
            made.append(packets)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert len(made) == len(names), f"{space}: not entered"
    ends = []
    for packets in made:
        # User Mode Linux gives a cable up whose socket has failed once: it gets one that never does.
        end, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        end.setblocking(False)
        for pair in ((packets, ours), (ours, packets)):
            threading.Thread(target=relay, args=pair, daemon=True).start()
        ends.append(end)
    return ends


class BondLab(Lab):
    env = "SHIM=bonds"

    def __init__(self, run, root, file, limit_s):
        self.limit_s = limit_s
        self.space = f"selftests-{os.getpid()}"
        self._ip("netns", "add", self.space)
        run.at_end.append(lambda: self._ip("netns", "del", self.space))
        self._ip("netns", "exec", self.space, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        names = [f"cable{i}" for i in range(N_CABLES)]
        port = GuestPort("vm0", run.path("vm0.sock"), mode="server", queues=1)
        self.backend = TapBondfwd(run, self.space, names, [port])
        self.backend.start(limit_s=limit_s).wait_ready()
        for i in range(N_CABLES):
            self._pull(i, False)
        self.switch = Bonds(self.backend, N_CABLES, file.members, self._pull)
        self.hosts = Hosts(run, root, {"vm0": port.sock}, self.switch.answer, packet_sockets(self.space, names))

    @staticmethod
    def _ip(*words):
        subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)

    def _pull(self, number, on):
        self._ip("-n", self.space, "link", "set", f"cable{number}", "up" if on else "down")
