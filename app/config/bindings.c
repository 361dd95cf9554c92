/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "GUEST MAC MAC ...": see bindings.h.
 *
 * Threads: ctx control.
 */
#include "config/bindings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/parse.h"
#include "control/loop/task.h"

#define WRITE_EVERY_MS 1000

static uint64_t written_version;
static uint64_t written_ms;

static void
path_of(const char *console, char *buf, size_t size)
{
	snprintf(buf, size, "%s.macs", console);
}

static void
take_line(struct bf_bridge *br, char *line)
{
	struct bf_bindings b = {.n = 0};
	char *rest = line, *word = strsep(&rest, " \n");

	if (word == NULL || bf_parse_name("guest", word, b.guest, sizeof(b.guest), NULL) != 0)
		return;
	while ((word = strsep(&rest, " \n")) != NULL && b.n < BF_GUARD_MACS) {
		uint8_t mac[6];

		if (bf_parse_mac("mac", word, false, mac, NULL) == 0)
			memcpy(&b.mac[b.n++], mac, sizeof(mac));
	}
	if (b.n > 0)
		bf_guards_restore(br, &b);
}

void
bf_bindings_load(const char *console, struct bf_bridge *br)
{
	char path[256], *line = NULL;
	size_t room = 0;
	FILE *f;

	if (console == NULL)
		return;
	path_of(console, path, sizeof(path));
	f = bf_file_open_own(path);
	if (f == NULL)
		return;
	for (unsigned int i = 0; i < BF_MAX_GUESTS && getline(&line, &room, f) > 0; i++)
		take_line(br, line);
	free(line);
	fclose(f);
}

static void
write_guest(void *arg, const char *guest, const uint64_t *mac, uint32_t n)
{
	FILE *f = arg;

	fputs(guest, f);
	for (uint32_t i = 0; i < n; i++) {
		char text[BF_MAC_TEXT_SIZE];
		uint8_t m[6];

		memcpy(m, &mac[i], sizeof(m));
		bf_mac_text(m, text);
		fprintf(f, " %s", text);
	}
	fputc('\n', f);
}

struct of_bridge {
	const struct bf_bridge *br;
};

static void
write_all(void *arg, FILE *f)
{
	const struct of_bridge *of = arg;

	bf_guards_visit(of->br, write_guest, f);
}

uint64_t
bf_bindings_save(const char *console, const struct bf_bridge *br, uint64_t now_ms)
{
	struct of_bridge of = {br};
	char path[256];
	int ret;

	if (console == NULL || br->guards.version == written_version)
		return BF_TASK_NEVER;
	if (written_version != 0 && now_ms - written_ms < WRITE_EVERY_MS)
		return written_ms + WRITE_EVERY_MS;
	written_version = br->guards.version;
	written_ms = now_ms;
	path_of(console, path, sizeof(path));
	ret = bf_file_replace(path, write_all, &of);
	if (ret != 0)
		BF_WARN("main", "%s: %s: the addresses of guests are not kept", path,
			strerror(-ret));
	return BF_TASK_NEVER;
}
