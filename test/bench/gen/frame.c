/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames, see frame.h. */

#include "frame.h"

#include <string.h>

void
frame_headers_init(struct frame_headers *headers, uint16_t size)
{
	uint16_t ip_len = size - FRAME_FCS - sizeof(headers->ether);

	memset(headers, 0, sizeof(*headers));
	headers->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	headers->ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(ip_len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		/* 198.18.0.0/15 is the range RFC 2544 sets aside for benches. */
		.src_addr = RTE_BE32(RTE_IPV4(198, 18, 0, 1)),
		.dst_addr = RTE_BE32(RTE_IPV4(198, 19, 0, 1)),
	};
	headers->ip.hdr_checksum = rte_ipv4_cksum(&headers->ip);
	headers->udp.dgram_len = rte_cpu_to_be_16((uint16_t)(ip_len - sizeof(headers->ip)));
}
