# SPDX-License-Identifier: BSD-3-Clause
"""
A guide as a list of steps.

A block of commands in docs/guides is fenced with ```sh and stands behind one of these marks:

    <!-- run -->               executed, as root
    <!-- run: b -->            executed on the second host
    <!-- card: WHY -->         not executed: it needs a card, a switch or another machine

Between blocks, not seen by a reader:

    <!-- prepare: NAME -->     a function of test/guides/prepare.sh: what an operator has already
    <!-- wait: COMMAND -->     repeated until it succeeds: what the blocks before it have promised
    <!-- wait: b: COMMAND -->  the same on the second host
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "guides"
MARK = re.compile(r"<!-- (run|card|prepare|wait)(?:: (.*))? -->")
HOSTS = ("a", "b")


class Step:
    """What is done, where, and the line of the page that says so."""

    def __init__(self, kind, host, text, line):
        self.kind, self.host, self.text, self.line = kind, host, text, line


def read_mark(line):
    """(kind, host, text) of a line that is a mark, or None."""
    whole = MARK.fullmatch(line)
    if whole is None:
        return None
    kind, text = whole[1], whole[2] or ""
    host = "a"
    if kind in ("run", "wait", "prepare") and (text == "b" or text.startswith("b: ")):
        host, text = "b", text[3:]
    return kind, host, text


def steps(page):
    """The steps of a guide; ValueError names the line that is wrong."""
    found, mark, block = [], None, None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{page.name}:{number}"
        if block is not None:
            if line == "```":
                if mark is not None:
                    found.append(Step(mark[0], mark[1], mark[2] if mark[0] == "card" else "\n".join(block), number))
                mark, block = None, None
            else:
                block.append(line)
        elif line.startswith("```"):
            if line == "```sh" and (mark is None or mark[0] not in ("run", "card")):
                raise ValueError(f"{where}: commands without a mark: expected <!-- run --> or <!-- card: WHY --> before them")
            mark, block = mark if line == "```sh" else None, []
        elif line.startswith("<!-- ") and not line.startswith("<!-- SPDX"):
            seen = read_mark(line)
            if seen is None or (seen[0] in ("card", "prepare", "wait") and not seen[2]):
                raise ValueError(f'{where}: "{line}": expected a mark as test/guides/guide.py has them')
            if seen[0] in ("prepare", "wait"):
                found.append(Step(*seen, number))
            else:
                mark = seen
    return found


def pages():
    return sorted(page for page in FOLDER.glob("*.md") if page.name != "README.md")
