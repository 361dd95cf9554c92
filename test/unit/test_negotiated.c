/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is offered at each level, and who is turned away by what.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <unistd.h>

#include "control/guests/forced.h"
#include "control/guests/negotiated.h"
#include "control/guests/offer.h"
#include "vhost/wire.h"

#define ALL_OF_0_1 UINT64_C(0xd7c62bb8b) /* it never changes */
#define PROTOCOL_OF_0_1 UINT64_C(0x1b23f)

static void
keys(struct bf_guest_config *g, const char *pairs)
{
	struct bf_err err = {""};

	bf_guest_config_init(g);
	if (bf_guest_config_parse(g, pairs, &err) != 0)
		fail_msg("%s: %s", pairs, err.text);
}

static void
test_the_newest_level_is_all_that_this_version_offers(void **state)
{
	struct bf_guest_config g;
	struct bf_vhost_offer o;

	(void)state;
	keys(&g, "name=vm1,socket=/a/b,queues=2");
	o = bf_guest_offer(&g);
	/* When this fails, a new level with a new name is due. */
	assert_int_equal(o.features | o.solo_features, bf_feature_levels[0].features);
	assert_int_equal(o.protocol | o.solo_protocol, bf_feature_levels[0].protocol);
}

static void
test_a_level_never_changes(void **state)
{
	const struct bf_feature_level *first = &bf_feature_levels[bf_n_feature_levels - 1];

	(void)state;
	assert_string_equal(first->name, "0.1");
	assert_int_equal(first->features, ALL_OF_0_1);
	assert_int_equal(first->protocol, PROTOCOL_OF_0_1);
}

static void
test_a_mask_takes_away_what_it_lacks_but_nothing_of_vhost(void **state)
{
	struct bf_guest_config g;
	struct bf_vhost_offer o;

	(void)state;
	keys(&g, "name=vm1,socket=/a/b,queues=2,packed=off,features=0x400008000");
	o = bf_guest_offer(&g);
	assert_int_equal(o.features, UINT64_C(0x44008000)); /* bit 34 is packed=off's */
	assert_int_equal(o.solo_features, 0);
	assert_int_equal(o.protocol | o.solo_protocol, PROTOCOL_OF_0_1);
}

static void
test_nothing_is_offered_without_what_it_needs(void **state)
{
	static const struct {
		const char *mask;
		uint64_t offered; /* but for what is vhost's */
	} rows[] = {
		{"0x400000000", 0}, /* packed rings without version 1 */
		{"0x500000000", UINT64_C(0x500000000)},
		{"0x3b80", 0}, /* superframes and their ECN without checksums */
		{"0x2b83", UINT64_C(0x2b83)},
		{"0x2202", UINT64_C(0x2)}, /* guest_ecn needs a superframe, host_ecn too */
	};
	const uint64_t vhost = BF_VHOST_F_LOG_ALL | BF_VHOST_F_PROTOCOL_FEATURES;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bf_guest_config g;
		char text[80];

		snprintf(text, sizeof(text), "name=vm1,socket=/a/b,queues=1,features=%s",
			rows[i].mask);
		keys(&g, text);
		assert_int_equal(bf_guest_offer(&g).features & ~vhost, rows[i].offered);
	}
}

static void
test_what_a_guest_would_lack_is_named(void **state)
{
	static const struct {
		const char *keys, *says; /* NULL: it comes back */
	} rows[] = {
		{"socket=/a/b", NULL},
		{"socket=/a/b,mtu=576", NULL},
		{"socket=/a/b,packed=off",
			"would not be offered ring_packed: it has negotiated features 0x40"},
		{"socket=/a/b,features=0x8000", "would not be offered ring_packed"},
		{"socket=/a/b,queues=1", "uses 2 queue pairs and would be offered 1"},
		{"socket=/c/d", "its front end is at /a/b and the port would be at /c/d"},
		{"socket=/a/b,mode=server", "was in mode=client and would be in mode=server"},
	};
	struct bf_negotiated n = {.guest = "vm1",
		.socket = "/a/b",
		.pairs = 2,
		.mtu = 1500,
		.features = 1ULL << VIRTIO_F_RING_PACKED};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bf_guest_config g;
		struct bf_err why = {""};

		keys(&g, rows[i].keys);
		assert_int_equal(bf_negotiated_lacks(&n, &g, &why), rows[i].says != NULL);
		if (rows[i].says != NULL)
			assert_has(why.text, rows[i].says);
	}
}

