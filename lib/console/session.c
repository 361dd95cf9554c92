/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Interactive sessions.
 *
 * Theory of operation: a session is in one mode at a time, which says what a stroke means: the line is edited, a long
 * output is read, a command is repeated or followed, or a question is asked.  Each mode ends with a new prompt.
 *
 * Threads: ctx control.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/complete.h"
#include "console/editor.h"
#include "console/pager.h"
#include "console/session.h"
#include "console/strokes.h"

/* How often a command that follows is asked for what is new. */
#define FOLLOW_MS 200

/* Text from elsewhere that waits while the screen is taken. */
#define HELD_MAX ((size_t)64 << 10)

/* Rows and columns of a terminal; nobody has a larger one. */
#define SIZE_MAX_SHOWN 9999

/* Choices of one Tab. */
#define CHOICES_SHOWN 200

enum mode {
	MODE_EDIT,
	MODE_PAGE,
	MODE_WATCH,
	MODE_FOLLOW,
	MODE_ASK,
};

struct bf_session {
	const struct bf_cmd_set *set;
	void *app;
	bf_session_write_fn *write_fn;
	void *arg;
	struct bf_out *out;
	unsigned int flags, rows, columns;
	enum mode mode;
	struct bf_strokes strokes;
	struct bf_editor editor;
	struct bf_pager pager;
	struct bf_cmd_request request;
	char line[BF_CMD_LINE_MAX + 1]; /* what is watched or followed */
	struct bf_buffer held;
	uint64_t now_ms, due_ms;
	bool has_run, is_over;
};

static void
session_flush(struct bf_session *s)
{
	struct bf_buffer *b = &s->editor.out;

	if (b->len > 0)
		s->write_fn(s->arg, b->data, b->len);
	bf_buffer_reset(b, (size_t)64 << 10);
}

static void
text_put(struct bf_session *s, const char *text)
{
	(void)bf_buffer_add(&s->editor.out, text, strlen(text));
}

static unsigned int
width_of(const struct bf_session *s)
{
	return s->columns != 0 ? s->columns : BF_EDITOR_COLUMNS;
}

/* Back to the prompt, and to what was said meanwhile. */
static void
edit_begin(struct bf_session *s)
{
	s->mode = MODE_EDIT;
	s->due_ms = UINT64_MAX;
	if (s->held.len > 0)
		(void)bf_buffer_add(&s->editor.out, s->held.data, s->held.len);
	bf_buffer_reset(&s->held, 0);
	bf_editor_begin(&s->editor);
}

/* Completion and help. */

static void
choices_list(struct bf_session *s, const struct bf_choices *c)
{
	unsigned int widest = 0, per_row, n = c->n < CHOICES_SHOWN ? c->n : CHOICES_SHOWN;
	char cell[BF_CMD_LINE_MAX];

	for (unsigned int i = 0; i < n; i++)
		if (strlen(c->list[i].text) > widest)
			widest = (unsigned int)strlen(c->list[i].text);
	per_row = widest + 2 < width_of(s) ? width_of(s) / (widest + 2) : 1;
	for (unsigned int i = 0; i < n; i++) {
		bool ends = i % per_row == per_row - 1 || i == n - 1;

		snprintf(cell, sizeof(cell), "%-*s%s", ends ? 0 : (int)widest + 2, c->list[i].text,
			ends ? "\r\n" : "");
		text_put(s, cell);
	}
	if (n < c->n)
		text_put(s, "...\r\n");
}

/* Each with what it is for, cut at the edge of the screen. */
static void
choices_explain(struct bf_session *s, const struct bf_choices *c)
{
	unsigned int widest = 0;
	char row[512];

	for (unsigned int i = 0; i < c->n; i++)
		if (strlen(c->list[i].text) > widest && strlen(c->list[i].text) < 32)
			widest = (unsigned int)strlen(c->list[i].text);
	for (unsigned int i = 0; i < c->n; i++) {
		int len = snprintf(row, sizeof(row), "  %-*s  %s", (int)widest, c->list[i].text,
			c->list[i].help);

		if (len >= (int)width_of(s) && width_of(s) < sizeof(row))
			row[width_of(s) - 1] = '\0';
		for (len = (int)strlen(row); len > 0 && row[len - 1] == ' '; len--)
			row[len - 1] = '\0';
		text_put(s, row);
		text_put(s, "\r\n");
	}
}

