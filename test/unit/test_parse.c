/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Words to values: what is taken, what is refused, and that refusals name the word and the range.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/sock.h"
#include "base/words.h"

static void
test_numbers_are_whole_words_within_a_range(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {{"68", 68}, {"9216", 9216}, {"0x100", 256}, {"0X64", 100}, {"00100", 100}};
	static const char *const bad[] = {"", " 100", "100 ", "67", "9217", "-100", "+100", "1e3",
		"100x", "0x", "0x-44", "99999999999999999999999", "0b1", "1.5", "\t70"};
	struct bf_err err;
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(bf_parse_u64("mtu", good[i].text, 68, 9216, &v, &err), 0);
		assert_int_equal(v, good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v = 4711;
		assert_int_equal(bf_parse_u64("mtu", bad[i], 68, 9216, &v, &err), -EINVAL);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(v, 4711);
	}
}

static void
test_a_refused_number_names_itself_and_its_range(void **state)
{
	struct bf_err err;
	uint64_t v;

	(void)state;
	assert_int_equal(bf_parse_u64("mtu", "abc", 68, 9216, &v, &err), -EINVAL);
	assert_string_equal(err.text, "mtu: \"abc\": expected 68 to 9216");
	assert_int_equal(bf_parse_u64("mtu", "abc", 68, 9216, &v, NULL), -EINVAL);
}

static void
test_the_largest_numbers_are_exact(void **state)
{
	struct bf_err err;
	uint64_t v;

	(void)state;
	assert_int_equal(bf_parse_u64("n", "18446744073709551615", 0, UINT64_MAX, &v, &err), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(
		bf_parse_u64("n", "18446744073709551616", 0, UINT64_MAX, &v, &err), -EINVAL);
	assert_int_equal(bf_parse_u64("n", "0", 0, 0, &v, &err), 0);
}

static void
test_on_and_off_have_the_usual_spellings(void **state)
{
	static const char *const yes[] = {"on", "ON", "yes", "true", "1"};
	static const char *const no[] = {"off", "Off", "no", "false", "0"};
	static const char *const bad[] = {"", "onn", "2", "-1", "enable", " on"};
	struct bf_err err;
	bool v;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		v = false;
		assert_int_equal(bf_parse_bool("strict", yes[i], &v, &err), 0);
		assert_true(v);
		v = true;
		assert_int_equal(bf_parse_bool("strict", no[i], &v, &err), 0);
		assert_false(v);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bf_parse_bool("strict", bad[i], &v, &err), -EINVAL);
	assert_has(err.text, "strict: \" on\": expected on or off");
}

static void
test_addresses_have_six_bytes_and_no_zero_or_group(void **state)
{
	static const uint8_t want[6] = {0x02, 0xab, 0xCD, 0x00, 0x01, 0xff};
	static const char *const bad[] = {"", "02:ab:cd:00:01",
		"02:ab:cd:00:01:ff:", "02-ab-cd-00-01-ff", "02:ab:cd:00:01:fg", "2:ab:cd:0:1:ff",
		"00:00:00:00:00:00", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff",
		"02:ab:cd:00:01:ff "};
	struct bf_err err;
	uint8_t mac[6];

	(void)state;
	assert_int_equal(bf_parse_mac("mac", "02:aB:Cd:00:01:FF", false, mac, &err), 0);
	assert_memory_equal(mac, want, 6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bf_parse_mac("mac", bad[i], false, mac, &err) != -EINVAL)
			fail_msg("\"%s\" was taken for an address", bad[i]);
	assert_int_equal(bf_parse_mac("mac", "01:00:5e:00:00:01", true, mac, &err), 0);
	assert_int_equal(bf_parse_mac("mac", "00:00:00:00:00:00", true, mac, &err), -EINVAL);
}

static void
test_addresses_are_hex_digits_and_colons_only(void **state)
{
	static const char *const bad[] = {" a: b: c: d: e: f", "+a:+b:+c:+d:+e:+f",
		"-1:-1:-1:-1:-1:-2", "02:ab:cd:00:01: f", "0x:ab:cd:00:01:ff"};
	struct bf_err err;
	uint8_t mac[6];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bf_parse_mac("mac", bad[i], true, mac, &err) != -EINVAL)
			fail_msg("\"%s\" was taken for an address", bad[i]);
}

