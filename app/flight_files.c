/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Theory of operation.  Control gathers the rows of a flight and starts a thread with them, one at a time.
 * The thread makes the text, writes the file beside its place, renames it, and removes the oldest ones of
 * that cause beyond the limit.  What goes wrong is logged by control when it joins the thread: once,
 * until one was written again.
 *
 * Threads: ctx control, but for flight_write() and what it calls.
 */
#include "flight_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "console/render.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/snapshot/snapshot.h"

#define LOOK_MS 200
#define CLOSE_S 5 /* that the end of the program waits for a disk at most */
#define NAME_HEAD "flight-"

static struct {
	bool is_open;
	bool has_group;
	gid_t group;
	uint32_t next_id; /* of the flight that is written next */
	bool busy; /* there is a thread */
	bool told; /* that writing fails */
	pthread_t thread;
	bool done; /* the thread's last word */
	int ret; /* what it says */
	char folder[256], path[384], tail[32];
	struct bf_snapshot s;
} writer = {.next_id = 1};

void
bf_flight_files_open(const char *console, const gid_t *group)
{
	writer.is_open = console != NULL;
	writer.has_group = group != NULL;
	if (group != NULL)
		writer.group = *group;
	if (console != NULL)
		snprintf(writer.folder, sizeof(writer.folder), "%s.flights", console);
}

/* The folder is ours: nobody else can have put a link or files there. @return 0 or -errno */
static int
folder_make(void)
{
	struct stat st;
	int fd, ret;

	if (mkdir(writer.folder, 0750) != 0 && errno != EEXIST)
		return -errno;
	fd = open(writer.folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) != 0 ? -errno : 0;
	if (ret == 0 && (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0))
		ret = -EPERM;
	if (ret == 0 && writer.has_group && st.st_gid != writer.group &&
		fchown(fd, (uid_t)-1, writer.group) != 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int
is_of_cause(const struct dirent *e)
{
	size_t len = strlen(e->d_name), tail = strlen(writer.tail);

	return strncmp(e->d_name, NAME_HEAD, strlen(NAME_HEAD)) == 0 && len > tail &&
		strcmp(e->d_name + len - tail, writer.tail) == 0;
}

/* Names begin with times: the first in order is the oldest. */
static void
oldest_remove(void)
{
	struct dirent **names;
	int n = scandir(writer.folder, &names, is_of_cause, alphasort);
	char path[sizeof(writer.folder) + 260];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", writer.folder, names[i]->d_name);
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

/* @return 0 or -errno */
static int
file_write(void)
{
	struct bf_out *out = bf_out_create(BF_OUT_JSON, 0);
	int ret = out == NULL ? -ENOMEM : folder_make();

	if (ret == 0) {
		bf_render(bf_show_flight.table, &writer.s.rows, true, out);
		ret = bf_out_status(out) != BF_OUT_OK
			? -ENOMEM
			: bf_file_replace_mode(writer.path, 0640, text_write, out);
	}
	bf_out_destroy(out);
	if (ret == 0 && writer.has_group && chown(writer.path, (uid_t)-1, writer.group) != 0)
		ret = -errno;
	if (ret == 0)
		oldest_remove();
	return ret;
}

/* A thread of its own. */
static void *
flight_write(void *arg)
{
	(void)arg;
	writer.ret = file_write();
	bf_snapshot_fini(&writer.s);
	__atomic_store_n(&writer.done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
writer_tell(int ret)
{
	if (ret != 0 && !writer.told)
		BF_WARN("flight", "%s: %s: flights are kept in memory only", writer.path,
			ret == -EPERM ? "expected a folder of ours that nobody else may write to"
				      : strerror(-ret));
	writer.told = ret != 0;
}

static void
writer_start(struct bf_bridge *br, const struct bf_flight *f)
{
	time_t seconds = (time_t)(f->wall_ms / 1000);
	char id[16], when[32];
	struct tm tm;
	int ret;

	snprintf(id, sizeof(id), "%u", f->id);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", gmtime_r(&seconds, &tm));
	snprintf(writer.tail, sizeof(writer.tail), "-%s.json", bf_flight_cause_names[f->cause]);
	snprintf(writer.path, sizeof(writer.path), "%s/" NAME_HEAD "%s.%03d%s", writer.folder, when,
		(int)(f->wall_ms % 1000), writer.tail);
	writer.done = false;
	writer.s = (struct bf_snapshot){.in_full = true};
	bf_show_flight.gather(br, id, &writer.s);
	ret = writer.s.ret;
	if (ret == 0)
		ret = -pthread_create(&writer.thread, NULL, flight_write, NULL);
	writer.busy = ret == 0;
	if (!writer.busy) {
		bf_snapshot_fini(&writer.s);
		writer_tell(ret);
	}
}

/* Those that are no longer kept are passed over. */
static void
next_start(struct bf_bridge *br)
{
	const struct bf_flights *f = &br->flights;

	for (; !writer.busy && writer.next_id <= f->last_id; writer.next_id++) {
		const struct bf_flight *at = bf_flights_find(f, writer.next_id);

		if (at != NULL)
			writer_start(br, at);
		else if (f->waiting != NULL && f->waiting->id == writer.next_id)
			break;
	}
}

uint64_t
bf_flight_files_tick(struct bf_bridge *br, uint64_t now_ms)
{
	if (!writer.is_open)
		return BF_TASK_NEVER;
	if (writer.busy && !__atomic_load_n(&writer.done, __ATOMIC_ACQUIRE))
		return now_ms + LOOK_MS;
	if (writer.busy) {
		pthread_join(writer.thread, NULL);
		writer.busy = false;
		writer_tell(writer.ret);
	}
	next_start(br);
	return now_ms + LOOK_MS;
}

void
bf_flight_files_close(struct bf_bridge *br)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_S;
	if (br != NULL && writer.is_open)
		bf_flights_finish(br, bf_clock_ms());
	do {
		if (writer.busy && pthread_timedjoin_np(writer.thread, NULL, &until) != 0)
			return; /* a disk that does not answer must not keep the program */
		if (writer.busy)
			writer_tell(writer.ret);
		writer.busy = false;
		if (br != NULL && writer.is_open)
			next_start(br);
	} while (writer.busy);
}
