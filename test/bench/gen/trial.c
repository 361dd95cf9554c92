/* SPDX-License-Identifier: BSD-3-Clause */

/* Trials, see trial.h. */

#include "trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "frame.h"
#include "lacp.h"
#include "port.h"

#define LEARN_TRIES 1000
#define SETTLE_MAX_S 1

const char *const trial_path_names[TRIAL_PATH_COUNT] = {
	[TRIAL_P2V] = "p2v",
	[TRIAL_V2P] = "v2p",
	[TRIAL_PVP] = "pvp",
	[TRIAL_V2V] = "v2v",
};

struct sender {
	const struct port *port;
	/* Number among the wires or among the guests. */
	uint16_t index;
	uint8_t id;
	uint32_t seq;
	uint32_t flow;
	uint16_t next_size;
	double frames_per_tick;
	/* Frames sent, waiting in pending, or missed. */
	uint64_t n_scheduled;
	uint64_t n_sent;
	uint64_t n_missed;
	struct rte_mbuf *pending[PORT_BURST];
	uint16_t n_pending;
	/* By flow: sequence number after the highest that came. */
	uint32_t *next_seq;
};

/* The one trial that runs. */
static struct sender senders[PORTS_MAX];
static uint16_t n_senders;
static struct frame_headers headers_of_size[TRIAL_SIZES_MAX];
static const struct trial_spec *spec;
static struct trial_result *result;
static uint16_t trial_number;

/* Addresses and ports of the next frame, which stays in its flow and between its stations. */
static inline void
write_route(struct sender *s, struct frame_headers *headers)
{
	uint32_t flow = s->flow;
	uint32_t far = spec->n_far_macs > 1 ? flow % spec->n_far_macs : 0;

	frame_set_flow(headers, flow);
	if (spec->path == TRIAL_V2V) {
		frame_mac_guest(&headers->ether.src_addr, s->index);
		frame_mac_guest(&headers->ether.dst_addr, s->index + 1u);
	} else if (spec->path == TRIAL_V2P) {
		frame_mac_guest(&headers->ether.src_addr, s->index);
		frame_mac_far(&headers->ether.dst_addr, far);
	} else {
		frame_mac_far(&headers->ether.src_addr, far);
		frame_mac_guest(
			&headers->ether.dst_addr, spec->n_guests > 1 ? flow % spec->n_guests : 0);
	}
	s->flow += n_senders;
	if (s->flow >= spec->n_flows)
		s->flow = s->id;
}

static inline void
write_frame(struct sender *s, struct rte_mbuf *m, uint64_t now)
{
	struct frame *frame = rte_pktmbuf_mtod(m, struct frame *);
	uint16_t size = spec->sizes[s->next_size];

	frame->headers = headers_of_size[s->next_size];
	write_route(s, &frame->headers);
	frame->tag = (struct frame_tag){
		.magic = FRAME_MAGIC,
		.trial = trial_number,
		.sender = s->id,
		.seq = s->seq++,
		.tsc = now,
	};
	m->data_len = size - FRAME_FCS;
	m->pkt_len = size - FRAME_FCS;
	if (++s->next_size == spec->n_sizes)
		s->next_size = 0;
}

/* Frames that are due and neither sent nor missed; the bucket overflows here. */
static uint32_t
tokens(struct sender *s, uint64_t ticks)
{
	uint64_t due, depth, tokens;

	if (spec->frames_per_s == 0)
		return PORT_BURST;
	due = (uint64_t)((double)ticks * s->frames_per_tick);
	tokens = due > s->n_scheduled ? due - s->n_scheduled : 0;
	depth = (uint64_t)((double)rte_get_tsc_hz() * spec->depth_us / 1e6 * s->frames_per_tick);
	depth = RTE_MAX(depth, (uint64_t)PORT_BURST);
	if (tokens > depth) {
		s->n_missed += tokens - depth;
		s->n_scheduled += tokens - depth;
		tokens = depth;
	}
	return (uint32_t)tokens;
}

static void
send_turn(struct sender *s, uint64_t ticks, uint64_t now)
{
	uint64_t share = spec->count / n_senders;
	uint32_t i, n = tokens(s, ticks);
	uint16_t n_sent;

	if (s->n_pending == 0) {
		n = RTE_MIN(n, (uint32_t)PORT_BURST);
		if (spec->count != 0)
			n = (uint32_t)RTE_MIN((uint64_t)n, share - RTE_MIN(share, s->n_sent));
		if (n == 0 || rte_pktmbuf_alloc_bulk(port_pool, s->pending, n) != 0)
			return;
		for (i = 0; i < n; i++)
			write_frame(s, s->pending[i], now);
		s->n_pending = (uint16_t)n;
		s->n_scheduled += n;
	}
	for (i = 0; i < s->n_pending; i++)
		result->sent_bytes += s->pending[i]->pkt_len + FRAME_FCS;
	n_sent = rte_eth_tx_burst(s->port->ethdev, 0, s->pending, s->n_pending);
	s->n_sent += n_sent;
	s->n_pending -= n_sent;
	if (s->n_pending == 0)
		return;
	result->blocked++;
	for (i = 0; i < s->n_pending; i++) {
		s->pending[i] = s->pending[n_sent + i];
		result->sent_bytes -= s->pending[i]->pkt_len + FRAME_FCS;
	}
}

