/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A key: one value of a bond, a member or a guest.  Its row says how it is written, what it may
 * be, what it is unless it is set, and what it is for.  The row is all there is: command line,
 * console, config files, `show keys`, the options of `show` and the tables of docs/console.md are
 * made from it.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_CONFIG_KEY_H
#define BF_CONTROL_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/** Room for the text of any key's value. */
#define BF_KEY_TEXT_MAX 3328

struct bf_key;

/** A kind of value.  @p at is the value's place inside its object. */
struct bf_key_type {
	/** Leaves the value alone when it refuses the text. */
	int (*parse)(const struct bf_key *k, const char *text, void *at, struct bf_err *err);
	/** As parse() reads it. */
	void (*print)(const struct bf_key *k, const void *at, char *buf, size_t size);
	/** What may be written, for people: "68 to 9216". */
	void (*values)(const struct bf_key *k, char *buf, size_t size);
	/** NULL: the @p size bytes are compared. */
	bool (*is_equal)(const void *a, const void *b);
	size_t size; /* 0: a string, the key's max */
	/** The text has commas of its own; it gets a line of its own in running-config. */
	bool is_list;
	/** Each text that is set is one more, "none" ends them all; printed with blanks. */
	bool adds;
};

/** Who it is, not an option: name, members. */
#define BF_KEY_IDENTITY (1u << 0)
/** The command that makes the object says it. */
#define BF_KEY_IN_CREATE (1u << 1)
/** "random" draws an address. */
#define BF_KEY_RANDOM (1u << 2)
/** It names the object's profile: unless set, what the configuration says. */
#define BF_KEY_PROFILE (1u << 3)
/** No two objects have the same: a group cannot say it. */
#define BF_KEY_OF_ONE (1u << 4)

/** What an object's keys are unless they are set. */
enum bf_profile {
	BF_PROFILE_TRUSTED, /* the default of a row */
	BF_PROFILE_TENANT, /* that for tenants, where the row has one */
	BF_PROFILE_COUNT
};

extern const char *const bf_profile_names[BF_PROFILE_COUNT];

/** A word of others for a value, and how it is written here. */
struct bf_key_word {
	const char *theirs, *ours;
};

#define BF_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define BF_WORDS(...) ((const struct bf_key_word[]){__VA_ARGS__, {NULL, NULL}})

struct bf_key {
	const char *name;
	const char *const *other_names; /* other spellings up to a NULL; NULL: none */
	const struct bf_key_type *type;
	size_t offset; /* in its object */
	int64_t min, max; /* of a number; of a string, max is the room */
	const char *const *words; /* of an enumeration */
	unsigned int n_words;
	const struct bf_key_word
		*other_words; /* other spellings of values up to a NULL; NULL: none */
	const char *def; /* the default's text; NULL: empty, printed as none */
	const char *tenant; /* the same in profile tenant; NULL: as def */
	unsigned int flags; /* BF_KEY_... */
	uint32_t modes; /* bonding modes that read it, a bit for each; 0: all */
	/** Whether a change cuts a guest's connection; NULL: no change does. */
	bool (*reopens)(const struct bf_key *k, const void *from, const void *to);
	const char *help;
};

/** The keys of one kind of object. */
struct bf_key_table {
	const char *what; /* "guest" */
	const struct bf_key *keys;
	unsigned int n;
	size_t size; /* of the object */
	bool has_profile; /* then the object has: */
	size_t profile; /* offset of a uint32_t, enum bf_profile */
	/* Offset of a uint64_t, a bit for each row: keys with two defaults that were set; with groups, all that were. */
	size_t given;
	bool has_groups;
};

/** Whether @p name is the key's name or another spelling of it. */
bool bf_key_has_name(const struct bf_key *k, const char *name);

/** @return 0, or -EINVAL with the key, the text and what was expected. */
int bf_key_set(const struct bf_key *k, void *object, const char *text, struct bf_err *err);
/** Write a key's value as its parser reads it. @p size at least BF_KEY_TEXT_MAX for every key. */
void bf_key_print(const struct bf_key *k, const void *object, char *buf, size_t size);
/** What may be written, for people. */
void bf_key_values(const struct bf_key *k, char *buf, size_t size);
/** The default in a profile, as bf_key_print() writes it. */
const char *bf_key_default(const struct bf_key *k, enum bf_profile profile);
/** The defaults, for people: "1024; 8 in profile tenant". */
void bf_key_defaults(const struct bf_key *k, char *buf, size_t size);
bool bf_key_is_equal(const struct bf_key *k, const void *a, const void *b);

/** Every default, those of profile trusted. */
void bf_keys_init(const struct bf_key_table *t, void *object);
/** Give it a profile: the keys that were not set follow. */
void bf_keys_set_profile(const struct bf_key_table *t, void *object, enum bf_profile profile);
/** Whether key @p i, which has two defaults, was set: it stays when the profile changes. */
bool bf_keys_is_given(const struct bf_key_table *t, const void *object, unsigned int i);
/** Whether key @p i was set, of a table with groups; never of who it is. */
bool bf_keys_is_own(const struct bf_key_table *t, const void *object, unsigned int i);
/**
 * Keys that are not the object's own are what they are in its group, where they are set, and else
 * the default.
 *
 * @param group
 *   An object of the same table; its keys that were set count.  NULL: none.
 */
void bf_keys_follow(const struct bf_key_table *t, void *object, const void *group);
/** The key of that name is not the object's own any more; follow() gives it its value. @return 0, or -EINVAL */
int bf_keys_unset(const struct bf_key_table *t, void *object, const char *name, struct bf_err *err);
/** The profile of an object; trusted without one. */
enum bf_profile bf_keys_profile(const struct bf_key_table *t, const void *object);
/** Set the key of that name. @return 0, or -EINVAL with the reason. */
int bf_keys_set(const struct bf_key_table *t, void *object, const char *name, const char *text,
	struct bf_err *err);
/** Set "K=V,...".  What stands before a pair that is refused stays set. */
int bf_keys_parse(
	const struct bf_key_table *t, void *object, const char *pairs, struct bf_err *err);
/** Whether all keys have the same values, now and after a change of profile. */
bool bf_keys_are_equal(const struct bf_key_table *t, const void *a, const void *b);
/** Whether a change from @p from to @p to cuts a guest's connection. */
bool bf_keys_reopen(const struct bf_key_table *t, const void *from, const void *to);

/** For `reopens`: any other value, a larger number. */
bool bf_reopen_if_other(const struct bf_key *k, const void *from, const void *to);
bool bf_reopen_if_more(const struct bf_key *k, const void *from, const void *to);

#endif
