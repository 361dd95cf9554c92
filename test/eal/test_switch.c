/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The real switch with the real FDB between ring ports and counting guests, in scenes and against
 * the slow model.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_random.h>

#include "dataplane/switch.h"
#include "draw.h"
#include "rig.h"
#include "switch_model.h"

static struct rig *r;
static uint32_t next_id;

static int
set_up(void **state)
{
	(void)state;
	r = rig_new(2, 4);
	next_id = 0;
	return 0;
}

/* After every test: the books balance and every frame came home. */
static int
tear_down(void **state)
{
	(void)state;
	return rig_end(r);
}

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void
send_bytes(uint16_t in, unsigned int member, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *m = rig_frame(r, data, len, next_id++, member);

	rig_burst(r, in, &m, 1);
	rig_learn(r, r->fdb->now_s);
}

/* Station `src` behind port `in` speaks to station `dst`, 0: to all. */
static void
say(uint16_t in, uint32_t src, uint32_t dst)
{
	uint8_t buf[64], from[6], to[6];

	rig_mac(from, src);
	rig_mac(to, dst);
	send_bytes(in, 0, buf, rig_udp(buf, dst == 0 ? broadcast : to, from, src));
}

static void
expect_only(uint16_t slot)
{
	for (uint16_t s = 0; s <= r->n_guests; s++)
		assert_int_equal(rig_got(r, s), s == slot);
	rig_forget(r);
}

static void
expect_all_but(uint16_t slot)
{
	for (uint16_t s = 0; s <= r->n_guests; s++)
		assert_int_equal(rig_got(r, s), s != slot);
	rig_forget(r);
}

static void
test_a_station_that_spoke_is_answered_at_its_port_only(void **state)
{
	(void)state;
	say(1, 11, 99);
	expect_all_but(1);
	say(2, 22, 11);
	expect_only(1);
	say(0, 33, 22);
	expect_only(2);
	say(1, 11, 33);
	expect_only(0);
}

static void
test_unknown_unicast_is_flooded_but_not_to_its_source(void **state)
{
	(void)state;
	for (uint16_t in = 0; in <= 4; in++) {
		say(in, 100u + in, 999);
		expect_all_but(in);
	}
}

static void
test_broadcast_is_flooded_even_when_stations_are_known(void **state)
{
	(void)state;
	say(1, 11, 0);
	expect_all_but(1);
	say(0, 33, 0);
	expect_all_but(0);
}

static void
test_nothing_goes_from_bond_to_bond(void **state)
{
	(void)state;
	say(0, 33, 0);
	assert_int_equal(rig_got(r, 0), 0);
	say(0, 34, 33);
	assert_int_equal(rig_got(r, 0), 0);
	assert_int_equal(rig_drops(r, 0, BF_DROP_SAME_PORT), 1);
}

static void
test_a_flooded_frame_leaves_on_one_member(void **state)
{
	(void)state;
	say(1, 11, 0);
	assert_int_equal(rig_got_member(r, 0) + rig_got_member(r, 1), 1);
}

static void
test_guests_that_are_down_get_no_copies(void **state)
{
	(void)state;
	r->dp[2].up = 0;
	say(1, 11, 0);
	assert_int_equal(rig_got(r, 2), 0);
	assert_int_equal(rig_got(r, 3), 1);
	assert_int_equal(rig_drops(r, 2, BF_DROP_GUEST_DOWN), 0);
}

static void
test_a_flood_without_any_other_port_is_counted(void **state)
{
	(void)state;
	for (uint16_t s = 2; s <= 4; s++)
		r->dp[s].up = 0;
	r->view->flood[0].bond = false;
	say(1, 11, 0);
	assert_int_equal(rig_drops(r, 1, BF_DROP_NO_DESTINATION), 1);
	assert_int_equal(r->n_log, 0);
}

static void
test_frames_for_a_removed_port_are_counted_there(void **state)
{
	(void)state;
	say(2, 22, 0);
	rig_forget(r);
	r->view->ports[2].kind = BF_PORT_NONE;
	say(1, 11, 22);
	assert_int_equal(r->n_log, 0);
	assert_int_equal(rig_drops(r, 2, BF_DROP_PORT_GONE), 1);
}

static void
test_vlans_are_switched_apart(void **state)
{
	uint8_t buf[128], a[6], b[6];
	uint32_t len;

	(void)state;
	rig_mac(a, 1);
	rig_mac(b, 2);
	len = rig_tag(buf, rig_udp(buf, broadcast, a, 1), 0x8100, 100);
	send_bytes(1, 0, buf, len);
	rig_forget(r);
	len = rig_tag(buf, rig_udp(buf, a, b, 1), 0x8100, 100);
	send_bytes(2, 0, buf, len);
	expect_only(1);
	len = rig_tag(buf, rig_udp(buf, a, b, 1), 0x8100, 200);
	send_bytes(2, 0, buf, len);
	expect_all_but(2);
}

