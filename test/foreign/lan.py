# SPDX-License-Identifier: BSD-3-Clause
"""A LAN behind a member that is a kernel interface: an address, DHCP and TFTP by dnsmasq."""

import contextlib
import pathlib
import subprocess

from bf import wait_for
from lacp_partner import private_network, run

ADDRESS = "10.77.0.1"
LOG = [r"^tap_|^eth_dev_tap_create|^qdisc_create|^tun_alloc", r"^WARNING: member_down: net_tap\d: "]


@contextlib.contextmanager
def lan(rig):
    """A rig whose only member is `lan0`, in a network of the test's own, without guests yet."""
    with private_network():
        r = rig(members=0, guests=(), vdevs=["net_tap0,iface=lan0"], mtu=1500, log_allowed=LOG)
        run(f"ip addr add {ADDRESS}/24 dev lan0")
        wait_for(r.members_settled, what="member in service")
        yield r
        r.finish()


@contextlib.contextmanager
def dnsmasq(workdir, boot_file):
    """Serves addresses from 10.77.0.10 on, and the files of workdir/tftp; its log."""
    log = pathlib.Path(workdir) / "dnsmasq.log"
    with open(log, "wb") as out, subprocess.Popen(
            ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root", "--port=0",
             "--interface=lan0", "--bind-interfaces", "--dhcp-range=10.77.0.10,10.77.0.20,1h",
             f"--dhcp-leasefile={workdir}/leases", "--dhcp-authoritative", "--enable-tftp",
             f"--tftp-root={workdir}/tftp", f"--dhcp-boot={boot_file}", "--log-dhcp"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT) as server:
        try:
            yield lambda: log.read_text(errors="replace")
        finally:
            server.terminate()
