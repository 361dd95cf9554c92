# SPDX-License-Identifier: BSD-3-Clause
"""Options, and the order of a run."""

import argparse
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

from . import generator, machine, measure, report, windows
from .forwarders import ALL, DEFAULT
from .pair import Pair, failures_kept
from .processes import BUILD, ROOT, BenchError, Memory

PATHS = ("p2v", "v2p", "pvp")
ALONE = "v2v"  # another wiring
SIZES = ("64", "128", "256", "512", "1024", "1280", "1518", "9018", "imix")
MEASURES = ("delivered", "throughput", "latency", "loss", "burst", "idle")
MODES = ("active-backup", "balance-xor")
# Enough for the generator, a forwarder and OVS's reserve, in 2 MiB pages.
HUGE_PAGES_WANTED = 900
# The same for all forwarders at once.
HUGE_PAGES_WINDOWS = 1500
GUESTS_MAX = 254
# With two wires: Debian's DPDK has 32 ethdevs.
GUESTS_USUAL = 30


def words(known):
    def parse(text):
        found = text.lower().split(",")
        for word in found:
            if word not in known:
                raise argparse.ArgumentTypeError(f'"{word}": expected some of {",".join(known)}')
        return list(dict.fromkeys(found))
    return parse


NEWEST = "newest"


