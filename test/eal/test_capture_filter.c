/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Filters of captures and of guests: what taps with one copy, and what rules decide, against what libpcap says of the
 * same frames in one piece.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>

#include <pcap/pcap.h>
#include <rte_ether.h>

#include "control/config/expression.h"
#include "control/config/filter_text.h"
#include "control/observe/taps.h"
#include "dataplane/filter.h"
#include "draw.h"
#include "rig.h"

#define FRAMES 10000
#define LONGEST 1600
#define ROOM 96 /* of a piece: most frames consist of several */

static struct rig *r;
static struct bf_taps taps;

static int
set_up(void **state)
{
	(void)state;
	r = rig_new(1, 1);
	return r == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return rig_end(r);
}

static const char *const expressions[] = {
	"tcp port 80",
	"udp and not port 53",
	"host 10.0.0.1 or host 10.0.0.2",
	"net 10.0.0.0/30 and icmp",
	"ip6 and tcp",
	"host fd00::1",
	"arp or vlan",
	"vlan 5 and udp port 53",
	"ether src 02:00:00:00:00:01 or ether broadcast",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"ip[6:2] & 0x1fff != 0",
	"greater 600 or less 64",
	"ether[100] = 7 or ether[1000:2] > 30000",
	"ip[0] & 0xf != 5 and udp[4:2] > 1000",
	"len - 14 = ip[2:2]",
	"ip[8] % 3 = 1 and ip[9] / ip[8] < 2",
	"ip[8] << 2 > 200 or ip[8] >> 3 = 1 or (ip[4] ^ ip[5]) | 1 = 3",
	"tcp portrange 80-90 and greater 100",
	"ether proto 0x88b6 or mpls",
	"ether[0] & 1 != 0 and ether[12:4] = 0x08060001",
	"(ip or ip6) and not (tcp or udp) and not broadcast",
};

/* One of some values, so that expressions meet some. */
static uint8_t
few(uint64_t *d, const char *values, unsigned int n)
{
	return (uint8_t)values[draw_below(d, n)];
}

/* A frame that looks like one, with bytes by chance behind its headers and sometimes in them. */
static uint32_t
frame_draw(uint64_t *d, uint8_t *p)
{
	static const uint16_t types[] = {
		0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x8847, 0x8864, 0x88b6};
	uint32_t len = draw_below(d, 4) == 0 ? draw_below(d, 80) + 1 : draw_below(d, LONGEST) + 1;
	uint16_t type = types[draw_below(d, RTE_DIM(types))];
	uint8_t *at = p + 12;

	for (uint32_t i = 0; i < len + 100; i += 8)
		memcpy(p + i, &(uint64_t){draw(d)}, 8);
	memcpy(p, draw_below(d, 3) == 0 ? "\xff\xff\xff\xff\xff\xff" : "\x02\0\0\0\0\x02", 6);
	memcpy(p + 6, draw_below(d, 2) == 0 ? "\x02\0\0\0\0\x01" : "\x02\0\0\0\0\x03", 6);
	if (draw_below(d, 3) == 0) {
		memcpy(at, "\x81\0\0", 3);
		at[3] = few(d, "\x05\x06", 2);
		at += 4;
	}
	*at++ = (uint8_t)(type >> 8);
	*at++ = (uint8_t)type;
	if (type == 0x0800) {
		at[0] = draw_below(d, 4) == 0 ? 0x46 : 0x45;
		at[2] = (uint8_t)((len - 14) >> 8);
		at[3] = (uint8_t)(len - 14);
		at[6] = draw_below(d, 4) == 0 ? at[6] : 0;
		at[7] = draw_below(d, 4) == 0 ? at[7] : 0;
		at[8] = few(d, "\0\1\7\100", 4);
		at[9] = few(d, "\1\6\21\6\21\63", 6);
		memcpy(at + 12, "\x0a\0\0", 3);
		memcpy(at + 16, "\x0a\0\0", 3);
		at[15] = few(d, "\1\2\3\5", 4);
		at[19] = few(d, "\1\2\3\5", 4);
		at += at[0] == 0x46 ? 24 : 20;
	} else if (type == 0x86dd) {
		at[0] = 0x60;
		at[6] = few(d, "\6\21\54\72", 4);
		memcpy(at + 8, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
		memcpy(at + 24, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
		at[23] = few(d, "\1\2", 2);
		at[39] = few(d, "\1\2", 2);
		at += 40;
	}
	at[0] = at[2] = 0;
	at[1] = few(d, "\120\65\132\1", 4);
	at[3] = few(d, "\120\65\132\1", 4);
	return len;
}

/* In pieces of at most @p room bytes. */
static struct rte_mbuf *
mbuf_of(const uint8_t *p, uint32_t len, uint32_t room)
{
	struct rte_mbuf *head = NULL;

	while (len > 0) {
		uint16_t part = (uint16_t)RTE_MIN(len, room);
		struct rte_mbuf *m = rte_pktmbuf_alloc(r->pool);

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, part), p, part);
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		p += part;
		len -= part;
	}
	return head;
}

