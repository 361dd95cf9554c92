/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Console server: the descriptors of all peers in one epoll set, served in turns.
 *
 * An eventfd in the same set stays readable while a peer has more to run than its turn allowed,
 * so the main loop comes back without being told.
 *
 * Threads: ctx control.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console/log_pipe.h"
#include "console/path.h"
#include "console/peer.h"
#include "console/server.h"
#include "console/terminal.h"

#define EVENTS_PER_POLL 64
#define ACCEPTS_PER_POLL 8
#define CLIENTS_CAP 1024
#define PROMPT_MAX 31

/* How long to leave the socket alone when there are no descriptors left. */
#define ACCEPT_PAUSE_MS 1000

struct bf_console {
	struct bf_peer_env env;
	bf_console_quit_fn *on_quit;
	char prompt[PROMPT_MAX + 1];
	int epoll_fd;
	int kick_fd;
	struct bf_path socket;
	/* Not 0: accepting is paused until then. */
	uint64_t accept_again_ms;
	struct bf_peer **clients;
	unsigned int n_clients;
	unsigned int max_clients;
	/* The local terminal, or NULL. */
	struct bf_peer *local;
	/* Whose turn it is, or NULL. */
	const struct bf_peer *serving;
	struct bf_terminal terminal;
	struct bf_log_pipe log;
};

