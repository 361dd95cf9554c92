/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cycles per frame of the flow hash, by policy and kind of frame; bursts of 32 in the cache.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/flow.h"
#include "rig.h"

#define BURSTS 4096
#define ROUNDS 7

static uint32_t sink;

static void
run(const char *kind, struct rte_mbuf **pkts, enum bf_policy policy)
{
	static const char *const names[BF_POLICY_COUNT] = {
		"l2", "l23", "l34", "vlan+srcmac", "encap23", "encap34"};
	uint64_t best = UINT64_MAX;
	uint32_t hash[BF_BURST];

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = rte_rdtsc(), t;

		for (int i = 0; i < BURSTS; i++) {
			bf_flow_hash_burst(pkts, BF_BURST, policy, (uint64_t)i, hash);
			sink += hash[i % BF_BURST];
		}
		t = rte_rdtsc() - start;
		best = RTE_MIN(best, t);
	}
	printf("{\"bench\":\"flow\",\"policy\":\"%s\",\"frame\":\"%s\",\"cycles\":%.1f,"
	       "\"ns\":%.2f}\n",
		names[policy], kind, (double)best / BURSTS / BF_BURST,
		(double)best / BURSTS / BF_BURST * 1e9 / (double)rte_get_tsc_hz());
}

static uint32_t
vxlan(uint8_t *buf, const uint8_t a[6], const uint8_t b[6], uint32_t flow)
{
	uint8_t inner[64];
	uint32_t len = rig_udp(inner, a, b, flow);

	rig_udp(buf, b, a, 7);
	buf[36] = 4789 >> 8;
	buf[37] = 4789 & 255;
	memset(buf + 42, 0, 8);
	memcpy(buf + 50, inner, len);
	return 50 + len;
}

int
main(void)
{
	struct rte_mbuf *plain[BF_BURST], *tagged[BF_BURST], *tunnel[BF_BURST];
	uint8_t buf[256], a[6], b[6];
	struct rig *r = rig_new(0, 0);

	rig_mac(a, 1);
	rig_mac(b, 2);
	for (uint32_t i = 0; i < BF_BURST; i++) {
		plain[i] = rig_frame(r, buf, rig_udp(buf, a, b, i), i, 0);
		tagged[i] = rig_frame(r, buf, rig_tag(buf, rig_udp(buf, a, b, i), 0x8100, 5), i, 0);
		tunnel[i] = rig_frame(r, buf, vxlan(buf, a, b, i), i, 0);
	}
	for (unsigned int p = 0; p < BF_POLICY_COUNT; p++) {
		run("udp4", plain, (enum bf_policy)p);
		run("vlan_udp4", tagged, (enum bf_policy)p);
		run("vxlan", tunnel, (enum bf_policy)p);
	}
	rte_pktmbuf_free_bulk(plain, BF_BURST);
	rte_pktmbuf_free_bulk(tagged, BF_BURST);
	rte_pktmbuf_free_bulk(tunnel, BF_BURST);
	(void)rig_free(r);
	rig_eal_end();
	return sink == 0;
}
