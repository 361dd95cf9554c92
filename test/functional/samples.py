# SPDX-License-Identifier: BSD-3-Clause
"""
Samples of output in the pages: found by their marks, run again, and held against the program.

A sample is a fenced block behind `<!-- sample: SCENE -->`. Its lines that begin with "# bondctl" or "# bondfwd" are
commands ("# bondctl" alone: a session, with what is typed in it); what follows a command is its output in that scene. A line "..." stands for lines that are left out.

What changes from run to run is masked on both sides before they are compared (MASKS): what remains, words, labels,
names in JSON and the layout, must be the program's. With BONDFWD_WRITE_SAMPLES=1 the test writes what the program
printed into the pages instead, if the figures are such as an operator sees (SENSIBLE).
"""

import difflib
import json
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
# scripts/lib/check-docs.py holds their blocks to the marks.
PAGES = [ROOT / "README.md", *(ROOT / f"docs/{name}.md" for name in (
    "console", "devices", "flow-export", "guards", "host-port", "lacp", "lldp", "multicast", "offloads", "storms",
    "troubleshooting"))]
IS_WRITING = os.environ.get("BONDFWD_WRITE_SAMPLES") == "1"

BLOCK = re.compile(r"(?<=^<!-- sample: )(?P<scene>[\w-]+)(?P<open> -->\n```\n)(?P<body>.*?)(?=^```$)",
                   re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"# (bond(?:ctl|fwd) .*|bondctl|dpdk-devbind\.py .*)")
CUT = "..."

