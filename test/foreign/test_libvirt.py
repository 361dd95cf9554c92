# SPDX-License-Identifier: BSD-3-Clause
"""Machines that libvirt runs, and what an operator does to them with virsh."""

import pathlib
import re
import types
import xml.etree.ElementTree as ElementTree

import pytest

from bf import guest_mac, wait_for
from guestrig.process import Run
from guestrig.station import Station, Transfer
from lan import ADDRESS, lan
from lacp_partner import run
from libvirt import FIRST, FOR_PLUGGED, GUIDE, OVERRIDE, Domain, Libvirt

GUEST = "10.77.0.10"
THERE = types.SimpleNamespace(ip=ADDRESS, name="lan0")


def shown(r, name="vm1"):
    return r.daemon.ctl(f"show guest {name}", json=True)[0]


def is_up(r, name="vm1"):
    return shown(r, name)["up"]


@pytest.fixture
def place(rig, workdir):
    """(rig with a LAN, libvirt, domain not yet defined)"""
    with lan(rig) as r, Libvirt(workdir) as libvirt, Run("libvirt") as files:
        yield r, libvirt, Domain(files, "vm1", libvirt)


def boot(r, domain, mode="server", queues=1, no_vectors=OVERRIDE):
    """A running machine with an address; mode is libvirt's word for QEMU's end."""
    sock = f"{r.workdir}/vm1.sock"
    ours = "client" if mode == "server" else "server"
    r.daemon.ctl(f"add guest vm1 socket={sock},mode={ours},queues={queues},mtu=1500")
    return started(domain.define(domain.nic_xml(sock, guest_mac(1), mode, queues), no_vectors))


def started(domain):
    """The station of a machine that is defined."""
    domain.power_on().wait_booted(60)
    domain.sh(f"ip link set nic0 up && ip addr add {GUEST}/24 dev nic0")
    station = Station(domain, GUEST, "nic0")
    station.wait_reaches(THERE)
    return station


@pytest.mark.parametrize("mode, queues", [("server", 1), ("client", 1), ("server", 4)])
def test_a_machine_of_libvirts_and_what_virsh_does_to_it(place, mode, queues):
    r, libvirt, domain = place
    station = boot(r, domain, mode, queues)
    assert station.ping(THERE, 20, 1472, every_s=0.02).perfect
    libvirt.virsh("suspend vm1")
    libvirt.virsh("resume vm1")
    assert station.ping(THERE).perfect
    boots = domain.boots
    libvirt.virsh("reset vm1")
    domain.wait_booted(60, boots + 1)
    domain.sh(f"ip link set nic0 up && ip addr add {GUEST}/24 dev nic0")
    station.wait_reaches(THERE)


def test_saved_and_restored(place):
    r, libvirt, domain = place
    station = boot(r, domain)
    file = pathlib.Path(domain.run.path("saved"))
    libvirt.virsh(f"save vm1 {file}")
    wait_for(lambda: not is_up(r), what="the guest gone")
    libvirt.virsh(f"restore {file}")
    domain.listen()
    station.wait_reaches(THERE)
    assert station.ping(THERE).perfect


def test_a_second_card_is_plugged_in_and_out(place):
    r, libvirt, domain = place
    station = boot(r, domain, no_vectors=OVERRIDE + FOR_PLUGGED)
    sock = f"{r.workdir}/vm1b.sock"
    r.daemon.ctl(f"add guest vm1b socket={sock},mtu=1500")
    path = domain.file("card.xml", domain.nic_xml(sock, guest_mac(2), place=""))
    libvirt.virsh(f"attach-device vm1 {path}")
    wait_for(lambda: is_up(r, "vm1b"), what="the second card up")
    libvirt.virsh(f"detach-device vm1 {path}")
    wait_for(lambda: not is_up(r, "vm1b"), what="the second card gone")
    assert station.ping(THERE).perfect


def vectors(libvirt, alias):
    """Of the card of vm1 with that alias, as QEMU has it."""
    tree = libvirt.virsh("qemu-monitor-command vm1 --hmp info qtree")
    return int(re.search(rf'dev: virtio-net-pci, id "{alias}"\r?\n.*?\bvectors = (\d+)', tree, re.DOTALL)[1])


def test_without_kvm_the_alias_and_the_override_of_the_guide_are_enough(place):
    r, libvirt, domain = place
    sock = f"{r.workdir}/vm1.sock"
    r.daemon.ctl(f"add guest vm1 socket={sock},mac={guest_mac(1)},mtu=1500")
    shown_xml = r.daemon.ctl("show guest vm1 libvirt")
    assert f"vectors 0: docs/guides/{GUIDE.name}" in shown_xml
    tree = ElementTree.fromstring(shown_xml)
    assert tree.find("source").get("path") == sock and tree.find("mac").get("address") == guest_mac(1)
    station = started(domain.define(shown_xml.replace("</interface>", f"{FIRST}</interface>")))
    assert vectors(libvirt, "ua-first") == 0
    assert station.ping(THERE, 20, 1472, every_s=0.02).perfect
