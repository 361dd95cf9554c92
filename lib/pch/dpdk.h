/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What nearly every file of the rooms with DPDK includes in the end, precompiled: reading it takes most of the time of
 * such a file. No file may lean on it: scripts/check builds with clang and without it.
 */
#ifndef BF_PCH_DPDK_H
#define BF_PCH_DPDK_H

#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#endif
