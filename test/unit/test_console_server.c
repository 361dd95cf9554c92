/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Console server over real unix sockets in a directory of its own, with a fake clock.
 *
 * Server and clients share one thread: client sockets do not block, and pump() lets both sides
 * run until a condition holds, bounded by a number of turns.
 *
 * Threads: one.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "console/server.h"

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))
#define TURNS_MAX 200000
#define DUMP_LINES 10000
#define DUMP_LINE_LEN 64

struct fixture {
	char dir[32];
	char path[96];
	struct bf_cmd_set *set;
	struct bf_console *console;
	struct bf_console_config config;
	uint64_t now_ms;
	unsigned int n_runs;
	unsigned int n_quits;
};

struct client {
	int fd;
	/* Everything received, NUL terminated. */
	char *text;
	size_t len;
	bool is_closed;
};

static void
run_ping(struct bf_cmd_ctx *ctx)
{
	((struct fixture *)ctx->app)->n_runs++;
	bf_out_printf(ctx->out, "pong\n");
	bf_out_str(ctx->out, NULL, "pong");
}

static void
run_dump(struct bf_cmd_ctx *ctx)
{
	unsigned int i;

	((struct fixture *)ctx->app)->n_runs++;
	for (i = 0; i < DUMP_LINES; i++)
		bf_out_printf(ctx->out, "%0*u\n", DUMP_LINE_LEN - 1, i);
}

static void
run_fail(struct bf_cmd_ctx *ctx)
{
	bf_out_error(ctx->out, "fail: expected nothing else");
}

static const struct bf_cmd cmds[] = {
	{"ping", "Answer.", run_ping, 0},
	{"dump", "Much.", run_dump, 0},
	{"fail", "Fail.", run_fail, 0},
	{"quit", "Quit.", NULL, BF_CMD_QUIT},
};

static const struct bf_cmd_group group = {"all-of-it", "Commands.", BF_CMDS(cmds)};
static const struct bf_cmd_group *const groups[] = {&group, NULL};

static void
on_quit(void *app)
{
	((struct fixture *)app)->n_quits++;
}

static void
open_console(struct fixture *f)
{
	struct bf_err err;

	f->console = bf_console_open(&f->config, &err);
	if (f->console == NULL)
		print_error("%s\n", err.text);
	assert_non_null(f->console);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct bf_err err;

	assert_non_null(f);
	*state = f;
	(void)strcpy(f->dir, "/tmp/bf-console-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/console.sock", f->dir);
	f->set = bf_cmd_set_create(groups, NULL, NULL, &err);
	assert_non_null(f->set);
	f->now_ms = 1000;
	f->config = (struct bf_console_config){
		.cmds = f->set,
		.app = f,
		.on_quit = on_quit,
		.prompt = "> ",
		.path = f->path,
	};
	return 0;
}

