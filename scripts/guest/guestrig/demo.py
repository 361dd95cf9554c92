# SPDX-License-Identifier: BSD-3-Clause
"""
The guided tour behind scripts/quickstart: guests, a pulled cable, the console.
"""

import argparse
import signal
import subprocess
import sys

from . import image
from .backend import program
from .farside import BOND_MODES
from .lab import GuestSpec, Lab
from .process import ChildGone, RigError, Run, unwind_on_signals
from .station import Transfer
from .vm import accelerator

# Modes without a LAG face a switch that knows nothing of the bond.
NO_LAG = ("active-backup", "balance-tlb", "balance-alb")

# The long ping. Those in flight when the cable comes out are lost; all else would be a failure.
ECHOES = 120
LOST_MAX = 10
# Of --check, in seconds; it takes about 40 on two idle CPUs.
TIME_LIMIT_S = 170
SHOW = (("show", "bonding", "config", "bond0"), ("show", "fdb"), ("show", "fwd", "stats", "all"),
        ("show", "bonding", "failover"), ("show", "drops"))
# What to type at the prompt; {member} is one that carries traffic.
TRY = (
    ("show bonding config bond0", "the bond and its members"),
    ("show guest vm1", "a guest: what its machine negotiated, its rings"),
    ("show drops", "each lost frame has a reason"),
    ("test failover bond0 member {member}", "take a cable away for two seconds"),
    ("show bonding failover", "and see how long it took"),
    ("show flight", "the minute before it, every 100 ms"),
    ("show events", "what happened"),
    ("set guest vm1 rate_out=50mbit", "change a guest while it runs"),
    ("show running-config", "the configuration: it is a list of commands"),
    ("help", "everything else"),
)


def step(text):
    print(f"\n==> {text}", flush=True)


def say(text):
    print(text, flush=True)


def shell(command, text):
    print(f"$ {command}\n{text.rstrip()}", flush=True)


def require(condition, reason):
    if not condition:
        raise RigError(reason)


def far_mode(mode):
    return "bridge" if mode in NO_LAG else mode


def boot(run, mode):
    step("Virtual machines")
    kind = "a bridge without any LAG" if mode in NO_LAG else f"Linux bonding, mode {mode}"
    say(f"switch: {kind}, two cables; guests: vm1, vm2; emulator: {accelerator()}")
    # Slow LACP: with a time-out of 3 s a busy host would look like a silent partner. A pulled cable
    # is noticed by its carrier.
    lab = Lab(run, mode, far_mode(mode), guests=[GuestSpec("vm1"), GuestSpec("vm2")], say=say,
              far_options={"lacp_rate": "slow"})
    lab.backend.profile = "tenant"
    lab.start()
    step("bondfwd runs between them")
    say(" ".join(str(word) for word in lab.backend.command()))
    return lab


def lacp_in_words(lab):
    """What the protocol came to, without its terms."""
    info = lab.backend.ctl("show", "bonding", "lacp", "info", "bond0", as_json=True)
    for member in info["members"]:
        partner = member["partner"]
        state = ("in service: both sides send and receive by it" if member["distributing"]
                 else f"not in service: {member['reason']}")
        say(f"bondfwd says: {member['name']} is {state}; the switch calls itself "
            f"{partner['system_id']}, and this its port {partner['port_number']}")


def guide(lab):
    step("What to try at the prompt")
    members = lab.backend.ctl("show", "bonding", "config", "bond0", as_json=True)["member_details"]
    carries = next((m["name"] for m in members if m["sending"]), members[0]["name"])
    for command, what in TRY:
        say(f"  {command.format(member=carries):42} {what}")


def connect(lab):
    step("Waiting for the bond" + (" (LACP)" if lab.mode == "802.3ad" else ""))
    lab.wait_connected(40)
    if lab.mode == "802.3ad":
        for cable, (aggregator, partner) in enumerate(lab.far.aggregators()):
            say(f"the switch says: cable {cable} is in aggregator {aggregator}, partner {partner}")
        lacp_in_words(lab)
    say("each guest reaches the switch")


