/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show drops PORT REASON frames: the heads of frames that were dropped of late.
 *
 * Threads: ctx control; reads what workers write (dataplane/last_words.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/bridge.h"
#include "control/observe/frame_text.h"
#include "control/observe/stats.h"
#include "control/snapshot/snapshot.h"
#include "dataplane/last_words.h"
#include "dataplane/tap.h"

#define HEX_PER_LINE 32
#define HEX_ROOM (2 * BF_LAST_WORD_BYTES + 1)
#define LINES_ROOM (3 * BF_LAST_WORD_BYTES + BF_LAST_WORD_BYTES / HEX_PER_LINE * 16 + 1)

struct word_row {
	int64_t time_us;
	const char *when, *port, *reason, *member;
	uint32_t lcore, length;
	const char *frame, *hex, *lines;
};

#define ROW struct word_row

static const struct bf_field word_fields[] = {
	BF_FIELD(ROW, time_us),
	BF_FIELD(ROW, when, .text_only = true),
	BF_FIELD(ROW, port),
	BF_FIELD(ROW, reason),
	BF_FIELD(ROW, lcore),
	BF_FIELD(ROW, member),
	BF_FIELD(ROW, length),
	BF_FIELD(ROW, frame),
	BF_FIELD(ROW, hex),
	BF_FIELD(ROW, lines, .text_only = true),
};

static const struct bf_table word_table = BF_TABLE("dropped_frame", ROW, word_fields,
	.text = "{when}  {port}  {reason}  lcore {lcore}{#member}, member {member}{/member}, "
		"{length} bytes\n  {frame}\n{lines}");

/* A frame that was dropped, and where. */
struct found {
	const struct bf_last_word *word;
	uint16_t slot;
	uint8_t why;
	uint16_t lcore;
};

/* Those that were found, and the memory of the cells they stand in. */
struct finding {
	const char *port, *reason; /* NULL: any */
	struct bf_last_word_cell *cells;
	struct found *found;
	unsigned int n_cells, n;
};

static const char *
time_text(struct bf_snapshot *s, uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	char text[64];
	struct tm tm;
	size_t len = strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));

	snprintf(text + len, sizeof(text) - len, ".%06u", (unsigned int)(wall_us % 1000000));
	return bf_snapshot_copy(s, text);
}

static const char *
hex_text(struct bf_snapshot *s, const struct bf_last_word *word)
{
	char text[HEX_ROOM] = "";

	for (unsigned int i = 0; i < word->len; i++)
		snprintf(text + (size_t)2 * i, 3, "%02x", word->data[i]);
	return bf_snapshot_copy(s, text);
}

/* The same for people, with places in front. */
static const char *
lines_text(struct bf_snapshot *s, const struct bf_last_word *word)
{
	char text[LINES_ROOM] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < word->len; i++) {
		if (i % HEX_PER_LINE == 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s    %04x ",
				i > 0 ? "\n" : "", i);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%02x",
			i % 2 == 0 ? " " : "", word->data[i]);
	}
	snprintf(text + len, sizeof(text) - len, "\n");
	return bf_snapshot_copy(s, text);
}

static const char *
member_text(const struct bf_bridge *br, uint16_t slot, const struct bf_last_word *word, uint8_t why)
{
	const struct bf_bond *b;
	int i;

	if (word->member == BF_TAP_NO_MEMBER || !bf_is_bond_slot(slot) || !bf_drop_is_in(why))
		return NULL;
	b = &br->up[bf_bond_of_slot(slot)].bond;
	i = bf_bond_by_bit(b, word->member);
	return i < 0 ? NULL : bf_bond_member_name(b, i);
}

static void
gather_word(struct bf_bridge *br, const struct found *f, ROW *row, struct bf_snapshot *s)
{
	const char *member = member_text(br, f->slot, f->word, f->why);
	char text[BF_FRAME_TEXT_MAX];
	uint64_t us = bf_tsc_clock_wall_ns(&br->captures.clock, f->word->tsc) / 1000;

	row->time_us = (int64_t)us;
	row->when = time_text(s, us);
	row->port = bf_snapshot_copy(s, bf_bridge_port_name(br, f->slot));
	row->reason = bf_drop_info[f->why].name;
	row->member = member != NULL ? bf_snapshot_copy(s, member) : NULL;
	row->lcore = f->lcore;
	row->length = f->word->pkt_len;
	bf_frame_text(f->word->data, f->word->len, text, sizeof(text));
	row->frame = bf_snapshot_copy(s, text);
	row->hex = hex_text(s, f->word);
	row->lines = lines_text(s, f->word);
}

static bool
is_wanted(const struct bf_bridge *br, const struct finding *f, const struct bf_last_word_cell *c)
{
	return c->slot < BF_MAX_PORTS && c->why < BF_DROP_COUNT &&
		(f->port == NULL || strcmp(bf_bridge_port_name(br, c->slot), f->port) == 0) &&
		(f->reason == NULL || strcmp(bf_drop_info[c->why].name, f->reason) == 0);
}

/* The frames of one worker. */
static void
find_words(const struct bf_bridge *br, const struct bf_worker *w, struct finding *f)
{
	for (unsigned int i = 0; i < BF_LAST_WORD_CELLS; i++) {
		struct bf_last_word_cell *c = &f->cells[f->n_cells];

		if (!bf_last_words_read(w->last_words, i, c) || !is_wanted(br, f, c))
			continue;
		f->n_cells++;
		for (unsigned int k = 0; k < RTE_MIN(c->n, (uint32_t)BF_LAST_WORDS); k++)
			if (c->word[k].tsc >= br->slot_since_tsc[c->slot])
				f->found[f->n++] =
					(struct found){&c->word[k], c->slot, c->why, w->lcore};
	}
}

static int
found_compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	if (x->why != y->why)
		return x->why < y->why ? -1 : 1;
	return x->word->tsc > y->word->tsc ? -1 : x->word->tsc < y->word->tsc;
}

/* The newest of each port and reason come first; as many as one worker keeps are shown of all. */
static void
gather_found(struct bf_bridge *br, struct finding *f, struct bf_snapshot *s)
{
	unsigned int same = 0;

	qsort(f->found, f->n, sizeof(*f->found), found_compare);
	for (unsigned int i = 0; i < f->n; i++) {
		same = i > 0 && f->found[i].slot == f->found[i - 1].slot &&
				f->found[i].why == f->found[i - 1].why
			? same + 1
			: 0;
		if (same < BF_LAST_WORDS)
			gather_word(br, &f->found[i], bf_rows_add(s, &s->rows, sizeof(ROW)), s);
	}
}

static void
gather_last_words(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const size_t cells = BF_LAST_WORD_CELLS;
	size_t most = br->lcores.n * cells + 1;
	char port[BF_DEV_NAME_MAX] = "all", reason[64] = "all";
	struct finding f = {0};

	if (only != NULL && sscanf(only, "%63s %63s", port, reason) < 1)
		return;
	f.port = strcmp(port, "all") != 0 ? port : NULL;
	f.reason = strcmp(reason, "all") != 0 ? reason : NULL;
	f.cells = aligned_alloc(RTE_CACHE_LINE_SIZE, most * sizeof(*f.cells));
	f.found = calloc(most * BF_LAST_WORDS, sizeof(*f.found));
	if (f.cells != NULL && f.found != NULL) {
		for (unsigned int w = 0; w < br->lcores.n; w++)
			find_words(br, br->lcores.workers[w], &f);
		gather_found(br, &f, s);
	}
	free(f.cells);
	free(f.found);
}

const struct bf_show bf_show_last_words = {.table = &word_table, .gather = gather_last_words};
