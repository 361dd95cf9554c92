/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows of tables as what DPDK's telemetry makes its answers of.
 *
 * Threads: any.
 */
#ifndef BF_APP_TELEMETRY_DATA_H
#define BF_APP_TELEMETRY_DATA_H

#include <stdbool.h>

#include <rte_telemetry.h>

#include "base/table.h"

/**
 * Fill @p d: one row as a dictionary, or a dictionary with the rows under their numbers, as many as an answer of
 * the library takes.  If there are more, "more" says "+N", N being the first row that is not there.
 *
 * The library (22.11) has no lists of dictionaries, no fractions, no true and false, and texts of 127 bytes: lists are
 * dictionaries with keys 0, 1, ..., real numbers are texts, flags are 1 and 0, and keys have _ for what is neither
 * letter nor digit.
 *
 * @param from
 *   Leave out so many rows at the beginning.
 * @return
 *   0; 1: there are more rows; -errno: what @p d has got by then is lost.
 */
int bf_telemetry_fill(struct rte_tel_data *d, const struct bf_table *t, const struct bf_rows *rows,
	bool one, uint32_t from);

#endif
