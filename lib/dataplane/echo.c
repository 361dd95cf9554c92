/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Digests of frames that may come back.
 *
 * Threads: worker; control notes its announcements.
 */
#include "dataplane/echo.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ether.h>

#include "dataplane/fold.h"
#include "dataplane/frame.h"

#define HEAD 64 /* bytes of a frame that count, beside its length */
#define WIRE_MIN 60 /* what is shorter is padded with zeros on its way */
#define TIME_BITS 24
#define TIME_SHIFT 20 /* about half a millisecond */
#define TIME_MASK ((1ULL << TIME_BITS) - 1)

/* Copies of a fixed length are loads; one of any length is a call. */
static inline void
read_head(const struct rte_mbuf *m, uint64_t word[HEAD / 8])
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t n = m->data_len;

	word[HEAD / 8 - 1] = 0;
	if (likely(n >= HEAD)) {
		memcpy(word, p, HEAD);
	} else if (likely(n == WIRE_MIN)) {
		memcpy(word, p, WIRE_MIN);
	} else {
		memset(word, 0, HEAD);
		memcpy(word, p, n);
	}
}

/* The ethertype among bytes 8 to 15 of a frame, as it stands there. */
static inline uint16_t
tag_type(uint64_t word)
{
	return rte_cpu_to_le_16((uint16_t)(rte_le_to_cpu_64(word) >> 32));
}

/* The bucket in the low bits, what is kept in the high ones; never 0 there. */
static inline uint64_t
frame_digest(const struct bf_echoes *e, unsigned int bond, const struct rte_mbuf *m)
{
	uint64_t word[HEAD / 8], seed = e->seed, h;
	uint32_t wire_min = WIRE_MIN;

	read_head(m, word);
	if (unlikely(bf_frame_is_tag(tag_type(word[1])))) { /* it may travel without its tag */
		word[1] &= ~rte_cpu_to_le_64(0xf0ULL << 48);
		wire_min += 4;
	}
	h = RTE_MAX(m->pkt_len, wire_min) | (uint64_t)bond << 32;
	for (unsigned int i = 0; i < HEAD / 8; i += 2) /* the four do not wait for each other */
		h += bf_fold(word[i], word[i + 1], seed + i * 0xa0761d6478bd642fULL);
	return bf_fold(h, 0, seed) | 1ULL << 63;
}

static uint64_t
now_part(void)
{
	return rte_rdtsc() >> TIME_SHIFT & TIME_MASK;
}

static inline void
echo_note(struct bf_echoes *e, unsigned int bond, const struct rte_mbuf *m, uint64_t now)
{
	uint64_t d = frame_digest(e, bond, m), most = 0;
	uint64_t *bucket = e->word[d % BF_ECHO_BUCKETS];
	unsigned int at = 0;

	for (unsigned int i = 0; i < BF_ECHO_WAYS; i++) {
		uint64_t have = __atomic_load_n(&bucket[i], __ATOMIC_RELAXED);
		uint64_t age = (now - have) & TIME_MASK;

		if (have == 0 || (have ^ d) >> TIME_BITS == 0) {
			at = i;
			break;
		}
		if (age > most) {
			most = age;
			at = i;
		}
	}
	/* Before the frame can come back: the members' rings are written after this. */
	__atomic_store_n(&bucket[at], (d & ~TIME_MASK) | now, __ATOMIC_RELEASE);
}

void
bf_echo_note(struct bf_echoes *e, unsigned int bond, const struct rte_mbuf *m)
{
	echo_note(e, bond, m, now_part());
}

void
bf_echo_note_burst(struct bf_echoes *e, unsigned int bond, struct rte_mbuf *const *pkts, uint16_t n,
	uint16_t every)
{
	uint64_t now = now_part();

	for (uint16_t i = 0; i < n; i = (uint16_t)(i + every))
		echo_note(e, bond, pkts[i], now);
}

bool
bf_echo_has(const struct bf_echoes *e, unsigned int bond, const struct rte_mbuf *m)
{
	uint64_t d = frame_digest(e, bond, m), now = now_part();
	const uint64_t *bucket = e->word[d % BF_ECHO_BUCKETS];

	for (unsigned int i = 0; i < BF_ECHO_WAYS; i++) {
		uint64_t have = __atomic_load_n(&bucket[i], __ATOMIC_ACQUIRE);

		if (have != 0 && (have ^ d) >> TIME_BITS == 0)
			return ((now - have) & TIME_MASK) << TIME_SHIFT <= e->window_tsc;
	}
	return false;
}