static int
setup_open(void **state)
{
	if (setup(state) != 0)
		return -1;
	open_console(*state);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	bf_console_close(f->console);
	bf_cmd_set_destroy(f->set);
	(void)unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int
socket_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
poll_console(struct fixture *f)
{
	bf_console_poll(f->console, f->now_ms);
}

static struct client *
client_open(struct fixture *f, const char *hello)
{
	struct client *cl = calloc(1, sizeof(*cl));

	assert_non_null(cl);
	cl->fd = socket_to(f->path);
	cl->text = calloc(1, 1);
	assert_non_null(cl->text);
	if (hello != NULL)
		assert_int_equal(send(cl->fd, hello, strlen(hello), 0), strlen(hello));
	poll_console(f);
	return cl;
}

static void
client_close(struct client *cl)
{
	(void)close(cl->fd);
	free(cl->text);
	free(cl);
}

static void
client_read(struct client *cl)
{
	char buf[16384];
	ssize_t n = recv(cl->fd, buf, sizeof(buf), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		cl->is_closed = true;
	if (n <= 0)
		return;
	cl->text = realloc(cl->text, cl->len + (size_t)n + 1);
	assert_non_null(cl->text);
	memcpy(cl->text + cl->len, buf, (size_t)n);
	cl->len += (size_t)n;
	cl->text[cl->len] = '\0';
}

/* Let both sides run until the client has received len bytes or is closed. */
static void
pump(struct fixture *f, struct client *cl, size_t len)
{
	unsigned int i;

	for (i = 0; i < TURNS_MAX && cl->len < len && !cl->is_closed; i++) {
		poll_console(f);
		client_read(cl);
	}
	assert_true(i < TURNS_MAX);
}

static void
pump_until_closed(struct fixture *f, struct client *cl)
{
	pump(f, cl, SIZE_MAX);
	assert_true(cl->is_closed);
}

static void
say(struct client *cl, const char *text)
{
	assert_int_equal(send(cl->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The server answers exactly this next. */
static void
expect(struct fixture *f, struct client *cl, const char *expected)
{
	pump(f, cl, strlen(expected));
	assert_string_equal(cl->text, expected);
	cl->len = 0;
	cl->text[0] = '\0';
}

static void
test_commands_are_answered_with_status_and_length(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 exec\n");

	say(cl, "ping\n");
	expect(f, cl, "0 5\npong\n");
	say(cl, "fail\r\n");
	expect(f, cl, "1 28\nfail: expected nothing else\n");
	say(cl, "pong\n");
	expect(f, cl,
		"2 74\npong: \"pong\": expected one of: dump, fail, ping, quit; did you mean ping?\n");
	client_close(cl);
}

static void
test_answers_are_json_when_asked(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 exec json\nping\nfail\n");

	expect(f, cl, "0 7\n\"pong\"\n1 41\n{\"error\": \"fail: expected nothing else\"}\n");
	client_close(cl);
}

static void
test_requests_may_come_in_any_pieces(void **state)
{
	static const char text[] = "bondctl 1 exec\nping\nping\n";
	struct fixture *f = *state;
	struct client *cl = client_open(f, NULL);
	unsigned int i;

	for (i = 0; i + 1 < sizeof(text); i++) {
		assert_int_equal(send(cl->fd, text + i, 1, 0), 1);
		poll_console(f);
	}
	expect(f, cl, "0 5\npong\n0 5\npong\n");
	client_close(cl);
}

static void
test_a_client_that_stops_sending_gets_all_answers(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 exec\nping\nping\npin");

	assert_int_equal(shutdown(cl->fd, SHUT_WR), 0);
	pump_until_closed(f, cl);
	assert_string_equal(cl->text, "0 5\npong\n0 5\npong\n");
	assert_int_equal(f->n_runs, 2);
	assert_int_equal(bf_console_client_count(f->console), 0);
	client_close(cl);
}

static void
test_many_pipelined_commands_are_run_in_turns(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 exec\n");
	struct pollfd pfd = {.fd = bf_console_fd(f->console), .events = POLLIN};
	unsigned int i;

	for (i = 0; i < 100; i++)
		say(cl, "ping\n");
	poll_console(f);
	assert_in_range(f->n_runs, 1, 50);
	/* The descriptor asks for more turns until all is done, and then is quiet. */
	for (i = 0; i < 1000 && poll(&pfd, 1, 0) == 1; i++)
		poll_console(f);
	assert_int_equal(f->n_runs, 100);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	pump(f, cl, 900);
	client_close(cl);
}

static void
test_garbage_instead_of_a_preamble_is_refused(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "GET / HTTP/1.1\r\n\r\n");

	pump_until_closed(f, cl);
	assert_non_null(strstr(cl->text, "console: preamble: expected \"bondctl 1 exec\""));
	assert_memory_equal(cl->text, "2 ", 2);
	client_close(cl);
}

static void
test_random_bytes_harm_nobody(void **state)
{
	struct fixture *f = *state;
	struct client *other = client_open(f, "bondctl 1 exec\n");
	unsigned int seed = 1, i, j;
	char bytes[3000];

	for (i = 0; i < 50; i++) {
		struct client *cl = client_open(f,
			i % 3 == 0           ? NULL
				: i % 3 == 1 ? "bondctl 1 exec\n"
					     : "bondctl 1 tty\n");

		for (j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)rand_r(&seed);
		assert_true(send(cl->fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0);
		poll_console(f);
		client_read(cl);
		client_close(cl);
		poll_console(f);
	}
	say(other, "ping\n");
	expect(f, other, "0 5\npong\n");
	client_close(other);
}

static void
test_an_overlong_line_is_answered_once_and_the_next_works(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 exec\n");
	char part[1001];
	unsigned int i;

	memset(part, 'x', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	for (i = 0; i < 20; i++) {
		say(cl, part);
		poll_console(f);
	}
	say(cl, "\nping\n");
	expect(f, cl, "2 52\nline: longer than 4096 bytes: expected at most that\n0 5\npong\n");
	client_close(cl);
}

static void
test_nul_bytes_in_a_line_are_refused(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 exec\n");

	assert_int_equal(send(cl->fd, "ping\0x\n", 7, 0), 7);
	pump(f, cl, 10);
	assert_non_null(strstr(cl->text, "line: byte 0x00 at column 5"));
	assert_int_equal(f->n_runs, 0);
	client_close(cl);
}

static void
test_a_client_without_a_complete_request_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct client *hung = client_open(f, "bondctl 1 exec\nping");
	struct client *mute = client_open(f, NULL);
	struct client *tty = client_open(f, "bondctl 1 tty\n");

	expect(f, tty, "> ");
	assert_int_equal(bf_console_timeout_ms(f->console, f->now_ms), BF_CONSOLE_IDLE_MS);
	f->now_ms += BF_CONSOLE_IDLE_MS - 1;
	poll_console(f);
	assert_int_equal(bf_console_client_count(f->console), 3);
	f->now_ms += 1;
	poll_console(f);
	client_read(hung);
	client_read(mute);
	client_read(tty);
	assert_true(hung->is_closed && mute->is_closed && !tty->is_closed);
	assert_int_equal(bf_console_timeout_ms(f->console, f->now_ms), -1);
	assert_int_equal(f->n_runs, 0);
	client_close(hung);
	client_close(mute);
	client_close(tty);
}

static void
test_a_large_output_loses_no_byte(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 exec\ndump\n");
	const char *p;
	unsigned int i;

	pump(f, cl, strlen("0 640000\n") + (size_t)DUMP_LINES * DUMP_LINE_LEN);
	assert_memory_equal(cl->text, "0 640000\n", 9);
	p = cl->text + 9;
	for (i = 0; i < DUMP_LINES; i++, p += DUMP_LINE_LEN)
		assert_int_equal(strtoul(p, NULL, 10), i);
	assert_string_equal(p, "");
	client_close(cl);
}

static void
test_a_session_shows_a_large_output_whole(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 tty\n");

	say(cl, "dump\rping\r");
	pump(f, cl, 2 + 6 + (size_t)DUMP_LINES * DUMP_LINE_LEN + 2 + 6 + 5 + 2);
	assert_string_equal(cl->text + cl->len - 15, "> ping\r\npong\n> ");
	assert_int_equal(f->n_runs, 2);
	client_close(cl);
}

static void
test_a_session_may_say_its_size_and_keep_the_history(void **state)
{
	struct fixture *f = *state;
	struct client *cl = client_open(f, "bondctl 1 tty 10 100\n"), *wrong;

	expect(f, cl, "> ");
	say(cl, "ping\r");
	expect(f, cl, "ping\r\n\x1b_ping\x1b\\pong\n> ");
	say(cl, "dump\r");
	pump(f, cl, strlen("dump\r\n\x1b_dump\x1b\\") + 9 * DUMP_LINE_LEN + 20);
	assert_non_null(strstr(cl->text, "-- more, 0 %"));
	client_close(cl);
	wrong = client_open(f, "bondctl 1 tty 10 x\n");
	pump_until_closed(f, wrong);
	assert_non_null(strstr(wrong->text, "console: preamble: expected"));
	client_close(wrong);
}

static void
test_a_slow_reader_is_not_run_further_and_dropped_at_last(void **state)
{
	struct fixture *f = *state;
	struct client *slow = client_open(f, "bondctl 1 exec\ndump\ndump\ndump\ndump\n");
	struct client *other;
	unsigned int i;

	for (i = 0; i < 100; i++)
		poll_console(f);
	assert_int_equal(f->n_runs, 1);
	other = client_open(f, "bondctl 1 exec\nping\n");
	expect(f, other, "0 5\npong\n");
	/* Reading something keeps it. */
	f->now_ms += BF_CONSOLE_IDLE_MS - 1;
	for (i = 0; i < 40; i++)
		client_read(slow);
	poll_console(f);
	f->now_ms += BF_CONSOLE_IDLE_MS - 1;
	poll_console(f);
	assert_true(bf_console_client_count(f->console) >= 1);
	f->now_ms += BF_CONSOLE_IDLE_MS;
	poll_console(f);
	assert_int_equal(bf_console_client_count(f->console), 0);
	client_close(slow);
	client_close(other);
}

static void
test_an_output_over_the_limit_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct client *cl;

	f->config.out_max = 1000;
	open_console(f);
	cl = client_open(f, "bondctl 1 exec\ndump\nping\n");
	expect(f, cl, "1 47\noutput: too large: expected at most 1000 bytes\n0 5\npong\n");
	client_close(cl);
}

static void
test_clients_over_the_limit_are_refused_with_a_reason(void **state)
{
	struct fixture *f = *state;
	struct client *cl[20];
	unsigned int i, n_refused = 0;

	for (i = 0; i < N_OF(cl); i++) {
		cl[i] = client_open(f, NULL);
		poll_console(f);
	}
	assert_int_equal(bf_console_client_count(f->console), BF_CONSOLE_CLIENTS_MAX);
	for (i = 0; i < N_OF(cl); i++) {
		client_read(cl[i]);
		if (cl[i]->len == 0)
			continue;
		assert_string_equal(cl[i]->text, "1 31\nconsole: too many clients (16)\n");
		n_refused++;
	}
	assert_int_equal(n_refused, 4);
	client_close(cl[0]);
	poll_console(f);
	cl[0] = client_open(f, "bondctl 1 exec\nping\n");
	expect(f, cl[0], "0 5\npong\n");
	for (i = 0; i < N_OF(cl); i++)
		client_close(cl[i]);
}

static void
test_sessions_leave_places_for_commands(void **state)
{
	const unsigned int max = BF_CONSOLE_CLIENTS_MAX - BF_CONSOLE_CLIENTS_EXEC;
	struct fixture *f = *state;
	struct client *cl[BF_CONSOLE_CLIENTS_MAX];
	unsigned int i;

	for (i = 0; i < max; i++) {
		cl[i] = client_open(f, "bondctl 1 tty\n");
		expect(f, cl[i], "> ");
	}
	cl[max] = client_open(f, "bondctl 1 tty\n");
	pump_until_closed(f, cl[max]);
	assert_non_null(strstr(cl[max]->text, "too many interactive sessions (12)"));
	client_close(cl[max]);
	client_close(cl[0]);
	poll_console(f);
	cl[0] = client_open(f, "bondctl 1 tty\n");
	expect(f, cl[0], "> ");
	cl[max] = client_open(f, "bondctl 1 exec\nping\n");
	expect(f, cl[max], "0 5\npong\n");
	for (i = 0; i <= max; i++)
		client_close(cl[i]);
}

static void
test_quit_ends_only_the_session_that_said_it(void **state)
{
	struct fixture *f = *state;
	struct client *tty = client_open(f, "bondctl 1 tty\n");
	struct client *exec = client_open(f, "bondctl 1 exec\n");

	say(tty, "quit\r");
	pump_until_closed(f, tty);
	assert_string_equal(tty->text, "> quit\r\n");
	say(exec, "quit\nping\n");
	pump_until_closed(f, exec);
	assert_string_equal(exec->text, "0 0\n");
	assert_int_equal(f->n_quits, 0);
	client_close(tty);
	client_close(exec);
}

static void
test_the_socket_is_for_owner_and_group_and_goes_with_us(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	bf_console_close(f->console);
	f->console = NULL;
	assert_int_equal(lstat(f->path, &st), -1);
}

static void
test_a_socket_that_is_no_longer_ours_is_left(void **state)
{
	struct fixture *f = *state;
	char other[112];
	struct stat st;

	snprintf(other, sizeof(other), "%s.new", f->path);
	assert_int_equal(close(open(other, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(rename(other, f->path), 0);
	bf_console_close(f->console);
	f->console = NULL;
	assert_int_equal(lstat(f->path, &st), 0);
}

static void
make_stale_socket(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_a_stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct client *cl;

	make_stale_socket(f->path);
	open_console(f);
	cl = client_open(f, "bondctl 1 exec\nping\n");
	expect(f, cl, "0 5\npong\n");
	client_close(cl);
}

static void
assert_open_fails(struct fixture *f, int error, const char *text)
{
	struct bf_err err;

	assert_null(bf_console_open(&f->config, &err));
	assert_int_equal(errno, error);
	assert_non_null(strstr(err.text, text));
}

static void
test_a_live_socket_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	struct client *cl;

	assert_open_fails(f, EADDRINUSE, "another program answers there");
	cl = client_open(f, "bondctl 1 exec\nping\n");
	expect(f, cl, "0 5\npong\n");
	client_close(cl);
}

static void
test_other_files_and_links_are_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char target[112];

	assert_int_equal(close(open(f->path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_open_fails(f, ENOTSOCK, "not a socket: expected a socket or nothing");
	assert_int_equal(unlink(f->path), 0);
	snprintf(target, sizeof(target), "%s.target", f->path);
	make_stale_socket(target);
	assert_int_equal(symlink(target, f->path), 0);
	assert_open_fails(f, ENOTSOCK, "symbolic link: expected a socket or nothing");
	assert_int_equal(lstat(f->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(target, &st), 0);
	assert_int_equal(unlink(target), 0);
}

static void
test_paths_are_limited_and_one_directory_is_made(void **state)
{
	struct fixture *f = *state;
	char path[256], dir[64];
	struct stat st;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	f->config.path = path;
	assert_open_fails(f, ENAMETOOLONG, "path of 108 bytes: expected at most 107");
	snprintf(path, sizeof(path), "%s/a/b/sock", f->dir);
	assert_open_fails(f, ENOENT, "make its directory: No such file");
	snprintf(path, sizeof(path), "%s/a/sock", f->dir);
	open_console(f);
	snprintf(dir, sizeof(dir), "%s/a", f->dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	bf_console_close(f->console);
	f->console = NULL;
	assert_int_equal(rmdir(dir), 0);
}

/* The local terminal is a pair of pipes here. */
struct pipes {
	int to[2];
	int from[2];
};

static void
attach(struct fixture *f, struct pipes *p, unsigned int flags)
{
	struct bf_err err;

	assert_int_equal(pipe2(p->to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(p->from, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(
		bf_console_attach_terminal(f->console, p->to[0], p->from[1], flags, &err), 0);
	assert_int_equal(
		bf_console_attach_terminal(f->console, p->to[0], p->from[1], flags, &err), -EBUSY);
}

static void
detach(struct fixture *f, struct pipes *p)
{
	bf_console_detach_terminal(f->console);
	(void)close(p->to[0]);
	(void)close(p->to[1]);
	(void)close(p->from[0]);
	(void)close(p->from[1]);
}

static void
type_and_expect(struct fixture *f, struct pipes *p, const char *text, const char *expected)
{
	char buf[256];
	ssize_t n;

	assert_int_equal(write(p->to[1], text, strlen(text)), strlen(text));
	poll_console(f);
	n = read(p->from[0], buf, sizeof(buf) - 1);
	assert_int_equal(n < 0 ? 0 : n, strlen(expected));
	assert_memory_equal(buf, expected, strlen(expected));
}

static void
test_a_pipe_as_terminal_takes_plain_lines(void **state)
{
	struct fixture *f = *state;
	struct pipes p;

	attach(f, &p, 0);
	type_and_expect(f, &p, "ping\nfail\npi", "pong\nfail: expected nothing else\n");
	/* The end of a pipe ends its last line, but not the program. */
	assert_int_equal(write(p.to[1], "ng", 2), 2);
	assert_int_equal(close(p.to[1]), 0);
	p.to[1] = -1;
	poll_console(f);
	poll_console(f);
	assert_int_equal(f->n_runs, 2);
	assert_int_equal(f->n_quits, 0);
	assert_int_equal(
		poll(&(struct pollfd){.fd = bf_console_fd(f->console), .events = POLLIN}, 1, 0), 0);
	detach(f, &p);
}

static void
test_quit_on_the_terminal_stops_the_program(void **state)
{
	struct fixture *f = *state;
	struct pipes p;

	attach(f, &p, 0);
	type_and_expect(f, &p, "ping\nquit\nping\n", "pong\n");
	assert_int_equal(f->n_runs, 1);
	assert_int_equal(f->n_quits, 1);
	detach(f, &p);
	attach(f, &p, BF_CONSOLE_QUIT_ON_EOF);
	assert_int_equal(close(p.to[1]), 0);
	p.to[1] = -1;
	poll_console(f);
	assert_int_equal(f->n_quits, 2);
	detach(f, &p);
}

static void
test_dev_null_as_terminal_is_an_end_of_file(void **state)
{
	struct fixture *f = *state;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct bf_err err;
	unsigned int i;

	assert_int_equal(bf_console_attach_terminal(f->console, fd, fd, 0, &err), 0);
	for (i = 0; i < 3; i++)
		poll_console(f);
	assert_int_equal(f->n_quits, 0);
	assert_int_equal(
		poll(&(struct pollfd){.fd = bf_console_fd(f->console), .events = POLLIN}, 1, 0), 0);
	(void)close(fd);
}

/* The kernel passes bytes through a terminal in its own time: serve until they came. */
static void
expect_on_screen(struct fixture *f, int master, const char *expected)
{
	struct pollfd pfd = {.fd = master, .events = POLLIN};
	char buf[256] = "";
	size_t len = 0;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < 2000 && len < strlen(expected); i++) {
		poll_console(f);
		if (poll(&pfd, 1, 5) != 1)
			continue;
		n = read(master, buf + len, sizeof(buf) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_string_equal(buf, expected);
}

static void
test_a_real_terminal_gets_raw_mode_and_has_it_restored(void **state)
{
	struct fixture *f = *state;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), slave;
	struct termios before, during, after;
	struct bf_err err = {""};

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &before), 0);
	assert_int_equal(bf_console_attach_terminal(f->console, slave, slave, 0, &err), 0);
	assert_int_equal(tcgetattr(slave, &during), 0);
	assert_int_equal(during.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG), 0);
	assert_int_equal(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(write(master, "pi\t\r", 4), 4);
	expect_on_screen(f, master, "> ping \r\r\npong\r\n> ");
	assert_int_equal(write(master, "quit\r", 5), 5);
	expect_on_screen(f, master, "quit\r\r\n");
	assert_int_equal(f->n_quits, 1);
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	(void)close(slave);
	(void)close(master);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, setup_open, teardown)
#define CLOSED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(test_commands_are_answered_with_status_and_length),
		OPENED(test_answers_are_json_when_asked),
		OPENED(test_requests_may_come_in_any_pieces),
		OPENED(test_a_client_that_stops_sending_gets_all_answers),
		OPENED(test_many_pipelined_commands_are_run_in_turns),
		OPENED(test_garbage_instead_of_a_preamble_is_refused),
		OPENED(test_random_bytes_harm_nobody),
		OPENED(test_an_overlong_line_is_answered_once_and_the_next_works),
		OPENED(test_nul_bytes_in_a_line_are_refused),
		OPENED(test_a_client_without_a_complete_request_is_dropped),
		OPENED(test_a_large_output_loses_no_byte),
		OPENED(test_a_session_shows_a_large_output_whole),
		OPENED(test_a_session_may_say_its_size_and_keep_the_history),
		OPENED(test_a_slow_reader_is_not_run_further_and_dropped_at_last),
		CLOSED(test_an_output_over_the_limit_is_an_error),
		OPENED(test_clients_over_the_limit_are_refused_with_a_reason),
		OPENED(test_sessions_leave_places_for_commands),
		OPENED(test_quit_ends_only_the_session_that_said_it),
		OPENED(test_the_socket_is_for_owner_and_group_and_goes_with_us),
		OPENED(test_a_socket_that_is_no_longer_ours_is_left),
		CLOSED(test_a_stale_socket_is_replaced),
		OPENED(test_a_live_socket_is_refused_and_left_alone),
		CLOSED(test_other_files_and_links_are_refused_and_left_alone),
		CLOSED(test_paths_are_limited_and_one_directory_is_made),
		OPENED(test_a_pipe_as_terminal_takes_plain_lines),
		OPENED(test_quit_on_the_terminal_stops_the_program),
		OPENED(test_dev_null_as_terminal_is_an_end_of_file),
		OPENED(test_a_real_terminal_gets_raw_mode_and_has_it_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
