# SPDX-License-Identifier: BSD-3-Clause
"""
The guides of docs/guides, command by command, each on hosts of its own (host.py). What needs a card is counted
and named. A guide's marks: guide.py.
"""

import shutil
import tempfile

import pytest

from guide import pages, steps
from host import Host, connect


@pytest.fixture
def hosts():
    """hosts(name): made when it is asked for."""
    folder = tempfile.mkdtemp(prefix="bfg-")
    made = {}

    def get(name):
        if name not in made:
            made[name] = Host(folder, name)
        return made[name]
    yield get
    for host in made.values():
        host.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_each_command_of_the_guide_works(page, hosts):
    n_run, found = 0, steps(page)
    if any(step.host == "b" for step in found):
        hosts("a").run("true")
        hosts("b").run("true")
        connect(hosts("a"), hosts("b"))
    for step in found:
        where = f"docs/guides/{page.name}:{step.line}"
        if step.kind == "card":
            print(f"{where}: not executed: {step.text}")
            continue
        host = hosts(step.host)
        if step.kind == "wait":
            host.wait(step, where)
        else:
            host.do(step, where)
        n_run += step.kind == "run"
    print(f"{page.name}: {n_run} blocks executed")
    assert n_run > 0
