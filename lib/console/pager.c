/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Long output, a screen at a time.
 *
 * Threads: none of its own.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/pager.h"

static void
text_put(struct bf_buffer *out, const char *text)
{
	(void)bf_buffer_add(out, text, strlen(text));
}

/* Rows that the line at the start of a text takes; *len gets its bytes with the newline. */
static unsigned int
line_rows(const char *text, size_t left, unsigned int columns, size_t *len)
{
	const char *newline = memchr(text, '\n', left);
	size_t width = 0, n = newline == NULL ? left : (size_t)(newline - text);

	for (size_t i = 0; i < n; i++)
		width += ((unsigned char)text[i] & 0xc0) == 0x80 ? 0 : 1;
	*len = newline == NULL ? n : n + 1;
	return width == 0 ? 1 : (unsigned int)((width + columns - 1) / columns);
}

bool
bf_pager_wants(const char *text, size_t len, unsigned int rows, unsigned int columns)
{
	unsigned int n = 0;
	size_t line;

	for (size_t at = 0; at < len && n < rows; at += line)
		n += line_rows(text + at, len - at, columns, &line);
	return n >= rows;
}

static void
status_write(const struct bf_pager *p, const char *why, struct bf_buffer *out)
{
	char line[160];

	if (p->is_asking)
		snprintf(line, sizeof(line), "/%s", p->sought);
	else
		snprintf(line, sizeof(line),
			"\033[7m-- more, %zu %%%s: space, Enter, /text, q --\033[m",
			p->at * 100 / p->text.len, why);
	text_put(out, "\r\033[K");
	text_put(out, line);
}

/* Write as many lines as fit into so many rows; false when the text is at its end. */
static bool
lines_write(struct bf_pager *p, unsigned int rows, const char *why, struct bf_buffer *out)
{
	unsigned int n = 0;
	size_t len = 0;

	text_put(out, "\r\033[K");
	while (p->at < p->text.len && n < rows) {
		unsigned int need =
			line_rows(p->text.data + p->at, p->text.len - p->at, p->columns, &len);

		/* A line that is higher than the screen is written all the same. */
		if (n > 0 && n + need > rows)
			break;
		(void)bf_buffer_add(out, p->text.data + p->at, len);
		p->at += len;
		n += need;
	}
	if (p->at >= p->text.len)
		return false;
	status_write(p, why, out);
	return true;
}

bool
bf_pager_begin(struct bf_pager *p, const char *text, size_t len, unsigned int rows,
	unsigned int columns, struct bf_buffer *out)
{
	bf_pager_end(p);
	if (!bf_buffer_add(&p->text, text, len))
		return false;
	p->rows = rows;
	p->columns = columns;
	return lines_write(p, rows - 1, "", out);
}

/* Go on at the next line that has the text. */
static bool
text_seek(struct bf_pager *p, struct bf_buffer *out)
{
	const char *found = p->sought[0] == '\0' ? NULL : strstr(p->text.data + p->at, p->sought);

	if (found == NULL) {
		status_write(p, ", not found", out);
		return true;
	}
	while (found > p->text.data + p->at && found[-1] != '\n')
		found--;
	p->at = (size_t)(found - p->text.data);
	text_put(out, "\r\033[K...\n");
	return lines_write(p, p->rows > 2 ? p->rows - 2 : 1, "", out);
}

static bool
ask_take(struct bf_pager *p, enum bf_stroke stroke, char byte, struct bf_buffer *out)
{
	size_t len = strlen(p->sought);

	if (stroke == BF_STROKE_ENTER) {
		p->is_asking = false;
		return text_seek(p, out);
	}
	if (stroke == BF_STROKE_CANCEL || stroke == BF_STROKE_ABORT)
		p->is_asking = false;
	else if (stroke == BF_STROKE_BACKSPACE && len > 0)
		p->sought[len - 1] = '\0';
	else if (stroke == BF_STROKE_TEXT && len + 1 < sizeof(p->sought)) {
		p->sought[len] = byte;
		p->sought[len + 1] = '\0';
	}
	status_write(p, "", out);
	return true;
}

static bool
letter_take(struct bf_pager *p, char byte, struct bf_buffer *out)
{
	switch (byte) {
	case ' ':
	case 'f':
		return lines_write(p, p->rows - 1, "", out);
	case 'j':
		return lines_write(p, 1, "", out);
	case 'G':
		return lines_write(p, UINT_MAX, "", out);
	case '/':
		p->is_asking = true;
		p->sought[0] = '\0';
		status_write(p, "", out);
		return true;
	case 'n':
		return text_seek(p, out);
	case 'q':
		text_put(out, "\r\033[K");
		return false;
	default:
		return true;
	}
}

bool
bf_pager_take(struct bf_pager *p, enum bf_stroke stroke, char byte, struct bf_buffer *out)
{
	if (p->is_asking)
		return ask_take(p, stroke, byte, out);
	switch (stroke) {
	case BF_STROKE_TEXT:
		return letter_take(p, byte, out);
	case BF_STROKE_PAGE_DOWN:
		return lines_write(p, p->rows - 1, "", out);
	case BF_STROKE_ENTER:
	case BF_STROKE_DOWN:
		return lines_write(p, 1, "", out);
	case BF_STROKE_CANCEL:
	case BF_STROKE_ABORT:
	case BF_STROKE_EOF:
		text_put(out, "\r\033[K");
		return false;
	default:
		return true;
	}
}

void
bf_pager_end(struct bf_pager *p)
{
	free(p->text.data);
	memset(p, 0, sizeof(*p));
}
