/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log lines "topic: object: what happened" on standard error, one topic per file, with a
 * level that can be changed while running.  systemd's journal gets them with their priority; it
 * has the time itself.  The fast room never includes this header.
 *
 * Threads: bf_log() any but worker; bf_log_set_level() control.
 */
#ifndef BF_BASE_LOG_H
#define BF_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum bf_log_level {
	BF_LOG_ERR, /* a request failed */
	BF_LOG_WARNING, /* degraded */
	BF_LOG_NOTICE, /* a state change an operator wants to see */
	BF_LOG_DEBUG,
};

#define BF_LOG_LEVEL_COUNT (BF_LOG_DEBUG + 1)
/** As people write them. */
extern const char *const bf_log_level_names[BF_LOG_LEVEL_COUNT];

/** Write one line.  Control bytes in the result are replaced by '?'. */
void bf_log(enum bf_log_level level, const char *topic, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** The same for something about an object, which the journal has as a field. */
void bf_log_about(enum bf_log_level level, const char *topic, const char *object, const char *text);

/** Lines above @p level are not written.  Default BF_LOG_NOTICE. */
void bf_log_set_level(enum bf_log_level level);

/**
 * Token bucket for messages that a guest or the wire can trigger: true when the caller may log.
 *
 * @param now_ms
 *   Monotonic milliseconds.
 * @param suppressed
 *   Set to how many messages were swallowed since the last permitted one.
 */
struct bf_log_limit {
	uint64_t window_ms;
	uint32_t sent;
	uint32_t suppressed;
	uint32_t most; /* in 10 s; 0: 5 */
};
bool bf_log_allow(struct bf_log_limit *l, uint64_t now_ms, uint32_t *suppressed);

#define BF_ERR(topic, ...) bf_log(BF_LOG_ERR, topic, __VA_ARGS__)
#define BF_WARN(topic, ...) bf_log(BF_LOG_WARNING, topic, __VA_ARGS__)
#define BF_NOTICE(topic, ...) bf_log(BF_LOG_NOTICE, topic, __VA_ARGS__)
#define BF_DEBUG(topic, ...) bf_log(BF_LOG_DEBUG, topic, __VA_ARGS__)

#endif
