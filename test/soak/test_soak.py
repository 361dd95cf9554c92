# SPDX-License-Identifier: BSD-3-Clause
"""
Changes of every kind, one after the other by chance, for as long as BONDFWD_SOAK_S says, beside streams that go on
all the time, and more frames after each, also while a guest migrates: nothing may grow, and nothing may be lost
that is not counted. What grows is told from what sways by a straight line through samples: SLACK.
"""

import os
import pathlib
import random
import time

import pytest

from bf import FAR_MAC, LOG_LINK_LOSS, Peer, guest_mac, wait_for
from moving import moving_guest
from streaming import STAYS, Streams

SECONDS = float(os.environ.get("BONDFWD_SOAK_S", "60"))
SEED = int(os.environ.get("BONDFWD_SOAK_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
VM1, VM2 = guest_mac(1), guest_mac(2)
GUESTS = ("vm1", "vm2", STAYS)
LOG = [*LOG_LINK_LOSS, r"^WARNING: "]

# Once a minute, more often in short runs. The first quarter is for warming up; a straight line through the samples of
# the rest may rise by so much from its beginning to its end: what a busy allocator and a map of its own need.
SAMPLE_S = max(1.0, min(60.0, SECONDS / 60))
WARM = 0.25
# Memory of its own; what the EAL has reserved is touched step by step, and is only reported.
SLACK = {"descriptors": 3, "threads": 1, "mappings": 24, "kib": 8 << 10, "eal_kib": None, "buffers": 64}


def figures(daemon):
    """What may not grow: of the process, and frames' buffers that are not in their pools."""
    pid = daemon.proc.pid
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        mappings = len(file.readlines())
    return {"descriptors": len(os.listdir(f"/proc/{pid}/fd")), "mappings": mappings,
            "threads": int(status["Threads"]), "kib": int(status["RssAnon"].split()[0]),
            "eal_kib": int(status["RssShmem"].split()[0]),
            "buffers": sum(size - avail for avail, size in daemon.mempools().values())}


def after_warming_up(samples):
    """Those of the last three quarters of the time; samples: [(seconds, {name: figure})]."""
    begin = samples[0][0] + WARM * (samples[-1][0] - samples[0][0])
    return [sample for sample in samples if sample[0] >= begin]


def rise(samples, name):
    """By how much the straight line through the samples rises (least squares)."""
    points = [(t, values[name]) for t, values in samples]
    mean_t = sum(t for t, _ in points) / len(points)
    mean = sum(v for _, v in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (v - mean) for t, v in points) / spread if spread else 0
    return slope * (points[-1][0] - points[0][0])


def report(samples):
    """A line for each figure."""
    steady = after_warming_up(samples)
    yield f"{len(samples)} samples in {samples[-1][0] - samples[0][0]:.0f} s, {len(steady)} after warming up"
    for name, slack in SLACK.items():
        values = [v[name] for _, v in steady]
        yield (f"{name}: first {samples[0][1][name]}, then {min(values)} to {max(values)}, last {values[-1]}, "
               f"rise {rise(steady, name):+.1f} (limit {slack or 'none'})")


class Soak:
    """The changes; each leaves the laboratory as it was."""

    def __init__(self, r, moving, chance):
        self.r = r
        self.moving = moving
        self.chance = chance
        self.streams = Streams(r)
        self.stream = 0
        self.turns = {}

    def frames(self):
        """Numbered frames from the far side to a guest, and from one guest to the other."""
        r = self.r
        r.learn_all()
        self.arrive(r.far[0], r.vm(1), FAR_MAC, VM1)
        self.arrive(r.vm(1), r.vm(2), VM1, VM2)

    def next_stream(self):
        self.stream = self.stream % 60000 + 1
        return self.stream

    def arrive(self, sender, receiver, src, dst):
        """All of them, whole."""
        sender.cmd("clear")
        receiver.cmd("clear")
        tally = self.r.transfer(sender, receiver, self.next_stream(), 300, window=100, src=src, dst=dst,
                                size=[60, 1518, 9000])
        assert tally["missing"] == tally["corrupt"] == 0, tally

    def members_settle(self):
        wait_for(self.r.members_settled, what="both usable, the first in use")

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

    def a_member_leaves_and_returns(self):
        self.r.daemon.ctl("remove bonding member net_vhost1 bond0")
        self.frames()
        self.r.daemon.ctl("add bonding member net_vhost1 bond0")
        self.members_settle()

    def a_member_in_use_leaves_and_returns(self):
        for command in ("remove bonding member net_vhost0 bond0", "add bonding member net_vhost0 bond0",
                        "set bonding primary net_vhost0 bond0"):
            self.r.daemon.ctl(command)
            self.streams.go_on()
        self.members_settle()

    def a_drain(self):
        member = self.chance.choice(self.r.member_names)
        self.r.daemon.ctl(f"set bonding drain {member} bond0")
        self.streams.go_on()
        self.r.daemon.ctl(f"set bonding undrain {member} bond0")
        self.members_settle()

    def a_vlan(self):
        r, moved = self.r, [name for name in self.r.guest_names if name != STAYS]
        r.daemon.ctl(f"set guest {STAYS} vlan=untagged")  # as its streams are
        for name in moved:
            r.daemon.ctl(f"set guest {name} vlan=10")
        r.learn(r.vm(1), VM1)
        r.learn(r.vm(2), VM2)
        self.arrive(r.vm(1), r.vm(2), VM1, VM2)
        for name in r.guest_names:
            r.daemon.ctl(f"set guest {name} vlan=any")

    def a_mirror(self):
        self.r.daemon.ctl("set mirror soak source bond0 to vm2")
        self.frames()
        self.r.daemon.ctl("remove mirror soak")

    def a_capture(self):
        file = pathlib.Path(self.r.workdir, "soak.pcapng")
        self.r.daemon.ctl(f"capture start all file {file}")
        self.frames()
        self.r.daemon.ctl("capture stop all")
        file.unlink()

    def an_exporter(self):
        self.r.daemon.ctl("create exporter soak type=sflow,collector=127.0.0.1:9,sampling=1")
        self.frames()
        self.r.daemon.ctl("remove exporter soak")

    def a_guest_moves_to_another_port(self):
        """As at the end of a migration: its address appears elsewhere, and its old port is left."""
        r, sock = self.r, f"{self.r.workdir}/moved.sock"
        new = Peer(r.workdir, "moved", sock)
        try:
            r.daemon.ctl(f"add guest moved socket={sock},queues=1,mtu=9216")
            new.wait_up()
            r.vm(2).kill()
            r.learn(new, VM2)
            r.learn(r.vm(1), VM1)
            wait_for(lambda: r.daemon.fdb()[VM2]["port"] == "moved", what="the guest at its new port")
            self.arrive(r.vm(1), new, VM1, VM2)
        finally:
            new.kill()
        r.daemon.ctl("remove guest moved")
        r.vm(2).start()
        r.vm(2).wait_up()

    def a_migration(self):
        self.moving.move(self.next_stream())

    def a_failover(self):
        ctl = self.r.daemon.ctl
        was = self.r.bond()["active_member"]
        ctl(f"test failover bond0 member {was}")
        self.streams.go_on()
        self.members_settle()

    def a_mode(self):
        self.r.daemon.ctl("set bonding mode balance-xor bond0")
        self.streams.go_on()
        self.r.daemon.ctl("set bonding mode active-backup bond0")

    def rings(self):
        self.r.daemon.ctl("port config all rxd 512")
        self.r.daemon.ctl("port config all rxd 1024")
        self.members_settle()

    def a_stop(self):
        self.r.daemon.ctl("stop")
        self.r.daemon.ctl("start")

    def a_look_at_everything(self):
        for words in ("show port stats all", "show guest", "show fdb", "show bonding config bond0", "show drops",
                      "show events", "show metrics", "show running-config"):
            self.r.daemon.ctl(words)
        self.r.daemon.ctl("clear fdb")

    def turn(self):
        name = self.chance.choice([n for n in dir(self) if n.startswith(("a_", "an_", "rings"))])
        self.turns[name] = self.turns.get(name, 0) + 1
        with self.streams.beside(name):
            getattr(self, name)()
            self.frames()


def sampled(r, soak, seconds):
    """Turns for so long; the samples between them. Every frame has been sent, or dropped for a reason that is counted."""
    begin = time.monotonic()
    samples, due = [], begin
    while time.monotonic() < begin + seconds or len(samples) < 8:
        soak.turn()
        if time.monotonic() < due:
            continue
        r.check_balance()
        samples.append((time.monotonic() - begin, figures(r.daemon)))
        due = time.monotonic() + SAMPLE_S
    return samples


@pytest.mark.parametrize("packed", [0, 1], ids=["split", "packed"])
def test_nothing_grows(rig, packed):
    r = rig(guests=GUESTS, peer_opts={g: {"packed_vq": packed} for g in GUESTS}, log_allowed=LOG)
    print(f"seed {SEED}")
    with moving_guest(r, SECONDS + 900) as moving:
        soak = Soak(r, moving, random.Random(SEED))
        samples = sampled(r, soak, SECONDS / 2)
    lines = list(report(samples))
    print(f"{sum(soak.turns.values())} turns: {soak.turns}", moving, soak.streams, *lines, f"ledger: {r.daemon.ledger()}", sep="\n")
    steady = after_warming_up(samples)
    grown = [name for name, slack in SLACK.items() if slack and rise(steady, name) > slack]
    assert not grown, (grown, lines)


@pytest.mark.parametrize("values, expected", [
    ([5] * 40, 0), ([0] * 10 + [100] * 30, 0), (range(40), 30), ([7, 3] * 20, 0), ([1], 0)])
def test_growth_is_what_a_line_through_all_samples_but_the_first_quarter_rises_by(values, expected):
    steady = after_warming_up([(float(t), {"kib": v}) for t, v in enumerate(values)])
    assert abs(rise(steady, "kib") - expected) < 2
