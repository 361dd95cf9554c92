/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Descriptors and mappings that are given up.
 *
 * To close what a front end has sent can wait for it (a file of its own file system, a socket that
 * lingers), and to unmap a large guest, or to close the last descriptor of its memory, takes long.
 * Neither is done by a thread that serves anybody: memory goes to one thread that only does this and
 * serves ports in turn, everything else is closed by a thread of its own.
 * A bin counts for one port how much of either is under way, so that a port can be made to wait for what
 * it has caused itself, and how much memory it has mapped, until that is unmapped.
 *
 * Threads: any; a bin belongs to its port.
 */
#ifndef BF_VHOST_WASTE_H
#define BF_VHOST_WASTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhost/session.h"

/* For one port at a time; with more the port has to wait. */
#define BF_WASTE_MOST 16 /* closing, each in a thread */
#define BF_WASTE_QUEUED \
	64 /* memory, eventfds; a guest with all slots in use leaves 34 mappings at once */

struct bf_waste_bin;

/** @return NULL without memory. */
struct bf_waste_bin *bf_waste_bin_new(void);

/** The bin goes when its last user has left. */
void bf_waste_bin_leave(struct bf_waste_bin *bin);

/** Another user of the bin; each one leaves it. */
void bf_waste_bin_join(struct bf_waste_bin *bin);

/** Something begins (1) or has ended (-1) that is queued. */
void bf_waste_queue(struct bf_waste_bin *bin, int by);

/** How many descriptors of the bin are being closed, each by a thread. */
uint32_t bf_waste_pending(const struct bf_waste_bin *bin);

/** Is so much under way for the bin that its port has to wait? */
bool bf_waste_is_full(const struct bf_waste_bin *bin);

/**
 * Count @p len bytes as mapped, before they are.
 *
 * @return
 *   false, and nothing is counted: there would be more than @p most.
 */
bool bf_waste_charge(struct bf_waste_bin *bin, uint64_t len, uint64_t most);

/** They could not be mapped. */
void bf_waste_refund(struct bf_waste_bin *bin, uint64_t len);

/** Something else begins (1) or has ended (-1) that counts as being closed. */
void bf_waste_count(struct bf_waste_bin *bin, int by);

/**
 * Close a descriptor that a front end sent, or a connection with it. Never waits.
 *
 * An eventfd that was lent to workers is closed when they are done with it (late.h).
 */
void bf_waste_fd(struct bf_waste_bin *bin, const struct bf_vhost_fd *f);

/** Unmap what was counted by bf_waste_charge(). Never waits. */
void bf_waste_map(struct bf_waste_bin *bin, void *base, size_t len);

/** Close what workers are done with, and what there was no thread for; call now and then. */
void bf_waste_collect(void);

/** Start a detached thread with a small stack. @return 0 or an errno value. */
int bf_waste_thread(void *(*run)(void *), void *arg);

/** Wait until everything that can be done now is done, @p ms at most; at the end, and in tests. */
void bf_waste_settle(struct bf_waste_bin *bin, unsigned int ms);

#endif
