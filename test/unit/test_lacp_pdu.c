/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LACPDU and marker bytes: what goes on the wire, and what is believed from it.
 *
 * Threads: one.
 */
#include "test_lacp_rig.h"

static const uint8_t src_mac[6] = {0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};

static const struct bf_lacp_port actor = {.system_priority = 0x1234,
	.system_id = {0x02, 1, 2, 3, 4, 5},
	.key = 0x5678,
	.port_priority = 0x9abc,
	.port_number = 0xdef0,
	.state = 0x3f};

static const struct bf_lacp_port partner = {.system_priority = 0x8000,
	.system_id = {0x02, 9, 8, 7, 6, 5},
	.key = 11,
	.port_priority = 22,
	.port_number = 33,
	.state = 0x85};

static void
lacpdu(uint8_t frame[BF_LACP_FRAME_LEN])
{
	bf_lacp_pdu_encode(frame, src_mac, &actor, &partner);
}

static void
test_lacpdu_bytes_are_as_in_the_standard(void **state)
{
	static const uint8_t head[] = {/* Ethernet */ 0x01, 0x80, 0xc2, 0, 0, 2, 0x02, 0xaa, 0xbb,
		0xcc, 0xdd, 0xee, 0x88, 0x09, /* subtype, version */ 1, 1,
		/* actor */ 1, 20, 0x12, 0x34, 0x02, 1, 2, 3, 4, 5, 0x56, 0x78, 0x9a, 0xbc, 0xde,
		0xf0, 0x3f, 0, 0, 0,
		/* partner */ 2, 20, 0x80, 0x00, 0x02, 9, 8, 7, 6, 5, 0, 11, 0, 22, 0, 33, 0x85, 0,
		0, 0, /* collector */ 3, 16, 0, 0};
	uint8_t frame[BF_LACP_FRAME_LEN];

	(void)state;
	memset(frame, 0xff, sizeof(frame));
	lacpdu(frame);
	assert_memory_equal(frame, head, sizeof(head));
	for (size_t i = sizeof(head); i < sizeof(frame); i++)
		assert_int_equal(frame[i], 0);
}

static void
assert_same_port(const struct bf_lacp_port *a, const struct bf_lacp_port *b)
{
	assert_int_equal(a->system_priority, b->system_priority);
	assert_memory_equal(a->system_id, b->system_id, 6);
	assert_int_equal(a->key, b->key);
	assert_int_equal(a->port_priority, b->port_priority);
	assert_int_equal(a->port_number, b->port_number);
	assert_int_equal(a->state, b->state);
}

static void
test_decoding_gives_back_in_host_order_what_was_encoded(void **state)
{
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_pdu pdu;

	(void)state;
	lacpdu(frame);
	assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_LACP);
	assert_int_equal(pdu.version, 1);
	assert_same_port(&pdu.actor, &actor);
	assert_same_port(&pdu.partner, &partner);
	assert_int_equal(pdu.collector_max_delay, 0);
}

static void
test_every_shorter_length_is_refused(void **state)
{
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_pdu pdu;

	(void)state;
	lacpdu(frame);
	for (size_t len = 0; len < sizeof(frame); len++) {
		uint8_t *exact = len == 0 ? NULL : test_malloc(len);

		/* An exact allocation lets the sanitizer see a read behind the end. */
		if (exact != NULL)
			memcpy(exact, frame, len);
		assert_int_equal(bf_lacp_pdu_decode(exact == NULL ? frame : exact, len, &pdu),
			BF_LACP_PDU_BAD);
		test_free(exact);
	}
}

static void
test_longer_frames_and_later_versions_are_read_as_version_1(void **state)
{
	static const uint8_t extra[] = {0x80, 4, 3, 0, 0x81, 4, 3, 0};
	static const uint8_t versions[] = {1, 2, 0x7f, 0xf1, 0xff};
	uint8_t frame[1514] = {0};
	struct bf_lacp_pdu pdu;

	(void)state;
	lacpdu(frame);
	/* Two TLVs of a later version where version 1 has its terminator, then noise. */
	memcpy(frame + 74, extra, sizeof(extra));
	memset(frame + 124, 0xa5, sizeof(frame) - 124);
	for (size_t i = 0; i < sizeof(versions); i++) {
		frame[15] = versions[i];
		assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_LACP);
		assert_int_equal(pdu.version, versions[i]);
		assert_same_port(&pdu.actor, &actor);
	}
}

static void
test_wrong_type_or_length_of_a_mandatory_tlv_is_refused(void **state)
{
	/* Offsets: version, then type and length of actor, partner, collector. */
	static const size_t at[] = {15, 16, 17, 36, 37, 56, 57};
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_pdu pdu;

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		lacpdu(frame);
		frame[at[i]] = 0;
		assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_BAD);
		if (at[i] == 15)
			continue;
		frame[at[i]] = 0xff;
		assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_BAD);
	}
}

static void
test_wrong_destination_or_ethertype_is_refused(void **state)
{
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_pdu pdu;

	(void)state;
	lacpdu(frame);
	frame[5] = 3;
	assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_BAD);
	lacpdu(frame);
	frame[12] = 0x81;
	frame[13] = 0x00;
	assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_BAD);
}

