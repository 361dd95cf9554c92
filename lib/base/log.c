/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log lines on standard error; systemd and shells both collect it from there.
 *
 * Threads: any but worker.  One write(2) per line, so lines of several threads never mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/journal.h"
#include "base/words.h"

const char *const bf_log_level_names[BF_LOG_LEVEL_COUNT] = {"error", "warning", "notice", "debug"};

static enum bf_log_level max_level = BF_LOG_NOTICE;

void
bf_log_set_level(enum bf_log_level level)
{
	__atomic_store_n(&max_level, level, __ATOMIC_RELAXED);
}

/* @p text is changed: control bytes in it become '?'. */
static void
line_write(enum bf_log_level level, const char *topic, const char *object, char *text)
{
	static const char *const name[] = {"ERR", "WARNING", "NOTICE", "DEBUG"};
	static const int priority[] = {3, 4, 5, 7}; /* of syslog(3) */
	char line[1024];
	int n;

	bf_words_plain(text);
	if (bf_journal_send(priority[level], topic, object, text))
		return;
	n = bf_journal_is_stderr() ? snprintf(line, sizeof(line), "<%d>", priority[level]) : 0;
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s: %s: %s%s%s", name[level], topic,
		object == NULL ? "" : object, object == NULL ? "" : ": ", text);
	if (n > (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 1;
	line[n] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n + 1) < 0)
		return; /* nobody reads our log: nothing left to tell it to */
}

void
bf_log(enum bf_log_level level, const char *topic, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (level > __atomic_load_n(&max_level, __ATOMIC_RELAXED))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line_write(level, topic, NULL, text);
}

void
bf_log_about(enum bf_log_level level, const char *topic, const char *object, const char *text)
{
	char copy[512], plain[128];

	if (level > __atomic_load_n(&max_level, __ATOMIC_RELAXED))
		return;
	snprintf(copy, sizeof(copy), "%s", text);
	snprintf(plain, sizeof(plain), "%s", object);
	line_write(level, topic, bf_words_plain(plain), copy);
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
