/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One partner of the console: a client on the socket or the local terminal.
 *
 * A peer owns its buffers and what it has of the protocol.  While output is pending beyond a
 * small amount nothing more is read from it, so its memory is bounded by one command's output.
 *
 * Private to lib/console.
 *
 * Threads: ctx control.
 */

#ifndef BF_CONSOLE_PEER_H
#define BF_CONSOLE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/buffer.h"
#include "console/command.h"
#include "console/session.h"

/** What a peer is, at the moment. */
enum bf_peer_mode {
	/** Connected, has not said what it wants. */
	BF_PEER_PREAMBLE,
	/** Commands with counted answers. */
	BF_PEER_EXEC,
	/** A terminal with line editing. */
	BF_PEER_TTY,
	/** Lines from a pipe or file, output as it is. */
	BF_PEER_PLAIN,
	/** Gets the rest of its output, then goes. */
	BF_PEER_CLOSING,
};

/** What all peers of a console share. */
struct bf_peer_env {
	const struct bf_cmd_set *cmds;
	void *app;
	const char *prompt;
	size_t out_max;
	uint32_t idle_ms;
	/** Interactive sessions on the socket: now and at most. */
	unsigned int n_tty;
	unsigned int max_tty;
};

struct bf_peer {
	struct bf_peer_env *env;
	/** The same for a socket. */
	int in_fd;
	int out_fd;
	/** Counts as a client: has time limits and may be dropped. */
	bool is_client;
	bool out_is_socket;
	enum bf_peer_mode mode;
	bool is_eof;
	/** To be destroyed. */
	bool is_dead;
	/** The rest of an overlong line is being passed over. */
	bool is_skipping;
	/** It said quit, or ended an input that was to end the program. */
	bool has_quit;
	bool quit_on_eof;
	/** Last progress; see bf_peer_deadline_ms(). */
	uint64_t last_ms;
	uint64_t now_ms;
	/** Server: events asked for at in_fd and out_fd, and whether to serve it in this turn. */
	uint32_t in_events;
	uint32_t out_events;
	bool is_ready;
	/** Server: epoll cannot tell about its input, which never waits. */
	bool is_file;
	struct bf_out *out;
	struct bf_session *session;
	size_t in_len;
	char in[BF_CMD_LINE_MAX + 2];
	struct bf_buffer queue;
	size_t queue_off; /* of what is written already */
};

/**
 * Create a peer.
 *
 * @return
 *   NULL with errno; the descriptors are then still the caller's.
 */
struct bf_peer *bf_peer_create(
	struct bf_peer_env *env, int in_fd, int out_fd, enum bf_peer_mode mode, uint64_t now_ms);

/** Close its descriptors and release it. */
void bf_peer_destroy(struct bf_peer *p);

/** Write, read and run a bounded amount of what is possible without waiting. */
void bf_peer_serve(struct bf_peer *p, uint64_t now_ms);

/** Queue bytes for a peer; one that has too many already becomes dead. */
void bf_peer_queue(struct bf_peer *p, const char *data, size_t len);

/** Write queued bytes without waiting. */
void bf_peer_flush(struct bf_peer *p);

/** It has more output than it takes. */
bool bf_peer_is_full(const struct bf_peer *p);

/** It has room for input. */
bool bf_peer_wants_read(const struct bf_peer *p);

/** It has output. */
bool bf_peer_wants_write(const struct bf_peer *p);

/** It has input that can be run now. */
bool bf_peer_has_work(const struct bf_peer *p);

/** When its session has something to do by itself; UINT64_MAX for never. */
uint64_t bf_peer_due_ms(const struct bf_peer *p);

/** Time at which it is to be dropped without further progress; UINT64_MAX for never. */
uint64_t bf_peer_deadline_ms(const struct bf_peer *p);

#endif
