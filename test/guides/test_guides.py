# SPDX-License-Identifier: BSD-3-Clause
"""
The guides of docs/guides, command by command, each on hosts of its own (host.py). What needs a card or a whole
machine is named. A guide's marks: guide.py.
"""

import pathlib
import shutil
import tempfile

import pytest

from guide import LEFT_OUT, ROOT, pages, steps
from host import Host, connect

HUGE_PAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")


@pytest.fixture(autouse=True)
def huge_pages():
    """What a guide has reserved is the machine's again."""
    kept = HUGE_PAGES.read_text()
    yield
    if HUGE_PAGES.read_text() != kept:
        HUGE_PAGES.write_text(kept)


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
        if step.kind in LEFT_OUT:
            print(f"{where}: not executed: {step.kind}: {step.words}")
            continue
        if step.kind == "package":
            print(f"{where}: left to scripts/accept systemd")
            continue
        host = hosts(step.host)
        if step.kind == "wait":
            host.wait(step, where)
        else:
            host.do(step, where)
        n_run += step.kind == "run"
    print(f"{page.name}: {n_run} blocks executed")
    assert n_run > 0


def test_what_needs_the_package_is_executed_by_the_suite_systemd():
    life = (ROOT / "test" / "systemd" / "test_life.py").read_text()
    names = [(page.stem, step.words) for page in pages() for step in steps(page) if step.kind == "package"]
    assert names
    for guide, name in names:
        assert f'package_block("{guide}", "{name}")' in life, name
