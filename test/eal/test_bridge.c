/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Making the running state equal to a config: as a whole or not at all, touching only what
 * differs, leaking nothing.  Real sockets in a directory of our own.
 *
 * Threads: control; the front door's; in the last tests a worker lcore.
 */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/guests/rings.h"
#include "control/loop/notify.h"
#include "control/memory/pools.h"
#include "control/observe/health.h"
#include "control/observe/stats.h"
#include "dataplane/filter.h"
#include "dataplane/inject.h"
#include "dataplane/mailbox.h"
#include "dataplane/qos.h"
#include "dataplane/verdict.h"
#include "rig.h"

static struct bf_bridge *br;
static struct bf_config *want;
static struct bf_err err;
static char dir[64];

void __real_bf_rates_slot_gone(void *bridge, uint16_t slot);
void __wrap_bf_rates_slot_gone(void *bridge, uint16_t slot);
static unsigned int gone[BF_MAX_PORTS]; /* calls of one of the hooks, by slot */

void
__wrap_bf_rates_slot_gone(void *bridge, uint16_t slot)
{
	assert_null(br->guests[slot]);
	assert_int_equal(br->lcores.view->ports[slot].kind, BF_PORT_NONE);
	gone[slot]++;
	__real_bf_rates_slot_gone(bridge, slot);
}

void __real_bf_door_remove(struct bf_door_port *p);
void __wrap_bf_door_remove(struct bf_door_port *p);
static bool closed_in_sight; /* a guest was closed while the workers' view named a guest */

void
__wrap_bf_door_remove(struct bf_door_port *p)
{
	if (br != NULL && br->lcores.view != NULL &&
		br->lcores.view->ports[1].kind == BF_PORT_GUEST)
		closed_in_sight = true;
	__real_bf_door_remove(p);
}

int __real_rte_eth_stats_get(uint16_t port, struct rte_eth_stats *s);
int __wrap_rte_eth_stats_get(uint16_t port, struct rte_eth_stats *s);
static uint16_t bad_port; /* a device that counts what a test says */
static struct rte_eth_stats bad_stats;
static bool has_bad_port;

int
__wrap_rte_eth_stats_get(uint16_t port, struct rte_eth_stats *s)
{
	if (!has_bad_port || port != bad_port)
		return __real_rte_eth_stats_get(port, s);
	*s = bad_stats;
	return 0;
}

int __real_bf_bridge_publish_and_wait(struct bf_bridge *bridge);
int __wrap_bf_bridge_publish_and_wait(struct bf_bridge *bridge);
static bool has_no_memory; /* for the next view */
static bool on_strange_bond; /* a guest was, in a view */

int
__wrap_bf_bridge_publish_and_wait(struct bf_bridge *bridge)
{
	int ret;

	if (has_no_memory) {
		has_no_memory = false;
		return -ENOMEM;
	}
	ret = __real_bf_bridge_publish_and_wait(bridge);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_uplink *u = &bridge->up[bridge->lcores.view->ports[s].bond];

		if (bridge->guests[s] != NULL && u->bond.open && strcmp(u->name, "strange") == 0)
			on_strange_bond = true;
	}
	return ret;
}

static void
add_guest(const char *name, const char *more)
{
	struct bf_guest_config g;
	char pairs[256];

	bf_guest_config_init(&g);
	snprintf(pairs, sizeof(pairs),
		"name=%s,socket=%s/%s.sock,mode=server,mbufs=512,queues=2%s%s", name, dir, name,
		more[0] != '\0' ? "," : "", more);
	assert_int_equal(bf_guest_config_parse(&g, pairs, &err), 0);
	if (bf_config_add_guest(want, &g, &err) != 0)
		fail_msg("%s", err.text);
}

static void
apply(void)
{
	if (bf_bridge_apply(br, want, &err) != 0)
		fail_msg("%s", err.text);
}

static void
with_bond(const char *more)
{
	char pairs[256];

	want->n_bonds = 1;
	bf_bond_config_init(&want->bonds[0]);
	snprintf(pairs, sizeof(pairs), "mode=balance-xor,member=net_ring_b0,member=net_ring_b1%s",
		more);
	assert_int_equal(bf_bond_config_parse(&want->bonds[0], pairs, &err), 0);
}

static int
group_set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/bf-bridge-XXXXXX");
	if (!rig_eal() || mkdtemp(dir) == NULL)
		return -1;
	for (unsigned int i = 0; i < 3; i++) {
		char name[16];
		struct rte_ring *ring;

		snprintf(name, sizeof(name), "b%u", i);
		ring = rte_ring_create(name, 256, SOCKET_ID_ANY, 0);
		rte_eth_from_rings(name, &ring, 1, &ring, 1, 0);
	}
	return 0;
}

static int
group_tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

static int
set_up(void **state)
{
	struct bf_bridge_options opt = {.fdb_capacity = 1024, .gid = -1};

	(void)state;
	br = bf_bridge_create(&opt, &err);
	want = bf_config_new();
	return br == NULL || want == NULL;
}

static void
count_pool(void *arg, const struct rte_mempool *p, int retired)
{
	(void)p;
	(void)retired;
	(*(unsigned int *)arg)++;
}

static int
tear_down(void **state)
{
	unsigned int pools = 0;

	(void)state;
	bf_bridge_destroy(br);
	free(want);
	bf_pools_visit(count_pool, &pools);
	if (pools != 0)
		print_error("%u pools are left\n", pools);
	return pools == 0 ? 0 : -1;
}

