/* SPDX-License-Identifier: BSD-3-Clause */

/* Ports, see port.h. */

#include "port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mempool.h>

#include "lacp.h"

#define POOL_CACHE 512
#define HEADERS_ROOM 64

struct port ports[PORTS_MAX];
uint16_t n_ports;
uint16_t n_wires;
struct rte_mempool *port_pool;

static int
fail(const char *name, const char *what, int ret)
{
	fprintf(stderr, "bf-gen: %s: %s: %s\n", name, what, strerror(-ret));
	return ret;
}

static int
port_start(struct port *p, const struct port_options *options)
{
	struct rte_eth_conf conf = {0};
	int ret;

	/* Every frame is to stand in one buffer, with Ethernet and virtio headers. */
	conf.rxmode.mtu = options->buf_size - HEADERS_ROOM;
	ret = rte_eth_dev_configure(p->ethdev, 1, 1, &conf);
	if (ret != 0)
		return fail(p->name, "configure", ret);
	ret = rte_eth_rx_queue_setup(p->ethdev, 0, options->n_desc, SOCKET_ID_ANY, NULL, port_pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(p->ethdev, 0, options->n_desc, SOCKET_ID_ANY, NULL);
	if (ret != 0)
		return fail(p->name, "queue setup", ret);
	ret = rte_eth_dev_start(p->ethdev);
	return ret != 0 ? fail(p->name, "start", ret) : 0;
}

/* Ports are numbered as their devices are, whatever the order of probing. */
static int
port_add(uint16_t ethdev)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	unsigned long number;
	int ret;

	ret = rte_eth_dev_get_name_by_port(ethdev, name);
	if (ret != 0)
		return fail("port", "name", ret);
	number = strtoul(name + strcspn(name, "0123456789"), NULL, 10);
	if (number >= PORTS_MAX || ports[number].name[0] != '\0')
		return fail(name, "number", -EINVAL);
	memcpy(ports[number].name, name, sizeof(name));
	ports[number].ethdev = ethdev;
	n_ports++;
	return 0;
}

int
ports_open(const struct port_options *options)
{
	uint16_t ethdev, i;
	int ret;

	port_pool = rte_pktmbuf_pool_create("gen", options->n_bufs, POOL_CACHE, 0,
		options->buf_size + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (port_pool == NULL)
		return fail("gen", "buffer pool", -rte_errno);
	RTE_ETH_FOREACH_DEV(ethdev) {
		ret = port_add(ethdev);
		if (ret != 0)
			return ret;
	}
	n_wires = options->n_wires;
	if (n_ports <= n_wires)
		return fail("gen", "wires and guests: too few ports", -EINVAL);
	for (i = 0; i < n_ports; i++) {
		if (ports[i].name[0] == '\0')
			return fail("gen", "port numbers have a hole", -EINVAL);
		ports[i].is_wire = i < n_wires;
		ret = port_start(&ports[i], options);
		if (ret != 0)
			return ret;
	}
	return 0;
}

void
ports_look(void)
{
	struct rte_eth_link link;
	uint16_t i;

	for (i = 0; i < n_ports; i++) {
		memset(&link, 0, sizeof(link));
		ports[i].is_up = rte_eth_link_get_nowait(ports[i].ethdev, &link) == 0 &&
			link.link_status == RTE_ETH_LINK_UP;
	}
}

uint32_t
ports_discard(void)
{
	struct rte_mbuf *burst[PORT_BURST];
	uint32_t n_total = 0;
	uint16_t i, j, n;

	for (i = 0; i < n_ports; i++) {
		n = rte_eth_rx_burst(ports[i].ethdev, 0, burst, PORT_BURST);
		for (j = 0; j < n; j++)
			lacp_answer(&ports[i], burst[j]);
		rte_pktmbuf_free_bulk(burst, n);
		n_total += n;
	}
	return n_total;
}

void
ports_stop(void)
{
	uint16_t i;
	int ret;

	for (i = 0; i < n_ports; i++) {
		ret = rte_eth_dev_stop(ports[i].ethdev);
		if (ret != 0)
			fail(ports[i].name, "stop", ret);
	}
}
