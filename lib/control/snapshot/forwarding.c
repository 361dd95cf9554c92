/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show fwd stats and show config fwd: what the switch's ports forwarded, and who polls them.
 *
 * Threads: ctx control.
 */
#include <stdio.h>

#include <rte_cycles.h>

#include "base/words.h"
#include "control/bridge.h"
#include "control/observe/stats.h"
#include "control/snapshot/port_ref.h"
#include "control/snapshot/snapshot.h"

struct forward_row {
	uint32_t id;
	char name[BF_NAME_MAX];
	uint64_t rx_frames, rx_dropped, rx_good, tx_frames, tx_dropped, tx_total;
	uint64_t flooded, copies;
};

#define PORT struct forward_row

static const struct bf_field forward_fields[] = {
	BF_FIELD(PORT, id),
	BF_FIELD(PORT, name),
	BF_FIELD(PORT, rx_frames),
	BF_FIELD(PORT, rx_dropped),
	BF_FIELD(PORT, rx_good, .text_only = true),
	BF_FIELD(PORT, tx_frames),
	BF_FIELD(PORT, tx_dropped),
	BF_FIELD(PORT, tx_total, .text_only = true),
	BF_FIELD(PORT, flooded),
	BF_FIELD(PORT, copies),
};

#define FRAMES \
	"  RX-packets: {rx_good:-14} RX-dropped: {rx_dropped:-13} RX-total: {rx_frames}\n" \
	"  TX-packets: {tx_frames:-14} TX-dropped: {tx_dropped:-13} TX-total: {tx_total}\n"

static const struct bf_table forward_table = BF_TABLE("forward", PORT, forward_fields,
	.text = "\n  ---------------------- Forward statistics for port {id:-2} "
		"----------------------\n" FRAMES
		"  ------------------------------------------------"
		"----------------------------\n");

static const struct bf_table total_table = BF_TABLE("total", PORT, forward_fields,
	.text = "\n  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++\n" FRAMES
		"  ++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++"
		"\n");

struct forwards_row {
	struct bf_rows ports;
	PORT total;
	uint64_t busy_cycles, received, clock_mhz;
	double cycles_per_packet;
};

static const struct bf_field forwards_fields[] = {
	BF_FIELD(struct forwards_row, ports, .table = &forward_table),
	BF_FIELD(struct forwards_row, total, .table = &total_table, .text_only = true),
	BF_FIELD(struct forwards_row, busy_cycles),
	BF_FIELD(struct forwards_row, received, .text_only = true),
	BF_FIELD(struct forwards_row, clock_mhz, .text_only = true),
	BF_FIELD(struct forwards_row, cycles_per_packet, .text_only = true),
};

static const struct bf_table forwards_table = BF_TABLE("forwards", struct forwards_row,
	forwards_fields,
	.text = "{ports}{total}{#received}\n  CPU cycles/packet={cycles_per_packet:.2} "
		"(busy cycles={busy_cycles} / total io packets={received}) at {clock_mhz} MHz Clock\n"
		"{/received}");

static void
add_forward(const struct bf_bridge *br, struct forwards_row *all, unsigned int id, uint16_t slot,
	struct bf_snapshot *s)
{
	PORT *row = bf_rows_add(s, &all->ports, sizeof(*row));
	struct bf_port_counters c;

	bf_stats_port(br, slot, &c);
	row->id = id;
	BF_ROW_TEXT(row->name, bf_bridge_port_name(br, slot));
	bf_stats_errors(&c, &row->rx_dropped, &row->tx_dropped);
	row->rx_frames = c.rx_frames;
	row->rx_good = c.rx_frames - row->rx_dropped;
	row->tx_frames = c.tx_frames;
	row->tx_total = c.tx_frames + row->tx_dropped;
	row->flooded = c.flooded;
	row->copies = c.copies;
	all->total.rx_frames += row->rx_frames;
	all->total.rx_dropped += row->rx_dropped;
	all->total.rx_good += row->rx_good;
	all->total.tx_frames += row->tx_frames;
	all->total.tx_dropped += row->tx_dropped;
	all->total.tx_total += row->tx_total;
}

static void
gather_forwards(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct forwards_row *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct bf_ledger l;

	(void)only;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].bond.open)
			add_forward(br, row, br->up[k].bond.port, bf_bond_slot(k), s);
	for (uint16_t slot = 1; slot < BF_MAX_PORTS; slot++)
		if (br->guests[slot] != NULL)
			add_forward(br, row, bf_guest_id(br->guests[slot]), slot, s);
	for (unsigned int w = 0; w < br->lcores.n; w++)
		row->busy_cycles += br->lcores.workers[w]->counters->pmd.busy_tsc;
	bf_stats_ledger(br, &l);
	row->received = l.rx;
	row->clock_mhz = rte_get_tsc_hz() / 1000000;
	row->cycles_per_packet = l.rx > 0 ? (double)row->busy_cycles / (double)l.rx : 0;
}

