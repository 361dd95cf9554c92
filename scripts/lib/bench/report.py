# SPDX-License-Identifier: BSD-3-Clause
"""Results as JSON, plots, Markdown, and into docs/performance/summary.md."""

import json
import statistics

from . import svg
from .disturbance import LIMIT
from .forwarders import ALL
from .processes import ROOT
from .windows import WINDOW_MS

PAGE = ROOT / "docs" / "performance" / "summary.md"
HEAD = """<!-- SPDX-License-Identifier: BSD-3-Clause -->
# Results of scripts/bench

Written by `scripts/bench --from FILE,... --write-docs`: the conditions of each run, and medians per case. Compare only
within a run. [performance.md](../performance.md) says what to conclude, [method.md](../lab/method.md) what the
columns mean.

"""
BASE = "testpmd"
# CPUs are as far apart as before when a line's way between them takes less than so many times as long.
ALIKE = 2
# CPUs that are farther apart than that share no cache.
FAR_NS = 200


def delay(case, share, what):
    at = case["latency_ns"][share]
    return at[what] if at["n"] > 0 else None


FIGURES = {
    "delivered": lambda c: c["flat_out"]["received_pps"],
    "polled": lambda c: c["flat_out"]["sent_pps"],
    "no loss": lambda c: c["throughput_pps"]["0"],
    "0.001 %": lambda c: c["throughput_pps"]["0.001"],
    "p50": lambda c: delay(c, "50", "p50"),
    "p99": lambda c: delay(c, "50", "p99"),
    "p50 at 90 %": lambda c: delay(c, "90", "p50"),
    "p99 at 90 %": lambda c: delay(c, "90", "p99"),
    "burst": lambda c: c["back_to_back"]["frames"],
}


def figure(name, case):
    try:
        return FIGURES[name](case)
    except KeyError:
        return None


def distances(case):
    """Of the CPUs, before and after; none in results of before it was measured."""
    return case["flat_out"].get("cpu_distance_ns", [])


def are_alike(values):
    return not values or max(values) < ALIKE * min(values)


class Summary:
    """Medians over the rounds, by (path, size, forwarder)."""

    def __init__(self, results):
        self.results = results
        self.rounds = {}
        for case in results["cases"]:
            key = case["path"], str(case["size"]), case["forwarder"]
            self.rounds.setdefault(key, []).append(case)
        self.names = [n for n in ALL if any(k[2] == n for k in self.rounds)]
        self.paths = list(dict.fromkeys(k[0] for k in self.rounds))
        self.sizes = list(dict.fromkeys(k[1] for k in self.rounds))

    def median(self, path, size, name, what):
        values = [figure(what, case) for case in self.rounds.get((path, size, name), ())]
        values = [v for v in values if v is not None]
        return statistics.median(values) if values else None

    def ratio(self, path, size, name, what):
        """
        Median over the rounds of the ratio within a round, of those rounds in which the CPUs were as
        far apart for both.
        """
        mine = {c["round"]: c for c in self.rounds.get((path, size, name), ())}
        base = {c["round"]: c for c in self.rounds.get((path, size, BASE), ())}
        pairs = [(figure(what, mine[r]), figure(what, base[r])) for r in mine
                 if r in base and are_alike(distances(mine[r]) + distances(base[r]))]
        ratios = [a / b for a, b in pairs if a is not None and b]
        return statistics.median(ratios) if ratios else None


def mpps(value):
    return "-" if value is None else f"{value / 1e6:.3f}"


def microseconds(value):
    return "-" if value is None else f"{value / 1e3:.1f}"


def times(value):
    return "-" if value is None else f"{value:.2f}"


def row(summary, path, size, name):
    def get(what):
        return summary.median(path, size, name, what)

    cells = [path, size, name, mpps(get("delivered")), mpps(get("polled")),
             times(summary.ratio(path, size, name, "delivered")),
             times(summary.ratio(path, size, name, "polled")),
             mpps(get("no loss")), mpps(get("0.001 %")),
             f"{microseconds(get('p50'))} / {microseconds(get('p99'))}",
             f"{microseconds(get('p50 at 90 %'))} / {microseconds(get('p99 at 90 %'))}",
             "-" if get("burst") is None else str(round(get("burst")))]
    return f"| {' | '.join(cells)} |"


