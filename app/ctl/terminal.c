/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A session of the daemon on this terminal: keys go there, what is to be shown comes back.
 *
 * Threads: one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "client.h"
#include "ctl/ctl.h"
#include "ctl/past.h"

#define CTRL_Z '\032'

/* The other screen of a terminal, so that what was there comes back. */
#define SCREEN_OTHER "\033[?1049h"
#define SCREEN_BACK "\033[?1049l"

/* For the signal handler: the terminal to restore. */
static struct termios saved_mode;
static volatile sig_atomic_t is_raw;
static volatile sig_atomic_t has_new_size;
static volatile sig_atomic_t has_screen;

void
bf_ctl_screen_begin(void)
{
	(void)!write(STDOUT_FILENO, SCREEN_OTHER, sizeof(SCREEN_OTHER) - 1);
	has_screen = 1;
}

void
bf_ctl_restore(void)
{
	if (has_screen)
		(void)!write(STDOUT_FILENO, SCREEN_BACK, sizeof(SCREEN_BACK) - 1);
	has_screen = 0;
	if (is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved_mode);
	is_raw = 0;
}

static void
on_signal(int sig)
{
	bf_ctl_restore();
	/* Installed with SA_RESETHAND: this time it ends the program. */
	(void)raise(sig);
}

bool
bf_ctl_set_raw(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct termios raw;
	size_t i;

	if (tcgetattr(STDIN_FILENO, &saved_mode) != 0)
		return false;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
	raw = saved_mode;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	is_raw = 1;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0)
		return true;
	is_raw = 0;
	return false;
}

static bool
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* A session: its socket, what was typed and not sent, and the history. */
struct session {
	int fd;
	char typed[8192];
	size_t len;
	struct bf_past past;
};

/* Which screen the daemon has taken: one that dies does not give it back. */
static void
screen_note(const char *data, size_t len)
{
	const char *other = memmem(data, len, SCREEN_OTHER, sizeof(SCREEN_OTHER) - 1);
	const char *back = memmem(data, len, SCREEN_BACK, sizeof(SCREEN_BACK) - 1);

	if (other != NULL || back != NULL)
		has_screen = other > back;
}

/* Copy what is there from the daemon to the terminal; false at the end of the session. */
static bool
copy_out(struct session *s)
{
	char buf[16384], out[sizeof(buf) + 1];
	ssize_t n;

	n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	screen_note(buf, (size_t)n);
	return write_all(STDOUT_FILENO, out, bf_past_take(&s->past, buf, (size_t)n, out));
}

static bool
typed_send(struct session *s)
{
	ssize_t n;

	n = send(s->fd, s->typed, s->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	s->len -= (size_t)n;
	memmove(s->typed, s->typed + n, s->len);
	return true;
}

void
bf_ctl_size(unsigned int *rows, unsigned int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
		return;
	*rows = size.ws_row;
	*columns = size.ws_col;
}

/* As a terminal reports its size; the daemon writes the row of the prompt again. */
static void
size_add(struct session *s)
{
	unsigned int rows, columns;

	has_new_size = 0;
	bf_ctl_size(&rows, &columns);
	if (s->len + 32 < sizeof(s->typed))
		s->len += (size_t)snprintf(s->typed + s->len, sizeof(s->typed) - s->len,
			"\033[8;%u;%ut", rows, columns);
}

/* Ctrl-Z suspends this program, as the shell expects; back, the row is written again. */
static void
program_suspend(struct session *s)
{
	bf_ctl_restore();
	(void)raise(SIGTSTP);
	(void)bf_ctl_set_raw();
	size_add(s);
}

/* Take what was typed; false when the terminal is gone. */
static bool
copy_in(struct session *s)
{
	char *ctrl_z;
	ssize_t n;

	n = read(STDIN_FILENO, s->typed + s->len, sizeof(s->typed) - s->len);
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	ctrl_z = memchr(s->typed + s->len, CTRL_Z, (size_t)n);
	s->len += (size_t)n;
	if (ctrl_z != NULL) {
		s->len = (size_t)(ctrl_z - s->typed);
		program_suspend(s);
	}
	return typed_send(s);
}

static void
on_resize(int sig)
{
	(void)sig;
	has_new_size = 1;
}

/* SIGWINCH comes only while we wait, so that none is missed. */
static void
watch_size(sigset_t *while_waiting)
{
	struct sigaction action = {.sa_handler = on_resize};
	sigset_t block;

	(void)sigaction(SIGWINCH, &action, NULL);
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &block, while_waiting);
	(void)sigdelset(while_waiting, SIGWINCH);
}

