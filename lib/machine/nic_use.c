/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the kernel does with interfaces: addresses, routes, and what is built on them.
 *
 * Addresses and routes are of all interfaces at once, and asked for once.
 *
 * Threads: any.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/nics.h"
#include "machine/sysfs.h"

struct use {
	struct bf_nic *nic;
	const char *iface;
};

/* Reasons are added with a comma; the first ones count when there is no room. */
static void
reason_add(struct bf_nic *nic, const char *iface, const char *what, const char *detail)
{
	size_t len = strlen(nic->busy), size = sizeof(nic->busy);
	char text[128];

	snprintf(text, sizeof(text), "%s %s%s", iface, what, detail);
	if (strstr(nic->busy, text) == NULL && len + strlen(text) + 3 <= size)
		snprintf(nic->busy + len, size - len, "%s%s", len > 0 ? ", " : "", text);
}

/* To the device that has the interface, if one has. */
static void
reason_give(struct bf_nics *nics, const char *iface, const char *what, const char *detail)
{
	struct bf_nic *nic = bf_nics_find_iface(nics, iface);

	if (nic != NULL)
		reason_add(nic, iface, what, detail);
}

/* Of the machine itself; link-local addresses come by themselves. */
static void
addresses_ask(struct bf_nics *nics)
{
	struct ifaddrs *all = NULL;
	char text[INET6_ADDRSTRLEN];

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		const void *ip = NULL;

		if (a->ifa_addr == NULL)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			ip = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
		else if (a->ifa_addr->sa_family == AF_INET6 &&
			!IN6_IS_ADDR_LINKLOCAL(
				&((const struct sockaddr_in6 *)(const void *)a->ifa_addr)
					 ->sin6_addr))
			ip = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
		if (ip != NULL && inet_ntop(a->ifa_addr->sa_family, ip, text, sizeof(text)) != NULL)
			reason_give(nics, a->ifa_name, "has address ", text);
	}
	freeifaddrs(all);
}

/* eth0 00000000 0102A8C0 0003 ...: interface, destination, gateway. */
static bool
route_take(void *arg, const char *line)
{
	char iface[16], destination[16];

	if (sscanf(line, "%15s %15s", iface, destination) == 2)
		reason_give(arg, iface,
			strcmp(destination, "00000000") == 0 ? "has the default route"
							     : "has a route",
			"");
	return true;
}

/* fe80... 02 40 20 80 eth0: address, index, length, scope, flags, interface; scope 20 is link-local. */
static bool
inet6_take(void *arg, const char *line)
{
	char iface[16], scope[8];

	if (sscanf(line, "%*s %*s %*s %7s %*s %15s", scope, iface) == 2 && strcmp(scope, "20") != 0)
		reason_give(arg, iface, "has an IPv6 address", "");
	return true;
}

static bool
upper_take(void *arg, const char *name)
{
	struct use *u = arg;

	if (strncmp(name, "upper_", 6) == 0)
		reason_add(u->nic, u->iface, "is under ", name + 6);
	return true;
}

/* What a device's interfaces are part of. */
static void
masters_read(const char *root, struct bf_nic *nic)
{
	char list[sizeof(nic->ifaces)], *rest = list;

	snprintf(list, sizeof(list), "%s", nic->ifaces);
	for (char *iface = strsep(&rest, ","); iface != NULL && iface[0] != '\0';
		iface = strsep(&rest, ",")) {
		struct use u = {nic, iface};
		char master[16];

		if (bf_sysfs_link(
			    root, master, sizeof(master), "/sys/class/net/%s/master", iface) == 0)
			reason_add(nic, iface, "is in ", master);
		else
			bf_sysfs_entries(root, upper_take, &u, "/sys/class/net/%s", iface);
	}
}

void
bf_nics_read_use(const char *root, struct bf_nics *nics)
{
	for (unsigned int i = 0; i < nics->n; i++)
		masters_read(root, &nics->at[i]);
	bf_sysfs_lines(root, route_take, nics, "/proc/net/route");
	if (root[0] == '\0')
		addresses_ask(nics);
	else
		bf_sysfs_lines(root, inet6_take, nics, "/proc/net/if_inet6");
}