/* A frame from station 1 at port 1 to station 2, which is behind another port in each VLAN. */
static struct rte_mbuf *
in_vlan(int vlan, uint16_t outer)
{
	uint8_t buf[128], a[6], b[6];
	uint32_t len;

	rig_mac(a, 1);
	rig_mac(b, 2);
	len = rig_udp(buf, b, a, 1);
	if (vlan >= 0)
		len = rig_tag(buf, len, 0x8100, (uint16_t)vlan);
	if (outer != 0)
		len = rig_tag(buf, len, outer, 200);
	return rig_frame(r, buf, len, next_id++, RIG_MEMBERS);
}

/*
 * Stations 1 and 2 say in each VLAN where they are: untagged 2 at port 2, in VLAN 100 at 3, in 200 at 4, in
 * 200 of 802.1ad at 3.
 */
static void
place_stations(void)
{
	static const uint16_t vlan[] = {0, 100, 200, 200}, port[] = {2, 3, 4, 3};
	uint8_t buf[128], mac[6];

	for (uint32_t k = 0; k < RTE_DIM(vlan); k++) {
		for (uint32_t station = 1; station <= 2; station++) {
			uint32_t len;

			rig_mac(mac, station);
			len = rig_udp(buf, broadcast, mac, 1);
			if (vlan[k] != 0)
				len = rig_tag(buf, len, k == 3 ? 0x88a8 : 0x8100, vlan[k]);
			send_bytes(station == 1 ? 1 : port[k], 0, buf, len);
		}
	}
	rig_forget(r);
}

/* Bursts of every mixture: what a worker takes a port's frames for must not change where they go. */
static void
test_tagged_and_untagged_frames_of_a_port_go_their_own_ways_in_any_mixture(void **state)
{
	(void)state;
	place_stations();
	for (uint32_t round = 0; round < 600; round++) {
		unsigned int want[5] = {0};
		struct rte_mbuf *pkts[BF_BURST];
		uint32_t kinds = round < 300 ? round % 4 : rte_rand() % 16;

		for (uint32_t i = 0; i < BF_BURST; i++) {
			uint32_t kind = kinds < 4 ? kinds : rte_rand() % 5;

			switch (kind) {
			case 0:
				pkts[i] = in_vlan(-1, 0);
				want[2]++;
				break;
			case 1:
				pkts[i] = in_vlan(100, 0);
				want[3]++;
				break;
			case 2: /* a priority tag has no VLAN */
				pkts[i] = in_vlan(0, 0);
				want[2]++;
				break;
			case 3: /* the outer tag counts */
				pkts[i] = in_vlan(100, 0x8100);
				want[4]++;
				break;
			default: /* and its type */
				pkts[i] = in_vlan(100, 0x88a8);
				want[3]++;
				break;
			}
		}
		rig_burst(r, 1, pkts, BF_BURST);
		for (uint16_t s = 0; s <= 4; s++)
			assert_int_equal(rig_got(r, s), want[s]);
		rig_forget(r);
		if (round % 50 == 49) /* another second, another epoch */
			rig_learn(r, r->fdb->now_s + 1);
	}
}

static void
test_a_tagged_runt_is_no_frame_also_where_tagged_ones_are_usual(void **state)
{
	uint8_t buf[128], a[6], b[6];

	(void)state;
	place_stations();
	rig_mac(a, 1);
	rig_mac(b, 2);
	rig_tag(buf, rig_udp(buf, b, a, 1), 0x8100, 100);
	for (uint32_t i = 0; i < 3; i++)
		send_bytes(1, 0, buf, 64);
	assert_int_equal(rig_got(r, 3), 3);
	for (uint32_t len = 12; len < 18; len++)
		send_bytes(1, 0, buf, len);
	assert_int_equal(rig_got(r, 3), 3);
	assert_int_equal(rig_drops(r, 1, BF_DROP_RUNT), 6);
}

static void
test_tagged_arp_is_read_each_time(void **state)
{
	uint8_t buf[128], a[6], b[6];

	(void)state;
	place_stations();
	rig_mac(a, 1);
	rig_mac(b, 2);
	rig_tag(buf, rig_udp(buf, b, a, 1), 0x8100, 100);
	for (uint32_t i = 0; i < 3; i++)
		send_bytes(1, 0, buf, 64);
	memset(buf, 0, sizeof(buf));
	memcpy(buf, b, 6);
	memcpy(buf + 6, a, 6);
	memcpy(buf + 12, (const uint8_t[]){0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1}, 10);
	memcpy(buf + 22, a, 6);
	memcpy(buf + 28, (const uint8_t[]){10, 0, 0, 1}, 4);
	rig_tag(buf, 60, 0x8100, 100);
	r->n_mail[BF_MAIL_IPV4] = 0;
	for (uint32_t i = 0; i < 3; i++)
		send_bytes(1, 0, buf, 64);
	assert_int_equal(r->n_mail[BF_MAIL_IPV4], 3);
	assert_int_equal(rig_got(r, 3), 6);
}

