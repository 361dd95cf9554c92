/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "GUEST WORD=VALUE ...": see negotiations.h.  Words of other versions are passed over.
 *
 * Threads: ctx control.
 */
#include "config/negotiations.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/words.h"
#include "config/kept.h"

#define SUFFIX ".negotiated"
#define YEAR_10000 253402300800 /* seconds since 1970 */

enum bits {
	BIT_UP = 1,
	BIT_REMOVED = 2,
	BIT_SERVER = 4,
	BIT_SOLO = 8,
	BITS_ALL = 15
};

/* The numbers of a line. */
enum number {
	NUMBER_FEATURES,
	NUMBER_PROTOCOL,
	NUMBER_PAIRS,
	NUMBER_RING,
	NUMBER_MTU,
	NUMBER_SINCE,
	NUMBER_PID,
	NUMBER_UID,
	NUMBER_START,
	NUMBER_BOOT,
	NUMBER_STATE,
	NUMBER_COUNT
};

static const struct {
	const char *word;
	uint64_t max;
} numbers[NUMBER_COUNT] = {
	[NUMBER_FEATURES] = {"features", UINT64_MAX},
	[NUMBER_PROTOCOL] = {"protocol", UINT64_MAX},
	[NUMBER_PAIRS] = {"pairs", BF_MAX_QP},
	[NUMBER_RING] = {"ring", BF_VHOST_RING_SIZE},
	[NUMBER_MTU] = {"mtu", UINT16_MAX},
	[NUMBER_SINCE] = {"since", YEAR_10000 - 1},
	[NUMBER_PID] = {"pid", INT32_MAX},
	[NUMBER_UID] = {"uid", UINT32_MAX},
	[NUMBER_START] = {"start", UINT64_MAX},
	[NUMBER_BOOT] = {"boot", UINT64_MAX},
	[NUMBER_STATE] = {"state", BITS_ALL},
};

struct reading {
	struct bf_negotiated_book *book;
	unsigned int line_no, bad, bad_line;
	struct bf_err why; /* of the first bad line */
};

static struct reading reading;

static int
number_take(uint64_t *value, uint32_t *seen, const char *word, const char *text, struct bf_err *err)
{
	for (unsigned int i = 0; i < NUMBER_COUNT; i++) {
		if (strcmp(numbers[i].word, word) != 0)
			continue;
		*seen |= 1u << i;
		return bf_parse_u64(word, text, 0, numbers[i].max, &value[i], err);
	}
	return 0;
}

/* As a path of the configuration: printable ASCII. */
static int
socket_take(struct bf_negotiated *n, const char *text, struct bf_err *err)
{
	bool is_path = text[0] == '/' && strlen(text) < sizeof(n->socket);

	for (const char *c = text; *c != '\0'; c++)
		is_path = is_path && *c > ' ' && *c < 0x7f;
	if (!is_path)
		return bf_err_set(err, EINVAL,
			"socket: \"%.60s\": expected an absolute path of at most %zu bytes", text,
			sizeof(n->socket) - 1);
	snprintf(n->socket, sizeof(n->socket), "%s", text);
	return 0;
}

/* A word of the line; the text of its value may be cut off it. */
static int
word_take(struct bf_negotiated *n, uint64_t *value, uint32_t *seen, char *word, struct bf_err *err)
{
	char *text = strchr(word, '=');

	if (text == NULL)
		return bf_err_set(err, EINVAL, "\"%.60s\": expected WORD=VALUE", word);
	*text++ = '\0';
	if (strcmp(word, "front_end") == 0)
		return bf_parse_name(word, text, n->front_end, sizeof(n->front_end), err);
	if (strcmp(word, "socket") == 0)
		return socket_take(n, text, err);
	return number_take(value, seen, word, text, err);
}

