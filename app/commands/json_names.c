/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The names of the fields in JSON of all that is shown by tables: scripts/lib/check-kept.py holds those of the last
 * release.  They are complete without a running switch.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "advise/advise.h"
#include "commands/show.h"
#include "control/snapshot/queues.h"
#include "control/snapshot/trace.h"
#include "control/snapshot/why.h"

#define PATH_SIZE 256

/* @param path up to the table, with room for more; as it was when done */
static void
fields_write(struct bf_out *out, const struct bf_table *t, char *path)
{
	size_t len = strlen(path);

	/* The keys of a map are data; values have none. */
	for (unsigned int i = 0; t->shape == BF_SHAPE_OBJECTS && i < t->n_fields; i++) {
		if (t->fields[i].text_only)
			continue;
		snprintf(
			path + len, PATH_SIZE - len, "%s%s", len > 0 ? "." : "", t->fields[i].name);
		bf_out_str(out, NULL, path);
		if (t->fields[i].table != NULL)
			fields_write(out, t->fields[i].table, path);
	}
	path[len] = '\0';
}

static void
table_write(struct bf_out *out, const struct bf_table *t)
{
	char path[PATH_SIZE] = "";

	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "of", t->name);
	bf_out_arr_begin(out, "fields");
	fields_write(out, t, path);
	bf_out_arr_end(out);
	bf_out_obj_end(out);
}

void
bf_app_json_names(struct bf_out *out)
{
	/* Those that need more than a name to be shown. */
	static const struct bf_table *const others[] = {&bf_queue_table, &bf_trace_table,
		&bf_why_table, &bf_app_path_table, &bf_app_metric_name_table, &bf_advise_table};

	bf_out_arr_begin(out, NULL);
	for (unsigned int i = 0; i < bf_n_shows; i++)
		table_write(out, bf_shows[i]->table);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		table_write(out, others[i]);
	bf_out_arr_end(out);
}