static void
choices_show(struct bf_session *s, const struct bf_choices *c, bool in_full)
{
	text_put(s, "\r\n");
	if (c->n == 0)
		text_put(s, "  nothing fits here\r\n");
	else if (in_full)
		choices_explain(s, c);
	else
		choices_list(s, c);
	bf_editor_show(&s->editor);
}

/* Tab: put in what all choices have in common; when that is nothing more, show them. */
static void
line_complete(struct bf_session *s)
{
	struct bf_editor *e = &s->editor;
	const struct bf_choice *only = NULL;
	unsigned int n_real = 0;
	struct bf_choices c;
	size_t common;

	bf_complete(s->set, e->line, e->at, &c);
	common = bf_choices_common(&c);
	for (unsigned int i = 0; i < c.n; i++) {
		if (c.list[i].is_hint)
			continue;
		only = &c.list[i];
		n_real++;
	}
	if (common > c.typed_len)
		bf_editor_insert(e, only->text + c.typed_len, common - c.typed_len);
	if (n_real == 1 && common == strlen(only->text) && (c.n == 1 || c.typed_len > 0)) {
		if (!only->goes_on && e->at == e->len)
			bf_editor_insert(e, " ", 1);
	} else if (common <= c.typed_len && c.n > 0) {
		choices_show(s, &c, false);
	} else if (c.n == 0) {
		text_put(s, "\a");
	}
	bf_choices_fini(&c);
	s->has_run = true;
}

static void
line_explain(struct bf_session *s)
{
	struct bf_choices c;

	text_put(s, "?");
	bf_complete(s->set, s->editor.line, s->editor.at, &c);
	choices_show(s, &c, true);
	bf_choices_fini(&c);
	s->has_run = true;
}

/* Watching: the screen is another one meanwhile, so that what was there comes back. */

static void
screen_write(struct bf_session *s, const char *data, size_t len)
{
	unsigned int rows = (s->rows != 0 ? s->rows : 24) - 1, columns = width_of(s);

	for (unsigned int row = 1; len > 0 && row < rows; row++) {
		const char *newline = memchr(data, '\n', len);
		size_t n = newline == NULL ? len : (size_t)(newline - data), shown = 0, width = 0;

		while (shown < n && width < columns) {
			shown++;
			while (shown < n && ((unsigned char)data[shown] & 0xc0) == 0x80)
				shown++;
			width++;
		}
		(void)bf_buffer_add(&s->editor.out, data, shown);
		text_put(s, "\033[K\r\n");
		n += newline == NULL ? 0 : 1;
		data += n;
		len -= n;
	}
	text_put(s, "\033[J");
}

static void
watch_look(struct bf_session *s)
{
	char head[256];
	const char *data;
	size_t len;

	bf_out_reset(s->out);
	(void)bf_cmd_run(s->set, s->line, s->out, s->app);
	data = bf_out_data(s->out, &len);
	snprintf(head, sizeof(head), "\033[H\033[7mEvery %u s: %.*s; q ends\033[m\033[K\r\n",
		s->request.watch_ms / 1000, (int)(width_of(s) > 30 ? width_of(s) - 24 : 8),
		s->line);
	text_put(s, head);
	screen_write(s, data, len);
	s->due_ms = s->now_ms + s->request.watch_ms;
}

/* The command behind `watch [SECONDS]`, as it was typed. */
static const char *
inner_line(const char *line)
{
	line += strspn(line, " \t");
	line += strcspn(line, " \t");
	line += strspn(line, " \t");
	if (line[strspn(line, "0123456789")] != ' ')
		return line;
	line += strspn(line, "0123456789");
	return line + strspn(line, " \t");
}

static void
watch_begin(struct bf_session *s, const char *line)
{
	memmove(s->line, inner_line(line), strlen(inner_line(line)) + 1);
	s->mode = MODE_WATCH;
	text_put(s, "\033[?1049h");
	watch_look(s);
}

