/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Exporters of flows and counters: their keys, a row each, and the list of them.
 *
 * Threads: ctx control.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/udp_address.h"
#include "control/config/config.h"
#include "control/config/types.h"

static const char *const type_names[] = {"sflow", "ipfix"};

static bool
text_is_equal(const void *a, const void *b)
{
	return strcmp(a, b) == 0;
}

static void
text_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	const char *text = at;

	(void)k;
	snprintf(buf, size, "%s", text[0] != '\0' ? text : "none");
}

static int
collector_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	struct bf_udp_address a;

	if (strcmp(text, "none") == 0)
		text = "";
	else if (bf_udp_address_parse(k->name, text, 1, &a, err) != 0)
		return -EINVAL;
	snprintf(at, (size_t)k->max, "%s", text);
	return 0;
}

static void
collector_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "IPv4[:PORT], IPv6, [IPv6]:PORT");
}

static const struct bf_key_type type_collector = {.parse = collector_parse,
	.print = text_print,
	.values = collector_values,
	.is_equal = text_is_equal};

static int
agent_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	uint8_t addr[16];

	if (strcmp(text, "none") == 0)
		text = "";
	else if (inet_pton(AF_INET, text, addr) != 1 && inet_pton(AF_INET6, text, addr) != 1)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected an IPv4 or IPv6 address",
			k->name, text);
	snprintf(at, (size_t)k->max, "%s", text);
	return 0;
}

static void
agent_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "IPv4 or IPv6 address, none");
}

static const struct bf_key_type type_agent = {.parse = agent_parse,
	.print = text_print,
	.values = agent_values,
	.is_equal = text_is_equal};

#define E(field) offsetof(struct bf_exporter_config, field)

const struct bf_key bf_exporter_keys[] = {
	{.name = "name",
		BF_STRING(name, E(name), BF_NAME_MAX),
		.flags = BF_KEY_IDENTITY | BF_KEY_IN_CREATE,
		.help = "name of the exporter"},
	{.name = "type",
		BF_ONE_OF(E(type), type_names),
		.def = "sflow",
		.help = "sflow: samples and counters by sFlow version 5; ipfix: flows by IPFIX (RFC 7011)"},
	{.name = "collector",
		.type = &type_collector,
		.offset = E(collector),
		.max = sizeof(((struct bf_exporter_config *)0)->collector),
		.help = "address of the collector, which receives by UDP; default port 6343 "
			"for sflow, 4739 for ipfix"},
	{.name = "sampling",
		BF_NUM(E(sampling), 1, 1000000),
		.def = "1000",
		.help = "one frame in this many that enter the switch is sampled, on average"},
	{.name = "polling",
		BF_NUM(E(polling_s), 0, 86400),
		.def = "20",
		.help = "sflow: seconds between two reports of the ports' counters; 0: none"},
	{.name = "header",
		BF_NUM(E(header_bytes), 64, 512),
		.def = "128",
		.help = "sflow: bytes of a sampled frame that are sent"},
	{.name = "agent",
		.type = &type_agent,
		.offset = E(agent),
		.max = sizeof(((struct bf_exporter_config *)0)->agent),
		.help = "sflow: address that identifies this switch; none: the source address "
			"of its datagrams"},
	{.name = "domain",
		BF_NUM(E(domain), 0, UINT32_MAX),
		.def = "1",
		.help = "observation domain of ipfix, sub-agent of sflow"},
	{.name = "active",
		BF_NUM(E(active_s), 1, 3600),
		.def = "60",
		.help = "ipfix: active timeout, seconds after which a flow that continues is "
			"reported"},
	{.name = "idle",
		BF_NUM(E(idle_s), 1, 3600),
		.def = "15",
		.help = "ipfix: idle timeout, seconds without a sample after which a flow is "
			"reported as ended"},
	{.name = "template_interval",
		BF_NUM(E(template_s), 1, 3600),
		.def = "60",
		.help = "ipfix: seconds between two reports of templates, sampling and names of ports"},
};
const unsigned int bf_n_exporter_keys = sizeof(bf_exporter_keys) / sizeof(bf_exporter_keys[0]);
const struct bf_key_table bf_exporter_table = {.what = "exporter",
	.keys = bf_exporter_keys,
	.n = sizeof(bf_exporter_keys) / sizeof(bf_exporter_keys[0]),
	.size = sizeof(struct bf_exporter_config)};

uint16_t
bf_exporter_default_port(const struct bf_exporter_config *e)
{
	return e->type == BF_EXPORTER_SFLOW ? 6343 : 4739;
}

void
bf_exporter_config_init(struct bf_exporter_config *e)
{
	bf_keys_init(&bf_exporter_table, e);
}

int
bf_exporter_config_parse(struct bf_exporter_config *e, const char *pairs, struct bf_err *err)
{
	struct bf_exporter_config changed = *e;
	struct bf_err why;

	if (bf_keys_parse(&bf_exporter_table, &changed, pairs, &why) != 0)
		return bf_err_set(err, EINVAL, "exporter \"%s\": %s", e->name, why.text);
	if (strcmp(changed.name, e->name) != 0)
		return bf_err_set(err, EINVAL,
			"exporter \"%s\": name: \"%s\": expected no other name", e->name,
			changed.name);
	*e = changed;
	return 0;
}

bool
bf_exporter_config_is_equal(const struct bf_exporter_config *a, const struct bf_exporter_config *b)
{
	return bf_keys_are_equal(&bf_exporter_table, a, b);
}

const struct bf_exporter_config *
bf_config_find_exporter(const struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_exporters; i++)
		if (strcmp(c->exporters[i].name, name) == 0)
			return &c->exporters[i];
	return NULL;
}

static int
exporter_check(const struct bf_exporter_config *e, struct bf_err *err)
{
	if (e->collector[0] == '\0')
		return bf_err_set(err, EINVAL,
			"exporter \"%s\": collector: expected collector=ADDRESS[:PORT]", e->name);
	return 0;
}

int
bf_config_add_exporter(struct bf_config *c, const struct bf_exporter_config *e, struct bf_err *err)
{
	int ret = exporter_check(e, err);

	if (ret != 0)
		return ret;
	if (bf_config_find_exporter(c, e->name) != NULL)
		return bf_err_set(err, EINVAL, "exporter: \"%s\": already in use", e->name);
	if (c->n_exporters == BF_MAX_EXPORTERS)
		return bf_err_set(err, EINVAL, "exporter: \"%s\": expected at most %d exporters",
			e->name, BF_MAX_EXPORTERS);
	c->exporters[c->n_exporters++] = *e;
	return 0;
}

int
bf_config_replace_exporter(
	struct bf_config *c, const struct bf_exporter_config *e, struct bf_err *err)
{
	const struct bf_exporter_config *old = bf_config_find_exporter(c, e->name);
	int ret = exporter_check(e, err);

	if (ret != 0)
		return ret;
	if (old == NULL)
		return bf_err_set(err, EINVAL, "exporter: \"%.60s\": no such exporter", e->name);
	c->exporters[old - c->exporters] = *e;
	return 0;
}

int
bf_config_remove_exporter(struct bf_config *c, const char *name, struct bf_err *err)
{
	const struct bf_exporter_config *old = bf_config_find_exporter(c, name);
	struct bf_exporter_config *e;

	if (old == NULL)
		return bf_err_set(err, EINVAL, "exporter: \"%.60s\": no such exporter", name);
	e = &c->exporters[old - c->exporters];
	memmove(e, e + 1, (size_t)(&c->exporters[c->n_exporters] - (e + 1)) * sizeof(*e));
	c->n_exporters--;
	return 0;
}
