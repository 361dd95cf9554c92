/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: text as --bond, as --guest, as keys whose values are lists, and as a config file of
 * the program's own commands.
 * What was taken is printed, read back and printed again: both prints must be the same.
 * Configs that the check refuses are not printed: they never run.
 *
 * Threads: one.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/ip_list.h"
#include "base/mac_list.h"
#include "base/rate_limit.h"
#include "base/vlan_set.h"
#include "commands/commands.h"
#include "console/script.h"
#include "control/config/types.h"
#include "replay.h"

#define INPUT_MAX 8192

#define CHECK(cond) \
	do { \
		if (!(cond)) \
			abort(); \
	} while (0)

static struct bf_app app;

static int
on_line(void *arg, const char *file, unsigned int line_no, const char *line)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 1 << 20);
	const struct bf_cmd *cmd = bf_cmd_find(app.cmds, line, out);
	int ret;

	(void)arg;
	(void)file;
	(void)line_no;
	if (cmd != NULL && (cmd->flags & BF_CMD_CONFIG))
		bf_cmd_run(app.cmds, line, out, &app);
	ret = cmd == NULL || bf_out_status(out) != BF_OUT_OK;
	bf_out_destroy(out);
	return arg == NULL ? 0
			   : ret; /* fuzzed files go on behind a bad line, printed ones do not */
}

struct print {
	size_t len;
	char text[1 << 19];
};

static void
put_line(void *arg, const char *line)
{
	struct print *p = arg;
	size_t n = strlen(line);

	CHECK(p->len + n + 2 < sizeof(p->text));
	memcpy(p->text + p->len, line, n);
	p->text[p->len + n] = '\n';
	p->len += n + 1;
	p->text[p->len] = '\0';
}

static void
print_and_read_back(struct bf_config *c)
{
	static struct print first, second;
	struct bf_err why = {""};
	struct bf_err err;

	if (bf_config_check(c, &why) != 0) {
		CHECK(why.text[0] != '\0');
		return;
	}
	first.len = second.len = 0;
	bf_config_print(c, put_line, &first);
	app.candidate = bf_config_new();
	CHECK(app.candidate != NULL);
	CHECK(bf_script_parse("printed", first.text, first.len, on_line, &app, &err) == 0);
	bf_config_print(app.candidate, put_line, &second);
	CHECK(first.len == second.len && memcmp(first.text, second.text, first.len) == 0);
	free(app.candidate);
	app.candidate = NULL;
}

static void
as_pairs(const char *text, bool bond)
{
	struct bf_config *c = bf_config_new();
	struct bf_err err = {""};
	struct bf_guest_config g;
	int ret;

	CHECK(c != NULL);
	bf_guest_config_init(&g);
	c->n_bonds = bond;
	ret = bond ? bf_bond_config_parse(&c->bonds[0], text, &err)
		   : bf_guest_config_parse(&g, text, &err);
	CHECK(ret == 0 || err.text[0] != '\0');
	if (ret == 0 && !bond)
		ret = bf_config_add_guest(c, &g, &err);
	if (ret == 0)
		print_and_read_back(c);
	free(c);
}

/* Kinds of values with a text of their own, apart from the rules of guests and bonds. */
struct lists {
	struct bf_vlan_set vlans;
	struct bf_mac_list macs;
	struct bf_ip_list ips;
	struct bf_rate_limit rate;
	struct bf_probe_targets targets;
};

static const struct bf_key list_keys[] = {
	{.name = "v", BF_VALUE(vlans, offsetof(struct lists, vlans))},
	{.name = "m", BF_VALUE(macs, offsetof(struct lists, macs))},
	{.name = "i", BF_VALUE(ips, offsetof(struct lists, ips))},
	{.name = "r", BF_VALUE(rate, offsetof(struct lists, rate))},
	{.name = "t", BF_VALUE(targets, offsetof(struct lists, targets))},
};
static const struct bf_key_table list_table = {.what = "lists",
	.keys = list_keys,
	.n = sizeof(list_keys) / sizeof(list_keys[0]),
	.size = sizeof(struct lists)};

/* What was taken is printed, whole, and read back to the same value; what is refused has a reason. */
static void
as_lists(const char *text)
{
	char value[BF_KEY_TEXT_MAX];
	struct lists first, second;
	struct bf_err err = {""};

	bf_keys_init(&list_table, &first);
	CHECK(bf_keys_parse(&list_table, &first, text, &err) == 0 || err.text[0] != '\0');
	bf_keys_init(&list_table, &second);
	for (unsigned int i = 0; i < list_table.n; i++) {
		const struct bf_key *k = &list_keys[i];
		char *save = NULL;

		bf_key_print(k, &first, value, sizeof(value));
		CHECK(strstr(value, "...") == NULL);
		for (char *p = strtok_r(value, " ", &save); p != NULL;
			p = strtok_r(NULL, " ", &save))
			CHECK(bf_key_set(k, &second, p, &err) == 0);
	}
	CHECK(bf_keys_are_equal(&list_table, &first, &second));
}

static void
as_file(const char *text, size_t len)
{
	struct bf_config *c = bf_config_new();
	struct bf_err err;

	CHECK(c != NULL);
	app.candidate = c;
	(void)bf_script_parse("fuzz", text, len, on_line, NULL, &err);
	app.candidate = NULL;
	print_and_read_back(c);
	free(c);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bf_err why;

	(void)argc;
	(void)argv;
	app.cmds = bf_cmd_set_create(bf_app_groups, bf_app_complete, &app, &why);
	CHECK(app.cmds != NULL);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	text = malloc(size);
	CHECK(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'b' || data[0] == 'g')
		as_pairs(text, data[0] == 'b');
	else if (data[0] == 'l')
		as_lists(text);
	else
		as_file(text, size - 1);
	free(text);
	return 0;
}

int
fuzz_end(void)
{
	bf_cmd_set_destroy(app.cmds);
	return 0;
}
