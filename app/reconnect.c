/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See reconnect.h.
 *
 * Threads: ctx control.
 */
#include "reconnect.h"

#include <errno.h>

#include "control/bridge.h"

bool
bf_reconnect_is_lost(
	const struct bf_negotiated_book *b, const struct bf_guest_config *to, struct bf_err *why)
{
	const struct bf_negotiated *n = bf_negotiated_find(b, to->name);

	return n != NULL && bf_negotiated_lacks(n, to, why) && bf_negotiated_binds(n);
}

int
bf_reconnect_refuse_guest(const struct bf_negotiated_book *b, const struct bf_guest_config *from,
	const struct bf_guest_config *to, const char *how, struct bf_err *err)
{
	struct bf_err why = {""};

	if ((from != NULL && !bf_guest_config_reopens(from, to)) ||
		!bf_reconnect_is_lost(b, to, &why))
		return 0;
	if (how == NULL)
		return bf_err_set(err, EPERM,
			"guest: \"%.60s\": its front end cannot come back: %s", to->name, why.text);
	return bf_err_set(err, EPERM,
		"guest: \"%.60s\": its front end could not come back (%s to do it all the same): %s",
		to->name, how, why.text);
}

static const struct bf_guest_config *
guest_before(const struct bf_config *from, const struct bf_guest_config *to)
{
	return from != NULL ? bf_config_find_guest(from, to->name) : NULL;
}

int
bf_reconnect_refuse(const struct bf_negotiated_book *b, const struct bf_config *from,
	const struct bf_config *to, const char *how, struct bf_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < to->n_guests; i++)
		ret = bf_reconnect_refuse_guest(
			b, guest_before(from, &to->guests[i]), &to->guests[i], how, err);
	return ret;
}

void
bf_reconnect_faults(const struct bf_negotiated_book *b, const struct bf_config *from,
	const struct bf_config *to, const char *how, bf_config_fault_cb *cb, void *arg)
{
	struct bf_err err;

	for (uint32_t i = 0; i < to->n_guests; i++)
		if (bf_reconnect_refuse_guest(
			    b, guest_before(from, &to->guests[i]), &to->guests[i], how, &err) != 0)
			cb(arg, &err);
}

void
bf_reconnect_warn(void *bridge, const struct bf_err *err)
{
	struct bf_bridge *br = bridge;

	bf_event(&br->events, BF_LOG_WARNING, "guest_reconnect", "config", "%s", err->text);
}
