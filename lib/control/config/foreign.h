/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Options and words of Linux bonding and teamd that have no meaning here.  Who types one is told
 * so, and what bondfwd does instead.  Those that have a meaning are other names in the rows of
 * the keys.
 *
 * Threads: constants.
 */
#ifndef BF_CONTROL_CONFIG_FOREIGN_H
#define BF_CONTROL_CONFIG_FOREIGN_H

#include <stdbool.h>

#include "base/err.h"

/** An option, or a word for the value of a key, that bondfwd does not have. */
struct bf_foreign {
	const char *what; /* "bond" or "member" */
	const char *key; /* the option; with a word, a key of ours or another name of it */
	const char *word; /* NULL: the option itself */
	const char *of; /* "option of Linux bonding" */
	const char *instead;
};

extern const struct bf_foreign bf_foreigns[];
extern const unsigned int bf_n_foreigns;

/** @return true when it is one, with the reason in @p err. */
bool bf_foreign_refuses_key(const char *what, const char *key, struct bf_err *err);
/** @param key Our name. @param typed The name that was typed. */
bool bf_foreign_refuses_word(
	const char *what, const char *key, const char *typed, const char *word, struct bf_err *err);

#endif
