/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The server, and the pages of the last moment.
 *
 * A page that was made is answered again for KEEP_MS: however many clients there are, and whatever they do, control
 * is asked no more than ten times a second for each page.
 *
 * Threads: ctx control; what is called by the library runs in its one thread.
 */
#include "http/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/log.h"
#include "console/path.h"
#include "control/loop/task.h"
#include "http/page.h"

#define KEEP_MS 100
#define CONNECTIONS 16
#define TIMEOUT_S 10 /* of a client that neither reads nor asks */
#define REQUEST_MS 20000 /* of a request at most, however busy the client looks */
#define SWEEP_MS 1000
#define REQUEST_SIZE 8192 /* bytes of a request's head, and of the answer's */

/** A page for whoever asks soon. */
struct kept_page {
	struct MHD_Response *response; /* NULL: none */
	unsigned int status;
	uint64_t until_ms;
};

static struct {
	struct MHD_Daemon *daemon; /* NULL: none */
	struct bf_path file; /* of a unix socket */
	int fd; /* that is listened on */
	struct kept_page kept[BF_PAGE_COUNT]; /* of the library's thread */
	pthread_mutex_t lock; /* for what follows */
	struct client {
		int fd; /* 0: none */
		uint64_t since_ms; /* when it connected, or had its latest answer */
	} clients[CONNECTIONS];
} http = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The library takes what it only reads by a pointer to what may be written. */
static void *
text_writable(const char *text)
{
	return (void *)(uintptr_t)text;
}

static void
text_free(void *out)
{
	bf_out_destroy(out);
}

static void
kept_make(struct kept_page *k, enum bf_page_id id)
{
	struct bf_page p = bf_page_make(id);
	const char *text;
	size_t len;

	if (k->response != NULL)
		MHD_destroy_response(k->response);
	k->response = NULL;
	if (p.out == NULL)
		return;
	text = bf_out_data(p.out, &len);
	k->response = MHD_create_response_from_buffer_with_free_callback_cls(
		len, text_writable(text), text_free, p.out);
	if (k->response == NULL) {
		bf_out_destroy(p.out);
		return;
	}
	MHD_add_response_header(k->response, MHD_HTTP_HEADER_CONTENT_TYPE, p.type);
	k->status = p.status;
	k->until_ms = bf_clock_ms() + KEEP_MS;
}

static enum MHD_Result
page_answer(struct MHD_Connection *c, enum bf_page_id id)
{
	struct kept_page *k = &http.kept[id];

	if (k->response == NULL || bf_clock_ms() >= k->until_ms)
		kept_make(k, id);
	return k->response == NULL ? MHD_NO : MHD_queue_response(c, k->status, k->response);
}

/* A refusal in one line. */
static enum MHD_Result
error_answer(struct MHD_Connection *c, unsigned int status, const char *text)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		strlen(text), text_writable(text), MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ret;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

static bool
wants_openmetrics(struct MHD_Connection *c)
{
	const char *accept =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accept != NULL && strcasestr(accept, "application/openmetrics-text") != NULL;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
	const char *version, const char *data, size_t *data_len, void **state)
{
	(void)arg;
	(void)version;
	(void)data;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return error_answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, "expected GET or HEAD\n");
	if (*state == NULL) { /* only the head is here: the library wants to be asked for more */
		*state = &http;
		return MHD_YES;
	}
	if (*data_len > 0) { /* a body that nobody reads */
		*data_len = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/metrics") == 0)
		return page_answer(c, wants_openmetrics(c) ? BF_PAGE_OPENMETRICS : BF_PAGE_METRICS);
	if (strcmp(url, "/health") == 0)
		return page_answer(c, BF_PAGE_HEALTH);
	if (strcmp(url, "/") == 0)
		return page_answer(c, BF_PAGE_INDEX);
	return error_answer(c, MHD_HTTP_NOT_FOUND, "expected /metrics, /health or /\n");
}

/* Connections come and go. */
static void
on_connection(void *arg, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *mine = *context;

	(void)arg;
	pthread_mutex_lock(&http.lock);
	if (what == MHD_CONNECTION_NOTIFY_CLOSED && mine != NULL)
		mine->fd = 0;
	for (unsigned int i = 0; what == MHD_CONNECTION_NOTIFY_STARTED && i < CONNECTIONS; i++) {
		if (http.clients[i].fd != 0 || info == NULL)
			continue;
		http.clients[i] = (struct client){info->connect_fd, bf_clock_ms()};
		*context = &http.clients[i];
		break;
	}
	pthread_mutex_unlock(&http.lock);
}

