/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Command grammar: matching, arguments, explanations, help, completion.
 *
 * Threads: one.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/command.h"
#include "console/session.h"

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Writes the command's syntax, its named arguments and the rest. */
static void
run_echo(struct bf_cmd_ctx *ctx)
{
	static const char *const names[] = {"what", "port", "name", "mode", "vlan", "bond"};
	unsigned int i;

	bf_out_printf(ctx->out, "%.20s", ctx->cmd->syntax);
	for (i = 0; i < N_OF(names); i++)
		if (bf_cmd_arg(ctx, names[i]) != NULL)
			bf_out_printf(ctx->out, "|%s=%s", names[i], bf_cmd_arg(ctx, names[i]));
	for (i = 0; i < bf_cmd_rest_count(ctx); i++)
		bf_out_printf(ctx->out, "|%s", bf_cmd_rest(ctx, i));
	assert_null(bf_cmd_rest(ctx, i));
	if (bf_cmd_has_word(ctx, "slave"))
		bf_out_printf(ctx->out, "|old");
	bf_out_printf(ctx->out, "\n");
}

static void
run_fail(struct bf_cmd_ctx *ctx)
{
	bf_out_error(ctx->out, "guest: \"%s\": expected another", bf_cmd_arg(ctx, "name"));
}

static void
run_nested(struct bf_cmd_ctx *ctx)
{
	assert_int_equal(bf_cmd_run(ctx->set, "start", ctx->out, ctx->app), BF_OUT_OK);
	assert_int_equal(bf_cmd_run(ctx->set, "start now", ctx->out, ctx->app), BF_OUT_USAGE);
	assert_null(bf_cmd_arg(ctx, "name"));
}

static const struct bf_cmd port_cmds[] = {
	{"show port (what:info|stats|xstats|summary) (port:<port>|all)", "Show ports.", run_echo,
		0},
	{"show port <port> macs", "Addresses of a port.", run_echo, 0},
	{"show bonding config <bond>", "Bond.\nSecond line.", run_echo, 0},
	{"show fdb [vlan <vlan>] [port <port>]", "Table.", run_echo, 0},
};

static const struct bf_cmd other_cmds[] = {
	{"help [topic...]", "This help.", bf_cmd_help, 0},
	{"add bonding (member|slave) <port> <bond>", "Add a member.", run_echo, BF_CMD_CONFIG},
	{"add guest <name> [options...]", "Add a guest.", run_echo, 0},
	{"remove guest <name>", "Fails.", run_fail, 0},
	{"set list <names...>", "List.", run_echo, 0},
	{"start", "Start.", run_echo, 0},
	{"nested", "Nested.", run_nested, 0},
	{"quit", "Quit.", NULL, BF_CMD_QUIT},
};

static const struct bf_cmd_group ports_group = {"ports", "Ports and bonds.", BF_CMDS(port_cmds)};
static const struct bf_cmd_group other_group = {"other", "The rest.", BF_CMDS(other_cmds)};
static const struct bf_cmd_group *const groups[] = {&ports_group, &other_group, NULL};

static int
complete(void *app, const char *arg_name, unsigned int idx, char *buf, size_t size)
{
	static const char *const ports[] = {"0", "1", "bond0", "b d", "bond1"};

	assert_string_equal(app, "app");
	if (strcmp(arg_name, "port") != 0 || idx >= N_OF(ports))
		return -1;
	snprintf(buf, size, "%s", ports[idx]);
	return 0;
}

static int
setup(void **state)
{
	static char app[] = "app";
	struct bf_err err;

	*state = bf_cmd_set_create(groups, complete, app, &err);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	bf_cmd_set_destroy(*state);
	return 0;
}

static void
assert_line(void **state, const char *line, enum bf_out_status status, const char *expected)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);

	assert_non_null(out);
	assert_int_equal(bf_cmd_run(*state, line, out, NULL), status);
	assert_string_equal(bf_out_data(out, NULL), expected);
	bf_out_destroy(out);
}

static void
test_a_group_that_counts_more_than_it_has_is_refused(void **state)
{
	static const struct bf_cmd few[2] = {{"start", "Start.", run_echo, 0}};
	static const struct bf_cmd_group wrong = {"few", "Too few.", few, 2};
	static const struct bf_cmd_group *const groups_wrong[] = {&wrong, NULL};
	struct bf_err err = {""};

	(void)state;
	assert_null(bf_cmd_set_create(groups_wrong, NULL, NULL, &err));
	assert_string_equal(err.text, "commands: few: counts 2 commands and has 1");
}

