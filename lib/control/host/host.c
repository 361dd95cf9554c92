/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See host.h.
 *
 * Threads: see host.h; what is called by host_run() runs in the host port's thread.
 */
#include "control/host/host.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "control/compat.h"
#include "control/host/front.h"
#include "control/host/iface.h"

#define BATCH 64 /* frames in one direction before the other has its turn */
#define DOWN_MS 100 /* how often an interface that is down is looked at */

struct bf_host {
	char name[BF_NAME_MAX];
	int fd; /* the interface */
	int wake; /* event descriptor: something is in the fields that follow */
	int given; /* a connection that waits for the thread, -1: none */
	uint32_t quit, is_enabled; /* control: w */
	uint32_t is_gone; /* the interface was deleted; control: r */
	bool has_thread;
	pthread_t thread;
	/* the thread's own */
	bool carrier; /* that the interface has */
	bool is_down; /* the ring towards it is disabled */
	struct bf_front front;
};

/* ---- the thread ---- */

static void
carrier_update(struct bf_host *h)
{
	bool on = h->front.fd >= 0 && __atomic_load_n(&h->is_enabled, __ATOMIC_ACQUIRE);

	if (on != h->carrier)
		bf_iface_set_carrier(h->fd, on);
	h->carrier = on;
}

static void
front_drop(struct bf_host *h)
{
	bf_front_close(&h->front);
	bf_iface_set_offloads(h->fd, false, false);
}

static void
mail_take(struct bf_host *h)
{
	int fd = __atomic_exchange_n(&h->given, -1, __ATOMIC_ACQ_REL);

	if (fd >= 0) {
		bf_front_close(&h->front);
		h->is_down = false;
		if (bf_front_open(&h->front, fd) == 0)
			bf_iface_set_offloads(h->fd, h->front.checksums, h->front.segments);
	}
	carrier_update(h);
}

static void
iface_gone(struct bf_host *h)
{
	if (!h->is_gone)
		bf_front_enable(&h->front, false);
	__atomic_store_n(&h->is_gone, 1, __ATOMIC_RELEASE);
}

static void
iface_went_down(struct bf_host *h)
{
	if (h->is_down || bf_iface_is_up(h->name))
		return;
	h->is_down = true;
	bf_front_enable(&h->front, false);
}

static void
iface_came_up(struct bf_host *h)
{
	if (!h->is_down || !bf_iface_is_up(h->name))
		return;
	h->is_down = false;
	bf_front_enable(&h->front, true);
}

/* What the kernel does not take, it counts for the interface. @return frames. */
static int
frames_to_host(struct bf_host *h)
{
	struct iovec parts[BF_FRONT_PARTS];
	int n = 0, n_parts;

	for (; n < BATCH; n++) {
		n_parts = bf_front_in(&h->front, parts);
		if (n_parts <= 0)
			break;
		if (writev(h->fd, parts, n_parts) < 0 && errno == EIO)
			iface_went_down(h);
		bf_front_in_done(&h->front, n_parts);
	}
	if (n > 0)
		bf_front_tell(&h->front, BF_FRONT_IN);
	if (n < BATCH && n_parts < 0)
		front_drop(h); /* the door makes another connection */
	return n;
}

static int
frames_from_host(struct bf_host *h)
{
	int n = 0;

	for (; n < BATCH && !h->is_gone; n++) {
		uint8_t *to = bf_front_out(&h->front);
		ssize_t len;

		if (to == NULL)
			break;
		len = read(h->fd, to, BF_FRONT_OUT_BYTES);
		if (len < 0 && (errno == EBADFD || errno == EIO))
			iface_gone(h);
		if (len <= BF_IFACE_HEADER)
			break;
		bf_front_out_done(&h->front, (uint32_t)len);
	}
	if (n > 0)
		bf_front_tell(&h->front, BF_FRONT_OUT);
	return n;
}

static void
events_clear(const struct pollfd *p, nfds_t n)
{
	eventfd_t value;

	for (nfds_t i = 0; i < n; i++)
		if (p[i].revents & POLLIN)
			eventfd_read(p[i].fd, &value);
}

