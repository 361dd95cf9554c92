/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show guest NAME: who is at the other end, what was agreed upon, and where the rings stand.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "control/guests/rings.h"
#include "control/observe/stats.h"
#include "vhost/wire.h"

/*
 * How often the guest has kicked: nobody here reads its eventfd, so the kernel's counter is the sum.
 * That counter is shown in hexadecimal.
 */
static uint64_t
kicks_of(const struct bf_vhost_fd *kick)
{
	char path[48], line[128];
	uint64_t n = 0;
	FILE *f;

	if (kick->fd < 0 || kick->kind != BF_VHOST_FD_EVENT)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", kick->fd);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "eventfd-count:", 14) == 0)
			n = strtoull(line + 14, NULL, 16);
	if (f != NULL)
		fclose(f);
	return n;
}

/* A program's name as the kernel has it; another one may have the number by now. */
static const char *
name_of(pid_t pid, char *buf, size_t size)
{
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	if (f == NULL || fgets(buf, (int)size, f) == NULL)
		snprintf(buf, size, "unknown");
	if (f != NULL)
		fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
	for (char *p = buf; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return buf;
}

static void
show_peer(const struct bf_door_info *info, struct bf_out *out)
{
	char name[32], words[512], more[512];

	name_of(info->pid, name, sizeof(name));
	bf_vhost_feature_names(info->session.features, words, sizeof(words));
	bf_vhost_protocol_names(info->session.protocol, more, sizeof(more));
	bf_out_printf(out, "  Front end: %s, pid %d, user %u; %u connections\n", name,
		(int)info->pid, info->uid, info->connections);
	bf_out_printf(out, "  Features: %s\n  Protocol features: %s\n", words, more);
	bf_out_obj_begin(out, "peer");
	bf_out_str(out, "name", name);
	bf_out_i64(out, "pid", info->pid);
	bf_out_u64(out, "uid", info->uid);
	bf_out_obj_end(out);
	bf_out_str(out, "feature_names", words);
	bf_out_strf(out, "protocol_features", "0x%" PRIx64, info->session.protocol);
	bf_out_str(out, "protocol_feature_names", more);
	bf_out_bool(out, "migrating", info->session.features & BF_VHOST_F_LOG_ALL);
}

static const char *
offered_word(const struct bf_guest *g)
{
	static const char *const words[] = {"all", "nothing", "checksums", "all"};

	return words[g->cfg.offload];
}

/* What was negotiated of the virtio header, and who refused the rest. */
static void
show_offloads(const struct bf_guest *g, const struct bf_vhost_session *s, struct bf_out *out)
{
	static const struct {
		const char *name;
		unsigned int from, to;
	} all[] = {
		{"checksum", VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM},
		{"tso4", VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_GUEST_TSO4},
		{"tso6", VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_GUEST_TSO6},
		{"ecn", VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_GUEST_ECN},
	};
	static const char *const ways[] = {"from_guest", "to_guest"};
	static const char *const titles[] = {"from guest", "to guest"};

	bf_out_printf(out, "  Offloads (offered: %s):\n", offered_word(g));
	bf_out_obj_begin(out, "offloads");
	for (unsigned int way = 0; way < 2; way++) {
		bf_out_printf(out, "    %-10s", titles[way]);
		bf_out_obj_begin(out, ways[way]);
		for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			uint64_t bit = 1ULL << (way == 0 ? all[i].from : all[i].to);
			const char *is = s->features & bit ? "yes"
				: s->offer.features & bit  ? "refused by the front end"
							   : "not offered";

			bf_out_printf(out, " %s: %s%s", all[i].name, is, i < 3 ? "," : "\n");
			bf_out_str(out, all[i].name, is);
		}
		bf_out_obj_end(out);
	}
	bf_out_obj_end(out);
}

