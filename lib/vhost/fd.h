/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a descriptor is that somebody else has made.
 *
 * Such a descriptor may belong to a file system or a protocol whose server is the sender: fstat(),
 * mmap() or close() on it can then wait for as long as that server likes.  So the kind is found out by
 * calls that wait for nobody, and only the kinds that cannot wait are used.
 *
 * Threads: any.
 */
#ifndef BF_VHOST_FD_H
#define BF_VHOST_FD_H

#include "vhost/session.h"

/**
 * Fill in @p f for descriptor @p fd; what cannot be told is BF_VHOST_FD_OTHER.
 *
 * From a socket that is good for something nobody can read any more afterwards; looked at again it
 * is BF_VHOST_FD_OTHER.
 */
void bf_vhost_fd_look(int fd, struct bf_vhost_fd *f);

#endif
