# SPDX-License-Identifier: BSD-3-Clause
"""All forwarders started at once; they run in turn for a fraction of a second, the others stopped.

A hypervisor moves the CPUs within seconds.  What was measured a round apart then compares two states
of the host, not two forwarders.  Here a window of a forwarder is compared with the base's windows
right before and right after it, and counts only if the CPUs stayed about as far apart all the time.
"""

import contextlib
import statistics

from .measure import is_jumbo, sizes_of
from .pair import Pair, failures_kept

WINDOW_MS = 80
DRAIN_MS = 2


class Window:
    """One forwarder for a moment."""

    def __init__(self, pair, path, size, rate):
        self.ns = pair.distance()
        pair.go()
        try:
            trial = pair.generator.run(WINDOW_MS, DRAIN_MS, rate=rate,
                                       **pair.spec(path, sizes_of(size)))
        finally:
            pair.hold()
        latency = trial["latency_ns"]
        self.figures = {"delivered": trial["received_pps"], "polled": trial["sent_pps"],
                        "p50": latency["p50"] if latency["n"] else None}


def between(before, after):
    """The mean of two windows' figures."""
    return {key: None if None in (value, after.figures[key]) else
            (value + after.figures[key]) / 2 for key, value in before.figures.items()}


def compare(base, pairs, path, size, options):
    """[{forwarder, its figures, the base's, distances}] of `options.windows` windows each."""
    order = [base, *(p for _ in range(options.windows) for pair in pairs for p in (pair, base))]
    taken = [Window(pair, path, size, options.rate) for pair in order]
    ns = [window.ns for window in taken] + [base.distance()]
    return [{"path": path, "size": size, "forwarder": order[i].cls.name, **taken[i].figures,
             "base": {"forwarder": base.cls.name, **between(taken[i - 1], taken[i + 1])},
             "cpu_distance_ns": ns[i - 1:i + 3]}
            for i in range(1, len(order) - 1, 2)]


def show(path, size, found):
    for name in dict.fromkeys(window["forwarder"] for window in found):
        mine = [w for w in found if w["forwarder"] == name and w["base"]["delivered"]]
        ratios = [w["delivered"] / w["base"]["delivered"] for w in mine]
        ns = [d for w in mine for d in w["cpu_distance_ns"]]
        if ratios:
            print(f"{path} {size:>5} {name:<8} {statistics.median(ratios):.2f} times as much as "
                  f"{mine[0]['base']['forwarder']}; "
                  f"CPUs {min(ns):.0f} to {max(ns):.0f} ns apart", flush=True)


def base_of(classes):
    """testpmd if it runs, else the last one."""
    return next((cls for cls in classes if cls.name == "testpmd"), classes[-1])


def measure_round(classes, binary, options, memory, names, number, results):
    """Start every forwarder, and compare them on all paths with these sizes."""
    base = base_of(classes)
    with failures_kept(results, number) as where, contextlib.ExitStack() as stack:
        pairs = {}
        for cls in classes:
            where["forwarder"] = cls.name
            pair = stack.enter_context(Pair(cls, binary, options, memory,
                                            any(map(is_jumbo, names)), number))
            results["commands"][cls.name] = pair.forwarder.command_line()
            pair.hold()
            pairs[cls] = pair
        where["forwarder"] = "-"
        for path in options.paths:
            for size in names:
                where.update(path=path, size=size)
                found = compare(pairs[base], [pairs[c] for c in classes if c is not base],
                                path, size, options)
                results["windows"] += [{"round": number, **window} for window in found]
                show(path, size, found)
