/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The file of a capture, in pcap's format with nanoseconds, written by libpcap.
 *
 * Theory of operation.  Frames are collected in a buffer that begins and ends with a whole one.  When a
 * write fails in the middle of one, as on a full disk, the file is cut behind the last whole one: it can
 * be read.  A FIFO is written without blocking, so that who waits for its reader can be told to give up.
 *
 * Threads: ctx control opens; then one thread writes and closes. Others may read frames and bytes, and
 * set give_up.
 */
#ifndef BF_CONTROL_OBSERVE_CAPTURE_FILE_H
#define BF_CONTROL_OBSERVE_CAPTURE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct pcap;
struct pcap_dumper;

struct bf_capture_file {
	int fd;
	bool is_fifo;
	bool give_up; /* a write that waits for a FIFO's reader is to fail */
	int error; /* of the first write that failed, an errno value */
	struct pcap *pcap;
	struct pcap_dumper *dump;
	FILE *stream;
	char *buffer;
	uint64_t last_ns; /* of the frame before */
	uint64_t frames, bytes; /* in file and buffer; after an error: in the file */
	uint64_t whole_frames, whole_bytes; /* in the file at the last flush */
	uint64_t written; /* bytes */
};

/**
 * Make a file, mode 0600, or open a FIFO that has a reader.
 *
 * @param snap
 *   Most bytes of a frame.
 * @return
 *   0, or -errno with `file: "path": ` and the reason; -EINVAL when there is such a file.
 */
int bf_capture_file_open(
	struct bf_capture_file *f, const char *path, uint32_t snap, struct bf_err *err);

/** Add a frame of @p pkt_len bytes, @p len of which are there. @return 0 or -errno. */
int bf_capture_file_write(struct bf_capture_file *f, uint64_t wall_ns, const void *data,
	uint32_t len, uint32_t pkt_len);

/** Everything so far into the file. @return 0 or -errno. */
int bf_capture_file_flush(struct bf_capture_file *f);

/** Flush and close. One that could not be opened is allowed. @return 0 or -errno of the first error. */
int bf_capture_file_close(struct bf_capture_file *f);

#endif
