/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the two ends agree on, and requests about the device as a whole: features, protocol
 * features, owner, number of queues, MTU, announcement, reset and status.
 *
 * Only what this end offered can be set.  VU "Front-end message types".
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

enum {
	MTU_MIN = 68,
	MTU_MAX = 65535,
	STATUS_RESET = 0,
	STATUS_MAX = 0xff,
};

static int
check_offered(const char *what, uint64_t asked, uint64_t offered, struct bf_err *err)
{
	if ((asked & ~offered) == 0)
		return 0;
	return bf_err_set(
		err, EINVAL, "%s 0x%" PRIx64 ": expected some of 0x%" PRIx64, what, asked, offered);
}

int
bf_vhost_get_features(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)err;
	if (!s->asked)
		s->solo = s->owned;
	s->asked = true;
	bf_vhost_answer_u64(answer, m->request, bf_vhost_offered_features(s));
	return 0;
}

int
bf_vhost_check_features(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	return check_offered("features", bf_vhost_u64(m), bf_vhost_offered_features(s), err);
}

int
bf_vhost_set_features(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)answer;
	(void)err;
	bf_vhost_stop_all(s);
	s->features = bf_vhost_u64(m);
	s->has_features = true;
	/*
	 * VU "Ring states": without protocol features there is no SET_VRING_ENABLE.  With them a
	 * ring stays as it is: QEMU enables the first rings before it sets features.
	 */
	for (uint16_t q = 0; q < s->offer.n_rings; q++)
		if ((s->features & BF_VHOST_F_PROTOCOL_FEATURES) == 0)
			s->ring[q].enabled = true;
	return 0;
}

int
bf_vhost_check_has_protocol(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	(void)m;
	if ((s->offer.features & BF_VHOST_F_PROTOCOL_FEATURES) != 0)
		return 0;
	return bf_err_set(err, EPERM, "protocol features: not offered");
}

int
bf_vhost_get_protocol(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)err;
	bf_vhost_answer_u64(answer, m->request, bf_vhost_offered_protocol(s));
	return 0;
}

int
bf_vhost_check_protocol(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	int ret = bf_vhost_check_has_protocol(s, m, err);

	if (ret != 0)
		return ret;
	return check_offered(
		"protocol features", bf_vhost_u64(m), bf_vhost_offered_protocol(s), err);
}

int
bf_vhost_set_protocol(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)answer;
	(void)err;
	s->protocol = bf_vhost_u64(m);
	return 0;
}

int
bf_vhost_set_owner(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)m;
	(void)answer;
	(void)err;
	/* QEMU says it once per queue pair. */
	s->owned = true;
	return 0;
}

/* Deprecated; may be used to disable all rings, and for nothing else. */
int
bf_vhost_reset_owner(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)m;
	(void)answer;
	(void)err;
	/* Who has no SET_VRING_ENABLE could not enable them again. */
	if ((s->features & BF_VHOST_F_PROTOCOL_FEATURES) == 0)
		return 0;
	bf_vhost_stop_all(s);
	for (uint16_t q = 0; q < s->offer.n_rings; q++)
		s->ring[q].enabled = false;
	return 0;
}

/* It is enough that MQ was offered: the number may be asked for before anything is set. */
int
bf_vhost_check_queue_num(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	(void)m;
	if ((s->offer.protocol >> BF_VHOST_PROTOCOL_MQ & 1) != 0)
		return 0;
	return bf_err_set(err, EPERM, "protocol feature mq: not offered");
}

int
bf_vhost_get_queue_num(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)err;
	bf_vhost_answer_u64(answer, m->request, bf_vhost_queue_pairs(s));
	return 0;
}

int
bf_vhost_send_rarp(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)answer;
	(void)err;
	s->ops->announce(s->arg, bf_vhost_u64(m) & UINT64_C(0xffffffffffff));
	return 0;
}

int
bf_vhost_check_mtu(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	uint64_t mtu = bf_vhost_u64(m);

	(void)s;
	if (mtu >= MTU_MIN && mtu <= MTU_MAX)
		return 0;
	return bf_err_set(err, EINVAL, "mtu %" PRIu64 ": expected %d to %d", mtu, MTU_MIN, MTU_MAX);
}

int
bf_vhost_set_mtu(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)answer;
	(void)err;
	s->mtu = (uint16_t)bf_vhost_u64(m);
	return 0;
}

/*
 * The device is as at first, to be set up anew.  Memory, log, inflight area and protocol features
 * belong to the connection and stay: a front end with CONFIGURE_MEM_SLOTS tells only what changes.
 */
static void
session_reset(struct bf_vhost_session *s)
{
	bf_vhost_stop_all(s);
	for (uint16_t q = 0; q < s->offer.n_rings; q++)
		bf_vhost_forget_ring(s, q);
	s->features = 0;
	s->has_features = false;
	s->status = 0;
}

int
bf_vhost_reset_device(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)m;
	(void)answer;
	(void)err;
	session_reset(s);
	return 0;
}

int
bf_vhost_get_status(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)err;
	bf_vhost_answer_u64(answer, m->request, s->status);
	return 0;
}

int
bf_vhost_check_status(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	uint64_t status = bf_vhost_u64(m);

	(void)s;
	if (status <= STATUS_MAX)
		return 0;
	return bf_err_set(err, EINVAL, "status %" PRIu64 ": expected 0 to %d", status, STATUS_MAX);
}

/*
 * QEMU 7.2 says 0 before it asks each ring for its position, for a migration say: rings stop and are still
 * known.  Whoever begins anew describes them anew.
 */
int
bf_vhost_set_status(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)answer;
	(void)err;
	s->status = (uint8_t)bf_vhost_u64(m);
	if (s->status != STATUS_RESET)
		return 0;
	bf_vhost_stop_all(s);
	for (uint16_t q = 0; q < s->offer.n_rings; q++)
		s->ring[q].started = false;
	return 0;
}