const struct bf_show bf_show_forwarding = {
	.table = &forwards_table, .gather = gather_forwards, .one = true};

/** A bond's name, of a worker that polls it. */
struct polled_bond_row {
	char bond[BF_NAME_MAX];
};

static const struct bf_field polled_bond_fields[] = {BF_FIELD(struct polled_bond_row, bond)};

static const struct bf_table polled_bond_table =
	BF_TABLE("polled bond", struct polled_bond_row, polled_bond_fields,
		.shape = BF_SHAPE_VALUES, .text = "  RX P={bond}/Q={bond_queue} -> switch\n");

struct polled_queue_row {
	char guest[BF_NAME_MAX];
	uint32_t queue;
};

static const struct bf_field polled_queue_fields[] = {
	BF_FIELD(struct polled_queue_row, guest),
	BF_FIELD(struct polled_queue_row, queue),
};

static const struct bf_table polled_queue_table = BF_TABLE("polled queue", struct polled_queue_row,
	polled_queue_fields, .text = "  RX P={guest}/Q={queue} -> switch\n");

struct poller_row {
	uint32_t lcore, bond_queue, streams;
	int socket;
	bool polls_bond;
	struct bf_rows bonds, guest_queues;
};

#define POLLER struct poller_row

static const struct bf_field poller_fields[] = {
	BF_FIELD(POLLER, lcore),
	BF_FIELD(POLLER, socket),
	BF_FIELD(POLLER, polls_bond),
	BF_FIELD(POLLER, bond_queue),
	BF_FIELD(POLLER, streams, .text_only = true),
	BF_FIELD(POLLER, bonds, .table = &polled_bond_table),
	BF_FIELD(POLLER, guest_queues, .table = &polled_queue_table),
};

static const struct bf_table poller_table = BF_TABLE("poller", POLLER, poller_fields,
	.text = "Logical Core {lcore} (socket {socket}) forwards packets on {streams} streams:\n"
		"{bonds}{guest_queues}");

struct polling_row {
	bool forwarding;
	char bonds[BF_MAX_BONDS * (BF_NAME_MAX + 1)];
	uint32_t guests;
	struct bf_rows lcores;
};

static const struct bf_field polling_fields[] = {
	BF_FIELD(struct polling_row, forwarding),
	BF_FIELD(struct polling_row, bonds, .text_only = true),
	BF_FIELD(struct polling_row, guests, .text_only = true),
	BF_FIELD(struct polling_row, lcores, .table = &poller_table),
};

static const struct bf_table polling_table = BF_TABLE("polling", struct polling_row, polling_fields,
	.text = "learning switch packet forwarding{^forwarding} (stopped){/forwarding} - bond {bonds}, "
		"guests={guests} - cores={lcores.n}\n{lcores}");

static void
gather_poller(const struct bf_bridge *br, unsigned int i, POLLER *row, struct bf_snapshot *s)
{
	const struct bf_worker_view *wv = &br->lcores.view->workers[i];

	row->lcore = br->lcores.workers[i]->lcore;
	row->socket = br->lcores.workers[i]->socket;
	row->polls_bond = wv->polls != 0;
	row->bond_queue = i;
	row->streams = wv->n_rxq + (unsigned int)__builtin_popcount(wv->polls);
	for (unsigned int left = wv->polls; left != 0; left &= left - 1) {
		struct polled_bond_row *b = bf_rows_add(s, &row->bonds, sizeof(*b));

		BF_ROW_TEXT(b->bond, br->up[__builtin_ctz(left)].name);
	}
	for (unsigned int q = 0; q < wv->n_rxq; q++) {
		struct polled_queue_row *p = bf_rows_add(s, &row->guest_queues, sizeof(*p));
		uint16_t slot = wv->rxq[q].slot;

		BF_ROW_TEXT(p->guest,
			br->guests[slot] != NULL ? bf_bridge_port_name(br, slot) : "(removed)");
		p->queue = wv->rxq[q].ring / 2u;
	}
}

/* "bond0" or "bond0 bond1" of those that are open; "none". */
static void
gather_polling(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct polling_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

	(void)only;
	row->forwarding = br->lcores.view->forwarding;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].bond.open)
			bf_words_add(row->bonds, sizeof(row->bonds), " ", br->up[k].name);
	if (row->bonds[0] == '\0')
		BF_ROW_TEXT(row->bonds, "none");
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++)
		row->guests += br->guests[slot] != NULL;
	for (unsigned int i = 0; i < br->lcores.n; i++)
		gather_poller(br, i, bf_rows_add(s, &row->lcores, sizeof(POLLER)), s);
}

const struct bf_show bf_show_polling = {
	.table = &polling_table, .gather = gather_polling, .one = true};
