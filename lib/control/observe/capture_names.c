/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See capture_names.h.
 *
 * Threads: see capture_names.h.
 */
#include "control/observe/capture_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "control/bridge.h"

/* One that has gone keeps its name: its last frames may still come. */
static void
name_note(struct bf_capture_name *n, const char *name, uint64_t now_tsc)
{
	const char *last = n->since_tsc != 0 ? n->next : n->name;

	if (name[0] == '\0' || strcmp(last, name) == 0)
		return;
	snprintf(n->next, sizeof(n->next), "%s", name);
	n->since_tsc = now_tsc;
}

static const char *
port_now(const struct bf_bridge *br, uint16_t slot)
{
	if (bf_is_bond_slot(slot))
		return br->up[bf_bond_of_slot(slot)].name;
	return br->guests[slot] != NULL ? br->guests[slot]->cfg.name : "";
}

void
bf_capture_names_note(struct bf_capture_names *n, const struct bf_bridge *br)
{
	uint64_t now = rte_rdtsc();

	pthread_mutex_lock(&n->lock);
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++)
		name_note(&n->ports[slot], port_now(br, slot), now);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		for (unsigned int i = 0; i < br->up[k].bond.n_members; i++) {
			const struct bf_member *m = &br->up[k].bond.members[i];

			name_note(&n->members[k][m->bit], m->name, now);
		}
	pthread_mutex_unlock(&n->lock);
}

struct bf_capture_names *
bf_capture_names_new(const struct bf_bridge *br)
{
	struct bf_capture_names *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	pthread_mutex_init(&n->lock, NULL);
	bf_capture_names_note(n, br);
	return n;
}

void
bf_capture_names_free(struct bf_capture_names *n)
{
	if (n == NULL)
		return;
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static const char *
name_at(struct bf_capture_names *names, struct bf_capture_name *n, uint64_t tsc, bool *is_other)
{
	pthread_mutex_lock(&names->lock);
	*is_other = n->since_tsc != 0 && (tsc >= n->since_tsc || n->name[0] == '\0');
	if (*is_other) {
		memcpy(n->name, n->next, sizeof(n->name));
		n->since_tsc = 0;
	}
	pthread_mutex_unlock(&names->lock);
	return n->name[0] != '\0' ? n->name : "?";
}

const char *
bf_capture_port_at(struct bf_capture_names *n, uint16_t slot, uint64_t tsc, bool *is_other)
{
	return name_at(n, &n->ports[slot], tsc, is_other);
}

const char *
bf_capture_member_at(struct bf_capture_names *n, unsigned int bond, unsigned int bit, uint64_t tsc)
{
	bool is_other;

	return name_at(n, &n->members[bond][bit], tsc, &is_other);
}
