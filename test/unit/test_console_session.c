/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sessions on a terminal: keys, history, search, KEY=VALUE, long output, watch and following, and what comes in between.
 *
 * Threads: one.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/session.h"

#define UP "\x1b[A"
#define LEFT "\x1b[D"
#define CTRL(c) ((char)((c)&31))

struct rig {
	struct bf_cmd_set *set;
	struct bf_session *s;
	char prompt[32];
	char ran[64][256]; /* what was echoed */
	unsigned int n_ran;
	unsigned int n_shown;
	char text[1 << 16];
	size_t len;
};

static void
run_echo(struct bf_cmd_ctx *ctx)
{
	struct rig *r = ctx->app;

	if (r->n_ran < 64)
		bf_cmd_line(ctx, r->ran[r->n_ran++], sizeof(r->ran[0]));
}

static void
run_show(struct bf_cmd_ctx *ctx)
{
	struct rig *r = ctx->app;

	bf_out_printf(ctx->out, "look %u\n", ++r->n_shown);
}

static void
run_lines(struct bf_cmd_ctx *ctx)
{
	for (int i = 1; i <= 30; i++)
		bf_out_printf(ctx->out, "line %d\n", i);
}

static void
run_watch(struct bf_cmd_ctx *ctx)
{
	ctx->request->watch_ms = 2000;
}

static void
run_follow(struct bf_cmd_ctx *ctx)
{
	if (ctx->request->is_following)
		bf_out_printf(ctx->out, "event %u\n", (unsigned int)++ctx->request->after);
	ctx->request->is_following = true;
}

static void
run_paging(struct bf_cmd_ctx *ctx)
{
	ctx->request->paging = strcmp(bf_cmd_arg(ctx, "onoff"), "on") == 0;
}

static const struct bf_cmd cmds[] = {
	{"echo [words...]", "Note.", run_echo, 0},
	{"show it", "Look.", run_show, 0},
	{"lines", "Thirty lines.", run_lines, 0},
	{"watch <command...>", "Again.", run_watch, 0},
	{"follow", "What is new.", run_follow, 0},
	{"set paging (onoff:on|off)", "Pages.", run_paging, 0},
	{"add guest <name> <options...>", "Add.", run_echo, 0},
	{"unset guest <keys...>", "Unset.", run_echo, 0},
	{"quit", "End.", NULL, BF_CMD_QUIT},
};

static const struct bf_cmd_group group = {"all", "All.", BF_CMDS(cmds)};
static const struct bf_cmd_group *const groups[] = {&group, NULL};

static int
pairs(void *app, const struct bf_cmd *cmd, const char *arg, const char *key, unsigned int idx,
	struct bf_pair_choice *c)
{
	static const char *const keys[] = {"mode", "mtu", "queues"};
	static const char *const modes[] = {"client", "server"};
	bool takes_value = strcmp(arg, "options") == 0;

	(void)app;
	assert_non_null(strstr(cmd->syntax, "guest"));
	if (key == NULL && idx < 3) {
		snprintf(c->text, sizeof(c->text), "%s%s", keys[idx], takes_value ? "=" : "");
		c->goes_on = takes_value;
		return 0;
	}
	if (key != NULL && strcmp(key, "mode") == 0 && idx < 2) {
		snprintf(c->text, sizeof(c->text), "%s", modes[idx]);
		return 0;
	}
	if (key != NULL && strcmp(key, "mtu") == 0 && idx == 0) {
		snprintf(c->text, sizeof(c->text), "<68 to 9216>");
		snprintf(c->help, sizeof(c->help), "largest packet");
		c->is_hint = true;
		return 0;
	}
	return -1;
}

static void
on_write(void *arg, const char *data, size_t len)
{
	struct rig *r = arg;

	assert_true(r->len + len < sizeof(r->text));
	memcpy(r->text + r->len, data, len);
	r->len += len;
	r->text[r->len] = '\0';
}

