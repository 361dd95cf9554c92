/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A key's row is all there is: every row says everything, what it says of defaults is in force,
 * and the row alone brings the key into running-config.  Then the same for kinds of values that
 * lists have, with a table made here; and the words of Linux bonding and teamd.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>

#include "base/ip_list.h"
#include "base/mac_list.h"
#include "base/rate_limit.h"
#include "base/vlan_set.h"
#include "control/config/config.h"
#include "control/config/foreign.h"
#include "control/config/types.h"

static const struct bf_key_table *const tables[] = {
	&bf_bond_table, &bf_member_table, &bf_guest_table, &bf_exporter_table};

/* Calls @p rule for every key of the program. */
static void
for_all_keys(void (*rule)(const struct bf_key_table *t, const struct bf_key *k))
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (unsigned int n = 0; n < tables[i]->n; n++)
			rule(tables[i], &tables[i]->keys[n]);
}

static void
is_complete(const struct bf_key_table *t, const struct bf_key *k)
{
	char values[256] = "";

	if (k->name == NULL || k->name[0] == '\0')
		fail_msg("%s: a row without a name", t->what);
	if (k->help == NULL || k->help[0] == '\0')
		fail_msg("%s %s: no help", t->what, k->name);
	if (k->type == NULL)
		fail_msg("%s %s: no type", t->what, k->name);
	bf_key_values(k, values, sizeof(values));
	if (values[0] == '\0')
		fail_msg("%s %s: does not say what it may be", t->what, k->name);
	if (k->type == &bf_type_u32 && (k->def == NULL || k->min >= k->max))
		fail_msg("%s %s: expected a default and a range", t->what, k->name);
	if (k->n_words > 0 && k->def == NULL)
		fail_msg("%s %s: expected a default", t->what, k->name);
}

static void
test_every_row_says_all(void **state)
{
	(void)state;
	for_all_keys(is_complete);
}

static void
has_its_default(const struct bf_key_table *t, const struct bf_key *k)
{
	void *object = calloc(1, t->size);
	char text[BF_KEY_TEXT_MAX];
	struct bf_err err;

	assert_non_null(object);
	memset(object, 0xff, t->size);
	bf_keys_init(t, object);
	bf_key_print(k, object, text, sizeof(text));
	if (strcmp(text, bf_key_default(k, BF_PROFILE_TRUSTED)) != 0)
		fail_msg("%s %s: the row's default is %s, that in force %s", t->what, k->name,
			bf_key_default(k, BF_PROFILE_TRUSTED), text);
	if (k->def != NULL && bf_key_set(k, object, k->def, &err) != 0)
		fail_msg("%s %s: the default is refused: %s", t->what, k->name, err.text);
	if (k->tenant != NULL && bf_key_set(k, object, k->tenant, &err) != 0)
		fail_msg("%s %s: the tenants' default is refused: %s", t->what, k->name, err.text);
	bf_key_print(k, object, text, sizeof(text));
	if (strcmp(text, bf_key_default(k, BF_PROFILE_TENANT)) != 0)
		fail_msg("%s %s: the tenants' default is %s, printed as %s", t->what, k->name,
			k->tenant, text);
	free(object);
}

static void
test_the_default_of_a_row_is_the_one_in_force(void **state)
{
	(void)state;
	for_all_keys(has_its_default);
}

/* What is printed is read as it was, "none" of the keys without a default as well. */
static void
is_read_as_printed(const struct bf_key_table *t, const struct bf_key *k)
{
	char text[BF_KEY_TEXT_MAX];
	struct bf_err err;
	void *a, *b;

	if (k->flags & BF_KEY_IDENTITY || k->type == &bf_type_path)
		return;
	a = calloc(1, t->size);
	b = calloc(1, t->size);
	assert_non_null(a);
	assert_non_null(b);
	bf_keys_init(t, a);
	bf_keys_init(t, b);
	bf_key_print(k, a, text, sizeof(text));
	if (bf_key_set(k, b, text, &err) != 0)
		fail_msg("%s %s: %s is printed and refused: %s", t->what, k->name, text, err.text);
	if (!bf_key_is_equal(k, a, b))
		fail_msg("%s %s: %s is read as something else", t->what, k->name, text);
	free(a);
	free(b);
}