static unsigned int
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static bool
listens(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s.sock", dir, name);
	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

struct said {
	const char *what;
	unsigned int n;
	char text[256];
};

static void
find_event(void *arg, const struct bf_event *e)
{
	struct said *s = arg;

	if (strcmp(e->what, s->what) != 0)
		return;
	s->n++;
	memcpy(s->text, e->text, sizeof(s->text));
}

static unsigned int
n_events(const char *what)
{
	struct said s = {.what = what};

	bf_events_visit(&br->events, find_event, &s);
	return s.n;
}

static void
test_a_config_is_made_so(void **state)
{
	(void)state;
	with_bond("");
	add_guest("a", "");
	add_guest("b", "");
	apply();
	assert_true(br->up[0].bond.open);
	assert_int_equal(br->up[0].bond.n_members, 2);
	assert_true(listens("a") && listens("b"));
	assert_int_equal(br->lcores.view->flood[0].n_guests, 2);
	assert_int_equal(br->lcores.view->ports[0].kind, BF_PORT_BOND);
	assert_non_null(bf_bridge_guest(br, "b"));
	assert_null(bf_bridge_guest(br, "c"));
	want->n_bonds = 0;
	bf_config_remove_guest(want, "a", &err);
	apply();
	assert_false(br->up[0].bond.open);
	assert_false(listens("a"));
	assert_int_equal(br->lcores.view->flood[0].n_guests, 1);
	assert_int_equal(br->lcores.view->ports[0].kind, BF_PORT_NONE);
}

/* One of eight ways to be in VLANs of 1 to 60. */
static void
random_vlans(char *pairs, size_t size)
{
	unsigned int a = 1 + (unsigned int)rte_rand_max(60), b = a + (unsigned int)rte_rand_max(20);

	switch (rte_rand_max(8)) {
	case 0:
		snprintf(pairs, size, "vlan=any");
		break;
	case 1:
		snprintf(pairs, size, "vlan=untagged");
		break;
	case 2:
		snprintf(pairs, size, "qinq=%u", a);
		break;
	case 3:
		snprintf(pairs, size, "trunk=%u-%u,native=%u", a, b,
			1 + (unsigned int)rte_rand_max(60));
		break;
	case 4:
	case 5:
		snprintf(pairs, size, "trunk=%u-%u", a, b);
		break;
	default:
		snprintf(pairs, size, "vlan=%u", a);
		break;
	}
}

/* Without classes: is the port in the VLAN? */
static bool
is_in_vlan(const struct bf_guest_config *g, unsigned int vlan, bool service)
{
	if (g->qinq != 0)
		return service && vlan == g->qinq;
	if (!bf_vlan_set_is_empty(&g->trunk))
		return !service && vlan != 0 &&
			(bf_vlan_set_has(&g->trunk, (uint16_t)vlan) || vlan == g->native);
	if (g->vlan == BF_VLAN_ANY)
		return true;
	return !service && vlan == g->vlan;
}

static bool
has_port(const struct bf_flood *f, uint16_t slot)
{
	unsigned int n = 0;

	for (uint16_t i = 0; i < f->n_guests; i++)
		n += f->guests[i] == slot;
	assert_true(n <= 1);
	return n == 1;
}

static void
expect_domains(void)
{
	const struct bf_view *v = br->lcores.view;
	const struct bf_bond_config *b = &want->bonds[0];

	for (unsigned int i = 0; i < 2 * BF_VLAN_IDS; i++) {
		unsigned int vlan = i % BF_VLAN_IDS;
		bool service = i >= BF_VLAN_IDS;
		uint64_t key = (uint64_t)vlan << 48 | (service ? BF_FDB_SERVICE : 0);
		const struct bf_flood *f = bf_flood_of(v, bf_vlan_domain(v, 0, key));

		if (service && vlan == 0)
			continue; /* there is no such key */
		assert_int_equal(f->number, 0);
		if (bf_vlan_set_has(&b->vlans, 10))
			assert_int_equal(f->bond, !service && vlan >= 10 && vlan <= 40);
		else
			assert_int_equal(f->bond, vlan != 0 || b->native == 0);
		for (unsigned int s = 1; s <= BF_MAX_GUESTS; s++)
			if (br->guests[s] != NULL)
				assert_int_equal(has_port(f, (uint16_t)s),
					is_in_vlan(&br->guests[s]->cfg, vlan, service));
	}
}

static void
test_what_is_flooded_in_a_vlan_reaches_the_ports_that_are_in_it(void **state)
{
	char name[BF_NAME_MAX], pairs[64];

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		static const char *const bonds[] = {"", ",vlans=10-40,native=40", ",native=7"};

		with_bond(bonds[round % 3]);
		for (unsigned int i = 0; i < 24; i++) {
			snprintf(name, sizeof(name), "g%u", i);
			random_vlans(pairs, sizeof(pairs));
			add_guest(name, pairs);
		}
		apply();
		expect_domains();
		while (want->n_guests > 0) {
			snprintf(name, sizeof(name), "%s", want->guests[0].name);
			bf_config_remove_guest(want, name, &err);
		}
		want->n_bonds = 0;
		apply();
	}
}

/* However often a set comes, it makes no more domains. */
static void
test_vlans_that_go_to_the_same_ports_are_one_flood_domain(void **state)
{
	bool used[2 * BF_VLAN_IDS] = {false};
	unsigned int n = 0;
	char name[16];

	(void)state;
	with_bond("");
	for (unsigned int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		add_guest(name, i % 2 != 0 ? "trunk=10-13" : "trunk=12-15");
	}
	add_guest("access", "vlan=10");
	apply();
	for (unsigned int vlan = 0; vlan < BF_VLAN_IDS; vlan++)
		used[bf_vlan_domain(br->lcores.view, 0, (uint64_t)vlan << 48)] = true;
	for (unsigned int i = 0; i < 2 * BF_VLAN_IDS; i++)
		n += used[i];
	assert_int_equal(n, 5); /* 10; 11; 12 and 13; 14 and 15; all others */
	for (unsigned int i = 0; i < 2 * BF_VLAN_IDS; i++)
		assert_true(!used[i] || i <= BF_MAX_BONDS + n);
}

