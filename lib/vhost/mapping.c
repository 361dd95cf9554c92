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

#include "vhost/waste.h"

struct bf_mapping {
	struct bf_mapping *next; /* of all there ever were */
	uintptr_t base;
	size_t len; /* 0: not in use */
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

struct bf_mapping *
bf_mapping_new(const struct bf_vhost_fd *file, uint64_t offset, uint64_t size,
	bf_mapping_lost_fn *lost, void *arg, uint8_t **va)
{
	uint64_t before = offset % file->page, len = before + size;
	struct bf_mapping *m = entry_take();
	void *base;

	if (m == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	len += (file->page - len % file->page) % file->page;
	base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file->fd,
		(off_t)(offset - before));
	if (base == MAP_FAILED) {
		entry_give(m);
		return NULL;
	}
	madvise(base, len, MADV_DONTDUMP);
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
	bf_waste_map((void *)m->base, len);
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
