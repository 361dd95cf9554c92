/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondfwd-snmp: what snmpd asks for ports, bonds and LACP (pass_persist of net-snmp).
 *
 * snmpd starts it, writes requests to its input and reads the answers from its output, line by line.  It asks bondfwd for
 * all rows at once and answers from them for a second: a walk costs bondfwd one command in a second, and no place of
 * its console in between.
 *
 * snmpd waits while a request is answered, for all that it serves.  So bondfwd gets little time, and when it
 * has not used it, it is left alone for some seconds, in which there are no rows.
 *
 * snmpd makes standard error the same pipe as standard output: a word there would be an answer.  What is wrong
 * goes to syslog then.
 *
 * Threads: one.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/parse.h"
#include "client.h"
#include "snmp_rows.h"

#ifndef BF_VERSION
#define BF_VERSION "unknown"
#endif

#define KEEP_MS 1000
#define LEAVE_MS 5000 /* a bondfwd that did not answer in time */
#define TIMEOUT_DEFAULT_MS 1000
#define TIMEOUT_MIN_MS 100
#define TIMEOUT_MAX_MS 10000
#define LINE_SIZE 4096

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

struct program {
	const char *socket;
	const char *root; /* only rows below it; NULL: all */
	int64_t timeout_ms;
	struct bf_oid_rows rows;
	int64_t good_until_ms;
	struct bf_err said; /* why there are none, as last said */
};

/* What is wrong, to where nobody takes it for an answer. */
static void log_complaint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
log_complaint(const char *fmt, ...)
{
	struct stat out, errors;
	va_list ap;

	va_start(ap, fmt);
	if (fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &errors) == 0 &&
		out.st_dev == errors.st_dev && out.st_ino == errors.st_ino &&
		!isatty(STDERR_FILENO)) {
		vsyslog(LOG_DAEMON | LOG_WARNING, fmt, ap);
	} else {
		(void)fputs("bondfwd-snmp: ", stderr);
		(void)vfprintf(stderr, fmt, ap);
		(void)fputc('\n', stderr);
	}
	va_end(ap);
}

static void
say_once(struct program *p, const char *why)
{
	if (strcmp(p->said.text, why) == 0)
		return;
	snprintf(p->said.text, sizeof(p->said.text), "%s", why);
	if (why[0] != '\0')
		log_complaint("%s", why);
}

/* Ask for the rows. @return ms for which what came of it is good */
static int64_t
ask_rows(struct program *p)
{
	int64_t began_ms = bf_client_now_ms();
	struct bf_err err = {""};
	struct bf_answer a;
	char line[1024];

	snprintf(line, sizeof(line), "show snmp%s%s", p->root != NULL ? " " : "",
		p->root != NULL ? p->root : "");
	if (!bf_client_ask(p->socket, line, false, p->timeout_ms, &a, &err)) {
		say_once(p, err.text);
		return bf_client_now_ms() - began_ms >= p->timeout_ms ? LEAVE_MS : 0;
	}
	if (a.status != 0) {
		a.text[strcspn(a.text, "\n")] = '\0';
		say_once(p, a.text);
		free(a.text);
		return KEEP_MS;
	}
	(void)bf_oid_rows_read(&p->rows, a.text, &err);
	say_once(p, err.text);
	return KEEP_MS;
}

static void
refresh_rows(struct program *p)
{
	int64_t good_ms;

	if (bf_client_now_ms() < p->good_until_ms)
		return;
	bf_oid_rows_release(&p->rows);
	good_ms = ask_rows(p);
	p->good_until_ms = bf_client_now_ms() + good_ms;
}

static void
answer_request(struct program *p, const char *text, bool next)
{
	const struct bf_oid_row *row = NULL;
	struct bf_oid oid;

	if (bf_oid_read(text, &oid)) {
		refresh_rows(p);
		row = next ? bf_oid_rows_next(&p->rows, &oid) : bf_oid_rows_get(&p->rows, &oid);
	} else {
		log_complaint("oid: \"%.60s\": expected e.g. .1.3.6.1.2.1.2", text);
	}
	if (row == NULL)
		(void)puts("NONE");
	else
		(void)printf(".%s\n%s\n%s\n", row->oid, row->type, row->value);
}

