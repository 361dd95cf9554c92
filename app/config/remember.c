/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One line: the bond and its active member.
 *
 * Threads: ctx control.
 */
#include "config/remember.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "config/kept.h"
#include "control/loop/task.h"

#define LINE_MAX_SIZE (BF_NAME_MAX + BF_DEV_NAME_MAX + 2)

static char written[BF_MAX_BONDS * LINE_MAX_SIZE]; /* what is in the file */
static uint64_t retry_ms; /* 0: the last one was written */

static void
path_of(const char *console, char *buf, size_t size)
{
	snprintf(buf, size, "%s.active", console);
}

/* "BOND MEMBER".  The first bonds of a program are numbered as they are configured. */
static void
take_line(struct bf_bridge *br, const struct bf_config *want, char *line)
{
	char *space = strchr(line, ' ');
	const struct bf_bond_config *b;

	if (space == NULL)
		return;
	*space = '\0';
	b = bf_config_find_bond(want, line);
	if (b != NULL)
		bf_bond_keep(&br->up[b - want->bonds].bond, line, space + 1);
}

void
bf_remember_load(const char *console, struct bf_bridge *br, const struct bf_config *want)
{
	char path[256], text[sizeof(written)] = "", *rest = text, *line;
	int fd;

	if (console == NULL)
		return;
	path_of(console, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	memcpy(written, text, sizeof(written));
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(br, want, line);
}

static void
write_text(void *arg, FILE *f)
{
	fputs(arg, f);
}

uint64_t
bf_remember_save(const char *console, const struct bf_bridge *br, uint64_t now_ms)
{
	char path[256], text[sizeof(written)] = "";
	size_t len = 0;
	int ret;

	for (unsigned int k = 0; console != NULL && k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &br->up[k].bond;

		if (b->open && b->active >= 0 && b->cfg.mode == BF_MODE_ACTIVE_BACKUP)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %s\n",
				b->cfg.name, b->members[b->active].name);
	}
	if (len == 0 || strcmp(text, written) == 0)
		return BF_TASK_NEVER;
	if (now_ms < retry_ms)
		return retry_ms;
	path_of(console, path, sizeof(path));
	ret = bf_file_replace(path, write_text, text);
	if (ret != 0 && retry_ms == 0)
		BF_WARN("main",
			"%s: %s: the active member is not remembered; bondfwd tries again every %d s",
			path, strerror(-ret), BF_KEPT_RETRY_MS / 1000);
	retry_ms = ret != 0 ? now_ms + BF_KEPT_RETRY_MS : 0;
	if (ret != 0)
		return retry_ms;
	memcpy(written, text, sizeof(written));
	return BF_TASK_NEVER;
}
