/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Keys with their values.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/options.h"

struct option_row {
	const char *key, *value;
};

static const struct bf_field option_fields[] = {
	BF_FIELD(struct option_row, key),
	BF_FIELD(struct option_row, value),
};

const struct bf_table bf_options_table =
	BF_TABLE("option", struct option_row, option_fields, .shape = BF_SHAPE_MAP);

void
bf_gather_options(const struct bf_key *keys, unsigned int n_keys, const void *of,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	char value[BF_KEY_TEXT_MAX];

	for (unsigned int i = 0; s->in_full && i < n_keys; i++) {
		struct option_row *row;

		if (keys[i].flags & BF_KEY_IDENTITY)
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		bf_key_print(&keys[i], of, value, sizeof(value));
		row->key = keys[i].name;
		row->value = bf_snapshot_copy(s, value);
	}
}
