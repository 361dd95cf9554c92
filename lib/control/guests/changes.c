/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guests that change: see changes.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/changes.h"

#include <inttypes.h>
#include <stdio.h>

#include "control/bridge.h"
#include "control/guests/rings.h"

#define LOOK_MS 1000 /* a notice may have found the queue full */
#define REFUSAL_MS 1000 /* what a guest is refused is told so often at most */
#define SETTLE_MS UINT64_C(50) /* what a look costs a guest */
#define AT_ONCE 8 /* looks on credit: a front end that connects changes something a few times */
#define CHANGES_TOLD 10 /* in 10 s */
#define FAULTS_TOLD (16 * BF_MAX_QP) /* in 10 s: each ring may be spoiled eight times */

static void
take_back(struct bf_guest *g, enum bf_notice_kind kind)
{
	__atomic_fetch_and(&g->noticed, ~(1u << kind), __ATOMIC_SEQ_CST);
}

/* @return what is added to an event when @p n others were left out before it. */
static const char *
left_out(uint32_t n, char buf[64])
{
	buf[0] = '\0';
	if (n > 0)
		snprintf(buf, 64, "; %" PRIu32 " more before it are not listed", n);
	return buf;
}

static void
report_fault(struct bf_bridge *br, struct bf_guest *g, unsigned int q, const char *until,
	uint8_t fault, uint64_t now_ms)
{
	uint32_t missed = 0;
	char more[64];

	if (bf_log_allow(&g->faults_told, now_ms, &missed))
		bf_event(&br->events, BF_LOG_WARNING, "guest_ring_fault", g->cfg.name,
			"ring %u %s: %s%s", q, until, bf_ring_fault_help[fault],
			left_out(missed, more));
}

/*
 * A ring that a guest's driver has spoiled says so once, also one of a guest that has come and gone since the last
 * look. Memory is lost by all rings, started or not.
 */
static void
report_faults(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	g->faults_told.most = FAULTS_TOLD;
	for (unsigned int q = 0; q < RTE_DIM(g->fault_seen); q++) {
		uint8_t gone = __atomic_exchange_n(
			&g->fault_gone[q], BF_RING_FAULT_NONE, __ATOMIC_RELAXED);
		uint8_t fault = bf_guest_ring_fault(g, q);

		if (gone != BF_RING_FAULT_NONE)
			report_fault(br, g, q, "was disabled until it was reset", gone, now_ms);
		if (fault != BF_RING_FAULT_NONE && fault != g->fault_seen[q] &&
			(q < g->n_vrings || fault != BF_RING_FAULT_MEMORY))
			report_fault(
				br, g, q, "is disabled until the driver resets it", fault, now_ms);
		__atomic_store_n(&g->fault_seen[q], fault, __ATOMIC_RELAXED);
	}
}

/* What a front end was refused: the last of it, once in a while. */
static void
report_refusals(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	struct bf_door_info info;
	uint64_t fresh;

	if (g->refusal_ms != 0 && now_ms - g->refusal_ms < REFUSAL_MS)
		return;
	take_back(g, BF_NOTICE_GUEST_REFUSED);
	bf_guest_look(g, &info);
	fresh = info.refusals - g->refusals_seen;
	if (fresh == 0)
		return;
	g->refusals_seen = info.refusals;
	g->refusal_ms = now_ms;
	if (fresh == 1)
		bf_event(&br->events, BF_LOG_WARNING, "guest_refused", g->cfg.name, "%s",
			info.error);
	else
		bf_event(&br->events, BF_LOG_WARNING, "guest_refused", g->cfg.name,
			"%s (and %" PRIu64 " more)", info.error, fresh - 1);
}

static void
report_mtu(struct bf_bridge *br, const struct bf_guest *g)
{
	if (g->up && g->mtu > g->cfg.mtu)
		bf_event(&br->events, BF_LOG_WARNING, "guest_mtu", g->cfg.name,
			"its front end allows an MTU of %u, the port %" PRIu32
			": longer packets are dropped as oversize; use host_mtu=%" PRIu32
			" there, or set guest %s mtu=%u",
			g->mtu, g->cfg.mtu, g->cfg.mtu, g->cfg.name, g->mtu);
}

