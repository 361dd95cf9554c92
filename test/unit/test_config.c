/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The operator's wishes: every key of the tables, members, guests, and the rules that need no
 * device.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>

#include "base/mac.h"
#include "control/config/config.h"
#include "control/config/types.h"

static struct bf_bond_config bond;
static struct bf_guest_config guest;
static struct bf_err err;

static int
set_up(void **state)
{
	(void)state;
	bf_bond_config_init(&bond);
	bf_guest_config_init(&guest);
	err.text[0] = '\0';
	return 0;
}

static void
expect_bond(const char *key, const char *value)
{
	if (bf_bond_config_set(&bond, key, value, &err) != 0)
		fail_msg("%s=%s: %s", key, value, err.text);
}

static void
refuse_bond(const char *key, const char *value, const char *range)
{
	struct bf_bond_config before = bond;

	assert_int_equal(bf_bond_config_set(&bond, key, value, &err), -EINVAL);
	assert_memory_equal(&bond, &before, sizeof(bond));
	assert_has(err.text, value);
	assert_has(err.text, range);
}

static void
test_defaults_are_the_documented_ones(void **state)
{
	(void)state;
	assert_string_equal(bond.name, "bond0");
	assert_int_equal(bond.mode, BF_MODE_ACTIVE_BACKUP);
	assert_int_equal(bond.policy, BF_POLICY_L34);
	assert_int_equal(bond.mtu, 1500);
	assert_true(bond.lacp_active);
	assert_int_equal(bond.lacp_rate, 0);
	assert_false(guest.server);
	assert_int_equal(guest.mtu, 1500);
	assert_true(guest.mrg_rxbuf);
}

static void
test_modes_have_linux_names_and_numbers(void **state)
{
	static const char *const names[] = {"balance-rr", "active-backup", "balance-xor",
		"broadcast", "802.3ad", "balance-tlb", "balance-alb"};
	char digit[2] = "0";

	(void)state;
	for (unsigned int i = 0; i < 7; i++) {
		digit[0] = (char)('0' + i);
		expect_bond("mode", names[i]);
		assert_int_equal(bond.mode, i);
		expect_bond("mode", digit);
		assert_int_equal(bond.mode, i);
	}
	refuse_bond("mode", "7", "active-backup");
	refuse_bond("mode", "lcap", "0 to 6");
}

static void
test_both_spellings_of_a_key_mean_the_same(void **state)
{
	static const struct {
		const char *alias, *value;
		const uint32_t *field;
		uint32_t want;
	} table[] = {{"balance_xmit_policy", "l2", &bond.policy, BF_POLICY_L2},
		{"updelay", "100", &bond.up_delay_ms, 100},
		{"downdelay", "200", &bond.down_delay_ms, 200},
		{"lsc_poll_period_ms", "50", &bond.mon_period_ms, 50},
		{"num_grat_arp", "3", &bond.num_peer_notif, 3},
		{"agg_select", "count", &bond.agg_mode, 2}, {"hash_seed", "0x10", &bond.seed, 16}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		expect_bond(table[i].alias, table[i].value);
		assert_int_equal(*table[i].field, table[i].want);
	}
}

/* Every number: its limits are taken, one beyond is refused, and the message says the range. */
static void
test_every_number_keeps_its_range(void **state)
{
	char text[32], range[64];

	(void)state;
	for (unsigned int i = 0; i < bf_n_bond_keys; i++) {
		const struct bf_key *k = &bf_bond_keys[i];

		if (k->type != &bf_type_u32)
			continue;
		snprintf(range, sizeof(range), "expected %lu to %lu", (unsigned long)k->min,
			(unsigned long)k->max);
		snprintf(text, sizeof(text), "%lu", (unsigned long)k->min);
		expect_bond(k->name, text);
		snprintf(text, sizeof(text), "%lu", (unsigned long)k->max);
		expect_bond(k->name, text);
		snprintf(text, sizeof(text), "%lu", (unsigned long)k->max + 1);
		refuse_bond(k->name, text, range);
		refuse_bond(k->name, "-1", range);
		if (k->min > 0)
			refuse_bond(k->name, "0", range);
	}
}

