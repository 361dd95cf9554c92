# SPDX-License-Identifier: BSD-3-Clause
"""The life of a package on a machine: installed, started, used, broken, rebooted, upgraded, removed, in this order."""

import json
import os
import re

from guestrig.process import wait_until
from guide import package_block
from machine import CARD, FAR_MAC

# Installing takes its time where each instruction is emulated.
APT_S = 2400
START_S = 400
CONF = "/etc/bondfwd/bondfwd.conf"
GOOD = "/srv/good.conf"
AFTER_FAILURE = "/run/bondfwd/after-failure"
FORCE = "--force-reconnect"
SOCKETS = "/run/bondfwd/guests"
# The second switch.
SECOND, SECOND_RUN = "bondfwd@b", "/run/bondfwd-b"
# DAC_OVERRIDE, NET_ADMIN, NET_RAW, IPC_LOCK and BPF.
CAPABILITIES = 1 << 1 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 39
# The host's address on the switch, and one behind the card.
HERE, FAR = "192.0.2.1", "192.0.2.2"
# Users, and the group that each is in.
USERS = {"qemu": "kvm", "keeper": "bondfwd", "other": "games"}
FILES = {
    "/etc/sysctl.d/50-hugepages.conf": "vm.nr_hugepages = 320\n",
    # The emulated IOMMU watches memory, but no interrupts.
    "/etc/modprobe.d/vfio.conf": "options vfio_iommu_type1 allow_unsafe_interrupts=1\n",
    "/etc/default/bondfwd":
        'EAL_ARGS="-l 0,1 -m 256 --no-pci --vdev net_null0,no-rx=1 --vdev net_null1,no-rx=1"\nBONDFWD_ARGS=""\n',
    CONF: """\
create bonding device active-backup 0 bond0
add bonding member net_null0 bond0
add bonding member net_null1 bond0
set profile default trusted
set lcore idle sleep
add guest vm1 socket=/run/bondfwd/guests/vm1.sock
start
""",
    "/etc/default/bondfwd-b": 'EAL_ARGS="-l 0,1 -m 256 --no-pci --vdev net_null0,no-rx=1"\nBONDFWD_ARGS=""\n',
    "/etc/bondfwd/b.conf": f"""\
create bonding device active-backup 0 bond0
add bonding member net_null0 bond0
set lcore idle sleep
add guest vm1 socket={SECOND_RUN}/guests/vm1.sock
start
""",
    # A guest's front end, with a driver, that listens as QEMU does, as QEMU's user does.
    "/etc/systemd/system/guest.service": """\
[Unit]
After=systemd-tmpfiles-setup.service
[Service]
User=qemu
UMask=0002
ExecStart=/bin/sh -c 'sleep infinity | exec dpdk-testpmd -l 0,1 --no-huge -m 64 --no-pci --file-prefix guest \
--vdev net_virtio_user0,path=/run/bondfwd/guests/vm1.sock,server=1 -- -i --total-num-mbufs=2048'
[Install]
WantedBy=multi-user.target
""",
    # Stops one thread, that of a worker, as a fault would.
    "/usr/local/sbin/hold": """\
#!/usr/bin/python3
import ctypes, os, pathlib, re, sys
libc = ctypes.CDLL(None)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
pid = int(sys.argv[1])
tid = next(int(t.name) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()
           if re.search("worker-?1$", (t / "comm").read_text().strip()))
assert libc.ptrace(0x4206, tid, None, None) == 0 and libc.ptrace(0x4207, tid, None, None) == 0
pathlib.Path("/run/held").touch()
# Until it is gone: a process whose thread's end nobody has asked for does not end.
while os.WIFSTOPPED(os.waitpid(tid, 0x40000000)[1]):
    pass
""",
}


def write(machine, path, text):
    machine.sh(f"cat >{path} <<'END_OF_FILE'\n{text}END_OF_FILE\n")


