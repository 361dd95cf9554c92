/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: one.
 */
#include "metrics_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "client.h"

/* What stands there would be gone: /dev/null, too. */
static int
check_target(const char *path, struct bf_err *err)
{
	struct stat st;

	if (path[0] == '\0')
		return bf_err_set(err, EINVAL, "--output: \"\": expected a file's name");
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return bf_err_set(
			err, EINVAL, "--output: \"%.200s\": expected a regular file or none", path);
	return 0;
}

static void
answer_write(void *arg, FILE *f)
{
	const struct bf_answer *a = arg;

	(void)fwrite(a->text, 1, a->len, f);
}

int
bf_metrics_file_write(const char *socket, const char *path, int64_t timeout_ms, struct bf_err *err)
{
	struct bf_answer a;
	int ret = check_target(path, err);

	if (ret != 0)
		return ret;
	if (!bf_client_ask(socket, "show metrics", false, timeout_ms, &a, err))
		return -EIO;
	if (a.status != 0) {
		a.text[strcspn(a.text, "\n")] = '\0';
		ret = bf_err_set(err, EIO, "%s", a.text);
	} else {
		ret = bf_file_replace_mode(path, 0644, answer_write, &a);
		if (ret != 0)
			bf_err_set(err, -ret, "--output: \"%.200s\": %s", path, strerror(-ret));
	}
	free(a.text);
	return ret;
}