/* Whether a tap with a filter copies a frame. */
static bool
takes(struct bf_tap *tap, struct rte_mbuf *m)
{
	unsigned int worker, n = 0;

	bf_tap_frames(r->w, 1, BF_TAP_IN, 1, 0, &m, 1);
	while (bf_tap_oldest(tap, &worker) != NULL) {
		bf_tap_done(tap, worker);
		n++;
	}
	assert_in_range(n, 0, 1);
	return n == 1;
}

/* @return how many of the frames pass */
static unsigned int
compare(const char *text)
{
	struct bf_tap_spec spec = {
		.slot = 1, .dirs = BF_TAP_IN, .every = 1, .snap = LONGEST, .tape_bytes = 1 << 16};
	struct bpf_program *filter;
	struct bpf_program program;
	struct bf_err err = {""};
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
	unsigned int pass = 0;
	uint8_t buf[LONGEST + 256];
	uint64_t d = 1;

	assert_int_equal(pcap_compile(p, &program, text, 1, PCAP_NETMASK_UNKNOWN), 0);
	if (bf_expression_open(&filter, text, &err) != 0)
		fail_msg("%s", err.text);
	spec.program = filter;
	r->view->taps[0] = bf_taps_open(&taps, &r->lcores, &spec, &err);
	for (unsigned int i = 0; i < FRAMES; i++) {
		uint32_t len = frame_draw(&d, buf);
		const struct pcap_pkthdr head = {.caplen = len, .len = len};
		struct rte_mbuf *m = mbuf_of(buf, len, i % 2 == 0 ? ROOM : LONGEST);
		bool want = pcap_offline_filter(&program, &head, buf) != 0;

		pass += want;
		if (takes(r->view->taps[0], m) != want)
			fail_msg("\"%s\", frame %u of %u bytes: expected %d", text, i, len, want);
		rte_pktmbuf_free(m);
	}
	bf_taps_retire(&taps, r->view->taps[0]);
	bf_tap_free(r->view->taps[0]);
	r->view->taps[0] = NULL;
	bf_expression_close(filter);
	pcap_freecode(&program);
	pcap_close(p);
	return pass;
}

/* Two rules of a guest's filter: the first counts all, the second drops what the expression takes. */
static void
judge(const char *text, unsigned int frames)
{
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program program;
	uint8_t buf[LONGEST + 256];
	struct bf_filter f;
	char rules[600];
	struct bf_err err = {""};
	uint64_t d = 2;

	snprintf(rules, sizeof(rules), "count all; drop %s", text);
	assert_int_equal(pcap_compile(p, &program, text, 1, PCAP_NETMASK_UNKNOWN), 0);
	if (bf_filter_text_compile("filter_in", rules, &f, &err) != 0)
		fail_msg("%s", err.text);
	for (unsigned int i = 0; i < frames; i++) {
		uint32_t len = frame_draw(&d, buf), counted;
		const struct pcap_pkthdr head = {.caplen = len, .len = len};
		struct rte_mbuf *m = mbuf_of(buf, len, i % 2 == 0 ? ROOM : LONGEST);
		bool want = pcap_offline_filter(&program, &head, buf) != 0;
		unsigned int rule;

		if ((bf_filter_judge(&f, m, &rule, &counted) == BF_FILTER_DROP) != want)
			fail_msg("\"%s\", frame %u of %u bytes: expected %d", text, i, len, want);
		assert_int_equal(rule, want ? 1 : BF_FILTER_RULES);
		assert_int_equal(counted, 1);
		rte_pktmbuf_free(m);
	}
	bf_filter_text_close(&f);
	pcap_freecode(&program);
	pcap_close(p);
}

