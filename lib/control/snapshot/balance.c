/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show bonding balance and show bonding whatif: who carries what, and who would by other policies.
 *
 * Threads: ctx control.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mac.h"
#include "control/bridge.h"
#include "control/observe/stats.h"
#include "control/snapshot/snapshot.h"

#define TOP_FLOWS 10

struct share_row {
	bool there, missing;
	char name[BF_DEV_NAME_MAX];
	bool carries;
	uint32_t buckets;
	double bps, share, percent;
	struct bf_member_counters c;
};

#define SHARE struct share_row
#define THERE BF_WHEN(SHARE, there)

static const struct bf_field share_fields[] = {
	BF_FIELD(SHARE, name),
	BF_FIELD(SHARE, missing, BF_WHEN(SHARE, missing)),
	BF_FIELD(SHARE, carries),
	BF_FIELD(SHARE, buckets, THERE),
	BF_FIELD(SHARE, bps, THERE),
	BF_FIELD(SHARE, share, THERE),
	BF_FIELD(SHARE, percent, .text_only = true),
	BF_FIELD_AS(SHARE, c.tx_frames, "tx_frames", THERE),
	BF_FIELD_AS(SHARE, c.tx_bytes, "tx_bytes", THERE),
};

static const struct bf_table share_table = BF_TABLE("share", SHARE, share_fields,
	.head = "Member               Carries  Buckets           bit/s    Share      tx frames\n",
	.text = "{#missing}{name:-20} missing\n{/missing}{^missing}{name:-20} {carries:-8} "
		"{buckets:-8} {bps:14.0} {percent:7.1}% {tx_frames:14}\n{/missing}");

struct bucket_row {
	uint32_t bucket;
	char member[BF_DEV_NAME_MAX];
	uint64_t bytes_per_s;
};

static const struct bf_field bucket_fields[] = {
	BF_FIELD(struct bucket_row, bucket),
	BF_FIELD(struct bucket_row, member),
	BF_FIELD(struct bucket_row, bytes_per_s),
};

static const struct bf_table bucket_table = BF_TABLE("bucket", struct bucket_row, bucket_fields);

struct flow_row {
	char flow[200], member[BF_DEV_NAME_MAX];
	uint64_t bytes;
};

static const struct bf_field flow_fields[] = {
	BF_FIELD(struct flow_row, flow),
	BF_FIELD(struct flow_row, bytes),
	BF_FIELD(struct flow_row, member),
};

static const struct bf_table flow_table = BF_TABLE(
	"flow", struct flow_row, flow_fields, .text = "  {bytes:12} bytes  {member:-16} {flow}\n");

struct balance_row {
	char bond[BF_NAME_MAX];
	const char *mode, *policy;
	uint32_t seed, flows_known;
	struct bf_rows members, buckets, top_flows;
	double ratio;
	uint64_t moves;
};

#define ROW struct balance_row

static const struct bf_field balance_fields[] = {
	BF_FIELD(ROW, bond),
	BF_FIELD(ROW, mode),
	BF_FIELD(ROW, policy),
	BF_FIELD(ROW, seed),
	BF_FIELD(ROW, members, .table = &share_table),
	BF_FIELD(ROW, ratio),
	BF_FIELD(ROW, moves),
	BF_FIELD(ROW, buckets, .table = &bucket_table),
	BF_FIELD(ROW, flows_known),
	BF_FIELD(ROW, top_flows, .table = &flow_table),
};

static const struct bf_table balance_table = BF_TABLE("balance", ROW, balance_fields,
	.text = "{bond}: {mode}, policy {policy}, seed {seed}\n{members}"
		"Imbalance ratio (largest / fair share): {ratio:.2}, rebalancing moves {moves}\n"
		"Biggest flows of {flows_known} sampled:\n{top_flows}");

