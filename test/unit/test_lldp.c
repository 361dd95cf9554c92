/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LLDPDUs: what is believed from the wire, what goes on it, and what is made of it about the cables.
 *
 * Threads: one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/be.h"
#include "base/text.h"
#include "control/bond/bond.h"
#include "control/bond/cabling.h"
#include "control/bond/lldp.h"
#include "lldp/lldp.h"

#define ROOM 1514

static uint8_t frame[ROOM];
static size_t n_frame;
static struct bf_lldp_pdu pdu;
static struct bf_err err;

static void
frame_begin(void)
{
	memset(frame, 0, sizeof(frame));
	memcpy(frame, "\x01\x80\xc2\x00\x00\x0e\x02\x00\x00\x00\x00\x01\x88\xcc", 14);
	n_frame = 14;
}

static void
tlv(unsigned int type, const void *value, size_t len)
{
	bf_put_be16(frame + n_frame, (uint32_t)(type << 9 | len));
	memcpy(frame + n_frame + 2, value, len);
	n_frame += 2 + len;
}

#define TLV(type, text) tlv((type), (text), sizeof(text) - 1)

static void
first(void)
{
	frame_begin();
	TLV(1, "\x04\x02\xaa\x00\x00\x00\x01");
	TLV(2,
		"\x05"
		"Ethernet1/7");
	TLV(3, "\x00\x78");
}

/* In a buffer of exactly its size, so that a read beyond it is seen by the sanitizer. */
static int
parse(void)
{
	uint8_t *exact = malloc(n_frame);
	int ret;

	assert_non_null(exact);
	memcpy(exact, frame, n_frame);
	ret = bf_lldp_parse(exact, n_frame, &pdu, &err);
	free(exact);
	return ret;
}

static void
test_everything_that_a_switch_says_is_read(void **state)
{
	char text[BF_LLDP_ID_TEXT_SIZE];

	(void)state;
	first();
	TLV(4, "to host 7");
	TLV(5, "leaf-1");
	TLV(6, "NOS 4.2");
	TLV(7, "\x00\x14\x00\x04");
	TLV(8, "\x05\x01\xc0\x00\x02\x01\x02\x00\x00\x00\x07\x00");
	TLV(127, "\x00\x80\xc2\x01\x00\x2a");
	TLV(127, "\x00\x80\xc2\x03\x00\x2a\x03red");
	TLV(127, "\x00\x12\x0f\x01\x03\x00\x00\x00\x10");
	TLV(127, "\x00\x12\x0f\x03\x01\x00\x00\x00\x00");
	TLV(127, "\x00\x80\xc2\x07\x03\x00\x00\x00\x05");
	TLV(127, "\x00\x12\x0f\x04\x24\x14");
	TLV(127, "\x00\x12\xbb\x01\x00");
	TLV(0, "");
	assert_int_equal(parse(), 0);
	bf_lldp_chassis_text(&pdu.chassis, text, sizeof(text));
	assert_string_equal(text, "02:aa:00:00:00:01");
	bf_lldp_port_text(&pdu.port, text, sizeof(text));
	assert_string_equal(text, "Ethernet1/7");
	assert_string_equal(bf_lldp_port_kind(pdu.port.subtype), "interface");
	assert_int_equal(pdu.ttl_s, 120);
	assert_string_equal(pdu.port_description, "to host 7");
	assert_string_equal(pdu.system_name, "leaf-1");
	assert_string_equal(pdu.system_description, "NOS 4.2");
	assert_string_equal(pdu.management, "192.0.2.1");
	bf_lldp_capabilities_text(pdu.capabilities, text, sizeof(text));
	assert_string_equal(text, "bridge router");
	assert_int_equal(pdu.enabled, BF_LLDP_BRIDGE);
	assert_true(pdu.has_pvid && pdu.pvid == 42);
	assert_int_equal(pdu.n_vlans, 1);
	assert_string_equal(pdu.vlans[0].name, "red");
	assert_true(pdu.has_phy && pdu.autoneg_enabled);
	assert_true(pdu.has_lag && pdu.lag_enabled && pdu.lag_port == 5); /* the newer TLV */
	assert_int_equal(pdu.max_frame, 9236);
	assert_int_equal(pdu.n_unknown, 1);
	assert_int_equal(pdu.n_malformed, 0);
}

