/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Our own LLDP frames: each member has its own, with its own name as the port (IEEE 802.1AB-2016 9.2.5: every 30 s,
 * once a second at first, and at once when something has changed).
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "base/hash.h"
#include "control/bond/bond.h"
#include "control/bond/lldp.h"

#define INTERVAL_MS 30000
#define FAST_MS 1000
#define FAST_FRAMES 4
#define TTL_S 121 /* four intervals, and a second */

static bool
is_in_lag(const struct bf_bond *b, const struct bf_member *m)
{
	if (b->cfg.mode == BF_MODE_8023AD)
		return b->lacp != NULL && m->distribute;
	return bf_mode_has_lag(b->cfg.mode) && m->usable;
}

static size_t
member_build(
	const struct bf_bond *b, unsigned int i, uint16_t ttl_s, uint8_t frame[BF_LLDP_FRAME_MAX])
{
	static const char about[] = "bondfwd " BF_VERSION;
	const struct bf_member *m = &b->members[i];
	char host[65] = "", port[BF_NAME_MAX + 16];
	struct bf_lldp_local local = {
		.port = m->name,
		.ttl_s = ttl_s,
		.port_description = port,
		.system_name = host,
		.system_description = about,
		.capabilities = BF_LLDP_BRIDGE,
		.enabled = BF_LLDP_BRIDGE,
		.pvid = (uint16_t)b->cfg.native,
		.lag_capable = bf_mode_has_lag(b->cfg.mode),
		.lag_enabled = is_in_lag(b, m),
		.lag_port = b->number + 1,
		.max_frame = (uint16_t)(bf_bond_max_len(b) + RTE_ETHER_CRC_LEN),
	};

	gethostname(host, sizeof(host) - 1);
	snprintf(port, sizeof(port), "member of %s", b->cfg.name);
	memcpy(local.src, m->mac.addr_bytes, sizeof(local.src));
	memcpy(local.chassis, b->mac.addr_bytes, sizeof(local.chassis));
	return bf_lldp_build(&local, frame);
}

/* FNV-1a: whether something else is said than last time. */
static uint64_t
frame_digest(const uint8_t *frame, size_t len)
{
	uint64_t h = BF_HASH_START;

	for (size_t i = 0; i < len; i++)
		h = (h ^ frame[i]) * 0x100000001b3u;
	return h;
}

static bool
frame_send(struct bf_bond *b, unsigned int i, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->ctl_pool);
	char *to = m == NULL ? NULL : rte_pktmbuf_append(m, (uint16_t)len);

	if (to == NULL) {
		rte_pktmbuf_free(m);
		return false;
	}
	memcpy(to, frame, len);
	bf_bond_inject(b, i, m, 0);
	return true;
}

void
bf_bond_lldp_hurry(struct bf_lldp_member *l, uint64_t now_ms)
{
	l->fast = FAST_FRAMES;
	l->due_ms = l->due_ms < now_ms + FAST_MS ? l->due_ms : now_ms + FAST_MS;
}

void
bf_bond_lldp_send(struct bf_bond *b, unsigned int member, struct bf_lldp_member *l, uint64_t now_ms)
{
	const struct bf_member *m = &b->members[member];
	uint8_t frame[BF_LLDP_FRAME_MAX];
	uint64_t said;
	size_t len;

	if (!m->carrier || m->going || b->going) {
		l->linked = false;
		return;
	}
	len = member_build(b, member, TTL_S, frame);
	said = frame_digest(frame, len);
	if (!l->linked)
		bf_bond_lldp_hurry(l, now_ms);
	if (!l->linked || l->said != said)
		l->due_ms = now_ms;
	l->linked = true;
	if (now_ms < l->due_ms || !frame_send(b, member, frame, len))
		return;
	l->said = said;
	l->sends = true;
	l->count.tx++;
	l->due_ms = now_ms + (l->fast > 0 ? FAST_MS : INTERVAL_MS);
	l->fast -= l->fast > 0 ? 1 : 0;
}

bool
bf_bond_lldp_take_back(struct bf_bond *b, unsigned int member, struct bf_lldp_member *l)
{
	uint8_t frame[BF_LLDP_FRAME_MAX];

	l->linked = false;
	if (!l->sends)
		return false;
	l->sends = false;
	if (frame_send(b, member, frame, member_build(b, member, 0, frame)))
		l->count.tx++;
	return true;
}