static void
test_sockets_are_for_owner_and_group(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	add_guest("a", "");
	apply();
	snprintf(path, sizeof(path), "%s/a.sock", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void
test_what_did_not_change_is_not_touched(void **state)
{
	struct bf_guest *a;
	uint64_t events;
	uint16_t port;

	(void)state;
	with_bond("");
	add_guest("a", "");
	apply();
	a = bf_bridge_guest(br, "a");
	port = br->up[0].bond.port;
	events = br->events.next_seq;
	apply();
	assert_int_equal(br->events.next_seq, events);
	add_guest("b", "");
	want->bonds[0].policy = BF_POLICY_L2;
	apply();
	assert_ptr_equal(bf_bridge_guest(br, "a"), a);
	assert_int_equal(br->up[0].bond.port, port);
	assert_int_equal(br->lcores.view->bonds[0].policy, BF_POLICY_L2);
}

static void
expect_as_before(const struct bf_config *before)
{
	struct bf_guest *a = bf_bridge_guest(br, "a");

	assert_memory_equal(br->running, before, sizeof(*before));
	assert_true(br->up[0].bond.open);
	assert_int_equal(br->up[0].bond.n_members, 2);
	assert_int_equal(br->up[0].bond.cfg.policy, BF_POLICY_L34);
	assert_non_null(a);
	assert_true(listens("a"));
	assert_null(bf_bridge_guest(br, "new"));
	assert_null(bf_bridge_guest(br, "big"));
	assert_int_equal(br->lcores.view->flood[0].n_guests, 1);
	assert_int_equal(br->lcores.view->ports[a->slot].max_len, 1522);
	assert_int_equal(br->lcores.view->bonds[0].policy, BF_POLICY_L34);
}

static void
bond_put(unsigned int i, const char *name, const char *member)
{
	char pairs[64];

	bf_bond_config_init(&want->bonds[i]);
	snprintf(pairs, sizeof(pairs), "mode=balance-xor,member=%s", member);
	assert_int_equal(bf_bond_config_parse(&want->bonds[i], pairs, &err), 0);
	snprintf(want->bonds[i].name, sizeof(want->bonds[i].name), "%s", name);
	want->n_bonds = RTE_MAX(want->n_bonds, i + 1);
}

/* A new bond takes the number of one that is given up, while its guests come to another switch. */
static void
test_guests_that_move_are_at_no_time_on_another_bond(void **state)
{
	(void)state;
	bond_put(0, "x", "net_ring_b0");
	bond_put(1, "z", "net_ring_b1");
	for (char name[] = "a"; name[0] <= 'c'; name[0]++)
		add_guest(name, "uplink=x");
	apply();
	assert_string_equal(br->up[0].name, "x");
	bond_put(0, "strange", "net_ring_b2");
	for (unsigned int i = 0; i < 3; i++)
		snprintf(want->guests[i].uplink, sizeof(want->guests[i].uplink), "z");
	want->guests[1].vlan = 10;
	on_strange_bond = false;
	apply();
	assert_false(on_strange_bond);
	assert_true(br->up[0].bond.open && strcmp(br->up[0].name, "strange") == 0);
	for (unsigned int s = 1; s <= 3; s++)
		assert_int_equal(br->lcores.view->ports[s].bond, 1);
	assert_int_equal(n_events("guest_uplink"), 3);
	assert_memory_equal(br->running, want, sizeof(*want));
}

static bool
drops(const struct bf_filter *f, uint16_t type)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bf_bridge_guest(br, "a")->pool);
	unsigned int rule;
	uint32_t counted;
	bool is_dropped;
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, 60);
	memset(p, 0, 60);
	p[12] = (uint8_t)(type >> 8);
	p[13] = (uint8_t)type;
	is_dropped = bf_filter_judge(f, m, &rule, &counted) == BF_FILTER_DROP;
	rte_pktmbuf_free(m);
	return is_dropped;
}

static void
test_a_filter_that_cannot_be_compiled_leaves_the_other_one_in_force(void **state)
{
	const struct bf_filter *f;

	(void)state;
	add_guest("a", "");
	snprintf(want->guests[0].filter[BF_QOS_IN], BF_FILTER_TEXT_MAX, "drop arp");
	apply();
	for (int i = 0; i < 3; i++) {
		snprintf(want->guests[0].filter[BF_QOS_OUT], BF_FILTER_TEXT_MAX,
			"drop host no.such.name.%d", i);
		assert_true(bf_bridge_apply(br, want, &err) < 0);
		assert_has(err.text, "no.such.name");
		f = &br->lcores.view->rules[bf_bridge_guest(br, "a")->slot].qos->filter[BF_QOS_IN];
		assert_int_equal(f->n, 1);
		assert_true(drops(f, 0x0806) && !drops(f, 0x86dd));
	}
	snprintf(want->guests[0].filter[BF_QOS_IN], BF_FILTER_TEXT_MAX, "drop ip6");
	want->guests[0].filter[BF_QOS_OUT][0] = '\0';
	apply();
	f = &br->lcores.view->rules[bf_bridge_guest(br, "a")->slot].qos->filter[BF_QOS_IN];
	assert_true(!drops(f, 0x0806) && drops(f, 0x86dd));
}

static void
test_a_config_with_a_bad_guest_changes_nothing(void **state)
{
	struct bf_config *before;

	(void)state;
	with_bond("");
	add_guest("a", "");
	apply();
	before = bf_config_copy(br->running);
	want->bonds[0].policy = BF_POLICY_L2;
	add_guest("new", "");
	add_guest("far", "");
	snprintf(want->guests[2].socket, BF_SOCKET_MAX, "/no/such/directory/x");
	assert_true(bf_bridge_apply(br, want, &err) < 0);
	assert_has(err.text, "/no/such/directory");
	expect_as_before(before);
	free(before);
}

/* This one is found out when half of the work is done: there is no memory for its frames. */
static void
test_a_guest_that_fails_late_rolls_everything_back(void **state)
{
	struct bf_config *before;

	(void)state;
	with_bond("");
	add_guest("a", "");
	apply();
	before = bf_config_copy(br->running);
	want->bonds[0].policy = BF_POLICY_L2;
	want->guests[0].mtu = 1000;
	add_guest("new", "");
	add_guest("big", "mbufs=262144,mtu=9216");
	want->guests[2].mbufs = 262144;
	assert_true(bf_bridge_apply(br, want, &err) < 0);
	assert_has(err.text, "\"big\": out of memory");
	expect_as_before(before);
	assert_false(listens("new"));
	free(before);
}

static void
test_guests_that_come_back_have_the_slots_that_they_had(void **state)
{
	static const char *const name[] = {"b", "c", "d"};
	uint16_t slot[3];

	(void)state;
	add_guest("a", "");
	add_guest("b", "");
	add_guest("c", "");
	apply();
	bf_config_remove_guest(want, "a", &err);
	apply();
	add_guest("d", ""); /* configured last, in the first slot */
	apply();
	for (unsigned int i = 0; i < 3; i++)
		slot[i] = bf_bridge_guest(br, name[i])->slot;
	assert_true(slot[2] < slot[0]);
	want->n_guests = 0;
	add_guest("big", "mbufs=262144,mtu=9216");
	assert_true(bf_bridge_apply(br, want, &err) < 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(bf_bridge_guest(br, name[i])->slot, slot[i]);
}

static void
test_a_bond_that_cannot_be_closed_stays_as_it_was(void **state)
{
	struct bf_bond *b = &br->up[0].bond;

	(void)state;
	with_bond("");
	apply();
	bf_bond_switch(b, -1, false, bf_clock_ms());
	want->n_bonds = 0;
	has_no_memory = true;
	assert_true(bf_bridge_apply(br, want, &err) < 0);
	assert_false(has_no_memory);
	assert_true(b->open && b->off);
	assert_string_equal(br->up[0].name, "bond0");
	assert_int_equal(n_events("bond_closed"), 0);
	apply();
	assert_false(b->open || b->off);
}

static void
test_a_bad_member_changes_nothing(void **state)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct bf_config *before;

	(void)state;
	with_bond("");
	add_guest("a", "");
	apply();
	before = bf_config_copy(br->running);
	assert_int_equal(rte_eth_dev_get_name_by_port(br->up[0].bond.port, name), 0);
	assert_int_equal(bf_bond_config_add_member(&want->bonds[0], name, &err), 0);
	add_guest("new", "");
	assert_true(bf_bridge_apply(br, want, &err) < 0);
	assert_has(err.text, "is a bond");
	expect_as_before(before);
	free(before);
}

