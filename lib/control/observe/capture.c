/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See capture.h.
 *
 * Threads: ctx control; capture_run() and what it calls: the capture's own.
 */
#include "control/observe/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/observe/stats.h"

#define TAPES_BYTES (4u << 20) /* of all workers */
#define TAPE_MIN_BYTES (256u << 10)
#define LOOK_US 1000 /* between two looks of a thread that finds nothing */
#define DESERTED_LOOKS 100 /* after so many it is looked whether a FIFO has a reader */
#define STOP_MS 200 /* control waits for a thread that it has told to stop */
#define EXIT_MS 2000 /* the same when the program ends */

/* ---- the thread ---- */

static bool
has_enough(const struct bf_capture *c)
{
	return c->file.error != 0 || c->file.is_full ||
		(c->count != 0 && c->file.frames >= c->count);
}

/* Where a frame was seen, for people. */
static void
write_comment(struct bf_capture *c, const struct bf_tap_record *r, unsigned int worker, char *to)
{
	size_t len = 0;

	to[0] = '\0';
	if (r->dir == BF_TAP_DROP)
		len += (size_t)snprintf(
			to, BF_CAPTURE_COMMENT_MAX, "dropped: %s, ", bf_drop_info[r->why].name);
	if (c->member < 0 && r->member != BF_TAP_NO_MEMBER)
		len += (size_t)snprintf(to + len, BF_CAPTURE_COMMENT_MAX - len, "member %s, ",
			bf_capture_member_at(
				c->names, bf_bond_of_slot(r->slot), r->member, r->tsc));
	snprintf(to + len, BF_CAPTURE_COMMENT_MAX - len, "lcore %u", c->lcores[worker]);
}

/* A member is captured under its own name. */
static const char *
interface_at(struct bf_capture *c, uint16_t slot, uint64_t tsc, bool *is_other)
{
	if (c->member < 0)
		return bf_capture_port_at(c->names, slot, tsc, is_other);
	*is_other = false;
	return c->port;
}

static void
take_record(struct bf_capture *c, const struct bf_tap_record *r, unsigned int worker)
{
	bool is_in = r->dir == BF_TAP_DROP ? bf_drop_is_in(r->why) : r->dir == BF_TAP_IN, is_other;
	const char *port = interface_at(c, r->slot, r->tsc, &is_other);
	char comment[BF_CAPTURE_COMMENT_MAX];
	struct bf_capture_frame frame = {.wall_ns = bf_tsc_clock_wall_ns(&c->clock, r->tsc),
		.data = r->data,
		.len = r->len,
		.pkt_len = r->pkt_len,
		.is_in = is_in,
		.lost = r->lost - c->lost_seen[worker],
		.comment = comment};

	if (is_other)
		bf_capture_file_forget(&c->file, r->slot);
	write_comment(c, r, worker, comment);
	c->lost_seen[worker] = r->lost;
	bf_capture_file_write(&c->file, &frame, r->slot, port);
	c->taken++;
}

/* Everything that is on the tapes. */
static void
take_records(struct bf_capture *c)
{
	const struct bf_tap_record *r;
	unsigned int worker;

	while (!has_enough(c) && (r = bf_tap_oldest(c->tap, &worker)) != NULL) {
		take_record(c, r, worker);
		bf_tap_done(c->tap, worker);
	}
}

static void *
capture_run(void *arg)
{
	struct bf_capture *c = arg;
	unsigned int looks = 0;
	bool last;

	for (;;) {
		last = __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
		take_records(c);
		bf_capture_file_flush(&c->file);
		if (c->file.error == 0 && ++looks % DESERTED_LOOKS == 0 &&
			bf_capture_file_is_deserted(&c->file))
			c->file.error = EPIPE;
		if (last || has_enough(c))
			break;
		usleep(LOOK_US);
	}
	c->lost = bf_tap_lost(c->tap);
	bf_capture_file_close(&c->file);
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* ---- control ---- */

void
bf_captures_init(struct bf_captures *cs)
{
	memset(cs, 0, sizeof(*cs));
	bf_tsc_clock_init(&cs->clock);
}

struct bf_capture *
bf_captures_find(struct bf_captures *cs, unsigned int id)
{
	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++)
		if (cs->at[i] != NULL && cs->at[i]->id == id)
			return cs->at[i];
	return NULL;
}

