/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Completion.
 *
 * Theory of operation: the words in front of the last one select the forms of commands that fit; what these forms allow
 * in the next place are the choices: fixed words, values that the application knows, and for KEY=VALUE,... the keys, or
 * the values of the key that stands there.
 *
 * Threads: ctx control.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/complete.h"

/* The line in front of the cursor. */
struct place {
	const struct bf_cmd_set *set;
	struct bf_choices *choices;
	struct bf_line line; /* the words before the last */
	char word[BF_CMD_LINE_MAX + 1]; /* the last, as far as it is typed */
	unsigned int first; /* words in front of the command: `watch 2` */
};

static void
add_choice(struct place *pl, const char *text, const char *help, bool is_hint, bool goes_on)
{
	struct bf_choices *c = pl->choices;
	struct bf_choice *grown;

	if (c->n == BF_NAMES_MAX ||
		(is_hint ? pl->word[0] != '\0' && !goes_on
			 : strncmp(text, pl->word, strlen(pl->word)) != 0))
		return;
	if (c->n == c->cap) {
		grown = realloc(c->list, (c->cap + 64) * sizeof(*grown));
		if (grown == NULL)
			return;
		c->list = grown;
		c->cap += 64;
	}
	grown = &c->list[c->n];
	grown->text = strdup(text);
	grown->help = strndup(help, strcspn(help, "\n"));
	grown->is_hint = is_hint;
	grown->goes_on = goes_on;
	if (grown->text != NULL && grown->help != NULL) {
		c->n++;
		return;
	}
	free(grown->text);
	free(grown->help);
}

static int
compare_choices(const void *a, const void *b)
{
	const struct bf_choice *x = a, *y = b;
	int ret = strcmp(x->text, y->text);

	/* Of equal ones that with a help comes first, and stays. */
	return ret != 0 ? ret : (x->help[0] == '\0') - (y->help[0] == '\0');
}

/* A word that begins several commands has no help of its own. */
static void
choices_sort(struct bf_choices *c)
{
	unsigned int n = 0;

	if (c->n > 0)
		qsort(c->list, c->n, sizeof(*c->list), compare_choices);
	for (unsigned int i = 0; i < c->n; i++) {
		struct bf_choice *last = n > 0 ? &c->list[n - 1] : NULL;

		if (last == NULL || strcmp(last->text, c->list[i].text) != 0) {
			c->list[n++] = c->list[i];
			continue;
		}
		if (strcmp(last->help, c->list[i].help) != 0)
			last->help[0] = '\0';
		free(c->list[i].text);
		free(c->list[i].help);
	}
	c->n = n;
}

static void
add_help_topics(struct place *pl)
{
	for (unsigned int i = 0; i < pl->set->n_groups; i++)
		add_choice(pl, pl->set->groups[i]->name, pl->set->groups[i]->help, false, false);
	add_choice(pl, "all", "All commands.", false, false);
}

static void
add_values(struct place *pl, const char *name)
{
	char value[256];

	for (unsigned int i = 0; pl->set->complete != NULL && i < BF_NAMES_MAX; i++) {
		value[0] = '\0';
		if (pl->set->complete(pl->set->complete_app, name, i, value, sizeof(value)) != 0)
			return;
		value[sizeof(value) - 1] = '\0';
		if (value[0] != '\0' && strpbrk(value, " \t") == NULL)
			add_choice(pl, value, "", false, false);
	}
}

/* Keys, or the values of a key, of the pair that is being typed; the pairs before it stay. */
static void
add_pairs(struct place *pl, const struct bf_cmd *cmd, const char *arg)
{
	char whole[BF_CMD_LINE_MAX + 1], key[64] = "";
	char *comma = strrchr(pl->word, ','), *pair = comma == NULL ? pl->word : comma + 1;
	char *equals = strchr(pair, '=');
	struct bf_pair_choice c;
	size_t kept;

	if (equals != NULL)
		snprintf(key, sizeof(key), "%.*s", (int)(equals - pair), pair);
	memcpy(whole, pl->word, sizeof(whole));
	kept = (size_t)(pair - pl->word) + (equals != NULL ? strlen(key) + 1 : 0);
	memmove(pl->word, pl->word + kept, strlen(pl->word + kept) + 1);
	for (unsigned int i = 0; i < BF_NAMES_MAX; i++) {
		memset(&c, 0, sizeof(c));
		if (pl->set->pairs(pl->set->complete_app, cmd, arg, equals != NULL ? key : NULL, i,
			    &c) != 0)
			break;
		add_choice(pl, c.text, c.help, c.is_hint, c.is_hint || c.goes_on);
	}
	pl->choices->typed_len = strlen(pl->word);
	memcpy(pl->word, whole, sizeof(whole));
}

