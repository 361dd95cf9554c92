/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The history of sessions, in a file.
 *
 * Threads: one.
 */
#include "ctl/past.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ESCAPE '\033'

/* More than its newest lines can take. */
#define FILE_LIMIT (4 << 20)

static bool
find_path(char *path, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = -1;

	if (state != NULL && state[0] == '/')
		n = snprintf(path, size, "%s/bondfwd_history", state);
	else if (home != NULL && home[0] == '/')
		n = snprintf(path, size, "%s/.bondfwd_history", home);
	return n > 0 && (size_t)n < size;
}

/* The end of the file, terminated; NULL when there is none that is ours. */
static char *
file_read(FILE *f)
{
	struct stat st;
	size_t room, n;
	char *text;

	if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (st.st_size > FILE_LIMIT && fseek(f, -(long)FILE_LIMIT, SEEK_END) != 0)
		return NULL;
	room = st.st_size > FILE_LIMIT ? FILE_LIMIT : (size_t)st.st_size;
	text = malloc(room + 1);
	if (text == NULL)
		return NULL;
	n = fread(text, 1, room, f);
	text[n] = '\0';
	return text;
}

/* Where the newest lines begin. */
static char *
newest_lines(char *text)
{
	unsigned int n = 0;
	char *p;

	for (p = text + strlen(text); p > text; p--)
		if (p[-1] == '\n' && n++ == BF_PAST_LINES)
			break;
	return p;
}

static bool
has_control(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return true;
	return false;
}

/* Lines as sequences. */
static char *
as_sequences(const char *lines, size_t *len)
{
	size_t room = strlen(lines) + (size_t)4 * (BF_PAST_LINES + 2), n = 0;
	char *data = malloc(room);

	for (const char *p = lines; data != NULL && *p != '\0';) {
		size_t line = strcspn(p, "\n");

		if (n + line + 5 > room)
			break;
		/* A control character would end the sequence, and what follows it would be typed. */
		if (!has_control(p, line))
			n += (size_t)snprintf(
				data + n, room - n, "%c_%.*s%c\\", ESCAPE, (int)line, p, ESCAPE);
		p += line + (p[line] == '\n' ? 1 : 0);
	}
	*len = n;
	return data;
}

/* The file with its newest lines only; others that use it meanwhile go on with the one that they have open. */
static void
file_cut(const char *path, const char *lines)
{
	char fresh[4200];
	FILE *f;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f == NULL)
		return;
	if (fputs(lines, f) < 0 || fclose(f) != 0 || rename(fresh, path) != 0)
		(void)unlink(fresh);
}

char *
bf_past_open(struct bf_past *p, size_t *len)
{
	char path[4096], *text = NULL, *lines, *data = NULL;
	FILE *f;
	int fd;

	memset(p, 0, sizeof(*p));
	*len = 0;
	if (!find_path(path, sizeof(path)))
		return NULL;
	f = fopen(path, "re");
	if (f != NULL) {
		text = file_read(f);
		(void)fclose(f);
	}
	if (text != NULL) {
		lines = newest_lines(text);
		if (lines != text)
			file_cut(path, lines);
		data = as_sequences(lines, len);
	}
	free(text);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	p->file = fd < 0 ? NULL : fdopen(fd, "a");
	return data;
}

static void
line_keep(struct bf_past *p)
{
	p->line[p->len] = '\0';
	if (p->file == NULL)
		return;
	(void)fprintf(p->file, "%s\n", p->line);
	(void)fflush(p->file);
}

/* True: the byte is for the terminal. */
static bool
byte_take(struct bf_past *p, char byte)
{
	switch (p->state) {
	case BF_PAST_PLAIN:
		if (byte == ESCAPE)
			p->state = BF_PAST_ESCAPE;
		return byte != ESCAPE;
	case BF_PAST_ESCAPE:
		p->state = byte == '_' ? BF_PAST_LINE : BF_PAST_PLAIN;
		p->len = 0;
		return byte != '_';
	case BF_PAST_LINE:
		if (byte == ESCAPE)
			p->state = BF_PAST_LINE_ESCAPE;
		else if (p->len + 1 < sizeof(p->line) && (unsigned char)byte >= 0x20)
			p->line[p->len++] = byte;
		return false;
	case BF_PAST_LINE_ESCAPE:
		p->state = BF_PAST_PLAIN;
		if (byte == '\\')
			line_keep(p);
		return false;
	}
	return true;
}

/* An escape is held back until the next byte says whether it begins a line of ours. */
size_t
bf_past_take(struct bf_past *p, const char *data, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool was_escape = p->state == BF_PAST_ESCAPE;

		if (!byte_take(p, data[i]))
			continue;
		if (was_escape)
			out[n++] = ESCAPE;
		out[n++] = data[i];
	}
	return n;
}

void
bf_past_close(struct bf_past *p)
{
	if (p->file != NULL)
		(void)fclose(p->file);
	p->file = NULL;
}
