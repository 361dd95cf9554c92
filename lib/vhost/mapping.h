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

/** The owner's memory is gone. ctx signal handler: nothing but stores to atomic variables. */
typedef void bf_mapping_lost_fn(void *arg);

struct bf_mapping;

/**
 * Map @p size bytes of a memory file from @p offset on.
 *
 * @param va
 *   Set to where they are.
 * @return
 *   NULL with errno.
 */
struct bf_mapping *bf_mapping_new(const struct bf_vhost_fd *file, uint64_t offset, uint64_t size,
	bf_mapping_lost_fn *lost, void *arg, uint8_t **va);

/** Nobody uses it any more; the kernel's part of the work is done by another thread. */
void bf_mapping_free(struct bf_mapping *m);

/** Install the guard; once per process. */
void bf_mapping_guard(void);

#endif
