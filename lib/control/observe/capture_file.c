/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See capture_file.h.
 *
 * Threads: see capture_file.h.
 */
#include "control/observe/capture_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_common.h>

#define BUFFER (256u << 10)
#define READER_MS 50 /* how often who waits for a FIFO's reader looks whether to give up */
#define NEAR_NS 1000000
#define RING_NAME_ROOM (PATH_MAX + BF_CAPTURE_RING_DIGITS + 8)

/* ---- names ---- */

static bool
has_ending(const char *text, const char *ending)
{
	size_t len = strlen(text), end = strlen(ending);

	return len >= end && strcmp(text + len - end, ending) == 0;
}

static void
ring_name(const struct bf_capture_file *f, unsigned int number, char *to)
{
	snprintf(to, RING_NAME_ROOM, "%s.%0*u", f->path, BF_CAPTURE_RING_DIGITS, number);
}

/* Is this entry of a folder a file of a ring that is called @p base? */
static bool
is_of_ring(const char *entry, const char *base)
{
	size_t len = strlen(base);

	return strncmp(entry, base, len) == 0 && entry[len] == '.' &&
		strlen(entry + len + 1) >= BF_CAPTURE_RING_DIGITS &&
		strspn(entry + len + 1, "0123456789") == strlen(entry + len + 1);
}

/* A ring begins where there is no other one. */
static int
ring_check(const struct bf_capture_file *f, struct bf_err *err)
{
	const char *base = strrchr(f->path, '/') + 1;
	char folder[PATH_MAX];
	struct dirent *e;
	DIR *dir;
	int ret = 0;

	snprintf(folder, sizeof(folder), "%.*s", (int)(base - f->path), f->path);
	dir = opendir(folder);
	if (dir == NULL)
		return bf_err_set(err, errno, "file: \"%.500s\": %s", f->path, strerror(errno));
	while (ret == 0 && (e = readdir(dir)) != NULL)
		if (is_of_ring(e->d_name, base))
			ret = bf_err_set(err, EINVAL,
				"file: \"%.500s\": %.100s exists: expected a name that is not in use",
				f->path, e->d_name);
	closedir(dir);
	return ret;
}

/* ---- bytes ---- */

static bool
wait_for_reader(const struct bf_capture_file *f)
{
	struct pollfd p = {.fd = f->fd, .events = POLLOUT};

	poll(&p, 1, READER_MS);
	return !__atomic_load_n(&f->give_up, __ATOMIC_ACQUIRE);
}

