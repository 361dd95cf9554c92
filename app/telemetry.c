/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Telemetry: the mailbox between the library's threads and control.
 *
 * A request lies on the stack of the thread that waits for it.  Control takes it off the list before it works on
 * it, without the lock; from then on its thread waits however long that takes, for control surely comes back.
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
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_telemetry.h>

#include "base/clock.h"
#include "control/snapshot/snapshot.h"
#include "telemetry_data.h"

#define PREFIX "/bondfwd/"
#define WAIT_S 1
#define KEEP_MS 1000 /* rows that did not fit into one answer, for who asks for the next */

enum request_state {
	REQUEST_WAITS,
	REQUEST_TAKEN,
	REQUEST_DONE,
};

struct request {
	struct request *next;
	const struct bf_show *show;
	const char *only; /* name, or NULL */
	enum request_state state;
	uint64_t since_ms; /* when its rows were asked for */
	struct bf_snapshot s; /* when done */
};

static struct {
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t done;
	struct request *first;
	bool is_open;
	int wake_fd;
} mailbox = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake_fd = -1};

/* Rows of the last answer that had more: else each of its pages would be gathered anew, with all others. */
static struct {
	const struct bf_show *show; /* NULL: none are kept */
	uint64_t since_ms;
	struct bf_snapshot s;
} kept; /* under the mailbox's lock */

static const struct bf_show *
find_show(const char *cmd)
{
	const char *name = cmd + strlen(PREFIX);

	for (unsigned int i = 0; i < bf_n_shows; i++)
		if (bf_shows[i]->endpoint != NULL && strcmp(bf_shows[i]->endpoint, name) == 0)
			return bf_shows[i];
	return NULL;
}

/* Off the list, if it is on it. */
static void
remove_request(struct request *r)
{
	for (struct request **at = &mailbox.first; *at != NULL; at = &(*at)->next) {
		if (*at == r) {
			*at = r->next;
			return;
		}
	}
}

static void
add_request(struct request *r)
{
	struct request **at = &mailbox.first;
	uint64_t one = 1;

	while (*at != NULL)
		at = &(*at)->next;
	*at = r;
	if (write(mailbox.wake_fd, &one, sizeof(one)) < 0)
		return; /* full: control is awake already */
}

/* ctx any thread of the library's. @return false when control did not come in time */
static bool
ask_control(struct request *r)
{
	struct timespec until;
	bool is_late = false, is_done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&mailbox.lock);
	if (mailbox.is_open)
		add_request(r);
	while (mailbox.is_open && r->state == REQUEST_WAITS && !is_late)
		is_late = pthread_cond_timedwait(&mailbox.done, &mailbox.lock, &until) == ETIMEDOUT;
	while (r->state == REQUEST_TAKEN)
		pthread_cond_wait(&mailbox.done, &mailbox.lock);
	is_done = r->state == REQUEST_DONE;
	remove_request(r);
	pthread_mutex_unlock(&mailbox.lock);
	return is_done;
}

/* ctx any thread of the library's. @return false: there are none, or they are too old */
static bool
take_kept(struct request *r)
{
	uint64_t now_ms = bf_clock_ms();
	bool is_good;

	pthread_mutex_lock(&mailbox.lock);
	is_good = kept.show == r->show && now_ms < kept.since_ms + KEEP_MS;
	if (is_good) {
		r->since_ms = kept.since_ms;
		r->s = kept.s;
		memset(&kept, 0, sizeof(kept));
	}
	pthread_mutex_unlock(&mailbox.lock);
	return is_good;
}

/* The request gets those that were kept before. ctx any thread of the library's. */
static void
keep_rows(struct request *r)
{
	struct bf_snapshot old;

	pthread_mutex_lock(&mailbox.lock);
	if (mailbox.is_open) {
		old = kept.s;
		kept.show = r->show;
		kept.since_ms = r->since_ms;
		kept.s = r->s;
		r->s = old;
	}
	pthread_mutex_unlock(&mailbox.lock);
}

static bool
get_rows(struct request *r, uint32_t from)
{
	if (from > 0 && take_kept(r))
		return true;
	r->since_ms = bf_clock_ms();
	return ask_control(r) && r->s.ret != -ENOMEM;
}

/* "+20": from that row on; else a name. ctx any thread of the library's. */
static int
on_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct request r = {.show = find_show(cmd)};
	uint32_t from = 0;
	bool one;
	int ret = -1;

	if (r.show == NULL)
		return -1;
	if (params != NULL && params[0] == '+')
		from = (uint32_t)strtoul(params + 1, NULL, 10);
	else if (params != NULL && params[0] != '\0')
		r.only = params;
	one = r.show->one || (r.only != NULL && r.show->named_is_one);
	if (get_rows(&r, from))
		ret = bf_telemetry_fill(d, r.show->table, &r.s.rows, one, from);
	if (ret > 0 && r.only == NULL)
		keep_rows(&r);
	bf_snapshot_fini(&r.s);
	return ret < 0 ? ret : 0;
}

int
bf_telemetry_open(void)
{
	pthread_condattr_t attr;
	char cmd[64];
	int ret = 0;

	mailbox.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
	if (mailbox.wake_fd < 0)
		return -errno;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&mailbox.done, &attr);
	pthread_condattr_destroy(&attr);
	mailbox.is_open = true;
	for (unsigned int i = 0; i < bf_n_shows && ret == 0; i++) {
		if (bf_shows[i]->endpoint == NULL)
			continue;
		snprintf(cmd, sizeof(cmd), PREFIX "%s", bf_shows[i]->endpoint);
		ret = rte_telemetry_register_cmd(
			cmd, on_command, "As bondctl -j show. Parameters: a name, or +N rows on");
	}
	return ret;
}

int
bf_telemetry_fd(void)
{
	return mailbox.wake_fd;
}

static struct request *
take_request(void)
{
	struct request *r;

	pthread_mutex_lock(&mailbox.lock);
	r = mailbox.first;
	if (r != NULL) {
		mailbox.first = r->next;
		r->state = REQUEST_TAKEN;
	}
	pthread_mutex_unlock(&mailbox.lock);
	return r;
}

void
bf_telemetry_serve(struct bf_bridge *br)
{
	struct request *r;
	uint64_t count;

	if (read(mailbox.wake_fd, &count, sizeof(count)) < 0)
		return; /* nobody has asked */
	r = take_request();
	if (r == NULL)
		return; /* who asked has not waited */
	r->show->gather(br, r->only, &r->s);
	pthread_mutex_lock(&mailbox.lock);
	r->state = REQUEST_DONE;
	pthread_cond_broadcast(&mailbox.done);
	pthread_mutex_unlock(&mailbox.lock);
}

void
bf_telemetry_close(void)
{
	if (mailbox.wake_fd < 0)
		return;
	pthread_mutex_lock(&mailbox.lock);
	mailbox.is_open = false;
	kept.show = NULL;
	bf_snapshot_fini(&kept.s);
	pthread_cond_broadcast(&mailbox.done);
	pthread_mutex_unlock(&mailbox.lock);
}
