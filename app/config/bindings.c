/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "GUEST MAC MAC ...": see bindings.h.
 *
 * Threads: ctx control.
 */
#include "config/bindings.h"

#include <stdio.h>
#include <string.h>

#include "base/mac.h"
#include "base/parse.h"
#include "config/kept.h"

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

static void
write_all(FILE *f, const struct bf_bridge *br)
{
	bf_guards_visit(br, write_guest, f);
}

static struct bf_kept kept = {.suffix = ".macs",
	.what = "the addresses of guests",
	.take_line = take_line,
	.write = write_all};

void
bf_bindings_load(const char *console, struct bf_bridge *br)
{
	bf_kept_load(&kept, console, br);
}

uint64_t
bf_bindings_save(const char *console, const struct bf_bridge *br, uint64_t now_ms)
{
	return bf_kept_save(&kept, console, br, br->guards.version, now_ms);
}