static void
test_every_guest_number_keeps_its_range(void **state)
{
	char text[32];

	(void)state;
	for (unsigned int i = 0; i < bf_n_guest_keys; i++) {
		const struct bf_key *k = &bf_guest_keys[i];

		if (k->type != &bf_type_u32)
			continue;
		snprintf(text, sizeof(text), "%lu", (unsigned long)k->max);
		assert_int_equal(bf_guest_config_set(&guest, k->name, text, &err), 0);
		snprintf(text, sizeof(text), "%lu", (unsigned long)k->max + 1);
		assert_int_equal(bf_guest_config_set(&guest, k->name, text, &err), -EINVAL);
		assert_has(err.text, k->name);
	}
}

/* What bf_key_print() writes, the parser reads back to the same value, for random values. */
static void
test_what_a_key_prints_its_parser_reads(void **state)
{
	struct bf_bond_config other;
	char text[BF_KEY_TEXT_MAX];

	(void)state;
	expect_bond("mac", "02:00:00:00:00:07");
	expect_bond("primary", "0000:3b:00.1");
	expect_bond("lacp_strict", "on");
	expect_bond("lacp_partner", "02:00:00:00:00:08");
	expect_bond("mode", "4");
	expect_bond("xmit_policy", "vlan+srcmac");
	bf_bond_config_init(&other);
	for (unsigned int i = 0; i < bf_n_bond_keys; i++) {
		if (bf_bond_keys[i].flags & BF_KEY_IDENTITY)
			continue;
		bf_key_print(&bf_bond_keys[i], &bond, text, sizeof(text));
		if (bf_bond_config_set(&other, bf_bond_keys[i].name, text, &err) != 0)
			fail_msg("%s=%s: %s", bf_bond_keys[i].name, text, err.text);
	}
	other.given = bond.given;
	assert_memory_equal(&bond, &other, sizeof(bond));
}

static void
test_probe_targets_are_named_like_other_keys_and_add_up(void **state)
{
	char text[1024];

	(void)state;
	expect_bond("probe_target", "10.0.0.1");
	expect_bond("arp_ip_target", "10.0.0.2/7");
	expect_bond("ns_ip6_target", "fd00::1");
	expect_bond("probe_target", "10.0.0.1"); /* again: no harm */
	expect_bond("probe_target", "FD00:0::1");
	assert_int_equal(bond.probe_targets.n, 3);
	for (unsigned int i = 0; i < bf_n_bond_keys; i++)
		if (strcmp(bf_bond_keys[i].name, "probe_target") == 0)
			bf_key_print(&bf_bond_keys[i], &bond, text, sizeof(text));
	assert_string_equal(text, "10.0.0.1 10.0.0.2/7 fd00::1");
	for (unsigned int i = 4; i <= 16; i++) {
		snprintf(text, sizeof(text), "10.0.1.%u", i);
		expect_bond("probe_target", text);
	}
	refuse_bond("probe_target", "10.0.2.1", "expected at most 16 targets");
	expect_bond("probe_target", "none");
	assert_int_equal(bond.probe_targets.n, 0);
}

static void
test_an_unknown_key_is_named_with_the_known_ones(void **state)
{
	(void)state;
	assert_int_equal(bf_bond_config_set(&bond, "mtuu", "1500", &err), -EINVAL);
	assert_has(err.text, "bond: unknown key \"mtuu\"");
	assert_has(err.text, " mtu ");
	assert_int_equal(bf_guest_config_set(&guest, "", "1500", &err), -EINVAL);
	assert_has(err.text, "guest: unknown key \"\"");
	assert_has(err.text, " queues ");
}

