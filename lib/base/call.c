/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Calls that never wait: see call.h.
 *
 * Threads: see call.h.
 */
#include "base/call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How a context begins in our memory: fs/aio.c, the same since Linux 2.6. */
struct aio_ring {
	uint32_t id, n_events, head, tail, magic, compat_features, incompat_features, header_len;
};

#define AIO_RING_MAGIC 0xa10a10a1u
#define N_SPARE 64 /* workers, and the few others */

static char nothing; /* where the 0 bytes are read to */
static bool some_wait; /* somebody had to open without a context */

/*
 * Contexts of those who closed.  io_destroy() waits for all CPUs, 30 ms and longer on a busy host, each time; the end of
 * the process waits once for all of them.
 */
static aio_context_t spare[N_SPARE];
static unsigned int n_spare;

static void
iocb_init(struct bf_calls *c, unsigned int i)
{
	c->iocb[i] = (struct iocb){.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)c->zero,
		.aio_buf = (uintptr_t)&nothing,
		.aio_flags = IOCB_FLAG_RESFD};
	c->list[i] = &c->iocb[i];
}

static aio_context_t
context_get(void)
{
	aio_context_t aio = 0;

	if (n_spare > 0)
		return spare[--n_spare];
	return syscall(SYS_io_setup, BF_CALLS, &aio) == 0 ? aio : 0;
}

static void
context_put(aio_context_t aio)
{
	if (n_spare < N_SPARE)
		spare[n_spare++] = aio;
	else
		syscall(SYS_io_destroy, aio);
}

void
bf_calls_open(struct bf_calls *c)
{
	memset(c, 0, sizeof(*c));
	c->zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (c->zero < 0) {
		some_wait = true;
		return;
	}
	c->aio = context_get();
	if (c->aio == 0) {
		close(c->zero);
		c->zero = -1;
		some_wait = true;
		return;
	}
	for (unsigned int i = 0; i < BF_CALLS; i++)
		iocb_init(c, i);
}

void
bf_calls_close(struct bf_calls *c)
{
	if (c->aio != 0) {
		context_put(c->aio);
		close(c->zero);
	}
	c->aio = 0;
	c->zero = -1;
	c->n = 0;
}

bool
bf_calls_are_safe(void)
{
	return !some_wait;
}

/* Every read is complete when its submission returns. */
static void
forget_completions(const struct bf_calls *c)
{
	struct aio_ring *ring = (void *)(uintptr_t)c->aio;
	struct io_event events[BF_CALLS];
	struct timespec now = {0};

	if (ring->magic == AIO_RING_MAGIC && ring->incompat_features == 0)
		__atomic_store_n(&ring->head, __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE),
			__ATOMIC_RELEASE);
	else
		syscall(SYS_io_getevents, c->aio, 0L, (long)BF_CALLS, events, &now);
}

/* The kernel takes them up to the first that it refuses. */
static void
calls_submit(struct bf_calls *c)
{
	uint32_t done = 0;

	while (done < c->n) {
		long got = syscall(SYS_io_submit, c->aio, (long)(c->n - done), &c->list[done]);

		if (got > 0) {
			c->sent += (uint64_t)got;
			done += (uint32_t)got;
		} else {
			c->refused++;
			done++;
		}
		forget_completions(c);
	}
}

static void
write_each(struct bf_calls *c)
{
	const uint64_t one = 1;

	for (uint32_t i = 0; i < c->n; i++) {
		if (write(c->fd[i], &one, sizeof(one)) == sizeof(one) || errno == EAGAIN)
			c->sent++;
		else
			c->refused++;
	}
}

void
bf_calls_send(struct bf_calls *c)
{
	if (c->n == 0)
		return;
	if (c->aio != 0)
		calls_submit(c);
	else
		write_each(c);
	c->n = 0;
}

void
bf_calls_add(struct bf_calls *c, int fd)
{
	if (fd < 0)
		return;
	c->fd[c->n] = fd;
	c->iocb[c->n].aio_resfd = (uint32_t)fd;
	c->n++;
	if (c->n == BF_CALLS)
		bf_calls_send(c);
}
