/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Command sets: compile, match a line, run its handler.
 *
 * Every form is compared with the line; there are some hundred forms of a few words, so this is
 * far below the cost of any command.
 *
 * Threads: see command.h.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/set.h"

static int
check_alike(const struct bf_cmd_set *set, unsigned int first_new, struct bf_err *err)
{
	const struct bf_form *forms = set->grammar.forms;
	unsigned int i, j;

	for (i = first_new; i < set->grammar.n_forms; i++) {
		for (j = 0; j < first_new; j++) {
			if (!bf_form_is_alike(&forms[i], &forms[j]))
				continue;
			return bf_err_set(err, EINVAL,
				"syntax \"%s\": matches the same lines as \"%s\": expected a "
				"difference",
				forms[i].cmd->syntax, forms[j].cmd->syntax);
		}
	}
	return 0;
}

static int
add_command(struct bf_cmd_set *set, const struct bf_cmd_group *group, unsigned int idx,
	struct bf_err *err)
{
	const struct bf_cmd *cmd = &group->cmds[idx];
	unsigned int first_new = set->grammar.n_forms;
	int ret;

	if (cmd->syntax == NULL) {
		return bf_err_set(err, EINVAL, "commands: %s: counts %u commands and has %u",
			group->name, group->n_cmds, idx);
	}
	if (cmd->run == NULL && (cmd->flags & BF_CMD_QUIT) == 0) {
		return bf_err_set(
			err, EINVAL, "syntax \"%s\": expected a handler function", cmd->syntax);
	}
	ret = bf_grammar_add(&set->grammar, cmd, err);
	return ret != 0 ? ret : check_alike(set, first_new, err);
}

struct bf_cmd_set *
bf_cmd_set_create(const struct bf_cmd_group *const *groups, bf_complete_fn *complete, void *app,
	struct bf_err *err)
{
	struct bf_cmd_set *set = calloc(1, sizeof(*set));
	unsigned int i, j;
	int ret;

	if (set == NULL) {
		bf_err_set(err, ENOMEM, "commands: out of memory");
		return NULL;
	}
	set->groups = groups;
	set->complete = complete;
	set->complete_app = app;
	for (i = 0; groups[i] != NULL; i++) {
		set->n_groups++;
		for (j = 0; j < groups[i]->n_cmds; j++) {
			ret = add_command(set, groups[i], j, err);
			if (ret != 0) {
				bf_cmd_set_destroy(set);
				errno = -ret;
				return NULL;
			}
		}
	}
	return set;
}

void
bf_cmd_set_pairs(struct bf_cmd_set *set, bf_pairs_fn *pairs)
{
	set->pairs = pairs;
}

void
bf_cmd_set_destroy(struct bf_cmd_set *set)
{
	if (set == NULL)
		return;
	bf_grammar_fini(&set->grammar);
	free(set);
}

unsigned int
bf_form_fit(const struct bf_form *form, const struct bf_line *line, unsigned char *ranks)
{
	const struct bf_item *item;
	unsigned int i, rank;

	for (i = 0; i < line->n_words; i++) {
		item = bf_form_item(form, i);
		rank = item == NULL ? 0 : bf_item_rank(item, line->words[i]);
		if (rank == 0)
			break;
		if (ranks != NULL)
			ranks[i] = (unsigned char)rank;
	}
	return i;
}

static bool
form_matches(const struct bf_form *form, const struct bf_line *line, unsigned char *ranks)
{
	return line->n_words >= bf_form_min_words(form) &&
		bf_form_fit(form, line, ranks) == line->n_words;
}

static const struct bf_form *
find_form(const struct bf_cmd_set *set, const struct bf_line *line)
{
	unsigned char ranks[BF_CMD_WORDS_MAX], best_ranks[BF_CMD_WORDS_MAX];
	const struct bf_form *best = NULL;
	unsigned int i;
	int cmp;

	for (i = 0; i < set->grammar.n_forms; i++) {
		const struct bf_form *form = &set->grammar.forms[i];

		if (!form_matches(form, line, ranks))
			continue;
		cmp = best == NULL ? 1 : memcmp(ranks, best_ranks, line->n_words);
		if (cmp < 0 || (cmp == 0 && form->n_items >= best->n_items))
			continue;
		best = form;
		memcpy(best_ranks, ranks, line->n_words);
	}
	return best;
}