static void
test_a_pdu_without_its_first_three_is_refused(void **state)
{
	(void)state;
	for (unsigned int without = 1; without <= 3; without++) {
		frame_begin();
		if (without != 1)
			TLV(1, "\x04\x02\xaa\x00\x00\x00\x01");
		if (without != 2)
			TLV(2,
				"\x05"
				"e1");
		if (without != 3)
			TLV(3, "\x00\x78");
		TLV(0, "");
		assert_int_equal(parse(), -EINVAL);
		assert_non_null(strstr(err.text, "expected"));
	}
	first();
	TLV(2,
		"\x05"
		"e2"); /* twice */
	assert_int_equal(parse(), -EINVAL);
	frame_begin();
	TLV(1, "\x04");
	assert_int_equal(parse(), -EINVAL);
	assert_string_equal(err.text, "chassis id: 1 bytes: expected 2 to 256");
	frame_begin();
	assert_int_equal(parse(), -EINVAL);
}

/* Cut anywhere it is refused or holds what came before; no byte behind the frame is read. */
static void
test_a_cut_frame_is_never_read_beyond_its_end(void **state)
{
	size_t whole, head;

	(void)state;
	first();
	head = n_frame;
	TLV(5, "leaf-1");
	TLV(8, "\x05\x01\xc0\x00\x02\x01\x02\x00\x00\x00\x07\x00");
	TLV(127, "\x00\x80\xc2\x03\x00\x2a\x03red");
	whole = n_frame;
	for (n_frame = 1; n_frame < whole; n_frame++) {
		int ret = parse();

		if (n_frame < head)
			assert_int_equal(ret, -EINVAL);
	}
}

static void
test_a_malformed_option_is_left_out_and_the_rest_counts(void **state)
{
	(void)state;
	first();
	TLV(7, "\x00");
	TLV(8, "\xff\x01\xc0\x00\x02\x01\x02\x00\x00\x00\x07\x00");
	TLV(8, "\x05\x01\xc0\x00\x02\x01\x02\x00\x00\x00\x07\xff");
	TLV(127, "\x00\x80");
	TLV(127, "\x00\x80\xc2\x03\x00\x2a\x20red");
	TLV(127, "\x00\x80\xc2\x07\x03");
	TLV(5, "leaf-1");
	assert_int_equal(parse(), 0);
	assert_int_equal(pdu.n_malformed, 6);
	assert_string_equal(pdu.system_name, "leaf-1");
	assert_string_equal(pdu.management, "");
	assert_false(pdu.has_lag);
	assert_int_equal(pdu.n_vlans, 0);
}

static void
test_names_from_the_wire_are_printable(void **state)
{
	char text[BF_LLDP_ID_TEXT_SIZE];
	uint8_t id[256];

	(void)state;
	frame_begin();
	TLV(1,
		"\x07"
		"a\x1b[2Jb");
	id[0] = 7;
	for (unsigned int i = 1; i < 256; i++)
		id[i] = (uint8_t)i;
	tlv(2, id, 256);
	TLV(3, "\x00\x78");
	TLV(5, "sw\x00\n\x1b]0;x\x07\xff\xc2\x9bz\xc3\xa4");
	assert_int_equal(parse(), 0);
	assert_string_equal(pdu.system_name, "sw???]0;x????z\xc3\xa4");
	bf_lldp_chassis_text(&pdu.chassis, text, sizeof(text));
	assert_string_equal(text, "61:1b:5b:32:4a:62");
	bf_lldp_port_text(&pdu.port, text, sizeof(text));
	assert_int_equal(strlen(text), 3 * 255 - 1);
	bf_lldp_port_text(&pdu.port, text, 20);
	assert_true(strlen(text) < 20);
}

