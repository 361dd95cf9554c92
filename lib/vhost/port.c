/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A port and its connections: who may try, who has the port, who has to wait.
 *
 * A connection begins *held*: it negotiates, but no ring runs.  When it has brought up a device it takes
 * the port over, and whoever had it is ended.
 *
 * Threads: ctx vhost, or control under the door's lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "vhost/door_internal.h"

#define ACCEPTS 8 /* per visit */
#define PAUSE_MS 50
#define LET_GO_MS 200

void
bf_port_say(struct bf_door_port *p, enum bf_door_event what, const char *text)
{
	snprintf(p->error, sizeof(p->error), "%s", text);
	p->refusals++;
	p->cfg.ops->say(p->cfg.arg, what, text);
}

/* What the connection is to be woken for; a port that is paused is woken for nothing. */
static void
port_watch(struct door_conn *c)
{
	struct bf_door *d = c->port->door;
	bool room = bf_conn_wants_room(&c->c);

	if (c->port->paused) {
		if (c->in_epoll)
			bf_door_watch(d, EPOLL_CTL_DEL, c->c.fd, 0, NULL);
		c->in_epoll = false;
		return;
	}
	if (!c->in_epoll || room != c->wants_room)
		bf_door_watch(d, c->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->c.fd,
			room ? EPOLLOUT : EPOLLIN, &c->watch);
	c->in_epoll = true;
	c->wants_room = room;
	bf_door_due(d, bf_conn_due_ms(&c->c));
}

/* The port's rings belong to nobody, or to somebody else, from now on. */
static void
port_release(struct bf_door_port *p)
{
	struct door_conn *c = p->owner;

	if (c == NULL)
		return;
	bf_vhost_session_hold(&c->c.session, true);
	p->owner = NULL;
	p->cfg.ops->memory(p->cfg.arg, NULL);
	p->cfg.ops->settled(p->cfg.arg, NULL, false);
}

void
bf_port_end(struct door_conn *c)
{
	struct bf_door_port *p = c->port;
	struct door_conn **at = &p->conns;

	if (p->owner == c)
		port_release(p);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	p->n_conns--;
	if (c->in_epoll)
		bf_door_watch(p->door, EPOLL_CTL_DEL, c->c.fd, 0, NULL);
	bf_conn_fini(&c->c);
	c->watch.gone = true;
	c->next = p->door->gone_conns;
	p->door->gone_conns = c;
	if (p->listener < 0 && p->n_conns == 0) {
		p->try_ms = bf_clock_ms() + p->wait_ms;
		bf_door_due(p->door, p->try_ms);
	}
}

static void
port_put_out(struct door_conn *c, const char *why)
{
	bf_port_say(c->port, BF_DOOR_ENDED, why);
	bf_port_end(c);
}

/* A connection that works: it has the port. */
static void
port_take(struct bf_door_port *p, struct door_conn *c)
{
	struct door_conn *was = p->owner;

	port_release(p);
	if (was != NULL)
		bf_port_end(was);
	p->owner = c;
	p->wait_ms = BF_DOOR_RETRY_MS;
	p->cfg.ops->memory(p->cfg.arg, &c->c.session);
	bf_vhost_session_hold(&c->c.session, false);
}

static void
port_settle(struct door_conn *c)
{
	struct bf_door_port *p = c->port;
	bool up = bf_vhost_session_is_up(&c->c.session);

	if (up && p->shut && c->end_ms == UINT64_MAX) {
		c->end_ms = bf_clock_ms() + LET_GO_MS; /* it may have more to say until it is up */
		bf_door_due(p->door, c->end_ms);
	}
	if (p->shut)
		return;
	if (up && p->owner != c)
		port_take(p, c);
	if (p->owner == c)
		p->cfg.ops->settled(p->cfg.arg, &c->c.session, up);
}

static void
port_pause(struct bf_door_port *p, uint64_t now_ms)
{
	p->paused = true;
	p->pause_ms = now_ms + PAUSE_MS;
	bf_door_due(p->door, p->pause_ms);
	if (p->listener >= 0)
		bf_door_watch(p->door, EPOLL_CTL_DEL, p->listener, 0, NULL);
	for (struct door_conn *c = p->conns; c != NULL; c = c->next)
		port_watch(c);
}

