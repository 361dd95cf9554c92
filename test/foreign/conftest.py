# SPDX-License-Identifier: BSD-3-Clause
"""Front ends that others have made, which need more than QEMU of this distribution.

Run by scripts/accept front-ends.
"""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "functional"), str(ROOT / "scripts" / "guest")]
pytest.register_assert_rewrite("bf", "fixtures", "lan")
from fixtures import pytest_runtest_makereport, rig, workdir  # noqa: E402,F401
