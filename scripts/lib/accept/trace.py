# SPDX-License-Identifier: BSD-3-Clause
"""what `trace` says against what the data path does then: ten times 100000 frames, each under other settings of ports

The settings and frames follow from a seed, which names the case here; BONDFWD_TRACE_SEED takes it again.
"""

from runner import BUILD, Tally

LIMIT_S = 1200
SEEDS = range(1, 11)
CASES = 100000


def run(job):
    tally = Tally()
    for seed in SEEDS:
        status, _, in_time = job.run(f"trace-{seed}", [BUILD / "test" / "eal" / "test_trace"], {
            "BONDFWD_TRACE_SEED": str(seed), "BONDFWD_TRACE_CASES": str(CASES)})
        tally.add(f"seed {seed}", "passed" if status == 0 and in_time else "failed")
    return tally
