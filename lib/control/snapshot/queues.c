/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A queue of a port.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/queues.h"

#include <stdio.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "control/bridge.h"
#include "control/guests/rings.h"

struct queue_row {
	uint32_t port, queue, descriptors;
	char name[BF_DEV_NAME_MAX];
	bool rx, tx, is_device, rx_device, has_buffer_size, is_guest;
	char mempool[RTE_MEMPOOL_NAMESIZE];
	uint32_t pthresh, hthresh, wthresh, rs_thresh, free_thresh, buffer_size;
	bool drop_en, deferred_start, scattered;
	const char *state, *mode;
};

#define ROW struct queue_row

static const struct bf_field queue_fields[] = {
	BF_FIELD(ROW, port),
	BF_FIELD(ROW, name),
	BF_FIELD(ROW, queue),
	BF_FIELD(ROW, rx, .text_only = true),
	BF_FIELD(ROW, is_device, .text_only = true),
	BF_FIELD(ROW, mempool, BF_WHEN(ROW, rx)),
	BF_FIELD(ROW, pthresh, BF_WHEN(ROW, is_device)),
	BF_FIELD(ROW, hthresh, BF_WHEN(ROW, is_device)),
	BF_FIELD(ROW, wthresh, BF_WHEN(ROW, is_device)),
	BF_FIELD(ROW, rs_thresh, BF_WHEN(ROW, tx)),
	BF_FIELD(ROW, free_thresh, BF_WHEN(ROW, is_device)),
	BF_FIELD(ROW, drop_en, .text_only = true),
	BF_FIELD(ROW, deferred_start, .text_only = true),
	BF_FIELD(ROW, scattered, BF_WHEN(ROW, rx_device)),
	BF_FIELD(ROW, state, .text_only = true),
	BF_FIELD(ROW, mode, BF_WHEN(ROW, is_guest)),
	BF_FIELD(ROW, buffer_size, BF_WHEN(ROW, has_buffer_size)),
	BF_FIELD(ROW, descriptors),
};

#define RX_DEVICE \
	"\nRX prefetch threshold: {pthresh}\nRX host threshold: {hthresh}" \
	"\nRX writeback threshold: {wthresh}\nRX free threshold: {free_thresh}" \
	"\nRX drop packets: {#drop_en}on{/drop_en}{^drop_en}off{/drop_en}" \
	"\nRX deferred start: {#deferred_start}on{/deferred_start}" \
	"{^deferred_start}off{/deferred_start}" \
	"\nRX scattered packets: {#scattered}on{/scattered}{^scattered}off{/scattered}"
#define TX_DEVICE \
	"\nTX prefetch threshold: {pthresh}\nTX host threshold: {hthresh}" \
	"\nTX writeback threshold: {wthresh}\nTX RS threshold: {rs_thresh}" \
	"\nTX free threshold: {free_thresh}" \
	"\nTX deferred start: {#deferred_start}on{/deferred_start}" \
	"{^deferred_start}off{/deferred_start}"

const struct bf_table bf_queue_table = BF_TABLE("queue", ROW, queue_fields,
	.text = "\n********************* Infos for port {port:-2}, {#rx}RX{/rx}{^rx}TX{/rx} "
		"queue {queue:-2} *********************"
		"{#rx}\nMempool: {#mempool}{mempool}{/mempool}{^mempool}NULL{/mempool}{/rx}"
		"{#is_device}{#rx}" RX_DEVICE "{/rx}{^rx}" TX_DEVICE "{/rx}{/is_device}"
		"\n{#rx}Rx{/rx}{^rx}Tx{/rx} queue state: {state}"
		"{#buffer_size}\nRX buffer size: {buffer_size}{/buffer_size}\n"
		"Number of {#rx}RXDs{/rx}{^rx}TXDs{/rx}: {descriptors}\n");

static const char *
state_name(uint8_t state)
{
	return state == RTE_ETH_QUEUE_STATE_STARTED    ? "started"
		: state == RTE_ETH_QUEUE_STATE_HAIRPIN ? "hairpin"
						       : "stopped";
}

