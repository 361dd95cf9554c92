/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl monitor: events as they happen, as lines, as JSON, or as runs of a program.
 *
 * It asks for the events after the last one that it knows, some times a second. So nothing is kept anywhere but in the
 * daemon's journal: who is slow, because a program runs for each event, finds there what happened meanwhile, and is told
 * what the journal has not any more.
 *
 * Threads: one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "client.h"
#include "ctl/ctl.h"
#include "event_filter.h"

#define LOOK_MS 200

/* While the daemon is away. */
#define LOOK_AGAIN_MS 1000

struct monitor {
	const struct bf_ctl_options *opt;
	struct bf_event_filter filter;
	const char *program; /* NULL: lines */
	bool is_begun;
	bool is_away; /* the daemon did not answer */
	bool has_key; /* on a terminal a key ends it */
	uint64_t seen; /* the last event, and its time: numbers begin again when the daemon does */
	uint64_t seen_ms;
};

static const char *
text_of(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text == NULL ? "" : text;
}

static uint64_t
number_of(const json_t *event, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(event, name));
}

static void
line_write(const json_t *event)
{
	uint64_t time_ms = number_of(event, "time_ms");
	time_t seconds = (time_t)(time_ms / 1000);
	char when[32];
	struct tm tm;

	strftime(when, sizeof(when), "%H:%M:%S", gmtime_r(&seconds, &tm));
	(void)printf("%s.%03u %s %s %s: %s\n", when, (unsigned int)(time_ms % 1000),
		text_of(event, "level"), text_of(event, "what"), text_of(event, "object"),
		text_of(event, "text"));
}

static void
set_number(const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)setenv(name, text, 1);
}

