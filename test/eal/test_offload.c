/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that leave work to others, from a guest's ring through the switch to rings and wires: those who take
 * them get them as they are, all others get whole frames with right checksums.  Rings are real, split and
 * packed; segments are compared with headers and sums that the test makes byte by byte.
 *
 * Threads: one.
 */
#include "unit.h"

#include <linux/virtio_net.h>

#include "dataplane/offload.h"
#include "dataplane/ring.h"
#include "dataplane/rx_guest.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"
#include "draw.h"
#include "driver.h"
#include "rig.h"
#include "sums.h"

#define HEADER 12
#define SIZE 256 /* of rings */
#define BUFFERS 250 /* that a guest posts, and how long each is */
#define BUFFER 2048
#define LONGEST (65535 + 14)
#define ALL (BF_OFFLOAD_CSUM | BF_OFFLOAD_TSO | BF_OFFLOAD_ECN)
#define FIN_PSH 0x09

/* The guests, by slot. */
enum {
	BOND = BF_BOND_SLOT,
	SENDER,
	TAKES_ALL,
	TAKES_SUMS,
	TAKES_NOTHING,
	UNKNOWN, /* nobody's address */
	N_PLACES
};

/* A TCP frame: `segment` 0 asks for its checksum only. */
struct shape {
	bool v6, cwr;
	uint32_t payload;
	uint16_t segment;
	uint8_t to;
};

/* How a frame lies in descriptors. */
enum layout {
	ONE,
	CHAIN,
	TABLE,
	LAYOUTS
};

static struct rig *r;
static struct driver *tx, *rx[N_PLACES];
static uint32_t posted[N_PLACES]; /* buffers */
static struct bf_rxq rxq;
static uint8_t mac[N_PLACES][6];
static bool packed;
static uint8_t super[HEADER + LONGEST], got[HEADER + LONGEST + BUFFER], mine[HEADER + LONGEST];
static uint32_t super_len, got_len; /* without header */

/* ---- frames ---- */

static uint32_t
l4_at(bool v6)
{
	return v6 ? 54 : 34;
}

static uint32_t
headers_of(const struct shape *s)
{
	return l4_at(s->v6) + 20;
}

static uint32_t
n_segments(const struct shape *s)
{
	return (s->payload + s->segment - 1) / s->segment;
}

/* Ethernet and IP of a frame that is `len` long, from the sender. */
static void
make_ip(uint8_t *p, uint8_t to, bool v6, uint8_t proto, uint32_t len)
{
	uint8_t *ip = p + 14;

	memcpy(p, mac[to], 6);
	memcpy(p + 6, mac[SENDER], 6);
	put_16(p + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip[0] = 0x60;
		put_16(ip + 4, len - 54);
		ip[6] = proto;
		return;
	}
	ip[0] = 0x45;
	put_16(ip + 2, len - 14);
	put_16(ip + 6, 0x4000);
	ip[9] = proto;
	put_16(ip + 10, 0);
	put_16(ip + 10, 0xffff - naive(0, ip, 20));
}

/* A frame of TCP, behind the header that asks for what its shape says. */
static void
make_super(const struct shape *s, uint64_t *seed)
{
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_offset = 16};
	uint32_t at = l4_at(s->v6);
	uint8_t *p = super + HEADER;

	super_len = headers_of(s) + s->payload;
	memset(super, 0, HEADER);
	for (uint32_t i = 0; i < super_len; i++)
		p[i] = (uint8_t)draw(seed);
	make_ip(p, s->to, s->v6, 6, super_len);
	p[at + 12] = 0x50;
	p[at + 13] = 0x10 | FIN_PSH | (s->cwr ? 0x80 : 0);
	put_16(p + at + 16, naive_pseudo(p + 14, s->v6, 6, super_len - at));
	h.csum_start = (uint16_t)at;
	if (s->segment != 0) {
		h.hdr_len = (uint16_t)headers_of(s);
		h.gso_size = s->segment;
		h.gso_type = s->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		h.gso_type |= s->cwr ? VIRTIO_NET_HDR_GSO_ECN : 0;
	}
	memcpy(super, &h, sizeof(h));
}

/* A frame of UDP that asks for its checksum. */
static void
make_udp(uint8_t to, bool v6, uint32_t payload, uint64_t *seed)
{
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_offset = 6};
	uint32_t at = l4_at(v6);
	uint8_t *p = super + HEADER;

	super_len = at + 8 + payload;
	memset(super, 0, HEADER);
	for (uint32_t i = 0; i < super_len; i++)
		p[i] = (uint8_t)draw(seed);
	make_ip(p, to, v6, 17, super_len);
	put_16(p + at + 4, 8 + payload);
	put_16(p + at + 6, naive_pseudo(p + 14, v6, 17, 8 + payload));
	h.csum_start = (uint16_t)at;
	memcpy(super, &h, sizeof(h));
}

/* What the headers of segment `i` of `n` should be; the checksum 0. */
static void
expected_headers(const struct shape *s, uint32_t i, uint32_t n, uint32_t len, uint8_t *p)
{
	uint8_t *ip = p + 14, *tcp = p + l4_at(s->v6);

	memcpy(p, super + HEADER, headers_of(s));
	if (s->v6) {
		put_16(ip + 4, len - 54);
	} else {
		put_16(ip + 2, len - 14);
		put_16(ip + 4, get_16(ip + 4) + i);
		put_16(ip + 10, 0);
		put_16(ip + 10, 0xffff - naive(0, ip, 20));
	}
	add_32(tcp + 4, i * s->segment);
	if (i > 0)
		tcp[13] &= 0x7f;
	if (i + 1 < n)
		tcp[13] &= (uint8_t)~FIN_PSH;
	put_16(tcp + 16, 0);
}

