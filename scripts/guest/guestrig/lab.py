# SPDX-License-Identifier: BSD-3-Clause
"""
A whole set-up: switch VM, cables, bondfwd, guests.

    with Run("demo") as run:
        lab = Lab(run, "802.3ad", guests=[GuestSpec("vm1"), GuestSpec("vm2")])
        lab.start()
        lab.guest("vm1").ping(lab.far)
"""

from dataclasses import dataclass

from .backend import Bondfwd, GuestPort
from .farside import FarSide
from .station import Station
from .vm import Nic, Vm


@dataclass
class GuestSpec:
    """One guest VM; each of its NICs is a guest port of bondfwd."""

    name: str
    mtu: int = 9000
    queues: int = 1
    mrg_rxbuf: bool = True
    cpus: int = 1
    nics: int = 1
    packed: bool = False


class Guest(Station):
    """A guest VM on a guest port, or on several: the first has the guest's name and address."""

    def __init__(self, run, spec, number, **vm_options):
        nics = [Nic(run.path(f"{self._port_name(spec, i)}.sock"),
                    f"52:54:00:66:{2 + i:02x}:{number:02x}", queues=spec.queues,
                    mrg_rxbuf=spec.mrg_rxbuf, host_mtu=spec.mtu, packed=spec.packed) for i in range(spec.nics)]
        super().__init__(Vm(run, spec.name, nics, cpus=spec.cpus, **vm_options),
                         f"10.66.0.{10 + number}", "nic0")
        self.spec = spec

    def configure(self):
        self.vm.sh(f"ip link set nic0 mtu {self.spec.mtu} up && ip addr add {self.ip}/24 dev nic0")
        return self

    @staticmethod
    def _port_name(spec, i):
        return spec.name if i == 0 else f"{spec.name}-{i}"

    def ports(self):
        """The guest ports of bondfwd for this guest."""
        keys = {"mtu": self.spec.mtu}
        if self.spec.queues > 1:
            keys["queues"] = self.spec.queues
        return [GuestPort(self._port_name(self.spec, i), nic.sock, **keys)
                for i, nic in enumerate(self.vm.nics)]


class Lab:
    """
    mode: bondfwd's mode; far_mode: what the switch runs (default: the same mode).

    bond: more keys of --bond. far_options: files of /sys/class/net/bond0/bonding at the far side.
    """

    def __init__(self, run, mode, far_mode=None, guests=(), cables=2, mtu=9000, bond=None, workers=1,
                 far_options=None, say=lambda text: None):
        self.run = run
        self.mode = mode
        self.say = say
        self.far = FarSide(run, far_mode or mode, cables, mtu=mtu, queues=workers,
                           options=far_options)
        self.guests = [Guest(run, spec, number) for number, spec in enumerate(guests, 1)]
        self.backend = Bondfwd(run, [nic.sock for nic in self.far.vm.nics],
                               [port for guest in self.guests for port in guest.ports()],
                               {"mode": mode, "mtu": mtu, **(bond or {})}, workers=workers)

    def guest(self, name):
        return next(guest for guest in self.guests if guest.name == name)

    def stations(self):
        return [self.far, *self.guests]

    def start(self, boot_limit_s=90):
        """Everything at once; returns when all have booted and have their addresses."""
        for station in self.stations():
            station.vm.start()
        for station in self.stations():
            station.vm.wait_sockets()
        self.say("all VMs wait for their backend; starting it")
        self.backend.start().wait_ready()
        for station in self.stations():
            station.vm.wait_booted(boot_limit_s)
            self.say(f"{station.name} has booted")
            station.configure()
        return self

    def wait_connected(self, limit_s=30):
        """Wait until each guest reaches the far side."""
        if self.far.mode == "802.3ad":
            self.far.wait_aggregated(limit_s=limit_s)
        for guest in self.guests:
            guest.wait_reaches(self.far, limit_s)
        return self