/* Addresses and ports of a sampled frame, in words. */
static void
flow_text(const struct bf_flow *f, char *buf, size_t size)
{
	char s[BF_MAC_TEXT_SIZE], d[BF_MAC_TEXT_SIZE];
	char sip[INET6_ADDRSTRLEN] = "", dip[INET6_ADDRSTRLEN] = "";
	struct bf_flow_key k;
	uint16_t ports[2];
	bool v6;

	bf_flow_key(f->head, f->head_len, BF_POLICY_L34, &k);
	bf_mac_text(f->head + 6, s);
	bf_mac_text(f->head, d);
	if (!k.has_l3) {
		snprintf(buf, size, "%s -> %s", s, d);
		return;
	}
	v6 = k.l3[1] != 0 || k.l3[3] != 0;
	inet_ntop(v6 ? AF_INET6 : AF_INET, &k.l3[0], sip, sizeof(sip));
	inet_ntop(v6 ? AF_INET6 : AF_INET, &k.l3[2], dip, sizeof(dip));
	memcpy(ports, &k.ports, 4);
	if (k.has_l4)
		snprintf(buf, size, "%s -> %s %s:%u -> %s:%u proto %u", s, d, sip, ntohs(ports[0]),
			dip, ntohs(ports[1]), k.proto);
	else
		snprintf(buf, size, "%s -> %s %s -> %s", s, d, sip, dip);
}

static int
by_bytes(const void *a, const void *b)
{
	const struct bf_flow *const *x = a, *const *y = b;

	return (*x)->bytes < (*y)->bytes ? 1 : (*x)->bytes > (*y)->bytes ? -1 : 0;
}

static void
gather_flows(const struct bf_balance *ba, const struct bf_bond *b, ROW *row, struct bf_snapshot *s)
{
	const struct bf_flow *known[BF_FLOWS_MAX] = {NULL};

	for (unsigned int i = 0; i < BF_FLOWS_MAX; i++)
		if (ba->flows[i].hash != 0)
			known[row->flows_known++] = &ba->flows[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
	qsort(known, row->flows_known, sizeof(known[0]), by_bytes);
	for (unsigned int i = 0; i < row->flows_known && i < TOP_FLOWS; i++) {
		struct flow_row *flow = bf_rows_add(s, &row->top_flows, sizeof(*flow));
		int m = bf_bond_member_for(b, known[i]->head, known[i]->head_len);

		flow_text(known[i], flow->flow, sizeof(flow->flow));
		flow->bytes = known[i]->bytes;
		BF_ROW_TEXT(flow->member, bf_bond_member_name(b, m));
	}
}

static void
gather_shares(
	const struct bf_bridge *br, const struct bf_uplink *u, ROW *row, struct bf_snapshot *s)
{
	const struct bf_bond *b = &u->bond;
	double load[BF_MAX_MEMBERS], sum = 0;

	bf_balance_shares(&u->balance, b, load);
	for (unsigned int i = 0; i < b->n_members; i++)
		sum += load[i];
	for (unsigned int i = 0; i < b->n_members; i++) {
		SHARE *m = bf_rows_add(s, &row->members, sizeof(*m));

		m->there = true;
		BF_ROW_TEXT(m->name, b->members[i].name);
		m->carries = (bf_bond_carrying(b) & 1u << b->members[i].bit) != 0;
		for (unsigned int k = 0; k < BF_BUCKETS; k++)
			m->buckets += bf_bond_bucket_member(b, k) == b->members[i].bit;
		m->bps = load[i] * 8;
		m->share = sum > 0 ? load[i] / sum : 0;
		m->percent = 100 * m->share;
		bf_stats_member(br, b->number, b->members[i].bit, &m->c);
	}
	for (uint32_t i = 0; i < u->missing.n; i++) {
		SHARE *m = bf_rows_add(s, &row->members, sizeof(*m));

		m->missing = true;
		BF_ROW_TEXT(m->name, u->missing.members[i].name);
	}
	row->ratio = bf_balance_ratio(b, load);
	row->moves = u->balance.moves;
}

static void
gather_bond(const struct bf_bridge *br, const struct bf_uplink *u, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));
	const struct bf_bond *b = &u->bond;

	BF_ROW_TEXT(row->bond, b->cfg.name);
	row->mode = bf_mode_names[bf_bond_mode_in_force(b)];
	row->policy = bf_policy_names[bf_bond_policy(b)];
	row->seed = b->cfg.seed;
	gather_shares(br, u, row, s);
	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		struct bucket_row *bucket = bf_rows_add(s, &row->buckets, sizeof(*bucket));
		int m = bf_bond_by_bit(b, bf_bond_bucket_member(b, k));

		bucket->bucket = k;
		BF_ROW_TEXT(bucket->member, bf_bond_member_name(b, m));
		bucket->bytes_per_s = u->balance.load[k];
	}
	gather_flows(&u->balance, b, row, s);
}