/* Nothing moves: sleep until somebody has something. */
static void
host_wait(struct bf_host *h)
{
	struct bf_front *f = &h->front;
	bool has_front = f->fd >= 0, is_full = has_front && bf_front_out(f) == NULL;
	struct pollfd p[] = {
		{.fd = h->wake, .events = POLLIN},
		{.fd = has_front ? f->ring[BF_FRONT_IN].call : -1, .events = POLLIN},
		{.fd = is_full ? f->ring[BF_FRONT_OUT].call : -1, .events = POLLIN},
		{.fd = has_front && !is_full && !h->is_gone ? h->fd : -1, .events = POLLIN},
		{.fd = f->fd, .events = POLLIN},
	};

	if (has_front) {
		bf_front_want_calls(f, BF_FRONT_IN, true);
		bf_front_want_calls(f, BF_FRONT_OUT, is_full);
	}
	if (!has_front ||
		!(bf_front_has_used(f, BF_FRONT_IN) ||
			(is_full && bf_front_has_used(f, BF_FRONT_OUT))))
		poll(p, sizeof(p) / sizeof(p[0]), h->is_down ? DOWN_MS : -1);
	events_clear(p, 3);
	if (has_front)
		bf_front_want_calls(f, BF_FRONT_IN, false);
	if (p[4].revents != 0) /* it says nothing unless it ends */
		front_drop(h);
}

static bf_thread_end
host_run(void *arg)
{
	struct bf_host *h = arg;

	while (!__atomic_load_n(&h->quit, __ATOMIC_ACQUIRE)) {
		int moved = 0;

		mail_take(h);
		if (h->front.fd >= 0)
			moved = frames_to_host(h);
		if (h->front.fd >= 0)
			moved += frames_from_host(h);
		if (h->front.fd >= 0)
			iface_came_up(h);
		if (moved == 0)
			host_wait(h);
	}
	bf_front_close(&h->front);
	return (bf_thread_end)0;
}

/* ---- control ---- */

static void
host_wake(struct bf_host *h)
{
	eventfd_write(h->wake, 1);
}

struct bf_host *
bf_host_open(const struct bf_guest_config *cfg, struct bf_err *err)
{
	struct bf_host *h = calloc(1, sizeof(*h));
	int code;

	if (h == NULL) {
		bf_err_set(err, ENOMEM, "host \"%s\": out of memory", cfg->name);
		return NULL;
	}
	memcpy(h->name, cfg->name, sizeof(h->name));
	h->given = -1;
	h->is_enabled = !cfg->disabled;
	bf_front_init(&h->front);
	h->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	h->fd = bf_iface_open(cfg->name, cfg->address, cfg->mtu, err);
	if (h->fd < 0)
		goto err;
	code = h->wake < 0 ? errno : bf_control_thread(&h->thread, "bf-host", host_run, h);
	h->has_thread = code == 0;
	if (h->has_thread)
		return h;
	bf_err_set(err, code, "host \"%s\": no thread: %s", cfg->name, strerror(code));
err:
	code = errno;
	bf_host_close(h);
	errno = code;
	return NULL;
}

void
bf_host_close(struct bf_host *h)
{
	if (h == NULL)
		return;
	__atomic_store_n(&h->quit, 1, __ATOMIC_RELEASE);
	if (h->has_thread) {
		host_wake(h);
		pthread_join(h->thread, NULL);
	}
	if (h->given >= 0)
		close(h->given);
	if (h->fd >= 0)
		close(h->fd);
	if (h->wake >= 0)
		close(h->wake);
	free(h);
}

void
bf_host_forget(struct bf_host *h)
{
	bf_iface_forget(h->fd);
}

int
bf_host_connect(void *arg)
{
	struct bf_host *h = arg;
	int pair[2], old;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	old = __atomic_exchange_n(&h->given, pair[1], __ATOMIC_ACQ_REL);
	if (old >= 0)
		close(old);
	host_wake(h);
	return pair[0];
}

void
bf_host_reconfigure(
	struct bf_host *h, const struct bf_guest_config *from, const struct bf_guest_config *to)
{
	if (from->mtu != to->mtu)
		bf_iface_set_mtu(h->name, to->mtu);
	if (memcmp(from->address, to->address, sizeof(to->address)) != 0)
		bf_iface_set_mac(h->name, to->address);
	__atomic_store_n(&h->is_enabled, !to->disabled, __ATOMIC_RELEASE);
	host_wake(h);
}

bool
bf_host_is_gone(const struct bf_host *h)
{
	return __atomic_load_n(&h->is_gone, __ATOMIC_ACQUIRE) != 0;
}
