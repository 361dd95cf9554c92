/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show running-config is a file that load reads: what bf_config_print() writes, the program's own
 * commands turn back into an equal config.  No EAL: the commands change a candidate.
 *
 * Threads: one.
 */
#include "unit.h"

#include "app.h"
#include "commands/commands.h"
#include "console/command.h"
#include "control/config/types.h"
#include "draw.h"

static struct bf_app app;

static int
set_up(void **state)
{
	struct bf_err why;

	(void)state;
	memset(&app, 0, sizeof(app));
	app.candidate = bf_config_new();
	app.cmds = bf_cmd_set_create(bf_app_groups, bf_app_complete, &app, &why);
	return app.cmds == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_cmd_set_destroy(app.cmds);
	free(app.candidate);
	return 0;
}

static void
feed(void *arg, const char *line)
{
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);
	size_t len;

	(void)arg;
	if (bf_cmd_run(app.cmds, line, out, &app) != BF_OUT_OK)
		fail_msg("\"%s\": %s", line, bf_out_data(out, &len));
	bf_out_destroy(out);
}

/* What stands behind the end of a name does not count. */
static struct bf_bond_config
clean(const struct bf_bond_config *from)
{
	struct bf_bond_config b = *from;

	memset(b.primary, 0, sizeof(b.primary));
	memcpy(b.primary, from->primary, strlen(from->primary));
	memset(b.name, 0, sizeof(b.name));
	memcpy(b.name, from->name, strlen(from->name));
	return b;
}

static void
expect_equal(const struct bf_config *a, const struct bf_config *b)
{
	struct bf_bond_config one = clean(&a->bonds[0]), two = clean(&b->bonds[0]);

	assert_int_equal(a->n_bonds, b->n_bonds);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(a->n_guests, b->n_guests);
	for (uint32_t i = 0; i < a->n_guests; i++)
		assert_true(bf_guest_config_is_equal(&a->guests[i], &b->guests[i]));
	assert_int_equal(a->n_groups, b->n_groups);
	for (uint32_t i = 0; i < a->n_groups; i++)
		assert_true(bf_group_config_is_equal(&a->groups[i], &b->groups[i]));
	assert_int_equal(a->n_exporters, b->n_exporters);
	for (uint32_t i = 0; i < a->n_exporters; i++)
		assert_true(bf_exporter_config_is_equal(&a->exporters[i], &b->exporters[i]));
	assert_int_equal(a->profile, b->profile);
	assert_int_equal(a->fdb_aging_s, b->fdb_aging_s);
	assert_int_equal(a->history, b->history);
	assert_int_equal(a->idle, b->idle);
	assert_memory_equal(&a->qos_map, &b->qos_map, sizeof(a->qos_map));
	assert_int_equal(a->forwarding, b->forwarding);
}

static void
test_the_default_config_comes_back(void **state)
{
	struct bf_config *want = bf_config_new();

	(void)state;
	bf_config_print(want, feed, NULL);
	expect_equal(want, app.candidate);
	free(want);
}

static void
test_a_full_config_comes_back(void **state)
{
	static const char uplink[] =
		"name=uplink,mode=802.3ad,member=0000:3b:00.0,member=net_ring1,primary=net_ring1,"
		"xmit_policy=vlan+srcmac,seed=99,mac=02:00:00:00:00:01,mtu=9000,mon_period=100,"
		"up_delay=5,down_delay=6,lacp_rate=fast,lacp_active=off,lacp_system_id=random,"
		"min_links=2,lacp_fallback=on,lacp_strict=on,lacp_partner=02:00:00:00:00:02,"
		"lacp_pdu_limit=7,agg_mode=bandwidth,primary_reselect=failure,lacp_key=3";
	static const char vm1[] = "name=vm1,socket=/run/a=b#c,mode=server,queues=2,mtu=9216,"
				  "mrg_rxbuf=off,packed=off,mbufs=512,mac_limit=1,tx_retries=32";
	struct bf_config *want = bf_config_new();
	struct bf_guest_config g;
	struct bf_err err;

	(void)state;
	want->n_bonds = 1;
	assert_int_equal(bf_bond_config_parse(&want->bonds[0], uplink, &err), 0);
	want->bonds[0].members[1].priority = -5;
	want->bonds[0].members[1].up_delay_ms = 0;
	want->bonds[0].members[0].down_delay_ms = 70;
	want->bonds[0].members[0].lacp_port_priority = 1;
	want->bonds[0].members[1].drained = true;
	bf_guest_config_init(&g);
	assert_int_equal(bf_guest_config_parse(&g, vm1, &err), 0);
	assert_int_equal(bf_config_add_guest(want, &g, &err), 0);
	want->fdb_aging_s = 10;
	want->history = 3;
	want->idle = 2;
	want->forwarding = false;
	bf_config_print(want, feed, NULL);
	expect_equal(want, app.candidate);
	free(want);
}

