/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The formats of a capture's file, as bytes: pcapng, or pcap with nanoseconds.
 *
 * pcapng (draft-ietf-opsawg-pcapng) says more: it has an interface for each port, and with each frame the
 * direction, a comment, and how many frames before it are missing.
 *
 * Threads: any.
 */
#ifndef BF_CONTROL_OBSERVE_CAPTURE_FORMAT_H
#define BF_CONTROL_OBSERVE_CAPTURE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BF_CAPTURE_COMMENT_MAX 192
#define BF_CAPTURE_PORT_MAX 64 /* of a port's name, with its end */
#define BF_CAPTURE_HEAD_ROOM 256 /* the head of a file, or a port, takes less */
/** More than a frame of @p len bytes takes. */
#define BF_CAPTURE_FRAME_ROOM(len) ((size_t)(len) + BF_CAPTURE_COMMENT_MAX + 80)

enum bf_capture_format {
	BF_CAPTURE_PCAPNG,
	BF_CAPTURE_PCAP
};

/** A frame for a file. */
struct bf_capture_frame {
	uint64_t wall_ns; /* since 1970 */
	const void *data;
	uint32_t len; /* bytes of data */
	uint32_t pkt_len; /* bytes of the frame */
	uint32_t port; /* number of its port in the file, by the order of bf_capture_put_port() */
	bool is_in; /* from the port, not to it */
	uint64_t lost; /* frames of the port that are missing before it */
	const char *comment;
};

/** The beginning of a file. @return bytes written to @p to */
size_t bf_capture_put_head(enum bf_capture_format format, uint8_t *to, uint32_t snap);

/** A port, in front of its first frame; pcapng only. @return bytes written to @p to */
size_t bf_capture_put_port(uint8_t *to, const char *name, uint32_t snap);

/** @return bytes written to @p to, less than BF_CAPTURE_FRAME_ROOM(frame->len) */
size_t bf_capture_put_frame(
	enum bf_capture_format format, uint8_t *to, const struct bf_capture_frame *frame);

/**
 * How long what begins at @p at is.
 *
 * @param is_frame
 *   Gets whether it is a frame.
 * @return
 *   0 when it is not whole within @p left bytes.
 */
size_t bf_capture_piece(
	enum bf_capture_format format, const uint8_t *at, size_t left, bool *is_frame);

#endif
