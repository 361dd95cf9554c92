/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guests: their memory, queues and MTU.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define SMALL_PAGE 4096
#define MEMORY_LEAST (16u << 20) /* bytes: less is no guest's memory */
#define RING_LEAST 512

#define GUEST(g) bf_json_text((g), "name")

/* The kind of memory that a process has most of. */
struct mappings {
	uint64_t shared, private; /* the largest of each, bytes */
};

/* FROM-TO rw-p ... */
static bool
mapping_take(void *arg, const char *line)
{
	struct mappings *m = arg;
	uint64_t size, *most;
	const char *mode;
	char *end;

	size = strtoull(line, &end, 16);
	if (*end != '-')
		return true;
	size = strtoull(end + 1, &end, 16) - size;
	mode = end + strspn(end, " ");
	if (strlen(mode) < 4)
		return true;
	most = mode[3] == 's' ? &m->shared : &m->private;
	if (mode[0] == 'r' && mode[1] == 'w' && size > *most)
		*most = size;
	return true;
}

/* A front end with private memory connects, and then sends no memory. */
static void
look_at_sharing(struct bf_doctor *d, const json_t *g)
{
	json_t *peer = json_object_get(g, "peer");
	struct mappings m = {0};

	if (!json_is_object(peer) || json_array_size(bf_json_list(g, "regions")) > 0)
		return;
	bf_sysfs_lines(
		d->root, mapping_take, &m, "/proc/%d/maps", (int)bf_json_number(peer, "pid", 0));
	if (m.private >= MEMORY_LEAST && m.shared < MEMORY_LEAST)
		bf_report_find(&d->report, BF_FAULT_MEMORY_NOT_SHARED, GUEST(g),
			"%s %" PRId64 " has sent no memory, and has %" PRIu64
			" MiB that are private, none that are shared",
			bf_json_text(peer, "name"), bf_json_number(peer, "pid", 0),
			m.private >> 20);
}

static void
look_at_pages(struct bf_doctor *d, const json_t *g)
{
	uint64_t ordinary = 0;
	json_t *region;
	size_t i;

	for (i = 0; (region = json_array_get(bf_json_list(g, "regions"), i)) != NULL; i++)
		if (bf_json_number(region, "page", 0) == SMALL_PAGE)
			ordinary += (uint64_t)bf_json_number(region, "size", 0);
	if (ordinary >= MEMORY_LEAST)
		bf_report_find(&d->report, BF_FAULT_ORDINARY_PAGES, GUEST(g),
			"%" PRIu64 " MiB of its memory are on pages of 4 KiB, expected huge pages",
			ordinary >> 20);
}

static int64_t
bond_mtu(const struct bf_doctor *d, const char *bond)
{
	json_t *b;
	size_t i;

	for (i = 0; (b = json_array_get(d->bonds, i)) != NULL; i++)
		if (strcmp(bf_json_text(b, "name"), bond) == 0)
			return bf_json_number(b, "mtu", 0);
	return 0;
}

static void
look_at_mtu(struct bf_doctor *d, const json_t *g)
{
	const json_t *options = json_object_get(g, "options");
	int64_t mtu = bf_json_number(options, "mtu", 0);
	int64_t told = bf_json_number(g, "negotiated_mtu", 0);
	int64_t bond = bond_mtu(d, bf_json_text(g, "uplink"));

	if (told > mtu && mtu > 0)
		bf_report_find(&d->report, BF_FAULT_GUEST_MTU, GUEST(g),
			"its front end says host_mtu=%" PRId64 ", its port has mtu=%" PRId64
			": longer packets are dropped",
			told, mtu);
	if (bond > 0 && mtu > bond)
		bf_report_find(&d->report, BF_FAULT_GUEST_MTU_BOND, GUEST(g),
			"its mtu is %" PRId64 ", that of %s %" PRId64
			": longer packets do not leave",
			mtu, bf_json_text(g, "uplink"), bond);
}

/* The latest of both decides: another front end may have come. */
static bool
has_too_many_queues(const struct bf_doctor *d, const char *guest, const char **text)
{
	bool found = false;
	json_t *e;
	size_t i;

	for (i = 0; (e = json_array_get(d->events, i)) != NULL; i++) {
		const char *what = bf_json_text(e, "what");

		if (strcmp(bf_json_text(e, "object"), guest) != 0)
			continue;
		if (strcmp(what, "guest_queues") == 0) {
			found = true;
			*text = bf_json_text(e, "text");
		} else if (strcmp(what, "guest_down") == 0)
			found = false;
	}
	return found;
}

