/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LLDPDUs (IEEE 802.1AB-2016): what a switch says of itself and of its port, bytes to values and back; nothing else.
 *
 * A PDU is taken as a whole or not at all: chassis, port and time to live come first and once, and no TLV goes
 * beyond the frame.  An optional TLV that is malformed is left out and counted (9.2.7.7).
 *
 * Texts that came from the wire are printable UTF-8: other bytes are "?".
 *
 * Threads: ctx any (pure functions).
 */
#ifndef BF_LLDP_LLDP_H
#define BF_LLDP_LLDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BF_LLDP_ID_MAX 255
#define BF_LLDP_TEXT_SIZE 256
#define BF_LLDP_ID_TEXT_SIZE (3 * BF_LLDP_ID_MAX + 1)
#define BF_LLDP_VLANS 8 /* names that are kept */
#define BF_LLDP_FRAME_MAX 400 /* of ours */

/** System capabilities (table 8-4), a bit each. */
enum bf_lldp_capability {
	BF_LLDP_OTHER = 1 << 0,
	BF_LLDP_REPEATER = 1 << 1,
	BF_LLDP_BRIDGE = 1 << 2,
	BF_LLDP_WLAN = 1 << 3,
	BF_LLDP_ROUTER = 1 << 4,
	BF_LLDP_PHONE = 1 << 5,
	BF_LLDP_DOCSIS = 1 << 6,
	BF_LLDP_STATION = 1 << 7,
};

/** A chassis or a port, as it names itself. */
struct bf_lldp_id {
	uint8_t subtype; /* tables 8-2 and 8-3 */
	uint8_t len; /* 1 to BF_LLDP_ID_MAX */
	uint8_t at[BF_LLDP_ID_MAX];
};

struct bf_lldp_vlan {
	uint16_t id;
	char name[33];
};

/** What a PDU says. Zero where it says nothing. */
struct bf_lldp_pdu {
	struct bf_lldp_id chassis, port;
	uint16_t ttl_s; /* 0: the sender is going */
	char port_description[BF_LLDP_TEXT_SIZE], system_name[BF_LLDP_TEXT_SIZE],
		system_description[BF_LLDP_TEXT_SIZE];
	bool has_capabilities;
	uint16_t capabilities, enabled; /* enum bf_lldp_capability */
	char management[64]; /* the first address */
	bool has_pvid;
	uint16_t pvid;
	uint8_t n_vlans;
	struct bf_lldp_vlan vlans[BF_LLDP_VLANS];
	/* IEEE 802.3: MAC/PHY, link aggregation, maximum frame size */
	bool has_phy, autoneg_supported, autoneg_enabled;
	uint16_t mau_type;
	bool has_lag, lag_is_802_1; /* in the newer TLV, of 802.1 */
	bool lag_capable, lag_enabled;
	uint32_t lag_port; /* number of the aggregated port, 0: none */
	uint16_t max_frame;
	/* Optional TLVs */
	uint16_t n_malformed, n_unknown;
};

/**
 * Read a frame, from its Ethernet header on, without a tag.
 *
 * @return 0, or -EINVAL with what is wrong; then @p pdu holds what came before that.
 */
int bf_lldp_parse(const uint8_t *frame, size_t len, struct bf_lldp_pdu *pdu, struct bf_err *err);

/** Does it come from the same port of the same chassis? */
bool bf_lldp_is_same(const struct bf_lldp_pdu *a, const struct bf_lldp_pdu *b);
bool bf_lldp_id_is_equal(const struct bf_lldp_id *a, const struct bf_lldp_id *b);

/** An id for people: an address as such, text as it is, other bytes in hex. @p size BF_LLDP_ID_TEXT_SIZE */
void bf_lldp_chassis_text(const struct bf_lldp_id *id, char *buf, size_t size);
void bf_lldp_port_text(const struct bf_lldp_id *id, char *buf, size_t size);
/** What an id is: "mac", "interface", ... */
const char *bf_lldp_chassis_kind(uint8_t subtype);
const char *bf_lldp_port_kind(uint8_t subtype);
/** Names of capabilities: "bridge router". */
void bf_lldp_capabilities_text(uint16_t set, char *buf, size_t size);

/** What we say. Texts that are too long are cut. */
struct bf_lldp_local {
	uint8_t src[6]; /* of the port */
	uint8_t chassis[6];
	const char *port; /* the name of the interface */
	uint16_t ttl_s; /* 0: we are going; nothing else is said then */
	const char *port_description, *system_name, *system_description;
	uint16_t capabilities, enabled;
	uint16_t pvid; /* 0: none */
	bool lag_capable, lag_enabled;
	uint32_t lag_port;
	uint16_t max_frame;
};

/** Write a frame to the nearest bridge. @return its length, 60 at least. */
size_t bf_lldp_build(const struct bf_lldp_local *local, uint8_t frame[BF_LLDP_FRAME_MAX]);

#endif
