# SPDX-License-Identifier: BSD-3-Clause
"""Every metric: documented, and the figure that `show` has. `show metrics names` says which figure that is."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

import bf
from bf import FAR_MAC, guest_mac, wait_for
from test_renderings import Telemetry

# Those whose rows `show` has in another form, each with a test of its own: a list by names, words for numbers.
ELSEWHERE = {"bondfwd_health_finding", "bondfwd_bond_state", "bondfwd_lcore_burst_frames",  # test_health, below
             "bondfwd_exposure_ports",  # test_exposure
             "bondfwd_storm_dropped_frames_total", "bondfwd_storm_active",  # test_storms
             "bondfwd_dropped_frames_total",  # test_renderings, by the ledger
             "bondfwd_class_frames_total", "bondfwd_class_bytes_total",  # test_qos
             "bondfwd_filter_frames_total", "bondfwd_filter_bytes_total"}  # test_qos
# Of what the scene without LACP has not got: test_host, test_health, test_storms, test_qos and test_flow_export look
# at theirs.
ABSENT = re.compile("bondfwd_(lacp|host|health|storm|class|filter|exporter)_")


def samples_of(text):
    """{name: [value, ...]} of all samples, without the bins of histograms."""
    found = {}
    for family in families(text):
        for s in family.samples:
            found.setdefault(s.name, []).append(s.value)
    return found


def values_at(row, path):
    """The values at `rings.member_frames` in a row of telemetry; none where the row has not got it."""
    first, _, rest = path.partition(".")
    if not rest:
        return [float(row[first])] if first in row and not isinstance(row[first], dict) else []
    inner = row.get(first, {})
    rows = inner.values() if inner and all(k.isdigit() for k in inner) else [inner]
    return [v for r in rows for v in values_at(r, rest)]


def shown(telemetry, metric):
    """{sample's name: values}, sorted, as `show` has them."""
    rows = telemetry[metric["endpoint"]]
    ends = ("_count", "_sum") if metric["type"] == "histogram" else ("",)
    return {metric["name"] + end: sorted(v for r in rows for v in values_at(r, metric["field"] + end)) for end in ends}


def is_between(low, values, high):
    """Counters go on between one question and the next."""
    return len(low) == len(values) == len(high) and all(
        a <= v <= b or a == pytest.approx(v) for a, v, b in zip(low, sorted(values), high))


def different(r, telemetry, names):
    """What is in the metrics and not in `show`: {sample: (shown before, metric, shown after)}."""
    def tables():
        return {e: telemetry.rows(e) for e in {m["endpoint"] for m in names}}
    before, metrics, after = tables(), samples_of(r.daemon.ctl("show metrics")), tables()
    wrong = {}
    for m in names:
        low, high = shown(before, m), shown(after, m)
        for sample in low:
            if not is_between(low[sample], metrics.get(sample, []), high[sample]):
                wrong[sample] = (low[sample], metrics.get(sample), high[sample])
    return wrong


def figures(r):
    """The metrics that are numbers somewhere in `show`; those of versions and modes are labels."""
    return [m for m in r.daemon.ctl("show metrics names", json=True)
            if not m["name"].endswith("_info") and m["name"] not in ELSEWHERE]


def check(r):
    telemetry, wrong = Telemetry(r.daemon), {}

    def is_same():
        wrong.clear()
        wrong.update(different(r, telemetry, figures(r)))
        return not wrong
    try:
        wait_for(is_same, 10, "metrics that are as shown")
    except TimeoutError:
        raise AssertionError(wrong) from None
    return samples_of(r.daemon.ctl("show metrics"))


def test_every_metric_is_the_figure_that_show_has(rig):
    r = rig(guests=("vm1", "vm2"), telemetry=True, guest_opts={"vm1": "rate_in=100mbit"},
            bond=",probe_interval=1000,probe_missed_max=60,probe_target=192.0.2.9")
    r.learn_all()
    r.daemon.ctl(f"capture start vm1 file {r.workdir}/frames")
    r.daemon.ctl("set mirror m source vm1 to vm2")
    r.transfer(r.vm(1), r.far[0], 1, 100, src=guest_mac(1), dst=FAR_MAC)
    r.vm(2).send(stream=2, count=3, src=guest_mac(2), dst="01:80:c2:00:00:0e")
    wait_for(lambda: r.daemon.drops().get("reserved_address") == 3, what="frames dropped")
    r.settle()
    samples = check(r)
    assert samples["bondfwd_lcore_burst_frames_sum"] == samples["bondfwd_lcore_receive_frames_total"]
    bursts = r.daemon.ctl("show lcore", json=True)[0]["bursts"]
    assert samples["bondfwd_lcore_burst_frames_count"] == [sum(bursts.values())]
    said = {m["name"] for m in r.daemon.ctl("show metrics names", json=True)}
    there = {re.sub(r"_(bucket|count|sum)$", "", s) if re.sub(r"_(bucket|count|sum)$", "", s) in said else s
             for s in samples}
    assert there <= said
    assert not [name for name in said - there if not ABSENT.match(name)]


def test_every_metric_of_lacp_is_the_figure_that_show_has(rig):
    r = rig(guests=(), mode="802.3ad", telemetry=True, log_allowed=bf.LOG_LINK_LOSS + [
        r"^WARNING: (not-distributing|no-partner|carrier)"])
    samples = check(r)
    assert len(samples["bondfwd_lacp_pdu_tx_total"]) == 2
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


def test_every_metric_has_its_row_in_the_page(rig):
    r = rig(guests=(), far_peers=False)
    page = (bf.ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(bondfwd_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", page, re.MULTILINE)
    names = r.daemon.ctl("show metrics names", json=True)
    assert [(n, t, h) for n, t, _, h in rows] == [(m["name"], m["type"], m["help"]) for m in names]
    assert [re.findall(r"`(\w+)`", labels) for _, _, labels, _ in rows] == [
        [label for label in m["labels"].split(",") if label] for m in names]
