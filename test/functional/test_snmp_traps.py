# SPDX-License-Identifier: BSD-3-Clause
"""SNMP traps by bondfwd-traps, as snmptrapd gets them: links, LACP, how redundant a bond is."""

import contextlib
import pathlib
import subprocess

import pytest

import bf
from bf import wait_for
from lacp_partner import lacp, net, partner  # noqa: F401 (fixtures)
from snmping import (BOND_STATE, IF, IFX, LACP_CHANGE, LINK_DOWN, LINK_UP, OWN, TRAPS, environment, running,
                     snmpd, snmptrapd)
from test_snmp import indices

TEXT, DISTRIBUTES = f"{OWN}.1.4.1.0", f"{OWN}.1.4.2.0"
SNMPTRAP = ("snmptrap", "-v", "2c", "-c", "public", "127.0.0.1:162", "")


@pytest.fixture
def traps(workdir):
    """traps(socket): snmptrapd and bondfwd-traps until the end of the test."""
    with contextlib.ExitStack() as stack:
        def make(console, command=SNMPTRAP):
            heard = stack.enter_context(snmptrapd(workdir))
            stack.enter_context(running([TRAPS, "-s", console, *command], f"{workdir}/sender.log",
                                        env=environment(workdir)))
            return heard
        yield make


def settled(r, heard):
    """The sender has begun: it tells of a guest that comes."""
    def told():
        r.vm(1).restart()
        r.vm(1).wait_up()
        return heard.of(LINK_UP)
    wait_for(told, what="a trap")


def is_of(trap, name):
    """Is it about this port? Its index is the one of the name."""
    index = next((int(o.rpartition(".")[2]) for o in trap if o.startswith(f"{IF}.1.")), None)
    return trap.get(f"{IFX}.1.{index}") == name.encode()


def links(heard, trap, name):
    return [t for t in heard.of(trap) if is_of(t, name)]


def states(heard):
    """(bond, state) of each trap of a bond's state."""
    return [(v, t[o.replace(".1.2.1.2.", ".1.2.1.4.")]) for t in heard.of(BOND_STATE) for o, v in t.items()
            if o.startswith(f"{OWN}.1.2.1.2.")]


def test_lost_links_and_a_bond_that_is_degraded_then_down_are_told(rig, traps):
    r = rig(guests=("vm1",), log_allowed=bf.LOG_LINK_LOSS)
    heard = traps(r.daemon.console)
    settled(r, heard)
    wait_for(lambda: r.daemon.ctl("show health", json=True)["bonds"], what="the bond's state is known")
    r.far[0].kill()
    down = wait_for(lambda: links(heard, LINK_DOWN, "net_vhost0"), what="linkDown of a member")
    index = down[0][next(o for o in down[0] if o.startswith(f"{IF}.1."))]
    rows = {row["oid"]: row["value"] for row in r.daemon.ctl(f"show snmp {IFX}", json=True)}
    assert rows[f"{IFX}.1.{index}"] == "net_vhost0"
    assert (down[0][f"{IF}.7.{index}"], down[0][f"{IF}.8.{index}"]) == (1, 2)
    assert down[0][TEXT] == b"link down"
    wait_for(lambda: states(heard)[-1:] == [(b"bond0", 1)], what="degraded")
    assert links(heard, LINK_DOWN, "bond0") == []
    r.far[1].kill()
    wait_for(lambda: links(heard, LINK_DOWN, "bond0"), what="linkDown of the bond")
    assert states(heard)[-1] == (b"bond0", 0)
    r.far[1].start()
    wait_for(lambda: links(heard, LINK_UP, "bond0"), what="linkUp of the bond")
    wait_for(lambda: links(heard, LINK_UP, "net_vhost1"), what="linkUp of a member")
    r.far[0].start()
    wait_for(lambda: states(heard)[-1] == (b"bond0", 2), what="redundant")
    assert [s for _, s in states(heard)][-4:] == [1, 0, 1, 2]
    before = len(links(heard, LINK_DOWN, "vm1"))
    r.vm(1).kill()
    wait_for(lambda: len(links(heard, LINK_DOWN, "vm1")) > before, what="linkDown of a guest")


