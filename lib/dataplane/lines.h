/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cache lines that a guest's CPU and a worker's write in turn.
 *
 * Theory of operation.  A guest that sends writes the first line of each frame anew.  If the worker's
 * cache still has it, the guest waits for that cache.  It need not when the worker gives the
 * line back after it has read it: to the cache that both CPUs share, where the processor can do
 * that (cldemote), or to memory (clflushopt), if memory is nearer to the guest than the worker is,
 * as between the core complexes of an AMD EPYC or between sockets.  How near is measured: how long a
 * line takes that the guest has written last, against how long one takes from memory.
 *
 * Threads: worker, unless said otherwise.
 */
#ifndef BF_DATAPLANE_LINES_H
#define BF_DATAPLANE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_cycles.h>
#include <rte_prefetch.h>

/** What becomes of the lines of a guest's frames once they are read. */
enum bf_give {
	BF_GIVE_NOT, /* they stay in the worker's cache */
	BF_GIVE_DEMOTE, /* into the cache that CPUs share */
	BF_GIVE_FLUSH, /* into memory */
};

/** Whether the processor has cldemote.  ctx any. */
bool bf_lines_can_demote(void);

/** Whether the processor has clflushopt.  ctx any. */
bool bf_lines_can_flush(void);

/**
 * How long a line takes from memory to this CPU, as bf_line_way() measures it.
 *
 * ctx any, on the CPU in question; takes some 50 us.  Only where bf_lines_can_flush().
 *
 * @param memory
 *   Lines that no other CPU writes; they are read only.
 * @param size
 *   Bytes of it, at least a line.
 * @return cycles of the TSC, the median of many.
 */
uint32_t bf_lines_memory_tsc(const void *memory, size_t size);

/** Give a line back to memory.  Only where bf_lines_can_flush(). */
static inline void
bf_line_flush(const void *p)
{
#ifdef RTE_ARCH_X86
	__asm__ volatile("clflushopt %0" : : "m"(*(const volatile char *)p) : "memory");
#else
	(void)p;
#endif
}

/** Read a ring's index. @return cycles of the TSC that it took to come. */
static inline uint32_t
bf_line_way(const uint16_t *from, uint16_t *value)
{
	uint64_t begin = rte_rdtsc_precise();

	*value = __atomic_load_n(from, __ATOMIC_ACQUIRE);
	return (uint32_t)(rte_rdtsc_precise() - begin);
}

#endif