/* As strings of C, with the byte that ends them. */
static void
test_zeroes_behind_a_name_are_no_part_of_it(void **state)
{
	char text[BF_LLDP_ID_TEXT_SIZE];

	(void)state;
	frame_begin();
	TLV(1, "\x04\x02\xaa\x00\x00\x00\x00"); /* an address may end so */
	TLV(2,
		"\x05"
		"gi1/0/7\x00");
	TLV(3, "\x00\x78");
	TLV(5, "leaf-1\x00\x00");
	assert_int_equal(parse(), 0);
	assert_string_equal(pdu.system_name, "leaf-1");
	bf_lldp_port_text(&pdu.port, text, sizeof(text));
	assert_string_equal(text, "gi1/0/7");
	bf_lldp_chassis_text(&pdu.chassis, text, sizeof(text));
	assert_string_equal(text, "02:aa:00:00:00:00");
	pdu.port.len = 1;
	pdu.port.at[0] = '\0';
	bf_lldp_port_text(&pdu.port, text, sizeof(text));
	assert_string_equal(text, "00");
}

static void
test_more_vlans_than_are_kept_are_no_error(void **state)
{
	(void)state;
	first();
	for (unsigned int i = 0; i < 40; i++)
		TLV(127, "\x00\x80\xc2\x03\x00\x2a\x03red");
	assert_int_equal(parse(), 0);
	assert_int_equal(pdu.n_vlans, BF_LLDP_VLANS);
	assert_int_equal(pdu.n_malformed, 0);
}

static void
test_what_is_sent_is_read_back(void **state)
{
	static char longer[300];
	struct bf_lldp_local local = {.src = {2, 0, 0, 0, 0, 1},
		.chassis = {2, 0, 0, 0, 0, 9},
		.port = "0000:3b:00.0",
		.ttl_s = 121,
		.port_description = "member of bond0",
		.system_name = "host7",
		.system_description = longer,
		.capabilities = BF_LLDP_BRIDGE,
		.enabled = BF_LLDP_BRIDGE,
		.pvid = 42,
		.lag_capable = true,
		.lag_enabled = true,
		.lag_port = 1,
		.max_frame = 1522};
	char text[BF_LLDP_ID_TEXT_SIZE];
	uint8_t out[BF_LLDP_FRAME_MAX];
	size_t len;

	(void)state;
	for (unsigned int i = 0; i + 2 < sizeof(longer); i += 2)
		memcpy(longer + i, "\xc3\xa4", 2); /* cut between characters only */
	len = bf_lldp_build(&local, out);
	assert_int_equal(bf_lldp_parse(out, len, &pdu, &err), 0);
	assert_memory_equal(out, "\x01\x80\xc2\x00\x00\x0e\x02\x00\x00\x00\x00\x01\x88\xcc", 14);
	bf_lldp_port_text(&pdu.port, text, sizeof(text));
	assert_string_equal(text, "0000:3b:00.0");
	assert_string_equal(pdu.system_name, "host7");
	assert_int_equal(strlen(pdu.system_description), 70);
	assert_null(strchr(pdu.system_description, '?'));
	assert_true(pdu.has_lag && pdu.lag_enabled && pdu.lag_port == 1 && pdu.pvid == 42);
	assert_int_equal(pdu.n_malformed + pdu.n_unknown, 0);
	local.ttl_s = 0;
	len = bf_lldp_build(&local, out);
	assert_int_equal(len, 60);
	assert_int_equal(bf_lldp_parse(out, len, &pdu, &err), 0);
	assert_int_equal(pdu.ttl_s, 0);
	assert_string_equal(pdu.system_name, "");
}

/* ---- cabling ---- */

static struct bf_lldp_pdu
said(const char *chassis, int lag)
{
	struct bf_lldp_pdu p;

	memset(&p, 0, sizeof(p));
	p.chassis.subtype = p.port.subtype = 7;
	p.chassis.len = p.port.len = (uint8_t)strlen(chassis);
	memcpy(p.chassis.at, chassis, strlen(chassis));
	memcpy(p.port.at, chassis, strlen(chassis));
	p.has_lag = lag >= 0;
	p.lag_enabled = lag > 0;
	p.lag_port = lag > 0 ? (uint32_t)lag : 0;
	return p;
}

