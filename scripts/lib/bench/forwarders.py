# SPDX-License-Identifier: BSD-3-Clause
"""What is compared: how each is started between the wires and the guests.

Every one of them has its datapath on one CPU and everything else on the generator's CPU, sees the
same sockets, and is a vhost-user client on all of them.
"""

import json
import os
import shlex
import shutil
import subprocess
import time

from .processes import (BUILD, START_S, BenchError, Process, output_of, remove_runtime, wait_for)

MTU = {False: 1500, True: 9000}
# As bondfwd does for the bond: a buffer takes the largest frame in one piece.
JUMBO_MBUF = 9344
OVS_HUGE_MB = 1024
# Its default of 8192 would flood what bondfwd's 16384 still knows.
OVS_STATIONS = 16384
OVS_DAEMON = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class Forwarder:
    """One forwarder, started between a generator's sockets."""

    name = ""
    title = ""
    # Wires the generator makes; and whether frames for every guest reach every guest.
    n_wires = 2
    is_switch = True
    packages = ()
    idle_modes = ()

    def __init__(self, workdir, options, memory):
        self.workdir = workdir
        self.options = options
        self.memory = memory
        self.prefix = f"bfbench-{self.name}-{os.getpid()}"
        self.processes = []
        self.is_jumbo = False

    def lcores(self):
        return ["--lcores", f"0@{self.options.cpu_gen},1@{self.options.cpu_fwd}",
                "--main-lcore", "0"]

    def wire_vdevs(self, generator, first=0):
        words = []
        for i, path in enumerate(generator.wire_sockets(), first):
            words += ["--vdev", f"net_vhost{i},iface={path},queues=1,client=1"]
        return words

    def run(self, name, command, env=None):
        process = Process(name, command, self.workdir, env=env)
        self.processes.append(process)
        return process

    def senders(self, path):
        """How many wires and guests take part in a trial: {wires, guests}."""
        del path
        wires = 1 if self.options.mode == "active-backup" else self.n_wires
        return {"wires": wires, "guests": self.options.busy}

    def command(self):
        return self.processes[-1].command if self.processes else []

    def command_line(self):
        return shlex.join(self.command())

    def rest(self, how):
        """Take one of idle_modes."""

    def look(self):
        """What the forwarder says about itself after a trial; not used in any figure."""
        return None

    def check(self):
        for process in self.processes:
            process.check()

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes = []
        remove_runtime(self.prefix)