static void
test_a_member_without_a_device_is_left_out_and_the_rest_is_done(void **state)
{
	(void)state;
	with_bond("");
	assert_int_equal(bf_bond_config_add_member(&want->bonds[0], "nothing7", &err), 0);
	add_guest("new", "");
	apply();
	assert_int_equal(br->up[0].missing.n, 1);
	assert_string_equal(br->up[0].missing.members[0].name, "nothing7");
	assert_int_equal(br->up[0].bond.n_members, want->bonds[0].n_members - 1);
	assert_non_null(bf_bridge_guest(br, "new"));
	want->fdb_aging_s++; /* other changes are not held up by it */
	apply();
	assert_int_equal(br->up[0].missing.n, 1);
	assert_int_equal(bf_bond_config_remove_member(&want->bonds[0], "nothing7", &err), 0);
	apply();
	assert_int_equal(br->up[0].missing.n, 0);
}

static void
test_a_live_socket_is_not_taken_over(void **state)
{
	(void)state;
	add_guest("a", "");
	apply();
	bf_config_remove_guest(want, "a", &err);
	add_guest("other", "");
	snprintf(want->guests[0].socket, BF_SOCKET_MAX, "%s/a.sock", dir);
	/* the same apply removes the owner: only a socket of somebody else is refused */
	(void)bf_bridge_apply(br, want, &err);
	assert_true(bf_bridge_guest(br, "a") != NULL || bf_bridge_guest(br, "other") != NULL);
}

static unsigned int
live_pools(void)
{
	unsigned int pools = 0;

	bf_pools_visit(count_pool, &pools);
	return pools;
}

static void
test_guests_use_the_bonds_frames_unless_they_are_too_short(void **state)
{
	struct rte_mempool *pool;

	(void)state;
	add_guest("early", "mbufs=bond");
	apply();
	assert_int_equal(live_pools(), 1); /* there is no bond yet */
	with_bond(",mtu=1500");
	add_guest("late", "mbufs=bond");
	add_guest("long", "mbufs=bond,mtu=9000");
	apply();
	bf_bridge_tick(br, bf_clock_ms());
	pool = br->up[0].bond.pool;
	assert_ptr_equal(bf_bridge_guest(br, "early")->dp->pool, pool);
	assert_ptr_equal(bf_bridge_guest(br, "late")->dp->pool, pool);
	assert_ptr_not_equal(bf_bridge_guest(br, "long")->dp->pool, pool);
	assert_int_equal(live_pools(), 2);
	want->bonds[0].mtu = 9000; /* the bond is opened anew, with longer buffers */
	apply();
	bf_bridge_tick(br, bf_clock_ms());
	assert_ptr_not_equal(br->up[0].bond.pool, pool);
	for (unsigned int s = 1; s <= 3; s++)
		assert_ptr_equal(br->guests[s]->dp->pool, br->up[0].bond.pool);
	assert_int_equal(live_pools(), 1);
	want->n_bonds = 0; /* its memory stays with those who use it */
	apply();
	bf_bridge_tick(br, bf_clock_ms());
	assert_int_equal(live_pools(), 1);
}

static void
test_two_hundred_guests_come_and_go_without_a_trace(void **state)
{
	struct rte_malloc_socket_stats s;
	unsigned int files = 0, pools = 0;
	size_t heap = 0;

	(void)state;
	with_bond("");
	add_guest("keeps", "");
	apply();
	for (int i = 0; i < 200; i++) {
		add_guest("comes", i & 1 ? "mtu=9000" : "packed=off");
		apply();
		bf_config_remove_guest(want, "comes", &err);
		apply();
		bf_bridge_tick(br, bf_clock_ms());
		rte_malloc_get_socket_stats(0, &s);
		if (i == 20) {
			files = open_files();
			heap = s.heap_allocsz_bytes;
		}
	}
	bf_pools_visit(count_pool, &pools);
	assert_int_equal(pools, 2); /* the bond's and the guest's that stays */
	assert_int_equal(open_files(), files);
	assert_in_range(s.heap_allocsz_bytes, 0, heap + 4096);
	assert_false(listens("comes"));
}

static void
test_members_come_and_go_by_config(void **state)
{
	(void)state;
	with_bond("");
	apply();
	for (int i = 0; i < 10; i++) {
		assert_int_equal(
			bf_bond_config_add_member(&want->bonds[0], "net_ring_b2", &err), 0);
		apply();
		assert_int_equal(br->up[0].bond.n_members, 3);
		assert_int_equal(
			bf_bond_config_remove_member(&want->bonds[0], "net_ring_b0", &err), 0);
		apply();
		assert_int_equal(br->up[0].bond.n_members, 2);
		bf_bond_config_remove_member(&want->bonds[0], "net_ring_b2", &err);
		assert_int_equal(
			bf_bond_config_add_member(&want->bonds[0], "net_ring_b0", &err), 0);
		apply();
		assert_int_equal(br->up[0].bond.n_members, 2);
		assert_int_equal(__builtin_popcount(br->lcores.view->bonds[0].eligible), 2);
	}
}

static void
test_stations_of_a_guest_go_with_it(void **state)
{
	uint16_t port;

	(void)state;
	add_guest("a", "");
	apply();
	bf_fdb_learn(br->fdb, 0x1234, 1);
	bf_fdb_add_static(br->fdb, 0x5678, 1);
	bf_config_remove_guest(want, "a", &err);
	apply();
	assert_null(bf_fdb_find(br->fdb, 0x1234, &port));
	assert_null(bf_fdb_find(br->fdb, 0x5678, &port));
}

/* Mail that was on its way when its guest left says nothing about the next guest of the slot. */
static void
test_late_mail_of_a_removed_guest_is_not_the_next_ones(void **state)
{
	struct bf_mail mail = {.key = 0x020000000042, .port = 1, .kind = BF_MAIL_STATION};
	uint16_t port = 0;

	(void)state;
	add_guest("a", "");
	apply();
	assert_true(bf_mailbox_post(br->lcores.workers[0]->learn, &mail));
	bf_config_remove_guest(want, "a", &err);
	add_guest("b", "");
	apply();
	assert_int_equal(bf_bridge_guest(br, "b")->slot, 1);
	bf_bridge_tick(br, bf_clock_ms());
	assert_null(bf_fdb_find(br->fdb, mail.key, &port));
}

/*
 * Without a LAG a guest's first announcement comes back on another member long before control has
 * looked at its mail: both stand in the mailbox, the guest's first.
 */
