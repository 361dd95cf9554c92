/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The configuration file, as the program bondfwd judges it: its errors, and the memory that it needs.
 *
 * Threads: one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define SERVICE_DEFAULTS "/etc/default/bondfwd"

extern char **environ;

/* bondfwd beside this program, else where it is installed. */
static bool
program_find(char *buf, size_t size)
{
	static const char *const places[] = {"/usr/sbin/bondfwd", "/usr/local/sbin/bondfwd"};
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *end;

	self[len > 0 ? len : 0] = '\0';
	end = strrchr(self, '/');
	snprintf(buf, size, "%.*s/bondfwd", end != NULL ? (int)(end - self) : 0, self);
	if (access(buf, X_OK) == 0)
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(buf, size, "%s", places[i]);
		if (access(buf, X_OK) == 0)
			return true;
	}
	return false;
}

/* ---- the EAL's words ---- */

/* EAL_ARGS= of the service, cut into words. */
static bool
default_take(void *arg, const char *line)
{
	static const char name[] = "EAL_ARGS=";
	struct bf_doctor *d = arg;
	char *rest = d->eal_line, *word;

	if (strncmp(line, name, strlen(name)) != 0)
		return true;
	snprintf(d->eal_line, sizeof(d->eal_line), "%s", line + strlen(name));
	d->n_eal = 0;
	while ((word = strsep(&rest, " \t\"'")) != NULL)
		if (word[0] != '\0' && d->n_eal < BF_DOCTOR_EAL)
			d->eal[d->n_eal++] = word;
	return true;
}

/* What says how many lcores there are, or will be; the fewest where nobody says. */
static void
eal_find(struct bf_doctor *d)
{
	if (!d->answers)
		bf_sysfs_lines(d->root, default_take, d, SERVICE_DEFAULTS);
	if (d->n_eal > 0)
		return;
	snprintf(d->eal_line, sizeof(d->eal_line), "-l0-%" PRId64, d->answers ? d->n_lcores : 1);
	d->eal[d->n_eal++] = d->eal_line;
}

/* ---- bondfwd --check ---- */

/* Start PROGRAM EAL -- --check --config FILE. @return what all its output is read from; NULL with errno */
static FILE *
check_start(const struct bf_doctor *d, const char *program, pid_t *pid)
{
	const char *args[BF_DOCTOR_EAL + 6] = {program};
	posix_spawn_file_actions_t actions;
	unsigned int n = 1;
	int pipes[2], ret;

	for (unsigned int i = 0; i < d->n_eal; i++)
		args[n++] = d->eal[i];
	args[n++] = "--";
	args[n++] = "--check";
	args[n++] = "--config";
	args[n] = d->config;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDERR_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	ret = posix_spawn(pid, program, &actions, NULL, (char *const *)(uintptr_t)args, environ);
	posix_spawn_file_actions_destroy(&actions);
	(void)close(pipes[1]);
	if (ret == 0)
		return fdopen(pipes[0], "r");
	(void)close(pipes[0]);
	errno = ret;
	return NULL;
}

/* One line of it. @return whether it is a fault */
static bool
check_take(struct bf_doctor *d, char *line)
{
	static const char name[] = "bondfwd: ", warning[] = "warning: ",
			  memory[] = "Memory: about ";
	bool is_said = strncmp(line, name, strlen(name)) == 0;
	const char *text = is_said ? line + strlen(name) : line;

	if (strncmp(line, memory, strlen(memory)) == 0)
		d->need_mib = strtoull(line + strlen(memory), NULL, 10);
	if (!is_said || strncmp(text, warning, strlen(warning)) == 0)
		return false;
	line[strcspn(line, "\n")] = '\0';
	bf_report_find(&d->report, BF_FAULT_CONFIG, d->config, "%s", text);
	return true;
}

static void
config_check(struct bf_doctor *d, const char *program)
{
	char *line = NULL;
	size_t size = 0;
	int status = 0;
	bool is_told = false;
	pid_t pid;
	FILE *f = check_start(d, program, &pid);

	if (f == NULL) {
		bf_report_skip(&d->report, BF_FAULT_CONFIG, strerror(errno));
		return;
	}
	bf_report_check(&d->report, BF_FAULT_CONFIG);
	while (getline(&line, &size, f) > 0)
		is_told = check_take(d, line) || is_told;
	free(line);
	(void)fclose(f);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0 && !is_told)
		bf_report_find(&d->report, BF_FAULT_CONFIG, d->config,
			"%s --check ended with status %d", program,
			WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

void
bf_doctor_config(struct bf_doctor *d)
{
	char program[PATH_MAX];

	eal_find(d);
	if (d->config[0] == '\0')
		bf_report_skip(
			&d->report, BF_FAULT_CONFIG, "no file is known: --config FILE names it");
	else if (access(d->config, R_OK) != 0)
		bf_report_skip(&d->report, BF_FAULT_CONFIG, "this user may not read its file");
	else if (!program_find(program, sizeof(program)))
		bf_report_skip(&d->report, BF_FAULT_CONFIG, "the program bondfwd is not installed");
	else
		config_check(d, program);
}