static void
test_members_are_added_once_and_sixteen_at_most(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < BF_MAX_MEMBERS; i++) {
		snprintf(name, sizeof(name), "net_ring%d", i);
		expect_bond(i & 1 ? "slave" : "member", name);
	}
	assert_int_equal(bond.n_members, BF_MAX_MEMBERS);
	refuse_bond("member", "net_ring7", "named twice");
	refuse_bond("member", "another", "at most 16");
	refuse_bond("member", "a b", "characters");
}

static void
expect_member(struct bf_member_config *m, const char *key, const char *value)
{
	if (bf_member_config_set(m, key, value, &err) != 0)
		fail_msg("%s=%s: %s", key, value, err.text);
}

static void
refuse_member(const char *key, const char *value, const char *word)
{
	struct bf_member_config m, was;

	bf_member_config_init(&m);
	was = m;
	assert_int_equal(bf_member_config_set(&m, key, value, &err), -EINVAL);
	assert_has(err.text, value);
	assert_has(err.text, word);
	assert_memory_equal(&m, &was, sizeof(m));
}

static void
test_settings_of_a_member(void **state)
{
	struct bf_member_config m;

	(void)state;
	bf_member_config_init(&m);
	expect_member(&m, "priority", "-1000000");
	assert_int_equal(m.priority, -1000000);
	expect_member(&m, "prio", "7");
	assert_int_equal(m.priority, 7);
	expect_member(&m, "updelay", "600000");
	assert_int_equal(m.up_delay_ms, 600000);
	expect_member(&m, "up_delay", "bond");
	assert_int_equal(m.up_delay_ms, BF_OF_BOND);
	expect_member(&m, "down_delay", "0");
	assert_int_equal(m.down_delay_ms, 0);
	expect_member(&m, "drained", "on");
	assert_true(m.drained);
	refuse_member("priority", "1000001", "-1000000 to 1000000");
	refuse_member("priority", "-1000001", "-1000000 to 1000000");
	refuse_member("priority", "--1", "-1000000 to 1000000");
	refuse_member("priority", "-", "-1000000 to 1000000");
	refuse_member("up_delay", "600001", "0 to 600000");
	refuse_member("down_delay", "bonds", "or bond");
	refuse_member("lacp_port_priority", "0", "1 to 65535");
	assert_int_equal(bf_member_config_set(&m, "mtu", "1500", &err), -EINVAL);
	assert_has(err.text, "priority up_delay down_delay");
}

static void
test_a_members_settings_leave_with_it(void **state)
{
	(void)state;
	expect_bond("member", "a");
	expect_bond("member", "b");
	expect_bond("member", "c");
	expect_bond("primary", "b");
	bond.members[1].priority = 10;
	bond.members[2].priority = 20;
	bond.members[2].lacp_port_priority = 7;
	bond.members[2].drained = true;
	assert_int_equal(bf_bond_config_remove_member(&bond, "b", &err), 0);
	assert_int_equal(bond.n_members, 2);
	assert_string_equal(bond.members[1].name, "c");
	assert_int_equal(bond.members[1].priority, 20);
	assert_int_equal(bond.members[1].lacp_port_priority, 7);
	assert_true(bond.members[1].drained);
	assert_string_equal(bond.primary, "");
	expect_bond("member", "d");
	assert_int_equal(bond.members[2].priority, 0);
	assert_int_equal(bond.members[2].lacp_port_priority, 255);
	assert_int_equal(bond.members[2].up_delay_ms, BF_OF_BOND);
	assert_false(bond.members[2].drained);
	assert_int_equal(bf_bond_config_remove_member(&bond, "b", &err), -EINVAL);
	assert_has(err.text, "member: \"b\"");
}

/* bf_bridge_apply() takes configs for equal whose bytes are: what did not change stays. */
static void
test_equal_members_are_equal_byte_for_byte(void **state)
{
	struct bf_bond_config other;

	(void)state;
	bf_bond_config_init(&other);
	expect_bond("member", "a-long-name-that-leaves-its-bytes-on-the-stack");
	assert_int_equal(bf_bond_config_remove_member(&bond, bond.members[0].name, &err), 0);
	expect_bond("member", "a");
	bf_member_config_init(&other.members[0]);
	memcpy(other.members[0].name, "a", 2);
	other.n_members = 1;
	assert_memory_equal(bond.members, other.members, sizeof(other.members));
}

