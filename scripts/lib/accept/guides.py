# SPDX-License-Identifier: BSD-3-Clause
"""the commands of docs/guides, each guide on hosts of its own; what needs a card or a whole machine is named (root, network)"""

from suites import run_pytest

LIMIT_S = 3600
GROUPS = ("build", "run", "test", "guest", "foreign")


def run(job):
    return run_pytest(job, "guides", "-s")
