/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a member's pluggable module says of itself: maker, temperature, light.
 *
 * SFP: SFF-8472 rev 12.4; QSFP: SFF-8636 rev 2.10.
 *
 * Threads: ctx control; bf_optics_read() any.
 */
#ifndef BF_CONTROL_BOND_OPTICS_H
#define BF_CONTROL_BOND_OPTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BF_OPTICS_LANES 4

struct bf_optics {
	const char *kind; /* "SFP" or "QSFP" */
	char vendor[17], part[17],
		serial[17]; /* without the blanks at the end; other bytes than ASCII: '?' */
	bool has_values; /* it measures, and has calibrated what follows itself */
	double celsius, volts;
	unsigned int n_lanes;
	double bias_ma[BF_OPTICS_LANES], tx_mw[BF_OPTICS_LANES], rx_mw[BF_OPTICS_LANES];
};

/**
 * Read a module's memory, as rte_eth_dev_get_module_eeprom() gives it.
 *
 * @param type  RTE_ETH_MODULE_SFF_*
 * @return
 *   0; -ENOTSUP: a type that is not known here; -EINVAL: @p len is too short for the type.
 */
int bf_optics_read(uint32_t type, const uint8_t *memory, size_t len, struct bf_optics *o);

/** Ask a device. @return as above, or the driver's: -ENOTSUP where it has no module or cannot tell. */
int bf_optics_ask(uint16_t port, struct bf_optics *o);

/** Milliwatts as dBm; -40 for no light. */
double bf_optics_dbm(double mw);

#endif
