/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The slow switch.
 *
 * Threads: one.
 */
#include "switch_model.h"

#include <string.h>

#define REFLECT_S 5
#define ANNOUNCED_WRAP_S 255 /* the product keeps the second of an announcement in one byte */

struct parsed {
	uint16_t vlan;
	uint16_t type; /* behind all tags */
	uint32_t at; /* what is behind the type */
};

enum word {
	NOTHING,
	I_AM_HERE,
	I_HAVE_COME
};

void
model_init(struct model_switch *m)
{
	memset(m, 0, sizeof(*m));
	m->age_s = 300;
}

static bool
is_tag(unsigned int type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

static bool
parse(const uint8_t *p, uint32_t len, struct parsed *f)
{
	uint32_t at = 12;

	memset(f, 0, sizeof(*f));
	if (len < 14)
		return false;
	f->type = (uint16_t)(p[12] << 8 | p[13]);
	for (int tags = 0; tags < 4 && is_tag(f->type); tags++, at += 4) {
		if (len < at + 6)
			return false;
		if (tags == 0)
			f->vlan = (uint16_t)((p[14] << 8 | p[15]) & 0xfff);
		if (tags == 0 && f->vlan != 0 && f->type == 0x88a8)
			f->vlan |= 0x4000; /* VLANs of 802.1ad are others */
		f->type = (uint16_t)(p[at + 4] << 8 | p[at + 5]);
	}
	f->at = at + 2;
	return true;
}

static enum word
word_of(const uint8_t *frame, uint32_t len, const struct parsed *f)
{
	const uint8_t *p = frame + f->at;
	uint32_t n = len - f->at;
	bool to_all = (frame[0] & 1) != 0;

	if (f->type == 0x8035)
		return I_HAVE_COME;
	if (f->type == 0x0806 && n >= 28) {
		bool ipv4 =
			p[0] == 0 && p[1] == 1 && p[2] == 8 && p[3] == 0 && p[4] == 6 && p[5] == 4;
		bool somebody = p[14] != 0 || p[15] != 0 || p[16] != 0 || p[17] != 0;
		bool itself = memcmp(p + 14, p + 24, 4) == 0;

		return ipv4 && somebody && (itself || (to_all && p[7] == 2)) ? I_HAVE_COME
									     : NOTHING;
	}
	if (!to_all)
		return NOTHING;
	if (f->type == 0x0800 && n >= 20 && p[9] == 112)
		return I_AM_HERE;
	if (f->type == 0x86dd && n >= 40 && p[7] == 255) {
		if (p[6] == 112)
			return I_AM_HERE;
		if (p[6] == 58 && n >= 64 && p[40] == 136 && (p[44] & 0x40) == 0)
			return I_HAVE_COME;
	}
	return NOTHING;
}

static void
padded(struct model_sent *s, const uint8_t *data, uint32_t len)
{
	memset(s, 0, sizeof(*s));
	s->len = len < 60 ? 60 : len;
	memcpy(s->head, data, len < 64 ? len : 64);
}

static void
remember(struct model_switch *m, const uint8_t *data, uint32_t len)
{
	if (m->remembers && m->n_sent < MODEL_SENT)
		padded(&m->sent[m->n_sent++], data, len);
}

static bool
was_sent(const struct model_switch *m, const uint8_t *data, uint32_t len)
{
	struct model_sent s;

	padded(&s, data, len);
	for (uint32_t i = 0; m->remembers && i < m->n_sent; i++)
		if (m->sent[i].len == s.len && memcmp(m->sent[i].head, s.head, 64) == 0)
			return true;
	return false;
}

void
model_forget_sent(struct model_switch *m)
{
	m->n_sent = 0;
}

static struct model_station *
find(struct model_switch *m, uint16_t vlan, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < m->n_stations; i++)
		if (m->stations[i].vlan == vlan && memcmp(m->stations[i].mac, mac, 6) == 0)
			return &m->stations[i];
	return NULL;
}

