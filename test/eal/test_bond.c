/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bond over the real bonding PMD with ring and null members, on a fake clock: modes, buckets,
 * the active member, delays, MTU, refusals.
 *
 * A pulled cable is rte_eth_dev_set_link_down() of a ring port.  Ethdev calls are wrapped, so
 * that a member can be given limits and speeds that no software driver has.
 *
 * Threads: one; the EAL's interrupt thread polls links for the PMD.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>

#include <rte_alarm.h>
#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "control/bond/bond.h"
#include "control/bond/link_detect.h"
#include "control/loop/intr.h"
#include "control/loop/notify.h"
#include "dataplane/member.h"
#include "rig.h"

#define N_PORTS 6

static struct bf_lcores lcores;
static struct bf_events events;
static struct bf_fdb *fdb;
static struct bf_bond b;
static struct bf_bond_config cfg;
static struct bf_view view;
static struct bf_err err;
static uint16_t port[N_PORTS];
static uint64_t now;

static int picky_port = -1; /* takes MTUs up to picky_mtu and refuses others when set */
static uint16_t picky_mtu;
static int stubborn_port = -1; /* fails to set any MTU */

int __real_rte_eth_dev_info_get(uint16_t p, struct rte_eth_dev_info *info);
int __wrap_rte_eth_dev_info_get(uint16_t p, struct rte_eth_dev_info *info);
int __real_rte_eth_dev_set_mtu(uint16_t p, uint16_t mtu);
int __wrap_rte_eth_dev_set_mtu(uint16_t p, uint16_t mtu);
static uint16_t mtu_of[RTE_MAX_ETHPORTS];

int
__wrap_rte_eth_dev_info_get(uint16_t p, struct rte_eth_dev_info *info)
{
	int ret = __real_rte_eth_dev_info_get(p, info);

	if (p == picky_port)
		info->max_mtu = picky_mtu;
	return ret;
}

int
__wrap_rte_eth_dev_set_mtu(uint16_t p, uint16_t mtu)
{
	if (p == stubborn_port)
		return -EIO;
	mtu_of[p] = mtu;
	return 0;
}

static uint32_t speed_of[RTE_MAX_ETHPORTS]; /* not 0: what the driver says from now on */

int __real_rte_eth_link_get_nowait(uint16_t p, struct rte_eth_link *link);
int __wrap_rte_eth_link_get_nowait(uint16_t p, struct rte_eth_link *link);

static pthread_t asker; /* whose questions are counted here, those of others there */
static unsigned int asked_here, asked_there;

int
__wrap_rte_eth_link_get_nowait(uint16_t p, struct rte_eth_link *link)
{
	unsigned int *asked = pthread_equal(pthread_self(), asker) ? &asked_here : &asked_there;
	int ret = __real_rte_eth_link_get_nowait(p, link);

	__atomic_fetch_add(asked, 1, __ATOMIC_RELAXED);
	if (speed_of[p] != 0)
		link->link_speed = speed_of[p];
	return ret;
}

static void
parse(const char *pairs)
{
	bf_bond_config_init(&cfg);
	if (bf_bond_config_parse(&cfg, pairs, &err) != 0)
		fail_msg("%s", err.text);
}

static void
reopen_bond(const char *pairs)
{
	parse(pairs);
	if (bf_bond_open(&b, &cfg, now, &err) != 0)
		fail_msg("%s", err.text);
}

/* A bond without a past. */
static void
open_bond(const char *pairs)
{
	bf_bond_keep(&b, "", "");
	reopen_bond(pairs);
}

static int
add_member(const char *name)
{
	struct bf_member_config want;

	bf_member_config_init(&want);
	snprintf(want.name, sizeof(want.name), "%s", name);
	return bf_bond_member_add(&b, &want, now, &err);
}

static void
at(uint64_t ms)
{
	now = ms;
	bf_bond_tick(&b, now);
	memset(&view, 0, sizeof(view));
	bf_bond_fill_view(&b, &view);
}

static void
cable(unsigned int i, bool in)
{
	assert_int_equal(
		in ? rte_eth_dev_set_link_up(port[i]) : rte_eth_dev_set_link_down(port[i]), 0);
}

static int
group_set_up(void **state)
{
	(void)state;
	if (!rig_eal() || bf_notify_open() != 0)
		return -1;
	fdb = bf_fdb_create(1024, BF_MAX_PORTS, SOCKET_ID_ANY);
	if (fdb == NULL || bf_lcores_open(&lcores, fdb, &err) != 0)
		return -1;
	for (unsigned int i = 0; i < N_PORTS; i++) {
		char name[16];
		struct rte_ring *ring;

		snprintf(name, sizeof(name), "m%u", i);
		ring = rte_ring_create(name, 256, SOCKET_ID_ANY, 0);
		port[i] = (uint16_t)rte_eth_from_rings(name, &ring, 1, &ring, 1, 0);
	}
	return rte_vdev_init("net_null0", "") == 0 && rte_vdev_init("net_null1", "") == 0 ? 0 : -1;
}

static int
group_tear_down(void **state)
{
	(void)state;
	bf_lcores_close(&lcores);
	bf_fdb_destroy(fdb);
	bf_notify_close();
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	now = 10000;
	memset(&events, 0, sizeof(events));
	picky_port = stubborn_port = -1;
	return bf_bond_init(&b, 0, &lcores, &events, &err);
}

static int
tear_down(void **state)
{
	struct bf_notice n;
	void *m;

	(void)state;
	bf_bond_fini(&b);
	while (rte_ring_sc_dequeue(lcores.inject, &m) == 0)
		rte_pktmbuf_free(m);
	while (bf_notify_take(&n))
		;
	return 0;
}

