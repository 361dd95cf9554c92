/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a member's link is watched: see link_detect.h.
 *
 * Threads: ctx control.
 */
#include "control/bond/link_detect.h"

#include <inttypes.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/clock.h"
#include "control/compat.h"
#include "control/loop/intr.h"

#define SETTLE_MS 3000 /* a link that was just started or switched may change in silence */
#define PAUSE_MS 3000
#define QUIET_MS 1000 /* what stopping or starting a device may take */
#define CLOCK_SLACK_MS 5 /* the EAL's alarms have a clock of their own */

/* When the PMD looks at a bond's links. */
static struct link_monitor {
	uint32_t period_ms;
	uint64_t from_ms,
		by_ms; /* it looks next not before and, where from is to come, not after; by 0: not started */
} monitors[BF_MAX_BONDS];
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

/* It may have looked until now, and waits for so long since. */
static void
monitor_note(struct link_monitor *m, uint64_t now_ms, uint32_t period_ms)
{
	if (m->by_ms != 0 && now_ms >= m->from_ms)
		m->by_ms = RTE_MAX(m->by_ms, now_ms + period_ms);
}

static void
period_set(const struct bf_bond *b, uint32_t ms)
{
	struct link_monitor *m = &monitors[b->number];

	monitor_note(m, bf_clock_ms(), m->period_ms);
	rte_eth_bond_link_monitoring_set(b->port, ms);
	m->period_ms = ms;
}

void
bf_link_detect_set_period(const struct bf_bond *b)
{
	period_set(b, period_of(b));
}

void
bf_link_detect_create(const struct bf_bond *b)
{
	monitors[b->number] = (struct link_monitor){0};
}

void
bf_link_detect_started(const struct bf_bond *b)
{
	struct link_monitor *m = &monitors[b->number];

	m->by_ms = bf_clock_ms() + m->period_ms;
}

static bool
is_monitored(const struct bf_bond *b)
{
	for (unsigned int i = 0; i < b->n_members; i++)
		if (b->members[i].detect != BF_LINK_INTERRUPT)
			return true;
	return false;
}

/*
 * A period counts from the next time that the PMD asks: that one comes when it was due, and has to be waited for.
 * One that is under way may have read the period from before.
 */
static void
monitor_wait(const struct bf_bond *b, uint32_t was_ms)
{
	struct link_monitor *m = &monitors[b->number];
	uint64_t began_ms = bf_clock_ms(), now_ms;

	bf_intr_wait(0);
	now_ms = bf_clock_ms();
	monitor_note(m, now_ms, was_ms);
	bf_intr_wait(m->by_ms - now_ms + CLOCK_SLACK_MS);
	m->from_ms = RTE_MAX(m->from_ms, began_ms) + PAUSE_MS - CLOCK_SLACK_MS;
	m->by_ms = bf_clock_ms() + PAUSE_MS;
}

void
bf_link_detect_pause(const struct bf_bond *b)
{
	struct link_monitor *m = &monitors[b->number];
	uint64_t now_ms = bf_clock_ms();
	uint32_t was_ms = m->period_ms;

	period_set(b, PAUSE_MS);
	if (m->by_ms == 0) /* it asks a period after the start at the earliest */
		m->from_ms = now_ms + PAUSE_MS - CLOCK_SLACK_MS;
	else if (is_monitored(b) && m->from_ms < now_ms + QUIET_MS)
		monitor_wait(b, was_ms);
}

bool
bf_link_detect_is_quiet(const struct bf_bond *b)
{
	return !is_monitored(b) || bf_clock_ms() < monitors[b->number].from_ms;
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
