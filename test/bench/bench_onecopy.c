/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From guest to guest: two copies, as the data path makes them, against one, from descriptors into buffers.
 * docs/decisions/014-one-copy.md says what came of it.
 *
 * The way with one copy is made here: the head of a frame goes into an mbuf, for which the switch finds the
 * port; what is behind it is copied from where the sender's descriptors say to where the receiver's do.
 * Meanwhile both rings are locked, and only then the sender gets its descriptors back.
 *
 *   bench_onecopy [WINDOWS]     short windows of both ways in turn; a JSON line for each layout
 *   bench_onecopy count N       layout N, 2000 frames of each way in one thread, for callgrind
 *
 * What counts is lines that move between CPUs: the guests have one, the worker another.  "gain" is the
 * median of the windows' ratios, "way" the cycles of the TSC of a line's way to the guests and back.
 *
 * Threads: the worker, and the guests' (pair.h).
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/virtio_ring.h>
#include <rte_cycles.h>

#include "dataplane/pieces.h"
#include "dataplane/ring.h"
#include "dataplane/ring_lock.h"
#include "dataplane/ring_parts.h"
#include "dataplane/shape.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"
#include "pair.h"
#include "rig.h"

#define SENDER 1
#define RECEIVER 2
#define DOUBLE 3 /* in place of the receiver: what the switch sends to it is copied by us */
#define HEAD 128 /* bytes of a frame that the switch reads */
#define HEAD_STATED BF_GSO_HEADERS_MAX
#define WINDOWS_MAX 1000
#define WINDOW_US 4000
#define VISITS_MAX 65536
#define VISITS_MIN 20
#define COUNTED 2000
#define SKIPPED 77

static const struct {
	struct pair_layout l;
	uint32_t room; /* of an mbuf: 10 KiB where the MTU is 9000 */
} layouts[] = {
	{{64, 64, 0, 1536, 256, false}, 2048},
	{{512, 512, 0, 1536, 256, false}, 2048},
	{{1514, 1514, 0, 1536, 256, false}, 2048},
	{{9014, 9014, 0, 10240, 256, false}, 10240},
	{{9014, 822, 4096, 4096, 256, false}, 10240},
	{{9014, 822, 4096, 1536, 256, false}, 10240},
	{{9014, 2048, 2048, 2048, 256, false}, 10240},
	{{65549, 66, 4096, 1536, 256, true}, 2048},
	{{65549, 66, 4096, 4096, 256, true}, 2048},
	{{65549, 66, 32768, 4096, 256, true}, 2048},
	{{65549, 66, 32768, 4096, 256, true}, 10240},
};

static struct rig *r;
static struct rte_mempool *pool;
static uint32_t stated; /* BF_OFFLOAD_* of both guests */

static uint32_t
flags_of(struct rte_mbuf *const *pkts, uint16_t n)
{
	return stated != 0 ? bf_shape_flags(pkts, n) : 0;
}

/* ---- two copies ---- */

uint16_t two_copies(void);
uint16_t one_copy(void);

__attribute__((noinline)) uint16_t
two_copies(void)
{
	struct bf_ring *from = &r->dp[SENDER].ring[1];
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t lost = 0;
	uint16_t n;

	if (!bf_ring_lock(r->w, from))
		return 0;
	n = bf_ring_take(from, pool, pkts, BF_BURST, &lost);
	bf_ring_unlock(r->w, from);
	if (n == 0)
		return 0;
	bf_switch_burst(r->w, SENDER, pkts, n, flags_of(pkts, n));
	bf_stage_flush(r->w);
	bf_rings_tell(r->w);
	return n;
}

/* ---- one copy ---- */

/* How far pieces have been gone through. */
struct place {
	const struct bf_piece *piece;
	uint32_t done; /* of that one */
};

/* Frames whose descriptors the sender has not got back. */
static struct {
	uint16_t n;
	struct rte_mbuf *m[BF_BURST];
	uint16_t head[BF_BURST];
	struct bf_pieces pieces[BF_BURST];
	struct place rest[BF_BURST]; /* what is not in the mbuf */
} held;

