# SPDX-License-Identifier: BSD-3-Clause
"""How long the rings of members are, and what is shown of queues."""

import pytest

from bf import FAR_MAC, guest_mac, wait_for

VM1 = guest_mac(1)
LOG = [r"^WARNING: member_down: ", r"^WARNING: bond_closed: "]


def descriptors(r, what, port, queue=0):
    return r.daemon.ctl(f"show {what} info {port} {queue}", json=True)["descriptors"]


def carries(r, stream):
    r.learn_all()
    tally = r.transfer(r.far[0], r.vm(1), stream, 500, src=FAR_MAC, dst=VM1)
    assert tally["missing"] == 0


def test_the_bonds_sizes_are_those_of_its_members_and_change_while_it_runs(rig):
    r = rig(bond=",rxd=512,txd=256", log_allowed=LOG)
    carries(r, 1)
    for member in r.member_names:
        assert (descriptors(r, "rxq", member), descriptors(r, "txq", member)) == (512, 256)
    r.daemon.ctl("port config all rxd 2048")
    r.daemon.ctl("set bonding option bond0 txd=2048")
    for member in r.member_names:
        assert (descriptors(r, "rxq", member), descriptors(r, "txq", member)) == (2048, 2048)
    carries(r, 2)
    assert "rxd=2048" in r.daemon.ctl("show running-config")


def test_a_member_may_have_its_own(rig):
    r = rig(members=2, log_allowed=LOG)
    first, second = r.member_names
    r.daemon.ctl(f"set bonding member {second} bond0 rxd=4096,txd=128")
    assert (descriptors(r, "rxq", first), descriptors(r, "txq", first)) == (1024, 1024)
    assert (descriptors(r, "rxq", second), descriptors(r, "txq", second)) == (4096, 128)
    carries(r, 1)
    r.daemon.ctl(f"set bonding member {second} bond0 rxd=bond,txd=bond")
    assert descriptors(r, "rxq", second) == 1024
    carries(r, 2)


def test_a_guests_queue_is_its_ring(rig):
    r = rig(peer_opts={"vm1": {"queue_size": 512}})
    wait_for(lambda: descriptors(r, "rxq", "vm1") == 512, what="the size of the guest's ring")
    assert descriptors(r, "txq", "vm1") == 512
    text = r.daemon.ctl("show rxq info vm1 0")
    assert "Infos for port 100, RX queue 0" in text and "Number of RXDs: 512" in text


@pytest.mark.parametrize("command, words", [
    ("port config all rxd 63", ["rxd", '"63"', "64 to 4096"]),
    ("port config all txd 4097", ["txd", '"4097"', "64 to 4096"]),
    ("port config all rxd", ["value"]),
    ("set bonding option bond0 rxd=many", ["rxd", "many"]),
    ("show rxq info bond0 7", ["queue", '"7"']),
    ("show rxq info nobody 0", ["nobody"]),
    ("show txq info all 0", ["all", "one port"]),
])
def test_what_cannot_be_is_refused_in_words(rig, command, words):
    r = rig()
    before = r.daemon.ctl("show running-config")
    done = r.daemon.run_ctl(command)
    answer = done.stdout + done.stderr
    assert done.returncode in (1, 2)
    assert all(word in answer for word in words), answer
    assert r.daemon.ctl("show running-config") == before
