/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The vhost-user protocol from the back end's side, one connection: a pure engine, like lib/lacp.
 *
 * In: one whole message with its descriptors (stream.h cuts them out of the bytes).  Out: an answer,
 * calls of `ops` for what has to be done to memory and rings, and the state in this struct.  It opens,
 * reads and maps nothing by itself.  Source: the vhost-user specification in QEMU's documentation
 * (docs/interop/vhost-user.rst, named VU below by its sections) and virtio 1.2.
 *
 * Theory of operation.  A message is checked as a whole (length, number and kind of descriptors, every
 * count, offset, flag, alignment) before it has any effect.  A message that is refused changes nothing;
 * its descriptors are disposed of like those of any other.  A ring *runs* while everything about it is
 * known, right, and it is started and enabled (VU "Starting and stopping rings"); one that transmits runs
 * disabled, too, and its frames are to be discarded (VU "Ring states").  Whatever a message changes about
 * a ring, it is stopped before and started again after it.
 *
 * Ownership: every descriptor handed in belongs to the session, which gives each one to ops->dispose()
 * once, at the latest in bf_vhost_session_fini().
 *
 * Threads: ctx vhost (or whoever has the session to itself).
 */
#ifndef BF_VHOST_SESSION_H
#define BF_VHOST_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BF_VHOST_DATA_RINGS 16 /* of a device; even ones towards the guest */
#define BF_VHOST_RINGS \
	(BF_VHOST_DATA_RINGS + 1) /* and a control queue, behind those that are in use */
#define BF_VHOST_REGIONS 32 /* of guest memory: memory slots */
#define BF_VHOST_REMOVED 8 /* regions that are remembered as removed */
#define BF_VHOST_FDS 8 /* with one message */
#define BF_VHOST_PAYLOAD 512 /* longest payload that any request we know has, and more */
#define BF_VHOST_RING_SIZE 32768 /* virtio 1.2, 2.7 and 2.8 */

/** What a descriptor is, found out without a call that could wait for whoever made it. */
enum bf_vhost_fd_kind {
	BF_VHOST_FD_OTHER, /* good for nothing */
	BF_VHOST_FD_EVENT, /* an eventfd */
	BF_VHOST_FD_PIPE,
	BF_VHOST_FD_MEMORY, /* a memory file: tmpfs, memfd, hugetlbfs */
	BF_VHOST_FD_SOCKET, /* one of a pair */
	BF_VHOST_FD_COUNT
};

struct bf_vhost_fd {
	int fd;
	uint8_t kind; /* enum bf_vhost_fd_kind */
	bool lent; /* a ring ran with it: workers may be about to signal it */
	uint64_t size; /* MEMORY: bytes in the file */
	uint64_t page; /* MEMORY: its page size, bytes */
};

struct bf_vhost_region {
	uint64_t gpa, size, uva; /* guest physical address, bytes, address in the front end */
	uint64_t offset; /* in the file */
	uint8_t *va; /* here; ops->map() sets it */
	uint64_t page;
	void *mapping; /* for whoever implements ops->map() */
};

struct bf_vhost_log { /* one bit per page of 4096 bytes of guest memory, VU "Migration" */
	uint8_t *va;
	uint64_t size;
	void *mapping;
};

/** A ring as the front end has described it. */
struct bf_vhost_ring {
	uint16_t size; /* entries, 0: not said */
	/*
	 * As in SET_VRING_BASE.  Split: the next available index.  Packed: the next available
	 * descriptor (bits 0 to 14) and its wrap counter (15), the next used one and its (16 to 31);
	 * a running ring has both halves, even where the front end gave only the first.
	 */
	uint32_t base;
	uint64_t desc_uva, avail_uva, used_uva;
	uint64_t log_gpa; /* of the used ring, when `logged` */
	bool has_addr, logged, started, enabled;
	struct bf_vhost_fd kick, call; /* fd -1: none */
	/* set while it runs: where it is here */
	bool running;
	void *desc, *avail, *used; /* packed: descriptor ring, driver area, device area */
	void *keep; /* its place in the inflight area, or NULL */
	/* why it cannot run although it is started, in words; NULL: nothing is wrong with it */
	const char *wrong;
};

