# SPDX-License-Identifier: BSD-3-Clause
"""
Real Linux guests and a real Linux bond partner for bondfwd, in QEMU.

    process.py  one run: its private folder, its child processes, its waiting; ends all of it
    image.py    Debian cloud kernel and a small initramfs, built once and cached
    vm.py       one virtual machine: NICs, power, a command channel into it
    station.py  an address in a VM: pings, checksummed transfers
    farside.py  the "switch" VM: Linux bonding or a dumb bridge at the other end of the cables
    backend.py  bondfwd and bondctl
    lab.py      all of the above put together: far side, backend, guests
    demo.py     the guided tour behind scripts/quickstart

Only Debian packages and the system's python3 are used.
"""
