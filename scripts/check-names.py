#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Hold the names that a compiler does not see (CONTRIBUTING, Names).

    scripts/check-names.py [TREE]

A static function of app/ or lib/ says what it works on: `ring_judge`, not `judge`, which tells nothing in a
profile, a debugger or a search. The variable for what is returned is `ret`, not `rc`; an enum ends in _COUNT.
Prints file:line: what; exits 1 when anything is wrong.
"""

import pathlib
import re
import sys

# One word is enough: arithmetic, and bytes in network order.
ONE_WORD = {"get16", "min3", "put16", "ratio", "sum16"}

STATIC = re.compile(r"^static\b[^\n;={]*\n([a-z0-9]+)\(", re.MULTILINE)
RC = re.compile(r"\brc\b")
COUNT = re.compile(r"\b[A-Z]\w*_COUNT_\b")
ASIDE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def code_of(text):
    """Comments and strings blanked, line numbers kept."""
    return ASIDE.sub(lambda match: "\n" * match[0].count("\n"), text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def check_file(name, text):
    code = code_of(text)
    if not name.startswith("test/"):
        for match in STATIC.finditer(code):
            if match[1] not in ONE_WORD:
                yield line_of(code, match.start(1)), f"static {match[1]}(): expected a noun with it, as in ring_judge()"
    for match in RC.finditer(code):
        yield line_of(code, match.start()), "rc: expected ret"
    for match in COUNT.finditer(code):
        yield line_of(code, match.start()), f"{match[0]}: expected {match[0][:-1]}"


def main(argv):
    tree = pathlib.Path(argv[1] if len(argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    files = sorted(path for top in ("app", "lib", "test") for path in (tree / top).rglob("*.[ch]"))
    if not files:
        print(f"{tree}: no source file: expected the project's tree", file=sys.stderr)
        return 2
    bad = 0
    for path in files:
        name = str(path.relative_to(tree))
        for number, what in check_file(name, path.read_text(encoding="utf-8")):
            print(f"{name}:{number}: {what}")
            bad = 1
    if not bad:
        print(f"{len(files)} files, all names hold")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv))
