/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: none of its own.
 */
#include "control/observe/ratio.h"

#define NOTES (BF_RATIO_S + 1)

void
bf_ratio_note(struct bf_ratio *r, uint64_t part, uint64_t whole)
{
	uint32_t last = (r->n + NOTES - 1) % NOTES;

	if (r->n > 0 && (part < r->part[last] || whole < r->whole[last]))
		r->n = 0;
	r->part[r->n % NOTES] = part;
	r->whole[r->n % NOTES] = whole;
	r->n++;
	if (r->n == 2 * NOTES) /* the same places, and no overflow */
		r->n = NOTES;
}

static uint32_t
note_oldest(const struct bf_ratio *r)
{
	return r->n <= NOTES ? 0 : r->n % NOTES;
}

uint64_t
bf_ratio_whole(const struct bf_ratio *r)
{
	return r->n < 2 ? 0 : r->whole[(r->n - 1) % NOTES] - r->whole[note_oldest(r)];
}

double
bf_ratio_of(const struct bf_ratio *r)
{
	uint64_t whole = bf_ratio_whole(r);

	return whole == 0
		? 0
		: (double)(r->part[(r->n - 1) % NOTES] - r->part[note_oldest(r)]) / (double)whole;
}

uint64_t
bf_sent_errors_note(struct bf_sent_errors *e, uint64_t errors, uint64_t refused)
{
	if (refused == e->refused && errors > e->seen)
		e->bad += errors - e->seen;
	e->seen = errors;
	e->refused = refused;
	return e->bad;
}
