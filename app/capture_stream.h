/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A capture that bondctl receives and writes, into a pipe or a file of the user's: capture start ... -w FILE.
 *
 * Theory of operation.  The daemon writes into a FIFO that lies in a folder of mode 0700, and both are removed as
 * soon as it has opened it.  The folder lies in $TMPDIR, else beside the console's socket, as a service sees no /tmp
 * of ours, else, for who may not write there, in /tmp.  bondctl copies until the capture ends.  When it is told to end, or nobody reads what it
 * writes, it stops the capture and takes what is still to come.  The daemon never waits for it: what it does not
 * read in time is missing in the capture, and counted there.
 *
 * Threads: one.
 */
#ifndef BF_APP_CAPTURE_STREAM_H
#define BF_APP_CAPTURE_STREAM_H

#include <stdint.h>

#include "base/err.h"

#define BF_CAPTURE_STREAM_FOLDER_MAX 107 /* bytes of its path; as of a socket's */

struct bf_capture_stream {
	int fd; /* of the FIFO, to read */
	int out; /* where frames go */
	char folder[BF_CAPTURE_STREAM_FOLDER_MAX + 16], fifo[BF_CAPTURE_STREAM_FOLDER_MAX + 24];
};

/**
 * Open where frames go, and the FIFO.
 *
 * @param socket
 *   The console's.
 * @param path
 *   Of a file, which is replaced; "-": the standard output, which must not be a terminal.
 * @return
 *   0, or -errno with the reason; there is nothing to close then.
 */
int bf_capture_stream_open(
	struct bf_capture_stream *s, const char *socket, const char *path, struct bf_err *err);

/**
 * Let the daemon run the line that starts a capture into s->fifo, and copy until its end.
 *
 * @return
 *   0; 1 with the reason; or the status that the daemon refused with, with the reason or written to stderr.
 */
int bf_capture_stream_run(struct bf_capture_stream *s, const char *socket, const char *line,
	int64_t timeout_ms, struct bf_err *err);

void bf_capture_stream_close(struct bf_capture_stream *s);

#endif
