# SPDX-License-Identifier: BSD-3-Clause
"""The life of a package on a machine: installed, started, used, broken, rebooted, upgraded, removed, in this order."""

import json
import os

from guestrig.process import wait_until

# Installing takes its time where each instruction is emulated.
APT_S = 2400
START_S = 400
CONF = "/etc/bondfwd/bondfwd.conf"
GOOD = "/srv/good.conf"
AFTER_FAILURE = "/run/bondfwd/after-failure"
FORCE = "--force-reconnect"
SOCKETS = "/run/bondfwd/guests"
# Users, and the group that each is in.
USERS = {"qemu": "kvm", "keeper": "bondfwd", "other": "games"}
FILES = {
    "/etc/sysctl.d/50-hugepages.conf": "vm.nr_hugepages = 320\n",
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


def command_of(machine):
    """What the process was started with."""
    return machine.sh(f"tr '\\0' ' ' </proc/{pid_of(machine)}/cmdline")


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


def wait_active(machine, limit_s=300):
    def active():
        state = machine.show("ActiveState")
        assert state != "failed", machine.sh("systemctl status --no-pager -l bondfwd; true")
        return state == "active"
    wait_until("the service is active", limit_s, active, every_s=1)


def wait_restarted(machine):
    """By systemd, for the first time since somebody started it."""
    machine.wait("systemd has restarted it", "test \"$(systemctl show --value -p NRestarts bondfwd)\" -ge 1", START_S)
    wait_active(machine)


def wait_guest(machine, limit_s=300):
    machine.wait("the guest's driver has started",
                 "bondctl show guest vm1 | grep -E '^[0-9]+ +vm1 +up'", limit_s)


def pid_of(machine):
    pid = int(machine.show("MainPID"))
    assert pid > 0
    return pid


def test_the_machine_is_bare(machine):
    machine.wait_booted()
    machine.sh("systemctl is-system-running --wait || true", START_S)
    assert machine.run_sh("command -v bondfwd")[0] != 0
    if os.environ.get("BONDFWD_SYSTEM_READY") != "1":
        assert "librte-" not in machine.sh("dpkg-query -W -f '${Package}\\n'")


def test_apt_installs_the_package_and_starts_nothing(machine):
    machine.sh("apt-get install -y /srv/bondfwd_*.deb", APT_S)
    assert "librte-meta-net" in machine.sh("dpkg-query -W -f '${Package}\\n'"), "apt installs what is recommended"
    assert machine.run_sh("systemctl is-active bondfwd")[1] == "inactive"
    assert machine.run_sh("systemctl is-enabled bondfwd")[1] == "disabled"
    machine.sh("getent group bondfwd && test -d /run/bondfwd/guests")


def test_the_service_comes_up(machine):
    for path, text in FILES.items():
        write(machine, path, text)
    machine.sh(f"cp {CONF} {GOOD}; chmod 755 /usr/local/sbin/hold; sysctl -q -p /etc/sysctl.d/50-hugepages.conf; "
               "systemctl daemon-reload")
    machine.sh("systemctl enable --now bondfwd", START_S)
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


def test_a_start_that_a_guest_could_not_come_back_from_is_refused_and_not_tried_again(machine):
    offer_less(machine)
    assert machine.run_sh("systemctl restart bondfwd", START_S)[0] != 0
    assert [machine.show(what) for what in ("ActiveState", "Result", "ExecMainStatus")] == ["failed", "exit-code", "2"]
    assert machine.show("NRestarts") == "0"
    assert '"vm1"' in machine.sh(f"journalctl -u bondfwd -n 20 --no-pager | grep -e {FORCE}")
    machine.sh(f"test ! -e {AFTER_FAILURE} && cp {GOOD} {CONF} && systemctl start bondfwd", START_S)
    assert FORCE not in command_of(machine)
    wait_guest(machine)


def test_after_a_crash_it_comes_back_whatever_becomes_of_one_guest(machine):
    pid = pid_of(machine)
    offer_less(machine)
    machine.sh(f"kill -SEGV {pid}")
    wait_restarted(machine)
    assert pid_of(machine) != pid and FORCE in command_of(machine)
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
    wait_active(machine)
    wait_guest(machine)


def test_an_upgrade_restarts_nothing_and_says_what_to_do(machine):
    pid = pid_of(machine)
    output = machine.sh("apt-get install -y /srv/newer.deb", APT_S)
    assert "systemctl restart bondfwd.service" in output
    assert machine.sh("dpkg-query -W bondfwd").endswith("+newer")
    assert pid_of(machine) == pid and machine.show("NRestarts") == "0"
    wait_guest(machine, 10)
    machine.sh("systemctl restart bondfwd", START_S)
    assert pid_of(machine) != pid
    wait_guest(machine)


def test_an_upgrade_leaves_a_stopped_service_stopped(machine):
    machine.sh("systemctl stop bondfwd && apt-get install -y --reinstall /srv/newer.deb", APT_S)
    assert machine.run_sh("systemctl is-active bondfwd")[1] == "inactive"
    machine.sh("systemctl start bondfwd", START_S)


def test_removal_stops_it_and_purging_leaves_what_the_operator_wrote(machine):
    machine.sh("apt-get remove -y bondfwd", APT_S)
    assert machine.run_sh("pgrep -x bondfwd")[0] != 0
    machine.sh("test -e /etc/default/bondfwd")
    machine.sh("apt-get purge -y bondfwd", APT_S)
    machine.sh("test ! -e /etc/default/bondfwd && test ! -e /var/lib/bondfwd && test -e /etc/bondfwd/bondfwd.conf")
    assert "bondfwd" not in machine.sh("systemctl list-units --all --plain --no-legend; "
                                       "systemctl list-unit-files --plain --no-legend")
