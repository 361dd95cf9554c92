/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondfwd-traps: SNMP traps for what happens in bondfwd.
 *
 * Once a second it asks bondfwd for the traps after the last event that it knows, and runs net-snmp's snmptrap or
 * agentxtrap for each.  How a trap goes out, to whom and with which secrets is theirs.  Events from before it was
 * started are not told; those of a bondfwd that was started again are.
 *
 * Threads: one.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "client.h"

#ifndef BF_VERSION
#define BF_VERSION "unknown"
#endif

#define INTERVAL_DEFAULT_S 1
#define INTERVAL_MAX_S 60
#define TIMEOUT_MS 5000
#define SEND_LIMIT_MS 10000 /* for the command that sends a trap */
#define ARGS_MAX 128

enum exit_status {
	EXIT_DONE = 0,
	EXIT_USAGE = 2,
};

struct program {
	const char *socket;
	unsigned int interval_s;
	char **command; /* NULL ends */
	unsigned int n_command;
	bool is_begun;
	uint64_t seen; /* the newest event */
	uint64_t uptime_ms; /* of bondfwd, when it was asked last */
	struct bf_err said;
};

/** The arguments of a command: those that were typed, then the trap's. */
struct args {
	char *list[ARGS_MAX + 1];
	unsigned int n;
};

/* Say it once, until something else is to be said. */
static void
say_once(struct program *p, const char *why)
{
	if (strcmp(p->said.text, why) == 0)
		return;
	snprintf(p->said.text, sizeof(p->said.text), "%s", why);
	if (why[0] != '\0')
		(void)fprintf(stderr, "bondfwd-traps: %s\n", why);
}

static void
add_arg(struct args *a, char *arg)
{
	if (a->n < ARGS_MAX)
		a->list[a->n++] = arg;
	a->list[a->n] = NULL;
}

/* The letters of snmptrap for the types of pass_persist. */
static char *
letter_of(const char *type)
{
	static const struct {
		const char *type;
		char letter[2];
	} types[] = {{"integer", "i"}, {"gauge", "u"}, {"counter", "c"}, {"counter64", "C"},
		{"timeticks", "t"}, {"octet", "x"}, {"string", "s"}};
	static char letter[sizeof(types) / sizeof(types[0])][2];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, type) == 0)
			return memcpy(letter[i], types[i].letter, sizeof(letter[i]));
	return NULL;
}

/* Wait for a child, and end one that takes too long. @return its status as of waitpid() */
static int
child_wait(pid_t child)
{
	int fd = pidfd_open(child, 0), status = 0;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	if (fd < 0 || poll(&pfd, 1, SEND_LIMIT_MS) != 1)
		(void)kill(child, SIGKILL);
	if (fd >= 0)
		(void)close(fd);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Run the command for one trap, and wait until it is done. */
static void
trap_send(struct program *p, const struct args *a)
{
	const char *fault = NULL;
	int status, ret;
	char why[256];
	pid_t child;

	if (a->n == p->n_command) /* no trap yet */
		return;
	ret = posix_spawnp(&child, a->list[0], NULL, NULL, a->list, environ);
	status = ret == 0 ? child_wait(child) : 0;
	if (ret != 0)
		fault = strerror(ret);
	else if (WIFSIGNALED(status))
		fault = "it took too long, or was killed";
	else if (WEXITSTATUS(status) != 0)
		fault = "it failed";
	if (fault == NULL)
		return;
	snprintf(why, sizeof(why), "%.100s: a trap was not sent: %s", a->list[0], fault);
	say_once(p, why);
}

static void
args_begin(const struct program *p, struct args *a)
{
	a->n = 0;
	for (unsigned int i = 0; i < p->n_command; i++)
		add_arg(a, p->command[i]);
}

/* A line of a trap: `trap SEQ OID` begins one, `OID TYPE VALUE` is a variable of it. */
static void
line_take(struct program *p, char *line, struct args *a)
{
	char *second = strchr(line, ' '), *third = second == NULL ? NULL : strchr(second + 1, ' ');

	if (third == NULL)
		return;
	*second++ = *third++ = '\0';
	if (strcmp(line, "trap") == 0) {
		trap_send(p, a);
		args_begin(p, a);
		add_arg(a, third);
	} else if (letter_of(second) != NULL) {
		add_arg(a, line);
		add_arg(a, letter_of(second));
		add_arg(a, third);
	}
}

/* Read "NAME NUMBER" at the beginning of a text. @return behind it, or NULL */
static char *
number_read(char *text, const char *name, uint64_t *number)
{
	size_t len = strlen(name);
	char *end;

	if (text == NULL || strncmp(text, name, len) != 0 || text[len] != ' ')
		return NULL;
	errno = 0;
	*number = strtoull(&text[len + 1], &end, 10);
	if (end == &text[len + 1] || errno != 0)
		return NULL;
	return *end == ' ' ? end + 1 : end;
}

/* Read the first line and send what follows. @return false: bondfwd was started again */
static bool
answer_take(struct program *p, char *text)
{
	uint64_t newest, uptime_ms;
	struct args a;
	char *line, *at = NULL;

	line = strtok_r(text, "\n", &at);
	if (number_read(number_read(line, "newest", &newest), "uptime", &uptime_ms) == NULL) {
		say_once(p, "answer: expected \"newest EVENT uptime MILLISECONDS\" from bondfwd");
		return true;
	}
	if (p->is_begun && uptime_ms < p->uptime_ms) {
		p->seen = 0;
		p->uptime_ms = uptime_ms;
		return false;
	}
	say_once(p, "");
	p->uptime_ms = uptime_ms;
	p->seen = newest;
	args_begin(p, &a);
	while ((line = strtok_r(NULL, "\n", &at)) != NULL)
		line_take(p, line, &a);
	trap_send(p, &a);
	p->is_begun = true;
	return true;
}

/* @return false: ask again at once */
static bool
ask_traps(struct program *p)
{
	struct bf_err err = {""};
	struct bf_answer a;
	bool done = true;
	char line[80];

	snprintf(line, sizeof(line), "show snmp traps after %" PRIu64,
		p->is_begun ? p->seen : UINT64_MAX);
	if (!bf_client_ask(p->socket, line, false, TIMEOUT_MS, &a, &err)) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			p->is_begun = true; /* what comes up now was started after us */
		say_once(p, err.text);
		return true;
	}
	if (a.status == 0) {
		done = answer_take(p, a.text);
	} else {
		a.text[strcspn(a.text, "\n")] = '\0';
		say_once(p, a.text);
	}
	free(a.text);
	return done;
}

