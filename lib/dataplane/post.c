/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Messages to control: a worker does not repeat itself within a time.
 *
 * Threads: worker.
 */
#include "dataplane/post.h"

#include <rte_cycles.h>
#include <rte_hash_crc.h>

#define KEPT 4 /* of how many places one is for where stations are */

/* A guest can say new addresses without end, and must not keep others' stations from being learned. */
static bool
has_place(const struct bf_worker *w, enum bf_mail_kind kind)
{
	bool is_word = kind == BF_MAIL_IPV4 || kind == BF_MAIL_IPV6 || kind == BF_MAIL_ROUTER;

	return !is_word || rte_ring_free_count(w->learn) > rte_ring_get_capacity(w->learn) / KEPT;
}

bool
bf_post(struct bf_worker *w, struct bf_mail *mail, uint64_t mark, uint32_t repeat_ms)
{
	uint32_t i = rte_hash_crc_8byte(mark, mail->kind) % BF_RECENT;
	uint64_t now = rte_rdtsc();

	if (w->recent_key[i] == mark && now - w->recent_tsc[i] < w->tsc_hz / 1000 * repeat_ms)
		return false;
	if (!has_place(w, mail->kind) || !bf_mailbox_post(w->learn, mail)) {
		w->counters->pmd.learn_lost++;
		return true;
	}
	w->recent_key[i] = mark;
	w->recent_tsc[i] = now;
	w->counters->pmd.learn_posted++;
	return true;
}
