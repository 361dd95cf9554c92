/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Insides of a command set, for the files that match, explain, complete and describe.
 *
 * Private to lib/console.
 *
 * Threads: none of its own.
 */

#ifndef BF_CONSOLE_SET_H
#define BF_CONSOLE_SET_H

#include "console/command.h"
#include "console/grammar.h"
#include "console/line.h"

/** The compiled commands. */
struct bf_cmd_set {
	const struct bf_cmd_group *const *groups;
	unsigned int n_groups;
	struct bf_grammar grammar;
	bf_complete_fn *complete;
	void *complete_app;
	bf_pairs_fn *pairs; /* NULL: none */
	const struct bf_cmd_foreign *foreign;
	unsigned int n_foreign;
};

/** A line and the form it matched. */
struct bf_cmd_match {
	const struct bf_form *form;
	struct bf_line line;
};

/**
 * Number of a line's words that fit a form, from the left.
 *
 * @param ranks
 *   Gets bf_item_rank() of each of them; BF_CMD_WORDS_MAX places, may be NULL.
 */
unsigned int bf_form_fit(
	const struct bf_form *form, const struct bf_line *line, unsigned char *ranks);

/**
 * Run a line as bf_cmd_run() and tell which command it was.
 *
 * @param request
 *   What the command may ask of its terminal; NULL: there is none.
 * @param cmd
 *   Gets the command, NULL when none ran.
 */
enum bf_out_status bf_cmd_run_line(const struct bf_cmd_set *set, const char *line,
	struct bf_out *out, void *app, struct bf_cmd_request *request, const struct bf_cmd **cmd);

/** Explain why a split line matches no form. */
void bf_explain_line(
	const struct bf_cmd_set *set, const struct bf_line *line, char *buf, size_t size);

/** Explain a split line that is a command of another program; false when it is none. */
bool bf_foreign_explain(
	const struct bf_cmd_set *set, const struct bf_line *line, char *buf, size_t size);

/** A sorted set of strings that grows; zero is empty. */
struct bf_names {
	char **names;
	unsigned int n;
	unsigned int cap;
};

/** Most strings of a bf_names; more are left out. */
#define BF_NAMES_MAX 4096

/** Add a copy of `before` + `text` + `after`; false when there is no memory. */
bool bf_names_add(struct bf_names *names, const char *before, const char *text, const char *after);

/** Sort and drop what occurs twice. */
void bf_names_sort(struct bf_names *names);

/** Release the strings; the set is empty afterwards. */
void bf_names_fini(struct bf_names *names);

#endif
