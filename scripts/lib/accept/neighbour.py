# SPDX-License-Identifier: BSD-3-Clause
"""a minute of the worst neighbours, all at once, beside tenants that lose no frame, with LACP; two of full members

They are cases of scripts/test (test/functional/test_neighbour.py, test_lacp_flood.py) for a minute each part, the first at
more frames a second.
"""

from suites import run_pytest

LIMIT_S = 600
SECONDS = 60
RATE = 5000  # frames a second each way


def run(job):
    return run_pytest(job, "functional", "-k", "worst_neighbours or fill_the_members", log="neighbour",
                      env={"BONDFWD_NEIGHBOUR_S": str(SECONDS), "BONDFWD_NEIGHBOUR_RATE": str(RATE),
                           "BONDFWD_FLOOD_S": str(SECONDS)})
