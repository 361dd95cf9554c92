# SPDX-License-Identifier: BSD-3-Clause
"""[HOURS] changes of every kind by chance, beside streams of frames, and migrations: nothing may grow

The seed is printed; BONDFWD_SOAK_SEED takes it again.
"""

from suites import run_pytest

LIMIT_S = 900
PARTS = 1
GROUPS = ("build", "run", "test", "guest")


def run(job):
    return run_pytest(job, "soak", "-s", env={"BONDFWD_SOAK_S": str(60 * job.minutes)})
