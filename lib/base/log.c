/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log lines on standard error; systemd and shells both collect it from there.
 *
 * Threads: any but worker.  One write(2) per line, so lines of several threads never mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/words.h"

static enum bf_log_level max_level = BF_LOG_NOTICE;

/* systemd says in $JOURNAL_STREAM, DEVICE:INODE, that standard error is its journal, which reads priorities. */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	struct stat st;
	char *colon;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	device = strtoull(stream, &colon, 10);
	return *colon == ':' && st.st_dev == device && st.st_ino == strtoull(colon + 1, NULL, 10);
}

void
bf_log_set_level(enum bf_log_level level)
{
	__atomic_store_n(&max_level, level, __ATOMIC_RELAXED);
}

void
bf_log(enum bf_log_level level, const char *topic, const char *fmt, ...)
{
	static const char *const name[] = {"ERR", "WARNING", "NOTICE", "DEBUG"};
	static const char *const priority[] = {"<3>", "<4>", "<5>", "<7>"};
	char line[1024];
	va_list ap;
	int n;

	if (level > __atomic_load_n(&max_level, __ATOMIC_RELAXED))
		return;
	n = snprintf(line, sizeof(line), "%s%s: %s: ", is_journal() ? priority[level] : "",
		name[level], topic);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	n = (int)strlen(bf_words_plain(line));
	line[n] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n + 1) < 0)
		return; /* nobody reads our log: nothing left to tell it to */
}

bool
bf_log_allow(struct bf_log_limit *l, uint64_t now_ms, uint32_t *suppressed)
{
	enum {
		WINDOW_MS = 10000,
		PER_WINDOW = 5
	};

	if (now_ms - l->window_ms >= WINDOW_MS) {
		l->window_ms = now_ms;
		l->sent = 0;
	}
	if (l->sent >= (l->most != 0 ? l->most : PER_WINDOW)) {
		l->suppressed++;
		return false;
	}
	l->sent++;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}
