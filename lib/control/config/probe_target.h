/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Whom probes ask: addresses, each with its VLAN.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_CONFIG_PROBE_TARGET_H
#define BF_CONTROL_CONFIG_PROBE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/config/key.h"

#define BF_PROBE_TARGETS 16
#define BF_PROBE_TARGET_MAX 56

/** An address of a probe, and its VLAN. */
struct bf_probe_target {
	bool v6;
	uint8_t addr[16];
	uint16_t vlan; /* 0: untagged */
};

/** As the operator wrote them: ADDRESS[/VLAN]. */
struct bf_probe_targets {
	uint32_t n;
	char text[BF_PROBE_TARGETS][BF_PROBE_TARGET_MAX];
};

int bf_probe_target_parse(const char *text, struct bf_probe_target *t, struct bf_err *err);

/** A key whose value is a struct bf_probe_targets. */
extern const struct bf_key_type bf_type_targets;

#endif
