/* SPDX-License-Identifier: BSD-3-Clause */

/* Ports of bf-peer, see port.h. */

#include "port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "tally.h"

#define RX_BURST 32
#define POOL_CACHE 0
#define LINK_PERIOD_HZ 50
#define RAW_TRIES 1000

static struct port ports[PORTS_MAX];
static struct port_options opts;
static struct rte_mempool *pool;
static uint64_t next_link_tsc;

struct port *
port_find(unsigned int id)
{
	return id < PORTS_MAX && ports[id].is_open ? &ports[id] : NULL;
}

unsigned int
port_id(const struct port *p)
{
	return (unsigned int)(p - ports);
}

void
ports_pool(uint32_t *n_avail, uint32_t *n_size)
{
	*n_avail = rte_mempool_avail_count(pool);
	*n_size = pool->size;
}

static int
fail(const char *what, const char *name, int ret)
{
	fprintf(stderr, "bf-peer: %s: %s: %s\n", name, what, strerror(-ret));
	return ret < 0 ? ret : -EINVAL;
}

static int
setup_queues(struct port *p, struct rte_eth_dev_info *info)
{
	uint16_t q;
	int ret;

	for (q = 0; q < p->n_queues; q++) {
		info->default_txconf.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
		ret = rte_eth_rx_queue_setup(
			p->ethdev, q, opts.n_desc, SOCKET_ID_ANY, &info->default_rxconf, pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(
				p->ethdev, q, opts.n_desc, SOCKET_ID_ANY, &info->default_txconf);
		if (ret != 0)
			return fail("queue setup", p->name, ret);
	}
	return 0;
}

static int
port_open(uint16_t ethdev)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct port *p;
	unsigned long id;
	int ret;

	ret = rte_eth_dev_get_name_by_port(ethdev, name);
	if (ret != 0)
		return ret;
	id = strtoul(name + strcspn(name, "0123456789"), NULL, 10);
	if (id >= PORTS_MAX || ports[id].is_open)
		return fail("port number", name, -EINVAL);
	p = &ports[id];
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->ethdev = ethdev;
	ret = rte_eth_dev_info_get(ethdev, &info);
	if (ret != 0)
		return fail("info", name, ret);
	p->n_queues = RTE_MIN(RTE_MIN(info.max_rx_queues, info.max_tx_queues), opts.max_queues);
	conf.rxmode.mtu = opts.mtu;
	conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER & info.rx_offload_capa;
	conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	ret = rte_eth_dev_configure(ethdev, p->n_queues, p->n_queues, &conf);
	if (ret != 0)
		return fail("configure", name, ret);
	ret = setup_queues(p, &info);
	if (ret != 0)
		return ret;
	ret = rte_eth_dev_start(ethdev);
	if (ret != 0)
		return fail("start", name, ret);
	p->is_open = true;
	p->is_started = true;
	return 0;
}

int
ports_open(const struct port_options *options)
{
	uint16_t ethdev;
	int ret;

	opts = *options;
	pool = rte_pktmbuf_pool_create("peer", opts.n_bufs, POOL_CACHE, 0,
		opts.buf_size + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (pool == NULL)
		return fail("buffer pool", "peer", -rte_errno);
	RTE_ETH_FOREACH_DEV(ethdev) {
		ret = port_open(ethdev);
		if (ret != 0)
			return ret;
	}
	return 0;
}

void
port_cancel_job(struct port *p)
{
	rte_pktmbuf_free_bulk(p->job.pending, p->job.n_pending);
	p->job.n_pending = 0;
	p->job.is_active = false;
}

void
port_capture(struct port *p, uint32_t n, enum capture_filter filter)
{
	uint32_t i;

	for (i = 0; i < p->n_captured; i++)
		free(p->captured[i]);
	p->n_captured = 0;
	p->n_capture_wanted = RTE_MIN(n, (uint32_t)CAPTURE_MAX);
	p->capture_filter = filter;
}

int
port_set_started(struct port *p, bool is_started)
{
	int ret = 0;

	if (p->is_started == is_started)
		return 0;
	if (!is_started)
		port_cancel_job(p);
	ret = is_started ? rte_eth_dev_start(p->ethdev) : rte_eth_dev_stop(p->ethdev);
	if (ret == 0)
		p->is_started = is_started;
	p->is_up = false;
	return ret;
}

void
ports_stop(void)
{
	unsigned int id;
	int ret;

	for (id = 0; id < PORTS_MAX; id++) {
		if (!ports[id].is_open)
			continue;
		ret = port_set_started(&ports[id], false);
		if (ret != 0)
			fail("stop", ports[id].name, ret);
		port_capture(&ports[id], 0, CAPTURE_ANY);
	}
}

/* Copy bytes into a new mbuf chain; NULL when the pool is short. */
static struct rte_mbuf *
mbuf_from_bytes(const uint8_t *bytes, uint16_t len)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *last = head;

	while (last != NULL) {
		uint16_t part = RTE_MIN(len, rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod(last, void *), bytes, part);
		last->data_len = part;
		head->pkt_len += part;
		bytes += part;
		len -= part;
		if (len == 0)
			return head;
		last->next = rte_pktmbuf_alloc(pool);
		if (last->next != NULL)
			head->nb_segs++;
		last = last->next;
	}
	rte_pktmbuf_free(head);
	return NULL;
}

