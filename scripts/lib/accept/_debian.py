# SPDX-License-Identifier: BSD-3-Clause
"""
Debian in directories, by mmdebstrap, for suites that build and install packages.

What was installed is kept as a tarball below /var/tmp for a week: the next run unpacks it.
"""

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from runner import ROOT

CACHE = pathlib.Path("/var/tmp/bondfwd-debian")
CACHE_S = 7 * 86400
MOUNTS = ("/proc", "/sys", "/dev", "/dev/pts")
ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
               "DEBIAN_FRONTEND=noninteractive")


class NotMade(Exception):
    """A system could not be installed; its log says why."""


def run_ok(job, log, command):
    """Whether a command ended well, and its output."""
    status, output, in_time = job.run(log, command)
    return status == 0 and in_time, output


def tarball(job, suite, *packages, extra=()):
    """The path of a tarball with a minimal system and these packages, from the cache where it has it."""
    words = [suite, *sorted(packages), *extra]
    key = hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]
    path = CACHE / f"{suite}-{key}.tar"
    if path.exists() and time.time() - path.stat().st_mtime < CACHE_S:
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    part = CACHE / f"{suite}-{key}-{os.getpid()}.part.tar"
    try:
        good, _ = run_ok(job, f"install-{suite}", [
            "mmdebstrap", "--variant=minbase", "--dpkgopt=force-unsafe-io", *extra,
            *([f"--include={','.join(packages)}"] if packages else []), suite, part])
        if not good:
            raise NotMade(f"{suite}: not installed: {' '.join(packages) or 'the minimal system'}")
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return path


class Debian:
    """One that runs by chroot."""

    def __init__(self, job, suite, folder):
        self.job, self.suite, self.folder = job, suite, folder
        self.mounts = []

    def path(self, inside):
        return self.folder / inside.lstrip("/")

    def sh(self, log, command):
        """(whether it ended well, output) of a shell command in it; the log is LOG-SUITE."""
        return run_ok(self.job, f"{log}-{self.suite}",
                      ["chroot", self.folder, "env", "-i", *ENVIRONMENT, "sh", "-ec", command])

    def unmount(self):
        """Before its files become a disk's: nothing of this machine's is below them."""
        for path in reversed(self.mounts):
            subprocess.run(["umount", f"{self.folder}{path}"], check=True)
        self.mounts = []

    def put_tree(self, inside):
        """What git knows of the tree, committed or not."""
        self.path(inside).mkdir(parents=True)
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
        pack = subprocess.run(["tar", "--null", "-T", "-", "-cf", "-"], cwd=ROOT, input=names, check=True,
                              capture_output=True).stdout
        subprocess.run(["tar", "-xf", "-", "-C", self.path(inside)], input=pack, check=True)

    def put(self, source, inside):
        target = self.path(inside)
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


@contextlib.contextmanager
def debian(job, suite, *packages, extra=()):
    """A Debian for the time of the block."""
    archive = tarball(job, suite, *packages, extra=extra)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"bondfwd-{suite}-", dir="/var/tmp"))
    try:
        folder.chmod(0o755)
        subprocess.run(["tar", "-xpf", archive, "-C", folder], check=True)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", folder / "etc" / name)
        system = Debian(job, suite, folder)
        for path in MOUNTS:
            subprocess.run(["mount", "--bind", path, f"{folder}{path}"], check=True)
            system.mounts.append(path)
        yield system
    finally:
        subprocess.run([ROOT / "scripts" / "lib" / "other-system", "remove", folder], check=False)