def command_of(machine, unit="bondfwd"):
    """What the process was started with."""
    return machine.sh(f"tr '\\0' ' ' </proc/{pid_of(machine, unit)}/cmdline")


def offer_less(machine):
    """In the file, not in the running switch: vm1 could not come back to that."""
    machine.sh(f"sed -i '/^add guest vm1/s/$/ mrg_rxbuf=off/' {CONF} && grep 'vm1.*mrg_rxbuf' {CONF}")


def as_user(user, command):
    return f"setpriv --reuid={user} --regid={user} --init-groups {command}"


def reaches(machine, user, path):
    """Whether a user may connect to a socket."""
    status, output = machine.run_sh(as_user(
        user, f"python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{path}\")'"))
    assert status == 0 or "PermissionError" in output, output
    return status == 0


def wait_active(machine, limit_s=300, unit="bondfwd"):
    def active():
        state = machine.show("ActiveState", unit)
        assert state != "failed", machine.sh(f"systemctl status --no-pager -l {unit}; true")
        return state == "active"
    wait_until("the service is active", limit_s, active, every_s=1)


def wait_restarted(machine):
    """By systemd, for the first time since somebody started it."""
    machine.wait("systemd has restarted it", "test \"$(systemctl show --value -p NRestarts bondfwd)\" -ge 1", START_S)
    wait_active(machine)


def wait_guest(machine, limit_s=300):
    machine.wait("the guest's driver has started",
                 "bondctl show guest vm1 | grep -E '^[0-9]+ +vm1 +up'", limit_s)


def wait_card(machine, limit_s=300):
    """Its link is up, and the bond prefers it to the others."""
    machine.wait("the card is the active member",
                 f"bondctl -j show bonding config bond0 | grep -E '\"active_member\": *\"{CARD}\"'", limit_s)


def wait_far(machine, limit_s=120):
    """Frames go out by the card and come in: an answer that nobody listens there."""
    machine.wait("the far end answers", f"python3 -c 'import socket; socket.create_connection((\"{FAR}\", 9), 5)' 2>&1 | "
                 "grep ConnectionRefused", limit_s)


def pid_of(machine, unit="bondfwd"):
    pid = int(machine.show("MainPID", unit))
    assert pid > 0
    return pid


def limits_of(machine, pid):
    """{name: (soft, hard)}."""
    lines = machine.sh(f"tail -n +2 /proc/{pid}/limits").splitlines()
    return {name: (soft, hard) for name, soft, hard, *_ in (re.split(r"\s{2,}", line) for line in lines)}


def check_confined(machine):
    """As the unit was installed."""
    pid = pid_of(machine)
    words = machine.sh(f"grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/{pid}/status").split()
    found = {name: int(value, 16) for name, value in zip(words[::2], words[1::2])}
    assert found == {"CapPrm:": CAPABILITIES, "CapEff:": CAPABILITIES, "CapBnd:": CAPABILITIES,
                     "NoNewPrivs:": 1, "Seccomp:": 2}
    limits = limits_of(machine, pid)
    assert limits["Max locked memory"] == ("unlimited", "unlimited")
    assert limits["Max open files"] == ("1048576", "1048576")
    wanted = {"DevicePolicy": "closed", "MemoryDenyWriteExecute": "yes", "DropInPaths": ""}
    assert {what: machine.show(what) for what in wanted} == wanted


def test_the_machine_is_bare(machine):
    machine.wait_booted()
    machine.sh("systemctl is-system-running --wait || true", START_S)
    assert machine.run_sh("command -v bondfwd")[0] != 0
    if os.environ.get("BONDFWD_SYSTEM_READY") != "1":
        assert "librte-" not in machine.sh("dpkg-query -W -f '${Package}\\n'")


