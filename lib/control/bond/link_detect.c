/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a member's link is watched: see link_detect.h.
 *
 * Threads: ctx control.
 */
#include "control/bond/link_detect.h"

#include <inttypes.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "base/clock.h"
#include "control/compat.h"

#define SETTLE_MS 3000 /* a link that was just started or switched may change in silence */
#define PAUSE_MS 3000
#define PAUSE_SLACK_MS 10u /* what one question may take */
#define START_MS 1000 /* what a device takes to be stopped and started, and some more */
#define SOON_MS 10 /* the first question of a bond whose members are started once more */
#define GRACE_MS 1000 /* an interrupt may come later than the answer to a question */

enum bf_link_detect
bf_link_detect_of(
	const struct bf_bond_config *cfg, const struct bf_member_config *member, bool interrupt)
{
	uint32_t how = member->link_detect == BF_LINK_OF_BOND
		? cfg->link_detect
		: member->link_detect - BF_LINK_OF_BOND - 1;

	return interrupt ? (enum bf_link_detect)how : BF_LINK_POLL;
}

/* The device's flags, where ethdev and the PMD read them. */
static uint32_t *
device_flags(uint16_t port)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port, &info) != 0)
		return NULL;
	return (uint32_t *)(uintptr_t)info.dev_flags; /* not const in struct rte_eth_dev_data */
}

static void
set_interrupt_flag(uint16_t port, bool on)
{
	uint32_t *flags = device_flags(port);

	if (flags == NULL)
		return;
	if (on)
		*flags |= RTE_ETH_DEV_INTR_LSC;
	else
		*flags &= ~RTE_ETH_DEV_INTR_LSC;
}

/* The PMD starts the device with the settings it has; those of an earlier start may want the interrupt. */
static void
forget_interrupt(uint16_t port)
{
	struct rte_eth_conf conf;

	if (rte_eth_dev_conf_get(port, &conf) != 0 || conf.intr_conf.lsc == 0)
		return;
	conf.intr_conf.lsc = 0;
	rte_eth_dev_configure(port, 1, 1, &conf);
}

void
bf_link_detect_prepare(struct bf_bond *b, unsigned int i)
{
	struct bf_member *m = &b->members[i];
	const uint32_t *flags = device_flags(m->port);

	m->has_interrupt = flags != NULL && (*flags & RTE_ETH_DEV_INTR_LSC);
	m->detect = bf_link_detect_of(&b->cfg, &b->cfg.members[i], m->has_interrupt);
	if (!m->has_interrupt || m->detect == BF_LINK_INTERRUPT)
		return;
	forget_interrupt(m->port);
	set_interrupt_flag(m->port, false);
}

void
bf_link_detect_finish(struct bf_bond *b, unsigned int i)
{
	const struct bf_member *m = &b->members[i];

	if (m->has_interrupt && m->detect == BF_LINK_AUTO)
		set_interrupt_flag(m->port, true);
}

void
bf_link_detect_restore(struct bf_bond *b, unsigned int i)
{
	if (b->members[i].has_interrupt)
		set_interrupt_flag(b->members[i].port, true);
}

bool
bf_link_detect_asks(const struct bf_member *m)
{
	return m->detect == BF_LINK_POLL || m->interrupt_failed;
}

static uint32_t
period_of(const struct bf_bond *b)
{
	uint32_t ms = BF_LINK_LOOK_MS;

	for (unsigned int i = 0; i < b->n_members; i++)
		if (bf_link_detect_asks(&b->members[i]))
			ms = RTE_MIN(ms, b->cfg.mon_period_ms);
	return ms;
}

/* A shorter period counts from the next time that it asks, which the longer one has set. */
static void
period_set(struct bf_bond *b, uint32_t ms)
{
	struct bf_link_asks *a = &b->asks;

	if (ms < a->period_ms)
		a->until_ms = RTE_MAX(a->until_ms, bf_clock_ms() + a->period_ms);
	a->period_ms = ms;
	rte_eth_bond_link_monitoring_set(b->port, ms);
}

void
bf_link_detect_set_period(struct bf_bond *b)
{
	period_set(b, period_of(b));
}

void
bf_link_detect_begin(struct bf_bond *b, bool again)
{
	memset(&b->asks, 0, sizeof(b->asks));
	period_set(b, again ? SOON_MS : period_of(b));
}

/*
 * The pause begins with the next time that it asks, which has been set and comes anyway: it is waited for.  From
 * then on it asks PAUSE_MS later, whatever period is set until then.  In between there is no need to wait.
 */
void
bf_link_detect_pause(struct bf_bond *b)
{
	struct bf_link_asks *a = &b->asks;
	uint64_t now_ms, last_ms;

	rte_eth_bond_link_monitoring_set(b->port, PAUSE_MS);
	now_ms = bf_clock_ms();
	if (now_ms + START_MS <= a->from_ms)
		return;
	last_ms = now_ms < a->from_ms ? a->until_ms : RTE_MAX(a->until_ms, now_ms + a->period_ms);
	last_ms += PAUSE_SLACK_MS;
	a->from_ms = RTE_MAX(a->from_ms, now_ms) + PAUSE_MS;
	a->until_ms = last_ms + PAUSE_MS;
	rte_delay_us_sleep((unsigned int)(1000 * (last_ms - now_ms)));
}

void
bf_link_detect_switched(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	b->members[i].settles_ms = now_ms + SETTLE_MS;
}

void
bf_link_detect_note(struct bf_bond *b, unsigned int i, bool up, uint64_t now_ms)
{
	uint32_t interrupts = bf_bond_device_interrupts(b, i);
	struct bf_member *m = &b->members[i];
	bool silent = up != m->driver_up && interrupts == m->interrupts;

	if (m->settles_ms == 0) /* the first look */
		bf_link_detect_switched(b, i, now_ms);
	if (silent && m->detect == BF_LINK_AUTO && !m->interrupt_failed && m->doubt_ms == 0 &&
		now_ms >= m->settles_ms) {
		m->doubt_ms = now_ms + GRACE_MS;
		m->doubt_interrupts = interrupts;
	}
	m->driver_up = up;
	m->interrupts = interrupts;
}

uint64_t
bf_link_detect_judge(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct bf_member *m = &b->members[i];

	if (bf_bond_device_interrupts(b, i) != m->doubt_interrupts)
		m->doubt_ms = 0; /* late, but it came */
	if (m->doubt_ms == 0)
		return UINT64_MAX;
	if (now_ms < m->doubt_ms)
		return m->doubt_ms;
	m->doubt_ms = 0;
	m->interrupt_failed = true;
	bf_link_detect_set_period(b);
	bf_event(b->events, BF_LOG_WARNING, "link_interrupt_missing", m->name,
		"its link changed and its driver's interrupt did not come: it is polled every %" PRIu32
		" ms from now on, as with link_detect=poll",
		b->cfg.mon_period_ms);
	return UINT64_MAX;
}
