# SPDX-License-Identifier: BSD-3-Clause
"""
The samples of output in README.md and docs are the program's (samples.py): each scene is a laboratory in which the
commands of its samples are typed.

    BONDFWD_WRITE_SAMPLES=1 python3 -m pytest test/functional/test_samples.py     writes them anew
"""

import pathlib
import re
import shlex
import subprocess

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether

import samples
from bf import BONDCTL, BONDFWD, BROADCAST, FAR_MAC, LOG_LINK_LOSS, Load, guest_mac, wait_for
from lacp_partner import lacp, net, partner  # noqa: F401 (fixtures)
from multicasting import TO_EX, ask, joined, query, query6, report, report6v2
from terminal import Terminal
from test_lldp import lldpdu
from test_offload import FAR, from_wire, lab, stream  # noqa: F401 (a fixture)

IDLE = "poll"
ELSEWHERE = {"numa", "pci", "advise"}  # test/numa, test/pci, test_advise.py
VM1 = guest_mac(1)
BROKEN_FILE = """\
set profile default trusted
create bonding device active-backup 0 bond0
add bonding member net_vhost0 bond0
add guest vm1 socket=/run/bondfwd/vm1.sock
add guest vm2 socket=/run/bondfwd/vm2.sock
set fdb aging 300
set guest vm2 mtu=9
"""


# Commands that need a terminal: the keys that are typed, and what is there at last.
ON_SCREEN = {
    "bondctl": ("set guest vm1 too_big=?", "too_big=\n"),
    "bondctl top": ("", "q ends"),
}


