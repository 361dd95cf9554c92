/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See exporter.h.
 *
 * Threads: ctx control; exporter_run() and what it calls: the exporter's own.
 */
#include "control/export/exporter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_random.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/export/collector.h"
#include "control/export/flows.h"
#include "control/export/ipfix.h"
#include "control/export/packet.h"
#include "control/export/sflow.h"
#include "control/loop/task.h"
#include "control/observe/taps.h"
#include "control/observe/tsc_clock.h"

#define FLOWS 16384 /* of an exporter, at most */
#define HEAD_BYTES 128 /* what a flow is told by */
#define TAPES_BYTES (1u << 20) /* of all workers */
#define TAPE_MIN_BYTES (64u << 10)
#define LOOK_US 10000 /* between two looks of the thread */
#define BUSY_US 1000 /* the same when there was more: it shares a CPU with control */
#define SAMPLES_PER_LOOK 4096
#define EXPIRE_MS 500
#define NEW_VIEW_MS 1000 /* numbers of ports are gathered at most so often for a new view */

struct bf_exporter {
	struct bf_exporter_config cfg;
	bool retired; /* not in the views to come */
	struct bf_tap *tap;
	pthread_t thread;
	bool has_thread;
	uint64_t poll_ms; /* control: when counters are due */
	/* The thread's; others may read the counts. */
	struct bf_collector collector;
	struct bf_tsc_clock clock;
	const struct bf_fdb *fdb;
	struct bf_export_ports *ports; /* NULL: none yet */
	struct bf_sflow *sflow; /* of one type */
	struct bf_ipfix *ipfix; /* of the other */
	struct bf_export_flows *flows;
	uint64_t now_ms, wall_ms, template_ms, expire_ms;
	struct bf_exporter_counts counts; /* but for what the tap and the collector count */
	/* Between the two. */
	pthread_mutex_t lock;
	struct bf_export_ports *next_ports; /* control: instead of ports; NULL: none */
	bool stop; /* control: nothing more comes, end when everything is sent */
};

/* ---- the thread ---- */

static void
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
count_add(uint64_t *at, uint64_t more)
{
	__atomic_store_n(at, *at + more, __ATOMIC_RELAXED);
}

/* The destination as the FDB knows it. */
static uint64_t
station_key(const struct bf_export_packet *p, unsigned int bond)
{
	uint64_t mac = 0;

	for (unsigned int i = 0; i < 6; i++)
		mac |= (uint64_t)p->key.dst[i] << 8 * i;
	return BF_FDB_KEY(p->key.vlan, mac) | BF_FDB_BOND(bond) |
		(p->is_service_vlan ? BF_FDB_SERVICE : 0);
}

/* ifIndex of the port that a frame is for; 0: not known. */
static uint32_t
out_index(const struct bf_exporter *e, const struct bf_export_port *in,
	const struct bf_export_packet *p)
{
	const struct bf_export_port *out;
	uint16_t slot;

	if (in == NULL || bf_fdb_find(e->fdb, station_key(p, in->bond), &slot) == NULL)
		return 0;
	out = bf_export_port_at(e->ports, slot);
	return out != NULL ? out->index : 0;
}

static void
sample_to_sflow(struct bf_exporter *e, const struct bf_tap_record *r,
	const struct bf_export_packet *p, uint32_t in, uint32_t out)
{
	struct bf_sflow_sample x = {.key = p->key.from,
		.in = in,
		.out = out,
		.out_format = p->key.dst[0] & 1 ? BF_SFLOW_OUT_MANY : BF_SFLOW_OUT_ONE,
		.vlan = p->key.vlan,
		.pcp = p->pcp,
		.drops = (uint32_t)bf_tap_lost(e->tap),
		.frame_len = r->pkt_len,
		.len = r->len,
		.head = r->data};

	bf_sflow_sample(e->sflow, e->now_ms, &x);
}

static void
sample_take(struct bf_exporter *e, const struct bf_tap_record *r)
{
	const struct bf_export_port *in = bf_export_port_at(e->ports, bf_export_key_of(r));
	uint32_t in_index = in != NULL ? in->index : 0, out;
	struct bf_export_packet p;

	if (r->len < RTE_ETHER_HDR_LEN)
		return;
	bf_export_packet_read(r->data, r->len, r->pkt_len, &p);
	p.key.from = bf_export_key_of(r);
	if (p.key.vlan == 0 && in != NULL) {
		p.key.vlan = in->vlan;
		p.is_service_vlan = in->is_service_vlan;
	}
	out = p.key.dst[0] & 1 ? 0 : out_index(e, in, &p);
	if (e->sflow != NULL)
		sample_to_sflow(e, r, &p, in_index, out);
	else
		bf_export_flows_count(e->flows, &p, in_index, out,
			bf_tsc_clock_wall_ns(&e->clock, r->tsc) / 1000000);
	count_add(&e->counts.samples, 1);
}

