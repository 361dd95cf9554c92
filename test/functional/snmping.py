# SPDX-License-Identifier: BSD-3-Clause
"""net-snmp around a daemon: snmpd with the lines of config/snmp, snmpwalk and its like, snmptrapd.

Tests that use it run in a network namespace of their own (fixture `net`): all addresses are free.
"""

import contextlib
import os
import re
import signal
import subprocess

import bf
from bf import wait_for

SNMP = bf.BUILD / "app" / "bondfwd-snmp"
TRAPS = bf.BUILD / "app" / "bondfwd-traps"
CONFIG = bf.ROOT / "config" / "snmp" / "bondfwd.conf"
MIB = bf.ROOT / "config" / "snmp" / "BONDFWD-MIB.txt"

IF, IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
IF_NUMBER = "1.3.6.1.2.1.2.1.0"
LAG = "1.2.840.10006.300.43"
OWN = "1.3.6.1.4.1.8072.9999.9999.8021"
ROOTS = (LAG, "1.3.6.1.2.1.2", "1.3.6.1.2.1.31.1.1", OWN)
LINK_DOWN, LINK_UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
BOND_STATE, LACP_CHANGE = f"{OWN}.0.1", f"{OWN}.0.2"
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"

VALUE = re.compile(r"^\.([\d.]+) = (.*)$", re.DOTALL)


def key(oid):
    """For SNMP's order."""
    return tuple(int(i) for i in oid.split("."))


def value_of(text):
    """An int, bytes of a string, an OID; None: there is none."""
    kind, _, rest = text.partition(": ")
    if text.startswith("No Such") or text.startswith("No more"):
        return None
    if text == '""':
        return b""
    if kind == "Hex-STRING":
        return bytes.fromhex(rest)
    if kind == "STRING":
        return rest.strip('"').encode()
    if kind == "OID":
        return rest.removeprefix(".")
    return int(re.search(r"-?\d+", rest)[0])


def parse(text):
    """{OID: value} of what a command has printed; long values take several lines."""
    found = {}
    for line in re.split(r"\n(?=\.)", text.strip()):
        m = VALUE.match(line)
        if m:
            found[m[1]] = value_of(m[2].replace("\n", " ").strip())
    return found


@contextlib.contextmanager
def running(command, log, **options):
    """A process until the end of the block, ended by its number; in a session of its own."""
    with open(log, "ab") as to:
        proc = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=to,
                                stderr=subprocess.STDOUT, **options)
    try:
        yield proc
    finally:
        if proc.poll() is None:
            proc.terminate()
        try:
            proc.wait(10)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait(10)


def environment(workdir):
    """net-snmp keeps its files in the test's folder, and reads neither the host's nor any MIB."""
    return dict(os.environ, SNMP_PERSISTENT_DIR=f"{workdir}/snmp", SNMPCONFPATH=str(workdir), MIBS="")


def lines_of_config(daemon, timeout=1000, if_mib=True):
    """config/snmp/bondfwd.conf, for the program that was built and the test's socket; without IF-MIB's lines."""
    text = CONFIG.read_text(encoding="utf-8")
    assert text.count("/usr/local/bin/bondfwd-snmp ") == 5
    if not if_mib:
        text = re.sub(r"^pass_persist -p 10 .*\n", "", text, flags=re.MULTILINE)
    return text.replace("/usr/local/bin/bondfwd-snmp ", f"{SNMP} -t {timeout} -s {daemon.console} ")


class Agent:
    """snmpd at 127.0.0.1, and requests to it."""

    def __init__(self, workdir, address="127.0.0.1:161"):
        self.address, self.env = address, environment(workdir)

    def run(self, program, *oids, words=(), timeout=bf.LIMIT):
        return subprocess.run([program, "-v2c", "-c", "public", "-On", "-Ox", "-Oe", "-r", "2", "-t", "10", *words,
                               self.address, *oids], env=self.env, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False)

    def walk(self, oid):
        """{OID: value}, in the order that came."""
        done = self.run("snmpwalk", f".{oid}")
        assert done.returncode == 0 and done.stderr == "", done.stderr + done.stdout[-500:]
        return {k: v for k, v in parse(done.stdout).items() if v is not None}

    def get(self, *oids):
        done = self.run("snmpget", *(f".{o}" for o in oids))
        assert done.returncode == 0, done.stderr + done.stdout
        return parse(done.stdout)

    def next(self, oid):
        """(OID, value)"""
        done = self.run("snmpgetnext", f".{oid}")
        assert done.returncode == 0, done.stderr
        return next(iter(parse(done.stdout).items()))

    def is_answering(self):
        return self.run("snmpget", ".1.3.6.1.2.1.1.3.0", words=("-r", "0", "-t", "1")).returncode == 0


@contextlib.contextmanager
def snmpd(workdir, daemon, lines="", **options):
    """snmpd with bondfwd's lines, as an Agent."""
    agent = Agent(workdir)
    conf = bf.pathlib.Path(workdir) / "snmpd.conf"
    conf.write_text(f"rocommunity public 127.0.0.1\nrwcommunity private 127.0.0.1\n{lines}\n"
                    f"{lines_of_config(daemon, **options)}", encoding="utf-8")
    with running(["/usr/sbin/snmpd", "-f", "-Lo", "-r", "-C", "-c", conf, f"udp:{agent.address}"],
                 f"{workdir}/snmpd.log", env=agent.env):
        wait_for(agent.is_answering, what="snmpd")
        yield agent


class Traps:
    """What snmptrapd has written."""

    def __init__(self, path):
        self.path = path

    def all(self):
        """Each trap as {OID: value}."""
        text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        return [parse(line.replace("\t", "\n")) for line in re.split(r"\n(?=TRAP)", text) if TRAP_OID in line]

    def of(self, trap):
        return [t for t in self.all() if t[TRAP_OID] == trap]


@contextlib.contextmanager
def snmptrapd(workdir, address="127.0.0.1:162"):
    """snmptrapd, as Traps."""
    traps, env = Traps(bf.pathlib.Path(workdir) / "traps.log"), environment(workdir)
    conf, log = bf.pathlib.Path(workdir) / "snmptrapd.conf", bf.pathlib.Path(workdir) / "snmptrapd.log"
    conf.write_text(r"""disableAuthorization yes
format2 TRAP %b\n%v\n
""", encoding="utf-8")
    with running(["/usr/sbin/snmptrapd", "-f", "-Lf", traps.path, "-On", "-Ox", "-Oe", "-C", "-c", conf,
                  f"udp:{address}"], log, env=env):
        def listens():
            with open("/proc/thread-self/net/udp", encoding="ascii") as f:
                return f":{int(address.partition(':')[2]):04X} " in f.read()
        wait_for(listens, what="snmptrapd")
        yield traps


def stopped(daemon):
    """The daemon stands still until the end of the block."""
    @contextlib.contextmanager
    def hold():
        daemon.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            daemon.send_signal(signal.SIGCONT)
    return hold()
