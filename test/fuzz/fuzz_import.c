/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: a database of Open vSwitch, and the draft that an import makes of it.
 *
 * The first byte says what is wanted (bits 0 to 2: bridge br0, bridge br1, uplink) and what the rest is: with
 * bit 7 a file as it is, with bit 6 its records as lines, each of which gets its length and hash here, else a
 * script that fills rows: table, row, column, value. A draft has only lines that a config file may have, and
 * gives no name twice: the second of them would replace the first, or be refused.
 *
 * Threads: one.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "import/ovs.h"
#include "import/sha1.h"
#include "input.h"
#include "replay.h"

#define INPUT_MAX 16384
#define IS_FILE 0x80
#define IS_RECORDS 0x40
#define PICK(in, of) (of)[input_byte(in) % (sizeof(of) / sizeof((of)[0]))]

static const char *const tables[] = {"Open_vSwitch", "Bridge", "Port", "Interface", "QoS", "Mirror",
	"sFlow", "IPFIX", "NetFlow", "Controller"};

static const char *const maps[] = {"other_config", "options", "bfd", "lldp"};
static const char *const columns[] = {"other_config", "options", "bfd", "lldp", "name", "ports",
	"interfaces", "type", "mirrors", "sflow", "ipfix", "netflow", "controller", "fail_mode",
	"stp_enable", "mcast_snooping_enable", "flood_vlans", "tag", "trunks", "cvlans",
	"vlan_mode", "qos", "lacp", "bond_mode", "bond_updelay", "bond_downdelay", "protected",
	"mac", "mtu_request", "ingress_policing_rate", "ingress_policing_burst",
	"ingress_policing_kpkts_rate", "cfm_mpid", "select_all", "select_src_port",
	"select_dst_port", "select_vlan", "output_port", "snaplen", "targets", "sampling",
	"polling", "header", "agent", "obs_domain_id", "cache_active_timeout", "target"};

static const char *const words[] = {"", "br0", "br1", "m0", "m0-2", "m0-3", "bond0", "vm1", "vm 1",
	"port1", "port2", "port3", "all", "none", "-", "dpdk", "afxdp", "dpdkvhostuser",
	"dpdkvhostuserclient", "internal", "patch", "active", "passive", "balance-tcp",
	"balance-slb", "active-backup", "access", "trunk", "native-tagged", "native-untagged",
	"dot1q-tunnel", "secure", "egress-policer", "true", "0", "7", "-1", "65535",
	"18446744073709551616", "0x14", "miimon", "02:00:00:00:00:01", "0000:3b:00.0",
	"net_tap0,iface=x", "class=eth,representor=[0]", "/run/vhost/vm1.sock", "dir", "a\nstart",
	"\xc3\xa4\xc3\xb6", "192.0.2.1:6343", "[2001:db8::1]:4739", "vhost-server-path",
	"vhost-sock-dir", "dpdk-devargs", "pmd-cpu-mask", "dpdk-lcore-mask", "dpdk-extra", "peer",
	"n_rxq_desc", "lacp-time", "lacp-system-id", "lacp-fallback-ab", "lacp-aggregation-key",
	"bond-primary", "bond-detect-mode", "bond-miimon-interval", "bond-rebalance-interval",
	"mac-aging-time", "hwaddr", "qinq-ethtype", "cir", "cbs", "tx-retries-max"};

static const json_int_t numbers[] = {0, 1, 2, 10, 68, 1500, 4094, 4095, 4096, 9216, 65536, 1000000,
	UINT32_MAX, INT64_MAX, -1, INT64_MIN};

static char *schema; /* of all tables and columns */

