/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Errors in words: functions that can fail for a reason the operator should read fill a
 * struct bf_err; the caller that decides what to do reports it, once.
 *
 * Threads: any; a struct bf_err belongs to its caller.
 */
#ifndef BF_BASE_ERR_H
#define BF_BASE_ERR_H

#include <stddef.h>

/** One line of explanation: the offending text first, then what was expected. */
struct bf_err {
	char text[1024];
};

/**
 * Write the explanation of a failure.
 *
 * ctx any.  @p err may be NULL: then only the code is returned.
 *
 * @param code
 *   Positive errno value.
 * @return
 *   -code, with errno set to code, so that callers write `return bf_err_set(...)`.
 */
int bf_err_set(struct bf_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