static void
append(void *arg, const char *line)
{
	strcat(arg, line);
	strcat(arg, "\n");
}

static void
test_guests_have_the_profile_that_was_in_force_when_they_were_made(void **state)
{
	char text[4096] = "";

	(void)state;
	feed(NULL, "add guest vm1 socket=/run/1");
	feed(NULL, "set profile default tenant");
	feed(NULL, "add guest vm2 socket=/run/2");
	feed(NULL, "add guest vm3 socket=/run/3,profile=trusted");
	assert_int_equal(app.candidate->guests[0].profile, BF_PROFILE_TRUSTED);
	assert_int_equal(app.candidate->guests[1].profile, BF_PROFILE_TENANT);
	assert_int_equal(app.candidate->guests[2].profile, BF_PROFILE_TRUSTED);
	bf_config_print(app.candidate, append, text);
	assert_has(text,
		"set profile default tenant\n"
		"add guest vm1 profile=trusted,socket=/run/1\n"
		"add guest vm2 socket=/run/2\n"
		"add guest vm3 profile=trusted,socket=/run/3\n");
}

/* A bond has no profile of its own. */
static void
test_bonds_follow_the_profile_in_force(void **state)
{
	char text[8192] = "";

	(void)state;
	feed(NULL, "create bonding device active-backup 0 one");
	feed(NULL, "set bonding option one storm_unknown=off");
	feed(NULL, "set profile default tenant");
	feed(NULL, "create bonding device active-backup 0 two");
	for (int i = 0; i < 2; i++) {
		const struct bf_rate_limit *storm = app.candidate->bonds[i].storm;

		assert_int_equal(storm[BF_STORM_BROADCAST].frames_per_s, 10000);
		assert_int_equal(storm[BF_STORM_MULTICAST].frames_per_s, 20000);
		assert_int_equal(storm[BF_STORM_UNKNOWN].frames_per_s, i == 0 ? 0 : 50000);
	}
	bf_config_print(app.candidate, append, text);
	assert_has(text, "set bonding option one storm_unknown=off\n");
	assert_null(strstr(text, "storm_broadcast"));
	feed(NULL, "set profile default trusted");
	assert_int_equal(app.candidate->bonds[0].storm[BF_STORM_BROADCAST].frames_per_s, 0);
	assert_int_equal(app.candidate->bonds[1].storm[BF_STORM_BROADCAST].frames_per_s, 0);
}

static void
random_value(const struct bf_key *k, uint64_t *seed, char *text, size_t size)
{
	const struct bf_key_type *type = k->type;

	if (type == &bf_type_u32 || type == &bf_type_i32 || type == &bf_type_of_bond)
		snprintf(text, size, "%ld",
			(long)(k->min + (int64_t)(draw(seed) % (uint64_t)(k->max - k->min + 1))));
	else if (type == &bf_type_rate_burst)
		snprintf(text, size, "%u%s/%uk", 1 + draw_below(seed, 90),
			draw_below(seed, 2) == 0 ? "mbit" : "kpps", 2 + draw_below(seed, 90));
	else if (type == &bf_type_filter)
		snprintf(text, size, "%s",
			draw_below(seed, 2) == 0 ? "\"drop tcp port 25; mark 5 udp; count a\""
						 : "none");
	else if (type == &bf_type_features)
		snprintf(text, size, "%s", draw_below(seed, 2) == 0 ? "0.1" : "0x400008000");
	else if (type == &bf_type_rate)
		snprintf(text, size, "%u%s", 1000 + draw_below(seed, 9000),
			draw_below(seed, 2) == 0 ? "pps" : "kbit");
	else if (type == &bf_type_bool || type == &bf_type_either)
		snprintf(text, size, "%u", draw_below(seed, 2));
	else if (type == &bf_type_enum)
		snprintf(text, size, "%s", k->words[draw_below(seed, k->n_words)]);
	else if (type == &bf_type_mac)
		snprintf(text, size, "02:00:00:00:00:%02x", draw_below(seed, 256));
	else if (type == &bf_type_macs)
		snprintf(text, size, "%s02:00:00:00:00:%02x,00:00:5e:00:01/40",
			draw_below(seed, 2) == 0 ? "auto," : "", draw_below(seed, 256));
	else if (type == &bf_type_vlans)
		snprintf(text, size, "%u,1000-%u", 1 + draw_below(seed, 900),
			1000 + draw_below(seed, 3000));
	else if (type == &bf_type_vlan || type == &bf_type_access)
		snprintf(text, size, "%u", 1 + draw_below(seed, 4094));
	else if (type == &bf_type_ips)
		snprintf(text, size, "10.0.0.%u,fd00::/8", draw_below(seed, 256));
	else if (type == &bf_type_path)
		snprintf(text, size, "/run/%u", draw_below(seed, 1000000));
	else if (type == &bf_type_targets)
		snprintf(text, size, "10.0.0.%u/%u", draw_below(seed, 256),
			1 + draw_below(seed, 4094));
	else if (strcmp(k->name, "collector") == 0)
		snprintf(text, size, "[2001:db8::%u]:%u", draw_below(seed, 9),
			1 + draw_below(seed, 65535));
	else if (strcmp(k->name, "agent") == 0)
		snprintf(text, size, "10.0.0.%u", draw_below(seed, 256));
	else
		snprintf(text, size, "m%u", draw_below(seed, 4));
}