static void
test_sixteen_members_can_all_be_removed(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < BF_MAX_MEMBERS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		expect_bond("member", name);
	}
	for (int i = BF_MAX_MEMBERS - 1; i >= 0; i--) {
		snprintf(name, sizeof(name), "m%d", (i * 7) % BF_MAX_MEMBERS);
		assert_int_equal(bf_bond_config_remove_member(&bond, name, &err), 0);
	}
	assert_int_equal(bond.n_members, 0);
}

static void
test_socket_paths_are_absolute_and_fit(void **state)
{
	char path[200] = "/";

	(void)state;
	memset(path + 1, 'a', 198);
	path[107] = '\0';
	assert_int_equal(bf_guest_config_set(&guest, "socket", path, &err), 0);
	path[107] = 'a';
	path[108] = '\0';
	assert_int_equal(bf_guest_config_set(&guest, "socket", path, &err), -EINVAL);
	assert_has(err.text, "2 to 107 characters");
	assert_int_equal(bf_guest_config_set(&guest, "path", "vm.sock", &err), -EINVAL);
	assert_has(err.text, "\"vm.sock\": expected an absolute path");
	assert_int_equal(bf_guest_config_set(&guest, "socket", "/a b", &err), -EINVAL);
	assert_int_equal(bf_guest_config_set(&guest, "socket", "/a\nb", &err), -EINVAL);
	assert_int_equal(bf_guest_config_set(&guest, "socket", "", &err), -EINVAL);
}

/* running-config must be able to write it as one word of a console line. */
static void
test_socket_paths_have_no_quotes(void **state)
{
	(void)state;
	assert_int_equal(bf_guest_config_set(&guest, "socket", "/a\"b", &err), -EINVAL);
	assert_int_equal(bf_guest_config_set(&guest, "socket", "/a'b", &err), -EINVAL);
}

/* A config script is printable UTF-8, and running-config is a config script. */
static void
test_socket_paths_are_text(void **state)
{
	(void)state;
	assert_int_equal(bf_guest_config_set(&guest, "socket", "/run/\xf5vm1.sock", &err), -EINVAL);
	assert_int_equal(bf_guest_config_set(&guest, "socket", "/run/\xc3", &err), -EINVAL);
}

static void
test_random_system_ids_differ_between_processes(void **state)
{
	uint8_t first[6];

	(void)state;
	srandom(1); /* as every process begins */
	expect_bond("lacp_system_id", "random");
	memcpy(first, bond.lacp_system_id, 6);
	assert_int_equal(first[0] & 3, 2);
	srandom(1);
	expect_bond("lacp_system_id", "random");
	assert_memory_not_equal(first, bond.lacp_system_id, 6);
}

static void
test_none_takes_an_address_or_primary_back(void **state)
{
	static const uint8_t zero[6];

	(void)state;
	expect_bond("mac", "02:00:00:00:00:01");
	expect_bond("mac", "none");
	assert_memory_equal(bond.mac, zero, 6);
	expect_bond("primary", "a");
	expect_bond("primary", "none");
	assert_string_equal(bond.primary, "");
	refuse_bond("mac", "01:00:00:00:00:01", "unicast");
	refuse_bond("mac", "random", "MAC address");
}

static struct bf_config *cfg;

static int
config_set_up(void **state)
{
	cfg = bf_config_new();
	return set_up(state);
}

static int
config_tear_down(void **state)
{
	(void)state;
	free(cfg);
	return 0;
}

static int
add(const char *pairs)
{
	struct bf_guest_config g;
	int ret;

	bf_guest_config_init(&g);
	ret = bf_guest_config_parse(&g, pairs, &err);
	return ret != 0 ? ret : bf_config_add_guest(cfg, &g, &err);
}

