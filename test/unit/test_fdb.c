/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The forwarding database: learning, moving, ageing, quotas, fair eviction, static stations,
 * flushing, epochs, a full table, and readers beside the writer.
 *
 * Threads: one, and a reader in the last test.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>

#include <rte_random.h>

#include "control/switch/fdb.h"
#include "draw.h"
#include "rig.h"

#define PORTS 64

static struct bf_fdb *f;

static int
set_up_size(uint32_t capacity)
{
	rte_srand(1); /* the same hash in every run */
	f = bf_fdb_create(capacity, PORTS, SOCKET_ID_ANY);
	if (f == NULL)
		return -1;
	bf_fdb_set_now(f, 1000);
	bf_fdb_commit(f);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	return set_up_size(1024);
}

static int
tear_down(void **state)
{
	(void)state;
	bf_fdb_destroy(f);
	return 0;
}

static int
where(uint64_t key)
{
	uint16_t port = 0;

	return bf_fdb_find(f, key, &port) == NULL ? -1 : port;
}

/* Station n: addresses of many makers, in no order. */
static uint64_t
key_of(uint16_t vlan, uint32_t n)
{
	uint64_t state = n, bytes = draw(&state);
	uint8_t mac[6];

	memcpy(mac, &bytes, 6);
	mac[0] = 2;
	return bf_fdb_key(vlan, mac);
}

/* Station n of one maker: the last octets count up. */
static uint64_t
counted_key(uint32_t n)
{
	uint8_t mac[6];

	rig_mac(mac, n);
	return bf_fdb_key(0, mac);
}

struct census {
	uint32_t n, of_port[PORTS];
	bool bad;
};

static void
on_entry(void *arg, const struct bf_fdb_entry *e)
{
	struct census *c = arg;

	c->n++;
	c->bad = c->bad || e->port >= PORTS || where(e->key) != e->port;
	if (e->port < PORTS)
		c->of_port[e->port]++;
}

/* The table's own figures agree with what is in it, and everything in it is found. */
static void
expect_consistent(void)
{
	struct census c = {0};

	bf_fdb_visit(f, on_entry, &c);
	assert_false(c.bad);
	assert_int_equal(c.n, f->count);
	for (unsigned int p = 0; p < PORTS; p++)
		assert_int_equal(c.of_port[p], f->port_count[p]);
}

static void
test_sizes_out_of_range_are_refused(void **state)
{
	(void)state;
	assert_null(bf_fdb_create(7, PORTS, SOCKET_ID_ANY));
	assert_int_equal(errno, EINVAL);
	assert_null(bf_fdb_create((1u << 20) + 1, PORTS, SOCKET_ID_ANY));
	bf_fdb_destroy(NULL);
}

static void
test_a_station_is_found_behind_the_port_that_heard_it(void **state)
{
	(void)state;
	assert_int_equal(where(key_of(0, 1)), -1);
	assert_int_equal(bf_fdb_learn(f, key_of(0, 1), 3), BF_FDB_NEW);
	assert_int_equal(bf_fdb_learn(f, key_of(0, 1), 3), BF_FDB_KNOWN);
	assert_int_equal(where(key_of(0, 1)), 3);
	expect_consistent();
}

static void
test_vlans_have_stations_of_their_own(void **state)
{
	(void)state;
	bf_fdb_learn(f, key_of(0, 1), 3);
	bf_fdb_learn(f, key_of(100, 1), 4);
	bf_fdb_learn(f, key_of(4094, 1), 5);
	assert_int_equal(where(key_of(0, 1)), 3);
	assert_int_equal(where(key_of(100, 1)), 4);
	assert_int_equal(where(key_of(4094, 1)), 5);
	assert_int_equal(where(key_of(101, 1)), -1);
}

static void
test_the_key_of_no_station_is_never_found(void **state)
{
	(void)state;
	assert_int_equal(where(0), -1); /* VLAN 0, destination 00:00:00:00:00:00 */
	bf_fdb_learn(f, key_of(0, 1), 3);
	bf_fdb_del(f, key_of(0, 1));
	assert_int_equal(where(0), -1);
}

