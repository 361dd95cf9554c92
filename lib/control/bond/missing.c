/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Waiting for the devices of members.
 *
 * The EAL is asked again (rte_dev_probe) for what its command line named, at growing intervals; a
 * PCI device only once the kernel shows it with a driver, because each attempt scans the bus.
 *
 * Threads: ctx control.
 */
#include "control/bond/missing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#define FIRST_WAIT_MS 1000
#define LAST_WAIT_MS 30000

bool
bf_missing_is_there(const char *name)
{
	uint16_t port;

	return rte_eth_dev_get_port_by_name(name, &port) == 0;
}

int
bf_missing_pci(const char *name, const char *leaf)
{
	char path[BF_DEV_NAME_MAX + 64];
	unsigned int a, b, c, d;

	if (sscanf(name, "%x:%x:%x.%x", &a, &b, &c, &d) != 4) /* NOLINT(cert-err34-c) */
		return -1;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.12s%s", name, leaf);
	return access(path, F_OK) == 0;
}

static const struct bf_missing_member *
missing_find(const struct bf_missing *m, const char *name)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (strcmp(m->members[i].name, name) == 0)
			return &m->members[i];
	return NULL;
}

bool
bf_missing_has(const struct bf_missing *m, const char *name)
{
	return missing_find(m, name) != NULL;
}

static bool
can_be_had(const struct bf_missing *m, const char *name)
{
	const struct bf_missing_member *known = missing_find(m, name);

	return bf_missing_is_there(name) && (known == NULL || !known->unfit);
}

void
bf_missing_leave_out(const struct bf_missing *m, const struct bf_bond_config *want,
	struct bf_bond_config *present)
{
	*present = *want;
	present->n_members = 0;
	memset(present->members, 0, sizeof(present->members));
	for (uint32_t i = 0; i < want->n_members; i++)
		if (can_be_had(m, want->members[i].name))
			present->members[present->n_members++] = want->members[i];
}

static void
take_devargs(struct bf_missing_member *member, const char *bus)
{
	struct rte_devargs *da;

	RTE_EAL_DEVARGS_FOREACH(bus, da)
	{
		if (strcmp(da->name, member->name) != 0)
			continue;
		snprintf(member->devargs, sizeof(member->devargs), "%s%s%s", da->name,
			da->args != NULL && da->args[0] != '\0' ? "," : "",
			da->args != NULL ? da->args : "");
	}
}

static void
missing_add(struct bf_missing *m, const char *name, struct bf_events *events, uint64_t now_ms)
{
	struct bf_missing_member *member = &m->members[m->n++];

	memset(member, 0, sizeof(*member));
	snprintf(member->name, sizeof(member->name), "%s", name);
	member->wait_ms = FIRST_WAIT_MS;
	member->next_ms = now_ms + FIRST_WAIT_MS;
	take_devargs(member, "vdev");
	take_devargs(member, "pci");
	bf_event(events, BF_LOG_WARNING, "member_missing", name,
		"no such device: the bond works without it, and adds it %s",
		member->devargs[0] != '\0' ? "when it appears" : "after \"port attach\"");
}

static void
missing_forget(struct bf_missing *m, uint32_t i)
{
	m->n--;
	memmove(&m->members[i], &m->members[i + 1], (m->n - i) * sizeof(m->members[0]));
}

void
bf_missing_note(struct bf_missing *m, const struct bf_bond_config *want, struct bf_events *events,
	uint64_t now_ms)
{
	for (uint32_t i = m->n; i > 0; i--) {
		const char *name = m->members[i - 1].name;

		if (want == NULL || bf_bond_config_member(want, name) < 0 || can_be_had(m, name))
			missing_forget(m, i - 1);
	}
	for (uint32_t i = 0; want != NULL && i < want->n_members; i++)
		if (!bf_missing_is_there(want->members[i].name) &&
			missing_find(m, want->members[i].name) == NULL)
			missing_add(m, want->members[i].name, events, now_ms);
}

/* A PCI device has an address for a name; the kernel shows what is plugged in and bound. */
static bool
is_worth_asking(const struct bf_missing_member *member)
{
	return member->devargs[0] != '\0' && bf_missing_pci(member->name, "/driver") != 0;
}

/* The EAL's complaints of an attempt that is expected to fail say nothing new. */
static void
ask_eal(const struct bf_missing_member *member)
{
	uint32_t level = rte_log_get_global_level();

	rte_log_set_global_level(RTE_LOG_CRIT);
	rte_dev_probe(member->devargs);
	rte_log_set_global_level(level);
}

struct bf_missing_member *
bf_missing_look(struct bf_missing *m, uint64_t now_ms)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct bf_missing_member *member = &m->members[i];

		if (now_ms < member->next_ms)
			continue;
		member->next_ms = now_ms + member->wait_ms;
		if (!bf_missing_is_there(member->name) && is_worth_asking(member)) {
			ask_eal(member);
			member->wait_ms = RTE_MIN(2 * member->wait_ms, (uint32_t)LAST_WAIT_MS);
		}
		member->unfit = false;
		if (bf_missing_is_there(member->name))
			return member;
	}
	return NULL;
}

uint64_t
bf_missing_due(const struct bf_missing *m)
{
	uint64_t due = UINT64_MAX;

	for (uint32_t i = 0; i < m->n; i++)
		due = RTE_MIN(due, m->members[i].next_ms);
	return due;
}

void
bf_missing_refuse(struct bf_missing_member *member, uint64_t now_ms)
{
	member->unfit = true;
	member->wait_ms = FIRST_WAIT_MS;
	member->next_ms = now_ms + 2ull * LAST_WAIT_MS;
}
