/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A front end of the vhost-user engine, and what the engine has done by others: descriptors that are
 * numbers, mappings that are ranges of addresses nobody touches.
 *
 * After every message it is checked that the session keeps its promises: each descriptor is disposed
 * of once, mappings are those of the session's regions and areas, a ring runs only with everything
 * about it known, right and in memory, and a message that was refused has changed nothing.  What is
 * broken ends the program with file and line.
 *
 * Threads: one.
 */
#ifndef BF_MODEL_VHOST_FRONT_H
#define BF_MODEL_VHOST_FRONT_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "vhost/session.h"
#include "vhost/wire.h"

enum {
	FRONT_FDS =
		8192, /* descriptors that a front may send in its life; then numbers come again */
	FRONT_MAPPINGS = 64,
	FRONT_SMALL_BYTES = 0x1000,
	FRONT_FILE_BYTES = 0x400000,
};

#define FRONT_OFFER_FEATURES \
	(UINT64_C(1) << 32 | BF_VHOST_F_RING_PACKED | BF_VHOST_F_PROTOCOL_FEATURES | \
		BF_VHOST_F_LOG_ALL | UINT64_C(1) << 15)
#define FRONT_OFFER_PROTOCOL UINT64_C(0x1b01f)
#define FRONT_HUGE_BYTES (UINT64_C(1) << 62)

/** Two regions in one file, as of a machine with some memory low and some high. */
#define FRONT_GPA0 UINT64_C(0)
#define FRONT_SIZE0 UINT64_C(0xa0000)
#define FRONT_UVA0 UINT64_C(0x7f0000000000)
#define FRONT_OFFSET0 UINT64_C(0)
#define FRONT_GPA1 UINT64_C(0x100000000)
#define FRONT_SIZE1 UINT64_C(0x200000)
#define FRONT_UVA1 UINT64_C(0x7f1000000000)
#define FRONT_OFFSET1 UINT64_C(0xc0000)

/** Where ring @p q is, in the second region. */
#define FRONT_DESC(q) (FRONT_UVA1 + (q)*UINT64_C(0x10000))
#define FRONT_AVAIL(q) (FRONT_DESC(q) + 0x4000)
#define FRONT_USED(q) (FRONT_DESC(q) + 0x8000)
#define FRONT_RING_SIZE 256

struct front_mapping {
	uint8_t *va;
	uint64_t size;
	bool live, is_region;
};

struct front {
	struct bf_vhost_session s;
	struct bf_vhost_answer answer; /* to the last message */
	bool need_reply; /* front_say() asks for answers */
	uint32_t position[BF_VHOST_RINGS]; /* where a running ring stands; tests let it go on */
	bool runs[BF_VHOST_RINGS];
	unsigned int n_starts, n_stops;
	struct front_mapping mapping[FRONT_MAPPINGS];
	unsigned int n_changes; /* of memory */
	unsigned int fail; /* the n-th mapping from now fails; 0: none */
	bool in_use[FRONT_FDS]; /* a descriptor that was sent and not yet disposed of */
	int next_fd;
	unsigned int n_in_use, n_live; /* descriptors; mappings */
	unsigned int n_lent; /* that were disposed of and that a ring had run with */
	unsigned int n_announced, n_refused;
	uint64_t announced;
	char request[64], why[512]; /* of the last refusal */
};

/** Begin, with everything offered, or another offer. */
void front_init(struct front *f);
void front_init_offer(struct front *f, uint64_t features, uint64_t protocol, uint16_t n_rings);

/** End: all descriptors are disposed of, all mappings gone. */
void front_fini(struct front *f);

/**
 * Say something.
 *
 * @param fds
 *   One letter a descriptor: e an eventfd, p a pipe, u a socket of a pair, o something else, m a
 *   memory file of FRONT_FILE_BYTES, s a small one, h one that claims FRONT_HUGE_BYTES.
 * @return as bf_vhost_session_take().
 */
int front_send(struct front *f, uint32_t request, uint32_t flags, const void *payload, uint32_t len,
	const char *fds);
int front_say(
	struct front *f, uint32_t request, const void *payload, uint32_t len, const char *fds);
int front_u64(struct front *f, uint32_t request, uint64_t value, const char *fds);
int front_state(struct front *f, uint32_t request, uint32_t index, uint32_t num);

/** SET_VRING_ADDR as FRONT_DESC() and so on. */
int front_addr(struct front *f, uint32_t q, uint32_t flags);

/** The u64, or the number of the state, in the last answer. */
uint64_t front_answer(const struct front *f);
uint32_t front_answer_num(const struct front *f);

/** Parts of setting up: features, the table of two regions, a ring up to its kick. */
void front_negotiate(struct front *f, uint64_t features);
int front_memory(struct front *f);
void front_ring(struct front *f, uint32_t q);

/** All of it: rings 0 and 1 run. */
void front_up(struct front *f, uint64_t features);

/** Check what must always hold. */
void front_check(const struct front *f);

#endif
