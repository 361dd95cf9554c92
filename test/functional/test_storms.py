# SPDX-License-Identifier: BSD-3-Clause
"""
Limits of what ports send into flooding: storm_broadcast, storm_multicast, storm_unknown.

Rates are judged by the program's own figures: what passed between two moments of its own clock.
"""

import pytest

from bf import BROADCAST, FAR_MAC, CtlError, guest_mac, wait_for

VM1, VM2 = guest_mac(1), guest_mac(2)
DST = {"broadcast": BROADCAST, "multicast": "01:00:5e:01:02:03", "unknown": "52:54:00:99:99:99"}
ALLOWANCE_S = 0.05
LOG = [r"^WARNING: storm: \S+: sends \d+ (frames|kbit)/s of \w+( unicast)?: all beyond storm_\w+=\S+ is dropped$"]


def set_limit(r, port, **limits):
    pairs = " ".join(f"storm_{name}={value}" for name, value in limits.items())
    if port == "bond0":
        r.daemon.ctl(f"set bonding option bond0 {pairs}")
    else:
        r.daemon.ctl(f"set guest {port} {pairs}")


def look(r, port, name):
    """(seconds of the program's clock, the row)"""
    shown = r.daemon.ctl("show storms", json=True)
    classes = next(p["classes"] for p in shown["ports"] if p["port"] == port)
    return shown["uptime_s"], next(c for c in classes if c["class"] == name)


@pytest.fixture
def r(rig):
    r = rig(guests=("vm1", "vm2"), workers=2, log_allowed=LOG,
            peer_opts={"vm1": {"queues": 2}})
    r.learn_all()
    return r


def sender_of(r, port):
    return (r.far[0], FAR_MAC) if port == "bond0" else (r.vm(1), VM1)


def blow(r, port, name, rate, stream=1, **spec):
    """Begin to send without end."""
    peer, src = sender_of(r, port)
    peer.send(wait=False, stream=stream, count=1 << 20, src=src, dst=DST[name], rate=rate, **spec)
    return peer


def calm(peer):
    peer.cmd("clear")
    try:
        peer.cmd("wait", timeout=0)
    except Exception as error:  # it ends the sending
        assert "timeout" in str(error)


def rate_over(r, port, name, seconds):
    """Frames or bytes per second that passed, when the allowance has been used up."""
    wait_for(lambda: look(r, port, name)[1]["dropped"] > 0, what="frames beyond the limit")
    begin, first = look(r, port, name)
    wait_for(lambda: look(r, port, name)[0] >= begin + seconds, what="time", step=0.2)
    end, last = look(r, port, name)
    return (last["passed"] - first["passed"]) / (end - begin), last


@pytest.mark.parametrize("name", DST)
@pytest.mark.parametrize("port", ["vm1", "bond0"])
def test_what_a_port_floods_is_limited_to_its_frames_per_second(r, port, name):
    set_limit(r, port, **{name: "1000"})
    before = r.daemon.ledger()
    peer = blow(r, port, name, 4000, flows=7)
    rate, row = rate_over(r, port, name, 3)
    calm(peer)
    r.settle()
    assert rate <= 1000 * 1.05
    # A machine that stands still for longer than the allowance passes less.
    assert rate >= 1000 * 0.8
    assert row["limit"] == "1kpps" and row["storm"] and not row["by_bytes"]
    last = look(r, port, name)[1]
    after = r.daemon.ledger()
    assert after.drops_of(port)[f"storm_{name}"] == last["dropped"]
    assert last["offered"] - last["passed"] == last["dropped"]
    assert after.received - before.received == last["offered"]
    # Who gets flooded frames got those that passed.
    other = "bond0" if port == "vm1" else "vm1"
    for receiver, to in ((r.vm(2), "vm2"), (r.far[0] if port == "vm1" else r.vm(1), other)):
        # Two workers may meet at a guest's only ring.
        busy = sum(after.drops_of(to).values())
        assert receiver.stream(1)["received"] + busy == last["passed"]


@pytest.mark.parametrize("port", ["vm1", "bond0"])
def test_a_limit_in_bits_counts_bytes(r, port):
    set_limit(r, port, broadcast="4mbit")
    peer = blow(r, port, "broadcast", 2000, size=[500, 1000, 1500])
    rate, row = rate_over(r, port, "broadcast", 3)
    calm(peer)
    r.settle()
    assert 500000 * 0.8 <= rate <= 500000 * 1.05
    assert row["limit"] == "4mbit" and row["by_bytes"]


