/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a vhost-user message looks like: request numbers, flags, feature bits, payloads (VU "Message
 * Specification", "Protocol features", "Front-end message types").  All numbers are in the byte order
 * of this machine.  Payloads are read and written by memcpy(): they have no alignment.
 *
 * Theory of operation of the inflight area (VU "Inflight I/O tracking").  It is a file of `size` bytes
 * that outlives the back end because the front end keeps it.  From `offset` on there is one part per
 * ring, in the order of their numbers, each as long as bf_vhost_inflight_part() says for the kind of
 * ring and for the size that the area was made for:
 *
 *   split    16 bytes   features 8, version 2, ring size 2, head of the last batch 2, used index 2
 *            16 a descriptor
 *   packed   32 bytes   features 8, version 2, ring size 2, free head 2, old free head 2,
 *                       used index 2, old used index 2, wrap counter 1, old wrap counter 1
 *            32 a descriptor
 *
 * and the whole rounded up to 64, as the other back ends do it.  Version 0 means: nothing in it yet.
 *
 * Threads: any (constants).
 */
#ifndef BF_VHOST_WIRE_H
#define BF_VHOST_WIRE_H

#include <stdint.h>

#define BF_VHOST_HEADER 12 /* bytes: request, flags, size */
#define BF_VHOST_TABLE_REGIONS 8 /* in one SET_MEM_TABLE */
#define BF_VHOST_CONFIG_MAX 256 /* bytes of a device's configuration */
#define BF_VHOST_PAGE 4096 /* regions are made of these, and the log has a bit for each */

/** VU "Header". */
enum {
	BF_VHOST_FLAG_VERSION = 0x3,
	BF_VHOST_FLAG_V1 = 0x1,
	BF_VHOST_FLAG_REPLY = 0x4,
	BF_VHOST_FLAG_NEED_REPLY = 0x8,
};

/** VU "Front-end message types". */
enum bf_vhost_request {
	BF_VHOST_GET_FEATURES = 1,
	BF_VHOST_SET_FEATURES = 2,
	BF_VHOST_SET_OWNER = 3,
	BF_VHOST_RESET_OWNER = 4,
	BF_VHOST_SET_MEM_TABLE = 5,
	BF_VHOST_SET_LOG_BASE = 6,
	BF_VHOST_SET_LOG_FD = 7,
	BF_VHOST_SET_VRING_NUM = 8,
	BF_VHOST_SET_VRING_ADDR = 9,
	BF_VHOST_SET_VRING_BASE = 10,
	BF_VHOST_GET_VRING_BASE = 11,
	BF_VHOST_SET_VRING_KICK = 12,
	BF_VHOST_SET_VRING_CALL = 13,
	BF_VHOST_SET_VRING_ERR = 14,
	BF_VHOST_GET_PROTOCOL_FEATURES = 15,
	BF_VHOST_SET_PROTOCOL_FEATURES = 16,
	BF_VHOST_GET_QUEUE_NUM = 17,
	BF_VHOST_SET_VRING_ENABLE = 18,
	BF_VHOST_SEND_RARP = 19,
	BF_VHOST_NET_SET_MTU = 20,
	BF_VHOST_SET_BACKEND_REQ_FD = 21,
	BF_VHOST_IOTLB_MSG = 22,
	BF_VHOST_SET_VRING_ENDIAN = 23,
	BF_VHOST_GET_CONFIG = 24,
	BF_VHOST_SET_CONFIG = 25,
	BF_VHOST_CREATE_CRYPTO_SESSION = 26,
	BF_VHOST_CLOSE_CRYPTO_SESSION = 27,
	BF_VHOST_POSTCOPY_ADVISE = 28,
	BF_VHOST_POSTCOPY_LISTEN = 29,
	BF_VHOST_POSTCOPY_END = 30,
	BF_VHOST_GET_INFLIGHT_FD = 31,
	BF_VHOST_SET_INFLIGHT_FD = 32,
	BF_VHOST_GPU_SET_SOCKET = 33,
	BF_VHOST_RESET_DEVICE = 34,
	BF_VHOST_VRING_KICK = 35,
	BF_VHOST_GET_MAX_MEM_SLOTS = 36,
	BF_VHOST_ADD_MEM_REG = 37,
	BF_VHOST_REM_MEM_REG = 38,
	BF_VHOST_SET_STATUS = 39,
	BF_VHOST_GET_STATUS = 40,
	BF_VHOST_GET_SHARED_OBJECT = 41,
	BF_VHOST_SET_DEVICE_STATE_FD = 42,
	BF_VHOST_CHECK_DEVICE_STATE = 43,
	BF_VHOST_REQUESTS = 44,
};

/** VU "Protocol features", bit numbers. */
enum bf_vhost_protocol {
	BF_VHOST_PROTOCOL_MQ = 0,
	BF_VHOST_PROTOCOL_LOG_SHMFD = 1,
	BF_VHOST_PROTOCOL_RARP = 2,
	BF_VHOST_PROTOCOL_REPLY_ACK = 3,
	BF_VHOST_PROTOCOL_MTU = 4,
	BF_VHOST_PROTOCOL_BACKEND_REQ = 5,
	BF_VHOST_PROTOCOL_CONFIG = 9,
	BF_VHOST_PROTOCOL_INFLIGHT_SHMFD = 12,
	BF_VHOST_PROTOCOL_RESET_DEVICE = 13,
	BF_VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS = 15,
	BF_VHOST_PROTOCOL_STATUS = 16,
};

/** Bits of GET_FEATURES that this room acts upon; virtio 1.2, 6 and VU. */
#define BF_VHOST_F_CTRL_VQ (UINT64_C(1) << 17)
#define BF_VHOST_F_MQ (UINT64_C(1) << 22)
#define BF_VHOST_F_LOG_ALL (UINT64_C(1) << 26)
#define BF_VHOST_F_INDIRECT (UINT64_C(1) << 28)
#define BF_VHOST_F_EVENT_IDX (UINT64_C(1) << 29)
#define BF_VHOST_F_PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define BF_VHOST_F_RING_PACKED (UINT64_C(1) << 34)

/** In the u64 of SET_VRING_KICK, _CALL and _ERR; the bits above are not used. */
#define BF_VHOST_VRING_INDEX UINT64_C(0xff)
#define BF_VHOST_VRING_NOFD UINT64_C(0x100)

/** VU "A vring state description". */
struct bf_vhost_wire_state {
	uint32_t index, num;
};

/** VU "A vring address description". */
struct bf_vhost_wire_addr {
	uint32_t index, flags; /* flags: bit 0, writes to the used ring are logged */
	uint64_t desc, used, avail, log;
};

/** VU "Memory regions description": a count and a padding of 32 bits each, then regions. */
struct bf_vhost_wire_region {
	uint64_t gpa, size, uva, offset;
};

/** VU "Log description". */
struct bf_vhost_wire_log {
	uint64_t size, offset;
};

/** VU "Virtio device config space": offset, size and flags, then `size` bytes. */
struct bf_vhost_wire_config {
	uint32_t offset, size, flags;
};

/** VU "Inflight description": 20 bytes; QEMU's compiler adds 4. */
struct bf_vhost_wire_inflight {
	uint64_t size, offset;
	uint16_t n_rings, ring_size;
	uint32_t padding;
};

/** Bytes of one ring's part of the inflight area. */
static inline uint64_t
bf_vhost_inflight_part(uint32_t ring_size, int packed)
{
	uint64_t each = packed ? 32 : 16;

	return (each + each * ring_size + 63) / 64 * 64;
}

#endif
