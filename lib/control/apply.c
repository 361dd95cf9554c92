/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Making the running state equal to a config, and back when a step fails.
 *
 * Threads: ctx control.
 */
#include "control/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/config/descriptors.h"

/* The uplink that a wanted bond has or would have. */
static const struct bf_uplink *
wanted_uplink(const struct bf_bridge *br, const struct bf_config *want, uint32_t i)
{
	const struct bf_uplink *unused = &br->up[0];

	for (unsigned int k = BF_MAX_BONDS; k-- > 0;) {
		if (strcmp(br->up[k].name, want->bonds[i].name) == 0)
			return &br->up[k];
		if (bf_config_find_bond(want, br->up[k].name) == NULL)
			unused = &br->up[k];
	}
	return unused;
}

int
bf_bridge_check(const struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	struct bf_bond_config there;
	int ret = bf_config_check(want, err);

	for (uint32_t i = 0; ret == 0 && i < want->n_bonds; i++) {
		const struct bf_uplink *u = wanted_uplink(br, want, i);

		bf_missing_leave_out(&u->missing, &want->bonds[i], &there);
		ret = bf_bond_check(&u->bond, &there, err);
	}
	for (uint32_t i = 0; ret == 0 && i < want->n_guests; i++) {
		const struct bf_guest_config *had =
			bf_config_find_guest(br->running, want->guests[i].name);

		if (had == NULL || had->host != want->guests[i].host ||
			strcmp(had->socket, want->guests[i].socket) != 0 ||
			had->server != want->guests[i].server)
			ret = bf_guest_check_socket(&want->guests[i], err);
	}
	return ret;
}

/* Everything is there: what follows from it, and workers use it. */
static void
config_settle(struct bf_bridge *br, const struct bf_config *want)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		bf_frames_retry(&br->up[k].frames);
	bf_frames_share(br); /* a bond that was opened anew has a new pool */
	br->fdb->age_s = want->fdb_aging_s;
	memcpy(br->running, want, sizeof(*want));
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		struct bf_uplink *u = &br->up[k];

		bf_bond_forget_switches(&u->bond, bf_config_find_bond(want, u->name));
		bf_missing_note(&u->missing, bf_config_find_bond(want, u->name), &br->events,
			bf_clock_ms());
		u->next_ms = 0;
	}
	bf_captures_leave_ports(br);
	bf_exporters_retire(br, want);
	if (bf_bridge_publish_and_wait(br) == 0) { /* who asked finds it done */
		bf_exporters_end(br);
		bf_mirrors_collect(&br->mirrors);
	}
}

/* @p slots: which the wanted guests are to have again; 0: any. */
static int
config_converge(struct bf_bridge *br, const struct bf_config *want, const uint16_t *slots,
	struct bf_err *err)
{
	uint32_t possible;
	int ret = bf_apply_remove_guests(br, want, err);

	if (ret == 0)
		ret = bf_apply_bonds(br, want, err);
	if (ret == 0)
		ret = bf_apply_guests(br, want, slots, err);
	if (ret == 0)
		ret = bf_exporters_open(br, want, err);
	if (ret == 0)
		ret = bf_mirrors_apply(br, want, err);
	if (ret != 0)
		return ret;
	if (!bf_descriptors_suffice(want, &possible) && possible < want->n_guests)
		bf_event(&br->events, BF_LOG_WARNING, "descriptors", "guests",
			"%u guests are configured and about %u can be connected: expected a higher limit "
			"of open files (ulimit -n, LimitNOFILE=)",
			want->n_guests, possible);
	config_settle(br, want);
	return 0;
}

int
bf_bridge_apply(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	uint16_t slots[BF_MAX_GUESTS], before[BF_MAX_GUESTS];
	struct bf_config *old;
	struct bf_err why;
	int ret = bf_bridge_check(br, want, err);

	if (ret != 0)
		return ret;
	old = bf_config_copy(br->running);
	if (old == NULL)
		return bf_err_set(err, ENOMEM, "out of memory");
	bf_apply_note_slots(br, want, slots);
	bf_apply_note_slots(br, old, before);
	ret = config_converge(br, want, slots, err);
	if (ret != 0 && config_converge(br, old, before, &why) != 0)
		bf_event(&br->events, BF_LOG_ERR, "rollback_failed", "config", "%s", why.text);
	free(old);
	if (ret != 0)
		errno = -ret;
	return ret;
}
