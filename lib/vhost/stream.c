/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes of a vhost-user connection cut into messages.
 *
 * VU "Header": 12 bytes, then as many as it says.  Descriptors belong to the message in whose bytes
 * they came.
 *
 * Threads: ctx vhost.
 */
#include "vhost/stream.h"

#include "vhost/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void
bf_vhost_stream_reset(struct bf_vhost_stream *s)
{
	s->got = 0;
	s->began_ms = 0;
	s->m.request = 0;
	s->m.flags = 0;
	s->m.size = 0;
	s->m.n_fds = 0;
}

uint32_t
bf_vhost_stream_want(struct bf_vhost_stream *s, uint8_t **to)
{
	if (s->got < BF_VHOST_HEADER) {
		*to = s->header + s->got;
		return BF_VHOST_HEADER - s->got;
	}
	assert(s->got < BF_VHOST_HEADER + s->m.size); /* a whole message is taken, then reset */
	*to = s->m.payload + (s->got - BF_VHOST_HEADER);
	return BF_VHOST_HEADER + s->m.size - s->got;
}

static int
read_header(struct bf_vhost_stream *s)
{
	uint32_t word[3];

	memcpy(word, s->header, sizeof(word));
	/* A length that cannot be is not taken over: nothing is ever written beyond the payload. */
	if ((word[1] & BF_VHOST_FLAG_VERSION) != BF_VHOST_FLAG_V1 || word[2] > BF_VHOST_PAYLOAD)
		return -EPROTO;
	s->m.request = word[0];
	s->m.flags = word[1];
	s->m.size = word[2];
	return 0;
}

int
bf_vhost_stream_add(struct bf_vhost_stream *s, uint32_t n, const struct bf_vhost_fd *fd,
	uint32_t n_fds, uint64_t now_ms)
{
	uint32_t before = s->got;

	assert(n <= (before < BF_VHOST_HEADER ? BF_VHOST_HEADER : BF_VHOST_HEADER + s->m.size) -
			before);
	if (n_fds > BF_VHOST_FDS - s->m.n_fds)
		return -EPROTO;
	if (before == 0)
		s->began_ms = now_ms;
	s->got += n;
	if (before < BF_VHOST_HEADER && s->got == BF_VHOST_HEADER && read_header(s) != 0) {
		s->got = before;
		return -EPROTO;
	}
	if (n_fds != 0)
		memcpy(&s->m.fd[s->m.n_fds], fd, n_fds * sizeof(*fd));
	s->m.n_fds += n_fds;
	return s->got >= BF_VHOST_HEADER && s->got == BF_VHOST_HEADER + s->m.size;
}

uint64_t
bf_vhost_stream_due_ms(const struct bf_vhost_stream *s)
{
	if (s->got == 0 || (s->got >= BF_VHOST_HEADER && s->got == BF_VHOST_HEADER + s->m.size))
		return UINT64_MAX;
	return s->began_ms + BF_VHOST_HALF_MS;
}
