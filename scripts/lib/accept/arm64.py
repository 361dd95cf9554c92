# SPDX-License-Identifier: BSD-3-Clause
"""bondfwd for arm64: cross-built with its package, its tests run by QEMU's user mode (root, network, 6 GB)

In a Debian 12 with arm64's libraries beside the compiler of this machine. No warning is let through. A few tests are about
what QEMU's user mode does not have; they see BONDFWD_EMULATED, and say so (skip_emulated() of test/model/unit.h).
"""

import re

from accept._debian import NotMade, debian
from accept.package import CONTENTS, build_depends
from runner import Tally

SUITE = "bookworm"
LIMIT_S = 5400
GROUPS = ("package",)
NEEDS_BUILD = False

HERE = ("build-essential", "crossbuild-essential-arm64", "fakeroot", "ninja-build", "qemu-user")
# Of debian/control those that are tools of the machine that builds.
TOOLS = re.compile(r"^(debhelper|dh-.*|meson|pkgconf|python3)$")
CROSS = """
[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
nm = 'aarch64-linux-gnu-nm'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = 'qemu-aarch64'
[properties]
pkg_config_libdir = '/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'armv8'
endian = 'little'
"""
# Emulation takes some ten times as long as the machine itself.
SLOWER = 20
TESTS = ("checks", "fuzz", "unit", "eal")
RESULT = re.compile(r"^ *\d+/\d+ +(\S.*?) +(OK|EXPECTEDFAIL|FAIL|TIMEOUT|ERROR|SKIP|INTERRUPT)\b", re.MULTILINE)
COMPLETIONS = ("bash/bondctl", "bash/bondfwd", "zsh/_bondctl", "zsh/_bondfwd")


class Checks:
    """What is asked of one system, and how it went."""

    def __init__(self, system, tally):
        self.system, self.tally = system, tally

    def add(self, name, good):
        self.tally.add(name, "passed" if good else "failed")
        return good

    def sh(self, name, log, command):
        good, _ = self.system.sh(f"arm64-{log}", command)
        return self.add(name, good)


def build(checks):
    checks.system.put_tree("/src")
    checks.system.path("/cross").write_text(CROSS, encoding="ascii")
    return checks.sh("it is built without a warning", "build",
                     "cd /src && meson setup --cross-file /cross --werror build && ninja -C build")


def tests(checks):
    """A result for each program."""
    for suite in TESTS:
        _, output = checks.system.sh(f"arm64-{suite}", "BONDFWD_EMULATED=1 meson test -C /src/build --no-rebuild "
                                     f"--suite {suite} -t {SLOWER} --print-errorlogs")
        results = dict(RESULT.findall(output))  # a failure is named twice
        for name, result in results.items():
            checks.tally.add(name, {"OK": "passed", "SKIP": "skipped"}.get(result, "failed"))
        if not results:
            checks.add(f"{suite}: nothing ran", False)


def programs(checks):
    for name in COMPLETIONS:
        path = checks.system.path(f"/src/build/app/completions/{name}")
        checks.add(f"completion {name} is made", path.exists() and path.stat().st_size > 0)


def package(checks):
    good = checks.sh("its package is built", "package", "cd /src && "
                     "DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -aarm64 -us -uc -b")
    if not good:
        return
    _, listing = checks.system.sh("arm64-contents", "dpkg-deb -c /bondfwd_*_arm64.deb")
    for name in CONTENTS:
        checks.add(f"the package has {name}", f"./{name}\n" in listing)


def run(job):
    tally = Tally()
    theirs = [f"{name}:arm64" for name in build_depends() if not TOOLS.match(name)]
    here = [name for name in build_depends() if TOOLS.match(name)]
    try:
        with debian(job, SUITE, *HERE, *here, *theirs, extra=("--architectures=amd64,arm64",)) as system:
            checks = Checks(system, tally)
            if build(checks):
                tests(checks)
                programs(checks)
                package(checks)
    except NotMade as error:
        tally.add(str(error), "failed")
    return tally
