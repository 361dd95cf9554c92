/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See ipfix.h.
 *
 * Threads: one at a time.
 */
#include "control/export/ipfix.h"

#include "control/export/writer.h"

#define VERSION 10
#define HEADER_LEN 16
#define SET_HEADER_LEN 4
#define ROOM 200 /* for one record of any kind, with the header of its set */
#define VARIABLE 0xffff /* length of an element that says its length itself */

enum {
	SET_TEMPLATES = 2,
	SET_OPTIONS = 3,
	TEMPLATE_IPV4 = 256,
	TEMPLATE_IPV6 = 257,
	TEMPLATE_OTHER = 258,
	TEMPLATE_SAMPLING = 259,
	TEMPLATE_NAMES = 260,
};
enum {
	SELECTOR_ONLY = 1, /* selectorId */
	RANDOM_N_OF_N = 3, /* selectorAlgorithm: random n-out-of-N */
	DIRECTION_INGRESS = 0,
};

/* Elements of IANA's registry, with their names there. */
enum {
	OCTET_DELTA_COUNT = 1,
	PACKET_DELTA_COUNT = 2,
	PROTOCOL_IDENTIFIER = 4,
	IP_CLASS_OF_SERVICE = 5,
	TCP_CONTROL_BITS = 6,
	SOURCE_TRANSPORT_PORT = 7,
	SOURCE_IPV4_ADDRESS = 8,
	INGRESS_INTERFACE = 10,
	DESTINATION_TRANSPORT_PORT = 11,
	DESTINATION_IPV4_ADDRESS = 12,
	EGRESS_INTERFACE = 14,
	SOURCE_IPV6_ADDRESS = 27,
	DESTINATION_IPV6_ADDRESS = 28,
	SAMPLING_INTERVAL = 34,
	SOURCE_MAC_ADDRESS = 56,
	VLAN_ID = 58,
	FLOW_DIRECTION = 61,
	DESTINATION_MAC_ADDRESS = 80,
	INTERFACE_NAME = 82,
	FLOW_END_REASON = 136,
	OBSERVATION_DOMAIN_ID = 149,
	FLOW_START_MILLISECONDS = 152,
	FLOW_END_MILLISECONDS = 153,
	ETHERNET_TYPE = 256,
	SELECTOR_ID = 302,
	SELECTOR_ALGORITHM = 304,
	SAMPLING_PACKET_INTERVAL = 305,
	SAMPLING_PACKET_SPACE = 306,
};

struct element {
	uint16_t id, len;
};

#define PART_MAX 16

/* Elements one behind the other, up to one without a number; in the order of the writers below. */
static const struct element common_part[PART_MAX] = {{FLOW_START_MILLISECONDS, 8},
	{FLOW_END_MILLISECONDS, 8}, {OCTET_DELTA_COUNT, 8}, {PACKET_DELTA_COUNT, 8},
	{INGRESS_INTERFACE, 4}, {EGRESS_INTERFACE, 4}, {FLOW_DIRECTION, 1}, {FLOW_END_REASON, 1},
	{VLAN_ID, 2}, {SOURCE_MAC_ADDRESS, 6}, {DESTINATION_MAC_ADDRESS, 6}, {ETHERNET_TYPE, 2},
	{SELECTOR_ID, 8}};
static const struct element ipv4_part[PART_MAX] = {
	{SOURCE_IPV4_ADDRESS, 4}, {DESTINATION_IPV4_ADDRESS, 4}};
static const struct element ipv6_part[PART_MAX] = {
	{SOURCE_IPV6_ADDRESS, 16}, {DESTINATION_IPV6_ADDRESS, 16}};
static const struct element upper_part[PART_MAX] = {{PROTOCOL_IDENTIFIER, 1},
	{IP_CLASS_OF_SERVICE, 1}, {SOURCE_TRANSPORT_PORT, 2}, {DESTINATION_TRANSPORT_PORT, 2},
	{TCP_CONTROL_BITS, 2}};
/*
 * The first element of options is their scope.  samplingInterval says the same once more, in front of the newer
 * elements, for collectors that look for it: nfdump 1.7.1 takes the latter only together with it, and without
 * samplingAlgorithm.
 */
static const struct element sampling_part[PART_MAX] = {{OBSERVATION_DOMAIN_ID, 4}, {SELECTOR_ID, 8},
	{SELECTOR_ALGORITHM, 2}, {SAMPLING_INTERVAL, 4}, {SAMPLING_PACKET_INTERVAL, 4},
	{SAMPLING_PACKET_SPACE, 4}};
static const struct element name_part[PART_MAX] = {
	{INGRESS_INTERFACE, 4}, {INTERFACE_NAME, VARIABLE}};

void
bf_ipfix_flush(struct bf_ipfix *x)
{
	struct bf_writer w = {x->buf}, set = {x->buf + x->set_at};

	if (x->len == 0)
		return;
	bf_write16(&set, x->set_id);
	bf_write16(&set, x->len - x->set_at);
	bf_write16(&w, VERSION);
	bf_write16(&w, x->len);
	bf_write32(&w, x->now_s);
	bf_write32(&w, x->sequence);
	bf_write32(&w, x->domain);
	x->send(x->arg, x->buf, x->len);
	x->sequence += x->n_records;
	x->len = 0;
	x->n_records = 0;
}

static void
set_begin(struct bf_ipfix *x, uint16_t id)
{
	struct bf_writer last = {x->buf + x->set_at};

	if (x->len > HEADER_LEN) {
		bf_write16(&last, x->set_id);
		bf_write16(&last, x->len - x->set_at);
	}
	x->set_at = x->len;
	x->set_id = id;
	x->len += SET_HEADER_LEN;
}

