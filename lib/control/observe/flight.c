/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "control/observe/flight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/bridge.h"

const char *const bf_flight_cause_names[BF_FLIGHT_CAUSE_COUNT] = {"operator", "failover", "drops"};

/* How long the next flight of a cause has to wait. */
static const uint64_t calm_for_ms[BF_FLIGHT_CAUSE_COUNT] = {0, 10000, 60000};

static const enum bf_drop trouble_reasons[BF_FLIGHT_TROUBLE_COUNT] = {
#define TROUBLE_REASON(reason) BF_DROP_##reason,
	BF_FLIGHT_TROUBLE(TROUBLE_REASON)
#undef TROUBLE_REASON
};

#define ALL_DROPS_EVERY 10 /* steps: the reasons are many */

static uint64_t
count_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void
flight_free(struct bf_flight *f)
{
	if (f == NULL)
		return;
	free(f->steps);
	free(f->events);
	free(f->pdus);
	for (uint32_t i = 0; i < f->n_ports; i++)
		free(f->ports[i].steps);
	free(f);
}

/* What a port has counted since the start, never cleared. @param all also what its drops are together */
static void
port_read(const struct bf_bridge *br, uint16_t slot, bool all, struct bf_flight_port *now)
{
	memset(now, 0, offsetof(struct bf_flight_port, is_new));
	for (unsigned int i = 0; i < br->lcores.n; i++) {
		const struct bf_port_counters *c = &br->lcores.workers[i]->counters->ports[slot];

		now->rx += count_read(&c->rx_frames);
		now->tx += count_read(&c->tx_frames);
		for (unsigned int r = 0; all && r < BF_DROP_COUNT; r++)
			now->drops += count_read(&c->drops[r]);
		for (unsigned int r = 0; r < BF_FLIGHT_TROUBLE_COUNT; r++)
			now->trouble[r] += count_read(&c->drops[trouble_reasons[r]]);
	}
}

/* @return the reason with the most frames of a burst of drops; BF_FLIGHT_TROUBLE_COUNT: there is none */
static enum bf_flight_trouble
port_note(struct bf_flight_port *p, const struct bf_flight_port *now, uint32_t at, uint32_t ms)
{
	struct bf_flight_frames *f = &p->steps[at];
	unsigned int most = 0;

	*f = (struct bf_flight_frames){(uint32_t)(now->rx - p->rx), (uint32_t)(now->tx - p->tx),
		(uint32_t)(now->drops - p->drops), 0};
	for (unsigned int r = 0; r < BF_FLIGHT_TROUBLE_COUNT; r++) {
		f->trouble += (uint32_t)(now->trouble[r] - p->trouble[r]);
		if (now->trouble[r] - p->trouble[r] > now->trouble[most] - p->trouble[most])
			most = r;
	}
	if (p->is_new)
		memset(f, 0, sizeof(*f));
	memcpy(p, now, offsetof(struct bf_flight_port, is_new));
	p->is_new = false;
	return f->trouble >= BF_FLIGHT_DROPS * (uint64_t)ms / BF_FLIGHT_STEP_MS &&
			(uint64_t)f->trouble * 1000 >=
				BF_FLIGHT_DROPS_PERMILLE * ((uint64_t)f->tx + f->trouble)
		? (enum bf_flight_trouble)most
		: BF_FLIGHT_TROUBLE_COUNT;
}

static uint64_t
counter_growth(uint64_t *last, const uint64_t *counter)
{
	uint64_t now = count_read(counter), by = now - *last;

	*last = now;
	return by;
}

static void
worker_note(struct bf_flights *f, const struct bf_worker *w, struct bf_flight_worker *to)
{
	const struct bf_pmd_counters *p = &w->counters->pmd;
	uint64_t busy = counter_growth(&f->worker[w->idx].busy, &p->busy_tsc);
	uint64_t idle = counter_growth(&f->worker[w->idx].idle, &p->idle_tsc);

	to->busy_permille = busy + idle == 0 ? 0 : (uint16_t)(busy * 1000 / (busy + idle));
	for (unsigned int k = 0; k < BF_FILL_COUNT; k++) {
		uint64_t sum = counter_growth(&f->worker[w->idx].fill_sum[k], &p->fill_sum[k]);
		uint64_t n =
			counter_growth(&f->worker[w->idx].fill_samples[k], &p->fill_samples[k]);

		to->has_fill[k] = n > 0;
		to->fill[k] = n == 0 ? 0 : (uint16_t)RTE_MIN(sum / n, (uint64_t)UINT16_MAX);
	}
}

