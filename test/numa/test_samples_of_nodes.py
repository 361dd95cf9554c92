# SPDX-License-Identifier: BSD-3-Clause
"""The samples of docs/console.md about memory nodes are the program's; see test/functional/samples.py."""

from guestrig.process import wait_until

import samples

SOON = 20


def test_the_samples_of_a_guest_on_another_node(machine):
    m = machine.start()
    for node in (0, 1):
        m.connect(node)
        wait_until(f"vm{node}'s node is found", SOON, lambda n=node: m.guest(n)["memory_node"] == n)
    m.ctl("set lcore 2 guest vm0 queue 0")
    wait_until("the warning", SOON, lambda: m.events("numa_crossing", "vm0"))
    wait_until("frames where it is polled", SOON, lambda: m.guest(0)["mempool_node"] == 1)

    def run(command):
        if command == "bondctl show events":
            m.ctl(m.guest(0)["advice"])
            wait_until("the notice", SOON, lambda: m.events("numa_near", "vm0"))
        return m.vm.read(command.replace("bondctl", "/tools/bondctl -s /run/console", 1))

    samples.check("numa", run)
