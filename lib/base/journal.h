/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log lines with fields for systemd's journal, by its native protocol: a datagram of lines FIELD=value
 * (systemd, "Native Journal Protocol").  sd_journal_send() would wait for a journal that is slow or
 * stopped; this never waits.
 *
 * Threads: bf_journal_open() before there are others; bf_journal_send() any but worker.
 */
#ifndef BF_BASE_JOURNAL_H
#define BF_BASE_JOURNAL_H

#include <stdbool.h>

#define BF_JOURNAL_SOCKET "/run/systemd/journal/socket"

/**
 * Use the journal from now on.
 *
 * @param path
 *   Its socket; NULL: BF_JOURNAL_SOCKET, if standard error is the journal as $JOURNAL_STREAM says.
 * @return
 *   Whether it is used.
 */
bool bf_journal_open(const char *path);
void bf_journal_close(void);

/** Is standard error the journal, as $JOURNAL_STREAM says? Lines may then begin with a priority, "<4>". */
bool bf_journal_is_stderr(void);

/**
 * Send a line with PRIORITY, BONDFWD_EVENT and, unless it is NULL, BONDFWD_OBJECT.
 *
 * @param priority
 *   Of syslog(3), 0 to 7.
 * @param object, text
 *   Without control bytes.
 * @return
 *   False: no journal is used, or it took nothing; then the line belongs on standard error.
 */
bool bf_journal_send(int priority, const char *event, const char *object, const char *text);

#endif
