/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A client of the console.
 *
 * Threads: one.
 */
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* No answer is larger; a header that says so is not from bondfwd. */
#define ANSWER_MAX ((size_t)1 << 30)

#define LATE "timeout: expected an answer in time, see -t"

int64_t
bf_client_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
explain_connect(const char *path, int error, struct bf_err *err)
{
	switch (error) {
	case ENOENT:
		bf_err_set(
			err, error, "%s: no such socket: expected a running bondfwd there", path);
		break;
	case ECONNREFUSED:
		bf_err_set(
			err, error, "%s: nobody answers: expected a running bondfwd there", path);
		break;
	case EACCES:
		bf_err_set(err, error,
			"%s: permission denied: expected to be in the socket's group", path);
		break;
	case EAGAIN:
		bf_err_set(err, error, LATE);
		break;
	default:
		bf_err_set(err, error, "%s: %s", path, strerror(error));
	}
}

int
bf_client_connect(const char *path, int64_t deadline_ms, struct bf_err *err)
{
	int64_t left = deadline_ms - bf_client_now_ms();
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval limit;
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		bf_err_set(err, ENAMETOOLONG, "socket: path of %zu bytes: expected at most %zu",
			strlen(path), sizeof(addr.sun_path) - 1);
		return -1;
	}
	left = left < 1 ? 1 : left;
	limit = (struct timeval){.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* One that accepts nobody any more has a full queue, in which connect() would wait for ever. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
		connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		explain_connect(path, errno, err);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	return fd;
}

bool
bf_client_wait(int fd, short events, int64_t deadline_ms, struct bf_err *err)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int64_t left;
	int n;

	do {
		left = deadline_ms - bf_client_now_ms();
		n = left > 0 ? poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		bf_err_set(err, ETIMEDOUT, LATE);
	return n > 0;
}

bool
bf_client_send(int fd, const char *data, size_t len, int64_t deadline_ms, struct bf_err *err)
{
	ssize_t n;

	while (len > 0) {
		if (!bf_client_wait(fd, POLLOUT, deadline_ms, err))
			return false;
		n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return true;
		if (n < 0) {
			bf_err_set(err, errno, "send: %s", strerror(errno));
			return false;
		}
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Receive exactly len bytes. */
static bool
bytes_receive(int fd, char *data, size_t len, int64_t deadline_ms, struct bf_err *err)
{
	ssize_t n;

	while (len > 0) {
		if (!bf_client_wait(fd, POLLIN, deadline_ms, err))
			return false;
		n = recv(fd, data, len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			bf_err_set(err, ECONNRESET,
				"connection closed: expected an answer from bondfwd");
			return false;
		}
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Take "STATUS LENGTH" apart. */
static bool
parse_header(const char *header, struct bf_answer *a)
{
	unsigned long long len;
	char *end;
	long status;

	errno = 0;
	status = strtol(header, &end, 10);
	if (end == header || *end != ' ' || status < 0 || status > 255)
		return false;
	header = end + 1;
	len = strtoull(header, &end, 10);
	if (end == header || *end != '\0' || errno != 0 || len > ANSWER_MAX)
		return false;
	a->status = (int)status;
	a->len = (size_t)len;
	return true;
}

bool
bf_client_receive(int fd, struct bf_answer *a, int64_t deadline_ms, struct bf_err *err)
{
	char header[64];
	size_t len = 0;

	a->text = NULL;
	do {
		if (len == sizeof(header) || !bytes_receive(fd, &header[len], 1, deadline_ms, err))
			break;
	} while (header[len++] != '\n');
	if (len == 0)
		return false;
	if (header[len - 1] == '\n')
		header[len - 1] = '\0';
	else
		header[0] = '\0';
	if (!parse_header(header, a)) {
		bf_err_set(err, EPROTO, "answer: expected \"STATUS LENGTH\" from bondfwd");
		return false;
	}
	a->text = malloc(a->len + 1);
	if (a->text == NULL) {
		bf_err_set(err, ENOMEM, "answer of %zu bytes: expected memory for it", a->len);
		return false;
	}
	a->text[a->len] = '\0';
	if (bytes_receive(fd, a->text, a->len, deadline_ms, err))
		return true;
	free(a->text);
	a->text = NULL;
	return false;
}

bool
bf_client_ask(const char *path, const char *line, bool json, int64_t timeout_ms,
	struct bf_answer *a, struct bf_err *err)
{
	int64_t deadline_ms = bf_client_now_ms() + timeout_ms;
	char preamble[32], end = '\n';
	bool ok;
	int fd;

	fd = bf_client_connect(path, deadline_ms, err);
	if (fd < 0)
		return false;
	snprintf(preamble, sizeof(preamble), "bondctl 1 exec%s\n", json ? " json" : "");
	ok = bf_client_send(fd, preamble, strlen(preamble), deadline_ms, err) &&
		bf_client_send(fd, line, strlen(line), deadline_ms, err) &&
		bf_client_send(fd, &end, 1, deadline_ms, err) &&
		bf_client_receive(fd, a, deadline_ms, err);
	(void)close(fd);
	return ok;
}
