/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See checksum.h.
 *
 * Threads: worker (pure functions).
 */
#include "dataplane/checksum.h"

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/offload.h"
#include "dataplane/packet.h"

static inline uint16_t
sum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

/* Words of 32 bits into a sum of 64: none of its carries is lost before 16 GiB.  The compiler makes vectors. */
static uint64_t
sum_bytes(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;
	uint32_t word, done = 0;
	uint16_t half;

	for (; done + 32 <= len; done += 32) {
		uint32_t eight[8];

		memcpy(eight, p + done, sizeof(eight));
		for (unsigned int i = 0; i < 8; i++)
			sum += eight[i];
	}
	for (; done + 4 <= len; done += 4) {
		memcpy(&word, p + done, sizeof(word));
		sum += word;
	}
	if (len - done >= 2) {
		memcpy(&half, p + done, sizeof(half));
		sum += half;
		done += 2;
	}
	if (done < len)
		sum += rte_cpu_to_le_16(p[done]);
	return sum;
}

uint16_t
bf_sum(const struct rte_mbuf *m, uint32_t from, uint32_t len)
{
	uint16_t sum = 0;
	bool odd = false;

	for (; m != NULL && len > 0; m = m->next) {
		uint32_t part;
		uint16_t its;

		if (from >= m->data_len) {
			from -= m->data_len;
			continue;
		}
		part = RTE_MIN(len, m->data_len - from);
		its = sum_fold(sum_bytes(rte_pktmbuf_mtod_offset(m, const uint8_t *, from), part));
		sum = bf_sum_add(sum, odd ? rte_bswap16(its) : its);
		odd ^= part & 1;
		len -= part;
		from = 0;
	}
	return sum;
}

uint16_t
bf_sum_of(const uint8_t *p, uint32_t len)
{
	return sum_fold(sum_bytes(p, len));
}

uint16_t
bf_sum_pseudo(const uint8_t *ip, bool v6, uint8_t proto, uint32_t len)
{
	uint64_t sum = v6 ? sum_bytes(ip + 8, 32) : sum_bytes(ip + 12, 8);

	return sum_fold(sum + rte_cpu_to_be_16(proto) + rte_cpu_to_be_32(len));
}

void
bf_checksum_ip(uint8_t *ip)
{
	uint16_t sum;

	memset(ip + 10, 0, 2);
	sum = (uint16_t)~bf_sum_of(ip, (ip[0] & 15) * 4u);
	memcpy(ip + 10, &sum, 2);
}

void
bf_checksum_put(struct rte_mbuf *m, uint32_t start, uint32_t offset, bool udp)
{
	uint16_t sum = (uint16_t)~bf_sum(m, start, m->pkt_len - start);

	if (udp && sum == 0)
		sum = 0xffff;
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, start + offset), &sum, 2);
}

void
bf_checksum_complete(struct rte_mbuf *m)
{
	bool udp = (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;

	bf_checksum_put(m, (uint32_t)m->l2_len + m->l3_len,
		udp ? BF_UDP_CHECKSUM_AT : BF_TCP_CHECKSUM_AT, udp);
	bf_offload_clear(m);
}

bool
bf_checksum_is_good(const struct rte_mbuf *m, const uint8_t *ip, bool v6, uint32_t l4, uint32_t len)
{
	return bf_sum_add(bf_sum(m, l4, len), bf_sum_pseudo(ip, v6, BF_PROTO_TCP, len)) == 0xffff;
}
