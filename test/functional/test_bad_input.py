# SPDX-License-Identifier: BSD-3-Clause
"""Bad input: one line that names the text and the range, the right exit status, nothing left."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

import bf

USAGE, RUNTIME = 2, 1
# Refused with either status, but only once devices are looked at.
NEEDS_DEVICES = (USAGE, RUNTIME)
VDEVS = ["--vdev", "net_vhost0,iface={dir}/far0.sock,queues=1,client=1",
         "--vdev", "net_vhost1,iface={dir}/far1.sock,queues=1,client=1"]
BOND = ["--bond", "name=bond0,mode=active-backup,member=net_vhost0,member=net_vhost1"]
GUEST = ["--guest", "name=vm1,socket={dir}/vm1.sock"]
LONG = "x" * 108


def bond(pairs):
    return ["--bond", "name=bond0,member=net_vhost0,member=net_vhost1," + pairs]


def guest(pairs):
    return BOND + ["--guest", "name=vm1,socket={dir}/vm1.sock," + pairs]


# name: (options behind "--", exit status, words that the error line must hold)
OPTIONS = {
    "host port without version_1": (BOND + ["--host", "name=h0,features=0x8000"], USAGE, ["features", '"0x8000"', "0x100008000"]),
    "host port without mrg_rxbuf": (BOND + ["--host", "name=h0,mrg_rxbuf=off"], USAGE, ["mrg_rxbuf", '"off"', "expected on"]),
    "unknown option": (BOND + ["--frobnicate"], USAGE, ["frobnicate"]),
    "stray word": (BOND + ["frobnicate"], USAGE, ["frobnicate"]),
    "option without value": (BOND + ["--console"], USAGE, ["--console"]),
    "second bond of the name": (BOND + ["--bond", "member=net_vhost1"], USAGE, ["bond0", "already in use"]),
    "member of two bonds": (BOND + ["--bond", "name=bond1,member=net_vhost0"], USAGE,
                            ["net_vhost0", "is a member of bond0 already"]),
    "unknown mode": (bond("mode=turbo"), USAGE, ["mode", "turbo", "active-backup", "802.3ad"]),
    "mode number out of range": (bond("mode=7"), USAGE, ["mode", "7", "balance-rr"]),
    "unknown bond key": (bond("color=red"), USAGE, ["color"]),
    "unknown guest key": (guest("color=red"), USAGE, ["color"]),
    "key without value": (bond("mtu="), USAGE, ["mtu"]),
    "empty key": (bond("=5"), USAGE, ["bond"]),
    "empty member": (["--bond", "name=bond0,member="], USAGE, ["member"]),
    "member named twice": (["--bond", "name=bond0,member=net_vhost0,member=net_vhost0"], USAGE,
                           ["net_vhost0", "twice"]),
    "primary that is no member": (bond("primary=net_vhost7"), USAGE, ["primary", "net_vhost7"]),
    "bond mtu too small": (bond("mtu=67"), USAGE, ["mtu", "67", "68", "9216"]),
    "bond mtu too large": (bond("mtu=9217"), USAGE, ["mtu", "9217", "68", "9216"]),
    "bond mtu no number": (bond("mtu=big"), USAGE, ["mtu", "big", "68", "9216"]),
    "bond mtu with trailing text": (bond("mtu=1500x"), USAGE, ["mtu", "1500x"]),
    "bond mtu negative": (bond("mtu=-1"), USAGE, ["mtu", "-1"]),
    "option of Linux that has no meaning here": (
        bond("fail_over_mac=active"), USAGE, ["fail_over_mac", "Linux bonding", "does not have"]),
    "runner of teamd that has no meaning here": (
        bond("mode=random"), USAGE, ["random", "teamd", "balance-rr"]),
    "bond mtu huge": (bond("mtu=99999999999999999999"), USAGE, ["mtu", "99999999999999999999"]),
    "guest mtu too small": (guest("mtu=67"), USAGE, ["mtu", "67", "68", "9216"]),
    "guest mtu too large": (guest("mtu=9217"), USAGE, ["mtu", "9217", "68", "9216"]),
    "guest mode": (guest("mode=sideways"), USAGE, ["mode", "sideways", "client", "server"]),
    "no queues": (guest("queues=0"), USAGE, ["queues", "0", "1", "8"]),
    "too many queues": (guest("queues=9"), USAGE, ["queues", "9", "1", "8"]),
    "guest without name": (BOND + ["--guest", "socket={dir}/vm1.sock"], USAGE, ["name"]),
    "guest without socket": (BOND + ["--guest", "name=vm1"], USAGE, ["vm1", "socket"]),
    "guest named twice": (BOND + GUEST + ["--guest", "name=vm1,socket={dir}/b.sock"], USAGE,
                          ["vm1"]),
    "guest socket used twice": (BOND + GUEST + ["--guest", "name=vm2,socket={dir}/vm1.sock"],
                                USAGE, ["vm1.sock", "vm1"]),
    "guest named like the bond": (BOND + ["--guest", "name=bond0,socket={dir}/b.sock"], USAGE,
                                  ["bond0"]),
    "guest name with a blank": (BOND + ["--guest", "name=a b,socket={dir}/b.sock"], USAGE,
                                ["a b"]),
    "guest socket path too long": (BOND + ["--guest", "name=vm1,socket={dir}/" + LONG], USAGE,
                                   ["socket", "107"]),
    "guest socket path relative": (BOND + ["--guest", "name=vm1,socket=vm1.sock"], USAGE,
                                   ["vm1.sock", "absolute"]),
    "console path too long": (BOND + ["--console", "{dir}/" + LONG], USAGE, ["console", "107"]),
    "config file missing": (["--config", "{dir}/nosuch.conf"], USAGE, ["nosuch.conf"]),
    "config and control bytes": (bond("mode=\x1b[31m"), USAGE, ["mode"]),
    # These need the devices to be looked at.
    "server socket in a missing directory": (
        BOND + ["--guest", "name=vm1,mode=server,socket={dir}/no/such/vm1.sock"], RUNTIME,
        ["vm1.sock"]),
    "server socket below a file": (
        BOND + ["--guest", "name=vm1,mode=server,socket={dir}/file/vm1.sock"], RUNTIME,
        ["vm1.sock"]),
    "server socket path is a file": (
        BOND + ["--guest", "name=vm1,mode=server,socket={dir}/file"], RUNTIME, ["{dir}/file"]),
    "server socket of a live process": (
        BOND + ["--guest", "name=vm1,mode=server,socket={dir}/live.sock"], RUNTIME,
        ["live.sock", "use"]),
    "console socket of a live process": (BOND + ["--console", "{dir}/live.sock"], RUNTIME,
                                         ["live.sock", "another"]),
    "console path is a file": (BOND + ["--console", "{dir}/file"], RUNTIME, ["{dir}/file"]),
    "console below a file": (BOND + ["--console", "{dir}/file/c.sock"], RUNTIME, ["c.sock"]),
}


def run(workdir, options, n_workers=1, eal=None, vdevs=True, wrapper=()):
    def fill(words):
        return [w.replace("{dir}", str(workdir)) for w in words]
    eal = ["--no-huge", "-m", "512"] if eal is None else eal
    prefix = f"bfbad-{os.getpid()}"
    cmd = [*wrapper, str(bf.BONDFWD), "--lcores", bf.lcores(n_workers), "--main-lcore", "0", *eal, "--no-pci",
           "--no-telemetry", "--no-shconf" if "--no-huge" in eal else "-v", "--file-prefix", prefix,
           *(fill(VDEVS) if vdevs else []), "--", *fill(options)]
    if "--console" not in options:
        cmd += ["--console", f"{workdir}/console.sock"]
    return subprocess.run(cmd, capture_output=True, text=True, timeout=bf.LIMIT,
                          stdin=subprocess.DEVNULL, check=False, env=bf.clean_env())


def our_lines(text):
    """What the program itself says, without the libraries' lines."""
    libraries = re.compile(r"^(EAL|VHOST_CONFIG|TELEMETRY|bond|vhost|eth_|rte_|PMD|[a-z0-9_]+\(\))"
                           r"\b.*:|^$")
    return [line for line in text.splitlines() if not libraries.search(line)]


