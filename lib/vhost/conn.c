/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One connection of the front door: see conn.h.
 *
 * Threads: ctx vhost.
 */
#include "vhost/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost/door.h"
#include "vhost/fd.h"

#define CONTROL_FDS \
	32 /* room for more than a message may have: the kernel closes what finds none */

void
bf_conn_init(struct bf_conn *c, int fd, struct bf_waste_bin *bin,
	const struct bf_vhost_offer *offer, const struct bf_vhost_ops *ops, void *arg)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->bin = bin;
	c->answer.fd = -1;
	bf_vhost_stream_reset(&c->stream);
	bf_vhost_session_init(&c->session, offer, ops, arg);
}

void
bf_conn_fini(struct bf_conn *c)
{
	struct bf_vhost_fd socket_fd = {.fd = c->fd, .kind = BF_VHOST_FD_OTHER};

	for (uint32_t i = 0; i < c->stream.m.n_fds; i++)
		bf_waste_fd(c->bin, &c->stream.m.fd[i]);
	c->stream.m.n_fds = 0;
	bf_vhost_session_fini(&c->session);
	if (c->answer.fd >= 0)
		close(c->answer.fd);
	bf_waste_fd(c->bin, &socket_fd); /* what is unread in it may hold descriptors */
	c->fd = -1;
}

bool
bf_conn_wants_room(const struct bf_conn *c)
{
	return c->answer.len > 0;
}

uint64_t
bf_conn_due_ms(const struct bf_conn *c)
{
	uint64_t half = bf_vhost_stream_due_ms(&c->stream);
	uint64_t unread = bf_conn_wants_room(c) ? c->answer_ms + BF_DOOR_UNREAD_MS : UINT64_MAX;

	return half < unread ? half : unread;
}

/* 1: sent; 0: no room; -1: the peer is gone. */
static int
answer_send(struct bf_conn *c)
{
	struct bf_vhost_answer *a = &c->answer;
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {a->bytes + c->sent, a->len - c->sent};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (a->len == 0)
		return 1;
	if (a->fd >= 0) {
		h.msg_control = control.room;
		h.msg_controllen = sizeof(control.room);
		*CMSG_FIRSTHDR(&h) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), &a->fd, sizeof(int));
	}
	n = sendmsg(c->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	c->sent += (uint32_t)n;
	if (c->sent < a->len)
		return 0;
	a->len = c->sent = 0;
	return 1;
}

/* Descriptors that came with some bytes; what is more than a message may have is given up. */
static int
descriptors_take(struct bf_conn *c, struct msghdr *h, uint32_t n, uint64_t now_ms)
{
	struct bf_vhost_fd fd[CONTROL_FDS];
	uint32_t n_fds = 0;
	int ret;

	for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m != NULL; m = CMSG_NXTHDR(h, m)) {
		uint32_t here = (uint32_t)((m->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (uint32_t i = 0; i < here && n_fds < CONTROL_FDS; i++) {
			int one;

			memcpy(&one, CMSG_DATA(m) + i * sizeof(one), sizeof(one));
			bf_vhost_fd_look(one, &fd[n_fds++]);
		}
	}
	ret = h->msg_flags & MSG_CTRUNC ? -EMFILE
					: bf_vhost_stream_add(&c->stream, n, fd, n_fds, now_ms);
	if (ret >= 0)
		return ret;
	for (uint32_t i = 0; i < n_fds; i++)
		bf_waste_fd(c->bin, &fd[i]);
	c->why = ret == -EMFILE ? "descriptors were lost: no more can be open here"
				: "a message that cannot be: its version, length or descriptors";
	return -1;
}

/* 1: a message is whole; 0: no more bytes now; -1: c->why, or the peer is gone. */
static int
message_read(struct bf_conn *c, uint64_t now_ms)
{
	union {
		char room[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	int ret = 0;

	while (ret == 0) {
		struct iovec iov;
		struct msghdr h = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.room,
			.msg_controllen = sizeof(control.room)};
		uint8_t *to;
		ssize_t n;

		iov.iov_len = bf_vhost_stream_want(&c->stream, &to);
		iov.iov_base = to;
		n = recvmsg(c->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		if (n == 0)
			return -1;
		ret = descriptors_take(c, &h, (uint32_t)n, now_ms);
	}
	return ret;
}

int
bf_conn_turn(struct bf_conn *c, uint64_t now_ms)
{
	int ret = answer_send(c);

	if (ret <= 0)
		return ret;
	if (c->ending)
		return -1;
	ret = message_read(c, now_ms);
	if (ret <= 0)
		return ret;
	ret = bf_vhost_session_take(&c->session, &c->stream.m, &c->answer);
	bf_vhost_stream_reset(&c->stream);
	c->sent = 0;
	c->answer_ms = now_ms;
	c->ending = ret != 0;
	if (c->ending && c->answer.len == 0)
		return -1;
	return answer_send(c) < 0 ? -1 : 1;
}
