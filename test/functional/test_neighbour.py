# SPDX-License-Identifier: BSD-3-Clause
"""
The worst neighbours, all at once: a guest that floods, one with a million addresses, one that forges those of others,
and one with corrupt rings.  Tenants beside them lose no frame, and LACP holds.

BONDFWD_NEIGHBOUR_S says for how long; scripts/accept neighbour does it for a minute.
"""

import os
import threading

import pytest

import bf
from bf import BROADCAST, guest_mac, wait_for
from lacp_partner import lacp, net, partner  # noqa: F401
from vhost_frontend import BASE, TX, Frontend

SECONDS = float(os.environ.get("BONDFWD_NEIGHBOUR_S", "5"))
RATE = int(os.environ.get("BONDFWD_NEIGHBOUR_RATE", "1000"))  # frames a second each way: what waits while a peer gets no CPU fits into its ring
GOOD = (1, 2)
FLOODS, INVENTS, FORGES = 3, 4, 5
LOG = [r"^WARNING: (mac_refused|mac_limit|storm|guest_ring_fault|rogue_\w+|forged_\w+|mac_flaps|loop): ",
       r"^(NOTICE|WARNING): guest_(refused|ended): bad: "]


class Bad(threading.Thread):
    """Does it again and again, until it is told to end."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.ended, self.times, self.error = act, threading.Event(), 0, None
        self.start()

    def run(self):
        try:
            while not self.ended.is_set():
                self.act()
                self.times += 1
        except Exception as e:  # told by the test's thread
            self.error = e

    def end(self):
        self.ended.set()
        self.join(bf.LIMIT)
        assert self.error is None and self.times > 0


def corrupt(client, room, told):
    """Comes up with descriptors outside its memory, and is gone as soon as that was told once."""
    try:
        client.start()
    except OSError:
        return  # its port is being closed
    client.chain([(BASE + (64 << 30), 1000), (room, 1 << 30)])
    os.eventfd_write(client.kick[TX], 1)
    # One that left at once might never be read: no worker may have had a CPU meanwhile.
    wait_for(told, what="the fault is told")
    client.hang_up()


def mux_transitions(lab):
    return {m["name"]: m["counters"]["transitions"] for m in lab.info()["members"]}


@pytest.mark.alone
def test_X12_worst_neighbours_cost_a_tenant_no_frame_and_lacp_no_member(lacp, partner, workdir):  # noqa: F811
    names = tuple(f"vm{i}" for i in (*GOOD, FLOODS, INVENTS, FORGES))
    lab = lacp(guests=names, log_allowed=LOG, idle="poll", start=False)
    lab.rig.args += ["--profile", "tenant"]
    lab.start()
    partner(lab.far())
    lab.wait_distributing([0, 1])
    r = lab.rig
    for i in (*GOOD, FORGES):
        r.learn(r.vm(i), guest_mac(i))
    r.daemon.ctl(f"add guest bad socket={workdir}/bad.sock,mode=server,queues=1")
    before = mux_transitions(lab)

    count = int(RATE * SECONDS)
    for stream, (here, there) in enumerate(((1, 2), (2, 1)), 1):
        r.vm(here).send(wait=False, stream=stream, count=count, rate=RATE, src=guest_mac(here), dst=guest_mac(there),
                        size=[60, 512, 1500])
    client, faults = Frontend(f"{workdir}/bad.sock"), []
    room = client.arena(bytes(64))  # the same each time: what is in a faulty ring is never used

    def told():
        if not faults:
            faults.extend(r.events("guest_ring_fault"))
        return faults
    about = {"count": 1 << 17, "kind": "ether", "timeout": bf.LIMIT}
    bad = [Bad(lambda: corrupt(client, room, told)),
           Bad(lambda: r.vm(FLOODS).send(stream=3, src=guest_mac(FLOODS), dst=BROADCAST, **about)),
           Bad(lambda: r.vm(INVENTS).send(stream=4, srcs=1 << 20, src="52:55:00:00:00:00", dst=BROADCAST, **about)),
           Bad(lambda: r.vm(FORGES).send(stream=5, src=guest_mac(1), dst=guest_mac(2), **about))]

    for stream, there in ((1, 2), (2, 1)):
        wait_for(lambda p=r.vm(there), n=stream: p.stream(n)["distinct"] == count, SECONDS + bf.LIMIT,
                 what=f"stream {stream}")
        tally = r.vm(there).stream(stream, expect=count)
        assert (tally["distinct"], tally["missing"], tally["corrupt"], tally["duplicates"]) == (count, 0, 0, 0), \
            r.daemon.ctl("show drops")
    assert lab.distributing() == [0, 1] and mux_transitions(lab) == before
    for one in bad:
        one.end()
    client.close()
    assert {fault["object"] for fault in faults} == {"bad"}
    drops = r.daemon.drops()
    assert drops["storm_broadcast"] > 0 and drops["forged_mac"] > 0 and drops["mac_limit"] > 0
