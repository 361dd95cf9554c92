/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's filter as text: rules with semicolons between them, each an action and an expression of tcpdump.
 *
 *   pass EXPR | drop EXPR | mark 0-7 EXPR | count NAME EXPR; without an expression: every frame
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_CONFIG_FILTER_TEXT_H
#define BF_CONTROL_CONFIG_FILTER_TEXT_H

#include <stdint.h>

#include "base/err.h"
#include "dataplane/qos.h"

#define BF_FILTER_TEXT_MAX 512 /* with its end */
#define BF_FILTER_NAME_MAX 32

/** One rule as it was written. */
struct bf_filter_line {
	uint8_t action; /* enum bf_filter_action */
	uint8_t class; /* BF_FILTER_MARK */
	char name[BF_FILTER_NAME_MAX]; /* BF_FILTER_COUNT */
	char expression[BF_FILTER_TEXT_MAX]; /* empty: every frame */
};

extern const char *const bf_filter_actions[]; /* by enum bf_filter_action */

/**
 * Read a filter's rules; nothing is compiled.
 *
 * @param what
 *   The key, for errors.
 * @return
 *   How many of BF_FILTER_RULES there are, or -EINVAL with the text that is wrong.
 */
int bf_filter_text_read(const char *what, const char *text,
	struct bf_filter_line line[BF_FILTER_RULES], struct bf_err *err);

/**
 * Read and compile.
 *
 * @param f
 *   Gets the rules; bf_filter_text_close() frees its programs.
 * @return
 *   0; -EINVAL with the rule and the word that the compiler refuses; -ENOMEM.
 */
int bf_filter_text_compile(
	const char *what, const char *text, struct bf_filter *f, struct bf_err *err);
void bf_filter_text_close(struct bf_filter *f);

#endif