/* Epochs come again after 65536: what was decided in the one before must be gone. */
static void
test_no_decision_outlives_the_epochs(void **state)
{
	(void)state;
	say(1, 11, 0);
	say(2, 22, 0);
	say(1, 11, 22);
	rig_forget(r);
	bf_fdb_flush(r->fdb); /* both are unknown now */
	bf_fdb_commit(r->fdb);
	for (uint32_t i = 0; i < 65535; i++) /* and the commit was one */
		bf_switch_forget(r->w);
	say(1, 11, 22);
	expect_all_but(1);
}

static void
test_a_static_station_is_not_learned_elsewhere(void **state)
{
	uint8_t mac[6];

	(void)state;
	rig_mac(mac, 11);
	bf_fdb_add_static(r->fdb, bf_fdb_key(0, mac), 1);
	bf_fdb_commit(r->fdb);
	say(2, 11, 0);
	rig_forget(r);
	say(3, 33, 11);
	expect_only(1);
}

static void
test_a_guests_own_frames_that_come_back_are_dropped(void **state)
{
	(void)state;
	say(1, 11, 0);
	rig_forget(r);
	say(0, 11, 0);
	assert_int_equal(r->n_log, 0);
	assert_int_equal(rig_drops(r, 0, BF_DROP_REFLECTED), 1);
	say(2, 22, 11);
	expect_only(1);
}

static void
test_a_station_silent_for_long_may_reappear_behind_the_bond(void **state)
{
	(void)state;
	say(1, 11, 0);
	rig_learn(r, r->fdb->now_s + 6);
	rig_forget_sent(r);
	say(0, 11, 0);
	rig_forget(r);
	say(2, 22, 11);
	expect_only(0);
}

enum says {
	GRATUITOUS,
	REQUEST,
	REPLY_TO_ALL,
	RARP,
	ADVERT, /* nobody asked */
	ANSWER, /* an advertisement that is solicited */
	VRRP4,
	VRRP6
};

/* What a station says to all; @p by tells two speakers apart. */
static uint32_t
word(uint8_t *buf, uint32_t src, enum says says, uint8_t by)
{
	static const uint16_t type[] = {
		0x0806, 0x0806, 0x0806, 0x8035, 0x86dd, 0x86dd, 0x0800, 0x86dd};
	uint8_t from[6], *p = buf + 14;

	rig_mac(from, src);
	rig_udp(buf, broadcast, from, 1);
	memset(p, 0, 80);
	buf[12] = (uint8_t)(type[says] >> 8);
	buf[13] = (uint8_t)type[says];
	switch (says) {
	case VRRP4:
		p[0] = 0x45;
		p[9] = 112;
		p[15] = by;
		break;
	case VRRP6:
	case ADVERT:
	case ANSWER:
		p[6] = says == VRRP6 ? 112 : 58;
		p[7] = 255;
		p[23] = by;
		p[40] = 136;
		p[44] = says == ANSWER ? 0x60 : 0x20;
		break;
	default:
		memcpy(p, (const uint8_t[]){0, 1, 8, 0, 6, 4, 0, 1}, 8);
		p[7] = says == REPLY_TO_ALL ? 2 : 1;
		p[17] = p[27] = by;
		p[26] = says == REQUEST || says == REPLY_TO_ALL;
		break;
	}
	return 86;
}

static uint32_t
arp(uint8_t *buf, uint32_t src)
{
	return word(buf, src, GRATUITOUS, 9);
}

static void
test_a_station_that_announces_itself_has_moved_at_once(void **state)
{
	uint8_t buf[128];

	(void)state;
	say(1, 11, 0);
	send_bytes(0, 0, buf, arp(buf, 11));
	assert_int_equal(rig_drops(r, 0, BF_DROP_REFLECTED), 0);
	rig_forget(r);
	say(2, 22, 11);
	expect_only(0);
}

static void
test_an_announcement_in_a_vlan_moves_its_station_too(void **state)
{
	uint8_t buf[128], mac[6];

	(void)state;
	rig_mac(mac, 11);
	send_bytes(1, 0, buf, rig_tag(buf, rig_udp(buf, broadcast, mac, 1), 0x8100, 100));
	send_bytes(0, 0, buf, rig_tag(buf, arp(buf, 11), 0x8100, 100));
	assert_int_equal(rig_drops(r, 0, BF_DROP_REFLECTED), 0);
}

