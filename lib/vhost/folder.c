/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sockets that others make: connected to as soon as somebody listens.
 *
 * The folder is watched, because a socket appears in it; between a socket's appearance and its being
 * listened at, and where the folder is not there, it is tried again and again, less and less often.
 *
 * Threads: ctx vhost, or control under the door's lock.
 */
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "vhost/door_internal.h"

#define RETRY_MOST_MS 1000 /* while the folder is watched */
#define RETRY_BLIND_MS 200 /* while it is not there */

static const char *
base_name(const char *path)
{
	return strrchr(path, '/') + 1; /* paths are absolute */
}

static void
folder_watch(struct bf_door_port *p)
{
	char folder[sizeof(p->path)];
	size_t len = (size_t)(base_name(p->path) - p->path);

	memcpy(folder, p->path, len);
	folder[len > 1 ? len - 1 : len] = '\0';
	p->folder = inotify_add_watch(p->door->folders, folder,
		IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

void
bf_folder_unwatch(struct bf_door_port *p)
{
	if (p->folder < 0)
		return;
	for (struct bf_door_port *o = p->door->ports; o != NULL; o = o->next)
		if (o != p && o->folder == p->folder)
			return;
	inotify_rm_watch(p->door->folders, p->folder);
}

static void
port_try_later(struct bf_door_port *p, uint64_t now_ms)
{
	uint32_t most = p->folder >= 0 ? RETRY_MOST_MS : RETRY_BLIND_MS;

	if (p->wait_ms > most)
		p->wait_ms = most;
	p->try_ms = now_ms + p->wait_ms;
	p->wait_ms *= 2;
	bf_door_due(p->door, p->try_ms);
}

void
bf_folder_connect(struct bf_door_port *p, uint64_t now_ms)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;

	if (p->paused || p->n_conns > 0)
		return;
	if (p->cfg.connect != NULL) {
		port_try_later(p, now_ms);
		fd = p->cfg.connect(p->cfg.connect_arg);
		if (fd >= 0)
			bf_port_connected(p, fd);
		return;
	}
	if (p->folder < 0)
		folder_watch(p);
	memcpy(to.sun_path, p->path, sizeof(p->path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	port_try_later(p, now_ms);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
		bf_port_connected(p, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	else
		bf_port_say(p, BF_DOOR_REFUSED, "no descriptor is left for a connection");
}

static void
folder_event(struct bf_door *d, const struct inotify_event *e, uint64_t now_ms)
{
	for (struct bf_door_port *p = d->ports; p != NULL; p = p->next) {
		if (p->folder != e->wd)
			continue;
		if (e->mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF)) {
			p->folder = -1;
		} else if (e->len == 0 || strcmp(e->name, base_name(p->path)) != 0) {
			continue;
		}
		p->newcomer = true;
		p->wait_ms = BF_DOOR_RETRY_MS;
		p->try_ms = now_ms;
		bf_door_due(d, now_ms);
	}
}

void
bf_folders_read(struct bf_door *d, uint64_t now_ms)
{
	char room[4096] __attribute__((aligned(8)));
	ssize_t n = read(d->folders, room, sizeof(room));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(room + at);

		folder_event(d, e, now_ms);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}
