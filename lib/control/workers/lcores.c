/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The worker lcores.
 *
 * Threads: ctx control.
 */
#include "control/workers/lcores.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "base/log.h"
#include "control/memory/nodes.h"
#include "dataplane/last_words.h"
#include "dataplane/lines.h"
#include "dataplane/mailbox.h"
#include "dataplane/switch.h"
#include "dataplane/worker.h"

#define INJECT_RING 4096
#define FOR_US_RING 256
#define SLOW_RING 256
#define LLDP_RING \
	4096 /* of all members of all bonds, twice BF_PUNT_LLDP: control looks twice a second */
#define CONTROL_READER BF_MAX_WORKERS /* control's id among the readers */

static void
worker_free(struct bf_worker *w)
{
	if (w == NULL)
		return;
	rte_free(w->cache);
	rte_free(w->stages);
	rte_free(w->hands);
	rte_free(w->rxq_state);
	rte_free(w->rxq_spare);
	rte_free(w->counters);
	rte_free(w->last_words);
	rte_ring_free(w->learn);
	rte_ring_free(w->reports);
	bf_calls_close(&w->calls);
	rte_free(w);
}

/* Of all its CPUs; where the kernel knows no nodes the EAL has a number all the same. */
static int
node_of(unsigned int lcore)
{
	return bf_nodes_all() != 0 ? bf_nodes_of_lcore(lcore) : (int)rte_lcore_to_socket_id(lcore);
}

