# SPDX-License-Identifier: BSD-3-Clause
"""
The kernel's own tests of its bridge and its bond (tools/testing/selftests), unchanged, with bondfwd as the bridge or
the bond. Run by scripts/accept selftests, which fetches them.
"""

import os
import pathlib
import re

import pytest

from files import FILES, FOLDERS, NOT_YET, why_not
from guestrig.process import Run
from lab import BondLab, BridgeLab

ROOT = os.environ.get("BONDFWD_SELFTESTS", "")
LIMIT_S = 2400
VERDICT = re.compile(r"TEST: (.*?)\s+\[\s*(\w+)\s*\]\s*$", re.MULTILINE)
GOOD = ("OK", "XFAIL")

pytestmark = pytest.mark.skipif(not ROOT, reason="run by scripts/accept selftests")


def found():
    folder = pathlib.Path(ROOT) / "selftests"
    return sorted(str(path.relative_to(folder)) for pattern in FOLDERS for path in folder.glob(pattern)) if ROOT else []


def judge(file, said):
    """(cases that count, cases that do not): lists of (title, word)"""
    words = [(title, word) for title, word in VERDICT.findall(said) if not title.startswith(file.beside)]
    return ([pair for pair in words if pair[0] not in file.without],
            [pair for pair in words if pair[0] in file.without])


# Each can go to another process; all that follows goes to one.
@pytest.mark.parametrize("file", [pytest.param(file, id=f"{file.name} {file.part}".strip(),
                                               marks=pytest.mark.xdist_group(file.title))
                                  for file in FILES])
def test_the_kernels_own_test_passes(file, record_property):
    with Run("selftests", keep_logs=os.environ.get("BONDFWD_GUEST_LOGS")) as run:
        lab = (BondLab if file.members else BridgeLab)(run, ROOT, file, LIMIT_S + 300).start()
        folder = os.path.dirname(file.path)
        part = f"TESTS={file.part}" if file.part else ""
        said = lab.hosts.sh(f"cd /selftests/{folder} && export NETIF_CREATE=no {lab.env} {file.env} {part} && "
                            f"bash ./{file.name} {file.words} </dev/null 2>&1; echo status $?", limit_s=LIMIT_S)
        said = said.rpartition("echo status $?")[2]
        print(said, *lab.refused(), *lab.asked(), sep="\n")
        lab.end()
    status = int(re.search(r"^status (\d+)", said, re.MULTILINE)[1])
    counted, others = judge(file, said)
    passed = [title for title, word in counted if word in GOOD]
    if file.without:
        silent = set(file.without) - {title for title, _ in others}
        n_others = len(others) + len(silent)
        record_property("selftest", f"{file.title}: {len(passed)} of {len(counted) + n_others} cases, "
                                    f"{n_others} do not count")
        failed = {title for title, word in others if word not in GOOD}
        for title in sorted({title for title, _ in others} - failed):
            record_property("selftest", f"{file.title}: {title}: passes, and may count now")
    else:
        record_property("selftest", f"{file.title}: whole" + (f", cases: {len(passed)}" if counted else ""))
    assert len(passed) == len(counted), [title for title, word in counted if word not in GOOD]
    # A file that prints no verdicts says it with its status; one that is left out in part fails for these parts.
    assert status == 0 or file.without
    assert counted or (not file.without and "SKIP" not in said)


@pytest.mark.xdist_group("reasons")
@pytest.mark.parametrize("file,case", [(file, case) for file in FILES for case in file.without],
                         ids=[f"{file.name}: {case}" for file in FILES for case in file.without])
def test_a_case_that_does_not_count(file, case):
    pytest.skip(file.without[case])


@pytest.mark.xdist_group("reasons")
@pytest.mark.parametrize("path", [path for path in found() if path not in [file.path for file in FILES]])
def test_a_file_that_does_not_count(path):
    reason = why_not(path)
    assert reason, "a file that nobody has looked at: expected in test/selftests/files.py"
    pytest.skip(("not yet: " if path in NOT_YET else "") + reason)


@pytest.mark.xdist_group("reasons")
def test_every_file_that_counts_is_there():
    assert not [file.path for file in FILES if file.path not in found()]
