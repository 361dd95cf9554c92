/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See rules.h.
 *
 * Threads: worker.
 */
#include "dataplane/rules.h"

#include "dataplane/dhcp.h"
#include "dataplane/drop.h"
#include "dataplane/filter.h"
#include "dataplane/guard.h"
#include "dataplane/inside.h"
#include "dataplane/ip_guard.h"
#include "dataplane/mark.h"
#include "dataplane/mirror.h"
#include "dataplane/post.h"
#include "dataplane/rate.h"
#include "dataplane/tags.h"
#include "dataplane/tap.h"

#define LEASE_REPEAT_MS 2

/* One rule for one burst. @return how many pass, moved to the front. */
typedef uint16_t (*rule_func)(
	struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

static __rte_noinline uint16_t
tap_look_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_tap_frames(w, w->view->rules[slot].taps, BF_TAP_IN, slot, 0, pkts, n);
	return n;
}

/* Mostly there is one tap, of which nothing in the burst is due: that is all that an exporter costs. */
static uint16_t
tap_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t set = w->view->rules[slot].taps;
	struct bf_tap_worker *tw;
	struct bf_tap *tap;

	if (unlikely(set == 0 || (set & (set - 1)) != 0))
		return tap_look_in(w, slot, pkts, n);
	tap = w->view->taps[__builtin_ctz(set)];
	tw = &tap->worker[w->idx];
	if (unlikely(tw->left < n || !(tap->dirs & BF_TAP_IN)))
		return tap_look_in(w, slot, pkts, n);
	tw->left -= n;
	return n;
}

static uint16_t
tap_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_tap_frames(w, w->view->rules[slot].taps, BF_TAP_OUT, slot, 0, pkts, n);
	return n;
}

/* tx_member.c shows them to the taps: here nobody knows the member. */
static uint16_t
watch_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	(void)w;
	(void)slot;
	(void)pkts;
	return n;
}

static uint16_t
watch_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return watch_in(w, slot, pkts, n);
}

static uint16_t
disabled_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_drop_note(w, slot, BF_DROP_FROM_DISABLED, pkts, n);
	return 0;
}

static uint16_t
disabled_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_drop_note(w, slot, BF_DROP_TO_DISABLED, pkts, n);
	return 0;
}

/* Frames at the front that need no further look: mostly all. */
static inline uint16_t
guard_pass_plain(const struct bf_port_rules *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint16_t pass = 0;

	if (likely(r->ips == NULL))
		while (pass < n && bf_guard_is_plain(pkts[pass]))
			pass++;
	else
		while (pass < n && bf_guard_is_plain(pkts[pass]) &&
			bf_ip_guard_is_own(r->ips, pkts[pass]))
			pass++;
	return pass;
}

static enum bf_drop
guard_judge_in(const struct bf_port_rules *r, const struct rte_mbuf *m)
{
	struct bf_inside in;
	enum bf_drop why;

	if (bf_guard_is_plain(m) && (r->ips == NULL || bf_ip_guard_is_own(r->ips, m)))
		return BF_DROP_COUNT;
	if (r->ips == NULL && !(r->guards & BF_GUARD_READS))
		return BF_DROP_COUNT; /* it is only listened to what it gets */
	bf_inside_read(m, &in);
	why = bf_guard_judge(r->guards, &in);
	return why != BF_DROP_COUNT || r->ips == NULL ? why
						      : bf_ip_guard_from(r->guard, r->ips, m, &in);
}

static __rte_noinline uint16_t
guard_sift(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_port_rules *r = &w->view->rules[slot];
	struct rte_mbuf *refused[BF_BURST];
	uint16_t pass = 0, n_refused = 0;

	for (uint16_t i = 0; i < n; i++) {
		enum bf_drop why = guard_judge_in(r, pkts[i]);

		if (why == BF_DROP_COUNT) {
			pkts[pass++] = pkts[i];
		} else {
			bf_drop_note(w, slot, why, &pkts[i], 1);
			refused[n_refused++] = pkts[i];
		}
	}
	bf_put_behind(pkts, pass, refused, n_refused);
	return pass;
}