static void
flow_on_report(void *arg, const struct bf_export_flow *flow, enum bf_flow_end why)
{
	struct bf_exporter *e = arg;

	bf_ipfix_flow(e->ipfix, (uint32_t)(e->wall_ms / 1000), flow, why);
	count_add(&e->counts.flows, 1);
}

/* A table that control has handed over, with counters if it is time for them. */
static void
ports_take(struct bf_exporter *e)
{
	struct bf_export_ports *next;

	pthread_mutex_lock(&e->lock);
	next = e->next_ports;
	e->next_ports = NULL;
	pthread_mutex_unlock(&e->lock);
	if (next == NULL)
		return;
	free(e->ports);
	e->ports = next;
	for (uint32_t i = 0; e->sflow != NULL && next->poll && i < next->n; i++) {
		bf_sflow_counters(e->sflow, e->now_ms, &next->list[i]);
		count_add(&e->counts.counter_samples, 1);
	}
}

/* @return whether there may be more. */
static bool
samples_take(struct bf_exporter *e)
{
	const struct bf_tap_record *r;
	unsigned int worker, n = 0;

	while (n < SAMPLES_PER_LOOK && (r = bf_tap_oldest(e->tap, &worker)) != NULL) {
		sample_take(e, r);
		bf_tap_done(e->tap, worker);
		n++;
	}
	return n == SAMPLES_PER_LOOK;
}

static void
sflow_begin(struct bf_exporter *e)
{
	struct bf_sflow *s = e->sflow;

	s->agent_is_v6 = strchr(e->cfg.agent, ':') != NULL;
	if (e->cfg.agent[0] == '\0')
		bf_collector_from(&e->collector, s->agent, &s->agent_is_v6);
	else
		inet_pton(s->agent_is_v6 ? AF_INET6 : AF_INET, e->cfg.agent, s->agent);
}

static void
ipfix_work(struct bf_exporter *e)
{
	if (e->now_ms >= e->template_ms && e->collector.fd >= 0) {
		bf_ipfix_templates(e->ipfix, (uint32_t)(e->wall_ms / 1000), e->ports);
		e->template_ms = e->now_ms + e->cfg.template_s * UINT64_C(1000);
	}
	if (e->now_ms >= e->expire_ms) {
		bf_export_flows_expire(e->flows, e->wall_ms);
		e->expire_ms = e->now_ms + EXPIRE_MS;
	}
}

/* A look at everything. @return whether there may be more samples */
static bool
exporter_look(struct bf_exporter *e)
{
	bool more = false;

	e->now_ms = bf_clock_ms();
	e->wall_ms = bf_tsc_clock_wall_ns(&e->clock, rte_rdtsc()) / 1000000;
	if (e->collector.fd < 0) {
		bf_collector_open(&e->collector, e->now_ms);
		e->template_ms = 0; /* whoever is there now has no templates */
		if (e->sflow != NULL && e->sflow->len == 0)
			sflow_begin(e);
	}
	ports_take(e);
	if (e->ports == NULL) /* soon */
		return false;
	if (e->ipfix != NULL)
		ipfix_work(e);
	more = samples_take(e);
	if (e->sflow != NULL)
		bf_sflow_flush(e->sflow);
	else
		bf_ipfix_flush(e->ipfix);
	if (e->flows != NULL)
		__atomic_store_n(
			&e->counts.flow_entries, bf_export_flows_n(e->flows), __ATOMIC_RELAXED);
	return more;
}

static void *
exporter_run(void *arg)
{
	struct bf_exporter *e = arg;

	while (!__atomic_load_n(&e->stop, __ATOMIC_ACQUIRE))
		usleep(exporter_look(e) ? BUSY_US : LOOK_US);
	while (exporter_look(e)) /* no worker adds to it */
		;
	if (e->flows != NULL && e->ports != NULL) {
		bf_export_flows_end(e->flows);
		bf_ipfix_flush(e->ipfix);
	}
	bf_collector_close(&e->collector);
	return NULL;
}

/* ---- control ---- */

