/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See capture_stream.h.
 *
 * Threads: one.
 */
#include "capture_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#define FIFO_FOLDER "/bondctl-XXXXXX"
#define FIFO_NAME "/frames"

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

static bool
is_fit_folder(const char *folder)
{
	return folder[0] == '/' && strlen(folder) <= BF_CAPTURE_STREAM_FOLDER_MAX;
}

/* The folder of the console's socket, which bondfwd sees under the same name; NULL: we may not write to it. */
static const char *
socket_folder(const char *socket, char resolved[PATH_MAX])
{
	const char *slash = strrchr(socket, '/');
	char folder[PATH_MAX];

	(void)snprintf(folder, sizeof(folder), "%.*s/", slash != NULL ? (int)(slash - socket) : 1,
		slash != NULL ? socket : ".");
	if (realpath(folder, resolved) == NULL || !is_fit_folder(resolved))
		return NULL;
	return access(resolved, W_OK | X_OK) == 0 ? resolved : NULL;
}

/* A service does not see the host's /tmp. */
static const char *
fifo_place(const char *socket, char room[PATH_MAX])
{
	const char *place = getenv("TMPDIR");

	if (place != NULL && is_fit_folder(place))
		return place;
	place = socket_folder(socket, room);
	return place != NULL ? place : "/tmp";
}

static int
fifo_open(struct bf_capture_stream *s, const char *socket, struct bf_err *err)
{
	char room[PATH_MAX];
	const char *place = fifo_place(socket, room);

	(void)snprintf(s->folder, sizeof(s->folder), "%s" FIFO_FOLDER, place);
	if (mkdtemp(s->folder) == NULL) {
		s->folder[0] = '\0';
		return bf_err_set(err, errno, "%s: %s", place, strerror(errno));
	}
	(void)snprintf(s->fifo, sizeof(s->fifo), "%s" FIFO_NAME, s->folder);
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
bf_capture_stream_open(
	struct bf_capture_stream *s, const char *socket, const char *path, struct bf_err *err)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->fd = s->out = -1;
	ret = output_open(s, path, err);
	if (ret == 0)
		ret = fifo_open(s, socket, err);
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

/* What the daemon refused with, or what to do when it does not see our FIFO. */
static void
refusal_write(const struct bf_capture_stream *s, const char *text, struct bf_err *err)
{
	size_t len = strlen(s->fifo) - strlen(FIFO_FOLDER FIFO_NAME);

	if (strstr(text, s->fifo) != NULL && strstr(text, strerror(ENOENT)) != NULL)
		bf_err_set(err, ENOENT,
			"-w: bondfwd does not see %.*s: expected in TMPDIR a folder that it sees, "
			"such as /dev/shm",
			(int)len, s->fifo);
	else
		(void)fputs(text, stderr);
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
		refusal_write(s, a.text, err);
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