/* Ring ports have no address of their own. */
#define FOUR \
	"lacp_system_id=02:00:00:00:00:01," \
	"member=net_ring_m0,member=net_ring_m1,member=net_ring_m2,member=net_ring_m3"

static void
test_every_mode_opens_and_sends_in_its_way(void **state)
{
	static const struct {
		const char *mode;
		uint8_t tx;
		bool lag, sends;
	} table[] = {{"balance-rr", BF_TX_RR, true, true},
		{"active-backup", BF_TX_ORDER, false, true},
		{"balance-xor", BF_TX_BUCKET, true, true},
		{"broadcast", BF_TX_BROADCAST, false, true}, {"802.3ad", BF_TX_BUCKET, true, false},
		{"balance-tlb", BF_TX_BUCKET, false, true},
		{"balance-alb", BF_TX_BUCKET, false, true}};
	char pairs[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(pairs, sizeof(pairs), "mode=%s,%s", table[i].mode, FOUR);
		open_bond(pairs);
		at(now + 10);
		assert_int_equal(view.bonds[0].tx, table[i].tx);
		assert_int_equal(view.bonds[0].lag, table[i].lag);
		assert_int_equal(view.bonds[0].n_members, 4);
		assert_int_equal(view.bonds[0].eligible, table[i].sends ? 15 : 0);
		assert_int_equal(view.ports[0].max_len, 1522);
		bf_bond_close(&b);
		assert_false(b.open);
	}
}

static void
on_alarm(void *arg)
{
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
}

static void
test_the_interrupt_thread_has_done_what_was_due_before(void **state)
{
	bool rang = false;

	(void)state;
	assert_int_equal(rte_eal_alarm_set(5000, on_alarm, &rang), 0);
	bf_intr_wait(5);
	assert_true(__atomic_load_n(&rang, __ATOMIC_ACQUIRE));
}

static void
test_drivers_are_asked_where_the_pmd_asks_them(void **state)
{
	(void)state;
	asker = pthread_self();
	asked_here = asked_there = 0;
	open_bond("mode=balance-xor,mon_period=1," FOUR);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 15);
	assert_int_equal(asked_here, 0);
	assert_true(__atomic_load_n(&asked_there, __ATOMIC_RELAXED) >= 8);
}

static void
test_the_pmd_does_not_ask_while_a_member_starts_anew(void **state)
{
	(void)state;
	open_bond("mode=active-backup,mon_period=1," FOUR);
	assert_false(bf_link_detect_is_quiet(&b));
	bf_link_detect_pause(&b);
	assert_true(bf_link_detect_is_quiet(&b));
	bf_link_detect_set_period(&b);
	bf_link_detect_pause(&b);
	assert_true(bf_link_detect_is_quiet(&b));
}

static void
test_a_mode_changes_without_opening_anew(void **state)
{
	uint16_t was;

	(void)state;
	open_bond("mode=active-backup," FOUR);
	was = b.port;
	for (uint32_t mode = 0; mode < BF_MODE_COUNT; mode++) {
		cfg.mode = mode;
		assert_false(bf_bond_needs_reopen(&b, &cfg));
		assert_int_equal(bf_bond_reconfigure(&b, &cfg, now, &err), 0);
		at(now + 20000);
		assert_int_equal(b.port, was);
		assert_int_equal(b.lacp != NULL, mode == BF_MODE_8023AD);
	}
}

static void
test_null_ports_can_be_members(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,member=net_null0,member=net_null1");
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 3);
}

static void
test_buckets_are_dealt_evenly(void **state)
{
	unsigned int n[4] = {0};

	(void)state;
	open_bond("mode=balance-xor," FOUR);
	at(now + 10);
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		n[view.bonds[0].bucket[k]]++;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(n[i], 64);
}

static void
spare_is(unsigned int member, bool on)
{
	cfg.members[member].spare = on;
	assert_int_equal(bf_bond_reconfigure(&b, &cfg, now, &err), 0);
	at(now + 10);
}

static void
test_a_spare_serves_in_place_of_a_lost_member_and_only_then(void **state)
{
	static const uint32_t modes[] = {
		BF_MODE_RR, BF_MODE_XOR, BF_MODE_BROADCAST, BF_MODE_TLB, BF_MODE_ALB};

	(void)state;
	open_bond("mode=balance-xor," FOUR);
	for (unsigned int k = 0; k < RTE_DIM(modes); k++) {
		cfg.mode = modes[k];
		spare_is(3, true);
		assert_int_equal(view.bonds[0].eligible, 7);
		assert_int_equal(view.bonds[0].standby, 8);
		cable(1, false);
		at(now + 10);
		assert_int_equal(view.bonds[0].eligible, 13);
		assert_int_equal(view.bonds[0].standby, 0);
		cable(1, true);
		at(now + 10);
		assert_int_equal(view.bonds[0].eligible, 7);
	}
	spare_is(3, false);
	assert_int_equal(view.bonds[0].eligible, 15);
}

static void
test_a_lost_members_buckets_go_to_the_spare_and_no_others(void **state)
{
	uint8_t before[BF_BUCKETS];

	(void)state;
	open_bond("mode=balance-xor," FOUR);
	spare_is(3, true);
	memcpy(before, view.bonds[0].bucket, sizeof(before));
	cable(1, false);
	at(now + 10);
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		assert_int_equal(view.bonds[0].bucket[k], before[k] == 1 ? 3 : before[k]);
}

