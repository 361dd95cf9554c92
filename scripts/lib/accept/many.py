# SPDX-License-Identifier: BSD-3-Clause
"""1023 guests in both modes, and three storms of all of them (root, for the limit of open files)

How long each storm took is printed.
"""

from suites import run_pytest

LIMIT_S = 600


def run(job):
    return run_pytest(job, "many", "-s")