static void
test_guests_have_names_and_sockets_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(add("name=vm1,socket=/tmp/1"), 0);
	assert_int_equal(add("name=vm2,socket=/tmp/2,mtu=9000"), 0);
	assert_int_equal(add("name=vm1,socket=/tmp/3"), -EINVAL);
	assert_has(err.text, "\"vm1\": already in use");
	assert_int_equal(add("name=vm3,socket=/tmp/2"), -EINVAL);
	assert_has(err.text, "already used by guest vm2");
	assert_int_equal(add("socket=/tmp/4"), -EINVAL);
	assert_has(err.text, "name missing");
	assert_int_equal(add("name=vm4"), -EINVAL);
	assert_has(err.text, "socket missing");
	assert_int_equal(add("name=all,socket=/tmp/5"), -EINVAL);
	assert_int_equal(cfg->n_guests, 2);
	assert_int_equal(bf_config_guest(cfg, "vm2")->mtu, 9000);
	assert_null(bf_config_guest(cfg, "vm3"));
}

static void
test_removing_a_guest_keeps_the_others_in_order(void **state)
{
	(void)state;
	add("name=a,socket=/tmp/a");
	add("name=b,socket=/tmp/b");
	add("name=c,socket=/tmp/c");
	assert_int_equal(bf_config_remove_guest(cfg, "a", &err), 0);
	assert_string_equal(cfg->guests[0].name, "b");
	assert_string_equal(cfg->guests[1].name, "c");
	assert_int_equal(bf_config_remove_guest(cfg, "a", &err), -EINVAL);
	assert_has(err.text, "guest: \"a\": no such guest");
	assert_int_equal(bf_config_remove_guest(cfg, "c", &err), 0);
	assert_int_equal(bf_config_remove_guest(cfg, "b", &err), 0);
	assert_int_equal(cfg->n_guests, 0);
}

static void
test_there_is_room_for_1023_guests_and_no_more(void **state)
{
	char pairs[64];

	(void)state;
	for (int i = 0; i < BF_MAX_GUESTS; i++) {
		snprintf(pairs, sizeof(pairs), "name=g%d,socket=/tmp/g%d", i, i);
		assert_int_equal(add(pairs), 0);
	}
	assert_int_equal(add("name=more,socket=/tmp/more"), -EINVAL);
	assert_has(err.text, "at most 1023 guests");
	for (int i = 0; i < BF_MAX_GUESTS; i++) {
		snprintf(pairs, sizeof(pairs), "g%d", i);
		assert_int_equal(bf_config_remove_guest(cfg, pairs, &err), 0);
	}
}

static void
test_primary_must_be_a_member(void **state)
{
	(void)state;
	cfg->n_bonds = 1;
	assert_int_equal(
		bf_bond_config_parse(&cfg->bonds[0], "member=a,member=b,primary=c", &err), 0);
	assert_int_equal(bf_config_check(cfg, &err), -EINVAL);
	assert_has(err.text, "primary: \"c\": expected a member of bond0");
	assert_int_equal(bf_bond_config_parse(&cfg->bonds[0], "primary=b", &err), 0);
	assert_int_equal(bf_config_check(cfg, &err), 0);
}

static void
test_min_links_cannot_exceed_the_members(void **state)
{
	(void)state;
	cfg->n_bonds = 1;
	assert_int_equal(
		bf_bond_config_parse(&cfg->bonds[0], "member=a,member=b,min_links=3", &err), 0);
	assert_int_equal(bf_config_check(cfg, &err), -EINVAL);
	assert_has(err.text, "min_links: \"3\": expected 0 to 2");
	cfg->bonds[0].min_links = 2;
	assert_int_equal(bf_config_check(cfg, &err), 0);
}

static void
test_a_config_without_a_bond_is_good(void **state)
{
	(void)state;
	assert_int_equal(bf_config_check(cfg, &err), 0);
	assert_int_equal(add("name=vm1,socket=/tmp/1"), 0);
	assert_int_equal(bf_config_check(cfg, &err), 0);
}