static void
numbers_give(struct bf_negotiated *n, const uint64_t *value)
{
	n->features = value[NUMBER_FEATURES];
	n->protocol = value[NUMBER_PROTOCOL];
	n->pairs = (uint16_t)value[NUMBER_PAIRS];
	n->ring_size = (uint16_t)value[NUMBER_RING];
	n->mtu = (uint16_t)value[NUMBER_MTU];
	n->since_s = value[NUMBER_SINCE];
	n->pid = (int)value[NUMBER_PID];
	n->uid = (uint32_t)value[NUMBER_UID];
	n->process_start = value[NUMBER_START];
	n->boot = value[NUMBER_BOOT];
	n->up = (value[NUMBER_STATE] & BIT_UP) != 0;
	n->removed = (value[NUMBER_STATE] & BIT_REMOVED) != 0;
	n->server = (value[NUMBER_STATE] & BIT_SERVER) != 0;
	n->solo = (value[NUMBER_STATE] & BIT_SOLO) != 0;
}

static int
line_parse(char *line, struct bf_negotiated *n, struct bf_err *err)
{
	char *rest = line, *word = strsep(&rest, " \n");
	uint64_t value[NUMBER_COUNT] = {0};
	uint32_t seen = 0;
	int ret = bf_parse_name("guest", word, n->guest, sizeof(n->guest), err);

	while (ret == 0 && (word = strsep(&rest, " \n")) != NULL)
		if (word[0] != '\0')
			ret = word_take(n, value, &seen, word, err);
	for (unsigned int i = 0; ret == 0 && i < NUMBER_COUNT; i++)
		if ((seen >> i & 1) == 0)
			ret = bf_err_set(err, EINVAL, "guest \"%s\": expected %s=", n->guest,
				numbers[i].word);
	if (ret == 0 && n->socket[0] == '\0')
		ret = bf_err_set(err, EINVAL, "guest \"%s\": expected socket=", n->guest);
	numbers_give(n, value);
	return ret;
}

static void
take_line(struct bf_bridge *br, char *line)
{
	struct bf_negotiated n = {.up = false};
	struct bf_err why = {""};

	(void)br;
	reading.line_no++;
	if (line_parse(line, &n, &why) != 0) {
		if (reading.bad++ == 0) {
			reading.bad_line = reading.line_no;
			reading.why = why;
		}
		return;
	}
	if (bf_negotiated_binds(&n) || n.since_s + BF_NEGOTIATED_KEEP_S > (uint64_t)time(NULL))
		bf_negotiated_restore(reading.book, &n);
}

static void
write_guest(FILE *f, const struct bf_negotiated *n)
{
	unsigned int state = (n->up ? BIT_UP : 0u) | (n->removed ? BIT_REMOVED : 0u) |
		(n->server ? BIT_SERVER : 0u) | (n->solo ? BIT_SOLO : 0u);

	fprintf(f,
		"%s features=0x%" PRIx64 " protocol=0x%" PRIx64
		" pairs=%u ring=%u mtu=%u since=%" PRIu64 " pid=%d uid=%" PRIu32 " start=%" PRIu64
		" boot=0x%" PRIx64 " state=%u front_end=%s socket=%s\n",
		n->guest, n->features, n->protocol, n->pairs, n->ring_size, n->mtu, n->since_s,
		n->pid, n->uid, n->process_start, n->boot, state, n->front_end, n->socket);
}

static void
write_all(FILE *f, const struct bf_bridge *br)
{
	for (uint32_t i = 0; i < br->negotiated.n; i++)
		write_guest(f, &br->negotiated.at[i]);
}

static struct bf_kept kept = {.suffix = SUFFIX,
	.what = "what guests have negotiated",
	.take_line = take_line,
	.write = write_all};

void
bf_negotiations_load(const char *console, struct bf_negotiated_book *b)
{
	reading = (struct reading){.book = b};
	bf_kept_load(&kept, console, NULL);
	if (reading.bad > 0)
		BF_WARN("main", "%s" SUFFIX ": %u lines are left out: line %u: %s", console,
			reading.bad, reading.bad_line, bf_words_plain(reading.why.text));
}

uint64_t
bf_negotiations_save(const char *console, const struct bf_bridge *br, uint64_t now_ms)
{
	return bf_kept_save(&kept, console, br, br->negotiated.version, now_ms);
}