static struct bf_worker *
worker_new(struct bf_lcores *l, unsigned int lcore, struct bf_fdb *fdb)
{
	int socket = node_of(lcore);
	struct bf_worker *w =
		rte_zmalloc_socket("bf_worker", sizeof(*w), RTE_CACHE_LINE_SIZE, socket);
	char name[RTE_RING_NAMESIZE];

	if (w == NULL)
		return NULL;
	w->idx = (uint16_t)l->n;
	w->lcore = (uint16_t)lcore;
	w->socket = socket;
	w->demotes = bf_lines_can_demote();
	w->flushes = bf_lines_can_flush();
	w->door = &l->view;
	w->qsbr = l->qsbr;
	w->fdb = fdb;
	w->for_us = l->for_us;
	w->slow = l->slow;
	w->lldp = l->lldp;
	w->echoes = l->echoes;
	w->held = l->held;
	w->all = l->workers;
	w->tsc_hz = rte_get_tsc_hz();
	bf_calls_open(&w->calls);
	w->cache = rte_zmalloc_socket(
		"bf_worker", BF_CACHE_SETS * sizeof(*w->cache), RTE_CACHE_LINE_SIZE, socket);
	w->stages = rte_zmalloc_socket(
		"bf_worker", BF_MAX_PORTS * sizeof(*w->stages), RTE_CACHE_LINE_SIZE, socket);
	w->hands = rte_zmalloc_socket("bf_worker",
		sizeof(*w->hands) * BF_MAX_BONDS * BF_MAX_MEMBERS, RTE_CACHE_LINE_SIZE, socket);
	w->rxq_state = rte_zmalloc_socket("bf_worker",
		sizeof(*w->rxq_state) * BF_MAX_PORTS * BF_MAX_QP, RTE_CACHE_LINE_SIZE, socket);
	w->rxq_spare = rte_zmalloc_socket("bf_worker",
		sizeof(*w->rxq_spare) * BF_MAX_PORTS * BF_MAX_QP, RTE_CACHE_LINE_SIZE, socket);
	w->counters =
		rte_zmalloc_socket("bf_worker", sizeof(*w->counters), RTE_CACHE_LINE_SIZE, socket);
	w->last_words = rte_zmalloc_socket(
		"bf_worker", sizeof(*w->last_words), RTE_CACHE_LINE_SIZE, socket);
	snprintf(name, sizeof(name), "bf_learn_%u", l->n);
	w->learn = rte_ring_create_elem(name, sizeof(struct bf_mail), BF_MAILBOX_SIZE, socket,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "bf_report_%u", l->n);
	w->reports = rte_ring_create_elem(name, sizeof(struct bf_report), BF_REPORTS_SIZE, socket,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (w->cache == NULL || w->stages == NULL || w->hands == NULL || w->rxq_state == NULL ||
		w->rxq_spare == NULL || w->counters == NULL || w->last_words == NULL ||
		w->learn == NULL || w->reports == NULL) {
		worker_free(w);
		return NULL;
	}
	for (unsigned int i = 0; i < BF_CACHE_SETS; i++)
		bf_cache_clear(&w->cache[i]);
	return w;
}

static int
qsbr_open(struct bf_lcores *l)
{
	size_t size = rte_rcu_qsbr_get_memsize(BF_MAX_WORKERS + 1);

	l->qsbr = rte_zmalloc("bf_qsbr", size, RTE_CACHE_LINE_SIZE);
	if (l->qsbr == NULL || rte_rcu_qsbr_init(l->qsbr, BF_MAX_WORKERS + 1) != 0)
		return -ENOMEM;
	rte_rcu_qsbr_thread_register(l->qsbr, CONTROL_READER);
	l->inject = rte_ring_create(
		"bf_inject", INJECT_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	l->for_us = rte_ring_create("bf_for_us", FOR_US_RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	l->slow = rte_ring_create("bf_slow", SLOW_RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	l->lldp = rte_ring_create("bf_lldp", LLDP_RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	return l->inject == NULL || l->for_us == NULL || l->slow == NULL || l->lldp == NULL
		? -ENOMEM
		: 0;
}

/* What all workers look at. */
static int
shared_open(struct bf_lcores *l)
{
	l->echoes = rte_zmalloc("bf_echoes", sizeof(*l->echoes), RTE_CACHE_LINE_SIZE);
	l->held = rte_zmalloc("bf_held", sizeof(*l->held), RTE_CACHE_LINE_SIZE);
	if (l->echoes == NULL || l->held == NULL)
		return -ENOMEM;
	l->echoes->seed = rte_rand();
	l->echoes->window_tsc = rte_get_tsc_hz() / 1000 * BF_ECHO_MS;
	l->held->seed = rte_rand();
	return 0;
}

int
bf_lcores_open(struct bf_lcores *l, struct bf_fdb *fdb, struct bf_err *err)
{
	unsigned int lcore;

	memset(l, 0, sizeof(*l));
	if (rte_lcore_count() < 2)
		return bf_err_set(err, EINVAL,
			"lcores: \"%u\": expected a main lcore and 1 to %d worker lcores, e.g. -l 0,1",
			rte_lcore_count(), BF_MAX_WORKERS);
	if (rte_lcore_count() > BF_MAX_WORKERS + 1)
		return bf_err_set(err, EINVAL, "lcores: \"%u\": expected 1 to %d worker lcores",
			rte_lcore_count() - 1, BF_MAX_WORKERS);
	if (qsbr_open(l) != 0 || shared_open(l) != 0)
		goto err;
	RTE_LCORE_FOREACH_WORKER(lcore) {
		l->workers[l->n] = worker_new(l, lcore, fdb);
		if (l->workers[l->n] == NULL)
			goto err;
		l->n++;
	}
	l->workers[0]->inject = l->inject;
	return 0;
err:
	bf_lcores_close(l);
	return bf_err_set(err, ENOMEM, "lcores: out of memory: expected more hugepages or -m");
}

int
bf_lcores_launch(struct bf_lcores *l, struct bf_err *err)
{
	for (unsigned int i = 0; i < l->n; i++) {
		struct bf_worker *w = l->workers[i];
		int ret;

		rte_rcu_qsbr_thread_register(l->qsbr, i);
		w->quit = 0;
		w->view = NULL;
		ret = rte_eal_remote_launch(bf_worker_run, w, w->lcore);
		if (ret != 0) {
			l->launched = i > 0;
			return bf_err_set(err, -ret, "lcore %u: does not start: %s", w->lcore,
				rte_strerror(-ret));
		}
	}
	l->launched = true;
	return 0;
}

void
bf_lcores_stop(struct bf_lcores *l)
{
	if (!l->launched)
		return;
	for (unsigned int i = 0; i < l->n; i++)
		__atomic_store_n(&l->workers[i]->quit, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < l->n; i++) {
		rte_eal_wait_lcore(l->workers[i]->lcore);
		rte_rcu_qsbr_thread_unregister(l->qsbr, i);
	}
	l->launched = false;
}

static void
ring_free(struct rte_ring **r)
{
	struct rte_mbuf *m;

	while (*r != NULL && rte_ring_sc_dequeue(*r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(*r);
	*r = NULL;
}

void
bf_lcores_close(struct bf_lcores *l)
{
	bf_lcores_stop(l);
	bf_lcores_collect(l);
	for (unsigned int i = 0; i < l->n; i++)
		worker_free(l->workers[i]);
	l->n = 0;
	ring_free(&l->inject);
	ring_free(&l->for_us);
	ring_free(&l->slow);
	ring_free(&l->lldp);
	rte_free(l->echoes);
	rte_free(l->held);
	l->echoes = NULL;
	l->held = NULL;
	rte_free(l->view);
	l->view = NULL;
	rte_free(l->qsbr);
	l->qsbr = NULL;
}

void
bf_lcores_grace(struct bf_lcores *l)
{
	if (l->qsbr != NULL)
		rte_rcu_qsbr_synchronize(l->qsbr, RTE_QSBR_THRID_INVALID);
}

uint64_t
bf_lcores_grace_begin(void *lcores)
{
	struct bf_lcores *l = lcores;

	return rte_rcu_qsbr_start(l->qsbr);
}

bool
bf_lcores_grace_is_over(void *lcores, uint64_t token)
{
	struct bf_lcores *l = lcores;

	return rte_rcu_qsbr_check(l->qsbr, token, false) == 1;
}

void
bf_lcores_enter(struct bf_lcores *l)
{
	rte_rcu_qsbr_thread_online(l->qsbr, CONTROL_READER);
}

void
bf_lcores_leave(struct bf_lcores *l)
{
	rte_rcu_qsbr_thread_offline(l->qsbr, CONTROL_READER);
}

void
bf_lcores_collect(struct bf_lcores *l)
{
	unsigned int keep = 0;

	for (unsigned int i = 0; i < l->n_retired; i++) {
		if (!l->launched || rte_rcu_qsbr_check(l->qsbr, l->retired[i].token, false) == 1)
			rte_free(l->retired[i].view);
		else
			l->retired[keep++] = l->retired[i];
	}
	l->n_retired = keep;
}

void
bf_lcores_publish(struct bf_lcores *l, struct bf_view *v)
{
	struct bf_view *old = l->view;

	l->n_views++;
	__atomic_store_n(&l->view, v, __ATOMIC_RELEASE);
	if (old == NULL)
		return;
	bf_lcores_collect(l);
	if (l->n_retired == RTE_DIM(l->retired)) { /* workers lag far behind: wait for them */
		bf_lcores_grace(l);
		bf_lcores_collect(l);
	}
	l->retired[l->n_retired].view = old;
	l->retired[l->n_retired].token = l->launched ? rte_rcu_qsbr_start(l->qsbr) : 0;
	l->n_retired++;
}