static int
setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct bf_err err;

	snprintf(r->prompt, sizeof(r->prompt), "> ");
	r->set = bf_cmd_set_create(groups, NULL, r, &err);
	bf_cmd_set_pairs(r->set, pairs);
	r->s = bf_session_create(r->set, r, r->prompt, 0, on_write, r);
	bf_session_set_size(r->s, 10, 40);
	*state = r;
	return r->s == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	bf_session_destroy(r->s);
	bf_cmd_set_destroy(r->set);
	free(r);
	return 0;
}

/* What was written since the last time. */
static const char *
type(struct rig *r, const char *keys)
{
	size_t len = strlen(keys), at = 0;

	r->len = 0;
	r->text[0] = '\0';
	while (at < len && !bf_session_is_over(r->s))
		at += bf_session_in(r->s, keys + at, len - at);
	return r->text;
}

static void
assert_ran(struct rig *r, const char *keys, const char *line)
{
	type(r, keys);
	assert_true(r->n_ran > 0);
	assert_string_equal(r->ran[r->n_ran - 1], line);
}

static void
test_keys_edit_the_line(void **state)
{
	struct rig *r = *state;

	assert_ran(r, "echo abc" LEFT LEFT "x\r", "echo axbc");
	assert_ran(r,
		"xx\x15"
		"echo a\r",
		"echo a"); /* Ctrl-U */
	assert_ran(r,
		"echo one two\x17"
		"2\r",
		"echo one 2"); /* Ctrl-W */
	assert_ran(r,
		"cho a\x01"
		"e\x05"
		"b\r",
		"echo ab"); /* Ctrl-A, Ctrl-E */
	assert_ran(r, "echo a b c" LEFT LEFT "\x0b\r", "echo a b"); /* Ctrl-K */
	assert_ran(r, "echo a b\x17\x19\x19\r", "echo a bb"); /* Ctrl-Y puts back what was killed */
	assert_ran(r,
		"echo one,two\x1b"
		"b\x1b[3~T\r",
		"echo one,Two"); /* Alt-B, Delete */
	assert_ran(r,
		"echo a=b c\x1b[1;5D\x1b[1;5D\x1b"
		"d9\r",
		"echo a=9 c"); /* Ctrl-Left, Alt-D */
	assert_ran(r,
		"echo \xc3\xa4\xc3\xb6\x7f\x7f"
		"z\r",
		"echo z"); /* a letter of two bytes at once */
	assert_ran(r, "cho x\x1b[He\x1b[F!\x1bOD\x08\r", "echo !"); /* Home, End, other arrows */
	assert_ran(r,
		"garbage\x03"
		"echo b\r",
		"echo b"); /* Ctrl-C */
	assert_int_equal(r->n_ran, 11);
}

static void
test_a_long_line_scrolls_in_its_row(void **state)
{
	struct rig *r = *state;
	char keys[120] = "echo ", *end = keys + 5;

	for (int i = 0; i < 90; i++)
		*end++ = (char)('a' + i % 26);
	*end = '\0';
	type(r, keys);
	/* 37 letters beside a prompt of 2 and the free column. */
	type(r, "!");
	assert_string_equal(r->text + strlen("\r> ") + 35, "!\x1b[K");
	type(r, "\x01");
	assert_memory_equal(r->text, "\r> echo abc", 11);
	type(r, "\r");
	assert_int_equal(strlen(r->ran[0]), 5 + 90 + 1);
}

static void
test_history_is_walked_and_searched(void **state)
{
	struct rig *r = *state;

	type(r, "echo one\recho two\recho two\recho three\r");
	assert_ran(r, UP UP "\r", "echo two");
	assert_ran(r,
		"draft" UP "\x1b[B\x15"
		"echo x\r",
		"echo x"); /* the draft comes back */
	assert_ran(r, "\x12one\r", "echo one"); /* Ctrl-R */
	assert_ran(r, "\x12two\x12\r", "echo two");
	assert_non_null(strstr(type(r, "\x12nowhere"), "(failed search) nowhere: "));
	type(r, "\x03"); /* gives the line back as it was */
	assert_ran(r, "\x12thr\x05!\r", "echo three!");
	assert_ran(r, "\x1b_echo past\x1b\\" UP "\r", "echo past"); /* a client's own history */
}

