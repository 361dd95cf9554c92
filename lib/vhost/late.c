/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Eventfds that are closed after a grace period: see late.h.
 *
 * Threads: see late.h.
 */
#include "vhost/late.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct late {
	struct late *next;
	struct bf_waste_bin *bin;
	uint64_t token;
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bf_late_grace grace; /* begin NULL: there are no workers */
static struct late *first, *last; /* in the order of their grace periods */

/* The lock is held. To close an eventfd waits for nobody. */
static void
late_collect(void)
{
	while (first != NULL && (grace.begin == NULL || grace.is_over(grace.arg, first->token))) {
		struct late *l = first;

		first = l->next;
		close(l->fd);
		bf_waste_queue(l->bin, -1);
		bf_waste_bin_leave(l->bin);
		free(l);
	}
}

void
bf_late_open(const struct bf_late_grace *g)
{
	pthread_mutex_lock(&lock);
	grace = *g;
	pthread_mutex_unlock(&lock);
}

void
bf_late_close(void)
{
	pthread_mutex_lock(&lock);
	grace = (struct bf_late_grace){0};
	late_collect();
	pthread_mutex_unlock(&lock);
}

void
bf_late_fd(struct bf_waste_bin *bin, int fd)
{
	struct late *l = malloc(sizeof(*l));

	if (l == NULL) /* it stays open: that is one descriptor, closed it could be anybody's */
		return;
	bf_waste_bin_join(bin);
	bf_waste_queue(bin, 1);
	pthread_mutex_lock(&lock);
	*l = (struct late){.bin = bin, .fd = fd};
	if (grace.begin != NULL)
		l->token = grace.begin(grace.arg);
	if (first == NULL)
		first = l;
	else
		last->next = l;
	last = l;
	late_collect();
	pthread_mutex_unlock(&lock);
}

void
bf_late_collect(void)
{
	pthread_mutex_lock(&lock);
	late_collect();
	pthread_mutex_unlock(&lock);
}