static void
expect_segment(const struct shape *s, const uint8_t *p, uint32_t len, uint32_t i)
{
	uint32_t headers = headers_of(s), from = i * s->segment, n = n_segments(s);
	uint32_t at = l4_at(s->v6);
	uint8_t expected[80], is[80];

	assert_int_equal(len, headers + (i + 1 < n ? s->segment : s->payload - from));
	assert_memory_equal(p + headers, super + HEADER + headers + from, len - headers);
	assert_int_equal(naive(naive_pseudo(p + 14, s->v6, 6, len - at), p + at, len - at), 0xffff);
	memcpy(is, p, headers);
	put_16(is + at + 16, 0);
	expected_headers(s, i, n, len, expected);
	assert_memory_equal(is, expected, headers);
}

/* As it was sent, but for the checksum of TCP or UDP, which is whole. */
static void
expect_completed(const uint8_t *p, uint32_t len)
{
	bool v6 = super[HEADER + 12] == 0x86;
	uint8_t proto = super[HEADER + (v6 ? 20 : 23)];
	uint32_t at = l4_at(v6), sum_at = at + (proto == 17 ? 6 : 16);

	assert_int_equal(len, super_len);
	assert_memory_equal(p, super + HEADER, sum_at);
	assert_memory_equal(p + sum_at + 2, super + HEADER + sum_at + 2, len - sum_at - 2);
	assert_int_equal(
		naive(naive_pseudo(p + 14, v6, proto, len - at), p + at, len - at), 0xffff);
}

/* ---- the guests ---- */

static struct driver *
guest_ring(uint16_t slot, uint16_t ring, uint8_t offloads)
{
	struct driver *d = packed ? driver_new_packed(SIZE, true) : driver_new(SIZE, true);

	d->ring.offloads = offloads;
	d->ring.longest = BF_SUPERFRAME_MAX;
	d->access = ring & 1 ? 0 : VRING_DESC_F_WRITE;
	r->dp[slot].ring[ring] = d->ring;
	r->dp[slot].ring[ring].memory = &d->memory;
	return d;
}

/* Each buffer lies where the one a lap before lay. */
static void
refill(uint16_t slot)
{
	static const uint32_t len = BUFFER;

	for (unsigned int i = bf_ring_waiting(&r->dp[slot].ring[0]); i < BUFFERS; i++) {
		rx[slot]->next_gpa = DRIVER_GPA + posted[slot]++ % SIZE * BUFFER;
		driver_post(rx[slot], &len, 1);
	}
}

static void
learn_all(void)
{
	uint8_t buf[64];

	for (unsigned int g = 0; g < N_PLACES; g++)
		rig_mac(mac[g], g + 1u);
	for (unsigned int g = BOND; g <= TAKES_NOTHING; g++) {
		struct rte_mbuf *m = rig_frame(r, buf, rig_udp(buf, mac[g ^ 1], mac[g], 0), 0, 0);

		rig_burst(r, g, &m, 1);
	}
	rig_learn(r, r->fdb->now_s);
	rig_forget_sent(r);
	memset(r->w->counters, 0, sizeof(*r->w->counters));
}

static int
set_up(void **state)
{
	static const uint8_t takes[N_PLACES] = {[TAKES_ALL] = ALL, [TAKES_SUMS] = BF_OFFLOAD_CSUM};

	packed = *state != NULL;
	memset(posted, 0, sizeof(posted));
	r = rig_new(1, TAKES_NOTHING);
	learn_all();
	r->dp[SENDER].pool = r->pool;
	tx = guest_ring(SENDER, 1, ALL);
	for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++) {
		rx[g] = guest_ring(g, 0, takes[g]);
		r->dp[g].offloads = takes[g];
		refill(g);
	}
	rxq = (struct bf_rxq){.slot = SENDER, .ring = 1, .guest = &r->dp[SENDER]};
	r->view->workers[0] = (struct bf_worker_view){.polls = 1, .n_rxq = 1, .rxq = &rxq};
	bf_switch_refresh(r->w);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	driver_free(tx);
	for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++)
		driver_free(rx[g]);
	return rig_end(r);
}

static void
post(enum layout how)
{
	uint32_t len = HEADER + super_len, lens[24] = {HEADER}, n = 1;
	uint16_t head;

	while (n < RTE_DIM(lens)) {
		uint32_t done = HEADER + (n - 1) * 4096;

		if (done >= len)
			break;
		lens[n++] = RTE_MIN(4096u, len - done);
	}
	if (how == ONE)
		head = driver_post(tx, &len, 1);
	else if (how == CHAIN)
		head = driver_post(tx, lens, (uint16_t)n);
	else
		head = driver_post_indirect(tx, lens, (uint16_t)n);
	driver_bytes(tx, head, super, len, true);
}

/* The worker looks at the guest till there is nothing more. @return how often. */
static unsigned int
poll_all(void)
{
	unsigned int visits = 0;
	struct vring_used_elem e;

	while (bf_ring_waiting(&r->dp[SENDER].ring[1]) > 0) {
		assert_true(visits++ < 1000);
		bf_rx_guests(r->w, 0);
		bf_stage_flush(r->w);
	}
	assert_int_equal(r->dp[SENDER].ring[1].fault, BF_RING_FAULT_NONE);
	while (driver_used(tx, &e))
		;
	tx->next_gpa = DRIVER_GPA;
	return visits;
}

static void
send_one(enum layout how)
{
	post(how);
	poll_all();
}

