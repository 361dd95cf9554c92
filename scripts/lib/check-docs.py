#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Hold the pages against the program.  The tables of docs/console.md (commands, keys, drop reasons)
are made from the tables in the sources; links between the pages must lead somewhere.

    scripts/lib/check-docs.py            exit 1 and say what is wrong
    scripts/lib/check-docs.py --write    bring docs/console.md up to date first
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONSOLE = ROOT / "docs/console.md"
STRINGS = r'((?:"(?:\\.|[^"\\])*"\s*)+)'
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def text_of(literals):
    """C string literals one after the other, as the text they are."""
    joined = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', literals))
    return joined.replace(r"\n", " ").replace(r"\"", '"').replace(r"\\", "\\")


def table_of(text, name):
    """The inside of an initialised array."""
    match = re.search(rf"\b{name}\[\w*\] = \{{(.*?)\}};", text, re.MULTILINE | re.DOTALL)
    if match is None:
        sys.exit(f"{name}: no such table: mend scripts/lib/check-docs.py")
    return match[1]


# Commands.

def command_rows():
    for file in re.findall(r"&bf_group_(\w+)", read("app/commands/commands.c")):
        source = read(f"app/commands/{file}.c")
        group, title, array = re.search(r'bf_group_\w+ = \{\s*"(\w+)",\s*' + STRINGS +
                                        r",\s*BF_CMDS\((\w+)\)", source).groups()
        yield f"\n**{group}**: {text_of(title)}\n\n| command | what it does |\n| --- | --- |"
        for syntax, help_text in re.findall(r"^\s*\{" + STRINGS + r",\s*" + STRINGS + ",",
                                            table_of(source, array), re.MULTILINE):
            shown = text_of(syntax).replace("|", r"\|")
            yield f"| `{shown}` | {text_of(help_text)} |"


# Keys.

def constants():
    text = read("lib/dataplane/sizes.h") + read("lib/control/config/config.h")
    return {"UINT32_MAX": "4294967295",
            **dict(re.findall(r"^#define (\w+) (\d+)\b", text, re.MULTILINE))}


def words_of(text, array):
    return re.findall(r'"([^"]*)"', table_of(text, array))


def enumerator_index(name):
    """The value of an enumerator of one of the plain enums, or None."""
    for path in ("lib/control/config/config.h", "lib/dataplane/flow.h"):
        for body in re.findall(r"enum \w+ \{([^{}]*)\}", read(path)):
            names = re.findall(r"\b(BF_\w+)", body)
            if name in names:
                return names.index(name)
    return None


def default_of(text, kind, function, field, words):
    body = re.search(rf"^{function}\(.*?^\}}", text, re.MULTILINE | re.DOTALL)[0]
    match = re.search(rf"->{field} = (?:\w+->\w+ = )*(\w+);", body)
    value = match[1] if match else "0"
    if kind in ("NUM", "SIGNED"):
        return constants().get(value, value)
    if kind == "OF_BOND":
        return "bond"
    if kind == "ONE_OF":
        return words[enumerator_index(value) or 0]
    if kind == "ONOFF":
        return "on" if value == "true" else "off"
    return words[value == "true"] if words else "none"


def key_rows(array, function):
    text = read("lib/control/config/config.c")
    entry = re.compile(r'\{"(\w+)",\s*(NULL|"\w+"),\s*(\w+)(?:\([BGM]\((\w+)\)([^)]*)\))?(.*?),\s*' +
                       STRINGS + r"\}", re.DOTALL)
    yield "| key | other name | value | default | what it is |\n| --- | --- | --- | --- | --- |"
    for key, alias, kind, field, rest, tail, help_text in entry.findall(table_of(text, array)):
        field = field or (re.search(r"[BGM]\((\w+)\)", tail) or [None, key])[1]
        parts = [constants().get(p.strip(), p.strip()) for p in rest.split(",") if p.strip()]
        words = words_of(text, parts[0]) if kind == "ONE_OF" else None
        if kind == "BF_KEY_BOOL":
            words = words_of(text, re.search(r"(\w+_names)", tail)[1])
        value = {"NUM": lambda: f"{parts[0]} to {parts[1]}",
                 "SIGNED": lambda: f"{parts[0]} to {parts[1]}",
                 "OF_BOND": lambda: f"{parts[0]} to {parts[1]}, `bond`", "ONOFF": lambda: "on, off",
                 "MACADDR": lambda: "MAC address, `none`", "BF_KEY_DEVICE": lambda: "device",
                 "BF_KEY_TARGETS": lambda: "address, address/VLAN, `none`",
                 "BF_KEY_PATH": lambda: "path", "BF_KEY_NAME": lambda: "name"}.get(kind, lambda: ", ".join(words))()
        default = default_of(text, kind, function, field, words)
        other = "" if alias == "NULL" else "`" + alias.strip('"') + "`"
        yield f"| `{key}` | {other} | {value} | {default} | {text_of(help_text)} |"


# Drop reasons.

def drop_rows():
    yield "| reason | at | meaning |\n| --- | --- | --- |"
    lines = read("lib/dataplane/drop_list.h").replace("\\\n", "\n")
    for name, place, help_text in re.findall(r'\bX\(\w+,\s*"(\w+)",\s*"(\w+)",\s*' + STRINGS + r"\)", lines):
        yield f"| `{name}` | {place} | {text_of(help_text)} |"


TABLES = {
    "commands": command_rows,
    "bond-keys": lambda: key_rows("bf_bond_keys", "bf_bond_config_init"),
    "member-keys": lambda: key_rows("bf_member_keys", "bf_member_config_init"),
    "guest-keys": lambda: key_rows("bf_guest_keys", "bf_guest_config_init"),
    "drops": drop_rows,
}


def with_tables(page):
    for name, rows in TABLES.items():
        lines = list(rows())
        if len(lines) < 2:
            sys.exit(f"{name}: nothing found in the sources: mend scripts/lib/check-docs.py")
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        inside = "\n".join(lines).strip("\n")
        page, n = re.subn(pattern, lambda m, t=inside: f"{m[1]}\n{t}\n\n{m[2]}", page,
                          flags=re.DOTALL)
        if n != 1:
            sys.exit(f"{CONSOLE.relative_to(ROOT)}: expected one <!-- {name} --> ... <!-- end -->")
    return page


def dead_links():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in LINK.findall(path.read_text(encoding="utf-8")):
            if not (path.parent / target).exists():
                yield f"{path.relative_to(ROOT)}: link to {target}: no such file"


def main(argv):
    if argv[1:] not in ([], ["--write"]):
        sys.exit(f"check-docs.py: {' '.join(argv[1:])}: expected nothing, or --write")
    page = CONSOLE.read_text(encoding="utf-8")
    fresh = with_tables(page)
    if argv[1:] == ["--write"]:
        CONSOLE.write_text(fresh, encoding="utf-8")
        page = fresh
    problems = list(dead_links())
    if page != fresh:
        problems.append("docs/console.md: a table is not that of the sources: run "
                        "scripts/lib/check-docs.py --write")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
