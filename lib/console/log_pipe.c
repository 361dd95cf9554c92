/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Standard error through a pipe.
 *
 * Threads: ctx control.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "console/log_pipe.h"

/* What the end of the process has to give back. */
static struct bf_log_pipe *open_pipe;

static bool
is_same_terminal(int a, int b)
{
	struct stat x, y;

	return isatty(a) && isatty(b) && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
		x.st_rdev == y.st_rdev;
}

static void
pipe_drain(struct bf_log_pipe *p)
{
	char data[4096];
	ssize_t n;

	(void)!write(STDERR_FILENO, p->part, p->len);
	while ((n = read(p->fd, data, sizeof(data))) > 0)
		if (write(STDERR_FILENO, data, (size_t)n) < 0)
			return;
}

static void
pipe_at_exit(void)
{
	if (open_pipe != NULL)
		bf_log_pipe_close(open_pipe);
}

/* Only what a signal handler may do. The line that says why comes last. */
static void
pipe_at_abort(int sig)
{
	struct bf_log_pipe *p = open_pipe;

	if (p != NULL && dup2(p->user_fd, STDERR_FILENO) >= 0)
		pipe_drain(p);
	/* Installed with SA_RESETHAND: this time it ends the process. */
	(void)raise(sig);
}

/* Of signals that others do not handle already: SIGBUS is that of guests' memory. */
static void
abort_watch(void)
{
	static const int signals[] = {SIGABRT, SIGSEGV, SIGILL, SIGFPE};
	struct sigaction ours = {.sa_handler = pipe_at_abort, .sa_flags = (int)SA_RESETHAND}, old;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			(void)sigaction(signals[i], &ours, NULL);
}

void
bf_log_pipe_open(struct bf_log_pipe *p, int tty_fd)
{
	static bool is_registered;
	int ends[2];

	memset(p, 0, sizeof(*p));
	p->fd = -1;
	if (!is_same_terminal(STDERR_FILENO, tty_fd) || pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
		return;
	p->user_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (p->user_fd < 0 || dup2(ends[1], STDERR_FILENO) < 0) {
		if (p->user_fd >= 0)
			(void)close(p->user_fd);
		(void)close(ends[0]);
		(void)close(ends[1]);
		return;
	}
	(void)close(ends[1]);
	p->fd = ends[0];
	open_pipe = p;
	if (is_registered)
		return;
	is_registered = atexit(pipe_at_exit) == 0;
	abort_watch();
}

static void
line_end(struct bf_log_pipe *p, bf_log_pipe_cb *cb, void *arg)
{
	char line[sizeof(p->part) + 32];
	struct timespec now;
	struct tm tm;
	size_t n;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	n = strftime(line, sizeof(line), "%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
	n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ld %.*s\n", now.tv_nsec / 1000000,
		(int)p->len, p->part);
	cb(arg, line, n);
	p->len = 0;
}

void
bf_log_pipe_read(struct bf_log_pipe *p, bf_log_pipe_cb *cb, void *arg)
{
	char data[16384];
	ssize_t n = read(p->fd, data, sizeof(data));

	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == '\n' || p->len == sizeof(p->part))
			line_end(p, cb, arg);
		if (data[i] != '\n')
			p->part[p->len++] = data[i];
	}
}

void
bf_log_pipe_close(struct bf_log_pipe *p)
{
	if (p->fd < 0)
		return;
	open_pipe = NULL;
	(void)dup2(p->user_fd, STDERR_FILENO);
	(void)close(p->user_fd);
	pipe_drain(p);
	(void)close(p->fd);
	p->fd = -1;
}
