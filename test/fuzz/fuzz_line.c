/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: bytes as a command syntax, as a console line in text and JSON, as a config script
 * and as what somebody types into an interactive session.
 *
 * Threads: one.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/command.h"
#include "console/script.h"
#include "console/session.h"
#include "input.h"
#include "replay.h"

#define INPUT_MAX 16384

static void
run_echo(struct bf_cmd_ctx *ctx)
{
	const char *port = bf_cmd_arg(ctx, "port");
	unsigned int i;

	bf_out_printf(ctx->out, "%s\n", port == NULL ? "-" : port);
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_str(ctx->out, "port", port);
	bf_out_arr_begin(ctx->out, "rest");
	for (i = 0; i < bf_cmd_rest_count(ctx); i++) {
		CHECK(bf_cmd_rest(ctx, i) != NULL);
		bf_out_str(ctx->out, NULL, bf_cmd_rest(ctx, i));
	}
	bf_out_arr_end(ctx->out);
	bf_out_obj_end(ctx->out);
	if (bf_cmd_has_word(ctx, "fail"))
		bf_out_error(ctx->out, "port: \"%s\": expected another", port);
}

static const struct bf_cmd cmds[] = {
	{"help [topic...]", "Help.", bf_cmd_help, 0},
	{"show port (what:info|stats|xstats|summary) (port:<port>|all)", "Show.", run_echo, 0},
	{"show port fail <port>", "Fail.", run_echo, 0},
	{"add guest <name> [options...]", "Add.", run_echo, 0},
	{"set list <port...>", "List.", run_echo, 0},
	{"show fdb [vlan <vlan>] [port <port>]", "Show.", run_echo, 0},
	{"quit", "Quit.", NULL, BF_CMD_QUIT},
};

static const struct bf_cmd_group group = {"all-of-them", "Commands.", BF_CMDS(cmds)};
static const struct bf_cmd_group *const groups[] = {&group, NULL};

static int
complete(void *app, const char *name, unsigned int idx, char *buf, size_t size)
{
	(void)app;
	if (idx > 3)
		return -1;
	snprintf(buf, size, "%s%u", name, idx);
	return 0;
}

static struct bf_cmd_set *
create_set(void)
{
	struct bf_err err;
	struct bf_cmd_set *set = bf_cmd_set_create(groups, complete, NULL, &err);

	CHECK(set != NULL);
	return set;
}

static void
try_syntax(const char *text)
{
	struct bf_cmd cmd = {text, "Fuzz.", run_echo, 0};
	struct bf_cmd_group one = {"one", "One.", &cmd, 1};
	const struct bf_cmd_group *const groups_of_one[] = {&one, NULL};
	struct bf_cmd_set *set;
	struct bf_err err = {""};

	set = bf_cmd_set_create(groups_of_one, NULL, NULL, &err);
	CHECK(set != NULL || err.text[0] != '\0');
	bf_cmd_set_destroy(set);
}

static void
try_line(const struct bf_cmd_set *set, const char *text, enum bf_out_format format)
{
	struct bf_out *out = bf_out_create(format, 1 << 20);
	enum bf_out_status status;
	size_t len;
	const char *result;

	CHECK(out != NULL);
	status = bf_cmd_run(set, text, out, NULL);
	CHECK(status == bf_out_status(out));
	result = bf_out_data(out, &len);
	CHECK(strlen(result) == len);
	CHECK(status != BF_OUT_USAGE || len > 0);
	CHECK(format == BF_OUT_TEXT || (len > 1 && result[len - 1] == '\n'));
	bf_out_destroy(out);
}

static int
script_on_line(void *arg, const char *file, unsigned int line_no, const char *line)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 1 << 20);
	struct bf_err err;
	int ret;

	CHECK(out != NULL && line_no > 0 && strlen(line) <= BF_CMD_LINE_MAX);
	bf_script_err_set(&err, EINVAL, file, line_no, "%s", line);
	ret = (int)bf_cmd_run(arg, line, out, NULL);
	bf_out_destroy(out);
	return ret;
}

static void
session_on_write(void *arg, const char *data, size_t len)
{
	*(size_t *)arg += len;
	CHECK(data != NULL);
}

static void
try_session(const struct bf_cmd_set *set, const char *data, size_t len)
{
	size_t n_written = 0, at = 0, n;
	struct bf_session *s;

	s = bf_session_create(set, NULL, "fuzz> ", 1 << 20, session_on_write, &n_written);
	CHECK(s != NULL);
	while (at < len && !bf_session_is_over(s)) {
		n = bf_session_in(s, data + at, len - at);
		CHECK(n > 0 && n <= len - at);
		at += n;
	}
	CHECK(n_written >= strlen("fuzz> "));
	bf_session_destroy(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bf_cmd_set *set;
	struct bf_err err;
	char *text;

	if (size > INPUT_MAX)
		return 0;
	text = malloc(size + 1);
	CHECK(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	set = create_set();
	try_syntax(text);
	try_line(set, text, BF_OUT_TEXT);
	try_line(set, text, BF_OUT_JSON);
	(void)bf_script_parse("fuzz", text, size, script_on_line, set, &err);
	try_session(set, text, size > 512 ? 512 : size);
	bf_cmd_set_destroy(set);
	free(text);
	return 0;
}