static void
copy_both(struct session *s)
{
	struct pollfd fds[2] = {{.fd = s->fd}, {.fd = STDIN_FILENO}};
	sigset_t while_waiting;

	watch_size(&while_waiting);
	for (;;) {
		fds[0].events = (short)(POLLIN | (s->len > 0 ? POLLOUT : 0));
		fds[1].events = s->len < sizeof(s->typed) / 2 ? POLLIN : 0;
		if (ppoll(fds, 2, NULL, &while_waiting) < 0) {
			if (errno != EINTR)
				return;
			if (has_new_size)
				size_add(s);
			continue;
		}
		if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !copy_out(s))
			return;
		if ((fds[0].revents & POLLOUT) != 0 && !typed_send(s))
			return;
		if (fds[1].events != 0 && fds[1].revents != 0 && !copy_in(s))
			return;
	}
}

/* A session starts with a prompt; a refusal is an answer, which starts with a digit. */
static bool
is_refused(int fd, int64_t deadline_ms, struct bf_err *err)
{
	struct bf_answer a;
	char first;
	ssize_t n;

	if (!bf_client_wait(fd, POLLIN, deadline_ms, err))
		return true;
	n = recv(fd, &first, 1, MSG_PEEK);
	if (n == 1 && (first < '0' || first > '9'))
		return false;
	if (n != 1)
		bf_err_set(err, ECONNRESET, "connection closed: expected a session from bondfwd");
	else if (bf_client_receive(fd, &a, deadline_ms, err)) {
		(void)fwrite(a.text, 1, a.len, stderr);
		free(a.text);
	}
	return true;
}

/* The lines of the history go first: they are no keys, so nothing is shown of them. */
static bool
session_begin(struct session *s, int64_t deadline_ms, struct bf_err *err)
{
	char preamble[64];
	unsigned int rows, columns;
	size_t len;
	char *lines;
	bool ok;

	bf_ctl_size(&rows, &columns);
	snprintf(preamble, sizeof(preamble), "bondctl 1 tty %u %u\n", rows > 9999 ? 9999 : rows,
		columns > 9999 ? 9999 : columns);
	if (!bf_client_send(s->fd, preamble, strlen(preamble), deadline_ms, err) ||
		is_refused(s->fd, deadline_ms, err))
		return false;
	lines = bf_past_open(&s->past, &len);
	ok = lines == NULL || bf_client_send(s->fd, lines, len, deadline_ms, err);
	free(lines);
	return ok;
}

int
bf_ctl_terminal(const struct bf_ctl_options *opt)
{
	int64_t deadline_ms = bf_client_now_ms() + (int64_t)opt->timeout_s * 1000;
	struct session s = {.len = 0};
	struct bf_err err = {""};
	int status = BF_CTL_FAILED;

	s.fd = bf_client_connect(opt->socket, deadline_ms, &err);
	if (s.fd >= 0 && session_begin(&s, deadline_ms, &err)) {
		if (bf_ctl_set_raw()) {
			copy_both(&s);
			bf_ctl_restore();
			status = BF_CTL_DONE;
		} else {
			bf_err_set(&err, errno, "terminal: %s", strerror(errno));
		}
	}
	if (err.text[0] != '\0')
		bf_ctl_error("%s", err.text);
	bf_past_close(&s.past);
	if (s.fd >= 0)
		(void)close(s.fd);
	return status;
}
