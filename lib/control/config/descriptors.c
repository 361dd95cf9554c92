/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How many files may be open: see descriptors.h.
 *
 * Threads: ctx control.
 */
#include "control/config/descriptors.h"

#include <sys/resource.h>

#include "dataplane/sizes.h"

#define OTHERS 512 /* what is open besides guests: EAL, drivers, console, what is on its way */
#define PER_GUEST \
	6 /* its socket, its connection, one that waits, memory files while they are mapped */
#define PER_QUEUE 4 /* two rings with a kick and a call each */
#define MOST (OTHERS + BF_MAX_GUESTS * (PER_GUEST + PER_QUEUE * BF_MAX_QP))

void
bf_descriptors_raise(void)
{
	struct rlimit now, want;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur >= MOST)
		return;
	want.rlim_cur = MOST;
	want.rlim_max = now.rlim_max > MOST ? now.rlim_max : MOST;
	if (setrlimit(RLIMIT_NOFILE, &want) == 0)
		return;
	want.rlim_cur = want.rlim_max = now.rlim_max;
	setrlimit(RLIMIT_NOFILE, &want);
}

bool
bf_descriptors_suffice(const struct bf_config *c, uint32_t *possible)
{
	uint64_t need = OTHERS;
	struct rlimit now;

	if (c->n_guests == 0 || getrlimit(RLIMIT_NOFILE, &now) != 0)
		return true;
	for (uint32_t i = 0; i < c->n_guests; i++)
		need += PER_GUEST + PER_QUEUE * c->guests[i].queues;
	*possible = now.rlim_cur <= OTHERS
		? 0
		: (uint32_t)((now.rlim_cur - OTHERS) * c->n_guests / (need - OTHERS));
	return need <= now.rlim_cur;
}
