/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Descriptors and mappings that are given up.
 *
 * To close what a front end has sent can wait for it (a file of its own file system, a socket that
 * lingers), and to unmap a large guest takes long.  Neither is done by a thread that serves anybody:
 * memory goes to one thread that only does this, everything else is closed by a thread of its own.
 * A bin counts how many of those there are for one port, so that a port can be made to wait for
 * what it has caused itself.
 *
 * Threads: any; a bin belongs to its port.
 */
#ifndef BF_VHOST_WASTE_H
#define BF_VHOST_WASTE_H

#include <stddef.h>
#include <stdint.h>

#include "vhost/session.h"

#define BF_WASTE_MOST 16 /* closing at a time for one port: more, and the port has to wait */

struct bf_waste_bin;

/** @return NULL without memory. */
struct bf_waste_bin *bf_waste_bin_new(void);

/** The bin goes when its last user has left. */
void bf_waste_bin_leave(struct bf_waste_bin *bin);

/** Another user of the bin; each one leaves it. */
void bf_waste_bin_join(struct bf_waste_bin *bin);

/** How many descriptors of the bin are being closed. */
uint32_t bf_waste_pending(const struct bf_waste_bin *bin);

/** Something else begins (1) or has ended (-1) that counts as being closed. */
void bf_waste_count(struct bf_waste_bin *bin, int by);

/** Close a descriptor that a front end sent, or a connection with it. Never waits. */
void bf_waste_fd(struct bf_waste_bin *bin, const struct bf_vhost_fd *f);

/** Unmap. Never waits. */
void bf_waste_map(void *base, size_t len);

/** Start a detached thread with a small stack. @return 0 or an errno value. */
int bf_waste_thread(void *(*run)(void *), void *arg);

/** Wait until everything that can be done now is done, @p ms at most; at the end, and in tests. */
void bf_waste_settle(struct bf_waste_bin *bin, unsigned int ms);

#endif
