/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * All of one moment: the workers go on, but control does nothing else while it gathers.
 *
 * Threads: see all_metrics.h.
 */
#include "all_metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "control/snapshot/snapshot.h"

int
bf_all_metrics_gather(struct bf_all_metrics *m, struct bf_bridge *br, struct bf_err *err)
{
	m->all = calloc(bf_n_shows, sizeof(*m->all));
	m->shown = calloc(bf_n_shows, sizeof(*m->shown));
	if (m->all == NULL || m->shown == NULL)
		return bf_err_set(err, ENOMEM, "out of memory");
	for (unsigned int i = 0; i < bf_n_shows; i++) {
		struct bf_snapshot *s = &m->all[m->n];

		if (!bf_shows[i]->metrics)
			continue;
		bf_shows[i]->gather(br, NULL, s);
		m->shown[m->n++] = (struct bf_shown){bf_shows[i]->table, &s->rows};
		if (s->ret == -ENOMEM)
			return bf_err_set(err, ENOMEM, "%s", s->err.text);
	}
	return 0;
}

void
bf_all_metrics_render(const struct bf_all_metrics *m, enum bf_metrics_form form, struct bf_out *out)
{
	bf_render_metrics(m->shown, m->n, form, out);
}

void
bf_all_metrics_fini(struct bf_all_metrics *m)
{
	for (unsigned int i = 0; i < m->n; i++)
		bf_snapshot_fini(&m->all[i]);
	free(m->shown);
	free(m->all);
	*m = (struct bf_all_metrics){.n = 0};
}
