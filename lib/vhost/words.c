/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Requests and features in words, named as in virtio 1.2 and the vhost-user specification.
 *
 * Threads: any (pure functions).
 */
#include "vhost/internal.h"

#include <stdio.h>

enum {
	BITS = 64
};

static const char *const feature_names[BITS] = {
	/* virtio 1.2, 5.1.3: of a network device */
	[0] = "csum",
	[1] = "guest_csum",
	[2] = "ctrl_guest_offloads",
	[3] = "mtu",
	[5] = "mac",
	[6] = "gso",
	[7] = "guest_tso4",
	[8] = "guest_tso6",
	[9] = "guest_ecn",
	[10] = "guest_ufo",
	[11] = "host_tso4",
	[12] = "host_tso6",
	[13] = "host_ecn",
	[14] = "host_ufo",
	[15] = "mrg_rxbuf",
	[16] = "status",
	[17] = "ctrl_vq",
	[18] = "ctrl_rx",
	[19] = "ctrl_vlan",
	[20] = "ctrl_rx_extra",
	[21] = "guest_announce",
	[22] = "mq",
	[23] = "ctrl_mac_addr",
	[50] = "device_stats",
	[52] = "vq_notf_coal",
	[53] = "notf_coal",
	[54] = "guest_uso4",
	[55] = "guest_uso6",
	[56] = "host_uso",
	[57] = "hash_report",
	[59] = "guest_hdrlen",
	[60] = "rss",
	[61] = "rsc_ext",
	[62] = "standby",
	[63] = "speed_duplex",
	/* of vhost */
	[26] = "log_all",
	[30] = "protocol_features",
	/* virtio 1.2, 6: of any device */
	[24] = "notify_on_empty",
	[27] = "any_layout",
	[28] = "indirect_desc",
	[29] = "event_idx",
	[32] = "version_1",
	[33] = "access_platform",
	[34] = "ring_packed",
	[35] = "in_order",
	[36] = "order_platform",
	[37] = "sr_iov",
	[38] = "notification_data",
	[39] = "notif_config_data",
	[40] = "ring_reset",
};

static const char *const protocol_names[BITS] = {
	[0] = "mq",
	[1] = "log_shmfd",
	[2] = "rarp",
	[3] = "reply_ack",
	[4] = "mtu",
	[5] = "backend_req",
	[6] = "cross_endian",
	[7] = "crypto_session",
	[8] = "pagefault",
	[9] = "config",
	[10] = "backend_send_fd",
	[11] = "host_notifier",
	[12] = "inflight_shmfd",
	[13] = "reset_device",
	[14] = "inband_notifications",
	[15] = "configure_mem_slots",
	[16] = "status",
	[17] = "xen_mmap",
	[18] = "shared_object",
	[19] = "device_state",
};

const char *
bf_vhost_request_name(uint32_t request, char *buf, size_t size)
{
	const char *name = bf_vhost_row(request)->name;

	if (name != NULL)
		return name;
	snprintf(buf, size, "request %u", request);
	return buf;
}

/* What does not fit is left out, whole words at a time. */
static const char *
bits_text(uint64_t bits, const char *const names[BITS], char *buf, size_t size)
{
	size_t len = 0;

	if (size != 0)
		buf[0] = '\0';
	for (unsigned int i = 0; i < BITS; i++) {
		char number[4];
		int n;

		if ((bits >> i & 1) == 0)
			continue;
		snprintf(number, sizeof(number), "%u", i);
		n = snprintf(buf + len, size - len, "%s%s", len != 0 ? " " : "",
			names[i] != NULL ? names[i] : number);
		if ((size_t)n >= size - len) {
			if (size != 0)
				buf[len] = '\0';
			break;
		}
		len += (size_t)n;
	}
	return buf;
}

const char *
bf_vhost_feature_names(uint64_t features, char *buf, size_t size)
{
	return bits_text(features, feature_names, buf, size);
}

const char *
bf_vhost_protocol_names(uint64_t features, char *buf, size_t size)
{
	return bits_text(features, protocol_names, buf, size);
}
