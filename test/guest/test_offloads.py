# SPDX-License-Identifier: BSD-3-Clause
"""
Checksums and segmentation between Linux kernels: streams between two User Mode Linux guests with every pair
of settings, and between a guest and a host on the wire. The kernels and tshark judge, not our code.
"""

import contextlib
import hashlib
import os
import re
import subprocess

import pytest

from guestrig.backend import Bondfwd, GuestPort
from guestrig.process import Run, wait_until
from guestrig.uml import Uml

MIB = 4
TAG = f"{os.getpid() % 1000000}"
TAP, BRIDGE, VETH = f"bft{TAG}", f"bfb{TAG}", f"bfv{TAG}"
HOST, HOST6 = "10.67.0.100", "fd67::100"
VLANS = {"one tag": ("eth0.5", "10.67.5.{}"), "two tags": ("eth0.5.6", "10.67.6.{}")}


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=10, capture_output=True)


class Host:
    """A network namespace of its own, kept by a process: names of namespaces need mounts."""

    def __init__(self):
        self.keeper = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 600"],
                                       stdout=subprocess.PIPE)
        assert self.keeper.stdout.readline()
        self.enter = ["nsenter", "-t", str(self.keeper.pid), "-n"]

    def sh(self, *words):
        return subprocess.run([*self.enter, *words], check=True, timeout=60, capture_output=True,
                              text=True).stdout

    def end(self):
        self.keeper.kill()
        self.keeper.wait(10)
        self.keeper.stdout.close()


class Pair:
    """Two guests, and a bond whose only member is a tap: on a bridge, with a host behind it."""

    def __init__(self, run, one, two, member):
        self.run = run
        self.ports = [GuestPort(f"uml{i}", run.path(f"uml{i}.sock"), mode="server", **keys)
                      for i, keys in enumerate((one, two), 1)]
        self.backend = Bondfwd(run, [run.path("far.sock")], self.ports, {"mode": "active-backup"})
        self.guests = [Uml(run, port.name, port.sock, i) for i, port in enumerate(self.ports, 1)]
        self.member = member
        self.host = Host()

    def start(self):
        self.backend.start().wait_ready()
        for guest in self.guests:
            guest.start()
        for number, guest in enumerate(self.guests, 1):
            guest.wait_booted().configure()
            guest.sh("vconfig add eth0 5; ip link set eth0.5 up; vconfig add eth0.5 6; "
                     "ip link set eth0.5.6 up; ip link set eth0.5 mtu 1500")
            for nic, address in VLANS.values():
                guest.sh(f"ip addr add {address.format(number)}/24 dev {nic}")
            guest.sh(f"mkdir /srv && dd if=/dev/urandom of=/srv/sent bs=1M count={MIB} "
                     "2>/dev/null && httpd -p 80 -h /srv && httpd -p [::]:81 -h /srv")
        self.plug_in()
        return self

    def plug_in(self):
        ctl = self.backend.ctl
        ctl("port", "attach", f"net_tap7,iface={TAP}")
        ctl("create", "bonding", "device", "active-backup", "0", "bond1")
        ctl("add", "bonding", "member", "net_tap7", "bond1")
        if self.member != "auto":
            ctl("set", "bonding", "member", "net_tap7", "bond1", f"offload={self.member}")
        for port in self.ports:
            ctl("set", "guest", port.name, "uplink=bond1")
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("link", "add", VETH, "type", "veth", "peer", "name", "host0", "netns",
           str(self.host.keeper.pid))
        for nic in (TAP, VETH):
            ip("link", "set", nic, "master", BRIDGE)
        for nic in (TAP, VETH, BRIDGE):
            ip("link", "set", nic, "up")
        for words in ("link set host0 up", "link set lo up", f"addr add {HOST}/24 dev host0",
                      f"addr add {HOST6}/64 dev host0 nodad"):
            self.host.sh("ip", *words.split())
        wait_until("the tap in service", 10, lambda: self.backend.show(
            "bonding", "config", "bond1")["active_members"] == ["net_tap7"])

    def counters(self, port):
        return self.backend.guest(port)["offload_counters"]

    def end(self):
        self.host.end()
        with contextlib.suppress(subprocess.SubprocessError):
            ip("link", "del", BRIDGE)


