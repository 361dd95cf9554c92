/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: bytes as a script of frames, guests going up and down, lost carriers and passing
 * time, for the real switch and for the slow one; they must agree frame by frame.
 *
 * What comes from the bond may be what a guest has sent before: then it must not come in.
 *
 * Threads: one.
 */
#include <string.h>

#include "input.h"
#include "replay.h"
#include "rig.h"
#include "switch_model.h"

#define N_GUESTS 4
#define MAX_FRAMES 512

static struct rig *r;
static struct model_switch model;
static uint8_t before[2048]; /* the latest frame of a guest */
static uint32_t before_len;

/* What the switch at the other end does: no LAG, a LAG that is said to be there, one that is. */
static void
set_path(uint8_t how)
{
	static const struct {
		bool lag, doubts;
		enum bf_echo echo;
	} path[] = {{true, true, BF_ECHO_MAYBE}, {false, true, BF_ECHO_ALL},
		{true, false, BF_ECHO_MAYBE}, {true, false, BF_ECHO_NONE}};
	unsigned int i = how & 3;

	model.lag = r->view->bonds[0].lag = path[i].lag;
	model.doubts = r->view->bonds[0].doubted = path[i].doubts;
	r->view->bonds[0].echo = (uint8_t)path[i].echo;
	model.remembers = path[i].echo != BF_ECHO_NONE;
}

/* Everybody up, nothing known. */
static void
begin(void)
{
	for (uint16_t s = 0; s <= N_GUESTS; s++)
		bf_fdb_flush_port(r->fdb, s, true);
	bf_fdb_commit(r->fdb);
	memset(r->w->counters, 0, sizeof(*r->w->counters));
	model_init(&model);
	r->carrier.bits = 3;
	for (uint16_t s = 0; s <= N_GUESTS; s++) {
		if (s > 0)
			r->dp[s].up = 1;
		model.exists[s] = model.up[s] = true;
		model.max_len[s] = r->view->ports[s].max_len;
	}
	rig_forget_sent(r);
	before_len = 0;
	set_path(0);
	model.n_members = 2;
	memcpy(model.mac, rig_bond_mac, 6);
	model.now_s = r->fdb->now_s;
}

static void
address(uint8_t mac[6], uint8_t n)
{
	static const uint8_t group[6] = {0x01, 0x80, 0xc2, 0, 0, 0};

	rig_mac(mac, n);
	if (n == 0xd0)
		memset(mac, 0, 6);
	else if (n == 0xd1)
		memcpy(mac, rig_bond_mac, 6);
	if (n >= 0xf0) {
		memcpy(mac, group, 6);
		mac[5] = (uint8_t)(n & 0x1f);
	} else if (n >= 0xe0) {
		memset(mac, 0xff, 6);
	}
}

static uint32_t
tag(uint8_t *buf, uint32_t len, uint32_t tags, uint8_t more)
{
	static const uint16_t types[] = {0x8100, 0x9100, 0x88a8};

	for (; tags > 0; tags--)
		len = rig_tag(buf, len, types[tags % 3], (uint16_t)(more & 3));
	return len;
}

static uint32_t
build(struct input *in, uint8_t *buf)
{
	static const uint16_t types[] = {
		0x0800, 0x0806, 0x8035, 0x8809, 0x86dd, 0x8100, 0x9100, 0x88a8};
	static const uint16_t lens[] = {60, 64, 14, 13, 0, 18, 1518, 1519};
	uint8_t dst = input_byte(in), src = input_byte(in), shape = input_byte(in),
		more = input_byte(in);
	uint16_t type = types[shape & 7];
	uint32_t len = 60, tags = shape >> 3 & 7;

	memset(buf, more, 1600);
	address(buf, dst);
	address(buf + 6, src);
	buf[12] = (uint8_t)(type >> 8);
	buf[13] = (uint8_t)type;
	if (type == 0x0806 || type == 0x86dd) {
		rig_word(buf + 14, type, more);
		return tag(buf, 86, tags, more);
	}
	buf[14] &= 0xf0; /* few VLANs, should this be a tag */
	buf[15] &= 3;
	if (type == 0x8100 || type == 0x9100 || type == 0x88a8)
		buf[16] = 0x50; /* what is tagged is no ARP */
	len = tag(buf, len, tags, more);
	return (shape & 0xc0) == 0xc0 ? lens[more & 7] : len;
}

static void
compare(const uint32_t *want, uint32_t n)
{
	uint32_t got[BF_BURST] = {0};

	for (uint32_t i = 0; i < r->n_log; i++) {
		CHECK(!(got[r->log[i].id] & 1u << r->log[i].slot));
		got[r->log[i].id] |= 1u << r->log[i].slot;
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK(got[i] == want[i]);
	rig_forget(r);
	for (uint16_t s = 0; s <= N_GUESTS; s++)
		CHECK(memcmp(r->w->counters->ports[s].drops, model.drops[s],
			      sizeof(model.drops[s])) == 0);
	CHECK(rig_balanced(r));
}

static uint32_t
burst(struct input *in, uint8_t how)
{
	uint32_t n = 1 + (how >> 3 & (BF_BURST - 1)), want[BF_BURST];
	uint16_t from = (uint16_t)(input_byte(in) % (N_GUESTS + 1));
	struct rte_mbuf *pkts[BF_BURST];
	uint8_t buf[2048];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = build(in, buf);

		if (from == 0 && before_len > 0 && (buf[11] & 3) == 3) {
			len = before_len;
			memcpy(buf, before, sizeof(buf));
		} else if (from != 0) {
			before_len = len;
			memcpy(before, buf, sizeof(buf));
		}

		pkts[i] = rig_frame(r, buf, len, i, i & 1);
		want[i] = model_frame(&model, from, i & 1, buf, len);
	}
	rig_burst(r, from, pkts, (uint16_t)n);
	compare(want, n);
	return n;
}

static void
change(struct input *in, uint8_t how)
{
	uint8_t x = input_byte(in);
	uint16_t s = (uint16_t)(1 + x % N_GUESTS);
	uint8_t mac[6];

	switch (how & 7) {
	case 4:
		r->dp[s].up = x & 128 ? 0 : 1;
		model.up[s] = r->dp[s].up;
		break;
	case 5:
		r->carrier.bits = x & 3;
		model.up[0] = (x & 3) != 0;
		break;
	case 6:
		set_path(x);
		break;
	default:
		rig_mac(mac, x);
		bf_fdb_add_static(r->fdb, bf_fdb_key(0, mac), s);
		bf_fdb_commit(r->fdb);
		model_add_static(&model, 0, mac, s);
		break;
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	r = rig_new_sized(2, N_GUESTS, 2048); /* more than an input has addresses */
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint32_t frames = 0;

	begin();
	while (in.left > 0 && frames < MAX_FRAMES) {
		uint8_t how = input_byte(&in);

		if ((how & 7) < 4)
			frames += burst(&in, how);
		else
			change(&in, how);
		rig_learn(r, r->fdb->now_s + (how & 0x80 ? input_byte(&in) : 0));
		model_turn(&model, r->fdb->now_s);
	}
	CHECK(rte_mempool_in_use_count(r->pool) == 0);
	return 0;
}

int
fuzz_end(void)
{
	int failed = rig_free(r) != 0;

	rig_eal_end();
	return failed;
}
