/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One partner of the console.
 *
 * Threads: ctx control.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/peer.h"
#include "console/set.h"

/* Commands of one peer in one turn, so that its neighbours get theirs. */
#define COMMANDS_PER_TURN 8

/* Pending output above which a peer is not read. */
#define PENDING_MAX ((size_t)64 << 10)

/* What the queue may hold beyond the largest output: echo, headers, errors. */
#define QUEUE_SLACK ((size_t)8 << 20)

/* Bytes written to one peer in one turn. */
#define WRITE_PER_TURN ((size_t)1 << 20)

/* A queue that ran empty gives memory back above this. */
#define QUEUE_KEEP ((size_t)256 << 10)

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static size_t
queue_pending(const struct bf_peer *p)
{
	return p->queue.len - p->queue_off;
}

/* Nobody can answer there any more once it has hung up; what runs in its foreground ends with it. */
static bool
is_own_terminal(const struct bf_peer *p)
{
	return p->session != NULL && !p->is_client;
}

static void
session_on_write(void *arg, const char *data, size_t len)
{
	bf_peer_queue(arg, data, len);
}

static int
start_session(struct bf_peer *p)
{
	p->session = bf_session_create(
		p->env->cmds, p->env->app, p->env->prompt, p->env->out_max, session_on_write, p);
	return p->session == NULL ? -errno : 0;
}

struct bf_peer *
bf_peer_create(
	struct bf_peer_env *env, int in_fd, int out_fd, enum bf_peer_mode mode, uint64_t now_ms)
{
	struct bf_peer *p = calloc(1, sizeof(*p));
	int saved;

	if (p == NULL)
		return NULL;
	p->env = env;
	p->in_fd = in_fd;
	p->out_fd = out_fd;
	p->is_client = mode == BF_PEER_PREAMBLE;
	p->out_is_socket = is_socket(out_fd);
	p->mode = mode;
	p->last_ms = now_ms;
	p->now_ms = now_ms;
	p->out = bf_out_create(BF_OUT_TEXT, env->out_max);
	if (p->out == NULL || (mode == BF_PEER_TTY && start_session(p) != 0)) {
		saved = errno;
		bf_out_destroy(p->out);
		free(p->queue.data);
		free(p);
		errno = saved;
		return NULL;
	}
	return p;
}

void
bf_peer_destroy(struct bf_peer *p)
{
	if (p->session != NULL && p->is_client)
		p->env->n_tty--;
	bf_session_destroy(p->session);
	bf_out_destroy(p->out);
	(void)close(p->in_fd);
	if (p->out_fd != p->in_fd)
		(void)close(p->out_fd);
	free(p->queue.data);
	free(p);
}

/* What was written makes room. */
static void
queue_shift(struct bf_peer *p)
{
	memmove(p->queue.data, p->queue.data + p->queue_off, queue_pending(p));
	p->queue.len -= p->queue_off;
	p->queue_off = 0;
}

void
bf_peer_queue(struct bf_peer *p, const char *data, size_t len)
{
	if (p->is_dead || len == 0)
		return;
	if (queue_pending(p) == 0)
		p->last_ms = p->now_ms;
	if (queue_pending(p) + len > p->env->out_max + QUEUE_SLACK) {
		p->is_dead = true;
		return;
	}
	if (p->queue_off > 0 && p->queue.cap - p->queue.len <= len)
		queue_shift(p);
	p->is_dead = !bf_buffer_add(&p->queue, data, len);
}

void
bf_peer_flush(struct bf_peer *p)
{
	size_t n_written = 0;
	ssize_t n;

	while (!p->is_dead && queue_pending(p) > 0 && n_written < WRITE_PER_TURN) {
		const char *data = p->queue.data + p->queue_off;

		if (p->out_is_socket)
			n = send(p->out_fd, data, queue_pending(p), MSG_NOSIGNAL | MSG_DONTWAIT);
		else
			n = write(p->out_fd, data, queue_pending(p));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			p->is_dead = true;
			p->has_quit = p->has_quit || is_own_terminal(p);
			return;
		}
		p->queue_off += (size_t)n;
		n_written += (size_t)n;
		p->last_ms = p->now_ms;
	}
	if (p->queue.len > 0 && queue_pending(p) == 0) {
		p->queue_off = 0;
		bf_buffer_reset(&p->queue, QUEUE_KEEP);
	}
}

