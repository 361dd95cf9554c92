# SPDX-License-Identifier: BSD-3-Clause
"""A worker whose CPU is taken away: a debugger holds its thread."""

import contextlib
import ctypes
import os
import pathlib
import re

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000


def worker_thread(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if re.search("worker-?1$", (task / "comm").read_text().strip()):
            return int(task.name)
    raise AssertionError("no worker")


def ptrace(request, tid):
    assert ctypes.CDLL(None, use_errno=True).ptrace(request, tid, None, None) == 0, ctypes.get_errno()


@contextlib.contextmanager
def worker_held(pid):
    """The first worker stands still within; a change that needs a new view would wait for it."""
    tid = worker_thread(pid)
    ptrace(PTRACE_SEIZE, tid)
    ptrace(PTRACE_INTERRUPT, tid)
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, tid)