static void
test_a_default_is_read_as_it_is_printed(void **state)
{
	(void)state;
	for_all_keys(is_read_as_printed);
}

static void
is_named_once(const struct bf_key_table *t, const struct bf_key *k)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->n; i++) {
		const char *const *other = k->other_names;

		n += bf_key_has_name(&t->keys[i], k->name);
		for (; other != NULL && *other != NULL; other++)
			if (&t->keys[i] != k && bf_key_has_name(&t->keys[i], *other))
				fail_msg("%s: two keys are called %s", t->what, *other);
	}
	if (n != 1)
		fail_msg("%s: %u keys are called %s", t->what, n, k->name);
	assert_false(bf_foreign_refuses_key(t->what, k->name, NULL));
}

static void
test_a_name_belongs_to_one_key(void **state)
{
	(void)state;
	for_all_keys(is_named_once);
}

/* A value that is not the default. */
static const char *
other_value(const struct bf_key *k, char *buf, size_t size)
{
	if (k->n_words > 0)
		return k->words[strcmp(k->words[0], bf_key_default(k, BF_PROFILE_TRUSTED)) == 0];
	if (k->type == &bf_type_bool)
		return strcmp(k->def, "on") == 0 ? "off" : "on";
	if (k->type == &bf_type_mac)
		return "02:00:00:00:00:07";
	if (k->type == &bf_type_macs)
		return "02:00:00:00:00:07,00:00:5e:00:01/40";
	if (k->type == &bf_type_vlans)
		return "7,10-20";
	if (k->type == &bf_type_vlan || k->type == &bf_type_access)
		return "7";
	if (k->type == &bf_type_ips)
		return "10.0.0.1,fd00::/8";
	if (k->type == &bf_type_path)
		return "/run/x.sock";
	if (k->type == &bf_type_targets)
		return "10.0.0.1";
	if (k->type == &bf_type_features)
		return "0.1";
	if (k->type == &bf_type_rate)
		return "5kpps";
	if (k->type == &bf_type_rate_burst)
		return k->max > 1 ? "5mbit/64k/1m" : "5kpps/100";
	if (k->type == &bf_type_filter)
		return "\"count web tcp port 80; drop udp\"";
	if (strcmp(k->name, "collector") == 0 || strcmp(k->name, "agent") == 0)
		return "2001:db8::1";
	if (k->max == 0 || k->type == &bf_type_name || k->type == &bf_type_device)
		return "x1";
	snprintf(buf, size, "%ld", (long)k->max);
	return strcmp(buf, bf_key_default(k, BF_PROFILE_TRUSTED)) != 0 ? buf : "1";
}

static void
collect(void *arg, const char *line)
{
	strcat(arg, line);
	strcat(arg, "\n");
}

static void
appears_when_set(const struct bf_key_table *t, const struct bf_key *k)
{
	struct bf_config *c = bf_config_new(), *plain;
	char value[64], lines[4096] = "", want[128];
	struct bf_err err = {""};
	void *object;

	if (k->flags & BF_KEY_IDENTITY) {
		free(c);
		return;
	}
	c->n_bonds = 1;
	bf_bond_config_add_member(&c->bonds[0], "m1", &err);
	c->n_guests = 1;
	bf_guest_config_init(&c->guests[0]);
	c->n_exporters = 1;
	bf_exporter_config_init(&c->exporters[0]);
	plain = bf_config_copy(c);
	object = t == &bf_bond_table      ? (void *)&c->bonds[0]
		: t == &bf_guest_table    ? (void *)&c->guests[0]
		: t == &bf_exporter_table ? (void *)&c->exporters[0]
					  : (void *)&c->bonds[0].members[0];
	snprintf(want, sizeof(want), "%s", other_value(k, value, sizeof(value)));
	if (bf_keys_set(t, object, k->name, want, &err) != 0)
		fail_msg("%s %s: %s", t->what, k->name, err.text);
	assert_false(bf_config_is_equal(c, plain));
	bf_config_print(c, collect, lines);
	if (!(k->flags & BF_KEY_IN_CREATE))
		snprintf(
			want, sizeof(want), "%s=%s", k->name, other_value(k, value, sizeof(value)));
	assert_has(lines, want);
	free(plain);
	free(c);
}

