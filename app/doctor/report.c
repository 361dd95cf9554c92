/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the doctor has found, as text and as JSON.
 *
 * Threads: one.
 */
#include "doctor/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const struct fault_info {
	const char *name, *family;
	enum bf_severity severity;
	const char *what, *remedy;
} fault_info[] = {
#define MEMORY "memory"
#define CPU "cpu"
#define DEVICES "devices"
#define BOND "bond"
#define GUESTS "guests"
#define SOCKETS "sockets"
#define HOST "host"
#define FAULT_INFO(id, name, family, severity, what, remedy) \
	[BF_FAULT_##id] = {name, family, BF_SEVERITY_##severity, what, remedy},
	BF_FAULT_LIST(FAULT_INFO)};

static const char *const severity_names[] = {"problem", "warning"};

#define NOT_LOOKED_FOR "there is nothing to look at"
#define BOND_SIGN "@BOND" /* in a remedy */

/* Names of processes and lines of logs may hold anything, and JSON takes UTF-8 only. */
static void
text_plain(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			*text = '?';
}

void
bf_report_check(struct bf_report *r, enum bf_fault fault)
{
	r->is_checked[fault] = true;
}

void
bf_report_skip(struct bf_report *r, enum bf_fault fault, const char *why)
{
	if (r->why_not[fault][0] == '\0')
		snprintf(r->why_not[fault], sizeof(r->why_not[fault]), "%s", why);
	text_plain(r->why_not[fault]);
}

void
bf_report_find(struct bf_report *r, enum bf_fault fault, const char *object, const char *fmt, ...)
{
	struct bf_report_finding *f;
	va_list ap;

	r->is_checked[fault] = true;
	if (r->n_of[fault]++ >= BF_REPORT_SAME) {
		r->n_left++;
		return;
	}
	f = realloc(r->findings, (r->n_findings + 1) * sizeof(*f));
	if (f == NULL) {
		r->n_left++;
		return;
	}
	r->findings = f;
	f += r->n_findings++;
	f->fault = fault;
	snprintf(f->object, sizeof(f->object), "%s", object);
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	snprintf(f->bond, sizeof(f->bond), "%.31s", r->bond != NULL ? r->bond : "");
	text_plain(f->object);
	text_plain(f->text);
	text_plain(f->bond);
}

size_t
bf_report_count(const struct bf_report *r, enum bf_severity severity)
{
	size_t n = 0;

	for (unsigned int i = 0; i < BF_FAULT_COUNT; i++)
		if (fault_info[i].severity == severity)
			n += r->n_of[i];
	return n;
}

/* The remedy, with the object in place of @ and its bond in place of @BOND. */
static const char *
remedy_text(const struct bf_report_finding *f, char *buf, size_t size)
{
	const char *from = fault_info[f->fault].remedy;
	size_t len = 0;

	for (; *from != '\0' && len + 1 < size; from++) {
		bool is_bond = strncmp(from, BOND_SIGN, strlen(BOND_SIGN)) == 0;

		if (*from == '@')
			len += (size_t)snprintf(
				buf + len, size - len, "%s", is_bond ? f->bond : f->object);
		else
			buf[len++] = *from;
		from += is_bond ? strlen(BOND_SIGN) - 1 : 0;
		if (len >= size)
			len = size - 1;
	}
	buf[len] = '\0';
	return buf;
}

static size_t
checks_count(const struct bf_report *r)
{
	size_t n = 0;

	for (unsigned int i = 0; i < BF_FAULT_COUNT; i++)
		n += r->is_checked[i] ? 1 : 0;
	return n;
}

static const char *
reason_of(const struct bf_report *r, unsigned int fault)
{
	return r->why_not[fault][0] != '\0' ? r->why_not[fault] : NOT_LOOKED_FOR;
}

/* Each reason once, with its number: " (3 bondfwd does not answer; 2 ...)". */
static void
reasons_print(const struct bf_report *r)
{
	bool is_told[BF_FAULT_COUNT] = {false};
	const char *between = " (";

	for (unsigned int i = 0; i < BF_FAULT_COUNT; i++) {
		size_t n = 0;

		if (r->is_checked[i] || is_told[i])
			continue;
		for (unsigned int k = i; k < BF_FAULT_COUNT; k++)
			if (!r->is_checked[k] && strcmp(reason_of(r, i), reason_of(r, k)) == 0) {
				is_told[k] = true;
				n++;
			}
		printf("%s%zu: %s", between, n, reason_of(r, i));
		between = "; ";
	}
	if (between[0] == ';')
		printf(")");
}

static void
count_print(size_t n, const char *what)
{
	printf("%zu %s%s, ", n, what, n == 1 ? "" : "s");
}

bool
bf_report_write_text(const struct bf_report *r)
{
	size_t n_checks = checks_count(r);
	char remedy[512];

	for (int s = 0; s < BF_SEVERITY_COUNT; s++)
		for (size_t i = 0; i < r->n_findings; i++) {
			const struct bf_report_finding *f = &r->findings[i];

			if ((int)fault_info[f->fault].severity == s)
				printf("%s %s: %s: %s. Do: %s\n", severity_names[s], f->object,
					fault_info[f->fault].name, f->text,
					remedy_text(f, remedy, sizeof(remedy)));
		}
	if (r->n_left > 0)
		printf("... and %zu more of the same\n", r->n_left);
	count_print(bf_report_count(r, BF_SEVERITY_PROBLEM), "problem");
	count_print(bf_report_count(r, BF_SEVERITY_WARNING), "warning");
	count_print(n_checks, "check");
	printf("%zu not checked", BF_FAULT_COUNT - n_checks);
	reasons_print(r);
	printf("\n");
	return fflush(stdout) == 0;
}

static json_t *
finding_json(const struct bf_report_finding *f)
{
	const struct fault_info *info = &fault_info[f->fault];
	char remedy[512];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "fault", info->name, "family",
		info->family, "severity", severity_names[info->severity], "object", f->object,
		"text", f->text, "remedy", remedy_text(f, remedy, sizeof(remedy)));
}

