# SPDX-License-Identifier: BSD-3-Clause
"""hostile vhost-user front ends (test/attack) against the program built with sanitizers

Each case is a row of a table: messages, descriptors, memory, time, rings, and scripts that chance has
written. After each one two friendly guests, the ledger, descriptors and mappings are looked at.
"""

from runner import Tally
from suites import SANITIZED, build_sanitized, run_pytest

LIMIT_S = 5400


def run(job):
    if not build_sanitized(job):
        tally = Tally()
        tally.add("build with sanitizers", "failed")
        return tally
    return run_pytest(job, "attack", env={"BONDFWD_BUILD": str(SANITIZED)})
