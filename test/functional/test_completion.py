# SPDX-License-Identifier: BSD-3-Clause
"""What bash and zsh offer for bondctl and bondfwd: the installed scripts, in real shells."""

import json
import os
import pathlib
import re
import subprocess

import pytest

import bf
from terminal import Terminal

SCRIPTS = bf.BUILD / "app" / "completions"
PATH = f"{bf.BUILD / 'app'}:{os.environ['PATH']}"
# Each line of the input is a command line up to the cursor; each answer is a line of choices.
ASK = f"""
. {SCRIPTS}/bash/bondctl; . {SCRIPTS}/bash/bondfwd
while IFS= read -r COMP_LINE; do
    COMP_POINT=${{#COMP_LINE}}
    _${{COMP_LINE%% *}}
    printf '%s\\t' "${{COMPREPLY[@]}}"
    echo
done
"""


def offered(lines, cwd="/"):
    """What bash would offer for each line."""
    done = subprocess.run(["bash", "--norc", "-c", ASK], input="".join(f"{line}\n" for line in lines), capture_output=True,
                          text=True, check=True, timeout=bf.LIMIT, env={**bf.clean_env(), "PATH": PATH}, cwd=cwd)
    assert done.stderr == ""
    answers = [[choice for choice in line.split("\t") if choice] for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    return answers


# The line, what must be offered, and what must not be; an empty set before ! means exactly these.
OFFERS = [
    ("bondctl ", {"show", "top", "doctor", "import", "metrics"}, {"guest", "bondctl"}),
    ("bondctl show gu", {"guest"}, {"group", "show"}),
    ("bondctl -j -t 3 show fd", {"fdb"}, set()),
    ("bondctl --", {"--socket", "--json", "--timeout"}, {"--bond"}),
    ("bondctl show port ", {"info", "stats", "summary"}, {"port"}),
    ("bondctl set bonding option bond0 xm", {"xmit_policy="}, {"mode="}),
    ("bondctl set guest vm1 mtu=1500,too_big=", {"drop", "icmp"}, {"mtu="}),
    ("bondctl set guest vm1 mtu=1500,too", {"1500,too_big="}, set()),
    ("bondctl set bonding member net0 bond0 link", {"link_detect="}, {"lldp="}),
    ("bondctl unset guest vm1 mt", {"mtu"}, {"mtu="}),
    ("bondctl set bonding mode ", {"802.3ad", "balance-xor"}, {"bond0"}),
    ("bondctl set profile default ", {"tenant", "trusted"}, set()),
    ("bondctl help me", {"metrics"}, {"memory"}),
    ("bondctl load fi", {"file one"}, {"force"}),
    ("bondctl load x confirm ", set(), {"force", "file one"}),
    ("bondctl watch -n 3 5 show lc", {"lcore"}, set()),
    ("bondctl capture start vm1 fil", {"file", "filter"}, set()),
    ("bondctl capture start vm1 -", {"-w"}, {"--socket"}),
    ("bondctl capture start vm1 -w fi", {"file one"}, set()),
    ("bondctl doctor --", {"--json", "--config", "--root"}, {"--socket"}),
    ("bondctl doctor --config fi", {"file one"}, {"--json"}),
    ("bondctl top -d ", set(), {"--once"}),
    ("bondctl monitor ", {"warning", "--exec"}, set()),
    ("bondctl import ovs fi", {"file one"}, {"bridge="}),
    ("bondctl import ovs file ", {"bridge=", "uplink=", "-o"}, set()),
    ("bondctl metrics --o", {"--output"}, set()),
    ("bondctl -s fi", {"file one"}, {"show"}),
    ("bondctl nonsense ", set(), {"show"}),
    ("bondfwd ", {"--bond", "--lcores", "--"}, {"show"}),
    ("bondfwd -l 0,1 --", {"--vdev", "--"}, {"--bond"}),
    ("bondfwd -l 0,1 -- --b", {"--bond"}, {"--block"}),
    ("bondfwd --check --b", {"--bond"}, {"--block"}),
    ("bondfwd -- --bond mode=80", {"802.3ad"}, {"80"}),
    ("bondfwd -- --bond mode=802.3ad,lacp_ra", {"802.3ad,lacp_rate="}, {"802.3ad,rate_in="}),
    ("bondfwd -- --bond=mode=802.3ad,lacp_rate=", {"slow", "fast"}, set()),
    ("bondfwd -- --guest name=vm1,so", {"vm1,socket="}, set()),
    ("bondfwd -- --guest socket=fi", {"file one"}, set()),
    ("bondfwd -- --profile ", {"tenant", "trusted"}, {"--bond"}),
    ("bondfwd -- --config=fi", {"file one"}, set()),
    ("bondfwd -- --console ", {"none", "file one"}, set()),
    ("bondfwd --advise w", {"workers="}, set()),
]


def test_a_shell_offers_what_may_stand_there_without_a_daemon(workdir):
    (pathlib.Path(workdir) / "file one").touch()
    faults = []
    for (line, wanted, unwanted), found in zip(OFFERS, offered([row[0] for row in OFFERS], workdir)):
        if not wanted <= set(found) or unwanted & set(found) or (not wanted and found):
            faults.append((line, wanted, unwanted, found))
    assert not faults


def test_every_command_and_every_option_is_offered():
    text = subprocess.run([bf.BONDFWD, "--help-json"], capture_output=True, text=True, check=True, timeout=bf.LIMIT).stdout
    commands = json.loads(text.split("\n\n")[1])
    # The words up to the first argument or alternative; and behind each the next.
    begins = {match[0].rstrip() for command in commands if (match := re.match(r"(?:[\w-]+(?: |$))+", command["syntax"]))}
    lines = [f"bondctl {begin}" for begin in sorted(begins)]
    for line, found in zip(lines, offered(lines)):
        assert line.rpartition(" ")[2] in found, line
    usage = subprocess.run([bf.BONDFWD, "--help"], capture_output=True, text=True, check=True, timeout=bf.LIMIT).stdout
    options = set(re.findall(r"^  (--[\w-]+)", usage, re.MULTILINE))
    assert {"--bond", "--config"} <= options
    assert options <= set(offered(["bondfwd -- --"])[0])


@pytest.mark.parametrize("program", ["bondctl", "bondfwd"])
def test_scripts_are_sound(program):
    subprocess.run(["zsh", "-n", SCRIPTS / "zsh" / f"_{program}"], check=True, timeout=bf.LIMIT)
    done = subprocess.run(["shellcheck", SCRIPTS / "bash" / program], capture_output=True, text=True, check=False,
                          timeout=bf.LIMIT)
    assert (done.returncode, done.stdout) == (0, "")


SHELLS = {
    "bash": (["bash", "--norc"], f". {SCRIPTS}/bash/bondctl; . {SCRIPTS}/bash/bondfwd"),
    "zsh": (["zsh", "-f"], f"fpath=({SCRIPTS}/zsh $fpath); autoload -Uz compinit; compinit -u -D; unsetopt automenu"),
}


def test_tab_knows_the_names_of_the_running_switch(rig):
    r = rig()
    for shell, (command, source) in SHELLS.items():
        t = Terminal(r.workdir, command, columns=120, env={"PATH": PATH, "SOCK": str(r.daemon.console)})
        try:
            # The typed line does not read as the prompt does.
            t.enter(f"{source}; cd {r.workdir}; ln -s $SOCK s; PS1='rea''dy> '")
            t.shows("\nready>")
            t.type("bondctl -s s show gue\tvm")
            t.keys("Tab", "Tab")
            screen = t.shows("vm2")
            assert "show guest vm" in screen and "vm1" in screen, shell
            t.type("1 gua\t#")
            t.shows("show guest vm1 guards #")
            t.keys("C-c")
            t.type("bondctl -s s set bonding primary net_vhost1 bo\t#")
            t.shows("net_vhost1 bond0 #")
            t.keys("C-c")
            t.type("bondctl -s s set guest vm2 mtu=1500,too_b\tic\t#")
            t.shows("vm2 mtu=1500,too_big=icmp #")
            t.keys("C-c")
            t.type("bondfwd -- --bond mode=acti\t#")
            t.shows("--bond mode=active-backup #")
        finally:
            t.close()
            (r.workdir / "s").unlink(missing_ok=True)


def test_names_are_those_of_the_running_configuration(rig):
    d = rig(workers=2).daemon
    assert d.ctl("show names guest").split() == ["vm1", "vm2"]
    assert d.ctl("show names bond", json=True) == ["bond0"]
    assert {"net_vhost0", "net_vhost1"} <= set(d.ctl("show names member").split())
    assert d.ctl("show names lcore").split() == ["1", "2"]
    assert d.ctl("show names mirror", json=True) == []
    d.ctl("set mirror look source vm1 to vm2")
    assert d.ctl("show names mirror") == "look\n"
    with pytest.raises(bf.CtlError, match="expected .*port"):
        d.ctl("show names colour")
