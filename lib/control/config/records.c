/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where packed rings stand: see records.h.
 *
 * Threads: ctx control.
 */
#include "control/config/records.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "control/config/config.h"

#define MAGIC 0x32736472636562ULL /* the layout of this version */
#define PATH_BYTES 256

/* The names stand together: to look for one must not touch, and so use, the pages of the rings. */
struct record_file {
	uint64_t magic;
	uint64_t size;
	char guest[BF_MAX_PORTS][BF_NAME_MAX]; /* "" free */
	struct bf_ring_record ring[BF_MAX_PORTS][2 * BF_MAX_QP];
};

struct bf_records {
	char path[PATH_BYTES];
	struct record_file *file;
	bool taken[BF_MAX_PORTS]; /* by a guest of this process */
};

static bool
is_in_memory(const char *path)
{
	char copy[PATH_BYTES];
	struct statfs fs;

	snprintf(copy, sizeof(copy), "%s", path);
	return statfs(dirname(copy), &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static void
records_path(const char *console, char *path, size_t size)
{
	snprintf(path, size, "%s.rings", console);
	if (is_in_memory(path))
		return;
	snprintf(path, size, "/dev/shm/bondfwd%s.rings", console);
	for (char *p = path + strlen("/dev/shm/"); *p != '\0'; p++)
		if (*p == '/')
			*p = '-';
}

/* /dev/shm is everybody's: another user's file, or a link to one, is not ours to write. */
static int
records_file_open(const char *path)
{
	struct stat st;
	int fd = -1;

	if (is_in_memory(path))
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	else
		errno = EPERM;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		st.st_nlink == 1)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* A file of another layout begins as an empty one: pages that nobody writes take no memory. */
static struct record_file *
records_map(const char *path)
{
	struct record_file *f = MAP_FAILED;
	int fd = records_file_open(path);

	if (fd >= 0 && ftruncate(fd, sizeof(*f)) == 0)
		f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f != MAP_FAILED && (f->magic != MAGIC || f->size != sizeof(*f))) {
		if (ftruncate(fd, 0) != 0 || ftruncate(fd, sizeof(*f)) != 0) {
			munmap(f, sizeof(*f));
			f = MAP_FAILED;
		} else {
			f->size = sizeof(*f);
			f->magic = MAGIC;
		}
	}
	if (fd >= 0)
		close(fd);
	return f == MAP_FAILED ? NULL : f;
}

struct bf_records *
bf_records_open(const char *console)
{
	struct bf_records *r;

	if (console == NULL)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r != NULL) {
		records_path(console, r->path, sizeof(r->path));
		r->file = records_map(r->path);
	}
	if (r != NULL && r->file != NULL)
		return r;
	BF_WARN("guests", "packed rings will not survive a restart: no memory file: %s",
		strerror(errno));
	free(r);
	return NULL;
}

/* The guest's own entry, else a free one, else one of a guest that is not here any more. */
static unsigned int
entry_for(const struct bf_records *r, const char *guest)
{
	unsigned int unused = BF_MAX_PORTS, old = BF_MAX_PORTS;

	for (unsigned int i = 0; i < BF_MAX_PORTS; i++) {
		const char *name = r->file->guest[i];

		if (strncmp(name, guest, BF_NAME_MAX) == 0)
			return i;
		if (unused == BF_MAX_PORTS && name[0] == '\0')
			unused = i;
		if (old == BF_MAX_PORTS && !r->taken[i])
			old = i;
	}
	return unused < BF_MAX_PORTS ? unused : old;
}

struct bf_ring_record *
bf_records_take(struct bf_records *r, const char *guest)
{
	unsigned int i;
	char *name;

	if (r == NULL)
		return NULL;
	i = entry_for(r, guest);
	if (i == BF_MAX_PORTS)
		return NULL;
	name = r->file->guest[i];
	if (strncmp(name, guest, BF_NAME_MAX) != 0) {
		if (name[0] != '\0')
			memset(r->file->ring[i], 0, sizeof(r->file->ring[i]));
		snprintf(name, BF_NAME_MAX, "%s", guest);
	}
	r->taken[i] = true;
	return r->file->ring[i];
}

void
bf_records_give(struct bf_records *r, const struct bf_ring_record *of)
{
	for (unsigned int i = 0; r != NULL && i < BF_MAX_PORTS; i++)
		if (r->file->ring[i] == of)
			r->taken[i] = false;
}

static bool
is_empty(const struct record_file *f)
{
	for (unsigned int i = 0; i < BF_MAX_PORTS; i++)
		for (unsigned int q = 0; f->guest[i][0] != '\0' && q < 2 * BF_MAX_QP; q++)
			if (f->ring[i][q].version != 0)
				return false;
	return true;
}

void
bf_records_close(struct bf_records *r)
{
	if (r == NULL)
		return;
	if (is_empty(r->file))
		unlink(r->path);
	munmap(r->file, sizeof(*r->file));
	free(r);
}
