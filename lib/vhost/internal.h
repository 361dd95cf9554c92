/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of the vhost-user engine share: the table of requests, and what its rows call.
 *
 * Of each request one function checks and one acts.  The first has no effect; the second may still
 * fail where something has to be mapped or made, and then leaves everything as it was.  Whoever
 * changes something about rings stops them before; session.c starts what may run afterwards.  A
 * descriptor that is kept is taken out of the message (bf_vhost_keep()); session.c disposes of the
 * others.
 *
 * Threads: ctx vhost.
 */
#ifndef BF_VHOST_INTERNAL_H
#define BF_VHOST_INTERNAL_H

#include "base/err.h"
#include "vhost/session.h"
#include "vhost/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/** The first function of a request, without effect. @return 0 or -errno, with @p err. */
typedef int bf_vhost_check(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err);

/** The second one. @return 0, or -errno when nothing was changed. */
typedef int bf_vhost_act(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err);

enum bf_vhost_answers {
	BF_VHOST_ANSWERS_NOT, /* unless it is asked for (REPLY_ACK): 0, or 1 when refused */
	BF_VHOST_ANSWERS, /* with what was asked for: a refusal cannot be said */
	BF_VHOST_ANSWERS_EMPTY, /* the same, but an answer without payload says that it is refused */
	BF_VHOST_ANSWERS_STATUS, /* 0, or 1 when refused, asked for or not */
};

/** Kinds of descriptors as a set. */
enum {
	BF_VHOST_ANY_FD = 0x1f,
	BF_VHOST_SIGNAL_FD = 1 << BF_VHOST_FD_EVENT | 1 << BF_VHOST_FD_PIPE,
	BF_VHOST_SOCKET_FD = 1 << BF_VHOST_FD_SOCKET, /* User Mode Linux */
	BF_VHOST_CALL_FD = BF_VHOST_SIGNAL_FD | BF_VHOST_SOCKET_FD,
	BF_VHOST_MEMORY_FD = 1 << BF_VHOST_FD_MEMORY,
};

/** A request that is known.  See request.c. */
struct bf_vhost_row {
	const char *name; /* NULL: no such request */
	bf_vhost_check *check; /* NULL: nothing more to check */
	bf_vhost_act *act; /* NULL: not supported */
	uint16_t len; /* of the payload */
	uint16_t len_max, len_step; /* 0: exactly `len` */
	uint8_t fds, fds_max; /* at least, at most */
	uint8_t fd_kinds; /* a set */
	uint8_t answers; /* enum bf_vhost_answers */
	bool ignorable; /* a refusal that nobody asked to hear of does not end the connection */
	uint32_t protocol; /* the feature that must have been negotiated, as a bit; 0: none */
};

/** @return the row of a request; for an unknown one a row without a name. */
const struct bf_vhost_row *bf_vhost_row(uint32_t request);

/**
 * What the table says about a message: supported, negotiated, length, descriptors.
 *
 * @return 0 or -errno, with @p err.
 */
int bf_vhost_row_check(const struct bf_vhost_row *row, const struct bf_vhost_session *s,
	const struct bf_vhost_message *m, struct bf_err *err);

/** Write an answer. */
void bf_vhost_answer_put(
	struct bf_vhost_answer *answer, uint32_t request, const void *payload, uint32_t len);

static inline void
bf_vhost_answer_u64(struct bf_vhost_answer *answer, uint32_t request, uint64_t value)
{
	bf_vhost_answer_put(answer, request, &value, sizeof(value));
}

static inline uint64_t
bf_vhost_u64(const struct bf_vhost_message *m)
{
	uint64_t value;

	memcpy(&value, m->payload, sizeof(value));
	return value;
}

static inline bool
bf_vhost_is_packed(const struct bf_vhost_session *s)
{
	return (s->features & BF_VHOST_F_RING_PACKED) != 0;
}

/** Why something could not be mapped, in words. */
static inline const char *
bf_vhost_unmapped(int ret)
{
	return ret == -EDQUOT ? "more than one port may have mapped" : strerror(-ret);
}

/* session.c */

/** Dispose of a descriptor, if there is one; there is none afterwards. */
void bf_vhost_dispose(struct bf_vhost_session *s, struct bf_vhost_fd *fd);

