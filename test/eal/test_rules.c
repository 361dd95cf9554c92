/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rules of a port, and taps: what they see, what they refuse, and that the ledger knows it.
 *
 * Threads: one.
 */
#include "unit.h"

#include "control/observe/taps.h"
#include "dataplane/last_words.h"
#include "dataplane/mirror.h"
#include "dataplane/rules.h"
#include "dataplane/rx_guest.h"
#include "dataplane/stage.h"
#include "driver.h"
#include "rig.h"

static struct rig *r;
static struct bf_taps taps;
static uint8_t guest[3][6], far[6];
static struct bf_rxq rxq;

static int
set_up(void **state)
{
	uint8_t buf[64];

	(void)state;
	r = rig_new(1, 2);
	memset(&taps, 0, sizeof(taps));
	rig_mac(far, 100);
	for (uint16_t g = 1; g <= 2; g++) {
		struct rte_mbuf *m;

		rig_mac(guest[g], g);
		m = rig_frame(r, buf, rig_udp(buf, far, guest[g], 0), 0, RIG_MEMBERS);
		rig_burst(r, g, &m, 1);
	}
	rxq = (struct bf_rxq){.slot = 1, .ring = 1, .guest = &r->dp[1]};
	r->view->workers[0] = (struct bf_worker_view){.polls = 1, .n_rxq = 1, .rxq = &rxq};
	rig_wire(r, 0, buf, rig_udp(buf, guest[1], far, 0), 1);
	rig_poll_bond(r);
	rig_learn(r, r->fdb->now_s);
	rig_collect(r);
	rig_forget(r);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < BF_MAX_TAPS; k++)
		bf_tap_free(taps.tap[k]);
	return rig_end(r);
}

/* A new view: the rules of the ports and the taps in it. */
static void
publish(void)
{
	r->view->drop_taps = 0;
	r->view->bonds[0].in = 0;
	rxq.in = 0;
	for (unsigned int s = 0; s <= RIG_GUESTS; s++) {
		r->view->ports[s].out = 0;
		r->view->rules[s] = (struct bf_port_rules){0};
	}
	bf_taps_fill_view(&taps, r->view);
}

static struct bf_tap *
tap_open(int slot, uint8_t dirs, uint32_t every)
{
	struct bf_tap_spec spec = {
		.slot = slot, .dirs = dirs, .every = every, .snap = 96, .tape_bytes = 1 << 20};
	struct bf_err err;
	struct bf_tap *tap = bf_taps_open(&taps, &r->lcores, &spec, &err);

	assert_non_null(tap);
	publish();
	return tap;
}

/* Frames from the wire to a guest. */
static void
from_wire(const uint8_t dst[6], unsigned int n)
{
	uint8_t buf[64];

	rig_wire(r, 0, buf, rig_udp(buf, dst, far, 0), n);
	while (rig_poll_bond(r) > 0)
		;
}

/* The first guest sends to the wire by its ring. */
static void
from_guest(unsigned int n)
{
	struct driver *d = driver_new(64, true);
	uint8_t sent[12 + 64] = {0};
	uint32_t len = 12 + rig_udp(sent + 12, far, guest[1], 0);

	d->access = 0;
	r->dp[1].pool = r->pool;
	r->dp[1].ring[1] = d->ring;
	d->next_gpa = DRIVER_GPA;
	for (unsigned int i = 0; i < n; i++)
		driver_bytes(d, driver_post(d, &len, 1), sent, len, true);
	while (bf_rx_guests(r->w, 0) > 0)
		;
	bf_stage_flush(r->w);
	rig_collect(r);
	r->dp[1].ring[1].mode = BF_RING_OFF;
	driver_free(d);
}

static unsigned int
n_records(struct bf_tap *tap, struct bf_tap_record *last)
{
	const struct bf_tap_record *rec;
	unsigned int n = 0, worker;

	while ((rec = bf_tap_oldest(tap, &worker)) != NULL) {
		*last = *rec;
		bf_tap_done(tap, worker);
		n++;
	}
	return n;
}

static void
test_a_disabled_guest_sends_and_gets_nothing(void **state)
{
	(void)state;
	r->view->ports[1].out = rxq.in = BF_RULE_BIT(DISABLED);
	from_wire(guest[1], 5);
	assert_int_equal(rig_got(r, 1), 0);
	assert_int_equal(rig_drops(r, 1, BF_DROP_TO_DISABLED), 5);
	from_guest(7);
	assert_int_equal(rig_got(r, BF_BOND_SLOT), 0);
	assert_int_equal(rig_drops(r, 1, BF_DROP_FROM_DISABLED), 7);
	assert_int_equal(r->w->counters->ports[1].rx_bytes, 8 * 60);
	publish();
	from_guest(2);
	assert_int_equal(rig_got(r, BF_BOND_SLOT), 2);
}