static json_t *
check_json(const struct bf_report *r, unsigned int fault)
{
	const struct fault_info *info = &fault_info[fault];
	const char *result = !r->is_checked[fault] ? "not checked"
		: r->n_of[fault] > 0               ? "found"
						   : "good";
	json_t *c = json_pack("{s:s, s:s, s:s, s:s, s:s}", "fault", info->name, "family",
		info->family, "severity", severity_names[info->severity], "what", info->what,
		"result", result);

	if (!r->is_checked[fault])
		json_object_set_new(c, "why", json_string(reason_of(r, fault)));
	return c;
}

bool
bf_report_write_json(const struct bf_report *r)
{
	size_t n_checks = checks_count(r);
	json_t *findings = json_array(), *checks = json_array(), *all;
	bool ok;

	for (size_t i = 0; i < r->n_findings; i++)
		json_array_append_new(findings, finding_json(&r->findings[i]));
	for (unsigned int i = 0; i < BF_FAULT_COUNT; i++)
		json_array_append_new(checks, check_json(r, i));
	all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "problems",
		(json_int_t)bf_report_count(r, BF_SEVERITY_PROBLEM), "warnings",
		(json_int_t)bf_report_count(r, BF_SEVERITY_WARNING), "checked",
		(json_int_t)n_checks, "not_checked", (json_int_t)(BF_FAULT_COUNT - n_checks),
		"more", (json_int_t)r->n_left, "findings", findings, "checks", checks);
	ok = all != NULL && json_dumpf(all, stdout, JSON_INDENT(2)) == 0 && puts("") >= 0 &&
		fflush(stdout) == 0;
	json_decref(all);
	return ok;
}

void
bf_report_fini(struct bf_report *r)
{
	free(r->findings);
	memset(r, 0, sizeof(*r));
}