/* The next frame that a guest has got, with its header, in got[]. @return false: there is none. */
static bool
next_got(uint16_t slot)
{
	struct vring_used_elem e;
	uint16_t n = 1;
	uint32_t at = 0;

	for (uint16_t k = 0; k < n; k++) {
		if (!driver_used(rx[slot], &e)) {
			assert_int_equal(k, 0);
			return false;
		}
		assert_true(at + e.len <= sizeof(got));
		driver_bytes(rx[slot], (uint16_t)e.id, got + at, e.len, false);
		at += e.len;
		if (k == 0)
			memcpy(&n, got + 10, 2);
	}
	got_len = at - HEADER;
	return true;
}

static void
expect_header(const uint8_t *expected)
{
	assert_memory_equal(got, expected, BF_FORM_HEADER);
}

static const uint8_t nothing[BF_FORM_HEADER];

/* A guest has got all segments, complete, and nothing else. */
static void
expect_segments_at(uint16_t slot, const struct shape *s)
{
	for (uint32_t i = 0; i < n_segments(s); i++) {
		assert_true(next_got(slot));
		expect_header(nothing);
		expect_segment(s, got + HEADER, got_len, i);
	}
	assert_false(next_got(slot));
}

/* The same on the wire. */
static void
expect_segments_on_wire(const struct shape *s)
{
	struct rte_mbuf *m = NULL;

	for (uint32_t i = 0; i < n_segments(s); i++) {
		assert_int_equal(rte_ring_dequeue(r->wire[0], (void **)&m), 0);
		assert_true(m->ol_flags == 0);
		expect_segment(
			s, rte_pktmbuf_read(m, 0, m->pkt_len, got), rte_pktmbuf_pkt_len(m), i);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_ring_count(r->wire[0]), 0);
}

static void
expect_nothing_anywhere(void)
{
	for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++)
		assert_false(next_got(g));
	assert_int_equal(rte_ring_count(r->wire[0]), 0);
}

static const struct bf_port_counters *
counters(uint16_t slot)
{
	return &r->w->counters->ports[slot];
}

/* ---- from guest to guest ---- */

static void
test_who_takes_all_gets_superframes_as_they_were_sent(void **state)
{
	static const uint32_t payloads[] = {1441, 3000, 20001, LONGEST - 74};
	uint64_t seed = 1, n = 0;

	(void)state;
	for (unsigned int x = 0; x < LAYOUTS * RTE_DIM(payloads) * 4; x++, n++) {
		struct shape s = {
			x & 1, x & 2, payloads[x / 4 % RTE_DIM(payloads)], 1440, TAKES_ALL};

		if (s.payload > 60000)
			s.payload = LONGEST - headers_of(&s);
		make_super(&s, &seed);
		send_one((enum layout)(x / 4 / RTE_DIM(payloads)));
		assert_true(next_got(TAKES_ALL));
		expect_header(super);
		assert_int_equal(got_len, super_len);
		assert_memory_equal(got + HEADER, super + HEADER, super_len);
		expect_nothing_anywhere();
		refill(TAKES_ALL);
	}
	assert_int_equal(counters(SENDER)->superframes_in, n);
	assert_int_equal(counters(TAKES_ALL)->superframes_out, n);
	assert_int_equal(counters(TAKES_ALL)->segments + counters(TAKES_ALL)->sums, 0);
}

static void
test_who_takes_checksums_gets_them_as_they_were_sent(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (unsigned int x = 0; x < 4 * LAYOUTS; x++) {
		struct shape s = {.v6 = x & 1, .cwr = true, .payload = 999, .to = TAKES_SUMS};

		if (x & 2)
			make_super(&s, &seed);
		else
			make_udp(TAKES_SUMS, x & 1, 999, &seed);
		send_one((enum layout)(x / 4));
		assert_true(next_got(TAKES_SUMS));
		expect_header(super);
		assert_int_equal(got_len, super_len);
		assert_memory_equal(got + HEADER, super + HEADER, super_len);
		expect_nothing_anywhere();
	}
	assert_int_equal(counters(TAKES_SUMS)->sums, 0);
}

static void
test_who_takes_less_gets_segments(void **state)
{
	static const uint32_t payloads[] = {1449, 3001, 20000, LONGEST - 74};
	uint64_t seed = 3;

	(void)state;
	for (unsigned int x = 0; x < LAYOUTS * RTE_DIM(payloads) * 4; x++) {
		uint8_t to = x & 1 ? TAKES_SUMS : TAKES_NOTHING;
		struct shape s = {x & 2, x & 1, payloads[x / 4 % RTE_DIM(payloads)], 1440, to};

		make_super(&s, &seed);
		send_one((enum layout)(x / 4 / RTE_DIM(payloads)));
		expect_segments_at(to, &s);
		expect_nothing_anywhere();
		refill(to);
		assert_true(rig_balanced(r));
	}
	assert_int_equal(counters(TAKES_SUMS)->superframes_out, 0);
	assert_true(counters(TAKES_SUMS)->segments > 0 && counters(TAKES_NOTHING)->segments > 0);
}

static void
test_who_takes_nothing_gets_right_checksums(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (unsigned int x = 0; x < 4 * LAYOUTS; x++) {
		struct shape s = {.v6 = x & 1, .payload = 1000 + x, .to = TAKES_NOTHING};

		if (x & 2)
			make_super(&s, &seed);
		else
			make_udp(TAKES_NOTHING, x & 1, 1000 + x, &seed);
		send_one((enum layout)(x / 4));
		assert_true(next_got(TAKES_NOTHING));
		expect_header(nothing);
		expect_completed(got + HEADER, got_len);
		expect_nothing_anywhere();
	}
	assert_int_equal(counters(TAKES_NOTHING)->sums, 4 * LAYOUTS);
}