static void
peer_fill(struct bf_peer *p)
{
	ssize_t n;

	do {
		n = read(p->in_fd, p->in + p->in_len, sizeof(p->in) - p->in_len);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		p->in_len += (size_t)n;
	} else if (n == 0 || !p->is_client) {
		if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			p->is_eof = true;
	} else if (errno != EAGAIN && errno != EWOULDBLOCK) {
		p->is_dead = true;
	}
}

static void
peer_consume(struct bf_peer *p, size_t n)
{
	p->in_len -= n;
	memmove(p->in, p->in + n, p->in_len);
}

/* Queue what is in p->out, in the form of the peer's mode. */
static void
peer_answer(struct bf_peer *p)
{
	char header[48];
	const char *data;
	size_t len;

	data = bf_out_data(p->out, &len);
	if (p->mode != BF_PEER_PLAIN) {
		snprintf(header, sizeof(header), "%d %zu\n", (int)bf_out_status(p->out), len);
		bf_peer_queue(p, header, strlen(header));
	}
	bf_peer_queue(p, data, len);
	bf_out_reset(p->out);
}

/*
 * "bondctl 1 tty", or "bondctl 1 tty ROWS COLUMNS" of a client that knows its terminal and keeps the history; false
 * when it is neither.
 */
static bool
read_tty(const char *line, unsigned int *rows, unsigned int *columns)
{
	static const char words[] = "bondctl 1 tty";
	size_t len = sizeof(words) - 1;
	char *end;

	*rows = 0;
	*columns = 0;
	if (strncmp(line, words, len) != 0)
		return false;
	if (line[len] == '\0')
		return true;
	if (line[len] != ' ' || strspn(line + len, " 0123456789") != strlen(line + len))
		return false;
	*rows = (unsigned int)strtoul(line + len, &end, 10);
	*columns = (unsigned int)strtoul(end, &end, 10);
	return *columns != 0 && *end == '\0';
}

static void
start_tty(struct bf_peer *p, unsigned int rows, unsigned int columns)
{
	bf_session_set_size(p->session, rows, columns);
	bf_session_set_flags(p->session, columns != 0 ? BF_SESSION_TELLS_HISTORY : 0);
	p->env->n_tty++;
	p->mode = BF_PEER_TTY;
}

static void
take_preamble(struct bf_peer *p, const char *line)
{
	unsigned int rows, columns;

	if (strcmp(line, "bondctl 1 exec") == 0) {
		p->mode = BF_PEER_EXEC;
		return;
	}
	if (strcmp(line, "bondctl 1 exec json") == 0) {
		bf_out_destroy(p->out);
		p->out = bf_out_create(BF_OUT_JSON, p->env->out_max);
		p->is_dead = p->out == NULL;
		p->mode = BF_PEER_EXEC;
		return;
	}
	if (!read_tty(line, &rows, &columns)) {
		bf_out_usage(p->out,
			"console: preamble: expected \"bondctl 1 exec\", "
			"\"bondctl 1 exec json\" or \"bondctl 1 tty\"");
	} else if (p->env->n_tty >= p->env->max_tty) {
		bf_out_error(p->out, "console: too many interactive sessions (%u)", p->env->n_tty);
	} else if (start_session(p) != 0) {
		bf_out_error(p->out, "console: session: %s", strerror(errno));
	} else {
		start_tty(p, rows, columns);
		return;
	}
	peer_answer(p);
	p->mode = BF_PEER_CLOSING;
}

static void
take_command(struct bf_peer *p, const char *line, size_t len)
{
	const struct bf_cmd *cmd = NULL;

	if (strlen(line) != len)
		bf_out_usage(p->out, "line: byte 0x00 at column %zu: expected printable UTF-8 text",
			strlen(line) + 1);
	else
		(void)bf_cmd_run_line(p->env->cmds, line, p->out, p->env->app, NULL, &cmd);
	peer_answer(p);
	if (cmd != NULL && (cmd->flags & BF_CMD_QUIT) != 0) {
		p->has_quit = true;
		p->mode = BF_PEER_CLOSING;
	}
}