static void
test_a_station_that_moves_is_at_its_new_port_only(void **state)
{
	(void)state;
	bf_fdb_learn(f, key_of(0, 1), 3);
	assert_int_equal(bf_fdb_learn(f, key_of(0, 1), 4), BF_FDB_MOVED);
	assert_int_equal(where(key_of(0, 1)), 4);
	assert_int_equal(f->port_count[3], 0);
	assert_int_equal(f->moved, 1);
	expect_consistent();
}

static void
test_stations_age_out_when_not_heard(void **state)
{
	uint16_t port;

	(void)state;
	bf_fdb_learn(f, key_of(0, 1), 3);
	bf_fdb_learn(f, key_of(0, 2), 3);
	bf_fdb_add_static(f, key_of(0, 3), 3);
	bf_fdb_set_now(f, 1200);
	bf_fdb_touch(f, bf_fdb_find(f, key_of(0, 2), &port));
	bf_fdb_set_now(f, 1300);
	bf_fdb_age(f, bf_fdb_n_buckets(f));
	assert_int_equal(where(key_of(0, 1)), 3);
	bf_fdb_set_now(f, 1301);
	bf_fdb_age(f, bf_fdb_n_buckets(f));
	assert_int_equal(where(key_of(0, 1)), -1);
	assert_int_equal(where(key_of(0, 2)), 3);
	bf_fdb_set_now(f, 100000);
	bf_fdb_age(f, bf_fdb_n_buckets(f));
	assert_int_equal(where(key_of(0, 2)), -1);
	assert_int_equal(where(key_of(0, 3)), 3);
	assert_int_equal(f->aged, 2);
	expect_consistent();
}

static void
test_ageing_in_small_steps_reaches_every_bucket_in_one_turn(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 500; i++)
		bf_fdb_learn(f, key_of(0, i), (uint16_t)(i % 4));
	bf_fdb_set_now(f, 2000);
	for (uint32_t i = 0; i < bf_fdb_n_buckets(f); i++)
		bf_fdb_age(f, 1);
	assert_int_equal(f->count, 0);
}

static void
test_an_announcement_of_long_ago_is_not_one_of_now(void **state)
{
	struct bf_fdb_entry *e;
	uint16_t port;

	(void)state;
	f->age_s = 0;
	bf_fdb_learn(f, key_of(0, 1), 3);
	bf_fdb_announced(f, key_of(0, 1));
	e = bf_fdb_find(f, key_of(0, 1), &port);
	assert_true(bf_fdb_is_echo(f, e, true, true));
	for (uint32_t s = 1001; s <= 1000 + 2 * 255 + BF_FDB_ECHO_S; s++) {
		bf_fdb_set_now(f, s);
		bf_fdb_touch(f, e);
		bf_fdb_age(f, bf_fdb_n_buckets(f));
		assert_int_equal(bf_fdb_is_echo(f, e, true, true), s <= 1000 + BF_FDB_ECHO_S);
		assert_true(bf_fdb_is_echo(f, e, false, true));
	}
}

static void
test_ageing_0_forgets_nobody(void **state)
{
	(void)state;
	f->age_s = 0;
	bf_fdb_learn(f, key_of(0, 1), 3);
	bf_fdb_set_now(f, UINT32_MAX);
	bf_fdb_age(f, bf_fdb_n_buckets(f));
	assert_int_equal(where(key_of(0, 1)), 3);
}

