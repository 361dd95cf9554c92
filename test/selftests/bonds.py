# SPDX-License-Identifier: BSD-3-Clause
"""
A Linux bond in the words of iproute2, made of bondfwd and of the guest that is behind it.

The bond of a test is bondfwd's; what the test does with its interface beyond that, such as giving it an address, it
does with the guest's network card, which gets the bond's name. A pair of veths of which one end joins the bond is a
cable: that end is bondfwd's member, the other end is a network card in the namespace where the test wants it. A
member has a carrier while both ends are up.
"""

import json
import re

from guestrig.process import RigError

from switch import Unknown, after

BOND = "bond0"
GUEST = "vm0"
# Options of Linux whose values are told otherwise: the key and the words.
NAMES = {"miimon": "mon_period", "peer_notify_delay": "peer_notif_delay", "ad_actor_sys_prio": "lacp_system_priority"}
WORDS = {"primary_reselect": {"0": "always", "1": "better", "2": "failure"},
         "xmit_hash_policy": {"0": "layer2", "1": "layer3+4", "2": "layer2+3", "3": "encap2+3", "4": "encap3+4"},
         "arp_validate": {"0": "none", "1": "active", "2": "backup", "3": "all", "4": "filter", "5": "filter_active",
                          "6": "filter_backup"},
         "all_slaves_active": {"0": "off", "1": "on"}}
# What Linux has without an option.
AT_FIRST = {"primary": "none", "primary_reselect": "always", "xmit_policy": "l2", "mon_period": "100", "up_delay": "0",
            "down_delay": "0", "probe_interval": "0", "probe_target": "none", "probe_validate": "off",
            "num_peer_notif": "1", "lacp_rate": "slow", "lacp_system_priority": "65535", "mac": "none",
            "allow_duplicates": "off"}
REAL = (-1, "", "")


class End:
    """One end of a cable: where it is, what it is called, whether it is up."""

    def __init__(self, space, name):
        self.space = space
        self.name = name
        self.up = False

    def is_at(self, space, name):
        return (self.space, self.name) == (space, name)


class Cable:
    def __init__(self, number, near, far):
        self.number = number
        self.member = f"net_tap{number}"
        self.near = near
        self.far = far
        self.joined = False
        self.on = False


def at(space):
    return f"ip -n {space}" if space else "ip"


def option_words(words):
    return list(zip(words[::2], words[1::2]))


def as_text(options):
    return " ".join(f"{key} {value}" for key, value in options)


