# SPDX-License-Identifier: BSD-3-Clause
"""RFC 2544 measurements of one forwarder on one path with one frame size.

Loss of a trial is what became due and did not arrive: frames lost in the forwarder, and frames that
could not even be put into the wire's ring in time (missed).  A card would count the latter as
rx_missed; a virtual wire only holds the sender back.
"""

import time

from .disturbance import LIMIT, Meter, busiest

IMIX = [64] * 7 + [570] * 4 + [1518]
TOLERANCES = {"0": 0.0, "0.001": 0.001 / 100}
LATENCY_SHARES = (50, 90)
CURVE_STEPS = range(10, 101, 10)
BURST_MIN = 64
SPARSE_PPS = 1000


def spread(sizes):
    """The same mix with the sizes interleaved."""
    left = sorted(set(sizes))
    want = {size: sizes.count(size) / len(sizes) for size in left}
    done = dict.fromkeys(left, 0)
    order = []
    for i in range(1, len(sizes) + 1):
        size = max(left, key=lambda s: want[s] * i - done[s])
        done[size] += 1
        order.append(size)
    return order


def sizes_of(size):
    return spread(IMIX) if size == "imix" else [int(size)]


def is_jumbo(size):
    return max(sizes_of(size)) > 1518


def loss_of(trial):
    due = trial["due"]
    return max(0, due - trial["received"]) / due if due else 1.0


class Case:
    """All that is measured of (forwarder, path, size), into self.result."""

    def __init__(self, pair, options, path, size):
        self.pair = pair
        self.generator = generator = pair.generator
        self.forwarder = forwarder = pair.forwarder
        self.options = options
        self.trials = []
        self.top = 0.0
        self.meter = Meter({"generator": [generator.process.child.pid],
                            "datapath": [p.child.pid for p in forwarder.processes]},
                           (options.cpu_gen, options.cpu_fwd))
        self.spec = pair.spec(path, sizes_of(size))
        self.result = {"forwarder": forwarder.name, "path": path, "size": size,
                       "guests": options.guests, "flows": options.flows, "macs": options.macs,
                       "mode": options.mode}

    def trial(self, rate=None, seconds=None, count=None):
        """One run; rate None means as fast as the rings take."""
        self.generator.ask("settle", quiet=5)
        ms = (seconds or self.options.trial) * 1000
        self.meter.start()
        trial = self.generator.run(ms, self.options.drain, rate=int(rate) if rate else None,
                                   count=count, **self.spec)
        trial["waited"] = self.meter.stop()
        return trial

    def distance(self):
        """Of the CPUs, while the forwarder stands still."""
        self.pair.hold()
        try:
            return self.pair.distance()
        finally:
            self.pair.go()

    def brief(self, trial):
        """What is kept of a trial."""
        keys = ("due", "sent", "received", "lost", "missed", "blocked", "duplicated", "reordered",
                "strays", "not_returned", "sent_pps", "received_pps", "received_bps", "waited")
        kept = {key: trial[key] for key in keys}
        kept["loss"] = loss_of(trial)
        kept["is_generator_limited"] = trial["missed"] > 0 and trial["blocked"] == 0
        return kept

    def flat_out(self):
        self.trial(seconds=min(0.1, self.options.trial))
        before = self.distance()
        best = self.trial()
        self.result["flat_out"] = {**self.brief(best),
                                   "cpu_distance_ns": [before, self.distance()]}
        self.top = max(best["sent_pps"], 1000)

    def passes(self, rate, tolerance):
        """Whether a rate holds; a trial that failed while it was disturbed is repeated."""
        for _ in range(1 + self.options.retries):
            kept = self.brief(self.trial(rate))
            self.result.setdefault("trials", []).append({"rate": round(rate), **kept})
            if kept["loss"] <= tolerance or max(kept["waited"].values()) < LIMIT:
                break
        self.trials.append((rate, kept["loss"]))
        return kept["loss"] <= tolerance

    def search(self, tolerance):
        """Highest rate with at most that loss, to a share of the flat-out rate."""
        failed = [rate for rate, loss in self.trials if loss > tolerance]
        high = min(failed, default=self.top * 1.02)
        low = max((rate for rate, loss in self.trials if loss <= tolerance and rate < high),
                  default=0.0)
        rate = high if not self.trials else (low + high) / 2
        while high - low > self.top * self.options.precision / 100:
            if self.passes(rate, tolerance):
                low = rate
            else:
                high = rate
            if low >= high:
                break
            rate = (low + high) / 2
        return low

    def throughput(self):
        rates = {}
        # The looser first: its trials bound the stricter one.
        for name in sorted(TOLERANCES, key=TOLERANCES.get, reverse=True):
            rates[name] = round(self.search(TOLERANCES[name]))
        self.result["throughput_pps"] = rates

    def latency(self):
        base = self.result["throughput_pps"]["0.001"] or self.result["flat_out"]["received_pps"] / 2
        self.result["latency_ns"] = {}
        for share in LATENCY_SHARES:
            rate = base * share / 100
            trial = self.trial(rate, self.options.latency_trial)
            self.result["latency_ns"][str(share)] = {"rate": round(rate), "loss": loss_of(trial),
                                                     **trial["latency_ns"]}

    def loss_curve(self):
        curve = []
        for step in CURVE_STEPS:
            trial = self.trial(self.top * step / 100, self.options.curve_trial)
            curve.append({"share": step, "rate": round(self.top * step / 100),
                          "loss": loss_of(trial), "received_pps": trial["received_pps"]})
        self.result["loss_curve"] = curve

    def longest_burst(self):
        """Frames sent as fast as possible of which none is lost, up to a limit."""
        def survives(count):
            trial = self.trial(count=count, seconds=max(1, self.options.trial))
            return trial["sent"] >= count // 2 and trial["received"] >= trial["sent"]

        low, high = 0, self.options.burst_limit
        if survives(high):
            return high
        while high - low > max(BURST_MIN, high // 50):
            middle = (low + high) // 2
            if survives(middle):
                low = middle
            else:
                high = middle
        return low

    def burst(self):
        found = [self.longest_burst() for _ in range(self.options.burst_rounds)]
        self.result["back_to_back"] = {"frames": sum(found) / len(found), "rounds": len(found),
                                       "limit": self.options.burst_limit}

    def idle(self):
        """For each way to rest: the CPU in silence, and how long a frame after silence takes."""
        pids = [p.child.pid for p in self.forwarder.processes]
        for how in self.forwarder.idle_modes:
            self.forwarder.rest(how)
            self.generator.ask("settle", quiet=5)
            before, began = busiest(pids), time.monotonic()
            for _ in range(max(1, round(self.options.idle_trial))):
                self.generator.ask("settle", quiet=round(min(1, self.options.idle_trial) * 1000))
            cpu = (busiest(pids) - before) / 1e9 / (time.monotonic() - began)
            trial = self.trial(SPARSE_PPS, self.options.idle_trial)
            self.result.setdefault("idle", {})[how] = {
                "cpu": round(cpu, 4), "rate": SPARSE_PPS, "loss": loss_of(trial),
                **trial["latency_ns"]}
        if self.forwarder.idle_modes:
            self.forwarder.rest(self.forwarder.idle_modes[0])

    def measure(self):
        wanted = self.options.measure
        self.flat_out()
        if "throughput" in wanted or "latency" in wanted:
            self.throughput()
        if "latency" in wanted:
            self.latency()
        if "loss" in wanted:
            self.loss_curve()
        if "burst" in wanted:
            self.burst()
        if "idle" in wanted:
            self.idle()
        return self.result
