/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Post from foreign threads; ethdev callbacks carry no pointer of ours that could outlive
 * them safely, so the queue is one per process.
 *
 * Threads: many post, control takes.
 */
#include "control/loop/notify.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#define NOTICES 4096

static struct rte_ring *ring;
static int wake_fd = -1;

int
bf_notify_open(void)
{
	wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (wake_fd < 0)
		return -errno;
	ring = rte_ring_create_elem(
		"bf_notify", sizeof(struct bf_notice), NOTICES, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (ring == NULL) {
		bf_notify_close();
		errno = ENOMEM;
		return -ENOMEM;
	}
	return 0;
}

void
bf_notify_close(void)
{
	rte_ring_free(ring);
	ring = NULL;
	if (wake_fd >= 0)
		close(wake_fd);
	wake_fd = -1;
}

int
bf_notify_fd(void)
{
	return wake_fd;
}

bool
bf_notify_post(const struct bf_notice *n)
{
	struct bf_notice copy = *n;
	uint64_t one = 1;

	if (ring == NULL || rte_ring_mp_enqueue_elem(ring, &copy, sizeof(copy)) != 0)
		return false;
	/* EAGAIN: the counter is full, so control is awake already. */
	return write(wake_fd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN;
}

bool
bf_notify_take(struct bf_notice *n)
{
	uint64_t count;

	if (rte_ring_sc_dequeue_elem(ring, n, sizeof(*n)) == 0)
		return true;
	/* Empty: take the wake-up back, then look again for what came in between. */
	if (read(wake_fd, &count, sizeof(count)) < 0)
		return false;
	return rte_ring_sc_dequeue_elem(ring, n, sizeof(*n)) == 0;
}