def table(summary):
    heads = ["path", "size", "forwarder", "delivered Mpps", "polled Mpps", "x testpmd",
             "x testpmd, polled", "no loss Mpps", "0.001 % Mpps", "p50/p99 us at 50 %",
             "p50/p99 us at 90 %", "burst"]
    rows = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for path in summary.paths:
        for size in summary.sizes:
            for name in summary.names:
                if (path, size, name) not in summary.rounds:
                    continue
                rows.append(row(summary, path, size, name))
    return rows


def idle_table(results):
    """Rest and wake-up; nothing when it was not measured."""
    rows = [f"| {case['path']} | {case['size']} | {how} | {at['cpu']:.1%} | "
            f"{microseconds(at['p50'])} | {microseconds(at['p99'])} | {microseconds(at['max'])} |"
            for case in results["cases"] for how, at in case.get("idle", {}).items()]
    heads = ["path", "size", "idle mode", "CPU in silence", "p50 us", "p99 us", "max us"]
    head = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    return ["", *head, *rows] if rows else []


def how_far(window):
    """near, far, or None for a window in which the CPUs were moved."""
    ns = window["cpu_distance_ns"]
    if not are_alike(ns):
        return None
    return "near" if statistics.mean(ns) < FAR_NS else "far"


def quarters(values):
    """Median, and in brackets the quartiles."""
    values = [v for v in values if v is not None]
    if not values:
        return "-"
    middle = statistics.median(values)
    if len(values) < 3:
        return f"{middle:.2f}"
    low, _, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def window_row(windows, has_rate):
    """Of one forwarder on one path, with one size and distance."""
    def middle(what, of):
        values = [v for v in map(of, windows) if v[what] is not None]
        return statistics.median(v[what] for v in values) if values else None

    def ratio(what):
        return quarters(w[what] / w["base"][what] if w[what] is not None and w["base"][what]
                        else None for w in windows)

    def pair(what, show):
        return f"{show(middle(what, dict))} / {show(middle(what, lambda w: w['base']))}"

    ns = [statistics.mean(w["cpu_distance_ns"]) for w in windows]
    cells = [f"{statistics.median(ns):.0f}", str(len(windows)),
             str(len({w["round"] for w in windows})), pair("delivered", mpps), ratio("delivered"),
             pair("polled", mpps), ratio("polled")]
    return cells + ([pair("p50", microseconds), ratio("p50")] if has_rate else [])


def windows_table(results):
    """What was compared in windows; nothing when it was not."""
    found = {}
    for window in results.get("windows", ()):
        key = window["path"], window["size"], window["forwarder"], how_far(window)
        found.setdefault(key, []).append(window)
    if not found:
        return []
    has_rate = bool(results["options"].get("rate"))
    base = results["windows"][0]["base"]["forwarder"]
    heads = ["path", "size", "forwarder", "CPUs", "ns apart", "windows", "rounds",
             f"delivered Mpps / {base}", "ratio", f"polled Mpps / {base}", "ratio, polled"]
    heads += [f"p50 us / {base}", "ratio, p50"] if has_rate else []
    moved = sum(len(windows) for key, windows in found.items() if key[-1] is None)
    rows = [f"| {' | '.join([*key, *window_row(windows, has_rate)])} |"
            for key, windows in sorted(found.items(), key=str) if key[-1] is not None]
    return ["", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|", *rows, "",
            f"The CPUs were moved in {moved} of {len(results['windows'])} windows; these are left "
            "out. In brackets the quartiles."]


def disturbance(results):
    """How far the figures can be trusted."""
    worst = [max(case["flat_out"]["waited"].values()) for case in results["cases"]]
    if not worst:
        return []
    middle = statistics.median(worst)
    line = (f"- the CPUs were taken away from generator or datapath for {middle:.1%} of a flat-out "
            f"trial (median; worst {max(worst):.1%})")
    return [line + (": **disturbed, the figures are noise**" if middle > LIMIT else ""),
            *apart(results)]


def apart(results):
    """How the CPUs' distance changed, which makes more than any forwarder."""
    found = [ns for case in results["cases"] for ns in distances(case)]
    if not found:
        return []
    line = (f"- a cache line took {statistics.median(found):.0f} ns from one CPU to the other and back "
            f"(median; {min(found):.0f} to {max(found):.0f})")
    if not are_alike(found):
        line += ("; ratios are of rounds in which that was alike for both forwarders, the Mpps are "
                 "of all rounds and compare nothing")
    return [line]


