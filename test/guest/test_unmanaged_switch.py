# SPDX-License-Identifier: BSD-3-Clause
"""The story that started it: balance-rr into a switch that has no LAG, here the Linux bridge."""

from guestrig.lab import GuestSpec
from guestrig.process import wait_until

LAB = {"mode": "active-backup", "far_mode": "bridge",
       "guests": [GuestSpec("vm1"), GuestSpec("vm2")]}
SAID = "switch_without_lag"


def events(lab):
    return [e for e in lab.backend.show("events") if e["what"] == SAID]


def test_balance_rr_into_a_bridge_is_told_with_the_remedy_and_balance_alb_heals_it(lab, vm1, vm2,
                                                                                   far):
    lab.backend.ctl("set", "bonding", "mode", "balance-rr", "bond0")
    try:
        def told():
            for guest in (vm1, vm2):  # what a guest broadcasts comes back by the other cables
                guest.vm.sh(f"ip neigh flush dev {guest.device}; "
                            f"ping -q -c 5 -i 0.05 -w 3 {far.ip} >/dev/null 2>&1 || true")
            return events(lab)
        wait_until("the event", 60, told)
        text = events(lab)[-1]["text"]
        assert "static LAG" in text and "set bonding mode balance-alb bond0" in text
    finally:
        lab.backend.ctl("set", "bonding", "mode", "balance-alb", "bond0")
    for guest in (vm1, vm2):
        guest.wait_reaches(far)
        assert guest.ping(far, 40, every_s=0.05).perfect
    before = len(events(lab))
    for guest in (vm1, vm2):
        assert guest.ping(far, 40, every_s=0.05).perfect
    assert len(events(lab)) == before
    lab.backend.ctl("set", "bonding", "mode", "active-backup", "bond0")
    lab.wait_connected()
