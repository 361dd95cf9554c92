/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "GUEST ADDRESS[/LENGTH]=END ...": see leases.h.  END is in seconds since 1970, or "never"; a guest whose
 * leases have all ended has a line without any, for it is judged still.
 *
 * Threads: ctx control.
 */
#include "config/leases.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/parse.h"
#include "config/kept.h"

/* @return false: it has ended, or is none. */
static bool
take_lease(char *word, time_t now, struct bf_lease *lease)
{
	char *end = strchr(word, '=');
	struct bf_ip_list one;
	uint64_t end_s = 0;

	if (end == NULL)
		return false;
	*end++ = '\0';
	if (bf_ip_list_parse("lease", word, &one, NULL) != 0 || one.n != 1)
		return false;
	lease->of = one.at[0];
	lease->until_ms = BF_LEASE_FOREVER;
	if (strcmp(end, "never") == 0)
		return true;
	if (bf_parse_u64("lease", end, 0, INT64_MAX, &end_s, NULL) != 0 || end_s <= (uint64_t)now ||
		end_s - (uint64_t)now > UINT32_MAX)
		return false;
	lease->until_ms = bf_clock_ms() + (end_s - (uint64_t)now) * 1000;
	return true;
}

static void
take_line(struct bf_bridge *br, char *line)
{
	struct bf_named_leases l = {.of = {.known = true}};
	char *rest = line, *word = strsep(&rest, " \n");
	time_t now = time(NULL);

	if (word == NULL || bf_parse_name("guest", word, l.guest, sizeof(l.guest), NULL) != 0)
		return;
	while ((word = strsep(&rest, " \n")) != NULL && l.of.n < BF_GUARD_LEASES)
		if (take_lease(word, now, &l.of.at[l.of.n]))
			l.of.n++;
	bf_leases_restore(br, &l);
}

static void
write_guest(void *arg, const char *guest, const struct bf_leases *l)
{
	uint64_t now_ms = bf_clock_ms();
	time_t now = time(NULL);
	FILE *f = arg;

	fputs(guest, f);
	for (uint32_t i = 0; i < l->n; i++) {
		char text[64];

		bf_ip_prefix_print(&l->at[i].of, text, sizeof(text));
		if (l->at[i].until_ms == BF_LEASE_FOREVER)
			fprintf(f, " %s=never", text);
		else if (l->at[i].until_ms > now_ms)
			fprintf(f, " %s=%" PRIu64, text,
				(uint64_t)now + (l->at[i].until_ms - now_ms) / 1000);
	}
	fputc('\n', f);
}

static void
write_all(FILE *f, const struct bf_bridge *br)
{
	bf_leases_visit(br, write_guest, f);
}

static struct bf_kept kept = {.suffix = ".leases",
	.what = "the leases of guests",
	.take_line = take_line,
	.write = write_all};

void
bf_leases_load(const char *console, struct bf_bridge *br)
{
	bf_kept_load(&kept, console, br);
}

uint64_t
bf_leases_save(const char *console, const struct bf_bridge *br, uint64_t now_ms)
{
	return bf_kept_save(&kept, console, br, br->leases.version, now_ms);
}
