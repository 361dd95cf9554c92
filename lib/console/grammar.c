/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Compiler for command syntax.
 *
 * Theory of operation: a list of rows is built from left to right.  A plain item is appended to
 * every row.  At an opening bracket the rows are set aside, the inside is appended to a copy, and
 * at the closing bracket both lists are joined: with and without the optional part.
 *
 * Threads: none of its own.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/grammar.h"

#define NESTING_MAX 8

struct rows {
	struct bf_form forms[BF_FORMS_PER_CMD_MAX];
	unsigned int n;
};

struct parser {
	struct bf_grammar *g;
	const struct bf_cmd *cmd;
	const char *p;
	struct bf_err *err;
};

static int syntax_error(struct parser *ps, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int
syntax_error(struct parser *ps, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return bf_err_set(ps->err, EINVAL, "syntax \"%s\": column %zu: %s", ps->cmd->syntax,
		(size_t)(ps->p - ps->cmd->syntax) + 1, what);
}

static int
no_memory(struct parser *ps)
{
	bf_err_set(ps->err, ENOMEM, "syntax \"%s\": out of memory", ps->cmd->syntax);
	return -ENOMEM;
}

static bool
is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '+';
}

/* Take a name or word; *text is for the caller to release. */
static int
take_word(struct parser *ps, char **text)
{
	const char *start = ps->p;

	while (is_word_char(*ps->p))
		ps->p++;
	if (ps->p == start) {
		(void)syntax_error(ps, "expected a letter, digit, '-', '_' or '+'");
		return -EINVAL;
	}
	*text = strndup(start, (size_t)(ps->p - start));
	return *text == NULL ? no_memory(ps) : 0;
}

static int
item_create(struct parser *ps, struct bf_item **item)
{
	*item = calloc(1, sizeof(**item));
	if (*item == NULL)
		return no_memory(ps);
	(*item)->next = ps->g->items;
	ps->g->items = *item;
	return 0;
}

static int
item_add_alt(struct parser *ps, struct bf_item *item, char *text, bool is_arg)
{
	struct bf_alt *alts = realloc(item->alts, (item->n_alts + 1) * sizeof(*alts));

	if (alts == NULL) {
		free(text);
		return no_memory(ps);
	}
	item->alts = alts;
	alts[item->n_alts].text = text;
	alts[item->n_alts].is_arg = is_arg;
	item->n_alts++;
	return 0;
}

static int
syntax_expect(struct parser *ps, char c)
{
	if (*ps->p != c)
		return syntax_error(ps, "expected '%c'", c);
	ps->p++;
	return 0;
}

/* The item is called as its last alternative. */
static int
set_name(struct parser *ps, struct bf_item *item)
{
	item->name = strdup(item->alts[item->n_alts - 1].text);
	return item->name == NULL ? no_memory(ps) : 0;
}

/* An argument, from '<' or '[' to the closing character. */
static int
take_arg(struct parser *ps, struct bf_item *item, bool in_alternatives)
{
	const char close = *ps->p == '<' ? '>' : ']';
	char *text = NULL;
	int ret;

	ps->p++;
	ret = take_word(ps, &text);
	if (ret != 0)
		return ret;
	ret = item_add_alt(ps, item, text, true);
	if (ret != 0)
		return ret;
	if (item->name == NULL && !in_alternatives)
		ret = set_name(ps, item);
	if (ret == 0 && !in_alternatives && strncmp(ps->p, "...", 3) == 0) {
		ps->p += 3;
		item->is_rest = true;
		item->min_rest = close == '>' ? 1 : 0;
	}
	return ret != 0 ? ret : syntax_expect(ps, close);
}

static int
take_alternative(struct parser *ps, struct bf_item *item)
{
	char *text = NULL;
	int ret;

	if (*ps->p == '<')
		return take_arg(ps, item, true);
	ret = take_word(ps, &text);
	return ret != 0 ? ret : item_add_alt(ps, item, text, false);
}