static void
copy(struct place *to, struct place *from, uint32_t len)
{
	while (len > 0) {
		uint32_t part = RTE_MIN(to->piece->len - to->done, from->piece->len - from->done);

		part = RTE_MIN(part, len);
		memcpy(to->piece->va + to->done, from->piece->va + from->done, part);
		len -= part;
		to->done += part;
		from->done += part;
		if (to->done == to->piece->len)
			*to = (struct place){to->piece + 1, 0};
		if (from->done == from->piece->len)
			*from = (struct place){from->piece + 1, 0};
	}
}

static void
copy_out(uint8_t *to, struct place *from, uint32_t len)
{
	struct bf_piece self = {to, len};
	struct place p = {&self, 0};

	copy(&p, from, len);
}

static void
copy_in(struct place *to, uint8_t *from, uint32_t len)
{
	struct bf_piece self = {from, len};
	struct place p = {&self, 0};

	copy(to, &p, len);
}

/* The pieces of a buffer: one descriptor, or a table. */
static bool
find(struct bf_pieces *p, const struct bf_ring *ring, uint16_t head, uint16_t access)
{
	struct vring_desc d = ring->desc[head];
	const struct vring_desc *table = &d;
	uint32_t n = 1;

	if (d.flags & VRING_DESC_F_INDIRECT) {
		table = (const void *)bf_map_whole(ring->memory, d.addr, d.len);
		n = d.len / (uint32_t)sizeof(d);
		if (table == NULL)
			return bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
	}
	for (uint32_t i = 0; i < n && bf_pieces_lack(p); i++) {
		if ((table[i].flags & VRING_DESC_F_WRITE) != access)
			return bf_pieces_fail(p, BF_RING_FAULT_ACCESS);
		if (!bf_pieces_add(p, table[i].addr, table[i].len))
			return false;
	}
	return true;
}

static uint16_t
waiting(const struct bf_ring *ring)
{
	return (uint16_t)(__atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE) - ring->seen);
}

static uint16_t
head_at(const struct bf_ring *ring, uint16_t i)
{
	return ring->avail->ring[(uint16_t)(ring->seen + i) & (ring->size - 1)];
}

/* Heads, descriptors, tables: each pass has its cache misses under way at once. */
static void
look_up(const struct bf_ring *ring, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		held.head[i] = head_at(ring, i);
		rte_prefetch0(&ring->desc[held.head[i]]);
	}
	for (uint16_t i = 0; i < n; i++) {
		const struct vring_desc *d = &ring->desc[held.head[i]];
		const uint8_t *va = bf_map_whole(ring->memory, d->addr, d->len);

		rte_prefetch0(va);
		rte_prefetch0(bf_second_line(va));
	}
}

/* What the switch reads of a frame. @return false: there is no time for it in this visit. */
static bool
take_head(struct bf_ring *ring, uint16_t i, uint32_t *left)
{
	struct bf_pieces *p = &held.pieces[i];
	struct rte_mbuf *m = held.m[i];
	struct place at = {p->piece, 0};
	uint8_t header[BF_HEADER_MAX];

	if (*left < BF_RING_STEPS)
		return false;
	bf_pieces_begin(p, ring->memory, ring->header + ring->longest + 1);
	if (!find(p, ring, held.head[i], 0) || p->bytes <= ring->header)
		abort(); /* the guests are ours */
	*left -= p->steps;
	copy_out(header, &at, ring->header);
	m->pkt_len = p->bytes - ring->header;
	m->data_len = (uint16_t)RTE_MIN(m->pkt_len, stated != 0 ? HEAD_STATED : (uint32_t)HEAD);
	copy_out(rte_pktmbuf_mtod(m, uint8_t *), &at, m->data_len);
	held.rest[i] = at;
	if (stated != 0) {
		if (!bf_vnet_hdr_take(m, header, ring->offloads))
			abort();
		bf_work_note(m, left);
	}
	return true;
}

static void
use(struct bf_ring *ring, uint16_t *entry, uint16_t head, uint32_t len)
{
	struct vring_used_elem *e = &ring->used->ring[*entry & (ring->size - 1)];

	if (e->id != head || e->len != len)
		*e = (struct vring_used_elem){head, len};
	(*entry)++;
}

static void
publish(struct bf_ring *ring, uint16_t entry)
{
	ring->seen = ring->known = (uint16_t)(ring->seen + (uint16_t)(entry - ring->used_idx));
	ring->used_idx = entry;
	__atomic_store_n(&ring->used->idx, entry, __ATOMIC_RELEASE);
}

