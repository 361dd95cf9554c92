# SPDX-License-Identifier: BSD-3-Clause
"""config/prometheus and config/grafana: held by promtool, and by a Prometheus that scrapes a bondfwd."""

import json
import re
import subprocess
import urllib.parse
import urllib.request

import pytest

import bf
from bf import guest_mac, wait_for
from test_metrics_http import Server, served  # noqa: F401

RULES = bf.ROOT / "config" / "prometheus"
DASHBOARD = bf.ROOT / "config" / "grafana" / "bondfwd.json"
# What bondfwd itself must do about a drop; all other reasons are by design, or of guards and limits.
TROUBLE = {"guest_ring_full", "ring_busy", "oversize", "no_memory", "no_member", "member_full"}
# Names of rules.yml and of Prometheus itself, and those that are labels.
NAME = re.compile(r"\bbondfwd[_:][\w:]+")


def promtool(*words):
    return subprocess.run(["promtool", *(str(w) for w in words)], capture_output=True, text=True, timeout=bf.LIMIT,
                          check=False)


def table_of(page, name):
    """First cells of a table of docs/console.md."""
    rows = (bf.ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"<!-- {name} -->")[2]
    return re.findall(r"^\| `(\w+)` \|", rows.partition("<!-- end -->")[0], re.MULTILINE)


def panels():
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]


def queries():
    """(panel, expression) of the dashboard, with its variables as they are at the start."""
    found = []
    for panel in panels():
        for t in panel.get("targets", ()):
            expr = re.sub(r"\$(instance|bond|guest)\b", ".*", t["expr"]).replace("$__rate_interval", "1m")
            assert "$" not in expr, expr
            found.append((panel["title"], expr))
    return found


def recorded():
    return set(re.findall(r"record: (\S+)", (RULES / "rules.yml").read_text(encoding="utf-8")))


def test_promtool_takes_the_files_and_their_tests_pass():
    for words in (("check", "config", RULES / "prometheus.yml"),
                  ("check", "rules", RULES / "rules.yml", RULES / "alerts.yml"),
                  ("test", "rules", RULES / "tests.yml")):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_reason_of_a_drop_is_of_one_kind():
    text = (RULES / "rules.yml").read_text(encoding="utf-8")
    kinds = [set(words.split("|")) for words in re.findall(r'reason=~"([^"]+)"', text)]
    assert len(kinds) == 2 and not kinds[0] & kinds[1]
    assert kinds[0] | kinds[1] | TROUBLE == set(table_of("console.md", "drops"))
    assert not (kinds[0] | kinds[1]) & TROUBLE


def test_every_rule_of_show_health_has_its_alert_and_what_is_grave_is_critical():
    text = (RULES / "alerts.yml").read_text(encoding="utf-8")
    found = re.findall(r'expr: bondfwd_health_finding\{rule="(\w+)"\} == 1\n +for: \w+\n +labels: {severity: (\w+)}', text)
    assert [rule for rule, _ in found] == table_of("console.md", "health")
    assert dict(found)["bond_down"] == "critical" and dict(found)["guest_down"] == "info"


def test_what_rules_and_dashboard_name_is_there():
    metrics = {name + end for name in table_of("metrics.md", "metrics") for end in ("", "_bucket", "_sum", "_count")}
    texts = [(RULES / f"{name}.yml").read_text(encoding="utf-8") for name in ("rules", "alerts", "tests")]
    named = {n for text in [*texts, *(e for _, e in queries())] for n in NAME.findall(text)}
    groups = set(re.findall(r"name: (bondfwd_\w+)", texts[0] + texts[1]))
    assert named - groups <= metrics | recorded()
    ids = [p["id"] for p in panels()]
    assert len(ids) == len(set(ids))
    assert [p["title"] for p in panels() if p["type"] == "row"] == [
        "Health", "Uplink", "Members", "LACP", "Guests", "Drops", "Workers and memory"]


