# SPDX-License-Identifier: BSD-3-Clause
"""A host that is as good as fresh: own processes, mounts and network; /run, /etc, /usr and /var/lib are its own copies."""

import os
import pathlib
import subprocess
import time

from bf import BUILD, LIMIT
from guide import ROOT

PREPARE = pathlib.Path(__file__).with_name("prepare.sh")
# /etc, /usr and /var/lib as they are, changes in memory; whatever libvirt and DPDK keep is empty. A bondfwd that a guide
# installs comes before the suite's in PATH.
BEGIN = """
set -e
mount -t tmpfs none $HOST_FOLDER
mkdir $HOST_FOLDER/home
for folder in /etc /usr /var/lib; do
    over=$HOST_FOLDER/over$folder
    mkdir -p $over/upper $over/work
    mount -t overlay none -o lowerdir=$folder,upperdir=$over/upper,workdir=$over/work $folder
done
rm -f /usr/local/sbin/bondfwd /usr/local/bin/bondctl /usr/sbin/bondfwd /usr/bin/bondctl
for folder in /run /var/tmp /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
    [ ! -d $folder ] || mount -t tmpfs none $folder
done
mkdir -p /run/netns /run/bondfwd /run/vhost /var/lib/bondfwd
cat /proc/sys/kernel/random/uuid | tr -d - >/etc/machine-id
ip link set lo up
hostname host-$HOST_NAME
printf "198.51.100.1 host-a\n198.51.100.2 host-b\n" >>/etc/hosts
cd $HOST_FOLDER/home
. $PREPARE
set +e
while read -r trace file <&7; do
    (set -e $trace; . $file) </dev/null; echo $? >&8
done
"""


def connect(a, b):
    """A cable between two hosts for their administration, and one between their switches."""
    for name in ("admin0", "port8"):
        subprocess.run(["ip", "link", "add", name, "netns", str(a.proc.pid), "type", "veth", "peer", "name", name,
                        "netns", str(b.proc.pid)], check=True, timeout=LIMIT)
    for number, host in enumerate((a, b), 1):
        host.run(f"ip addr add 198.51.100.{number}/24 dev admin0; ip link set admin0 up")


class GuideError(Exception):
    """A command of a guide failed, or what it promised did not come."""


class Host:
    """Shells in the namespaces of one host."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.name = name
        self.log = self.folder / "log"
        self.n = 0
        ours, theirs = os.pipe(), os.pipe()
        env = dict(os.environ, HOST_FOLDER=str(self.folder / "root"), PREPARE=str(PREPARE), SOURCE=str(ROOT),
                   BUILD=str(BUILD), HOME=str(self.folder / "root" / "home"), LC_ALL="C.UTF-8", HOST_NAME=name,
                   GUEST_CACHE=os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache"),
                   LAN_ADDRESS="192.0.2.2" if name == "b" else "192.0.2.1",
                   PATH=f"/usr/sbin:/usr/bin:{BUILD}/app:/usr/local/sbin:/usr/local/bin:/sbin:/bin")
        env.pop("XDG_RUNTIME_DIR", None)
        env.setdefault("CCACHE_DIR", f"{env['GUEST_CACHE']}/ccache")

        def take_pipes():
            os.dup2(ours[0], 7)
            os.dup2(theirs[1], 8)
        (self.folder / "root").mkdir()
        with open(self.log, "wb") as log:
            self.proc = subprocess.Popen(
                ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation",
                 "private", "bash", "-c", BEGIN], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=env, pass_fds=(7, 8), preexec_fn=take_pipes)
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.back = os.fdopen(ours[1], "w"), os.fdopen(theirs[0])

    def run(self, text, trace="-x"):
        """Run commands in a shell; the status of the first that fails. None: the host has ended."""
        self.n += 1
        file = self.folder / f"step{self.n}.sh"
        file.write_text(text + "\n", encoding="utf-8")
        try:
            print(trace, file, file=self.to, flush=True)
            answer = self.back.readline()
        except BrokenPipeError:
            answer = ""
        return int(answer) if answer else None

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:]

    def do(self, step, where):
        status = self.run(f"prepare_{step.text}" if step.kind == "prepare" else step.text)
        if status != 0:
            raise GuideError(f"{where}: status {status}:\n{step.text}\n\n{self.tail()}")

    def wait(self, step, where, limit=4 * LIMIT):
        until = time.monotonic() + limit
        while self.run(step.text, "+x") != 0:
            if time.monotonic() > until or self.proc.poll() is not None:
                self.run(step.text)
                raise GuideError(f"{where}: not within {limit} s:\n{step.text}\n\n{self.tail()}")
            time.sleep(0.2)

    def close(self):
        self.proc.kill()
        self.proc.wait(LIMIT)
        self.to.close()
        self.back.close()
