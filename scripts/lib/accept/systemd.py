# SPDX-License-Identifier: BSD-3-Clause
"""the package on a bare Debian 12 in QEMU with a real systemd: install, run, reboot, upgrade, remove (root, network, 6 GB)

The package is that of scripts/accept package; it is built first when there is none, or when its sources are newer. What it depends on is downloaded
into the machine's disk; the machine has no network. With BONDFWD_SYSTEM_READY=1 that is installed there before the machine
boots, which saves a busy host some ten minutes, and says nothing of a bare machine.
"""

import os
import shutil
import subprocess

from accept._debian import NotMade, debian
from accept import package
from runner import LOGS, ROOT, Tally
from suites import run_pytest

SUITE = "bookworm"
LIMIT_S = 3600
GROUPS = ("package", "guest", "test")
NEEDS_BUILD = False
SOURCES = ("app", "config", "debian", "lib", "meson.build", "meson_options.txt")
# A machine as an installer leaves it, and no more.
PACKAGES = ("ca-certificates", "dbus", "e2fsprogs", "ifupdown", "init", "initramfs-tools", "iproute2", "kmod",
            "linux-image-cloud-amd64", "pciutils", "procps", "python3", "systemd-sysv", "udev")
# A front end with a driver, virtio-user; and what keeps a card bound after a reboot.
MORE = "dpdk-dev driverctl"
FILL = f"""
apt-get update -q
cp /srv/bondfwd_*.deb /tmp/
apt-get install -qy --download-only /tmp/bondfwd_*.deb
apt-get install -qy --download-only --no-install-recommends {MORE}
rm /tmp/bondfwd_*.deb
dpkg-deb -R /srv/bondfwd_*.deb /tmp/newer
sed -i 's/^Version: .*/&+newer/' /tmp/newer/DEBIAN/control
dpkg-deb -b /tmp/newer /srv/newer.deb && rm -r /tmp/newer
echo machine >/etc/hostname
echo '/dev/vda / ext4 errors=remount-ro 0 1' >/etc/fstab
"""


# All that is there after apt has installed the package, but for itself.
READY = f"""
apt-get install -qy /srv/bondfwd_*.deb
apt-get install -qy --no-install-recommends {MORE}
apt-get purge -qy bondfwd
"""


def packages(folder):
    """Those that were made after the last change of their sources."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", *SOURCES], check=True, capture_output=True, text=True)
    sources = [ROOT / name for name in listed.stdout.split("\0") if name]
    changed = max(path.stat().st_mtime for path in sources if path.exists())
    return [deb for deb in folder.glob("bondfwd_*.deb") if deb.stat().st_mtime > changed]


def fill(system, deb):
    """The package, a newer one, and in apt's cache all they need."""
    shutil.copy(deb, system.path("/srv"))
    ready = READY if os.environ.get("BONDFWD_SYSTEM_READY") == "1" else ""
    return system.sh("systemd-fill", FILL + ready)[0]


def run(job):
    LOGS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    folder = LOGS.parent / "packages" / SUITE
    if not packages(folder) and not package.build_only(job, SUITE):
        tally.add("no package: see scripts/accept package", "failed")
        return tally
    try:
        with debian(job, SUITE, *PACKAGES) as system:
            if not fill(system, next(folder.glob("bondfwd_*.deb"))):
                tally.add("the machine's disk is not filled", "failed")
                return tally
            system.unmount()
            tally.take(run_pytest(job, "systemd", "-x", "-vv", env={"BONDFWD_SYSTEM": os.fspath(system.folder)}))
    except NotMade as error:
        tally.add(str(error), "failed")
    return tally
