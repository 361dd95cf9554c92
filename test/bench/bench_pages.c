/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What guests' memory costs on this machine before anything is done with it.
 *
 * "lines": as many cache lines, one behind the other, close together and one per 4 KiB.  With pages of 2 MiB the two
 * cost alike, unless a hypervisor below backs them by smaller ones: then each line needs a walk
 * through two page tables, however large the guest's own pages are.
 *
 * "guests": one frame after the other into buffers of 1, 16 and 64 guests with rings of 1024, as
 * ring.c does it: as many frames of 64 bytes per visit as a turn of 256 leaves to each, the header looked at,
 * the buffers of the next visit asked for; buffers as far apart as a driver's, and close together.  No second CPU
 * takes part.
 *
 * Threads: one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_prefetch.h>

#define ROUNDS 9
#define LAPS 4
#define LINES 16384
#define SPREAD 4160 /* a line in each page of 4 KiB, and not always the same one */
#define RING 1024
#define BUFFER 2304
#define DENSE 192 /* the same lines, but many buffers to a page */
#define TURN 256
#define HEADER 12
#define SEED 7
#define HUGE_PAGE (2ul << 20)

static uint64_t draw_state = SEED;

static uint32_t
draw(uint32_t n)
{
	draw_state = draw_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((draw_state >> 33) % n);
}

/* A permutation of 0 to n - 1. */
static uint32_t *
shuffled(uint32_t n)
{
	uint32_t *p = malloc(n * sizeof(*p));

	for (uint32_t i = 0; p != NULL && i < n; i++) {
		uint32_t j = draw(i + 1);

		p[i] = p[j];
		p[j] = i;
	}
	return p;
}

static uint8_t *
memory(size_t size, int flags)
{
	void *p = mmap(NULL, RTE_ALIGN_CEIL(size, HUGE_PAGE), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
say_lines(const char *pages, unsigned int apart, double cycles)
{
	printf("{\"bench\":\"pages\",\"pages\":\"%s\",\"lines\":%d,\"bytes_apart\":%u,\"cycles\":%.1f}\n",
		pages, LINES, apart, cycles);
}

static void
say_guests(const char *pages, uint32_t guests, unsigned int apart, double cycles)
{
	printf("{\"bench\":\"pages\",\"pages\":\"%s\",\"guests\":%u,\"bytes_apart\":%u,\"cycles\":%.1f}\n",
		pages, guests, apart, cycles);
}

static double
chase(uint8_t *m, size_t stride, const uint32_t *order)
{
	void **at = (void **)(void *)(m + order[0] * stride);
	uint64_t best = UINT64_MAX;

	for (uint32_t i = 0; i < LINES; i++)
		*(void **)(void *)(m + order[i] * stride) = m + order[(i + 1) % LINES] * stride;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = rte_rdtsc();

		for (uint32_t i = 0; i < LAPS * LINES; i++)
			at = *(void *const volatile *)at;
		best = RTE_MIN(best, rte_rdtsc() - start);
	}
	return (double)best / (LAPS * LINES);
}

static void
put(uint8_t *buffer, const uint8_t *frame)
{
	volatile uint64_t *header = (volatile uint64_t *)(void *)(buffer + 128 - HEADER);

	if (*header != 0)
		*header = 0;
	memcpy(buffer + 128, frame, 60);
}

static double
lap(uint8_t *const *buffers, uint32_t guests)
{
	uint32_t visit = RTE_MIN(TURN / guests, 32u);
	uint64_t start = rte_rdtsc();
	uint8_t frame[64] = {1};

	for (uint32_t i = 0; i + 2 * visit <= RING; i += visit)
		for (uint32_t g = 0; g < guests; g++) {
			uint8_t *const *b = &buffers[g * RING + i];

			for (uint32_t k = 0; k < visit; k++)
				put(b[k], frame);
			for (uint32_t k = visit; k < 2 * visit; k++) {
				rte_prefetch0(b[k] + 128 - HEADER);
				rte_prefetch0(b[k] + 128);
			}
		}
	return (double)(rte_rdtsc() - start) / ((RING / visit - 1) * visit * guests);
}

/* The buffers of a guest lie anywhere in its own part of the memory. */
static double
fill_guests(uint8_t *m, uint32_t guests, size_t buffer)
{
	uint8_t **buffers = malloc((size_t)guests * RING * sizeof(*buffers));
	double best = 1e9;

	if (buffers == NULL)
		return 0;
	for (uint32_t g = 0; g < guests; g++) {
		uint32_t *order = shuffled(RING);

		for (uint32_t i = 0; order != NULL && i < RING; i++)
			buffers[g * RING + i] = m + ((size_t)g * RING + order[i]) * buffer;
		free(order);
	}
	for (int round = 0; round < ROUNDS; round++)
		best = RTE_MIN(best, lap(buffers, guests));
	free(buffers);
	return best;
}

static void
run(const char *pages, int flags)
{
	static const uint32_t guests[] = {1, 16, 64};
	size_t size = RTE_MAX((size_t)LINES * SPREAD, 64ul * RING * BUFFER);
	uint8_t *m = memory(size, flags);
	uint32_t *order = shuffled(LINES);

	if (m == NULL || order == NULL) {
		printf("{\"bench\":\"pages\",\"pages\":\"%s\",\"skipped\":\"no memory of this kind\"}\n",
			pages);
		free(order);
		return;
	}
	say_lines(pages, 64, chase(m, 64, order));
	say_lines(pages, SPREAD, chase(m, SPREAD, order));
	memset(m, 0, size);
	for (unsigned int i = 0; i < RTE_DIM(guests); i++) {
		say_guests(pages, guests[i], DENSE, fill_guests(m, guests[i], DENSE));
		say_guests(pages, guests[i], BUFFER, fill_guests(m, guests[i], BUFFER));
	}
	free(order);
	munmap(m, RTE_ALIGN_CEIL(size, HUGE_PAGE));
}

int
main(void)
{
	run("2M", MAP_HUGETLB);
	run("4K", 0);
	return 0;
}
