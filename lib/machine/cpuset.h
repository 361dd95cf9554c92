/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sets of CPUs, and the kernel's lists of them: "0-3,8".
 *
 * Threads: any; a set belongs to its caller.
 */
#ifndef BF_MACHINE_CPUSET_H
#define BF_MACHINE_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BF_CPUS_MAX 1024 /* CPUs with a higher number are unknown */

struct bf_cpuset {
	uint64_t word[BF_CPUS_MAX / 64];
};

static inline bool
bf_cpuset_has(const struct bf_cpuset *s, unsigned int cpu)
{
	return cpu < BF_CPUS_MAX && (s->word[cpu / 64] >> cpu % 64 & 1) != 0;
}

static inline void
bf_cpuset_add(struct bf_cpuset *s, unsigned int cpu)
{
	if (cpu < BF_CPUS_MAX)
		s->word[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

static inline void
bf_cpuset_remove(struct bf_cpuset *s, unsigned int cpu)
{
	if (cpu < BF_CPUS_MAX)
		s->word[cpu / 64] &= ~(UINT64_C(1) << cpu % 64);
}

/** How many CPUs are in it. */
unsigned int bf_cpuset_count(const struct bf_cpuset *s);

/**
 * Read a list of the kernel's; "" is none.
 *
 * @return
 *   0, or -EINVAL; then @p s holds what stood before the fault.
 */
int bf_cpuset_parse(struct bf_cpuset *s, const char *text);

/** Write the kernel's list, cut with "..." where it is too long. @return @p buf */
const char *bf_cpuset_text(const struct bf_cpuset *s, char *buf, size_t size);

/** Write the kernel's mask, as in /proc/irq/default_smp_affinity: "f", "1,00000000". @param highest CPU that the machine has */
const char *bf_cpuset_mask(const struct bf_cpuset *s, unsigned int highest, char *buf, size_t size);

#endif
