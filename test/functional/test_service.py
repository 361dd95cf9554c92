# SPDX-License-Identifier: BSD-3-Clause
"""bondfwd as a service of systemd: its units, and what it tells systemd."""

import grp
import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

import bf
from bf import wait_for
from holding import worker_held
from lacp_partner import net, run  # noqa: F401 (fixture)

UNITS = ("bondfwd.service", "bondfwd@.service")
# docs/install.md states it.
EXPOSURE = 3.3
# The rig's daemon has no file.
RELOAD_REFUSED = "reload: expected --config FILE at the start"


def analyze(*args):
    return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, timeout=bf.LIMIT, check=False)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_has_no_faults_and_is_no_more_exposed_than_the_page_says(unit):
    path = bf.BUILD / "config" / unit
    said = analyze("verify", "--man=no", str(path)).stderr.splitlines()
    # The build has not been installed.
    assert [line for line in said if not re.search(r"bond(fwd|ctl) is not executable", line)] == []
    done = analyze("security", "--offline=true", "--no-pager", str(path))
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None, done.stdout + done.stderr
    assert float(exposure[1]) <= EXPOSURE
    assert f"`{EXPOSURE} OK`" in (bf.ROOT / "docs/install.md").read_text(encoding="utf-8")


class AfterFailure:
    """What a unit does when its process has ended, and before the next one."""

    def __init__(self, unit, folder):
        self.text = (bf.BUILD / "config" / unit).read_text(encoding="utf-8")
        self.run = re.search(r"^EnvironmentFile=-(\S+)/after-failure$", self.text, re.M)[1]
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "after-failure"

    def do(self, pattern, **env):
        command = re.search(pattern, self.text, re.M)[1].replace("$$", "$").replace(self.run, str(self.folder))
        subprocess.run(["/bin/sh", "-c", command], env={"PATH": os.environ["PATH"], **env}, timeout=bf.LIMIT, check=True)

    def ready(self):
        self.do(r"^ExecStartPost=-/bin/sh -c '(.*)'$")

    def stop(self):
        self.do(r"^ExecStop=-(.*)$")

    def ended(self, result, status):
        """Whether the next start is forced, if systemd makes it at once."""
        self.do(r"^ExecStopPost=-/bin/sh -c '(.*)'$", SERVICE_RESULT=result, EXIT_STATUS=status)
        return self.is_forced()

    def is_forced(self):
        self.do(r"^ExecStartPre=-(.*find .*)$")
        return self.file.exists() and self.file.read_text(encoding="utf-8") == "BONDFWD_AFTER_FAILURE=--force-reconnect\n"


@pytest.mark.parametrize("unit", UNITS)
def test_only_a_start_after_a_failure_passes_over_guests_that_could_not_come_back(unit, workdir):
    u = AfterFailure(unit, workdir)
    assert re.search(r"^ExecStart=.* \$BONDFWD_AFTER_FAILURE$", u.text, re.M)
    for result, status, forced in (("core-dump", "SEGV", True), ("success", "0", False), ("watchdog", "ABRT", True),
                                   ("exit-code", "2", False), ("exit-code", "1", True), ("signal", "KILL", True)):
        u.ready()
        assert u.ended(result, status) == forced, (result, status)
    # A start that failed is no crash, unless it was to make one good.
    assert u.ended("exit-code", "1") and u.ended("timeout", "0")
    u.ready()
    u.stop()
    assert not u.ended("exit-code", "1") and not u.ended("exit-code", "")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("result", "status"), [("timeout", "KILL"), ("core-dump", "SEGV"), ("exit-code", "1")])
def test_a_process_that_was_to_stop_and_did_it_badly_forces_nothing(unit, result, status, workdir):
    u = AfterFailure(unit, workdir)
    u.ready()
    assert u.ended("watchdog", "ABRT")
    u.ready()  # with the file of the crash before
    u.stop()
    assert not u.ended(result, status)


@pytest.mark.parametrize("unit", UNITS)
def test_a_start_by_hand_after_a_failure_is_not_forced(unit, workdir):
    u = AfterFailure(unit, workdir)
    u.ready()
    assert u.ended("core-dump", "SEGV")
    a_while_ago = u.file.stat().st_mtime - 65
    os.utime(u.file, (a_while_ago, a_while_ago))
    assert not u.is_forced() and not u.file.exists()


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_may_give_sockets_to_the_groups_that_it_names(unit):
    """It has no CAP_CHOWN: the groups must be its own."""
    text = (bf.BUILD / "config" / unit).read_text(encoding="utf-8")
    own = re.search(r"^Group=(.+)", text, re.MULTILINE)[1].split()
    own += re.search(r"^SupplementaryGroups=(.+)", text, re.MULTILINE)[1].split()
    named = re.findall(r" --(?:guest-)?group (\S+)", text)
    assert named == ["bondfwd", "kvm"]
    assert set(named) <= set(own)


