#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Hold the pages against the program.  The tables of docs/console.md are made from what the program
says of its commands and keys (`bondfwd --help-json`, built when it is not), and from the list of
drop reasons, that of docs/metrics.md from what it says of its metrics, that of docs/words.md from the commands
of other programs that it answers; links between the pages must lead somewhere; what a page shows of the program's output
is marked as a sample, which test/functional/test_samples.py makes; commands of guides are marked for test/guides.
The table of docs/selftests.md is what test/selftests/files.py says, that of docs/troubleshooting.md what
app/doctor/faults.h does.
The keys of bondfwd.conf(5) are made like those of docs/console.md, and every option of the program must
stand in bondfwd(8).

    scripts/lib/check-docs.py            exit 1 and say what is wrong
    scripts/lib/check-docs.py --write    bring the tables up to date first
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "test/functional"))
sys.path.insert(1, str(ROOT / "test/selftests"))
sys.path.insert(2, str(ROOT / "test/guides"))
import files  # noqa: E402 (the kernel's own tests that count)
from described import described  # noqa: E402 (what the program says of itself)
import guide  # noqa: E402 (how the commands of guides are marked)
import samples  # noqa: E402 (the pages with samples, and what a sample is)

CONSOLE = ROOT / "docs/console.md"
METRICS_PAGE = ROOT / "docs/metrics.md"
FLOW_EXPORT = ROOT / "docs" / "flow-export.md"
TROUBLESHOOTING = ROOT / "docs/troubleshooting.md"
WORDS_PAGE = ROOT / "docs/words.md"
SELFTESTS = ROOT / "docs/selftests.md"
CONF_PAGE = ROOT / "docs/man/bondfwd.conf.5"
PROGRAM_PAGE = ROOT / "docs/man/bondfwd.8"
STRINGS = r'((?:"(?:\\.|[^"\\])*"\s*)+)'
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


# Commands and keys: the program says them itself.

SECTIONS, COMMANDS, KEYS, METRICS, WORDS, _ = described()


def cell(text):
    return text.replace("|", r"\|").replace("\n", " ")


def command_rows():
    for section in SECTIONS:
        name = section["section"]
        yield f"\n**{name}**: {section['help']}\n\n| command | what it does |\n| --- | --- |"
        for command in COMMANDS:
            if command["section"] == name:
                yield f"| `{cell(command['syntax'])}` | {cell(command['help'])} |"


def value_of(key):
    theirs = [f"{their} = {our}" for their, our in key["other_words"].items()]
    return key["values"] + (f" ({', '.join(theirs)})" if theirs else "")


def key_rows(of):
    yield "| key | other name | value | default | what it is |\n| --- | --- | --- | --- | --- |"
    for key in KEYS["keys"]:
        if key["of"] != of:
            continue
        other = ", ".join(f"`{name}`" for name in key["other_names"])
        cuts = " (a change may cut the connection)" if key["reconnects"] else ""
        yield f"| `{key['key']}` | {other} | {value_of(key)} | {key['defaults']} | {key['help']}{cuts} |"


def foreign_rows():
    yield "| option | what bondfwd does |\n| --- | --- |"
    for row in KEYS["foreign"]:
        option = row["key"] + (f"={row['value']}" if row["value"] else "")
        yield f"| `{option}` | {row['instead']} |"


def metric_rows():
    yield "| metric | type | labels | meaning |\n| --- | --- | --- | --- |"
    for m in METRICS:
        labels = " ".join(f"`{label}`" for label in m["labels"].split(",") if label)
        yield f"| `{m['name']}` | {m['type']} | {labels} | {cell(m['help'])} |"


def word_rows():
    for of in dict.fromkeys(w["of"] for w in WORDS):
        yield f"\n**{of}**\n\n| command | in bondfwd |\n| --- | --- |"
        for w in WORDS:
            if w["of"] == of:
                yield f"| `{cell(w['words'])}` | {cell(w['instead'])} |"


# Man pages.