def test_apt_installs_the_package_and_starts_nothing(machine):
    machine.sh("echo 'APT::Get::Assume-Yes true;' >/etc/apt/apt.conf.d/90yes")
    machine.sh("cd /srv\n" + package_block("install", "install"), APT_S)
    assert "librte-meta-net" in machine.sh("dpkg-query -W -f '${Package}\\n'"), "apt installs what is recommended"
    assert machine.run_sh("systemctl is-active bondfwd")[1] == "inactive"
    assert machine.run_sh("systemctl is-enabled bondfwd")[1] == "disabled"
    machine.sh("getent group bondfwd && test -d /run/bondfwd/guests")


def test_the_service_comes_up(machine):
    for path, text in FILES.items():
        write(machine, path, text)
    machine.sh(f"cp {CONF} {GOOD}; chmod 755 /usr/local/sbin/hold; sysctl -q -p /etc/sysctl.d/50-hugepages.conf; "
               "systemctl daemon-reload")
    machine.sh(package_block("install", "start"), START_S)
    wait_active(machine)
    assert machine.show("Type") == "notify" and machine.show("NRestarts") == "0"
    assert "Active Members (1): [0]" in machine.sh("bondctl show bonding config bond0")


def test_sockets_are_reached_by_their_groups_and_nobody_else(machine):
    for user, group in USERS.items():
        machine.sh(f"useradd --user-group --groups {group} {user}")
    server = f"{SOCKETS}/server.sock"
    console = "/run/bondfwd/console.sock"
    machine.sh(f"bondctl add guest server mode=server,socket={server}")
    assert machine.sh(f"stat -c '%G %a' {server} {console}").split() == ["kvm", "660", "bondfwd", "660"]
    assert [user for user in USERS if reaches(machine, user, server)] == ["qemu"]
    assert [user for user in USERS if reaches(machine, user, console)] == ["keeper"]
    machine.sh(as_user("keeper", "bondctl show version"))
    machine.sh("bondctl remove guest server")
    assert machine.run_sh(as_user("other", f"touch {SOCKETS}/of-other"))[0] != 0


def test_a_guest_of_qemus_user_is_connected(machine):
    machine.sh("apt-get install -y --no-install-recommends dpdk-dev", APT_S)
    machine.sh("systemctl enable --now guest", START_S)
    wait_guest(machine)
    assert machine.sh(f"stat -c '%U %G' {SOCKETS}/vm1.sock") == "qemu kvm"


def test_the_journal_has_events_with_their_fields(machine):
    lines = machine.wait("the event is in the journal", "journalctl -u bondfwd BONDFWD_EVENT=guest_added -o json | grep .")
    entry = json.loads(lines.splitlines()[0])
    assert entry["PRIORITY"] == "5" and entry["BONDFWD_OBJECT"] == "vm1"
    assert entry["SYSLOG_IDENTIFIER"] == "bondfwd"
    assert entry["_SYSTEMD_UNIT"] == "bondfwd.service"


def test_reload_takes_a_changed_configuration_and_refuses_a_wrong_one(machine):
    pid = pid_of(machine)
    machine.sh(f"sed -i 's|^start|add guest vm2 socket={SOCKETS}/vm2.sock\\n&|' {CONF}")
    machine.sh("systemctl reload bondfwd")
    machine.sh("bondctl show guest vm2")
    machine.sh(f"echo 'add guest vm3 mtu=9' >>{CONF}")
    assert machine.run_sh("systemctl reload bondfwd")[0] != 0
    assert machine.run_sh("bondctl show guest vm3")[0] != 0
    machine.sh("bondctl show guest vm2")
    machine.sh(f"cp {GOOD} {CONF}; systemctl reload bondfwd")
    assert machine.run_sh("bondctl show guest vm2")[0] != 0
    assert pid_of(machine) == pid and machine.show("ActiveState") == "active"