/* Its segments are longer than the port takes: it is no use to cut it. */
static void
test_superframes_of_long_segments_are_dropped_whole(void **state)
{
	static const uint8_t to[] = {BOND, TAKES_ALL, TAKES_SUMS, TAKES_NOTHING};
	uint64_t seed = 5;

	(void)state;
	for (unsigned int x = 0; x < RTE_DIM(to); x++) {
		struct shape s = {.v6 = true, .payload = 30000, .segment = 1445, .to = to[x]};

		make_super(&s, &seed);
		send_one(CHAIN);
		expect_nothing_anywhere();
		assert_int_equal(rig_drops(r, to[x], BF_DROP_OVERSIZE), 1);
		assert_int_equal(counters(to[x])->segments, 0);
		s.segment = 1444; /* as long as may be */
		make_super(&s, &seed);
		send_one(CHAIN);
		assert_int_equal(rig_drops(r, to[x], BF_DROP_OVERSIZE), 1);
		if (to[x] == BOND)
			expect_segments_on_wire(&s);
		else if (to[x] == TAKES_ALL)
			assert_true(next_got(TAKES_ALL));
		else
			expect_segments_at(to[x], &s);
		expect_nothing_anywhere();
	}
}

static void
test_a_bond_gets_segments(void **state)
{
	uint64_t seed = 6;

	(void)state;
	for (unsigned int x = 0; x < 4 * LAYOUTS; x++) {
		struct shape s = {x & 1, x & 2, x < 4 ? 64000 : 5000 * x, 1448, BOND};
		struct rte_mbuf *m = NULL;

		s.segment = s.v6 ? 1440 : 1448;
		make_super(&s, &seed);
		send_one((enum layout)(x / 4));
		expect_segments_on_wire(&s);
		make_udp(BOND, x & 1, 100, &seed);
		send_one(ONE);
		assert_int_equal(rte_ring_dequeue(r->wire[0], (void **)&m), 0);
		expect_completed(rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len);
		rte_pktmbuf_free(m);
		expect_nothing_anywhere();
	}
	assert_int_equal(counters(BOND)->sums, 4 * LAYOUTS);
}

static void
test_a_card_is_not_asked_for_tiny_segments(void **state)
{
	struct shape s = {.payload = 3000, .segment = 255, .to = BOND};
	struct rte_mbuf *m = NULL;
	uint64_t seed = 25;

	(void)state;
	r->view->bonds[0].offloads[0] = r->view->bonds[0].offloads[1] = ALL;
	make_super(&s, &seed);
	send_one(CHAIN);
	expect_segments_on_wire(&s);
	s.segment = 256;
	make_super(&s, &seed);
	send_one(CHAIN);
	assert_int_equal(rte_ring_dequeue(r->wire[0], (void **)&m), 0);
	assert_true(bf_is_superframe(m) && m->tso_segsz == 256);
	rte_pktmbuf_free(m);
	assert_int_equal(counters(BOND)->superframes_out, 1);
}

static void
test_short_segments_are_padded_on_the_wire(void **state)
{
	static const uint8_t zeros[8];
	uint64_t seed = 23;

	(void)state;
	for (uint32_t last = 1; last < 8; last++) {
		struct shape s = {.payload = 1448 + last, .segment = 1448, .to = BOND};
		uint32_t len = headers_of(&s) + last;
		struct rte_mbuf *m[2];

		make_super(&s, &seed);
		send_one(ONE);
		assert_int_equal(rte_ring_dequeue_bulk(r->wire[0], (void **)m, 2, NULL), 2);
		assert_int_equal(m[1]->pkt_len, RTE_MAX(len, (uint32_t)BF_MIN_FRAME));
		expect_segment(&s, rte_pktmbuf_mtod(m[1], uint8_t *), len, 1);
		assert_memory_equal(
			rte_pktmbuf_mtod_offset(m[1], uint8_t *, len), zeros, m[1]->pkt_len - len);
		rte_pktmbuf_free_bulk(m, 2);
	}
}

/* A card gets what it can do; of IPv6 only what has no extension headers. */
static void
test_checksums_behind_extension_headers_are_not_left_to_a_card(void **state)
{
	static const uint8_t padding[8] = {17, 0, 1, 4}; /* RFC 8200 4.6: UDP follows */
	uint8_t *ip = super + HEADER + 14, *udp = ip + 48;
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_offset = 6};
	struct rte_mbuf *m = NULL;
	uint64_t seed = 24;

	(void)state;
	r->view->bonds[0].offloads[0] = r->view->bonds[0].offloads[1] = ALL;
	make_udp(BOND, true, 108, &seed);
	send_one(ONE);
	assert_int_equal(rte_ring_dequeue(r->wire[0], (void **)&m), 0);
	assert_true(m->ol_flags == (RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6));
	rte_pktmbuf_free(m);
	make_udp(BOND, true, 108, &seed);
	ip[6] = 60;
	memcpy(ip + 40, padding, sizeof(padding));
	put_16(udp + 4, 108);
	put_16(udp + 6, naive_pseudo(ip, true, 17, 108));
	h.csum_start = 14 + 48;
	memcpy(super, &h, sizeof(h));
	send_one(ONE);
	assert_int_equal(rte_ring_dequeue(r->wire[0], (void **)&m), 0);
	assert_true(m->ol_flags == 0);
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
	assert_int_equal(naive(naive_pseudo(ip, true, 17, 108), ip + 48, 108), 0xffff);
	rte_pktmbuf_free(m);
}

/* ---- flooding ---- */

