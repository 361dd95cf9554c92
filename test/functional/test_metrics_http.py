# SPDX-License-Identifier: BSD-3-Clause
"""Metrics over HTTP: `--metrics ADDRESS`. What is served is what `show metrics` says, and no client holds anybody up."""

import contextlib
import grp
import http.client
import os
import re
import socket
import stat
import subprocess
import threading
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

import bf
from bf import wait_for
from test_renderings import samples_of

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# What Prometheus 2.42 says.
PROMETHEUS_ACCEPTS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
# What goes on by itself.
RESTLESS = re.compile(r"bondfwd_(uptime|lcore_(busy|idle|loops|sleeps|woken|late_wake_up|guest_ring|member_ring))")
CONNECTIONS = 16
TIMEOUT_S = 10


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=bf.LIMIT)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(bf.LIMIT)
        self.sock.connect(self.path)


class Server:
    """The address that a daemon serves metrics at."""

    def __init__(self, daemon):
        said = wait_for(lambda: re.search(r"^NOTICE: metrics: served on (\S+)$", daemon.log_text(), re.MULTILINE),
                        what="an address in the log")[1]
        self.path = said.partition("unix:")[2]
        found = re.fullmatch(r"http://\[?([0-9a-f.:]+?)\]?:(\d+)/metrics", said)
        self.host, self.port = (found[1], int(found[2])) if found else (None, None)

    def connection(self):
        if self.path:
            return UnixConnection(self.path)
        return http.client.HTTPConnection(self.host, self.port, timeout=bf.LIMIT)

    def socket(self, room=None):
        """A socket that is connected. room: bytes that it receives and nobody reads."""
        s = socket.socket(socket.AF_UNIX if self.path else socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        s.settimeout(bf.LIMIT)
        if room:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        s.connect(self.path or (self.host, self.port))
        return s

    def ask(self, path="/metrics", method="GET", body=None, **headers):
        """The answer, with its body as text."""
        with contextlib.closing(self.connection()) as c:
            c.request(method, path, body=body, headers=headers)
            answer = c.getresponse()
            answer.text = answer.read().decode()
        return answer


@pytest.fixture
def served(rig):
    """Make a rig that serves metrics, at a free port unless told."""
    def make(address="127.0.0.1:0", more=(), **options):
        r = rig(start=False, **options)
        r.args += ["--metrics", address, *more]
        return r.start(), Server(r.daemon)
    return make


def quiet(samples):
    return {k: v for k, v in samples.items() if not RESTLESS.match(k)}


def test_what_is_served_is_what_show_says_in_both_forms(served):
    r, server = served(guests=("vm1", "vm2", "vm3"))
    r.learn_all()
    r.transfer(r.vm(1), r.far[0], 1, 100, src=bf.guest_mac(1), dst=bf.FAR_MAC)
    r.settle()

    def both():
        plain, opened = server.ask(), server.ask(Accept=PROMETHEUS_ACCEPTS)
        assert (plain.status, plain.getheader("Content-Type")) == (200, TEXT)
        assert (opened.status, opened.getheader("Content-Type")) == (200, OPEN)
        assert opened.text.endswith("\n# EOF\n") and "# EOF" not in plain.text
        said = quiet(samples_of(r.daemon.ctl("show metrics"), prometheus_families))
        return said == quiet(samples_of(plain.text, prometheus_families)) == quiet(
            samples_of(opened.text, open_families))
    wait_for(both, what="a moment without a change")


def test_promtool_has_nothing_to_say_about_what_is_served(served):
    _, server = served(guests=("vm1",))
    done = subprocess.run(["promtool", "check", "metrics"], input=server.ask().text, text=True, capture_output=True,
                          timeout=bf.LIMIT, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("address", ["[::1]:0", "unix:"])
def test_it_listens_where_it_is_told_to(served, workdir, address):
    path = f"{workdir}/metrics.sock"
    r, server = served(address + (path if address == "unix:" else ""), guests=())
    assert "bondfwd_build_info" in server.ask().text
    assert "bondfwd" in server.ask("/").text
    if address == "unix:":
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    r.finish()
    assert not os.path.exists(path)


def test_the_socket_has_the_consoles_group_and_replaces_one_that_is_dead(served, workdir):
    path = f"{workdir}/metrics.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    with open("/etc/group", encoding="utf-8") as f:
        group = next(line.split(":")[0] for line in f if not line.startswith("root:"))
    r, server = served(f"unix:{path}", guests=(), more=["--group", group])
    assert server.ask().status == 200
    assert grp.getgrgid(os.stat(path).st_gid).gr_name == group == grp.getgrgid(
        os.stat(r.daemon.console).st_gid).gr_name


def refused(workdir, address):
    """What bondfwd says when it does not start because of an address."""
    folder = bf.pathlib.Path(workdir) / "other"
    folder.mkdir(exist_ok=True)
    daemon = bf.Daemon(folder, ["--metrics", address])
    daemon.proc.wait(bf.LIMIT)
    daemon.remove_runtime()
    return daemon.proc.returncode, [line for line in daemon.log_text().splitlines() if line.startswith("bondfwd: ")]


def test_an_address_that_is_taken_or_not_ours_or_none_ends_the_start(served, workdir):
    r, server = served(guests=())
    taken = f"127.0.0.1:{server.port}"
    busy = "bind: Address already in use: expected a port that nobody listens on"
    assert refused(workdir, taken) == (1, [f'bondfwd: --metrics: "{taken}": {busy}'])
    foreign = "bind: Cannot assign requested address: expected an address of this host"
    assert refused(workdir, "192.0.2.1:0") == (1, [f'bondfwd: --metrics: "192.0.2.1:0": {foreign}'])
    words = "expected IPv4:PORT, [IPv6]:PORT or unix:/PATH"
    assert refused(workdir, "localhost:1") == (2, [f'bondfwd: --metrics: "localhost:1": {words}'])
    live = f"unix:{r.daemon.console}"
    assert refused(workdir, live) == (1, [
        f"bondfwd: metrics: {r.daemon.console}: another program answers there: expected a socket of our own"])
    assert server.ask().status == 200


def test_pages_and_methods_that_are_none_are_refused_in_words(served):
    _, server = served(guests=())
    answer = server.ask("/metric")
    assert (answer.status, answer.text) == (404, "expected /metrics, /health or /\n")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = server.ask(method=method)
        assert (answer.status, answer.text) == (405, "expected GET or HEAD\n")
        assert answer.getheader("Allow") == "GET, HEAD"
    for path in ("/", "/metrics", "/health"):
        answer = server.ask(path, method="HEAD")
        assert answer.status in (200, 503) and answer.text == ""
        assert int(answer.getheader("Content-Length")) > 0 or path == "/health"
    assert "/metrics" in server.ask("/").text
    assert server.ask("/metrics?from=anybody").status == 200
    assert server.ask(body="x" * 100000).text.endswith("\n")


def test_health_is_ok_or_what_show_health_finds(served):
    r, server = served(guests=("vm1",))

    def is_well():
        answer = server.ask("/health")
        return answer.status == 200 and answer.text == "ok\n"
    wait_for(is_well, what="nothing found")
    r.far[1].kill()
    r.daemon.log_allowed += bf.LOG_LINK_LOSS

    def says_so():
        answer = server.ask("/health")
        return (answer.status, answer.text.count("no_redundancy"), answer.text.count("net_vhost1")) == (503, 1, 1)
    wait_for(says_so, what="the lost member")
    assert "Bond bond0: degraded" in server.ask("/health").text


def test_a_head_that_is_too_long_is_refused_and_nonsense_too(served):
    _, server = served(guests=())
    assert server.ask(Nonsense="x" * 20000).status in (413, 414, 431)
    with server.socket() as s:
        s.sendall(b"\0\1\2 nonsense\r\n\r\n")
        s.recv(4096)  # an answer, or the end
    assert server.ask().status == 200


def is_cut_off(s):
    """The daemon has closed its end."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] != 1  # TCP_ESTABLISHED


def test_clients_that_never_finish_a_request_are_cut_off_however_busy_they_look(served):
    _, server = served(guests=())
    slow = [server.socket() for _ in range(CONNECTIONS)]
    for s in slow:
        s.sendall(b"GET /metrics HTTP/1.1\r\nX: ")

    def are_cut_off():
        for s in slow:
            with contextlib.suppress(OSError):
                s.send(b"x")
        return all(is_cut_off(s) for s in slow)
    wait_for(are_cut_off, 4 * TIMEOUT_S, "an end of the slow ones", step=0.5)
    for s in slow:
        s.close()
    assert server.ask().status == 200


def test_readers_that_are_stuck_hold_nobody_up_and_are_cut_off(served):
    """Fifteen clients ask without end and read nothing: others are answered, the console too, and frames pass."""
    r, server = served(guests=("vm1",))
    r.learn_all()
    stuck = []
    for _ in range(CONNECTIONS - 1):
        s = server.socket(room=2048)
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                s.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        stuck.append(s)
    begin = time.monotonic()
    assert server.ask().status == 200
    r.daemon.ctl("show metrics")
    assert r.transfer(r.vm(1), r.far[0], 1, 1000, src=bf.guest_mac(1), dst=bf.FAR_MAC)["distinct"] == 1000
    assert time.monotonic() - begin < TIMEOUT_S - 2

    wait_for(lambda: all(is_cut_off(s) for s in stuck), 4 * TIMEOUT_S, "an end of the stuck ones")
    for s in stuck:
        s.close()
    assert server.ask().status == 200


def test_many_readers_at_once_get_whole_texts(served):
    _, server = served(guests=("vm1",))
    wrong = []

    def read():
        for _ in range(20):
            answer = server.ask(Accept=OPEN)
            if answer.status != 200 or not answer.text.endswith("\n# EOF\n"):
                wrong.append((answer.status, answer.text[-200:]))
    threads = [threading.Thread(target=read) for _ in range(2 * CONNECTIONS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_the_thread_runs_beside_control_and_never_on_a_workers_cpu(served):
    """It has the CPUs of the main lcore."""
    r, server = served(guests=())
    assert server.ask().status == 200
    tasks = bf.pathlib.Path(f"/proc/{r.daemon.proc.pid}/task")

    def cpus(task):
        return re.search(r"^Cpus_allowed:\s*(\S+)$", (task / "status").read_text(), re.MULTILINE)[1]
    ours = [t for t in tasks.iterdir() if (t / "comm").read_text().startswith("MHD")]
    assert len(ours) == 1 and cpus(ours[0]) == cpus(tasks / str(r.daemon.proc.pid))


def test_it_ends_at_once_with_clients_connected(served):
    r, server = served(guests=())
    with server.socket() as idle, server.socket() as half:
        half.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        assert server.ask().status == 200
        begin = time.monotonic()
        r.finish()
        assert time.monotonic() - begin < TIMEOUT_S / 2
        assert idle.recv(1) == b""


def test_without_the_option_nobody_listens(rig):
    r = rig(guests=())
    mine = set()
    for f in bf.pathlib.Path(f"/proc/{r.daemon.proc.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a connection of the console closes a moment later
            mine.add(os.readlink(f))
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}", encoding="ascii") as f:
            assert not [line for line in f if f"socket:[{line.split()[9]}]" in mine]
