/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See forced.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/forced.h"

void
bf_forced_note(struct bf_negotiated_book *b, const struct bf_guest_config *cfg)
{
	const struct bf_negotiated *n = bf_negotiated_find(b, cfg->name);
	struct bf_negotiated gone;

	if (n == NULL || !n->up || !bf_negotiated_lacks(n, cfg, NULL))
		return;
	gone = *n;
	gone.up = false;
	bf_negotiated_restore(b, &gone);
	b->version++;
}