def test_a_card_on_vfio_pci_carries_frames_under_the_unit(machine):
    machine.sh(f"modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {CARD}")
    machine.sh(f"sed -i 's/--no-pci/-a {CARD}/' /etc/default/bondfwd && cp {GOOD} {CONF} && sed -i 's/^set profile/"
               f"add bonding member {CARD} bond0\\nset bonding primary {CARD} bond0\\n&/' {CONF} && cp {CONF} {GOOD}")
    machine.sh("systemctl restart bondfwd", START_S)
    wait_active(machine)
    wait_card(machine)
    check_confined(machine)
    machine.sh(f"""ip netns add far && far=$(grep -l {FAR_MAC} /sys/class/net/*/address | cut -d / -f 5) &&
        ip link set dev $far netns far && ip -n far addr add {FAR}/24 dev $far && ip -n far link set dev $far up""")
    machine.sh(f"bondctl add host host0 && ip addr add {HERE}/24 dev host0")
    wait_far(machine)
    wait_guest(machine)


def test_a_card_is_replaced_after_privileges_were_dropped(machine):
    """As docs/guides/replace-card.md says. What binds the new card waits until nobody has the old one."""
    pid = pid_of(machine)
    machine.sh("apt-get install -y --no-install-recommends driverctl", APT_S)
    machine.sh(f"bondctl set bonding drain {CARD} bond0")
    machine.wait("it is drained", f"bondctl show bonding config bond0 | grep {CARD} | grep drain")
    machine.sh(f"bondctl remove bonding member {CARD} bond0 && bondctl port detach {CARD}")
    group = machine.sh(f"basename $(readlink /sys/bus/pci/devices/{CARD}/iommu_group)")
    assert f"/dev/vfio/{group}\n" not in machine.sh(f"ls -l /proc/{pid}/fd") + "\n"
    machine.sh(f"driverctl set-override {CARD} vfio-pci")
    machine.sh(f"bondctl port attach {CARD} && bondctl add bonding member {CARD} bond0 && "
               f"bondctl set bonding primary {CARD} bond0")
    wait_card(machine)
    wait_far(machine)
    check_confined(machine)
    assert pid_of(machine) == pid
    machine.sh("bondctl remove host host0")


def test_a_second_switch_has_a_unit_a_configuration_and_sockets_of_its_own(machine):
    ctl = f"bondctl -s {SECOND_RUN}/console.sock"
    first = pid_of(machine)
    machine.sh(f"systemctl enable --now {SECOND}", START_S)
    wait_active(machine, unit=SECOND)
    pid = pid_of(machine, SECOND)
    machine.sh(f"{ctl} show version")
    assert machine.sh(f"stat -c '%G %a' {SECOND_RUN}/guests {SECOND_RUN}/console.sock").split() == [
        "kvm", "2770", "bondfwd", "660"]
    machine.sh(f"sed -i 's|^start|add guest only socket={SECOND_RUN}/guests/only.sock\\n&|' /etc/bondfwd/b.conf && "
               f"systemctl reload {SECOND}")
    machine.sh(f"{ctl} show guest only")
    assert machine.run_sh("bondctl show guest only")[0] != 0
    machine.sh("systemctl reload bondfwd")
    machine.sh(f"{ctl} show guest only")
    assert (pid_of(machine), pid_of(machine, SECOND)) == (first, pid)


def test_a_start_that_a_guest_could_not_come_back_from_is_refused_and_not_tried_again(machine):
    offer_less(machine)
    assert machine.run_sh("systemctl restart bondfwd", START_S)[0] != 0
    assert [machine.show(what) for what in ("ActiveState", "Result", "ExecMainStatus")] == ["failed", "exit-code", "2"]
    assert machine.show("NRestarts") == "0"
    assert '"vm1"' in machine.sh(f"journalctl -u bondfwd --no-pager | grep -e {FORCE}")
    machine.sh(f"test ! -e {AFTER_FAILURE} && cp {GOOD} {CONF} && systemctl start bondfwd", START_S)
    assert FORCE not in command_of(machine)
    wait_guest(machine)


