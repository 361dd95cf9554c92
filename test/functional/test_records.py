# SPDX-License-Identifier: BSD-3-Clause
"""The file that keeps where packed rings stand: only where it is needed, and only what is ours."""

import pathlib

import pytest

from bf import FAR_MAC, guest_mac, records_files

VM1 = guest_mac(1)


def one_guest(rig, **knobs):
    return rig(guests=("vm1",), peer_opts={"vm1": {"queue_size": 256, **knobs}})


def exchange(r, stream):
    r.learn_all()
    tally = r.transfer(r.far[0], r.vm(1), stream, 200, src=FAR_MAC, dst=VM1)
    assert tally["missing"] == 0


def test_an_orderly_end_without_packed_rings_leaves_no_file(rig, workdir):
    r = one_guest(rig)
    exchange(r, 1)
    assert len(records_files(workdir)) == 1
    r.finish()
    assert records_files(workdir) == []


@pytest.mark.parametrize("how", ["term", "kill"])
def test_packed_rings_go_on_where_they_were(rig, workdir, how):
    r = one_guest(rig, packed_vq=1)
    exchange(r, 1)
    if how == "kill":
        r.daemon.kill()
    else:
        assert r.daemon.stop() == 0
    assert len(records_files(workdir)) == 1
    r.start()
    exchange(r, 2)


def test_pages_of_guests_that_are_not_there_take_no_memory(rig, workdir):
    r = one_guest(rig)
    exchange(r, 1)
    assert records_files(workdir)[0].stat().st_blocks * 512 <= 160 << 10


@pytest.mark.parametrize("kind", ["link", "hard link", "folder"])
def test_what_is_not_our_file_is_left_alone_and_said(rig, workdir, kind):
    theirs = pathlib.Path("/dev/shm") / (pathlib.Path(workdir).name + "-theirs")
    place = pathlib.Path("/dev/shm") / f"bondfwd{workdir.replace('/', '-')}-console.sock.rings"
    theirs.write_bytes(b"theirs" * 100)
    try:
        if kind == "link":
            place.symlink_to(theirs)
        elif kind == "hard link":
            place.hardlink_to(theirs)
        else:
            place.mkdir()
        r = rig(guests=("vm1",), peer_opts={"vm1": {"queue_size": 256}}, log_allowed=[
            r"^WARNING: guests: packed rings will not survive a restart: no memory file: "])
        exchange(r, 1)
        assert "no memory file" in r.daemon.log_text()
        r.finish()
        assert theirs.read_bytes() == b"theirs" * 100 and (place.exists() or place.is_symlink())
    finally:
        theirs.unlink()
        if kind == "folder":
            place.rmdir()
        else:
            place.unlink()