@contextlib.contextmanager
def pair(one, two, member="auto"):
    with Run("offload", keep_logs=os.environ.get("BONDFWD_GUEST_LOGS")) as run:
        lab = Pair(run, one, two, member)
        try:
            yield lab.start()
            for guest in lab.guests:
                assert_no_bad_checksum(guest.sh("cat /proc/net/snmp /proc/net/snmp6"))
            ledger = wait_until("the ledger at rest", 5, lambda: at_rest(lab.backend))
            assert ledger["by_reason"].get("bad_offload", 0) == 0
            assert lab.backend.stop() == 0
        finally:
            lab.end()


def at_rest(backend):
    ledger = backend.show("drops")["ledger"]
    return ledger if ledger["in_flight"] == 0 else None


def assert_no_bad_checksum(snmp):
    """Of all counters that the kernel has for them."""
    names = {}
    for line in snmp.splitlines():
        proto, _, rest = line.partition(": ")
        if rest and proto in names:
            pairs = zip(names.pop(proto), rest.split())
            assert not [p for p in pairs if "CsumErrors" in p[0] and p[1] != "0"], line
        elif rest:
            names[proto] = rest.split()
    assert not re.findall(r"CsumErrors\s+[1-9]\d*", snmp)


def md5(guest, path):
    return re.search(r"^([0-9a-f]{32}) ", guest.sh(f"md5sum {path}"), re.MULTILINE)[1]


def fetch(guest, url):
    guest.sh(f"rm -f /got; wget -q -O /got {url}", 60)
    return md5(guest, "/got")


PAIRS = {
    "all to all": ({}, {}),
    "all to none": ({}, {"offload": "off"}),
    "none to all": ({"offload": "off"}, {}),
    "checksums to all": ({"offload": "csum"}, {"offload": "tso"}),
    "split, not mergeable": ({"packed": "off"}, {"packed": "off", "mrg_rxbuf": "off"}),
}


@pytest.mark.parametrize("keys", PAIRS.values(), ids=PAIRS.keys())
def test_streams_between_two_guests_are_whole(keys):
    with pair(*keys) as lab:
        one, two = lab.guests
        sent = md5(one, "/srv/sent")
        for nic, address in VLANS.values():
            assert fetch(two, f"http://{address.format(1)}/sent") == sent, nic
        assert fetch(two, f"http://{one.ip}/sent") == sent
        assert fetch(two, f"http://[{one.ip6}]:81/sent") == sent
        assert fetch(one, f"http://{two.ip}/sent") == md5(two, "/srv/sent")
        sends, takes = (k.get("offload", "auto") in ("auto", "tso") for k in keys)
        to_two = lab.counters("uml2")
        assert (lab.counters("uml1")["superframes_in"] > 0) == sends
        assert (to_two["superframes_out"] > 0) == takes  # coalesced, when they came as segments
        assert (to_two["segments"] > 0) == (sends and not takes)
        assert takes or to_two["sums"] + to_two["segments"] > 0


def served_by_host(lab, ends):
    """The host serves /sent until the end; returns what md5sum says of it."""
    folder = lab.run.path("srv")
    os.mkdir(folder)
    data = os.urandom(MIB << 20)
    with open(f"{folder}/sent", "wb") as file:
        file.write(data)
    server = ends.enter_context(subprocess.Popen(
        [*lab.host.enter, "busybox", "httpd", "-f", "-p", "[::]:80", "-h", folder]))
    ends.callback(server.kill)
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@contextlib.contextmanager
def on_the_wire(lab):
    """What tshark says of the frames that passed the tap meanwhile: {what: count}."""
    path = lab.run.path("wire.pcap")
    with subprocess.Popen(["tcpdump", "-i", TAP, "-s", "0", "-B", "65536", "-w", path], stderr=subprocess.PIPE) as dump:
        assert dump.stderr.readline()
        found = {}
        try:
            yield found
        finally:
            dump.terminate()
            dump.wait(10)
    # The host's kernel writes 0xffff for 0, which tshark calls bad: its own frames are not judged.
    sent = " or ".join(f"eth.src == {guest.mac}" for guest in lab.guests)
    bad = "tcp.checksum.status == Bad or ip.checksum.status == Bad"
    for what, rule in (("all", "tcp"), ("bad", f"({sent}) and ({bad})"),
                       ("long", "frame.len > 1514")):
        done = subprocess.run(["tshark", "-r", path, "-o", "tcp.check_checksum:TRUE", "-o",
                               "ip.check_checksum:TRUE", "-T", "fields", "-e", "frame.number", rule],
                              capture_output=True, text=True, timeout=60, check=True)
        found[what] = len(done.stdout.splitlines())


