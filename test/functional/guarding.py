# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of guards have in common: who gets a frame, and under which reason it is counted."""

from bf import FAR_MAC, guest_mac


def deliveries(r, sender, frames):
    """Send raw frames one burst after the other; for each, the names of the peers that got it."""
    frames = [bytes(f) for f in frames]
    others = [p for p in r.peers() if p is not sender]
    for p in others:
        p.capture(512)
    with r.taking(len(frames)):
        for i in range(0, len(frames), 16):
            sender.cmd("raw", port=0, hex=",".join(f.hex() for f in frames[i:i + 16]))
    got = {p.name: p.captured() for p in others}
    return [{name for name, seen in got.items() if f in seen} for f in frames]


def counted(r, port, reason):
    return r.daemon.drops(port).get(reason, 0)


def dropped(r, sender, frames, reason, port=None):
    """Nobody gets one of the frames, and each is counted under the reason at the port."""
    port = port or sender.name
    before = counted(r, port, reason)
    assert deliveries(r, sender, frames) == [set()] * len(frames)
    assert counted(r, port, reason) - before == len(frames), r.daemon.drops(port)


def passes(r, sender, frames, to):
    """Exactly these peers get each of the frames."""
    assert deliveries(r, sender, frames) == [set(to)] * len(frames), r.daemon.drops(sender.name)


def learn(r, *guests):
    """The far side, and guests by number, are known."""
    r.learn(r.far[0], FAR_MAC)
    for i in guests:
        r.learn(r.vm(i), guest_mac(i))
    r.settle()


def guards(r, name):
    return r.daemon.ctl(f"show guest {name} guards", json=True)


def addresses(r, name):
    return {a["address"]: a["from"] for a in guards(r, name)["addresses"]}
