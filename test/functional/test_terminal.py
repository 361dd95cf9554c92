# SPDX-License-Identifier: BSD-3-Clause
"""The console, watch, monitor and top on terminals of 80x24 and 200x50, by tmux."""

import json
import os
import pathlib
import pty
import re
import signal
import socket
import stat
import threading

import pytest

import bf
from bf import FAR_MAC, guest_mac, wait_for
from terminal import Terminal

SIZES = [(80, 24), (200, 50)]


@pytest.fixture
def term(workdir):
    """Terminals that end with the test: term(command, columns, rows)."""
    made = []

    def make(command, columns=80, rows=24, **more):
        made.append(Terminal(workdir, command, columns, rows, **more))
        return made[-1]
    yield make
    for terminal in made:
        terminal.close()


def bondctl(r, *words):
    return [bf.BONDCTL, "-s", r.daemon.console, *words]


def last_lines(screen, n):
    return screen.rstrip("\n").split("\n")[-n:]


@pytest.mark.parametrize("columns, rows", SIZES)
def test_the_console_completes_explains_pages_and_fits_the_screen(rig, term, columns, rows):
    r = rig()
    t = term(bondctl(r), columns, rows)
    t.shows("bondfwd>")
    t.type("set guest vm1 qu")
    t.keys("Tab")
    t.shows("vm1 queues=")
    t.keys("C-u")
    t.type("create exporter e1 coll")
    t.keys("Tab")
    t.shows("e1 collector=")
    t.keys("C-u")
    t.type("set guest vm1 mtu=?")
    t.shows("<68 to 9216>  largest packet")
    t.keys("C-u")
    t.type("show ver")
    t.keys("Tab")
    t.shows("show version")
    t.keys("Enter")
    t.shows("DPDK")
    t.enter("show keys")
    screen = t.shows("-- more, ")
    assert len(screen.rstrip("\n").split("\n")) == rows
    t.type("/switch_lacp_or_none")
    t.keys("Enter")
    t.shows("not found")
    t.type("q")
    t.wait(lambda s: last_lines(s, 1)[0].startswith("bondfwd>"), "the prompt")
    t.keys("C-r")
    t.type("vers")
    t.shows("(search) vers: show version")
    t.keys("C-c")
    t.keys("C-l")
    t.wait(lambda s: s.strip() == "bondfwd>", "a clear screen")


def test_watch_on_the_console_redraws_in_place_and_leaves_the_screen_as_it_was(rig, term):
    r = rig()
    r.learn_all()
    t = term(bondctl(r))
    t.enter("show version")
    t.shows("DPDK")
    t.enter("watch 1 show fwd stats all")
    t.shows("Every 1 s: show fwd stats all; q ends")
    r.transfer(r.far[0], r.vm(1), 1, 300, src=FAR_MAC, dst=guest_mac(1))
    t.shows("TX-packets: 30")
    t.type("q")
    t.wait(lambda s: "DPDK" in s and "Every" not in s, "the former screen")
    t.enter("watch add guest vm9")
    t.shows('watch: "add": expected show, diff or help')
    t.enter("exit")
    t.shows("[ended 0]")


def test_the_history_is_kept_in_a_file_for_its_owner_only(rig, term, workdir):
    r = rig()
    t = term(bondctl(r))
    t.enter("show version")
    t.shows("DPDK")
    t.enter("quit")
    t.shows("[ended 0]")
    path = pathlib.Path(workdir) / ".bondfwd_history"
    assert path.read_text(encoding="ascii") == "show version\nquit\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # More than is read: the end of it counts.
    path.write_text(("#" * 999 + "\n") * 5000 + "".join(f"show old {i}\n" for i in range(900)),
                    encoding="ascii")
    again = term(bondctl(r))
    again.shows("bondfwd>")
    # The lines are sent behind the first prompt.
    again.wait(lambda s: (again.keys("C-u", "Up"), "show old 899" in s)[1], "the newest line")
    again.keys("C-u")
    again.enter("exit")
    again.shows("[ended 0]")
    lines = path.read_text(encoding="ascii").splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("show old 400", "exit", 501)


