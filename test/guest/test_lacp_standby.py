# SPDX-License-Identifier: BSD-3-Clause
"""max_links and spares with a Linux bond as the partner: it neither collects nor distributes on standby."""

import pytest

from guestrig.lab import GuestSpec
from guestrig.process import wait_until

LAB = {"mode": "802.3ad", "guests": [GuestSpec("vm1")], "cables": 3, "bond": {"lacp_rate": "fast"}}
IN_SYNC, COLLECTING, DISTRIBUTING = 8, 16, 32
CARRIES = IN_SYNC | COLLECTING | DISTRIBUTING


def states(far, cable):
    """Both state octets of a cable as the Linux bond has them: its own, ours."""
    port = far.bonding()[f"nic{cable}"]
    return [int(port[f"details {who} lacp pdu: port state"]) for who in ("actor", "partner")]


def wait_agreed(lab, far, serving):
    """Both sides serve on these cables and on no other that has a link."""
    far.wait_aggregated(serving)

    def others_stand_by():
        return all(not ours & CARRIES and not theirs & (COLLECTING | DISTRIBUTING)
                   for cable in far.cables() if cable not in serving and lab.backend.member(cable)["link"]
                   for theirs, ours in [states(far, cable)])
    wait_until(f"the partner serves on {serving} only", 20, others_stand_by)
    wait_until(f"we serve on {serving} only", 20,
               lambda: [m for m in far.cables() if lab.backend.member(m)["sending"]] == list(serving))


@pytest.fixture
def limited(lab, far):
    """Two of three cables serve; our ports decide which."""
    def make(*commands):
        far.wait_aggregated()
        lab.backend.ctl("set", "bonding", "lacp", "system_priority", "bond0", "1")
        for command in commands:
            lab.backend.ctl(*command.split())
        return lab
    yield make
    for cable in far.cables():
        lab.backend.ctl("set", "bonding", "member", f"net_vhost{cable}", "bond0", "spare=off")
    lab.backend.ctl("set", "bonding", "lacp", "max_links", "bond0", "0")
    lab.backend.ctl("set", "bonding", "lacp", "system_priority", "bond0", "65535")
    far.wait_aggregated()


@pytest.mark.parametrize("command", ["set bonding lacp max_links bond0 2",
                                     "set bonding member net_vhost2 bond0 spare=on"])
def test_a_linux_bond_serves_on_as_many_cables_as_we_let_in(limited, vm1, far, command):
    lab = limited(command)
    wait_agreed(lab, far, [0, 1])
    vm1.wait_reaches(far)
    far.pull_cable(0)
    try:
        wait_agreed(lab, far, [1, 2])
        vm1.wait_reaches(far)
        assert vm1.ping(far).perfect
        pings = vm1.start_ping(far, count=100, every_s=0.05)
    finally:
        far.replug(0)
    wait_agreed(lab, far, [0, 1])
    # The emulated partner moves in its own time, on a busy machine 0.1 s late; test/functional/test_lacp_standby.py,
    # whose partner is no machine, loses nothing.
    seen = pings.pings()
    assert seen.lost <= 10 and not seen.duplicates and not seen.corrupt, seen
