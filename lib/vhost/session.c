/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The life of a session, and what is done with every message: checked, acted upon, answered, its
 * descriptors disposed of, rings started that may run.
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

#include <assert.h>
#include <stdio.h>

void
bf_vhost_session_init(struct bf_vhost_session *s, const struct bf_vhost_offer *offer,
	const struct bf_vhost_ops *ops, void *arg)
{
	assert(offer->n_rings <= BF_VHOST_RINGS);
	memset(s, 0, sizeof(*s));
	s->ops = ops;
	s->arg = arg;
	s->offer = *offer;
	s->backend_req.fd = -1;
	for (uint16_t q = 0; q < BF_VHOST_RINGS; q++) {
		s->ring[q].kick.fd = -1;
		s->ring[q].call.fd = -1;
	}
}

void
bf_vhost_session_fini(struct bf_vhost_session *s)
{
	bf_vhost_stop_all(s);
	for (uint16_t q = 0; q < s->offer.n_rings; q++)
		bf_vhost_forget_ring(s, q);
	bf_vhost_forget_memory(s);
	bf_vhost_forget_areas(s);
	bf_vhost_dispose(s, &s->backend_req);
}

void
bf_vhost_session_hold(struct bf_vhost_session *s, bool held)
{
	s->held = held;
	if (held)
		bf_vhost_stop_all(s);
	else
		(void)bf_vhost_run(s, NULL);
}

void
bf_vhost_dispose(struct bf_vhost_session *s, struct bf_vhost_fd *fd)
{
	if (fd->fd >= 0)
		s->ops->dispose(s->arg, fd);
	fd->fd = -1;
}

void
bf_vhost_keep(struct bf_vhost_session *s, struct bf_vhost_message *m, struct bf_vhost_fd *to)
{
	bf_vhost_dispose(s, to);
	if (m->n_fds == 0)
		return;
	*to = m->fd[0];
	m->fd[0].fd = -1;
}

void
bf_vhost_answer_put(
	struct bf_vhost_answer *answer, uint32_t request, const void *payload, uint32_t len)
{
	uint32_t header[3] = {request, BF_VHOST_FLAG_V1 | BF_VHOST_FLAG_REPLY, len};

	assert(len <= BF_VHOST_PAYLOAD && sizeof(header) == BF_VHOST_HEADER);
	memcpy(answer->bytes, header, sizeof(header));
	memcpy(answer->bytes + sizeof(header), payload, len);
	answer->len = BF_VHOST_HEADER + len;
}

/* A header that nobody would send who speaks this protocol: what follows cannot be trusted. */
static int
check_header(const struct bf_vhost_message *m, struct bf_err *err)
{
	if ((m->flags & ~(uint32_t)BF_VHOST_FLAG_NEED_REPLY) == BF_VHOST_FLAG_V1)
		return 0;
	return bf_err_set(err, EPROTO, "flags 0x%x: expected 0x%x or 0x%x", m->flags,
		BF_VHOST_FLAG_V1, BF_VHOST_FLAG_V1 | BF_VHOST_FLAG_NEED_REPLY);
}

static void
session_report(struct bf_vhost_session *s, uint32_t request, const struct bf_err *err)
{
	char buf[24];
	const char *name = bf_vhost_request_name(request, buf, sizeof(buf));

	snprintf(s->error, sizeof(s->error), "%s: %s", name, err->text);
	s->refusals++;
	s->ops->refused(s->arg, name, err->text);
}

/* VU "VHOST_USER_PROTOCOL_F_REPLY_ACK"; the feature may have come with this very message. */
static bool
is_status_wanted(const struct bf_vhost_session *s, const struct bf_vhost_row *row,
	const struct bf_vhost_message *m)
{
	if (row->answers == BF_VHOST_ANSWERS_STATUS)
		return true;
	return row->answers == BF_VHOST_ANSWERS_NOT && (m->flags & BF_VHOST_FLAG_NEED_REPLY) != 0 &&
		(s->protocol >> BF_VHOST_PROTOCOL_REPLY_ACK & 1) != 0;
}

/* VU "Front-end message types", GET_CONFIG.  Who has not negotiated it does not know that. */
static bool
may_refuse_empty(const struct bf_vhost_session *s, const struct bf_vhost_row *row)
{
	return row->answers == BF_VHOST_ANSWERS_EMPTY && (row->protocol & ~s->protocol) == 0;
}

/*
 * QEMU takes any answer to SET_LOG_BASE for success; it reads the status only where it asked for one.
 * Those of requests that are not supported are read by all who send them.
 */
static bool
is_refusal_heard(const struct bf_vhost_session *s, const struct bf_vhost_row *row,
	const struct bf_vhost_message *m)
{
	if (row->ignorable || may_refuse_empty(s, row))
		return true;
	return is_status_wanted(s, row, m) &&
		(row->act == NULL || (m->flags & BF_VHOST_FLAG_NEED_REPLY) != 0);
}

int
bf_vhost_session_take(
	struct bf_vhost_session *s, struct bf_vhost_message *m, struct bf_vhost_answer *answer)
{
	const struct bf_vhost_row *row = bf_vhost_row(m->request);
	struct bf_err err = {""};
	int ret;
	int end = 0;

	assert(m->size <= BF_VHOST_PAYLOAD && m->n_fds <= BF_VHOST_FDS);
	answer->len = 0;
	answer->fd = -1;
	s->messages++;
	ret = check_header(m, &err);
	if (ret != 0)
		end = -EPROTO;
	if (ret == 0)
		ret = bf_vhost_row_check(row, s, m, &err);
	if (ret == 0)
		ret = row->act(s, m, answer, &err);
	if (ret != 0)
		session_report(s, m->request, &err);
	if (end == 0 && is_status_wanted(s, row, m))
		bf_vhost_answer_u64(answer, m->request, ret != 0);
	if (end == 0 && ret != 0 && may_refuse_empty(s, row))
		bf_vhost_answer_put(answer, m->request, "", 0);
	if (ret != 0 && !is_refusal_heard(s, row, m))
		end = -EPROTO;
	for (uint32_t i = 0; i < m->n_fds; i++)
		bf_vhost_dispose(s, &m->fd[i]);
	m->n_fds = 0;
	/* Last, because a ring that is found to be wrong is no fault of the message itself. */
	if (bf_vhost_run(s, &err) != 0 && ret == 0)
		session_report(s, m->request, &err);
	return end;
}