uint64_t
bf_capture_lost(const struct bf_capture *c)
{
	return c->state == BF_CAPTURE_ENDED || __atomic_load_n(&c->done, __ATOMIC_ACQUIRE)
		? c->lost
		: bf_tap_lost(c->tap);
}

/* A place for one more: a free one, or that of the capture that ended and is the oldest. */
static struct bf_capture **
find_place(struct bf_captures *cs)
{
	struct bf_capture **place = NULL;

	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c == NULL)
			return &cs->at[i];
		if (c->state == BF_CAPTURE_ENDED && (place == NULL || c->id < (*place)->id))
			place = &cs->at[i];
	}
	return place;
}

/* What has no thread, and is in no view. */
static void
capture_free(struct bf_capture *c)
{
	if (c == NULL)
		return;
	bf_tap_free(c->tap);
	bf_expression_close(c->filter);
	bf_capture_names_free(c->names);
	free(c);
}

/* A port that the file can name: its only one, or one of all. */
static uint16_t
first_slot(const struct bf_bridge *br, const struct bf_capture *c)
{
	uint16_t slot = 0;

	if (c->slot != BF_TAP_ALL_PORTS)
		return (uint16_t)c->slot;
	while (slot < BF_MAX_PORTS - 1 && br->guests[slot] == NULL &&
		!(bf_is_bond_slot(slot) && br->up[bf_bond_of_slot(slot)].name[0] != '\0'))
		slot++;
	return slot;
}

