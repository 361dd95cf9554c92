/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Control gathers rows and goes on; they become text here.
 *
 * Threads: that of HTTP, but for what control calls.
 */
#include "http/page.h"

#include <stdio.h>

#include "all_metrics.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"
#include "mailbox.h"

#define STATUS_OK 200
#define STATUS_UNAVAILABLE 503

#define TYPE_PLAIN "text/plain; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void
page_fail(struct bf_page *p, const char *why)
{
	p->status = STATUS_UNAVAILABLE;
	p->type = TYPE_PLAIN;
	bf_out_reset(p->out);
	bf_out_printf(p->out, "%s\n", why);
}

static void
page_late(struct bf_page *p)
{
	char why[96];

	snprintf(why, sizeof(why), "control: expected an answer within %d ms: it is busy or stops",
		BF_PAGE_WAIT_MS);
	page_fail(p, why);
}

struct metrics_question {
	struct bf_all_metrics m;
	struct bf_err err;
	int ret;
};

/* ctx control. */
static void
metrics_gather(struct bf_bridge *br, void *arg)
{
	struct metrics_question *q = arg;

	q->ret = bf_all_metrics_gather(&q->m, br, &q->err);
}

static void
page_metrics(struct bf_page *p, enum bf_metrics_form form)
{
	struct metrics_question q = {.ret = 0};

	if (!bf_mailbox_ask(metrics_gather, &q, BF_PAGE_WAIT_MS)) {
		page_late(p);
		return;
	}
	p->type = form == BF_METRICS_OPEN ? TYPE_OPENMETRICS : TYPE_METRICS;
	if (q.ret == 0)
		bf_all_metrics_render(&q.m, form, p->out);
	if (q.ret != 0)
		page_fail(p, q.err.text);
	else if (bf_out_status(p->out) != BF_OUT_OK)
		page_fail(p, "metrics: expected less text");
	bf_all_metrics_fini(&q.m);
}

struct health_question {
	struct bf_snapshot s;
	bool is_well;
};

/* ctx control. */
static void
health_gather(struct bf_bridge *br, void *arg)
{
	struct health_question *q = arg;

	q->is_well = br->health.now.n == 0;
	bf_show_health.gather(br, NULL, &q->s);
}

static void
page_health(struct bf_page *p)
{
	struct health_question q = {.s = {.in_full = true}};

	if (!bf_mailbox_ask(health_gather, &q, BF_PAGE_WAIT_MS)) {
		page_late(p);
		return;
	}
	if (q.is_well) {
		bf_out_printf(p->out, "ok\n");
	} else {
		p->status = STATUS_UNAVAILABLE;
		bf_render(bf_show_health.table, &q.s.rows, true, p->out);
	}
	bf_snapshot_fini(&q.s);
}

static void
page_index(struct bf_page *p)
{
	bf_out_printf(p->out,
		"bondfwd " BF_VERSION "\n\n"
		"/metrics  what `bondctl show metrics` says, for Prometheus; OpenMetrics if asked for\n"
		"/health   200 while `bondctl show health` finds nothing, else 503 and what it finds\n");
}

struct bf_page
bf_page_make(enum bf_page_id id)
{
	struct bf_page p = {STATUS_OK, TYPE_PLAIN, bf_out_create(BF_OUT_TEXT, 0)};

	if (p.out == NULL)
		return p;
	switch (id) {
	case BF_PAGE_METRICS:
		page_metrics(&p, BF_METRICS_PROMETHEUS);
		break;
	case BF_PAGE_OPENMETRICS:
		page_metrics(&p, BF_METRICS_OPEN);
		break;
	case BF_PAGE_HEALTH:
		page_health(&p);
		break;
	case BF_PAGE_INDEX:
	case BF_PAGE_COUNT:
		page_index(&p);
		break;
	}
	return p;
}