static void
test_a_port_at_its_quota_replaces_its_own_stations(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		bf_fdb_learn(f, key_of(0, i), 1);
	bf_fdb_set_quota(f, 2, 10);
	for (uint32_t i = 1000; i < 1500; i++)
		assert_int_equal(bf_fdb_learn(f, key_of(0, i), 2), BF_FDB_NEW);
	assert_int_equal(f->port_count[2], 10);
	assert_int_equal(f->port_count[1], 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(where(key_of(0, i)), 1);
	expect_consistent();
}

static void
test_stations_that_are_pinned_take_no_room_of_learned_ones(void **state)
{
	(void)state;
	bf_fdb_set_quota(f, 2, 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(bf_fdb_add_static(f, key_of(0, i), 2), 0);
	for (uint32_t i = 100; i < 108; i++)
		assert_int_equal(bf_fdb_learn(f, key_of(0, i), 2), BF_FDB_NEW);
	assert_int_equal(f->port_count[2], 16);
	assert_int_equal(f->evicted, 0);
	assert_int_equal(bf_fdb_learn(f, key_of(0, 108), 2), BF_FDB_NEW);
	assert_int_equal(f->port_dynamic[2], 8);
	assert_int_equal(f->evicted, 1);
	expect_consistent();
}

/* The same in the table's usual size, where a port's stations lie far apart. */
static void
test_a_quota_is_kept_by_replacing_in_a_large_table_too(void **state)
{
	uint32_t refused = 0;

	tear_down(state);
	assert_int_equal(set_up_size(16384), 0);
	bf_fdb_set_quota(f, 2, 40);
	for (uint32_t i = 0; i < 1000; i++)
		refused += bf_fdb_learn(f, key_of(0, i), 2) == BF_FDB_REFUSED;
	assert_int_equal(f->port_count[2], 40);
	assert_int_equal(refused, 0);
}

static void
test_at_a_quota_the_stations_not_heard_for_longest_go_first(void **state)
{
	(void)state;
	bf_fdb_set_quota(f, 2, 8);
	for (uint32_t i = 0; i < 8; i++) {
		bf_fdb_set_now(f, 1000 + i);
		bf_fdb_learn(f, key_of(0, i), 2);
	}
	bf_fdb_learn(f, key_of(0, 100), 2);
	assert_int_equal(where(key_of(0, 0)), -1);
	for (uint32_t i = 1; i < 8; i++)
		assert_int_equal(where(key_of(0, i)), 2);
}

/* Open vSwitch's "MAC table overflow fairness", with our table. */
static void
test_a_flooding_port_takes_no_more_than_its_share(void **state)
{
	tear_down(state);
	assert_int_equal(set_up_size(10), 0);
	for (uint16_t p = 1; p <= 5; p++)
		for (uint32_t i = 0; i < 2; i++)
			bf_fdb_learn(f, key_of(0, p * 100u + i), p);
	assert_int_equal(f->count, 10);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(bf_fdb_learn(f, key_of(0, 1000 + i), 6), BF_FDB_NEW);
	assert_int_equal(f->count, 10);
	assert_int_equal(f->port_count[6], 3);
	for (uint16_t p = 1; p <= 5; p++)
		assert_in_range(f->port_count[p], 1, 2);
	expect_consistent();
}

/* A host's virtual machines have addresses that differ in the last octet alone. */
static void
test_stations_that_count_up_in_the_last_octet_all_fit(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 250; i++)
		bf_fdb_learn(f, counted_key(i), (uint16_t)(i % 4));
	assert_int_equal(f->count, 250);
	for (uint32_t i = 0; i < 250; i++)
		assert_int_equal(where(counted_key(i)), (int)(i % 4));
}

/* Half the table, counted in the last two octets: none is put out, whatever the daemon drew when it started. */
static void
test_stations_in_a_row_all_fit_with_each_hash_that_is_drawn(void **state)
{
	for (uint32_t draw = 1; draw <= 500; draw++) {
		tear_down(state);
		rte_srand(draw);
		f = bf_fdb_create(2048, PORTS, SOCKET_ID_ANY);
		assert_non_null(f);
		for (uint32_t i = 0; i < 1000; i++)
			bf_fdb_learn(f,
				BF_FDB_KEY(0,
					0x005452ULL | (uint64_t)(i >> 8) << 32 |
						(uint64_t)(i & 0xff) << 40),
				(uint16_t)(i % 4));
		assert_int_equal(f->count, 1000);
		assert_int_equal(f->evicted, 0);
	}
}

/* A router has one address in every VLAN; the table has its usual size. */
static void
test_one_address_in_a_thousand_vlans_is_found_in_each(void **state)
{
	tear_down(state);
	assert_int_equal(set_up_size(16384), 0);
	for (uint16_t vlan = 1; vlan <= 1000; vlan++)
		bf_fdb_learn(f, key_of(vlan, 1), 3);
	assert_int_equal(f->count, 1000);
	for (uint16_t vlan = 1; vlan <= 1000; vlan++)
		assert_int_equal(where(key_of(vlan, 1)), 3);
}

static void
test_static_stations_stay_where_they_are(void **state)
{
	(void)state;
	bf_fdb_learn(f, key_of(0, 1), 3);
	assert_int_equal(bf_fdb_add_static(f, key_of(0, 1), 4), 0);
	assert_int_equal(where(key_of(0, 1)), 4);
	assert_int_equal(bf_fdb_learn(f, key_of(0, 1), 5), BF_FDB_REFUSED);
	assert_int_equal(where(key_of(0, 1)), 4);
	assert_int_equal(f->n_static, 1);
	assert_int_equal(bf_fdb_flush(f), 0);
	assert_int_equal(bf_fdb_flush_port(f, 4, false), 0);
	assert_int_equal(where(key_of(0, 1)), 4);
	for (uint32_t i = 1000; i < 5000; i++)
		bf_fdb_learn(f, key_of(0, i), 6);
	assert_int_equal(where(key_of(0, 1)), 4);
	assert_int_equal(bf_fdb_flush_port(f, 4, true), 1);
	assert_int_equal(f->n_static, 0);
	expect_consistent();
}

static void
test_a_table_full_of_static_stations_refuses(void **state)
{
	int ret = 0;

	tear_down(state);
	assert_int_equal(set_up_size(64), 0);
	for (uint32_t i = 0; i < 64 && ret == 0; i++)
		ret = bf_fdb_add_static(f, key_of(0, i), 1);
	assert_int_equal(ret, 0);
	assert_int_equal(bf_fdb_add_static(f, key_of(0, 100), 1), -ENOSPC);
	assert_int_equal(bf_fdb_learn(f, key_of(0, 100), 2), BF_FDB_REFUSED);
	assert_int_equal(f->count, 64);
	expect_consistent();
}

/* One port holds most entries, all static; another port's dynamic ones can still give way. */
static void
test_many_static_stations_do_not_end_learning(void **state)
{
	tear_down(state);
	assert_int_equal(set_up_size(64), 0);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(bf_fdb_add_static(f, key_of(0, i), 1), 0);
	for (uint32_t i = 100; i < 124; i++)
		bf_fdb_learn(f, key_of(0, i), 2);
	assert_int_equal(f->count, 64);
	assert_int_equal(bf_fdb_learn(f, key_of(0, 1000), 3), BF_FDB_NEW);
	assert_int_equal(bf_fdb_add_static(f, key_of(0, 1001), 3), 0);
}

static void
test_flushing_a_port_leaves_the_others(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		bf_fdb_learn(f, key_of(0, i), (uint16_t)(i % 2));
	assert_int_equal(bf_fdb_flush_port(f, 1, true), 100);
	assert_int_equal(f->count, 100);
	assert_int_equal(bf_fdb_flush_port(f, 1, true), 0);
	assert_int_equal(bf_fdb_flush(f), 100);
	assert_int_equal(f->count, 0);
	assert_int_equal(bf_fdb_del(f, key_of(0, 0)), -ENOENT);
	expect_consistent();
}

static void
test_a_port_is_flushed_with_or_without_its_static_stations(void **state)
{
	uint32_t epoch;

	(void)state;
	for (uint32_t i = 0; i < 90; i++)
		bf_fdb_learn(f, key_of(0, i), (uint16_t)(i % 3));
	for (uint32_t i = 100; i < 110; i++)
		bf_fdb_add_static(f, key_of(0, i), (uint16_t)(i % 2));
	bf_fdb_add_static(f, key_of(0, 1), 1); /* was dynamic */
	bf_fdb_learn(f, key_of(0, 4), 2); /* was on port 1 */
	assert_int_equal(bf_fdb_flush_port(f, 1, false), 28);
	expect_consistent();
	assert_int_equal(f->port_count[1], 6);
	bf_fdb_commit(f);
	epoch = f->epoch;
	assert_int_equal(bf_fdb_flush_port(f, 1, false), 0);
	assert_int_equal(bf_fdb_flush_port(f, PORTS - 1, true), 0);
	bf_fdb_commit(f);
	assert_int_equal(f->epoch, epoch);
	assert_int_equal(bf_fdb_flush_port(f, 1, true), 6);
	bf_fdb_commit(f);
	assert_int_not_equal(f->epoch, epoch);
	assert_int_equal(f->n_static, 5);
	assert_int_equal(bf_fdb_flush_port(f, 0, true), 35);
	assert_int_equal(bf_fdb_flush(f), 31);
	assert_int_equal(f->count, 0);
	expect_consistent();
	bf_fdb_learn(f, key_of(0, 1), 1);
	assert_int_equal(where(key_of(0, 1)), 1);
}

static void
test_the_epoch_changes_when_a_cached_decision_may_be_wrong(void **state)
{
	uint32_t e = bf_fdb_epoch(f);

	(void)state;
	bf_fdb_learn(f, key_of(0, 1), 3);
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_epoch(f), e); /* new: only floods may be wrong */
	bf_fdb_learn(f, key_of(0, 1), 4); /* moved */
	assert_int_equal(bf_fdb_epoch(f), e); /* not before the batch is whole */
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_epoch(f), e + 1);
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_epoch(f), e + 1);
	bf_fdb_del(f, key_of(0, 1));
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_epoch(f), e + 2);
	bf_fdb_add_static(f, key_of(0, 2), 1);
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_epoch(f), e + 3);
	bf_fdb_set_now(f, 1001); /* a second: cached sources must come by */
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_epoch(f), e + 4);
	bf_fdb_set_now(f, 1001);
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_epoch(f), e + 4);
}

