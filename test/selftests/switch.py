# SPDX-License-Identifier: BSD-3-Clause
"""
Linux bridges in the words of iproute2, made of bondfwd's guest ports.

It keeps what the commands `ip` and `bridge` said of switch ports and bridges, sets the guests' keys accordingly, and
answers what the tests ask for. A bridge is the switch of one bond; a port that is in no bridge is down.
"""

import json

from guestrig.process import RigError

# Options of a bridge's port that are keys of ours with the same values, as Linux has them at first.
PORT_KEYS = {"learning": "on", "flood": "on", "mcast_flood": "on", "bcast_flood": "on", "locked": "off",
             "isolated": "off"}
BRIDGE_OPTIONS = {"vlan_filtering": 0, "vlan_default_pvid": 1, "ageing_time": 30000, "mcast_snooping": 1,
                  "fdb_max_learned": 0}
BRIDGE_MAC = "52:54:00:5e:00:ff"
DEFAULT_LIMIT = 1024


class Unknown(Exception):
    """A command that the switch has no words for."""


class Port:
    def __init__(self, name, number):
        self.name = name
        self.mac = f"52:54:00:5e:00:{number:02x}"
        self.up = False
        self.bridge = None
        self.mtu = 1500
        self.keys = dict(PORT_KEYS)
        self.vlans = {}  # VID: {"pvid", "untagged"}
        self.applied = None


