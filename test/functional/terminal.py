# SPDX-License-Identifier: BSD-3-Clause
"""A terminal of any size, by tmux: keys in, the screen out."""

import os
import shlex
import subprocess

import bf


class Terminal:
    """One command in a terminal of its own; its home is the test's folder."""

    n_started = 0

    def __init__(self, workdir, command, columns=80, rows=24, env=None):
        Terminal.n_started += 1
        self.tmux = ["tmux", "-S", f"{workdir}/tmux{Terminal.n_started}.sock", "-f", "/dev/null"]
        self.env = {**os.environ, "HOME": str(workdir), "LC_ALL": "C.UTF-8", **(env or {})}
        for key in ("TMUX", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "JOURNAL_STREAM"):
            self.env.pop(key, None)
        text = shlex.join(str(word) for word in command)
        # The shell stays, so that what a program leaves on the screen can be read.
        self.run("new-session", "-d", "-x", str(columns), "-y", str(rows),
                 f"{text}; echo \"[ended $?]\"; read wait")

    def run(self, *words):
        return subprocess.run([*self.tmux, *words], env=self.env, check=True, capture_output=True,
                              text=True, timeout=bf.LIMIT).stdout

    def type(self, text):
        self.run("send-keys", "-l", text)

    def keys(self, *names):
        """Keys by tmux's names: Enter, C-r, Up, PageDown."""
        self.run("send-keys", *names)

    def enter(self, text):
        self.type(text)
        self.keys("Enter")

    def screen(self):
        return self.run("capture-pane", "-p")

    def lines(self):
        return self.screen().rstrip("\n").split("\n")

    def shows(self, text):
        """Wait until a text is on the screen; the screen."""
        return self.wait(lambda screen: text in screen, text)

    def wait(self, cond, what):
        seen = [""]

        def is_there():
            seen[0] = self.screen()
            return cond(seen[0])
        try:
            bf.wait_for(is_there, what=what)
        except TimeoutError as error:
            raise AssertionError(f"{error}; the screen:\n{seen[0]}") from None
        return seen[0]

    def resize(self, columns, rows):
        self.run("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], env=self.env, check=False, capture_output=True,
                       timeout=bf.LIMIT)
