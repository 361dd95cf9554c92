# SPDX-License-Identifier: BSD-3-Clause
"""
A Linux guest that moves from one QEMU to another, and from one port to another, while frames pass through it.

It sends back what the far side sends. So what does not come back was lost, on one of two ways or while the guest was
nowhere: each such frame must be among the dropped ones of the ledger.
"""

import collections
import contextlib
import itertools
import re

from bf import FAR_MAC, PeerError, mac_bytes, wait_for
from guestrig.process import Run
from guestrig.vm import MemoryLost, Nic, Vm
from streaming import STANDBY

MAC = "52:54:00:00:00:77"
MTU = 9000
# Of numbered frames.
ETHERTYPE = 0x88b5
RATE = 100
BOOT_LIMIT_S = 600
# Frames that have come back before the guest moves, and after it.
SOME = 100


def dropped(ledger):
    """What may have been the moving guest's: not what the far ends send to a member that stands by."""
    return ledger.dropped - ledger.by_reason.get(STANDBY, 0)


class MovingGuest:
    """start() it in a rig; move() it as often as one likes."""

    def __init__(self, run, r, seconds):
        self.run, self.r, self.seconds = run, r, seconds
        self.numbers = itertools.count(1)
        self.vm = self.port = None
        self.moves = self.stays = self.sent = self.lost = 0
        self.reasons = collections.Counter()

    def place(self):
        """A port of its own, and the NIC of a guest that is to have it."""
        port = f"moving{next(self.numbers)}"
        nic = Nic(self.run.path(f"{port}.sock"), MAC, host_mtu=MTU)
        self.r.daemon.ctl(f"add guest {port} socket={nic.sock},mtu={MTU}")
        return port, nic

    def start(self):
        self.port, nic = self.place()
        self.vm = Vm(self.run, self.port, [nic], memory_mib=192, boot_words="ipv6.disable=1")
        self.vm.start(self.seconds).wait_booted(BOOT_LIMIT_S)
        self.vm.sh(f"ip link set nic0 mtu {MTU} up")
        return self

    def learn(self):
        frame = (mac_bytes("ff:ff:ff:ff:ff:ff") + mac_bytes(MAC) + bytes([0x88, 0xb6])).ljust(60, b"\0")

        def known():
            self.vm.sh(f"raw nic0 {frame.hex()} 1")
            return MAC in self.r.daemon.fdb()
        wait_for(known, what=f"the moving guest behind {self.port} learned")

    def back(self, stream):
        return sum(n or 0 for n in self.r.spread(stream))

    def comes_back(self, stream):
        """Wait until more of a stream has come back."""
        goal = self.back(stream) + SOME
        wait_for(lambda: self.back(stream) >= goal, what=f"frames of the guest at {self.port}")

    def move(self, stream):
        """To a new port and a new QEMU, with a stream under way; it stays where QEMU never gets it over whole."""
        far, ctl = self.r.far[0], self.r.daemon.ctl
        self.r.learn(far, FAR_MAC)
        self.learn()
        self.r.settle()
        dropped, before = self.r.daemon.ledger(), far.port()["tx"]
        mirror = self.vm.start_job(f"reflect nic0 {ETHERTYPE:04x}", 600)
        self.vm.sh(f"until grep -q {ETHERTYPE:04x} /proc/net/packet; do usleep 10000; done")
        far.send(wait=False, stream=stream, count=1 << 20, rate=RATE, src=FAR_MAC, dst=MAC, kind="ether",
                 size=[60, 1518, 9000])
        self.comes_back(stream)
        port, nic = self.place()
        old, left = self.vm, self.port
        try:
            self.vm, self.port = old.move(f"{port}-", [nic], limit_s=self.seconds), port
            self.moves += 1
        except MemoryLost:
            left = port
            self.stays += 1
        wait_for(lambda: self.r.daemon.fdb().get(MAC, {}).get("port") == self.port, what="the guest at its port")
        self.comes_back(stream)
        with contextlib.suppress(PeerError):
            far.cmd("wait", timeout=0)  # ends it
        self.account(stream, far.port()["tx"] - before, dropped, mirror)
        if self.vm is not old:
            old.kill()
            old.stop()
        ctl(f"remove guest {left}")

    def unexplained(self, stream, sent, before):
        """
        How many frames are neither back, nor flooded to the other guests while this one was nowhere, nor dropped
        for a reason that the ledger names.
        """
        nowhere = set.intersection(*(peer.missing(stream, sent) for peer in (*self.r.far, *self.r.guests.values())))
        return len(nowhere) - (dropped(self.r.daemon.ledger()) - dropped(before))

    def account(self, stream, sent, before, mirror):
        daemon = self.r.daemon
        try:
            wait_for(lambda: self.unexplained(stream, sent, before) <= 0, what="every frame is explained")
        finally:
            self.vm.sh("killall reflect")
            said = mirror.wait().output.strip()
            back = self.back(stream)
            print(f"to {self.port}: {sent} sent; in the guest {said}; {back} came back; {daemon.ledger()}")
        received, returned, missed = map(int, re.findall(r"\d+", said))
        after = daemon.ledger()
        assert received == returned and missed == 0 and returned - back <= dropped(after) - dropped(before), said
        tallies = [peer.stream(stream) for peer in self.r.far]
        assert all(t["corrupt"] == t["duplicates"] == 0 for t in tallies), tallies
        self.sent += sent
        self.lost += sent - back
        self.reasons.update({reason: n - before.by_reason.get(reason, 0) for reason, n in after.by_reason.items()
                             if reason != STANDBY})

    def __str__(self):
        return (f"migrations: {self.moves}, {self.stays} given up by QEMU; {self.sent} frames sent, {self.lost} did not come back: flooded, or dropped: "
                f"{dict(+self.reasons)}")


@contextlib.contextmanager
def moving_guest(r, seconds):
    with Run("soak") as run:
        yield MovingGuest(run, r, seconds).start()
