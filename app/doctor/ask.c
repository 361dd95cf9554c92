/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What bondfwd says of itself, and what the kernel says of its process.
 *
 * Threads: one.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "doctor/doctor.h"
#include "machine/sysfs.h"

/* ---- JSON ---- */

const char *
bf_json_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

int64_t
bf_json_number(const json_t *o, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(o, key);
	const char *text = json_string_value(v);
	char *end;
	int64_t n;

	if (text == NULL)
		return json_is_number(v) ? (int64_t)json_number_value(v) : fallback;
	n = strtoll(text, &end, 0);
	return end != text ? n : fallback;
}

bool
bf_json_bool(const json_t *o, const char *key)
{
	const char *text = bf_json_text(o, key);

	return json_is_true(json_object_get(o, key)) || strcmp(text, "on") == 0;
}

json_t *
bf_json_list(const json_t *o, const char *key)
{
	json_t *list = json_object_get(o, key);

	return json_is_array(list) ? list : NULL; /* NULL is an empty one to jansson */
}

/* ---- the console ---- */

/* An answer; of one row without brackets an array is made. NULL: it was an error */
static json_t *
answer_get(struct bf_doctor *d, const char *line, bool is_array)
{
	struct bf_err err = {""};
	struct bf_answer a;
	json_t *value, *list;

	if (!bf_client_ask(
		    d->opt->socket, line, true, (int64_t)d->opt->timeout_s * 1000, &a, &err)) {
		d->answers = false;
		snprintf(d->why_not, sizeof(d->why_not), "%.90s", err.text);
		return NULL;
	}
	value = a.status == 0 ? json_loadb(a.text, a.len, 0, NULL) : NULL;
	free(a.text);
	if (value == NULL || !is_array || json_is_array(value))
		return value;
	list = json_array();
	json_array_append_new(list, value);
	return list;
}

json_t *
bf_doctor_answer(struct bf_doctor *d, const char *line)
{
	return answer_get(d, line, false);
}

static void
version_ask(struct bf_doctor *d)
{
	json_t *version = answer_get(d, "show version", false);

	snprintf(d->dpdk, sizeof(d->dpdk), "%s", bf_json_text(version, "dpdk"));
	d->n_lcores = bf_json_number(version, "workers", 0);
	json_decref(version);
}

static void
console_ask(struct bf_doctor *d)
{
	struct bf_err err = {""};
	struct ucred who = {0};
	socklen_t size = sizeof(who);
	int fd = bf_client_connect(
		d->opt->socket, bf_client_now_ms() + (int64_t)d->opt->timeout_s * 1000, &err);

	snprintf(d->why_not, sizeof(d->why_not), "%.90s", err.text);
	d->is_denied = fd < 0 && errno == EACCES;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
		d->pid = who.pid;
	(void)close(fd);
	d->answers = true;
	version_ask(d);
	d->bonds = answer_get(d, "show bonding config all", true);
	d->lacp = answer_get(d, "show bonding lacp info all", true);
	d->lldp = d->answers ? answer_get(d, "show lldp", true) : NULL;
	d->ports = d->answers ? answer_get(d, "show port info all", true) : NULL;
	d->modules = d->answers ? answer_get(d, "show port module_eeprom all", true) : NULL;
	d->numa = d->answers ? answer_get(d, "show numa", false) : NULL;
	d->drops = d->answers ? answer_get(d, "show drops", false) : NULL;
	d->pools = d->answers ? answer_get(d, "show mempool", true) : NULL;
	d->guests = d->answers ? answer_get(d, "show guest", true) : NULL;
	d->events = d->answers ? answer_get(d, "show events", true) : NULL;
}

/* ---- the process ---- */

struct field {
	const char *name;
	size_t len;
	char *buf;
	size_t size;
	bool is_found;
};

static bool
field_take(void *arg, const char *line)
{
	struct field *f = arg;
	const char *at = line + f->len;

	if (strncmp(line, f->name, f->len) != 0 || (*at != ':' && *at != ' ' && *at != '\t'))
		return true;
	at += strspn(at, ": \t");
	snprintf(f->buf, f->size, "%s", at);
	f->is_found = true;
	return false;
}

bool
bf_doctor_field(
	const struct bf_doctor *d, const char *path, const char *name, char *buf, size_t size)
{
	struct field f = {.name = name, .len = strlen(name), .buf = buf, .size = size};

	buf[0] = '\0';
	bf_sysfs_lines(d->root, field_take, &f, "%s", path);
	return f.is_found;
}

