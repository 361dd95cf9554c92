/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See taps.h.
 *
 * Threads: ctx control, and a tap's reader.
 */
#include "control/observe/taps.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_random.h>

#include "dataplane/rules.h"

void
bf_tap_free(struct bf_tap *tap)
{
	for (unsigned int w = 0; tap != NULL && w < BF_MAX_WORKERS; w++)
		rte_free(tap->worker[w].tape);
	rte_free(tap);
}

static struct bf_tap *
tap_new(const struct bf_lcores *l, const struct bf_tap_spec *spec)
{
	struct bf_tap *tap = rte_zmalloc("bf_tap", sizeof(*tap), RTE_CACHE_LINE_SIZE);

	if (tap == NULL)
		return NULL;
	tap->every = spec->every;
	tap->snap = spec->snap;
	tap->dirs = spec->dirs;
	tap->members = spec->members;
	tap->filter = spec->filter;
	tap->program = spec->program;
	for (unsigned int w = 0; w < l->n; w++) {
		struct bf_tape *tape =
			rte_zmalloc_socket("bf_tape", bf_tape_memory(spec->tape_bytes),
				RTE_CACHE_LINE_SIZE, l->workers[w]->socket);

		if (tape == NULL) {
			bf_tap_free(tap);
			return NULL;
		}
		tape->size = spec->tape_bytes;
		tap->worker[w].tape = tape;
		tap->worker[w].random = rte_rand() | 1;
		tap->worker[w].left = (uint32_t)rte_rand_max(spec->every);
	}
	return tap;
}

struct bf_tap *
bf_taps_open(struct bf_taps *t, const struct bf_lcores *l, const struct bf_tap_spec *spec,
	struct bf_err *err)
{
	unsigned int k = 0;

	while (k < BF_MAX_TAPS && t->tap[k] != NULL)
		k++;
	if (k == BF_MAX_TAPS) {
		bf_err_set(err, EBUSY, "%d samples and captures run already: stop one of them",
			BF_MAX_TAPS);
		return NULL;
	}
	t->tap[k] = tap_new(l, spec);
	t->slot[k] = spec->slot;
	if (t->tap[k] == NULL)
		bf_err_set(err, ENOMEM, "out of memory for %u bytes on each of %u workers",
			spec->tape_bytes, l->n);
	return t->tap[k];
}

void
bf_taps_retire(struct bf_taps *t, const struct bf_tap *tap)
{
	for (unsigned int k = 0; k < BF_MAX_TAPS; k++)
		if (t->tap[k] == tap)
			t->tap[k] = NULL;
}

static void
look_at(struct bf_view *v, uint16_t slot, unsigned int k, const struct bf_tap *tap)
{
	if (v->ports[slot].kind == BF_PORT_NONE && !(tap->dirs & BF_TAP_DROP))
		return; /* what is dropped because its port is gone is looked at */
	v->rules[slot].taps |= 1u << k;
	if (tap->dirs & BF_TAP_OUT)
		v->ports[slot].out |= tap->members == 0 ? BF_RULE_BIT(TAP) : BF_RULE_BIT(WATCH);
}

/* The words for what comes in stand with the queues. */
static void
fill_queues(struct bf_view *v, uint32_t in_taps)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (v->rules[bf_bond_slot(k)].taps & in_taps)
			v->bonds[k].in |= BF_RULE_BIT(TAP);
	for (unsigned int w = 0; w < v->n_workers; w++)
		for (unsigned int i = 0; i < v->workers[w].n_rxq; i++)
			if (v->rules[v->workers[w].rxq[i].slot].taps & in_taps)
				v->workers[w].rxq[i].in |= BF_RULE_BIT(TAP);
}

void
bf_taps_fill_view(const struct bf_taps *t, struct bf_view *v)
{
	uint32_t in_taps = 0;

	for (unsigned int k = 0; k < BF_MAX_TAPS; k++) {
		struct bf_tap *tap = t->tap[k];

		v->taps[k] = tap;
		if (tap == NULL)
			continue;
		in_taps |= tap->dirs & BF_TAP_IN ? 1u << k : 0;
		v->drop_taps |= tap->dirs & BF_TAP_DROP ? 1u << k : 0;
		for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++)
			if (t->slot[k] == BF_TAP_ALL_PORTS || t->slot[k] == slot)
				look_at(v, slot, k, tap);
	}
	if (in_taps != 0)
		fill_queues(v, in_taps);
}

const struct bf_tap_record *
bf_tap_oldest(struct bf_tap *tap, unsigned int *worker)
{
	const struct bf_tap_record *oldest = NULL;

	for (unsigned int w = 0; w < BF_MAX_WORKERS && tap->worker[w].tape != NULL; w++) {
		const struct bf_tap_record *r;
		uint32_t len;

		r = bf_tape_first(tap->worker[w].tape, &len);
		if (r == NULL || (oldest != NULL && r->tsc >= oldest->tsc))
			continue;
		oldest = r;
		*worker = w;
	}
	return oldest;
}

void
bf_tap_done(struct bf_tap *tap, unsigned int worker)
{
	bf_tape_next(tap->worker[worker].tape);
}

uint64_t
bf_tap_lost(const struct bf_tap *tap)
{
	uint64_t lost = 0;

	for (unsigned int w = 0; w < BF_MAX_WORKERS && tap->worker[w].tape != NULL; w++)
		lost += __atomic_load_n(&tap->worker[w].tape->lost, __ATOMIC_RELAXED);
	return lost;
}
