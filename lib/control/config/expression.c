/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See expression.h.
 *
 * Threads: ctx control.
 */
#include "control/config/expression.h"

#include <errno.h>
#include <nss.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>
#include <rte_common.h>

#include "dataplane/sizes.h"

/* A name in an expression must not make control wait for a name server. */
static void
look_names_up_in_files(void)
{
	static const char *const databases[] = {
		"hosts", "networks", "services", "protocols", "ethers"};

	for (unsigned int i = 0; i < RTE_DIM(databases); i++)
		__nss_configure_lookup(databases[i], "files");
}

/* A jump back; such a program's time is not bounded by its length. */
static bool
has_loop(const struct bpf_program *p)
{
	for (unsigned int i = 0; i < p->bf_len; i++)
		if (p->bf_insns[i].code == (BPF_JMP | BPF_JA) && p->bf_insns[i].k >= p->bf_len - i)
			return true;
	return false;
}

static int
program_compile(struct bpf_program *made, pcap_t *p, const char *text, struct bf_err *err)
{
	if (pcap_compile(p, made, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return bf_err_set(err, EINVAL, "filter: \"%.500s\": %s", text, pcap_geterr(p));
	if (has_loop(made) || !bpf_validate(made->bf_insns, (int)made->bf_len))
		return bf_err_set(err, EINVAL,
			"filter: \"%.500s\": a loop: expected no protochain, which workers do not run",
			text);
	return 0;
}

int
bf_expression_open(struct bpf_program **program, const char *text, struct bf_err *err)
{
	struct bpf_program *made;
	pcap_t *p;
	int ret;

	*program = NULL;
	if (strlen(text) > BF_EXPRESSION_MAX)
		return bf_err_set(err, EINVAL, "filter: %zu bytes: expected at most %d",
			strlen(text), BF_EXPRESSION_MAX);
	p = pcap_open_dead(DLT_EN10MB, BF_MAX_MTU + BF_FRAME_OVERHEAD);
	made = calloc(1, sizeof(*made));
	look_names_up_in_files();
	ret = p == NULL || made == NULL ? bf_err_set(err, ENOMEM, "filter: out of memory")
					: program_compile(made, p, text, err);
	if (ret == 0)
		*program = made;
	else
		bf_expression_close(made);
	if (p != NULL)
		pcap_close(p);
	return ret;
}

/* Close what is open in a beginning: brackets of the last kind first. */
static void
brackets_close(char *text, size_t size)
{
	char open[64];
	size_t n = 0, len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if ((text[i] == '(' || text[i] == '[') && n < sizeof(open))
			open[n++] = text[i] == '(' ? ')' : ']';
		else if ((text[i] == ')' || text[i] == ']') && n > 0)
			n--;
	}
	while (n > 0 && len + 1 < size)
		text[len++] = open[--n];
	text[len] = '\0';
}

/* Could the first @p len bytes go on to something that the compiler takes? */
static bool
may_begin(const char *text, size_t len)
{
	static const char *const ends[] = {"", " 1", " tcp", " 1.1.1.1", " 1.0.0.0/8", " 1-2",
		" 02:00:00:00:00:01", " = 1", " 1 = 1", " host 1.1.1.1", " proto 6", " ::1",
		" ::/0", " host ::1", " 255.0.0.0"};
	char whole[BF_EXPRESSION_MAX + 128];
	struct bpf_program *program;

	for (unsigned int i = 0; i < RTE_DIM(ends); i++) {
		snprintf(whole, sizeof(whole) - 64, "%.*s%s", (int)len, text, ends[i]);
		brackets_close(whole, sizeof(whole));
		if (bf_expression_open(&program, whole, NULL) != 0)
			continue;
		bf_expression_close(program);
		return true;
	}
	return false;
}

/* Where the words of a text end. @return how many there are */
static size_t
words_find(const char *text, size_t *ends, size_t room)
{
	size_t n = 0, at = strspn(text, " ");

	while (text[at] != '\0' && n < room) {
		at += strcspn(text + at, " ");
		ends[n++] = at;
		at += strspn(text + at, " ");
	}
	return n;
}

/* By halves: to compile takes long. */
void
bf_expression_culprit(const char *text, char *word, size_t size)
{
	size_t ends[BF_EXPRESSION_MAX / 2 + 1], good = 0, bad, at;

	word[0] = '\0';
	if (strlen(text) > BF_EXPRESSION_MAX)
		return;
	bad = words_find(text, ends, RTE_DIM(ends));
	if (bad == 0)
		return;
	while (good + 1 <
		bad) { /* the first `good` words may begin something, the first `bad` may not */
		size_t half = good + (bad - good) / 2;

		if (may_begin(text, ends[half - 1]))
			good = half;
		else
			bad = half;
	}
	at = bad == 1 ? 0 : ends[bad - 2];
	at += strspn(text + at, " ");
	snprintf(word, size, "%.*s", (int)strcspn(text + at, " "), text + at);
}

void
bf_expression_close(struct bpf_program *program)
{
	if (program == NULL)
		return;
	pcap_freecode(program);
	free(program);
}
