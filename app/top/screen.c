/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * top on a terminal: lines and keys, by ncurses.
 *
 * Threads: one.
 */
#include <ctype.h>
#include <curses.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "top/top.h"

#define FOOT "q ends  1-5 Tab pane  arrows row  Enter look into  s r sort  z one pane  h help"
#define ESCAPE 27

/* What is on the screen. */
struct view {
	const struct bf_ctl_options *opt;
	struct bf_top *top;
	struct bf_err err; /* why there is nothing new; "" */
	char port[64]; /* looked into; "": the tables */
	bool is_help;
	char *page; /* the text of a look, or NULL */
	unsigned int at; /* its first line */
	bool is_over;
};

static const char help_text[] =
	"bondctl top\n"
	"\n"
	"  1 2 3 4 5, Tab     members, guests, workers, drops, events\n"
	"  arrows, j k        choose a row; Page Up, Page Down, Home and End\n"
	"  Enter              look into a member or a guest: rates, queues, drops\n"
	"  s                  sort by the next column; + and - mark it\n"
	"  r                  the other way round\n"
	"  z                  this pane alone, or all\n"
	"  space              now, not at the next second\n"
	"  q, Escape          back, and out\n"
	"\n"
	"Rates are those of the last full second, as in show port stats.  LOST counts\n"
	"links that were lost, DROPS frames of a guest, in both directions.  BUSY is the\n"
	"share of its time that a worker had frames.\n";

static void
row_put(void *arg, unsigned int row, enum bf_top_look look, const char *line)
{
	int attributes = look == BF_TOP_TITLE ? (int)A_REVERSE
		: look == BF_TOP_CHOSEN       ? (int)A_BOLD
					      : (int)A_NORMAL;

	(void)arg;
	(void)move((int)row, 0);
	(void)attrset(attributes);
	(void)clrtoeol();
	(void)addstr(line);
	for (int x = getcurx(stdscr);
		look == BF_TOP_TITLE && getcury(stdscr) == (int)row && x < COLS; x++)
		(void)mvaddch((int)row, x, ' ');
	(void)attrset((int)A_NORMAL);
}

/* Not of one whose name begins so. */
static bool
is_row_of(const char *row, const char *port)
{
	size_t len = strlen(port);

	return strncmp(row, port, len) == 0 && (row[len] == ' ' || row[len] == '\t');
}

/* What there is to say of one port, one command after the other. */
static void
page_ask(struct view *v)
{
	static const char *const lines[] = {
		"show port stats ", "show guest ", "show port info ", "show drops"};
	char *page = NULL, line[128];
	size_t len = 0, n;
	FILE *f = open_memstream(&page, &len);

	for (size_t i = 0; f != NULL && i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct bf_top_pane *guests = &v->top->panes[BF_TOP_GUESTS];
		bool is_guest = false;
		char *text;

		for (unsigned int r = 0; r < guests->n_rows; r++)
			is_guest = is_guest || strcmp(guests->rows[r].key, v->port) == 0;
		/* Guests say more of themselves than ports do. */
		if ((i == 1 && !is_guest) || (i == 2 && is_guest))
			continue;
		snprintf(line, sizeof(line), "%s%s", lines[i], i < 3 ? v->port : "");
		text = bf_top_text(v->opt, line, &v->err);
		if (text == NULL)
			continue;
		for (const char *p = text; *p != '\0'; p += n + (p[n] == '\n' ? 1 : 0)) {
			n = strcspn(p, "\n");
			if (i < 3 || is_row_of(p, v->port) || p == text)
				(void)fprintf(f, "%.*s\n", (int)n, p);
		}
		free(text);
	}
	if (f != NULL)
		(void)fclose(f);
	free(v->page);
	v->page = page;
}

static void
data_ask(struct view *v)
{
	struct bf_top_data d;

	v->err.text[0] = '\0';
	if (!bf_top_ask(v->opt, &d, &v->err))
		return;
	bf_top_fill(v->top, &d);
	bf_top_release(&d);
	if (v->port[0] != '\0')
		page_ask(v);
}

static unsigned int
count_lines(const char *text)
{
	unsigned int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n' ? 1 : 0;
	return n;
}

