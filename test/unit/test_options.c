/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The command line behind "--": tables of good and bad ones.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>

#include "options.h"

#define MAX_ARGS 8

struct argv_case {
	const char *argv[MAX_ARGS];
	const char *word; /* in the message */
};

static int
count(const char *const *argv)
{
	int n = 0;

	while (n < MAX_ARGS && argv[n] != NULL)
		n++;
	return n;
}

/* argv[0] is what stands before the options. */
static int
parse(struct bf_options *o, const char *const *words, struct bf_err *err)
{
	static char text[MAX_ARGS + 1][8192];
	char *argv[MAX_ARGS + 2] = {text[0], NULL};
	int n = count(words);

	strcpy(text[0], "--");
	for (int i = 0; i < n; i++) {
		snprintf(text[i + 1], sizeof(text[0]), "%s", words[i]);
		argv[i + 1] = text[i + 1];
	}
	argv[n + 1] = NULL;
	err->text[0] = '\0';
	return bf_options_parse(o, n + 1, argv, err);
}

static void
test_good_command_lines_are_taken(void **state)
{
	static const struct argv_case good[] = {
		{{NULL}, NULL},
		{{"-i"}, NULL},
		{{"--interactive", "--check", "--debug"}, NULL},
		{{"--version"}, NULL},
		{{"-v"}, NULL},
		{{"-h"}, NULL},
		{{"--config", "/etc/b.conf"}, NULL},
		{{"--config=/etc/b.conf"}, NULL},
		{{"-c", "/etc/b.conf"}, NULL},
		{{"--console", "none"}, NULL},
		{{"--group=root"}, NULL},
		{{"--guest-group", "root"}, NULL},
		{{"--metrics", "127.0.0.1:9200"}, NULL},
		{{"--metrics=0.0.0.0:0"}, NULL},
		{{"--metrics=[::1]:65535"}, NULL},
		{{"--metrics=[::ffff:127.0.0.1]:9200"}, NULL},
		{{"--metrics", "unix:/run/bondfwd/metrics.sock"}, NULL},
		{{"--fdb-size", "64"}, NULL},
		{{"--fdb-size=1048576"}, NULL},
		{{"--bond", "mode=4,member=a,member=b"}, NULL},
		{{"--bond=member=a"}, NULL},
		{{"--bond", "member=a", "--bond", "name=b,member=c"}, NULL},
		{{"--guest", "name=a,socket=/a", "--guest", "name=b,socket=/b"}, NULL},
	};
	struct bf_options o;
	struct bf_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (parse(&o, good[i].argv, &err) != 0)
			fail_msg("%s: %s", good[i].argv[0], err.text);
		bf_options_fini(&o);
	}
}

static void
test_bad_command_lines_are_refused_with_their_word(void **state)
{
	static const struct argv_case bad[] = {
		{{"--bnd", "mode=4"}, "unknown option \"--bnd\""},
		{{"-x"}, "unknown option \"-x\""},
		{{""}, "unknown option \"\""},
		{{"-"}, "unknown option \"-\""},
		{{"--"}, "unknown option \"--\""},
		{{"-c=/etc/b.conf"}, "unknown option \"-c=/etc/b.conf\""},
		{{"extra"}, "unknown option \"extra\""},
		{{"--bond"}, "--bond: expected K=V,..."},
		{{"--config"}, "--config: expected FILE"},
		{{"-c"}, "--config: expected FILE"},
		{{"--check=yes"}, "--check: takes no value"},
		{{"--interactive=1"}, "--interactive: takes no value"},
		{{"--bond", "mode=9"}, "mode: \"9\""},
		{{"--bond", "member=a", "--bond", "member=b"},
			"bond name: \"bond0\": already in use"},
		{{"--bond", "=a"}, "expected KEY=VALUE"},
		{{"--bond", "mtu=9217"}, "mtu: \"9217\": expected 68 to 9216"},
		{{"--bond", "member=a,member=a"}, "named twice"},
		{{"--guest", "name=a"}, "socket missing"},
		{{"--guest", "socket=/a"}, "name missing"},
		{{"--guest", "name=a,socket=a"}, "absolute path"},
		{{"--guest", "name=a,socket=/a", "--guest", "name=a,socket=/b"}, "already in use"},
		{{"--group", "no-such-group-here"},
			"--group: \"no-such-group-here\": no such group"},
		{{"--guest-group", "no-such-group-here"},
			"--guest-group: \"no-such-group-here\": no such group"},
		{{"--guest-group"}, "--guest-group: expected NAME"},
		{{"--metrics"}, "--metrics: expected ADDRESS"},
		{{"--metrics", ""},
			"--metrics: \"\": expected IPv4:PORT, [IPv6]:PORT or unix:/PATH"},
		{{"--metrics", "9200"}, "\"9200\": expected IPv4:PORT"},
		{{"--metrics", ":9200"}, "\":9200\": expected IPv4:PORT"},
		{{"--metrics", "localhost:9200"}, "\"localhost:9200\": expected IPv4:PORT"},
		{{"--metrics", "127.0.0.1"}, "\"127.0.0.1\": expected IPv4:PORT"},
		{{"--metrics", "127.0.0.1:"}, "--metrics: port: \"\": expected 0 to 65535"},
		{{"--metrics", "127.0.0.1:65536"}, "port: \"65536\": expected 0 to 65535"},
		{{"--metrics", "127.0.0.1.1:9200"}, "\"127.0.0.1.1:9200\": expected"},
		{{"--metrics", "::1:9200"}, "\"::1:9200\": expected"},
		{{"--metrics", "[]:9200"}, "\"[]:9200\": expected"},
		{{"--metrics", "[127.0.0.1]:9200"}, "\"[127.0.0.1]:9200\": expected"},
		{{"--metrics", "http://127.0.0.1:9200"}, "\"http://127.0.0.1:9200\": expected"},
		{{"--metrics", "unix:metrics.sock"}, "expected unix: and an absolute path"},
		{{"--metrics", "unix:"}, "expected unix: and an absolute path of at most 107"},
		{{"--fdb-size", "63"}, "--fdb-size: \"63\": expected 64 to 1048576"},
		{{"--fdb-size=1048577"}, "1048577"},
		{{"--fdb-size", "lots"}, "lots"},
	};
	struct bf_options o;
	struct bf_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(&o, bad[i].argv, &err) != -EINVAL)
			fail_msg("%s was taken", bad[i].argv[0]);
		assert_has(err.text, bad[i].word);
		bf_options_fini(&o);
	}
}

