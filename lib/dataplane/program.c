/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See program.h.
 *
 * Threads: worker.
 */
#include "dataplane/program.h"

#include <pcap/pcap.h>

#include "dataplane/sizes.h"

/* @param len of the frame, of which n bytes are there */
static inline bool
bytes_take(const struct bpf_program *program, const u_char *data, uint32_t len, uint32_t n)
{
	const struct pcap_pkthdr head = {.caplen = n, .len = len};

	return pcap_offline_filter(program, &head, data) != 0;
}

/* A frame in several pieces is put together, as far as it is one that we forward. */
static __rte_noinline bool
pieces_take(const struct bpf_program *program, const struct rte_mbuf *m)
{
	uint8_t flat[BF_LONGEST_FRAME];
	uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)sizeof(flat));
	const void *data = rte_pktmbuf_read(m, 0, len, flat);

	return bytes_take(program, data, m->pkt_len, len);
}

bool
bf_program_takes(const struct bpf_program *program, const struct rte_mbuf *m)
{
	if (unlikely(m->data_len != m->pkt_len))
		return pieces_take(program, m);
	return bytes_take(program, rte_pktmbuf_mtod(m, const u_char *), m->pkt_len, m->data_len);
}
