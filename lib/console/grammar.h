/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A command's syntax, compiled: every way to write the command is one form, a row of items.
 *
 * Optional parts are expanded here, so that matching a line is a walk over two arrays.
 *
 * Private to lib/console.
 *
 * Threads: none of its own; immutable after bf_grammar_add().
 */

#ifndef BF_CONSOLE_GRAMMAR_H
#define BF_CONSOLE_GRAMMAR_H

#include "base/err.h"
#include "console/command.h"

/** Most items of a command. */
#define BF_FORM_ITEMS_MAX 32

/** Most ways to write one command. */
#define BF_FORMS_PER_CMD_MAX 64

/** One choice at a place. */
struct bf_alt {
	/** The word, or the argument's name. */
	char *text;
	bool is_arg;
};

/** One place of a command. */
struct bf_item {
	/** For bf_cmd_arg(); NULL for a lone word or nameless alternatives. */
	char *name;
	struct bf_alt *alts;
	unsigned int n_alts;
	/** Takes all words to the end of the line, at least min_rest of them. */
	bool is_rest;
	unsigned int min_rest;
	/** Items of a grammar form a list, newest first. */
	struct bf_item *next;
};

/** One way to write a command. */
struct bf_form {
	const struct bf_cmd *cmd;
	const struct bf_item *items[BF_FORM_ITEMS_MAX];
	unsigned int n_items;
};

/** Forms of all commands.  Zero is the empty grammar. */
struct bf_grammar {
	struct bf_form *forms;
	unsigned int n_forms;
	struct bf_item *items;
};

/**
 * Compile a command's syntax and add its forms.
 *
 * @param err
 *   On failure gets one line.
 * @return
 *   0, -EINVAL or -ENOMEM; the grammar stays fit for bf_grammar_fini() only.
 */
int bf_grammar_add(struct bf_grammar *g, const struct bf_cmd *cmd, struct bf_err *err);

/** Release everything below a grammar. */
void bf_grammar_fini(struct bf_grammar *g);

/** True when the last item of a form takes the rest of the line. */
bool bf_form_has_rest(const struct bf_form *form);

/** Fewest words of a line of this form. */
unsigned int bf_form_min_words(const struct bf_form *form);

/** The item a word at a position belongs to; NULL beyond the end of the form. */
const struct bf_item *bf_form_item(const struct bf_form *form, unsigned int word_idx);

/**
 * How well a word fits an item: 3 a fixed word, 2 an argument, 1 the rest of the line, 0 not.
 */
unsigned int bf_item_rank(const struct bf_item *item, const char *word);

/** True when there are lines that match both forms equally well. */
bool bf_form_is_alike(const struct bf_form *a, const struct bf_form *b);

#endif