static void
test_a_spare_serves_for_a_member_without_a_device(void **state)
{
	(void)state;
	open_bond("mode=balance-xor," FOUR);
	spare_is(3, true);
	bf_bond_set_absent(&b, 1, now);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 15);
	bf_bond_set_absent(&b, 0, now);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 7);
}

static void
test_only_a_lost_members_buckets_move_and_they_come_back(void **state)
{
	uint8_t before[BF_BUCKETS];
	unsigned int n[4] = {0};

	(void)state;
	open_bond("mode=balance-xor," FOUR);
	at(now + 10);
	memcpy(before, view.bonds[0].bucket, sizeof(before));
	cable(1, false);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 13);
	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		if (before[k] != 1)
			assert_int_equal(view.bonds[0].bucket[k], before[k]);
		assert_int_not_equal(view.bonds[0].bucket[k], 1);
		/* what workers do before the view arrives */
		if (before[k] == 1)
			assert_int_equal(view.bonds[0].bucket[k], bf_bond_stand_in(13, (uint8_t)k));
		n[view.bonds[0].bucket[k]]++;
	}
	for (unsigned int i = 0; i < 4; i++)
		if (i != 1)
			assert_in_range(n[i], 75, 96);
	cable(1, true);
	at(now + 10);
	assert_memory_equal(before, view.bonds[0].bucket, sizeof(before));
}

static unsigned int
moved(const uint8_t *before)
{
	unsigned int n = 0;

	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		n += before[k] != view.bonds[0].bucket[k];
	return n;
}

static void
test_a_new_member_takes_its_share_and_no_more(void **state)
{
	uint8_t before[BF_BUCKETS];

	(void)state;
	open_bond("mode=balance-xor,member=net_ring_m0,member=net_ring_m1,member=net_ring_m2");
	at(now + 10);
	memcpy(before, view.bonds[0].bucket, sizeof(before));
	assert_int_equal(add_member("net_ring_m3"), 0);
	at(now + 10);
	assert_in_range(moved(before), 60, 66);
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		if (before[k] != view.bonds[0].bucket[k])
			assert_int_equal(view.bonds[0].bucket[k], 3);
}

static void
test_a_member_that_leaves_moves_its_own_buckets_only(void **state)
{
	uint8_t before[BF_BUCKETS];

	(void)state;
	open_bond("mode=balance-xor," FOUR);
	at(now + 10);
	memcpy(before, view.bonds[0].bucket, sizeof(before));
	bf_bond_member_remove(&b, "net_ring_m2", now);
	at(now + 10);
	assert_int_equal(b.n_members, 3);
	assert_int_equal(moved(before), 64);
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		if (before[k] != view.bonds[0].bucket[k])
			assert_int_equal(before[k], 2);
	assert_int_equal(add_member("net_ring_m4"), 0);
	at(now + 10);
	assert_int_equal(view.bonds[0].member[2], port[4]); /* the free number */
	assert_int_equal(view.bonds[0].eligible, 15);
}

static void
test_members_may_come_and_go_many_times(void **state)
{
	char name[16];

	(void)state;
	open_bond("mode=balance-xor,member=net_ring_m0");
	for (unsigned int i = 0; i < 60; i++) {
		unsigned int n[BF_MAX_MEMBERS] = {0};

		snprintf(name, sizeof(name), "net_ring_m%u", 1 + i % 5);
		if (bf_bond_config_member(&b.cfg, name) < 0)
			assert_int_equal(add_member(name), 0);
		else
			bf_bond_member_remove(&b, name, now);
		at(now + 100);
		assert_int_equal(__builtin_popcount(view.bonds[0].eligible), b.n_members);
		for (unsigned int k = 0; k < BF_BUCKETS; k++) {
			assert_true(view.bonds[0].eligible & 1u << view.bonds[0].bucket[k]);
			n[view.bonds[0].bucket[k]]++;
		}
		for (unsigned int m = 0; m < BF_MAX_MEMBERS; m++)
			if (view.bonds[0].eligible & 1u << m)
				assert_in_range(n[m], BF_BUCKETS / b.n_members - 1,
					BF_BUCKETS / b.n_members + 1);
	}
}

static void
test_an_unknown_member_is_named_with_the_known_ones(void **state)
{
	(void)state;
	parse("member=net_ring_m0,member=nothing7");
	assert_true(bf_bond_check(&b, &cfg, &err) < 0);
	assert_has(err.text, "\"nothing7\": no such device");
	assert_has(err.text, "net_ring_m1");
	assert_true(bf_bond_open(&b, &cfg, now, &err) < 0);
	assert_false(b.open);
	parse("member=net_ring_m0");
	assert_int_equal(bf_bond_check(&b, &cfg, &err), 0);
	assert_int_equal(bf_bond_open(&b, &cfg, now, &err), 0);
	assert_true(add_member("nothing7") < 0);
	assert_int_equal(b.n_members, 1);
	assert_int_equal(b.cfg.n_members, 1);
}

static void
test_too_few_queues_are_named(void **state)
{
	unsigned int n = lcores.n;

	(void)state;
	parse("member=net_ring_m0");
	lcores.n = 2;
	assert_int_equal(bf_bond_check(&b, &cfg, &err), -EINVAL);
	lcores.n = n;
	assert_has(err.text, "\"net_ring_m0\"");
	assert_has(err.text, "expected at least 2");
}

