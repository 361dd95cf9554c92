/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl watch: a command again and again, in place on a terminal.
 *
 * Threads: one.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "client.h"
#include "ctl/ctl.h"

#define INTERVAL_DEFAULT_S 2
#define INTERVAL_MAX_S 3600
#define TIMES_MAX 1000000

struct watch {
	const struct bf_ctl_options *opt;
	bool is_screen;
	uint64_t seconds;
	uint64_t times; /* 0: until a key is pressed */
	char line[BF_CTL_LINE_MAX];
};

/* Rows of a text, each cut at the edge. */
static void
screen_write(const struct watch *w, const char *text)
{
	unsigned int rows, columns;

	bf_ctl_size(&rows, &columns);
	(void)printf("\033[H\033[7mEvery %u s: %.*s; a key ends\033[m\033[K\r\n",
		(unsigned int)w->seconds, columns > 40 ? (int)columns - 32 : 8, w->line);
	for (unsigned int row = 2; row < rows && *text != '\0'; row++) {
		size_t n = strcspn(text, "\n");

		(void)printf("%.*s\033[K\r\n", n < columns ? (int)n : (int)columns, text);
		text += n + (text[n] == '\n' ? 1 : 0);
	}
	(void)fputs("\033[J", stdout);
}

/* Once. @return exit status */
static int
watch_look(const struct watch *w)
{
	struct bf_err err = {""};
	struct bf_answer a;
	int status;

	if (!bf_client_ask(w->opt->socket, w->line, w->opt->json, (int64_t)w->opt->timeout_s * 1000,
		    &a, &err)) {
		if (!w->is_screen) {
			bf_ctl_error("%s", err.text);
			return BF_CTL_FAILED;
		}
		screen_write(w, err.text);
	} else {
		status = a.status;
		if (w->is_screen)
			screen_write(w, a.text);
		else
			(void)fputs(a.text, status == 0 ? stdout : stderr);
		free(a.text);
		if (!w->is_screen && status != 0)
			return status;
	}
	return fflush(stdout) == 0 ? BF_CTL_DONE : BF_CTL_FAILED;
}

/* Wait for the next look; false when a key was pressed. */
static bool
watch_wait(const struct watch *w)
{
	struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
	int n = poll(&key, w->is_screen ? 1 : 0, (int)w->seconds * 1000);

	return n == 0 || (n < 0 && errno == EINTR);
}

/* Words of the command line: [-n TIMES] [SECONDS] COMMAND ... */
static int
watch_parse(struct watch *w, int n_words, char *const *words)
{
	struct bf_err err = {""};
	int at = 1;

	if (n_words > at + 1 && strcmp(words[at], "-n") == 0) {
		if (bf_parse_u64("watch -n", words[at + 1], 1, TIMES_MAX, &w->times, &err) != 0)
			goto err;
		at += 2;
	}
	if (n_words > at && isdigit((unsigned char)words[at][0]) != 0) {
		if (bf_parse_u64("watch", words[at], 1, INTERVAL_MAX_S, &w->seconds, &err) != 0)
			goto err;
		at++;
	}
	if (n_words <= at ||
		(strcmp(words[at], "show") != 0 && strncmp(words[at], "show ", 5) != 0 &&
			strcmp(words[at], "diff") != 0 && strcmp(words[at], "help") != 0)) {
		bf_ctl_error(
			"watch: \"%.60s\": expected [-n TIMES] [SECONDS] and show, diff or help",
			n_words > at ? words[at] : "");
		return BF_CTL_USAGE;
	}
	return bf_ctl_line(w->line, sizeof(w->line), n_words - at, words + at) ? BF_CTL_DONE
									       : BF_CTL_USAGE;

err:
	bf_ctl_error("%s", err.text);
	return BF_CTL_USAGE;
}

int
bf_ctl_watch(const struct bf_ctl_options *opt, int n_words, char *const *words)
{
	static struct watch w = {.seconds = INTERVAL_DEFAULT_S};
	int status = watch_parse(&w, n_words, words);

	if (status != BF_CTL_DONE)
		return status;
	w.opt = opt;
	w.is_screen = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (!w.is_screen && w.times == 0) {
		bf_ctl_error("watch: expected a terminal, or -n TIMES");
		return BF_CTL_USAGE;
	}
	if (w.is_screen && !bf_ctl_set_raw()) {
		bf_ctl_error("terminal: %s", strerror(errno));
		return BF_CTL_FAILED;
	}
	if (w.is_screen)
		bf_ctl_screen_begin();
	for (uint64_t i = 1; status == BF_CTL_DONE; i++) {
		status = watch_look(&w);
		if (i == w.times || status != BF_CTL_DONE || !watch_wait(&w))
			break;
	}
	if (w.is_screen)
		bf_ctl_restore();
	return status;
}
