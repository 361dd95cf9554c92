/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The guests' front door: its thread, and the ports that control adds and removes.  See door.h.
 *
 * Theory of operation.  Everything is under one lock, which is held for a batch of events and never
 * across anything that can wait.  What ends is only taken out of the lists; the thread frees it after
 * the batch, because an event that is already in its hands may name it.
 *
 * Threads: see door.h.
 */
#include "vhost/door.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "vhost/door_internal.h"

#define EVENTS 64
#define BACKLOG 128

int
bf_door_watch(struct bf_door *d, int op, int fd, uint32_t events, struct watch *w)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(d->epoll, op, fd, &e);
}

/* ---- the thread ---- */

static void
door_tick(struct bf_door *d, uint64_t now_ms)
{
	if (now_ms < d->due_ms)
		return;
	for (struct bf_door_port *p = d->ports; p != NULL; p = p->next)
		bf_port_tick(p, now_ms);
	d->due_ms = UINT64_MAX;
	for (struct bf_door_port *p = d->ports; p != NULL; p = p->next)
		bf_port_next_due(p);
}

static void
door_event(struct bf_door *d, struct watch *w, uint64_t now_ms)
{
	struct door_conn *c;
	eventfd_t n;

	if (w->gone)
		return;
	switch (w->kind) {
	case WATCH_WAKE:
		eventfd_read(d->wake, &n);
		break;
	case WATCH_FOLDERS:
		bf_folders_read(d, now_ms);
		break;
	case WATCH_LISTENER:
		bf_port_accept((struct bf_door_port *)w, now_ms);
		break;
	case WATCH_CONNECTION:
		bf_port_serve((struct door_conn *)w, now_ms);
		break;
	case WATCH_CONTROL:
		c = (struct door_conn *)((char *)w - offsetof(struct door_conn, control_watch));
		bf_link_control(c);
		break;
	}
}

static void
door_free_gone(struct bf_door *d)
{
	while (d->gone_conns != NULL) {
		struct door_conn *c = d->gone_conns;

		d->gone_conns = c->next;
		free(c);
	}
	while (d->gone_ports != NULL) {
		struct bf_door_port *p = d->gone_ports;

		d->gone_ports = p->next;
		free(p);
	}
}

