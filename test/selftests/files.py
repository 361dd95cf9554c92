# SPDX-License-Identifier: BSD-3-Clause
"""
Which of the kernel's own tests (tools/testing/selftests) count for bondfwd, and why others do not.
docs/selftests.md has this as a table: scripts/lib/check-docs.py --write.
"""

import dataclasses
import fnmatch

FORWARDING = "net/forwarding"
BONDING = "drivers/net/bonding"
DSA = "drivers/net/dsa"

MAB = "authentication by MAC address (MAB)"
LEARNED_ELSEWHERE = "stations that others have learned: not aged, but they move"


@dataclasses.dataclass
class File:
    """
    A file that counts. words: the interfaces p1, p2, ... in the order that the file takes them. members: of a file
    about a bond, patterns of the namespace and the name of the interfaces that join it. env: settings that the
    kernel's library takes. part: one of the file's own tests; a file that takes long is here with each of them.
    without: cases that do not count, by their title, and why. beside: how lines begin that a file prints beside the
    verdict of a case, which says the same.
    """

    path: str
    words: str = ""
    members: tuple = ()
    env: str = ""
    part: str = ""
    without: dict = dataclasses.field(default_factory=dict)
    beside: tuple = ()

    @property
    def name(self):
        return self.path.rpartition("/")[2]

    @property
    def title(self):
        return f"{self.path} {self.part}".strip()


VALIDATE = "answers to probes are checked on every member or on none (arp_validate=all, none)"
CARD_FILTERS = "filters of addresses in Linux's members: bondfwd's take every frame"

OPTIONS = ("s-.*", "eth[012]")

# The slowest first.
FILES = [
    File(f"{BONDING}/bond_options.sh", members=OPTIONS, part="prio"),
    File(f"{BONDING}/bond_options.sh", members=OPTIONS, part="arp_validate", without={
        **{f"arp_validate (active-backup {target} arp_validate {value})": VALIDATE
           for target in ("arp_ip_target", "ns_ip6_target") for value in (1, 2, 4, 5, 6)},
        "arp_validate (join mcast group)": CARD_FILTERS},
        beside=("arp_validate (check connection", "arp_validate (interface eth")),
    File(f"{BONDING}/bond_options.sh", members=OPTIONS, part="num_grat_arp"),
    File(f"{FORWARDING}/no_forwarding.sh", "h1 swp1 h2 swp2", env="PING_TIMEOUT=1 PING_COUNT=3"),
    File(f"{BONDING}/mode-1-recovery-updelay.sh", members=("", "lag1-end")),
    File(f"{BONDING}/mode-2-recovery-updelay.sh", members=("", "lag1-end")),
    File(f"{BONDING}/bond_macvlan_ipvlan.sh", members=("s-.*", "eth[01]")),
    File(f"{FORWARDING}/bridge_fdb_learning_limit.sh", "h1 swp1 h2 swp2 h3 swp3", without={
        "FDB accounting interacting with FDB type extern_learn": LEARNED_ELSEWHERE,
        "FDB accounting interacting with FDB type local": "addresses of the switch's own ports",
        "FDB limits interacting with FDB type learned": "a port at its limit gives up its oldest station; Linux does "
                                                        "not learn the new one",
        "FDB limits interacting with FDB type extern_learn": LEARNED_ELSEWHERE,
        "FDB limits interacting with FDB type local": "addresses of the switch's own ports"}),
    File(f"{DSA}/test_bridge_fdb_stress.sh", "swp1"),
    File(f"{FORWARDING}/bridge_vlan_aware.sh", "h1 swp1 swp2 h2", without={
        "Externally learned FDB entry - ageing & roaming": LEARNED_ELSEWHERE,
        "FDB entry in PVID for VLAN-tagged with other TPID": "802.1ad tags are VLANs of their own",
        "Reception of VLAN with other TPID as untagged": "802.1ad tags are VLANs of their own",
        "Reception of VLAN with other TPID as untagged (no PVID)": "802.1ad tags are VLANs of their own"}),
    File(f"{FORWARDING}/bridge_locked_port.sh", "h1 swp1 swp2 h2", without={
        "Locked port MAB": MAB, "Locked port MAB roam": MAB, "Locked port MAB configuration": MAB,
        "Locked port MAB FDB flush": MAB, "Locked port MAB redirect": MAB}),
    File(f"{FORWARDING}/bridge_vlan_unaware.sh", "h1 swp1 swp2 h2"),
    File(f"{FORWARDING}/bridge_port_isolation.sh", "h1 swp1 swp2 h2 swp3 h3"),
    File(f"{FORWARDING}/bridge_sticky_fdb.sh", "h1 swp1 h2 swp2"),
    File(f"{BONDING}/bond-break-lacpdu-tx.sh", members=("", "veth[12]-bond")),
    File(f"{BONDING}/bond-lladdr-target.sh", members=("ns-.*", "veth[01]")),
    File(f"{BONDING}/bond-arp-interval-causes-panic.sh", members=("client", "eth0")),
]