/* In whichever order they were given: --guest may stand before --bond. */
static void
test_a_guest_and_the_bond_cannot_share_a_name(void **state)
{
	(void)state;
	assert_int_equal(add("name=bond0,socket=/tmp/1"), 0);
	cfg->n_bonds = 1;
	assert_int_equal(bf_bond_config_parse(&cfg->bonds[0], "name=bond0,member=a", &err), 0);
	assert_int_equal(bf_config_check(cfg, &err), -EINVAL);
	assert_has(err.text, "bond0");
}

static void
test_an_unknown_key_names_every_key_in_whole_words(void **state)
{
	struct bf_bond_config b;
	char word[64];

	(void)state;
	bf_bond_config_init(&b);
	assert_int_equal(bf_bond_config_set(&b, "lacp_rat", "1", &err), -EINVAL);
	assert_has(err.text, "unknown key \"lacp_rat\": expected one of");
	assert_has(err.text, "; did you mean lacp_rate?");
	for (unsigned int i = 0; i < bf_n_bond_keys; i++) {
		snprintf(word, sizeof(word), " %s", bf_bond_keys[i].name);
		assert_has(err.text, word);
	}
	assert_has(err.text, " name member mode ");
	assert_int_equal(bf_bond_config_set(&b, "colour", "1", &err), -EINVAL);
	assert_null(strstr(err.text, "did you mean"));
}

static void
collect(void *arg, const char *line)
{
	strcat(arg, line);
	strcat(arg, ";");
}

static void
test_keys_of_another_mode_are_warned_of(void **state)
{
	struct bf_config *c = bf_config_new();
	char lines[1024] = "";

	(void)state;
	c->profile_is_said = true;
	c->n_bonds = 1;
	assert_int_equal(bf_bond_config_parse(
				 &c->bonds[0], "mode=1,lacp_rate=fast,min_links=0,mtu=9000", &err),
		0);
	bf_config_warnings(c, collect, lines);
	assert_string_equal(lines, "lacp_rate=fast: has no effect in mode active-backup;");
	lines[0] = '\0';
	c->bonds[0].mode = BF_MODE_8023AD;
	bf_config_warnings(c, collect, lines);
	assert_string_equal(lines, "");
	free(c);
}

static void
count_fault(void *arg, const struct bf_err *fault)
{
	(void)fault;
	++*(unsigned int *)arg;
}

static void
test_every_contradiction_is_found(void **state)
{
	struct bf_config *c = bf_config_new();
	unsigned int n = 0;

	(void)state;
	c->n_bonds = 1;
	assert_int_equal(bf_bond_config_parse(&c->bonds[0],
				 "mode=4,member=a,primary=b,min_links=2,probe_interval=100", &err),
		0);
	bf_config_faults(c, count_fault, &n);
	assert_int_equal(n, 4);
	assert_int_equal(bf_config_check(c, &err), -EINVAL);
	assert_has(err.text, "primary"); /* the first */
	free(c);
}

static void
test_a_guest_is_replaced_in_its_place_and_loses_pins_of_queues_that_are_gone(void **state)
{
	struct bf_config *c = bf_config_new();
	struct bf_guest_config g;
	char lines[2048] = "";

	(void)state;
	for (unsigned int i = 1; i <= 2; i++) {
		bf_guest_config_init(&g);
		snprintf(g.name, sizeof(g.name), "vm%u", i);
		snprintf(g.socket, sizeof(g.socket), "/run/%u", i);
		assert_int_equal(bf_config_add_guest(c, &g, &err), 0);
	}
	g = c->guests[0];
	g.pin[0] = 300; /* lcore 299 */
	g.pin[7] = 2;
	g.queues = 4;
	assert_int_equal(bf_config_replace_guest(c, "vm1", &g, &err), 0);
	assert_string_equal(c->guests[0].name, "vm1");
	assert_int_equal(c->guests[0].pin[7], 0);
	bf_config_print(c, collect, lines);
	assert_has(lines, "set lcore 299 guest vm1 queue 0;");
	assert_null(strstr(lines, "queue 7"));
	snprintf(g.socket, sizeof(g.socket), "/run/2");
	assert_int_equal(bf_config_replace_guest(c, "vm1", &g, &err), -EINVAL);
	assert_has(err.text, "already used by guest vm2");
	assert_int_equal(bf_config_replace_guest(c, "vm9", &g, &err), -EINVAL);
	free(c);
}

