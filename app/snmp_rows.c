/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows by OID.
 *
 * Threads: one.
 */
#include "snmp_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool
bf_oid_read(const char *text, struct bf_oid *oid)
{
	const char *p = text[0] == '.' ? text + 1 : text;
	char *end;

	oid->n = 0;
	do {
		unsigned long long id;

		if (*p < '0' || *p > '9' || oid->n == BF_OID_MAX)
			return false;
		errno = 0;
		id = strtoull(p, &end, 10);
		if (errno != 0 || id > UINT32_MAX)
			return false;
		oid->id[oid->n++] = (uint32_t)id;
		p = end + 1;
	} while (*end == '.');
	return *end == '\0';
}

static int
compare_ids(const uint32_t *a, unsigned int n_a, const uint32_t *b, unsigned int n_b)
{
	for (unsigned int i = 0; i < n_a && i < n_b; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return n_a < n_b ? -1 : n_a > n_b;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct bf_oid_row *x = a, *y = b;

	return compare_ids(x->id, x->n, y->id, y->n);
}

/* Cut a line into its three words. */
static bool
line_cut(char *line, struct bf_oid_row *row, struct bf_oid *oid)
{
	char *type = strchr(line, ' '), *value = type == NULL ? NULL : strchr(type + 1, ' ');

	if (value == NULL)
		return false;
	*type = *value = '\0';
	row->oid = line;
	row->type = type + 1;
	row->value = value + 1;
	return bf_oid_read(line, oid);
}

/* How many rows there may be, and numbers in all their OIDs. */
static void
count_text(const char *text, size_t *n_rows, size_t *n_ids)
{
	*n_rows = *n_ids = 1;
	for (const char *p = text; *p != '\0'; p++) {
		*n_rows += *p == '\n';
		*n_ids += *p == '\n' || *p == '.';
	}
}

static bool
read_lines(struct bf_oid_rows *rows, struct bf_err *err)
{
	char *line, *at = NULL;
	struct bf_oid oid;
	size_t used = 0;

	for (line = strtok_r(rows->text, "\n", &at); line != NULL;
		line = strtok_r(NULL, "\n", &at)) {
		struct bf_oid_row *row = &rows->list[rows->n];

		if (!line_cut(line, row, &oid)) {
			bf_err_set(
				err, EPROTO, "answer: \"%.100s\": expected OID TYPE VALUE", line);
			return false;
		}
		row->id = memcpy(&rows->ids[used], oid.id, oid.n * sizeof(oid.id[0]));
		row->n = oid.n;
		used += oid.n;
		rows->n++;
	}
	return true;
}

bool
bf_oid_rows_read(struct bf_oid_rows *rows, char *text, struct bf_err *err)
{
	size_t n_rows, n_ids;

	count_text(text, &n_rows, &n_ids);
	*rows = (struct bf_oid_rows){.text = text};
	rows->list = calloc(n_rows, sizeof(*rows->list));
	rows->ids = calloc(n_ids, sizeof(*rows->ids));
	if (rows->list == NULL || rows->ids == NULL)
		bf_err_set(err, ENOMEM, "answer of %zu rows: expected memory for it", n_rows);
	else if (read_lines(rows, err)) {
		qsort(rows->list, rows->n, sizeof(*rows->list), compare_rows);
		return true;
	}
	bf_oid_rows_release(rows);
	return false;
}

void
bf_oid_rows_release(struct bf_oid_rows *rows)
{
	free(rows->list);
	free(rows->ids);
	free(rows->text);
	*rows = (struct bf_oid_rows){.list = NULL};
}

/* The first row that is not in front of an OID, or NULL. */
static const struct bf_oid_row *
row_from(const struct bf_oid_rows *rows, const struct bf_oid *oid)
{
	unsigned int low = 0, high = rows->n;

	while (low < high) {
		unsigned int mid = (low + high) / 2;
		const struct bf_oid_row *row = &rows->list[mid];

		if (compare_ids(row->id, row->n, oid->id, oid->n) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low == rows->n ? NULL : &rows->list[low];
}

const struct bf_oid_row *
bf_oid_rows_get(const struct bf_oid_rows *rows, const struct bf_oid *oid)
{
	const struct bf_oid_row *row = row_from(rows, oid);

	return row != NULL && compare_ids(row->id, row->n, oid->id, oid->n) == 0 ? row : NULL;
}

const struct bf_oid_row *
bf_oid_rows_next(const struct bf_oid_rows *rows, const struct bf_oid *oid)
{
	const struct bf_oid_row *row = row_from(rows, oid);

	if (row != NULL && compare_ids(row->id, row->n, oid->id, oid->n) == 0)
		row++;
	return row == NULL || row == rows->list + rows->n ? NULL : row;
}
