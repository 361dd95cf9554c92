# SPDX-License-Identifier: BSD-3-Clause
"""front ends of others: libvirt, iPXE, QEMU of Debian 13, virtio-user of DPDK 25.11 (root, network)

libvirt and iPXE by test/foreign; the newer QEMU runs what test/guest does to guests' machines, the
newer virtio-user is the peer of the functional tests about guests. Both come from a directory that
debootstrap fills.
"""

import contextlib
import os
import pathlib
import subprocess
import tempfile

from runner import LOGS, ROOT, Tally
from suites import run_pytest

LIMIT_S = 3600
GROUPS = ("build", "run", "test", "guest", "foreign")

# Where tests keep sockets and guest images.
BINDS = ("/tmp", os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache"))
QEMU_TESTS = [f"guest/test_{name}.py" for name in ("machine", "lives", "guest_kinds", "migration")]
# On a busy machine it has failed: not in scripts/test.
QEMU_TESTS.append("guest/migration_restart.py")
PEER_TESTS = [f"functional/test_{name}.py" for name in ("guests", "guest_rings", "peer", "records")]


@contextlib.contextmanager
def other_debian(job, suite, *wanted):
    """A directory with another Debian, or None when it could not be made: see other-system."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"bondfwd-{suite}-", dir="/var/tmp"))
    tool = ROOT / "scripts" / "lib" / "other-system"
    binds = [word for path in BINDS for word in ("--bind", path)]
    try:
        status, _, in_time = job.run(f"install-{suite}",
                                     [tool, "make", folder, suite, *binds, *wanted])
        yield folder if status == 0 and in_time else None
    finally:
        subprocess.run([tool, "remove", folder], check=False)


def program(folder, name):
    """A program of ours that runs one of the other system's."""
    path = folder.with_name(f"{folder.name}-{pathlib.Path(name).name}")
    path.write_text(f'#!/bin/sh\nexec chroot {folder} {name} "$@"\n', encoding="ascii")
    path.chmod(0o755)
    return path


def qemu_of_trixie(job, tally):
    with other_debian(job, "trixie", "qemu-system-x86") as folder:
        if folder is None:
            tally.add("QEMU of Debian 13: not installed", "failed")
            return
        qemu = program(folder, "qemu-system-x86_64")
        try:
            tally.take(run_pytest(job, QEMU_TESTS, log="front-ends-qemu",
                                  env={"BONDFWD_QEMU": str(qemu)}))
        finally:
            qemu.unlink()


def build_peer(job, folder):
    """bf-peer, built in the other system."""
    status, _, in_time = job.run("front-ends-peer", [
        "chroot", folder, "sh", "-c", "cd /src && pkg-config --modversion libdpdk && "
        "meson setup build -Dtests=true && ninja -C build test/peer/bf-peer"])
    return status == 0 and in_time


def peer_of_sid(job, tally):
    with other_debian(job, "sid", "--source") as folder:
        if folder is None or not build_peer(job, folder):
            tally.add("virtio-user of DPDK 25.11: not built", "failed")
            return
        peer = program(folder, "/src/build/test/peer/bf-peer")
        try:
            tally.take(run_pytest(job, PEER_TESTS, "-n", "2", log="front-ends-peer-tests",
                                  env={"BONDFWD_PEER": str(peer)}))
        finally:
            peer.unlink()


def run(job):
    LOGS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    tally.take(run_pytest(job, "foreign"))
    qemu_of_trixie(job, tally)
    peer_of_sid(job, tally)
    return tally
