/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Settings of the LACP engine: defaults and what is allowed.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

#include <errno.h>

#include "base/mac.h"

void
bf_lacp_config_default(struct bf_lacp_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->system_priority = 32768;
	cfg->active = true;
	cfg->min_links = 1;
	cfg->max_pdu_rate = 20;
	cfg->aggregate_wait_ms = 2000;
}

static bool
is_unicast(const uint8_t mac[6])
{
	return (mac[0] & 1) == 0 && !bf_mac_is_zero(mac);
}

int
bf_lacp_config_check(struct bf_lacp_config *cfg)
{
	if (cfg->min_links == 0)
		cfg->min_links = 1;
	if (cfg->max_pdu_rate == 0)
		cfg->max_pdu_rate = 20;
	if (!is_unicast(cfg->system_id) || cfg->select >= BF_LACP_SELECT_POLICY_COUNT ||
		cfg->min_links > BF_LACP_MAX_MEMBERS ||
		(cfg->max_links != 0 && cfg->max_links < cfg->min_links))
		return -EINVAL;
	/* A pin on ourselves could only ever be met by a loop. */
	if (cfg->pin_partner &&
		(!is_unicast(cfg->partner_pin) ||
			bf_lacp_same_mac(cfg->partner_pin, cfg->system_id)))
		return -EINVAL;
	return 0;
}

const struct bf_lacp_config *
bf_lacp_config(const struct bf_lacp *l)
{
	return &l->cfg;
}
