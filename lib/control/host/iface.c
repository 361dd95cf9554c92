/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See iface.h.
 *
 * Threads: see iface.h.
 */
#include "control/host/iface.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mac.h"
#include "base/own_mac.h"

#define TUN "/dev/net/tun"

static void
request_init(struct ifreq *r, const char *name)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", name);
}

/* A request about an interface by its name; any socket will do. */
static int
iface_request(unsigned long what, struct ifreq *r)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	ret = ioctl(fd, what, r) == 0 ? 0 : -errno;
	close(fd);
	return ret;
}

void
bf_iface_set_mac(const char *name, const uint8_t mac[6])
{
	uint8_t own[6];
	struct ifreq r;

	bf_own_mac(name, own);
	request_init(&r, name);
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, bf_mac_is_zero(mac) ? own : mac, 6);
	iface_request(SIOCSIFHWADDR, &r);
}

void
bf_iface_set_mtu(const char *name, uint32_t mtu)
{
	struct ifreq r;

	request_init(&r, name);
	r.ifr_mtu = (int)mtu;
	iface_request(SIOCSIFMTU, &r);
}

static void
iface_set_up(const char *name)
{
	struct ifreq r;

	request_init(&r, name);
	if (iface_request(SIOCGIFFLAGS, &r) != 0)
		return;
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	iface_request(SIOCSIFFLAGS, &r);
}

bool
bf_iface_is_up(const char *name)
{
	struct ifreq r;

	request_init(&r, name);
	return iface_request(SIOCGIFFLAGS, &r) != 0 || (r.ifr_flags & IFF_UP) != 0;
}

void
bf_iface_look(const char *name, struct bf_iface_info *info)
{
	struct ifreq r;

	memset(info, 0, sizeof(*info));
	request_init(&r, name);
	if (iface_request(SIOCGIFFLAGS, &r) != 0)
		return;
	info->exists = true;
	info->up = (r.ifr_flags & IFF_UP) != 0;
	info->carrier = (r.ifr_flags & IFF_RUNNING) != 0;
	request_init(&r, name);
	if (iface_request(SIOCGIFHWADDR, &r) == 0)
		memcpy(info->mac, r.ifr_hwaddr.sa_data, 6);
	request_init(&r, name);
	if (iface_request(SIOCGIFMTU, &r) == 0)
		info->mtu = (uint32_t)r.ifr_mtu;
}

void
bf_iface_set_offloads(int fd, bool checksums, bool segments)
{
	unsigned int flags = checksums ? TUN_F_CSUM : 0;

	if (checksums && segments)
		flags |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	ioctl(fd, TUNSETOFFLOAD, flags); /* what is refused is not done, and the kernel does it */
}

void
bf_iface_set_carrier(int fd, bool on)
{
	int value = on;

	ioctl(fd, TUNSETCARRIER, &value);
}

void
bf_iface_forget(int fd)
{
	ioctl(fd, TUNSETPERSIST, 0);
}

static bool
is_tap(const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq r;

	request_init(&r, name);
	r.ifr_data = (void *)&info;
	return iface_request(SIOCETHTOOL, &r) == 0 && strcmp(info.driver, "tun") == 0;
}

int
bf_iface_check(const char *name, struct bf_err *err)
{
	struct ifreq r;

	if (access(TUN, R_OK | W_OK) != 0)
		return bf_err_set(err, errno,
			"host \"%s\": " TUN ": %s: expected the kernel's module tun", name,
			strerror(errno));
	request_init(&r, name);
	if (iface_request(SIOCGIFFLAGS, &r) != 0 || is_tap(name))
		return 0;
	return bf_err_set(err, EEXIST,
		"host \"%s\": an interface has this name already, and is no tap: expected a free name",
		name);
}

static int
refused_open(const char *name, int code, struct bf_err *err)
{
	if (code == EBUSY)
		return bf_err_set(err, code,
			"host \"%s\": another process uses the interface of this name: expected a free "
			"name",
			name);
	if (code == EPERM)
		return bf_err_set(err, code,
			"host \"%s\": the kernel allows no new interface: expected the capability "
			"CAP_NET_ADMIN",
			name);
	if (code == EINVAL)
		return bf_err_set(err, code,
			"host \"%s\": an interface of another kind has this name already: expected a "
			"free name",
			name);
	return bf_err_set(
		err, code, "host \"%s\": cannot make the interface: %s", name, strerror(code));
}

/* Header as in a ring of virtio 1: 12 bytes, little endian. */
static int
header_set(int fd)
{
	int size = BF_IFACE_HEADER, little = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &size) != 0 || ioctl(fd, TUNSETVNETLE, &little) != 0)
		return -errno;
	return 0;
}

int
bf_iface_open(const char *name, const uint8_t mac[6], uint32_t mtu, struct bf_err *err)
{
	int fd = open(TUN, O_RDWR | O_NONBLOCK | O_CLOEXEC), code;
	struct ifreq r;
	bool is_new;

	if (fd < 0)
		return bf_err_set(err, errno,
			"host \"%s\": " TUN ": %s: expected the kernel's module tun", name,
			strerror(errno));
	request_init(&r, name);
	is_new = iface_request(SIOCGIFFLAGS, &r) != 0;
	r.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &r) != 0 || header_set(fd) != 0) {
		code = errno;
		close(fd);
		return refused_open(name, code, err);
	}
	bf_iface_set_carrier(fd, false);
	bf_iface_set_offloads(fd, false, false);
	if (is_new || !bf_mac_is_zero(mac))
		bf_iface_set_mac(name, mac);
	bf_iface_set_mtu(name, mtu);
	ioctl(fd, TUNSETPERSIST, 1);
	if (is_new)
		iface_set_up(name);
	return fd;
}
