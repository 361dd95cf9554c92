# SPDX-License-Identifier: BSD-3-Clause
"""a minute of the worst neighbours, all at once, beside tenants that lose no frame, with LACP

It is the case of scripts/test (test/functional/test_neighbour.py) for a minute, at more frames a second.
"""

from suites import run_pytest

LIMIT_S = 300
SECONDS = 60
RATE = 5000  # frames a second each way


def run(job):
    return run_pytest(job, "functional", "-k", "worst_neighbours", log="neighbour",
                      env={"BONDFWD_NEIGHBOUR_S": str(SECONDS), "BONDFWD_NEIGHBOUR_RATE": str(RATE)})
