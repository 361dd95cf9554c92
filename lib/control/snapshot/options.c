/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Keys with their values.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/options.h"

const struct bf_field bf_option_fields[2] = {
	BF_FIELD(struct bf_option_row, key),
	BF_FIELD(struct bf_option_row, value),
};

const struct bf_table bf_options_table =
	BF_TABLE("option", struct bf_option_row, bf_option_fields, .shape = BF_SHAPE_MAP);

static void
option_add(const struct bf_key *k, const void *of, struct bf_rows *rows, struct bf_snapshot *s)
{
	struct bf_option_row *row = bf_rows_add(s, rows, sizeof(*row));
	char value[BF_KEY_TEXT_MAX];

	bf_key_print(k, of, value, sizeof(value));
	row->key = k->name;
	row->value = bf_snapshot_copy(s, value);
}

void
bf_gather_options(const struct bf_key *keys, unsigned int n_keys, const void *of,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	for (unsigned int i = 0; s->in_full && i < n_keys; i++)
		if (!(keys[i].flags & BF_KEY_IDENTITY))
			option_add(&keys[i], of, rows, s);
}

void
bf_gather_own_options(
	const struct bf_key_table *t, const void *of, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (bf_keys_is_own(t, of, i))
			option_add(&t->keys[i], of, rows, s);
}
