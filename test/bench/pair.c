/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See pair.h.
 *
 * Threads: the guests' own, but for what begins and ends it.
 */
#include "pair.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include "dataplane/sizes.h"
#include "rig.h"

#define GPA 0x100000u
#define MEMORY (64u << 20)
#define SLOTS 256 /* frames of the sender */
#define SLOTS_LONG 64
#define LONG 16384 /* bytes of a frame that has fewer */
#define TABLE 64 /* descriptors */
#define FRAME_MAX 65600u
#define LINE 64u
#define PAGE 4096u
#define LOOKS 4001 /* at a line's way */

struct side {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *memory;
	uint64_t taken; /* bytes of it */
	uint16_t avail_idx, used_idx;
} __rte_cache_aligned;

static struct side from, to;
static const struct pair_layout *layout;
static bool all; /* bytes are written and read */
static uint16_t n_slots, most; /* most: frames under way */
static uint64_t slot[SLOTS], table[SLOTS];
static uint32_t sent, got;
static uint64_t wrong;
static uint8_t frame[FRAME_MAX + PAIR_HEADER] __rte_cache_aligned;
static uint8_t arrived[FRAME_MAX + PAIR_HEADER] __rte_cache_aligned;
static uint64_t ping __rte_cache_aligned;
static bool stops __rte_cache_aligned;
static pthread_t thread;
static int own_cpu;

static uint64_t
take(struct side *s, uint64_t len, uint32_t align)
{
	uint64_t at = RTE_ALIGN_CEIL(s->taken, align);

	s->taken = at + len;
	if (s->taken > MEMORY)
		abort();
	return GPA + at;
}

static void *
at(const struct side *s, uint64_t gpa)
{
	return s->memory + (gpa - GPA);
}

static void
ring_begin(struct side *s, struct bf_guest_dp *g, unsigned int ring, uint16_t size)
{
	uint8_t *memory = s->memory;

	if (memory == NULL)
		memory = mmap(
			NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		abort();
	(void)madvise(memory, MEMORY, MADV_HUGEPAGE);
	memset(memory, 0, MEMORY);
	*s = (struct side){.memory = memory};
	s->desc = at(s, take(s, size * sizeof(*s->desc), PAGE));
	s->avail = at(s, take(s, sizeof(*s->avail) + (size + 1u) * sizeof(uint16_t), PAGE));
	s->used = at(s, take(s, sizeof(*s->used) + (size + 1u) * sizeof(*s->used->ring), PAGE));
	s->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	g->memory = (struct bf_guest_memory){.n = 1, .region = {{GPA, MEMORY, memory}}};
	g->offloads = layout->super ? BF_OFFLOAD_CSUM | BF_OFFLOAD_TSO : 0;
	g->ring[ring] = (struct bf_ring){.mode = BF_RING_OWN,
		.mergeable = true,
		.header = PAIR_HEADER,
		.longest = layout->super ? BF_SUPERFRAME_MAX : BF_LONGEST_FRAME,
		.size = size,
		.call_fd = -1,
		.memory = &g->memory,
		.offloads = (uint8_t)g->offloads,
		.desc = s->desc,
		.avail = s->avail,
		.used = s->used};
}

/* From station 1 to station 2: UDP, or a TCP superframe with 12 bytes of options. */
static void
frame_begin(void)
{
	static const uint8_t ip[] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10};
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 66,
		.gso_size = 1448,
		.csum_start = 34,
		.csum_offset = 16};
	uint8_t *p = frame + PAIR_HEADER;

	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7);
	memset(frame, 0, PAIR_HEADER + 66);
	rig_mac(p, 2);
	rig_mac(p + 6, 1);
	p[12] = 8;
	memcpy(p + 14, ip, sizeof(ip));
	p[16] = (uint8_t)((layout->len - 14) >> 8);
	p[17] = (uint8_t)(layout->len - 14);
	if (!layout->super)
		return;
	memcpy(frame, &h, sizeof(h));
	p[23] = 6;
	p[46] = 8 << 4;
}

/* Where frames begin in a page differs, as it does in guests. */
static void
slots_begin(void)
{
	n_slots = layout->len > LONG ? SLOTS_LONG : SLOTS;
	for (uint32_t i = 0; i < n_slots; i++) {
		table[i] = take(&from, TABLE * sizeof(struct vring_desc), LINE);
		slot[i] = take(&from, PAIR_HEADER + layout->len + 2 * PAGE, PAGE) +
			(uint64_t)LINE * (1 + i * 7 % LINE) - PAIR_HEADER;
	}
}

