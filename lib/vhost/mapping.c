/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory files of front ends: see mapping.h.
 *
 * Theory of operation.  The guard may run while the list of mappings is being changed, in any thread.
 * Mappings are never freed, only used again, and the list only grows: it can be walked without a lock.  What
 * is in one has a version, odd while it is changed: base and length belong together only where the
 * version was the same before and after.  The mapping that was touched is not changed, because whoever
 * touched it uses it; so one that is can be passed by.
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

struct extent {
	uintptr_t base;
	size_t len; /* 0: not in use */
	bf_mapping_lost_fn *lost;
	void *arg;
};

struct bf_mapping {
	struct bf_mapping *next; /* of all there ever were */
	uint32_t version; /* of `at` */
	struct extent at;
	struct bf_waste_bin *bin;
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

static void
entry_set(struct bf_mapping *m, const struct extent *to)
{
	__atomic_store_n(&m->version, m->version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&m->at.base, to->base, __ATOMIC_RELAXED);
	__atomic_store_n(&m->at.len, to->len, __ATOMIC_RELAXED);
	__atomic_store_n(&m->at.lost, to->lost, __ATOMIC_RELAXED);
	__atomic_store_n(&m->at.arg, to->arg, __ATOMIC_RELAXED);
	__atomic_store_n(&m->version, m->version + 1, __ATOMIC_RELEASE);
}

/* @return false: it is being changed. */
static bool
entry_look(const struct bf_mapping *m, struct extent *at)
{
	uint32_t version = __atomic_load_n(&m->version, __ATOMIC_ACQUIRE);

	at->base = __atomic_load_n(&m->at.base, __ATOMIC_RELAXED);
	at->len = __atomic_load_n(&m->at.len, __ATOMIC_RELAXED);
	at->lost = __atomic_load_n(&m->at.lost, __ATOMIC_RELAXED);
	at->arg = __atomic_load_n(&m->at.arg, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return version % 2 == 0 && __atomic_load_n(&m->version, __ATOMIC_RELAXED) == version;
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
region_map(struct bf_waste_bin *bin, const struct bf_vhost_fd *file, uint64_t offset, uint64_t len)
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
	base = region_map(bin, file, offset - before, len);
	if (base == NULL) {
		entry_give(m);
		return NULL;
	}
	m->bin = bin;
	entry_set(m, &(struct extent){(uintptr_t)base, len, lost, arg});
	*va = (uint8_t *)base + before;
	return m;
}

void
bf_mapping_free(struct bf_mapping *m)
{
	struct extent was;

	if (m == NULL)
		return;
	was = m->at;
	entry_set(m, &(struct extent){0});
	bf_waste_map(m->bin, (void *)was.base, was.len);
	entry_give(m);
}

static bool
mapping_at(uintptr_t where, struct extent *at)
{
	const struct bf_mapping *m = __atomic_load_n(&list, __ATOMIC_ACQUIRE);

	for (; m != NULL; m = m->next)
		if (entry_look(m, at) && where - at->base < at->len)
			return true;
	return false;
}

static void
guard_handle(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	struct extent at;

	(void)context;
	if (!mapping_at((uintptr_t)info->si_addr, &at) ||
		mmap((void *)at.base, at.len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			0) == MAP_FAILED) {
		signal(sig, SIG_DFL); /* it happens again, and ends the process */
		return;
	}
	at.lost(at.arg);
	errno = saved;
}

void
bf_mapping_guard(void)
{
	struct sigaction action = {.sa_sigaction = guard_handle, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