static void
test_a_row_alone_brings_its_key_into_running_config_and_into_comparisons(void **state)
{
	(void)state;
	for_all_keys(appears_when_set);
}

static void
test_only_some_changes_of_a_guest_reopen_it(void **state)
{
	static const struct {
		const char *from, *to;
		bool reopens;
	} rows[] = {{"mtu=1500", "mtu=9000", true}, {"mtu=9000", "mtu=1500", false},
		{"socket=/a", "socket=/b", true}, {"queues=1", "queues=2", true},
		{"offload=auto", "offload=tso", false}, {"offload=tso", "offload=csum", true},
		{"mbufs=bond", "mbufs=512", true}, {"packed=on", "packed=off", true},
		{"mrg_rxbuf=on", "mrg_rxbuf=off", true}, {"mode=client", "mode=server", true},
		{"features=none", "features=0.1", true}, {"mac_limit=1", "mac_limit=2", false},
		{"admin=up", "admin=down", false}, {"uplink=a", "uplink=b", false},
		{"tx_retries=1", "tx_retries=2", false}};
	struct bf_guest_config from, to;
	struct bf_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bf_guest_config_init(&from);
		bf_guest_config_init(&to);
		assert_int_equal(bf_guest_config_parse(&from, rows[i].from, &err), 0);
		assert_int_equal(bf_guest_config_parse(&to, rows[i].to, &err), 0);
		if (bf_guest_config_reopens(&from, &to) != rows[i].reopens)
			fail_msg("%s to %s", rows[i].from, rows[i].to);
		assert_false(bf_guest_config_is_equal(&from, &to));
	}
}

/* Keys of every kind that the program's own tables do not have yet. */
struct fancy {
	struct bf_vlan_set trunk;
	struct bf_mac_list mac;
	struct bf_ip_list ip;
	struct bf_rate_limit rate_in;
	uint32_t vlan;
};

static const struct bf_key fancy_keys[] = {
	{.name = "trunk", BF_VALUE(vlans, offsetof(struct fancy, trunk)), .help = "."},
	{.name = "mac", BF_VALUE(macs, offsetof(struct fancy, mac)), .help = "."},
	{.name = "ip", BF_VALUE(ips, offsetof(struct fancy, ip)), .help = "."},
	{.name = "rate_in",
		BF_VALUE(rate, offsetof(struct fancy, rate_in)),
		.def = "1gbit",
		.help = "."},
	{.name = "vlan", BF_NUM(offsetof(struct fancy, vlan), 0, 4094), .def = "0", .help = "."},
};
static const struct bf_key_table fancy_table = {.what = "port",
	.keys = fancy_keys,
	.n = sizeof(fancy_keys) / sizeof(fancy_keys[0]),
	.size = sizeof(struct fancy)};

static void
expect_fancy(const struct fancy *f, const char *want)
{
	char all[8192] = "", text[BF_KEY_TEXT_MAX];

	for (unsigned int i = 0; i < fancy_table.n; i++) {
		bf_key_print(&fancy_keys[i], f, text, sizeof(text));
		strcat(all, text);
		strcat(all, ";");
	}
	assert_string_equal(all, want);
}

