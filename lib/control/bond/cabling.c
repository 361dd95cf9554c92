/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The judgement, and when it is told.
 *
 * What the switch says of its LAG is up to 30 s old, and LACP needs some seconds after a link has come: in 802.3ad
 * a finding counts when it has held for a while, and not for members that LACP has let in.
 *
 * Threads: ctx control.
 */
#include "control/bond/cabling.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "control/bond/bond.h"
#include "control/bond/lldp.h"

#define HOLD_MS 15000 /* in 802.3ad */
#define MINUTE_MS 60000
#define NAME_SIZE 36 /* of a switch or a port in a sentence, which has to fit into an event */

const char *const bf_cabling_names[BF_CABLING_COUNT] = {
	[BF_CABLING_TWO_SWITCHES] = "two_switches",
	[BF_CABLING_TWO_LAGS] = "two_lags",
	[BF_CABLING_NO_LAG] = "no_lag",
	[BF_CABLING_LAG] = "lag",
};

/* A switch and its port, as a sentence has them. */
struct place {
	char system[NAME_SIZE], port[NAME_SIZE];
};

static struct place
place_of(const struct bf_cabling_end *e)
{
	char text[BF_LLDP_ID_TEXT_SIZE];
	struct place p;

	bf_lldp_system_text(e->pdu, text, sizeof(text));
	snprintf(p.system, sizeof(p.system), "%.*s", NAME_SIZE - 1, text);
	bf_text_sanitize(p.system); /* it may end within a character */
	bf_lldp_port_text(&e->pdu->port, text, sizeof(text));
	snprintf(p.port, sizeof(p.port), "%.*s", NAME_SIZE - 1, text);
	bf_text_sanitize(p.port);
	return p;
}

static struct bf_cabling_finding *
finding_add(
	struct bf_cabling *found, enum bf_cabling_problem problem, const struct bf_cabling_end *e)
{
	struct bf_cabling_finding *f = &found->at[found->n++];

	memset(f, 0, sizeof(*f));
	f->problem = problem;
	snprintf(f->member, sizeof(f->member), "%s", e->member);
	return f;
}

static bool
is_in_lag(const struct bf_cabling_end *e)
{
	return e->pdu->has_lag && e->pdu->lag_enabled;
}

/* Two switches may act as one for a LAG: by LACP they then are one system. */
static bool
is_one_system(const struct bf_cabling_end *a, const struct bf_cabling_end *b)
{
	if (bf_lldp_id_is_equal(&a->pdu->chassis, &b->pdu->chassis))
		return true;
	if (a->has_partner && b->has_partner)
		return memcmp(a->partner, b->partner, sizeof(a->partner)) == 0;
	return false;
}

/* @param first the member that the others are compared with */
static void
judge_lag(uint32_t mode, const struct bf_cabling_end *first, const struct bf_cabling_end *e,
	struct bf_cabling *found)
{
	struct place here = place_of(e), there = place_of(first);
	bool is_static = mode != BF_MODE_8023AD;
	struct bf_cabling_finding *f;

	if (e->in_lag)
		return; /* LACP has seen to it */
	if (e->pdu->has_lag && !e->pdu->lag_enabled) {
		f = finding_add(found, BF_CABLING_NO_LAG, e);
		snprintf(f->text, sizeof(f->text), "port %s of %s has no LAG: mode %s needs one",
			here.port, here.system, bf_mode_names[mode]);
	} else if (!is_one_system(first, e) && !(is_static && is_in_lag(first) && is_in_lag(e))) {
		f = finding_add(found, BF_CABLING_TWO_SWITCHES, e);
		snprintf(f->text, sizeof(f->text),
			"goes to port %s of %s, %.50s to %s: one LAG needs one switch, or "
			"two that act as one",
			here.port, here.system, first->member, there.system);
	} else if (is_one_system(first, e) && is_in_lag(first) && is_in_lag(e) &&
		bf_lldp_id_is_equal(&first->pdu->chassis, &e->pdu->chassis) &&
		first->pdu->lag_port != e->pdu->lag_port) {
		f = finding_add(found, BF_CABLING_TWO_LAGS, e);
		snprintf(f->text, sizeof(f->text),
			"port %s of %s is in LAG %u, that of %.50s in LAG %u: expected one",
			here.port, here.system, e->pdu->lag_port, first->member,
			first->pdu->lag_port);
	} else if (first->has_partner && e->has_partner &&
		memcmp(first->partner, e->partner, sizeof(e->partner)) == 0 &&
		first->partner_key != e->partner_key) {
		f = finding_add(found, BF_CABLING_TWO_LAGS, e);
		snprintf(f->text, sizeof(f->text),
			"port %s of %s has the LACP key %u, that of %.50s %u: expected one LAG",
			here.port, here.system, e->partner_key, first->member, first->partner_key);
	}
}

