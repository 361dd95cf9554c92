/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl top: members, guests, workers, drops and the last events on a screen.
 *
 * Three steps, a file each: data.c asks the daemon, panes.c makes tables of the answers, canvas.c lays them out as lines
 * of text. screen.c shows the lines on a terminal and takes keys, top.c prints them once.
 *
 * Threads: one.
 */
#ifndef BF_APP_TOP_TOP_H
#define BF_APP_TOP_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "ctl/ctl.h"

/** Answers of the daemon, of one moment or nearly so. */
struct bf_top_data {
	json_t *version, *health, *ports, *bonds, *guests, *lcores, *drops, *events;
};

/** Ask for everything. @return false with the reason: then nothing is held */
bool bf_top_ask(const struct bf_ctl_options *opt, struct bf_top_data *d, struct bf_err *err);
/** The text of a command; on the heap, NULL with the reason. */
char *bf_top_text(const struct bf_ctl_options *opt, const char *line, struct bf_err *err);
void bf_top_release(struct bf_top_data *d);

#define BF_TOP_COLUMNS 9
#define BF_TOP_CELL 128

enum bf_top_pane_id {
	BF_TOP_MEMBERS,
	BF_TOP_GUESTS,
	BF_TOP_WORKERS,
	BF_TOP_DROPS,
	BF_TOP_EVENTS,
	BF_TOP_PANE_COUNT
};

/** A column: where it stands and how it is sorted. */
struct bf_top_column {
	const char *title;
	int width; /* to the right when negative; 0: the rest of the row */
	bool is_number;
};

struct bf_top_row {
	char cells[BF_TOP_COLUMNS][BF_TOP_CELL];
	double numbers[BF_TOP_COLUMNS];
	char key[64]; /* what a look into the row shows: a port; "" for none */
};

/** A table, and how the operator looks at it. */
struct bf_top_pane {
	const char *title;
	const struct bf_top_column *columns;
	unsigned int n_columns;
	struct bf_top_row *rows;
	unsigned int n_rows, cap;
	unsigned int sort; /* a column */
	bool is_reverse;
	unsigned int at, first; /* the chosen row, the first that is shown */
};

/** All tables, and the lines above them. */
struct bf_top {
	struct bf_top_pane panes[BF_TOP_PANE_COUNT];
	unsigned int active;
	bool is_zoomed; /* only the active pane */
	char head[2][256];
};

void bf_top_init(struct bf_top *t);
void bf_top_fini(struct bf_top *t);
/** Fill the tables and sort them; the chosen rows stay chosen by their keys. */
void bf_top_fill(struct bf_top *t, const struct bf_top_data *d);
/** Sort a table again. */
void bf_top_sort(struct bf_top_pane *p);

/** How a line is to be shown. */
enum bf_top_look {
	BF_TOP_PLAIN,
	BF_TOP_TITLE,
	BF_TOP_CHOSEN,
};

#define BF_TOP_WIDTH_MAX 512

/** Lay out everything in so many rows. @param put Called for each row from the top. */
typedef void bf_top_put_fn(void *arg, unsigned int row, enum bf_top_look look, const char *line);
void bf_top_lay_out(
	struct bf_top *t, unsigned int rows, unsigned int columns, bf_top_put_fn *put, void *arg);
/** Rows that everything takes. */
unsigned int bf_top_height(const struct bf_top *t);

/** Run it on this terminal until q. @return exit status */
int bf_top_screen(const struct bf_ctl_options *opt, struct bf_top *t, unsigned int seconds);

#endif