static void
test_floods_are_cut_once_and_are_whole_everywhere(void **state)
{
	static const uint32_t payloads[] = {20000, 64000};
	uint64_t seed = 7, frames = 0, segments = 0;

	(void)state;
	for (unsigned int x = 0; x < 2 * RTE_DIM(payloads); x++) {
		struct shape s = {x & 1, true, payloads[x / 2], 1440, UNKNOWN};

		make_super(&s, &seed);
		send_one(CHAIN);
		frames += n_segments(&s);
		segments += n_segments(&s) - 1;
		for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++) {
			expect_segments_at(g, &s);
			refill(g);
		}
		expect_segments_on_wire(&s);
		expect_nothing_anywhere();
		assert_int_equal(counters(SENDER)->segments, segments);
		assert_int_equal(counters(SENDER)->flooded, frames);
		assert_int_equal(counters(SENDER)->copies, 3 * frames);
		assert_true(rig_balanced(r));
	}
}

/* Each segment would be copied to every guest. */
static void
test_a_superframe_of_many_segments_is_not_flooded(void **state)
{
	uint64_t seed = 9;

	(void)state;
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct shape s = {v6, true, 129 * 100, 100, UNKNOWN};

		make_super(&s, &seed);
		send_one(CHAIN);
		assert_int_equal(counters(SENDER)->drops[BF_DROP_FLOOD_SEGMENTS], v6 + 1);
		expect_nothing_anywhere();
		assert_true(rig_balanced(r));
		s.payload = 128 * 100;
		make_super(&s, &seed);
		send_one(CHAIN);
		for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++) {
			expect_segments_at(g, &s);
			refill(g);
		}
		expect_segments_on_wire(&s);
	}
}

static void
test_checksums_of_floods_are_completed_once(void **state)
{
	uint64_t seed = 8;
	struct rte_mbuf *m = NULL;

	(void)state;
	make_udp(UNKNOWN, false, 333, &seed);
	send_one(ONE);
	for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++) {
		assert_true(next_got(g));
		expect_header(nothing);
		expect_completed(got + HEADER, got_len);
	}
	assert_int_equal(rte_ring_dequeue(r->wire[0], (void **)&m), 0);
	expect_completed(rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len);
	rte_pktmbuf_free(m);
	expect_nothing_anywhere();
	assert_int_equal(counters(SENDER)->sums, 1);
}

/* A guest that is not known yet sends to the bond, and the switch there sends it back. */
static void
test_frames_that_come_back_are_known_though_they_were_completed_or_cut(void **state)
{
	uint64_t seed = 20, n = 0;

	(void)state;
	for (unsigned int x = 0; x < 6; x++) {
		struct shape s = {.v6 = x & 1, .payload = x < 2 ? 100 : 5000, .to = BOND};
		struct rte_mbuf *m[8];
		uint32_t count;
		uint16_t port;
		uint8_t *src = super + HEADER + 6;

		s.segment = x < 2 ? 0 : 1440;
		if (x < 4)
			make_super(&s, &seed);
		else
			make_udp(BOND, s.v6, 100, &seed);
		rig_mac(src, 50 + x);
		send_one(ONE);
		count = rte_ring_dequeue_burst(r->wire[0], (void **)m, RTE_DIM(m), NULL);
		assert_int_equal(count, x == 2 || x == 3 ? n_segments(&s) : 1);
		assert_int_equal(rte_ring_enqueue_bulk(r->wire[0], (void **)m, count, NULL), count);
		n += count;
		while (rig_poll_bond(r) > 0)
			;
		assert_int_equal(rig_drops(r, BOND, BF_DROP_REFLECTED), n);
		rig_learn(r, r->fdb->now_s);
		assert_non_null(bf_fdb_find(r->fdb, bf_fdb_key(0, src), &port));
		assert_int_equal(port, SENDER);
		expect_nothing_anywhere();
		assert_true(rig_balanced(r));
	}
}

/* ---- limits ---- */

/* Of a guest that is not known yet segments are made to be noted: with what memory there is. */
static void
test_an_unknown_guest_sends_a_superframe_without_memory_for_its_segments(void **state)
{
	static struct rte_mbuf *all[RIG_FRAMES];
	struct shape s = {.payload = 64000, .segment = 1448, .to = BOND};
	uint32_t pieces, take;
	uint64_t seed = 22;

	(void)state;
	for (uint32_t x = 0; x < 3; x++) {
		make_super(&s, &seed);
		pieces = (super_len + BUFFER - 1) / BUFFER;
		rig_mac(super + HEADER + 6, 70 + x);
		take = rte_mempool_avail_count(r->pool) - pieces - x;
		assert_int_equal(rte_pktmbuf_alloc_bulk(r->pool, all, take), 0);
		send_one(CHAIN);
		rte_pktmbuf_free_bulk(all, take);
		assert_int_equal(rig_drops(r, BOND, BF_DROP_NO_MEMORY), x + 1);
		assert_int_equal(rte_ring_count(r->wire[0]), x);
		rig_collect(r);
		assert_true(rig_balanced(r));
	}
}

/* So many frames are left in the pool when the superframe has been taken. */
static void
test_without_memory_what_is_left_of_a_superframe_is_dropped(void **state)
{
	static struct rte_mbuf *all[RIG_FRAMES];
	struct shape s = {.payload = 64000, .segment = 1448, .to = TAKES_SUMS};
	uint64_t seed = 9, segments = 0;

	(void)state;
	make_super(&s, &seed);
	for (uint16_t left = 0; left < 50; left++) {
		uint32_t pieces = (super_len + BUFFER - 1) / BUFFER, n = 0;
		uint32_t take = rte_mempool_avail_count(r->pool) - pieces - left;
		uint32_t fit = RTE_MIN((uint32_t)left, n_segments(&s));

		s.to = left & 1 ? TAKES_SUMS : TAKES_NOTHING;
		memcpy(super + HEADER, mac[s.to], 6);
		assert_int_equal(rte_pktmbuf_alloc_bulk(r->pool, all, take), 0);
		segments = counters(s.to)->segments;
		send_one(CHAIN);
		rte_pktmbuf_free_bulk(all, take);
		for (; next_got(s.to); n++)
			expect_segment(&s, got + HEADER, got_len, n);
		assert_int_equal(n, fit);
		assert_int_equal(
			counters(s.to)->segments - segments, fit < n_segments(&s) ? fit : fit - 1);
		assert_true(rig_balanced(r));
		refill(s.to);
	}
	assert_int_equal(rig_drops(r, TAKES_SUMS, BF_DROP_NO_MEMORY) +
			rig_drops(r, TAKES_NOTHING, BF_DROP_NO_MEMORY),
		n_segments(&s));
}

