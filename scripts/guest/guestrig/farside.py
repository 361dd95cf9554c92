# SPDX-License-Identifier: BSD-3-Clause
"""
The "switch" VM: the other end of the bond's cables.

Each of its NICs is wired to one member of bondfwd. Over them it runs Linux bonding (a switch with a
LAG, static or LACP), or a Linux bridge (a switch that knows nothing of the bond).
"""

from .process import wait_until
from .station import Station
from .vm import Nic, Vm

BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
              "balance-alb")


class FarSide(Station):
    """
    mode: a mode of Linux bonding, or "bridge". queues: queue pairs per NIC, one for each of
    bondfwd's workers.

    Cable i is NIC i, called nic<i> in the VM.
    """

    def __init__(self, run, mode, cables, ip="10.66.0.1", mtu=9000, options=None, queues=1,
                 **vm_options):
        if mode not in BOND_MODES + ("bridge",):
            raise ValueError(f'mode: "{mode}": expected bridge or one of {", ".join(BOND_MODES)}')
        nics = [Nic(run.path(f"wire{i}.sock"), f"52:54:00:66:01:{i:02x}", queues=queues)
                for i in range(cables)]
        super().__init__(Vm(run, "switch", nics, cpus=queues, **vm_options), ip,
                         "br0" if mode == "bridge" else "bond0")
        self.mode = mode
        self.mtu = mtu
        self.options = {"miimon": 100, "lacp_rate": "fast", **(options or {})}

    def cables(self):
        return range(len(self.vm.nics))

    def configure(self):
        """After boot: bond or bridge, ports, address. One command: starting many costs seconds."""
        steps = self._bridge() if self.mode == "bridge" else self._bond()
        for cable in self.cables():
            steps.append(self._attach(cable))
        steps += [f"ip link set {self.device} mtu {self.mtu} up",
                  f"ip addr add {self.ip}/24 dev {self.device}"]
        self.vm.sh(" && ".join(steps))
        return self

    def _bridge(self):
        # An address of its own: else it is that of a port, and changes when the port goes.
        return ["load bridge", "ip link add br0 address 52:54:00:66:01:ff type bridge"]

    def _bond(self):
        # LACP's rate exists in one mode only; a bond refuses it in others.
        options = {name: value for name, value in self.options.items()
                   if name != "lacp_rate" or self.mode == "802.3ad"}
        folder = "/sys/class/net/bond0/bonding"
        return ["load bonding max_bonds=0", "echo +bond0 >/sys/class/net/bonding_masters",
                f"echo {self.mode} >{folder}/mode"] + [
            f"echo {value} >{folder}/{name}" for name, value in options.items()]

    def _attach(self, cable):
        if self.mode == "bridge":
            return f"ip link set nic{cable} mtu {self.mtu} master br0 up"
        return (f"ip link set nic{cable} down && "
                f"echo +nic{cable} >/sys/class/net/bond0/bonding/slaves")

    # Cables.

    def pull_cable(self, cable):
        """Carrier goes at both ends: here, and as a link event of the member in bondfwd."""
        self.vm.set_link(cable, False)

    def replug(self, cable):
        self.vm.set_link(cable, True)

    def unbind(self, cable):
        """Take the NIC away from its driver, as a crash of the switch's port would."""
        self.vm.sh(f"virtio_device {cable} >/run/unbound{cable} && "
                   f"cat /run/unbound{cable} >/sys/bus/virtio/drivers/virtio_net/unbind")

    def rebind(self, cable):
        self.vm.sh(f"cat /run/unbound{cable} >/sys/bus/virtio/drivers/virtio_net/bind && "
                   f"name_nic {cable} && {self._attach(cable)}")

    def shut(self, cable):
        """`ip link set down`: silent, but the carrier at bondfwd's end stays."""
        self.vm.sh(f"ip link set nic{cable} down")

    def silence_lacp(self, cable):
        """Send no LACPDU on a cable any more; data and carrier stay."""
        self.vm.sh("load sch_ingress && load act_gact && load cls_matchall && "
                   f"tc qdisc add dev nic{cable} clsact && tc filter add "
                   f"dev nic{cable} egress protocol 0x8809 matchall action drop")

    def unsilence_lacp(self, cable):
        self.vm.sh(f"tc qdisc del dev nic{cable} clsact")

    # State.

    def wait_carrier(self, cable, up, limit_s=10):
        wait_until(f"switch: carrier of cable {cable} {'on' if up else 'off'}", limit_s,
                   lambda: self.carrier(cable) == up)

    def cable_in_use(self, station):
        """The cable on which a station's frames arrive here; the station is pinged away for it."""
        before = [self.counter("rx_packets", f"nic{i}") for i in self.cables()]
        station.ping(self, 20, every_s=0.02)
        gains = [self.counter("rx_packets", f"nic{i}") - before[i] for i in self.cables()]
        return gains.index(max(gains))

    def carrier(self, cable):
        return self.vm.read(f"cat /sys/class/net/nic{cable}/carrier 2>/dev/null || echo 0") == "1"

    def bonding(self):
        """
        /proc/net/bonding/bond0 as {"bond": {...}, "nic0": {...}, ...}.

        Keys are those of the file, in lower case; inside an indented block they are prefixed by its
        heading, e.g. "details partner lacp pdu: system mac address".
        """
        sections = {"bond": {}}
        current, heading = sections["bond"], ""
        for line in self.vm.read("cat /proc/net/bonding/bond0").splitlines():
            key, _, value = line.partition(":")
            key, value = key.strip().lower(), value.strip()
            if key == "slave interface":
                current, heading = sections.setdefault(value, {}), ""
                continue
            indented = line[:1].isspace()
            if not indented:
                heading = f"{key}: " if line.endswith(":") else ""
            if value:
                current[(heading if indented else "") + key] = value
        return sections

    def aggregators(self):
        """Per cable (aggregator id, partner's system id) in mode 802.3ad."""
        state = self.bonding()
        return [(state[f"nic{i}"].get("aggregator id"),
                 state[f"nic{i}"].get("details partner lacp pdu: system mac address"))
                for i in self.cables() if f"nic{i}" in state]

    def wait_aggregated(self, cables=None, limit_s=30):
        """Wait until these cables are in one aggregator, in sync, collecting and distributing."""
        wanted = list(self.cables() if cables is None else cables)

        def aggregated():
            state = self.bonding()
            ports = [state.get(f"nic{i}", {}) for i in wanted]
            flags = [int(port.get(f"details {who} lacp pdu: port state", 0))
                     for port in ports for who in ("actor", "partner")]
            return (len({port.get("aggregator id") for port in ports}) == 1
                    and all(port.get("mii status") == "up" for port in ports)
                    and all(flag & 0x3c == 0x3c for flag in flags))
        wait_until(f"switch: cables {wanted} aggregated", limit_s, aggregated, every_s=0.2)
