# SPDX-License-Identifier: BSD-3-Clause
"""iPXE, which drives virtio-net by polling, without mergeable buffers and without interrupts."""

import contextlib
import pathlib
import subprocess

import pytest

from bf import guest_mac, wait_for
from lan import ADDRESS, dnsmasq, lan

BLOB = 3 << 20


@contextlib.contextmanager
def machine(workdir, sock, *device):
    """A QEMU that boots from its network card; what it writes to the screen."""
    log = pathlib.Path(workdir) / "screen.log"
    nic = ",".join(["virtio-net-pci", "netdev=net", f"mac={guest_mac(1)}", "bootindex=0", *device])
    command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-machine",
               "q35,graphics=off,memory-backend=mem", "-accel", "tcg", "-m", "128M", "-smp",
               "1,maxcpus=2", "-object", "memory-backend-memfd,id=mem,size=128M,share=on",
               "-serial", f"file:{log}", "-chardev", f"socket,id=chr,path={sock},server=on,wait=off",
               "-netdev", "vhost-user,id=net,chardev=chr", "-device", nic]
    with open(f"{workdir}/qemu.log", "wb") as out, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT) as qemu:
        try:
            yield lambda: log.read_text(errors="replace") if log.exists() else ""
        finally:
            qemu.terminate()


@pytest.mark.parametrize("device", [(), ("mrg_rxbuf=off",), ("disable-legacy=on",),
                                    ("disable-modern=on", "disable-legacy=off")], ids=str)
def test_ipxe_gets_an_address_and_files(rig, workdir, device):
    tftp = pathlib.Path(workdir) / "tftp"
    tftp.mkdir()
    (tftp / "blob").write_bytes(bytes(i * 7 % 256 for i in range(256)) * (BLOB // 256))
    (tftp / "go.ipxe").write_text(f"#!ipxe\nimgfetch tftp://{ADDRESS}/blob\nimgstat\n"
                                  "echo all is well over ${net0/mac}\n")
    with lan(rig) as r, dnsmasq(workdir, "go.ipxe") as server:
        r.daemon.ctl(f"add guest vm1 socket={workdir}/vm1.sock,mtu=1500")
        with machine(workdir, f"{workdir}/vm1.sock", *device) as screen:
            try:
                wait_for(lambda: f"all is well over {guest_mac(1)}" in screen(), 120, "iPXE's word")
            except TimeoutError as error:
                raise AssertionError(f"{screen()[-2000:]}\n{server()[-2000:]}") from error
            assert f"{BLOB} bytes" in screen()
        wait_for(lambda: not r.daemon.ctl("show guest vm1", json=True)[0]["up"], what="QEMU gone")