static void
test_an_announcement_and_its_echo_in_one_batch_leave_the_station_with_its_guest(void **state)
{
	struct bf_mail own = {
		.key = 0x020000000042, .port = 1, .kind = BF_MAIL_STATION, .announced = 1};
	struct bf_mail echo = own;
	uint16_t port = 99;

	(void)state;
	with_bond("");
	want->bonds[0].mode = BF_MODE_ALB;
	add_guest("a", "");
	apply();
	echo.port = BF_BOND_SLOT;
	assert_true(bf_mailbox_post(br->lcores.workers[0]->learn, &own));
	assert_true(bf_mailbox_post(br->lcores.workers[0]->learn, &echo));
	bf_bridge_tick(br, bf_clock_ms());
	assert_non_null(bf_fdb_find(br->fdb, own.key, &port));
	assert_int_equal(port, 1);
}

#define STATION 0x020000000042ULL

static void
post(uint16_t port, enum bf_mail_kind kind, bool announced)
{
	struct bf_mail mail = {.key = STATION,
		.port = port,
		.kind = (uint8_t)kind,
		.announced = announced,
		.addr = {10, 0, 0, 1}};

	assert_true(bf_mailbox_post(br->lcores.workers[0]->learn, &mail));
}

static uint16_t
port_of_station(void)
{
	uint16_t port = 99;

	return bf_fdb_find(br->fdb, STATION, &port) != NULL ? port : 99;
}

static void
one_guest(uint32_t mode)
{
	with_bond("");
	want->bonds[0].mode = mode;
	add_guest("a", "");
	apply();
}

/* One announcement and then silence: it is enough, when the guest's own does not count any more. */
static void
test_a_refused_claim_is_judged_again_when_the_lock_ends(void **state)
{
	uint64_t now = bf_clock_ms();

	(void)state;
	one_guest(BF_MODE_ALB);
	bf_bridge_tick(br, now);
	post(1, BF_MAIL_STATION, true);
	bf_bridge_tick(br, now += 1000);
	post(0, BF_MAIL_CLAIM, false);
	for (int s = 0; s < BF_FDB_ECHO_S; s++) {
		bf_bridge_tick(br, now += 1000);
		assert_int_equal(port_of_station(), 1);
	}
	bf_bridge_tick(br, now += 1000);
	assert_int_equal(port_of_station(), 0);
}

static void
test_a_claim_ends_when_the_guest_speaks_again(void **state)
{
	uint64_t now = bf_clock_ms();

	(void)state;
	one_guest(BF_MODE_ALB);
	bf_bridge_tick(br, now);
	post(1, BF_MAIL_STATION, true);
	post(0, BF_MAIL_CLAIM, false);
	bf_bridge_tick(br, now += 1000);
	bf_bridge_tick(br, now += 1000);
	bf_fdb_learn(br->fdb, STATION, 1);
	for (int s = 0; s < 12; s++)
		bf_bridge_tick(br, now += 1000);
	assert_int_equal(port_of_station(), 1);
	assert_int_equal(br->moves.n_claims, 0);
}

static void
test_where_a_lag_is_expected_a_station_follows_at_once(void **state)
{
	(void)state;
	one_guest(BF_MODE_XOR);
	post(1, BF_MAIL_STATION, true);
	bf_bridge_tick(br, bf_clock_ms());
	post(0, BF_MAIL_STATION, false);
	bf_bridge_tick(br, bf_clock_ms());
	assert_int_equal(port_of_station(), 0);
	post(1, BF_MAIL_STATION, true);
	bf_bridge_tick(br, bf_clock_ms());
	br->lcores.workers[0]->bonds[0].echoes++; /* the switch has none */
	bf_bridge_tick(br, bf_clock_ms());
	assert_true(br->lcores.view->bonds[0].doubted);
	post(0, BF_MAIL_STATION, true);
	bf_bridge_tick(br, bf_clock_ms());
	assert_int_equal(port_of_station(), 1);
}

static void
test_moves_are_told_with_both_ports_and_not_without_end(void **state)
{
	struct said s = {.what = "mac_move"};

	(void)state;
	one_guest(BF_MODE_XOR);
	post(1, BF_MAIL_STATION, false);
	post(0, BF_MAIL_STATION, false);
	bf_bridge_tick(br, bf_clock_ms());
	bf_events_visit(&br->events, find_event, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.text, "moved from a to bond0");
	for (int i = 0; i < 100; i++) {
		post(1, BF_MAIL_STATION, false);
		post(0, BF_MAIL_STATION, false);
	}
	bf_bridge_tick(br, bf_clock_ms());
	s.n = 0;
	bf_events_visit(&br->events, find_event, &s);
	assert_in_range(s.n, 2, 10);
}

static unsigned int
n_addresses(void)
{
	struct bf_neighbor nb = {.key = STATION, .port = 1, .addr = {10, 0, 0, 1}};

	return bf_neighbors_has(br->neighbors, &nb);
}

static void
test_what_a_guest_said_goes_with_its_stations(void **state)
{
	uint64_t now = bf_clock_ms();

	(void)state;
	one_guest(BF_MODE_ACTIVE_BACKUP);
	for (int way = 0; way < 4; way++) {
		post(1, BF_MAIL_STATION, false);
		post(1, BF_MAIL_IPV4, false);
		bf_bridge_tick(br, now);
		assert_int_equal(n_addresses(), 1);
		switch (way) {
		case 0:
			bf_bridge_forget(br, 1);
			break;
		case 1:
			bf_bridge_forget(br, -1);
			break;
		case 2: /* it is not heard */
			bf_bridge_tick(br, now += 302000);
			break;
		default:
			bf_config_remove_guest(want, "a", &err);
			apply();
			break;
		}
		assert_int_equal(n_addresses(), 0);
	}
}

