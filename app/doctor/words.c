/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The words that bondfwd was started with or, if it does not run, that its service would start it with.
 *
 * Theory of operation.  The configuration file stands on options before it: what --bond and --guest make is there
 * before its first line.  So bondfwd --check gets those options, too, and only those: another one could make it
 * listen, ask, or print something else.  A word is handed on as it is, and no shell reads it.
 *
 * Threads: one.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define INSTANCE_SIZE 128
#define SETTING_SIZE 4096 /* more than bf_sysfs_lines() gives of a line */
#define SETTING_LONG 4000 /* it may have been cut */

/* ---- a list of words ---- */

static void
word_add(struct bf_doctor_words *w, const char *word)
{
	size_t size = strlen(word) + 1;

	w->is_cut = w->is_cut || w->n == BF_DOCTOR_WORDS || size > sizeof(w->text) - w->len;
	if (w->is_cut)
		return;
	w->at[w->n++] = memcpy(w->text + w->len, word, size);
	w->len += size;
}

/* ---- of a process ---- */

static void
process_read(struct bf_doctor *d)
{
	struct bf_doctor_words *w = &d->words;
	char path[PATH_MAX];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%d/cmdline", d->root, (int)d->pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	len = fread(w->text, 1, sizeof(w->text) - 1, f);
	(void)fclose(f);
	w->is_cut = len == sizeof(w->text) - 1;
	w->text[len] = '\0';
	for (const char *at = w->text; at < w->text + len; at += strlen(at) + 1) {
		w->is_cut = w->is_cut || w->n == BF_DOCTOR_WORDS;
		if (w->is_cut)
			return;
		w->at[w->n++] = at;
	}
}

/* ---- of a service ---- */

/* "-NAME" of an instance, whose socket is /run/bondfwd-NAME/console.sock; "" it is none. */
static void
instance_find(const char *socket, char *buf, size_t size)
{
	static const char run[] = "/run/bondfwd";
	const char *at = strncmp(socket, "/var/run/", 9) == 0 ? socket + 4 : socket;
	size_t len;

	buf[0] = '\0';
	if (strncmp(at, run, strlen(run)) != 0 || at[strlen(run)] != '-')
		return;
	at += strlen(run);
	len = strcspn(at, "/");
	if (len > 1 && len < size && at[len] == '/' && strchr(at + len + 1, '/') == NULL)
		snprintf(buf, size, "%.*s", (int)len, at);
}

void
bf_doctor_service_config(const struct bf_doctor *d, char *buf, size_t size)
{
	char instance[INSTANCE_SIZE];

	instance_find(d->opt->socket, instance, sizeof(instance));
	snprintf(buf, size, "%s/etc/bondfwd/%s.conf", d->root,
		instance[0] != '\0' ? instance + 1 : "bondfwd");
}

struct setting {
	const char *name; /* with "=" */
	struct bf_doctor_words *to;
	unsigned int n; /* words that were there before */
	size_t len;
};

/*
 * A value that systemd reads as its words and nothing else: on one line that fits, at most with quotes around it.
 * Others are legal (systemd.exec(5), EnvironmentFile=); what is not read here is not judged.
 */
static bool
is_one_line(const char *text)
{
	size_t len = strlen(text);
	char quote = len > 0 && (text[0] == '"' || text[0] == '\'') ? text[0] : '\0';

	if (strchr(text, '\\') != NULL)
		return false;
	if (quote == '\0')
		return strpbrk(text, "\"'") == NULL;
	return strcspn(text + 1, "\"'") == len - 2 && text[len - 1] == quote;
}

/* NAME="WORD WORD"; the last one counts. */
static bool
setting_take(void *arg, const char *line)
{
	struct setting *s = arg;
	size_t len = strlen(s->name);
	char text[SETTING_SIZE], *rest = text, *word;

	if (strncmp(line, s->name, len) != 0)
		return true;
	snprintf(text, sizeof(text), "%s", line + len);
	s->to->n = s->n;
	s->to->len = s->len;
	s->to->is_cut = s->to->is_cut || strlen(line) >= SETTING_LONG || !is_one_line(text);
	while ((word = strsep(&rest, " \t\"'")) != NULL)
		if (word[0] != '\0')
			word_add(s->to, word);
	return true;
}

