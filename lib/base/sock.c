/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sockets in the file system: see sock.h.
 *
 * Threads: any.
 */
#include "base/sock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A stream socket would be a connection for the process; a datagram socket only learns that the kinds differ. */
int
bf_sock_is_live(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, error = 0;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		error = errno;
	close(fd);
	if (error == 0 || error == EPROTOTYPE)
		return 1;
	return error == ECONNREFUSED ? 0 : -error;
}
