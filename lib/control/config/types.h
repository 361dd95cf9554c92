/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The kinds of values that keys have, and the columns of a row that go with each.
 *
 * Threads: constants.
 */
#ifndef BF_CONTROL_CONFIG_TYPES_H
#define BF_CONTROL_CONFIG_TYPES_H

#include "control/config/key.h"

extern const struct bf_key_type bf_type_u32, bf_type_i32;
extern const struct bf_key_type bf_type_of_bond; /* uint32_t, or "bond": BF_OF_BOND */
extern const struct bf_key_type bf_type_bool; /* bool: on, off */
extern const struct bf_key_type bf_type_either; /* bool: the second of two words */
extern const struct bf_key_type bf_type_enum; /* uint32_t: which of the words */
extern const struct bf_key_type bf_type_mac; /* uint8_t[6]; zero: none */
extern const struct bf_key_type bf_type_name, bf_type_device, bf_type_path; /* char[max] */
extern const struct bf_key_type bf_type_vlan; /* uint32_t; 0: none */
extern const struct bf_key_type bf_type_access; /* uint32_t; 0: untagged, BF_VLAN_ANY: any */
extern const struct bf_key_type bf_type_vlans; /* struct bf_vlan_set */
extern const struct bf_key_type bf_type_macs; /* struct bf_mac_list */
extern const struct bf_key_type bf_type_ips; /* struct bf_ip_list */
extern const struct bf_key_type bf_type_rate; /* struct bf_rate_limit */
extern const struct bf_key_type
	bf_type_rate_burst; /* struct bf_rate_burst; max: bursts that may be said */
extern const struct bf_key_type bf_type_features; /* struct bf_feature_pin: features.h */
extern const struct bf_key_type bf_type_filter; /* char[max]: filter_text.h */

#define BF_NUM(at, lo, hi) .type = &bf_type_u32, .offset = (at), .min = (lo), .max = (hi)
#define BF_SIGNED(at, lo, hi) .type = &bf_type_i32, .offset = (at), .min = (lo), .max = (hi)
#define BF_NUM_OF_BOND(at, lo, hi) \
	.type = &bf_type_of_bond, .offset = (at), .min = (lo), .max = (hi)
#define BF_ONOFF(at) .type = &bf_type_bool, .offset = (at)
#define BF_EITHER(at, names) .type = &bf_type_either, .offset = (at), BF_KEY_WORDS(names)
#define BF_ONE_OF(at, names) .type = &bf_type_enum, .offset = (at), BF_KEY_WORDS(names)
#define BF_KEY_WORDS(names) .words = (names), .n_words = sizeof(names) / sizeof((names)[0])
/** A number as the text of a default. */
#define BF_KEY_NUMBER(n) BF_KEY_TEXT_OF(n)
#define BF_KEY_TEXT_OF(n) #n
/** @p kind: mac, vlan, access, vlans, macs, ips, rate. */
#define BF_VALUE(kind, at) .type = &bf_type_##kind, .offset = (at)
#define BF_RATE_BURST(at, bursts) .type = &bf_type_rate_burst, .offset = (at), .max = (bursts)
/** @p kind: name, device, path, filter. */
#define BF_STRING(kind, at, room) .type = &bf_type_##kind, .offset = (at), .max = (room)

#endif