static void
test_lists_stand_among_pairs_with_their_commas(void **state)
{
	struct fancy f, before;
	struct bf_err err = {""};

	(void)state;
	bf_keys_init(&fancy_table, &f);
	expect_fancy(&f, "none;none;none;1gbit;0;");
	assert_int_equal(bf_keys_parse(&fancy_table, &f,
				 "trunk=1,5,10-20,vlan=7,mac=02:00:00:00:00:01,00:00:5e:00:01/40,"
				 "ip=10.0.0.0/8,fd00::1,rate_in=2000pps",
				 &err),
		0);
	expect_fancy(
		&f, "1,5,10-20;02:00:00:00:00:01,00:00:5e:00:01/40;10.0.0.0/8,fd00::1;2kpps;7;");
	before = f;
	assert_true(bf_keys_are_equal(&fancy_table, &f, &before));
	assert_int_equal(bf_keys_parse(&fancy_table, &f, "trunk=9,vlan", &err), -EINVAL);
	assert_has(err.text, "trunk: \"vlan\": expected 1 to 4094");
	assert_true(bf_keys_are_equal(&fancy_table, &f, &before));
	assert_int_equal(bf_keys_parse(&fancy_table, &f, "vlan=7,trunk", &err), -EINVAL);
	assert_has(err.text, "trunk: \"\": expected a list");
	assert_int_equal(bf_keys_parse(&fancy_table, &f, "trunk=4", &err), 0);
	assert_false(bf_keys_are_equal(&fancy_table, &f, &before));
	assert_int_equal(bf_keys_parse(&fancy_table, &f,
				 "trunk=none,mac=none,ip=none,rate_in=none,vlan=0", &err),
		0);
	expect_fancy(&f, "none;none;none;off;0;");
}

/* An object with a profile: some keys have two defaults. */
struct port {
	uint32_t profile, limit, mtu;
	uint64_t given;
	struct bf_rate_limit rate;
};

static const struct bf_key port_keys[] = {
	{.name = "limit",
		BF_NUM(offsetof(struct port, limit), 1, 5000),
		.def = "1024",
		.tenant = "8",
		.help = "."},
	{.name = "mtu", BF_NUM(offsetof(struct port, mtu), 68, 9216), .def = "1500", .help = "."},
	{.name = "rate",
		BF_VALUE(rate, offsetof(struct port, rate)),
		.tenant = "1kpps",
		.help = "."},
	{.name = "profile",
		BF_ONE_OF(offsetof(struct port, profile), bf_profile_names),
		.def = "trusted",
		.flags = BF_KEY_PROFILE,
		.help = "."},
};
static const struct bf_key_table port_table = {.what = "port",
	.keys = port_keys,
	.n = sizeof(port_keys) / sizeof(port_keys[0]),
	.size = sizeof(struct port),
	.has_profile = true,
	.profile = offsetof(struct port, profile),
	.given = offsetof(struct port, given)};

static void
expect_port(const struct port *p, const char *want)
{
	char all[256] = "", text[BF_KEY_TEXT_MAX];

	for (unsigned int i = 0; i < port_table.n; i++) {
		bf_key_print(&port_keys[i], p, text, sizeof(text));
		strcat(all, text);
		strcat(all, ";");
	}
	assert_string_equal(all, want);
}

static void
test_keys_that_were_not_set_follow_the_profile(void **state)
{
	struct port p, other;
	struct bf_err err = {""};
	char text[128];

	(void)state;
	bf_keys_init(&port_table, &p);
	expect_port(&p, "1024;1500;off;trusted;");
	assert_int_equal(bf_keys_parse(&port_table, &p, "profile=tenant", &err), 0);
	expect_port(&p, "8;1500;1kpps;tenant;");
	bf_keys_set_profile(&port_table, &p, BF_PROFILE_TRUSTED);
	expect_port(&p, "1024;1500;off;trusted;");
	bf_key_defaults(&port_keys[0], text, sizeof(text));
	assert_string_equal(text, "1024; 8 in profile tenant");
	assert_string_equal(bf_key_default(&port_keys[2], BF_PROFILE_TRUSTED), "none");
	assert_int_equal(bf_keys_parse(&port_table, &p, "profile=friend", &err), -EINVAL);
	assert_has(err.text, "\"friend\": expected one of trusted, tenant");
	bf_keys_init(&port_table, &other);
	assert_true(bf_keys_are_equal(&port_table, &p, &other));
}

