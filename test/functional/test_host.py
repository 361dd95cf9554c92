# SPDX-License-Identifier: BSD-3-Clause
"""Host ports: the host's own kernel as a station of the switch.

The namespace of a test is the host: bondfwd runs in it, `host0` is its interface.  What is behind the
bond is in another namespace, `lan`, at the far side of a bridge between the members' cables.
"""

import contextlib
import json
import os
import socket
import subprocess
import threading

import pytest

from bf import LIMIT, CtlError, guest_mac, wait_for
from lacp_partner import CLONE_NEWNET, LOG_LACP, _check, _libc, make_veth, net, ovs, run  # noqa: F401

HOST, LAN, DHCP = "10.9.0.2", "10.9.0.1", "10.9.0.77"
VM = guest_mac(1)
LOG_HOST = [*LOG_LACP, r"^WARNING: (carrier|lacp)", r"^ERR: bond_state: ",
            # net_tap with several queues
            r"^Cannot update ethdev port \d RSS RETA", r"^slave_start\(\d+\) - .* RSS "]


class Lan:
    """Another network namespace, held by a process that waits."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)
        own = os.readlink("/proc/thread-self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, what="namespace")

    @contextlib.contextmanager
    def inside(self):
        """This thread is there; what it opens stays there."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as home, \
                open(f"/proc/{self.holder.pid}/ns/net", encoding="ascii") as there:
            _check(_libc.setns(there.fileno(), CLONE_NEWNET))
            try:
                yield
            finally:
                _check(_libc.setns(home.fileno(), CLONE_NEWNET))

    def run(self, command):
        with self.inside():
            return run(command)

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(LIMIT)


@pytest.fixture
def lan():
    made = Lan()
    # The bridge is the switch that the members are plugged into.
    run("ip link add s0 type bridge stp_state 0 mcast_snooping 0 forward_delay 0")
    make_veth("o0", "p0")
    run(f"ip link set p0 netns {made.holder.pid}")
    run("ip link set o0 master s0")
    run("ip link set s0 up")
    made.run(f"ip addr add {LAN}/24 dev p0")
    made.run("ip link set p0 up")
    yield made
    made.close()


@pytest.fixture
def host_rig(rig, lan):  # noqa: F811
    """Make rigs whose members m0 and m1 are plugged into the bridge: r = host_rig(mode)."""
    def make(mode="active-backup", guests=(), host="", bridge="s0", **options):
        r = rig(members=0, vdevs=["net_tap0,iface=m0", "net_tap1,iface=m1"], mode=mode,
                guests=guests, mtu=1500, log_allowed=LOG_HOST, **options)
        plug(r, bridge)
        r.daemon.ctl(f"add host host0 {host}".strip())
        return r
    make.lan = lan
    return make


def plug(r, bridge="s0"):
    for name in ("m0", "m1"):
        if bridge:
            run(f"ip link set {name} master {bridge}")
        run(f"ip link set {name} up")
    wait_for(lambda: all(m["link"] for m in r.bond()["member_details"]), what="members have a link")


def host(r, name="host0"):
    return {h["name"]: h for h in r.daemon.ctl("show host", json=True)}.get(name)


def connected(r, name="host0"):
    return wait_for(lambda: (host(r, name) or {}).get("connected") and has_carrier(name),
                    what=f"{name} is connected")


