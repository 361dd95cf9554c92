/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See own_mac.h.
 *
 * Threads: see own_mac.h.
 */
#include "base/own_mac.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

/* What tells this machine from others, as far as it has been given such a thing. */
static void
machine_text(char *text, size_t size)
{
	FILE *f = fopen("/etc/machine-id", "re");

	text[0] = '\0';
	if (f != NULL) {
		if (fgets(text, (int)size, f) == NULL)
			text[0] = '\0';
		fclose(f);
	}
	text[strcspn(text, "\n")] = '\0';
	if (text[0] == '\0' && gethostname(text, size) != 0)
		text[0] = '\0';
	text[size - 1] = '\0';
}

/* Read once: addresses of guests are asked for often, and do not change while they are used. */
static uint64_t
machine_hash(void)
{
	static uint64_t hash;
	static bool is_known;
	char machine[128];

	if (!is_known) {
		machine_text(machine, sizeof(machine));
		hash = bf_hash_text(bf_hash_text(BF_HASH_START, machine), "/");
		is_known = true;
	}
	return hash;
}

void
bf_own_mac(const char *name, uint8_t mac[6])
{
	uint64_t h = bf_hash_text(machine_hash(), name);

	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(h >> (8 * i));
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02); /* local, unicast */
}
