/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See sflow.h.
 *
 * Threads: one at a time.
 */
#include "control/export/sflow.h"

#include <assert.h>
#include <string.h>

#include "control/export/writer.h"

#define VERSION 5
#define FCS_LEN 4

enum {
	SAMPLE_FLOW = 3, /* expanded */
	SAMPLE_COUNTERS = 4,
	RECORD_HEADER = 1,
	RECORD_SWITCH = 1001,
	COUNTERS_INTERFACE = 1,
	COUNTERS_LAG = 7,
	COUNTERS_NAME = 1005,
};
enum {
	PROTOCOL_ETHERNET = 1,
	IF_TYPE_ETHERNET = 6,
	IF_TYPE_LAG = 161,
	DIRECTION_FULL = 1,
	STATUS_ADMIN = 1,
	STATUS_OPER = 2,
};
#define NOT_COUNTED UINT32_MAX
#define HEADER_MAX 512
#define SAMPLE_MAX (160 + HEADER_MAX) /* bytes of a sample of any kind */
static_assert(SAMPLE_MAX + 40 <= BF_EXPORT_DATAGRAM, "a sample fits into a datagram");

static void
datagram_begin(struct bf_sflow *s, uint64_t now_ms)
{
	struct bf_writer w = {s->buf};

	bf_write32(&w, VERSION);
	bf_write32(&w, s->agent_is_v6 ? 2 : 1);
	bf_write(&w, s->agent, s->agent_is_v6 ? 16 : 4);
	bf_write32(&w, s->sub_agent);
	bf_write32(&w, ++s->sequence);
	bf_write32(&w, (uint32_t)(now_ms - s->started_ms));
	bf_write32(&w, 0); /* number of samples: at the end */
	s->len = (uint32_t)(w.at - s->buf);
	s->n_samples = 0;
}

void
bf_sflow_flush(struct bf_sflow *s)
{
	struct bf_writer w = {s->buf + (s->agent_is_v6 ? 36 : 24)};

	if (s->len == 0)
		return;
	bf_write32(&w, s->n_samples);
	s->send(s->arg, s->buf, s->len);
	s->len = 0;
}

static struct bf_writer
sample_begin(struct bf_sflow *s, uint64_t now_ms)
{
	if (s->len + SAMPLE_MAX > BF_EXPORT_DATAGRAM)
		bf_sflow_flush(s);
	if (s->len == 0)
		datagram_begin(s, now_ms);
	return (struct bf_writer){s->buf + s->len};
}

static void
sample_end(struct bf_sflow *s, const struct bf_writer *w)
{
	s->len = (uint32_t)(w->at - s->buf);
	s->n_samples++;
}

/* What has a type and a length in front of it. */
static uint8_t *
part_begin(struct bf_writer *w, uint32_t type)
{
	bf_write32(w, type);
	bf_write32(w, 0);
	return w->at;
}

static void
part_end(const struct bf_writer *w, uint8_t *begin)
{
	struct bf_writer len = {begin - 4};

	bf_write32(&len, (uint32_t)(w->at - begin));
}

static void
write_padded(struct bf_writer *w, const void *from, uint32_t len)
{
	bf_write(w, from, len);
	bf_write_zero(w, -len & 3);
}

static void
write_header(struct bf_writer *w, const struct bf_sflow_sample *x)
{
	uint32_t len = x->len < HEADER_MAX ? x->len : HEADER_MAX;
	uint8_t *part = part_begin(w, RECORD_HEADER);

	bf_write32(w, PROTOCOL_ETHERNET);
	bf_write32(w, x->frame_len + FCS_LEN);
	bf_write32(w, FCS_LEN); /* which is taken off */
	bf_write32(w, len);
	write_padded(w, x->head, len);
	part_end(w, part);
}

static void
write_switch(struct bf_writer *w, const struct bf_sflow_sample *x)
{
	uint8_t *part = part_begin(w, RECORD_SWITCH);

	for (int i = 0; i < 2;
		i++) { /* as it comes in and as it goes out: the switch changes neither */
		bf_write32(w, x->vlan);
		bf_write32(w, x->pcp);
	}
	part_end(w, part);
}