def assert_one_line_names(done, status, words):
    allowed = status if isinstance(status, tuple) else (status,)
    assert done.returncode in allowed, (done.returncode, done.stderr)
    errors = [line for line in our_lines(done.stderr) if re.match(r"^(ERR|bondfwd)\b", line)]
    errors = errors or our_lines(done.stderr)
    assert len(errors) == 1, done.stderr
    assert all(w in errors[0] for w in words), (words, errors[0])
    assert errors[0].isprintable()


@pytest.fixture
def traps(workdir):
    """A live socket and a plain file to stumble over; checks that both survive alone."""
    live = socket.socket(socket.AF_UNIX)
    live.bind(f"{workdir}/live.sock")
    live.listen()
    (pathlib.Path(workdir) / "file").write_text("precious\n")
    yield workdir
    assert sorted(os.listdir(workdir)) == ["file", "live.sock"]
    assert (pathlib.Path(workdir) / "file").read_text() == "precious\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{workdir}/live.sock")
    live.close()


@pytest.mark.parametrize("case", OPTIONS)
def test_bad_option_is_refused_in_one_line(traps, case):
    options, status, words = OPTIONS[case]
    done = run(traps, options)
    assert_one_line_names(done, status, [w.replace("{dir}", str(traps)) for w in words])


