#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Hold the arrows between the rooms: which folder may include what.

    scripts/check-includes.py [TREE]

    base <- dataplane <- control <- app      base <- lacp <- control      base <- console <- app
    base <- vhost <- control                 base <- machine <- control, app
    base <- lldp <- control

Within lib/dataplane the files have an order, the one in its meson.build: FILE.c and FILE.h are one, and include
only what follows. There is no circle, also not by headers that have no .c of their own.

Besides: lib/base, lib/machine, lib/lacp, lib/lldp and lib/vhost know no DPDK header, only lib/control/compat.h names RTE_VERSION,
and every header begins with its own guard. Prints file:line: what; exits 1 when anything is wrong.
"""

import pathlib
import re
import sys

# A room and the rooms it may include; its own headers are always its to include.
ARROWS = {
    "lib/pch": (),
    "lib/base": (),
    "lib/machine": ("lib/base",),
    "lib/dataplane": ("lib/base",),
    "lib/lacp": ("lib/base",),
    "lib/lldp": ("lib/base",),
    "lib/console": ("lib/base",),
    "lib/vhost": ("lib/base",),
    "lib/control": ("lib/base", "lib/machine", "lib/dataplane", "lib/lacp", "lib/lldp", "lib/vhost"),
    "app": ("lib/base", "lib/machine", "lib/dataplane", "lib/lacp", "lib/lldp", "lib/vhost",
            "lib/control", "lib/console"),
}
# The folders of lib/control, lowest first.
SUBJECTS = ("config", "loop", "memory", "workers", "observe", "export", "switch", "bond", "lan", "host", "guests", "trace",
            "snapshot")
TIES = "lib/control/bridge.h"
WITHOUT_DPDK = ("lib/base", "lib/machine", "lib/lacp", "lib/lldp", "lib/vhost")
VERSION_FILE = "lib/control/compat.h"

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
VERSION = re.compile(r"\bRTE_VERSION(_NUM)?\b|\bRTE_VER_[A-Z]+\b")
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def without_comments(text):
    """The code, line numbers kept; strings stay because an include's name is one."""
    def blank(match):
        return match[0] if match[0][0] == '"' else "\n" * match[0].count("\n")
    return COMMENT.sub(blank, text)


def room_of(path):
    """lib/base for lib/base/err.h, app for app/main.c."""
    parts = path.parts
    return "/".join(parts[:2]) if parts[0] == "lib" else parts[0]


def target_of(tree, path, name):
    """The file of this tree that an include names, or None for a foreign one."""
    for folder in (path.parent, pathlib.Path("lib"), pathlib.Path("app")):
        if (tree / folder / name).is_file():
            return folder / name
    return None


def subject_of(path):
    """bond for lib/control/bond/device.c, None for what lies beside the folders."""
    return path.parts[2] if path.parts[:2] == ("lib", "control") and len(path.parts) > 3 else None


def check_subject(path, target):
    """The order of the subjects of lib/control."""
    own, its = subject_of(path), subject_of(target)
    if str(target) == TIES and own is not None and path.suffix == ".h":
        return f"{TIES}: expected in .c files only, and struct bf_bridge; in headers"
    if own is None or its is None:
        return None
    if SUBJECTS.index(its) > SUBJECTS.index(own):
        return f"control/{own} may not include control/{its}"
    return None


def check_include(tree, path, quote, name):
    room = room_of(path)
    target = target_of(tree, path, name)
    if target is None:
        if quote == '"':
            return f'"{name}": no such file in the tree'
        if room in WITHOUT_DPDK and name.startswith("rte_"):
            return f"<{name}>: {room} knows no DPDK"
        return None
    if quote == "<":
        return f'<{name}>: expected "{name}"'
    its = room_of(target)
    if its == room == "lib/control":
        return check_subject(path, target)
    if its == room or its in ARROWS.get(room, ()):
        return None
    return f'"{name}": {room} may not include {its}'


def check_file(tree, path):
    in_room = room_of(path) in ARROWS
    code = without_comments((tree / path).read_text(encoding="utf-8"))
    for number, line in enumerate(code.splitlines(), 1):
        match = INCLUDE.match(line)
        problem = check_include(tree, path, *match.groups()) if match and in_room else None
        if problem is None and str(path) != VERSION_FILE and VERSION.search(line):
            problem = f"RTE_VERSION: expected only in {VERSION_FILE}"
        if problem:
            yield f"{path}:{number}: {problem}"
    if path.suffix == ".h" and not re.match(r"\s*#(ifndef (\w+)\s+#define \2\b|pragma once)", code):
        yield f"{path}:1: no include guard around the whole header"


def includes_within(tree, room):
    """stem -> the stems of the same room that its .c and .h include."""
    graph = {}
    for path in sorted((tree / room).glob("*.[ch]")):
        code = without_comments(path.read_text(encoding="utf-8"))
        names = (match[2] for match in map(INCLUDE.match, code.splitlines()) if match)
        targets = (target_of(tree, path.relative_to(tree), name) for name in names)
        graph.setdefault(path.stem, set()).update(
            target.stem for target in targets
            if target is not None and room_of(target) == room and target.stem != path.stem)
    return graph


def circle_in(graph):
    """The stems of one circle, the first one twice; or None."""
    done, way = set(), []

    def visit(stem):
        if stem in way:
            return way[way.index(stem):] + [stem]
        if stem in done:
            return None
        way.append(stem)
        found = next(filter(None, map(visit, sorted(graph.get(stem, ())))), None)
        way.pop()
        done.add(stem)
        return found

    return next(filter(None, map(visit, sorted(graph))), None)


def check_order(tree, room):
    """The order of a room's meson.build holds for its includes."""
    graph = includes_within(tree, room)
    circle = circle_in(graph)
    if circle:
        yield f"{room}: a circle of includes: {' -> '.join(circle)}"
    order = re.findall(r"'(\w+)\.c'", (tree / room / "meson.build").read_text(encoding="utf-8"))
    for stem in order:
        for target in sorted(graph[stem] & set(order)):
            if order.index(target) < order.index(stem):
                yield f"{room}/{stem}.c: {target}: expected behind {stem}.c in {room}/meson.build"


def main(argv):
    tree = pathlib.Path(argv[1] if len(argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    files = sorted(path.relative_to(tree) for top in ("app", "lib", "test")
                   for path in (tree / top).rglob("*.[ch]"))
    if not files:
        print(f"{tree}: no source file: expected the project's tree", file=sys.stderr)
        return 2
    problems = [problem for path in files for problem in check_file(tree, path)]
    problems += check_order(tree, "lib/dataplane")
    for path in files:
        if subject_of(path) not in (None, *SUBJECTS):
            problems.append(f"{path}:1: {subject_of(path)}: expected one of {', '.join(SUBJECTS)}")
        if path.parts[0] != "test" and room_of(path) not in ARROWS:
            problems.append(f"{path}:1: {room_of(path)}: a room without an arrow")
    print("\n".join(problems) if problems else f"{len(files)} files, all arrows hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
