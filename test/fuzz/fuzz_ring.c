/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: bytes as a script of a guest's driver that writes what it likes into its descriptors,
 * entries, indices and tables, and of a worker that puts and takes frames meanwhile.  The ring is a
 * packed one when the script begins with a P; that worker may die and be followed by another one.
 * A script that begins with OS or OP is of a guest that has negotiated offloads, by the bits of the next
 * byte, and writes frames with headers as well; its ring is split or packed.
 * Nothing may be touched outside of the guest's memory, no buffer of ours be lost, what is taken must be
 * a frame, and nothing is put that the guest does not take.
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/checksum.h"
#include "dataplane/gso.h"
#include "dataplane/lines.h"
#include "dataplane/recover.h"
#include "dataplane/sizes.h"
#include "dataplane/vnet_hdr.h"
#include "driver.h"
#include "input.h"
#include "replay.h"
#include "rig.h"

#define SIZE 16
#define ODD_SIZE 13 /* of packed rings */
#define ROOM 2048

static struct rte_mempool *pool;
static uint8_t *bits; /* of a log that ends within memory */
static struct bf_ring_log dirty_log = {.size = 24};
static bool stated; /* the guest has negotiated offloads, or may do so */

static uint16_t
word(struct input *in)
{
	return (uint16_t)(input_byte(in) | input_byte(in) << 8);
}

/* Near an end of memory, near the seam, anywhere in it, or anywhere at all. */
static uint64_t
address(struct input *in)
{
	static const uint64_t near[] = {
		DRIVER_GPA, DRIVER_SEAM, DRIVER_SEAM + DRIVER_HALF, 0, UINT64_MAX};
	uint8_t how = input_byte(in);
	uint64_t off = word(in);

	if (how < 128)
		return DRIVER_GPA + (off << 3);
	if (how < 160)
		return off << 48 | off << 20;
	return near[how % RTE_DIM(near)] + (uint64_t)(int64_t)(int16_t)off;
}

static struct vring_desc
descriptor(struct input *in)
{
	static const uint32_t lens[] = {0, 1, 10, 12, 13, 72, 100, 1526, 2060, 9100, UINT32_MAX};
	struct vring_desc d = {.addr = address(in)};
	uint8_t how = input_byte(in);

	d.len = how < 128 ? lens[how % RTE_DIM(lens)] : word(in);
	d.flags = input_byte(in) & 7;
	d.next = input_byte(in) % (SIZE + 1);
	return d;
}

/* Tables lie in guest memory like everything else. */
static void
write_table(struct driver *d, struct input *in)
{
	uint64_t at = DRIVER_GPA + (uint64_t)word(in) * 3;
	uint32_t n = input_byte(in) % (SIZE + 2);

	for (uint32_t i = 0; i < n; i++, at += sizeof(struct vring_desc)) {
		struct vring_desc e = descriptor(in);

		memcpy(driver_at(d, at), &e, sizeof(e));
	}
}

static void
negotiate(struct driver *d, uint8_t offloads)
{
	d->ring.offloads = offloads & 15;
	d->ring.longest = d->ring.offloads & BF_OFFLOAD_TSO ? BF_SUPERFRAME_MAX : BF_LONGEST_FRAME;
}

/* A header and the first bytes of a frame, somewhere in memory; some of them as they should be. */
static void
write_frame(struct driver *d, struct input *in)
{
	static const uint8_t kinds[][6] = {{0x45, 0x08, 0x00, 9, 6, 20},
		{0x60, 0x86, 0xdd, 6, 6, 40}, {0x45, 0x08, 0x00, 9, 17, 20},
		{0x60, 0x86, 0xdd, 6, 17, 40}};
	uint64_t at = DRIVER_GPA + ((uint64_t)word(in) << 3);
	uint8_t how = input_byte(in), bytes[12 + 14 + 40 + 20] = {0};
	const uint8_t *kind = kinds[how % 4];
	uint8_t *ip = bytes + d->ring.header + 14;

	ip[0] = kind[0];
	memcpy(ip - 2, kind + 1, 2);
	ip[kind[3]] = kind[4];
	ip[kind[5] + 12] = 0x50;
	bytes[0] = 1;
	bytes[1] = how & 4 ? (how & 1 ? 4 : 1) : 0;
	bytes[4] = input_byte(in);
	bytes[5] = input_byte(in);
	bytes[6] = 14 + kind[5];
	bytes[8] = kind[4] == 6 ? 16 : 6;
	for (unsigned int k = how >> 3 & 7; k > 0; k--) {
		uint8_t where = input_byte(in) % sizeof(bytes);

		bytes[where] = input_byte(in);
	}
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		if (driver_at(d, at + i) != NULL)
			*driver_at(d, at + i) = bytes[i];
}