static void
page_draw(struct view *v, const char *text)
{
	unsigned int room = LINES > 1 ? (unsigned int)LINES - 1 : 1, n = count_lines(text), row = 0;

	if (v->at + room > n)
		v->at = n > room ? n - room : 0;
	for (unsigned int i = 0; row < room && *text != '\0'; i++) {
		size_t len = strcspn(text, "\n");
		char line[BF_TOP_WIDTH_MAX];
		size_t wide =
			COLS > 0 && (size_t)COLS < sizeof(line) ? (size_t)COLS : sizeof(line) - 1;

		snprintf(line, sizeof(line), "%.*s", (int)(len < wide ? len : wide), text);
		for (char *tab = line; (tab = strchr(tab, '\t')) != NULL;)
			*tab = ' ';
		if (i >= v->at)
			row_put(NULL, row++, BF_TOP_PLAIN, line);
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	(void)move((int)row, 0);
	(void)clrtobot();
}

static void
view_draw(struct view *v)
{
	char foot[160] = FOOT;

	if (v->is_help || v->port[0] != '\0') {
		page_draw(v, v->is_help ? help_text : v->page != NULL ? v->page : "");
		snprintf(foot, sizeof(foot), "q back  arrows, Page Up, Page Down");
	} else {
		(void)erase();
		bf_top_lay_out(v->top, (unsigned int)LINES, (unsigned int)COLS, row_put, NULL);
	}
	if (v->err.text[0] != '\0')
		snprintf(foot, sizeof(foot), "%.150s", v->err.text);
	(void)mvaddnstr(LINES - 1, 0, foot, COLS - 1);
	(void)clrtoeol();
	(void)refresh();
}

static void
row_move(struct bf_top_pane *p, int by)
{
	int at = (int)p->at + by, last = (int)p->n_rows - 1;

	p->at = (unsigned int)(at > last ? (last < 0 ? 0 : last) : at < 0 ? 0 : at);
}

/* Keys that move; false for others. */
static bool
key_moves(struct view *v, int key)
{
	struct bf_top_pane *p = &v->top->panes[v->top->active];
	int page = LINES > 4 ? LINES - 4 : 1, by = 0;

	if (key == KEY_UP || key == 'k')
		by = -1;
	else if (key == KEY_DOWN || key == 'j')
		by = 1;
	else if (key == KEY_PPAGE)
		by = -page;
	else if (key == KEY_NPAGE)
		by = page;
	else if (key == KEY_HOME)
		by = -100000;
	else if (key == KEY_END)
		by = 100000;
	else
		return false;
	if (v->is_help || v->port[0] != '\0')
		v->at = (int)v->at + by < 0 ? 0 : v->at + (unsigned int)by;
	else
		row_move(p, by);
	return true;
}

static void
key_back(struct view *v)
{
	if (v->is_help)
		v->is_help = false;
	else if (v->port[0] != '\0')
		v->port[0] = '\0';
	else
		v->is_over = true;
	v->at = 0;
}

static void
look_into(struct view *v)
{
	const struct bf_top_pane *p = &v->top->panes[v->top->active];

	if (p->at >= p->n_rows || p->rows[p->at].key[0] == '\0')
		return;
	snprintf(v->port, sizeof(v->port), "%s", p->rows[p->at].key);
	v->at = 0;
	page_ask(v);
}

static void
key_take(struct view *v, int key)
{
	struct bf_top *t = v->top;
	struct bf_top_pane *p = &t->panes[t->active];

	if (key_moves(v, key))
		return;
	if (key >= '1' && key < '1' + BF_TOP_PANE_COUNT)
		t->active = (unsigned int)(key - '1');
	else if (key == '\t')
		t->active = (t->active + 1) % BF_TOP_PANE_COUNT;
	else if (key == 's')
		p->sort = (p->sort + 1) % p->n_columns;
	else if (key == 'r')
		p->is_reverse = !p->is_reverse;
	else if (key == 'z')
		t->is_zoomed = !t->is_zoomed;
	else if (key == 'h' || key == '?')
		v->is_help = true;
	else if (key == '\n' || key == '\r' || key == KEY_ENTER)
		look_into(v);
	else if (key == 'q' || key == ESCAPE || key == KEY_BACKSPACE)
		key_back(v);
	if (key == 's' || key == 'r')
		bf_top_sort(p);
}

/* Take keys until it is time to ask again. */
static void
keys_take(struct view *v, unsigned int seconds)
{
	int64_t next_ms = bf_client_now_ms() + (int64_t)seconds * 1000, left;
	int key;

	while (!v->is_over && (left = next_ms - bf_client_now_ms()) > 0) {
		view_draw(v);
		timeout((int)left);
		key = getch();
		if (key == ' ')
			return;
		if (key != ERR)
			key_take(v, key);
	}
}

int
bf_top_screen(const struct bf_ctl_options *opt, struct bf_top *t, unsigned int seconds)
{
	struct view v = {.opt = opt, .top = t};
	SCREEN *screen;

	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN);
	/* initscr() would end the program with a message of its own. */
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		bf_ctl_error("top: TERM \"%.60s\": expected a known terminal, or -1",
			getenv("TERM") != NULL ? getenv("TERM") : "");
		return BF_CTL_FAILED;
	}
	(void)cbreak();
	(void)noecho();
	(void)keypad(stdscr, TRUE);
	(void)curs_set(0);
	set_escdelay(25);
	while (!v.is_over) {
		data_ask(&v);
		keys_take(&v, seconds);
	}
	(void)endwin();
	delscreen(screen);
	free(v.page);
	return BF_CTL_DONE;
}
