/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Telemetry: what the library's threads ask of control, and the rows that did not fit into an answer.
 *
 * Threads: ctx control, but for what is called by the library.
 */
#include "telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "base/clock.h"
#include "control/snapshot/snapshot.h"
#include "mailbox.h"
#include "telemetry_data.h"

#define PREFIX "/bondfwd/"
#define WAIT_MS 1000
#define KEEP_MS 1000 /* rows that did not fit into one answer, for who asks for the next */

/** Rows that a thread of the library's asks for. */
struct question {
	const struct bf_show *show;
	const char *only; /* name, or NULL */
	uint64_t since_ms; /* when its rows were asked for */
	struct bf_snapshot s; /* when done */
};

/* Rows of the last answer that had more: else each of its pages would be gathered anew, with all others. */
static struct {
	pthread_mutex_t lock; /* for all below */
	bool is_open;
	const struct bf_show *show; /* NULL: none are kept */
	uint64_t since_ms;
	struct bf_snapshot s;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct bf_show *
find_show(const char *cmd)
{
	const char *name = cmd + strlen(PREFIX);

	for (unsigned int i = 0; i < bf_n_shows; i++)
		if (bf_shows[i]->endpoint != NULL && strcmp(bf_shows[i]->endpoint, name) == 0)
			return bf_shows[i];
	return NULL;
}

static void
question_gather(struct bf_bridge *br, void *arg)
{
	struct question *q = arg;

	q->show->gather(br, q->only, &q->s);
}

/* ctx any thread of the library's. @return false: there are none, or they are too old */
static bool
take_kept(struct question *q)
{
	uint64_t now_ms = bf_clock_ms();
	bool is_good;

	pthread_mutex_lock(&kept.lock);
	is_good = kept.show == q->show && now_ms < kept.since_ms + KEEP_MS;
	if (is_good) {
		q->since_ms = kept.since_ms;
		q->s = kept.s;
		kept.show = NULL;
		memset(&kept.s, 0, sizeof(kept.s));
	}
	pthread_mutex_unlock(&kept.lock);
	return is_good;
}

/* The request gets those that were kept before. ctx any thread of the library's. */
static void
keep_rows(struct question *q)
{
	struct bf_snapshot old;

	pthread_mutex_lock(&kept.lock);
	if (kept.is_open) {
		old = kept.s;
		kept.show = q->show;
		kept.since_ms = q->since_ms;
		kept.s = q->s;
		q->s = old;
	}
	pthread_mutex_unlock(&kept.lock);
}

static bool
get_rows(struct question *q, uint32_t from)
{
	if (from > 0 && take_kept(q))
		return true;
	q->since_ms = bf_clock_ms();
	return bf_mailbox_ask(question_gather, q, WAIT_MS) && q->s.ret != -ENOMEM;
}

/* "+20": from that row on; else a name. ctx any thread of the library's. */
static int
on_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct question q = {.show = find_show(cmd)};
	uint32_t from = 0;
	bool one;
	int ret = -1;

	if (q.show == NULL)
		return -1;
	if (params != NULL && params[0] == '+')
		from = (uint32_t)strtoul(params + 1, NULL, 10);
	else if (params != NULL && params[0] != '\0')
		q.only = params;
	one = q.show->one || (q.only != NULL && q.show->named_is_one);
	if (get_rows(&q, from))
		ret = bf_telemetry_fill(d, q.show->table, &q.s.rows, one, from);
	if (ret > 0 && q.only == NULL)
		keep_rows(&q);
	bf_snapshot_fini(&q.s);
	return ret < 0 ? ret : 0;
}

int
bf_telemetry_open(void)
{
	char cmd[64];
	int ret = 0;

	kept.is_open = true;
	for (unsigned int i = 0; i < bf_n_shows && ret == 0; i++) {
		if (bf_shows[i]->endpoint == NULL)
			continue;
		snprintf(cmd, sizeof(cmd), PREFIX "%s", bf_shows[i]->endpoint);
		ret = rte_telemetry_register_cmd(
			cmd, on_command, "As bondctl -j show. Parameters: a name, or +N rows on");
	}
	return ret;
}

void
bf_telemetry_close(void)
{
	pthread_mutex_lock(&kept.lock);
	kept.is_open = false;
	kept.show = NULL;
	bf_snapshot_fini(&kept.s);
	pthread_mutex_unlock(&kept.lock);
}
