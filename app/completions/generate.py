#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Write the completions of bondctl and bondfwd for a shell, from what the built programs say of themselves: commands
and keys are those of `bondfwd --help-json`, options those of each --help.

    app/completions/generate.py bash|zsh BONDFWD BONDCTL FILE-FOR-BONDCTL FILE-FOR-BONDFWD [RUNNER...]

RUNNER runs programs that were built for another machine, as qemu-aarch64 does.
"""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# What is in one place: a group, an argument, a rest that may be missing, a bracket, a word.
TOKEN = re.compile(r"\([^)]*\)|<[^>]*>|\[\w+\.\.\.\]|\[|\]|[^\s\[\]]+")
# Whose keys a command takes, by its words; as in app/commands/pairs.c.
TABLES = (("bonding (member|slave)", "member"), ("bonding option", "bond"), ("guest", "guest"), ("host", "guest"),
          ("group", "guest"), ("exporter", "exporter"))
# Keys that name another object, which only the running program knows.
NAMED = {"guest.uplink": "bond", "guest.group": "group", "bond.primary": "member", "bond.member": "member"}
EAL = ("-l --lcores --main-lcore -a --allow -b --block --vdev -m -n --socket-mem --huge-dir --file-prefix "
       "--no-pci --no-huge --in-memory --no-telemetry --iova-mode --log-level --").split()


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout:
        sys.exit(f"completions: {' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def described(bondfwd):
    """(sections, commands, keys) as `bondfwd --help-json` prints them."""
    text = output(*bondfwd, "--help-json")
    values, at = [], 0
    while at < len(text):
        value, at = json.JSONDecoder().raw_decode(text, at)
        values.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return values[0], values[1], values[2]["keys"]


# Commands.

def rest_of(name, syntax):
    """The kind of the words to the end of the line."""
    table = next((of for words, of in TABLES if words in syntax), None)
    if name in ("options", "keys") and table is not None:
        return f"+{table}=" if name == "options" else f"+{table}-keys"
    return f"+{name}"


def item_of(token, syntax):
    if token.endswith(("...>", "...]")):
        return rest_of(token[1:-4], syntax)
    return re.sub(r"^(\w+:)", "", token[1:-1]) if token.startswith("(") else token


def rows_of(tokens, syntax):
    """Every way to write the tokens up to a closing bracket."""
    rows = [[]]
    while tokens:
        token = tokens.pop(0)
        if token == "]":
            break
        if token == "[":
            inner = rows_of(tokens, syntax)
            rows += [row + more for row in rows for more in inner]
        else:
            item = item_of(token, syntax)
            rows = [row + [item] for row in rows]
    return rows


def forms_of(syntax):
    return [" ".join(row) for row in rows_of(TOKEN.findall(syntax), syntax)]


# Words of options.

OPTION = re.compile(r"^  (-[-\w]+)(?:, (-[-\w]+))?(?: (\S+))?  +\S", re.MULTILINE)


def options_of(text):
    """[(names, value)] of a --help."""
    return [([name for name in (first, second) if name], value) for first, second, value in OPTION.findall(text)]


def words_of(options):
    return [name for names, _ in options for name in names]


def takes_file(value):
    return re.match(r"(FILE|PATH|DIR|PROGRAM|SOCKET)\b", value) is not None


# Values.

def values_of(text):
    """The words among what may be written as a key's value."""
    text = re.sub(r"[^;]*\b(rate|rules) [^;]*;", "", text)
    words = [part.strip() for part in re.split(r"[,;]", text)]
    return [w for w in words if re.fullmatch(r"[\w.+-]+", w) and w not in ("device", "name", "path", "address")]


def case(patterns, action):
    return f"    {' | '.join(patterns)}) {action} ;;"


def found(program, words):
    return f"_{program}_found '" + "\n".join(words) + "'"


def key_cases(program, keys):
    """Of each table its keys, with and without =, and of each key its values."""
    for of in dict.fromkeys(k["of"] for k in keys):
        # Who it is, is said elsewhere on the console.
        names = [k["key"] for k in keys if k["of"] == of and (program == "bondfwd" or k["key"] != "name")]
        yield case([f"{of}="], found(program, [f"{name}=" for name in names]))
        yield case([f"{of}-keys"], found(program, names))
    for k in keys:
        kind, words = f"{k['of']}.{k['key']}", values_of(k["values"])
        actions = [found(program, words)] if words else []
        if k["values"] == "path":
            actions.append("files=yes")
        if kind in NAMED and program == "bondctl":
            actions.append(f"_bondctl_ask {NAMED[kind]}")
        elif NAMED.get(kind) == "member":
            actions.append("_bondfwd_cards")
        if actions:
            yield case([f"{k['of']}.{name}" for name in [k["key"], *k["other_names"]]], "; ".join(actions))


