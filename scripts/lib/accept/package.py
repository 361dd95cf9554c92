# SPDX-License-Identifier: BSD-3-Clause
"""Debian packages of Debian 12 and 13: built, looked at, installed, upgraded, removed (root, network, 6 GB)

The source package is that of scripts/release. For each distribution it is built in a directory of its own with the
unit tests (DEB_BUILD_OPTIONS=nocheck leaves them out). Then its flags are looked at, and what they did to the programs;
lintian, piuparts and autopkgtest have their say; and a switch runs through an upgrade.
"""

import contextlib
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from accept._debian import NotMade, debian, tarball
from runner import LOGS, ROOT, Tally

SUITES = {"bookworm": "~deb12u1", "trixie": "~deb13u1"}
LIMIT_S = 5400
GROUPS = ("package",)
NEEDS_BUILD = False

OPTIONS = f"DEB_BUILD_OPTIONS='{os.environ.get('DEB_BUILD_OPTIONS', f'parallel={os.cpu_count()}')}'"
TOOLS = ("autopkgtest", "blhc", "build-essential", "devscripts", "fakeroot", "lintian", "piuparts")
PROGRAMS = ("usr/sbin/bondfwd", "usr/bin/bondctl", "usr/bin/bondfwd-snmp", "usr/bin/bondfwd-traps")
# What an operator looks for in the package.
CONTENTS = (*PROGRAMS, "usr/share/man/man8/bondfwd.8.gz", "usr/share/man/man1/bondctl.1.gz",
            "usr/share/man/man5/bondfwd.conf.5.gz",
            "usr/share/bash-completion/completions/bondctl", "usr/share/bash-completion/completions/bondfwd",
            "usr/share/zsh/vendor-completions/_bondctl", "usr/share/zsh/vendor-completions/_bondfwd",
            "lib/systemd/system/bondfwd.service", "lib/systemd/system/bondfwd@.service",
            "usr/lib/sysusers.d/bondfwd.conf", "usr/lib/tmpfiles.d/bondfwd.conf", "etc/default/bondfwd",
            "etc/needrestart/conf.d/bondfwd.conf", "usr/share/doc/bondfwd/copyright")
# piuparts asks the archive for an older version, which it does not have.
PIUPARTS = ("piuparts --skip-logrotatefiles-test --warn-on-others --no-upgrade-test -d {suite} -b /base.tar.gz "
            "--keep-sources-list /out/bondfwd_*.deb")


def build_depends():
    """Names of debian/control that are packages of every distribution."""
    text = (ROOT / "debian" / "control").read_text(encoding="utf-8")
    field = re.search(r"^Build-Depends:(.*(?:\n .*)*)", text, re.MULTILINE)[1]
    words = [word.strip() for word in field.split(",")]
    return [re.match(r"[a-z0-9.+-]+", word)[0] for word in words
            if "|" not in word and not word.startswith("debhelper-compat")] + ["debhelper"]


class Checks:
    """What is known of one distribution's package, and how it is asked for."""

    def __init__(self, job, suite, tally, system):
        self.job, self.suite, self.tally, self.system = job, suite, tally, system

    def add(self, name, good, reason=""):
        if reason:
            self.job.write(f"{reason}\n")
        self.tally.add(f"{self.suite}: {name}", "passed" if good else "failed")
        return good

    def sh(self, name, command, log=None):
        """A check that is one command."""
        good, output = self.system.sh(f"package-{log or name.split()[0]}", command)
        self.add(name, good)
        return good, output

    def package(self):
        return next(self.system.path("/out").glob("bondfwd_*.deb"))


def build(checks, source):
    for path in source.iterdir():
        checks.system.put(path, "/in")
    good, _ = checks.sh("its build dependencies are there",
                        "apt-get update -q && cd /in && mkdir /build && dpkg-source -x bondfwd_*.dsc /build/src && "
                        "apt-get install -qy --no-install-recommends apt-utils && "
                        "apt-get build-dep -qy --no-install-recommends /build/src", "depends")
    if not good:
        return False
    good, log = checks.sh("it is built",
                          "cd /build/src && useradd -m builder && chown -R builder /build && "
                          f"su builder -c \"{OPTIONS} dpkg-buildpackage -us -uc\" 2>&1 && "
                          "mkdir /out && mv /build/bondfwd*.* /out", "build")
    if "nocheck" in OPTIONS:
        checks.tally.add(f"{checks.suite}: its unit tests pass", "skipped", "DEB_BUILD_OPTIONS says nocheck")
    else:
        checks.add("its unit tests pass", good and re.search(r"^Fail: +0 *$", log, re.MULTILINE))
    return good


def flags(checks):
    """The compiler was given all that Debian hardens with, and it shows in the programs."""
    shutil.copy(LOGS / f"package-build-{checks.suite}.log", checks.system.path("/out/build.log"))
    checks.sh("each compiler call has all hardening flags", "blhc --all /out/build.log", "blhc")
    checks.system.sh("package-unpack", "dpkg-deb -x /out/bondfwd_*.deb /unpacked")
    for program in PROGRAMS:
        path = checks.system.path(f"/unpacked/{program}")
        missing = not_hardened(path) if path.exists() else ["the file"]
        checks.add(f"{pathlib.Path(program).name} is hardened", not missing, " ".join(missing))


def readelf(path, *options):
    return subprocess.run(["readelf", "-W", *options, path], check=True, capture_output=True, text=True).stdout


