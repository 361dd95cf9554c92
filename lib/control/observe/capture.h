/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures: the frames of a port, or of all, into files that tcpdump and Wireshark read.
 *
 * Theory of operation.  A capture is a tap of what comes in and goes out, or of what is dropped, a filter that workers run, and a thread that takes what
 * workers copied and writes it, because a disk may make it wait and control must not.  It ends when it
 * is told to, after so many frames, at a write error, or with its port.  Its end: the tap out of the
 * views, a grace period, the thread writes what is left, and is joined when it says that it is done.
 * Control never waits long for it.  Captures that have ended are shown until their place is needed.
 *
 * Threads: ctx control; the thread of each capture, which sees only its own.
 */
#ifndef BF_CONTROL_OBSERVE_CAPTURE_H
#define BF_CONTROL_OBSERVE_CAPTURE_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/config/expression.h"
#include "control/observe/capture_file.h"
#include "control/observe/capture_names.h"
#include "control/observe/taps.h"
#include "control/observe/tsc_clock.h"

struct bf_bridge;

#define BF_CAPTURE_COUNT_MAX 1000000000000
#define BF_CAPTURE_SNAP_MIN 16
#define BF_CAPTURE_SNAP_MAX BF_LONGEST_FRAME
#define BF_CAPTURE_MB 1000000ULL
#define BF_CAPTURE_MB_MAX 1000000
#define BF_CAPTURE_MB_DEFAULT 1000 /* of a file; a FIFO has no limit */
#define BF_CAPTURE_FILES_MIN 2
#define BF_CAPTURE_FILES_MAX 100
#define BF_CAPTURE_FILES_DEFAULT 4

enum bf_capture_state {
	BF_CAPTURE_RUNNING,
	BF_CAPTURE_RETIRED, /* not in the views to come; a worker may still use it */
	BF_CAPTURE_DRAINING, /* its thread writes what is left */
	BF_CAPTURE_ENDED, /* only what is shown of it is left */
};

/** What is to be captured. Texts are copied. */
struct bf_capture_spec {
	int slot; /* a port, or BF_TAP_ALL_PORTS */
	int member; /* by its number, of the bond in slot: its frames only; -1: all */
	const char *port; /* its name, or the member's */
	const char *filter; /* NULL: every frame */
	const char *path; /* of the file; absolute */
	uint8_t dirs; /* enum bf_tap_dir, together */
	uint32_t snap; /* bytes of a frame at most */
	uint64_t count; /* frames; 0: until it is stopped */
	uint64_t limit_mb; /* of its files together; 0: BF_CAPTURE_MB_DEFAULT, and none of a FIFO */
	unsigned int n_files; /* of a ring; 0: one file */
	const char *who; /* asked for it */
};

struct bf_capture {
	unsigned int id;
	enum bf_capture_state state;
	const char *why; /* it ends, in words; NULL: it does not */
	int slot;
	int member; /* -1: all */
	uint8_t dirs;
	uint32_t snap;
	uint64_t limit_mb;
	unsigned int n_files;
	uint64_t count;
	char port[BF_DEV_NAME_MAX];
	char filter_text[BF_EXPRESSION_MAX + 1];
	char path[PATH_MAX];
	struct bf_tap *tap;
	struct bpf_program *filter; /* NULL: every frame */
	struct bf_capture_names *names;
	uint16_t lcores[BF_MAX_WORKERS]; /* of the workers */
	pthread_t thread;
	bool has_thread;
	/* The thread's; others may read the file's frames and bytes. */
	struct bf_capture_file file;
	struct bf_tsc_clock clock;
	uint64_t taken; /* frames from the tapes */
	uint32_t lost_seen[BF_MAX_WORKERS]; /* bf_tap_record.lost of the last one */
	uint64_t lost; /* when it was done; see bf_capture_lost() */
	/* Between the two. */
	bool stop; /* control: nothing more comes, end when everything is written */
	bool done; /* thread: its last word */
};

struct bf_captures {
	struct bf_capture *at[BF_MAX_CAPTURES]; /* NULL: free */
	unsigned int n_open; /* that have not ended */
	unsigned int last_id;
	struct bf_tsc_clock clock; /* made early, so that it is exact */
};

void bf_captures_init(struct bf_captures *cs);

/**
 * Begin a capture.  What frames do after the return is in it.
 *
 * @return
 *   0, or -errno with the reason: -EINVAL for the filter or a file that exists, -EBUSY for too many
 *   captures, what opening the file says, -ENOMEM.  Then nothing has changed.
 */
int bf_captures_start(struct bf_bridge *br, const struct bf_capture_spec *spec, unsigned int *id,
	struct bf_err *err);

/**
 * Stop a capture.  Everything that was captured is in the file at the return, unless what it is written
 * to makes it wait: then it goes on (BF_CAPTURE_DRAINING), and a second stop gives up.
 *
 * @param one
 *   NULL: all.
 */
void bf_captures_stop(struct bf_bridge *br, const struct bf_capture *one);

/** A capture by its number, or NULL. */
struct bf_capture *bf_captures_find(struct bf_captures *cs, unsigned int id);

/** Frames that are missing: no room on a tape, or no room for them where they were to be written. */
uint64_t bf_capture_lost(const struct bf_capture *c);

/**
 * Before a view of a new configuration is published: captures of ports that are gone end with it, and the
 * names of the others are noted.
 */
void bf_captures_leave_ports(struct bf_bridge *br);

/** Clear up after captures that ended by themselves. A task's tick. */
uint64_t bf_captures_tick(void *bridge, uint64_t now_ms);

/** End all of them, with everything written. The workers have stopped. */
void bf_captures_close(struct bf_bridge *br);

#endif