def test_the_build_installs_all_that_a_service_needs():
    places = {"bin": "bondctl bondfwd-snmp bondfwd-traps", "sbin": "bondfwd",
              "systemd/system": "bondfwd.service bondfwd@.service", "sysusers.d": "bondfwd.conf",
              "tmpfiles.d": "bondfwd.conf", "snmp/mibs": "BONDFWD-MIB.txt",
              "examples": "bond-lacp.conf two-guests.conf grafana snmp", "man1": "bondctl.1", "man5": "bondfwd.conf.5",
              "man8": "bondfwd.8", "bash-completion/completions": "bondctl bondfwd",
              "zsh/site-functions": "_bondctl _bondfwd"}
    with open(bf.BUILD / "meson-info/intro-installed.json", encoding="utf-8") as plan:
        found = json.load(plan).values()
    for folder, names in places.items():
        for name in names.split():
            assert [path for path in found if path.endswith(f"{folder}/{name}")], f"{folder}/{name}"


def test_an_installation_keeps_what_an_operator_changed(workdir):
    place = pathlib.Path(f"{workdir}/etc/default/bondfwd")
    source = bf.ROOT / "config/service/bondfwd.default"

    def install():
        subprocess.run([bf.ROOT / "config/service/install-once", source, "/etc/default/bondfwd"], check=True,
                       timeout=bf.LIMIT, env={**os.environ, "DESTDIR": str(workdir)})

    install()
    assert place.read_text(encoding="utf-8") == source.read_text(encoding="utf-8")
    place.write_text("EAL_ARGS=mine\n", encoding="ascii")
    install()
    assert place.read_text(encoding="ascii") == "EAL_ARGS=mine\n"


class Manager:
    """Stands for systemd: takes what the program tells it."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind(str(path))
        self.lines = []

    def heard(self):
        """All lines since the last forget()."""
        while True:
            try:
                self.lines += self.sock.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.lines

    def forget(self):
        self.heard()
        self.lines = []

    def wait(self, line):
        wait_for(lambda: line in self.heard(), what=line)


@pytest.fixture(name="manager")
def fixture_manager(workdir, monkeypatch):
    manager = Manager(f"{workdir}/notify.sock")
    monkeypatch.setenv("NOTIFY_SOCKET", f"{workdir}/notify.sock")
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    yield manager
    manager.sock.close()


def test_a_manager_is_told_of_start_state_reload_and_stop(rig, manager):
    r = rig(log_allowed=[RELOAD_REFUSED])
    manager.wait("READY=1")
    manager.wait("STATUS=bond0: 2 of 2 members up; 2 of 2 guests connected")
    assert manager.lines.index("STATUS=starting") < manager.lines.index("READY=1")
    r.daemon.ctl("remove guest vm2")
    manager.wait("STATUS=bond0: 2 of 2 members up; 1 of 1 guests connected")
    manager.forget()
    r.daemon.proc.send_signal(signal.SIGHUP)
    manager.wait("READY=1")
    assert manager.lines.index("RELOADING=1") < manager.lines.index("READY=1")
    assert [line for line in manager.lines if re.fullmatch(r"MONOTONIC_USEC=\d+", line)]
    manager.forget()
    assert r.daemon.stop() == 0
    assert "STOPPING=1" in manager.heard()
    assert "READY=1" not in manager.lines


def test_the_watchdog_is_fed_only_while_every_worker_makes_turns(rig, manager):
    r = rig(guests=(), log_allowed=[RELOAD_REFUSED])
    manager.wait("WATCHDOG=1")
    with worker_held(r.daemon.proc.pid):
        wait_for(lambda: r.events("lcore_stalled"), what="the stall")
        manager.forget()
        # Control goes round: it tells of a reload.
        r.daemon.proc.send_signal(signal.SIGHUP)
        manager.wait("READY=1")
        assert "WATCHDOG=1" not in manager.lines
    manager.wait("WATCHDOG=1")


def test_a_guests_socket_and_the_console_have_groups_of_their_own(rig):
    """Who connects a guest does not command the switch."""
    ours, guests = sorted(group.gr_name for group in grp.getgrall() if group.gr_gid != 0)[:2]
    r = rig(guests=(), start=False)
    r.args += ["--group", ours, "--guest-group", guests]
    r.start()
    path = r.workdir / "vm1.sock"
    r.daemon.ctl(f"add guest vm1 mode=server,socket={path}")
    for socket_path, group in ((r.daemon.console, ours), (path, guests)):
        assert grp.getgrgid(os.stat(socket_path).st_gid).gr_name == group
        assert os.stat(socket_path).st_mode & 0o777 == 0o660


def test_a_start_that_fails_says_why_to_the_manager_and_as_an_error_to_the_journal(workdir, manager):
    """Standard error is the journal, as far as $JOURNAL_STREAM says."""
    with open(f"{workdir}/log", "w+b") as log:
        status = os.fstat(log.fileno())
        done = subprocess.run(
            [bf.BONDFWD, "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf", "--lcores", bf.lcores(1), "--", "--config", "/none",
             "--console", "none"], stderr=log, check=False, timeout=bf.LIMIT,
            env={**bf.clean_env(), "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        log.seek(0)
        text = log.read().decode()
    assert done.returncode == 2
    assert re.search(r"^<3>bondfwd: .*/none", text, re.MULTILINE), text
    assert [line for line in manager.heard() if line.startswith("STATUS=") and "/none" in line]
    assert "READY=1" not in manager.lines


# Bits of linux/capability.h.
CHOWN, DAC_OVERRIDE, FOWNER, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_RAWIO, SYS_ADMIN, BPF = 0, 1, 3, 12, 13, 14, 17, 21, 39
KEPT = {CHOWN, DAC_OVERRIDE, FOWNER, NET_ADMIN, NET_RAW, IPC_LOCK, BPF}


def rights(pid):
    """(capabilities, no_new_privs) of each thread, as the kernel says it."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            said = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        assert said["CapEff"] == said["CapPrm"]
        assert int(said["CapInh"], 16) == int(said["CapAmb"], 16) == 0
        yield {bit for bit in range(64) if int(said["CapPrm"], 16) >> bit & 1}, said["NoNewPrivs"]


