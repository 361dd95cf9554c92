/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tables of top, made of the daemon's answers.
 *
 * Rates are those of the daemon's own window, the last full second, so that all who look see the same.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top/top.h"

#define EVENTS_SHOWN 100

static const struct bf_top_column member_columns[] = {
	{"MEMBER", 14, false},
	{"BOND", 8, false},
	{"STATE", 10, false},
	{"RX-PPS", -8, true},
	{"RX-BIT/S", -8, true},
	{"TX-PPS", -8, true},
	{"TX-BIT/S", -8, true},
	{"LOST", -6, true},
};

static const struct bf_top_column guest_columns[] = {
	{"GUEST", 14, false},
	{"BOND", 8, false},
	{"STATE", 10, false},
	{"RX-PPS", -8, true},
	{"RX-BIT/S", -8, true},
	{"TX-PPS", -8, true},
	{"TX-BIT/S", -8, true},
	{"DROPS", -6, true},
};

static const struct bf_top_column worker_columns[] = {
	{"LCORE", 6, true},
	{"NODE", 5, true},
	{"BUSY", -7, true},
	{"FRAMES", -14, true},
	{"CYCLES/FRAME", -13, true},
	{"SLEEPS", -11, true},
	{"RINGS-BUSY", -11, true},
};

static const struct bf_top_column drop_columns[] = {
	{"PORT", 14, false},
	{"AT", 3, false},
	{"REASON", 20, false},
	{"FRAMES", -12, true},
	{"WHAT", 0, false},
};

static const struct bf_top_column event_columns[] = {
	{"TIME", 8, true},
	{"LEVEL", 7, false},
	{"KIND", 16, false},
	{"OBJECT", 14, false},
	{"TEXT", 0, false},
};

#define COLUMNS(array) .columns = (array), .n_columns = sizeof(array) / sizeof((array)[0])

void
bf_top_init(struct bf_top *t)
{
	static const struct bf_top_pane panes[BF_TOP_PANE_COUNT] = {
		{.title = "1 Members", COLUMNS(member_columns)},
		{.title = "2 Guests", COLUMNS(guest_columns)},
		{.title = "3 Workers", COLUMNS(worker_columns)},
		{.title = "4 Drops", COLUMNS(drop_columns), .sort = 3, .is_reverse = true},
		{.title = "5 Events", COLUMNS(event_columns), .is_reverse = true},
	};

	memset(t, 0, sizeof(*t));
	memcpy(t->panes, panes, sizeof(panes));
	t->active = BF_TOP_GUESTS;
}

void
bf_top_fini(struct bf_top *t)
{
	for (unsigned int i = 0; i < BF_TOP_PANE_COUNT; i++)
		free(t->panes[i].rows);
	memset(t, 0, sizeof(*t));
}

/* Reading JSON. */

static const char *
text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text == NULL ? "" : text;
}

