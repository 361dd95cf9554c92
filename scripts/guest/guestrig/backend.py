# SPDX-License-Identifier: BSD-3-Clause
"""
What stands between the cables and the guests: bondfwd, and its client bondctl.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess

from .process import RigError, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_numbers = itertools.count(1)


def program(name):
    """A built program; BONDFWD_BUILD names the build folder, default is build in the tree."""
    folder = os.environ.get("BONDFWD_BUILD") or os.path.join(ROOT, "build")
    path = os.path.join(folder, "app", name)
    if not os.access(path, os.X_OK):
        raise RigError(f"{path}: not built (meson setup build && ninja -C build)")
    return path


def lcores(workers=1):
    """--lcores for a sleeping main lcore and busy workers, on the CPUs this process may use."""
    cpus = sorted(os.sched_getaffinity(0))
    busy = cpus[1:] or cpus
    return ",".join([f"0@{cpus[0]}"] + [f"{i + 1}@{busy[i % len(busy)]}" for i in range(workers)])


class GuestPort:
    """A guest port of bondfwd: its name, its socket, and the other keys of --guest."""

    def __init__(self, name, sock, **keys):
        self.name = name
        self.sock = sock
        self.keys = keys

    def argument(self):
        return ",".join([f"name={self.name}", f"socket={self.sock}"]
                        + [f"{key}={value}" for key, value in self.keys.items()])


class Bondfwd:
    """
    The daemon and its client.

    members: sockets of the cables. guests: GuestPorts. bond: the keys of --bond but name and member,
    e.g. {"mode": "802.3ad", "mtu": 9000}.
    """

    profile = "trusted"

    def __init__(self, run, members, guests, bond, workers=1, extra=()):
        self.run = run
        self.members = list(members)
        self.guests = list(guests)
        self.bond = dict(bond)
        self.workers = workers
        self.extra = list(extra)
        self.console = run.path("console.sock")
        self.child = None
        self._prefix = None

    def _eal(self):
        # With --no-huge nothing of the host's huge pages is used.
        words = ["--lcores", lcores(self.workers), "--main-lcore", "0", "--no-huge", "-m", 512,
                 "--no-pci", "--file-prefix", self._prefix, "--no-telemetry"]
        for number, sock in enumerate(self.members):
            words += ["--vdev", f"net_vhost{number},iface={sock},queues={self.workers},client=1"]
        return words

    def command(self):
        """The whole command line."""
        words = ["name=bond0"] + [f"{key}={value}" for key, value in self.bond.items()]
        words += [f"member=net_vhost{number}" for number in range(len(self.members))]
        argv = [program("bondfwd"), *self._eal(), "--", "--profile", self.profile, "--bond",
                ",".join(words)]
        for guest in self.guests:
            argv += ["--guest", guest.argument()]
        return argv + ["--console", self.console, *self.extra]

    def start(self, limit_s=900):
        self._prefix = f"bondfwd-rig-{os.getpid()}-{next(_numbers)}"
        starts = sum(1 for child in self.run.children if child.name.startswith("bondfwd"))
        self.child = self.run.spawn(f"bondfwd{starts or ''}", self.command(), limit_s=limit_s)
        self.run.at_end.append(self._end)
        return self

    def kill(self):
        """kill -9; the sockets are QEMU's, so the guests stay."""
        self.child.kill()
        self._forget()

    def stop(self):
        """SIGTERM; returns the exit status, None when it had to be killed."""
        status = self.child.stop(signal.SIGTERM, limit_s=15)
        self._forget()
        return status

    def _end(self):
        if self.child.running():
            self.stop()
        self._forget()

    def _forget(self):
        """Remove the folder the EAL keeps for a process: one that was killed cannot."""
        for base in ("/var/run", os.environ.get("XDG_RUNTIME_DIR", "/tmp")):
            shutil.rmtree(os.path.join(base, "dpdk", self._prefix), ignore_errors=True)

    def wait_ready(self, limit_s=20):
        """Wait until the console answers."""
        def answers():
            self.child.check_running()
            return self.ctl("show", "config", "fwd") is not None
        wait_until("bondfwd: console", limit_s, answers)
        return self

    def ctl(self, *words, as_json=False, limit_s=15):
        """Run one console command through bondctl; text, or the parsed JSON."""
        argv = [program("bondctl"), "-s", self.console] + (["-j"] if as_json else []) + list(words)
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=limit_s, check=False,
                                  stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise RigError(f"bondctl {' '.join(words)}: no answer in {limit_s} s") from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise RigError(f"bondctl {' '.join(words)}: status {done.returncode}: {said}")
        if not as_json:
            return done.stdout
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise RigError(f"bondctl -j {' '.join(words)}: not JSON: {error}") from None

    def show(self, *words):
        """The parsed JSON of a show command."""
        return self.ctl("show", *words, as_json=True)

    def member(self, number):
        """What the daemon shows of one member: link, sending, collecting, ..."""
        return self.show("bonding", "config", "bond0")["member_details"][number]

    def mac(self):
        """The bond's address, which is also its LACP system id."""
        return self.show("bonding", "config", "bond0")["mac"].lower()

    def guest(self, name):
        """What the daemon shows of one guest: up, queue_pairs, ..."""
        return self.show("guest", name)[0]

    def in_flight(self):
        """Frames received or copied that are neither sent nor counted as dropped."""
        return self.show("drops")["ledger"]["in_flight"]
