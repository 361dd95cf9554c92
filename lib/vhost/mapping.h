/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory files of front ends, mapped here.
 *
 * Whoever made a file can cut it off while we use it: the next access is then a bus error.  A guard
 * replaces the whole mapping by zeros, once, and tells its owner: nothing that the owner sends or
 * receives can be trusted any more, and nobody else notices.
 *
 * Threads: map and unmap ctx vhost; the guard runs in whatever thread touched the memory.
 */
#ifndef BF_VHOST_MAPPING_H
#define BF_VHOST_MAPPING_H

#include <stddef.h>
#include <stdint.h>

#include "vhost/session.h"
#include "vhost/waste.h"

/** The owner's memory is gone. ctx signal handler: nothing but stores to atomic variables. */
typedef void bf_mapping_lost_fn(void *arg);

struct bf_mapping;

/**
 * How many bytes a port may have mapped, all its connections and what is not unmapped yet together.
 *
 * A memory file may be as long as its owner likes, and this process has 128 TiB of addresses (x86-64 with
 * four levels of tables).  It is four times the machine's memory, because a new table is mapped before the
 * old one goes, and a front end that takes over before the other one has left; no less than 1 TiB,
 * because memory that a guest may get later is in its table already (virtio-mem); and no more than
 * 16 TiB, so that one guest cannot take what the others need.  Many together still can.
 */
uint64_t bf_mapping_most(void);

/**
 * Map @p size bytes of a memory file from @p offset on, for the port whose bin this is.
 *
 * @param va
 *   Set to where they are.
 * @return
 *   NULL with errno; EDQUOT: more than bf_mapping_most().
 */
struct bf_mapping *bf_mapping_new(struct bf_waste_bin *bin, const struct bf_vhost_fd *file,
	uint64_t offset, uint64_t size, bf_mapping_lost_fn *lost, void *arg, uint8_t **va);

/** Nobody uses it any more; the kernel's part of the work is done by another thread. */
void bf_mapping_free(struct bf_mapping *m);

/** Install the guard; once per process. */
void bf_mapping_guard(void);

#endif