/** What this end is ready to do.  Fixed for the life of a session. */
struct bf_vhost_offer {
	uint64_t features; /* virtio and vhost bits, VHOST_USER_F_PROTOCOL_FEATURES too */
	uint64_t protocol; /* VHOST_USER_PROTOCOL_F_ bits */
	uint16_t n_rings; /* that are served */
	uint16_t queue_pairs; /* as answered to GET_QUEUE_NUM; 0: half of n_rings */
	/*
	 * Offered besides to a front end that says SET_OWNER before anything else.  User Mode Linux does,
	 * which has no device model: it wants a control queue, a configuration and a way back.
	 * virtio-user does too, and ignores all three.
	 */
	uint64_t solo_features, solo_protocol;
	uint16_t solo_mtu; /* in the configuration */
};

struct bf_vhost_session;

/** What a session has done by others.  All are called from within bf_vhost_session_ functions. */
struct bf_vhost_ops {
	/**
	 * Map a region of a file that was checked to hold it; sets r->va.
	 * @return 0 or -errno; -EDQUOT: that would be more than one port may have mapped.
	 */
	int (*map)(void *arg, const struct bf_vhost_fd *file, struct bf_vhost_region *r);
	/**
	 * End a mapping.  No ring runs while regions are mapped, unmapped or changed; a new table is
	 * mapped and told of (memory_changed) before the old one is unmapped, so that at times
	 * BF_VHOST_REGIONS + 8 mappings exist.
	 */
	void (*unmap)(void *arg, struct bf_vhost_region *r);
	/** The same for the log and the inflight area; `map` sets l->va.  The new one is mapped first. */
	int (*map_log)(
		void *arg, const struct bf_vhost_fd *file, uint64_t size, struct bf_vhost_log *l);
	void (*unmap_log)(void *arg, struct bf_vhost_log *l);
	int (*map_inflight)(void *arg, const struct bf_vhost_fd *file, uint64_t offset,
		uint64_t size, struct bf_vhost_log *l);
	/** Make a memory file of @p size zero bytes. @return the descriptor or -errno. */
	int (*make_memory)(void *arg, uint64_t size);
	/** The table of regions is another one (s->region, s->n_regions); no ring runs. */
	void (*memory_changed)(void *arg, const struct bf_vhost_session *s);
	/** Frames of ring @p q may move from now on; s->ring[q].enabled false: be discarded. */
	void (*ring_start)(void *arg, const struct bf_vhost_session *s, uint16_t q);
	/** They may not any more. @return where the ring stands, as `base`. */
	uint32_t (*ring_stop)(void *arg, uint16_t q);
	/** SEND_RARP. @param mac as in memory, the lowest byte first. */
	void (*announce)(void *arg, uint64_t mac);
	/** A descriptor is not needed any more. */
	void (*dispose)(void *arg, const struct bf_vhost_fd *fd);
	/** Something was refused, or a ring found wrong: what, in words.  At most once per message. */
	void (*refused)(void *arg, const char *request, const char *why);
};

struct bf_vhost_session {
	const struct bf_vhost_ops *ops;
	void *arg;
	struct bf_vhost_offer offer;
	bool owned; /* SET_OWNER came */
	bool has_features; /* SET_FEATURES came */
	bool held; /* bf_vhost_session_hold() */
	uint64_t features, protocol; /* negotiated */
	bool asked; /* GET_FEATURES came */
	bool solo; /* SET_OWNER came before it: the front end has no device model */
	uint8_t status; /* virtio 2.1, when the front end says it */
	uint16_t mtu; /* NET_SET_MTU, 0: not said */
	uint32_t n_regions;
	struct bf_vhost_region region[BF_VHOST_REGIONS];
	struct bf_vhost_region removed[BF_VHOST_REMOVED]; /* the last ones */
	uint32_t n_removed; /* so far */
	struct bf_vhost_log log, inflight; /* va NULL: none */
	uint16_t inflight_rings, inflight_size; /* what the inflight area was made for */
	struct bf_vhost_ring ring[BF_VHOST_RINGS];
	struct bf_vhost_fd backend_req; /* kept open and never used; -1: none */
	char error[160]; /* the last thing that was refused, in words; "" none */
	uint64_t messages, refusals;
};

