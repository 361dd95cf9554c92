/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Words to the service manager. A socket of the test's own stands for its one.
 */
#include "unit.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/supervisor.h"

/* Listen at a name in the abstract namespace that no other run has, and say it as $NOTIFY_SOCKET. */
static int
manager_open(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char name[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(name, sizeof(name), "@bondfwd-supervisor-%d", (int)getpid());
	memcpy(&at.sun_path[1], &name[1], strlen(name) - 1);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&at,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
test_lines_reach_a_manager_and_nobody_waits_for_one(void **state)
{
	int fd = manager_open();
	char got[64];
	ssize_t n;

	(void)state;
	assert_true(bf_supervisor_open());
	assert_true(bf_supervisor_is_open());
	assert_true(bf_supervisor_say("READY=%d", 1));
	n = recv(fd, got, sizeof(got), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(got, "READY=1", 7);
	for (unsigned int i = 0; i < 100000 && bf_supervisor_say("WATCHDOG=1"); i++)
		continue;
	assert_false(bf_supervisor_say("WATCHDOG=1")); /* its queue is full */
	close(fd);
	assert_false(bf_supervisor_say("WATCHDOG=1"));
	bf_supervisor_close();
	assert_false(bf_supervisor_say("WATCHDOG=1"));
}

static void
test_what_is_no_address_is_no_manager(void **state)
{
	static const char *const bad[] = {
		"", "/", "@", "relative", "vsock:2:1234", "/nobody/there"};
	char much[200];

	(void)state;
	memset(much, 'a', sizeof(much) - 1);
	much[0] = '/';
	much[sizeof(much) - 1] = '\0';
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		assert_false(bf_supervisor_open());
	}
	setenv("NOTIFY_SOCKET", much, 1);
	assert_false(bf_supervisor_open());
	unsetenv("NOTIFY_SOCKET");
	assert_false(bf_supervisor_open());
	assert_false(bf_supervisor_is_open());
}

static void
test_the_watchdog_is_that_of_this_process(void **state)
{
	char pid[24];

	(void)state;
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(bf_supervisor_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(bf_supervisor_watchdog_ms(), 30000);
	setenv("WATCHDOG_USEC", "10", 1);
	assert_int_equal(bf_supervisor_watchdog_ms(), 1);
	setenv("WATCHDOG_USEC", "10s", 1);
	assert_int_equal(bf_supervisor_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "2000000", 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(bf_supervisor_watchdog_ms(), 2000);
	snprintf(pid, sizeof(pid), "%d", (int)getpid() + 1);
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(bf_supervisor_watchdog_ms(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_reach_a_manager_and_nobody_waits_for_one),
		cmocka_unit_test(test_what_is_no_address_is_no_manager),
		cmocka_unit_test(test_the_watchdog_is_that_of_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
