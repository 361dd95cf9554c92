/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What AppArmor or SELinux has denied to bondfwd or at a guest's socket, by the kernel's log and that of audit.
 *
 * A log keeps everything until the next boot.  So what was denied to bondfwd counts since it was started, and what was
 * denied to others, who try again, for an hour.
 *
 * Threads: one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define HOUR_S 3600
#define ROUNDING_S 2 /* of the kernel's two clocks */

/* What was denied before some time is over: to bondfwd before it was started, to a front end an hour ago. */
struct denials {
	struct bf_doctor *d;
	uint64_t now_s, own_since_s, others_since_s;
	unsigned int n;
	uint64_t last_s; /* 0: not known */
	char last[256];
};

/* Seconds since 1970 at which the process was started; the host's own start if that is not known. */
static uint64_t
process_start_s(const struct bf_doctor *d, uint64_t boot_s)
{
	long ticks = sysconf(_SC_CLK_TCK);
	unsigned long long start = 0;
	char line[1024];
	const char *at;

	bf_sysfs_text(d->root, line, sizeof(line), "/proc/%d/stat", (int)d->pid);
	at = strrchr(line, ')'); /* behind the name: state, and 18 numbers before the start */
	if (d->pid == 0 || at == NULL ||
		sscanf(at + 1,
			" %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
			&start) != 1 ||
		ticks <= 0)
		return boot_s;
	return boot_s + start / (unsigned long)ticks - ROUNDING_S;
}

static void
denials_since(const struct bf_doctor *d, struct denials *n)
{
	char text[64];
	uint64_t boot_s;

	bf_doctor_field(d, "/proc/stat", "btime", text, sizeof(text));
	boot_s = strtoull(text, NULL, 10);
	bf_sysfs_text(d->root, text, sizeof(text), "/proc/uptime");
	n->now_s = boot_s + strtoull(text, NULL, 10);
	n->own_since_s = process_start_s(d, boot_s);
	n->others_since_s = n->now_s > HOUR_S + boot_s ? n->now_s - HOUR_S : boot_s;
}

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

/* By its profile, or by its name. */
static bool
is_of_bondfwd(const char *line)
{
	return strstr(line, "profile=\"bondfwd") != NULL || strstr(line, "comm=\"bondfwd") != NULL;
}

static bool
is_over(const struct denials *n, const char *line, uint64_t when_s)
{
	return when_s != 0 && when_s < (is_of_bondfwd(line) ? n->own_since_s : n->others_since_s);
}

static bool
denial_take(void *arg, const char *line)
{
	struct denials *n = arg;
	const char *at = strstr(line, "audit(");
	uint64_t when_s = at != NULL ? strtoull(at + 6, NULL, 10) : 0;

	if (strstr(line, "apparmor=\"DENIED\"") == NULL &&
		(strstr(line, "avc:") == NULL || strstr(line, "denied") == NULL))
		return true;
	if (is_over(n, line, when_s) || !is_about_us(n->d, line))
		return true;
	at = strstr(line, "apparmor=") != NULL ? strstr(line, "apparmor=") : strstr(line, "avc:");
	snprintf(n->last, sizeof(n->last), "%.250s", at != NULL ? at : line);
	n->last_s = when_s;
	n->n++;
	return true;
}

/* " 12 minutes ago"; "" if nobody knows. */
static const char *
age_text(const struct denials *n, char *buf, size_t size)
{
	uint64_t s = n->now_s > n->last_s ? n->now_s - n->last_s : 0;

	buf[0] = '\0';
	if (n->last_s != 0 && s < 2 * (uint64_t)HOUR_S)
		snprintf(buf, size, " %" PRIu64 " minutes ago", s / 60);
	else if (n->last_s != 0)
		snprintf(buf, size, " %" PRIu64 " hours ago", s / HOUR_S);
	return buf;
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

void
bf_doctor_denials(struct bf_doctor *d)
{
	struct denials n = {.d = d};
	char age[48];
	bool is_read;

	denials_since(d, &n);
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
		bf_report_find(&d->report, BF_FAULT_DENIED, "kernel", "%u denials, the last%s: %s",
			n.n, age_text(&n, age, sizeof(age)), n.last);
}
