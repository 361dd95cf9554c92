/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a descriptor is: see fd.h.
 *
 * Threads: any.
 */
#include "vhost/fd.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SMALL_PAGE 4096

static bool
is_unnamed(const struct sockaddr_un *at, socklen_t len)
{
	return len == offsetof(struct sockaddr_un, sun_path) && at->sun_family == AF_UNIX;
}

static int
fd_option(int fd, int which)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, which, &value, &len) == 0 ? value : -1;
}

/*
 * Whether nothing lies in the queue of a socket that nothing can come into any more.  An urgent byte that
 * was read is not counted and keeps its place, with the descriptors that came with it: it is a mark.  A
 * kernel without urgent bytes knows no marks.
 */
static bool
is_empty(int fd)
{
	int waiting = 0, mark = 0;

	if (ioctl(fd, SIOCATMARK, &mark) != 0)
		mark = 0;
	return mark == 0 && ioctl(fd, SIOCINQ, &waiting) == 0 && waiting == 0;
}

/*
 * One of a pair.  What it is comes first: the names of a socket of another family are read under its
 * lock, which whoever else uses it may hold for long.
 *
 * A front end's end of its own connection has a name at one of its ends: it is refused, because a
 * connection of which both ends are open here never ends.  Nor may that end lie in the queue of
 * another socket: poll() tells, and what comes after poll() is counted or marked.
 */
static bool
is_of_pair(int fd)
{
	struct sockaddr_un at = {0}, peer = {0};
	socklen_t at_len = sizeof(at), peer_len = sizeof(peer);
	struct pollfd something = {.fd = fd, .events = POLLIN};

	return fd_option(fd, SO_DOMAIN) == AF_UNIX && fd_option(fd, SO_TYPE) == SOCK_STREAM &&
		getsockname(fd, (struct sockaddr *)&at, &at_len) == 0 && is_unnamed(&at, at_len) &&
		getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 &&
		is_unnamed(&peer, peer_len) && poll(&something, 1, 0) == 0 &&
		shutdown(fd, SHUT_RD) == 0 && is_empty(fd);
}

/* The name of a file on any mount begins with a slash; those of the kernel's own do not. */
static uint8_t
kind_by_name(int fd)
{
	char path[32], name[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, name, sizeof(name) - 1) < 0)
		return BF_VHOST_FD_OTHER;
	if (strcmp(name, "anon_inode:[eventfd]") == 0)
		return BF_VHOST_FD_EVENT;
	if (strncmp(name, "socket:[", 8) == 0)
		return is_of_pair(fd) ? BF_VHOST_FD_SOCKET : BF_VHOST_FD_OTHER;
	return strncmp(name, "pipe:[", 6) == 0 ? BF_VHOST_FD_PIPE : BF_VHOST_FD_OTHER;
}

void
bf_vhost_fd_look(int fd, struct bf_vhost_fd *f)
{
	struct statfs fs;
	struct stat st;

	*f = (struct bf_vhost_fd){.fd = fd, .kind = BF_VHOST_FD_OTHER};
	if (fcntl(fd, F_GET_SEALS) < 0) { /* only memory files have seals */
		f->kind = kind_by_name(fd);
		return;
	}
	if (fstat(fd, &st) != 0 || fstatfs(fd, &fs) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return;
	f->kind = BF_VHOST_FD_MEMORY;
	f->size = (uint64_t)st.st_size;
	f->page = fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : SMALL_PAGE;
}
