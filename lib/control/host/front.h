/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The front end of a host port: what QEMU is to a guest's port.  It has memory with two rings, tells the
 * door about them in the words of vhost-user over a connected socket, and hands buffers over.
 *
 * Rings are split, without event indices; buffers towards the host are joined for long frames (mergeable).
 *
 * Threads: the thread of the host port (host.h).
 */
#ifndef BF_CONTROL_HOST_FRONT_H
#define BF_CONTROL_HOST_FRONT_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define BF_FRONT_IN_SIZE 1024 /* buffers for frames to the host */
#define BF_FRONT_OUT_SIZE 256 /* buffers for frames from the host */
#define BF_FRONT_IN_BYTES 2048
#define BF_FRONT_OUT_BYTES 69632 /* a header and a superframe */
#define BF_FRONT_PARTS 64 /* buffers of one frame at most */

/** What the host reads, and what it writes: their numbers as rings. */
enum {
	BF_FRONT_IN,
	BF_FRONT_OUT,
	BF_FRONT_RINGS
};

struct bf_front_ring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *bufs;
	uint32_t buf_bytes;
	uint16_t size;
	uint16_t given, taken; /* our indices of avail and used */
	int kick, call; /* event descriptors */
};

struct bf_front {
	int fd; /* the connection; -1: none */
	int memory_fd;
	uint8_t *memory;
	size_t bytes;
	bool checksums, segments; /* what was agreed upon */
	struct bf_front_ring ring[BF_FRONT_RINGS];
	uint16_t n_free;
	uint16_t free[BF_FRONT_OUT_SIZE]; /* buffers for frames from the host */
};

/** Nothing is open. */
void bf_front_init(struct bf_front *f);

/** Begin on a connection; takes @p fd in any case. @return 0 or -errno, and nothing is open. */
int bf_front_open(struct bf_front *f, int fd);
void bf_front_close(struct bf_front *f);

/** Whether frames to the host are wanted. */
void bf_front_enable(struct bf_front *f, bool on);

/** Whether the other end shall say when it has used buffers of a ring. */
void bf_front_want_calls(struct bf_front *f, unsigned int ring, bool on);
/** Has it used some that were not taken back? */
bool bf_front_has_used(const struct bf_front *f, unsigned int ring);

/**
 * A frame for the host.
 *
 * @param parts
 *   BF_FRONT_PARTS of them; the header comes first.  They stay until bf_front_in_done().
 * @return how many parts it has; 0: there is none; -EPROTO: the ring makes no sense.
 */
int bf_front_in(struct bf_front *f, struct iovec *parts);
/** The frame's buffers are free again: the other end sees them with bf_front_tell(). */
void bf_front_in_done(struct bf_front *f, int n_parts);

/** A buffer for a frame of the host. @return NULL when all are in use. */
uint8_t *bf_front_out(struct bf_front *f);
/** Send what stands in the buffer that bf_front_out() gave last. */
void bf_front_out_done(struct bf_front *f, uint32_t bytes);

/** Show the other end what was done with a ring, and wake it if it wants that. */
void bf_front_tell(struct bf_front *f, unsigned int ring);

#endif
