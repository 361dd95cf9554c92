/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: bytes as an LLDP frame.  The input lies in a buffer of exactly its size.  Whatever is believed of it is
 * printable, within its bounds, and what it says of itself twice is the same.
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lldp/lldp.h"
#include "replay.h"

#define CHECK(cond) \
	do { \
		if (!(cond)) \
			abort(); \
	} while (0)

static void
check_text(const char *text, size_t size)
{
	size_t bad, len = strnlen(text, size);

	CHECK(len < size);
	CHECK(bf_text_is_printable(text, len, &bad));
}

static void
check_ids(const struct bf_lldp_pdu *pdu)
{
	static const size_t sizes[] = {1, 18, 64, BF_LLDP_ID_TEXT_SIZE};

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *text = malloc(sizes[i]);

		CHECK(text != NULL);
		bf_lldp_chassis_text(&pdu->chassis, text, sizes[i]);
		check_text(text, sizes[i]);
		bf_lldp_port_text(&pdu->port, text, sizes[i]);
		check_text(text, sizes[i]);
		free(text);
	}
	CHECK(bf_lldp_chassis_kind(pdu->chassis.subtype) != NULL);
	CHECK(bf_lldp_port_kind(pdu->port.subtype) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bf_lldp_pdu pdu, again;
	struct bf_err err = {""};
	char text[96];

	if (bf_lldp_parse(data, size, &pdu, &err) != 0) {
		CHECK(err.text[0] != '\0');
		return 0;
	}
	CHECK(pdu.chassis.len > 0 && pdu.port.len > 0 && pdu.n_vlans <= BF_LLDP_VLANS);
	check_ids(&pdu);
	check_text(pdu.system_name, sizeof(pdu.system_name));
	check_text(pdu.system_description, sizeof(pdu.system_description));
	check_text(pdu.port_description, sizeof(pdu.port_description));
	check_text(pdu.management, sizeof(pdu.management));
	for (unsigned int i = 0; i < pdu.n_vlans; i++)
		check_text(pdu.vlans[i].name, sizeof(pdu.vlans[i].name));
	bf_lldp_capabilities_text(pdu.enabled, text, sizeof(text));
	check_text(text, sizeof(text));
	CHECK(bf_lldp_parse(data, size, &again, NULL) == 0 && bf_lldp_is_same(&pdu, &again));
	return 0;
}