static int
take_alternatives(struct parser *ps, struct bf_item *item)
{
	size_t name_len;
	int ret;

	ps->p++;
	for (name_len = 0; is_word_char(ps->p[name_len]); name_len++)
		;
	if (name_len > 0 && ps->p[name_len] == ':') {
		ret = take_word(ps, &item->name);
		if (ret != 0)
			return ret;
		ps->p++;
	}
	for (;;) {
		ret = take_alternative(ps, item);
		if (ret != 0)
			return ret;
		if (*ps->p != '|')
			return syntax_expect(ps, ')');
		ps->p++;
	}
}

static int
rows_append(struct parser *ps, struct rows *rows, const struct bf_item *item)
{
	unsigned int i;

	for (i = 0; i < rows->n; i++) {
		struct bf_form *form = &rows->forms[i];

		if (bf_form_has_rest(form))
			return syntax_error(ps, "expected nothing after a \"...\"");
		if (form->n_items == BF_FORM_ITEMS_MAX)
			return syntax_error(ps, "expected at most %d words", BF_FORM_ITEMS_MAX);
		form->items[form->n_items++] = item;
	}
	return 0;
}

static int take_sequence(struct parser *ps, struct rows *rows, unsigned int nesting);

static int
take_optional(struct parser *ps, struct rows *rows, unsigned int nesting)
{
	struct rows *without;
	int ret;

	if (nesting == NESTING_MAX)
		return syntax_error(ps, "expected at most %d nested '['", NESTING_MAX);
	without = malloc(sizeof(*without));
	if (without == NULL)
		return no_memory(ps);
	*without = *rows;
	ps->p++;
	ret = take_sequence(ps, rows, nesting + 1);
	if (ret == 0)
		ret = syntax_expect(ps, ']');
	if (ret == 0 && rows->n + without->n > BF_FORMS_PER_CMD_MAX)
		ret = syntax_error(ps, "expected at most %d combinations", BF_FORMS_PER_CMD_MAX);
	if (ret == 0) {
		memcpy(&rows->forms[rows->n], without->forms, without->n * sizeof(rows->forms[0]));
		rows->n += without->n;
	}
	free(without);
	return ret;
}

/* "[name...]": zero or more words, in contrast to an optional part. */
static bool
is_optional_rest(const char *p)
{
	p++;
	while (is_word_char(*p))
		p++;
	return strncmp(p, "...]", 4) == 0;
}

static int
take_item(struct parser *ps, struct rows *rows)
{
	struct bf_item *item;
	int ret = item_create(ps, &item);

	if (ret != 0)
		return ret;
	if (*ps->p == '(')
		ret = take_alternatives(ps, item);
	else if (*ps->p == '<' || *ps->p == '[')
		ret = take_arg(ps, item, false);
	else
		ret = take_alternative(ps, item);
	if (ret == 0 && *ps->p != '\0' && *ps->p != ' ' && *ps->p != ']')
		ret = syntax_error(ps, "expected a blank");
	return ret != 0 ? ret : rows_append(ps, rows, item);
}

static int
take_sequence(struct parser *ps, struct rows *rows, unsigned int nesting)
{
	unsigned int n_taken = 0;
	int ret;

	for (;; n_taken++) {
		while (*ps->p == ' ')
			ps->p++;
		if (*ps->p == '\0' || *ps->p == ']')
			break;
		if (*ps->p == '[' && !is_optional_rest(ps->p))
			ret = take_optional(ps, rows, nesting);
		else
			ret = take_item(ps, rows);
		if (ret != 0)
			return ret;
	}
	return n_taken > 0 ? 0 : syntax_error(ps, "expected a word");
}