/* What we announce in a guest's name comes back too, and must not take the station away. */
static void
test_our_own_announcements_are_known_when_they_come_back(void **state)
{
	uint64_t now = bf_clock_ms();
	unsigned int known = 0;
	struct rte_mbuf *m;

	(void)state;
	one_guest(BF_MODE_XOR);
	post(1, BF_MAIL_STATION, false);
	post(1, BF_MAIL_IPV4, false);
	bf_bridge_tick(br, now);
	want->bonds[0].mode = BF_MODE_ALB; /* a planned change: no LAG from now on */
	apply();
	now = bf_clock_ms(); /* as apply() reads it, which may have taken long */
	for (int i = 0; i < 20; i++)
		bf_bridge_tick(br, ++now);
	while (rte_ring_sc_dequeue(br->lcores.inject, (void **)&m) == 0) {
		known += m->port != BF_INJECT_NONE && bf_echo_has(br->lcores.echoes, 0, m);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(known, 2); /* RARP and ARP */
}

static void
test_fewer_queues_are_used_as_soon_as_they_are_configured(void **state)
{
	struct bf_guest *a;

	(void)state;
	add_guest("a", "queues=4");
	apply();
	a = bf_bridge_guest(br, "a");
	a->dp->rx_rings = 15; /* as if the guest had four rings on */
	bf_guest_refresh(a, 1);
	assert_int_equal(a->n_rings, 4);
	want->guests[0].queues = 2;
	apply();
	a = bf_bridge_guest(br, "a");
	assert_true(a->n_rings <= 2);
	assert_true(br->lcores.view->ports[a->slot].n_rings <= 2);
}

/* The guest reset its ring, or connected anew, within one look of control. */
static void
test_a_fault_of_a_ring_that_is_over_already_is_told(void **state)
{
	struct bf_guest *a;

	(void)state;
	add_guest("a", "");
	apply();
	a = bf_bridge_guest(br, "a");
	a->dp->ring[1].fault = BF_RING_FAULT_CHAIN;
	bf_guest_rings_ops.lost(a);
	assert_true(bf_guest_is_stale(a));
	bf_guest_changes_note(br, a, BF_NOTICE_GUEST, 1);
	assert_int_equal(n_events("guest_ring_fault"), 1);
	assert_false(bf_guest_is_stale(a));
	bf_guest_changes_note(br, a, BF_NOTICE_GUEST, 2);
	assert_int_equal(n_events("guest_ring_fault"), 1);
	/* It has come and gone, and control has never seen it up. */
	a->dp->ring[3].fault = BF_RING_FAULT_CHAIN;
	bf_guest_changes_note(br, a, BF_NOTICE_GUEST, 3);
	assert_int_equal(n_events("guest_ring_fault"), 2);
}

/* A guest without a weight counts as 1 at its own worker, too. */
static void
test_a_weight_is_for_all_workers_of_its_bond(void **state)
{
	unsigned int n = br->lcores.n;

	(void)state;
	add_guest("a", "");
	add_guest("b", "");
	apply();
	for (uint16_t i = 0; i < 2; i++) {
		struct bf_guest *g = bf_bridge_guest(br, i == 0 ? "a" : "b");

		g->up = true;
		g->tx_seen = 1;
		g->poller[0] = i;
	}
	br->lcores.n = 2;
	for (uint32_t weight = 0; weight < 4; weight += 3) {
		struct bf_view *v;

		bf_bridge_guest(br, "b")->cfg.weight = weight;
		v = bf_view_build(br, NULL);
		assert_non_null(v);
		assert_int_equal(v->workers[0].shares, weight != 0);
		assert_int_equal(v->workers[1].shares, weight != 0);
		rte_free(v);
	}
	br->lcores.n = n;
	bf_bridge_guest(br, "a")->up = bf_bridge_guest(br, "b")->up = false;
}

/* Without memory for a view the old one stays: then what it names must stay too. */
static void
test_a_guest_is_not_freed_while_the_view_names_it(void **state)
{
	static void *hog[4096];
	unsigned int n = 0;

	(void)state;
	add_guest("a", "");
	apply();
	for (size_t size = 1u << 28; size >= 2048; size /= 2)
		while (n < 4096 && (hog[n] = rte_malloc("hog", size, 0)) != NULL)
			n++;
	closed_in_sight = false;
	bf_config_remove_guest(want, "a", &err);
	(void)bf_bridge_apply(br, want, &err);
	while (n > 0)
		rte_free(hog[--n]);
	assert_false(closed_in_sight);
}

static unsigned int n_told; /* of a guest's comings and goings */
static char last_told[320];

static void
count_told(void *arg, const struct bf_event *e)
{
	(void)arg;
	if (strcmp(e->what, "guest_up") != 0 && strcmp(e->what, "guest_down") != 0)
		return;
	n_told++;
	snprintf(last_told, sizeof(last_told), "%s: %s", e->what, e->text);
}

static unsigned int
told(void)
{
	n_told = 0;
	bf_events_visit(&br->events, count_told, NULL);
	return n_told;
}

/* As guest_settled() says it. @return whether a new view is in force. */
static bool
guest_says(struct bf_guest *g, bool up, uint64_t now_ms)
{
	struct bf_notice n = {.kind = BF_NOTICE_GUEST, .a = g->slot};
	const struct bf_view *was = br->lcores.view;

	g->ups += up && g->dp->up == 0;
	g->dp->up = up;
	assert_true(bf_notify_post(&n));
	bf_bridge_tick(br, now_ms);
	return br->lcores.view != was;
}

/* Every ms another state: a view every 50 ms, and not an event for each. */
static void
test_a_guest_that_flaps_is_looked_at_now_and_then(void **state)
{
	uint64_t now_ms = bf_clock_ms() + 1000;
	unsigned int views = 0, i;
	struct bf_guest *g;

	(void)state;
	add_guest("a", "");
	apply();
	g = bf_bridge_guest(br, "a");
	for (i = 0; i < 8; i++) /* a front end that connects is waited for at no point */
		assert_true(guest_says(g, i % 2 == 0, now_ms));
	for (i = 0; i < 2000; i++)
		views += guest_says(g, i % 2 == 0, ++now_ms);
	assert_in_range(views, 35, 45);
	assert_int_equal(told(), 10);
	guest_says(g, true, now_ms);
	for (i = 0; i < 5; i++)
		bf_bridge_tick(br, now_ms += 10);
	assert_true(g->up);
	assert_false(guest_says(g, false, now_ms)); /* its looks are not paid for yet */
	for (i = 0; i < 1000; i++)
		bf_bridge_tick(br, now_ms += 10);
	assert_false(g->up);
	assert_int_equal(told(), 11);
	assert_non_null(strstr(last_told, "guest_down: disconnected; "));
	assert_non_null(strstr(last_told, " more before it are not listed"));
	assert_true(guest_says(g, true, now_ms));
	assert_int_equal(told(), 12);
	assert_null(strstr(last_told, "not listed"));
}

static bool
is_found(enum bf_health_rule rule, const char *object)
{
	for (uint32_t i = 0; i < br->health.now.n; i++)
		if (br->health.now.list[i].rule == rule &&
			strcmp(br->health.now.list[i].object, object) == 0)
			return true;
	return false;
}

static uint64_t
seconds(uint64_t now, unsigned int n, uint64_t frames, uint64_t errors)
{
	for (unsigned int s = 0; s < n; s++) {
		bad_stats.ipackets += frames;
		bad_stats.ierrors += errors;
		bf_rates_tick(br, now += 1000);
		bf_health_tick(br, now);
	}
	return now;
}

static void
test_a_bond_is_redundant_degraded_or_down(void **state)
{
	uint64_t now = bf_clock_ms();

	(void)state;
	with_bond("");
	apply();
	bf_bridge_tick(br, now);
	assert_int_equal(br->health.state[0], BF_BOND_REDUNDANT);
	now = seconds(now, 1, 0, 0);
	assert_false(is_found(BF_HEALTH_NO_REDUNDANCY, "bond0"));
	for (int i = 0; i < 2; i++) {
		bf_bond_switch(&br->up[0].bond, i, false, now);
		bf_bridge_tick(br, now += 1000);
		assert_int_equal(br->health.state[0], i == 0 ? BF_BOND_DEGRADED : BF_BOND_DOWN);
		assert_true(is_found(BF_HEALTH_MEMBER_OUT, br->up[0].bond.members[i].name));
		assert_int_equal(is_found(BF_HEALTH_NO_REDUNDANCY, "bond0"), i == 0);
		assert_int_equal(is_found(BF_HEALTH_BOND_DOWN, "bond0"), i == 1);
	}
	assert_int_equal(bf_health_level(&br->health), BF_LOG_ERR);
	for (int i = 0; i < 2; i++)
		bf_bond_switch(&br->up[0].bond, i, true, now);
	bf_bridge_tick(br, now += 1000);
	assert_int_equal(br->health.state[0], BF_BOND_REDUNDANT);
}

static void
test_what_is_above_its_limit_is_found_until_it_is_well_below(void **state)
{
	const char *name;
	uint64_t now = bf_clock_ms();

	(void)state;
	with_bond("");
	apply();
	bf_bridge_tick(br, now);
	name = br->up[0].bond.members[0].name;
	has_bad_port = true;
	bad_port = br->up[0].bond.members[0].port;
	memset(&bad_stats, 0, sizeof(bad_stats));
	now = seconds(now, 12, 10000, 10);
	assert_false(is_found(BF_HEALTH_MEMBER_ERRORS, name)); /* 0.0999 % */
	now = seconds(now, 12, 10000, 11);
	assert_true(is_found(BF_HEALTH_MEMBER_ERRORS, name));
	now = seconds(now, 12, 10000, 9); /* below the limit, above 80 % of it */
	assert_true(is_found(BF_HEALTH_MEMBER_ERRORS, name));
	now = seconds(now, 12, 10000, 5);
	assert_false(is_found(BF_HEALTH_MEMBER_ERRORS, name));
	now = seconds(now, 12, 5, 5); /* too few to say */
	assert_false(is_found(BF_HEALTH_MEMBER_ERRORS, name));
	assert_false(br->up[0].bond.members[0].drained);
	has_bad_port = false;
}

/* Guests that are not connected are findings, too, and more than the list has room for. */
static void
test_a_full_ring_has_its_place_among_hundreds_of_guests(void **state)
{
	char name[16];
	struct bf_guest *last;
	uint64_t now = bf_clock_ms(), *drops;

	(void)state;
	with_bond("");
	for (int i = 0; i <= BF_FINDINGS_MAX; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		add_guest(name, "mbufs=bond");
	}
	apply();
	last = bf_bridge_guest(br, name);
	drops = br->lcores.workers[0]->counters->ports[last->slot].drops;
	for (int i = 0; i < 12; i++) {
		drops[BF_DROP_GUEST_RING_FULL] += 10000;
		now = seconds(now, 1, 0, 0);
	}
	assert_true(is_found(BF_HEALTH_RING_FULL, name));
	assert_int_equal(br->health.now.n, BF_FINDINGS_MAX);
	assert_int_equal(br->health.now.n_more, 2);
	for (int i = 0; i < 12; i++)
		now = seconds(now, 1, 0, 0);
	assert_false(is_found(BF_HEALTH_RING_FULL, name));
	assert_int_equal(n_events("health"), 2); /* it began, and is over */
}

static void
test_a_member_with_too_many_errors_is_drained_until_it_is_trusted(void **state)
{
	struct bf_bond *b = &br->up[0].bond;
	uint64_t now = bf_clock_ms();

	(void)state;
	with_bond(",error_limit=2000");
	apply();
	bf_bridge_tick(br, now);
	has_bad_port = true;
	bad_port = b->members[0].port;
	memset(&bad_stats, 0, sizeof(bad_stats));
	now = seconds(now, 12, 10000, 19);
	assert_false(b->members[0].faulty);
	now = seconds(now, 12, 10000, 30);
	assert_true(b->members[0].faulty && b->members[0].drained);
	assert_false(b->members[1].drained);
	apply(); /* its configuration does not change that */
	assert_true(b->members[0].drained);
	memset(&bad_stats, 0, sizeof(bad_stats));
	bf_bond_set_faulty(b, 0, false, now); /* undrain */
	assert_false(b->members[0].drained);
	now = seconds(now, 24, 10000, 30);
	assert_true(b->members[0].drained);
	bf_bond_switch(b, 0, false, now); /* another cable */
	bf_bond_switch(b, 0, true, now);
	bf_bridge_tick(br, now);
	assert_false(b->members[0].faulty || b->members[0].drained);
	now = seconds(now, 12, 10000, 0); /* the errors before count no more */
	assert_false(b->members[0].faulty);
	has_bad_port = false;
}

static void
test_hooks_are_called_once_for_each_slot_that_becomes_free(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		char name[2] = {(char)('a' + i), '\0'};

		add_guest(name, "");
	}
	apply();
	memset(gone, 0, sizeof(gone));
	bf_config_remove_guest(want, "b", &err);
	bf_config_remove_guest(want, "d", &err);
	want->guests[0].queues = 1; /* the port is opened again, in the same slot */
	apply();
	assert_non_null(bf_bridge_guest(br, "a"));
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++)
		assert_int_equal(gone[s], s == 1 || s == 2 || s == 4);
	apply();
	assert_int_equal(gone[1] + gone[2] + gone[3] + gone[4], 3);
}

