/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a guest's share is, per direction: filters (filter.h), marks (mark.h), rates (meter.h), and what was counted.
 *
 * Theory of operation.  A frame has one of 8 classes, those of IEEE 802.1p.  In its mbuf a class stands in
 * vlan_tci_outer, between a rule that says it (a filter, a rate) and the rule MARK, which writes it into the frame: a
 * tag that the class goes into may be pushed in between.  A frame comes without one:
 * rte_pktmbuf_alloc() clears the field. Of ports where nothing says a class it is not read.
 *
 * Threads: worker; control fills one that is in no view.
 */
#ifndef BF_DATAPLANE_QOS_H
#define BF_DATAPLANE_QOS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_mbuf.h>

#include "dataplane/meter.h"

#define BF_CLASSES 8
#define BF_DSCPS 64
#define BF_FILTER_RULES 16 /* of a direction */

enum bf_qos_dir {
	BF_QOS_IN, /* from the guest */
	BF_QOS_OUT, /* to it */
	BF_QOS_DIRS
};

/** Which class frames have: one of 0 to 7, or: */
enum bf_mark {
	BF_MARK_KEEP = BF_CLASSES, /* they are not marked, and not read */
	BF_MARK_PCP, /* that of their tag */
	BF_MARK_DSCP, /* that of their DSCP */
};

/** The two maps, from DSCP to class and back. */
struct bf_qos_map {
	uint8_t class_of[BF_DSCPS];
	uint8_t dscp_of[BF_CLASSES];
};

enum bf_filter_action {
	BF_FILTER_PASS,
	BF_FILTER_DROP,
	BF_FILTER_MARK, /* says a class, and lets pass */
	BF_FILTER_COUNT, /* counts; the next rules decide */
};

struct bpf_program;

struct bf_filter_rule {
	uint8_t action; /* enum bf_filter_action */
	uint8_t class; /* BF_FILTER_MARK */
	const struct bpf_program *program; /* NULL: every frame */
};

/** Rules in their order; a frame that none decides passes. */
struct bf_filter {
	uint16_t n;
	struct bf_filter_rule rule[BF_FILTER_RULES];
};

/** What one worker has counted in one direction. */
struct bf_qos_dir_counts {
	uint64_t class_frames[BF_CLASSES], class_bytes[BF_CLASSES];
	uint64_t rule_frames[BF_FILTER_RULES], rule_bytes[BF_FILTER_RULES];
	uint64_t passed; /* within the rate, in its units: bytes or frames */
	uint64_t over; /* frames beyond it that were marked */
	uint64_t waits; /* looks at a queue whose frames have to wait */
};

struct bf_qos_counts {
	struct bf_qos_dir_counts dir[BF_QOS_DIRS];
} __rte_cache_aligned;

struct bf_qos {
	struct bf_meter meter[BF_QOS_DIRS];
	uint8_t mark[BF_QOS_DIRS]; /* enum bf_mark */
	bool says[BF_QOS_DIRS]; /* a filter or the rate says classes */
	struct bf_filter filter[BF_QOS_DIRS];
	struct bf_qos_counts *counts; /* of each worker */
};

#define BF_CLASS_SAID 8u

/** Say a frame's class, or that none is said: @p class 0 without BF_CLASS_SAID. */
static inline void
bf_class_say(struct rte_mbuf *m, unsigned int class)
{
	m->vlan_tci_outer = (uint16_t) class;
}

#endif