static void
test_a_near_miss_gets_a_suggestion(void **state)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);

	assert_int_equal(bf_cmd_run(*state, "strat", out, NULL), BF_OUT_USAGE);
	assert_non_null(strstr(bf_out_data(out, NULL), "\"strat\": expected one of"));
	assert_non_null(strstr(bf_out_data(out, NULL), "; did you mean start?\n"));
	bf_out_destroy(out);
}

static void
test_words_alternatives_and_arguments_match(void **state)
{
	assert_line(state, "start", BF_OUT_OK, "start\n");
	assert_line(
		state, "show port stats 3", BF_OUT_OK, "show port (what:info|what=stats|port=3\n");
	assert_line(state, " show\tport  info all \n", BF_OUT_OK,
		"show port (what:info|what=info|port=all\n");
	assert_line(state, "add bonding slave 1 bond0", BF_OUT_OK,
		"add bonding (member||port=1|bond=bond0|old\n");
	assert_line(state, "add bonding member slave bond0", BF_OUT_OK,
		"add bonding (member||port=slave|bond=bond0\n");
}

static void
test_optional_parts_may_be_left_out(void **state)
{
	assert_line(state, "show fdb", BF_OUT_OK, "show fdb [vlan <vlan\n");
	assert_line(state, "show fdb port 1", BF_OUT_OK, "show fdb [vlan <vlan|port=1\n");
	assert_line(
		state, "show fdb vlan 5 port 1", BF_OUT_OK, "show fdb [vlan <vlan|port=1|vlan=5\n");
	assert_line(state, "show fdb port 1 vlan 5", BF_OUT_USAGE,
		"show fdb port 1 vlan 5: \"vlan\": expected end of line\n");
}

static void
test_the_rest_of_a_line_is_given_word_by_word(void **state)
{
	assert_line(state, "add guest vm1", BF_OUT_OK, "add guest <name> [op|name=vm1\n");
	assert_line(state, "add guest vm1 queues=4 vlan=7 # note", BF_OUT_OK,
		"add guest <name> [op|name=vm1|queues=4|vlan=7\n");
	assert_line(state, "set list a b", BF_OUT_OK, "set list <names...>|a|b\n");
	assert_line(state, "set list", BF_OUT_USAGE, "set list: expected <names>\n");
}

static void
test_a_fixed_word_wins_over_an_argument(void **state)
{
	assert_line(state, "show port 0 macs", BF_OUT_OK, "show port <port> mac|port=0\n");
	assert_line(state, "show port info macs", BF_OUT_OK,
		"show port (what:info|what=info|port=macs\n");
}

static void
test_quotes_and_comments(void **state)
{
	assert_line(state, "set list \"a b\" 'c \"d' e\"f g\"h \"\" \"q\\\"\\\\\" x#y #z",
		BF_OUT_OK, "set list <names...>|a b|c \"d|ef gh||q\"\\|x#y\n");
	assert_line(state, "\"start\"", BF_OUT_OK, "start\n");
	assert_line(state, "start #\"", BF_OUT_OK, "start\n");
	assert_line(
		state, "set list 'x", BF_OUT_USAGE, "line: ' at column 10: expected a closing '\n");
}

static void
test_blank_lines_and_comments_do_nothing(void **state)
{
	assert_line(state, "", BF_OUT_OK, "");
	assert_line(state, " \t \n", BF_OUT_OK, "");
	assert_line(state, "# start", BF_OUT_OK, "");
}

static void
test_bytes_that_cannot_be_shown_are_refused(void **state)
{
	assert_line(state, "start \x1b[2J", BF_OUT_USAGE,
		"line: byte 0x1b at column 7: expected printable UTF-8 text\n");
	assert_line(state, "start\nstart", BF_OUT_USAGE,
		"line: byte 0x0a at column 6: expected printable UTF-8 text\n");
	assert_line(state, "set list \xff", BF_OUT_USAGE,
		"line: byte 0xff at column 10: expected printable UTF-8 text\n");
	assert_line(state, "set list \xc2\x9b", BF_OUT_USAGE,
		"line: byte 0xc2 at column 10: expected printable UTF-8 text\n");
	assert_line(state, "set list \xc3\xa4", BF_OUT_OK, "set list <names...>|\xc3\xa4\n");
}