static void
take_line(struct bf_peer *p, size_t len)
{
	char line[sizeof(p->in) + 1];
	bool is_preamble = p->mode == BF_PEER_PREAMBLE;

	if (p->is_skipping) {
		p->is_skipping = false;
		return;
	}
	memcpy(line, p->in, len);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	p->last_ms = p->now_ms;
	if (is_preamble)
		take_preamble(p, strlen(line) == len ? line : "");
	else
		take_command(p, line, len);
}

/* No newline in a full buffer: answer once, then pass over the rest of the line. */
static void
take_overlong(struct bf_peer *p)
{
	p->in_len = 0;
	if (p->is_skipping)
		return;
	bf_out_usage(p->out, "line: longer than %d bytes: expected at most that", BF_CMD_LINE_MAX);
	peer_answer(p);
	p->is_skipping = true;
	if (p->mode == BF_PEER_PREAMBLE)
		p->mode = BF_PEER_CLOSING;
}

/* Run one line; false when there is none. */
static bool
run_line(struct bf_peer *p)
{
	const char *newline = memchr(p->in, '\n', p->in_len);
	size_t len;

	if (newline == NULL && p->in_len == sizeof(p->in)) {
		take_overlong(p);
		return true;
	}
	/* The end of a pipe ends its last line; a client cut off in a line may have meant more. */
	if (newline == NULL && (!p->is_eof || p->mode != BF_PEER_PLAIN || p->in_len == 0))
		return false;
	len = newline == NULL ? p->in_len : (size_t)(newline - p->in);
	take_line(p, len);
	peer_consume(p, newline == NULL ? len : len + 1);
	return true;
}

static bool
run_one(struct bf_peer *p)
{
	if (p->mode != BF_PEER_TTY)
		return run_line(p);
	if (p->in_len == 0)
		return false;
	peer_consume(p, bf_session_in(p->session, p->in, p->in_len));
	if (bf_session_is_over(p->session)) {
		p->has_quit = true;
		p->mode = BF_PEER_CLOSING;
	}
	return true;
}

static bool
may_run(const struct bf_peer *p)
{
	return !p->is_dead && p->mode != BF_PEER_CLOSING && queue_pending(p) < PENDING_MAX;
}

bool
bf_peer_has_work(const struct bf_peer *p)
{
	if (!may_run(p) || p->in_len == 0)
		return false;
	return p->mode == BF_PEER_TTY || p->in_len == sizeof(p->in) ||
		memchr(p->in, '\n', p->in_len) != NULL || (p->is_eof && p->mode == BF_PEER_PLAIN);
}

bool
bf_peer_wants_read(const struct bf_peer *p)
{
	return may_run(p) && !p->is_eof && p->in_len < sizeof(p->in);
}

bool
bf_peer_is_full(const struct bf_peer *p)
{
	return queue_pending(p) >= PENDING_MAX;
}

bool
bf_peer_wants_write(const struct bf_peer *p)
{
	return queue_pending(p) > 0;
}

static void
end_of_input(struct bf_peer *p)
{
	if (!p->is_eof || p->mode == BF_PEER_CLOSING || !may_run(p) || bf_peer_has_work(p))
		return;
	if (p->quit_on_eof || is_own_terminal(p))
		p->has_quit = true;
	p->mode = BF_PEER_CLOSING;
}

void
bf_peer_serve(struct bf_peer *p, uint64_t now_ms)
{
	unsigned int i;

	p->now_ms = now_ms;
	if (p->session != NULL && queue_pending(p) < PENDING_MAX)
		bf_session_tick(p->session, now_ms);
	bf_peer_flush(p);
	if (bf_peer_wants_read(p))
		peer_fill(p);
	for (i = 0; i < COMMANDS_PER_TURN && may_run(p); i++)
		if (!run_one(p))
			break;
	bf_peer_flush(p);
	end_of_input(p);
	if (p->mode == BF_PEER_CLOSING && queue_pending(p) == 0)
		p->is_dead = true;
}

uint64_t
bf_peer_due_ms(const struct bf_peer *p)
{
	bool may = p->session != NULL && may_run(p);

	return may ? bf_session_due_ms(p->session) : UINT64_MAX;
}

uint64_t
bf_peer_deadline_ms(const struct bf_peer *p)
{
	bool has_limit = p->mode != BF_PEER_TTY || queue_pending(p) > 0;

	return p->is_client && has_limit ? p->last_ms + p->env->idle_ms : UINT64_MAX;
}