def not_hardened(path):
    """Names of protections that a program lacks."""
    header, segments = readelf(path, "-h"), readelf(path, "-l")
    dynamic, symbols = readelf(path, "-d"), readelf(path, "--dyn-syms")
    stack = re.search(r"GNU_STACK.*", segments)
    has = {
        "PIE": "DYN (" in header and "INTERP" in segments,
        "RELRO": "GNU_RELRO" in segments,
        "BIND_NOW": re.search(r"\(FLAGS.*\bNOW\b", dynamic),
        "stack protector": "__stack_chk_fail" in symbols,
        "fortified functions": re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")),
        "stack that is not executable": stack and "E" not in stack[0].replace("GNU_STACK", "").split()[-2],
        "no RPATH": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
    }
    return [name for name, good in has.items() if not good]


def contents(checks):
    listing = subprocess.run(["dpkg-deb", "-c", checks.package()], check=True, capture_output=True,
                             text=True).stdout
    listing = listing.replace(" ./usr/lib/systemd/", " ./lib/systemd/")  # Debian 13's place for units
    missing = [name for name in CONTENTS if f" ./{name}\n" not in listing]
    checks.add("it has what an operator looks for", not missing, " ".join(missing))


def lintian(checks):
    _, text = checks.sh("lintian finds no error", "lintian --fail-on error -i /out/bondfwd_*.changes",
                        "lintian")
    found = sorted({line for line in text.splitlines() if re.match(r"[EW]: ", line)})
    checks.job.write("".join(f"lintian: {line}\n" for line in found))


# A switch that runs when the package is upgraded is the same process afterwards; a removal ends no process that is not a
# service.  The new version differs in its number only.
UPGRADE = """
cd /out && rm -rf /newer && dpkg-deb -R bondfwd_*.deb /newer
sed -i 's/^Version: .*/&+newer/' /newer/DEBIAN/control && dpkg-deb -b /newer /bondfwd_newer.deb
apt-get install -qy --no-install-recommends ./bondfwd_*.deb
/usr/sbin/bondfwd --lcores 0@0,1@0 --main-lcore 0 --no-huge -m 256 --no-pci --file-prefix bondfwd-$$ \\
    --vdev net_null0,no-rx=1 -- --console /tmp/console --bond name=bond0,member=net_null0 2>/tmp/log &
pid=$!
trap 'kill $pid; cat /tmp/log' EXIT
limit=240
until bondctl -s /tmp/console show version 2>/dev/null; do
    kill -0 $pid; limit=$((limit - 1)); [ $limit -gt 0 ]; sleep 0.5
done
apt-get install -qy --no-install-recommends /bondfwd_newer.deb
dpkg-query -W bondfwd | grep +newer
kill -0 $pid
bondctl -s /tmp/console show version
apt-get purge -qy bondfwd
trap - EXIT
kill $pid
wait $pid
"""


def build_only(job, suite):
    """Whether the package of one distribution was made, for the suite systemd."""
    tally = Tally()
    with work_folder() as folder:
        if not release(job, folder / suite, SUITES[suite]):
            return False
        with debian(job, suite, *TOOLS, *build_depends()) as system:
            checks = Checks(job, suite, tally, system)
            if build(checks, folder / suite):
                keep(suite, checks.package())
    return not tally.failed


def one(job, tally, suite, source):
    with debian(job, suite, *TOOLS, *build_depends()) as system:
        checks = Checks(job, suite, tally, system)
        if not build(checks, source):
            return
        keep(suite, checks.package())
        flags(checks)
        contents(checks)
        lintian(checks)
        with gzip.open(system.path("/base.tar.gz"), "wb", compresslevel=1) as base:
            base.write(tarball(job, suite).read_bytes())
        checks.sh("piuparts: installing and purging leaves nothing", PIUPARTS.format(suite=suite), "piuparts")
        checks.sh("autopkgtest on a system without cards and without recommended packages",
                  "mkdir /bare && tar -xpf /base.tar.gz -C /bare && cp /etc/resolv.conf /bare/etc/ && "
                  "for m in /proc /sys /dev; do mount --bind $m /bare$m; done && "
                  "chroot /bare apt-get update -q && "
                  "autopkgtest --no-built-binaries /out/bondfwd_*.deb /build/src -- chroot /bare; "
                  "r=$?; umount /bare/proc /bare/sys /bare/dev; exit $r", "autopkgtest")
        checks.sh("an upgrade leaves the running switch alone", UPGRADE, "upgrade")


def keep(suite, package):
    """Where the suite systemd takes it from."""
    folder = LOGS.parent / "packages" / suite
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(package, folder)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def release(job, folder, suffix, umask=0o022):
    folder.mkdir()
    before = os.umask(umask)
    try:
        return job.run(f"release-{folder.name}", [
            ROOT / "scripts" / "release", "--worktree", "--debian", suffix, folder],
            env={"TZ": "Asia/Tokyo" if umask != 0o022 else "UTC"})[0] == 0
    finally:
        os.umask(before)


@contextlib.contextmanager
def work_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bondfwd-package-", dir="/var/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def run(job):
    tally = Tally()
    with work_folder() as folder:
        made = [release(job, folder / "once", ""), release(job, folder / "again", "", 0o077)]
        tars = [digest(path) for path in folder.glob("*/bondfwd-*.tar.xz")]
        tally.add("the tarball is the same whoever packs it",
                  "passed" if all(made) and len(tars) == 2 and len(set(tars)) == 1 else "failed")
        for suite, suffix in SUITES.items():
            if not release(job, folder / suite, suffix):
                tally.add(f"{suite}: no source package", "failed")
                continue
            try:
                one(job, tally, suite, folder / suite)
            except NotMade as error:
                tally.add(str(error), "failed")
    return tally