def bondctl_parts(bondfwd, bondctl):
    sections, commands, keys = described(bondfwd)
    words = {f"{k['of']}.{k['key']}": values_of(k["values"]) for k in keys}
    usage = output(*bondctl, "--help")
    forms, values, rest = [], list(key_cases("bondctl", keys)), []
    for command in commands:
        syntax = command["syntax"]
        if syntax.startswith("capture start"):
            syntax = syntax.replace(" file <file>", " (file|-w) <file>")
        forms += forms_of(syntax)
        if syntax.startswith("show names "):
            live = re.search(r"\(of:(.*)\)", syntax)[1].split("|")
            values.append(case(live, '_bondctl_ask "$1"'))
    for own in ("top", "doctor", "monitor"):
        options = options_of(output(*bondctl, own, "--help"))
        forms.append(f"{own} +{own}")
        for names, value in options:
            if value:
                action = "files=yes" if takes_file(value) else ""
                rest.append(case([f"{own}:{name}" for name in names], action))
        more = ["error", "warning", "notice"] if own == "monitor" else []
        values.append(case([own], found("bondctl", words_of(options) + more)))
    forms += ["import ovs <file> +import", "metrics --output|-o <file>"]
    rest.append(case(["import:-o"], "files=yes"))
    values.append(case(["import"], found("bondctl", re.findall(r"\[(\w+=|-\w)", usage[usage.index("import ovs"):]))))
    values += [
        case(["file"], "files=yes"), case(["mode"], found("bondctl", words["bond.mode"])),
        case(["policy"], found("bondctl", words["bond.xmit_policy"])),
        case(["profile"], found("bondctl", words["guest.profile"])),
        case(["onoff"], found("bondctl", ["on", "off"])), case(["how"], found("bondctl", ["poll", "pause", "sleep"])),
        case(["topic"], found("bondctl", [s["section"] for s in sections] + ["all"])),
        case(["options"], found("bondctl", words_of(options_of(usage)))),
    ]
    return {"FORMS": "\n".join(f"    '{form}'" for form in dict.fromkeys(forms)), "VALUES": "\n".join(values),
            "REST": "\n".join(rest)}


def value_action(names, value, text):
    """What a shell does for the value of an option of bondfwd; None: it has none."""
    name = names[0]
    if name == "--advise":
        line = re.search(r"--advise .*", text)[0]
        return found("bondfwd", re.findall(r"([a-z]+=)", line))
    if value == "K=V,...":
        return f"_bondfwd_offer {'bond' if name == '--bond' else 'guest'}= \"$2\""
    if name == "--profile":
        return "_bondfwd_values guest.profile"
    if name == "--group":
        return '_bondfwd_found "$(cut -d: -f1 /etc/group)"'
    none = "; _bondfwd_found none" if value.endswith("|none") else ""
    return ("files=yes" if takes_file(value) else ":") + none


def bondfwd_parts(bondfwd):
    text = output(*bondfwd, "--help")
    options = options_of(text[:text.index("\nKeys of ")])
    actions = [case(names, value_action(names, value, text)) for names, value in options if value]
    values = [*key_cases("bondfwd", [k for k in described(bondfwd)[2] if k["of"] in ("bond", "guest")]),
              case(["options"], found("bondfwd", words_of(options))), case(["eal"], found("bondfwd", EAL))]
    first = [f'" {name}{end}"*' for name in words_of(options) for end in (" ", "=") if end == " " or name[1] == "-"]
    return {"VALUES": "\n".join(values), "OPTIONS": "\n".join(actions), "OWN_FIRST": " | ".join(first)}


def script(shell, program, parts):
    head = f"#compdef {program}\n" if shell == "zsh" else "# shellcheck shell=bash\n"
    parts = {**parts, "EMULATE": "    emulate -L ksh\n" if shell == "zsh" else "", "P": program}
    spdx = "# SPDX-License-Identifier: BSD-3-Clause\n"
    text = "\n".join((HERE / name).read_text(encoding="utf-8").removeprefix(spdx)
                     for name in ("choices.sh", f"{program}.sh", f"{shell}.sh"))
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return f"{head}{spdx}# Made from what {program} says of itself; see app/completions in its sources.\n\n{text}"


def main(argv):
    if len(argv) < 6 or argv[1] not in ("bash", "zsh"):
        sys.exit("generate.py: expected bash or zsh, bondfwd, bondctl, and the files to write for bondctl and bondfwd")
    shell = argv[1]
    bondfwd, bondctl = ([*argv[6:], program] for program in argv[2:4])
    parts = {"bondctl": bondctl_parts(bondfwd, bondctl), "bondfwd": bondfwd_parts(bondfwd)}
    for program, path in zip(("bondctl", "bondfwd"), argv[4:6]):
        pathlib.Path(path).write_text(script(shell, program, parts[program]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv)