/** A message, whole. */
struct bf_vhost_message {
	uint32_t request, flags, size;
	uint8_t payload[BF_VHOST_PAYLOAD]; /* `size` bytes of it */
	uint32_t n_fds;
	struct bf_vhost_fd fd[BF_VHOST_FDS];
};

struct bf_vhost_answer {
	uint32_t len; /* bytes of header and payload, 0: none */
	uint8_t bytes[12 + BF_VHOST_PAYLOAD];
	int fd; /* goes with it and belongs to whoever sends it, who closes it; -1: none */
};

/** Begin. Nothing is negotiated. */
void bf_vhost_session_init(struct bf_vhost_session *s, const struct bf_vhost_offer *offer,
	const struct bf_vhost_ops *ops, void *arg);

/**
 * Act on one message.  Takes its descriptors.
 *
 * @return
 *   0: go on; -EPROTO: the connection is to be ended (after sending @p answer, if there is one),
 *   because what was refused cannot be said in an answer, or the two ends have lost each other.
 */
int bf_vhost_session_take(
	struct bf_vhost_session *s, struct bf_vhost_message *m, struct bf_vhost_answer *answer);

/** Stop every ring, unmap everything, dispose of every descriptor. */
void bf_vhost_session_fini(struct bf_vhost_session *s);

/**
 * Rings stop and start without a message, for whoever lends the port's rings to one session of
 * several: while held, no ring runs and ops->ring_start() is not called.
 */
void bf_vhost_session_hold(struct bf_vhost_session *s, bool held);

/** The front end has a device that works: rings 0 and 1 are started, enabled or not, and right. */
bool bf_vhost_session_is_up(const struct bf_vhost_session *s);

/** @return the number of the control queue's ring, or BF_VHOST_RINGS: there is none. */
uint16_t bf_vhost_control_ring(const struct bf_vhost_session *s);

/** A control queue's place in its ring. */
struct bf_vhost_control {
	uint16_t next; /* available entry, or descriptor */
	bool wrap; /* packed */
	bool more; /* after bf_vhost_control_serve(): call it again soon, nobody else will say so */
};

/** The control queue begins where the front end says. @return its `base` as a place. */
struct bf_vhost_control bf_vhost_control_at(const struct bf_vhost_session *s);

/** @return the place as a `base`. */
uint32_t bf_vhost_control_base(const struct bf_vhost_session *s, const struct bf_vhost_control *c);

/**
 * Answer the commands that wait in the control queue, which runs; some at a time.
 *
 * @return
 *   Whether any was answered, so that the guest is to be called.
 */
bool bf_vhost_control_serve(const struct bf_vhost_session *s, struct bf_vhost_control *c);

/** @return where an address of the guest is here when all @p len bytes are in one region, or NULL. */
void *bf_vhost_session_at(const struct bf_vhost_session *s, uint64_t gpa, uint64_t len);

/** @return "SET_MEM_TABLE" and so on, or "request 77" in @p buf. */
const char *bf_vhost_request_name(uint32_t request, char *buf, size_t size);

/**
 * The names of feature bits, separated by spaces; bits without a name as numbers.
 *
 * @return @p buf.
 */
const char *bf_vhost_feature_names(uint64_t features, char *buf, size_t size);
const char *bf_vhost_protocol_names(uint64_t features, char *buf, size_t size);

#endif
