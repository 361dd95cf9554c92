/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "confine.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include "base/log.h"
#include "base/privileges.h"

/* libxdp finds its program by number, which no smaller capability allows. */
static bool
has_xdp_port(void)
{
	struct rte_eth_dev_info info;

	for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
		if (rte_eth_dev_is_valid_port(port) && rte_eth_dev_info_get(port, &info) == 0 &&
			strcmp(info.driver_name, "net_af_xdp") == 0)
			return true;
	return false;
}

void
bf_confine(const struct bf_options *o)
{
	/* Files and sockets of other users, such as QEMU's; and files that keep their owner. */
	uint64_t keep =
		BF_PRIVILEGE(CAP_DAC_OVERRIDE) | BF_PRIVILEGE(CAP_CHOWN) | BF_PRIVILEGE(CAP_FOWNER);
	int ret;

	/* Memory for vfio; interfaces of host ports and taps; packet sockets; programs of drivers. */
	keep |= BF_PRIVILEGE(CAP_IPC_LOCK) | BF_PRIVILEGE(CAP_NET_ADMIN) |
		BF_PRIVILEGE(CAP_NET_RAW) | BF_PRIVILEGE(CAP_BPF);
	/* Without an IOMMU drivers need physical addresses, and the cards' registers. */
	if (rte_eal_iova_mode() == RTE_IOVA_PA)
		keep |= BF_PRIVILEGE(CAP_SYS_ADMIN) | BF_PRIVILEGE(CAP_SYS_RAWIO);
	if (has_xdp_port())
		keep |= BF_PRIVILEGE(CAP_SYS_ADMIN);
	if (o->metrics != NULL) /* its port is opened with the switch */
		keep |= BF_PRIVILEGE(CAP_NET_BIND_SERVICE);
	ret = bf_privileges_drop(keep);
	if (ret < 0)
		BF_WARN("privileges", "they cannot be dropped: %s", strerror(-ret));
	else if (ret > 0)
		BF_WARN("privileges", "%d threads have not dropped theirs", ret);
}
