/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Areas besides the guest's memory that the front end shares: the log of dirty pages (VU "Migration")
 * and the inflight area (VU "Inflight I/O tracking"; its layout is in wire.h).
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

enum {
	INFLIGHT_BYTES = 20, /* of the payload, without what a compiler adds */
	PAGES_PER_BYTE = 8, /* of a log */
	LOG_SLACK = 64 << 20, /* bytes of a log; they cover 2 TiB of memory that is still to come */
	INFLIGHT_SLACK = 2 << 20, /* a huge page */
};

static int
check_area(const struct bf_vhost_fd *file, uint64_t offset, uint64_t size, struct bf_err *err)
{
	if (size != 0 && offset <= file->size && size <= file->size - offset)
		return 0;
	return bf_err_set(err, EINVAL,
		"size 0x%" PRIx64 " from offset 0x%" PRIx64
		": expected some of the file's 0x%" PRIx64 " bytes",
		size, offset, file->size);
}

static int
check_most(const char *what, uint64_t size, uint64_t most, struct bf_err *err)
{
	if (size <= most)
		return 0;
	return bf_err_set(err, EFBIG, "%s of 0x%" PRIx64 " bytes: expected at most 0x%" PRIx64,
		what, size, most);
}

static struct bf_vhost_wire_log
log_of(const struct bf_vhost_message *m)
{
	struct bf_vhost_wire_log log;

	memcpy(&log, m->payload, sizeof(log));
	return log;
}

/*
 * What the regions need and as much again, and some more: QEMU rounds up to pages and adds 4 KiB, and
 * enlarges the log before it says that there is more memory.
 */
static uint64_t
log_most(const struct bf_vhost_session *s)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < s->n_regions; i++)
		if (end < s->region[i].gpa + s->region[i].size)
			end = s->region[i].gpa + s->region[i].size;
	return 2 * (end / BF_VHOST_PAGE / PAGES_PER_BYTE) + LOG_SLACK;
}

/*
 * No front end has an offset: a log has a file of its own.  Whether it covers all memory is not asked
 * here, because either may change; whoever writes to it checks each page.
 */
int
bf_vhost_check_log(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_wire_log log = log_of(m);
	int ret;

	if (log.offset != 0)
		return bf_err_set(err, EINVAL, "log offset 0x%" PRIx64 ": expected 0", log.offset);
	ret = check_area(&m->fd[0], 0, log.size, err);
	return ret != 0 ? ret : check_most("log", log.size, log_most(s), err);
}

int
bf_vhost_set_log(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_log area = {.va = NULL};
	uint64_t size = log_of(m).size;
	int ret;

	(void)answer;
	bf_vhost_stop_all(s);
	ret = s->ops->map_log(s->arg, &m->fd[0], size, &area);
	if (ret != 0)
		return bf_err_set(err, -ret, "log of 0x%" PRIx64 " bytes: cannot be mapped: %s",
			size, bf_vhost_unmapped(ret));
	if (s->log.va != NULL)
		s->ops->unmap_log(s->arg, &s->log);
	s->log = area;
	s->log.size = size;
	return 0;
}

/* Nobody is told that the log was written to: its descriptor is not kept. */
int
bf_vhost_set_log_fd(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)s;
	(void)m;
	(void)answer;
	(void)err;
	return 0;
}

static struct bf_vhost_wire_inflight
inflight_of(const struct bf_vhost_message *m)
{
	struct bf_vhost_wire_inflight w = {0};

	memcpy(&w, m->payload, INFLIGHT_BYTES);
	return w;
}

static uint64_t
inflight_size(const struct bf_vhost_session *s, const struct bf_vhost_wire_inflight *w)
{
	return w->n_rings * bf_vhost_inflight_part(w->ring_size, bf_vhost_is_packed(s));
}

/* Of the size asked for only rings and their size count; what is needed is answered. */
int
bf_vhost_check_get_inflight(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_wire_inflight w = inflight_of(m);

	if (w.n_rings == 0 || w.n_rings > s->offer.n_rings)
		return bf_err_set(
			err, EINVAL, "%u rings: expected 1 to %u", w.n_rings, s->offer.n_rings);
	if (w.ring_size == 0 || w.ring_size > BF_VHOST_RING_SIZE)
		return bf_err_set(err, EINVAL, "ring size %u: expected 1 to %d", w.ring_size,
			BF_VHOST_RING_SIZE);
	return 0;
}

/* The area is used once the front end hands it back with SET_INFLIGHT_FD. */
int
bf_vhost_get_inflight(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_inflight w = inflight_of(m);
	int fd;

	w.size = inflight_size(s, &w);
	w.offset = 0;
	fd = s->ops->make_memory(s->arg, w.size);
	if (fd < 0)
		return bf_err_set(err, -fd,
			"inflight area of %" PRIu64 " bytes: cannot be made: %s", w.size,
			strerror(-fd));
	bf_vhost_answer_put(answer, m->request, &w, m->size);
	answer->fd = fd;
	return 0;
}

int
bf_vhost_check_set_inflight(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_wire_inflight w = inflight_of(m);
	int ret = bf_vhost_check_get_inflight(s, m, err);

	if (ret != 0)
		return ret;
	if (w.offset % BF_VHOST_PAGE != 0)
		return bf_err_set(err, EINVAL, "offset 0x%" PRIx64 ": expected a multiple of %d",
			w.offset, BF_VHOST_PAGE);
	if (w.size < inflight_size(s, &w))
		return bf_err_set(err, EINVAL,
			"size %" PRIu64 ": expected at least %" PRIu64 " for %u rings of %u",
			w.size, inflight_size(s, &w), w.n_rings, w.ring_size);
	ret = check_area(&m->fd[0], w.offset, w.size, err);
	return ret != 0 ? ret
			: check_most("inflight area", w.size,
				  2 * inflight_size(s, &w) + INFLIGHT_SLACK, err);
}

int
bf_vhost_set_inflight(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_inflight w = inflight_of(m);
	struct bf_vhost_log area = {.va = NULL};
	int ret;

	(void)answer;
	bf_vhost_stop_all(s);
	ret = s->ops->map_inflight(s->arg, &m->fd[0], w.offset, w.size, &area);
	if (ret != 0)
		return bf_err_set(err, -ret,
			"inflight area of %" PRIu64 " bytes: cannot be mapped: %s", w.size,
			bf_vhost_unmapped(ret));
	if (s->inflight.va != NULL)
		s->ops->unmap_log(s->arg, &s->inflight);
	s->inflight = area;
	s->inflight.size = w.size;
	s->inflight_rings = w.n_rings;
	s->inflight_size = w.ring_size;
	return 0;
}

void *
bf_vhost_keep_of(const struct bf_vhost_session *s, uint16_t q)
{
	uint64_t part = bf_vhost_inflight_part(s->inflight_size, bf_vhost_is_packed(s));

	/* The kind of rings may have changed since the area was made. */
	if (s->inflight.va == NULL || q >= s->inflight_rings ||
		s->ring[q].size > s->inflight_size || (q + 1) * part > s->inflight.size)
		return NULL;
	return s->inflight.va + q * part;
}

void
bf_vhost_forget_areas(struct bf_vhost_session *s)
{
	if (s->log.va != NULL)
		s->ops->unmap_log(s->arg, &s->log);
	if (s->inflight.va != NULL)
		s->ops->unmap_log(s->arg, &s->inflight);
	memset(&s->log, 0, sizeof(s->log));
	memset(&s->inflight, 0, sizeof(s->inflight));
}
