/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of the front door share: door.c (the thread), port.c (whose connection has a port),
 * link.c (what a connection's session has done by others), folder.c (sockets that may appear).
 *
 * Threads: ctx vhost, or control under the door's lock.
 */
#ifndef BF_VHOST_DOOR_INTERNAL_H
#define BF_VHOST_DOOR_INTERNAL_H

#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "vhost/caller.h"
#include "vhost/conn.h"
#include "vhost/door.h"

#define BF_DOOR_RETRY_MS 1 /* the first time that a connection is tried again */

/** What an event is about. */
enum watch_kind {
	WATCH_WAKE,
	WATCH_FOLDERS,
	WATCH_LISTENER, /* a struct bf_door_port */
	WATCH_CONNECTION, /* a struct door_conn */
	WATCH_CONTROL /* its control queue */
};

/* What an event is about; the first field of what it is about. */
struct watch {
	enum watch_kind kind;
	bool gone; /* to be freed */
};

struct door_conn {
	struct watch watch;
	struct bf_conn c;
	struct bf_door_port *port;
	struct door_conn *next; /* newest first; later of those that are gone */
	struct ucred peer;
	bool wants_room, in_epoll;
	uint64_t
		end_ms; /* it has a device although the port is shut: ended then; UINT64_MAX: never */
	/* its control queue, while that runs */
	struct watch control_watch;
	uint16_t control_ring;
	int control_kick;
	struct bf_vhost_control control;
	uint64_t control_ms; /* commands are left, whose turn it is then; UINT64_MAX: none */
	struct bf_caller *control_caller;
};

struct bf_door_port {
	struct watch watch;
	struct bf_door *door;
	struct bf_door_port *next;
	struct bf_door_port_config cfg;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct door_conn *conns, *owner;
	unsigned int n_conns;
	bool shut; /* client mode: nobody keeps a device */
	bool newcomer; /* a socket that was not connected to since it was made, or since the port was */
	bool paused; /* until pause_ms: too much of it is being closed, or no descriptor is left */
	uint64_t pause_ms;
	int listener; /* server mode */
	int folder; /* client mode: its inotify watch, -1 none */
	uint64_t try_ms; /* client mode: when to connect next */
	uint32_t wait_ms; /* after the next failure */
	char error[160];
	uint64_t refusals;
};

struct bf_door {
	struct watch wake_watch, folders_watch;
	pthread_mutex_t lock;
	pthread_t thread;
	int epoll, wake, folders;
	bool quit;
	uint64_t due_ms; /* nothing is due before */
	struct bf_door_port *ports, *gone_ports;
	struct door_conn *gone_conns;
};

/** epoll_ctl(): @p w comes back with the events. */
int bf_door_watch(struct bf_door *d, int op, int fd, uint32_t events, struct watch *w);

/** Something is due at @p ms. */
static inline void
bf_door_due(struct bf_door *d, uint64_t ms)
{
	if (ms < d->due_ms)
		d->due_ms = ms;
}

/** Is there somebody to connect to, in client mode? */
static inline bool
bf_port_tries(const struct bf_door_port *p)
{
	return p->listener < 0 && p->n_conns == 0 && (!p->shut || p->newcomer);
}

/* port.c */

/** Note what was refused, and tell the port's owner. */
void bf_port_say(struct bf_door_port *p, enum bf_door_event what, const char *text);
/** A connection was made, by us or to us. Takes @p fd. */
void bf_port_connected(struct bf_door_port *p, int fd);
/** Act on what has come over a connection. */
void bf_port_serve(struct door_conn *c, uint64_t now_ms);
/** Take the connections that wait. */
void bf_port_accept(struct bf_door_port *p, uint64_t now_ms);
/** Do what is due. */
void bf_port_tick(struct bf_door_port *p, uint64_t now_ms);
/** Tell the door when something will be due. */
void bf_port_next_due(struct bf_door_port *p);
/** End a connection. */
void bf_port_end(struct door_conn *c);

/* link.c */

/** What the session of a connection has done by others; its arg is the struct door_conn. */
extern const struct bf_vhost_ops bf_link_ops;
/** The guest has kicked its control queue, or `control_ms` has come. */
void bf_link_control(struct door_conn *c);

/* folder.c */

/** Connect to whoever listens, or try again later; see bf_port_tries(). */
void bf_folder_connect(struct bf_door_port *p, uint64_t now_ms);
/** Something has happened in folders that are watched. */
void bf_folders_read(struct bf_door *d, uint64_t now_ms);
/** The port goes: its folder need not be watched for it. */
void bf_folder_unwatch(struct bf_door_port *p);

#endif