static void
show_offload_counters(const struct bf_port_counters *c, struct bf_out *out)
{
	bf_out_obj_begin(out, "offload_counters");
	for (unsigned int i = 0; i < bf_n_offload_counters; i++) {
		uint64_t n = bf_offload_counter(c, i);

		bf_out_printf(out, "    %-16s %12" PRIu64 "  %s\n", bf_offload_counters[i].name, n,
			bf_offload_counters[i].help);
		bf_out_u64(out, bf_offload_counters[i].name, n);
	}
	bf_out_obj_end(out);
}

static void
show_memory(const struct bf_guest *g, const struct bf_vhost_session *s, struct bf_out *out)
{
	char node[BF_SHOW_NODE_SIZE];
	uint64_t total = 0;

	for (uint32_t i = 0; i < s->n_regions; i++)
		total += s->region[i].size;
	bf_out_printf(out, "  Memory: %" PRIu64 " MiB in %u regions%s\n", total >> 20, s->n_regions,
		bf_show_node(g->numa_node, node));
	bf_out_arr_begin(out, "regions");
	for (uint32_t i = 0; i < s->n_regions; i++) {
		const struct bf_vhost_region *r = &s->region[i];

		bf_out_printf(out,
			"    0x%09" PRIx64 " %10" PRIu64 " KiB, pages of %" PRIu64 " KiB\n", r->gpa,
			r->size >> 10, r->page >> 10);
		bf_out_obj_begin(out, NULL);
		bf_out_strf(out, "guest_address", "0x%" PRIx64, r->gpa);
		bf_out_u64(out, "size", r->size);
		bf_out_u64(out, "page", r->page);
		bf_out_obj_end(out);
	}
	bf_out_arr_end(out);
}

static void
show_ring(const struct bf_guest *g, unsigned int q, const struct bf_vhost_session *s,
	struct bf_out *out)
{
	const struct bf_vhost_ring *v = &s->ring[q];
	const struct bf_ring *r = &g->dp->ring[q];
	const char *kind = s->features & BF_VHOST_F_RING_PACKED ? "packed" : "split";
	uint8_t fault = bf_guest_ring_fault(g, q);
	uint64_t kicks = kicks_of(&v->kick);

	bf_out_printf(out, "    %-4u %-10s %-4s %-6s %6u %6u %10" PRIu64 " %10" PRIu64 "%s%s\n", q,
		q & 1 ? "from guest" : "to guest", bf_ring_mode_name[r->mode], kind, v->size,
		r->seen, kicks, r->calls, fault != BF_RING_FAULT_NONE ? "  " : "",
		fault != BF_RING_FAULT_NONE ? bf_ring_fault_help[fault] : "");
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "ring", q);
	bf_out_str(out, "mode", bf_ring_mode_name[r->mode]);
	bf_out_str(out, "kind", kind);
	bf_out_u64(out, "size", v->size);
	bf_out_u64(out, "next", r->seen);
	bf_out_u64(out, "kicks", kicks);
	bf_out_u64(out, "calls", r->calls);
	if (fault != BF_RING_FAULT_NONE)
		bf_out_str(out, "fault", bf_ring_fault_help[fault]);
	bf_out_obj_end(out);
}

void
bf_show_connection(const struct bf_guest *g, const struct bf_port_counters *c, struct bf_out *out)
{
	struct bf_door_info info;

	bf_guest_look(g, &info);
	if (info.connections > 0) {
		show_peer(&info, out);
		show_offloads(g, &info.session, out);
		show_offload_counters(c, out);
		show_memory(g, &info.session, out);
		bf_out_printf(out,
			"    Ring Direction  Mode Kind     Size   Next      Kicks      Calls\n");
	} else {
		bf_out_printf(out,
			g->cfg.server ? "  Front end: none is connected\n"
				      : "  Front end: none listens at the socket\n");
	}
	bf_out_arr_begin(out, "rings");
	for (unsigned int q = 0; g->up && q < g->n_vrings; q++)
		show_ring(g, q, &info.session, out);
	bf_out_arr_end(out);
	if (info.refusals > 0)
		bf_out_printf(
			out, "  Refused %" PRIu64 " times, last: %s\n", info.refusals, info.error);
	bf_out_u64(out, "refusals", info.refusals);
	bf_out_str(out, "last_refusal", info.error);
}
