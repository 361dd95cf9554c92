# SPDX-License-Identifier: BSD-3-Clause
"""The configurations that were written before, and the way back to them."""

import pathlib

import pytest

from bf import CtlError, wait_for


@pytest.fixture
def r(rig, workdir):
    path = pathlib.Path(workdir) / "b.conf"
    path.write_text("set profile default trusted\nset fdb aging 50\n", encoding="utf-8")
    r = rig(members=0, guests=(), far_peers=False, config=path, start=False, idle="sleep",
            log_allowed=[r"^WARNING: history_failed: ", r"^WARNING: rolled_back: "])
    r.idle = "poll"  # no line of its own
    return r.start()


def folder(r):
    return pathlib.Path(r.args[1] + ".history")


def history(r):
    return r.daemon.ctl("show config history", json=True)


def numbers(r):
    return [e["number"] for e in history(r)]


def aging(r, seconds=None):
    if seconds is not None:
        r.daemon.ctl(f"set fdb aging {seconds}")
    return [line for line in r.daemon.ctl("show running-config").splitlines() if "aging" in line][0].split()[-1]


def test_write_keeps_what_was_there_with_time_and_author(r):
    assert "No configuration has been kept" in r.daemon.ctl("show config history")
    aging(r, 51)
    r.daemon.ctl('write reason "for the new rack"')
    new, old = history(r)
    assert (new["number"], old["number"]) == (2, 1)
    assert new["reason"] == "for the new rack" and new["author"].startswith("client (pid ") and new["time_s"] > 1e9
    assert old["author"] == "unknown" and "as it was found" in old["reason"]
    assert "set fdb aging 50" in r.daemon.ctl("show config history 1")
    assert "set fdb aging 51" in r.daemon.ctl("show config history 2", json=True)
    assert "for the new rack" in r.daemon.ctl("show config history")
    r.daemon.ctl("write")  # the same once more
    assert numbers(r) == [2, 1]
    pathlib.Path(r.args[1]).write_text("set profile default trusted\nset fdb aging 60\n", encoding="utf-8")
    aging(r, 52)
    r.daemon.ctl("write")  # over somebody's own edit
    assert numbers(r) == [4, 3, 2, 1] and "aging 60" in r.daemon.ctl("show config history 3")


def test_rollback_takes_one_back_and_goes_back_itself_unless_committed(r):
    r.daemon.ctl("write")
    aging(r, 51)
    r.daemon.ctl("write")
    text = r.daemon.ctl("diff history 1")
    assert "- set fdb aging 51\n+ set fdb aging 50\n" in text and aging(r) == "51"
    assert "unless you commit" in r.daemon.ctl("rollback 1 confirm 1")
    wait_for(lambda: r.events("rolled_back") and aging(r) == "51", what="back by itself")
    r.daemon.ctl("rollback 1 confirm 60")
    r.daemon.ctl("commit")
    assert aging(r) == "50" and "set fdb aging 51" in pathlib.Path(r.args[1]).read_text(encoding="utf-8")
    for bad, words in (("9", "is not kept: expected one of 1 to 3"), ("0", "expected 1 to"), ("x", "expected 1 to")):
        with pytest.raises(CtlError, match=words):
            r.daemon.ctl(f"rollback {bad}")


def test_only_the_newest_are_kept(r):
    r.daemon.ctl("set config history 2")
    for seconds in (51, 52, 53):
        aging(r, seconds)
        r.daemon.ctl("write")
    assert numbers(r) == [4, 3] and sorted(p.name for p in folder(r).iterdir()) == ["3", "4"]
    assert "set config history 2" in r.daemon.ctl("show config history 4")
    r.daemon.ctl("set config history 0")
    r.daemon.ctl("write")
    assert numbers(r) == []
    with pytest.raises(CtlError, match="expected 0 to 100"):
        r.daemon.ctl("set config history 101")


def test_what_cannot_be_kept_is_said_and_the_file_is_written(r):
    folder(r).write_text("in the way", encoding="utf-8")
    aging(r, 51)
    text = r.daemon.ctl("write")
    assert "warning: history: " in text and "Not a directory" in text and "Written: " in text
    assert "set fdb aging 51" in pathlib.Path(r.args[1]).read_text(encoding="utf-8")
    assert r.events("history_failed")
    folder(r).unlink()
    folder(r).mkdir()
    (folder(r) / "notes.txt").write_text("left alone", encoding="utf-8")
    (folder(r) / "7").write_bytes(b"\0\xff no header")
    aging(r, 52)
    r.daemon.ctl("write")
    assert numbers(r) == [9, 8, 7] and (folder(r) / "notes.txt").exists()
    with pytest.raises(CtlError, match="NUL|expected"):
        r.daemon.ctl("rollback 7")