static void
test_arrivals_change_when_a_cached_flood_may_be_wrong(void **state)
{
	uint32_t a = bf_fdb_arrivals(f), e = bf_fdb_epoch(f);

	(void)state;
	bf_fdb_learn(f, key_of(0, 1), 3);
	assert_int_equal(bf_fdb_arrivals(f), a);
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_arrivals(f), a + 1);
	bf_fdb_learn(f, key_of(0, 1), 3); /* known */
	bf_fdb_commit(f);
	assert_int_equal(bf_fdb_arrivals(f), a + 1);
	bf_fdb_set_quota(f, 5, 10);
	for (uint32_t i = 100; i < 200; i++) { /* a storm evicts its own, and nobody decides anew */
		bf_fdb_learn(f, key_of(0, i), 5);
		bf_fdb_commit(f);
	}
	assert_int_equal(f->evicted, 90);
	assert_int_equal(bf_fdb_epoch(f), e);
	assert_int_equal(bf_fdb_arrivals(f), a + 101);
}

static void
test_a_hundred_thousand_random_stations_fit_and_are_found(void **state)
{
	const uint32_t n = 100000;
	uint64_t seed = 7, check = 7;

	tear_down(state);
	assert_int_equal(set_up_size(n), 0);
	for (uint16_t p = 0; p < PORTS; p++)
		bf_fdb_set_quota(f, p, n);
	for (uint32_t i = 0; i < n; i++)
		bf_fdb_learn(f, draw(&seed) >> 5 | 2, (uint16_t)(i % PORTS));
	/* Both buckets of a key can be full before the table is: that costs few stations. */
	assert_in_range(f->count, n - n / 500, n);
	for (uint32_t i = 0, lost = 0; i < n; i++) {
		int at = where(draw(&check) >> 5 | 2);

		lost += at == -1;
		assert_true(at == -1 || at == (int)(i % PORTS));
		assert_true(lost <= n / 500);
	}
	for (uint32_t i = 0; i < n; i++)
		bf_fdb_learn(f, draw(&seed) >> 5 | 2, (uint16_t)(i % PORTS));
	assert_true(f->count <= n);
	expect_consistent();
}

