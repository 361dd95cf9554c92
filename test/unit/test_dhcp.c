/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What DHCP servers give: answers of both protocols, cut at every length, and what is none.  Frames lie in
 * buffers of exactly their length.
 *
 * Threads: one.
 */
#include "unit.h"

#include "frame_bytes.h"

#include "dataplane/dhcp.h"

static const uint8_t client[6] = {0x52, 0x54, 0, 0, 0, 1};

static void
add_udp(struct frame *f, uint16_t from, uint16_t to)
{
	add_be16(f, from);
	add_be16(f, to);
	add(f, (uint8_t[4]){0}, 4);
}

static struct frame
ethernet(uint16_t type)
{
	struct frame f = {.len = 0};

	add(&f, client, 6);
	add(&f, client, 6);
	add_be16(&f, type);
	return f;
}

/* A DHCP message up to the cookie. @p op 2: of a server */
static struct frame
v4_message(uint8_t op, uint16_t from)
{
	static const uint8_t ip[20] = {
		0x45, 0, 1, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 7};
	uint8_t bootp[240] = {op, 1, 6};
	struct frame f = ethernet(0x0800);

	add(&f, ip, sizeof(ip));
	add_udp(&f, from, 68);
	memcpy(bootp + 16, (uint8_t[4]){10, 0, 0, 7}, 4);
	memcpy(bootp + 28, client, 6);
	memcpy(bootp + 236, (uint8_t[4]){99, 130, 83, 99}, 4);
	add(&f, bootp, sizeof(bootp));
	return f;
}

static void
add_type(struct frame *f, uint8_t type)
{
	add(f, (uint8_t[3]){53, 1, type}, 3);
}

static void
add_time(struct frame *f, uint8_t last)
{
	add(f, (uint8_t[6]){51, 4, 0, 0, 0x0e, last}, 6);
}

static struct frame
v6_message(uint8_t type, uint16_t from)
{
	static const uint8_t ip[40] = {
		0x60, 0, 0, 0, 1, 0, 17, 64, 0xfe, 0x80, [23] = 1, 0xfe, 0x80, [39] = 2};
	struct frame f = ethernet(0x86dd);

	add(&f, ip, sizeof(ip));
	add_udp(&f, from, 546);
	add(&f, (uint8_t[4]){type, 1, 2, 3}, 4);
	add(&f, (uint8_t[8]){0, 1, 0, 4, 9, 9, 9, 9}, 8); /* the client's identifier */
	return f;
}

static void
add_address(struct frame *f, uint8_t last, uint8_t seconds)
{
	uint8_t o[28] = {0, 5, 0, 24, 0xfd, [19] = last, [27] = seconds};

	add(f, o, sizeof(o));
}

static bool
read_at(const struct frame *f, uint16_t len, struct bf_dhcp_answer *a)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	struct rte_mbuf m = {.buf_addr = exact, .data_len = len, .pkt_len = len, .nb_segs = 1};
	struct bf_inside in;
	bool gives;

	memcpy(exact, f->data, len);
	bf_inside_read(&m, &in);
	gives = bf_dhcp_read(&in, a);
	free(exact);
	return gives;
}

static bool
gives(const struct frame *f, struct bf_dhcp_answer *a)
{
	for (uint16_t len = 0; len < f->len; len++)
		read_at(f, len, a);
	return read_at(f, f->len, a);
}

static void
test_an_acknowledgement_gives_its_address_for_its_time(void **state)
{
	struct frame f = v4_message(2, 67);
	struct bf_dhcp_answer a;
	uint64_t mac = 0;

	(void)state;
	add(&f, (uint8_t[2]){0, 0}, 2);
	add_type(&f, 5);
	add(&f, (uint8_t[6]){1, 4, 255, 255, 255, 0}, 6);
	add_time(&f, 16);
	add(&f, (uint8_t[1]){255}, 1);
	assert_true(gives(&f, &a));
	memcpy(&mac, client, 6);
	assert_int_equal(a.n, 1);
	assert_true(a.has_client && a.client == mac);
	assert_false(a.at[0].v6);
	assert_int_equal(a.at[0].len, 32);
	assert_int_equal(a.at[0].seconds, 3600);
	assert_memory_equal(a.at[0].addr, ((uint8_t[4]){10, 0, 0, 7}), 4);
}

