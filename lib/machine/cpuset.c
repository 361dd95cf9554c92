/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sets of CPUs: see cpuset.h.
 *
 * Threads: any.
 */
#include "machine/cpuset.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_TEXT 16

unsigned int
bf_cpuset_count(const struct bf_cpuset *s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < BF_CPUS_MAX / 64; i++)
		n += (unsigned int)__builtin_popcountll(s->word[i]);
	return n;
}

int
bf_cpuset_parse(struct bf_cpuset *s, const char *text)
{
	memset(s, 0, sizeof(*s));
	while (*text != '\0' && *text != '\n') {
		unsigned long first, last;
		char *end;

		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first || (*end != ',' && *end != '\0' && *end != '\n'))
			return -EINVAL;
		for (unsigned long cpu = first; cpu <= last && cpu < BF_CPUS_MAX; cpu++)
			bf_cpuset_add(s, (unsigned int)cpu);
		text = end + (*end == ',');
	}
	return 0;
}

const char *
bf_cpuset_text(const struct bf_cpuset *s, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int cpu = 0; cpu < BF_CPUS_MAX; cpu++) {
		const char *comma = len > 0 ? "," : "";
		unsigned int first = cpu;

		if (!bf_cpuset_has(s, cpu))
			continue;
		while (bf_cpuset_has(s, cpu + 1))
			cpu++;
		if (len + RANGE_TEXT > size) {
			snprintf(buf + len, size - len, "...");
			break;
		}
		if (cpu > first)
			len += (size_t)snprintf(
				buf + len, size - len, "%s%u-%u", comma, first, cpu);
		else
			len += (size_t)snprintf(buf + len, size - len, "%s%u", comma, first);
	}
	return buf;
}

const char *
bf_cpuset_mask(const struct bf_cpuset *s, unsigned int highest, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int w = (int)(highest / 32); w >= 0 && len + RANGE_TEXT < size; w--) {
		uint32_t bits = (uint32_t)(s->word[w / 2] >> 32 * (w % 2));

		len += (size_t)snprintf(
			buf + len, size - len, len == 0 ? "%" PRIx32 : ",%08" PRIx32, bits);
	}
	return buf;
}
