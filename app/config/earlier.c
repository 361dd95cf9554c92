/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See earlier.h.
 *
 * Threads: ctx control.
 */
#include "config/earlier.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/parse.h"
#include "base/words.h"

#define FILE_MAX (16u << 20) /* bytes of a configuration */
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define BY "# written by " /* AUTHOR at TIME */
#define WHY "# reason: "
#define FOREIGN "unknown"

/** A file in memory. */
struct content {
	char *text;
	size_t len;
	mode_t mode;
};

static void
folder_of(const char *file, char path[BF_EARLIER_PATH_MAX])
{
	snprintf(path, BF_EARLIER_PATH_MAX, "%s.history", file);
}

static void
path_of(const char *file, uint32_t number, char path[BF_EARLIER_PATH_MAX])
{
	snprintf(path, BF_EARLIER_PATH_MAX, "%s.history/%" PRIu32, file, number);
}

static int
content_fill(struct content *c, FILE *f)
{
	struct stat st;

	if (fstat(fileno(f), &st) != 0)
		return -errno;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	c->mode = st.st_mode & 0777;
	c->text = malloc((size_t)st.st_size + 1);
	if (c->text == NULL)
		return -ENOMEM;
	c->len = fread(c->text, 1, (size_t)st.st_size, f);
	c->text[c->len] = '\0';
	return ferror(f) ? -EIO : 0;
}

/* @return 0 or -errno; free() the text in both cases */
static int
content_read(struct content *c, const char *path)
{
	FILE *f = fopen(path, "re");
	int ret = f == NULL ? -errno : 0;

	*c = (struct content){NULL, 0, 0640};
	if (f != NULL) {
		ret = content_fill(c, f);
		fclose(f);
	}
	return ret == 0 && c->text == NULL ? -EIO : ret;
}