/* Guest 1's station says `own`, then somebody behind the bond `claim` in its name. @return port */
static uint16_t
after_claim(enum says own, enum says claim)
{
	uint16_t port = 99;
	uint8_t buf[128], mac[6];

	rig_mac(mac, 11);
	send_bytes(1, 0, buf, word(buf, 11, own, 1));
	send_bytes(0, 0, buf, word(buf, 11, claim, 2));
	rig_forget(r);
	assert_non_null(bf_fdb_find(r->fdb, bf_fdb_key(0, mac), &port));
	bf_fdb_flush(r->fdb);
	bf_fdb_commit(r->fdb);
	return port;
}

static void
test_whoever_announces_itself_or_claims_its_address_has_moved(void **state)
{
	(void)state;
	assert_int_equal(after_claim(REQUEST, GRATUITOUS), 0);
	assert_int_equal(after_claim(REQUEST, REPLY_TO_ALL), 0);
	assert_int_equal(after_claim(REQUEST, RARP), 0);
	assert_int_equal(after_claim(ANSWER, ADVERT), 0);
	assert_int_equal(after_claim(REQUEST, VRRP4), 0);
	assert_int_equal(after_claim(ANSWER, VRRP6), 0);
}

static void
test_ordinary_words_move_no_station_that_was_just_heard(void **state)
{
	(void)state;
	assert_int_equal(after_claim(GRATUITOUS, REQUEST), 1);
	assert_int_equal(after_claim(REQUEST, REQUEST), 1);
	assert_int_equal(after_claim(ADVERT, ANSWER), 1);
}

/* The lock: what a guest announced itself stays with it; what it only says every second does not. */
static void
test_only_announcements_hold_a_station(void **state)
{
	(void)state;
	assert_int_equal(after_claim(GRATUITOUS, GRATUITOUS), 1);
	assert_int_equal(after_claim(RARP, GRATUITOUS), 1);
	assert_int_equal(after_claim(ADVERT, ADVERT), 1);
	assert_int_equal(after_claim(ADVERT, VRRP6), 1);
	assert_int_equal(r->n_mail[BF_MAIL_CLAIM], 4);
	assert_int_equal(after_claim(VRRP6, VRRP6), 0);
	assert_int_equal(after_claim(VRRP4, GRATUITOUS), 0);
}

static void
test_where_a_lag_is_in_force_no_station_is_doubted(void **state)
{
	(void)state;
	r->view->bonds[0].echo = BF_ECHO_NONE;
	r->view->bonds[0].doubted = false;
	assert_int_equal(after_claim(GRATUITOUS, GRATUITOUS), 0);
	assert_int_equal(after_claim(GRATUITOUS, REQUEST), 0);
	r->view->bonds[0].echo = BF_ECHO_MAYBE;
	assert_int_equal(after_claim(GRATUITOUS, GRATUITOUS), 0);
	assert_int_equal(after_claim(GRATUITOUS, REQUEST), 0);
}

/* A frame leaves guest 1 and comes back at once: control has not answered yet. */
static void
send_and_echo(const uint8_t *data, uint32_t len, unsigned int member)
{
	struct rte_mbuf *m = rig_frame(r, data, len, next_id++, 0);
	uint8_t wire[128] = {0};

	memcpy(wire, data, len);
	rig_burst(r, 1, &m, 1);
	rig_forget(r);
	m = rig_frame(r, wire, len < 60 ? 60 : len, next_id++, member);
	rig_burst(r, 0, &m, 1);
}

/* K3: nobody gets a second copy, and the station is learned at its guest only. */
static void
test_the_first_frame_of_a_station_does_not_come_in_again(void **state)
{
	static const enum bf_echo echoes[] = {BF_ECHO_ALL, BF_ECHO_MAYBE};
	uint8_t buf[128], mac[6];
	uint32_t station = 700;
	uint16_t port = 99;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		r->view->bonds[0].echo = (uint8_t)echoes[i];
		r->view->bonds[0].doubted = r->view->bonds[0].lag = i == 1;
		for (unsigned int tags = 0; tags < 2; tags++) {
			uint32_t len = word(buf, ++station, ANSWER, 1);

			if (tags == 1)
				len = rig_tag(buf, len, 0x8100, 7);
			send_and_echo(buf, len, 0);
			assert_int_equal(r->n_log, 0);
			rig_learn(r, r->fdb->now_s);
			rig_mac(mac, station);
			assert_non_null(
				bf_fdb_find(r->fdb, bf_fdb_key(tags == 1 ? 7 : 0, mac), &port));
			assert_int_equal(port, 1);
		}
	}
	assert_int_equal(rig_drops(r, 0, BF_DROP_REFLECTED), 4);
	assert_int_equal(r->w->bonds[0].echoes, 4);
	send_and_echo(buf, 42, 0); /* padded on its way */
	assert_int_equal(r->n_log, 0);
}

