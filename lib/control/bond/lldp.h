/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LLDP at the members of a bond: which port of which switch each is connected to, and our own frames to it.
 *
 * Every member has a table of the neighbours that it hears; an entry ends with its time to live, or when its sender
 * says that it is going.  When the link goes, the entry stays until then: it says where the cable went.  The table
 * is bounded: the neighbour that was heard longest ago gives way.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_LLDP_H
#define BF_CONTROL_BOND_LLDP_H

#include <stdbool.h>
#include <stdint.h>

#include "control/bond/cabling.h"
#include "control/config/config.h"
#include "lldp/lldp.h"

struct bf_bond;
struct rte_mbuf;

#define BF_LLDP_NEIGHBORS 8 /* of a member */
#define BF_LLDP_EVENTS 10 /* about a member's neighbours in a minute */

struct bf_lldp_neighbor {
	struct bf_lldp_pdu pdu;
	uint64_t since_ms, heard_ms, expires_ms;
	uint64_t here_ms; /* heard first since the link came */
};

struct bf_lldp_counters {
	uint64_t rx, tx;
	uint64_t rx_errors; /* frames that are malformed */
	uint64_t rx_limited; /* beyond what is read in a second */
	uint64_t tlv_errors, tlv_unknown; /* optional TLVs */
	uint64_t aged; /* neighbours whose time to live ended */
	uint64_t crowded_out; /* neighbours that gave way to others */
};

struct bf_lldp_member {
	char name[BF_DEV_NAME_MAX]; /* "": nobody's */
	uint32_t n;
	struct bf_lldp_neighbor at[BF_LLDP_NEIGHBORS];
	struct bf_lldp_counters count;
	char last_error[128];
	/* How much is read and told. */
	uint64_t second, minute;
	uint32_t in_second, in_minute;
	/* Sending. */
	bool sends; /* something was sent that has to be taken back */
	bool linked; /* it had a link at the last look */
	uint64_t due_ms;
	uint32_t fast; /* frames that are still sent quickly */
	uint64_t said; /* a digest of what was sent */
};

struct bf_lldp {
	struct bf_lldp_member members[BF_MAX_MEMBERS];
	uint64_t tick_ms;
	struct bf_cabling cabling;
};

/** A frame that a member brought; frees @p m. */
void bf_bond_lldp_receive(struct bf_bond *b, struct rte_mbuf *m, uint64_t now_ms);

/** The same of its bytes. */
void bf_bond_lldp_read(
	struct bf_bond *b, unsigned int member, const uint8_t *frame, size_t len, uint64_t now_ms);

/** Neighbours that have aged, frames that are due, cabling. */
void bf_bond_lldp_tick(struct bf_bond *b, uint64_t now_ms);

/** A member (by index; -1: all) leaves: its neighbour is told. @return whether it has to be told anything. */
bool bf_bond_lldp_leave(struct bf_bond *b, int member);

/** What is known of a member; NULL: nothing yet. */
const struct bf_lldp_member *bf_bond_lldp_of(const struct bf_bond *b, const char *member);

/**
 * The neighbour that counts where a member has several: a bridge, and that which came last; so it stays the same while all
 * of them are heard.
 *
 * @return NULL: there is none.
 */
const struct bf_lldp_neighbor *bf_lldp_main_neighbor(const struct bf_lldp_member *m);

/** The neighbour's name for people: that of the system, else the chassis. @p size BF_LLDP_ID_TEXT_SIZE */
void bf_lldp_system_text(const struct bf_lldp_pdu *pdu, char *buf, size_t size);

/* ---- bond/lldp_tx.c ---- */

/** Send what is due for a member, by index. */
void bf_bond_lldp_send(
	struct bf_bond *b, unsigned int member, struct bf_lldp_member *l, uint64_t now_ms);
/** Take back what was sent; nothing happens when nothing was. */
bool bf_bond_lldp_take_back(struct bf_bond *b, unsigned int member, struct bf_lldp_member *l);
/** Somebody new is there: he shall hear of us soon. */
void bf_bond_lldp_hurry(struct bf_lldp_member *l, uint64_t now_ms);

/** The task of all bonds: frames that workers took, then what is due. */
uint64_t bf_lldp_tick(void *bridge, uint64_t now_ms);

#endif