static void
randomise_exporters(struct bf_config *c, uint64_t *seed)
{
	struct bf_exporter_config e;
	struct bf_err err;
	char text[64], pair[128];

	for (unsigned int n = draw_below(seed, BF_MAX_EXPORTERS + 1); n > 0; n--) {
		bf_exporter_config_init(&e);
		snprintf(e.name, sizeof(e.name), "x%u", n);
		for (unsigned int i = 0; i < bf_n_exporter_keys; i++) {
			const struct bf_key *k = &bf_exporter_keys[i];

			random_value(k, seed, text, sizeof(text));
			snprintf(pair, sizeof(pair), "%s=%s", k->name, text);
			if (!(k->flags & BF_KEY_IDENTITY))
				assert_int_equal(bf_exporter_config_parse(&e, pair, &err), 0);
		}
		assert_int_equal(bf_config_add_exporter(c, &e, &err), 0);
	}
}

static void
randomise(struct bf_config *c, uint64_t *seed)
{
	struct bf_guest_config g;
	struct bf_err err;
	char text[64];

	c->n_bonds = draw_below(seed, 8) != 0;
	bf_config_set_profile(c, bf_profile_names[draw_below(seed, BF_PROFILE_COUNT)], &err);
	for (unsigned int i = 0; c->n_bonds > 0 && i < 4; i++) {
		snprintf(text, sizeof(text), "m%u", i);
		bf_bond_config_add_member(&c->bonds[0], text, &err);
		for (unsigned int k = 0; k < bf_n_member_keys; k++) {
			random_value(&bf_member_keys[k], seed, text, sizeof(text));
			assert_int_equal(bf_member_config_set(&c->bonds[0].members[i],
						 bf_member_keys[k].name, text, &err),
				0);
		}
	}
	for (unsigned int i = 0; c->n_bonds > 0 && i < bf_n_bond_keys; i++) {
		if (bf_bond_keys[i].flags & BF_KEY_IDENTITY)
			continue;
		random_value(&bf_bond_keys[i], seed, text, sizeof(text));
		if (draw_below(seed, 2) == 0)
			assert_int_equal(
				bf_bond_config_set(&c->bonds[0], bf_bond_keys[i].name, text, &err),
				0);
	}
	for (unsigned int n = draw_below(seed, 4); n > 0; n--) {
		bf_guest_config_init(&g);
		snprintf(g.name, sizeof(g.name), "m%u", n);
		for (unsigned int i = 0; i < bf_n_guest_keys; i++) {
			random_value(&bf_guest_keys[i], seed, text, sizeof(text));
			if (!(bf_guest_keys[i].flags & (BF_KEY_IDENTITY | BF_KEY_OF_ONE)) &&
				draw_below(seed, 2) == 0)
				assert_int_equal(
					bf_guest_config_set(&g, bf_guest_keys[i].name, text, &err),
					0);
		}
		assert_int_equal(bf_config_add_group(c, &g, &err), 0);
	}
	for (unsigned int n = draw_below(seed, 5); n > 0; n--) {
		bf_config_init_guest(c, &g);
		snprintf(g.name, sizeof(g.name), "vm%u", n);
		for (unsigned int i = 0; i < bf_n_guest_keys; i++) {
			if (bf_guest_keys[i].flags & BF_KEY_IDENTITY)
				continue;
			random_value(&bf_guest_keys[i], seed, text, sizeof(text));
			if (strcmp(bf_guest_keys[i].name, "group") == 0)
				snprintf(text, sizeof(text), "%s",
					c->n_groups == 0 || draw_below(seed, 2) == 0
						? "none"
						: c->groups[draw_below(seed, c->n_groups)].name);
			else if (draw_below(seed, 3) == 0 &&
				!(bf_guest_keys[i].flags & BF_KEY_OF_ONE))
				continue;
			assert_int_equal(
				bf_guest_config_set(&g, bf_guest_keys[i].name, text, &err), 0);
		}
		assert_int_equal(bf_config_add_guest(c, &g, &err), 0);
	}
	randomise_exporters(c, seed);
	c->idle = draw_below(seed, 3);
	c->qos_map.class_of[draw_below(seed, BF_DSCPS)] = (uint8_t)draw_below(seed, BF_CLASSES);
	c->qos_map.dscp_of[draw_below(seed, BF_CLASSES)] = (uint8_t)draw_below(seed, BF_DSCPS);
	c->forwarding = draw_below(seed, 2) != 0;
}

