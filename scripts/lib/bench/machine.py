# SPDX-License-Identifier: BSD-3-Clause
"""Where and with what a run was made."""

import os
import platform
import re
import subprocess
import time

from .processes import ROOT, output_of


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def cpu_model():
    match = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.MULTILINE)
    return match[1] if match else platform.machine()


def huge_pages_free():
    """Free 2 MiB huge pages."""
    return int(read("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") or 0)


def kernel_isolation():
    return re.findall(r"\b(?:isolcpus|nohz_full|rcu_nocbs|hugepages|hugepagesz)=\S+",
                      read("/proc/cmdline"))


def revision():
    words = ["git", "-C", str(ROOT)]
    name = output_of(*words, "describe", "--always", "--tags")
    if name is None:
        return None
    done = subprocess.run([*words, "status", "--porcelain", "-uno"], capture_output=True, text=True,
                          check=False)
    return name + ("+changes" if done.stdout.strip() else "")


def describe(options, forwarders):
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": cpu_model(),
        "n_cpus": os.cpu_count(),
        "kernel": platform.release(),
        "kernel_options": kernel_isolation(),
        "is_virtual": bool(re.search(r"\bhypervisor\b", read("/proc/cpuinfo"))),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        "memory": "2 MiB huge pages" if options.memory == "huge" else "ordinary pages",
        "cores": {"generator and control": options.cpu_gen, "datapath": options.cpu_fwd},
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "versions": {cls.name: cls.version() for cls in forwarders},
        "dpdk": output_of("pkg-config", "--modversion", "libdpdk"),
        "revision": revision(),
    }