static void
test_an_mtu_a_member_does_not_take_is_refused(void **state)
{
	(void)state;
	picky_port = port[1];
	picky_mtu = 2000;
	parse("member=net_ring_m0,member=net_ring_m1,mtu=9000");
	assert_int_equal(bf_bond_check(&b, &cfg, &err), -EINVAL);
	assert_has(err.text, "mtu: \"9000\": member net_ring_m1");
	cfg.mtu = 2000;
	assert_int_equal(bf_bond_check(&b, &cfg, &err), 0);
}

static void
test_an_mtu_change_is_all_or_nothing(void **state)
{
	(void)state;
	open_bond("mode=balance-xor," FOUR);
	for (unsigned int i = 0; i < 4; i++)
		mtu_of[port[i]] = 1500;
	stubborn_port = port[2];
	cfg.mtu = 1600;
	assert_true(bf_bond_reconfigure(&b, &cfg, now, &err) < 0);
	assert_has(err.text, "mtu: \"1600\": member net_ring_m2");
	assert_int_equal(b.cfg.mtu, 1500);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(mtu_of[port[i]], 1500);
	stubborn_port = -1;
	assert_int_equal(bf_bond_reconfigure(&b, &cfg, now, &err), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(mtu_of[port[i]], 1600);
	at(now + 10);
	assert_int_equal(view.ports[0].max_len, 1622);
	cfg.mtu = 9000;
	assert_true(bf_bond_needs_reopen(&b, &cfg)); /* the pool's buffers are too small */
}

static void
test_a_device_in_the_bonds_name_is_refused(void **state)
{
	(void)state;
	assert_int_equal(rte_vdev_init("net_bonding_other", "mode=1"), 0);
	parse("name=other,member=net_ring_m0");
	assert_int_equal(bf_bond_check(&b, &cfg, &err), -EEXIST);
	assert_has(err.text, "\"other\"");
	parse("name=fresh,member=net_bonding_other");
	assert_int_equal(bf_bond_check(&b, &cfg, &err), -EINVAL);
	assert_has(err.text, "is a bond");
	rte_vdev_uninit("net_bonding_other");
}

struct ab_step {
	int down, up, drain; /* member number + 1, 0: nothing */
	int active;
};

struct ab_case {
	const char *name, *pairs;
	struct ab_step steps[6];
};

static const struct ab_case ab_cases[] = {
	{"no primary: stays where it is", "",
		{{0, 0, 0, 0}, {1, 0, 0, 1}, {0, 1, 0, 1}, {2, 0, 0, 0}, {0, 2, 0, 0}}},
	{"always: the primary comes back", "primary=net_ring_m1,primary_reselect=always",
		{{0, 0, 0, 1}, {2, 0, 0, 0}, {0, 2, 0, 1}}},
	{"failure: not before the active one fails", "primary=net_ring_m1,primary_reselect=failure",
		{{0, 0, 0, 1}, {2, 0, 0, 0}, {0, 2, 0, 0}, {1, 0, 0, 1}}},
	{"better: not for the same speed", "primary=net_ring_m1,primary_reselect=better",
		{{0, 0, 0, 1}, {2, 0, 0, 0}, {0, 2, 0, 0}}},
	{"all gone and back", "primary=net_ring_m2",
		{{0, 0, 0, 2}, {3, 0, 0, 0}, {1, 0, 0, 1}, {2, 0, 0, -1}, {0, 1, 0, 0},
			{0, 3, 0, 2}}},
	{"a drained member hands over", "",
		{{0, 0, 0, 0}, {0, 0, 1, 1}, {2, 0, 0, 2}, {3, 0, 0, 0}}},
};

static void
ab_run(const struct ab_case *c)
{
	char pairs[256];

	snprintf(pairs, sizeof(pairs),
		"mode=active-backup,member=net_ring_m0,member=net_ring_m1,member=net_ring_m2%s%s",
		c->pairs[0] != '\0' ? "," : "", c->pairs);
	open_bond(pairs);
	for (unsigned int i = 0; i < 6; i++) {
		const struct ab_step *s = &c->steps[i];

		if (i > 0 && memcmp(s, &(struct ab_step){0}, sizeof(*s)) == 0)
			break;
		if (s->down != 0)
			cable((unsigned int)s->down - 1, false);
		if (s->up != 0)
			cable((unsigned int)s->up - 1, true);
		if (s->drain != 0) {
			cfg.members[s->drain - 1].drained = true;
			assert_int_equal(bf_bond_reconfigure(&b, &cfg, now, &err), 0);
		}
		at(now + 100);
		if (b.active != s->active)
			fail_msg("%s: step %u: active is %d, not %d", c->name, i, b.active,
				s->active);
		if (s->active >= 0)
			assert_int_equal(view.bonds[0].order[0], s->active);
	}
	bf_bond_close(&b);
	for (unsigned int i = 0; i < 3; i++)
		cable(i, true);
}

static void
test_the_active_member_is_chosen_by_the_rules_of_linux(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ab_cases) / sizeof(ab_cases[0]); i++)
		ab_run(&ab_cases[i]);
}

static void
test_a_higher_priority_is_preferred_when_one_must_be_chosen(void **state)
{
	(void)state;
	parse("mode=active-backup," FOUR);
	cfg.members[2].priority = 10;
	cfg.members[3].priority = 5;
	assert_int_equal(bf_bond_open(&b, &cfg, now, &err), 0);
	at(now + 10);
	assert_int_equal(b.active, 2);
	assert_int_equal(view.bonds[0].order[1], 3);
	cable(2, false);
	at(now + 10);
	assert_int_equal(b.active, 3);
	cable(2, true); /* reselect always: it takes over again, as in Linux */
	at(now + 10);
	assert_int_equal(b.active, 2);
}

