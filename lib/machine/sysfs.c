/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Small files of the kernel: see sysfs.h.
 *
 * Threads: any.
 */
#include "machine/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 4096 /* /proc/cmdline */

#define PATH_OF(buf, root, format) \
	do { \
		va_list args_; \
		int at_ = snprintf((buf), sizeof(buf), "%s", (root)); \
		va_start(args_, format); \
		if (at_ >= 0 && (size_t)at_ < sizeof(buf)) \
			vsnprintf((buf) + at_, sizeof(buf) - (size_t)at_, (format), args_); \
		va_end(args_); \
	} while (0)

static char *
line_trim(char *line)
{
	size_t len = strlen(line);

	while (len > 0 && strchr(" \t\n", line[len - 1]) != NULL)
		line[--len] = '\0';
	return line;
}

/* Some files are there and refuse to be read: the speed of an interface that is down. */
static int
text_read(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	int ret = 0;

	errno = 0;
	if (f == NULL || fgets(buf, (int)size, f) == NULL) {
		ret = errno != 0 ? -errno : -ENODATA;
		buf[0] = '\0';
	}
	if (f != NULL)
		fclose(f);
	else
		ret = -ENOENT;
	line_trim(buf);
	return ret;
}

int
bf_sysfs_text(const char *root, char *buf, size_t size, const char *path, ...)
{
	char full[BF_SYSFS_PATH];

	PATH_OF(full, root, path);
	return text_read(full, buf, size);
}

int64_t
bf_sysfs_number(const char *root, int64_t fallback, const char *path, ...)
{
	char full[BF_SYSFS_PATH], text[64], *end;
	long long n;

	PATH_OF(full, root, path);
	if (text_read(full, text, sizeof(text)) != 0)
		return fallback;
	errno = 0;
	n = strtoll(text, &end, 0);
	return errno != 0 || end == text || *end != '\0' ? fallback : n;
}

int
bf_sysfs_link(const char *root, char *buf, size_t size, const char *path, ...)
{
	char full[BF_SYSFS_PATH], to[BF_SYSFS_PATH];
	const char *last;
	ssize_t len;

	PATH_OF(full, root, path);
	buf[0] = '\0';
	len = readlink(full, to, sizeof(to) - 1);
	if (len < 0)
		return -errno;
	to[len] = '\0';
	last = strrchr(to, '/');
	snprintf(buf, size, "%s", last != NULL ? last + 1 : to);
	return 0;
}

bool
bf_sysfs_has(const char *root, const char *path, ...)
{
	char full[BF_SYSFS_PATH];
	struct stat st;

	PATH_OF(full, root, path);
	return lstat(full, &st) == 0;
}

static int
entry_is_shown(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

void
bf_sysfs_entries(const char *root, bf_sysfs_cb *cb, void *arg, const char *path, ...)
{
	struct dirent **found = NULL;
	char full[BF_SYSFS_PATH];
	bool go_on = true;
	int n;

	PATH_OF(full, root, path);
	n = scandir(full, &found, entry_is_shown, alphasort);
	for (int i = 0; i < n; i++) {
		go_on = go_on && cb(arg, found[i]->d_name);
		free(found[i]);
	}
	free(found);
}

void
bf_sysfs_lines(const char *root, bf_sysfs_cb *cb, void *arg, const char *path, ...)
{
	char full[BF_SYSFS_PATH], line[LINE];
	FILE *f;

	PATH_OF(full, root, path);
	f = fopen(full, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (!cb(arg, line_trim(line)))
			break;
	if (f != NULL)
		fclose(f);
}
