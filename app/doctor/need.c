/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Huge pages that are there against those that bondfwd's configuration file asks for, and whether memory was short
 * when bondfwd made its frames.
 *
 * Threads: one.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

/* What is computed may be more than what it came up with: bondfwd runs. */
#define SPARE_PERCENT 25
#define NOT_SAID (-1)

/* As bondfwd says it: in /proc what it has touched of guests' pages looks the same. */
static int64_t
own_mib(const struct bf_doctor *d)
{
	return d->answers ? bf_json_number(d->numa, "own_mib", NOT_SAID) : 0;
}

/* Why nobody can tell; NULL: it can be told. */
static const char *
why_unknown(const struct bf_doctor *d)
{
	if (bf_doctor_has_word(d, "--no-huge"))
		return "bondfwd works on ordinary pages";
	if (d->is_denied || (d->answers && d->pid == 0) || own_mib(d) == NOT_SAID)
		return "nobody says how many pages bondfwd has";
	return d->need_mib == 0 ? "no good configuration file is known" : NULL;
}

/* At a start everything is free that it has now. */
static void
look_at_need(struct bf_doctor *d, uint64_t free_kib)
{
	const char *why = why_unknown(d);
	uint64_t own, least = d->need_mib;

	if (why != NULL) {
		bf_report_skip(&d->report, BF_FAULT_HUGEPAGES_FEW, why);
		return;
	}
	bf_report_check(&d->report, BF_FAULT_HUGEPAGES_FEW);
	own = (uint64_t)own_mib(d);
	least -= d->answers ? least * SPARE_PERCENT / 100 : 0;
	if (free_kib + own > 0 && (free_kib >> 10) + own < least)
		bf_report_find(&d->report, BF_FAULT_HUGEPAGES_FEW, d->config,
			"it needs about %" PRIu64 " MiB, %" PRIu64
			" MiB are free and bondfwd has %" PRIu64 " MiB",
			d->need_mib, free_kib >> 10, own);
}

/* A pool is named "BOND.SERIAL". Frames in pieces: the bond's MTU does not fit into a buffer. */
static void
look_at_pieces(struct bf_doctor *d, const json_t *bond)
{
	const char *name = bf_json_text(bond, "name");
	json_t *pool;
	size_t i;

	for (i = 0; (pool = json_array_get(d->pools, i)) != NULL; i++) {
		const char *its = bf_json_text(pool, "name");
		int64_t size = bf_json_number(pool, "element", 0),
			mtu = bf_json_number(bond, "mtu", 0);

		if (strncmp(its, name, strlen(name)) == 0 && its[strlen(name)] == '.' && size > 0 &&
			size < mtu && !json_is_true(json_object_get(pool, "retired")))
			bf_report_find(&d->report, BF_FAULT_MEMORY_SHORT, name,
				"its frames lie in pieces: buffers of %" PRId64
				" bytes for an MTU of %" PRId64,
				size, mtu);
	}
}

/* The number of the node behind those words. */
static bool
node_take(const char *text, const char *words, long *node)
{
	if (strncmp(text, words, strlen(words)) != 0)
		return false;
	*node = strtol(text + strlen(words), NULL, 10);
	return true;
}

/* There is memory on that node by now: a pool that is named after what could not have one lies there. */
static bool
is_mended(const struct bf_doctor *d, const json_t *e)
{
	const char *text = bf_json_text(e, "text"), *owner = bf_json_text(e, "object");
	char of_node[24];
	json_t *pool;
	long node;
	size_t i;

	if (node_take(text, "node ", &node)) {
		snprintf(of_node, sizeof(of_node), "node%ld", node);
		owner = of_node;
	} else if (!node_take(text, "its cards are on node ", &node))
		return false;
	for (i = 0; (pool = json_array_get(d->pools, i)) != NULL; i++) {
		const char *its = bf_json_text(pool, "name");

		if (strncmp(its, owner, strlen(owner)) == 0 &&
			!isalnum((unsigned char)its[strlen(owner)]) &&
			bf_json_number(pool, "node", -1) == node)
			return true;
	}
	return false;
}

/* Is it about a bond that is still there? */
static bool
is_of_bond(const struct bf_doctor *d, const json_t *e)
{
	json_t *bond;
	size_t i;

	for (i = 0; (bond = json_array_get(d->bonds, i)) != NULL; i++)
		if (strcmp(bf_json_text(bond, "name"), bf_json_text(e, "object")) == 0)
			return true;
	return false;
}

static void
look_at_shortage(struct bf_doctor *d)
{
	static const enum bf_fault answers[] = {BF_FAULT_MEMORY_SHORT};
	json_t *e;
	size_t i;

	if (!bf_doctor_has_answers(d, BF_DOCTOR_LIST(answers)))
		return;
	for (i = 0; (e = json_array_get(d->bonds, i)) != NULL; i++)
		look_at_pieces(d, e);
	for (i = 0; (e = json_array_get(d->events, i)) != NULL; i++)
		if (strcmp(bf_json_text(e, "what"), "numa_memory") == 0 && is_of_bond(d, e) &&
			!is_mended(d, e))
			bf_report_find(&d->report, BF_FAULT_MEMORY_SHORT, bf_json_text(e, "object"),
				"%s", bf_json_text(e, "text"));
}

void
bf_doctor_need(struct bf_doctor *d, uint64_t free_kib)
{
	look_at_need(d, free_kib);
	look_at_shortage(d);
}
