/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The guests' front door: sockets, and one thread that serves all their connections and waits for
 * nobody.
 *
 * Each port has a socket path.  In server mode front ends connect to us; in client mode we connect to
 * whoever listens there, as soon as somebody does: the folder is watched.  Several connections may
 * negotiate for a port, BF_DOOR_CONNECTIONS at most; the port's rings belong to the one that has
 * brought up a device last.
 *
 * What one front end can do to the others is bounded: input is read as it comes, some messages at a
 * time; a message that has begun must be whole and an answer must be read within a time limit; nothing
 * is done with a descriptor that could wait (fd.h, waste.h, caller.h).
 *
 * Threads: the functions here ctx control; the callbacks ctx vhost, which is the door's own thread,
 * but those of bf_door_remove(), bf_door_shut() and bf_door_close() run in the caller's.
 */
#ifndef BF_VHOST_DOOR_H
#define BF_VHOST_DOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "vhost/session.h"
#include "vhost/waste.h"

#define BF_DOOR_CONNECTIONS 4 /* of one port at a time */
#define BF_DOOR_UNREAD_MS 5000 /* an answer must have been read after this time */

struct bf_door;
struct bf_door_port;

/** What became of a port, for the journal. */
enum bf_door_event {
	BF_DOOR_REFUSED, /* a message, or a connection */
	BF_DOOR_ENDED, /* a connection, by us: too slow, or out of step */
};

/** What the door tells a port's owner. All ctx vhost; none may wait. */
struct bf_door_ops {
	/** As in struct bf_vhost_ops. */
	void (*ring_start)(void *arg, const struct bf_vhost_session *s, uint16_t q);
	uint32_t (*ring_stop)(void *arg, uint16_t q);
	/** Regions are others than before; no ring runs. s NULL: nobody has the port. */
	void (*memory)(void *arg, const struct bf_vhost_session *s);
	void (*announce)(void *arg, uint64_t mac);
	/** A message was acted upon: up says whether the port has a device now. */
	void (*settled)(void *arg, const struct bf_vhost_session *s, bool up);
	/** The memory of the port's device is cut off. ctx signal handler, any thread. */
	void (*lost)(void *arg);
	void (*say)(void *arg, enum bf_door_event what, const char *text);
};

struct bf_door_port_config {
	const char *path; /* of the socket, copied; "" with connect */
	bool server;
	/** Gives a connected socket, or -errno, instead of a path; asked again whenever there is none. */
	int (*connect)(void *arg);
	void *connect_arg;
	int gid; /* group of a socket that we make, or -1 */
	bool shut; /* as by bf_door_shut(), from the beginning */
	struct bf_vhost_offer offer;
	const struct bf_door_ops *ops;
	void *arg;
	struct bf_waste_bin
		*bin; /* what the port gives up; the caller's, until the port is removed */
};

/** A port's connection, for people. */
struct bf_door_info {
	unsigned int connections; /* that are open */
	bool up;
	pid_t pid; /* the peer's, as the kernel says; 0 unknown */
	uid_t uid;
	struct bf_vhost_session session; /* copied: pointers in it are for showing only */
	char error[160]; /* the last thing that was refused to anybody here; "" none */
	uint64_t refusals;
};

/** Start the thread. @return NULL with errno. */
struct bf_door *bf_door_open(void);

/** End it; every port must have been removed. */
void bf_door_close(struct bf_door *d);

/**
 * Begin to serve a port.  In server mode the socket exists when this returns.
 *
 * @return
 *   NULL with the reason in @p err and errno.
 */
struct bf_door_port *bf_door_add(
	struct bf_door *d, const struct bf_door_port_config *cfg, struct bf_err *err);

/** End the connections and the socket.  No callback of the port runs after this. */
void bf_door_remove(struct bf_door_port *p);

/**
 * End the connections of a port in client mode and make no new ones, or make them again.
 *
 * QEMU does not boot before somebody has connected to a socket that it has just made.  So whoever comes
 * while the port is shut is connected to once, and let go when it has a device; no ring of it runs.
 * Callbacks run as in bf_door_remove().
 */
void bf_door_shut(struct bf_door_port *p, bool shut);

/** Look at a port. */
void bf_door_look(struct bf_door_port *p, struct bf_door_info *info);

#endif
