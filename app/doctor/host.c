/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rest of the host: DPDK's version, the program, its configuration file, and what was denied.
 *
 * Threads: one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "doctor/holes.h"
#include "machine/sysfs.h"

extern char **environ;

/* ---- DPDK ---- */

/* Has a bond a member whose driver is the one that has the hole? */
static bool
has_member_of(const struct bf_doctor *d, const char *driver)
{
	json_t *bond, *m;
	size_t i, k;

	for (i = 0; (bond = json_array_get(d->bonds, i)) != NULL; i++)
		for (k = 0; (m = json_array_get(bf_json_list(bond, "member_details"), k)) != NULL;
			k++)
			if (strncmp(bf_json_text(m, "name"), driver, strlen(driver)) == 0)
				return true;
	return false;
}

static void
look_at_dpdk(struct bf_doctor *d)
{
	static const enum bf_fault answers[] = {BF_FAULT_DPDK_HOLE};
	const struct bf_hole *hole;
	char fixed[32];

	if (!bf_doctor_has_answers(d, BF_DOCTOR_LIST(answers)))
		return;
	for (unsigned int i = 0; (hole = bf_hole_at(i)) != NULL; i++)
		if (has_member_of(d, hole->driver) &&
			bf_hole_is_in(hole, d->dpdk, fixed, sizeof(fixed)))
			bf_report_find(&d->report, BF_FAULT_DPDK_HOLE, d->dpdk,
				"%s: %s; expected %s or later", hole->name, hole->what, fixed);
}

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

/* ---- the configuration file ---- */

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

/* Start PROGRAM --check --config FILE. @return what its standard error is read from; NULL with errno */
static FILE *
check_start(const char *program, const char *file, pid_t *pid)
{
	char *const args[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "--check",
		(char *)(uintptr_t) "--config", (char *)(uintptr_t)file, NULL};
	posix_spawn_file_actions_t actions;
	int pipes[2], ret;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDERR_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	ret = posix_spawn(pid, program, &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	(void)close(pipes[1]);
	if (ret == 0)
		return fdopen(pipes[0], "r");
	(void)close(pipes[0]);
	errno = ret;
	return NULL;
}

static void
config_check(struct bf_doctor *d, const char *program)
{
	char *line = NULL;
	size_t size = 0;
	int status = 0;
	bool is_told = false;
	pid_t pid;
	FILE *f = check_start(program, d->config, &pid);

	if (f == NULL) {
		bf_report_skip(&d->report, BF_FAULT_CONFIG, strerror(errno));
		return;
	}
	bf_report_check(&d->report, BF_FAULT_CONFIG);
	while (getline(&line, &size, f) > 0) {
		const char *text = strncmp(line, "bondfwd: ", 9) == 0 ? line + 9 : line;

		if (strncmp(text, "warning: ", 9) == 0 || text[0] == '\n')
			continue;
		line[strcspn(line, "\n")] = '\0';
		bf_report_find(&d->report, BF_FAULT_CONFIG, d->config, "%s", text);
		is_told = true;
	}
	free(line);
	(void)fclose(f);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0 && !is_told)
		bf_report_find(&d->report, BF_FAULT_CONFIG, d->config,
			"%s --check ended with status %d", program,
			WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void
look_at_config(struct bf_doctor *d)
{
	char program[PATH_MAX];

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

/* ---- AppArmor and SELinux ---- */

struct denials {
	struct bf_doctor *d;
	uint64_t boot_s; /* what was denied before is over */
	unsigned int n;
	char last[256];
};

static bool
is_about_us(const struct bf_doctor *d, const char *line)
{
	json_t *g;
	size_t i;

	if (strstr(line, "bondfwd") != NULL)
		return true;
	for (i = 0; (g = json_array_get(d->guests, i)) != NULL; i++) {
		const char *path = bf_json_text(json_object_get(g, "options"), "socket");

		if (path[0] == '/' && strstr(line, path) != NULL)
			return true;
	}
	return false;
}

static bool
denial_take(void *arg, const char *line)
{
	struct denials *n = arg;
	const char *at = strstr(line, "audit(");

	if (strstr(line, "apparmor=\"DENIED\"") == NULL &&
		(strstr(line, "avc:") == NULL || strstr(line, "denied") == NULL))
		return true;
	if ((at != NULL && strtoull(at + 6, NULL, 10) < n->boot_s) || !is_about_us(n->d, line))
		return true;
	at = strstr(line, "apparmor=") != NULL ? strstr(line, "apparmor=") : strstr(line, "avc:");
	snprintf(n->last, sizeof(n->last), "%.250s", at != NULL ? at : line);
	n->n++;
	return true;
}

/* The kernel's log has one record for each read; what is read of it is not taken away. */
static bool
kernel_log_read(const struct bf_doctor *d, struct denials *n)
{
	char path[PATH_MAX], record[8192];
	struct stat st;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/dev/kmsg", d->root);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		bf_sysfs_lines(d->root, denial_take, n, "/dev/kmsg");
		(void)close(fd);
		return true;
	}
	while ((len = read(fd, record, sizeof(record) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		record[len > 0 ? len : 0] = '\0';
		denial_take(n, record);
	}
	(void)close(fd);
	return true;
}

static void
look_at_denials(struct bf_doctor *d)
{
	struct denials n = {.d = d};
	char boot[32];
	bool is_read;

	bf_doctor_field(d, "/proc/stat", "btime", boot, sizeof(boot));
	n.boot_s = strtoull(boot, NULL, 10);
	is_read = kernel_log_read(d, &n);
	if (bf_sysfs_has(d->root, "/var/log/audit/audit.log")) {
		bf_sysfs_lines(d->root, denial_take, &n, "/var/log/audit/audit.log");
		is_read = true;
	}
	if (!is_read) {
		bf_report_skip(&d->report, BF_FAULT_DENIED, "the kernel's log can not be read");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_DENIED);
	if (n.n > 0)
		bf_report_find(&d->report, BF_FAULT_DENIED, "kernel", "%u denials, the last: %s",
			n.n, n.last);
}

void
bf_doctor_host(struct bf_doctor *d)
{
	look_at_dpdk(d);
	look_at_program(d);
	look_at_config(d);
	look_at_denials(d);
}
