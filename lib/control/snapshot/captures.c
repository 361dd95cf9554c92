/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show capture: captures that run, and the latest that have ended.
 *
 * Threads: ctx control; reads what the captures' threads write.
 */
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct capture_row {
	uint32_t id, snaplen, files;
	const char *port, *direction, *filter, *file, *state, *why;
	uint64_t count, limit_mb, frames, bytes, lost;
	bool is_plain; /* both directions, whole frames, one file */
};

#define ROW struct capture_row

static const struct bf_field capture_fields[] = {
	BF_FIELD(ROW, id, .label = "capture"),
	BF_FIELD(ROW, port, .label = "port"),
	BF_FIELD(ROW, direction),
	BF_FIELD(ROW, filter),
	BF_FIELD(ROW, snaplen),
	BF_FIELD(ROW, file),
	BF_FIELD(ROW, limit_mb),
	BF_FIELD(ROW, files),
	BF_FIELD(ROW, count),
	BF_FIELD(ROW, state),
	BF_FIELD(ROW, why),
	BF_FIELD(ROW, frames,
		BF_COUNTER("bondfwd_capture_written", "frames", "Frames written by a capture.")),
	BF_FIELD(ROW, bytes,
		BF_COUNTER("bondfwd_capture_written", "bytes",
			"Bytes written by a capture, with what stands around the frames.")),
	BF_FIELD(ROW, lost,
		BF_COUNTER("bondfwd_capture_lost", "frames",
			"Frames that came faster than the capture could write them.")),
	BF_FIELD(ROW, is_plain, .text_only = true),
};

static const struct bf_table capture_table = BF_TABLE("capture", ROW, capture_fields,
	.head = "No   Port             State            Frames          Bytes       Lost  File\n",
	.text = "{id:-4} {port:-16} {state:-10} {frames:12} {bytes:14} {lost:10}  {file}\n"
		"{^is_plain}     {direction}, at most {snaplen} bytes of a frame"
		"{#files}, the newest {limit_mb} MB in {files} files{/files}\n{/is_plain}"
		"{#filter}     filter: {filter}\n{/filter}{#why}     {why}\n{/why}");

static const char *
direction_name(uint8_t dirs)
{
	switch (dirs) {
	case BF_TAP_IN:
		return "in";
	case BF_TAP_OUT:
		return "out";
	case BF_TAP_DROP:
		return "drops";
	default:
		return "both";
	}
}

static const char *
state_name(const struct bf_capture *c)
{
	return c->state == BF_CAPTURE_RUNNING  ? "running"
		: c->state == BF_CAPTURE_ENDED ? "ended"
					       : "stopping";
}

static void
gather_capture(const struct bf_capture *c, ROW *row, struct bf_snapshot *s)
{
	row->id = c->id;
	row->port = bf_snapshot_copy(s, c->port);
	row->filter = c->filter_text[0] != '\0' ? bf_snapshot_copy(s, c->filter_text) : NULL;
	row->file = bf_snapshot_copy(s, c->path);
	row->state = state_name(c);
	row->why = c->why != NULL ? bf_snapshot_copy(s, c->why) : NULL;
	row->count = c->count;
	row->direction = direction_name(c->dirs);
	row->snaplen = c->snap;
	row->limit_mb = c->limit_mb;
	row->files = c->n_files;
	row->is_plain = c->dirs == (BF_TAP_IN | BF_TAP_OUT) && c->snap == BF_CAPTURE_SNAP_MAX &&
		c->n_files == 0;
	row->frames = __atomic_load_n(&c->file.frames, __ATOMIC_RELAXED);
	row->bytes = __atomic_load_n(&c->file.bytes, __ATOMIC_RELAXED);
	row->lost = bf_capture_lost(c);
}

/* The one with the lowest number above @p id. */
static const struct bf_capture *
next_capture(const struct bf_captures *cs, unsigned int id)
{
	const struct bf_capture *next = NULL;

	for (unsigned int i = 0; i < RTE_DIM(cs->at); i++)
		if (cs->at[i] != NULL && cs->at[i]->id > id &&
			(next == NULL || cs->at[i]->id < next->id))
			next = cs->at[i];
	return next;
}

static void
gather_captures(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const struct bf_capture *c = next_capture(&br->captures, 0);

	(void)only;
	for (; c != NULL; c = next_capture(&br->captures, c->id))
		gather_capture(c, bf_rows_add(s, &s->rows, sizeof(ROW)), s);
}

const struct bf_show bf_show_captures = {.table = &capture_table,
	.gather = gather_captures,
	.metrics = true,
	.endpoint = "captures"};
