/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Completion through librte_cmdline.
 *
 * Theory of operation: librte_cmdline gets two instructions.  The first has one token per word
 * position, all of our own kind.  Their parse function refuses when it is asked for a result (a
 * line is being executed) and otherwise only notes the word, so librte_cmdline finds the position
 * of the cursor and asks that token for values; we answer with everything our grammar allows
 * there.  The second instruction takes any line that is executed, whole, and takes no part in
 * completion.
 *
 * Threads: ctx control.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/complete.h"

/* Words that can be completed; longer lines still run. */
#define POSITIONS 48

/* Names of arguments at one place; beyond this, values are asked for again. */
#define ASKED_MAX 64

/* What the line editor takes at most for one value, with the blank it adds. */
#define VALUE_MAX 62

struct position {
	struct cmdline_token_hdr hdr;
	unsigned int idx;
	struct bf_completer *owner;
};

struct bf_completer {
	const struct bf_cmd_set *set;
	bf_completer_line_fn *line_fn;
	void *arg;
	struct position positions[POSITIONS];
	struct position whole_line;
	cmdline_parse_inst_t *words_inst;
	cmdline_parse_inst_t *line_inst;
	cmdline_parse_inst_t *ctx[3];
	/* Words in front of the cursor. */
	struct bf_line line;
	size_t text_len;
	/* Values found for the present position. */
	struct bf_names values;
	bool has_values;
	/* Arguments whose values are among them already: forms share their items. */
	const char *asked[ASKED_MAX];
	unsigned int n_asked;
};

static size_t
word_len(const char *s)
{
	return strcspn(s, " \t\r\n");
}

/* Keep word idx, without the quotes around it. */
static void
note_word(struct bf_completer *c, unsigned int idx, const char *word, size_t len)
{
	if (idx == 0)
		c->text_len = 0;
	if (len >= 2 && (word[0] == '"' || word[0] == '\'') && word[len - 1] == word[0]) {
		word++;
		len -= 2;
	}
	if (len >= sizeof(c->line.text) - c->text_len)
		len = sizeof(c->line.text) - c->text_len - 1;
	memcpy(c->line.text + c->text_len, word, len);
	c->line.text[c->text_len + len] = '\0';
	c->line.words[idx] = c->line.text + c->text_len;
	c->text_len += len;
	if (c->text_len + 1 < sizeof(c->line.text))
		c->text_len++;
}

static int
position_parse(cmdline_parse_token_hdr_t *tk, const char *buf, void *res, unsigned int size)
{
	struct position *pos = (struct position *)tk;
	size_t len = word_len(buf);

	(void)size;
	if (res != NULL || len == 0)
		return -1;
	note_word(pos->owner, pos->idx, buf, len);
	return (int)len;
}

static void
add_value(struct bf_completer *c, const char *value)
{
	if (strlen(value) < VALUE_MAX && word_len(value) == strlen(value))
		(void)bf_names_add(&c->values, "", value, "");
}

static void
add_help_topics(struct bf_completer *c)
{
	unsigned int i;

	for (i = 0; i < c->set->n_groups; i++)
		add_value(c, c->set->groups[i]->name);
	add_value(c, "all");
}

static bool
is_asked(struct bf_completer *c, const char *name)
{
	unsigned int i;

	for (i = 0; i < c->n_asked; i++)
		if (strcmp(c->asked[i], name) == 0)
			return true;
	if (c->n_asked < ASKED_MAX)
		c->asked[c->n_asked++] = name;
	return false;
}

static void
add_arg_values(struct bf_completer *c, const struct bf_item *item, const struct bf_alt *alt)
{
	const char *name = item->name != NULL ? item->name : alt->text;
	char value[256];
	unsigned int i;

	/* Shown when nothing of the word is typed yet. */
	(void)bf_names_add(&c->values, "<", alt->text, ">");
	if (c->set->complete == NULL || is_asked(c, name))
		return;
	for (i = 0; i < BF_NAMES_MAX; i++) {
		value[0] = '\0';
		if (c->set->complete(c->set->complete_app, name, i, value, sizeof(value)) != 0)
			break;
		value[sizeof(value) - 1] = '\0';
		if (value[0] != '\0')
			add_value(c, value);
	}
}

static void
add_form_values(struct bf_completer *c, const struct bf_form *form)
{
	unsigned int n = c->line.n_words, a;
	const struct bf_item *item = bf_form_item(form, n);

	if (n >= bf_form_min_words(form) && n > 0)
		add_value(c, "[RETURN]");
	if (item == NULL)
		return;
	if (form->cmd->run == bf_cmd_help && item->is_rest)
		add_help_topics(c);
	for (a = 0; a < item->n_alts; a++) {
		if (item->alts[a].is_arg)
			add_arg_values(c, item, &item->alts[a]);
		else
			add_value(c, item->alts[a].text);
	}
}