/* Something that may be in a frame. */
static void
set_state(struct rte_mbuf *m, uint8_t how)
{
	static const uint64_t checksums[] = {
		0, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_TX_TCP_CKSUM, RTE_MBUF_F_TX_UDP_CKSUM};

	if (m->data_len < 100)
		return;
	m->ol_flags |= checksums[how & 3];
	if (!bf_is_partial(m))
		return;
	m->ol_flags |= how & 4 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
	m->l2_len = 14;
	m->l3_len = how & 4 ? 40 : 20;
	m->l4_len = 20;
	m->tso_segsz = 500;
	if (how & 8 && (how & 3) == 2)
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
}

static struct rte_mbuf *
make_frame(uint32_t left)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *last = m;

	CHECK(m != NULL);
	for (;;) {
		last->data_len = (uint16_t)RTE_MIN(left, ROOM);
		m->pkt_len += last->data_len;
		left -= last->data_len;
		if (left == 0)
			return m;
		last->next = rte_pktmbuf_alloc(pool);
		CHECK(last->next != NULL);
		last = last->next;
		m->nb_segs++;
	}
}

/* As a worker does it: not what the guest does not take, and nothing behind that. */
static uint16_t
put_stated(struct driver *d, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint8_t header[BF_BURST][BF_FORM_HEADER];
	const struct bf_form form = {.header = (const uint8_t(*)[BF_FORM_HEADER])header};
	uint16_t k = 0;

	for (; k < n && bf_vnet_hdr_make(pkts[k], d->ring.offloads, header[k]); k++)
		CHECK(bf_offload_is_taken(pkts[k], d->ring.offloads));
	return k > 0 ? bf_ring_put_formed(&d->ring, pkts, k, &form) : 0;
}

static void
put(struct driver *d, struct input *in)
{
	static const struct bf_form form = {.skip = 4, .n_insert = 8};
	struct rte_mbuf *pkts[BF_BURST];
	uint8_t how = input_byte(in);
	uint16_t n = 1 + how % 4, before = d->ring.used_idx, done;
	bool formed = how & 0x80;

	for (uint16_t i = 0; i < n; i++) {
		pkts[i] = make_frame((formed ? BF_FORM_AT + 4 : 1) +
			word(in) % (BF_MAX_MTU + BF_FRAME_OVERHEAD));
		if (stated)
			set_state(pkts[i], input_byte(in));
	}
	if (stated && !formed)
		done = put_stated(d, pkts, n);
	else
		done = formed ? bf_ring_put_formed(&d->ring, pkts, n, &form)
			      : bf_ring_put(&d->ring, pkts, n);
	CHECK(done <= n && (uint16_t)(d->ring.used_idx - before) >= done);
	CHECK(d->ring.seen < d->ring.size || !d->ring.packed);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* What it asks for is among what was negotiated, and can be done. */
static void
check_state(const struct driver *d, struct rte_mbuf *m)
{
	uint32_t headers = (uint32_t)m->l2_len + m->l3_len + m->l4_len;
	struct rte_mbuf *out[4];
	struct bf_gso g;
	uint16_t n;

	if (!bf_is_partial(m)) {
		CHECK(m->ol_flags == 0);
		return;
	}
	CHECK(d->ring.offloads & BF_OFFLOAD_CSUM);
	if (!bf_is_superframe(m)) {
		bf_checksum_complete(m);
		return;
	}
	CHECK(d->ring.offloads & BF_OFFLOAD_TSO && headers + m->tso_segsz < m->pkt_len);
	bf_gso_begin(&g, m);
	n = bf_gso_next(&g, pool, out, RTE_DIM(out));
	for (uint16_t i = 0; i < n; i++)
		CHECK(out[i]->pkt_len <= headers + m->tso_segsz);
	rte_pktmbuf_free_bulk(out, n);
}

static void
take(struct driver *d, struct input *in)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint16_t n = 1 + input_byte(in) % BF_BURST, before = d->ring.used_idx;
	uint64_t lost = 0;
	uint16_t got = bf_ring_take(&d->ring, pool, pkts, n, &lost);

	if (d->ring.packed)
		CHECK((uint16_t)(d->ring.used_idx - before) >= got + lost);
	else
		CHECK((uint16_t)(d->ring.used_idx - before) == got + lost);
	CHECK(got + lost <= n && (d->ring.seen < d->ring.size || !d->ring.packed));
	CHECK(d->ring.refused <= lost);
	d->ring.refused = 0;
	for (uint16_t i = 0; i < got; i++) {
		const char *why;

		CHECK(rte_mbuf_check(pkts[i], 1, &why) == 0);
		CHECK(pkts[i]->pkt_len > 0 && pkts[i]->pkt_len <= d->ring.longest);
		check_state(d, pkts[i]);
	}
	rte_pktmbuf_free_bulk(pkts, got);
}