class Bondfwd(Forwarder):
    """The bond over two wires, and a guest port for each guest."""

    name = "bondfwd"
    title = "bondfwd"
    idle_modes = ("poll", "pause", "sleep")

    @staticmethod
    def binary():
        return BUILD / "app" / "bondfwd"

    @classmethod
    def missing(cls, memory):
        del memory
        if not cls.binary().exists():
            return f"{cls.binary()} is not built: meson setup build && ninja -C build"
        return None

    @classmethod
    def version(cls):
        return output_of(cls.binary(), "--version")

    def start(self, generator, is_jumbo):
        self.is_jumbo = is_jumbo
        mtu = MTU[is_jumbo]
        members = ",".join(f"member=net_vhost{i}" for i in range(generator.n_wires))
        bond = f"name=bond0,mode={self.options.mode},{members},mtu={mtu}"
        if self.options.mode == "active-backup":
            bond += ",primary=net_vhost0"
        guests = []
        for i, path in enumerate(generator.guest_sockets()):
            guests += ["--guest", f"name=vm{i},socket={path},queues=1,mtu={mtu},mac_limit=65536"]
        megabytes = 256 + generator.n_guests * (64 if is_jumbo else 16) + (128 if is_jumbo else 32)
        self.run("bondfwd", [
            self.binary(), *self.lcores(), *self.memory.eal(megabytes), "--no-pci",
            "--no-telemetry", "--file-prefix", self.prefix, *self.wire_vdevs(generator), "--",
            "--profile", "trusted", "--bond", bond, *guests, "--console", self.workdir / "console.sock"])

    def look(self):
        return {what: self.ask("show", what) for what in ("lcore", "drops")}

    def rest(self, how):
        self.ask("set", "lcore", "idle", how)

    def ask(self, *words):
        done = subprocess.run(
            [BUILD / "app" / "bondctl", "-s", self.workdir / "console.sock", "-j", *words],
            capture_output=True, text=True, timeout=10, check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None


class Testpmd(Forwarder):
    """testpmd's io forwarding between one wire and the first guest: the least that can be done.

    There is no bond.  net_bonding in modes 0 to 3, 5 and 6 does not start over net_vhost (the
    driver cannot set a MAC address); TestpmdBond has the mode that does.  So testpmd is spared the
    bond's work, and is the harder to beat.  Further guests are ports that it polls in vain: io
    forwarding serves fixed pairs.
    """

    name = "testpmd"
    title = "testpmd io (no bond, no lookup)"
    n_wires = 1
    is_switch = False
    packages = ("dpdk",)

    @staticmethod
    def missing(memory):
        del memory
        return None if shutil.which("dpdk-testpmd") else "dpdk-testpmd is not installed"

    @staticmethod
    def version():
        # testpmd has no --version.
        return output_of("dpkg-query", "-W", "-f", "DPDK ${Version}", "dpdk")

    def start(self, generator, is_jumbo):
        self.is_jumbo = is_jumbo
        vdevs = self.wire_vdevs(generator) + self.bond()
        for i, path in enumerate(generator.guest_sockets(), generator.n_wires):
            vdevs += ["--vdev", f"net_vhost{i},iface={path},queues=1,client=1"]
        big = ["--max-pkt-len=9018", f"--mbuf-size={JUMBO_MBUF}"] if is_jumbo else []
        n_mbufs = 16384 + 2048 * generator.n_guests
        megabytes = 128 + n_mbufs * ((JUMBO_MBUF if is_jumbo else 2176) + 256) // (1 << 20)
        # Interactive, so that the main lcore sleeps in its prompt.
        self.run("testpmd", [
            "dpdk-testpmd", *self.lcores(), *self.memory.eal(megabytes), "--no-pci",
            "--no-telemetry", "--file-prefix", self.prefix, *vdevs, "--", "--forward-mode=io",
            *self.port_mask(generator), "--nb-cores=1", f"--total-num-mbufs={n_mbufs}",
            "--mbcache=512", *big, "--disable-link-check", "--auto-start", "-i"])

    def bond(self):
        return []

    def port_mask(self, generator):
        """Ports are paired in the order in which they are made."""
        if self.options.paths == ["v2v"]:
            return [f"--portmask={(1 << generator.n_guests) - 1 << self.n_wires:#x}"]
        return []

    def senders(self, path):
        # The wire is paired with the first guest only.
        return {"wires": 1, "guests": 1 if path == "v2p" else self.options.busy}


class TestpmdBond(Testpmd):
    """The same with net_bonding in mode 4 over both wires; bf-gen is its LACP partner."""

    name = "testpmd-bond"
    title = "testpmd io over net_bonding mode 4"
    n_wires = 2

    def bond(self):
        version = output_of("pkg-config", "--modversion", "libdpdk") or "22.11"
        release = int(version.split(".")[0])
        member = "member" if release >= 24 else "slave"
        return ["--vdev", f"net_bonding0,mode=4,{member}=net_vhost0,{member}=net_vhost1,"
                          "xmit_policy=l34"]

    def port_mask(self, generator):
        # Members forward nothing themselves. Ports: members, bond, guests.
        return [f"--portmask={(2 << generator.n_guests) - 1 << self.n_wires:#x}"]


class Ovs(Forwarder):
    """Open vSwitch with its DPDK datapath, action NORMAL, in a world of its own."""

    name = "ovs"
    title = "OVS-DPDK NORMAL"
    packages = ("openvswitch-switch-dpdk",)

    @staticmethod
    def missing(memory):
        if not os.access(OVS_DAEMON, os.X_OK) or not shutil.which("ovsdb-tool"):
            return "openvswitch-switch-dpdk is not installed"
        if not memory.is_huge:
            return "OVS-DPDK needs huge pages, and they are not used in this run"
        return None

    @staticmethod
    def version():
        return output_of(OVS_DAEMON, "--version")

    def vsctl(self, *words):
        done = subprocess.run(
            ["ovs-vsctl", "--timeout=40", f"--db=unix:{self.workdir}/db.sock", *words],
            capture_output=True, text=True, env=self.env, timeout=60, check=False)
        if done.returncode != 0:
            raise BenchError(f"ovs-vsctl {' '.join(words)[:80]}: {done.stderr.strip()[-400:]}")
        return done.stdout.strip()

    def start(self, generator, is_jumbo):
        self.is_jumbo = is_jumbo
        where = str(self.workdir)
        self.env = dict(os.environ, OVS_RUNDIR=where, OVS_DBDIR=where, OVS_LOGDIR=where,
                        OVS_SYSCONFDIR=where)
        database = self.workdir / "conf.db"
        database.unlink(missing_ok=True)
        subprocess.run(["ovsdb-tool", "create", database, OVS_SCHEMA], check=True,
                       capture_output=True, env=self.env)
        self.run("ovsdb-server", ["ovsdb-server", f"--remote=punix:{where}/db.sock",
                                  f"--unixctl={where}/db.ctl", database], self.env)
        wait_for((self.workdir / "db.sock").exists, START_S, "ovsdb-server")
        extra = " ".join([*self.memory.eal(OVS_HUGE_MB), "--no-pci", "--file-prefix",
                          self.prefix])
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   f"other_config:pmd-cpu-mask={1 << self.options.cpu_fwd:#x}",
                   f"other_config:dpdk-lcore-mask={1 << self.options.cpu_gen:#x}",
                   f"other_config:dpdk-socket-mem={OVS_HUGE_MB}",
                   f'other_config:dpdk-extra="{extra}"')
        self.run("ovs-vswitchd", [OVS_DAEMON, f"unix:{where}/db.sock",
                                  f"--unixctl={where}/vswitchd.ctl"], self.env)
        wait_for(lambda: self.is_initialized() == "true", START_S, "OVS with DPDK")
        self.add_ports(generator, is_jumbo)

    def is_initialized(self):
        self.check()
        return self.vsctl("get", "Open_vSwitch", ".", "dpdk_initialized")

    def add_ports(self, generator, is_jumbo):
        mtu = MTU[is_jumbo]
        mode = {"active-backup": "active-backup"}.get(self.options.mode, "balance-slb")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                   "fail_mode=standalone", f"other_config:mac-table-size={OVS_STATIONS}")
        wires = [f"wire{i}" for i in range(generator.n_wires)]
        words = ["--no-wait", "add-bond", "br0", "bond0", *wires, f"bond_mode={mode}",
                 "other_config:bond-primary=wire0"]
        for i, path in enumerate(generator.wire_sockets()):
            devargs = f"net_vhost{i},iface={path},queues=1,client=1"
            words += ["--", "set", "Interface", f"wire{i}", "type=dpdk",
                      f'options:dpdk-devargs="{devargs}"', f"mtu_request={mtu}"]
        self.vsctl(*words)
        for i, path in enumerate(generator.guest_sockets()):
            self.vsctl("--no-wait", "add-port", "br0", f"vm{i}", "--", "set", "Interface",
                       f"vm{i}", "type=dpdkvhostuserclient", f"options:vhost-server-path={path}",
                       f"mtu_request={mtu}")

    def command(self):
        return [OVS_DAEMON, "(NORMAL, pmd-cpu-mask one CPU, dpdkvhostuserclient guests)"]


ALL = {cls.name: cls for cls in (Bondfwd, Testpmd, TestpmdBond, Ovs)}
DEFAULT = ["bondfwd", "testpmd", "ovs"]


def ready(forwarder, generator, spec):
    """Links up, stations learned, and small trials pass without loss or flooding."""
    paths = ["v2v"] if forwarder.options.paths == ["v2v"] else ["p2v", "v2p"]
    generator.connect()
    forwarder.check()
    end = time.monotonic() + START_S
    last = None
    while time.monotonic() < end:
        generator.ask("learn", macs=spec["macs"], wires=forwarder.senders("p2v")["wires"])
        generator.ask("settle", quiet=20)
        good = 0
        for path in paths:
            last = generator.run(100, 50, path=path, rate=2000, flows=spec["flows"],
                                 macs=spec["macs"], depth=50000, **forwarder.senders(path))
            good += last["received"] == last["sent"] > 0 and last["duplicated"] == 0
        if good == len(paths):
            return
        forwarder.check()
        time.sleep(0.2)
    raise BenchError(f"{forwarder.name}: does not forward without loss even 2000 frames/s: {last}")