/* The configuration behind the two comments. */
static const char *
content_body(const struct content *c)
{
	const char *at = c->text, *end;

	for (unsigned int i = 0; i < 2; i++) {
		if (strncmp(at, i == 0 ? BY : WHY, strlen(i == 0 ? BY : WHY)) != 0)
			return at;
		end = strchr(at, '\n');
		if (end == NULL)
			return at;
		at = end + 1;
	}
	return at;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The numbers in the folder, the newest first; others than ours are left alone. @return how many */
static uint32_t
numbers_read(const char *file, uint32_t **list)
{
	char path[BF_EARLIER_PATH_MAX];
	uint32_t n = 0, room = 0;
	const struct dirent *e;
	DIR *d;

	*list = NULL;
	folder_of(file, path);
	d = opendir(path);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own */
	while (d != NULL && (e = readdir(d)) != NULL) {
		uint64_t number;
		uint32_t *grown;

		if ((e->d_type != DT_REG && e->d_type != DT_UNKNOWN) || e->d_name[0] == '0' ||
			bf_parse_u64("", e->d_name, 1, UINT32_MAX - 1, &number, NULL) != 0)
			continue;
		if (n == room) {
			room += 128;
			grown = realloc(*list, room * sizeof(**list));
			if (grown == NULL)
				break;
			*list = grown;
		}
		(*list)[n++] = (uint32_t)number;
	}
	if (d != NULL)
		closedir(d);
	if (n > 0)
		qsort(*list, n, sizeof(**list), by_number);
	return n;
}

struct writing {
	const struct content *config;
	const char *author, *reason;
	time_t now;
};

static void
entry_write(void *arg, FILE *f)
{
	const struct writing *w = arg;
	char when[32], text[2][BF_EARLIER_TEXT_MAX];
	struct tm tm;

	strftime(when, sizeof(when), TIME_FORMAT, gmtime_r(&w->now, &tm));
	snprintf(text[0], sizeof(text[0]), "%s", w->author);
	snprintf(text[1], sizeof(text[1]), "%s", w->reason);
	fprintf(f, BY "%s at %s\n" WHY "%s\n", bf_words_plain(text[0]), when,
		bf_words_plain(text[1]));
	fwrite(w->config->text, 1, w->config->len, f);
}

static int
folder_make(const char *path)
{
	struct stat st;

	if (mkdir(path, 0750) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (lstat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static void
numbers_prune(const char *file, uint32_t keep)
{
	char path[BF_EARLIER_PATH_MAX];
	uint32_t *list, n = numbers_read(file, &list);

	for (uint32_t i = keep; i < n; i++) {
		path_of(file, list[i], path);
		remove(path);
	}
	free(list);
}

/* Is the newest one what the file is now? */
static bool
is_newest(const char *file, const uint32_t *list, uint32_t n, const struct content *now)
{
	char path[BF_EARLIER_PATH_MAX];
	struct content kept;
	const char *body;
	bool same;

	if (n == 0)
		return false;
	path_of(file, list[0], path);
	if (content_read(&kept, path) != 0) {
		free(kept.text);
		return false;
	}
	body = content_body(&kept);
	same = kept.len - (size_t)(body - kept.text) == now->len &&
		memcmp(body, now->text, now->len) == 0;
	free(kept.text);
	return same;
}

static int
entry_add(const char *file, const struct writing *w, uint32_t number, struct bf_err *err)
{
	char path[BF_EARLIER_PATH_MAX];
	int ret;

	folder_of(file, path);
	ret = folder_make(path);
	if (ret == 0) {
		path_of(file, number, path);
		ret = bf_file_replace_mode(
			path, w->config->mode, entry_write, (void *)(uintptr_t)w);
	}
	return ret == 0
		? 0
		: bf_err_set(err, -ret, "history: \"%.200s\": %s: this configuration is not kept",
			  path, strerror(-ret));
}

/* @param again also what is the newest already */
static int
history_add(const char *file, uint32_t keep, const char *author, const char *reason, bool again,
	struct bf_err *err)
{
	struct content config;
	struct writing w = {&config, author, reason, time(NULL)};
	uint32_t *list = NULL, n;
	int ret = content_read(&config, file);

	if (ret != 0) {
		free(config.text);
		return bf_err_set(err, -ret, "history: \"%.200s\": %s", file, strerror(-ret));
	}
	n = numbers_read(file, &list);
	if (keep > 0 && (again || !is_newest(file, list, n, &config)))
		ret = entry_add(file, &w, n > 0 ? list[0] + 1 : 1, err);
	free(list);
	free(config.text);
	if (ret == 0)
		numbers_prune(file, keep);
	return ret;
}

int
bf_earlier_keep(
	const char *file, uint32_t keep, const char *author, const char *reason, struct bf_err *err)
{
	return history_add(file, keep, author, reason, reason[0] != '\0', err);
}

int
bf_earlier_keep_foreign(const char *file, uint32_t keep, struct bf_err *err)
{
	struct stat st;

	if (stat(file, &st) != 0 || st.st_size == 0)
		return 0; /* there is nothing to keep */
	return history_add(
		file, keep, FOREIGN, "as it was found, before it was written over", false, err);
}

/* "AUTHOR at TIME" and the reason; a file of others has neither. */
static void
entry_read(struct bf_earlier_entry *e, const char *path)
{
	struct content c;
	char *line, *rest, *at;
	struct tm tm = {0};

	snprintf(e->author, sizeof(e->author), FOREIGN);
	if (content_read(&c, path) == 0 && strncmp(c.text, BY, strlen(BY)) == 0) {
		rest = c.text + strlen(BY);
		line = strsep(&rest, "\n");
		at = strstr(line, " at ");
		for (char *next = at; next != NULL; next = strstr(next + 1, " at "))
			at = next;
		if (at != NULL && strptime(at + 4, TIME_FORMAT, &tm) != NULL)
			e->time_s = (uint64_t)timegm(&tm);
		if (at != NULL)
			*at = '\0';
		snprintf(e->author, sizeof(e->author), "%s", bf_words_plain(line));
		line = rest != NULL ? strsep(&rest, "\n") : NULL;
		if (line != NULL && strncmp(line, WHY, strlen(WHY)) == 0)
			snprintf(e->reason, sizeof(e->reason), "%s",
				bf_words_plain(line + strlen(WHY)));
	}
	free(c.text);
}

uint32_t
bf_earlier_list(const char *file, struct bf_earlier_entry **list)
{
	uint32_t *numbers, n = numbers_read(file, &numbers);
	char path[BF_EARLIER_PATH_MAX];

	*list = calloc(n + 1, sizeof(**list));
	for (uint32_t i = 0; *list != NULL && i < n; i++) {
		(*list)[i].number = numbers[i];
		path_of(file, numbers[i], path);
		entry_read(&(*list)[i], path);
	}
	free(numbers);
	return *list != NULL ? n : 0;
}

int
bf_earlier_find(
	const char *file, uint32_t number, char path[BF_EARLIER_PATH_MAX], struct bf_err *err)
{
	uint32_t *list, n = numbers_read(file, &list), newest = n > 0 ? list[0] : 0;
	uint32_t oldest = n > 0 ? list[n - 1] : 0;
	bool found = false;

	for (uint32_t i = 0; i < n; i++)
		found = found || list[i] == number;
	free(list);
	path_of(file, number, path);
	if (found)
		return 0;
	if (n == 0)
		return bf_err_set(err, ENOENT,
			"history: \"%" PRIu32 "\": no configuration has been kept", number);
	return bf_err_set(err, ENOENT,
		"history: \"%" PRIu32 "\": is not kept: expected one of %" PRIu32 " to %" PRIu32
		": see show config history",
		number, oldest, newest);
}

bool
bf_earlier_has(const char *file, const char *path)
{
	char folder[BF_EARLIER_PATH_MAX];

	folder_of(file, folder);
	return strncmp(path, folder, strlen(folder)) == 0 && path[strlen(folder)] == '/';
}
