#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The version stands in four places: meson.build, debian/changelog and NEWS.md, newest first in these two, and the list of
names that the release promises to keep.  They must agree, so that no release is packed under another's name.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = {
    "meson.build": r"^project\([^)]*?\bversion: '([^']+)'",
    "debian/changelog": r"^bondfwd \(([^)~+]+?)-[^)]*\) ",
    "NEWS.md": r"^## (\S+)",
    "scripts/lib/kept.txt": r"^# Names of bondfwd ([^\s,]+)",
}
VERSION = re.compile(r"\d+\.\d+\.\d+")


def stated(path, pattern):
    found = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "none"


def main():
    versions = {path: stated(path, pattern) for path, pattern in PLACES.items()}
    wanted = versions["meson.build"]
    wrong = [path for path, version in versions.items()
             if version != wanted or not VERSION.fullmatch(version)]
    for path in wrong:
        print(f'{path}: version "{versions[path]}": expected that of meson.build, "{wanted}", as in 1.2.3')
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
