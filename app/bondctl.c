/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl: the client of bondfwd's console socket.
 *
 * With a command it sends that one, writes the answer and exits with the command's status.
 * Without, it is a terminal for the daemon's own line editor, or, when its input is no terminal,
 * runs the lines of its input until one fails.  It knows no command but one, `metrics`, which writes a
 * file here: all others, their help and their completion come from the daemon.
 *
 * Threads: one.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/parse.h"
#include "client.h"
#include "metrics_file.h"

#ifndef BF_VERSION
#define BF_VERSION "unknown"
#endif

#define TIMEOUT_DEFAULT_S 30
#define TIMEOUT_MAX_S 86400

/* As the daemon's limit for a line. */
#define LINE_LIMIT 4096

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

struct options {
	const char *socket;
	bool json;
	unsigned int timeout_s;
};

/* For the signal handler: the terminal to restore. */
static struct termios saved_mode;
static volatile sig_atomic_t is_raw;

static void error_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
error_print(const char *fmt, ...)
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
run_command(const struct options *opt, const char *line)
{
	struct bf_err err = {""};
	struct bf_answer a;

	if (!bf_client_ask(
		    opt->socket, line, opt->json, (int64_t)opt->timeout_s * 1000, &a, &err)) {
		error_print("%s", err.text);
		return EXIT_FAILED;
	}
	if (fwrite(a.text, 1, a.len, a.status == 0 ? stdout : stderr) != a.len ||
		fflush(stdout) != 0) {
		error_print("output: %s", strerror(errno));
		a.status = EXIT_FAILED;
	}
	free(a.text);
	return a.status;
}

