# SPDX-License-Identifier: BSD-3-Clause
"""Hours of changes. Run by scripts/accept soak."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "functional"))
sys.path.insert(0, str(ROOT / "scripts" / "guest"))
pytest.register_assert_rewrite("bf", "fixtures")
from fixtures import pytest_runtest_makereport, rig, workdir  # noqa: E402,F401
