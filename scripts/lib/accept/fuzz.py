# SPDX-License-Identifier: BSD-3-Clause
"""libFuzzer on every target of test/fuzz, --minutes each, under the sanitizers

The inputs start with those of test/fuzz/corpus. What is found is kept in the build directory,
build-fuzz/found/TARGET: mend it, and add the input to the tree.
"""

from runner import BUILD, ROOT, Tally
from suites import build

FUZZED = BUILD.with_name(BUILD.name + "-fuzz")
CORPUS = ROOT / "test" / "fuzz" / "corpus"
TARGETS = sorted(path.name for path in CORPUS.iterdir())
# To build, and what a target may take besides its minutes.
LIMIT_S = 900 + 120 * len(TARGETS)
PARTS = len(TARGETS)
GROUPS = ("build", "run", "test", "check")
NEEDS_BUILD = False

OPTIONS = ("-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false",
           "-Dc_args=-fsanitize=fuzzer-no-link", "--buildtype=debugoptimized")
ENV = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}


def fuzz(job, target):
    """Whether a target has survived its time."""
    inputs, found = FUZZED / "inputs" / target, FUZZED / "found" / target
    for folder in (inputs, found):
        folder.mkdir(parents=True, exist_ok=True)
    status, _, in_time = job.run(f"fuzz-{target}", [
        FUZZED / "test" / "fuzz" / f"fuzz_{target}", f"-max_total_time={60 * job.minutes:.0f}",
        "-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=0",
        f"-artifact_prefix={found}/", inputs, CORPUS / target], ENV)
    return status == 0 and in_time


def run(job):
    tally = Tally()
    if not build(job, FUZZED, *OPTIONS, env={"CC": "clang"}):
        tally.add("build of the targets", "failed")
        return tally
    for target in TARGETS:
        tally.add(target, "passed" if fuzz(job, target) else "failed")
    return tally
