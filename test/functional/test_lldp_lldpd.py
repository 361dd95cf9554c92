# SPDX-License-Identifier: BSD-3-Clause
"""LLDP with another implementation at the other end of the cable: lldpd hears us, and we hear it.

Needs /usr/sbin/lldpd.  The cable is a veth pair in a network namespace of the test's own.
"""

import json
import pathlib
import shutil
import subprocess

import pytest

from bf import LIMIT, wait_for
from lacp_partner import LOG_LACP, make_veth, net  # noqa: F401 (a fixture)

LLDPD = shutil.which("lldpd", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(LLDPD is None, reason="lldpd is not installed")
CHROOT = pathlib.Path("/run/lldpd")


@pytest.fixture
def lldpd(workdir):
    """lldpd at an interface; what it hears."""
    CHROOT.mkdir(exist_ok=True)
    said = pathlib.Path(workdir) / "lldpd.log"
    # lldpcli has another user's rights: it cannot enter the test's folder.
    control = CHROOT / f"{pathlib.Path(workdir).name}.sock"

    def tell(*words):
        done = subprocess.run(["lldpcli", "-u", control, *words], capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        return done.stdout if done.returncode == 0 else ""

    with open(said, "wb") as log:
        made = subprocess.Popen([LLDPD, "-d", "-u", control, "-I", "w0", "-S", "test switch"],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: tell("show", "interfaces"), what=f"lldpd answers: {said.read_text()}")
        tell("configure", "lldp", "tx-interval", "1")
        yield tell
    finally:
        made.terminate()
        made.wait(LIMIT)
        control.unlink(missing_ok=True)


def heard_of(tell):
    found = json.loads(tell("-f", "json", "show", "neighbors", "details") or "{}").get("lldp", {})
    found = found.get("interface", [])
    return [found] if isinstance(found, dict) else found


def test_lldpd_hears_a_member_and_the_member_hears_it(rig, workdir, request):
    make_veth("m0", "w0")
    tell = request.getfixturevalue("lldpd")
    r = rig(members=0, vdevs=["net_af_packet0,iface=m0,framesz=2048"], guests=(), mtu=1500,
            mode="balance-xor", bond=",lldp=both", idle="sleep",
            log_allowed=[*LOG_LACP, r"^WARNING: cabling: net_af_packet0: no_lag: "])
    ours = wait_for(lambda: r.daemon.ctl("show lldp neighbors", json=True), what="lldpd is heard")[0]
    assert (ours["port_id_kind"], ours["port_description"]) == ("mac", "w0")
    assert ours["system_description"] == "test switch" and ours["ttl_s"] > 0
    theirs = wait_for(lambda: heard_of(tell), what="lldpd hears us")[0]["w0"]
    (_, chassis), = theirs["chassis"].items()
    assert chassis["id"] == {"type": "mac", "value": r.bond()["mac"]}
    assert chassis["descr"].startswith("bondfwd ")
    assert theirs["port"]["id"] == {"type": "ifname", "value": "net_af_packet0"}
    assert theirs["port"]["descr"] == "member of bond0"
    assert theirs["port"]["ttl"] == "121"
    wait_for(lambda: heard_of(tell)[0]["w0"]["port"].get("aggregation") == "1",
             what="lldpd hears of the LAG")
    r.daemon.ctl("set bonding option bond0 lldp=rx")
    wait_for(lambda: heard_of(tell) == [], what="lldpd has been told that we are gone")
