/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is answered: pages of text, made of what control gathers.
 *
 * Threads: that of HTTP, which waits for control meanwhile.
 */
#ifndef BF_APP_HTTP_PAGE_H
#define BF_APP_HTTP_PAGE_H

#include "console/out.h"

enum bf_page_id {
	BF_PAGE_INDEX,
	BF_PAGE_METRICS, /* Prometheus' text format */
	BF_PAGE_OPENMETRICS,
	BF_PAGE_HEALTH,
	BF_PAGE_COUNT
};

struct bf_page {
	unsigned int status; /* of HTTP */
	const char *type; /* of the content */
	struct bf_out *out; /* owned by the caller; NULL: out of memory */
};

/** Make a page.  It takes as long as control takes to begin with it, BF_PAGE_WAIT_MS at most. */
#define BF_PAGE_WAIT_MS 2000
struct bf_page bf_page_make(enum bf_page_id id);

#endif