static void
write_help(FILE *to)
{
	(void)fprintf(to,
		"Usage: bondfwd-traps [-s SOCKET] [-i SECONDS] COMMAND [ARGUMENT ...]\n"
		"\n"
		"Run COMMAND for each SNMP trap of bondfwd, with the trap's OID and variables behind\n"
		"its own arguments:\n"
		"\n"
		"  bondfwd-traps snmptrap -v 2c -c public 192.0.2.1 ''\n"
		"  bondfwd-traps agentxtrap          # snmpd sends them to its own sinks\n"
		"\n"
		"  -s, --socket SOCKET     console socket (" BF_CLIENT_SOCKET ")\n"
		"  -i, --interval SECONDS  between looks, 1 to %d (%d)\n"
		"  -h, --help              this text\n"
		"  -V, --version           version of this program\n"
		"\n"
		"It runs until it is ended. Exit status: 2 not understood.\n",
		INTERVAL_MAX_S, INTERVAL_DEFAULT_S);
}

static bool
parse_interval(const char *text, unsigned int *interval_s)
{
	uint64_t value = 0;

	if (bf_parse_u64("", text, 1, INTERVAL_MAX_S, &value, NULL) != 0) {
		(void)fprintf(stderr, "bondfwd-traps: interval: \"%s\": expected 1 to %d seconds\n",
			text, INTERVAL_MAX_S);
		return false;
	}
	*interval_s = (unsigned int)value;
	return true;
}

/* True to go on; else *status is the exit status. */
static bool
parse_options(int argc, char **argv, struct program *p, int *status)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"interval", required_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*status = EXIT_USAGE;
	/* '+': what follows the first word belongs to the command. */
	while ((c = getopt_long(argc, argv, "+s:i:hV", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			p->socket = optarg;
			break;
		case 'i':
			if (!parse_interval(optarg, &p->interval_s))
				return false;
			break;
		case 'h':
			write_help(stdout);
			*status = EXIT_DONE;
			return false;
		case 'V':
			(void)puts("bondfwd-traps " BF_VERSION);
			*status = EXIT_DONE;
			return false;
		default:
			write_help(stderr);
			return false;
		}
	}
	p->command = &argv[optind];
	p->n_command = (unsigned int)(argc - optind);
	if (p->n_command > 0 && p->n_command < ARGS_MAX / 2)
		return true;
	(void)fprintf(stderr, "bondfwd-traps: %u words: expected a command of 1 to %d words\n",
		p->n_command, ARGS_MAX / 2 - 1);
	return false;
}

int
main(int argc, char **argv)
{
	struct program p = {.socket = BF_CLIENT_SOCKET, .interval_s = INTERVAL_DEFAULT_S};
	int status;

	if (!parse_options(argc, argv, &p, &status))
		return status;
	for (;;) {
		struct timespec pause = {.tv_sec = p.interval_s};

		if (ask_traps(&p))
			(void)nanosleep(&pause, NULL);
	}
}
