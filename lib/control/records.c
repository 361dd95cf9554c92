/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where packed rings stand: see records.h.
 *
 * Threads: ctx control.
 */
#include "control/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "control/config.h"

#define MAGIC 0x31736472636562ULL /* the layout of this version */

struct record_entry {
	char guest[BF_NAME_MAX]; /* "" free */
	struct bf_ring_record ring[2 * BF_MAX_QP];
};

struct bf_records {
	uint64_t magic;
	uint64_t size;
	struct record_entry entry[BF_MAX_PORTS];
};

/* Only memory files have seals, and only those never make a writer wait. */
static int
memory_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_GET_SEALS) >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_uid == geteuid() && st.st_nlink == 1)
		return fd;
	if (fcntl(fd, F_GET_SEALS) < 0)
		unlink(path);
	close(fd);
	errno = EPERM;
	return -1;
}

static int
records_file(const char *console)
{
	char path[256];
	int fd, at;

	snprintf(path, sizeof(path), "%s.rings", console);
	fd = memory_file(path);
	if (fd >= 0)
		return fd;
	at = snprintf(path, sizeof(path), "/dev/shm/bondfwd%s.rings", console);
	for (char *p = path + strlen("/dev/shm/"); at > 0 && *p != '\0'; p++)
		if (*p == '/')
			*p = '-';
	return memory_file(path);
}

struct bf_records *
bf_records_open(const char *console)
{
	struct bf_records *r = MAP_FAILED;
	int fd;

	if (console == NULL)
		return NULL;
	fd = records_file(console);
	if (fd >= 0 && ftruncate(fd, sizeof(*r)) == 0)
		r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED)
		BF_WARN("guests", "packed rings will not survive a restart: no memory file: %s",
			strerror(errno));
	if (fd >= 0)
		close(fd);
	if (r == MAP_FAILED)
		return NULL;
	if (r->magic != MAGIC || r->size != sizeof(*r)) {
		memset(r, 0, sizeof(*r));
		r->size = sizeof(*r);
		r->magic = MAGIC;
	}
	return r;
}

struct bf_ring_record *
bf_records_of(struct bf_records *r, const char *guest)
{
	struct record_entry *unused = NULL;

	for (unsigned int i = 0; r != NULL && i < BF_MAX_PORTS; i++) {
		struct record_entry *e = &r->entry[i];

		if (strncmp(e->guest, guest, sizeof(e->guest)) == 0)
			return e->ring;
		if (unused == NULL && e->guest[0] == '\0')
			unused = e;
	}
	if (unused == NULL)
		return NULL;
	memset(unused, 0, sizeof(*unused));
	snprintf(unused->guest, sizeof(unused->guest), "%s", guest);
	return unused->ring;
}

void
bf_records_close(struct bf_records *r)
{
	if (r != NULL)
		munmap(r, sizeof(*r));
}
