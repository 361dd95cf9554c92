/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports of bf-peer: virtio-user ethdevs, polled on every queue, with send jobs and captures.
 *
 * A port is named by the number in its device name: net_virtio_user3 is port 3.  With server=1
 * the driver waits for the first connection of the vhost side when the port is created, one port
 * after the other, and accepts later ones while someone asks for the link state; ports_turn() does
 * that, so nothing here needs an interrupt thread.
 *
 * Threads: one.
 */

#ifndef BF_PEER_PORT_H
#define BF_PEER_PORT_H

#include <stdio.h>

#include <rte_mbuf.h>

#include "frame.h"

#define PORTS_MAX 32
#define PORT_BURST_MAX 32
#define CAPTURE_MAX 512
#define QUEUE_BY_FLOW UINT16_MAX

enum capture_filter {
	CAPTURE_ANY,
	/* Frames without our tag. */
	CAPTURE_OTHER,
};

struct send_job {
	bool is_active;
	struct frame_spec spec;
	uint32_t next;
	uint32_t end;
	uint16_t burst;
	/* QUEUE_BY_FLOW spreads flows over the queues and keeps each flow in order. */
	uint16_t queue;
	/* Frames per second; 0 means as fast as the ring takes them. */
	uint64_t rate;
	/* Never more than so many ahead of what has come of the same stream; 0 means it does not matter. */
	uint32_t ahead;
	uint64_t start_tsc;
	uint64_t n_sent;
	struct rte_mbuf *pending[PORT_BURST_MAX];
	uint16_t n_pending;
	uint16_t pending_queue;
};

/*
 * A slow stream beside everything else (tally_is_steady()): a frame each period, never more. What the
 * ring does not take is tried again, and what is late is not made good.
 */
struct steady_job {
	struct frame_spec spec;
	uint32_t next;
	uint64_t period_tsc; /* 0: there is none */
	uint64_t due_tsc;
};

struct port {
	bool is_open;
	bool is_started;
	bool is_up;
	bool is_torn_down; /* a connection that was lost, in an alarm of the driver */
	uint16_t ethdev;
	uint16_t n_queues;
	char name[64];
	uint64_t n_rx;
	uint64_t n_rx_other;
	uint64_t n_tx; /* but those of the steady job */
	struct send_job job;
	struct steady_job steady;
	uint64_t pace; /* bytes per second that are received at most, as on a wire; 0: all */
	uint16_t rx_next; /* queue that is received from next */
	uint64_t paced_tsc; /* until when what was received takes */
	enum capture_filter capture_filter;
	uint32_t n_capture_wanted;
	uint32_t n_captured;
	uint8_t *captured[CAPTURE_MAX];
	uint16_t captured_len[CAPTURE_MAX];
};

/* What every port is opened with. */
struct port_options {
	uint16_t mtu;
	uint16_t buf_size;
	uint16_t max_queues; /* of those that the driver has */
	uint16_t n_desc;
	uint32_t n_bufs;
};

/**
 * Create the buffer pool and open every ethdev the EAL made.
 *
 * @return
 *   0 or -errno; the reason is on stderr.
 */
int ports_open(const struct port_options *options);

/**
 * Stop every port.
 */
void ports_stop(void);

/**
 * Receive, send and look at links once, without blocking.
 *
 * @return
 *   Frames moved, but those of steady streams.
 */
unsigned int ports_turn(void);

/**
 * The open port with that number, or NULL.
 */
struct port *port_find(unsigned int id);

/**
 * Number of a port.
 */
unsigned int port_id(const struct port *p);

/**
 * Stop or start a port.  The vhost side is not told: to it, the driver just stands still.
 */
int port_set_started(struct port *p, bool is_started);

/**
 * Send one frame given as bytes, with a few retries.
 */
bool port_send_raw(struct port *p, uint16_t queue, const uint8_t *frame, uint16_t len);

/**
 * Drop what a job still holds and end it.
 */
void port_cancel_job(struct port *p);

/**
 * Begin to keep the next @p n frames; what was kept before is dropped.
 */
void port_capture(struct port *p, uint32_t n, enum capture_filter filter);

/**
 * Buffers in the pool now, and when it is full.
 */
void ports_pool(uint32_t *n_avail, uint32_t *n_size);

#endif
