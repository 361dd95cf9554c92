/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes of a terminal as strokes.
 *
 * Threads: none of its own.
 */
#include <ctype.h>
#include <string.h>

#include "console/strokes.h"

#define ESCAPE '\033'
#define NUMBER_MAX 9999

/* Control characters: the place is the code. */
static const unsigned char controls[32] = {
	[1] = BF_STROKE_HOME,
	[2] = BF_STROKE_LEFT,
	[3] = BF_STROKE_CANCEL,
	[4] = BF_STROKE_EOF,
	[5] = BF_STROKE_END,
	[6] = BF_STROKE_RIGHT,
	[7] = BF_STROKE_ABORT,
	[8] = BF_STROKE_BACKSPACE,
	[9] = BF_STROKE_TAB,
	[10] = BF_STROKE_ENTER,
	[11] = BF_STROKE_KILL_TO_END,
	[12] = BF_STROKE_CLEAR,
	[13] = BF_STROKE_ENTER,
	[14] = BF_STROKE_DOWN,
	[16] = BF_STROKE_UP,
	[18] = BF_STROKE_SEARCH,
	[21] = BF_STROKE_KILL_TO_START,
	[23] = BF_STROKE_KILL_WORD,
	[25] = BF_STROKE_YANK,
	[26] = BF_STROKE_SUSPEND,
};

static enum bf_stroke
letter_stroke(struct bf_strokes *s, char final)
{
	bool is_word = s->n_numbers > 1 && s->numbers[1] > 1;

	switch (final) {
	case 'A':
		return BF_STROKE_UP;
	case 'B':
		return BF_STROKE_DOWN;
	case 'C':
		return is_word ? BF_STROKE_WORD_RIGHT : BF_STROKE_RIGHT;
	case 'D':
		return is_word ? BF_STROKE_WORD_LEFT : BF_STROKE_LEFT;
	case 'F':
		return BF_STROKE_END;
	case 'H':
		return BF_STROKE_HOME;
	case 't':
		return s->n_numbers == 3 && s->numbers[0] == 8 ? BF_STROKE_SIZE : BF_STROKE_NONE;
	default:
		return BF_STROKE_NONE;
	}
}

static enum bf_stroke
number_stroke(unsigned int number)
{
	switch (number) {
	case 1:
	case 7:
		return BF_STROKE_HOME;
	case 3:
		return BF_STROKE_DELETE;
	case 4:
	case 8:
		return BF_STROKE_END;
	case 5:
		return BF_STROKE_PAGE_UP;
	case 6:
		return BF_STROKE_PAGE_DOWN;
	default:
		return BF_STROKE_NONE;
	}
}

static enum bf_stroke
csi_take(struct bf_strokes *s, char byte)
{
	unsigned int at = s->n_numbers - 1;

	if (isdigit((unsigned char)byte)) {
		if (at < 3 && s->numbers[at] < NUMBER_MAX)
			s->numbers[at] = s->numbers[at] * 10 + (unsigned int)(byte - '0');
		return BF_STROKE_NONE;
	}
	if (byte == ';') {
		if (s->n_numbers < 4)
			s->n_numbers++;
		return BF_STROKE_NONE;
	}
	if ((unsigned char)byte >= 0x20 && (unsigned char)byte < 0x40)
		return BF_STROKE_NONE;
	s->state = BF_STROKES_PLAIN;
	return byte == '~' ? number_stroke(s->numbers[0]) : letter_stroke(s, byte);
}

/* Text up to ESC \; what is too long is passed over. */
static enum bf_stroke
apc_take(struct bf_strokes *s, char byte)
{
	if (s->state == BF_STROKES_APC_ESCAPE) {
		s->state = byte == ESCAPE ? BF_STROKES_APC_ESCAPE : BF_STROKES_PLAIN;
		s->text[s->len] = '\0';
		return byte == '\\' ? BF_STROKE_PAST : BF_STROKE_NONE;
	}
	if (byte == ESCAPE)
		s->state = BF_STROKES_APC_ESCAPE;
	else if (s->len + 1 < sizeof(s->text) && (unsigned char)byte >= 0x20)
		s->text[s->len++] = byte;
	return BF_STROKE_NONE;
}

static enum bf_stroke
escape_take(struct bf_strokes *s, char byte)
{
	s->state = BF_STROKES_PLAIN;
	switch (byte) {
	case '[':
		memset(s->numbers, 0, sizeof(s->numbers));
		s->n_numbers = 1;
		s->state = BF_STROKES_CSI;
		return BF_STROKE_NONE;
	case 'O':
		s->n_numbers = 0;
		s->state = BF_STROKES_SS3;
		return BF_STROKE_NONE;
	case '_':
		s->len = 0;
		s->state = BF_STROKES_APC;
		return BF_STROKE_NONE;
	case ESCAPE:
		s->state = BF_STROKES_ESCAPE;
		return BF_STROKE_NONE;
	case 'b':
		return BF_STROKE_WORD_LEFT;
	case 'f':
		return BF_STROKE_WORD_RIGHT;
	case 'd':
		return BF_STROKE_KILL_WORD_RIGHT;
	case '\b':
	case '\177':
		return BF_STROKE_KILL_WORD;
	default:
		return BF_STROKE_NONE;
	}
}

enum bf_stroke
bf_strokes_take(struct bf_strokes *s, char byte)
{
	/* A sequence that was begun by mistake (Alt-_ begins one without an end) ends with a key that acts. */
	if ((unsigned char)byte < 32 && byte != ESCAPE && byte != '\b')
		s->state = BF_STROKES_PLAIN;
	/* And with the next one. */
	if (byte == ESCAPE && (s->state == BF_STROKES_CSI || s->state == BF_STROKES_SS3))
		s->state = BF_STROKES_PLAIN;
	switch (s->state) {
	case BF_STROKES_ESCAPE:
		return escape_take(s, byte);
	case BF_STROKES_CSI:
		return csi_take(s, byte);
	case BF_STROKES_SS3:
		s->state = BF_STROKES_PLAIN;
		return letter_stroke(s, byte);
	case BF_STROKES_APC:
	case BF_STROKES_APC_ESCAPE:
		return apc_take(s, byte);
	case BF_STROKES_PLAIN:
		break;
	}
	if (byte == ESCAPE) {
		s->state = BF_STROKES_ESCAPE;
		return BF_STROKE_NONE;
	}
	if (byte == '\177')
		return BF_STROKE_BACKSPACE;
	if ((unsigned char)byte < 32)
		return (enum bf_stroke)controls[(unsigned char)byte];
	return BF_STROKE_TEXT;
}
