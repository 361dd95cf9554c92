/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl top: its options; once, as text.
 *
 * Threads: one.
 */
#include "top/top.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"

#define INTERVAL_MAX_S 60
#define COLUMNS_MIN 80

struct top_options {
	uint64_t seconds;
	bool is_once;
};

static void
write_help(FILE *to)
{
	(void)fprintf(to,
		"Usage: bondctl top [-1] [-d SECONDS]\n"
		"\n"
		"Members, guests, workers, drops and events on a screen; h helps.\n"
		"\n"
		"  -1, --once           print it once, as text; $COLUMNS is its width (%d)\n"
		"  -d, --delay SECONDS  between two looks, 1 to %d (1)\n",
		COLUMNS_MIN, INTERVAL_MAX_S);
}

/* True to go on; else *status is the exit status. */
static bool
parse_options(int n_words, char *const *words, struct top_options *o, int *status)
{
	static const struct option longs[] = {
		{"once", no_argument, NULL, '1'},
		{"delay", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct bf_err err = {""};
	int c;

	*status = BF_CTL_USAGE;
	optind = 0;
	while ((c = getopt_long(n_words, words, "1d:h", longs, NULL)) != -1) {
		switch (c) {
		case '1':
			o->is_once = true;
			break;
		case 'd':
			if (bf_parse_u64("top: delay", optarg, 1, INTERVAL_MAX_S, &o->seconds,
				    &err) == 0)
				break;
			bf_ctl_error("%s", err.text);
			return false;
		case 'h':
			write_help(stdout);
			*status = BF_CTL_DONE;
			return false;
		default:
			write_help(stderr);
			return false;
		}
	}
	if (optind == n_words)
		return true;
	bf_ctl_error("top: \"%.60s\": expected -1 or -d SECONDS", words[optind]);
	return false;
}

static void
line_print(void *arg, unsigned int row, enum bf_top_look look, const char *line)
{
	size_t len = strlen(line);

	(void)arg;
	(void)row;
	(void)look;
	while (len > 0 && line[len - 1] == ' ')
		len--;
	(void)printf("%.*s\n", (int)len, line);
}

static int
print_once(const struct bf_ctl_options *opt, struct bf_top *t)
{
	const char *text = getenv("COLUMNS");
	uint64_t columns = COLUMNS_MIN;
	struct bf_err err = {""};
	struct bf_top_data d;

	if (text != NULL)
		(void)bf_parse_u64("", text, COLUMNS_MIN, BF_TOP_WIDTH_MAX - 8, &columns, NULL);
	if (!bf_top_ask(opt, &d, &err)) {
		bf_ctl_error("%s", err.text);
		return BF_CTL_FAILED;
	}
	bf_top_fill(t, &d);
	bf_top_release(&d);
	t->active = BF_TOP_PANE_COUNT; /* none is chosen */
	bf_top_lay_out(t, bf_top_height(t), (unsigned int)columns, line_print, NULL);
	return fflush(stdout) == 0 ? BF_CTL_DONE : BF_CTL_FAILED;
}

int
bf_ctl_top(const struct bf_ctl_options *opt, int n_words, char *const *words)
{
	struct top_options o = {.seconds = 1};
	static struct bf_top t;
	int status;

	if (!parse_options(n_words, words, &o, &status))
		return status;
	bf_top_init(&t);
	if (o.is_once) {
		status = print_once(opt, &t);
	} else if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		bf_ctl_error("top: expected a terminal, or -1");
		status = BF_CTL_USAGE;
	} else {
		status = bf_top_screen(opt, &t, (unsigned int)o.seconds);
	}
	bf_top_fini(&t);
	return status;
}
