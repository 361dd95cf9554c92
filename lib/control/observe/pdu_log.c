/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "control/observe/pdu_log.h"

#include <stdio.h>
#include <string.h>

#include <rte_common.h>

void
bf_pdu_log_note(struct bf_pdu_log *log, const char *member, bool sent, const uint8_t *frame,
	size_t len, uint64_t now_ms)
{
	struct bf_pdu_note *n;

	if (log == NULL)
		return;
	n = &log->ring[log->n++ % BF_PDU_LOG_MAX];
	n->mono_ms = now_ms;
	snprintf(n->member, sizeof(n->member), "%s", member);
	n->sent = sent;
	n->len = (uint8_t)RTE_MIN(len, sizeof(n->frame));
	memcpy(n->frame, frame, n->len);
}

unsigned int
bf_pdu_log_copy(const struct bf_pdu_log *log, uint64_t from_ms, struct bf_pdu_note *to)
{
	uint64_t first = log->n > BF_PDU_LOG_MAX ? log->n - BF_PDU_LOG_MAX : 0;
	unsigned int n = 0;

	for (uint64_t i = first; i < log->n; i++)
		if (log->ring[i % BF_PDU_LOG_MAX].mono_ms >= from_ms)
			to[n++] = log->ring[i % BF_PDU_LOG_MAX];
	return n;
}
