/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A line that is being typed.
 *
 * Threads: none of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/editor.h"

/* Fewest columns for the line, however long the prompt is. */
#define ROOM_MIN 8

static void
text_put(struct bf_editor *e, const char *text)
{
	(void)bf_buffer_add(&e->out, text, strlen(text));
}

static bool
is_inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Columns of a text: one for each character. */
static size_t
text_width(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += is_inside_character(text[i]) ? 0 : 1;
	return n;
}

static size_t
place_before(const struct bf_editor *e, size_t at)
{
	while (at > 0 && is_inside_character(e->line[--at]))
		;
	return at;
}

static size_t
place_after(const struct bf_editor *e, size_t at)
{
	if (at < e->len)
		at++;
	while (at < e->len && is_inside_character(e->line[at]))
		at++;
	return at;
}

static bool
is_blank_at(const struct bf_editor *e, size_t at)
{
	return e->line[at] == ' ' || e->line[at] == '\t';
}

/* A word ends at a blank; for the cursor also where a value of KEY=VALUE,... does. */
static bool
is_border(const struct bf_editor *e, size_t at)
{
	return is_blank_at(e, at) || strchr(",=/:", e->line[at]) != NULL;
}

static size_t
word_left(const struct bf_editor *e, bool (*is_end)(const struct bf_editor *, size_t))
{
	size_t at = e->at;

	while (at > 0 && is_end(e, at - 1))
		at--;
	while (at > 0 && !is_end(e, at - 1))
		at--;
	return at;
}

static size_t
word_right(const struct bf_editor *e)
{
	size_t at = e->at;

	while (at < e->len && is_border(e, at))
		at++;
	while (at < e->len && !is_border(e, at))
		at++;
	return at;
}

static size_t
row_room(const struct bf_editor *e, size_t prompt_width)
{
	size_t columns = e->columns == 0 ? BF_EDITOR_COLUMNS : e->columns;

	/* The last column stays free: what is written there wraps on some terminals. */
	return columns > prompt_width + ROOM_MIN ? columns - prompt_width - 1 : ROOM_MIN;
}

/* Scroll so that the cursor is in the row; the end of what is shown. */
static size_t
row_scroll(struct bf_editor *e, size_t room)
{
	size_t end = e->at, width;

	for (width = 1; width < room && end > 0; width++)
		end = place_before(e, end);
	if (e->first < end)
		e->first = end;
	if (e->at < e->first)
		e->first = e->at;
	if (text_width(e->line, e->len) < room)
		e->first = 0;
	end = e->first;
	for (width = 1; width < room && end < e->len; width++)
		end = place_after(e, end);
	return end;
}

static void
row_write(struct bf_editor *e, const char *prompt)
{
	size_t end = row_scroll(e, row_room(e, text_width(prompt, strlen(prompt))));
	size_t left = text_width(e->line + e->at, end > e->at ? end - e->at : 0);
	char move[32];

	text_put(e, "\r");
	text_put(e, prompt);
	(void)bf_buffer_add(&e->out, e->line + e->first, end - e->first);
	text_put(e, "\033[K");
	if (left == 0)
		return;
	snprintf(move, sizeof(move), "\033[%zuD", left);
	text_put(e, move);
}

void
bf_editor_show(struct bf_editor *e)
{
	char prompt[sizeof(e->sought) + 32];

	if (!e->is_searching) {
		row_write(e, e->prompt);
		return;
	}
	snprintf(prompt, sizeof(prompt),
		"(%ssearch) %s: ", e->found < 0 && e->sought[0] != '\0' ? "failed " : "",
		e->sought);
	row_write(e, prompt);
}

void
bf_editor_hide(struct bf_editor *e)
{
	text_put(e, "\r\033[K");
}

void
bf_editor_begin(struct bf_editor *e)
{
	e->len = 0;
	e->at = 0;
	e->first = 0;
	e->line[0] = '\0';
	e->past = e->history.n;
	e->is_searching = false;
	text_put(e, e->prompt);
}

