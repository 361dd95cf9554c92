/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One connection of the front door: bytes in, messages acted upon, answers out.
 *
 * Threads: ctx vhost.
 */
#ifndef BF_VHOST_CONN_H
#define BF_VHOST_CONN_H

#include <stdbool.h>

#include "vhost/session.h"
#include "vhost/stream.h"
#include "vhost/waste.h"

#define BF_CONN_MESSAGES 16 /* acted upon per visit */

struct bf_conn {
	int fd;
	struct bf_waste_bin *bin; /* the port's */
	struct bf_vhost_stream stream;
	struct bf_vhost_session session;
	/* the answer that is being sent */
	struct bf_vhost_answer answer;
	uint32_t sent;
	uint64_t answer_ms; /* when it was made */
	bool ending; /* after the answer is sent */
	const char *why; /* it has to be ended, when nobody has said so yet; else NULL */
};

/** Begin. Takes @p fd, which is non-blocking. @p ops and @p arg are the session's. */
void bf_conn_init(struct bf_conn *c, int fd, struct bf_waste_bin *bin,
	const struct bf_vhost_offer *offer, const struct bf_vhost_ops *ops, void *arg);

/** Everything that belongs to it is given up. */
void bf_conn_fini(struct bf_conn *c);

/**
 * Read and act on at most one message.
 *
 * @return
 *   1: one was acted upon; 0: nothing more can be done now; -1: the connection is to be ended; c->why says
 *   why unless the peer has ended it or the session has said it.
 */
int bf_conn_turn(struct bf_conn *c, uint64_t now_ms);

/** An answer waits for room in the socket. */
bool bf_conn_wants_room(const struct bf_conn *c);

/** When the peer is overdue with something; UINT64_MAX: with nothing. */
uint64_t bf_conn_due_ms(const struct bf_conn *c);

#endif