class Bridge:
    def __init__(self, name, uplink):
        self.name = name
        self.uplink = uplink
        self.up = False
        self.options = dict(BRIDGE_OPTIONS)


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
    """backend: bondfwd; names: guest ports; uplinks: bonds, for as many bridges."""

    def __init__(self, backend, names, uplinks):
        self.backend = backend
        self.ports = {name: Port(name, i) for i, name in enumerate(names, 1)}
        self.uplinks = uplinks
        self.bridges = {}
        self.log = []

    def answer(self, _, words):
        """(exit status, output, errors) of one command."""
        try:
            output = self.run(words)
            self.log.append((words, ""))
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
        if after(words, "type") != "bridge":
            raise Unknown("only bridges are made")
        used = {bridge.uplink for bridge in self.bridges.values()}
        free = [uplink for uplink in self.uplinks if uplink not in used]
        if name in self.bridges or not free:
            raise Unknown("no further bridge")
        bridge = Bridge(name, free[0])
        self._bridge_options(bridge, words[words.index("bridge") + 1:])
        self.bridges[name] = bridge

    def ip_link_del(self, words, _):
        bridge = self.bridges.pop(after(words, "dev") or words[0])
        for port in self.ports.values():
            if port.bridge is bridge:
                self._leave(port)
        self._apply()

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
                     "address": getattr(item, "mac", BRIDGE_MAC)}
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
        port.keys = dict(PORT_KEYS)
        pvid = bridge.options["vlan_default_pvid"]
        port.vlans = {pvid: {"pvid": True, "untagged": True}} if pvid else {}

    def _leave(self, port):
        port.bridge = None
        self._apply()
        for entry in self.backend.show("fdb", "port", port.name)["entries"]:
            self._forget(entry["mac"], entry["vlan"])

    def _port_options(self, port, words):
        if len(words) % 2:
            raise Unknown("an option without a value")
        for key, value in zip(words[::2], words[1::2]):
            if key not in PORT_KEYS:
                raise Unknown(f"port option {key}")
            port.keys[key] = value

    # bridge

    def bridge_link_set(self, words, _):
        at = words.index("dev")
        port = self.ports[words[at + 1]]
        self._port_options(port, words[:at] + words[at + 2:])
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
            self._pin(words, vlan, port)

    def bridge_fdb_replace(self, words, _):
        port = self.ports[after(words, "dev")]
        for vlan in self._fdb_vlans(port, words):
            self._forget(words[0], vlan)
            self._pin(words, vlan, port)

    def bridge_fdb_del(self, words, _):
        port = self.ports[after(words, "dev")]
        if after(words, "vlan") and port.bridge and not port.bridge.options["vlan_filtering"]:
            return  # Linux has a further entry for each of the port's VLANs, also where tags are not looked at
        mine = {(entry["mac"], entry["vlan"]) for entry in self.backend.show("fdb", "port", port.name)["entries"]}
        found = [vlan for vlan in self._fdb_vlans(port, words) if (words[0], vlan) in mine]
        if not found:
            raise Unknown("no such entry")
        for vlan in found:
            self._forget(words[0], vlan)

    def bridge_fdb_flush(self, words, _):
        bridge = self.bridges[after(words, "dev")]
        for entry in self._entries(bridge):
            self._forget(entry["mac"], entry["vlan"])

    def bridge_fdb_get(self, words, as_json):
        vlan = after(words, "vlan")
        rows = [row for row in self._rows(self.bridges[after(words, "br")], None)
                if row["mac"] == words[0] and (not vlan or row.get("vlan") == int(vlan))]
        if not rows:
            raise Unknown("no such entry")
        return self._fdb_text(rows, as_json)

    def bridge_fdb_show(self, words, as_json):
        name = after(words, "brport", "dev") or next((word for word in words if word in self.ports), None)
        bridge = after(words, "br")
        return self._fdb_text(self._rows(self.bridges[bridge] if bridge else None, name), as_json)

    def _fdb_text(self, rows, as_json):
        if as_json:
            return json.dumps(rows) + "\n"
        return "".join(f"{row['mac']} dev {row['ifname']} {'vlan %d ' % row['vlan'] if 'vlan' in row else ''}"
                       f"master {row['master']} {row['state']}\n" for row in rows)

    def _rows(self, bridge, name):
        rows = []
        for entry in self.backend.show("fdb")["entries"]:
            port = self.ports.get(entry["port"])
            if port is None or port.bridge is None:
                continue
            if (name and port.name != name) or (bridge and port.bridge is not bridge):
                continue
            row = {"mac": entry["mac"], "ifname": port.name, "master": port.bridge.name, "flags": [],
                   "state": "static" if entry["static"] else ""}
            if port.bridge.options["vlan_filtering"]:
                row["vlan"] = entry["vlan"]
            rows.append(row)
        return rows

    def _pin(self, words, vlan, port):
        if "extern_learn" in words:
            raise Unknown("entries that others have learned")
        self.backend.ctl("add", "fdb", words[0], port.name, *(["vlan", str(vlan)] if vlan else []))

    def _forget(self, mac, vlan):
        try:
            self.backend.ctl("remove", "fdb", mac, *(["vlan", str(vlan)] if vlan else []))
        except RigError:
            pass  # it has gone by itself

    def _fdb_vlans(self, port, words):
        """The VLANs of ours that an entry stands in: bridge fdb add without vlan means each of the port's."""
        if port.bridge is None:
            raise Unknown(f"{port.name} is in no bridge")
        if not port.bridge.options["vlan_filtering"]:
            return [0]
        if after(words, "vlan"):
            return [int(after(words, "vlan"))]
        return sorted(port.vlans)

    def _entries(self, bridge):
        return [entry for entry in self.backend.show("fdb")["entries"]
                if entry["port"] in self.ports and self.ports[entry["port"]].bridge is bridge]

    def _learned(self, bridge):
        return [entry for entry in self._entries(bridge) if not entry["static"]]

    # to bondfwd

    def _vlans_of(self, port):
        if not port.bridge.options["vlan_filtering"]:
            return {"trunk": "none", "native": "none"}
        native = [vid for vid, how in port.vlans.items() if how["pvid"]]
        if native != [vid for vid, how in port.vlans.items() if how["untagged"]]:
            raise Unknown("untagged frames of one VLAN get in, those of another get out")
        return {"trunk": ",".join(map(str, sorted(port.vlans))), "native": native[0] if native else "none"}

    def _keys_of(self, port):
        bridge = port.bridge
        if bridge is None or not port.up or not bridge.up or (bridge.options["vlan_filtering"] and not port.vlans):
            return {"admin": "down"}
        return {"admin": "up", "uplink": bridge.uplink, **port.keys, **self._vlans_of(port),
                "mac_limit": bridge.options["fdb_max_learned"] or DEFAULT_LIMIT}

    def _apply(self):
        for port in self.ports.values():
            wanted = self._keys_of(port)
            if port.applied == wanted:
                continue
            self.backend.ctl("set", "guest", port.name, ",".join(f"{key}={value}" for key, value in wanted.items()))
            port.applied = wanted
