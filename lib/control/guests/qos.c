/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See qos.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/qos.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "control/bridge.h"

static bool
has_share(const struct bf_guest_config *c, enum bf_qos_dir dir)
{
	return !bf_rate_burst_is_off(&c->rate[dir]) || c->mark[dir] != BF_MARK_KEEP ||
		c->filter[dir][0] != '\0';
}

static int
qos_alloc(struct bf_guest_qos *q)
{
	if (q->counts != NULL)
		return 0;
	q->counts = rte_zmalloc(
		"bf_qos_counts", BF_MAX_WORKERS * sizeof(*q->counts), RTE_CACHE_LINE_SIZE);
	for (unsigned int i = 0; i < 2; i++)
		q->of[i] = rte_zmalloc("bf_qos", sizeof(*q->of[i]), RTE_CACHE_LINE_SIZE);
	if (q->counts != NULL && q->of[0] != NULL && q->of[1] != NULL)
		return 0;
	bf_qos_close(q);
	return -ENOMEM;
}

static void
meter_fill(const struct bf_guest_config *c, enum bf_qos_dir dir, struct bf_meter *m)
{
	const struct bf_rate_burst *rate = &c->rate[dir], *peak = &c->peak[dir];
	struct bf_meter_rates r = {.by_bytes = rate->rate.frames_per_s == 0,
		.rate = bf_rate_burst_units(rate),
		.soft = c->over[dir] == BF_GUEST_OVER_DROP,
		.burst = rate->burst,
		.excess = rate->excess,
		.peak = bf_rate_burst_units(peak),
		.peak_burst = peak->burst};

	bf_meter_init(m, rte_get_tsc_hz(), &r);
	if (c->over[dir] < BF_CLASSES)
		m->over = BF_OVER_MARK;
	else
		m->over = c->over[dir] == BF_GUEST_OVER_WAIT ? BF_OVER_WAIT : BF_OVER_DROP;
	m->class = c->over[dir] < BF_CLASSES ? (uint8_t)c->over[dir] : 0;
}

/* The level of a meter goes on where nothing but its level differs. */
static void
meter_keep(const struct bf_meter *was, struct bf_meter *m)
{
	if (was->cost == m->cost && was->peak_cost == m->peak_cost && was->burst == m->burst &&
		was->second_burst == m->second_burst && was->by_bytes == m->by_bytes &&
		was->over == m->over && was->class == m->class)
		*m = *was;
}

static bool
filters_share(const struct bf_filter *a, const struct bf_filter *b)
{
	for (unsigned int i = 0; a->n == b->n && i < a->n; i++)
		if (a->rule[i].program != b->rule[i].program)
			return false;
	return a->n == b->n;
}

/* The other one may have the same programs, and workers may run them: it owns them then. */
static void
filter_close(struct bf_guest_qos *gq, unsigned int which, unsigned int dir)
{
	struct bf_filter *f = &gq->of[which]->filter[dir];
	const struct bf_filter *other =
		gq->of[1 - which] != NULL ? &gq->of[1 - which]->filter[dir] : NULL;

	if (gq->owns[which][dir] && other != NULL && filters_share(f, other))
		gq->owns[1 - which][dir] = true;
	else if (gq->owns[which][dir])
		bf_filter_text_close(f);
	f->n = 0;
	gq->owns[which][dir] = false;
}

static bool
rate_says(const struct bf_qos *q, enum bf_qos_dir dir)
{
	return q->meter[dir].cost != 0 && q->meter[dir].over == BF_OVER_MARK;
}

static bool
filter_says(const struct bf_qos *q, enum bf_qos_dir dir)
{
	for (unsigned int i = 0; i < q->filter[dir].n; i++)
		if (q->filter[dir].rule[i].action == BF_FILTER_MARK)
			return true;
	return false;
}

static bool
filter_stays(const struct bf_guest_qos *gq, const struct bf_guest_config *c, unsigned int dir)
{
	return strcmp(gq->compiled[dir], c->filter[dir]) == 0;
}

/* @param made empty; gets filters whose text has changed. @return 0, or -errno with the reason and nothing made */
static int
filters_compile(const struct bf_guest_qos *gq, const struct bf_guest_config *c,
	struct bf_filter *made, struct bf_err *err)
{
	static const char *const keys[] = {"filter_in", "filter_out"};
	int ret = 0;

	for (unsigned int dir = 0; dir < BF_QOS_DIRS && ret == 0; dir++)
		if (!filter_stays(gq, c, dir) && c->filter[dir][0] != '\0')
			ret = bf_filter_text_compile(keys[dir], c->filter[dir], &made[dir], err);
	for (unsigned int dir = 0; dir < BF_QOS_DIRS && ret != 0; dir++)
		bf_filter_text_close(&made[dir]);
	return ret;
}

