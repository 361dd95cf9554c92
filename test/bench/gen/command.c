/* SPDX-License-Identifier: BSD-3-Clause */

/* Commands, see command.h. */

#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "distance.h"
#include "frame.h"
#include "port.h"
#include "trial.h"

#define WORDS_MAX 24
#define TRIAL_MAX_MS 600000

/* A line's "key=value" words, and the first thing that is wrong with them. */
struct request {
	char *keys[WORDS_MAX];
	char *values[WORDS_MAX];
	unsigned int n;
	char error[128];
};

static void __attribute__((format(printf, 2, 3))) refuse(struct request *r, const char *fmt, ...)
{
	va_list ap;

	if (r->error[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, ap);
	va_end(ap);
}

static void
read_words(struct request *r, char **rest)
{
	char *word, *equals;

	while ((word = strtok_r(NULL, " \t\r", rest)) != NULL) {
		equals = strchr(word, '=');
		if (equals == NULL || r->n == WORDS_MAX) {
			refuse(r, "%.40s: expected key=value", word);
			return;
		}
		*equals = '\0';
		r->keys[r->n] = word;
		r->values[r->n++] = equals + 1;
	}
}

static const char *
text(const struct request *r, const char *key, const char *absent)
{
	unsigned int i;

	for (i = 0; i < r->n; i++)
		if (strcmp(r->keys[i], key) == 0)
			return r->values[i];
	return absent;
}

static uint64_t
number(struct request *r, const char *key, uint64_t absent, uint64_t min, uint64_t max)
{
	const char *value = text(r, key, NULL);
	unsigned long long n;
	char *end;

	if (value == NULL)
		return absent;
	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || n < min || n > max)
		refuse(r, "%s=%.40s: expected %" PRIu64 " to %" PRIu64, key, value, min, max);
	return n;
}

static void
read_sizes(struct request *r, struct trial_spec *spec)
{
	const char *at = text(r, "size", "64");
	unsigned long max = rte_pktmbuf_data_room_size(port_pool) - RTE_PKTMBUF_HEADROOM;
	char *end;

	max = RTE_MIN(max + FRAME_FCS, (unsigned long)FRAME_SIZE_MAX);
	for (;;) {
		unsigned long size = strtoul(at, &end, 10);

		if (end == at || (*end != ',' && *end != '\0') || size < FRAME_SIZE_MIN ||
			size > max || spec->n_sizes == TRIAL_SIZES_MAX) {
			refuse(r, "size=%.40s: expected up to %d sizes of %d to %lu", at,
				TRIAL_SIZES_MAX, FRAME_SIZE_MIN, max);
			return;
		}
		spec->sizes[spec->n_sizes++] = (uint16_t)size;
		if (*end == '\0')
			return;
		at = end + 1;
	}
}

static void
read_spec(struct request *r, struct trial_spec *spec)
{
	const char *path = text(r, "path", trial_path_names[0]);

	memset(spec, 0, sizeof(*spec));
	while (spec->path < TRIAL_PATH_COUNT && strcmp(path, trial_path_names[spec->path]) != 0)
		spec->path++;
	if (spec->path == TRIAL_PATH_COUNT)
		refuse(r, "path=%.40s: expected p2v, v2p, pvp or v2v", path);
	spec->frames_per_s = number(r, "rate", 0, 0, 1000000000);
	spec->ms = (uint32_t)number(r, "ms", 1000, 1, TRIAL_MAX_MS);
	spec->count = number(r, "count", 0, 1, UINT32_MAX);
	spec->drain_ms = (uint32_t)number(r, "drain", 50, 1, 10000);
	spec->depth_us = (uint32_t)number(r, "depth", 5000, 1, 1000000);
	spec->n_wires = (uint16_t)number(r, "wires", 1, 1, n_wires);
	spec->n_guests = (uint16_t)number(r, "guests", n_ports - n_wires, 1, n_ports - n_wires);
	if (spec->path == TRIAL_V2V && spec->n_guests % 2 != 0)
		refuse(r, "guests=%u: expected an even number with v2v", spec->n_guests);
	spec->n_far_macs = (uint32_t)number(r, "macs", 1, 1, FRAME_FLOWS_MAX);
	spec->n_flows = (uint32_t)number(r, "flows", 512, 1, FRAME_FLOWS_MAX);
	spec->n_flows = RTE_MAX(spec->n_flows, (uint32_t)RTE_MAX(spec->n_wires, spec->n_guests));
	if (spec->count != 0)
		spec->count = RTE_MAX(spec->count, (uint64_t)PORTS_MAX);
	read_sizes(r, spec);
}