static void
test_cables_are_judged_by_what_the_switches_say(void **state)
{
	/* Of two members: chassis, LAG (-1 not said, 0 none), LACP partner and key, let in by LACP. */
	static const struct {
		uint32_t mode;
		struct {
			const char *chassis;
			int lag;
			uint8_t partner, key;
			bool in;
		} end[2];
		int want;
	} cases[] = {
		{BF_MODE_8023AD, {{"A", 5, 1, 1, true}, {"A", 5, 1, 1, true}}, -1},
		{BF_MODE_8023AD, {{"A", -1, 1, 1, true}, {"B", -1, 1, 1, true}}, -1},
		{BF_MODE_8023AD, {{"A", 5, 1, 1, false}, {"B", 6, 1, 1, false}}, -1},
		{BF_MODE_8023AD, {{"A", 5, 1, 1, true}, {"B", 6, 2, 1, false}},
			BF_CABLING_TWO_SWITCHES},
		{BF_MODE_8023AD, {{"A", -1, 1, 1, true}, {"A", -1, 1, 2, false}},
			BF_CABLING_TWO_LAGS},
		{BF_MODE_8023AD, {{"A", 5, 1, 1, true}, {"A", 0, 0, 0, false}}, BF_CABLING_NO_LAG},
		{BF_MODE_8023AD, {{"A", 5, 1, 1, true}, {NULL, 0, 0, 0, false}}, -1},
		{BF_MODE_XOR, {{"A", 5, 0, 0, false}, {"A", 5, 0, 0, false}}, -1},
		{BF_MODE_XOR, {{"A", 5, 0, 0, false}, {"A", 6, 0, 0, false}}, BF_CABLING_TWO_LAGS},
		{BF_MODE_XOR, {{"A", 5, 0, 0, false}, {"A", 0, 0, 0, false}}, BF_CABLING_NO_LAG},
		{BF_MODE_XOR, {{"A", -1, 0, 0, false}, {"B", -1, 0, 0, false}},
			BF_CABLING_TWO_SWITCHES},
		{BF_MODE_XOR, {{"A", 5, 0, 0, false}, {"B", 5, 0, 0, false}}, -1},
		{BF_MODE_ACTIVE_BACKUP, {{"A", 0, 0, 0, false}, {"B", -1, 0, 0, false}}, -1},
		{BF_MODE_ACTIVE_BACKUP, {{"A", 0, 0, 0, false}, {"A", 5, 0, 0, false}},
			BF_CABLING_LAG},
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct bf_cabling_end ends[2];
		struct bf_lldp_pdu pdus[2];
		struct bf_cabling found;

		for (int i = 0; i < 2; i++) {
			memset(&ends[i], 0, sizeof(ends[i]));
			ends[i].member = i == 0 ? "m0" : "m1";
			ends[i].in_lag = cases[c].end[i].in;
			ends[i].has_partner = cases[c].end[i].partner != 0;
			ends[i].partner[5] = cases[c].end[i].partner;
			ends[i].partner_key = cases[c].end[i].key;
			if (cases[c].end[i].chassis == NULL)
				continue;
			pdus[i] = said(cases[c].end[i].chassis, cases[c].end[i].lag);
			ends[i].pdu = &pdus[i];
		}
		bf_cabling_judge(cases[c].mode, ends, 2, &found);
		if (found.n != (cases[c].want >= 0 ? 1 : 0) ||
			(found.n > 0 && (int)found.at[0].problem != cases[c].want))
			fail_msg("case %zu: %u found: %s", c, found.n,
				found.n > 0 ? found.at[0].text : "");
		if (found.n > 0)
			assert_string_equal(found.at[0].member, "m1");
	}
}

/* Of three members the odd one is named, wherever it is in the list; in 802.3ad it is what LACP left out. */
static void
test_the_member_that_differs_from_the_others_is_named(void **state)
{
	static const char *const names[] = {"m0", "m1", "m2"};
	static const uint32_t modes[] = {BF_MODE_XOR, BF_MODE_8023AD};

	(void)state;
	for (unsigned int c = 0; c < 6; c++) {
		struct bf_lldp_pdu right = said("A", 5), odd = said("B", 5);
		unsigned int at = c % 3;
		struct bf_cabling_end ends[3];
		struct bf_cabling found;

		if (c < 3)
			odd = said("A", 6);
		memset(ends, 0, sizeof(ends));
		for (unsigned int i = 0; i < 3; i++) {
			ends[i].member = names[i];
			ends[i].pdu = i == at ? &odd : &right;
			ends[i].in_lag = c >= 3 && i != at;
		}
		bf_cabling_judge(modes[c / 3], ends, 3, &found);
		assert_int_equal(found.n, 1);
		assert_string_equal(found.at[0].member, names[at]);
		assert_int_equal(
			found.at[0].problem, c < 3 ? BF_CABLING_TWO_LAGS : BF_CABLING_TWO_SWITCHES);
	}
}

