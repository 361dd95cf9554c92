/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guests' memory that ends before it should: see guest_memory.h.
 *
 * Threads: see guest_memory.h; handle() is a signal handler.
 */
#include "control/guest_memory.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include <rte_common.h>

#include "control/guest.h"

static __thread bool is_visitor; /* this thread is librte_vhost's */

static bool
is_inside(const struct bf_guest_memory *m, const uint8_t *at)
{
	for (uint32_t i = 0; i < RTE_MIN(m->n, (uint32_t)BF_RING_REGIONS); i++)
		if (at >= m->region[i].va && at < m->region[i].va + m->region[i].size)
			return true;
	return false;
}

/* No ring of the guest can be trusted any more. */
static bool
spoil_owner(const uint8_t *at)
{
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++) {
		struct bf_guest_dp *g = bf_guest_of_slot(s);

		if (g == NULL || !is_inside(&g->memory, at))
			continue;
		for (unsigned int q = 0; q < RTE_DIM(g->ring); q++)
			__atomic_store_n(&g->ring[q].fault, BF_RING_FAULT_MEMORY, __ATOMIC_RELAXED);
		return true;
	}
	return false;
}

/* A page of zeros in place of the missing one; a mapping of huge pages changes by huge pages. */
static bool
mend(uint8_t *at)
{
	static const size_t sizes[] = {1ul << 12, 1ul << 21, 1ul << 30};

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		void *page = at - (uintptr_t)at % sizes[i];

		if (mmap(page, sizes[i], PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == page)
			return true;
	}
	return false;
}

static void
handle(int sig, siginfo_t *info, void *context)
{
	uint8_t *at = info->si_addr;

	(void)context;
	if (info->si_code == BUS_ADRERR && (spoil_owner(at) || is_visitor) && mend(at))
		return;
	signal(sig, SIG_DFL); /* it happens again, and ends the process */
}

void
bf_guest_memory_guard(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

void
bf_guest_memory_visit(void)
{
	is_visitor = true;
}