static void
test_new_lines_of_the_history_are_told_to_who_keeps_it(void **state)
{
	struct rig *r = *state;

	bf_session_set_flags(r->s, BF_SESSION_TELLS_HISTORY);
	assert_non_null(strstr(type(r, "echo a\r"), "\x1b_echo a\x1b\\"));
	assert_null(strstr(type(r, "echo a\r"), "\x1b_"));
	assert_null(strstr(type(r, "\r"), "\x1b_"));
	assert_null(strstr(type(r, "\x1b_echo b\x1b\\"), "\x1b_"));
}

static void
test_keys_and_values_are_completed_inside_pairs(void **state)
{
	struct rig *r = *state;

	assert_ran(r, "add guest a mo\ts\t,q\t2\r", "add guest a mode=server ,queues=2");
	assert_ran(r, "add guest a mode=s\t\r", "add guest a mode=server");
	assert_non_null(strstr(type(r, "add guest a m\t\t"), "\r\nmode=  mtu=\r\n"));
	type(r, "\x15");
	assert_non_null(
		strstr(type(r, "add guest a mtu=?"), "\r\n  <68 to 9216>  largest packet\r\n"));
	type(r, "\x15");
	assert_non_null(strstr(type(r, "add guest a mode=client,mtu=\t"), "\r\n<68 to 9216>\r\n"));
	type(r, "\x15");
	assert_ran(r, "unset guest q\t\r", "unset guest queues");
}

static void
test_what_stands_behind_watch_is_completed_as_if_alone(void **state)
{
	struct rig *r = *state;

	assert_string_equal(type(r, "watch 2 sh\ti\t"), "watch 2 show it ");
}

static void
test_long_output_waits_at_the_end_of_the_screen(void **state)
{
	struct rig *r = *state;

	type(r, "lines\r");
	assert_non_null(strstr(r->text, "line 9\n\r\x1b[K\x1b[7m-- more, 27 %"));
	assert_null(strstr(r->text, "line 10\n"));
	assert_non_null(strstr(type(r, "\r"), "line 10\n"));
	assert_null(strstr(r->text, "line 11\n"));
	assert_non_null(strstr(type(r, " "), "line 19\n"));
	assert_non_null(strstr(type(r, "/line 29\r"), "line 29\nline 30\n> "));
	type(r, "lines\r");
	assert_non_null(strstr(type(r, "/nowhere\r"), ", not found"));
	assert_string_equal(type(r, "q"), "\r\x1b[K> ");
	assert_ran(r, "echo q\r", "echo q");
	assert_non_null(strstr(type(r, "set paging off\rlines\r"), "line 30\n> "));
}

static void
test_watch_looks_again_until_a_key(void **state)
{
	struct rig *r = *state;

	bf_session_tick(r->s, 1000);
	assert_true(bf_session_due_ms(r->s) == UINT64_MAX);
	type(r, "watch show it\r");
	assert_non_null(strstr(r->text,
		"\x1b[?1049h\x1b[H\x1b[7mEvery 2 s: show it; q ends\x1b[m\x1b[K\r\nlook 1\x1b[K\r\n"));
	assert_true(bf_session_due_ms(r->s) == 3000);
	bf_session_tick(r->s, 2999);
	assert_int_equal(r->n_shown, 1);
	bf_session_tick(r->s, 3000);
	assert_int_equal(r->n_shown, 2);
	bf_session_say(r->s, "said meanwhile\n", 15);
	assert_null(strstr(r->text, "said"));
	assert_string_equal(type(r, "q"), "\x1b[?1049lsaid meanwhile\n> ");
	bf_session_tick(r->s, 99999);
	assert_int_equal(r->n_shown, 2);
}

static void
test_following_shows_what_is_new_until_a_key(void **state)
{
	struct rig *r = *state;

	type(r, "follow\r");
	bf_session_tick(r->s, 1000);
	bf_session_tick(r->s, bf_session_due_ms(r->s));
	assert_non_null(strstr(r->text, "event 1\nevent 2\n"));
	assert_string_equal(type(r, "x"), "> ");
	assert_ran(r, "echo\r", "echo");
}