/* Split and match; NULL with an empty err for a blank line. */
static const struct bf_form *
match_line(const struct bf_cmd_set *set, const char *text, struct bf_line *line, struct bf_err *err)
{
	const struct bf_form *form;

	err->text[0] = '\0';
	if (!bf_line_split(line, text, err) || line->n_words == 0)
		return NULL;
	form = find_form(set, line);
	if (form == NULL && !bf_foreign_explain(set, line, err->text, sizeof(err->text)))
		bf_explain_line(set, line, err->text, sizeof(err->text));
	return form;
}

enum bf_out_status
bf_cmd_run_line(const struct bf_cmd_set *set, const char *line, struct bf_out *out, void *app,
	struct bf_cmd_request *request, const struct bf_cmd **cmd)
{
	struct bf_cmd_match match;
	struct bf_cmd_ctx ctx = {
		.out = out, .app = app, .set = set, .request = request, .match = &match};
	enum bf_out_status before, status;
	struct bf_err err;

	*cmd = NULL;
	match.form = match_line(set, line, &match.line, &err);
	if (match.form == NULL) {
		if (err.text[0] == '\0')
			return BF_OUT_OK;
		bf_out_usage(out, "%s", err.text);
		return BF_OUT_USAGE;
	}
	*cmd = match.form->cmd;
	ctx.cmd = match.form->cmd;
	if (ctx.cmd->run == NULL)
		return BF_OUT_OK;
	before = bf_out_swap_status(out, BF_OUT_OK);
	ctx.cmd->run(&ctx);
	status = bf_out_status(out);
	if (before > status)
		(void)bf_out_swap_status(out, before);
	return status;
}

enum bf_out_status
bf_cmd_run(const struct bf_cmd_set *set, const char *line, struct bf_out *out, void *app)
{
	const struct bf_cmd *cmd;

	return bf_cmd_run_line(set, line, out, app, NULL, &cmd);
}

const struct bf_cmd *
bf_cmd_find(const struct bf_cmd_set *set, const char *line, struct bf_out *out)
{
	const struct bf_form *form;
	struct bf_line split;
	struct bf_err err;

	form = match_line(set, line, &split, &err);
	if (form == NULL && err.text[0] != '\0')
		bf_out_usage(out, "%s", err.text);
	return form == NULL ? NULL : form->cmd;
}

const char *
bf_cmd_arg(const struct bf_cmd_ctx *ctx, const char *name)
{
	const struct bf_form *form = ctx->match->form;
	const struct bf_line *line = &ctx->match->line;
	unsigned int i;

	for (i = 0; i < form->n_items && i < line->n_words; i++)
		if (form->items[i]->name != NULL && strcmp(form->items[i]->name, name) == 0)
			return line->words[i];
	return NULL;
}

bool
bf_cmd_has_word(const struct bf_cmd_ctx *ctx, const char *word)
{
	const struct bf_form *form = ctx->match->form;
	const struct bf_line *line = &ctx->match->line;
	unsigned int i;

	for (i = 0; i < form->n_items && i < line->n_words; i++)
		if (strcmp(line->words[i], word) == 0 && bf_item_rank(form->items[i], word) == 3)
			return true;
	return false;
}

void
bf_cmd_line(const struct bf_cmd_ctx *ctx, char *buf, size_t size)
{
	const struct bf_line *line = &ctx->match->line;
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < line->n_words && len < size; i++)
		len += (size_t)snprintf(
			buf + len, size - len, "%s%s", i > 0 ? " " : "", line->words[i]);
}

unsigned int
bf_cmd_rest_count(const struct bf_cmd_ctx *ctx)
{
	const struct bf_form *form = ctx->match->form;

	if (!bf_form_has_rest(form))
		return 0;
	return ctx->match->line.n_words - (form->n_items - 1);
}

const char *
bf_cmd_rest(const struct bf_cmd_ctx *ctx, unsigned int idx)
{
	if (idx >= bf_cmd_rest_count(ctx))
		return NULL;
	return ctx->match->line.words[ctx->match->form->n_items - 1 + idx];
}