static void
test_a_link_must_be_up_for_the_up_delay(void **state)
{
	uint64_t t;

	(void)state;
	open_bond("mode=balance-xor,up_delay=200,member=net_ring_m0,member=net_ring_m1");
	at(11000);
	assert_int_equal(view.bonds[0].eligible, 3); /* no delay at the start */
	cable(1, false);
	at(12000);
	assert_int_equal(view.bonds[0].eligible, 1);
	cable(1, true);
	for (t = 13000; t < 13200; t += 10) {
		at(t);
		assert_int_equal(view.bonds[0].eligible, 1);
	}
	at(13200);
	assert_int_equal(view.bonds[0].eligible, 3);
}

static void
test_a_link_that_flaps_begins_its_up_delay_again(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,up_delay=200,member=net_ring_m0,member=net_ring_m1");
	cable(1, false);
	at(12000);
	cable(1, true);
	at(12100);
	cable(1, false);
	at(12200);
	cable(1, true);
	at(12250);
	at(12440);
	assert_int_equal(view.bonds[0].eligible, 1);
	at(12450);
	assert_int_equal(view.bonds[0].eligible, 3);
}

static void
test_the_only_member_waits_for_no_delay(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,up_delay=60000,member=net_ring_m0,member=net_ring_m1");
	cable(0, false);
	cable(1, false);
	at(12000);
	assert_int_equal(view.bonds[0].eligible, 0);
	cable(1, true);
	at(12010);
	assert_int_equal(view.bonds[0].eligible, 2);
	cable(0, true);
	at(12020);
	assert_int_equal(view.bonds[0].eligible, 2);
}

static void
test_a_member_without_link_is_held_for_the_down_delay(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,down_delay=100,member=net_ring_m0,member=net_ring_m1");
	at(11000);
	cable(1, false);
	at(12000);
	assert_int_equal(view.bonds[0].eligible, 3);
	assert_true(view.bonds[0].hold & 2);
	at(12090);
	assert_int_equal(view.bonds[0].eligible, 3);
	at(12100);
	assert_int_equal(view.bonds[0].eligible, 1);
	cable(1, true);
	at(12200);
	assert_int_equal(view.bonds[0].eligible, 3);
}

static void
test_the_active_member_is_held_for_the_down_delay_too(void **state)
{
	(void)state;
	open_bond("mode=active-backup,down_delay=100,member=net_ring_m0,member=net_ring_m1");
	at(11000);
	assert_int_equal(b.active, 0);
	cable(0, false);
	at(12000);
	assert_int_equal(b.active, 0);
	cable(0, true); /* back within the delay: nothing has happened */
	at(12050);
	assert_int_equal(b.active, 0);
}

static void
test_a_member_may_have_delays_of_its_own(void **state)
{
	(void)state;
	parse("mode=balance-xor,up_delay=200,member=net_ring_m0,member=net_ring_m1,"
	      "member=net_ring_m2");
	assert_int_equal(bf_member_config_parse(&cfg.members[1], "up_delay=50", &err), 0);
	assert_int_equal(
		bf_member_config_parse(&cfg.members[2], "up_delay=0,down_delay=100", &err), 0);
	assert_int_equal(bf_bond_open(&b, &cfg, now, &err), 0);
	at(now + 10);
	cable(2, false);
	at(now + 10);
	assert_int_equal(view.bonds[0].hold, 4); /* held without link, as only it wants to be */
	at(now + 110);
	assert_int_equal(view.bonds[0].eligible, 3);
	cable(1, false);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 1);
	cable(1, true);
	cable(2, true);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 5); /* no delay, and one that runs */
	at(now + 49);
	assert_int_equal(view.bonds[0].eligible, 5);
	at(now + 1);
	assert_int_equal(view.bonds[0].eligible, 7);
	cable(0, false);
	at(now + 10);
	cable(0, true);
	at(now + 10);
	at(now + 199);
	assert_int_equal(view.bonds[0].eligible, 6); /* the bond's */
	at(now + 1);
	assert_int_equal(view.bonds[0].eligible, 7);
}

static void
test_the_member_that_was_active_before_a_restart_is_active_again(void **state)
{
	static const char two[] =
		"name=bond0,mode=active-backup,member=net_ring_m0,member=net_ring_m1";
	static const char primary[] = ",primary=net_ring_m0";
	char pairs[256];

	(void)state;
	bf_bond_keep(&b, "bond0", "net_ring_m1");
	reopen_bond(two);
	assert_int_equal(b.active, 1);
	bf_bond_close(&b);
	reopen_bond(two); /* opened anew, for a larger MTU for example */
	assert_int_equal(b.active, 1);
	bf_bond_close(&b);
	open_bond(two); /* its link is late, but in time */
	cable(1, false);
	at(now + 100);
	bf_bond_keep(&b, "bond0", "net_ring_m1");
	assert_int_equal(b.active, 0);
	cable(1, true);
	at(now + 100);
	assert_int_equal(b.active, 1);
	cable(1, false);
	at(now + 100);
	cable(1, true);
	at(now + 100);
	assert_int_equal(b.active, 0); /* that was once */
	bf_bond_close(&b);
	open_bond(two); /* too late */
	cable(1, false);
	at(now + 100);
	bf_bond_keep(&b, "bond0", "net_ring_m1");
	at(now + 3000);
	cable(1, true);
	at(now + 100);
	assert_int_equal(b.active, 0);
	bf_bond_close(&b);
	bf_bond_keep(&b, "bond0", "net_ring_m1"); /* what the operator wants goes first */
	snprintf(pairs, sizeof(pairs), "%s%s", two, primary);
	reopen_bond(pairs);
	assert_int_equal(b.active, 0);
	bf_bond_close(&b);
	bf_bond_keep(&b, "bond0", "net_ring_m1");
	snprintf(pairs, sizeof(pairs), "%s%s,primary_reselect=failure", two, primary);
	reopen_bond(pairs);
	assert_int_equal(b.active, 1);
	bf_bond_close(&b);
	bf_bond_keep(&b, "another", "net_ring_m1");
	reopen_bond(two);
	assert_int_equal(b.active, 0);
	bf_bond_close(&b);
	bf_bond_keep(&b, "bond0", "net_ring_m9"); /* no longer a member */
	reopen_bond(two);
	assert_int_equal(b.active, 0);
}