static void
test_lines_over_the_limits_are_refused(void **state)
{
	char line[BF_CMD_LINE_MAX + 2];
	unsigned int i;

	memset(line, ' ', sizeof(line));
	memcpy(line, "start", 5);
	line[BF_CMD_LINE_MAX] = '\0';
	assert_line(state, line, BF_OUT_OK, "start\n");
	line[BF_CMD_LINE_MAX] = ' ';
	line[BF_CMD_LINE_MAX + 1] = '\0';
	assert_line(
		state, line, BF_OUT_USAGE, "line: longer than 4096 bytes: expected at most that\n");
	for (i = 0; i <= BF_CMD_WORDS_MAX; i++)
		memcpy(line + 2 * i, "x ", 3);
	assert_line(state, line, BF_OUT_USAGE, "line: more than 256 words\n");
}

static void
test_what_does_not_match_is_explained(void **state)
{
	assert_line(state, "show prot stats all", BF_OUT_USAGE,
		"show prot stats all: \"prot\": expected one of: bonding, fdb, port; did you mean port?\n");
	assert_line(state, "show port info", BF_OUT_USAGE,
		"show port info: expected one of: <port>, all\n");
	assert_line(state, "show port", BF_OUT_USAGE,
		"show port: expected one of: <port>, info, stats, summary, xstats\n");
	assert_line(state, "start now", BF_OUT_USAGE, "start now: \"now\": expected end of line\n");
	assert_line(state, "remove guest", BF_OUT_USAGE, "remove guest: expected <name>\n");
	assert_line(state, "strat", BF_OUT_USAGE,
		"strat: \"strat\": expected one of: add, help, nested, quit, remove, set, show, "
		"start; did you mean start?\n");
}

static void
test_long_words_are_shortened_in_explanations(void **state)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);
	char line[1024];

	memset(line, 'y', sizeof(line));
	memcpy(line, "show ", 5);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(bf_cmd_run(*state, line, out, NULL), BF_OUT_USAGE);
	assert_true(strlen(bf_out_data(out, NULL)) < 256);
	assert_non_null(strstr(bf_out_data(out, NULL), "yyy...\": expected one of: bonding"));
	bf_out_destroy(out);
}

static void
test_a_failing_command_gives_its_own_status(void **state)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);

	assert_line(state, "remove guest a", BF_OUT_FAILED, "guest: \"a\": expected another\n");
	assert_int_equal(bf_cmd_run(*state, "remove guest a", out, NULL), BF_OUT_FAILED);
	assert_int_equal(bf_cmd_run(*state, "start", out, NULL), BF_OUT_OK);
	assert_int_equal(bf_out_status(out), BF_OUT_FAILED);
	bf_out_destroy(out);
	assert_line(state, "quit", BF_OUT_OK, "");
}

static void
test_a_handler_may_run_lines(void **state)
{
	assert_line(
		state, "nested", BF_OUT_USAGE, "start\nstart now: \"now\": expected end of line\n");
}

static void
test_find_does_not_run(void **state)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);

	assert_ptr_equal(bf_cmd_find(*state, "add bonding member 1 2", out), &other_cmds[1]);
	assert_null(bf_cmd_find(*state, "# nothing", out));
	assert_int_equal(bf_out_status(out), BF_OUT_OK);
	assert_string_equal(bf_out_data(out, NULL), "");
	bf_out_reset(out);
	assert_null(bf_cmd_find(*state, "add", out));
	assert_string_equal(bf_out_data(out, NULL), "add: expected one of: bonding, guest\n");
	bf_out_destroy(out);
}

static void
test_wrong_syntax_is_refused_with_its_place(void **state)
{
	static const char *const wrong[][2] = {
		{"", "column 1: expected a word"},
		{"a [", "column 4: expected a word"},
		{"a [b", "column 5: expected ']'"},
		{"a]", "column 2: expected no ']'"},
		{"a (b", "column 5: expected ')'"},
		{"a (b|)", "column 6: expected a letter"},
		{"a <b", "column 5: expected '>'"},
		{"a <b...> c", "column 11: expected nothing after a \"...\""},
		{"a (<b...>|c)", "column 6: expected '>'"},
		{"<a> b", "expected a fixed word first"},
		{"a%s", "column 2: expected a blank"},
		{"a [b] [b] [b] [b] [b] [b] [b]", "expected at most 64 combinations"},
		{"a [b [b [b [b [b [b [b [b [b]]]]]]]]]", "expected at most 8 nested"},
	};
	struct bf_cmd cmd = {NULL, "", run_echo, 0};
	const struct bf_cmd_group group = {"g", "", &cmd, 1};
	const struct bf_cmd_group *const one[] = {&group, NULL};
	struct bf_err err;
	unsigned int i;

	(void)state;
	for (i = 0; i < N_OF(wrong); i++) {
		cmd.syntax = wrong[i][0];
		assert_null(bf_cmd_set_create(one, NULL, NULL, &err));
		assert_int_equal(errno, EINVAL);
		assert_non_null(strstr(err.text, wrong[i][1]));
	}
	cmd.syntax = "a";
	cmd.run = NULL;
	assert_null(bf_cmd_set_create(one, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "expected a handler"));
}