bool
port_send_raw(struct port *p, uint16_t queue, const uint8_t *frame, uint16_t len)
{
	struct rte_mbuf *m = p->is_started ? mbuf_from_bytes(frame, len) : NULL;
	int tries;

	if (m == NULL || queue >= p->n_queues) {
		rte_pktmbuf_free(m);
		return false;
	}
	for (tries = 0; tries < RAW_TRIES; tries++) {
		if (rte_eth_tx_burst(p->ethdev, queue, &m, 1) == 1) {
			p->n_tx++;
			return true;
		}
		rte_delay_us_sleep(100);
	}
	rte_pktmbuf_free(m);
	return false;
}

static uint16_t
job_queue(const struct port *p, uint32_t seq)
{
	const struct send_job *job = &p->job;

	if (job->queue != QUEUE_BY_FLOW)
		return job->queue;
	return (uint16_t)((seq / job->spec.n_sizes) % job->spec.n_flows % p->n_queues);
}

/* Two that send to each other like this overrun nobody, however long one of them gets no CPU. */
static uint32_t
job_end(const struct port *p)
{
	const struct send_job *job = &p->job;
	uint64_t got;

	if (job->ahead == 0)
		return job->end;
	got = tally_distinct((uint16_t)port_id(p), job->spec.stream);
	return (uint32_t)RTE_MIN((uint64_t)job->end, got + job->ahead);
}

/* Frames the job may have built by now, given its rate. */
static uint32_t
job_limit(const struct port *p)
{
	const struct send_job *job = &p->job;
	uint32_t end = job_end(p);
	uint64_t due;

	if (job->rate == 0)
		return end;
	due = (uint64_t)((double)(rte_rdtsc() - job->start_tsc) / (double)rte_get_tsc_hz() *
		(double)job->rate);
	due = job->n_sent + job->n_pending > due ? 0 : due - job->n_sent - job->n_pending;
	return (uint32_t)RTE_MIN((uint64_t)end, job->next + due);
}

static void
job_fill(struct port *p)
{
	static uint8_t bytes[FRAME_MAX];
	struct send_job *job = &p->job;
	uint32_t limit = job_limit(p);

	job->pending_queue = job_queue(p, job->next);
	while (job->n_pending < job->burst && job->next < limit &&
		job_queue(p, job->next) == job->pending_queue) {
		uint16_t len = frame_build(&job->spec, job->next, bytes);
		struct rte_mbuf *m = mbuf_from_bytes(bytes, len);

		if (m == NULL)
			break;
		job->pending[job->n_pending++] = m;
		job->next++;
	}
}

static unsigned int
job_turn(struct port *p)
{
	struct send_job *job = &p->job;
	uint16_t n, i;

	if (!job->is_active || !p->is_started)
		return 0;
	if (job->n_pending == 0)
		job_fill(p);
	n = rte_eth_tx_burst(p->ethdev, job->pending_queue, job->pending, job->n_pending);
	job->n_pending -= n;
	job->n_sent += n;
	p->n_tx += n;
	for (i = 0; i < job->n_pending; i++)
		job->pending[i] = job->pending[n + i];
	if (job->n_pending == 0 && job->next == job->end)
		job->is_active = false;
	return n;
}

static void
steady_turn(struct port *p)
{
	static uint8_t bytes[FRAME_MAX];
	struct steady_job *s = &p->steady;
	uint64_t now = rte_rdtsc();
	struct rte_mbuf *m;
	uint16_t len;

	if (s->period_tsc == 0 || now < s->due_tsc)
		return;
	len = frame_build(&s->spec, s->next, bytes);
	m = mbuf_from_bytes(bytes, len);
	if (m != NULL && rte_eth_tx_burst(p->ethdev, 0, &m, 1) == 1) {
		s->next++;
		s->due_tsc = now + s->period_tsc;
	} else {
		rte_pktmbuf_free(m);
	}
}

