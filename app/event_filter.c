/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which events are wanted.
 *
 * Threads: pure functions, any.
 */
#include "event_filter.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

int
bf_event_level(const char *name)
{
	for (unsigned int i = 0; i < BF_LOG_LEVEL_COUNT; i++)
		if (strcmp(bf_log_level_names[i], name) == 0)
			return (int)i;
	return -1;
}

static bool
is_kind(const char *word)
{
	size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return (len > 0 && word[len] == '\0') || (word[len] == '*' && word[len + 1] == '\0');
}

int
bf_event_filter_parse(struct bf_event_filter *f, const char *const *words, unsigned int n_words,
	struct bf_err *err)
{
	memset(f, 0, sizeof(*f));
	f->level = BF_LOG_DEBUG;
	if (n_words > BF_EVENT_FILTER_MAX)
		return bf_err_set(err, EINVAL, "monitor: %u words: expected at most %d", n_words,
			BF_EVENT_FILTER_MAX);
	for (unsigned int i = 0; i < n_words; i++) {
		int level = bf_event_level(words[i]);

		if (level >= 0)
			f->level = (unsigned int)level;
		else if (is_kind(words[i]))
			f->kinds[f->n_kinds++] = words[i];
		else
			return bf_err_set(err, EINVAL,
				"monitor: \"%.60s\": expected error, warning, notice, or kinds of "
				"events such as member_down or member_*",
				words[i]);
	}
	return 0;
}

static bool
kind_fits(const char *pattern, const char *what)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(pattern, what, len - 1) == 0;
	return strcmp(pattern, what) == 0;
}

bool
bf_event_filter_has(const struct bf_event_filter *f, unsigned int level, const char *what)
{
	if (level > f->level)
		return false;
	for (unsigned int i = 0; i < f->n_kinds; i++)
		if (kind_fits(f->kinds[i], what))
			return true;
	return f->n_kinds == 0;
}