static void
test_text_from_elsewhere_does_not_tear_the_line(void **state)
{
	struct rig *r = *state;

	type(r, "echo a");
	r->len = 0;
	bf_session_say(r->s, "NOTICE: x\n", 10);
	assert_string_equal(r->text, "\r\x1b[KNOTICE: x\n\r> echo a\x1b[K");
	assert_ran(r, "b\r", "echo ab");
}

static void
test_an_end_of_file_asks_before_a_switch_stops(void **state)
{
	struct rig *r = *state;

	bf_session_set_flags(r->s, BF_SESSION_ASKS);
	assert_string_equal(type(r, "\x04"), "\r\nStop the switch? [y/N] ");
	assert_string_equal(type(r, "\r"), "n\r\n> ");
	assert_false(bf_session_is_over(r->s));
	type(r, "\x04y");
	assert_true(bf_session_is_over(r->s));
}

static void
test_a_sequence_that_does_not_end_swallows_no_keys(void **state)
{
	struct rig *r = *state;

	/* Alt-_ begins a text that ends with ESC \\; Ctrl-C and Enter act all the same. */
	assert_ran(r,
		"x\x1b_yz\x03"
		"echo a\r",
		"echo a");
	assert_ran(r, "echo b\x1b_c\r", "echo b");
	assert_ran(r, "echo d\x1b[\r", "echo d");
	assert_ran(r, "echo ef\x1b[\x1b[Dg\r", "echo egf");
}

static void
test_a_line_higher_than_the_screen_is_written_once(void **state)
{
	struct rig *r = *state;
	const char *first;

	bf_session_set_size(r->s, 3, 2);
	type(r, "show it\r");
	first = strstr(r->text, "look 1\n");
	assert_non_null(first);
	assert_null(strstr(first + 1, "look 1\n"));
	assert_ran(r, "echo\r", "echo");
}

static void
test_a_session_that_is_ended_gives_the_screen_back(void **state)
{
	struct rig *r = *state;

	type(r, "watch show it\r");
	r->len = 0;
	bf_session_leave(r->s);
	assert_string_equal(r->text, "\x1b[?1049l");
}

static void
test_any_bytes_harm_nothing(void **state)
{
	struct rig *r = *state;
	unsigned int seed = 7;
	char bytes[64];

	for (unsigned int i = 0; i < 20000 && !bf_session_is_over(r->s); i++) {
		for (size_t j = 0; j < sizeof(bytes); j++) {
			bytes[j] = (char)rand_r(&seed);
			/* A lone Ctrl-D ends a session, which would end the test. */
			if (bytes[j] == CTRL('d'))
				bytes[j] = '\x1b';
		}
		r->len = 0;
		for (size_t at = 0; at < sizeof(bytes);)
			at += bf_session_in(r->s, bytes + at, sizeof(bytes) - at);
		bf_session_tick(r->s, i * 100);
	}
	assert_false(bf_session_is_over(r->s));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_keys_edit_the_line),
		T(test_a_long_line_scrolls_in_its_row),
		T(test_history_is_walked_and_searched),
		T(test_new_lines_of_the_history_are_told_to_who_keeps_it),
		T(test_keys_and_values_are_completed_inside_pairs),
		T(test_what_stands_behind_watch_is_completed_as_if_alone),
		T(test_long_output_waits_at_the_end_of_the_screen),
		T(test_watch_looks_again_until_a_key),
		T(test_following_shows_what_is_new_until_a_key),
		T(test_text_from_elsewhere_does_not_tear_the_line),
		T(test_an_end_of_file_asks_before_a_switch_stops),
		T(test_a_sequence_that_does_not_end_swallows_no_keys),
		T(test_a_line_higher_than_the_screen_is_written_once),
		T(test_a_session_that_is_ended_gives_the_screen_back),
		T(test_any_bytes_harm_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
