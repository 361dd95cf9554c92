# SPDX-License-Identifier: BSD-3-Clause
"""
An IP address in a VM, and what can be done from there: pings and checksummed TCP transfers.
"""

import itertools
import re

from .process import RigError, wait_until


class Pings:
    """The last lines of ping, as numbers."""

    def __init__(self, text):
        found = re.search(r"(\d+) packets transmitted, (\d+) packets received", text)
        if not found:
            raise RigError(f"ping printed no summary: {text.strip()!r}")
        self.sent, self.received = int(found[1]), int(found[2])
        duplicates = re.search(r"(\d+) duplicates", text)
        self.duplicates = int(duplicates[1]) if duplicates else 0
        times = re.search(r"min/avg/max = ([\d.]+)/([\d.]+)/([\d.]+) ms", text)
        self.average_ms = float(times[2]) if times else None

    @property
    def lost(self):
        return self.sent - self.received

    def __str__(self):
        return f"{self.sent} sent, {self.received} received"


class Station:
    """A VM's address on a device. A mix-in base of Guest and FarSide."""

    def __init__(self, vm, ip, device):
        self.vm = vm
        self.ip = ip
        self.device = device

    @property
    def name(self):
        return self.vm.name

    def ping(self, other, count=3, payload=56, every_s=0.1, limit_s=30):
        """Ping and return Pings; no answer at all is a result, not an error."""
        return Pings(self.start_ping(other, count, payload, every_s, limit_s).wait(check=False).output)

    def start_ping(self, other, count, payload=56, every_s=0.2, limit_s=60, quiet=False):
        """A Job. Frames are never fragmented: the MTU is at least payload + 28 on both ends."""
        return self.vm.start_job(
            f"ping -c {count} -s {payload} -i {every_s} -W 2 -w {limit_s} {other.ip}", limit_s + 5,
            quiet)

    def wait_reaches(self, other, limit_s=20, payload=56):
        """Wait until a ping to the other station is answered."""
        def reached():
            job = self.start_ping(other, 1, payload, limit_s=2, quiet=True)
            return Pings(job.wait(check=False).output).received
        wait_until(f"{self.name} reaches {other.name}", limit_s, reached)

    def counter(self, name, device=None):
        """A statistics counter of a device, e.g. rx_bytes."""
        return int(self.vm.read(f"cat /sys/class/net/{device or self.device}/statistics/{name}"))


class Transfer:
    """
    A stream over TCP from one station to another, checksummed at both ends.

    start() it, look at arrived_mib() meanwhile, finish() it. rate_mib_s slows the sender down, so
    that something can happen in the middle on a fast machine too.
    """

    _ports = itertools.count(5001)

    def __init__(self, sender, receiver, mib=100, rate_mib_s=0, limit_s=120):
        self.sender = sender
        self.receiver = receiver
        self.mib = mib
        self.rate_mib_s = rate_mib_s
        self.limit_s = limit_s
        self.port = next(Transfer._ports)
        self._base = 0
        self._jobs = ()

    def start(self):
        self._base = self.receiver.counter("rx_bytes")
        receiving = self.receiver.vm.start_job(f"transfer receive {self.port} {self.mib}", self.limit_s)
        sending = self.sender.vm.start_job(
            f"transfer send {self.receiver.ip} {self.port} {self.mib} {self.rate_mib_s}",
            self.limit_s)
        self._jobs = (sending, receiving)
        return self

    def running(self):
        return not any(job.done() for job in self._jobs)

    def arrived_mib(self):
        """About how much has arrived (the receiver's device counts headers too)."""
        return (self.receiver.counter("rx_bytes") - self._base) / (1 << 20)

    def wait_arrived(self, mib, limit_s=90):
        wait_until(f"{mib} MiB from {self.sender.name} to {self.receiver.name}", limit_s,
                   lambda: self.arrived_mib() >= mib, every_s=0.25)

    def finish(self):
        """
        Wait for the end and return the checksum.

        Raises unless every byte arrived in its place and both ends have the same checksum.
        """
        sent, received = (job.wait().output.strip() for job in self._jobs)
        if sent != received:
            raise RigError(f"{self.mib} MiB from {self.sender.name} to {self.receiver.name}: "
                           f"checksum sent {sent}, received {received}")
        return sent