static const char *const words[] = {"stable", "", "count"};

static void
test_a_word_of_a_table_or_its_number(void **state)
{
	static const char *const bad[] = {
		"", "3", "-1", "stabl", "0x1", "1 ", "99999999999999999999"};
	struct bf_err err;
	unsigned int v;

	(void)state;
	assert_int_equal(bf_parse_enum("agg", "Count", words, 3, &v, &err), 0);
	assert_int_equal(v, 2);
	assert_int_equal(bf_parse_enum("agg", "1", words, 3, &v, &err), 0);
	assert_int_equal(v, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bf_parse_enum("agg", bad[i], words, 3, &v, &err), -EINVAL);
	assert_int_equal(bf_parse_enum("agg", "x", words, 3, &v, &err), -EINVAL);
	assert_string_equal(err.text, "agg: \"x\": expected one of stable, count, or 0 to 2");
}

static void
test_names_have_safe_characters_and_fit(void **state)
{
	static const char *const good[] = {"a", "vm-1", "A.b_c-9", "1234567"};
	static const char *const bad[] = {
		"", "-a", ".a", "a b", "a,b", "a/b", "a\"b", "a:b", "12345678", "\xc3\xa9", "a\n"};
	struct bf_err err;
	char out[8];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(bf_parse_name("name", good[i], out, sizeof(out), &err), 0);
		assert_string_equal(out, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bf_parse_name("name", bad[i], out, sizeof(out), &err) != -EINVAL)
			fail_msg("\"%s\" was taken for a name", bad[i]);
	assert_int_equal(bf_parse_name("name", "12345678", out, sizeof(out), &err), -EINVAL);
	assert_has(err.text, "name: \"12345678\": expected 1 to 7 characters");
}

static void
test_devices_may_be_pci_addresses(void **state)
{
	struct bf_err err;
	char out[64];

	(void)state;
	assert_int_equal(bf_parse_device("member", "0000:3b:00.0", out, sizeof(out), &err), 0);
	assert_int_equal(bf_parse_device("member", "net_ring0", out, sizeof(out), &err), 0);
	assert_int_equal(bf_parse_device("member", "a,b", out, sizeof(out), &err), -EINVAL);
	assert_int_equal(bf_parse_device("member", "", out, sizeof(out), &err), -EINVAL);
}

struct seen {
	char text[256];
	int stop_at;
	int n;
};

static int
on_pair(void *arg, const char *key, const char *value, struct bf_err *err)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	(void)err;
	snprintf(s->text + len, sizeof(s->text) - len, "[%s|%s]", key, value);
	return ++s->n == s->stop_at ? -ERANGE : 0;
}

static void
test_pairs_are_handed_over_in_order(void **state)
{
	struct seen s = {.stop_at = 0};
	struct bf_err err;

	(void)state;
	assert_int_equal(bf_parse_pairs("--bond", "a=1,b,c=x=y,d=", NULL, on_pair, &s, &err), 0);
	assert_string_equal(s.text, "[a|1][b|][c|x=y][d|]");
}

static void
test_the_first_refused_pair_ends_the_list(void **state)
{
	struct seen s = {.stop_at = 2};
	struct bf_err err;

	(void)state;
	assert_int_equal(bf_parse_pairs("--bond", "a=1,b=2,c=3", NULL, on_pair, &s, &err), -ERANGE);
	assert_string_equal(s.text, "[a|1][b|2]");
}

static void
test_an_empty_key_and_an_endless_list_are_refused(void **state)
{
	struct seen s = {.stop_at = 0};
	struct bf_err err;
	char *text = malloc(5001);

	(void)state;
	assert_int_equal(bf_parse_pairs("--bond", "a=1,=2", NULL, on_pair, &s, &err), -EINVAL);
	assert_has(err.text, "\"=2\"");
	memset(text, 'a', 5000);
	text[5000] = '\0';
	s.n = 0;
	assert_int_equal(bf_parse_pairs("--bond", text, NULL, on_pair, &s, &err), -EINVAL);
	assert_has(err.text, "5000 characters: expected at most 4095");
	assert_int_equal(s.n, 0);
	free(text);
}