static void
test_a_flood_reaches_the_guests_that_are_not_disabled(void **state)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	(void)state;
	r->view->ports[1].out = BF_RULE_BIT(DISABLED);
	from_wire(all, 3);
	assert_int_equal(rig_got(r, 1), 0);
	assert_int_equal(rig_got(r, 2), 3);
	assert_int_equal(rig_drops(r, 1, BF_DROP_TO_DISABLED), 3);
}

static void
test_a_disabled_bond_sends_nothing(void **state)
{
	(void)state;
	r->view->ports[BF_BOND_SLOT].out = BF_RULE_BIT(DISABLED);
	from_guest(4);
	assert_int_equal(rig_got(r, BF_BOND_SLOT), 0);
	assert_int_equal(rig_drops(r, BF_BOND_SLOT, BF_DROP_TO_DISABLED), 4);
}

static void
test_a_tap_sees_what_comes_and_goes_at_its_port(void **state)
{
	struct bf_tap *in = tap_open(1, BF_TAP_IN, 1), *out = tap_open(1, BF_TAP_OUT, 1);
	struct bf_tap_record rec;

	(void)state;
	from_wire(guest[2], 3); /* another guest's */
	assert_int_equal(n_records(in, &rec) + n_records(out, &rec), 0);
	from_wire(guest[1], 5);
	assert_int_equal(n_records(in, &rec), 0);
	assert_int_equal(n_records(out, &rec), 5);
	assert_int_equal(rec.slot, 1);
	assert_int_equal(rec.dir, BF_TAP_OUT);
	assert_int_equal(rec.len, 60);
	assert_int_equal(rec.weight, 1);
	from_guest(6);
	assert_int_equal(n_records(in, &rec), 6);
	assert_int_equal(n_records(out, &rec), 0);
	assert_int_equal(rec.dir, BF_TAP_IN);
}

static void
test_a_tap_on_all_ports_sees_a_frame_where_it_comes_in_and_where_it_goes_out(void **state)
{
	struct bf_tap *tap = tap_open(BF_TAP_ALL_PORTS, BF_TAP_IN | BF_TAP_OUT, 1);
	const struct bf_tap_record *rec;
	unsigned int worker;

	(void)state;
	from_wire(guest[1], 1);
	rec = bf_tap_oldest(tap, &worker);
	assert_non_null(rec);
	assert_int_equal(rec->slot, BF_BOND_SLOT);
	assert_int_equal(rec->dir, BF_TAP_IN);
	assert_int_equal(rec->member, 0);
	assert_memory_equal(rec->data, guest[1], 6);
	bf_tap_done(tap, worker);
	rec = bf_tap_oldest(tap, &worker);
	assert_int_equal(rec->slot, 1);
	assert_int_equal(rec->dir, BF_TAP_OUT);
	bf_tap_done(tap, worker);
	assert_null(bf_tap_oldest(tap, &worker));
}

static void
test_a_tap_sees_a_frame_that_a_later_rule_refuses(void **state)
{
	struct bf_tap *tap = tap_open(1, BF_TAP_IN | BF_TAP_OUT, 1);
	struct bf_tap_record rec;

	(void)state;
	rxq.in |= BF_RULE_BIT(DISABLED);
	r->view->ports[1].out |= BF_RULE_BIT(DISABLED);
	from_guest(3);
	assert_int_equal(n_records(tap, &rec), 3);
	from_wire(guest[1], 4); /* refused before it would be seen: it did not go out */
	assert_int_equal(n_records(tap, &rec), 0);
}

static void
test_a_tap_of_drops_sees_every_reason(void **state)
{
	struct bf_tap *tap = tap_open(BF_TAP_ALL_PORTS, BF_TAP_DROP, 1);
	static const uint8_t reserved[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};
	struct bf_tap_record rec;

	(void)state;
	from_wire(reserved, 2);
	assert_int_equal(n_records(tap, &rec), 2);
	assert_int_equal(rec.why, BF_DROP_RESERVED);
	assert_int_equal(rec.slot, BF_BOND_SLOT);
	r->view->ports[1].out |= BF_RULE_BIT(DISABLED);
	from_wire(guest[1], 3);
	assert_int_equal(n_records(tap, &rec), 3);
	assert_int_equal(rec.why, BF_DROP_TO_DISABLED);
	rig_guest_room(2, 0);
	from_wire(guest[2], 4);
	assert_int_equal(n_records(tap, &rec), 4);
	assert_int_equal(rec.why, BF_DROP_GUEST_RING_UNREAD);
}

