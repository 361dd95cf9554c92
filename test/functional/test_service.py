# SPDX-License-Identifier: BSD-3-Clause
"""bondfwd as a service of systemd: its units, and what it tells systemd."""

import re
import subprocess

import pytest

import bf

UNITS = ("bondfwd.service", "bondfwd@.service")
# docs/install.md states it.
EXPOSURE = 3.3


def analyze(*args):
    return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, timeout=bf.LIMIT, check=False)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_has_no_faults_and_is_no_more_exposed_than_the_page_says(unit):
    path = bf.BUILD / "config" / unit
    said = analyze("verify", "--man=no", str(path)).stderr.splitlines()
    # The build has not been installed.
    assert [line for line in said if not re.search(r"bond(fwd|ctl) is not executable", line)] == []
    done = analyze("security", "--offline=true", "--no-pager", str(path))
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None, done.stdout + done.stderr
    assert float(exposure[1]) <= EXPOSURE
    assert f"`{EXPOSURE} OK`" in (bf.ROOT / "docs/install.md").read_text(encoding="utf-8")