/* Running a line. */

static void
follow_look(struct bf_session *s)
{
	const char *data;
	size_t len;

	bf_out_reset(s->out);
	(void)bf_cmd_run_line(
		s->set, s->line, s->out, s->app, &s->request, &(const struct bf_cmd *){NULL});
	data = bf_out_data(s->out, &len);
	(void)bf_buffer_add(&s->editor.out, data, len);
	s->due_ms = s->now_ms + FOLLOW_MS;
}

static void
output_show(struct bf_session *s)
{
	const char *data;
	size_t len;

	data = bf_out_data(s->out, &len);
	if (s->request.paging && s->rows > 2 && bf_pager_wants(data, len, s->rows, width_of(s)) &&
		bf_pager_begin(&s->pager, data, len, s->rows, width_of(s), &s->editor.out)) {
		s->mode = MODE_PAGE;
		return;
	}
	/* One line that is higher than the screen is written by then. */
	if (s->pager.text.len > 0) {
		bf_pager_end(&s->pager);
		edit_begin(s);
		return;
	}
	session_flush(s);
	s->write_fn(s->arg, data, len);
	edit_begin(s);
}

static void
past_tell(struct bf_session *s)
{
	if ((s->flags & BF_SESSION_TELLS_HISTORY) == 0)
		return;
	text_put(s, "\033_");
	text_put(s, s->editor.line);
	text_put(s, "\033\\");
}

static void
line_run(struct bf_session *s)
{
	const struct bf_cmd *cmd;
	char line[BF_CMD_LINE_MAX + 1];

	memcpy(line, s->editor.line, s->editor.len + 1);
	if (bf_history_add(&s->editor.history, line))
		past_tell(s);
	session_flush(s);
	bf_out_reset(s->out);
	s->request.watch_ms = 0;
	s->request.is_following = false;
	(void)bf_cmd_run_line(s->set, line, s->out, s->app, &s->request, &cmd);
	s->has_run = true;
	if (cmd != NULL && (cmd->flags & BF_CMD_QUIT) != 0) {
		s->is_over = true;
	} else if (s->request.watch_ms != 0) {
		watch_begin(s, line);
	} else if (s->request.is_following) {
		memcpy(s->line, line, sizeof(s->line));
		s->mode = MODE_FOLLOW;
		text_put(s, "Events, until a key is pressed:\r\n");
		s->due_ms = s->now_ms;
	} else {
		output_show(s);
	}
}

/* Strokes. */

static void
eof_take(struct bf_session *s)
{
	if ((s->flags & BF_SESSION_ASKS) == 0) {
		s->is_over = true;
		return;
	}
	s->mode = MODE_ASK;
	text_put(s, "\r\nStop the switch? [y/N] ");
}

static void
edit_take(struct bf_session *s, enum bf_stroke stroke, char byte)
{
	switch (bf_editor_take(&s->editor, stroke, byte)) {
	case BF_EDIT_LINE:
		line_run(s);
		break;
	case BF_EDIT_COMPLETE:
		line_complete(s);
		break;
	case BF_EDIT_HELP:
		line_explain(s);
		break;
	case BF_EDIT_EOF:
		eof_take(s);
		break;
	case BF_EDIT_SUSPEND:
		text_put(s, "\r\nCtrl-Z stops no switch: there is bondctl for other terminals\r\n");
		bf_editor_show(&s->editor);
		break;
	case BF_EDIT_GOES_ON:
		break;
	}
}

static void
ask_take(struct bf_session *s, enum bf_stroke stroke, char byte)
{
	if (stroke == BF_STROKE_TEXT && (byte == 'y' || byte == 'Y')) {
		text_put(s, "y\r\n");
		s->is_over = true;
		return;
	}
	text_put(s, "n\r\n");
	edit_begin(s);
}

