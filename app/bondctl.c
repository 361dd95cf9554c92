/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl: the client of bondfwd's console socket.
 *
 * With a command it sends that one, writes the answer and exits with the command's status.
 * Without, it is a terminal for the daemon's own line editor, or, when its input is no terminal,
 * runs the lines of its input until one fails.  It knows seven commands itself, because they need its terminal, its
 * files or its programs: metrics, capture with -w, watch, monitor, import, top and doctor; all others, their help and their completion come from the
 * daemon.
 *
 * Threads: one.
 */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "capture_stream.h"
#include "client.h"
#include "ctl/ctl.h"
#include "metrics_file.h"

#ifndef BF_VERSION
#define BF_VERSION "unknown"
#endif

#define TIMEOUT_DEFAULT_S 30
#define TIMEOUT_MAX_S 86400

/* As the daemon's limit for a line. */
#define LINE_LIMIT BF_CTL_LINE_LIMIT

void
bf_ctl_error(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("bondctl: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

/* Send one line and show the answer; exit status. */
static int
run_command(const struct bf_ctl_options *opt, const char *line)
{
	struct bf_err err = {""};
	struct bf_answer a;

	if (!bf_client_ask(
		    opt->socket, line, opt->json, (int64_t)opt->timeout_s * 1000, &a, &err)) {
		bf_ctl_error("%s", err.text);
		return BF_CTL_FAILED;
	}
	if (fwrite(a.text, 1, a.len, a.status == 0 ? stdout : stderr) != a.len ||
		fflush(stdout) != 0) {
		bf_ctl_error("output: %s", strerror(errno));
		a.status = BF_CTL_FAILED;
	}
	free(a.text);
	return a.status;
}

static int
run_lines(const struct bf_ctl_options *opt)
{
	char *line = NULL;
	size_t size = 0;
	unsigned long line_no = 0;
	ssize_t len;
	int status = BF_CTL_DONE;

	while (status == BF_CTL_DONE && (len = getline(&line, &size, stdin)) >= 0) {
		line_no++;
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		if (len > LINE_LIMIT || strlen(line) != (size_t)len) {
			bf_ctl_error(
				"line %lu: expected at most %d bytes of text", line_no, LINE_LIMIT);
			status = BF_CTL_USAGE;
			break;
		}
		line[strcspn(line, "\r")] = '\0';
		if (line[strspn(line, " \t")] == '\0' || line[strspn(line, " \t")] == '#')
			continue;
		status = run_command(opt, line);
		if (status != BF_CTL_DONE)
			bf_ctl_error("line %lu failed, stopped there", line_no);
	}
	free(line);
	return status;
}

static bool
needs_quotes(const char *word)
{
	return word[0] == '\0' || word[0] == '#' || strpbrk(word, " \t\"'") != NULL;
}

/* Append a word as the daemon's line splitter reads it; false when the line gets too long. */
static bool
append_word(char *line, size_t size, size_t *len, const char *word, bool verbatim)
{
	bool quote = !verbatim && needs_quotes(word);
	const char *p;

	if (*len + 2 * strlen(word) + 4 > size)
		return false;
	if (*len > 0)
		line[(*len)++] = ' ';
	if (quote)
		line[(*len)++] = '"';
	for (p = word; *p != '\0'; p++) {
		if (quote && (*p == '"' || *p == '\\'))
			line[(*len)++] = '\\';
		line[(*len)++] = *p;
	}
	if (quote)
		line[(*len)++] = '"';
	line[*len] = '\0';
	return true;
}

bool
bf_ctl_line(char *line, size_t size, int n_words, char *const *words)
{
	size_t len = 0;
	int i;

	line[0] = '\0';
	for (i = 0; i < n_words; i++) {
		if (strpbrk(words[i], "\r\n") != NULL) {
			bf_ctl_error("command: expected one line");
			return false;
		}
		if (!append_word(line, size, &len, words[i], n_words == 1) || len > LINE_LIMIT) {
			bf_ctl_error("command: expected at most %d bytes", LINE_LIMIT);
			return false;
		}
	}
	return true;
}

static int
run_words(const struct bf_ctl_options *opt, int n_words, char *const *words)
{
	char line[BF_CTL_LINE_MAX];

	return bf_ctl_line(line, sizeof(line), n_words, words) ? run_command(opt, line)
							       : BF_CTL_USAGE;
}

/* Where the words of a capture say -w; 0: they do not */
static int
find_write_to(int n_words, char *const *words)
{
	if (n_words < 3 || strcmp(words[0], "capture") != 0 || strcmp(words[1], "start") != 0)
		return 0;
	for (int i = 2; i < n_words; i++)
		if (strcmp(words[i], "-w") == 0)
			return i;
	return 0;
}

/* capture start ... -w FILE: the daemon writes into a FIFO, and this program into FILE. */
static int
run_capture(const struct bf_ctl_options *opt, int n_words, char **words, int at)
{
	static char file[] = "file";
	char line[BF_CTL_LINE_MAX];
	struct bf_capture_stream s;
	struct bf_err err = {""};
	int status = BF_CTL_USAGE;

	if (at + 1 >= n_words || opt->json) {
		bf_ctl_error("capture: -w: expected FILE or - behind it%s",
			opt->json ? ", without -j" : "");
		return BF_CTL_USAGE;
	}
	if (bf_capture_stream_open(&s, opt->socket, words[at + 1], &err) != 0) {
		bf_ctl_error("%s", err.text);
		return errno == EINVAL ? BF_CTL_USAGE : BF_CTL_FAILED;
	}
	words[at] = file;
	words[at + 1] = s.fifo;
	if (bf_ctl_line(line, sizeof(line), n_words, words))
		status = bf_capture_stream_run(
			&s, opt->socket, line, (int64_t)opt->timeout_s * 1000, &err);
	if (err.text[0] != '\0')
		bf_ctl_error("%s", err.text);
	bf_capture_stream_close(&s);
	return status;
}

static int
run_words_or_capture(const struct bf_ctl_options *opt, int n_words, char **words)
{
	int at = find_write_to(n_words, words);

	return at > 0 ? run_capture(opt, n_words, words, at) : run_words(opt, n_words, words);
}

/* bondctl's own command, for it writes a file here: metrics --output FILE. */
static int
run_metrics(const struct bf_ctl_options *opt, int n_words, char *const *words)
{
	struct bf_err err = {""};
	const char *path = NULL;

	if (n_words == 3 && (strcmp(words[1], "--output") == 0 || strcmp(words[1], "-o") == 0))
		path = words[2];
	else if (n_words == 2 && strncmp(words[1], "--output=", 9) == 0)
		path = words[1] + 9;
	if (path == NULL || opt->json) {
		bf_ctl_error("metrics: expected --output FILE%s; see also: bondctl show metrics",
			opt->json ? ", without -j" : "");
		return BF_CTL_USAGE;
	}
	if (bf_metrics_file_write(opt->socket, path, (int64_t)opt->timeout_s * 1000, &err) == 0)
		return BF_CTL_DONE;
	bf_ctl_error("%s", err.text);
	return errno == EINVAL ? BF_CTL_USAGE : BF_CTL_FAILED;
}

static void
write_help(FILE *to)
{
	(void)fprintf(to,
		"Usage: bondctl [-s SOCKET] [-j] [-t SECONDS] [COMMAND ...]\n"
		"\n"
		"Run a console command of bondfwd.  Without COMMAND: an interactive session, or,\n"
		"when the input is no terminal, its lines one after the other until one fails.\n"
		"\n"
		"  top                    members, guests, workers and drops on a screen; see top -h\n"
		"  doctor                 what is wrong with host, bonds and guests; see doctor -h\n"
		"  watch [SECONDS] COMMAND  run it again and again; without a terminal -n TIMES\n"
		"  monitor [LEVEL] [KIND ...]  events as they happen; see monitor -h\n"
		"  import ovs CONF.DB [bridge=NAME] [uplink=PORT] [-o FILE]\n"
		"                         a config file from Open vSwitch's; no daemon is asked\n"
		"  metrics --output FILE  put what `show metrics` says into a file, whole\n"
		"  capture start PORT ... -w FILE\n"
		"                         write a capture here; - is the output, for a pipe\n"
		"\n"
		"  -s, --socket SOCKET    console socket (" BF_CLIENT_SOCKET ")\n"
		"  -j, --json             answer in JSON\n"
		"  -t, --timeout SECONDS  wait this long for an answer, 1 to %d (%d)\n"
		"  -h, --help             this text; `bondctl help` lists the commands\n"
		"  -V, --version          version of this program\n"
		"\n"
		"Exit status: 0 done, 1 failed, 2 not understood, 3 imported in part.\n",
		TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S);
}

static bool
parse_timeout(const char *text, unsigned int *timeout_s)
{
	uint64_t value = 0;

	if (bf_parse_u64("", text, 1, TIMEOUT_MAX_S, &value, NULL) != 0) {
		bf_ctl_error("timeout: \"%s\": expected 1 to %d seconds", text, TIMEOUT_MAX_S);
		return false;
	}
	*timeout_s = (unsigned int)value;
	return true;
}

/* True to go on; else *status is the exit status. */
static bool
parse_options(int argc, char **argv, struct bf_ctl_options *opt, int *status)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*status = BF_CTL_USAGE;
	/* '+': what follows the first word belongs to the command. */
	while ((c = getopt_long(argc, argv, "+s:jt:hV", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			opt->socket = optarg;
			break;
		case 'j':
			opt->json = true;
			break;
		case 't':
			if (!parse_timeout(optarg, &opt->timeout_s))
				return false;
			break;
		case 'h':
			write_help(stdout);
			*status = BF_CTL_DONE;
			return false;
		case 'V':
			(void)puts("bondctl " BF_VERSION);
			*status = BF_CTL_DONE;
			return false;
		default:
			write_help(stderr);
			return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct bf_ctl_options opt = {.socket = BF_CLIENT_SOCKET, .timeout_s = TIMEOUT_DEFAULT_S};
	static const struct {
		const char *name;
		bf_ctl_run_fn *run;
	} own[] = {{"metrics", run_metrics}, {"watch", bf_ctl_watch}, {"monitor", bf_ctl_monitor},
		{"import", bf_ctl_import}, {"top", bf_ctl_top}, {"doctor", bf_ctl_doctor}};
	int status;

	if (!parse_options(argc, argv, &opt, &status))
		return status;
	for (size_t i = 0; optind < argc && i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(argv[optind], own[i].name) == 0)
			return own[i].run(&opt, argc - optind, argv + optind);
	if (optind < argc)
		return run_words_or_capture(&opt, argc - optind, argv + optind);
	if (!isatty(STDIN_FILENO))
		return run_lines(&opt);
	if (opt.json) {
		bf_ctl_error("-j: expected a command, or lines from a pipe");
		return BF_CTL_USAGE;
	}
	return bf_ctl_terminal(&opt);
}