static void
find_values(struct bf_completer *c)
{
	unsigned char ranks[BF_CMD_WORDS_MAX], best_ranks[BF_CMD_WORDS_MAX] = {0};
	const struct bf_grammar *g = &c->set->grammar;
	unsigned int i, n = c->line.n_words;

	c->n_asked = 0;
	/* A fixed word further left excludes commands with an argument in its place. */
	for (i = 0; i < g->n_forms; i++)
		if (bf_form_fit(&g->forms[i], &c->line, ranks) == n &&
			memcmp(ranks, best_ranks, n) > 0)
			memcpy(best_ranks, ranks, n);
	for (i = 0; i < g->n_forms; i++)
		if (bf_form_fit(&g->forms[i], &c->line, ranks) == n &&
			memcmp(ranks, best_ranks, n) == 0)
			add_form_values(c, &g->forms[i]);
	bf_names_sort(&c->values);
	c->has_values = true;
}

static int
position_get_nb(cmdline_parse_token_hdr_t *tk)
{
	struct position *pos = (struct position *)tk;
	struct bf_completer *c = pos->owner;

	if (!c->has_values) {
		c->line.n_words = pos->idx;
		find_values(c);
	}
	/* 0 would make librte_cmdline show a line of its own. */
	return c->values.n == 0 ? 1 : (int)c->values.n;
}

static int
position_get_elt(cmdline_parse_token_hdr_t *tk, int idx, char *dst, unsigned int size)
{
	struct position *pos = (struct position *)tk;
	const struct bf_names *values = &pos->owner->values;

	if (idx < 0 || (unsigned int)idx >= values->n || strlen(values->names[idx]) >= size)
		return -1;
	memcpy(dst, values->names[idx], strlen(values->names[idx]) + 1);
	return 0;
}

static struct cmdline_token_ops position_ops = {
	.parse = position_parse,
	.complete_get_nb = position_get_nb,
	.complete_get_elt = position_get_elt,
};

static int
line_parse(cmdline_parse_token_hdr_t *tk, const char *buf, void *res, unsigned int size)
{
	size_t len = strcspn(buf, "\r\n");

	(void)tk;
	if (res == NULL || len == 0 || len >= size)
		return -1;
	memcpy(res, buf, len);
	((char *)res)[len] = '\0';
	return (int)len;
}

static int
line_get_nb(cmdline_parse_token_hdr_t *tk)
{
	(void)tk;
	return 1;
}

static int
line_get_elt(cmdline_parse_token_hdr_t *tk, int idx, char *dst, unsigned int size)
{
	(void)tk;
	(void)idx;
	if (size > 0)
		dst[0] = '\0';
	return -1;
}

static struct cmdline_token_ops line_ops = {
	.parse = line_parse,
	.complete_get_nb = line_get_nb,
	.complete_get_elt = line_get_elt,
};

static void
line_on_run(void *line, struct cmdline *cl, void *data)
{
	struct bf_completer *c = data;

	(void)cl;
	c->line_fn(c->arg, line);
}

/* Never matches a whole line, so it is never run; librte_cmdline wants one. */
static void
words_on_run(void *line, struct cmdline *cl, void *data)
{
	(void)line;
	(void)cl;
	(void)data;
}

static cmdline_parse_inst_t *
inst_create(unsigned int n_tokens)
{
	cmdline_parse_inst_t *inst;

	inst = calloc(1, sizeof(*inst) + (n_tokens + 1) * sizeof(void *));
	return inst;
}

struct bf_completer *
bf_completer_create(const struct bf_cmd_set *set, bf_completer_line_fn *line_fn, void *arg)
{
	struct bf_completer *c = calloc(1, sizeof(*c));
	unsigned int i;

	if (c == NULL)
		return NULL;
	c->set = set;
	c->line_fn = line_fn;
	c->arg = arg;
	c->words_inst = inst_create(POSITIONS);
	c->line_inst = inst_create(1);
	if (c->words_inst == NULL || c->line_inst == NULL) {
		bf_completer_destroy(c);
		errno = ENOMEM;
		return NULL;
	}
	c->words_inst->f = words_on_run;
	for (i = 0; i < POSITIONS; i++) {
		c->positions[i].hdr.ops = &position_ops;
		c->positions[i].idx = i;
		c->positions[i].owner = c;
		c->words_inst->tokens[i] = &c->positions[i].hdr;
	}
	c->line_inst->f = line_on_run;
	c->line_inst->data = c;
	c->whole_line.hdr.ops = &line_ops;
	c->line_inst->tokens[0] = &c->whole_line.hdr;
	c->ctx[0] = c->words_inst;
	c->ctx[1] = c->line_inst;
	return c;
}

void
bf_completer_destroy(struct bf_completer *c)
{
	if (c == NULL)
		return;
	bf_names_fini(&c->values);
	free(c->words_inst);
	free(c->line_inst);
	free(c);
}

cmdline_parse_ctx_t *
bf_completer_ctx(struct bf_completer *c)
{
	return c->ctx;
}

void
bf_completer_forget(struct bf_completer *c)
{
	if (!c->has_values)
		return;
	bf_names_fini(&c->values);
	c->has_values = false;
}
