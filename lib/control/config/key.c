/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Keys by their rows.
 *
 * Threads: ctx control.
 */
#include "control/config/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "base/suggest.h"
#include "base/words.h"
#include "control/config/foreign.h"

static void *
value_of(const struct bf_key *k, void *object)
{
	return (char *)object + k->offset;
}

static const void *
value_in(const struct bf_key *k, const void *object)
{
	return (const char *)object + k->offset;
}

bool
bf_key_has_name(const struct bf_key *k, const char *name)
{
	if (strcmp(k->name, name) == 0)
		return true;
	for (const char *const *other = k->other_names; other != NULL && *other != NULL; other++)
		if (strcmp(*other, name) == 0)
			return true;
	return false;
}

/* Our word for the one that others use. */
static const char *
our_word(const struct bf_key *k, const char *text)
{
	for (const struct bf_key_word *w = k->other_words; w != NULL && w->theirs != NULL; w++)
		if (strcasecmp(w->theirs, text) == 0)
			return w->ours;
	return text;
}

int
bf_key_set(const struct bf_key *k, void *object, const char *text, struct bf_err *err)
{
	return k->type->parse(k, our_word(k, text), value_of(k, object), err);
}

void
bf_key_print(const struct bf_key *k, const void *object, char *buf, size_t size)
{
	k->type->print(k, value_in(k, object), buf, size);
}

void
bf_key_values(const struct bf_key *k, char *buf, size_t size)
{
	k->type->values(k, buf, size);
}

const char *const bf_profile_names[BF_PROFILE_COUNT] = {"trusted", "tenant"};

const char *
bf_key_default(const struct bf_key *k, enum bf_profile profile)
{
	if (profile == BF_PROFILE_TENANT && k->tenant != NULL)
		return k->tenant;
	return k->def != NULL ? k->def : "none";
}

void
bf_key_defaults(const struct bf_key *k, char *buf, size_t size)
{
	if (k->flags & BF_KEY_PROFILE)
		snprintf(buf, size, "as set profile default says");
	else if (k->tenant != NULL)
		snprintf(buf, size, "%s; %s in profile tenant",
			bf_key_default(k, BF_PROFILE_TRUSTED), k->tenant);
	else
		snprintf(buf, size, "%s", bf_key_default(k, BF_PROFILE_TRUSTED));
}

static bool
values_are_equal(const struct bf_key *k, const void *a, const void *b)
{
	return k->type->is_equal != NULL ? k->type->is_equal(a, b)
					 : memcmp(a, b, k->type->size) == 0;
}

bool
bf_key_is_equal(const struct bf_key *k, const void *a, const void *b)
{
	return values_are_equal(k, value_in(k, a), value_in(k, b));
}

void
bf_keys_init(const struct bf_key_table *t, void *object)
{
	memset(object, 0, t->size);
	for (unsigned int i = 0; i < t->n; i++)
		if (t->keys[i].def != NULL)
			bf_key_set(&t->keys[i], object, t->keys[i].def, NULL);
}

static uint64_t *
given_of(const struct bf_key_table *t, void *object)
{
	return (uint64_t *)((char *)object + t->given);
}

static bool
is_given(const struct bf_key_table *t, const void *object, unsigned int i)
{
	return t->has_profile &&
		(*(const uint64_t *)((const char *)object + t->given) >> i & 1) != 0;
}

bool
bf_keys_is_own(const struct bf_key_table *t, const void *object, unsigned int i)
{
	return is_given(t, object, i);
}

bool
bf_keys_is_given(const struct bf_key_table *t, const void *object, unsigned int i)
{
	return t->keys[i].tenant != NULL && is_given(t, object, i);
}

enum bf_profile
bf_keys_profile(const struct bf_key_table *t, const void *object)
{
	return t->has_profile ? *(const uint32_t *)((const char *)object + t->profile)
			      : BF_PROFILE_TRUSTED;
}

static void
profile_follow(const struct bf_key_table *t, void *object)
{
	enum bf_profile profile = bf_keys_profile(t, object);

	for (unsigned int i = 0; i < t->n; i++)
		if (t->keys[i].tenant != NULL && !is_given(t, object, i))
			bf_key_set(&t->keys[i], object, bf_key_default(&t->keys[i], profile), NULL);
}

void
bf_keys_set_profile(const struct bf_key_table *t, void *object, enum bf_profile profile)
{
	*(uint32_t *)((char *)object + t->profile) = profile;
	profile_follow(t, object);
}

static size_t
value_size(const struct bf_key *k)
{
	return k->type->size != 0 ? k->type->size : (size_t)k->max; /* a string's room */
}

static void
key_copy(const struct bf_key *k, void *object, const void *from)
{
	memcpy(value_of(k, object), value_in(k, from), value_size(k));
}

/* The default, where the type has no text for "nothing". */
static void
key_set_default(const struct bf_key *k, void *object, enum bf_profile profile)
{
	if (k->def == NULL)
		memset(value_of(k, object), 0, value_size(k));
	else
		bf_key_set(k, object, bf_key_default(k, profile), NULL);
}

