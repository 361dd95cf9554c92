/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Writing the configuration file.
 *
 * Threads: ctx control.
 */
#include "config/save.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "console/script.h"

#define FIRST_LINE "# bondfwd configuration: console commands, applied as a whole\n"

/** A block of comments of the old file, and the command it stood above. */
struct block {
	struct block *next;
	char *text; /* whole lines */
	char *key; /* "" at the end of the file, or with a blank line behind it */
	unsigned int n_lines;
	bool written;
};

struct saving {
	struct block *blocks; /* in the order of the file */
	const struct bf_config *config;
	FILE *f;
};

static void
blocks_free(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		free(b->text);
		free(b->key);
		free(b);
		b = next;
	}
}

/* Length of the first n words. */
static size_t
words_len(const char *line, unsigned int n)
{
	size_t len = 0;

	while (n-- > 0) {
		len += strspn(line + len, " ");
		len += strcspn(line + len, " ");
	}
	return len;
}

/* The part of a command that says what it is about; the rest are values. */
static char *
key_of(const char *line)
{
	static const char *const by_three[] = {"add guest ", "add host ", "create bonding device ",
		"set fdb aging ", "set lcore idle ", "set lcore rebalance ", "set profile default ",
		"set config history ", "create exporter "};
	char *key = strdup(line), *to = key;

	if (key == NULL)
		return NULL;
	for (const char *from = line; *from != '\0'; from++) /* blanks as we print them */
		if (*from != '\t' && *from != '\r' && *from != '\n' &&
			!(*from == ' ' && (to == key || to[-1] == ' ')))
			*to++ = *from;
	while (to > key && to[-1] == ' ')
		to--;
	*to = '\0';
	for (size_t i = 0; i < sizeof(by_three) / sizeof(by_three[0]); i++) {
		if (strncmp(key, by_three[i], strlen(by_three[i])) != 0)
			continue;
		key[words_len(key, 3)] = '\0';
		return key;
	}
	key[strcspn(key, "=")] = '\0';
	return key;
}

/* One more line of the block that is being read. */
static int
block_grow(struct block **last, struct block **list, const char *line)
{
	struct block *b = *last;
	size_t len;
	char *text;

	if (b == NULL) {
		struct block **end = list;

		b = calloc(1, sizeof(*b));
		if (b == NULL)
			return -ENOMEM;
		while (*end != NULL)
			end = &(*end)->next;
		*end = *last = b;
	}
	len = b->text != NULL ? strlen(b->text) : 0;
	text = realloc(b->text, len + strlen(line) + 2);
	if (text == NULL)
		return -ENOMEM;
	b->text = text;
	snprintf(text + len, strlen(line) + 2, "%s%s", line,
		line[0] != '\0' && line[strlen(line) - 1] == '\n' ? "" : "\n");
	b->n_lines++;
	return 0;
}

/* What `load` takes. @return NULL with errno */
static FILE *
old_open(const char *path)
{
	int fd = bf_file_open_regular(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	struct stat st;

	if (f == NULL && fd >= 0)
		close(fd);
	if (f == NULL || fstat(fd, &st) != 0 || (size_t)st.st_size <= BF_SCRIPT_SIZE_MAX)
		return f;
	fclose(f);
	errno = EFBIG;
	return NULL;
}

static int
read_blocks(const char *path, struct saving *s, unsigned int *at_end_of_line)
{
	FILE *f = old_open(path);
	struct block *last = NULL;
	char *line = NULL;
	size_t room = 0;
	int ret = f == NULL && (errno == EINVAL || errno == EFBIG) ? -errno : 0;

	while (ret == 0 && f != NULL && getline(&line, &room, f) >= 0) {
		const char *at = line + strspn(line, " \t");

		if (*at == '#') {
			if (strcmp(at, FIRST_LINE) != 0)
				ret = block_grow(&last, &s->blocks, at);
			continue;
		}
		*at_end_of_line += strstr(at, " #") != NULL;
		if (last != NULL) {
			last->key = key_of(*at == '\n' ? "" : at);
			ret = last->key == NULL ? -ENOMEM : 0;
		}
		last = NULL;
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return ret;
}

static void
write_line(void *arg, const char *line)
{
	struct saving *s = arg;
	char *key = s->blocks != NULL ? key_of(line) : NULL;

	for (struct block *b = s->blocks; key != NULL && b != NULL; b = b->next) {
		if (b->written || b->key == NULL || strcmp(b->key, key) != 0)
			continue;
		fputs(b->text, s->f);
		b->written = true;
	}
	free(key);
	fprintf(s->f, "%s\n", line);
}

static bool
is_printed_above(const struct block *b)
{
	return b->key != NULL && b->key[0] != '\0';
}

static void
write_config(void *arg, FILE *f)
{
	struct saving *s = arg;

	s->f = f;
	fputs(FIRST_LINE, f);
	if (s->blocks != NULL && !is_printed_above(s->blocks)) {
		fprintf(f, "%s\n", s->blocks->text);
		s->blocks->written = true;
	}
	bf_config_print(s->config, write_line, s);
}

int
bf_save_config(const char *path, const struct bf_config *c, struct bf_save *s)
{
	struct saving saving = {.config = c};
	char *real = realpath(path, NULL);
	int ret;

	s->dropped = 0;
	ret = read_blocks(real != NULL ? real : path, &saving, &s->dropped);
	if (ret == 0)
		ret = bf_file_replace(real != NULL ? real : path, write_config, &saving);
	if (ret == 0 && real == NULL)
		real = realpath(path, NULL);
	snprintf(s->path, sizeof(s->path), "%s", real != NULL ? real : path);
	for (const struct block *b = saving.blocks; b != NULL; b = b->next)
		s->dropped += b->written ? 0 : b->n_lines;
	blocks_free(saving.blocks);
	free(real);
	return ret;
}