/* A filter whose text stays is handed on, and not compiled again. */
static void
filter_take(struct bf_guest_qos *gq, const struct bf_guest_config *c, uint8_t next,
	unsigned int dir, const struct bf_filter *made)
{
	struct bf_filter *to = &gq->of[next]->filter[dir];
	bool stays = filter_stays(gq, c, dir);

	if (stays && next == gq->current)
		return;
	filter_close(gq, next, dir);
	*to = stays ? gq->of[gq->current]->filter[dir] : *made;
	gq->owns[next][dir] = !stays || gq->owns[gq->current][dir];
	if (stays)
		gq->owns[gq->current][dir] = false;
	snprintf(gq->compiled[dir], sizeof(gq->compiled[dir]), "%s", c->filter[dir]);
}

static int
qos_fill(struct bf_guest_qos *gq, const struct bf_guest_config *c, uint8_t next, struct bf_err *err)
{
	struct bf_filter made[BF_QOS_DIRS] = {{.n = 0}};
	struct bf_meter was[BF_QOS_DIRS];
	struct bf_qos *q = gq->of[next];
	int ret = filters_compile(gq, c, made, err);

	if (ret != 0)
		return ret;
	memcpy(was, gq->of[gq->current]->meter, sizeof(was));
	q->counts = gq->counts;
	for (unsigned int dir = 0; dir < BF_QOS_DIRS; dir++) {
		meter_fill(c, (enum bf_qos_dir)dir, &q->meter[dir]);
		meter_keep(&was[dir], &q->meter[dir]);
		q->mark[dir] = (uint8_t)c->mark[dir];
		filter_take(gq, c, next, dir, &made[dir]);
		q->says[dir] =
			rate_says(q, (enum bf_qos_dir)dir) || filter_says(q, (enum bf_qos_dir)dir);
	}
	return 0;
}

/* Rules of a new filter count from 0 on. */
static void
rules_begin(struct bf_guest_qos *gq, const struct bf_guest_config *c)
{
	struct bf_qos_counts sum;

	bf_qos_sum(gq, &sum);
	for (unsigned int dir = 0; dir < BF_QOS_DIRS; dir++) {
		if (strcmp(gq->text[dir], c->filter[dir]) == 0)
			continue;
		snprintf(gq->text[dir], sizeof(gq->text[dir]), "%s", c->filter[dir]);
		for (unsigned int i = 0; i < BF_FILTER_RULES; i++) {
			gq->before.dir[dir].rule_frames[i] += sum.dir[dir].rule_frames[i];
			gq->before.dir[dir].rule_bytes[i] += sum.dir[dir].rule_bytes[i];
		}
	}
}

int
bf_qos_arrange(struct bf_bridge *br, struct bf_guest *g, struct bf_err *err)
{
	struct bf_guest_qos *q = &g->qos;
	uint8_t next;
	int ret;

	if (!has_share(&g->cfg, BF_QOS_IN) && !has_share(&g->cfg, BF_QOS_OUT)) {
		q->in_force = false;
		rules_begin(q, &g->cfg);
		return 0;
	}
	if (qos_alloc(q) != 0)
		return bf_err_set(
			err, ENOMEM, "guest \"%s\": out of memory for its rates", g->cfg.name);
	bf_lcores_grace(&br->lcores); /* workers may still use the view before, and the other one */
	next = br->lcores.view->rules[g->slot].qos == q->of[0] ? 1 : 0;
	ret = qos_fill(q, &g->cfg, next, err);
	if (ret != 0)
		return ret;
	q->current = next;
	q->in_force = true;
	rules_begin(q, &g->cfg);
	return 0;
}

void
bf_qos_close(struct bf_guest_qos *q)
{
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int dir = 0; q->of[i] != NULL && dir < BF_QOS_DIRS; dir++)
			filter_close(q, i, dir);
		rte_free(q->of[i]);
		q->of[i] = NULL;
	}
	rte_free(q->counts);
	q->counts = NULL;
	q->in_force = false;
}

void
bf_qos_sum(const struct bf_guest_qos *q, struct bf_qos_counts *sum)
{
	const size_t n_words = BF_QOS_DIRS * sizeof(struct bf_qos_dir_counts) / 8;
	uint64_t *to = (uint64_t *)sum->dir;
	const uint64_t *before = (const uint64_t *)q->before.dir;

	memset(sum, 0, sizeof(*sum));
	for (unsigned int w = 0; q->counts != NULL && w < BF_MAX_WORKERS; w++)
		for (size_t i = 0; i < n_words; i++)
			to[i] += __atomic_load_n(
				(const uint64_t *)q->counts[w].dir + i, __ATOMIC_RELAXED);
	for (size_t i = 0; i < n_words; i++)
		to[i] -= before[i];
}
