/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Console server: commands from clients on a unix stream socket and from the local terminal.
 *
 * The server never blocks and never waits.  It has an epoll descriptor of its own; the main loop
 * adds it to its epoll set and calls bf_console_poll() when it is readable and at least when
 * bf_console_timeout_ms() has passed.  A client that does not read is not served further until it
 * does, and is disconnected after a while; its neighbours do not notice.
 *
 * Protocol.  The client first sends one line:
 *
 *   bondctl 1 exec         then one command per line, answered by "STATUS LENGTH\n" and LENGTH
 *                          bytes of text; STATUS as enum bf_out_status
 *   bondctl 1 exec json    the same, the answers are JSON
 *   bondctl 1 tty          an interactive session: bytes of a terminal in raw mode, both ways
 *   bondctl 1 tty R C      the same of a client that knows its terminal's rows and columns (it sends CSI 8;R;C t when
 *                          they change) and keeps the history: each line of it is APC LINE ST, both ways
 *
 * A preamble that is not accepted is answered like a command that failed, then the connection is
 * closed.
 *
 * Threads: ctx control for everything.
 */

#ifndef BF_CONSOLE_SERVER_H
#define BF_CONSOLE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "console/command.h"

/** Longest path of the socket in bytes. */
#define BF_CONSOLE_PATH_MAX 107

/** Most clients on the socket by default. */
#define BF_CONSOLE_CLIENTS_MAX 16

/** Places that interactive sessions leave free for single commands. */
#define BF_CONSOLE_CLIENTS_EXEC 4

/** Time for a client to complete a request, or to read something of its answer, by default. */
#define BF_CONSOLE_IDLE_MS 30000

/** Largest answer to a command by default, in bytes; bounds the memory a client can hold. */
#define BF_CONSOLE_OUT_MAX ((size_t)32 << 20)

/** End of file on a terminal that is a pipe or file stops the program, as `quit` would. */
#define BF_CONSOLE_QUIT_ON_EOF (1u << 0)

struct bf_console;

/**
 * The local terminal asked to stop the program (`quit`, or Ctrl-D on an empty line and yes).
 *
 * Called from within bf_console_poll(): note it, and look at the note before waiting again.
 */
typedef void bf_console_quit_fn(void *app);

/** What bf_console_open() needs.  Numbers that are 0 mean the default. */
struct bf_console_config {
	/** Commands; must outlive the console. */
	const struct bf_cmd_set *cmds;
	/** For the handlers and for on_quit. */
	void *app;
	/** May be NULL: quit then only ends the session. */
	bf_console_quit_fn *on_quit;
	/** At most 31 bytes; NULL for "bondfwd> ". */
	const char *prompt;
	/** Path of the socket; NULL for none, only a terminal. */
	const char *path;
	/** True: the socket (and a directory made for it) is given to this group. */
	bool set_group;
	gid_t group;
	unsigned int max_clients;
	uint32_t idle_ms;
	size_t out_max;
};

/**
 * Open the console and listen on its socket.
 *
 * The directory of the path is created with mode 0750 when only its last part is missing.  The
 * socket has mode 0660.  A socket left behind by a dead process is replaced; one that answers, a
 * symbolic link and any other file are refused and left alone.
 *
 * @param config
 *   Copied; strings too.
 * @param err
 *   On failure gets one line, `console: path: what: expected what`.
 * @return
 *   The console; NULL with errno ENAMETOOLONG, EADDRINUSE (live socket), ENOTSOCK (other file or
 *   link), EINVAL, ENOMEM or that of the system call.
 */
struct bf_console *bf_console_open(const struct bf_console_config *config, struct bf_err *err);

/**
 * Close every session and the socket; remove the socket file if it is still ours; restore the
 * terminal.  NULL is allowed.  Not from within a command handler.
 */
void bf_console_close(struct bf_console *console);

/** Descriptor to wait on for reading (an epoll descriptor); owned by the console. */
int bf_console_fd(const struct bf_console *console);

/**
 * Serve whatever is ready, without waiting, and drop clients whose time is over.
 *
 * Runs command handlers.  Does a bounded amount of work; when more is left the descriptor stays
 * readable.
 *
 * @param now_ms
 *   Monotonic time in milliseconds.
 */
void bf_console_poll(struct bf_console *console, uint64_t now_ms);

/** Milliseconds until bf_console_poll() is needed without an event; -1 when it is not. */
int bf_console_timeout_ms(const struct bf_console *console, uint64_t now_ms);

/** Number of connected socket clients. */
unsigned int bf_console_client_count(const struct bf_console *console);

/**
 * Who runs the present command: `console`, or `client (pid 123, uid 0)`.
 *
 * From within a command's handler; elsewhere it is `the program`.
 */
void bf_console_who(const struct bf_console *console, char *buf, size_t size);

/** Another prompt for sessions from now on; theirs changes when they have run a line. */
void bf_console_set_prompt(struct bf_console *console, const char *prompt);

/**
 * Give the local terminal a session.
 *
 * When both are terminals, raw mode is set (restored by bf_console_close() or
 * bf_console_detach_terminal()) and the line editor works; else plain lines are read and nothing
 * but their output is written.  A terminal that hangs up quits.  Output that is not taken stops the session from reading more, it
 * never blocks.  The descriptors stay the caller's.  SIGPIPE is set to be ignored if it had its
 * default action.
 *
 * @param in_fd, out_fd
 *   Usually 0 and 1; may be a pipe, a file or /dev/null.
 * @param flags
 *   BF_CONSOLE_QUIT_ON_EOF
 * @return
 *   0, or -errno (errno set; EBUSY when there is a terminal already) with one line in @p err.
 */
int bf_console_attach_terminal(
	struct bf_console *console, int in_fd, int out_fd, unsigned int flags, struct bf_err *err);

/** End the terminal's session and restore the terminal.  Nothing happens when there is none. */
void bf_console_detach_terminal(struct bf_console *console);

#endif