def ping_across(lab):
    step("Pings, 9000-byte frames included")
    pairs = [(guest, lab.far) for guest in lab.guests] + [tuple(lab.guests)]
    for source, target in pairs:
        for payload in (56, 8972):
            pings = source.ping(target, 5, payload)
            say(f"{source.name} to {target.name}, {payload} bytes of data: {pings}, "
                f"average {pings.average_ms:.1f} ms")
            require(pings.perfect, f"{source.name} to {target.name}: {pings}")


def transfer(lab):
    step("100 MiB of TCP from vm1 to the switch, and from vm2 to vm1")
    one, two = lab.guests
    for source, target in ((one, lab.far), (two, one)):
        say(f"{source.name} to {target.name}: checksum {Transfer(source, target).start().finish()}")


def pull_a_cable(lab):
    guest, far = lab.guests[0], lab.far
    cable = far.cable_in_use(guest)
    step(f"Pulling cable {cable}, which carries vm1's frames, while vm1 pings")
    job = guest.start_ping(far, ECHOES)
    far.pull_cable(cable)
    far.wait_carrier(cable, False)
    say(f"cable {cable} is out; bondfwd says:")
    shell("show bonding config bond0", lab.backend.ctl("show", "bonding", "config", "bond0"))
    survived = guest.ping(far, 5)
    require(survived.received > 0, f"no ping passes with cable {cable} out")
    say(f"vm1 to switch over the other cable: {survived}")
    far.replug(cable)
    far.wait_carrier(cable, True)
    say(f"cable {cable} is back")
    pings = job.pings()
    say(f"the long ping, across both: {pings}, {pings.lost} lost, longest silence "
        f"{pings.silence_ms} ms")
    require(pings.lost <= LOST_MAX, f"the ping did not survive the pulled cable: {pings}")
    lab.wait_connected(40)


def hand_over(lab):
    step("The console of bondfwd; type help, leave with Ctrl-D. vm1 pings on meanwhile")
    lab.guests[0].start_ping(lab.far, 14400, every_s=1)
    argv = [program("bondctl"), "-s", lab.backend.console]
    # Ctrl-C is for the console, not for the machines behind it.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        subprocess.run(argv, check=False)
    finally:
        signal.signal(signal.SIGINT, before)


def tour(run, arguments, mode):
    lab = boot(run, mode)
    connect(lab)
    ping_across(lab)
    if arguments.check:
        transfer(lab)
    pull_a_cable(lab)
    step("What bondfwd shows")
    for words in SHOW:
        shell(" ".join(words), lab.backend.ctl(*words))
    guide(lab)
    if not arguments.check:
        hand_over(lab)
    if lab.backend.child.running():
        status = lab.backend.stop()
        require(status == 0, f"bondfwd ended with status {status}")


class OutOfTime(Exception):
    """Raised by the alarm of --check; no RigError, which a wait would take for "not yet"."""


def on_alarm(_number, _frame):
    raise OutOfTime(f"not finished within {TIME_LIMIT_S} seconds")


def main(argv):
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--mode", default="802.3ad")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--logs", metavar="DIR")
    parser.add_argument("--prepare", action="store_true", help="only fill the cache")
    arguments = parser.parse_args(argv)
    mode = BOND_MODES[int(arguments.mode)] if arguments.mode.isdigit() else arguments.mode
    unwind_on_signals()
    try:
        if arguments.prepare:
            say(f"kernel {image.image(say).version}")
            return 0
        program("bondfwd")
        if arguments.check:
            signal.signal(signal.SIGALRM, on_alarm)
            signal.alarm(TIME_LIMIT_S)
        with Run("quickstart", keep_logs=arguments.logs) as run:
            tour(run, arguments, mode)
            signal.alarm(0)
    except (RigError, ChildGone, OutOfTime) as error:
        print(f"quickstart: FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("quickstart: stopped", file=sys.stderr)
        return 130
    step("All stopped; nothing is left behind")
    return 0
