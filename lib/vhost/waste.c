/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Descriptors and mappings that are given up: see waste.h.
 *
 * Theory of operation.  What takes long but ends (memory) goes to one thread, the reaper; what may
 * never end goes to a thread each, and where no thread is to be had it stays open until one is.
 *
 * Threads: any; reaper_run() and closer_run() are threads of their own.
 */
#include "vhost/waste.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vhost/late.h"

#define STACK_BYTES ((size_t)256 * 1024)

/* Something for the reaper: a mapping, or with base NULL a memory file. */
struct waste {
	struct waste *next;
	void *base;
	size_t len;
	int fd;
};

struct bf_waste_bin {
	uint32_t users; /* the port, and everything of it that is not done with */
	uint32_t pending; /* threads that close something, or are to */
	uint32_t queued; /* for the reaper, with what it has in hand; or until workers are done */
	uint64_t mapped; /* bytes, until the reaper has unmapped them */
	/* under the lock */
	struct waste *first, *last;
	struct bf_waste_bin *next; /* that has something for the reaper */
};

struct closing {
	struct closing *next;
	struct bf_waste_bin *bin;
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reaper_wake = PTHREAD_COND_INITIALIZER;
static struct bf_waste_bin *first_bin, *last_bin; /* that have something for the reaper */
static bool reaper_runs, reaper_is_busy;
static struct closing *kept; /* no thread could be had for these */

int
bf_waste_thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	ret = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return ret;
}

struct bf_waste_bin *
bf_waste_bin_new(void)
{
	struct bf_waste_bin *bin = calloc(1, sizeof(*bin));

	if (bin != NULL)
		bin->users = 1;
	return bin;
}

void
bf_waste_bin_leave(struct bf_waste_bin *bin)
{
	if (bin != NULL && __atomic_sub_fetch(&bin->users, 1, __ATOMIC_ACQ_REL) == 0)
		free(bin);
}

void
bf_waste_bin_join(struct bf_waste_bin *bin)
{
	__atomic_add_fetch(&bin->users, 1, __ATOMIC_RELAXED);
}

void
bf_waste_count(struct bf_waste_bin *bin, int by)
{
	__atomic_add_fetch(&bin->pending, (uint32_t)by, __ATOMIC_RELEASE);
}

void
bf_waste_queue(struct bf_waste_bin *bin, int by)
{
	__atomic_add_fetch(&bin->queued, (uint32_t)by, __ATOMIC_RELEASE);
}

uint32_t
bf_waste_pending(const struct bf_waste_bin *bin)
{
	return __atomic_load_n(&bin->pending, __ATOMIC_RELAXED);
}

bool
bf_waste_is_full(const struct bf_waste_bin *bin)
{
	return bf_waste_pending(bin) >= BF_WASTE_MOST ||
		__atomic_load_n(&bin->queued, __ATOMIC_RELAXED) >= BF_WASTE_QUEUED;
}

bool
bf_waste_charge(struct bf_waste_bin *bin, uint64_t len, uint64_t most)
{
	if (len <= most && __atomic_add_fetch(&bin->mapped, len, __ATOMIC_RELAXED) <= most)
		return true;
	if (len <= most)
		bf_waste_refund(bin, len);
	return false;
}

void
bf_waste_refund(struct bf_waste_bin *bin, uint64_t len)
{
	__atomic_sub_fetch(&bin->mapped, len, __ATOMIC_RELAXED);
}

/*
 * The lock is held.  A bin that is in the list has something for the reaper, which is a user of the
 * bin: it is not freed.  The analyzer does not see that.
 */
static void
bins_append(struct bf_waste_bin *bin)
{
	bin->next = NULL;
	if (first_bin == NULL)
		first_bin = bin;
	else
		last_bin->next = bin; /* NOLINT(clang-analyzer-unix.Malloc): see above */
	last_bin = bin;
}

/* One of each port in turn: who has much to be unmapped holds nobody up. The lock is held. */
static struct waste *
reaper_next(struct bf_waste_bin **bin)
{
	struct bf_waste_bin *b = first_bin;
	struct waste *w;

	if (b == NULL)
		return NULL;
	first_bin = b->next; /* NOLINT(clang-analyzer-unix.Malloc): see above */
	w = b->first;
	b->first = w->next;
	if (b->first != NULL)
		bins_append(b);
	*bin = b;
	return w;
}