/* A switch whose LAG comes and goes, with names that are too long for a sentence. */
static void
test_what_is_told_of_cables_is_bounded_and_whole_characters(void **state)
{
	struct bf_events *events = calloc(1, sizeof(*events));
	struct bf_lldp_pdu none = said("A", 0), some = said("A", 5);
	struct bf_cabling_end end = {.member = "m0"};
	struct bf_bond *b = calloc(1, sizeof(*b));
	struct bf_cabling known = {0}, found;
	size_t bad;

	(void)state;
	assert_true(events != NULL && b != NULL);
	b->cfg.mode = BF_MODE_XOR;
	b->events = events;
	for (unsigned int i = 0; i + 2 < sizeof(none.system_name); i += 2)
		memcpy(none.system_name + i, "\xc3\xa4", 2);
	for (uint64_t i = 0; i <= 1000; i++) {
		end.pdu = i % 2 == 0 ? &none : &some;
		bf_cabling_judge(b->cfg.mode, &end, 1, &found);
		bf_cabling_take(b, &known, &found, i);
		assert_true(bf_text_is_printable(
			events->ring[0].text, strlen(events->ring[0].text), &bad));
	}
	assert_int_equal(events->next_seq, BF_CABLING_EVENTS);
	/* What it is in the end is told when the minute is over. */
	assert_int_equal(known.n, 0);
	bf_cabling_take(b, &known, &found, 60000);
	assert_int_equal(events->next_seq, BF_CABLING_EVENTS + 1);
	assert_true(known.n == 1 && known.at[0].told);
	free(b);
	free(events);
}

/* Two bridges at one cable: that which came last counts, and stays so whichever speaks. */
static void
test_the_neighbour_that_counts_does_not_alternate(void **state)
{
	struct bf_lldp_member *l = calloc(1, sizeof(*l));

	(void)state;
	assert_non_null(l);
	l->n = 3;
	for (unsigned int i = 0; i < 3; i++)
		l->at[i].here_ms = 1000 * (i + 1);
	l->at[0].pdu.enabled = l->at[1].pdu.enabled = BF_LLDP_BRIDGE;
	for (unsigned int i = 0; i < 3; i++) {
		l->at[i].heard_ms = 10000 + i;
		assert_ptr_equal(bf_lldp_main_neighbor(l), &l->at[1]);
	}
	l->at[0].here_ms = 20000;
	assert_ptr_equal(bf_lldp_main_neighbor(l), &l->at[0]);
	free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_that_a_switch_says_is_read),
		cmocka_unit_test(test_a_pdu_without_its_first_three_is_refused),
		cmocka_unit_test(test_a_cut_frame_is_never_read_beyond_its_end),
		cmocka_unit_test(test_a_malformed_option_is_left_out_and_the_rest_counts),
		cmocka_unit_test(test_names_from_the_wire_are_printable),
		cmocka_unit_test(test_zeroes_behind_a_name_are_no_part_of_it),
		cmocka_unit_test(test_more_vlans_than_are_kept_are_no_error),
		cmocka_unit_test(test_what_is_sent_is_read_back),
		cmocka_unit_test(test_cables_are_judged_by_what_the_switches_say),
		cmocka_unit_test(test_the_member_that_differs_from_the_others_is_named),
		cmocka_unit_test(test_what_is_told_of_cables_is_bounded_and_whole_characters),
		cmocka_unit_test(test_the_neighbour_that_counts_does_not_alternate),
	};

	return cmocka_run_group_tests_name("lldp", tests, NULL, NULL);
}