static void
test_other_slow_protocols_are_unknown_whatever_their_length(void **state)
{
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_pdu pdu;

	(void)state;
	for (unsigned int subtype = 0; subtype < 256; subtype++) {
		if (subtype == 1 || subtype == 2)
			continue;
		lacpdu(frame);
		frame[14] = (uint8_t)subtype;
		assert_int_equal(bf_lacp_pdu_decode(frame, 60, &pdu), BF_LACP_PDU_UNKNOWN);
		assert_int_equal(bf_lacp_pdu_decode(frame, 15, &pdu), BF_LACP_PDU_UNKNOWN);
		assert_int_equal(bf_lacp_pdu_decode(frame, 14, &pdu), BF_LACP_PDU_BAD);
	}
}

static void
test_marker_survives_the_wire_and_unknown_marker_types_are_told_apart(void **state)
{
	struct bf_lacp_marker mk = {
		.port = 0x0102, .system_id = {2, 4, 6, 8, 10, 12}, .transaction = 0xdeadbeef};
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_pdu pdu;

	(void)state;
	bf_lacp_marker_encode(frame, src_mac, &mk, false);
	assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_MARKER);
	assert_int_equal(pdu.marker.port, mk.port);
	assert_memory_equal(pdu.marker.system_id, mk.system_id, 6);
	assert_int_equal(pdu.marker.transaction, mk.transaction);
	bf_lacp_marker_encode(frame, src_mac, &mk, true);
	assert_int_equal(
		bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_MARKER_RESPONSE);
	frame[16] = 3;
	assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_UNKNOWN);
	frame[16] = 1;
	frame[17] = 15;
	assert_int_equal(bf_lacp_pdu_decode(frame, sizeof(frame), &pdu), BF_LACP_PDU_BAD);
}

static void
test_state_text_names_every_bit_and_respects_the_size(void **state)
{
	char text[96];
	char small[8];

	(void)state;
	bf_lacp_state_text(0, text, sizeof(text));
	assert_string_equal(text, "-");
	bf_lacp_state_text(0x0d, text, sizeof(text));
	assert_string_equal(text, "ACTIVE AGGREGATION SYNC");
	bf_lacp_state_text(0xff, text, sizeof(text));
	assert_string_equal(text,
		"ACTIVE SHORT_TIMEOUT AGGREGATION SYNC COLLECTING DISTRIBUTING"
		" DEFAULTED EXPIRED");
	bf_lacp_state_text(0xff, small, sizeof(small));
	assert_string_equal(small, "ACTIVE ");
}

static void
test_names_exist_for_every_value_and_not_beyond(void **state)
{
	(void)state;
	for (int i = 0; i < BF_LACP_RX_COUNT; i++)
		assert_string_not_equal(bf_lacp_rx_name((enum bf_lacp_rx_state)i), "?");
	for (int i = 0; i < BF_LACP_MUX_COUNT; i++)
		assert_string_not_equal(bf_lacp_mux_name((enum bf_lacp_mux_state)i), "?");
	for (int i = 0; i < BF_LACP_PERIODIC_COUNT; i++)
		assert_string_not_equal(bf_lacp_periodic_name((enum bf_lacp_periodic_state)i), "?");
	for (int i = 0; i < BF_LACP_CHURN_COUNT; i++)
		assert_string_not_equal(bf_lacp_churn_name((enum bf_lacp_churn_state)i), "?");
	for (int i = 0; i < BF_LACP_WHY_COUNT; i++)
		assert_string_not_equal(bf_lacp_why_name((enum bf_lacp_why)i), "?");
	for (int i = 0; i < BF_LACP_EV_COUNT; i++)
		assert_string_not_equal(bf_lacp_event_name((enum bf_lacp_event)i), "?");
	assert_string_equal(bf_lacp_select_name(BF_LACP_SELECT_PRIORITY), "priority");
	assert_string_equal(bf_lacp_selected_name(BF_LACP_STANDBY), "standby");
	assert_string_equal(bf_lacp_rx_name(BF_LACP_RX_COUNT), "?");
	assert_string_equal(bf_lacp_why_name(BF_LACP_WHY_COUNT), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lacpdu_bytes_are_as_in_the_standard),
		cmocka_unit_test(test_decoding_gives_back_in_host_order_what_was_encoded),
		cmocka_unit_test(test_every_shorter_length_is_refused),
		cmocka_unit_test(test_longer_frames_and_later_versions_are_read_as_version_1),
		cmocka_unit_test(test_wrong_type_or_length_of_a_mandatory_tlv_is_refused),
		cmocka_unit_test(test_wrong_destination_or_ethertype_is_refused),
		cmocka_unit_test(test_other_slow_protocols_are_unknown_whatever_their_length),
		cmocka_unit_test(
			test_marker_survives_the_wire_and_unknown_marker_types_are_told_apart),
		cmocka_unit_test(test_state_text_names_every_bit_and_respects_the_size),
		cmocka_unit_test(test_names_exist_for_every_value_and_not_beyond),
	};

	return cmocka_run_group_tests_name("lacp_pdu", tests, NULL, NULL);
}
