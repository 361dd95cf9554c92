/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The forwarding database as its one writer sees it; layout, bounds and lookup are explained in
 * dataplane/fdb.h.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SWITCH_FDB_H
#define BF_CONTROL_SWITCH_FDB_H

#include "dataplane/fdb.h"

/** Key from address bytes. @param vlan 0 to 4094. */
uint64_t bf_fdb_key(uint16_t vlan, const uint8_t mac[6]);

/**
 * @param capacity
 *   Dynamic and static entries together, 8 to 1048576.
 * @param n_ports
 *   Port slots are below this.
 * @param socket
 *   NUMA node for the table, or SOCKET_ID_ANY.
 * @return
 *   NULL with errno ENOMEM or EINVAL.
 */
struct bf_fdb *bf_fdb_create(uint32_t capacity, uint32_t n_ports, int socket);
/** No reader may be left. NULL is allowed. */
void bf_fdb_destroy(struct bf_fdb *f);

/** Seconds of the control clock; bumps the epoch when the second changed. */
void bf_fdb_set_now(struct bf_fdb *f, uint32_t now_s);

enum bf_fdb_learned {
	BF_FDB_KNOWN,
	BF_FDB_NEW,
	BF_FDB_MOVED,
	BF_FDB_REFUSED, /* a static entry elsewhere, or nothing could be evicted */
};

/** Remember a station behind a port. */
enum bf_fdb_learned bf_fdb_learn(struct bf_fdb *f, uint64_t key, uint16_t port);

/** The station has just announced itself where it is. */
void bf_fdb_announced(struct bf_fdb *f, uint64_t key);

/** Pin a station to a port. @return 0, or -ENOSPC when the table holds no room. */
int bf_fdb_add_static(struct bf_fdb *f, uint64_t key, uint16_t port);

/** Forget a station. @return 0 or -ENOENT. */
int bf_fdb_del(struct bf_fdb *f, uint64_t key);

/** Forget a port's stations. @return how many. */
uint32_t bf_fdb_flush_port(struct bf_fdb *f, uint16_t port, bool static_too);
/** Forget every dynamic station. @return how many. */
uint32_t bf_fdb_flush(struct bf_fdb *f);

/** Most stations that are learned behind a port; 0 = the default (half the capacity, whole for the bond). */
void bf_fdb_set_quota(struct bf_fdb *f, uint16_t port, uint32_t quota);

/**
 * Go on ageing over at most @p n_buckets buckets.
 *
 * Call often with a small number: a full turn is `bf_fdb_n_buckets()`, at least one in 200 s, so that
 * old announcements are cleared before their second comes round again.
 */
void bf_fdb_age(struct bf_fdb *f, uint32_t n_buckets);
uint32_t bf_fdb_n_buckets(const struct bf_fdb *f);

/** Let workers see that decisions changed.  Once per batch of the calls above. */
void bf_fdb_commit(struct bf_fdb *f);

/** The entry of a port that came first, or NULL. */
const struct bf_fdb_entry *bf_fdb_first(const struct bf_fdb *f, uint16_t port);

/** Visit every entry; the callback must not change the table. */
typedef void bf_fdb_visit_cb(void *arg, const struct bf_fdb_entry *e);
void bf_fdb_visit(const struct bf_fdb *f, bf_fdb_visit_cb *cb, void *arg);

#endif