static bool
is_fifo(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int
capture_open_file(const struct bf_bridge *br, struct bf_capture *c, struct bf_err *err)
{
	struct bf_capture_file_spec spec = {
		.path = c->path, .snap = c->snap, .n_files = c->n_files, .slot = first_slot(br, c)};
	bool is_other;

	if (c->limit_mb == 0 && !is_fifo(c->path))
		c->limit_mb = BF_CAPTURE_MB_DEFAULT;
	spec.limit_bytes = c->limit_mb * BF_CAPTURE_MB;
	spec.port = interface_at(c, spec.slot, UINT64_MAX, &is_other);
	return bf_capture_file_open(&c->file, &spec, err);
}

static int
capture_open_tap(struct bf_bridge *br, struct bf_capture *c, struct bf_err *err)
{
	struct bf_tap_spec tap = {.slot = c->slot,
		.members = c->member < 0 ? 0 : 1u << c->member,
		.dirs = c->dirs,
		.every = 1,
		.snap = c->snap};
	int ret = 0;

	if (c->filter_text[0] != '\0')
		ret = bf_expression_open(&c->filter, c->filter_text, err);
	if (ret != 0)
		return ret;
	tap.program = c->filter;
	tap.tape_bytes = RTE_MAX(rte_align32prevpow2(TAPES_BYTES / br->lcores.n), TAPE_MIN_BYTES);
	c->tap = bf_taps_open(&br->taps, &br->lcores, &tap, err);
	return c->tap != NULL ? 0 : -errno;
}

static int
capture_open(struct bf_bridge *br, struct bf_capture *c, struct bf_err *err)
{
	int ret = capture_open_tap(br, c, err);

	if (ret != 0)
		return ret;
	for (unsigned int w = 0; w < br->lcores.n; w++)
		c->lcores[w] = br->lcores.workers[w]->lcore;
	c->names = bf_capture_names_new(br);
	if (c->names == NULL)
		return bf_err_set(err, ENOMEM, "out of memory");
	ret = capture_open_file(br, c, err);
	if (ret != 0)
		return ret;
	ret = pthread_create(&c->thread, NULL, capture_run, c);
	if (ret != 0) {
		bf_capture_file_close(&c->file);
		bf_capture_file_remove(&c->file);
		return bf_err_set(err, ret, "capture: no thread: %s", strerror(ret));
	}
	c->has_thread = true;
	pthread_setname_np(c->thread, "bf-capture");
	return 0;
}

/* What has just been opened goes away again. */
static void
capture_undo(struct bf_bridge *br, struct bf_capture *c)
{
	if (c->has_thread) {
		__atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
		pthread_join(c->thread, NULL);
		bf_capture_file_remove(&c->file);
	}
	if (c->tap != NULL)
		bf_taps_retire(&br->taps, c->tap);
	capture_free(c);
}

static struct bf_capture *
capture_new(const struct bf_captures *cs, const struct bf_capture_spec *spec, struct bf_err *err)
{
	struct bf_capture *c;

	if (spec->path[0] != '/' || strlen(spec->path) >= sizeof(c->path)) {
		bf_err_set(err, EINVAL, "file: \"%.60s\": expected a path from / on", spec->path);
		return NULL;
	}
	if (spec->filter != NULL && strlen(spec->filter) > BF_EXPRESSION_MAX) {
		bf_err_set(err, EINVAL, "filter: %zu bytes: expected at most %d",
			strlen(spec->filter), BF_EXPRESSION_MAX);
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		bf_err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	c->id = cs->last_id + 1;
	c->slot = spec->slot;
	c->member = spec->member;
	c->dirs = spec->dirs;
	c->snap = spec->snap;
	c->limit_mb = spec->limit_mb;
	c->n_files = spec->n_files;
	c->count = spec->count;
	c->clock = cs->clock;
	snprintf(c->port, sizeof(c->port), "%s", spec->port);
	snprintf(c->filter_text, sizeof(c->filter_text), "%s",
		spec->filter != NULL ? spec->filter : "");
	snprintf(c->path, sizeof(c->path), "%s", spec->path);
	return c;
}

int
bf_captures_start(struct bf_bridge *br, const struct bf_capture_spec *spec, unsigned int *id,
	struct bf_err *err)
{
	struct bf_captures *cs = &br->captures;
	struct bf_capture **place = find_place(cs), *c;
	int ret;

	if (place == NULL)
		return bf_err_set(
			err, EBUSY, "%d captures run already: stop one of them", BF_MAX_CAPTURES);
	c = capture_new(cs, spec, err);
	if (c == NULL)
		return -errno;
	ret = capture_open(br, c, err);
	if (ret == 0 && bf_bridge_publish_and_wait(br) != 0)
		ret = bf_err_set(err, ENOMEM, "capture: out of memory for a view");
	if (ret != 0) {
		capture_undo(br, c);
		errno = -ret;
		return ret;
	}
	capture_free(*place);
	*place = c;
	cs->n_open++;
	*id = cs->last_id = c->id;
	bf_event(&br->events, BF_LOG_NOTICE, "capture_started", c->port,
		"capture %u into %.160s, by %s", c->id, c->path, spec->who);
	return 0;
}

static void
capture_retire(struct bf_bridge *br, struct bf_capture *c, const char *why)
{
	bf_taps_retire(&br->taps, c->tap);
	c->state = BF_CAPTURE_RETIRED;
	c->why = why;
}

/* What the workers leave with a view that does not name it belongs to its thread alone. */
static void
let_drain(struct bf_bridge *br)
{
	struct bf_captures *cs = &br->captures;
	bool any = false;

	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++)
		any = any || (cs->at[i] != NULL && cs->at[i]->state == BF_CAPTURE_RETIRED);
	if (!any || bf_bridge_publish_and_wait(br) != 0) /* no memory: at the next tick */
		return;
	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c == NULL || c->state != BF_CAPTURE_RETIRED)
			continue;
		c->state = BF_CAPTURE_DRAINING;
		__atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
	}
}

/* Frames that were copied after the last one that the file could hold. */
static uint64_t
n_unwritten(struct bf_capture *c)
{
	uint64_t n = c->taken - c->file.frames;
	unsigned int worker;

	while (bf_tap_oldest(c->tap, &worker) != NULL) {
		bf_tap_done(c->tap, worker);
		n++;
	}
	return n;
}

/* @return in words; NULL: no error */
static const char *
error_words(const struct bf_capture *c)
{
	switch (c->file.error) {
	case 0:
		return NULL;
	case ECANCELED:
		return "its reader does not read";
	case EPIPE:
		return "its reader has gone";
	default:
		return strerrordesc_np(c->file.error);
	}
}