static void
bond_note(struct bf_bridge *br, unsigned int k, struct bf_flight_bond *to)
{
	const struct bf_bond *b = &br->up[k].bond;
	const struct bf_view *v = br->lcores.view;

	if (v != NULL && v->bonds[k].carrier != NULL) {
		to->carrier = __atomic_load_n(&v->bonds[k].carrier->bits, __ATOMIC_RELAXED);
		to->in_service = to->carrier & v->bonds[k].eligible;
	}
	for (unsigned int i = 0; i < b->n_members; i++) {
		unsigned int bit = b->members[i].bit;
		struct bf_member_counters sum;

		bf_stats_member(br, k, bit, &sum);
		if (sum.tx_frames < br->flights.member_tx[k][bit]) /* another member */
			br->flights.member_tx[k][bit] = 0;
		to->tx[bit] = (uint32_t)(sum.tx_frames - br->flights.member_tx[k][bit]);
		br->flights.member_tx[k][bit] = sum.tx_frames;
	}
}

static struct bf_flight *
flight_begin(struct bf_flights *f, enum bf_flight_cause cause, const char *object, int slot,
	uint64_t now_ms)
{
	bool takes_over = f->waiting != NULL && cause == BF_FLIGHT_FAILOVER &&
		f->waiting->cause == BF_FLIGHT_BURST;
	struct bf_flight *new = f->waiting;
	struct timespec ts;

	if ((new != NULL && !takes_over) || now_ms < f->calm_ms[cause])
		return NULL;
	if (new == NULL)
		new = calloc(1, sizeof(*new));
	if (new == NULL) {
		f->lost++;
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	if (!takes_over)
		new->id = ++f->last_id;
	new->cause = cause;
	new->slot = slot;
	new->wall_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	new->mono_ms = now_ms;
	snprintf(new->object, sizeof(new->object), "%s", object);
	f->waiting = new;
	return new;
}

static void
on_burst(struct bf_bridge *br, uint16_t slot, uint32_t at, enum bf_flight_trouble why,
	uint64_t now_ms)
{
	const struct bf_flight_frames *n = &br->flights.ports[slot]->steps[at];
	struct bf_flight *f = flight_begin(
		&br->flights, BF_FLIGHT_BURST, bf_bridge_port_name(br, slot), slot, now_ms);

	if (f != NULL)
		snprintf(f->text, sizeof(f->text), "%u of %u frames dropped within %u ms: %s",
			n->trouble, n->tx + n->trouble, br->flights.steps[at].ms,
			bf_drop_info[trouble_reasons[why]].name);
}

/* A failover that began since the last step. */
static void
failover_look(struct bf_bridge *br, unsigned int k, uint64_t now_ms)
{
	const struct bf_uplink *u = &br->up[k];
	const struct bf_failover *o = bf_failover_at(&u->failovers, 0);
	struct bf_flight *f;

	f = br->flights.waiting;
	if (u->failovers.n == br->flights.failovers[k] ||
		(f != NULL && f->cause == BF_FLIGHT_OPERATOR))
		return; /* behind the operator's */
	br->flights.failovers[k] = u->failovers.n;
	if (o == NULL) /* of another bond, which was there before */
		return;
	f = flight_begin(&br->flights, BF_FLIGHT_FAILOVER, u->name, bf_bond_slot(k), now_ms);
	if (f != NULL)
		snprintf(f->text, sizeof(f->text), "from %s to %s: %s", o->from, o->to, o->cause);
}

/* A port that is there has its ring. */
static bool
port_is_there(struct bf_bridge *br, uint16_t slot)
{
	struct bf_flight_port **p = &br->flights.ports[slot];

	if (!(bf_is_bond_slot(slot) ? br->up[bf_bond_of_slot(slot)].bond.open
				    : br->guests[slot] != NULL)) {
		free(*p);
		*p = NULL;
	} else if (*p == NULL) {
		*p = calloc(1, sizeof(**p));
		if (*p != NULL)
			(*p)->is_new = true;
	}
	return *p != NULL;
}

static void
port_step(struct bf_bridge *br, uint16_t slot, uint32_t at, uint64_t now_ms)
{
	enum bf_flight_trouble why;
	struct bf_flight_port *p = br->flights.ports[slot], now;
	bool all = br->flights.n % ALL_DROPS_EVERY == 0;

	port_read(br, slot, all, &now);
	if (!all)
		now.drops = p->drops;
	why = port_note(p, &now, at, br->flights.steps[at].ms);
	if (why == BF_FLIGHT_TROUBLE_COUNT)
		return;
	if (p->burst_ms == 0 || now_ms >= p->burst_ms + BF_FLIGHT_MS)
		on_burst(br, slot, at, why, now_ms);
	p->burst_ms = now_ms;
}

static void
step_note(struct bf_bridge *br, uint64_t now_ms)
{
	struct bf_flights *f = &br->flights;
	uint32_t at = (uint32_t)(f->n++ % BF_FLIGHT_STEPS);
	struct bf_flight_step *s = &f->steps[at];

	memset(s, 0, sizeof(*s));
	s->mono_ms = now_ms;
	s->ms = f->last_ms == 0 ? BF_FLIGHT_STEP_MS : (uint32_t)(now_ms - f->last_ms);
	f->last_ms = now_ms;
	for (unsigned int i = 0; i < br->lcores.n; i++)
		worker_note(f, br->lcores.workers[i], &s->worker[i]);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		if (!br->up[k].bond.open)
			continue;
		bond_note(br, k, &s->bond[k]);
		failover_look(br, k, now_ms);
	}
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++)
		if (port_is_there(br, slot))
			port_step(br, slot, at, now_ms);
}