class Operator:
    """Types what the pages have, and prints what they should have."""

    def __init__(self, daemon, before=None):
        """before: {command: what happens just before it}"""
        self.daemon = daemon
        self.before = before or {}
        self.tmp = pathlib.Path(daemon.workdir, "tmp")
        self.tmp.mkdir()
        self.tmp.joinpath("guests.conf").write_text(BROKEN_FILE, encoding="utf-8")

    def __call__(self, command):
        self.before.get(command, lambda: None)()
        if command in ON_SCREEN:
            return self.on_screen(command, *ON_SCREEN[command])
        program, *words = shlex.split(command.replace("/var/lib/bondfwd", str(self.tmp)))
        start = [BONDCTL, "-s", self.daemon.console] if program == "bondctl" else [BONDFWD]
        done = subprocess.run([*start, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, stdin=subprocess.DEVNULL, cwd=self.tmp, check=False)
        return self.as_in_pages(done.stdout)

    def on_screen(self, command, keys, shows):
        """What stands on a terminal of 80x24."""
        words = command.split()[1:]
        terminal = Terminal(self.daemon.workdir, [BONDCTL, "-s", self.daemon.console, *words])
        try:
            if keys:
                terminal.shows("bondfwd>")
            terminal.type(keys)
            lines = [line.rstrip() for line in terminal.shows(shows).rstrip("\n").split("\n")]
        finally:
            terminal.close()
        return self.as_in_pages("\n".join(lines[:-1] if keys else lines) + "\n")

    def as_in_pages(self, text):
        """The test's folders and front ends as an operator has them, on a machine with one memory node."""
        text = re.sub(r", node \d+$|^Connect to socket: \d+\n", "", text, flags=re.MULTILINE)
        text = text.replace(str(self.tmp), "/var/lib/bondfwd").replace(str(self.daemon.workdir), "/run/bondfwd")
        return re.sub(r'(Front end: |"peer": \{"name": ")[\w-]+', r"\1qemu-system-x86", text)


# Two members, two guests.

def plug(r, peer, is_there):
    """One after the other, so that events have an order."""
    peer.start()
    peer.wait_up()
    wait_for(is_there, what=f"{peer.name} in service")


def is_up(r, name):
    return lambda: {g["name"]: g["up"] for g in r.daemon.ctl("show guest", json=True)}[name]


def two_guests(rig, **options):
    r = rig(start=False, mtu=1500, log_allowed=LOG_LINK_LOSS, **options)
    for peer in r.peers():
        peer.kill()
    r.start(wait=False)
    r.daemon.wait_ready()
    for name in r.guest_names:
        plug(r, r.guests[name], is_up(r, name))
    for i, far in enumerate(r.far):
        plug(r, far, lambda i=i: r.member(i)["usable"])
    r.learn_all()
    return r


def speak(r):
    """Something of everything: many frames, an address, frames that are dropped."""
    r.vm(1).raw(bytes(Ether(src=VM1, dst=BROADCAST) /
                      ARP(hwsrc=VM1, psrc="10.0.0.11", pdst="10.0.0.254")).ljust(64, b"\0"))
    r.transfer(r.vm(1), r.far[0], 1, 100000, src=VM1, dst=FAR_MAC, flows=8, size=1400)
    r.transfer(r.far[0], r.vm(2), 2, 100000, src=FAR_MAC, dst=guest_mac(2), flows=8, size=1400)
    for dst, kind, count in (("01:80:c2:00:00:0e", 0x88cc, 3), (FAR_MAC, 0x8809, 2)):
        r.vm(1).raw(bytes(Ether(src=VM1, dst=dst, type=kind)).ljust(64, b"\0"), count=count)
    wait_for(lambda: r.daemon.drops("vm1").get("slow_protocol") == 2, what="drops")
    wait_for(lambda: r.daemon.ctl("show neighbors", json=True), what="the address")


def ask_web(r):
    """vm1 sends to port 80, which a capture waits for."""
    frame = Ether(src=VM1, dst=FAR_MAC) / IP(src="10.0.0.11", dst="10.0.0.80") / TCP(dport=80, flags="A")
    before = r.daemon.ctl("show capture", json=True)[0]["frames"]
    r.vm(1).raw(bytes(frame / (b"x" * 118)), count=12)
    wait_for(lambda: r.daemon.ctl("show capture", json=True)[0]["frames"] > before, what="frames written")


def has_rate(r):
    return r.daemon.ctl("show port stats vm1", json=True)[0]["rx_pps"] > 0


def test_pair(rig):
    """All is well; one guest sends."""
    r = two_guests(rig)
    speak(r)
    load = Load(r, kind="ip4tcp", size=1400)
    wait_for(lambda: has_rate(r), what="a second of traffic")
    samples.check("pair", Operator(r.daemon, {"bondctl show capture": lambda: ask_web(r)}))
    load.stop()


def test_multicast(rig):
    """A router in the LAN asks, two guests have joined a group, one of them another one."""
    r = two_guests(rig, bond=",mcast_snooping=on")
    ask(r, r.far[0], query(FAR_MAC, version=3))
    ask(r, r.far[0], query6(FAR_MAC), protocol="MLD")
    for i in (1, 2):
        joined(r, r.vm(i), report(guest_mac(i), "239.1.2.3"), "239.1.2.3", f"vm{i}")
    joined(r, r.vm(2), report6v2(guest_mac(2), (TO_EX, "ff05::1:3")), "ff05::1:3", "vm2")
    samples.check("multicast", Operator(r.daemon))


def test_lldp(rig):
    """Two members at a switch that has a LAG on one of the ports only."""
    r = two_guests(rig, mode="balance-xor")
    r.daemon.log_allowed = [*r.daemon.log_allowed, r"^WARNING: cabling: "]
    for i, lag in enumerate((3, 0)):
        r.far[i].raw(lldpdu(port=f"Ethernet1/{i + 1}", lag=lag))
    wait_for(lambda: r.events("cabling"), what="a finding")
    samples.check("lldp", Operator(r.daemon))


def test_spread(rig):
    """Both members carry flows of a guest, one of which is the biggest."""
    r = two_guests(rig, mode="balance-xor", bond=",rebalance_interval=1000")
    for flows in (1, 61):
        r.vm(1).send(stream=flows, count=20000, rate=80000, src=VM1, dst=FAR_MAC, flows=flows, size=1400)
    load = Load(r, size=1400)

    def is_known():
        shown = r.daemon.ctl("show bonding balance bond0", json=True)
        return shown["flows_known"] > 5 and all(m["bps"] > 0 for m in shown["members"])
    wait_for(is_known, what="flows, and both members' rates")
    samples.check("spread", Operator(r.daemon))
    load.stop()


def test_pulled(rig):
    """A cable was pulled while a guest was sending."""
    r = two_guests(rig)
    speak(r)
    load = Load(r, size=1400)
    r.far[0].kill()

    def is_over():
        records = r.daemon.ctl("show bonding failover", json=True)
        return records and not records[0]["open"]
    wait_for(is_over, what="the failover's record")
    wait_for(lambda: [f["object"] for f in r.daemon.ctl("show health", json=True)["findings"]
                      if f["rule"] == "member_out"] == ["net_vhost0"], what="what health finds")
    samples.check("pulled", Operator(r.daemon))
    load.stop()


def test_lacp(lacp, partner):  # noqa: F811
    """Two members towards a partner at the fast rate."""
    r = lacp(knobs="lacp_rate=fast,mac=02:00:00:00:00:b0")
    p = partner(r.far())
    r.wait_distributing([0, 1])
    wait_for(lambda: all(port.hears_sync() for port in p.ports), what="partner hears sync")
    samples.check("lacp", Operator(r.daemon))


def test_offload(lab):  # noqa: F811
    """A guest that takes superframes sends them to the wire, which answers in segments."""
    net = lab()  # noqa: F811
    guest = net.add("vm1", "tso", "tso")
    net.mark()
    for _ in range(20):
        guest.send(stream(guest.mac, FAR, 8, 1448))
        net.wire.get(8)
        from_wire(net, [piece.complete() for piece in stream(FAR, guest.mac, 8, 1448).cut()])
        wait_for(guest.listen, what="an answer")
    samples.check("offload", Operator(net.daemon))


SHOWN = ["Port  Frames  Mbit/s", "vm1   12      1.5", "vm2   -       0.1 (7)", "...", "mtu 1500, sent 3"]


@pytest.mark.parametrize("line, other, is_same", [
    (0, "Port Frames  Mbit/s", False), (0, "Port  Packets Mbit/s", False),
    (1, "vm1   1234567 20.25", True), (1, "vm2   12      1.5", False),
    (2, "vm2   0.3 (9) -", True), (4, "mtu 1500, sent 99", True), (4, "mtu 9000, sent 3", False)])
def test_figures_may_differ_from_the_page_and_words_may_not(line, other, is_same):
    got = [other if n == line else text for n, text in enumerate(SHOWN)]
    got[3:4] = ["left", "out"]
    assert samples.compare("bondctl show x", SHOWN, "\n".join(got))[1] == is_same


@pytest.mark.parametrize("output, is_same", [
    ('[{"name": "vm1", "sent": 7}, {"name": "vm2", "sent": 0}]', True),
    ('[{"name": "vm1", "sent": 7}]', False),
    ('[{"name": "vm1", "received": 7}, {"name": "vm2", "received": 0}]', False)])
def test_names_in_json_may_not_differ_from_the_page(output, is_same):
    assert samples.compare("bondctl -j show x", ['[{"name": "vm1",', '"sent": 12}, ...]'], output)[1] == is_same


def test_each_scene_of_the_pages_is_played():
    played = {name[len("test_"):] for name in globals() if name.startswith("test_")}
    assert samples.scenes() - ELSEWHERE <= played