/* Room for a record in a set of this number. */
static struct bf_writer
record_begin(struct bf_ipfix *x, uint32_t now_s, uint16_t set_id)
{
	if (x->len + ROOM > BF_EXPORT_DATAGRAM)
		bf_ipfix_flush(x);
	if (x->len == 0) {
		x->len = HEADER_LEN;
		x->now_s = now_s;
		x->set_id = 0;
	}
	if (x->set_id != set_id)
		set_begin(x, set_id);
	return (struct bf_writer){x->buf + x->len};
}

static void
record_end(struct bf_ipfix *x, const struct bf_writer *w)
{
	x->len = (uint32_t)(w->at - x->buf);
}

static uint32_t
write_part(struct bf_writer *w, const struct element *part)
{
	uint32_t n = 0;

	for (; part[n].id != 0; n++) {
		bf_write16(w, part[n].id);
		bf_write16(w, part[n].len);
	}
	return n;
}

/* Of flows. */
static void
write_template(struct bf_ipfix *x, uint16_t id, const struct element *addresses)
{
	struct bf_writer w = record_begin(x, x->now_s, SET_TEMPLATES), count;
	uint32_t n;

	bf_write16(&w, id);
	count = w;
	bf_write16(&w, 0);
	n = write_part(&w, common_part);
	if (addresses != NULL)
		n += write_part(&w, addresses) + write_part(&w, upper_part);
	bf_write16(&count, n);
	record_end(x, &w);
}

static void
write_options_template(struct bf_ipfix *x, uint16_t id, const struct element *part)
{
	struct bf_writer w = record_begin(x, x->now_s, SET_OPTIONS), count;

	bf_write16(&w, id);
	count = w;
	bf_write16(&w, 0);
	bf_write16(&w, 1); /* of the scope */
	bf_write16(&count, write_part(&w, part));
	record_end(x, &w);
}

static void
write_sampling(struct bf_ipfix *x, uint32_t now_s)
{
	struct bf_writer w = record_begin(x, now_s, TEMPLATE_SAMPLING);

	bf_write32(&w, x->domain);
	bf_write64(&w, SELECTOR_ONLY);
	bf_write16(&w, RANDOM_N_OF_N);
	bf_write32(&w, x->sampling);
	bf_write32(&w, 1);
	bf_write32(&w, x->sampling - 1);
	record_end(x, &w);
	x->n_records++;
}

static void
write_name(struct bf_ipfix *x, uint32_t now_s, const struct bf_export_port *p)
{
	struct bf_writer w = record_begin(x, now_s, TEMPLATE_NAMES);
	uint8_t len = (uint8_t)strlen(p->name);

	bf_write32(&w, p->index);
	bf_write8(&w, len);
	bf_write(&w, p->name, len);
	record_end(x, &w);
	x->n_records++;
}

void
bf_ipfix_templates(struct bf_ipfix *x, uint32_t now_s, const struct bf_export_ports *ports)
{
	bf_ipfix_flush(
		x); /* what refers to them comes behind them, and they fit into one message */
	x->now_s = now_s;
	write_template(x, TEMPLATE_IPV4, ipv4_part);
	write_template(x, TEMPLATE_IPV6, ipv6_part);
	write_template(x, TEMPLATE_OTHER, NULL);
	write_options_template(x, TEMPLATE_SAMPLING, sampling_part);
	write_sampling(
		x, now_s); /* between the two: pmacct 1.7.7 reads only the first one of a set */
	write_options_template(x, TEMPLATE_NAMES, name_part);
	for (uint32_t i = 0; ports != NULL && i < ports->n; i++)
		write_name(x, now_s, &ports->list[i]);
}

static void
write_common(struct bf_writer *w, const struct bf_export_flow *flow, enum bf_flow_end why)
{
	bf_write64(w, flow->first_ms);
	bf_write64(w, flow->last_ms);
	bf_write64(w, flow->octets);
	bf_write64(w, flow->packets);
	bf_write32(w, flow->in);
	bf_write32(w, flow->out);
	bf_write8(w, DIRECTION_INGRESS);
	bf_write8(w, (uint8_t)why);
	bf_write16(w, flow->key.vlan);
	bf_write(w, flow->key.src, sizeof(flow->key.src));
	bf_write(w, flow->key.dst, sizeof(flow->key.dst));
	bf_write16(w, flow->key.type);
	bf_write64(w, SELECTOR_ONLY);
}

void
bf_ipfix_flow(
	struct bf_ipfix *x, uint32_t now_s, const struct bf_export_flow *flow, enum bf_flow_end why)
{
	const struct bf_export_key *k = &flow->key;
	size_t len = k->version == 4 ? 4 : 16;
	struct bf_writer w = record_begin(x, now_s,
		k->version == 4           ? TEMPLATE_IPV4
			: k->version == 6 ? TEMPLATE_IPV6
					  : TEMPLATE_OTHER);

	write_common(&w, flow, why);
	if (k->version != 0) {
		bf_write(&w, k->saddr, len);
		bf_write(&w, k->daddr, len);
		bf_write8(&w, k->proto);
		bf_write8(&w, k->tos);
		bf_write16(&w, k->sport);
		bf_write16(&w, k->dport);
		bf_write16(&w, flow->tcp_flags);
	}
	record_end(x, &w);
	x->n_records++;
}
