/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guest ports over librte_vhost.
 *
 * Threads: ctx control; guest_on_* ctx vhost (or control, inside driver registration calls).
 */
#include "control/guest.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_vhost.h>

#include "base/log.h"
#include "control/compat.h"
#include "control/guest_memory.h"
#include "control/guest_rings.h"
#include "control/notify.h"
#include "control/pools.h"

#define MAX_VIDS 1024
#define OWN_FRAMES 4096 /* of a guest that cannot use the bond's, and was not told how many */
#define NO_MTU_FRAME 1518 /* what a guest without mergeable buffers and MTU feature has room for */

#ifndef VIRTIO_F_RING_PACKED
#define VIRTIO_F_RING_PACKED 34
#endif

/* Offloads are off: every frame in the switch carries its own checksums and fits its MTU. */
#define OFFLOADS \
	(1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM | \
		1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 | \
		1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_HOST_UFO | \
		1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 | \
		1ULL << VIRTIO_NET_F_GUEST_ECN | 1ULL << VIRTIO_NET_F_GUEST_UFO)

/*
 * librte_vhost names a device by its socket path only: the registry finds the guest.  Entries
 * are set before a socket is registered and cleared after it was unregistered, so a callback
 * never meets a freed guest.
 */
static struct bf_guest *registry[BF_MAX_PORTS]; /* control: w, vhost: r */
static struct bf_guest *by_vid[MAX_VIDS]; /* vhost: rw */
static struct bf_lcores *registry_lcores;

static void
post(uint32_t kind, const struct bf_guest *g)
{
	struct bf_notice n = {.kind = kind, .a = g->slot};

	bf_notify_post(&n); /* a full queue is drained by a control that looks at every guest */
}

static struct bf_guest *
find_by_path(int vid)
{
	char path[BF_SOCKET_MAX + 32] = "";

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) != 0)
		return NULL;
	for (unsigned int i = 0; i < BF_MAX_PORTS; i++) {
		struct bf_guest *g = __atomic_load_n(&registry[i], __ATOMIC_ACQUIRE);

		if (g != NULL && strcmp(g->cfg.socket, path) == 0)
			return g;
	}
	return NULL;
}

static struct bf_guest *
guest_of(int vid)
{
	return vid >= 0 && vid < MAX_VIDS ? __atomic_load_n(&by_vid[vid], __ATOMIC_ACQUIRE) : NULL;
}

struct bf_guest_dp *
bf_guest_of_slot(unsigned int slot)
{
	struct bf_guest *g = __atomic_load_n(&registry[slot], __ATOMIC_ACQUIRE);

	return g != NULL ? g->dp : NULL;
}