void
pair_begin(const struct pair_layout *l, bool copies, struct bf_guest_dp *sender,
	struct bf_guest_dp *receiver)
{
	layout = l;
	all = copies;
	ring_begin(&from, sender, 1, SLOTS);
	ring_begin(&to, receiver, 0, PAIR_BUFFERS);
	frame_begin();
	slots_begin();
	for (uint16_t i = 0; i < l->n_buffers; i++) {
		to.desc[i] = (struct vring_desc){
			take(&to, l->buffer, LINE), l->buffer, VRING_DESC_F_WRITE, 0};
		to.avail->ring[to.avail_idx++] = i;
	}
	to.avail->idx = to.avail_idx;
	most = (uint16_t)(l->n_buffers / ((PAIR_HEADER + l->len + l->buffer - 1) / l->buffer));
	sent = got = 0;
	wrong = 0;
}

static void
post(void)
{
	uint16_t i = from.avail_idx % n_slots;
	uint32_t total = PAIR_HEADER + layout->len, done = PAIR_HEADER + layout->first, n = 0;
	struct vring_desc *d = done < total ? at(&from, table[i]) : &from.desc[i];
	uint8_t *p = at(&from, slot[i]);

	memcpy(p, frame, all ? total : RTE_MIN(total, PAIR_HEADER + 66));
	memcpy(p + total - sizeof(sent), &sent, sizeof(sent));
	sent++;
	d[n++] = (struct vring_desc){slot[i], done, 0, 0};
	for (uint32_t part; done < total; done += part) {
		part = RTE_MIN(layout->piece, total - done);
		d[n - 1].flags = VRING_DESC_F_NEXT;
		d[n - 1].next = (uint16_t)n;
		d[n++] = (struct vring_desc){slot[i] + done, part, 0, 0};
	}
	if (n > 1)
		from.desc[i] = (struct vring_desc){
			table[i], n * (uint32_t)sizeof(*d), VRING_DESC_F_INDIRECT, 0};
	from.avail->ring[from.avail_idx++ % SLOTS] = i;
	__atomic_store_n(&from.avail->idx, from.avail_idx, __ATOMIC_RELEASE);
}

/* One frame out of as many buffers as its header says, which are given back. */
static void
receive(void)
{
	uint32_t total = PAIR_HEADER + layout->len, done = 0, last = 0;
	uint16_t n = 1;

	for (uint16_t k = 0; k < n; k++) {
		struct vring_used_elem e = to.used->ring[to.used_idx++ % PAIR_BUFFERS];
		const uint8_t *p = at(&to, to.desc[e.id].addr);

		if (k == 0)
			memcpy(&n, p + 10, sizeof(n));
		if (e.len < sizeof(last) || done + e.len > total)
			abort();
		memcpy(arrived + done, p, all ? e.len : RTE_MIN(e.len, LINE));
		memcpy(&last, p + e.len - sizeof(last), sizeof(last));
		done += e.len;
		to.avail->ring[to.avail_idx++ % PAIR_BUFFERS] = (uint16_t)e.id;
	}
	wrong += done != total || last != got;
	if (all && got % 1024 == 0) /* but for the header and the number at the end */
		wrong += memcmp(arrived + PAIR_HEADER, frame + PAIR_HEADER, layout->len - 4) != 0;
	got++;
	__atomic_store_n(&to.avail->idx, to.avail_idx, __ATOMIC_RELEASE);
}

void
pair_step(void)
{
	uint16_t used = __atomic_load_n(&to.used->idx, __ATOMIC_ACQUIRE);

	while (used != to.used_idx)
		receive();
	used = __atomic_load_n(&from.used->idx, __ATOMIC_ACQUIRE);
	for (int k = 0; k < BF_BURST; k++) {
		if ((uint16_t)(from.avail_idx - used) >= n_slots || sent - got >= most)
			return;
		post();
	}
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *
run(void *arg)
{
	uint64_t x;

	(void)arg;
	pin(own_cpu);
	while ((x = __atomic_load_n(&ping, __ATOMIC_ACQUIRE)) != UINT64_MAX)
		if (x & 1)
			__atomic_store_n(&ping, x + 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stops, __ATOMIC_RELAXED))
		pair_step();
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

uint64_t
pair_start(int cpu)
{
	static uint64_t way[LOOKS];

	own_cpu = cpu;
	stops = false;
	ping = 0;
	if (pthread_create(&thread, NULL, run, NULL) != 0)
		abort();
	for (uint64_t i = 0; i < LOOKS; i++) {
		uint64_t begin = rte_rdtsc();

		__atomic_store_n(&ping, 2 * i + 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(&ping, __ATOMIC_ACQUIRE) != 2 * i + 2)
			rte_pause();
		way[i] = rte_rdtsc() - begin;
	}
	__atomic_store_n(&ping, UINT64_MAX, __ATOMIC_RELEASE);
	qsort(way, LOOKS, sizeof(way[0]), compare);
	return way[LOOKS / 2];
}

uint64_t
pair_stop(void)
{
	__atomic_store_n(&stops, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return wrong;
}
