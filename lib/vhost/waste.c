/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Descriptors and mappings that are given up: see waste.h.
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

#define STACK_BYTES ((size_t)256 * 1024)

struct bf_waste_bin {
	uint32_t pending; /* threads that close something */
	uint32_t users; /* they, and the port */
};

/* Something for the reaper: a mapping, or with base NULL a descriptor. */
struct waste {
	struct waste *next;
	void *base;
	size_t len;
	int fd;
};

static pthread_mutex_t reaper_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reaper_wake = PTHREAD_COND_INITIALIZER;
static struct waste *reaper_list;
static bool reaper_runs, reaper_is_busy;

struct closing {
	struct bf_waste_bin *bin;
	int fd;
};

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

static void
waste_end(const struct waste *w)
{
	if (w->base != NULL)
		munmap(w->base, w->len);
	else
		close(w->fd);
}

static void *
reaper_run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&reaper_lock);
	for (;;) {
		struct waste *w = reaper_list;

		if (w == NULL) {
			reaper_is_busy = false;
			pthread_cond_wait(&reaper_wake, &reaper_lock);
			continue;
		}
		reaper_list = w->next;
		reaper_is_busy = true;
		pthread_mutex_unlock(&reaper_lock);
		waste_end(w);
		free(w);
		pthread_mutex_lock(&reaper_lock);
	}
	return NULL;
}

static void
reaper_give(void *base, size_t len, int fd)
{
	struct waste *w = malloc(sizeof(*w)), here = {NULL, base, len, fd};

	pthread_mutex_lock(&reaper_lock);
	if (!reaper_runs)
		reaper_runs = bf_waste_thread(reaper_run, NULL) == 0;
	if (w != NULL && reaper_runs) {
		*w = here;
		w->next = reaper_list;
		reaper_list = w;
		reaper_is_busy = true;
		pthread_cond_signal(&reaper_wake);
		w = NULL;
	} else {
		waste_end(&here); /* without memory or threads: late is better than never */
	}
	pthread_mutex_unlock(&reaper_lock);
	free(w);
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

uint32_t
bf_waste_pending(const struct bf_waste_bin *bin)
{
	return __atomic_load_n(&bin->pending, __ATOMIC_RELAXED);
}

static void *
closer_run(void *arg)
{
	struct closing *c = arg;
	struct bf_waste_bin *bin = c->bin;

	close(c->fd);
	free(c);
	bf_waste_count(bin, -1);
	bf_waste_bin_leave(bin);
	return NULL;
}

void
bf_waste_fd(struct bf_waste_bin *bin, const struct bf_vhost_fd *f)
{
	struct closing *c;

	if (f->fd < 0)
		return;
	if (f->kind == BF_VHOST_FD_EVENT) { /* waits for nobody and frees nothing large */
		close(f->fd);
		return;
	}
	if (f->kind == BF_VHOST_FD_MEMORY) {
		reaper_give(NULL, 0, f->fd);
		return;
	}
	c = malloc(sizeof(*c));
	if (c == NULL) {
		reaper_give(NULL, 0, f->fd);
		return;
	}
	*c = (struct closing){bin, f->fd};
	bf_waste_count(bin, 1);
	bf_waste_bin_join(bin);
	if (bf_waste_thread(closer_run, c) != 0) {
		reaper_give(NULL, 0, c->fd);
		bf_waste_count(bin, -1);
		bf_waste_bin_leave(bin);
		free(c);
	}
}

void
bf_waste_map(void *base, size_t len)
{
	reaper_give(base, len, -1);
}

static bool
is_settled(const struct bf_waste_bin *bin)
{
	bool busy;

	pthread_mutex_lock(&reaper_lock);
	busy = reaper_is_busy;
	pthread_mutex_unlock(&reaper_lock);
	return !busy && (bin == NULL || bf_waste_pending(bin) == 0);
}

void
bf_waste_settle(struct bf_waste_bin *bin, unsigned int ms)
{
	struct timespec tick = {.tv_nsec = 1000000};

	while (ms-- > 0 && !is_settled(bin))
		nanosleep(&tick, NULL);
}
