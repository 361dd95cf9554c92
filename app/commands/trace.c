/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What would become of a frame, and why something does not work.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>
#include <rte_common.h>

#include "app.h"
#include "base/file.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"
#include "control/snapshot/trace.h"
#include "control/snapshot/why.h"

#define PCAP_NUMBER_MAX \
	100000 /* files are read from their begin, and the control loop waits for that */
#define PCAP_FRAMES_MAX \
	1000 /* of a file that are traced at once: a reader of text has enough of them */
#define PCAP_PORTS_MAX \
	32000 /* all of them together may reach so many ports: control waits for it */

/* ---- where frames come from ---- */

/* A bond or a guest; or a member, whose frames come from its bond. */
static bool
find_port(struct bf_cmd_ctx *ctx, uint16_t *slot, int *member)
{
	static struct bf_port_ref refs[BF_MAX_PORT_IDS];
	const char *text = bf_cmd_arg(ctx, "port");

	if (strcmp(text, "all") == 0) {
		bf_out_usage(ctx->out, "port: \"all\": expected one port");
		return false;
	}
	if (bf_app_ports(ctx->app, text, refs, ctx->out) == 0)
		return false;
	if (refs[0].kind == BF_REF_ETHDEV && refs[0].up == NULL) {
		bf_out_usage(ctx->out,
			"port: \"%.60s\": expected a guest, a bond or a member of one", text);
		return false;
	}
	*slot = bf_ref_slot(&refs[0]);
	*member = -1;
	for (unsigned int i = 0; refs[0].kind == BF_REF_ETHDEV && i < refs[0].up->bond.n_members;
		i++)
		if (refs[0].up->bond.members[i].port == refs[0].ethdev)
			*member = (int)i;
	return true;
}

/* `member MEMBER`, of the bond that was named. */
static bool
find_member(struct bf_cmd_ctx *ctx, uint16_t slot, int *member)
{
	const char *text = bf_cmd_arg(ctx, "member");
	const struct bf_app *app = ctx->app;
	const struct bf_bond *b;

	if (text == NULL)
		return true;
	if (!bf_is_bond_slot(slot)) {
		bf_out_usage(
			ctx->out, "member: \"%.60s\": expected for frames from a bond only", text);
		return false;
	}
	b = &app->br->up[bf_bond_of_slot(slot)].bond;
	for (unsigned int i = 0; i < b->n_members; i++)
		if (strcmp(b->members[i].name, text) == 0) {
			*member = (int)i;
			return true;
		}
	bf_out_usage(ctx->out, "member: \"%.60s\": not a member of %s", text, b->cfg.name);
	return false;
}

static struct bf_tracer *
tracer_begin(struct bf_cmd_ctx *ctx)
{
	const struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	struct bf_tracer *tr;
	uint16_t slot = 0;
	int member = -1;

	if (!find_port(ctx, &slot, &member) || !find_member(ctx, slot, &member))
		return NULL;
	tr = bf_tracer_begin(app->br, slot, member, &err);
	if (tr == NULL)
		bf_app_error(ctx->out, -errno, &err);
	return tr;
}

static bool
frame_trace(struct bf_cmd_ctx *ctx, struct bf_tracer *tr, const uint8_t *data, uint32_t len,
	uint32_t number, struct bf_snapshot *s)
{
	const struct bf_app *app = ctx->app;

	if (bf_tracer_walk(tr, data, len) == NULL) {
		bf_out_error(ctx->out, "trace: no buffer is left");
		return false;
	}
	bf_tracer_describe(tr, app->br, number, s);
	return true;
}

/* ---- trace frame ---- */

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
		c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Two digits a byte; colons and blanks between bytes are for people. @return how many; 0 with the reason */