class Prometheus:
    """A Prometheus of Debian's with the files of config/prometheus, that asks often."""

    def __init__(self, folder, port):
        for name in ("rules", "alerts"):
            (folder / f"{name}.yml").write_text((RULES / f"{name}.yml").read_text(encoding="utf-8"))
        text = (RULES / "prometheus.yml").read_text(encoding="utf-8")
        assert "127.0.0.1:9200" in text and ": 15s" in text
        config = folder / "prometheus.yml"
        config.write_text(text.replace("127.0.0.1:9200", f"127.0.0.1:{port}").replace(": 15s", ": 500ms"))
        self.log = folder / "prometheus.log"
        with open(self.log, "wb") as log:
            self.proc = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                 "--web.listen-address=127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
        said = wait_for(self.listens_at, what="Prometheus' address")
        self.url = f"http://{said}/api/v1"
        wait_for(lambda: b"Server is ready" in self.log.read_bytes(), what="Prometheus ready")

    def listens_at(self):
        assert self.proc.poll() is None, self.log.read_text(errors="replace")
        found = re.search(r'msg="Listening on" address=(\S+)', self.log.read_text(errors="replace"))
        return found and found[1]

    def ask(self, path, **words):
        query = urllib.parse.urlencode(words)
        with urllib.request.urlopen(f"{self.url}/{path}?{query}", timeout=bf.LIMIT) as answer:
            data = json.load(answer)
        assert data["status"] == "success", data
        return data["data"]

    def query(self, expr):
        return self.ask("query", query=expr)["result"]

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
        try:
            self.proc.wait(bf.LIMIT)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()


@pytest.fixture
def scraped(served, workdir):  # noqa: F811
    """A bond in 802.3ad without a partner, three guests of which one has rates, some frames; and a Prometheus."""
    r, server = served(guests=("vm1", "vm2", "vm3"), mode="802.3ad", guest_opts={"vm1": "rate_in=100mbit"},
                       log_allowed=bf.LOG_LINK_LOSS + [r"^WARNING: (not-distributing|no-partner|carrier)"])
    prometheus = Prometheus(bf.pathlib.Path(workdir), server.port)
    yield r, prometheus
    prometheus.stop()


def test_a_prometheus_scrapes_it_and_every_query_of_the_dashboard_has_data(scraped):
    r, prometheus = scraped
    r.learn(r.vm(1), guest_mac(1))
    r.learn(r.vm(2), guest_mac(2))
    wait_for(lambda: prometheus.query("bondfwd_guest_stations > 0"), what="a scrape")
    r.transfer(r.vm(1), r.vm(2), 1, 100, src=guest_mac(1), dst=guest_mac(2))
    empty = []

    def all_have_data():
        empty[:] = [(title, expr) for title, expr in queries() if not prometheus.query(expr)]
        return not empty
    try:
        wait_for(all_have_data, what="data")
    except TimeoutError:
        raise AssertionError(empty) from None
    for variable in json.loads(DASHBOARD.read_text(encoding="utf-8"))["templating"]["list"]:
        if variable["type"] == "query":
            match, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
            series = prometheus.ask("series", **{"match[]": re.sub(r"\$(instance|bond)", ".*", match)})
            assert series and all(s[label] for s in series), variable["name"]
    check_figures(r, prometheus)
    check_rules(prometheus)
    r.daemon.ctl("set bonding mode active-backup bond0")  # LACP keeps a frame of each member


def check_figures(r, prometheus):
    """Prometheus has what show says."""
    shown = {g["name"]: g["rx_frames"] for g in r.daemon.ctl("show guest", json=True)}
    assert shown["vm1"] >= 100
    wait_for(lambda: shown == {s["metric"]["guest"]: int(s["value"][1]) for s in prometheus.query(
        "bondfwd_guest_receive_frames_total")}, what="the guests' frames")


def check_rules(prometheus):
    """All are evaluated without errors; the bond without a partner is down, and that is what alerts say."""
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == 33 and {(rule["health"], rule.get("lastError", "")) for rule in rules} == {("ok", "")}
    firing = {a["labels"]["alertname"] for a in prometheus.ask("alerts")["alerts"] if a["state"] == "firing"}
    assert "BondfwdRestarted" in firing and not {"BondfwdDown", "BondfwdGuardDrops"} & firing
    waiting = {a["labels"]["alertname"] for a in prometheus.ask("alerts")["alerts"]}
    assert {"BondfwdBondDown", "BondfwdMemberOut"} <= waiting
    target = prometheus.ask("targets")["activeTargets"][0]
    assert (target["health"], target["lastError"]) == ("up", "")