static void
judge_no_lag(uint32_t mode, const struct bf_cabling_end *e, struct bf_cabling *found)
{
	struct bf_cabling_finding *f;
	struct place here;

	if (!is_in_lag(e))
		return;
	here = place_of(e);
	f = finding_add(found, BF_CABLING_LAG, e);
	snprintf(f->text, sizeof(f->text), "port %s of %s is in a LAG: with mode %s it must not be",
		here.port, here.system, bf_mode_names[mode]);
}

/* How many members end where this one does. */
static unsigned int
ends_like(const struct bf_cabling_end *e, const struct bf_cabling_end *ends, unsigned int n)
{
	unsigned int like = 0;

	for (unsigned int i = 0; i < n; i++)
		like += ends[i].pdu != NULL && is_one_system(e, &ends[i]) &&
				is_in_lag(e) == is_in_lag(&ends[i]) &&
				e->pdu->lag_port == ends[i].pdu->lag_port
			? 1
			: 0;
	return like;
}

/* Where the cables should go: what LACP has let in, else where most of them are. NULL: no member has a neighbour. */
static const struct bf_cabling_end *
end_right(const struct bf_cabling_end *ends, unsigned int n)
{
	const struct bf_cabling_end *right = NULL;
	unsigned int most = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int like = ends[i].pdu == NULL ? 0 : ends_like(&ends[i], ends, n);

		if (ends[i].pdu != NULL && ends[i].in_lag)
			return &ends[i];
		if (like > most) {
			most = like;
			right = &ends[i];
		}
	}
	return right;
}

void
bf_cabling_judge(
	uint32_t mode, const struct bf_cabling_end *ends, unsigned int n, struct bf_cabling *found)
{
	const struct bf_cabling_end *first = end_right(ends, n);

	found->n = 0;
	for (unsigned int i = 0; i < n && found->n < BF_MAX_MEMBERS; i++) {
		if (ends[i].pdu == NULL)
			continue;
		if (bf_mode_has_lag(mode))
			judge_lag(mode, first, &ends[i], found);
		else
			judge_no_lag(mode, &ends[i], found);
	}
}

static struct bf_cabling_finding *
finding_find(struct bf_cabling *c, const struct bf_cabling_finding *like)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->at[i].problem == like->problem && strcmp(c->at[i].member, like->member) == 0)
			return &c->at[i];
	return NULL;
}

void
bf_cabling_take(
	struct bf_bond *b, struct bf_cabling *c, const struct bf_cabling *found, uint64_t now_ms)
{
	uint64_t hold_ms = b->cfg.mode == BF_MODE_8023AD ? HOLD_MS : 0;
	struct bf_cabling now = *found;

	now.minute = now_ms / MINUTE_MS;
	now.in_minute = c->minute == now.minute ? c->in_minute : 0;
	if (now.in_minute >= BF_CABLING_EVENTS)
		return; /* a switch changes its mind all the time: the journal is not its to fill */
	for (uint32_t i = 0; i < now.n; i++) {
		struct bf_cabling_finding *f = &now.at[i];
		const struct bf_cabling_finding *was = finding_find(c, f);

		f->since_ms = was != NULL ? was->since_ms : now_ms;
		f->told = was != NULL && was->told;
		if (f->told || now_ms - f->since_ms < hold_ms)
			continue;
		f->told = true;
		now.in_minute++;
		bf_event(b->events, BF_LOG_WARNING, "cabling", f->member, "%s: %s",
			bf_cabling_names[f->problem], f->text);
	}
	for (uint32_t i = 0; i < c->n; i++)
		if (c->at[i].told && finding_find(&now, &c->at[i]) == NULL) {
			now.in_minute++;
			bf_event(b->events, BF_LOG_NOTICE, "cabling", c->at[i].member,
				"%s: no longer", bf_cabling_names[c->at[i].problem]);
		}
	*c = now;
}