static uint32_t
parse_hex(const char *text, uint8_t *frame, struct bf_err *err)
{
	uint32_t len = 0;

	for (const char *p = text; *p != '\0'; p++) {
		int high = hex_digit(p[0]);

		if (*p == ':' || *p == ' ')
			continue;
		if (high < 0 || hex_digit(p[1]) < 0) {
			bf_err_set(err, EINVAL,
				"frame: \"%.20s\": expected two hexadecimal digits for each byte",
				p);
			return 0;
		}
		if (len == BF_LONGEST_FRAME) {
			bf_err_set(err, EINVAL, "frame: \"%.20s...\": expected 1 to %d bytes", text,
				BF_LONGEST_FRAME);
			return 0;
		}
		frame[len++] = (uint8_t)(high << 4 | hex_digit(*++p));
	}
	if (len == 0)
		bf_err_set(err, EINVAL,
			"frame: \"%.20s\": expected 1 to %d bytes in hexadecimal digits", text,
			BF_LONGEST_FRAME);
	return len;
}

static void
cmd_frame(struct bf_cmd_ctx *ctx)
{
	struct bf_snapshot s = {.in_full = true};
	uint8_t frame[BF_LONGEST_FRAME];
	struct bf_err err = {""};
	struct bf_tracer *tr;
	uint32_t len = parse_hex(bf_cmd_arg(ctx, "hex"), frame, &err);

	if (len == 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	tr = tracer_begin(ctx);
	if (tr != NULL && frame_trace(ctx, tr, frame, len, 1, &s))
		bf_app_render(ctx->out, &bf_trace_table, &s, true);
	bf_tracer_end(tr);
}

/* ---- trace pcap ---- */

/* A pipe or a device would let control wait. */
static FILE *
file_open(const char *path, struct bf_err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");
	char why[BF_FILE_WHY_MAX];
	struct stat st;

	if (f == NULL || fstat(fd, &st) != 0) {
		bf_err_set(err, EIO, "file: \"%.200s\": %s", path, bf_file_why(path, errno, why));
	} else if (!S_ISREG(st.st_mode)) {
		bf_err_set(err, EINVAL, "file: \"%.200s\": expected a file", path);
	} else {
		return f;
	}
	if (f != NULL)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	return NULL;
}

static pcap_t *
capture_open(const char *path, struct bf_err *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *f = file_open(path, err);
	pcap_t *p;

	if (f == NULL)
		return NULL;
	p = pcap_fopen_offline(f, why); /* then the file is its own */
	if (p == NULL) {
		fclose(f);
		bf_err_set(err, EINVAL, "file: \"%.200s\": expected a capture of frames: %s", path,
			why);
	} else if (pcap_datalink(p) != DLT_EN10MB) {
		bf_err_set(err, EINVAL,
			"file: \"%.200s\": expected frames of Ethernet, and it has %.40s", path,
			pcap_datalink_val_to_name(pcap_datalink(p)) != NULL
				? pcap_datalink_val_to_name(pcap_datalink(p))
				: "others");
		pcap_close(p);
		p = NULL;
	}
	return p;
}

/* What was cut off by the capture is zero here: nothing is decided by it. */
static bool
packet_trace(struct bf_cmd_ctx *ctx, struct bf_tracer *tr, const struct pcap_pkthdr *head,
	const uint8_t *data, uint32_t number, struct bf_snapshot *s)
{
	uint8_t frame[BF_LONGEST_FRAME] = {0};

	if (head->len < 1 || head->len > BF_LONGEST_FRAME) {
		bf_out_usage(ctx->out, "frame %u: \"%u bytes\": expected 1 to %d", number,
			head->len, BF_LONGEST_FRAME);
		return false;
	}
	memcpy(frame, data, head->caplen < head->len ? head->caplen : head->len);
	return frame_trace(ctx, tr, frame, head->len, number, s);
}

/* The frames @p first to @p last of a file. */
static void
file_trace(struct bf_cmd_ctx *ctx, pcap_t *p, uint64_t first, uint64_t last)
{
	struct bf_snapshot s = {.in_full = true};
	struct bf_tracer *tr = tracer_begin(ctx);
	struct pcap_pkthdr *head;
	const uint8_t *data;
	uint64_t n = 0;
	int ret = 0;

	while (tr != NULL && n < last && (ret = pcap_next_ex(p, &head, &data)) == 1)
		if (++n >= first && !packet_trace(ctx, tr, head, data, (uint32_t)n, &s))
			break;
	if (tr != NULL && ret == PCAP_ERROR)
		bf_out_error(
			ctx->out, "file: behind frame %u: %s", (unsigned int)n, pcap_geterr(p));
	else if (tr != NULL && n < first)
		bf_out_usage(ctx->out, "number: \"%s\": expected 1 to %u, as many as the file has",
			bf_cmd_arg(ctx, "number"), (unsigned int)n);
	if (bf_out_status(ctx->out) == BF_OUT_OK)
		bf_app_render(ctx->out, &bf_trace_table, &s, first == last);
	else
		bf_snapshot_fini(&s);
	bf_tracer_end(tr);
}

static void
cmd_pcap(struct bf_cmd_ctx *ctx)
{
	const char *number = bf_cmd_arg(ctx, "number");
	uint32_t n_ports = ((const struct bf_app *)ctx->app)->br->running->n_guests + 1;
	uint64_t first = 1, last = RTE_MIN(PCAP_FRAMES_MAX, PCAP_PORTS_MAX / n_ports);
	struct bf_err err = {""};
	pcap_t *p;

	if (strcmp(number, "all") != 0) {
		if (bf_parse_u64("number", number, 1, PCAP_NUMBER_MAX, &first, &err) != 0) {
			bf_out_usage(ctx->out, "%s, or all", err.text);
			return;
		}
		last = first;
	}
	p = capture_open(bf_cmd_arg(ctx, "file"), &err);
	if (p == NULL) {
		bf_app_error(ctx->out, -errno, &err);
		return;
	}
	file_trace(ctx, p, first, last);
	pcap_close(p);
}

/* ---- why ---- */

static void
cmd_why_port(struct bf_cmd_ctx *ctx)
{
	struct bf_snapshot s = {.in_full = true};
	const struct bf_app *app = ctx->app;
	uint16_t slot = 0;
	int member = -1;

	if (!find_port(ctx, &slot, &member))
		return;
	bf_why_port(app->br, slot, member, bf_cmd_arg(ctx, "port"), &s);
	bf_app_render(ctx->out, &bf_why_table, &s, true);
}

static void
cmd_why_stations(struct bf_cmd_ctx *ctx)
{
	struct bf_snapshot s = {.in_full = true};
	const char *text = bf_cmd_arg(ctx, "vlan");
	const struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	uint8_t from[6], to[6];
	uint64_t vlan = 0;

	if (bf_parse_mac("mac", bf_cmd_arg(ctx, "from"), false, from, &err) != 0 ||
		bf_parse_mac("to", bf_cmd_arg(ctx, "to"), false, to, &err) != 0 ||
		(text != NULL && bf_parse_u64("vlan", text, 0, 4094, &vlan, &err) != 0)) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	bf_why_stations(app->br, from, to, text != NULL ? (int)vlan : BF_WHY_ANY_VLAN, &s);
	bf_app_render(ctx->out, &bf_why_table, &s, true);
}

static const struct bf_cmd trace_cmds[] = {
	{"trace frame <hex> from <port> [member <member>]",
		"What the switch would do with a frame, step by step. HEX is the frame from its\n"
		"destination address on, without FCS. Nothing is sent, counted or learned.",
		cmd_frame, 0},
	{"trace pcap <file> (number:<number>|all) from <port> [member <member>]",
		"The same for a frame of a capture file, by its number from 1 on, or for the first 1000\n"
		"(fewer with more than 31 guests).",
		cmd_pcap, 0},
	{"why <port>",
		"Why a guest, a bond or a member does not work: likely causes, each with its figure and\n"
		"the command that helps. If it finds nothing, the port works as far as bondfwd can see.",
		cmd_why_port, 0},
	{"why mac <from> to <to> [vlan <vlan>]",
		"Why frames of a station do not reach another one, by their MAC addresses.",
		cmd_why_stations, 0},
};

const struct bf_cmd_group bf_group_trace = {
	"trace", "What becomes of a frame, and why something does not work", BF_CMDS(trace_cmds)};
