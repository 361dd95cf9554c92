/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: any.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
bf_file_replace(const char *path, bf_file_cb *cb, void *arg)
{
	char tmp[4096];
	int fd, failed;
	FILE *f;

	if (snprintf(tmp, sizeof(tmp), "%s.new.%d", path, (int)getpid()) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (f == NULL) {
		close(fd);
		unlink(tmp);
		return -ENOMEM;
	}
	cb(arg, f);
	failed = fflush(f) != 0 || fsync(fd) != 0 ? errno : 0;
	if (fclose(f) != 0 && failed == 0)
		failed = errno;
	if (failed == 0 && rename(tmp, path) != 0)
		failed = errno;
	if (failed != 0)
		unlink(tmp);
	return -failed;
}