static int
door_timeout(const struct bf_door *d)
{
	uint64_t now_ms = bf_clock_ms(), left;

	if (d->due_ms == UINT64_MAX)
		return -1;
	left = d->due_ms > now_ms ? d->due_ms - now_ms : 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static void *
door_run(void *arg)
{
	struct bf_door *d = arg;
	struct epoll_event e[EVENTS];

	pthread_mutex_lock(&d->lock);
	while (!d->quit) {
		int timeout = door_timeout(d), n;
		uint64_t now_ms;

		pthread_mutex_unlock(&d->lock);
		n = epoll_wait(d->epoll, e, EVENTS, timeout);
		pthread_mutex_lock(&d->lock);
		now_ms = bf_clock_ms();
		for (int i = 0; i < n; i++)
			door_event(d, e[i].data.ptr, now_ms);
		door_tick(d, now_ms);
		door_free_gone(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void
door_close_files(struct bf_door *d)
{
	if (d->epoll >= 0)
		close(d->epoll);
	if (d->wake >= 0)
		close(d->wake);
	if (d->folders >= 0)
		close(d->folders);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

struct bf_door *
bf_door_open(void)
{
	struct bf_door *d = calloc(1, sizeof(*d));
	int code;

	if (d == NULL)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	d->wake_watch.kind = WATCH_WAKE;
	d->folders_watch.kind = WATCH_FOLDERS;
	d->due_ms = UINT64_MAX;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->folders = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (d->epoll < 0 || d->wake < 0 || d->folders < 0 ||
		bf_door_watch(d, EPOLL_CTL_ADD, d->wake, EPOLLIN, &d->wake_watch) != 0 ||
		bf_door_watch(d, EPOLL_CTL_ADD, d->folders, EPOLLIN, &d->folders_watch) != 0)
		goto err;
	code = pthread_create(&d->thread, NULL, door_run, d);
	if (code == 0)
		return d;
	errno = code;
err:
	code = errno;
	door_close_files(d);
	errno = code;
	return NULL;
}

void
bf_door_close(struct bf_door *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->quit = true;
	pthread_mutex_unlock(&d->lock);
	eventfd_write(d->wake, 1);
	pthread_join(d->thread, NULL);
	door_free_gone(d);
	door_close_files(d);
	bf_waste_settle(NULL, 1000);
}

/* ---- ports ---- */

static int
port_listen(struct bf_door_port *p, struct bf_err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->listener < 0)
		return bf_err_set(err, errno, "socket: \"%s\": %s", p->path, strerror(errno));
	memcpy(at.sun_path, p->path, sizeof(p->path));
	unlink(p->path); /* checked: a socket that nobody listens on */
	if (bind(p->listener, (struct sockaddr *)&at, sizeof(at)) != 0)
		return bf_err_set(
			err, errno, "socket: \"%s\": cannot be made: %s", p->path, strerror(errno));
	if (p->cfg.gid >= 0 && chown(p->path, (uid_t)-1, (gid_t)p->cfg.gid) != 0)
		return bf_err_set(err, errno, "socket: \"%s\": cannot be given to group %d: %s",
			p->path, p->cfg.gid, strerror(errno));
	if (chmod(p->path, 0660) != 0)
		return bf_err_set(err, errno, "socket: \"%s\": cannot set its mode: %s", p->path,
			strerror(errno));
	if (listen(p->listener, BACKLOG) != 0 ||
		bf_door_watch(p->door, EPOLL_CTL_ADD, p->listener, EPOLLIN, &p->watch) != 0)
		return bf_err_set(err, errno, "socket: \"%s\": %s", p->path, strerror(errno));
	return 0;
}

struct bf_door_port *
bf_door_add(struct bf_door *d, const struct bf_door_port_config *cfg, struct bf_err *err)
{
	struct bf_door_port *p = calloc(1, sizeof(*p));
	int code;

	if (p == NULL) {
		bf_err_set(err, ENOMEM, "socket: \"%s\": out of memory", cfg->path);
		return NULL;
	}
	p->watch.kind = WATCH_LISTENER;
	p->door = d;
	p->cfg = *cfg;
	snprintf(p->path, sizeof(p->path), "%s", cfg->path);
	p->cfg.path = p->path;
	p->listener = p->folder = -1;
	p->wait_ms = BF_DOOR_RETRY_MS;
	p->shut = p->newcomer = cfg->shut;
	pthread_mutex_lock(&d->lock);
	if (cfg->server && port_listen(p, err) != 0) {
		code = errno;
		if (p->listener >= 0)
			close(p->listener);
		free(p);
		p = NULL;
		errno = code;
	} else {
		p->next = d->ports;
		d->ports = p;
		d->due_ms = 0; /* a client connects at once */
	}
	pthread_mutex_unlock(&d->lock);
	eventfd_write(d->wake, 1);
	return p;
}

void
bf_door_remove(struct bf_door_port *p)
{
	struct bf_door *d = p->door;
	struct bf_door_port **at = &d->ports;

	pthread_mutex_lock(&d->lock);
	while (p->conns != NULL)
		bf_port_end(p->conns);
	bf_folder_unwatch(p);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (p->listener >= 0) {
		close(p->listener);
		unlink(p->path);
	}
	p->watch.gone = true;
	p->next = d->gone_ports;
	d->gone_ports = p;
	pthread_mutex_unlock(&d->lock);
	eventfd_write(d->wake, 1);
}

void
bf_door_shut(struct bf_door_port *p, bool shut)
{
	struct bf_door *d = p->door;

	pthread_mutex_lock(&d->lock);
	p->shut = shut;
	p->newcomer = false;
	for (struct door_conn *c = p->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (shut || c->end_ms != UINT64_MAX)
			bf_port_end(c);
	}
	p->wait_ms = BF_DOOR_RETRY_MS;
	p->try_ms = 0;
	d->due_ms = 0;
	pthread_mutex_unlock(&d->lock);
	eventfd_write(d->wake, 1);
}

void
bf_door_look(struct bf_door_port *p, struct bf_door_info *info)
{
	const struct door_conn *c;

	memset(info, 0, sizeof(*info));
	pthread_mutex_lock(&p->door->lock);
	c = p->owner != NULL ? p->owner : p->conns;
	info->connections = p->n_conns;
	info->refusals = p->refusals;
	memcpy(info->error, p->error, sizeof(info->error));
	if (c != NULL) {
		info->up = c == p->owner && bf_vhost_session_is_up(&c->c.session);
		info->pid = c->peer.pid;
		info->uid = c->peer.uid;
		info->session = c->c.session;
	}
	pthread_mutex_unlock(&p->door->lock);
}
