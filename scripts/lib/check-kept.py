#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Hold the names of the last release.  scripts/lib/kept.txt has its keys, commands, metrics with their labels, and fields
in JSON, as the program itself told them (`bondfwd --help-json`); the program must answer to each of them still, by
itself or by an alias (docs/releases.md).  What is new may come at any time.

    scripts/lib/check-kept.py            exit 1 and say which names are gone
    scripts/lib/check-kept.py --write    the same, and if none is gone write the file for the version of meson.build

An argument of a command may get another name, and optional words may be added to it.
"""

import collections
import re
import sys

sys.dont_write_bytecode = True
from described import ROOT, described  # noqa: E402 (what the program says of itself)

KEPT = ROOT / "scripts/lib/kept.txt"
HEAD = "# Names of bondfwd {}, written by scripts/lib/check-kept.py: see docs/releases.md\n"
# What is in one place: a group, an argument, a rest that may be missing, a bracket, a word.
TOKEN = re.compile(r"\([^)]*\)|<[^>]*>|\[\w+\.\.\.\]|\[|\]|[^\s\[\]]+")
GONE = """\
Names of the last release are gone:

{}

For one release the old name must work beside the new one:
  key           add it to .other_names of the key's row
  command       write (old|new) in its syntax, or give the old words a row of their own
  metric, json  give the field twice, the second time under the old name
If the name had its alias for a release already: take it out of scripts/lib/kept.txt in the same commit, and say in the
upgrade notes of NEWS.md what to use instead."""


def lines_of(keys, commands, metrics, shows):
    """The lines of the file: a command, or names of a kind behind what they have in common."""
    groups = collections.defaultdict(set)
    for key in keys["keys"]:
        groups[f"key {key['of']}"] |= {key["key"], *key["other_names"]}
    for metric in metrics:
        groups[f"metric {{{metric['labels']}}}"].add(metric["name"])
    for show in shows:
        groups[f"json {show['of']}"] |= set(show["fields"])
    lines = {f"command {command['syntax']}" for command in commands}
    return sorted(lines | {f"{head}: {' '.join(sorted(names))}" for head, names in groups.items() if names})


def names_in(line):
    """Every name of a line, with its kind."""
    kind = line.split()[0]
    if kind == "command":
        return {line}
    head, _, names = line.partition(": ")
    if kind != "metric":
        return {f"{head}: {name}" for name in names.split()}
    labels = head[len("metric {"):-1].split(",")
    return {f"metric {name}{of}" for name in names.split() for of in ("", *(f"{{{label}}}" for label in labels if label))}


def all_names(lines):
    return sorted(set().union(*map(names_in, lines)))


def items_of(token):
    """The words that may stand in one place, <> for an argument."""
    if token.startswith("[") and token.endswith("...]"):
        return [(), ("<...>",)]
    words = re.sub(r"^\w+:", "", token[1:-1]).split("|") if token.startswith("(") else [token]
    return [("<...>" if word.endswith("...>") else "<>" if word.startswith("<") else word,) for word in words]


def forms_of(tokens):
    """Every way to write the tokens up to a closing bracket."""
    forms = {()}
    while tokens:
        token = tokens.pop(0)
        if token == "]":
            break
        more = {(), *forms_of(tokens)} if token == "[" else items_of(token)
        forms = {form + words for form in forms for words in more}
    return forms


def forms(name):
    """What must be there so that a name is kept: of a command each way to write it."""
    kind, _, syntax = name.partition(" ")
    if kind != "command":
        return {name}
    return {f"command {' '.join(words)}" for words in forms_of(TOKEN.findall(syntax))}


def gone(kept, names):
    """Lines of the file, with what of them is not answered."""
    answered = set().union(*map(forms, names))
    for name in kept:
        missing = sorted(forms(name) - answered)
        if missing:
            yield name if missing == [name] else f"{name}\n    {missing[0]}"


def main(argv):
    if argv[1:] not in ([], ["--write"]):
        sys.exit(f"check-kept.py: {' '.join(argv[1:])}: expected nothing, or --write")
    _, commands, keys, metrics, _, shows = described()
    lines = lines_of(keys, commands, metrics, shows)
    kept = KEPT.read_text(encoding="utf-8").splitlines()[1:] if KEPT.exists() else []
    lost = list(gone(all_names(kept), all_names(lines)))
    if lost:
        print(GONE.format("\n".join(lost)))
        return 1
    if argv[1:] == ["--write"]:
        version = re.search(r"\bversion: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8"))[1]
        KEPT.write_text(HEAD.format(version) + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