/* The tag of a frame of this trial, or NULL. */
static inline struct frame *
own_frame(struct rte_mbuf *m)
{
	struct frame *frame = rte_pktmbuf_mtod(m, struct frame *);

	if (m->data_len < sizeof(*frame) || frame->tag.magic != FRAME_MAGIC ||
		frame->tag.trial != trial_number || frame->tag.sender >= n_senders)
		return NULL;
	return frame;
}

static inline void
count_frame(const struct port *p, struct rte_mbuf *m, uint64_t now)
{
	const struct frame *frame = own_frame(m);
	uint32_t *next, seq, flow;

	if (frame == NULL) {
		result->strays++;
		lacp_answer(p, m);
		return;
	}
	seq = frame->tag.seq;
	flow = frame_flow(&frame->headers);
	if (flow >= spec->n_flows) {
		result->strays++;
		return;
	}
	next = &senders[frame->tag.sender].next_seq[flow];
	if (seq + 1 == *next) {
		result->duplicated++;
		return;
	}
	if (seq < *next)
		result->reordered++;
	else
		*next = seq + 1;
	result->received++;
	result->received_bytes += m->pkt_len + FRAME_FCS;
	histogram_add(&result->latency, now - frame->tag.tsc);
}

static uint16_t
receive(const struct port *p, struct rte_mbuf **burst)
{
	uint16_t i, n = rte_eth_rx_burst(p->ethdev, 0, burst, PORT_BURST);

	for (i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(burst[i], void *));
	return n;
}

static uint16_t
count_turn(const struct port *p)
{
	struct rte_mbuf *burst[PORT_BURST];
	uint16_t i, n = receive(p, burst);
	uint64_t now;

	if (n == 0)
		return 0;
	now = rte_rdtsc();
	for (i = 0; i < n; i++)
		count_frame(p, burst[i], now);
	rte_pktmbuf_free_bulk(burst, n);
	return n;
}

/* A guest that sends back what it gets. */
static uint16_t
return_turn(const struct port *p)
{
	struct rte_mbuf *burst[PORT_BURST];
	uint16_t i, n_kept = 0, n_sent, n = receive(p, burst);

	for (i = 0; i < n; i++) {
		struct frame *frame = own_frame(burst[i]);
		struct rte_ether_addr mac;

		if (frame == NULL) {
			result->strays++;
			rte_pktmbuf_free(burst[i]);
			continue;
		}
		mac = frame->headers.ether.dst_addr;
		frame->headers.ether.dst_addr = frame->headers.ether.src_addr;
		frame->headers.ether.src_addr = mac;
		burst[n_kept++] = burst[i];
	}
	if (n_kept == 0)
		return n;
	n_sent = rte_eth_tx_burst(p->ethdev, 0, burst, n_kept);
	result->not_returned += n_kept - n_sent;
	rte_pktmbuf_free_bulk(burst + n_sent, n_kept - n_sent);
	return n;
}

static bool
count_at_wires(enum trial_path path)
{
	return path == TRIAL_V2P || path == TRIAL_PVP;
}

static uint32_t
receive_turn(void)
{
	uint32_t n = 0;
	uint16_t i;

	for (i = 0; i < n_ports; i++) {
		if (!ports[i].is_wire && spec->path == TRIAL_PVP)
			n += return_turn(&ports[i]);
		else if (ports[i].is_wire == count_at_wires(spec->path))
			n += count_turn(&ports[i]);
	}
	return n;
}

static bool
all_counted(void)
{
	uint64_t n_sent = 0;
	uint16_t i;

	if (spec->count == 0)
		return false;
	for (i = 0; i < n_senders; i++)
		n_sent += senders[i].n_sent;
	return n_sent >= spec->count / n_senders * n_senders;
}