@pytest.mark.parametrize("member", ["auto", "off"])
def test_a_host_on_the_wire_gets_whole_frames_and_sends_what_is_coalesced(member):
    with pair({}, {"offload": "off"}, member) as lab, contextlib.ExitStack() as ends:
        one, two = lab.guests
        sum_of_data = served_by_host(lab, ends)
        one.reaches_ip(HOST)
        two.reaches_ip(HOST)
        with on_the_wire(lab) as wire:
            for guest in lab.guests:
                assert fetch(guest, f"http://{HOST}/sent") == sum_of_data
                assert fetch(guest, f"http://[{HOST6}]/sent") == sum_of_data
                for url in (f"http://{guest.ip}/sent", f"http://[{guest.ip6}]:81/sent"):
                    got = lab.host.sh("sh", "-c", f"busybox wget -q -O - {url} | md5sum").split()[0]
                    assert got == md5(guest, "/srv/sent"), url
        assert wire["all"] > 1000 and wire["bad"] == 0 and wire["long"] == 0
        assert_no_bad_checksum(lab.host.sh("cat", "/proc/net/snmp", "/proc/net/snmp6"))
        assert lab.counters("uml1")["coalesced"] > 0
        assert lab.counters("uml2")["coalesced"] == 0
        details = lab.backend.show("bonding", "config", "bond1")["member_details"]
        assert [m["card_checksums"] for m in details if m["name"] == "net_tap7"] == [member == "auto"]


def pings(guest, address):
    """How many of five long packets are answered."""
    said = guest.sh(f"ping -c 5 -i 0.2 -W 1 -s 4000 {address} || true", 30)
    return int(re.search(r"(\d+) packets received", said)[1])


def test_path_mtu_discovery_of_a_guest_works_where_too_big_is_switched_on():
    """The guest's MTU is 9000 and the wire's 1500: its kernel has to learn that."""
    with pair({"mtu": 9000}, {}) as lab:
        guest = lab.guests[0]
        guest.sh("ip link set eth0 mtu 9000")
        guest.reaches_ip(HOST)
        assert [pings(guest, address) for address in (HOST, HOST6)] == [0, 0]
        lab.backend.ctl("set", "bonding", "option", "bond1", "too_big=icmp")
        assert all(pings(guest, address) >= 4 for address in (HOST, HOST6))


def test_guests_with_and_without_tags_and_a_host_in_one_vlan_exchange_whole_streams():
    """An access port, a trunk whose guest has the tag itself, and the LAN that is untagged in that VLAN."""
    with pair({"vlan": 10}, {"trunk": 10}) as lab, contextlib.ExitStack() as ends:
        one, two = lab.guests
        lab.backend.ctl("set", "bonding", "option", "bond1", "native=10")
        two.sh(f"vconfig add eth0 10; ip addr flush dev eth0; ip link set eth0.10 up; "
               f"ip addr add {two.ip}/24 dev eth0.10; ip -6 addr add {two.ip6}/64 dev eth0.10")
        sum_of_data = served_by_host(lab, ends)
        for guest in lab.guests:
            guest.reaches_ip(HOST)
        with on_the_wire(lab) as wire:
            for guest, other in ((one, two), (two, one)):
                assert fetch(guest, f"http://{other.ip}/sent") == md5(other, "/srv/sent")
                assert fetch(guest, f"http://[{other.ip6}]:81/sent") == md5(other, "/srv/sent")
                assert fetch(guest, f"http://{HOST}/sent") == sum_of_data
                got = lab.host.sh("sh", "-c", f"busybox wget -q -O - http://{guest.ip}/sent | md5sum").split()[0]
                assert got == md5(guest, "/srv/sent")
        assert wire["all"] > 1000 and wire["bad"] == 0 and wire["long"] == 0
        for port in ("uml1", "uml2"):
            counters = lab.counters(port)
            assert counters["superframes_in"] > 0 and counters["superframes_out"] > 0
            assert counters["coalesced"] > 0