def link(name):
    """`ip link` in one line, "" when there is no such interface."""
    done = subprocess.run(["ip", "-o", "-d", "link", "show", name], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    return done.stdout if done.returncode == 0 else ""


def has_carrier(name):
    return "LOWER_UP" in link(name)


def address(r):
    connected(r)
    run(f"ip addr add {HOST}/24 dev host0")


def can_ping(where=LAN, size=56):
    done = subprocess.run(["ping", "-c", "1", "-W", "1", "-s", str(size), where],
                          capture_output=True, timeout=LIMIT, check=False)
    return done.returncode == 0


def pings(where=LAN, **about):
    wait_for(lambda: can_ping(where, **about), what=f"ping {where}")


class Ssh:
    """A session from the LAN to an sshd of the host; it lives on while something happens to the network."""

    def __init__(self, lan, workdir):  # noqa: F811
        key = workdir / "ssh_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=LIMIT)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.server = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", key, "-p", "2222", "-o", f"ListenAddress={HOST}",
             "-o", "PidFile=none", "-o", f"AuthorizedKeysFile={key}.pub", "-o", "StrictModes=no", "-o", "UsePAM=no",
             "-o", "PermitRootLogin=yes"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: ":2222 " in run("ss -Htln"), what="sshd")
        with lan.inside():
            self.session = subprocess.Popen(
                ["ssh", "-q", "-i", key, "-p", "2222", "-o", "StrictHostKeyChecking=no", "-o",
                 "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", f"root@{HOST}", "cat"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.says("first")

    def says(self, word):
        self.session.stdin.write(word + "\n")
        assert self.session.stdout.readline() == word + "\n"

    def close(self):
        self.session.stdin.close()
        self.session.wait(LIMIT)
        self.server.terminate()
        self.server.wait(LIMIT)


def iperf3_once(size, way):
    """Bytes that arrived; None while the server is busy with the run before."""
    done = subprocess.run(f"iperf3 -J -c {LAN} -n {size} {way}".split(), capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    end = json.loads(done.stdout)["end"]
    return end.get("sum_received", {}).get("bytes") if done.returncode == 0 else None


def iperf3(lan, size="16M"):  # noqa: F811
    """A TCP stream in both directions, one after the other: bytes that its receiver counted before the end."""
    with lan.inside():
        server = subprocess.Popen(["iperf3", "-s", "-B", LAN, "--forceflush"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: ":5201 " in lan.run("ss -Htln"), what="iperf3's server")
        return [wait_for(lambda w=way: iperf3_once(size, w), what="a stream of iperf3") for way in ("", "-R")]
    finally:
        server.terminate()
        server.wait(LIMIT)


class Transfer:
    """A TCP connection from the host to the LAN; what is sent arrives, and in order."""

    def __init__(self, lan, size=0):  # noqa: F811
        with lan.inside():
            listener = socket.create_server((LAN, 0))
        listener.settimeout(LIMIT)
        self.near = socket.create_connection(listener.getsockname(), LIMIT)
        self.far, _ = listener.accept()
        self.far.settimeout(LIMIT)
        listener.close()
        if size:
            self.check(size)

    def check(self, size, back=False):
        source, sink = (self.far, self.near) if back else (self.near, self.far)
        data = os.urandom(1 << 16) * (size >> 16)
        sender = threading.Thread(target=source.sendall, args=(data,))
        sender.start()
        got = bytearray()
        while len(got) < len(data):
            part = sink.recv(1 << 20)
            assert part, "the connection ended"
            got += part
        sender.join()
        assert got == data

    def close(self):
        self.near.close()
        self.far.close()


def test_the_interface_is_up_and_has_the_name_and_an_address_that_stays(host_rig):
    r = host_rig()
    connected(r)
    first = host(r)
    assert (first["state"], first["carrier"], first["mtu"]) == ("up", True, 1500)
    assert int(first["mac"][:2], 16) & 3 == 2, "a local unicast address"
    assert first["mac"] in link("host0")
    r.daemon.ctl("remove host host0")
    assert link("host0") == "" and host(r) is None
    r.daemon.ctl("add host host0")
    connected(r)
    assert host(r)["mac"] == first["mac"]


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor", "broadcast", "balance-rr", "balance-tlb", "balance-alb"])
def test_ping_and_tcp_between_the_host_and_the_lan(host_rig, mode):
    r = host_rig(mode)
    address(r)
    pings()
    pings(size=1472)
    t = Transfer(host_rig.lan)
    t.check(4 << 20)
    t.check(4 << 20, back=True)
    t.close()
    assert min(iperf3(host_rig.lan)) > 8 << 20
    shown = r.daemon.ctl("show guest host0")
    assert "host0 (interface)" in shown


def test_a_connection_lives_through_a_failover(host_rig):
    r = host_rig("active-backup", bond=",primary=net_tap0")
    address(r)
    pings()
    t = Transfer(host_rig.lan, 1 << 20)
    for lost in ("m0", "m1"):
        run(f"ip link set {lost} down")
        wait_for(lambda: sum(m["link"] for m in r.bond()["member_details"]) == 1, what="link lost")
        t.check(1 << 20)
        t.check(1 << 20, back=True)
        run(f"ip link set {lost} up")
        wait_for(lambda: all(m["link"] for m in r.bond()["member_details"]), what="links back")
    t.close()


def test_lacp_carries_the_host_across_a_failover(host_rig, ovs):  # noqa: F811
    """The switch is Open vSwitch with a LAG; the bridge of the other tests is not used."""
    lan = host_rig.lan  # noqa: F811
    r = host_rig("802.3ad", bond=",lacp_rate=fast", bridge=None)
    run("ip link set o0 nomaster")
    lan.run("ethtool -K p0 tx off")  # that switch would forward checksums that nobody has made
    ovs.add_bridge("br0")
    ovs.add_bond("bond0", ["m0", "m1"])
    ovs.vsctl("add-port br0 o0")

    def sending():
        return sum(m["sending"] for m in r.bond()["member_details"])
    wait_for(lambda: sending() == 2, what="both members distribute")
    address(r)
    pings()
    assert min(iperf3(lan)) > 8 << 20
    t = Transfer(lan, 1 << 20)
    run("ip link set m0 down")
    wait_for(lambda: sending() == 1, what="link lost")
    t.check(1 << 20)
    t.check(1 << 20, back=True)
    t.close()


def test_addresses_and_connections_stay_when_bondfwd_is_restarted(host_rig):
    r = host_rig()
    address(r)
    pings()
    t = Transfer(host_rig.lan, 1 << 20)
    before = link("host0").split()[0], host(r)["mac"]
    r.daemon.ctl(f"write {r.workdir}/kept.conf")
    assert "\nadd host host0\n" in (r.workdir / "kept.conf").read_text()
    r.finish()
    assert HOST in run("ip addr show host0") and not has_carrier("host0")
    r.args = ["--config", str(r.workdir / "kept.conf")]
    r.start()
    plug(r)
    connected(r)
    assert (link("host0").split()[0], host(r)["mac"]) == before
    assert HOST in run("ip addr show host0")
    pings()
    t.check(1 << 20)
    t.close()


def test_a_killed_bondfwd_leaves_the_interface_to_the_next_one(host_rig):
    r = host_rig()
    address(r)
    pings()
    r.daemon.kill()
    assert HOST in run("ip addr show host0")
    r.start()
    plug(r)
    r.daemon.ctl("add host host0")
    connected(r)
    pings()


def test_a_host_port_is_not_started_like_a_guest(host_rig):
    r = host_rig()
    for program in ("qemu", "libvirt"):
        with pytest.raises(CtlError) as refused:
            r.daemon.ctl(f"show guest host0 {program}")
        assert 'guest: "host0": is a host port: expected a guest' in refused.value.text


def test_an_address_of_mac_auto_is_not_that_of_a_host_port(host_rig):
    r = host_rig(guests=("vm1",))
    r.daemon.ctl("set guest vm1 mac=auto")
    own = r.daemon.ctl("show guest vm1", json=True)[0]["auto_mac"]
    with pytest.raises(CtlError) as refused:
        r.daemon.ctl(f"set host host0 address={own}")
    assert f'guest "vm1": mac: "auto": is {own}, which host "host0" has as well' in refused.value.text
    r.daemon.ctl("set host host0 mac=auto,mac_guard=on")
    shown = r.daemon.ctl("show guest host0 guards", json=True)["addresses"]
    assert shown == [{"address": host(r)["mac"], "from": "auto"}]


def test_the_host_talks_to_a_guest(host_rig):
    r = host_rig(guests=("vm1",))
    address(r)
    vm = r.vm(1)
    vm.capture(64, match="other")
    run(f"ip neigh replace 10.9.0.50 lladdr {VM} dev host0 nud permanent")
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def arrived():
        out.sendto(b"from the host", ("10.9.0.50", 7))
        return any(b"from the host" in f for f in vm.captured())
    wait_for(arrived, what="the host's frame at the guest")
    out.close()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b6)) as heard:
        heard.bind(("host0", 0x88b6))
        heard.settimeout(LIMIT)
        frame = bytes.fromhex((host(r)["mac"] + VM).replace(":", "")) + b"\x88\xb6" + b"from vm1" * 8
        vm.raw(frame)
        assert heard.recv(2048) == frame
    fdb = r.daemon.fdb()
    assert fdb[VM]["port"] == "vm1" and fdb[host(r)["mac"]]["port"] == "host0"


def test_superframes_and_unfinished_checksums_are_finished_for_the_lan(host_rig):
    r = host_rig()
    address(r)
    t = Transfer(host_rig.lan, 32 << 20)
    t.close()
    (shown,) = [g for g in r.daemon.ctl("show guest", json=True) if g["name"] == "host0"]
    assert shown["offload_counters"]["superframes_in"] > 0


def test_offload_off_still_moves_frames(host_rig):
    r = host_rig(host="offload=off")
    address(r)
    pings()
    Transfer(host_rig.lan, 4 << 20).close()


def test_frames_for_an_interface_that_is_down_are_counted_and_it_comes_back(host_rig):
    r = host_rig(guests=("vm1",))
    address(r)
    pings()
    mac = host(r)["mac"]
    run("ip link set host0 down")

    def dropped():
        r.vm(1).send(stream=1, count=1, src=VM, dst=mac, kind="ether")
        r.settle()
        return r.daemon.drops("host0").get("guest_ring_off", 0)
    wait_for(dropped, what="frames dropped")
    assert host(r)["state"] == "down"
    run("ip link set host0 up")
    pings()


def test_the_carrier_follows_the_port(host_rig):
    r = host_rig()
    address(r)
    r.daemon.ctl("set host host0 admin=down")
    wait_for(lambda: not has_carrier("host0"), what="carrier lost")
    r.daemon.ctl("set host host0 admin=up")
    connected(r)
    pings()


def test_mtu_and_address_are_set_and_changed(host_rig):
    r = host_rig(host="mtu=1400,address=02:00:00:00:0a:01,label=mgmt")
    address(r)
    assert host(r)["label"] == "mgmt"
    assert (host(r)["mtu"], host(r)["mac"]) == (1400, "02:00:00:00:0a:01")
    r.daemon.ctl("set host host0 mtu=1500,address=02:00:00:00:0a:02")
    connected(r)
    assert (host(r)["mtu"], host(r)["mac"]) == (1500, "02:00:00:00:0a:02")
    assert HOST in run("ip addr show host0")
    pings(size=1472)


def test_several_host_ports_reach_each_other(host_rig):
    r = host_rig()
    r.daemon.ctl("add host other")
    address(r)
    connected(r, "other")
    far = Lan()
    run(f"ip link set other netns {far.holder.pid}")
    far.run("ip addr add 10.9.0.3/24 dev other")
    far.run("ip link set other up")
    pings("10.9.0.3")
    assert host(r, "other")["state"] == "away"
    far.close()


def test_add_and_remove_many_times_leaves_nothing(host_rig):
    r = host_rig()
    connected(r)
    files = f"/proc/{r.daemon.proc.pid}/fd"
    before = None
    for i in range(10):
        r.daemon.ctl("add host tmp")
        connected(r, "tmp")
        r.daemon.ctl("remove host tmp")
        assert link("tmp") == ""
        if i == 2:
            before = len(os.listdir(files))
    wait_for(lambda: len(os.listdir(files)) <= before, what="descriptors closed")
    assert len(os.listdir(f"/proc/{r.daemon.proc.pid}/task")) < 20


def test_what_cannot_be_is_refused_in_words(host_rig):
    r = host_rig(guests=("vm1",))
    refused = {
        "add host a234567890123456": "16 characters: expected at most 15",
        "add host s0": '"s0": an interface has this name already',
        "add host m0": "an interface of another kind has this name already",
        "add host host0": '"host0": already in use',
        "add host vm1": '"vm1": already in use',
        "add host h1 socket=/tmp/x": "expected none",
        "add host h1 address=01:00:00:00:00:01": "address",
        "set guest vm1 address=02:00:00:00:00:01": "expected in a host port only",
        "remove guest host0": "is a host port",
        "remove host vm1": "is a guest",
        "set host nobody mtu=1500": "no such host port",
        "show host vm1": "no such host port",
    }
    for command, words in refused.items():
        with pytest.raises(CtlError) as e:
            r.daemon.ctl(command)
        assert words in e.value.text, (command, e.value.text)
    assert host(r) is not None and link("s0") and link("m0")


def test_an_interface_that_somebody_deletes_is_said_to_be_gone(host_rig):
    r = host_rig()
    connected(r)
    run("ip link delete host0")
    wait_for(lambda: host(r)["state"] == "gone", what="state gone")
    r.daemon.ctl("remove host host0")
    r.daemon.ctl("add host host0")
    address(r)
    pings()


def test_a_file_brings_host_ports_and_takes_them_away(host_rig):
    r = host_rig(host="mtu=1450,label=mgmt")
    r.daemon.ctl(f"write {r.workdir}/with.conf")
    r.daemon.ctl("remove host host0")
    r.daemon.ctl(f"write {r.workdir}/without.conf")
    r.daemon.ctl(f"load {r.workdir}/with.conf")
    connected(r)
    assert host(r)["mtu"] == 1450
    r.daemon.ctl(f"load {r.workdir}/without.conf force")
    assert link("host0") == "" and host(r) is None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sleeping_worker_is_woken_by_the_host(host_rig, workers):
    r = host_rig(workers=workers, idle="sleep")
    address(r)
    for _ in range(20):
        pings()
    r.check_balance()


def test_an_address_by_dhcp_over_the_bond(host_rig):
    """Of dnsmasq, to a client of busybox; and the port is bound to it from then on."""
    r = host_rig()
    connected(r)
    r.daemon.ctl("set host host0 mac_guard=on,mac=auto,ip=dhcp")
    with host_rig.lan.inside():
        server = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--port=0", "--interface=p0", "--bind-interfaces",
             f"--dhcp-range={DHCP},{DHCP},255.255.255.0,1h", "--no-resolv", "--no-hosts",
             f"--dhcp-leasefile={r.workdir}/leases", "--conf-file=/dev/null", "--user=root",
             f"--pid-file={r.workdir}/dnsmasq.pid"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        script = r.workdir / "bound.sh"
        script.write_text('#!/bin/sh\n[ "$1" = bound ] && ip addr add "$ip/24" dev "$interface"\n'
                          "exit 0\n")
        script.chmod(0o755)
        run(f"busybox udhcpc -f -n -q -t 10 -T 1 -i host0 -s {script}")
        assert DHCP in run("ip addr show host0")
        pings()
        addresses = r.daemon.ctl("show guest host0 guards", json=True)["ips"]
        assert [(a["address"], a["from"]) for a in addresses] == [(DHCP, "dhcp")]
        assert 3000 < addresses[0]["seconds"] <= 3600
    finally:
        server.terminate()
        server.wait(LIMIT)


@pytest.mark.parametrize("ours, theirs", [(HOST, LAN), ("fd00:9::2", "fd00:9::1")], ids=["arp", "nd"])
def test_linux_takes_the_answer_that_bondfwd_gives_for_its_neighbour(host_rig, ours, theirs):
    r = host_rig(host="neigh_suppress=on")
    run("sysctl -q -w net.ipv4.conf.all.arp_ignore=1")  # the bridge s0 is in the host's namespace, too
    address(r)
    for where, interface, inside in ((run, "host0", "fd00:9::2"), (host_rig.lan.run, "p0", "fd00:9::1")):
        where(f"sysctl -q -w net.ipv6.conf.{interface}.disable_ipv6=0")
        where(f"ip addr add {inside}/64 dev {interface} nodad")
    pings(theirs)
    wait_for(lambda: any(n["address"] == ours for n in r.daemon.ctl("show neighbors", json=True)), what="heard")

    def is_answered():
        host_rig.lan.run("ip neigh flush dev p0")
        host_rig.lan.run(f"ping -c 1 -W 2 {ours}")
        return r.daemon.drops("bond0").get("answered", 0) > 0
    wait_for(is_answered, what="an answer")
    mac = host(r)["mac"]
    assert f"lladdr {mac}" in host_rig.lan.run(f"ip neigh show {ours} dev p0")


def test_the_command_line_gives_a_host_port_and_metrics_tell_of_it(rig, lan):  # noqa: F811
    r = rig(members=0, vdevs=["net_tap0,iface=m0", "net_tap1,iface=m1"], mtu=1500, guests=(), log_allowed=LOG_HOST,
            start=False)
    r.args = [*r.args, "--host", "name=host0,label=own"]
    r.start()
    plug(r)
    address(r)
    pings()
    assert host(r)["label"] == "own"
    metrics = r.daemon.ctl("show metrics")
    for metric in ("host_up", "host_carrier", "guest_up"):
        labels = 'host="host0",bond="bond0"' if metric.startswith("host") else 'bond="bond0",guest="host0"'
        assert f'bondfwd_{metric}{{{labels}}} 1' in metrics
    assert 'bondfwd_host_mtu_bytes{host="host0",bond="bond0"} 1500' in metrics
    run("ip link set host0 down")
    wait_for(lambda: 'bondfwd_host_up{host="host0",bond="bond0"} 0' in r.daemon.ctl("show metrics"), what="down")


def test_an_ssh_session_outlives_a_failover_and_our_restart(host_rig):
    r = host_rig("active-backup", bond=",primary=net_tap0")
    address(r)
    pings()
    session = Ssh(host_rig.lan, r.workdir)
    run("ip link set m0 down")
    wait_for(lambda: sum(m["link"] for m in r.bond()["member_details"]) == 1, what="link lost")
    session.says("after a failover")
    run("ip link set m0 up")
    wait_for(lambda: all(m["link"] for m in r.bond()["member_details"]), what="links back")
    r.daemon.ctl(f"write {r.workdir}/kept.conf")
    r.finish()
    r.args = ["--config", str(r.workdir / "kept.conf")]
    r.start()
    plug(r)
    connected(r)
    session.says("after a restart")
    session.close()