static void
test_what_was_kept_by_slot_is_not_the_next_guests(void **state)
{
	struct bf_port_counters c;
	uint64_t now = bf_clock_ms();
	struct said s = {.what = "mac_limit"};

	(void)state;
	one_guest(BF_MODE_XOR);
	post(1, BF_MAIL_STATION, false);
	bf_bridge_tick(br, now);
	want->bonds[0].mode = BF_MODE_ALB; /* another path: the guest's station is announced */
	apply();
	now = bf_clock_ms(); /* apply() reads the clock itself, and may have taken long */
	for (int i = 0; i < 5; i++)
		bf_bridge_tick(br, ++now);
	assert_int_equal(bf_announce_sent_for(br->up[0].announcer, 1), 1);
	br->lcores.workers[0]->counters->ports[1].rx_frames = 100;
	br->fdb->port_evicted[1] = 7;
	bf_bridge_tick(br, now += 1000);
	bf_events_visit(&br->events, find_event, &s);
	assert_int_equal(s.n, 1);
	assert_non_null(br->rates.ports[1]);
	br->fdb->port_evicted[1] = 9; /* not told yet */
	bf_config_remove_guest(want, "a", &err);
	apply();
	assert_null(br->rates.ports[1]);
	add_guest("next", "");
	apply();
	assert_int_equal(bf_bridge_guest(br, "next")->slot, 1);
	assert_int_equal(bf_announce_sent_for(br->up[0].announcer, 1), 0);
	bf_stats_port(br, 1, &c);
	assert_int_equal(c.rx_frames, 0);
	bf_bridge_tick(br, now += 40000);
	br->fdb->port_evicted[1] = 10;
	bf_bridge_tick(br, now += 1000);
	s.n = 0;
	bf_events_visit(&br->events, find_event, &s);
	assert_int_equal(s.n, 2);
	assert_non_null(strstr(s.text, ": 1 were forgotten"));
}