/* What is kept of frames from the wire that were dropped as reserved. @return how many */
static unsigned int
words_of(uint16_t slot, struct bf_last_word_cell *found)
{
	for (unsigned int i = 0; i < BF_LAST_WORD_CELLS; i++)
		if (bf_last_words_read(r->w->last_words, i, found) && found->slot == slot &&
			found->why == BF_DROP_RESERVED)
			return RTE_MIN(found->n, (uint32_t)BF_LAST_WORDS);
	return 0;
}

static void
test_the_last_words_of_dropped_frames_are_kept_without_a_tap(void **state)
{
	static const uint8_t reserved[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};
	struct bf_last_word_cell cell;
	uint32_t n;

	(void)state;
	memset(r->w->last_words, 0, sizeof(*r->w->last_words));
	from_wire(guest[1], 3);
	assert_int_equal(words_of(BF_BOND_SLOT, &cell), 0);
	from_wire(reserved, 3);
	assert_int_equal(words_of(BF_BOND_SLOT, &cell), 3);
	assert_memory_equal(cell.word[2].data, reserved, 6);
	assert_int_equal(cell.word[2].pkt_len, cell.word[2].len);
	/* A flood: no more than a millisecond's share is copied, and the newest millisecond has some. */
	r->w->tsc_hz = UINT64_MAX / 4;
	for (unsigned int i = 0; i < 100; i++)
		from_wire(reserved, 32);
	assert_int_equal(words_of(BF_BOND_SLOT, &cell), BF_LAST_WORDS);
	assert_int_equal(cell.n, BF_LAST_WORDS);
	n = cell.n;
	r->w->tsc_hz = 1000; /* a tick is a millisecond */
	r->w->counters->pmd.loops++;
	from_wire(reserved, 32);
	assert_int_equal(words_of(BF_BOND_SLOT, &cell), BF_LAST_WORDS);
	assert_int_equal(cell.n, n + BF_LAST_WORDS);
	r->w->tsc_hz = rte_get_tsc_hz();
}

/* More ports and reasons than there are places: the ones that were quiet for longest make room. */
static void
test_last_words_have_a_bound_and_the_newest_stay(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->pool);
	struct bf_last_word_cell cell;

	(void)state;
	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, 60));
	memset(r->w->last_words, 0, sizeof(*r->w->last_words));
	/* A flood at all of them at once: the first ones have the places, and nothing is copied again and again. */
	r->w->tsc_hz = UINT64_MAX / 4;
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++)
		bf_last_words_keep(r->w, slot, BF_DROP_RESERVED, &m, 1);
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++)
		assert_int_equal(words_of(slot, &cell), slot < BF_LAST_WORD_CELLS ? 1 : 0);
	r->w->tsc_hz = 1000; /* a tick is a millisecond */
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++) {
		r->w->counters->pmd.loops++;
		bf_last_words_keep(r->w, slot, BF_DROP_RESERVED, &m, 1);
	}
	r->w->tsc_hz = rte_get_tsc_hz();
	rte_pktmbuf_free(m);
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++)
		assert_int_equal(
			words_of(slot, &cell), slot >= BF_MAX_PORTS - BF_LAST_WORD_CELLS ? 1 : 0);
}

/* A mirror copies what is switched: what comes twice, by a backup as well, it copies once. */
static void
test_a_mirror_copies_nothing_of_a_member_that_is_not_in_use(void **state)
{
	static struct bf_mirror mirror = {.dirs = BF_MIRROR_IN, .vlan = BF_MIRROR_VLAN_ANY};
	uint32_t collect = r->carrier.collect, in = r->view->bonds[0].in;

	(void)state;
	r->view->mirrors[0] = &mirror;
	r->view->rules[BF_BOND_SLOT].mirrors = 1;
	r->view->bonds[0].in |= BF_RULE_BIT(MIRROR);
	from_wire(guest[1], 3);
	assert_int_equal(r->w->n_mirrored, 3);
	r->carrier.collect = 0;
	from_wire(guest[1], 3);
	assert_int_equal(r->w->n_mirrored, 3);
	assert_int_equal(mirror.count[r->w->idx].frames, 3);
	while (r->w->n_mirrored > 0) {
		struct rte_mbuf *copy = r->w->mirrored[--r->w->n_mirrored];

		/* Drivers of cards write the flags of what they receive, and not this one. */
		assert_true(copy->ol_flags & BF_FLAG_OF_COPY);
		assert_int_equal(copy->vlan_tci_outer, 0);
		rte_pktmbuf_free(copy);
	}
	r->carrier.collect = collect;
	r->view->bonds[0].in = in;
	r->view->rules[BF_BOND_SLOT].mirrors = 0;
	rig_collect(r);
}