static void
test_a_guests_rules_decide_as_libpcap_does(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(expressions); i++)
		judge(expressions[i], FRAMES);
}

static void
test_the_word_that_the_compiler_refuses_is_named(void **state)
{
	static const char *const rows[][2] = {{"tcp prot 80", "prot"}, {"host", "host"},
		{"tcp and port eighty", "eighty"}, {"udp or", "or"}, {"vlan 5 and foo", "foo"},
		{"net 10.0.0.0/30 and icmpp", "icmpp"}};
	char word[64];

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		bf_expression_culprit(rows[i][0], word, sizeof(word));
		if (strcmp(word, rows[i][1]) != 0)
			fail_msg("\"%s\": \"%s\" is named", rows[i][0], word);
	}
}

static void
test_workers_decide_as_libpcap_does(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(expressions); i++) {
		unsigned int pass = compare(expressions[i]);

		if (pass == 0 || pass == FRAMES)
			fail_msg("\"%s\": %u of %d frames pass: nothing is compared",
				expressions[i], pass, FRAMES);
	}
}

/* Where a load would wrap around at 32 bits into the frame, or lies behind it. */
static void
test_loads_beyond_a_frame_refuse_it(void **state)
{
	(void)state;
	assert_int_equal(compare("ether[ether[0:4] - 2:4] >= 0 and ether[0:4] = 0xffffffff"), 0);
	assert_int_equal(compare("ether[len - 0:1] >= 0"), 0);
	assert_int_equal(compare("ether[len - 2000:4] >= 0"), 0);
	assert_int_equal(compare("ether[2000] >= 0"), 0);
}

static void
refuse(const char *text, const char *why)
{
	struct bpf_program *filter;
	struct bf_err err = {""};

	assert_int_equal(bf_expression_open(&filter, text, &err), -EINVAL);
	assert_null(filter);
	assert_has(err.text, why);
}

static void
test_what_cannot_be_run_is_refused_with_the_reason(void **state)
{
	char text[BF_EXPRESSION_MAX + 2];

	(void)state;
	refuse("tcp prot 80",
		"filter: \"tcp prot 80\": can't parse filter expression: syntax error");
	refuse("port 70000", "filter: \"port 70000\": ");
	refuse("ip6 protochain 6", "no protochain");
	memset(text, ' ', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	refuse(text, "1001 bytes: expected at most 1000");
}

/* A name server would be asked for seconds; control is needed every second. */
static void
test_names_are_looked_up_in_files_only(void **state)
{
	struct bpf_program *filter;
	struct bf_err err = {""};

	(void)state;
	refuse("host no-such-host.example.org", "unknown host");
	assert_int_equal(bf_expression_open(&filter, "host localhost", &err), 0);
	bf_expression_close(filter);
}

/* Whatever fits is compiled, also what has many ways through it. */
static void
test_long_expressions_are_taken(void **state)
{
	char text[BF_EXPRESSION_MAX] = "host fd00::1";
	struct bpf_program *filter;
	struct bf_err err = {""};

	(void)state;
	for (unsigned int i = 2; i <= 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " or host fd00::%u", i);
	assert_int_equal(bf_expression_open(&filter, text, &err), 0);
	bf_expression_close(filter);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_decide_as_libpcap_does),
		cmocka_unit_test(test_a_guests_rules_decide_as_libpcap_does),
		cmocka_unit_test(test_the_word_that_the_compiler_refuses_is_named),
		cmocka_unit_test(test_loads_beyond_a_frame_refuse_it),
		cmocka_unit_test(test_what_cannot_be_run_is_refused_with_the_reason),
		cmocka_unit_test(test_names_are_looked_up_in_files_only),
		cmocka_unit_test(test_long_expressions_are_taken),
	};
	int ret = cmocka_run_group_tests(tests, set_up, tear_down);

	rig_eal_end();
	return ret;
}