static json_t *
word_make(struct input *in)
{
	char text[600];
	uint8_t n = input_byte(in);

	if (n < 0xf0)
		return json_string(words[n % (sizeof(words) / sizeof(words[0]))]);
	memset(text, "a/0,"[n & 3], sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	return json_string(text);
}

static json_t *
ref_make(unsigned int row)
{
	char uuid[16];

	snprintf(uuid, sizeof(uuid), "u%u", row);
	return json_pack("[ss]", "uuid", uuid);
}

static json_t *
atom_make(struct input *in)
{
	switch (input_byte(in) % 8) {
	case 0:
		return json_integer(PICK(in, numbers));
	case 1:
		return json_integer((int8_t)input_byte(in));
	case 2:
		return ref_make(input_byte(in) % 16);
	case 3:
		return input_byte(in) & 1 ? json_true() : json_false();
	case 4:
		return input_byte(in) & 1 ? json_real(1.5) : json_null();
	default:
		return word_make(in);
	}
}

/* Mostly few; at times more than there is room for anywhere */
static unsigned int
count_make(struct input *in)
{
	uint8_t n = input_byte(in);

	return n < 0xf0 ? n % 16 : (n - 0xefU) * 640;
}

/* Rows, or numbers, from one on */
static json_t *
run_make(struct input *in)
{
	json_t *items = json_array();
	bool are_rows = input_byte(in) & 1;
	unsigned int from = input_byte(in), n = count_make(in);

	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(
			items, are_rows ? ref_make(from + i) : json_integer(from + 2 * i));
	return json_pack("[so]", "set", items);
}

static json_t *
pair_make(struct input *in)
{
	json_t *key = word_make(in);

	return json_pack("[oo]", key, word_make(in));
}

static json_t *
value_make(struct input *in)
{
	uint8_t kind = input_byte(in) % 8, n;
	json_t *items;

	if (kind < 4)
		return atom_make(in);
	if (kind == 4)
		return run_make(in);
	items = json_array();
	for (n = input_byte(in) % 24; n > 0; n--)
		json_array_append_new(items, kind == 5 ? atom_make(in) : pair_make(in));
	return json_pack("[so]", kind == 5 ? "set" : "map", items);
}

static json_t *
member_of(json_t *object, const char *key)
{
	if (json_object_get(object, key) == NULL)
		json_object_set_new(object, key, json_object());
	return json_object_get(object, key);
}

/* One row gets a column, goes, or has many copies. */
static void
row_change(struct input *in, json_t *record)
{
	json_t *rows = member_of(record, PICK(in, tables));
	uint8_t how = input_byte(in);
	const char *column;
	char uuid[16];

	snprintf(uuid, sizeof(uuid), "u%u", how % 16);
	if (how < 0xe0 || !json_is_object(json_object_get(rows, uuid))) {
		column = PICK(in, columns);
		if (!json_is_object(json_object_get(rows, uuid)))
			json_object_set_new(rows, uuid, json_object());
		json_object_set_new(json_object_get(rows, uuid), column, value_make(in));
	} else if (how < 0xf0) {
		json_object_set_new(rows, uuid, json_null());
	} else {
		json_t *row = json_incref(json_object_get(rows, uuid));

		for (unsigned int n = count_make(in); n > 0; n--) {
			snprintf(uuid, sizeof(uuid), "u%u", 15 + n);
			json_object_set(rows, uuid, row);
		}
		json_decref(row);
	}
}

static void
record_put(int fd, const char *text, size_t len)
{
	char hash[BF_SHA1_TEXT_MAX];

	bf_sha1_text(text, len, hash);
	CHECK(dprintf(fd, "OVSDB JSON %zu %s\n", len, hash) > 0);
	CHECK(write(fd, text, len) == (ssize_t)len);
}

static char *
json_print(json_t *record)
{
	char *text = json_dumps(record, JSON_COMPACT);

	CHECK(text != NULL);
	json_decref(record);
	return text;
}

static void
json_put(int fd, json_t *record)
{
	char *text = json_print(record);

	record_put(fd, text, strlen(text));
	free(text);
}

static json_t *
schema_make(void)
{
	json_t *all = json_object(), *known = json_object();

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		json_object_set_new(all, columns[i],
			json_pack("{s{ssss}}", "type", "key", "any", "max", "unlimited"));
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		json_object_set_new(json_object_get(json_object_get(all, maps[i]), "type"), "value",
			json_string("string"));
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		json_object_set_new(known, tables[i], json_pack("{sO}", "columns", all));
	json_decref(all);
	return json_pack("{ssso}", "name", "Open_vSwitch", "tables", known);
}

static void
script_put(int fd, struct input *in)
{
	json_t *record = json_object();

	record_put(fd, schema, strlen(schema));
	while (in->left > 0) {
		uint8_t next = input_byte(in);

		if (next < 0xf8) {
			row_change(in, record);
			continue;
		}
		json_put(fd, record);
		record = next & 1 ? json_pack("{sb}", "_is_diff", 1) : json_object();
	}
	json_put(fd, record);
}

static void
records_put(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) + 1 : len;

		record_put(fd, text, n);
		text += n;
		len -= n;
	}
}

/* A name that a line gives, which no other line of its kind does. */
static void
name_check(json_t *names, const char *kind, const char *name)
{
	char key[BF_DRAFT_LINE_MAX];
	size_t len = strcspn(name, " ");

	CHECK(len > 0 && len < BF_OVS_NAME_MAX);
	snprintf(key, sizeof(key), "%s %.*s", kind, (int)len, name);
	CHECK(json_object_get(names, key) == NULL);
	json_object_set_new(names, key, json_true());
}

static void
line_check(json_t *names, const char *line, size_t len)
{
	static const char *const kinds[][2] = {{"add guest ", "port"}, {"add host ", "port"},
		{"set mirror ", "mirror"}, {"create exporter ", "exporter"}};

	CHECK(len < BF_DRAFT_LINE_MAX + 100);
	for (size_t i = 0; i < len; i++)
		CHECK((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(line, kinds[i][0], strlen(kinds[i][0])) == 0)
			name_check(names, kinds[i][1], line + strlen(kinds[i][0]));
	if (strncmp(line, "create bonding device ", 22) == 0)
		name_check(names, "port", strstr(line, " 0 ") + 3);
}

static void
draft_check(const struct bf_draft *d)
{
	json_t *names = json_object();
	char *end;

	for (char *line = d->text; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		CHECK(end != NULL);
		*end = '\0';
		line_check(names, line, (size_t)(end - line));
	}
	json_decref(names);
}

static void
import_try(int fd, uint8_t wants)
{
	struct bf_ovs_wanted wanted = {.n_bridges = 0};
	struct bf_err err = {""};
	struct bf_draft d;
	char path[40];

	if (wants & 1)
		wanted.bridges[wanted.n_bridges++] = "br0";
	if (wants & 2)
		wanted.bridges[wanted.n_bridges++] = "br1";
	if (wants & 4)
		wanted.uplink = "bond0";
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(bf_draft_begin(&d));
	if (bf_ovs_import(path, &wanted, &d, &err) != 0) {
		CHECK(err.text[0] != '\0');
	} else {
		CHECK(bf_draft_end(&d));
		draft_check(&d);
	}
	bf_draft_free(&d);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	schema = json_print(schema_make());
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	int fd;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	in = (struct input){data + 1, size - 1};
	fd = memfd_create("conf.db", MFD_CLOEXEC);
	CHECK(fd >= 0);
	if (data[0] & IS_FILE)
		CHECK(write(fd, in.p, in.left) == (ssize_t)in.left);
	else if (data[0] & IS_RECORDS)
		records_put(fd, (const char *)in.p, in.left);
	else
		script_put(fd, &in);
	import_try(fd, data[0]);
	(void)close(fd);
	return 0;
}

int
fuzz_end(void)
{
	free(schema);
	return 0;
}
