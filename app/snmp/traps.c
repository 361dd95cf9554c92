/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Traps: which events are told to whoever watches by SNMP, and with which variables.
 *
 * Theory of operation.  Whoever sends traps (bondfwd-traps) asks for those after the last event that it has seen, and
 * is told the number of the newest one.  The journal keeps 1024 events, so it may ask seldom.  It sees by the uptime
 * that bondfwd was started again, and then begins with the first event.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "snmp/mibs.h"

#define LINK_DOWN "1.3.6.1.6.3.1.1.5.3"
#define LINK_UP "1.3.6.1.6.3.1.1.5.4"
#define BOND_STATE BF_SNMP_OWN ".0.1"
#define LACP_CHANGE BF_SNMP_OWN ".0.2"
#define EVENT_TEXT BF_SNMP_OWN ".1.4.1.0"
#define DISTRIBUTING BF_SNMP_OWN ".1.4.2.0"

#define IF_ENTRY BF_SNMP_INTERFACES ".2.1"
#define IFX_ENTRY BF_SNMP_IF_MIB ".1.1.1"
#define BOND_ENTRY BF_SNMP_OWN ".1.2.1"
#define MEMBER_ENTRY BF_SNMP_OWN ".1.3.1"

/** How a walk through the journal goes. */
struct walk {
	struct bf_snmp_writer w;
	const struct bf_snmp_ports *ports;
	uint64_t after;
	char down[BF_MAX_BONDS][64]; /* bonds that are down at this event */
};

typedef void trap_fn(struct walk *k, const struct bf_event *e);

static void
trap_begin(const struct walk *k, const struct bf_event *e, const char *trap)
{
	struct bf_out *out = k->w.out;

	bf_out_printf(out, "trap %" PRIu64 " %s\n", e->seq, trap);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "seq", e->seq);
	bf_out_str(out, "trap", trap);
	bf_snmp_begin(&k->w, "variables");
}

static void
trap_end(const struct walk *k, const struct bf_event *e)
{
	bf_snmp_put(&k->w, EVENT_TEXT, BF_SNMP_TEXT, e->text);
	bf_snmp_end(&k->w);
	bf_out_obj_end(k->w.out);
}

static void
put_number(const struct walk *k, const char *column, uint32_t index, uint64_t value)
{
	char oid[BF_SNMP_OID_SIZE];

	snprintf(oid, sizeof(oid), "%s.%" PRIu32, column, index);
	bf_snmp_put(&k->w, oid, BF_SNMP_INTEGER, &value);
}

static void
put_text(const struct walk *k, const char *column, uint32_t index, const char *text)
{
	char oid[BF_SNMP_OID_SIZE];

	snprintf(oid, sizeof(oid), "%s.%" PRIu32, column, index);
	bf_snmp_put(&k->w, oid, BF_SNMP_TEXT, text);
}

static void
link_trap(struct walk *k, const struct bf_event *e, bool is_up)
{
	const struct bf_snmp_port *p = bf_snmp_port_find(k->ports, e->object);
	uint32_t index = bf_snmp_index(k->ports, e->object);

	trap_begin(k, e, is_up ? LINK_UP : LINK_DOWN);
	put_number(k, IF_ENTRY ".1", index, index);
	put_number(k, IF_ENTRY ".7", index, p != NULL && p->is_off ? 2 : 1);
	put_number(k, IF_ENTRY ".8", index, is_up ? 1 : 2);
	put_text(k, IFX_ENTRY ".1", index, e->object);
	trap_end(k, e);
}

static void
up_trap(struct walk *k, const struct bf_event *e)
{
	link_trap(k, e, true);
}

static void
down_trap(struct walk *k, const struct bf_event *e)
{
	link_trap(k, e, false);
}

