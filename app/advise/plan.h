/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a host should give to bondfwd: which CPUs, how much memory on which node, which cards.
 *
 * Theory of operation.  Workers poll, so each gets a core of its own, with its hyper-thread left idle, on the node of
 * a card; CPU 0 and its core stay with the kernel.  The main lcore sleeps: it may share that core.  The kernel's work,
 * interrupts and guests are kept off the workers' cores.  Memory is what the pools are made with (amounts.h).
 *
 * Threads: one; pure functions of what was read.
 */
#ifndef BF_APP_ADVISE_PLAN_H
#define BF_APP_ADVISE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/config/config.h"
#include "dataplane/sizes.h"
#include "machine/machine.h"
#include "machine/nics.h"

#define BF_ADVISE_RESERVE_MIB 12 /* beyond what was measured: descriptor rings of cards */
#define BF_ADVISE_PER_GUEST_KIB 256

/** What the operator wants; 0 is "as it suits the host". */
struct bf_advise_wish {
	uint32_t workers, guests, mtu;
	uint32_t n_members;
	char members[BF_MAX_MEMBERS][BF_DEV_NAME_MAX];
	char root[256]; /* of the host's files: "" this one */
};

/**
 * Read "workers=2,guests=20,mtu=9000,member=0000:01:00.0,root=/tmp/host"; members may be repeated.
 *
 * @return
 *   0, or -EINVAL with the reason.
 */
int bf_advise_wish_parse(struct bf_advise_wish *w, const char *text, struct bf_err *err);

struct bf_advise_memory {
	int node;
	uint32_t rest_mib; /* beside frames and guests */
	uint32_t mib; /* huge pages that bondfwd needs there */
	uint64_t free_mib; /* huge pages that are free there now */
	uint64_t pages_2m; /* that it needs: those that it has, and what is missing */
};

struct bf_advise_plan {
	uint32_t n_workers, n_guests, mtu;
	uint32_t ring_size;
	unsigned int main_cpu;
	unsigned int workers[BF_MAX_WORKERS]; /* CPUs */
	bool shares_cpu; /* there is no core for a worker alone: it sleeps when idle, beside the rest */
	struct bf_cpuset isolate; /* the workers' cores; empty when shares_cpu */
	struct bf_cpuset housekeeping; /* all others */
	struct bf_cpuset
		guest_cpus; /* for guests: neither a worker's core nor the main lcore's CPU */
	bool guests_far; /* no such CPU is on the cards' nodes beside CPU 0's core: these are all there are */
	uint32_t n_cards;
	const struct bf_nic *cards[BF_MAX_MEMBERS];
	uint32_t n_memory;
	struct bf_advise_memory memory[BF_MACHINE_NODES];
	uint32_t frames; /* of the bond's pool */
	uint32_t frame_bytes; /* memory of one of them */
};

/**
 * Make the plan.
 *
 * @param p
 *   Points into @p nics.
 * @return
 *   0; -EINVAL: a wish cannot be had on this host, with the reason.
 */
int bf_advise_plan(const struct bf_machine *m, const struct bf_nics *nics,
	const struct bf_advise_wish *w, struct bf_advise_plan *p, struct bf_err *err);

#endif
