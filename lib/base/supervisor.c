/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: as the header says.
 */
#include "base/supervisor.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int supervisor_fd = -1;

/* @return its length; 0: no address of such a socket. */
static socklen_t
supervisor_address(const char *path, struct sockaddr_un *to)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || path[1] == '\0' || len >= sizeof(to->sun_path))
		return 0;
	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, len);
	if (path[0] == '@')
		to->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
}

bool
bf_supervisor_open(void)
{
	const char *path =
		getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
	struct sockaddr_un to;
	socklen_t len = path == NULL ? 0 : supervisor_address(path, &to);

	if (len == 0)
		return false;
	supervisor_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (supervisor_fd < 0)
		return false;
	if (connect(supervisor_fd, (const struct sockaddr *)&to, len) == 0)
		return true;
	bf_supervisor_close();
	return false;
}

void
bf_supervisor_close(void)
{
	if (supervisor_fd >= 0)
		close(supervisor_fd);
	supervisor_fd = -1;
}

bool
bf_supervisor_is_open(void)
{
	return supervisor_fd >= 0;
}

bool
bf_supervisor_say(const char *fmt, ...)
{
	char lines[1024];
	va_list ap;
	int n;

	if (supervisor_fd < 0)
		return false;
	va_start(ap, fmt);
	n = vsnprintf(lines, sizeof(lines), fmt, ap);
	va_end(ap);
	return n > 0 && n < (int)sizeof(lines) &&
		send(supervisor_fd, lines, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n;
}

/* A number of the environment; 0: none. */
static unsigned long long
number_of(const char *name)
{
	const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
	unsigned long long n;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	n = strtoull(text, &end, 10);
	return *end == '\0' ? n : 0;
}

uint64_t
bf_supervisor_watchdog_ms(void)
{
	unsigned long long us = number_of("WATCHDOG_USEC"), pid = number_of("WATCHDOG_PID");

	if (us == 0 || (pid != 0 && pid != (unsigned long long)getpid()))
		return 0;
	return us < 1000 ? 1 : us / 1000;
}