bool
bf_capture_file_is_deserted(const struct bf_capture_file *f)
{
	struct pollfd p = {.fd = f->fd};

	return f->is_fifo && poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* @return bytes that were written; fewer than asked for: f->error says why */
static uint32_t
buffer_write(struct bf_capture_file *f)
{
	uint32_t done = 0;

	while (f->error == 0 && done < f->filled) {
		ssize_t n = write(f->fd, f->buffer + done, f->filled - done);

		if (n >= 0)
			done += (uint32_t)n;
		else if (errno == EAGAIN && !wait_for_reader(f))
			f->error = ECANCELED;
		else if (errno != EAGAIN && errno != EINTR)
			f->error = errno;
	}
	return done;
}

/* Only whole frames among the @p done bytes of the buffer that were written count, and stay. */
static void
file_cut(struct bf_capture_file *f, uint32_t done)
{
	uint32_t at = 0, frames = 0;
	bool is_frame = false;
	size_t len;

	while ((len = bf_capture_piece(f->format, f->buffer + at, done - at, &is_frame)) > 0) {
		at += (uint32_t)len;
		frames += is_frame;
	}
	__atomic_store_n(&f->bytes, f->bytes - f->filled + at, __ATOMIC_RELAXED);
	__atomic_store_n(&f->frames, f->frames - f->filled_frames + frames, __ATOMIC_RELAXED);
	f->filled = f->filled_frames = 0;
	if (!f->is_fifo && ftruncate(f->fd, (off_t)(f->flushed + at)) != 0)
		return; /* then the last frame of the file is not whole, which readers say */
}

int
bf_capture_file_flush(struct bf_capture_file *f)
{
	uint32_t done;

	if (f->error != 0)
		return -f->error;
	done = buffer_write(f);
	if (f->error != 0) {
		file_cut(f, done);
		return -f->error;
	}
	f->flushed += done;
	f->filled = f->filled_frames = 0;
	return 0;
}

static void
filled_add(struct bf_capture_file *f, size_t len)
{
	f->filled += (uint32_t)len;
	__atomic_store_n(&f->bytes, f->bytes + len, __ATOMIC_RELAXED);
}

/* ---- files ---- */

/* A new file, or a FIFO that somebody reads. @return 0 or -errno */
static int
path_open(struct bf_capture_file *f, const char *path, struct bf_err *err)
{
	struct stat st;

	f->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (f->fd < 0 && errno == EEXIST && f->n_files == 0 && stat(path, &st) == 0 &&
		S_ISFIFO(st.st_mode)) {
		f->is_fifo = true;
		f->fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (f->fd < 0 && errno == ENXIO)
			return bf_err_set(
				err, ENXIO, "file: \"%.500s\": a FIFO that nobody reads", path);
	}
	if (f->fd >= 0)
		return 0;
	if (errno == EEXIST)
		return bf_err_set(err, EINVAL,
			"file: \"%.500s\": exists: expected a name that is not in use, or a FIFO",
			path);
	return bf_err_set(err, errno, "file: \"%.500s\": %s", path, strerror(errno));
}

/* The file, or the next one of the ring, with its head in the buffer. */
static int
file_begin(struct bf_capture_file *f, struct bf_err *err)
{
	char path[RING_NAME_ROOM];
	int ret;

	snprintf(path, sizeof(path), "%s", f->path);
	if (f->n_files > 0)
		ring_name(f, f->last_file + 1, path);
	ret = path_open(f, path, err);
	if (ret != 0)
		return ret;
	f->last_file++;
	f->flushed = 0;
	f->n_ports = 0;
	memset(f->ports, 0, sizeof(f->ports));
	filled_add(f, bf_capture_put_head(f->format, f->buffer, f->snap));
	return 0;
}

/* The ring goes on in another file. */
static int
ring_turn(struct bf_capture_file *f)
{
	struct bf_err err = {""};
	char oldest[RING_NAME_ROOM];
	int ret;

	if (bf_capture_file_flush(f) != 0)
		return -f->error;
	if (f->last_file >= f->n_files) {
		ring_name(f, f->last_file + 1 - f->n_files, oldest);
		unlink(oldest);
	}
	if (close(f->fd) != 0)
		f->error = errno;
	f->fd = -1;
	ret = f->error != 0 ? -f->error : file_begin(f, &err);
	f->error = -ret;
	return ret;
}

static void
port_name(struct bf_capture_file *f, uint16_t slot, const char *port)
{
	if (f->format == BF_CAPTURE_PCAP || f->ports[slot] != 0)
		return;
	filled_add(f, bf_capture_put_port(f->buffer + f->filled, port, f->snap));
	f->ports[slot] = (uint16_t)++f->n_ports;
}

int
bf_capture_file_open(
	struct bf_capture_file *f, const struct bf_capture_file_spec *spec, struct bf_err *err)
{
	int ret = 0;

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->snap = spec->snap;
	f->n_files = spec->n_files;
	f->format = has_ending(spec->path, ".pcap") ? BF_CAPTURE_PCAP : BF_CAPTURE_PCAPNG;
	snprintf(f->path, sizeof(f->path), "%s", spec->path);
	f->buffer = malloc(BUFFER);
	if (f->buffer == NULL)
		return bf_err_set(err, ENOMEM, "file: out of memory");
	if (f->n_files > 0)
		ret = ring_check(f, err);
	if (ret == 0)
		ret = file_begin(f, err);
	if (ret != 0) {
		bf_capture_file_close(f);
		return ret;
	}
	f->part_bytes = spec->limit_bytes / RTE_MAX(1u, f->n_files);
	port_name(f, spec->slot, spec->port);
	ret = bf_capture_file_flush(f);
	if (ret == 0)
		return 0;
	bf_err_set(err, -ret, "file: \"%.500s\": %s", spec->path, strerror(-ret));
	bf_capture_file_close(f);
	bf_capture_file_remove(f);
	return ret;
}

/* Room for a frame, in the file and in the buffer. */
static int
file_make_room(struct bf_capture_file *f, size_t room)
{
	int ret = 0;

	if (f->part_bytes != 0 && f->flushed + f->filled + room > f->part_bytes) {
		if (f->n_files == 0)
			f->is_full = true;
		else
			ret = ring_turn(f);
	}
	if (ret == 0 && f->filled + room > BUFFER)
		ret = bf_capture_file_flush(f);
	return ret;
}

int
bf_capture_file_write(
	struct bf_capture_file *f, struct bf_capture_frame *frame, uint16_t slot, const char *port)
{
	int ret = file_make_room(f, BF_CAPTURE_FRAME_ROOM(frame->len) + BF_CAPTURE_HEAD_ROOM);

	if (ret != 0 || f->is_full)
		return ret;
	/* What workers did at almost the same time stays in the order in which it came here. */
	if (frame->wall_ns < f->last_ns && f->last_ns - frame->wall_ns < NEAR_NS)
		frame->wall_ns = f->last_ns;
	f->last_ns = frame->wall_ns;
	port_name(f, slot, port);
	frame->port = f->ports[slot] - 1u;
	filled_add(f, bf_capture_put_frame(f->format, f->buffer + f->filled, frame));
	f->filled_frames++;
	__atomic_store_n(&f->frames, f->frames + 1, __ATOMIC_RELAXED);
	return 0;
}

void
bf_capture_file_forget(struct bf_capture_file *f, uint16_t slot)
{
	f->ports[slot] = 0;
}

int
bf_capture_file_close(struct bf_capture_file *f)
{
	if (f->fd >= 0) {
		bf_capture_file_flush(f);
		if (close(f->fd) != 0 && f->error == 0)
			f->error = errno;
	}
	free(f->buffer);
	f->fd = -1;
	f->buffer = NULL;
	return -f->error;
}

void
bf_capture_file_remove(const struct bf_capture_file *f)
{
	char path[RING_NAME_ROOM];

	snprintf(path, sizeof(path), "%s", f->path);
	if (f->n_files > 0)
		ring_name(f, f->last_file, path);
	if (!f->is_fifo)
		unlink(path);
}
