/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show keys: what may be set of a bond, a member, a guest and an exporter, from the keys' rows.
 *
 * Threads: ctx control.
 */
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "control/config/foreign.h"

static void
show_names(const struct bf_key *k, struct bf_out *out)
{
	const char *const *other = k->other_names;
	const struct bf_key_word *w = k->other_words;

	bf_out_arr_begin(out, "other_names");
	for (; other != NULL && *other != NULL; other++) {
		bf_out_printf(out, "    also %s\n", *other);
		bf_out_str(out, NULL, *other);
	}
	bf_out_arr_end(out);
	bf_out_obj_begin(out, "other_words");
	for (; w != NULL && w->theirs != NULL; w++) {
		bf_out_printf(out, "    also %s for %s\n", w->theirs, w->ours);
		bf_out_str(out, w->theirs, w->ours);
	}
	bf_out_obj_end(out);
}

static void
show_key(const struct bf_key_table *t, const struct bf_key *k, struct bf_out *out)
{
	char values[256], defaults[128];

	bf_key_values(k, values, sizeof(values));
	bf_key_defaults(k, defaults, sizeof(defaults));
	bf_out_printf(out, "%s: %s; default %s\n    %s%s\n", k->name, values, defaults, k->help,
		k->reopens != NULL ? " (a change may cut the connection)" : "");
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "of", t->what);
	bf_out_str(out, "key", k->name);
	bf_out_str(out, "values", values);
	bf_out_str(out, "default", bf_key_default(k, BF_PROFILE_TRUSTED));
	bf_out_str(out, "tenant_default", bf_key_default(k, BF_PROFILE_TENANT));
	bf_out_str(out, "defaults", defaults);
	bf_out_str(out, "help", k->help);
	bf_out_bool(out, "reconnects", k->reopens != NULL);
	show_names(k, out);
	bf_out_obj_end(out);
}

static void
show_foreign(const struct bf_foreign *f, struct bf_out *out)
{
	bf_out_printf(out, "%s%s%s: is %s that bondfwd does not have: %s\n", f->key,
		f->word != NULL ? "=" : "", f->word != NULL ? f->word : "", f->of, f->instead);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "of", f->what);
	bf_out_str(out, "key", f->key);
	bf_out_str(out, "value", f->word != NULL ? f->word : "");
	bf_out_str(out, "origin", f->of);
	bf_out_str(out, "instead", f->instead);
	bf_out_obj_end(out);
}

static void
cmd_keys(struct bf_cmd_ctx *ctx)
{
	static const struct bf_key_table *const tables[] = {
		&bf_bond_table, &bf_member_table, &bf_guest_table, &bf_exporter_table};
	const char *of = bf_cmd_arg(ctx, "of");
	struct bf_out *out = ctx->out;

	bf_out_obj_begin(out, NULL);
	bf_out_arr_begin(out, "keys");
	for (size_t i = 0; i < RTE_DIM(tables); i++) {
		if (of != NULL && strcmp(of, tables[i]->what) != 0)
			continue;
		bf_out_printf(out, "%sKeys of %s %s:\n\n", i > 0 && of == NULL ? "\n" : "",
			tables[i] == &bf_exporter_table ? "an" : "a", tables[i]->what);
		for (unsigned int k = 0; k < tables[i]->n; k++)
			show_key(tables[i], &tables[i]->keys[k], out);
	}
	bf_out_arr_end(out);
	bf_out_arr_begin(out, "foreign");
	if (of == NULL)
		bf_out_printf(out, "\nOf Linux bonding and teamd, not here:\n\n");
	for (unsigned int i = 0; i < bf_n_foreigns; i++)
		if (of == NULL || strcmp(of, bf_foreigns[i].what) == 0)
			show_foreign(&bf_foreigns[i], out);
	bf_out_arr_end(out);
	bf_out_obj_end(out);
}

static const struct bf_cmd keys_cmds[] = {
	{"show keys [(of:bond|member|guest|exporter)]",
		"Settings of bonds, members, guests and exporters: values, defaults, other names.",
		cmd_keys, 0},
};

const struct bf_cmd_group bf_group_keys = {
	"keys", "Settings of bonds, members, guests and exporters", BF_CMDS(keys_cmds)};
