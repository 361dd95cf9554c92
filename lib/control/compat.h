/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The only place that knows DPDK versions: the newer names, for the older library.
 *
 * Threads: any (names only).
 */
#ifndef BF_CONTROL_COMPAT_H
#define BF_CONTROL_COMPAT_H

#include <pthread.h>
#include <stdint.h>

#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_telemetry.h>
#include <rte_thread.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#endif

#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define rte_eth_bond_member_add rte_eth_bond_slave_add
#define rte_eth_bond_member_remove rte_eth_bond_slave_remove
#define rte_eth_bond_members_get rte_eth_bond_slaves_get
#define rte_eth_bond_active_members_get rte_eth_bond_active_slaves_get
#define BF_DEV_IS_BOND_MEMBER RTE_ETH_DEV_BONDED_SLAVE
#else
#define BF_DEV_IS_BOND_MEMBER RTE_ETH_DEV_BONDING_MEMBER
#endif

/*
 * bf_control_thread(): a thread beside the lcores, on the processors that the process was given and no
 * lcore has, where there are such.  Returns 0 or an errno.
 */
#if RTE_VERSION < RTE_VERSION_NUM(23, 7, 0, 0)
typedef void *bf_thread_end;

static inline int
bf_control_thread(pthread_t *t, const char *name, bf_thread_end (*run)(void *), void *arg)
{
	return -rte_ctrl_thread_create(t, name, NULL, run, arg);
}
#else
typedef uint32_t bf_thread_end;

static inline int
bf_control_thread(pthread_t *t, const char *name, bf_thread_end (*run)(void *), void *arg)
{
	rte_thread_t made;
	int ret = rte_thread_create_control(&made, name, run, arg);

	*t = (pthread_t)made.opaque_id;
	return ret < 0 ? -ret : ret;
}
#endif

/** The first point release of this series with the vhost security fixes known so far. */
static inline int
bf_compat_has_vhost_fixes(void)
{
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
	return 1;
#elif RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)
	return RTE_VERSION >= RTE_VERSION_NUM(24, 11, 4, 0);
#elif RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	return RTE_VERSION >= RTE_VERSION_NUM(23, 11, 6, 0);
#else
	return RTE_VERSION >= RTE_VERSION_NUM(22, 11, 11, 0);
#endif
}

#endif
