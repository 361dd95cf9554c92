/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl doctor: its options, and the order of things.
 *
 * Threads: one.
 */
#include "doctor/doctor.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOT_RUNNING "bondfwd does not answer"
#define NOT_ALLOWED "this user may not ask bondfwd: run it as root, or in the group of its socket"

static void
write_help(FILE *to)
{
	(void)fputs(
		"Usage: bondctl doctor [--json] [--config FILE] [--root DIR]\n"
		"\n"
		"Look for what is wrong with this host, with bondfwd, its bonds and its guests.\n"
		"Without bondfwd running: with the host and what its configuration file asks\n"
		"for.  Nothing is changed.\n"
		"\n"
		"  -j, --json         everything as JSON, with the checks that found nothing\n"
		"  -c, --config FILE  look at this configuration file, too; default: the one in\n"
		"                     use, or that of the service: /etc/bondfwd/bondfwd.conf,\n"
		"                     or NAME.conf there with -s /run/bondfwd-NAME/console.sock\n"
		"  -r, --root DIR     read DIR/proc, DIR/sys and others of another host's copy\n"
		"\n"
		"Exit status: 0 nothing found, 1 warnings only, 2 problems, 3 not understood or failed.\n",
		to);
}

/* True to go on; else *status is the exit status. */
static bool
parse_options(int n_words, char *const *words, struct bf_doctor *d, bool *json, int *status)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"config", required_argument, NULL, 'c'},
		{"root", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct stat st;
	int c;

	*status = BF_DOCTOR_FAILED;
	optind = 0;
	while ((c = getopt_long(n_words, words, "jc:r:h", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			*json = true;
			break;
		case 'c':
			if (strlen(optarg) >= sizeof(d->config) || access(optarg, R_OK) != 0) {
				bf_ctl_error(
					"doctor: config: \"%.80s\": expected a file that can be read",
					optarg);
				return false;
			}
			snprintf(d->config, sizeof(d->config), "%s", optarg);
			break;
		case 'r':
			if (strlen(optarg) > 200 || stat(optarg, &st) != 0 ||
				!S_ISDIR(st.st_mode)) {
				bf_ctl_error(
					"doctor: root: \"%.80s\": expected a folder with proc and sys",
					optarg);
				return false;
			}
			d->root = strcmp(optarg, "/") == 0 ? "" : optarg;
			break;
		case 'h':
			write_help(stdout);
			*status = BF_DOCTOR_GOOD;
			return false;
		default:
			write_help(stderr);
			return false;
		}
	}
	if (optind < n_words) {
		bf_ctl_error(
			"doctor: \"%.60s\": expected nothing behind the options", words[optind]);
		return false;
	}
	return true;
}

static const char *
silence_reason(const struct bf_doctor *d)
{
	return d->is_denied ? NOT_ALLOWED : NOT_RUNNING;
}

bool
bf_doctor_has_process(struct bf_doctor *d, const enum bf_fault *faults, size_t n)
{
	const char *why = d->answers ? "/proc does not show bondfwd's process" : silence_reason(d);

	for (size_t i = 0; i < n; i++) {
		if (d->pid != 0)
			bf_report_check(&d->report, faults[i]);
		else
			bf_report_skip(&d->report, faults[i], why);
	}
	return d->pid != 0;
}

bool
bf_doctor_has_answers(struct bf_doctor *d, const enum bf_fault *faults, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (d->answers)
			bf_report_check(&d->report, faults[i]);
		else
			bf_report_skip(&d->report, faults[i], silence_reason(d));
	}
	return d->answers;
}

static void
doctor_fini(struct bf_doctor *d)
{
	json_decref(d->bonds);
	json_decref(d->lacp);
	json_decref(d->lldp);
	json_decref(d->ports);
	json_decref(d->modules);
	json_decref(d->guests);
	json_decref(d->events);
	json_decref(d->numa);
	json_decref(d->drops);
	json_decref(d->pools);
	json_decref(d->plan_bonds);
	json_decref(d->plan_groups);
	json_decref(d->plan_guests);
	bf_nics_fini(&d->nics);
	bf_report_fini(&d->report);
	free(d);
}

static int
doctor_look(struct bf_doctor *d, bool json)
{
	bool is_written;

	bf_machine_read(d->root, &d->machine);
	if (bf_nics_read(d->root, &d->nics) != 0) {
		bf_ctl_error("doctor: out of memory");
		return BF_DOCTOR_FAILED;
	}
	bf_doctor_ask(d);
	bf_doctor_config(d);
	bf_doctor_find_members(d);
	bf_doctor_memory(d);
	bf_doctor_cpu(d);
	bf_doctor_devices(d);
	bf_doctor_bond(d);
	bf_doctor_guests(d);
	bf_doctor_sockets(d);
	bf_doctor_host(d);
	is_written = json ? bf_report_write_json(&d->report) : bf_report_write_text(&d->report);
	if (!is_written) {
		bf_ctl_error("doctor: output can not be written");
		return BF_DOCTOR_FAILED;
	}
	return bf_report_count(&d->report, BF_SEVERITY_PROBLEM) > 0    ? BF_DOCTOR_PROBLEMS
		: bf_report_count(&d->report, BF_SEVERITY_WARNING) > 0 ? BF_DOCTOR_WARNINGS
								       : BF_DOCTOR_GOOD;
}

int
bf_ctl_doctor(const struct bf_ctl_options *opt, int n_words, char *const *words)
{
	struct bf_doctor *d = calloc(1, sizeof(*d));
	bool json = opt->json;
	int status = BF_DOCTOR_FAILED;

	if (d == NULL) {
		bf_ctl_error("doctor: out of memory");
		return status;
	}
	d->opt = opt;
	d->root = "";
	if (parse_options(n_words, words, d, &json, &status))
		status = doctor_look(d, json);
	doctor_fini(d);
	return status;
}
