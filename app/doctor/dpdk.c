/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DPDK: which release bondfwd has, and which of its known holes concern a member.
 *
 * Theory of operation.  bondfwd tells its release and the drivers of its ports.  If it does not run, the program
 * bondfwd tells the release that it would load; on another host's copy only the list of packages does.  The members
 * are then those of the configuration file, and the driver of a card follows from its numbers on PCI.
 *
 * Threads: one.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"
#include "doctor/holes.h"
#include "machine/sysfs.h"

/* ---- the release ---- */

/* Of "bondfwd 0.1.0, DPDK 22.11.11". */
static void
program_ask(struct bf_doctor *d)
{
	char program[PATH_MAX], *line = NULL, *at;
	const char *args[] = {program, "--version", NULL};
	size_t size = 0;
	pid_t pid;
	FILE *f;

	if (!bf_doctor_program_find(program, sizeof(program)))
		return;
	f = bf_doctor_program_start(args, &pid);
	if (f == NULL)
		return;
	at = getline(&line, &size, f) > 0 ? strstr(line, "DPDK ") : NULL;
	if (at != NULL)
		snprintf(d->dpdk, sizeof(d->dpdk), "%.*s", (int)strcspn(at, "\n"), at);
	free(line);
	(void)bf_doctor_program_end(f, pid);
}

struct package {
	struct bf_doctor *d;
	bool is_it;
};

/* "Package: librte-eal23", then its "Status: install ok installed", then its "Version: 22.11.11-0+deb12u1". */
static bool
package_take(void *arg, const char *line)
{
	static const char package[] = "Package: ", name[] = "Package: librte-eal",
			  status[] = "Status: ", version[] = "Version: ";
	struct package *p = arg;

	if (strncmp(line, package, strlen(package)) == 0)
		p->is_it = strncmp(line, name, strlen(name)) == 0;
	else if (strncmp(line, status, strlen(status)) == 0)
		p->is_it = p->is_it && strstr(line, " installed") != NULL;
	if (!p->is_it || strncmp(line, version, strlen(version)) != 0)
		return true;
	snprintf(p->d->dpdk, sizeof(p->d->dpdk), "DPDK %s", line + strlen(version));
	return false;
}

static void
release_find(struct bf_doctor *d)
{
	struct package p = {.d = d};

	if (!d->answers && d->root[0] == '\0')
		program_ask(d);
	if (!d->answers && d->dpdk[0] == '\0')
		bf_sysfs_lines(d->root, package_take, &p, "/var/lib/dpkg/status");
}

/* ---- members ---- */

/* DPDK's name of a port's driver, as bondfwd says it; "" it does not. */
static const char *
driver_of(const struct bf_doctor *d, const char *name)
{
	json_t *port;
	size_t i;

	for (i = 0; (port = json_array_get(d->ports, i)) != NULL; i++)
		if (strcmp(bf_json_text(port, "name"), name) == 0)
			return bf_json_text(port, "driver");
	return "";
}

static bool
is_of(const struct bf_hole *hole, const char *driver)
{
	return strncmp(driver, hole->driver, strlen(hole->driver)) == 0;
}

/* A device of --vdev is named after its driver. */
static bool
is_concerned(const struct bf_doctor *d, const struct bf_hole *hole, const char *name)
{
	const char *driver = driver_of(d, name);
	const struct bf_nic *nic = bf_nics_find(&d->nics, name);

	if (driver[0] != '\0')
		return is_of(hole, driver);
	return nic != NULL ? bf_hole_has_card(hole, nic->vendor, nic->device) : is_of(hole, name);
}

/* The first member that the hole concerns, or NULL. */
static const char *
concerned_find(const struct bf_doctor *d, const struct bf_hole *hole)
{
	json_t *bonds = d->answers ? d->bonds : d->plan_bonds, *bond, *m;
	size_t i, k;

	for (i = 0; (bond = json_array_get(bonds, i)) != NULL; i++)
		for (k = 0; (m = json_array_get(bf_json_list(bond, "member_details"), k)) != NULL;
			k++)
			if (is_concerned(d, hole, bf_json_text(m, "name")))
				return bf_json_text(m, "name");
	for (i = 0; i < d->n_members; i++)
		if (is_concerned(d, hole, d->members[i].name))
			return d->members[i].name;
	return NULL;
}

void
bf_doctor_dpdk(struct bf_doctor *d)
{
	const struct bf_hole *hole;
	const char *member;
	char fixed[32];

	release_find(d);
	if (d->dpdk[0] == '\0') {
		bf_report_skip(&d->report, BF_FAULT_DPDK_HOLE, "nobody says which DPDK it is");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_DPDK_HOLE);
	for (unsigned int i = 0; (hole = bf_hole_at(i)) != NULL; i++) {
		member = concerned_find(d, hole);
		if (member != NULL && bf_hole_is_in(hole, d->dpdk, fixed, sizeof(fixed)))
			bf_report_find(&d->report, BF_FAULT_DPDK_HOLE, d->dpdk,
				"%s of %s, which %s uses: %s; expected %s or later", hole->name,
				hole->driver, member, hole->what, fixed);
	}
}