/* The guest whose address is asked for, and its options. */
static void
own_mac(const char *name, const char *pairs, uint8_t mac[6])
{
	struct bf_guest_config g;

	bf_guest_config_init(&g);
	assert_int_equal(bf_guest_config_parse(&g, pairs, &err), 0);
	assert_int_equal(bf_guest_config_set(&g, "name", name, &err), 0);
	bf_guest_config_own_mac(&g, mac);
}

static void
test_the_address_of_mac_auto_follows_from_the_name(void **state)
{
	uint8_t first[6], again[6], other[6];
	struct bf_guest_config g;

	(void)state;
	own_mac("vm1", "mac=auto", first);
	own_mac("vm1", "mtu=9000,mac=auto,02:00:00:00:00:01", again);
	own_mac("vm2", "mac=auto", other);
	assert_memory_equal(first, again, 6);
	assert_memory_not_equal(first, other, 6);
	assert_int_equal(first[0] & 3, 2); /* local, unicast */
	assert_int_equal(other[0] & 3, 2);

	bf_guest_config_init(&g);
	assert_int_equal(bf_guest_config_parse(&g, "name=vm1,mac=00:00:5e:00:01/40,auto", &err), 0);
	assert_true(bf_guest_config_has_auto_mac(&g));
	assert_int_equal(bf_guest_config_mac(&g, 0).len, 40);
	assert_int_equal(bf_guest_config_mac(&g, 1).len, 48);
	assert_memory_equal(bf_guest_config_mac(&g, 1).addr, first, 6);
	assert_int_equal(bf_guest_config_parse(&g, "mac=02:00:00:00:00:01", &err), 0);
	assert_false(bf_guest_config_has_auto_mac(&g));
}

/* Two ports, of which the first is called vm1; "" as words: they are not refused. */
static void
expect_macs(const char *first, const char *second, bool host, const char *words)
{
	struct bf_config *c = bf_config_new();

	c->n_guests = 2;
	bf_guest_config_init(&c->guests[0]);
	bf_guest_config_init(&c->guests[1]);
	c->guests[1].host = host;
	assert_int_equal(bf_guest_config_parse(&c->guests[0], first, &err), 0);
	assert_int_equal(bf_guest_config_parse(&c->guests[1], second, &err), 0);
	err.text[0] = '\0';
	assert_int_equal(bf_config_check(c, &err), words[0] == '\0' ? 0 : -EINVAL);
	assert_has(err.text, words);
	free(c);
}