def test_after_a_crash_it_comes_back_whatever_becomes_of_one_guest(machine):
    pid, second = pid_of(machine), pid_of(machine, SECOND)
    offer_less(machine)
    machine.sh(f"kill -SEGV {pid}")
    wait_restarted(machine)
    wait_card(machine)
    assert pid_of(machine) != pid and FORCE in command_of(machine)
    assert pid_of(machine, SECOND) == second and FORCE not in command_of(machine, SECOND)
    machine.sh("journalctl -u bondfwd --no-pager BONDFWD_EVENT=guest_reconnect | grep vm1")
    # By hand it is asked again: what was forced once is no habit.
    machine.sh(f"cp {GOOD} {CONF} && systemctl restart bondfwd", START_S)
    assert FORCE not in command_of(machine)
    machine.sh(f"test ! -e {AFTER_FAILURE} && systemctl restart guest", START_S)
    wait_guest(machine)


def test_systemd_restarts_a_switch_whose_worker_stands_still(machine):
    pid = pid_of(machine)
    machine.sh(f"systemd-run --unit=hold /usr/local/sbin/hold {pid}")
    machine.wait("the worker is held", "test -e /run/held")
    wait_restarted(machine)
    machine.sh("systemctl stop hold || true")
    assert pid_of(machine) != pid
    assert "watchdog" in machine.sh("journalctl -u bondfwd --no-pager | grep -i watchdog").lower()
    wait_guest(machine)


def test_it_is_up_again_after_a_reboot(machine):
    machine.reboot()
    for unit in ("bondfwd", SECOND):
        wait_active(machine, unit=unit)
    wait_card(machine)
    wait_guest(machine)


def test_an_upgrade_restarts_nothing_and_says_what_to_do(machine):
    units = ("bondfwd", SECOND)
    pids = [pid_of(machine, unit) for unit in units]
    output = machine.sh("apt-get install -y /srv/newer.deb", APT_S)
    command = f"systemctl restart bondfwd.service {SECOND}.service"
    assert command in [line.partition(": ")[2] for line in output.splitlines()]
    assert machine.sh("dpkg-query -W bondfwd").endswith("+newer")
    assert [pid_of(machine, unit) for unit in units] == pids
    assert {machine.show("NRestarts", unit) for unit in units} == {"0"}
    wait_guest(machine, 10)
    machine.sh(command, START_S)
    assert not {pid_of(machine, unit) for unit in units} & set(pids)
    wait_card(machine)
    wait_guest(machine)


def test_an_upgrade_leaves_a_stopped_service_stopped(machine):
    second = pid_of(machine, SECOND)
    machine.sh("systemctl stop bondfwd && apt-get install -y --reinstall /srv/newer.deb", APT_S)
    assert machine.run_sh("systemctl is-active bondfwd")[1] == "inactive"
    assert pid_of(machine, SECOND) == second
    machine.sh("systemctl start bondfwd", START_S)


def test_removal_stops_it_and_purging_leaves_what_the_operator_wrote(machine):
    units = f"bondfwd {SECOND}"
    machine.sh(f"systemctl is-active {units} && systemctl is-enabled {units} && apt-get remove -y bondfwd", APT_S)
    assert machine.run_sh("pgrep -x bondfwd")[0] != 0
    machine.sh("test -e /etc/default/bondfwd")
    machine.sh("apt-get purge -y bondfwd", APT_S)
    machine.sh("test ! -e /etc/default/bondfwd && test ! -e /var/lib/bondfwd")
    machine.sh("cd /etc && test -e bondfwd/bondfwd.conf && test -e bondfwd/b.conf && test -e default/bondfwd-b")
    assert "bondfwd" not in machine.sh("ls /etc/systemd/system/*.wants")  # nor would a later package start with the host
    known = machine.sh("systemctl list-units --all --plain --no-legend; systemctl list-unit-files --plain --no-legend")
    # systemd makes a slice for instances, and keeps it.
    known = [line for line in known.splitlines() if not line.startswith("system-bondfwd.slice")]
    assert [line for line in known if "bondfwd" in line] == []