static void
test_values_arrive_where_they_belong(void **state)
{
	static const char *const words[] = {"--bond", "name=b,mode=4,member=m0", "--guest",
		"name=vm1,socket=/tmp/vm1,mode=server", "--config=/c", "--fdb-size=1000", "-i",
		NULL};
	struct bf_options o;
	struct bf_err err;

	(void)state;
	assert_int_equal(parse(&o, words, &err), 0);
	assert_true(o.config->n_bonds);
	assert_string_equal(o.config->bonds[0].name, "b");
	assert_int_equal(o.config->bonds[0].mode, 4);
	assert_string_equal(o.config->bonds[0].members[0].name, "m0");
	assert_int_equal(o.config->n_guests, 1);
	assert_true(o.config->guests[0].server);
	assert_string_equal(o.config_path, "/c");
	assert_int_equal(o.fdb_capacity, 1000);
	assert_true(o.interactive);
	assert_false(o.check);
	assert_string_equal(o.console, BF_CONSOLE_DEFAULT);
	assert_int_equal(o.gid, -1);
	bf_options_fini(&o);
}

static void
test_console_none_means_none(void **state)
{
	static const char *const words[] = {"--console=none", NULL};
	struct bf_options o;
	struct bf_err err;

	(void)state;
	assert_int_equal(parse(&o, words, &err), 0);
	assert_null(o.console);
	bf_options_fini(&o);
}

static void
test_our_options_begin_behind_two_dashes(void **state)
{
	char a[] = "bondfwd", b[] = "-l", c[] = "0,1", d[] = "--", e[] = "-i", f[] = "--config=/c";
	char *with[] = {a, b, c, d, e}, *ours[] = {a, e, NULL}, *eal[] = {a, b, c};
	char *value[] = {a, f, NULL}, *none[] = {a, NULL};

	(void)state;
	assert_int_equal(bf_options_start(5, with), 3);
	assert_int_equal(bf_options_start(2, ours), 0);
	assert_int_equal(bf_options_start(2, value), 0);
	assert_int_equal(bf_options_start(3, eal), 3);
	assert_int_equal(bf_options_start(1, none), 1);
}

static void
test_an_option_of_ours_among_the_eals_is_found(void **state)
{
	char a[] = "bondfwd", b[] = "-l", c[] = "0,1", d[] = "--bond=name=b", e[] = "-i",
	     f[] = "-v";
	char *forgot[] = {a, b, c, d}, *eal[] = {a, b, c, e, f};

	(void)state;
	assert_string_equal(bf_options_misplaced(4, forgot), "--bond");
	assert_null(bf_options_misplaced(5, eal)); /* -i and -v are the EAL's as well */
}

static void
test_a_near_miss_gets_a_suggestion_and_further_errors_are_kept(void **state)
{
	static const char *const words[] = {"--gest", "name=a", "--bond", "mtu=1", "--guest",
		"name=vm1,socket=/a,queue=2", NULL};
	struct bf_options o;
	struct bf_err err;

	(void)state;
	assert_int_equal(parse(&o, words, &err), -EINVAL);
	assert_has(err.text, "unknown option \"--gest\": see --help; did you mean --guest?");
	assert_int_equal(o.n_more, 3); /* its value, the mtu, the guest's key */
	assert_has(o.more[1].text, "mtu: \"1\"");
	assert_has(o.more[2].text, "unknown key \"queue\": expected");
	assert_has(o.more[2].text, "; did you mean queues?");
	bf_options_fini(&o);
}

static void
test_many_guests_fit_the_command_line_and_a_long_one_is_refused(void **state)
{
	static char pairs[6000];
	const char *words[] = {"--guest", pairs, NULL};
	struct bf_options o;
	struct bf_err err;

	(void)state;
	memset(pairs, 'x', sizeof(pairs) - 1);
	assert_int_equal(parse(&o, words, &err), -EINVAL);
	assert_has(err.text, "expected at most 4095");
	bf_options_fini(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_command_lines_are_taken),
		cmocka_unit_test(test_bad_command_lines_are_refused_with_their_word),
		cmocka_unit_test(test_values_arrive_where_they_belong),
		cmocka_unit_test(test_console_none_means_none),
		cmocka_unit_test(test_our_options_begin_behind_two_dashes),
		cmocka_unit_test(test_an_option_of_ours_among_the_eals_is_found),
		cmocka_unit_test(test_a_near_miss_gets_a_suggestion_and_further_errors_are_kept),
		cmocka_unit_test(test_many_guests_fit_the_command_line_and_a_long_one_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
