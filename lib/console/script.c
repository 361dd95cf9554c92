/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reader of config scripts: whole file into memory, check everything, then line by line.
 *
 * Threads: none of its own.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "console/command.h"
#include "console/script.h"

int
bf_script_err_set(
	struct bf_err *err, int code, const char *file, unsigned int line_no, const char *fmt, ...)
{
	char what[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return bf_err_set(err, code, "%s:%u: %s", file, line_no, what);
}

/* End of the line that starts at p: its newline or the end of the script. */
static const char *
line_end(const char *p, const char *end)
{
	const char *newline = memchr(p, '\n', (size_t)(end - p));

	return newline == NULL ? end : newline;
}

/* Length without a carriage return at the end, as written by some editors. */
static size_t
line_len(const char *p, const char *eol)
{
	return (size_t)(eol - p) - (eol > p && eol[-1] == '\r' ? 1 : 0);
}

static int
check_lines(const char *name, const char *data, size_t len, struct bf_err *err)
{
	const char *p = data, *end = data + len, *eol;
	unsigned int line_no;

	for (line_no = 1; p < end; line_no++, p = eol + 1) {
		eol = line_end(p, end);
		if (memchr(p, '\0', (size_t)(eol - p)) != NULL)
			return bf_script_err_set(
				err, EINVAL, name, line_no, "NUL byte: expected text");
		if (line_len(p, eol) > BF_CMD_LINE_MAX)
			return bf_script_err_set(err, EINVAL, name, line_no,
				"line of %zu bytes: expected at most %d", line_len(p, eol),
				BF_CMD_LINE_MAX);
	}
	return 0;
}

static bool
is_nothing(const char *line)
{
	line += strspn(line, " \t");
	return *line == '\0' || *line == '#';
}

int
bf_script_parse(const char *name, const char *data, size_t len, bf_script_line_fn *line_fn,
	void *arg, struct bf_err *err)
{
	const char *p = data, *end, *eol;
	char line[BF_CMD_LINE_MAX + 1];
	unsigned int line_no;
	size_t n;
	int ret;

	err->text[0] = '\0';
	if (len > BF_SCRIPT_SIZE_MAX)
		return bf_err_set(err, EFBIG, "%s: more than %zu bytes: expected at most that",
			name, BF_SCRIPT_SIZE_MAX);
	if (len == 0)
		return 0;
	end = data + len;
	ret = check_lines(name, data, len, err);
	for (line_no = 1; ret == 0 && p < end; line_no++, p = eol + 1) {
		eol = line_end(p, end);
		n = line_len(p, eol);
		memcpy(line, p, n);
		line[n] = '\0';
		if (!is_nothing(line))
			ret = line_fn(arg, name, line_no, line);
	}
	return ret;
}

/* Read until the end of the file or the buffer; bytes read, or -errno. */
static ssize_t
read_all(int fd, char *data, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = read(fd, data + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int
load_fd(int fd, const char *path, bf_script_line_fn *line_fn, void *arg, struct bf_err *err)
{
	char *data = malloc(BF_SCRIPT_SIZE_MAX + 1);
	ssize_t len;
	int ret;

	if (data == NULL)
		return bf_err_set(err, ENOMEM, "%s: out of memory", path);
	len = read_all(fd, data, BF_SCRIPT_SIZE_MAX + 1);
	if (len < 0)
		ret = bf_err_set(err, (int)-len, "%s: %s", path, strerror((int)-len));
	else
		ret = bf_script_parse(path, data, (size_t)len, line_fn, arg, err);
	free(data);
	return ret;
}

int
bf_script_load(const char *path, bf_script_line_fn *line_fn, void *arg, struct bf_err *err)
{
	char why[BF_FILE_WHY_MAX];
	int fd, ret, saved;

	err->text[0] = '\0';
	fd = bf_file_open_regular(path);
	if (fd < 0 && errno == EINVAL)
		return bf_err_set(err, EINVAL, "%s: special file: expected a regular file", path);
	if (fd < 0)
		return bf_err_set(err, errno, "%s: %s", path, bf_file_why(path, errno, why));
	ret = load_fd(fd, path, line_fn, arg, err);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return ret;
}
