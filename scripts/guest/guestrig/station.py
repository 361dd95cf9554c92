# SPDX-License-Identifier: BSD-3-Clause
"""
An IP address in a VM, and what can be done from there: pings and checksummed TCP transfers.
"""

import itertools
import re

from .process import RigError, wait_until


class Pings:
    """What guest/probe.c reports: echo requests and the answers, compared byte for byte."""

    def __init__(self, text):
        found = re.search(r"(\d+) sent, (\d+) received, (\d+) duplicates, (\d+) corrupt, "
                          r"rtt [\d.]+/([\d.]+)/[\d.]+ ms, silence (\d+) ms", text)
        if not found:
            raise RigError(f"no result of a ping: {text.strip()!r}")
        self.sent, self.received, self.duplicates, self.corrupt = map(int, found.groups()[:4])
        self.average_ms = float(found[5])
        # The longest time without an answer.
        self.silence_ms = int(found[6])

    @property
    def lost(self):
        return self.sent - self.received

    @property
    def perfect(self):
        """All answers came, once, with the right bytes."""
        return self.received == self.sent and not self.duplicates and not self.corrupt

    def __str__(self):
        text = f"{self.sent} sent, {self.received} received"
        for number, what in ((self.duplicates, "duplicates"), (self.corrupt, "corrupt")):
            if number:
                text += f", {number} {what}"
        return text

    __repr__ = __str__


class Station:
    """A VM's address on a device. A mix-in base of Guest and FarSide."""

    def __init__(self, vm, ip, device):
        self.vm = vm
        self.ip = ip
        self.device = device

    @property
    def name(self):
        return self.vm.name

    def ping(self, other, count=3, payload=56, every_s=0.1, linger_s=10):
        """Ping and return Pings; no answer at all is a result, not an error."""
        return self.start_ping(other, count, payload, every_s, linger_s).pings()

    def start_ping(self, other, count, payload=56, every_s=0.1, linger_s=10, quiet=False):
        """
        A Job with a method pings() that waits for the result.

        Frames are never fragmented: the MTU is at least payload + 28 on both ends. After the last
        request it waits for late answers: a busy host stops an emulated guest for seconds.
        """
        command = (f"probe {other.ip} {count} {payload} {int(every_s * 1000)} {int(linger_s * 1000)}")
        job = self.vm.start_job(command, int(count * every_s + linger_s + 60), quiet)
        job.pings = lambda: Pings(job.wait().output)
        return job

    def wait_reaches(self, other, limit_s=20, payload=56):
        """Wait until a ping to the other station is answered."""
        def reached():
            return self.start_ping(other, 1, payload, linger_s=1, quiet=True).pings().received
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
