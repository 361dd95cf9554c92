/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the configuration file asks for: bonds with their members, and guests.
 *
 * Theory of operation.  Where nobody answers, it stands for what bondfwd would say of its bonds and guests, and has the
 * form of that.  It is read from the commands that bondfwd --check prints, with what the file stands on.  Of a file with
 * an error nothing is printed: then the file's own lines name the members, and nobody knows the guests.
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define WORDS 8

/* Words of a command, up to a comment; those beyond the list are left out. The line is cut. */
static unsigned int
line_split(char *line, const char **words)
{
	unsigned int n = 0;
	char *word;

	while (n < WORDS && (word = strsep(&line, " \t\"'")) != NULL && word[0] != '#')
		if (word[0] != '\0')
			words[n++] = word;
	return n;
}

static bool
words_are(const char *const *words, const char *first, const char *second)
{
	return strcmp(words[0], first) == 0 && strcmp(words[1], second) == 0;
}

/* The row of a name, which is made if there is none. NULL: JSON has no such names */
static json_t *
row_of(json_t **rows, const char *name)
{
	json_t *row;
	size_t i;

	if (*rows == NULL)
		*rows = json_array();
	for (i = 0; (row = json_array_get(*rows, i)) != NULL; i++)
		if (strcmp(bf_json_text(row, "name"), name) == 0)
			return row;
	row = json_pack("{s:s, s:[], s:{}}", "name", name, "member_details", "options");
	return json_array_append_new(*rows, row) == 0 ? row : NULL;
}

static void
member_take(struct bf_doctor *d, const char *name, const char *bond)
{
	json_array_append_new(bf_json_list(row_of(&d->plan_bonds, bond), "member_details"),
		json_pack("{s:s}", "name", name));
}

/* K=V,... */
static void
options_take(json_t *options, const char *pairs)
{
	char *copy = strdup(pairs), *rest = copy, *key, *value;

	while ((key = strsep(&rest, ",")) != NULL) {
		value = key;
		strsep(&value, "=");
		if (value != NULL)
			json_object_set_new(options, key, json_string(value));
	}
	free(copy);
}

/* What a guest does not say its group says. */
static void
guest_take(struct bf_doctor *d, const char *name, const char *pairs)
{
	json_t *options = json_object_get(row_of(&d->plan_guests, name), "options");
	const char *group;

	options_take(options, pairs);
	group = bf_json_text(options, "group");
	if (group[0] != '\0')
		json_object_update_missing(
			options, json_object_get(row_of(&d->plan_groups, group), "options"));
}

void
bf_doctor_plan_take(struct bf_doctor *d, const char *line)
{
	const char *words[WORDS];
	char *copy = strdup(line);
	unsigned int n = copy != NULL ? line_split(copy, words) : 0;

	if (n == 5 && words_are(words, "add", "bonding") &&
		(strcmp(words[2], "member") == 0 || strcmp(words[2], "slave") == 0))
		member_take(d, words[3], words[4]);
	else if (n == 4 && words_are(words, "create", "group"))
		options_take(
			json_object_get(row_of(&d->plan_groups, words[2]), "options"), words[3]);
	else if (n == 4 && words_are(words, "add", "guest"))
		guest_take(d, words[2], words[3]);
	free(copy);
}

static bool
member_line_take(void *arg, const char *line)
{
	static const char members[] = "add bonding ";

	line += strspn(line, " \t");
	if (strncmp(line, members, strlen(members)) == 0)
		bf_doctor_plan_take(arg, line);
	return true;
}

void
bf_doctor_plan_read(struct bf_doctor *d)
{
	if (!d->is_planned && d->config[0] != '\0')
		bf_sysfs_lines("", member_line_take, d, "%s", d->config);
}