static void
test_endless_words_make_bounded_messages(void **state)
{
	struct bf_err err;
	char text[2001];
	uint64_t v;

	(void)state;
	memset(text, 'z', 2000);
	text[2000] = '\0';
	assert_int_equal(bf_parse_u64("mtu", text, 1, 2, &v, &err), -EINVAL);
	assert_true(strlen(err.text) < 200);
	assert_has(err.text, "expected 1 to 2");
}

static void
test_a_list_has_whole_words_or_ends_in_dots(void **state)
{
	char list[20] = "";

	(void)state;
	bf_words_add(list, sizeof(list), ", ", "net_vhost0");
	assert_string_equal(list, "net_vhost0");
	bf_words_add(list, sizeof(list), ", ", "ab1"); /* 15, 4 dots, the end */
	assert_string_equal(list, "net_vhost0, ab1");
	bf_words_add(list, sizeof(list), ", ", "c");
	assert_string_equal(list, "net_vhost0, ab1 ...");
	bf_words_add(list, sizeof(list), "", "");
	assert_string_equal(list, "net_vhost0, ab1 ...");
	list[0] = '\0';
	bf_words_add(list, 5, ",", "x");
	assert_string_equal(list, " ...");
}

static void
test_a_long_table_is_listed_in_whole_words(void **state)
{
	const char *names[60];
	struct bf_err err;
	unsigned int v;

	(void)state;
	for (unsigned int i = 0; i < 60; i++)
		names[i] = i % 2 ? "bandwidth" : "priority";
	assert_int_equal(bf_parse_enum("agg", "x", names, 60, &v, &err), -EINVAL);
	assert_non_null(strstr(err.text, "expected one of priority, bandwidth, "));
	assert_non_null(strstr(err.text, " ..., or 0 to 59"));
	assert_true(strstr(err.text, "priority ...") != NULL ||
		strstr(err.text, "bandwidth ...") != NULL);
}

static void
test_control_bytes_do_not_end_a_line(void **state)
{
	char text[] = "a\nb\033[2J\177 \tc\303\251";

	(void)state;
	assert_ptr_equal(bf_words_plain(text), text);
	assert_string_equal(text, "a?b?[2J? ?c\303\251");
}

static void
test_a_socket_is_live_as_long_as_somebody_listens(void **state)
{
	char dir[] = "/tmp/bf-sock-XXXXXX", long_path[200];
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", dir);
	assert_int_equal(bf_sock_is_live(sun.sun_path), -ENOENT);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(bf_sock_is_live(sun.sun_path), 1);
	assert_int_equal(poll(&p, 1, 0), 0); /* nobody has connected */
	close(fd);
	assert_int_equal(bf_sock_is_live(sun.sun_path), 0);
	unlink(sun.sun_path);
	rmdir(dir);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(bf_sock_is_live(long_path), -ENAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_whole_words_within_a_range),
		cmocka_unit_test(test_a_refused_number_names_itself_and_its_range),
		cmocka_unit_test(test_the_largest_numbers_are_exact),
		cmocka_unit_test(test_on_and_off_have_the_usual_spellings),
		cmocka_unit_test(test_addresses_have_six_bytes_and_no_zero_or_group),
		cmocka_unit_test(test_addresses_are_hex_digits_and_colons_only),
		cmocka_unit_test(test_a_word_of_a_table_or_its_number),
		cmocka_unit_test(test_names_have_safe_characters_and_fit),
		cmocka_unit_test(test_devices_may_be_pci_addresses),
		cmocka_unit_test(test_pairs_are_handed_over_in_order),
		cmocka_unit_test(test_the_first_refused_pair_ends_the_list),
		cmocka_unit_test(test_an_empty_key_and_an_endless_list_are_refused),
		cmocka_unit_test(test_endless_words_make_bounded_messages),
		cmocka_unit_test(test_a_list_has_whole_words_or_ends_in_dots),
		cmocka_unit_test(test_a_long_table_is_listed_in_whole_words),
		cmocka_unit_test(test_control_bytes_do_not_end_a_line),
		cmocka_unit_test(test_a_socket_is_live_as_long_as_somebody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