/* It was behind the bond until now: a guest that has migrated here. */
static void
test_the_first_frame_of_a_station_that_has_come_does_not_come_in_again(void **state)
{
	uint8_t buf[128];

	(void)state;
	say(0, 11, 0);
	rig_forget(r);
	send_and_echo(buf, word(buf, 11, RARP, 1), 0);
	assert_int_equal(r->n_log, 0);
	rig_learn(r, r->fdb->now_s);
	say(2, 22, 11);
	expect_only(1);
	assert_int_equal(r->w->bonds[0].echoes, 0); /* another's might look the same */
}

/* A unicast frame to a station that the switch does not know any more. */
static void
test_the_first_frame_to_a_known_station_teaches_nothing_when_it_comes_back(void **state)
{
	uint8_t buf[64], from[6], to[6];

	(void)state;
	say(0, 33, 0);
	rig_mac(from, 11);
	rig_mac(to, 33);
	send_and_echo(buf, rig_udp(buf, to, from, 1), 1);
	assert_int_equal(rig_drops(r, 0, BF_DROP_REFLECTED), 1);
}

static void
test_what_comes_back_late_is_another_frame(void **state)
{
	uint8_t buf[128];

	(void)state;
	r->lcores.echoes->window_tsc = 0;
	r->view->bonds[0].doubted = false;
	send_and_echo(buf, word(buf, 11, REQUEST, 1), 0);
	while (rig_got(r, 2) == 0) { /* a time slice has to pass */
		rig_forget(r);
		send_bytes(0, 0, buf, 86);
	}
	assert_int_equal(rig_got(r, 2), 1);
}

/* What guests hold is asked for; nothing else of a LAN's words reaches control. */
static void
test_of_the_lan_only_what_concerns_a_guest_is_handed_up(void **state)
{
	uint8_t buf[128], addr[16] = {0, 0, 0, 5}, other[16] = {0, 0, 0, 6};

	(void)state;
	bf_held_set(r->lcores.held, bf_held_bit(r->lcores.held, addr, false, 0), true);
	for (unsigned int vlan = 0; vlan < 2; vlan++) {
		uint32_t len = word(buf, 900, REQUEST, 5);

		send_bytes(0, 0, buf, vlan == 0 ? len : rig_tag(buf, len, 0x8100, 3));
	}
	send_bytes(0, 0, buf, word(buf, 900, REQUEST, other[3]));
	/* The ARP speaks of another sender than the frame's: it is its word that counts. */
	assert_int_equal(r->n_mail[BF_MAIL_IPV4], 1);
}

static void
test_guests_reports_are_handed_up_whole(void **state)
{
	uint8_t buf[128], mac[6];

	(void)state;
	rig_mac(mac, 11);
	rig_udp(buf, broadcast, mac, 1);
	buf[14 + 9] = 2;
	send_bytes(1, 0, buf, 60);
	assert_int_equal(r->n_reports, 1);
	assert_int_equal(r->report.len, 46);
	assert_memory_equal(r->report.bytes, buf + 14, 46);
	send_bytes(0, 0, buf, 60); /* a LAN's are not ours to repeat */
	assert_int_equal(r->n_reports, 1);
}

/* Without a LAG the switch sends a guest's broadcast back on the other members. */
static void
test_a_guests_own_announcement_that_comes_back_is_not_learned(void **state)
{
	uint8_t buf[128];

	(void)state;
	r->view->bonds[0].lag = false;
	send_bytes(1, 0, buf, arp(buf, 11));
	send_bytes(0, 1, buf, arp(buf, 11));
	rig_forget(r);
	say(2, 22, 11);
	expect_only(1);
}

static void
test_without_a_lag_one_member_brings_floods(void **state)
{
	uint8_t buf[64], from[6];

	(void)state;
	r->view->bonds[0].lag = false;
	r->view->bonds[0].designated = 1;
	rig_mac(from, 33);
	for (unsigned int member = 0; member < 2; member++)
		send_bytes(0, member, buf, rig_udp(buf, broadcast, from, 1));
	assert_int_equal(rig_got(r, 1), 1);
	assert_int_equal(rig_drops(r, 0, BF_DROP_DUPLICATE), 1);
}

static void
test_bad_sources_are_dropped_and_not_learned(void **state)
{
	static const uint8_t group[6] = {3, 0, 0, 0, 0, 1}, zero[6];
	uint8_t buf[64];
	uint32_t before = r->fdb->count;

	(void)state;
	send_bytes(1, 0, buf, rig_udp(buf, broadcast, group, 1));
	send_bytes(1, 0, buf, rig_udp(buf, broadcast, zero, 1));
	assert_int_equal(rig_drops(r, 1, BF_DROP_BAD_SOURCE), 2);
	assert_int_equal(r->fdb->count, before);
	assert_int_equal(r->n_log, 0);
}