/* Also those that were set to what they were anyway, in any order. */
static void
test_keys_that_were_set_stay_when_the_profile_changes(void **state)
{
	static const char *const orders[] = {
		"limit=1024,profile=tenant", "profile=tenant,limit=1024"};
	struct port p, other;
	struct bf_err err = {""};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bf_keys_init(&port_table, &p);
		assert_int_equal(bf_keys_parse(&port_table, &p, orders[i], &err), 0);
		expect_port(&p, "1024;1500;1kpps;tenant;");
	}
	bf_keys_init(&port_table, &p);
	other = p;
	assert_int_equal(bf_keys_parse(&port_table, &p, "limit=1024", &err), 0);
	assert_false(bf_keys_are_equal(&port_table, &p, &other)); /* they differ as tenants */
	assert_int_equal(bf_keys_parse(&port_table, &p, "rate=none,profile=tenant", &err), 0);
	expect_port(&p, "1024;1500;off;tenant;");
	assert_int_equal(bf_keys_parse(&port_table, &p, "limit=0,profile=trusted", &err), -EINVAL);
	expect_port(&p, "1024;1500;off;tenant;");
}

static void
test_words_of_linux_and_teamd_are_taken_and_printed_in_one_spelling(void **state)
{
	static const struct {
		const char *theirs, *ours;
	} rows[] = {{"mode=roundrobin", "mode=balance-rr"},
		{"mode=activebackup", "mode=active-backup"},
		{"mode=loadbalance", "mode=balance-xor"}, {"mode=lacp", "mode=802.3ad"},
		{"mode=broadcast", "mode=broadcast"}, {"miimon=100", "mon_period=100"},
		{"xmit_hash_policy=layer2+3", "xmit_policy=l23"},
		{"xmit_hash_policy=encap3+4", "xmit_policy=encap34"},
		{"xmit_hash_policy=0", "xmit_policy=l2"}, {"ad_select=count", "agg_mode=count"},
		{"ad_select=actor_port_prio", "agg_mode=priority"},
		{"ad_actor_sys_prio=7", "lacp_system_priority=7"},
		{"ad_actor_system=02:00:00:00:00:01", "lacp_system_id=02:00:00:00:00:01"},
		{"ad_user_port_key=9", "lacp_key=9"}, {"num_unsol_na=3", "num_peer_notif=3"},
		{"missed_max=5", "probe_missed_max=5"}, {"arp_validate=none", "probe_validate=off"},
		{"arp_validate=all", "probe_validate=on"},
		{"all_slaves_active=1", "allow_duplicates=on"},
		{"arp_ip_target=10.0.0.1,10.0.0.2", "probe_target=10.0.0.1 10.0.0.2"},
		{"ns_ip6_target=fd00::1", "probe_target=fd00::1"},
		{"arp_interval=100", "probe_interval=100"}, {"lacp_rate=1", "lacp_rate=fast"},
		{"primary_reselect=failure", "primary_reselect=failure"}};
	char text[BF_KEY_TEXT_MAX], name[64];
	struct bf_bond_config b;
	struct bf_err err = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strcspn(rows[i].ours, "=");

		bf_bond_config_init(&b);
		if (bf_bond_config_parse(&b, rows[i].theirs, &err) != 0)
			fail_msg("%s: %s", rows[i].theirs, err.text);
		snprintf(name, sizeof(name), "%.*s", (int)len, rows[i].ours);
		for (unsigned int k = 0; k < bf_n_bond_keys; k++)
			if (strcmp(bf_bond_keys[k].name, name) == 0)
				bf_key_print(&bf_bond_keys[k], &b, text, sizeof(text));
		assert_string_equal(text, rows[i].ours + len + 1);
	}
}

