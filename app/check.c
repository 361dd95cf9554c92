/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * --check: no EAL, no device, no socket; what the files and options say, and the plan.
 *
 * Threads: ctx control.
 */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sock.h"
#include "base/words.h"
#include "config/negotiations.h"
#include "memory_need.h"
#include "reconnect.h"

static void
print_line(void *arg, const char *line)
{
	fprintf(arg, "  %s\n", line);
}

static void
problem_print(const char *guest, const char *text)
{
	char line[1024];

	snprintf(line, sizeof(line), "bondfwd: %s%s%s%s", guest[0] != '\0' ? "guest " : "", guest,
		guest[0] != '\0' ? ": " : "", text);
	fprintf(stderr, "%s\n", bf_words_plain(line));
}

struct checking {
	unsigned int problems;
};

static void
on_fault(void *arg, const struct bf_err *err)
{
	struct checking *c = arg;

	problem_print("", err->text);
	c->problems++;
}

static void
on_warning(void *arg, const char *line)
{
	char text[300];

	(void)arg;
	snprintf(text, sizeof(text), "warning: %s", line);
	problem_print("", text);
}

/* The EAL's arguments and the kernel know which devices there will be; without either, nobody. */
static bool
may_be_there(const char *member, int n_eal, char **argv)
{
	int shown = bf_missing_pci(member, "");
	bool has_devices = false;
	size_t len = strlen(member);

	for (int i = 1; i < n_eal; i++) {
		const char *at = strncmp(argv[i], "--vdev=", 7) == 0 ? argv[i] + 7 : argv[i];

		has_devices = has_devices || strncmp(argv[i], "--vdev", 6) == 0;
		if (strncmp(at, member, len) == 0 && (at[len] == '\0' || at[len] == ','))
			return true;
	}
	return shown < 0 ? !has_devices : shown == 1;
}

static void
name_missing(const struct bf_bond_config *b, int n_eal, char **argv)
{
	for (uint32_t i = 0; i < b->n_members; i++) {
		const char *name = b->members[i].name;

		if (!may_be_there(name, n_eal, argv))
			fprintf(stderr,
				"bondfwd: warning: member %s: no such device here: the bond would "
				"work without it\n",
				name);
	}
}

/* A socket that is in use is its own, where the bondfwd of this console runs: as it is before a reload. */
static void
name_sockets(const struct bf_options *o, struct checking *c)
{
	bool is_running = o->console != NULL && bf_sock_is_live(o->console) > 0;
	struct bf_err err = {""};

	for (uint32_t i = 0; i < o->config->n_guests; i++) {
		int ret = bf_guest_check_socket(&o->config->guests[i], &err);

		if (ret == 0 || (ret == -EADDRINUSE && is_running))
			continue;
		problem_print(o->config->guests[i].name, err.text);
		c->problems++;
	}
}

/* What guests have negotiated is known to the file beside the console, as at a start. */
static void
name_lost(const struct bf_options *o, struct checking *c)
{
	struct bf_negotiated_book book = {.n = 0};

	bf_negotiations_load(o->config_path != NULL ? o->console : NULL, &book);
	if (!o->force_reconnect)
		bf_reconnect_faults(&book, NULL, o->config, BF_RECONNECT_START, on_fault, c);
	bf_negotiated_fini(&book);
}

/* bondctl doctor reads it, too. */
static void
memory_print(const struct bf_config *c, int n_eal, char *const *argv)
{
	uint32_t n_workers = bf_memory_workers(n_eal, (const char *const *)argv);
	bool is_no_huge = false;

	for (int i = 1; i < n_eal; i++)
		is_no_huge = is_no_huge || strcmp(argv[i], "--no-huge") == 0;
	printf("Memory: about %" PRIu32 " MiB%s, with %" PRIu32 " worker lcore%s.\n",
		bf_memory_need_mib(c, n_workers), is_no_huge ? " (-m)" : " of huge pages",
		n_workers, n_workers == 1 ? "" : "s");
}

int
bf_check_run(struct bf_app *app, const struct bf_options *o, int n_eal, char **argv)
{
	struct checking c = {0};

	app->base = bf_config_copy(o->config);
	if (o->config_path != NULL)
		bf_app_check_file(app, o->config_path, o->config, on_fault, &c);
	bf_config_faults(o->config, on_fault, &c);
	name_sockets(o, &c);
	name_lost(o, &c);
	for (uint32_t i = 0; i < o->config->n_bonds; i++)
		name_missing(&o->config->bonds[i], n_eal, argv);
	if (c.problems > 0)
		o->config->profile_is_said = true; /* perhaps in a line that could not be read */
	bf_config_warnings(o->config, on_warning, NULL);
	if (c.problems > 0)
		return 2;
	printf("The configuration is good. It would do:\n");
	bf_config_print(o->config, print_line, stdout);
	memory_print(o->config, n_eal, argv);
	return 0;
}