static void
test_two_commands_for_the_same_lines_are_refused(void **state)
{
	static const struct bf_cmd alike[] = {
		{"show (a|b) <x>", "", run_echo, 0},
		{"show (b|c) [x] <y>", "", run_echo, 0},
	};
	static const struct bf_cmd_group group = {"g", "", BF_CMDS(alike)};
	static const struct bf_cmd_group *const one[] = {&group, NULL};
	struct bf_err err;

	(void)state;
	assert_null(bf_cmd_set_create(one, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "matches the same lines as \"show (a|b) <x>\""));
}

static void
test_help_lists_sections_then_commands(void **state)
{
	assert_line(state, "help show bonding", BF_OUT_OK,
		"show bonding config <bond>\n    Bond.\n    Second line.\n\n");
	assert_line(state, "help nonsense", BF_OUT_USAGE,
		"help: \"nonsense\": expected a section, \"all\" or the first words of a "
		"command\n");
	assert_line(state, "help", BF_OUT_OK,
		"\nHelp is available for the following sections:\n\n"
		"    help ports                      : Ports and bonds.\n"
		"    help other                      : The rest.\n"
		"    help all                        : All of the above sections.\n"
		"    help <word> [<word>...]         : Commands that begin with these words.\n\n");
}

static void
test_help_of_a_section_has_all_its_commands(void **state)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);
	const char *text;
	unsigned int i;

	assert_int_equal(bf_cmd_run(*state, "help ports", out, NULL), BF_OUT_OK);
	text = bf_out_data(out, NULL);
	assert_non_null(strstr(text, "\nPorts:\n------\n\n"));
	for (i = 0; i < N_OF(port_cmds); i++)
		assert_non_null(strstr(text, port_cmds[i].syntax));
	assert_null(strstr(text, "quit"));
	bf_out_destroy(out);
	out = bf_out_create(BF_OUT_JSON, 0);
	assert_int_equal(bf_cmd_run(*state, "help show fdb", out, NULL), BF_OUT_OK);
	assert_string_equal(bf_out_data(out, NULL),
		"[{\"section\": \"ports\", \"syntax\": \"show fdb [vlan <vlan>] [port <port>]\", "
		"\"help\": \"Table.\"}]\n");
	bf_out_destroy(out);
}

struct screen {
	char text[8192];
	size_t len;
};

static void
screen_on_write(void *arg, const char *data, size_t len)
{
	struct screen *screen = arg;

	assert_true(screen->len + len < sizeof(screen->text));
	memcpy(screen->text + screen->len, data, len);
	screen->len += len;
	screen->text[screen->len] = '\0';
}

/* Type into a new session; what it wrote after the prompt. */
static const char *
type(void **state, struct screen *screen, const char *keys)
{
	struct bf_session *s;
	size_t len = strlen(keys), at = 0;

	memset(screen, 0, sizeof(*screen));
	s = bf_session_create(*state, NULL, "> ", 0, screen_on_write, screen);
	assert_non_null(s);
	assert_string_equal(screen->text, "> ");
	while (at < len && !bf_session_is_over(s))
		at += bf_session_in(s, keys + at, len - at);
	bf_session_destroy(s);
	return screen->text + 2;
}

static void
test_tab_completes_a_unique_word(void **state)
{
	struct screen screen;

	assert_non_null(strstr(type(state, &screen, "sta\t"), "start "));
	assert_non_null(
		strstr(type(state, &screen, "show fd\tp\t1\r"), "show fdb [vlan <vlan|port=1\n"));
	assert_non_null(
		strstr(type(state, &screen, "show port xs\tbond1\r"), "|what=xstats|port=bond1\n"));
	assert_non_null(
		strstr(type(state, &screen, "show port info b\t1\r"), "|what=info|port=bond1\n"));
}