static void
test_random_configs_come_back(void **state)
{
	uint64_t seed = 20240601;

	for (int i = 0; i < 100; i++) {
		struct bf_config *want = bf_config_new();

		randomise(want, &seed);
		bf_config_print(want, feed, NULL);
		expect_equal(want, app.candidate);
		free(want);
		tear_down(state);
		set_up(state);
	}
}

static const struct bf_guest_config *
guest_of(const char *name)
{
	return bf_config_find_guest(app.candidate, name);
}

static void
test_a_guest_has_its_own_keys_then_its_groups_then_the_defaults(void **state)
{
	char text[8192] = "";

	(void)state;
	feed(NULL, "set profile default tenant");
	feed(NULL, "create group web label=front,mtu=9000,vlan=7,ra_guard=off,mac=auto");
	feed(NULL, "add guest vm1 group=web,socket=/run/1");
	feed(NULL, "add guest vm2 mtu=1500,socket=/run/2,group=web");
	assert_int_equal(guest_of("vm1")->mtu, 9000);
	assert_int_equal(guest_of("vm1")->vlan, 7);
	assert_string_equal(guest_of("vm1")->label, "front");
	assert_false(guest_of("vm1")->ra_guard);
	assert_true(guest_of("vm1")->dhcp_guard);
	assert_int_equal(guest_of("vm2")->mtu, 1500);
	assert_int_equal(guest_of("vm2")->mac.n, 1);
	feed(NULL, "set group web mtu=4000,queues=2");
	assert_int_equal(guest_of("vm1")->mtu, 4000);
	assert_int_equal(guest_of("vm1")->queues, 2);
	assert_int_equal(guest_of("vm2")->mtu, 1500);
	feed(NULL, "unset guest vm2 mtu");
	assert_int_equal(guest_of("vm2")->mtu, 4000);
	feed(NULL, "unset group web mtu");
	assert_int_equal(guest_of("vm2")->mtu, 1500);
	bf_config_print(app.candidate, append, text);
	assert_has(text,
		"create group web queues=2,label=front,vlan=7,ra_guard=off\n"
		"set group web mac=auto\n"
		"add guest vm1 group=web,socket=/run/1\n"
		"add guest vm2 group=web,socket=/run/2\n");
	feed(NULL, "set guest vm2 group=none");
	assert_int_equal(guest_of("vm2")->vlan, 0);
	assert_string_equal(guest_of("vm2")->label, "");
	assert_int_equal(guest_of("vm2")->mac.n, 0);
	assert_true(guest_of("vm2")->ra_guard);
}

static void
test_a_groups_profile_is_its_guests(void **state)
{
	(void)state;
	feed(NULL, "set profile default tenant");
	feed(NULL, "create group old profile=trusted");
	feed(NULL, "add guest vm1 group=old,socket=/run/1");
	feed(NULL, "add guest vm2 group=old,socket=/run/2,profile=tenant");
	feed(NULL, "add guest vm3 group=old,socket=/run/3,mac_guard=on");
	assert_false(guest_of("vm1")->mac_guard);
	assert_true(guest_of("vm2")->mac_guard);
	assert_true(guest_of("vm3")->mac_guard);
	assert_false(guest_of("vm3")->dhcp_guard);
	feed(NULL, "unset group old profile");
	assert_true(guest_of("vm1")->mac_guard);
	assert_true(guest_of("vm3")->dhcp_guard);
	feed(NULL, "set group old profile=trusted");
	assert_false(guest_of("vm1")->mac_guard);
	feed(NULL, "set guest vm1 group=none");
	assert_true(guest_of("vm1")->mac_guard);
}