/* Every option of the Linux driver's documentation is a key, another name of one, or refused in words. */
static void
test_no_option_of_linux_is_unknown(void **state)
{
	static const char *const bond[] = {"active_slave", "ad_actor_sys_prio", "ad_actor_system",
		"ad_select", "ad_user_port_key", "all_slaves_active", "arp_all_targets",
		"arp_interval", "arp_ip_target", "arp_missed_max", "arp_validate",
		"broadcast_neighbor", "coupled_control", "downdelay", "fail_over_mac",
		"lacp_active", "lacp_rate", "lp_interval", "max_bonds", "miimon", "min_links",
		"missed_max", "mode", "ns_ip6_target", "num_grat_arp", "num_unsol_na",
		"packets_per_slave", "peer_notif_delay", "primary", "primary_reselect",
		"resend_igmp", "tlb_dynamic_lb", "updelay", "use_carrier", "xmit_hash_policy"};
	static const char *const member[] = {
		"prio", "queue_id", "actor_port_prio", "ad_actor_port_prio"};
	struct bf_member_config m;
	struct bf_bond_config b;
	struct bf_err err;

	(void)state;
	bf_bond_config_init(&b);
	bf_member_config_init(&m);
	for (size_t i = 0; i < sizeof(bond) / sizeof(bond[0]); i++)
		if (bf_bond_config_set(&b, bond[i], "?", &err) == 0 ||
			strstr(err.text, "unknown key") != NULL)
			fail_msg("%s: %s", bond[i], err.text);
	for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++)
		if (bf_member_config_set(&m, member[i], "?", &err) == 0 ||
			strstr(err.text, "unknown key") != NULL)
			fail_msg("%s: %s", member[i], err.text);
}

static void
test_what_has_no_meaning_here_is_refused_in_words(void **state)
{
	struct bf_bond_config b, before;
	struct bf_err err;

	(void)state;
	bf_bond_config_init(&b);
	before = b;
	assert_int_equal(bf_bond_config_parse(&b, "fail_over_mac=active", &err), -EINVAL);
	assert_string_equal(err.text,
		"bond: \"fail_over_mac\": is an option of Linux bonding that bondfwd does not have: "
		"the bond keeps its address through a failover, as with fail_over_mac=none");
	assert_int_equal(bf_bond_config_parse(&b, "mode=random", &err), -EINVAL);
	assert_has(err.text, "mode: \"random\": is a runner of teamd that bondfwd does not have");
	assert_int_equal(bf_bond_config_parse(&b, "arp_validate=filter", &err), -EINVAL);
	assert_has(err.text, "arp_validate: \"filter\": is a value of Linux bonding");
	assert_int_equal(bf_bond_config_parse(&b, "xmit_hash_policy=1", &err), -EINVAL);
	assert_has(err.text, "write layer3+4"); /* 1 is layer3+4 there, and l23 here */
	assert_true(bf_bond_config_is_equal(&b, &before));
	assert_int_equal(bf_bond_config_parse(&b, "balance_xmit_policy=1", &err), 0);
	assert_int_equal(b.policy, BF_POLICY_L23);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_says_all),
		cmocka_unit_test(test_the_default_of_a_row_is_the_one_in_force),
		cmocka_unit_test(test_a_default_is_read_as_it_is_printed),
		cmocka_unit_test(test_a_name_belongs_to_one_key),
		cmocka_unit_test(
			test_a_row_alone_brings_its_key_into_running_config_and_into_comparisons),
		cmocka_unit_test(test_only_some_changes_of_a_guest_reopen_it),
		cmocka_unit_test(test_keys_that_were_not_set_follow_the_profile),
		cmocka_unit_test(test_keys_that_were_set_stay_when_the_profile_changes),
		cmocka_unit_test(test_lists_stand_among_pairs_with_their_commas),
		cmocka_unit_test(
			test_words_of_linux_and_teamd_are_taken_and_printed_in_one_spelling),
		cmocka_unit_test(test_no_option_of_linux_is_unknown),
		cmocka_unit_test(test_what_has_no_meaning_here_is_refused_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
