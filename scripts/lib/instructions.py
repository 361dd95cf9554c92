#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Instructions per frame of the data path's stages (test/bench/stages.c), counted by callgrind and
compared with test/bench/instructions.json.

    instructions.py [--write] [BUILD]

Times are too noisy to hold in a test; instructions are the same in every run of a build.  A stage
that needs over 2 % more or fewer than the baseline is an error: mend it, or accept it with --write
and say why in the commit.  The baseline belongs to one compiler, another one is not compared.

Exit status: 0 as the baseline says, 1 not, 77 not comparable here.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASELINE = ROOT / "test/bench/instructions.json"
TOLERANCE = 0.02
# The C library's memcpy() is another one on another CPU.
PLAIN_CPU = {**os.environ, "GLIBC_TUNABLES":
             "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM"}
ROW = re.compile(r"^ *([\d,]+) .*?\bstage_(\w+)")


def program():
    """The stages' names and how many frames each handles, from the program's source."""
    text = (ROOT / "test/bench/stages.c").read_text(encoding="utf-8")
    bursts = int(re.search(r"^#define BURSTS (\d+)", text, re.MULTILINE).group(1))
    return set(re.findall(r"^stage_(\w+)\(", text, re.MULTILINE)), bursts * 32


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def tools(build):
    """The compiler that made the build, and the library whose headers are inlined."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    words = [w for w in commands[0]["command"].split() if not w.endswith("ccache")]
    dpdk = ".".join(said("pkg-config", "--modversion", "libdpdk").split(".")[:2])
    # gcc says the name that it was called by.
    return f"{re.sub('^cc ', 'gcc ', said(words[0], '--version'))}, libdpdk {dpdk}"


def options(build):
    wanted = ("buildtype", "b_sanitize", "c_args")
    info = json.loads((build / "meson-info/intro-buildoptions.json").read_text(encoding="utf-8"))
    return {o["name"]: o["value"] for o in info if o["name"] in wanted}


def count(build):
    """Instructions per frame by stage."""
    names, frames = program()
    with tempfile.NamedTemporaryFile(suffix=".callgrind") as out:
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}",
                        build / "test/bench/stages"], check=True, capture_output=True, timeout=300, env=PLAIN_CPU)
        text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100",
                               out.name], check=True, capture_output=True, text=True).stdout
    stages = {}
    for line in text.splitlines():
        row = ROW.match(line)
        if row and row[2] in names:
            stages.setdefault(row[2], round(int(row[1].replace(",", "")) / frames, 2))
    return stages


def main():
    words = [w for w in sys.argv[1:] if w != "--write"]
    build = pathlib.Path(words[0] if words else ROOT / "build").resolve()
    here = {"tools": tools(build), "options": options(build)}
    if "--write" not in sys.argv:
        want = json.loads(BASELINE.read_text(encoding="utf-8"))
        for key, value in here.items():
            if want[key] != value:
                print(f"baseline is of {want[key]}, this build of {value}")
                return 77
    got = count(build)
    if "--write" in sys.argv:
        BASELINE.write_text(json.dumps({**here, "instructions_per_frame": got}, indent=1) + "\n",
                            encoding="utf-8")
        return 0
    bad = 0
    for stage, base in want["instructions_per_frame"].items():
        now = got.get(stage, 0.0)
        good = abs(now - base) <= TOLERANCE * base
        bad += not good
        print(f"{stage:24} {now:8.2f} per frame, baseline {base:8.2f}{'' if good else '  FAILED'}")
    if set(got) != set(want["instructions_per_frame"]):
        print("other stages than in the baseline: run with --write")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
