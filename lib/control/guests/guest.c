/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guest ports: see guest.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/guest.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "base/sock.h"
#include "control/guests/offer.h"
#include "control/guests/rings.h"
#include "control/host/host.h"
#include "control/host/iface.h"
#include "control/memory/amounts.h"
#include "control/memory/nodes.h"
#include "control/memory/pools.h"
#include "vhost/wire.h"

#define NO_MTU 1500 /* what a guest without mergeable buffers and MTU feature has room for */
#define UNMERGED_OVERHEAD 18 /* its buffers have room for one VLAN tag (Linux: GOOD_PACKET_LEN) */

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

int
bf_guest_check_socket(const struct bf_guest_config *cfg, struct bf_err *err)
{
	struct stat st;
	int ret;

	if (cfg->host)
		return bf_iface_check(cfg->name, err);
	if (lstat(cfg->socket, &st) == 0 && !S_ISSOCK(st.st_mode))
		return bf_err_set(err, ENOTSOCK,
			"socket: \"%s\": exists and is no socket: expected a free path or a socket",
			cfg->socket);
	if (!cfg->server) /* whoever makes the socket makes its folder too: it is waited for */
		return 0;
	ret = check_directory(cfg->socket, err);
	if (ret != 0)
		return ret;
	if (bf_sock_is_live(cfg->socket) > 0)
		return bf_err_set(err, EADDRINUSE,
			"socket: \"%s\": in use by a live process: expected a free path",
			cfg->socket);
	return 0;
}

bool
bf_guest_may_share(const struct bf_guest *g, struct rte_mempool *shared)
{
	return g->cfg.mbufs == BF_OF_BOND && shared != NULL && bf_pool_fits(shared, g->cfg.mtu);
}

/* @return the pool used before. */
static struct rte_mempool *
take_pool(struct bf_guest *g, struct rte_mempool *p)
{
	struct rte_mempool *old = g->pool;

	g->pool = p;
	__atomic_store_n(&g->dp->pool, p, __ATOMIC_RELEASE);
	return old;
}

struct rte_mempool *
bf_guest_share(struct bf_guest *g, struct rte_mempool *shared)
{
	if (shared == g->pool || !bf_guest_may_share(g, shared))
		return NULL;
	g->has_own = false;
	return take_pool(g, bf_pool_hold(shared));
}

static uint32_t
own_frames(const struct bf_guest_config *cfg)
{
	return cfg->mbufs == BF_OF_BOND ? BF_AMOUNT_OF_GUEST : cfg->mbufs;
}

struct rte_mempool *
bf_guest_settle(struct bf_guest *g, int node)
{
	struct rte_mempool *p;

	if (!g->has_own || node == g->tried_node || !bf_nodes_differ(node, bf_pool_node(g->pool)))
		return NULL;
	p = bf_pool_create_on(node, g->cfg.name, own_frames(&g->cfg), g->cfg.mtu);
	g->tried_node = p == NULL ? node : BF_NODE_UNKNOWN;
	return p == NULL ? NULL : take_pool(g, p);
}

static int
guest_make(struct bf_guest *g, struct rte_mempool *shared)
{
	const struct bf_guest_config *cfg = &g->cfg;

	g->n_rings = 1;
	g->max_len = (uint16_t)(cfg->mtu + BF_FRAME_OVERHEAD);
	g->numa_node = g->crossing.node = g->tried_node = BF_NODE_UNKNOWN;
	memset(g->poller, 0xff, sizeof(g->poller));
	g->bin = bf_waste_bin_new();
	g->dp = rte_zmalloc("bf_guest", sizeof(*g->dp), RTE_CACHE_LINE_SIZE);
	g->guard.words = rte_zmalloc("bf_guard", sizeof(*g->guard.words), RTE_CACHE_LINE_SIZE);
	if (g->dp == NULL || g->bin == NULL || g->guard.words == NULL)
		return -ENOMEM;
	g->has_own = !bf_guest_may_share(g, shared);
	g->pool = g->has_own ? bf_pool_create(cfg->name, own_frames(cfg), cfg->mtu, SOCKET_ID_ANY)
			     : bf_pool_hold(shared);
	g->dp->pool = g->pool;
	return g->pool == NULL ? -ENOMEM : 0;
}

/* Its front end is our own. */
static int
host_begin(struct bf_guest *g, struct bf_door_port_config *port, struct bf_err *err)
{
	g->host = bf_host_open(&g->cfg, err);
	port->connect = bf_host_connect;
	port->connect_arg = g->host;
	return g->host != NULL ? 0 : -errno;
}

struct bf_guest *
bf_guest_open(const struct bf_guest_config *cfg, uint16_t slot, struct rte_mempool *shared,
	const struct bf_guest_ground *ground, struct bf_err *err)
{
	struct bf_guest *g = calloc(1, sizeof(*g));
	struct bf_door_port_config port = {.path = cfg->socket,
		.server = cfg->server,
		.gid = ground->gid,
		.offer = bf_guest_offer(cfg),
		.ops = &bf_guest_rings_ops,
		.arg = g};
	int code;

	if (g == NULL)
		goto err_memory;
	g->cfg = *cfg;
	g->slot = slot;
	g->loss.held = g->loss.fresh = port.shut = cfg->uplink_down;
	if (guest_make(g, shared) != 0)
		goto err_memory;
	g->records = bf_records_take(ground->records, cfg->name);
	port.bin = g->bin;
	if (bf_guest_check_socket(cfg, err) == 0 && (!cfg->host || host_begin(g, &port, err) == 0))
		g->port = bf_door_add(ground->door, &port, err);
	if (g->port != NULL)
		return g;
	goto err_close;
err_memory:
	bf_err_set(err, ENOMEM,
		"guest \"%s\": out of memory for %u frames: expected more hugepages or -m",
		cfg->name, own_frames(cfg));
err_close:
	code = errno;
	bf_guest_close(g, ground);
	errno = code;
	return NULL;
}