static void
capture_frame(struct port *p, const uint8_t *frame, uint32_t len, bool is_ours)
{
	uint8_t *copy;

	if (p->n_captured == p->n_capture_wanted || (is_ours && p->capture_filter == CAPTURE_OTHER))
		return;
	copy = malloc(len);
	if (copy == NULL)
		return;
	memcpy(copy, frame, len);
	p->captured[p->n_captured] = copy;
	p->captured_len[p->n_captured++] = (uint16_t)len;
}

#define WIRE_OVERHEAD 24 /* preamble, FCS and gap */

/* Frames may be received: a slow link is as good as its receiver. */
static bool
pace_is_due(struct port *p)
{
	return p->pace == 0 || rte_rdtsc() >= p->paced_tsc;
}

static void
pace_charge(struct port *p, struct rte_mbuf *const *burst, uint16_t n)
{
	uint64_t bytes = 0, now = rte_rdtsc();

	if (p->pace == 0)
		return;
	for (uint16_t i = 0; i < n; i++)
		bytes += burst[i]->pkt_len + WIRE_OVERHEAD;
	/* A while of standing still is made good, as by a wire's own clock. */
	p->paced_tsc = RTE_MAX(p->paced_tsc, now - RTE_MIN(now, rte_get_tsc_hz() / 100));
	p->paced_tsc += (uint64_t)((double)bytes * (double)rte_get_tsc_hz() / (double)p->pace);
}

static unsigned int
rx_turn(struct port *p)
{
	static uint8_t bytes[FRAME_MAX];
	struct rte_mbuf *burst[RX_BURST];
	struct frame_report report;
	unsigned int n_total = 0, n_steady = 0;
	uint16_t i, n;

	for (unsigned int k = 0; k < p->n_queues && pace_is_due(p); k++) {
		uint16_t q = p->rx_next; /* in turn, as a card takes from queues for a wire */

		p->rx_next = (uint16_t)(q + 1 < p->n_queues ? q + 1 : 0);
		n = rte_eth_rx_burst(p->ethdev, q, burst, RX_BURST);
		pace_charge(p, burst, n);
		for (i = 0; i < n; i++) {
			uint32_t len = burst[i]->pkt_len;
			const uint8_t *frame = rte_pktmbuf_read(
				burst[i], 0, RTE_MIN(len, (uint32_t)FRAME_MAX), bytes);
			bool is_ours = frame_check(frame, len, &report);

			if (is_ours)
				tally_add((uint16_t)port_id(p), q, len, &report);
			else
				p->n_rx_other++;
			n_steady += is_ours && tally_is_steady(report.stream);
			capture_frame(p, frame, len, is_ours);
		}
		rte_pktmbuf_free_bulk(burst, n);
		p->n_rx += n;
		n_total += n;
	}
	return n_total - n_steady;
}

static void
torn_down(void *port)
{
	struct port *p = port;

	__atomic_store_n(&p->is_torn_down, false, __ATOMIC_RELEASE);
}

/*
 * virtio-user sets an alarm each time that it finds its connection lost, to close it.  Asked once more before the alarm
 * it sets a second one, which closes the next connection in the middle of what is said there, and waits without end.
 * So it is asked again only after an alarm of ours, which comes behind its own.
 */
static void
link_look(struct port *p)
{
	struct rte_eth_link link = {0};

	if (__atomic_load_n(&p->is_torn_down, __ATOMIC_ACQUIRE))
		return;
	p->is_up = p->is_started && rte_eth_link_get_nowait(p->ethdev, &link) == 0 &&
		link.link_status == RTE_ETH_LINK_UP;
	if (!p->is_started || p->is_up)
		return;
	__atomic_store_n(&p->is_torn_down, true, __ATOMIC_RELEASE);
	if (rte_eal_alarm_set(1, torn_down, p) != 0)
		__atomic_store_n(&p->is_torn_down, false, __ATOMIC_RELEASE);
}

static void
links_turn(void)
{
	uint64_t now = rte_rdtsc();
	unsigned int id;

	if (now < next_link_tsc)
		return;
	next_link_tsc = now + rte_get_tsc_hz() / LINK_PERIOD_HZ;
	for (id = 0; id < PORTS_MAX; id++)
		if (ports[id].is_open)
			link_look(&ports[id]);
}

unsigned int
ports_turn(void)
{
	unsigned int id, n = 0;

	links_turn();
	for (id = 0; id < PORTS_MAX; id++) {
		if (!ports[id].is_open || !ports[id].is_started)
			continue;
		n += rx_turn(&ports[id]);
		n += job_turn(&ports[id]);
		steady_turn(&ports[id]);
	}
	return n;
}
