/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See filter_text.h.
 *
 * Threads: ctx control.
 */
#include "control/config/filter_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "control/config/expression.h"

const char *const bf_filter_actions[] = {"pass", "drop", "mark", "count"};

/* The next word of a rule, which is cut off. @return false: there is none */
static bool
word_take(char **rest, char *word, size_t size)
{
	size_t len;

	*rest += strspn(*rest, " ");
	len = strcspn(*rest, " ");
	if (len == 0 || len >= size)
		return false;
	memcpy(word, *rest, len);
	word[len] = '\0';
	*rest += len;
	*rest += strspn(*rest, " ");
	return true;
}

static int
class_take(const char *what, char **rest, struct bf_filter_line *l, struct bf_err *err)
{
	char word[16] = "";
	uint64_t class = 0;

	if (!word_take(rest, word, sizeof(word)) ||
		bf_parse_u64(what, word, 0, BF_CLASSES - 1, &class, NULL) != 0)
		return bf_err_set(err, EINVAL,
			"%s: \"mark %s\": expected mark and a class of 0 to 7", what, word);
	l->class = (uint8_t) class;
	return 0;
}

static int
name_take(const char *what, char **rest, struct bf_filter_line *l, struct bf_err *err)
{
	char word[BF_FILTER_NAME_MAX] = "";

	if (!word_take(rest, word, sizeof(word)) ||
		bf_parse_name(what, word, l->name, sizeof(l->name), NULL) != 0)
		return bf_err_set(err, EINVAL,
			"%s: \"count %.60s\": expected count and a name of 1 to %d characters",
			what, word[0] != '\0' ? word : *rest, BF_FILTER_NAME_MAX - 1);
	return 0;
}

static int
line_read(const char *what, char *rule, struct bf_filter_line *l, struct bf_err *err)
{
	unsigned int action = 0;
	char word[16] = "";
	int ret = 0;

	memset(l, 0, sizeof(*l));
	rule += strspn(rule, " ");
	if (!word_take(&rule, word, sizeof(word)))
		return bf_err_set(err, EINVAL,
			"%s: \"%.60s\": expected pass, drop, mark N or count NAME, and an expression",
			what, rule);
	while (action <= BF_FILTER_COUNT && strcmp(bf_filter_actions[action], word) != 0)
		action++;
	if (action > BF_FILTER_COUNT)
		return bf_err_set(err, EINVAL,
			"%s: \"%s\": expected pass, drop, mark N or count NAME, and an expression",
			what, word);
	l->action = (uint8_t)action;
	if (action == BF_FILTER_MARK)
		ret = class_take(what, &rule, l, err);
	else if (action == BF_FILTER_COUNT)
		ret = name_take(what, &rule, l, err);
	snprintf(l->expression, sizeof(l->expression), "%s", rule);
	for (size_t n = strlen(l->expression); n > 0 && l->expression[n - 1] == ' ';)
		l->expression[--n] = '\0';
	return ret;
}

int
bf_filter_text_read(const char *what, const char *text, struct bf_filter_line line[BF_FILTER_RULES],
	struct bf_err *err)
{
	char copy[BF_FILTER_TEXT_MAX], *next = copy;
	int n = 0, ret = 0;

	if (strlen(text) >= sizeof(copy))
		return bf_err_set(err, EINVAL, "%s: %zu bytes: expected at most %d", what,
			strlen(text), BF_FILTER_TEXT_MAX - 1);
	memcpy(copy, text, strlen(text) + 1);
	while (next != NULL && ret == 0) {
		char *rule = next;

		next = strchr(rule, ';');
		if (next != NULL)
			*next++ = '\0';
		if (rule[strspn(rule, " ")] == '\0' && (next == NULL ? n > 0 : false))
			break; /* behind a last semicolon */
		if (n == BF_FILTER_RULES)
			return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected at most %d rules",
				what, rule, BF_FILTER_RULES);
		ret = line_read(what, rule, &line[n++], err);
	}
	return ret != 0 ? ret : n;
}

static int
line_compile(const char *what, const struct bf_filter_line *l, struct bf_filter_rule *r,
	struct bf_err *err)
{
	struct bpf_program *program = NULL;
	struct bf_err why;
	char word[64];
	int ret = 0;

	*r = (struct bf_filter_rule){.action = l->action, .class = l->class};
	if (l->expression[0] != '\0')
		ret = bf_expression_open(&program, l->expression, &why);
	r->program = program;
	if (ret == 0)
		return 0;
	bf_expression_culprit(l->expression, word, sizeof(word));
	if (word[0] == '\0')
		return bf_err_set(err, -ret, "%s: %s", what, why.text);
	return bf_err_set(err, -ret, "%s: \"%s\": %s", what, word, why.text);
}

int
bf_filter_text_compile(const char *what, const char *text, struct bf_filter *f, struct bf_err *err)
{
	struct bf_filter_line line[BF_FILTER_RULES] = {{.action = 0}};
	int n = bf_filter_text_read(what, text, line, err), ret = n < 0 ? n : 0;

	memset(f, 0, sizeof(*f));
	for (int i = 0; i < n && ret == 0; i++) {
		ret = line_compile(what, &line[i], &f->rule[i], err);
		f->n = (uint16_t)(i + 1);
	}
	if (ret != 0)
		bf_filter_text_close(f);
	return ret;
}

void
bf_filter_text_close(struct bf_filter *f)
{
	for (uint16_t i = 0; i < f->n; i++)
		bf_expression_close((struct bpf_program *)(uintptr_t)f->rule[i].program);
	f->n = 0;
}
