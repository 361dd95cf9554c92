/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * `bondctl metrics --output FILE`: metrics as a file, for node_exporter's textfile collector.
 *
 * Threads: one.
 */
#ifndef BF_APP_METRICS_FILE_H
#define BF_APP_METRICS_FILE_H

#include <stdint.h>

#include "base/err.h"

/**
 * Ask for the metrics and put them into a file, whole: a reader finds the old ones or the new ones.
 *
 * @param socket
 *   The console's.
 * @param path
 *   A regular file, or none yet: then its mode is 0644 less the umask.
 * @return
 *   0, or -errno with the file or the socket and what is wrong; then the file is untouched.
 */
int bf_metrics_file_write(
	const char *socket, const char *path, int64_t timeout_ms, struct bf_err *err);

#endif