static void
test_guests_slow_protocol_frames_reach_nobody(void **state)
{
	static const uint8_t slow[6] = {0x01, 0x80, 0xc2, 0, 0, 2};
	uint8_t buf[128], from[6];
	uint32_t len;

	(void)state;
	rig_mac(from, 11);
	len = rig_udp(buf, slow, from, 1);
	buf[12] = 0x88;
	buf[13] = 0x09;
	send_bytes(1, 0, buf, len);
	len = rig_tag(buf, len, 0x8100, 5);
	send_bytes(1, 0, buf, len);
	memcpy(buf, broadcast, 6);
	send_bytes(1, 0, buf, len);
	assert_int_equal(rig_drops(r, 1, BF_DROP_SLOW_PROTOCOL), 3);
	send_bytes(1, 0, buf, rig_udp(buf, slow, from, 1));
	assert_int_equal(rig_drops(r, 1, BF_DROP_RESERVED), 1);
	assert_int_equal(r->n_log, 0);
}

static void
test_frames_for_the_bond_itself_stay_here(void **state)
{
	uint8_t buf[64], from[6];

	(void)state;
	rig_mac(from, 33);
	send_bytes(0, 0, buf, rig_udp(buf, rig_bond_mac, from, 1));
	assert_int_equal(r->n_log, 0);
	assert_int_equal(rig_drops(r, 0, BF_DROP_FOR_US), 1);
	assert_int_equal(r->n_for_us, 1);
}

/* An all-zero destination belongs to nobody: like every unknown one it is flooded. */
static void
test_the_zero_destination_is_nobodys(void **state)
{
	static const uint8_t zero[6];
	uint8_t buf[64], from[6];

	(void)state;
	rig_mac(from, 11);
	send_bytes(1, 0, buf, rig_udp(buf, zero, from, 1));
	expect_all_but(1);
}

static void
test_a_decision_in_the_cache_ends_with_its_station(void **state)
{
	(void)state;
	say(1, 11, 0);
	say(2, 22, 0);
	rig_forget(r);
	for (int i = 0; i < 3; i++)
		say(1, 11, 22);
	assert_int_equal(rig_got(r, 2), 3);
	rig_forget(r);
	say(3, 22, 0); /* moved */
	rig_forget(r);
	say(1, 11, 22);
	expect_only(3);
	bf_fdb_flush(r->fdb);
	bf_fdb_commit(r->fdb);
	say(1, 11, 22);
	expect_all_but(1);
}

static void
test_a_talker_keeps_its_place_while_cached(void **state)
{
	(void)state;
	say(1, 11, 0);
	say(2, 22, 0);
	for (uint32_t s = 0; s < 400; s++) {
		say(1, 11, 22);
		rig_learn(r, r->fdb->now_s + 1);
	}
	rig_forget(r);
	say(3, 33, 11);
	expect_only(1);
	say(3, 33, 22); /* silent for 400 s: forgotten */
	expect_all_but(3);
}

/* Guest g's address and station s's behind the bond, given out in steps from some number on. */
#define GUEST_ADDRESS(base, step, g) ((base) + (g) * (step))
#define STATION_ADDRESS(base, step, s) ((base) + 0x800000 + (s) * (step))

/* 64 guests and 8 stations behind the bond: every pair. */
static void
send_every_pair(uint32_t base, uint32_t step)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint8_t buf[64], from[6], to[6];

	for (uint32_t k = 0; k < 512; k++) {
		rig_mac(from, STATION_ADDRESS(base, step, k / 64));
		rig_mac(to, GUEST_ADDRESS(base, step, 1 + k % 64));
		pkts[k % BF_BURST] = rig_frame(r, buf, rig_udp(buf, to, from, 1), k, 0);
		if (k % BF_BURST == BF_BURST - 1)
			rig_burst(r, 0, pkts, BF_BURST);
	}
	rig_forget(r);
}

static void
test_addresses_that_count_up_have_their_places_in_the_cache(void **state)
{
	static const uint32_t steps[] = {1, 2, 3, 16, 256};

	(void)state;
	for (uint32_t i = 0; i < 4 * RTE_DIM(steps); i++) {
		uint32_t base = 1 + i * 1000003, step = steps[i % RTE_DIM(steps)];

		assert_int_equal(rig_end(r), 0);
		r = rig_new(2, 64);
		for (uint32_t g = 1; g <= 64; g++)
			say((uint16_t)g, GUEST_ADDRESS(base, step, g), 0);
		for (uint32_t s = 0; s < 8; s++)
			say(0, STATION_ADDRESS(base, step, s), 0);
		send_every_pair(base, step);
		r->w->counters->pmd.cache_miss = 0;
		send_every_pair(base, step);
		assert_in_range(r->w->counters->pmd.cache_miss, 0, 512 / 25);
	}
}