static void
test_question_mark_explains_each_possible_word_once(void **state)
{
	struct screen screen;

	type(state, &screen, "show ?");
	assert_non_null(strstr(screen.text,
		"> show ?\r\n  bonding  Bond.\r\n  fdb      Table.\r\n  port\r\n\r> show \x1b[K"));
	type(state, &screen, "show port stats ?");
	assert_non_null(strstr(screen.text, "?\r\n  0\r\n  1\r\n  <port>  "));
	assert_non_null(strstr(screen.text, "\r\n  all     "));
	assert_non_null(strstr(screen.text, "\r\n  bond0\r\n  bond1\r\n"));
	type(state, &screen, "show fdb ?");
	assert_non_null(strstr(screen.text,
		"\r\n  [RETURN]  Table.\r\n  port      Table.\r\n  vlan      Table.\r\n"));
	type(state, &screen, "help o?");
	assert_non_null(strstr(screen.text, "?\r\n  other  The rest.\r\n"));
	type(state, &screen, "strat ?");
	assert_non_null(strstr(screen.text, "\r\n  nothing fits here\r\n"));
	assert_non_null(strstr(type(state, &screen, "set list \"a?\"\r"), "|a?\n"));
}

static void
test_tab_completes_what_all_have_in_common_and_lists_the_rest(void **state)
{
	struct screen screen;

	assert_string_equal(type(state, &screen, "show port stats bo\t"), "show port stats bond");
	type(state, &screen, "show port stats bo\t\t");
	assert_non_null(strstr(screen.text, "\r\nbond0  bond1\r\n\r> show port stats bond"));
	type(state, &screen, "nosuch x\t");
	assert_non_null(strstr(screen.text, "nosuch x\a"));
}

static void
test_a_typed_line_is_run_like_any_other(void **state)
{
	struct screen screen;

	assert_string_equal(type(state, &screen, "start\r"), "start\r\nstart\n> ");
	assert_string_equal(type(state, &screen, "set list 'a b' \"#\"\r"),
		"set list 'a b' \"#\"\r\nset list <names...>|a b|#\n> ");
	assert_non_null(strstr(type(state, &screen, "strat\r"), "\"strat\": expected one of"));
	assert_non_null(
		strstr(type(state, &screen, "start\r\x1b[A\r"), "\r> start\x1b[K\r\nstart\n> "));
}

static void
test_quit_and_ctrl_d_end_a_session(void **state)
{
	struct screen screen;

	assert_string_equal(type(state, &screen, "quit\rstart\r"), "quit\r\n");
	assert_string_equal(type(state, &screen, "\004start\r"), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group_that_counts_more_than_it_has_is_refused),
		cmocka_unit_test(test_a_near_miss_gets_a_suggestion),
		cmocka_unit_test(test_words_alternatives_and_arguments_match),
		cmocka_unit_test(test_optional_parts_may_be_left_out),
		cmocka_unit_test(test_the_rest_of_a_line_is_given_word_by_word),
		cmocka_unit_test(test_a_fixed_word_wins_over_an_argument),
		cmocka_unit_test(test_quotes_and_comments),
		cmocka_unit_test(test_blank_lines_and_comments_do_nothing),
		cmocka_unit_test(test_bytes_that_cannot_be_shown_are_refused),
		cmocka_unit_test(test_lines_over_the_limits_are_refused),
		cmocka_unit_test(test_what_does_not_match_is_explained),
		cmocka_unit_test(test_long_words_are_shortened_in_explanations),
		cmocka_unit_test(test_a_failing_command_gives_its_own_status),
		cmocka_unit_test(test_a_handler_may_run_lines),
		cmocka_unit_test(test_find_does_not_run),
		cmocka_unit_test(test_wrong_syntax_is_refused_with_its_place),
		cmocka_unit_test(test_two_commands_for_the_same_lines_are_refused),
		cmocka_unit_test(test_help_lists_sections_then_commands),
		cmocka_unit_test(test_help_of_a_section_has_all_its_commands),
		cmocka_unit_test(test_tab_completes_a_unique_word),
		cmocka_unit_test(test_tab_completes_what_all_have_in_common_and_lists_the_rest),
		cmocka_unit_test(test_question_mark_explains_each_possible_word_once),
		cmocka_unit_test(test_a_typed_line_is_run_like_any_other),
		cmocka_unit_test(test_quit_and_ctrl_d_end_a_session),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