/* The driver sets a ring up again. */
static void
begin_again(struct driver *d, struct input *in)
{
	uint8_t how = input_byte(in);

	d->ring.fault = BF_RING_FAULT_NONE;
	if (d->ring.packed)
		d->ring.in_order = how & 64;
	else
		d->ring.seen = d->ring.known = d->next_avail = d->ring.avail->idx;
	d->ring.mergeable = how & 1;
	d->ring.header = how & 2 ? 12 : 10;
	d->ring.event_idx = how & 4;
	d->memory.n = how & 8 ? 1 : 2;
	d->ring.give = how & 16 ? BF_GIVE_DEMOTE : BF_GIVE_NOT;
	d->ring.log = how & 128 ? &dirty_log : NULL;
	d->ring.log_gpa = how & 1 ? DRIVER_GPA + how : BF_RING_NOT_LOGGED;
	if (how & 32 && bf_lines_can_flush())
		d->ring.give = BF_GIVE_FLUSH;
	if (stated)
		negotiate(d, input_byte(in));
}

/* What another process makes of the record, which others may have written as well. */
static void
follow(struct driver *d, struct input *in)
{
	uint8_t how = input_byte(in), *record = (uint8_t *)d->ring.record;
	uint16_t at = 0;
	bool wrap = false;

	if (how & 1)
		record[8 + how % 16] = input_byte(in);
	if (how & 2)
		record[8 + (how >> 2) % 24] = input_byte(in);
	if (bf_packed_recover(&d->ring, &at, &wrap))
		bf_ring_set_base(&d->ring, (at | (uint32_t)wrap << 15) * 0x10001);
	else
		bf_ring_set_base(&d->ring, word(in) | (uint32_t)word(in) << 16);
	d->next_desc = d->ring.seen;
	d->lap = d->ring.wrap;
	d->ring.fault = BF_RING_FAULT_NONE;
}

/* Descriptors in turn and out of turn, as they should be and not. */
static void
packed_step(struct driver *d, struct input *in)
{
	struct vring_desc e;
	uint8_t what = input_byte(in), how;

	if (stated && what & 8) {
		write_frame(d, in);
		return;
	}
	switch (what % 8) {
	case 0:
		how = input_byte(in);
		e = descriptor(in);
		d->ring.packed_desc[how % ODD_SIZE] = (struct vring_packed_desc){
			e.addr, e.len, how, (uint16_t)(e.flags | word(in))};
		break;
	case 1:
		write_table(d, in);
		break;
	case 2:
	case 3:
		e = descriptor(in);
		driver_push(d, e.addr, e.len, e.flags, e.next);
		break;
	case 4:
		put(d, in);
		break;
	case 5:
		take(d, in);
		break;
	case 6:
		begin_again(d, in);
		break;
	default:
		follow(d, in);
		*(uint32_t *)(void *)d->ring.driver = word(in) | (uint32_t)input_byte(in) << 16;
		bf_ring_tell(&d->ring);
		bf_ring_want_kicks(&d->ring, d->ring.seen & 1);
		CHECK(bf_ring_waiting(&d->ring) <= ODD_SIZE);
		break;
	}
}

static void
step(struct driver *d, struct input *in)
{
	struct vring_desc e;
	uint8_t what = input_byte(in);
	uint16_t i;

	if (stated && what & 8) {
		write_frame(d, in);
		return;
	}
	switch (what % 8) {
	case 0:
		i = input_byte(in) % SIZE;
		e = descriptor(in);
		driver_desc(d, i, e.addr, e.len, e.flags, e.next);
		break;
	case 1:
		write_table(d, in);
		break;
	case 2:
	case 3:
		driver_avail(d, input_byte(in) % (SIZE + 1));
		break;
	case 4:
		put(d, in);
		break;
	case 5:
		take(d, in);
		break;
	case 6:
		begin_again(d, in);
		break;
	default:
		if (input_byte(in) == 0)
			d->ring.avail->idx = word(in);
		bf_ring_tell(&d->ring);
		bf_ring_want_kicks(&d->ring, d->ring.avail->idx & 1);
		break;
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(rig_eal());
	pool = rte_pktmbuf_pool_create(
		"ring", 255, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	bits = calloc(1, dirty_log.size);
	CHECK(pool != NULL && bits != NULL);
	dirty_log.va = bits;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct bf_ring_record *record = calloc(1, BF_RING_RECORD_SIZE(ODD_SIZE));
	struct driver *d;
	bool packed;

	stated = size > 2 && data[0] == 'O' && (data[1] == 'S' || data[1] == 'P');
	packed = stated ? data[1] == 'P' : size > 0 && data[0] == 'P';
	d = packed ? driver_new_packed(ODD_SIZE, true) : driver_new(SIZE, true);
	if (stated) {
		in = (struct input){data + 3, size - 3};
		negotiate(d, data[2]);
	}
	CHECK(record != NULL);
	if (packed) {
		d->ring.record = record;
		bf_ring_set_base(&d->ring, 0x80008000);
	}
	while (in.left > 0)
		packed ? packed_step(d, &in) : step(d, &in);
	driver_free(d);
	free(record);
	CHECK(rte_mempool_in_use_count(pool) == 0);
	return 0;
}

int
fuzz_end(void)
{
	rte_mempool_free(pool);
	free(bits);
	rig_eal_end();
	return 0;
}