# Files that may count one day: once bondfwd and the shim have what they ask for, they are a line in FILES.
NOT_YET = {
    f"{FORWARDING}/bridge_igmp.sh": "bridge mdb is not in the shim; most cases are about sources of IGMPv3",
    f"{FORWARDING}/bridge_mld.sh": "bridge mdb is not in the shim; most cases are about sources of MLDv2",
    f"{FORWARDING}/bridge_vlan_mcast.sh": "a querier in each VLAN, routers behind ports that are configured",
    f"{FORWARDING}/bridge_mdb.sh": "groups that are configured",
    f"{FORWARDING}/bridge_mdb_port_down.sh": "groups that are configured",
    f"{FORWARDING}/bridge_mdb_max.sh": "limits of groups",
    "net/test_bridge_neigh_suppress.sh": "not tried: neigh_suppress is not in the shim, and its switches are joined "
                                         "by a tunnel",
}

# What does not make sense for it. Patterns; the first one that fits counts.
NEVER = {
    f"{FORWARDING}/*lib.sh": "a library",
    f"{FORWARDING}/tc_common.sh": "a library",
    f"{FORWARDING}/sch_*_core.sh": "a library",
    f"{FORWARDING}/sch_*_tests.sh": "a library",
    f"{FORWARDING}/lib_sh_test.sh": "tests the library",
    f"{FORWARDING}/bridge_mdb_host.sh": "groups that the bridge itself has joined: it needs an address",
    f"{FORWARDING}/local_termination.sh": "an address in the switch",
    f"{FORWARDING}/min_max_mtu.sh": "an address in the switch",
    f"{FORWARDING}/*multipath*.sh": "an address in the switch: it routes",
    f"{FORWARDING}/router*.sh": "an address in the switch: it routes",
    f"{FORWARDING}/ip6_forward_instats_vrf.sh": "an address in the switch: it routes",
    f"{FORWARDING}/ip*gre*.sh": "tunnels",
    f"{FORWARDING}/ipip*.sh": "tunnels",
    f"{FORWARDING}/*vxlan*.sh": "tunnels",
    f"{FORWARDING}/q_in_vni*.sh": "tunnels",
    f"{FORWARDING}/mirror_*.sh": "mirroring",
    f"{FORWARDING}/tc_*.sh": "rules of tc in the switch",
    f"{FORWARDING}/pedit_*.sh": "rules of tc in the switch",
    f"{FORWARDING}/skbedit_*.sh": "rules of tc in the switch",
    f"{FORWARDING}/sch_*.sh": "queueing disciplines of tc in the switch",
    f"{DSA}/run_net_forwarding_test.sh": "a library",
    f"{DSA}/*.sh": "links to files of net/forwarding",
    f"{BONDING}/*lib.sh": "a library",
    f"{BONDING}/bond_topo_*.sh": "a library",
    f"{BONDING}/bond-eth-type-change.sh": "members that are no Ethernet ports",
    f"{BONDING}/dev_addr_lists.sh": CARD_FILTERS,
    "net/test_bridge_backup_port.sh": "ports that stand in for others",
}
FOLDERS = (f"{FORWARDING}/*.sh", f"{BONDING}/*.sh", f"{DSA}/*.sh", "net/test_bridge_*.sh")


def why_not(path):
    """Why a file does not count; None: nobody has looked at it."""
    fits = [reason for pattern, reason in {**NOT_YET, **NEVER}.items() if fnmatch.fnmatch(path, pattern)]
    return fits[0] if fits else None


def rows():
    """The table of docs/selftests.md."""
    yield "| file | counts | does not count |\n| --- | --- | --- |"
    for path in sorted({file.path for file in FILES}):
        reasons = {}
        for file in FILES:
            for title, reason in file.without.items() if file.path == path else ():
                reasons.setdefault(reason, []).append(title)
        why = "; ".join(f"{len(titles)} {'case' if len(titles) == 1 else 'cases'}: {reason}"
                        for reason, titles in reasons.items())
        yield f"| `{path}` | {'but for some cases' if why else 'whole'} | {why} |"
    for path, reason in NOT_YET.items():
        yield f"| `{path}` | not yet | {reason} |"
    for path, reason in NEVER.items():
        if reason != "a library":
            yield f"| `{path}` | no | {reason} |"