/* A frame into as many buffers as it needs; the sender waits for them. */
static void
put_frame(struct bf_ring *ring, uint16_t i, uint16_t *entry)
{
	static struct bf_pieces p;
	struct rte_mbuf *m = held.m[i];
	struct place at = {p.piece, 0};
	uint8_t header[BF_HEADER_MAX] = {0};
	uint16_t first = *entry;

	bf_pieces_begin(&p, ring->memory, ring->header + m->pkt_len);
	while (bf_pieces_lack(&p)) {
		uint16_t head = head_at(ring, (uint16_t)(*entry - ring->used_idx));
		uint32_t before = p.bytes;

		if (waiting(ring) == (uint16_t)(*entry - ring->used_idx) ||
			!find(&p, ring, head, VRING_DESC_F_WRITE))
			abort();
		use(ring, entry, head, p.bytes - before);
	}
	bf_header_set(header, ring->header, (uint16_t)(*entry - first));
	if (stated != 0 && !bf_vnet_hdr_make(m, ring->offloads, header))
		abort();
	copy_in(&at, header, ring->header);
	copy_in(&at, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	copy(&at, &held.rest[i], m->pkt_len - m->data_len);
}

/* The switch has decided, and would write to the double's ring now. */
static void
put_held(void)
{
	struct bf_ring *to = &r->dp[RECEIVER].ring[0];
	uint16_t entry = to->used_idx;

	for (uint16_t i = 0; i < held.n; i++)
		put_frame(to, i, &entry);
	publish(to, entry);
	held.n = 0;
}

__attribute__((noinline)) uint16_t
one_copy(void)
{
	struct bf_ring *from = &r->dp[SENDER].ring[1];
	uint16_t n = RTE_MIN(waiting(from), (uint16_t)BF_BURST), entry = from->used_idx;
	uint32_t left = BF_RING_VISIT;
	struct rte_mbuf *pkts[BF_BURST];

	if (n == 0 || !bf_ring_lock(r->w, from))
		return 0;
	if (rte_pktmbuf_alloc_bulk(pool, held.m, n) != 0)
		abort();
	look_up(from, n);
	while (held.n < n && take_head(from, held.n, &left))
		held.n++;
	rte_pktmbuf_free_bulk(&held.m[held.n], n - held.n);
	n = held.n;
	memcpy(pkts, held.m, sizeof(pkts));
	bf_switch_burst(r->w, SENDER, pkts, n, flags_of(pkts, n));
	bf_stage_flush(r->w);
	if (held.n != 0)
		abort(); /* they went elsewhere */
	for (uint16_t i = 0; i < n; i++)
		use(from, &entry, held.head[i], 0);
	publish(from, entry);
	bf_ring_unlock(r->w, from);
	bf_rings_tell(r->w);
	return n;
}

/* ---- windows ---- */

typedef uint16_t way_t(void);

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double
quantile(double *v, int n, int percent)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return v[n * percent / 100];
}

/* Where station 2 is. */
static void
route(uint16_t slot)
{
	uint8_t mac[6];

	rig_mac(mac, 2);
	bf_fdb_learn(r->fdb, bf_fdb_key(0, mac), slot);
	bf_fdb_commit(r->fdb);
	bf_switch_refresh(r->w);
}

/* Cycles per frame: the median of the visits, so that those that were interrupted do not count; 0: too few. */
static double
window(way_t *way)
{
	static double visit[VISITS_MAX];
	uint64_t begin = rte_rdtsc(), now = begin, ticks = rte_get_tsc_hz() / 1000000 * WINDOW_US;
	int n_visits = 0;

	route(way == one_copy ? DOUBLE : RECEIVER);
	while (now - begin < ticks) {
		uint64_t from = rte_rdtsc();
		uint16_t n = way();

		now = rte_rdtsc();
		if (n > 0 && n_visits < VISITS_MAX)
			visit[n_visits++] = (double)(now - from) / n;
	}
	return n_visits < VISITS_MIN ? 0 : quantile(visit, n_visits, 50);
}

static void
set_up(size_t i, bool copies)
{
	const struct pair_layout *l = &layouts[i].l;

	pair_begin(l, copies, &r->dp[SENDER], &r->dp[RECEIVER]);
	stated = r->dp[RECEIVER].offloads;
	r->dp[DOUBLE].offloads = stated;
	r->dp[DOUBLE].ring[0].offloads = (uint8_t)stated;
}

