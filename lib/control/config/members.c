/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The members of a bond.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "control/config/config.h"

int
bf_bond_config_member(const struct bf_bond_config *b, const char *name)
{
	for (unsigned int i = 0; i < b->n_members; i++)
		if (strcmp(b->members[i].name, name) == 0)
			return (int)i;
	return -1;
}

uint32_t
bf_bond_config_n_regular(const struct bf_bond_config *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_members; i++)
		n += b->members[i].spare ? 0 : 1;
	return n;
}

int
bf_bond_config_add_member(struct bf_bond_config *b, const char *name, struct bf_err *err)
{
	char clean[BF_DEV_NAME_MAX];
	int ret = bf_parse_device("member", name, clean, sizeof(clean), err);

	if (ret != 0)
		return ret;
	if (bf_bond_config_member(b, clean) >= 0)
		return bf_err_set(err, EINVAL, "member: \"%s\": named twice", clean);
	if (b->n_members == BF_MAX_MEMBERS)
		return bf_err_set(err, EINVAL, "member: \"%s\": expected at most %d members", clean,
			BF_MAX_MEMBERS);
	bf_member_config_init(&b->members[b->n_members]);
	memcpy(b->members[b->n_members].name, clean, strlen(clean));
	b->n_members++;
	return 0;
}

int
bf_bond_config_remove_member(struct bf_bond_config *b, const char *name, struct bf_err *err)
{
	int i = bf_bond_config_member(b, name);
	unsigned int after;

	if (i < 0)
		return bf_err_set(
			err, EINVAL, "member: \"%.60s\": not a member of %s", name, b->name);
	after = b->n_members - (unsigned int)i - 1;
	memmove(&b->members[i], &b->members[i + 1], after * sizeof(b->members[0]));
	b->n_members--;
	memset(&b->members[b->n_members], 0, sizeof(b->members[0]));
	if (strcmp(b->primary, name) == 0)
		b->primary[0] = '\0';
	return 0;
}
