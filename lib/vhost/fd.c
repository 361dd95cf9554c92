/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a descriptor is: see fd.h.
 *
 * Threads: any.
 */
#include "vhost/fd.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SMALL_PAGE 4096

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
		return BF_VHOST_FD_SOCKET;
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
