/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The help command: sections and commands, from the array of commands itself.
 *
 * Threads: see command.h.
 */

#include <ctype.h>
#include <string.h>

#include "console/set.h"

static void
list_sections(struct bf_cmd_ctx *ctx)
{
	const struct bf_cmd_set *set = ctx->set;
	unsigned int i;

	bf_out_printf(ctx->out, "\nHelp is available for the following sections:\n\n");
	bf_out_arr_begin(ctx->out, NULL);
	for (i = 0; i < set->n_groups; i++) {
		bf_out_printf(ctx->out, "    help %-27s: %s\n", set->groups[i]->name,
			set->groups[i]->help);
		bf_out_obj_begin(ctx->out, NULL);
		bf_out_str(ctx->out, "section", set->groups[i]->name);
		bf_out_str(ctx->out, "help", set->groups[i]->help);
		bf_out_obj_end(ctx->out);
	}
	bf_out_arr_end(ctx->out);
	bf_out_printf(ctx->out, "    help %-27s: %s\n", "all", "All of the above sections.");
	bf_out_printf(ctx->out, "    help %-27s: %s\n\n", "<word> [<word>...]",
		"Commands that begin with these words.");
}

static void
write_command(struct bf_out *out, const struct bf_cmd_group *group, const struct bf_cmd *cmd)
{
	const char *p = cmd->help, *end;

	bf_out_printf(out, "%s\n", cmd->syntax);
	while (p != NULL && *p != '\0') {
		end = strchrnul(p, '\n');
		bf_out_printf(out, "    %.*s\n", (int)(end - p), p);
		p = *end == '\0' ? end : end + 1;
	}
	bf_out_printf(out, "\n");
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "section", group->name);
	bf_out_str(out, "syntax", cmd->syntax);
	bf_out_str(out, "help", cmd->help);
	bf_out_obj_end(out);
}

static void
write_section(struct bf_out *out, const struct bf_cmd_group *group)
{
	char line[64];
	size_t len = strnlen(group->name, sizeof(line) - 1);
	unsigned int i;

	memset(line, '-', len);
	line[len] = '\0';
	bf_out_printf(out, "\n%c%s:\n%s-\n\n", toupper((unsigned char)group->name[0]),
		group->name[0] == '\0' ? "" : group->name + 1, line);
	for (i = 0; i < group->n_cmds; i++)
		write_command(out, group, &group->cmds[i]);
}

/* A form of this command begins with the topic's words. */
static bool
command_begins_with(const struct bf_cmd_ctx *ctx, const struct bf_cmd *cmd)
{
	const struct bf_grammar *g = &ctx->set->grammar;
	unsigned int n = bf_cmd_rest_count(ctx);
	unsigned int i, w;

	for (i = 0; i < g->n_forms; i++) {
		if (g->forms[i].cmd != cmd || n > g->forms[i].n_items)
			continue;
		for (w = 0; w < n; w++)
			if (bf_item_rank(g->forms[i].items[w], bf_cmd_rest(ctx, w)) != 3)
				break;
		if (w == n)
			return true;
	}
	return false;
}

static unsigned int
write_topic(struct bf_cmd_ctx *ctx)
{
	const struct bf_cmd_set *set = ctx->set;
	unsigned int i, j, n = 0;

	for (i = 0; i < set->n_groups; i++) {
		for (j = 0; j < set->groups[i]->n_cmds; j++) {
			if (!command_begins_with(ctx, &set->groups[i]->cmds[j]))
				continue;
			write_command(ctx->out, set->groups[i], &set->groups[i]->cmds[j]);
			n++;
		}
	}
	return n;
}

static unsigned int
write_sections(struct bf_cmd_ctx *ctx)
{
	const struct bf_cmd_set *set = ctx->set;
	const char *topic = bf_cmd_rest(ctx, 0);
	bool want_all = strcmp(topic, "all") == 0;
	unsigned int i, n = 0;

	if (bf_cmd_rest_count(ctx) != 1)
		return 0;
	for (i = 0; i < set->n_groups; i++) {
		if (!want_all && strcmp(set->groups[i]->name, topic) != 0)
			continue;
		write_section(ctx->out, set->groups[i]);
		n++;
	}
	return n;
}

void
bf_cmd_help(struct bf_cmd_ctx *ctx)
{
	if (bf_cmd_rest_count(ctx) == 0) {
		list_sections(ctx);
		return;
	}
	bf_out_arr_begin(ctx->out, NULL);
	if (write_sections(ctx) == 0 && write_topic(ctx) == 0)
		bf_out_usage(ctx->out,
			"help: \"%s\": expected a section, \"all\" or the first words of a command",
			bf_cmd_rest(ctx, 0));
	bf_out_arr_end(ctx->out);
}
