/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The file of a capture, or its ring of files: never more bytes than were asked for.
 *
 * Theory of operation.  Frames are collected in a buffer that begins and ends with a whole one.  When a
 * write fails in the middle of one, as on a full disk, the file is cut behind the last whole one: it can
 * be read.  A FIFO is written without blocking, so that who waits for its reader can be told to give up.
 * A ring is PATH.000001, PATH.000002 and so on; when one more begins than it keeps, the oldest is deleted.
 * No file that was there before is touched.
 *
 * Threads: ctx control opens; then one thread writes and closes. Others may read frames and bytes, and
 * set give_up.
 */
#ifndef BF_CONTROL_OBSERVE_CAPTURE_FILE_H
#define BF_CONTROL_OBSERVE_CAPTURE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/observe/capture_format.h"
#include "dataplane/sizes.h"

#define BF_CAPTURE_RING_DIGITS 6

/** What is to be written. */
struct bf_capture_file_spec {
	const char *path;
	uint32_t snap; /* most bytes of a frame */
	uint64_t limit_bytes; /* of all its files together; 0: none */
	unsigned int n_files; /* of a ring; 0: one file, which ends at the limit */
	const char *port; /* name of a port: readers want one, even of a file without frames */
	uint16_t slot; /* its slot */
};

struct bf_capture_file {
	int fd;
	bool is_fifo;
	bool is_full; /* no frame fits any more */
	bool give_up; /* a write that waits for a FIFO's reader is to fail */
	int error; /* of the first write that failed, an errno value */
	enum bf_capture_format format;
	uint32_t snap;
	uint64_t part_bytes; /* a file holds at most; 0: any number */
	unsigned int n_files; /* as in the spec */
	unsigned int last_file; /* number of the ring's file that is written */
	uint8_t *buffer;
	uint32_t filled; /* bytes in it */
	uint32_t filled_frames;
	uint64_t last_ns; /* of the frame before */
	uint64_t flushed; /* bytes in the file */
	uint64_t frames, bytes; /* of all files and in the buffer; after an error: of the files */
	uint32_t n_ports; /* named in the file */
	uint16_t ports[BF_MAX_PORTS]; /* by slot: number in the file + 1; 0: not named yet */
	char path[PATH_MAX];
};

/**
 * Make a file, mode 0600, or open a FIFO that has a reader.  A path that ends in .pcap gets that format,
 * others get pcapng.
 *
 * @return
 *   0, or -errno with `file: "path": ` and the reason; -EINVAL when there is such a file.
 */
int bf_capture_file_open(
	struct bf_capture_file *f, const struct bf_capture_file_spec *spec, struct bf_err *err);

/**
 * Add a frame of a port; after the last one that fits, is_full says so.
 *
 * @param frame
 *   Gets its port's number.
 * @return
 *   0 or -errno.
 */
int bf_capture_file_write(
	struct bf_capture_file *f, struct bf_capture_frame *frame, uint16_t slot, const char *port);

/** Another port is in a slot from now on. */
void bf_capture_file_forget(struct bf_capture_file *f, uint16_t slot);

/** Everything so far into the file. @return 0 or -errno. */
int bf_capture_file_flush(struct bf_capture_file *f);

/** Has the reader of a FIFO gone? */
bool bf_capture_file_is_deserted(const struct bf_capture_file *f);

/** Flush and close. One that could not be opened is allowed. @return 0 or -errno of the first error. */
int bf_capture_file_close(struct bf_capture_file *f);

/** Delete what was made by bf_capture_file_open(), after bf_capture_file_close(). */
void bf_capture_file_remove(const struct bf_capture_file *f);

#endif
