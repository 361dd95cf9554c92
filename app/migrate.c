/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See migrate.h.
 *
 * Threads: ctx control.
 */
#include "migrate.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/parse.h"
#include "control/guests/offer.h"

#define FILE_MAX (16 << 20) /* bytes: 1023 guests in full are some 4 MiB */

/** Who is judged, one guest after the other. */
struct judging {
	struct bf_app *app;
	bf_migrate_cb *cb;
	void *arg;
	uint32_t n; /* guests so far */
};

/* Keys that differ from host to host, and do not matter to the guest. */
static bool
is_of_host(const struct bf_key *k)
{
	static const char *const names[] = {"socket", "mode", "group", "profile", "uplink", "mbufs",
		"label", "tx_retries", "features"};

	for (size_t i = 0; i < RTE_DIM(names); i++)
		if (strcmp(k->name, names[i]) == 0)
			return true;
	return (k->flags & BF_KEY_IDENTITY) != 0;
}

static void
differences_note(struct bf_migration *m, const struct bf_guest_config *here,
	const struct bf_guest_config *there)
{
	char a[BF_KEY_TEXT_MAX], b[BF_KEY_TEXT_MAX];

	for (unsigned int i = 0; i < bf_n_guest_keys && m->n_differences < BF_MIGRATE_DIFFERENCES;
		i++) {
		const struct bf_key *k = &bf_guest_keys[i];

		if (is_of_host(k) || bf_key_is_equal(k, here, there))
			continue;
		bf_key_print(k, here, a, sizeof(a));
		bf_key_print(k, there, b, sizeof(b));
		snprintf(m->difference[m->n_differences++], BF_MIGRATE_TEXT_MAX,
			"%s is %.90s here and %.90s there", k->name, a, b);
	}
}

/* What the other host offers, to a front end that has a device model. */
static void
guest_judge(struct judging *j, const struct bf_guest_config *there, uint64_t features,
	uint64_t protocol)
{
	const struct bf_guest_config *here = bf_config_find_guest(j->app->br->running, there->name);
	const struct bf_negotiated *n = bf_negotiated_find(&j->app->br->negotiated, there->name);
	struct bf_vhost_offer o = bf_guest_offer(there);
	struct bf_migration m = {.guest = there->name, .is_known = n != NULL};

	if (here == NULL || here->host)
		return;
	j->n++;
	if (there->host)
		bf_err_set(&m.why, EPERM, "it is a host port there");
	else if (n != NULL)
		(void)bf_negotiated_lacks_offer(n, features | (n->solo ? o.solo_features : 0),
			protocol | (n->solo ? o.solo_protocol : 0), there->queues, &m.why);
	differences_note(&m, here, there);
	j->cb(j->arg, &m);
}

/* A row of `show guest`; words of other versions are passed over. */
static int
row_judge(struct judging *j, const json_t *row, const char *path, struct bf_err *err)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *offered = json_string_value(json_object_get(row, "offered_features"));
	const char *protocol = json_string_value(json_object_get(row, "offered_protocol_features"));
	const json_t *options = json_object_get(row, "options");
	uint64_t f = 0, p = 0;
	struct bf_guest_config there;
	const char *key;
	json_t *value;

	bf_guest_config_init(&there);
	if (name == NULL || bf_guest_config_set(&there, "name", name, err) != 0)
		return bf_err_set(err, EINVAL, "\"%.120s\": expected guests with a name", path);
	if (offered == NULL || protocol == NULL || !json_is_object(options))
		return bf_err_set(err, EINVAL,
			"\"%.120s\": guest %s: expected offered_features, offered_protocol_features and options, "
			"as in bondctl -j show guest",
			path, name);
	if (bf_parse_u64("offered_features", offered, 0, UINT64_MAX, &f, err) != 0 ||
		bf_parse_u64("offered_protocol_features", protocol, 0, UINT64_MAX, &p, err) != 0)
		return -EINVAL;
	json_object_foreach((json_t *)(uintptr_t)options, key, value)
	{
		if (json_is_string(value))
			(void)bf_guest_config_set(&there, key, json_string_value(value), NULL);
	}
	guest_judge(j, &there, f, p);
	return 0;
}

static int
rows_judge(struct judging *j, const char *path, struct bf_err *err)
{
	json_error_t fault;
	json_t *all = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);
	size_t n = json_is_array(all) ? json_array_size(all) : 1;
	int ret = 0;

	if (all == NULL)
		return bf_err_set(
			err, EINVAL, "\"%.120s\": line %d: %s", path, fault.line, fault.text);
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = row_judge(j, json_is_array(all) ? json_array_get(all, i) : all, path, err);
	json_decref(all);
	return ret;
}

static int
config_judge(struct judging *j, const char *path, struct bf_err *err)
{
	struct bf_config *there = bf_config_new();
	int ret = there != NULL ? bf_app_read_config(j->app, path, there, err)
				: bf_err_set(err, ENOMEM, "out of memory");

	for (uint32_t i = 0; ret == 0 && i < there->n_guests; i++) {
		struct bf_vhost_offer o = bf_guest_offer(&there->guests[i]);

		guest_judge(j, &there->guests[i], o.features, o.protocol);
	}
	free(there);
	return ret;
}

/* @return the first byte that is no blank, '\0' of an empty file, or -errno. */
static int
first_byte(const char *path, struct bf_err *err)
{
	char head[64] = "", why[BF_FILE_WHY_MAX];
	struct stat st;
	FILE *f;

	if (stat(path, &st) != 0)
		return bf_err_set(
			err, errno, "\"%.120s\": %s", path, bf_file_why(path, errno, why));
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return bf_err_set(err, EINVAL, "\"%.120s\": expected a file of at most %d bytes",
			path, FILE_MAX);
	f = fopen(path, "re");
	if (f == NULL)
		return bf_err_set(err, errno, "\"%.120s\": %s", path, strerror(errno));
	(void)!fread(head, 1, sizeof(head) - 1, f);
	fclose(f);
	return (unsigned char)head[strspn(head, " \t\r\n")];
}

int
bf_migrate_check(
	struct bf_app *app, const char *path, bf_migrate_cb *cb, void *arg, struct bf_err *err)
{
	struct judging j = {app, cb, arg, 0};
	int byte = first_byte(path, err), ret;

	if (byte < 0)
		return byte;
	ret = byte == '[' || byte == '{' ? rows_judge(&j, path, err) : config_judge(&j, path, err);
	if (ret == 0 && j.n == 0)
		ret = bf_err_set(
			err, ENOENT, "\"%.120s\": has no guest of a name that is here", path);
	return ret;
}