static void
test_an_address_of_mac_auto_belongs_to_one_port(void **state)
{
	char text[256], vm1[18];
	uint8_t m[6];

	(void)state;
	own_mac("vm1", "mac=auto", m);
	bf_mac_text(m, vm1);
#define WITH(format) (snprintf(text, sizeof(text), format, vm1), text)
	expect_macs("name=vm1,mac=auto", "name=vm2,mac=auto", false, "");
	expect_macs("name=vm1,mac=auto", WITH("name=vm2,mac=%s"), false,
		"guest \"vm1\": mac: \"auto\": is ");
	assert_has(err.text, vm1);
	assert_has(err.text, "which guest \"vm2\" has as well: expected another name");
	expect_macs(WITH("name=vm2,mac=02:00:00:00:00:01,%s"), "name=vm1,mac=auto", false,
		"which guest \"vm2\" has as well");
	expect_macs("name=vm1,mac=auto", WITH("name=vm2,mac=auto,%s"), false, "guest \"vm2\" has");
	expect_macs("name=vm1,mac=auto", WITH("name=h0,address=%s"), true, "host \"h0\" has");
	expect_macs("name=vm1,mac=auto", WITH("name=h0,mac=auto,address=%s"), true,
		"host \"h0\": mac: \"auto\": is ");
	/* two names with one address are not found easily: the same name twice */
	expect_macs("name=vm1,mac=auto", "name=vm1,mac=auto", false, "guest \"vm1\" has as well");
	expect_macs("name=vm1,mac=auto", "name=vm1", true, "host \"vm1\" has as well");
	/* prefixes, teams, and addresses without auto are as before */
	expect_macs("name=vm1,mac=auto", WITH("name=vm2,mac=%.8s/24"), false, "");
	expect_macs("name=vm1,mac=auto,team=a", WITH("name=vm2,team=a,mac=%s"), false, "");
	expect_macs(
		"name=vm1,mac=auto,team=a", WITH("name=vm2,team=b,mac=%s"), false, "\"vm2\" has");
	expect_macs("name=vm1,mac=02:00:00:00:00:01", "name=vm2,mac=02:00:00:00:00:01", false, "");
	expect_macs("name=vm1", WITH("name=vm2,mac=%s"), false, "");
#undef WITH
}

static void
test_the_hash_tells_what_prints_differently(void **state)
{
	struct bf_config *a = bf_config_new(), *b = bf_config_new();

	(void)state;
	memset(b->bonds[0].name + 10, 'x', 10); /* behind its end */
	assert_true(bf_config_hash(a) == bf_config_hash(b));
	b->fdb_aging_s++;
	assert_true(bf_config_hash(a) != bf_config_hash(b));
	free(a);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_unknown_key_names_every_key_in_whole_words),
		cmocka_unit_test(test_keys_of_another_mode_are_warned_of),
		cmocka_unit_test(test_every_contradiction_is_found),
		cmocka_unit_test(
			test_a_guest_is_replaced_in_its_place_and_loses_pins_of_queues_that_are_gone),
		cmocka_unit_test(test_the_address_of_mac_auto_follows_from_the_name),
		cmocka_unit_test(test_an_address_of_mac_auto_belongs_to_one_port),
		cmocka_unit_test(test_the_hash_tells_what_prints_differently),
#define T(f) cmocka_unit_test_setup(f, set_up)
#define C(f) cmocka_unit_test_setup_teardown(f, config_set_up, config_tear_down)
		T(test_defaults_are_the_documented_ones),
		T(test_modes_have_linux_names_and_numbers),
		T(test_both_spellings_of_a_key_mean_the_same),
		T(test_every_number_keeps_its_range),
		T(test_every_guest_number_keeps_its_range),
		T(test_what_a_key_prints_its_parser_reads),
		T(test_probe_targets_are_named_like_other_keys_and_add_up),
		T(test_an_unknown_key_is_named_with_the_known_ones),
		T(test_members_are_added_once_and_sixteen_at_most),
		T(test_settings_of_a_member),
		T(test_a_members_settings_leave_with_it),
		T(test_equal_members_are_equal_byte_for_byte),
		T(test_sixteen_members_can_all_be_removed),
		T(test_socket_paths_are_absolute_and_fit),
		T(test_socket_paths_have_no_quotes),
		T(test_socket_paths_are_text),
		T(test_random_system_ids_differ_between_processes),
		T(test_none_takes_an_address_or_primary_back),
		C(test_guests_have_names_and_sockets_of_their_own),
		C(test_removing_a_guest_keeps_the_others_in_order),
		C(test_there_is_room_for_1023_guests_and_no_more),
		C(test_primary_must_be_a_member),
		C(test_min_links_cannot_exceed_the_members),
		C(test_a_config_without_a_bond_is_good),
		C(test_a_guest_and_the_bond_cannot_share_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
