/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control; bf_optics_read() any.
 */
#include "control/bond/optics.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <rte_common.h>
#include <rte_dev_info.h>
#include <rte_ethdev.h>

#include "base/be.h"

#define NO_LIGHT_MW 0.0001 /* -40 dBm, the least that modules tell */

/* SFF-8472: address A0h, then A2h. */
enum {
	SFP_VENDOR = 20,
	SFP_PART = 40,
	SFP_SERIAL = 68,
	SFP_DIAGNOSTICS = 92,
	SFP_MEASURES = 0x40,
	SFP_CALIBRATED = 0x20, /* by the module itself */
	SFP_A2 = 256,
	SFP_VALUES = SFP_A2 + 96,
	SFP_ID_LEN = 96,
	SFP_ALL_LEN = SFP_VALUES + 10,
};

/* SFF-8636: lower page, then upper page 00h. */
enum {
	QSFP_CELSIUS = 22,
	QSFP_VOLTS = 26,
	QSFP_RX = 34,
	QSFP_BIAS = 42,
	QSFP_TX = 50,
	QSFP_VENDOR = 148,
	QSFP_PART = 168,
	QSFP_SERIAL = 196,
	QSFP_LEN = 212,
};

static void
text_at(const uint8_t *p, char text[17])
{
	size_t len = 16;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(p[i] >= ' ' && p[i] < 127 ? p[i] : '?');
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == 0))
		len--;
	text[len] = '\0';
}

/* Units of both standards: 1/256 degree, 100 uV, 2 uA, 0.1 uW. */
static double
celsius_at(const uint8_t *p)
{
	return (int16_t)bf_be16(p) / 256.0;
}

static double
volts_at(const uint8_t *p)
{
	return bf_be16(p) / 1e4;
}

static double
milliamperes_at(const uint8_t *p)
{
	return bf_be16(p) / 500.0;
}

static double
milliwatts_at(const uint8_t *p)
{
	return bf_be16(p) / 1e4;
}

static int
sfp_read(const uint8_t *memory, size_t len, struct bf_optics *o)
{
	const uint8_t *v = memory + SFP_VALUES;
	uint8_t can;

	if (len < SFP_ID_LEN)
		return -EINVAL;
	o->kind = "SFP";
	o->n_lanes = 1;
	text_at(memory + SFP_VENDOR, o->vendor);
	text_at(memory + SFP_PART, o->part);
	text_at(memory + SFP_SERIAL, o->serial);
	can = memory[SFP_DIAGNOSTICS];
	o->has_values = (can & SFP_MEASURES) && (can & SFP_CALIBRATED) && len >= SFP_ALL_LEN;
	if (!o->has_values)
		return 0;
	o->celsius = celsius_at(v);
	o->volts = volts_at(v + 2);
	o->bias_ma[0] = milliamperes_at(v + 4);
	o->tx_mw[0] = milliwatts_at(v + 6);
	o->rx_mw[0] = milliwatts_at(v + 8);
	return 0;
}

static int
qsfp_read(const uint8_t *memory, size_t len, struct bf_optics *o)
{
	if (len < QSFP_LEN)
		return -EINVAL;
	o->kind = "QSFP";
	o->n_lanes = BF_OPTICS_LANES;
	text_at(memory + QSFP_VENDOR, o->vendor);
	text_at(memory + QSFP_PART, o->part);
	text_at(memory + QSFP_SERIAL, o->serial);
	o->has_values = true;
	o->celsius = celsius_at(memory + QSFP_CELSIUS);
	o->volts = volts_at(memory + QSFP_VOLTS);
	for (unsigned int i = 0; i < BF_OPTICS_LANES; i++) {
		size_t at = 2 * (size_t)i;

		o->rx_mw[i] = milliwatts_at(memory + QSFP_RX + at);
		o->bias_ma[i] = milliamperes_at(memory + QSFP_BIAS + at);
		o->tx_mw[i] = milliwatts_at(memory + QSFP_TX + at);
	}
	return 0;
}

int
bf_optics_read(uint32_t type, const uint8_t *memory, size_t len, struct bf_optics *o)
{
	memset(o, 0, sizeof(*o));
	switch (type) {
	case RTE_ETH_MODULE_SFF_8079:
	case RTE_ETH_MODULE_SFF_8472:
		return sfp_read(memory, len, o);
	case RTE_ETH_MODULE_SFF_8436:
	case RTE_ETH_MODULE_SFF_8636:
		return qsfp_read(memory, len, o);
	default:
		return -ENOTSUP;
	}
}

int
bf_optics_ask(uint16_t port, struct bf_optics *o)
{
	struct rte_eth_dev_module_info module = {0};
	uint8_t memory[RTE_ETH_MODULE_SFF_8636_MAX_LEN] = {0};
	struct rte_dev_eeprom_info info = {.data = memory};
	int ret = rte_eth_dev_get_module_info(port, &module);

	if (ret != 0)
		return ret;
	info.length = RTE_MIN(module.eeprom_len, (uint32_t)sizeof(memory));
	ret = rte_eth_dev_get_module_eeprom(port, &info);
	return ret != 0 ? ret : bf_optics_read(module.type, memory, info.length, o);
}

double
bf_optics_dbm(double mw)
{
	return mw <= NO_LIGHT_MW ? -40 : 10 * log10(mw);
}
