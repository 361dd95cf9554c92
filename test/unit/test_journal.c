/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lines with fields for the journal.  A socket of the test's own stands for its one.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/journal.h"

static char folder[64], path[96];
static int journal = -1;

static int
set_up(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/bondfwd-journal-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	return bind(journal, (const struct sockaddr *)&at, sizeof(at));
}

static int
tear_down(void **state)
{
	(void)state;
	bf_journal_close();
	close(journal);
	unlink(path);
	return rmdir(folder);
}

static void
expect(const char *want)
{
	char got[2048];
	ssize_t n = recv(journal, got, sizeof(got) - 1, 0);

	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void
test_an_event_is_a_message_with_fields(void **state)
{
	(void)state;
	assert_true(bf_journal_open(path));
	assert_true(bf_journal_send(4, "member_down", "net_vhost0", "link down"));
	expect("MESSAGE=member_down: net_vhost0: link down\nPRIORITY=4\nSYSLOG_IDENTIFIER=bondfwd\n"
	       "BONDFWD_EVENT=member_down\nBONDFWD_OBJECT=net_vhost0\n");
	assert_true(bf_journal_send(3, "main", NULL, "no memory"));
	expect("MESSAGE=main: no memory\nPRIORITY=3\nSYSLOG_IDENTIFIER=bondfwd\nBONDFWD_EVENT=main\n");
}

static void
test_a_journal_that_takes_nothing_holds_nobody_up(void **state)
{
	unsigned int sent = 0;

	(void)state;
	assert_true(bf_journal_open(path));
	while (sent < 100000 && bf_journal_send(5, "x", NULL, "y"))
		sent++;
	assert_in_range(sent, 1, 99999);
	close(journal);
	assert_false(bf_journal_send(5, "x", NULL, "y"));
}

static void
test_without_a_journal_lines_are_not_its(void **state)
{
	struct stat st;
	char stream[64];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_false(bf_journal_open(NULL));
	assert_false(bf_journal_send(5, "x", NULL, "y"));
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	/* Another's stream, which a service has handed on to its children. */
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_false(bf_journal_open(NULL));
	setenv("JOURNAL_STREAM", "nonsense", 1);
	assert_false(bf_journal_open(NULL));
	assert_false(bf_journal_open("/tmp/there-is-no-such-folder/socket"));
	assert_false(bf_journal_send(5, "x", NULL, "y"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_an_event_is_a_message_with_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_journal_that_takes_nothing_holds_nobody_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_without_a_journal_lines_are_not_its, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