def roff(text):
    """Text that stands in a line of its own, and means what it says."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return (r"\&" if text[:1] in (".", "'") else "") + text


def man_key_rows(of):
    for key in KEYS["keys"]:
        if key["of"] != of:
            continue
        also = "".join(f", \\fB{roff(name)}\\fR" for name in key["other_names"])
        text = key["help"] + (" (a change may cut the connection)" if key["reconnects"] else "")
        yield (f".TP\n\\fB{roff(key['key'])}\\fR{also}\n{roff(text)}.\n.br\n"
               f"{roff('Values: ' + value_of(key))}; default {roff(key['defaults'])}.")


def options_without_a_page():
    page = PROGRAM_PAGE.read_text(encoding="utf-8").replace(r"\-", "-")
    for name in re.findall(r'^\t\[OPT_\w+\] = \{"(--[\w-]+)"', read("app/options.c"), re.MULTILINE):
        if not re.search(re.escape(name) + r"(?![\w-])", page):
            yield f"docs/man/bondfwd.8: {name} is missing"


# Drop reasons.

def text_of(literals):
    """C string literals one after the other, as the text they are."""
    joined = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', literals))
    return joined.replace(r"\"", '"').replace(r"\\", "\\")


def drop_rows():
    yield "| reason | at | meaning |\n| --- | --- | --- |"
    lines = read("lib/dataplane/drop_list.h").replace("\\\n", "\n")
    for name, place, help_text in re.findall(r'\bX\(\w+,\s*"(\w+)",\s*"(\w+)",\s*' + STRINGS + r"\)", lines):
        yield f"| `{name}` | {place} | {text_of(help_text)} |"


def health_rows():
    yield "| rule | level | limit | what it finds |\n| --- | --- | --- | --- |"
    lines = read("lib/control/observe/health.h").replace("\\\n", "\n")
    for name, level, limit, unit, help_text in re.findall(
            r'\bX\(\w+,\s*"(\w+)",\s*(\w+),\s*([\d.]+),\s*"([^"]*)",\s*' + STRINGS + r"\)", lines):
        level = "error" if level == "ERR" else level.lower()
        yield f"| `{name}` | {level} | {f'{limit} {unit}' if unit else ''} | {text_of(help_text)} |"


def fault_rows():
    yield "| fault | of | what is wrong | what to do |\n| --- | --- | --- | --- |"
    lines = read("app/doctor/faults.h").replace("\\\n", "\n")
    for name, family, severity, what, remedy in re.findall(
            r'\bX\(\w+,\s*"(\w+)",\s*(\w+),\s*(\w+),\s*' + STRINGS + r",\s*" + STRINGS + r"\)", lines):
        kind = " (warning)" if severity == "WARNING" else ""
        remedy = cell(text_of(remedy)).replace("@BOND", "BOND").replace("@", "OBJECT").replace("<", "&lt;")
        yield f"| `{name}` | {family.lower()} | {cell(text_of(what))}{kind} | {remedy} |"


TABLES = {CONSOLE: {
    "commands": command_rows,
    "bond-keys": lambda: key_rows("bond"),
    "member-keys": lambda: key_rows("member"),
    "guest-keys": lambda: key_rows("guest"),
    "foreign": foreign_rows,
    "drops": drop_rows,
    "health": health_rows,
}, FLOW_EXPORT: {
    "exporter-keys": lambda: key_rows("exporter"),
}, METRICS_PAGE: {
    "metrics": metric_rows,
}, WORDS_PAGE: {
    "words": word_rows,
}, TROUBLESHOOTING: {
    "faults": fault_rows,
}, SELFTESTS: {
    "selftests": files.rows,
}, CONF_PAGE: {
    f"{of}-keys": lambda of=of: man_key_rows(of) for of in ("bond", "member", "guest", "exporter")
}}


def with_tables(path):
    page = path.read_text(encoding="utf-8")
    for name, rows in TABLES[path].items():
        lines = list(rows())
        if len(lines) < 2:
            sys.exit(f"{name}: nothing found in the sources: mend scripts/lib/check-docs.py")
        is_man = path.suffix != ".md"
        pattern = rf'(\.\\" {name}\n).*?(\.\\" end\n)' if is_man else rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        inside = "\n".join(lines).strip("\n")
        inside = f"{inside}\n" if is_man else f"\n{inside}\n\n"
        page, n = re.subn(pattern, lambda m, t=inside: f"{m[1]}{t}{m[2]}", page,
                          flags=re.DOTALL)
        if n != 1:
            sys.exit(f"{path.relative_to(ROOT)}: expected one <!-- {name} --> ... <!-- end -->")
    return page


def dead_links():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in LINK.findall(path.read_text(encoding="utf-8")):
            if not (path.parent / target).exists():
                yield f"{path.relative_to(ROOT)}: link to {target}: no such file"


# Blocks: fenced ones hold output and are marked; indented ones hold what is typed.

MARK = re.compile(r"<!-- (sample: [\w-]+|drawing) -->")
TYPED = re.compile(r"(# |[A-Z_]+=\S+ )*(bondfwd>?|bondctl|scripts/|meson|ninja|python3|clang|nice|ip |set |show |create )")


def wrong_blocks():
    for page in samples.PAGES:
        name = page.relative_to(ROOT)
        before, is_inside, goes_on = "", False, False
        for number, line in enumerate(read(name).splitlines(), 1):
            if line.startswith("```"):
                is_inside = not is_inside
                if is_inside and not MARK.fullmatch(before):
                    yield (f"{name}:{number}: a block without a mark: expected <!-- sample: SCENE --> before output, "
                           "of a scene in test/functional/test_samples.py")
            elif not is_inside and line.startswith("    ") and not goes_on and not TYPED.match(line[4:]):
                yield (f"{name}:{number}: expected a command in an indented block; output is fenced and has a mark, "
                       "<!-- sample: SCENE -->")
            goes_on = line.startswith("    ") and line.endswith("\\")
            before = line


def unplayed_samples():
    for page in {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")} - {*samples.PAGES}:
        if samples.BLOCK.search(page.read_text(encoding="utf-8")):
            yield (f"{page.relative_to(ROOT)}: a sample that no test plays: expected the page in PAGES of "
                   "test/functional/samples.py")


def wrong_guides():
    for page in guide.pages():
        try:
            guide.steps(page)
        except ValueError as error:
            yield f"docs/guides/{error}"


def main(argv):
    if argv[1:] not in ([], ["--write"]):
        sys.exit(f"check-docs.py: {' '.join(argv[1:])}: expected nothing, or --write")
    problems = [*dead_links(), *wrong_blocks(), *unplayed_samples(), *wrong_guides(), *options_without_a_page()]
    for path in TABLES:
        fresh = with_tables(path)
        if argv[1:] == ["--write"]:
            path.write_text(fresh, encoding="utf-8")
        elif fresh != path.read_text(encoding="utf-8"):
            problems.append(f"{path.relative_to(ROOT)}: a table is not that of the sources: run "
                            "scripts/lib/check-docs.py --write")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
