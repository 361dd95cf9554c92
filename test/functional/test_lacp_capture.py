# SPDX-License-Identifier: BSD-3-Clause
"""A negotiation on the wire, decoded by tshark: it must find nothing to complain about."""

import json
import pathlib
import shutil
import struct
import subprocess

import pytest

from bf import wait_for
from lacp_partner import Ears, lacp, marker, net, partner  # noqa: F401 (fixtures)

pytestmark = pytest.mark.skipif(not shutil.which("tshark"),
                                reason="tshark is not installed (Debian: tshark)")

COMPLAINTS = ("malformed", "[expert info", "warning", "dissector bug", "unknown", "undecoded",
              "packet size limited", "reserved (")


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value=b""):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def write_pcapng(path, frames):
    """(time, frame) pairs as pcapng: section, one Ethernet interface in microseconds, packets."""
    with open(path, "wb") as file:
        file.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", 1, 0, 65535) + option(2, b"member0") + option(0)))
        for when, frame in frames:
            us = int(when * 1e6)
            head = struct.pack("<IIIII", 0, us >> 32, us & 0xffffffff, len(frame), len(frame))
            file.write(block(6, head + frame))


def tshark(path, *words):
    done = subprocess.run(["tshark", "-r", str(path), *words], capture_output=True, text=True,
                          timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_answered(ears):
    return any(f[12:17] == b"\x88\x09\x02\x01\x02" for _, f in ears.frames)


@pytest.fixture
def negotiation(lacp, partner, workdir):  # noqa: F811
    """A capture of both directions from the first LACPDU to both sides in service, and a marker."""
    r = lacp(n=1)
    ears = Ears(r.far()[0], 3)
    p = partner(r.far())
    r.wait_distributing([0])
    wait_for(lambda: p.ports[0].hears_sync(), what="partner hears sync")
    p.ports[0].voice.send(marker(0x01020304))
    wait_for(lambda: ears.take() and is_answered(ears), 5, "marker answered")
    seen = len(p.ports[0].got)
    wait_for(lambda: len(p.ports[0].got) > seen + 1, 10, "two more PDUs")
    ears.take()
    ears.close()
    path = pathlib.Path(workdir) / "negotiation.pcapng"
    write_pcapng(path, [f for f in ears.frames if f[1][12:14] == b"\x88\x09"])
    return path, r.mac()


def test_tshark_decodes_a_negotiation_without_a_complaint(negotiation):
    path, _ = negotiation
    text = tshark(path, "-V", "-Y", "lacp || marker || slow")
    lines = text.splitlines()
    assert text.count("Link Aggregation Control Protocol") >= 6
    assert [x for x in lines if any(word in x.lower() for word in COMPLAINTS)] == []
    assert tshark(path, "-Y", "_ws.malformed || _ws.expert.severity >= 4194304") == ""


def test_tshark_sees_the_negotiation_run_from_no_partner_to_distributing(negotiation):
    path, mac = negotiation
    packets = json.loads(tshark(path, "-T", "json", "-Y", "lacp"))
    ours = [p["_source"]["layers"]["lacp"] for p in packets
            if mac in json.dumps(p["_source"]["layers"]["lacp"].get("lacp.actor.sysid", ""))]
    states = [int(layer["lacp.actor.state"], 16) for layer in ours]
    assert states[-1] == 0x3f and 0x38 & states[0] == 0
    assert all(layer["lacp.version"] in ("1", "0x01", "0x1") for layer in ours)
    assert {layer["lacp.actor.key"] for layer in ours} == {"15"}