static int
run_lines(const struct options *opt)
{
	char *line = NULL;
	size_t size = 0;
	unsigned long line_no = 0;
	ssize_t len;
	int status = EXIT_DONE;

	while (status == EXIT_DONE && (len = getline(&line, &size, stdin)) >= 0) {
		line_no++;
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		if (len > LINE_LIMIT || strlen(line) != (size_t)len) {
			error_print(
				"line %lu: expected at most %d bytes of text", line_no, LINE_LIMIT);
			status = EXIT_USAGE;
			break;
		}
		line[strcspn(line, "\r")] = '\0';
		if (line[strspn(line, " \t")] == '\0' || line[strspn(line, " \t")] == '#')
			continue;
		status = run_command(opt, line);
		if (status != EXIT_DONE)
			error_print("line %lu failed, stopped there", line_no);
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

/* One word that is a whole command is taken as it is; several keep what the shell made of them. */
static int
run_words(const struct options *opt, int n_words, char *const *words)
{
	char line[2 * LINE_LIMIT + 64];
	size_t len = 0;
	int i;

	line[0] = '\0';
	for (i = 0; i < n_words; i++) {
		if (strpbrk(words[i], "\r\n") != NULL) {
			error_print("command: expected one line");
			return EXIT_USAGE;
		}
		if (!append_word(line, sizeof(line), &len, words[i], n_words == 1) ||
			len > LINE_LIMIT) {
			error_print("command: expected at most %d bytes", LINE_LIMIT);
			return EXIT_USAGE;
		}
	}
	return run_command(opt, line);
}

/* bondctl's own command, for it writes a file here: metrics --output FILE. */
static int
run_metrics(const struct options *opt, int n_words, char *const *words)
{
	struct bf_err err = {""};
	const char *path = NULL;

	if (n_words == 3 && (strcmp(words[1], "--output") == 0 || strcmp(words[1], "-o") == 0))
		path = words[2];
	else if (n_words == 2 && strncmp(words[1], "--output=", 9) == 0)
		path = words[1] + 9;
	if (path == NULL || opt->json) {
		error_print("metrics: expected --output FILE%s; see also: bondctl show metrics",
			opt->json ? ", without -j" : "");
		return EXIT_USAGE;
	}
	if (bf_metrics_file_write(opt->socket, path, (int64_t)opt->timeout_s * 1000, &err) == 0)
		return EXIT_DONE;
	error_print("%s", err.text);
	return errno == EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

static void
restore_terminal(void)
{
	if (is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved_mode);
	is_raw = 0;
}

static void
on_signal(int sig)
{
	restore_terminal();
	/* Installed with SA_RESETHAND: this time it ends the program. */
	(void)raise(sig);
}

static bool
set_raw(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct termios raw;
	size_t i;

	if (tcgetattr(STDIN_FILENO, &saved_mode) != 0)
		return false;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
	raw = saved_mode;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	is_raw = 1;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0)
		return true;
	is_raw = 0;
	return false;
}

static bool
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Copy what is there from the daemon to the terminal; false at the end of the session. */
static bool
copy_out(int fd)
{
	char buf[16384];
	ssize_t n;

	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	return n > 0 && write_all(STDOUT_FILENO, buf, (size_t)n);
}

/* Copy what was typed to the daemon; false when the terminal is gone. */
static bool
copy_in(int fd, char *buf, size_t size, size_t *len)
{
	ssize_t n;

	n = read(STDIN_FILENO, buf + *len, size - *len);
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	*len += (size_t)n;
	n = send(fd, buf, *len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		*len -= (size_t)n;
		memmove(buf, buf + n, *len);
	}
	return true;
}

static bool
send_rest(int fd, char *buf, size_t *len)
{
	ssize_t n;

	n = send(fd, buf, *len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	*len -= (size_t)n;
	memmove(buf, buf + n, *len);
	return true;
}

static void
copy_both(int fd)
{
	struct pollfd fds[2] = {{.fd = fd}, {.fd = STDIN_FILENO}};
	char typed[4096];
	size_t len = 0;

	for (;;) {
		fds[0].events = (short)(POLLIN | (len > 0 ? POLLOUT : 0));
		fds[1].events = len < sizeof(typed) ? POLLIN : 0;
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !copy_out(fd))
			return;
		if ((fds[0].revents & POLLOUT) != 0 && !send_rest(fd, typed, &len))
			return;
		if (len < sizeof(typed) && fds[1].revents != 0 &&
			!copy_in(fd, typed, sizeof(typed), &len))
			return;
	}
}

/* A session starts with a prompt; a refusal is an answer, which starts with a digit. */
static bool
is_refused(int fd, int64_t deadline_ms, struct bf_err *err)
{
	struct bf_answer a;
	char first;
	ssize_t n;

	if (!bf_client_wait(fd, POLLIN, deadline_ms, err))
		return true;
	n = recv(fd, &first, 1, MSG_PEEK);
	if (n == 1 && (first < '0' || first > '9'))
		return false;
	if (n != 1)
		bf_err_set(err, ECONNRESET, "connection closed: expected a session from bondfwd");
	else if (bf_client_receive(fd, &a, deadline_ms, err)) {
		(void)fwrite(a.text, 1, a.len, stderr);
		free(a.text);
	}
	return true;
}

static int
run_terminal(const struct options *opt)
{
	static const char preamble[] = "bondctl 1 tty\n";
	int64_t deadline_ms = bf_client_now_ms() + (int64_t)opt->timeout_s * 1000;
	struct bf_err err = {""};
	int status = EXIT_FAILED;
	int fd;

	fd = bf_client_connect(opt->socket, deadline_ms, &err);
	if (fd >= 0 && bf_client_send(fd, preamble, sizeof(preamble) - 1, deadline_ms, &err) &&
		!is_refused(fd, deadline_ms, &err)) {
		if (set_raw()) {
			copy_both(fd);
			restore_terminal();
			status = EXIT_DONE;
		} else {
			bf_err_set(&err, errno, "terminal: %s", strerror(errno));
		}
	}
	if (err.text[0] != '\0')
		error_print("%s", err.text);
	if (fd >= 0)
		(void)close(fd);
	return status;
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
		"  metrics --output FILE  put what `show metrics` says into a file, whole\n"
		"\n"
		"  -s, --socket SOCKET    console socket (" BF_CLIENT_SOCKET ")\n"
		"  -j, --json             answer in JSON\n"
		"  -t, --timeout SECONDS  wait this long for an answer, 1 to %d (%d)\n"
		"  -h, --help             this text; `bondctl help` lists the commands\n"
		"  -V, --version          version of this program\n"
		"\n"
		"Exit status: 0 done, 1 failed, 2 not understood.\n",
		TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S);
}

static bool
parse_timeout(const char *text, unsigned int *timeout_s)
{
	uint64_t value = 0;

	if (bf_parse_u64("", text, 1, TIMEOUT_MAX_S, &value, NULL) != 0) {
		error_print("timeout: \"%s\": expected 1 to %d seconds", text, TIMEOUT_MAX_S);
		return false;
	}
	*timeout_s = (unsigned int)value;
	return true;
}

/* True to go on; else *status is the exit status. */
static bool
parse_options(int argc, char **argv, struct options *opt, int *status)
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

	*status = EXIT_USAGE;
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
			*status = EXIT_DONE;
			return false;
		case 'V':
			(void)puts("bondctl " BF_VERSION);
			*status = EXIT_DONE;
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
	struct options opt = {.socket = BF_CLIENT_SOCKET, .timeout_s = TIMEOUT_DEFAULT_S};
	int status;

	if (!parse_options(argc, argv, &opt, &status))
		return status;
	if (optind < argc && strcmp(argv[optind], "metrics") == 0)
		return run_metrics(&opt, argc - optind, argv + optind);
	if (optind < argc)
		return run_words(&opt, argc - optind, argv + optind);
	if (!isatty(STDIN_FILENO))
		return run_lines(&opt);
	if (opt.json) {
		error_print("-j: expected a command, or lines from a pipe");
		return EXIT_USAGE;
	}
	return run_terminal(&opt);
}