/* The thread is done, and no worker has the tap. */
static void
capture_end(struct bf_bridge *br, struct bf_capture *c)
{
	const char *fault = error_words(c);

	pthread_join(c->thread, NULL);
	if (fault != NULL) {
		c->lost = bf_tap_lost(c->tap) + n_unwritten(c);
		c->why = fault;
	}
	bf_event(&br->events,
		fault != NULL && c->file.error != EPIPE ? BF_LOG_WARNING : BF_LOG_NOTICE,
		"capture_ended", c->port,
		"capture %u: %s; %" PRIu64 " frames written, %" PRIu64 " lost, %.120s", c->id,
		c->why, c->file.frames, c->lost, c->path);
	bf_tap_free(c->tap);
	bf_expression_close(c->filter);
	bf_capture_names_free(c->names);
	c->tap = NULL;
	c->filter = NULL;
	c->names = NULL;
	c->state = BF_CAPTURE_ENDED;
	br->captures.n_open--;
}

/* Wait until a thread is done, a limited time. */
static bool
await_thread(const struct bf_capture *c, uint64_t until_ms)
{
	while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE)) {
		if (bf_clock_ms() >= until_ms)
			return false;
		usleep(LOOK_US / 4);
	}
	return true;
}

void
bf_captures_stop(struct bf_bridge *br, const struct bf_capture *one)
{
	struct bf_captures *cs = &br->captures;
	uint64_t until_ms;

	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c == NULL || (one != NULL && c != one))
			continue;
		if (c->state == BF_CAPTURE_DRAINING)
			__atomic_store_n(&c->file.give_up, true, __ATOMIC_RELEASE);
		if (c->state == BF_CAPTURE_RUNNING)
			capture_retire(br, c, "stopped");
	}
	let_drain(br);
	until_ms = bf_clock_ms() + STOP_MS;
	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c != NULL && (one == NULL || c == one) && c->state == BF_CAPTURE_DRAINING &&
			await_thread(c, until_ms))
			capture_end(br, c);
	}
}

/* What it looks at is still what it has looked at. */
static bool
has_its_port(const struct bf_bridge *br, const struct bf_capture *c)
{
	uint16_t slot = (uint16_t)c->slot;
	const struct bf_bond *b;

	if (!bf_is_bond_slot(slot))
		return strcmp(bf_bridge_port_name(br, slot), c->port) == 0;
	if (c->member < 0)
		return strcmp(br->up[bf_bond_of_slot(slot)].name, c->port) == 0;
	b = &br->up[bf_bond_of_slot(slot)].bond;
	for (unsigned int i = 0; i < b->n_members; i++)
		if (b->members[i].bit == c->member && strcmp(b->members[i].name, c->port) == 0)
			return true;
	return false;
}

void
bf_captures_leave_ports(struct bf_bridge *br)
{
	struct bf_captures *cs = &br->captures;

	for (unsigned int i = 0; cs->n_open > 0 && i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c == NULL || c->state != BF_CAPTURE_RUNNING)
			continue;
		bf_capture_names_note(c->names, br);
		if (c->slot != BF_TAP_ALL_PORTS && !has_its_port(br, c))
			capture_retire(br, c, "its port was removed");
	}
}

uint64_t
bf_captures_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_captures *cs = &br->captures;

	if (cs->n_open == 0)
		return BF_TASK_NEVER;
	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c != NULL && c->state == BF_CAPTURE_RUNNING &&
			__atomic_load_n(&c->done, __ATOMIC_ACQUIRE))
			capture_retire(br, c,
				c->file.is_full ? "has as many bytes as it may"
						: "has its number of frames");
	}
	let_drain(br);
	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c != NULL && c->state == BF_CAPTURE_DRAINING &&
			__atomic_load_n(&c->done, __ATOMIC_ACQUIRE))
			capture_end(br, c);
	}
	return now_ms + BF_TURN_MS;
}

void
bf_captures_close(struct bf_bridge *br)
{
	struct bf_captures *cs = &br->captures;
	uint64_t until_ms = bf_clock_ms() + EXIT_MS;

	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++)
		if (cs->at[i] != NULL && cs->at[i]->state != BF_CAPTURE_ENDED) {
			cs->at[i]->why = "the program ends";
			__atomic_store_n(&cs->at[i]->stop, true, __ATOMIC_RELEASE);
		}
	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++) {
		struct bf_capture *c = cs->at[i];

		if (c != NULL && c->state != BF_CAPTURE_ENDED) {
			if (!await_thread(c, until_ms)) /* a FIFO's reader that does not read */
				__atomic_store_n(&c->file.give_up, true, __ATOMIC_RELEASE);
			capture_end(br, c);
		}
		capture_free(c);
		cs->at[i] = NULL;
	}
}