/* Random orders against an array that knows where each of few stations is. */
static void
test_random_orders_agree_with_a_plain_array(void **state)
{
	int at[256];
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < 256; i++)
		at[i] = -1;
	for (int i = 0; i < 200000; i++) {
		uint32_t n = draw_below(&seed, 256), what = draw_below(&seed, 100);
		uint16_t port = (uint16_t)draw_below(&seed, 8);

		if (what < 80) {
			assert_int_not_equal(
				bf_fdb_learn(f, key_of(n & 3, n), port), BF_FDB_REFUSED);
			at[n] = port;
		} else if (what < 99) {
			assert_int_equal(bf_fdb_del(f, key_of(n & 3, n)), at[n] < 0 ? -ENOENT : 0);
			at[n] = -1;
		} else {
			bf_fdb_flush_port(f, port, false);
			for (int k = 0; k < 256; k++)
				at[k] = at[k] == port ? -1 : at[k];
		}
		assert_int_equal(where(key_of(n & 3, n)), at[n]);
	}
	for (uint32_t n = 0; n < 256; n++)
		assert_int_equal(where(key_of(n & 3, n)), at[n]);
	expect_consistent();
}

#define SHARED_KEYS 1500 /* more than the table holds */

struct reader {
	uint32_t stop;
	uint64_t lookups, hits, wrong;
};