static void
test_only_who_wants_to_come_back_is_waited_for(void **state)
{
	struct bf_negotiated n = {.guest = "vm1", .up = true, .boot = 1};

	(void)state;
	assert_false(bf_negotiated_binds(&n)); /* the host was started anew */
}

static void
test_who_is_turned_away_by_what_was_forced_is_not_waited_for_any_more(void **state)
{
	struct bf_negotiated n = {.guest = "vm1",
		.up = true,
		.socket = "/a/b",
		.features = 1ULL << VIRTIO_F_RING_PACKED};
	struct bf_negotiated_book b = {.n = 0};
	struct bf_guest_config g;

	(void)state;
	bf_negotiated_restore(&b, &n);
	keys(&g, "name=vm1,socket=/a/b");
	bf_forced_note(&b, &g);
	assert_true(bf_negotiated_find(&b, "vm1")->up);
	keys(&g, "name=vm1,socket=/a/b,packed=off");
	bf_forced_note(&b, &g);
	assert_false(bf_negotiated_find(&b, "vm1")->up);
	assert_int_equal(b.version, 1);
	keys(&g, "name=vm2,socket=/a/b");
	bf_forced_note(&b, &g);
	bf_negotiated_fini(&b);
}

static void
test_a_socket_is_the_same_by_another_path(void **state)
{
	struct bf_negotiated n = {.guest = "vm1", .socket = "/var/run/vm1.sock"};
	struct bf_guest_config g;

	(void)state;
	keys(&g, "name=vm1,socket=/run/vm1.sock");
	assert_false(bf_negotiated_lacks(&n, &g, NULL));
	keys(&g, "name=vm1,socket=/proc/vm1.sock");
	assert_true(bf_negotiated_lacks(&n, &g, NULL));
	keys(&g, "name=vm1,socket=/run/vm2.sock");
	assert_true(bf_negotiated_lacks(&n, &g, NULL));
	g.socket[0] = '\0';
	assert_true(bf_negotiated_lacks(&n, &g, NULL));
}

static void
test_the_book_is_bounded_and_those_that_are_gone_make_room(void **state)
{
	struct bf_negotiated_book b = {.n = 0};
	struct bf_negotiated n = {.since_s = 100, .up = true};

	(void)state;
	for (unsigned int i = 0; i < BF_MAX_GUESTS; i++) {
		snprintf(n.guest, sizeof(n.guest), "vm%u", i);
		n.up = i != 7;
		bf_negotiated_restore(&b, &n);
	}
	snprintf(n.guest, sizeof(n.guest), "one-more");
	bf_negotiated_restore(&b, &n);
	assert_int_equal(b.n, BF_MAX_GUESTS);
	assert_null(bf_negotiated_find(&b, "vm7"));
	assert_non_null(bf_negotiated_find(&b, "one-more"));
	bf_negotiated_remove(&b, "vm8");
	assert_true(bf_negotiated_find(&b, "vm8")->removed);
	assert_true(bf_negotiated_forget(&b, "vm8"));
	assert_false(bf_negotiated_forget(&b, "vm8"));
	assert_int_equal(b.version, 2);
	bf_negotiated_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_newest_level_is_all_that_this_version_offers),
		cmocka_unit_test(test_a_level_never_changes),
		cmocka_unit_test(test_a_mask_takes_away_what_it_lacks_but_nothing_of_vhost),
		cmocka_unit_test(test_nothing_is_offered_without_what_it_needs),
		cmocka_unit_test(test_what_a_guest_would_lack_is_named),
		cmocka_unit_test(test_only_who_wants_to_come_back_is_waited_for),
		cmocka_unit_test(
			test_who_is_turned_away_by_what_was_forced_is_not_waited_for_any_more),
		cmocka_unit_test(test_a_socket_is_the_same_by_another_path),
		cmocka_unit_test(test_the_book_is_bounded_and_those_that_are_gone_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
