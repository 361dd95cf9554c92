# SPDX-License-Identifier: BSD-3-Clause
"""Where things are, what control puts on which node, and what it says of what crosses."""

from guestrig.process import wait_until

SOON = 20
HUGE_PAGE = 2 << 20


def bytes_of(pool):
    return pool["size"] * pool["element"]


def looks(m, n):
    """Control looks once a second: so many looks have passed."""
    m.vm.sh(f"sleep {n + 1}")


def test_each_thing_is_shown_on_the_node_where_the_kernel_has_it(machine):
    m = machine.start()
    assert m.lcores() == {1: 0, 2: 1}
    assert [m.members()[d]["node"] for d in m.devices] == [0, 1]
    assert m.guest(1)["memory_node"] == -1, "nobody is connected"
    before = m.huge_bytes()
    assert before[0] >= bytes_of(m.pool(m.guest(0)["mempool"])) > before[1]
    for node in (0, 1):
        m.connect(node)
        wait_until(f"vm{node}'s node is found", SOON, lambda n=node: m.guest(n)["memory_node"] == n)
        found = m.guest_bytes(node)
        assert found[node] > 0 and found[1 - node] == 0, found
        assert m.lcores()[m.poller(node)] == node
    wait_until("frames of vm1 on its node", SOON, lambda: m.guest(1)["mempool_node"] == 1)
    assert m.guest(0)["mempool_node"] == 0 and m.guest(0)["mempool"] != m.guest(1)["mempool"]
    grown = m.huge_bytes()[1] - before[1]
    assert grown >= bytes_of(m.pool(m.guest(1)["mempool"])) - HUGE_PAGE, grown
    assert not any(m.guest(n)["polled_across_by"] for n in (0, 1))
    assert not any(m.events("numa_crossing", f"vm{n}") for n in (0, 1))
    for node in m.ctl("show numa")["nodes"]:
        assert (node["members"], node["guests"]) == (1, 1) and node["memory_mib"] > 0
        assert [p["size_kib"] for p in node["hugepages"]] == [2048]


def test_a_card_of_another_node_is_told_of_once(machine):
    m = machine.start()
    for index, lcore in ((0, 2), (1, 1)):
        device = m.devices[index]
        wait_until("the event", SOON, lambda d=device: m.events("numa_crossing", d))
        assert m.members()[device]["polled_across_by"] == [lcore]
        assert f"is on node {index}, it is polled by lcore {lcore} (node {1 - index})" in \
            m.events("numa_crossing", device)[0]
    looks(m, 3)
    assert all(len(m.events("numa_crossing", d)) == 1 for d in m.devices)


def test_a_guest_that_is_pinned_to_another_node_is_told_of_until_it_is_not(machine):
    m = machine.start()
    m.connect(1)
    m.ctl("set lcore 1 guest vm1 queue 0")
    wait_until("the warning", SOON, lambda: m.events("numa_crossing", "vm1"))
    assert m.events("numa_crossing", "vm1") == [
        "its memory is on node 1, it is polled by lcore 1 (node 0): set lcore 2 guest vm1 queue 0"]
    guest = m.guest(1)
    assert guest["polled_across_by"] == [1] and guest["advice"] == "set lcore 2 guest vm1 queue 0"
    wait_until("frames where it is polled", SOON, lambda: m.guest(1)["mempool_node"] == 0)
    looks(m, 3)
    assert len(m.events("numa_crossing", "vm1")) == 1
    m.ctl(guest["advice"])
    wait_until("the notice", SOON, lambda: m.events("numa_near", "vm1"))
    assert m.guest(1)["polled_across_by"] == [] and m.poller(1) == 2
    wait_until("frames where it is polled", SOON, lambda: m.guest(1)["mempool_node"] == 1)
    # Again is another change; and without a pin it is on its own node.
    m.ctl("set lcore 1 guest vm1 queue 0")
    wait_until("the second warning", SOON, lambda: len(m.events("numa_crossing", "vm1")) == 2)
    m.ctl("set lcore auto guest vm1 queue 0")
    assert m.poller(1) == 2 and m.events("numa_moved", "vm1")


def test_a_guest_of_a_node_without_workers_is_told_which_cpus_would_do(machine):
    m = machine.start("-l 0,1")
    m.connect(1)
    wait_until("the warning", SOON, lambda: m.events("numa_crossing", "vm1"))
    assert m.events("numa_crossing", "vm1")[0].endswith(
        "no worker is on node 1: name one of its CPUs (2-3) behind -l")
    assert m.guest(1)["mempool_node"] == 0, "the worker is there, and so is the card that carries"


def test_memory_of_its_own_follows_the_worker(machine):
    m = machine.start()
    m.ctl("set guest vm1 mbufs=1024")
    own = m.guest(1)["mempool"]
    assert own.startswith("vm1.") and m.guest(1)["mempool_node"] == 0
    m.connect(1)
    wait_until("its frames on its node", SOON, lambda: m.guest(1)["mempool_node"] == 1)
    assert m.guest(1)["mempool"].startswith("vm1.")
    wait_until("the old pool is gone", SOON, lambda: own not in [p["name"] for p in m.ctl("show mempool")])


def test_an_lcore_is_where_its_cpu_is_whatever_its_number(machine):
    m = machine.start(r"--lcores 0@0,1@2,2@\(1,2\)")
    assert m.lcores() == {1: 1, 2: -1}, "one is on the node of CPU 2, the other may be on both"
    wait_until("the event", SOON, lambda: m.events("numa_crossing", m.devices[0]))
    assert m.members()[m.devices[0]]["polled_across_by"] == [1]
    looks(m, 1)
    assert not m.events("numa_crossing", m.devices[1])


def test_the_bond_s_frames_are_on_the_node_of_its_cards(machine):
    m = machine.start(members=(1,))
    assert {p["name"].split(".")[0]: p["node"] for p in m.ctl("show mempool")}["bond0"] == 1
    assert m.huge_bytes()[1] >= bytes_of(m.ctl("show mempool")[0])
    m.connect(0)
    wait_until("frames of vm0 on its node", SOON, lambda: m.guest(0)["mempool_node"] == 0)


PAGES = "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"


def test_a_card_s_node_with_few_huge_pages_is_told_of(machine):
    had = machine.vm.read(f"cat {PAGES}")
    try:
        machine.vm.sh(f"echo 5 >{PAGES}")  # enough for what the driver needs there
        m = machine.start("-l 0,1", members=(1,))
        assert m.ctl("show mempool")[0]["node"] == 0
        assert "its cards are on node 1, which has no memory" in m.events("numa_memory", "bond0")[0]
    finally:
        machine.vm.sh(f"echo {had} >{PAGES}")


def test_a_node_without_huge_pages_is_told_of_and_the_bond_s_are_used(machine):
    had = machine.vm.read(f"cat {PAGES}")
    try:
        m = machine.start()
        # What is free goes; bondfwd keeps what it has.
        machine.vm.sh(f"echo 0 >{PAGES}")
        m.connect(1)
        wait_until("the event", SOON, lambda: m.events("numa_memory", "bond0"))
        assert "expected more huge pages on node 1" in m.events("numa_memory", "bond0")[0]
        assert m.guest(1)["mempool_node"] == 0 and m.poller(1) == 2
        looks(m, 3)
        assert len(m.events("numa_memory", "bond0")) == 1
    finally:
        machine.vm.sh(f"echo {had} >{PAGES}")
    m.ctl("set fdb aging 200")  # any change asks again
    wait_until("frames of vm1 on its node", SOON, lambda: m.guest(1)["mempool_node"] == 1)