@pytest.mark.parametrize("case", [c for c in OPTIONS if OPTIONS[c][1] == USAGE])
def test_check_finds_the_same_fault_without_touching_a_device(traps, case):
    options, _, words = OPTIONS[case]
    done = run(traps, ["--check", *options], vdevs=False)
    assert done.returncode == 2, done.stderr
    assert all(w in done.stderr + done.stdout for w in words)


def test_check_shows_every_error(workdir):
    config = pathlib.Path(workdir) / "bad.conf"
    config.write_text("set fdb aging -5\nadd guest vm1 sockett=/x\nset fdb agign 5\n")
    done = run(workdir, ["--check", "--config", str(config), "--bond", "mode=1,min_links=1"],
               vdevs=False)
    assert done.returncode == USAGE
    for line, word in (("1", "-5"), ("2", "did you mean socket?"), ("3", "did you mean aging?")):
        assert re.search(f"bad.conf:{line}: .*{re.escape(word)}", done.stderr), done.stderr
    assert "warning: min_links=1: has no effect in mode active-backup" in done.stderr
    done = run(workdir, ["--check", "--bond", "mtu=5", "--guest", "name=x,socket=y"], vdevs=False)
    assert done.returncode == USAGE and "mtu" in done.stderr and "absolute" in done.stderr


def plain(*words):
    return subprocess.run([str(bf.BONDFWD), *words], capture_output=True, text=True, check=False,
                          timeout=bf.LIMIT, stdin=subprocess.DEVNULL, env=bf.clean_env())


def test_a_forgotten_separator_is_said_in_one_line():
    done = plain("-l", "0,1", "--bond", "name=bond0,member=net_vhost0")
    assert done.returncode == USAGE and len(done.stderr.splitlines()) == 1
    assert "--bond" in done.stderr and "expected --" in done.stderr


def test_a_start_without_anything_to_do_is_refused():
    for words in ([], ["-l", "0,1", "--no-huge"], ["--no-huge", "--", "--fdb-size", "100"]):
        done = plain(*words)
        assert done.returncode == USAGE and "nothing to do" in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1


# name: (lines, number of the bad line, words)
CONFIGS = {
    "unknown command": (["frobnicate all"], 1, ["frobnicate"]),
    "bad value behind good lines": (
        ["# a comment", "", "create bonding device active-backup 0 bond0",
         "add bonding member net_vhost0 bond0", "set bonding option bond0 mtu=9217"], 5,
        ["mtu", "9217", "68", "9216"]),
    "unknown guest key": (["create bonding device active-backup 0 bond0",
                           "add guest vm1 socket={dir}/vm1.sock,color=red"], 2, ["color"]),
    "missing argument": (["set fdb aging"], 1, ["set fdb aging"]),
    "number out of range": (["set fdb aging -5"], 1, ["-5"]),
    "show is no configuration": (["show port stats all"], 1, ["show"]),
    "unfinished quote": (['add guest "vm1 socket={dir}/vm1.sock'], 1, []),
    "member twice": (["create bonding device active-backup 0 bond0",
                      "add bonding member net_vhost0 bond0",
                      "add bonding member net_vhost0 bond0"], 3, ["net_vhost0"]),
}


@pytest.mark.parametrize("check", [[], ["--check"]], ids=["start", "check"])
@pytest.mark.parametrize("case", CONFIGS)
def test_config_with_a_broken_line_is_refused_with_file_and_line(workdir, case, check):
    lines, line_no, words = CONFIGS[case]
    config = pathlib.Path(workdir) / "bad.conf"
    config.write_text("\n".join(lines).replace("{dir}", str(workdir)) + "\n")
    done = run(workdir, ["--config", str(config), *check])
    assert_one_line_names(done, USAGE, [f"{config}:{line_no}:", *words])
    assert os.listdir(workdir) == ["bad.conf"]


@pytest.mark.parametrize("content, words", [
    (b"start\0stop\n", ["bad.conf"]), (b"#" * (2 << 20), ["bad.conf"]),
    (b"set fdb aging " + b"1" * 5000 + b"\n", ["bad.conf:1"])], ids=["nul", "huge", "long line"])
def test_config_that_is_no_text_is_refused(workdir, content, words):
    config = pathlib.Path(workdir) / "bad.conf"
    config.write_bytes(content)
    assert_one_line_names(run(workdir, ["--config", str(config)]), USAGE, words)