static void
exporter_free(struct bf_exporter *e)
{
	if (e == NULL)
		return;
	bf_tap_free(e->tap);
	bf_export_flows_free(e->flows);
	free(e->sflow);
	free(e->ipfix);
	free(e->ports);
	free(e->next_ports);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* What encodes. */
static int
exporter_fill(struct bf_exporter *e)
{
	const struct bf_exporter_config *c = &e->cfg;

	if (c->type == BF_EXPORTER_SFLOW) {
		e->sflow = calloc(1, sizeof(*e->sflow));
		if (e->sflow == NULL)
			return -ENOMEM;
		e->sflow->sub_agent = c->domain;
		e->sflow->sampling = c->sampling;
		e->sflow->started_ms = bf_clock_ms();
		e->sflow->send = bf_collector_send;
		e->sflow->arg = &e->collector;
		return 0;
	}
	e->ipfix = calloc(1, sizeof(*e->ipfix));
	e->flows =
		bf_export_flows_new(FLOWS, rte_rand(), c->active_s, c->idle_s, flow_on_report, e);
	if (e->ipfix == NULL || e->flows == NULL)
		return -ENOMEM;
	e->ipfix->domain = c->domain;
	e->ipfix->sampling = c->sampling;
	e->ipfix->send = bf_collector_send;
	e->ipfix->arg = &e->collector;
	return 0;
}

static int
exporter_start(struct bf_bridge *br, struct bf_exporter *e, struct bf_err *err)
{
	const struct bf_exporter_config *c = &e->cfg;
	struct bf_tap_spec tap = {.slot = BF_TAP_ALL_PORTS,
		.dirs = BF_TAP_IN,
		.every = c->sampling,
		.snap = c->type == BF_EXPORTER_SFLOW ? c->header_bytes : HEAD_BYTES};
	struct bf_udp_address to;
	int ret = bf_udp_address_parse(
		"collector", c->collector, bf_exporter_default_port(c), &to, err);

	if (ret != 0)
		return ret;
	bf_collector_init(&e->collector, &to);
	if (exporter_fill(e) != 0)
		return bf_err_set(err, ENOMEM, "exporter \"%s\": out of memory", c->name);
	tap.tape_bytes = RTE_MAX(rte_align32prevpow2(TAPES_BYTES / br->lcores.n), TAPE_MIN_BYTES);
	e->tap = bf_taps_open(&br->taps, &br->lcores, &tap, err);
	if (e->tap == NULL)
		return -errno;
	ret = pthread_create(&e->thread, NULL, exporter_run, e);
	if (ret != 0)
		return bf_err_set(
			err, ret, "exporter \"%s\": no thread: %s", c->name, strerror(ret));
	e->has_thread = true;
	pthread_setname_np(e->thread, "bf-export");
	return 0;
}

/* No worker has it. Its thread does not wait for anything, so neither do we for long. */
static void
exporter_end(struct bf_exporter *e)
{
	if (e->has_thread) {
		__atomic_store_n(&e->stop, true, __ATOMIC_RELEASE);
		pthread_join(e->thread, NULL);
	}
	exporter_free(e);
}

static void
exporter_close(struct bf_bridge *br, unsigned int i)
{
	exporter_end(br->exporters.at[i]);
	br->exporters.at[i] = NULL;
	br->exporters.n--;
}

static int
exporter_open(struct bf_bridge *br, const struct bf_exporter_config *c, struct bf_err *err)
{
	struct bf_exporters *es = &br->exporters;
	struct bf_exporter *e = calloc(1, sizeof(*e));
	unsigned int i = 0;
	int ret;

	while (i < RTE_DIM(es->at) && es->at[i] != NULL)
		i++;
	if (e == NULL || i == RTE_DIM(es->at)) {
		free(e);
		return bf_err_set(err, ENOMEM, "exporter \"%s\": out of memory", c->name);
	}
	e->cfg = *c;
	e->fdb = br->fdb;
	e->clock = br->captures.clock;
	pthread_mutex_init(&e->lock, NULL);
	ret = exporter_start(br, e, err);
	if (ret != 0) {
		if (e->tap != NULL)
			bf_taps_retire(&br->taps, e->tap);
		exporter_end(e);
		return ret;
	}
	es->at[i] = e;
	es->n++;
	es->n_views = 0; /* it wants to know the ports at once */
	es->next_ms = 0;
	return 0;
}

static struct bf_exporter *
exporter_like(const struct bf_bridge *br, const struct bf_exporter_config *c)
{
	for (unsigned int i = 0; i < RTE_DIM(br->exporters.at); i++) {
		struct bf_exporter *e = br->exporters.at[i];

		if (e != NULL && !e->retired && bf_exporter_config_is_equal(&e->cfg, c))
			return e;
	}
	return NULL;
}

int
bf_exporters_open(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	struct bf_exporters *es = &br->exporters;
	struct bf_exporter *before[RTE_DIM(es->at)];
	uint32_t i = 0;
	int ret = 0;

	memcpy(before, es->at, sizeof(before));

	for (; ret == 0 && i < want->n_exporters; i++)
		if (exporter_like(br, &want->exporters[i]) == NULL)
			ret = exporter_open(br, &want->exporters[i], err);
	if (ret == 0)
		return 0;
	for (i = 0; i < RTE_DIM(before); i++) /* only those that are new: a view may have others */
		if (es->at[i] != before[i]) {
			bf_taps_retire(&br->taps, es->at[i]->tap);
			exporter_close(br, i);
		}
	errno = -ret;
	return ret;
}

void
bf_exporters_retire(struct bf_bridge *br, const struct bf_config *want)
{
	for (unsigned int i = 0; i < RTE_DIM(br->exporters.at); i++) {
		struct bf_exporter *e = br->exporters.at[i];
		const struct bf_exporter_config *c =
			e != NULL ? bf_config_find_exporter(want, e->cfg.name) : NULL;

		if (e == NULL || (c != NULL && bf_exporter_config_is_equal(&e->cfg, c)))
			continue;
		e->retired = true;
		bf_taps_retire(&br->taps, e->tap);
	}
}

void
bf_exporters_end(struct bf_bridge *br)
{
	for (unsigned int i = 0; i < RTE_DIM(br->exporters.at); i++) {
		const struct bf_exporter *e = br->exporters.at[i];

		if (e != NULL && e->retired)
			exporter_close(br, i);
	}
}

void
bf_exporters_close(struct bf_bridge *br)
{
	for (unsigned int i = 0; i < RTE_DIM(br->exporters.at); i++)
		if (br->exporters.at[i] != NULL)
			br->exporters.at[i]->retired = true;
	bf_exporters_end(br);
}

static uint64_t
count_of(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

void
bf_exporters_count(const struct bf_bridge *br, const char *name, struct bf_exporter_counts *c)
{
	const struct bf_exporter_config *cfg = bf_config_find_exporter(br->running, name);
	const struct bf_exporter *e = cfg != NULL ? exporter_like(br, cfg) : NULL;

	*c = (struct bf_exporter_counts){.samples = 0};
	if (e == NULL)
		return;
	c->samples = count_of(&e->counts.samples);
	c->lost = bf_tap_lost(e->tap);
	c->counter_samples = count_of(&e->counts.counter_samples);
	c->flows = count_of(&e->counts.flows);
	c->flow_entries = __atomic_load_n(&e->counts.flow_entries, __ATOMIC_RELAXED);
	c->datagrams = count_of(&e->collector.datagrams);
	c->bytes = count_of(&e->collector.bytes);
	c->unsent = count_of(&e->collector.unsent);
	c->refused = count_of(&e->collector.refused);
}

/* ---- tables of ports ---- */

static bool
is_polled(const struct bf_exporter *e)
{
	return e != NULL && !e->retired && e->sflow != NULL && e->cfg.polling_s != 0;
}

uint64_t
bf_exporters_due(const struct bf_bridge *br, uint64_t now_ms)
{
	const struct bf_exporters *es = &br->exporters;
	uint64_t due = BF_TASK_NEVER;

	if (es->n == 0)
		return BF_TASK_NEVER;
	for (unsigned int i = 0; i < RTE_DIM(es->at); i++)
		if (is_polled(es->at[i]))
			due = RTE_MIN(due, es->at[i]->poll_ms);
	if (es->n_views != br->lcores.n_views)
		due = RTE_MIN(due, es->next_ms);
	return due <= now_ms ? 0 : due;
}

void
bf_exporters_give(struct bf_bridge *br, const struct bf_export_ports *ports, uint64_t now_ms)
{
	struct bf_exporters *es = &br->exporters;
	size_t size = sizeof(*ports) + ports->n * sizeof(ports->list[0]);

	es->n_views = br->lcores.n_views;
	es->next_ms = now_ms + NEW_VIEW_MS;
	for (unsigned int i = 0; i < RTE_DIM(es->at); i++) {
		struct bf_exporter *e = es->at[i];
		struct bf_export_ports *copy = e != NULL ? malloc(size) : NULL, *unread;

		if (copy == NULL) /* memory is short: the next one */
			continue;
		memcpy(copy, ports, size);
		copy->poll = is_polled(e) && now_ms >= e->poll_ms;
		if (copy->poll)
			e->poll_ms = now_ms + e->cfg.polling_s * UINT64_C(1000);
		pthread_mutex_lock(&e->lock);
		unread = e->next_ports;
		copy->poll = copy->poll || (unread != NULL && unread->poll);
		e->next_ports = copy;
		pthread_mutex_unlock(&e->lock);
		free(unread);
	}
}
