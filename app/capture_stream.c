/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See capture_stream.h.
 *
 * Threads: one.
 */
#include "capture_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"

#define ANSWER "capture " /* and the number of the capture that has begun */
#define PIECE 65536 /* bytes that are copied at once */

static volatile sig_atomic_t is_told; /* to end */

static void
on_end(int sig)
{
	(void)sig;
	is_told = 1;
}

/* The first signal ends the capture, the second one the program. */
static void
watch_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction end = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &end, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

static int
output_open(struct bf_capture_stream *s, const char *path, struct bf_err *err)
{
	if (strcmp(path, "-") != 0) {
		s->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		return s->out >= 0 ? 0 : bf_err_set(err, errno, "-w %s: %s", path, strerror(errno));
	}
	s->out = STDOUT_FILENO;
	if (isatty(s->out))
		return bf_err_set(
			err, EINVAL, "-w -: the output is a terminal: expected a pipe or a file");
	return 0;
}

static int
fifo_open(struct bf_capture_stream *s, struct bf_err *err)
{
	const char *temporary = getenv("TMPDIR");

	if (temporary == NULL || temporary[0] != '/' || strlen(temporary) > 64)
		temporary = "/tmp";
	(void)snprintf(s->folder, sizeof(s->folder), "%s/bondctl-XXXXXX", temporary);
	if (mkdtemp(s->folder) == NULL) {
		s->folder[0] = '\0';
		return bf_err_set(err, errno, "%s: %s", temporary, strerror(errno));
	}
	(void)snprintf(s->fifo, sizeof(s->fifo), "%s/frames", s->folder);
	if (mkfifo(s->fifo, 0600) == 0)
		s->fd = open(s->fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return s->fd >= 0 ? 0 : bf_err_set(err, errno, "%s: %s", s->fifo, strerror(errno));
}

/* The names of the FIFO are needed until the daemon has opened it. */
static void
fifo_unlink(struct bf_capture_stream *s)
{
	if (s->folder[0] == '\0')
		return;
	(void)unlink(s->fifo);
	(void)rmdir(s->folder);
	s->folder[0] = '\0';
}

int
bf_capture_stream_open(struct bf_capture_stream *s, const char *path, struct bf_err *err)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->fd = s->out = -1;
	ret = output_open(s, path, err);
	if (ret == 0)
		ret = fifo_open(s, err);
	if (ret != 0)
		bf_capture_stream_close(s);
	return ret;
}

void
bf_capture_stream_close(struct bf_capture_stream *s)
{
	fifo_unlink(s);
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->out > STDERR_FILENO)
		(void)close(s->out);
	s->fd = s->out = -1;
}

/* Wait for frames, for the end, or until nobody reads the output. @return false: one of the latter */
static bool
wait_for_frames(const struct bf_capture_stream *s)
{
	struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->out}};

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR && !is_told;
	return !is_told && !(fds[1].revents & (POLLERR | POLLNVAL));
}

/* @return bytes; 0 at the end; -1: there are none now */
static ssize_t
stream_read(const struct bf_capture_stream *s, char *buf)
{
	ssize_t n;

	do
		n = read(s->fd, buf, PIECE);
	while (n < 0 && errno == EINTR);
	return n;
}

/* @return 0 or -errno */
static int
output_write(const struct bf_capture_stream *s, const char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(s->out, buf + done, len - done);

		if (n < 0 && errno == EINTR) /* the reader may go on; a second signal ends us */
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = s->out, .events = POLLOUT};

			(void)poll(&p, 1, -1);
			continue;
		}
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* What the daemon says is of no interest: it may have ended the capture itself. */
static void
capture_stop(const char *socket, unsigned int id, int64_t timeout_ms)
{
	struct bf_err err = {""};
	struct bf_answer a;
	char line[64];

	(void)snprintf(line, sizeof(line), "capture stop %u", id);
	if (bf_client_ask(socket, line, false, timeout_ms, &a, &err))
		free(a.text);
}

/* @return 0 or -errno of the output */
static int
stream_copy(
	const struct bf_capture_stream *s, const char *socket, unsigned int id, int64_t timeout_ms)
{
	bool is_stopped = false;
	char buf[PIECE];
	int ret = 0;

	for (;;) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		ssize_t n;

		if (!is_stopped && (ret != 0 || !wait_for_frames(s))) {
			is_stopped = true;
			capture_stop(socket, id, timeout_ms);
		}
		if (is_stopped)
			(void)poll(&p, 1, (int)timeout_ms);
		n = stream_read(s, buf);
		if (n == 0 || (n < 0 && is_stopped))
			return ret;
		if (n > 0 && ret == 0)
			ret = output_write(s, buf, (size_t)n);
	}
}

int
bf_capture_stream_run(struct bf_capture_stream *s, const char *socket, const char *line,
	int64_t timeout_ms, struct bf_err *err)
{
	struct bf_answer a;
	unsigned int id = 0;
	int status, ret;

	watch_signals();
	if (!bf_client_ask(socket, line, false, timeout_ms, &a, err))
		return 1;
	fifo_unlink(s);
	status = a.status;
	if (status != 0)
		(void)fputs(a.text, stderr);
	else if (strncmp(a.text, ANSWER, strlen(ANSWER)) == 0)
		id = (unsigned int)strtoul(a.text + strlen(ANSWER), NULL, 10);
	else
		status = 1;
	free(a.text);
	if (status != 0)
		return status;
	ret = stream_copy(s, socket, id, timeout_ms);
	if (ret == 0 || ret == -EPIPE) /* who reads has had enough */
		return 0;
	bf_err_set(err, -ret, "-w: %s", strerror(-ret));
	return 1;
}