static void
port_resume(struct bf_door_port *p)
{
	p->paused = false;
	if (p->listener >= 0)
		bf_door_watch(p->door, EPOLL_CTL_ADD, p->listener, EPOLLIN, &p->watch);
	for (struct door_conn *c = p->conns; c != NULL; c = c->next)
		port_watch(c);
}

/* Whoever makes us close things that do not close has to wait until they are. */
static bool
port_must_wait(struct bf_door_port *p, uint64_t now_ms)
{
	if (!p->paused && bf_waste_is_full(p->cfg.bin))
		port_pause(p, now_ms);
	return p->paused;
}

void
bf_port_serve(struct door_conn *c, uint64_t now_ms)
{
	int ret = 1;

	for (int i = 0; i < BF_CONN_MESSAGES && ret > 0; i++) {
		if (port_must_wait(c->port, now_ms))
			return;
		ret = bf_conn_turn(&c->c, now_ms);
		if (ret > 0)
			port_settle(c);
	}
	if (ret >= 0)
		port_watch(c);
	else if (c->c.why != NULL)
		port_put_out(c, c->c.why);
	else
		bf_port_end(c);
}

static struct door_conn *
oldest_waiting(const struct bf_door_port *p)
{
	struct door_conn *found = NULL;

	for (struct door_conn *c = p->conns; c != NULL; c = c->next)
		if (c != p->owner)
			found = c;
	return found;
}

/* Takes fd. */
void
bf_port_connected(struct bf_door_port *p, int fd)
{
	struct door_conn *c = calloc(1, sizeof(*c)), *old = oldest_waiting(p);
	socklen_t len = sizeof(c->peer);

	if (p->n_conns >= BF_DOOR_CONNECTIONS && old != NULL)
		port_put_out(old, "too many connections: the oldest one without a device is ended");
	if (c == NULL) {
		close(fd);
		return;
	}
	c->watch.kind = WATCH_CONNECTION;
	c->control_ring = BF_VHOST_RINGS;
	c->control_ms = c->end_ms = UINT64_MAX;
	p->newcomer = false;
	c->port = p;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->peer, &len);
	bf_conn_init(&c->c, fd, p->cfg.bin, &p->cfg.offer, &bf_link_ops, c);
	bf_vhost_session_hold(&c->c.session, true);
	c->next = p->conns;
	p->conns = c;
	p->n_conns++;
	port_watch(c);
}

void
bf_port_accept(struct bf_door_port *p, uint64_t now_ms)
{
	for (int i = 0; i < ACCEPTS && !port_must_wait(p, now_ms); i++) {
		int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			bf_port_connected(p, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			bf_port_say(p, BF_DOOR_REFUSED, "no descriptor is left for a connection");
			port_pause(p, now_ms);
		} else if (errno != ECONNABORTED) {
			return;
		}
	}
}

void
bf_port_tick(struct bf_door_port *p, uint64_t now_ms)
{
	if (p->paused && now_ms >= p->pause_ms) {
		p->pause_ms = now_ms + PAUSE_MS;
		bf_waste_collect();
		if (!bf_waste_is_full(p->cfg.bin))
			port_resume(p);
	}
	if (bf_port_tries(p) && now_ms >= p->try_ms)
		bf_folder_connect(p, now_ms);
	for (struct door_conn *c = p->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (now_ms >= c->control_ms)
			bf_link_control(c);
		if (now_ms >= c->end_ms) {
			bf_port_end(c);
			continue;
		}
		if (now_ms < bf_conn_due_ms(&c->c))
			continue;
		port_put_out(c,
			bf_conn_wants_room(&c->c) ? "an answer was not read in time"
						  : "a message was not finished in time");
	}
}

void
bf_port_next_due(struct bf_door_port *p)
{
	if (p->paused)
		bf_door_due(p->door, p->pause_ms);
	if (bf_port_tries(p))
		bf_door_due(p->door, p->try_ms);
	for (struct door_conn *c = p->conns; c != NULL; c = c->next) {
		bf_door_due(p->door, c->control_ms);
		bf_door_due(p->door, c->end_ms);
		bf_door_due(p->door, bf_conn_due_ms(&c->c));
	}
}