int
model_where(const struct model_switch *m, uint16_t vlan, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < m->n_stations; i++)
		if (m->stations[i].vlan == vlan && memcmp(m->stations[i].mac, mac, 6) == 0)
			return m->stations[i].port;
	return -1;
}

static uint32_t
drop(struct model_switch *m, unsigned int port, enum bf_drop why)
{
	m->drops[port][why]++;
	return 0;
}

/* A guest's station is heard on the bond: did its own frame come back? */
static bool
is_echo(const struct model_switch *m, const struct model_station *s, bool announcement)
{
	if (s->is_static)
		return true;
	if (!m->doubts)
		return false;
	if (m->now_s - s->heard_s > REFLECT_S)
		return false;
	/* An announcement says that the station moved, unless it made one here a moment ago. */
	return !announcement ||
		(s->has_announced && (m->now_s - s->announced_s) % ANNOUNCED_WRAP_S <= REFLECT_S);
}

/* BF_DROP_COUNT: the frame may go on. */
static enum bf_drop
hear(struct model_switch *m, unsigned int in, const uint8_t mac[6], const struct parsed *f,
	enum word word)
{
	static const uint8_t zero[6];
	struct model_station *s = find(m, f->vlan, mac), *h = &m->heard[m->n_heard];
	bool announcement = in == 0 ? word != NOTHING : word == I_HAVE_COME;

	if ((mac[0] & 1) != 0 || memcmp(mac, zero, 6) == 0)
		return BF_DROP_BAD_SOURCE;
	if (s != NULL && s->port == in) {
		s->heard_s = m->now_s;
		if (announcement) {
			s->has_announced = true;
			s->announced_s = m->now_s;
		}
		return BF_DROP_COUNT;
	}
	if (s != NULL && in == 0 && is_echo(m, s, announcement))
		return BF_DROP_REFLECTED;
	h->vlan = f->vlan;
	memcpy(h->mac, mac, 6);
	h->port = (uint16_t)in;
	h->announces = announcement;
	m->n_heard++;
	return BF_DROP_COUNT;
}

/* Hand the frame to a port: its bit, or 0 when the port does not take it. */
static uint32_t
deliver(struct model_switch *m, unsigned int port, uint32_t len)
{
	if (port == 0 && !m->up[0])
		return drop(m, port, BF_DROP_NO_MEMBER);
	if (len > m->max_len[port])
		return drop(m, port, BF_DROP_OVERSIZE);
	if (!m->up[port])
		return drop(m, port, BF_DROP_GUEST_DOWN);
	m->tx++;
	return 1u << port;
}

static uint32_t
flood(struct model_switch *m, unsigned int in, unsigned int member, uint32_t len)
{
	uint32_t out = 0, n = 0;

	if (in == 0 && !m->lag && m->n_members >= 2 && member != m->designated)
		return drop(m, 0, BF_DROP_DUPLICATE);
	for (unsigned int p = 0; p < MODEL_PORTS; p++) {
		if (p == in || !m->exists[p] || (p > 0 && !m->up[p]))
			continue;
		out |= deliver(m, p, len);
		n++;
	}
	if (n == 0)
		return drop(m, in, BF_DROP_NO_DESTINATION);
	m->copies += n - 1;
	return out;
}

/* Untagged, or with a tag that names no VLAN. */
static bool
is_lacp(const uint8_t *p, uint32_t len)
{
	uint32_t at = 12;

	if (len >= 18 && is_tag((unsigned int)(p[12] << 8 | p[13])) && (p[14] & 15) == 0 &&
		p[15] == 0)
		at += 4;
	return len >= 18 && len > at + 2 && p[at] == 0x88 && p[at + 1] == 9 &&
		(p[at + 2] == 1 || p[at + 2] == 2);
}