/* What we have set, for drivers that do not tell. */
static struct bf_ring_sizes
sizes_of(const struct bf_port_ref *r)
{
	const struct bf_bond *b = r->up == NULL ? NULL : &r->up->bond;
	int at = b != NULL && b->open ? bf_bond_config_member(&b->cfg, r->name) : -1;

	if (at < 0 && r->kind != BF_REF_BOND)
		return (struct bf_ring_sizes){0, 0};
	return bf_bond_ring_sizes(&b->cfg, at < 0 ? NULL : &b->cfg.members[at]);
}

static void
gather_rx(const struct bf_port_ref *r, uint16_t q, ROW *row)
{
	struct rte_eth_rxq_info i = {.nb_desc = 0};

	if (rte_eth_rx_queue_info_get(r->ethdev, q, &i) != 0)
		i = (struct rte_eth_rxq_info){.nb_desc = sizes_of(r).rxd,
			.mp = r->up == NULL ? NULL : r->up->bond.pool,
			.queue_state = RTE_ETH_QUEUE_STATE_STARTED};
	row->rx_device = true;
	BF_ROW_TEXT(row->mempool, i.mp == NULL ? "" : i.mp->name);
	row->pthresh = i.conf.rx_thresh.pthresh;
	row->hthresh = i.conf.rx_thresh.hthresh;
	row->wthresh = i.conf.rx_thresh.wthresh;
	row->free_thresh = i.conf.rx_free_thresh;
	row->drop_en = i.conf.rx_drop_en != 0;
	row->deferred_start = i.conf.rx_deferred_start != 0;
	row->scattered = i.scattered_rx != 0;
	row->state = state_name(i.queue_state);
	row->buffer_size = i.rx_buf_size;
	row->has_buffer_size = i.rx_buf_size != 0;
	row->descriptors = i.nb_desc;
}

static void
gather_tx(const struct bf_port_ref *r, uint16_t q, ROW *row)
{
	struct rte_eth_txq_info i = {.nb_desc = 0};

	if (rte_eth_tx_queue_info_get(r->ethdev, q, &i) != 0)
		i = (struct rte_eth_txq_info){
			.nb_desc = sizes_of(r).txd, .queue_state = RTE_ETH_QUEUE_STATE_STARTED};
	row->tx = true;
	row->pthresh = i.conf.tx_thresh.pthresh;
	row->hthresh = i.conf.tx_thresh.hthresh;
	row->wthresh = i.conf.tx_thresh.wthresh;
	row->rs_thresh = i.conf.tx_rs_thresh;
	row->free_thresh = i.conf.tx_free_thresh;
	row->deferred_start = i.conf.tx_deferred_start != 0;
	row->state = state_name(i.queue_state);
	row->descriptors = i.nb_desc;
}

/* From our side: what we receive is what the guest transmits. */
static void
gather_ring(const struct bf_port_ref *r, uint16_t q, ROW *row)
{
	const struct bf_ring *ring = &r->guest->dp->ring[2 * q + (row->rx ? 1 : 0)];
	const struct rte_mempool *pool = r->guest->dp->pool;

	row->is_guest = true;
	if (row->rx)
		BF_ROW_TEXT(row->mempool, pool == NULL ? "" : pool->name);
	row->state = ring->mode == BF_RING_OWN ? "started" : "stopped";
	row->mode = bf_ring_mode_name[ring->mode];
	row->descriptors = ring->size;
}

unsigned int
bf_queues_of(const struct bf_port_ref *r, bool rx)
{
	struct rte_eth_dev_info info;

	if (r->kind == BF_REF_GUEST)
		return r->guest->cfg.queues;
	if (r->kind == BF_REF_BOND && !r->up->bond.open)
		return 0;
	if (rte_eth_dev_info_get(r->ethdev, &info) != 0)
		return 0;
	return rx ? info.nb_rx_queues : info.nb_tx_queues;
}

void
bf_gather_queue(const struct bf_port_ref *r, bool rx, uint16_t q, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));

	row->port = r->id;
	BF_ROW_TEXT(row->name, r->name);
	row->queue = q;
	row->rx = rx;
	row->is_device = r->kind != BF_REF_GUEST;
	if (!row->is_device)
		gather_ring(r, q, row);
	else if (rx)
		gather_rx(r, q, row);
	else
		gather_tx(r, q, row);
}
