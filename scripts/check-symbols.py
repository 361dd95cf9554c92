#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Hold what the fast room may call: undefined symbols of its archive against its list.

    scripts/check-symbols.py ARCHIVE LIST

LIST has one symbol and the reason why it may be called per line; # begins a comment. A reason that
begins with "arm64:" counts for archives of arm64 only. A malloc, a lock, a log or a printf that comes
in, even through an inline function of a header, is reported with the object that calls it. Exits 0, 1, or 77 (skip) for a build whose instrumentation or
missing optimisation puts calls in that nobody wrote.
"""

import collections
import re
import subprocess
import sys

SKIP = 77
# Made by the linker or the compiler, and no call.
NOT_CALLS = {"_GLOBAL_OFFSET_TABLE_"}
# Atomic operations of arm64: libgcc's few instructions, which pick the best that the CPU has.
ATOMIC = re.compile(r"__aarch64_(cas|swp|ldadd|ldclr|ldeor|ldset)\d+_(relax|acq|rel|acq_rel|sync)$")
OF_ARM64 = "arm64:"
INSTRUMENTED = re.compile(r"__(asan|ubsan|tsan|msan|lsan|sanitizer|gcov|llvm_profile)_")


def read_list(path):
    allowed = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#", 1)[0].split(None, 1)
            if not words:
                continue
            if len(words) < 2:
                sys.exit(f"{path}:{number}: {words[0]}: expected a reason behind the symbol")
            if words[0] in allowed:
                sys.exit(f"{path}:{number}: {words[0]}: named twice")
            allowed[words[0]] = words[1].strip()
    return allowed


def is_arm64(archive):
    header = subprocess.run(["readelf", "-h", archive], check=True, capture_output=True, text=True).stdout
    return "Machine:" in header and "AArch64" in header


def symbols(archive, which):
    """(object, symbol) of an archive; `which` is an option of nm."""
    listing = subprocess.run(["nm", "-A", "-P", which, archive], check=True, capture_output=True,
                             text=True).stdout
    for line in listing.splitlines():
        place, name = line.rsplit(":", 1)[0], line.rsplit(":", 1)[1].split()[0]
        yield place.rstrip("]").rsplit("/", 1)[-1], name


def main(argv):
    if len(argv) != 3:
        sys.exit("usage: check-symbols.py ARCHIVE LIST")
    archive, list_path = argv[1:]
    arm64 = is_arm64(archive)
    allowed = {name for name, why in read_list(list_path).items() if arm64 or not why.startswith(OF_ARM64)}
    own = {name for _, name in symbols(archive, "--defined-only")}
    called = collections.defaultdict(set)
    for place, name in symbols(archive, "--undefined-only"):
        if name not in own and name not in NOT_CALLS and not ATOMIC.match(name):
            called[name].add(place)
    if any(INSTRUMENTED.match(name) for name in called):
        print("skipped: an instrumented build calls its own runtime")
        return SKIP
    if "rte_eth_rx_burst" in own:  # an inline function of a header, here as a function of its own
        print("skipped: a build without optimisation keeps inline functions")
        return SKIP
    wrong = sorted(set(called) - set(allowed))
    for name in wrong:
        print(f"{', '.join(sorted(called[name]))}: {name}: not in {list_path}")
    if not wrong:
        print(f"{len(called)} symbols, all allowed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
