/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: any.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The new file looks like the one it replaces, as far as we may give it away. */
static void
look_like(int fd, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (fchown(fd, st.st_uid, st.st_gid) != 0 && fchown(fd, (uid_t)-1, st.st_gid) != 0)
		return; /* a group that is not ours would read it by the old mode's right */
	(void)!fchmod(fd, st.st_mode & 07777);
}

/* Folders that a unit may take away (ProtectHome=, PrivateTmp=). */
static bool
is_hidden(const char *path)
{
	static const char *const folders[] = {"/tmp", "/var/tmp", "/home", "/root", "/run/user"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		size_t len = strlen(folders[i]);

		if (strncmp(path, folders[i], len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return true;
	}
	return false;
}

const char *
bf_file_why(const char *path, int error, char *buf)
{
	char folder[BF_FILE_WHY_MAX / 2];
	int n = snprintf(buf, BF_FILE_WHY_MAX, "%s", strerror(error));

	if (error == ENOENT && path[0] != '/' && getcwd(folder, sizeof(folder)) != NULL)
		n += snprintf(
			buf + n, BF_FILE_WHY_MAX - (size_t)n, ": bondfwd looks in %s", folder);
	else
		snprintf(folder, sizeof(folder), "%s", path);
	/* systemd.exec(5) */
	if (error == ENOENT && is_hidden(folder) && getenv("INVOCATION_ID") != NULL)
		snprintf(buf + n, BF_FILE_WHY_MAX - (size_t)n,
			": a service may not see this folder");
	errno = error;
	return buf;
}

int
bf_file_open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), why;
	struct stat st;

	if (fd < 0)
		return -1;
	why = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
	if (why == 0)
		return fd;
	close(fd);
	errno = why;
	return -1;
}

FILE *
bf_file_open_own(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (f == NULL && fd >= 0)
		close(fd);
	return f;
}

/* All of it is on the disk.  A write that failed is not told again when the rest is written. @return 0 or an errno */
static int
file_fill(FILE *f, bf_file_cb *cb, void *arg)
{
	int failed = 0;

	errno = 0;
	cb(arg, f);
	if (ferror(f))
		failed = errno != 0 ? errno : EIO;
	else if (fflush(f) != 0 || fsync(fileno(f)) != 0)
		failed = errno;
	if (fclose(f) != 0 && failed == 0)
		failed = errno;
	return failed;
}

int
bf_file_replace(const char *path, bf_file_cb *cb, void *arg)
{
	return bf_file_replace_mode(path, 0640, cb, arg);
}

int
bf_file_replace_mode(const char *path, mode_t mode, bf_file_cb *cb, void *arg)
{
	char tmp[4096];
	int fd, failed;
	FILE *f;

	if (snprintf(tmp, sizeof(tmp), "%s.new.%d", path, (int)getpid()) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (f == NULL) {
		close(fd);
		unlink(tmp);
		return -ENOMEM;
	}
	look_like(fd, path);
	failed = file_fill(f, cb, arg);
	if (failed == 0 && rename(tmp, path) != 0)
		failed = errno;
	if (failed != 0)
		unlink(tmp);
	return -failed;
}
