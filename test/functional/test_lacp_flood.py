# SPDX-License-Identifier: BSD-3-Clause
"""
Guests that flood an 802.3ad bond whose members are full all the time: its partner keeps the members, and a guest beside
them its share.

The members are net_vhost; their far ends take frames at the pace of a wire, and speak LACP as a scripted partner does.
BONDFWD_FLOOD_S says for how long each part of it lasts; scripts/accept neighbour does it for a minute.
"""

import os
import time

from bf import FAR_MAC, LIMIT, guest_mac, wait_for
from lacp_partner import EXPIRED, FORWARDING, LOG_LACP, PartnerPort, gaps
from test_qos import calm

SECONDS = float(os.environ.get("BONDFWD_FLOOD_S", "3"))
MBIT = 50  # of a member
FLOOD = 12000  # frames a second of each flooding guest: four times what a member takes
SIZE = 1000
SHARE = 200  # frames a second of the guest beside them
PERIOD = 1.0
LOST_AFTER = 3 * PERIOD  # a partner that hears nothing for so long gives the member up


class PeerPort(PartnerPort):
    """A port of the partner behind a peer, which sends and captures for it."""

    def __init__(self, peer, number):  # pylint: disable=super-init-not-called
        self.begin(peer.name, number, "02:5e:51:00:00:01")
        self.peer, self.n_seen, self.settled = peer, 0, 0
        self.ears = self.voice = self
        peer.capture(512, match="other")

    def take(self):
        """As ears do: (time, frame) of what has come since the last time."""
        frames = self.peer.captured()
        new, self.n_seen = frames[self.n_seen:], len(frames)
        return [(time.time(), frame) for frame in new]

    def send(self, frame):
        self.peer.raw(frame)


class Partner:
    """Ports of one system that answer whenever the test has nothing else to do."""

    def __init__(self, r):
        self.r, self.ports = r, []

    def turn(self):
        if not self.ports:
            self.ports = [PeerPort(far, i) for i, far in enumerate(self.r.far, 1)]
        for port in self.ports:
            port.hear()
            port.speak(time.monotonic())

    def is_settled(self):
        """Both sides forward on every member."""
        self.turn()
        return all(m["distributing"] for m in info(self.r)["members"]) and all(p.hears_sync() for p in self.ports)

    def talk(self, seconds):
        """Until each port has heard as many periods as that, or has not for longer than a partner waits."""
        begin = [len(port.got) for port in self.ports]

        def heard():
            self.turn()
            return all(len(port.got) - n > seconds / PERIOD for port, n in zip(self.ports, begin))
        wait_for(heard, seconds + LIMIT, what="LACPDUs")


def info(r):
    return r.daemon.ctl("show bonding lacp info bond0", json=True)


def check_kept(r, partner):
    """No member was given up, by nobody, and nobody was about to."""
    assert [m["counters"]["timeouts"] for m in info(r)["members"]] == [0, 0]
    assert all(m["distributing"] for m in info(r)["members"])
    for port in partner.ports:
        pdus = port.got[port.settled:]
        assert [hex(actor.state) for _, actor, _ in pdus if actor.state & (EXPIRED | FORWARDING) != FORWARDING] == []
        assert [hex(far.state) for _, _, far in pdus if far.state & FORWARDING != FORWARDING] == []
        assert max(gaps([t for t, *_ in pdus])) < LOST_AFTER


def check_balance(r):
    """Instead of the Rig's: a worker keeps each member's last LACPDU."""
    r.settle()
    wait_for(lambda: r.daemon.ledger().is_balanced(), what="ledger")
    kept = {"bf_control": len(r.far)}
    wait_for(lambda: all(avail + kept.get(name, 0) >= size for name, (avail, size) in r.daemon.mempools().items()),
             what="pools")


def full_drops(r):
    return r.daemon.drops("bond0").get("member_full", 0)


def test_guests_that_fill_the_members_delay_neither_lacp_nor_the_share_of_another(rig):
    r = rig(start=False, guests=("vm1", "vm2", "vm3"), mode="802.3ad", bond=",lacp_rate=fast", log_allowed=LOG_LACP)
    partner = Partner(r)
    r.members_settled, r.check_balance = partner.is_settled, lambda: check_balance(r)
    r.start()
    r.learn_all()
    for port in partner.ports:
        port.settled = len(port.got)
        port.peer.cmd("pace", port=0, mbit=MBIT)
    for i in (1, 2):
        r.vm(i).send(wait=False, stream=i, count=1 << 22, src=guest_mac(i), dst=FAR_MAC, rate=FLOOD, size=SIZE, flows=64)
    wait_for(lambda: full_drops(r) > 1000, what="full members")
    partner.talk(SECONDS)
    check_kept(r, partner)
    # With weights nothing is dropped: the rings of those who flood are full instead.
    r.daemon.ctl("set guest vm1 weight=1")
    r.daemon.ctl("set guest vm3 weight=1")
    count = int(SECONDS * SHARE)
    r.vm(3).send(wait=False, stream=3, count=count, rate=SHARE, src=guest_mac(3), dst=FAR_MAC, flows=64)
    partner.talk(SECONDS)

    def arrived():
        partner.turn()
        return sum(far.stream(3)["distinct"] for far in r.far) == count
    wait_for(arrived, what="all frames of the guest beside them")
    check_kept(r, partner)
    for i in (1, 2):
        calm(r.vm(i))
    for far in r.far:
        far.cmd("pace", port=0, mbit=0)
    r.settle()
