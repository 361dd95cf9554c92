/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One line: the bond and its active member.
 *
 * Threads: ctx control.
 */
#include "remember.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define LINE_MAX_SIZE (BF_NAME_MAX + BF_DEV_NAME_MAX + 2)

static char written[LINE_MAX_SIZE]; /* the line as it is in the file */

static void
path_of(const char *console, char *buf, size_t size)
{
	snprintf(buf, size, "%s.active", console);
}

void
bf_remember_load(const char *console, struct bf_bond *b)
{
	char path[256], line[LINE_MAX_SIZE] = "";
	char *space;
	int fd;

	if (console == NULL)
		return;
	path_of(console, path, sizeof(path));
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

static void
write_line(void *arg, FILE *f)
{
	fprintf(f, "%s\n", (const char *)arg);
}

void
bf_remember_save(const char *console, const struct bf_bond *b)
{
	char path[256], line[LINE_MAX_SIZE];
	int ret;

	if (console == NULL || !b->open || b->active < 0 || b->cfg.mode != BF_MODE_ACTIVE_BACKUP)
		return;
	snprintf(line, sizeof(line), "%s %s", b->cfg.name, b->members[b->active].name);
	if (strcmp(line, written) == 0)
		return;
	memcpy(written, line, sizeof(written));
	path_of(console, path, sizeof(path));
	ret = bf_file_replace(path, write_line, line);
	if (ret != 0)
		BF_WARN("main", "%s: %s: the active member is not remembered", path,
			strerror(-ret));
}
