/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A capture's filter: an expression as tcpdump takes it, compiled by libpcap, run by workers.
 *
 * Theory of operation.  Workers run the program with libpcap's interpreter, bpf_filter(), which checks every
 * load against the frame's end.  docs/decisions/012-capture-filters.md says why not with DPDK's.
 *
 * Threads: ctx control; workers run what was made.
 */
#ifndef BF_CONTROL_OBSERVE_CAPTURE_FILTER_H
#define BF_CONTROL_OBSERVE_CAPTURE_FILTER_H

#include "base/err.h"

struct bpf_insn;

#define BF_CAPTURE_FILTER_MAX \
	1000 /* bytes of an expression; the time of its compiler grows faster */

/**
 * Compile an expression.  Names in it are looked up in files (hosts, services, protocols), never on the
 * network, which control cannot wait for.
 *
 * @param program
 *   Gets the program, for struct bf_tap; bf_capture_filter_close() frees it.
 * @return
 *   0; -EINVAL with `filter: "text": ` and what is wrong: not understood, or a loop, which workers do not
 *   run; -ENOMEM.
 */
int bf_capture_filter_open(struct bpf_insn **program, const char *text, struct bf_err *err);

/** Free a program that no worker runs any more. NULL is allowed. */
void bf_capture_filter_close(struct bpf_insn *program);

#endif
