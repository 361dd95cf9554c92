# SPDX-License-Identifier: BSD-3-Clause
"""What an operator pastes to start a guest: options of QEMU, and libvirt's XML."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as Xml

import pytest

from bf import CtlError, guest_mac, wait_for

VM1 = guest_mac(1)
QEMU = os.environ.get("BONDFWD_QEMU") or "qemu-system-x86_64"
LISTS = [("mac=auto,00:00:5e:00:01/40", True), (f"mac=00:00:5e:00:01/40,{VM1}", True), ("queues=1", False)]


def words(text, option):
    """The values of an option of QEMU in a text, as pairs."""
    found = re.findall(rf"^-{option} '?([^'\s]*)'?(?: \\)?$", text, re.MULTILINE)
    return [dict(re.findall(r"(?:^|,)([^=,]+)=?((?:[^,]|,,)*)", f)) for f in found]


def add(r, options):
    """A guest, vm9, whose machine was not started yet."""
    socket = f"{r.workdir}/vm9.sock"
    r.daemon.ctl(f"add guest vm9 socket={socket},{options}")
    return socket


class Machine:
    """QEMU, not running its guest, with the words that were printed, as a shell reads them."""

    def __init__(self, text):
        comments = [x for x in text.splitlines() if x.startswith("#")]
        pasted = [x for x in text.splitlines() if not x.startswith("#")]
        assert comments and pasted
        # the size is the operator's; a card without code of its own needs no file of QEMU's
        line = "\n".join(pasted).replace("4G", "64M").rstrip() + ",romfile="
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {QEMU} -name guest=web1,debug-threads=on -nodefaults -display none -S -accel tcg -monitor stdio \\\n{line}\n"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def ask(self, *commands):
        try:
            answer, _ = self.process.communicate("\n".join([*commands, "quit", ""]), timeout=20)
        except subprocess.TimeoutExpired:
            self.end()
            raise
        assert self.process.returncode == 0, answer
        return answer

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.mark.skipif(shutil.which(QEMU) is None, reason="no QEMU for x86")
@pytest.mark.parametrize("mode", ["client", "server"])
@pytest.mark.parametrize("options, has_mac", LISTS)
def test_qemu_takes_what_is_printed(rig, mode, options, has_mac):
    r = rig(guests=("vm1",))
    add(r, f"{options},mode={mode},mtu=9000")
    text = r.daemon.ctl("show guest vm9 qemu")
    machine = Machine(text)
    try:
        wait_for(lambda: r.daemon.ctl("show guest vm9", json=True)[0].get("peer", {}).get("name", "").startswith("qemu"),
                 what=f"QEMU at its socket: {machine.process.poll()}")
        peer = r.daemon.ctl("show guest vm9", json=True)[0]["peer"]
        assert (peer["vm"], peer["libvirt"]) == ("web1", False)
        assert "\n  Virtual machine: web1\n" in r.daemon.ctl("show guest vm9")
        answer = machine.ask("info network", "info memdev")
    finally:
        machine.end()
    mac = words(text, "device")[0].get("mac")
    assert (mac is not None) == has_mac == ("No mac=" not in text)
    assert re.search(rf"model=virtio-net-pci,macaddr={mac or '52:54:00'}", answer), answer
    assert "net-vm9" in answer and "share: true" in answer, answer


def test_the_words_for_qemu_follow_the_guests_options(rig):
    r = rig(guests=("vm1",))
    socket = add(r, f"queues=4,mtu=9000,mac={VM1},packed=off")
    text = r.daemon.ctl("show guest vm9 qemu")
    assert words(text, "chardev") == [
        {"socket": "", "id": "chr-vm9", "path": socket, "server": "on", "wait": "off"}]
    assert words(text, "netdev") == [{"vhost-user": "", "id": "net-vm9", "chardev": "chr-vm9", "queues": "4"}]
    assert words(text, "device") == [{
        "virtio-net-pci": "", "netdev": "net-vm9", "mac": VM1, "mq": "on", "vectors": "10", "packed": "off",
        "mrg_rxbuf": "on", "rx_queue_size": "1024", "tx_queue_size": "1024", "host_mtu": "9000"}]
    r.daemon.ctl("set guest vm9 mode=server,queues=1,mrg_rxbuf=off,packed=on")
    text = r.daemon.ctl("show guest vm9 qemu")
    assert words(text, "chardev")[0] | {"path": ""} == {
        "socket": "", "id": "chr-vm9", "path": "", "server": "off", "reconnect": "1"}
    device = words(text, "device")[0]
    assert device["packed"] == "on" and device["mrg_rxbuf"] == "off" and not {"mq", "vectors"} & set(device)
    shown = r.daemon.ctl("show guest vm9 qemu", json=True)
    assert shown["role"] == "client" and shown["mac"] == VM1 and shown["socket"] == socket and shown["mtu"] == 9000
    for option in ("chardev", "netdev", "device"):
        assert f"-{option} {shown[option]}" in text
    r.daemon.ctl("set guest vm9 mac=none")
    assert "mac" not in r.daemon.ctl("show guest vm9 qemu", json=True)


def test_a_path_is_quoted_for_the_shell_and_for_xml(rig):
    r = rig(guests=("vm1",))
    socket = f"{r.workdir}/a&b<c>$d.sock"
    add(r, "mac=auto")
    r.daemon.ctl(f"set guest vm9 socket={socket}")
    text = r.daemon.ctl("show guest vm9 qemu")
    assert f"-chardev 'socket,id=chr-vm9,path={socket},server=on,wait=off' \\" in text
    tree = Xml.fromstring(r.daemon.ctl("show guest vm9 libvirt"))
    assert tree.find("source").get("path") == socket


@pytest.mark.parametrize("mode, theirs", [("client", "server"), ("server", "client")])
@pytest.mark.parametrize("options, has_mac", LISTS)
def test_the_xml_for_libvirt_follows_the_guests_options(rig, mode, theirs, options, has_mac):
    r = rig(guests=("vm1",))
    socket = add(r, f"{options},mode={mode},mrg_rxbuf=off")
    text = r.daemon.ctl("show guest vm9 libvirt")
    shown = r.daemon.ctl("show guest vm9 libvirt", json=True)
    tree = Xml.fromstring(text)
    assert (tree.tag, tree.get("type")) == ("interface", "vhostuser")
    assert tree.find("source").attrib == {"type": "unix", "path": socket, "mode": theirs}
    assert (tree.find("source/reconnect") is not None) == (theirs == "client")
    assert tree.find("model").get("type") == "virtio" and "QEMU 7.2 crashes unless the card has vectors 0" in text
    assert tree.find("driver").attrib == {
        "queues": str(shown["queues"]), "rx_queue_size": "1024", "tx_queue_size": "1024", "packed": "on"}
    assert tree.find("driver/host").attrib == {"mrg_rxbuf": "off"}
    assert (tree.find("mac") is not None) == has_mac == ("No mac" not in text) == ("mac" in shown)
    if has_mac:
        assert tree.find("mac").get("address") == shown["mac"]
        assert shown["mac"] in {a["address"] for a in guards(r)["addresses"]}
    assert shown["role"] == theirs


def guards(r):
    r.daemon.ctl("set guest vm9 mac_guard=on")
    return r.daemon.ctl("show guest vm9 guards", json=True)


@pytest.mark.skipif(shutil.which("virt-xml-validate") is None, reason="no virt-xml-validate: libvirt-clients")
@pytest.mark.parametrize("mode", ["client", "server"])
def test_libvirts_schema_takes_the_xml(rig, mode):
    r = rig(guests=("vm1",))
    add(r, f"mac=auto,mode={mode},queues=4")
    path = r.workdir / "machine.xml"
    path.write_text("<domain type='kvm'><name>vm9</name><memory unit='GiB'>4</memory><memoryBacking>"
                    "<access mode='shared'/></memoryBacking><os><type arch='x86_64'>hvm</type></os><devices>"
                    f"{r.daemon.ctl('show guest vm9 libvirt')}</devices></domain>", encoding="ascii")
    done = subprocess.run(["virt-xml-validate", str(path), "domain"], capture_output=True, text=True, timeout=50,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_guests_that_are_there_are_started(rig):
    r = rig(guests=("vm1",))
    for program in ("qemu", "libvirt"):
        with pytest.raises(CtlError) as refused:
            r.daemon.ctl(f"show guest nobody {program}")
        assert 'guest: "nobody": no such guest' in refused.value.text
