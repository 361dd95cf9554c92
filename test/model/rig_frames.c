/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames for the rig.
 *
 * Threads: any (pure functions).
 */
#include "rig.h"

#include <string.h>

void
rig_mac(uint8_t mac[6], uint32_t n)
{
	mac[0] = 0x02;
	mac[1] = 0xbf;
	mac[2] = (uint8_t)(n >> 24);
	mac[3] = (uint8_t)(n >> 16);
	mac[4] = (uint8_t)(n >> 8);
	mac[5] = (uint8_t)n;
}

uint32_t
rig_udp(uint8_t *buf, const uint8_t dst[6], const uint8_t src[6], uint32_t flow)
{
	static const uint8_t head[] = {0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0};

	memset(buf, 0, 60);
	memcpy(buf, dst, 6);
	memcpy(buf + 6, src, 6);
	memcpy(buf + 12, head, sizeof(head));
	memcpy(buf + 26, &flow, 4);
	buf[30] = 10;
	memcpy(buf + 34, &flow, 2);
	buf[37] = 53;
	return 60;
}

uint32_t
rig_tag(uint8_t *buf, uint32_t len, uint16_t type, uint16_t vlan)
{
	memmove(buf + 16, buf + 12, len - 12);
	buf[12] = (uint8_t)(type >> 8);
	buf[13] = (uint8_t)type;
	buf[14] = (uint8_t)(vlan >> 8);
	buf[15] = (uint8_t)vlan;
	return len + 4;
}

void
rig_word(uint8_t *p, uint16_t type, uint8_t which)
{
	static const uint8_t arp[] = {0, 1, 8, 0, 6, 4, 0, 1};

	memset(p, 0, 72);
	if (type == 0x0806) {
		memcpy(p, arp, sizeof(arp));
		p[7] = which & 1 ? 2 : 1;
		p[17] = which & 2 ? 9 : 0;
		p[27] = which & 4 ? 9 : 8;
		p[5] = which & 8 ? 4 : 5;
		return;
	}
	p[0] = 0x60;
	p[6] = which & 1 ? 112 : 58;
	p[7] = which & 2 ? 255 : 254;
	p[40] = which & 4 ? 136 : 135;
	p[44] = which & 8 ? 0xc0 : 0xa0;
	p[63] = which;
}
