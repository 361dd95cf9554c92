/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ids and capabilities for people.
 *
 * Threads: ctx any (pure functions).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/mac.h"
#include "base/text.h"
#include "base/words.h"
#include "lldp/lldp.h"
#include "lldp/wire.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const char *const chassis_kinds[] = {NULL, "chassis component", "interface alias",
	"port component", "mac", "address", "interface", "local"};
static const char *const port_kinds[] = {NULL, "interface alias", "port component", "mac",
	"address", "interface", "circuit", "local"};
static const char *const capability_names[] = {
	"other", "repeater", "bridge", "wlan", "router", "phone", "docsis", "station"};

const char *
bf_lldp_chassis_kind(uint8_t subtype)
{
	return subtype == 0 || subtype >= COUNT_OF(chassis_kinds) ? "unknown"
								  : chassis_kinds[subtype];
}

const char *
bf_lldp_port_kind(uint8_t subtype)
{
	return subtype == 0 || subtype >= COUNT_OF(port_kinds) ? "unknown" : port_kinds[subtype];
}

static void
bytes_text(const struct bf_lldp_id *id, char *buf, size_t size)
{
	size_t bad, at = 0, len = id->len;

	while (len > 1 && id->at[len - 1] == '\0')
		len--; /* some switches send C's end of a string with it */
	if (bf_text_is_printable((const char *)id->at, len, &bad)) {
		snprintf(buf, size, "%.*s", (int)len, (const char *)id->at);
		bf_text_sanitize(buf);
		return;
	}
	for (unsigned int i = 0; i < id->len && at + 4 <= size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%02x", i == 0 ? "" : ":", id->at[i]);
}

static void
id_text(const struct bf_lldp_id *id, uint8_t mac, uint8_t address, char *buf, size_t size)
{
	buf[0] = '\0';
	if (id->subtype == mac && id->len == 6 && size >= BF_MAC_TEXT_SIZE)
		bf_mac_text(id->at, buf);
	else if (id->subtype == address && id->len == 5 && id->at[0] == ADDRESS_IPV4)
		inet_ntop(AF_INET, id->at + 1, buf, (socklen_t)size);
	else if (id->subtype == address && id->len == 17 && id->at[0] == ADDRESS_IPV6)
		inet_ntop(AF_INET6, id->at + 1, buf, (socklen_t)size);
	else
		bytes_text(id, buf, size);
}

void
bf_lldp_chassis_text(const struct bf_lldp_id *id, char *buf, size_t size)
{
	id_text(id, CHASSIS_MAC, CHASSIS_ADDRESS, buf, size);
}

void
bf_lldp_port_text(const struct bf_lldp_id *id, char *buf, size_t size)
{
	id_text(id, PORT_MAC, PORT_ADDRESS, buf, size);
}

void
bf_lldp_capabilities_text(uint16_t set, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned int i = 0; i < COUNT_OF(capability_names); i++)
		if (set >> i & 1)
			bf_words_add(buf, size, " ", capability_names[i]);
}