/* Neither a change of the default, nor what is unset beside, nor a group without a profile makes it another. */
static void
test_a_guest_stays_the_tenant_that_it_was_made(void **state)
{
	(void)state;
	feed(NULL, "set profile default tenant");
	feed(NULL, "create group web label=x");
	feed(NULL, "add guest vm1 socket=/run/1,mtu=9000");
	feed(NULL, "set profile default trusted");
	feed(NULL, "unset guest vm1 mtu");
	assert_int_equal(guest_of("vm1")->mtu, 1500);
	assert_true(guest_of("vm1")->mac_guard);
	feed(NULL, "set guest vm1 group=web");
	assert_string_equal(guest_of("vm1")->label, "x");
	assert_true(guest_of("vm1")->mac_guard);
	feed(NULL, "set guest vm1 group=none");
	assert_true(guest_of("vm1")->mac_guard);
	feed(NULL, "set guest vm1 profile=tenant");
	feed(NULL, "unset guest vm1 profile");
	assert_false(guest_of("vm1")->mac_guard);
}

static void
test_guests_name_a_bond_also_when_their_group_does_no_longer(void **state)
{
	(void)state;
	feed(NULL, "create bonding device active-backup 0 one");
	feed(NULL, "create bonding device active-backup 0 two");
	feed(NULL, "create group g uplink=two,queues=4");
	feed(NULL, "add guest vm1 socket=/run/1,group=g");
	feed(NULL, "set lcore 1 guest vm1 queue 3");
	assert_string_equal(guest_of("vm1")->uplink, "two");
	assert_int_equal(guest_of("vm1")->pin[3], 2);
	feed(NULL, "unset group g uplink");
	assert_string_equal(guest_of("vm1")->uplink, "one");
	feed(NULL, "set group g queues=2");
	assert_int_equal(guest_of("vm1")->pin[3], 0);
}

static void
test_a_bad_line_names_its_text_and_changes_nothing(void **state)
{
	static const struct {
		const char *line, *word;
	} table[] = {{"add guest vm1 socket=/tmp/a,mtu=67", "\"67\": expected 68 to 9216"},
		{"add guest vm1 socket=a", "\"a\": expected an absolute path"},
		{"add guest vm1 sockett=/tmp/a", "unknown key \"sockett\""},
		{"create bonding device 9 0 b", "\"9\": expected one of"},
		{"add bonding member m0 bond9", "\"bond9\": expected"},
		{"remove guest vm7", "\"vm7\": no such guest"},
		{"add guest vm1 socket=/tmp/a,group=g7", "group: \"g7\": no such group"},
		{"create group g socket=/tmp/a", "socket: is of one guest only"},
		{"create group g mtu=67", "group \"g\": mtu: \"67\": expected 68 to 9216"},
		{"set group g7 mtu=68", "group: \"g7\": no such group"},
		{"remove group g7", "group: \"g7\": no such group"},
		{"unset guest vm7 mtu", "\"vm7\": no such guest"}, {"set fdb aging -1", "\"-1\""}};
	struct bf_config *before = bf_config_copy(app.candidate);
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);

		assert_int_not_equal(bf_cmd_run(app.cmds, table[i].line, out, &app), BF_OUT_OK);
		assert_has(bf_out_data(out, &len), table[i].word);
		expect_equal(before, app.candidate);
		bf_out_destroy(out);
	}
	free(before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_the_default_config_comes_back),
		T(test_a_full_config_comes_back),
		T(test_guests_have_the_profile_that_was_in_force_when_they_were_made),
		T(test_bonds_follow_the_profile_in_force),
		T(test_random_configs_come_back),
		T(test_a_guest_has_its_own_keys_then_its_groups_then_the_defaults),
		T(test_a_groups_profile_is_its_guests),
		T(test_a_guest_stays_the_tenant_that_it_was_made),
		T(test_guests_name_a_bond_also_when_their_group_does_no_longer),
		T(test_a_bad_line_names_its_text_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
