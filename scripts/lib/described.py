# SPDX-License-Identifier: BSD-3-Clause
"""What the program says of itself: `bondfwd --help-json`, of a build that is made when there is none."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def built():
    """The program, as the sources have it now."""
    build = next((d for d in (pathlib.Path(os.environ.get("BONDFWD_BUILD", ROOT / "build")),
                              ROOT / "build-check/gcc") if (d / "build.ninja").exists()), None)
    steps = [["ninja", "-C", build, "app/bondfwd"]]
    if build is None:
        build = ROOT / "build-check/docs"
        steps = [["meson", "setup", build, ROOT], ["ninja", "-C", build, "app/bondfwd"]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stdout[-2000:]}{done.stderr}{pathlib.Path(sys.argv[0]).name}: bondfwd does not build")
    return build / "app/bondfwd"


def described():
    """[sections, commands, keys, metrics, words, fields in JSON]"""
    text = subprocess.run([built(), "--help-json"], check=True, capture_output=True, text=True).stdout
    values, at = [], 0
    while at < len(text):
        value, at = json.JSONDecoder().raw_decode(text, at)
        values.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return values
