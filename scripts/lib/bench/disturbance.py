# SPDX-License-Identifier: BSD-3-Clause
"""How much of a trial the generator and the datapath did not have their CPU.

The kernel counts for each thread how long it was ready and not run (schedstat), and for each CPU
what the hypervisor took (steal). A trial that was disturbed says little about a forwarder.
"""

import os
import time

# Share of a trial from which it counts as disturbed.
LIMIT = 0.005


def threads(pid):
    """{tid: (ns run, ns waited)}"""
    found = {}
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
                ran, waited, _ = file.read().split()
            found[tid] = int(ran), int(waited)
    except (OSError, ValueError):
        pass
    return found


def busiest(pids):
    """ns that the thread which ran most has run."""
    return max((ran for pid in pids for ran, _ in threads(pid).values()), default=0)


def stolen(cpus):
    """Seconds that the hypervisor took from these CPUs, the worst of them."""
    names = {f"cpu{cpu}" for cpu in cpus}
    worst = 0.0
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            fields = line.split()
            if fields and fields[0] in names and len(fields) > 8:
                worst = max(worst, int(fields[8]) / os.sysconf("SC_CLK_TCK"))
    return worst


class Meter:
    """Between start() and stop(); processes by the part they play."""

    def __init__(self, parts, cpus):
        self.parts = parts
        self.cpus = cpus

    def snapshot(self):
        return ({part: {k: v for pid in pids for k, v in threads(pid).items()}
                 for part, pids in self.parts.items()}, stolen(self.cpus), time.monotonic())

    def start(self):
        self.before = self.snapshot()

    def stop(self):
        """{part: share of the time its busiest thread waited, "stolen": share}"""
        before, stolen_before, began = self.before
        after, stolen_after, ended = self.snapshot()
        seconds = max(ended - began, 1e-9)
        shares = {"stolen": round(max(0.0, stolen_after - stolen_before) / seconds, 5)}
        for part, tids in after.items():
            deltas = [(ran - before[part][tid][0], waited - before[part][tid][1])
                      for tid, (ran, waited) in tids.items() if tid in before[part]]
            # A wait is booked when it ends, so it may have begun before the trial.
            shares[part] = round(min(1.0, max(deltas, default=(0, 0))[1] / 1e9 / seconds), 5)
        return shares
