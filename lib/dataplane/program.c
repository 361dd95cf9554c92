/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See program.h.
 *
 * Threads: worker.
 */
#include "dataplane/program.h"

#include <pcap/bpf.h>

#include "dataplane/sizes.h"

/* A frame in several pieces is put together, as far as it is one that we forward. */
static __rte_noinline bool
pieces_take(const struct bpf_insn *program, const struct rte_mbuf *m)
{
	uint8_t flat[BF_LONGEST_FRAME];
	uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)sizeof(flat));
	const void *data = rte_pktmbuf_read(m, 0, len, flat);

	return bpf_filter(program, data, m->pkt_len, len) != 0;
}

bool
bf_program_takes(const struct bpf_insn *program, const struct rte_mbuf *m)
{
	if (unlikely(m->data_len != m->pkt_len))
		return pieces_take(program, m);
	return bpf_filter(program, rte_pktmbuf_mtod(m, const u_char *), m->pkt_len, m->data_len) !=
		0;
}