def test_no_worker_lcore_is_refused(workdir):
    assert_one_line_names(run(workdir, BOND, n_workers=0), USAGE, ["lcore"])
    assert os.listdir(workdir) == []


# A machine that has hugepages mounts them nowhere, for this process.
WITHOUT_HUGEPAGES = ["unshare", "--mount", "sh", "-c",
                     'while umount -a -t hugetlbfs && grep -q " hugetlbfs " /proc/mounts; do :; done; exec "$@"', "sh"]


def test_no_hugepages_is_said_in_words(workdir):
    is_mounted = " hugetlbfs " in pathlib.Path("/proc/mounts").read_text()
    done = run(workdir, BOND, eal=[], wrapper=WITHOUT_HUGEPAGES if is_mounted else ())
    assert done.returncode == RUNTIME, done.stderr
    assert "no hugepages" in " ".join(our_lines(done.stderr))
    assert os.listdir(workdir) == []


def test_bad_eal_option_is_bad_usage(workdir):
    done = run(workdir, BOND, eal=["--no-huge", "-m", "512", "--nonsense"])
    assert done.returncode == USAGE and "--nonsense" in done.stderr


def test_a_member_with_too_few_queues_is_named(workdir):
    assert_one_line_names(run(workdir, BOND, n_workers=2), NEEDS_DEVICES, ["net_vhost0", "2"])


def test_a_member_whose_driver_cannot_carry_the_mtu_is_named(workdir):
    done = run(workdir, ["--bond", "name=bond0,mtu=9000,member=net_memif0"],
               eal=["--no-huge", "-m", "512", "--vdev",
                    f"net_memif0,role=server,socket={workdir}/memif.sock,socket-abstract=no"])
    assert_one_line_names(done, NEEDS_DEVICES, ["net_memif0", "9000"])


def test_a_stale_socket_is_replaced(workdir, rig):
    for name in ("vm1.sock", "console.sock"):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(f"{workdir}/{name}")
    r = rig(guests=("vm1",), guest_opts={"vm1": "mode=server"})
    assert r.vm(1).is_up()


def test_two_daemons_do_not_share_a_console(workdir, rig):
    r = rig(guests=())
    done = run(workdir, BOND + ["--console", str(r.daemon.console)])
    assert_one_line_names(done, RUNTIME, ["console.sock", "another"])
    r.daemon.ctl("show port summary all")


@pytest.mark.parametrize("command, words", [
    ("frobnicate", ["frobnicate"]),
    ("show port stats 99", ["99"]),
    ("show port stats nobody", ["nobody"]),
    ("port config mtu bond0 67", ["67", "68", "9216"]),
    ("port config mtu bond0 9217", ["9217", "68", "9216"]),
    ("port config mtu nobody 1500", ["nobody"]),
    ("add bonding member net_vhost0 bond0", ["net_vhost0"]),
    ("add bonding member net_nosuch5 bond0", ["net_nosuch5"]),
    ("remove bonding member net_nosuch5 bond0", ["net_nosuch5"]),
    ("set bonding mode 9 bond0", ["9"]),
    ("set bonding mode turbo bond0", ["turbo"]),
    ("set bonding primary net_nosuch5 bond0", ["net_nosuch5"]),
    ("set fdb aging never", ["never"]),
    ("load {dir}/nosuch.conf", ["nosuch.conf"]),
    ("write {dir}/no/such.conf", ["such.conf"]),
    ("add guest vm1 socket={dir}/" + LONG, ["socket"]),
])
def test_a_bad_console_command_is_refused_in_one_line_and_changes_nothing(rig, command, words):
    r = rig(guests=(), far_peers=False)
    before = r.daemon.ctl("show running-config")
    done = r.daemon.run_ctl(command.format(dir=r.workdir))
    text = (done.stdout + done.stderr).strip()
    assert done.returncode in (USAGE, RUNTIME)
    assert len(text.splitlines()) == 1 and all(w in text for w in words), text
    as_json = r.daemon.run_ctl(command.format(dir=r.workdir), json_out=True)
    assert as_json.returncode == done.returncode
    assert "error" in bf.parse_json(as_json.stdout or as_json.stderr)
    assert r.daemon.ctl("show running-config") == before


def test_bondctl_without_a_daemon_says_so(workdir):
    done = subprocess.run([str(bf.BONDCTL), "-s", f"{workdir}/none.sock", "show", "fdb"],
                          capture_output=True, text=True, timeout=bf.LIMIT, check=False)
    assert done.returncode == RUNTIME
    assert "none.sock" in done.stderr and len(done.stderr.strip().splitlines()) == 1
