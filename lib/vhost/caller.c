/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Calls through other descriptors: see caller.h.
 *
 * Threads: caller_run() is the thread that may wait.  It and the owner have a reference each, and whoever
 * drops the last one closes the eventfd and frees the struct: the thread may see `quit` and end before
 * the owner has woken it.
 */
#include "vhost/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct bf_caller {
	int say; /* ours */
	struct bf_vhost_fd to;
	struct bf_waste_bin *bin;
	uint32_t quit;
	uint32_t users; /* the owner and the thread */
};

/* As an eventfd is written: eight bytes that say 1; to a pipe they are as good as any. */
static void
caller_write(const struct bf_vhost_fd *to)
{
	int fd = to->fd, flags;
	uint64_t one = 1;

	if (to->kind == BF_VHOST_FD_SOCKET) {
		send(fd, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	if (write(fd, &one, sizeof(one)) < 0)
		return; /* full: it has been called; closed: nobody is there */
}

/* Workers may be about to write to `say`, as to any call descriptor. */
static void
caller_drop(struct bf_caller *c)
{
	struct bf_vhost_fd say = {.fd = c->say, .kind = BF_VHOST_FD_EVENT, .lent = true};

	if (__atomic_sub_fetch(&c->users, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	bf_waste_fd(c->bin, &say);
	bf_waste_bin_leave(c->bin);
	free(c);
}

static void *
caller_run(void *arg)
{
	struct bf_caller *c = arg;
	struct pollfd said = {.fd = c->say, .events = POLLIN};
	eventfd_t n;

	while (!__atomic_load_n(&c->quit, __ATOMIC_ACQUIRE)) {
		if (poll(&said, 1, -1) <= 0 || eventfd_read(c->say, &n) != 0)
			continue;
		if (!__atomic_load_n(&c->quit, __ATOMIC_ACQUIRE))
			caller_write(&c->to);
	}
	bf_waste_fd(c->bin, &c->to);
	bf_waste_count(c->bin, -1);
	caller_drop(c);
	return NULL;
}

struct bf_caller *
bf_caller_new(struct bf_waste_bin *bin, const struct bf_vhost_fd *to)
{
	struct bf_caller *c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL)
		return NULL;
	c->to = *to;
	c->bin = bin;
	c->users = 2;
	c->say = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->say < 0) {
		free(c);
		return NULL;
	}
	bf_waste_bin_join(bin);
	ret = bf_waste_thread(caller_run, c);
	if (ret == 0)
		return c;
	bf_waste_bin_leave(bin);
	close(c->say);
	free(c);
	errno = ret;
	return NULL;
}

int
bf_caller_fd(const struct bf_caller *c)
{
	return c->say;
}

void
bf_caller_free(struct bf_caller *c)
{
	if (c == NULL)
		return;
	bf_waste_count(c->bin, 1); /* until its thread has noticed */
	__atomic_store_n(&c->quit, 1, __ATOMIC_RELEASE);
	eventfd_write(c->say, 1);
	caller_drop(c);
}
