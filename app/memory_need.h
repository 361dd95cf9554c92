/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How much memory a configuration needs, before there is an EAL: what the pools are made with (amounts.h), and some
 * for rings and tables.
 *
 * Threads: any.
 */
#ifndef BF_APP_MEMORY_NEED_H
#define BF_APP_MEMORY_NEED_H

#include <stdint.h>

#include "control/config/config.h"

/**
 * MiB of huge pages, or of -m with --no-huge: of all memory nodes together.
 *
 * Pools that guests on another node than the cards' share are not in it: without memory for them the bond's is used.
 */
uint32_t bf_memory_need_mib(const struct bf_config *c, uint32_t n_workers);

/** Worker lcores that the EAL's arguments name in -l, -c or --lcores; if they name none, the CPUs that the process may use. */
uint32_t bf_memory_workers(int n_eal, const char *const *argv);

#endif
