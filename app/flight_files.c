/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Theory of operation.  Control renders a flight and starts a thread with the text, one at a time.  The
 * thread writes the file beside its place, renames it, and removes the oldest ones beyond the limit.
 * What goes wrong is logged by control when it joins the thread: once, until one was written again.
 *
 * Threads: ctx control, but for flight_write().
 */
#include "flight_files.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "console/render.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/snapshot/snapshot.h"

#define LOOK_MS 200
#define NAME_HEAD "flight-"
#define NAME_TAIL ".json"

static struct {
	uint32_t next_id; /* of the flight that is written next */
	bool busy; /* there is a thread */
	bool told; /* that writing fails */
	pthread_t thread;
	bool done; /* the thread's last word */
	int ret; /* what it says */
	char folder[256], path[384];
	struct bf_out *out;
} writer = {.next_id = 1};

static int
is_flight(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return strncmp(e->d_name, NAME_HEAD, strlen(NAME_HEAD)) == 0 && len > strlen(NAME_TAIL) &&
		strcmp(e->d_name + len - strlen(NAME_TAIL), NAME_TAIL) == 0;
}

/* Names are times: the first in order is the oldest. */
static void
oldest_remove(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, is_flight, alphasort);
	char path[sizeof(writer.folder) + 260];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (i < n - BF_FLIGHT_FILES)
			unlink(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void
text_write(void *arg, FILE *f)
{
	struct bf_out *out = arg;
	size_t len;
	const char *text = bf_out_data(out, &len);

	(void)fwrite(text, 1, len, f);
}

/* A thread of its own. */
static void *
flight_write(void *arg)
{
	(void)arg;
	writer.ret = mkdir(writer.folder, 0750) != 0 && errno != EEXIST
		? -errno
		: bf_file_replace_mode(writer.path, 0640, text_write, writer.out);
	if (writer.ret == 0)
		oldest_remove(writer.folder);
	__atomic_store_n(&writer.done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
writer_join(void)
{
	pthread_join(writer.thread, NULL);
	writer.busy = false;
	bf_out_destroy(writer.out);
	writer.out = NULL;
	if (writer.ret != 0 && !writer.told)
		BF_WARN("flight", "%s: %s: flights are kept in memory only", writer.path,
			strerror(-writer.ret));
	writer.told = writer.ret != 0;
}

static void
writer_start(const char *console, struct bf_bridge *br, const struct bf_flight *f)
{
	struct bf_snapshot s = {.in_full = true};
	time_t seconds = (time_t)(f->wall_ms / 1000);
	char id[16], when[32];
	struct tm tm;

	snprintf(id, sizeof(id), "%u", f->id);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", gmtime_r(&seconds, &tm));
	snprintf(writer.folder, sizeof(writer.folder), "%s.flights", console);
	snprintf(writer.path, sizeof(writer.path), "%s/" NAME_HEAD "%s.%03d" NAME_TAIL,
		writer.folder, when, (int)(f->wall_ms % 1000));
	writer.done = false;
	writer.out = bf_out_create(BF_OUT_JSON, 0);
	if (writer.out == NULL)
		return;
	bf_show_flight.gather(br, id, &s);
	bf_render(bf_show_flight.table, &s.rows, true, writer.out);
	bf_snapshot_fini(&s);
	writer.busy = pthread_create(&writer.thread, NULL, flight_write, NULL) == 0;
	if (!writer.busy) {
		bf_out_destroy(writer.out);
		writer.out = NULL;
	}
}

uint64_t
bf_flight_files_save(const char *console, struct bf_bridge *br, uint64_t now_ms)
{
	const struct bf_flights *f = &br->flights;

	if (console == NULL)
		return BF_TASK_NEVER;
	if (writer.busy && !__atomic_load_n(&writer.done, __ATOMIC_ACQUIRE))
		return now_ms + LOOK_MS;
	if (writer.busy)
		writer_join();
	/* Those that are no longer kept are passed over. */
	for (; !writer.busy && writer.next_id <= f->last_id; writer.next_id++) {
		const struct bf_flight *at = bf_flights_find(f, writer.next_id);

		if (at != NULL)
			writer_start(console, br, at);
		else if (f->waiting != NULL && f->waiting->id == writer.next_id)
			break;
	}
	return now_ms + LOOK_MS;
}

void
bf_flight_files_close(void)
{
	if (writer.busy)
		writer_join();
}
