/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where the tables of top stand: each pane gets what it wants when all fit, else at least its title and a row, and the
 * rows that are left are dealt out in turn, the active pane first.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/top.h"

#define HEAD_ROWS 2
#define FOOT_ROWS 1
#define PANE_ROWS_MIN 2

struct canvas {
	bf_top_put_fn *put;
	void *arg;
	unsigned int row, columns;
};

static void
line_put(struct canvas *c, enum bf_top_look look, const char *line)
{
	char cut[BF_TOP_WIDTH_MAX];
	size_t n = 0, width = 0;

	/* By characters: a name may be UTF-8. */
	while (line[n] != '\0' && n + 4 < sizeof(cut)) {
		width += ((unsigned char)line[n] & 0xc0) != 0x80 ? 1 : 0;
		if (width > c->columns)
			break;
		cut[n] = line[n];
		n++;
	}
	cut[n] = '\0';
	c->put(c->arg, c->row++, look, cut);
}

static void
cell_add(char *line, size_t size, const struct bf_top_column *column, const char *text)
{
	size_t len = strlen(line), width = (size_t)abs(column->width);

	if (len >= size)
		return;
	if (column->width == 0)
		snprintf(line + len, size - len, "%s", text);
	else if (column->width < 0)
		snprintf(line + len, size - len, "%*s ", (int)width, text);
	else
		snprintf(line + len, size - len, "%-*.*s ", (int)width, (int)width, text);
}

static void
title_put(struct canvas *c, const struct bf_top_pane *p, bool is_active)
{
	char line[BF_TOP_WIDTH_MAX] = "", title[32];

	for (unsigned int i = 0; i < p->n_columns; i++) {
		snprintf(title, sizeof(title), "%s%s", p->columns[i].title,
			i != p->sort            ? ""
				: p->is_reverse ? "-"
						: "+");
		cell_add(line, sizeof(line), &p->columns[i],
			is_active || i != p->sort ? title : p->columns[i].title);
	}
	line_put(c, BF_TOP_TITLE, line);
}

static void
pane_put(struct canvas *c, struct bf_top_pane *p, bool is_active, unsigned int height)
{
	unsigned int room = height - 1;

	if (p->at < p->first)
		p->first = p->at;
	if (room > 0 && p->at >= p->first + room)
		p->first = p->at - room + 1;
	if (p->n_rows <= room)
		p->first = 0;
	title_put(c, p, is_active);
	for (unsigned int i = 0; i < room; i++) {
		unsigned int r = p->first + i;
		char line[BF_TOP_WIDTH_MAX] = "";

		for (unsigned int k = 0; r < p->n_rows && k < p->n_columns; k++)
			cell_add(line, sizeof(line), &p->columns[k], p->rows[r].cells[k]);
		if (r == 0 && p->n_rows == 0)
			snprintf(line, sizeof(line), "none");
		line_put(c, is_active && r == p->at && p->n_rows > 0 ? BF_TOP_CHOSEN : BF_TOP_PLAIN,
			line);
	}
}

static unsigned int
pane_wants(const struct bf_top_pane *p)
{
	return 1 + (p->n_rows > 0 ? p->n_rows : 1);
}

/* How many rows each pane gets. */
static void
rows_deal(const struct bf_top *t, unsigned int room, unsigned int *heights)
{
	unsigned int left = room, n_full;

	for (unsigned int i = 0; i < BF_TOP_PANE_COUNT; i++) {
		heights[i] = left >= PANE_ROWS_MIN ? PANE_ROWS_MIN : 0;
		left -= heights[i];
	}
	do {
		n_full = 0;
		for (unsigned int k = 0; k < BF_TOP_PANE_COUNT; k++) {
			unsigned int i = (t->active + k) % BF_TOP_PANE_COUNT;

			if (left == 0 || heights[i] == 0 ||
				heights[i] >= pane_wants(&t->panes[i])) {
				n_full++;
				continue;
			}
			heights[i]++;
			left--;
		}
	} while (n_full < BF_TOP_PANE_COUNT);
}

unsigned int
bf_top_height(const struct bf_top *t)
{
	unsigned int n = HEAD_ROWS + FOOT_ROWS;

	for (unsigned int i = 0; i < BF_TOP_PANE_COUNT; i++)
		n += pane_wants(&t->panes[i]);
	return n;
}

void
bf_top_lay_out(
	struct bf_top *t, unsigned int rows, unsigned int columns, bf_top_put_fn *put, void *arg)
{
	struct canvas c = {.put = put, .arg = arg, .columns = columns};
	unsigned int heights[BF_TOP_PANE_COUNT] = {0};
	unsigned int room = rows > HEAD_ROWS + FOOT_ROWS ? rows - HEAD_ROWS - FOOT_ROWS : 0;

	if (t->is_zoomed)
		heights[t->active] = room;
	else
		rows_deal(t, room, heights);
	line_put(&c, BF_TOP_PLAIN, t->head[0]);
	line_put(&c, BF_TOP_PLAIN, t->head[1]);
	for (unsigned int i = 0; i < BF_TOP_PANE_COUNT; i++)
		if (heights[i] > 0)
			pane_put(&c, &t->panes[i], i == t->active, heights[i]);
}
