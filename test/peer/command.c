/* SPDX-License-Identifier: BSD-3-Clause */

/* Line commands, see command.h. */

#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "port.h"
#include "tally.h"

#define SETTLE_LOOKS 20
#define ARGS_MAX 32
#define WAIT_DEFAULT_MS 10000
#define WAIT_MAX_MS 60000

struct arg {
	const char *key;
	const char *value;
};

struct args {
	struct arg v[ARGS_MAX];
	unsigned int n;
	/* First problem met while reading values; empty when none. */
	char error[160];
};

static void __attribute__((format(printf, 2, 3))) set_error(struct args *a, const char *fmt, ...)
{
	va_list ap;

	if (a->error[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(a->error, sizeof(a->error), fmt, ap);
	va_end(ap);
}

static const char *
arg_text(struct args *a, const char *key, const char *absent)
{
	unsigned int i;

	for (i = 0; i < a->n; i++)
		if (strcmp(a->v[i].key, key) == 0)
			return a->v[i].value;
	if (absent == NULL)
		set_error(a, "%s= is missing", key);
	return absent != NULL ? absent : "";
}

static uint32_t
arg_number(struct args *a, const char *key, uint32_t absent, uint32_t max)
{
	const char *text = arg_text(a, key, "");
	char *end;
	unsigned long value;

	if (text[0] == '\0')
		return absent;
	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno != 0 || *end != '\0' || value > max)
		set_error(a, "%s=%s: expected 0 to %u", key, text, max);
	return (uint32_t)value;
}

/* Comma-separated numbers; returns how many. */
static uint16_t
arg_list(struct args *a, const char *key, uint16_t *values, uint16_t max_n)
{
	const char *text = arg_text(a, key, "");
	uint16_t n = 0;
	char *end;

	while (text[0] != '\0') {
		unsigned long value = strtoul(text, &end, 0);

		if (end == text || value > UINT16_MAX || n == max_n) {
			set_error(a, "%s: bad list at \"%s\"", key, text);
			return 0;
		}
		values[n++] = (uint16_t)value;
		text = *end == ',' ? end + 1 : end;
	}
	return n;
}

static struct rte_ether_addr
arg_mac(struct args *a, const char *key, const char *absent)
{
	const char *text = arg_text(a, key, absent);
	struct rte_ether_addr mac = {0};

	if (rte_ether_unformat_addr(text, &mac) != 0)
		set_error(a, "%s=%s: not a MAC address", key, text);
	return mac;
}

static struct port *
arg_port(struct args *a)
{
	const char *text = arg_text(a, "port", NULL);
	struct port *p = port_find(arg_number(a, "port", PORTS_MAX, PORTS_MAX));

	if (p == NULL)
		set_error(a, "port=%s: no such port", text);
	return p;
}

static uint64_t
arg_deadline(struct args *a)
{
	uint32_t ms = arg_number(a, "timeout", WAIT_DEFAULT_MS, WAIT_MAX_MS);

	return rte_rdtsc() + ms * (rte_get_tsc_hz() / 1000);
}

static void
answer_error(const struct args *a)
{
	const char *c;

	fputs("{\"ok\":false,\"error\":\"", stdout);
	for (c = a->error; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			putchar('\\');
		putchar(isprint((unsigned char)*c) ? *c : '?');
	}
	fputs("\"}\n", stdout);
}

static void
answer_rc(struct args *a, int ret)
{
	if (ret != 0)
		set_error(a, "%s", strerror(ret < 0 ? -ret : EIO));
	else
		puts("{\"ok\":true}");
}

static void
cmd_ports(struct args *a)
{
	const char *comma = "";
	unsigned int id;

	(void)a;
	fputs("{\"ok\":true,\"ports\":[", stdout);
	for (id = 0; id < PORTS_MAX; id++) {
		const struct port *p = port_find(id);
		uint16_t mtu = 0;

		if (p == NULL)
			continue;
		rte_eth_dev_get_mtu(p->ethdev, &mtu);
		printf("%s{\"port\":%u,\"name\":\"%s\",\"up\":%s,\"started\":%s,\"queues\":%u,"
		       "\"mtu\":%u,\"rx\":%" PRIu64 ",\"rx_other\":%" PRIu64 ",\"tx\":%" PRIu64 "}",
			comma, id, p->name, p->is_up ? "true" : "false",
			p->is_started ? "true" : "false", p->n_queues, mtu, p->n_rx, p->n_rx_other,
			p->n_tx);
		comma = ",";
	}
	fputs("]}\n", stdout);
}

static void
read_spec(struct args *a, struct frame_spec *spec)
{
	static const uint16_t default_size = 60;
	const char *kind = arg_text(a, "kind", "ip4udp");
	uint16_t i;

	memset(spec, 0, sizeof(*spec));
	spec->dst = arg_mac(a, "dst", NULL);
	spec->src = arg_mac(a, "src", NULL);
	spec->n_src = arg_number(a, "srcs", 1, 1u << 20);
	while (spec->kind < FRAME_KIND_COUNT && strcmp(kind, frame_kind_names[spec->kind]) != 0)
		spec->kind++;
	if (spec->kind == FRAME_KIND_COUNT) {
		set_error(a, "kind=%s: expected ether, ip4udp, ip4tcp, ip6udp or ip6tcp", kind);
		return;
	}
	spec->ether_type = (uint16_t)arg_number(a, "type", 0x88b5, UINT16_MAX);
	spec->n_vlans = arg_list(a, "vlan", spec->vlans, 2);
	spec->n_flows = (uint16_t)arg_number(a, "flows", 1, FRAME_FLOWS_MAX);
	spec->stream = (uint16_t)arg_number(a, "stream", 0, UINT16_MAX);
	spec->n_sizes = arg_list(a, "size", spec->sizes, FRAME_SIZES_MAX);
	if (spec->n_sizes == 0)
		spec->sizes[spec->n_sizes++] = default_size;
	if (spec->n_flows == 0 || spec->n_src == 0)
		set_error(a, "flows= and srcs= start at 1");
	for (i = 0; i < spec->n_sizes; i++)
		if (spec->sizes[i] < frame_min_size(spec) || spec->sizes[i] > FRAME_MAX)
			set_error(a, "size=%u: expected %u to %u", spec->sizes[i],
				frame_min_size(spec), FRAME_MAX);
}

static void
cmd_send(struct args *a)
{
	struct port *p = arg_port(a);
	struct send_job job = {.is_active = true};
	uint32_t count = arg_number(a, "count", 1, 1u << 22);

	read_spec(a, &job.spec);
	job.next = arg_number(a, "first", 0, 1u << 22);
	job.end = job.next + count;
	job.burst = (uint16_t)arg_number(a, "burst", PORT_BURST_MAX, PORT_BURST_MAX);
	job.rate = arg_number(a, "rate", 0, UINT32_MAX);
	job.ahead = arg_number(a, "ahead", 0, UINT16_MAX);
	job.queue = (uint16_t)arg_number(a, "queue", QUEUE_BY_FLOW, UINT16_MAX);
	if (a->error[0] != '\0')
		return;
	if (job.burst == 0)
		job.burst = 1;
	if (job.queue != QUEUE_BY_FLOW && job.queue >= p->n_queues)
		set_error(a, "queue=%u: expected 0 to %u", job.queue, p->n_queues - 1);
	else if (p->job.is_active)
		set_error(a, "port is still sending");
	if (a->error[0] != '\0')
		return;
	job.start_tsc = rte_rdtsc();
	p->job = job;
	puts("{\"ok\":true}");
}

/* A slow stream beside everything else, in place of the one before: how many that has sent. rate=0: none. */
static void
cmd_steady(struct args *a)
{
	struct port *p = arg_port(a);
	uint32_t rate = arg_number(a, "rate", 0, 10000), n_sent;
	struct steady_job s = {0};

	if (rate > 0)
		read_spec(a, &s.spec);
	if (rate > 0 && !tally_is_steady(s.spec.stream))
		set_error(a, "stream=%u: expected %u to %u", s.spec.stream, TALLY_STEADY_FIRST,
			TALLY_STEADY_LAST);
	if (a->error[0] != '\0')
		return;
	if (rate > 0)
		s.period_tsc = rte_get_tsc_hz() / rate;
	n_sent = p->steady.next;
	p->steady = s;
	printf("{\"ok\":true,\"sent\":%u}\n", n_sent);
}

/* Wait until every send job has ended; jobs that have not by then are cancelled. */
static void
cmd_wait(struct args *a)
{
	uint64_t deadline = arg_deadline(a), n_sent = 0;
	unsigned int id;
	bool is_done;

	do {
		if (command_idle() == 0)
			rte_delay_us_sleep(50);
		is_done = true;
		for (id = 0; id < PORTS_MAX; id++)
			if (port_find(id) != NULL && port_find(id)->job.is_active)
				is_done = false;
	} while (!is_done && rte_rdtsc() < deadline);
	for (id = 0; id < PORTS_MAX; id++) {
		if (port_find(id) == NULL)
			continue;
		n_sent += port_find(id)->job.n_sent;
		port_cancel_job(port_find(id));
		port_find(id)->job.n_sent = 0;
	}
	if (!is_done)
		set_error(a, "timeout: %" PRIu64 " frames sent", n_sent);
	else
		printf("{\"ok\":true,\"sent\":%" PRIu64 "}\n", n_sent);
}

/* Wait until a port has got that many distinct frames of a stream; timing out is no error. */
static void
cmd_await(struct args *a)
{
	struct port *p = arg_port(a);
	uint16_t stream = (uint16_t)arg_number(a, "stream", 0, UINT16_MAX);
	uint32_t count = arg_number(a, "count", 1, 1u << 22);
	uint64_t deadline = arg_deadline(a);

	if (a->error[0] != '\0')
		return;
	while (tally_distinct((uint16_t)port_id(p), stream) < count && rte_rdtsc() < deadline)
		if (command_idle() == 0)
			rte_delay_us_sleep(50);
	fputs("{\"ok\":true,\"stream\":", stdout);
	tally_print(stdout, (uint16_t)port_id(p), stream, count, TALLY_LISTED);
	fputs("}\n", stdout);
}

/*
 * Run until nothing, but steady streams, has arrived anywhere for quiet= milliseconds.  A process that gets no CPU for so
 * long has not looked: it has to have looked often enough as well.
 */
static void
cmd_settle(struct args *a)
{
	uint64_t ms = rte_get_tsc_hz() / 1000, quiet = arg_number(a, "quiet", 50, 5000) * ms;
	uint64_t deadline = arg_deadline(a), last = rte_rdtsc();
	unsigned int looks = 0;

	while ((rte_rdtsc() - last < quiet || looks < SETTLE_LOOKS) && rte_rdtsc() < deadline) {
		looks++;
		if (command_idle() != 0) {
			last = rte_rdtsc();
			looks = 0;
		} else {
			rte_delay_us_sleep(50);
		}
	}
	puts("{\"ok\":true}");
}

static void
cmd_stats(struct args *a)
{
	uint16_t port = (uint16_t)arg_number(a, "port", UINT16_MAX, UINT16_MAX);
	uint32_t stream = arg_number(a, "stream", UINT32_MAX, UINT16_MAX);
	uint32_t expect = arg_number(a, "expect", 0, 1u << 22);
	uint32_t listed = arg_number(a, "listed", TALLY_LISTED, 1u << 22);

	if (a->error[0] != '\0')
		return;
	fputs("{\"ok\":true,\"streams\":", stdout);
	if (stream == UINT32_MAX) {
		tally_print_all(stdout, port);
	} else {
		putchar('[');
		tally_print(stdout, port, (uint16_t)stream, expect, listed);
		putchar(']');
	}
	fputs("}\n", stdout);
}

/* steady=1: what came of steady streams, too. */
static void
cmd_clear(struct args *a)
{
	bool steady = arg_number(a, "steady", 0, 1) != 0;
	unsigned int id;

	if (a->error[0] != '\0')
		return;
	tally_clear(steady);
	for (id = 0; id < PORTS_MAX; id++) {
		struct port *p = port_find(id);

		if (p != NULL)
			p->n_rx = p->n_rx_other = p->n_tx = 0;
	}
	puts("{\"ok\":true}");
}

static int
hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* One frame from hex digits up to a comma or the end; returns bytes, 0 when malformed. */
static uint16_t
parse_hex(const char **text, uint8_t *frame)
{
	uint16_t n = 0;
	const char *c = *text;

	while (isxdigit((unsigned char)c[0]) && isxdigit((unsigned char)c[1]) && n < FRAME_MAX) {
		frame[n++] = (uint8_t)(hex_digit(c[0]) << 4 | hex_digit(c[1]));
		c += 2;
	}
	if (*c != '\0' && *c != ',')
		return 0;
	*text = *c == ',' ? c + 1 : c;
	return n;
}

static void
cmd_raw(struct args *a)
{
	static uint8_t frame[FRAME_MAX];
	struct port *p = arg_port(a);
	const char *hex = arg_text(a, "hex", NULL);
	uint32_t i, count = arg_number(a, "count", 1, 100000), n_sent = 0;
	uint16_t len, queue = (uint16_t)arg_number(a, "queue", 0, UINT16_MAX);

	while (a->error[0] == '\0' && *hex != '\0') {
		len = parse_hex(&hex, frame);
		if (len == 0)
			set_error(a, "hex=: not pairs of hex digits");
		for (i = 0; i < count && a->error[0] == '\0'; i++) {
			if (!port_send_raw(p, queue, frame, len))
				set_error(a, "ring full after %u frames", n_sent);
			else
				n_sent++;
			command_idle();
		}
	}
	if (a->error[0] == '\0')
		printf("{\"ok\":true,\"sent\":%u}\n", n_sent);
}

static void
cmd_capture(struct args *a)
{
	struct port *p = arg_port(a);
	uint32_t count = arg_number(a, "count", 1, CAPTURE_MAX);
	const char *match = arg_text(a, "match", "any");
	bool is_other = strcmp(match, "other") == 0;

	if (!is_other && strcmp(match, "any") != 0)
		set_error(a, "match=%s: expected any or other", match);
	if (a->error[0] != '\0')
		return;
	port_capture(p, count, is_other ? CAPTURE_OTHER : CAPTURE_ANY);
	puts("{\"ok\":true}");
}

/* Print what a capture holds now, after waiting up to timeout= for it to be full. */
static void
cmd_captured(struct args *a)
{
	struct port *p = arg_port(a);
	uint64_t deadline = arg_deadline(a);
	uint32_t i;
	uint16_t j;

	if (a->error[0] != '\0')
		return;
	while (p->n_captured < p->n_capture_wanted && rte_rdtsc() < deadline)
		if (command_idle() == 0)
			rte_delay_us_sleep(50);
	fputs("{\"ok\":true,\"frames\":[", stdout);
	for (i = 0; i < p->n_captured; i++) {
		fputs(i == 0 ? "\"" : ",\"", stdout);
		for (j = 0; j < p->captured_len[i]; j++)
			printf("%02x", p->captured[i][j]);
		putchar('"');
	}
	fputs("]}\n", stdout);
}

static void
cmd_start(struct args *a)
{
	struct port *p = arg_port(a);

	if (a->error[0] == '\0')
		answer_rc(a, port_set_started(p, true));
}

static void
cmd_stop(struct args *a)
{
	struct port *p = arg_port(a);

	if (a->error[0] == '\0')
		answer_rc(a, port_set_started(p, false));
}

/* As much as a link of so many Mbit/s brings; 0: as much as there is. */
static void
cmd_pace(struct args *a)
{
	struct port *p = arg_port(a);
	uint64_t mbit = arg_number(a, "mbit", 0, 1000000);

	if (a->error[0] != '\0')
		return;
	p->pace = mbit * 1000000 / 8;
	p->paced_tsc = 0;
	answer_rc(a, 0);
}

static void
cmd_mtu(struct args *a)
{
	struct port *p = arg_port(a);
	uint16_t mtu = (uint16_t)arg_number(a, "value", 1500, UINT16_MAX);

	if (a->error[0] == '\0')
		answer_rc(a, rte_eth_dev_set_mtu(p->ethdev, mtu));
}

static void
cmd_pool(struct args *a)
{
	uint32_t n_avail, n_size;

	(void)a;
	ports_pool(&n_avail, &n_size);
	printf("{\"ok\":true,\"avail\":%u,\"size\":%u}\n", n_avail, n_size);
}

static const struct {
	const char *verb;
	void (*run)(struct args *a);
} commands[] = {
	{"ports", cmd_ports},
	{"send", cmd_send},
	{"steady", cmd_steady},
	{"wait", cmd_wait},
	{"await", cmd_await},
	{"settle", cmd_settle},
	{"stats", cmd_stats},
	{"clear", cmd_clear},
	{"raw", cmd_raw},
	{"capture", cmd_capture},
	{"captured", cmd_captured},
	{"start", cmd_start},
	{"stop", cmd_stop},
	{"mtu", cmd_mtu},
	{"pace", cmd_pace},
	{"pool", cmd_pool},
};

static void
split_args(struct args *a)
{
	char *word, *value;

	while ((word = strtok(NULL, " \t\r\n")) != NULL) {
		value = strchr(word, '=');
		if (value == NULL || a->n == ARGS_MAX) {
			set_error(a, "\"%s\": expected key=value", word);
			return;
		}
		*value = '\0';
		a->v[a->n++] = (struct arg){.key = word, .value = value + 1};
	}
}

bool
command_run(char *line)
{
	struct args a = {.n = 0};
	char *verb = strtok(line, " \t\r\n");
	unsigned int i;

	if (verb == NULL)
		return true;
	if (strcmp(verb, "quit") == 0)
		return false;
	split_args(&a);
	for (i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(verb, commands[i].verb) == 0)
			break;
	if (i == RTE_DIM(commands))
		set_error(&a, "\"%s\": no such command", verb);
	else if (a.error[0] == '\0')
		commands[i].run(&a);
	if (a.error[0] != '\0')
		answer_error(&a);
	fflush(stdout);
	return true;
}