static void
look_at_queues(struct bf_doctor *d, const json_t *g)
{
	int64_t pairs = bf_json_number(g, "queue_pairs", 0);
	int64_t wanted = bf_json_number(json_object_get(g, "options"), "queues", 0);
	int64_t least = INT64_MAX;
	const char *text = "";
	json_t *ring;
	size_t i;

	if (has_too_many_queues(d, GUEST(g), &text))
		bf_report_find(&d->report, BF_FAULT_GUEST_QUEUES, GUEST(g), "%s", text);
	if (pairs > 0 && pairs < wanted && pairs < d->n_lcores)
		bf_report_find(&d->report, BF_FAULT_GUEST_QUEUES_FEW, GUEST(g),
			"it has %" PRId64 " queue pairs, its port queues=%" PRId64 ", and %" PRId64
			" workers share them",
			pairs, wanted, d->n_lcores);
	for (i = 0; (ring = json_array_get(bf_json_list(g, "rings"), i)) != NULL; i++) {
		int64_t size = bf_json_number(ring, "size", 0);

		least = size > 0 && size < least ? size : least;
	}
	if (least < RING_LEAST)
		bf_report_find(&d->report, BF_FAULT_GUEST_RING_SMALL, GUEST(g),
			"its rings have %" PRId64
			" entries, expected %d at least: bursts are dropped",
			least, RING_LEAST);
}

static void
look_at_state(struct bf_doctor *d, const json_t *g)
{
	if (bf_json_bool(g, "up"))
		return;
	if (bf_json_number(g, "refusals", 0) > 0)
		bf_report_find(&d->report, BF_FAULT_GUEST_REFUSED, GUEST(g),
			"its front end was refused %" PRId64 " times, the last time: %.160s",
			bf_json_number(g, "refusals", 0), bf_json_text(g, "last_refusal"));
	else if (!json_is_object(json_object_get(g, "peer")) && !bf_json_bool(g, "link_held"))
		bf_report_find(&d->report, BF_FAULT_GUEST_ABSENT, GUEST(g),
			"no front end is at %.160s",
			bf_json_text(json_object_get(g, "options"), "socket"));
}

static void
look_at_crossing(struct bf_doctor *d)
{
	json_t *g;
	size_t i;

	if (json_array_size(bf_json_list(d->numa, "nodes")) < 2) {
		bf_report_skip(&d->report, BF_FAULT_GUEST_NODE, "the host has one memory node");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_GUEST_NODE);
	for (i = 0; (g = json_array_get(bf_json_list(d->numa, "guests"), i)) != NULL; i++)
		if (json_array_size(bf_json_list(g, "polled_across_by")) > 0)
			bf_report_find(&d->report, BF_FAULT_GUEST_NODE, GUEST(g),
				"its memory is on node %" PRId64
				", and a worker of another polls it%s%s",
				bf_json_number(g, "memory_node", -1),
				json_object_get(g, "advice") != NULL ? ": " : "",
				bf_json_text(g, "advice"));
}

void
bf_doctor_guests(struct bf_doctor *d)
{
	static const enum bf_fault node[] = {BF_FAULT_GUEST_NODE};
	static const enum bf_fault answers[] = {BF_FAULT_GUEST_ABSENT, BF_FAULT_GUEST_REFUSED,
		BF_FAULT_MEMORY_NOT_SHARED, BF_FAULT_ORDINARY_PAGES, BF_FAULT_GUEST_MTU,
		BF_FAULT_GUEST_MTU_BOND, BF_FAULT_GUEST_QUEUES, BF_FAULT_GUEST_QUEUES_FEW,
		BF_FAULT_GUEST_RING_SMALL};
	json_t *g;
	size_t i;

	if (!bf_doctor_has_answers(d, BF_DOCTOR_LIST(answers))) {
		bf_doctor_has_answers(d, BF_DOCTOR_LIST(node));
		return;
	}
	for (i = 0; (g = json_array_get(d->guests, i)) != NULL; i++) {
		if (bf_json_text(json_object_get(g, "options"), "socket")[0] != '/')
			continue; /* the host's port */
		look_at_state(d, g);
		look_at_sharing(d, g);
		look_at_pages(d, g);
		d->report.bond = bf_json_text(g, "uplink");
		look_at_mtu(d, g);
		d->report.bond = NULL;
		look_at_queues(d, g);
	}
	look_at_crossing(d);
}
