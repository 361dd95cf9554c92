# SPDX-License-Identifier: BSD-3-Clause
"""
Slow numbered streams beside every change: from a guest that stays to the wire, and from each far end to that guest.

Each of their frames arrives, or it is among the dropped ones of the ledger, under a reason for which the change
that was under way may lose it; under these reasons nothing else is dropped, so the numbers are the same. A far end
whose member is away loses nothing: its frames wait in its ring.
"""

import collections
import contextlib
import itertools

from bf import guest_mac, wait_for

STAYS = "stay"
MAC = guest_mac(3)
RATE = 200
SOME = 20
SIZES = [60, 1518, 9000]
UP, DOWN = 0xff00, 0xff01  # and so on: each far end has its own
# The far ends send all the time: what they send to a member that stands by is dropped, frame by frame.
STANDBY = "inactive_member"
# What else a change may cost. One that is not named costs nothing.
COSTS = {
    # What the wire sends; what the guest sends waits in its ring.
    "a_stop": {"stopped"},
    # The bond is closed and opened: what is for it is for nobody meanwhile, then for whom it may concern.
    "rings": {"port_gone"},
}
FLOODS = {"rings"}


def far_mac(i):
    """Of who is behind member i, all the time."""
    return f"02:aa:00:00:01:{i:02x}"


def spans(numbers):
    """{1, 2, 3, 7} as 1-3 7"""
    runs = itertools.groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])
    ends = ([number for _, number in run] for _, run in runs)
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ends) or "none"


class Streams:
    """beside() a change."""

    def __init__(self, r):
        self.r, self.stays = r, r.guests[STAYS]
        self.sent = self.arrived = self.flooded = 0
        self.dropped = collections.Counter()

    def up(self):
        return sum(far.stream(UP)["received"] for far in self.r.far)

    def down(self):
        return sum(self.stays.stream(DOWN + i)["received"] for i in range(len(self.r.far)))

    def go_on(self):
        """Wait until more has come, both ways."""
        up, down = self.up() + SOME, self.down() + SOME
        wait_for(lambda: self.up() >= up and self.down() >= down, what="frames of the streams")

    def begin(self):
        for peer in self.r.peers():
            peer.cmd("clear", steady=1)
        self.stays.steady(RATE, stream=UP, src=MAC, dst=far_mac(0), flows=16, size=SIZES)
        for i, far in enumerate(self.r.far):
            far.steady(RATE, stream=DOWN + i, src=far_mac(i), dst=MAC, flows=16, size=SIZES)
        self.go_on()

    @contextlib.contextmanager
    def beside(self, change):
        before = self.r.daemon.ledger()
        self.begin()
        yield
        self.go_on()
        sent = self.stays.steady(), [far.steady() for far in self.r.far]
        self.account(change, before, *sent)

    def missing(self, sent_up, sent_down):
        """Numbers of frames that have not arrived: up; up and at no other guest instead; down."""
        up = set.intersection(*(far.missing(UP, sent_up) for far in self.r.far))
        nowhere = up.intersection(*(peer.missing(UP, sent_up) for peer in self.r.guests.values()))
        return up, nowhere, [self.stays.missing(DOWN + i, n) for i, n in enumerate(sent_down)]

    def account(self, change, before, sent_up, sent_down):
        costs, found = COSTS.get(change, set()), {}

        def is_explained():
            up, nowhere, down = self.missing(sent_up, sent_down)
            lost = nowhere if change in FLOODS else up
            after = self.r.daemon.ledger().by_reason
            dropped = {why: after.get(why, 0) - before.by_reason.get(why, 0) for why in {*costs, STANDBY}}
            found.update(up=up, nowhere=nowhere, down=down, dropped=dropped)
            return (len(lost) <= sum(dropped[why] for why in costs)
                    and len(lost) + sum(map(len, down)) == sum(dropped.values()))
        try:
            wait_for(is_explained, what="every frame of the streams explained")
        except TimeoutError:
            raise AssertionError(
                f"{change}: of {sent_up} frames to the wire and {sent_down} from it are missing "
                f"{spans(found['up'])} (at no other guest either {spans(found['nowhere'])}) and "
                f"{[spans(m) for m in found['down']]}; dropped, as it may {found['dropped']}; "
                f"before it {before}; after it {self.r.daemon.ledger()}") from None
        self.are_whole(change, sent_up - len(found["up"]))
        self.sent += sent_up + sum(sent_down)
        self.flooded += len(found["up"]) - len(found["nowhere"])
        self.arrived += sent_up - len(found["up"]) + sum(sent_down) - sum(map(len, found["down"]))
        self.dropped.update(found["dropped"])

    def are_whole(self, change, arrived_up):
        """Once each, and in order."""
        up = [far.stream(UP) for far in self.r.far]
        tallies = [*up, *(self.stays.stream(DOWN + i) for i in range(len(self.r.far)))]
        assert sum(t["distinct"] for t in up) == arrived_up, (change, arrived_up, tallies)
        for tally in tallies:
            assert all(tally[bad] == 0 for bad in ("corrupt", "duplicates", "reordered", "header_changed")), (
                change, tally)

    def __str__(self):
        lost = self.sent - self.arrived - self.flooded
        return (f"streams: {self.sent} frames sent, {self.arrived} arrived, {self.flooded} flooded to other guests "
                f"only, {lost} dropped: {dict(+self.dropped)}")