static void
send_for_the_time(void)
{
	uint64_t hz = rte_get_tsc_hz(), start = rte_rdtsc(), now = start;
	uint64_t length = hz / 1000 * spec->ms;
	uint16_t i;

	while (now - start < length && !all_counted()) {
		for (i = 0; i < n_senders; i++)
			send_turn(&senders[i], now - start, now);
		receive_turn();
		now = rte_rdtsc();
	}
	result->seconds = (double)(now - start) / (double)hz;
	/* What became due in the last turns is sent if it goes at once. */
	for (i = 0; i < n_senders && spec->frames_per_s != 0 && spec->count == 0; i++) {
		send_turn(&senders[i], length, now);
		result->due += (uint64_t)((double)length * senders[i].frames_per_tick);
	}
}

static void
drain(void)
{
	uint64_t hz = rte_get_tsc_hz(), quiet = hz / 1000 * spec->drain_ms;
	uint64_t start = rte_rdtsc(), last = start, now = start;

	while (now - last < quiet && now - start < SETTLE_MAX_S * hz + quiet) {
		now = rte_rdtsc();
		if (receive_turn() != 0)
			last = now;
	}
}

static int
senders_init(void)
{
	bool from_guests = spec->path == TRIAL_V2P || spec->path == TRIAL_V2V;
	uint16_t i, step = spec->path == TRIAL_V2V ? 2 : 1; /* who sends does not count */

	n_senders = from_guests ? spec->n_guests / step : spec->n_wires;
	memset(senders, 0, sizeof(senders));
	for (i = 0; i < n_senders; i++) {
		struct sender *s = &senders[i];

		s->port = &ports[from_guests ? n_wires + i * step : i];
		s->index = (uint16_t)(i * step);
		s->id = (uint8_t)i;
		s->flow = i;
		s->frames_per_tick =
			(double)spec->frames_per_s / n_senders / (double)rte_get_tsc_hz();
		s->next_seq = calloc(spec->n_flows, sizeof(*s->next_seq));
		if (s->next_seq == NULL)
			return -ENOMEM;
	}
	for (i = 0; i < spec->n_sizes; i++)
		frame_headers_init(&headers_of_size[i], spec->sizes[i]);
	return 0;
}

static void
senders_fini(void)
{
	uint16_t i;

	for (i = 0; i < n_senders; i++) {
		struct sender *s = &senders[i];

		rte_pktmbuf_free_bulk(s->pending, s->n_pending);
		result->sent += s->n_sent;
		result->missed += s->n_missed;
		free(s->next_seq);
		s->next_seq = NULL;
	}
	if (spec->frames_per_s == 0 || spec->count != 0)
		result->due = result->sent;
	/* Late at the end is missed too: pending frames, and tokens that were left. */
	if (result->due > result->sent + result->missed)
		result->missed = result->due - result->sent;
}

int
trial_run(const struct trial_spec *trial, struct trial_result *out)
{
	int ret;

	spec = trial;
	result = out;
	memset(result, 0, sizeof(*result));
	histogram_clear(&result->latency);
	trial_number++;
	ret = senders_init();
	if (ret == 0) {
		send_for_the_time();
		drain();
	}
	senders_fini();
	return ret;
}

/* Send one broadcast from a station behind a port. */
static bool
announce(const struct port *p, const struct rte_ether_addr *mac)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(port_pool);
	struct frame *frame;
	int tries;

	if (m == NULL)
		return false;
	frame = rte_pktmbuf_mtod(m, struct frame *);
	memset(frame, 0, sizeof(*frame));
	frame_headers_init(&frame->headers, FRAME_SIZE_MIN);
	memset(&frame->headers.ether.dst_addr, 0xff, sizeof(frame->headers.ether.dst_addr));
	frame->headers.ether.src_addr = *mac;
	m->data_len = sizeof(*frame);
	m->pkt_len = sizeof(*frame);
	for (tries = 0; tries < LEARN_TRIES; tries++) {
		ports_discard();
		if (rte_eth_tx_burst(p->ethdev, 0, &m, 1) == 1)
			return true;
		rte_delay_us_block(10);
	}
	rte_pktmbuf_free(m);
	return false;
}

uint32_t
trial_learn(const struct trial_spec *trial)
{
	struct rte_ether_addr mac;
	uint32_t i, n = 0;

	for (i = 0; i < (uint32_t)(n_ports - n_wires); i++) {
		frame_mac_guest(&mac, i);
		n += announce(&ports[n_wires + i], &mac);
	}
	for (i = 0; i < trial->n_far_macs; i++) {
		frame_mac_far(&mac, i);
		n += announce(&ports[i % trial->n_wires], &mac);
	}
	return n;
}

void
trial_settle(uint32_t quiet_ms)
{
	uint64_t hz = rte_get_tsc_hz(), start = rte_rdtsc(), last = start, now = start;

	while (now - last < hz / 1000 * quiet_ms && now - start < SETTLE_MAX_S * hz) {
		now = rte_rdtsc();
		if (ports_discard() != 0)
			last = now;
	}
}