static enum rte_vhost_msg_result
guest_on_message(int vid, void *msg)
{
	struct bf_guest *g = guest_of(vid);

	bf_guest_memory_visit();
	if (g != NULL)
		bf_guest_rings_before(g->dp, vid, msg);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result
guest_on_message_done(int vid, void *msg)
{
	struct bf_guest *g = guest_of(vid);

	if (g != NULL)
		bf_guest_rings_after(g->dp, vid, msg);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops message_ops = {
	.pre_msg_handle = guest_on_message,
	.post_msg_handle = guest_on_message_done,
};

/* The library frees the device when this returns: no worker may hold its vid any more. */
static void
guest_on_device_gone(int vid)
{
	struct bf_guest *g = guest_of(vid);

	if (g == NULL)
		return;
	__atomic_store_n(&g->vid, -1, __ATOMIC_RELEASE);
	__atomic_store_n(&g->dp->up, 0, __ATOMIC_RELEASE);
	bf_guest_rings_off(g->dp);
	bf_lcores_grace(registry_lcores);
	post(BF_NOTICE_GUEST_DOWN, g);
}

/* A port has one device: who connects last has it. */
static void
end_others(struct bf_guest *g, int vid)
{
	for (int other = 0; other < MAX_VIDS; other++) {
		if (other == vid || guest_of(other) != g)
			continue;
		if (g->vid == other)
			guest_on_device_gone(other);
		__atomic_store_n(&by_vid[other], NULL, __ATOMIC_RELEASE);
	}
}

static int
guest_on_connection(int vid)
{
	struct bf_guest *g = find_by_path(vid);

	if (g == NULL || vid >= MAX_VIDS)
		return -1;
	end_others(g, vid);
	__atomic_store_n(&g->dp->rx_rings, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&g->dp->tx_rings, 0, __ATOMIC_RELAXED);
	g->dp->memory.n = 0;
	if (rte_vhost_extern_callback_register(vid, &message_ops, NULL) != 0)
		return -1;
	__atomic_store_n(&by_vid[vid], g, __ATOMIC_RELEASE);
	return 0;
}

static void
guest_on_disconnection(int vid)
{
	if (vid >= 0 && vid < MAX_VIDS)
		__atomic_store_n(&by_vid[vid], NULL, __ATOMIC_RELEASE);
}

/* The library's ring locks are held here: nothing that waits for them. */
static int
guest_on_ring(int vid, uint16_t ring, int enable)
{
	struct bf_guest *g = guest_of(vid);
	uint32_t *bits, bit;

	if (g == NULL || ring / 2 >= BF_MAX_QP)
		return 0;
	bits = (ring & 1) ? &g->dp->tx_rings : &g->dp->rx_rings;
	bit = 1u << ring / 2;
	if (enable)
		__atomic_fetch_or(bits, bit, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(bits, ~bit, __ATOMIC_RELEASE);
	bf_guest_ring_state(g->dp, vid, ring, enable);
	post(BF_NOTICE_GUEST_RINGS, g);
	return 0;
}

static int
guest_on_device(int vid)
{
	struct bf_guest *g = guest_of(vid);
	uint16_t n = rte_vhost_get_vring_num(vid);

	if (g == NULL)
		return -1;
	/* We poll: kicks from the guest would only cost it exits. */
	for (uint16_t q = 0; q < n; q++)
		rte_vhost_enable_guest_notification(vid, q, 0);
	__atomic_store_n(&g->vid, vid, __ATOMIC_RELEASE);
	__atomic_store_n(&g->dp->up, 1, __ATOMIC_RELEASE);
	bf_guest_rings_on(g->dp, vid);
	post(BF_NOTICE_GUEST_UP, g);
	return 0;
}

static const struct rte_vhost_device_ops guest_ops = {
	.new_connection = guest_on_connection,
	.destroy_connection = guest_on_disconnection,
	.vring_state_changed = guest_on_ring,
	.new_device = guest_on_device,
	.destroy_device = guest_on_device_gone,
};

static int
check_directory(const char *path, struct bf_err *err)
{
	char dir[BF_SOCKET_MAX];
	char *slash;
	struct stat st;

	memcpy(dir, path, strlen(path) + 1);
	slash = strrchr(dir, '/');
	slash[slash == dir ? 1 : 0] = '\0';
	if (stat(dir, &st) != 0)
		return bf_err_set(
			err, errno, "socket: \"%s\": directory %s: %s", path, dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return bf_err_set(
			err, ENOTDIR, "socket: \"%s\": %s: expected a directory", path, dir);
	if (access(dir, W_OK | X_OK) != 0)
		return bf_err_set(err, errno,
			"socket: \"%s\": directory %s: not writable: expected a writable directory",
			path, dir);
	return 0;
}

/* 1: a live process listens there; 0: nobody does. */
static int
somebody_listens(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int live;

	if (fd < 0)
		return 1;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	live = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 || errno == EAGAIN;
	close(fd);
	return live;
}

int
bf_guest_check_socket(const struct bf_guest_config *cfg, struct bf_err *err)
{
	struct stat st;
	int ret = check_directory(cfg->socket, err);

	if (ret != 0)
		return ret;
	if (lstat(cfg->socket, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return bf_err_set(err, ENOTSOCK,
			"socket: \"%s\": exists and is no socket: expected a free path or a socket",
			cfg->socket);
	if (cfg->server && somebody_listens(cfg->socket))
		return bf_err_set(err, EADDRINUSE,
			"socket: \"%s\": in use by a live process: expected a free path",
			cfg->socket);
	return 0;
}

static int
driver_start(struct bf_guest *g, int gid, struct bf_err *err)
{
	const char *path = g->cfg.socket;
	uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS | BF_VHOST_ASYNC_CONNECT;
	uint64_t off = OFFLOADS;

	if (!g->cfg.server)
		flags |= RTE_VHOST_USER_CLIENT;
	else
		unlink(path); /* checked: a socket that nobody listens on */
	if (!g->cfg.mrg_rxbuf)
		off |= 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	if (!g->cfg.packed)
		off |= 1ULL << VIRTIO_F_RING_PACKED;
	if (rte_vhost_driver_register(path, flags) != 0)
		return bf_err_set(err, EIO, "socket: \"%s\": librte_vhost refuses it", path);
	g->started = true;
	if (rte_vhost_driver_disable_features(path, off) != 0 ||
		rte_vhost_driver_callback_register(path, &guest_ops) != 0 ||
		rte_vhost_driver_start(path) != 0)
		return bf_err_set(err, EIO, "socket: \"%s\": cannot be opened", path);
	if (g->cfg.server &&
		(chmod(path, 0660) != 0 || (gid >= 0 && chown(path, (uid_t)-1, (gid_t)gid) != 0)))
		return bf_err_set(err, errno, "socket: \"%s\": cannot set its mode: %s", path,
			strerror(errno));
	return 0;
}

static bool
may_share(const struct bf_guest_config *cfg, struct rte_mempool *shared)
{
	return cfg->mbufs == BF_OF_BOND && shared != NULL && bf_pool_fits(shared, cfg->mtu);
}

struct rte_mempool *
bf_guest_share(struct bf_guest *g, struct rte_mempool *shared)
{
	struct rte_mempool *old = g->pool;

	if (shared == old || !may_share(&g->cfg, shared))
		return NULL;
	g->pool = bf_pool_hold(shared);
	__atomic_store_n(&g->dp->pool, shared, __ATOMIC_RELEASE);
	return old;
}

static uint32_t
own_frames(const struct bf_guest_config *cfg)
{
	return cfg->mbufs == BF_OF_BOND ? OWN_FRAMES : cfg->mbufs;
}

struct bf_guest *
bf_guest_open(const struct bf_guest_config *cfg, uint16_t slot, struct rte_mempool *shared,
	struct bf_lcores *lcores, int gid, struct bf_err *err)
{
	struct bf_guest *g = calloc(1, sizeof(*g));

	if (g == NULL)
		goto err_memory;
	g->cfg = *cfg;
	g->slot = slot;
	g->n_rings = 1;
	g->max_len = (uint16_t)(cfg->mtu + BF_FRAME_OVERHEAD);
	g->numa_node = SOCKET_ID_ANY;
	memset(g->poller, 0xff, sizeof(g->poller));
	g->dp = rte_zmalloc("bf_guest", sizeof(*g->dp), RTE_CACHE_LINE_SIZE);
	if (g->dp == NULL)
		goto err_memory;
	g->vid = -1;
	g->pool = may_share(cfg, shared)
		? bf_pool_hold(shared)
		: bf_pool_create(cfg->name, own_frames(cfg), cfg->mtu, SOCKET_ID_ANY);
	if (g->pool == NULL)
		goto err_memory;
	g->dp->pool = g->pool;
	if (bf_guest_check_socket(cfg, err) != 0)
		goto err_close;
	registry_lcores = lcores;
	__atomic_store_n(&registry[slot], g, __ATOMIC_RELEASE);
	if (driver_start(g, gid, err) != 0)
		goto err_close;
	return g;
err_memory:
	bf_err_set(err, ENOMEM,
		"guest \"%s\": out of memory for %u frames: expected more hugepages or -m",
		cfg->name, own_frames(cfg));
err_close : {
	int code = errno;

	bf_guest_close(g);
	errno = code;
}
	return NULL;
}

void
bf_guest_close(struct bf_guest *g)
{
	if (g == NULL)
		return;
	if (g->started)
		rte_vhost_driver_unregister(g->cfg.socket);
	__atomic_store_n(&registry[g->slot], NULL, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < MAX_VIDS; i++) /* unregistering reports no disconnection */
		if (by_vid[i] == g)
			__atomic_store_n(&by_vid[i], NULL, __ATOMIC_RELEASE);
	if (registry_lcores != NULL)
		bf_lcores_grace(registry_lcores);
	bf_pool_retire(g->pool);
	rte_free(g->dp);
	free(g);
}

static uint16_t
enabled_from_zero(uint32_t bits)
{
	uint16_t n = 0;

	while (n < BF_MAX_QP && (bits & 1u << n))
		n++;
	return n;
}

static uint16_t
longest_frame(const struct bf_guest *g)
{
	uint32_t mtu = g->cfg.mtu;

	if (g->up && g->mtu != 0 && g->mtu < mtu)
		mtu = g->mtu;
	if (g->up && g->mtu == 0 && !(g->features & 1ULL << VIRTIO_NET_F_MRG_RXBUF) &&
		mtu + BF_FRAME_OVERHEAD > NO_MTU_FRAME)
		return NO_MTU_FRAME;
	return (uint16_t)(mtu + BF_FRAME_OVERHEAD);
}

void
bf_guest_refresh(struct bf_guest *g, uint64_t now_ms)
{
	uint32_t rings = __atomic_load_n(&g->dp->rx_rings, __ATOMIC_ACQUIRE);
	bool up;
	int vid;

	bf_lcores_enter(registry_lcores);
	vid = __atomic_load_n(&g->vid, __ATOMIC_ACQUIRE);
	up = vid >= 0;
	if (up) {
		g->features = 0;
		rte_vhost_get_negotiated_features(vid, &g->features);
		g->n_vrings = rte_vhost_get_vring_num(vid);
		g->mtu = 0;
		if (rte_vhost_get_mtu(vid, &g->mtu) != 0)
			g->mtu = 0;
		g->numa_node = rte_vhost_get_numa_node(vid);
	}
	bf_lcores_leave(registry_lcores);
	if (up != g->up) {
		g->connects += up;
		g->changed_ms = now_ms;
	}
	g->up = up;
	g->rx_seen = rings;
	g->tx_seen = __atomic_load_n(&g->dp->tx_rings, __ATOMIC_ACQUIRE);
	g->n_rings = RTE_MIN(enabled_from_zero(rings), (uint16_t)g->cfg.queues);
	if (g->n_rings == 0)
		g->n_rings = 1;
	g->max_len = longest_frame(g);
}

uint8_t
bf_guest_ring_fault(const struct bf_guest *g, unsigned int q)
{
	return __atomic_load_n(&g->dp->ring[q].fault, __ATOMIC_RELAXED);
}

bool
bf_guest_is_stale(const struct bf_guest *g)
{
	for (unsigned int q = 0; q < RTE_DIM(g->fault_seen); q++)
		if (bf_guest_ring_fault(g, q) != g->fault_seen[q])
			return true;
	return (__atomic_load_n(&g->dp->up, __ATOMIC_ACQUIRE) != 0) != g->up ||
		__atomic_load_n(&g->dp->rx_rings, __ATOMIC_ACQUIRE) != g->rx_seen ||
		__atomic_load_n(&g->dp->tx_rings, __ATOMIC_ACQUIRE) != g->tx_seen;
}

bool
bf_guest_needs_reopen(const struct bf_guest_config *a, const struct bf_guest_config *b)
{
	return strcmp(a->socket, b->socket) != 0 || a->server != b->server ||
		a->mrg_rxbuf != b->mrg_rxbuf || a->packed != b->packed || a->mbufs != b->mbufs ||
		b->mtu > a->mtu; /* the pool's buffers must hold the larger frames */
}

void
bf_guest_reconfigure(struct bf_guest *g, const struct bf_guest_config *cfg)
{
	g->cfg = *cfg;
	g->max_len = longest_frame(g);
}