/* Whether it is up. @param late of the changes that were not told, this is the last. */
static void
report_state(struct bf_bridge *br, struct bf_guest *g, bool late, uint64_t now_ms)
{
	uint32_t missed = 0;
	char more[64];

	g->told.most = CHANGES_TOLD;
	if (!bf_log_allow(&g->told, now_ms, &missed))
		return;
	left_out(missed - (late ? 1 : 0), more);
	if (g->up)
		bf_event(&br->events, BF_LOG_NOTICE, "guest_up", g->cfg.name,
			"connected: %u queue pairs, features 0x%" PRIx64
			", mtu %u, memory node %d%s",
			g->n_vrings / 2, g->features, bf_guest_mtu(g), g->numa_node, more);
	else
		bf_event(&br->events, BF_LOG_NOTICE, "guest_down", g->cfg.name, "disconnected%s",
			more);
	report_mtu(br, g);
}

/*
 * QEMU and virtio-user ask how many there are.  Others need not, and a guest that uses what nobody polls
 * loses connections without a word.
 */
static void
report_queues(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	uint32_t bits = g->rx_seen | g->tx_seen, missed;
	uint16_t pairs = bits == 0 ? 0 : (uint16_t)(32 - __builtin_clz(bits));

	if (!g->up || pairs <= g->cfg.queues)
		pairs = 0;
	if (pairs > g->pairs_told && bf_log_allow(&g->faults_told, now_ms, &missed))
		bf_event(&br->events, BF_LOG_WARNING, "guest_queues", g->cfg.name,
			"its front end has enabled queue pair %u, the port has %" PRIu32
			": frames that the guest sends on more are not read; use fewer there, or set "
			"guest %s queues=%u",
			pairs, g->cfg.queues, g->cfg.name, pairs);
	g->pairs_told = pairs;
}

static void
take_over(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	uint64_t connects = g->connects;
	bool was = g->up;

	take_back(g, BF_NOTICE_GUEST);
	g->waits = false;
	bf_guest_refresh(g, now_ms);
	bf_negotiated_note(&br->negotiated, g);
	report_faults(br, g, now_ms);
	report_queues(br, g, now_ms);
	bf_plan_guest(br, g);
	br->dirty = true;
	if (g->up == was && g->connects == connects)
		return;
	if (was) {
		bf_bridge_forget(br, g->slot);
		bf_mcast_forget(br, g->slot);
	}
	report_state(br, g, false, now_ms);
}

/* Now, or when the looks before this one are paid for but those on credit. */
static void
look_or_wait(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	uint64_t paid_ms = RTE_MAX(g->paid_ms, now_ms);

	if (paid_ms - now_ms <= (AT_ONCE - 1) * SETTLE_MS) {
		g->paid_ms = paid_ms + SETTLE_MS;
		take_over(br, g, now_ms);
		return;
	}
	g->waits = true;
	br->guest_changes.next_change_ms =
		RTE_MIN(br->guest_changes.next_change_ms, paid_ms - (AT_ONCE - 1) * SETTLE_MS);
}

void
bf_guest_changes_note(
	struct bf_bridge *br, struct bf_guest *g, enum bf_notice_kind kind, uint64_t now_ms)
{
	if (kind == BF_NOTICE_GUEST_REFUSED)
		report_refusals(br, g, now_ms);
	else
		look_or_wait(br, g, now_ms);
}

/* Once a second: what no notice told, and what was left out when there was too much to tell. */
static void
look_anyway(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	uint32_t missed = 0;

	if (bf_guest_is_stale(g))
		look_or_wait(br, g, now_ms);
	if (g->lingers)
		bf_negotiated_note(&br->negotiated, g);
	if (g->refusal_ms != 0)
		report_refusals(br, g, now_ms);
	if (g->told.suppressed > 0)
		report_state(br, g, true, now_ms);
	if (g->faults_told.suppressed > 0 && bf_log_allow(&g->faults_told, now_ms, &missed))
		bf_event(&br->events, BF_LOG_WARNING, "guest_ring_fault", g->cfg.name,
			"%" PRIu32 " more faults of its rings are not listed", missed);
}

uint64_t
bf_guest_changes_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_guest_changes *c = &br->guest_changes;
	bool anyway = now_ms >= c->next_look_ms;

	if (!anyway && now_ms < c->next_change_ms)
		return RTE_MIN(c->next_change_ms, c->next_look_ms);
	c->next_change_ms = UINT64_MAX;
	if (anyway)
		c->next_look_ms = now_ms + LOOK_MS;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		struct bf_guest *g = br->guests[s];

		if (g != NULL && g->waits)
			look_or_wait(br, g, now_ms);
		if (g != NULL && anyway)
			look_anyway(br, g, now_ms);
	}
	return RTE_MIN(c->next_change_ms, c->next_look_ms);
}
