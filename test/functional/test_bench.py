# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench runs, and its results hold what docs/performance.md promises; no rate is asserted."""

import json
import pathlib
import shutil
import subprocess

import pytest

import bf

# It gives whole CPUs to the generator and to the forwarders, and stops those that wait.
pytestmark = pytest.mark.alone

BENCH = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench"
NEEDS = (bf.BONDFWD, pathlib.Path(shutil.which("dpdk-testpmd") or "dpdk-testpmd"))


def bench(where, *words):
    """(results.json, table.md) of a run of bondfwd and testpmd on ordinary memory."""
    done = subprocess.run(
        [BENCH, "--quick", "--memory", "ordinary", "--forwarders", "bondfwd,testpmd", "--results",
         where, *words], capture_output=True, text=True, timeout=120, env=bf.clean_env(),
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (json.loads((where / "results.json").read_text(encoding="utf-8")),
            (where / "table.md").read_text(encoding="utf-8"))


def test_forwarders_are_compared_window_by_window(workdir):
    found, table = bench(pathlib.Path(workdir) / "results", "--paths", "p2v,pvp", "--windows", "2", "--rate", "20000")
    assert [(w["path"], w["forwarder"]) for w in found["windows"]] == [
        ("p2v", "bondfwd")] * 2 + [("pvp", "bondfwd")] * 2
    for window in found["windows"]:
        assert window["base"]["forwarder"] == "testpmd"
        assert len(window["cpu_distance_ns"]) == 4 and min(window["cpu_distance_ns"]) > 0
        for one in (window, window["base"]):
            assert one["delivered"] > 0 and one["polled"] > 0 and one["p50"] > 0
    assert "| ratio, p50 |" in table and "windows of 80 ms each, 20000 frames/s" in table


def test_idle_guests_take_no_part(workdir):
    found, table = bench(pathlib.Path(workdir) / "results", "--paths", "v2p", "--measure", "delivered", "--guests", "3",
                         "--busy", "1")
    assert {c["forwarder"] for c in found["cases"]} == {"bondfwd", "testpmd"}
    assert all(c["flat_out"]["received"] > 0 for c in found["cases"])
    assert "1 guest(s) and 2 idle" in table