static uint16_t
guard_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t pass = guard_pass_plain(&w->view->rules[slot], pkts, n);

	if (likely(pass == n))
		return n;
	return (uint16_t)(pass + guard_sift(w, slot, &pkts[pass], (uint16_t)(n - pass)));
}

/* Control keeps what a server gives. */
static void
lease_post(struct bf_worker *w, uint16_t slot, const struct bf_dhcp_given *g)
{
	struct bf_mail mail = {.port = slot,
		.kind = BF_MAIL_LEASE,
		.bits = (uint8_t)(g->v6 ? g->len : g->len + 128),
		.seconds = g->seconds};
	uint64_t lo = 0, hi = 0;

	memcpy(mail.addr, g->addr, sizeof(mail.addr));
	memcpy(&lo, g->addr, 8);
	memcpy(&hi, g->addr + 8, 8);
	bf_post(w, &mail, (lo * 31 ^ hi * 17 ^ g->seconds) << 16 | slot | 1ULL << 61,
		LEASE_REPEAT_MS);
}

/* @return true: it is of a DHCP server, to whatever address. What it gives to a station of the guest is noted. */
static __rte_noinline bool
lease_listen(struct bf_worker *w, uint16_t slot, const struct rte_mbuf *m)
{
	const struct bf_port_rules *r = &w->view->rules[slot];
	struct bf_dhcp_answer a;
	struct bf_inside in;
	uint64_t dst = 0;

	bf_inside_read(m, &in);
	if (!bf_dhcp_is_of_server(&in))
		return false;
	memcpy(&dst, rte_pktmbuf_mtod(m, const uint8_t *), 6);
	if (bf_dhcp_read(&in, &a) && bf_guard_permits(r->guard, a.has_client ? a.client : dst))
		for (uint32_t i = 0; i < a.n; i++)
			lease_post(w, slot, &a.at[i]);
	return true;
}

/* May the frame go to the guest? */
static inline bool
guard_lets_out(struct bf_worker *w, uint16_t slot, const struct rte_mbuf *m)
{
	const struct bf_port_rules *r = &w->view->rules[slot];

	if ((r->guards & BF_GUARD_DHCP_CLIENT) && unlikely(!bf_guard_is_plain(m)) &&
		lease_listen(w, slot, m))
		return true;
	return r->ips == NULL || bf_ip_guard_to(r->guard, r->ips, m) == BF_DROP_COUNT;
}

/* Only ports with addresses have this bit in their word for what is sent to them. */
static uint16_t
guard_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *refused[BF_STAGE_SIZE];
	uint16_t pass = 0, n_refused = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (likely(guard_lets_out(w, slot, pkts[i]))) {
			pkts[pass++] = pkts[i];
		} else {
			bf_drop_note(w, slot, BF_DROP_NOT_ITS_IP, &pkts[i], 1);
			refused[n_refused++] = pkts[i];
		}
	}
	bf_put_behind(pkts, pass, refused, n_refused);
	return pass;
}

static const struct {
	rule_func in, out;
} rules[BF_RULE_COUNT] = {
#define RULE_ROW(sym, func, name, help) {func##_in, func##_out},
	BF_RULE_LIST(RULE_ROW)
#undef RULE_ROW
};

uint16_t
bf_rules_in(struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_port_counters *c = &w->counters->ports[slot];
	uint16_t pass = n;

	if (set == BF_RULE_BIT(TAP)) /* it drops nothing */
		return tap_in(w, slot, pkts, n);
	for (; set != 0 && pass > 0; set &= set - 1)
		pass = rules[__builtin_ctz(set)].in(w, slot, pkts, pass);
	if (pass == n)
		return n;
	c->rx_frames += (uint64_t)n - pass;
	c->rx_bytes += bf_bytes_of(&pkts[pass], (uint16_t)(n - pass));
	bf_free_burst(&pkts[pass], (uint16_t)(n - pass));
	return pass;
}

uint16_t
bf_rules_out(struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n)
{
	while (set != 0 && n > 0) {
		uint32_t last = 31u - (uint32_t)__builtin_clz(set);

		n = rules[last].out(w, slot, pkts, n);
		set &= ~(1u << last);
	}
	return n;
}