static int
fd_watch(struct bf_console *c, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = {.events = events, .data.ptr = ptr};

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static void
fd_unwatch(struct bf_console *c, int fd)
{
	(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Ask for other events at one of a peer's descriptors; 0 takes it out of the set. */
static void
change_events(struct bf_console *c, struct bf_peer *p, int fd, uint32_t *events, uint32_t wanted)
{
	int ret = 0;

	if (*events == wanted)
		return;
	if (wanted == 0)
		fd_unwatch(c, fd);
	else if (*events == 0)
		ret = fd_watch(c, fd, wanted, p);
	else
		ret = epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd,
			&(struct epoll_event){.events = wanted, .data.ptr = p});
	if (ret == 0)
		*events = wanted;
	else if (errno == EPERM && fd == p->in_fd)
		p->is_file = true;
	else
		p->is_dead = true;
}

static void
update_events(struct bf_console *c, struct bf_peer *p)
{
	uint32_t in = bf_peer_wants_read(p) ? EPOLLIN : 0;
	uint32_t out = bf_peer_wants_write(p) ? EPOLLOUT : 0;

	if (p->is_dead)
		return;
	if (p->in_fd == p->out_fd) {
		change_events(c, p, p->in_fd, &p->in_events, in | out);
		return;
	}
	if (!p->is_file)
		change_events(c, p, p->in_fd, &p->in_events, in);
	change_events(c, p, p->out_fd, &p->out_events, out);
}

static void
drop_peer(struct bf_console *c, struct bf_peer *p)
{
	if (p->in_events != 0)
		fd_unwatch(c, p->in_fd);
	if (p->out_events != 0)
		fd_unwatch(c, p->out_fd);
	bf_peer_destroy(p);
}

static int
check_config(const struct bf_console_config *config, struct bf_err *err)
{
	if (config->prompt != NULL && strlen(config->prompt) > PROMPT_MAX)
		return bf_err_set(
			err, EINVAL, "console: prompt: expected at most %d bytes", PROMPT_MAX);
	if (config->max_clients > CLIENTS_CAP)
		return bf_err_set(err, EINVAL, "console: %u clients: expected at most %d",
			config->max_clients, CLIENTS_CAP);
	return 0;
}

static void
set_limits(struct bf_console *c, const struct bf_console_config *config)
{
	c->on_quit = config->on_quit;
	snprintf(c->prompt, sizeof(c->prompt), "%s",
		config->prompt == NULL ? "bondfwd> " : config->prompt);
	c->max_clients = config->max_clients == 0 ? BF_CONSOLE_CLIENTS_MAX : config->max_clients;
	c->env.cmds = config->cmds;
	c->env.app = config->app;
	c->env.prompt = c->prompt;
	c->env.out_max = config->out_max == 0 ? BF_CONSOLE_OUT_MAX : config->out_max;
	c->env.idle_ms = config->idle_ms == 0 ? BF_CONSOLE_IDLE_MS : config->idle_ms;
	c->env.max_tty = c->max_clients > BF_CONSOLE_CLIENTS_EXEC
		? c->max_clients - BF_CONSOLE_CLIENTS_EXEC
		: c->max_clients;
}

static int
open_descriptors(struct bf_console *c, struct bf_err *err)
{
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->epoll_fd >= 0 && c->kick_fd >= 0 &&
		fd_watch(c, c->kick_fd, EPOLLIN, &c->kick_fd) == 0)
		return 0;
	return bf_err_set(err, errno, "console: descriptors: %s", strerror(errno));
}

static int
open_socket(struct bf_console *c, const struct bf_console_config *config, struct bf_err *err)
{
	const gid_t *group = config->set_group ? &config->group : NULL;
	int ret;

	if (config->path == NULL)
		return 0;
	ret = bf_path_listen(&c->socket, "console", config->path, group, err);
	if (ret != 0)
		return ret;
	if (fd_watch(c, c->socket.fd, EPOLLIN, &c->socket) == 0)
		return 0;
	return bf_err_set(err, errno, "console: %s: %s", config->path, strerror(errno));
}

/* Release what a console without peers holds. */
static void
console_release(struct bf_console *c)
{
	bf_path_close(&c->socket);
	if (c->kick_fd >= 0)
		(void)close(c->kick_fd);
	if (c->epoll_fd >= 0)
		(void)close(c->epoll_fd);
	free(c->clients);
	free(c);
}

struct bf_console *
bf_console_open(const struct bf_console_config *config, struct bf_err *err)
{
	struct bf_console *c;
	int ret;

	if (check_config(config, err) != 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		goto err_memory;
	c->epoll_fd = -1;
	c->kick_fd = -1;
	c->socket.fd = -1;
	c->log.fd = -1;
	set_limits(c, config);
	c->clients = calloc(c->max_clients, sizeof(struct bf_peer *));
	if (c->clients == NULL)
		goto err_console;
	ret = open_descriptors(c, err);
	if (ret == 0)
		ret = open_socket(c, config, err);
	if (ret != 0) {
		console_release(c);
		errno = -ret;
		return NULL;
	}
	return c;

err_console:
	free(c);
err_memory:
	bf_err_set(err, ENOMEM, "console: out of memory");
	return NULL;
}

void
bf_console_close(struct bf_console *c)
{
	static const char goodbye[] = "\nconsole: closed by the program\n";
	unsigned int i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n_clients; i++) {
		if (c->clients[i]->mode == BF_PEER_TTY) {
			bf_session_leave(c->clients[i]->session);
			bf_peer_queue(c->clients[i], goodbye, sizeof(goodbye) - 1);
		}
		bf_peer_flush(c->clients[i]);
		drop_peer(c, c->clients[i]);
	}
	bf_console_detach_terminal(c);
	console_release(c);
}

int
bf_console_fd(const struct bf_console *c)
{
	return c->epoll_fd;
}

unsigned int
bf_console_client_count(const struct bf_console *c)
{
	return c->n_clients;
}

static void
refuse_client(struct bf_console *c, int fd)
{
	char text[128], reply[160];

	snprintf(text, sizeof(text), "console: too many clients (%u)\n", c->n_clients);
	snprintf(reply, sizeof(reply), "%d %zu\n%s", BF_OUT_FAILED, strlen(text), text);
	/* A new connection takes a line; if not, closing it says enough. */
	(void)send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}

static void
add_client(struct bf_console *c, int fd, uint64_t now_ms)
{
	struct bf_peer *p;

	if (c->n_clients == c->max_clients) {
		refuse_client(c, fd);
		return;
	}
	p = bf_peer_create(&c->env, fd, fd, BF_PEER_PREAMBLE, now_ms);
	if (p == NULL) {
		(void)close(fd);
		return;
	}
	c->clients[c->n_clients++] = p;
	update_events(c, p);
}

static void
accept_clients(struct bf_console *c, uint64_t now_ms)
{
	unsigned int i;
	int fd;

	for (i = 0; i < ACCEPTS_PER_POLL; i++) {
		fd = accept4(c->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			add_client(c, fd, now_ms);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* No descriptors or memory: asking again at once would only burn the CPU. */
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			fd_unwatch(c, c->socket.fd);
			c->accept_again_ms = now_ms + ACCEPT_PAUSE_MS;
		}
		return;
	}
}

static void
resume_accepting(struct bf_console *c, uint64_t now_ms)
{
	if (c->accept_again_ms == 0 || now_ms < c->accept_again_ms)
		return;
	if (fd_watch(c, c->socket.fd, EPOLLIN, &c->socket) == 0)
		c->accept_again_ms = 0;
	else
		c->accept_again_ms = now_ms + ACCEPT_PAUSE_MS;
}

static void
log_on_line(void *arg, const char *line, size_t len)
{
	struct bf_console *c = arg;

	/* A terminal that takes nothing, after Ctrl-S, loses lines before it loses its console. */
	if (bf_peer_is_full(c->local))
		return;
	bf_session_say(c->local->session, line, len);
	c->local->is_ready = true;
}

static void
take_events(struct bf_console *c, uint64_t now_ms)
{
	struct epoll_event events[EVENTS_PER_POLL];
	uint64_t count;
	int i, n;

	n = epoll_wait(c->epoll_fd, events, EVENTS_PER_POLL, 0);
	for (i = 0; i < n; i++) {
		if (events[i].data.ptr == &c->kick_fd)
			(void)!read(c->kick_fd, &count, sizeof(count));
		else if (events[i].data.ptr == &c->socket)
			accept_clients(c, now_ms);
		else if (events[i].data.ptr == &c->log)
			bf_log_pipe_read(&c->log, log_on_line, c);
		else
			((struct bf_peer *)events[i].data.ptr)->is_ready = true;
	}
}

/* Give a peer its turn; true when it wants another one at once. */
static bool
peer_serve(struct bf_console *c, struct bf_peer *p, uint64_t now_ms)
{
	bool always = p->is_file && bf_peer_wants_read(p);

	c->serving = p;
	if (p->is_ready || always || bf_peer_has_work(p) || now_ms >= bf_peer_due_ms(p))
		bf_peer_serve(p, now_ms);
	c->serving = NULL;
	p->is_ready = false;
	if (now_ms >= bf_peer_deadline_ms(p))
		p->is_dead = true;
	update_events(c, p);
	if (p->is_dead)
		return false;
	return bf_peer_has_work(p) || (p->is_file && bf_peer_wants_read(p));
}

static bool
serve_clients(struct bf_console *c, uint64_t now_ms)
{
	bool again = false;
	unsigned int i = 0;

	while (i < c->n_clients) {
		again |= peer_serve(c, c->clients[i], now_ms);
		if (!c->clients[i]->is_dead) {
			i++;
			continue;
		}
		drop_peer(c, c->clients[i]);
		c->clients[i] = c->clients[--c->n_clients];
	}
	return again;
}

/* The terminal's size may change at any time; it counts with the next key. */
static void
size_terminal(struct bf_console *c)
{
	struct winsize size;

	if (c->local->session != NULL && ioctl(c->local->out_fd, TIOCGWINSZ, &size) == 0)
		bf_session_set_size(c->local->session, size.ws_row, size.ws_col);
}

static bool
serve_local(struct bf_console *c, uint64_t now_ms, bool *has_quit)
{
	bool again;

	if (c->local == NULL)
		return false;
	if (c->local->is_ready)
		size_terminal(c);
	again = peer_serve(c, c->local, now_ms);
	if (!c->local->is_dead)
		return again;
	*has_quit = c->local->has_quit;
	bf_console_detach_terminal(c);
	return false;
}

void
bf_console_poll(struct bf_console *c, uint64_t now_ms)
{
	const uint64_t one = 1;
	bool again, has_quit = false;

	resume_accepting(c, now_ms);
	take_events(c, now_ms);
	again = serve_clients(c, now_ms);
	again |= serve_local(c, now_ms, &has_quit);
	if (again)
		(void)!write(c->kick_fd, &one, sizeof(one));
	if (has_quit && c->on_quit != NULL)
		c->on_quit(c->env.app);
}

void
bf_console_who(const struct bf_console *c, char *buf, size_t size)
{
	const struct bf_peer *p = c->serving;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (p == NULL)
		snprintf(buf, size, "the program");
	else if (!p->is_client)
		snprintf(buf, size, "console");
	else if (getsockopt(p->in_fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		snprintf(buf, size, "client (pid %d, uid %u)", (int)cred.pid,
			(unsigned int)cred.uid);
	else
		snprintf(buf, size, "client");
}

void
bf_console_set_prompt(struct bf_console *c, const char *prompt)
{
	snprintf(c->prompt, sizeof(c->prompt), "%s", prompt);
}

static uint64_t
earlier_ms(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int
bf_console_timeout_ms(const struct bf_console *c, uint64_t now_ms)
{
	uint64_t at = c->accept_again_ms == 0 ? UINT64_MAX : c->accept_again_ms;
	unsigned int i;

	for (i = 0; i < c->n_clients; i++)
		at = earlier_ms(at,
			earlier_ms(
				bf_peer_deadline_ms(c->clients[i]), bf_peer_due_ms(c->clients[i])));
	if (c->local != NULL)
		at = earlier_ms(at, bf_peer_due_ms(c->local));
	if (at == UINT64_MAX)
		return -1;
	if (at <= now_ms)
		return 0;
	return (int)earlier_ms(at - now_ms, INT32_MAX);
}

/* Before the first line of log: what comes later is shown above the line that is typed. */
static void
start_terminal(struct bf_console *c)
{
	size_terminal(c);
	bf_session_set_flags(c->local->session, BF_SESSION_ASKS);
	bf_log_pipe_open(&c->log, c->local->out_fd);
	if (c->log.fd >= 0 && fd_watch(c, c->log.fd, EPOLLIN, &c->log) != 0)
		bf_log_pipe_close(&c->log);
}

int
bf_console_attach_terminal(
	struct bf_console *c, int in_fd, int out_fd, unsigned int flags, struct bf_err *err)
{
	enum bf_peer_mode mode;
	int ret;

	if (c->local != NULL)
		return bf_err_set(err, EBUSY, "terminal: attached already: expected none");
	ret = bf_terminal_open(&c->terminal, in_fd, out_fd, err);
	if (ret != 0)
		return ret;
	mode = c->terminal.is_tty ? BF_PEER_TTY : BF_PEER_PLAIN;
	c->local = bf_peer_create(&c->env, c->terminal.in_fd, c->terminal.out_fd, mode, 0);
	if (c->local == NULL) {
		ret = bf_err_set(err, errno, "terminal: %s", strerror(errno));
		bf_terminal_restore(&c->terminal);
		(void)close(c->terminal.in_fd);
		(void)close(c->terminal.out_fd);
		errno = -ret;
		return ret;
	}
	c->local->quit_on_eof = (flags & BF_CONSOLE_QUIT_ON_EOF) != 0;
	if (mode == BF_PEER_TTY)
		start_terminal(c);
	bf_peer_flush(c->local);
	update_events(c, c->local);
	if (c->local->is_file)
		(void)!write(c->kick_fd, &(uint64_t){1}, sizeof(uint64_t));
	return 0;
}

void
bf_console_detach_terminal(struct bf_console *c)
{
	if (c->local == NULL)
		return;
	if (c->local->session != NULL)
		bf_session_leave(c->local->session);
	bf_peer_flush(c->local);
	if (c->log.fd >= 0)
		fd_unwatch(c, c->log.fd);
	bf_log_pipe_close(&c->log);
	bf_terminal_restore(&c->terminal);
	drop_peer(c, c->local);
	c->local = NULL;
}
