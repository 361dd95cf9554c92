# SPDX-License-Identifier: BSD-3-Clause
"""
A Linux bridge in the words of iproute2, made of bondfwd's guest ports.

It keeps what the commands `ip` and `bridge` said of switch ports and bridges, sets the guests' keys
accordingly, and answers what the tests ask for.
"""

import json

from guestrig.process import RigError

# Options of a bridge's port that are keys of ours with the same values.
DEFAULTS = {"learning": "on", "flood": "on", "mcast_flood": "on", "bcast_flood": "on", "locked": "off"}


class Unknown(Exception):
    """A command that the switch has no words for."""


class Port:
    def __init__(self, name, number):
        self.name = name
        self.mac = f"52:54:00:5e:00:{number:02x}"
        self.up = False
        self.bridge = None
        self.mtu = 1500
        self.keys = dict(DEFAULTS)
        self.vlans = {}  # VID: {"pvid", "untagged"}


class Bridge:
    def __init__(self, name, number):
        self.name = name
        self.number = number
        self.up = False
        self.options = {"vlan_filtering": 0, "ageing_time": 30000, "mcast_snooping": 1, "fdb_max_learned": 0}


def after(words, *names):
    """The word behind one of the names, or None."""
    for name, value in zip(words, words[1:]):
        if name in names:
            return value
    return None


