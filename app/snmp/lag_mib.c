/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IEEE8023-LAG-MIB: bonds that speak LACP are aggregators, their members aggregation ports.
 *
 * bondfwd has several aggregators in a bond when partners differ, of which one is active.  To the MIB the bond is that
 * one: a member of another one is attached to none.
 *
 * Threads: ctx control.
 */
#include <stdlib.h>
#include <string.h>

#include "snmp/lag_ports.h"
#include "snmp/mibs.h"

struct lag {
	uint32_t index; /* first */
	uint8_t mac[6];
	struct bf_lag_end actor, partner;
	uint64_t aggregate, delay;
	uint8_t ports[16]; /* bits: those attached, by the actor's port number */
	unsigned int n_octets;
};

#define LAG(number, type, field) \
	{ \
		number, BF_SNMP_##type, offsetof(struct lag, field) \
	}
#define PORT(number, type, field) \
	{ \
		number, BF_SNMP_##type, offsetof(struct bf_lag_port, field) \
	}
#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct bf_snmp_column lag_columns[] = {
	LAG(2, MAC, mac),
	LAG(3, INTEGER, actor.system_priority),
	LAG(4, MAC, actor.system_id),
	LAG(5, INTEGER, aggregate),
	LAG(6, INTEGER, actor.key),
	LAG(7, INTEGER, actor.key),
	LAG(8, MAC, partner.system_id),
	LAG(9, INTEGER, partner.system_priority),
	LAG(10, INTEGER, partner.key),
	LAG(11, INTEGER, delay),
};

static const struct bf_snmp_column port_columns[] = {
	PORT(2, INTEGER, actor.system_priority),
	PORT(3, MAC, actor.system_id),
	PORT(4, INTEGER, actor.key),
	PORT(5, INTEGER, actor.key),
	PORT(7, INTEGER, partner.system_priority),
	PORT(9, MAC, partner.system_id),
	PORT(11, INTEGER, partner.key),
	PORT(12, INTEGER, selected),
	PORT(13, INTEGER, attached),
	PORT(14, INTEGER, actor.port),
	PORT(15, INTEGER, actor.port_priority),
	PORT(17, INTEGER, partner.port),
	PORT(19, INTEGER, partner.port_priority),
	PORT(21, STATE, actor.state),
	PORT(23, STATE, partner.state),
	PORT(24, INTEGER, aggregate),
};

static const struct bf_snmp_column stats_columns[] = {
	PORT(1, COUNTER, pdu_rx),
	PORT(2, COUNTER, marker_rx),
	PORT(3, COUNTER, response_rx),
	PORT(4, COUNTER, unknown_rx),
	PORT(5, COUNTER, illegal_rx),
	PORT(6, COUNTER, pdu_tx),
	PORT(7, COUNTER, marker_tx),
	PORT(8, COUNTER, response_tx),
};

/* The bond as the aggregator of those that are attached; without any, of all that it has. */
static void
read_lag(const struct bf_snmp_port *bond, const struct bf_lag_port *ports, unsigned int n,
	struct lag *l)
{
	const struct bf_lag_port *any = NULL, *one = NULL;

	*l = (struct lag){.index = bond->index, .aggregate = BF_LAG_TRUE};
	memcpy(l->mac, bond->mac, sizeof(l->mac));
	for (unsigned int i = 0; i < n; i++) {
		uint64_t bit = ports[i].actor.port - 1; /* they begin with 1 */

		if (ports[i].bond != bond->index)
			continue;
		any = &ports[i];
		if (ports[i].attached == 0 || bit / 8 >= sizeof(l->ports))
			continue;
		one = &ports[i];
		l->ports[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
		l->n_octets = bit / 8 + 1 > l->n_octets ? (unsigned int)(bit / 8) + 1 : l->n_octets;
	}
	if (any != NULL)
		l->actor = any->actor;
	if (one != NULL)
		l->partner = one->partner;
}

static void
write_port_lists(const struct bf_snmp_writer *w, const struct lag *lags, unsigned int n)
{
	char oid[BF_SNMP_OID_SIZE];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(oid, sizeof(oid), BF_SNMP_LAG ".1.1.2.1.1.%u", lags[i].index);
		bf_snmp_put_octets(w, oid, lags[i].ports, lags[i].n_octets);
	}
}

void
bf_snmp_lag(const struct bf_snmp_writer *w, struct bf_bridge *br, const struct bf_snmp_ports *p)
{
	struct bf_lag_port ports[BF_MAX_BONDS * BF_MAX_MEMBERS];
	struct lag lags[BF_MAX_BONDS];
	unsigned int n_lags = 0, n;

	memset(ports, 0, sizeof(ports));
	n = bf_lag_ports_gather(br, p, ports, N(ports));
	for (unsigned int i = 0; i < p->n && n_lags < N(lags); i++) {
		read_lag(&p->list[i], ports, n, &lags[n_lags]);
		n_lags += p->list[i].kind == BF_SNMP_BOND && lags[n_lags].actor.port != 0;
	}
	bf_snmp_table(w, BF_SNMP_LAG ".1.1.1.1", lag_columns, N(lag_columns), lags, n_lags,
		sizeof(lags[0]));
	write_port_lists(w, lags, n_lags);
	bf_snmp_table(w, BF_SNMP_LAG ".1.2.1.1", port_columns, N(port_columns), ports, n,
		sizeof(ports[0]));
	bf_snmp_table(w, BF_SNMP_LAG ".1.2.2.1", stats_columns, N(stats_columns), ports, n,
		sizeof(ports[0]));
}
