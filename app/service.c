/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/supervisor.h"
#include "control/loop/task.h"

#define LOOK_MS 1000

static struct {
	uint64_t watchdog_ms; /* 0: none is asked for */
	uint64_t next_ms, fed_ms;
	bool is_ready, told_ready;
	char told[512]; /* the status that the manager has */
} service;

void
bf_service_open(void)
{
	memset(&service, 0, sizeof(service));
	if (bf_supervisor_open())
		service.watchdog_ms = bf_supervisor_watchdog_ms();
}

void
bf_service_close(void)
{
	bf_supervisor_close();
}

void
bf_service_starting(void)
{
	bf_supervisor_say("STATUS=starting");
}

void
bf_service_ready(void)
{
	service.is_ready = true;
}

void
bf_service_reload_begin(void)
{
	bf_supervisor_say("RELOADING=1\nMONOTONIC_USEC=%" PRIu64
			  "\nSTATUS=loading the configuration",
		bf_clock_ns() / 1000);
}

void
bf_service_reload_end(void)
{
	service.told_ready = false;
	service.told[0] = '\0';
	service.next_ms = 0;
}

void
bf_service_stopping(const char *why)
{
	bf_supervisor_say("STOPPING=1\nSTATUS=%.400s", why != NULL ? why : "stopping");
}

static unsigned int
count_usable(const struct bf_bond *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n_members; i++)
		n += b->members[i].usable;
	return n;
}

/* A sentence for people: bond0: 2 of 2 members up; 3 of 4 guests connected */
static void
status_write(const struct bf_bridge *br, char *buf, size_t size)
{
	unsigned int n_guests = 0, n_connected = 0;
	size_t len = 0;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_uplink *u = &br->up[k];

		if (u->name[0] != '\0' && len < size)
			len += (size_t)snprintf(&buf[len], size - len,
				"%s: %u of %" PRIu32 " members up; ", u->name,
				count_usable(&u->bond), u->bond.n_members + u->missing.n);
	}
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL) {
			n_guests++;
			n_connected += br->guests[s]->up;
		}
	if (len < size)
		snprintf(&buf[len], size - len, "%u of %u guests connected", n_connected, n_guests);
}

/* Every worker has made a turn since then, as the switch's own watchdog has seen. */
static bool
all_made_a_turn(const struct bf_bridge *br, uint64_t since_ms)
{
	for (unsigned int i = 0; i < br->lcores.n; i++)
		if (br->watchdog.worker[i].since_ms <= since_ms)
			return false;
	return true;
}

static void
watchdog_feed(const struct bf_bridge *br, uint64_t now_ms)
{
	if (service.watchdog_ms != 0 && all_made_a_turn(br, service.fed_ms) &&
		bf_supervisor_say("WATCHDOG=1"))
		service.fed_ms = now_ms;
}

uint64_t
bf_service_tick(const struct bf_bridge *br, uint64_t now_ms)
{
	uint64_t look_ms = service.watchdog_ms == 0 || service.watchdog_ms / 4 > LOOK_MS
		? LOOK_MS
		: service.watchdog_ms / 4 + 1;
	char status[sizeof(service.told)] = "";

	if (!bf_supervisor_is_open() || !service.is_ready)
		return BF_TASK_NEVER;
	if (now_ms < service.next_ms)
		return service.next_ms;
	service.next_ms = now_ms + look_ms;
	status_write(br, status, sizeof(status));
	if (!service.told_ready)
		service.told_ready = bf_supervisor_say("READY=1");
	if (strcmp(status, service.told) != 0 && bf_supervisor_say("STATUS=%s", status))
		memcpy(service.told, status, sizeof(status));
	watchdog_feed(br, now_ms);
	return service.next_ms;
}
