/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See mirrors.h.
 *
 * Threads: ctx control.
 */
#include "control/observe/mirrors.h"

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#include "control/bridge.h"
#include "control/config/expression.h"
#include "dataplane/rules.h"

static void
mirror_close(struct bf_mirror_state *s)
{
	rte_free(s->mirror);
	bf_expression_close(s->program);
	memset(s, 0, sizeof(*s));
}

/* The bit of BF_FLAG_OF_COPY is ours, unless another library in this process was faster. */
static int
flag_claim(struct bf_err *err)
{
	static const struct rte_mbuf_dynflag flag = {.name = "bf_copy"};
	int bit = __builtin_ctzll(BF_FLAG_OF_COPY);

	if (rte_mbuf_dynflag_register_bitnum(&flag, (unsigned int)bit) == bit)
		return 0;
	return bf_err_set(err, EBUSY, "mirror: flag %d of frames is used by another library", bit);
}

static int
mirror_open(struct bf_mirror_state *s, const struct bf_mirror_config *cfg, struct bf_err *err)
{
	int ret = flag_claim(err);

	s->cfg = *cfg;
	if (ret == 0 && cfg->filter[0] != '\0')
		ret = bf_expression_open(&s->program, cfg->filter, err);
	s->mirror = rte_zmalloc("bf_mirror", sizeof(*s->mirror), RTE_CACHE_LINE_SIZE);
	if (ret != 0 || s->mirror == NULL) {
		mirror_close(s);
		return ret != 0 ? ret : bf_err_set(err, ENOMEM, "mirror: out of memory");
	}
	s->mirror->dirs = (uint8_t)cfg->dirs;
	s->mirror->vlan = cfg->vlan == BF_VLAN_ANY ? BF_MIRROR_VLAN_ANY : cfg->vlan;
	s->mirror->program = s->program;
	return 0;
}

static bool
is_wanted(const struct bf_config *want, const struct bf_mirror_state *s)
{
	for (uint32_t i = 0; i < want->n_mirrors; i++)
		if (memcmp(&want->mirrors[i], &s->cfg, sizeof(s->cfg)) == 0)
			return true;
	return false;
}

static bool
is_there(const struct bf_mirrors *ms, const struct bf_mirror_config *cfg)
{
	for (unsigned int i = 0; i < RTE_DIM(ms->at); i++)
		if (ms->at[i].mirror != NULL && !ms->at[i].leaves &&
			memcmp(&ms->at[i].cfg, cfg, sizeof(*cfg)) == 0)
			return true;
	return false;
}

static int
mirror_add(struct bf_mirrors *ms, const struct bf_mirror_config *cfg, struct bf_err *err)
{
	for (unsigned int i = 0; i < RTE_DIM(ms->at); i++)
		if (ms->at[i].mirror == NULL)
			return mirror_open(&ms->at[i], cfg, err);
	return bf_err_set(err, EBUSY, "mirror: memory for a view is short: try again");
}

int
bf_mirrors_apply(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	struct bf_mirrors *ms = &br->mirrors;
	int ret = 0;

	for (unsigned int i = 0; i < RTE_DIM(ms->at); i++)
		if (ms->at[i].mirror != NULL) /* one that was about to leave may stay */
			ms->at[i].leaves = !is_wanted(want, &ms->at[i]);
	for (uint32_t i = 0; ret == 0 && i < want->n_mirrors; i++)
		if (!is_there(ms, &want->mirrors[i]))
			ret = mirror_add(ms, &want->mirrors[i], err);
	return ret;
}

void
bf_mirrors_collect(struct bf_mirrors *ms)
{
	for (unsigned int i = 0; i < RTE_DIM(ms->at); i++)
		if (ms->at[i].leaves)
			mirror_close(&ms->at[i]);
}

void
bf_mirrors_close(struct bf_mirrors *ms)
{
	for (unsigned int i = 0; i < RTE_DIM(ms->at); i++)
		if (ms->at[i].mirror != NULL)
			mirror_close(&ms->at[i]);
}

/* @return whether the guest is there */
static bool
find_target(const struct bf_bridge *br, const char *name, uint16_t *slot)
{
	const struct bf_guest *g = bf_bridge_guest((struct bf_bridge *)(uintptr_t)br, name);

	if (g != NULL)
		*slot = g->slot;
	return g != NULL;
}

/* Guests that get copies are not mirrored, whoever asks for it. */
static bool
is_mirrored(const struct bf_bridge *br, const struct bf_view *v, const char *source, uint16_t slot)
{
	const char *name = bf_bridge_port_name(br, slot);

	if (v->ports[slot].kind == BF_PORT_NONE ||
		(strcmp(source, BF_MIRROR_ALL) != 0 && strcmp(source, name) != 0))
		return false;
	for (unsigned int i = 0; i < RTE_DIM(br->mirrors.at); i++)
		if (br->mirrors.at[i].mirror != NULL && !br->mirrors.at[i].leaves &&
			!bf_is_bond_slot(slot) && strcmp(br->mirrors.at[i].cfg.to, name) == 0)
			return false;
	return true;
}

/* The words for what comes in stand with the queues. */
static void
fill_queues(struct bf_view *v)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (v->rules[bf_bond_slot(k)].mirrors != 0)
			v->bonds[k].in |= BF_RULE_BIT(MIRROR);
	for (unsigned int w = 0; w < v->n_workers; w++)
		for (unsigned int i = 0; i < v->workers[w].n_rxq; i++)
			if (v->rules[v->workers[w].rxq[i].slot].mirrors != 0)
				v->workers[w].rxq[i].in |= BF_RULE_BIT(MIRROR);
}

void
bf_mirrors_fill_view(const struct bf_bridge *br, struct bf_view *v)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < RTE_DIM(br->mirrors.at); i++) {
		const struct bf_mirror_state *s = &br->mirrors.at[i];

		if (s->mirror == NULL || s->leaves || k == BF_MAX_MIRRORS ||
			!find_target(br, s->cfg.to, &v->mirror_to[k]))
			continue;
		v->mirrors[k] = s->mirror;
		for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++) {
			if (!is_mirrored(br, v, s->cfg.source, slot))
				continue;
			v->rules[slot].mirrors |= (uint8_t)(1u << k);
			v->ports[slot].out |= BF_RULE_BIT(MIRROR);
		}
		k++;
	}
	if (k > 0)
		fill_queues(v);
}