/* Bonds that are open. */
static void
gather_balance(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].bond.open && (only == NULL || strcmp(br->up[k].name, only) == 0))
			gather_bond(br, &br->up[k], s);
}

const struct bf_show bf_show_balance = {
	.table = &balance_table, .gather = gather_balance, .named_is_one = true};

struct part_row {
	double share, percent;
};

static const struct bf_field part_fields[] = {
	BF_FIELD(struct part_row, share),
	BF_FIELD(struct part_row, percent),
};

static const struct bf_table part_table = BF_TABLE(
	"part", struct part_row, part_fields, .shape = BF_SHAPE_VALUES, .text = " {percent:.0}%");

struct whatif_row {
	const char *policy;
	uint64_t seed;
	uint32_t members, flows, moved;
	double ratio;
	struct bf_rows shares;
};

#define WHATIF struct whatif_row

static const struct bf_field whatif_fields[] = {
	BF_FIELD(WHATIF, policy),
	BF_FIELD(WHATIF, seed),
	BF_FIELD(WHATIF, members),
	BF_FIELD(WHATIF, ratio),
	BF_FIELD(WHATIF, flows),
	BF_FIELD(WHATIF, moved),
	BF_FIELD(WHATIF, shares, .table = &part_table),
};

static const struct bf_table whatif_table = BF_TABLE("whatif", WHATIF, whatif_fields,
	.head = "Policy        Seed       Members  Ratio   Flows moved    Shares\n",
	.text = "{policy:-13} {seed:-10} {members:-8} {ratio:-7.2} {moved:5} of {flows:-5} {shares}\n");

static void
add_whatif(const struct bf_uplink *u, enum bf_policy policy, uint64_t seed, unsigned int n,
	struct bf_snapshot *s)
{
	WHATIF *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct bf_whatif w;

	bf_balance_whatif(&u->balance, &u->bond, policy, seed, n, &w);
	row->policy = bf_policy_names[w.policy];
	row->seed = w.seed;
	row->members = w.n_members;
	row->ratio = w.ratio;
	row->flows = w.flows;
	row->moved = w.moved;
	for (unsigned int i = 0; i < w.n_members; i++) {
		struct part_row *part = bf_rows_add(s, &row->shares, sizeof(*part));

		part->share = w.share[i];
		part->percent = 100 * w.share[i];
	}
}

/* Other policies and seeds, then a member less and one more. */
static void
gather_whatif(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const struct bf_uplink *u = only == NULL ? NULL : bf_bridge_uplink(br, only);
	const struct bf_bond *b;

	if (u == NULL || !u->bond.open)
		return;
	b = &u->bond;
	for (unsigned int p = 0; p < BF_POLICY_COUNT; p++)
		for (uint64_t seed = b->cfg.seed; seed < b->cfg.seed + 3ull; seed++)
			add_whatif(u, (enum bf_policy)p, seed, b->n_members, s);
	for (unsigned int n = b->n_members - 1; n <= b->n_members + 1; n += 2)
		if (n != 0 && n <= BF_MAX_MEMBERS)
			add_whatif(u, bf_bond_policy(b), b->cfg.seed, n, s);
}

const struct bf_show bf_show_whatif = {.table = &whatif_table, .gather = gather_whatif};
