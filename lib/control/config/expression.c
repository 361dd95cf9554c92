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

int
bf_expression_open(struct bpf_insn **program, const char *text, struct bf_err *err)
{
	pcap_t *p = pcap_open_dead(DLT_EN10MB, BF_MAX_MTU + BF_FRAME_OVERHEAD);
	struct bpf_program made;
	int ret = 0;

	*program = NULL;
	if (p == NULL)
		return bf_err_set(err, ENOMEM, "filter: out of memory");
	look_names_up_in_files();
	if (strlen(text) > BF_EXPRESSION_MAX) {
		ret = bf_err_set(err, EINVAL, "filter: %zu bytes: expected at most %d",
			strlen(text), BF_EXPRESSION_MAX);
	} else if (pcap_compile(p, &made, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		ret = bf_err_set(err, EINVAL, "filter: \"%.500s\": %s", text, pcap_geterr(p));
	} else if (has_loop(&made) || !bpf_validate(made.bf_insns, (int)made.bf_len)) {
		pcap_freecode(&made);
		ret = bf_err_set(err, EINVAL,
			"filter: \"%.500s\": a loop: expected no protochain, which workers do not run",
			text);
	} else {
		*program = made.bf_insns;
	}
	pcap_close(p);
	return ret;
}

/* Does the compiler take the first @p len bytes? */
static bool
is_taken(const char *text, size_t len)
{
	char beginning[BF_EXPRESSION_MAX + 1];
	struct bpf_insn *program;

	memcpy(beginning, text, len);
	beginning[len] = '\0';
	if (bf_expression_open(&program, beginning, NULL) != 0)
		return false;
	bf_expression_close(program);
	return true;
}

void
bf_expression_culprit(const char *text, char *word, size_t size)
{
	size_t taken = 0, len = strlen(text);

	word[0] = '\0';
	if (len > BF_EXPRESSION_MAX)
		return;
	for (size_t end = 0; end < len;) {
		end += strspn(text + end, " ");
		end += strcspn(text + end, " ");
		if (is_taken(text, end))
			taken = end;
	}
	taken += strspn(text + taken, " ");
	snprintf(word, size, "%.*s", (int)strcspn(text + taken, " "), text + taken);
}

void
bf_expression_close(struct bpf_insn *program)
{
	struct bpf_program p = {.bf_insns = program};

	pcap_freecode(&p);
}
