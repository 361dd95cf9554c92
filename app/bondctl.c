/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl: the client of bondfwd's console socket.
 *
 * With a command it sends that one, writes the answer and exits with the command's status.
 * Without, it is a terminal for the daemon's own line editor, or, when its input is no terminal,
 * runs the lines of its input until one fails.  It knows no command: all of them, their help and
 * their completion come from the daemon.
 *
 * Threads: one.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef BF_VERSION
#define BF_VERSION "unknown"
#endif

#define SOCKET_DEFAULT "/run/bondfwd/console.sock"
#define TIMEOUT_DEFAULT_S 30
#define TIMEOUT_MAX_S 86400

/* As the daemon's limit for a line. */
#define LINE_LIMIT 4096

/* No answer is larger; a header that says so is not from bondfwd. */
#define ANSWER_MAX ((size_t)1 << 30)

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

/* An answer of the daemon; text is for the caller to release. */
struct answer {
	int status;
	char *text;
	size_t len;
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

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
explain_connect(const char *path, int error)
{
	switch (error) {
	case ENOENT:
		error_print("%s: no such socket: expected a running bondfwd there", path);
		break;
	case ECONNREFUSED:
		error_print("%s: nobody answers: expected a running bondfwd there", path);
		break;
	case EACCES:
		error_print("%s: permission denied: expected to be in the socket's group", path);
		break;
	default:
		error_print("%s: %s", path, strerror(error));
	}
}

/* Connect; descriptor, or -1 after a message. */
static int
connect_daemon(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		error_print("socket: path of %zu bytes: expected at most %zu", strlen(path),
			sizeof(addr.sun_path) - 1);
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		explain_connect(path, errno);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	return fd;
}

/* Wait for events until a deadline; false after a message when it passes. */
static bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int64_t left;
	int n;

	do {
		left = deadline_ms - now_ms();
		n = left > 0 ? poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		error_print("timeout: expected an answer in time, see -t");
	return n > 0;
}

/*
 * Send everything.  A daemon that hangs up has usually said why, so that is no failure here: the
 * answer is read next.
 */
static bool
send_all(int fd, const char *data, size_t len, int64_t deadline_ms)
{
	ssize_t n;

	while (len > 0) {
		if (!wait_for(fd, POLLOUT, deadline_ms))
			return false;
		n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return true;
		if (n < 0) {
			error_print("send: %s", strerror(errno));
			return false;
		}
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Receive exactly len bytes. */
static bool
answer_receive(int fd, char *data, size_t len, int64_t deadline_ms)
{
	ssize_t n;

	while (len > 0) {
		if (!wait_for(fd, POLLIN, deadline_ms))
			return false;
		n = recv(fd, data, len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			error_print("connection closed: expected an answer from bondfwd");
			return false;
		}
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Take "STATUS LENGTH" apart. */
static bool
parse_header(const char *header, struct answer *a)
{
	unsigned long long len;
	char *end;
	long status;

	errno = 0;
	status = strtol(header, &end, 10);
	if (end == header || *end != ' ' || status < 0 || status > 255)
		return false;
	header = end + 1;
	len = strtoull(header, &end, 10);
	if (end == header || *end != '\0' || errno != 0 || len > ANSWER_MAX)
		return false;
	a->status = (int)status;
	a->len = (size_t)len;
	return true;
}

static bool
receive_answer(int fd, struct answer *a, int64_t deadline_ms)
{
	char header[64];
	size_t len = 0;

	a->text = NULL;
	do {
		if (len == sizeof(header) || !answer_receive(fd, &header[len], 1, deadline_ms))
			break;
	} while (header[len++] != '\n');
	if (len == 0)
		return false;
	if (header[len - 1] == '\n')
		header[len - 1] = '\0';
	else
		header[0] = '\0';
	if (!parse_header(header, a)) {
		error_print("answer: expected \"STATUS LENGTH\" from bondfwd");
		return false;
	}
	a->text = malloc(a->len + 1);
	if (a->text == NULL) {
		error_print("answer of %zu bytes: expected memory for it", a->len);
		return false;
	}
	if (answer_receive(fd, a->text, a->len, deadline_ms))
		return true;
	free(a->text);
	a->text = NULL;
	return false;
}

/* Send one line and show the answer; exit status. */
static int
run_command(const struct options *opt, const char *line)
{
	int64_t deadline_ms = now_ms() + (int64_t)opt->timeout_s * 1000;
	char preamble[32], end = '\n';
	struct answer a;
	bool ok;
	int fd;

	fd = connect_daemon(opt->socket);
	if (fd < 0)
		return EXIT_FAILED;
	snprintf(preamble, sizeof(preamble), "bondctl 1 exec%s\n", opt->json ? " json" : "");
	ok = send_all(fd, preamble, strlen(preamble), deadline_ms) &&
		send_all(fd, line, strlen(line), deadline_ms) &&
		send_all(fd, &end, 1, deadline_ms) && receive_answer(fd, &a, deadline_ms);
	(void)close(fd);
	if (!ok)
		return EXIT_FAILED;
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
is_refused(int fd, int64_t deadline_ms, int *status)
{
	struct answer a;
	char first;
	ssize_t n;

	if (!wait_for(fd, POLLIN, deadline_ms)) {
		*status = EXIT_FAILED;
		return true;
	}
	n = recv(fd, &first, 1, MSG_PEEK);
	if (n == 1 && (first < '0' || first > '9'))
		return false;
	*status = EXIT_FAILED;
	if (n != 1)
		error_print("connection closed: expected a session from bondfwd");
	else if (receive_answer(fd, &a, deadline_ms)) {
		(void)fwrite(a.text, 1, a.len, stderr);
		free(a.text);
	}
	return true;
}

static int
run_terminal(const struct options *opt)
{
	static const char preamble[] = "bondctl 1 tty\n";
	int64_t deadline_ms = now_ms() + (int64_t)opt->timeout_s * 1000;
	int status = EXIT_FAILED;
	int fd;

	fd = connect_daemon(opt->socket);
	if (fd < 0)
		return EXIT_FAILED;
	if (send_all(fd, preamble, sizeof(preamble) - 1, deadline_ms) &&
		!is_refused(fd, deadline_ms, &status)) {
		if (set_raw()) {
			copy_both(fd);
			restore_terminal();
			status = EXIT_DONE;
		} else {
			error_print("terminal: %s", strerror(errno));
		}
	}
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
		"  -s, --socket SOCKET    console socket (" SOCKET_DEFAULT ")\n"
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
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || value < 1 || value > TIMEOUT_MAX_S) {
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
	struct options opt = {.socket = SOCKET_DEFAULT, .timeout_s = TIMEOUT_DEFAULT_S};
	int status;

	if (!parse_options(argc, argv, &opt, &status))
		return status;
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