/* Run the program for one event, and wait for its end: they never overlap. */
static void
program_run(const struct monitor *m, const json_t *event)
{
	char *argv[] = {(char *)(uintptr_t)m->program, NULL};
	posix_spawn_file_actions_t files;
	int status = 0, ret;
	pid_t child;

	set_number("BONDFWD_EVENT_SEQ", number_of(event, "seq"));
	set_number("BONDFWD_EVENT_TIME_MS", number_of(event, "time_ms"));
	(void)setenv("BONDFWD_EVENT_LEVEL", text_of(event, "level"), 1);
	(void)setenv("BONDFWD_EVENT_WHAT", text_of(event, "what"), 1);
	(void)setenv("BONDFWD_EVENT_OBJECT", text_of(event, "object"), 1);
	(void)setenv("BONDFWD_EVENT_TEXT", text_of(event, "text"), 1);
	/* What it reads would be keys of this terminal. */
	ret = posix_spawn_file_actions_init(&files);
	if (ret == 0)
		ret = posix_spawn_file_actions_addopen(
			&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (ret == 0)
		ret = posix_spawnp(&child, m->program, &files, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	if (ret != 0) {
		bf_ctl_error("%.100s: %s", m->program, strerror(ret));
		return;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		bf_ctl_error("%.100s: event %" PRIu64 ": it failed", m->program,
			number_of(event, "seq"));
}

static void
event_take(struct monitor *m, const json_t *event)
{
	uint64_t seq = number_of(event, "seq");
	int level = bf_event_level(text_of(event, "level"));

	if (m->is_begun && seq > m->seen + 1)
		bf_ctl_error(
			"%" PRIu64 " events lost: the journal has them no more", seq - m->seen - 1);
	m->seen = seq;
	m->seen_ms = number_of(event, "time_ms");
	if (!m->is_begun ||
		!bf_event_filter_has(
			&m->filter, level < 0 ? 0 : (unsigned int)level, text_of(event, "what")))
		return;
	if (m->program != NULL)
		program_run(m, event);
	else if (m->opt->json)
		(void)json_dumpf(event, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	else
		line_write(event);
	if (m->program == NULL && m->opt->json)
		(void)fputc('\n', stdout);
}

/*
 * The event that was seen last is asked for again: when it is not there, or is another one, the daemon has been
 * restarted, however quickly, and its events count from the beginning.
 */
static bool
is_successor(const struct monitor *m, const json_t *events)
{
	const json_t *first = json_array_get(events, 0);

	if (m->seen == 0)
		return false;
	return first == NULL ||
		(number_of(first, "seq") == m->seen && number_of(first, "time_ms") != m->seen_ms);
}

static void
events_take(struct monitor *m, const json_t *events)
{
	if (is_successor(m, events)) {
		m->seen = 0;
		return;
	}
	for (size_t i = 0; i < json_array_size(events); i++)
		if (number_of(json_array_get(events, i), "seq") > m->seen)
			event_take(m, json_array_get(events, i));
	m->is_begun = true;
}

/* One look. @return false: it cannot go on, the reason was said */
static bool
monitor_look(struct monitor *m)
{
	struct bf_err err = {""};
	struct bf_answer a;
	json_t *events;
	char line[64];

	snprintf(line, sizeof(line), "show events after %" PRIu64, m->seen > 0 ? m->seen - 1 : 0);
	if (!bf_client_ask(
		    m->opt->socket, line, true, (int64_t)m->opt->timeout_s * 1000, &a, &err)) {
		if (!m->is_away)
			bf_ctl_error("%s", err.text);
		m->is_away = true;
		return m->is_begun;
	}
	events = json_loadb(a.text, a.len, 0, NULL);
	if (!json_is_array(events)) {
		/* Refused, by too many clients for one: that passes. */
		if (!m->is_away)
			bf_ctl_error("answer: \"%.*s\": expected events from bondfwd",
				(int)strcspn(a.text, "\n"), a.text);
		free(a.text);
		json_decref(events);
		m->is_away = true;
		return m->is_begun;
	}
	free(a.text);
	m->is_away = false;
	events_take(m, events);
	json_decref(events);
	return fflush(stdout) == 0;
}

static bool
monitor_wait(const struct monitor *m)
{
	struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
	int n = poll(&key, m->has_key ? 1 : 0, m->is_away ? LOOK_AGAIN_MS : LOOK_MS);

	return n == 0 || (n < 0 && errno == EINTR);
}

static void
write_help(void)
{
	(void)puts(
		"Usage: bondctl [-j] monitor [--exec PROGRAM] [LEVEL] [KIND ...]\n"
		"\n"
		"Events of bondfwd as they happen, until a key or Ctrl-C: all, or those of a LEVEL\n"
		"(error, warning, notice) and graver, of a KIND (member_down), or of kinds that\n"
		"begin so (member_*).  With -j each is a line of JSON.\n"
		"\n"
		"  --exec PROGRAM  run PROGRAM for each instead, one after the other, with\n"
		"                  BONDFWD_EVENT_SEQ, _TIME_MS, _LEVEL, _WHAT, _OBJECT and _TEXT\n"
		"                  in its environment");
}

int
bf_ctl_monitor(const struct bf_ctl_options *opt, int n_words, char *const *words)
{
	struct monitor m = {.opt = opt};
	struct bf_err err = {""};
	int at = 1;

	if (n_words == 2 && (strcmp(words[1], "-h") == 0 || strcmp(words[1], "--help") == 0)) {
		write_help();
		return BF_CTL_DONE;
	}
	if (n_words > 2 && strcmp(words[1], "--exec") == 0) {
		m.program = words[2];
		at = 3;
	}
	if (bf_event_filter_parse(&m.filter, (const char *const *)words + at,
		    (unsigned int)(n_words - at), &err) != 0) {
		bf_ctl_error("%s", err.text);
		return BF_CTL_USAGE;
	}
	/* A program that runs for long is ended, with this one, by Ctrl-C; so the terminal stays as it is. */
	m.has_key = m.program == NULL && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
		bf_ctl_set_raw();
	while (monitor_look(&m))
		if (!monitor_wait(&m)) {
			bf_ctl_restore();
			return BF_CTL_DONE;
		}
	bf_ctl_restore();
	return BF_CTL_FAILED;
}
