/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Huge pages that are there against those that bondfwd's configuration file asks for, and whether memory was short
 * when bondfwd made its frames.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

#define ORDINARY_PAGE 4096

/* Huge pages that bondfwd itself has: what guests have shared with it is counted as its own, too. */
static uint64_t
own_kib(const struct bf_doctor *d)
{
	uint64_t kib, of_guests = 0;
	char path[64], text[64];
	json_t *g, *region;
	size_t i, k;

	if (d->pid == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
	bf_doctor_field(d, path, "HugetlbPages", text, sizeof(text));
	kib = strtoull(text, NULL, 10);
	for (i = 0; (g = json_array_get(d->guests, i)) != NULL; i++)
		for (k = 0; (region = json_array_get(bf_json_list(g, "regions"), k)) != NULL; k++)
			if (bf_json_number(region, "page", 0) > ORDINARY_PAGE)
				of_guests += (uint64_t)bf_json_number(region, "size", 0) >> 10;
	return kib > of_guests ? kib - of_guests : 0;
}

/* Why nobody can tell; NULL: it can be told. */
static const char *
why_unknown(const struct bf_doctor *d)
{
	if (bf_doctor_has_word(d, "--no-huge"))
		return "bondfwd works on ordinary pages";
	if (d->is_denied || (d->answers && d->pid == 0))
		return "nobody says how many pages bondfwd has";
	return d->need_mib == 0 ? "no good configuration file is known" : NULL;
}

/* At a start everything is free that it has now. */
static void
look_at_need(struct bf_doctor *d, uint64_t free_kib)
{
	const char *why = why_unknown(d);
	uint64_t own = own_kib(d), need = d->need_mib << 10;

	if (why != NULL) {
		bf_report_skip(&d->report, BF_FAULT_HUGEPAGES_FEW, why);
		return;
	}
	bf_report_check(&d->report, BF_FAULT_HUGEPAGES_FEW);
	if (free_kib + own > 0 && free_kib + own < need)
		bf_report_find(&d->report, BF_FAULT_HUGEPAGES_FEW, d->config,
			"it needs about %" PRIu64 " MiB, %" PRIu64
			" MiB are free and bondfwd has %" PRIu64 " MiB",
			d->need_mib, free_kib >> 10, own >> 10);
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

/* There is memory on that node by now: a pool that is named after what could not have one lies there. */
static bool
is_mended(const struct bf_doctor *d, const json_t *e)
{
	const char *text = bf_json_text(e, "text"), *owner = bf_json_text(e, "object");
	char of_node[24];
	json_t *pool;
	int node;
	size_t i;

	if (sscanf(text, "node %d has no memory", &node) == 1) {
		snprintf(of_node, sizeof(of_node), "node%d", node);
		owner = of_node;
	} else if (sscanf(text, "its cards are on node %d", &node) != 1)
		return false;
	for (i = 0; (pool = json_array_get(d->pools, i)) != NULL; i++)
		if (strncmp(bf_json_text(pool, "name"), owner, strlen(owner)) == 0 &&
			bf_json_number(pool, "node", -1) == node)
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
		if (strcmp(bf_json_text(e, "what"), "numa_memory") == 0 && !is_mended(d, e))
			bf_report_find(&d->report, BF_FAULT_MEMORY_SHORT, bf_json_text(e, "object"),
				"%s", bf_json_text(e, "text"));
}

void
bf_doctor_need(struct bf_doctor *d, uint64_t free_kib)
{
	look_at_need(d, free_kib);
	look_at_shortage(d);
}
