# SPDX-License-Identifier: BSD-3-Clause
"""
Fixtures of the guest suite: bondfwd between real Linux guests and a real Linux bond.

One lab (switch VM, daemon, guests) serves all tests that follow each other and ask for the same,
because booting is what costs; a test that damaged it costs the next one a new lab. Needs a build (BONDFWD_BUILD names
its folder, default build), QEMU and the packages of `scripts/install-deps guest`.
"""

import os
import pathlib
import shutil
import signal
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "guest"))

from guestrig import image  # noqa: E402
from guestrig.backend import program  # noqa: E402
from guestrig.lab import Lab  # noqa: E402
from guestrig.process import ChildGone, RigError, Run, wait_until  # noqa: E402
from guestrig.vm import QEMU  # noqa: E402

# How much of each log a failed test shows.
TAIL = 4000
# What the daemon is asked when a test has failed.
SHOW = (("show", "bonding", "config", "bond0"), ("show", "guest"), ("show", "fdb"), ("show", "drops"),
        ("show", "events"))


def pytest_configure(config):
    # A test that waits for ever would outlive its user.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", 143))


@pytest.fixture(scope="session", autouse=True)
def needed():
    """Skip the suite, with the reason, where it cannot run."""
    if not shutil.which(QEMU):
        if "BONDFWD_QEMU" in os.environ:
            pytest.exit(f'BONDFWD_QEMU: "{QEMU}": expected a program', 2)
        pytest.skip(f"{QEMU} is not installed (scripts/install-deps guest)")
    try:
        program("bondfwd")
        program("bondctl")
        image.image()
    except RigError as error:
        pytest.skip(str(error))


class LabKeeper:
    """Boots a lab when it is first needed, and again when a test has left it broken."""

    def __init__(self, **options):
        self.options = options
        self.lab = None
        self.suspect = False

    def ready(self):
        if self.lab and self.suspect and not self._whole():
            self.close(orderly=False)
        self.suspect = False
        if not self.lab:
            run = Run("test", keep_logs=os.environ.get("BONDFWD_GUEST_LOGS"))
            self.lab = Lab(run, **self.options)
            try:
                self.lab.start().wait_connected()
            except (RigError, ChildGone):
                self.suspect = True
                raise
        return self.lab

    def _whole(self):
        try:
            for child in [self.lab.backend.child] + [s.vm.child for s in self.lab.stations()]:
                child.check_running()
            self.lab.wait_connected(10)
        except (RigError, ChildGone):
            return False
        return True

    def close(self, orderly=True):
        """
        End the lab. orderly: the daemon's books must balance, and it must end well on SIGTERM and
        remove its socket.

        In any case nothing may remain: no process, no file.
        """
        if not self.lab:
            return
        lab, self.lab = self.lab, None
        children = list(lab.run.children)
        try:
            if orderly and lab.backend.child.running():
                wait_until("every frame is sent or counted as dropped", 10,
                           lambda: lab.backend.in_flight() == 0)
                assert lab.backend.stop() == 0, "bondfwd: exit status after SIGTERM"
                assert not os.path.exists(lab.backend.console), "bondfwd left its console socket"
        finally:
            lab.run.close()
        assert not [child.name for child in children if child.running()]
        assert not os.path.exists(lab.run.folder)

    def report(self):
        """The daemon's view of the failure, and the end of each log."""
        if not self.lab:
            return
        for words in SHOW:
            try:
                yield " ".join(words), self.lab.backend.ctl(*words)
            except RigError as error:
                yield " ".join(words), str(error)
        for name, text in self.lab.run.logs():
            # librte_vhost tells the whole of its talk with QEMU.
            lines = [line for line in text.splitlines() if not line.startswith("VHOST_CONFIG")]
            yield name, "\n".join(lines)[-TAIL:]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    keeper = item.funcargs.get("keeper") if hasattr(item, "funcargs") else None
    if report.failed and keeper:
        keeper.suspect = True
        report.sections += list(keeper.report())


class Keepers:
    """The one keeper of the moment: no two labs at a time."""

    def __init__(self):
        self.current = None

    def get(self, options):
        if self.current and self.current.options != options:
            self.close()
        if not self.current:
            self.current = LabKeeper(**options)
        return self.current

    def close(self):
        kept, self.current = self.current, None
        if kept:
            kept.close(orderly=not kept.suspect)


@pytest.fixture(scope="session")
def keepers():
    kept = Keepers()
    yield kept
    kept.close()


@pytest.fixture(scope="module")
def keeper(request, keepers):
    """The keeper of the module's LAB options (a dict), or of one of its LABS by parameter."""
    return keepers.get(getattr(request, "param", None) or request.module.LAB)


@pytest.fixture
def lab(keeper):
    return keeper.ready()


@pytest.fixture
def far(lab):
    return lab.far


@pytest.fixture
def vm1(lab):
    return lab.guest("vm1")


@pytest.fixture
def vm2(lab):
    return lab.guest("vm2")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Tests that ask for the same lab follow each other."""
    seen = []

    def place(item):
        params = getattr(item, "callspec", None) and item.callspec.params
        options = (params or {}).get("keeper") or getattr(item.module, "LAB", None)
        if options not in seen:
            seen.append(options)
        return seen.index(options)
    items.sort(key=place)


def pytest_generate_tests(metafunc):
    labs = getattr(metafunc.module, "LABS", None)
    if labs and "keeper" in metafunc.fixturenames:
        metafunc.parametrize("keeper", labs.values(), ids=labs.keys(), indirect=True, scope="module")
