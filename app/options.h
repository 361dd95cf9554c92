/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The command line behind "--".
 *
 * Threads: ctx control, before anything else runs.
 */
#ifndef BF_OPTIONS_H
#define BF_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/config/config.h"
#include "http/address.h"

#define BF_CONSOLE_DEFAULT "/run/bondfwd/console.sock"

#define BF_OPTIONS_MORE 15

struct bf_options {
	struct bf_config *config; /* what --bond and --guest say; owned */
	const char *config_path;
	const char *console; /* NULL: none */
	const char *metrics; /* address that serves them, NULL: none */
	struct bf_http_address metrics_at; /* the same, read */
	bool interactive;
	bool check;
	bool force_reconnect;
	bool version;
	bool help;
	bool help_json;
	bool advise, as_json;
	const char *wish; /* of --advise; NULL: none */
	uint32_t fdb_capacity;
	int gid; /* -1: ours */
	int guest_gid; /* of guests' sockets, -1: gid */
	bool debug;
	bool has_console; /* --console was given */
	/* Further errors, after the first; for --check, which shows them all. */
	unsigned int n_more;
	struct bf_err more[BF_OPTIONS_MORE];
};

/**
 * Where the program's own options begin.
 *
 * @return
 *   Index of "--" in argv; without one, 0 when argv[1] is an option of ours (then there are no
 *   EAL arguments), else argc.
 */
int bf_options_start(int argc, char **argv);

/**
 * @param argv
 *   argv[0] is skipped: the program's name or "--".
 * @return
 *   0, or -EINVAL with the reason.  Free with bf_options_fini() in both cases.
 */
int bf_options_parse(struct bf_options *o, int argc, char **argv, struct bf_err *err);
void bf_options_fini(struct bf_options *o);

/**
 * An option of ours among the EAL's: "--" was forgotten.
 *
 * @param n_eal
 *   argv[1] to argv[n_eal - 1] go to the EAL.
 * @return
 *   The option; NULL: there is none.
 */
const char *bf_options_misplaced(int n_eal, char **argv);

/** Usage, on standard output. */
void bf_options_usage(void);

#endif