static char newest[400];

static void
keep_speed(void *arg, const struct bf_event *e)
{
	(void)arg;
	if (strcmp(e->what, "member_speed") == 0)
		snprintf(newest, sizeof(newest), "%d %s: %s", e->level, e->object, e->text);
}

static const char *
newest_speed_event(void)
{
	newest[0] = '\0';
	bf_events_visit(&events, keep_speed, NULL);
	return newest;
}

static void
test_a_speed_that_changes_is_an_event_and_counts_for_the_bond(void **state)
{
	static const struct {
		const char *mode;
		uint32_t speed; /* of 100 and 10000 */
	} table[] = {{"active-backup", 100}, {"broadcast", 100}, {"balance-xor", 10100},
		{"balance-rr", 10100}, {"balance-tlb", 10100}, {"802.3ad", 0}};
	char pairs[128];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		snprintf(pairs, sizeof(pairs),
			"name=bond0,mode=%s,member=net_ring_m0,member=net_ring_m1,mac=02:00:00:00:00:01",
			table[i].mode);
		open_bond(pairs);
		at(now + 10);
		assert_string_equal(newest_speed_event(), "");
		speed_of[port[0]] = 100;
		at(now + 2000);
		assert_string_equal(
			newest_speed_event(), "1 net_ring_m0: 100 Mbit/s, was 10000 Mbit/s");
		assert_int_equal(bf_bond_speed(&b), table[i].speed);
		speed_of[port[0]] = RTE_ETH_SPEED_NUM_UNKNOWN;
		at(now + 2000);
		assert_string_equal(
			newest_speed_event(), "1 net_ring_m0: unknown speed, was 100 Mbit/s");
		assert_int_equal(bf_bond_speed(&b), 0);
		speed_of[port[0]] = 0;
		bf_bond_close(&b);
		memset(&events, 0, sizeof(events));
	}
}

static unsigned int n_gone;

static void
count_gone(void *arg, const struct bf_event *e)
{
	(void)arg;
	n_gone += strcmp(e->what, "member_gone") == 0;
}

static void
expect_gone(unsigned int i)
{
	assert_int_equal(view.bonds[0].carrier->bits >> i & 1, 0);
	assert_true(b.members[i].gone);
	assert_false(b.members[i].usable);
	assert_int_not_equal(b.active, i);
	n_gone = 0;
	bf_events_visit(&events, count_gone, NULL);
	assert_int_equal(n_gone, 1);
}

static void
test_a_member_whose_device_is_taken_out_is_left_until_it_joins_again(void **state)
{
	(void)state;
	open_bond("name=bond0,mode=active-backup,member=net_ring_m0,member=net_ring_m1");
	at(now + 10);
	assert_int_equal(b.active, 0);
	/* What the EAL does when the kernel says so; the driver still says that the link is up. */
	rte_dev_event_callback_process("net_ring_m0", RTE_DEV_EVENT_REMOVE);
	assert_int_equal(view.bonds[0].carrier->bits & 1, 0); /* workers know before control does */
	bf_bond_on_link(&b, port[0], now);
	at(now + 10);
	expect_gone(0);
	at(now + 60000);
	expect_gone(0);
	bf_bond_member_remove(&b, "net_ring_m0", now);
	assert_int_equal(add_member("net_ring_m0"), 0);
	at(now + 10);
	assert_int_equal(__builtin_popcount(view.bonds[0].carrier->bits & 3), 2);
	assert_false(b.members[1].gone);
	/* A driver may say it as well; a device that is no member concerns nobody. */
	rte_dev_event_callback_process("net_ring_m3", RTE_DEV_EVENT_REMOVE);
	rte_dev_event_callback_process("no_such_device", RTE_DEV_EVENT_REMOVE);
	assert_int_equal(__builtin_popcount(view.bonds[0].carrier->bits & 3), 2);
}

static void
test_what_is_switched_off_stays_off_whatever_its_driver_says(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,member=net_ring_m0,member=net_ring_m1");
	at(now + 10);
	bf_bond_switch(&b, 0, false, now);
	cable(0, true); /* its driver reports a link */
	at(now + 1000);
	assert_int_equal(view.bonds[0].eligible, 2);
	bf_bond_switch(&b, -1, false, now);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 0);
	assert_int_equal(add_member("net_ring_m2"), 0); /* what joins a bond that is off is off */
	at(now + 10);
	assert_int_equal(view.bonds[0].carrier->bits & 7, 0);
	bf_bond_switch(&b, -1, true, now);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 6);
	bf_bond_switch(&b, 0, true, now);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 7);
}

