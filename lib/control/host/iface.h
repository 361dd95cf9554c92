/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An interface of the host's kernel (a tap) that belongs to a host port: made, set, looked at, removed.
 *
 * It is persistent: when the process ends, the interface stays with its addresses, without carrier,
 * and the next process takes it up again.  Only bf_iface_forget() makes it go.
 *
 * What is read from it and written to it begins with a virtio header of 12 bytes in little endian, as in
 * the ring of a guest.
 *
 * Threads: ctx control, but for what says otherwise.
 */
#ifndef BF_CONTROL_HOST_IFACE_H
#define BF_CONTROL_HOST_IFACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define BF_IFACE_HEADER 12 /* bytes in front of every frame */

/** What the kernel says of an interface. */
struct bf_iface_info {
	bool exists, up, carrier;
	uint8_t mac[6];
	uint32_t mtu;
};

/**
 * Make the interface, or take up the one that an earlier process left.
 *
 * A new one is up, and has @p mac, or, where that is zero, an address that follows from the machine and
 * the name (base/own_mac.h).  One that is there keeps what it has, but for the MTU and an @p mac that is not zero.
 *
 * @return its descriptor, which does not block, or -errno with the reason.
 */
int bf_iface_open(const char *name, const uint8_t mac[6], uint32_t mtu, struct bf_err *err);

/** Whether bf_iface_open() could succeed, as far as that can be said. @return 0 or -errno with the reason. */
int bf_iface_check(const char *name, struct bf_err *err);

/** It goes away when its descriptor is closed. */
void bf_iface_forget(int fd);

/** Let the kernel leave checksums, and segments, to whoever reads. ctx any. */
void bf_iface_set_offloads(int fd, bool checksums, bool segments);
/** ctx any. */
void bf_iface_set_carrier(int fd, bool on);
void bf_iface_set_mtu(const char *name, uint32_t mtu);
void bf_iface_set_mac(const char *name, const uint8_t mac[6]);

/** Is it up? True for one that is in another network namespace. ctx any. */
bool bf_iface_is_up(const char *name);

void bf_iface_look(const char *name, struct bf_iface_info *info);

#endif