/* An answer is out, or was given up. */
static void
on_completed(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *mine = info == NULL ? NULL : info->socket_context;

	(void)arg;
	(void)state;
	(void)why;
	if (mine == NULL)
		return;
	pthread_mutex_lock(&http.lock);
	mine->since_ms = bf_clock_ms();
	pthread_mutex_unlock(&http.lock);
}

uint64_t
bf_http_tick(uint64_t now_ms)
{
	static uint64_t next_ms;

	if (http.daemon == NULL)
		return BF_TASK_NEVER;
	if (now_ms < next_ms)
		return next_ms;
	next_ms = now_ms + SWEEP_MS;
	pthread_mutex_lock(&http.lock);
	for (unsigned int i = 0; i < CONNECTIONS; i++)
		if (http.clients[i].fd != 0 && now_ms >= http.clients[i].since_ms + REQUEST_MS)
			shutdown(http.clients[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&http.lock);
	return next_ms;
}

static int
refuse_errno(const char *text, const char *step, struct bf_err *err)
{
	int error = errno;

	return bf_err_set(err, error, "--metrics: \"%.120s\": %s: %s%s", text, step,
		strerror(error),
		error == EADDRINUSE              ? ": expected a port that nobody listens on"
			: error == EADDRNOTAVAIL ? ": expected an address of this host"
						 : "");
}

static int
open_tcp(const char *text, const struct bf_http_address *at, struct bf_err *err)
{
	const int one = 1;
	int fd = socket(at->tcp.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int ret = 0;

	if (fd < 0)
		return refuse_errno(text, "socket", err);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&at->tcp, at->tcp_len) != 0)
		ret = refuse_errno(text, "bind", err);
	else if (listen(fd, CONNECTIONS) != 0)
		ret = refuse_errno(text, "listen", err);
	if (ret == 0)
		return fd;
	close(fd);
	errno = -ret;
	return ret;
}

/* Which port it is, if any was asked for. */
static void
http_announce(const char *text, const struct bf_http_address *at)
{
	struct sockaddr_storage is = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(is);
	unsigned int port = 0;

	if (at->path == NULL && getsockname(http.fd, (struct sockaddr *)&is, &len) == 0)
		port = ntohs(is.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&is)->sin6_port
						      : ((struct sockaddr_in *)&is)->sin_port);
	if (at->path == NULL)
		BF_NOTICE("metrics", "served on http://%.*s:%u/metrics",
			(int)(strrchr(text, ':') - text), text, port);
	else
		BF_NOTICE("metrics", "served on %s", text);
}

int
bf_http_open(
	const char *text, const struct bf_http_address *at, const gid_t *group, struct bf_err *err)
{
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC;
	int ret;

	http.file.fd = -1;
	if (at->path != NULL) {
		ret = bf_path_listen(&http.file, "metrics", at->path, group, err);
		http.fd = http.file.fd;
	} else {
		ret = open_tcp(text, at, err);
		http.fd = ret;
	}
	if (ret < 0)
		return ret;
	http.daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL,
		MHD_OPTION_LISTEN_SOCKET, http.fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)REQUEST_SIZE, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	if (http.daemon != NULL) {
		http_announce(text, at);
		return 0;
	}
	ret = refuse_errno(text, "start its thread", err);
	if (at->path != NULL)
		bf_path_close(&http.file);
	else
		close(http.fd);
	errno = -ret;
	return ret;
}

void
bf_http_close(void)
{
	if (http.daemon == NULL)
		return;
	/* The library would close the socket, which is bf_path's where it is a file. */
	(void)MHD_quiesce_daemon(http.daemon);
	MHD_stop_daemon(http.daemon);
	http.daemon = NULL;
	for (unsigned int i = 0; i < BF_PAGE_COUNT; i++)
		if (http.kept[i].response != NULL)
			MHD_destroy_response(http.kept[i].response);
	memset(http.kept, 0, sizeof(http.kept));
	if (http.file.fd >= 0)
		bf_path_close(&http.file);
	else
		close(http.fd);
}
