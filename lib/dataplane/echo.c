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

#define HEAD 64 /* bytes of a frame that count, beside its length */
#define WIRE_MIN 60 /* what is shorter is padded with zeros on its way */
#define TIME_BITS 24
#define TIME_SHIFT 20 /* about half a millisecond */
#define TIME_MASK ((1ULL << TIME_BITS) - 1)

/* The bucket in the low bits, what is kept in the high ones; never 0 there. */
static uint64_t
digest(const struct bf_echoes *e, const struct rte_mbuf *m)
{
	uint64_t h = e->seed ^ RTE_MAX(m->pkt_len, (uint32_t)WIRE_MIN), word[HEAD / 8] = {0};

	memcpy(word, rte_pktmbuf_mtod(m, const void *), RTE_MIN(m->data_len, HEAD));
	for (unsigned int i = 0; i < HEAD / 8; i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return h * 0xd6e8feb86659fd93ULL | 1ULL << 63;
}

static uint64_t
now_part(void)
{
	return rte_rdtsc() >> TIME_SHIFT & TIME_MASK;
}

void
bf_echo_note(struct bf_echoes *e, const struct rte_mbuf *m)
{
	uint64_t d = digest(e, m), now = now_part(), most = 0;
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

bool
bf_echo_has(const struct bf_echoes *e, const struct rte_mbuf *m)
{
	uint64_t d = digest(e, m), now = now_part();
	const uint64_t *bucket = e->word[d % BF_ECHO_BUCKETS];

	for (unsigned int i = 0; i < BF_ECHO_WAYS; i++) {
		uint64_t have = __atomic_load_n(&bucket[i], __ATOMIC_ACQUIRE);

		if (have != 0 && (have ^ d) >> TIME_BITS == 0)
			return ((now - have) & TIME_MASK) << TIME_SHIFT <= e->window_tsc;
	}
	return false;
}