/* ---- What is kept of the rings ---- */

/* Step @p i of a flight lies there in the rings. */
static uint32_t
ring_place(const struct bf_flights *f, const struct bf_flight *of, uint32_t i)
{
	return (uint32_t)((f->n - of->n_steps + i) % BF_FLIGHT_STEPS);
}

static bool
steps_keep(const struct bf_flights *f, struct bf_flight *to)
{
	to->n_steps = (uint32_t)RTE_MIN(f->n, (uint64_t)BF_FLIGHT_STEPS);
	to->steps = calloc(to->n_steps + 1, sizeof(*to->steps));
	for (uint32_t i = 0; to->steps != NULL && i < to->n_steps; i++)
		to->steps[i] = f->steps[ring_place(f, to, i)];
	return to->steps != NULL;
}

/* What makes a port worth keeping. */
static uint64_t
port_weight(const struct bf_flight_port *p)
{
	uint64_t drops = 0, frames = 0;

	for (unsigned int i = 0; p != NULL && i < BF_FLIGHT_STEPS; i++) {
		drops += p->steps[i].trouble;
		frames += (uint64_t)p->steps[i].rx + p->steps[i].tx + p->steps[i].drops;
	}
	return RTE_MIN(drops, (uint64_t)UINT32_MAX) << 32 | RTE_MIN(frames, (uint64_t)UINT32_MAX);
}

static void
port_keep(const struct bf_bridge *br, uint16_t slot, struct bf_flight *to)
{
	struct bf_flight_frames *steps = calloc(to->n_steps + 1, sizeof(*steps));
	const struct bf_flights *f = &br->flights;

	if (steps == NULL)
		return;
	for (uint32_t i = 0; i < to->n_steps; i++)
		steps[i] = f->ports[slot]->steps[ring_place(f, to, i)];
	to->ports[to->n_ports].steps = steps;
	snprintf(to->ports[to->n_ports].name, sizeof(to->ports[0].name), "%s",
		bf_bridge_port_name(br, slot));
	to->n_ports++;
}

static void
ports_keep(const struct bf_bridge *br, struct bf_flight *to)
{
	uint64_t *weight = calloc(BF_MAX_PORTS, sizeof(*weight));

	for (uint16_t s = 0; weight != NULL && s < BF_MAX_PORTS; s++)
		weight[s] = port_weight(br->flights.ports[s]);
	for (unsigned int k = 0; weight != NULL && k < BF_MAX_BONDS; k++)
		if (br->flights.ports[bf_bond_slot(k)] != NULL)
			weight[bf_bond_slot(k)] = UINT64_MAX;
	if (weight != NULL && to->slot >= 0 && br->flights.ports[to->slot] != NULL)
		weight[to->slot] = UINT64_MAX;
	while (weight != NULL && to->n_ports < BF_FLIGHT_PORTS) {
		uint32_t before = to->n_ports;
		uint16_t most = 0;

		for (uint16_t s = 1; s < BF_MAX_PORTS; s++)
			if (weight[s] > weight[most])
				most = s;
		if (weight[most] == 0)
			break;
		weight[most] = 0;
		port_keep(br, most, to);
		if (to->n_ports == before)
			break;
	}
	free(weight);
}

struct events_copy {
	struct bf_flight *to;
	uint64_t from_ms;
};

static void
event_keep(void *arg, const struct bf_event *e)
{
	const struct events_copy *c = arg;

	if (e->mono_ms >= c->from_ms)
		c->to->events[c->to->n_events++] = *e;
}

