/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of bondctl share.
 *
 * Threads: one.
 */
#ifndef BF_APP_CTL_CTL_H
#define BF_APP_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>

/** As the daemon's limit for a line; room for one with quotes. */
#define BF_CTL_LINE_LIMIT 4096
#define BF_CTL_LINE_MAX (2 * BF_CTL_LINE_LIMIT + 64)

enum bf_ctl_status {
	BF_CTL_DONE = 0,
	BF_CTL_FAILED = 1,
	BF_CTL_USAGE = 2,
	BF_CTL_PARTLY = 3, /* import: some settings have no counterpart */
};

struct bf_ctl_options {
	const char *socket;
	bool json;
	unsigned int timeout_s;
};

/** A command of bondctl's own: its words, the first is its name. @return exit status */
typedef int bf_ctl_run_fn(const struct bf_ctl_options *opt, int n_words, char *const *words);

/** An error of bondctl itself, one line. */
void bf_ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Words as one line, as the daemon splits it again; one word is taken as it is. @return false with the error said */
bool bf_ctl_line(char *line, size_t size, int n_words, char *const *words);

/** A session on this terminal. @return exit status */
int bf_ctl_terminal(const struct bf_ctl_options *opt);

/** Set the terminal of standard input raw: keys come as they are pressed. It is restored at a signal, too. */
bool bf_ctl_set_raw(void);
void bf_ctl_restore(void);

/** Take the terminal's other screen until bf_ctl_restore(), which a signal calls, too. */
void bf_ctl_screen_begin(void);

/** Rows and columns of the terminal; 24 and 80 when it does not say. */
void bf_ctl_size(unsigned int *rows, unsigned int *columns);

bf_ctl_run_fn bf_ctl_watch, bf_ctl_monitor, bf_ctl_top, bf_ctl_doctor, bf_ctl_import;

#endif
