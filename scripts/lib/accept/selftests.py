# SPDX-License-Identifier: BSD-3-Clause
"""the kernel's own tests of its bridge and its bond, with bondfwd in their place (root, network, 2 GB)

A Debian 13 in a directory is the root of a User Mode Linux, which holds all hosts; the tests are taken out of
Debian 13's linux-source package and are not changed. Which of them count: docs/selftests.md.
"""

import os
import shutil

from accept.front_ends import other_debian
from runner import LOGS, Tally
from suites import run_pytest

LIMIT_S = 5400
GROUPS = ("build", "run", "test", "guest", "foreign")

PACKAGES = ("bc", "ethtool", "iproute2", "iputils-ping", "jq", "kmod", "netsniff-ng", "procps", "tcpdump", "xz-utils")
SOURCE = "linux-source-6.12"
FOLDERS = ("net/*", "drivers/net/bonding/*", "drivers/net/dsa/*")
TAKE = f"""cd /tmp && apt-get download -q {SOURCE} && mkdir -p /selftests &&
dpkg-deb --fsys-tarfile {SOURCE}_*.deb | tar -xO ./usr/src/{SOURCE}.tar.xz | xz -dc |
    tar -x -C /selftests --strip-components=4 --wildcards {" ".join(
        f"'{SOURCE}/tools/testing/selftests/{folder}'" for folder in FOLDERS)} && rm {SOURCE}_*.deb"""
# Side by side: most of their time they wait.
JOBS = str(min(4, 2 * len(os.sched_getaffinity(0))))


def fetch(job, folder):
    """The tests, and modules for the kernel that runs them."""
    status, _, in_time = job.run("selftests-source", ["chroot", folder, "sh", "-c", TAKE])
    shutil.copytree("/usr/lib/uml/modules", folder / "lib" / "modules", dirs_exist_ok=True)
    return status == 0 and in_time


def run(job):
    LOGS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    with other_debian(job, "trixie", *PACKAGES) as folder:
        if folder is None or not fetch(job, folder):
            tally.add("the kernel's tests: not fetched", "failed")
            return tally
        tally.take(run_pytest(job, "selftests", "-n", JOBS, "--dist", "loadgroup",
                              env={"BONDFWD_SELFTESTS": str(folder)}))
    return tally
