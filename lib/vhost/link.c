/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the session of a connection has done by others: mappings, the port's rings, its control queue.
 *
 * Threads: ctx vhost, or control under the door's lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "vhost/door_internal.h"
#include "vhost/mapping.h"

static int
link_map(void *arg, const struct bf_vhost_fd *file, struct bf_vhost_region *r)
{
	struct door_conn *c = arg;
	struct bf_door_port *p = c->port;

	r->mapping = bf_mapping_new(
		p->cfg.bin, file, r->offset, r->size, p->cfg.ops->lost, p->cfg.arg, &r->va);
	r->page = file->page;
	return r->mapping == NULL ? -errno : 0;
}

static void
link_unmap(void *arg, struct bf_vhost_region *r)
{
	(void)arg;
	bf_mapping_free(r->mapping);
	r->mapping = NULL;
	r->va = NULL;
}

static int
link_map_inflight(void *arg, const struct bf_vhost_fd *file, uint64_t offset, uint64_t size,
	struct bf_vhost_log *l)
{
	struct door_conn *c = arg;
	struct bf_door_port *p = c->port;

	l->mapping = bf_mapping_new(
		p->cfg.bin, file, offset, size, p->cfg.ops->lost, p->cfg.arg, &l->va);
	l->size = size;
	return l->mapping == NULL ? -errno : 0;
}

static int
link_map_log(void *arg, const struct bf_vhost_fd *file, uint64_t size, struct bf_vhost_log *l)
{
	return link_map_inflight(arg, file, 0, size, l);
}

static void
link_unmap_log(void *arg, struct bf_vhost_log *l)
{
	(void)arg;
	bf_mapping_free(l->mapping);
	*l = (struct bf_vhost_log){0};
}

static int
link_make_memory(void *arg, uint64_t size)
{
	int fd = memfd_create("bondfwd-inflight", MFD_CLOEXEC);

	(void)arg;
	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}

static void
link_memory_changed(void *arg, const struct bf_vhost_session *s)
{
	struct door_conn *c = arg;

	if (c == c->port->owner)
		c->port->cfg.ops->memory(c->port->cfg.arg, s);
}

/* What is left waits for a ms, so that others have their turn. */
void
bf_link_control(struct door_conn *c)
{
	c->control_ms = UINT64_MAX;
	if (c->control_ring >= BF_VHOST_RINGS)
		return;
	if (bf_vhost_control_serve(&c->c.session, &c->control) && c->control_caller != NULL)
		eventfd_write(bf_caller_fd(c->control_caller), 1);
	if (c->control.more)
		c->control_ms = bf_clock_ms() + 1;
	bf_door_due(c->port->door, c->control_ms);
}

/* Its kicks are waited for edge by edge, and read by nobody. */
static void
control_start(struct door_conn *c, const struct bf_vhost_ring *r, uint16_t q)
{
	struct bf_vhost_fd call = r->call;

	c->control_ring = q;
	c->control = bf_vhost_control_at(&c->c.session);
	c->control_kick = r->kick.fd;
	c->control_watch = (struct watch){.kind = WATCH_CONTROL};
	if (call.fd >= 0)
		call.fd = fcntl(call.fd, F_DUPFD_CLOEXEC, 0);
	if (call.fd >= 0) {
		c->control_caller = bf_caller_new(c->port->cfg.bin, &call);
		if (c->control_caller == NULL)
			bf_waste_fd(c->port->cfg.bin, &call);
	}
	if (c->control_kick >= 0)
		bf_door_watch(c->port->door, EPOLL_CTL_ADD, c->control_kick, EPOLLIN | EPOLLET,
			&c->control_watch);
	bf_link_control(c);
}

static uint32_t
control_stop(struct door_conn *c)
{
	uint32_t base = bf_vhost_control_base(&c->c.session, &c->control);

	if (c->control_kick >= 0)
		bf_door_watch(c->port->door, EPOLL_CTL_DEL, c->control_kick, 0, NULL);
	bf_caller_free(c->control_caller);
	c->control_caller = NULL;
	c->control_ring = BF_VHOST_RINGS;
	c->control_ms = UINT64_MAX;
	return base;
}

static void
link_ring_start(void *arg, const struct bf_vhost_session *s, uint16_t q)
{
	struct door_conn *c = arg;

	if (q == bf_vhost_control_ring(s))
		control_start(c, &s->ring[q], q);
	else
		c->port->cfg.ops->ring_start(c->port->cfg.arg, s, q);
}

static uint32_t
link_ring_stop(void *arg, uint16_t q)
{
	struct door_conn *c = arg;

	if (q == c->control_ring)
		return control_stop(c);
	return c->port->cfg.ops->ring_stop(c->port->cfg.arg, q);
}

static void
link_announce(void *arg, uint64_t mac)
{
	struct door_conn *c = arg;

	if (c == c->port->owner)
		c->port->cfg.ops->announce(c->port->cfg.arg, mac);
}

static void
link_dispose(void *arg, const struct bf_vhost_fd *fd)
{
	struct door_conn *c = arg;

	bf_waste_fd(c->port->cfg.bin, fd);
}

static void
link_refused(void *arg, const char *request, const char *why)
{
	struct door_conn *c = arg;
	char text[160];

	snprintf(text, sizeof(text), "%s: %s", request, why);
	bf_port_say(c->port, BF_DOOR_REFUSED, text);
}

const struct bf_vhost_ops bf_link_ops = {
	.map = link_map,
	.unmap = link_unmap,
	.map_log = link_map_log,
	.unmap_log = link_unmap_log,
	.map_inflight = link_map_inflight,
	.make_memory = link_make_memory,
	.memory_changed = link_memory_changed,
	.ring_start = link_ring_start,
	.ring_stop = link_ring_stop,
	.announce = link_announce,
	.dispose = link_dispose,
	.refused = link_refused,
};
