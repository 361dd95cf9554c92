/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guests' memory that ends before it should.
 *
 * A guest's memory is a file of its QEMU's.  A file that is shorter than QEMU said, or is cut off
 * later, makes whoever touches the missing part take a bus error, and the process with it.  Here
 * the missing page becomes one of zeros, and the rings of that guest are left alone
 * (BF_RING_FAULT_MEMORY).
 *
 * Threads: each function says; the handler runs wherever memory was touched.
 */
#ifndef BF_CONTROL_GUEST_MEMORY_H
#define BF_CONTROL_GUEST_MEMORY_H

/** Take bus errors in memory of guests from now on; all others end the process as ever. ctx control. */
void bf_guest_memory_guard(void);

/** The calling thread is librte_vhost's: it touches memory that is not known yet. ctx vhost. */
void bf_guest_memory_visit(void);

#endif
