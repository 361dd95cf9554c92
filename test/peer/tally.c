/* SPDX-License-Identifier: BSD-3-Clause */

/* What arrived, see tally.h. */

#include "tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define TALLIES_MAX 1024
#define SEQ_MAX (1u << 22)
#define QUEUES_SHOWN 16
#define SIZES_SHOWN 128

struct tally {
	uint16_t port;
	uint16_t stream;
	uint64_t received;
	uint64_t distinct;
	uint64_t duplicates;
	uint64_t reordered;
	uint64_t corrupt;
	uint64_t header_changed;
	/* One bit for each sequence number seen intact; grows. */
	uint64_t *seen;
	uint32_t n_seen_words;
	/* Highest sequence number + 1 of each flow. */
	uint32_t *next_of_flow;
	uint64_t queues[QUEUES_SHOWN];
	uint16_t sizes[SIZES_SHOWN];
	uint64_t size_counts[SIZES_SHOWN];
	uint16_t n_sizes;
};

static struct tally *tallies[TALLIES_MAX];
static unsigned int n_tallies;

bool
tally_is_steady(uint16_t stream)
{
	return stream >= TALLY_STEADY_FIRST && stream <= TALLY_STEADY_LAST;
}

static struct tally *
tally_find(uint16_t port, uint16_t stream)
{
	unsigned int i;

	for (i = 0; i < n_tallies; i++)
		if (tallies[i]->port == port && tallies[i]->stream == stream)
			return tallies[i];
	return NULL;
}

static void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	free(t->seen);
	free(t->next_of_flow);
	free(t);
}

static struct tally *
tally_get(uint16_t port, uint16_t stream)
{
	struct tally *t = tally_find(port, stream);

	if (t != NULL)
		return t;
	if (n_tallies == TALLIES_MAX)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->next_of_flow = calloc(FRAME_FLOWS_MAX, sizeof(*t->next_of_flow));
	if (t->next_of_flow == NULL) {
		tally_free(t);
		return NULL;
	}
	t->port = port;
	t->stream = stream;
	tallies[n_tallies++] = t;
	return t;
}

/* Set the bit of a sequence number; returns false when it was set already. */
static bool
seen_mark(struct tally *t, uint32_t seq)
{
	uint32_t word = seq / 64;
	uint64_t bit = 1ull << (seq % 64);

	if (seq >= SEQ_MAX)
		return true;
	if (word >= t->n_seen_words) {
		uint32_t n = rte_align32pow2(word + 64);
		uint64_t *grown = reallocarray(t->seen, n, sizeof(*grown));

		if (grown == NULL)
			return true;
		memset(grown + t->n_seen_words, 0, (n - t->n_seen_words) * sizeof(*grown));
		t->seen = grown;
		t->n_seen_words = n;
	}
	if ((t->seen[word] & bit) != 0)
		return false;
	t->seen[word] |= bit;
	return true;
}

static bool
seen_is_set(const struct tally *t, uint32_t seq)
{
	return seq / 64 < t->n_seen_words && (t->seen[seq / 64] >> (seq % 64) & 1) != 0;
}

static void
size_count(struct tally *t, uint32_t len)
{
	uint16_t i;

	for (i = 0; i < t->n_sizes && t->sizes[i] != len; i++)
		;
	if (i == SIZES_SHOWN)
		return;
	if (i == t->n_sizes)
		t->sizes[t->n_sizes++] = (uint16_t)len;
	t->size_counts[i]++;
}

void
tally_add(uint16_t port, uint16_t queue, uint32_t len, const struct frame_report *report)
{
	struct tally *t = tally_get(port, report->stream);
	uint32_t *next;

	if (t == NULL)
		return;
	t->received++;
	size_count(t, len);
	if (queue < QUEUES_SHOWN)
		t->queues[queue]++;
	if (!report->header_good)
		t->header_changed++;
	if (!report->payload_good) {
		t->corrupt++;
		return;
	}
	if (!seen_mark(t, report->seq)) {
		t->duplicates++;
		return;
	}
	t->distinct++;
	next = &t->next_of_flow[report->flow % FRAME_FLOWS_MAX];
	if (report->seq < *next)
		t->reordered++;
	else
		*next = report->seq + 1;
}

uint64_t
tally_distinct(uint16_t port, uint16_t stream)
{
	const struct tally *t = tally_find(port, stream);

	return t != NULL ? t->distinct : 0;
}

void
tally_clear(bool steady)
{
	unsigned int i, n_kept = 0;

	for (i = 0; i < n_tallies; i++)
		if (!steady && tally_is_steady(tallies[i]->stream))
			tallies[n_kept++] = tallies[i];
		else
			tally_free(tallies[i]);
	n_tallies = n_kept;
}

static void
print_missing(FILE *out, const struct tally *t, uint32_t n_expected, uint32_t n_listed)
{
	uint32_t seq, n_missing = 0;

	fputs("\"first_missing\":[", out);
	for (seq = 0; seq < n_expected; seq++) {
		if (seen_is_set(t, seq))
			continue;
		if (n_missing < n_listed)
			fprintf(out, "%s%u", n_missing == 0 ? "" : ",", seq);
		n_missing++;
	}
	fprintf(out, "],\"missing\":%u", n_missing);
}

static void
print_tally(FILE *out, const struct tally *t, uint32_t n_expected, uint32_t n_listed)
{
	uint16_t i;

	fprintf(out,
		"{\"port\":%u,\"stream\":%u,\"received\":%" PRIu64 ",\"distinct\":%" PRIu64
		",\"duplicates\":%" PRIu64 ","
		"\"reordered\":%" PRIu64 ",\"corrupt\":%" PRIu64 ",\"header_changed\":%" PRIu64 ",",
		t->port, t->stream, t->received, t->distinct, t->duplicates, t->reordered,
		t->corrupt, t->header_changed);
	print_missing(out, t, n_expected, n_listed);
	fputs(",\"sizes\":{", out);
	for (i = 0; i < t->n_sizes; i++)
		fprintf(out, "%s\"%u\":%" PRIu64 "", i == 0 ? "" : ",", t->sizes[i],
			t->size_counts[i]);
	fputs("},\"queues\":[", out);
	for (i = 0; i < QUEUES_SHOWN; i++)
		fprintf(out, "%s%" PRIu64 "", i == 0 ? "" : ",", t->queues[i]);
	fputs("]}", out);
}

void
tally_print(FILE *out, uint16_t port, uint16_t stream, uint32_t n_expected, uint32_t n_listed)
{
	const struct tally none = {.port = port, .stream = stream};
	const struct tally *t = tally_find(port, stream);

	print_tally(out, t != NULL ? t : &none, n_expected, n_listed);
}

void
tally_print_all(FILE *out, uint16_t port)
{
	const char *comma = "";
	unsigned int i;

	fputc('[', out);
	for (i = 0; i < n_tallies; i++) {
		if (port != UINT16_MAX && tallies[i]->port != port)
			continue;
		fputs(comma, out);
		print_tally(out, tallies[i], 0, 0);
		comma = ",";
	}
	fputc(']', out);
}
