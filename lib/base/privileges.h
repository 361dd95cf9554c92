/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Powers of root that the process does not need any more: capabilities(7).
 *
 * Threads: ctx control.
 */
#ifndef BF_BASE_PRIVILEGES_H
#define BF_BASE_PRIVILEGES_H

#include <stdint.h>

#define BF_PRIVILEGE(cap) (UINT64_C(1) << (cap))

/**
 * Give up all capabilities but some, and the right to get others by starting a program (no_new_privs), for every
 * thread there is. Later threads have what their maker has.
 *
 * The kernel lets a thread do so for itself only: the others get a signal, whose action is restored afterwards.
 *
 * @param keep
 *   BF_PRIVILEGE() of CAP_x of linux/capability.h; what the process does not have it does not get.
 * @return
 *   How many threads kept theirs after a second; -errno: this thread has kept its own.
 */
int bf_privileges_drop(uint64_t keep);

#endif