/* One line about what a form is for. */
static void
add_arg(struct place *pl, const struct bf_form *form, const struct bf_item *item,
	const struct bf_alt *alt)
{
	char shown[80];

	if (pl->set->pairs != NULL && item->is_rest &&
		(strcmp(alt->text, "options") == 0 || strcmp(alt->text, "keys") == 0)) {
		add_pairs(pl, form->cmd, alt->text);
		return;
	}
	snprintf(shown, sizeof(shown), "<%s>", alt->text);
	add_choice(pl, shown, form->cmd->help, true, false);
	add_values(pl, item->name != NULL ? item->name : alt->text);
}

static void
add_form(struct place *pl, const struct bf_form *form)
{
	unsigned int n = pl->line.n_words;
	const struct bf_item *item = bf_form_item(form, n);

	if (n >= bf_form_min_words(form) && n > 0)
		add_choice(pl, "[RETURN]", form->cmd->help, true, false);
	if (item == NULL)
		return;
	if (form->cmd->run == bf_cmd_help && item->is_rest)
		add_help_topics(pl);
	for (unsigned int a = 0; a < item->n_alts; a++) {
		if (item->alts[a].is_arg)
			add_arg(pl, form, item, &item->alts[a]);
		else
			add_choice(pl, item->alts[a].text, form->cmd->help, false, false);
	}
}

/* A fixed word further left excludes commands with an argument in its place. */
static void
add_forms(struct place *pl)
{
	unsigned char ranks[BF_CMD_WORDS_MAX], best_ranks[BF_CMD_WORDS_MAX] = {0};
	const struct bf_grammar *g = &pl->set->grammar;
	unsigned int n = pl->line.n_words;

	for (unsigned int i = 0; i < g->n_forms; i++)
		if (bf_form_fit(&g->forms[i], &pl->line, ranks) == n &&
			memcmp(ranks, best_ranks, n) > 0)
			memcpy(best_ranks, ranks, n);
	for (unsigned int i = 0; i < g->n_forms; i++)
		if (bf_form_fit(&g->forms[i], &pl->line, ranks) == n &&
			memcmp(ranks, best_ranks, n) == 0)
			add_form(pl, &g->forms[i]);
}

/* A command that takes a command: what stands behind it is completed as if it stood alone. */
static void
pass_over_outer(struct place *pl)
{
	struct bf_line *line = &pl->line;
	unsigned int n = 0;

	if (line->n_words == 0 || strcmp(line->words[0], "watch") != 0)
		return;
	n = line->n_words > 1 && strspn(line->words[1], "0123456789") == strlen(line->words[1]) ? 2
												: 1;
	memmove(&line->words[0], &line->words[n], (line->n_words - n) * sizeof(line->words[0]));
	line->n_words -= n;
}

/* Where the last word begins: behind the last blank that stands in no quotes. */
static size_t
last_word(const char *line, size_t len)
{
	size_t begin = 0;
	char quote = '\0';

	for (size_t i = 0; i < len; i++) {
		if (quote != '\0' && line[i] == quote)
			quote = '\0';
		else if (quote != '\0')
			continue;
		else if (line[i] == '"' || line[i] == '\'')
			quote = line[i];
		else if (line[i] == ' ' || line[i] == '\t')
			begin = i + 1;
	}
	return begin;
}

void
bf_complete(const struct bf_cmd_set *set, const char *line, size_t len, struct bf_choices *choices)
{
	struct place *pl = calloc(1, sizeof(*pl));
	char before[BF_CMD_LINE_MAX + 1];
	struct bf_err err;
	size_t begin;

	memset(choices, 0, sizeof(*choices));
	if (pl == NULL || len > BF_CMD_LINE_MAX) {
		free(pl);
		return;
	}
	begin = last_word(line, len);
	memcpy(before, line, begin);
	before[begin] = '\0';
	memcpy(pl->word, line + begin, len - begin);
	pl->set = set;
	pl->choices = choices;
	choices->typed_len = len - begin;
	if (bf_line_split(&pl->line, before, &err) && strpbrk(pl->word, "\"'") == NULL) {
		pass_over_outer(pl);
		add_forms(pl);
		choices_sort(choices);
	}
	free(pl);
}

size_t
bf_choices_common(const struct bf_choices *choices)
{
	const char *first = NULL;
	size_t common = 0, n;

	for (unsigned int i = 0; i < choices->n; i++) {
		const char *text = choices->list[i].text;

		if (choices->list[i].is_hint)
			continue;
		if (first == NULL) {
			first = text;
			common = strlen(text);
		}
		for (n = 0; n < common && text[n] == first[n]; n++)
			;
		common = n;
	}
	return common;
}

void
bf_choices_fini(struct bf_choices *choices)
{
	for (unsigned int i = 0; i < choices->n; i++) {
		free(choices->list[i].text);
		free(choices->list[i].help);
	}
	free(choices->list);
	memset(choices, 0, sizeof(*choices));
}