static void
stroke_take(struct bf_session *s, enum bf_stroke stroke, char byte)
{
	switch (s->mode) {
	case MODE_EDIT:
		edit_take(s, stroke, byte);
		break;
	case MODE_PAGE:
		if (!bf_pager_take(&s->pager, stroke, byte, &s->editor.out)) {
			bf_pager_end(&s->pager);
			edit_begin(s);
		}
		break;
	case MODE_WATCH:
		text_put(s, "\033[?1049l");
		edit_begin(s);
		break;
	case MODE_FOLLOW:
		edit_begin(s);
		break;
	case MODE_ASK:
		ask_take(s, stroke, byte);
		break;
	}
}

static void
size_take(struct bf_session *s)
{
	bf_session_set_size(s, s->strokes.numbers[1], s->strokes.numbers[2]);
	if (s->mode == MODE_EDIT)
		bf_editor_show(&s->editor);
}

static void
past_take(struct bf_session *s)
{
	(void)bf_history_add(&s->editor.history, s->strokes.text);
	s->editor.past = s->editor.history.n;
}

size_t
bf_session_in(struct bf_session *s, const char *data, size_t len)
{
	enum bf_stroke stroke;
	size_t i;

	s->has_run = false;
	for (i = 0; i < len && !s->has_run && !s->is_over; i++) {
		stroke = bf_strokes_take(&s->strokes, data[i]);
		if (stroke == BF_STROKE_SIZE)
			size_take(s);
		else if (stroke == BF_STROKE_PAST)
			past_take(s);
		else if (stroke != BF_STROKE_NONE)
			stroke_take(s, stroke, data[i]);
	}
	session_flush(s);
	return i;
}

void
bf_session_set_flags(struct bf_session *s, unsigned int flags)
{
	s->flags = flags;
}

void
bf_session_set_size(struct bf_session *s, unsigned int rows, unsigned int columns)
{
	s->rows = rows < SIZE_MAX_SHOWN ? rows : SIZE_MAX_SHOWN;
	s->columns = columns < SIZE_MAX_SHOWN ? columns : SIZE_MAX_SHOWN;
	s->editor.columns = s->columns;
}

void
bf_session_say(struct bf_session *s, const char *text, size_t len)
{
	if (s->mode == MODE_EDIT) {
		bf_editor_hide(&s->editor);
		(void)bf_buffer_add(&s->editor.out, text, len);
		bf_editor_show(&s->editor);
	} else if (s->mode == MODE_FOLLOW) {
		(void)bf_buffer_add(&s->editor.out, text, len);
	} else if (s->held.len + len <= HELD_MAX) {
		(void)bf_buffer_add(&s->held, text, len);
	}
	session_flush(s);
}

void
bf_session_tick(struct bf_session *s, uint64_t now_ms)
{
	s->now_ms = now_ms;
	if (now_ms < s->due_ms || s->is_over)
		return;
	if (s->mode == MODE_WATCH)
		watch_look(s);
	else if (s->mode == MODE_FOLLOW)
		follow_look(s);
	session_flush(s);
}

uint64_t
bf_session_due_ms(const struct bf_session *s)
{
	return s->due_ms;
}

void
bf_session_leave(struct bf_session *s)
{
	if (s->mode == MODE_WATCH)
		text_put(s, "\033[?1049l");
	else if (s->mode == MODE_PAGE)
		text_put(s, "\r\033[K");
	s->mode = MODE_EDIT;
	s->due_ms = UINT64_MAX;
	session_flush(s);
}

bool
bf_session_is_over(const struct bf_session *s)
{
	return s->is_over;
}

struct bf_session *
bf_session_create(const struct bf_cmd_set *set, void *app, const char *prompt, size_t out_max,
	bf_session_write_fn *write_fn, void *arg)
{
	struct bf_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->out = bf_out_create(BF_OUT_TEXT, out_max);
	if (s->out == NULL) {
		free(s);
		errno = ENOMEM;
		return NULL;
	}
	s->set = set;
	s->app = app;
	s->editor.prompt = prompt;
	s->write_fn = write_fn;
	s->arg = arg;
	s->request.paging = true;
	edit_begin(s);
	session_flush(s);
	return s;
}

void
bf_session_destroy(struct bf_session *s)
{
	if (s == NULL)
		return;
	bf_pager_end(&s->pager);
	bf_editor_fini(&s->editor);
	bf_out_destroy(s->out);
	free(s->held.data);
	free(s);
}