static int
check_first_words(struct parser *ps, const struct rows *rows)
{
	const struct bf_item *first;
	unsigned int i, a;

	for (i = 0; i < rows->n; i++) {
		first = rows->forms[i].n_items == 0 ? NULL : rows->forms[i].items[0];
		if (first == NULL || first->is_rest)
			return syntax_error(ps, "expected a fixed word first");
		for (a = 0; a < first->n_alts; a++)
			if (first->alts[a].is_arg)
				return syntax_error(ps, "expected a fixed word first");
	}
	return 0;
}

static int
grammar_join(struct parser *ps, const struct rows *rows)
{
	struct bf_grammar *g = ps->g;
	struct bf_form *forms = realloc(g->forms, (g->n_forms + rows->n) * sizeof(*forms));

	if (forms == NULL)
		return no_memory(ps);
	g->forms = forms;
	memcpy(&forms[g->n_forms], rows->forms, rows->n * sizeof(*forms));
	g->n_forms += rows->n;
	return 0;
}

int
bf_grammar_add(struct bf_grammar *g, const struct bf_cmd *cmd, struct bf_err *err)
{
	struct parser ps = {.g = g, .cmd = cmd, .p = cmd->syntax, .err = err};
	struct rows *rows = calloc(1, sizeof(*rows));
	int ret;

	if (rows == NULL)
		return no_memory(&ps);
	rows->n = 1;
	rows->forms[0].cmd = cmd;
	ret = take_sequence(&ps, rows, 0);
	if (ret == 0 && *ps.p != '\0')
		ret = syntax_error(&ps, "expected no ']' here");
	if (ret == 0)
		ret = check_first_words(&ps, rows);
	if (ret == 0)
		ret = grammar_join(&ps, rows);
	free(rows);
	return ret;
}

void
bf_grammar_fini(struct bf_grammar *g)
{
	struct bf_item *item;
	unsigned int a;

	while ((item = g->items) != NULL) {
		g->items = item->next;
		for (a = 0; a < item->n_alts; a++)
			free(item->alts[a].text);
		free(item->alts);
		free(item->name);
		free(item);
	}
	free(g->forms);
	g->forms = NULL;
	g->n_forms = 0;
}

bool
bf_form_has_rest(const struct bf_form *form)
{
	return form->n_items > 0 && form->items[form->n_items - 1]->is_rest;
}

unsigned int
bf_form_min_words(const struct bf_form *form)
{
	if (!bf_form_has_rest(form))
		return form->n_items;
	return form->n_items - 1 + form->items[form->n_items - 1]->min_rest;
}

const struct bf_item *
bf_form_item(const struct bf_form *form, unsigned int word_idx)
{
	if (word_idx < form->n_items)
		return form->items[word_idx];
	return bf_form_has_rest(form) ? form->items[form->n_items - 1] : NULL;
}

unsigned int
bf_item_rank(const struct bf_item *item, const char *word)
{
	unsigned int rank = 0;
	unsigned int a;

	if (item->is_rest)
		return 1;
	for (a = 0; a < item->n_alts; a++) {
		if (item->alts[a].is_arg)
			rank = 2;
		else if (strcmp(item->alts[a].text, word) == 0)
			return 3;
	}
	return rank;
}

static bool
items_are_alike(const struct bf_item *a, const struct bf_item *b)
{
	unsigned int i, j;

	if (a->is_rest || b->is_rest)
		return a->is_rest == b->is_rest;
	for (i = 0; i < a->n_alts; i++)
		for (j = 0; j < b->n_alts; j++)
			if (a->alts[i].is_arg == b->alts[j].is_arg &&
				(a->alts[i].is_arg ||
					strcmp(a->alts[i].text, b->alts[j].text) == 0))
				return true;
	return false;
}

bool
bf_form_is_alike(const struct bf_form *a, const struct bf_form *b)
{
	unsigned int i;

	if (a->n_items != b->n_items)
		return false;
	for (i = 0; i < a->n_items; i++)
		if (!items_are_alike(a->items[i], b->items[i]))
			return false;
	return true;
}