/* A line without its end; what is too long is passed over. */
static bool
read_line(char *line, int size)
{
	size_t len;
	int c;

	if (fgets(line, size, stdin) == NULL)
		return false;
	len = strcspn(line, "\n");
	if (line[len] == '\n')
		line[len] = '\0';
	else
		while ((c = getchar()) != EOF && c != '\n')
			;
	return true;
}

/* One request. @return false at the end of the input */
static bool
serve_request(struct program *p)
{
	char verb[LINE_SIZE], oid[LINE_SIZE], value[LINE_SIZE];

	if (!read_line(verb, sizeof(verb)) ||
		verb[0] == '\0') /* an empty line is snmpd's good-bye */
		return false;
	if (strcmp(verb, "PING") == 0) {
		(void)puts("PONG");
	} else if (strcmp(verb, "get") == 0 || strcmp(verb, "getnext") == 0) {
		if (!read_line(oid, sizeof(oid)))
			return false;
		answer_request(p, oid, verb[3] != '\0');
	} else if (strcmp(verb, "set") == 0) {
		if (!read_line(oid, sizeof(oid)) || !read_line(value, sizeof(value)))
			return false;
		(void)puts("not-writable");
	} else {
		log_complaint("request: \"%.60s\": expected PING, get, getnext or set", verb);
		(void)puts("NONE");
	}
	return fflush(stdout) == 0;
}

static void
write_help(FILE *to)
{
	(void)fprintf(to,
		"Usage: bondfwd-snmp [-s SOCKET] [-t MILLISECONDS] [OID]\n"
		"\n"
		"Answer snmpd's requests (pass_persist) with what bondfwd knows of its ports.\n"
		"With OID only what is below it, for several lines in snmpd.conf.\n"
		"\n"
		"  -s, --socket SOCKET         console socket (" BF_CLIENT_SOCKET ")\n"
		"  -t, --timeout MILLISECONDS  wait this long for bondfwd, %d to %d (%d)\n"
		"  -h, --help                  this text\n"
		"  -V, --version               version of this program\n"
		"\n"
		"Exit status: 0 end of the input, 2 not understood.\n",
		TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, TIMEOUT_DEFAULT_MS);
}

static bool
parse_timeout(const char *text, int64_t *timeout_ms)
{
	uint64_t value = 0;

	if (bf_parse_u64("", text, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, &value, NULL) != 0) {
		log_complaint("timeout: \"%s\": expected %d to %d milliseconds", text,
			TIMEOUT_MIN_MS, TIMEOUT_MAX_MS);
		return false;
	}
	*timeout_ms = (int64_t)value;
	return true;
}

/* True to go on; else *status is the exit status. */
static bool
parse_options(int argc, char **argv, struct program *p, int *status)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct bf_oid oid;
	int c;

	*status = EXIT_USAGE;
	while ((c = getopt_long(argc, argv, "s:t:hV", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			p->socket = optarg;
			break;
		case 't':
			if (!parse_timeout(optarg, &p->timeout_ms))
				return false;
			break;
		case 'h':
			write_help(stdout);
			*status = EXIT_DONE;
			return false;
		case 'V':
			(void)puts("bondfwd-snmp " BF_VERSION);
			*status = EXIT_DONE;
			return false;
		default:
			write_help(stderr);
			return false;
		}
	}
	p->root = argv[optind];
	if (p->root == NULL || (bf_oid_read(p->root, &oid) && argv[optind + 1] == NULL))
		return true;
	log_complaint("oid: \"%s\": expected one OID, e.g. .1.3.6.1.2.1.2",
		argv[optind + 1] != NULL ? argv[optind + 1] : p->root);
	return false;
}

int
main(int argc, char **argv)
{
	struct program p = {.socket = BF_CLIENT_SOCKET, .timeout_ms = TIMEOUT_DEFAULT_MS};
	int status;

	if (!parse_options(argc, argv, &p, &status))
		return status;
	while (serve_request(&p))
		;
	bf_oid_rows_release(&p.rows);
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}
