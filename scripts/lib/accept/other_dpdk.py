# SPDX-License-Identifier: BSD-3-Clause
"""unit, eal and fuzz with the DPDK of Debian 13 and of Debian unstable (root, network, 1 GB)

See scripts/other-dpdk.
"""

from runner import ROOT, Tally

DISTRIBUTIONS = ("trixie", "sid")
LIMIT_S = 1200 * len(DISTRIBUTIONS)
NEEDS_BUILD = False


def run(job):
    tally = Tally()
    for name in DISTRIBUTIONS:
        status, _, in_time = job.run(f"other-dpdk-{name}", [ROOT / "scripts" / "other-dpdk", name])
        if not in_time:
            return job.finish(tally, status, in_time)
        tally.add(name, "passed" if status == 0 else "failed")
    return tally