void
bf_editor_fini(struct bf_editor *e)
{
	bf_history_fini(&e->history);
	free(e->out.data);
	memset(&e->out, 0, sizeof(e->out));
}

void
bf_editor_insert(struct bf_editor *e, const char *text, size_t len)
{
	bool is_at_end = e->at == e->len;
	size_t room = row_room(e, text_width(e->prompt, strlen(e->prompt)));

	if (e->len + len > BF_CMD_LINE_MAX) {
		text_put(e, "\a");
		return;
	}
	memmove(e->line + e->at + len, e->line + e->at, e->len - e->at + 1);
	memcpy(e->line + e->at, text, len);
	e->len += len;
	e->at += len;
	if (is_at_end && e->first == 0 && text_width(e->line, e->len) < room)
		(void)bf_buffer_add(&e->out, text, len);
	else
		bf_editor_show(e);
}

/* Take out what is between two places; it can be put in again with Ctrl-Y when it was killed. */
static void
cut_out(struct bf_editor *e, size_t from, size_t to, bool keep)
{
	if (from == to)
		return;
	if (keep) {
		memcpy(e->killed, e->line + from, to - from);
		e->killed[to - from] = '\0';
	}
	memmove(e->line + from, e->line + to, e->len - to + 1);
	e->len -= to - from;
	e->at = from;
	bf_editor_show(e);
}

static void
line_set(struct bf_editor *e, const char *text)
{
	e->len = strnlen(text, BF_CMD_LINE_MAX);
	memmove(e->line, text, e->len);
	e->line[e->len] = '\0';
	e->at = e->len;
	e->first = 0;
}

static void
history_move(struct bf_editor *e, bool older)
{
	if (e->past > e->history.n)
		e->past = e->history.n;
	if (older ? e->past == 0 : e->past == e->history.n)
		return;
	if (e->past == e->history.n)
		memcpy(e->draft, e->line, e->len + 1);
	e->past += older ? -1 : 1;
	line_set(e, e->past == e->history.n ? e->draft : e->history.lines[e->past]);
	bf_editor_show(e);
}

/* Search: the text grows and shrinks, Ctrl-R looks further back. */

static void
search_look(struct bf_editor *e, unsigned int before)
{
	int found = e->sought[0] == '\0' ? -1 : bf_history_find(&e->history, before, e->sought);

	e->found = found;
	if (found >= 0)
		line_set(e, e->history.lines[found]);
	bf_editor_show(e);
}

static void
search_begin(struct bf_editor *e)
{
	memcpy(e->draft, e->line, e->len + 1);
	e->is_searching = true;
	e->sought[0] = '\0';
	e->found = -1;
	bf_editor_show(e);
}

static void
search_end(struct bf_editor *e, bool keep)
{
	e->is_searching = false;
	if (!keep)
		line_set(e, e->draft);
	e->past = e->history.n;
	bf_editor_show(e);
}

/* True when the stroke was one of the search; others end it and mean what they always do. */
static bool
search_take(struct bf_editor *e, enum bf_stroke stroke, char byte)
{
	size_t len = strlen(e->sought);

	switch (stroke) {
	case BF_STROKE_TEXT:
		if (len + 1 < sizeof(e->sought)) {
			e->sought[len] = byte;
			e->sought[len + 1] = '\0';
		}
		search_look(e, e->history.n);
		return true;
	case BF_STROKE_BACKSPACE:
		while (len > 0 && is_inside_character(e->sought[len - 1]))
			len--;
		e->sought[len > 0 ? len - 1 : 0] = '\0';
		search_look(e, e->history.n);
		return true;
	case BF_STROKE_SEARCH:
		search_look(e, e->found > 0 ? (unsigned int)e->found : 0);
		return true;
	case BF_STROKE_CANCEL:
	case BF_STROKE_ABORT:
		search_end(e, false);
		return true;
	default:
		search_end(e, true);
		return false;
	}
}

static void
move_to(struct bf_editor *e, size_t at)
{
	if (at == e->at)
		return;
	e->at = at;
	bf_editor_show(e);
}

