/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * For a front end that is a virtual machine by itself, without a device model in between: what is
 * offered to it besides, the device's configuration, and the way back that it wants to have.
 *
 * VU "Virtio device config space", "Back-end communication"; virtio 1.2, 5.1.4.
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

#include <linux/virtio_net.h>

uint64_t
bf_vhost_offered_features(const struct bf_vhost_session *s)
{
	return s->offer.features | (s->solo ? s->offer.solo_features : 0);
}

uint64_t
bf_vhost_offered_protocol(const struct bf_vhost_session *s)
{
	return s->offer.protocol | (s->solo ? s->offer.solo_protocol : 0);
}

/* User Mode Linux has no interrupt without it.  Nothing is ever written to it. */
int
bf_vhost_set_backend_req(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)answer;
	(void)err;
	bf_vhost_keep(s, m, &s->backend_req);
	return 0;
}

static struct bf_vhost_wire_config
config_of(const struct bf_vhost_message *m)
{
	struct bf_vhost_wire_config w;

	memcpy(&w, m->payload, sizeof(w));
	return w;
}

int
bf_vhost_check_config(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_wire_config w = config_of(m);

	(void)s;
	if (w.size == m->size - sizeof(w) && w.size <= BF_VHOST_CONFIG_MAX &&
		w.offset <= BF_VHOST_CONFIG_MAX - w.size)
		return 0;
	return bf_err_set(err, EINVAL,
		"configuration %u bytes from %u: expected those of the message, up to %d", w.size,
		w.offset, BF_VHOST_CONFIG_MAX);
}

int
bf_vhost_get_config(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_config w = config_of(m);
	uint8_t all[BF_VHOST_CONFIG_MAX] = {0};
	struct virtio_net_config c = {
		.max_virtqueue_pairs = bf_vhost_queue_pairs(s), .mtu = s->offer.solo_mtu};

	(void)err;
	memcpy(all, &c, sizeof(c));
	memcpy(m->payload + sizeof(w), all + w.offset, w.size);
	bf_vhost_answer_put(answer, m->request, m->payload, m->size);
	return 0;
}
