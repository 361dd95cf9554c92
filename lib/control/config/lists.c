/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Values that are sets and lists, and rates.  A new text takes the old one's place.
 *
 * Threads: ctx control.
 */
#include "control/config/types.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ip_list.h"
#include "base/mac_list.h"
#include "base/parse.h"
#include "base/rate_limit.h"
#include "base/vlan_set.h"
#include "control/config/config.h"

static int
vlan_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	uint64_t n = 0;

	if (strcmp(text, "none") != 0 && bf_parse_u64(k->name, text, 1, BF_VLAN_MAX, &n, NULL) != 0)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected 1 to %d, or none", k->name,
			text, BF_VLAN_MAX);
	*(uint32_t *)at = (uint32_t)n;
	return 0;
}

static void
vlan_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	uint32_t n = *(const uint32_t *)at;

	(void)k;
	if (n == 0)
		snprintf(buf, size, "none");
	else
		snprintf(buf, size, "%" PRIu32, n);
}

static void
vlan_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "1 to %d, none", BF_VLAN_MAX);
}

const struct bf_key_type bf_type_vlan = {
	.parse = vlan_parse, .print = vlan_print, .values = vlan_values, .size = sizeof(uint32_t)};

static int
access_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	uint64_t n = 0;

	if (strcmp(text, "any") == 0)
		n = BF_VLAN_ANY;
	else if (strcmp(text, "untagged") != 0 &&
		bf_parse_u64(k->name, text, 1, BF_VLAN_MAX, &n, NULL) != 0)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected 1 to %d, untagged, or any",
			k->name, text, BF_VLAN_MAX);
	*(uint32_t *)at = (uint32_t)n;
	return 0;
}

static void
access_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	uint32_t n = *(const uint32_t *)at;

	if (n == BF_VLAN_ANY)
		snprintf(buf, size, "any");
	else if (n == 0)
		snprintf(buf, size, "untagged");
	else
		vlan_print(k, at, buf, size);
}

static void
access_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "1 to %d, untagged, any", BF_VLAN_MAX);
}

const struct bf_key_type bf_type_access = {.parse = access_parse,
	.print = access_print,
	.values = access_values,
	.size = sizeof(uint32_t)};

static int
vlans_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	return bf_vlan_set_parse(k->name, text, at, err);
}

static void
vlans_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	bf_vlan_set_print(at, buf, size);
}

static void
vlans_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "VLANs and ranges of 1 to %d, none", BF_VLAN_MAX);
}

const struct bf_key_type bf_type_vlans = {.parse = vlans_parse,
	.print = vlans_print,
	.values = vlans_values,
	.size = sizeof(struct bf_vlan_set),
	.is_list = true};

static int
macs_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	return bf_mac_list_parse(k->name, text, at, err);
}

static void
macs_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	bf_mac_list_print(at, buf, size);
}

static void
macs_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "up to %d MAC addresses or prefixes of them, auto, none",
		BF_MAC_LIST_MAX);
}

const struct bf_key_type bf_type_macs = {.parse = macs_parse,
	.print = macs_print,
	.values = macs_values,
	.size = sizeof(struct bf_mac_list),
	.is_list = true};

static int
ips_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	return bf_ip_list_parse(k->name, text, at, err);
}

static void
ips_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	bf_ip_list_print(at, buf, size);
}

static void
ips_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "up to %d IP addresses or networks, dhcp, none", BF_IP_LIST_MAX);
}

const struct bf_key_type bf_type_ips = {.parse = ips_parse,
	.print = ips_print,
	.values = ips_values,
	.size = sizeof(struct bf_ip_list),
	.is_list = true};

static int
rate_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	return bf_rate_limit_parse(k->name, text, at, err);
}

static void
rate_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	bf_rate_limit_print(at, buf, size);
}

static void
rate_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "frames/s, or a rate in bit, kbit, mbit, gbit, pps, kpps or mpps; off");
}

const struct bf_key_type bf_type_rate = {.parse = rate_parse,
	.print = rate_print,
	.values = rate_values,
	.size = sizeof(struct bf_rate_limit)};