static void
test_a_member_joins_with_its_settings(void **state)
{
	struct bf_member_config want;

	(void)state;
	open_bond("mode=active-backup,member=net_ring_m0");
	at(now + 10);
	bf_member_config_init(&want);
	memcpy(want.name, "net_ring_m1", sizeof("net_ring_m1"));
	assert_int_equal(bf_member_config_parse(&want, "priority=5,drained=on", &err), 0);
	assert_int_equal(bf_bond_member_add(&b, &want, now, &err), 0);
	assert_int_equal(b.active, 0); /* preferred, but drained from the first moment on */
	assert_true(b.members[1].drained);
	assert_int_equal(b.cfg.members[1].priority, 5);
}

static void
flap(unsigned int i)
{
	cable(i, false);
	at(now + 10);
	cable(i, true);
	at(now + 10);
}

static void
test_a_member_that_flaps_is_out_until_its_link_is_steady(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,flap_limit=3,flap_window=1000,flap_hold=5000,"
		  "member=net_ring_m0,member=net_ring_m1");
	at(now + 10);
	flap(1);
	at(now + 1000);
	flap(1);
	flap(1);
	assert_int_equal(view.bonds[0].eligible, 3); /* three, but not within the window */
	flap(1);
	assert_int_equal(view.bonds[0].eligible, 1);
	assert_true(b.members[1].damped);
	at(now + 4000);
	flap(1); /* begins anew */
	at(now + 4999);
	assert_int_equal(view.bonds[0].eligible, 1);
	at(now + 1);
	assert_int_equal(view.bonds[0].eligible, 3);
	assert_false(b.members[1].damped);
	flap(1);
	assert_int_equal(view.bonds[0].eligible, 3);
}

static void
test_a_member_that_flaps_is_used_when_it_is_the_only_one(void **state)
{
	(void)state;
	open_bond("mode=active-backup,flap_limit=2,flap_window=1000,flap_hold=5000,"
		  "member=net_ring_m0,member=net_ring_m1");
	at(now + 10);
	flap(1);
	flap(1);
	assert_true(b.members[1].damped);
	assert_int_equal(b.active, 0);
	cable(0, false);
	at(now + 10);
	assert_int_equal(b.active, 1);
	assert_int_equal(view.bonds[0].order[0], 1);
}

/* A driver with link interrupts is not polled, but its delays end when they end. */
static void
test_the_next_tick_is_due_when_a_delay_ends(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,down_delay=100,up_delay=50,member=net_ring_m0,"
		  "member=net_ring_m1");
	b.members[0].detect = b.members[1].detect = BF_LINK_INTERRUPT;
	at(11000);
	cable(1, false);
	bf_bond_on_link(&b, port[1], 11500);
	assert_true(bf_bond_tick(&b, 11500) <= 11600);
	at(11600);
	cable(1, true);
	bf_bond_on_link(&b, port[1], 11700);
	assert_true(bf_bond_tick(&b, 11700) <= 11750);
}

static void
test_draining_the_last_member_loses_no_frames(void **state)
{
	(void)state;
	open_bond("mode=balance-xor,member=net_ring_m0,member=net_ring_m1");
	cfg.members[0].drained = true;
	assert_int_equal(bf_bond_reconfigure(&b, &cfg, now, &err), 0);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 2);
	cfg.members[1].drained = true;
	assert_int_equal(bf_bond_reconfigure(&b, &cfg, now, &err), 0);
	at(now + 10);
	assert_int_equal(view.bonds[0].eligible, 3);
}

/* The PMD would end the process in the middle of its link handling. */
static void
test_a_member_without_memory_for_it_is_refused(void **state)
{
	static void *taken[4096];
	unsigned int n = 0;
	size_t size = 16 << 20;

	(void)state;
	open_bond("mode=802.3ad,lacp_system_id=02:00:00:00:00:01,member=net_ring_m0");
	at(now + 10);
	while (size >= 64 << 10 && n < 4096) {
		taken[n] = rte_malloc("test", size, 0);
		if (taken[n] != NULL)
			n++;
		else
			size /= 2;
	}
	assert_int_equal(add_member("net_ring_m1"), -ENOMEM);
	assert_has(err.text, "\"net_ring_m1\": out of memory");
	assert_int_equal(b.n_members, 1);
	while (n > 0)
		rte_free(taken[--n]);
	assert_int_equal(add_member("net_ring_m1"), 0);
	at(now + 10);
	assert_int_equal(b.n_members, 2);
}

static void
test_opening_and_closing_leaks_no_memory(void **state)
{
	struct rte_malloc_socket_stats s;
	size_t before = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		open_bond("mode=802.3ad," FOUR);
		at(now + 1000);
		bf_bond_close(&b);
		rte_malloc_get_socket_stats(0, &s);
		if (i == 3)
			before = s.heap_allocsz_bytes;
	}
	/* The PMD itself keeps a VLAN bitmap per creation: 1216 bytes on 22.11. */
	assert_in_range(s.heap_allocsz_bytes - before, 0, 16 * 2048);
}

static void
test_a_failed_opening_leaves_members_free(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		parse("member=net_ring_m0,member=net_ring_m1,member=nothing7");
		assert_true(bf_bond_open(&b, &cfg, now, &err) < 0);
		assert_false(b.open);
		open_bond("member=net_ring_m0,member=net_ring_m1");
		bf_bond_close(&b);
	}
}

