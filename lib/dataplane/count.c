/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See count.h.
 *
 * Threads: worker.
 */
#include "dataplane/count.h"

const uint8_t bf_burst_bin[BF_BURST + 1] = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4,
	4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5};
