/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Queues of ports and the length of their rings, in testpmd's words.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "control/guests/rings.h"

#define BORDER "*********************"

static const char *
on_off(bool on)
{
	return on ? "on" : "off";
}

static const char *
state_name(uint8_t state)
{
	return state == RTE_ETH_QUEUE_STATE_STARTED    ? "started"
		: state == RTE_ETH_QUEUE_STATE_HAIRPIN ? "hairpin"
						       : "stopped";
}

static void
show_threshold(struct bf_out *out, const char *text, const char *key, uint16_t value)
{
	bf_out_printf(out, "\n%s: %u", text, value);
	bf_out_u64(out, key, value);
}

static void
show_rx(const struct rte_eth_rxq_info *q, struct bf_out *out)
{
	bf_out_printf(out, "\nMempool: %s", q->mp == NULL ? "NULL" : q->mp->name);
	bf_out_str(out, "mempool", q->mp == NULL ? "" : q->mp->name);
	show_threshold(out, "RX prefetch threshold", "pthresh", q->conf.rx_thresh.pthresh);
	show_threshold(out, "RX host threshold", "hthresh", q->conf.rx_thresh.hthresh);
	show_threshold(out, "RX writeback threshold", "wthresh", q->conf.rx_thresh.wthresh);
	show_threshold(out, "RX free threshold", "free_thresh", q->conf.rx_free_thresh);
	bf_out_printf(out,
		"\nRX drop packets: %s\nRX deferred start: %s\nRX scattered packets: %s"
		"\nRx queue state: %s",
		on_off(q->conf.rx_drop_en != 0), on_off(q->conf.rx_deferred_start != 0),
		on_off(q->scattered_rx != 0), state_name(q->queue_state));
	bf_out_bool(out, "scattered", q->scattered_rx != 0);
	if (q->rx_buf_size != 0)
		show_threshold(out, "RX buffer size", "buffer_size", q->rx_buf_size);
	show_threshold(out, "Number of RXDs", "descriptors", q->nb_desc);
}

