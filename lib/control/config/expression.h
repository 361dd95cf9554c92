/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An expression as tcpdump takes it, of a capture or a guest's filter: compiled by libpcap, run by workers.
 *
 * Theory of operation.  Workers run the program with libpcap's interpreter, pcap_offline_filter(), which checks every
 * load against the frame's end.  docs/decisions/012-capture-filters.md says why not with DPDK's.
 *
 * Threads: ctx control; workers run what was made.
 */
#ifndef BF_CONTROL_CONFIG_EXPRESSION_H
#define BF_CONTROL_CONFIG_EXPRESSION_H

#include <stddef.h>

#include "base/err.h"

struct bpf_program;

#define BF_EXPRESSION_MAX 1000 /* bytes of an expression; the time of its compiler grows faster */

/**
 * Compile an expression.  Names in it are looked up in files (hosts, services, protocols), never on the
 * network, which control cannot wait for.
 *
 * @param program
 *   Gets the program; bf_expression_close() frees it.
 * @return
 *   0; -EINVAL with `filter: "text": ` and what is wrong: not understood, or a loop, which workers do not
 *   run; -ENOMEM.
 */
int bf_expression_open(struct bpf_program **program, const char *text, struct bf_err *err);

/**
 * The word that makes the compiler refuse an expression: the first with which nothing that it takes can begin, or
 * the last one.
 *
 * @param word
 *   Gets it, cut to @p size.
 */
void bf_expression_culprit(const char *text, char *word, size_t size);

/** Free a program that no worker runs any more. NULL is allowed. */
void bf_expression_close(struct bpf_program *program);

#endif