static void
test_a_crowd_is_told_once_whatever_becomes_of_it(void **state)
{
	uint64_t now = bf_clock_ms(), *drops;
	struct said s = {.what = "mac_limit"};

	(void)state;
	add_guest("a", "mac_guard=on,mac_limit=2");
	apply();
	drops = br->lcores.workers[0]->counters->ports[1].drops;
	bf_bridge_tick(br, now);
	br->fdb->port_evicted[1] = 7;
	drops[BF_DROP_MAC_LIMIT] = 5;
	bf_bridge_tick(br, now += 1000);
	drops[BF_DROP_MAC_LIMIT] = 8; /* told with what follows */
	for (int i = 0; i < 20; i++)
		bf_bridge_tick(br, now += 1000);
	bf_events_visit(&br->events, find_event, &s);
	assert_int_equal(s.n, 1);
	assert_non_null(strstr(s.text, ": 7 were forgotten"));
	assert_non_null(
		strstr(s.text, "; 5 frames of new ones were dropped; set guest a mac_limit=N"));
	bf_bridge_tick(br, now += 20000);
	s.n = 0;
	bf_events_visit(&br->events, find_event, &s);
	assert_int_equal(s.n, 2);
	assert_non_null(strstr(s.text, "mac_limit=2: 3 frames of new ones were dropped; "));
	bf_stats_clear_port(br, 1);
	drops[BF_DROP_MAC_LIMIT] += 1;
	bf_bridge_tick(br, now += 40000);
	s.n = 0;
	bf_events_visit(&br->events, find_event, &s);
	assert_int_equal(s.n, 3);
	assert_non_null(strstr(s.text, "mac_limit=2: 1 frames"));
}

static void
test_the_tick_says_when_it_is_due(void **state)
{
	(void)state;
	with_bond("");
	apply();
	for (int i = 0; i < 50; i++) {
		uint64_t now_ms = bf_clock_ms() + (uint64_t)i * 10;

		assert_in_range(bf_bridge_tick(br, now_ms), 1, now_ms + 10);
	}
}

/* Views change under a running worker; frames that circle through the members are all accounted. */
static void
test_a_running_worker_survives_a_storm_of_changes(void **state)
{
	struct bf_ledger l;

	(void)state;
	with_bond("");
	apply();
	assert_int_equal(bf_bridge_start(br, &err), 0);
	for (unsigned int i = 0; i < 30; i++) {
		add_guest("x", "");
		want->bonds[0].mode = i % 4 == 3 ? BF_MODE_TLB : i % 4;
		want->bonds[0].policy = i % BF_POLICY_COUNT;
		want->forwarding = (i & 1) != 0;
		apply();
		bf_bridge_tick(br, bf_clock_ms());
		bf_config_remove_guest(want, "x", &err);
		apply();
	}
	bf_lcores_stop(&br->lcores);
	bf_stats_ledger(br, &l);
	assert_int_equal(l.rx + l.copies, l.tx + l.drops);
	assert_true(br->lcores.workers[0]->counters->pmd.loops > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_a_config_is_made_so),
		T(test_what_is_flooded_in_a_vlan_reaches_the_ports_that_are_in_it),
		T(test_vlans_that_go_to_the_same_ports_are_one_flood_domain),
		T(test_sockets_are_for_owner_and_group),
		T(test_what_did_not_change_is_not_touched),
		T(test_guests_that_move_are_at_no_time_on_another_bond),
		T(test_a_filter_that_cannot_be_compiled_leaves_the_other_one_in_force),
		T(test_a_config_with_a_bad_guest_changes_nothing),
		T(test_a_guest_that_fails_late_rolls_everything_back),
		T(test_guests_that_come_back_have_the_slots_that_they_had),
		T(test_a_bond_that_cannot_be_closed_stays_as_it_was),
		T(test_a_bad_member_changes_nothing),
		T(test_a_member_without_a_device_is_left_out_and_the_rest_is_done),
		T(test_a_live_socket_is_not_taken_over),
		T(test_guests_use_the_bonds_frames_unless_they_are_too_short),
		T(test_two_hundred_guests_come_and_go_without_a_trace),
		T(test_members_come_and_go_by_config),
		T(test_stations_of_a_guest_go_with_it),
		T(test_late_mail_of_a_removed_guest_is_not_the_next_ones),
		T(test_an_announcement_and_its_echo_in_one_batch_leave_the_station_with_its_guest),
		T(test_a_refused_claim_is_judged_again_when_the_lock_ends),
		T(test_a_claim_ends_when_the_guest_speaks_again),
		T(test_where_a_lag_is_expected_a_station_follows_at_once),
		T(test_moves_are_told_with_both_ports_and_not_without_end),
		T(test_what_a_guest_said_goes_with_its_stations),
		T(test_our_own_announcements_are_known_when_they_come_back),
		T(test_fewer_queues_are_used_as_soon_as_they_are_configured),
		T(test_a_fault_of_a_ring_that_is_over_already_is_told),
		T(test_a_weight_is_for_all_workers_of_its_bond),
		T(test_a_guest_is_not_freed_while_the_view_names_it),
		T(test_a_guest_that_flaps_is_looked_at_now_and_then),
		T(test_a_bond_is_redundant_degraded_or_down),
		T(test_what_is_above_its_limit_is_found_until_it_is_well_below),
		T(test_a_full_ring_has_its_place_among_hundreds_of_guests),
		T(test_a_member_with_too_many_errors_is_drained_until_it_is_trusted),
		T(test_hooks_are_called_once_for_each_slot_that_becomes_free),
		T(test_what_was_kept_by_slot_is_not_the_next_guests),
		T(test_a_crowd_is_told_once_whatever_becomes_of_it),
		T(test_the_tick_says_when_it_is_due),
		T(test_a_running_worker_survives_a_storm_of_changes),
	};
	int failed = cmocka_run_group_tests(tests, group_set_up, group_tear_down);

	rig_eal_end();
	return failed;
}
