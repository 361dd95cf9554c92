/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who may do what with a file.
 *
 * As the kernel decides it for a user without privileges: the right to pass each folder above, and of the file its
 * POSIX ACL or, without one, its mode.  The folders are those of the path as it is written: what is above the target of
 * a link is not looked at.  In doubt nothing is claimed.
 *
 * Threads: one.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
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

/* ---- access ---- */

/* system.posix_acl_access: a version, then entries; all in little endian. */
#define ACL_NAME "system.posix_acl_access"
#define ACL_VERSION 2
#define ACL_ENTRIES 512

enum acl_tag {
	ACL_OWNER = 0x01,
	ACL_USER = 0x02,
	ACL_OWNING_GROUP = 0x04,
	ACL_GROUP = 0x08,
	ACL_MASK = 0x10,
	ACL_OTHER = 0x20,
};

struct acl {
	uint32_t version;
	struct acl_entry {
		uint16_t tag, perm;
		uint32_t id;
	} at[ACL_ENTRIES];
};

/* What a user asks for. */
struct wish {
	const struct bf_doctor_user *user;
	unsigned int mode;
};

static bool
entry_allows(const struct acl_entry *e, unsigned int mode)
{
	return (mode & ~(unsigned int)le16toh(e->perm) & 7u) == 0;
}

/* The entry that decides, as acl(5) has it: owner, named user, groups, others. NULL: the ACL is not complete */
static const struct acl_entry *
entry_find(const struct acl *a, size_t n, const struct stat *st, const struct wish *w)
{
	const struct acl_entry *user = NULL, *group = NULL, *other = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct acl_entry *e = &a->at[i];
		unsigned int tag = le16toh(e->tag);
		gid_t gid = tag == ACL_OWNING_GROUP ? st->st_gid : (gid_t)le32toh(e->id);

		if (tag == ACL_OWNER && st->st_uid == w->user->uid)
			return e;
		if (tag == ACL_USER && le32toh(e->id) == w->user->uid)
			user = e;
		if ((tag == ACL_OWNING_GROUP || tag == ACL_GROUP) && is_in_group(w->user, gid) &&
			(group == NULL || entry_allows(e, w->mode)))
			group = e; /* one that gives all is enough */
		if (tag == ACL_OTHER)
			other = e;
	}
	return user != NULL ? user : group != NULL ? group : other;
}

/* Of all entries but the owner's and the others' the mask leaves only its own bits. */
static bool
acl_allows(const struct acl *a, size_t n, const struct stat *st, const struct wish *w)
{
	const struct acl_entry *e = entry_find(a, n, st, w);
	unsigned int tag = e == NULL ? ACL_OTHER : le16toh(e->tag);

	if (e == NULL || !entry_allows(e, w->mode))
		return e == NULL;
	for (size_t i = 0; i < n && tag != ACL_OWNER && tag != ACL_OTHER; i++)
		if (le16toh(a->at[i].tag) == ACL_MASK && !entry_allows(&a->at[i], w->mode))
			return false;
	return true;
}

static bool
bits_allow(const struct stat *st, const struct wish *w)
{
	unsigned int bits = st->st_uid == w->user->uid ? st->st_mode >> 6
		: is_in_group(w->user, st->st_gid)     ? st->st_mode >> 3
						       : st->st_mode;

	return (w->mode & ~bits & 7u) == 0;
}

/* A file by itself. What this user can not look at, and an ACL that is not understood, may allow it. */
static bool
file_allows(const char *path, const struct wish *w)
{
	struct acl acl;
	struct stat st;
	ssize_t len;

	if (stat(path, &st) != 0)
		return errno != ENOENT && errno != ENOTDIR;
	len = getxattr(path, ACL_NAME, &acl, sizeof(acl));
	if (len < 0 && (errno == ENODATA || errno == ENOTSUP))
		return bits_allow(&st, w);
	if (len < (ssize_t)sizeof(acl.version) || le32toh(acl.version) != ACL_VERSION)
		return true;
	return acl_allows(&acl, ((size_t)len - sizeof(acl.version)) / sizeof(acl.at[0]), &st, w);
}

/* Each folder above the path, from the top on, needs the right to pass. @return false: and @p path ends there */
static bool
folders_allow(char *path, size_t root_len, const struct bf_doctor_user *u)
{
	const struct wish pass = {u, X_OK};
	char *end = path + root_len;

	while (*end != '\0' && (end = strchr(end + 1, '/')) != NULL) {
		*end = '\0';
		if (!file_allows(path, &pass))
			return false;
		*end = '/';
	}
	return true;
}

static const char *
mode_word(int mode)
{
	return mode == (R_OK | W_OK) ? "open" : "write to";
}

bool
bf_doctor_may(const struct bf_doctor *d, const struct bf_doctor_user *u, const char *path, int mode,
	struct bf_doctor_refusal *why)
{
	const struct wish wish = {u, (unsigned int)mode};
	size_t root_len = strlen(d->root);
	char whole[PATH_MAX];

	why->text[0] = '\0';
	if (u->uid == 0)
		return true;
	snprintf(whole, sizeof(whole), "%s%s", d->root, path);
	if (!folders_allow(whole, root_len, u))
		snprintf(why->text, sizeof(why->text), "may not pass %.200s", whole + root_len);
	else if (!file_allows(whole, &wish))
		snprintf(why->text, sizeof(why->text), "may not %s %.200s", mode_word(mode), path);
	return why->text[0] == '\0';
}
