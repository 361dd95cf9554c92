/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory files of front ends: see mapping.h.
 *
 * Theory of operation.  The guard may run while the list of mappings is being changed, in any thread.
 * Mappings are never freed, only used again, and the list only grows: it can be walked without a lock.
 *
 * Threads: see mapping.h.
 */
#include "vhost/mapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TIMES_MEMORY 4
#define LEAST_MOST (UINT64_C(1) << 40)
#define MOST_MOST (UINT64_C(1) << 44)

struct bf_mapping {
	struct bf_mapping *next; /* of all there ever were */
	uintptr_t base;
	size_t len; /* 0: not in use */
	struct bf_waste_bin *bin;
	bf_mapping_lost_fn *lost;
	void *arg;
	bool is_free;
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bf_mapping *list;

static struct bf_mapping *
entry_take(void)
{
	struct bf_mapping *m;

	pthread_mutex_lock(&list_lock);
	for (m = list; m != NULL && !m->is_free; m = m->next)
		;
	if (m != NULL) {
		m->is_free = false;
	} else {
		m = calloc(1, sizeof(*m));
		if (m != NULL) {
			m->next = list;
			__atomic_store_n(&list, m, __ATOMIC_RELEASE);
		}
	}
	pthread_mutex_unlock(&list_lock);
	return m;
}

static void
entry_give(struct bf_mapping *m)
{
	pthread_mutex_lock(&list_lock);
	m->is_free = true;
	pthread_mutex_unlock(&list_lock);
}

uint64_t
bf_mapping_most(void)
{
	static uint64_t most;
	uint64_t memory, known = __atomic_load_n(&most, __ATOMIC_RELAXED);

	if (known != 0)
		return known;
	memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	known = TIMES_MEMORY * memory;
	known = known < LEAST_MOST ? LEAST_MOST : known > MOST_MOST ? MOST_MOST : known;
	__atomic_store_n(&most, known, __ATOMIC_RELAXED);
	return known;
}

/* @return NULL with errno. */
static void *
map(struct bf_waste_bin *bin, const struct bf_vhost_fd *file, uint64_t offset, uint64_t len)
{
	void *base;

	if (!bf_waste_charge(bin, len, bf_mapping_most())) {
		errno = EDQUOT;
		return NULL;
	}
	base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file->fd,
		(off_t)offset);
	if (base == MAP_FAILED) {
		bf_waste_refund(bin, len);
		return NULL;
	}
	madvise(base, len, MADV_DONTDUMP);
	return base;
}

struct bf_mapping *
bf_mapping_new(struct bf_waste_bin *bin, const struct bf_vhost_fd *file, uint64_t offset,
	uint64_t size, bf_mapping_lost_fn *lost, void *arg, uint8_t **va)
{
	uint64_t before = offset % file->page, len = before + size;
	struct bf_mapping *m = entry_take();
	void *base;

	if (m == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	len += (file->page - len % file->page) % file->page;
	base = map(bin, file, offset - before, len);
	if (base == NULL) {
		entry_give(m);
		return NULL;
	}
	m->bin = bin;
	m->base = (uintptr_t)base;
	m->lost = lost;
	m->arg = arg;
	__atomic_store_n(&m->len, len, __ATOMIC_RELEASE);
	*va = (uint8_t *)base + before;
	return m;
}

void
bf_mapping_free(struct bf_mapping *m)
{
	size_t len;

	if (m == NULL)
		return;
	len = m->len;
	__atomic_store_n(&m->len, 0, __ATOMIC_RELEASE);
	bf_waste_map(m->bin, (void *)m->base, len);
	entry_give(m);
}

static struct bf_mapping *
mapping_at(uintptr_t at)
{
	struct bf_mapping *m = __atomic_load_n(&list, __ATOMIC_ACQUIRE);

	for (; m != NULL; m = m->next)
		if (at - m->base < __atomic_load_n(&m->len, __ATOMIC_ACQUIRE))
			return m;
	return NULL;
}

static void
guard_handle(int sig, siginfo_t *info, void *context)
{
	struct bf_mapping *m = mapping_at((uintptr_t)info->si_addr);
	int saved = errno;

	(void)context;
	if (m == NULL ||
		mmap((void *)m->base, m->len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			0) == MAP_FAILED) {
		signal(sig, SIG_DFL); /* it happens again, and ends the process */
		return;
	}
	m->lost(m->arg);
	errno = saved;
}

void
bf_mapping_guard(void)
{
	struct sigaction action = {.sa_sigaction = guard_handle, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