/* The same, to an address that no bridge forwards. */
static bool
is_lldp(const uint8_t *p, uint32_t len)
{
	uint32_t at = 12;

	if (len >= 18 && is_tag((unsigned int)(p[12] << 8 | p[13])) && (p[14] & 15) == 0 &&
		p[15] == 0)
		at += 4;
	return len >= 18 && p[at] == 0x88 && p[at + 1] == 0xcc;
}

uint32_t
model_frame(struct model_switch *m, unsigned int in, unsigned int member, const uint8_t *data,
	uint32_t len)
{
	static const uint8_t reserved[5] = {0x01, 0x80, 0xc2, 0, 0};
	const struct model_station *to, *from;
	bool is_flooded, is_new;
	struct parsed f;
	enum bf_drop why;

	m->rx++;
	if (!parse(data, len, &f))
		return drop(m, in, BF_DROP_RUNT);
	if (in == 0 && is_lacp(data, len))
		return drop(m, in, BF_DROP_LACP);
	if (f.type == 0x8809)
		return drop(m, in, BF_DROP_SLOW_PROTOCOL);
	if (memcmp(data, reserved, 5) == 0 && data[5] < 16)
		return drop(m, in, in == 0 && is_lldp(data, len) ? BF_DROP_LLDP : BF_DROP_RESERVED);
	to = find(m, f.vlan, data);
	from = find(m, f.vlan, data + 6);
	is_flooded = (data[0] & 1) != 0 || to == NULL;
	is_new = from == NULL || from->port != in;
	if ((data[6] & 1) == 0 && in == 0 && (is_flooded || is_new) && was_sent(m, data, len))
		return drop(m, in, BF_DROP_REFLECTED);
	why = hear(m, in, data + 6, &f, word_of(data, len, &f));
	if (why != BF_DROP_COUNT)
		return drop(m, in, why);
	if (in == 0 && memcmp(data, m->mac, 6) == 0)
		return drop(m, in, BF_DROP_FOR_US);
	if (in != 0 && (is_flooded || (is_new && to->port == 0)))
		remember(m, data, len);
	if (is_flooded)
		return flood(m, in, member, len);
	if (to->port == in)
		return drop(m, in, BF_DROP_SAME_PORT);
	if (!m->exists[to->port])
		return drop(m, to->port, BF_DROP_PORT_GONE);
	return deliver(m, to->port, len);
}

static void
learn(struct model_switch *m, const struct model_station *h)
{
	struct model_station *s = find(m, h->vlan, h->mac);

	if (s != NULL && s->is_static)
		return;
	if (s == NULL && m->n_stations < MODEL_STATIONS) {
		s = &m->stations[m->n_stations++];
		memset(s, 0, sizeof(*s));
		s->port = MODEL_PORTS;
	}
	if (s == NULL)
		return;
	if (s->port != h->port || s->vlan != h->vlan || memcmp(s->mac, h->mac, 6) != 0) {
		*s = *h;
		s->has_announced = false;
	}
	s->is_static = false;
	s->heard_s = m->now_s;
	if (h->announces && h->port != 0) {
		s->has_announced = true;
		s->announced_s = m->now_s;
	}
}

void
model_add_static(struct model_switch *m, uint16_t vlan, const uint8_t mac[6], uint16_t port)
{
	struct model_station s = {.vlan = vlan, .port = port};

	memcpy(s.mac, mac, 6);
	learn(m, &s);
	find(m, vlan, mac)->is_static = true;
}

void
model_turn(struct model_switch *m, uint32_t now_s)
{
	for (uint32_t i = 0; i < m->n_heard; i++)
		learn(m, &m->heard[i]);
	m->n_heard = 0;
	m->now_s = now_s;
	for (uint32_t i = 0; i < m->n_stations;) {
		if (m->stations[i].is_static || now_s - m->stations[i].heard_s <= m->age_s)
			i++;
		else
			m->stations[i] = m->stations[--m->n_stations];
	}
}
