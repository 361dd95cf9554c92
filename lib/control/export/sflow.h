/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * sFlow version 5 (sflow.org/sflow_version_5.txt): samples and counters into datagrams.
 *
 * Theory of operation.  Interfaces have numbers from 2^24 on, which the compact forms of samples have no room
 * for, so all samples are in the expanded ones.  A frame is sampled where it enters; the source of a sample is
 * that interface, of a bond the member.  Each source counts its samples and the frames that they stand for.
 * Datagrams are sent when they are full, and at the end of each look at the tapes.
 *
 * Threads: one at a time; no clock, no socket.
 */
#ifndef BF_CONTROL_EXPORT_SFLOW_H
#define BF_CONTROL_EXPORT_SFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/export/ports.h"

/* So that no IP packet on a usual path is cut. */
#define BF_EXPORT_DATAGRAM 1400

typedef void bf_export_send_cb(void *arg, const uint8_t *data, size_t len);

/** Where a frame leaves. */
enum bf_sflow_out {
	BF_SFLOW_OUT_ONE = 0, /* ifIndex; 0: not known */
	BF_SFLOW_OUT_MANY = 2, /* how many; 0: not known */
};

struct bf_sflow_sample {
	uint16_t key; /* bf_export_key_of() */
	uint32_t in, out; /* ifIndex; of out see out_format */
	enum bf_sflow_out out_format;
	uint16_t vlan; /* 0: none */
	uint8_t pcp;
	uint32_t drops; /* samples that were lost so far */
	uint32_t frame_len; /* without FCS */
	uint32_t len;
	const uint8_t *head;
};

struct bf_sflow {
	uint32_t sub_agent, sampling;
	uint8_t agent[16];
	bool agent_is_v6;
	uint64_t started_ms;
	bf_export_send_cb *send;
	void *arg;
	uint32_t sequence;
	uint32_t n_samples, len; /* of the datagram in hand; len 0: there is none */
	struct {
		uint32_t samples, counters, pool;
	} source[BF_EXPORT_KEYS];
	uint8_t buf[BF_EXPORT_DATAGRAM];
};

void bf_sflow_sample(struct bf_sflow *s, uint64_t now_ms, const struct bf_sflow_sample *x);
/** The counters of a port, and of a member with LACP those too. */
void bf_sflow_counters(struct bf_sflow *s, uint64_t now_ms, const struct bf_export_port *p);
/** Send what is in hand. */
void bf_sflow_flush(struct bf_sflow *s);

#endif