static int
huge(const struct rte_memseg_list *list, const struct rte_memseg *seg, void *arg)
{
	(void)list;
	(void)arg;
	(void)madvise(seg->addr, seg->len, MADV_HUGEPAGE);
	return 0;
}

static void
pool_begin(size_t i)
{
	pool = rte_pktmbuf_pool_create("onecopy", 2047, 256, 0,
		(uint16_t)(layouts[i].room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
	if (pool == NULL)
		abort();
}

/* @return frames that were wrong. */
static uint64_t
measure(size_t i, bool copies, int n_windows, int cpu)
{
	static double two[WINDOWS_MAX], one[WINDOWS_MAX], gain[WINDOWS_MAX];
	const struct pair_layout *l = &layouts[i].l;
	uint64_t way, wrong;
	int n = 0;

	set_up(i, copies);
	way = pair_start(cpu);
	for (int k = 0; k < n_windows; k++) {
		two[n] = window(two_copies);
		one[n] = window(one_copy);
		gain[n] = one[n] > 0 ? two[n] / one[n] : 0;
		n += gain[n] > 0;
	}
	wrong = pair_stop();
	if (n == 0)
		return wrong;
	printf("{\"bench\":\"onecopy\",\"len\":%u,\"descriptors\":%u,\"buffers\":%u,\"room\":%u,"
	       "\"guests\":\"%s\",\"way\":%u,\"two\":%.0f,\"one\":%.0f,\"gain\":%.2f,"
	       "\"quartiles\":[%.2f,%.2f]}\n",
		l->len, 1 + (l->len - l->first + RTE_MAX(l->piece, 1u) - 1) / RTE_MAX(l->piece, 1u),
		(PAIR_HEADER + l->len + l->buffer - 1) / l->buffer, layouts[i].room,
		copies ? "copy" : "look", (unsigned int)way, quantile(two, n, 50),
		quantile(one, n, 50), quantile(gain, n, 50), quantile(gain, n, 25),
		quantile(gain, n, 75));
	fflush(stdout);
	return wrong;
}

static void
count(size_t i)
{
	set_up(i, false);
	for (int k = 0; k < 2; k++) {
		route(k == 0 ? RECEIVER : DOUBLE);
		for (uint32_t n = 0; n < COUNTED; n += k == 0 ? two_copies() : one_copy())
			pair_step();
	}
}

/* The worker stays on the last of our CPUs, the guests get the first. @return the first, -1: there is one alone. */
static int
place_threads(void)
{
	int first = -1, last = -1;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set)) {
			first = first < 0 ? cpu : first;
			last = cpu;
		}
	CPU_ZERO(&set);
	CPU_SET(last, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	return first < last ? first : -1;
}

static void
rig_begin(void)
{
	uint8_t mac[6];

	r = rig_new(0, DOUBLE);
	for (uint16_t slot = SENDER; slot <= DOUBLE; slot++)
		r->view->ports[slot].max_len = BF_LONGEST_FRAME;
	rig_mac(mac, 1);
	bf_fdb_learn(r->fdb, bf_fdb_key(0, mac), SENDER);
	rig_guest_hook(put_held);
	(void)rte_memseg_walk(huge, NULL);
}

int
main(int argc, char **argv)
{
	const size_t n_layouts = sizeof(layouts) / sizeof(layouts[0]);
	bool counts = argc == 3 && strcmp(argv[1], "count") == 0;
	int n_windows = RTE_MIN(argc == 2 ? atoi(argv[1]) : 60, WINDOWS_MAX), cpu;
	uint64_t wrong = 0;

	rig_begin();
	cpu = place_threads();
	if (cpu < 0 && !counts) {
		printf("needs two CPUs\n");
		return SKIPPED;
	}
	for (size_t i = 0; i < n_layouts; i++) {
		if (counts && i != (size_t)atoi(argv[2]))
			continue;
		pool_begin(i);
		if (counts)
			count(i);
		for (int copies = 0; copies < 2 && !counts; copies++)
			wrong += measure(i, copies, n_windows, cpu);
		rte_mempool_free(pool);
	}
	(void)rig_free(r);
	rig_eal_end();
	if (wrong > 0)
		fprintf(stderr, "%u frames were not what was sent\n", (unsigned int)wrong);
	return wrong > 0;
}