/** Take the message's descriptor, or none, in place of the one in @p to. */
void bf_vhost_keep(struct bf_vhost_session *s, struct bf_vhost_message *m, struct bf_vhost_fd *to);

/* run.c */

/** Stop one ring, or all; their positions are in `base` afterwards. */
void bf_vhost_stop(struct bf_vhost_session *s, uint16_t q);
void bf_vhost_stop_all(struct bf_vhost_session *s);

/**
 * Start what may run.
 *
 * @return
 *   0, or -errno when a ring turned out to be wrong that was not before; @p err names the first.
 */
int bf_vhost_run(struct bf_vhost_session *s, struct bf_err *err);

/** Rules of virtio 1.2, as far as the kind of ring is known. @return 0 or -errno, with @p err. */
int bf_vhost_check_size(const struct bf_vhost_session *s, uint32_t size, struct bf_err *err);
int bf_vhost_check_base(
	const struct bf_vhost_session *s, uint32_t size, uint32_t base, struct bf_err *err);
int bf_vhost_check_places(const struct bf_vhost_session *s, uint64_t desc, uint64_t avail,
	uint64_t used, struct bf_err *err);

/* ring.c */
bf_vhost_check bf_vhost_check_num, bf_vhost_check_addr, bf_vhost_check_set_base;
bf_vhost_check bf_vhost_check_ring, bf_vhost_check_signal, bf_vhost_check_enable;
bf_vhost_act bf_vhost_set_num, bf_vhost_set_addr, bf_vhost_set_base, bf_vhost_get_base;
bf_vhost_act bf_vhost_set_kick, bf_vhost_set_call, bf_vhost_set_err, bf_vhost_set_enable;

/** As if a ring had never been spoken of. It is stopped before. */
void bf_vhost_forget_ring(struct bf_vhost_session *s, uint16_t q);

/* memory.c */
bf_vhost_check bf_vhost_check_table, bf_vhost_check_add, bf_vhost_check_remove;
bf_vhost_act bf_vhost_set_table, bf_vhost_add_region, bf_vhost_remove_region, bf_vhost_get_slots;

/** @return where an address of the front end is when all @p len bytes are in one region, or NULL. */
void *bf_vhost_at_uva(const struct bf_vhost_session *s, uint64_t uva, uint64_t len);

/** No region any more.  No ring runs. */
void bf_vhost_forget_memory(struct bf_vhost_session *s);

/* area.c: log and inflight area */
bf_vhost_check bf_vhost_check_log, bf_vhost_check_get_inflight, bf_vhost_check_set_inflight;
bf_vhost_act bf_vhost_set_log, bf_vhost_set_log_fd, bf_vhost_get_inflight, bf_vhost_set_inflight;

/** @return where ring @p q keeps its state in the inflight area, or NULL. */
void *bf_vhost_keep_of(const struct bf_vhost_session *s, uint16_t q);

/** Neither log nor inflight area any more.  No ring runs. */
void bf_vhost_forget_areas(struct bf_vhost_session *s);

/* solo.c: for a front end without a device model */
bf_vhost_check bf_vhost_check_config;
bf_vhost_act bf_vhost_set_backend_req, bf_vhost_get_config;

/** What is offered to this front end. */
uint64_t bf_vhost_offered_features(const struct bf_vhost_session *s);
uint64_t bf_vhost_offered_protocol(const struct bf_vhost_session *s);

/** Queue pairs of the port. */
static inline uint16_t
bf_vhost_queue_pairs(const struct bf_vhost_session *s)
{
	return s->offer.queue_pairs != 0 ? s->offer.queue_pairs : s->offer.n_rings / 2;
}

/* features.c: what is negotiated, and what concerns the device as a whole */
bf_vhost_check bf_vhost_check_features, bf_vhost_check_protocol, bf_vhost_check_mtu;
bf_vhost_check bf_vhost_check_status, bf_vhost_check_has_protocol, bf_vhost_check_queue_num;
bf_vhost_act bf_vhost_get_features, bf_vhost_set_features, bf_vhost_get_protocol;
bf_vhost_act bf_vhost_set_protocol, bf_vhost_set_owner, bf_vhost_reset_owner;
bf_vhost_act bf_vhost_get_queue_num, bf_vhost_send_rarp, bf_vhost_set_mtu;
bf_vhost_act bf_vhost_reset_device, bf_vhost_get_status, bf_vhost_set_status;

#endif