/* There is not even memory to take it: it waits, and nothing is lost. */
static void
test_a_superframe_waits_for_memory_to_be_taken(void **state)
{
	static struct rte_mbuf *all[RIG_FRAMES];
	struct shape s = {.payload = 64000, .segment = 1448, .to = TAKES_ALL};
	uint32_t take = rte_mempool_avail_count(r->pool) - 20;
	uint64_t seed = 10;

	(void)state;
	make_super(&s, &seed);
	assert_int_equal(rte_pktmbuf_alloc_bulk(r->pool, all, take), 0);
	post(TABLE);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(bf_rx_guests(r->w, 0), 0);
	assert_int_equal(counters(SENDER)->rx_frames, 0);
	rte_pktmbuf_free_bulk(all, take);
	poll_all();
	assert_true(next_got(TAKES_ALL));
	assert_memory_equal(got + HEADER, super + HEADER, super_len);
	expect_nothing_anywhere();
}

static void
test_bad_headers_are_counted_and_the_ring_goes_on(void **state)
{
	struct shape s = {.payload = 3000, .segment = 1448, .to = TAKES_ALL};
	uint64_t seed = 11;

	(void)state;
	for (unsigned int x = 0; x < 3 * LAYOUTS; x++) {
		uint64_t bad = rig_drops(r, SENDER, BF_DROP_BAD_OFFLOAD);

		s.payload = x % 2 == 0 ? 3000 : 1600;
		for (unsigned int i = 0; i < 7; i++) {
			make_super(&s, &seed);
			if (i % 2 == 0) /* csum_start, gso_type, or gso_size */
				memset(super +
						(x % 3 == 0                  ? 6
								: x % 3 == 1 ? 1
									     : 4),
					x % 3 == 2 ? 0 : 0x77, 2);
			post((enum layout)(x / 3));
		}
		poll_all();
		assert_int_equal(rig_drops(r, SENDER, BF_DROP_BAD_OFFLOAD) - bad, 4);
		for (unsigned int i = 0; i < 3; i++)
			assert_true(next_got(TAKES_ALL));
		expect_nothing_anywhere();
		assert_true(rig_balanced(r));
		refill(TAKES_ALL);
	}
	assert_int_equal(rig_drops(r, SENDER, BF_DROP_GUEST_BUFFER), 0);
	assert_int_equal(counters(SENDER)->rx_frames, 3 * LAYOUTS * 7);
}

/* Headers of a guest that negotiated nothing say nothing. */
static void
test_headers_that_were_not_negotiated_are_not_read(void **state)
{
	struct shape s = {.payload = 1000, .segment = 100, .to = TAKES_ALL};
	uint64_t seed = 12;

	(void)state;
	r->dp[SENDER].ring[1].offloads = 0;
	for (unsigned int x = 0; x < LAYOUTS; x++) {
		make_super(&s, &seed);
		send_one((enum layout)x);
		assert_true(next_got(TAKES_ALL));
		expect_header(nothing);
		assert_memory_equal(got + HEADER, super + HEADER, super_len);
	}
	expect_nothing_anywhere();
}

/* What one visit takes of frames like this one, of which six wait. */
static uint64_t
taken_in_one_visit(enum layout how)
{
	uint64_t before = counters(SENDER)->rx_frames, taken;

	for (unsigned int i = 0; i < 6; i++)
		post(how);
	bf_rx_guests(r->w, 0);
	bf_stage_flush(r->w);
	taken = counters(SENDER)->rx_frames - before;
	poll_all();
	assert_int_equal(counters(SENDER)->rx_frames - before, 6);
	for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++) {
		while (next_got(g))
			;
		refill(g);
	}
	return taken;
}

static void
test_a_visit_takes_few_superframes(void **state)
{
	uint64_t seed = 13;

	(void)state;
	for (unsigned int x = 0; x < LAYOUTS; x++) {
		struct shape s = {.payload = 64000, .segment = 1448, .to = TAKES_NOTHING};

		make_super(&s, &seed);
		assert_in_range(taken_in_one_visit((enum layout)x), 1, 2);
		s.segment = 48;
		make_super(&s, &seed);
		assert_int_equal(taken_in_one_visit((enum layout)x), 1);
		s.segment = 1448;
		make_super(&s, &seed);
		super[1] = 0x77; /* refused, when it has been copied */
		assert_in_range(taken_in_one_visit((enum layout)x), 1, 3);
		s.payload = 1399; /* short, and as many segments */
		s.segment = 1;
		make_super(&s, &seed);
		assert_int_equal(taken_in_one_visit((enum layout)x), 1);
		s.payload = 1000;
		s.segment = 0;
		make_super(&s, &seed);
		assert_int_equal(taken_in_one_visit((enum layout)x), 6);
	}
}

/* ---- coalescing ---- */

