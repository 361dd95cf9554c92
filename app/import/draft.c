/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lines of a config file, kept in memory until all of them are there.
 *
 * Threads: one.
 */
#include "import/draft.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"

#define LOST_MAX 500

bool
bf_draft_begin(struct bf_draft *d)
{
	memset(d, 0, sizeof(*d));
	d->file = open_memstream(&d->text, &d->len);
	d->losses_file = open_memstream(&d->losses, &d->losses_len);
	return d->file != NULL && d->losses_file != NULL;
}

static bool
stream_end(FILE **file)
{
	FILE *f = *file;
	bool good = f != NULL && ferror(f) == 0;

	*file = NULL;
	return (f == NULL || fclose(f) == 0) && good;
}

static void
rest_count(const struct bf_draft *d)
{
	if (d->file == NULL || d->losses_file == NULL || d->n_lost <= BF_DRAFT_LOST_MAX)
		return;
	(void)fprintf(d->file, "# not imported: %u more\n", d->n_lost - BF_DRAFT_LOST_MAX);
	(void)fprintf(d->losses_file, "and %u more\n", d->n_lost - BF_DRAFT_LOST_MAX);
}

bool
bf_draft_end(struct bf_draft *d)
{
	bool whole;

	rest_count(d);
	whole = stream_end(&d->file);

	return stream_end(&d->losses_file) && whole;
}

void
bf_draft_free(struct bf_draft *d)
{
	(void)bf_draft_end(d);
	free(d->text);
	free(d->losses);
}

void
bf_draft_blank(struct bf_draft *d)
{
	(void)fputc('\n', d->file);
}

void
bf_draft_line(struct bf_draft *d, const char *fmt, ...)
{
	char line[BF_DRAFT_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)fprintf(d->file, "%s\n", bf_words_plain(line));
}

void
bf_draft_lost(struct bf_draft *d, const char *fmt, ...)
{
	char line[LOST_MAX];
	va_list ap;

	if (d->n_lost++ >= BF_DRAFT_LOST_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)bf_words_plain(line);
	(void)fprintf(d->file, "# not imported: %s\n", line);
	(void)fprintf(d->losses_file, "%s\n", line);
}