# What a run decides, and what stands in its place; at each place the first that fits. None: compared as it is.
MASKS = [
    ("MAC address", r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", None),
    ("setting", r'(?:\b(?:MTU|mtu|[Qq]ueue[ _]pairs|queues|min[ _]links|\w*priority|key|aging|ageing|capacity'
                r'|port number|port_number|mode_number)"?[ =:]+)\d+', None),
    ("name", r"802\.3ad", None),
    ("time of day", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "TIME"),
    ("features, address of memory", r"0x[0-9a-f]+", "HEX"),
    ("PCI address", r"\b[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d", "PCI"),
    ("IP address, and its port", r"(?<![\w.])\d+(?:\.\d+){3}(?::\d+)?", "IP"),
    ("version", r"(?<![\w.])\d+\.\d+\.\d+", "VERSION"),
    ("rate with a unit", r"(?<![\w.])\d+(?:\.\d+)?[kMG](?!\w)", "#"),
    ("average, and the most", r"(?<![\w.])\d+\.\d+ \(\d+\)", "#"),
    ("figure", r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?!\w)", "#"),
    ("figure that is not known", r"(?<=\s)-(?=\s|,|$)", "#"),
]
MASK = re.compile("|".join(f"({pattern})" for _, pattern, _ in MASKS))

# What a page may say of the program's speed: (what, where it stands, the most).
SENSIBLE = [
    ("cycles per frame", r'(?:cycles/packet=|cycles per frame |"cycles_per_frame": )(\d+)', 1500),
    ("first frame, ms", r"(?:first frame after |lost its link \D*)(\d+)", 20),
    ("first frame, us", r'"first_frame_us": (\d+)', 20000),
    ("frames lost", r'(?:, |"lost": )(\d+)(?: frames lost|\}\])', 20),
]

# Rows that come in any order, as a hash table has them: the lines of text before them, their array in JSON.
ANY_ORDER = {"show fdb": (3, "entries")}

# Objects of JSON that the pages have as tables.
TABLES = ("options", "by_reason")
JSON_WIDTH = 116


def masked(line):
    """A line without what a run decides; columns behind a figure move with its digits."""
    text = MASK.sub(lambda m: MASKS[m.lastindex - 1][2] or m[0], line)
    if text == line:
        return line
    return re.sub(r"^ +(?=#)", " ", re.sub(r"(?<=\S) {2,}", " ", text))


# JSON: the first object of a list, and no tables.

def shortened(value):
    if isinstance(value, dict):
        return {k: "{...}" if k in TABLES else shortened(v) for k, v in value.items()}
    if isinstance(value, list):
        most = 1 if value and isinstance(value[0], (dict, list)) else 4
        return [shortened(v) for v in value[:most]] + [CUT] * (len(value) > most)
    return round(value, 3) if isinstance(value, float) else value


def laid_out(value):
    """JSON in lines that break between its elements."""
    text = json.dumps(shortened(value), separators=(",\0", ": "))
    text = text.replace(f'"{CUT}"', CUT).replace('"{...}"', "{...}")
    lines = [""]
    for piece in text.split("\0"):
        if lines[-1] and len(lines[-1]) + 1 + len(piece) > JSON_WIDTH:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + piece
    return lines


# One output against its sample.

# Where links come up later than a bond is given at its start, one event more says that it is down.
LATE_LINKS = re.compile(r"^ *\d+ .* error +bond_state +\S+ +down: 0 of ")


def pieces_of(lines):
    """What stands between the lines that are left out."""
    pieces = [[]]
    for line in lines:
        if line == CUT:
            pieces.append([])
        else:
            pieces[-1].append(line)
    return pieces


def fitted(shown, got):
    """The lines of got that stand for those shown, cut where they are; None: they differ."""
    have = [masked(line) for line in got]
    pieces = pieces_of(shown)
    fit, at = [], 0
    for n, piece in enumerate(pieces):
        want = [masked(line) for line in piece]
        last = len(got) - len(piece)
        first = at if n < len(pieces) - 1 else max(at, last)
        starts = range(first, last + 1) if n else range(first, min(last, 0) + 1)
        start = next((s for s in starts if have[s:s + len(piece)] == want), None)
        if start is None:
            return None
        fit += [CUT] * (n > 0) + got[start:start + len(piece)]
        at = start + len(piece)
    return fit


def lines_of(words, output, is_json):
    """An output as lines of a page."""
    n_before, array = ANY_ORDER.get(words, (None, None))
    if is_json:
        value = json.loads(output)
        if array:
            value[array].sort(key=lambda row: row["port"])
        return laid_out(value)
    lines = [line.rstrip().expandtabs() for line in output.strip("\n").split("\n")] if output else []
    lines = [line for line in lines if not LATE_LINKS.match(line)]
    return lines[:n_before] + sorted(lines[n_before:]) if array else lines


def compare(command, shown, output):
    """(lines for the page, whether those shown are as good)."""
    is_json = command.startswith("bondctl -j ")
    got = lines_of(re.sub("^bondctl (-j )?", "", command), output, is_json)
    if is_json:
        return got, masked(" ".join(shown)) == masked(" ".join(got))
    fit = fitted(shown, got)
    return (got, False) if fit is None else (fit, True)


def difference(shown, got):
    if CUT in shown:
        have = [masked(line) for line in got]
        missing = [line for line in shown if line != CUT and masked(line) not in have]
        return "\n".join(["the program does not print:", *missing] if missing else
                         ["expected these lines next to each other, and in this order:", *shown])
    return "\n".join(difflib.unified_diff([masked(x) for x in shown], [masked(x) for x in got], "the page",
                                          "the program", lineterm="", n=1))


# Blocks and pages.

def split(body):
    """A block as [(command, [lines of output])]."""
    parts = []
    for line in body.splitlines():
        command = COMMAND.fullmatch(line)
        if command:
            parts.append((command[1], []))
        else:
            parts[-1][1].append(line)
    return parts


def senseless(lines):
    text = "\n".join(lines)
    for what, pattern, most in SENSIBLE:
        for figure in re.findall(pattern, text):
            if int(figure) > most:
                yield f"{what}: {figure}: expected at most {most}: write again on a machine with less to do"


def play(scene, page, run, faults):
    """The page with the scene's samples as the program gives them."""
    def fresh(block):
        if block["scene"] != scene:
            return block[0]
        lines = []
        for command, shown in split(block["body"]):
            where = f"{page.name}, {scene}: {command}"
            got, is_same = compare(command, shown, run(command))
            if IS_WRITING:
                faults.extend(f"{where}: {why}" for why in senseless(got))
            elif not is_same:
                faults.append(f"{where}:\n{difference(shown, got)}")
            lines += ["# " + command, *got]
        return f"{block['scene']}{block['open']}" + "".join(line + "\n" for line in lines)

    return BLOCK.sub(fresh, page.read_text(encoding="utf-8"))


def check(scene, run):
    """
    Compare, or write, the samples of a scene in all pages.

    run(command) gives what a command line prints there.
    """
    faults = []
    fresh = {page: play(scene, page, run, faults) for page in PAGES}
    assert not faults, "\n\n".join(faults) + ("" if IS_WRITING else "\n\nWrite them: BONDFWD_WRITE_SAMPLES=1")
    if IS_WRITING:
        for page, text in fresh.items():
            page.write_text(text, encoding="utf-8")


def scenes():
    """The names of all scenes in the pages."""
    return {block["scene"] for page in PAGES for block in BLOCK.finditer(page.read_text(encoding="utf-8"))}
