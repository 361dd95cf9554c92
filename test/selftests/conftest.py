# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's own tests. Run by scripts/accept selftests."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "guest"))
