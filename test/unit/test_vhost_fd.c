/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What descriptors are taken for.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "vhost/fd.h"

/* Takes fd. */
static enum bf_vhost_fd_kind
kind_of(int fd)
{
	struct bf_vhost_fd f;

	assert_true(fd >= 0);
	bf_vhost_fd_look(fd, &f);
	assert_int_equal(f.fd, fd);
	close(fd);
	return f.kind;
}

static void
test_signals_and_memory_are_told_from_files(void **state)
{
	int fd[2], file = memfd_create("test", 0);
	struct bf_vhost_fd f;

	(void)state;
	assert_int_equal(kind_of(eventfd(0, 0)), BF_VHOST_FD_EVENT);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(kind_of(fd[0]), BF_VHOST_FD_PIPE);
	assert_int_equal(kind_of(fd[1]), BF_VHOST_FD_PIPE);
	assert_int_equal(kind_of(open("/dev/null", O_RDWR)), BF_VHOST_FD_OTHER);
	assert_int_equal(kind_of(open("/", O_RDONLY)), BF_VHOST_FD_OTHER);
	assert_int_equal(ftruncate(file, 12345), 0);
	bf_vhost_fd_look(file, &f);
	assert_int_equal(f.kind, BF_VHOST_FD_MEMORY);
	assert_int_equal(f.size, 12345);
	assert_int_equal(f.page, 4096);
	close(file);
}

static void
test_a_socket_of_a_pair_is_one_that_nothing_can_come_through(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(kind_of(dup(fd[0])), BF_VHOST_FD_SOCKET);
	assert_int_equal(send(fd[1], "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(send(fd[0], "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(kind_of(dup(fd[0])), BF_VHOST_FD_OTHER);
	close(fd[0]);
	close(fd[1]);
}

static void
test_a_socket_with_something_in_it_is_refused(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(send(fd[1], "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(kind_of(fd[0]), BF_VHOST_FD_OTHER);
	close(fd[1]);
}

/* It is not counted any more, and what came with it is still there. */
static void
test_a_socket_with_an_urgent_byte_that_was_read_is_refused(void **state)
{
	int fd[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	if (send(fd[1], "x", 1, MSG_OOB | MSG_NOSIGNAL) == 1) { /* else there are none here */
		assert_int_equal(recv(fd[0], &byte, 1, MSG_OOB), 1);
		assert_int_equal(kind_of(dup(fd[0])), BF_VHOST_FD_OTHER);
	}
	close(fd[0]);
	close(fd[1]);
}

/* A name that needs no file. */
static socklen_t
name_make(struct sockaddr_un *at)
{
	static const char name[] = "\0bondfwd-test-vhost-fd";

	at->sun_family = AF_UNIX;
	memcpy(at->sun_path, name, sizeof(name));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name));
}

static void
test_either_end_of_a_connection_and_other_sockets_are_refused(void **state)
{
	struct sockaddr_un at = {0};
	socklen_t len = name_make(&at);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), one = socket(AF_UNIX, SOCK_STREAM, 0),
	    fd[2];

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(one, (struct sockaddr *)&at, len), 0);
	assert_int_equal(kind_of(accept(listener, NULL, NULL)), BF_VHOST_FD_OTHER);
	assert_int_equal(kind_of(one), BF_VHOST_FD_OTHER);
	assert_int_equal(kind_of(listener), BF_VHOST_FD_OTHER);
	assert_int_equal(kind_of(socket(AF_UNIX, SOCK_STREAM, 0)), BF_VHOST_FD_OTHER);
	assert_int_equal(kind_of(socket(AF_INET, SOCK_STREAM, 0)), BF_VHOST_FD_OTHER);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	assert_int_equal(kind_of(fd[0]), BF_VHOST_FD_OTHER);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_and_memory_are_told_from_files),
		cmocka_unit_test(test_a_socket_of_a_pair_is_one_that_nothing_can_come_through),
		cmocka_unit_test(test_a_socket_with_something_in_it_is_refused),
		cmocka_unit_test(test_a_socket_with_an_urgent_byte_that_was_read_is_refused),
		cmocka_unit_test(test_either_end_of_a_connection_and_other_sockets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