def test_the_consoles_own_terminal_shows_log_lines_above_the_typed_one_and_asks(rig, term, workdir):
    """bondfwd -i: its log is on the same terminal."""
    r = rig()
    console = f"{workdir}/own.sock"
    t = term([bf.BONDFWD, "--lcores", bf.lcores(1), "--main-lcore", "0", "--no-huge", "-m", "64",
              "--no-pci", "--no-telemetry", "--file-prefix", r.daemon.prefix + "own", "--",
              "-i", "--console", console])
    try:
        t.shows("bondfwd>")
        t.type("show ver")
        t.wait(lambda s: last_lines(s, 1)[0] == "bondfwd> show ver", "the typed line")
        assert bf.subprocess.run([bf.BONDCTL, "-s", console, "set", "log", "level", "debug"],
                                 check=False).returncode == 0
        screen = t.shows("config_changed")
        assert last_lines(screen, 1)[0] == "bondfwd> show ver"
        assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} NOTICE: config_changed: ", screen, re.MULTILINE)
        t.type("sion")
        t.keys("Enter")
        t.shows("DPDK")
        t.keys("C-d")
        t.shows("Stop the switch? [y/N]")
        t.keys("Enter")
        t.wait(lambda s: last_lines(s, 1)[0] == "bondfwd>", "the prompt")
        t.keys("C-d")
        t.type("y")
        t.shows("[ended 0]")
    finally:
        t.close()
        bf.shutil.rmtree(f"/var/run/dpdk/{r.daemon.prefix}own", ignore_errors=True)


