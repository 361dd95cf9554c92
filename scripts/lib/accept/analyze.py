# SPDX-License-Identifier: BSD-3-Clause
"""clang-tidy with its analyzer of paths over app and lib (scripts/check analyze): longer than all other checks together"""

from suites import run_checks

LIMIT_S = 7200
GROUPS = ("build", "run", "test", "check")


def run(job):
    return run_checks(job, "analyze")
