/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rest of the host: the program, and what a crash of it would leave.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

/* ---- the program ---- */

static void
look_at_program(struct bf_doctor *d)
{
	static const enum bf_fault process[] = {BF_FAULT_PROGRAM_REPLACED};
	char path[PATH_MAX], target[512];
	static const char deleted[] = " (deleted)";
	ssize_t len;

	if (!bf_doctor_has_process(d, BF_DOCTOR_LIST(process)))
		return;
	snprintf(path, sizeof(path), "%s/proc/%d/exe", d->root, (int)d->pid);
	len = readlink(path, target, sizeof(target) - 1);
	if (len <= (ssize_t)strlen(deleted))
		return;
	target[len] = '\0';
	if (strcmp(target + len - strlen(deleted), deleted) == 0)
		bf_report_find(&d->report, BF_FAULT_PROGRAM_REPLACED, "bondfwd",
			"process %d runs %s", (int)d->pid, target);
}

/* ---- what a crash leaves ---- */

#define CORE_PATTERN "/proc/sys/kernel/core_pattern"
#define FILTER_HUGE_SHARED 0x40 /* of core(5): huge pages that are shared, where frames are */

/* Does it go through a program, or into a folder, that is not there? */
static bool
is_lost(const struct bf_doctor *d, const char *pattern)
{
	const char *path = pattern[0] == '|' ? pattern + 1 : pattern;
	size_t len = strcspn(path, pattern[0] == '|' ? " " : "%");

	while (pattern[0] == '/' && len > 1 && path[len - 1] != '/')
		len--; /* its folder */
	if (pattern[0] == '\0') /* then it names none */
		return bf_sysfs_has(d->root, CORE_PATTERN) &&
			bf_sysfs_number(d->root, 0, "/proc/sys/kernel/core_uses_pid") == 0;
	return path[0] == '/' && !bf_sysfs_has(d->root, "%.*s", (int)len, path);
}

/* A program that gets cores gets them outside of a container. */
static bool
is_container(const struct bf_doctor *d)
{
	return bf_sysfs_has(d->root, "/.dockerenv") ||
		bf_sysfs_has(d->root, "/run/secrets/kubernetes.io") ||
		bf_sysfs_has(d->root, "/run/.containerenv") ||
		bf_sysfs_has(d->root, "/run/systemd/container");
}

static void
look_at_core(struct bf_doctor *d)
{
	static const enum bf_fault process[] = {BF_FAULT_CORE_LARGE, BF_FAULT_CORE_NOWHERE};
	char pattern[256], path[64], text[64];

	if (!bf_doctor_has_process(d, BF_DOCTOR_LIST(process)))
		return;
	bf_sysfs_text(d->root, pattern, sizeof(pattern), CORE_PATTERN);
	if (pattern[0] != '|' && bf_doctor_limit(d, "Max core file size") == 0)
		return; /* none is written */
	snprintf(path, sizeof(path), "/proc/%d/coredump_filter", (int)d->pid);
	bf_sysfs_text(d->root, text, sizeof(text), "%s", path);
	if ((strtoul(text, NULL, 16) & FILTER_HUGE_SHARED) != 0)
		bf_report_find(&d->report, BF_FAULT_CORE_LARGE, "bondfwd",
			"%s is 0x%lx, expected it without 0x%x", path, strtoul(text, NULL, 16),
			FILTER_HUGE_SHARED);
	if (is_lost(d, pattern) && !is_container(d))
		bf_report_find(&d->report, BF_FAULT_CORE_NOWHERE, "host",
			"kernel.core_pattern is \"%.80s\", %s", pattern,
			pattern[0] == '\0' ? "expected a name" : "which is not there");
}

void
bf_doctor_host(struct bf_doctor *d)
{
	bf_doctor_dpdk(d);
	look_at_program(d);
	look_at_core(d);
	bf_doctor_denials(d);
}