@pytest.fixture
def on_pty(rig, workdir):
    """bondfwd -i on a terminal of ours, at its prompt: (process, our end)."""
    prefix = rig().daemon.prefix + "own"
    ours, theirs = pty.openpty()
    proc = bf.subprocess.Popen(
        [bf.BONDFWD, "--lcores", bf.lcores(1), "--main-lcore", "0", "--no-huge", "-m", "64",
         "--no-pci", "--no-telemetry", "--file-prefix", prefix, "--", "-i", "--console",
         f"{workdir}/own.sock"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = b""
    try:
        while b"bondfwd> " not in seen:
            assert bf.select.select([ours], [], [], bf.LIMIT)[0], seen
            seen += os.read(ours, 4096)
        yield proc, os.fdopen(ours, "r+b", buffering=0)
    finally:
        proc.kill()
        proc.wait()
        bf.shutil.rmtree(f"/var/run/dpdk/{prefix}", ignore_errors=True)


@pytest.mark.parametrize("typed", [b"show ver", b"watch 1 show version\n"])
def test_a_switch_whose_own_terminal_hangs_up_ends(on_pty, typed):
    """Nobody can answer there whether it is to stop, and nobody knows of it any more."""
    proc, terminal = on_pty
    terminal.write(typed)
    terminal.close()
    assert proc.wait(bf.LIMIT) == 0


def test_what_a_switch_says_before_it_aborts_reaches_its_terminal(on_pty):
    proc, terminal = on_pty
    proc.send_signal(signal.SIGSTOP)
    with open(f"/proc/{proc.pid}/fd/2", "wb", buffering=0) as its_stderr:
        its_stderr.write(b"last words\n")
    proc.send_signal(signal.SIGABRT)
    proc.send_signal(signal.SIGCONT)
    assert proc.wait(bf.LIMIT) == -signal.SIGABRT
    assert b"last words" in terminal.read(4096)
    terminal.close()


def test_events_are_shown_on_the_console_until_a_key(rig, term):
    r = rig()
    t = term(bondctl(r))
    t.enter("monitor notice config_*")
    t.shows("Events, until a key is pressed:")

    def happens(screen):
        r.daemon.ctl("set log level notice")
        return "notice config_changed config: set log level notice" in screen
    t.wait(happens, "an event")
    t.type("x")
    t.enter("monitor Loud!")
    t.shows('monitor: "Loud!": expected error, warning, notice')


@pytest.mark.parametrize("columns, rows", SIZES)
def test_top_shows_all_panes_and_looks_into_a_port(rig, term, columns, rows):
    r = rig()
    r.learn_all()
    t = term(bondctl(r, "top"), columns, rows)
    screen = t.shows("q ends")
    lines = screen.rstrip("\n").split("\n")
    assert len(lines) == rows and lines[-1].startswith("q ends")
    assert re.match(r"bondfwd \S+ +up 0d \d\d:\d\d:\d\d +health: \w+", lines[0])
    assert lines[1].startswith("bond0 active-backup up 1/2: rx ")
    for words in ("MEMBER", "net_vhost0", "carries", "GUEST+", "vm2", "LCORE", "REASON", "KIND"):
        assert words in screen
    t.keys("Down", "Enter")
    t.shows("NIC statistics for port 101")
    t.type("q")
    t.shows("MEMBER")
    t.type("s")
    t.shows("BOND+")
    t.type("r")
    t.shows("BOND-")
    t.type("5z")
    t.wait(lambda s: "MEMBER" not in s and "guest_added" in s, "one pane")
    t.type("z")
    t.resize(90, 30)
    t.wait(lambda s: len(s.split("\n")) > 30 and s.split("\n")[29].startswith("q ends"), "30 rows")
    t.type("h")
    t.shows("look into a member or a guest")
    t.type("qq")
    t.shows("[ended 0]")


def test_bondctls_watch_ends_with_a_key_and_on_a_pipe_after_n_times(rig, term):
    r = rig()
    t = term(bondctl(r, "watch", "1", "show", "version"))
    t.shows("Every 1 s: show version; a key ends")
    t.shows("DPDK")
    t.type("x")
    t.shows("[ended 0]")
    once = r.daemon.ctl("show version")
    assert r.daemon.ctl("watch -n 2 1 show version") == 2 * once
    for words, said in (("watch show version", "expected a terminal, or -n TIMES"),
                        ("watch -n 2 quit", "expected [-n TIMES] [SECONDS] and show"),
                        ("watch -n 0 show drops", "expected 1 to 1000000"),
                        ("top", "expected a terminal, or -1"),
                        ("top -d 99", "expected 1 to 60"),
                        ("set paging off", "expected a terminal"),
                        ("top nonsense", "expected -1 or -d SECONDS")):
        done = r.daemon.run_ctl(words)
        assert done.returncode == 2 and said in done.stderr, (words, done)


def test_top_once_is_text_of_all_rows(rig):
    r = rig()
    r.learn_all()
    text = r.daemon.ctl("top --once")
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[0] for line in lines if line.isupper() or "MEMBER" in line][:1] == ["MEMBER"]
    events = r.daemon.ctl("show events", json=True)
    assert sum(e["what"][:16] in text for e in events) == len(events)
    assert r.daemon.ctl("show events after 2", json=True)[0]["seq"] == 3
    assert r.daemon.run_ctl("show events after x").returncode == 2


class Following:
    """bondctl monitor on a pipe."""

    def __init__(self, r, *words, json=False):
        words = bondctl(r, *(["-j"] if json else []), "monitor", *words)
        self.proc = bf.subprocess.Popen([str(w) for w in words], stdin=bf.subprocess.DEVNULL,
                                        stdout=bf.subprocess.PIPE, text=True)

    def line(self, r):
        """The first line; something happens until there is one."""
        def happens():
            r.daemon.ctl("set log level notice")
            return bf.select.select([self.proc.stdout], [], [], 0.1)[0]
        wait_for(happens, what="a line")
        return self.proc.stdout.readline()

    def end(self):
        self.proc.terminate()
        self.proc.wait(bf.LIMIT)
        self.proc.stdout.close()


def test_events_on_a_pipe_are_lines_or_json(rig):
    r = rig()
    for json in (False, True):
        following = Following(r, "notice", "config_changed", json=json)
        try:
            line = following.line(r)
        finally:
            following.end()
        if json:
            event = bf.parse_json(line)
            assert (event["what"], event["level"], event["object"]) == ("config_changed", "notice", "config")
        else:
            assert re.match(r"\d\d:\d\d:\d\d\.\d{3} notice config_changed config: set log level", line)
    assert r.daemon.run_ctl("monitor Bad.Word").returncode == 2


def test_a_program_runs_for_each_event_one_after_the_other(rig, workdir):
    r = rig()
    seen, program = pathlib.Path(workdir) / "seen", pathlib.Path(workdir) / "program"
    program.write_text(f'#!/bin/sh\n[ ! -e {workdir}/busy ] || echo overlap >>{seen}\n: >{workdir}/busy\n'
                       'echo "$BONDFWD_EVENT_SEQ $BONDFWD_EVENT_LEVEL $BONDFWD_EVENT_WHAT '
                       f'$BONDFWD_EVENT_OBJECT $BONDFWD_EVENT_TEXT" >>{seen}\nrm {workdir}/busy\n',
                       encoding="ascii")
    program.chmod(0o755)
    following = Following(r, "--exec", str(program), "config_*")

    def enough():
        r.daemon.ctl("set log level notice")
        return seen.exists() and len(seen.read_text(encoding="ascii").splitlines()) >= 3
    try:
        wait_for(enough, what="three runs")
    finally:
        following.end()
    lines = seen.read_text(encoding="ascii").splitlines()
    numbers = [int(line.split()[0]) for line in lines if line != "overlap"]
    assert "overlap" not in lines and numbers == sorted(set(numbers))
    assert lines[0].split(" ", 1)[1].startswith("notice config_changed config set log level notice")


class Answers(threading.Thread):
    """A daemon that knows events only: a journal that may be exchanged, as by a restart."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen()
        self.refuses, self.n_asked, self.journal = False, 0, []

    def answer(self, line):
        if self.refuses:
            return "1", "console: too many clients (64)\n"
        after = int(line.split()[-1])
        return "0", json.dumps([e for e in self.journal if e["seq"] > after])

    def run(self):
        while True:
            client = self.listening.accept()[0]
            with client, client.makefile("rwb") as file:
                file.readline()
                status, text = self.answer(file.readline().decode())
                file.write(f"{status} {len(text)}\n{text}".encode())
                file.flush()
            self.n_asked += 1

    def asked(self):
        n = self.n_asked
        wait_for(lambda: self.n_asked >= n + 2, what="two looks")


def test_a_monitor_outlives_a_quick_restart_and_a_refusal_and_repeats_nothing(workdir):
    def event(seq, time_ms, text):
        return {"seq": seq, "time_ms": time_ms, "level": "notice", "what": "x", "object": "o", "text": text}
    path = pathlib.Path(workdir) / "answers.sock"
    answers = Answers(path)
    answers.journal = [event(i, 1000 + i, "old") for i in range(1, 6)]
    answers.start()
    proc = bf.subprocess.Popen([bf.BONDCTL, "-s", path, "monitor"], stdin=bf.subprocess.DEVNULL,
                               stdout=bf.subprocess.PIPE, stderr=bf.subprocess.PIPE, text=True)
    try:
        answers.asked()
        answers.refuses = True
        answers.asked()
        answers.refuses = False
        answers.journal.append(event(6, 1006, "same"))
        assert proc.stdout.readline().endswith(" o: same\n")
        answers.journal = [event(1, 2001, "new")]
        assert proc.stdout.readline().endswith(" o: new\n")
        answers.asked()
    finally:
        proc.terminate()
        out, err = proc.communicate(timeout=bf.LIMIT)
    assert out == "" and err.count("\n") == 1 and "too many clients" in err


def test_the_screen_comes_back_when_the_daemon_dies_in_a_watch(workdir, term):
    path = pathlib.Path(workdir) / "dies.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(bf.LIMIT)
        t = term([bf.BONDCTL, "-s", path])
        with listening.accept()[0] as client:
            client.sendall(b"bondfwd> watch\r\n")
            t.shows("bondfwd> watch")
            client.sendall(b"\033[?1049h\033[HEvery 2 s")
            t.wait(lambda s: "Every" in s and "bondfwd>" not in s, "the other screen")
        t.wait(lambda s: "bondfwd> watch" in s and "[ended 0]" in s, "the former screen")


def test_without_a_known_terminal_top_says_so(rig, term):
    r = rig()
    t = term(["env", "TERM=nonsense", *bondctl(r, "top")])
    t.shows('top: TERM "nonsense": expected a known terminal, or -1')
    t.shows("[ended 1]")
