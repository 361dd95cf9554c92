/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: bytes as a frame, through the parse and through the flow key of every policy, which
 * must be the slow model's; as a packet that is too big; and as what a guest's guards read.  The input lies
 * in a buffer of exactly its size.
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/dhcp.h"
#include "dataplane/frame.h"
#include "dataplane/guard.h"
#include "dataplane/inside.h"
#include "dataplane/ip_guard.h"
#include "dataplane/too_big.h"
#include "flow_model.h"
#include "replay.h"

#define CHECK(cond) \
	do { \
		if (!(cond)) \
			abort(); \
	} while (0)

static void
parse(struct rte_mbuf *m)
{
	enum bf_drop why = BF_DROP_COUNT;
	struct bf_frame f = {0, 0, 0};

	if (m->data_len >= 14)
		bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), &f);
	if (bf_frame_is_special(m, f.type))
		why = bf_frame_special(m, &f);
	CHECK(why == BF_DROP_COUNT || why == BF_DROP_RUNT || why == BF_DROP_SLOW_PROTOCOL);
	CHECK(m->data_len >= 14 || why == BF_DROP_RUNT);
	CHECK(f.type != BF_ET_SLOW || why == BF_DROP_SLOW_PROTOCOL);
	CHECK(f.src >> 48 == f.dst >> 48 && (f.src & ~BF_FDB_SERVICE) >> 48 < 4096);
}

static void
flow(struct rte_mbuf *m, enum bf_policy policy)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct flow_model want;
	struct bf_flow_key k;
	uint32_t hash;

	bf_flow_key(data, m->data_len, policy, &k);
	bf_flow_hash_burst(&m, 1, policy, 1, &hash);
	CHECK(hash == bf_flow_hash_key(&k, 1));
	flow_model_read(data, m->data_len, policy, &want);
	CHECK(flow_model_agrees(&want, &k));
}

/* The message for a sender fits, and is no answer to itself. */
static void
too_big(const struct rte_mbuf *m)
{
	static uint8_t answer[BF_TOO_BIG_MAX], again[BF_TOO_BIG_MAX];
	struct rte_mbuf of = {.nb_segs = 1};
	uint32_t len = bf_too_big_make(m, 1500, 1522, answer);

	CHECK(len <= BF_TOO_BIG_MAX);
	of.buf_addr = answer;
	of.data_len = (uint16_t)len;
	of.pkt_len = len;
	CHECK(len == 0 || bf_too_big_make(&of, 1500, 1522, again) == 0);
}

/* The address of the frame is the guest's, or it has none that could be. */
static void
ip_guard(const struct rte_mbuf *m, const struct bf_inside *in)
{
	static const struct bf_guard nobody;
	static struct bf_guard_ips ips = {.n4 = 1, .n6 = 1}; /* the whole of both families */
	static const struct bf_guard_ips none;
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (m->data_len < 14)
		return;
	CHECK((p[0] & 1) == 0 || bf_ip_guard_to(&nobody, &none, m) == BF_DROP_COUNT);
	CHECK(bf_ip_guard_to(&nobody, &ips, m) == BF_DROP_COUNT);
	CHECK(bf_ip_guard_from(&nobody, &none, m, in) == BF_DROP_COUNT || in->type == BF_ET_IPV4 ||
		in->type == BF_ET_IPV6 || in->type == BF_ET_ARP);
	if (bf_guard_is_plain(m) && bf_ip_guard_is_own(&ips, m))
		CHECK(bf_ip_guard_from(&nobody, &ips, m, in) == BF_DROP_COUNT);
}

/* A server gives no more than there is room for, and prefixes that are zero behind their length. */
static void
dhcp(const struct bf_inside *in)
{
	static const uint8_t none[16];
	struct bf_dhcp_answer a;

	if (!bf_dhcp_read(in, &a))
		return;
	CHECK(bf_dhcp_is_of_server(in) && a.n > 0 && a.n <= BF_DHCP_GIVEN);
	for (uint32_t i = 0; i < a.n; i++) {
		uint32_t bytes = (a.at[i].len + 7u) / 8;

		CHECK(a.at[i].len > 0 && a.at[i].len <= (a.at[i].v6 ? 128 : 32));
		CHECK(memcmp(a.at[i].addr + bytes, none, 16 - bytes) == 0);
	}
}

/* What a guard is told lies in the frame; what it need not read, it would not refuse. */
static void
guard(const struct rte_mbuf *m)
{
	const uint8_t *end = rte_pktmbuf_mtod(m, const uint8_t *) + m->data_len;
	struct bf_inside in;
	enum bf_drop why;

	bf_inside_read(m, &in);
	why = bf_guard_judge(BF_GUARD_READS, &in);
	CHECK(in.type == 0 || in.payload + in.len == end);
	CHECK(in.upper == NULL || (in.upper >= in.payload && in.upper + in.upper_len == end));
	CHECK(in.hidden == (why == BF_DROP_HIDDEN_HEADER));
	CHECK(m->data_len < 14 || why == BF_DROP_COUNT || !bf_guard_is_plain(m));
	ip_guard(m, &in);
	dhcp(&in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rte_mbuf m;

	if (size > 9300)
		return 0;
	memset(&m, 0, sizeof(m));
	m.buf_addr = (void *)(uintptr_t)data;
	m.data_len = (uint16_t)size;
	m.pkt_len = (uint32_t)size;
	m.nb_segs = 1;
	parse(&m);
	too_big(&m);
	guard(&m);
	for (unsigned int p = 0; p < BF_POLICY_COUNT; p++)
		flow(&m, (enum bf_policy)p);
	return 0;
}
