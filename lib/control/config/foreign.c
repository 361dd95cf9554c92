/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What Linux bonding and teamd have and bondfwd does not.
 *
 * Threads: constants.
 */
#include "control/config/foreign.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define LINUX "an option of Linux bonding"
#define LINUX_VALUE "a value of Linux bonding"
#define LINUX_NUMBER "a number of Linux bonding"

const struct bf_foreign bf_foreigns[] = {
	{"bond", "active_slave", NULL, LINUX,
		"primary and primary_reselect choose the active member, and `set bonding drain` takes "
		"traffic off one"},
	{"bond", "arp_all_targets", NULL, LINUX,
		"a member is in service while any target answers, as with arp_all_targets=any"},
	{"bond", "broadcast_neighbor", NULL, LINUX,
		"in 802.3ad ARP and neighbour discovery leave by one member, like other frames"},
	{"bond", "coupled_control", NULL, LINUX,
		"LACP collects before it distributes, as with coupled_control=off"},
	{"bond", "fail_over_mac", NULL, LINUX,
		"the bond keeps its address through a failover, as with fail_over_mac=none"},
	{"bond", "lp_interval", NULL, LINUX,
		"stations are announced when their path changes (num_peer_notif), not at intervals"},
	{"bond", "max_bonds", NULL, LINUX,
		"each --bond and each `create bonding device` makes a bond, up to four"},
	{"bond", "packets_per_slave", NULL, LINUX,
		"balance-rr sends each frame by the next member, as with packets_per_slave=1"},
	{"bond", "tlb_dynamic_lb", NULL, LINUX,
		"balance-tlb moves stations when loads differ, as with tlb_dynamic_lb=1; "
		"rebalance_interval=0 ends that"},
	{"bond", "use_carrier", NULL, LINUX, "link_detect says how links are watched"},
	{"member", "queue_id", NULL, LINUX,
		"the mode and xmit_policy choose the member of every frame"},
	{"bond", "mode", "random", "a runner of teamd",
		"balance-rr takes members in turn, balance-xor chooses by flow"},
	{"bond", "arp_validate", "active", LINUX_VALUE,
		"answers are checked on every member that is probed: on (all) or off (none)"},
	{"bond", "arp_validate", "backup", LINUX_VALUE,
		"answers are checked on every member that is probed: on (all) or off (none)"},
	{"bond", "arp_validate", "filter", LINUX_VALUE,
		"without validation any frame counts: on (all) or off (none)"},
	{"bond", "arp_validate", "filter_active", LINUX_VALUE,
		"answers are checked on every member that is probed: on (all) or off (none)"},
	{"bond", "arp_validate", "filter_backup", LINUX_VALUE,
		"answers are checked on every member that is probed: on (all) or off (none)"},
	{"bond", "xmit_hash_policy", "1", LINUX_NUMBER, "write layer3+4"},
	{"bond", "xmit_hash_policy", "2", LINUX_NUMBER, "write layer2+3"},
	{"bond", "xmit_hash_policy", "3", LINUX_NUMBER, "write encap2+3"},
	{"bond", "xmit_hash_policy", "4", LINUX_NUMBER, "write encap3+4"},
	{"bond", "xmit_hash_policy", "5", LINUX_NUMBER, "write vlan+srcmac"},
};
const unsigned int bf_n_foreigns = sizeof(bf_foreigns) / sizeof(bf_foreigns[0]);

bool
bf_foreign_refuses_key(const char *what, const char *key, struct bf_err *err)
{
	for (unsigned int i = 0; i < bf_n_foreigns; i++) {
		const struct bf_foreign *f = &bf_foreigns[i];

		if (f->word != NULL || strcmp(f->what, what) != 0 || strcmp(f->key, key) != 0)
			continue;
		bf_err_set(err, EINVAL, "%s: \"%s\": is %s that bondfwd does not have: %s", what,
			key, f->of, f->instead);
		return true;
	}
	return false;
}

bool
bf_foreign_refuses_word(
	const char *what, const char *key, const char *typed, const char *word, struct bf_err *err)
{
	for (unsigned int i = 0; i < bf_n_foreigns; i++) {
		const struct bf_foreign *f = &bf_foreigns[i];

		if (f->word == NULL || strcmp(f->what, what) != 0 ||
			strcasecmp(f->word, word) != 0 ||
			(strcmp(f->key, key) != 0 && strcmp(f->key, typed) != 0))
			continue;
		bf_err_set(err, EINVAL, "%s: \"%s\": is %s that bondfwd does not have: %s", typed,
			word, f->of, f->instead);
		return true;
	}
	return false;
}
