/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which IP addresses a guest's stations use: read in passing from the ARP and neighbour discovery
 * frames that are flooded anyway, so that a failover can be announced with them.
 *
 * Threads: worker.
 */
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_hash_crc.h>

#include "dataplane/frame.h"
#include "dataplane/mailbox.h"

#define REPEAT_MS 1000
#define ET_IPV6 RTE_BE16(0x86dd)
#define ARP_LEN 28
#define IPV6_LEN 40
#define ND_LEN 24 /* neighbour solicitation or advertisement up to its target address */

enum {
	PROTO_ICMPV6 = 58,
	ND_SOLICIT = 135,
	ND_ADVERT = 136
};

void
bf_worker_post(struct bf_worker *w, struct bf_mail *mail, uint64_t mark, uint32_t repeat_ms)
{
	uint32_t i = rte_hash_crc_8byte(mark, mail->kind) % BF_RECENT;
	uint64_t now = rte_rdtsc();

	if (w->recent_key[i] == mark && now - w->recent_tsc[i] < w->tsc_hz / 1000 * repeat_ms)
		return;
	if (!bf_mailbox_post(w->learn, mail)) {
		w->counters->pmd.learn_lost++;
		return;
	}
	w->recent_key[i] = mark;
	w->recent_tsc[i] = now;
	w->counters->pmd.learn_posted++;
}

static void
post(struct bf_worker *w, uint16_t in, const struct bf_frame *f, enum bf_mail_kind kind,
	const uint8_t *addr)
{
	struct bf_mail mail = {.key = f->src, .port = in, .kind = (uint8_t)kind};
	uint64_t lo = 0, hi = 0;

	memcpy(mail.addr, addr, kind == BF_MAIL_IPV4 ? 4 : 16);
	memcpy(&lo, mail.addr, 8);
	memcpy(&hi, mail.addr + 8, 8);
	bf_worker_post(w, &mail, f->src ^ lo * 31 ^ hi * 17 ^ 1, REPEAT_MS);
}

/* An ARP packet that speaks for the station that sent it. */
static void
snoop_arp(
	struct bf_worker *w, uint16_t in, const struct bf_frame *f, const uint8_t *p, uint32_t len)
{
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4 */
	uint64_t sender = 0;
	uint32_t ip;

	if (len < ARP_LEN || memcmp(p, head, sizeof(head)) != 0)
		return;
	memcpy(&sender, p + 8, 6);
	memcpy(&ip, p + 14, 4);
	if (rte_le_to_cpu_64(sender) == (f->src & BF_FDB_MAC_MASK) && ip != 0)
		post(w, in, f, BF_MAIL_IPV4, p + 14);
}

static void
snoop_nd(struct bf_worker *w, uint16_t in, const struct bf_frame *f, const uint8_t *p, uint32_t len)
{
	static const uint8_t any[16];
	const uint8_t *addr;

	if (len < IPV6_LEN + ND_LEN || p[6] != PROTO_ICMPV6)
		return;
	if (p[IPV6_LEN] == ND_SOLICIT)
		addr = p + 8; /* whoever asks has this address */
	else if (p[IPV6_LEN] == ND_ADVERT)
		addr = p + IPV6_LEN + 8; /* whoever answers has the target's */
	else
		return;
	if (memcmp(addr, any, sizeof(any)) != 0 && addr[0] != 0xff)
		post(w, in, f, BF_MAIL_IPV6, addr);
}

void
bf_snoop(struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		uint32_t len = pkts[i]->data_len, at = 12;
		struct bf_frame f;
		uint16_t type;

		bf_frame_load(p, &f);
		for (type = f.type; bf_frame_is_tag(type) && at + 8 <= len; at += 4)
			memcpy(&type, p + at + 4, 2);
		if (bf_frame_is_special(pkts[i], f.type) &&
			bf_frame_special(pkts[i], &f) != BF_DROP_COUNT)
			continue;
		at += 2;
		if (type == BF_ET_ARP)
			snoop_arp(w, in, &f, p + at, len - at);
		else if (type == ET_IPV6)
			snoop_nd(w, in, &f, p + at, len - at);
	}
}