class Bonds:
    """
    near: patterns of the namespace and the name of cables' ends that are members. pull(number, on): pull a cable, or
    plug it in.
    """

    def __init__(self, backend, n_cables, near, pull):
        self.backend = backend
        self.pull = pull
        self.near = near
        self.free = list(range(n_cables))
        self.cables = []
        self.holder = None  # (namespace, name) of the bond
        self.primary = None
        self.given = []  # its options, as they were given
        self.others = {}  # bonds without a guest: (namespace, name): options
        self.log = []

    def answer(self, space, words):
        """
        (exit status, output, errors) of one command; status -1: the kernel does it, the output being what to run
        for it, or nothing for the command as it is.
        """
        try:
            said = self.run(space, words)
            self.log.append((words, ""))
            return said if isinstance(said, tuple) else (0, said or "", "")
        except (Unknown, RigError, KeyError, ValueError, IndexError) as error:
            self.log.append((words, f"{type(error).__name__}: {error}"))
            return 2, "", f"{' '.join(words)}: {error}\n"

    def run(self, space, words):
        _, *words = words
        options = []
        while words and words[0].startswith("-"):
            options.append(words.pop(0))
            if options[-1] in ("-n", "-netns"):
                space = words.pop(0)
        if words[:2] in (["netns", "del"], ["netns", "delete"]):
            return self.space_del(words[2])
        if not words or words[0] not in ("link", "l"):
            return REAL
        verb = {"sh": "show", "delete": "del"}.get(words[1], words[1]) if len(words) > 1 else "show"
        method = getattr(self, f"link_{verb}", None)
        return method(space, [word for word in words[2:] if word != "dev"], options) if method else REAL

    # Where things are.

    def _cable(self, end, space, name):
        return next((cable for cable in self.cables if getattr(cable, end).is_at(space, name)), None)

    def _is_near(self, space, name):
        return all(re.fullmatch(pattern, text) for pattern, text in zip(self.near, (space, name)))

    def _back(self, cable):
        """The network card at the cable's far end comes back to its place."""
        if cable.joined:
            self._leave(cable)
        cable.far.up = False
        self._carrier(cable)
        self.cables.remove(cable)
        self.free.append(cable.number)
        return (f"{at(cable.far.space)} link set {cable.far.name} down; "
                f"{at(cable.far.space)} link set {cable.far.name} netns 1 name cable{cable.number}\n")

    def _holder_back(self):
        space, name = self.holder
        for cable in self.cables:
            if cable.joined:
                self._leave(cable)
        self.holder = None
        # With a bond all interfaces go that stand on it; a network card would keep them.
        return (f"for space in $(ip netns list | cut -d ' ' -f 1); do for kind in macvlan ipvlan; do "
                "for name in $(ip -n $space -br link show type $kind | sed 's/[@ ].*//'); do "
                "ip -n $space link del $name; done; done; done\n"
                f"{at(space)} link set {name} down; {at(space)} link set {name} netns 1 name {GUEST}\n")

    def space_del(self, space):
        ends = [cable for cable in self.cables if space in (cable.far.space, cable.near.space)]
        script = "".join(self._back(cable) for cable in ends)
        if self.holder and self.holder[0] == space:
            script += self._holder_back()
        return -1, f"{script}ip netns del {space}", ""

    # ip link

    def link_add(self, space, words, _):
        kind = after(words, "type")
        if kind == "veth":
            return self._veth(space, words)
        if kind != "bond":
            return REAL
        name = after(words, "name") or words[0]
        options = option_words(words[words.index("bond") + 1:])
        if self.holder:
            self.backend.ctl("create", "bonding", "device", "active-backup", "0", name)
            self.others[space, name] = options
            self._set(name, options, first=True)
            return None
        self._set(BOND, options, first=True)
        self.holder, self.given = (space, name), options
        up = "up" if "up" in words[:words.index("type")] else "down"
        return -1, (f"ip link set {GUEST} down; ip link set {GUEST} {f'netns {space}' if space else ''} name {name} && "
                    f"{at(space)} link set {name} {up}"), ""

    def _veth(self, space, words):
        cut = words.index("peer")
        one = End(space, after(words[:cut], "name") or words[0])
        two = End(after(words[cut:], "netns") or space, after(words[cut:], "name"))
        for near, far in ((one, two), (two, one)):
            if self._is_near(near.space, near.name):
                break
        else:
            return REAL
        number = self.free.pop(0)
        self.cables.append(Cable(number, near, far))
        where = f"netns {far.space}" if far.space else ""
        return -1, f"ip link set cable{number} down; ip link set cable{number} {where} name {far.name}", ""

    def link_del(self, space, words, _):
        name = words[0]
        if self.holder == (space, name):
            return -1, self._holder_back(), ""
        if (space, name) in self.others:
            del self.others[space, name]
            self.backend.ctl("remove", "bonding", "device", name)
            return None
        cable = self._cable("near", space, name) or self._cable("far", space, name)
        return (-1, self._back(cable), "") if cable else REAL

    def link_set(self, space, words, _):
        name, *words = words
        near, far = self._cable("near", space, name), self._cable("far", space, name)
        if near:
            return self._set_near(near, words)
        if far:
            return self._set_far(far, words)
        if self.holder != (space, name) or not set(words) & {"type", "address"}:
            return REAL
        if "address" in words:
            self.backend.ctl("set", "bonding", "option", BOND, f"mac={after(words, 'address').lower()}")
        else:
            self._set(BOND, option_words(words[words.index("bond") + 1:]))
        return None

    def _moved(self, end, words):
        """Follow an end that gets another name or namespace."""
        end.space = after(words, "netns") or end.space
        end.name = after(words, "name") or end.name
        for word in words:
            if word in ("up", "down"):
                end.up = word == "up"

    def _set_near(self, cable, words):
        self._moved(cable.near, words)
        if "type" in words:
            keys = ",".join(f"{key}={value}" for key, value in option_words(words[words.index("type") + 2:]))
            self.backend.ctl("set", "bonding", "member", cable.member, BOND, keys)
        if "nomaster" in words:
            self._leave(cable)
        elif "master" in words:
            if self.holder != (cable.near.space, after(words, "master")):
                raise Unknown("not our bond")
            cable.near.up = True
            self.backend.ctl("add", "bonding", "member", cable.member, BOND)
            cable.joined = True
            if self.primary and self.primary == cable.near.name:
                self.backend.ctl("set", "bonding", "primary", cable.member, BOND)
        self._carrier(cable)

    def _set_far(self, cable, words):
        where = at(cable.far.space)
        name = cable.far.name
        self._moved(cable.far, words)
        self._carrier(cable)
        # A network card whose cable is pulled stays up: User Mode Linux cannot open it twice.
        words = [word for word in words if word != "down"]
        return (-1, f"{where} link set {name} {' '.join(words)}", "") if words else None

    def _carrier(self, cable):
        on = cable.near.up and cable.far.up
        if on != cable.on:
            self.pull(cable.number, on)
            cable.on = on

    def _leave(self, cable):
        self.backend.ctl("remove", "bonding", "member", cable.member, BOND)
        cable.joined, cable.near.up = False, False
        self._carrier(cable)

    def link_show(self, space, words, options):
        words = [word for word in words if word not in ("up", "type", "bond")]
        if not words:
            names = [cable.near.name for cable in self.cables if cable.near.space == space]
            lines = "".join(f"echo '{name}@if2 UP'\n" for name in names)
            options = " ".join(word for word in options if word not in ("-n", "-netns"))
            return -1, f"{at(space)} {options} link show\n{lines}", ""
        name = words[0]
        if (space, name) in self.others:
            return f"9: {name}: {as_text(self.others[space, name])}\n"
        cable = self._cable("near", space, name)
        if cable is None and self.holder != (space, name):
            return REAL
        shown = self._near_shown(cable) if cable else self._bond_shown(name)
        if set(options) & {"-j", "-json"}:
            return json.dumps([shown]) + "\n"
        state = shown["operstate"]
        details = list(shown["linkinfo"]["info_slave_data" if cable else "info_data"].items())
        return (f"9: {name}: <BROADCAST,MULTICAST,UP{',LOWER_UP' if state == 'UP' else ''}> state {state} "
                f"{as_text(details if cable else details + self.given)}\n")

    def _near_shown(self, cable):
        details = {}
        if cable.joined:
            shown = next(member for member in self.backend.show("bonding", "config", BOND)["member_details"]
                         if member["name"] == cable.member)
            details = {"mii_status": "UP" if shown["link"] and shown["usable"] else "DOWN",
                       "prio": int(shown["options"]["priority"])}
        return {"ifname": cable.near.name, "operstate": "UP" if cable.on else "DOWN",
                "linkinfo": {"info_slave_kind": "bond", "info_slave_data": details}}

    def _bond_shown(self, name):
        shown = self.backend.show("bonding", "config", BOND)
        details = {"mode": shown["mode"]}
        for cable in self.cables:
            if cable.joined and shown["open"] and cable.member == shown["active_member"]:
                details["active_slave"] = cable.near.name
        if shown["options"]["probe_validate"] == "on":
            details["arp_validate"] = "all"
        return {"ifname": name, "operstate": "UP" if shown["open"] and shown["up"] else "DOWN",
                "linkinfo": {"info_kind": "bond", "info_data": details}}

    # to bondfwd

    def _set(self, bond, options, first=False):
        if first:
            self.primary = None
            self._option(bond, AT_FIRST)
        keys = {}
        for key, value in options:
            value = WORDS.get(key, {}).get(value, value)
            if key == "primary":
                self.primary = value  # it is a member's name here: once it is one
            elif key == "active_slave":
                self._make_active(value)
            else:
                keys[NAMES.get(key, key)] = value.lstrip("+")
        if keys:
            self._option(bond, keys)

    def _option(self, bond, keys):
        self.backend.ctl("set", "bonding", "option", bond, ",".join(f"{key}={value}" for key, value in keys.items()))

    def _make_active(self, name):
        """As docs/console.md says: the others are drained."""
        others = [cable for cable in self.cables if cable.joined and cable.near.name != name]
        for word in ("drain", "undrain"):
            for cable in others:
                self.backend.ctl("set", "bonding", word, cable.member, BOND)
