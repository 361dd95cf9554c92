/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One line: the bond and its active member.  It is replaced in one step, so that whoever reads it
 * finds the old line or the new one.
 *
 * Threads: ctx control.
 */
#include "remember.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define SUFFIX ".active"
#define LINE_MAX_SIZE (BF_NAME_MAX + BF_DEV_NAME_MAX + 2)

static char written[LINE_MAX_SIZE]; /* the line as it is in the file */

static void
path_of(const char *console, const char *suffix, char *buf, size_t size)
{
	snprintf(buf, size, "%s" SUFFIX "%s", console, suffix);
}

void
bf_remember_load(const char *console, struct bf_bond *b)
{
	char path[256], line[LINE_MAX_SIZE] = "";
	char *space;
	int fd;

	if (console == NULL)
		return;
	path_of(console, "", path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = '\0';
	close(fd);
	line[strcspn(line, "\n")] = '\0';
	snprintf(written, sizeof(written), "%s", line);
	space = strchr(line, ' ');
	if (space == NULL)
		return;
	*space = '\0';
	bf_bond_keep(b, line, space + 1);
}

static int
replace(const char *console, const char *line)
{
	char path[256], fresh[256];
	int fd, ret = 0;

	path_of(console, "", path, sizeof(path));
	path_of(console, ".new", fresh, sizeof(fresh));
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n", line) < 0)
		ret = -EIO;
	close(fd);
	if (ret == 0 && rename(fresh, path) != 0)
		ret = -errno;
	if (ret != 0)
		unlink(fresh);
	return ret;
}

void
bf_remember_save(const char *console, const struct bf_bond *b)
{
	char line[LINE_MAX_SIZE];
	int ret;

	if (console == NULL || !b->open || b->active < 0 || b->cfg.mode != BF_MODE_ACTIVE_BACKUP)
		return;
	snprintf(line, sizeof(line), "%s %s", b->cfg.name, b->members[b->active].name);
	if (strcmp(line, written) == 0)
		return;
	memcpy(written, line, sizeof(written));
	ret = replace(console, line);
	if (ret != 0)
		BF_WARN("main", "%s" SUFFIX ": %s: the active member is not remembered", console,
			strerror(-ret));
}