/* Station n is only ever learned behind the ports n % 16 and n % 16 + 16. */
static void *
read_on(void *arg)
{
	struct reader *r = arg;
	uint64_t seed = 5;
	uint16_t port = 0;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		uint32_t n = draw_below(&seed, SHARED_KEYS);

		r->lookups++;
		if (bf_fdb_find(f, key_of(0, n), &port) == NULL)
			continue;
		r->hits++;
		r->wrong += port != n % 16 && port != n % 16 + 16;
	}
	return NULL;
}

static void
test_a_reader_beside_a_million_writes_sees_no_foreign_port(void **state)
{
	struct reader r = {0};
	uint64_t seed = 6;
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, read_on, &r), 0);
	for (int i = 0; i < 1000000; i++) {
		uint32_t n = draw_below(&seed, SHARED_KEYS);

		if (draw_below(&seed, 8) == 0)
			bf_fdb_del(f, key_of(0, n));
		else
			bf_fdb_learn(f, key_of(0, n), (uint16_t)(n % 16 + 16 * (draw(&seed) & 1)));
	}
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	assert_true(r.lookups > 0);
	assert_int_equal(r.wrong, 0);
	expect_consistent();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
		T(test_sizes_out_of_range_are_refused),
		T(test_a_station_is_found_behind_the_port_that_heard_it),
		T(test_vlans_have_stations_of_their_own),
		T(test_the_key_of_no_station_is_never_found),
		T(test_a_station_that_moves_is_at_its_new_port_only),
		T(test_stations_age_out_when_not_heard),
		T(test_ageing_in_small_steps_reaches_every_bucket_in_one_turn),
		T(test_an_announcement_of_long_ago_is_not_one_of_now),
		T(test_ageing_0_forgets_nobody),
		T(test_a_port_at_its_quota_replaces_its_own_stations),
		T(test_stations_that_are_pinned_take_no_room_of_learned_ones),
		T(test_a_quota_is_kept_by_replacing_in_a_large_table_too),
		T(test_at_a_quota_the_stations_not_heard_for_longest_go_first),
		T(test_a_flooding_port_takes_no_more_than_its_share),
		T(test_stations_that_count_up_in_the_last_octet_all_fit),
		T(test_stations_in_a_row_all_fit_with_each_hash_that_is_drawn),
		T(test_one_address_in_a_thousand_vlans_is_found_in_each),
		T(test_static_stations_stay_where_they_are),
		T(test_a_table_full_of_static_stations_refuses),
		T(test_many_static_stations_do_not_end_learning),
		T(test_flushing_a_port_leaves_the_others),
		T(test_a_port_is_flushed_with_or_without_its_static_stations),
		T(test_the_epoch_changes_when_a_cached_decision_may_be_wrong),
		T(test_arrivals_change_when_a_cached_flood_may_be_wrong),
		T(test_a_hundred_thousand_random_stations_fit_and_are_found),
		T(test_random_orders_agree_with_a_plain_array),
		T(test_a_reader_beside_a_million_writes_sees_no_foreign_port),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
