/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What bondfwd answers to `show snmp`, for look-ups.
 *
 * Threads: one.
 */
#ifndef BF_APP_SNMP_ROWS_H
#define BF_APP_SNMP_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define BF_OID_MAX 128 /* numbers of an OID, as SNMP has it */

struct bf_oid {
	unsigned int n;
	uint32_t id[BF_OID_MAX];
};

/** A row; its OID lies in the rows' memory, type and value in the answer's text. */
struct bf_oid_row {
	const uint32_t *id;
	unsigned int n;
	const char *oid, *type, *value;
};

/** Rows in SNMP's order; zero is empty. */
struct bf_oid_rows {
	struct bf_oid_row *list;
	uint32_t *ids;
	char *text;
	unsigned int n;
};

/** Read "1.3.6" or ".1.3.6". @return false: it is none */
bool bf_oid_read(const char *text, struct bf_oid *oid);

/**
 * Take an answer apart: OID, type and value in each line.
 *
 * @param text
 *   On the heap; the rows' from now on, also after a failure.
 * @return
 *   false with the reason; @p rows is empty then.
 */
bool bf_oid_rows_read(struct bf_oid_rows *rows, char *text, struct bf_err *err);
void bf_oid_rows_release(struct bf_oid_rows *rows);

/** The row of an OID, or NULL. */
const struct bf_oid_row *bf_oid_rows_get(const struct bf_oid_rows *rows, const struct bf_oid *oid);
/** The first row behind an OID, or NULL. */
const struct bf_oid_row *bf_oid_rows_next(const struct bf_oid_rows *rows, const struct bf_oid *oid);

#endif
