# SPDX-License-Identifier: BSD-3-Clause
"""
The kernel's own tests of its bridge (tools/testing/selftests/net/forwarding), unchanged, with bondfwd as the
bridge. Run by scripts/accept selftests, which fetches them.
"""

import os
import pathlib
import re

import pytest

from guestrig.backend import Bondfwd, GuestPort
from guestrig.process import Run
from lab import Hosts, install
from switch import Switch

ROOT = os.environ.get("BONDFWD_SELFTESTS", "")
LIMIT_S = 600
N_PORTS = 3

# The interfaces p1, p2, ... in the order that each file takes them.
FILES = {
    "bridge_sticky_fdb.sh": "h1 swp1 h2 swp2",
    "bridge_vlan_unaware.sh": "h1 swp1 swp2 h2",
}

# Files about a bridge that do not count, and what bondfwd has not.
NOT_YET = {
    "bridge_fdb_learning_limit.sh": "stations that are pinned take no room of learned ones; entries that others "
                                    "have learned",
    "bridge_igmp.sh": "IGMP snooping",
    "bridge_locked_port.sh": "VLANs of a port",
    "bridge_mdb.sh": "groups that are configured",
    "bridge_mdb_host.sh": "groups of the bridge itself",
    "bridge_mdb_max.sh": "limits of groups",
    "bridge_mdb_port_down.sh": "groups that are configured",
    "bridge_mld.sh": "MLD snooping",
    "bridge_port_isolation.sh": "isolated ports",
    "bridge_vlan_aware.sh": "VLANs of a port",
    "bridge_vlan_mcast.sh": "VLANs of a port, and snooping in them",
    "no_forwarding.sh": "several bridges of one bond, and VLANs of a port",
}


def test_every_file_about_a_bridge_is_accounted_for():
    """What the kernel adds is looked at; why a file does not count is said in the summary's log."""
    found = {path.name for path in (pathlib.Path(ROOT) / "selftests/net/forwarding").glob("*.sh")
             if path.name.startswith("bridge_") or path.name == "no_forwarding.sh"}
    for name, reason in NOT_YET.items():
        print(f"not run: {name}: {reason}")
    assert found == set(FILES) | set(NOT_YET)


@pytest.fixture
def hosts():
    """The guest, on a switch that has not been told anything."""
    install(ROOT)
    with Run("selftests", keep_logs=os.environ.get("BONDFWD_GUEST_LOGS")) as run:
        ports = [GuestPort(f"swp{i}", run.path(f"swp{i}.sock"), mode="server", admin="down")
                 for i in range(1, N_PORTS + 1)]
        backend = Bondfwd(run, [run.path("far.sock")], ports, {"mode": "active-backup"})
        backend.start(limit_s=LIMIT_S + 300).wait_ready()
        switch = Switch(backend, [port.name for port in ports])
        guest = Hosts(run, ROOT, ports, switch.answer)
        guest.switch = switch
        guest.start(limit_s=LIMIT_S + 300).wait_booted()
        yield guest
        assert backend.in_flight() == 0
        assert backend.stop() == 0


@pytest.mark.parametrize("file", FILES)
def test_the_kernels_own_test_passes(hosts, file):
    said = hosts.sh(f"cd /selftests/net/forwarding && export NETIF_CREATE=no; ./{file} {FILES[file]} </dev/null 2>&1; "
                    "echo status $?", limit_s=LIMIT_S)
    refused = [f"{' '.join(words)}: {why}" for words, why in hosts.switch.log if why]
    verdicts = re.findall(r"^TEST: (.*?)\s+\[\s*(\w+)\s*\]", said, re.MULTILINE)
    print(said, "\n".join(refused), sep="\n")
    assert re.search(r"^status 0", said, re.MULTILINE), "\n".join(refused)
    assert verdicts and all(word in ("OK", "XFAIL") for _, word in verdicts)
