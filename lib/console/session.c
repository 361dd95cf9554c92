/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Interactive sessions on librte_cmdline.
 *
 * Threads: ctx control.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmdline.h>

#include "console/complete.h"
#include "console/session.h"

struct bf_session {
	const struct bf_cmd_set *set;
	void *app;
	bf_session_write_fn *write_fn;
	void *arg;
	struct bf_out *out;
	struct bf_completer *completer;
	struct cmdline *cl;
	/* The caller's; may change between two lines. */
	const char *prompt;
	/* What librte_cmdline writes; closed by cmdline_free(). */
	int echo_fd;
	bool has_run;
	bool is_over;
};

/* Move what librte_cmdline wrote to the session's output. */
static void
move_echo(struct bf_session *s)
{
	off_t end = lseek(s->echo_fd, 0, SEEK_CUR), at = 0;
	char buf[4096];
	ssize_t n;

	while (at < end) {
		n = pread(s->echo_fd, buf, sizeof(buf), at);
		if (n <= 0)
			break;
		s->write_fn(s->arg, buf, (size_t)n);
		at += n;
	}
	if (end > 0 && (lseek(s->echo_fd, 0, SEEK_SET) != 0 || ftruncate(s->echo_fd, 0) != 0))
		s->is_over = true;
}

static void
session_on_line(void *arg, const char *line)
{
	struct bf_session *s = arg;
	const struct bf_cmd *cmd;
	const char *data;
	size_t len;

	move_echo(s);
	bf_out_reset(s->out);
	(void)bf_cmd_run_line(s->set, line, s->out, s->app, &cmd);
	data = bf_out_data(s->out, &len);
	s->write_fn(s->arg, data, len);
	cmdline_set_prompt(s->cl, s->prompt);
	s->has_run = true;
	if (cmd != NULL && (cmd->flags & BF_CMD_QUIT) != 0) {
		s->is_over = true;
		cmdline_quit(s->cl);
	}
}

/* A memory file above the standard descriptors: cmdline_free() closes only those. */
static int
echo_open(void)
{
	int fd, high;

	fd = memfd_create("bondfwd-console", MFD_CLOEXEC);
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(fd);
	return high;
}

struct bf_session *
bf_session_create(const struct bf_cmd_set *set, void *app, const char *prompt, size_t out_max,
	bf_session_write_fn *write_fn, void *arg)
{
	struct bf_session *s = calloc(1, sizeof(*s));
	int saved;

	if (s == NULL)
		return NULL;
	s->set = set;
	s->app = app;
	s->prompt = prompt;
	s->write_fn = write_fn;
	s->arg = arg;
	s->echo_fd = echo_open();
	if (s->echo_fd < 0)
		goto err_free;
	s->out = bf_out_create(BF_OUT_TEXT, out_max);
	if (s->out == NULL)
		goto err_echo;
	s->completer = bf_completer_create(set, session_on_line, s);
	if (s->completer == NULL)
		goto err_out;
	s->cl = cmdline_new(bf_completer_ctx(s->completer), prompt, -1, s->echo_fd);
	if (s->cl == NULL) {
		errno = ENOMEM;
		goto err_completer;
	}
	move_echo(s);
	return s;

err_completer:
	bf_completer_destroy(s->completer);
err_out:
	bf_out_destroy(s->out);
err_echo:
	saved = errno;
	(void)close(s->echo_fd);
	errno = saved;
err_free:
	free(s);
	return NULL;
}

void
bf_session_destroy(struct bf_session *s)
{
	if (s == NULL)
		return;
	cmdline_free(s->cl);
	bf_completer_destroy(s->completer);
	bf_out_destroy(s->out);
	free(s);
}

size_t
bf_session_in(struct bf_session *s, const char *data, size_t len)
{
	size_t i;

	s->has_run = false;
	for (i = 0; i < len && !s->has_run && !s->is_over; i++) {
		bf_completer_forget(s->completer);
		if (cmdline_in(s->cl, data + i, 1) < 0)
			s->is_over = true;
	}
	move_echo(s);
	return i;
}

bool
bf_session_is_over(const struct bf_session *s)
{
	return s->is_over;
}