uint64_t
bf_doctor_limit(const struct bf_doctor *d, const char *name)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)d->pid);
	if (!bf_doctor_field(d, path, name, text, sizeof(text)))
		return 0;
	return strncmp(text, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

static bool
worker_take(void *arg, const char *tid)
{
	static const char *const names[] = {
		"rte-worker-", "lcore-worker-", "dpdk-worker", "dpdk-w"};
	struct bf_doctor *d = arg;
	char comm[64], path[128], cpus[1024];
	struct bf_doctor_worker *w = &d->workers[d->n_workers];

	bf_sysfs_text(d->root, comm, sizeof(comm), "/proc/%d/task/%.16s/comm", (int)d->pid, tid);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(comm, names[i], len) != 0 || !isdigit((unsigned char)comm[len]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/status", (int)d->pid, tid);
		memset(w, 0, sizeof(*w));
		w->lcore = (unsigned int)strtoul(comm + len, NULL, 10);
		if (bf_doctor_field(d, path, "Cpus_allowed_list", cpus, sizeof(cpus)) &&
			bf_cpuset_parse(&w->cpus, cpus) == 0)
			d->n_workers++;
		break;
	}
	return d->n_workers < BF_DOCTOR_WORKERS;
}

/* The effective one of the numbers in a line of /proc/PID/status: "1000 1000 1000 1000". */
static bool
effective_id(const struct bf_doctor *d, const char *path, const char *name, unsigned long *id)
{
	char text[128], *at, *end;

	if (!bf_doctor_field(d, path, name, text, sizeof(text)))
		return false;
	(void)strtoul(text, &at, 10);
	*id = strtoul(at, &end, 10);
	return end != at;
}

bool
bf_doctor_user_of(const struct bf_doctor *d, pid_t pid, struct bf_doctor_user *u)
{
	char path[64], text[1024], *at = text;
	unsigned long gid, uid;

	memset(u, 0, sizeof(*u));
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!effective_id(d, path, "Uid", &uid))
		return false;
	u->uid = (uid_t)uid;
	snprintf(u->name, sizeof(u->name), "user %lu", uid);
	if (effective_id(d, path, "Gid", &gid))
		u->groups[u->n_groups++] = (gid_t)gid;
	bf_doctor_field(d, path, "Groups", text, sizeof(text));
	while (u->n_groups < BF_DOCTOR_GROUPS && isdigit((unsigned char)*at)) {
		u->groups[u->n_groups++] = (gid_t)strtoul(at, &at, 10);
		at += strspn(at, " ");
	}
	return true;
}

/* A path of the process' own words, which is relative to where it was started. */
static void
config_take_path(struct bf_doctor *d, const char *path)
{
	char cwd[PATH_MAX], to[PATH_MAX];
	ssize_t len = -1;

	snprintf(cwd, sizeof(cwd), "%s/proc/%d/cwd", d->root, (int)d->pid);
	if (path[0] != '/')
		len = readlink(cwd, to, sizeof(to) - 1);
	to[len > 0 ? len : 0] = '\0';
	if (strlen(to) + strlen(path) + 2 <= sizeof(d->config))
		snprintf(d->config, sizeof(d->config), "%s%s%s", to, len > 0 ? "/" : "", path);
}

/* The file of the service, where nothing says which one. */
static void
config_default(struct bf_doctor *d)
{
	bf_doctor_service_config(d, d->config, sizeof(d->config));
	if (access(d->config, R_OK) != 0)
		d->config[0] = '\0';
}

void
bf_doctor_ask(struct bf_doctor *d)
{
	const char *path;

	console_ask(d);
	if (!d->answers && d->config[0] == '\0')
		config_default(d);
	if (d->pid != 0 && !bf_doctor_user_of(d, d->pid, &d->user))
		d->pid = 0;
	bf_doctor_words_read(d);
	if (d->pid == 0)
		return;
	bf_sysfs_entries(d->root, worker_take, d, "/proc/%d/task", (int)d->pid);
	path = bf_doctor_words_config(d);
	if (d->config[0] == '\0' && path != NULL)
		config_take_path(d, path);
}

/* ---- members ---- */

static bool
is_pci(const char *name)
{
	static const char form[] = "xxxx:xx:xx.x";

	if (strlen(name) != strlen(form))
		return false;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == 'x' ? isxdigit((unsigned char)name[i]) == 0 : name[i] != form[i])
			return false;
	return true;
}

static void
member_add(struct bf_doctor *d, const char *name, const char *bond, bool is_missing)
{
	struct bf_doctor_member *m = &d->members[d->n_members];

	if (!is_pci(name) || d->n_members == BF_DOCTOR_MEMBERS)
		return;
	for (unsigned int i = 0; i < d->n_members; i++)
		if (strcmp(d->members[i].name, name) == 0)
			return;
	snprintf(m->name, sizeof(m->name), "%.12s", name);
	snprintf(m->bond, sizeof(m->bond), "%.31s", bond);
	m->is_missing = is_missing;
	m->nic = bf_nics_find(&d->nics, name);
	d->n_members++;
}

void
bf_doctor_find_members(struct bf_doctor *d)
{
	json_t *bonds, *bond, *m;
	bool are_unknown;
	size_t i, k;

	if (!d->answers)
		bf_doctor_plan_read(d);
	bonds = d->answers ? d->bonds : d->plan_bonds;
	for (i = 0; (bond = json_array_get(bonds, i)) != NULL; i++)
		for (k = 0; (m = json_array_get(bf_json_list(bond, "member_details"), k)) != NULL;
			k++)
			member_add(d, bf_json_text(m, "name"), bf_json_text(bond, "name"),
				bf_json_bool(m, "missing"));
	are_unknown = json_array_size(bonds) == 0 && !d->answers;
	for (unsigned int n = 0; are_unknown && n < d->nics.n; n++)
		if (d->nics.at[n].state == BF_NIC_READY)
			member_add(d, d->nics.at[n].name, "", false);
}
