/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: as the header says.
 */
#include "base/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DROP_SIGNAL SIGRTMAX
#define PATIENCE_MS 1000

/* What every thread has in the end; written before any signal is sent. */
static struct __user_cap_data_struct wanted[2];

/* Of this thread. Async-signal-safe: system calls only. */
static int
own_drop(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
		syscall(SYS_capset, &header, wanted) != 0)
		return -errno;
	return 0;
}

static void
on_drop(int sig)
{
	int saved = errno;

	(void)sig;
	(void)own_drop();
	errno = saved;
}

static int
wanted_set(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	if (syscall(SYS_capget, &header, wanted) != 0)
		return -errno;
	for (unsigned int i = 0; i < 2; i++) {
		wanted[i].permitted &= (uint32_t)(keep >> 32 * i);
		wanted[i].effective = wanted[i].permitted;
		wanted[i].inheritable = 0;
	}
	return 0;
}

/* As the kernel says it; a thread that has ended has nothing. */
static bool
thread_has_more(const char *tid)
{
	uint64_t most = wanted[0].permitted | (uint64_t)wanted[1].permitted << 32;
	char path[300], line[128];
	bool has_more = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", tid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "CapPrm:", 7) == 0)
			has_more = has_more || (strtoull(&line[7], NULL, 16) & ~most) != 0;
		if (strncmp(line, "NoNewPrivs:", 11) == 0)
			has_more = has_more || strtoul(&line[11], NULL, 10) == 0;
	}
	if (f != NULL)
		fclose(f);
	return has_more;
}

/* @return how many threads have more than is wanted, after a signal to each of them. */
static int
others_signal(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *d;
	int n = 0;

	while (tasks != NULL &&
		(d = readdir(tasks)) != NULL) { /* NOLINT(concurrency-mt-unsafe): its own stream */
		if (d->d_name[0] == '.' || !thread_has_more(d->d_name))
			continue;
		n++;
		syscall(SYS_tgkill, getpid(), (pid_t)strtol(d->d_name, NULL, 10), DROP_SIGNAL);
	}
	if (tasks != NULL)
		closedir(tasks);
	return n;
}

int
bf_privileges_drop(uint64_t keep)
{
	struct sigaction act = {.sa_handler = on_drop, .sa_flags = SA_RESTART}, before;
	int ret = wanted_set(keep), left;

	if (ret == 0)
		ret = own_drop();
	if (ret != 0)
		return ret;
	sigfillset(&act.sa_mask);
	if (sigaction(DROP_SIGNAL, &act, &before) != 0)
		return -errno;
	left = others_signal();
	for (int waited_ms = 0; left > 0 && waited_ms < PATIENCE_MS; waited_ms++) {
		poll(NULL, 0, 1);
		left = others_signal();
	}
	/* A signal that is still on its way to a thread must not end the process. */
	before.sa_handler = before.sa_handler == SIG_DFL ? SIG_IGN : before.sa_handler;
	sigaction(DROP_SIGNAL, &before, NULL);
	return left;
}