def test_every_thread_has_given_up_what_ports_do_not_need(rig, net):
    """And what is attached, added or connected afterwards works."""
    r = rig(guests=("vm1",))
    known = list(rights(r.daemon.proc.pid))
    assert len(known) > 3
    needs_addresses = "IOVA mode 'PA'" in r.daemon.log_text()
    for capabilities, no_new_privs in known:
        assert capabilities <= KEPT | ({SYS_ADMIN, SYS_RAWIO} if needs_addresses else set())
        assert no_new_privs == "1"
    run("ip link add cable0 type veth peer name cable1")
    r.daemon.ctl("port attach net_af_packet0,iface=cable0,blocksz=4096,framesz=2048,framecnt=512")
    assert "net_af_packet0" in r.daemon.ctl("show port summary all")
    r.daemon.ctl("port detach net_af_packet0")
    r.daemon.ctl("add host host0")
    wait_for(lambda: "host0" in os.listdir("/sys/class/net") or "host0" in run("ip link show"), what="its interface")
    r.daemon.ctl(f"add guest vm2 mode=server,socket={r.workdir}/vm2.sock")
    wait_for((r.workdir / "vm2.sock").exists, what="its socket")
    r.daemon.ctl("remove guest vm2")
    r.daemon.ctl("remove host host0")


def test_a_port_of_af_xdp_carries(rig, net):
    """It needs one more power, which stays with such a port."""
    try:
        socket.socket(socket.AF_PACKET + 27, socket.SOCK_RAW).close()
    except OSError as error:
        pytest.skip(f"no sockets of af_xdp: {error}")
    run("ip link add cable0 type veth peer name cable1")
    run("ip link set cable1 up")
    r = rig(members=0, guests=(), mtu=1500, vdevs=["net_af_xdp0,iface=cable0"], log_allowed=["allmulti mode"])
    assert "net_af_xdp0 (port 0): link up, sending" in r.daemon.ctl("show bonding config bond0")
    for capabilities, _ in rights(r.daemon.proc.pid):
        assert capabilities <= KEPT | {SYS_ADMIN, SYS_RAWIO}
    # Its socket keeps frames of the pool until it is closed.
    assert r.daemon.stop() == 0
