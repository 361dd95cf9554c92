# SPDX-License-Identifier: BSD-3-Clause
"""`bondctl metrics --output FILE`: a reader finds the old metrics or the new ones, never half of them."""

import os
import pathlib
import resource
import signal
import stat
import subprocess
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

import bf


@pytest.fixture
def daemon(rig):
    return rig(guests=("vm1",), far_peers=False).daemon


@pytest.fixture
def folder(workdir):
    path = pathlib.Path(workdir) / "textfile"
    path.mkdir()
    return path


def write(daemon, *words, **how):
    """(status, what it says)"""
    done = subprocess.run([str(bf.BONDCTL), "-s", str(daemon.console), "metrics", *(str(w) for w in words)], text=True,
                          capture_output=True, timeout=bf.LIMIT, check=False, stdin=subprocess.DEVNULL, **how)
    return done.returncode, done.stdout + done.stderr


def names_of(text):
    return [family.name for family in families(text)]


def test_the_file_has_what_show_metrics_says_and_others_may_read_it(daemon, folder):
    path = folder / "bondfwd.prom"
    for words in (("--output", path), ("-o", path), (f"--output={path}",)):
        assert write(daemon, *words, umask=0o022) == (0, "")
        assert names_of(path.read_text()) == names_of(daemon.ctl("show metrics"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(folder) == ["bondfwd.prom"]


def test_a_reader_never_sees_half_a_file(daemon, folder):
    path = folder / "bondfwd.prom"
    assert write(daemon, "--output", path) == (0, "")
    whole, stop, seen = names_of(path.read_text()), threading.Event(), []

    def read():
        while not stop.is_set():
            text = path.read_text()
            seen.append(text.endswith("\n") and names_of(text) == whole)
    readers = [threading.Thread(target=read) for _ in range(2)]
    for t in readers:
        t.start()
    done = [write(daemon, "--output", path) for _ in range(50)]
    stop.set()
    for t in readers:
        t.join()
    assert done == [(0, "")] * 50 and seen and all(seen)


def test_several_at_once_do_not_meet(daemon, folder):
    path, failed = folder / "bondfwd.prom", []
    writers = [threading.Thread(target=lambda: failed.append(write(daemon, "--output", path)[0])) for _ in range(8)]
    for t in writers:
        t.start()
    for t in writers:
        t.join()
    assert failed == [0] * 8 and os.listdir(folder) == ["bondfwd.prom"]


def limit_size():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_what_cannot_be_written_whole_leaves_the_old_file(daemon, folder):
    path = folder / "bondfwd.prom"
    path.write_text("old\n")
    assert write(daemon, "--output", path, preexec_fn=limit_size) == (
        1, f'bondctl: --output: "{path}": File too large\n')
    daemon.stop()
    status, said = write(daemon, "--output", path)
    assert (status, said) == (1, f"bondctl: {daemon.console}: no such socket: expected a running bondfwd there\n")
    assert path.read_text() == "old\n" and os.listdir(folder) == ["bondfwd.prom"]


def test_words_that_are_not_understood_are_named(daemon, folder):
    usage = "bondctl: metrics: expected --output FILE; see also: bondctl show metrics\n"
    for words in ((), ("--output",), ("--outptu", "x"), ("--output", "x", "y"), ("x",)):
        assert write(daemon, *words) == (2, usage)
    (folder / "link").symlink_to("/dev/null")
    for path in ("/dev/null", folder, folder / "link"):
        assert write(daemon, "--output", path) == (
            2, f'bondctl: --output: "{path}": expected a regular file or none\n')
    assert write(daemon, "--output", "") == (2, 'bondctl: --output: "": expected a file\'s name\n')
    nowhere = folder / "none" / "x"
    assert write(daemon, "--output", nowhere) == (1, f'bondctl: --output: "{nowhere}": No such file or directory\n')
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
