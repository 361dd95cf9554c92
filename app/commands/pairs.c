/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Completion of KEY=VALUE,...: the keys' rows say which keys there are, what may be written, and what it is for.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "commands/pairs.h"
#include "control/config/config.h"
#include "control/config/types.h"

/* Whose keys a command takes, by its words. */
static const struct bf_key_table *
table_of(const struct bf_cmd *cmd)
{
	static const struct {
		const char *words;
		const struct bf_key_table *table;
	} tables[] = {{"bonding (member|slave)", &bf_member_table},
		{"bonding option", &bf_bond_table}, {"guest", &bf_guest_table},
		{"host", &bf_guest_table}, {"group", &bf_guest_table},
		{"exporter", &bf_exporter_table}};

	for (size_t i = 0; i < RTE_DIM(tables); i++)
		if (strstr(cmd->syntax, tables[i].words) != NULL)
			return tables[i].table;
	return NULL;
}

/* Who it is, is said elsewhere. */
static const struct bf_key *
key_at(const struct bf_key_table *t, unsigned int idx)
{
	for (unsigned int i = 0; i < t->n; i++)
		if ((t->keys[i].flags & BF_KEY_IDENTITY) == 0 && idx-- == 0)
			return &t->keys[i];
	return NULL;
}

static const struct bf_key *
key_named(const struct bf_key_table *t, const char *name)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (bf_key_has_name(&t->keys[i], name))
			return &t->keys[i];
	return NULL;
}

static void
key_offer(const struct bf_key *k, bool takes_value, struct bf_pair_choice *c)
{
	snprintf(c->text, sizeof(c->text), "%s%s", k->name, takes_value ? "=" : "");
	snprintf(c->help, sizeof(c->help), "%s", k->help);
	c->goes_on = takes_value;
}

/* The words of a key first, then what else may be written. */
static int
value_offer(const struct bf_key *k, unsigned int idx, struct bf_pair_choice *c)
{
	static const char *const onoff[] = {"on", "off"};
	const char *const *words = k->words;
	unsigned int n = k->n_words;
	char values[128], defaults[96];

	if (k->type == &bf_type_bool) {
		words = onoff;
		n = 2;
	}
	bf_key_defaults(k, defaults, sizeof(defaults));
	if (idx < n) {
		bool is_default = strcmp(words[idx], bf_key_default(k, BF_PROFILE_TRUSTED)) == 0;

		snprintf(c->text, sizeof(c->text), "%s", words[idx]);
		snprintf(c->help, sizeof(c->help), "%s", is_default ? "the default" : "");
		return 0;
	}
	if (idx > n || n > 0)
		return -1;
	bf_key_values(k, values, sizeof(values));
	snprintf(c->text, sizeof(c->text), "<%.90s>", values);
	snprintf(c->help, sizeof(c->help), "%.120s (default %.90s)", k->help, defaults);
	c->is_hint = true;
	return 0;
}

int
bf_app_pairs(void *app, const struct bf_cmd *cmd, const char *arg_name, const char *key,
	unsigned int idx, struct bf_pair_choice *choice)
{
	const struct bf_key_table *t = table_of(cmd);
	const struct bf_key *k = NULL;

	(void)app;
	if (t == NULL)
		return -1;
	k = key == NULL ? key_at(t, idx) : key_named(t, key);
	if (k == NULL)
		return -1;
	if (key != NULL)
		return value_offer(k, idx, choice);
	key_offer(k, strcmp(arg_name, "options") == 0, choice);
	return 0;
}