static void
test_bursts_for_several_ports_keep_every_flow_in_order(void **state)
{
	uint8_t buf[64], from[6], to[6];
	struct rte_mbuf *pkts[BF_BURST];
	uint32_t last[5] = {0};

	(void)state;
	for (uint32_t s = 1; s <= 4; s++)
		say((uint16_t)s, s * 11, 0);
	rig_forget(r);
	rig_mac(from, 500);
	for (uint32_t b = 0; b < 50; b++) {
		for (uint32_t i = 0; i < BF_BURST; i++) {
			rig_mac(to, (1 + (i * 7 + b) % 4) * 11);
			pkts[i] = rig_frame(
				r, buf, rig_udp(buf, to, from, 1), 1 + b * BF_BURST + i, 0);
		}
		rig_burst(r, 0, pkts, BF_BURST);
		rig_learn(r, r->fdb->now_s);
	}
	assert_int_equal(r->n_log, 50 * BF_BURST);
	for (uint32_t i = 0; i < r->n_log; i++) {
		assert_true(r->log[i].id > last[r->log[i].slot]);
		last[r->log[i].slot] = r->log[i].id;
	}
}

static struct model_switch model;

static void
model_like_rig(void)
{
	model_init(&model);
	for (unsigned int s = 0; s <= 4; s++) {
		model.exists[s] = true;
		model.up[s] = s == 0 || r->dp[s].up;
		model.max_len[s] = r->view->ports[s].max_len;
	}
	model.lag = r->view->bonds[0].lag;
	memcpy(model.mac, rig_bond_mac, 6);
	model.n_members = r->view->bonds[0].n_members;
	model.designated = r->view->bonds[0].designated;
	model.now_s = r->fdb->now_s;
}

/* Few stations, some odd frames: enough to meet every rule often. */
static uint32_t
random_frame(uint8_t *buf, uint64_t *seed)
{
	static const uint8_t odd[][6] = {{0x01, 0x80, 0xc2, 0, 0, 0},
		{0x01, 0x80, 0xc2, 0, 0, 0x0e}, {0x01, 0, 0x5e, 0, 0, 1},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8035, 0x8809};
	uint32_t len = 60 + draw_below(seed, 60), kind = draw_below(seed, 20);
	uint16_t type = types[draw_below(seed, 40) < 30 ? 0 : draw_below(seed, 5)];

	for (uint32_t i = 0; i < 200; i++)
		buf[i] = (uint8_t)draw(seed);
	rig_mac(buf, draw_below(seed, 24));
	rig_mac(buf + 6, draw_below(seed, 24));
	buf[12] = (uint8_t)(type >> 8);
	buf[13] = (uint8_t)type;
	if (kind < 4)
		memcpy(buf, odd[kind], 6);
	else if (kind == 4)
		memset(buf + 6, 0, 6);
	else if (kind == 5)
		buf[6] |= 1;
	else if (kind == 8)
		memset(buf, 0, 6);
	else if (kind == 9)
		memcpy(buf, rig_bond_mac, 6);
	if (type == 0x0806 || type == 0x86dd)
		rig_word(buf + 14, type, (uint8_t)draw(seed));
	if ((type == 0x0806 || type == 0x86dd) && draw_below(seed, 2) != 0)
		memcpy(buf, broadcast, 6);
	for (uint32_t n = draw_below(seed, 4) / 2; n > 0; n--)
		len = rig_tag(buf, len, n & 1 ? 0x8100 : 0x88a8, (uint16_t)draw_below(seed, 3));
	if (kind == 6)
		len = draw_below(seed, 20); /* cut */
	else if (kind == 7)
		len = 1500 + draw_below(seed, 40); /* around what ports take */
	return len;
}

static void
expect_deliveries(const uint32_t *want, uint32_t n)
{
	uint32_t got[BF_BURST] = {0};

	for (uint32_t i = 0; i < r->n_log; i++) {
		assert_false(got[r->log[i].id] & 1u << r->log[i].slot); /* no frame twice */
		got[r->log[i].id] |= 1u << r->log[i].slot;
	}
	for (uint32_t i = 0; i < n; i++)
		if (got[i] != want[i])
			fail_msg("frame %u: ports 0x%x, the model says 0x%x", i, got[i], want[i]);
	rig_forget(r);
}

static void
expect_same_drops(void)
{
	for (uint16_t s = 0; s <= 4; s++)
		for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
			if (rig_drops(r, s, (enum bf_drop)d) != model.drops[s][d])
				fail_msg("port %u, reason %u: %lu dropped, the model says %lu", s,
					d, (unsigned long)rig_drops(r, s, (enum bf_drop)d),
					(unsigned long)model.drops[s][d]);
}

