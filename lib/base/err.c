/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The one function that words a failure.
 *
 * Threads: any.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int
bf_err_set(struct bf_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	errno = code;
	return -code;
}
