# SPDX-License-Identifier: BSD-3-Clause
"""emulated PCI cards (82574, vmxnet3, virtio) on vfio-pci: binding, frames, link interrupts, cable by cable"""

from suites import run_pytest

LIMIT_S = 3600
GROUPS = ("build", "run", "test", "guest")


def run(job):
    return run_pytest(job, "pci")