static void
random_turn(uint64_t *seed)
{
	uint32_t n = 1 + draw_below(seed, BF_BURST), want[BF_BURST];
	uint16_t in = (uint16_t)draw_below(seed, 5);
	struct rte_mbuf *pkts[BF_BURST];
	static uint8_t buf[2048], before[2048]; /* of a guest */
	static uint32_t before_len;

	for (uint32_t i = 0; i < n; i++) {
		unsigned int member = draw_below(seed, 2);
		uint32_t len = random_frame(buf, seed);

		if (in == 0 && before_len > 0 && draw_below(seed, 4) == 0) {
			len = before_len;
			memcpy(buf, before, sizeof(buf));
		} else if (in != 0) {
			before_len = len;
			memcpy(before, buf, sizeof(buf));
		}
		pkts[i] = rig_frame(r, buf, len, i, member);
		want[i] = model_frame(&model, in, member, buf, len);
	}
	rig_burst(r, in, pkts, (uint16_t)n);
	expect_deliveries(want, n);
	expect_same_drops();
	rig_learn(r, r->fdb->now_s + (draw_below(seed, 6) == 0 ? draw_below(seed, 200) : 0));
	model_turn(&model, r->fdb->now_s);
}

static void
test_random_bursts_go_where_the_model_says(void **state)
{
	uint64_t seed = 77;

	(void)state;
	for (int round = 0; round < 8; round++) {
		model_like_rig();
		r->view->bonds[0].lag = model.lag = (round & 1) != 0;
		r->view->bonds[0].doubted = model.doubts = (round & 1) == 0 || (round & 2) != 0;
		r->view->bonds[0].echo = round & 4 ? BF_ECHO_NONE : BF_ECHO_MAYBE;
		model.remembers = (round & 4) == 0;
		rig_forget_sent(r);
		r->view->bonds[0].designated = 1;
		model.designated = 1;
		r->dp[4].up = round & 2 ? 0 : 1;
		model.up[4] = r->dp[4].up;
		r->view->ports[3].max_len = 1508;
		model.max_len[3] = 1508;
		memcpy(model.drops, &(uint64_t[MODEL_PORTS][BF_DROP_COUNT]){{0}},
			sizeof(model.drops));
		for (uint16_t s = 0; s <= 4; s++)
			memcpy(model.drops[s], r->w->counters->ports[s].drops,
				sizeof(model.drops[s]));
		for (int i = 0; i < 1500; i++)
			random_turn(&seed);
		assert_true(rig_balanced(r));
		bf_fdb_flush(r->fdb);
		bf_fdb_commit(r->fdb);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_a_station_that_spoke_is_answered_at_its_port_only),
		T(test_unknown_unicast_is_flooded_but_not_to_its_source),
		T(test_broadcast_is_flooded_even_when_stations_are_known),
		T(test_nothing_goes_from_bond_to_bond),
		T(test_a_flooded_frame_leaves_on_one_member),
		T(test_guests_that_are_down_get_no_copies),
		T(test_a_flood_without_any_other_port_is_counted),
		T(test_frames_for_a_removed_port_are_counted_there),
		T(test_vlans_are_switched_apart),
		T(test_tagged_and_untagged_frames_of_a_port_go_their_own_ways_in_any_mixture),
		T(test_a_tagged_runt_is_no_frame_also_where_tagged_ones_are_usual),
		T(test_tagged_arp_is_read_each_time),
		T(test_no_decision_outlives_the_epochs),
		T(test_a_static_station_is_not_learned_elsewhere),
		T(test_a_guests_own_frames_that_come_back_are_dropped),
		T(test_a_station_silent_for_long_may_reappear_behind_the_bond),
		T(test_a_station_that_announces_itself_has_moved_at_once),
		T(test_an_announcement_in_a_vlan_moves_its_station_too),
		T(test_a_guests_own_announcement_that_comes_back_is_not_learned),
		T(test_whoever_announces_itself_or_claims_its_address_has_moved),
		T(test_ordinary_words_move_no_station_that_was_just_heard),
		T(test_only_announcements_hold_a_station),
		T(test_where_a_lag_is_in_force_no_station_is_doubted),
		T(test_the_first_frame_of_a_station_does_not_come_in_again),
		T(test_the_first_frame_of_a_station_that_has_come_does_not_come_in_again),
		T(test_the_first_frame_to_a_known_station_teaches_nothing_when_it_comes_back),
		T(test_what_comes_back_late_is_another_frame),
		T(test_of_the_lan_only_what_concerns_a_guest_is_handed_up),
		T(test_guests_reports_are_handed_up_whole),
		T(test_without_a_lag_one_member_brings_floods),
		T(test_bad_sources_are_dropped_and_not_learned),
		T(test_guests_slow_protocol_frames_reach_nobody),
		T(test_frames_for_the_bond_itself_stay_here),
		T(test_the_zero_destination_is_nobodys),
		T(test_a_decision_in_the_cache_ends_with_its_station),
		T(test_a_talker_keeps_its_place_while_cached),
		T(test_addresses_that_count_up_have_their_places_in_the_cache),
		T(test_bursts_for_several_ports_keep_every_flow_in_order),
		T(test_random_bursts_go_where_the_model_says),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
