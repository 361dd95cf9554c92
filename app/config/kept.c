/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See kept.h.
 *
 * Threads: ctx control.
 */
#include "config/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "control/loop/task.h"

#define WRITE_EVERY_MS 1000
#define FILE_MAX (8 << 20) /* bytes: more are not ours */

static void
path_of(const struct bf_kept *k, const char *console, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", console, k->suffix);
}

static bool
is_too_large(FILE *f, const char *path, const char *what)
{
	struct stat st;

	if (fstat(fileno(f), &st) == 0 && st.st_size <= FILE_MAX)
		return false;
	BF_WARN("main", "%s: %lld bytes, expected at most %d: %s are not read", path,
		(long long)st.st_size, FILE_MAX, what);
	return true;
}

void
bf_kept_load(const struct bf_kept *k, const char *console, struct bf_bridge *br)
{
	char path[256], *line = NULL;
	size_t room = 0;
	FILE *f;

	if (console == NULL)
		return;
	path_of(k, console, path, sizeof(path));
	f = bf_file_open_own(path);
	if (f == NULL)
		return;
	for (unsigned int i = is_too_large(f, path, k->what) ? BF_MAX_GUESTS : 0;
		i < BF_MAX_GUESTS && getline(&line, &room, f) > 0; i++)
		k->take_line(br, line);
	free(line);
	fclose(f);
}

struct writing {
	const struct bf_kept *k;
	const struct bf_bridge *br;
};

static void
write_all(void *arg, FILE *f)
{
	const struct writing *w = arg;

	w->k->write(f, w->br);
}

uint64_t
bf_kept_save(struct bf_kept *k, const char *console, const struct bf_bridge *br, uint64_t version,
	uint64_t now_ms)
{
	uint64_t every = k->failed ? BF_KEPT_RETRY_MS : WRITE_EVERY_MS;
	struct writing w = {k, br};
	char path[256];
	int ret;

	if (console == NULL || version == k->written_version)
		return BF_TASK_NEVER;
	if (k->written_ms != 0 && now_ms - k->written_ms < every)
		return k->written_ms + every;
	k->written_ms = now_ms;
	path_of(k, console, path, sizeof(path));
	ret = bf_file_replace(path, write_all, &w);
	if (ret != 0 && !k->failed)
		BF_WARN("main", "%s: %s: %s are not kept; bondfwd tries again every %d s", path,
			strerror(-ret), k->what, BF_KEPT_RETRY_MS / 1000);
	k->failed = ret != 0;
	if (k->failed)
		return now_ms + BF_KEPT_RETRY_MS;
	k->written_version = version;
	return BF_TASK_NEVER;
}
