# SPDX-License-Identifier: BSD-3-Clause
"""The guides of docs/guides, executed. Run by scripts/accept guides."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "functional"), str(ROOT / "scripts" / "guest")]