static void
test_lacp_sends_on_every_member_and_distributes_on_none_without_partner(void **state)
{
	unsigned int n[N_PORTS] = {0};
	struct rte_mbuf *m;

	(void)state;
	open_bond("mode=802.3ad,lacp_rate=fast," FOUR);
	for (int i = 0; i < 40; i++)
		at(now + 100);
	assert_int_equal(view.bonds[0].eligible, 0);
	while (rte_ring_sc_dequeue(lcores.inject, (void **)&m) == 0) {
		for (unsigned int i = 0; i < 4; i++)
			n[i] += m->port == port[i];
		assert_int_equal(rte_pktmbuf_data_len(m), 124);
		rte_pktmbuf_free(m);
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_true(n[i] >= 1);
}

/* The LACPDU that was handed in last for each member: is the partner told to send? */
static unsigned int
told_by(unsigned int member)
{
	unsigned int state = 0xff;
	struct rte_mbuf *m, *all[256];
	unsigned int n = 0;

	while (rte_ring_sc_dequeue(lcores.inject, (void **)&m) == 0) {
		if (m->port == port[member] && rte_pktmbuf_data_len(m) == 124)
			state = rte_pktmbuf_mtod(m, const uint8_t *)[32];
		all[n++] = m;
		assert_true(n < RTE_DIM(all));
	}
	for (unsigned int i = 0; i < n; i++)
		rte_pktmbuf_free(all[i]);
	return state == 0xff ? 0xff : state & (BF_LACP_SYNC | BF_LACP_COLLECTING);
}

/* A fallback member is in sync without a partner, which serves as well here. */
static void
test_a_member_says_that_it_goes_before_it_is_switched_off_or_removed(void **state)
{
	(void)state;
	open_bond("mode=802.3ad,lacp_rate=fast,lacp_fallback=on," FOUR);
	for (int i = 0; i < 40; i++)
		at(now + 100);
	assert_true(b.members[0].distribute);
	assert_int_equal(told_by(0), BF_LACP_SYNC | BF_LACP_COLLECTING);
	bf_bond_switch(&b, 0, false, now);
	assert_int_equal(told_by(0), 0);
	for (int i = 0; i < 40; i++)
		at(now + 100);
	assert_true(b.members[1].distribute);
	told_by(1);
	bf_bond_leave(&b, 1, true, now);
	assert_int_equal(told_by(1), 0);
	assert_false(b.members[1].distribute);
	bf_bond_leave(&b, 1, false, now); /* it stays after all; who works meanwhile is kept */
	for (int i = 0; i < 40; i++)
		at(now + 100);
	assert_true(b.members[2].distribute);
	assert_int_equal(told_by(2), BF_LACP_SYNC | BF_LACP_COLLECTING);
	bf_bond_leave(&b, -1, true, now);
	assert_int_equal(told_by(2), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_every_mode_opens_and_sends_in_its_way),
		T(test_the_interrupt_thread_has_done_what_was_due_before),
		T(test_drivers_are_asked_where_the_pmd_asks_them),
		T(test_the_pmd_does_not_ask_while_a_member_starts_anew),
		T(test_a_mode_changes_without_opening_anew),
		T(test_null_ports_can_be_members),
		T(test_buckets_are_dealt_evenly),
		T(test_a_spare_serves_in_place_of_a_lost_member_and_only_then),
		T(test_a_lost_members_buckets_go_to_the_spare_and_no_others),
		T(test_a_spare_serves_for_a_member_without_a_device),
		T(test_only_a_lost_members_buckets_move_and_they_come_back),
		T(test_a_new_member_takes_its_share_and_no_more),
		T(test_a_member_that_leaves_moves_its_own_buckets_only),
		T(test_members_may_come_and_go_many_times),
		T(test_an_unknown_member_is_named_with_the_known_ones),
		T(test_too_few_queues_are_named),
		T(test_an_mtu_a_member_does_not_take_is_refused),
		T(test_an_mtu_change_is_all_or_nothing),
		T(test_a_device_in_the_bonds_name_is_refused),
		T(test_the_active_member_is_chosen_by_the_rules_of_linux),
		T(test_a_higher_priority_is_preferred_when_one_must_be_chosen),
		T(test_a_link_must_be_up_for_the_up_delay),
		T(test_a_link_that_flaps_begins_its_up_delay_again),
		T(test_the_only_member_waits_for_no_delay),
		T(test_a_member_without_link_is_held_for_the_down_delay),
		T(test_the_active_member_is_held_for_the_down_delay_too),
		T(test_a_member_joins_with_its_settings),
		T(test_a_member_whose_device_is_taken_out_is_left_until_it_joins_again),
		T(test_the_member_that_was_active_before_a_restart_is_active_again),
		T(test_what_is_switched_off_stays_off_whatever_its_driver_says),
		T(test_a_member_may_have_delays_of_its_own),
		T(test_a_member_that_flaps_is_out_until_its_link_is_steady),
		T(test_a_member_that_flaps_is_used_when_it_is_the_only_one),
		T(test_the_next_tick_is_due_when_a_delay_ends),
		T(test_a_speed_that_changes_is_an_event_and_counts_for_the_bond),
		T(test_draining_the_last_member_loses_no_frames),
		T(test_a_member_without_memory_for_it_is_refused),
		T(test_opening_and_closing_leaks_no_memory),
		T(test_a_failed_opening_leaves_members_free),
		T(test_a_member_says_that_it_goes_before_it_is_switched_off_or_removed),
		T(test_lacp_sends_on_every_member_and_distributes_on_none_without_partner),
	};
	int failed = cmocka_run_group_tests(tests, group_set_up, group_tear_down);

	rig_eal_end();
	return failed;
}
