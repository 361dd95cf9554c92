# SPDX-License-Identifier: BSD-3-Clause
"""802.3ad seen with the partner's eyes: /proc/net/bonding of a Linux bond."""

from guestrig.lab import GuestSpec
from guestrig.process import wait_until

LAB = {"mode": "802.3ad", "guests": [GuestSpec("vm1"), GuestSpec("vm2")],
       "bond": {"lacp_rate": "fast"}}

# Bits of the state octet of IEEE 802.1AX.
ACTIVITY, FAST, AGGREGATABLE, IN_SYNC, COLLECTING, DISTRIBUTING = 1, 2, 4, 8, 16, 32


def partner_state(far, cable):
    """Our state octet as the switch has it."""
    return int(far.bonding()[f"nic{cable}"]["details partner lacp pdu: port state"])


def test_the_partner_has_both_ports_in_one_aggregator_with_our_system_id(lab, far):
    far.wait_aggregated()
    aggregators, systems = zip(*far.aggregators())
    assert len(set(aggregators)) == 1
    assert set(systems) == {lab.backend.mac()}
    bond = far.bonding()["bond"]
    assert bond["active aggregator info: number of ports"] == "2"
    assert bond["active aggregator info: partner mac address"] == lab.backend.mac()


def test_the_partner_sees_us_active_fast_and_forwarding(far):
    far.wait_aggregated()
    for cable in far.cables():
        state = partner_state(far, cable)
        wanted = ACTIVITY | FAST | AGGREGATABLE | IN_SYNC | COLLECTING | DISTRIBUTING
        assert state & wanted == wanted, f"cable {cable}: {state:#x}"


def test_a_silent_partner_is_left_and_taken_back(lab, vm1, far):
    far.silence_lacp(0)
    try:
        wait_until("bondfwd no longer sends on the silent cable", 10,
                   lambda: not lab.backend.member(0)["sending"])
        assert lab.backend.member(0)["link"], "the carrier was to stay"
        vm1.wait_reaches(far, 10)
    finally:
        far.unsilence_lacp(0)
    far.wait_aggregated()


def test_a_guest_cannot_talk_lacp_to_the_partner(vm1, far):
    far.wait_aggregated()
    before = far.bonding()
    # One LACPDU of a stranger who wants the link: source of the guest, all else plausible.
    pdu = ("0180c2000002" + vm1.vm.nics[0].mac.replace(":", "") + "8809" + "0101"
           + "0114" + "0001" + "025e51000001" + "0001" + "0001" + "0001" + "3d" + "000000"
           + "0214" + "0000" + "000000000000" + "0000" + "0000" + "0000" + "00" + "000000"
           + "0310" + "0000" + "00" * 12 + "0000" + "00" * 50)
    sent = vm1.counter("tx_packets")
    vm1.vm.sh(f"raw nic0 {pdu} 20")
    assert vm1.counter("tx_packets") - sent >= 20
    assert vm1.ping(far).perfect
    after = far.bonding()
    for cable in far.cables():
        for key in ("aggregator id", "details partner lacp pdu: system mac address",
                    "details partner lacp pdu: port state"):
            assert after[f"nic{cable}"][key] == before[f"nic{cable}"][key]
