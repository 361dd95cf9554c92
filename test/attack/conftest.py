# SPDX-License-Identifier: BSD-3-Clause
"""
Hostile front ends against the whole program, meant for a build with sanitizers:

    BONDFWD_BUILD=build-sanitize ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 \\
        python3 -m pytest -q -n 2 test/attack

Each case is a row of a table: what it is called, what is done, what is expected.  After each one
field.py looks whether anybody but the attacker has noticed.
"""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))
# The EAL keeps what it allocated; a report ends the process.
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")

pytest.register_assert_rewrite("bf", "field", "attacker")
import bf  # noqa: E402
from field import Field  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        for program in (bf.BONDFWD, bf.BONDCTL, bf.PEER):
            if not program.exists():
                item.add_marker(pytest.mark.skip(reason=f"{program} is not built"))


class Fields:
    """The field in use; another one after a case that broke it."""

    def __init__(self, **options):
        self.options = options
        self.workdir = None
        self.field = None

    def get(self):
        if self.field is not None and (self.field.is_broken or
                                       self.field.daemon.proc.poll() is not None):
            self.end()
        if self.field is None:
            self.workdir = tempfile.mkdtemp(prefix="bfa-")
            self.field = Field(self.workdir, **self.options)
        return self.field

    def end(self):
        field, self.field = self.field, None
        try:
            if field is not None:
                field.close()
        finally:
            shutil.rmtree(self.workdir, ignore_errors=True)
            for left in bf.records_files(self.workdir):
                left.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def fields(request):
    made = Fields(**getattr(request.module, "FIELD", {}))
    yield made
    made.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    fields = item.funcargs.get("fields") if hasattr(item, "funcargs") else None
    if report.failed and call.when == "call" and fields is not None and fields.field is not None:
        report.sections.append(("bondfwd log", fields.field.daemon.log_text()[-6000:]))


@pytest.fixture
def field(fields):
    return fields.get()
