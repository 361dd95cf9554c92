/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sockets: who may use them, whether somebody is behind them, and how many files bondfwd may open.
 *
 * Threads: one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define FILES_OWN 64 /* that bondfwd opens without a guest */
#define FILES_GUEST 12 /* connection and memory of one */
#define FILES_PAIR 4 /* eventfds of a queue pair */

static void
folder_of(const char *path, char *buf, size_t size)
{
	const char *end = strrchr(path, '/');

	snprintf(buf, size, "%.*s", end == NULL || end == path ? 1 : (int)(end - path),
		end == NULL ? "." : path);
}

static bool
is_there(const struct bf_doctor *d, const char *path, mode_t type)
{
	char whole[PATH_MAX];
	struct stat st;

	snprintf(whole, sizeof(whole), "%s%s", d->root, path);
	return stat(whole, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* What this user can not look at may be there. */
static bool
is_absent(const struct bf_doctor *d, const char *path, mode_t type)
{
	errno = 0;
	return !is_there(d, path, type) && errno != EACCES;
}

/* ---- the console ---- */

/* The console's socket is where bondctl was told, whatever the root is. */
static void
look_at_console(struct bf_doctor *d)
{
	const char *path = d->opt->socket;
	char folder[256];
	struct stat st;

	if (d->is_denied)
		bf_report_skip(&d->report, BF_FAULT_CONSOLE_DEAD, d->why_not);
	else
		bf_report_check(&d->report, BF_FAULT_CONSOLE_DEAD);
	if (stat(path, &st) != 0) {
		bf_report_skip(&d->report, BF_FAULT_CONSOLE_OPEN, d->why_not);
		return;
	}
	if (!d->answers && !d->is_denied)
		bf_report_find(&d->report, BF_FAULT_CONSOLE_DEAD, path, "%s", d->why_not);
	bf_report_check(&d->report, BF_FAULT_CONSOLE_OPEN);
	if ((st.st_mode & S_IWOTH) != 0)
		bf_report_find(&d->report, BF_FAULT_CONSOLE_OPEN, path,
			"its mode is %04o, expected 0660", st.st_mode & 07777);
	folder_of(path, folder, sizeof(folder));
	if (stat(folder, &st) == 0 && (st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
		bf_report_find(&d->report, BF_FAULT_CONSOLE_OPEN, folder,
			"its mode is %04o, so everybody may put another socket there; expected 0750",
			st.st_mode & 07777);
}

/* ---- guests ---- */

struct listening {
	const char *root, *path;
	bool is_found;
};

/* The kernel says the path by which it was made: /var/run/... and /run/... may be one. */
static bool
is_same_file(const char *root, const char *one, const char *other)
{
	char path[PATH_MAX];
	struct stat a, b;

	if (strcmp(one, other) == 0)
		return true;
	snprintf(path, sizeof(path), "%s%s", root, one);
	if (one[0] != '/' || stat(path, &a) != 0)
		return false;
	snprintf(path, sizeof(path), "%s%s", root, other);
	return stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The rest of a line behind n words. */
static const char *
words_skip(const char *line, unsigned int n)
{
	for (line += strspn(line, " "); n > 0; n--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

/* NUM: REFCOUNT PROTOCOL FLAGS TYPE ST INODE PATH; the flag is the kernel's __SO_ACCEPTCON. */
static bool
unix_take(void *arg, const char *line)
{
	struct listening *l = arg;
	unsigned long flags = strtoul(words_skip(line, 3), NULL, 16);

	l->is_found = (flags & 0x10000) != 0 && is_same_file(l->root, words_skip(line, 7), l->path);
	return !l->is_found;
}

/* Who runs guests: as another one that is connected, else the user of libvirt's machines. */
static bool
find_front_end_user(const struct bf_doctor *d, struct bf_doctor_user *u)
{
	json_t *g;
	size_t i;

	for (i = 0; (g = json_array_get(d->guests, i)) != NULL; i++) {
		json_t *peer = json_object_get(g, "peer");

		if (json_is_object(peer) &&
			bf_doctor_user_of(d, (pid_t)bf_json_number(peer, "pid", 0), u))
			return true;
	}
	return bf_doctor_find_user(d, "libvirt-qemu", u) || bf_doctor_find_user(d, "qemu", u);
}

/* The service makes its own folders when it starts: before, they need not be there. */
static bool
is_of_service(const struct bf_doctor *d, const char *folder)
{
	char own[256];
	size_t len;

	folder_of(d->opt->socket, own, sizeof(own));
	len = strlen(own);
	return !d->answers && strncmp(folder, own, len) == 0 &&
		(folder[len] == '\0' || strcmp(folder + len, "/guests") == 0);
}

static void
look_at_client(struct bf_doctor *d, const char *guest, const char *path)
{
	struct listening l = {.root = d->root, .path = path};
	struct bf_doctor_refusal why;
	struct bf_doctor_user u;
	char folder[256];

	folder_of(path, folder, sizeof(folder));
	if (is_absent(d, folder, S_IFDIR)) {
		if (!is_of_service(d, folder))
			bf_report_find(&d->report, BF_FAULT_SOCKET_FOLDER, folder,
				"%s has its socket there, and the folder does not exist", guest);
		return;
	}
	if (!is_there(d, path, S_IFSOCK)) {
		if (find_front_end_user(d, &u) && !bf_doctor_may(d, &u, folder, W_OK | X_OK, &why))
			bf_report_find(&d->report, BF_FAULT_SOCKET_FOLDER_DENIED, folder,
				"%s has its socket there, and %s %s", guest, u.name, why.text);
		return;
	}
	bf_sysfs_lines(d->root, unix_take, &l, "/proc/net/unix");
	if (!l.is_found)
		bf_report_find(&d->report, BF_FAULT_SOCKET_STALE, path,
			"%s has no front end: one that crashed has left it", guest);
	else if (d->pid != 0 && !bf_doctor_may(d, &d->user, path, W_OK, &why))
		bf_report_find(&d->report, BF_FAULT_SOCKET_DENIED, guest,
			"bondfwd runs as %s, which %s", d->user.name, why.text);
}

static void
look_at_server(struct bf_doctor *d, const char *guest, const char *path)
{
	struct bf_doctor_refusal why;
	struct bf_doctor_user u;

	if (is_there(d, path, S_IFSOCK) && find_front_end_user(d, &u) &&
		!bf_doctor_may(d, &u, path, W_OK, &why))
		bf_report_find(
			&d->report, BF_FAULT_SOCKET_DENIED, guest, "%s %s", u.name, why.text);
}

/* One that is connected needs no advice; a socket that bondfwd makes is not there before bondfwd. */
static void
look_at_guest(struct bf_doctor *d, const json_t *g)
{
	const json_t *options = json_object_get(g, "options");
	const char *path = bf_json_text(options, "socket");

	if (path[0] != '/' || json_is_object(json_object_get(g, "peer")))
		return;
	if (strcmp(bf_json_text(options, "mode"), "server") != 0)
		look_at_client(d, bf_json_text(g, "name"), path);
	else if (d->answers)
		look_at_server(d, bf_json_text(g, "name"), path);
}

static void
look_at_files(struct bf_doctor *d)
{
	static const enum bf_fault process[] = {BF_FAULT_NOFILE};
	uint64_t limit, need = FILES_OWN;
	json_t *g;
	size_t i;

	if (!bf_doctor_has_process(d, BF_DOCTOR_LIST(process)))
		return;
	limit = bf_doctor_limit(d, "Max open files");
	for (i = 0; (g = json_array_get(d->guests, i)) != NULL; i++)
		need += FILES_GUEST +
			FILES_PAIR *
				(uint64_t)bf_json_number(
					json_object_get(g, "options"), "queues", 1);
	if (limit > 0 && limit < need)
		bf_report_find(&d->report, BF_FAULT_NOFILE, "bondfwd",
			"it may open %" PRIu64 " files, expected %" PRIu64
			" at least for %zu guests",
			limit, need, json_array_size(d->guests));
}

/* Where bondfwd does not run, those that its file asks for. Nobody knows then as whom it would run. */
static bool
are_guests_known(struct bf_doctor *d)
{
	static const enum bf_fault planned[] = {
		BF_FAULT_SOCKET_FOLDER, BF_FAULT_SOCKET_FOLDER_DENIED, BF_FAULT_SOCKET_STALE};
	static const enum bf_fault denied[] = {BF_FAULT_SOCKET_DENIED};
	bool are_known = bf_doctor_has_answers(d, BF_DOCTOR_LIST(planned)) ||
		(d->is_planned && !d->is_denied);

	bf_doctor_has_answers(d, BF_DOCTOR_LIST(denied));
	for (size_t i = 0; are_known && i < sizeof(planned) / sizeof(planned[0]); i++)
		bf_report_check(&d->report, planned[i]);
	return are_known;
}

void
bf_doctor_sockets(struct bf_doctor *d)
{
	json_t *guests = d->answers ? d->guests : d->plan_guests, *g;
	size_t i;

	look_at_console(d);
	look_at_files(d);
	if (!are_guests_known(d))
		return;
	for (i = 0; (g = json_array_get(guests, i)) != NULL; i++)
		look_at_guest(d, g);
}
