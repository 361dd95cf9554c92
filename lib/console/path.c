/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The file of a socket that we listen on: the console's, and that of metrics.
 *
 * Two starts at the same moment could both find a dead socket and remove each other's new one;
 * a lock on the directory keeps the test and the bind together.
 *
 * Threads: ctx control.
 */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/sock.h"
#include "console/path.h"
#include "console/server.h"

#define BACKLOG 32

struct opening {
	const char *what; /* whose it is, for errors */
	const char *path;
	const gid_t *group;
	struct bf_err *err;
};

/* Report; returns -error with errno set. */
static int
path_refuse(const struct opening *o, int error, const char *what)
{
	return bf_err_set(o->err, error, "%s: %s: %s", o->what, o->path, what);
}

static int
refuse_errno(const struct opening *o, const char *step)
{
	int error = errno;
	char what[160];

	snprintf(what, sizeof(what), "%s: %s", step, strerror(error));
	return path_refuse(o, error, what);
}

static void
set_address(struct sockaddr_un *addr, const char *path)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, strlen(path) + 1);
}

static int
make_directory(const struct opening *o, const char *dir)
{
	if (mkdir(dir, 0750) != 0)
		return errno == EEXIST ? 0 : refuse_errno(o, "make its directory");
	/* The umask may have taken the group's bits. */
	if (chmod(dir, 0750) != 0)
		return refuse_errno(o, "set the mode of its directory");
	if (o->group != NULL && chown(dir, (uid_t)-1, *o->group) != 0)
		return refuse_errno(o, "set the group of its directory");
	return 0;
}

/* Open the directory and lock it; descriptor or -errno. */
static int
lock_directory(const struct opening *o)
{
	char copy[BF_CONSOLE_PATH_MAX + 1];
	const char *dir;
	int fd, ret;

	memcpy(copy, o->path, strlen(o->path) + 1);
	dir = dirname(copy);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		ret = make_directory(o, dir);
		if (ret != 0)
			return ret;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return refuse_errno(o, "open its directory");
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		(void)close(fd);
		return path_refuse(o, EADDRINUSE,
			"its directory is locked: expected no other program to be starting there");
	}
	return fd;
}

static int
remove_dead(const struct opening *o)
{
	int live = bf_sock_is_live(o->path);

	if (live > 0)
		return path_refuse(o, EADDRINUSE,
			"another program answers there: expected a socket of our own");
	if (live < 0) {
		errno = -live;
		return refuse_errno(o, "test the socket that is there");
	}
	return unlink(o->path) == 0 ? 0 : refuse_errno(o, "remove a dead socket");
}

static int
make_room(const struct opening *o)
{
	struct stat st;

	if (lstat(o->path, &st) != 0)
		return errno == ENOENT ? 0 : refuse_errno(o, "look at it");
	if (S_ISLNK(st.st_mode))
		return path_refuse(o, ENOTSOCK, "symbolic link: expected a socket or nothing");
	if (!S_ISSOCK(st.st_mode))
		return path_refuse(o, ENOTSOCK, "not a socket: expected a socket or nothing");
	return remove_dead(o);
}

static int
bind_and_listen(const struct opening *o, struct bf_path *p)
{
	struct sockaddr_un addr;
	struct stat st;
	int ret;

	set_address(&addr, o->path);
	/* The file takes the descriptor's mode: nobody gets in between bind and chmod. */
	if (fchmod(p->fd, 0660) != 0)
		return refuse_errno(o, "set its mode");
	if (bind(p->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		return refuse_errno(o, "bind");
	if (lstat(o->path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return path_refuse(o, ENOTSOCK, "replaced: expected the socket just made");
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	if (chmod(o->path, 0660) != 0)
		ret = refuse_errno(o, "set its mode");
	else if (o->group != NULL && lchown(o->path, (uid_t)-1, *o->group) != 0)
		ret = refuse_errno(o, "set its group");
	else if (listen(p->fd, BACKLOG) != 0)
		ret = refuse_errno(o, "listen");
	else
		return 0;
	(void)unlink(o->path);
	errno = -ret;
	return ret;
}

static int
open_locked(const struct opening *o, struct bf_path *p)
{
	int ret = make_room(o);

	if (ret != 0)
		return ret;
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return refuse_errno(o, "socket");
	p->path = strdup(o->path);
	ret = p->path == NULL ? path_refuse(o, ENOMEM, "out of memory") : bind_and_listen(o, p);
	if (ret != 0) {
		(void)close(p->fd);
		free(p->path);
		p->fd = -1;
		p->path = NULL;
	}
	return ret;
}

int
bf_path_listen(struct bf_path *p, const char *what, const char *path, const gid_t *group,
	struct bf_err *err)
{
	struct opening o = {.what = what, .path = path, .group = group, .err = err};
	char text[96];
	int lock, ret;

	p->fd = -1;
	p->path = NULL;
	if (path[0] == '\0')
		return path_refuse(&o, EINVAL, "empty path: expected a file name");
	if (strlen(path) > BF_CONSOLE_PATH_MAX) {
		snprintf(text, sizeof(text), "path of %zu bytes: expected at most %d", strlen(path),
			BF_CONSOLE_PATH_MAX);
		return path_refuse(&o, ENAMETOOLONG, text);
	}
	lock = lock_directory(&o);
	if (lock < 0)
		return lock;
	ret = open_locked(&o, p);
	(void)close(lock);
	if (ret != 0)
		errno = -ret;
	return ret;
}

void
bf_path_close(struct bf_path *p)
{
	struct stat st;

	if (p->fd < 0)
		return;
	if (lstat(p->path, &st) == 0 && st.st_dev == p->dev && st.st_ino == p->ino)
		(void)unlink(p->path);
	(void)close(p->fd);
	free(p->path);
	p->fd = -1;
	p->path = NULL;
}
