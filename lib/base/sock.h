/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sockets in the file system.
 *
 * Threads: any.
 */
#ifndef BF_BASE_SOCK_H
#define BF_BASE_SOCK_H

/**
 * Does a live process listen at a stream socket?  The question does not block, and the process does not
 * notice it.
 *
 * ctx any.
 *
 * @param path
 *   Shorter than the 108 bytes of struct sockaddr_un.
 * @return
 *   1 yes; 0 nobody does: the socket is left over; -errno: it cannot be told, for instance -ENOENT.
 */
int bf_sock_is_live(const char *path);

#endif
