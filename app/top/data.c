/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What top shows, as the console's commands say it.
 *
 * Threads: one.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "top/top.h"

static const struct {
	const char *line;
	size_t offset;
} questions[] = {
	{"show version", offsetof(struct bf_top_data, version)},
	{"show health", offsetof(struct bf_top_data, health)},
	{"show port stats all", offsetof(struct bf_top_data, ports)},
	{"show bonding config all", offsetof(struct bf_top_data, bonds)},
	{"show guest", offsetof(struct bf_top_data, guests)},
	{"show lcore", offsetof(struct bf_top_data, lcores)},
	{"show drops", offsetof(struct bf_top_data, drops)},
	{"show events", offsetof(struct bf_top_data, events)},
};

#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static json_t **
answer_at(struct bf_top_data *d, size_t i)
{
	return (json_t **)(void *)((char *)d + questions[i].offset);
}

static json_t *
ask_json(const struct bf_ctl_options *opt, const char *line, struct bf_err *err)
{
	struct bf_answer a;
	json_t *value;

	if (!bf_client_ask(opt->socket, line, true, (int64_t)opt->timeout_s * 1000, &a, err))
		return NULL;
	value = json_loadb(a.text, a.len, 0, NULL);
	if (value == NULL)
		bf_err_set(err, EPROTO, "%s: expected JSON from bondfwd", line);
	/* There may be no bond: an error is an empty answer. */
	else if (json_object_get(value, "error") != NULL && json_object_size(value) == 1)
		json_object_clear(value);
	free(a.text);
	return value;
}

bool
bf_top_ask(const struct bf_ctl_options *opt, struct bf_top_data *d, struct bf_err *err)
{
	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		*answer_at(d, i) = ask_json(opt, questions[i].line, err);
		if (*answer_at(d, i) != NULL)
			continue;
		bf_top_release(d);
		return false;
	}
	return true;
}

char *
bf_top_text(const struct bf_ctl_options *opt, const char *line, struct bf_err *err)
{
	struct bf_answer a;

	return bf_client_ask(opt->socket, line, false, (int64_t)opt->timeout_s * 1000, &a, err)
		? a.text
		: NULL;
}

void
bf_top_release(struct bf_top_data *d)
{
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		json_decref(*answer_at(d, i));
		*answer_at(d, i) = NULL;
	}
}