/* The segments of a superframe, on the wire to somebody; the frames themselves in mine[]. */
static void
wire_segments(const struct shape *s)
{
	for (uint32_t i = 0; i < n_segments(s); i++) {
		uint32_t headers = headers_of(s), from = i * s->segment, at = l4_at(s->v6);
		uint32_t part = RTE_MIN((uint32_t)s->segment, s->payload - from);
		uint32_t len = headers + part;

		expected_headers(s, i, n_segments(s), len, mine);
		memcpy(mine + headers, super + HEADER + headers + from, part);
		put_16(mine + at + 16,
			0xffff -
				naive(naive_pseudo(mine + 14, s->v6, 6, len - at), mine + at,
					len - at));
		rig_wire(r, 0, mine, len, 1);
	}
	while (rig_poll_bond(r) > 0)
		;
}

/* From the bond: the source is behind it. */
static void
make_wired(const struct shape *s, uint64_t *seed)
{
	make_super(s, seed);
	memcpy(super + HEADER + 6, mac[BOND], 6);
	super[HEADER + l4_at(s->v6) + 13] = 0x18;
}

static void
test_a_flow_from_the_wire_becomes_a_superframe_for_who_takes_it(void **state)
{
	uint64_t seed = 14, n = 0, coalesced = 0;

	(void)state;
	for (unsigned int x = 0; x < 40; x++, n++) {
		struct shape s = {
			.v6 = x & 1, .segment = (uint16_t)(100 + 30 * x), .to = TAKES_ALL};

		s.payload = s.segment * (1 + x % 31) + 1;
		make_wired(&s, &seed);
		wire_segments(&s);
		assert_true(next_got(TAKES_ALL));
		expect_header(super);
		assert_int_equal(got_len, super_len);
		assert_memory_equal(got + HEADER, super + HEADER, super_len);
		expect_nothing_anywhere();
		refill(TAKES_ALL);
		coalesced += n_segments(&s) - 1;
	}
	assert_int_equal(counters(TAKES_ALL)->superframes_out, n);
	assert_int_equal(counters(TAKES_ALL)->coalesced, coalesced);
}

static void
test_others_get_the_frames_of_the_wire_unchanged(void **state)
{
	uint64_t seed = 15;

	(void)state;
	for (unsigned int x = 0; x < 8; x++) {
		struct shape s = {.v6 = x & 1, .payload = 20000, .segment = 1440};

		s.to = x & 2 ? TAKES_SUMS : TAKES_NOTHING;
		make_wired(&s, &seed);
		wire_segments(&s);
		expect_segments_at(s.to, &s);
		expect_nothing_anywhere();
		refill(s.to);
	}
	for (unsigned int g = TAKES_SUMS; g <= TAKES_NOTHING; g++)
		assert_int_equal(counters(g)->coalesced + counters(g)->sums, 0);
}

/* IPv4 for a guest that takes superframes of IPv6 alone. */
static void
test_families_that_are_not_taken_are_not_coalesced(void **state)
{
	struct shape s = {.payload = 20000, .segment = 1440, .to = TAKES_ALL};
	uint64_t seed = 16;

	(void)state;
	r->dp[TAKES_ALL].offloads = BF_OFFLOAD_CSUM | BF_OFFLOAD_TSO6;
	r->dp[TAKES_ALL].ring[0].offloads = BF_OFFLOAD_CSUM | BF_OFFLOAD_TSO6;
	make_wired(&s, &seed);
	wire_segments(&s);
	expect_segments_at(TAKES_ALL, &s);
	make_super(&s, &seed); /* and a guest's are cut */
	send_one(CHAIN);
	expect_segments_at(TAKES_ALL, &s);
	expect_nothing_anywhere();
}

/* ---- a receiver that changes its mind ---- */

/* Does a ring that takes this much take such a header? */
static bool
may_be_told(const struct virtio_net_hdr *h, uint32_t takes)
{
	uint32_t needs = h->flags != 0 ? BF_OFFLOAD_CSUM : 0;

	if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN)
		needs |= BF_OFFLOAD_ECN;
	if ((h->gso_type & 0x7f) == VIRTIO_NET_HDR_GSO_TCPV4)
		needs |= BF_OFFLOAD_TSO4;
	if ((h->gso_type & 0x7f) == VIRTIO_NET_HDR_GSO_TCPV6)
		needs |= BF_OFFLOAD_TSO6;
	return (needs & ~takes) == 0;
}

static void
test_nothing_is_put_that_the_ring_does_not_take(void **state)
{
	struct bf_guest_dp *dp = &r->dp[TAKES_ALL];
	uint64_t seed = 17;

	(void)state;
	for (uint32_t x = 0; x < 16 * 5 * 2; x++) {
		struct shape s = {x & 1, x & 2, 5000, 1440, TAKES_ALL};
		uint64_t down = rig_drops(r, TAKES_ALL, BF_DROP_GUEST_DOWN);
		uint32_t n = 0;

		dp->ring[0].offloads = x / 2 % 16;
		s.cwr = x / 32 == 1;
		s.segment = x / 32 == 2 ? 0 : 1440;
		s.payload = x / 32 == 2 ? 1000 : 5000;
		if (x / 32 < 3) {
			make_super(&s, &seed);
			send_one(CHAIN);
		} else if (x / 32 == 3) {
			make_wired(&s, &seed);
			wire_segments(&s);
		} else {
			make_udp(TAKES_ALL, s.v6, 500, &seed);
			send_one(ONE);
		}
		for (; next_got(TAKES_ALL); n++) {
			struct virtio_net_hdr h;

			memcpy(&h, got, sizeof(h));
			assert_true(may_be_told(&h, dp->ring[0].offloads));
			assert_memory_equal(got, super, BF_FORM_HEADER);
		}
		/* One or the other. */
		assert_int_equal(n + rig_drops(r, TAKES_ALL, BF_DROP_GUEST_DOWN) - down, 1);
		assert_true(n == 1 ||
			!may_be_told((struct virtio_net_hdr *)(void *)super, dp->ring[0].offloads));
		assert_true(rig_balanced(r));
		refill(TAKES_ALL);
	}
}

