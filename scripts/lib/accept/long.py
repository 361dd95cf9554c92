# SPDX-License-Identifier: BSD-3-Clause
"""functional tests that wait for minutes, and the whole of matrices of which scripts/test runs a part (root)

They are those of test/functional that are marked `long`.
"""

from suites import JOBS, run_pytest

LIMIT_S = 1200


def run(job):
    tally = run_pytest(job, "functional", "-n", JOBS, "--long", "-m", "not alone", log="long")
    tally.take(run_pytest(job, "functional", "--long", "-m", "alone", log="long-alone"))
    return tally