void
bf_keys_follow(const struct bf_key_table *t, void *object, const void *group)
{
	/* The profile first: defaults of others are the profile's. */
	for (unsigned int i = 0; group != NULL && i < t->n; i++)
		if ((t->keys[i].flags & BF_KEY_PROFILE) && !is_given(t, object, i) &&
			is_given(t, group, i))
			key_copy(&t->keys[i], object, group);
	for (unsigned int i = 0; i < t->n; i++) {
		const struct bf_key *k = &t->keys[i];

		if ((k->flags & (BF_KEY_PROFILE | BF_KEY_IDENTITY)) || is_given(t, object, i))
			continue;
		if (group != NULL && is_given(t, group, i) && !(k->flags & BF_KEY_OF_ONE))
			key_copy(k, object, group);
		else
			key_set_default(k, object, bf_keys_profile(t, object));
	}
}

static const struct bf_key *
find_key(const struct bf_key_table *t, const char *name)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (bf_key_has_name(&t->keys[i], name))
			return &t->keys[i];
	return NULL;
}

static int
unknown_key(const struct bf_key_table *t, const char *name, struct bf_err *err)
{
	struct bf_suggest near;
	char list[900] = "", hint[64] = "";

	bf_suggest_init(&near, name);
	for (unsigned int i = 0; i < t->n; i++) {
		const char *const *other = t->keys[i].other_names;

		bf_suggest_offer(&near, t->keys[i].name);
		for (; other != NULL && *other != NULL; other++)
			bf_suggest_offer(&near, *other);
		bf_words_add(list, sizeof(list), " ", t->keys[i].name);
	}
	bf_suggest_append(&near, hint, sizeof(hint));
	return bf_err_set(err, EINVAL, "%s: unknown key \"%.40s\": expected one of %s%s", t->what,
		name, list, hint);
}

/* Whether it is noted that the key was set. */
static bool
is_noted(const struct bf_key_table *t, const struct bf_key *k)
{
	if (k->flags & BF_KEY_IDENTITY)
		return false;
	return t->has_groups ||
		(t->has_profile && (k->tenant != NULL || (k->flags & BF_KEY_PROFILE)));
}

int
bf_keys_set(const struct bf_key_table *t, void *object, const char *name, const char *text,
	struct bf_err *err)
{
	const struct bf_key *k = find_key(t, name);

	if (k == NULL && bf_foreign_refuses_key(t->what, name, err))
		return -EINVAL;
	if (k == NULL)
		return unknown_key(t, name, err);
	if (bf_foreign_refuses_word(t->what, k->name, name, text, err))
		return -EINVAL;
	if (bf_key_set(k, object, text, err) != 0)
		return -EINVAL;
	if (is_noted(t, k))
		*given_of(t, object) |= UINT64_C(1) << (k - t->keys);
	if (k->flags & BF_KEY_PROFILE)
		profile_follow(t, object);
	return 0;
}

int
bf_keys_unset(const struct bf_key_table *t, void *object, const char *name, struct bf_err *err)
{
	const struct bf_key *k = find_key(t, name);

	if (k == NULL)
		return unknown_key(t, name, err);
	if (k->flags & BF_KEY_IDENTITY)
		return bf_err_set(err, EINVAL, "%s: \"%.40s\": has no default", t->what, k->name);
	*given_of(t, object) &= ~(UINT64_C(1) << (k - t->keys));
	return 0;
}

struct pairs {
	const struct bf_key_table *table;
	void *object;
};

static bool
is_list(void *arg, const char *name)
{
	const struct pairs *p = arg;
	const struct bf_key *k = find_key(p->table, name);

	return k != NULL && k->type->is_list;
}

static int
set_pair(void *arg, const char *name, const char *text, struct bf_err *err)
{
	struct pairs *p = arg;

	return bf_keys_set(p->table, p->object, name, text, err);
}

int
bf_keys_parse(const struct bf_key_table *t, void *object, const char *pairs, struct bf_err *err)
{
	struct pairs p = {t, object};

	return bf_parse_pairs(t->what, pairs, is_list, set_pair, &p, err);
}

bool
bf_keys_are_equal(const struct bf_key_table *t, const void *a, const void *b)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (!bf_key_is_equal(&t->keys[i], a, b) ||
			bf_keys_is_given(t, a, i) != bf_keys_is_given(t, b, i))
			return false;
	return true;
}

bool
bf_keys_reopen(const struct bf_key_table *t, const void *from, const void *to)
{
	for (unsigned int i = 0; i < t->n; i++) {
		const struct bf_key *k = &t->keys[i];

		if (k->reopens != NULL && k->reopens(k, value_in(k, from), value_in(k, to)))
			return true;
	}
	return false;
}

bool
bf_reopen_if_other(const struct bf_key *k, const void *from, const void *to)
{
	return !values_are_equal(k, from, to);
}

bool
bf_reopen_if_more(const struct bf_key *k, const void *from, const void *to)
{
	(void)k;
	return *(const uint32_t *)to > *(const uint32_t *)from;
}