void
bf_guest_forget(struct bf_guest *g)
{
	if (g->host != NULL)
		bf_host_forget(g->host);
}

void
bf_guest_shut(struct bf_guest *g, bool shut)
{
	bf_door_shut(g->port, shut);
}

void
bf_guest_close(struct bf_guest *g, const struct bf_guest_ground *ground)
{
	if (g == NULL)
		return;
	if (g->port != NULL)
		bf_door_remove(g->port);
	bf_host_close(g->host);
	bf_waste_bin_leave(g->bin);
	bf_records_give(ground->records, g->records);
	bf_lcores_grace(ground->lcores);
	bf_pool_retire(g->pool);
	rte_free(g->dp);
	rte_free(g->guard.words);
	bf_qos_close(&g->qos);
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

/* Whoever takes superframes without mergeable buffers has buffers of 65562 bytes (5.1.6.3.1). */
static bool
is_unmerged(const struct bf_guest *g)
{
	const uint64_t big = 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4 |
		1ULL << VIRTIO_NET_F_GUEST_TSO6;

	return g->up && !(g->features & big);
}

uint32_t
bf_guest_mtu(const struct bf_guest *g)
{
	uint32_t theirs = !g->up ? 0 : g->mtu == 0 && is_unmerged(g) ? NO_MTU : g->mtu;

	return theirs != 0 ? RTE_MIN(theirs, g->cfg.mtu) : g->cfg.mtu;
}

static uint16_t
longest_frame(const struct bf_guest *g)
{
	return (uint16_t)(bf_guest_mtu(g) +
		(is_unmerged(g) ? UNMERGED_OVERHEAD : BF_FRAME_OVERHEAD));
}

static uint16_t
started_from_zero(const struct bf_vhost_session *s)
{
	uint16_t n = 0;

	while (n < BF_VHOST_DATA_RINGS && s->ring[n].started)
		n++;
	return n;
}

/* @return whether it is another one. */
static bool
note_node(struct bf_guest *g, const struct bf_vhost_session *s)
{
	int node = bf_nodes_of_guest(s);

	if (node < 0 || node == g->numa_node)
		return false; /* what was known of it is still likely */
	g->numa_node = node;
	return true;
}

bool
bf_guest_find_node(struct bf_guest *g)
{
	struct bf_door_info info;

	bf_door_look(g->port, &info);
	return note_node(g, &info.session);
}

void
bf_guest_refresh(struct bf_guest *g, uint64_t now_ms)
{
	uint32_t rings = __atomic_load_n(&g->dp->rx_rings, __ATOMIC_ACQUIRE);
	struct bf_door_info info;
	bool up = __atomic_load_n(&g->dp->up, __ATOMIC_ACQUIRE);
	uint32_t ups = __atomic_load_n(&g->ups, __ATOMIC_RELAXED);

	if (up) {
		bf_door_look(g->port, &info);
		g->features = info.session.features;
		g->n_vrings = started_from_zero(&info.session);
		g->mtu = info.session.features & 1ULL << VIRTIO_NET_F_MTU ? info.session.mtu : 0;
		g->pid = info.pid;
		if (ups != g->connects) /* another front end */
			g->numa_node = BF_NODE_UNKNOWN;
		note_node(g, &info.session);
	}
	if (up != g->up || ups != g->connects)
		g->changed_ms = now_ms;
	g->connects = ups;
	g->up = up;
	g->rx_seen = rings;
	g->tx_seen = __atomic_load_n(&g->dp->tx_rings, __ATOMIC_ACQUIRE);
	g->n_rings = RTE_MIN(enabled_from_zero(rings), (uint16_t)g->cfg.queues);
	if (g->n_rings == 0)
		g->n_rings = 1;
	g->max_len = longest_frame(g);
}

void
bf_guest_look(const struct bf_guest *g, struct bf_door_info *info)
{
	bf_door_look(g->port, info);
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
		if (bf_guest_ring_fault(g, q) != g->fault_seen[q] ||
			__atomic_load_n(&g->fault_gone[q], __ATOMIC_RELAXED) != BF_RING_FAULT_NONE)
			return true;
	return (__atomic_load_n(&g->dp->up, __ATOMIC_ACQUIRE) != 0) != g->up ||
		__atomic_load_n(&g->ups, __ATOMIC_RELAXED) != g->connects ||
		__atomic_load_n(&g->dp->rx_rings, __ATOMIC_ACQUIRE) != g->rx_seen ||
		__atomic_load_n(&g->dp->tx_rings, __ATOMIC_ACQUIRE) != g->tx_seen;
}

bool
bf_guest_is_cut(const struct bf_guest *g, const struct bf_guest_config *to)
{
	if (g->cfg.host && to != NULL && to->host)
		return false; /* the interface stays, and is served again at once */
	return g->up && (to == NULL || bf_guest_config_reopens(&g->cfg, to));
}

void
bf_guest_reconfigure(struct bf_guest *g, const struct bf_guest_config *cfg)
{
	if (g->host != NULL)
		bf_host_reconfigure(g->host, &g->cfg, cfg);
	g->cfg = *cfg;
	g->max_len = longest_frame(g);
}