static void
cmd_ports(struct request *r)
{
	uint16_t i;

	(void)r;
	ports_look();
	printf("{\"ok\":true,\"tsc_hz\":%" PRIu64 ",\"ports\":[", rte_get_tsc_hz());
	for (i = 0; i < n_ports; i++)
		printf("%s{\"name\":\"%s\",\"role\":\"%s\",\"up\":%s}", i == 0 ? "" : ",",
			ports[i].name, ports[i].is_wire ? "wire" : "guest",
			ports[i].is_up ? "true" : "false");
	puts("]}");
}

static void
cmd_learn(struct request *r)
{
	struct trial_spec spec;

	read_spec(r, &spec);
	if (r->error[0] == '\0')
		printf("{\"ok\":true,\"sent\":%u}\n", trial_learn(&spec));
}

static void
cmd_settle(struct request *r)
{
	uint32_t quiet_ms = (uint32_t)number(r, "quiet", 20, 1, 1000);

	if (r->error[0] != '\0')
		return;
	trial_settle(quiet_ms);
	puts("{\"ok\":true}");
}

static void
print_result(const struct trial_spec *spec, const struct trial_result *t)
{
	uint64_t n_lost = t->sent > t->received ? t->sent - t->received : 0;
	double seconds = t->seconds > 0 ? t->seconds : 1;

	printf("{\"ok\":true,\"path\":\"%s\",\"seconds\":%.6f,\"due\":%" PRIu64 ",\"sent\":%" PRIu64
	       ",\"missed\":%" PRIu64 ",\"blocked\":%" PRIu64,
		trial_path_names[spec->path], t->seconds, t->due, t->sent, t->missed, t->blocked);
	printf(",\"received\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"duplicated\":%" PRIu64
	       ",\"reordered\":%" PRIu64 ",\"strays\":%" PRIu64 ",\"not_returned\":%" PRIu64,
		t->received, n_lost, t->duplicated, t->reordered, t->strays, t->not_returned);
	printf(",\"sent_pps\":%.0f,\"received_pps\":%.0f,\"sent_bps\":%.0f,\"received_bps\":%.0f",
		(double)t->sent / seconds, (double)t->received / seconds,
		(double)t->sent_bytes * 8 / seconds, (double)t->received_bytes * 8 / seconds);
	fputs(",\"latency_ns\":", stdout);
	histogram_print(stdout, &t->latency, rte_get_tsc_hz());
	puts("}");
}

static void
cmd_run(struct request *r)
{
	static struct trial_result trial;
	struct trial_spec spec;
	int ret;

	read_spec(r, &spec);
	if (r->error[0] != '\0')
		return;
	ret = trial_run(&spec, &trial);
	if (ret != 0)
		refuse(r, "%s", strerror(-ret));
	else
		print_result(&spec, &trial);
}

static void
cmd_distance(struct request *r)
{
	uint32_t cpu = (uint32_t)number(r, "cpu", 0, 0, CPU_SETSIZE - 1);
	double ns = 0;
	int ret;

	if (r->error[0] != '\0')
		return;
	ret = distance_measure(cpu, &ns);
	if (ret != 0)
		refuse(r, "cpu=%u: %s", cpu, strerror(-ret));
	else
		printf("{\"ok\":true,\"ns\":%.1f}\n", ns);
}

static const struct {
	const char *verb;
	void (*run)(struct request *r);
} commands[] = {
	{"ports", cmd_ports},
	{"learn", cmd_learn},
	{"settle", cmd_settle},
	{"run", cmd_run},
	{"distance", cmd_distance},
};

/* Words of the request come from the harness; a quote or backslash would break the answer. */
static void
print_error(const char *error)
{
	fputs("{\"ok\":false,\"error\":\"", stdout);
	for (; *error != '\0'; error++)
		putchar(*error < ' ' || *error == '"' || *error == '\\' ? '?' : *error);
	puts("\"}");
}

bool
command_run(char *line)
{
	struct request r = {.n = 0};
	char *rest, *verb = strtok_r(line, " \t\r", &rest);
	unsigned int i;

	if (verb == NULL)
		return true;
	if (strcmp(verb, "quit") == 0)
		return false;
	read_words(&r, &rest);
	for (i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(verb, commands[i].verb) == 0)
			break;
	if (i == RTE_DIM(commands))
		refuse(&r, "%.40s: expected ports, learn, settle, run, distance or quit", verb);
	else if (r.error[0] == '\0')
		commands[i].run(&r);
	if (r.error[0] != '\0')
		print_error(r.error);
	fflush(stdout);
	return true;
}