static void
show_tx(const struct rte_eth_txq_info *q, struct bf_out *out)
{
	show_threshold(out, "TX prefetch threshold", "pthresh", q->conf.tx_thresh.pthresh);
	show_threshold(out, "TX host threshold", "hthresh", q->conf.tx_thresh.hthresh);
	show_threshold(out, "TX writeback threshold", "wthresh", q->conf.tx_thresh.wthresh);
	show_threshold(out, "TX RS threshold", "rs_thresh", q->conf.tx_rs_thresh);
	show_threshold(out, "TX free threshold", "free_thresh", q->conf.tx_free_thresh);
	bf_out_printf(out, "\nTX deferred start: %s\nTx queue state: %s",
		on_off(q->conf.tx_deferred_start != 0), state_name(q->queue_state));
	show_threshold(out, "Number of TXDs", "descriptors", q->nb_desc);
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
show_device(const struct bf_port_ref *r, uint16_t q, bool rx, struct bf_out *out)
{
	struct rte_eth_rxq_info of_rx = {.nb_desc = 0};
	struct rte_eth_txq_info of_tx = {.nb_desc = 0};

	if (rx && rte_eth_rx_queue_info_get(r->ethdev, q, &of_rx) != 0)
		of_rx = (struct rte_eth_rxq_info){.nb_desc = sizes_of(r).rxd,
			.mp = r->up == NULL ? NULL : r->up->bond.pool,
			.queue_state = RTE_ETH_QUEUE_STATE_STARTED};
	if (!rx && rte_eth_tx_queue_info_get(r->ethdev, q, &of_tx) != 0)
		of_tx = (struct rte_eth_txq_info){
			.nb_desc = sizes_of(r).txd, .queue_state = RTE_ETH_QUEUE_STATE_STARTED};
	if (rx)
		show_rx(&of_rx, out);
	else
		show_tx(&of_tx, out);
}

/* A guest's ring, from our side: what we receive is what it transmits. */
static void
show_guest(const struct bf_port_ref *r, uint16_t q, bool rx, struct bf_out *out)
{
	const struct bf_ring *ring = &r->guest->dp->ring[2 * q + (rx ? 1 : 0)];
	const struct rte_mempool *pool = r->guest->dp->pool;

	if (rx) {
		bf_out_printf(out, "\nMempool: %s", pool == NULL ? "NULL" : pool->name);
		bf_out_str(out, "mempool", pool == NULL ? "" : pool->name);
	}
	bf_out_printf(out, "\n%s queue state: %s", rx ? "Rx" : "Tx",
		ring->mode == BF_RING_OWN ? "started" : "stopped");
	bf_out_str(out, "mode", bf_ring_mode_name[ring->mode]);
	show_threshold(out, rx ? "Number of RXDs" : "Number of TXDs", "descriptors", ring->size);
}

static unsigned int
queues_of(const struct bf_port_ref *r, bool rx)
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

static void
show_queue(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	bool rx = strcmp(bf_cmd_arg(ctx, "dir"), "rxq") == 0;
	unsigned int n = queues_of(r, rx);
	struct bf_out *out = ctx->out;
	struct bf_err err;
	uint64_t q = 0;

	if (n == 0) {
		bf_out_error(out, "port \"%s\": has no queues yet", r->name);
		return;
	}
	if (bf_parse_u64("queue", bf_cmd_arg(ctx, "queue"), 0, n - 1, &q, &err) != 0) {
		bf_out_usage(out, "%s", err.text);
		return;
	}
	bf_out_printf(out, "\n" BORDER " Infos for port %-2u, %s queue %-2u " BORDER, r->id,
		rx ? "RX" : "TX", (unsigned int)q);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "port", r->id);
	bf_out_str(out, "name", r->name);
	bf_out_u64(out, "queue", q);
	if (r->kind == BF_REF_GUEST)
		show_guest(r, (uint16_t)q, rx, out);
	else
		show_device(r, (uint16_t)q, rx, out);
	bf_out_obj_end(out);
	bf_out_printf(out, "\n");
}

static void
cmd_show_queue(struct bf_cmd_ctx *ctx)
{
	struct bf_port_ref *refs = calloc(BF_MAX_PORT_IDS, sizeof(*refs));
	unsigned int n =
		refs == NULL ? 0 : bf_app_ports(ctx->app, bf_cmd_arg(ctx, "port"), refs, ctx->out);

	if (refs == NULL)
		bf_out_error(ctx->out, "out of memory");
	if (n > 1)
		bf_out_usage(ctx->out, "port: \"%s\": expected one port", bf_cmd_arg(ctx, "port"));
	else if (n == 1)
		show_queue(ctx, &refs[0]);
	free(refs);
}

static int
edit_rings(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	int ret = 0;

	if (c->n_bonds == 0)
		return bf_err_set(err, EINVAL, "port config all: there is no bond");
	for (uint32_t i = 0; i < c->n_bonds && ret == 0; i++)
		ret = bf_bond_config_set(
			&c->bonds[i], bf_cmd_arg(ctx, "key"), bf_cmd_arg(ctx, "value"), err);
	return ret;
}

static void
cmd_rings(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_rings);
}

static const struct bf_cmd queues_cmds[] = {
	{"show (dir:rxq|txq) info <port> <queue>",
		"A queue of a port as its driver has it: descriptors, thresholds, memory.",
		cmd_show_queue, 0},
	{"port config all (key:rxd|txd) <value>",
		"Descriptors of each queue of the members; the bond is opened anew.", cmd_rings,
		BF_CMD_CONFIG},
};

const struct bf_cmd_group bf_group_queues = {
	"queues", "Queues: descriptors and thresholds", BF_CMDS(queues_cmds)};
