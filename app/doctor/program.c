/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The program bondfwd: where it is, and what it prints.
 *
 * Threads: one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/doctor.h"

extern char **environ;

/* Beside this program, else where it is installed. */
bool
bf_doctor_program_find(char *buf, size_t size)
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

FILE *
bf_doctor_program_start(const char *const *args, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int pipes[2], ret;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDERR_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	ret = posix_spawn(pid, args[0], &actions, NULL, (char *const *)(uintptr_t)args, environ);
	posix_spawn_file_actions_destroy(&actions);
	(void)close(pipes[1]);
	if (ret == 0)
		return fdopen(pipes[0], "r");
	(void)close(pipes[0]);
	errno = ret;
	return NULL;
}

int
bf_doctor_program_end(FILE *f, pid_t pid)
{
	int status = 0;

	(void)fclose(f);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