/* Strokes that move the cursor or take text out; false for the others. */
static bool
take_in_line(struct bf_editor *e, enum bf_stroke stroke)
{
	switch (stroke) {
	case BF_STROKE_LEFT:
		move_to(e, place_before(e, e->at));
		return true;
	case BF_STROKE_RIGHT:
		move_to(e, place_after(e, e->at));
		return true;
	case BF_STROKE_WORD_LEFT:
		move_to(e, word_left(e, is_border));
		return true;
	case BF_STROKE_WORD_RIGHT:
		move_to(e, word_right(e));
		return true;
	case BF_STROKE_HOME:
		move_to(e, 0);
		return true;
	case BF_STROKE_END:
		move_to(e, e->len);
		return true;
	case BF_STROKE_BACKSPACE:
		cut_out(e, place_before(e, e->at), e->at, false);
		return true;
	case BF_STROKE_DELETE:
		cut_out(e, e->at, place_after(e, e->at), false);
		return true;
	case BF_STROKE_KILL_TO_START:
		cut_out(e, 0, e->at, true);
		return true;
	case BF_STROKE_KILL_TO_END:
		cut_out(e, e->at, e->len, true);
		return true;
	case BF_STROKE_KILL_WORD:
		cut_out(e, word_left(e, is_blank_at), e->at, true);
		return true;
	case BF_STROKE_KILL_WORD_RIGHT:
		cut_out(e, e->at, word_right(e), true);
		return true;
	default:
		return false;
	}
}

/* A question mark asks, unless it stands in quotes. */
static bool
is_question(const struct bf_editor *e, char byte)
{
	char quote = '\0';

	for (size_t i = 0; i < e->at; i++) {
		if (quote != '\0' && e->line[i] == quote)
			quote = '\0';
		else if (quote == '\0' && (e->line[i] == '"' || e->line[i] == '\''))
			quote = e->line[i];
	}
	return byte == '?' && quote == '\0';
}

static enum bf_edit
line_end(struct bf_editor *e)
{
	if (e->at != e->len) {
		e->at = e->len;
		bf_editor_show(e);
	}
	text_put(e, "\r\n");
	return BF_EDIT_LINE;
}

static enum bf_edit
take_other(struct bf_editor *e, enum bf_stroke stroke, char byte)
{
	switch (stroke) {
	case BF_STROKE_TEXT:
		if (is_question(e, byte))
			return BF_EDIT_HELP;
		bf_editor_insert(e, &byte, 1);
		break;
	case BF_STROKE_UP:
	case BF_STROKE_DOWN:
		history_move(e, stroke == BF_STROKE_UP);
		break;
	case BF_STROKE_YANK:
		bf_editor_insert(e, e->killed, strlen(e->killed));
		break;
	case BF_STROKE_CLEAR:
		text_put(e, "\033[H\033[2J");
		bf_editor_show(e);
		break;
	case BF_STROKE_SEARCH:
		search_begin(e);
		break;
	case BF_STROKE_CANCEL:
		text_put(e, "\r\n");
		bf_editor_begin(e);
		break;
	case BF_STROKE_TAB:
		return BF_EDIT_COMPLETE;
	case BF_STROKE_ENTER:
		return line_end(e);
	case BF_STROKE_SUSPEND:
		return BF_EDIT_SUSPEND;
	default:
		break;
	}
	return BF_EDIT_GOES_ON;
}

enum bf_edit
bf_editor_take(struct bf_editor *e, enum bf_stroke stroke, char byte)
{
	if (stroke == BF_STROKE_NONE)
		return BF_EDIT_GOES_ON;
	if (e->is_searching && search_take(e, stroke, byte))
		return BF_EDIT_GOES_ON;
	if (stroke == BF_STROKE_EOF) {
		if (e->len == 0)
			return BF_EDIT_EOF;
		stroke = BF_STROKE_DELETE;
	}
	return take_in_line(e, stroke) ? BF_EDIT_GOES_ON : take_other(e, stroke, byte);
}
