/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What bondctl doctor has found: of each fault whether it was looked for, why not, and where it was found.
 *
 * A fault that nobody looked for is reported as not checked.
 *
 * Threads: one.
 */
#ifndef BF_APP_DOCTOR_REPORT_H
#define BF_APP_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "doctor/faults.h"

#define BF_REPORT_TEXT 320
#define BF_REPORT_OBJECT 128

enum bf_severity {
	BF_SEVERITY_PROBLEM,
	BF_SEVERITY_WARNING,
	BF_SEVERITY_COUNT
};

struct bf_report_finding {
	enum bf_fault fault;
	char object[BF_REPORT_OBJECT], text[BF_REPORT_TEXT];
	char bond[32]; /* that the object belongs to; "" none is named */
};

/** Zero is empty; bf_report_fini() frees it. */
struct bf_report {
	bool is_checked[BF_FAULT_COUNT];
	char why_not[BF_FAULT_COUNT][96]; /* "": nobody looked */
	struct bf_report_finding *findings;
	size_t n_findings;
	size_t n_of[BF_FAULT_COUNT]; /* findings of a fault */
	const char *bond; /* that findings belong to from now on; NULL: to none */
	size_t n_left; /* beyond BF_REPORT_SAME of one fault: counted only */
};

/** Findings of one fault that are shown; the others are counted. */
#define BF_REPORT_SAME 16

/** The fault was looked for. */
void bf_report_check(struct bf_report *r, enum bf_fault fault);

/** It could not be looked for; the first reason stays. Nothing if it was looked for elsewhere. */
void bf_report_skip(struct bf_report *r, enum bf_fault fault, const char *why);

/** It was found. @p object: what has it */
void bf_report_find(struct bf_report *r, enum bf_fault fault, const char *object, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));

/** Findings of a severity. */
size_t bf_report_count(const struct bf_report *r, enum bf_severity severity);

/** Write it to standard output. @return false: it could not be written */
bool bf_report_write_text(const struct bf_report *r);
bool bf_report_write_json(const struct bf_report *r);

void bf_report_fini(struct bf_report *r);

#endif