static void
reaper_do(struct bf_waste_bin *bin, const struct waste *w)
{
	if (w->base == NULL) {
		close(w->fd);
	} else {
		munmap(w->base, w->len);
		bf_waste_refund(bin, w->len);
	}
	bf_waste_queue(bin, -1);
	bf_waste_bin_leave(bin);
}

static void *
reaper_run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct bf_waste_bin *bin;
		struct waste *w = reaper_next(&bin);

		if (w == NULL) {
			reaper_is_busy = false;
			pthread_cond_wait(&reaper_wake, &lock);
			continue;
		}
		pthread_mutex_unlock(&lock);
		reaper_do(bin, w);
		free(w);
		pthread_mutex_lock(&lock);
	}
	return NULL;
}

/* The lock is held. */
static void
reaper_start(void)
{
	if (!reaper_runs && first_bin != NULL)
		reaper_runs = bf_waste_thread(reaper_run, NULL) == 0;
}

static void
reaper_give(struct bf_waste_bin *bin, void *base, size_t len, int fd)
{
	struct waste *w = malloc(sizeof(*w)), here = {NULL, base, len, fd};

	bf_waste_queue(bin, 1);
	bf_waste_bin_join(bin);
	if (w == NULL) { /* it takes long, but not for ever */
		reaper_do(bin, &here);
		return;
	}
	*w = here;
	pthread_mutex_lock(&lock);
	if (bin->first == NULL)
		bin->first = w;
	else
		bin->last->next = w;
	bin->last = w;
	if (bin->first == w)
		bins_append(bin);
	reaper_is_busy = true;
	reaper_start();
	pthread_cond_signal(&reaper_wake);
	pthread_mutex_unlock(&lock);
}

static struct closing *
kept_take(void)
{
	struct closing *c;

	pthread_mutex_lock(&lock);
	c = kept;
	if (c != NULL)
		kept = c->next;
	pthread_mutex_unlock(&lock);
	return c;
}

/* A thread that is done takes on what there was none for. */
static void *
closer_run(void *arg)
{
	for (struct closing *c = arg; c != NULL; c = kept_take()) {
		close(c->fd);
		bf_waste_count(c->bin, -1);
		bf_waste_bin_leave(c->bin);
		free(c);
	}
	return NULL;
}

/* Nobody else may do it: it can take for ever. */
static bool
closer_start(struct closing *c)
{
	if (bf_waste_thread(closer_run, c) == 0)
		return true;
	pthread_mutex_lock(&lock);
	c->next = kept;
	kept = c;
	pthread_mutex_unlock(&lock);
	return false;
}

void
bf_waste_fd(struct bf_waste_bin *bin, const struct bf_vhost_fd *f)
{
	struct closing *c;

	if (f->fd < 0)
		return;
	if (f->kind == BF_VHOST_FD_EVENT && f->lent) {
		bf_late_fd(bin, f->fd);
		return;
	}
	if (f->kind == BF_VHOST_FD_EVENT) { /* waits for nobody and frees nothing large */
		close(f->fd);
		return;
	}
	if (f->kind == BF_VHOST_FD_MEMORY) {
		reaper_give(bin, NULL, 0, f->fd);
		return;
	}
	c = malloc(sizeof(*c));
	if (c == NULL) /* it stays open: that is one descriptor, to wait would be everybody's end */
		return;
	*c = (struct closing){.bin = bin, .fd = f->fd};
	bf_waste_count(bin, 1);
	bf_waste_bin_join(bin);
	closer_start(c);
}

void
bf_waste_map(struct bf_waste_bin *bin, void *base, size_t len)
{
	reaper_give(bin, base, len, -1);
}

void
bf_waste_collect(void)
{
	struct closing *c;

	bf_late_collect();
	pthread_mutex_lock(&lock);
	reaper_start();
	pthread_mutex_unlock(&lock);
	do {
		c = kept_take();
	} while (c != NULL && closer_start(c));
}

static bool
is_settled(const struct bf_waste_bin *bin)
{
	bool busy;

	pthread_mutex_lock(&lock);
	busy = reaper_is_busy;
	pthread_mutex_unlock(&lock);
	return !busy && (bin == NULL || bf_waste_pending(bin) == 0);
}

void
bf_waste_settle(struct bf_waste_bin *bin, unsigned int ms)
{
	struct timespec tick = {.tv_nsec = 1000000};

	while (ms-- > 0 && !is_settled(bin))
		nanosleep(&tick, NULL);
}