/* The note that a bond is down, or a free one; NULL when all are taken by bonds that are gone. */
static char *
down_note(struct walk *k, const char *bond, bool *is_down)
{
	char *free_note = NULL;

	for (unsigned int i = 0; i < BF_MAX_BONDS; i++) {
		*is_down = strcmp(k->down[i], bond) == 0;
		if (*is_down)
			return k->down[i];
		if (k->down[i][0] == '\0')
			free_note = k->down[i];
	}
	return free_note;
}

/* Number of the state that the event's text begins with, as bondfwdBondState has it; -1: none. */
static int
state_in(const char *text)
{
	size_t len = strcspn(text, ":");

	for (int s = BF_BOND_REDUNDANT; s < BF_BOND_STATE_COUNT; s++)
		if (strlen(bf_bond_state_names[s]) == len &&
			strncmp(bf_bond_state_names[s], text, len) == 0)
			return (int)BF_BOND_DOWN - s;
	return -1;
}

/* The bond is a port, too: its link is lost with its last member, and is back with the first. */
static void
bond_trap(struct walk *k, const struct bf_event *e)
{
	uint32_t index = bf_snmp_index(k->ports, e->object);
	int state = state_in(e->text);
	bool was_down;
	char *note = down_note(k, e->object, &was_down);

	if (state < 0)
		return;
	if (note != NULL)
		snprintf(note, sizeof(k->down[0]), "%s", state == 0 ? e->object : "");
	if (e->seq <= k->after)
		return;
	trap_begin(k, e, BOND_STATE);
	put_text(k, BOND_ENTRY ".2", index, e->object);
	put_number(k, BOND_ENTRY ".4", index, (uint64_t)state);
	trap_end(k, e);
	if ((state == 0) != was_down)
		link_trap(k, e, state != 0);
}

static void
lacp_trap(struct walk *k, const struct bf_event *e)
{
	uint32_t index = bf_snmp_index(k->ports, e->object);
	uint64_t distributes = strcmp(e->what, "distributing") == 0 ? 1 : 2;

	if (distributes == 2 && e->level > BF_LOG_WARNING) /* it waits for a moment on its way up */
		return;
	trap_begin(k, e, LACP_CHANGE);
	put_text(k, MEMBER_ENTRY ".2", index, e->object);
	bf_snmp_put(&k->w, DISTRIBUTING, BF_SNMP_INTEGER, &distributes);
	trap_end(k, e);
}

/* What is told of, and how; `always`: also what was before is looked at. */
static const struct {
	const char *what;
	trap_fn *tell;
	bool always;
} told[] = {
	{"member_up", up_trap, false},
	{"member_down", down_trap, false},
	{"guest_up", up_trap, false},
	{"guest_down", down_trap, false},
	{"bond_state", bond_trap, true},
	{"distributing", lacp_trap, false},
	{"not-distributing", lacp_trap, false},
};

static void
tell_event(void *arg, const struct bf_event *e)
{
	struct walk *k = arg;

	for (unsigned int i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(told[i].what, e->what) == 0 && (told[i].always || e->seq > k->after))
			told[i].tell(k, e);
}

int
bf_snmp_traps(struct bf_out *out, struct bf_bridge *br, uint64_t after)
{
	struct walk k = {.w = {.out = out}, .after = after};
	uint64_t uptime_ms = bf_clock_ms() - br->started_ms, newest = br->events.next_seq;
	struct bf_snmp_ports ports = {.list = NULL};

	/* Most often nothing is new, and then nothing is gathered. */
	if (newest > after && bf_snmp_ports_gather(br, &ports) != 0)
		return -ENOMEM;
	k.ports = &ports;
	bf_out_printf(out, "newest %" PRIu64 " uptime %" PRIu64 "\n", newest, uptime_ms);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "newest", newest);
	bf_out_u64(out, "uptime_ms", uptime_ms);
	bf_out_arr_begin(out, "traps");
	if (newest > after)
		bf_events_visit(&br->events, tell_event, &k);
	bf_out_arr_end(out);
	bf_out_obj_end(out);
	bf_snmp_ports_release(&ports);
	return 0;
}
