/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See capture_file.h.
 *
 * Threads: see capture_file.h.
 */
#include "control/observe/capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#define BUFFER (256u << 10)
#define FILE_HEAD 24 /* pcap's, before the first frame */
#define RECORD_HEAD 16 /* and before each */
#define READER_MS 50 /* how often who waits for a FIFO's reader looks whether to give up */
#define NEAR_NS 1000000

static bool
wait_for_reader(const struct bf_capture_file *f)
{
	struct pollfd p = {.fd = f->fd, .events = POLLOUT};

	poll(&p, 1, READER_MS);
	return !__atomic_load_n(&f->give_up, __ATOMIC_ACQUIRE);
}

/* The stream's end: fopencookie(3) wants 0 for an error. */
static ssize_t
on_write(void *cookie, const char *buf, size_t size)
{
	struct bf_capture_file *f = cookie;
	size_t done = 0;

	while (f->error == 0 && done < size) {
		ssize_t n = write(f->fd, buf + done, size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN && !wait_for_reader(f))
			f->error = ECANCELED;
		else if (errno != EAGAIN && errno != EINTR)
			f->error = errno;
	}
	f->written += done;
	return done == size ? (ssize_t)size : 0;
}

/* A new file, or a FIFO that somebody reads. @return the descriptor or -1 */
static int
open_path(struct bf_capture_file *f, const char *path, struct bf_err *err)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST && stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) {
		f->is_fifo = true;
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno == ENXIO) {
			bf_err_set(err, ENXIO, "file: \"%.500s\": a FIFO that nobody reads", path);
			return -1;
		}
	}
	if (fd >= 0)
		return fd;
	if (errno == EEXIST)
		bf_err_set(err, EINVAL,
			"file: \"%.500s\": exists: expected a name that is not in use, or a FIFO",
			path);
	else
		bf_err_set(err, errno, "file: \"%.500s\": %s", path, strerror(errno));
	return -1;
}

/* The stream and libpcap's writer on it. */
static bool
open_stream(struct bf_capture_file *f, uint32_t snap)
{
	f->buffer = malloc(BUFFER);
	f->pcap = pcap_open_dead_with_tstamp_precision(
		DLT_EN10MB, (int)snap, PCAP_TSTAMP_PRECISION_NANO);
	f->stream = fopencookie(f, "w", (cookie_io_functions_t){.write = on_write});
	if (f->buffer == NULL || f->pcap == NULL || f->stream == NULL)
		return false;
	setvbuf(f->stream, f->buffer, _IOFBF, BUFFER);
	f->dump = pcap_dump_fopen(f->pcap, f->stream);
	f->bytes = FILE_HEAD;
	if (f->dump == NULL)
		f->stream = NULL; /* libpcap has closed it */
	return f->dump != NULL;
}

int
bf_capture_file_open(struct bf_capture_file *f, const char *path, uint32_t snap, struct bf_err *err)
{
	int ret;

	memset(f, 0, sizeof(*f));
	f->fd = open_path(f, path, err);
	if (f->fd < 0)
		return -errno;
	if (!open_stream(f, snap))
		ret = bf_err_set(err, ENOMEM, "file: out of memory");
	else if (bf_capture_file_flush(f) != 0)
		ret = bf_err_set(err, f->error, "file: \"%.500s\": %s", path, strerror(f->error));
	else
		return 0;
	bf_capture_file_close(f);
	if (!f->is_fifo)
		unlink(path);
	errno = -ret;
	return ret;
}

/* Behind the last frame that is whole in the file. */
static void
file_cut(struct bf_capture_file *f)
{
	uint64_t at = f->whole_bytes, n = f->whole_frames;
	uint32_t head[4]; /* seconds, nanoseconds, bytes that are there, bytes of the frame */

	while (!f->is_fifo && at + RECORD_HEAD <= f->written &&
		pread(f->fd, head, sizeof(head), (off_t)at) == RECORD_HEAD &&
		at + RECORD_HEAD + head[2] <= f->written) {
		at += RECORD_HEAD + head[2];
		n++;
	}
	__atomic_store_n(&f->bytes, at, __ATOMIC_RELAXED);
	__atomic_store_n(&f->frames, n, __ATOMIC_RELAXED);
	if (!f->is_fifo && ftruncate(f->fd, (off_t)at) != 0)
		return; /* then the last frame of the file is not whole, which readers say */
}

int
bf_capture_file_flush(struct bf_capture_file *f)
{
	if (f->error != 0)
		return -f->error;
	if (fflush(f->stream) == 0) {
		f->whole_frames = f->frames;
		f->whole_bytes = f->bytes;
		return 0;
	}
	if (f->error == 0)
		f->error = EIO;
	file_cut(f);
	return -f->error;
}

int
bf_capture_file_write(struct bf_capture_file *f, uint64_t wall_ns, const void *data, uint32_t len,
	uint32_t pkt_len)
{
	struct pcap_pkthdr head = {.caplen = len, .len = pkt_len};

	if (f->bytes - f->whole_bytes + RECORD_HEAD + len > BUFFER && bf_capture_file_flush(f) != 0)
		return -f->error;
	/* What workers did at almost the same time stays in the order in which it came here. */
	if (wall_ns < f->last_ns && f->last_ns - wall_ns < NEAR_NS)
		wall_ns = f->last_ns;
	f->last_ns = wall_ns;
	head.ts.tv_sec = (time_t)(wall_ns / 1000000000);
	head.ts.tv_usec = (suseconds_t)(wall_ns % 1000000000);
	pcap_dump((u_char *)f->dump, &head, data);
	__atomic_store_n(&f->frames, f->frames + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&f->bytes, f->bytes + RECORD_HEAD + len, __ATOMIC_RELAXED);
	return 0;
}

int
bf_capture_file_close(struct bf_capture_file *f)
{
	if (f->dump != NULL) {
		bf_capture_file_flush(f);
		pcap_dump_close(f->dump); /* the stream, too */
	} else if (f->stream != NULL) {
		fclose(f->stream);
	}
	if (f->pcap != NULL)
		pcap_close(f->pcap);
	free(f->buffer);
	if (f->fd >= 0 && close(f->fd) != 0 && f->error == 0)
		f->error = errno;
	f->fd = -1;
	f->dump = NULL;
	f->stream = NULL;
	f->pcap = NULL;
	f->buffer = NULL;
	return -f->error;
}
