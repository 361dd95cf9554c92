/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A bond from the EAL's command line, --vdev net_bonding0,mode=1,slave=...: what its devargs say
 * becomes the config of ours, and the device makes room for the one that bond/device.c creates.
 *
 * Threads: ctx control, before the first config is applied.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_devargs.h>

#include "base/log.h"
#include "base/parse.h"
#include "control/bond/bond.h"
#include "control/compat.h"

static int
bond_devarg(void *arg, const char *key, const char *value, struct bf_err *err)
{
	uint64_t socket = 0;

	if (strcmp(key, "socket_id") == 0) /* memory follows the lcores */
		return bf_parse_u64(key, value, 0, RTE_MAX_NUMA_NODES - 1, &socket, err);
	if (strcmp(key, "name") == 0)
		return bf_err_set(err, EINVAL, "unknown key \"name\": the device has one");
	return bf_bond_config_set(arg, key, value, err);
}

/* The next bonding device from port *p on. */
static bool
find_next(uint16_t *p, char *name, char *args, size_t size)
{
	for (; *p < RTE_MAX_ETHPORTS; (*p)++) {
		struct rte_eth_dev_info info;
		const struct rte_devargs *found;

		if (!rte_eth_dev_is_valid_port(*p) || rte_eth_dev_info_get(*p, &info) != 0 ||
			strcmp(info.driver_name, "net_bonding") != 0 ||
			rte_eth_dev_get_name_by_port(*p, name) != 0)
			continue;
		found = rte_dev_devargs(info.device);
		snprintf(args, size, "%s", found != NULL && found->args != NULL ? found->args : "");
		return true;
	}
	return false;
}

static int
bond_adopt(struct bf_config *c, const char *name, const char *args, struct bf_err *err)
{
	struct bf_bond_config b;
	struct bf_err why = {""};

	bf_bond_config_init(&b);
	if (bf_bond_config_set(&b, "name", name, &why) != 0 ||
		bf_parse_pairs(name, args, NULL, bond_devarg, &b, &why) != 0 ||
		bf_config_add_bond(c, &b, &why) != 0)
		return bf_err_set(err, EINVAL, "--vdev %s: %s", name, why.text);
	if (rte_eth_bond_free(name) != 0)
		return bf_err_set(err, EIO, "--vdev %s: the device cannot be freed", name);
	BF_NOTICE("bond", "%s of the EAL's command line is adopted", name);
	return 0;
}

int
bf_bond_adopt(struct bf_config *c, struct bf_err *err)
{
	char name[RTE_ETH_NAME_MAX_LEN] = "", args[1024];
	int ret = 0;

	for (uint16_t p = 0; ret == 0 && find_next(&p, name, args, sizeof(args)); p++)
		ret = bond_adopt(c, name, args, err);
	return ret;
}
