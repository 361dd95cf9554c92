# SPDX-License-Identifier: BSD-3-Clause
"""
Changes of every kind, one after the other by chance, for as long as BONDFWD_SOAK_S says, and frames
between them: nothing may grow, and nothing may be lost that is not counted.
"""

import os
import random
import time

import pytest

from bf import FAR_MAC, LOG_LINK_LOSS, guest_mac, wait_for

SECONDS = float(os.environ.get("BONDFWD_SOAK_S", "60"))
SEED = int(os.environ.get("BONDFWD_SOAK_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
VM1, VM2 = guest_mac(1), guest_mac(2)
WARM = 20  # turns until everything has been touched once
GROWTH = {"descriptors": 4, "threads": 2, "mappings": 24, "kib": 16 << 10}


def figures(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        mappings = len(file.readlines())
    return {"descriptors": len(os.listdir(f"/proc/{pid}/fd")), "mappings": mappings,
            "threads": int(status["Threads"]), "kib": int(status["VmRSS"].split()[0])}


class Soak:
    """The changes; each leaves the laboratory as it was."""

    def __init__(self, r):
        self.r = r
        self.stream = 0
        self.turns = {}

    def frames(self):
        """Numbered frames from the far side to a guest, and from one guest to the other."""
        r = self.r
        r.learn_all()
        for sender, receiver, src, dst in ((r.far[0], r.vm(1), FAR_MAC, VM1), (r.vm(1), r.vm(2), VM1, VM2)):
            self.stream = self.stream % 60000 + 1
            sender.cmd("clear")
            receiver.cmd("clear")
            tally = r.transfer(sender, receiver, self.stream, 300, window=100, src=src, dst=dst,
                               size=[60, 1518, 9000])
            assert tally["missing"] == tally["corrupt"] == 0, tally

    def a_guest_crashes(self):
        self.r.vm(2).restart()
        self.r.vm(2).wait_up()

    def a_drivers_restart(self):
        self.r.vm(1).cmd("stop", port=0)
        self.r.vm(1).start_driver()
        self.r.vm(1).wait_up()

    def a_guest_comes_and_goes(self):
        self.r.daemon.ctl(f"add guest tmp socket={self.r.workdir}/tmp.sock,mode=server")
        self.r.daemon.ctl("remove guest tmp")

    def a_failover(self):
        ctl = self.r.daemon.ctl
        was = self.r.bond()["active_member"]
        ctl(f"test failover bond0 member {was}")
        wait_for(lambda: all(m["usable"] for m in self.r.bond()["member_details"]), what="both in use")

    def a_mode(self):
        self.r.daemon.ctl("set bonding mode balance-xor bond0")
        self.r.daemon.ctl("set bonding mode active-backup bond0")

    def rings(self):
        self.r.daemon.ctl("port config all rxd 512")
        self.r.daemon.ctl("port config all rxd 1024")
        wait_for(lambda: all(m["usable"] for m in self.r.bond()["member_details"]), what="both in use")

    def a_stop(self):
        self.r.daemon.ctl("stop")
        self.r.daemon.ctl("start")

    def a_look_at_everything(self):
        for words in ("show port stats all", "show guest", "show fdb", "show bonding config bond0", "show drops",
                      "show events", "show metrics", "show running-config"):
            self.r.daemon.ctl(words)
        self.r.daemon.ctl("clear fdb")

    def turn(self, chance):
        name = chance.choice([n for n in dir(self) if n.startswith(("a_", "rings"))])
        self.turns[name] = self.turns.get(name, 0) + 1
        getattr(self, name)()
        self.frames()


@pytest.mark.parametrize("packed", [0, 1], ids=["split", "packed"])
def test_nothing_grows(rig, packed):
    r = rig(mode="active-backup", peer_opts={g: {"packed_vq": packed} for g in ("vm1", "vm2")},
            log_allowed=[*LOG_LINK_LOSS, r"^WARNING: "])
    soak, chance = Soak(r), random.Random(SEED)
    print(f"seed {SEED}")
    pid = r.daemon.proc.pid
    until = time.monotonic() + SECONDS / 2
    before, n = None, 0
    while time.monotonic() < until or n <= WARM:
        soak.turn(chance)
        n += 1
        if n == WARM:
            before = figures(pid)
    after = figures(pid)
    print(f"{n} turns: {soak.turns}\nbefore {before}\nafter  {after}")
    grown = {k: after[k] - before[k] for k in GROWTH if after[k] - before[k] > GROWTH[k]}
    assert not grown, (grown, before, after)