def guests(options):
    busy = options.get("busy", options["guests"])
    rest = options["guests"] - busy
    return f"{busy} guest(s)" + (f" and {rest} idle" if rest else "")


def lengths(options):
    if options.get("windows"):
        rate = f", {options['rate']} frames/s" if options["rate"] else ""
        return f"{options['windows']} windows of {WINDOW_MS} ms each{rate}"
    return f"trials of {options['trial']:g} s, precision {options['precision']:g} %"


def conditions(results):
    machine = results["machine"]
    options = results["options"]
    versions = "; ".join(f"{ALL[n].title}: {v}" for n, v in machine["versions"].items() if v)
    lines = [
        f"- {machine['date']}, {machine['cpu']}, {machine['n_cpus']} CPUs"
        f"{' (virtual)' if machine['is_virtual'] else ''}, Linux {machine['kernel']}, "
        f"{machine['memory']}; load average at the start "
        f"{machine['load_average'][0]}, at the end {machine.get('load_average_end', ['?'])[0]}",
        f"- {versions}",
        f"- CPU {options['cpu_fwd']} for the datapath, CPU {options['cpu_gen']} for wires, guests "
        "and control",
        f"- {guests(options)}, {options['flows']} flows, {options['macs']} far station(s), mode "
        f"{options['mode']}, {options['rounds']} round(s), {lengths(options)}",
        f"- `{results['command']}`",
    ]
    lines += disturbance(results)
    for name, reason in results["skipped"].items():
        lines.append(f"- {name}: left out: {reason}")
    for case in results["failed"]:
        lines.append(f"- {case['forwarder']} {case['path']} {case['size']}: failed: "
                     f"{case['error'].splitlines()[0]}")
    return lines


def plots(summary):
    """{file name: (caption, svg text)}"""
    found = {}
    for path in summary.paths:
        values = {n: {s: (summary.median(path, s, n, "delivered") or 0) / 1e6
                      for s in summary.sizes if (path, s, n) in summary.rounds}
                  for n in summary.names}
        found[f"throughput-{path}.svg"] = (
            f"{path}: frames delivered, flat out, by size", svg.bars(
                f"{path}: delivered, flat out", "Mpps", "frame size, bytes", summary.sizes,
                summary.names, values))
        for size in summary.sizes:
            found.update(size_plots(summary, path, size))
    return found


def size_plots(summary, path, size):
    found = {}
    curves, delays = {}, {}
    for name in summary.names:
        cases = summary.rounds.get((path, size, name), [])
        curve = next((c["loss_curve"] for c in cases if "loss_curve" in c), None)
        if curve:
            curves[name] = [(p["rate"] / 1e6, p["loss"] * 100) for p in curve]
        at = next((c["latency_ns"]["50"] for c in cases if figure("p50", c) is not None), None)
        if at:
            delays[name] = {what: max(at[what] / 1000, 0.01)
                            for what in ("p50", "p90", "p99", "p999", "max")}
    if curves:
        found[f"loss-{path}-{size}.svg"] = (
            f"{path}, {size} B: loss by offered rate", svg.lines(
                f"{path}, {size} B: loss", "percent", "offered, Mpps", list(curves), curves))
    if delays:
        found[f"latency-{path}-{size}.svg"] = (
            f"{path}, {size} B: latency at half the throughput", svg.bars(
                f"{path}, {size} B: latency at 50 % of the throughput", "us", "percentile",
                ["p50", "p90", "p99", "p999", "max"], list(delays), delays, is_log=True))
    return found


def text(results):
    """Conditions, table of medians, table of rest, as Markdown."""
    lines = [*conditions(results), *windows_table(results)]
    if results["cases"]:
        lines += ["", *table(Summary(results)), *idle_table(results)]
    return "\n".join(lines) + "\n"


def write(results, directory):
    """results.json, table.md and the plots; returns the Markdown."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    said = text(results)
    (directory / "table.md").write_text(said, encoding="utf-8")
    for name, (_, picture) in plots(Summary(results)).items():
        (directory / name).write_text(picture, encoding="utf-8")
    return said


def write_docs(runs):
    """Conditions and tables of all runs into docs/performance/summary.md."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + "\n".join(text(run) for run in runs), encoding="utf-8")
