/* SPDX-License-Identifier: BSD-3-Clause */

/* What the processor can do with lines, and how far away memory is: see lines.h. */
#include "dataplane/lines.h"

#include <stdlib.h>

#ifdef RTE_ARCH_X86
#include <cpuid.h>
#endif

#include <rte_bitops.h>
#include <rte_cpuflags.h>

#define SAMPLES 65
#define STRIDE (4096 + 64) /* bytes: the next line is not fetched ahead */

bool
bf_lines_can_demote(void)
{
#ifdef RTE_ARCH_X86
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_CLDEMOTE) == 1;
#else
	return false;
#endif
}

/* DPDK has no flag for it.  Intel SDM, volume 2, CPUID: leaf 7, EBX bit 23. */
bool
bf_lines_can_flush(void)
{
#ifdef RTE_ARCH_X86
	uint32_t eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & RTE_BIT32(23)) != 0;
#else
	return false;
#endif
}

static int
times_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t
bf_lines_memory_tsc(const void *memory, size_t size)
{
	uint32_t took[SAMPLES];
	uint16_t value;

	for (size_t i = 0; i < SAMPLES; i++) {
		const uint8_t *line = (const uint8_t *)memory + i * STRIDE % size;

		bf_line_way((const void *)line, &value); /* so that its page is known */
		bf_line_flush(line);
		rte_mb();
		took[i] = bf_line_way((const void *)line, &value);
	}
	qsort(took, SAMPLES, sizeof(*took), times_compare);
	return took[SAMPLES / 2];
}
