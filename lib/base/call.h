/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Calls: adding 1 to eventfds that belong to other processes, without ever waiting for them.
 *
 * Theory of operation.  A descriptor that another process handed over shares its flags with that
 * process, which can make it blocking and fill it: a write() to it then takes as long as that process
 * likes.  Linux' asynchronous I/O adds to an eventfd on completion, and that never waits: a full one
 * stays full.  So a call is a read of 0 bytes from /dev/zero, complete as soon as it is submitted,
 * with the eventfd as the one to be signalled (IOCB_FLAG_RESFD).  Many go with one system call.  What
 * is no eventfd is refused by the kernel and skipped.  The completions are of no interest: the ring
 * that they are put into is emptied in memory, without a system call.
 *
 * Where asynchronous I/O is not to be had (the kernel lacks it, a filter of system calls or
 * fs.aio-max-nr forbids it) calls are made by write().  Then, bf_calls_are_safe() being false, only
 * eventfds that are non-blocking and in nobody else's hands may be added.
 *
 * Threads: each struct bf_calls belongs to one thread at a time.
 */
#ifndef BF_BASE_CALL_H
#define BF_BASE_CALL_H

#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stdint.h>

#define BF_CALLS 64 /* made by one system call at most */

struct bf_calls {
	aio_context_t aio; /* 0: none, calls are made by write() */
	int zero; /* /dev/zero; -1 without `aio` */
	uint32_t n; /* added and not sent */
	uint64_t sent; /* since bf_calls_open() */
	uint64_t refused; /* descriptors that were no eventfd, or not open */
	int fd[BF_CALLS];
	struct iocb iocb[BF_CALLS];
	struct iocb *list[BF_CALLS];
};

/**
 * Get ready.  Takes a descriptor, and a share of fs.aio-max-nr.  Never fails: see bf_calls_are_safe().
 *
 * ctx control, before descriptors of other processes are added anywhere.
 */
void bf_calls_open(struct bf_calls *c);

/**
 * Give everything back.  What was added and not sent is forgotten.  The context is for the next one who opens.
 *
 * ctx control; idempotent.
 */
void bf_calls_close(struct bf_calls *c);

/**
 * Whether descriptors of other processes may be added: everybody who opened has got a context.  ctx any.
 */
bool bf_calls_are_safe(void);

/**
 * Add a call; with BF_CALLS of them they are sent.  ctx the owner's thread.
 *
 * @param fd
 *   Stays the caller's, open until after bf_calls_send().  Below 0: nothing is added.
 */
void bf_calls_add(struct bf_calls *c, int fd);

/** Make the calls that were added; waits for nobody.  ctx the owner's thread. */
void bf_calls_send(struct bf_calls *c);

#endif