static void
names_keep(const struct bf_bridge *br, struct bf_flight *to)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &br->up[k].bond;

		if (!b->open)
			continue;
		snprintf(to->bond[k], sizeof(to->bond[k]), "%s", br->up[k].name);
		for (unsigned int i = 0; i < b->n_members; i++)
			snprintf(to->member[k][b->members[i].bit], BF_DEV_NAME_MAX, "%s",
				b->members[i].name);
	}
}

/* The part of an array that is not needed. */
static void *
give_back(void *array, size_t size)
{
	void *smaller = realloc(array, size + 1);

	if (smaller == NULL)
		return array;
	return smaller;
}

/* In the place of the oldest of its kind. */
static void
flight_put(struct bf_flights *f, struct bf_flight *w)
{
	unsigned int half = w->cause == BF_FLIGHT_BURST ? 1 : 0;
	struct bf_flight **place =
		&f->kept[half * (BF_FLIGHTS_MAX / 2) + f->next[half]++ % (BF_FLIGHTS_MAX / 2)];

	flight_free(*place);
	*place = w;
}

static void
flight_end(struct bf_bridge *br, uint64_t now_ms)
{
	struct bf_flights *f = &br->flights;
	struct bf_flight *w = f->waiting;
	struct events_copy c = {w, w->mono_ms > BF_FLIGHT_MS ? w->mono_ms - BF_FLIGHT_MS : 0};

	f->waiting = NULL;
	f->calm_ms[w->cause] = now_ms + calm_for_ms[w->cause];
	w->n_workers = br->lcores.n;
	w->events = calloc(BF_EVENTS_MAX, sizeof(*w->events));
	w->pdus = calloc(BF_PDU_LOG_MAX, sizeof(*w->pdus));
	if (w->events == NULL || w->pdus == NULL || !steps_keep(f, w)) {
		bf_event(&br->events, BF_LOG_WARNING, "flight_lost", w->object,
			"no memory for flight %u: %s", w->id, w->text);
		flight_free(w);
		f->lost++;
		return;
	}
	names_keep(br, w);
	ports_keep(br, w);
	bf_events_visit(&br->events, event_keep, &c);
	w->n_pdus = bf_pdu_log_copy(&f->pdus, c.from_ms, w->pdus);
	w->events = give_back(w->events, w->n_events * sizeof(*w->events));
	w->pdus = give_back(w->pdus, w->n_pdus * sizeof(*w->pdus));
	flight_put(f, w);
	bf_event(&br->events, BF_LOG_NOTICE, "flight", w->object,
		"flight %u has the minute before: %s: see show flight %u", w->id, w->text, w->id);
}

uint64_t
bf_flights_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_flights *f = &br->flights;

	if (now_ms < f->next_ms)
		return f->next_ms;
	f->next_ms = now_ms + BF_FLIGHT_STEP_MS;
	step_note(br, now_ms);
	if (f->waiting != NULL && now_ms >= f->waiting->mono_ms + BF_FLIGHT_AFTER_MS)
		flight_end(br, now_ms);
	return f->next_ms;
}

void
bf_flights_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	free(br->flights.ports[slot]);
	br->flights.ports[slot] = NULL;
}

void
bf_flights_fini(struct bf_flights *f)
{
	for (unsigned int i = 0; i < BF_MAX_PORTS; i++)
		free(f->ports[i]);
	for (unsigned int i = 0; i < BF_FLIGHTS_MAX; i++)
		flight_free(f->kept[i]);
	flight_free(f->waiting);
}

int
bf_flights_start(struct bf_bridge *br, const char *who, uint64_t now_ms, uint32_t *id)
{
	bool waits = br->flights.waiting != NULL;
	struct bf_flight *f = flight_begin(&br->flights, BF_FLIGHT_OPERATOR, "switch", -1, now_ms);

	if (f == NULL)
		return waits ? -EBUSY : -ENOMEM;
	snprintf(f->text, sizeof(f->text), "asked for by %s", who);
	*id = f->id;
	return 0;
}

void
bf_flights_finish(struct bf_bridge *br, uint64_t now_ms)
{
	if (br->flights.waiting != NULL)
		flight_end(br, now_ms);
}

const struct bf_flight *
bf_flights_find(const struct bf_flights *f, uint32_t id)
{
	for (unsigned int i = 0; i < BF_FLIGHTS_MAX; i++)
		if (f->kept[i] != NULL && f->kept[i]->id == id)
			return f->kept[i];
	return NULL;
}