def test_known_destinations_and_other_classes_have_no_limit(r):
    set_limit(r, "vm1", broadcast="1", multicast="1", unknown="1")
    set_limit(r, "bond0", broadcast="1", multicast="1", unknown="1")
    tally = r.transfer(r.vm(1), r.far[0], 1, 5000, src=VM1, dst=FAR_MAC)
    assert tally["distinct"] == 5000
    tally = r.transfer(r.far[0], r.vm(1), 2, 5000, src=FAR_MAC, dst=VM1)
    assert tally["distinct"] == 5000
    tally = r.transfer(r.vm(1), r.vm(2), 3, 5000, src=VM1, dst=VM2)
    assert tally["distinct"] == 5000
    set_limit(r, "vm1", multicast="off", unknown="off")
    for stream, name in enumerate(("multicast", "unknown"), 10):
        tally = r.transfer(r.vm(1), r.vm(2), stream, 1000, src=VM1, dst=DST[name])
        assert tally["distinct"] == 1000
    assert not any(key.startswith("storm_") for key in r.daemon.drops())


def test_the_limit_of_one_port_leaves_others_alone(r):
    set_limit(r, "vm1", broadcast="1")
    tally = r.transfer(r.vm(2), r.vm(1), 1, 1000, src=VM2, dst=BROADCAST)
    assert tally["distinct"] == 1000


def burst(r, stream, count=200):
    """Frames at once; how many passed."""
    with r.taking(count):
        r.vm(1).send(stream=stream, count=count, src=VM1, dst=BROADCAST)
    return r.vm(2).stream(stream)["received"]


def test_a_change_takes_effect_at_once_and_voids_what_was_owed(r):
    set_limit(r, "vm1", broadcast="1kbit")
    assert burst(r, 1, count=20) == 1  # half a second is owed for 60 bytes, or more
    r.daemon.ctl("set guest vm1 storm_broadcast=off")
    assert burst(r, 2) == 200
    set_limit(r, "vm1", broadcast="1")
    assert burst(r, 3) == 1
    set_limit(r, "vm1", broadcast="100kpps")
    assert burst(r, 4) == 200
    set_limit(r, "vm1", broadcast="1", multicast="1k")
    assert burst(r, 5) == 1
    set_limit(r, "vm1", multicast="2k")  # another class: what is owed stays owed
    assert look(r, "vm1", "broadcast")[1]["offered"] == 200


def test_a_storm_is_an_event_when_it_begins_and_when_it_is_over(r):
    set_limit(r, "vm1", broadcast="1000")
    peer = blow(r, "vm1", "broadcast", 3000)
    wait_for(lambda: r.events("storm"), what="event")
    assert look(r, "vm1", "broadcast")[1]["storm"]
    assert not r.events("storm_over")
    calm(peer)
    over = wait_for(lambda: r.events("storm_over"), what="end of the storm")
    event = r.events("storm")[0]
    assert event["object"] == "vm1" and "frames/s of broadcast" in event["text"]
    assert "storm_broadcast=1kpps" in event["text"]
    assert len(r.events("storm")) == len(over) == 1
    dropped = r.daemon.drops("vm1")["storm_broadcast"]
    assert f": {dropped} frames were dropped" in over[0]["text"]
    row = look(r, "vm1", "broadcast")[1]
    assert not row["storm"]
    metrics = r.daemon.ctl("show metrics")
    assert f'bondfwd_storm_dropped_frames_total{{port="vm1",class="broadcast"}} {dropped}' in metrics
    assert 'bondfwd_storm_active{port="vm1",class="broadcast"} 0' in metrics
    assert "calm" in r.daemon.ctl("show storms")


@pytest.mark.parametrize("value", ["", "fast", "-1", "0", "1.5k", "2000mpps", "2000gbit", "10bit"])
def test_bad_limits_are_refused_by_name(r, value):
    for command in ("set guest vm1", "set bonding option bond0"):
        with pytest.raises(CtlError) as error:
            r.daemon.ctl(f"{command} storm_unknown={value}")
        assert "storm_unknown" in error.value.text
        if value:
            assert f'"{value}": expected a rate from 1kbit to 1000gbit' in error.value.text


def test_limits_are_in_running_config_and_the_next_guest_begins_anew(r):
    set_limit(r, "vm1", broadcast="1500", unknown="10mbit")
    set_limit(r, "bond0", multicast="20k")
    shown = r.daemon.ctl("show running-config")
    assert "storm_broadcast=1500pps" in shown and "storm_unknown=10mbit" in shown
    assert "storm_multicast=20kpps" in shown
    burst(r, 1)
    assert r.daemon.drops("vm1")["storm_broadcast"] > 0
    r.daemon.ctl("remove guest vm1")
    r.daemon.ctl(f"add guest vm1 socket={r.guest_socket('vm1')},queues=2")
    r.vm(1).wait_up()
    rows = r.daemon.ctl("show storms", json=True)["ports"]
    assert next(p["classes"] for p in rows if p["port"] == "vm1") == []
    r.learn(r.vm(1), VM1)
    assert burst(r, 2) == 200