static double
number_of(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static bool
is_true(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

static const json_t *
row_named(const json_t *list, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row) if (strcmp(text_of(row, "name"), name) == 0) return row;
	return NULL;
}

/* Writing cells. */

static struct bf_top_row *
row_add(struct bf_top_pane *p, const char *key)
{
	struct bf_top_row *grown;

	if (p->n_rows == p->cap) {
		grown = realloc(p->rows, (p->cap + 32) * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		p->rows = grown;
		p->cap += 32;
	}
	grown = &p->rows[p->n_rows++];
	memset(grown, 0, sizeof(*grown));
	snprintf(grown->key, sizeof(grown->key), "%s", key);
	return grown;
}

static void
set_text(struct bf_top_row *r, unsigned int column, const char *text)
{
	snprintf(r->cells[column], sizeof(r->cells[column]), "%s", text);
}

static void
set_number(struct bf_top_row *r, unsigned int column, double number)
{
	r->numbers[column] = number;
	snprintf(r->cells[column], sizeof(r->cells[column]), "%.0f", number);
}

/* At most seven characters: 12345, 12.3k, 4.56M, 7.89G. */
static void
set_rate(struct bf_top_row *r, unsigned int column, double number)
{
	static const char units[] = "kMGT";
	double shown = number;
	int unit = -1;

	r->numbers[column] = number;
	while (shown >= 100000 || (unit >= 0 && shown >= 1000)) {
		shown /= 1000;
		unit++;
	}
	if (unit < 0 || units[unit] == '\0')
		snprintf(r->cells[column], sizeof(r->cells[column]), "%.0f", number);
	else
		snprintf(r->cells[column], sizeof(r->cells[column]), "%.*f%c", shown < 10 ? 2 : 1,
			shown, units[unit]);
}

static void
set_rates(struct bf_top_row *r, const json_t *port)
{
	set_rate(r, 3, number_of(port, "rx_pps"));
	set_rate(r, 4, number_of(port, "rx_bps"));
	set_rate(r, 5, number_of(port, "tx_pps"));
	set_rate(r, 6, number_of(port, "tx_bps"));
}

/* One pane after the other. */

static const char *
member_state(const json_t *m)
{
	static const struct {
		const char *field, *state;
	} states[] = {{"missing", "missing"}, {"gone", "gone"}, {"off", "off"},
		{"drained", "drained"}, {"draining", "draining"}, {"damped", "damped"}};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (is_true(m, states[i].field))
			return states[i].state;
	if (!is_true(m, "link"))
		return "no link";
	if (is_true(m, "sending"))
		return "carries";
	return is_true(m, "standby") ? "standby" : "waits";
}

static void
fill_members(struct bf_top_pane *p, const struct bf_top_data *d)
{
	const json_t *bond, *m;
	size_t i, j;

	json_array_foreach(d->bonds, i, bond)
	{
		json_array_foreach(json_object_get(bond, "member_details"), j, m)
		{
			struct bf_top_row *r = row_add(p, text_of(m, "name"));

			if (r == NULL)
				return;
			set_text(r, 0, text_of(m, "name"));
			set_text(r, 1, text_of(bond, "name"));
			set_text(r, 2, member_state(m));
			set_rates(r, row_named(d->ports, text_of(m, "name")));
			set_number(r, 7, number_of(m, "link_losses"));
		}
	}
}

static void
fill_guests(struct bf_top_pane *p, const struct bf_top_data *d)
{
	const json_t *g;
	size_t i;

	json_array_foreach(d->guests, i, g)
	{
		struct bf_top_row *r = row_add(p, text_of(g, "name"));

		if (r == NULL)
			return;
		set_text(r, 0, text_of(g, "name"));
		set_text(r, 1, text_of(g, "uplink"));
		set_text(r, 2,
			!is_true(g, "up")                 ? "down"
				: is_true(g, "link_held") ? "link held"
							  : "up");
		set_rates(r, row_named(d->ports, text_of(g, "name")));
		set_rate(r, 7, number_of(g, "drops"));
	}
}

static void
fill_workers(struct bf_top_pane *p, const struct bf_top_data *d)
{
	const json_t *l;
	size_t i;

	json_array_foreach(d->lcores, i, l)
	{
		struct bf_top_row *r = row_add(p, "");

		if (r == NULL)
			return;
		set_number(r, 0, number_of(l, "lcore"));
		set_number(r, 1, number_of(l, "socket"));
		set_number(r, 2, number_of(l, "busy_percent"));
		snprintf(r->cells[2], sizeof(r->cells[2]), "%.1f %%", r->numbers[2]);
		set_number(r, 3, number_of(l, "frames"));
		set_number(r, 4, number_of(l, "cycles_per_frame"));
		set_number(r, 5, number_of(l, "sleeps"));
		set_number(r, 6, number_of(l, "ring_contended"));
	}
}

static void
fill_drops(struct bf_top_pane *p, const struct bf_top_data *d)
{
	const json_t *drop;
	size_t i;

	json_array_foreach(json_object_get(d->drops, "ports"), i, drop)
	{
		struct bf_top_row *r = row_add(p, text_of(drop, "port"));

		if (r == NULL)
			return;
		set_text(r, 0, text_of(drop, "port"));
		set_text(r, 1, text_of(drop, "at"));
		set_text(r, 2, text_of(drop, "reason"));
		set_number(r, 3, number_of(drop, "frames"));
		set_text(r, 4, text_of(drop, "help"));
	}
}

static void
fill_events(struct bf_top_pane *p, const struct bf_top_data *d)
{
	size_t n = json_array_size(d->events);
	char when[16];
	struct tm tm;

	for (size_t i = n > EVENTS_SHOWN ? n - EVENTS_SHOWN : 0; i < n; i++) {
		const json_t *e = json_array_get(d->events, i);
		time_t seconds = (time_t)(number_of(e, "time_ms") / 1000);
		struct bf_top_row *r = row_add(p, "");

		if (r == NULL)
			return;
		strftime(when, sizeof(when), "%H:%M:%S", gmtime_r(&seconds, &tm));
		set_text(r, 0, when);
		r->numbers[0] = number_of(e, "seq");
		set_text(r, 1, text_of(e, "level"));
		set_text(r, 2, text_of(e, "what"));
		set_text(r, 3, text_of(e, "object"));
		set_text(r, 4, text_of(e, "text"));
	}
}

/* The lines above: since when, how well; what each bond carries. */
static void
fill_head(struct bf_top *t, const struct bf_top_data *d)
{
	uint64_t up = (uint64_t)number_of(d->version, "uptime_s");
	char *line = t->head[1];
	struct bf_top_row r;
	const json_t *bond;
	size_t i, len = 0;

	snprintf(t->head[0], sizeof(t->head[0]),
		"bondfwd %s  up %" PRIu64
		"d %02u:%02u:%02u  health: %s, %zu findings  dropped %.0f",
		text_of(d->version, "bondfwd"), up / 86400, (unsigned int)(up / 3600 % 24),
		(unsigned int)(up / 60 % 60), (unsigned int)(up % 60), text_of(d->health, "level"),
		json_array_size(json_object_get(d->health, "findings")),
		number_of(json_object_get(d->drops, "ledger"), "dropped"));
	line[0] = '\0';
	json_array_foreach(d->bonds, i, bond)
	{
		set_rates(&r, row_named(d->ports, text_of(bond, "name")));
		len += (size_t)snprintf(line + len, sizeof(t->head[1]) - len,
			"%s%s %s %s %.0f/%.0f: rx %s pps %s, tx %s pps %s", len > 0 ? "  " : "",
			text_of(bond, "name"), text_of(bond, "mode"),
			is_true(bond, "up") ? "up" : "down", number_of(bond, "n_sending"),
			number_of(bond, "n_members"), r.cells[3], r.cells[4], r.cells[5],
			r.cells[6]);
		if (len >= sizeof(t->head[1]))
			break;
	}
}

/* Sorting: the pane is told to the comparison, which knows only rows. */

static const struct bf_top_pane *sorted;

static int
compare_rows(const void *a, const void *b)
{
	const struct bf_top_row *x = a, *y = b;
	unsigned int c = sorted->sort;
	int ret = sorted->columns[c].is_number
		? (x->numbers[c] > y->numbers[c]) - (x->numbers[c] < y->numbers[c])
		: strcmp(x->cells[c], y->cells[c]);

	if (sorted->is_reverse)
		ret = -ret;
	/* So that equal rows do not change places from look to look. */
	return ret != 0 ? ret : strcmp(x->cells[0], y->cells[0]);
}

void
bf_top_sort(struct bf_top_pane *p)
{
	sorted = p;
	if (p->n_rows > 1)
		qsort(p->rows, p->n_rows, sizeof(*p->rows), compare_rows);
}

void
bf_top_fill(struct bf_top *t, const struct bf_top_data *d)
{
	static void (*const fill[BF_TOP_PANE_COUNT])(
		struct bf_top_pane *, const struct bf_top_data *) = {
		fill_members, fill_guests, fill_workers, fill_drops, fill_events};

	for (unsigned int i = 0; i < BF_TOP_PANE_COUNT; i++) {
		struct bf_top_pane *p = &t->panes[i];
		char chosen[64] = "";

		if (p->at < p->n_rows)
			snprintf(chosen, sizeof(chosen), "%s", p->rows[p->at].key);
		p->n_rows = 0;
		fill[i](p, d);
		bf_top_sort(p);
		for (unsigned int r = 0; chosen[0] != '\0' && r < p->n_rows; r++)
			if (strcmp(p->rows[r].key, chosen) == 0) {
				p->at = r;
				break;
			}
		if (p->at >= p->n_rows)
			p->at = p->n_rows > 0 ? p->n_rows - 1 : 0;
	}
	fill_head(t, d);
}
