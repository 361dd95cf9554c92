/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The local terminal.
 *
 * O_NONBLOCK belongs to an open file, which we share with the shell that started us; so terminals
 * and pipes are opened a second time, and only where that is impossible is the flag set on the
 * shared one and taken back at the end.
 *
 * Threads: ctx control.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/terminal.h"

static int
fd_reopen(int fd, int access_mode)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, access_mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* A descriptor of our own that does not block; old_flags gets the flags to take back, or -1. */
static int
own_fd(int fd, int access_mode, int *old_flags)
{
	struct stat st;
	int own = -1, flags;

	*old_flags = -1;
	if (fstat(fd, &st) != 0)
		return -1;
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))
		own = fd_reopen(fd, access_mode);
	if (own >= 0)
		return own;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0 || S_ISREG(st.st_mode))
		return own;
	flags = fcntl(own, F_GETFL);
	if (flags >= 0 && (flags & O_NONBLOCK) == 0 && fcntl(own, F_SETFL, flags | O_NONBLOCK) == 0)
		*old_flags = flags;
	return own;
}

/* Change the terminal even from the background, where the default would be to stop us. */
static int
set_mode(int fd, const struct termios *mode)
{
	sigset_t block, before;
	int ret, saved;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGTTOU);
	(void)pthread_sigmask(SIG_BLOCK, &block, &before);
	ret = tcsetattr(fd, TCSANOW, mode);
	saved = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return ret;
}

static int
set_raw(struct bf_terminal *t)
{
	struct termios raw;
	pid_t foreground = tcgetpgrp(t->user_in_fd);

	if (foreground >= 0 && foreground != getpgrp()) {
		errno = ENOTTY;
		return -1;
	}
	if (tcgetattr(t->user_in_fd, &t->saved) != 0)
		return -1;
	raw = t->saved;
	/* Output keeps its newline translation. */
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return set_mode(t->user_in_fd, &raw);
}

/* A pipe whose reader went away is an error of a write, not the end of the program. */
static void
ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
		action.sa_handler = SIG_IGN;
		(void)sigaction(SIGPIPE, &action, NULL);
	}
}

int
bf_terminal_open(struct bf_terminal *t, int user_in_fd, int user_out_fd, struct bf_err *err)
{
	const char *step;
	int error;

	memset(t, 0, sizeof(*t));
	t->user_in_fd = user_in_fd;
	t->user_out_fd = user_out_fd;
	t->out_fd = -1;
	t->user_out_flags = -1;
	ignore_sigpipe();
	step = "input";
	t->in_fd = own_fd(user_in_fd, O_RDONLY, &t->user_in_flags);
	if (t->in_fd < 0)
		goto err;
	step = "output";
	t->out_fd = own_fd(user_out_fd, O_WRONLY, &t->user_out_flags);
	if (t->out_fd < 0)
		goto err;
	if (isatty(user_in_fd) && isatty(user_out_fd)) {
		step = "raw mode, expected to be in the foreground";
		if (set_raw(t) != 0)
			goto err;
		t->is_tty = true;
	}
	return 0;

err:
	error = errno;
	bf_err_set(err, error, "terminal: %s: %s", step, strerror(error));
	bf_terminal_restore(t);
	if (t->in_fd >= 0)
		(void)close(t->in_fd);
	if (t->out_fd >= 0)
		(void)close(t->out_fd);
	errno = error;
	return -error;
}

void
bf_terminal_restore(struct bf_terminal *t)
{
	if (t->is_tty)
		(void)set_mode(t->user_in_fd, &t->saved);
	t->is_tty = false;
	if (t->user_in_flags >= 0)
		(void)fcntl(t->user_in_fd, F_SETFL, t->user_in_flags);
	if (t->user_out_flags >= 0)
		(void)fcntl(t->user_out_fd, F_SETFL, t->user_out_flags);
	t->user_in_flags = -1;
	t->user_out_flags = -1;
}
