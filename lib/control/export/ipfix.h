/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IPFIX (RFC 7011) with the elements of IANA's registry: flows, the sampling, and the names of ports.
 *
 * Theory of operation.  There are three templates for flows: IPv4, IPv6, and what is no IP.  Two templates of
 * options say how frames are sampled (RFC 5477) and what ports are called (RFC 5610's neighbours
 * ingressInterface and interfaceName).  Over UDP a collector that has just started understands nothing before it
 * has had the templates, so they are sent again and again (RFC 7011, 8.4).
 *
 * Threads: one at a time; no clock, no socket.
 */
#ifndef BF_CONTROL_EXPORT_IPFIX_H
#define BF_CONTROL_EXPORT_IPFIX_H

#include <stdint.h>

#include "control/export/flows.h"
#include "control/export/ports.h"
#include "control/export/sflow.h"

struct bf_ipfix {
	uint32_t domain, sampling;
	bf_export_send_cb *send;
	void *arg;
	uint32_t sequence; /* data records that went before the message in hand */
	uint32_t n_records, len; /* of the message in hand; len 0: there is none */
	uint32_t set_at; /* where its last set begins */
	uint16_t set_id;
	uint32_t now_s; /* time of day, of the message in hand */
	uint8_t buf[BF_EXPORT_DATAGRAM];
};

/** Templates, sampling, and names of ports. @param ports NULL: no names. @param now_s time of day */
void bf_ipfix_templates(struct bf_ipfix *x, uint32_t now_s, const struct bf_export_ports *ports);
void bf_ipfix_flow(struct bf_ipfix *x, uint32_t now_s, const struct bf_export_flow *flow,
	enum bf_flow_end why);
/** Send what is in hand. */
void bf_ipfix_flush(struct bf_ipfix *x);

#endif
