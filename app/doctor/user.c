/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who may do what with a file.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

struct seeking {
	const char *name;
	struct bf_doctor_user *user;
	bool is_found;
};

static void
group_add(struct bf_doctor_user *u, unsigned long gid)
{
	if (u->n_groups < BF_DOCTOR_GROUPS)
		u->groups[u->n_groups++] = (gid_t)gid;
}

/* A column of a line with colons: the first is 0. */
static const char *
column_at(const char *line, unsigned int n)
{
	for (; n > 0 && *line != '\0'; n--) {
		line += strcspn(line, ":");
		line += *line == ':' ? 1 : 0;
	}
	return line;
}

/* NAME:x:UID:GID:... */
static bool
passwd_take(void *arg, const char *line)
{
	struct seeking *s = arg;
	size_t len = strlen(s->name);

	if (strncmp(line, s->name, len) != 0 || line[len] != ':')
		return true;
	s->user->uid = (uid_t)strtoul(column_at(line, 2), NULL, 10);
	group_add(s->user, strtoul(column_at(line, 3), NULL, 10));
	s->is_found = true;
	return false;
}

/* GROUP:x:GID:NAME,NAME */
static bool
group_take(void *arg, const char *line)
{
	struct seeking *s = arg;
	unsigned long gid = strtoul(column_at(line, 2), NULL, 10);
	size_t len = strlen(s->name);

	for (const char *at = column_at(line, 3); *at != '\0';
		at += strcspn(at, ","), at += *at == ',' ? 1 : 0)
		if (strncmp(at, s->name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			group_add(s->user, gid);
	return true;
}

bool
bf_doctor_find_user(const struct bf_doctor *d, const char *name, struct bf_doctor_user *u)
{
	struct seeking s = {.name = name, .user = u};

	memset(u, 0, sizeof(*u));
	snprintf(u->name, sizeof(u->name), "%s", name);
	bf_sysfs_lines(d->root, passwd_take, &s, "/etc/passwd");
	if (s.is_found)
		bf_sysfs_lines(d->root, group_take, &s, "/etc/group");
	return s.is_found;
}

static bool
is_in_group(const struct bf_doctor_user *u, gid_t gid)
{
	for (unsigned int i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return false;
}

bool
bf_doctor_may(const struct bf_doctor *d, const struct bf_doctor_user *u, const char *path, int mode)
{
	char whole[PATH_MAX];
	struct stat st;
	unsigned int bits;

	snprintf(whole, sizeof(whole), "%s%s", d->root, path);
	if (u->uid == 0 || stat(whole, &st) != 0)
		return u->uid == 0;
	bits = st.st_uid == u->uid          ? st.st_mode >> 6
		: is_in_group(u, st.st_gid) ? st.st_mode >> 3
					    : st.st_mode;
	return ((unsigned int)mode & ~bits & 7u) == 0;
}
