/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports of bf-gen: virtio-user ethdevs with one queue pair each.
 *
 * net_virtio_user0 and the next ones are the far ends of the wires, those behind them are guests.
 * With server=1 the driver waits for the forwarder's first connection when the port is made.
 *
 * Threads: one.
 */

#ifndef BF_GEN_PORT_H
#define BF_GEN_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

/* As many as the installed DPDK has. */
#define PORTS_MAX RTE_MAX_ETHPORTS
#define PORT_BURST 32

struct port {
	uint16_t ethdev;
	bool is_wire;
	bool is_up;
	char name[RTE_ETH_NAME_MAX_LEN];
};

struct port_options {
	uint16_t n_wires;
	uint16_t n_desc;
	uint16_t buf_size;
	uint32_t n_bufs;
};

extern struct port ports[PORTS_MAX];
/* Wires first. */
extern uint16_t n_ports;
extern uint16_t n_wires;
extern struct rte_mempool *port_pool;

/**
 * Create the buffer pool and start every ethdev that the EAL made.
 *
 * @return
 *   0 or -errno; the reason is on stderr.
 */
int ports_open(const struct port_options *options);

/**
 * Read the link of every port; a lost connection is accepted anew by this.
 */
void ports_look(void);

/**
 * Receive and throw away what is there; a LACPDU is answered.
 *
 * @return
 *   Frames.
 */
uint32_t ports_discard(void);

void ports_stop(void);

#endif