def files(text):
    """Those that are named, or of the latest run."""
    if text != NEWEST:
        return [pathlib.Path(word) for word in text.split(",")]
    found = sorted((BUILD / "bench").glob("*/results.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise argparse.ArgumentTypeError(f"no {BUILD / 'bench'}/*/results.json: expected a FILE")
    return found[-1:]


def between(kind, low, high):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f'"{text}": expected {low} to {high}')
        return value
    return parse


def sizes(text):
    found = []
    for word in text.lower().split(","):
        if word != "imix" and not (word.isdigit() and 64 <= int(word) <= 9018):
            raise argparse.ArgumentTypeError(f'"{word}": expected 64 to 9018, or imix')
        found.append(word)
    return list(dict.fromkeys(found))


def parse(argv):
    p = argparse.ArgumentParser(
        prog="bench", description="bondfwd, testpmd and OVS-DPDK side by side over the same "
        "virtio-user wires, after RFC 2544. See docs/performance.md.",
        epilog="BONDFWD_BUILD names the build directory (default: build).")
    p.add_argument("--quick", action="store_true", help="smoke test: one size, trials of 0.2 s")
    p.add_argument("--rfc", action="store_true", help="RFC 2544's times: trials of 60 s")
    p.add_argument("--forwarders", type=words(tuple(ALL)), default=DEFAULT,
                   help=f"of {','.join(ALL)}; default {','.join(DEFAULT)}")
    p.add_argument("--paths", type=words((*PATHS, ALONE)), default=list(PATHS),
                   help="p2v wire to guest, v2p guest to wire, pvp wire, guest, wire; alone: v2v "
                   "guest to guest, in pairs")
    p.add_argument("--sizes", type=sizes, help="frame sizes with FCS, and imix")
    p.add_argument("--measure", type=words(MEASURES), default=list(MEASURES),
                   help=f"of {','.join(MEASURES)}; delivered is always measured")
    p.add_argument("--guests", type=between(int, 1, GUESTS_MAX), default=1)
    p.add_argument("--busy", type=between(int, 1, GUESTS_MAX), metavar="N",
                   help="of the guests, that take part; the others are idle (default all)")
    p.add_argument("--flows", type=between(int, 1, 1 << 17), default=512)
    p.add_argument("--macs", type=between(int, 1, 10000), default=1, help="far stations")
    p.add_argument("--mode", choices=MODES, default=MODES[0], help="of the bond")
    p.add_argument("--guest-knobs", default="", metavar="K=V,...",
                   help="more devargs for the guests' net_virtio_user")
    p.add_argument("--rounds", type=between(int, 1, 100), default=None)
    p.add_argument("--trial", type=between(float, 0.05, 300.0), help="seconds")
    p.add_argument("--windows", type=between(int, 1, 10000), metavar="N",
                   help="start all forwarders at once and compare what they deliver in N windows of "
                   f"{windows.WINDOW_MS} ms each, the others stopped meanwhile; measures nothing else")
    p.add_argument("--rate", type=between(int, 1, 10**9), metavar="PPS",
                   help="with --windows: frames per second instead of flat out, to compare latency")
    p.add_argument("--precision", type=between(float, 0.05, 50.0),
                   help="of the search, in percent of the flat-out rate")
    p.add_argument("--memory", choices=("auto", "huge", "ordinary"), default="auto")
    p.add_argument("--cpus", metavar="GEN,FWD", help="CPU of the generator, CPU of the datapath")
    p.add_argument("--results", type=pathlib.Path, metavar="DIR")
    p.add_argument("--write-docs", action="store_true", help="also into docs/performance/summary.md")
    p.add_argument("--from", dest="sources", type=files, metavar="FILE,...", nargs="?", const=NEWEST,
                   help="measure nothing: render these results.json again, one after the other "
                   "(default: the newest in the build directory); with --results also the plots")
    p.add_argument("--install", action="store_true", help="install missing forwarders (as root)")
    p.add_argument("--keep-logs", action="store_true", help="copy the logs to the results")
    return p, p.parse_args(argv)


def complete(parser, options):
    """Fill in what depends on --quick and --rfc, and on the machine."""
    quick, rfc = options.quick, options.rfc
    if quick and rfc:
        parser.error("--quick and --rfc exclude each other")
    if options.rate and not options.windows:
        parser.error("--rate: expected together with --windows")
    if options.windows and (rfc or options.measure != list(MEASURES) or options.trial):
        parser.error("--windows excludes --rfc, --measure and --trial")
    options.busy = options.busy or options.guests
    if options.busy > options.guests:
        parser.error(f"--busy: {options.busy}: expected 1 to {options.guests}, as --guests has it")
    if ALONE in options.paths and (options.paths != [ALONE] or options.busy % 2):
        parser.error(f"--paths: {ALONE}: expected alone, with an even number of guests")
    options.trial = options.trial or (0.2 if quick else 60.0 if rfc else 2.0)
    options.precision = options.precision or (12.0 if quick else 0.5 if rfc else 2.0)
    options.sizes = options.sizes or (["64"] if quick else list(SIZES))
    options.rounds = options.rounds or 1
    options.retries = 0 if quick else 2
    options.drain = 2000 if rfc else 20 if quick else 100
    options.latency_trial = 120.0 if rfc else options.trial
    options.idle_trial = 0.2 if quick else 5.0
    options.curve_trial = options.trial if rfc else options.trial / 2
    options.burst_limit = 2048 if quick else 1 << 22 if rfc else 1 << 16
    options.burst_rounds = 50 if rfc else 1
    if options.memory == "auto":
        wanted = HUGE_PAGES_WINDOWS if options.windows else HUGE_PAGES_WANTED
        options.memory = "huge" if machine.huge_pages_free() >= wanted else "ordinary"
    allowed = sorted(os.sched_getaffinity(0))
    if options.cpus:
        try:
            options.cpu_gen, options.cpu_fwd = map(int, options.cpus.split(","))
        except ValueError:
            parser.error(f'--cpus: "{options.cpus}": expected two CPU numbers')
        if not {options.cpu_gen, options.cpu_fwd} <= set(allowed):
            parser.error(f"--cpus: {options.cpus}: expected two of {allowed}")
    elif len(allowed) < 2:
        parser.error("two CPUs are needed: one forwards, one plays wires and guests")
    else:
        options.cpu_gen, options.cpu_fwd = allowed[:2]
    if options.guests > GUESTS_USUAL and options.guests > generator.ports_max() - 2:
        parser.error(f"--guests: {options.guests}: expected 1 to {generator.ports_max() - 2}: a "
                     "DPDK built with -Dmax_ethports=N has more, see docs/lab/method.md")
    if options.results is None:
        options.results = BUILD / "bench" / time.strftime("%Y%m%d-%H%M%S")


def install(names):
    packages = [p for n in names for p in ALL[n].packages]
    print(f"installing: {' '.join(packages)}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"],
                    ["apt-get", "install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=env, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(command)} failed:\n{done.stdout[-1500:]}")


def choose(options, memory):
    """The forwarders that can run, and why the others cannot."""
    def lacking():
        found = {n: ALL[n].missing(memory) for n in options.forwarders}
        return {name: reason for name, reason in found.items() if reason}

    skipped = lacking()
    wanted = [name for name, reason in skipped.items() if "not installed" in reason]
    if wanted and options.install:
        install(wanted)
        skipped = lacking()
    for name, reason in skipped.items():
        print(f"{name}: left out: {reason}", flush=True)
    chosen = [ALL[n] for n in options.forwarders if n not in skipped]
    if options.windows and len(chosen) < 2:
        raise BenchError("--windows: expected two forwarders that can run, to be compared")
    return chosen, skipped


def show(case, seconds):
    flat = case["flat_out"]
    line = (f"{case['path']} {case['size']:>5} {case['forwarder']:<8} delivered "
            f"{flat['received_pps'] / 1e6:7.3f} polled {flat['sent_pps'] / 1e6:7.3f}")
    if "throughput_pps" in case:
        rates = case["throughput_pps"]
        line += f" no-loss {rates['0'] / 1e6:.3f} 0.001% {rates['0.001'] / 1e6:.3f}"
    line += " Mpps"
    if "latency_ns" in case:
        at = case["latency_ns"]["50"]
        line += f", at 50 % p50 {at['p50'] / 1e3:.1f} p99 {at['p99'] / 1e3:.1f} us"
    if "back_to_back" in case:
        line += f", burst {case['back_to_back']['frames']:.0f}"
    for how, at in case.get("idle", {}).items():
        line += f", {how}: CPU {at['cpu']:.1%} p50 {at['p50'] / 1e3:.1f} p99 {at['p99'] / 1e3:.1f} us"
    waited = max(flat["waited"].values())
    before, after = flat["cpu_distance_ns"]
    line += f"; CPUs {before:.0f} to {after:.0f} ns apart"
    print(f"{line}; CPU taken away {waited:.1%}  ({seconds:.0f} s)", flush=True)


def measure_one(cls, binary, options, memory, names, number, results):
    """Start a forwarder and its generator, and take every case of these sizes."""
    with failures_kept(results, number) as where:
        where["forwarder"] = cls.name
        with Pair(cls, binary, options, memory, any(map(measure.is_jumbo, names)), number) as pair:
            results["commands"][cls.name] = pair.forwarder.command_line()
            for path in options.paths:
                for size in names:
                    where.update(path=path, size=size)
                    began = time.monotonic()
                    case = measure.Case(pair, options, path, size).measure()
                    case["round"] = number
                    case["seen"] = pair.forwarder.look()
                    pair.forwarder.check()
                    results["cases"].append(case)
                    show(case, time.monotonic() - began)


def command_line():
    """What was asked for, without where to put it."""
    words = iter(sys.argv[1:])
    return [word for word in words
            if not word.startswith("--results=") and (word != "--results" or not next(words, None))]


def measure_all(options):
    memory = Memory(options.memory)
    classes, skipped = choose(options, memory)
    kept = {k: v for k, v in vars(options).items()
            if k not in ("results", "sources", "cpus", "install", "write_docs", "keep_logs")}
    results = {"machine": machine.describe(options, classes), "options": kept,
               "command": shlex.join(["scripts/bench", *command_line()]), "skipped": skipped,
               "commands": {}, "cases": [], "windows": [], "failed": []}
    groups = [[s for s in options.sizes if not measure.is_jumbo(s)],
              [s for s in options.sizes if measure.is_jumbo(s)]]
    binary = generator.program()
    try:
        for number in range(options.rounds):
            for names in filter(None, groups):
                if options.windows:
                    windows.measure_round(classes, binary, options, memory, names, number, results)
                    continue
                for cls in classes:
                    measure_one(cls, binary, options, memory, names, number, results)
    except KeyboardInterrupt:
        print("interrupted: what was measured is kept", file=sys.stderr)
        results["interrupted"] = True
    results["machine"]["load_average_end"] = [round(load, 2) for load in os.getloadavg()]
    return results


def anonymous(results):
    """Without this machine's paths."""
    text = json.dumps(results)
    for place, name in ((str(BUILD), "build"), (str(ROOT), "."), (str(pathlib.Path.home()), "~")):
        text = text.replace(place, name)
    return json.loads(text)


def load(path):
    """The runs of a results.json: one, or those that were put together for the docs."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        runs = found["runs"] if "runs" in found else [found]
        if not all("cases" in run for run in runs):
            raise ValueError("not written by scripts/bench")
        return runs
    except (OSError, ValueError, TypeError) as error:
        raise SystemExit(f"bench: --from: {path}: {error}") from error


def has_results(run):
    return bool(run["cases"] or run.get("windows"))


def main(argv):
    parser, options = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.sources is not None:
        runs = [run for path in options.sources for run in load(path)]
        for run in runs:
            print("\n" + report.text(run))
    else:
        complete(parser, options)
        try:
            runs = [anonymous(measure_all(options))]
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    if options.results:
        for number, run in enumerate(runs):
            place = options.results / str(number) if len(runs) > 1 else options.results
            written = report.write(run, place)
            if options.sources is None:
                print("\n" + written)
        print(f"results: {options.results}")
    if options.write_docs and all(map(has_results, runs)):
        report.write_docs(runs)
    return 1 if any(run["failed"] or not has_results(run) for run in runs) else 0
