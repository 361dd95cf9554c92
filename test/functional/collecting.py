# SPDX-License-Identifier: BSD-3-Clause
"""Collectors of sFlow and IPFIX, other makers' programs: nfdump's, pmacct's, and tshark on the datagrams.

Tests that use it run in a network namespace of their own (fixture `net`): all ports are free.
"""

import contextlib
import csv
import io
import json
import math
import pathlib
import signal
import socket
import struct
import subprocess

import bf
from bf import wait_for

HOST = "127.0.0.1"


def is_within_3_sigma(estimate, truth, sampling):
    """Of a random sample of one in so many, each frame by itself; the tap's draws vary less than that."""
    sigma = sampling * math.sqrt(truth / sampling * (1 - 1 / sampling))
    return abs(estimate - truth) <= 3 * sigma


def waiting(port):
    """Bytes that wait in the socket of a UDP port; None: nobody listens."""
    for line in pathlib.Path("/proc/thread-self/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if int(words[1].split(":")[1], 16) == port:
            return int(words[4].split(":")[1], 16)
    return None


class Program:
    """A collector's process until end(), which makes it write what it has."""

    def __init__(self, command, port, log):
        self.log, self.port = pathlib.Path(log), port
        with open(log, "wb") as to:
            self.proc = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=to,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        wait_for(lambda: waiting(port) is not None or self.proc.poll() is not None, what=f"{command[0]} listens")
        assert self.proc.poll() is None, self.said()

    def said(self):
        return self.log.read_text(errors="replace")

    def end(self):
        """It has taken what has come, and writes it."""
        wait_for(lambda: not waiting(self.port), what=f"datagrams taken from port {self.port}")
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGINT)
        self.proc.wait(bf.LIMIT)
        return self.said()

    def kill(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait(bf.LIMIT)


class Nfdump(Program):
    """nfcapd, sfcapd: flows into files, which nfdump reads."""

    def __init__(self, program, port, folder):
        self.folder = pathlib.Path(folder, program)
        self.folder.mkdir()
        super().__init__([program, "-b", HOST, "-p", port, "-w", self.folder, "-t", "3600", "-B", "200000"], port,
                         f"{folder}/{program}.log")

    def flows(self):
        """What it has, as a list of dictionaries; after end()."""
        done = subprocess.run(["nfdump", "-R", str(self.folder), "-q", "-o", "json"], capture_output=True,
                              text=True, timeout=bf.LIMIT, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(f"[{done.stdout}]")


class Pmacct(Program):
    """nfacctd, sfacctd: sums, by what is said in `aggregate`, as JSON."""

    def __init__(self, program, port, folder, aggregate="src_host,dst_host,proto,in_iface,vlan"):
        self.out = pathlib.Path(folder, f"{program}.json")
        config = pathlib.Path(folder, f"{program}.conf")
        config.write_text(f"{program}_ip: {HOST}\n{program}_port: {port}\n{program}_renormalize: true\n"
                          f"plugins: print\naggregate: {aggregate}\nprint_output: json\n"
                          f"print_output_file: {self.out}\nprint_refresh_time: 3600\n"
                          f"print_output_file_append: true\n", encoding="ascii")
        super().__init__([program, "-f", config], port, f"{folder}/{program}.log")

    def sums(self):
        """After end()."""
        wait_for(self.out.exists, what=f"{self.out} written")
        return [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]


class Datagrams:
    """A socket of the test's own, whose datagrams tshark reads."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((HOST, port))
        self.socket.setblocking(False)
        self.taken = []

    def take(self):
        """Those that have come so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.taken.append(self.socket.recv(65536))
        return self.taken

    def close(self):
        self.socket.close()

    def pcap(self, path):
        """As a capture of IPv4 without Ethernet."""
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
            for data in self.take():
                ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0,
                                 socket.inet_aton(HOST), socket.inet_aton(HOST))
                packet = ip + struct.pack(">HHHH", 40000, self.port, 8 + len(data), 0) + data
                f.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)

    def decoded(self, path, protocol, fields):
        """A {field: [value, ...]} of each datagram, by tshark; none of them is malformed."""
        self.pcap(path)
        fields = [*fields, "_ws.malformed"]
        done = subprocess.run(["tshark", "-nr", str(path), "-d", f"udp.port=={self.port},{protocol}", "-T", "fields",
                               "-E", "separator=;", *[word for field in fields for word in ("-e", field)]],
                              capture_output=True, text=True, timeout=bf.LIMIT, check=False)
        assert done.returncode == 0, done.stderr
        rows = [dict(zip(fields, (cell.split(",") if cell else [] for cell in row)))
                for row in csv.reader(io.StringIO(done.stdout), delimiter=";")]
        assert not any(row["_ws.malformed"] for row in rows)
        return rows
