# SPDX-License-Identifier: BSD-3-Clause
"""hostile vhost-user front ends (test/attack) against the program built with sanitizers

The tables are those that scripts/test runs in its suite `sanitize`; here they come with many more of the
scripts that chance writes, as many as two workers do in --minutes.
"""

from runner import Tally
from suites import build_sanitized, run_attack

# To build, and for the tables.
LIMIT_S = 2400
PARTS = 3  # of a slow machine
SCRIPTS_PER_MINUTE = 300  # of each kind


def run(job):
    if not build_sanitized(job):
        tally = Tally()
        tally.add("build with sanitizers", "failed")
        return tally
    return run_attack(job, BONDFWD_ATTACK_SCRIPTS=str(round(SCRIPTS_PER_MINUTE * job.minutes)))
