/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The stages of a frame's way, each in a function of its own.
 *
 * "stages times" writes a JSON line with the nanoseconds per frame of each: the best of ROUNDS.
 * Without an argument nothing is written: scripts/lib/instructions.py runs it under callgrind and
 * divides by STAGES_FRAMES.  Everything is seeded, so its counts depend on the source and the
 * compiler alone.
 *
 * Guests are doubles (rig.h), members are ring ports: guests' rings and drivers are not counted.  The
 * frames' way into and out of a guest's ring is counted by itself.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "control/observe/taps.h"
#include "dataplane/flow.h"
#include "dataplane/frame.h"
#include "dataplane/guard.h"
#include "dataplane/rules.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"
#include "draw.h"
#include "driver.h"
#include "rig.h"

#define BURSTS 512
#define PART 16
#define FEW 4
#define STAGES_FRAMES (BURSTS * BF_BURST)
#define STATIONS 512
#define GUESTS 4
#define VLAN 100
#define SAMPLING 1000
#define SAMPLE_BYTES 128
#define ROUNDS 7

/* What the stages took. */
static struct timing {
	const char *stage;
	uint64_t cycles, best; /* of all its frames: in this round, in the quickest */
} timings[32];

/* Call a stage, on the clock. */
#define TIMED(name, ...) \
	do { \
		uint64_t start_ = rte_rdtsc_precise(); \
\
		stage_##name(__VA_ARGS__); \
		took(#name, rte_rdtsc_precise() - start_); \
	} while (0)

static struct rig *r;
static struct rte_mempool *pool; /* of frames from a guest's ring; the rig's has no cache */
static uint64_t sink;
static uint8_t frames[STATIONS][64]; /* from the bond's stations to guest 1's */
static uint8_t several[STATIONS][64]; /* to all guests in turn */
static uint8_t back[STATIONS][64];
static uint8_t tagged[STATIONS][64], tagged_back[STATIONS][64]; /* frames and back, in a VLAN */

void stage_parse(void);
void stage_flow_hash(void);
void stage_fdb_find(void);
void stage_bond_to_guest(uint32_t first);
void stage_bond_to_guest_new(uint32_t first);
void stage_bond_to_guests(uint32_t first);
void stage_tagged_to_guest(uint32_t first);
void stage_guest_to_bond_hashed(uint32_t first);
void stage_tagged_to_bond(uint32_t first);
void stage_guest_to_bond_ordered(uint32_t first);
void stage_guards(uint32_t first);
void stage_sampling(uint32_t first);
void stage_ring_put(struct driver *d);
void stage_ring_put_few(struct driver *d);
void stage_ring_take(struct driver *d, struct rte_mbuf **pkts);
void stage_packed_put(struct driver *d);
void stage_packed_put_few(struct driver *d);
void stage_packed_take(struct driver *d, struct rte_mbuf **pkts);

static void
took(const char *stage, uint64_t cycles)
{
	struct timing *t = timings;

	while (t->stage != NULL && strcmp(t->stage, stage) != 0)
		t++;
	t->stage = stage;
	t->cycles += cycles;
}

static void
end_round(void)
{
	for (struct timing *t = timings; t->stage != NULL; t++) {
		t->best = t->best == 0 ? t->cycles : RTE_MIN(t->best, t->cycles);
		t->cycles = 0;
	}
}

static void
write_times(void)
{
	for (const struct timing *t = timings; t->stage != NULL; t++) {
		double cycles = (double)t->best / STAGES_FRAMES;

		printf("{\"bench\":\"stage\",\"stage\":\"%s\",\"cycles\":%.1f,\"ns\":%.2f}\n",
			t->stage, cycles, cycles * 1e9 / (double)rte_get_tsc_hz());
	}
}

static void
prepare(void)
{
	uint8_t guest[GUESTS][6], remote[6];

	bf_fdb_set_quota(r->fdb, 0, 16384);
	for (uint16_t g = 0; g < GUESTS; g++) {
		rig_mac(guest[g], g + 1u);
		bf_fdb_learn(r->fdb, bf_fdb_key(0, guest[g]), (uint16_t)(g + 1));
	}
	for (uint32_t i = 0; i < STATIONS; i++) {
		rig_mac(remote, 1000 + i);
		bf_fdb_learn(r->fdb, bf_fdb_key(0, remote), BF_BOND_SLOT);
		rig_udp(frames[i], guest[0], remote, i);
		rig_udp(several[i], guest[i % GUESTS], remote, i);
		rig_udp(back[i], remote, guest[0], i);
	}
	bf_fdb_commit(r->fdb);
	bf_switch_refresh(r->w);
}

/* After the other stages: an FDB that is twice as full is another one. */
static void
prepare_tagged(void)
{
	for (uint32_t i = 0; i < STATIONS; i++) {
		memcpy(tagged[i], frames[i], sizeof(tagged[i]));
		memcpy(tagged_back[i], back[i], sizeof(tagged_back[i]));
		rig_tag(tagged[i], 60, 0x8100, VLAN);
		rig_tag(tagged_back[i], 60, 0x8100, VLAN);
		for (int k = 0; k < 2; k++) { /* both stations */
			uint8_t *mac = &tagged[i][6 * k];

			bf_fdb_learn(r->fdb, bf_fdb_key(VLAN, mac), k == 0 ? 1 : BF_BOND_SLOT);
		}
	}
	bf_fdb_commit(r->fdb);
	bf_switch_refresh(r->w);
}

static void
fill(struct rte_mbuf **pkts, uint8_t (*from)[64], uint32_t first)
{
	for (uint32_t i = 0; i < BF_BURST; i++)
		pkts[i] = rig_frame(r, from[(first + i) % STATIONS], 60, 0, 0);
}

__attribute__((noinline)) void
stage_parse(void)
{
	for (uint32_t i = 0; i < STAGES_FRAMES; i++) {
		struct bf_frame f;

		bf_frame_load(frames[i % STATIONS], &f);
		sink += f.src ^ f.dst ^ f.type;
	}
}

static struct rte_mbuf *hashed[BF_BURST];

__attribute__((noinline)) void
stage_flow_hash(void)
{
	uint32_t hash[BF_BURST];

	for (uint32_t i = 0; i < BURSTS; i++) {
		bf_flow_hash_burst(hashed, BF_BURST, BF_POLICY_L34, i, hash);
		sink += hash[i % BF_BURST];
	}
}

__attribute__((noinline)) void
stage_fdb_find(void)
{
	for (uint32_t i = 0; i < STAGES_FRAMES; i++) {
		uint16_t port = 0;
		struct bf_frame f;

		bf_frame_load(frames[i % STATIONS], &f);
		sink += bf_fdb_find(r->fdb, f.src, &port) != NULL ? port : 7;
	}
}

static struct rte_mbuf *burst[BURSTS][BF_BURST];

/* As many bursts as the members' wires hold. */
static inline void
switch_part(uint16_t in, uint32_t first)
{
	for (uint32_t i = first; i < first + PART; i++) {
		bf_switch_burst(r->w, in, burst[i], BF_BURST, 0);
		bf_stage_flush(r->w);
	}
}

__attribute__((noinline)) void
stage_bond_to_guest(uint32_t first)
{
	switch_part(BF_BOND_SLOT, first);
}

__attribute__((noinline)) void
stage_tagged_to_guest(uint32_t first)
{
	switch_part(BF_BOND_SLOT, first);
}

__attribute__((noinline)) void
stage_tagged_to_bond(uint32_t first)
{
	switch_part(1, first);
}

__attribute__((noinline)) void
stage_guest_to_bond_hashed(uint32_t first)
{
	switch_part(1, first);
}

__attribute__((noinline)) void
stage_guest_to_bond_ordered(uint32_t first)
{
	switch_part(1, first);
}

/* The guards that read a guest's frames, of which none is refused. */
__attribute__((noinline)) void
stage_guards(uint32_t first)
{
	for (uint32_t i = first; i < first + PART; i++)
		sink += bf_rules_in(r->w, 1, BF_RULE_BIT(GUARD), burst[i], BF_BURST);
}

/* An exporter's tap: of SAMPLING frames from the port one is copied. */
__attribute__((noinline)) void
stage_sampling(uint32_t first)
{
	for (uint32_t i = first; i < first + PART; i++)
		sink += bf_rules_in(r->w, 1, BF_RULE_BIT(TAP), burst[i], BF_BURST);
}

/* Every frame misses the cache: the epoch changes at each burst. */
__attribute__((noinline)) void
stage_bond_to_guest_new(uint32_t first)
{
	for (uint32_t i = first; i < first + PART; i++) {
		r->w->epoch_tag += BF_EPOCH_STEP;
		bf_switch_burst(r->w, BF_BOND_SLOT, burst[i], BF_BURST, 0);
		bf_stage_flush(r->w);
	}
}

/* As a turn of bf_rx_bond() does it: bursts for several guests come together before they are sent. */
__attribute__((noinline)) void
stage_bond_to_guests(uint32_t first)
{
	for (uint32_t i = first; i < first + PART; i++) {
		bf_switch_burst(r->w, BF_BOND_SLOT, burst[i], BF_BURST, 0);
		if ((i + 1) % GUESTS == 0)
			bf_stage_flush(r->w);
	}
}

__attribute__((noinline)) void
stage_ring_put(struct driver *d)
{
	sink += bf_ring_put(&d->ring, hashed, BF_BURST);
}

/* As many guests are visited: a few frames each time. */
__attribute__((noinline)) void
stage_ring_put_few(struct driver *d)
{
	for (uint16_t i = 0; i < BF_BURST; i += FEW)
		sink += bf_ring_put(&d->ring, &hashed[i], FEW);
}

__attribute__((noinline)) void
stage_ring_take(struct driver *d, struct rte_mbuf **pkts)
{
	uint64_t lost = 0;

	sink += bf_ring_take(&d->ring, pool, pkts, BF_BURST, &lost);
}

__attribute__((noinline)) void
stage_packed_put(struct driver *d)
{
	sink += bf_ring_put(&d->ring, hashed, BF_BURST);
}

__attribute__((noinline)) void
stage_packed_put_few(struct driver *d)
{
	for (uint16_t i = 0; i < BF_BURST; i += FEW)
		sink += bf_ring_put(&d->ring, &hashed[i], FEW);
}

__attribute__((noinline)) void
stage_packed_take(struct driver *d, struct rte_mbuf **pkts)
{
	uint64_t lost = 0;

	sink += bf_ring_take(&d->ring, pool, pkts, BF_BURST, &lost);
}

/* Buffers of a usual driver: one piece each, without room to spare when they hold a frame. */
static void
post_burst(struct driver *d, uint32_t len)
{
	d->next_gpa = DRIVER_GPA;
	for (uint32_t i = 0; i < BF_BURST; i++)
		driver_post(d, &len, 1);
}

static void
guest_ring(void)
{
	struct driver *d = driver_new(256, true);
	struct rte_mbuf *pkts[BF_BURST];

	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(
			"stages", 1023, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		abort();

	for (uint32_t i = 0; i < BURSTS; i++) {
		post_burst(d, 1536);
		TIMED(ring_put, d);
	}
	for (uint32_t i = 0; i < BURSTS; i++) {
		post_burst(d, 1536);
		TIMED(ring_put_few, d);
	}
	d->access = 0;
	for (uint32_t i = 0; i < BURSTS; i++) {
		post_burst(d, 12 + 60);
		TIMED(ring_take, d, pkts);
		rte_pktmbuf_free_bulk(pkts, BF_BURST);
	}
	driver_free(d);
}

static void
packed_ring(void)
{
	struct driver *d = driver_new_packed(256, true);
	struct rte_mbuf *pkts[BF_BURST];

	for (uint32_t i = 0; i < BURSTS; i++) {
		post_burst(d, 1536);
		TIMED(packed_put, d);
	}
	for (uint32_t i = 0; i < BURSTS; i++) {
		post_burst(d, 1536);
		TIMED(packed_put_few, d);
	}
	d->access = 0;
	for (uint32_t i = 0; i < BURSTS; i++) {
		post_burst(d, 12 + 60);
		TIMED(packed_take, d, pkts);
		rte_pktmbuf_free_bulk(pkts, BF_BURST);
	}
	driver_free(d);
}

static void
fill_part(uint8_t (*from)[64], uint32_t first)
{
	for (uint32_t k = first; k < first + PART; k++)
		fill(burst[k], from, k * BF_BURST);
}

/* All stations are known to the worker: what is new costs bond_to_guest_new. */
static void
warm(uint16_t in, uint8_t (*from)[64])
{
	fill_part(from, 0);
	switch_part(in, 0);
	rig_collect(r);
}

/* Bursts of these frames, PART by PART, through a stage. */
#define EACH_PART(from, name) \
	do { \
		for (uint32_t first = 0; first < BURSTS; first += PART) { \
			fill_part(from, first); \
			TIMED(name, first); \
			rig_collect(r); \
		} \
	} while (0)

static void
sampling(void)
{
	struct bf_tap_spec spec = {.slot = 1,
		.dirs = BF_TAP_IN,
		.every = SAMPLING,
		.snap = SAMPLE_BYTES,
		.tape_bytes = 1 << 16};
	struct bf_taps taps = {.tap = {NULL}};
	struct bf_tap *tap = bf_taps_open(&taps, &r->lcores, &spec, NULL);

	if (tap == NULL)
		exit(1);
	tap->worker[r->w->idx].random = 1;
	tap->worker[r->w->idx].left = SAMPLING / 2;
	r->view->taps[0] = tap;
	r->view->rules[1].taps = 1;
	for (uint32_t first = 0; first < BURSTS; first += PART) {
		fill_part(back, first);
		TIMED(sampling, first);
		switch_part(1, first);
		rig_collect(r);
	}
	r->view->taps[0] = NULL;
	r->view->rules[1].taps = 0;
	bf_tap_free(tap);
}

static void
one_round(void)
{
	TIMED(parse);
	TIMED(flow_hash);
	TIMED(fdb_find);
	warm(BF_BOND_SLOT, frames);
	EACH_PART(frames, bond_to_guest);
	EACH_PART(several, bond_to_guests);
	EACH_PART(frames, bond_to_guest_new);
	bf_switch_refresh(r->w);
	r->view->bonds[0].tx = BF_TX_BUCKET;
	warm(1, back);
	EACH_PART(back, guest_to_bond_hashed);
	r->view->bonds[0].tx = BF_TX_ORDER;
	EACH_PART(back, guest_to_bond_ordered);
	r->view->rules[1].guards = BF_GUARD_READS;
	for (uint32_t first = 0; first < BURSTS; first += PART) {
		fill_part(back, first);
		TIMED(guards, first);
		switch_part(1, first);
		rig_collect(r);
	}
	r->view->rules[1].guards = 0;
	sampling();
	guest_ring();
	packed_ring();
	prepare_tagged();
	warm(BF_BOND_SLOT, tagged);
	EACH_PART(tagged, tagged_to_guest);
	r->view->bonds[0].tx = BF_TX_BUCKET;
	warm(1, tagged_back);
	EACH_PART(tagged_back, tagged_to_bond);
}

int
main(int argc, char **argv)
{
	bool is_timed = argc == 2 && strcmp(argv[1], "times") == 0;

	r = rig_new(2, GUESTS);
	rig_guest_copies(true);
	prepare();
	fill(hashed, frames, 0);
	for (uint32_t i = 0; i < (is_timed ? ROUNDS : 1); i++) {
		one_round();
		end_round();
	}
	if (is_timed)
		write_times();
	rte_pktmbuf_free_bulk(hashed, BF_BURST);
	rte_mempool_free(pool);
	(void)rig_free(r);
	rig_eal_end();
	return sink == 0;
}