def test_a_lacp_partner_that_goes_silent_and_comes_back_is_told(lacp, partner, traps):  # noqa: F811
    r = lacp()
    p = partner(r.far())
    r.wait_distributing([0, 1], 15)
    heard = traps(r.daemon.console)
    settled(r.rig, heard)
    p.ports[0].muted = True

    def of_member(distributes):
        return [t for t in heard.of(LACP_CHANGE) if t[DISTRIBUTES] == distributes
                and b"net_tap0" in [v for o, v in t.items() if o.startswith(f"{OWN}.1.3.1.2.")]]
    out = wait_for(lambda: of_member(2), what="it does not distribute")
    assert out[0][TEXT].startswith(b"not distributing: ")
    p.ports[0].muted = False
    wait_for(lambda: of_member(1), what="it distributes")
    wait_for(lambda: [s for _, s in states(heard)][-2:] == [1, 2], what="degraded, redundant")
    assert not links(heard, LINK_DOWN, "net_tap0"), "its link is up"


def test_what_a_bondfwd_that_is_started_again_tells_is_told(rig, traps):
    r = rig(guests=("vm1",), log_allowed=[r"."])
    heard = traps(r.daemon.console)
    settled(r, heard)
    r.daemon.stop()
    log = pathlib.Path(r.workdir) / "sender.log"
    wait_for(lambda: "expected a running bondfwd" in log.read_text(encoding="utf-8"), what="a word about that")
    before = len(links(heard, LINK_UP, "net_vhost1"))
    r.start()
    wait_for(lambda: len(links(heard, LINK_UP, "net_vhost1")) == before + 1, what="linkUp of the next one's member")
    assert len(log.read_text(encoding="utf-8").splitlines()) <= 3


def test_snmpd_passes_traps_on_to_its_own_sinks(rig, workdir, traps):
    r = rig(guests=("vm1",), log_allowed=bf.LOG_LINK_LOSS)
    with snmpd(workdir, r.daemon, lines=f"master agentx\nagentXSocket {workdir}/agentx\n"
               "trap2sink 127.0.0.1:162 public") as agent:
        heard = traps(r.daemon.console, ("agentxtrap", "-x", f"{workdir}/agentx"))
        settled(r, heard)
        r.far[0].kill()
        down = wait_for(lambda: links(heard, LINK_DOWN, "net_vhost0"), what="linkDown")
        index = indices(agent.walk(f"{IFX}.1"))["net_vhost0"]
        assert down[0][f"{IF}.1.{index}"] == index


def test_traps_are_told_once_and_history_is_not(rig, traps):
    r = rig(guests=("vm1",))
    heard = traps(r.daemon.console)
    settled(r, heard)
    ups = r.events("guest_up")
    assert len(links(heard, LINK_UP, "vm1")) < len(ups), "the first was before the sender came"
    told = r.daemon.ctl("show snmp traps", json=True)
    assert told["newest"] == r.daemon.ctl("show events", json=True)[-1]["seq"]
    last = told["traps"][-1]["seq"]
    assert r.daemon.ctl(f"show snmp traps after {last}", json=True)["traps"] == []
    assert [t["seq"] for t in r.daemon.ctl(f"show snmp traps after {last - 1}", json=True)["traps"]] == [last]
    texts = [t[TEXT] for t in links(heard, LINK_UP, "vm1")]
    assert len(texts) <= len(ups) - 1
    with pytest.raises(bf.CtlError, match="event: "):
        r.daemon.ctl("show snmp traps after x")


@pytest.mark.parametrize("words,why", [
    ([], "0 words: expected a command of 1 to 63 words"), (["-i", "0", "true"], 'interval: "0": expected 1 to 60'),
    (["-q"], "Usage: bondfwd-traps")])
def test_bad_options_of_the_sender_are_refused(words, why):
    done = subprocess.run([TRAPS, *words], capture_output=True, text=True, timeout=bf.LIMIT, check=False)
    assert done.returncode == 2 and why in done.stderr


def test_a_command_that_fails_is_named_and_the_sender_goes_on(rig, workdir):
    r = rig(guests=("vm1",))
    log = pathlib.Path(workdir) / "sender.log"
    with running([TRAPS, "-s", r.daemon.console, "/nonexistent/snmptrap"], log) as sender:
        def said():
            r.vm(1).restart()
            r.vm(1).wait_up()
            return "/nonexistent/snmptrap: a trap was not sent: No such file" in log.read_text(encoding="utf-8")
        wait_for(said, what="a word about it")
        assert sender.poll() is None