/* Frames before one that is not taken any more are put, and those behind it are not: the order stays. */
static void
test_frames_in_front_of_one_that_is_not_taken_are_put(void **state)
{
	uint64_t seed = 18;

	(void)state;
	r->dp[TAKES_ALL].ring[0].offloads = BF_OFFLOAD_CSUM;
	for (unsigned int i = 0; i < 5; i++) {
		struct shape s = {.payload = 1600, .segment = i == 2 ? 1000 : 0, .to = TAKES_ALL};

		s.payload = i == 2 ? 1600 : 100 + i;
		make_super(&s, &seed);
		post(ONE);
	}
	poll_all();
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(next_got(TAKES_ALL));
		assert_int_equal(got_len, 54 + 100 + i);
	}
	expect_nothing_anywhere();
	assert_int_equal(rig_drops(r, TAKES_ALL, BF_DROP_GUEST_DOWN), 3);
}

/* ---- all of it by chance ---- */

static void
post_by_chance(uint64_t *seed)
{
	static const uint16_t segments[] = {0, 48, 300, 1440, 1460, 9000};
	struct shape s = {.v6 = draw_below(seed, 2), .cwr = draw_below(seed, 2)};
	uint8_t *header = super;

	s.segment = segments[draw_below(seed, RTE_DIM(segments))];
	s.payload = s.segment == 0 ? draw_below(seed, 1400) : 1 + draw_below(seed, 20000);
	s.to = (uint8_t)draw_below(seed, N_PLACES);
	if (s.to == SENDER)
		s.to = UNKNOWN;
	if (draw_below(seed, 4) > 0)
		make_super(&s, seed);
	else
		make_udp(s.to, s.v6, draw_below(seed, 3000), seed);
	if (draw_below(seed, 8) == 0)
		header[draw_below(seed, HEADER)] = (uint8_t)draw(seed);
	if (draw_below(seed, 8) == 0)
		memset(super, 0, HEADER);
	post((enum layout)draw_below(seed, LAYOUTS));
}

static void
test_by_chance_the_ledger_is_balanced_and_nobody_is_told_too_much(void **state)
{
	uint64_t seed = 19;

	(void)state;
	for (unsigned int round = 0; round < 400; round++) {
		struct rte_mbuf *m = NULL;

		for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++) {
			r->dp[g].offloads = draw_below(&seed, 16);
			r->dp[g].ring[0].offloads = (uint8_t)r->dp[g].offloads;
			if (draw_below(&seed, 8) == 0)
				r->dp[g].ring[0].offloads = (uint8_t)draw_below(&seed, 16);
		}
		r->dp[SENDER].ring[1].offloads = (uint8_t)draw_below(&seed, 16);
		for (unsigned int i = 1 + draw_below(&seed, 8); i > 0; i--)
			post_by_chance(&seed);
		poll_all();
		for (unsigned int g = TAKES_ALL; g <= TAKES_NOTHING; g++) {
			while (next_got(g))
				assert_true(may_be_told((struct virtio_net_hdr *)(void *)got,
					r->dp[g].ring[0].offloads));
			assert_int_equal(r->dp[g].ring[0].fault, BF_RING_FAULT_NONE);
			refill(g);
		}
		while (rte_ring_dequeue(r->wire[0], (void **)&m) == 0) {
			assert_true(m->pkt_len <= 1518 && !bf_is_partial(m));
			rte_pktmbuf_free(m);
		}
		assert_true(rig_balanced(r));
		assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
	}
}

int
main(void)
{
	static int is_packed;
#define T(name) \
	{#name ", split", name, set_up, tear_down, NULL}, \
	{ \
#name ", packed", name, set_up, tear_down, &is_packed \
	}
	const struct CMUnitTest tests[] = {
		T(test_who_takes_all_gets_superframes_as_they_were_sent),
		T(test_who_takes_checksums_gets_them_as_they_were_sent),
		T(test_who_takes_less_gets_segments),
		T(test_who_takes_nothing_gets_right_checksums),
		T(test_superframes_of_long_segments_are_dropped_whole),
		T(test_a_bond_gets_segments),
		T(test_checksums_behind_extension_headers_are_not_left_to_a_card),
		T(test_a_card_is_not_asked_for_tiny_segments),
		T(test_short_segments_are_padded_on_the_wire),
		T(test_floods_are_cut_once_and_are_whole_everywhere),
		T(test_a_superframe_of_many_segments_is_not_flooded),
		T(test_checksums_of_floods_are_completed_once),
		T(test_frames_that_come_back_are_known_though_they_were_completed_or_cut),
		T(test_an_unknown_guest_sends_a_superframe_without_memory_for_its_segments),
		T(test_without_memory_what_is_left_of_a_superframe_is_dropped),
		T(test_a_superframe_waits_for_memory_to_be_taken),
		T(test_bad_headers_are_counted_and_the_ring_goes_on),
		T(test_headers_that_were_not_negotiated_are_not_read),
		T(test_a_visit_takes_few_superframes),
		T(test_a_flow_from_the_wire_becomes_a_superframe_for_who_takes_it),
		T(test_others_get_the_frames_of_the_wire_unchanged),
		T(test_families_that_are_not_taken_are_not_coalesced),
		T(test_nothing_is_put_that_the_ring_does_not_take),
		T(test_frames_in_front_of_one_that_is_not_taken_are_put),
		T(test_by_chance_the_ledger_is_balanced_and_nobody_is_told_too_much),
	};
#undef T

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