void
bf_sflow_sample(struct bf_sflow *s, uint64_t now_ms, const struct bf_sflow_sample *x)
{
	struct bf_writer w = sample_begin(s, now_ms);
	uint8_t *part = part_begin(&w, SAMPLE_FLOW);

	s->source[x->key].pool += s->sampling;
	bf_write32(&w, ++s->source[x->key].samples);
	bf_write32(&w, 0); /* the source is an interface */
	bf_write32(&w, x->in);
	bf_write32(&w, s->sampling);
	bf_write32(&w, s->source[x->key].pool);
	bf_write32(&w, x->drops);
	bf_write32(&w, 0);
	bf_write32(&w, x->in);
	bf_write32(&w, x->out_format);
	bf_write32(&w, x->out);
	bf_write32(&w, 2); /* records */
	write_header(&w, x);
	write_switch(&w, x);
	part_end(&w, part);
	sample_end(s, &w);
}

static void
write_interface(struct bf_writer *w, const struct bf_export_port *p)
{
	uint8_t *part = part_begin(w, COUNTERS_INTERFACE);

	bf_write32(w, p->index);
	bf_write32(w, p->is_bond ? IF_TYPE_LAG : IF_TYPE_ETHERNET);
	bf_write64(w, p->speed_mbps * 1000000);
	bf_write32(w, DIRECTION_FULL);
	bf_write32(w, (p->is_off ? 0u : STATUS_ADMIN) | (p->is_up ? STATUS_OPER : 0u));
	bf_write64(w, p->in_bytes);
	bf_write32(w, (uint32_t)p->in_frames); /* unicast has them all, as with SNMP */
	bf_write32(w, NOT_COUNTED);
	bf_write32(w, NOT_COUNTED);
	bf_write32(w, (uint32_t)p->in_discards);
	bf_write32(w, (uint32_t)p->in_errors);
	bf_write32(w, NOT_COUNTED);
	bf_write64(w, p->out_bytes);
	bf_write32(w, (uint32_t)p->out_frames);
	bf_write32(w, NOT_COUNTED);
	bf_write32(w, NOT_COUNTED);
	bf_write32(w, (uint32_t)p->out_discards);
	bf_write32(w, (uint32_t)p->out_errors);
	bf_write32(w, 1); /* it takes frames for all addresses */
	part_end(w, part);
}

static void
write_lag(struct bf_writer *w, const struct bf_export_lag *l)
{
	uint8_t *part = part_begin(w, COUNTERS_LAG);

	write_padded(w, l->actor_id, 6);
	write_padded(w, l->partner_id, 6);
	bf_write32(w, l->attached);
	bf_write8(w, l->actor_state); /* administrative: as it is in force */
	bf_write8(w, l->actor_state);
	bf_write8(w, l->partner_state);
	bf_write8(w, l->partner_state);
	bf_write32(w, l->pdu_rx);
	bf_write32(w, l->marker_rx);
	bf_write32(w, 0); /* answers to markers, which are never sent */
	bf_write32(w, l->unknown_rx);
	bf_write32(w, l->illegal_rx);
	bf_write32(w, l->pdu_tx);
	bf_write32(w, 0);
	bf_write32(w, l->response_tx);
	part_end(w, part);
}

static void
write_name(struct bf_writer *w, const char *name)
{
	uint8_t *part = part_begin(w, COUNTERS_NAME);
	uint32_t len = (uint32_t)strlen(name);

	bf_write32(w, len);
	write_padded(w, name, len);
	part_end(w, part);
}

void
bf_sflow_counters(struct bf_sflow *s, uint64_t now_ms, const struct bf_export_port *p)
{
	struct bf_writer w = sample_begin(s, now_ms);
	uint8_t *part = part_begin(&w, SAMPLE_COUNTERS);

	bf_write32(&w, ++s->source[p->key].counters);
	bf_write32(&w, 0);
	bf_write32(&w, p->index);
	bf_write32(&w, p->lag.there ? 3 : 2);
	write_interface(&w, p);
	if (p->lag.there)
		write_lag(&w, &p->lag);
	write_name(&w, p->name);
	part_end(&w, part);
	sample_end(s, &w);
}
