/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl import: a config file from the configuration of another switch; no daemon is asked.
 *
 * Threads: one.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/words.h"
#include "ctl/ctl.h"
#include "import/ovs.h"

#define USAGE "expected ovs CONF.DB [bridge=NAME ...] [uplink=PORT] [-o FILE]"

struct import_words {
	const char *from;
	const char *to; /* NULL: standard output */
	struct bf_ovs_wanted wanted;
};

/* One too many is counted, and refused by words_parse(). */
static void
bridge_take(struct bf_ovs_wanted *wanted, const char *name)
{
	if (wanted->n_bridges < BF_OVS_BRIDGES_MAX)
		wanted->bridges[wanted->n_bridges] = name;
	wanted->n_bridges++;
}

/* @return false: the word has no place here */
static bool
word_take(struct import_words *w, const char *word)
{
	if (strncmp(word, "bridge=", 7) == 0 && word[7] != '\0')
		bridge_take(&w->wanted, word + 7);
	else if (strncmp(word, "uplink=", 7) == 0 && word[7] != '\0')
		w->wanted.uplink = word + 7;
	else if (w->from == NULL && word[0] != '-' && word[0] != '\0')
		w->from = word;
	else
		return false;
	return true;
}

static bool
words_parse(int n_words, char *const *words, struct import_words *w)
{
	if (n_words < 2 || strcmp(words[1], "ovs") != 0) {
		bf_ctl_error("import: \"%s\": expected ovs", n_words > 1 ? words[1] : "");
		return false;
	}
	for (int i = 2; i < n_words; i++) {
		if (strcmp(words[i], "-o") == 0 && i + 1 < n_words && words[i + 1][0] != '\0') {
			w->to = words[++i];
		} else if (!word_take(w, words[i])) {
			bf_ctl_error("import: \"%s\": %s", words[i], USAGE);
			return false;
		} else if (w->wanted.n_bridges > BF_OVS_BRIDGES_MAX) {
			bf_ctl_error("import: \"%s\": expected at most %d bridges", words[i],
				BF_OVS_BRIDGES_MAX);
			return false;
		}
	}
	if (w->from == NULL)
		bf_ctl_error("import: %s", USAGE);
	return w->from != NULL;
}

static void
draft_put(void *arg, FILE *f)
{
	const struct bf_draft *d = arg;

	(void)fwrite(d->text, 1, d->len, f);
}

/* A file that is there is somebody's configuration. */
static bool
draft_save(const struct bf_draft *d, const char *to)
{
	struct stat st;
	int ret;

	if (to == NULL) {
		draft_put((void *)(uintptr_t)d, stdout);
		if (fflush(stdout) == 0)
			return true;
		bf_ctl_error("output: %s", strerror(errno));
		return false;
	}
	if (lstat(to, &st) == 0) {
		bf_ctl_error("-o: \"%s\": is there already: expected a new file", to);
		return false;
	}
	ret = bf_file_replace(to, draft_put, (void *)(uintptr_t)d);
	if (ret != 0)
		bf_ctl_error("-o: \"%s\": %s", to, strerror(-ret));
	return ret == 0;
}

static int
draft_finish(struct bf_draft *d, const struct import_words *w)
{
	if (!bf_draft_end(d)) {
		bf_ctl_error("import: out of memory");
		return BF_CTL_FAILED;
	}
	if (!draft_save(d, w->to))
		return BF_CTL_FAILED;
	if (d->n_lost == 0)
		return BF_CTL_DONE;
	bf_ctl_error("%u settings are not imported:", d->n_lost);
	(void)fwrite(d->losses, 1, d->losses_len, stderr);
	return BF_CTL_PARTLY;
}

int
bf_ctl_import(const struct bf_ctl_options *opt, int n_words, char *const *words)
{
	struct import_words w = {.from = NULL};
	struct bf_err err = {""};
	struct bf_draft d;
	int status = BF_CTL_FAILED;

	if (opt->json) {
		bf_ctl_error("import: expected no -j");
		return BF_CTL_USAGE;
	}
	if (!words_parse(n_words, words, &w))
		return BF_CTL_USAGE;
	if (!bf_draft_begin(&d))
		bf_ctl_error("import: out of memory");
	else if (bf_ovs_import(w.from, &w.wanted, &d, &err) != 0)
		bf_ctl_error("import: %s", bf_words_plain(err.text));
	else
		status = draft_finish(&d, &w);
	bf_draft_free(&d);
	return status;
}