def vids_of(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


class Switch:
    def __init__(self, backend, names):
        self.backend = backend
        self.ports = {name: Port(name, i) for i, name in enumerate(names, 1)}
        self.bridges = {}
        self.log = []

    def answer(self, words):
        """(exit status, output, errors) of one command."""
        try:
            output = self.run(words)
            self.log.append((words, 0))
            return 0, output or "", ""
        except (Unknown, RigError, KeyError, ValueError, IndexError) as error:
            self.log.append((words, f"{type(error).__name__}: {error}"))
            return 2, "", f"{' '.join(words)}: {error}\n"

    def run(self, words):
        name, *words = words
        options = [word for word in words if word.startswith("-")]
        words = [word for word in words if not word.startswith("-")]
        as_json = "-j" in options or "-json" in options
        what, verb, *rest = words + [""] * (2 - len(words))
        method = getattr(self, f"{name}_{what}_{verb}", None)
        if method is None:
            raise Unknown("the switch does not know this command")
        return method(rest, as_json)

    # ip link

    def ip_link_add(self, words, _):
        name = after(words, "dev", "name") or words[0]
        if "bridge" not in words:
            raise Unknown("only bridges are made")
        self.bridges[name] = Bridge(name, len(self.bridges))
        self._bridge_options(self.bridges[name], words[words.index("bridge") + 1:])

    def ip_link_del(self, words, _):
        name = after(words, "dev") or words[0]
        bridge = self.bridges.pop(name)
        for port in self.ports.values():
            if port.bridge is bridge:
                self._leave(port)

    def ip_link_set(self, words, _):
        if words[0] == "dev":
            words = words[1:]
        name, *words = words
        if name in self.bridges:
            self._set_bridge(self.bridges[name], words)
        else:
            self._set_port(self.ports[name], words)

    def ip_link_show(self, words, as_json):
        name = after(words, "dev") or words[0]
        item = self.bridges.get(name) or self.ports[name]
        is_up = item.up if isinstance(item, Bridge) else item.up and self.backend.guest(name)["up"]
        state = "UP" if is_up else "DOWN"
        if as_json:
            shown = {"ifname": name, "operstate": state, "mtu": getattr(item, "mtu", 1500),
                     "address": getattr(item, "mac", "52:54:00:5e:00:ff")}
            if isinstance(item, Bridge):
                shown["linkinfo"] = {"info_kind": "bridge",
                                     "info_data": {**item.options, "fdb_n_learned": len(self._learned(item))}}
            return json.dumps([shown]) + "\n"
        if "up" in words and not item.up:
            return ""
        return f"9: {name}: <BROADCAST,MULTICAST{',UP' if item.up else ''}> mtu 1500 state {state}\n"

    def _set_bridge(self, bridge, words):
        if "type" in words:
            self._bridge_options(bridge, words[words.index("type") + 2:])
        for word in words:
            if word in ("up", "down"):
                bridge.up = word == "up"
        self._apply()

    def _bridge_options(self, bridge, words):
        for key, value in zip(words[::2], words[1::2]):
            if key not in bridge.options:
                raise Unknown(f"bridge option {key}")
            bridge.options[key] = int(value)
            if key == "ageing_time":
                self.backend.ctl("set", "fdb", "aging", str(max(1, int(value) // 100)))

    def _set_port(self, port, words):
        words = list(words)
        while words:
            word = words.pop(0)
            if word in ("up", "down"):
                port.up = word == "up"
            elif word == "master":
                self._join(port, self.bridges[words.pop(0)])
            elif word == "nomaster":
                self._leave(port)
            elif word in ("addr", "address"):
                port.mac = words.pop(0)
            elif word == "mtu":
                port.mtu = int(words.pop(0))
            elif word == "type":
                if words.pop(0) != "bridge_slave":
                    raise Unknown("type")
                self._port_options(port, words)
                words = []
            else:
                raise Unknown(word)
        self._apply()

    def _join(self, port, bridge):
        port.bridge = bridge
        port.keys = dict(DEFAULTS)
        port.vlans = {1: {"pvid": True, "untagged": True}}

    def _leave(self, port):
        port.bridge = None
        self._apply()
        self.backend.ctl("clear", "fdb", "port", port.name)

    def _port_options(self, port, words):
        for key, value in zip(words[::2], words[1::2]):
            if key not in DEFAULTS:
                raise Unknown(f"port option {key}")
            port.keys[key] = value

    # bridge

    def bridge_link_set(self, words, _):
        port = self.ports[after(words, "dev")]
        self._port_options(port, [word for word in words if word not in ("dev", port.name)])
        self._apply()

    def bridge_link_show(self, words, _):
        name = after(words, "dev")
        ports = [self.ports[name]] if name else self.ports.values()
        return "".join(f"9: {port.name}: master {port.bridge.name} state forwarding "
                       + " ".join(f"{key} {value}" for key, value in port.keys.items()) + "\n"
                       for port in ports if port.bridge)

    def bridge_vlan_add(self, words, _):
        port = self.ports[after(words, "dev")]
        for vid in vids_of(after(words, "vid")):
            if "pvid" in words:
                for other in port.vlans.values():
                    other["pvid"] = False
            port.vlans[vid] = {"pvid": "pvid" in words, "untagged": "untagged" in words}
        self._apply()

    def bridge_vlan_del(self, words, _):
        port = self.ports[after(words, "dev")]
        for vid in vids_of(after(words, "vid")):
            del port.vlans[vid]
        self._apply()

    def bridge_fdb_add(self, words, _):
        port = self.ports[after(words, "dev")]
        for vlan in self._fdb_vlans(port, words):
            self.backend.ctl("add", "fdb", words[0], port.name, *(["vlan", str(vlan)] if vlan else []))

    def bridge_fdb_replace(self, words, as_json):
        port = self.ports[after(words, "dev")]
        for vlan in self._fdb_vlans(port, words):
            try:
                self.backend.ctl("remove", "fdb", words[0], *(["vlan", str(vlan)] if vlan else []))
            except RigError:
                pass  # it was not there
        return self.bridge_fdb_add(words, as_json)

    def bridge_fdb_del(self, words, _):
        port = self.ports[after(words, "dev")]
        for vlan in self._fdb_vlans(port, words):
            self.backend.ctl("remove", "fdb", words[0], *(["vlan", str(vlan)] if vlan else []))

    def bridge_fdb_flush(self, _words, _):
        for entry in self.backend.show("fdb")["entries"]:
            self.backend.ctl("remove", "fdb", entry["mac"], *(["vlan", str(entry["vlan"])] if entry["vlan"] else []))

    def bridge_fdb_show(self, words, as_json):
        name = after(words, "brport", "dev") or next((word for word in words if word in self.ports), None)
        bridge = after(words, "br")
        rows = []
        for entry in self.backend.show("fdb")["entries"]:
            port = self.ports.get(entry["port"])
            if port is None or (name and port.name != name) or (bridge and (not port.bridge or port.bridge.name != bridge)):
                continue
            row = {"mac": entry["mac"], "ifname": port.name, "flags": [], "state": "static" if entry["static"] else ""}
            if entry["vlan"] and port.bridge and port.bridge.options["vlan_filtering"]:
                row["vlan"] = entry["vlan"]
            rows.append(row)
        if as_json:
            return json.dumps(rows) + "\n"
        return "".join(f"{row['mac']} dev {row['ifname']} master {bridge or 'br0'}\n" for row in rows)

    def _fdb_vlans(self, port, words):
        """The VLANs of ours that an entry stands in: bridge fdb add without vlan means each of the port's."""
        if port.bridge is None:
            raise Unknown(f"{port.name} is in no bridge")
        if not port.bridge.options["vlan_filtering"]:
            return [0]
        if after(words, "vlan"):
            return [int(after(words, "vlan"))]
        return sorted(port.vlans)

    def _learned(self, bridge):
        return [entry for entry in self.backend.show("fdb")["entries"]
                if not entry["static"] and entry["port"] in self.ports
                and self.ports[entry["port"]].bridge is bridge]

    # to bondfwd

    def _keys_of(self, port):
        bridge = port.bridge
        if bridge is None or not port.up or not bridge.up:
            return {"admin": "down"}
        if bridge.number > 0 or bridge.options["vlan_filtering"]:
            raise Unknown("one bridge that looks at no tags is all that there is")
        return {"admin": "up", **port.keys}

    def _apply(self):
        for port in self.ports.values():
            wanted = self._keys_of(port)
            if getattr(port, "applied", None) == wanted:
                continue
            self.backend.ctl("set", "guest", port.name, *[f"{key}={value}" for key, value in wanted.items()])
            port.applied = wanted
