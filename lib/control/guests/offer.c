/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See offer.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/offer.h"

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "vhost/wire.h"

#define FEATURES \
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_ANY_LAYOUT | 1ULL << VIRTIO_F_IN_ORDER | \
		1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX | \
		1ULL << VIRTIO_NET_F_MTU | BF_VHOST_F_LOG_ALL | BF_VHOST_F_PROTOCOL_FEATURES)

#define CSUM_FEATURES (1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM)

#define TSO_FEATURES \
	(CSUM_FEATURES | 1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 | \
		1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_GUEST_TSO4 | \
		1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN)

#define PROTOCOL_FEATURES \
	(1ULL << BF_VHOST_PROTOCOL_MQ | 1ULL << BF_VHOST_PROTOCOL_LOG_SHMFD | \
		1ULL << BF_VHOST_PROTOCOL_RARP | 1ULL << BF_VHOST_PROTOCOL_REPLY_ACK | \
		1ULL << BF_VHOST_PROTOCOL_MTU | 1ULL << BF_VHOST_PROTOCOL_INFLIGHT_SHMFD | \
		1ULL << BF_VHOST_PROTOCOL_RESET_DEVICE | \
		1ULL << BF_VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS | 1ULL << BF_VHOST_PROTOCOL_STATUS)

/* What makes no sense without another (virtio 1.2, 5.1.3.1), of which a mask may have taken all. */
static const struct {
	uint64_t of, needs; /* one of these */
} bounds[] = {
	{1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6,
		1ULL << VIRTIO_NET_F_CSUM},
	{1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6,
		1ULL << VIRTIO_NET_F_GUEST_CSUM},
	{1ULL << VIRTIO_NET_F_HOST_ECN,
		1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6},
	{1ULL << VIRTIO_NET_F_GUEST_ECN,
		1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6},
	{1ULL << VIRTIO_F_RING_PACKED, 1ULL << VIRTIO_F_VERSION_1},
};

static uint64_t
features_bound(uint64_t features)
{
	for (size_t i = 0; i < RTE_DIM(bounds); i++)
		if ((features & bounds[i].needs) == 0)
			features &= ~bounds[i].of;
	return features;
}

/* A guest that can announce itself and use several queues needs to be controlled for both. */
struct bf_vhost_offer
bf_guest_offer(const struct bf_guest_config *cfg)
{
	struct bf_vhost_offer o = {.features = FEATURES,
		.protocol = PROTOCOL_FEATURES,
		.n_rings =
			BF_VHOST_RINGS, /* more than `queues` pairs are told of, and not polled */
		.solo_features = 1ULL << VIRTIO_NET_F_CTRL_VQ,
		.solo_protocol =
			1ULL << BF_VHOST_PROTOCOL_CONFIG | 1ULL << BF_VHOST_PROTOCOL_BACKEND_REQ,
		.solo_mtu = (uint16_t)cfg->mtu,
		.queue_pairs = (uint16_t)cfg->queues};

	if (cfg->queues > 1)
		o.features |= 1ULL << VIRTIO_NET_F_MQ | 1ULL << VIRTIO_NET_F_GUEST_ANNOUNCE;
	if (cfg->mrg_rxbuf)
		o.features |= 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	if (cfg->packed)
		o.features |= 1ULL << VIRTIO_F_RING_PACKED;
	if (cfg->offload != BF_OFFER_NOTHING)
		o.features |= cfg->offload == BF_OFFER_CSUM ? CSUM_FEATURES : TSO_FEATURES;
	o.features = features_bound(o.features & bf_feature_pin_features(&cfg->features));
	o.solo_features &= bf_feature_pin_features(&cfg->features);
	o.protocol &= bf_feature_pin_protocol(&cfg->features);
	o.solo_protocol &= bf_feature_pin_protocol(&cfg->features);
	return o;
}
