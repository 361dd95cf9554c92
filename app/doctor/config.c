/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The configuration file, as the program bondfwd judges it: its errors, the memory that it needs, and what it asks for.
 *
 * Threads: one.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "doctor/doctor.h"

/* ---- bondfwd --check ---- */

#define CONSOLE_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/* The words of a check, and the text of two of them. */
struct checking {
	char lcores[32], console[PATH_MAX];
	const char *args[BF_DOCTOR_WORDS + 16];
};

/* What is remembered of guests lies beside the console's socket; on another host's copy below its root. */
static void
console_find(const struct bf_doctor *d, char *buf, size_t size)
{
	const char *socket = d->opt->socket;
	char path[PATH_MAX], folder[PATH_MAX] = "";

	snprintf(path, sizeof(path), "%s%s", d->answers || socket[0] != '/' ? "" : d->root, socket);
	if (path[0] != '/' && getcwd(folder, sizeof(folder)) == NULL)
		folder[0] = '\0';
	if (strlen(folder) + strlen(path) < CONSOLE_MAX)
		snprintf(buf, size, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", path);
	else
		snprintf(buf, size, "none");
}

/* What says how many lcores there are, or will be; the fewest where nobody says. */
static unsigned int
eal_add(const struct bf_doctor *d, struct checking *c, unsigned int n)
{
	unsigned int n_words = d->answers ? 0 : bf_doctor_words_eal(d, &c->args[n]);

	if (n_words > 0)
		return n + n_words;
	snprintf(c->lcores, sizeof(c->lcores), "-l0-%" PRId64, d->answers ? d->n_lcores : 1);
	c->args[n] = c->lcores;
	return n + 1;
}

/*
 * PROGRAM EAL -- --check --config FILE --console PATH BASE: as bondfwd was started, or would be.  An option of the base
 * that has lost its value must not take --check for it: so they come last.
 */
static void
args_make(const struct bf_doctor *d, const char *program, struct checking *c)
{
	unsigned int n = 0;

	c->args[n++] = program;
	n = eal_add(d, c, n);
	c->args[n++] = "--";
	c->args[n++] = "--check";
	c->args[n++] = "--config";
	c->args[n++] = d->config;
	console_find(d, c->console, sizeof(c->console));
	c->args[n++] = "--console";
	c->args[n++] = c->console;
	n += bf_doctor_words_base(d, &c->args[n]);
	c->args[n] = NULL;
}

/* One line of it. @return whether it is a fault */
static bool
check_take(struct bf_doctor *d, char *line)
{
	static const char name[] = "bondfwd: ", warning[] = "warning: ",
			  memory[] = "Memory: about ", command[] = "  ";
	bool is_said = strncmp(line, name, strlen(name)) == 0;
	const char *text = is_said ? line + strlen(name) : line;

	if (strncmp(line, memory, strlen(memory)) == 0)
		d->need_mib = strtoull(line + strlen(memory), NULL, 10);
	if (!d->answers && strncmp(line, command, strlen(command)) == 0) {
		line[strcspn(line, "\n")] = '\0';
		bf_doctor_plan_take(d, line);
		d->is_planned = true;
	}
	if (!is_said || strncmp(text, warning, strlen(warning)) == 0)
		return false;
	line[strcspn(line, "\n")] = '\0';
	bf_report_find(&d->report, BF_FAULT_CONFIG, d->config, "%s", text);
	return true;
}

static void
config_check(struct bf_doctor *d, const char *program)
{
	struct checking c;
	char *line = NULL;
	size_t size = 0;
	int status;
	bool is_told = false;
	pid_t pid;
	FILE *f;

	args_make(d, program, &c);
	f = bf_doctor_program_start(c.args, &pid);
	if (f == NULL) {
		bf_report_skip(&d->report, BF_FAULT_CONFIG, strerror(errno));
		return;
	}
	bf_report_check(&d->report, BF_FAULT_CONFIG);
	while (getline(&line, &size, f) > 0)
		is_told = check_take(d, line) || is_told;
	free(line);
	status = bf_doctor_program_end(f, pid);
	if (status != 0 && !is_told)
		bf_report_find(&d->report, BF_FAULT_CONFIG, d->config,
			"%s --check ended with status %d", program, status);
}

void
bf_doctor_config(struct bf_doctor *d)
{
	char program[PATH_MAX];

	if (d->words.is_cut)
		bf_report_skip(&d->report, BF_FAULT_CONFIG,
			d->pid != 0
				? "bondfwd's command line is too long"
				: "the service's options have several lines, or quotes among them");
	else if (d->config[0] == '\0')
		bf_report_skip(
			&d->report, BF_FAULT_CONFIG, "no file is known: --config FILE names it");
	else if (access(d->config, R_OK) != 0)
		bf_report_skip(&d->report, BF_FAULT_CONFIG, "this user may not read its file");
	else if (!bf_doctor_program_find(program, sizeof(program)))
		bf_report_skip(&d->report, BF_FAULT_CONFIG, "the program bondfwd is not installed");
	else
		config_check(d, program);
}