static void
setting_read(struct bf_doctor *d, const char *name)
{
	struct setting s = {name, &d->words, d->words.n, d->words.len};
	char instance[INSTANCE_SIZE];

	instance_find(d->opt->socket, instance, sizeof(instance));
	bf_sysfs_lines(d->root, setting_take, &s, "/etc/default/bondfwd%s", instance);
}

/* Its own options belong to its own file only. */
static void
service_read(struct bf_doctor *d)
{
	char config[PATH_MAX];

	word_add(&d->words, "bondfwd");
	setting_read(d, "EAL_ARGS=");
	word_add(&d->words, "--");
	bf_doctor_service_config(d, config, sizeof(config));
	if (strcmp(config, d->config) == 0)
		setting_read(d, "BONDFWD_ARGS=");
}

void
bf_doctor_words_read(struct bf_doctor *d)
{
	if (d->pid != 0)
		process_read(d);
	else if (!d->answers)
		service_read(d);
}

bool
bf_doctor_has_word(const struct bf_doctor *d, const char *word)
{
	for (unsigned int i = 0; i < d->words.n; i++)
		if (strcmp(d->words.at[i], word) == 0)
			return true;
	return false;
}

/* ---- what they say ---- */

/* Options with a value, for that is no option; and those that the file stands on. */
static const struct own_option {
	const char *name;
	bool has_value, is_base, is_config;
} options[] = {
	{"--bond", true, true, false},
	{"--guest", true, true, false},
	{"--host", true, true, false},
	{"--port-group", true, true, false},
	{"--profile", true, true, false},
	{"--config", true, false, true},
	{"-c", true, false, true},
	{"--console", true, false, false},
	{"--metrics", true, false, false},
	{"--group", true, false, false},
	{"--guest-group", true, false, false},
	{"--fdb-size", true, false, false},
};

/* Where bondfwd's own begin: without "--" there are none, or none of the EAL. */
static unsigned int
own_start(const struct bf_doctor_words *w)
{
	for (unsigned int i = 1; i < w->n; i++)
		if (strcmp(w->at[i], "--") == 0)
			return i + 1;
	return 1;
}

/* The option at *i, which is behind it and its value then. NULL: a word that nothing is known of */
static const struct own_option *
option_take(const struct bf_doctor_words *w, unsigned int *i, const char **value)
{
	const char *word = w->at[(*i)++];

	for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
		const struct own_option *o = &options[k];
		size_t len = strlen(o->name);

		if (strncmp(word, o->name, len) != 0 ||
			(word[len] != '\0' && (word[len] != '=' || !o->has_value)))
			continue;
		*value = word[len] == '=' ? word + len + 1 : NULL;
		if (o->has_value && *value == NULL && *i < w->n)
			*value = w->at[(*i)++];
		return o;
	}
	return NULL;
}

const char *
bf_doctor_words_config(const struct bf_doctor *d)
{
	const char *path = NULL, *value = NULL;

	for (unsigned int i = own_start(&d->words); i < d->words.n;) {
		const struct own_option *o = option_take(&d->words, &i, &value);

		if (o != NULL && o->is_config)
			path = value;
	}
	return path;
}

unsigned int
bf_doctor_words_base(const struct bf_doctor *d, const char **args)
{
	const struct bf_doctor_words *w = &d->words;
	const char *value = NULL;
	unsigned int n = 0;

	for (unsigned int i = own_start(w), from = i; i < w->n; from = i) {
		const struct own_option *o = option_take(w, &i, &value);

		while (o != NULL && o->is_base && from < i)
			args[n++] = w->at[from++];
	}
	return n;
}

unsigned int
bf_doctor_words_eal(const struct bf_doctor *d, const char **args)
{
	unsigned int n = 0;

	for (unsigned int i = 1; i < d->words.n && strcmp(d->words.at[i], "--") != 0; i++)
		args[n++] = d->words.at[i];
	return n;
}
