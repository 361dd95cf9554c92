/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Exporters: what enters the switch, sampled, and the ports' counters, to collectors of sFlow and IPFIX.
 *
 * Theory of operation.  An exporter is a tap of all ports, a thread that reads what workers copied, and a UDP
 * socket.  Workers never wait for the thread: a full tape loses samples, which are counted.  The thread never
 * waits for the collector: what the socket does not take is counted.  Control hands the thread tables of ports,
 * with counters when it is time for them.  An exporter whose settings change is replaced by another one.  Its end:
 * the tap out of the views, a grace period, the thread sends what is left and is joined.
 *
 * Threads: ctx control; the thread of each exporter, which sees only its own.
 */
#ifndef BF_CONTROL_EXPORT_EXPORTER_H
#define BF_CONTROL_EXPORT_EXPORTER_H

#include <stdint.h>

#include "base/err.h"
#include "control/config/config.h"
#include "control/export/ports.h"

struct bf_bridge;
struct bf_exporter;

/** What an exporter has done. */
struct bf_exporter_counts {
	uint64_t samples; /* frames that were sampled */
	uint64_t lost; /* for which there was no room */
	uint64_t counter_samples; /* reports of a port's counters */
	uint64_t flows; /* records of flows */
	uint32_t flow_entries; /* flows that have not been reported for good */
	uint64_t datagrams, bytes, unsent, refused; /* as in struct bf_collector */
};

struct bf_exporters {
	struct bf_exporter *at[2 * BF_MAX_EXPORTERS]; /* NULL: free; with those that are replaced */
	unsigned int n;
	uint64_t n_views; /* as the ports' numbers were gathered: bf_lcores; 0: not yet */
	uint64_t next_ms; /* they are not gathered again before */
};

/** Open exporters that are wanted and do not run. @return 0, or -errno with the reason; then none is new */
int bf_exporters_open(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err);
/** Retire those that are not wanted as they run. With the next view workers leave them. */
void bf_exporters_retire(struct bf_bridge *br, const struct bf_config *want);
/** End those that are retired: no worker has them any more. */
void bf_exporters_end(struct bf_bridge *br);
/** End all. The workers have stopped. */
void bf_exporters_close(struct bf_bridge *br);

/** The counts of the running exporter of a name; zero when there is none. */
void bf_exporters_count(const struct bf_bridge *br, const char *name, struct bf_exporter_counts *c);

/**
 * When ports are to be gathered for exporters: counters are due, or there is a new view.
 *
 * @return
 *   Absolute ms; 0: now; BF_TASK_NEVER: there is no exporter.
 */
uint64_t bf_exporters_due(const struct bf_bridge *br, uint64_t now_ms);
/** Hand over a table of ports; it is copied. */
void bf_exporters_give(struct bf_bridge *br, const struct bf_export_ports *ports, uint64_t now_ms);

#endif
