# SPDX-License-Identifier: BSD-3-Clause
"""A libvirtd of the test's own, and machines that it runs: guestrig's guests, started by virsh."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import threading

from bf import LIMIT, wait_for
from guestrig.process import RigError
from guestrig.vm import Vm

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "guides" / "libvirt.md"

# libvirt's folders are empty ones, for it and what it starts.
FOLDERS = ("/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt", "/run")

QEMU_CONF = """
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
dynamic_ownership = 0
stdio_handler = "file"
"""

DOMAIN = """
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>256</memory>
  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
  <vcpu current='1'>2</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{image.kernel}</kernel>
    <initrd>{image.initrd}</initrd>
    <cmdline>console=ttyS0 quiet guest={name} net.ifnames=0 random.trust_cpu=on tsc=reliable</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <serial type='file'><source path='{log}'/></serial>
    <channel type='unix'>
      <source mode='bind' path='{agent}'/><target type='virtio' name='agent'/>
    </channel>
    <controller type='pci' model='pcie-root'/>
    <controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/>
    <memballoon model='none'/>
    {nic}
  </devices>
  {no_vectors}
</domain>
"""

NIC = """
<interface type='vhostuser'>
  <mac address='{mac}'/>
  <source type='unix' path='{sock}' mode='{mode}'/>
  <model type='virtio'/>
  {driver}
  {place}
</interface>
"""


def of_guide(tag):
    """The guide's block of XML that begins with an element."""
    (found,) = re.findall(rf"^```xml\n(<{tag}\b.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return found


# QEMU 7.2 crashes in vhost-user with MSI-X under TCG: no vectors, for the card with the guide's alias, and for cards that
# are plugged in.
OVERRIDE = of_guide("qemu:override")
FOR_PLUGGED = of_guide("qemu:commandline")
ALIAS = re.search(r"`(<alias name='.*'/>)`", GUIDE.read_text(encoding="utf-8"))[1]
# What a machine's first card has.
FIRST = f"{ALIAS}<address type='pci' bus='0' slot='0x10'/>"


class Libvirt:
    """libvirtd, and virsh()."""

    def __init__(self, workdir):
        self.workdir = pathlib.Path(workdir)
        self.sock = self.workdir / "lv" / "libvirt-sock"
        self.log = self.workdir / "libvirtd.log"
        self.proc = None

    def __enter__(self):
        lines = [f"d={self.workdir}/lv && mkdir -p $d"]
        for folder in FOLDERS:
            lines.append(f"mkdir -p {folder} && mount -t tmpfs none {folder}")
        lines.append("mkdir -p /etc/libvirt/qemu /run/libvirt && cp $d/../qemu.conf /etc/libvirt/")
        lines.append("exec libvirtd -f $d/../libvirtd.conf -p $d/pid")
        (self.workdir / "qemu.conf").write_text(QEMU_CONF)
        (self.workdir / "libvirtd.conf").write_text(
            f'unix_sock_dir = "{self.sock.parent}"\nauth_unix_rw = "none"\nunix_sock_group = "root"\n')
        with open(self.log, "wb") as log:
            self.proc = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(lines)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        wait_for(lambda: self.sock.exists() or self.proc.poll() is not None, what="libvirtd")
        return self

    def __exit__(self, *_):
        for name in self.virsh("list --all --name").split():
            with contextlib.suppress(RigError):
                self.virsh(f"destroy {name}")
        self.proc.terminate()
        self.proc.wait(LIMIT)

    def virsh(self, words):
        """Run virsh; its output."""
        done = subprocess.run(
            ["virsh", "-q", "-c", f"qemu+unix:///system?socket={self.sock}", *words.split()],
            capture_output=True, text=True, timeout=LIMIT + 60, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RigError(f"virsh {words}: {done.stderr}\n{self.log.read_text()[-1500:]}")
        return done.stdout


class Domain(Vm):
    """A guest of guestrig's that libvirt runs."""

    def __init__(self, run, name, libvirt):
        super().__init__(run, name)
        self.libvirt = libvirt
        self.child = self  # what tells whether it runs

    def check_running(self):
        if self.libvirt.proc.poll() is not None:
            raise RigError(f"libvirtd ended: {self.libvirt.log.read_text()[-1000:]}")

    def nic_xml(self, sock, mac, mode="server", queues=1, place=FIRST):
        driver = f"<driver queues='{queues}'/>" if queues > 1 else ""
        return NIC.format(sock=sock, mac=mac, mode=mode, driver=driver, place=place)

    def file(self, name, text):
        path = pathlib.Path(self.run.path(name))
        path.write_text(text)
        return path

    def define(self, nic, no_vectors=OVERRIDE):
        xml = DOMAIN.format(name=self.name, image=self.image, nic=nic, agent=self.run.path("agent"),
                            no_vectors=no_vectors, log=self.run.path(f"{self.name}-console.log"))
        self.libvirt.virsh(f"define {self.file('domain.xml', xml)}")
        return self

    def power_on(self):
        self.libvirt.virsh(f"start {self.name}")
        return self.listen()

    def listen(self):
        """Talk to the guest's agent, after a start or a restore."""
        self._agent = socket.socket(socket.AF_UNIX)
        self._agent.connect(self.run.path("agent"))
        threading.Thread(target=self._read, args=(self._agent,), daemon=True).start()
        return self
