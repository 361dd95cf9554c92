/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What may stand at the end of a line that is being typed, with a word about each.
 *
 * Private to lib/console.
 *
 * Threads: ctx control.
 */

#ifndef BF_CONSOLE_COMPLETE_H
#define BF_CONSOLE_COMPLETE_H

#include "console/set.h"

/** One thing that may stand there. */
struct bf_choice {
	char *text;
	char *help; /* one line; may be empty */
	bool is_hint; /* <name>, a range: nothing to put in */
	bool goes_on; /* KEY=: what follows belongs to the word */
};

/** Choices, sorted; zero is empty. */
struct bf_choices {
	struct bf_choice *list;
	unsigned int n;
	unsigned int cap;
	/** Bytes of the choice that are typed already. */
	size_t typed_len;
};

/** Find what may stand at the end of the first @p len bytes of a line, and begins with what is typed of it. */
void bf_complete(
	const struct bf_cmd_set *set, const char *line, size_t len, struct bf_choices *choices);

/** How many bytes all choices that can be put in have in common. */
size_t bf_choices_common(const struct bf_choices *choices);

/** Release them. */
void bf_choices_fini(struct bf_choices *choices);

#endif
