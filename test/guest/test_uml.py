# SPDX-License-Identifier: BSD-3-Clause
"""
User Mode Linux guests: front ends without a device model, which leave the control queue to the back
end, give a socket to be called by, and begin packed rings with the wrong wrap counter.
"""

import os
import re

import pytest

from guestrig.backend import Bondfwd, GuestPort
from guestrig.process import Run
from guestrig.uml import Uml

MIB = 8


class UmlLab:
    """Two guests on ports in server mode, and a cable that nobody holds the other end of."""

    def __init__(self, run, **keys):
        self.ports = [GuestPort(f"uml{i}", run.path(f"uml{i}.sock"), mode="server", **keys)
                      for i in (1, 2)]
        self.backend = Bondfwd(run, [run.path("far.sock")], self.ports, {"mode": "active-backup"})
        self.guests = [Uml(run, port.name, port.sock, i) for i, port in enumerate(self.ports, 1)]

    def start(self):
        self.backend.start().wait_ready()
        for guest in self.guests:
            guest.start()
        for guest in self.guests:
            guest.wait_booted().configure()
        return self


@pytest.fixture(params=[{}, {"packed": "off"}, {"queues": 1}, {"queues": 2, "mrg_rxbuf": "off"}],
                ids=["default", "split", "one queue", "two queues, not mergeable"])
def uml(request):
    with Run("uml", keep_logs=os.environ.get("BONDFWD_GUEST_LOGS")) as run:
        lab = UmlLab(run, **request.param).start()
        yield lab
        assert lab.backend.stop() == 0


def sum_of(guest, path):
    return re.search(r"^([0-9a-f]{32}) ", guest.sh(f"md5sum {path}"), re.MULTILINE)[1]


def test_user_mode_linux_needs_no_help(uml):
    one, two = uml.guests
    one.reaches(two)
    two.reaches(one)
    kinds = {ring["kind"] for ring in uml.backend.guest("uml1")["rings"]}
    assert kinds == {"split" if uml.ports[0].keys.get("packed") == "off" else "packed"}
    # Every command of the control queue is answered.
    one.sh("ip link set eth0 promisc on && ip link set eth0 promisc off && "
           "ip link set eth0 address 52:54:00:67:00:77 && ip link set eth0 address " + one.mac)
    # A stream, whole: its sum is made at both ends.
    one.sh(f"mkdir /srv && dd if=/dev/urandom of=/srv/sent bs=1M count={MIB} 2>/dev/null && "
           "httpd -p 80 -h /srv")
    two.sh(f"wget -q -O /got http://{one.ip}/sent", 60)
    assert sum_of(one, "/srv/sent") == sum_of(two, "/got")