static uint64_t
is_longer_than_60(void *frame)
{
	return ((const struct rte_mbuf *)frame)->pkt_len > 60;
}

static void
test_a_filter_lets_pass_what_it_says(void **state)
{
	struct bf_tap *tap = tap_open(1, BF_TAP_OUT, 1);
	uint8_t buf[128] = {0};
	struct bf_tap_record rec;

	(void)state;
	tap->filter = is_longer_than_60;
	from_wire(guest[1], 3);
	rig_udp(buf, guest[1], far, 0);
	rig_wire(r, 0, buf, 100, 2);
	rig_poll_bond(r);
	assert_int_equal(n_records(tap, &rec), 2);
	assert_int_equal(rec.pkt_len, 100);
	assert_int_equal(rec.len, 96); /* as long as the tap copies */
}

/* 100000 frames, one in 50 on average: 2000, with a deviation of some 26. */
static void
test_samples_are_drawn_by_chance_and_stand_for_all(void **state)
{
	struct bf_tap *tap = tap_open(1, BF_TAP_OUT, 50);
	unsigned int n = 0, distances[100] = {0}, kinds = 0;
	struct bf_tap_record rec;

	(void)state;
	rig_guest_copies(true);
	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int got;

		from_wire(guest[1], 100);
		got = n_records(tap, &rec);
		n += got;
		kinds += distances[got]++ == 0;
	}
	rig_guest_copies(false);
	assert_in_range(n, 1850, 2150);
	assert_int_equal(rec.weight, 50);
	assert_in_range(kinds, 4, 8); /* not the same number of each 100 */
}

/* One tap has a short way of its own. */
static void
test_samples_of_what_a_guest_sends_are_the_same_beside_another_tap(void **state)
{
	struct bf_tap *sample = tap_open(1, BF_TAP_IN, 50), *all;
	struct bf_tap_record rec;

	(void)state;
	for (unsigned int i = 0; i < 40; i++)
		from_guest(50);
	assert_in_range(n_records(sample, &rec), 20, 60);
	all = tap_open(1, BF_TAP_IN, 1);
	for (unsigned int i = 0; i < 40; i++)
		from_guest(50);
	assert_in_range(n_records(sample, &rec), 20, 60);
	assert_int_equal(n_records(all, &rec), 2000);
	bf_taps_retire(&taps, sample);
	bf_tap_free(sample);
	publish();
	from_guest(50);
	assert_int_equal(n_records(all, &rec), 50);
}

static void
test_a_tap_that_is_taken_away_is_in_no_later_view(void **state)
{
	struct bf_tap *tap = tap_open(BF_TAP_ALL_PORTS, BF_TAP_IN | BF_TAP_OUT | BF_TAP_DROP, 1);

	(void)state;
	bf_taps_retire(&taps, tap);
	publish();
	assert_int_equal(r->view->ports[1].out, 0);
	assert_int_equal(r->view->bonds[0].in, 0);
	assert_int_equal(rxq.in, 0);
	assert_int_equal(r->view->drop_taps, 0);
	bf_tap_free(tap);
	from_wire(guest[1], 1);
}

static void
test_there_is_a_limit_of_taps(void **state)
{
	struct bf_tap_spec spec = {.every = 1, .snap = 60, .tape_bytes = 1024};
	struct bf_err err;

	(void)state;
	for (unsigned int k = 0; k < BF_MAX_TAPS; k++)
		assert_non_null(bf_taps_open(&taps, &r->lcores, &spec, &err));
	assert_null(bf_taps_open(&taps, &r->lcores, &spec, &err));
	assert_int_equal(errno, EBUSY);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_a_disabled_guest_sends_and_gets_nothing),
		T(test_a_flood_reaches_the_guests_that_are_not_disabled),
		T(test_a_disabled_bond_sends_nothing),
		T(test_a_tap_sees_what_comes_and_goes_at_its_port),
		T(test_a_tap_on_all_ports_sees_a_frame_where_it_comes_in_and_where_it_goes_out),
		T(test_a_tap_sees_a_frame_that_a_later_rule_refuses),
		T(test_a_tap_of_drops_sees_every_reason),
		T(test_the_last_words_of_dropped_frames_are_kept_without_a_tap),
		T(test_last_words_have_a_bound_and_the_newest_stay),
		T(test_a_mirror_copies_nothing_of_a_member_that_is_not_in_use),
		T(test_a_filter_lets_pass_what_it_says),
		T(test_samples_are_drawn_by_chance_and_stand_for_all),
		T(test_samples_of_what_a_guest_sends_are_the_same_beside_another_tap),
		T(test_a_tap_that_is_taken_away_is_in_no_later_view),
		T(test_there_is_a_limit_of_taps),
	};
#undef T

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
