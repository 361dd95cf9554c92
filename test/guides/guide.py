# SPDX-License-Identifier: BSD-3-Clause
"""
A guide as a list of steps.

A block of commands in docs/guides is fenced with ```sh and stands behind one of these marks:

    <!-- run -->               executed, as root
    <!-- run: b -->            executed on the second host
    <!-- run: beside -->       executed beside all that follows; what it prints is in the file `beside`
    <!-- package: NAME -->     executed by scripts/accept systemd, on a machine that has the package
    <!-- card: WHY -->         not executed: it needs a card or a switch
    <!-- machine: WHY -->      not executed: it changes a whole machine

Between blocks, not seen by a reader:

    <!-- prepare: NAME -->     a function of test/guides/prepare.sh: what an operator has already
    <!-- wait: COMMAND -->     repeated until it succeeds: what the blocks before it have promised
    <!-- wait: b: COMMAND -->  the same on the second host
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "guides"
MARK = re.compile(r"<!-- (run|package|card|machine|prepare|wait)(?:: (.*))? -->")
LEFT_OUT = ("card", "machine")
BLOCKS = ("run", "package", *LEFT_OUT)
BESIDE = "beside"


class Step:
    """What is done, where, and the line of the page that says so; the words of a block's mark."""

    def __init__(self, kind, host, text, line, words=""):
        self.kind, self.host, self.text, self.line, self.words = kind, host, text, line, words


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


def step_of(mark, lines, number):
    """The step of a block behind its mark."""
    kind, host, words = mark
    text = "\n".join(lines)
    if kind == "run" and words == BESIDE:
        text = f"(\n{text}\n) >{BESIDE} 2>&1 &"
    return Step(kind, host, text, number, words)


def is_wrong(mark):
    """Whether words are missing, or are there where none belong."""
    kind, _, words = mark
    return words not in ("", BESIDE) if kind == "run" else not words


def steps(page):
    """The steps of a guide; ValueError names the line that is wrong."""
    found, mark, block = [], None, None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{page.name}:{number}"
        if block is not None:
            if line == "```":
                if mark is not None:
                    found.append(step_of(mark, block, number))
                mark, block = None, None
            else:
                block.append(line)
        elif line.startswith("```"):
            if line == "```sh" and (mark is None or mark[0] not in BLOCKS):
                raise ValueError(f"{where}: commands without a mark: expected <!-- run --> or another one before them")
            mark, block = mark if line == "```sh" else None, []
        elif line.startswith("<!-- ") and not line.startswith("<!-- SPDX"):
            seen = read_mark(line)
            if seen is None or is_wrong(seen):
                raise ValueError(f'{where}: "{line}": expected a mark as test/guides/guide.py has them')
            if seen[0] in ("prepare", "wait"):
                found.append(Step(*seen, number))
            else:
                mark = seen
    return found


def pages():
    return sorted(page for page in FOLDER.glob("*.md") if page.name != "README.md")


def package_block(guide, name):
    """The commands of a guide's block that is marked package: NAME."""
    (found,) = [step.text for step in steps(FOLDER / f"{guide}.md") if (step.kind, step.words) == ("package", name)]
    return found