static void
test_what_is_no_acknowledgement_gives_nothing(void **state)
{
	struct frame offer = v4_message(2, 67), request = v4_message(1, 67),
		     rogue = v4_message(2, 1067);
	struct frame informed = v4_message(2, 67), nobody = v4_message(2, 67);
	struct bf_dhcp_answer a;

	(void)state;
	add_type(&offer, 2);
	add_time(&offer, 16);
	assert_false(gives(&offer, &a));
	add_type(&request, 5);
	add_time(&request, 16);
	assert_false(gives(&request, &a));
	add_type(&rogue, 5);
	add_time(&rogue, 16);
	assert_false(gives(&rogue, &a));
	add_type(&informed, 5); /* an answer to DHCPINFORM has no time */
	assert_false(gives(&informed, &a));
	add_type(&nobody, 5);
	add_time(&nobody, 16);
	memset(nobody.data + 14 + 28 + 16, 0, 4);
	assert_false(gives(&nobody, &a));
	add(&nobody, (uint8_t[2]){51, 200}, 2); /* an option behind the end */
	memset(nobody.data + 14 + 28 + 16, 9, 4);
	assert_false(gives(&nobody, &a));
}

static void
test_a_reply_of_ipv6_gives_addresses_and_prefixes(void **state)
{
	struct frame f = v6_message(7, 547);
	struct bf_dhcp_answer a;

	(void)state;
	add(&f, (uint8_t[16]){0, 3, 0, 12 + 2 * 28}, 16);
	add_address(&f, 7, 60);
	add_address(&f, 8, 0);
	add(&f, (uint8_t[16]){0, 25, 0, 12 + 29}, 16);
	add(&f, (uint8_t[29]){0, 26, 0, 25, [11] = 120, 56, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8}, 29);
	assert_true(gives(&f, &a));
	assert_int_equal(a.n, 3);
	assert_false(a.has_client);
	assert_true(a.at[0].v6 && a.at[0].addr[0] == 0xfd && a.at[0].addr[15] == 7);
	assert_int_equal(a.at[0].len, 128);
	assert_int_equal(a.at[0].seconds, 60);
	assert_int_equal(a.at[1].seconds, 0); /* taken back */
	assert_int_equal(a.at[2].len, 56);
	assert_int_equal(a.at[2].seconds, 120);
	assert_memory_equal(a.at[2].addr, ((uint8_t[16]){0xfd, 1, 2, 3, 4, 5, 6}), 16);
}

static void
test_no_more_addresses_are_taken_than_there_is_room_for(void **state)
{
	struct frame f = v6_message(7, 547), advert = v6_message(2, 547),
		     client_said = v6_message(7, 546);
	struct bf_dhcp_answer a;

	(void)state;
	add(&f, (uint8_t[16]){0, 3, 1, (12 + 12 * 28) & 255}, 16);
	for (uint8_t i = 0; i < 12; i++)
		add_address(&f, i, 60);
	assert_true(gives(&f, &a));
	assert_int_equal(a.n, BF_DHCP_GIVEN);
	add(&advert, (uint8_t[16]){0, 3, 0, 12 + 28}, 16);
	add_address(&advert, 7, 60);
	assert_false(gives(&advert, &a));
	add(&client_said, (uint8_t[16]){0, 3, 0, 12 + 28}, 16);
	add_address(&client_said, 7, 60);
	assert_false(gives(&client_said, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_acknowledgement_gives_its_address_for_its_time),
		cmocka_unit_test(test_what_is_no_acknowledgement_gives_nothing),
		cmocka_unit_test(test_a_reply_of_ipv6_gives_addresses_and_prefixes),
		cmocka_unit_test(test_no_more_addresses_are_taken_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
