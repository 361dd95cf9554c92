/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: text as --bond, as --guest, and as a config file of the program's own commands.
 * What was taken is printed, read back and printed again: both prints must be the same.
 * Configs that the check refuses are not printed: they never run.
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "console/script.h"
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
	char err[256];

	if (bf_config_check(c, &why) != 0) {
		CHECK(why.text[0] != '\0');
		return;
	}
	first.len = second.len = 0;
	bf_config_print(c, put_line, &first);
	app.candidate = bf_config_new();
	CHECK(app.candidate != NULL);
	CHECK(bf_script_parse("printed", first.text, first.len, on_line, &app, err, sizeof(err)) ==
		0);
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

static void
as_file(const char *text, size_t len)
{
	struct bf_config *c = bf_config_new();
	char err[256];

	CHECK(c != NULL);
	app.candidate = c;
	(void)bf_script_parse("fuzz", text, len, on_line, NULL, err, sizeof(err));
	app.candidate = NULL;
	print_and_read_back(c);
	free(c);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char why[256];

	(void)argc;
	(void)argv;
	app.cmds = bf_cmd_set_create(bf_app_groups, bf_app_complete, &app, why, sizeof(why));
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
	else
		as_file(text, size - 1);
	free(text);
	return 0;
}

#ifdef BF_FUZZ_REPLAY
int
main(int argc, char **argv)
{
	int failed;

	LLVMFuzzerInitialize(&argc, &argv);
	failed = replay_files(argc, argv);
	bf_cmd_set_destroy(app.cmds);
	return failed;
}
#endif
