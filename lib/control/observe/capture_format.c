/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See capture_format.h.
 *
 * Numbers are in the machine's byte order: a reader tells by the magic number.  A pcapng block is its type, its
 * length, content and the length once more; an option is its code, its length, and bytes up to a multiple of 4.
 *
 * Threads: any.
 */
#include "control/observe/capture_format.h"

#include <string.h>

#define PCAP_MAGIC_NS 0xa1b23c4du
#define LINK_ETHERNET 1
#define RECORD_HEAD 16 /* of a frame in pcap: seconds, nanoseconds, two lengths */

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1
#define BLOCK_FRAME 6
#define BLOCK_LEAST 12
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define OPTION_END 0
#define OPTION_COMMENT 1
#define SECTION_APPLICATION 4
#define INTERFACE_NAME 2
#define INTERFACE_RESOLUTION 9
#define FRAME_FLAGS 2
#define FRAME_LOST 4
#define FLAG_IN 1u
#define FLAG_OUT 2u

/* Where the next byte goes. */
struct place {
	uint8_t *begin, *at;
};

static void
bytes_put(struct place *p, const void *data, size_t len)
{
	memcpy(p->at, data, len);
	p->at += len;
}

static void
put_u16(struct place *p, uint16_t v)
{
	bytes_put(p, &v, sizeof(v));
}

static void
put_u32(struct place *p, uint32_t v)
{
	bytes_put(p, &v, sizeof(v));
}

static void
put_padded(struct place *p, const void *data, size_t len)
{
	bytes_put(p, data, len);
	while ((p->at - p->begin) % 4 != 0)
		*p->at++ = 0;
}

static void
put_option(struct place *p, uint16_t code, const void *data, size_t len)
{
	put_u16(p, code);
	put_u16(p, (uint16_t)len);
	put_padded(p, data, len);
}

static void
block_begin(struct place *p, uint8_t *to, uint32_t type)
{
	p->begin = p->at = to;
	put_u32(p, type);
	put_u32(p, 0); /* see block_end() */
}

static size_t
block_end(struct place *p)
{
	uint32_t len;

	put_option(p, OPTION_END, "", 0);
	len = (uint32_t)(p->at - p->begin) + (uint32_t)sizeof(len);
	put_u32(p, len);
	memcpy(p->begin + sizeof(uint32_t), &len, sizeof(len));
	return len;
}

static size_t
put_pcap_head(uint8_t *to, uint32_t snap)
{
	struct place p = {to, to};

	put_u32(&p, PCAP_MAGIC_NS);
	put_u16(&p, 2); /* version 2.4 */
	put_u16(&p, 4);
	put_u32(&p, 0); /* UTC */
	put_u32(&p, 0);
	put_u32(&p, snap);
	put_u32(&p, LINK_ETHERNET);
	return (size_t)(p.at - to);
}

size_t
bf_capture_put_head(enum bf_capture_format format, uint8_t *to, uint32_t snap)
{
	const uint64_t unknown = UINT64_MAX; /* length of the section */
	struct place p;

	if (format == BF_CAPTURE_PCAP)
		return put_pcap_head(to, snap);
	block_begin(&p, to, BLOCK_SECTION);
	put_u32(&p, BYTE_ORDER_MAGIC);
	put_u16(&p, 1); /* version 1.0 */
	put_u16(&p, 0);
	bytes_put(&p, &unknown, sizeof(unknown));
	put_option(&p, SECTION_APPLICATION, "bondfwd", strlen("bondfwd"));
	return block_end(&p);
}

size_t
bf_capture_put_port(uint8_t *to, const char *name, uint32_t snap)
{
	const uint8_t nanoseconds = 9;
	struct place p;

	block_begin(&p, to, BLOCK_INTERFACE);
	put_u16(&p, LINK_ETHERNET);
	put_u16(&p, 0);
	put_u32(&p, snap);
	put_option(&p, INTERFACE_NAME, name, strnlen(name, BF_CAPTURE_PORT_MAX));
	put_option(&p, INTERFACE_RESOLUTION, &nanoseconds, sizeof(nanoseconds));
	return block_end(&p);
}

static size_t
put_pcap_frame(uint8_t *to, const struct bf_capture_frame *frame)
{
	struct place p = {to, to};

	put_u32(&p, (uint32_t)(frame->wall_ns / 1000000000));
	put_u32(&p, (uint32_t)(frame->wall_ns % 1000000000));
	put_u32(&p, frame->len);
	put_u32(&p, frame->pkt_len);
	bytes_put(&p, frame->data, frame->len);
	return (size_t)(p.at - to);
}

size_t
bf_capture_put_frame(
	enum bf_capture_format format, uint8_t *to, const struct bf_capture_frame *frame)
{
	const uint32_t flags = frame->is_in ? FLAG_IN : FLAG_OUT;
	struct place p;

	if (format == BF_CAPTURE_PCAP)
		return put_pcap_frame(to, frame);
	block_begin(&p, to, BLOCK_FRAME);
	put_u32(&p, frame->port);
	put_u32(&p, (uint32_t)(frame->wall_ns >> 32));
	put_u32(&p, (uint32_t)frame->wall_ns);
	put_u32(&p, frame->len);
	put_u32(&p, frame->pkt_len);
	put_padded(&p, frame->data, frame->len);
	put_option(&p, FRAME_FLAGS, &flags, sizeof(flags));
	if (frame->lost > 0)
		put_option(&p, FRAME_LOST, &frame->lost, sizeof(frame->lost));
	if (frame->comment[0] != '\0')
		put_option(&p, OPTION_COMMENT, frame->comment,
			strnlen(frame->comment, BF_CAPTURE_COMMENT_MAX));
	return block_end(&p);
}

size_t
bf_capture_piece(enum bf_capture_format format, const uint8_t *at, size_t left, bool *is_frame)
{
	uint32_t head[4] = {0};
	size_t len;

	if (left < (format == BF_CAPTURE_PCAP ? RECORD_HEAD : BLOCK_LEAST))
		return 0;
	memcpy(head, at, left < sizeof(head) ? left : sizeof(head));
	*is_frame = format == BF_CAPTURE_PCAP || head[0] == BLOCK_FRAME;
	len = format == BF_CAPTURE_PCAP ? (size_t)RECORD_HEAD + head[2] : head[1];
	return len <= left ? len : 0;
}
